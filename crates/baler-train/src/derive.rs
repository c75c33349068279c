//! A model from data: samples, architecture, first weights, training, and then the search for how fine its integers
//! must be.

use super::architecture::Architecture;
use super::budget::{Built, Search};
use super::fit::{default_epochs, fit};
use super::net::{FloatLayer, Net};
use super::predictive;
use super::principal::principal_components;
use super::samples::{DataSampling, PartData, PartShape, fit_variables, part_data, part_shapes};
use crate::Training;
use baler_codec::autoencoder::{Coder, INPUT_ONE};
use baler_codec::classical;
use baler_codec::compress::compress_source;
use baler_codec::model::{Description, Model, ModelPart, ModelVariable};
use baler_codec::options::training::{Init, Loss, TrainOptions};
use baler_codec::options::{BoundSpec, Method, Options, Size};
use baler_codec::plan;
use baler_codec::plan::trainer::Models;
use baler_codec::report::{NoProgress, Progress};
use baler_data::dataset::{Dataset, row_len};
use baler_data::error::{Error, Result};
use baler_data::names::pattern_matches;
use baler_data::random::Rng;
use baler_data::source::{InMemory, Selected, Source, excerpt};

/// Most latents of a sample where the number is not asked for.
const MAX_LATENTS: usize = 64;
/// Most values that a network is trained on; of more, every n-th sample is taken.
const MAX_TRAINING_VALUES: usize = 1 << 26;
/// Most bytes of data that an autoencoder is trained on; of more, runs of rows are taken.
const MAX_TRAINING_BYTES: usize = 64 << 20;
/// Values on which the residuals of a bounded archive are judged.
const RESIDUAL_VALUES: usize = 1 << 18;
/// Corrections of a size that was missed.
const MAX_CORRECTIONS: usize = 6;

/// A model, and how training went.
#[derive(Debug, Clone)]
pub struct Trained {
    /// The model.
    pub model: Model,
    /// Training and validation loss, one value an epoch; of several parts one after the other.
    pub history: [Vec<f64>; 2],
}

/// One part, trained in floats.
struct Learned {
    variables: Vec<ModelVariable>,
    shape: PartShape,
    encoder: Net,
    decoder: Net,
    /// Inputs of all samples of all datasets.
    inputs: Vec<i16>,
    n_samples: usize,
    /// Of the first dataset, for the residuals.
    first: (PartData, DataSampling),
    tile: Vec<usize>,
}

/// Trains a model on datasets of the same variables.
///
/// # Errors
/// [`baler_data::error::ErrorKind::Config`] for options that do not fit the data, [`baler_data::error::ErrorKind::Input`] if the datasets
/// differ or hold nothing to learn from.
pub fn train(datasets: &[Dataset], options: &Options, progress: &mut dyn Progress) -> Result<Trained> {
    let sources: Vec<InMemory> = datasets.iter().map(InMemory::of).collect();
    let sources: Vec<&dyn Source> = sources.iter().map(|source| source as &dyn Source).collect();
    train_on(&sources, options, progress)
}

/// [`train`] on sources of any size: of large ones, on rows spread over them.
///
/// # Errors
/// As [`train`].
pub fn train_on(sources: &[&dyn Source], options: &Options, progress: &mut dyn Progress) -> Result<Trained> {
    let first = sources.first().ok_or_else(|| Error::config("expected at least one file to train on"))?;
    train_as_told(sources, &plan::informed(*first, options)?, progress)
}

