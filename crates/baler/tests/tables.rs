//! Promise: columns that follow from each other keep their own bounds, exact columns every bit; a column is read alone
//! as it is read with all; a model of other data keeps them too. `BALER_CASES=10000` runs more tables.

mod support;

use baler::{
    BoundSpec, Dataset, DecompressOptions, Level, Method, Missing, Model, NoProgress, Options, Values,
    compress_with, decompress, decompress_with, inspect,
};
use baler_codec::table::elementary::Elementary;
use baler_train::train;
use support::*;

/// A table of `n` rows: what a detector writes, with nasty columns between.
fn table(n: usize, random: &mut Random) -> Vec<(String, Values)> {
    let functions = Elementary::default();
    let wide = random.below(2) == 0;
    let floats = |values: Vec<f64>| {
        if wide { Values::F64(values) } else { Values::F32(values.into_iter().map(|x| x as f32).collect()) }
    };
    let mut uniform = |scale: f64, shift: f64| -> Vec<f64> {
        (0..n).map(|_| (scale * (random.unit() - shift)) as f32 as f64).collect()
    };
    let (pt, eta, phi) = (uniform(50.0, -0.1), uniform(6.0, 0.5), uniform(6.25, 0.5));
    let mass: Vec<f64> = uniform(0.2, 0.0).iter().zip(&pt).map(|(x, pt)| (x * pt) as f32 as f64).collect();
    let map = |value: &dyn Fn(usize) -> f64| (0..n).map(value).collect::<Vec<f64>>();
    let counts: Vec<i32> = (0..n).map(|_| (random.below(7) * random.below(2)) as i32).collect();
    let scale = 10f64.powi(random.below(9) as i32 - 4);
    let affine = (random.below(9) as f64 - 4.0, scale);
    let gated = map(&|i| if counts[i] == 0 { 0.0 } else { pt[i] * scale });
    let momentum = |i: usize| pt[i] * functions.sinh_cosh(eta[i]).1;
    let (group, delta) = (1 + random.below(9), random.unit());
    let repeat = 1 + random.below(n.max(1));
    let all = [
        ("sorted", floats(map(&|i| 90.0 / (1 + i % group) as f64 + (i / group % 7) as f64))),
        ("lattice", floats(map(&|i| (pt[i] * 9.0).floor() * delta))),
        ("decimal", floats(map(&|i| (eta[i] * 100.0).round() / 100.0))),
        ("constant", floats(vec![delta; n])),
        ("repeats", floats(map(&|i| phi[i % repeat]))),
        ("px", floats(map(&|i| pt[i] * functions.sin_cos(phi[i]).1))),
        ("pz", floats(map(&|i| pt[i] * functions.sinh_cosh(eta[i]).0))),
        ("energy", floats(map(&|i| (momentum(i) * momentum(i) + mass[i] * mass[i]).sqrt()))),
        ("sum", floats(map(&|i| pt[i] + gated[i]))),
        ("affine", floats(map(&|i| affine.0 * pt[i] + affine.1))),
        ("n_twice", Values::I32(counts.iter().map(|n| 2 * n).collect())),
        ("n", Values::I32(counts.clone())),
        ("gated", floats(gated.clone())),
        ("mass", floats(mass.clone())),
        ("again", floats(phi.clone())),
        ("phi", floats(phi.clone())),
        ("eta", floats(eta.clone())),
        ("pt", floats(pt.clone())),
    ];
    let mut columns: Vec<(String, Values)> =
        all.into_iter().filter(|_| random.below(4) > 0).map(|(name, v)| (name.to_string(), v)).collect();
    for at in 0..2 + random.below(3) {
        let values = values_of(random.below(12), random.below(N_KINDS), n, random);
        columns.insert(random.below(columns.len() + 1), (format!("any{at}"), values));
    }
    columns
}

/// Breaks relations in a few rows.
fn disturb(values: &mut Values, random: &mut Random) {
    if values.is_empty() {
        return;
    }
    let odd = [f64::NAN, f64::INFINITY, -0.0, 0.0, 1e-310, -1.0, 3e38];
    for _ in 0..random.below(4) {
        let at = random.below(values.len());
        match values {
            Values::F32(v) => v[at] = random.pick(&odd) as f32,
            Values::F64(v) => v[at] = random.pick(&odd),
            Values::I32(v) => v[at] = random.pick(&[-1, 0, i32::MAX]),
            _ => {}
        }
    }
}

