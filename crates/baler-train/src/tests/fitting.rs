//! What `fit` promises: it learns, it gives the same bits, it restores the best, it resumes, it refuses.

use super::oracle::dense;
use crate::fit::{Fit, TrainingRows, fit, fit_rows, fit_with};
use crate::kernels::Simd;
use crate::net::Net;
use baler_codec::network::architecture::Activation;
use baler_codec::options::training::{Loss, TrainOptions};
use baler_data::error::{ErrorKind, Result};
use baler_data::random::Rng;
use baler_data::threads::Threads;

const LEAKY: Activation = Activation::LeakyRelu { shift: 7 };
const N_IN: usize = 6;

fn nets() -> (Net, Net) {
    let mut rng = Rng::new(5, 5);
    let encoder = [dense(N_IN, 20, LEAKY, false), dense(26, 2, Activation::Linear, true)];
    let decoder = [dense(2, 20, LEAKY, false), dense(22, N_IN, Activation::Linear, true)];
    (Net::random(N_IN, &encoder, &mut rng), Net::random(2, &decoder, &mut rng))
}

/// Six columns that follow from two numbers.
fn data(n_rows: usize) -> Vec<f32> {
    let mut rng = Rng::new(6, 6);
    let row = |_| {
        let (a, b) = (2.0 * rng.uniform() - 1.0, 2.0 * rng.uniform() - 1.0);
        [a, b, a * b, a + b, a * a, a - 0.5 * b].map(|x| x as f32)
    };
    (0..n_rows).flat_map(row).collect()
}

fn options() -> TrainOptions {
    TrainOptions { epochs: 4, batch: 600, lr: 3e-3, seed: 1, ..Default::default() }
}

fn run(options: &TrainOptions, n_threads: usize) -> Result<Fit> {
    let (encoder, decoder) = nets();
    fit(
        encoder,
        decoder,
        &data(1500),
        1500,
        options,
        &Threads::new(n_threads)?,
        Some(&[0.01, 0.02]),
        &mut |_, _, _| true,
    )
}

#[test]
fn it_learns_what_can_be_learnt() {
    let (encoder, decoder) = nets();
    let rows = data(2000);
    let options = TrainOptions { epochs: 60, batch: 64, lr: 3e-3, ..Default::default() };
    let fitted =
        fit(encoder, decoder, &rows, 2000, &options, &Threads::default(), None, &mut |_, _, _| true).unwrap();
    let (first, last) = (fitted.history.validation[0], fitted.history.validation[fitted.best_epoch]);
    assert!(last < 2e-3 && last < 0.02 * first, "{first} {last}");
    let output = fitted.decoder.forward(&fitted.encoder.forward(&rows, 2000), 2000);
    let error: f64 = output.iter().zip(&rows).map(|(y, x)| f64::from(y - x).powi(2)).sum();
    assert!(error / (rows.len() as f64) < 2.0 * last);
}

#[test]
fn threads_do_not_change_a_bit() {
    for loss in [Loss::Mse, Loss::SlicedWasserstein] {
        let options = TrainOptions { loss, l1: 1e-4, ..options() };
        let one = run(&options, 1).unwrap();
        let two = run(&options, 2).unwrap();
        assert_eq!((&one.encoder, &one.decoder, &one.history), (&two.encoder, &two.decoder, &two.history));
        let other = run(&TrainOptions { seed: 2, ..options }, 1).unwrap();
        assert_ne!(one.encoder, other.encoder);
    }
}

#[test]
fn instruction_sets_do_not_change_a_bit() {
    let rows = data(700);
    let rows = TrainingRows { values: &rows, n_rows: 700, column_weights: None, latent_noise: None };
    let mut results = Simd::available().into_iter().map(|(name, simd)| {
        let (encoder, decoder) = nets();
        let options = TrainOptions { epochs: 2, ..options() };
        (
            name,
            fit_with(simd, encoder, decoder, &rows, &options, &Threads::default(), &mut |_, _, _| true)
                .unwrap(),
        )
    });
    let (_, first) = results.next().unwrap();
    for (name, fitted) in results {
        assert_eq!((&fitted.encoder, &fitted.decoder), (&first.encoder, &first.decoder), "{name}");
        assert_eq!(fitted.history, first.history, "{name}");
    }
}

#[test]
fn a_resumed_run_gives_the_same_bits() {
    let folder = tempfile::tempdir().unwrap();
    let whole = run(&options(), 1).unwrap();
    let half =
        TrainOptions { checkpoint_every: 2, checkpoint_dir: Some(folder.path().to_path_buf()), ..options() };
    run(&TrainOptions { epochs: 2, ..half.clone() }, 2).unwrap();
    let resume = Some(folder.path().join("model_2.ckpt"));
    let resumed = run(&TrainOptions { resume: resume.clone(), ..options() }, 1).unwrap();
    assert_eq!((&whole.encoder, &whole.decoder), (&resumed.encoder, &resumed.decoder));
    assert_eq!((&whole.history, whole.best_epoch), (&resumed.history, resumed.best_epoch));
    let error = run(&TrainOptions { resume, batch: 100, ..options() }, 1).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    let names: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|f| f.unwrap().file_name()).collect();
    assert_eq!(names, ["model_2.ckpt"]);
}

