//! Nasty data from a fixed seed, and the promise checked in exact arithmetic that shares nothing with the library's.

#![allow(dead_code)] // each test file uses its part

pub mod frames;

use baler::{BoundSpec, Dataset, Level, Missing, Options, Values, Variable};
use baler_data::with_values;
use half::f16;

/// Options for the smallest archive.
pub fn best(bound: BoundSpec) -> Options {
    Options { level: Level::BEST, ..Options::new(bound) }
}

/// Marsaglia's xorshift64*.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Random {
        Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn bits(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    pub fn below(&mut self, n: usize) -> usize {
        (self.bits() >> 33) as usize % n
    }

    /// In 0..1.
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1u64 << 53) as f64
    }

    pub fn pick<T: Copy>(&mut self, items: &[T]) -> T {
        items[self.below(items.len())]
    }
}

/// An element type of the tests: raw bits and an exact float64, or an exact i128 for integers.
pub trait Item: Copy {
    const FLOAT: bool;
    const MAX_FINITE: f64;
    const MIN_SUBNORMAL: f64;
    const MIN_NORMAL: f64;
    fn of_f64(x: f64) -> Self;
    fn of_bits(bits: u64) -> Self;
    fn raw(self) -> u64;
    fn f(self) -> f64;
    fn i(self) -> i128;
    fn nan(payload: u64, signaling: bool, negative: bool) -> Self;
    /// |a - b| and `limit` in this type's own arithmetic, as NumPy does it; `None` for integers.
    fn in_own_arithmetic(a: Self, b: Self, limit: f64) -> Option<(f64, f64)>;
}

macro_rules! integer_item {
    ($($t:ty),*) => {$(
        impl Item for $t {
            const FLOAT: bool = false;
            const MAX_FINITE: f64 = <$t>::MAX as f64;
            const MIN_SUBNORMAL: f64 = 1.0;
            const MIN_NORMAL: f64 = 1.0;
            fn of_f64(x: f64) -> Self { x as $t }
            fn of_bits(bits: u64) -> Self { bits as $t }
            fn raw(self) -> u64 { self as u64 & (u64::MAX >> (64 - <$t>::BITS)) }
            fn f(self) -> f64 { self as f64 }
            fn i(self) -> i128 { self as i128 }
            fn nan(payload: u64, _: bool, _: bool) -> Self { payload as $t }
            fn in_own_arithmetic(_: Self, _: Self, _: f64) -> Option<(f64, f64)> { None }
        }
    )*};
}
integer_item!(i8, i16, i32, i64, u8, u16, u32, u64);

macro_rules! float_item {
    ($t:ty, $bits:ty, $mantissa:expr, $max:expr, $to:expr, $from:expr) => {
        impl Item for $t {
            const FLOAT: bool = true;
            const MAX_FINITE: f64 = $max;
            const MIN_SUBNORMAL: f64 = power_of_two(2 - (1 << (<$bits>::BITS - 2 - $mantissa)) - $mantissa);
            const MIN_NORMAL: f64 = power_of_two(2 - (1 << (<$bits>::BITS - 2 - $mantissa)));
            fn of_f64(x: f64) -> Self {
                $from(x)
            }
            fn of_bits(bits: u64) -> Self {
                <$t>::from_bits(bits as $bits)
            }
            fn raw(self) -> u64 {
                self.to_bits() as u64
            }
            fn f(self) -> f64 {
                $to(self)
            }
            fn i(self) -> i128 {
                unreachable!("a float")
            }
            fn nan(payload: u64, signaling: bool, negative: bool) -> Self {
                let one: $bits = 1;
                let quiet = one << ($mantissa - 1);
                let mut bits =
                    (payload as $bits & (quiet - 1)) | (!0 << $mantissa & !(one << (<$bits>::BITS - 1)));
                bits |= if signaling { 1 } else { quiet };
                <$t>::from_bits(bits | if negative { one << (<$bits>::BITS - 1) } else { 0 })
            }
            fn in_own_arithmetic(a: Self, b: Self, limit: f64) -> Option<(f64, f64)> {
                let difference: $t = a - b;
                Some(($to(difference).abs(), $to($from(limit))))
            }
        }
    };
}
float_item!(f64, u64, 52, f64::MAX, |x| x, |x| x);
float_item!(f32, u32, 23, f32::MAX as f64, |x: f32| x as f64, |x: f64| x as f32);
float_item!(f16, u16, 10, 65504.0, |x: f16| x.to_f64(), |x: f64| f16::from_f64(x));

const fn power_of_two(exponent: i32) -> f64 {
    if exponent < -1022 {
        f64::from_bits(1 << (exponent + 1074))
    } else {
        f64::from_bits(((exponent + 1023) as u64) << 52)
    }
}

