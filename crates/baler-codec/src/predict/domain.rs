//! What the numbers are: integers on a grid, or floats by their order.
//!
//! Floats are predicted by their values: the order of a float jumps wildly where values pass zero, and its slope
//! doubles with each exponent. A float becomes a fixed-point number of 40 bits below the largest exponent; the
//! prediction goes back to the order, and the scale is divided by the spacing of floats there.

/// Bits of the largest value in fixed point.
const FIXED_BITS: i32 = 40;

/// How numbers relate to values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Domain {
    /// A number is its value.
    Integer,
    /// A number is the order of a float.
    Float {
        /// Stored bits of the mantissa: 10, 23 or 52.
        mantissa_bits: u32,
        /// Biased exponent of the largest value.
        top: u32,
    },
}

/// Magnitude bits of the float of an order.
#[inline(always)]
fn magnitude(order: i64) -> u64 {
    (order ^ (order >> 63)) as u64
}

impl Domain {
    /// The domain of the orders of floats.
    pub fn of_floats(orders: impl Iterator<Item = i64>, mantissa_bits: u32) -> Domain {
        let top = orders.map(|order| magnitude(order) >> mantissa_bits).max().unwrap_or(0);
        Domain::Float { mantissa_bits, top: top.min(2047) as u32 }
    }

    /// The value of a number, in units of a step or in fixed point.
    #[inline(always)]
    pub fn value(self, number: i64) -> i64 {
        let Domain::Float { mantissa_bits, top } = self else { return number };
        let bits = magnitude(number);
        let exponent = (bits >> mantissa_bits).min(top as u64) as i32;
        let mantissa = bits & ((1 << mantissa_bits) - 1);
        let mantissa = if exponent > 0 { mantissa | 1 << mantissa_bits } else { mantissa };
        let shift = exponent.max(1) - top as i32 + FIXED_BITS - mantissa_bits as i32;
        let fixed = if shift >= 0 { mantissa << shift } else { mantissa >> (-shift).min(63) } as i64;
        if number < 0 { -fixed } else { fixed }
    }

    /// The number of a prediction in 1/64, and what is taken off a level there.
    #[inline(always)]
    pub fn number(self, prediction: i64, scale: i64) -> (i64, i32) {
        let Domain::Float { mantissa_bits, top } = self else { return (prediction.wrapping_add(32) >> 6, 0) };
        let m = mantissa_bits as i32;
        let size = prediction.unsigned_abs().min(1 << 56);
        // Spacing of floats as far out as the error may lead: 2^(place - m).
        let far = (size + (scale.max(0) as u64 >> 5)).max(1).ilog2() as i32 - 6;
        let lowest = FIXED_BITS - top as i32 + 1;
        let levels = 4 * (far.max(lowest) - m);
        let place = size.max(1).ilog2() as i32;
        let exponent = top as i32 - FIXED_BITS + place - 6;
        if exponent < 1 {
            return (0, levels);
        }
        let aligned = if place >= m { size >> (place - m) } else { size << (m - place) };
        let order = ((exponent as i64) << m) + (aligned & ((1 << m) - 1)) as i64;
        (if prediction < 0 { !order } else { order }, levels)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_predicts_its_own_number() {
        for x in [1.0f32, -1.0, 0.3, -0.001, 3.9999, 1.5e-3] {
            let bits = x.to_bits() as i32;
            let order = (if bits < 0 { bits ^ i32::MAX } else { bits }) as i64;
            let domain = Domain::of_floats([order, 0x4080_0000].into_iter(), 23);
            assert_eq!(domain.number(domain.value(order) * 64, 8).0, order, "{x}");
        }
    }

    #[test]
    fn any_number_and_prediction_is_taken() {
        for mantissa_bits in [10, 23, 52] {
            for top in [0, 1, 30, 255, 2047] {
                let domain = Domain::Float { mantissa_bits, top };
                for x in [0, 1, -1, i64::MAX, i64::MIN, 1 << 40, -(1 << 52), 77777] {
                    domain.value(x);
                    domain.number(x, i64::MAX);
                    domain.number(x, i64::MIN);
                }
            }
        }
    }
}
