//! Archive -> dataset: the stages of compress backwards.

use crate::autoencoder::{Coder, Decoder, Model, Sampling};
use crate::chunk;
use crate::container::bytes::ByteReader;
use crate::container::{Archive, Chunk, GroupMethod, GroupPlan, ModelEntry, Plan, VariablePlan};
use crate::dataset::{Dataset, Lists, Values, Variable};
use crate::error::{Error, Result};
use crate::names;
use crate::options::pattern_matches;
use crate::predict::shared::Shared;
use crate::report::{NoProgress, Progress};
use crate::select::select;
use crate::table::shared::SharedTable;
use crate::table::{self, TableModel};
use crate::threads::in_threads;
use rayon::prelude::*;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::ops::Range;

/// What to decompress, and with what.
#[derive(Debug, Clone, Default)]
pub struct DecompressOptions<'a> {
    /// Names or patterns; all variables without.
    pub variables: Option<Vec<String>>,
    /// Rows (first axis); all without.
    pub rows: Option<Range<usize>>,
    /// The model file that the archive names, if it names one.
    pub model: Option<&'a Model>,
    /// Threads; 0 takes all cores.
    pub n_threads: usize,
}

/// Decompresses a whole archive.
///
/// # Errors
/// [`crate::ErrorKind::Corrupt`] for damaged bytes, [`crate::ErrorKind::Config`] if the archive needs a model file.
pub fn decompress(bytes: &[u8]) -> Result<Dataset> {
    decompress_with(bytes, &DecompressOptions::default(), &mut NoProgress)
}

/// Decompresses what is asked for; chunks that hold none of it are not decoded.
///
/// # Errors
/// As [`decompress`], and [`crate::ErrorKind::Config`] for unknown names or rows.
pub fn decompress_with(
    bytes: &[u8],
    options: &DecompressOptions,
    progress: &mut dyn Progress,
) -> Result<Dataset> {
    crate::network::simd_level()?;
    // 7 container.
    let archive = Archive::parse(bytes)?;
    let selected = select_variables(&archive.plan, options)?;
    let coders = Coders::for_archive(&archive, options.model)?;
    let plan = &archive.plan;
    let rows = rows_of_variables(bytes, plan, &selected, options)?;
    let rows_of = |idx: usize| rows[idx].clone();
    let wanted: Vec<(usize, &Chunk)> = archive
        .chunks
        .iter()
        .enumerate()
        .filter(|(_, chunk)| {
            let group = &plan.groups[chunk.group];
            let end = chunk.first_row + group.rows_per_chunk;
            let overlaps = |idx: &usize| rows_of(*idx).start < end && rows_of(*idx).end > chunk.first_row;
            group.variables.iter().any(|idx| selected[*idx] && overlaps(idx))
        })
        .collect();
    // 6 entropy-decode, 5 predict or decode, 4 dequantize.
    progress.stage("decompress", wanted.iter().map(|(_, chunk)| chunk.payload.len() as u64).sum());
    let mut columns: Vec<Option<Values>> = vec![None; plan.variables.len()];
    let mut done = 0;
    let n_at_a_time = 4 * rayon::current_num_threads().max(1);
    for batch in wanted.chunks(n_at_a_time) {
        let decoded: Vec<Vec<Option<Values>>> = in_threads(options.n_threads, || {
            batch
                .par_iter()
                .map(|(chunk_idx, chunk)| {
                    decode_chunk(plan, chunk, &coders, &|idx| selected[idx])
                        .map_err(|e| e.in_chunk(*chunk_idx))
                })
                .collect::<Result<_>>()
        })??;
        for ((_, chunk), values) in batch.iter().zip(decoded) {
            for (&idx, values) in plan.groups[chunk.group].variables.iter().zip(values) {
                if let Some(values) = values {
                    append_rows(&mut columns[idx], values, chunk, &rows_of(idx), plan, idx)?;
                }
            }
            done += chunk.payload.len() as u64;
            progress.advance(done);
        }
    }
    // 1 write: the dataset as it was.
    assemble(plan, columns, &selected, rows_of)
}

