//! What kind of numbers a variable holds: its range, whether it is integral, whether its float64 are float32,
//! which values are missing. Everything that the choice of a grid needs, from one pass over the values in pieces of any
//! size (two where a missing value is found).

mod ends;
mod few;
mod sample;

pub use sample::Spread;

use crate::options::Missing;
use crate::quantize::blocks::{BLOCK, finite_ends};
use crate::quantize::special::{MAX_PATTERNS, holds_pattern};
use baler_data::dataset::Values;
use baler_data::element::Element;
use baler_data::with_values;
use ends::{Ends, order_ends};
use few::Few;
use sample::Sample;

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
    /// No value is less than the one before it.
    pub never_falls: bool,
    /// No value is more than the one before it.
    pub never_rises: bool,
    /// The different regular values and how often each stands, ascending, if they are few.
    pub few: Option<Vec<(f64, u64)>>,
    /// Where most values lie, from a sample.
    pub spread: Option<Spread>,
    /// Bits kept as patterns: missing values first, then the usual NaN if there is any NaN.
    pub patterns: Vec<u64>,
    /// The missing values that were found rather than given.
    pub found_missing: Vec<f64>,
}

/// Profiles values in memory; `missing` says which are left out.
pub fn profile_values(values: &Values, missing: Missing) -> Profile {
    with_values!(values, values => profile(values, missing))
}

/// [`profile_values`] of one type.
pub(crate) fn profile<T: Element>(values: &[T], missing: Missing) -> Profile {
    let mut profiler = Profiler::new::<T>(missing, values.len());
    profiler.see(values);
    let found = profiler.found_missing::<T>();
    if !found.is_empty() {
        profiler = profiler.without::<T>(&found);
        profiler.see(values);
    }
    profiler.finish::<T>()
}

/// A profile in the making. It sees the values in order, in pieces of any size: what comes out is the same.
pub struct Profiler {
    profile: Profile,
    /// The values so far, while they are few.
    few: Option<Few>,
    /// Ends of the values, which may be missing ones, where that is to be found out and they are not few.
    ends: Option<Ends>,
    finds_missing: bool,
    sample: Sample,
    /// False once everything is known that a second pass does not show.
    first_look: bool,
    /// Orders of the smallest and largest regular value, and of the last one.
    low: i64,
    high: i64,
    last: Option<i64>,
    nan: Option<u64>,
}

impl Profiler {
    /// Before the first of `n_values` values of dtype `T`.
    pub fn new<T: Element>(missing: Missing, n_values: usize) -> Profiler {
        let given = match missing {
            Missing::None | Missing::Auto => Vec::new(),
            Missing::Value(value) => missing_bits::<T>(value),
        };
        Profiler {
            profile: Profile::empty(given),
            few: Some(Few::new()),
            ends: None,
            finds_missing: missing == Missing::Auto,
            sample: Sample::new(n_values),
            first_look: true,
            low: i64::MAX,
            high: i64::MIN,
            last: None,
            nan: None,
        }
    }

    /// The missing values that all values together show, if any: then they are to be seen again without these.
    pub fn found_missing<T: Element>(&self) -> Vec<T> {
        if !self.finds_missing {
            return Vec::new();
        }
        let of_few = || self.few.as_ref().map(|few| Ends::of(&few.sorted()));
        let ends = self.ends.clone().or_else(of_few).unwrap_or_default();
        ends.missing(self.profile.integral, &self.sample)
    }

    /// Before the first value, of which `missing` are left out as found.
    pub fn without<T: Element>(&self, missing: &[T]) -> Profiler {
        let mut profile = Profile::empty(missing.iter().map(|x| x.to_bits64()).collect());
        profile.found_missing = missing.iter().map(|x| x.to_f64()).collect();
        Profiler {
            profile,
            few: self.few.clone(),
            ends: None,
            finds_missing: false,
            sample: self.sample.clone(),
            first_look: false,
            low: i64::MAX,
            high: i64::MIN,
            last: None,
            nan: None,
        }
    }

