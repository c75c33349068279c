//! Shards: chunks inside a chunk, with an index of where each of them is. They are read chunk by chunk, so that no more
//! is held than what was stored; what an index does not have are fill values.

use super::codecs::{self, Codec};
use super::describe::Element;
use super::packers::{Packer, Sum};
use super::wrong;
use crate::piece::Piece;
use baler_data::error::Result;
use std::ops::Range;

/// How a chunk is divided.
#[derive(Debug, Clone, PartialEq)]
pub struct Shards {
    /// Extents of the chunks inside.
    pub chunk: Vec<u64>,
    /// Their codecs.
    pub codecs: Vec<Codec>,
    /// Those of the index.
    pub index: Vec<Codec>,
    /// True if the index stands at the end.
    pub at_end: bool,
}

impl Shards {
    /// Chunks along each axis of a shard of `shape`.
    fn counts(&self, shape: &[u64]) -> Result<Vec<u64>> {
        let fits = self.chunk.len() == shape.len() && !self.chunk.contains(&0);
        if !fits || shape.iter().zip(&self.chunk).any(|(extent, chunk)| extent % chunk != 0) {
            return Err(wrong("the chunks of a shard do not fill it"));
        }
        Ok(shape.iter().zip(&self.chunk).map(|(extent, chunk)| extent / chunk).collect())
    }

    /// Gives each stored chunk that has some of `rows` of the shard, one at a time.
    pub fn place(
        &self,
        bytes: &[u8],
        shape: &[u64],
        element: Element,
        fill: &[u8],
        rows: &Range<u64>,
        take: &mut dyn FnMut(Piece, &[u8]),
    ) -> Result<()> {
        let counts = self.counts(shape)?;
        let n_chunks = counts.iter().try_fold(1u64, |n, &count| n.checked_mul(count));
        let is_sum = |codec: &&Codec| matches!(codec, Codec::Packer(Packer::Sum { .. }));
        let n_sums = self.index.iter().filter(is_sum).count() as u64;
        let n_index =
            n_chunks.and_then(|n| usize::try_from(n.checked_mul(16)?.checked_add(4 * n_sums)?).ok());
        let n_index = n_index.filter(|&n| n <= bytes.len());
        let (n_chunks, n_index) =
            n_chunks.zip(n_index).ok_or_else(|| wrong("the index of a shard is cut off"))?;
        let index = if self.at_end { &bytes[bytes.len() - n_index..] } else { &bytes[..n_index] };
        let index = codecs::decode(index.to_vec(), &self.index, &[n_chunks, 2], Element::of(8), &[])?;
        for (number, entry) in index.as_chunks::<16>().0.iter().enumerate() {
            let [offset, n] =
                [&entry[..8], &entry[8..]].map(|b| b.iter().rev().fold(0u64, |v, &b| v << 8 | u64::from(b)));
            if offset == u64::MAX && n == u64::MAX {
                continue; // not written: fill values
            }
            let at = super::position(number as u64, &counts);
            let first = at.first().zip(self.chunk.first()).map_or(0, |(at, chunk)| at * chunk);
            let last = first.saturating_add(self.chunk.first().copied().unwrap_or(1));
            if first >= rows.end || last <= rows.start {
                continue;
            }
            let packed = usize::try_from(offset).ok().zip(usize::try_from(n).ok());
            let packed = packed.and_then(|(from, n)| bytes.get(from..from.checked_add(n)?));
            let packed = packed.ok_or_else(|| wrong("a chunk lies outside its shard"))?;
            let chunk = codecs::decode(packed.to_vec(), &self.codecs, &self.chunk, element, fill)?;
            let extents = &self.chunk[..];
            take(Piece { at: &at, extents, shape, element_bytes: element.n_bytes }, &chunk);
        }
        Ok(())
    }

    /// The shard that holds the `bytes` of an array of `shape`; chunks of nothing but fill values are left out.
    pub fn encode(&self, bytes: &[u8], shape: &[u64], element: Element, fill: &[u8]) -> Result<Vec<u8>> {
        let counts = self.counts(shape)?;
        // Each has some of the bytes: stored metadata may claim any number.
        let n_chunks = counts.iter().try_fold(1u64, |n, &count| n.checked_mul(count));
        let n_chunks = n_chunks.filter(|&n| n <= bytes.len() as u64);
        let n_chunks = n_chunks.ok_or_else(|| wrong("a shard has fewer bytes than chunks"))?;
        let empty = super::filled(codecs::chunk_bytes(&self.chunk, element)?, fill)?;
        let is_sum = |codec: &&Codec| matches!(codec, Codec::Packer(Packer::Sum { sum: Sum::Crc32c, .. }));
        let n_index = n_chunks as usize * 16 + 4 * self.index.iter().filter(is_sum).count();
        let start = if self.at_end { 0 } else { n_index };
        let (mut index, mut packed) = (Vec::new(), Vec::new());
        for number in 0..n_chunks {
            let at = super::position(number, &counts);
            let mut chunk = empty.clone();
            let extents = &self.chunk[..];
            Piece { at: &at, extents, shape, element_bytes: element.n_bytes }.take(bytes, &mut chunk);
            if chunk == empty {
                index.extend([255; 16]);
                continue;
            }
            let stored = codecs::encode(chunk, &self.codecs, &self.chunk, element, fill)?;
            for n in [start + packed.len(), stored.len()] {
                index.extend_from_slice(&(n as u64).to_le_bytes());
            }
            packed.extend(stored);
        }
        let index = codecs::encode(index, &self.index, &[n_chunks, 2], Element::of(8), &[])?;
        Ok(if self.at_end { [packed, index] } else { [index, packed] }.concat())
    }

    /// True if an index takes the bytes that a reader expects: numbers, and checksums of four bytes.
    pub fn is_plain(&self) -> bool {
        self.index.iter().all(|codec| {
            let is_sum = matches!(codec, Codec::Packer(Packer::Sum { sum: Sum::Crc32c, at_start: false }));
            is_sum || matches!(codec, Codec::Bytes { .. })
        })
    }
}
