//! Values as filtered chunks and the tree that finds them (version 1, which every HDF5 reads). The filters are those that
//! the source had, where they are written here: shuffle, then deflate, lzf or zstd, then fletcher32; for others deflate.
//! A chunk that holds nothing but the fill value is not stored.

use super::fields::UNDEFINED;
use super::filters;
use crate::piece::Piece;
use baler_data::error::{Error, Result};
use baler_data::metadata::{Codec, Packing};
use rayon::prelude::*;

/// Bytes of a chunk before it is packed, about, where the source does not say.
const CHUNK_BYTES: u64 = 1 << 20;
/// Most bytes of a chunk: they are counted by 32 bits.
const MOST_BYTES: u64 = 1 << 30;
/// Bytes of a chunk that an array of any size may have; larger ones take at most 16 times the array.
const SMALL_BYTES: u64 = 1 << 26;
/// zlib's level where the source does not say: netCDF's default.
const LEVEL: u32 = 4;
/// Children of a node of the tree, as a file without a word about it has.
const N_CHILDREN: usize = 64;

/// Packed chunks.
pub struct Chunks {
    /// Extents of a chunk.
    pub extents: Vec<u64>,
    /// The message that names the filters; none if there are none.
    pub filters: Option<Vec<u8>>,
    /// (first element, bytes) of each, in C order.
    pub packed: Vec<(Vec<u64>, Vec<u8>)>,
    /// Extents of the array.
    shape: Vec<u64>,
}

/// An array before it is packed.
pub struct Unpacked<'a> {
    /// The values, C order.
    pub raw: &'a [u8],
    /// Extents.
    pub shape: &'a [u64],
    /// How far each axis can grow.
    pub most: &'a [u64],
    /// Bytes of an element.
    pub element_bytes: usize,
    /// What stands where nothing was written; zeros if empty.
    pub fill: &'a [u8],
}

/// True for arrays that must be written in chunks, or were.
pub fn are_wanted(packing: &Packing, shape: &[u64], most: &[u64]) -> bool {
    let packed =
        packing.codec != Codec::None || packing.shuffle || packing.checksum || !packing.chunk.is_empty();
    !shape.is_empty() && (packed || most != shape)
}

/// The extents of chunks: those of the source where they fit.
fn extents(packing: &Packing, array: &Unpacked) -> Vec<u64> {
    let clipped = |(&chunk, &most): (&u64, &u64)| chunk.min(most.max(1));
    let told: Vec<u64> = packing.chunk.iter().zip(array.most).map(clipped).collect();
    let n_bytes = told.iter().try_fold(array.element_bytes as u64, |n, &extent| n.checked_mul(extent));
    // What the source says may be made up.
    let most = SMALL_BYTES.max(16 * array.raw.len() as u64).min(MOST_BYTES);
    if told.len() == array.shape.len() && n_bytes.is_some_and(|n| (1..=most).contains(&n)) {
        return told;
    }
    let mut chunk: Vec<u64> = array.shape.iter().map(|&n| n.max(1)).collect();
    for axis in 0..chunk.len() {
        let others: u64 = chunk[axis + 1..].iter().product::<u64>() * array.element_bytes as u64;
        chunk[axis] = chunk[axis].min((CHUNK_BYTES / others.max(1)).max(1));
    }
    chunk
}

/// Filters of these numbers, with their names and parameters, as a message of version 2.
fn message(filters: &[(u16, &str, Vec<u32>)]) -> Vec<u8> {
    let mut body = vec![2, filters.len() as u8];
    for (id, name, values) in filters {
        body.extend_from_slice(&id.to_le_bytes());
        if *id >= 256 {
            body.extend_from_slice(&(name.len() as u16).to_le_bytes());
        }
        // Checksums are wanted; a chunk that others cannot pack may go without them.
        body.extend_from_slice(&u16::from(*id != 3).to_le_bytes());
        body.extend_from_slice(&(values.len() as u16).to_le_bytes());
        if *id >= 256 {
            body.extend_from_slice(name.as_bytes());
        }
        values.iter().for_each(|value| body.extend_from_slice(&value.to_le_bytes()));
    }
    body
}

