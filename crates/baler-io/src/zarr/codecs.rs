//! The codecs of Zarr's chunks, one after the other, undone and done: numbers to bytes in either order, transposed axes,
//! shards ([`super::shards`]), and what packs bytes ([`super::packers`]). Refuses others by name, and chunks that unpack
//! to another size than they should.

use super::blosc::Blosc;
use super::describe::Element;
use super::packers::{Packer, Sum};
use super::shards::Shards;
use super::{texts, wrong};
use crate::arrays::credible;
use baler_data::error::{Error, Result};
use serde_json::{Value, json};

/// Shards inside shards.
const MAX_DEPTH: usize = 4;

/// What was done to a chunk, first to last.
#[derive(Debug, Clone, PartialEq)]
pub enum Codec {
    /// Axes in another order: axis i of the result is axis `order[i]`.
    Transpose(Vec<usize>),
    /// Numbers to bytes.
    Bytes {
        /// Most significant byte first.
        big_endian: bool,
    },
    /// Texts of variable length, of at most so many bytes.
    Texts(usize),
    /// Smaller chunks inside, with an index at the start or the end.
    Shards(Shards),
    /// Bytes to fewer bytes.
    Packer(Packer),
}

/// The codecs of a version 3 array.
pub fn parse(codecs: &Value, element: Element) -> Result<Vec<Codec>> {
    parse_inside(codecs, element, 0)
}

fn parse_inside(codecs: &Value, element: Element, depth: usize) -> Result<Vec<Codec>> {
    if depth > MAX_DEPTH {
        return Err(wrong("expected at most 4 shards inside each other"));
    }
    let codecs = codecs.as_array().ok_or_else(|| wrong("expected a list of codecs"))?;
    codecs.iter().map(|codec| one(codec, element, depth)).collect()
}

fn one(codec: &Value, element: Element, depth: usize) -> Result<Codec> {
    let name =
        codec.as_str().or(codec["name"].as_str()).ok_or_else(|| wrong("expected the name of a codec"))?;
    let told = &codec["configuration"];
    Ok(match name {
        texts::NAME => Codec::Texts(element.n_bytes),
        "bytes" => Codec::Bytes { big_endian: told["endian"].as_str() == Some("big") },
        "transpose" => {
            let order = told["order"]
                .as_array()
                .map(|o| o.iter().map(|axis| usize::try_from(axis.as_u64()?).ok()).collect());
            Codec::Transpose(order.flatten().ok_or_else(|| wrong("expected the order of a transpose"))?)
        }
        "sharding_indexed" => Codec::Shards(Shards {
            chunk: super::extents(&told["chunk_shape"])?,
            codecs: parse_inside(&told["codecs"], element, depth + 1)?,
            index: parse_inside(&told["index_codecs"], Element::of(8), depth + 1)?,
            at_end: told["index_location"].as_str() != Some("start"),
        }),
        _ => Codec::Packer(packer(name.strip_prefix("numcodecs.").unwrap_or(name), told)?),
    })
}

/// A packer by its name in Zarr or numcodecs.
fn packer(name: &str, told: &Value) -> Result<Packer> {
    let number = |key: &str, otherwise: i64| told[key].as_i64().unwrap_or(otherwise);
    let level = |otherwise: i64| number("level", otherwise).clamp(0, 9) as u32;
    let at_start = |otherwise: &str| told["location"].as_str().unwrap_or(otherwise) == "start";
    Ok(match name {
        "gzip" => Packer::Gzip(level(5)),
        "zlib" => Packer::Zlib(level(1)),
        "bz2" => Packer::Bz2(level(1).max(1)),
        "zstd" => Packer::Zstd {
            level: number("level", 3).clamp(-7, 22) as i32,
            checksum: told["checksum"].as_bool() == Some(true),
        },
        "lz4" => Packer::Lz4,
        "blosc" => Packer::Blosc(Blosc {
            name: told["cname"].as_str().unwrap_or("lz4").to_string(),
            level: number("clevel", 5).clamp(0, 9) as i32,
            shuffle: told["shuffle"] == "shuffle" || told["shuffle"] == 1 || told["shuffle"] == -1,
            type_bytes: number("typesize", 0).clamp(0, 255) as usize,
        }),
        "shuffle" => Packer::Shuffle(number("elementsize", 4).clamp(1, 255) as usize),
        "crc32c" => Packer::Sum { sum: Sum::Crc32c, at_start: at_start("end") },
        "fletcher32" => Packer::Sum { sum: Sum::Fletcher32, at_start: false },
        "crc32" => Packer::Sum { sum: Sum::Crc32, at_start: at_start("start") },
        "adler32" => Packer::Sum { sum: Sum::Adler32, at_start: at_start("start") },
        other => {
            return Err(Error::unsupported(format!(
                "the Zarr codec '{other}' is not read; write the array again with zstd"
            )));
        }
    })
}

