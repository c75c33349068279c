//! Promise: what stands behind values is found, coded in their place and gives every bit back, whatever the kind of array.

use baler::{
    BoundSpec, Dataset, Level, Method, NoProgress, Options, Values, Variable, compress_with, decompress,
    inspect,
};

/// Sizes of an archive with what is found behind the values, and by differences and pco alone.
fn sizes(shape: &[usize], values: Values, bound: BoundSpec) -> (usize, usize, String) {
    let variable = Variable::new("x", shape.to_vec(), values).unwrap();
    let dataset = Dataset::from_arrays(vec![variable]);
    let [found, plain] = [Method::Auto, Method::Classical].map(|method| {
        let options = Options { method, level: Level::BEST, ..Options::new(bound) };
        let written = compress_with(&dataset, &options, None, &mut NoProgress).unwrap();
        if bound == BoundSpec::Lossless {
            assert!(decompress(&written.bytes).unwrap() == dataset, "{shape:?}");
        }
        written.bytes
    });
    let words = inspect(&found).unwrap().variables[0].codec.clone();
    (found.len(), plain.len(), words)
}

/// 64 pseudo-random bits of `i` (SplitMix64).
fn mix(i: usize) -> u64 {
    let z = (i as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A smooth integer field with noise.
fn count(i: usize, width: usize) -> f64 {
    let (row, column) = ((i / width) as i64, (i % width) as i64);
    ((row - 40).pow(2) + (column - 30).pow(2) + (mix(i) % 60) as i64) as f64
}

/// What makes a value of a whole number.
type Form = fn(f64) -> f64;

#[test]
fn integers_behind_floats_cost_what_integers_cost() {
    let n = 100 * 80;
    let integers = Values::I32((0..n).map(|i| count(i, 80) as i32).collect());
    let (integers, _, _) = sizes(&[100, 80], integers, BoundSpec::Lossless);
    let forms: [(&str, Form); 4] = [
        ("scale", |k| k * 0.001_525_902 + 273.15),
        ("divided", |k| k / 7247.0),
        ("offset first", |k| (k + 12345.0) * 0.000_731),
        ("standardized", |k| (k - 1234.5) / 812.25),
    ];
    for (name, form) in forms {
        let values = Values::F64((0..n).map(|i| form(count(i, 80))).collect());
        let (found, plain, words) = sizes(&[100, 80], values, BoundSpec::Lossless);
        assert!(
            found < integers + 150 && 17 * found < 10 * plain,
            "{name}: {found} {integers} {plain} {words}"
        );
    }
    let unpacked = Values::F32((0..n).map(|i| (count(i, 80) * 0.019_373 + 11.7) as f32).collect());
    let (found, _, words) = sizes(&[100, 80], unpacked, BoundSpec::Lossless);
    assert!(found < integers + 150, "float32: {found} {integers} {words}");
}

#[test]
fn each_variable_of_an_array_has_a_lattice_of_its_own() {
    let scale = [(0.001_57, 250.0), (0.25, -3.5), (12.125, 1e5)];
    let value = |i: usize| count(i, 75) * scale[i / 6000].0 + scale[i / 6000].1;
    let unpacked = Values::F32((0..18_000).map(|i| value(i) as f32).collect());
    let packed = Values::I32((0..18_000).map(|i| count(i, 75) as i32).collect());
    let (found, _, words) = sizes(&[3, 80, 75], unpacked, BoundSpec::Lossless);
    let (integers, _, _) = sizes(&[3, 80, 75], packed, BoundSpec::Lossless);
    assert!(found as f64 <= 1.03 * integers as f64, "{found} {integers} {words}");
}

#[test]
fn repeats_and_nameless_columns_are_found() {
    // Corners of triangles, in float64 that nothing else helps with.
    let corner = |i: usize| ((mix(i) % 700) as f64 * 0.731).sqrt();
    let (found, plain, words) =
        sizes(&[3000, 3], Values::F64((0..9000).map(corner).collect()), BoundSpec::Lossless);
    assert!(10 * found < 9 * plain, "{found} {plain} {words}");
    // A counter, a flag and noise side by side.
    let record = |i: usize| match i % 3 {
        0 => i as i64 / 3 * 1000,
        1 => (i / 300 % 2) as i64,
        _ => (mix(i) >> 50) as i64,
    };
    let records: Vec<i64> = (0..9000).map(record).collect();
    for shape in [&[3000, 3][..], &[9000]] {
        let (found, plain, words) = sizes(shape, Values::I64(records.clone()), BoundSpec::Lossless);
        assert!((found as f64) < 0.8 * plain as f64 && found < 6500, "{shape:?}: {found} {plain} {words}");
    }
}

#[test]
fn a_bound_costs_no_more_than_every_bit() {
    let value = |i: usize| (count(i, 50) / 40.0).floor() * 0.731;
    let values = || Values::F64((0..5000).map(value).collect());
    let (exact, _, _) = sizes(&[100, 50], values(), BoundSpec::Lossless);
    for bound in [BoundSpec::Abs(1e-3), BoundSpec::Abs(0.05), BoundSpec::PwRel(1e-4)] {
        let (bounded, _, words) = sizes(&[100, 50], values(), bound);
        assert!(bounded <= exact + 60, "{bound:?}: {bounded} {exact} {words}");
    }
}

/// Arrays that are split keep lattices that are centred on predictions: columns whose neighbors in a row say nothing.
#[test]
fn columns_apart_are_centred_on_their_predictions() {
    let wave = |x: f64| (x * 0.013).sin() + 0.3 * (x * 0.0031).cos();
    let value = |i: usize| match i % 3 {
        0 => 40.0 * wave((i / 3) as f64),
        1 => (mix(i) % 2) as f64 * 77.0,
        _ => 35.0 * wave(5000.0 - (i / 3) as f64) + (mix(i) % 100) as f64 * 0.002,
    };
    let values: Vec<f64> = (0..60_000).map(value).collect();
    let variable = Variable::new("x", vec![20_000, 3], Values::F64(values.clone())).unwrap();
    let dataset = Dataset::from_arrays(vec![variable]);
    let written = compress_with(
        &dataset,
        &Options { level: Level::BEST, ..Options::new(BoundSpec::Abs(0.5)) },
        None,
        &mut NoProgress,
    )
    .unwrap();
    let words = &inspect(&written.bytes).unwrap().variables[0].codec;
    assert!(words.contains("for each index of axis 1; predictive centred"), "{words}");
    let back = decompress(&written.bytes).unwrap();
    let decoded = back.variables[0].values.as_slice::<f64>().unwrap();
    assert!(values.iter().zip(decoded).all(|(x, y)| (x - y).abs() <= 0.5));
}
