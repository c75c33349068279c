//! Loops over many values, a block at a time: a block of ordinary values takes a loop without branches, which the
//! compiler vectorizes, any other block the definition value by value (`Grid::quantize`, `Bound::holds`). Both
//! give the same bits; the tests compare them.

use crate::options::BoundSpec;
use crate::quantize::{Bound, MAX_Q, ROUNDER, uniform_value, widest};
use baler_data::element::{Element, is_negative_zero};

/// Independent sums and maxima, so that the compiler need not keep an order.
const LANES: usize = 8;
/// Values of a block.
pub const BLOCK: usize = 256;

/// Numbers of a block on a uniform grid. False if a value may need another look: it is not finite, a negative zero,
/// or not clearly within the bound of the number found; then `q` means nothing.
#[inline(always)]
pub fn quantize_uniform<T: Element>(
    values: &[T],
    step: f64,
    non_negative: bool,
    bound: &Bound,
    q: &mut [i64],
) -> bool {
    let mut good = true;
    for (&x, q) in values.iter().zip(q) {
        let scaled = x.to_f64() / step;
        let rounded = scaled + ROUNDER;
        *q = (rounded.to_bits() as i64).wrapping_sub(ROUNDER.to_bits() as i64);
        // rounded - ROUNDER is *q, exactly.
        let decoded: T = uniform_value(rounded - ROUNDER, step, non_negative);
        let size = (decoded.to_f64() - x.to_f64()).abs();
        good &= (size < bound.limit) | (size == 0.0);
        good &= (scaled.abs() <= MAX_Q) & !is_negative_zero(x);
    }
    good
}

/// Values of a block of numbers on a uniform grid; false if a number is not in -2^50..2^50, then `values` mean nothing.
#[inline(always)]
pub fn uniform_values<T: Element>(q: &[i64], step: f64, non_negative: bool, values: &mut [T]) -> bool {
    const LARGEST: i64 = MAX_Q as i64;
    let mut beyond = 0;
    for (&q, value) in q.iter().zip(values) {
        beyond |= q.wrapping_add(LARGEST) as u64 >> 51;
        let whole = f64::from_bits(q.wrapping_add(ROUNDER.to_bits() as i64) as u64) - ROUNDER;
        *value = uniform_value(whole, step, non_negative);
    }
    beyond == 0
}

/// Numbers of a block of integers on an integer grid. False if a value may need another look; then `q` means nothing.
#[inline(always)]
pub fn quantize_integer<T: Element>(values: &[T], step: u64, bound: &Bound, q: &mut [i64]) -> bool {
    let linear = matches!(bound.spec, BoundSpec::Abs(_) | BoundSpec::Rel(_));
    if T::IS_FLOAT || size_of::<T>() > 4 || step > 1 << 31 || !linear {
        return false;
    }
    let half = (step / 2) as i64;
    let (mut beyond, mut farthest) = (0, 0);
    for (x, q) in values.iter().zip(q) {
        let x = x.order();
        // The quotient of such small integers is never rounded up to a whole number.
        let rounded = ((x + half) as f64 / step as f64).floor() + ROUNDER;
        *q = (rounded.to_bits() as i64).wrapping_sub(ROUNDER.to_bits() as i64);
        let product = q.wrapping_mul(step as i64);
        beyond |= T::from_order(product).order() ^ product;
        farthest = (x - product).abs().max(farthest);
    }
    beyond == 0 && farthest as u64 <= bound.limit as u64
}

/// Values of a block of numbers on an integer grid; false if a product may not fit the dtype, then `values` mean nothing.
#[inline(always)]
pub fn integer_values<T: Element>(q: &[i64], step: u64, values: &mut [T]) -> bool {
    if step > 1 << 31 {
        return false;
    }
    let mut beyond = 0;
    for (&q, value) in q.iter().zip(values) {
        let product = (q as i32 as i64).wrapping_mul(step as i64);
        *value = T::from_order(product);
        beyond |= (q ^ q as i32 as i64) | (T::order(*value) ^ product);
    }
    beyond == 0
}

/// Largest error and number of violations of `decoded` against `original`.
pub fn compare<T: Element>(original: &[T], decoded: &[T], bound: &Bound) -> (f64, u64) {
    widest(
        #[inline(always)]
        || compare_blocks(original, decoded, bound),
    )
}