/// A model of the columns for some bound, where they are enough for one.
fn train_on(columns: &[(String, Values)], random: &mut Random) -> Option<Model> {
    let n = columns[0].1.len();
    if n < 256 {
        return None;
    }
    let variables = columns.iter().map(|(name, v)| variable(name, &[n], v.clone())).collect();
    let mut options = best(bound(random));
    options.threads = baler::Threads::new(1).unwrap();
    options.missing = vec![("*".into(), Missing::None)];
    let trained = train(&[Dataset::from_arrays(variables)], &options, &mut NoProgress);
    Some(trained.unwrap_or_else(|e| panic!("train for {:?}: {e}", options.bound)).model)
}

fn run_case(case: u64) {
    let mut random = Random::new(case + 1_000_000);
    let n = match random.below(20) {
        0 => random.below(4),
        1 => random.below(256),
        2 => 256 + random.below(4000),
        _ => 256 + random.below(500),
    };
    let mut columns = table(n, &mut random);
    let trained = (random.below(4) == 0).then(|| train_on(&columns, &mut random)).flatten();
    if random.below(2) == 0 {
        columns.iter_mut().for_each(|(_, values)| disturb(values, &mut random));
    }
    let mut options = best(bound(&mut random));
    options.threads = baler::Threads::new(1).unwrap();
    options.missing = vec![("*".into(), Missing::None)];
    for (name, _) in columns.iter().filter(|_| random.below(5) == 0).collect::<Vec<_>>() {
        options.rules.push((name.clone(), bound(&mut random)));
    }
    let context = format!("table {case} ({n} rows, {:?}, {:?})", options.bound, options.rules);
    let dataset =
        Dataset::from_arrays(columns.iter().map(|(name, v)| variable(name, &[n], v.clone())).collect());
    if trained.is_none() && random.below(4) == 0 {
        options.drop = vec![columns.remove(random.below(columns.len())).0];
        options.rules.retain(|(rule, _)| *rule != options.drop[0]);
    }
    let written = compress_with(&dataset, &options, trained.as_ref(), &mut NoProgress)
        .unwrap_or_else(|e| panic!("{context}: compress: {e}"));
    let decoded = decompress(&written.bytes).unwrap_or_else(|e| panic!("{context}: decompress: {e}"));
    assert_eq!(columns.len(), decoded.variables.len(), "{context}: columns");
    for ((name, original), decoded) in columns.iter().zip(&decoded.variables) {
        let own = options.rules.iter().rev().find(|(rule, _)| rule == name).map(|rule| rule.1);
        let promise = promise_of(original, own.unwrap_or(options.bound), &[]);
        check_values(&format!("{context}, {name}"), original, &decoded.values, promise, &[]);
    }
    let alone = random.below(columns.len());
    let wanted =
        DecompressOptions { variables: Some(vec![columns[alone].0.clone()]), ..DecompressOptions::default() };
    let one = decompress_with(&written.bytes, &wanted, &mut NoProgress).unwrap();
    let all = Dataset::from_arrays(vec![decoded.variables[alone].clone()]);
    assert!(values_bytes(&one) == values_bytes(&all), "{context}: alone");
}

fn n_cases() -> u64 {
    std::env::var("BALER_CASES").map_or(120, |n| n.parse().expect("BALER_CASES is a number"))
}

// Two tests, so that two cores share them.
#[test]
fn generated_tables_keep_every_bound_even() {
    (0..n_cases()).step_by(2).for_each(run_case);
}

#[test]
fn generated_tables_keep_every_bound_odd() {
    (1..n_cases()).step_by(2).for_each(run_case);
}

/// A column that is a sum less its other term, to 1.4e-6 below 0, on a lattice that holds it exactly.
#[test]
fn formulas_stay_at_zero_where_nothing_is_below() {
    run_case(2294);
}

/// Jets as the library generates them.
#[test]
fn smooth_columns_that_others_rely_on_keep_their_grid() {
    let mut random = Random::new(3);
    let mut columns: Vec<(String, Values)> = Vec::new();
    for period in [300.0, 170.0, 90.0] {
        let tide: Vec<f64> =
            (0..6000).map(|i| (i as f64 / period).sin() * 40.0 + 0.6 * random.unit()).collect();
        let follows = tide.iter().map(|x| 2.0 * x + 3.0).collect();
        columns.push((format!("tide{period}"), Values::F64(tide)));
        columns.push((format!("follows{period}"), Values::F64(follows)));
    }
    for bound in [2e-3, 1e-3] {
        let dataset = Dataset::from_table(
            columns.iter().map(|(name, values)| variable(name, &[6000], values.clone())).collect(),
        );
        let made = compress_with(&dataset, &best(BoundSpec::Rel(bound)), None, &mut NoProgress).unwrap();
        let codecs: Vec<String> =
            inspect(&made.bytes).unwrap().variables.into_iter().map(|variable| variable.codec).collect();
        // Some stand by themselves, and what follows from them is still decoded.
        assert!(codecs.iter().any(|codec| codec.ends_with("predictive")), "{codecs:?}");
        assert!(codecs.iter().any(|codec| codec.contains("from tide")), "{codecs:?}");
        decompress(&made.bytes).unwrap();
    }
}