/// [`train_on`] with options that already hold what the first source tells of itself.
///
/// # Errors
/// As [`train`].
pub fn train_as_told(
    sources: &[&dyn Source],
    options: &Options,
    progress: &mut dyn Progress,
) -> Result<Trained> {
    let first = sources.first().ok_or_else(|| Error::config("expected at least one file to train on"))?;
    if predictive::is_asked(first, options)? {
        let dropped = |name: &str| options.drop.iter().any(|pattern| pattern_matches(pattern, name));
        let kept: Vec<Selected<_>> =
            sources.iter().map(|source| Selected::new(*source, |name| !dropped(name))).collect();
        let kept: Vec<&dyn Source> = kept.iter().map(|source| source as &dyn Source).collect();
        let model = predictive::train(&kept, options, progress)?;
        return Ok(Trained { model, history: [Vec::new(), Vec::new()] });
    }
    let datasets: Vec<Dataset> = sources
        .iter()
        .map(|source| excerpt(*source, MAX_TRAINING_BYTES / sources.len()))
        .collect::<Result<_>>()?;
    let (first, datasets) = (&datasets[0], &datasets[..]);
    let mut history = [Vec::new(), Vec::new()];
    let mut description =
        Description { architecture: String::new(), n_samples: 0, n_epochs: 0, seed: options.training.seed };
    let mut learned = Vec::new();
    for shape in part_shapes(first, options)? {
        learned.push(learn(shape, datasets, options, &mut description, &mut history, progress)?);
    }
    progress.stage("choose precision", learned.len() as u64);
    let model = match options.size {
        Some(size @ (Size::Ratio(_) | Size::Bytes(_))) => {
            within_size(&learned, datasets, options, size, description)?
        }
        Some(Size::Latent(_)) => {
            assemble(&learned, description, |idx| search(&learned[idx], options).faithful())?
        }
        None if options.bound == BoundSpec::Unbounded => {
            return Err(Error::config("expected a bound, --ratio or --latent to train for, found none"));
        }
        None => assemble(&learned, description, |idx| {
            search(&learned[idx], options).smallest(|built| residual_bytes(&learned[idx], built))
        })?,
    };
    Ok(Trained { model, history })
}

fn search<'a>(part: &'a Learned, options: &Options) -> Search<'a> {
    let hardware = options.training.hardware;
    Search::new(&part.encoder, &part.decoder, &part.tile, &part.inputs, part.n_samples, hardware)
}

fn learn(
    shape: PartShape,
    datasets: &[Dataset],
    options: &Options,
    description: &mut Description,
    history: &mut [Vec<f64>; 2],
    progress: &mut dyn Progress,
) -> Result<Learned> {
    let mut data: Vec<PartData> =
        datasets.iter().map(|dataset| part_data(&shape, dataset, options)).collect::<Result<_>>()?;
    let variables = fit_variables(&data, &options.training)?;
    let mut inputs = Vec::new();
    for part in &data {
        let sampling = DataSampling::new(part, &variables)?;
        inputs.extend(sampling.sampling(shape.blocks.as_ref()).inputs(&part.numbers, &part.masks));
    }
    let tile = shape.blocks.as_ref().map_or(Vec::new(), |blocks| blocks.extents.clone());
    let n_in = shape.blocks.as_ref().map_or(variables.len(), |blocks| blocks.n_values());
    let n_samples = inputs.len() / n_in;
    let n_latents = n_latents(n_in, n_samples, options)?;
    let layers_tile = if tile.is_empty() { &[n_in][..] } else { &tile };
    let architecture = Architecture::parse(&options.training.arch, layers_tile, n_latents)?;
    if let Some(note) = &architecture.note {
        progress.warn(note);
    }
    let stride = inputs.len().div_ceil(MAX_TRAINING_VALUES).max(1);
    let rows: Vec<f32> =
        inputs.chunks_exact(n_in).step_by(stride).flatten().map(|&u| u as f32 / INPUT_ONE as f32).collect();
    let n_rows = rows.len() / n_in;
    let (encoder, decoder) = first_weights(&architecture, n_in, n_latents, &rows, n_rows, &options.training);
    let (encoder, decoder) =
        fit_unless_done(encoder, decoder, &rows, n_rows, options, history, description, progress)?;
    if !description.architecture.is_empty() {
        description.architecture.push_str(", ");
    }
    description.architecture.push_str(&architecture.words);
    description.n_samples += n_samples as u64;
    let first = data.swap_remove(0);
    let sampling = DataSampling::new(&first, &variables)?;
    Ok(Learned { variables, shape, encoder, decoder, inputs, n_samples, first: (first, sampling), tile })
}

