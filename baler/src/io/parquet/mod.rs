//! Parquet files: every column of numbers, any rows of it, and a Parquet file back. Lists, and values that are not there,
//! come as items and counts; a missing float is a NaN of its own, so that such columns stay beside the others. The
//! schema and the file's own notes (pandas, Arrow) are kept. Columns of text and bytes are named in a warning.
//!
//! The crate `parquet` reads pages; between its levels and counts stands [`levels`]. One row group at a time is in
//! memory; how long the lists of each are is found when the file is opened.

mod decode;
mod levels;
mod nulls;
mod schema;
mod write;

pub use write::write;

use crate::dataset::{Attachment, DType, Layout, ListKind, Lists, Values};
use crate::error::{Error, Result};
use crate::io::arrays::{ArrayInfo, Arrays};
use crate::io::store::Region;
use decode::{Decoded, Source, decode};
use levels::Level;
use parquet::file::reader::{FileReader, SerializedFileReader};
use schema::{Leaf, told};
use std::collections::HashMap;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};

/// The name of the metadata: the schema as text, then keys and values of the file's notes, with zeros between.
pub const NAME: &str = "parquet";
/// What a file begins with.
pub const MAGIC: &[u8; 4] = b"PAR1";

/// An opened file.
pub struct Parquet {
    reader: SerializedFileReader<Source>,
    arrays: Vec<ArrayInfo>,
    contents: Vec<Content>,
    leaves: Vec<Leaf>,
    /// The row group that was decoded last, and of which column.
    last: Mutex<Option<(usize, usize, Arc<Decoded>)>>,
    metadata: Vec<u8>,
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

/// Runs the crate, which was not made for hostile bytes: a panic is an error like any other.
fn guarded<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|_| Err(Error::input("the Parquet file is damaged: its pages contradict each other")))
}

impl Parquet {
    /// Opens a file; of the values only columns with lists are read, and those with missing whole numbers.
    pub fn open(bytes: Region) -> Result<Parquet> {
        let reader = guarded(|| SerializedFileReader::new(Source::new(bytes)).map_err(told))?;
        let file = reader.metadata().file_metadata();
        let leaves = schema::leaves(file.schema());
        let (arrays, contents, warnings) = (Vec::new(), Vec::new(), Vec::new());
        let (last, metadata) = (Mutex::new(None), Vec::new());
        let mut found = Parquet { arrays, contents, leaves, last, metadata, warnings, reader };
        let mut not_kept = Vec::new();
        let mut shared = HashMap::new();
        for column in 0..found.leaves.len() {
            let name = found.leaves[column].name.clone();
            match found.leaves[column].dtype {
                Some(dtype) if !found.arrays.iter().any(|array| array.name == name) => {
                    found.add(column, dtype, &mut shared).map_err(|e| e.in_variable(&name))?;
                }
                _ => not_kept.push(name),
            }
        }
        found.metadata = found.notes(not_kept.is_empty());
        if !not_kept.is_empty() {
            found.warnings.push(format!("columns that are no numbers are not kept: {}", not_kept.join(", ")));
        }
        Ok(found)
    }

    /// The schema, and the notes of the file if all columns are kept: they speak of all.
    fn notes(&self, all_kept: bool) -> Vec<u8> {
        let file = self.reader.metadata().file_metadata();
        let mut text = schema::to_text(file.schema());
        for note in file.key_value_metadata().into_iter().flatten().filter(|_| all_kept) {
            if let Some(value) = note.value.as_ref().filter(|v| !v.contains('\0') && !note.key.contains('\0'))
            {
                text.push_str(&format!("\0{}\0{value}", note.key));
            }
        }
        text.into_bytes()
    }

    fn n_groups(&self) -> usize {
        self.reader.metadata().num_row_groups()
    }

