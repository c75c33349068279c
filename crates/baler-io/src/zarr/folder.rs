//! The folders of a Zarr store: descriptions, children, and files of chunks. Only regular files are read, links are
//! followed only where they lead to a place in the store that was not met yet, and what is counted has an end.

use super::{text, wrong};
use baler_data::error::{Error, Result};
use serde_json::Value;
use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// Folders inside each other.
const MAX_DEPTH: usize = 32;
/// Groups and arrays, at most.
const MAX_NODES: usize = 1 << 17;
/// Files of chunks of an array, at most.
const MAX_CHUNKS: usize = 1 << 22;
/// The most bytes of a JSON file.
const MAX_JSON: u64 = 1 << 26;

/// A folder of a store.
#[derive(Clone)]
pub struct Folder {
    path: PathBuf,
    depth: usize,
    store: Arc<Store>,
}

struct Store {
    /// Where the store really is.
    root: PathBuf,
    /// Folders that were met, without links.
    met: Mutex<HashSet<PathBuf>>,
}

fn reading(path: &Path, error: std::io::Error) -> Error {
    Error::io(format!("reading '{}'", path.display()), error)
}

impl Folder {
    /// The store itself, which may be a link.
    pub fn of_store(path: &Path) -> Result<Folder> {
        let root = path.canonicalize().map_err(|e| reading(path, e))?;
        let met = Mutex::new(HashSet::from([root.clone()]));
        Ok(Folder { path: root.clone(), depth: 0, store: Arc::new(Store { root, met }) })
    }

    /// Where a file or folder really is, if that is in the store.
    fn inside(&self, path: &Path) -> Option<PathBuf> {
        let real = path.canonicalize().ok()?;
        real.starts_with(&self.store.root).then_some(real)
    }

    /// A regular file of the store, with its length.
    fn file(&self, path: &Path) -> Option<(PathBuf, u64)> {
        let real = self.inside(path)?;
        let found = std::fs::metadata(&real).ok().filter(std::fs::Metadata::is_file)?;
        Some((real, found.len()))
    }

    /// True if there is such a file.
    pub fn has(&self, name: &str) -> bool {
        self.file(&self.path.join(name)).is_some()
    }

    /// A JSON file, if it is there.
    pub fn json(&self, name: &str) -> Result<Option<Value>> {
        let Some((path, n_bytes)) = self.file(&self.path.join(name)) else { return Ok(None) };
        if n_bytes > MAX_JSON {
            let text = format!("'{}' is larger than any description of an array", path.display());
            return Err(Error::limit(text));
        }
        let bytes = std::fs::read(&path).map_err(|e| reading(&path, e))?;
        text::parse(&bytes).map(Some).map_err(|e| wrong(format!("'{}' is no JSON ({e})", path.display())))
    }

    /// The bytes of a file of a chunk.
    pub fn bytes(&self, path: &Path) -> Result<Vec<u8>> {
        std::fs::read(path).map_err(|e| reading(path, e))
    }

    /// Folders inside, with their paths below `name`; links that lead out, or to what was met, are told.
    pub fn children(&self, name: &str, warnings: &mut Vec<String>) -> Result<Vec<(Folder, String)>> {
        if self.depth >= MAX_DEPTH {
            return Err(wrong("expected at most 32 groups inside each other"));
        }
        let mut children = Vec::new();
        for entry in std::fs::read_dir(&self.path).map_err(|e| reading(&self.path, e))? {
            let entry = entry.map_err(|e| reading(&self.path, e))?;
            let child = entry.file_name().to_string_lossy().into_owned();
            let below = if name.is_empty() { child } else { format!("{name}/{child}") };
            if !entry.path().is_dir() {
                continue;
            }
            let Some(path) = self.inside(&entry.path()) else {
                warnings.push(format!("'{below}' is left out: it is a link out of the store"));
                continue;
            };
            let mut met = self.store.met.lock().unwrap_or_else(PoisonError::into_inner);
            if met.len() >= MAX_NODES {
                return Err(Error::limit(format!(
                    "expected at most {MAX_NODES} folders in a store, found more"
                )));
            }
            if met.insert(path.clone()) {
                let store = self.store.clone();
                children.push((Folder { path, depth: self.depth + 1, store }, below));
            } else {
                warnings.push(format!("'{below}' is left out: it is a link to what is there already"));
            }
        }
        children.sort_by(|a, b| a.1.cmp(&b.1));
        Ok(children)
    }

    /// The files of chunks by their numbers, of which there are `rank`, and the bytes of all. What is named otherwise is
    /// none, and so is what is no regular file in the store.
    pub fn chunks(&self, start: &str, separator: char, rank: usize) -> (BTreeMap<Vec<u64>, PathBuf>, u64) {
        let mut found = BTreeMap::new();
        let mut n_bytes = 0u64;
        let mut keep = |at: Vec<u64>, path: &Path| {
            if at.len() == rank.max(usize::from(start.is_empty()))
                && found.len() < MAX_CHUNKS
                && let Some((path, len)) = self.file(path)
            {
                n_bytes = n_bytes.saturating_add(len);
                found.insert(if rank == 0 { Vec::new() } else { at }, path);
            }
        };
        let numbers = |text: &str| text.split('.').map(plain_number).collect::<Option<Vec<u64>>>();
        match (separator, start.is_empty()) {
            ('.', true) => each_entry(&self.path, |name, path| {
                numbers(name).into_iter().for_each(|at| keep(at, path));
            }),
            ('.', false) => each_entry(&self.path, |name, path| match name.strip_prefix(start) {
                Some("") => keep(Vec::new(), path),
                Some(rest) => {
                    let at = rest.strip_prefix('.').and_then(numbers);
                    at.into_iter().for_each(|at| keep(at, path));
                }
                None => {}
            }),
            (_, is_bare) => {
                let top = if is_bare { self.path.clone() } else { self.path.join(start) };
                if rank == 0 {
                    let file = if is_bare { top.join("0") } else { top };
                    keep(if is_bare { vec![0] } else { Vec::new() }, &file);
                } else {
                    nested(&top, &mut Vec::new(), rank, &mut keep);
                }
            }
        }
        (found, n_bytes)
    }
}

/// A number without signs and zeros before it.
fn plain_number(text: &str) -> Option<u64> {
    text.parse().ok().filter(|number: &u64| number.to_string() == text)
}

fn each_entry(folder: &Path, mut visit: impl FnMut(&str, &Path)) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        visit(&entry.file_name().to_string_lossy(), &entry.path());
    }
}

/// Files in folders of numbers, `rank` deep.
fn nested(folder: &Path, at: &mut Vec<u64>, rank: usize, keep: &mut dyn FnMut(Vec<u64>, &Path)) {
    each_entry(folder, |name, path| {
        let Some(number) = plain_number(name) else { return };
        at.push(number);
        match at.len() < rank {
            // Folders of numbers are never links where Zarr has made them.
            true if path.is_dir() && !path.is_symlink() => nested(path, at, rank, keep),
            true => {}
            false => keep(at.clone(), path),
        }
        at.pop();
    });
}
