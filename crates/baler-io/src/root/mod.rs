//! ROOT files: the branches of numbers of all trees, any rows of them. Lists come as their items
//! and their counts: the counter's branch, or counts that are made here for `std::vector`s, shared by vectors of the same
//! lengths. What is no number is named in a warning. The crate `baler-root` does the format.

mod notes;
mod shared;
mod write;

pub use shared::carries;
pub use write::write;

use crate::arrays::{ArrayInfo, Arrays};
use crate::store::Region;
use baler_data::dataset::kind::Kind;
use baler_data::dataset::{Attachment, DType, Layout, ListKind, Lists, Values};
use baler_data::error::{Error, Result};
use baler_data::metadata::Metadata;
use baler_root::{Branch, Column, File, Number, Tree};
use notes::{BranchNotes, Entry, Notes, TreeNotes};
use std::collections::HashMap;
use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;
use std::sync::{Mutex, MutexGuard};

/// The name of the metadata, which are [`Notes`].
pub const NAME: &str = "root";
/// Bytes of objects that are kept in all.
const MAX_OBJECT_BYTES: usize = 1 << 26;
/// Classes that every reader knows without their description.
const KNOWN_CLASSES: [&str; 2] = ["TNamed", "TObjString"];
/// Entries whose items are summed, so that items are found without reading all counts.
const BLOCK: u64 = 1 << 12;
/// Names in a warning.
const MAX_NAMES: usize = 12;

/// An opened file.
pub struct Root {
    file: Mutex<File<Reading>>,
    arrays: Vec<ArrayInfo>,
    sources: Vec<Source>,
    /// The trees with numbers, and objects.
    notes: Notes,
    /// The path of the only tree, which stands in no name.
    above: String,
    shared: Metadata,
    warnings: Vec<String>,
}

/// What the values of an array are.
struct Source {
    tree: usize,
    branch: usize,
    content: Content,
}

enum Content {
    /// Values, a row an entry.
    Entries,
    /// Items of lists; how many there are before each block of entries, and in all.
    Items(Vec<u64>),
    /// Lengths of the lists.
    Counts,
}

/// [`Region`] as the crate wants them.
struct Reading {
    bytes: Region,
    at: u64,
}

impl Read for Reading {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let found = self.bytes.read_up_to(self.at, out.len() as u64).map_err(std::io::Error::other)?;
        out[..found.len()].copy_from_slice(&found);
        self.at += found.len() as u64;
        Ok(found.len())
    }
}

impl Seek for Reading {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => self.bytes.len().checked_add_signed(by),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
        };
        self.at = at.filter(|&at| at <= self.bytes.len()).ok_or(std::io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}

fn told(error: baler_root::Error) -> Error {
    match error {
        baler_root::Error::Io(e) => Error::io("reading the ROOT file", e),
        baler_root::Error::Unsupported(text) => Error::unsupported(text),
        other => Error::input(other.to_string()),
    }
}

fn dtype(number: Number) -> DType {
    match number {
        Number::Bool => DType::Bool,
        Number::I8 => DType::I8,
        Number::I16 => DType::I16,
        Number::I32 => DType::I32,
        Number::I64 => DType::I64,
        Number::U8 => DType::U8,
        Number::U16 => DType::U16,
        Number::U32 => DType::U32,
        Number::U64 => DType::U64,
        Number::F32 => DType::F32,
        Number::F64 => DType::F64,
    }
}

/// What is kept beside the numbers; objects that cannot be kept are named.
fn notes_of(file: &mut File<Reading>, not_kept: &mut Vec<String>) -> Notes {
    let mut notes = Notes { compression: file.compression().code(), ..Notes::default() };
    let mut n_bytes = 0;
    for path in file.order.clone() {
        if let Some(tree) = file.trees.iter().find(|tree| tree.path == path) {
            if !tree.branches.is_empty() {
                let branches = tree.branches.iter().map(BranchNotes::of).collect();
                let title = tree.title.clone();
                notes.entries.push(Entry::Tree(TreeNotes { path, title, branches }));
            }
            continue;
        }
        let Some(idx) = file.others.iter().position(|(other, _)| *other == path) else { continue };
        match file.object(idx) {
            Ok(object) if n_bytes + object.content.len() <= MAX_OBJECT_BYTES => {
                n_bytes += object.content.len();
                notes.entries.push(Entry::Object(object));
            }
            _ => not_kept.push(format!("{path} ({})", file.others[idx].1)),
        }
    }
    let is_known = |entry: &Entry| match entry {
        Entry::Object(object) => KNOWN_CLASSES.contains(&object.class.as_str()),
        Entry::Tree(_) => true,
    };
    if !notes.entries.iter().all(is_known) {
        notes.descriptions = file.descriptions().ok();
    }
    notes
}

