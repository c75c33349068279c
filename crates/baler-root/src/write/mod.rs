//! Writes ROOT files: trees in any directories, values as they come. Baskets are written as soon as they are full; the
//! trees, directories and the header at the end. The same values give the same bytes.
//!
//! Every place in the file has 64 bits, as in ROOT's own files of more than 2 GB.

mod branch;
mod infos;
mod out;

pub use branch::{NewBranch, NewLists};
pub use out::header_bytes;

use crate::blocks::{Compression, pack};
use crate::error::{Error, Result};
use crate::number::Number;
use crate::opaque::Object;
use crate::read::Column;
use branch::{Full, Open, features, fill_style};
use out::{DATE, KeyHeader, Out};
use std::io::{Seek, SeekFrom, Write};

/// The last place that a key with places of 32 bits can have, less what the key itself may take.
const MAX_SMALL_PLACE: u64 = 1 << 30;
/// Where the first key of every ROOT file starts.
const BEGIN: u64 = 100;
/// Name inside the file; nothing depends on it.
const FILE_NAME: &str = "baler.root";
/// Bytes of a directory's record.
const DIRECTORY_BYTES: usize = 60;
/// Bytes of a basket's header beyond its key.
const BASKET_HEADER: usize = 19;

#[derive(Debug)]
struct NewTree {
    directory: usize,
    /// Its place among the keys of the directory.
    key: usize,
    name: String,
    title: String,
    branches: Vec<Open>,
}

#[derive(Debug)]
struct Directory {
    parent: usize,
    name: String,
    /// Where its key, and its record, start.
    place: u64,
    record: u64,
    /// Headers of what it holds.
    keys: Vec<Vec<u8>>,
}

/// A file that is being written.
#[derive(Debug)]
pub struct Writer<W> {
    sink: W,
    at: u64,
    compression: Compression,
    directories: Vec<Directory>,
    trees: Vec<NewTree>,
    /// Of the classes of objects that come from another file.
    descriptions: Option<Object>,
}

impl<W: Write + Seek> Writer<W> {
    /// Starts a file at the beginning of `sink`.
    pub fn new(sink: W, compression: Compression) -> Result<Writer<W>> {
        let (directories, trees, descriptions) = (Vec::new(), Vec::new(), None);
        let mut writer = Writer { sink, at: 0, compression, directories, trees, descriptions };
        writer.put(&[0; BEGIN as usize])?;
        writer.directory("", 0)?;
        Ok(writer)
    }

    /// Adds a tree, `path` being its directories and its name; returns its index.
    pub fn tree(&mut self, path: &str, title: &str, branches: Vec<NewBranch>) -> Result<usize> {
        for (i, branch) in branches.iter().enumerate() {
            let text = match branch.lists {
                _ if branch.extents.contains(&0) => "has an extent of 0",
                _ if branches[..i].iter().any(|other| other.name == branch.name) => {
                    "has the name of another branch"
                }
                _ if branch.text.is_some()
                    && (branch.lists != NewLists::Vector
                        || branch.number != Number::U8
                        || !branch.extents.is_empty()) =>
                {
                    "is a text, but no list of bytes"
                }
                NewLists::Counter(counter) if counter >= i => "stands before its counter",
                NewLists::Vector if !branch.extents.is_empty() => {
                    "is a vector of arrays, which ROOT has no branch for"
                }
                _ => continue,
            };
            return Err(Error::usage(format!("the branch '{}' {text}", branch.name)));
        }
        let (directory, name) = self.place_of(path)?;
        if self.trees.iter().any(|tree| tree.directory == directory && tree.name == name) {
            return Err(Error::usage(format!("expected one tree '{path}', found two")));
        }
        let branches = branches.into_iter().map(Open::new).collect();
        let keys = &mut self.directories[directory].keys;
        keys.push(Vec::new());
        let key = keys.len() - 1;
        self.trees.push(NewTree { directory, key, name, title: title.to_string(), branches });
        Ok(self.trees.len() - 1)
    }

    /// The directory of a path, made if it is not there, and the name at its end.
    fn place_of(&mut self, path: &str) -> Result<(usize, String)> {
        let mut names: Vec<&str> = path.split('/').filter(|name| !name.is_empty()).collect();
        let name = names.pop().ok_or_else(|| Error::usage("a tree needs a name"))?.to_string();
        let mut directory = 0;
        for name in names {
            let is_there = |d: &Directory| d.parent == directory && d.name == name;
            directory = match self.directories.iter().skip(1).position(is_there) {
                Some(found) => found + 1,
                None => self.directory(name, directory)?,
            };
        }
        Ok((directory, name))
    }

