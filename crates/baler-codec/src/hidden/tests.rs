//! What was packed, written as text, cut or scaled is found again, and comes back bit for bit.

use super::Hidden;
use super::program::{Float, Program, Start, Step};
use baler_data::bytes::{ByteReader, ByteWriter};
use baler_data::dataset::DType;
use baler_data::element::Element;
use baler_data::random::Rng;
use half::f16;

/// Pseudo-random walks, as data are: neighbors are near each other, and not all numbers occur.
fn walk(n: usize, most: i64, seed: u64) -> Vec<i64> {
    let mut rng = Rng::new(seed, 0);
    let mut at = most / 2;
    let step = |rng: &mut Rng| (rng.normal() * most as f64 / 40.0) as i64;
    (0..n)
        .map(|_| {
            at = (at + step(&mut rng)).clamp(0, most);
            at
        })
        .collect()
}

/// Finds the lattice of values, and checks that all but `n_strangers` come back after it was written and read.
fn found<T: Element>(values: &[T], shape: &[usize], n_strangers: usize) -> (Hidden, Vec<Option<i64>>) {
    let hidden = Hidden::find(values, shape, None).expect("a lattice");
    let mut w = ByteWriter::default();
    hidden.write(&mut w);
    let mut r = ByteReader::new(&w.bytes);
    let back = Hidden::read(&mut r, T::DTYPE, shape).expect("what was written");
    r.finish("the lattices").unwrap();
    assert_eq!(back, hidden);
    let numbers = hidden.numbers(values, shape);
    let filled: Vec<i64> = numbers.iter().map(|number| number.unwrap_or(0)).collect();
    let decoded: Vec<T> = back.values(&filled, shape).unwrap();
    for ((number, x), y) in numbers.iter().zip(values).zip(&decoded) {
        assert!(number.is_none() || x.to_bits64() == y.to_bits64(), "{}", hidden.words());
    }
    let found = numbers.iter().filter(|number| number.is_none()).count();
    assert!(found <= n_strangers, "{found} strangers: {}", hidden.words());
    (hidden, numbers)
}

/// [`found`], and the numbers have the range of the integers, or a smaller one.
fn found_dense<T: Element>(values: &[T], k: &[i64], n_strangers: usize) -> Hidden {
    let (hidden, numbers) = found(values, &[values.len()], n_strangers);
    let range = |numbers: &mut dyn Iterator<Item = i64>| {
        let (low, high) = numbers.fold((i64::MAX, i64::MIN), |(low, high), k| (low.min(k), high.max(k)));
        high - low
    };
    let is = range(&mut numbers.iter().flatten().copied());
    assert!(is <= range(&mut k.iter().copied()), "{is}: {}", hidden.words());
    hidden
}

const N: usize = 6000;

#[test]
fn scales_and_offsets_of_writers_are_found() {
    let k = walk(N, 60_000, 1);
    let f64_of = |f: &dyn Fn(f64) -> f64| k.iter().map(|&k| f((k - 32_000) as f64)).collect::<Vec<f64>>();
    let words = |values: Vec<f64>| found_dense(&values, &k, 0).words();
    assert_eq!(words(f64_of(&|k| k * 0.01 + 273.15)), "integers, scale 0.01, offset 273.15");
    assert_eq!(words(f64_of(&|k| k * 0.001_524_390_243)), "integers, scale 0.001524390243");
    assert_eq!(words(f64_of(&|k| k / 7247.0)), "integers, divided by 7247");
    assert_eq!(words(f64_of(&|k| k / 200.0 - 1.7)), "integers, divided by 200, offset -1.7");
    for seed in 0..6 {
        let mut rng = Rng::new(seed, 1);
        let (s, o) = (rng.between(1e-4, 1e-3), rng.between(200.0, 300.0));
        words(f64_of(&|k| k * s + o));
        let single = |f: &dyn Fn(f64) -> f32| k.iter().map(|&k| f((k - 32_000) as f64)).collect::<Vec<f32>>();
        found_dense(&single(&|k| (k * s + o) as f32), &k, 60);
        found_dense(&single(&|k| k as f32 * s as f32 + o as f32), &k, 0);
        found_dense(&single(&|k| k as f32 * s as f32), &k, 6);
        found_dense(&single(&|k| (k * s) as f32), &k, 6);
    }
}

