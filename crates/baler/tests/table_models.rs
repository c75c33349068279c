//! Promise: a table's model serves other files as it is: nearly as small as a model of their own, the bound kept whatever
//! the data, what does not fit said in words.

mod support;

use baler::{
    BoundSpec, Compressed, Dataset, DecompressOptions, Method, Model, NoProgress, Options, Values,
    compress_with, decompress, decompress_with, inspect, verify,
};
use baler_train::train;
use support::*;

fn halves(n_rows: usize) -> [Dataset; 2] {
    let all = baler_generate::jets(n_rows, 7);
    [0..n_rows / 2, n_rows / 2..n_rows].map(|rows| {
        let part = |v: &baler::Variable| variable(&v.name, &[rows.len()], v.values.slice(rows.clone()));
        Dataset::from_arrays(all.variables.iter().map(part).collect())
    })
}

fn model_of(datasets: &[Dataset], spec: BoundSpec) -> Model {
    train(datasets, &best(spec), &mut NoProgress).unwrap().model
}

fn given(dataset: &Dataset, spec: BoundSpec, model: &Model) -> Compressed {
    compress_with(dataset, &best(spec), Some(model), &mut NoProgress).unwrap()
}

fn is_within(bytes: &[u8], original: &Dataset) {
    let verification = verify(bytes, None, Some(original)).unwrap();
    assert!(verification.holds(), "{verification:?}");
}

#[test]
fn a_model_of_one_half_serves_the_other() {
    let [first, second] = halves(40_000);
    // Columns that are smaller without the model.
    let cases: [(BoundSpec, &[&str]); 3] = [
        (BoundSpec::Rel(1e-3), &["eta_", "phi_", "mJetArea"]),
        (BoundSpec::Lossless, &["pt_", "eta_", "phi_", "mJetArea"]),
        (BoundSpec::PwRel(1e-2), &[]),
    ];
    for (spec, expected) in cases {
        let with = given(&second, spec, &model_of(std::slice::from_ref(&first), spec));
        let own = given(&second, spec, &model_of(std::slice::from_ref(&second), spec));
        let sizes = [with.report.payload_bytes, own.report.payload_bytes];
        assert!(sizes[0] * 100 <= sizes[1] * 103, "{spec:?}: {sizes:?}");
        is_within(&with.bytes, &second);
        let told = inspect(&with.bytes).unwrap().variables;
        let alone = told.iter().filter(|variable| !variable.codec.starts_with("given model: "));
        assert_eq!(alone.map(|variable| &variable.name[..]).collect::<Vec<_>>(), expected, "{spec:?}");
    }
}

#[test]
fn a_model_serves_other_bounds() {
    let [first, second] = halves(8000);
    let model = model_of(&[first], BoundSpec::Rel(1e-3));
    for spec in [BoundSpec::Rel(1e-2), BoundSpec::Rel(2e-5), BoundSpec::PwRel(1e-2), BoundSpec::Lossless] {
        is_within(&given(&second, spec, &model).bytes, &second);
    }
}

#[test]
fn several_files_make_one_model() {
    let files = halves(4000);
    let model = model_of(&files, BoundSpec::Rel(1e-3));
    let info = model.describe();
    assert_eq!((info.trained_on_rows, info.columns.len()), (4000, files[0].variables.len()));
    assert!(info.architecture.starts_with("table of"), "{}", info.architecture);
    assert!(info.columns.iter().any(|(_, words)| words.contains("from ")), "{:?}", info.columns);
    let read = Model::from_bytes(&model.to_bytes()).unwrap();
    assert_eq!(read, model);
    is_within(&given(&files[1], BoundSpec::Rel(1e-3), &read).bytes, &files[1]);
}

