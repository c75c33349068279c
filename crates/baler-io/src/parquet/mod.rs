//! Parquet files: every column, any rows of it, and a Parquet file back. Lists, and values that are not there, come as
//! items and counts; a missing float is a NaN of its own, so that such columns stay beside the others. The schema and
//! the file's own notes (pandas, Arrow) are kept in Parquet's own bytes.
//!
//! The crate `parquet` reads pages; between its levels and counts stands [`levels`]. One row group at a time is in
//! memory; how long the lists of each are is found when the file is opened.

mod decode;
mod footer;
mod guard;
mod kept;
mod levels;
mod nulls;
mod schema;
mod shared;
#[cfg(test)]
mod tests;
mod thrift;
mod write;

pub use footer::MAGIC;
pub use write::write;

use crate::arrays::{ArrayInfo, Arrays};
use crate::store::Region;
use baler_data::dataset::{Attachment, DType, Layout, ListKind, Lists, Values};
use baler_data::error::{Error, Result};
use baler_data::metadata::Metadata;
use decode::{Decoded, Source, decode};
use footer::Footer;
use guard::guarded;
use kept::Packing;
use levels::Level;
use parquet::file::reader::{FileReader, SerializedFileReader};
use schema::{ColumnType, Leaf, told};
use std::collections::{HashMap, HashSet, VecDeque};
use std::ops::Range;
use std::sync::{Arc, Mutex};

/// The name of the metadata, which [`kept`] describes.
pub const NAME: &str = "parquet";
/// Bytes of decoded columns that stay in memory, about.
const KEPT_BYTES: usize = 64 << 20;
/// Counts in each other that a dataset can have.
const MAX_COUNTS: usize = 16;

/// An opened file.
pub struct Parquet {
    source: Source,
    reader: SerializedFileReader<Source>,
    arrays: Vec<ArrayInfo>,
    contents: Vec<Content>,
    leaves: Vec<Leaf>,
    /// Of all arrays, those to come included.
    names: HashSet<String>,
    /// What was decoded last, with its column and row group: as much as may stay in memory.
    last: Mutex<VecDeque<(usize, usize, Arc<Decoded>)>>,
    metadata: Vec<u8>,
    shared: Metadata,
    warnings: Vec<String>,
}

/// What the values of an array are.
struct Content {
    column: usize,
    /// Counts of this level; the values without.
    level: Option<usize>,
    /// Rows of the array before each row group, and in all.
    ends: Vec<usize>,
}

/// What counts have in common that are one array: what is above them, of which kind, and the hash of their values.
type Shared = (Option<(usize, u8)>, [u8; 32]);

/// What is told where the crate panics.
const DAMAGED: &str = "the Parquet file is damaged: its pages contradict each other";

/// Names that are there once: the second of a name becomes `NAME.2`.
fn unique(name: &str, taken: &mut HashSet<String>) -> String {
    let others = (2..).map(|n| format!("{name}.{n}"));
    let found = std::iter::once(name.to_string()).chain(others).find(|name| !taken.contains(name));
    let found = found.unwrap_or_default();
    taken.insert(found.clone());
    found
}

/// The leaves less those that cannot be kept, with what is nothing without them; and the names of those.
fn keep(leaves: &mut [Leaf]) -> Vec<String> {
    for leaf in leaves.iter_mut() {
        if leaf.levels.len() > MAX_COUNTS {
            leaf.stored = None;
        }
    }
    let lost: HashSet<usize> =
        leaves.iter().filter(|leaf| leaf.stored.is_none()).filter_map(|leaf| leaf.whole).collect();
    for leaf in leaves.iter_mut().filter(|leaf| leaf.whole.is_some_and(|whole| lost.contains(&whole))) {
        leaf.stored = None;
    }
    leaves.iter().filter(|leaf| leaf.stored.is_none()).map(|leaf| leaf.name.clone()).collect()
}

/// A file, without reading its values.
pub fn open(bytes: Region) -> Result<Box<dyn Arrays>> {
    Ok(Box::new(Parquet::open(bytes)?))
}

