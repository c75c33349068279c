//! The training loop: epochs of shuffled batches, a watched loss, the best weights.
//!
//! Everything random in an epoch follows from (seed, purpose, epoch, place), so a checkpoint needs no generator's
//! state and threads share none.

use super::adam::Adam;
use super::aligned::Aligned;
use super::chain::Chain;
use super::checkpoint::{Identity, State};
use super::hardware::coarsen;
use super::kernels::Simd;
use super::loss::{add_l1, column_scale, normal_quantiles, sliced_wasserstein};
use super::net::Net;
use super::schedule::History;
use super::schedule::Schedule;
use super::shard::{Noise, Shard};
use baler_codec::options::training::{Hardware, Loss, TrainOptions};
use baler_data::error::{Error, Result};
use baler_data::random::Rng;
use baler_data::threads::Threads;
use rayon::prelude::*;

/// A trained autoencoder.
#[derive(Debug, Clone)]
pub struct Fit {
    /// With the weights of the best epoch.
    pub encoder: Net,
    /// With the weights of the best epoch.
    pub decoder: Net,
    /// Of all epochs, those before a resumed checkpoint included.
    pub history: History,
    /// Length of the history.
    pub epochs_run: usize,
    /// Index of the epoch with the lowest watched loss.
    pub best_epoch: usize,
}

/// Rows to learn from.
#[derive(Debug, Clone, Copy)]
pub struct TrainingRows<'a> {
    /// (n_rows, n_in), row-major.
    pub values: &'a [f32],
    /// Number of rows.
    pub n_rows: usize,
    /// Factor of each column's squared error (n_in).
    pub column_weights: Option<&'a [f32]>,
    /// Half width of the uniform noise added to each latent while training, standing for its quantization.
    pub latent_noise: Option<&'a [f32]>,
}

/// What random numbers are for: the highest byte of a stream's number.
#[derive(Debug, Clone, Copy)]
enum Purpose {
    Split = 1,
    Shuffle = 2,
    Noise = 3,
    Directions = 4,
}

fn stream(purpose: Purpose, epoch: usize) -> u64 {
    ((purpose as u64) << 56) | ((epoch as u64) << 36)
}

/// Passes over the data where none are asked for: about 20 million rows, between 5 and 1000 passes.
pub fn default_epochs(n_rows: usize) -> usize {
    (20_000_000 / n_rows.max(1)).clamp(5, 1000)
}

/// Trains encoder and decoder as one chain: `data` (n_rows, n_in) -> latents -> `data` again. `latent_noise` is the
/// half width of uniform noise on each latent. `progress(epoch, training loss, validation loss)` is called after
/// every epoch; false ends the training. Same bits for any `threads`.
///
/// # Errors
/// Data with values that are not finite, options out of range, networks that do not fit, checkpoints.
#[allow(clippy::too_many_arguments)]
pub fn fit(
    encoder: Net,
    decoder: Net,
    data: &[f32],
    n_rows: usize,
    options: &TrainOptions,
    threads: &Threads,
    latent_noise: Option<&[f32]>,
    progress: &mut dyn FnMut(usize, f64, f64) -> bool,
) -> Result<Fit> {
    let rows = TrainingRows { values: data, n_rows, column_weights: None, latent_noise };
    fit_rows(encoder, decoder, &rows, options, threads, progress)
}

/// [`fit`] with weights of columns.
///
/// # Errors
/// As [`fit`].
pub fn fit_rows(
    encoder: Net,
    decoder: Net,
    rows: &TrainingRows<'_>,
    options: &TrainOptions,
    threads: &Threads,
    progress: &mut dyn FnMut(usize, f64, f64) -> bool,
) -> Result<Fit> {
    fit_with(Simd::from_env()?, encoder, decoder, rows, options, threads, progress)
}

