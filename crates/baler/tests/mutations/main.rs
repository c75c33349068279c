//! Promise: whatever bytes come, no panic, no abort, at most 256 MB and 5 seconds of work. Valid files of every kind are
//! changed at random, behind right checksums, and read, written again in other formats, compressed and decompressed.
//!
//! `BALER_MUTATIONS=1000000 cargo test --profile checked -p baler --test mutations` runs a million, `just fuzz` until it is
//! stopped. Case N is the same on every machine: `BALER_FIRST=N BALER_MUTATIONS=1` runs it again. What fails is kept in
//! target/mutations, and belongs into tests/assets/regressions once it is mended.

mod forged;
mod mutator;
mod seeds;
#[path = "../support/mod.rs"]
mod support;
mod watch;

use baler::*;
use baler_codec::model::live_decoder;
use baler_data::source::Schema;
use baler_io as io;
use baler_io::{Format, ReadOptions};
use seeds::{Kind, Seed};
use std::collections::BTreeMap;
use std::path::Path;
use support::{Random, best, single, smooth_field, values_bytes};

/// Data beyond this are read, but not written again.
const WRITTEN_BYTES: usize = 8 << 20;
/// Cases of a run of the whole suite.
const DEFAULT_CASES: u64 = 12_000;

fn read_archive(bytes: &[u8], random: &mut Random) {
    let _ = inspect(bytes);
    let options = DecompressOptions { threads: Threads::new(1).unwrap(), ..DecompressOptions::default() };
    let Ok(dataset) = decompress_with(bytes, &options, &mut NoProgress) else { return };
    if random.below(4) == 0 {
        let _ = verify(bytes, None, None);
        let some = DecompressOptions { rows: Some(1..3), ..options };
        let _ = decompress_with(bytes, &some, &mut NoProgress);
    }
    write_again(&dataset, random);
}

fn read_model(bytes: &[u8]) {
    let Ok(model) = Model::from_bytes(bytes) else { return };
    let _ = model.describe();
    let field = single(&[10, 7], Values::F64(smooth_field(10, 7)));
    let options = Options { threads: Threads::new(1).unwrap(), ..best(BoundSpec::Abs(0.1)) };
    if let Ok(compressed) = compress_with(&field, &options, Some(&model), &mut NoProgress) {
        decompress(&compressed.bytes).expect("what was made with a model decodes");
    }
}

fn read_live(bytes: &[u8]) {
    let Ok(mut decoder) = live_decoder(bytes, None) else { return };
    while let Ok(Some(_)) = decoder.next_frame() {}
}

fn read_file(bytes: &[u8], format: Format, random: &mut Random) {
    let Ok(dataset) = io::read_bytes(bytes, format, &ReadOptions::default()) else { return };
    write_again(&dataset, random);
    if random.below(8) == 0 && Schema::of(&dataset).size_bytes() < 1 << 16 {
        let options = Options {
            threads: Threads::new(1).unwrap(),
            method: Method::Classical,
            ..best(BoundSpec::Lossless)
        };
        if let Ok(compressed) = compress_with(&dataset, &options, None, &mut NoProgress) {
            let back = decompress(&compressed.bytes).expect("what was compressed decodes");
            assert!(values_bytes(&back) == values_bytes(&dataset), "other values came back");
        }
    }
}

fn write_again(dataset: &Dataset, random: &mut Random) {
    if Schema::of(dataset).size_bytes() > WRITTEN_BYTES {
        return;
    }
    use Format::*;
    let format = random.pick(&[Npy, Npz, Csv, Raw, Hdf5, NetCdf, Tiff, Fits, Root, Parquet, Zarr]);
    let _ = io::lost(&Schema::of(dataset), format);
    let _ = match format {
        Zarr => io::write_zarr(dataset).map(|_| Vec::new()),
        format => write(dataset, format),
    };
}

/// A store in which one file was changed.
fn read_store(seed: &Seed, parts: &[Vec<u8>], folder: &Path, random: &mut Random) {
    let store = folder.join("x.zarr");
    for (name, part) in seed.names.iter().zip(parts) {
        let path = store.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, part).unwrap();
    }
    if let Ok(dataset) = read(&store, &ReadOptions::default()) {
        write_again(&dataset, random);
    }
    std::fs::remove_dir_all(&store).unwrap();
}

