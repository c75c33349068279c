//! Promise: counts stay within so many standard deviations of their noise, zeros without read noise stay zeros, and what comes back
//! has the mean of what went in and less noise. `BALER_CASES=3000` runs more cases.

mod support;

use baler::*;
use support::*;

/// As [`Noise`] is written, in squares: no square root decides.
fn check(context: &str, original: &Values, decoded: &Values, Noise { k, gain, read }: Noise) {
    fn check<T: Item>(context: &str, original: &[T], decoded: &[T], (k, gain, read): (f64, f64, f64)) {
        for (&x, &y) in original.iter().zip(decoded) {
            let (x, y) = (x.f(), y.f());
            if x.to_bits() == y.to_bits() {
                continue;
            }
            let variance = k * k * (gain * x.max(0.0) + read * read);
            let square = (y - x) * (y - x);
            assert!(square <= variance * (1.0 + 1e-12), "{context}: {x:e} became {y:e}");
            assert!(x != 0.0 || y == 0.0 || read > 0.0, "{context}: 0 became {y:e}");
        }
    }
    baler_data::with_values!(original, x => {
        check(context, x, decoded.as_slice().expect("the dtype of before"), (k, gain, read))
    });
}

/// About Poisson: of a large mean normal, of a small one by the product of uniform numbers.
fn count(rng: &mut Random, mean: f64) -> f64 {
    if mean > 30.0 {
        let normal = (0..12).map(|_| rng.unit()).sum::<f64>() - 6.0;
        return (mean + normal * mean.sqrt()).round().max(0.0);
    }
    let (least, mut product, mut n) = ((-mean).exp(), rng.unit(), 0.0);
    while product > least {
        product *= rng.unit();
        n += 1.0;
    }
    n
}

/// Counts whose mean varies, some dead, some bright; as any dtype of enough range.
fn counts(rng: &mut Random, n_values: usize, dtype: usize) -> Values {
    let mean = [0.2, 3.0, 12.0, 90.0, 4000.0][rng.below(5)];
    let dead = [0, 0, 50, 3][rng.below(4)];
    let values: Vec<f64> = (0..n_values)
        .map(|i| {
            let bright = if rng.below(500) == 0 { 4.0 } else { 1.0 };
            let mean = mean * bright * (1.0 + 0.4 * (i as f64 / 40.0).sin());
            if dead > 0 && rng.below(dead) == 0 { 0.0 } else { count(rng, mean) }
        })
        .collect();
    let pedestal = |x: f64| x - 20.0;
    match dtype {
        0 => Values::U8(values.iter().map(|&x| x.min(255.0) as u8).collect()),
        1 => Values::U16(values.iter().map(|&x| x as u16).collect()),
        2 => Values::I16(values.iter().map(|&x| pedestal(x) as i16).collect()),
        3 => Values::I64(values.iter().map(|&x| pedestal(x) as i64).collect()),
        4 => Values::F32(values.iter().map(|&x| x as f32).collect()),
        5 => Values::F32(values.iter().map(|&x| (0.37 * x + 1.1) as f32).collect()),
        _ => {
            Values::F64(values.iter().map(|&x| if x == 7.0 { f64::NAN } else { pedestal(x) * 1.7 }).collect())
        }
    }
}