#[test]
fn scaled_after_they_were_moved() {
    let k = walk(N, 4000, 2);
    let n = k.len() as f64;
    let mean = k.iter().sum::<i64>() as f64 / n;
    let deviation = libm::sqrt(k.iter().map(|&k| (k as f64 - mean) * (k as f64 - mean)).sum::<f64>() / n);
    let z: Vec<f64> = k.iter().map(|&k| (k as f64 - mean) / deviation).collect();
    found_dense(&z, &k, 0);
    let single: Vec<f32> = z.iter().map(|&z| z as f32).collect();
    found_dense(&single, &k, 60);
    let (low, high) = (k.iter().min().unwrap(), k.iter().max().unwrap());
    let unit: Vec<f64> = k.iter().map(|k| (k - low) as f64 / (high - low) as f64).collect();
    found_dense(&unit, &k, 0);
    let text: Vec<f64> = z.iter().map(|z| format!("{z:.5e}").parse().unwrap()).collect();
    found_dense(&text, &k, 60);
}

#[test]
fn divided_moved_and_scaled() {
    let mut rng = Rng::new(14, 0);
    let k: Vec<i64> = (0..3000).map(|_| (200.0 * rng.normal()) as i64 + 2000).collect();
    let decimals: Vec<f64> = k.iter().map(|&k| k as f64 / 100.0).collect();
    let (mean, deviation) = (20.004_133_333_333_33, 2.034_223_917_614_226);
    let z: Vec<f64> = decimals.iter().map(|x| (x - mean) / deviation).collect();
    let words = found_dense(&z, &k, 0).words();
    assert_eq!(words, "2-decimal numbers, offset -20.00413333333333, divided by 2.034223917614226");
    let levels = walk(3000, 255, 15);
    let image: Vec<f32> = levels.iter().map(|&k| (k as f32 / 255.0 - 0.485) / 0.229).collect();
    let words = found_dense(&image, &levels, 0).words();
    assert!(words.starts_with("integers, divided by 255, offset -0.485"), "{words}");
}

#[test]
fn kelvin_that_became_celsius() {
    let k = walk(N, 30_000, 16);
    let celsius: Vec<f32> = k.iter().map(|&k| (k as f64 * 0.001 + 270.0) as f32 - 273.15).collect();
    let words = found_dense(&celsius, &k, 60).words();
    assert!(words.contains("offset -273.14999"), "{words}");
}

#[test]
fn images_and_decimals() {
    let k = walk(N, 255, 3);
    let image: Vec<f64> = k.iter().map(|&k| k as f64 / 255.0).collect();
    assert_eq!(found_dense(&image, &k, 0).words(), "integers, divided by 255");
    let image: Vec<f32> = k.iter().map(|&k| k as f32 / 255.0).collect();
    assert_eq!(found_dense(&image, &k, 0).words(), "integers, divided by 255");
    let k = walk(N, 9_000_000, 4);
    for places in [1, 2, 3, 5, 7, 9, 12] {
        let power = super::digits::POWERS[places];
        let decimals: Vec<f64> = k.iter().map(|&k| k as f64 / power).collect();
        assert_eq!(found_dense(&decimals, &k, 0).words(), format!("{places}-decimal numbers"));
        let products: Vec<f64> = k.iter().map(|&k| k as f64 * (1.0 / power)).collect();
        found_dense(&products, &k, 0);
    }
    let halves: Vec<f32> = k.iter().map(|&k| (k % 4000) as f32 * 0.25).collect();
    found_dense(&halves, &(0..4000).collect::<Vec<_>>(), 0);
}

