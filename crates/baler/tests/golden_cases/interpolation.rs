//! Streams of interpolation: one to four axes, masks, lattices centred on predictions and fixed ones.

use super::{Case, f32s, f64s, mix, variable, wave};
use baler::{BoundSpec, Dataset, Level, Options, Variable};

/// The golden files.
pub fn interpolation() -> Vec<Case> {
    let of = |name, bound, variables| Case {
        name,
        dataset: Dataset::from_arrays(variables),
        options: Options { level: Level::new(3).expect("a level"), ..Options::new(bound) },
        model: None,
    };
    vec![
        of("interpolation", BoundSpec::Abs(0.2), fields()),
        of("interpolation_log", BoundSpec::PwRel(0.1), magnitudes()),
    ]
}

/// A surface of (60, 96) without small scales, other for each plane.
fn surface(i: usize) -> f64 {
    let (plane, y, x) = (i / 5760, i / 96 % 60, i % 96);
    let shift = plane as f64 * 0.03;
    wave(x as f64 / 211.0 + shift) * (2.0 + wave(y as f64 / 173.0 + 0.2 + shift))
        + 0.4 * wave((x + y) as f64 / 97.0)
}

/// Waves along (9, 9, 17, 30).
fn volume(i: usize) -> f64 {
    let (a, b, y, x) = (i / 4590, i / 510 % 9, i / 30 % 17, i % 30);
    let (a, b, y, x) = (a as f64, b as f64, y as f64, x as f64);
    wave(a / 23.0 + 0.1)
        + wave(b / 29.0 + 0.3)
        + 1.5 * wave(y / 61.0 + b / 200.0)
        + 2.0 * wave(x / 83.0 + a / 150.0)
}

fn fields() -> Vec<Variable> {
    let series = |i: usize| 3.0 * wave(i as f64 / 2900.0) + wave(i as f64 / 1300.0);
    let holes = |i: usize| {
        let (y, x) = (i / 96, i % 96);
        let is_hole =
            x < 3 || (20..30).contains(&y) && (30..60).contains(&x) || mix(i as u64).is_multiple_of(400);
        if is_hole { f64::NAN } else { surface(i) }
    };
    vec![
        variable("plane", &[60, 96], f32s(5760, surface)),
        variable("block", &[7, 60, 96], f64s(40_320, surface)),
        variable("holes", &[60, 96], f64s(5760, holes)),
        variable("four", &[9, 9, 17, 30], f32s(41_310, volume)),
        variable("turned", &[96, 60], f32s(5760, |i| surface(i % 60 * 96 + i / 60))),
        variable("series", &[9001], f32s(9001, series)),
    ]
}

/// Numbers of a grid of which there is no finer one.
fn magnitudes() -> Vec<Variable> {
    let magnitude = |i: usize| 1.0 / (4.0 + surface(i));
    vec![variable("plane", &[60, 96], f32s(5760, magnitude))]
}
