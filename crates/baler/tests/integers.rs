//! Promise: whoever types the obvious on counts, masks, classes and tables of particles gets right data or a line that says
//! what would be lost. Nothing that comes back lies outside the range of what went in, with a bound and without one.

use baler::{
    BoundSpec, Dataset, Method, NoProgress, Options, Report, Size, Values, Variable, compress_with,
    decompress,
};
use baler_data::random::Rng;

const SHAPE: [usize; 3] = [12, 20, 32];

/// Counts of photons around `mean` (the sum of a few uniform numbers), less where a frame is dark.
fn counts(mean: f64) -> Vec<u32> {
    let mut rng = Rng::new(3, 0);
    let n: usize = SHAPE.iter().product();
    (0..n).map(|_| (0..4).map(|_| rng.below((mean / 2.0) as usize + 1) as u32).sum()).collect()
}

/// True where a detector has no pixels: two rows and a few pixels of each frame.
fn is_masked(idx: usize) -> bool {
    let pixel = idx % (SHAPE[1] * SHAPE[2]);
    (7..9).contains(&(pixel / SHAPE[2])) || pixel % 97 == 13
}

/// Frames whose masked pixels are `mask`, with the mask itself.
fn frames<T: Copy>(mean: f64, mask: T, of: fn(u32) -> T, values: fn(Vec<T>) -> Values) -> Dataset {
    let counts: Vec<T> =
        counts(mean).iter().enumerate().map(|(i, &x)| if is_masked(i) { mask } else { of(x) }).collect();
    let pixels = (0..SHAPE[1] * SHAPE[2]).map(|i| is_masked(i) as u8).collect();
    Dataset::from_arrays(vec![
        Variable::new("frames", SHAPE.to_vec(), values(counts)).unwrap(),
        Variable::new("pixel_mask", SHAPE[1..].to_vec(), Values::U8(pixels)).unwrap(),
    ])
}

fn detectors() -> Vec<(&'static str, Dataset)> {
    vec![
        ("uint8", frames(12.0, u8::MAX, |x| x as u8, Values::U8)),
        ("uint16", frames(30.0, u16::MAX, |x| x as u16, Values::U16)),
        ("uint32", frames(30.0, u32::MAX, |x| x, Values::U32)),
        ("int32", frames(30.0, -1, |x| x as i32, Values::I32)),
        ("float32", frames(30.0, 65535.0, |x| x as f32, Values::F32)),
    ]
}

fn round_trip(data: &Dataset, options: &Options) -> (Dataset, Report) {
    let compressed = compress_with(data, options, None, &mut NoProgress).unwrap_or_else(|e| panic!("{e}"));
    (decompress(&compressed.bytes).unwrap(), compressed.report)
}

fn floats(values: &Values) -> Vec<f64> {
    baler_data::with_values!(values, values => baler_data::element::as_f64(values).unwrap())
}

#[test]
fn masks_are_exact_and_nothing_leaves_the_range_under_any_promise() {
    let sized = |size| Options { size: Some(size), ..Options::new(BoundSpec::Unbounded) };
    let promises = [
        sized(Size::Ratio(5.0)),
        sized(Size::Latent(4)),
        Options::new(BoundSpec::Abs(3.0)),
        Options::new(BoundSpec::Rel(1e-1)),
    ];
    for (dtype, data) in detectors() {
        for options in &promises {
            let (back, report) = round_trip(&data, options);
            let context = format!("{dtype} {:?} {:?}", options.bound, options.size);
            assert_eq!(data.variables[1], back.variables[1], "{context}: the mask");
            let (before, after) = (floats(&data.variables[0].values), floats(&back.variables[0].values));
            let inside = || before.iter().enumerate().filter(|(i, _)| !is_masked(*i)).map(|(_, x)| *x);
            let (low, high) = (inside().fold(f64::MAX, f64::min), inside().fold(f64::MIN, f64::max));
            for (i, (x, y)) in before.iter().zip(&after).enumerate() {
                match is_masked(i) {
                    true => assert_eq!(x, y, "{context}: pixel {i}"),
                    false => {
                        assert!((low..=high).contains(y) && y.fract() == 0.0, "{context}: {x} became {y}")
                    }
                }
            }
            assert_eq!(report.variables[0].missing, [before[13]], "{context}");
            let told =
                report.warnings.iter().any(|line| line.contains("'frames'") && line.contains("missing"));
            assert!(told, "{context}: {:?}", report.warnings);
        }
    }
}

#[test]
fn a_measure_stays_lossy_and_a_rule_that_names_a_mask_counts() {
    let (_, data) = detectors().remove(2);
    let (back, report) = round_trip(&data, &Options::new(BoundSpec::Abs(3.0)));
    assert!(data.variables[0] != back.variables[0] && report.variables[0].max_error == 3.0);
    let options = |name: &str| {
        let rules = vec![(name.to_string(), BoundSpec::Abs(3.0))];
        Options { rules, ..Options::new(BoundSpec::Abs(3.0)) }
    };
    assert_eq!(data.variables[1], round_trip(&data, &options("pixel_*")).0.variables[1]);
    assert!(data.variables[1] != round_trip(&data, &options("pixel_mask")).0.variables[1]);
}