/// The path of the tree with numbers that `inner` names, or in which it names a branch.
fn asked_tree<'a>(trees: &'a [Tree], inner: Option<&str>) -> Option<&'a str> {
    let inner = inner?.trim_matches('/');
    let holds =
        |path: &str| inner.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    let with_numbers = trees.iter().filter(|tree| !tree.branches.is_empty());
    let paths = with_numbers.map(|tree| tree.path.as_str()).filter(|path| holds(path));
    paths.max_by_key(|path| path.len())
}

/// The names of what the metadata hold.
pub fn names(metadata: &[u8]) -> Vec<String> {
    Notes::read(metadata).map(|notes| notes.names()).unwrap_or_default()
}

/// A file, or one tree of it, without reading its values.
pub fn open(bytes: Region, inner: Option<&str>) -> Result<Box<dyn Arrays>> {
    Ok(Box::new(Root::open(bytes, inner)?))
}

impl Root {
    /// Opens a file, or the one tree of it that `inner` names: then the file is as one that has no other. Of the values only the
    /// counts of lists are read, and lists that have no counter.
    pub fn open(bytes: Region, inner: Option<&str>) -> Result<Root> {
        let mut file = File::open(Reading { bytes, at: 0 }).map_err(told)?;
        let mut not_kept = Vec::new();
        let mut notes = notes_of(&mut file, &mut not_kept);
        not_kept.extend(file.skipped.iter().map(|(path, why)| format!("{path} ({why})")));
        let all = file.trees.clone();
        let asked = asked_tree(&all, inner);
        let is_meant = |tree: &&Tree| asked.is_none_or(|asked| asked == tree.path);
        notes.entries.retain(|entry| match entry {
            Entry::Tree(tree) => asked.is_none_or(|asked| asked == tree.path),
            Entry::Object(_) => true,
        });
        let mut with_numbers = all.iter().filter(|tree| !tree.branches.is_empty() && is_meant(tree));
        let above = match (with_numbers.next(), with_numbers.next()) {
            (Some(tree), None) => tree.path.clone(),
            _ => String::new(),
        };
        let (arrays, sources, warnings) = (Vec::new(), Vec::new(), Vec::new());
        let (file, shared) = (Mutex::new(file), Metadata::default());
        let mut root = Root { file, arrays, sources, notes, above, shared, warnings };
        for (idx, tree) in all.iter().enumerate().filter(|(_, tree)| is_meant(tree)) {
            let before = if root.above.is_empty() { format!("{}/", tree.path) } else { String::new() };
            not_kept.extend(tree.skipped.iter().map(|(branch, why)| format!("{before}{branch} ({why})")));
            let n_before = root.arrays.len();
            not_kept.extend(root.add_tree(idx, &before)?);
            let added = root.arrays.iter().zip(&root.sources).skip(n_before);
            let of_branches = added.filter(|(_, source)| !matches!(source.content, Content::Counts));
            let names: Vec<(&str, usize)> =
                of_branches.map(|(array, source)| (array.name.as_str(), source.branch)).collect();
            shared::of_tree(tree, before.trim_end_matches('/'), &names, &mut root.shared);
            if tree.is_ntuple() {
                root.warnings.push(format!("{} is an RNTuple; as ROOT it comes back as a tree", tree.path));
            }
        }
        if !not_kept.is_empty() {
            let more = if not_kept.len() > MAX_NAMES {
                format!(" and {} more", not_kept.len() - MAX_NAMES)
            } else {
                String::new()
            };
            let shown = not_kept[..not_kept.len().min(MAX_NAMES)].join(", ");
            root.warnings.push(format!("what is no number is not kept: {shown}{more}"));
        }
        root.warn_of_changes(&all.iter().filter(is_meant).collect::<Vec<_>>());
        Ok(root)
    }

