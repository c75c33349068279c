//! Objects that are no trees, from one file to another byte for byte: what a key holds, and the header that it needs, for
//! references inside an object count from the start of its key. Refuses what only makes sense in its own file.

use crate::error::{Error, Result};
use crate::file::{Container, Key};
use crate::write::header_bytes;
use std::io::{Read, Seek};

/// Content that is carried at most.
const MAX_BYTES: usize = 1 << 24;
/// Classes that point at places in their file, or are read otherwise.
const BOUND: [&str; 8] = ["TTree", "TNtuple", "TChain", "TBasket", "TDirectory", "TFile", "TKey", "ROOT::"];

/// An object with its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// Directories and name, with slashes between.
    pub path: String,
    /// Class of the content.
    pub class: String,
    /// Title of the key.
    pub title: String,
    /// True if places in the key have 64 bits.
    pub is_large: bool,
    /// Unpacked.
    pub content: Vec<u8>,
}

impl Object {
    /// The object behind a key.
    pub(crate) fn read<R: Read + Seek>(file: &mut Container<R>, path: &str, key: &Key) -> Result<Object> {
        if BOUND.iter().any(|class| key.class.starts_with(class)) {
            return Err(Error::unsupported("belongs to its file"));
        }
        if key.n_unpacked > MAX_BYTES {
            return Err(Error::unsupported(format!("has {} bytes", key.n_unpacked)));
        }
        let n_header = header_bytes(&key.class, &key.name, &key.title, key.is_large);
        if n_header as u64 != key.n_header || path.rsplit('/').next() != Some(&key.name) {
            return Err(Error::unsupported("has a key with more than its names"));
        }
        let content = file.content(key)?;
        let (path, class, title) = (path.to_string(), key.class.clone(), key.title.clone());
        Ok(Object { path, class, title, is_large: key.is_large, content })
    }
}
