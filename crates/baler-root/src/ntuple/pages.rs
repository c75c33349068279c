//! The pages of an RNTuple: how numbers stand in them (bits, bytes of all numbers sorted by significance, signs turned
//! to the last bit, differences), and any of them as big-endian bytes. Refuses pages whose length does not fit.

use crate::error::{Error, Result};
use crate::number::Number;
use std::ops::Range;

/// What a page's elements are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Width {
    Bit,
    Signed(u8),
    Unsigned(u8),
    Half,
    Single,
    Double,
    Index32,
    Index64,
}

impl Width {
    pub fn n_bits(self) -> usize {
        match self {
            Width::Bit => 1,
            Width::Signed(n_bytes) | Width::Unsigned(n_bytes) => 8 * usize::from(n_bytes),
            Width::Half => 16,
            Width::Single | Width::Index32 => 32,
            Width::Double | Width::Index64 => 64,
        }
    }

    /// True if every element is such a number.
    pub fn fits(self, number: Number) -> bool {
        let is_signed = matches!(number, Number::I8 | Number::I16 | Number::I32 | Number::I64);
        match self {
            Width::Bit => number == Number::Bool,
            Width::Signed(n) => is_signed && number.size() >= usize::from(n),
            // Whether a char has a sign is not said.
            Width::Unsigned(1) if number == Number::I8 => true,
            Width::Unsigned(n) => {
                let is_unsigned = matches!(number, Number::U8 | Number::U16 | Number::U32 | Number::U64);
                is_unsigned && number.size() >= usize::from(n)
            }
            Width::Half | Width::Single => matches!(number, Number::F32 | Number::F64),
            Width::Double => number == Number::F64,
            Width::Index32 | Width::Index64 => false,
        }
    }
}

/// How elements stand in a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Encoding {
    pub width: Width,
    /// All lowest bytes come first, then all second ones, and so on.
    is_split: bool,
    /// The sign is the last bit.
    is_zigzag: bool,
    /// Each is the difference from the one before.
    is_delta: bool,
}

impl Encoding {
    /// Of a column's type number; none for what is no number, or rounded.
    pub fn of(kind: u16) -> Option<Encoding> {
        let width = match kind {
            0x00 => Width::Bit,
            0x01 | 0x02 | 0x04 => Width::Unsigned(1),
            0x03 => Width::Signed(1),
            0x05 | 0x11 => Width::Signed(2),
            0x06 | 0x12 => Width::Unsigned(2),
            0x07 | 0x13 => Width::Signed(4),
            0x08 | 0x14 => Width::Unsigned(4),
            0x09 | 0x15 => Width::Signed(8),
            0x0a | 0x16 => Width::Unsigned(8),
            0x0b | 0x17 => Width::Half,
            0x0c | 0x18 => Width::Single,
            0x0d | 0x19 => Width::Double,
            0x0e | 0x1a => Width::Index32,
            0x0f | 0x1b => Width::Index64,
            _ => return None,
        };
        Some(Encoding {
            width,
            is_split: kind >= 0x11,
            is_zigzag: matches!(kind, 0x11 | 0x13 | 0x15),
            is_delta: kind >= 0x1a,
        })
    }

    /// Bytes of a page of so many elements.
    pub fn page_bytes(self, n_elements: usize) -> usize {
        n_elements.saturating_mul(self.width.n_bits()).div_ceil(8)
    }

