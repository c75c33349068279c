//! An archive as a source: any rows of any variables, of which only the chunks that hold them are read and decoded.
//! In: bytes that can be read and sought. It needs memory for the chunks that are being decoded and for the one it
//! decoded last, which the next rows may lie in.

use crate::container::{GroupMethod, Index, N_LISTED, StoredOutliers};
use crate::decode::inspect;
use crate::decode::outliers;
use crate::decode::{Coders, decode_chunk};
use crate::model::Model;
use crate::report::Report;
use baler_data::dataset::{Values, Variable};
use baler_data::error::{Error, Result};
use baler_data::names;
use baler_data::source::picks::Picks;
use baler_data::source::slice::{Range1, Slice};
use baler_data::source::sliced::Sliced;
use baler_data::source::{Schema, Source, VariableSchema, collect};
use baler_data::threads::Threads;
use rayon::prelude::*;
use std::io::{Cursor, Read, Seek};
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

/// Values of a group's variables, as far as they are decoded.
type Decoded = Arc<Vec<Option<Values>>>;

/// Reads parts of an archive.
pub struct Reader<R> {
    index: Index<R>,
    coders: Coders,
    /// What the chunks hold.
    coded: Schema,
    /// The rows that are not in chunks.
    outliers: Option<Box<Outliers>>,
    /// Group of each variable, and its place in it.
    places: Vec<(usize, usize)>,
    threads: Threads,
    /// The chunk that was decoded last.
    last: Mutex<Option<(usize, Decoded)>>,
}

/// The rows in full of an archive that is open.
pub struct Outliers {
    /// What the scores are.
    pub by: String,
    /// Row numbers, scores, then the variables of the archive, of these rows alone.
    pub rows: Reader<Cursor<Vec<u8>>>,
    /// Of all rows.
    pub schema: Schema,
    /// Found once somebody reads rows.
    picks: Mutex<Option<Arc<Picks>>>,
}

impl Outliers {
    /// Of an archive whose chunks have the variables of `coded`.
    fn open(stored: &StoredOutliers, coded: &Schema, threads: &Threads) -> Result<Outliers> {
        let rows = Reader::of_index(stored.index()?, None, threads)?;
        let schema = outliers::whole_schema(coded, rows.schema())?;
        Ok(Outliers { by: stored.by.clone(), rows, schema, picks: Mutex::new(None) })
    }

    /// The numbers of the rows, ascending.
    ///
    /// # Errors
    /// [`baler_data::error::ErrorKind::Corrupt`] for numbers that are none.
    pub fn numbers(&self) -> Result<Vec<usize>> {
        outliers::numbers(&self.rows, &self.schema)
    }

    /// Where they stand among all rows; `coded` has the others.
    fn picks(&self, coded: &dyn Source) -> Result<Arc<Picks>> {
        let known = || self.picks.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(picks) = &*known() {
            return Ok(picks.clone());
        }
        // Nothing is locked meanwhile: a thread that waits for others may be given work that wants the same.
        let found = Arc::new(Picks::between(coded, &self.rows, N_LISTED, &self.numbers()?)?);
        *known() = Some(found.clone());
        Ok(found)
    }
}

impl<R: Read + Seek + Send> Reader<R> {
    /// Opens an archive that holds all it needs, on the threads of the caller.
    ///
    /// # Errors
    /// [`baler_data::error::ErrorKind::Corrupt`] for damaged bytes, [`baler_data::error::ErrorKind::Config`] if the archive needs a model file.
    pub fn open(input: R) -> Result<Reader<R>> {
        Reader::open_with(input, None, &Threads::default())
    }

    /// Opens an archive with the model file that it names, on some threads.
    ///
    /// # Errors
    /// As [`Reader::open`].
    pub fn open_with(input: R, model: Option<&Model>, threads: &Threads) -> Result<Reader<R>> {
        crate::network::simd_level()?;
        Reader::of_index(Index::open(input)?, model, threads)
    }

