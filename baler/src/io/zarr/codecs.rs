//! The codecs of Zarr's chunks, undone: bytes in either order, transpose, gzip, zlib, zstd, blosc, crc32c and shards.
//! Refuses others by name, and chunks that unpack to another size than they should.

use super::blosc;
use crate::dataset::DType;
use crate::error::{Error, Result};
use crate::io::piece::Piece;
use serde_json::Value;
use std::io::Read;

/// What was done to a chunk, first to last.
#[derive(Debug, Clone, PartialEq)]
pub enum Codec {
    /// Axes in another order: axis i of the result is axis `order[i]`.
    Transpose(Vec<usize>),
    /// Numbers to bytes.
    Bytes {
        big_endian: bool,
    },
    /// Smaller chunks inside, with an index at the start or the end.
    Shards {
        chunk: Vec<u64>,
        codecs: Vec<Codec>,
        index: Vec<Codec>,
        at_end: bool,
    },
    Gzip,
    Zlib,
    Zstd,
    Blosc,
    Crc32c,
}

fn wrong(what: impl std::fmt::Display) -> Error {
    Error::input(format!("{what}; the Zarr store is damaged"))
}

/// The codecs of a version 3 array.
pub fn parse(codecs: &Value) -> Result<Vec<Codec>> {
    let codecs = codecs.as_array().ok_or_else(|| wrong("expected a list of codecs"))?;
    codecs.iter().map(one).collect()
}

fn one(codec: &Value) -> Result<Codec> {
    let name =
        codec.as_str().or(codec["name"].as_str()).ok_or_else(|| wrong("expected the name of a codec"))?;
    let told = &codec["configuration"];
    Ok(match name {
        "bytes" => Codec::Bytes { big_endian: told["endian"].as_str() == Some("big") },
        "transpose" => {
            let order = told["order"]
                .as_array()
                .map(|o| o.iter().map(|axis| Some(axis.as_u64()? as usize)).collect());
            Codec::Transpose(order.flatten().ok_or_else(|| wrong("expected the order of a transpose"))?)
        }
        "gzip" => Codec::Gzip,
        "zstd" => Codec::Zstd,
        "blosc" => Codec::Blosc,
        "crc32c" => Codec::Crc32c,
        "sharding_indexed" => Codec::Shards {
            chunk: super::extents(&told["chunk_shape"])?,
            codecs: parse(&told["codecs"])?,
            index: parse(&told["index_codecs"])?,
            at_end: told["index_location"].as_str() != Some("start"),
        },
        other => return Err(unsupported(other)),
    })
}

/// The codecs of a version 2 array.
pub fn parse_old(array: &Value, big_endian: bool, rank: usize) -> Result<Vec<Codec>> {
    let mut codecs = Vec::new();
    if array["order"].as_str() == Some("F") {
        codecs.push(Codec::Transpose((0..rank).rev().collect()));
    }
    if let Some(filter) = array["filters"].as_array().and_then(|filters| filters.first()) {
        return Err(unsupported(filter["id"].as_str().unwrap_or("?")));
    }
    codecs.push(Codec::Bytes { big_endian });
    match array["compressor"]["id"].as_str() {
        None => {}
        Some("zstd") => codecs.push(Codec::Zstd),
        Some("gzip") => codecs.push(Codec::Gzip),
        Some("zlib") => codecs.push(Codec::Zlib),
        Some("blosc") => codecs.push(Codec::Blosc),
        Some(other) => return Err(unsupported(other)),
    }
    Ok(codecs)
}

fn unsupported(name: &str) -> Error {
    Error::unsupported(format!("the Zarr codec '{name}' is not read; write the array again with zstd"))
}

