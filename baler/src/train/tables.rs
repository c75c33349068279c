//! A table's model from data: rows of every file, typed and searched as compression does it with a file of its own.

use super::predictive::counterpart;
use crate::container::VariablePlan;
use crate::dataset::{Dataset, Values, Variable};
use crate::error::{Error, Result};
use crate::options::{Method, Options};
use crate::plan::{Typed, type_variable};
use crate::report::Progress;
use crate::table::search::{self, MAX_COLUMNS, MIN_ROWS, ROWS_PER_CHUNK};
use crate::table::shared::{KnownColumn, KnownTable, SharedTable, holds};
use crate::table::{self, Alone};
use crate::threads::in_threads;
use rayon::prelude::*;

/// Runs of rows that are taken of a longer file.
const N_RUNS: usize = 4;

/// The columns that make a table: the most values of one length.
pub fn columns(dataset: &Dataset) -> Vec<usize> {
    let of_length = |n_rows: usize| -> Vec<usize> {
        let is_column = |variable: &Variable| variable.shape == [n_rows];
        (0..dataset.variables.len()).filter(|&idx| is_column(&dataset.variables[idx])).collect()
    };
    let lengths = dataset.variables.iter().filter(|variable| variable.shape.len() == 1).map(|v| v.shape[0]);
    let tables = lengths.filter(|&n_rows| n_rows >= MIN_ROWS).map(|n_rows| (n_rows, of_length(n_rows)));
    let tables = tables.filter(|(_, columns)| (2..=MAX_COLUMNS).contains(&columns.len()));
    tables
        .max_by_key(|(n_rows, columns)| (n_rows * columns.len(), *n_rows))
        .map_or(Vec::new(), |(_, found)| found)
}

/// Learns from the columns `members` of the first dataset and those of the same names in the others.
pub fn train(
    datasets: &[Dataset],
    members: &[usize],
    options: &Options,
    progress: &mut dyn Progress,
) -> Result<KnownTable> {
    progress.stage("train", members.len() as u64);
    let first = &datasets[0];
    let merged: Vec<Variable> =
        members.iter().map(|&idx| merge(datasets, first, idx)).collect::<Result<_>>()?;
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

fn learn(merged: Vec<Variable>, options: &Options) -> Result<KnownTable> {
    let type_one = |variable: &Variable| {
        type_variable(variable, options, false).map_err(|error| error.in_variable(&variable.name))
    };
    let typed: Vec<Typed> = merged.par_iter().map(type_one).collect::<Result<_>>()?;
    let plans: Vec<&VariablePlan> = typed.iter().map(|typed| &typed.plan).collect();
    let columns: Vec<Values> = merged.into_iter().map(|variable| variable.values).collect();
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
    Ok(KnownTable { columns: known, shared: SharedTable { grids, model } })
}

/// Rows of one column from all files, evenly spread over each, as many as a chunk has.
fn merge(datasets: &[Dataset], first: &Dataset, idx: usize) -> Result<Variable> {
    let n_wanted = (ROWS_PER_CHUNK / datasets.len()).max(1);
    let mut parts: Vec<Values> = Vec::new();
    for dataset in datasets {
        let variable = counterpart(dataset, first, idx)?;
        let n_rows = variable.values.len();
        if variable.shape.len() != 1 {
            let message = format!("expected a column as in the first file, found shape {:?}", variable.shape);
            return Err(Error::input(message).in_variable(&variable.name));
        }
        let n_runs = if n_rows <= n_wanted { 1 } else { N_RUNS };
        let run = n_rows.min(n_wanted) / n_runs;
        let starts = (0..n_runs).map(|at| if n_runs == 1 { 0 } else { at * (n_rows - run) / (n_runs - 1) });
        parts.extend(starts.map(|start| variable.values.slice(start..start + run)));
    }
    let values = join(parts)?;
    Variable::new(first.variables[idx].name.clone(), vec![values.len()], values)
}

/// One column after the other, all of one dtype.
fn join(parts: Vec<Values>) -> Result<Values> {
    let mut parts = parts.into_iter();
    let mut all = parts.next().ok_or_else(|| Error::config("expected at least one file to train on"))?;
    macro_rules! append {
        ($($variant:ident),*) => {
            for part in parts {
                match (&mut all, part) {
                    $((Values::$variant(all), Values::$variant(part)) => all.extend(part),)*
                    _ => return Err(Error::input("expected one dtype in all files")),
                }
            }
        };
    }
    append!(Bool, I8, I16, I32, I64, U8, U16, U32, U64, F16, F32, F64);
    Ok(all)
}