fn n_latents(n_in: usize, n_samples: usize, options: &Options) -> Result<usize> {
    match options.size {
        Some(Size::Latent(n)) if n == 0 || n > n_in => Err(Error::config(format!(
            "expected --latent from 1 to the {n_in} values of a sample, found {n}"
        ))),
        Some(Size::Latent(n)) => Ok(n),
        Some(Size::Ratio(ratio)) if !ratio.is_finite() || ratio < 1.0 => {
            Err(Error::config(format!("expected --ratio of at least 1, found {ratio}")))
        }
        Some(Size::Ratio(_) | Size::Bytes(_)) => Ok(n_in.min(MAX_LATENTS).min(n_samples)),
        None => Ok(n_in.div_ceil(2).min(MAX_LATENTS / 2).min(n_samples)),
    }
}

/// Random weights, but for a linear path that starts at the principal components.
fn first_weights(
    architecture: &Architecture,
    n_in: usize,
    n_latents: usize,
    rows: &[f32],
    n_rows: usize,
    training: &TrainOptions,
) -> (Net, Net) {
    let mut rng = Rng::new(training.seed, 0);
    let mut encoder = Net::random(n_in, &architecture.encoder, &mut rng);
    let mut decoder = Net::random(n_latents, &architecture.decoder, &mut rng);
    if training.init == Init::Principal && architecture.has_linear_path() {
        let principal = principal_components(rows, n_rows, n_in, n_latents);
        let k = principal.eigenvalues.len();
        let component = |k: usize, value: usize| principal.components[k * n_in + value];
        let offset =
            |row: usize| -> f64 { -(0..n_in).map(|v| component(row, v) * principal.mean[v]).sum::<f64>() };
        set_linear_path(
            &mut encoder,
            |row, col| if row < k { component(row, col) } else { 0.0 },
            |row| if row < k { offset(row) } else { 0.0 },
        );
        set_linear_path(
            &mut decoder,
            |row, col| if col < k { component(col, row) } else { 0.0 },
            |row| principal.mean[row],
        );
    }
    (encoder, decoder)
}

/// Sets the last layer's weights for the network's own input, and its biases; those for hidden layers become 0.
fn set_linear_path(net: &mut Net, weight: impl Fn(usize, usize) -> f64, bias: impl Fn(usize) -> f64) {
    let n_in = net.n_in;
    let layer: &mut FloatLayer = net.layers.last_mut().expect("an architecture has layers");
    let n_cols = layer.spec.n_cols();
    let n_hidden = n_cols - n_in;
    for row in 0..layer.spec.n_rows() {
        layer.bias[row] = bias(row) as f32;
        for col in 0..n_cols {
            let value = if col < n_hidden { 0.0 } else { weight(row, col - n_hidden) };
            layer.weights[row * n_cols + col] = value as f32;
        }
    }
}

/// Trains, unless the first weights are the answer: principal components are the best linear autoencoder.
#[allow(clippy::too_many_arguments)]
fn fit_unless_done(
    encoder: Net,
    decoder: Net,
    rows: &[f32],
    n_rows: usize,
    options: &Options,
    history: &mut [Vec<f64>; 2],
    description: &mut Description,
    progress: &mut dyn Progress,
) -> Result<(Net, Net)> {
    let training = &options.training;
    let linear = encoder.layers.len() == 1 && decoder.layers.len() == 1;
    let plain = training.l1 == 0.0
        && training.loss == Loss::Mse
        && training.resume.is_none()
        && training.hardware.is_none();
    if linear && plain && training.init == Init::Principal && training.epochs == 0 {
        return Ok((encoder, decoder));
    }
    let n_epochs = if training.epochs == 0 { default_epochs(n_rows) } else { training.epochs };
    progress.stage("train", n_epochs as u64);
    let mut each_epoch = |epoch: usize, _: f64, _: f64| {
        progress.advance(epoch as u64 + 1);
        true
    };
    let fitted = fit(encoder, decoder, rows, n_rows, training, &options.threads, None, &mut each_epoch)?;
    history[0].extend(&fitted.history.train);
    history[1].extend(&fitted.history.validation);
    description.n_epochs += fitted.epochs_run as u64;
    Ok((fitted.encoder, fitted.decoder))
}

