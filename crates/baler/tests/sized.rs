//! Promise: a size is used. What fits without loss is lossless; else at least nine tenths of the bytes are taken, under a
//! bound that holds, and more bytes never mean a larger error.

mod support;

use baler::internal::PartialFile;
use baler::*;
use baler_codec::report::Way;
use support::*;

fn sized(size: Size) -> Options {
    Options { size: Some(size), ..Options::new(BoundSpec::Unbounded) }
}

/// A smooth field with a little noise.
fn field() -> Dataset {
    let mut random = Random::new(5);
    let values: Vec<f32> = (0..12 * 40 * 50)
        .map(|i| {
            let (z, y, x) = (i / 2000, i / 50 % 40, i % 50);
            ((x as f64 * 0.2).sin() * (y as f64 * 0.13 + z as f64 * 0.3).cos() + 0.02 * random.unit()) as f32
        })
        .collect();
    single(&[12, 40, 50], Values::F32(values))
}

/// Rows of which one column follows from two others, and one counts.
fn table() -> Dataset {
    let mut random = Random::new(6);
    let n_rows = 6000;
    let px: Vec<f64> = (0..n_rows).map(|_| 30.0 * random.unit() - 15.0).collect();
    let py: Vec<f64> = (0..n_rows).map(|_| 30.0 * random.unit() - 15.0).collect();
    let pt = px.iter().zip(&py).map(|(x, y)| (x * x + y * y).sqrt()).collect();
    let n = (0..n_rows).map(|_| (5.0 * random.unit()) as i32).collect();
    Dataset::from_arrays(vec![
        variable("px", &[n_rows], Values::F64(px)),
        variable("py", &[n_rows], Values::F64(py)),
        variable("pt", &[n_rows], Values::F64(pt)),
        variable("n", &[n_rows], Values::I32(n)),
    ])
}

/// The report and the archive of a size, which is proved.
fn of_size(dataset: &Dataset, options: &Options) -> (Report, Vec<u8>) {
    let made = compress_with(dataset, options, None, &mut NoProgress).unwrap();
    let verified = verify(&made.bytes, None, Some(dataset)).unwrap();
    assert!(verified.holds());
    assert_eq!(made.bytes.len() as u64, made.report.archive_bytes);
    (made.report, made.bytes)
}

#[test]
fn the_bytes_of_a_size_are_used() {
    for (what, dataset) in [("field", field()), ("table", table())] {
        let mut before = f64::INFINITY;
        for ratio in [40.0, 12.0, 5.0] {
            let (report, bytes) = of_size(&dataset, &sized(Size::Ratio(ratio)));
            let used = bytes.len() as f64 * ratio / dataset.size_bytes() as f64;
            assert!((0.9..=1.0).contains(&used), "{what} {ratio}: {used}");
            let sized = report.sized.unwrap();
            assert!(sized.error < before, "{what} {ratio}: {} after {before}", sized.error);
            before = sized.error;
            if let Way::Bounded(e) = sized.way {
                assert!(report.variables.iter().any(|v| v.bound == BoundSpec::Rel(e)), "{what}");
            }
        }
    }
}

/// Counts the archives of the file that are made.
#[derive(Default)]
struct Archives(usize);

impl Progress for Archives {
    fn stage(&mut self, name: &str, _: u64) {
        self.0 += usize::from(name == "compress");
    }
    fn advance(&mut self, _: u64) {}
    fn warn(&mut self, _: &str) {}
}

/// Counts of photons of which neighbors know nothing.
fn counts() -> Dataset {
    let mut random = Random::new(9);
    let values = (0..12 * 40 * 40).map(|_| (0..6).map(|_| (9.0 * random.unit()) as u8).sum()).collect();
    single(&[12, 40, 40], Values::U8(values))
}

#[test]
fn few_archives_are_made_and_steps_that_leave_bytes_unused_are_told() {
    for (dataset, ratio) in [(field(), 12.0), (counts(), 2.5), (counts(), 6.0)] {
        let mut archives = Archives::default();
        let options = Options { level: Level::FAST, method: Method::Predictive, ..sized(Size::Ratio(ratio)) };
        let report = compress_with(&dataset, &options, None, &mut archives).unwrap().report;
        assert!(archives.0 <= 3, "{ratio}: {} archives", archives.0);
        let sized = report.sized.unwrap();
        let used = report.archive_bytes as f64 / sized.target_bytes as f64;
        assert!(
            used <= 1.0 && (used >= 0.9 || sized.finer_bytes > Some(sized.target_bytes)),
            "{ratio}: {used}"
        );
    }
}

