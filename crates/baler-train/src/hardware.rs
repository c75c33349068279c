//! Weights that are as coarse as hardware will have them.
//!
//! A row's weights are multiples of one power of two, the finest at which its largest weight has the asked bits, and may have only
//! a few digits 1 and -1. Training sees these weights in both directions and moves finer ones behind them (the straight-through
//! estimator), so what is learned fits what is built.

use super::net::FloatLayer;
use baler_codec::options::training::Hardware;

/// Exponent p at which integers w 2^p of a row have at most `bits` bits, the largest magnitude being `largest`.
pub fn row_exponent(largest: f64, bits: u32) -> i32 {
    let most = libm::ldexp(1.0, bits as i32 - 1) - 0.75;
    libm::floor(libm::log2(most / largest.max(1e-30))).clamp(-60.0, 60.0) as i32
}

/// The integer nearest to `x` with at most so many digits 1 and -1.
pub fn nearest(x: f64, digits: Option<u32>) -> i64 {
    let Some(digits) = digits else { return x.round_ties_even() as i64 };
    let (mut rest, mut sum) = (x, 0.0);
    for _ in 0..digits {
        if rest.abs() < 0.5 {
            break;
        }
        // The power of two nearest to what is left: from 2/3 of it on the next is nearer.
        let low = libm::ldexp(1.0, libm::floor(libm::log2(rest.abs())) as i32).max(1.0);
        let power = if rest.abs() > 1.5 * low { 2.0 * low } else { low };
        let digit = power.copysign(rest);
        sum += digit;
        rest -= digit;
    }
    sum as i64
}

/// A layer's weights as they will be in hardware.
pub fn coarsen(layer: &mut FloatLayer, hardware: Hardware) {
    let n_cols = layer.spec.n_cols();
    for row in layer.weights.chunks_mut(n_cols) {
        let largest = row.iter().fold(0.0f64, |max, &w| max.max(f64::from(w).abs()));
        let p = row_exponent(largest, hardware.weight_bits);
        for w in row {
            let integer = nearest(libm::ldexp(f64::from(*w), p), hardware.digits);
            *w = libm::ldexp(integer as f64, -p) as f32;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_has_the_asked_bits() {
        for largest in [0.013, 0.5, 1.0, 1.99, 127.0] {
            let p = row_exponent(largest, 8);
            let integer = nearest(libm::ldexp(largest, p), None);
            assert!((63..=127).contains(&integer), "{largest}: {integer}");
        }
    }

    #[test]
    fn few_digits_are_near() {
        assert_eq!([nearest(7.0, Some(2)), nearest(7.0, Some(1)), nearest(13.0, Some(2))], [7, 8, 14]);
        assert_eq!([nearest(-5.2, Some(2)), nearest(0.4, Some(2)), nearest(43.0, None)], [-5, 0, 43]);
        for x in -120..=120 {
            let error = (nearest(f64::from(x), Some(3)) - i64::from(x)).abs();
            assert!(error <= 2, "{x}: {error}");
        }
    }
}
