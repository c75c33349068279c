//! 2^x in integer arithmetic, the same bits on every machine: the grid of point-wise relative bounds.
//!
//! An argument is a fixed-point number with 48 fraction bits. 2^frac is the product of three table entries (8 bits
//! of the fraction each, Q62) and a linear term for the last 24 bits: 1 + f ln 2, whose error is below 2^-48.
//! The tables are built from integer square roots: 2^(1/2), 2^(1/4), ... and their products.

use std::sync::LazyLock;

/// Fraction bits of an exponent.
pub const FRACTION_BITS: u32 = 48;
/// ln 2 in Q62.
const LN2_Q62: u64 = 3_196_577_161_300_663_914;

/// `TABLES[level][byte]` = 2^(byte / 256^(level + 1)) in Q62.
static TABLES: LazyLock<[[u64; 256]; 3]> = LazyLock::new(build_tables);

/// floor(sqrt(x)) by Newton's method.
fn integer_sqrt(x: u128) -> u128 {
    let mut root = 1u128 << (128 - x.leading_zeros()).div_ceil(2);
    loop {
        let next = (root + x / root) >> 1;
        if next >= root {
            return root;
        }
        root = next;
    }
}

#[inline(always)]
fn multiply_q62(a: u64, b: u64) -> u64 {
    ((a as u128 * b as u128) >> 62) as u64
}

fn build_tables() -> [[u64; 256]; 3] {
    // roots[k] = 2^(2^-(k+1)) in Q62.
    let mut roots = [0u64; 24];
    let mut previous = 2u128 << 62;
    for root in &mut roots {
        previous = integer_sqrt(previous << 62);
        *root = previous as u64;
    }
    let mut tables = [[0u64; 256]; 3];
    for (level, table) in tables.iter_mut().enumerate() {
        for (byte, entry) in table.iter_mut().enumerate() {
            *entry = (0..8)
                .filter(|bit| byte >> (7 - bit) & 1 == 1)
                .fold(1u64 << 62, |product, bit| multiply_q62(product, roots[level * 8 + bit]));
        }
    }
    tables
}

/// 2^(exponent / 2^48) as a float64 rounded down to 53 bits; 0 below 2^-1022 and infinity from 2^1024 on.
#[inline]
pub fn exp2(exponent: i64) -> f64 {
    let whole = exponent >> FRACTION_BITS;
    let fraction = (exponent & ((1 << FRACTION_BITS) - 1)) as u64;
    let tables = &*TABLES;
    let byte = |at: u32| (fraction >> at & 255) as usize;
    let mut mantissa = multiply_q62(tables[0][byte(40)], tables[1][byte(32)]);
    mantissa = multiply_q62(mantissa, tables[2][byte(24)]);
    let linear = (1u64 << 62) + (((fraction & 0xff_ffff) as u128 * LN2_Q62 as u128) >> FRACTION_BITS) as u64;
    mantissa = multiply_q62(mantissa, linear);
    if whole < -1022 {
        return 0.0;
    }
    if whole > 1023 {
        return f64::INFINITY;
    }
    // mantissa is in [2^62, 2^63): its top 53 bits become a float64 in [1, 2), then a power of two; both exact.
    const ULP: f64 = 1.0 / (1u64 << 52) as f64;
    (mantissa >> 10) as f64 * ULP * f64::from_bits(((whole + 1023) as u64) << 52)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_libm_within_its_argument_s_rounding() {
        for i in -4000i64..4000 {
            let exponent = i * 71_234_567_890_123 % (1023 << 48);
            let expected = libm::exp2(exponent as f64 / (1u64 << FRACTION_BITS) as f64);
            let found = exp2(exponent);
            assert!((found / expected - 1.0).abs() < 3e-13, "{exponent}: {found} {expected}");
        }
        assert_eq!(exp2(0), 1.0);
        assert_eq!(exp2(3 << 48), 8.0);
        assert_eq!(exp2(-1022 << 48), f64::MIN_POSITIVE);
        assert_eq!(exp2(i64::MIN), 0.0);
        assert_eq!(exp2(i64::MAX), f64::INFINITY);
    }

    #[test]
    fn the_tables_are_those_of_the_format() {
        let mut hasher = blake3::Hasher::new();
        for entry in TABLES.iter().flatten() {
            hasher.update(&entry.to_le_bytes());
        }
        assert_eq!(hasher.finalize().to_hex().as_str()[..16], *"7fd6771e8d462a08");
    }
}
