//! The promise as it is kept: [`Bound`] is a [`BoundSpec`] resolved for one variable, and the one test of it.

use crate::options::BoundSpec;
use baler_data::dataset::kind::Kind;
use baler_data::element::Element;

/// The largest error of both parts of a complex number that keeps the modulus of its error within `limit`:
/// limit / sqrt(2), one step down so that rounding cannot exceed it.
pub fn part_limit(limit: f64) -> f64 {
    (limit * std::f64::consts::FRAC_1_SQRT_2).next_down().max(0.0)
}

/// A resolved promise, stored in the archive.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bound {
    /// As asked.
    pub spec: BoundSpec,
    /// Largest allowed |x' - x| for `Abs` and `Rel` (of complex numbers, of each part); the factor of |x| for `PwRel`; standard
    /// deviations for `Noise`; 0 otherwise.
    pub limit: f64,
}

impl Bound {
    /// Resolves `spec` for values whose finite, non-missing range is `range` (max - min, in float64).
    pub fn resolve(spec: BoundSpec, range: f64) -> Bound {
        let limit = match spec {
            BoundSpec::Abs(e) | BoundSpec::PwRel(e) => e,
            BoundSpec::Noise(noise) => noise.k,
            BoundSpec::Rel(e) => (e * range).min(f64::MAX),
            BoundSpec::Lossless | BoundSpec::Unbounded => 0.0,
        };
        Bound { spec, limit }
    }

    /// [`Bound::resolve`] for a variable of a kind: of complex numbers, each part gets what keeps the modulus.
    pub fn of_kind(spec: BoundSpec, range: f64, kind: Kind) -> Bound {
        let bound = Bound::resolve(spec, range);
        match (kind, spec) {
            (Kind::Complex, BoundSpec::Abs(_) | BoundSpec::Rel(_)) => {
                Bound { limit: part_limit(bound.limit), ..bound }
            }
            _ => bound,
        }
    }

    /// True if `decoded` may stand for `original`. No slack: |x' - x| <= limit holds in exact arithmetic.
    /// NaN, infinities and lossless values must agree in every bit.
    #[inline]
    pub fn holds<T: Element>(&self, original: T, decoded: T) -> bool {
        if original.to_bits64() == decoded.to_bits64() {
            return true;
        }
        match self.spec {
            BoundSpec::Lossless => false,
            BoundSpec::Unbounded => original.to_f64().is_finite() == decoded.to_f64().is_finite(),
            BoundSpec::Abs(_) | BoundSpec::Rel(_) => within(original, decoded, self.limit),
            BoundSpec::PwRel(_) => within_factor(original, decoded, self.limit),
            BoundSpec::Noise(noise) => {
                let x = original.to_f64();
                x.is_finite() && within(original, decoded, noise.limit(x))
            }
        }
    }

    /// True if each number of a lattice whose cells are as wide as `width` may stand for all values in its cell, as far as the
    /// bound at `x` goes: those that vary from value to value forbid some.
    #[inline(always)]
    pub fn allows_cells<T: Element>(&self, x: T, width: f64) -> bool {
        match self.spec {
            BoundSpec::Noise(noise) => noise.limit(x.to_f64()) >= width / 2.0,
            _ => true,
        }
    }

    /// |x' - x| for reporting: in the variable's units, as a fraction of |x| for `PwRel`, in standard deviations for `Noise`. 0 for
    /// equal bits, infinity where a non-finite value changed.
    #[inline]
    pub fn error<T: Element>(&self, original: T, decoded: T) -> f64 {
        if original.to_bits64() == decoded.to_bits64() {
            return 0.0;
        }
        let (x, y) = (original.to_f64(), decoded.to_f64());
        let difference = if T::IS_FLOAT { (y - x).abs() } else { order_distance(original, decoded) as f64 };
        let error = match self.spec {
            BoundSpec::PwRel(_) if difference != 0.0 => difference / x.abs(),
            BoundSpec::Noise(noise) if difference != 0.0 => difference / noise.limit(x) * noise.k,
            _ => difference,
        };
        if error.is_nan() { f64::INFINITY } else { error }
    }
}

