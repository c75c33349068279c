//! Size: an archive is never much larger than what it holds, nor than what one coder alone makes of it.

use baler::{BoundSpec, Dataset, Level, Method, Options, Values, Variable, compress, decompress};

/// Header, plan, checksums and footer of a small archive.
const OVERHEAD_BYTES: usize = 1024;

/// xorshift64*
struct Rng(u64);

impl Rng {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// About normal, by twelve uniform numbers.
    fn normal(&mut self) -> f64 {
        (0..12).map(|_| (self.next() >> 11) as f64 / (1u64 << 53) as f64).sum::<f64>() - 6.0
    }
}

fn archive_of(values: Values, shape: &[usize], bound: BoundSpec) -> (usize, Values) {
    let dataset = Dataset::from_arrays(vec![Variable::new("x", shape.to_vec(), values).unwrap()]);
    let options = Options {
        method: Method::Classical,
        threads: baler::Threads::new(1).unwrap(),
        ..Options::new(bound)
    };
    let bytes = compress(&dataset, &options).unwrap();
    let mut back = decompress(&bytes).unwrap();
    (bytes.len(), back.variables.remove(0).values)
}

fn bytes_of(values: &Values) -> Vec<u8> {
    let mut bytes = Vec::new();
    values.append_bytes(&mut bytes, false);
    bytes
}

#[test]
fn random_bits_of_every_dtype_grow_by_less_than_a_kilobyte() {
    for dtype in baler_data::dataset::DType::ALL {
        for n_values in [1usize, 1000, 100_000] {
            let mut rng = Rng(7 + n_values as u64);
            let bytes: Vec<u8> =
                (0..n_values * dtype.size_bytes()).map(|_| (rng.next() >> 32) as u8).collect();
            let values = Values::from_bytes(dtype, &bytes, false).unwrap();
            for bound in [BoundSpec::Lossless, BoundSpec::PwRel(1e-9), BoundSpec::Rel(1e-12)] {
                let (n_bytes, back) = archive_of(values.clone(), &[n_values], bound);
                assert!(
                    n_bytes <= bytes.len() + OVERHEAD_BYTES,
                    "{} {n_values} {bound:?}: {n_bytes} bytes of {}",
                    dtype.name(),
                    bytes.len()
                );
                if bound == BoundSpec::Lossless {
                    assert!(bytes_of(&back) == bytes, "{} {n_values}", dtype.name());
                }
            }
        }
    }
}

/// Data of several kinds, 60 000 values each.
fn kinds() -> Vec<(&'static str, Vec<usize>, Values)> {
    let mut rng = Rng(3);
    let field = |i: usize| {
        let (y, x) = ((i / 300) as f64, (i % 300) as f64);
        ((x * 0.02).sin() * (y * 0.03).cos() * 40.0 + 280.0) as f32
    };
    let noisy: Vec<f32> = (0..60_000).map(|i| field(i) + 0.01 * rng.normal() as f32).collect();
    let counts: Vec<u16> = (0..60_000).map(|_| (rng.normal() * 3.0).abs() as u16).collect();
    let sparse: Vec<f64> =
        (0..60_000).map(|_| if rng.next().is_multiple_of(20) { rng.normal() } else { 0.0 }).collect();
    let period: Vec<i32> = (0..1000).map(|_| (rng.next() >> 44) as i32).collect();
    let repeats: Vec<i32> = (0..60_000).map(|i| period[i % 1000]).collect();
    let cents: Vec<f64> = (0..60_000).map(|_| (rng.normal() * 1000.0).round() / 100.0).collect();
    let times: Vec<i64> = (0..60_000).map(|i| 1_700_000_000_000 + 50 * i).collect();
    vec![
        ("smooth", vec![200, 300], Values::F32((0..60_000).map(field).collect())),
        ("noisy", vec![200, 300], Values::F32(noisy)),
        ("counts", vec![60_000], Values::U16(counts)),
        ("sparse", vec![60_000], Values::F64(sparse)),
        ("repeats", vec![60_000], Values::I32(repeats)),
        ("cents", vec![60_000], Values::F64(cents)),
        ("times", vec![60_000], Values::I64(times)),
        ("constant", vec![60_000], Values::F32(vec![1.5; 60_000])),
    ]
}

/// pco as it comes, with its own modes and differences.
fn pco_bytes(values: &Values) -> Vec<u8> {
    let config = pco::ChunkConfig::default();
    let packed = match values {
        Values::F32(v) => pco::standalone::simple_compress(v, &config),
        Values::F64(v) => pco::standalone::simple_compress(v, &config),
        Values::U16(v) => pco::standalone::simple_compress(v, &config),
        Values::I32(v) => pco::standalone::simple_compress(v, &config),
        Values::I64(v) => pco::standalone::simple_compress(v, &config),
        _ => unreachable!("no such kind"),
    };
    packed.unwrap()
}

#[test]
fn no_single_coder_is_smaller() {
    for (name, shape, values) in kinds() {
        let (n_bytes, back) = archive_of(values.clone(), &shape, BoundSpec::Lossless);
        assert!(bytes_of(&back) == bytes_of(&values), "{name}");
        let zstd = zstd::bulk::compress(&bytes_of(&values), 19).unwrap().len();
        let pco = pco_bytes(&values).len();
        println!("{name}: {n_bytes} bytes, zstd {zstd}, pco {pco}");
        assert!(n_bytes <= zstd.min(pco) + OVERHEAD_BYTES, "{name}: {n_bytes}, zstd {zstd}, pco {pco}");
    }
}

/// Frames of a photon-counting camera at a bound of about their noise: a tenth of their bytes, model included.
#[test]
fn frames_of_a_camera_take_a_tenth_at_a_bound_of_their_noise() {
    let options = Options {
        level: Level::FAST,
        threads: baler::Threads::new(2).unwrap(),
        ..Options::new(BoundSpec::Abs(7.0))
    };
    let frames = baler_generate::camera(2, 512, 512, 40.0, 1);
    let trained = baler_generate::camera(1, 512, 512, 40.0, 2);
    let model = baler_train::train(&[trained], &options, &mut baler::NoProgress).unwrap().model;
    let compressed = baler::compress_with(&frames, &options, Some(&model), &mut baler::NoProgress).unwrap();
    let share = compressed.bytes.len() as f64 / frames.size_bytes() as f64;
    assert!(share < 0.1, "{share}");
    assert!(compressed.report.verified);
}
