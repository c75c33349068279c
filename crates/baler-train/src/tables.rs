//! A table's model from data: rows of every file, typed and searched as compression does it with a file of its own.

use baler_codec::live;
use baler_codec::live::LiveTable;
use baler_codec::options::{Level, Method, Options};
use baler_codec::plan::grids::{Asked, profiles, type_variables};
use baler_codec::plan::tables as search;
use baler_codec::plan::tables::{MAX_COLUMNS, MIN_ROWS};
use baler_codec::report::Progress;
use baler_codec::table;
use baler_codec::table::Alone;
use baler_codec::table::shared::{KnownColumn, KnownTable, SharedTable, holds};
use baler_codec::variable::VariablePlan;
use baler_data::dataset::{Dataset, Values, Variable};
use baler_data::error::{Error, Result};
use baler_data::source::{InMemory, Schema, Source, VariableSchema, pieces};
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// Runs of rows that are taken of a longer file.
const N_RUNS: usize = 4;

/// The columns of each table, the one of most values first: those of one length and, where they are the items of lists,
/// of lists with the same counts. Lists of different things may have as many items in one file, but not in the next.
pub fn tables(source: &dyn Source) -> Result<Vec<Vec<usize>>> {
    let schema = source.schema();
    let mut of_counts: BTreeMap<usize, u64> = BTreeMap::new();
    let mut tables: BTreeMap<(usize, Option<u64>), Vec<usize>> = BTreeMap::new();
    for (idx, variable) in schema.variables.iter().enumerate() {
        let [n_rows] = variable.shape[..] else { continue };
        if variable.storage.kind.is_opaque() {
            continue;
        }
        let counts = match variable.storage.lists {
            Some(lists) if n_rows >= MIN_ROWS => Some(match of_counts.get(&lists.counts) {
                Some(&hash) => hash,
                None => *of_counts.entry(lists.counts).or_insert(hash_of(source, lists.counts)?),
            }),
            _ => None,
        };
        tables.entry((n_rows, counts)).or_default().push(idx);
    }
    let large = tables.into_iter().filter(|((n_rows, _), columns)| *n_rows >= MIN_ROWS && columns.len() > 1);
    let mut large: Vec<(usize, Vec<usize>)> = large.map(|((n_rows, _), columns)| (n_rows, columns)).collect();
    large.sort_by_key(|(n_rows, columns)| Reverse((n_rows * columns.len(), *n_rows)));
    let parts = large.iter().flat_map(|(_, columns)| columns.chunks(MAX_COLUMNS));
    Ok(parts.filter(|columns| columns.len() > 1).map(<[usize]>::to_vec).collect())
}

/// A number that only variables of the same values have.
fn hash_of(source: &dyn Source, idx: usize) -> Result<u64> {
    let VariableSchema { dtype, .. } = source.schema().variables[idx];
    let mut hasher = blake3::Hasher::new();
    for elements in pieces(source.schema().variables[idx].n_values(), dtype.size_bytes()) {
        let mut bytes = Vec::new();
        source.read(idx, elements)?.append_bytes(&mut bytes, false);
        hasher.update(&bytes);
    }
    Ok(u64::from_le_bytes(checksum_of(&hasher)))
}

fn checksum_of(hasher: &blake3::Hasher) -> [u8; 8] {
    hasher.finalize().as_bytes()[..8].try_into().expect("a hash has 32 bytes")
}

/// Learns from the columns `members` of the first source and those of the same names in the others.
pub fn train(
    sources: &[&dyn Source],
    members: &[usize],
    options: &Options,
    progress: &mut dyn Progress,
) -> Result<(KnownTable, Option<LiveTable>)> {
    progress.stage("train", members.len() as u64);
    let first = sources[0].schema();
    let n_wanted = (search::rows_per_chunk(usize::MAX, members.len()) / sources.len()).max(1);
    let merged: Vec<Variable> =
        members.iter().map(|&idx| merge(sources, first, idx, n_wanted)).collect::<Result<_>>()?;
    if let Some(other) = merged.iter().find(|column| column.values.len() != merged[0].values.len()) {
        let message = format!(
            "expected columns of one length in every file, found {} and {} rows in all",
            merged[0].values.len(),
            other.values.len()
        );
        return Err(Error::input(message).in_variable(&other.name));
    }
    let table = options.threads.run(|| learn(merged, options))?;
    progress.advance(members.len() as u64);
    Ok(table)
}

