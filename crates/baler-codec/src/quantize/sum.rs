//! The sum of what values differ by, exact enough to tell a unit in the last place of one of many.

use baler_data::element::Element;

/// The sum of x - y over pairs: of integers exact, of floats in twice the digits of float64.
#[derive(Debug, Clone, Copy, Default)]
pub struct SumOfDifferences {
    whole: i128,
    high: f64,
    low: f64,
}

/// a + b, and what rounding took from it (Knuth).
fn two_sum(a: f64, b: f64) -> (f64, f64) {
    let sum = a + b;
    let b_part = sum - a;
    (sum, (a - (sum - b_part)) + (b - b_part))
}

impl SumOfDifferences {
    /// Of pairs; those of equal bits differ by nothing.
    pub fn of<T: Element>(originals: &[T], decoded: &[T]) -> SumOfDifferences {
        let mut sum = SumOfDifferences::default();
        for (&x, &y) in originals.iter().zip(decoded) {
            if x.to_bits64() != y.to_bits64() {
                sum.add(x, y);
            }
        }
        sum
    }

    /// One pair more.
    pub fn add<T: Element>(&mut self, x: T, y: T) {
        if !T::IS_FLOAT {
            self.whole += x.order() as i128 - y.order() as i128;
            return;
        }
        let (difference, rest) = two_sum(x.to_f64(), -y.to_f64());
        let (high, low) = two_sum(self.high, difference);
        (self.high, self.low) = two_sum(high, self.low + low + rest);
    }

    /// The nearest float64.
    pub fn value<T: Element>(&self) -> f64 {
        if T::IS_FLOAT { self.high } else { self.whole as f64 }
    }

    /// True if it is no more than rounding makes of a sum: 0 of integers; of floats at most [`rounding`], or more than float64 holds.
    pub fn is_rounding<T: Element>(&self, values: &[T]) -> bool {
        match T::IS_FLOAT {
            false => self.whole == 0,
            true => !self.high.is_finite() || self.high.abs() <= rounding(values),
        }
    }
}

/// Twice the distance from the largest magnitude of finite floats to the next smaller one of the dtype; 0 for integers.
pub fn rounding<T: Element>(values: &[T]) -> f64 {
    if !T::IS_FLOAT {
        return 0.0;
    }
    let sizes = values.iter().map(|x| x.to_f64().abs()).filter(|size| size.is_finite());
    let largest = T::from_f64(sizes.fold(0.0, f64::max));
    let before = T::from_order(largest.order() - 1).to_f64().max(0.0);
    (largest.to_f64() - before) * 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_do_not_lose_small_differences() {
        let x: Vec<f64> = (0..1000).map(|i| 1e15 + i as f64).collect();
        let mut y: Vec<f64> =
            x.iter().enumerate().map(|(i, x)| x + if i % 2 == 0 { 8.0 } else { -8.0 }).collect();
        assert_eq!(SumOfDifferences::of(&x, &y).value::<f64>(), 0.0);
        y[7] += 0.125;
        assert_eq!(SumOfDifferences::of(&x, &y).value::<f64>(), -0.125);
        assert!(SumOfDifferences::of(&x, &y).is_rounding(&x));
        y[9] += 1.0;
        assert!(!SumOfDifferences::of(&x, &y).is_rounding(&x));
        let whole = SumOfDifferences::of(&[u64::MAX, 0], &[0, u64::MAX - 1]);
        assert_eq!(whole.value::<u64>(), 1.0);
        assert!(!whole.is_rounding(&[0u64]));
        assert!(SumOfDifferences::of(&[f32::NAN, 1.0], &[f32::NAN, 1.0]).is_rounding(&[1.0f32]));
    }
}