    /// Adds a column: its counts, as far as they say anything, and its values.
    fn add(
        &mut self,
        column: usize,
        dtype: DType,
        shared: &mut HashMap<(Option<usize>, [u8; 32]), usize>,
    ) -> Result<()> {
        let Leaf { name, levels, .. } = self.leaves[column].clone();
        let sums = if self.is_flat(column, dtype) { None } else { Some(self.sum(column)?) };
        let mut above: Option<Lists> = None;
        for (k, level) in levels.iter().enumerate() {
            let Some(sums) = sums.as_ref().filter(|sums| sums.says_something[k]) else { continue };
            let kind = if *level == Level::List { ListKind::Vector } else { ListKind::Optional };
            let key = (above.map(|lists| lists.counts), sums.hashes[k]);
            let counts = match shared.get(&key) {
                Some(&counts) => counts,
                None => {
                    let suffix = if *level == Level::List { "counts" } else { "present" };
                    let depth = if self.arrays.iter().any(|a| a.name == format!("{name}#{suffix}")) {
                        k.to_string()
                    } else {
                        String::new()
                    };
                    self.push(
                        format!("{name}#{suffix}{depth}"),
                        DType::U32,
                        above,
                        column,
                        Some(k),
                        sums.ends[k].clone(),
                    )?;
                    shared.insert(key, self.arrays.len() - 1);
                    self.arrays.len() - 1
                }
            };
            above = Some(Lists { counts, kind });
        }
        let ends = match sums {
            Some(sums) => sums.ends[levels.len()].clone(),
            None => self.rows_of_groups()?,
        };
        self.push(name, dtype, above, column, None, ends)
    }

    fn push(
        &mut self,
        name: String,
        dtype: DType,
        lists: Option<Lists>,
        column: usize,
        level: Option<usize>,
        ends: Vec<usize>,
    ) -> Result<()> {
        let n_rows = ends.last().copied().unwrap_or(0);
        let mut array = ArrayInfo::new(name, dtype, vec![n_rows], false)?;
        array.storage.lists = lists;
        self.arrays.push(array);
        self.contents.push(Content { column, level, ends });
        Ok(())
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
        let levels = &self.leaves[column].levels;
        let mut ends: Vec<Vec<usize>> = vec![vec![0]; levels.len() + 1];
        let mut hashers: Vec<blake3::Hasher> = levels.iter().map(|_| blake3::Hasher::new()).collect();
        let mut missing = vec![false; levels.len()];
        for group in 0..self.n_groups() {
            let decoded = self.decoded(column, group)?;
            for (k, counts) in decoded.counts.iter().enumerate() {
                counts.iter().for_each(|n| {
                    hashers[k].update(&n.to_le_bytes());
                });
                missing[k] |= levels[k] == Level::Optional && counts.contains(&0);
                let end = ends[k][group] + counts.len();
                ends[k].push(end);
            }
            let end = ends[levels.len()][group] + decoded.values.len();
            ends[levels.len()].push(end);
        }
        let mut says_something = Vec::with_capacity(levels.len());
        let mut k = 0;
        // Several optional levels in a row are kept or left out together, so that it stays clear which is which.
        while k < levels.len() {
            if levels[k] == Level::List {
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
        if let Some((of_column, of_group, decoded)) = &*last
            && (*of_column, *of_group) == (column, group)
        {
            return Ok(Arc::clone(decoded));
        }
        *last = None;
        let leaf = &self.leaves[column];
        let decoded = Arc::new(guarded(|| decode(&self.reader, column, group, leaf))?);
        *last = Some((column, group, Arc::clone(&decoded)));
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
            if all.len() != end - first {
                return Err(Error::input(format!(
                    "expected {} values in a row group, found {}",
                    end - first,
                    all.len()
                )));
            }
            all.slice(part.start - first..part.end - first).append_bytes(&mut bytes, false);
        }
        Values::from_bytes(dtype, &bytes, false)
    }

    fn metadata(&self, _wanted: &dyn Fn(&str) -> bool) -> Option<Attachment> {
        Some(Attachment::metadata(NAME, self.arrays.len(), self.metadata.clone()))
    }

    fn layout(&self) -> Layout {
        let has_lists = self.arrays.iter().any(|array| array.storage.lists.is_some());
        if has_lists { Layout::Arrays } else { Layout::Columns }
    }

    fn warnings(&self) -> &[String] {
        &self.warnings
    }
}