    /// Tells which branches come back as ROOT with other types than they had.
    fn warn_of_changes(&mut self, trees: &[&Tree]) {
        let branches = || trees.iter().filter(|tree| !tree.is_ntuple()).flat_map(|tree| &tree.branches);
        let named = |changed: &dyn Fn(&Branch) -> bool| {
            let names: Vec<&str> = branches().filter(|b| changed(b)).map(|b| b.name.as_str()).collect();
            let more = if names.len() > MAX_NAMES { ", ..." } else { "" };
            (!names.is_empty()).then(|| format!("{}{more}", names[..names.len().min(MAX_NAMES)].join(", ")))
        };
        if let Some(names) = named(&|branch| branch.is_shortened()) {
            self.warnings.push(format!("Double32_t and Float16_t come back as double and float: {names}"));
        }
        if let Some(names) = named(&|branch| branch.is_part()) {
            self.warnings.push(format!(
                "leaves and members of objects come back as branches of their own with the same values: {names}"
            ));
        }
    }

    fn file(&self) -> MutexGuard<'_, File<Reading>> {
        self.file.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Adds the arrays of a tree; returns what cannot be kept.
    fn add_tree(&mut self, tree: usize, before: &str) -> Result<Vec<String>> {
        let found = self.file().trees[tree].clone();
        let mut not_kept = Vec::new();
        let mut places: HashMap<usize, usize> = HashMap::new();
        let mut made: HashMap<[u8; 32], usize> = HashMap::new();
        let mut counted = Vec::new();
        for (branch, info) in found.branches.iter().enumerate() {
            let name = format!("{before}{}", info.name);
            if info.n_entries != found.n_entries {
                not_kept.push(format!("{name} ({} entries of {})", info.n_entries, found.n_entries));
                continue;
            }
            let lists = match info.lists {
                baler_root::Lists::None => None,
                baler_root::Lists::Counter(counter) => {
                    counted.push((self.arrays.len(), counter));
                    Some(Lists { counts: usize::MAX, kind: ListKind::Counter })
                }
                baler_root::Lists::Vector => match self.made_counts(tree, branch, &name, &mut made) {
                    Ok(counts) => Some(Lists { counts, kind: ListKind::Vector }),
                    Err(error) => {
                        not_kept.push(format!("{name} ({error})"));
                        continue;
                    }
                },
            };
            let content = match lists {
                None => Content::Entries,
                Some(_) => Content::Items(Vec::new()),
            };
            places.insert(branch, self.arrays.len());
            let n_rows = usize::try_from(info.n_entries).map_err(|_| Error::limit("too many entries"))?;
            let shape = [&[n_rows], info.extents.as_slice()].concat();
            let mut array = ArrayInfo::new(name, dtype(info.number), shape, false)?;
            array.storage.lists = lists;
            if info.text.is_some() {
                array.storage.kind = Kind::Text;
            }
            self.arrays.push(array);
            self.sources.push(Source { tree, branch, content });
        }
        for (array, counter) in counted {
            let counts = *places
                .get(&counter)
                .ok_or_else(|| Error::input("a counter has fewer entries than its tree"))?;
            self.arrays[array].storage.lists = Some(Lists { counts, kind: ListKind::Counter });
        }
        self.sum_lists(tree, &mut not_kept)?;
        Ok(not_kept)
    }

    /// The array with the lengths of a vector's lists: one that is there already, or a new one.
    fn made_counts(
        &mut self,
        tree: usize,
        branch: usize,
        name: &str,
        made: &mut HashMap<[u8; 32], usize>,
    ) -> Result<usize> {
        let n_entries = self.file().trees[tree].n_entries;
        let mut hash = blake3::Hasher::new();
        for first in (0..n_entries).step_by(BLOCK as usize) {
            let column = self.column(tree, branch, first..(first + BLOCK).min(n_entries))?;
            for count in column.counts.iter().flatten() {
                hash.update(&count.to_le_bytes());
            }
        }
        let hash = *hash.finalize().as_bytes();
        if let Some(&known) = made.get(&hash) {
            return Ok(known);
        }
        let n_rows = usize::try_from(n_entries).map_err(|_| Error::limit("too many entries"))?;
        self.arrays.push(ArrayInfo::new(format!("{name}#counts"), DType::U32, vec![n_rows], false)?);
        self.sources.push(Source { tree, branch, content: Content::Counts });
        made.insert(hash, self.arrays.len() - 1);
        Ok(self.arrays.len() - 1)
    }