/// The bytes of a chunk of `shape`, little-endian and in C order.
pub fn decode(bytes: Vec<u8>, codecs: &[Codec], shape: &[u64], dtype: DType, fill: &[u8]) -> Result<Vec<u8>> {
    let n_values = shape.iter().try_fold(1u64, |n, &extent| n.checked_mul(extent));
    let n_bytes = n_values.and_then(|n| usize::try_from(n).ok()?.checked_mul(dtype.size_bytes()));
    let n_bytes = n_bytes
        .filter(|&n| n <= isize::MAX as usize)
        .ok_or_else(|| wrong("a chunk is larger than any file"))?;
    let mut bytes = bytes;
    // The shape that each codec was given.
    let mut shapes = vec![shape.to_vec()];
    for codec in codecs {
        let now = shapes[shapes.len() - 1].clone();
        shapes.push(match codec {
            Codec::Transpose(order) => {
                let is_order = order.len() == now.len() && (0..now.len()).all(|axis| order.contains(&axis));
                if !is_order {
                    return Err(wrong("expected each axis once in a transpose"));
                }
                order.iter().map(|&axis| now[axis]).collect()
            }
            _ => now,
        });
    }
    for (codec, shape) in codecs.iter().zip(&shapes).rev() {
        bytes = match codec {
            Codec::Gzip => unpacked(flate2::read::MultiGzDecoder::new(&bytes[..]), n_bytes)?,
            Codec::Zlib => unpacked(flate2::read::ZlibDecoder::new(&bytes[..]), n_bytes)?,
            Codec::Zstd => {
                let decoder = zstd::stream::read::Decoder::with_buffer(&bytes[..]);
                unpacked(decoder.map_err(|e| wrong(format!("a chunk cannot be unpacked ({e})")))?, n_bytes)?
            }
            Codec::Blosc => blosc::decode(&bytes, n_bytes.saturating_add(64))?,
            Codec::Crc32c => {
                let (content, sum) =
                    bytes.split_last_chunk::<4>().ok_or_else(|| wrong("a chunk has no checksum"))?;
                if crc32c(content) != u32::from_le_bytes(*sum) {
                    return Err(wrong("the checksum of a chunk does not fit"));
                }
                content.to_vec()
            }
            Codec::Bytes { big_endian } => {
                if *big_endian {
                    bytes.chunks_exact_mut(dtype.size_bytes()).for_each(<[u8]>::reverse);
                }
                bytes
            }
            Codec::Transpose(order) => {
                transposed_back(&checked(bytes, n_bytes)?, order, shape, dtype.size_bytes())
            }
            Codec::Shards { chunk, codecs, index, at_end } => {
                let shard = Shard { chunk, codecs, index, at_end: *at_end };
                shard.decode(&bytes, shape, n_bytes, dtype, fill)?
            }
        };
    }
    checked(bytes, n_bytes)
}

fn checked(bytes: Vec<u8>, n_bytes: usize) -> Result<Vec<u8>> {
    match bytes.len() == n_bytes {
        true => Ok(bytes),
        false => Err(wrong(format!("expected a chunk of {n_bytes} bytes, found {}", bytes.len()))),
    }
}

/// The memory grows with the bytes that come; some more than `n_bytes` are let through for checksums.
fn unpacked(reader: impl Read, n_bytes: usize) -> Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(n_bytes.min(1 << 20));
    let read = reader.take((n_bytes as u64).saturating_add(64)).read_to_end(&mut bytes);
    read.map_err(|e| wrong(format!("a chunk cannot be unpacked ({e})")))?;
    Ok(bytes)
}

/// From the order of axes after a transpose back to `shape`.
fn transposed_back(bytes: &[u8], order: &[usize], shape: &[u64], size: usize) -> Vec<u8> {
    let mut strides = vec![0usize; shape.len()];
    let mut stride = size;
    for &axis in order.iter().rev() {
        strides[axis] = stride;
        stride *= shape[axis] as usize;
    }
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = vec![0u64; shape.len()];
    for _ in 0..bytes.len() / size {
        let from: usize = at.iter().zip(&strides).map(|(&i, &stride)| i as usize * stride).sum();
        out.extend_from_slice(&bytes[from..from + size]);
        for axis in (0..shape.len()).rev() {
            at[axis] += 1;
            if at[axis] < shape[axis] {
                break;
            }
            at[axis] = 0;
        }
    }
    out
}