#[test]
fn counts_stay_within_their_noise() {
    let n_cases = std::env::var("BALER_CASES").map_or(60, |n| n.parse().expect("BALER_CASES is a number"));
    for case in 0..n_cases {
        let mut rng = Random::new(case);
        let shape = [vec![2000], vec![40, 45], vec![3, 24, 30], vec![70], vec![0]][rng.below(5)].clone();
        let noise = Noise {
            k: [0.3, 1.0, 1.0, 2.0, 5.0, 1e300][rng.below(6)],
            gain: [1.0, 1.0, 0.25, 3.7, 0.0][rng.below(5)],
            read: [0.0, 0.0, 2.5][rng.below(3)],
        };
        let values = counts(&mut rng, shape.iter().product(), case as usize % 7);
        let level = Level::new([1, 3, 6, 9][rng.below(4)]).unwrap();
        let dataset = Dataset::from_arrays(vec![Variable::new("x", shape, values).unwrap()]);
        let bound = BoundSpec::Noise(noise).check().unwrap();
        let options = Options {
            level,
            // A variable that is named is not kept exactly because it looks like codes.
            rules: vec![("x".to_string(), bound)],
            ..Options::new(BoundSpec::Lossless)
        };
        let archive = compress(&dataset, &options).unwrap();
        let back = decompress(&archive).unwrap();
        let context = format!("case {case}, {noise:?}, level {}", level.number());
        check(&context, &dataset.variables[0].values, &back.variables[0].values, noise);
        assert_eq!(inspect(&archive).unwrap().variables[0].bound, bound, "{context}");
        assert!(verify(&archive, None, Some(&dataset)).unwrap().holds(), "{context}");
    }
}

#[test]
fn noise_becomes_less_and_means_stay() {
    const EXTENT: usize = 320;
    let mut rng = Random::new(11);
    let mean = |i: usize| 100.0 * (1.0 + 0.2 * ((i % EXTENT) as f64 / 90.0).sin());
    let before: Vec<f64> = (0..EXTENT * EXTENT).map(|i| count(&mut rng, mean(i))).collect();
    let values = Values::U16(before.iter().map(|&x| x as u16).collect());
    let dataset = Dataset::from_arrays(vec![Variable::new("x", vec![EXTENT, EXTENT], values).unwrap()]);
    let archive = compress(&dataset, &Options::new(BoundSpec::parse("noise:1").unwrap())).unwrap();
    let back = decompress(&archive).unwrap();
    let after: Vec<f64> =
        (back.variables[0].values.as_slice::<u16>().unwrap().iter()).map(|&x| x as f64).collect();
    let spread = |values: &[f64]| {
        let squares = values.iter().enumerate().map(|(i, x)| (x - mean(i)).powi(2));
        (squares.sum::<f64>() / values.len() as f64).sqrt()
    };
    let left = spread(&after) / spread(&before);
    assert!(left < 0.85, "{left} of the noise");
    assert!(10 * archive.len() <= 2 * before.len(), "{} bytes", archive.len());
    for level in [(80.0, 95.0), (95.0, 105.0), (105.0, 121.0)] {
        let of = |values: &[f64]| -> f64 {
            (0..values.len()).filter(|&i| (level.0..level.1).contains(&mean(i))).map(|i| values[i]).sum()
        };
        let ratio = of(&after) / of(&before);
        assert!((ratio - 1.0).abs() < 0.005, "{level:?}: {ratio}");
    }
}

#[test]
fn what_cannot_be_promised_is_refused() {
    for (text, expected) in [
        ("noise:", "expected noise:K"),
        ("noise:1:2:3:4", "expected noise:K"),
        ("noise:-1", "expected a bound"),
        ("noise:1:-2", "expected a gain"),
        ("noise:1:1:inf", "expected a gain"),
    ] {
        let error = BoundSpec::parse(text).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{text}: {error}");
    }
    assert_eq!(BoundSpec::parse("noise:0").unwrap(), BoundSpec::Lossless);
    for text in ["noise:2:0.5:3", "noise:1e300:1:2e-9"] {
        assert_eq!(BoundSpec::parse(text).unwrap().words(':'), text);
    }
    let counts =
        Variable::new("x", vec![64], Values::U16((0..64).map(|i| 90 + i * 37 % 64).collect())).unwrap();
    let sums = Options { keep_sum: vec!["x".into()], ..Options::new(BoundSpec::parse("noise:1").unwrap()) };
    assert_eq!(compress(&Dataset::from_arrays(vec![counts]), &sums).unwrap_err().kind(), ErrorKind::Config);
}
