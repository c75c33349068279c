//! Speed of the classical method on one thread: megabytes of values a second, compressed (verification included) and
//! decompressed, and the size.
//!
//! `cargo bench -p baler --bench classical` takes a generated field of float32 at 1e-3 of its range,
//! `cargo bench -p baler --bench classical -- FILE.npy` the array of a file as well.

use baler::{
    BoundSpec, Dataset, DecompressOptions, Method, NoProgress, Options, Values, Variable, compress,
    decompress_with,
};
use baler_io as io;
use baler_io::ReadOptions;
use std::path::Path;
use std::time::Instant;

const RUNS: usize = 7;

fn main() {
    measure("generated", &field([64, 160, 160]));
    for path in std::env::args().skip(1).filter(|argument| !argument.starts_with('-')) {
        measure(&path, &io::read(Path::new(&path), &ReadOptions::default()).expect("a data file"));
    }
}

fn measure(name: &str, dataset: &Dataset) {
    let options = Options {
        method: Method::Classical,
        threads: baler::Threads::new(1).unwrap(),
        ..Options::new(BoundSpec::Rel(1e-3))
    };
    let bytes = compress(dataset, &options).expect("the field compresses");
    let decompress_options =
        DecompressOptions { threads: baler::Threads::new(1).unwrap(), ..DecompressOptions::default() };
    let compress_rate = rate(dataset, || drop(compress(dataset, &options)));
    let decompress_rate =
        rate(dataset, || drop(decompress_with(&bytes, &decompress_options, &mut NoProgress)));
    println!(
        "{name}: compress {compress_rate:.0} MB/s, decompress {decompress_rate:.0} MB/s, {:.2} x",
        dataset.size_bytes() as f64 / bytes.len() as f64
    );
}

/// Megabytes a second of the median run.
fn rate(dataset: &Dataset, work: impl Fn()) -> f64 {
    let mut seconds: Vec<f64> = (0..RUNS)
        .map(|_| {
            let start = Instant::now();
            work();
            start.elapsed().as_secs_f64()
        })
        .collect();
    seconds.sort_by(f64::total_cmp);
    dataset.size_bytes() as f64 / 1e6 / seconds[RUNS / 2]
}

/// Waves of three lengths and some noise, as a simulation writes them.
fn field(shape: [usize; 3]) -> Dataset {
    let mut state = 1u64;
    let mut noise = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f64 / (1u64 << 24) as f64 - 0.5
    };
    let n_values = shape.iter().product();
    let values: Vec<f32> = (0..n_values)
        .map(|i| {
            let x = (i % shape[2]) as f64;
            let y = (i / shape[2] % shape[1]) as f64;
            let z = (i / (shape[2] * shape[1])) as f64;
            let waves = (x * 0.031 + z * 0.1).sin() + (y * 0.017).cos() * (x * 0.2).sin() * 0.3;
            (40.0 * waves + (z * 0.3 + y * 0.4).sin() + 0.1 * noise()) as f32
        })
        .collect();
    let variable = Variable::new("field", shape.to_vec(), Values::F32(values)).expect("the shape fits");
    Dataset::from_arrays(vec![variable])
}