/// The codecs of a version 2 array.
pub fn parse_old(array: &Value, big_endian: bool, rank: usize, element: Element) -> Result<Vec<Codec>> {
    let mut codecs = Vec::new();
    if array["order"].as_str() == Some("F") {
        codecs.push(Codec::Transpose((0..rank).rev().collect()));
    }
    let filters = array["filters"].as_array().map_or(&[][..], |filters| filters);
    let (first, filters) = match filters {
        [first, filters @ ..] if first["id"] == texts::NAME => (Codec::Texts(element.n_bytes), filters),
        filters => (Codec::Bytes { big_endian }, filters),
    };
    let type_bytes = if matches!(first, Codec::Texts(_)) { 1 } else { element.n_bytes.min(255) };
    codecs.push(first);
    for told in filters.iter().chain(Some(&array["compressor"]).filter(|told| !told.is_null())) {
        let mut packer = packer(told["id"].as_str().unwrap_or("?"), told)?;
        if let Packer::Blosc(blosc) = &mut packer
            && blosc.type_bytes == 0
        {
            blosc.type_bytes = type_bytes;
        }
        codecs.push(Codec::Packer(packer));
    }
    Ok(codecs)
}

/// The description of a packer: (name, parameters).
pub fn describe(packer: &Packer) -> (&'static str, Value) {
    match packer {
        Packer::Gzip(level) => ("gzip", json!({"level": level})),
        Packer::Zlib(level) => ("zlib", json!({"level": level})),
        Packer::Bz2(level) => ("bz2", json!({"level": level})),
        Packer::Zstd { level, checksum } => ("zstd", json!({"level": level, "checksum": checksum})),
        Packer::Lz4 => ("lz4", json!({})),
        Packer::Blosc(Blosc { name, level, shuffle, type_bytes }) => {
            let shuffle = if *shuffle { "shuffle" } else { "noshuffle" };
            let told = json!({
                "typesize": type_bytes, "cname": name, "clevel": level, "shuffle": shuffle, "blocksize": 0,
            });
            ("blosc", told)
        }
        Packer::Shuffle(size) => ("shuffle", json!({"elementsize": size})),
        Packer::Sum { sum, .. } => match sum {
            Sum::Crc32c => ("crc32c", json!({})),
            Sum::Crc32 => ("crc32", json!({})),
            Sum::Adler32 => ("adler32", json!({})),
            Sum::Fletcher32 => ("fletcher32", json!({})),
        },
    }
}

/// Bytes of a chunk before it is packed.
pub fn chunk_bytes(shape: &[u64], element: Element) -> Result<usize> {
    let n_values = shape.iter().try_fold(1u64, |n, &extent| n.checked_mul(extent));
    let n_bytes = n_values.and_then(|n| usize::try_from(n).ok()?.checked_mul(element.n_bytes));
    n_bytes.filter(|&n| n <= isize::MAX as usize).ok_or_else(|| wrong("a chunk is larger than any file"))
}

/// The shape that each codec is given.
fn shapes(codecs: &[Codec], shape: &[u64]) -> Result<Vec<Vec<u64>>> {
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
    Ok(shapes)
}

/// The bytes of a chunk of `shape`, little-endian and in C order.
pub fn decode(
    bytes: Vec<u8>,
    codecs: &[Codec],
    shape: &[u64],
    element: Element,
    fill: &[u8],
) -> Result<Vec<u8>> {
    let n_bytes = chunk_bytes(shape, element)?;
    // Texts have their lengths before them.
    let are_texts = codecs.iter().any(|codec| matches!(codec, Codec::Texts(_)));
    let most =
        if are_texts { n_bytes.saturating_add(n_bytes / element.n_bytes.max(1) * 4 + 4) } else { n_bytes };
    let mut bytes = bytes;
    for (codec, shape) in codecs.iter().zip(&shapes(codecs, shape)?).rev() {
        bytes = match codec {
            Codec::Packer(packer) => packer.unpack(bytes, most)?,
            Codec::Texts(width) => texts::filled_up(&bytes, *width, n_bytes)?,
            Codec::Bytes { big_endian } => in_order(bytes, *big_endian, element),
            Codec::Transpose(order) => {
                transposed_back(&checked(bytes, n_bytes)?, order, shape, element.n_bytes)
            }
            Codec::Shards(shards) => {
                // Shards that are read piece by piece do not come here; what does, is made as a whole.
                credible(n_bytes as u64, bytes.len() as u64)?;
                let mut out = super::filled(n_bytes, fill)?;
                let all = 0..shape.first().copied().unwrap_or(1);
                shards.place(&bytes, shape, element, fill, &all, &mut |piece, chunk| {
                    piece.place(chunk, &all, &mut out);
                })?;
                out
            }
        };
    }
    checked(bytes, n_bytes)
}