    /// Some elements of an unpacked page, each in the low bits of a word.
    pub fn elements(self, page: &[u8], n_elements: usize, range: Range<usize>) -> Result<Vec<u64>> {
        if page.len() != self.page_bytes(n_elements) || range.end > n_elements {
            return Err(Error::damaged(format!(
                "expected a page of {n_elements} elements, found {} bytes",
                page.len()
            )));
        }
        let size = self.width.n_bits() / 8;
        let element = |i: usize| match self.is_split {
            _ if size == 0 => u64::from(page[i / 8] >> (i % 8) & 1),
            true => (0..size).rev().fold(0, |word, byte| word << 8 | u64::from(page[byte * n_elements + i])),
            false => (0..size).rev().fold(0, |word, byte| word << 8 | u64::from(page[i * size + byte])),
        };
        if self.is_delta {
            let mut sum = (0..range.start).fold(0u64, |sum, i| sum.wrapping_add(element(i)));
            return Ok(range
                .map(|i| {
                    sum = sum.wrapping_add(element(i));
                    sum
                })
                .collect());
        }
        if self.is_zigzag {
            return Ok(range.map(|i| element(i) >> 1 ^ (element(i) & 1).wrapping_neg()).collect());
        }
        Ok(range.map(element).collect())
    }

    /// Appends elements as big-endian numbers of a type that fits.
    pub fn append(self, elements: &[u64], number: Number, out: &mut Vec<u8>) {
        let size = number.size();
        for &element in elements {
            let word = match (self.width, number) {
                (Width::Signed(n_bytes), _) => {
                    let shift = 64 - 8 * u32::from(n_bytes);
                    ((element << shift) as i64 >> shift) as u64
                }
                (Width::Half, Number::F32) => u64::from(half(element as u16).to_bits()),
                (Width::Half, _) => f64::from(half(element as u16)).to_bits(),
                (Width::Single, Number::F64) => f64::from(f32::from_bits(element as u32)).to_bits(),
                _ => element,
            };
            out.extend_from_slice(&word.to_be_bytes()[8 - size..]);
        }
    }
}

/// A float16 as float32.
fn half(bits: u16) -> f32 {
    let sign = u32::from(bits & 0x8000) << 16;
    let (exponent, fraction) = (u32::from(bits >> 10 & 0x1f), u32::from(bits & 0x3ff));
    let value = match exponent {
        // Below the smallest normal number: steps of 2^-24.
        0 => fraction as f32 / (1 << 24) as f32,
        31 => f32::from_bits(0x7f80_0000 | fraction << 13),
        _ => f32::from_bits(((exponent + 112) << 23) | fraction << 13),
    };
    f32::from_bits(value.to_bits() | sign)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(kind: u16, page: &[u8], n: usize, number: Number) -> Vec<u8> {
        let encoding = Encoding::of(kind).unwrap();
        let mut out = Vec::new();
        encoding.append(&encoding.elements(page, n, 0..n).unwrap(), number, &mut out);
        out
    }

    #[test]
    fn elements_of_every_encoding() {
        assert_eq!(bytes(0x00, &[0b101], 3, Number::Bool), [1, 0, 1]);
        // 258 and 3 as they are, and with all lowest bytes first.
        assert_eq!(bytes(0x06, &[2, 1, 3, 0], 2, Number::U16), [1, 2, 0, 3]);
        assert_eq!(bytes(0x12, &[2, 3, 1, 0], 2, Number::U16), [1, 2, 0, 3]);
        // -2 is 3 with the sign as last bit; widened it keeps its sign.
        assert_eq!(bytes(0x11, &[3, 0], 1, Number::I32), (-2i32).to_be_bytes());
        assert_eq!(bytes(0x0c, &1.5f32.to_le_bytes(), 1, Number::F64), 1.5f64.to_be_bytes());
        let index = Encoding::of(0x1a).unwrap();
        assert_eq!(index.elements(&[2, 3, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0], 3, 1..3).unwrap(), [5, 9]);
        assert!(index.elements(&[0; 11], 3, 0..3).is_err() && Encoding::of(0x1d).is_none());
        assert_eq!((half(0x3c00), half(0xc100), half(1)), (1.0, -2.5, 2f32.powi(-24)));
        assert!(
            half(0x7c01).is_nan() && half(0xfc00) == f32::NEG_INFINITY && half(0x8000).is_sign_negative()
        );
    }
}
