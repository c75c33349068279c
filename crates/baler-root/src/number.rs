//! Types of numbers, and how ROOT stores them: plain, or `Float16_t` and `Double32_t` with fewer bits.

use crate::error::{Error, Result};

/// Type of the numbers of a branch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Number {
    Bool,
    I8,
    I16,
    I32,
    I64,
    U8,
    U16,
    U32,
    U64,
    F32,
    F64,
}

impl Number {
    /// Bytes of one.
    pub fn size(self) -> usize {
        match self {
            Number::Bool | Number::I8 | Number::U8 => 1,
            Number::I16 | Number::U16 => 2,
            Number::I32 | Number::U32 | Number::F32 => 4,
            Number::I64 | Number::U64 | Number::F64 => 8,
        }
    }

    /// The type that C++, or ROOT, calls so.
    pub(crate) fn from_cpp(name: &str) -> Option<Number> {
        Some(match name.trim().trim_start_matches("std::") {
            "bool" | "Bool_t" => Number::Bool,
            "char" | "Char_t" | "signed char" | "int8_t" => Number::I8,
            "unsigned char" | "UChar_t" | "uint8_t" | "byte" => Number::U8,
            "short" | "Short_t" | "int16_t" => Number::I16,
            "unsigned short" | "UShort_t" | "uint16_t" => Number::U16,
            "int" | "Int_t" | "int32_t" => Number::I32,
            "unsigned int" | "unsigned" | "UInt_t" | "uint32_t" => Number::U32,
            "long" | "Long_t" | "long long" | "Long64_t" | "int64_t" => Number::I64,
            "unsigned long" | "ULong_t" | "unsigned long long" | "ULong64_t" | "uint64_t" => Number::U64,
            "float" | "Float_t" => Number::F32,
            "double" | "Double_t" => Number::F64,
            _ => return None,
        })
    }

    /// As C++ calls it.
    pub(crate) fn cpp(self) -> &'static str {
        match self {
            Number::Bool => "bool",
            Number::I8 => "char",
            Number::U8 => "unsigned char",
            Number::I16 => "short",
            Number::U16 => "unsigned short",
            Number::I32 => "int",
            Number::U32 => "unsigned int",
            Number::I64 => "Long64_t",
            Number::U64 => "ULong64_t",
            Number::F32 => "float",
            Number::F64 => "double",
        }
    }
}

/// How a number stands in a basket.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum OnDisk {
    /// Big-endian, as it is.
    Plain,
    /// A float64 as float32.
    Narrow,
    /// A whole number of 32 bits: `low + number / factor`.
    Scaled {
        /// What 0 stands for.
        low: f64,
        /// Numbers a unit.
        factor: f64,
    },
    /// Exponent of 8 bits, then sign and this many bits of mantissa.
    Truncated(u32),
}

impl OnDisk {
    /// How a member with a type number of ROOT is stored, and what it is; `title` may hold a range.
    pub(crate) fn of_kind(kind: i32, title: &str) -> Option<(Number, OnDisk)> {
        let plain = |number| Some((number, OnDisk::Plain));
        match kind {
            1 => plain(Number::I8),
            2 => plain(Number::I16),
            3 | 6 => plain(Number::I32),
            4 | 16 => plain(Number::I64),
            5 => plain(Number::F32),
            8 => plain(Number::F64),
            9 => Some((Number::F64, OnDisk::of_double32(title)?)),
            11 => plain(Number::U8),
            12 => plain(Number::U16),
            13 | 15 => plain(Number::U32),
            14 | 17 => plain(Number::U64),
            18 => plain(Number::Bool),
            19 => Some((Number::F32, OnDisk::of_float16(title)?)),
            _ => None,
        }
    }

    /// Of a `Double32_t` with this title; none for a range that is not understood.
    pub(crate) fn of_double32(title: &str) -> Option<OnDisk> {
        Some(match range(title)? {
            None => OnDisk::Narrow,
            Some(stored) => stored,
        })
    }

    /// Of a `Float16_t` with this title; none for a range that is not understood.
    pub(crate) fn of_float16(title: &str) -> Option<OnDisk> {
        Some(range(title)?.unwrap_or(OnDisk::Truncated(12)))
    }

    /// Bytes of one number in a basket.
    pub(crate) fn size(self, number: Number) -> usize {
        match self {
            OnDisk::Plain => number.size(),
            OnDisk::Narrow | OnDisk::Scaled { .. } => 4,
            OnDisk::Truncated(_) => 3,
        }
    }

