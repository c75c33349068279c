//! What kind of numbers a variable holds: its range, whether it is integral, whether its float64 are float32,
//! which values are missing. Everything that the choice of a grid needs, from one pass over the values in pieces of any
//! size (two where a missing value is found).

use crate::options::Missing;
use crate::quantize::blocks::{BLOCK, finite_ends};
use crate::quantize::element::{Element, is_negative_zero};
use crate::quantize::widest;
use crate::special::{MAX_PATTERNS, holds_pattern};

/// What one pass over a variable finds. Regular values are finite and not missing.
#[derive(Debug, Clone, PartialEq)]
pub struct Profile {
    /// Regular values.
    pub n_regular: usize,
    /// Smallest and largest regular value (float64; 0 if there is none).
    pub min: f64,
    /// See `min`.
    pub max: f64,
    /// Bits of the least and greatest regular value, -0.0 below +0.0; `None` if there is none.
    pub ends: Option<[u64; 2]>,
    /// max - min: of floats in float64, of integers exact, then rounded.
    pub range: f64,
    /// Every regular value is a whole number.
    pub integral: bool,
    /// Every regular float64 is a float32.
    pub f32_exact: bool,
    /// No regular value is negative.
    pub non_negative: bool,
    /// Bits kept as patterns: missing values first, then the usual NaN if there is any NaN.
    pub patterns: Vec<u64>,
    /// The missing value that was found rather than told.
    pub found_missing: Option<f64>,
}

/// Profiles values in memory; `missing` says which are left out.
pub fn profile<T: Element>(values: &[T], missing: Missing) -> Profile {
    let mut profiler = Profiler::new::<T>(missing);
    profiler.see(values);
    if let Some(value) = profiler.found_missing::<T>() {
        profiler = profiler.without::<T>(value);
        profiler.see(values);
    }
    profiler.finish::<T>()
}

/// A profile in the making. It sees the values in order, in pieces of any size: what comes out is the same.
pub struct Profiler {
    profile: Profile,
    /// Ends of the values that may be missing, where that is to be found out.
    ends: Option<[Extreme; 2]>,
    /// Orders of the smallest and largest regular value.
    low: i64,
    high: i64,
    nan: Option<u64>,
}

impl Profiler {
    /// Before the first value of dtype `T`.
    pub fn new<T: Element>(missing: Missing) -> Profiler {
        let told = match missing {
            Missing::None | Missing::Auto => Vec::new(),
            Missing::Value(value) => missing_bits::<T>(value),
        };
        let ends = (missing == Missing::Auto).then(|| [Extreme::new(i64::MAX), Extreme::new(i64::MIN)]);
        Profiler { profile: Profile::empty(told), ends, low: i64::MAX, high: i64::MIN, nan: None }
    }

    /// The missing value that all values together show, if any: then they are to be seen again without it.
    pub fn found_missing<T: Element>(&self) -> Option<T> {
        self.ends.as_ref().and_then(|ends| missing_among(ends))
    }

    /// Before the first value, of which `missing` are left out as found.
    pub fn without<T: Element>(&self, missing: T) -> Profiler {
        let mut profile = Profile::empty(vec![missing.to_bits64()]);
        profile.found_missing = Some(missing.to_f64());
        Profiler { profile, ends: None, low: i64::MAX, high: i64::MIN, nan: None }
    }

    /// Takes in the next values.
    pub fn see<T: Element>(&mut self, values: &[T]) {
        if let Some(ends) = &mut self.ends {
            see_ends(ends, values);
        }
        let p = &mut self.profile;
        for block in values.chunks(BLOCK) {
            if T::IS_FLOAT && !holds_pattern(block, &p.patterns) && p.see_block(block) {
                continue;
            }
            for &x in block {
                let value = x.to_f64();
                if value.is_nan() && self.nan.is_none() {
                    self.nan = Some(x.to_bits64());
                }
                if value.is_finite() && !p.patterns.contains(&x.to_bits64()) {
                    p.see(value);
                    (self.low, self.high) = (self.low.min(x.order()), self.high.max(x.order()));
                }
            }
        }
    }

