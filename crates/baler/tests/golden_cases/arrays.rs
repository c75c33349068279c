//! Single arrays: one a kind of stream, of grid and of dtype, and one with a model of others.

use super::manifest::{asset, values_hash};
use super::{mix, noise};
use baler::{
    ArrayOptions, BoundSpec, Dataset, Level, Method, Model, Values, Variable, decode_array, encode_array,
};
use baler_data::element::Element;
use half::f16;

/// An array as it is stored, its values, and the model file that it names.
pub struct Case {
    /// Name of the file, without `.array`.
    pub name: &'static str,
    /// What is written today.
    pub bytes: Vec<u8>,
    /// The model file, if any.
    pub model: Option<&'static str>,
    decode: fn(&[u8], Option<&Model>) -> Values,
}

fn case<T: Element>(name: &'static str, values: &[T], shape: &[usize], bound: BoundSpec) -> Case {
    let bytes = encode_array(values, shape, &ArrayOptions { level: Level::BEST, ..ArrayOptions::new(bound) })
        .unwrap();
    Case { name, bytes, model: None, decode: decoded::<T> }
}

fn decoded<T: Element>(bytes: &[u8], model: Option<&Model>) -> Values {
    Values::from_vec(T::DTYPE, decode_array::<T>(bytes, model).unwrap()).unwrap()
}

fn waves(n: usize) -> impl Iterator<Item = f64> {
    (0..n).map(|i| (i as f64 * 0.05).sin() * 20.0 + noise(i))
}

/// All arrays.
pub fn cases() -> Vec<Case> {
    let f32s = |n| waves(n).map(|x| x as f32).collect::<Vec<f32>>();
    let gaps: Vec<f64> =
        waves(900).enumerate().map(|(i, x)| if i % 17 == 3 { f64::NAN } else { x }).collect();
    let counts: Vec<u16> = (0..1200).map(|i| (mix(i) % 40) as u16).collect();
    let halves: Vec<f16> = waves(600).map(f16::from_f64).collect();
    let tenths: Vec<f64> = waves(600).map(|x| (x * 10.0).round() / 10.0).collect();
    let whole: Vec<i16> = waves(600).map(|x| (x * 500.0) as i16).collect();
    let wide: Vec<f64> = waves(600).map(|x| x + 21.0).collect();
    let model = Model::from_bytes(&std::fs::read(asset("predictive.balm")).unwrap()).unwrap();
    let options = ArrayOptions {
        model: Some(&model),
        method: Method::Predictive,
        level: Level::BEST,
        ..ArrayOptions::new(BoundSpec::Abs(0.02))
    };
    let shared = encode_array(&f32s(6 * 20 * 30), &[6, 20, 30], &options).unwrap();
    let mut edge = vec![-999.0f32; 24 * 32];
    for (row, values) in f32s(600).chunks(30).enumerate() {
        edge[row * 32..row * 32 + 30].copy_from_slice(values);
    }
    let options = ArrayOptions {
        padding: Some((-999f32).to_bits64()),
        level: Level::BEST,
        ..ArrayOptions::new(BoundSpec::Rel(1e-3))
    };
    let padded = encode_array(&edge, &[24, 32], &options).unwrap();
    vec![
        case("uniform", &f32s(2400), &[4, 20, 30], BoundSpec::Rel(1e-3)),
        case("lossless", &gaps, &[30, 30], BoundSpec::Lossless),
        case("integers", &counts, &[1200], BoundSpec::Abs(2.0)),
        case("relative", &halves, &[20, 30], BoundSpec::PwRel(0.01)),
        case("few", &[-7i8, 3, 3], &[3], BoundSpec::Lossless),
        case("single", &[2.5f32], &[], BoundSpec::Abs(0.1)),
        case("brief", &f32s(600), &[20, 30], BoundSpec::Rel(1e-3)),
        case("brief_half", &halves, &[600], BoundSpec::Abs(0.3)),
        case("brief_double", &wide, &[600], BoundSpec::Rel(0.01)),
        case("brief_integers", &whole, &[20, 30], BoundSpec::Rel(1e-3)),
        case("brief_decimal", &tenths, &[600], BoundSpec::Abs(1e-3)),
        Case { name: "padded", bytes: padded, model: None, decode: decoded::<f32> },
        Case { name: "shared", bytes: shared, model: Some("predictive.balm"), decode: decoded::<f32> },
    ]
}

/// A line of `arrays.txt`: name, hash of the stored array's values, hash of what is written today, model.
pub fn line(case: &Case) -> String {
    let stored = std::fs::read(asset(&format!("arrays/{}.array", case.name))).unwrap();
    let model = case.model.map(|name| Model::from_bytes(&std::fs::read(asset(name)).unwrap()).unwrap());
    let values = (case.decode)(&stored, model.as_ref());
    let shape = baler_codec::array::array_info(&stored).unwrap().shape;
    let dataset = Dataset::from_arrays(vec![Variable::new("", shape, values).unwrap()]);
    let (values, today) = (values_hash(&dataset), blake3::hash(&case.bytes).to_hex());
    format!("{} {values} {today} {}", case.name, case.model.unwrap_or_default()).trim_end().to_string() + "\n"
}
