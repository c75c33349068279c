//! Where values come from: named variables whose values are read in pieces, as they are needed. A file, an archive and
//! a [`Dataset`] in memory are sources, and so is a part of a source: some of its variables ([`Selected`]), or a slice
//! of each ([`crate::source::slice`]). Whoever takes a source needs memory for the pieces that it asks for, and no more.

pub mod joined;
pub mod picks;
mod schema;
pub mod select;
pub mod slice;
pub mod sliced;

use crate::dataset::{Dataset, Values, Variable};
use crate::error::Result;
pub use schema::{Schema, VariableSchema};

use crate::source::select::select_schema;
use crate::threads::Threads;
use rayon::prelude::*;
use std::borrow::Cow;
use std::ops::{Deref, Range};

/// Bytes of a piece, about, where a source is read from one end to the other.
const PIECE_BYTES: usize = 4 << 20;
/// Bytes of the blocks that are read at a time, at least.
const WAITING_BYTES: usize = 16 << 20;

/// Variables whose values are read in pieces. Reading never changes a source: any number of threads may.
pub trait Source: Send + Sync {
    /// What there is.
    fn schema(&self) -> &Schema;

    /// Some values of a variable, counted in C order.
    fn read(&self, variable: usize, elements: Range<usize>) -> Result<Values>;

    /// Rows (first axis) of several variables; a source that stores them side by side reads them at once.
    fn read_rows(&self, variables: &[usize], rows: Range<usize>) -> Result<Vec<Values>> {
        let one = |&idx: &usize| self.read(idx, self.schema().variables[idx].elements_of(rows.clone()));
        variables.iter().map(one).collect()
    }

    /// Rows of these variables that are best read together by who reads all of them.
    fn rows_at_once(&self, variables: &[usize]) -> usize {
        self.schema().rows_within(variables, PIECE_BYTES)
    }

    /// The group that a variable is best read with: variables of one group stand side by side in the source, so that their
    /// rows are read in one go.
    fn read_group(&self, variable: usize) -> usize {
        variable
    }
}

/// What points to a source is one.
impl<P: Deref<Target: Source> + Send + Sync> Source for P {
    fn schema(&self) -> &Schema {
        (**self).schema()
    }
    fn read(&self, variable: usize, elements: Range<usize>) -> Result<Values> {
        (**self).read(variable, elements)
    }
    fn read_rows(&self, variables: &[usize], rows: Range<usize>) -> Result<Vec<Values>> {
        (**self).read_rows(variables, rows)
    }
    fn rows_at_once(&self, variables: &[usize]) -> usize {
        (**self).rows_at_once(variables)
    }
    fn read_group(&self, variable: usize) -> usize {
        (**self).read_group(variable)
    }
}

/// Pieces of at most about 4 MiB that cover `n_values` values of `item_bytes` each.
pub fn pieces(n_values: usize, item_bytes: usize) -> impl Iterator<Item = Range<usize>> {
    let at_once = (PIECE_BYTES / item_bytes.max(1)).max(1);
    (0..n_values.div_ceil(at_once)).map(move |i| i * at_once..((i + 1) * at_once).min(n_values))
}

/// A dataset in memory as a source.
pub struct InMemory<'a> {
    dataset: Cow<'a, Dataset>,
    schema: Schema,
}

impl<'a> InMemory<'a> {
    /// Of a dataset that someone else holds.
    pub fn of(dataset: &'a Dataset) -> InMemory<'a> {
        InMemory { schema: Schema::of(dataset), dataset: Cow::Borrowed(dataset) }
    }

    /// Of a dataset of its own.
    pub fn owning(dataset: Dataset) -> InMemory<'static> {
        InMemory { schema: Schema::of(&dataset), dataset: Cow::Owned(dataset) }
    }
}

impl Source for InMemory<'_> {
    fn schema(&self) -> &Schema {
        &self.schema
    }

    fn read(&self, variable: usize, elements: Range<usize>) -> Result<Values> {
        Ok(self.dataset.variables[variable].values.slice(elements))
    }
}

