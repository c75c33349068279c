//! What packs the bytes of a Zarr chunk into others, one at a time, and back: deflate, zstd, bzip2, LZ4, blosc, shuffled
//! bytes and checksums, as Zarr and numcodecs have them. Refuses checksums that do not fit; unpacked bytes grow with what
//! comes, never with what is claimed.

use super::blosc::{self, Blosc};
use super::wrong;
use crate::hdf5::{fletcher32, shuffle, unshuffle};
use baler_data::error::{Error, Result};
use std::io::{Read, Write};

/// One step.
#[derive(Debug, Clone, PartialEq)]
pub enum Packer {
    /// Gzip's format, with its level.
    Gzip(u32),
    /// Zlib's format.
    Zlib(u32),
    /// Zstandard.
    Zstd { level: i32, checksum: bool },
    /// Bzip2.
    Bz2(u32),
    /// A block of LZ4 behind its unpacked length.
    Lz4,
    /// Blosc's container.
    Blosc(Blosc),
    /// Bytes of equal weight together, of elements of this size.
    Shuffle(usize),
    /// A checksum of four bytes.
    Sum { sum: Sum, at_start: bool },
}

/// A checksum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sum {
    /// Castagnoli's.
    Crc32c,
    /// Zip's.
    Crc32,
    /// Zlib's.
    Adler32,
    /// That of HDF5.
    Fletcher32,
}

impl Packer {
    /// The packed bytes.
    pub fn pack(&self, bytes: Vec<u8>) -> Result<Vec<u8>> {
        let failed = |e| Error::io("packing a chunk", e);
        match self {
            Packer::Gzip(level) => {
                let level = flate2::Compression::new(*level);
                let mut encoder = flate2::write::GzEncoder::new(Vec::new(), level);
                encoder.write_all(&bytes).and_then(|()| encoder.finish()).map_err(failed)
            }
            Packer::Zlib(level) => {
                let level = flate2::Compression::new(*level);
                let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), level);
                encoder.write_all(&bytes).and_then(|()| encoder.finish()).map_err(failed)
            }
            Packer::Zstd { level, checksum } => {
                let mut encoder = zstd::bulk::Compressor::new(*level).map_err(failed)?;
                encoder.include_checksum(*checksum).map_err(failed)?;
                encoder.compress(&bytes).map_err(failed)
            }
            Packer::Bz2(level) => {
                let level = bzip2::Compression::new(*level);
                let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), level);
                encoder.write_all(&bytes).and_then(|()| encoder.finish()).map_err(failed)
            }
            Packer::Lz4 => {
                let length = (bytes.len() as u32).to_le_bytes();
                Ok([length.as_slice(), &lz4_flex::block::compress(&bytes)].concat())
            }
            Packer::Blosc(blosc) => blosc.encode(&bytes),
            Packer::Shuffle(size) => Ok(shuffle(&bytes, *size)),
            Packer::Sum { sum, at_start } => {
                let found = sum.of(&bytes).to_le_bytes();
                Ok(match at_start {
                    true => [found.as_slice(), &bytes].concat(),
                    false => [&bytes, found.as_slice()].concat(),
                })
            }
        }
    }

    /// Inverse of [`Packer::pack`]; at most `most` bytes and some more for checksums.
    pub fn unpack(&self, bytes: Vec<u8>, most: usize) -> Result<Vec<u8>> {
        match self {
            Packer::Gzip(_) => read(flate2::read::MultiGzDecoder::new(&bytes[..]), most),
            Packer::Zlib(_) => read(flate2::read::ZlibDecoder::new(&bytes[..]), most),
            Packer::Bz2(_) => read(bzip2::read::MultiBzDecoder::new(&bytes[..]), most),
            Packer::Zstd { .. } => {
                let decoder = zstd::stream::read::Decoder::with_buffer(&bytes[..]);
                read(decoder.map_err(|e| wrong(format!("a chunk cannot be unpacked ({e})")))?, most)
            }
            Packer::Lz4 => {
                let cut = || wrong("a chunk of LZ4 is cut off");
                let (length, packed) = bytes.split_first_chunk::<4>().ok_or_else(cut)?;
                let length = u32::from_le_bytes(*length) as usize;
                if length > most.saturating_add(64) {
                    return Err(cut());
                }
                blosc::lz4(packed, length)
            }
            Packer::Blosc(_) => blosc::decode(&bytes, most.saturating_add(64)),
            Packer::Shuffle(size) => Ok(unshuffle(&bytes, *size)),
            Packer::Sum { sum, at_start } => {
                let parts = match at_start {
                    true => bytes.split_first_chunk::<4>(),
                    false => bytes.split_last_chunk::<4>().map(|(content, sum)| (sum, content)),
                };
                let (found, content) = parts.ok_or_else(|| wrong("a chunk has no checksum"))?;
                if sum.of(content) != u32::from_le_bytes(*found) {
                    return Err(wrong("the checksum of a chunk does not fit"));
                }
                Ok(content.to_vec())
            }
        }
    }
}

