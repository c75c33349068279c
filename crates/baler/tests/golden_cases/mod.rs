//! The inputs of the golden files: values that integer arithmetic and `+ - * /` make the same everywhere, the options
//! they are compressed with, and models of a few weights by hand.

pub mod arrays;
mod interpolation;
pub mod live;
mod lockstep;
pub mod manifest;
pub mod merged;
mod models;
mod outliers;
mod predictive;
mod recast;

use baler::{BoundSpec, Dataset, Kind, Level, Method, Missing, Model, NoProgress, Options, Values, Variable};
use baler_data::dataset::kind::TimeUnit;
use baler_data::dataset::{Attachment, Storage};
use baler_data::dataset::{Layout, ListKind, Lists};
use half::f16;

/// One golden file.
pub struct Case {
    /// Name of the file, without `.bale`.
    pub name: &'static str,
    /// What is compressed.
    pub dataset: Dataset,
    /// How.
    pub options: Options,
    /// With what: (name of the `.balm` file, model).
    pub model: Option<(&'static str, Model)>,
}

/// Options for the smallest archive.
fn best(bound: BoundSpec) -> Options {
    Options { level: Level::BEST, ..Options::new(bound) }
}

/// Every golden file of version 1.
pub fn cases() -> Vec<Case> {
    let classical = |name, options: Options, variables: Vec<Variable>| Case {
        name,
        dataset: Dataset::from_arrays(variables),
        options: Options { method: Method::Classical, ..options },
        model: None,
    };
    let bound = |spec| best(spec);
    let mut cases = vec![
        classical("dtypes_lossless", bound(BoundSpec::Lossless), every_dtype()),
        classical("specials", bound(BoundSpec::Abs(0.01)), specials()),
        classical("bounds", bounds_options(), bounds()),
        classical("grid_uniform", bound(BoundSpec::Abs(0.05)), float_fields()),
        classical("grid_integer", bound(BoundSpec::Abs(3.5)), every_integer(24)),
        classical("grid_log", bound(BoundSpec::PwRel(0.01)), magnitudes()),
        classical("grid_exact", bound(BoundSpec::Lossless), exact_floats()),
        classical("coders", bound(BoundSpec::Lossless), coders()),
        classical("chunks", bound(BoundSpec::Rel(0.02)), long_series()),
        classical("shapes", bound(BoundSpec::Rel(0.01)), shapes()),
        classical("kinds", bound(BoundSpec::Abs(0.1)), kinds()),
        classical("cuts", cuts_options(), cuts()),
        classical("sums", sums_options(), cuts()),
    ];
    cases.extend(predictive::predictive());
    cases.extend(layouts());
    cases.extend(learned());
    cases.extend(tables());
    cases.push(fields());
    cases.extend(recast::recast());
    cases.extend(lockstep::lockstep());
    cases.extend(interpolation::interpolation());
    cases.extend(lockstep::counts());
    cases.extend(outliers::outliers());
    cases
}

/// 64 pseudo-random bits of `i` (SplitMix64).
fn mix(i: u64) -> u64 {
    let z = i.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Uniform in [-0.5, 0.5).
fn noise(i: usize) -> f64 {
    (mix(i as u64) >> 11) as f64 / (1u64 << 53) as f64 - 0.5
}

/// A smooth wave of period 1 and height 1: parabolas instead of a sine.
fn wave(x: f64) -> f64 {
    let x = x - (x as i64) as f64;
    if x < 0.5 { 16.0 * x * (0.5 - x) } else { -16.0 * (x - 0.5) * (1.0 - x) }
}

fn variable(name: &str, shape: &[usize], values: Values) -> Variable {
    Variable::new(name, shape.to_vec(), values).expect("values that fill the shape")
}

fn f32s(n: usize, value: impl Fn(usize) -> f64) -> Values {
    Values::F32((0..n).map(|i| value(i) as f32).collect())
}

fn f64s(n: usize, value: impl Fn(usize) -> f64) -> Values {
    Values::F64((0..n).map(value).collect())
}

fn f16s(n: usize, value: impl Fn(usize) -> f64) -> Values {
    Values::F16((0..n).map(|i| f16::from_f32(value(i) as f32)).collect())
}

/// Integers of each type: the ends of the range, and values near each other. `n_rows` rows of 5.
fn every_integer(n_rows: usize) -> Vec<Variable> {
    macro_rules! walk {
        ($variant:ident, $t:ty) => {{
            let mut values: Vec<$t> = vec![<$t>::MIN, <$t>::MAX, <$t>::MIN + 1, <$t>::MAX - 1];
            values.extend((4..5 * n_rows as u64).map(|i| (<$t>::MAX / 3).wrapping_add((mix(i) % 40) as $t)));
            variable(stringify!($variant), &[n_rows, 5], Values::$variant(values))
        }};
    }
    vec![
        walk!(I8, i8),
        walk!(I16, i16),
        walk!(I32, i32),
        walk!(I64, i64),
        walk!(U8, u8),
        walk!(U16, u16),
        walk!(U32, u32),
        walk!(U64, u64),
    ]
}

fn every_dtype() -> Vec<Variable> {
    let mut variables = every_integer(8);
    variables.push(variable("Bool", &[40], Values::Bool((0..40).map(|i| (mix(i) & 1) as u8).collect())));
    variables.push(variable("F16", &[40], f16s(40, |i| noise(i) * 100.0)));
    variables.push(variable("F32", &[40], f32s(40, |i| noise(i) * 1e10)));
    variables.push(variable("F64", &[40], f64s(40, |i| noise(i) * 1e-200)));
    variables
}

/// NaN with payloads, infinities, zeros with a sign, subnormals, fill values.
fn specials() -> Vec<Variable> {
    let mut f32_values: Vec<f32> = (0..240).map(|i| wave(i as f64 / 24.0) as f32).collect();
    f32_values[60..100].fill(f32::from_bits(0x7fc0_0000));
    let odd = [
        f32::from_bits(0x7fc1_2345),
        f32::from_bits(0xffc0_0000),
        f32::INFINITY,
        f32::NEG_INFINITY,
        -0.0,
        f32::from_bits(1),
        f32::from_bits(0x8000_0001),
        1e-42,
    ];
    f32_values[120..128].copy_from_slice(&odd);
    let mut f64_values: Vec<f64> = (0..240).map(|i| 280.0 + noise(i)).collect();
    for i in (3..240).step_by(5) {
        f64_values[i] = 1e20;
    }
    f64_values[7] = -0.0;
    f64_values[8] = f64::from_bits(0x7ff8_0000_dead_beef);
    let mut f16_values: Vec<f16> = (0..60).map(|i| f16::from_f32(i as f32 / 8.0)).collect();
    f16_values[5] = f16::from_bits(0x7e01);
    f16_values[6] = f16::INFINITY;
    let mut i16_values: Vec<i16> = (0..60).map(|i| (mix(i) % 50) as i16).collect();
    i16_values[10..20].fill(-9999);
    vec![
        variable("f32", &[12, 20], Values::F32(f32_values)),
        variable("f64", &[240], Values::F64(f64_values)),
        variable("f16", &[60], Values::F16(f16_values)),
        variable("i16", &[6, 10], Values::I16(i16_values)),
        variable("all_nan", &[30], f32s(30, |_| f64::NAN)),
        variable("zeros", &[8], f64s(8, |i| if i % 3 == 0 { -0.0 } else { 0.0 })),
    ]
}

fn bounds() -> Vec<Variable> {
    let value = |i: usize| 5.0 + wave(i as f64 / 30.0) + 0.01 * noise(i);
    ["abs", "rel", "pw_rel", "exact", "none"].map(|name| variable(name, &[2000], f32s(2000, value))).to_vec()
}

fn bounds_options() -> Options {
    let rule = |name: &str, spec| (name.to_string(), spec);
    let rules = vec![
        rule("rel", BoundSpec::Rel(1e-2)),
        rule("pw_rel", BoundSpec::PwRel(1e-2)),
        rule("exact", BoundSpec::Rel(0.1)),
        rule("none", BoundSpec::Rel(0.3)),
    ];
    let missing = vec![("exact".to_string(), Missing::Value(5.0))];
    Options { rules, missing, ..best(BoundSpec::Abs(0.02)) }
}

fn cuts_options() -> Options {
    let rule = |name: &str, spec| (name.to_string(), spec);
    let rules = vec![
        rule("pw_*", BoundSpec::PwRel(0.02)),
        rule("coarse", BoundSpec::PwRel(2.0)),
        rule("whole", BoundSpec::Abs(5.0)),
    ];
    let cuts = vec![
        ("*".to_string(), vec![0.0, 0.3, -0.25, 0.35]),
        ("pw_*".to_string(), vec![1.0, 30.0]),
        ("whole".to_string(), vec![40.5, 60.0]),
    ];
    let limits = vec![("f32".to_string(), [-3.5, 3.5])];
    Options { rules, cuts, limits, ..best(BoundSpec::Abs(0.2)) }
}

/// The same promises for fewer variables, and the sums of all.
fn sums_options() -> Options {
    let Options { rules, cuts, .. } = cuts_options();
    let cuts = cuts.into_iter().filter(|(name, _)| name == "pw_*" || name == "whole").collect();
    Options { rules, cuts, keep_sum: vec!["*".to_string()], ..best(BoundSpec::Abs(0.2)) }
}

/// Values near the thresholds of [`cuts_options`], with holes.
fn cuts() -> Vec<Variable> {
    let holes = |i: usize, x: f64| if i % 97 == 5 { f64::NAN } else { x };
    let field = |i: usize| {
        holes(i, 3.0 * wave((i % 24) as f64 / 24.0) * wave((i / 24) as f64 / 40.0) + 0.1 * noise(i))
    };
    let steep = |i: usize| field(i) * field(i) * 8.0;
    vec![
        variable("f16", &[20, 24], f16s(480, field)),
        variable("f32", &[5, 4, 24], f32s(480, field)),
        variable("f64", &[480], f64s(480, field)),
        variable("pw_f32", &[20, 24], f32s(480, steep)),
        variable("coarse", &[100], f64s(100, field)),
        variable("whole", &[40, 20], Values::U8((0..800).map(|i| (mix(i) % 100) as u8).collect())),
        variable(
            "pw_whole",
            &[40, 20],
            Values::I64((0..800).map(|i| (mix(i) % 5000) as i64 - 100).collect()),
        ),
    ]
}

fn float_fields() -> Vec<Variable> {
    let field = |i: usize| 3.0 * wave((i % 24) as f64 / 24.0) * wave((i / 24) as f64 / 40.0) + 0.1 * noise(i);
    let depth = |i: usize| field(i).max(0.0);
    vec![
        variable("f16", &[20, 24], f16s(480, field)),
        variable("f32", &[20, 24], f32s(480, field)),
        variable("f64", &[5, 4, 24], f64s(480, field)),
        variable("non_negative", &[20, 24], f32s(480, depth)),
    ]
}

fn magnitudes() -> Vec<Variable> {
    let value = |i: usize| {
        let power = (0..mix(i as u64) % 20).fold(1e-4, |power, _| power * 3.0);
        match i % 11 {
            0 => 0.0,
            1 | 2 => -power * (1.0 + noise(i)),
            _ => power * (1.0 + noise(i)),
        }
    };
    vec![
        variable("f16", &[300], f16s(300, |i| value(i) * 1e-2)),
        variable("f32", &[300], f32s(300, value)),
        variable("f64", &[300], f64s(300, |i| value(i) * 1e100)),
        variable("whole", &[300], f64s(300, |i| (value(i) as i32) as f64)),
        variable("i32", &[300], Values::I32((0..300).map(|i| value(i) as i32).collect())),
        variable("u64", &[300], Values::U64((0..300).map(|i| mix(i) >> (mix(i + 7) % 64)).collect())),
    ]
}

/// Floats that coarser grids hold exactly.
fn exact_floats() -> Vec<Variable> {
    let cents = |i: usize| (mix(i as u64) % 5000) as f64;
    vec![
        variable("decimal_f64", &[300], f64s(300, |i| cents(i) / 100.0)),
        variable("decimal_f32", &[300], f32s(300, |i| cents(i) / 10.0)),
        variable("lattice", &[300], f64s(300, |i| cents(i) / 64.0 - 20.0)),
        variable("whole", &[300], f32s(300, |i| cents(i) - 2500.0)),
        variable("f32_in_f64", &[300], f64s(300, |i| (noise(i) * (1.0 + cents(i))) as f32 as f64)),
        variable("random", &[300], f64s(300, |i| noise(i) * cents(i))),
    ]
}

/// Grids of integers that each take another coder.
fn coders() -> Vec<Variable> {
    let i64s = |name: &str, shape: &[usize], value: &dyn Fn(usize) -> i64| {
        variable(name, shape, Values::I64((0..shape.iter().product()).map(value).collect()))
    };
    let few = |i: usize| [5, 1_000_000, -77, 1 << 40, 12_345_678_901][(mix(i as u64) % 5) as usize];
    let mut strain = vec![0i64, 3000];
    for i in 2..2400usize {
        let (a, b) = (strain[i - 1], strain[i - 2]);
        strain.push((a * 12 - b * 9) / 10 + (mix(i as u64) % 4000) as i64 - 2000);
    }
    vec![
        i64s("constant", &[7, 9], &|_| -42),
        i64s("ramp", &[500], &|i| 1_000_000_007 * i as i64),
        i64s("plane", &[20, 30], &|i| (i / 30 * 1000 + i % 30 * 777) as i64 + (mix(i as u64) % 4) as i64),
        i64s("parabola", &[400], &|i| (i * i * 10) as i64 + (mix(i as u64) % 4) as i64),
        i64s("repeats", &[2400], &|i| (i % 120 * 977 % 251) as i64),
        i64s("wide", &[200], &|i| mix(i as u64) as i64),
        i64s("few", &[900], &few),
        variable("strain", &[2400], Values::I64(strain)),
    ]
}

/// Rows that are chunks.
fn long_series() -> Vec<Variable> {
    let value = |i: usize| if i % 16384 < 12000 { 0.0 } else { wave((i % 16384) as f64 / 1000.0) };
    vec![variable("series", &[3, 16384], f32s(3 * 16384, value))]
}

fn shapes() -> Vec<Variable> {
    let mut fortran = variable("fortran", &[6, 5], f32s(30, |i| i as f64));
    fortran.storage = Storage { fortran_order: true, ..Storage::default() };
    let mut big_endian = variable("big_endian", &[30], f64s(30, |i| i as f64 / 7.0));
    big_endian.storage = Storage { big_endian: true, ..Storage::default() };
    vec![
        variable("scalar", &[], f64s(1, |_| 2.5)),
        variable("one", &[1, 1, 1], f32s(1, |_| -7.25)),
        variable("empty", &[0, 4], f32s(0, |_| 0.0)),
        variable("five_axes", &[2, 3, 1, 4, 5], f32s(120, noise)),
        variable("six_axes", &[2, 3, 2, 2, 3, 5], f32s(360, |i| i as f64 + noise(i))),
        fortran,
        big_endian,
    ]
}

/// Fields beside another: floats by order with holes in both, and numbers that fit 32 bits.
fn fields() -> Case {
    let depth = |i: usize| (i / 99 % 5) as f64;
    let warm = |i: usize| {
        let warm = 285.0 + 4.0 * wave((i % 11) as f64 / 11.0 + depth(i) * 0.3) + 3.0 * noise(i);
        (warm * 8.0) as i64 as f64 / 8.0
    };
    let level = |i: usize| if depth(i) == 0.0 { 0.0 } else { warm(i) + warm(i - 99) };
    let pressure = |i: usize| 1e5 - 900.0 * depth(i) - 3.0 * level(i) + 0.02 * noise(i + 5000);
    let holes = |i: usize| if i % 99 == 40 { 1e20 } else { warm(i) };
    let masked = |i: usize| if i % 33 == 7 { f64::NAN } else { pressure(i) };
    let lossless = |name: &str| (name.to_string(), BoundSpec::Lossless);
    let rough = |i: usize| 50.0 * noise(i / 40) + 30.0 * noise(i + 9000);
    Case {
        name: "fields",
        dataset: Dataset::from_arrays(vec![
            variable("pressure", &[3, 5, 9, 11], f32s(1485, masked)),
            variable("green", &[30, 40], f32s(1200, |i| 0.7 * rough(i) + 0.4 * noise(i + 20_000))),
            variable("warm", &[3, 5, 9, 11], f32s(1485, holes)),
            variable("red", &[30, 40], f64s(1200, rough)),
            variable("blue", &[30, 40], f32s(1200, |i| 90.0 - rough(i) + 0.4 * noise(i + 30_000))),
        ]),
        options: Options { rules: vec![lossless("pressure"), lossless("warm")], ..best(BoundSpec::Abs(0.1)) },
        model: None,
    }
}

/// Tables: four-vectors, gates, sums, repeats, lattices, sorted rows, columns that follow the row before.
fn tables() -> Vec<Case> {
    let case = |name, spec| Case {
        name,
        dataset: Dataset::from_arrays(table(1500)),
        options: Options {
            rules: vec![("n_*".to_string(), BoundSpec::Lossless)],
            missing: vec![("*".to_string(), Missing::None)],
            ..best(spec)
        },
        model: None,
    };
    // A model of other rows, for another bound: the bins of its columns are tiled anew.
    let given = |name, trained, spec, model_by_reference, file| {
        let like = case(name, trained);
        let other = Case { dataset: Dataset::from_arrays(table(700)), ..case(name, spec) };
        let trained = baler_train::train(&[like.dataset], &like.options, &mut NoProgress).expect("a table");
        let options = Options { model_by_reference, ..other.options };
        Case { options, model: Some((file, trained.model)), ..other }
    };
    vec![
        case("table_lossless", BoundSpec::Lossless),
        case("table_rel", BoundSpec::Rel(1e-3)),
        case("table_pw_rel", BoundSpec::PwRel(1e-2)),
        given("table_model", BoundSpec::Rel(1e-3), BoundSpec::Rel(1.3e-3), false, "table"),
        given("table_model_log", BoundSpec::PwRel(1e-2), BoundSpec::PwRel(6e-3), true, "table_log"),
    ]
}

fn table(n: usize) -> Vec<Variable> {
    let functions = baler_codec::table::elementary::Elementary::default();
    let f32_of = |values: &[f64]| Values::F32(values.iter().map(|&x| x as f32).collect());
    let rounded = |x: f64| x as f32 as f64;
    let column = |value: &dyn Fn(usize) -> f64| (0..n).map(|i| rounded(value(i))).collect::<Vec<f64>>();
    // Falling inside groups of 10.
    let pt = column(&|i| 100.0 / (1 + i % 10) as f64 + 3.0 * noise(i) + 5.0);
    let eta = column(&|i| 4.0 * noise(i + n));
    let phi = column(&|i| 6.25 * noise(i + 2 * n));
    let mass = column(&|i| 0.1 * pt[i] * (1.0 + noise(i + 3 * n)));
    let count = |i: usize, salt: usize| mix((i + salt * n) as u64) % 5 * (mix((i / 3 + salt) as u64) % 2);
    let (charged, neutral) = (|i| count(i, 4), |i| count(i, 5));
    let energy = |i: usize| {
        let p = pt[i] * functions.sinh_cosh(eta[i]).1;
        (p * p + mass[i] * mass[i]).sqrt()
    };
    let share = |i: usize| match (charged(i), neutral(i)) {
        (0, 0) => 0.0,
        (_, 0) => 1.0,
        (0, _) => 0.0,
        _ => 0.5 + 0.8 * noise(i + 6 * n),
    };
    let in_charged = column(&|i| share(i) * energy(i));
    let in_neutral = column(&|i| if neutral(i) == 0 { 0.0 } else { energy(i) - in_charged[i] });
    let both = column(&|i| in_charged[i] + in_neutral[i]);
    let whole = |value: &dyn Fn(usize) -> u64| Values::I16((0..n).map(|i| value(i) as i16).collect());
    let mut holes = column(&|i| 2.0 * pt[i] - 1.0);
    for i in (5..n).step_by(97) {
        holes[i] = f64::NAN;
    }
    vec![
        variable("pt", &[n], f32_of(&pt)),
        variable("eta", &[n], f32_of(&eta)),
        variable("phi", &[n], f32_of(&phi)),
        variable("mass", &[n], f32_of(&mass)),
        variable("px", &[n], f32s(n, |i| pt[i] * functions.sin_cos(phi[i]).1)),
        variable("py", &[n], f64s(n, |i| pt[i] * functions.sin_cos(phi[i]).0)),
        variable("pz", &[n], f32s(n, |i| pt[i] * functions.sinh_cosh(eta[i]).0)),
        variable("energy", &[n], f32s(n, energy)),
        variable("in_charged", &[n], f32_of(&in_charged)),
        variable("in_neutral", &[n], f32_of(&in_neutral)),
        variable("both", &[n], f32_of(&both)),
        variable("n_charged", &[n], whole(&charged)),
        variable("n_neutral", &[n], whole(&neutral)),
        variable("n_all", &[n], whole(&|i| charged(i) + neutral(i))),
        variable("again", &[n], f32_of(&phi)),
        variable("holes", &[n], f32_of(&holes)),
        variable("area", &[n], f64s(n, |i| 0.25 * (mix((i + 7 * n) as u64) % 20) as f64)),
        variable("drift", &[n], f64s(n, |i| i as f64 * 0.37 + noise(i))),
    ]
}

/// Predictive streams: one to four axes, masks, both widths, floats by order, classes by scale and by block.
fn layouts() -> Vec<Case> {
    let column = |name: &str, scale: f64| {
        variable(name, &[120], f32s(120, |i| scale * (wave(i as f64 / 50.0) + 0.1 * noise(i))))
    };
    let columns = vec![column("pt", 100.0), column("eta", 2.5), column("phi [rad] \u{3c6}", 3.0)];
    let mut table = Dataset::from_table(columns.clone());
    table.variables.push(variable("weights", &[3], f64s(3, |i| i as f64)));
    table.attachments = vec![Attachment { name: "kinds".into(), position: 2, bytes: b"as it is".to_vec() }];
    let options = |spec| Options { method: Method::Classical, ..best(spec) };
    let single = Dataset {
        layout: Layout::Single,
        ..Dataset::from_arrays(vec![variable("data", &[9, 9], f64s(81, noise))])
    };
    let csv = Dataset { layout: Layout::Columns, ..Dataset::from_arrays(columns) };
    [
        ("layout_table", table),
        ("layout_single", single),
        ("layout_columns", csv),
        ("lists", lists()),
        ("limits", limits()),
    ]
    .map(|(name, dataset)| Case { name, dataset, options: options(BoundSpec::Rel(1e-3)), model: None })
    .into()
}

/// Numbers of which a bound makes steps that reach beyond the values, with fill values where every seventh stands.
fn limits() -> Dataset {
    let filled = |i: usize, fill: i64, value: i64| if i.is_multiple_of(7) { fill } else { value };
    let of = |i: usize| (i * i * 7919 % 5003) as i64;
    let all = || 0..60usize;
    Dataset::from_arrays(vec![
        variable("counts", &[6, 10], Values::U16(all().map(|i| filled(i, 65535, of(i)) as u16).collect())),
        variable(
            "signed",
            &[60],
            Values::I32(all().map(|i| filled(i, i32::MIN as i64, of(i) - 2500) as i32).collect()),
        ),
        variable("wide", &[60], Values::U64(all().map(|i| (1 << 63) + (of(i) << 40) as u64).collect())),
        variable("half", &[60], f16s(60, |i| -0.5 - of(i) as f64 * 1e-3)),
        variable("single", &[60], f32s(60, |i| filled(i, -999, of(i)) as f64 * 0.37 + 1.0)),
    ])
}

/// Lists with a counter, with made counts, and inside of each other with values that are missing.
fn lists() -> Dataset {
    let counted = |name: &str, values: Values, counts: usize, kind: ListKind| {
        let mut variable = variable(name, &[values.len()], values);
        variable.storage.lists = Some(Lists { counts, kind });
        variable
    };
    let lengths: Vec<u8> = (0..40).map(|i| (i * i % 5) as u8).collect();
    let n_items = lengths.iter().map(|&n| usize::from(n)).sum();
    let present: Vec<u8> = (0..n_items).map(|i| u8::from(i % 3 != 1)).collect();
    let n_present: usize = present.iter().map(|&n| usize::from(n)).sum();
    Dataset::from_arrays(vec![
        counted("pt", f32s(n_items, noise), 1, ListKind::Counter),
        variable("n", &[40], Values::U8(lengths)),
        counted("hits#present", Values::Bool(present), 1, ListKind::Vector),
        counted("hits", Values::I32((0..n_present as i32).collect()), 2, ListKind::Optional),
    ])
}

/// Variables of every kind: texts as lists (one of them missing) and of fixed width, bytes, complex numbers, times, codes.
fn kinds() -> Vec<Variable> {
    let kind = |variable: Variable, kind: Kind| {
        let storage = Storage { kind, ..variable.storage };
        Variable { storage, ..variable }
    };
    let counted = |variable: Variable, counts: usize, list_kind: ListKind| {
        let storage = Storage { lists: Some(Lists { counts, kind: list_kind }), ..variable.storage };
        Variable { storage, ..variable }
    };
    let words = ["Oslo", "", "Zürich", "Genève", "Oslo"];
    let lengths: Vec<i32> = words.iter().map(|word| word.len() as i32).collect();
    let bytes = words.concat().into_bytes();
    let points: Vec<u32> = (0..24).map(|i| if i % 6 < 4 { 0x3b1 + i } else { 0 }).collect();
    let days = Values::I32((0..20).map(|i| 18_000 + 7 * i).collect());
    let spans = Values::I64((0..20).map(|i| mix(i) as i64 >> 20).collect());
    vec![
        variable("place#present", &[6], Values::Bool(vec![1, 1, 1, 0, 1, 1])),
        counted(variable("place#counts", &[5], Values::I32(lengths)), 0, ListKind::Optional),
        kind(counted(variable("place", &[bytes.len()], Values::U8(bytes)), 1, ListKind::Vector), Kind::Text),
        kind(variable("greek", &[4, 6], Values::U32(points)), Kind::Text),
        kind(variable("raw", &[5, 16], Values::U8((0..80).map(|i| mix(i) as u8).collect())), Kind::Bytes),
        kind(
            variable("signal", &[12, 2], f32s(24, |i| 3.0 * wave(i as f64 / 24.0) + noise(i))),
            Kind::Complex,
        ),
        kind(variable("day", &[20], days), Kind::Time(TimeUnit::Day)),
        kind(variable("span", &[20], spans), Kind::Duration(TimeUnit::Nanosecond)),
        kind(
            variable("class", &[20], Values::U8((0..20).map(|i| (mix(i) % 5) as u8).collect())),
            Kind::Exact,
        ),
    ]
}

/// The autoencoder: a table with every trait of dense networks, fields of two and three axes.
fn learned() -> Vec<Case> {
    let x = |i: usize| 50.0 * wave(i as f64 / 40.0);
    let y = |i: usize| 0.5 * x(i) + noise(i);
    let tail = |i: usize| if i.is_multiple_of(17) { 1e4 * noise(i) } else { noise(i) };
    let with_gap = |i: usize| if i % 50 == 3 { f64::NAN } else { y(i) };
    let table = Dataset::from_table(vec![
        variable("x", &[300], f32s(300, x)),
        variable("y", &[300], f32s(300, with_gap)),
        variable("tail", &[300], f32s(300, tail)),
    ]);
    let image = |i: usize| 10.0 + 4.0 * wave((i % 27) as f64 / 27.0) + 2.0 * wave((i / 27) as f64 / 20.0);
    let image = Dataset {
        layout: Layout::Single,
        ..Dataset::from_arrays(vec![variable("data", &[20, 27], f32s(540, image))])
    };
    let volume = |i: usize| wave((i % 11) as f64 / 11.0) + wave((i / 110) as f64 / 9.0) + 0.01 * noise(i);
    let volume = Dataset::from_arrays(vec![
        variable("rho", &[9, 10, 11], f64s(990, volume)),
        variable("time", &[9], f64s(9, |i| i as f64)),
    ]);
    let case = |name, dataset: &Dataset, spec, by_reference, model: (&'static str, Model)| Case {
        name,
        dataset: dataset.clone(),
        options: Options { method: Method::Autoencoder, model_by_reference: by_reference, ..best(spec) },
        model: Some(model),
    };
    let dense = || ("dense", models::dense(&["x", "y", "tail"]));
    let conv2d = || ("conv2d", models::conv2d("data"));
    let conv3d = || ("conv3d", models::conv3d("rho"));
    let log = || ("dense_log", models::dense_log("x"));
    let positive = Dataset::from_table(vec![variable("x", &[300], f32s(300, |i| 1.0 + x(i) * x(i)))]);
    let power = |i: usize| (0..i % 18).fold(1e-4, |power, _| power * 3.0) * (1.0 + noise(i));
    let half = Dataset::from_table(vec![variable("h", &[300], f16s(300, power))]);
    vec![
        case("dense_residual", &table, BoundSpec::Abs(0.01), false, dense()),
        case("dense_unbounded", &table, BoundSpec::Unbounded, true, dense()),
        case("dense_pw_rel", &positive, BoundSpec::PwRel(1e-3), false, log()),
        case("dense_overflow", &half, BoundSpec::Unbounded, false, ("dense_order", models::dense_order("h"))),
        case("conv2d_residual", &image, BoundSpec::Rel(1e-3), true, conv2d()),
        case("conv2d_unbounded", &image, BoundSpec::Unbounded, false, conv2d()),
        case("conv3d_residual", &volume, BoundSpec::Abs(1e-3), false, conv3d()),
        case("conv3d_unbounded", &volume, BoundSpec::Unbounded, true, conv3d()),
    ]
}