    /// Adds an object of another file as it is.
    pub fn object(&mut self, object: &Object) -> Result<()> {
        let (directory, name) = self.place_of(&object.path)?;
        let Object { class, title, is_large, content, .. } = object;
        if !is_large && self.at > MAX_SMALL_PLACE {
            return Err(Error::unsupported(format!("'{name}' cannot stand beyond 2 GB of a file")));
        }
        let place = self.directories[directory].place;
        let key = KeyHeader {
            class,
            name: &name,
            title,
            cycle: 1,
            place: self.at,
            directory: place,
            is_large: *is_large,
        };
        let (header, _) = self.key(&key, content)?;
        self.directories[directory].keys.push(header);
        Ok(())
    }

    /// Gives the descriptions of the classes of such objects.
    pub fn describe(&mut self, descriptions: Object) {
        self.descriptions = Some(descriptions);
    }

    /// Adds entries to a branch; big-endian values, and counts if its entries are lists.
    pub fn append(&mut self, tree: usize, branch: usize, column: &Column) -> Result<()> {
        let open = self.trees.get_mut(tree).and_then(|tree| tree.branches.get_mut(branch));
        let open = open.ok_or_else(|| Error::usage(format!("there is no branch {branch} of tree {tree}")))?;
        for full in open.append(column)? {
            self.basket(tree, branch, &full)?;
        }
        Ok(())
    }

    /// Writes the entries of a branch that wait for a full basket: memory is taken for branches that are at work.
    pub fn flush(&mut self, tree: usize, branch: usize) -> Result<()> {
        let open = self.trees.get_mut(tree).and_then(|tree| tree.branches.get_mut(branch));
        match open.and_then(Open::close) {
            Some(full) => self.basket(tree, branch, &full),
            None => Ok(()),
        }
    }

    /// Writes all that is left.
    pub fn finish(mut self) -> Result<W> {
        for tree in 0..self.trees.len() {
            for branch in 0..self.trees[tree].branches.len() {
                self.flush(tree, branch)?;
            }
            self.finish_tree(tree)?;
        }
        let (infos, n_infos) = self.infos()?;
        let mut keys = vec![(0, 0); self.directories.len()];
        for idx in (0..self.directories.len()).rev() {
            keys[idx] = self.key_list(idx)?;
        }
        for (idx, (place, n_bytes)) in keys.into_iter().enumerate() {
            self.record(idx, place, n_bytes)?;
        }
        self.header(infos, n_infos)?;
        Ok(self.sink)
    }

    /// Writes the descriptions of classes: those that were given, and those of trees; returns their place and length.
    fn infos(&mut self) -> Result<(u64, usize)> {
        let given = self.descriptions.take().filter(|given| given.is_large || self.at <= MAX_SMALL_PLACE);
        let is_large = given.as_ref().is_none_or(|given| given.is_large);
        let (class, title) = ("TList", "Doubly linked list");
        let key = KeyHeader {
            class,
            name: "StreamerInfo",
            title: given.as_ref().map_or(title, |given| given.title.as_str()),
            cycle: 1,
            place: self.at,
            directory: BEGIN,
            is_large,
        };
        let n_header = key.n_bytes(0);
        let content = match &given {
            Some(given) => infos::with(&given.content, n_header).unwrap_or_else(|_| infos::content(n_header)),
            None => infos::content(n_header),
        };
        Ok((self.at, self.key(&key, &content)?.1))
    }

    fn put(&mut self, bytes: &[u8]) -> Result<()> {
        self.sink.write_all(bytes)?;
        self.at += bytes.len() as u64;
        Ok(())
    }

    fn put_at(&mut self, place: u64, bytes: &[u8]) -> Result<()> {
        self.sink.seek(SeekFrom::Start(place))?;
        self.sink.write_all(bytes)?;
        self.sink.seek(SeekFrom::Start(self.at))?;
        Ok(())
    }

    /// Writes a key with its content; returns its header and length.
    fn key(&mut self, key: &KeyHeader, content: &[u8]) -> Result<(Vec<u8>, usize)> {
        let packed = pack(content, self.compression)?;
        let header = key.write(packed.len(), content.len(), 0);
        if header.len() + packed.len() > i32::MAX as usize {
            return Err(Error::unsupported(format!("'{}' has more than 2 GB", key.name)));
        }
        self.put(&header)?;
        self.put(&packed)?;
        Ok((header, key.n_bytes(0) + packed.len()))
    }