pub(super) fn fit_with(
    simd: Simd,
    mut encoder: Net,
    mut decoder: Net,
    rows: &TrainingRows<'_>,
    options: &TrainOptions,
    threads: &Threads,
    progress: &mut dyn FnMut(usize, f64, f64) -> bool,
) -> Result<Fit> {
    let chain = Chain::new(&[&encoder, &decoder])?;
    check(&chain, rows, options)?;
    // Only checkpoints need the hash of the data.
    let uses_checkpoints = options.resume.is_some() || options.checkpoint_every > 0;
    let identity = uses_checkpoints.then(|| identity(&encoder, &decoder, rows, options));
    let mut state = match (&options.resume, &identity) {
        (Some(path), Some(identity)) => State::read(path, identity, chain.n_parameters)?,
        _ => first_state(&chain, &encoder, &decoder, options),
    };
    let mut run = Run::new(&chain, simd, threads.count() > 1, rows, options);
    run.coarse = options.hardware.map(|hardware| Coarse { encoder: encoder.clone(), hardware });
    let n_epochs = if options.epochs == 0 { default_epochs(rows.n_rows) } else { options.epochs };
    while state.epochs_run < n_epochs && !state.stopped {
        let epoch = state.epochs_run;
        let (train, validation) = threads.run(|| run.epoch(&mut state));
        state.history.train.push(train);
        state.history.validation.push(validation);
        state.history.lr.push(state.schedule.lr);
        state.epochs_run += 1;
        let verdict = state.schedule.observe(epoch, validation, options);
        if verdict.improved {
            state.best.copy_from_slice(&state.parameters);
        }
        state.stopped = verdict.stop;
        if let (Some(folder), Some(identity)) = (&options.checkpoint_dir, &identity)
            && options.checkpoint_every > 0
            && state.epochs_run.is_multiple_of(options.checkpoint_every)
        {
            state.write(identity, folder)?;
        }
        // From weights that are not finite there is no way back.
        if !progress(epoch, train, validation) || !train.is_finite() {
            break;
        }
    }
    if state.epochs_run > 0 && state.schedule.best.is_infinite() {
        return Err(Error::config(format!(
            "training diverged in its first epoch (loss {:?}); choose a smaller step than {}",
            state.history.train.last().copied().unwrap_or(f64::NAN),
            options.lr
        )));
    }
    let layers = encoder.layers.iter_mut().chain(&mut decoder.layers);
    for (stage, layer) in chain.stages.iter().zip(layers) {
        Chain::unpack(stage, &state.best, layer);
    }
    if let Some(hardware) = options.hardware {
        encoder.layers.iter_mut().for_each(|layer| coarsen(layer, hardware));
    }
    let State { epochs_run, history, schedule, .. } = state;
    Ok(Fit { encoder, decoder, history, epochs_run, best_epoch: schedule.best_epoch })
}

fn first_state(chain: &Chain, encoder: &Net, decoder: &Net, options: &TrainOptions) -> State {
    let parameters = chain.pack(&[encoder, decoder]);
    State {
        epochs_run: 0,
        best: parameters.clone(),
        parameters,
        adam: Adam::new(chain.n_parameters),
        schedule: Schedule::new(options.lr),
        history: History::default(),
        stopped: false,
    }
}

fn check(chain: &Chain, rows: &TrainingRows<'_>, options: &TrainOptions) -> Result<()> {
    let (n_in, n_rows) = (chain.n_in, rows.n_rows);
    if n_rows == 0 || Some(rows.values.len()) != n_rows.checked_mul(n_in) {
        let found = rows.values.len();
        return Err(Error::input(format!(
            "expected {n_rows} rows (at least 1) of {n_in} values, found {found} values"
        )));
    }
    if chain.n_out() != n_in {
        let n_out = chain.n_out();
        return Err(Error::config(format!("the decoder must give {n_in} values back, it gives {n_out}")));
    }
    if let Some(at) = rows.values.iter().position(|value| !value.is_finite()) {
        return Err(Error::input(format!(
            "training needs finite values; row {}, column {} is not",
            at / n_in,
            at % n_in
        )));
    }
    for (name, list, expected) in [
        ("column weights", rows.column_weights, n_in),
        ("noise widths", rows.latent_noise, chain.latent.len()),
    ] {
        if let Some(list) = list
            && (list.len() != expected || list.iter().any(|x| !(*x >= 0.0 && x.is_finite())))
        {
            let found = list.len();
            return Err(Error::config(format!(
                "expected {expected} {name}, finite and not negative, found {found}"
            )));
        }
    }
    let positive = |x: f64| x > 0.0 && x.is_finite();
    let not_negative = |x: f64| x >= 0.0 && x.is_finite();
    for (name, ok, range) in [
        ("lr", positive(options.lr), "above 0"),
        ("batch", (1..1 << 24).contains(&options.batch), "1 or more"),
        ("validation", (0.0..1.0).contains(&options.validation), "at least 0 and below 1"),
        ("min_delta", not_negative(options.min_delta), "0 or more"),
        ("l1", not_negative(options.l1), "0 or more"),
    ] {
        if !ok {
            return Err(Error::config(format!("{name} must be {range}")));
        }
    }
    Ok(())
}