    /// How many items the lists of a tree have; lists that are damaged lose their place among the arrays' items.
    fn sum_lists(&mut self, tree: usize, not_kept: &mut Vec<String>) -> Result<()> {
        let mut sums: HashMap<usize, Vec<u64>> = HashMap::new();
        for idx in 0..self.arrays.len() {
            let Some(Lists { counts, .. }) =
                self.arrays[idx].storage.lists.filter(|_| self.sources[idx].tree == tree)
            else {
                continue;
            };
            let blocks = match sums.get(&counts) {
                Some(blocks) => blocks.clone(),
                None => self.sums_of(counts)?,
            };
            sums.insert(counts, blocks.clone());
            let n_items = usize::try_from(blocks.last().copied().unwrap_or(0)).unwrap_or(usize::MAX);
            let mut shape = self.arrays[idx].shape.clone();
            shape[0] = n_items;
            let storage = self.arrays[idx].storage;
            match ArrayInfo::new(self.arrays[idx].name.clone(), self.arrays[idx].dtype, shape, false) {
                Ok(array) => self.arrays[idx] = array,
                Err(error) => not_kept.push(format!("{} ({error})", self.arrays[idx].name)),
            }
            self.arrays[idx].storage = storage;
            self.sources[idx].content = Content::Items(blocks);
        }
        Ok(())
    }

    /// How many items the rows before each block of rows have, and all.
    fn sums_of(&self, counts: usize) -> Result<Vec<u64>> {
        let n_rows = self.arrays[counts].n_rows();
        let (mut sum, mut blocks) = (0u64, vec![0]);
        for first in (0..n_rows).step_by(BLOCK as usize) {
            let values = self.rows(counts, first..(first + BLOCK as usize).min(n_rows))?;
            let counts = values.to_counts().map_err(|e| e.in_variable(&self.arrays[counts].name))?;
            sum = counts.iter().fold(sum, |sum, &n| sum.saturating_add(n as u64));
            blocks.push(sum);
        }
        Ok(blocks)
    }

    fn column(&self, tree: usize, branch: usize, entries: Range<u64>) -> Result<Column> {
        self.file().read(tree, branch, entries).map_err(told)
    }
}

impl Arrays for Root {
    fn arrays(&self) -> &[ArrayInfo] {
        &self.arrays
    }

    fn rows(&self, idx: usize, rows: Range<usize>) -> Result<Values> {
        let (array, Source { tree, branch, content }) = (&self.arrays[idx], &self.sources[idx]);
        let (tree, branch) = (*tree, *branch);
        let entries = rows.start as u64..rows.end as u64;
        if rows.is_empty() {
            return Values::from_bytes(array.dtype, &[], true);
        }
        match content {
            Content::Entries => {
                let column = self.column(tree, branch, entries)?;
                Values::from_bytes(array.dtype, &column.bytes, true)
            }
            Content::Counts => {
                Ok(Values::U32(self.column(tree, branch, entries)?.counts.unwrap_or_default()))
            }
            Content::Items(blocks) => {
                let n_entries = self.file().trees[tree].n_entries;
                let first = blocks.partition_point(|&sum| sum <= entries.start).saturating_sub(1);
                let last = blocks.partition_point(|&sum| sum < entries.end);
                let column =
                    self.column(tree, branch, first as u64 * BLOCK..(last as u64 * BLOCK).min(n_entries))?;
                let item = array.row_bytes();
                let start = (rows.start - blocks[first.min(blocks.len() - 1)] as usize) * item;
                let bytes = column.bytes.get(start..start + rows.len() * item);
                let bytes =
                    bytes.ok_or_else(|| Error::input("the lists differ in length from what counts them"))?;
                Values::from_bytes(array.dtype, bytes, true)
            }
        }
    }

    fn metadata(&self, wanted: &dyn Fn(&str) -> bool) -> Option<Attachment> {
        let inside = |path: &str| {
            let names = self.arrays.iter().map(|array| &array.name).filter(|name| wanted(name));
            !self.above.is_empty() || names.into_iter().any(|name| name.starts_with(&format!("{path}/")))
        };
        let mut notes = self.notes.clone();
        notes.entries.retain(|entry| match entry {
            Entry::Tree(tree) => inside(&tree.path),
            Entry::Object(_) => true,
        });
        Some(Attachment::metadata(NAME, self.arrays.len(), notes.write()))
    }

    fn layout(&self) -> Layout {
        let n_rows = self.arrays.first().map(|array| array.n_rows());
        let is_column = |array: &ArrayInfo| {
            array.shape.len() == 1 && Some(array.n_rows()) == n_rows && array.storage.lists.is_none()
        };
        if self.arrays.iter().all(is_column) { Layout::Columns } else { Layout::Arrays }
    }

    fn shared(&self) -> Metadata {
        self.shared.clone()
    }

    fn above(&self) -> &str {
        &self.above
    }

    fn warnings(&self) -> &[String] {
        &self.warnings
    }
}
