//! Bound -> grid -> integers and back.
//!
//! A [`Grid`] is a countable set of values, numbered by an i64 `q`. Quantizing picks the number whose value is
//! within the bound; [`Grid::reconstruct`] gives the value of a number, by integers or by float64 `+ - * /` in one
//! fixed order, and is the only place where that is done: compress calls it to check each value, decompress to
//! make it. A value that no number serves is kept exactly by [`crate::quantize::special`].

pub mod blocks;
pub mod bound;
pub mod compare;
pub mod exp2;
mod limits;
pub mod promises;
pub mod sides;
pub mod special;
pub mod sum;
mod widest;

pub use bound::{Bound, part_limit};
pub use limits::Limits;
pub use promises::Promises;
pub use widest::widest;

use baler_data::element::Element;

/// The values that can be stored, numbered by integers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Grid {
    /// q = order(x): every bit of every value.
    Order,
    /// float64 only: q = order of the value as float32, for float64 that hold float32 values.
    OrderF32,
    /// x' = q * step, for whole numbers in any dtype, limited to the dtype's range; step 1 is exact. In floats an even step
    /// has its values in the middle: x' = q * step + 1/2.
    Integer {
        /// Whole numbers of a cell: at most 2 * floor(E) + 1 for an absolute bound E, 2 in floats for E from 1/2 on and below 1; 2 * E
        /// may stand for one that was found for a size.
        step: u64,
    },
    /// x' = q * step in float64, then rounded to the dtype.
    Uniform {
        /// At most twice the bound; 24 significant bits for lossy grids, any value for exact lattices.
        step: f64,
        /// x' is raised to 0 where it would be negative (the data have no negative value).
        non_negative: bool,
    },
    /// x' = q / divisor in float64, then rounded to the dtype: decimal fractions, exactly.
    Decimal {
        /// A power of ten.
        divisor: f64,
    },
    /// x' = sign(q) * 2^((|q| - 1 + low) * step), 0 for q = 0: point-wise relative bounds.
    Log {
        /// In units of 2^-48.
        step: u64,
        /// Number of the smallest magnitude.
        low: i64,
        /// x' is rounded to the nearest integer (halves up).
        integral: bool,
    },
}

/// 1.5 * 2^52: adding and subtracting it rounds a float64 below 2^51 to the nearest integer (ties to even).
const ROUNDER: f64 = 6_755_399_441_055_744.0;
/// Largest |q| of a uniform or decimal grid.
pub const MAX_Q: f64 = (1u64 << 50) as f64;

/// x rounded to the nearest integer, for |x| <= 2^50; `None` beyond.
#[inline(always)]
pub fn round_to_i64(x: f64) -> Option<i64> {
    let rounded = x + ROUNDER;
    (x.abs() <= MAX_Q).then_some((rounded.to_bits() as i64).wrapping_sub(ROUNDER.to_bits() as i64))
}

/// Largest step <= 2 * limit with 24 significant bits, less what rounding to the dtype can add at magnitude
/// `max_abs`. `None` where no such step is a normal number, or the dtype is too coarse for the bound. Readers of coded arrays
/// compute it again (docs/format.md, section 17).
pub fn uniform_step<T: Element>(limit: f64, max_abs: f64) -> Option<f64> {
    let half_ulp = if T::DIGITS == 53 { 0.0 } else { max_abs * libm::ldexp(1.0, -(T::DIGITS as i32)) };
    let usable = if half_ulp < limit * 0.25 { limit - half_ulp } else { limit };
    let bits = (2.0 * usable).to_bits() & !((1 << 29) - 1);
    let step = f64::from_bits(bits);
    (step.is_normal() && max_abs / step <= MAX_Q && half_ulp < limit * 2.0).then_some(step)
}

/// Step of a [`Grid::Integer`] that spends a bound on whole numbers; stored as little as [`uniform_step`].
pub fn whole_step(limit: f64) -> u64 {
    2 * (limit.min(1e18) as u64) + 1
}

/// Step of a [`Grid::Log`] that keeps |x' - x| <= factor * |x|, in units of 2^-48; `None` if the dtype is too coarse.
pub fn log_step<T: Element>(factor: f64) -> Option<u64> {
    let rounding =
        if T::DIGITS == 53 || T::DIGITS == 0 { 1e-15 } else { libm::ldexp(1.0, -(T::DIGITS as i32)) };
    let usable = factor.min(0.9) - rounding;
    if usable <= rounding {
        return None;
    }
    let step = libm::log2((1.0 + usable) / (1.0 - usable)) * (1u64 << exp2::FRACTION_BITS) as f64;
    Some(step as u64)
}