/// 4000 rows of columns that are classes, flags, identifiers, true and false.
fn labels() -> Dataset {
    let mut rng = Rng::new(5, 0);
    let mut column = |n: usize| (0..4000).map(|_| rng.below(n) as i64).collect::<Vec<i64>>();
    let (classes, flags, events) = (column(6), column(2), column(1 << 40));
    let codes = column(30).iter().map(|i| i * i * 7 - 40).collect();
    let bools = flags.iter().map(|&x| x as u8).collect();
    let halves = flags.iter().map(|&x| x as f32 * 0.25 - 3.0).collect();
    let columns = [
        ("class", Values::I64(classes)),
        ("x", Values::I64(codes)),
        ("event", Values::I64(events)),
        ("good", Values::Bool(bools)),
        ("side", Values::F32(halves)),
        ("offsets", Values::I64((0..4000).map(|i| i * 17 + i % 5).collect())),
        ("still", Values::F64(vec![0.1; 4000])),
    ];
    Dataset::from_arrays(
        columns.map(|(name, values)| Variable::new(name, vec![4000], values).unwrap()).into(),
    )
}

#[test]
fn classes_flags_and_identifiers_are_exact_and_told_in_one_line() {
    let data = labels();
    for bound in [BoundSpec::Abs(3.0), BoundSpec::Rel(0.1), BoundSpec::PwRel(0.5)] {
        let (back, report) = round_trip(&data, &Options { method: Method::Classical, ..Options::new(bound) });
        for (before, after) in data.variables.iter().zip(&back.variables) {
            assert_eq!(before, after, "{bound:?}");
        }
        assert_eq!(report.warnings.len(), 1, "{:?}", report.warnings);
        for part in ["kept exactly", "'event' (by its name)", "'offsets' (never falls)", "=abs:E'"] {
            assert!(report.warnings[0].contains(part), "{part}: {}", report.warnings[0]);
        }
    }
}

#[test]
fn times_since_1970_are_exact_and_told_with_their_unit() {
    let mut rng = Rng::new(8, 0);
    // Rides of 2024, not in order: a thousandth of their range is nine hours.
    let pickup: Vec<i64> =
        (0..3000).map(|_| 1_704_067_200_000_000 + rng.below(31_000_000) as i64 * 1_000_000).collect();
    let distance = (0..3000).map(|_| rng.uniform() * 20.0).collect();
    let data = Dataset::from_arrays(vec![
        Variable::new("pickup", vec![3000], Values::I64(pickup)).unwrap(),
        Variable::new("distance", vec![3000], Values::F64(distance)).unwrap(),
    ]);
    let options = Options { method: Method::Classical, ..Options::new(BoundSpec::Rel(1e-3)) };
    let (back, report) = round_trip(&data, &options);
    assert_eq!(data.variables[0], back.variables[0]);
    assert!(data.variables[1] != back.variables[1]);
    assert!(report.warnings[0].contains("'pickup' (times in us since 1970)"), "{:?}", report.warnings);
    let rules = vec![("pickup".to_string(), BoundSpec::Abs(1e6))];
    let (_, report) = round_trip(&data, &Options { rules, ..options });
    assert!(report.variables[0].max_error > 0.0 && report.variables[0].max_error <= 1e6);
}

#[test]
fn a_bound_that_leaves_nothing_of_most_values_is_told_in_numbers() {
    let mut values: Vec<u32> = counts(30.0);
    values[77] = 4_294_967_295;
    let frames = Variable::new("counts", SHAPE.to_vec(), Values::U32(values)).unwrap();
    let options = Options { method: Method::Classical, ..Options::new(BoundSpec::Rel(1e-3)) };
    let (_, report) = round_trip(&Dataset::from_arrays(vec![frames]), &options);
    let line = &report.warnings[0];
    for part in [
        "'counts': the bound 4294967",
        "98 %",
        "nothing of them would be kept",
        "--missing 'counts=4294967295'",
    ] {
        assert!(line.contains(part), "{part}: {line}");
    }
    assert_eq!((report.variables[0].limit.floor(), report.variables[0].missing.len()), (4_294_967.0, 0));
    assert!(report.variables[0].quantiles.is_some_and(|q| q[0] < 12.0 && q[2] < 70.0), "{report:?}");
    let near =
        Variable::new("near", vec![100], Values::F64((0..100).map(|i| 5.0 + i as f64 * 0.01).collect()));
    let options = Options { method: Method::Classical, ..Options::new(BoundSpec::Abs(0.7)) };
    let (_, report) = round_trip(&Dataset::from_arrays(vec![near.unwrap()]), &options);
    assert!(report.warnings[0].contains("may make it constant"), "{:?}", report.warnings);
}

