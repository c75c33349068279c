//! A table's model from data: rows of every file, typed and searched as compression does it with a file of its own.

use super::predictive::counterpart;
use crate::container::VariablePlan;
use crate::dataset::{Dataset, Values, Variable};
use crate::error::{Error, Result};
use crate::grids::{Asked, profiles, type_variables};
use crate::live::{self, LiveTable};
use crate::options::{Method, Options};
use crate::report::Progress;
use crate::source::{InMemory, Schema, Source, VariableSchema};
use crate::table::search::{self, MAX_COLUMNS, MIN_ROWS};
use crate::table::shared::{KnownColumn, KnownTable, SharedTable, holds};
use crate::table::{self, Alone};
use crate::threads::in_threads;

/// Runs of rows that are taken of a longer file.
const N_RUNS: usize = 4;

/// The columns that make a table: the most values of one length.
pub fn columns(schema: &Schema) -> Vec<usize> {
    let of_length = |n_rows: usize| -> Vec<usize> {
        let is_column = |variable: &VariableSchema| variable.shape == [n_rows];
        (0..schema.variables.len()).filter(|&idx| is_column(&schema.variables[idx])).collect()
    };
    let lengths = schema.variables.iter().filter(|variable| variable.shape.len() == 1).map(|v| v.shape[0]);
    let tables = lengths.filter(|&n_rows| n_rows >= MIN_ROWS).map(|n_rows| (n_rows, of_length(n_rows)));
    let tables = tables.filter(|(_, columns)| (2..=MAX_COLUMNS).contains(&columns.len()));
    tables
        .max_by_key(|(n_rows, columns)| (n_rows * columns.len(), *n_rows))
        .map_or(Vec::new(), |(_, found)| found)
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
    let table = in_threads(options.n_threads, || learn(merged, options))??;
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
    let model = search::find(&columns, &plans)?;
    let bits = |most: f64| -> Result<Vec<f64>> {
        let most = vec![most; columns.len()];
        let alone = Alone { method: Method::Classical, beyond: Some(&most) };
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
