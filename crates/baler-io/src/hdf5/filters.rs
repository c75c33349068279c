//! The filters of chunks, undone: deflate, shuffle, fletcher32, lzf and zstd. Refuses others by name, checksums that do
//! not fit, and chunks that unpack to another size than they should.

use super::fields::{Fields, Sizes, damaged, unsupported};
use baler_data::error::Result;
use std::borrow::Cow;
use std::io::Read;

/// One filter of a pipeline.
#[derive(Debug, Clone, PartialEq)]
pub struct Filter {
    /// The registered number.
    pub id: u16,
    /// Its parameters.
    pub values: Vec<u32>,
}

/// Parses a pipeline message.
pub fn parse(body: &[u8], sizes: Sizes) -> Result<Vec<Filter>> {
    let mut f = Fields::new(body, sizes);
    let (version, n_filters) = (f.u8()?, f.u8()?);
    if version == 1 {
        f.skip(6)?;
    }
    let mut filters = Vec::new();
    for _ in 0..n_filters {
        let id = f.u16()?;
        let n_name = if version == 1 || id >= 256 { usize::from(f.u16()?) } else { 0 };
        f.skip(2)?;
        let n_values = f.u16()?;
        f.skip(if version == 1 { n_name.next_multiple_of(8) } else { n_name })?;
        let values = (0..n_values).map(|_| f.u32()).collect::<Result<Vec<u32>>>()?;
        if version == 1 && n_values % 2 == 1 {
            f.skip(4)?;
        }
        filters.push(Filter { id, values });
    }
    Ok(filters)
}

/// The bytes of a chunk before its filters, which must be `n_bytes`; `mask` says which filters were left out.
pub fn undo<'a>(
    packed: Cow<'a, [u8]>,
    filters: &[Filter],
    mask: u32,
    n_bytes: usize,
) -> Result<Cow<'a, [u8]>> {
    let mut bytes = packed;
    for (i, filter) in filters.iter().enumerate().rev() {
        if i < 32 && mask >> i & 1 != 0 {
            continue;
        }
        bytes = Cow::Owned(match filter.id {
            1 => inflate(&bytes, n_bytes)?,
            2 => unshuffle(&bytes, filter.values.first().map_or(1, |&size| size as usize)),
            3 => without_checksum(&bytes)?.to_vec(),
            32000 => unlzf(&bytes, n_bytes)?,
            32015 => unzstd(&bytes, n_bytes)?,
            id => {
                let name = match id {
                    4 => "szip",
                    5 => "nbit",
                    6 => "scaleoffset",
                    32001 => "blosc",
                    32004 => "lz4",
                    32008 => "bitshuffle",
                    32013 => "zfp",
                    32026 => "blosc2",
                    _ => "unknown",
                };
                return Err(unsupported(format!("the HDF5 filter {id} ({name}) is not read")));
            }
        });
    }
    if bytes.len() != n_bytes {
        return Err(damaged(format!("expected a chunk of {n_bytes} bytes, found {}", bytes.len())));
    }
    Ok(bytes)
}

/// At most `n_bytes` and a checksum's room out of a zlib stream.
fn inflate(packed: &[u8], n_bytes: usize) -> Result<Vec<u8>> {
    read_some(flate2::read::ZlibDecoder::new(packed), n_bytes)
}

fn unzstd(packed: &[u8], n_bytes: usize) -> Result<Vec<u8>> {
    match zstd::stream::read::Decoder::with_buffer(packed) {
        Ok(decoder) => read_some(decoder, n_bytes),
        Err(e) => Err(damaged(format!("a chunk cannot be unpacked ({e})"))),
    }
}

/// The memory grows with the bytes that come, not by what was claimed.
fn read_some(unpacked: impl Read, n_bytes: usize) -> Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(n_bytes.min(1 << 20));
    let read = unpacked.take((n_bytes as u64).saturating_add(8)).read_to_end(&mut bytes);
    read.map_err(|e| damaged(format!("a chunk cannot be unpacked ({e})")))?;
    Ok(bytes)
}

/// From all first bytes, then all second bytes, ... back to whole elements; bytes left over stand at the end.
pub fn unshuffle(bytes: &[u8], size: usize) -> Vec<u8> {
    let n = bytes.len().checked_div(size).unwrap_or(0);
    let mut out = bytes.to_vec();
    if size < 2 || n < 2 {
        return out;
    }
    for (plane_idx, plane) in bytes[..n * size].chunks_exact(n).enumerate() {
        for (element, &byte) in out.chunks_exact_mut(size).zip(plane) {
            element[plane_idx] = byte;
        }
    }
    out
}

/// Inverse of [`unshuffle`].
pub fn shuffle(bytes: &[u8], size: usize) -> Vec<u8> {
    let n = bytes.len().checked_div(size).unwrap_or(0);
    let mut out = bytes.to_vec();
    if size < 2 || n < 2 {
        return out;
    }
    for (plane_idx, plane) in out[..n * size].chunks_exact_mut(n).enumerate() {
        for (byte, element) in plane.iter_mut().zip(bytes.chunks_exact(size)) {
            *byte = element[plane_idx];
        }
    }
    out
}

/// Checks and takes off the four bytes of Fletcher's checksum.
fn without_checksum(bytes: &[u8]) -> Result<&[u8]> {
    let (content, stored) =
        bytes.split_last_chunk::<4>().ok_or_else(|| damaged("a chunk has no checksum"))?;
    if fletcher32(content) != u32::from_le_bytes(*stored) {
        return Err(damaged("the checksum of a chunk does not fit"));
    }
    Ok(content)
}

