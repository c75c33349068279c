//! Cases of the predictive method: every kind of array, tier and model.

use super::*;

pub(super) fn predictive() -> Vec<Case> {
    let case = |name, spec, variables: Vec<Variable>| Case {
        name,
        dataset: Dataset::from_arrays(variables),
        options: Options { method: Method::Predictive, ..best(spec) },
        model: None,
    };
    // Waves along the last axis (n values a turn) that move with the rest.
    let moving = |i: usize, n: usize| wave(i as f64 / n as f64 + (i / n % 9) as f64 * 0.07);
    let plane = |i: usize| 20.0 + 4.0 * moving(i, 36) + 0.2 * noise(i);
    let volume = |i: usize| if i % 15 > 11 - i / 180 { f64::NAN } else { moving(i, 15) + 0.05 * noise(i) };
    let frames = |i: usize| 3.0 * moving(i, 11) + 2.0 * wave((i / 99) as f64 / 13.0) + 0.1 * noise(i);
    let series = |i: usize| wave(i as f64 / 37.0) * (1.5 + wave(i as f64 / 400.0)) + 0.05 * noise(i);
    let two = |i: usize| series(i % 300) + 0.5 * noise(i % 300 + 7);
    let signed = |i: usize| moving(i, 28) * 1e-3 + 1e-5 * noise(i);
    let half = |i: usize| moving(i, 28) * moving(i, 28) * moving(i, 28) * 30.0 + 0.01 * noise(i);
    // A quarter of columns alike, rows alike, and two of stripes: each needs weights of its own.
    let quarters = |i: usize| {
        let (y, x) = (i / 96, i % 96);
        let (along, rough) = match (y < 32, x < 48) {
            (true, true) => (x, 2.0),
            (true, false) => (1000 + y, 20.0),
            (false, true) => (2000 + x + y, 2.0),
            (false, false) => (3000 + x - y.min(x), 20.0),
        };
        (120.0 + 230.0 * noise(along) + rough * noise(i)) as i16
    };
    // Every place turns at a pace of its own, and a tone that rises: what adapts predicts these best.
    let paces = |i: usize| {
        let (t, y, x) = (i / 320, i / 20 % 16, i % 20);
        wave(t as f64 * (0.03 + 0.002 * (x + 2 * y) as f64) + (x * y) as f64 * 0.004) + 0.002 * noise(i)
    };
    let holes = |i: usize| if i % 20 > 15 + i / 320 % 3 { f64::NAN } else { paces(i) };
    let counts = |i: usize| 300.0 + 250.0 * wave((i % 64) as f64 / 80.0 + (i / 64) as f64 / 53.0);
    let rising = |i: usize| wave((i % 900) as f64 * (i % 900) as f64 * 6e-5) * 40.0 + 0.01 * noise(i);
    let ends = |i: usize| [i64::MIN, i64::MAX, 0, -1, 1 << 40, -7][(mix(i as u64) % 6) as usize];
    // From row to row by 2, so that some are near 1 where the largest is near 2^18.
    let magnitudes =
        |i: usize| (1.5 + moving(i, 28) + 0.001 * noise(i)) * 2f64.powi((i / 28 % 20) as i32 - 2);
    let fast = |case: Case| Case { options: Options { level: Level::FAST, ..case.options }, ..case };
    let spiked = |i: usize| frames(i) + if mix(i as u64).is_multiple_of(97) { 900.0 } else { 0.0 };
    let known = Dataset::from_arrays(vec![variable("frames", &[4, 9, 11], f32s(396, frames))]);
    let shared = || {
        let options = Options { method: Method::Predictive, ..best(BoundSpec::Abs(0.02)) };
        baler_train::train(std::slice::from_ref(&known), &options, &mut NoProgress)
            .expect("enough to learn from")
            .model
    };
    let with_model = |name, level, by_reference| Case {
        name,
        dataset: Dataset::from_arrays(vec![variable("frames", &[2, 5, 8, 12], f32s(960, frames))]),
        options: Options {
            level,
            model_by_reference: by_reference,
            method: Method::Predictive,
            ..best(BoundSpec::Abs(0.01))
        },
        model: Some(("predictive", shared())),
    };
    vec![
        with_model("predictive_model", Level::BEST, true),
        with_model("predictive_model_fast", Level::FAST, false),
        fast(case(
            "predictive_fast",
            BoundSpec::Abs(0.01),
            vec![
                variable("holes", &[5, 12, 15], f64s(900, volume)),
                variable("frames", &[3, 4, 9, 11], f32s(1188, spiked)),
                variable("series", &[4200], f32s(4200, series)),
                variable("rows", &[30, 40], f32s(1200, plane)),
            ],
        )),
        fast(case(
            "predictive_fast_lossless",
            BoundSpec::Lossless,
            vec![
                variable("image", &[64, 96], Values::I16((0..6144).map(quarters).collect())),
                variable("f64", &[14, 28], f64s(392, signed)),
                variable("magnitudes", &[40, 28], f32s(1120, magnitudes)),
                variable("ends", &[8, 25], Values::I64((0..200).map(ends).collect())),
            ],
        )),
        case("predictive_2d", BoundSpec::Rel(1e-3), vec![variable("plane", &[20, 36], f32s(720, plane))]),
        case(
            "predictive_3d",
            BoundSpec::Abs(0.01),
            vec![
                variable("holes", &[5, 12, 15], f64s(900, volume)),
                variable(
                    "wide",
                    &[5, 12, 15],
                    f64s(900, |i| if i % 15 > 12 { f64::NAN } else { 1e6 * frames(i) }),
                ),
            ],
        ),
        case(
            "predictive_4d",
            BoundSpec::Rel(1e-3),
            vec![
                variable("frames", &[3, 4, 9, 11], f32s(1188, frames)),
                variable("stacks", &[3, 1, 4, 3, 2, 11], f32s(792, frames)),
            ],
        ),
        case(
            "predictive_1d",
            BoundSpec::Abs(0.01),
            vec![
                variable("series", &[4200], f32s(4200, series)),
                variable("two", &[2, 300], f32s(600, two)),
                variable("short", &[200], f32s(200, series)),
            ],
        ),
        case(
            "predictive_lossless",
            BoundSpec::Lossless,
            vec![
                variable("f32", &[24, 28], f32s(672, signed)),
                variable("f16", &[14, 28], f16s(392, half)),
                variable("f64", &[14, 28], f64s(392, signed)),
                variable("ends", &[8, 25], Values::I64((0..200).map(ends).collect())),
            ],
        ),
        case(
            "predictive_filters",
            BoundSpec::Lossless,
            vec![
                variable("stacks", &[3, 4, 16, 20], f32s(3840, paces)),
                variable("frames", &[12, 16, 20], f64s(3840, holes)),
                variable("rising", &[2, 900], f32s(1800, rising)),
            ],
        ),
        case(
            "predictive_filters_bounded",
            BoundSpec::Abs(1e-3),
            vec![variable("stacks", &[3, 4, 16, 20], f32s(3840, paces))],
        ),
        case(
            "predictive_centred",
            BoundSpec::Abs(7.0),
            vec![
                variable("holes", &[12, 16, 20], f64s(3840, |i| 150.0 * holes(i))),
                variable("stacks", &[3, 4, 16, 20], f32s(3840, |i| (300.0 * paces(i)).max(0.0))),
                variable("counts", &[60, 64], Values::U16((0..3840).map(|i| counts(i) as u16).collect())),
            ],
        ),
        case(
            "predictive_blocks",
            BoundSpec::Lossless,
            vec![variable("image", &[64, 96], Values::I16((0..6144).map(quarters).collect()))],
        ),
    ]
}
