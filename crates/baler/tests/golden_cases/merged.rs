//! An archive that was merged: parts of one plan with different numbers of rows, a table and a coordinate beside a field.

use super::{best, f32s, noise, variable, wave};
use baler::{BoundSpec, Dataset, NoProgress, Options, Values, compress_part, decompress, merge, shared_plan};
use baler_data::source::InMemory;
use baler_data::source::joined::Joined;

/// Files of the archive, and of the hashes of its values and of its bytes.
pub const FILES: [&str; 2] = ["merged.bale", "merged.txt"];

/// Rows of the parts.
const ROWS: [usize; 3] = [5, 4, 8];

fn part(idx: usize) -> Dataset {
    let first: usize = ROWS[..idx].iter().sum();
    let n_rows = ROWS[idx];
    let field = f32s(n_rows * 60, |i| 9.0 * wave((first * 60 + i) as f64 / 230.0) + noise(first * 60 + i));
    let at = |i: usize| first * 80 + i;
    Dataset::from_arrays(vec![
        variable("field", &[n_rows, 6, 10], field),
        variable("latitude", &[6], f32s(6, |i| i as f64 * 0.5)),
        variable("x", &[n_rows * 80], f32s(n_rows * 80, |i| noise(at(i)))),
        variable("y", &[n_rows * 80], f32s(n_rows * 80, |i| 3.0 * noise(at(i)) + 0.01 * noise(at(i) + 9))),
        variable("n", &[n_rows * 80], Values::I32((0..n_rows * 80).map(|i| (at(i) % 11) as i32).collect())),
    ])
}

/// The archive that is written today.
pub fn archive() -> Vec<u8> {
    let parts: Vec<Dataset> = (0..ROWS.len()).map(part).collect();
    let named = parts.iter().enumerate().map(|(idx, part)| (idx.to_string(), InMemory::of(part)));
    let all = Joined::new(named.collect()).unwrap();
    let plan = shared_plan(&all, &best(BoundSpec::Rel(1e-3)), None, None, &mut NoProgress).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let paths: Vec<_> = parts
        .iter()
        .enumerate()
        .map(|(idx, part)| {
            let mut bytes: Vec<u8> = Vec::new();
            let options = Options::new(BoundSpec::Lossless);
            compress_part(&InMemory::of(part), &plan, &options, &mut bytes, &mut NoProgress).unwrap();
            let path = folder.path().join(format!("{idx}.bale"));
            std::fs::write(&path, bytes).unwrap();
            path
        })
        .collect();
    let mut whole: Vec<u8> = Vec::new();
    merge(&paths, &mut whole).unwrap();
    whole
}

/// `merged HASH HASH`: of the values of an archive, and of the archive that is written today.
pub fn hashes(stored: &[u8], written: &[u8]) -> String {
    let values = super::manifest::values_hash(&decompress(stored).unwrap());
    format!("merged {values} {}\n", blake3::hash(written).to_hex())
}
