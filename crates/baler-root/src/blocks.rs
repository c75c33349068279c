//! ROOT's compressed blocks: 9 bytes (two letters, a method byte, packed and unpacked length of 3 bytes each, little-endian)
//! and the packed bytes, as many blocks as it takes; and back (zlib, lzma, lz4, zstd). Refuses lengths that do not add up and
//! unpacked lengths that the packed bytes cannot bear out.

use crate::error::{Error, Result};
use std::io::{Read, Write};

/// Most bytes of content of a block.
const MAX_BLOCK: usize = 0xff_ffff;
/// No honest block unpacks into more than this many times its length, and a little.
pub const MAX_RATIO: usize = 1 << 15;
/// Largest dictionary of xz, and window of zstd as a power of two: their decoders take that memory at once.
const MAX_DICTIONARY: u64 = 1 << 26;
const MAX_WINDOW_LOG: u32 = 25;

/// How a writer packs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    None,
    /// zlib, which every version of ROOT reads; level 1 to 9.
    Zlib(u32),
    /// LZMA, the smallest and slowest; level 1 to 9.
    Lzma(u32),
    /// lz4, the fastest, of ROOT 6.14 and newer; the level is only told.
    Lz4(u32),
    /// Zstandard, of ROOT 6.20 and newer; level 1 to 9, which count double as ROOT has it.
    Zstd(u32),
}

impl Compression {
    /// ROOT's number for it: 100 times the algorithm and the level.
    pub fn code(self) -> i32 {
        let (algorithm, level) = match self {
            Compression::None => return 0,
            Compression::Zlib(level) => (100, level),
            Compression::Lzma(level) => (200, level),
            Compression::Lz4(level) => (400, level),
            Compression::Zstd(level) => (500, level),
        };
        algorithm + level.clamp(1, 9) as i32
    }

    /// What ROOT's number says: without an algorithm, and for those that are no longer written, zlib.
    pub fn from_code(code: i32) -> Compression {
        let level = (code.rem_euclid(100) as u32).min(9);
        match code / 100 {
            _ if level == 0 => Compression::None,
            2 => Compression::Lzma(level),
            4 => Compression::Lz4(level),
            5 => Compression::Zstd(level),
            _ => Compression::Zlib(level),
        }
    }
}

/// The `len` bytes that `packed` holds: as they are if the lengths are equal, else in blocks.
pub fn unpack(packed: &[u8], len: usize) -> Result<Vec<u8>> {
    if packed.len() == len {
        return Ok(packed.to_vec());
    }
    if len / MAX_RATIO > packed.len() {
        return Err(Error::damaged(format!("{} packed bytes cannot hold {len} bytes", packed.len())));
    }
    let mut out = Vec::new();
    let mut rest = packed;
    while out.len() < len {
        let Some((header, body)) = rest.split_at_checked(9) else {
            return Err(Error::damaged(format!("expected {len} unpacked bytes, found {}", out.len())));
        };
        let length = |at: usize| u32::from_le_bytes([header[at], header[at + 1], header[at + 2], 0]) as usize;
        let (n_packed, n_unpacked) = (length(3), length(6));
        let Some((block, next)) = body.split_at_checked(n_packed) else {
            return Err(Error::damaged(format!(
                "expected a block of {n_packed} bytes, found {}",
                body.len()
            )));
        };
        let before = out.len();
        if n_unpacked > len - before {
            return Err(Error::damaged(format!(
                "expected at most {} bytes in a block, found {n_unpacked}",
                len - before
            )));
        }
        unpack_block([header[0], header[1]], block, n_unpacked, &mut out)?;
        if out.len() - before != n_unpacked || n_unpacked == 0 {
            return Err(Error::damaged(format!(
                "expected {n_unpacked} bytes in a block, found {}",
                out.len() - before
            )));
        }
        rest = next;
    }
    Ok(out)
}

/// Appends at most `len` bytes of a block's content; memory grows with what is really there.
fn unpack_block(method: [u8; 2], block: &[u8], len: usize, out: &mut Vec<u8>) -> Result<()> {
    let limit = len as u64;
    let failed = |e: std::io::Error| Error::damaged(format!("a compressed block is damaged ({e})"));
    match &method {
        b"ZL" => flate2::read::ZlibDecoder::new(block).take(limit).read_to_end(out).map_err(failed)?,
        b"CS" => flate2::read::DeflateDecoder::new(block).take(limit).read_to_end(out).map_err(failed)?,
        b"XZ" if xz_dictionary(block).is_some_and(|size| size <= MAX_DICTIONARY) => {
            lzma_rust2::XzReader::new(block, false).take(limit).read_to_end(out).map_err(failed)?
        }
        b"ZS" => {
            let mut decoder = zstd::stream::read::Decoder::with_buffer(block).map_err(failed)?;
            decoder.window_log_max(MAX_WINDOW_LOG).map_err(failed)?;
            decoder.take(limit).read_to_end(out).map_err(failed)?
        }
        // A block of lz4 holds at most 255 times its length; 8 bytes of checksum stand before it.
        b"L4" if block.len() < 8 || len / 255 > block.len() => {
            return Err(Error::damaged(format!("{} packed bytes cannot hold {len} bytes", block.len())));
        }
        b"L4" => {
            let content = lz4_flex::block::decompress(&block[8..], len)
                .map_err(|e| Error::damaged(format!("a compressed block is damaged ({e})")))?;
            out.extend_from_slice(&content);
            content.len()
        }
        other => {
            return Err(Error::damaged(format!(
                "expected a block of zlib, lz4, xz or zstd, found '{}'",
                other.escape_ascii()
            )));
        }
    };
    Ok(())
}

