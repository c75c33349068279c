//! Promise: no value crosses a cut or leaves its limits, and sums are kept, beside every bound, in every dtype and at every level.
//!
//! The check compares numbers of its own, never keys of the library. `BALER_CASES=3000` runs more cases.

mod support;

use baler::*;
use std::cmp::Ordering;
use support::*;

/// x against a threshold, exactly; `None` for NaN.
fn compared<T: Item>(x: T, threshold: f64) -> Option<Ordering> {
    if T::FLOAT {
        return x.f().partial_cmp(&threshold);
    }
    // A float64 with a fraction is below 2^53, and a larger one is a whole number.
    let whole = threshold.floor();
    match x.i().cmp(&(whole as i128)) {
        Ordering::Equal if threshold > whole => Some(Ordering::Less),
        ordering => Some(ordering),
    }
}

/// Panics at the first value that is on another side of a threshold, as a number or as the dtype holds it.
fn check_sides(context: &str, original: &Values, decoded: &Values, cuts: &[f64]) {
    fn check<T: Item>(context: &str, original: &[T], decoded: &[T], cuts: &[f64]) {
        for (&x, &y) in original.iter().zip(decoded) {
            for &cut in cuts {
                let in_dtype = if T::FLOAT { T::of_f64(cut).f() } else { cut };
                for threshold in [cut, in_dtype] {
                    let (before, after) = (compared(x, threshold), compared(y, threshold));
                    assert_eq!(before, after, "{context}: {:e} became {:e} at {threshold:e}", x.f(), y.f());
                }
            }
        }
    }
    baler_data::with_values!(original, x => {
        check(context, x, decoded.as_slice().expect("the dtype of before"), cuts)
    });
}

/// Panics if the sums differ by more than rounding: integers by anything, floats by two units in the last place of the largest.
fn check_sum(context: &str, original: &Values, decoded: &Values) {
    fn check<T: Item>(context: &str, original: &[T], decoded: &[T]) {
        if !T::FLOAT {
            let sum = |values: &[T]| values.iter().map(|x| x.i()).sum::<i128>();
            assert_eq!(sum(original), sum(decoded), "{context}: sum");
            return;
        }
        // What stays of one sign on each side of the equation.
        let (mut left, mut right) = (Exact::of(0.0), Exact::of(0.0));
        let mut largest = T::of_f64(0.0);
        let pairs = original.iter().zip(decoded).filter(|(x, _)| x.f().is_finite());
        for (&x, &y) in pairs {
            for value in [x.f(), -y.f()] {
                match value > 0.0 {
                    true => left = left.add(&Exact::of(value)),
                    false => right = right.add(&Exact::of(value)),
                }
            }
            if x.f().abs() > largest.f() {
                largest = T::of_f64(x.f().abs());
            }
        }
        let before = if largest.raw() == 0 { 0.0 } else { T::of_bits(largest.raw() - 1).f() };
        let difference = match left.at_most(&right) {
            true => right.subtract(&left),
            false => left.subtract(&right),
        };
        // Rounding the sum of differences is a part in 2^100 of them.
        let allowed = Exact::of((largest.f() - before) * 2.0 * (1.0 + 1e-12));
        assert!(difference.at_most(&allowed), "{context}: sum");
    }
    baler_data::with_values!(original, x => {
        check(context, x, decoded.as_slice().expect("the dtype of before"))
    });
}

/// Thresholds at values that are there, beside them, at the ends, at 0 and anywhere.
fn thresholds(values: &Values, random: &mut Random) -> Vec<f64> {
    let all: Vec<f64> = baler_data::with_values!(values, v => v.iter().map(|&x| x.f()).collect());
    let finite: Vec<f64> = all.into_iter().filter(|x| x.is_finite()).collect();
    let ends = finite.iter().fold((0.0f64, 0.0f64), |(low, high), &x| (low.min(x), high.max(x)));
    (0..1 + random.below(4))
        .map(|_| match random.below(8) {
            0 => 0.0,
            1 => ends.0,
            2 => ends.1,
            3 | 4 if !finite.is_empty() => random.pick(&finite),
            5 if !finite.is_empty() => random.pick(&finite).next_up().min(f64::MAX),
            6 if !finite.is_empty() => random.pick(&finite) as f32 as f64,
            _ => ends.0 / 2.0 + random.unit() * (ends.1 / 2.0 - ends.0 / 2.0),
        })
        .filter(|x| x.is_finite())
        .collect()
}