    /// Makes room for a directory's record and lists it in its parent.
    fn directory(&mut self, name: &str, parent: usize) -> Result<usize> {
        let is_top = self.directories.is_empty();
        let place = self.at;
        let above = if is_top { 0 } else { self.directories[parent].place };
        let (class, name) = if is_top { ("TFile", FILE_NAME) } else { ("TDirectory", name) };
        let key = KeyHeader { class, name, title: "", cycle: 1, place, directory: above, is_large: true };
        // The top directory repeats its name and title before its record.
        let more = if is_top { name.len() + 2 } else { 0 };
        let header = key.write(more + DIRECTORY_BYTES, more + DIRECTORY_BYTES, 0);
        self.put(&header)?;
        if is_top {
            let mut names = Out::default();
            names.text(name);
            names.text("");
            self.put(&names.bytes)?;
        } else {
            self.directories[parent].keys.push(header);
        }
        let record = self.at;
        self.put(&[0; DIRECTORY_BYTES])?;
        self.directories.push(Directory { parent, name: name.to_string(), place, record, keys: Vec::new() });
        Ok(self.directories.len() - 1)
    }

    fn basket(&mut self, tree: usize, branch: usize, full: &Full) -> Result<()> {
        let place = self.at;
        let NewTree { directory, name, branches, .. } = &self.trees[tree];
        let open = &branches[branch];
        let directory = self.directories[*directory].place;
        let cycle = open.baskets.len().min(i16::MAX as usize) as i16;
        let key = KeyHeader {
            class: "TBasket",
            name: &open.new.name,
            title: name,
            cycle,
            place,
            directory,
            is_large: true,
        };
        let n_header = key.n_bytes(BASKET_HEADER);
        let mut content = Out::default();
        content.bytes.extend_from_slice(&full.data);
        if let Some(offsets) = &full.offsets {
            content.i32(offsets.len() as i32 + 1);
            offsets.iter().for_each(|&offset| content.i32((n_header + offset as usize) as i32));
            content.i32(0);
        }
        let packed = pack(&content.bytes, open.compression(self.compression))?;
        let mut header = Out::default();
        header.bytes = key.write(packed.len(), content.bytes.len(), BASKET_HEADER);
        header.i16(3);
        header.i32((n_header + full.data.len()) as i32);
        header.i32(if full.offsets.is_some() { full.n_entries + 1 } else { open.item_bytes() } as i32);
        header.i32(full.n_entries as i32);
        header.i32((n_header + full.data.len()) as i32);
        header.u8(0);
        debug_assert_eq!(header.bytes.len(), n_header);
        let (header, n_bytes) = (header.bytes, n_header + packed.len());
        self.put(&header)?;
        self.put(&packed)?;
        let open = &mut self.trees[tree].branches[branch];
        open.baskets.push((place, n_bytes, open.n_written));
        open.n_written += full.n_entries as u64;
        open.n_unpacked += (n_header + content.bytes.len()) as u64;
        Ok(())
    }

    fn finish_tree(&mut self, idx: usize) -> Result<()> {
        let tree = &self.trees[idx];
        let n_entries = tree.branches.first().map_or(0, |branch| branch.n_entries);
        if let Some(other) = tree.branches.iter().find(|branch| branch.n_entries != n_entries) {
            return Err(Error::usage(format!(
                "expected {n_entries} entries in '{}', found {}",
                other.new.name, other.n_entries
            )));
        }
        let (directory, listed) = (tree.directory, tree.key);
        let (name, title) = (tree.name.clone(), tree.title.clone());
        let place = self.directories[directory].place;
        let key = KeyHeader {
            class: "TTree",
            name: &name,
            title: &title,
            cycle: 1,
            place: self.at,
            directory: place,
            is_large: true,
        };
        let content = tree_content(tree, n_entries, self.compression, key.n_bytes(0));
        let (header, _) = self.key(&key, &content)?;
        self.directories[directory].keys[listed] = header;
        Ok(())
    }

    /// Writes the list of a directory's keys; returns its place and length.
    fn key_list(&mut self, idx: usize) -> Result<(u64, usize)> {
        let directory = &self.directories[idx];
        let class = if idx == 0 { "TFile" } else { "TDirectory" };
        let name = directory.name.clone();
        let key = KeyHeader {
            class,
            name: &name,
            title: "",
            cycle: 1,
            place: self.at,
            directory: directory.place,
            is_large: true,
        };
        let mut list = Out::default();
        list.i32(directory.keys.len() as i32);
        list.bytes.extend(directory.keys.iter().flatten());
        let place = self.at;
        let header = key.write(list.bytes.len(), list.bytes.len(), 0);
        self.put(&header)?;
        self.put(&list.bytes)?;
        Ok((place, header.len() + list.bytes.len()))
    }