/// The dictionary that the first block of an xz stream asks for, if LZMA2 is its only filter.
fn xz_dictionary(block: &[u8]) -> Option<u64> {
    let flags = *block.get(13)?;
    let n_sizes = (flags >> 6 & 1) + (flags >> 7);
    let mut at = 14;
    for _ in 0..n_sizes {
        at += block.get(at..)?.iter().position(|byte| byte & 0x80 == 0)? + 1;
    }
    match block.get(at..at + 3)? {
        [0x21, 1, bits @ 0..=39] if flags & 0x3f == 0 => Some(u64::from(2 | bits & 1) << (bits / 2 + 11)),
        _ => None,
    }
}

/// `content` in blocks, or as it is where that is no longer.
pub fn pack(content: &[u8], compression: Compression) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    if compression == Compression::None {
        return Ok(content.to_vec());
    }
    for part in content.chunks(MAX_BLOCK) {
        let (method, packed) = match compression {
            Compression::Zlib(level) => {
                let mut encoder =
                    flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::new(level.clamp(1, 9)));
                encoder.write_all(part)?;
                (b"ZL\x08", encoder.finish()?)
            }
            Compression::Lzma(level) => (b"XZ\x00", lzma(part, level)?),
            Compression::Lz4(_) => {
                let block = lz4_flex::block::compress(part);
                let checksum = twox_hash::XxHash64::oneshot(0, &block).to_be_bytes();
                (b"L4\x01", [&checksum[..], &block].concat())
            }
            Compression::Zstd(level) => {
                (b"ZS\x01", zstd::bulk::compress(part, 2 * level.clamp(1, 9) as i32)?)
            }
            Compression::None => unreachable!("returned above"),
        };
        if packed.len() > MAX_BLOCK {
            return Ok(content.to_vec());
        }
        out.extend_from_slice(method);
        out.extend_from_slice(&(packed.len() as u32).to_le_bytes()[..3]);
        out.extend_from_slice(&(part.len() as u32).to_le_bytes()[..3]);
        out.extend_from_slice(&packed);
    }
    // Equal lengths would be read as not packed.
    Ok(if out.len() >= content.len() { content.to_vec() } else { out })
}

fn lzma(content: &[u8], level: u32) -> Result<Vec<u8>> {
    const MIN_DICTIONARY: u32 = 1 << 12;
    let mut options = lzma_rust2::XzOptions::with_preset(level.clamp(1, 9));
    // The dictionary need not be larger than what is packed: the encoder takes a multiple of it.
    let room = u32::try_from(content.len()).unwrap_or(u32::MAX).max(MIN_DICTIONARY);
    options.lzma_options.dict_size = options.lzma_options.dict_size.min(room);
    options.set_check_sum_type(lzma_rust2::CheckType::Crc32);
    let mut writer = lzma_rust2::XzWriter::new(Vec::new(), options)?;
    writer.write_all(content)?;
    Ok(writer.finish()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_come_back_and_damage_is_told() {
        let content: Vec<u8> = (0..40_000u32).flat_map(|i| (i / 7).to_be_bytes()).collect();
        let all = [1, 9].into_iter().flat_map(|level| {
            [
                Compression::Zlib(level),
                Compression::Lzma(level),
                Compression::Lz4(level),
                Compression::Zstd(level),
            ]
        });
        for compression in all.chain([Compression::None]) {
            assert_eq!(Compression::from_code(compression.code()), compression);
            let packed = pack(&content, compression).unwrap();
            assert_eq!(unpack(&packed, content.len()).unwrap(), content);
            assert!(unpack(&packed, content.len() + 1).is_err());
            if compression != Compression::None {
                assert!(packed.len() < content.len() / 2);
                for end in (0..packed.len()).step_by(97) {
                    assert!(unpack(&packed[..end], content.len()).is_err(), "cut at {end}");
                }
                for at in (0..packed.len()).step_by(31) {
                    let mut damaged = packed.clone();
                    damaged[at] ^= 16;
                    let _ = unpack(&damaged, content.len());
                }
            }
        }
    }

    #[test]
    fn large_content_takes_several_blocks() {
        let content = vec![7; MAX_BLOCK + 1000];
        let packed = pack(&content, Compression::Zlib(1)).unwrap();
        assert_eq!(unpack(&packed, content.len()).unwrap(), content);
    }

    #[test]
    fn claimed_lengths_earn_no_memory() {
        let error = unpack(b"ZL\x08\x01\0\0\xff\xff\xff\0", usize::MAX).unwrap_err().to_string();
        assert!(error.contains("cannot hold"), "{error}");
        // A block that claims more than is wanted, and one of lz4 that claims more than any has.
        let error = unpack(b"L4\x01\x09\0\0\xff\xff\xff123456789", MAX_BLOCK / 40).unwrap_err().to_string();
        assert!(error.contains("at most 419430 bytes in a block, found 16777215"), "{error}");
        let error = unpack(b"L4\x01\x09\0\0\0\0\x06123456789", 0x06_0000).unwrap_err().to_string();
        assert!(error.contains("9 packed bytes cannot hold 393216"), "{error}");
    }
}