impl Grid {
    /// The grid with an odd number of steps in one of this: its values are the same, and more between them. `None` where
    /// there is none.
    pub fn refined(&self, stride: i64) -> Option<Grid> {
        match *self {
            _ if stride == 1 => Some(*self),
            Grid::Uniform { step, non_negative } => {
                let step = step / stride as f64;
                step.is_normal().then_some(Grid::Uniform { step, non_negative })
            }
            Grid::Integer { step } if step % 2 == 1 && step.is_multiple_of(stride as u64) => {
                Some(Grid::Integer { step: step / stride as u64 })
            }
            _ => None,
        }
    }

    /// How far values of one cell lie apart; 0 where cells are not all alike.
    pub fn cell_width(&self) -> f64 {
        match *self {
            Grid::Integer { step } => (step - 1) as f64,
            // With a little room, for floats are rounded once more.
            Grid::Uniform { step, .. } => 1.25 * step,
            Grid::Order | Grid::OrderF32 | Grid::Decimal { .. } | Grid::Log { .. } => 0.0,
        }
    }

    /// The value of number `q`.
    #[inline(always)]
    pub fn reconstruct<T: Element>(&self, q: i64) -> T {
        match *self {
            Grid::Order => T::from_order(q),
            Grid::OrderF32 => T::from_f64(<f32 as Element>::from_order(q) as f64),
            Grid::Integer { step } => {
                if T::IS_FLOAT {
                    T::from_f64(q.wrapping_mul(step as i64) as f64 + middle(step))
                } else {
                    // Steps are below 2^62; a saturated product is beyond every dtype's range, or its end.
                    T::from_order(q.saturating_mul(step as i64).clamp(min_order::<T>(), max_order::<T>()))
                }
            }
            Grid::Uniform { step, non_negative } => uniform_value(q as f64, step, non_negative),
            Grid::Decimal { divisor } => T::from_f64(q as f64 / divisor),
            Grid::Log { step, low, integral } => {
                if q == 0 {
                    return T::from_f64(0.0);
                }
                let number = (q.unsigned_abs() as i64).wrapping_sub(1).wrapping_add(low);
                let exponent =
                    (number as i128 * step as i128).clamp(i64::MIN as i128, i64::MAX as i128) as i64;
                let magnitude = exp2::exp2(exponent);
                let magnitude = if integral { (magnitude + 0.5).floor() } else { magnitude };
                T::from_f64(if q < 0 { -magnitude } else { magnitude })
            }
        }
    }

    /// A number whose value is within the bound of a finite `x`, or `None`.
    #[inline(always)]
    pub fn quantize<T: Element>(&self, x: T, bound: &Bound) -> Option<i64> {
        let q = self.nearest(x)?;
        if bound.holds(x, self.reconstruct(q)) {
            return Some(q);
        }
        // Rounding at a cell's edge can go the wrong way.
        [q.wrapping_sub(1), q.wrapping_add(1)].into_iter().find(|&q| bound.holds(x, self.reconstruct(q)))
    }

    /// The number whose value should be nearest to a finite `x`.
    #[inline(always)]
    pub fn nearest<T: Element>(&self, x: T) -> Option<i64> {
        match *self {
            Grid::Order => Some(x.order()),
            Grid::OrderF32 => Some((x.to_f64() as f32).order()),
            Grid::Integer { step } => {
                if T::IS_FLOAT {
                    round_to_i64((x.to_f64() - middle(step)) / step as f64)
                } else {
                    match x.order().checked_add((step / 2) as i64) {
                        _ if step == 1 => Some(x.order()),
                        Some(sum) => Some(sum.div_euclid(step as i64)),
                        None => {
                            Some((x.order() as i128 + (step / 2) as i128).div_euclid(step as i128) as i64)
                        }
                    }
                }
            }
            Grid::Uniform { step, .. } => round_to_i64(x.to_f64() / step),
            Grid::Decimal { divisor } => round_to_i64(x.to_f64() * divisor),
            Grid::Log { step, low, .. } => {
                let x = x.to_f64();
                if x == 0.0 {
                    return Some(0);
                }
                let number = log_number(x.abs(), step).checked_sub(low)?.checked_add(1)?.max(1);
                Some(if x < 0.0 { -number } else { number })
            }
        }
    }
}

