//! A predictive model from data: samples of every field, quantized as compression will quantize them, and the columns of
//! a table together.

use super::tables;
use baler_codec::live::LiveTable;
use baler_codec::model::{Description, Model};
use baler_codec::options::training::TrainOptions;
use baler_codec::options::{BoundSpec, Method, Options};
use baler_codec::part::numbers;
use baler_codec::part::stream::mantissa_bits;
use baler_codec::plan::grids::{Asked, type_variable};
use baler_codec::predict;
use baler_codec::predict::predictor::Predictor;
use baler_codec::quantize::Grid;
use baler_codec::report::Progress;
use baler_codec::table::shared::KnownTable;
use baler_codec::variable::VariablePlan;
use baler_data::error::{Error, Result};
use baler_data::source::{Schema, Source, VariableSchema};
use rayon::prelude::*;

/// Values that are learned from, of one variable of one dataset.
const SAMPLE_VALUES: usize = 1 << 21;
/// Fewest values of a column by itself that are worth a model beside tables.
const LONG_COLUMN: usize = 1 << 14;
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

/// True if a predictive model is what is asked for: by name, or for a bound on data that have fields or tables. What is
/// neither stays out of the model.
pub fn is_asked(first: &dyn Source, options: &Options) -> Result<bool> {
    let bounded = options.size.is_none() && options.bound != BoundSpec::Unbounded;
    let as_usual = TrainOptions { seed: options.training.seed, ..TrainOptions::default() };
    if options.method == Method::Predictive {
        return Ok(true);
    }
    let has_fields =
        first.schema().variables.iter().any(|v| v.shape.len() >= 2 && !v.storage.kind.is_opaque());
    Ok(options.method == Method::Auto
        && bounded
        && options.training == as_usual
        && (has_fields || !tables::tables(first)?.is_empty()))
}

/// Trains one predictor a variable on sources of the same variables.
pub fn train(sources: &[&dyn Source], options: &Options, progress: &mut dyn Progress) -> Result<Model> {
    let first = sources[0].schema();
    if options.size.is_some() || options.bound == BoundSpec::Unbounded {
        return Err(Error::config("expected a bound to train a predictive model for, found a size"));
    }
    let members = tables::tables(sources[0])?;
    let mut tables = Vec::with_capacity(members.len());
    for columns in &members {
        let (table, live) = tables::train(sources, columns, options, progress)?;
        // Live streams hold records of one table.
        tables.push((table, live.filter(|_| tables.is_empty())));
    }
    // Columns by themselves that are too short to learn from are no part of the model.
    let is_field = |idx: &usize| {
        let variable = &first.variables[*idx];
        !members.concat().contains(idx)
            && !variable.storage.kind.is_opaque()
            && (variable.shape.len() >= 2 || members.is_empty() || variable.n_values() >= LONG_COLUMN)
    };
    let fields: Vec<usize> = (0..first.variables.len()).filter(is_field).collect();
    progress.stage("train", fields.len() as u64);
    let learn = |idx: usize| {
        let variables: Vec<(&dyn Source, usize)> = (sources.iter())
            .map(|&source| Ok((source, tables::counterpart(source.schema(), first, idx)?)))
            .collect::<Result<_>>()?;
        learn(&variables, options).map_err(|error| error.in_variable(&first.variables[idx].name))
    };
    let learned: Vec<Option<Predictor>> =
        options.threads.run(|| fields.par_iter().map(|&idx| learn(idx)).collect::<Result<_>>())?;
    let predictors: Vec<Predictor> = learned.into_iter().flatten().collect();
    if predictors.is_empty() && tables.is_empty() {
        return Err(Error::input(
            "expected arrays large enough to learn from, with axes of the same kind, or columns of one length",
        ));
    }
    progress.advance(fields.len() as u64);
    let sum = |of: fn(&Schema) -> usize| sources.iter().map(|source| of(source.schema())).sum::<usize>();
    let n_samples = match fields.is_empty() {
        true => sum(|schema| schema.variables[0].n_rows()),
        false => sum(|schema| schema.variables.iter().map(VariableSchema::n_values).sum()),
    };
    Ok(model_of(predictors, tables, n_samples, options))
}

/// A model of predictors and tables.
fn model_of(
    predictors: Vec<Predictor>,
    tables: Vec<(KnownTable, Option<LiveTable>)>,
    n_samples: usize,
    options: &Options,
) -> Model {
    let of_tables = tables.iter().map(|(table, _)| format!("table of {} columns", table.columns.len()));
    let of_fields = (!predictors.is_empty()).then(|| "predictive".to_string());
    let description = Description {
        architecture: of_fields.into_iter().chain(of_tables).collect::<Vec<_>>().join(", "),
        n_samples: n_samples as u64,
        n_epochs: 0,
        seed: options.training.seed,
    };
    let model = Model::new(Vec::new(), predictors, description);
    tables.into_iter().fold(model, |model, (table, live)| model.with_table(table, live))
}

/// A model of the variables `large` for their own archive, on the grids that are planned already; `None` where none of
/// them suits the method.
pub fn of_large_variables(
    source: &dyn Source,
    plans: &[VariablePlan],
    large: &[usize],
    options: &Options,
) -> Result<Option<Model>> {
    let learn = |&idx: &usize| predictor(&plans[idx], &sample(source, idx, &plans[idx])?);
    let found: Vec<Option<Predictor>> = large.par_iter().map(learn).collect::<Result<_>>()?;
    let predictors: Vec<Predictor> = found.into_iter().flatten().collect();
    let n_samples = large.iter().map(|&idx| plans[idx].n_values()).sum();
    Ok((!predictors.is_empty()).then(|| model_of(predictors, Vec::new(), n_samples, options)))
}

fn learn(variables: &[(&dyn Source, usize)], options: &Options) -> Result<Option<Predictor>> {
    let mut runs = Vec::new();
    let mut planned: Option<VariablePlan> = None;
    for &(source, idx) in variables {
        let plan = type_variable(source, idx, options, Asked::Nothing)?.plan;
        runs.extend(sample(source, idx, &plan)?);
        planned.get_or_insert(plan);
    }
    let plan = planned.ok_or_else(|| Error::config("expected at least one file to train on"))?;
    predictor(&plan, &runs)
}

/// A predictor from runs of a variable; `None` where they are too small to learn from.
fn predictor(plan: &VariablePlan, runs: &[Run]) -> Result<Option<Predictor>> {
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
    Ok(Predictor::train(&plan.name, (plan.dtype, mantissa_bits, step), &samples))
}

/// Runs of rows, evenly spread.
fn sample(source: &dyn Source, idx: usize, plan: &VariablePlan) -> Result<Vec<Run>> {
    let n_rows = plan.n_rows();
    let whole = plan.n_values() <= SAMPLE_VALUES;
    let n_runs = if whole { 1 } else { N_RUNS.min(n_rows) };
    let rows =
        if whole { n_rows } else { (SAMPLE_VALUES / N_RUNS / plan.row_len()).max(RUN_ROWS).min(n_rows) };
    let run = |run_idx: usize| {
        let first_row = if n_runs == 1 { 0 } else { run_idx * (n_rows - rows) / (n_runs - 1) };
        let elements = source.schema().variables[idx].elements_of(first_row..first_row + rows);
        let values = source.read(idx, elements)?;
        let numbers = numbers::quantize_values(&values, plan);
        Ok(Run { mask: numbers.specials.mask(), q: numbers.q, shape: plan.shape_of_rows(rows) })
    };
    (0..n_runs).map(run).collect()
}