#[test]
fn text_of_some_digits() {
    let mut rng = Rng::new(5, 0);
    let x: Vec<f64> = (0..N).map(|_| libm::exp(rng.normal() * 3.0) * rng.normal()).collect();
    for digits in [4, 7, 10, 12] {
        let text: Vec<f64> = x.iter().map(|x| format!("{:.*e}", digits - 1, x).parse().unwrap()).collect();
        assert_eq!(found(&text, &[N], 0).0.words(), format!("{digits} significant digits"));
    }
    let single: Vec<f32> = x.iter().map(|x| format!("{x:.3e}").parse().unwrap()).collect();
    assert_eq!(found(&single, &[N], 0).0.words(), "4 significant digits");
    let twelve: Vec<f64> =
        x.iter().map(|&x| format!("{:.11e}", f64::from(x as f32)).parse().unwrap()).collect();
    assert_eq!(found(&twelve, &[N], 0).0.words(), "float32, through 12-digit text");
    let loose: Vec<f64> = x.iter().map(|&x| super::digits::through_loose_text(f64::from(x as f32))).collect();
    assert_eq!(found(&loose, &[N], 0).0.words(), "float32, through text that was read loosely");
}

#[test]
fn narrow_floats_and_cut_mantissas() {
    let mut rng = Rng::new(6, 0);
    let x: Vec<f64> = (0..N).map(|_| rng.normal()).collect();
    let wide: Vec<f64> = x.iter().map(|&x| f64::from(x as f32)).collect();
    assert_eq!(found(&wide, &[N], 0).0.words(), "float32");
    let half: Vec<f32> = x.iter().map(|&x| f16::from_f64(x).to_f32()).collect();
    assert_eq!(found(&half, &[N], 0).0.words(), "half precision");
    let cut: Vec<f32> = x.iter().map(|&x| f32::from_bits((x as f32).to_bits() & !0x7ff)).collect();
    assert_eq!(found(&cut, &[N], 0).0.words(), "values cut to 12 mantissa bits");
    let packed: Vec<f16> = walk(N, 200, 7).iter().map(|&k| f16::from_f64(k as f64 * 0.5 + 3.0)).collect();
    found(&packed, &[N], 0);
}

#[test]
fn strangers_are_told_apart() {
    let k = walk(N, 60_000, 8);
    let mut rng = Rng::new(8, 1);
    let mut values: Vec<f64> = k.iter().map(|&k| k as f64 * 0.002 + 250.0).collect();
    for _ in 0..60 {
        values[rng.below(N)] = rng.between(200.0, 300.0);
    }
    found(&values, &[N], 60);
    values[7] = f64::NAN;
    values[8] = -0.0;
    let (hidden, numbers) = found(&values, &[N], 62);
    assert!(numbers[7].is_none() && numbers[8].is_none(), "{}", hidden.words());
}

#[test]
fn each_index_of_an_axis_has_its_own() {
    let (rows, columns) = (800, 6);
    let mut rng = Rng::new(9, 0);
    let gains: Vec<f64> = (0..columns).map(|_| (2000 + rng.below(9000)) as f64).collect();
    let k = walk(rows * columns, 8000, 9);
    let table: Vec<f64> = (k.iter().enumerate()).map(|(idx, &k)| k as f64 / gains[idx % columns]).collect();
    let (hidden, _) = found(&table, &[rows, columns], 0);
    assert!(hidden.words().contains("one lattice for each of 6 indices of axis 1"), "{}", hidden.words());
    let slices: Vec<f32> =
        (k.iter().enumerate()).map(|(idx, &k)| (k as f64 * gains[idx / 800] * 1e-4 + 0.3) as f32).collect();
    let (hidden, _) = found(&slices, &[2, 3, 800], 40);
    assert!(
        hidden.words().contains("one lattice for each of 6 indices of axes 0 to 1"),
        "{}",
        hidden.words()
    );
}

#[test]
fn integers_have_a_common_divisor() {
    let stamps: Vec<i64> =
        walk(N, 100_000, 10).iter().map(|k| 1_600_000_000_000_000_000 + k * 1_000_000_000).collect();
    let (hidden, numbers) = found(&stamps, &[N], 0);
    assert_eq!(hidden.words(), "integers, multiples of 1000000000");
    assert!(numbers.iter().flatten().all(|k| (1_600_000_000..1_600_200_000).contains(k)));
    let large: Vec<u64> = (0..100).map(|k| u64::MAX - 64 * k).collect();
    found(&large, &[100], 0);
    assert!(Hidden::find(&[1i32, 2, 3].repeat(20), &[60], None).is_none());
    assert!(Hidden::find(&[7i32; 60], &[60], None).is_none());
}