/// A non-negative number in units of 2^-2148: every product and difference of float64 is exact.
#[derive(Clone, PartialEq, Eq)]
pub struct Exact([u64; 70]); // highest limb last

impl Exact {
    fn new(mantissa: u128, exponent: i32) -> Exact {
        let mut limbs = [0u64; 70];
        if mantissa != 0 {
            let shift = (exponent + 2148) as usize;
            let (limb, bit) = (shift / 64, shift % 64);
            let low = mantissa << bit;
            limbs[limb] = low as u64;
            limbs[limb + 1] = (low >> 64) as u64;
            limbs[limb + 2] = if bit == 0 { 0 } else { (mantissa >> (128 - bit)) as u64 };
        }
        Exact(limbs)
    }

    pub fn of(x: f64) -> Exact {
        let (mantissa, exponent) = parts(x);
        Exact::new(mantissa as u128, exponent)
    }

    pub fn add(mut self, other: &Exact) -> Exact {
        let mut carry = 0u128;
        for (a, b) in self.0.iter_mut().zip(&other.0) {
            carry += *a as u128 + *b as u128;
            *a = carry as u64;
            carry >>= 64;
        }
        self
    }

    pub fn subtract(mut self, other: &Exact) -> Exact {
        let mut borrow = false;
        for (a, b) in self.0.iter_mut().zip(&other.0) {
            let (d, first) = a.overflowing_sub(*b);
            let (d, second) = d.overflowing_sub(borrow as u64);
            (*a, borrow) = (d, first || second);
        }
        self
    }

    pub fn at_most(&self, other: &Exact) -> bool {
        self.0.iter().rev().le(other.0.iter().rev())
    }
}

/// (mantissa, exponent) of |x| = mantissa * 2^exponent.
fn parts(x: f64) -> (u64, i32) {
    let bits = x.to_bits() & !(1 << 63);
    match bits >> 52 {
        0 => (bits, -1074),
        exponent => (bits & ((1 << 52) - 1) | 1 << 52, exponent as i32 - 1075),
    }
}

/// What must hold for one value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Promise {
    Within(f64),
    Factor(f64),
    Exactly,
}

/// |x - y| <= limit, or limit * |x|, without any rounding.
pub fn holds<T: Item>(x: T, y: T, promise: Promise) -> bool {
    if x.raw() == y.raw() {
        return true;
    }
    let limit = match promise {
        Promise::Exactly => return false,
        Promise::Within(limit) | Promise::Factor(limit) => limit,
    };
    if T::FLOAT && !(x.f().is_finite() && y.f().is_finite()) {
        return false;
    }
    if T::FLOAT && x.f() == 0.0 && x.f().is_sign_negative() {
        return false; // -0.0 is kept
    }
    let (mantissa, exponent) = parts(limit);
    let (difference, size) = if T::FLOAT {
        let (a, b) = (Exact::of(x.f()), Exact::of(y.f()));
        let difference = match x.f().is_sign_negative() == y.f().is_sign_negative() {
            false => a.add(&b),
            true if a.at_most(&b) => b.subtract(&a),
            true => a.subtract(&b),
        };
        (difference, parts(x.f()))
    } else {
        let difference = x.i().abs_diff(y.i());
        (Exact::new(difference, 0), (x.i().unsigned_abs() as u64, 0))
    };
    let allowed = match promise {
        Promise::Factor(_) => Exact::new(mantissa as u128 * size.0 as u128, exponent + size.1),
        _ => Exact::new(mantissa as u128, exponent),
    };
    difference.at_most(&allowed)
}

/// The promise for a variable; `missing` are the values that do not count.
pub fn promise_of(values: &Values, spec: BoundSpec, missing: &[f64]) -> Promise {
    match spec {
        BoundSpec::Abs(e) => Promise::Within(e),
        BoundSpec::PwRel(e) => Promise::Factor(e),
        BoundSpec::Rel(e) => Promise::Within(e * with_values!(values, v => range_of(v, missing))),
        _ => Promise::Exactly,
    }
}

fn is_missing<T: Item>(x: T, missing: &[f64]) -> bool {
    missing.iter().any(|&m| T::of_f64(m).raw() == x.raw() && (T::FLOAT || T::of_f64(m).f() == m))
}

fn range_of<T: Item>(values: &[T], missing: &[f64]) -> f64 {
    let regular = values.iter().filter(|&&x| !is_missing(x, missing));
    if !T::FLOAT {
        let (low, high) = regular.fold((i128::MAX, i128::MIN), |(a, b), x| (a.min(x.i()), b.max(x.i())));
        return if low > high { 0.0 } else { (high - low) as f64 };
    }
    let finite = regular.map(|x| x.f()).filter(|x| x.is_finite());
    let (low, high) = finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), x| (a.min(x), b.max(x)));
    // A range beyond the largest float64 counts as the largest float64, which promises more, not less.
    if low > high { 0.0 } else { (high - low).min(f64::MAX) }
}