#[inline(always)]
fn compare_blocks<T: Element>(original: &[T], decoded: &[T], bound: &Bound) -> (f64, u64) {
    let mut max_error = 0.0f64;
    let mut n_violations = 0;
    for (original, decoded) in original.chunks(BLOCK).zip(decoded.chunks(BLOCK)) {
        if let Some(error) = error_clearly_within(original, decoded, bound) {
            max_error = max_error.max(error);
            continue;
        }
        for (&x, &y) in original.iter().zip(decoded) {
            max_error = max_error.max(bound.error(x, y));
            n_violations += !bound.holds(x, y) as u64;
        }
    }
    (max_error, n_violations)
}

/// Largest error of a block, if it needs no close look to see that the bound holds.
#[inline(always)]
fn error_clearly_within<T: Element>(original: &[T], decoded: &[T], bound: &Bound) -> Option<f64> {
    match bound.spec {
        BoundSpec::Abs(_) | BoundSpec::Rel(_) if T::IS_FLOAT => {
            largest_if(original, decoded, |size, _| (size, size < bound.limit))
        }
        BoundSpec::PwRel(_) if T::IS_FLOAT => largest_if(original, decoded, |size, x| {
            // Below by more than the product's rounding; false for zeros and tiny values.
            let limit = x.abs() * bound.limit;
            let clearly = size < limit * (1.0 - 4.0 * f64::EPSILON);
            (size / x.abs(), clearly & (limit > f64::MIN_POSITIVE * 2.0))
        }),
        BoundSpec::Abs(_) | BoundSpec::Rel(_) if size_of::<T>() <= 4 => {
            let distances = original.iter().zip(decoded).map(|(x, y)| (x.order() - y.order()).abs());
            let largest = distances.fold(0, i64::max);
            (largest as u64 <= bound.limit as u64).then_some(largest as f64)
        }
        _ => {
            let pairs = original.iter().zip(decoded);
            let differing = pairs.fold(0, |bits, (x, y)| bits | (x.to_bits64() ^ y.to_bits64()));
            (differing == 0).then_some(0.0)
        }
    }
}

/// Largest of `judge(|y - x|, x)`, if that says true for all; only for whole lanes.
#[inline(always)]
fn largest_if<T: Element>(
    original: &[T],
    decoded: &[T],
    judge: impl Fn(f64, f64) -> (f64, bool),
) -> Option<f64> {
    let (original, rest) = original.as_chunks::<LANES>();
    let mut good = [true; LANES];
    let mut largest = [0.0f64; LANES];
    for (x, y) in original.iter().zip(decoded.as_chunks::<LANES>().0) {
        for lane in 0..LANES {
            let x = x[lane].to_f64();
            let (error, clearly) = judge((y[lane].to_f64() - x).abs(), x);
            good[lane] &= clearly;
            largest[lane] = if error > largest[lane] { error } else { largest[lane] };
        }
    }
    (rest.is_empty() && good == [true; LANES]).then(|| largest.into_iter().fold(0.0, f64::max))
}