#[test]
fn nothing_is_found_in_noise() {
    let mut rng = Rng::new(11, 0);
    let x: Vec<f64> = (0..N).map(|_| rng.normal()).collect();
    assert!(Hidden::find(&x, &[N], None).is_none());
    assert!(Hidden::find(&x, &[60, 100], None).is_none());
    let single: Vec<f32> = x.iter().map(|&x| x as f32).collect();
    assert!(Hidden::find(&single, &[60, 100], None).is_none());
    assert!(Hidden::find(&single[..10], &[10], None).is_none());
    assert!(Hidden::find::<f32>(&[], &[0, 4], None).is_none());
    assert!(Hidden::find(&[f32::NAN; 100], &[100], None).is_none());
}

#[test]
fn any_bytes_are_answered() {
    let mut rng = Rng::new(12, 0);
    let numbers: Vec<i64> = (0..24).map(|_| rng.next_u64() as i64 >> rng.below(63)).collect();
    let mut bytes = [0; 40];
    for _ in 0..20_000 {
        let n = rng.below(40);
        bytes[..n].iter_mut().for_each(|byte| *byte = (rng.next_u64() >> (56 + 4 * (n as u32 % 2))) as u8);
        for (dtype, shape) in [(DType::F64, [2, 3, 4]), (DType::I32, [24, 1, 1])] {
            if let Ok(hidden) = Hidden::read(&mut ByteReader::new(&bytes[..n]), dtype, &shape) {
                hidden.words();
                match dtype {
                    DType::F64 => assert_eq!(hidden.values::<f64>(&numbers, &shape).unwrap().len(), 24),
                    _ => assert_eq!(hidden.values::<i32>(&numbers, &shape).unwrap().len(), 24),
                }
            }
        }
    }
}

#[test]
fn errors_say_what_was_expected() {
    let message = |bytes: &[u8], dtype| {
        Hidden::read(&mut ByteReader::new(bytes), dtype, &[2, 3]).expect_err("an error").to_string()
    };
    assert!(message(&[0, 9], DType::F64).contains("expected a start of a lattice, found 9"));
    assert!(message(&[0, 4, 0], DType::F64).contains("expected 1 to 15 digits of a lattice, found 0"));
    assert!(message(&[1, 7], DType::F64).contains("expected lattices along some of 2 axes, found 7..8"));
    assert!(message(&[1, 0, 0], DType::F64).contains("expected 1 to 256 forms of lattices, found 0"));
    assert!(message(&[0, 0, 0, 8, 0, 8, 0], DType::F64).contains("expected a stride that is not 0, found 0"));
    assert!(message(&[0, 3, 0, 0], DType::I8).contains("expected integers of a stride and a phase"));
    let by_zero = [0, 0, 2, 0, 8, 2, 8, 0, 10, 0, 0];
    assert!(message(&by_zero, DType::F32).contains("expected finite constants, and none that is 0"));
    let hidden = Hidden::read(&mut ByteReader::new(&[0, 2, 0, 0]), DType::F64, &[2, 3]).unwrap();
    let error = hidden.values::<f64>(&[1, 2], &[2, 3]).expect_err("too few numbers");
    assert!(error.to_string().contains("expected 6 numbers of 1 lattices, found 2"), "{error}");
}

/// Where the cases are that the reference decoder reads as well.
const CASES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../baler/tests/assets/hidden.txt");

/// A line: dtype, extents, lattices, numbers, bits of the values.
fn case<T: Element>(hidden: &Hidden, numbers: &[i64], shape: &[usize]) -> String {
    let mut w = ByteWriter::default();
    hidden.write(&mut w);
    let values: Vec<T> = hidden.values(numbers, shape).unwrap();
    let join = |items: Vec<String>| items.join(",");
    format!(
        "{} {} {} {} {}\n",
        T::DTYPE.name(),
        join(shape.iter().map(|extent| extent.to_string()).collect()),
        w.bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>(),
        join(numbers.iter().map(|number| number.to_string()).collect()),
        join(
            values
                .iter()
                .map(|x| format!("{:x}", x.to_bits64() & (u64::MAX >> (64 - 8 * size_of::<T>()))))
                .collect()
        ),
    )
}