/// Counts of photons of a ring that moves.
fn ring() -> Dataset {
    let mut random = Random::new(10);
    let count = |i: usize| {
        let (z, y, x) = (i / 1600, (i / 40 % 40) as f64, (i % 40) as f64);
        let radius = ((y - 18.0).powi(2) + (x - 22.0 - (z as f64 / 4.0).sin()).powi(2)).sqrt();
        let mean = 3.0 + 12.0 * (-(radius - 12.0).powi(2) / 12.0).exp();
        (0..60).filter(|_| random.unit() < mean / 60.0).count() as u16
    };
    single(&[24, 40, 40], Values::U16((0..24 * 1600).map(count).collect()))
}

#[test]
fn no_bound_of_whole_numbers_that_fits_has_a_smaller_error() {
    let dataset = ring();
    let of_bound = |limit: f64| {
        let options =
            Options { level: Level::FAST, method: Method::Predictive, ..Options::new(BoundSpec::Abs(limit)) };
        let report = compress_with(&dataset, &options, None, &mut NoProgress).unwrap().report;
        (report.archive_bytes, report.variables[0].rms_error.unwrap())
    };
    let bounded: Vec<(u64, f64)> = (1..20).map(|limit| of_bound(limit as f64)).collect();
    for ratio in [8.0, 12.0, 16.0, 20.0, 25.0, 30.0, 40.0, 50.0, 60.0, 80.0] {
        let options = Options { level: Level::FAST, method: Method::Predictive, ..sized(Size::Ratio(ratio)) };
        let (report, _) = of_size(&dataset, &options);
        // Relative bounds that give the same step take some bytes more or fewer.
        let most = (report.sized.unwrap().target_bytes as f64 * 0.99) as u64;
        let best = bounded.iter().filter(|(n_bytes, _)| *n_bytes <= most).map(|(_, error)| *error);
        let best = best.fold(f64::INFINITY, f64::min);
        let error = report.variables[0].rms_error.unwrap();
        // With another model the errors of a step are others by less than a hundredth, those of the next by a tenth.
        assert!(error <= 1.01 * best, "{ratio}: {error}, and {best} under a bound");
    }
}

#[test]
fn what_fits_is_lossless() {
    for dataset in [field(), table()] {
        let (report, bytes) = of_size(&dataset, &sized(Size::Ratio(1.02)));
        assert_eq!(report.sized.unwrap().way, Way::Lossless);
        assert_eq!(values_bytes(&decompress(&bytes).unwrap()), values_bytes(&dataset));
    }
}

#[test]
fn rules_count_towards_the_size() {
    let dataset = table();
    let mut options = sized(Size::Bytes(20_000));
    options.rules = vec![("px".into(), BoundSpec::Abs(0.05)), ("n".into(), BoundSpec::Lossless)];
    let (report, bytes) = of_size(&dataset, &options);
    assert!((18_000..=20_000).contains(&bytes.len()), "{}", bytes.len());
    assert_eq!(report.variables[0].bound, BoundSpec::Abs(0.05));
    assert_eq!(report.variables[3].max_error, 0.0);
}

#[test]
fn the_bytes_are_the_same_for_any_number_of_threads() {
    let dataset = field();
    let with = |n_threads| {
        let options = Options { threads: Threads::new(n_threads).unwrap(), ..sized(Size::Ratio(15.0)) };
        compress(&dataset, &options).unwrap()
    };
    assert!(with(1) == with(3));
}

#[test]
fn outputs_begin_anew_with_each_try() {
    let dataset = field();
    let options = sized(Size::Ratio(10.0));
    let bytes = compress(&dataset, &options).unwrap();
    let source = baler_data::source::InMemory::of(&dataset);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.bale");
    let mut partial = PartialFile::new(&path, &[], "field", false).unwrap();
    compress_source(&source, &options, None, &mut partial, &mut NoProgress).unwrap();
    partial.finish(&path, false).unwrap();
    assert!(std::fs::read(&path).unwrap() == bytes);
}

#[test]
fn sizes_that_cannot_be_are_told() {
    let told = |size| compress(&field(), &sized(size)).unwrap_err().to_string();
    assert!(told(Size::Bytes(20)).contains("expected an archive of at most 20 bytes, found none that small"));
    assert!(told(Size::Ratio(0.0)).contains("expected a finite --ratio above 0, found 0"));
}