#[test]
fn the_best_weights_come_back_and_training_stops() {
    // A step far too large: the loss goes up and down.
    let options =
        TrainOptions { epochs: 200, lr: 0.3, early_stopping_patience: 4, validation: 0.5, ..options() };
    let fitted = run(&options, 1).unwrap();
    assert!(fitted.epochs_run < 200);
    assert_eq!(fitted.epochs_run, fitted.best_epoch + 5);
    let watched = &fitted.history.validation;
    assert!(watched.iter().all(|loss| *loss >= watched[fitted.best_epoch]));
    let until_best = run(&TrainOptions { epochs: fitted.best_epoch + 1, ..options }, 1).unwrap();
    assert_eq!(until_best.encoder, fitted.encoder);
}

#[test]
fn progress_is_told_every_epoch_and_can_stop() {
    let (encoder, decoder) = nets();
    let mut told = Vec::new();
    let mut progress = |epoch: usize, train: f64, validation: f64| {
        told.push((epoch, train, validation));
        epoch < 1
    };
    let fitted =
        fit(encoder, decoder, &data(100), 100, &options(), &Threads::default(), None, &mut progress).unwrap();
    assert_eq!(fitted.epochs_run, 2);
    assert_eq!(told.len(), 2);
    assert_eq!(told[1].1, fitted.history.train[1]);
}

#[test]
fn latents_become_normal_when_asked_to() {
    let spread = |loss: Loss| {
        let (encoder, decoder) = nets();
        let rows = data(1000);
        let options = TrainOptions { loss, epochs: 30, batch: 100, lr: 1e-2, validation: 0.0, ..options() };
        let fitted =
            fit(encoder, decoder, &rows, 1000, &options, &Threads::default(), None, &mut |_, _, _| true)
                .unwrap();
        let latents = fitted.encoder.forward(&rows, 1000);
        let variance =
            |at: usize| latents.iter().skip(at).step_by(2).map(|z| f64::from(z * z)).sum::<f64>() / 1e3;
        (variance(0) - 1.0).abs() + (variance(1) - 1.0).abs()
    };
    let (plain, normal) = (spread(Loss::Mse), spread(Loss::SlicedWasserstein));
    assert!(normal < 0.2 && normal < plain, "{normal} {plain}");
}

#[test]
fn weights_of_columns_matter() {
    let rows = data(500);
    let weights = [100.0, 1.0, 0.0, 1.0, 1.0, 1.0];
    let errors = |column_weights: Option<&[f32]>| {
        let (encoder, decoder) = nets();
        let input = TrainingRows { values: &rows, n_rows: 500, column_weights, latent_noise: None };
        let options = TrainOptions { epochs: 30, batch: 50, ..options() };
        let fitted =
            fit_rows(encoder, decoder, &input, &options, &Threads::default(), &mut |_, _, _| true).unwrap();
        let output = fitted.decoder.forward(&fitted.encoder.forward(&rows, 500), 500);
        [0, 2].map(|col| {
            let pairs = output.iter().zip(&rows).skip(col).step_by(N_IN);
            pairs.map(|(y, x)| f64::from(y - x).powi(2)).sum::<f64>()
        })
    };
    let (plain, weighted) = (errors(None), errors(Some(&weights)));
    assert!(weighted[0] < 0.5 * plain[0] && weighted[1] > 2.0 * plain[1], "{plain:?} {weighted:?}");
}

#[test]
fn what_cannot_be_trained_is_refused() {
    let attempt = |values: &[f32], options: &TrainOptions| {
        let (encoder, decoder) = nets();
        fit(
            encoder,
            decoder,
            values,
            values.len() / N_IN,
            options,
            &Threads::default(),
            None,
            &mut |_, _, _| true,
        )
        .unwrap_err()
    };
    let mut rows = data(10);
    assert_eq!(attempt(&[], &options()).kind(), ErrorKind::Input);
    assert_eq!(
        attempt(&rows, &TrainOptions { batch: 0, ..options() }).to_string(),
        "batch must be 1 or more"
    );
    assert_eq!(attempt(&rows, &TrainOptions { validation: 1.0, ..options() }).kind(), ErrorKind::Config);
    rows[8] = f32::NAN;
    assert_eq!(
        attempt(&rows, &options()).to_string(),
        "training needs finite values; row 1, column 2 is not"
    );
    rows[8] = 3e38;
    assert!(attempt(&rows, &options()).to_string().starts_with("training diverged in its first epoch"));
}