fn run_case(case: u64) {
    let mut random = Random::new(case ^ 0xc0_7575);
    let shape = shape(&mut random);
    let n_values: usize = shape.iter().product();
    let is_table = shape.len() == 1 && random.below(2) == 0;
    let n_variables = if is_table { 3 } else { 1 };
    let mut variables = Vec::new();
    let mut options = Options::new(bound(&mut random));
    let mut cuts = Vec::new();
    for idx in 0..n_variables {
        let values = match (idx, is_table) {
            // One that follows from another within a little.
            (1, true) if random.below(2) == 0 => {
                let first: &Variable = &variables[0];
                let doubled =
                    baler_data::with_values!(&first.values, v => v.iter().map(|x| 2.0 * x.f()).collect());
                Values::F64(doubled)
            }
            _ => values_of(random.below(12), random.below(N_KINDS), n_values, &mut random),
        };
        let name = format!("x{idx}");
        let mut of_variable = thresholds(&values, &mut random);
        let keeps = [random.below(4) > 0, random.below(2) == 0];
        if keeps[0] {
            options.cuts.push((name.clone(), of_variable.clone()));
        } else {
            of_variable.clear();
        }
        if keeps[1] {
            options.keep_sum.push(name.clone());
        }
        cuts.push(of_variable);
        variables.push(variable(&name, &shape, values));
    }
    options.missing = vec![("*".into(), missing(&mut random))];
    options.threads = Threads::new(1).unwrap();
    options.method = random.pick(&[Method::Auto, Method::Classical, Method::Predictive]);
    options.level = Level::new(1 + (case % 9) as u8).unwrap();
    let context = format!("case {case} ({shape:?}, {:?}, {:?}, {cuts:?})", options.bound, options.level);
    let dataset = Dataset::from_arrays(variables);
    let made = match compress_with(&dataset, &options, None, &mut NoProgress) {
        Ok(made) => made,
        Err(error) => panic!("{context}: {error}"),
    };
    let decoded = decompress(&made.bytes).unwrap_or_else(|error| panic!("{context}: {error}"));
    assert!(verify(&made.bytes, None, Some(&dataset)).unwrap().holds(), "{context}");
    for ((x, y), cuts) in dataset.variables.iter().zip(&decoded.variables).zip(&cuts) {
        let told = made.report.variables.iter().find(|told| told.name == x.name).unwrap();
        let missing = match options.missing.last() {
            Some((_, Missing::Value(value))) => vec![*value],
            Some((_, Missing::None)) => Vec::new(),
            _ => told.missing.clone(),
        };
        check_values(
            &context,
            &x.values,
            &y.values,
            promise_of(&x.values, options.bound, &missing),
            &missing,
        );
        check_sides(&context, &x.values, &y.values, cuts);
        if options.keep_sum.contains(&x.name) && has_finite_sum(&x.values) {
            check_sum(&context, &x.values, &y.values);
        }
    }
}

/// False where float64 may not hold the sum of all errors.
fn has_finite_sum(values: &Values) -> bool {
    baler_data::with_values!(values, v => v.iter().map(|x| x.f().abs()).filter(|x| x.is_finite()).all(|x| x < 1e300))
}

fn n_cases() -> u64 {
    std::env::var("BALER_CASES").map_or(100, |n| n.parse().expect("BALER_CASES is a number"))
}

#[test]
fn nasty_arrays_and_tables_cross_no_cut_even() {
    (0..n_cases()).step_by(2).for_each(run_case);
}

#[test]
fn nasty_arrays_and_tables_cross_no_cut_odd() {
    (1..n_cases()).step_by(2).for_each(run_case);
}

/// Waves about 0 with noise, as float32.
fn waves(shape: &[usize], random: &mut Random) -> Values {
    let row = shape.last().copied().unwrap_or(1);
    let wave =
        |i: usize, noise: f64| ((i % row) as f64 * 0.11).sin() * 30.0 + (i / row) as f64 * 0.01 + noise;
    Values::F32((0..shape.iter().product()).map(|i| wave(i, random.unit()) as f32).collect())
}

#[test]
fn selections_keep_their_rows_at_every_level_for_almost_no_bytes() {
    let mut random = Random::new(3);
    let field = single(&[8, 30, 50], waves(&[8, 30, 50], &mut random));
    for level in [1, 3, 6, 9] {
        let mut options = Options { level: Level::new(level).unwrap(), ..Options::new(BoundSpec::Rel(1e-3)) };
        let bytes = |options: &Options| compress_with(&field, options, None, &mut NoProgress).unwrap().bytes;
        let without = bytes(&options);
        options.cuts = vec![("data".into(), vec![0.0, 20.0, -7.5])];
        let with = bytes(&options);
        let decoded = decompress(&with).unwrap();
        check_sides("waves", &field.variables[0].values, &decoded.variables[0].values, &[0.0, 20.0, -7.5]);
        assert!(
            with.len() as f64 <= 1.005 * without.len() as f64 + 96.0,
            "{level}: {} {}",
            without.len(),
            with.len()
        );
        let plain = decompress(&without).unwrap();
        let selected = |d: &Dataset, t: f32| match &d.variables[0].values {
            Values::F32(v) => v.iter().filter(|&&x| x > t).count(),
            _ => unreachable!(),
        };
        assert_ne!(selected(&plain, 20.0), selected(&field, 20.0), "the cut does nothing");
        // What is read of a part is what is read of all.
        let part = DecompressOptions { rows: Some(5..7), ..Default::default() };
        let part = decompress_with(&with, &part, &mut NoProgress).unwrap();
        let row = 30 * 50;
        assert_eq!(part.variables[0].values, decoded.variables[0].values.slice(5 * row..7 * row));
    }
}