/// Packs an array.
pub fn pack(packing: &Packing, array: &Unpacked) -> Result<Chunks> {
    let extents = extents(packing, array);
    let n_bytes = extents.iter().product::<u64>() as usize * array.element_bytes;
    let level = packing.level.and_then(|level| u32::try_from(level).ok()).filter(|&level| level <= 9);
    let codec = match packing.codec {
        codec @ (Codec::None | Codec::Lzf | Codec::Zstd) => codec,
        _ => Codec::Deflate,
    };
    let mut filters = Vec::new();
    if packing.shuffle {
        filters.push((2, "", vec![array.element_bytes as u32]));
    }
    let level = match (packing.codec, codec) {
        (Codec::Deflate, Codec::Deflate) => level.unwrap_or(LEVEL),
        (_, Codec::Zstd) => packing.level.unwrap_or(3).clamp(1, 22) as u32,
        _ => LEVEL,
    };
    match codec {
        Codec::Deflate => filters.push((1, "", vec![level])),
        Codec::Zstd => filters.push((32015, "zstd\0\0\0\0", vec![level])),
        // The version of the filter, that of LibLZF, and the bytes of a chunk, as h5py has them.
        Codec::Lzf => filters.push((32000, "lzf\0\0\0\0\0", vec![4, 0x105, n_bytes as u32])),
        _ => {}
    }
    if packing.checksum {
        filters.push((3, "", Vec::new()));
    }
    let counts: Vec<u64> = array.shape.iter().zip(&extents).map(|(n, chunk)| n.div_ceil(*chunk)).collect();
    let empty = filled(n_bytes, array.fill);
    let one = |number: u64| -> Result<Option<(Vec<u64>, Vec<u8>)>> {
        let at = position(number, &counts);
        let (shape, element_bytes) = (array.shape, array.element_bytes);
        let mut chunk = empty.clone();
        Piece { at: &at, extents: &extents, shape, element_bytes }.take(array.raw, &mut chunk);
        if chunk == empty {
            return Ok(None);
        }
        if packing.shuffle {
            chunk = filters::shuffle(&chunk, element_bytes);
        }
        chunk = packed(chunk, codec, level)?;
        if packing.checksum {
            let sum = filters::fletcher32(&chunk);
            chunk.extend_from_slice(&sum.to_le_bytes());
        }
        Ok(Some((at.iter().zip(&extents).map(|(at, extent)| at * extent).collect(), chunk)))
    };
    let n_chunks: u64 = counts.iter().product();
    let packed: Vec<Option<_>> = (0..n_chunks).into_par_iter().map(one).collect::<Result<_>>()?;
    let filters = (!filters.is_empty()).then(|| message(&filters));
    Ok(Chunks {
        extents,
        filters,
        packed: packed.into_iter().flatten().collect(),
        shape: array.shape.to_vec(),
    })
}

fn packed(chunk: Vec<u8>, codec: Codec, level: u32) -> Result<Vec<u8>> {
    use std::io::Write;
    let failed = |e| Error::io("packing a chunk", e);
    match codec {
        Codec::Deflate => {
            let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::new(level));
            encoder.write_all(&chunk).and_then(|()| encoder.finish()).map_err(failed)
        }
        Codec::Zstd => zstd::bulk::compress(&chunk, level as i32).map_err(failed),
        Codec::Lzf => Ok(filters::lzf(&chunk)),
        _ => Ok(chunk),
    }
}

/// `n_bytes` of fill values.
fn filled(n_bytes: usize, fill: &[u8]) -> Vec<u8> {
    let mut out = vec![0; n_bytes];
    if fill.iter().any(|&byte| byte != 0) {
        out.chunks_exact_mut(fill.len()).for_each(|element| element.copy_from_slice(fill));
    }
    out
}

/// The position of the chunk `number` of all in C order.
fn position(number: u64, counts: &[u64]) -> Vec<u64> {
    let mut rest = number;
    let mut at = vec![0; counts.len()];
    for (at, &count) in at.iter_mut().zip(counts).rev() {
        *at = rest % count.max(1);
        rest /= count.max(1);
    }
    at
}

impl Chunks {
    /// Bytes of all chunks.
    pub fn size_bytes(&self) -> u64 {
        self.packed.iter().map(|(_, bytes)| bytes.len() as u64).sum()
    }

    /// Bytes of a node of the tree.
    fn node_bytes(&self) -> u64 {
        (24 + (N_CHILDREN + 1) * self.key_bytes() + N_CHILDREN * 8) as u64
    }

