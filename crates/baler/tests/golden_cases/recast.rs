//! Numbers that follow from simpler ones: each way to find these, without loss and within a bound.

use super::{Case, best, f32s, f64s, mix, noise, variable, wave};
use baler::{BoundSpec, Dataset, Values, Variable};

/// The golden files of recast streams.
pub fn recast() -> Vec<Case> {
    let of = |name, bound, variables| Case {
        name,
        dataset: Dataset::from_arrays(variables),
        options: best(bound),
        model: None,
    };
    vec![of("recast", BoundSpec::Lossless, exact()), of("recast_bounded", BoundSpec::Abs(1.5), bounded())]
}

/// A smooth field of integers.
fn smooth(i: usize, width: usize) -> i64 {
    let (row, column) = (i / width, i % width);
    (400.0 * wave(row as f64 / 37.0) + 300.0 * wave(column as f64 / 29.0) + 9.0 * noise(i)) as i64
}

fn exact() -> Vec<Variable> {
    let gains = [7247.0, 10520.0, 12530.0];
    let is_stranger = |i: usize| i % 97 == 5;
    let stranger = |i: usize| if is_stranger(i) { noise(i) } else { smooth(i, 50) as f64 * 0.019_373 + 11.7 };
    let corner = |i: usize| 1.0 / (1.0 + (mix(i as u64) % 300) as f64 * 1e-3);
    let column = |i: usize| match i % 4 {
        0 => (i / 4) as i64 * 3,
        1 => (mix(i as u64) % 2) as i64,
        2 => 300 * smooth(i / 4, 70),
        _ => (mix(i as u64) % 60_000) as i64,
    };
    let turned = |i: usize| smooth(i / 6 + 1000 * (i % 6), 83) as i32 * 40;
    let record = |i: usize| match i % 5 {
        0 => (i / 5) as i32 * 3,
        column => 1000 * column as i32 + (mix((i / 5) as u64) % 9) as i32,
    };
    let label = |i: usize| [3, 200, 17, 90][(mix(i as u64 / 11 % 23) % 4) as usize];
    vec![
        variable("packed", &[40, 50], f32s(2000, |i| smooth(i, 50) as f64 * 0.015_259_021_9 + 273.15)),
        variable("gains", &[700, 3], f64s(2100, |i| smooth(i, 3) as f64 / gains[i % 3])),
        variable("strangers", &[2000], f64s(2000, stranger)),
        variable("corners", &[500, 3], f64s(1500, corner)),
        variable("columns", &[500, 4], Values::I64((0..2000).map(column).collect())),
        variable("turned", &[400, 6], Values::I32((0..2400).map(turned).collect())),
        variable("records", &[1500], Values::I32((0..1500).map(record).collect())),
        variable(
            "seconds",
            &[30, 40],
            Values::I64((0..1200).map(|i| smooth(i, 40) * 1_000_000_000).collect()),
        ),
        variable("labels", &[60, 40], Values::U8((0..2400).map(label).collect())),
    ]
}

fn bounded() -> Vec<Variable> {
    let large = |i: usize| 20_000.0 * wave(i as f64 / 900.0) + 300.0 * noise(i);
    vec![
        variable("coarse", &[40, 50], f32s(2000, |i| smooth(i, 50) as f64 * 8.13 + 0.7)),
        variable("counts", &[40, 50], f32s(2000, |i| (smooth(i, 50) + 800) as f64)),
        variable("columns", &[500, 3], f64s(1500, |i| large(i / 3) * [1.0, 0.01, 30.0][i % 3])),
        variable("integers", &[40, 50], Values::I16((0..2000).map(|i| large(i) as i16).collect())),
    ]
}
