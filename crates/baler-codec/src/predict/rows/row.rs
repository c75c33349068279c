//! The rows of probabilities: discretized logistic distributions, made by integers only.
//!
//! A row belongs to a width, a tail and a fraction. The error `e` of a prediction that lies `fraction` of a step above
//! an integer has the density of a logistic with scale 0.7 * 2^((width - 32) / 4) steps, of which a share (the tail) is
//! three times as wide. Errors are cut into buckets of 2^shift; 31 buckets around zero have a symbol each, all others
//! share the escape.

use crate::entropy::pair::Span;
use crate::predict::tables;
use std::sync::OnceLock;

/// log2 of the sum of a row's frequencies.
pub const PRECISION: u32 = 15;
/// Symbols of a row; the last is the escape.
pub const N_SYMBOLS: usize = 32;
/// Symbol of bucket 0.
pub const ZERO: i64 = 15;
/// Fractions of a step that have rows of their own.
pub const N_FRACTIONS: usize = 8;
/// Shares of the wide part, in 1/64.
pub const TAILS: [i64; 4] = [0, 2, 6, 16];
/// Largest width: the scale is 2^56.
pub const MAX_WIDTH: i32 = 255;

/// Fraction bits of the logistic function's values, and steps of its argument per 1.
const VALUE_BITS: u32 = 40;
const STEPS: i64 = 256;
/// Argument from which the function is 1.
const LIMIT: usize = 28 * STEPS as usize;
/// 2^(-j/4) / 0.7 in 1/2^24.
const INVERSE_SCALE: [i64; 4] = [23_967_451, 20_154_144, 16_947_547, 14_251_132];

/// One row, in one line of the cache.
#[derive(Debug, Clone)]
#[repr(align(64))]
pub struct Probabilities {
    /// Last slot of each symbol; the number of those below a slot is its symbol.
    last: [i16; N_SYMBOLS],
}

/// Bits under a bucket for a width: buckets are one half to one logistic scale wide.
#[inline(always)]
pub fn shift_of(width: i32) -> u32 {
    ((width - 36).max(0) / 4) as u32
}

/// 2^40 / (1 + e^(-i / 256)) for i >= 0.
fn logistic_table() -> &'static [i64] {
    static TABLE: OnceLock<Vec<i64>> = OnceLock::new();
    TABLE.get_or_init(|| tables::logistic(VALUE_BITS, LIMIT).map(|value| value as i64).collect())
}

/// The logistic function of `x / 256`.
fn logistic(x: i64) -> i64 {
    let table = logistic_table();
    let value = table[(x.unsigned_abs() as usize).min(LIMIT)];
    if x < 0 { (1 << VALUE_BITS) - value } else { value }
}

impl Probabilities {
    /// All slots are those of symbol 0, which takes no bits.
    pub const NOTHING: Probabilities = Probabilities { last: [i16::MAX; N_SYMBOLS] };

    /// The row of a width (0..=255), a tail (index of [`TAILS`]) and a fraction (0..8: 1/32 to 15/32 of a step).
    pub fn new(width: i32, tail: usize, fraction: usize) -> Probabilities {
        let shift = shift_of(width);
        let share = TAILS[tail];
        // Bounds of buckets in 1/32 of a step.
        let bound = |bucket: i64| {
            let half = (1i128 << shift) >> 1;
            (((bucket as i128) << shift) - half) * 32 - 16 - (2 * fraction as i128 + 1)
        };
        let inverse = INVERSE_SCALE[(width & 3) as usize] as i128;
        let octave = width / 4 - 8;
        // x / 32 / scale * 256.
        let argument = |x: i128| {
            let product = x * inverse * (STEPS / 32) as i128;
            (product >> (24 + octave)) as i64
        };
        let below = |bucket: i64| {
            let x = argument(bound(bucket));
            ((64 - share) * logistic(x) + share * logistic(x / 3)) >> 6
        };
        let lowest = below(-ZERO);
        let free = (1i64 << PRECISION) - N_SYMBOLS as i64;
        let start = |symbol: usize| {
            (((below(symbol as i64 - ZERO) - lowest) as i128 * free as i128) >> VALUE_BITS) as u32
                + symbol as u32
        };
        let mut row = Probabilities { last: [i16::MAX; N_SYMBOLS] };
        for symbol in 1..N_SYMBOLS {
            row.last[symbol - 1] = (start(symbol) - 1) as i16;
        }
        row
    }

    /// The slots of a symbol.
    #[inline(always)]
    pub fn span(&self, symbol: usize) -> Span {
        const SLOTS: u32 = 1 << PRECISION;
        // Before the first symbol stands the last one, whose end is 0 again.
        let start = (self.last[symbol.wrapping_sub(1) % N_SYMBOLS] as u32 + 1) % SLOTS;
        Span::new(start, self.last[symbol % N_SYMBOLS] as u32 + 1 - start)
    }

    /// Bits that a symbol takes; for choosing rows, in the encoder only.
    pub fn cost(&self, symbol: usize) -> f32 {
        PRECISION as f32 - libm::log2f(self.span(symbol).frequency() as f32)
    }

    /// Symbol of a slot.
    #[inline(always)]
    pub fn symbol(&self, slot: i16) -> usize {
        self.last.iter().map(|&last| (last < slot) as i16).sum::<i16>() as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_a_distribution() {
        for width in 0..=MAX_WIDTH {
            for tail in 0..TAILS.len() {
                for fraction in 0..N_FRACTIONS {
                    let row = Probabilities::new(width, tail, fraction);
                    let mut first = 0;
                    for symbol in 0..N_SYMBOLS {
                        let span = row.span(symbol);
                        let (start, frequency) = (span.start(), span.frequency());
                        assert!(start == first && frequency > 0, "{width} {tail} {fraction} {symbol}");
                        assert_eq!(row.symbol(start as i16), symbol);
                        assert_eq!(row.symbol((start + frequency - 1) as i16), symbol);
                        first += frequency;
                    }
                    assert_eq!(first, 1 << PRECISION);
                }
            }
        }
    }

    /// The format's rows, pinned: BLAKE3 of first slot and number of slots of all symbols, as little-endian 16-bit numbers.
    #[test]
    fn the_rows_are_those_of_the_format() {
        let mut hasher = blake3::Hasher::new();
        for width in 0..=MAX_WIDTH {
            for tail in 0..TAILS.len() {
                for fraction in 0..N_FRACTIONS {
                    let row = Probabilities::new(width, tail, fraction);
                    for symbol in 0..N_SYMBOLS {
                        let span = row.span(symbol);
                        hasher.update(&(span.start() | span.frequency() << 16).to_le_bytes());
                    }
                }
            }
        }
        assert_eq!(hasher.finalize().to_hex().as_str()[..16], *"8e09c4669c1ba6ab");
    }
}
