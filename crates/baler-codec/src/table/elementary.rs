//! sin, cos, sinh and cosh from float64 + - * / alone, each operation rounded once in the order written, so that every
//! machine gives the same bits. Accurate to a few units in the last place; NaN where the argument is too large.

/// Largest argument of the circular functions: the reduction's products stay exact.
const MAX_ANGLE: f64 = 1e5;
/// Largest argument of the hyperbolic functions.
const MAX_RAPIDITY: f64 = 700.0;
/// Terms of the series.
const N_TERMS: usize = 20;

/// 1.5 * 2^52: adding and subtracting it rounds to the nearest integer (ties to even).
const ROUNDER: f64 = 6_755_399_441_055_744.0;

/// pi/2 in three parts of at most 30 bits and a rest: `n * part` is exact for |n| < 2^22.
const HALF_PI: [f64; 3] = [
    f64::from_bits(0x3ff9_21fb_5400_0000),
    f64::from_bits(0x3e11_0b46_1180_0000),
    f64::from_bits(0x3c23_1319_8a2e_0370),
];
/// ln 2 in two parts, the first of 32 bits.
const LN_2: [f64; 2] = [f64::from_bits(0x3fe6_2e42_fee0_0000), f64::from_bits(0x3dea_39ef_3579_3c76)];

/// 1/k! for k = 0 to 20: float64 factorials are exact that far, the quotient is rounded once.
fn inverse_factorials() -> [f64; N_TERMS + 1] {
    let mut factorial = 1.0;
    let mut inverse = [1.0; N_TERMS + 1];
    for (k, inverse) in inverse.iter_mut().enumerate().skip(1) {
        factorial *= k as f64;
        *inverse = 1.0 / factorial;
    }
    inverse
}

/// The functions, with their coefficients.
pub struct Elementary {
    inverse: [f64; N_TERMS + 1],
}

impl Default for Elementary {
    fn default() -> Self {
        Elementary { inverse: inverse_factorials() }
    }
}

impl Elementary {
    /// sum of sign^j x^k / k! for k = first, first + 2, ... up to `last`, from the highest down.
    #[inline(always)]
    fn series(&self, x: f64, first: usize, last: usize, sign: f64) -> f64 {
        let square = x * x;
        let mut sum = self.inverse[last];
        let mut k = last;
        while k > first {
            k -= 2;
            sum = self.inverse[k] + sign * (sum * square);
        }
        if first == 1 { sum * x } else { sum }
    }

    /// (sin x, cos x).
    pub fn sin_cos(&self, x: f64) -> (f64, f64) {
        if x.is_nan() || x.abs() > MAX_ANGLE {
            return (f64::NAN, f64::NAN);
        }
        let turns = (x / std::f64::consts::FRAC_PI_2 + ROUNDER) - ROUNDER;
        let rest = ((x - turns * HALF_PI[0]) - turns * HALF_PI[1]) - turns * HALF_PI[2];
        let sin = self.series(rest, 1, 17, -1.0);
        let cos = self.series(rest, 0, 18, -1.0);
        match turns as i64 & 3 {
            0 => (sin, cos),
            1 => (cos, -sin),
            2 => (-sin, -cos),
            _ => (-cos, sin),
        }
    }

    /// e^x for 1 <= x <= 700.
    fn exp(&self, x: f64) -> f64 {
        let whole = (x / std::f64::consts::LN_2 + ROUNDER) - ROUNDER;
        let rest = (x - whole * LN_2[0]) - whole * LN_2[1];
        let mut sum = self.inverse[14];
        for k in (0..14).rev() {
            sum = self.inverse[k] + sum * rest;
        }
        sum * f64::from_bits(((whole as i64 + 1023) as u64) << 52)
    }

    /// (sinh x, cosh x).
    pub fn sinh_cosh(&self, x: f64) -> (f64, f64) {
        if x.is_nan() || x.abs() > MAX_RAPIDITY {
            return (f64::NAN, f64::NAN);
        }
        if x.abs() < 1.0 {
            return (self.series(x, 1, 19, 1.0), self.series(x, 0, 20, 1.0));
        }
        let up = self.exp(x.abs());
        let down = 1.0 / up;
        let sinh = (up - down) * 0.5;
        (if x < 0.0 { -sinh } else { sinh }, (up + down) * 0.5)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_accurate() {
        let functions = Elementary::default();
        let near = |found: f64, expected: f64| (found - expected).abs() <= 1e-15 * expected.abs().max(1e-3);
        for i in -20_000..20_000 {
            let x = i as f64 * 0.000_713;
            let (sin, cos) = functions.sin_cos(x);
            assert!(near(sin, libm::sin(x)) && near(cos, libm::cos(x)), "{x}");
            let (sinh, cosh) = functions.sinh_cosh(x);
            assert!(near(sinh, libm::sinh(x)) && near(cosh, libm::cosh(x)), "{x}");
        }
        let (sin, cos) = functions.sin_cos(99_999.5);
        assert!(near(sin, libm::sin(99_999.5)) && near(cos, libm::cos(99_999.5)));
    }

    #[test]
    fn what_is_too_large_is_no_number() {
        let functions = Elementary::default();
        for x in [f64::NAN, f64::INFINITY, -1e6] {
            assert!(functions.sin_cos(x).0.is_nan() && functions.sinh_cosh(x).1.is_nan());
        }
        assert!(functions.sinh_cosh(700.0).0.is_finite());
    }
}