    /// Of an archive whose index is read.
    pub(crate) fn of_index(index: Index<R>, model: Option<&Model>, threads: &Threads) -> Result<Reader<R>> {
        let coders = Coders::for_archive(&index.plan, &index.models, model)?;
        let plan = &index.plan;
        let variables = plan.variables.iter().map(|variable| VariableSchema {
            name: variable.name.clone(),
            dtype: variable.dtype,
            shape: variable.shape.clone(),
            storage: variable.storage,
        });
        let coded = Schema {
            variables: variables.collect(),
            layout: plan.layout,
            attachments: plan.attachments.clone(),
        };
        let mut places = vec![(0, 0); plan.variables.len()];
        for (group_idx, group) in plan.groups.iter().enumerate() {
            for (position, &idx) in group.variables.iter().enumerate() {
                places[idx] = (group_idx, position);
            }
        }
        let threads = threads.clone();
        let outliers = index.outliers.as_ref().map(|stored| Outliers::open(stored, &coded, &threads));
        let outliers = outliers.transpose()?.map(Box::new);
        Ok(Reader { index, coders, coded, outliers, places, threads, last: Mutex::new(None) })
    }

    /// Rows that stand in full, apart from the chunks.
    pub fn outliers(&self) -> Option<&Outliers> {
        self.outliers.as_deref()
    }

    /// Where the rows in full stand among all, if there are any.
    ///
    /// # Errors
    /// [`baler_data::error::ErrorKind::Corrupt`] for damaged bytes.
    pub fn picks(&self) -> Result<Option<Arc<Picks>>> {
        self.outliers().map(|outliers| outliers.picks(&Coded(self))).transpose()
    }

    /// The rows (first axis) of a variable that each of its chunks brings.
    ///
    /// # Errors
    /// As [`Reader::picks`].
    pub fn chunk_rows(&self, variable: usize) -> Result<Vec<usize>> {
        let group = self.places[variable].0;
        let chunks = self.index.chunks_of(group).map(|chunk_idx| self.index.place(chunk_idx).1);
        let ends = chunks.map(|row| row + self.index.plan.rows_of_chunk(group, row));
        let Some(picks) = self.picks()? else {
            let starts = std::iter::once(0).chain(ends.clone());
            return Ok(ends.clone().zip(starts).map(|(end, start)| end - start).collect());
        };
        let n_all = self.schema().variables[variable].n_rows();
        let n_coded = self.coded.variables[variable].n_rows();
        let mut start = 0;
        let rows = ends.map(|end| {
            // What stands between two chunks goes with the first.
            let end = if end == n_coded { n_all } else { picks.among_all(variable, &(end..end + 1)).start };
            end - std::mem::replace(&mut start, end)
        });
        Ok(rows.collect())
    }

    /// Where everything is.
    pub fn index(&self) -> &Index<R> {
        &self.index
    }

    /// The threads that decode.
    pub fn threads(&self) -> &Threads {
        &self.threads
    }

    /// What the archive says of itself.
    ///
    /// # Errors
    /// [`baler_data::error::ErrorKind::Corrupt`] for damaged bytes.
    pub fn report(&self) -> Result<Report> {
        inspect::report(&self.index)
    }

    /// Some rows (first axis) of a variable.
    ///
    /// # Errors
    /// [`baler_data::error::ErrorKind::Config`] for an unknown name or rows that are not there, or [`baler_data::error::ErrorKind::Corrupt`].
    pub fn rows(&self, name: &str, rows: Range<usize>) -> Result<Variable> {
        let n_rows = self.schema().variables[self.position(name)?].n_rows();
        if rows.start > rows.end || rows.end > n_rows {
            return Err(Error::config(format!(
                "expected rows within 0:{n_rows}, found {}:{}",
                rows.start, rows.end
            )));
        }
        self.slice(name, &[Range1::from(rows)])
    }