fn identity(encoder: &Net, decoder: &Net, rows: &TrainingRows<'_>, options: &TrainOptions) -> Identity {
    let mut layers = blake3::Hasher::new();
    for layer in encoder.layers.iter().chain(&decoder.layers) {
        layers.update(format!("{:?};", layer.spec).as_bytes());
    }
    let mut data = blake3::Hasher::new();
    let lists = [Some(rows.values), rows.column_weights, rows.latent_noise];
    for list in lists.into_iter().map(Option::unwrap_or_default) {
        data.update(&(list.len() as u64).to_le_bytes());
        for part in list.chunks(1 << 14) {
            let bytes: Vec<u8> = part.iter().flat_map(|value| value.to_le_bytes()).collect();
            data.update(&bytes);
        }
    }
    Identity {
        layers: *layers.finalize().as_bytes(),
        data: *data.finalize().as_bytes(),
        seed: options.seed,
        batch: options.batch as u64,
    }
}

/// Buffers and settings of the loop.
struct Run<'a> {
    chain: &'a Chain,
    simd: Simd,
    parallel: bool,
    rows: &'a TrainingRows<'a>,
    options: &'a TrainOptions,
    training: Vec<usize>,
    validation: Vec<usize>,
    shards: Vec<Shard>,
    /// Normal quantiles of the last batch size.
    quantiles: Vec<f64>,
    coarse: Option<Coarse>,
}

/// The encoder as hardware will have it, made anew from the parameters before they are used.
struct Coarse {
    encoder: Net,
    hardware: Hardware,
}

impl Coarse {
    /// `parameters` with the encoder's weights as coarse as they will be.
    fn of(&mut self, chain: &Chain, parameters: &[f32]) -> Aligned {
        let mut coarse = Aligned::zeros(parameters.len());
        coarse.copy_from_slice(parameters);
        for (stage, layer) in chain.stages.iter().zip(&mut self.encoder.layers) {
            Chain::unpack(stage, parameters, layer);
            coarsen(layer, self.hardware);
            Chain::put(stage, layer, &mut coarse);
        }
        coarse
    }
}

impl<'a> Run<'a> {
    fn new(
        chain: &'a Chain,
        simd: Simd,
        parallel: bool,
        rows: &'a TrainingRows<'a>,
        options: &'a TrainOptions,
    ) -> Self {
        let mut ids: Vec<usize> = (0..rows.n_rows).collect();
        let n_held_out = (options.validation * rows.n_rows as f64).round() as usize;
        if n_held_out > 0 {
            Rng::new(options.seed, stream(Purpose::Split, 0)).shuffle(&mut ids);
        }
        let mut training = ids.split_off(n_held_out.min(rows.n_rows - 1));
        let mut validation = ids;
        // In the order of the data: what a row's place in memory is worth is decided by the shuffle alone.
        training.sort_unstable();
        validation.sort_unstable();
        let n_shards = options.batch.min(training.len()).div_ceil(chain.shard_rows);
        let shards = (0..n_shards).map(|_| Shard::new(chain, true)).collect();
        Run {
            chain,
            simd,
            parallel,
            rows,
            options,
            training,
            validation,
            shards,
            quantiles: Vec::new(),
            coarse: None,
        }
    }

    /// One pass; returns the training and the watched loss.
    fn epoch(&mut self, state: &mut State) -> (f64, f64) {
        let epoch = state.epochs_run;
        let mut order = self.training.clone();
        Rng::new(self.options.seed, stream(Purpose::Shuffle, epoch)).shuffle(&mut order);
        let mut sum = 0.0;
        for (batch_idx, batch) in order.chunks(self.options.batch).enumerate() {
            sum += self.step(state, epoch, batch_idx, batch) * batch.len() as f64;
        }
        let train = sum / order.len() as f64;
        let validation = if self.validation.is_empty() {
            train
        } else {
            match self.coarse.as_mut().map(|coarse| coarse.of(self.chain, &state.parameters)) {
                Some(parameters) => self.validation_error(&parameters),
                None => self.validation_error(&state.parameters),
            }
        };
        (train, validation)
    }