    /// The profile of all values seen.
    pub fn finish<T: Element>(self) -> Profile {
        let mut p = self.profile;
        p.patterns.extend(self.nan);
        p.patterns.truncate(MAX_PATTERNS);
        if p.n_regular == 0 {
            (p.min, p.max) = (0.0, 0.0);
        }
        p.range = if T::IS_FLOAT || p.n_regular == 0 {
            (p.max - p.min).min(f64::MAX)
        } else {
            self.high.abs_diff(self.low) as f64
        };
        p.non_negative = p.min >= 0.0;
        p.ends = (p.n_regular > 0).then(|| p.ends_of::<T>(self.low, self.high));
        p
    }
}

impl Profile {
    fn empty(patterns: Vec<u64>) -> Profile {
        Profile {
            n_regular: 0,
            min: f64::INFINITY,
            max: f64::NEG_INFINITY,
            ends: None,
            range: 0.0,
            integral: true,
            f32_exact: true,
            non_negative: true,
            patterns,
            found_missing: None,
        }
    }

    /// Bits of the ends, of integers from their orders. Zeros have no sign in `min`, so the lower one counts.
    fn ends_of<T: Element>(&self, low: i64, high: i64) -> [u64; 2] {
        if !T::IS_FLOAT {
            return [low, high].map(|order| T::from_order(order).to_bits64());
        }
        let min = if self.min == 0.0 { -0.0 } else { self.min };
        [min, self.max + 0.0].map(|end| T::from_f64(end).to_bits64())
    }

    /// Largest magnitude of a regular value.
    pub fn max_abs(&self) -> f64 {
        self.min.abs().max(self.max.abs())
    }

    /// Takes in one regular value.
    #[inline(always)]
    fn see(&mut self, value: f64) {
        self.n_regular += 1;
        self.min = self.min.min(value);
        self.max = self.max.max(value);
        self.integral &= value == libm_free_round(value);
        self.f32_exact &= value as f32 as f64 == value;
    }

    /// Takes in a block of floats without a pattern; false, and nothing taken in, if a value may not be finite.
    fn see_block<T: Element>(&mut self, block: &[T]) -> bool {
        let Some((min, max)) = finite_ends(block) else { return false };
        self.n_regular += block.len();
        (self.min, self.max) = (self.min.min(min), self.max.max(max));
        self.integral = self.integral && block.iter().all(|x| x.to_f64() == libm_free_round(x.to_f64()));
        let is_f32 = |x: &T| T::DIGITS < 53 || x.to_f64() as f32 as f64 == x.to_f64();
        self.f32_exact = self.f32_exact && block.iter().all(is_f32);
        true
    }
}

/// Smallest magnitude above 0 of a regular value; infinity if there is none.
pub fn min_abs<T: Element>(values: &[T], patterns: &[u64]) -> f64 {
    let regular = |x: &&T| patterns.is_empty() || !patterns.contains(&x.to_bits64());
    let sizes = values.iter().filter(regular).map(|x| x.to_f64().abs());
    sizes.fold(f64::INFINITY, |least, size| if size > 0.0 && size < least { size } else { least })
}

/// Exponent of the lowest bit set in any regular value that is not 0 (floats; `i32::MAX` if there is none).
pub fn low_bit<T: Element>(values: &[T], patterns: &[u64]) -> i32 {
    let regular = |x: &&T| {
        let value = x.to_f64();
        value.is_finite() && value != 0.0 && !patterns.contains(&x.to_bits64())
    };
    values.iter().filter(regular).map(|x| lowest_bit(x.to_f64())).min().unwrap_or(i32::MAX)
}