    /// Appends plain big-endian numbers.
    pub(crate) fn append(self, number: Number, stored: &[u8], out: &mut Vec<u8>) -> Result<()> {
        let size = self.size(number);
        if !stored.len().is_multiple_of(size) {
            return Err(Error::damaged(format!(
                "expected numbers of {size} bytes, found {} bytes",
                stored.len()
            )));
        }
        if self == OnDisk::Plain {
            out.extend_from_slice(stored);
            return Ok(());
        }
        for item in stored.chunks_exact(size) {
            let value = match self {
                OnDisk::Plain => unreachable!("appended above"),
                OnDisk::Narrow => f64::from(f32::from_be_bytes([item[0], item[1], item[2], item[3]])),
                OnDisk::Scaled { low, factor } => {
                    f64::from(u32::from_be_bytes([item[0], item[1], item[2], item[3]])) / factor + low
                }
                OnDisk::Truncated(bits) => truncated(item[0], u16::from_be_bytes([item[1], item[2]]), bits),
            };
            match number {
                Number::F64 => out.extend_from_slice(&value.to_be_bytes()),
                _ => out.extend_from_slice(&(value as f32).to_be_bytes()),
            }
        }
        Ok(())
    }
}

fn truncated(exponent: u8, mantissa: u16, bits: u32) -> f64 {
    let fraction = u32::from(mantissa) & ((1 << (bits + 1)) - 1);
    let value = f32::from_bits((u32::from(exponent) << 23) | (fraction << (23 - bits)));
    let is_negative = u32::from(mantissa) >> (bits + 1) & 1 == 1;
    f64::from(if is_negative { -value } else { value })
}

/// What the last `[low,high]` or `[low,high,bits]` of a title says: nothing, a range, or only bits.
fn range(title: &str) -> Option<Option<OnDisk>> {
    let Some((_, rest)) = title.rsplit_once('[') else { return Some(None) };
    let Some((inside, _)) = rest.split_once(']').filter(|(inside, _)| inside.contains(',')) else {
        return Some(None);
    };
    let words: Vec<&str> = inside.split(',').collect();
    let (low, high) = (bound(words[0])?, bound(words[1])?);
    let bits: u32 = words.get(2).map_or(Some(32), |bits| bits.trim().parse().ok())?;
    if !(2..=32).contains(&bits) {
        return None;
    }
    if low < high {
        let numbers = if bits < 32 { (1u64 << bits) as f64 } else { f64::from(u32::MAX) };
        return Some(Some(OnDisk::Scaled { low, factor: numbers / (high - low) }));
    }
    Some(if bits < 15 { Some(OnDisk::Truncated(bits)) } else { None })
}

/// A number, or a part or multiple of pi.
fn bound(text: &str) -> Option<f64> {
    let text = text.trim();
    let Some(at) = text.find("pi") else { return text.parse().ok() };
    let factor = match text[..at].trim_end_matches('*') {
        "" | "+" => 1.0,
        "-" => -1.0,
        factor => factor.parse().ok()?,
    };
    let divisor = match &text[at + 2..] {
        "" => 1.0,
        rest => rest.strip_prefix('/')?.parse().ok()?,
    };
    Some(factor * std::f64::consts::PI / divisor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_of_titles() {
        assert_eq!(OnDisk::of_double32("x"), Some(OnDisk::Narrow));
        assert_eq!(OnDisk::of_double32("x[3]"), Some(OnDisk::Narrow));
        assert_eq!(OnDisk::of_float16("x"), Some(OnDisk::Truncated(12)));
        assert_eq!(OnDisk::of_float16("x[0,0,10]"), Some(OnDisk::Truncated(10)));
        assert_eq!(OnDisk::of_double32("x[0,8,4]"), Some(OnDisk::Scaled { low: 0.0, factor: 2.0 }));
        let Some(OnDisk::Scaled { low, .. }) = OnDisk::of_double32("n[2][-pi/2,2*pi]") else { panic!() };
        assert_eq!(low, -std::f64::consts::FRAC_PI_2);
        assert_eq!(OnDisk::of_double32("x[low,8]"), None);
    }

    #[test]
    fn truncated_numbers_have_a_sign() {
        // 1.5 is exponent 127 and half a mantissa.
        assert_eq!(truncated(127, 1 << 11, 12), 1.5);
        assert_eq!(truncated(127, 1 << 11 | 1 << 13, 12), -1.5);
    }
}
