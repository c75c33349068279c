//! Reads and writes the numbers in ROOT files: trees (`TTree`, `TNtuple`) with branches of numbers, fixed arrays, lists
//! with a counter and `std::vector`s. RNTuples are read as trees.
//!
//! In: anything that can be read and sought. Out: the trees of all directories, their branches with types, and any
//! entries of a branch, read basket by basket. Text, objects and vectors of vectors are listed, not read. Input is not
//! trusted: damaged bytes are errors, and no memory is taken for what a file only claims.

mod basket;
mod blocks;
mod branch;
mod bytes;
mod classes;
mod error;
mod file;
mod ntuple;
mod number;
mod object;
mod opaque;
mod read;
mod streamers;
mod tree;
mod write;

pub use blocks::Compression;
pub use error::{Error, Result};
pub use number::Number;
pub use opaque::Object;
pub use read::{Column, whole_numbers};
pub use tree::{Branch, Lists, Text, Tree};
pub use write::{NewBranch, NewLists, Writer};

use basket::Basket;
use file::Container;
use read::Kept;
use std::io::{Read, Seek};
use std::ops::Range;
use streamers::Streamers;

/// An open ROOT file.
#[derive(Debug)]
pub struct File<R> {
    container: Container<R>,
    kept: Kept<Basket>,
    kept_pages: Kept<Vec<u8>>,
    /// Every tree that can be read, in the order of the directories.
    pub trees: Vec<Tree>,
    /// Paths of trees that cannot be read, and why.
    pub skipped: Vec<(String, String)>,
    /// Paths and classes of everything that is no tree.
    pub others: Vec<(String, String)>,
    /// Of [`File::others`].
    keys: Vec<file::Key>,
    /// Every path of trees and others, in the order of the directories.
    pub order: Vec<String>,
}

impl<R: Read + Seek> File<R> {
    /// Reads the directories and the descriptions of all trees, but no values.
    ///
    /// # Errors
    /// [`Error::Damaged`] if this is no ROOT file or its directories cannot be read.
    pub fn open(source: R) -> Result<File<R>> {
        let container = Container::open(source)?;
        let (trees, skipped, others) = (Vec::new(), Vec::new(), Vec::new());
        let (kept, kept_pages, keys) = (Kept::default(), Kept::default(), Vec::new());
        let order = container.entries.iter().map(|entry| entry.path.clone()).collect();
        let mut file = File { container, kept, kept_pages, trees, skipped, others, keys, order };
        let streamers = file.streamers();
        for entry in std::mem::take(&mut file.container.entries) {
            let tree = match entry.key.class.as_str() {
                "TTree" | "TNtuple" | "TNtupleD" => file.tree(&entry, &streamers),
                "ROOT::RNTuple" | "ROOT::Experimental::RNTuple" => ntuple::open(&mut file.container, &entry),
                _ => {
                    file.others.push((entry.path, entry.key.class.clone()));
                    file.keys.push(entry.key);
                    continue;
                }
            };
            match tree {
                Ok(tree) => file.trees.push(tree),
                Err(Error::Io(error)) => return Err(error.into()),
                Err(error) => file.skipped.push((entry.path, error.to_string())),
            }
        }
        Ok(file)
    }

    /// What the file says of its classes; nothing where it cannot be read, for the classes of trees are known.
    fn streamers(&mut self) -> Streamers {
        let (place, n_bytes) = self.container.streamers;
        if n_bytes == 0 {
            return Streamers::default();
        }
        let read = self.container.content_at(place);
        read.and_then(|(key, content)| Streamers::read(&content, key.n_header as usize)).unwrap_or_default()
    }

    /// The object with index `idx` of [`File::others`], to be written into another file.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for objects that are too large or only make sense in their file.
    pub fn object(&mut self, idx: usize) -> Result<Object> {
        let found = self.others.get(idx).zip(self.keys.get(idx));
        let ((path, _), key) = found.ok_or_else(|| Error::usage(format!("the file has no object {idx}")))?;
        Object::read(&mut self.container, path, key)
    }

    /// The descriptions of all classes in the file, to be written beside objects of those classes.
    ///
    /// # Errors
    /// [`Error::Damaged`] if there are none that can be read.
    pub fn descriptions(&mut self) -> Result<Object> {
        let (key, _) = self.container.content_at(self.container.streamers.0)?;
        Object::read(&mut self.container, &key.name.clone(), &key)
    }

    /// How the file says that it packs what it holds.
    pub fn compression(&self) -> Compression {
        Compression::from_code(self.container.compression)
    }

    fn tree(&mut self, entry: &file::Entry, streamers: &Streamers) -> Result<Tree> {
        let content = self.container.content(&entry.key)?;
        let n_header = entry.key.n_header as usize;
        Tree::read(&content, n_header, &entry.key.class, &entry.path, streamers, self.container.len)
    }

    /// Some entries of the branch with index `branch` of the tree with index `tree`.
    ///
    /// # Errors
    /// [`Error::Damaged`] for baskets that do not hold what the tree says, [`Error::Usage`] for unknown indices.
    pub fn read(&mut self, tree: usize, branch: usize, entries: Range<u64>) -> Result<Column> {
        let tree =
            self.trees.get(tree).ok_or_else(|| Error::usage(format!("the file has no tree {tree}")))?;
        let Some(clusters) = &tree.ntuple else {
            return read::read(&mut self.container, &mut self.kept, tree, branch, entries);
        };
        let branch = tree.branch(branch, &entries)?;
        ntuple::read(&mut self.container, &mut self.kept_pages, clusters, branch, entries)
    }
}
