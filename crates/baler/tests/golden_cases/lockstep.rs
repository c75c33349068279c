//! Streams of rows in lockstep: one to four axes, masks, lattices centred on predictions and fixed ones, static and with filters.

use super::{Case, f32s, f64s, mix, noise, variable, wave};
use baler::{BoundSpec, Dataset, Level, Noise, Options, Values, Variable};

/// The golden files of levels 1, 3 and 6.
pub fn lockstep() -> Vec<Case> {
    let of = |name, level, bound, variables| Case {
        name,
        dataset: Dataset::from_arrays(variables),
        options: Options { level: Level::new(level).expect("a level"), ..Options::new(bound) },
        model: None,
    };
    vec![
        of("level_1", 1, BoundSpec::Abs(0.05), fields()),
        of("level_3", 3, BoundSpec::Abs(0.05), fields()),
        of("level_6", 6, BoundSpec::Abs(0.05), fields()),
        of("level_3_lossless", 3, BoundSpec::Lossless, images()),
    ]
}

/// A wave that moves from plane to plane of (40, 50), with some noise.
fn moving(i: usize) -> f64 {
    let (plane, y, x) = (i / 2000, i / 50 % 40, i % 50);
    let phase = plane as f64 * 0.04;
    2.0 * wave(x as f64 / 31.0 + phase) * (1.5 + wave(y as f64 / 53.0 + 0.2 + phase)) + 0.2 * noise(i)
}

fn fields() -> Vec<Variable> {
    let calm = |i: usize| moving(i) - 0.199 * noise(i);
    let holes = |i: usize| if mix(i as u64 / 9).is_multiple_of(11) { f64::NAN } else { moving(i) };
    let series = |i: usize| wave(i as f64 / 400.0) + 0.3 * wave(i as f64 / 37.0) + 0.1 * noise(i);
    let spiked = |i: usize| moving(i) + if mix(i as u64).is_multiple_of(401) { 3e3 } else { 0.0 };
    vec![
        variable("two", &[40, 50], f32s(2000, moving)),
        variable("three", &[6, 40, 50], f32s(12_000, moving)),
        variable("calm", &[6, 40, 50], f64s(12_000, calm)),
        variable("holes", &[5, 40, 50], f64s(10_000, holes)),
        variable("four", &[2, 3, 40, 50], f32s(12_000, spiked)),
        variable("turned", &[50, 4, 40], f32s(8000, |i| moving(i % 160 * 50 + i / 160))),
        variable("series", &[9001], f32s(9001, series)),
    ]
}

/// Counts within their noise: dead pixels, few counts, many, floats, and beside thresholds.
pub fn counts() -> Vec<Case> {
    // Twelve uniform numbers make a normal one.
    let normal = |i: usize| (0..12).map(|j| noise(12 * i + j)).sum::<f64>();
    let frame = |i: usize, mean: f64| {
        let mean = mean * (1.0 + 0.1 * moving(i));
        let dead = mix(i as u64 / 3).is_multiple_of(211);
        if dead { 0.0 } else { (mean + normal(i) * mean.sqrt()).max(0.0) }
    };
    let variables = vec![
        variable("frames", &[3, 40, 50], Values::U16((0..6000).map(|i| frame(i, 100.0) as u16).collect())),
        variable("few", &[60, 50], Values::I32((0..3000).map(|i| frame(i, 5.0) as i32).collect())),
        variable("floats", &[60, 50], f32s(3000, |i| 0.3 * frame(i, 400.0) + 0.1)),
        variable("cut", &[60, 50], Values::U16((0..3000).map(|i| frame(i, 900.0) as u16).collect())),
    ];
    let noise = |k, gain, read| BoundSpec::Noise(Noise { k, gain, read });
    let rules = vec![("few".to_string(), noise(2.0, 1.0, 0.0)), ("floats".to_string(), noise(1.0, 0.3, 2.0))];
    let cuts = vec![("cut".to_string(), vec![900.0])];
    let options = Options { rules, cuts, ..Options::new(noise(1.0, 1.0, 0.0)) };
    vec![Case { name: "counts", dataset: Dataset::from_arrays(variables), options, model: None }]
}

fn images() -> Vec<Variable> {
    let image = |i: usize| (300.0 + 80.0 * moving(i)) as i16;
    let wide = |i: usize| (1e5 + 3e5 * moving(i)) as i32;
    vec![
        variable("image", &[3, 40, 50], Values::I16((0..6000).map(image).collect())),
        variable("wide", &[80, 50], Values::I32((0..4000).map(wide).collect())),
        variable("mask", &[80, 50], Values::U8((0..4000).map(|i| (moving(i) > 0.4) as u8).collect())),
    ]
}