    /// Takes in the next values.
    pub fn see<T: Element>(&mut self, values: &[T]) {
        if self.first_look {
            self.sample.see(values);
        }
        for block in values.chunks(BLOCK) {
            if self.first_look {
                self.see_values(block);
            }
            self.see_growth(block);
            let p = &mut self.profile;
            if !holds_pattern(block, &p.patterns) {
                if T::IS_FLOAT && p.see_block(block) {
                    continue;
                }
                if !T::IS_FLOAT {
                    let (low, high) = order_ends(block);
                    (self.low, self.high) = (self.low.min(low), self.high.max(high));
                    p.n_regular += block.len();
                    continue;
                }
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

    /// Counts the values of a block while they are few, and sees to their ends from then on.
    fn see_values<T: Element>(&mut self, block: &[T]) {
        let Some(few) = &mut self.few else {
            self.ends.iter_mut().for_each(|ends| ends.see(block));
            return;
        };
        let patterns = &self.profile.patterns;
        for (at, x) in block.iter().enumerate() {
            let regular = (!T::IS_FLOAT || x.to_f64().is_finite()) && !patterns.contains(&x.to_bits64());
            if regular && !few.see(x.order(), 1) {
                let mut ends = Ends::of(&few.sorted());
                ends.see(&block[at..]);
                self.ends = self.finds_missing.then_some(ends);
                self.few = None;
                return;
            }
        }
    }

    fn see_growth<T: Element>(&mut self, block: &[T]) {
        let p = &mut self.profile;
        if p.never_falls || p.never_rises {
            for x in block {
                let last = self.last.replace(x.order()).unwrap_or(x.order());
                p.never_falls &= last <= x.order();
                p.never_rises &= last >= x.order();
            }
        }
    }

    /// The profile of all values seen.
    pub fn finish<T: Element>(self) -> Profile {
        let mut p = self.profile;
        let few = self.few.map(|few| few.sorted()).into_iter().flatten();
        let few: Vec<(f64, u64)> = few
            .map(|(order, n)| (T::from_order(order), n))
            .filter(|(x, _)| !p.patterns.contains(&x.to_bits64()))
            .map(|(x, n)| (x.to_f64(), n))
            .collect();
        p.few = (!few.is_empty()).then_some(few);
        let missing: Vec<f64> = p.patterns.iter().map(|&bits| T::from_bits64(bits).to_f64()).collect();
        p.spread = self.sample.spread(&missing);
        p.patterns.extend(self.nan);
        p.patterns.truncate(MAX_PATTERNS);
        if p.n_regular == 0 {
            (p.min, p.max) = (0.0, 0.0);
        } else if !T::IS_FLOAT {
            [p.min, p.max] = [self.low, self.high].map(|order| T::from_order(order).to_f64());
        }
        p.range = if T::IS_FLOAT || p.n_regular == 0 {
            (p.max - p.min).min(f64::MAX)
        } else {
            self.high.abs_diff(self.low) as f64
        };
        p.non_negative = p.min >= 0.0;
        p.f32_exact &= T::IS_FLOAT;
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
            never_falls: true,
            never_rises: true,
            few: None,
            spread: None,
            patterns,
            found_missing: Vec::new(),
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

    /// The ends of all values where these are a sample of them.
    pub fn set_ends<T: Element>(&mut self, ends: [u64; 2]) {
        let [low, high] = ends.map(T::from_bits64);
        (self.min, self.max, self.ends) = (low.to_f64(), high.to_f64(), Some(ends));
        self.range = match T::IS_FLOAT {
            true => (self.max - self.min).min(f64::MAX),
            false => low.order().abs_diff(high.order()) as f64,
        };
        self.non_negative = self.min >= 0.0;
        self.n_regular = self.n_regular.max(1);
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
    // The 1e20 given for a float32 file is a float64: the nearest float32 is meant.
    let meant = if T::IS_FLOAT { x.to_f64().is_finite() } else { x.to_f64() == value };
    if meant && !value.is_nan() { vec![x.to_bits64()] } else { Vec::new() }
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
        assert_eq!(p.found_missing, [1e20f32 as f64]);
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
                    let mut profiler = Profiler::new::<f32>(missing, values.len());
                    values.chunks(size).for_each(|piece| profiler.see(piece));
                    let found = profiler.found_missing::<f32>();
                    if !found.is_empty() {
                        profiler = profiler.without(&found);
                        values.chunks(size).for_each(|piece| profiler.see(piece));
                    }
                    assert_eq!(profiler.finish::<f32>(), whole, "{missing:?} in pieces of {size}");
                }
            }
        }
    }

    /// What is found missing in values; order does not matter.
    fn found<T: Element>(values: &[T]) -> Vec<f64> {
        let mut found = profile(values, Missing::Auto).found_missing;
        found.sort_by(f64::total_cmp);
        found
    }

    #[test]
    fn ordinary_outliers_are_not_missing() {
        assert!(found(&[0.0, 0.0, 1.0, 1.0]).is_empty());
        assert!(found(&[1.0, 2.0, 500.0, 500.0]).is_empty());
        assert!(found(&[1u16, 2, 3, 65535]).is_empty(), "what stands once is a value");
        // A detector that reaches its saturation, and labels up to 255.
        let saturated: Vec<u16> = (0..3000).map(|i| (i * 40).min(65535) as u16).collect();
        assert!(found(&saturated).is_empty());
        let labels: Vec<u8> = (0..=255).chain(0..=255).collect();
        assert!(found(&labels).is_empty());
        assert!(found(&[-1i8, 0, 1, -1, 0, 1]).is_empty(), "charges");
        assert!(found(&[false as u8, 1, 1, 0]).is_empty());
    }

    #[test]
    fn fill_values_of_integers_are_found() {
        assert_eq!(found(&[1u16, 2, 3, 65535, 65535]), [65535.0]);
        assert_eq!(found(&[1u8, 90, 3, 255, 255]), [255.0]);
        assert_eq!(
            found(&[17u32, 2, u32::MAX, 30, u32::MAX - 1, u32::MAX]),
            [u32::MAX as f64 - 1.0, u32::MAX as f64]
        );
        assert_eq!(found(&[5i32, i32::MIN, 0, -7, i32::MIN]), [i32::MIN as f64]);
        assert_eq!(found(&[5i64, -1, 0, 70, -1]), [-1.0]);
        assert_eq!(found(&[5i64, -1, 0, 4095, -1, 4095, 200]), [-1.0, 4095.0]);
        assert_eq!(found(&[250.0f32, -9999.0, 0.5, -9999.0, -99999.0, -99999.0]), [-99999.0, -9999.0]);
        assert_eq!(found(&[65535.0f64, 31.0, 2.0, 65535.0, 0.0, 12.0]), [65535.0]);
        assert_eq!(found(&[4294967295u32 as f32, 31.0, 4294967295u32 as f32, 0.0, 12.0]), [4294967296.0]);
        // A few hot pixels in between do not hide the mask.
        let hot: Vec<u16> = (0..5000)
            .map(|i| match i {
                0..50 => 65535,
                50 => 60_000,
                i => (i % 90) as u16,
            })
            .collect();
        assert_eq!(found(&hot), [65535.0]);
    }

    #[test]
    fn few_values_growth_and_spread_are_told() {
        let p = profile(&[3u8, 1, 3, 255, 255, 9, 1], Missing::Auto);
        assert_eq!((p.few, p.found_missing), (Some(vec![(1.0, 2), (3.0, 2), (9.0, 1)]), vec![255.0]));
        assert!(!p.never_falls && profile(&[0i64, 0, 4, 9], Missing::Auto).never_falls);
        let many: Vec<i32> = (0..10_000).map(|i| i * 77 % 1000).collect();
        let p = profile(&many, Missing::Auto);
        assert!(p.few.is_none());
        assert!(p.spread.is_some_and(|spread| (spread.quantiles[1] - 500.0).abs() < 40.0));
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