/// Pairs of muons from Z bosons at 91.2 GeV with a width of 2.8 on a falling spectrum of pt, and what else events have.
fn particles() -> Dataset {
    let n = 20_000;
    let mut rng = Rng::new(11, 0);
    let mut columns: [Vec<f32>; 6] = Default::default();
    for _ in 0..n {
        let gauss = (0..12).map(|_| rng.uniform()).sum::<f64>() - 6.0;
        let mass = 91.2 + 2.8 * gauss;
        let pt = 20.0 * (1.0 - rng.uniform() * 0.9999).powf(-0.45);
        let (eta, phi) = ((rng.uniform() - 0.5) * 4.0, (rng.uniform() - 0.5) * std::f64::consts::TAU);
        let turn = (rng.uniform() - 0.5) * 3.0;
        // pt2 follows from the mass: m^2 = 2 pt1 pt2 (cosh d_eta - cos d_phi).
        let pt2 = mass * mass / (2.0 * pt * (turn.cosh() + 1.0));
        let second = phi + if phi > 0.0 { -std::f64::consts::PI } else { std::f64::consts::PI };
        let row = [pt, eta, phi, pt2, eta + turn, second];
        columns.iter_mut().zip(row).for_each(|(column, x)| column.push(x as f32));
    }
    let event = (0..n).map(|i| 2_000_000_000_000 + ((i * 7919) % n) as u64 * 313).collect();
    let n_jets = (0..n).map(|i| (i * i % 9) as u32).collect();
    let names = ["Muon1_pt", "Muon1_eta", "Muon1_phi", "Muon2_pt", "Muon2_eta", "Muon2_phi"];
    let mut all: Vec<Variable> = (names.iter().zip(columns))
        .map(|(name, column)| Variable::new(*name, vec![n], Values::F32(column)).unwrap())
        .collect();
    all.push(Variable::new("event", vec![n], Values::U64(event)).unwrap());
    all.push(Variable::new("nJet", vec![n], Values::U32(n_jets)).unwrap());
    Dataset::from_arrays(all)
}

/// Root mean square deviation of the invariant mass, and muons above 30 GeV.
fn z_width_and_hard_muons(data: &Dataset) -> (f64, usize) {
    let columns: Vec<Vec<f64>> = data.variables[..6].iter().map(|v| floats(&v.values)).collect();
    let masses: Vec<f64> = (0..columns[0].len())
        .map(|i| {
            let [pt, eta, phi, pt2, eta2, phi2] = [0, 1, 2, 3, 4, 5].map(|k| columns[k][i]);
            (2.0 * pt * pt2 * ((eta - eta2).cosh() - (phi - phi2).cos())).sqrt()
        })
        .collect();
    let mean = masses.iter().sum::<f64>() / masses.len() as f64;
    let square = masses.iter().map(|m| (m - mean) * (m - mean)).sum::<f64>() / masses.len() as f64;
    let hard = [0, 3].iter().map(|&k| columns[k].iter().filter(|pt| **pt > 30.0).count()).sum();
    (square.sqrt(), hard)
}

#[test]
fn the_recipe_for_particles_keeps_the_z_peak_and_a_range_is_warned_about() {
    let data = particles();
    let rules = ["*eta", "*phi"].map(|name| (name.to_string(), BoundSpec::Abs(1e-3))).into();
    let options = Options { rules, method: Method::Classical, ..Options::new(BoundSpec::PwRel(1e-3)) };
    let (back, report) = round_trip(&data, &options);
    assert_eq!(data.variables[6..], back.variables[6..], "counters");
    let ((width, hard), (width_back, hard_back)) =
        (z_width_and_hard_muons(&data), z_width_and_hard_muons(&back));
    assert!((width_back / width - 1.0).abs() < 0.01, "{width} {width_back}");
    assert!((hard_back as f64 / hard as f64 - 1.0).abs() < 1e-3, "{hard} {hard_back}");
    assert_eq!(report.warnings.len(), 1, "only the counters: {:?}", report.warnings);
    let (_, report) =
        round_trip(&data, &Options { method: Method::Classical, ..Options::new(BoundSpec::Rel(1e-3)) });
    let line = report.warnings.iter().find(|line| line.starts_with("heavy tails")).expect("a line");
    assert!(line.contains("'Muon1_pt") && line.contains("=pw-rel:0.001'"), "{line}");
}

#[test]
fn the_places_along_an_axis_are_exact() {
    let line = |n: usize| (0..n).map(|i| 90.0 - 0.37 * i as f32).collect::<Vec<f32>>();
    let data = Dataset::from_arrays(vec![
        Variable::new("lat", vec![50], Values::F32(line(50))).unwrap(),
        Variable::new("x", vec![51], Values::F32(line(51))).unwrap(),
        Variable::new("wind", vec![50, 20], Values::F32(line(1000))).unwrap(),
    ]);
    let options = Options { method: Method::Classical, ..Options::new(BoundSpec::Rel(1e-3)) };
    let back = round_trip(&data, &options).0;
    let same: Vec<bool> = data.variables.iter().zip(&back.variables).map(|(a, b)| a == b).collect();
    assert_eq!(same, [true, false, false]);
}