impl Parquet {
    /// Opens a file; of the values only columns with lists are read, and those with missing whole numbers.
    pub fn open(bytes: Region) -> Result<Parquet> {
        let (footer, footer_start) = Footer::of_file(&bytes)?;
        let elements = footer.elements();
        let mut leaves = schema::leaves(&elements)?;
        let mut names = HashSet::new();
        leaves.iter_mut().for_each(|leaf| leaf.name = unique(&leaf.name, &mut names));
        let not_kept = keep(&mut leaves);
        let source = Source::new(bytes, footer_start, footer.for_crate(&schema::bare(&elements, false)));
        let reader = guarded(DAMAGED, || SerializedFileReader::new(source.clone()).map_err(told))?;
        let (arrays, contents, warnings) = (Vec::new(), Vec::new(), Vec::new());
        let (last, metadata) = (Mutex::default(), Vec::new());
        let shared = Metadata::default();
        let mut found =
            Parquet { shared, source, arrays, contents, leaves, names, last, metadata, warnings, reader };
        if found.reader.metadata().file_metadata().schema_descr().num_columns() != found.leaves.len() {
            return Err(Error::input("the Parquet file has other columns than its schema; it is damaged"));
        }
        let mut counted = HashMap::new();
        for column in 0..found.leaves.len() {
            let Leaf { name, stored, .. } = found.leaves[column].clone();
            if let Some(stored) = stored {
                found.add(column, stored, &mut counted).map_err(|e| e.in_variable(&name))?;
            }
        }
        found.metadata = found.kept(&footer)?;
        let groups = found.reader.metadata().row_groups();
        found.shared = shared::of_file(footer.notes(), &found.leaves, groups.first());
        if !not_kept.is_empty() {
            found.warnings.push(format!("columns that cannot be kept are left out: {}", not_kept.join(", ")));
        }
        Ok(found)
    }

    /// What is needed to write the file again beside the values.
    fn kept(&self, footer: &Footer) -> Result<Vec<u8>> {
        let first = self.reader.metadata().row_groups().first();
        let packing = |column: usize| {
            let column = first.and_then(|group| group.columns().get(column));
            column.map_or(Packing::NEW, Packing::of)
        };
        let leaf = |(column, leaf): (usize, &Leaf)| {
            (leaf.stored.is_some().then(|| leaf.name.clone()), packing(column))
        };
        let leaves: Vec<_> = self.leaves.iter().enumerate().map(leaf).collect();
        let ends = self.rows_of_groups()?;
        let groups: Vec<usize> = ends.windows(2).map(|pair| pair[1] - pair[0]).collect();
        Ok(kept::write(&footer.kept(), &leaves, &groups))
    }

    fn n_groups(&self) -> usize {
        self.reader.metadata().num_row_groups()
    }

    /// Adds a column: its counts, as far as they say anything, and its values.
    fn add(&mut self, column: usize, stored: ColumnType, counted: &mut HashMap<Shared, usize>) -> Result<()> {
        let Leaf { name, levels, .. } = self.leaves[column].clone();
        let sums = if self.is_flat(column, stored.dtype) { None } else { Some(self.sum(column)?) };
        let mut above: Option<Lists> = None;
        for (k, level) in levels.iter().enumerate() {
            let Some(sums) = sums.as_ref().filter(|sums| sums.says_something[k]) else { continue };
            let kind = if *level == Level::Optional { ListKind::Optional } else { ListKind::Vector };
            let key = (above.map(|lists| (lists.counts, lists.kind as u8)), sums.hashes[k]);
            let counts = match counted.get(&key) {
                Some(&counts) => counts,
                None => {
                    let suffix = if *level == Level::Optional { "present" } else { "counts" };
                    let mut counts = format!("{name}#{suffix}");
                    if self.names.contains(&counts) {
                        counts += &k.to_string();
                    }
                    let counts = unique(&counts, &mut self.names);
                    let info = ArrayInfo::new(
                        counts,
                        DType::U32,
                        vec![sums.ends[k].last().copied().unwrap_or(0)],
                        false,
                    )?;
                    self.push(info, above, Content { column, level: Some(k), ends: sums.ends[k].clone() });
                    counted.insert(key, self.arrays.len() - 1);
                    self.arrays.len() - 1
                }
            };
            above = Some(Lists { counts, kind });
        }
        let ends = match sums {
            Some(sums) => sums.ends[levels.len()].clone(),
            None => self.rows_of_groups()?,
        };
        let n_rows = ends.last().copied().unwrap_or(0);
        let shape = std::iter::once(n_rows).chain(stored.width).collect();
        let mut info = ArrayInfo::new(name, stored.dtype, shape, false)?;
        info.storage.kind = stored.kind;
        self.push(info, above, Content { column, level: None, ends });
        Ok(())
    }

    fn push(&mut self, mut array: ArrayInfo, lists: Option<Lists>, content: Content) {
        array.storage.lists = lists;
        self.arrays.push(array);
        self.contents.push(content);
    }

    /// Rows of the file before each row group, and in all.
    fn rows_of_groups(&self) -> Result<Vec<usize>> {
        let mut ends = vec![0usize];
        for group in self.reader.metadata().row_groups() {
            let n_rows = usize::try_from(group.num_rows()).ok();
            let end = n_rows.and_then(|n| ends[ends.len() - 1].checked_add(n));
            ends.push(
                end.ok_or_else(|| Error::input("the Parquet file has a number of rows that cannot be"))?,
            );
        }
        Ok(ends)
    }