fn select_variables(plan: &Plan, options: &DecompressOptions) -> Result<Vec<bool>> {
    let Some(patterns) = &options.variables else { return Ok(vec![true; plan.variables.len()]) };
    let mut selected = vec![false; plan.variables.len()];
    for pattern in patterns {
        let mut found = false;
        for (selected, variable) in selected.iter_mut().zip(&plan.variables) {
            let matches = pattern_matches(pattern, &variable.name);
            *selected |= matches;
            found |= matches;
        }
        if !found {
            let known = plan.variables.iter().map(|variable| variable.name.as_str());
            return Err(names::unknown_variable(pattern, known));
        }
    }
    // Lists come with what counts their items.
    for idx in 0..selected.len() {
        let mut lists = plan.variables[idx].storage.lists.filter(|_| selected[idx]);
        while let Some(Lists { counts, .. }) = lists {
            selected[counts] = true;
            lists = plan.variables[counts].storage.lists;
        }
    }
    Ok(selected)
}

/// The rows of each variable that the asked rows mean: of lists, the items of those lists.
fn rows_of_variables(
    bytes: &[u8],
    plan: &Plan,
    selected: &[bool],
    options: &DecompressOptions,
) -> Result<Vec<Range<usize>>> {
    let mut counts_of: HashMap<usize, Vec<usize>> = HashMap::new();
    let mut all = Vec::with_capacity(plan.variables.len());
    for (idx, variable) in plan.variables.iter().enumerate() {
        let n_rows = variable.n_rows();
        let Some(rows) = options.rows.as_ref().filter(|_| selected[idx]) else {
            all.push(0..n_rows);
            continue;
        };
        // From the outermost lists to the items.
        let mut levels = Vec::new();
        let mut lists = variable.storage.lists;
        while let Some(Lists { counts, .. }) = lists {
            levels.push(counts);
            lists = plan.variables[counts].storage.lists;
        }
        let outer = levels.last().map_or(n_rows, |&counts| plan.variables[counts].n_rows());
        let mut range = rows.start.min(outer)..rows.end.min(outer);
        for counts in levels.into_iter().rev() {
            if let Entry::Vacant(entry) = counts_of.entry(counts) {
                entry.insert(decode_counts(bytes, &plan.variables[counts].name, options)?);
            }
            let counts = &counts_of[&counts];
            let items = |lists: &[usize]| lists.iter().fold(0usize, |sum, &n| sum.saturating_add(n));
            let start = items(&counts[..range.start]);
            range = start..start.saturating_add(items(&counts[range]));
        }
        all.push(range.start.min(n_rows)..range.end.min(n_rows));
    }
    Ok(all)
}

fn decode_counts(bytes: &[u8], name: &str, options: &DecompressOptions) -> Result<Vec<usize>> {
    let options =
        DecompressOptions { variables: Some(vec![name.to_string()]), rows: None, ..options.clone() };
    let dataset = decompress_with(bytes, &options, &mut NoProgress)?;
    let variable = dataset.variable(name).ok_or_else(|| Error::corrupt("the counts of lists are missing"))?;
    variable.values.to_counts().map_err(|e| e.in_variable(name))
}

/// Appends the rows of `values` that lie in `rows`.
fn append_rows(
    column: &mut Option<Values>,
    values: Values,
    chunk: &Chunk,
    rows: &Range<usize>,
    plan: &Plan,
    idx: usize,
) -> Result<()> {
    let variable = &plan.variables[idx];
    let row_len = variable.n_values() / variable.n_rows().max(1);
    let n_rows = values.len() / row_len.max(1);
    let first = (rows.start.max(chunk.first_row) - chunk.first_row).min(n_rows);
    let last = rows.end.min(chunk.first_row + n_rows).max(chunk.first_row + first) - chunk.first_row;
    macro_rules! append {
        ($($variant:ident),*) => {
            match (column, values) {
                $((Some(Values::$variant(all)), Values::$variant(part)) => {
                    let part = &part[first * row_len..last * row_len];
                    all.try_reserve(part.len()).map_err(|_| Error::limit("no memory for the values"))?;
                    all.extend_from_slice(part);
                })*
                $((column @ None, Values::$variant(mut part)) => {
                    part.truncate(last * row_len);
                    part.drain(..first * row_len);
                    *column = Some(Values::$variant(part));
                })*
                _ => return Err(Error::corrupt("the chunks of a variable differ in dtype")),
            }
        };
    }
    append!(Bool, I8, I16, I32, I64, U8, U16, U32, U64, F16, F32, F64);
    Ok(())
}