/// (smallest, largest) of a block; `None` if a value is not finite or the lanes are not whole.
#[inline]
pub fn finite_ends<T: Element>(block: &[T]) -> Option<(f64, f64)> {
    widest(
        #[inline(always)]
        || {
            let (lanes, rest) = block.as_chunks::<LANES>();
            let mut finite = [true; LANES];
            let (mut min, mut max) = ([f64::INFINITY; LANES], [f64::NEG_INFINITY; LANES]);
            for values in lanes {
                for lane in 0..LANES {
                    let value = values[lane].to_f64();
                    finite[lane] &= value.abs() <= f64::MAX;
                    min[lane] = if value < min[lane] { value } else { min[lane] };
                    max[lane] = if value > max[lane] { value } else { max[lane] };
                }
            }
            let ends = || (min.into_iter().fold(min[0], f64::min), max.into_iter().fold(max[0], f64::max));
            (rest.is_empty() && finite == [true; LANES]).then(ends)
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quantize::Grid;

    #[test]
    fn blocks_agree_with_single_values() {
        let step = 0.013;
        let grid = Grid::Uniform { step, non_negative: true };
        let bound = Bound::resolve(BoundSpec::Abs(0.0065), 0.0);
        let values: Vec<f32> = (0..BLOCK).map(|i| (i * i % 977) as f32 * 0.031).collect();
        let mut q = vec![0; BLOCK];
        assert!(quantize_uniform(&values, step, true, &bound, &mut q));
        let mut decoded = vec![0f32; BLOCK];
        assert!(uniform_values(&q, step, true, &mut decoded));
        for i in 0..BLOCK {
            assert_eq!(Some(q[i]), grid.quantize(values[i], &bound));
            assert_eq!(decoded[i], grid.reconstruct::<f32>(q[i]));
        }
        for special in [f32::NAN, f32::INFINITY, -0.0, 1e30] {
            assert!(!quantize_uniform(&[special], step, true, &bound, &mut [0]), "{special}");
        }
    }

    #[test]
    fn integers_agree_with_single_values() {
        let grid = Grid::Integer { step: 15 };
        let all: Vec<u16> = (0..60_000).collect();
        for limit in [7.0, 7.9] {
            let bound = Bound::resolve(BoundSpec::Abs(limit), 0.0);
            let mut q = vec![0; all.len()];
            assert!(quantize_integer(&all, 15, &bound, &mut q));
            assert!(all.iter().zip(&q).all(|(&x, &q)| grid.quantize(x, &bound) == Some(q)));
            let back: Vec<u16> = q.iter().map(|&q| grid.reconstruct(q)).collect();
            assert_eq!(compare(&all, &back, &bound), (7.0, 0));
            // Its number's value, 65 540, is beyond the dtype.
            assert!(!quantize_integer(&[65_535u16], 20, &bound, &mut [0]));
        }
        let tight = Bound::resolve(BoundSpec::Abs(6.0), 0.0);
        assert!(!quantize_integer(&[7u16], 15, &tight, &mut [0]));
        assert!(quantize_integer(&[-8i8, 7], 15, &Bound::resolve(BoundSpec::Abs(7.0), 0.0), &mut [0; 2]));
        let q: Vec<i64> = (0..4000).collect();
        let mut values = vec![0u16; q.len()];
        assert!(integer_values(&q, 15, &mut values));
        assert!(q.iter().zip(&values).all(|(&q, &value)| grid.reconstruct::<u16>(q) == value));
        // Values that the grid limits to the dtype's ends.
        for q in [4370, -1, 1 << 31, i64::MIN, 1 << 60] {
            assert!(!integer_values(&[q], 15, &mut [0u16]), "{q}");
        }
        assert!(!integer_values(&[1], 1 << 40, &mut [0u64]));
        let mut values = [0u64];
        assert!(integer_values(&[-3], 15, &mut values));
        assert_eq!(values[0], grid.reconstruct::<u64>(-3));
    }

    #[test]
    fn numbers_beyond_the_grid_are_noticed() {
        let largest = MAX_Q as i64;
        for (q, good) in [(largest - 1, true), (-largest, true), (largest, false), (-largest - 1, false)] {
            assert_eq!(uniform_values(&[q], 1.0, false, &mut [0f64]), good, "{q}");
        }
        for q in [i64::MIN, i64::MAX, 1 << 52, -1 << 52, 1 << 62] {
            assert!(!uniform_values(&[q], 1.0, false, &mut [0f64]), "{q}");
        }
    }

    #[test]
    fn largest_errors_and_violations_are_those_of_the_definition() {
        let x: Vec<f64> = (0..1000).map(|i| (i % 7) as f64 * 0.1 - 0.2).collect();
        let y: Vec<f64> = x.iter().enumerate().map(|(i, x)| x * (1.0 + (i % 13) as f64 * 1e-4)).collect();
        for spec in [BoundSpec::Abs(2e-4), BoundSpec::Abs(1.0), BoundSpec::PwRel(1e-3), BoundSpec::PwRel(0.1)]
        {
            let bound = Bound::resolve(spec, 0.0);
            let errors = x.iter().zip(&y).map(|(&x, &y)| bound.error(x, y));
            let violations = x.iter().zip(&y).filter(|&(&x, &y)| !bound.holds(x, y)).count();
            assert_eq!(compare(&x, &y, &bound), (errors.fold(0.0, f64::max), violations as u64), "{spec:?}");
        }
    }
}