    /// True for a column that has a value in each row, or a float that can mark a missing one.
    fn is_flat(&self, column: usize, dtype: DType) -> bool {
        match self.leaves[column].levels[..] {
            [] => true,
            [Level::Optional] if dtype.is_float() => true,
            [Level::Optional] => self.reader.metadata().row_groups().iter().all(|group| {
                let statistics = group.columns().get(column).and_then(|chunk| chunk.statistics());
                statistics.and_then(|s| s.null_count_opt()) == Some(0)
            }),
            _ => false,
        }
    }

    /// How long the lists of a column are; its optional levels say something only where something is missing.
    fn sum(&self, column: usize) -> Result<Sums> {
        let leaf = &self.leaves[column];
        let levels = &leaf.levels;
        let mut ends: Vec<Vec<usize>> = vec![vec![0]; levels.len() + 1];
        let mut hashers: Vec<blake3::Hasher> = levels.iter().map(|_| blake3::Hasher::new()).collect();
        let mut missing = vec![false; levels.len()];
        for group in 0..self.n_groups() {
            let decoded = self.decoded(column, group)?;
            for (k, counts) in decoded.counts.iter().enumerate() {
                let bytes: Vec<u8> = counts.iter().flat_map(|n| n.to_le_bytes()).collect();
                hashers[k].update(&bytes);
                missing[k] |= levels[k] == Level::Optional && counts.contains(&0);
                let end = ends[k][group] + counts.len();
                ends[k].push(end);
            }
            let end = ends[levels.len()][group] + decoded.values.len() / leaf.width();
            ends[levels.len()].push(end);
        }
        let mut says_something = Vec::with_capacity(levels.len());
        let mut k = 0;
        // Several optional levels in a row are kept or left out together, so that it stays clear which is which.
        while k < levels.len() {
            if levels[k] != Level::Optional {
                says_something.push(true);
                k += 1;
                continue;
            }
            let n = levels[k..].iter().take_while(|level| **level == Level::Optional).count();
            let any = missing[k..k + n].contains(&true);
            says_something.extend(std::iter::repeat_n(any, n));
            k += n;
        }
        let hashes = hashers.iter().map(|hasher| *hasher.finalize().as_bytes()).collect();
        Ok(Sums { ends, hashes, says_something })
    }

    fn decoded(&self, column: usize, group: usize) -> Result<Arc<Decoded>> {
        let mut last = self.last.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if let Some((.., decoded)) = last.iter().find(|(c, g, _)| (*c, *g) == (column, group)) {
            return Ok(Arc::clone(decoded));
        }
        let n_bytes = |last: &VecDeque<(usize, usize, Arc<Decoded>)>| {
            last.iter().map(|(.., decoded)| decoded.size_bytes()).sum::<usize>()
        };
        while n_bytes(&last) > KEPT_BYTES {
            last.pop_front();
        }
        let leaf = &self.leaves[column];
        let decoded = Arc::new(guarded(DAMAGED, || decode(&self.source, &self.reader, column, group, leaf))?);
        last.push_back((column, group, Arc::clone(&decoded)));
        Ok(decoded)
    }
}

/// What the counts of a column's levels come to.
struct Sums {
    /// For each level, and for the values: how many there are before each row group, and in all.
    ends: Vec<Vec<usize>>,
    hashes: Vec<[u8; 32]>,
    says_something: Vec<bool>,
}

impl Arrays for Parquet {
    fn arrays(&self) -> &[ArrayInfo] {
        &self.arrays
    }

    fn rows(&self, idx: usize, rows: Range<usize>) -> Result<Values> {
        let Content { column, level, ends } = &self.contents[idx];
        let dtype = self.arrays[idx].dtype;
        let mut bytes = Vec::new();
        for group in 0..self.n_groups() {
            let (first, end) = (ends[group], ends[group + 1]);
            let part = rows.start.max(first)..rows.end.min(end);
            if part.is_empty() {
                continue;
            }
            let decoded = self.decoded(*column, group)?;
            let all = match level {
                Some(level) => &Values::U32(decoded.counts[*level].clone()),
                None => &decoded.values,
            };
            let width = if level.is_some() { 1 } else { self.leaves[*column].width() };
            if Some(all.len()) != (end - first).checked_mul(width) {
                return Err(Error::input(format!(
                    "expected {} values in a row group, found {}",
                    end - first,
                    all.len() / width
                )));
            }
            let part = (part.start - first) * width..(part.end - first) * width;
            all.slice(part).append_bytes(&mut bytes, false);
        }
        Values::from_bytes(dtype, &bytes, false)
    }

    fn metadata(&self, _wanted: &dyn Fn(&str) -> bool) -> Option<Attachment> {
        Some(Attachment::metadata(NAME, self.arrays.len(), self.metadata.clone()))
    }

    fn shared(&self) -> Metadata {
        self.shared.clone()
    }

    fn layout(&self) -> Layout {
        let has_lists = self.arrays.iter().any(|array| array.storage.lists.is_some());
        if has_lists { Layout::Arrays } else { Layout::Columns }
    }

    fn warnings(&self) -> &[String] {
        &self.warnings
    }
}
