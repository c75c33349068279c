//! Integer inference on one thread: the encoder 24-200-100-50-15 with leaky ReLU, 1024 rows a call.
//!
//! `cargo bench -p baler --bench inference` prints inferences per second for every kernel of this machine,
//! or with `BALER_SIMD` for the one it names.
//! `cargo bench -p baler --bench inference -- --torch python3` runs `inference_torch.py` (PyTorch float32, one
//! thread, same network and batch) between its own runs and prints the ratio of each round; the bar is 3.0.

use baler_codec::network::architecture::{Activation, LayerKind, LayerSpec};
use baler_codec::network::{Layer, Network, Prepared, SimdLevel, Workspace, simd_level};
use std::process::Command;
use std::time::Instant;

const SIZES: [usize; 5] = [24, 200, 100, 50, 15];
const BATCH: usize = 1024;
const RUNS: usize = 7;
const SECONDS_PER_RUN: f64 = 0.3;

fn main() {
    let mut rng = Rng(1);
    let network = encoder(&mut rng);
    let input: Vec<i16> = (0..BATCH * SIZES[0]).map(|_| rng.between(-8000, 8000) as i16).collect();
    let chosen = std::env::var_os("BALER_SIMD").map(|_| simd_level().expect("a level of this machine"));
    for level in SimdLevel::ALL.into_iter().filter(|&l| l.is_available() && chosen.is_none_or(|c| c == l)) {
        let mut rates: Vec<f64> = (0..RUNS).map(|_| measure(&network, level, &input)).collect();
        rates.sort_by(f64::total_cmp);
        let (median, best) = (rates[RUNS / 2], rates[RUNS - 1]);
        println!("{level:<12?} median {:.3} M inferences/s, best {:.3}", median / 1e6, best / 1e6);
    }
    let arguments: Vec<String> = std::env::args().collect();
    if let Some(at) = arguments.iter().position(|a| a == "--torch") {
        compare(&network, &input, arguments.get(at + 1).map_or("python3", String::as_str));
    }
}

/// Alternates with PyTorch, so that both see the same neighbours and clock.
fn compare(network: &Network, input: &[i16], python: &str) {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/inference_torch.py");
    let level = simd_level().expect("BALER_SIMD names a level of this machine");
    let mut ratios: Vec<f64> = Vec::new();
    for round in 0..RUNS {
        let before = measure(network, level, input);
        let output = Command::new(python).arg(script).output().expect("python runs");
        let torch: f64 = String::from_utf8_lossy(&output.stdout).trim().parse().unwrap_or_else(|_| {
            panic!("{script} printed no number: {}", String::from_utf8_lossy(&output.stderr))
        });
        let ours = (before + measure(network, level, input)) / 2.0;
        println!(
            "round {round}: {:.3} M/s, torch {:.3} M/s, ratio {:.2}",
            ours / 1e6,
            torch / 1e6,
            ours / torch
        );
        ratios.push(ours / torch);
    }
    ratios.sort_by(f64::total_cmp);
    println!("ratio to PyTorch: median {:.2}, worst {:.2}", ratios[RUNS / 2], ratios[0]);
}

/// Inferences per second over one run.
fn measure(network: &Network, level: SimdLevel, input: &[i16]) -> f64 {
    let prepared = Prepared::with_level(network, level).expect("an available level");
    let mut workspace = Workspace::default();
    let mut output = vec![0i32; BATCH * SIZES[4]];
    prepared.run(&mut workspace, input, BATCH, &mut output);
    let (start, mut n_calls) = (Instant::now(), 0);
    loop {
        for _ in 0..16 {
            prepared.run(&mut workspace, std::hint::black_box(input), BATCH, &mut output);
            std::hint::black_box(&output);
        }
        n_calls += 16;
        let seconds = start.elapsed().as_secs_f64();
        if seconds > SECONDS_PER_RUN {
            return (n_calls * BATCH) as f64 / seconds;
        }
    }
}

/// Random weights of 9 to 11 bits.
fn encoder(rng: &mut Rng) -> Network {
    let layers = SIZES.windows(2).map(|sizes| {
        let (n_in, n_out) = (sizes[0], sizes[1]);
        let activation =
            if n_out == SIZES[4] { Activation::Linear } else { Activation::LeakyRelu { shift: 7 } };
        let largest = 60_000 / n_in as i64;
        Layer {
            spec: LayerSpec { kind: LayerKind::Dense { n_in, n_out }, activation, skip: false },
            weights: (0..n_in * n_out).map(|_| rng.between(-largest, largest) as i16).collect(),
            bias: (0..n_out).map(|_| rng.between(-1_000_000, 1_000_000) as i32).collect(),
            shift: vec![12; n_out],
        }
    });
    Network::new(SIZES[0], layers.collect()).expect("a valid network")
}

/// xorshift64*
struct Rng(u64);

impl Rng {
    fn between(&mut self, low: i64, high: i64) -> i64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        low + ((self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % (high - low + 1) as u64) as i64
    }
}