/// The memory grows with the bytes that come; some more than `most` are let through for checksums.
fn read(reader: impl Read, most: usize) -> Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(most.min(1 << 20));
    let read = reader.take((most as u64).saturating_add(64)).read_to_end(&mut bytes);
    read.map_err(|e| wrong(format!("a chunk cannot be unpacked ({e})")))?;
    Ok(bytes)
}

impl Sum {
    fn of(self, bytes: &[u8]) -> u32 {
        match self {
            Sum::Crc32c => crc32c::crc32c(bytes),
            Sum::Crc32 => crc32fast::hash(bytes),
            Sum::Adler32 => adler32(bytes),
            Sum::Fletcher32 => fletcher32(bytes),
        }
    }
}

fn adler32(bytes: &[u8]) -> u32 {
    let (mut low, mut high) = (1u32, 0u32);
    // 5552 bytes fit before the sums could overflow.
    for block in bytes.chunks(5552) {
        for &byte in block {
            low += u32::from(byte);
            high += low;
        }
        (low, high) = (low % 65_521, high % 65_521);
    }
    high << 16 | low
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_those_that_are_known() {
        let digits = b"123456789";
        assert_eq!(Sum::Crc32c.of(digits), 0xe306_9283);
        assert_eq!(Sum::Crc32.of(digits), 0xcbf4_3926);
        assert_eq!(Sum::Adler32.of(digits), 0x091e_01de);
    }

    #[test]
    fn every_packer_is_undone_and_tells_damage() {
        let bytes: Vec<u8> = (0..70_000u32).map(|i| (i / 7 % 50) as u8).collect();
        let blosc = |name: &str, shuffle| {
            Packer::Blosc(Blosc { name: name.into(), level: 5, shuffle, type_bytes: 4 })
        };
        let packers = [
            Packer::Gzip(3),
            Packer::Zlib(6),
            Packer::Zstd { level: 1, checksum: true },
            Packer::Bz2(9),
            Packer::Lz4,
            blosc("lz4", true),
            blosc("zstd", false),
            blosc("zlib", true),
            Packer::Shuffle(8),
            Packer::Sum { sum: Sum::Adler32, at_start: true },
            Packer::Sum { sum: Sum::Fletcher32, at_start: false },
        ];
        for packer in packers {
            for n in [0, 3, bytes.len()] {
                let packed = packer.pack(bytes[..n].to_vec()).unwrap();
                assert_eq!(packer.unpack(packed, n).unwrap(), bytes[..n], "{packer:?}");
            }
            let mut packed = packer.pack(bytes.clone()).unwrap();
            let middle = packed.len() / 2;
            packed[middle] ^= 1;
            let found = packer.unpack(packed, bytes.len());
            assert!(found.is_err() || found.unwrap() != bytes, "{packer:?}");
        }
    }
}