/// A lattice with any start and some steps, and constants of every kind.
fn random_program(rng: &mut Rng, is_float: bool) -> Program {
    let small = |rng: &mut Rng| rng.below(2000) as i64 - 1000;
    let whole = Start::Whole { stride: 1 + rng.below(3) as i64, phase: small(rng) };
    if !is_float {
        return Program { start: whole, steps: Vec::new() };
    }
    let float = [Float::F16, Float::F32, Float::F64][rng.below(3)];
    let start = match rng.below(4) {
        0 => Start::Order { float, shift: rng.below(20) as u8 },
        1 => Start::Decimal { digits: 1 + rng.below(15) as u8, low: small(rng) as i16 / 30 },
        _ => whole,
    };
    let constant = |rng: &mut Rng| match rng.below(3) {
        0 => (1 + rng.below(999)) as f64 / 100.0,
        1 => f64::from(rng.between(0.01, 90.0) as f32),
        _ => rng.between(-300.0, -0.001),
    };
    let step = |rng: &mut Rng| match rng.below(12) {
        0..=2 => Step::Add(constant(rng)),
        3..=4 => Step::Mul(constant(rng)),
        5..=6 => Step::Div(constant(rng)),
        7 => Step::Sqrt,
        8 => [Step::ToF32, Step::ToF16][rng.below(2)],
        9 => Step::Text(1 + rng.below(17) as u8),
        10 => Step::LooseText,
        _ => Step::FixedText(rng.below(23) as u8),
    };
    let n_steps = rng.below(5);
    Program { start, steps: (0..n_steps).map(|_| step(rng)).collect() }
}

/// Lattices of every start and step.
fn random_cases() -> String {
    let mut rng = Rng::new(13, 0);
    let shape = [2, 3, 2];
    (0..240)
        .map(|place| {
            let numbers: Vec<i64> = (0..12).map(|_| rng.next_u64() as i64 >> (20 + rng.below(43))).collect();
            let axes = [0..0, 0..1, 1..2, 1..3][place % 4].clone();
            let n_lattices: usize = shape[axes.clone()].iter().product();
            let is_float = place % 5 < 3;
            let programs = (0..n_lattices).map(|_| random_program(&mut rng, is_float)).collect();
            let hidden = Hidden { axes, programs };
            match place % 5 {
                0 => case::<f64>(&hidden, &numbers, &shape),
                1 => case::<f32>(&hidden, &numbers, &shape),
                2 => case::<f16>(&hidden, &numbers, &shape),
                3 => case::<u64>(&hidden, &numbers, &shape),
                _ => case::<i16>(&hidden, &numbers, &shape),
            }
        })
        .collect()
}

#[test]
fn many_values_are_those_of_each_number() {
    let mut rng = Rng::new(17, 0);
    for place in 0..60 {
        let program = random_program(&mut rng, true);
        let numbers: Vec<i64> = (0..600).map(|_| rng.next_u64() as i64 >> (20 + rng.below(43))).collect();
        let each: Vec<u64> = numbers.iter().map(|&k| program.value::<f32>(k).to_bits64()).collect();
        let shape = [[600, 1], [1, 600], [20, 30]][place % 3];
        let axes = if place % 2 == 0 { 0..0 } else { 1..2 };
        let n_lattices: usize = shape[axes.clone()].iter().product();
        let hidden = Hidden { axes, programs: vec![program; n_lattices] };
        let all: Vec<f32> = hidden.values(&numbers, &shape).unwrap();
        let same = |(a, b): (&f32, &u64)| a.is_nan() || a.to_bits64() == *b;
        assert!(all.iter().zip(&each).all(same), "{}", hidden.words());
    }
}

#[test]
fn stored_cases_have_the_values_that_they_had() {
    let stored = std::fs::read_to_string(CASES).unwrap();
    assert!(stored == random_cases(), "other bytes or values than {CASES} has");
}

#[test]
#[ignore = "writes the cases of the reference decoder anew, after a change of the format"]
fn write_cases() {
    std::fs::write(CASES, random_cases()).unwrap();
}