/// Some of the variables of a source.
pub struct Selected<S> {
    source: S,
    schema: Schema,
    indices: Vec<usize>,
}

impl<S: Source> Selected<S> {
    /// Those whose name `keep` accepts, attachments included.
    pub fn new(source: S, keep: impl Fn(&str) -> bool) -> Selected<S> {
        let (schema, indices) = select_schema(source.schema(), keep);
        Selected { source, schema, indices }
    }
}

impl<S: Source> Source for Selected<S> {
    fn schema(&self) -> &Schema {
        &self.schema
    }

    fn read(&self, variable: usize, elements: Range<usize>) -> Result<Values> {
        self.source.read(self.indices[variable], elements)
    }

    fn read_rows(&self, variables: &[usize], rows: Range<usize>) -> Result<Vec<Values>> {
        let inner: Vec<usize> = variables.iter().map(|&idx| self.indices[idx]).collect();
        self.source.read_rows(&inner, rows)
    }

    fn rows_at_once(&self, variables: &[usize]) -> usize {
        let inner: Vec<usize> = variables.iter().map(|&idx| self.indices[idx]).collect();
        self.source.rows_at_once(&inner)
    }

    fn read_group(&self, variable: usize) -> usize {
        self.source.read_group(self.indices[variable])
    }
}

/// Rows that are read together.
#[derive(Debug, Clone)]
pub struct Block {
    /// Indices of the variables.
    pub variables: Vec<usize>,
    /// Rows of each.
    pub rows: Range<usize>,
}

/// Variables that are read together: columns of one length, and everything else by itself. In the order of the first.
pub fn batches(schema: &Schema, variables: impl IntoIterator<Item = usize>) -> Vec<Vec<usize>> {
    let mut batches: Vec<Vec<usize>> = Vec::new();
    let mut of_length = std::collections::BTreeMap::new();
    for idx in variables {
        match schema.variables[idx].shape[..] {
            [n_rows] => match of_length.get(&n_rows) {
                Some(&batch) => Vec::push(&mut batches[batch], idx),
                None => {
                    of_length.insert(n_rows, batches.len());
                    batches.push(vec![idx]);
                }
            },
            _ => batches.push(vec![idx]),
        }
    }
    batches
}

/// Reads all of a source, some blocks at a time on `threads`, and hands them over in order: batch after batch (see
/// [`batches`]), rows ascending.
pub fn each_block(
    source: &dyn Source,
    threads: &Threads,
    mut take: impl FnMut(&Block, Vec<Values>) -> Result<()>,
) -> Result<()> {
    let read_one = |block: Block| -> Result<(Block, Vec<Values>)> {
        let values = source.read_rows(&block.variables, block.rows.clone())?;
        Ok((block, values))
    };
    let read = |blocks: Vec<Block>| -> Result<Vec<_>> {
        threads.run(|| blocks.into_par_iter().map(read_one).collect::<Result<_>>())
    };
    threads.ahead(together(source), read, |blocks| {
        blocks.into_iter().try_for_each(|(block, values)| take(&block, values))
    })
}

/// The blocks of a source, those together that are read at the same time. One after the other, for a damaged file may
/// claim any number of them.
fn together(source: &dyn Source) -> impl Iterator<Item = Vec<Block>> + Send {
    let schema = source.schema();
    let mut batches = batches(schema, 0..schema.variables.len());
    let mut companies = std::collections::BTreeMap::new();
    for at in 0..batches.len() {
        let [idx] = batches[at][..] else { continue };
        let first = *companies.entry((source.read_group(idx), schema.variables[idx].n_rows())).or_insert(at);
        if first != at {
            batches[at].clear();
            batches[first].push(idx);
        }
    }
    let has_values = |batch: &Vec<usize>| !batch.is_empty() && schema.variables[batch[0]].n_values() > 0;
    let mut blocks = batches.into_iter().filter(has_values).flat_map(|variables| {
        let n_rows = schema.variables[variables[0]].n_rows();
        let row_bytes: usize = variables.iter().map(|&idx| schema.variables[idx].row_bytes()).sum();
        let at_once = source.rows_at_once(&variables).max(1);
        (0..n_rows).step_by(at_once).map(move |start| {
            let rows = start..start.saturating_add(at_once).min(n_rows);
            (rows.len() * row_bytes, Block { variables: variables.clone(), rows })
        })
    });
    std::iter::from_fn(move || {
        let (mut waiting, mut n_bytes) = (Vec::new(), 0);
        while n_bytes < WAITING_BYTES
            && let Some((block_bytes, block)) = blocks.next()
        {
            n_bytes += block_bytes;
            waiting.push(block);
        }
        (!waiting.is_empty()).then_some(waiting)
    })
}

