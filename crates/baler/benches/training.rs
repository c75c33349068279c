//! Rows per second of training 24-200-100-50-15-50-100-200-24 on 600 000 x 24 synthetic values, with 1 and 2
//! threads: `cargo bench --bench training`. The same in PyTorch: `training_torch.py`, to be run beside it.

use baler_codec::network::architecture::{Activation, LayerKind, LayerSpec};
use baler_codec::options::training::Init;
use baler_codec::options::training::TrainOptions;
use baler_data::random::Rng;
use baler_data::threads::Threads;
use baler_train::{Net, fit};
use std::time::Instant;

const N_ROWS: usize = 600_000;
const N_COLUMNS: usize = 24;

/// Dense layers with leaky ReLU, the last one linear.
fn dense(widths: &[usize]) -> Vec<LayerSpec> {
    let layers = widths.windows(2).enumerate().map(|(idx, pair)| LayerSpec {
        kind: LayerKind::Dense { n_in: pair[0], n_out: pair[1] },
        activation: if idx + 2 == widths.len() {
            Activation::Linear
        } else {
            Activation::LeakyRelu { shift: 7 }
        },
        skip: false,
    });
    layers.collect()
}

/// 12 hidden normals mixed into 24 columns, through x / (1 + |x|): (N_ROWS, N_COLUMNS), in (-1, 1).
fn synthetic() -> Vec<f32> {
    let mut rng = Rng::new(11, 0);
    let mixing: Vec<f64> = (0..12 * N_COLUMNS).map(|_| rng.normal() * 0.4).collect();
    let mut values = Vec::with_capacity(N_ROWS * N_COLUMNS);
    for _ in 0..N_ROWS {
        let hidden: [f64; 12] = std::array::from_fn(|_| rng.normal());
        for column in 0..N_COLUMNS {
            let x: f64 = hidden.iter().zip(&mixing[column * 12..]).map(|(h, m)| h * m).sum();
            values.push((x / (1.0 + x.abs())) as f32);
        }
    }
    values
}

fn main() {
    let quick = std::env::args().any(|argument| argument == "--quick");
    let n_rows = if quick { N_ROWS / 10 } else { N_ROWS };
    let data = &synthetic()[..n_rows * N_COLUMNS];
    let options = TrainOptions { epochs: 4, validation: 0.0, init: Init::Random, ..Default::default() };
    for n_threads in [1, 2] {
        let mut rng = Rng::new(0, 1);
        let encoder = Net::random(24, &dense(&[24, 200, 100, 50, 15]), &mut rng);
        let decoder = Net::random(15, &dense(&[15, 50, 100, 200, 24]), &mut rng);
        let mut best = f64::INFINITY;
        let mut start = Instant::now();
        let mut progress = |_: usize, _: f64, _: f64| {
            best = best.min(start.elapsed().as_secs_f64());
            start = Instant::now();
            true
        };
        let result = fit(
            encoder,
            decoder,
            data,
            n_rows,
            &options,
            &Threads::new(n_threads).expect("threads"),
            None,
            &mut progress,
        )
        .expect("training");
        let weights = result.encoder.layers.iter().chain(&result.decoder.layers);
        let checksum = weights
            .flat_map(|layer| &layer.weights)
            .fold(0u64, |sum, weight| sum.rotate_left(7) ^ u64::from(weight.to_bits()));
        println!(
            "baler  threads {n_threads}  best epoch {:9.0} rows/s  loss {:.3e}  weights {checksum:016x}",
            n_rows as f64 / best,
            result.history.train.last().copied().unwrap_or(f64::NAN)
        );
    }
}