    /// One step of Adam; returns the loss of the batch before it.
    fn step(&mut self, state: &mut State, epoch: usize, batch_idx: usize, batch: &[usize]) -> f64 {
        let Run { chain, simd, parallel, rows, options, .. } = *self;
        let scale = column_scale(rows.column_weights, chain.n_in, batch.len());
        let coarse = self.coarse.as_mut().map(|coarse| coarse.of(chain, &state.parameters));
        let parameters = coarse.as_deref().unwrap_or(&state.parameters);
        let parts: Vec<&[usize]> = batch.chunks(chain.shard_rows).collect();
        let shards = &mut self.shards[..parts.len()];
        let forward = |shard: &mut Shard, part_idx: usize| {
            let first = batch_idx * options.batch + part_idx * chain.shard_rows;
            let noise = rows.latent_noise.map(|half_width| Noise {
                half_width,
                seed: options.seed,
                stream: stream(Purpose::Noise, epoch) + first as u64,
            });
            shard.load(chain, simd, rows.values, parts[part_idx]);
            shard.forward(chain, simd, parameters, noise.as_ref());
            shard.error(chain, simd, &scale)
        };
        let backward = |shard: &mut Shard| shard.backward(chain, simd, parameters);
        let mut loss: f64;
        if options.loss == Loss::SlicedWasserstein {
            loss = each(parallel, shards, forward).iter().sum();
            let latents: Vec<f32> = shards
                .iter()
                .flat_map(|shard| shard.values(chain, chain.latent.start, chain.latent.len()))
                .collect();
            if self.quantiles.len() != batch.len() {
                self.quantiles = normal_quantiles(batch.len());
            }
            let mut rng = Rng::new(options.seed, stream(Purpose::Directions, epoch) + batch_idx as u64);
            let (distance, gradient) =
                sliced_wasserstein(&latents, chain.latent.len(), &self.quantiles, &mut rng);
            loss += distance;
            let floats = chain.shard_rows * chain.latent.len();
            each(parallel, shards, |shard, part_idx| {
                let end = gradient.len().min((part_idx + 1) * floats);
                shard.add_latent_gradient(chain, &gradient[part_idx * floats..end]);
                backward(shard);
            });
        } else {
            let both = |shard: &mut Shard, part_idx: usize| {
                let error = forward(shard, part_idx);
                backward(shard);
                error
            };
            loss = each(parallel, shards, both).iter().sum();
        }
        if options.l1 > 0.0 {
            loss += add_l1(chain, options.l1, parameters, &mut shards[0].parameter_gradient);
        }
        let gradients: Vec<&[f32]> = shards.iter().map(|shard| &shard.parameter_gradient[..]).collect();
        state.adam.step(simd, parallel, state.schedule.lr, &gradients, &mut state.parameters);
        loss
    }

    /// Mean squared error of the held-out rows, without noise.
    fn validation_error(&mut self, parameters: &[f32]) -> f64 {
        let (chain, simd, rows) = (self.chain, self.simd, self.rows);
        let scale = column_scale(rows.column_weights, chain.n_in, self.validation.len());
        let mut sum = 0.0;
        for batch in self.validation.chunks(chain.shard_rows * self.shards.len()) {
            let parts: Vec<&[usize]> = batch.chunks(chain.shard_rows).collect();
            let errors = each(self.parallel, &mut self.shards[..parts.len()], |shard, part_idx| {
                shard.load(chain, simd, rows.values, parts[part_idx]);
                shard.forward(chain, simd, parameters, None);
                shard.error(chain, simd, &scale)
            });
            sum += errors.iter().sum::<f64>();
        }
        sum
    }
}

/// `f(shard, index)` for every shard; the results are in the order of the shards.
fn each<T: Send>(parallel: bool, shards: &mut [Shard], f: impl Fn(&mut Shard, usize) -> T + Sync) -> Vec<T> {
    if parallel && shards.len() > 1 {
        shards.par_iter_mut().enumerate().map(|(part_idx, shard)| f(shard, part_idx)).collect()
    } else {
        shards.iter_mut().enumerate().map(|(part_idx, shard)| f(shard, part_idx)).collect()
    }
}