    /// A slice of a variable: one range an axis, further axes whole.
    ///
    /// # Errors
    /// As [`Reader::rows`].
    pub fn slice(&self, name: &str, ranges: &[Range1]) -> Result<Variable> {
        self.position(name)?;
        let one = baler_data::source::Selected::new(self, |other| other == name);
        let mut dataset = collect(&Sliced::new(one, &Slice::of_ranges(ranges))?, &self.threads, |_| ())?;
        dataset.variables.pop().ok_or_else(|| Error::config(format!("expected a variable '{name}'")))
    }

    fn position(&self, name: &str) -> Result<usize> {
        self.schema().position(name).ok_or_else(|| names::unknown_variable(name, self.schema().names()))
    }

    /// Decodes the wanted variables of a chunk.
    pub fn decode(
        &self,
        chunk_idx: usize,
        wanted: &(dyn Fn(usize) -> bool + Sync),
    ) -> Result<Vec<Option<Values>>> {
        let chunk = self.index.chunk(chunk_idx)?;
        decode_chunk(&self.index.plan, &chunk, &self.coders, wanted).map_err(|e| e.in_chunk(chunk_idx))
    }

    /// [`Reader::decode`], or what is still there of the chunk that was decoded last.
    fn chunk(&self, chunk_idx: usize, wanted: &(dyn Fn(usize) -> bool + Sync)) -> Result<Decoded> {
        let group = &self.index.plan.groups[self.index.place(chunk_idx).0];
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((_, decoded)) = last.filter(|(last_idx, _)| *last_idx == chunk_idx) {
            let is_there = |(&idx, values): (&usize, &Option<Values>)| values.is_some() || !wanted(idx);
            if group.variables.iter().zip(&*decoded).all(is_there) {
                return Ok(decoded);
            }
        }
        Ok(Arc::new(self.decode(chunk_idx, wanted)?))
    }

    /// Rows of variables of one group, into `found`.
    fn read_group(
        &self,
        group_idx: usize,
        rows: &Range<usize>,
        found: &mut [(usize, &mut Values)],
    ) -> Result<()> {
        let group = &self.index.plan.groups[group_idx];
        // Rows without values (an axis behind the first is empty) are in no chunk.
        let n_values = self.coded.variables[group.variables[0]].n_values();
        let chunks: Vec<usize> = match rows.is_empty() || n_values == 0 {
            true => Vec::new(),
            false => (self.index.chunk_of(group_idx, rows.start)
                ..=self.index.chunk_of(group_idx, rows.end - 1))
                .collect(),
        };
        let mut asked: Vec<usize> = found.iter().map(|(idx, _)| *idx).collect();
        asked.sort_unstable();
        let wanted = |idx: usize| asked.binary_search(&idx).is_ok();
        let decode = |&chunk_idx: &usize| self.chunk(chunk_idx, &wanted);
        let decoded: Vec<Decoded> =
            self.threads.run(|| chunks.par_iter().map(decode).collect::<Result<_>>())?;
        for (chunk_idx, mut decoded) in chunks.into_iter().zip(decoded) {
            let first_row = self.index.place(chunk_idx).1;
            let chunk_rows = self.index.plan.rows_of_chunk(group_idx, first_row);
            let from = rows.start.max(first_row) - first_row;
            let to = rows.end.min(first_row + chunk_rows) - first_row;
            for (idx, all) in found.iter_mut() {
                let position = self.places[*idx].1;
                let missing = || Error::corrupt("a variable of a chunk is missing");
                match Arc::get_mut(&mut decoded) {
                    // All of a chunk that nobody else holds need not be copied.
                    Some(own) if all.is_empty() && from == 0 && to == chunk_rows => {
                        **all = own[position].take().ok_or_else(missing)?;
                    }
                    _ => {
                        let values = decoded[position].as_ref().ok_or_else(missing)?;
                        all.append(&values.slice(self.coded.variables[*idx].elements_of(from..to)))?;
                    }
                }
            }
            // What is left of it may be asked for next.
            let kept = (to < chunk_rows).then_some((chunk_idx, decoded));
            *self.last.lock().unwrap_or_else(PoisonError::into_inner) = kept;
        }
        Ok(())
    }
}