/// The model of networks that `choose` makes of each part.
fn assemble(
    learned: &[Learned],
    description: Description,
    choose: impl Fn(usize) -> Result<Built>,
) -> Result<Model> {
    let parts = learned
        .iter()
        .enumerate()
        .map(|(idx, part)| {
            let Built { encoder, decoder, .. } = choose(idx)?;
            let (variables, blocks) = (part.variables.clone(), part.shape.blocks.clone());
            Ok(ModelPart { variables, blocks, decoder, encoder })
        })
        .collect::<Result<_>>()?;
    Ok(Model::new(parts, Vec::new(), description))
}

/// The model of least error with which the archives of all datasets, the model counted in each, keep to the size.
fn within_size(
    learned: &[Learned],
    datasets: &[Dataset],
    options: &Options,
    size: Size,
    description: Description,
) -> Result<Model> {
    let mut target = 0;
    for dataset in datasets {
        target += size.target_bytes(dataset.size_bytes() as u64)?.unwrap_or(0) as usize;
    }
    let searches: Vec<Search> = learned.iter().map(|part| search(part, options)).collect();
    let n_values: usize = learned.iter().map(|part| part.inputs.len()).sum();
    let mut budget = target as f64;
    let mut smallest = usize::MAX;
    let archive_options = Options { method: Method::Autoencoder, drop: Vec::new(), ..options.clone() };
    for _ in 0..MAX_CORRECTIONS {
        let model = assemble(learned, description.clone(), |idx| {
            let share = learned[idx].inputs.len() as f64 / n_values as f64;
            searches[idx].within((budget * share) as usize)
        })?;
        let mut total = 0;
        for dataset in datasets {
            total += archive_bytes(dataset, &archive_options, &model)?;
        }
        if total <= target {
            return Ok(model);
        }
        smallest = smallest.min(total);
        // What the search did not see (headers, other variables, sampling) comes off the budget.
        budget -= (total - target) as f64 * 1.05 + 16.0;
        if budget < 64.0 {
            break;
        }
    }
    Err(Error::config(format!(
        "expected archives of {target} bytes, the smallest found have {smallest}; ask for more bytes, or for a bound"
    )))
}

/// Bytes of the archive of a dataset with a model.
fn archive_bytes(dataset: &Dataset, options: &Options, model: &Model) -> Result<usize> {
    let models = Models { model: Some(model), trainer: Some(&Training), latents: None };
    let mut bytes = Vec::new();
    compress_source(&InMemory::of(dataset), options, models, &mut bytes, &mut NoProgress)?;
    Ok(bytes.len())
}

/// Estimated bytes of the residuals of the first dataset's numbers, from its first samples.
fn residual_bytes(part: &Learned, built: &Built) -> Result<usize> {
    let (data, sampling) = &part.first;
    let coder = Coder::new(&built.decoder, Some(&built.encoder))?;
    let mut shape = sampling.shape.clone();
    let row_len = row_len(&shape).max(1) * data.plans.len();
    let step = part.tile.first().copied().unwrap_or(1);
    let n_rows = (RESIDUAL_VALUES / row_len).max(1).next_multiple_of(step).min(shape[0]);
    let all_rows = std::mem::replace(&mut shape[0], n_rows);
    let n_values: usize = shape.iter().product();
    let numbers: Vec<Vec<i64>> = data.numbers.iter().map(|q| q[..n_values].to_vec()).collect();
    let masks: Vec<Option<Vec<bool>>> =
        data.masks.iter().map(|mask| mask.as_ref().map(|mask| mask[..n_values].to_vec())).collect();
    let few = DataSampling { scalings: sampling.scalings.clone(), shape: shape.clone() };
    let (_, predictions) = coder.encode(few.sampling(part.shape.blocks.as_ref()), &numbers, &masks);
    let mut n_bytes = 0;
    for ((q, predicted), mask) in numbers.iter().zip(&predictions).zip(&masks) {
        let rest = q.iter().zip(predicted).map(|(&q, &p)| q.wrapping_sub(p)).collect();
        n_bytes += classical::encode(rest, &shape, mask.as_deref()).bytes.len();
    }
    Ok((n_bytes as f64 * all_rows as f64 / n_rows.max(1) as f64) as usize)
}