/// One case: which seed, what is changed, and everything that reads it.
struct Case {
    seed: usize,
    parts: Vec<Vec<u8>>,
    random: Random,
}

impl Case {
    fn new(case: u64, seeds: &[Seed], weights: &[usize]) -> Case {
        let mut random = Random::new(case);
        let mut at = random.below(weights.iter().sum());
        let seed = weights.iter().position(|&weight| {
            let here = at < weight;
            at = at.saturating_sub(weight);
            here
        });
        let seed = seed.unwrap();
        let alike: Vec<&Seed> = seeds.iter().filter(|other| other.kind == seeds[seed].kind).collect();
        let other = &alike[random.below(alike.len())].parts;
        let other = &other[random.below(other.len())];
        let mut parts = seeds[seed].parts.clone();
        let part = random.below(parts.len());
        mutator::mutate(&mut parts[part], other, &mut random);
        Case { seed, parts, random }
    }

    fn run(&mut self, seeds: &[Seed], bytes: &[u8], folder: &Path) {
        let seed = &seeds[self.seed];
        match seed.kind {
            Kind::Archive => read_archive(bytes, &mut self.random),
            Kind::Model => read_model(bytes),
            Kind::Live => read_live(bytes),
            Kind::File(format) => read_file(bytes, format, &mut self.random),
            Kind::Store => read_store(seed, &self.parts, folder, &mut self.random),
        }
    }
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name} is a number")))
}

#[test]
fn changed_files_of_every_kind_neither_panic_nor_take_without_measure() {
    let seeds = seeds::all();
    // Small files often: a case takes about as long as its file.
    let weights: Vec<usize> = seeds.iter().map(|seed| 1_000_000 / (seed.size_bytes() + 500)).collect();
    let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
    let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join("mutations");
    std::fs::create_dir_all(&kept).unwrap();
    let (first, n_cases) = (number("BALER_FIRST", 0), number("BALER_MUTATIONS", DEFAULT_CASES));
    let mut failures: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    for case in first..first + n_cases {
        let mut made = Case::new(case, &seeds, &weights);
        let seed = &seeds[made.seed];
        let bytes = seed.join(&made.parts);
        let failed = watch::run(case, &seed.name, || made.run(&seeds, &bytes, folder.path()));
        if let Some(what) = failed {
            let count = &mut failures.entry(what.clone()).or_insert((case, 0)).1;
            *count += 1;
            if *count == 1 {
                eprintln!("case {case}, {}: {what}", seed.name);
                std::fs::write(kept.join(format!("{case}")), &bytes).unwrap();
            }
        }
        if (case - first + 1).is_multiple_of(50_000) {
            eprintln!("{} cases, {} kinds of failure", case - first + 1, failures.len());
        }
    }
    let told =
        failures.iter().map(|(what, (case, count))| format!("{count} times, first case {case}: {what}"));
    assert!(failures.is_empty(), "{}\nkept in {}", told.collect::<Vec<_>>().join("\n"), kept.display());
}

/// Files that once broke a promise, in tests/assets/regressions; the name's extension says what they are.
#[test]
fn what_once_failed_fails_no_more() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/assets/regressions");
    for (case, path) in std::fs::read_dir(folder).into_iter().flatten().map(|e| e.unwrap().path()).enumerate()
    {
        let bytes = std::fs::read(&path).unwrap();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        for round in 0..10 {
            let mut random = Random::new(round);
            let failed = watch::run(case as u64, &name, || match seeds::kind_of(&path) {
                Some(Kind::Archive) => read_archive(&bytes, &mut random),
                Some(Kind::Model) => read_model(&bytes),
                Some(Kind::Live) => read_live(&bytes),
                Some(Kind::File(format)) => read_file(&bytes, format, &mut random),
                Some(Kind::Store) | None => {}
            });
            assert_eq!(failed, None, "{name}");
        }
    }
}
