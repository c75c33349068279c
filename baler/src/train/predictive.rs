//! A predictive model from data: samples of every field, quantized as compression will quantize them, and the columns of
//! a table together.

use super::options::TrainOptions;
use super::tables;
use crate::autoencoder::{Description, Model};
use crate::chunk;
use crate::container::VariablePlan;
use crate::dataset::{Dataset, Variable};
use crate::error::{Error, Result};
use crate::options::{BoundSpec, Method, Options};
use crate::plan::type_variable;
use crate::predict::{self, predictor::Predictor};
use crate::quantize::Grid;
use crate::report::Progress;
use crate::select::select;
use crate::stream::mantissa_bits;
use crate::threads::in_threads;
use crate::with_values;
use rayon::prelude::*;

/// Values that are learned from, of one variable of one dataset.
const SAMPLE_VALUES: usize = 1 << 21;
/// Runs of rows that they are taken from.
const N_RUNS: usize = 4;
/// Rows of a run at least: one row has none before it.
const RUN_ROWS: usize = 2;

/// One run of rows, quantized.
struct Run {
    q: Vec<i64>,
    shape: Vec<usize>,
    mask: Option<Vec<bool>>,
}

/// True if a predictive model is what is asked for: by name, or for a bound on fields and tables.
pub fn is_asked(first: &Dataset, options: &Options) -> bool {
    let bounded = options.size.is_none() && options.bound != BoundSpec::Unbounded;
    let members = tables::columns(first);
    let known = |(idx, variable): (usize, &Variable)| variable.shape.len() >= 2 || members.contains(&idx);
    let known = first.variables.iter().enumerate().all(known);
    let as_usual = TrainOptions { seed: options.training.seed, ..TrainOptions::default() };
    options.method == Method::Predictive
        || (options.method == Method::Auto && bounded && known && options.training == as_usual)
}

/// Trains one predictor a variable on datasets of the same variables.
pub fn train(datasets: &[Dataset], options: &Options, progress: &mut dyn Progress) -> Result<Model> {
    let first = &datasets[0];
    if options.size.is_some() || options.bound == BoundSpec::Unbounded {
        return Err(Error::config("expected a bound to train a predictive model for, found a size"));
    }
    let members = tables::columns(first);
    let table = match members.is_empty() {
        true => None,
        false => Some(tables::train(datasets, &members, options, progress)?),
    };
    let fields: Vec<usize> = (0..first.variables.len()).filter(|idx| !members.contains(idx)).collect();
    progress.stage("train", fields.len() as u64);
    let learn = |idx: usize| {
        let variables: Vec<&Variable> =
            datasets.iter().map(|dataset| counterpart(dataset, first, idx)).collect::<Result<_>>()?;
        learn(&variables, options).map_err(|error| error.in_variable(&first.variables[idx].name))
    };
    let predictors: Vec<Predictor> =
        in_threads(options.n_threads, || fields.par_iter().map(|&idx| learn(idx)).collect::<Result<_>>())??;
    progress.advance(fields.len() as u64);
    let values = datasets.iter().flat_map(|dataset| &dataset.variables).map(|variable| variable.values.len());
    let n_rows = datasets
        .iter()
        .map(|dataset| dataset.variables[0].shape.first().copied().unwrap_or(1))
        .sum::<usize>();
    let description = Description {
        architecture: match (&table, fields.is_empty()) {
            (None, _) => "predictive".to_string(),
            (Some(table), true) => format!("table of {} columns", table.columns.len()),
            (Some(table), false) => format!("predictive, table of {} columns", table.columns.len()),
        },
        n_samples: if fields.is_empty() { n_rows } else { values.sum() } as u64,
        n_epochs: 0,
        seed: options.training.seed,
    };
    let model = Model::new(Vec::new(), predictors, description);
    Ok(match table {
        Some(table) => model.with_table(table),
        None => model,
    })
}

/// The dataset less what is dropped.
pub fn kept(dataset: &Dataset, options: &Options) -> Dataset {
    let dropped =
        |name: &str| options.drop.iter().any(|pattern| crate::options::pattern_matches(pattern, name));
    select(dataset.clone(), |name| !dropped(name))
}

/// The variable of another dataset with the same name, or the only one.
pub fn counterpart<'a>(dataset: &'a Dataset, first: &Dataset, idx: usize) -> Result<&'a Variable> {
    let name = &first.variables[idx].name;
    let found = dataset.variables.iter().find(|variable| variable.name == *name);
    let only =
        || dataset.variables.first().filter(|_| dataset.variables.len() == 1 && first.variables.len() == 1);
    let found = found.or_else(only).ok_or_else(|| {
        let names = dataset.variables.iter().map(|variable| variable.name.as_str());
        crate::names::unknown("files with the same variables", name, names)
    })?;
    if found.values.dtype() == first.variables[idx].values.dtype() {
        Ok(found)
    } else {
        let (expected, found) = (first.variables[idx].values.dtype().name(), found.values.dtype().name());
        Err(Error::input(format!("expected {expected} in all files, found {found}")).in_variable(name))
    }
}

fn learn(variables: &[&Variable], options: &Options) -> Result<Predictor> {
    let mut runs = Vec::new();
    let mut planned: Option<VariablePlan> = None;
    for variable in variables {
        let plan = type_variable(variable, options, false)?.plan;
        runs.extend(sample(variable, &plan));
        planned.get_or_insert(plan);
    }
    let plan = planned.ok_or_else(|| Error::config("expected at least one file to train on"))?;
    let mantissa_bits = mantissa_bits(&plan.grid, plan.dtype);
    let samples: Vec<predict::Numbers> = runs
        .iter()
        .map(|run| predict::Numbers {
            q: &run.q,
            shape: &run.shape,
            mask: run.mask.as_deref(),
            mantissa_bits,
        })
        .collect();
    let step = match plan.grid {
        Grid::Uniform { step, .. } => step,
        Grid::Integer { step } => step as f64,
        Grid::Decimal { divisor } => 1.0 / divisor,
        Grid::Order | Grid::OrderF32 | Grid::Log { .. } => 0.0,
    };
    Predictor::train(&plan.name, (plan.dtype, mantissa_bits, step), &samples)
        .ok_or_else(|| Error::input("expected arrays large enough to learn from, with axes of the same kind"))
}

/// Runs of rows, evenly spread.
fn sample(variable: &Variable, plan: &VariablePlan) -> Vec<Run> {
    let n_rows = plan.n_rows();
    let row_len = (plan.n_values() / n_rows.max(1)).max(1);
    let whole = plan.n_values() <= SAMPLE_VALUES;
    let n_runs = if whole { 1 } else { N_RUNS.min(n_rows) };
    let rows = if whole { n_rows } else { (SAMPLE_VALUES / N_RUNS / row_len).max(RUN_ROWS).min(n_rows) };
    let run = |run_idx: usize| {
        let first_row = if n_runs == 1 { 0 } else { run_idx * (n_rows - rows) / (n_runs - 1) };
        let numbers = with_values!(&variable.values, values => {
            chunk::quantize(&values[first_row * row_len..(first_row + rows) * row_len], plan)
        });
        Run { mask: numbers.specials.mask(), q: numbers.q, shape: plan.shape_of_rows(rows) }
    };
    (0..n_runs).map(run).collect()
}