fn assemble(
    plan: &Plan,
    columns: Vec<Option<Values>>,
    selected: &[bool],
    rows_of: impl Fn(usize) -> Range<usize>,
) -> Result<Dataset> {
    let mut variables = Vec::with_capacity(columns.len());
    for (idx, values) in columns.into_iter().enumerate() {
        let planned = &plan.variables[idx];
        // Variables that were not asked for are empty until they are left out below.
        let (values, n_rows) = match values {
            Some(values) => (values, rows_of(idx).len()),
            None => (
                Values::from_bytes(planned.dtype, &[], false)?,
                if selected[idx] { rows_of(idx).len() } else { 0 },
            ),
        };
        let shape = if selected[idx] { planned.shape_of_rows(n_rows) } else { vec![0] };
        let mut variable = Variable::new(planned.name.clone(), shape, values)?;
        variable.storage = planned.storage;
        variables.push(variable);
    }
    let dataset = Dataset { variables, layout: plan.layout, attachments: plan.attachments.clone() };
    if selected.iter().all(|selected| *selected) {
        return Ok(dataset);
    }
    let names: Vec<&str> =
        plan.variables.iter().zip(selected).filter(|(_, s)| **s).map(|(v, _)| v.name.as_str()).collect();
    Ok(select(dataset, |name| names.contains(&name)))
}

/// The models of an archive, by index.
#[derive(Default)]
pub struct Coders {
    networks: Vec<Option<Coder>>,
    predictors: Vec<Option<Shared>>,
    /// By group: models of tables, in numbers of the group's grids.
    tables: Vec<Option<TableModel>>,
    /// By group, to compress: bits a value of each column of such a table beyond which it is tried without.
    pub most_bits: Vec<Option<Vec<f64>>>,
}

impl Coders {
    /// Those of a compression, in the order of the archive's models.
    pub fn new(networks: Vec<Option<Coder>>, predictors: Vec<Option<Shared>>) -> Coders {
        Coders { networks, predictors, ..Coders::default() }
    }

    /// Adds the models of groups that are tables with a model of the archive; `read` gets it by its index.
    pub fn with_tables(mut self, plan: &Plan, read: impl Fn(usize) -> Result<SharedTable>) -> Result<Coders> {
        let fitted = |group: &GroupPlan| {
            let GroupMethod::SharedTable { model } = group.method else { return Ok(None) };
            let variables: Vec<&VariablePlan> =
                group.variables.iter().map(|&idx| &plan.variables[idx]).collect();
            read(model)?.fitted(&variables).map(Some)
        };
        self.tables = plan.groups.iter().map(fitted).collect::<Result<_>>()?;
        Ok(self)
    }

    /// The model of a group's table, if it is one.
    pub fn table<'a>(&'a self, plan: &'a Plan, group_idx: usize) -> Option<&'a TableModel> {
        match &plan.groups[group_idx].method {
            GroupMethod::Table(model) => Some(model),
            _ => self.tables.get(group_idx)?.as_ref(),
        }
    }

    /// The network that is model `model`; there is one, for every group was looked at.
    pub fn network(&self, model: usize) -> &Coder {
        self.networks[model].as_ref().expect("a network for each group that has one")
    }

    /// The predictive model of a group, if it has one.
    pub fn predictor(&self, method: &GroupMethod) -> Option<&Shared> {
        let GroupMethod::Predictive { model } = method else { return None };
        self.predictors[*model].as_ref()
    }