/// The bytes of a chunk of at most so many bytes, whose packers alone are undone.
pub fn unpack(bytes: Vec<u8>, codecs: &[Codec], most: usize) -> Result<Vec<u8>> {
    let mut packers = codecs.iter().rev().filter_map(|codec| match codec {
        Codec::Packer(packer) => Some(packer),
        _ => None,
    });
    packers.try_fold(bytes, |bytes, packer| {
        let most = most.min(bytes.len().saturating_mul(4096).max(1 << 16));
        packer.unpack(bytes, most)
    })
}

/// Inverse of [`decode`].
pub fn encode(
    bytes: Vec<u8>,
    codecs: &[Codec],
    shape: &[u64],
    element: Element,
    fill: &[u8],
) -> Result<Vec<u8>> {
    let mut bytes = bytes;
    for (codec, shape) in codecs.iter().zip(&shapes(codecs, shape)?) {
        bytes = match codec {
            Codec::Packer(packer) => packer.pack(bytes)?,
            Codec::Texts(width) => texts::cut_down(&bytes, *width),
            Codec::Bytes { big_endian } => in_order(bytes, *big_endian, element),
            Codec::Transpose(order) => transposed(&bytes, order, shape, element.n_bytes),
            Codec::Shards(shards) => shards.encode(&bytes, shape, element, fill)?,
        };
    }
    Ok(bytes)
}

/// Little-endian to big-endian or back, where `big_endian` says so.
fn in_order(mut bytes: Vec<u8>, big_endian: bool, element: Element) -> Vec<u8> {
    if big_endian {
        bytes.chunks_exact_mut(element.number_bytes.max(1)).for_each(<[u8]>::reverse);
    }
    bytes
}

fn checked(bytes: Vec<u8>, n_bytes: usize) -> Result<Vec<u8>> {
    match bytes.len() == n_bytes {
        true => Ok(bytes),
        false => Err(wrong(format!("expected a chunk of {n_bytes} bytes, found {}", bytes.len()))),
    }
}

/// From the order of axes after a transpose back to `shape`.
fn transposed_back(bytes: &[u8], order: &[usize], shape: &[u64], size: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    each_place(order, shape, size, bytes.len(), |from| out.extend_from_slice(&bytes[from..from + size]));
    out
}

/// Inverse of [`transposed_back`].
fn transposed(bytes: &[u8], order: &[usize], shape: &[u64], size: usize) -> Vec<u8> {
    let mut out = vec![0; bytes.len()];
    let mut elements = bytes.chunks_exact(size);
    each_place(order, shape, size, bytes.len(), |to| {
        out[to..to + size].copy_from_slice(elements.next().unwrap_or_default());
    });
    out
}

/// Where each element of an array of `shape`, in C order, stands after a transpose.
fn each_place(order: &[usize], shape: &[u64], size: usize, n_bytes: usize, mut visit: impl FnMut(usize)) {
    let mut strides = vec![0usize; shape.len()];
    let mut stride = size;
    for &axis in order.iter().rev() {
        strides[axis] = stride;
        stride *= shape[axis] as usize;
    }
    let mut at = vec![0u64; shape.len()];
    for _ in 0..n_bytes / size {
        visit(at.iter().zip(&strides).map(|(&i, &stride)| i as usize * stride).sum());
        for axis in (0..shape.len()).rev() {
            at[axis] += 1;
            if at[axis] < shape[axis] {
                break;
            }
            at[axis] = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BYTE: Element = Element { number_bytes: 1, n_bytes: 1 };

    #[test]
    fn a_transposed_chunk_comes_back() {
        // (2, 3) stored as (3, 2).
        let stored = vec![1, 4, 2, 5, 3, 6];
        let codecs = [Codec::Transpose(vec![1, 0]), Codec::Bytes { big_endian: false }];
        let whole = decode(stored.clone(), &codecs, &[2, 3], BYTE, &[0]).unwrap();
        assert_eq!(whole, [1, 2, 3, 4, 5, 6]);
        assert_eq!(encode(whole, &codecs, &[2, 3], BYTE, &[0]).unwrap(), stored);
        assert!(decode(stored.clone(), &codecs, &[2, 4], BYTE, &[0]).is_err());
        assert!(decode(stored, &[Codec::Transpose(vec![0, 0])], &[2, 3], BYTE, &[0]).is_err());
    }

    #[test]
    fn descriptions_name_what_was_parsed() {
        for (name, told) in [("zstd", json!({"level": 7})), ("blosc", json!({"clevel": 2, "cname": "zstd"}))]
        {
            let packer = packer(name, &told).unwrap();
            let (name_again, told) = describe(&packer);
            assert_eq!((name_again, super::packer(name_again, &told).unwrap()), (name, packer));
        }
    }
}