/// Number, before `low` is taken off, of a positive magnitude on a logarithmic grid. With r = 2^step and
/// u = (r - 1) / (r + 1), the magnitudes from 2^(k * step) / (1 + u) to 2^(k * step) / (1 - u) have number k.
pub fn log_number(magnitude: f64, step: u64) -> i64 {
    let step = step as f64 / (1u64 << exp2::FRACTION_BITS) as f64;
    let r_minus_1 = libm::expm1(step * std::f64::consts::LN_2);
    let u = r_minus_1 / (r_minus_1 + 2.0);
    ((libm::log2(magnitude) + libm::log1p(u) * std::f64::consts::LOG2_E) / step).floor() as i64
}

/// q * step in float64, raised to 0 if asked, then rounded to the dtype; `whole` is q, exact.
#[inline(always)]
fn uniform_value<T: Element>(whole: f64, step: f64, non_negative: bool) -> T {
    let x = whole * step;
    T::from_f64(if non_negative && x < 0.0 { 0.0 } else { x })
}

/// Where the values of cells of so many whole numbers stand, beyond a multiple.
#[inline(always)]
fn middle(step: u64) -> f64 {
    if step.is_multiple_of(2) { 0.5 } else { 0.0 }
}

fn min_order<T: Element>() -> i64 {
    if size_of::<T>() == 8 { i64::MIN } else { T::from_f64(f64::NEG_INFINITY).order() }
}

fn max_order<T: Element>() -> i64 {
    if size_of::<T>() == 8 { i64::MAX } else { T::from_f64(f64::INFINITY).order() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::BoundSpec;

    fn served<T: Element>(grid: Grid, bound: Bound, x: T) -> bool {
        grid.quantize(x, &bound).is_some_and(|q| bound.holds(x, grid.reconstruct(q)))
    }

    #[test]
    fn uniform_grids_keep_their_bound() {
        for limit in [1e-3, 0.1, 3.7] {
            let bound = Bound::resolve(BoundSpec::Abs(limit), 0.0);
            let step = uniform_step::<f32>(limit, 200.0).unwrap();
            let grid = Grid::Uniform { step, non_negative: false };
            for i in -1000..1000 {
                assert!(served(grid, bound, i as f32 * 0.1937), "{limit} {i}");
            }
        }
    }

    #[test]
    fn logarithmic_grids_keep_their_bound() {
        for factor in [1e-5, 1e-3, 1e-2, 0.3] {
            let bound = Bound::resolve(BoundSpec::PwRel(factor), 0.0);
            let step = log_step::<f32>(factor).unwrap();
            let grid = Grid::Log { step, low: log_number(1e-6, step), integral: false };
            let mut x = 1e-6f32;
            while x < 1e6 {
                assert!(served(grid, bound, x) && served(grid, bound, -x), "{factor} {x}");
                x *= 1.000_37;
            }
            assert_eq!(grid.reconstruct::<f32>(0), 0.0);
        }
    }

    #[test]
    fn integer_grids_stay_inside_the_dtype() {
        let bound = Bound::resolve(BoundSpec::Abs(3.0), 0.0);
        let grid = Grid::Integer { step: 7 };
        for x in 0..=255u8 {
            assert!(served(grid, bound, x), "{x}");
        }
        for x in [i64::MIN, i64::MIN + 1, -4, -3, 0, 3, 4, i64::MAX] {
            assert!(served(grid, bound, x), "{x}");
        }
        for x in [0u64, 5, 1 << 63, u64::MAX] {
            assert!(served(grid, bound, x), "{x}");
        }
    }

    #[test]
    fn cells_of_whole_floats_hold_as_many_as_the_bound_allows() {
        for (limit, step) in [(0.963, 2), (1.0, 3), (1.5, 4), (3.49, 7)] {
            let bound = Bound::resolve(BoundSpec::Abs(limit), 0.0);
            let grid = Grid::Integer { step };
            let numbers: Vec<i64> =
                (-40..40).map(|x| grid.quantize(x as f64, &bound).expect("within the bound")).collect();
            let fullest = numbers.chunk_by(|a, b| a == b).map(<[i64]>::len).max();
            assert_eq!(fullest, Some(step as usize), "{limit}");
        }
    }

    #[test]
    fn decimals_come_back_exactly() {
        let lossless = Bound::resolve(BoundSpec::Lossless, 0.0);
        for i in -500i64..500 {
            let x = i as f64 / 100.0;
            if i != 0 {
                assert!(served(Grid::Decimal { divisor: 100.0 }, lossless, x));
            }
        }
    }
}
