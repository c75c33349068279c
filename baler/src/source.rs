//! Where values come from: named variables whose values are read in pieces, as they are needed. A file, an archive and
//! a [`Dataset`] in memory are sources, and so is a part of a source: some of its variables ([`Selected`]), or a slice
//! of each ([`crate::slice`]). Whoever takes a source needs memory for the pieces that it asks for, and no more.

use crate::dataset::{Attachment, DType, Dataset, Layout, Storage, Values, Variable, n_elements, row_len};
use crate::error::{Error, Result};
use crate::metadata::Metadata;
use crate::select::select_schema;
use crate::threads::Threads;
use rayon::prelude::*;
use std::borrow::Cow;
use std::ops::{Deref, Range};

/// Bytes of a piece, about, where a source is read from one end to the other.
const PIECE_BYTES: usize = 4 << 20;
/// Bytes of the blocks that are read at a time, at least.
const WAITING_BYTES: usize = 16 << 20;

/// A variable without its values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VariableSchema {
    /// Unique name.
    pub name: String,
    /// Element type.
    pub dtype: DType,
    /// Extent of each axis; empty for a scalar.
    pub shape: Vec<usize>,
    /// How the source stores it.
    pub storage: Storage,
}

impl VariableSchema {
    /// Extent of the first axis; 1 for a scalar.
    pub fn n_rows(&self) -> usize {
        self.shape.first().copied().unwrap_or(1)
    }

    /// Product of the extents, which [`Schema::check`] has seen to fit.
    pub fn n_values(&self) -> usize {
        self.shape.iter().product()
    }

    /// Values of a row.
    pub fn row_len(&self) -> usize {
        row_len(&self.shape)
    }

    /// Bytes of a row.
    pub fn row_bytes(&self) -> usize {
        self.row_len() * self.dtype.size_bytes()
    }

    /// Where the values of some rows stand, counted in C order.
    pub fn elements_of(&self, rows: Range<usize>) -> Range<usize> {
        rows.start * self.row_len()..rows.end * self.row_len()
    }

    /// Some values, counted in C order, where only whole rows can be read: `read` reads those that hold them.
    pub fn cut_from_rows(
        &self,
        elements: Range<usize>,
        read: impl FnOnce(Range<usize>) -> Result<Values>,
    ) -> Result<Values> {
        let row_len = self.row_len().max(1);
        let rows = elements.start / row_len..elements.end.div_ceil(row_len);
        let first = rows.start * row_len;
        let values = read(rows)?;
        match elements.start == first && elements.len() == values.len() {
            true => Ok(values),
            false => Ok(values.slice(elements.start - first..elements.end - first)),
        }
    }

    /// Elements times item size.
    pub fn size_bytes(&self) -> usize {
        self.n_values() * self.dtype.size_bytes()
    }
}

/// A dataset without its values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schema {
    /// In the order of the source.
    pub variables: Vec<VariableSchema>,
    /// How they stood in the source.
    pub layout: Layout,
    /// Non-numeric members.
    pub attachments: Vec<Attachment>,
}

impl Schema {
    /// That of a dataset.
    pub fn of(dataset: &Dataset) -> Schema {
        let of_variable = |variable: &Variable| VariableSchema {
            name: variable.name.clone(),
            dtype: variable.values.dtype(),
            shape: variable.shape.clone(),
            storage: variable.storage,
        };
        Schema {
            variables: dataset.variables.iter().map(of_variable).collect(),
            layout: dataset.layout,
            attachments: dataset.attachments.clone(),
        }
    }

    /// Every shape must be one that positions can count.
    pub fn check(&self) -> Result<()> {
        let too_large = || Error::limit("the variables together have more bytes than positions can count");
        let mut total = 0usize;
        for variable in &self.variables {
            let n_values = n_elements(&variable.shape).map_err(|e| e.in_variable(&variable.name))?;
            total = total.checked_add(n_values * variable.dtype.size_bytes()).ok_or_else(too_large)?;
        }
        if total > isize::MAX as usize { Err(too_large()) } else { Ok(()) }
    }

    /// What the source told beside the values: names of axes, attributes, how it was packed; nothing where it is damaged.
    pub fn metadata(&self) -> Metadata {
        Metadata::of(&self.attachments).unwrap_or_default()
    }

    /// Elements times item size over all variables.
    pub fn size_bytes(&self) -> usize {
        self.variables.iter().map(VariableSchema::size_bytes).sum()
    }

    /// Rows of these variables that take about `n_bytes`; at least 1.
    pub fn rows_within(&self, variables: &[usize], n_bytes: usize) -> usize {
        let row_bytes: usize = variables.iter().map(|&idx| self.variables[idx].row_bytes()).sum();
        (n_bytes / row_bytes.max(1)).max(1)
    }

    /// The names, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> + Clone {
        self.variables.iter().map(|variable| variable.name.as_str())
    }

    /// True for each variable that counts the items of lists.
    pub fn counting(&self) -> Vec<bool> {
        let mut counting = vec![false; self.variables.len()];
        for lists in self.variables.iter().filter_map(|variable| variable.storage.lists) {
            if let Some(counts) = counting.get_mut(lists.counts) {
                *counts = true;
            }
        }
        counting
    }

    /// Index of the variable called `name`.
    pub fn position(&self, name: &str) -> Option<usize> {
        self.names().position(|other| other == name)
    }
}

/// Variables whose values are read in pieces. Reading never changes a source: any number of threads may.
pub trait Source: Sync {
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

    /// A number that variables have in common of which the same rows are best read at once.
    fn company(&self, variable: usize) -> usize {
        variable
    }
}

/// What points to a source is one.
impl<P: Deref<Target: Source> + Sync> Source for P {
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
    fn company(&self, variable: usize) -> usize {
        (**self).company(variable)
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

    fn company(&self, variable: usize) -> usize {
        self.source.company(self.indices[variable])
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
        let first = *companies.entry((source.company(idx), schema.variables[idx].n_rows())).or_insert(at);
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

/// All of a source, in memory. `told` hears how many bytes are there.
pub fn collect(source: &dyn Source, threads: &Threads, mut told: impl FnMut(u64)) -> Result<Dataset> {
    let Schema { variables, layout, attachments } = source.schema().clone();
    let mut columns: Vec<Values> = variables.iter().map(|variable| Values::empty(variable.dtype)).collect();
    let mut n_bytes = 0;
    each_block(source, threads, |block, values| {
        for (&idx, values) in block.variables.iter().zip(&values) {
            columns[idx].append(values)?;
            n_bytes += values.size_bytes() as u64;
        }
        told(n_bytes);
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
