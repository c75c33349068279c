//! Ranges of integers and the bits that they take: how wide each wire must be, for every input that can come.

use baler_codec::network::ACTIVATION_MAX;
use baler_codec::network::architecture::Activation;

/// Limit of every activation and latent.
pub const LIMIT: i64 = ACTIVATION_MAX as i64;

/// All integers from `low` to `high`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interval {
    /// Least.
    pub low: i64,
    /// Largest.
    pub high: i64,
}

impl Interval {
    /// One number.
    pub fn of(value: i64) -> Interval {
        Interval { low: value, high: value }
    }

    /// Bits of two's complement that hold every number.
    pub fn bits(self) -> u32 {
        let magnitude = |x: i64| if x < 0 { !x } else { x };
        65 - (magnitude(self.low) | magnitude(self.high)).leading_zeros()
    }

    /// All w x.
    pub fn times(self, w: i64) -> Interval {
        let (a, b) = (self.low * w, self.high * w);
        Interval { low: a.min(b), high: a.max(b) }
    }

    /// All x + y.
    pub fn plus(self, other: Interval) -> Interval {
        Interval { low: self.low + other.low, high: self.high + other.high }
    }

    /// All f(x), for an f that never falls.
    pub fn map(self, f: impl Fn(i64) -> i64) -> Interval {
        Interval { low: f(self.low), high: f(self.high) }
    }
}

/// activation(acc >> shift), limited to +-`limit`; never falls with `acc`.
pub fn finish(acc: i64, shift: u32, activation: Activation, limit: i64) -> i64 {
    let y = acc >> shift;
    let y = match activation {
        Activation::Linear => y,
        Activation::Relu => y.max(0),
        Activation::LeakyRelu { shift } if y < 0 => y >> shift,
        Activation::LeakyRelu { .. } => y,
    };
    y.clamp(-limit, limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_hold_the_ends_and_no_more() {
        for (low, high, bits) in
            [(0, 0, 1), (-1, 0, 1), (0, 1, 2), (-32768, 32767, 16), (-32769, 0, 17), (0, 32768, 17)]
        {
            assert_eq!(Interval { low, high }.bits(), bits, "{low} {high}");
        }
    }
}
