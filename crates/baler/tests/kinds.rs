//! Promise: what is no measurement comes back exactly whatever bound is asked for, unless a rule names it, and a bound on
//! complex numbers holds for the modulus of the error.

use baler::{BoundSpec, Dataset, Kind, Method, Options, Size, Values, Variable, compress, decompress};
use baler_data::dataset::Storage;
use baler_data::dataset::kind::TimeUnit;
use baler_data::dataset::{ListKind, Lists};

fn of_kind(name: &str, shape: &[usize], values: Values, kind: Kind) -> Variable {
    let variable = Variable::new(name, shape.to_vec(), values).unwrap();
    Variable { storage: Storage { kind, ..Storage::default() }, ..variable }
}

fn texts(words: &[&str]) -> [Variable; 2] {
    let counts = words.iter().map(|word| word.len() as u32).collect();
    let bytes = words.concat().into_bytes();
    let mut text = of_kind("word", &[bytes.len()], Values::U8(bytes), Kind::Text);
    text.storage.lists = Some(Lists { counts: 0, kind: ListKind::Vector });
    [Variable::new("word#counts", vec![words.len()], Values::U32(counts)).unwrap(), text]
}

fn measured() -> Variable {
    let values = (0..8000).map(|i| (i as f32 * 0.01).sin() + (i * 7919 % 101) as f32 * 1e-3).collect();
    Variable::new("x", vec![8000], Values::F32(values)).unwrap()
}

fn all() -> Dataset {
    let words: Vec<String> = (0..8000).map(|i| format!("event {} of run {}", i % 37, i / 500)).collect();
    let [counts, text] = texts(&words.iter().map(String::as_str).collect::<Vec<_>>());
    let time = Values::I64(
        (0..8000).map(|i| 1_700_000_000_000_000_000 + i * 1_000_000_007 + i * i % 9973).collect(),
    );
    let codes = Values::I32((0..8000).map(|i| (i * i * 7 + i) % 10_007).collect());
    Dataset::from_arrays(vec![
        counts,
        text,
        measured(),
        of_kind("time", &[8000], time, Kind::Time(TimeUnit::Nanosecond)),
        of_kind("code", &[8000], codes, Kind::Exact),
        of_kind("raw", &[500, 16], Values::U8((0..8000).map(|i| (i * i % 251) as u8).collect()), Kind::Bytes),
    ])
}

#[test]
fn what_is_no_measurement_is_exact_under_every_promise() {
    let data = all();
    for (bound, size) in [
        (BoundSpec::Abs(3.0), None),
        (BoundSpec::Rel(0.1), None),
        (BoundSpec::PwRel(0.1), None),
        (BoundSpec::Unbounded, Some(Size::Ratio(4.0))),
    ] {
        let method = if size.is_some() { Method::Auto } else { Method::Classical };
        let options = Options { size, method, ..Options::new(bound) };
        let back = decompress(&compress(&data, &options).unwrap()).unwrap();
        for (before, after) in data.variables.iter().zip(&back.variables) {
            let (same, may_differ) = (before == after, before.name == "x");
            assert!(same || may_differ, "{} under {bound:?}", before.name);
            assert!(!same || !may_differ || size.is_some(), "{} under {bound:?}", before.name);
            assert_eq!(before.storage, after.storage);
        }
    }
}

#[test]
fn a_rule_that_names_codes_and_times_counts_and_one_that_names_text_does_not() {
    let data = all();
    let rule = |name: &str| (name.to_string(), BoundSpec::Abs(50.0));
    let rules = ["time", "code", "wor*", "raw"].map(rule).to_vec();
    let options = Options { rules, method: Method::Classical, ..Options::new(BoundSpec::Lossless) };
    let back = decompress(&compress(&data, &options).unwrap()).unwrap();
    for (name, same) in [("word", true), ("raw", true), ("time", false), ("code", false), ("x", true)] {
        assert_eq!(data.variable(name) == back.variable(name), same, "{name}");
    }
}

#[test]
fn the_error_of_a_complex_number_keeps_its_bound() {
    let parts: Vec<f64> =
        (0..20_000).map(|i| (i as f64 * 0.37).sin() * 5.0 + (i as f64 * 1.7).cos()).collect();
    let range =
        parts.iter().copied().fold(f64::MIN, f64::max) - parts.iter().copied().fold(f64::MAX, f64::min);
    let data =
        Dataset::from_arrays(vec![of_kind("z", &[10_000, 2], Values::F64(parts.clone()), Kind::Complex)]);
    for (bound, limit) in [(BoundSpec::Abs(0.01), 0.01), (BoundSpec::Rel(1e-3), 1e-3 * range)] {
        let options = Options { method: Method::Classical, ..Options::new(bound) };
        let back = decompress(&compress(&data, &options).unwrap()).unwrap();
        let Values::F64(decoded) = &back.variables[0].values else { panic!() };
        let moduli = parts.chunks(2).zip(decoded.chunks(2)).map(|(a, b)| (a[0] - b[0]).hypot(a[1] - b[1]));
        let worst = moduli.fold(0.0, f64::max);
        assert!(worst <= limit && worst > 0.8 * limit, "{worst} under {bound:?}, {limit}");
    }
}

#[test]
fn texts_take_few_bytes() {
    let words: Vec<String> =
        (0..20_000).map(|i| ["muon", "electron", "tau"][i * i % 3].to_string()).collect();
    let data = Dataset::from_arrays(texts(&words.iter().map(String::as_str).collect::<Vec<_>>()).to_vec());
    let archive = compress(&data, &Options::new(BoundSpec::Rel(1e-3))).unwrap();
    assert_eq!(decompress(&archive).unwrap(), data);
    assert!(archive.len() < 500, "{}", archive.len());
}

#[test]
fn an_archive_whose_text_is_not_exact_is_refused() {
    let text = of_kind("t", &[4, 4], Values::U8(vec![b'x'; 16]), Kind::Text);
    let wrong = of_kind("t", &[16], Values::F32(vec![1.5; 16]), Kind::Text);
    assert!(
        decompress(&compress(&Dataset::from_arrays(vec![text]), &Options::new(BoundSpec::Abs(1.0))).unwrap())
            .is_ok()
    );
    let archive = compress(&Dataset::from_arrays(vec![wrong]), &Options::new(BoundSpec::Abs(1.0)));
    let error = archive.and_then(|bytes| decompress(&bytes)).unwrap_err();
    assert!(error.to_string().contains("cannot be text"), "{error}");
}
