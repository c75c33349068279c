//! Promise: every value comes back within its bound, with its dtype, shape, name and place, whatever the data.
//!
//! The check is exact arithmetic of its own (`support`), never the library's. `BALER_CASES=100000` runs more cases.

mod support;

use baler::{BoundSpec, Dataset, Level, Method, Missing, Options, Values, compress_with, decompress};
use support::*;

/// Compresses and decompresses, and checks everything that was promised.
fn check(context: &str, dataset: &Dataset, options: &Options) {
    let compressed = match compress_with(dataset, options, None, &mut baler::NoProgress) {
        Ok(compressed) => compressed,
        Err(error) => panic!("{context}: compress: {error}"),
    };
    assert!(compressed.report.verified, "{context}");
    let decoded = decompress(&compressed.bytes).unwrap_or_else(|e| panic!("{context}: decompress: {e}"));
    assert_eq!(decoded.layout, dataset.layout, "{context}");
    assert_eq!(decoded.attachments, dataset.attachments, "{context}");
    assert_eq!(decoded.variables.len(), dataset.variables.len(), "{context}");
    for (original, decoded) in dataset.variables.iter().zip(&decoded.variables) {
        assert_eq!(original.name, decoded.name, "{context}");
        assert_eq!(original.shape, decoded.shape, "{context}");
        assert_eq!(original.storage, decoded.storage, "{context}");
        let told = compressed.report.variables.iter().find(|told| told.name == original.name);
        let missing = match options.missing.last() {
            Some((_, Missing::Value(value))) => vec![*value],
            Some((_, Missing::None)) => Vec::new(),
            _ => told.expect("every variable is told").missing.clone(),
        };
        let spec =
            options.rules.last().filter(|(name, _)| *name == original.name).map_or(options.bound, |r| r.1);
        let promise = promise_of(&original.values, spec, &missing);
        check_values(context, &original.values, &decoded.values, promise, &missing);
    }
}

fn run_case(case: u64) {
    let mut random = Random::new(case);
    let (dtype, kind) = (random.below(12), random.below(N_KINDS));
    let shape = shape(&mut random);
    let values = values_of(dtype, kind, shape.iter().product(), &mut random);
    let spec = bound(&mut random);
    let mut options = Options::new(spec);
    options.missing = vec![("*".into(), missing(&mut random))];
    options.threads = baler::Threads::new(1).unwrap();
    options.method = random.pick(&[Method::Auto, Method::Classical, Method::Predictive]);
    options.level = Level::new(1 + (case % 9) as u8).unwrap();
    let context = format!(
        "case {case} (dtype {dtype}, kind {kind}, {shape:?}, {spec:?}, {:?}, {:?}, {:?})",
        options.missing[0].1, options.method, options.level
    );
    let mut dataset = Dataset::from_arrays(vec![variable("α β", &shape, values)]);
    if random.below(8) == 0 {
        let more = values_of(random.below(12), random.below(N_KINDS), 12, &mut random);
        dataset.variables.insert(0, variable("", &[3, 4], more));
        options.rules = vec![("α β".into(), bound(&mut random))];
    }
    check(&context, &dataset, &options);
}

fn n_cases() -> u64 {
    std::env::var("BALER_CASES").map_or(6000, |n| n.parse().expect("BALER_CASES is a number"))
}

// Two tests, so that two cores share them.
#[test]
fn nasty_arrays_keep_their_bound_even() {
    (0..n_cases()).step_by(2).for_each(run_case);
}

#[test]
fn nasty_arrays_keep_their_bound_odd() {
    (1..n_cases()).step_by(2).for_each(run_case);
}

#[test]
fn every_dtype_meets_every_bound_on_every_kind_of_field() {
    let bounds = [BoundSpec::Lossless, BoundSpec::Abs(0.3), BoundSpec::Rel(1e-3), BoundSpec::PwRel(1e-2)];
    for dtype in 0..12 {
        for kind in 0..N_KINDS {
            for spec in bounds {
                let mut random = Random::new((dtype * N_KINDS + kind) as u64);
                let values = values_of(dtype, kind, 40, &mut random);
                let mut options = Options::new(spec);
                options.threads = baler::Threads::new(1).unwrap();
                check(&format!("dtype {dtype}, kind {kind}, {spec:?}"), &single(&[5, 8], values), &options);
            }
        }
    }
}

#[test]
fn every_dtype_meets_every_bound_at_every_fast_level() {
    let bounds = [BoundSpec::Lossless, BoundSpec::Abs(0.3), BoundSpec::Rel(1e-2), BoundSpec::PwRel(1e-2)];
    for dtype in 0..12 {
        for kind in 0..N_KINDS {
            for (spec, level) in bounds.into_iter().zip([3, 1, 3, 6]) {
                let mut random = Random::new((dtype * N_KINDS + kind) as u64);
                let values = values_of(dtype, kind, 1500, &mut random);
                let mut options = Options { level: Level::new(level).unwrap(), ..Options::new(spec) };
                options.threads = baler::Threads::new(1).unwrap();
                let context = format!("dtype {dtype}, kind {kind}, {spec:?}, level {level}");
                check(&context, &single(&[2, 25, 30], values), &options);
            }
        }
    }
}

