//! Blosc's container, as Zarr version 2 writes by default: blocks of LZ4, zstd or zlib, with shuffled bytes, and back.
//! Refuses to read BloscLZ, Snappy and shuffled bits; writes LZ4 and shuffled bytes in their place.

use baler_data::error::{Error, Result};
use std::io::{Read, Write};

fn wrong() -> Error {
    Error::input("a blosc chunk cannot be unpacked; the Zarr store is damaged")
}

fn u32_at(bytes: &[u8], at: usize) -> Result<usize> {
    let field = at.checked_add(4).and_then(|end| bytes.get(at..end)).ok_or_else(wrong)?;
    Ok(field.iter().rev().fold(0, |value, &byte| value << 8 | usize::from(byte)))
}

/// How bytes are put into the container.
#[derive(Debug, Clone, PartialEq)]
pub struct Blosc {
    /// `lz4`, `zstd`, `zlib`, ...
    pub name: String,
    /// 0 to 9.
    pub level: i32,
    /// True if bytes of equal weight stand together.
    pub shuffle: bool,
    /// Bytes of an element.
    pub type_bytes: usize,
}

/// Bytes of a block that is written, about.
const BLOCK_BYTES: usize = 1 << 20;

impl Blosc {
    /// The container of some bytes: a header, where each block starts, blocks in one stream each.
    pub fn encode(&self, bytes: &[u8]) -> Result<Vec<u8>> {
        let too_large = |_| Error::limit("a chunk has more bytes than blosc can hold");
        let n_bytes = u32::try_from(bytes.len()).map_err(too_large)?;
        let size = if (1..=255).contains(&self.type_bytes) { self.type_bytes } else { 1 };
        let shuffled = self.shuffle && size > 1;
        let block_bytes = (BLOCK_BYTES / size * size).min(bytes.len().max(1));
        let codec = match self.name.as_str() {
            "zlib" => 3,
            "zstd" => 4,
            _ => 1,
        };
        // Bit 0 for shuffled bytes, 4 for blocks that are not split.
        let head = |flags: u8, n_packed: usize| {
            let mut head = vec![2, 1, flags, size as u8];
            for n in [n_bytes, block_bytes as u32, n_packed as u32] {
                head.extend_from_slice(&n.to_le_bytes());
            }
            head
        };
        let blocks: Vec<&[u8]> = bytes.chunks(block_bytes).collect();
        let mut starts = Vec::new();
        let mut streams = Vec::new();
        for block in &blocks {
            starts.extend_from_slice(&((16 + 4 * blocks.len() + streams.len()) as u32).to_le_bytes());
            let turned = if shuffled { crate::hdf5::shuffle(block, size) } else { block.to_vec() };
            let packed = self.packed(&turned, codec)?;
            let stream = if packed.len() < block.len() { packed } else { turned };
            streams.extend_from_slice(&(stream.len() as u32).to_le_bytes());
            streams.extend(stream);
        }
        let n_packed = 16 + starts.len() + streams.len();
        if n_packed >= 16 + bytes.len() {
            return Ok([head(0x12, 16 + bytes.len()).as_slice(), bytes].concat());
        }
        Ok([head(codec << 5 | 0x10 | u8::from(shuffled), n_packed), starts, streams].concat())
    }

    fn packed(&self, bytes: &[u8], codec: u8) -> Result<Vec<u8>> {
        let failed = |e| Error::io("packing a chunk", e);
        match codec {
            1 => Ok(lz4_flex::block::compress(bytes)),
            3 => {
                let level = flate2::Compression::new(self.level.clamp(1, 9) as u32);
                let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), level);
                encoder.write_all(bytes).and_then(|()| encoder.finish()).map_err(failed)
            }
            // As blosc turns its levels into those of zstd.
            _ => zstd::bulk::compress(bytes, (2 * self.level - 1).clamp(1, 19)).map_err(failed),
        }
    }
}

/// Inverse of [`Blosc::encode`]: at most `most` bytes.
pub fn decode(bytes: &[u8], most: usize) -> Result<Vec<u8>> {
    let (flags, type_size) =
        (*bytes.get(2).ok_or_else(wrong)?, usize::from(*bytes.get(3).ok_or_else(wrong)?));
    let (n_bytes, block_bytes) = (u32_at(bytes, 4)?, u32_at(bytes, 8)?);
    if n_bytes > most || (n_bytes > 0 && block_bytes == 0) {
        return Err(wrong());
    }
    if flags & 2 != 0 {
        return Ok(bytes.get(16..16 + n_bytes).ok_or_else(wrong)?.to_vec());
    }
    if flags & 4 != 0 {
        return Err(Error::unsupported(
            "blosc with shuffled bits is not read; write the array again with zstd",
        ));
    }
    let mut out = Vec::new();
    for block_idx in 0..n_bytes.div_ceil(block_bytes.max(1)) {
        let block = block_bytes.min(n_bytes - out.len());
        let is_last = block < block_bytes;
        let splits =
            flags & 0x10 == 0 && type_size <= 16 && block_bytes / type_size.max(1) >= 128 && !is_last;
        let n_streams = if splits { type_size.max(1) } else { 1 };
        let mut at = u32_at(bytes, 16 + 4 * block_idx)?;
        let mut unpacked = Vec::new();
        for _ in 0..n_streams {
            let n_packed = u32_at(bytes, at)?;
            let packed = bytes.get(at + 4..).and_then(|rest| rest.get(..n_packed)).ok_or_else(wrong)?;
            at += 4 + n_packed;
            unpacked.extend(stream(packed, block / n_streams, flags >> 5)?);
        }
        if unpacked.len() != block {
            return Err(wrong());
        }
        let shuffled = flags & 1 != 0 && type_size > 1;
        out.extend(if shuffled { crate::hdf5::unshuffle(&unpacked, type_size) } else { unpacked });
    }
    Ok(out)
}

/// `n_bytes` of one stream.
fn stream(packed: &[u8], n_bytes: usize, codec: u8) -> Result<Vec<u8>> {
    if packed.len() == n_bytes {
        return Ok(packed.to_vec());
    }
    let mut out = Vec::new();
    let read = match codec {
        1 => return lz4(packed, n_bytes),
        3 => flate2::read::ZlibDecoder::new(packed).take(n_bytes as u64).read_to_end(&mut out),
        4 => {
            let decoder = zstd::stream::read::Decoder::with_buffer(packed).map_err(|_| wrong())?;
            decoder.take(n_bytes as u64).read_to_end(&mut out)
        }
        _ => {
            return Err(Error::unsupported(
                "blosc with BloscLZ or Snappy is not read; write the array again with zstd",
            ));
        }
    };
    read.map_err(|_| wrong())?;
    Ok(out)
}

/// One block of LZ4, which packs at most 255 bytes into one.
pub fn lz4(packed: &[u8], n_bytes: usize) -> Result<Vec<u8>> {
    if n_bytes / 255 > packed.len() {
        return Err(wrong());
    }
    lz4_flex::block::decompress(packed, n_bytes).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lz4_copies_overlap_and_damage_is_told() {
        // "ab", a copy of 6 from two back, "c".
        assert_eq!(lz4(&[0x22, b'a', b'b', 2, 0, 0x10, b'c'], 9).unwrap(), b"ababababc");
        for bytes in [&[0x22u8, b'a', b'b', 3, 0][..], &[0x22, b'a', b'b', 0, 0], &[0xf0], &[0x50, 1]] {
            assert!(lz4(bytes, 9).is_err(), "{bytes:?}");
        }
        assert!(lz4(&[0x10, b'c'], 1 << 40).is_err());
    }
}
