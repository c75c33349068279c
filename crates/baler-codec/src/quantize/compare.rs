//! Decoded values against the originals.

use crate::quantize::Bound;
use crate::quantize::blocks::compare;
use baler_data::dataset::Values;
use baler_data::element::Element;
use baler_data::with_dtype;

/// The sum of (x' - x)^2 over decoded values of one dtype; those that are not finite count nothing.
pub fn sum_of_squares(original: &Values, decoded: &Values) -> f64 {
    fn sum<T: Element>(original: &[T], decoded: &[T]) -> f64 {
        let differences = original.iter().zip(decoded).map(|(&x, &y)| y.to_f64() - x.to_f64());
        let squares = differences.map(|difference| difference * difference);
        squares.filter(|square| square.is_finite()).sum()
    }
    with_dtype!(original.dtype(), T => match (original.as_slice::<T>(), decoded.as_slice::<T>()) {
        (Some(x), Some(y)) => sum(x, y),
        _ => 0.0,
    })
}

/// (largest error, how many are outside the bound) of decoded values; all are outside where the dtypes differ.
pub fn compare_values(original: &Values, decoded: &Values, bound: &Bound) -> (f64, u64) {
    let all_outside = (f64::INFINITY, decoded.len() as u64);
    if original.dtype() != decoded.dtype() || original.len() != decoded.len() {
        return all_outside;
    }
    with_dtype!(original.dtype(), T => match (original.as_slice::<T>(), decoded.as_slice::<T>()) {
        (Some(x), Some(y)) => compare(x, y, bound),
        _ => all_outside,
    })
}