/// Panics at the first value that breaks the promise.
pub fn check_values(context: &str, original: &Values, decoded: &Values, promise: Promise, missing: &[f64]) {
    macro_rules! check {
        ($($variant:ident),*) => {
            match (original, decoded) {
                $((Values::$variant(x), Values::$variant(y)) => check_items(context, x, y, promise, missing),)*
                _ => panic!("{context}: {} became {}", original.dtype().name(), decoded.dtype().name()),
            }
        };
    }
    check!(Bool, I8, I16, I32, I64, U8, U16, U32, U64, F16, F32, F64);
}

fn check_items<T: Item>(context: &str, original: &[T], decoded: &[T], promise: Promise, missing: &[f64]) {
    assert_eq!(original.len(), decoded.len(), "{context}: number of values");
    let non_negative =
        original.iter().all(|&x| !T::FLOAT || !x.f().is_finite() || is_missing(x, missing) || x.f() >= 0.0);
    for (idx, (&x, &y)) in original.iter().zip(decoded).enumerate() {
        let told = || format!("{context}: value {idx}: {:e} became {:e}, {promise:?}", x.f(), y.f());
        assert!(holds(x, y, promise), "{}", told());
        assert!(!is_missing(x, missing) || x.raw() == y.raw(), "a missing value changed: {}", told());
        assert!(!(non_negative && T::FLOAT && y.f() < 0.0 && x.raw() != y.raw()), "below 0: {}", told());
        if let Promise::Within(limit) = promise
            && T::FLOAT
            && x.f().is_finite()
        {
            let (difference, limit) = T::in_own_arithmetic(x, y, limit).expect("a float");
            assert!(
                difference <= limit,
                "in the dtype's own arithmetic {difference:e} > {limit:e}: {}",
                told()
            );
        }
    }
}

/// Kinds of fields, from harmless to hostile.
pub const N_KINDS: usize = 26;

fn field<T: Item>(kind: usize, n: usize, random: &mut Random) -> Vec<T> {
    let scale = random.pick(&[1e-3, 1.0, 50.0, 1e4]);
    let offset = random.pick(&[0.0, 0.0, 7.0, -1e3, 1e6]);
    let sentinel = random.pick(&[1e20, -999.0, -9999.0, 99.0, 255.0]);
    let few: Vec<f64> = (0..5).map(|_| scale * random.unit()).collect();
    let phase = random.unit() * 9.0;
    let period = 1.0 + random.unit() * 40.0;
    let smooth = |i: usize| offset + scale * (phase + i as f64 / period).sin();
    let mut sum = 0.0;
    let mut values: Vec<T> = (0..n)
        .map(|i| {
            let noise = random.unit() - 0.5;
            sum += noise;
            match kind {
                0 => T::of_f64(smooth(i)),
                1 => T::of_f64(offset + scale * noise),
                2 => T::of_f64(offset + scale),
                3 => T::of_bits(random.bits()),
                4 => T::of_f64(sum * scale),
                5 if random.below(4) == 0 => T::nan(random.bits(), false, random.below(2) == 0),
                6 if random.below(4) == 0 => T::nan(random.bits(), true, random.below(2) == 0),
                7 if random.below(4) == 0 => T::of_f64(random.pick(&[f64::INFINITY, f64::NEG_INFINITY])),
                8 => T::of_f64(random.pick(&[0.0, -0.0, 0.0, 1.0, -1e-30])),
                9 => T::of_f64(T::MIN_SUBNORMAL * random.below(50) as f64 * random.pick(&[1.0, -1.0])),
                10 => T::of_f64(random.pick(&[T::MAX_FINITE, -T::MAX_FINITE, T::MIN_NORMAL, 0.0, 1.0])),
                11 if i % 7 < 3 => T::of_f64(sentinel),
                12 => T::nan(1, i % 3 == 0, false),
                13 => T::of_f64((scale * 10.0 * noise).round()),
                14 => T::of_f64((i as f64 * 997.0 * scale).round()),
                15 => T::of_f64((noise * 1e4).round() / random.pick(&[100.0, 1000.0])),
                16 => T::of_f64((smooth(i) as f32) as f64),
                17 => T::of_f64(i as f64 * scale * 0.1),
                18 => T::of_f64(random.pick(&few)),
                19 => T::of_f64(smooth(i) * if i % 2 == 0 { 1.0 } else { -1.0 }),
                20 => T::of_f64((noise * 80.0).exp() * noise.signum()),
                21 => T::of_f64((noise * 1200.0).exp()),
                22 => T::of_f64(random.pick(&[
                    -9.3e18,
                    9.3e18,
                    1.9e19,
                    0.0,
                    1.0,
                    -1.0,
                    9_007_199_254_740_993.0,
                ])),
                23 => T::of_bits((random.bits() & 1).wrapping_sub(random.bits() & 3)),
                24 => T::of_f64(smooth(i).abs()),
                25 => T::of_f64(1e15 + scale * noise),
                _ => T::of_f64(smooth(i)),
            }
        })
        .collect();
    if kind == 17 && random.below(2) == 0 {
        values.reverse();
    }
    if random.below(6) == 0 && n > 3 {
        // One outlier of any kind.
        values[random.below(n)] = match random.below(5) {
            0 => T::nan(random.bits(), true, true),
            1 => T::of_f64(f64::INFINITY),
            2 => T::of_f64(-T::MAX_FINITE),
            3 => T::of_f64(T::MIN_SUBNORMAL),
            _ => T::of_bits(random.bits()),
        };
    }
    values
}