/// All of a source, in memory. `progress` hears how many bytes are there.
pub fn collect(source: &dyn Source, threads: &Threads, mut progress: impl FnMut(u64)) -> Result<Dataset> {
    let Schema { variables, layout, attachments } = source.schema().clone();
    let mut columns: Vec<Values> = variables.iter().map(|variable| Values::empty(variable.dtype)).collect();
    let mut n_bytes = 0;
    each_block(source, threads, |block, values| {
        for (&idx, values) in block.variables.iter().zip(&values) {
            columns[idx].append(values)?;
            n_bytes += values.size_bytes() as u64;
        }
        progress(n_bytes);
        Ok(())
    })?;
    let variable = |(VariableSchema { name, shape, storage, .. }, values)| {
        Ok(Variable { storage, ..Variable::new(name, shape, values)? })
    };
    let variables = variables.into_iter().zip(columns).map(variable).collect::<Result<_>>()?;
    Ok(Dataset { variables, layout, attachments })
}

/// A part of a source in memory, of about `max_bytes`: all of a small one, else runs of rows, evenly spread. What has
/// more than one axis keeps all but the first.
pub fn excerpt(source: &dyn Source, max_bytes: usize) -> Result<Dataset> {
    excerpt_in_runs(source, max_bytes, 1)
}

/// [`excerpt`] in runs of at least so many rows, if it has as many.
pub fn excerpt_in_runs(source: &dyn Source, max_bytes: usize, run_rows: usize) -> Result<Dataset> {
    const N_RUNS: usize = 8;
    let Schema { variables, layout, attachments } = source.schema().clone();
    let total = source.schema().size_bytes();
    let mut taken: Vec<Variable> = Vec::with_capacity(variables.len());
    for batch in batches(source.schema(), 0..variables.len()) {
        let n_rows = variables[batch[0]].n_rows();
        let share = (max_bytes as f64 / total.max(1) as f64).min(1.0);
        let rows = ((n_rows as f64 * share) as usize).clamp(n_rows.min(1), n_rows);
        let n_runs = if rows == n_rows { 1 } else { N_RUNS.min(rows.div_ceil(run_rows)) };
        let run_rows = rows / n_runs.max(1);
        let mut columns: Vec<Values> = batch.iter().map(|&idx| Values::empty(variables[idx].dtype)).collect();
        for run_idx in 0..n_runs {
            let start = if n_runs == 1 { 0 } else { run_idx * (n_rows - run_rows) / (n_runs - 1) };
            let values = source.read_rows(&batch, start..start + run_rows)?;
            columns.iter_mut().zip(&values).try_for_each(|(all, values)| all.append(values))?;
        }
        for (&idx, values) in batch.iter().zip(columns) {
            let VariableSchema { name, mut shape, storage, .. } = variables[idx].clone();
            if let Some(extent) = shape.first_mut() {
                *extent = run_rows * n_runs;
            }
            taken.push(Variable { storage, ..Variable::new(name, shape, values)? });
        }
    }
    let place = |variable: &Variable| variables.iter().position(|other| other.name == variable.name);
    taken.sort_by_key(place);
    Ok(Dataset { variables: taken, layout, attachments })
}
