//! Real data, where there is any: the round trip of every array in `shared/data/open` beside the checkout (or in the
//! folder that `BALER_OPEN_DATA` names) at one bound each. Says so where the folder is absent.
//! scripts/check_open_data.py checks all bounds, with NumPy.

use baler::{BoundSpec, Options, Values, compress, decompress};
use baler_io::{ReadOptions, read};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

fn folder() -> PathBuf {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/open");
    std::env::var_os("BALER_OPEN_DATA").map_or(beside, PathBuf::from)
}

fn numbers(values: &Values) -> Vec<f64> {
    match values {
        Values::F32(v) => v.iter().map(|&x| x as f64).collect(),
        Values::F64(v) => v.clone(),
        Values::I32(v) => v.iter().map(|&x| x as f64).collect(),
        Values::I64(v) => v.iter().map(|&x| x as f64).collect(),
        Values::U8(v) => v.iter().map(|&x| x as f64).collect(),
        Values::U16(v) => v.iter().map(|&x| x as f64).collect(),
        other => panic!("{} is new among the data", other.dtype().name()),
    }
}

/// The largest |x' - x| over the finite range, or over |x|; NaN must stay NaN.
fn worst(x: &[f64], y: &[f64], spec: BoundSpec) -> f64 {
    let finite = x.iter().filter(|x| x.is_finite());
    let (low, high) = finite.fold((f64::MAX, f64::MIN), |(a, b), &x| (a.min(x), b.max(x)));
    let error = |(x, y): (&f64, &f64)| {
        let size = if let BoundSpec::PwRel(_) = spec { x.abs() } else { high - low };
        match x == y || x.is_nan() && y.is_nan() {
            true => 0.0,
            false => Some((x - y).abs() / size).filter(|e| !e.is_nan()).unwrap_or(f64::INFINITY),
        }
    };
    x.iter().zip(y).map(error).fold(0.0, f64::max)
}

#[test]
fn open_data_come_back_within_their_bounds() {
    let Ok(entries) = std::fs::read_dir(folder()) else {
        println!("skipped: no data in {}", folder().display());
        return;
    };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "npz"));
    paths.sort();
    let bounds = [BoundSpec::Rel(1e-2), BoundSpec::Rel(1e-4), BoundSpec::PwRel(1e-3), BoundSpec::Lossless];
    let start = Instant::now();
    for (idx, path) in paths.iter().enumerate() {
        if start.elapsed() > Duration::from_secs(45) {
            println!("{} files are left out: time is over", paths.len() - idx);
            break;
        }
        let spec = bounds[idx % bounds.len()];
        let dataset = read(path, &ReadOptions::default()).unwrap();
        let archive =
            compress(&dataset, &Options::new(spec)).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let decoded = decompress(&archive).unwrap();
        assert_eq!((decoded.layout, &decoded.attachments), (dataset.layout, &dataset.attachments));
        assert_eq!(decoded.variables.len(), dataset.variables.len());
        let mut largest = 0.0f64;
        for (original, decoded) in dataset.variables.iter().zip(&decoded.variables) {
            assert_eq!(
                (&original.name, &original.shape, original.storage),
                (&decoded.name, &decoded.shape, decoded.storage)
            );
            assert_eq!(original.values.dtype(), decoded.values.dtype());
            if spec == BoundSpec::Lossless {
                let bytes = |values: &Values| {
                    let mut bytes = Vec::new();
                    values.append_bytes(&mut bytes, false);
                    bytes
                };
                assert!(
                    bytes(&original.values) == bytes(&decoded.values),
                    "{} {}",
                    path.display(),
                    original.name
                );
            } else {
                let error = worst(&numbers(&original.values), &numbers(&decoded.values), spec);
                // The division rounds; the exact test is the library's and that of the bound tests.
                assert!(
                    error <= spec.value() * (1.0 + 1e-12),
                    "{} {}: {error:e}",
                    path.display(),
                    original.name
                );
                largest = largest.max(error);
            }
        }
        let name = path.file_name().unwrap().to_string_lossy();
        let ratio = dataset.size_bytes() as f64 / archive.len() as f64;
        println!("{name:32} {:8} {:e}  worst {largest:.3e}  ratio {ratio:.2}", spec.kind(), spec.value());
    }
}