fn learn(merged: Vec<Variable>, options: &Options) -> Result<(KnownTable, Option<LiveTable>)> {
    let merged = Dataset::from_arrays(merged);
    let all: Vec<usize> = (0..merged.variables.len()).collect();
    let source = InMemory::of(&merged);
    let profiles = profiles(&source, &all, options)?;
    let typed = type_variables(&source, &all, &profiles, options, &|_| Asked::Nothing)?;
    let plans: Vec<&VariablePlan> = typed.iter().map(|typed| &typed.plan).collect();
    let columns: Vec<Values> = merged.variables.into_iter().map(|variable| variable.values).collect();
    let model = search::find(&columns, &plans, Level::BEST)?;
    let bits = |most: f64| -> Result<Vec<f64>> {
        let most = vec![most; columns.len()];
        let alone =
            Alone { method: Method::Classical, beyond: Some(&most), recasts: false, level: Level::BEST };
        let parts = table::encode(&columns, &plans, &model, alone)?;
        Ok(parts.iter().map(|part| 8.0 * part.len() as f64 / columns[0].len().max(1) as f64).collect())
    };
    let (together, either) = (bits(f64::INFINITY)?, bits(0.0)?);
    let shares = holds(&columns, &plans, &model)?;
    let known = typed.iter().enumerate().map(|(idx, typed)| KnownColumn {
        name: typed.plan.name.clone(),
        range: typed.ends,
        bits: together[idx],
        bits_alone: either[idx],
        holds: shares[idx],
    });
    let known = known.collect();
    let grids = plans.iter().map(|plan| (plan.dtype, plan.grid)).collect();
    let live = live::fit::fit(&columns, &plans, &model)?;
    Ok((KnownTable { columns: known, shared: SharedTable { grids, model } }, live))
}

/// Rows of one column from all files, evenly spread over each, at most `n_wanted` of each.
fn merge(sources: &[&dyn Source], first: &Schema, idx: usize, n_wanted: usize) -> Result<Variable> {
    let mut all = Values::empty(first.variables[idx].dtype);
    for source in sources {
        let found = counterpart(source.schema(), first, idx)?;
        let VariableSchema { name, shape, .. } = &source.schema().variables[found];
        let [n_rows] = shape[..] else {
            let message = format!("expected a column as in the first file, found shape {shape:?}");
            return Err(Error::input(message).in_variable(name));
        };
        let n_runs = if n_rows <= n_wanted { 1 } else { N_RUNS };
        let run = n_rows.min(n_wanted) / n_runs;
        for at in 0..n_runs {
            let start = if n_runs == 1 { 0 } else { at * (n_rows - run) / (n_runs - 1) };
            all.append(&source.read(found, start..start + run)?)?;
        }
    }
    Variable::new(first.variables[idx].name.clone(), vec![all.len()], all)
}

/// The variable of another source with the same name, or the only one.
pub fn counterpart(schema: &Schema, first: &Schema, idx: usize) -> Result<usize> {
    let name = &first.variables[idx].name;
    let found = schema.position(name);
    let only = || (schema.variables.len() == 1 && first.variables.len() == 1).then_some(0);
    let found = found
        .or_else(only)
        .ok_or_else(|| baler_data::names::unknown("files with the same variables", name, schema.names()))?;
    if schema.variables[found].dtype == first.variables[idx].dtype {
        Ok(found)
    } else {
        let (expected, found) = (first.variables[idx].dtype.name(), schema.variables[found].dtype.name());
        Err(Error::input(format!("expected {expected} in all files, found {found}")).in_variable(name))
    }
}