#[test]
fn an_archive_may_only_name_the_model() {
    let [first, second] = halves(4000);
    let spec = BoundSpec::Rel(1e-3);
    let model = model_of(&[first], spec);
    let inside = given(&second, spec, &model);
    let options = Options { model_by_reference: true, ..best(spec) };
    let named = compress_with(&second, &options, Some(&model), &mut NoProgress).unwrap();
    assert!(named.bytes.len() + 500 < inside.bytes.len());
    let error = decompress(&named.bytes).unwrap_err().to_string();
    assert!(error.contains("give it with --model"), "{error}");
    let with = DecompressOptions { model: Some(&model), ..DecompressOptions::default() };
    let decoded = decompress_with(&named.bytes, &with, &mut NoProgress).unwrap();
    assert_eq!(values_bytes(&decoded), values_bytes(&decompress(&inside.bytes).unwrap()));
}

#[test]
fn columns_that_do_not_fit_are_errors_that_name_the_nearest() {
    let [first, second] = halves(2000);
    let model = model_of(&[first], BoundSpec::Rel(1e-3));
    let error = |change: &dyn Fn(&mut Dataset)| {
        let mut other = second.clone();
        change(&mut other);
        let options = best(BoundSpec::Rel(1e-3));
        compress_with(&other, &options, Some(&model), &mut NoProgress).unwrap_err().to_string()
    };
    let name = second.variables[1].name.clone();
    let renamed = error(&|other| other.variables[1].name.push('2'));
    assert!(renamed.contains("the nearest names are") && renamed.contains(&format!("{name}2")), "{renamed}");
    let retyped = error(&|other| {
        let n_rows = other.variables[1].values.len();
        other.variables[1].values = Values::I16(vec![0; n_rows]);
    });
    assert!(retyped.contains("found int16") && retyped.contains(&name), "{retyped}");
    let swapped = error(&|other| other.variables.swap(0, 1));
    assert!(swapped.contains("in the model's order"), "{swapped}");
}

#[test]
fn relations_that_fail_are_corrected_and_said() {
    let mut random = Random::new(11);
    let n = 2000;
    let mut columns = |broken: bool| {
        let a: Vec<f64> = (0..n).map(|_| random.unit() * 50.0).collect();
        let b: Vec<f64> = (0..n).map(|_| random.unit() * 5.0).collect();
        let other: Vec<f64> = (0..n).map(|_| random.unit() * 55.0).collect();
        let sum = (0..n).map(|i| if broken && i % 2 == 0 { other[i] } else { a[i] + b[i] }).collect();
        let all = [("a", a), ("b", b), ("sum", sum)];
        Dataset::from_arrays(all.map(|(name, v)| variable(name, &[n], Values::F64(v))).into())
    };
    let (whole, broken) = (columns(false), columns(true));
    for (spec, holds) in [
        (BoundSpec::Rel(1e-3), "from a + b to 1 step) holds in 50.3"),
        (BoundSpec::Lossless, "from a + b) holds in 50.0"),
    ] {
        let model = model_of(std::slice::from_ref(&whole), spec);
        assert!(given(&whole, spec, &model).report.warnings.is_empty());
        let found = given(&broken, spec, &model);
        is_within(&found.bytes, &broken);
        let [fails, drifted] = &found.report.warnings[..] else { panic!("{:?}", found.report.warnings) };
        let expected = format!(
            "'sum': what the model knows ({holds} % of the rows, in its training data in 100.0 %; the \
             others are corrected"
        );
        assert_eq!(*fails, expected);
        assert!(drifted.starts_with("'sum': ") && drifted.contains("have drifted"), "{drifted}");
    }
}

#[test]
fn tables_train_a_table_unless_told_otherwise() {
    let column =
        |name: &str| variable(name, &[1000], Values::F64((0..1000).map(|i| f64::from(i % 37)).collect()));
    let first = Dataset {
        layout: baler_data::dataset::Layout::Columns,
        ..Dataset::from_arrays(vec![column("a"), column("b")])
    };
    let architecture = |options: Options| {
        train(std::slice::from_ref(&first), &options, &mut NoProgress).unwrap().model.describe().architecture
    };
    let options = best(BoundSpec::Rel(1e-3));
    assert!(architecture(options.clone()).starts_with("table of"));
    let told = Options { method: Method::Autoencoder, ..options };
    assert!(!architecture(told).contains("table"));
}