#[test]
fn a_range_beyond_the_largest_number_still_bounds() {
    let values: Vec<f64> = (0..100).map(|i| (i as f64 / 49.5 - 1.0) * f64::MAX).collect();
    for e in [1e-3, 1e-6] {
        check("huge range", &single(&[100], Values::F64(values.clone())), &Options::new(BoundSpec::Rel(e)));
    }
}

#[test]
fn large_integers_keep_a_point_wise_bound_to_the_unit() {
    let mut random = Random::new(5);
    for e in [1e-18, 1e-16, 3e-15, 1e-9, 1e-3] {
        let values: Vec<i64> = (0..2000).map(|_| random.bits() as i64 | 1).collect();
        check("i64", &single(&[2000], Values::I64(values)), &Options::new(BoundSpec::PwRel(e)));
        let values: Vec<u64> = (0..2000).map(|_| random.bits() | 1 << 63 | 1).collect();
        check("u64", &single(&[2000], Values::U64(values)), &Options::new(BoundSpec::PwRel(e)));
    }
}

#[test]
fn arrays_of_many_chunks_keep_their_bound() {
    let n = (1 << 21) + 77;
    let mut random = Random::new(9);
    let values: Vec<f32> = (0..n).map(|i| (i as f32 * 1e-4).sin() + 1e-3 * random.unit() as f32).collect();
    let mut with_gaps = values.clone();
    for i in (0..n).step_by(1001) {
        with_gaps[i] = f32::from_bits(0x7fa0_0001);
    }
    check("many chunks", &single(&[n], Values::F32(values)), &Options::new(BoundSpec::Rel(1e-4)));
    check("many chunks", &single(&[n], Values::F32(with_gaps)), &Options::new(BoundSpec::Abs(1e-5)));
}

/// The test's own arithmetic is tested on cases worked out by hand.
#[test]
fn the_exact_check_is_exact() {
    assert!(holds(0.0, 0.1, Promise::Within(0.1)));
    assert!(!holds(0.0, 0.1f64.next_up(), Promise::Within(0.1)));
    assert!(!holds(-1e-300, 1.0, Promise::Within(1.0)), "1 + 1e-300 rounds to 1");
    assert!(holds(1e-300, 1.0, Promise::Within(1.0)));
    assert!(holds(-f64::MAX, f64::MAX, Promise::Factor(2.0)));
    assert!(!holds(-f64::MAX, f64::MAX, Promise::Factor(2.0f64.next_down())));
    assert!(!holds(5e-324, 1e-323, Promise::Factor(0.999)));
    assert!(holds(5e-324, 1e-323, Promise::Factor(1.0)));
    assert!(holds(i64::MIN, i64::MAX, Promise::Within(1.9e19)));
    assert!(!holds(u64::MAX, u64::MAX - 2, Promise::Within(1.9)));
    assert!(!holds((1i64 << 62) + 1, (1 << 62) - 1, Promise::Factor(2.0f64.powi(-62))));
    assert!(holds((1i64 << 62) + 1, 1 << 62, Promise::Factor(2.0f64.powi(-62))));
    assert!(!holds(f32::NAN, f32::from_bits(0x7fc0_0001), Promise::Within(1e30)));
    assert!(!holds(-0.0f32, 0.0, Promise::Within(1.0)));
    assert_eq!(<half::f16 as Item>::MIN_SUBNORMAL, 2.0f64.powi(-24));
    assert_eq!((<f32 as Item>::MIN_NORMAL, <f64 as Item>::MIN_SUBNORMAL), (f32::MIN_POSITIVE as f64, 5e-324));
}

/// The library's own test never allows what exact arithmetic forbids, right at the edge where rounding decides.
fn no_slack<T: Item + baler_data::element::Element>(to_near: impl Fn(f64) -> T, random: &mut Random) {
    for _ in 0..200_000 {
        let x = T::of_bits(random.bits() >> random.below(60));
        let e = random.unit() * 10f64.powi(random.below(40) as i32 - 20);
        let pw = random.below(2) == 0;
        let (spec, promise) = if pw {
            (BoundSpec::PwRel(e), Promise::Factor(e))
        } else {
            (BoundSpec::Abs(e), Promise::Within(e))
        };
        let distance = if pw { e * x.f().abs() } else { e };
        if T::FLOAT && !x.f().is_finite() {
            continue;
        }
        let near = to_near(if random.below(2) == 0 { x.f() + distance } else { x.f() - distance });
        let y = T::of_bits(near.raw().wrapping_add(random.below(5) as u64).wrapping_sub(2));
        let bound = baler_codec::quantize::Bound::resolve(spec, 0.0);
        // Signs of zeros are the grid's business, not the bound's.
        if baler_codec::quantize::Bound::holds(&bound, x, y) && !(x.f() == 0.0 && T::FLOAT) {
            assert!(holds(x, y, promise), "{:e} ({}) became {:e} within {promise:?}", x.f(), x.raw(), y.f());
        }
    }
}

#[test]
fn the_library_s_own_test_has_no_slack() {
    let mut random = Random::new(77);
    no_slack::<f64>(|x| x, &mut random);
    no_slack::<f32>(|x| x as f32, &mut random);
    no_slack::<half::f16>(half::f16::from_f64, &mut random);
    no_slack::<i64>(|x| x as i64, &mut random);
    no_slack::<u64>(|x| x as u64, &mut random);
    no_slack::<i32>(|x| x as i32, &mut random);
    no_slack::<u8>(|x| x as u8, &mut random);
}
