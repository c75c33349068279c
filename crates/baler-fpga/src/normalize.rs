//! Raw integers to the network's inputs: the codec's scaling, which is written in floats, as one multiplication, one
//! addition and one shift of integers, proved equal on every number of the input's range.

use crate::interval::LIMIT;
use baler_codec::autoencoder::{INPUT_ONE, Scaling};
use baler_data::error::{Error, Result};

/// x = clamp((q * multiplier + offset) >> shift, -32767, 32767)
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stage {
    /// Above 0.
    pub multiplier: i64,
    /// Holds the half that rounds.
    pub offset: i64,
    /// At most 40.
    pub shift: u32,
}

/// Most bits of a raw input: every number of its range is tried out.
pub const MAX_RAW_BITS: u32 = 20;

const MAX_SHIFT: u32 = 40;

impl Stage {
    /// What the hardware makes of a number.
    pub fn apply(&self, q: i64) -> i64 {
        ((q * self.multiplier + self.offset) >> self.shift).clamp(-LIMIT, LIMIT)
    }

    /// The coarsest stage that equals `scaling` on all of `low..=high`.
    ///
    /// # Errors
    /// [`baler_data::error::ErrorKind::Config`] for a scaling with a logarithm, and for one whose halves are rounded both up and down.
    pub fn of(scaling: &Scaling, [low, high]: [i64; 2]) -> Result<Stage> {
        if scaling.log_unit != 0.0 {
            return Err(Error::config(
                "expected a variable without --transform log for raw inputs; export with --inputs float",
            ));
        }
        let scale = INPUT_ONE / scaling.half_range;
        for shift in 0..=MAX_SHIFT {
            let multiplier = libm::ldexp(scale, shift as i32).round_ties_even();
            if !(1.0..=9e15 / (high.abs().max(low.abs()).max(1) as f64 * 4.0)).contains(&multiplier) {
                continue;
            }
            let multiplier = multiplier as i64;
            let half = if shift == 0 { 0 } else { 1i64 << (shift - 1) };
            for rounding in [half, half - 1] {
                let Some(shifted) = scaling.center.checked_mul(multiplier) else { continue };
                let stage = Stage { multiplier, offset: rounding - shifted, shift };
                if (low..=high).all(|q| stage.apply(q) == i64::from(scaling.forward(q))) {
                    return Ok(stage);
                }
            }
        }
        Err(Error::config(format!(
            "expected a normalization that integers can do exactly, found a half range of {} whose halves are rounded \
             to even; export with --inputs float, or train with --target fpga, whose ranges are powers of two",
            scaling.half_range
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stage_equals_the_scaling_on_every_number() {
        for (center, half_range) in [(0, 1000.0), (-37, 2047.5), (512, 512.0), (100, 30_000.3), (0, 3.0)] {
            let scaling = Scaling { center, half_range, log_unit: 0.0 };
            let stage = Stage::of(&scaling, [-32768, 32767]).unwrap();
            for q in -32768..=32767 {
                assert_eq!(stage.apply(q), i64::from(scaling.forward(q)), "{center} {half_range} {q}");
            }
        }
    }

    #[test]
    fn powers_of_two_need_no_multiplier() {
        let scaling = Scaling { center: 100, half_range: 4096.0, log_unit: 0.0 };
        let stage = Stage::of(&scaling, [0, 65535]).unwrap();
        assert_eq!(stage, Stage { multiplier: 4, offset: -400, shift: 0 });
    }

    #[test]
    fn what_integers_cannot_do_is_told() {
        let log = Scaling { center: 0, half_range: 10.0, log_unit: 1.0 };
        let text = Stage::of(&log, [0, 10]).unwrap_err().to_string();
        assert!(text.contains("--inputs float"), "{text}");
        let ties = Scaling { center: 0, half_range: 65536.0, log_unit: 0.0 };
        let text = Stage::of(&ties, [0, 65535]).unwrap_err().to_string();
        assert!(text.contains("powers of two"), "{text}");
    }
}