    fn record(&mut self, idx: usize, keys: u64, n_keys_bytes: usize) -> Result<()> {
        let directory = &self.directories[idx];
        let mut out = Out::default();
        out.i16(1005);
        out.u32(DATE);
        out.u32(DATE);
        out.i32(n_keys_bytes as i32);
        out.i32((directory.record - directory.place) as i32);
        out.i64(directory.place as i64);
        out.i64(if idx == 0 { 0 } else { self.directories[directory.parent].place as i64 });
        out.i64(keys as i64);
        uuid(&mut out);
        self.put_at(directory.record, &out.bytes)
    }

    /// The list of free bytes, and the header at the start of the file.
    fn header(&mut self, infos: u64, n_infos: usize) -> Result<()> {
        let free = self.at;
        let key = KeyHeader {
            class: "TFile",
            name: FILE_NAME,
            title: "",
            cycle: 1,
            place: free,
            directory: BEGIN,
            is_large: true,
        };
        let n_free = key.n_bytes(0) + 18;
        let end = free + n_free as u64;
        let mut list = Out::default();
        list.bytes = key.write(18, 18, 0);
        list.i16(1001);
        list.i64(end as i64);
        list.i64((end + 1_000_000_000).max(2_000_000_000) as i64);
        self.put(&list.bytes)?;
        let top = self.directories[0].record - BEGIN;
        let mut out = Out::default();
        out.bytes.extend_from_slice(b"root");
        out.i32(1_062_400);
        out.i32(BEGIN as i32);
        out.i64(end as i64);
        out.i64(free as i64);
        out.i32(n_free as i32);
        out.i32(1);
        out.i32(top as i32);
        out.u8(8); // bytes of a place
        out.i32(self.compression.code());
        out.i64(infos as i64);
        out.i32(n_infos as i32);
        uuid(&mut out);
        self.put_at(0, &out.bytes)?;
        self.sink.flush()?;
        Ok(())
    }
}

/// An identifier that is always the same: nothing is referred to by it.
fn uuid(out: &mut Out) {
    out.i16(1);
    out.bytes.extend_from_slice(&[0; 16]);
}

/// The `TTree` of a key whose header has `n_header` bytes.
fn tree_content(tree: &NewTree, n_entries: u64, compression: Compression, n_header: usize) -> Vec<u8> {
    let n_unpacked: u64 = tree.branches.iter().map(|branch| branch.n_unpacked).sum();
    let n_packed: u64 =
        tree.branches.iter().flat_map(|branch| &branch.baskets).map(|(_, n, _)| *n as u64).sum();
    let mut out = Out::new(n_header);
    out.object(20, |out| {
        out.named(&tree.name, &tree.title);
        out.object(2, |out| {
            out.i16(602);
            out.i16(1);
            out.i16(1);
        });
        fill_style(out);
        out.object(2, |out| {
            out.i16(1);
            out.i16(1);
            out.u32(1f32.to_bits());
        });
        for number in [n_entries, n_unpacked, n_packed, n_unpacked, n_packed] {
            out.i64(number as i64);
        }
        out.bytes.extend_from_slice(&1f64.to_be_bytes()); // weight
        // Timer, scanned fields, update, length of offsets, ranges of clusters.
        for number in [0, 25, 0, 1000, 0] {
            out.i32(number);
        }
        // Most entries, in loops, and bytes in memory; when to save and to flush; entries to estimate from.
        for number in [1_000_000_000_000, 1_000_000_000_000, 0, -300_000_000, -30_000_000, 1_000_000] {
            out.i64(number);
        }
        out.u8(0); // no ends of clusters
        out.u8(0); // no sizes of clusters
        features(out);
        let mut leaves = Vec::new();
        out.array(tree.branches.len(), |out| {
            tree.branches
                .iter()
                .for_each(|branch| branch.write(&tree.branches, compression, &mut leaves, out));
        });
        out.array(leaves.len(), |out| leaves.iter().for_each(|&leaf| out.u32(leaf)));
        // Aliases, index values, index, tree of the index, friends, user's objects, references.
        for _ in 0..7 {
            out.u32(0);
        }
    });
    out.bytes
}