    fn key_bytes(&self) -> usize {
        8 + 8 * (self.extents.len() + 1)
    }

    /// The nodes of the tree, which stands at `start`, of chunks that follow each other from `data` on; and the address
    /// of its root.
    pub fn tree(&self, data: u64, start: u64) -> (Vec<u8>, u64) {
        let mut at = data;
        // (key, address) of what the next level is made of.
        let mut below: Vec<(Vec<u8>, u64)> = Vec::new();
        for (first, bytes) in &self.packed {
            below.push((self.key(bytes.len() as u32, first), at));
            at += bytes.len() as u64;
        }
        if below.is_empty() {
            return (Vec::new(), UNDEFINED);
        }
        let behind: Vec<u64> =
            self.shape.iter().zip(&self.extents).map(|(n, e)| n.next_multiple_of(*e)).collect();
        let last_key = self.key(0, &behind);
        let mut nodes = Vec::new();
        for level in 0u8.. {
            let n_nodes = below.len().div_ceil(N_CHILDREN);
            let first_address = start + nodes.len() as u64;
            let address = |idx: usize| first_address + idx as u64 * self.node_bytes();
            let mut above = Vec::new();
            for (idx, children) in below.chunks(N_CHILDREN).enumerate() {
                let mut node = [b"TREE".as_slice(), &[1, level]].concat();
                node.extend_from_slice(&(children.len() as u16).to_le_bytes());
                let left = if idx == 0 { UNDEFINED } else { address(idx - 1) };
                let right = if idx + 1 == n_nodes { UNDEFINED } else { address(idx + 1) };
                node.extend_from_slice(&left.to_le_bytes());
                node.extend_from_slice(&right.to_le_bytes());
                for (key, child) in children {
                    node.extend_from_slice(key);
                    node.extend_from_slice(&child.to_le_bytes());
                }
                let next = below.get((idx + 1) * N_CHILDREN).map_or(&last_key, |(key, _)| key);
                node.extend_from_slice(next);
                node.resize(self.node_bytes() as usize, 0);
                above.push((children[0].0.clone(), address(idx)));
                nodes.extend(node);
            }
            if let [(_, root)] = above[..] {
                return (nodes, root);
            }
            below = above;
        }
        (nodes, UNDEFINED)
    }

    /// A key: stored bytes, no filter left out, the first element, and a 0 for the axis of bytes.
    fn key(&self, n_bytes: u32, first: &[u64]) -> Vec<u8> {
        let mut key = [n_bytes.to_le_bytes(), [0; 4]].concat();
        first.iter().chain(&[0]).for_each(|at| key.extend_from_slice(&at.to_le_bytes()));
        key
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_chunk_has_its_place_in_the_tree_and_empty_ones_none() {
        let raw: Vec<u8> = (0..10_000u32).flat_map(|i| if i < 90 { [0, 0] } else { [i as u8, 1] }).collect();
        let packing = Packing { codec: Codec::Lzf, shuffle: true, chunk: vec![30], ..Packing::default() };
        let array = Unpacked { raw: &raw, shape: &[10_000], most: &[10_000], element_bytes: 2, fill: &[] };
        let chunks = pack(&packing, &array).unwrap();
        assert_eq!(chunks.packed.len(), 10_000usize.div_ceil(30) - 3);
        let (nodes, root) = chunks.tree(1000, 1000 + chunks.size_bytes());
        assert_eq!(nodes.len() as u64 % chunks.node_bytes(), 0);
        assert_eq!(root, 1000 + chunks.size_bytes() + nodes.len() as u64 - chunks.node_bytes());
    }

    #[test]
    fn chunks_that_no_file_can_have_are_made_anew() {
        let array =
            Unpacked { raw: &[], shape: &[1 << 20, 3], most: &[1 << 20, 3], element_bytes: 8, fill: &[] };
        for chunk in [vec![1 << 40, 3], vec![0, 3], vec![5], vec![]] {
            let packing = Packing { codec: Codec::Deflate, chunk: chunk.clone(), ..Packing::default() };
            let found = extents(&packing, &array);
            assert!(found.iter().product::<u64>() * 8 <= MOST_BYTES && found.len() == 2, "{chunk:?}");
        }
    }
}
