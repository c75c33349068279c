//! Archives, models and live streams taken apart behind their checksums, and put together again with right ones, so that
//! what is changed in between reaches the parsers.

/// An unsigned LEB128.
pub fn varint(mut value: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

/// Inverse of [`varint`], from `at` on.
pub fn read_varint(bytes: &[u8], at: &mut usize) -> usize {
    let mut value = 0;
    for shift in (0..).step_by(7) {
        let byte = bytes[*at];
        *at += 1;
        value |= ((byte & 0x7f) as usize) << shift;
        if byte < 0x80 {
            return value;
        }
    }
    unreachable!()
}

/// Length, bytes, checksum.
pub fn frame(bytes: &[u8]) -> Vec<u8> {
    [&varint(bytes.len()), bytes, &blake3::hash(bytes).as_bytes()[..8]].concat()
}

/// The sections of an archive without their frames: plan (not packed), models, chunks.
pub fn sections(archive: &[u8]) -> Vec<Vec<u8>> {
    let footer_len = u32::from_le_bytes(archive[archive.len() - 8..][..4].try_into().unwrap()) as usize;
    let end = archive.len() - 8 - footer_len;
    let mut at = 7;
    let mut found = Vec::new();
    while at < end {
        let len = read_varint(archive, &mut at);
        found.push(archive[at..at + len].to_vec());
        at += len + 8;
    }
    if found[0][0] == 1 {
        let mut at = 1;
        let len = read_varint(&found[0], &mut at);
        let plan = zstd::bulk::decompress(&found[0][at..], len).unwrap();
        found[0] = [&[0], plan.as_slice()].concat();
    }
    found
}

/// An archive of the sections, every checksum and the hash of the whole right.
pub fn reframe(sections: &[Vec<u8>]) -> Vec<u8> {
    let mut out = b"\x89BALE\n\x01".to_vec();
    let mut footer = varint(sections.len() - 2);
    for (idx, section) in sections.iter().enumerate() {
        let framed = frame(section);
        out.extend_from_slice(&framed);
        if idx >= 2 {
            footer.extend(varint(framed.len()));
        }
    }
    footer.extend_from_slice(&blake3::hash(&out).as_bytes()[..16]);
    let footer = frame(&footer);
    out.extend_from_slice(&footer);
    out.extend((footer.len() as u32).to_le_bytes());
    out.extend(b"ELAB");
    out
}

/// A model file with this content.
pub fn reframe_model(body: &[u8]) -> Vec<u8> {
    [b"\x89BALM\n\x01", frame(body).as_slice()].concat()
}

/// The content of a model file.
pub fn model_body(bytes: &[u8]) -> Vec<u8> {
    let mut at = 7;
    let len = read_varint(bytes, &mut at);
    bytes[at..at + len].to_vec()
}

/// The contents of a live stream's frames, the head first.
pub fn live_frames(stream: &[u8]) -> Vec<Vec<u8>> {
    let (mut at, mut found) = (7, Vec::new());
    while at < stream.len() {
        let len = read_varint(stream, &mut at);
        found.push(stream[at..at + len].to_vec());
        at += len + 8;
    }
    found
}

/// A live stream of such contents.
pub fn reframe_live(frames: &[Vec<u8>]) -> Vec<u8> {
    let frames = frames.iter().flat_map(|content| frame(content));
    b"\x89BALS\n\x01".iter().copied().chain(frames).collect()
}