struct Shard<'a> {
    chunk: &'a [u64],
    codecs: &'a [Codec],
    index: &'a [Codec],
    at_end: bool,
}

impl Shard<'_> {
    fn decode(
        &self,
        bytes: &[u8],
        shape: &[u64],
        n_bytes: usize,
        dtype: DType,
        fill: &[u8],
    ) -> Result<Vec<u8>> {
        let fits = self.chunk.len() == shape.len() && !self.chunk.contains(&0);
        if !fits || shape.iter().zip(self.chunk).any(|(extent, chunk)| extent % chunk != 0) {
            return Err(wrong("the chunks of a shard do not fill it"));
        }
        let counts: Vec<u64> = shape.iter().zip(self.chunk).map(|(extent, chunk)| extent / chunk).collect();
        let n_chunks: u64 = counts.iter().product();
        let n_sums = self.index.iter().filter(|codec| **codec == Codec::Crc32c).count() as u64;
        let n_index = n_chunks.checked_mul(16).and_then(|n| usize::try_from(n + 4 * n_sums).ok());
        let n_index =
            n_index.filter(|&n| n <= bytes.len()).ok_or_else(|| wrong("the index of a shard is cut off"))?;
        let index = if self.at_end { &bytes[bytes.len() - n_index..] } else { &bytes[..n_index] };
        let index = decode(index.to_vec(), self.index, &[n_chunks, 2], DType::U64, &[])?;
        let mut out = super::filled(n_bytes, fill);
        for (number, entry) in index.as_chunks::<16>().0.iter().enumerate() {
            let [offset, n] =
                [&entry[..8], &entry[8..]].map(|b| b.iter().rev().fold(0u64, |v, &b| v << 8 | u64::from(b)));
            if offset == u64::MAX && n == u64::MAX {
                continue; // not written: fill values
            }
            let packed = usize::try_from(offset).ok().zip(usize::try_from(n).ok());
            let packed = packed.and_then(|(from, n)| bytes.get(from..from.checked_add(n)?));
            let packed = packed.ok_or_else(|| wrong("a chunk lies outside its shard"))?;
            let chunk = decode(packed.to_vec(), self.codecs, self.chunk, dtype, fill)?;
            let at = super::position(number as u64, &counts);
            let piece = Piece { at: &at, extents: self.chunk, shape, element_bytes: dtype.size_bytes() };
            piece.place(&chunk, &(0..shape.first().copied().unwrap_or(1)), &mut out);
        }
        Ok(out)
    }
}

/// The checksum of Castagnoli.
fn crc32c(bytes: &[u8]) -> u32 {
    const TABLE: [u32; 256] = {
        let mut table = [0u32; 256];
        let mut i = 0;
        while i < 256 {
            let mut value = i as u32;
            let mut bit = 0;
            while bit < 8 {
                value = if value & 1 != 0 { value >> 1 ^ 0x82f6_3b78 } else { value >> 1 };
                bit += 1;
            }
            table[i] = value;
            i += 1;
        }
        table
    };
    !bytes.iter().fold(!0u32, |sum, &byte| TABLE[((sum ^ u32::from(byte)) & 255) as usize] ^ sum >> 8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_castagnoli_s() {
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
    }

    #[test]
    fn a_transposed_chunk_comes_back() {
        // (2, 3) stored as (3, 2).
        let stored = vec![1, 4, 2, 5, 3, 6];
        let codecs = [Codec::Transpose(vec![1, 0]), Codec::Bytes { big_endian: false }];
        assert_eq!(decode(stored.clone(), &codecs, &[2, 3], DType::U8, &[0]).unwrap(), [1, 2, 3, 4, 5, 6]);
        assert!(decode(stored.clone(), &codecs, &[2, 4], DType::U8, &[0]).is_err());
        assert!(decode(stored, &[Codec::Transpose(vec![0, 0])], &[2, 3], DType::U8, &[0]).is_err());
    }
}
