//! Where the objects of a new HDF5 file stand, and its global heap, which keeps values of variable length and is filled
//! while headers are made.

use super::items::Places;
use std::collections::HashMap;

/// Objects of a collection of the global heap, whose indices have 16 bits.
const MOST_IN_COLLECTION: usize = 60_000;
/// Bytes of a collection from which a new one is begun; HDF5 wants 4096 at least.
const COLLECTION_BYTES: usize = 1 << 16;

/// Where objects stand, and the global heap that is filled on the way.
pub struct Addresses {
    pub paths: HashMap<String, u64>,
    /// Collections that are finished, and the one that is not.
    pub heap: Vec<Vec<u8>>,
    /// Objects of each collection.
    pub ends: Vec<usize>,
    pub base: u64,
}

impl Addresses {
    /// All collections, each closed with the free space that fills it up.
    pub fn finish(&mut self) -> Vec<u8> {
        if let Some(last) = self.heap.last_mut() {
            close(last);
        }
        self.heap.concat()
    }
}

/// Fills a collection up to its least size and says how large it is.
fn close(collection: &mut Vec<u8>) {
    let free = 4096usize.saturating_sub(collection.len()).max(16);
    collection.extend([0; 8]);
    collection.extend_from_slice(&(free as u64).to_le_bytes());
    collection.resize(collection.len() - 16 + free, 0);
    let n_bytes = collection.len() as u64;
    collection[8..16].copy_from_slice(&n_bytes.to_le_bytes());
}

impl Places for Addresses {
    fn keep(&mut self, object: &[u8]) -> (u64, u32) {
        let full =
            |collection: &Vec<u8>, n: usize| collection.len() > COLLECTION_BYTES || n >= MOST_IN_COLLECTION;
        if self.heap.last().zip(self.ends.last()).is_none_or(|(collection, &n)| full(collection, n)) {
            if let Some(last) = self.heap.last_mut() {
                close(last);
            }
            self.heap.push([b"GCOL\x01\0\0\0".as_slice(), &[0; 8]].concat());
            self.ends.push(0);
        }
        let before: usize = self.heap[..self.heap.len() - 1].iter().map(Vec::len).sum();
        let (Some(collection), Some(n)) = (self.heap.last_mut(), self.ends.last_mut()) else { return (0, 0) };
        *n += 1;
        collection.extend_from_slice(&(*n as u16).to_le_bytes());
        collection.extend([0; 6]);
        collection.extend_from_slice(&(object.len() as u64).to_le_bytes());
        collection.extend_from_slice(object);
        collection.resize(collection.len().next_multiple_of(8), 0);
        (self.base + before as u64, *n as u32)
    }

    fn address(&mut self, path: &str) -> u64 {
        self.paths.get(path).copied().unwrap_or(0)
    }
}