    /// Reads the models inside the archive, or takes those of the model file that it names.
    pub fn for_archive(archive: &Archive, model: Option<&Model>) -> Result<Coders> {
        let given = model.map(|model| (model, model.hash()));
        let mut coders = Coders::new(Vec::new(), Vec::new());
        let bytes_of = |entry: &ModelEntry| match entry {
            ModelEntry::Inline(bytes) => Ok(bytes.to_vec()),
            ModelEntry::Reference { hash, part } => named_model(given, hash)?
                .entry(*part)
                .ok_or_else(|| Error::corrupt("the model has not enough parts")),
        };
        for (idx, entry) in archive.models.iter().enumerate() {
            let bytes = &bytes_of(entry)?;
            let used = |is_kind: fn(&GroupMethod) -> bool| {
                let methods = archive.plan.groups.iter().map(|group| &group.method);
                methods.filter(|method| method.model() == Some(idx)).any(is_kind)
            };
            let network = used(|method| matches!(method, GroupMethod::Autoencoder { .. }))
                .then(|| Coder::new(&Decoder::read(bytes)?, None));
            let predictor =
                used(|method| matches!(method, GroupMethod::Predictive { .. })).then(|| Shared::read(bytes));
            coders.networks.push(network.transpose()?);
            coders.predictors.push(predictor.transpose()?);
        }
        coders.with_tables(&archive.plan, |model| SharedTable::read(&bytes_of(&archive.models[model])?))
    }
}

/// The given model, if it is the one with this hash.
fn named_model<'a>(given: Option<(&'a Model, [u8; 32])>, hash: &[u8; 32]) -> Result<&'a Model> {
    let hex = blake3::Hash::from_bytes(*hash).to_hex();
    match given {
        Some((model, found)) if found == *hash => Ok(model),
        Some((_, found)) => Err(Error::config(format!(
            "expected the model with BLAKE3 hash {hex}, found {}; give the right one with --model",
            blake3::Hash::from_bytes(found).to_hex()
        ))),
        None => Err(Error::config(format!(
            "expected the model with BLAKE3 hash {hex}, found none; give it with --model M.balm"
        ))),
    }
}

/// The values of a chunk, one entry a variable of its group; `None` for those not wanted.
pub fn decode_chunk(
    plan: &Plan,
    chunk: &Chunk,
    coders: &Coders,
    wanted: &dyn Fn(usize) -> bool,
) -> Result<Vec<Option<Values>>> {
    let group = &plan.groups[chunk.group];
    let first = &plan.variables[group.variables[0]];
    let n_rows = group.rows_per_chunk.min(first.n_rows() - chunk.first_row);
    let mut r = ByteReader::new(chunk.payload);
    if let Some(model) = coders.table(plan, chunk.group) {
        return decode_table(plan, &group.variables, model, n_rows, r, wanted);
    }
    let (predictions, residual) = match &group.method {
        GroupMethod::Autoencoder { model, scalings, blocks, residual } => {
            let shape = first.shape_of_rows(n_rows);
            let sampling = Sampling { scalings, blocks: blocks.as_ref(), shape: &shape };
            (Some(coders.network(*model).decode(sampling, r.block()?)?), *residual)
        }
        _ => (None, true),
    };
    let predictor = coders.predictor(&group.method);
    let mut values = Vec::with_capacity(group.variables.len());
    for (position, &idx) in group.variables.iter().enumerate() {
        let variable = &plan.variables[idx];
        let mut part = ByteReader::new(r.block()?);
        if !wanted(idx) {
            values.push(None);
            continue;
        }
        let predicted = predictions.as_ref().map(|all| all[position].as_slice());
        let shape = variable.shape_of_rows(n_rows);
        let decoded = chunk::read_part_values(&mut part, predicted, residual, predictor, &shape, variable)
            .and_then(|decoded| part.finish("a variable's part").map(|()| decoded))
            .map_err(|e| e.in_variable(&variable.name))?;
        values.push(Some(decoded));
    }
    r.finish("a chunk")?;
    Ok(values)
}

/// [`decode_chunk`] of a table.
fn decode_table(
    plan: &Plan,
    group: &[usize],
    model: &TableModel,
    n_rows: usize,
    mut r: ByteReader,
    wanted: &dyn Fn(usize) -> bool,
) -> Result<Vec<Option<Values>>> {
    let parts = group.iter().map(|_| r.block()).collect::<Result<Vec<_>>>()?;
    r.finish("a chunk")?;
    let variables: Vec<&VariablePlan> = group.iter().map(|&idx| &plan.variables[idx]).collect();
    let wanted: Vec<bool> = group.iter().map(|&idx| wanted(idx)).collect();
    table::decode(&parts, &variables, model, n_rows, &wanted)
}