#[inline]
fn order_distance<T: Element>(a: T, b: T) -> u64 {
    a.order().abs_diff(b.order())
}

#[inline(always)]
fn within<T: Element>(original: T, decoded: T, limit: f64) -> bool {
    if !T::IS_FLOAT {
        // Integers are apart by a whole number, so the floor of the limit decides; `as` saturates.
        return order_distance(original, decoded) <= limit as u64;
    }
    let (x, y) = (original.to_f64(), decoded.to_f64());
    let difference = y - x;
    // Rounding is monotone, so only a tie with the limit can hide an excess: then the exact remainder decides.
    let size = difference.abs();
    size < limit || (size == limit && remainder_of_difference(y, x, difference) * difference.signum() <= 0.0)
}

const TWO_TO_53: f64 = (1u64 << 53) as f64;
/// Products below this may have a remainder below the smallest float64.
const REMAINDER_IS_EXACT: f64 = f64::MIN_POSITIVE * TWO_TO_53;

/// (y - x) - difference, exact (Knuth's two-sum).
fn remainder_of_difference(y: f64, x: f64, difference: f64) -> f64 {
    let x_part = y - difference;
    let y_part = difference + x_part;
    (y - y_part) - (x - x_part)
}

#[inline(always)]
fn within_factor<T: Element>(original: T, decoded: T, factor: f64) -> bool {
    let x = original.to_f64();
    if x == 0.0 || !x.is_finite() {
        return false;
    }
    // An integer beyond 2^53 may have been rounded up.
    let size = if !T::IS_FLOAT && x.abs() >= TWO_TO_53 { x.abs().next_down() } else { x.abs() };
    // The largest float64 not above factor * |x|.
    let product = factor * size;
    let limit = if factor.mul_add(size, -product) < 0.0 || product < REMAINDER_IS_EXACT {
        product.next_down().max(0.0)
    } else {
        product
    };
    within(original, decoded, limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_itself_is_allowed_and_nothing_above() {
        let bound = Bound::resolve(BoundSpec::Abs(0.1), 0.0);
        assert!(bound.holds(0.0f64, 0.1));
        assert!(!bound.holds(0.0f64, 0.1f64.next_up()));
        // 1e17 + 0.1 rounds to 1e17 but is no violation; a tie hidden by rounding is.
        assert!(!Bound::resolve(BoundSpec::Abs(1.0), 0.0).holds(-1e-20f64, 1.0));
        assert!(Bound::resolve(BoundSpec::Abs(1.0), 0.0).holds(1e-20f64, 1.0));
        assert!(Bound::resolve(BoundSpec::Abs(2.9), 0.0).holds(10u8, 12));
        assert!(!Bound::resolve(BoundSpec::Abs(2.9), 0.0).holds(10u8, 13));
    }

    #[test]
    fn zeros_nan_and_infinities_must_be_exact() {
        let pw = Bound::resolve(BoundSpec::PwRel(0.1), 0.0);
        assert!(!pw.holds(0.0f32, 1e-30));
        assert!(pw.holds(10.0f32, 10.9));
        assert!(!pw.holds(f64::INFINITY, f64::MAX));
        // 2^53 + 3 is 2^53 + 4 as a float64, half of which is more than half of the integer.
        let half = Bound::resolve(BoundSpec::PwRel(0.5), 0.0);
        let (x, allowed) = ((1i64 << 53) + 3, (1i64 << 52) + 1);
        assert!(half.holds(x, x - allowed) && !half.holds(x, x - allowed - 1));
        let abs = Bound::resolve(BoundSpec::Abs(1e300), 0.0);
        assert!(!abs.holds(f64::NAN, 0.0));
        assert!(!abs.holds(0.0, f64::NAN));
        assert!(abs.holds(f64::NAN, f64::NAN));
        assert_eq!(abs.error(f64::NAN, 0.0), f64::INFINITY);
    }

    #[test]
    fn rel_times_range() {
        assert_eq!(Bound::resolve(BoundSpec::Rel(1e-3), 50.0).limit, 0.05);
    }
}
