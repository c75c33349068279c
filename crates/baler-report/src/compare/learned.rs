//! What the autoencoder is measured against: principal components in as many bytes, and the original's autoencoder with
//! latents and model as raw float32, the way its authors account it.

use super::{Allowed, Family, Row, judged};
use crate::metrics::floats;
use baler::{BoundSpec, Dataset, Error, Method, Options, Result, Size, Variable};
use baler_codec::options::training::Init;
use baler_data::dataset::Layout;
use baler_data::dataset::row_len;
use baler_train::principal_components;
use rayon::prelude::*;
use std::time::Instant;

/// Name of the first.
pub const PCA: &str = "PCA at equal bytes";
/// Name of the second.
pub const ORIGINAL: &str = "original's autoencoder (AE)";

/// Values per latent in the original's own configurations: tables 6 (and 1.6), fields 100.
const TABLE_RATIO: f64 = 6.0;
const FIELD_RATIO: f64 = 100.0;
const EPOCHS: usize = 200;
/// Fewer epochs for large data: at most so many values are seen in all.
const MAX_SEEN: usize = 100_000_000;
const FLOAT_BYTES: u64 = 4;

/// Runs one of the two.
///
/// # Errors
/// [`baler_data::error::ErrorKind::Unsupported`] for data that are no samples of one length.
pub fn run(
    name: &str,
    dataset: &Dataset,
    options: &Options,
    allowed: &[Allowed],
    target: Option<u64>,
) -> Result<Row> {
    if name == PCA { components(dataset, allowed, target) } else { original(dataset, options, allowed) }
}

/// Rows of a table, or frames of the first field, as samples (n_samples, n_values).
struct Samples {
    values: Vec<f64>,
    n_values: usize,
    is_table: bool,
}

fn samples(dataset: &Dataset) -> Result<Samples> {
    let columns: Vec<Vec<f64>> = match dataset.layout {
        Layout::Table { n_columns, .. } => {
            dataset.variables[..n_columns].iter().map(|v| floats(&v.values)).collect()
        }
        Layout::Columns => dataset.variables.iter().map(|v| floats(&v.values)).collect(),
        _ => Vec::new(),
    };
    if !columns.is_empty() {
        let n_values = columns.len();
        let values = (0..columns[0].len()).flat_map(|row| columns.iter().map(move |c| c[row])).collect();
        return Ok(Samples { values, n_values, is_table: true });
    }
    let field = field(dataset)?;
    let n_values = row_len(&field.shape);
    Ok(Samples { values: floats(&field.values), n_values, is_table: false })
}

/// The largest variable, which must be a stack of frames.
fn field(dataset: &Dataset) -> Result<&Variable> {
    let largest = dataset.variables.iter().max_by_key(|v| v.values.len());
    largest
        .filter(|v| v.shape.len() >= 2 && v.shape[0] >= 2)
        .ok_or_else(|| Error::unsupported("needs a table or a stack of frames"))
}

/// Centered components and latents as float32, as many as fit in `target` bytes; columns are scaled to their range.
fn components(dataset: &Dataset, allowed: &[Allowed], target: Option<u64>) -> Result<Row> {
    let Samples { mut values, n_values, is_table } = samples(dataset)?;
    if values.iter().any(|x| !x.is_finite() || x.abs() >= 1e15) {
        return Err(Error::unsupported("does not take missing or infinite values"));
    }
    let n_samples = values.len() / n_values;
    let (offset, scale) = scales(&values, n_values, is_table);
    let beside = FLOAT_BYTES * (n_values * if is_table { 3 } else { 1 }) as u64; // mean, and the scales of a table
    let each = FLOAT_BYTES * (n_samples + n_values) as u64;
    let budget = target.unwrap_or(dataset.size_bytes() as u64 / 10);
    let n = (budget.saturating_sub(beside) / each).clamp(1, n_samples.min(n_values) as u64) as usize;
    if n * values.len() > MAX_PROJECTED {
        return Err(Error::unsupported(format!(
            "{n} components of {n_values} values are too many for a comparison"
        )));
    }
    let start = Instant::now();
    for row in values.chunks_exact_mut(n_values) {
        row.iter_mut().enumerate().for_each(|(k, x)| *x = (*x - offset[k]) / scale[k]);
    }
    let found = principal_components(&values, n_samples, n_values, n);
    let float32 = |values: &[f64]| -> Vec<f64> { values.iter().map(|&x| f64::from(x as f32)).collect() };
    let (mean, basis) = (float32(&found.mean), float32(&found.components));
    let latents = float32(&project(&values, &mean, &basis));
    let middle = Instant::now();
    let mut back = restore(&latents, &mean, &basis, n);
    for row in back.chunks_exact_mut(n_values) {
        row.iter_mut().enumerate().for_each(|(k, x)| *x = *x * scale[k] + offset[k]);
    }
    let kept = as_variables(dataset, &back, n_values, is_table)?;
    let seconds = [(middle - start).as_secs_f64(), middle.elapsed().as_secs_f64()];
    let (part, allowed) = part_of(dataset, &kept, allowed);
    let bytes = beside + each * n as u64;
    let row = judged(PCA, Family::Unbounded, bytes, &part, &kept, &allowed, seconds);
    let note = format!("{n} component{}, float32", if n == 1 { "" } else { "s" });
    Ok(Row { model_bytes: bytes - FLOAT_BYTES * (n * n_samples) as u64, note, ..row })
}

/// Multiplications that a projection may take.
const MAX_PROJECTED: usize = 20_000_000_000;