/// The rows of an archive that are in its chunks.
struct Coded<'a, R>(&'a Reader<R>);

impl<R: Read + Seek + Send> Source for Coded<'_, R> {
    fn schema(&self) -> &Schema {
        &self.0.coded
    }

    fn read(&self, variable: usize, elements: Range<usize>) -> Result<Values> {
        self.0.coded.variables[variable].cut_from_rows(elements, |rows| {
            Ok(self.read_rows(&[variable], rows)?.pop().expect("one for each variable"))
        })
    }

    fn read_rows(&self, variables: &[usize], rows: Range<usize>) -> Result<Vec<Values>> {
        let reader = self.0;
        let mut found: Vec<Values> =
            variables.iter().map(|&idx| Values::empty(reader.coded.variables[idx].dtype)).collect();
        // Group after group, each with its own: there may be as many groups as variables.
        let group_of = |(idx, _): &(usize, &mut Values)| reader.places[*idx].0;
        let mut wanted: Vec<(usize, &mut Values)> = variables.iter().copied().zip(&mut found).collect();
        wanted.sort_by_key(group_of);
        for of_group in wanted.chunk_by_mut(|a, b| group_of(a) == group_of(b)) {
            reader.read_group(group_of(&of_group[0]), &rows, of_group)?;
        }
        Ok(found)
    }
}

impl<R: Read + Seek + Send> Source for Reader<R> {
    fn schema(&self) -> &Schema {
        self.outliers().map_or(&self.coded, |outliers| &outliers.schema)
    }

    fn read(&self, variable: usize, elements: Range<usize>) -> Result<Values> {
        self.schema().variables[variable].cut_from_rows(elements, |rows| {
            Ok(self.read_rows(&[variable], rows)?.pop().expect("one for each variable"))
        })
    }

    fn read_rows(&self, variables: &[usize], rows: Range<usize>) -> Result<Vec<Values>> {
        let Some(outliers) = self.outliers() else { return Coded(self).read_rows(variables, rows) };
        let picks = outliers.picks(&Coded(self))?;
        let parts: Vec<_> = variables.iter().map(|&idx| picks.parts(idx, &rows)).collect();
        let mut found: Vec<Option<Values>> = vec![None; variables.len()];
        // Columns are read together, lists of other lengths by themselves.
        while let Some(first) = found.iter().position(Option::is_none) {
            let alike: Vec<usize> = (first..parts.len()).filter(|&at| parts[at] == parts[first]).collect();
            let (of_others, of_outliers) = parts[first].clone();
            let indices: Vec<usize> = alike.iter().map(|&at| variables[at]).collect();
            let others = Coded(self).read_rows(&indices, of_others)?;
            let inner: Vec<usize> = indices.iter().map(|idx| idx + N_LISTED).collect();
            let in_full = outliers.rows.read_rows(&inner, of_outliers)?;
            for ((at, idx), both) in alike.into_iter().zip(indices).zip(others.iter().zip(&in_full)) {
                let variable = &self.schema().variables[idx];
                found[at] = Some(picks.weave(variable, idx, rows.clone(), both)?);
            }
        }
        Ok(found.into_iter().flatten().collect())
    }

    /// Whole chunks, as many as there are threads: the next ones are read while these are written.
    fn rows_at_once(&self, variables: &[usize]) -> usize {
        let mut groups: Vec<usize> = variables.iter().map(|&idx| self.places[idx].0).collect();
        groups.sort_unstable();
        groups.dedup();
        let longest =
            groups.iter().map(|&group| self.index.plan.groups[group].rows_per_chunk).max().unwrap_or(1);
        let n_chunks = self.threads.count().div_ceil(groups.len().max(1));
        longest.saturating_mul(n_chunks)
    }

    /// Fields of a group: what leads them is then decoded once.
    fn read_group(&self, variable: usize) -> usize {
        let group = &self.index.plan.groups[self.places[variable].0];
        if matches!(group.method, GroupMethod::Fields { .. }) { group.variables[0] } else { variable }
    }
}