#[test]
fn data_beyond_the_training_are_said() {
    let [first, mut second] = halves(2000);
    let model = model_of(&[first], BoundSpec::Rel(1e-3));
    let at =
        second.variables.iter().position(|v| matches!(v.values, Values::F32(_) | Values::F64(_))).unwrap();
    match &mut second.variables[at].values {
        Values::F32(v) => v[5] = 1e6,
        Values::F64(v) => v[5] = 1e6,
        _ => unreachable!("a float"),
    }
    let found = given(&second, BoundSpec::Rel(1e-3), &model);
    is_within(&found.bytes, &second);
    assert!(found.report.warnings.iter().any(|w| w.contains("outside the model's training data")));
}

/// Events with two columns and two kinds of lists, each of two columns with counts of its own.
fn jagged(seed: u64) -> Dataset {
    let mut random = Random::new(seed);
    let n_events = 3000;
    let counts: [Vec<i32>; 2] =
        [3.0, 5.0].map(|most| (0..n_events).map(|_| (most * random.unit()) as i32).collect());
    let mut column =
        |n: usize, width: f64| -> Vec<f64> { (0..n).map(|_| width * random.unit() - 1.0).collect() };
    let length = |at: usize| counts[at].iter().sum::<i32>() as usize;
    let twice = |x: &[f64]| -> Vec<f64> { x.iter().map(|x| 2.0 * x + 1.0).collect() };
    let (met, mu, jet) = (column(n_events, 50.0), column(length(0), 20.0), column(length(1), 90.0));
    let variables = [("met", &met), ("mu", &mu), ("jet", &jet)]
        .into_iter()
        .flat_map(|(name, x)| [(name.to_string(), x.clone()), (format!("{name}_twice"), twice(x))]);
    let mut all: Vec<baler::Variable> = counts
        .iter()
        .zip(["nmu", "njet"])
        .map(|(counts, name)| variable(name, &[n_events], Values::I32(counts.clone())))
        .collect();
    all.extend(variables.map(|(name, x)| variable(&name, &[x.len()], Values::F64(x))));
    for list in &mut all[4..] {
        let counts = if list.name.starts_with("mu") { 0 } else { 1 };
        list.storage.lists =
            Some(baler_data::dataset::Lists { counts, kind: baler_data::dataset::ListKind::Vector });
    }
    Dataset::from_arrays(all)
}

#[test]
fn a_model_of_lists_has_a_table_for_each_kind_and_serves_the_next_file() {
    let [first, second] = [jagged(1), jagged(2)];
    let model = model_of(std::slice::from_ref(&first), BoundSpec::Rel(1e-3));
    let tables: Vec<Vec<&str>> =
        model.tables.iter().map(|table| table.columns.iter().map(|c| c.name.as_str()).collect()).collect();
    let names = |names: &[&'static str]| names.to_vec();
    for table in [
        names(&["nmu", "njet", "met", "met_twice"]),
        names(&["mu", "mu_twice"]),
        names(&["jet", "jet_twice"]),
    ] {
        assert!(tables.contains(&table), "{tables:?}");
    }
    assert!(model.parts.is_empty() && model.predictors.is_empty());
    assert!(model.to_bytes().len() < 20_000, "{}", model.to_bytes().len());
    let with = given(&second, BoundSpec::Rel(1e-3), &model);
    assert!(
        with.report.warnings.iter().all(|warning| !warning.contains("not used")),
        "{:?}",
        with.report.warnings
    );
    is_within(&with.bytes, &second);
    let own = compress_with(&second, &best(BoundSpec::Rel(1e-3)), None, &mut NoProgress).unwrap();
    let sizes = [with.report.payload_bytes, own.report.archive_bytes];
    assert!(sizes[0] * 100 <= sizes[1] * 105, "{sizes:?}");
    let exact = &with.report.variables[0];
    assert!(exact.codec.starts_with("given model") && exact.max_error == 0.0, "{}", exact.codec);
}