/// Minimum and range of each column of a table; frames are left as they are.
fn scales(values: &[f64], n_values: usize, is_table: bool) -> (Vec<f64>, Vec<f64>) {
    let (mut low, mut high) = (vec![0.0; n_values], vec![1.0; n_values]);
    if is_table {
        low.fill(f64::INFINITY);
        high.fill(f64::NEG_INFINITY);
        for row in values.chunks_exact(n_values) {
            row.iter().zip(low.iter_mut().zip(&mut high)).for_each(|(x, (low, high))| {
                *low = low.min(*x);
                *high = high.max(*x);
            });
        }
    }
    let scale = low.iter().zip(&high).map(|(low, high)| if high > low { high - low } else { 1.0 }).collect();
    (low, scale)
}

/// Latents (n_samples, n) of samples on an orthonormal basis (n, n_values).
fn project(values: &[f64], mean: &[f64], basis: &[f64]) -> Vec<f64> {
    let n_values = mean.len();
    let latents = values.par_chunks_exact(n_values).flat_map_iter(|row| {
        basis
            .chunks_exact(n_values)
            .map(|axis| axis.iter().zip(row.iter().zip(mean)).map(|(a, (x, m))| a * (x - m)).sum())
    });
    latents.collect()
}

fn restore(latents: &[f64], mean: &[f64], basis: &[f64], n: usize) -> Vec<f64> {
    let n_values = mean.len();
    let rows = latents.par_chunks_exact(n).flat_map_iter(|latents| {
        let mut row = mean.to_vec();
        for (z, axis) in latents.iter().zip(basis.chunks_exact(n_values)) {
            row.iter_mut().zip(axis).for_each(|(x, a)| *x += z * a);
        }
        row
    });
    rows.collect()
}

/// Samples as the variables that they came from.
fn as_variables(
    dataset: &Dataset,
    samples: &[f64],
    n_values: usize,
    is_table: bool,
) -> Result<Vec<Variable>> {
    if !is_table {
        let field = field(dataset)?;
        let values = super::bounded::typed(&rounded(samples, field), field.values.dtype());
        return Ok(vec![Variable { values, ..field.clone() }]);
    }
    let column = |k: usize| -> Vec<f64> { samples.iter().skip(k).step_by(n_values).copied().collect() };
    let typed = |(k, like): (usize, &Variable)| {
        let values = super::bounded::typed(&rounded(&column(k), like), like.values.dtype());
        Variable { values, ..like.clone() }
    };
    Ok(dataset.variables[..n_values].iter().enumerate().map(typed).collect())
}

/// Whole numbers where the dtype holds no others.
fn rounded(values: &[f64], like: &Variable) -> Vec<f64> {
    let whole = !like.values.dtype().is_float();
    values.iter().map(|&x| if whole { x.round() } else { x }).collect()
}

/// The variables that came back, and what they allow.
fn part_of(dataset: &Dataset, kept: &[Variable], allowed: &[Allowed]) -> (Dataset, Vec<Allowed>) {
    let places: Vec<usize> =
        kept.iter().filter_map(|k| dataset.variables.iter().position(|v| v.name == k.name)).collect();
    let part = Dataset::from_arrays(places.iter().map(|&at| dataset.variables[at].clone()).collect());
    (part, places.iter().map(|&at| allowed[at]).collect())
}

/// The original's dense autoencoder, trained here from random weights: latents and both networks as float32.
fn original(dataset: &Dataset, options: &Options, allowed: &[Allowed]) -> Result<Row> {
    let is_table = matches!(dataset.layout, Layout::Table { .. } | Layout::Columns);
    let data = if is_table { dataset.clone() } else { Dataset::from_arrays(vec![field(dataset)?.clone()]) };
    let n_values: usize = if is_table { data.variables.len() } else { row_len(&data.variables[0].shape) };
    let n_all: usize = data.variables.iter().map(|v| v.values.len()).sum();
    if n_values > MAX_INPUTS {
        return Err(Error::unsupported(format!(
            "frames of {n_values} values need a model of {} MB",
            n_values / 625
        )));
    }
    let ratio = if is_table { TABLE_RATIO } else { FIELD_RATIO };
    let n_latents = ((n_values as f64 / ratio).ceil() as usize).max(1);
    let mut settings = options.clone();
    settings.bound = BoundSpec::Unbounded;
    settings.rules.clear();
    settings.method = Method::Autoencoder;
    settings.size = Some(Size::Latent(n_latents));
    settings.training.arch = "AE".to_string();
    settings.training.init = Init::Random;
    settings.training.epochs = EPOCHS.min(MAX_SEEN / n_all.max(1)).max(1);
    if !is_table {
        settings.training.block =
            std::iter::once(1).chain(data.variables[0].shape[1..].iter().copied()).collect();
    }
    let start = Instant::now();
    let trained = baler_train::train(std::slice::from_ref(&data), &settings, &mut baler::NoProgress)?;
    let made = baler::compress_with(&data, &settings, Some(&trained.model), &mut baler::NoProgress)?;
    let middle = Instant::now();
    let back = baler::decompress(&made.bytes)?;
    let seconds = [(middle - start).as_secs_f64(), middle.elapsed().as_secs_f64()];
    let info = trained.model.describe();
    let latents = FLOAT_BYTES * (n_all / n_values * n_latents) as u64;
    let model = FLOAT_BYTES * info.n_parameters;
    let (part, allowed) = part_of(dataset, &back.variables, allowed);
    let row = judged(ORIGINAL, Family::Unbounded, latents + model, &part, &back.variables, &allowed, seconds);
    let note = format!("its own count: latents {latents}; {n_latents} latents, {} epochs", info.epochs);
    Ok(Row { model_bytes: model, note, ..row })
}

/// Values of a sample for which its dense layers are still of a size.
const MAX_INPUTS: usize = 20_000;
