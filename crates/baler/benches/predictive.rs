//! Speed of the predictive method's coder on one thread, beside pco on the same numbers: nanoseconds a number and sizes.
//!
//! `cargo bench -p baler --bench predictive` takes a generated field of float32 at 1e-3 of its range,
//! `cargo bench -p baler --bench predictive -- FILE.npy` the array of a file as well.

use baler::{BoundSpec, Dataset, Options, Values, Variable};
use baler_codec::part::numbers::quantize_values;
use baler_codec::plan::grids::{Asked, type_variable};
use baler_codec::predict;
use baler_codec::predict::predictor::Predictor;
use baler_codec::predict::{Effort, Known, Numbers};
use baler_codec::report::trials::Trials;
use baler_data::source::InMemory;
use baler_io as io;
use baler_io::ReadOptions;
use std::path::Path;
use std::time::Instant;

const RUNS: usize = 9;

fn main() {
    measure("generated", &field([40, 160, 160]));
    for path in std::env::args().skip(1).filter(|argument| !argument.starts_with('-')) {
        let dataset = io::read(Path::new(&path), &ReadOptions::default()).expect("a data file");
        measure(&path, &dataset.variables[0]);
    }
}

fn measure(name: &str, variable: &Variable) {
    let options = Options { threads: baler::Threads::new(1).unwrap(), ..Options::new(BoundSpec::Rel(1e-3)) };
    let dataset = Dataset::from_arrays(vec![variable.clone()]);
    let plan = type_variable(&InMemory::of(&dataset), 0, &options, Asked::Nothing).expect("a bound").plan;
    let q = quantize_values(&variable.values, &plan).q;
    let numbers = Numbers { q: &q, shape: &variable.shape, mask: None, mantissa_bits: None };
    let predictor = Predictor::train("field", (plan.dtype, None, 1.0), &[numbers])
        .expect("a field that can be learned from");
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("a thread");
    pool.install(|| {
        for (tier, effort) in [("fast", Effort::Fast), ("adaptive", Effort::Full)] {
            let mut bytes = Vec::new();
            let encode = seconds(|| {
                bytes = predict::encode_shared(numbers, &predictor.shared, effort, &mut Trials::default())
                    .expect("a model that fits")
                    .bytes;
            });
            let decode = seconds(|| {
                predict::decode(
                    &bytes,
                    &variable.shape,
                    None,
                    Known { shared: Some(&predictor.shared), reference: None },
                )
                .expect("what was written");
            });
            tell(name, tier, q.len(), (encode, decode), bytes.len());
        }
        let config = pco::ChunkConfig::default();
        let mut bytes = Vec::new();
        let encode = seconds(|| bytes = pco::standalone::simple_compress(&q, &config).expect("numbers"));
        let decode = seconds(|| {
            pco::standalone::simple_decompress::<i64>(&bytes).expect("what was written");
        });
        tell(name, "pco", q.len(), (encode, decode), bytes.len());
    });
}

fn tell(name: &str, what: &str, n: usize, (encode, decode): (f64, f64), n_bytes: usize) {
    let nanoseconds = |seconds: f64| seconds * 1e9 / n as f64;
    let (encode, decode) = (nanoseconds(encode), nanoseconds(decode));
    println!("{name}: {what}: encode {encode:.1} ns, decode {decode:.1} ns a number, {n_bytes} bytes");
}

/// Of the median run.
fn seconds(mut work: impl FnMut()) -> f64 {
    let mut seconds: Vec<f64> = (0..RUNS)
        .map(|_| {
            let start = Instant::now();
            work();
            start.elapsed().as_secs_f64()
        })
        .collect();
    seconds.sort_by(f64::total_cmp);
    seconds[RUNS / 2]
}

/// Waves of three lengths and some noise, as a simulation writes them.
fn field(shape: [usize; 3]) -> Variable {
    let mut state = 1u64;
    let mut noise = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f64 / (1u64 << 24) as f64 - 0.5
    };
    let values: Vec<f32> = (0..shape.iter().product())
        .map(|i: usize| {
            let x = (i % shape[2]) as f64;
            let y = (i / shape[2] % shape[1]) as f64;
            let z = (i / (shape[2] * shape[1])) as f64;
            let waves = (x * 0.031 + z * 0.1).sin() + (y * 0.017).cos() * (x * 0.2).sin() * 0.3;
            (40.0 * waves + (z * 0.3 + y * 0.4).sin() + 0.1 * noise()) as f32
        })
        .collect();
    Variable::new("field", shape.to_vec(), Values::F32(values)).expect("the shape fits")
}