#[test]
fn latents_without_a_bound_keep_cuts_as_well() {
    let mut random = Random::new(4);
    let field = single(&[40, 12, 12], waves(&[40, 12, 12], &mut random));
    let mut options = Options::new(BoundSpec::Unbounded);
    (options.size, options.method) = (Some(Size::Latent(3)), Method::Autoencoder);
    options.training.epochs = 2;
    options.cuts = vec![("*".into(), vec![0.0, 10.0])];
    let made = compress_with(&field, &options, None, &mut NoProgress).unwrap();
    let decoded = decompress(&made.bytes).unwrap();
    check_sides("latents", &field.variables[0].values, &decoded.variables[0].values, &[0.0, 10.0]);
}

#[test]
fn verification_finds_what_crosses_a_cut() {
    let mut random = Random::new(5);
    let Values::F32(mut values) = waves(&[500], &mut random) else { unreachable!() };
    values[77] = 20.5;
    let dataset = |values: &[f32]| single(&[500], Values::F32(values.to_vec()));
    let mut options = Options::new(BoundSpec::Abs(1.0));
    options.cuts = vec![("data".into(), vec![20.0])];
    options.limits = vec![("data".into(), [-100.0, 100.0])];
    let bytes = compress_with(&dataset(&values), &options, None, &mut NoProgress).unwrap().bytes;
    let decoded = decompress(&bytes).unwrap();
    values[77] = 19.9999;
    let Values::F32(y) = &decoded.variables[0].values else { unreachable!() };
    assert!((y[77] - values[77]).abs() <= 1.0, "within the bound of the other value: {}", y[77]);
    let verified = verify(&bytes, None, Some(&dataset(&values))).unwrap();
    let variable = &verified.variables[0];
    assert!(!verified.holds());
    assert_eq!((variable.n_violations, variable.broken.n_crossed), (0, 1));
    assert_eq!(
        (variable.promises.cuts.as_slice(), variable.promises.limits),
        (&[20.0][..], Some([-100.0, 100.0]))
    );
}

#[test]
fn sums_are_kept_for_almost_no_bytes() {
    let mut random = Random::new(6);
    let field = single(&[12, 100, 100], waves(&[12, 100, 100], &mut random));
    for level in [1, 3, 6] {
        let mut options = Options { level: Level::new(level).unwrap(), ..Options::new(BoundSpec::Rel(1e-3)) };
        let bytes = |options: &Options| compress_with(&field, options, None, &mut NoProgress).unwrap().bytes;
        let without = bytes(&options).len() as f64;
        options.keep_sum = vec!["data".into()];
        let with = bytes(&options);
        assert!(verify(&with, None, Some(&field)).unwrap().holds());
        check_sum("waves", &field.variables[0].values, &decompress(&with).unwrap().variables[0].values);
        assert!(with.len() as f64 <= 1.002 * without + 16.0, "{level}: {without} {}", with.len());
    }
    options_without_a_bound(&field);
}

fn options_without_a_bound(field: &Dataset) {
    let options = Options {
        keep_sum: vec!["*".into()],
        size: Some(Size::Latent(2)),
        ..Options::new(BoundSpec::Unbounded)
    };
    let error = compress_with(field, &options, None, &mut NoProgress).unwrap_err();
    assert!(error.to_string().contains("beside a bound"), "{error}");
}

#[test]
fn limits_are_kept_or_refused() {
    let cover: Vec<f32> = (0..3000).map(|i| (i as f32 * 0.01).sin().clamp(0.0, 0.8) / 0.8).collect();
    let dataset = single(&[3000], Values::F32(cover.clone()));
    let mut options = Options::new(BoundSpec::Abs(0.05));
    options.limits = vec![("data".into(), [0.0, 1.0])];
    let made = compress_with(&dataset, &options, None, &mut NoProgress).unwrap();
    assert_eq!(made.report.variables[0].promises.limits, Some([0.0, 1.0]));
    let Values::F32(back) = &decompress(&made.bytes).unwrap().variables[0].values else { unreachable!() };
    assert!(back.iter().all(|x| (0.0..=1.0).contains(x)));
    for (outside, expected) in [(1.01, "found 0.0 to 1.0"), (f32::INFINITY, "1 outside")] {
        let mut values = cover.clone();
        values[5] = outside;
        let wrong = single(&[3000], Values::F32(values));
        let error = compress_with(&wrong, &options, None, &mut NoProgress).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Input);
        assert!(error.to_string().contains("expected values from 0.0 to 1.0"), "{error}");
        assert!(error.to_string().contains(expected), "{error}");
    }
    options.limits = vec![("date".into(), [0.0, 1.0])];
    let error = compress_with(&dataset, &options, None, &mut NoProgress).unwrap_err();
    assert!(error.to_string().contains("'date'"), "{error}");
}