/// Nearest whole number for |x| < 2^52, x itself beyond.
#[inline(always)]
fn libm_free_round(x: f64) -> f64 {
    if x.abs() >= 4_503_599_627_370_496.0 { x } else { x as i64 as f64 }
}

/// Exponent of the lowest set bit of a finite, non-zero value.
#[inline(always)]
fn lowest_bit(x: f64) -> i32 {
    let bits = x.to_bits();
    let exponent = (bits >> 52 & 0x7ff) as i32;
    let mantissa = bits & ((1 << 52) - 1);
    if exponent == 0 {
        return mantissa.trailing_zeros() as i32 - 1074;
    }
    (mantissa | 1 << 52).trailing_zeros() as i32 + exponent - 1075
}

/// The bit patterns that mean `value` in this dtype; none if the dtype cannot hold it.
fn missing_bits<T: Element>(value: f64) -> Vec<u64> {
    let x = T::from_f64(value);
    // A float32 file is told 1e20 in float64: the nearest float32 is meant.
    let meant = if T::IS_FLOAT { x.to_f64().is_finite() } else { x.to_f64() == value };
    if meant && !value.is_nan() { vec![x.to_bits64()] } else { Vec::new() }
}

/// Takes in the ends of the next values.
fn see_ends<T: Element>([low, high]: &mut [Extreme; 2], values: &[T]) {
    for block in values.chunks(BLOCK) {
        if is_inside(block, low.next, high.next) {
            continue;
        }
        for &x in block {
            if T::IS_FLOAT && (!x.to_f64().is_finite() || is_negative_zero(x)) {
                continue;
            }
            low.see(x.order(), |a, b| a < b);
            high.see(x.order(), |a, b| a > b);
        }
    }
}

/// A value that stands at an end of the range, is repeated, lies ten ranges of the others away from them, and is
/// written like a fill value: at least 1e15 in size, or all nines, or below a non-negative rest.
fn missing_among<T: Element>([low, high]: &[Extreme; 2]) -> Option<T> {
    let candidate = |end: &Extreme, other_end: &Extreme| -> Option<T> {
        if end.count < 2 || end.next == other_end.value || end.next == end.value {
            return None;
        }
        let far = T::from_order(end.value).to_f64();
        let next = T::from_order(end.next).to_f64();
        let range = (next - T::from_order(other_end.value).to_f64()).abs();
        let outside = (far - next).abs() > 10.0 * range;
        (outside && looks_like_fill(far, next.min(T::from_order(other_end.value).to_f64())))
            .then(|| T::from_order(end.value))
    };
    candidate(high, low).or_else(|| candidate(low, high))
}

/// True if all values are clearly between those of orders `low` and `high`.
fn is_inside<T: Element>(block: &[T], low: i64, high: i64) -> bool {
    if low > high {
        return false;
    }
    if T::IS_FLOAT {
        let (low, high) = (T::from_order(low).to_f64(), T::from_order(high).to_f64());
        return finite_ends(block).is_some_and(|(min, max)| low < min && max < high);
    }
    let ends = |(low, high): (i64, i64), x: &T| (low.min(x.order()), high.max(x.order()));
    let (min, max) = widest(
        #[inline(always)]
        || block.iter().fold((i64::MAX, i64::MIN), ends),
    );
    low < min && max < high
}

fn looks_like_fill(value: f64, smallest_other: f64) -> bool {
    let whole = value.abs();
    let nines = [99.0, 999.0, 9999.0, 99999.0, 999_999.0, 9_999_999.0];
    whole >= 1e15 || nines.iter().any(|n| (whole - n).abs() < 1.0) || (value < 0.0 && smallest_other >= 0.0)
}

/// The most extreme value, how often it stands, and the next one.
struct Extreme {
    value: i64,
    count: usize,
    next: i64,
}

impl Extreme {
    fn new(start: i64) -> Extreme {
        Extreme { value: start, count: 0, next: start }
    }