/// Values of dtype `dtype` (0..12, in the order of the format's codes).
pub fn values_of(dtype: usize, kind: usize, n: usize, random: &mut Random) -> Values {
    match dtype {
        0 => Values::Bool(field::<u8>(kind, n, random).into_iter().map(|x| x & 1).collect()),
        1 => Values::I8(field(kind, n, random)),
        2 => Values::I16(field(kind, n, random)),
        3 => Values::I32(field(kind, n, random)),
        4 => Values::I64(field(kind, n, random)),
        5 => Values::U8(field(kind, n, random)),
        6 => Values::U16(field(kind, n, random)),
        7 => Values::U32(field(kind, n, random)),
        8 => Values::U64(field(kind, n, random)),
        9 => Values::F16(field(kind, n, random)),
        10 => Values::F32(field(kind, n, random)),
        _ => Values::F64(field(kind, n, random)),
    }
}

/// A shape of 0 to 5 axes, some of them empty.
pub fn shape(random: &mut Random) -> Vec<usize> {
    match random.below(24) {
        0 => vec![],
        1 => vec![0],
        2 => vec![3, 0, 2],
        3 => vec![1],
        4 => vec![1, 1, 1],
        5 => vec![2 + random.below(3000)],
        6..=11 => vec![1 + random.below(200)],
        12..=15 => vec![1 + random.below(16), 1 + random.below(16)],
        16..=18 => vec![1 + random.below(5), 1 + random.below(9), 1 + random.below(9)],
        19 => vec![random.below(3), 1, 1 + random.below(9), 1 + random.below(9)],
        20 | 21 => (0..4).map(|_| 1 + random.below(5)).collect(),
        _ => (0..5).map(|_| 1 + random.below(4)).collect(),
    }
}

/// A bound of any kind, from absurdly small to absurdly large.
pub fn bound(random: &mut Random) -> BoundSpec {
    let usual = [1e-1, 1e-2, 1e-3, 3.3e-4, 1e-5, 0.7, 0.1, 2.0f64.powi(-7)];
    let odd = [1e-12, 1e30, 1e-300, 5e-324, 1.0, 2.0, 3.0, 1e300, 1e-16, 1e-7, 0.999, 1e16];
    let e = if random.below(3) == 0 { random.pick(&odd) } else { random.pick(&usual) };
    match random.below(4) {
        0 => BoundSpec::Abs(e),
        1 => BoundSpec::Rel(e),
        2 => BoundSpec::PwRel(e),
        _ if random.below(3) == 0 => BoundSpec::Lossless,
        _ => BoundSpec::Abs(e * random.unit()),
    }
}

/// What may be told about missing values.
pub fn missing(random: &mut Random) -> Missing {
    match random.below(6) {
        0..=2 => Missing::Auto,
        3 | 4 => Missing::None,
        _ => Missing::Value(random.pick(&[1e20, -999.0, 0.0, f64::NAN, 255.0, 99.0, f64::INFINITY])),
    }
}

/// One variable of `shape`.
pub fn variable(name: &str, shape: &[usize], values: Values) -> Variable {
    Variable::new(name, shape.to_vec(), values).expect("values that fill the shape")
}

/// A smooth (n_rows, n_columns) float64 field.
pub fn smooth_field(n_rows: usize, n_columns: usize) -> Vec<f64> {
    (0..n_rows * n_columns)
        .map(|i| (i / n_columns) as f64 * 0.03 + ((i % n_columns) as f64 * 0.1).sin() * 2.0)
        .collect()
}

/// A dataset of one array.
pub fn single(shape: &[usize], values: Values) -> Dataset {
    Dataset {
        variables: vec![variable("data", shape, values)],
        layout: baler_data::dataset::Layout::Single,
        attachments: Vec::new(),
    }
}

/// The raw bytes of all values.
pub fn values_bytes(dataset: &Dataset) -> Vec<u8> {
    let mut bytes = Vec::new();
    dataset.variables.iter().for_each(|variable| variable.values.append_bytes(&mut bytes, false));
    bytes
}
