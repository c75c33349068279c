//! Least and greatest value of a variable: what a grid or a network makes beyond them is moved to them, so that no decoded
//! value lies outside the range of the original ones. A value inside only comes nearer, so a bound that held still holds.

use baler_data::dataset::DType;
use baler_data::element::Element;
use baler_data::error::{Error, Result};
use baler_data::with_dtype;

/// The ends of a range, both inside. They are kept as orders, which know nothing of rounding and put NaN outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    low: i64,
    high: i64,
}

impl Limits {
    /// From `low` to `high`; `None` if low lies above high in the order of [`Element::order`].
    pub fn new<T: Element>(low: T, high: T) -> Option<Limits> {
        let (low, high) = (low.order(), high.order());
        (low <= high).then_some(Limits { low, high })
    }

    /// From the bits of both ends.
    pub fn read(low: u64, high: u64, dtype: DType) -> Result<Limits> {
        let limits = with_dtype!(dtype, T => Limits::new(T::from_bits64(low), T::from_bits64(high)));
        limits.ok_or_else(|| Error::corrupt("expected limits that are in order, found the upper first"))
    }

    /// The distance between them, as bounds are relative to it: in float64, of integers exact and then rounded.
    pub fn range<T: Element>(&self) -> f64 {
        if !T::IS_FLOAT {
            return self.high.abs_diff(self.low) as f64;
        }
        let [low, high] = self.ends::<T>().map(Element::to_f64);
        (high - low).min(f64::MAX)
    }

    /// The ends.
    pub fn ends<T: Element>(&self) -> [T; 2] {
        [T::from_order(self.low), T::from_order(self.high)]
    }

    /// Moves what lies outside to the nearer end.
    pub fn apply<T: Element>(&self, values: &mut [T]) {
        for value in values {
            *value = T::from_order(value.order().clamp(self.low, self.high));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_left_outside_not_even_nan() {
        let limits = Limits::new(-1.5f32, 2.0).unwrap();
        let mut values = [-1.5, 2.0, 0.0, -0.0, -1.6, f32::INFINITY, f32::NEG_INFINITY, f32::NAN, -f32::NAN];
        limits.apply(&mut values);
        assert_eq!(values, [-1.5, 2.0, 0.0, 0.0, -1.5, 2.0, -1.5, 2.0, -1.5]);
        assert!(values[3].is_sign_negative(), "a negative zero inside stays");
        let mut values = [0u64, 7, u64::MAX];
        Limits::new(3u64, 1 << 63).unwrap().apply(&mut values);
        assert_eq!(values, [3, 7, 1 << 63]);
        assert_eq!(Limits::new(1i8, 0), None);
        assert_eq!(limits.ends::<f32>(), [-1.5, 2.0]);
    }
}