    #[inline(always)]
    fn see(&mut self, x: i64, beyond: impl Fn(i64, i64) -> bool) {
        if x == self.value {
            self.count += 1;
        } else if beyond(x, self.value) {
            (self.next, self.value, self.count) = (self.value, x, 1);
        } else if beyond(x, self.next) {
            self.next = x;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_range_leaves_out_missing_and_special_values() {
        let values = [280.0f32, 1e20, 300.0, f32::NAN, 1e20, f32::INFINITY, 290.5];
        let p = profile(&values, Missing::Auto);
        assert_eq!((p.min, p.max, p.range, p.n_regular), (280.0, 300.0, 20.0, 3));
        assert_eq!(p.patterns, [1e20f32.to_bits() as u64, f32::NAN.to_bits() as u64]);
        assert_eq!(p.found_missing, Some(1e20f32 as f64));
        assert!(profile(&values, Missing::None).max > 1e19);
        assert_eq!(profile(&values, Missing::Value(300.0)).max, 1e20f32 as f64);
        assert_eq!(profile(&[3i16, -999, 4, 5, -999], Missing::Auto).min, 3.0);
    }

    #[test]
    fn pieces_of_any_size_give_the_profile_of_the_whole() {
        let mut values: Vec<f32> = (0..5000).map(|i| ((i * 7919) % 4001) as f32 * 0.25 - 300.0).collect();
        let plain = values.clone();
        values[4000] = f32::from_bits(0x7fc0_0001);
        values[4500] = f32::NAN;
        values[17] = f32::NEG_INFINITY;
        let mut filled = values.clone();
        filled[3] = -9999.0;
        filled[4999] = -9999.0;
        for values in [plain, values, filled] {
            for missing in [Missing::Auto, Missing::None, Missing::Value(-300.0)] {
                let whole = profile(&values, missing);
                for size in [1, 37, 1024, 1025, 4999] {
                    let mut profiler = Profiler::new::<f32>(missing);
                    values.chunks(size).for_each(|piece| profiler.see(piece));
                    if let Some(value) = profiler.found_missing::<f32>() {
                        profiler = profiler.without(value);
                        values.chunks(size).for_each(|piece| profiler.see(piece));
                    }
                    assert_eq!(profiler.finish::<f32>(), whole, "{missing:?} in pieces of {size}");
                }
            }
        }
    }

    #[test]
    fn ordinary_outliers_are_not_missing() {
        assert_eq!(profile(&[0.0, 0.0, 1.0, 1.0], Missing::Auto).found_missing, None);
        assert_eq!(profile(&[1.0, 2.0, 500.0, 500.0], Missing::Auto).found_missing, None);
        assert_eq!(profile(&[1u16, 2, 3, 65535, 65535], Missing::Auto).found_missing, None);
    }

    #[test]
    fn kinds_of_numbers_are_told_apart() {
        let p = profile(&[1.0f64, 2.0, -3.0], Missing::Auto);
        assert!(p.integral && p.f32_exact && !p.non_negative);
        let p = profile(&[0.5f64, 0.25, 8.0], Missing::Auto);
        assert!(!p.integral && p.non_negative);
        assert_eq!(low_bit(&[0.5f64, 0.25, 8.0, 0.0], &[]), -2);
        assert!(!profile(&[0.1f64], Missing::Auto).f32_exact);
        assert!(profile(&[0.1f32 as f64], Missing::Auto).f32_exact);
        let p = profile::<f64>(&[], Missing::Auto);
        assert_eq!((p.n_regular, p.range), (0, 0.0));
        assert_eq!(min_abs(&[0.0, -2.0f32, 3.0, f32::NAN, 1.0], &[1f32.to_bits() as u64]), 2.0);
        assert_eq!(min_abs::<f64>(&[0.0], &[]), f64::INFINITY);
        assert_eq!(profile(&[i64::MIN, i64::MAX], Missing::Auto).range, u64::MAX as f64);
    }
}
