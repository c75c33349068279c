//! Decoded values against the originals.

use crate::quantize::Bound;
use crate::quantize::blocks::compare;
use baler_data::dataset::Values;
use baler_data::element::Element;

/// The sum of (x' - x)^2 over decoded values of one dtype; those that are not finite count nothing.
pub fn sum_of_squares(original: &Values, decoded: &Values) -> f64 {
    fn sum<T: Element>(original: &[T], decoded: &[T]) -> f64 {
        let differences = original.iter().zip(decoded).map(|(&x, &y)| y.to_f64() - x.to_f64());
        let squares = differences.map(|difference| difference * difference);
        squares.filter(|square| square.is_finite()).sum()
    }
    macro_rules! sum_of_squares {
        ($($variant:ident),*) => {
            match (original, decoded) {
                $((Values::$variant(x), Values::$variant(y)) => sum(x, y),)*
                _ => 0.0,
            }
        };
    }
    sum_of_squares!(Bool, I8, I16, I32, I64, U8, U16, U32, U64, F16, F32, F64)
}

/// (largest error, how many are outside the bound) of decoded values; all are outside where the dtypes differ.
pub fn compare_values(original: &Values, decoded: &Values, bound: &Bound) -> (f64, u64) {
    macro_rules! compare_values {
        ($($variant:ident),*) => {
            match (original, decoded) {
                $((Values::$variant(x), Values::$variant(y)) if x.len() == y.len() => compare(x, y, bound),)*
                _ => (f64::INFINITY, decoded.len() as u64),
            }
        };
    }
    compare_values!(Bool, I8, I16, I32, I64, U8, U16, U32, U64, F16, F32, F64)
}