/// Fletcher's checksum of big-endian words of 16 bits.
pub fn fletcher32(bytes: &[u8]) -> u32 {
    let (mut low, mut high) = (0u32, 0u32);
    // 360 words fit before the sums could overflow.
    for block in bytes.chunks(720) {
        for word in block.chunks(2) {
            low += u32::from(word[0]) << 8 | u32::from(word.get(1).copied().unwrap_or(0));
            high = high.wrapping_add(low);
        }
        low = (low & 0xffff) + (low >> 16);
        high = (high & 0xffff) + (high >> 16);
    }
    low = (low & 0xffff) + (low >> 16);
    high = (high & 0xffff) + (high >> 16);
    high << 16 | low
}

/// LibLZF: a byte below 32 is followed by that many literals and one more; others are copies of what came before.
fn unlzf(packed: &[u8], n_bytes: usize) -> Result<Vec<u8>> {
    let cut = || damaged("a chunk cannot be unpacked (lzf)");
    let mut out: Vec<u8> = Vec::new();
    let mut at = 0;
    let mut next = |n: usize| {
        let taken = packed.get(at..at + n);
        at += n;
        taken
    };
    while let Some(&[control]) = next(1) {
        let control = usize::from(control);
        if control < 32 {
            out.extend_from_slice(next(control + 1).ok_or_else(cut)?);
        } else {
            let mut length = control >> 5;
            if length == 7 {
                length += usize::from(next(1).ok_or_else(cut)?[0]);
            }
            let back = ((control & 31) << 8) + usize::from(next(1).ok_or_else(cut)?[0]) + 1;
            let from = out.len().checked_sub(back).ok_or_else(cut)?;
            for i in from..from + length + 2 {
                out.push(out[i]);
            }
        }
        if out.len() > n_bytes {
            return Err(cut());
        }
    }
    Ok(out)
}

/// Inverse of [`unlzf`]: copies of up to 264 bytes from up to 8192 back, found by the last place of three bytes.
pub fn lzf(bytes: &[u8]) -> Vec<u8> {
    const MOST_BACK: usize = 1 << 13;
    const MOST_COPIED: usize = 264;
    const MOST_LITERALS: usize = 32;
    let mut places = vec![usize::MAX; 1 << 14];
    let mut out = Vec::with_capacity(bytes.len() / 2);
    let literals = |out: &mut Vec<u8>, run: &[u8]| {
        for run in run.chunks(MOST_LITERALS) {
            out.push(run.len() as u8 - 1);
            out.extend_from_slice(run);
        }
    };
    let (mut at, mut from) = (0, 0);
    while at + 2 < bytes.len() {
        let three = u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], 0]);
        let place = &mut places[(three.wrapping_mul(0x9e37_79b1) >> 18) as usize];
        let before = std::mem::replace(place, at);
        let found = before < at && at - before <= MOST_BACK && bytes[before..before + 3] == bytes[at..at + 3];
        if !found {
            at += 1;
            continue;
        }
        let same = bytes[before..].iter().zip(&bytes[at..]).take(MOST_COPIED).take_while(|(a, b)| a == b);
        let n_copied = same.count();
        literals(&mut out, &bytes[from..at]);
        let (length, back) = (n_copied - 2, at - before - 1);
        out.push((length.min(7) << 5 | back >> 8) as u8);
        out.extend((length >= 7).then(|| (length - 7) as u8));
        out.push(back as u8);
        at += n_copied;
        from = at;
    }
    literals(&mut out, &bytes[from..]);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let mut random = baler_data::random::Rng::new(3, 0);
        for n in [0usize, 1, 2, 3, 40, 300, 9000, 70_000] {
            let bytes: Vec<u8> =
                (0..n).map(|i| if i % 700 < 400 { 5 } else { random.below(4) as u8 }).collect();
            assert_eq!(unlzf(&lzf(&bytes), n).unwrap(), bytes, "{n}");
            for size in [1, 2, 3, 8] {
                assert_eq!(unshuffle(&shuffle(&bytes, size), size), bytes, "{n} {size}");
            }
        }
    }

    #[test]
    fn shuffled_bytes_find_their_elements() {
        assert_eq!(unshuffle(&[1, 4, 2, 5, 3, 6, 9], 3), [1, 2, 3, 4, 5, 6, 9]);
        assert_eq!(unshuffle(&[1, 2], 0), [1, 2]);
    }

    #[test]
    fn lzf_copies_overlap_and_damage_is_told() {
        // One literal 'a', then a copy of 2 + 7 + 3 bytes from one back.
        assert_eq!(unlzf(&[0, b'a', 0xe0, 3, 0], 13).unwrap(), [b'a'; 13]);
        for bytes in [&[0u8, b'a', 0xe0, 3][..], &[5, 1, 2], &[0x20, 0], &[0, b'a', 0xe0, 255, 0]] {
            assert!(unlzf(bytes, 13).is_err(), "{bytes:?}");
        }
    }

    #[test]
    fn sizes_and_checksums_must_fit() {
        let fletcher = [Filter { id: 3, values: vec![] }];
        let with_sum = [&[1, 2, 3, 4], fletcher32(&[1, 2, 3, 4]).to_le_bytes().as_slice()].concat();
        assert_eq!(&*undo(Cow::Borrowed(&with_sum), &fletcher, 0, 4).unwrap(), [1, 2, 3, 4]);
        assert!(undo(Cow::Borrowed(&with_sum), &fletcher, 0, 5).is_err());
        assert!(undo(Cow::Borrowed(&with_sum), &fletcher, 1, 4).is_err());
        let szip = [Filter { id: 4, values: vec![] }];
        assert!(undo(Cow::Borrowed(&with_sum), &szip, 0, 4).unwrap_err().to_string().contains("szip"));
    }
}