fn jets() -> Dataset {
    baler_generate::jets(4000, 3)
}

#[test]
fn inspect_tells_relations_in_words() {
    let mut random = Random::new(5);
    let n = 1000;
    let (pt, phi): (Vec<f32>, Vec<f32>) =
        (0..n).map(|_| (1.0 + 40.0 * random.unit() as f32, 6.0 * random.unit() as f32 - 3.0)).unzip();
    let functions = Elementary::default();
    let px =
        pt.iter().zip(&phi).map(|(pt, phi)| (*pt as f64 * functions.sin_cos(*phi as f64).1) as f32).collect();
    let twice = pt.iter().map(|x| 2.0 * x).collect();
    let columns = [("pt", pt), ("phi", phi.clone()), ("px", px), ("phi2", phi), ("twice", twice)];
    let variables = columns.map(|(name, v)| variable(name, &[n], Values::F32(v)));
    let dataset = Dataset::from_arrays(variables.into());
    let bytes = baler::compress(&dataset, &best(BoundSpec::Lossless)).unwrap();
    let words: Vec<String> = inspect(&bytes).unwrap().variables.into_iter().map(|v| v.codec).collect();
    assert_eq!(words[2..], ["from pt * cos(phi)", "from phi", "from pt * 2"]);
    let size: Vec<u64> = inspect(&bytes).unwrap().variables.iter().map(|v| v.bytes).collect();
    assert!(size[2] < 100 && size[3] < 60 && size[4] < 60, "{size:?}");
}

#[test]
fn a_table_is_never_larger_than_its_columns_apart() {
    let dataset = jets();
    for spec in [BoundSpec::Lossless, BoundSpec::Rel(1e-3), BoundSpec::PwRel(1e-2)] {
        let sizes = [Method::Auto, Method::Classical].map(|method| {
            let options = Options { method, ..best(spec) };
            baler::compress(&dataset, &options).unwrap().len()
        });
        assert!(sizes[0] * 100 < sizes[1] * 99, "{spec:?} {sizes:?}");
    }
}

/// Payload of some rows with a model found on some rows.
fn payload(
    dataset: &Dataset,
    spec: BoundSpec,
    trained_on: std::ops::Range<usize>,
    used_on: std::ops::Range<usize>,
) -> usize {
    let source = baler_data::source::InMemory::of(dataset);
    let plans: Vec<_> = (0..dataset.variables.len())
        .map(|idx| {
            baler_codec::plan::grids::type_variable(
                &source,
                idx,
                &best(spec),
                baler_codec::plan::grids::Asked::Nothing,
            )
            .unwrap()
            .plan
        })
        .collect();
    let plans: Vec<_> = plans.iter().collect();
    let columns = |rows: std::ops::Range<usize>| -> Vec<Values> {
        dataset.variables.iter().map(|variable| variable.values.slice(rows.clone())).collect()
    };
    let model = baler_codec::plan::tables::find(&columns(trained_on), &plans, Level::BEST).unwrap();
    let parts = baler_codec::table::encode(
        &columns(used_on),
        &plans,
        &model,
        baler_codec::table::Alone {
            method: Method::Classical,
            beyond: None,
            recasts: false,
            level: Level::BEST,
        },
    )
    .unwrap();
    parts.iter().map(Vec::len).sum()
}

#[test]
fn a_model_serves_the_next_rows_nearly_as_well_as_its_own() {
    let dataset = baler_generate::jets(40_000, 3);
    for spec in [BoundSpec::Rel(1e-3), BoundSpec::Lossless] {
        let given = payload(&dataset, spec, 0..20_000, 20_000..40_000);
        let own = payload(&dataset, spec, 20_000..40_000, 20_000..40_000);
        assert!(
            given * 100 <= own * 103,
            "{spec:?}: {given} bytes with the model of other rows, {own} with their own"
        );
    }
}
