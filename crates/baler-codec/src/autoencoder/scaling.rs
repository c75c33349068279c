//! From a variable's grid numbers to the network's units and back, in float64 `+ - * /` of one fixed order.
//!
//! t = q - center, or for heavy tails t = sign * log2'(1 + |q - center| / log_unit), where log2' is the piecewise
//! linear logarithm that a float64's own bits are. In units of the network, t / half_range is 1 at the end of the
//! range that the model was fitted to.

use crate::quantize::round_to_i64;
use baler_data::bytes::{ByteReader, ByteWriter};
use baler_data::error::{Error, Result};

/// Input of the network that stands for 1.
pub const INPUT_ONE: f64 = 16384.0;

/// How one variable is scaled.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scaling {
    /// Number that becomes 0.
    pub center: i64,
    /// Distance that becomes 1, in numbers (or in octaves, with a logarithm). Positive.
    pub half_range: f64,
    /// 0: linear. Otherwise the logarithm bends at this distance.
    pub log_unit: f64,
}

impl Scaling {
    /// Number to network input.
    pub fn forward(&self, q: i64) -> i16 {
        let distance = q.wrapping_sub(self.center) as f64;
        let t = if self.log_unit == 0.0 {
            distance
        } else {
            log(distance.abs() / self.log_unit).copysign(distance)
        };
        // `as` saturates; -32768 is not an activation.
        ((t / self.half_range * INPUT_ONE).round_ties_even() as i16).max(-32767)
    }

    /// Network output to the nearest number; `one` is the output that stands for 1.
    pub fn inverse(&self, output: i32, one: f64) -> i64 {
        let t = output as f64 * (self.half_range / one);
        let distance = if self.log_unit == 0.0 { t } else { (exp(t.abs()) * self.log_unit).copysign(t) };
        // Beyond 2^50 there is no half to round.
        self.center.wrapping_add(round_to_i64(distance).unwrap_or(distance as i64))
    }

    /// Center, half range, unit of the logarithm.
    pub fn write(&self, w: &mut ByteWriter) {
        w.signed(self.center);
        w.f64(self.half_range);
        w.f64(self.log_unit);
    }

    /// Inverse of [`Scaling::write`].
    pub fn read(r: &mut ByteReader) -> Result<Scaling> {
        let scaling = Scaling { center: r.signed()?, half_range: r.f64()?, log_unit: r.f64()? };
        let positive = |x: f64| x.is_finite() && x > 0.0;
        if positive(scaling.half_range) && (positive(scaling.log_unit) || scaling.log_unit == 0.0) {
            Ok(scaling)
        } else {
            Err(Error::corrupt(format!("expected a positive scale, found {scaling:?}")))
        }
    }
}

/// log2(1 + a), linear between powers of two; a >= 0.
pub fn log(a: f64) -> f64 {
    (a + 1.0).to_bits().wrapping_sub(1.0f64.to_bits()) as f64 * (1.0 / (1u64 << 52) as f64)
}

/// Inverse of [`log`], up to rounding; m >= 0.
pub fn exp(m: f64) -> f64 {
    f64::from_bits(1.0f64.to_bits() + (m.min(1000.0) * (1u64 << 52) as f64) as u64) - 1.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back_within_the_network_s_resolution() {
        for log_unit in [0.0, 10.0] {
            let half_range = if log_unit == 0.0 { 1e6 } else { log(1e5) };
            let scaling = Scaling { center: -500, half_range, log_unit };
            for q in (-1_000_000i64..1_000_000).step_by(997) {
                let u = scaling.forward(q);
                let back = scaling.inverse(u as i32, INPUT_ONE);
                let tolerance = if log_unit == 0.0 { 62 } else { 2 + (q + 500).abs() / 1000 };
                assert!((back - q).abs() <= tolerance, "{log_unit} {q} {back}");
            }
        }
    }

    #[test]
    fn outliers_saturate() {
        let scaling = Scaling { center: 0, half_range: 1.0, log_unit: 0.0 };
        assert_eq!(scaling.forward(i64::MAX), 32767);
        assert_eq!(scaling.forward(i64::MIN), -32767);
        assert_eq!(log(0.0), 0.0);
        assert_eq!(log(1.0), 1.0);
        assert!((exp(log(12345.6)) - 12345.6).abs() < 1e-6);
    }
}
