//! Binary arithmetic coder: one bit at a time with a 16-bit probability, by an interval of 64-bit numbers.
//!
//! The interval `[low, high]` is cut at `low + (high - low) * p / 2^16`; the lower part is bit 1. Leading bytes that
//! both ends share are moved out. No carries; an interval never becomes empty. Reading past the end gives zeros, of which a
//! reader needs 8 at most: it holds 8 bytes, and no more are moved out of its interval than were written.

use baler_data::error::{Error, Result};

/// Bytes that a decoder holds.
const HELD_BYTES: u64 = 8;

/// Something that codes bits: the encoder writes the given bit, the decoder ignores it and returns the one read.
pub trait BitCoder {
    /// True if bits are read rather than written.
    const DECODES: bool;
    /// Codes one bit; `p_one` is the probability of 1 out of 2^16, neither 0 nor 2^16.
    fn code(&mut self, bit: u32, p_one: u32) -> u32;

    /// True once more was read than any encoder would have left out: what is read from then on is not in the bytes.
    #[inline(always)]
    fn is_spent(&self) -> bool {
        false
    }
}

/// Writes bits.
#[derive(Debug)]
pub struct BinaryEncoder {
    low: u64,
    high: u64,
    bytes: Vec<u8>,
}

impl Default for BinaryEncoder {
    fn default() -> Self {
        BinaryEncoder { low: 0, high: u64::MAX, bytes: Vec::new() }
    }
}

/// Where an interval is cut: `low <= cut < high` for `p_one` in 1..2^16.
#[inline(always)]
fn cut(low: u64, high: u64, p_one: u32) -> u64 {
    let range = high - low;
    low + (range >> 16) * p_one as u64 + (((range & 0xffff) * p_one as u64) >> 16)
}

impl BinaryEncoder {
    /// The bytes: the fewest that lie in the last interval whatever zeros follow.
    pub fn finish(mut self) -> Vec<u8> {
        for n_bytes in 0..=8 {
            let below = if n_bytes == 0 { u64::MAX } else { (1u64 << (64 - 8 * n_bytes as u32).min(63)) - 1 };
            let below = if n_bytes == 8 { 0 } else { below };
            // The smallest multiple of 2^(64 - 8 n_bytes) that is not under `low`.
            let Some(rounded) = self.low.checked_add(below).map(|sum| sum & !below) else { continue };
            if rounded <= self.high {
                self.bytes.extend_from_slice(&rounded.to_be_bytes()[..n_bytes]);
                break;
            }
        }
        self.bytes
    }
}

impl BitCoder for BinaryEncoder {
    const DECODES: bool = false;

    #[inline(always)]
    fn code(&mut self, bit: u32, p_one: u32) -> u32 {
        let middle = cut(self.low, self.high, p_one);
        if bit != 0 {
            self.high = middle;
        } else {
            self.low = middle + 1;
        }
        while (self.low ^ self.high) >> 56 == 0 {
            self.bytes.push((self.high >> 56) as u8);
            self.low <<= 8;
            self.high = self.high << 8 | 0xff;
        }
        bit
    }
}

/// Reads bits.
#[derive(Debug)]
pub struct BinaryDecoder<'a> {
    low: u64,
    high: u64,
    value: u64,
    rest: &'a [u8],
    /// Zeros that were read past the end.
    n_beyond: u64,
}

impl<'a> BinaryDecoder<'a> {
    /// Starts at the first of `bytes`.
    pub fn new(bytes: &'a [u8]) -> Self {
        let mut decoder = BinaryDecoder { low: 0, high: u64::MAX, value: 0, rest: bytes, n_beyond: 0 };
        for _ in 0..HELD_BYTES {
            decoder.value = decoder.value << 8 | decoder.next_byte();
        }
        decoder
    }

    #[inline(always)]
    fn next_byte(&mut self) -> u64 {
        match self.rest.split_first() {
            Some((&byte, rest)) => {
                self.rest = rest;
                byte as u64
            }
            None => {
                self.n_beyond += 1;
                0
            }
        }
    }

    /// An error for a code that [is spent](BitCoder::is_spent).
    pub fn check(&self) -> Result<()> {
        if self.is_spent() {
            return Err(Error::corrupt(
                "expected the bits of all numbers, found too few bytes; they are damaged",
            ));
        }
        Ok(())
    }
}

impl BitCoder for BinaryDecoder<'_> {
    const DECODES: bool = true;

    #[inline(always)]
    fn code(&mut self, _: u32, p_one: u32) -> u32 {
        let middle = cut(self.low, self.high, p_one);
        let bit = (self.value <= middle) as u32;
        if bit != 0 {
            self.high = middle;
        } else {
            self.low = middle + 1;
        }
        while (self.low ^ self.high) >> 56 == 0 {
            self.low <<= 8;
            self.high = self.high << 8 | 0xff;
            self.value = self.value << 8 | self.next_byte();
        }
        bit
    }

    #[inline(always)]
    fn is_spent(&self) -> bool {
        self.n_beyond > HELD_BYTES
    }
}

/// Codes nothing: for passes that only look at the predictions.
#[derive(Debug, Default)]
pub struct NoBits;

impl BitCoder for NoBits {
    const DECODES: bool = false;

    #[inline(always)]
    fn code(&mut self, bit: u32, _: u32) -> u32 {
        bit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_come_back_at_every_probability() {
        let mut state = 1u64;
        let mut random = || {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (state >> 33) as u32
        };
        for n in [0usize, 1, 2, 3, 7, 100, 20_000] {
            let bits: Vec<(u32, u32)> = (0..n)
                .map(|_| {
                    let p = match random() % 4 {
                        0 => 1,
                        1 => 65535,
                        _ => random() % 65535 + 1,
                    };
                    ((random() % 65536 < p) as u32 ^ (random() % 50 == 0) as u32, p)
                })
                .collect();
            let mut encoder = BinaryEncoder::default();
            for &(bit, p) in &bits {
                encoder.code(bit, p);
            }
            let bytes = encoder.finish();
            let mut decoder = BinaryDecoder::new(&bytes);
            for &(bit, p) in &bits {
                assert_eq!(decoder.code(0, p), bit);
            }
            decoder.check().unwrap();
        }
    }

    #[test]
    fn rare_bits_are_cheap() {
        let mut encoder = BinaryEncoder::default();
        for _ in 0..100_000 {
            encoder.code(0, 10);
        }
        assert!(encoder.finish().len() < 8);
    }

    #[test]
    fn a_code_that_is_too_short_is_noticed_when_8_bytes_too_many_are_read() {
        let mut decoder = BinaryDecoder::new(&[0x12, 0x34]);
        for n_bits in 0..300 {
            assert_eq!(decoder.is_spent(), n_bits >= 3 * 8, "{n_bits}");
            decoder.code(0, 1 << 15);
        }
        assert!(decoder.check().unwrap_err().to_string().contains("damaged"));
    }
}
