//! What is coded for a number: its distance to the smallest one, its place among the values that occur, or the
//! zigzag of its difference from the number before or above.

use baler_data::bytes::{ByteReader, ByteWriter, unzigzag, zigzag};
use baler_data::error::{Error, Result};

/// What is taken off a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Difference {
    /// The smallest number.
    None,
    /// The number before.
    Previous,
    /// The number above.
    Above,
    /// One more than the largest before.
    Largest,
}

impl Difference {
    pub const ALL: [Difference; 4] =
        [Difference::None, Difference::Previous, Difference::Above, Difference::Largest];
}

/// How numbers become symbols.
#[derive(Debug)]
pub struct Symbols {
    pub difference: Difference,
    /// Smallest number, where no difference is taken.
    pub minimum: i64,
    /// Bytes of a symbol; none if all numbers are the smallest one.
    pub width: usize,
}

impl Symbols {
    pub fn new(q: &[i64], columns: usize, difference: Difference) -> Symbols {
        let lag = match difference {
            Difference::None => {
                let minimum = q.iter().copied().min().unwrap_or(0);
                let most = q.iter().copied().max().unwrap_or(0).wrapping_sub(minimum) as u64;
                return Symbols { difference, minimum, width: width(most) };
            }
            Difference::Previous => 1,
            Difference::Above => columns,
            Difference::Largest => 0,
        };
        if lag == 0 {
            let mut next = 0i64;
            let mut first = true;
            let most = q.iter().map(|&v| { let z = zigzag(next.wrapping_sub(v)); next = if first { v.wrapping_add(1) } else { next.max(v.wrapping_add(1)) }; first = false; z }).max().unwrap_or(0);
            return Symbols { difference, minimum: 0, width: width(most) };
        }
        let base = |idx: usize| if idx < lag { 0 } else { q[idx - lag] };
        let most = (0..q.len()).map(|idx| zigzag(q[idx].wrapping_sub(base(idx)))).max().unwrap_or(0);
        Symbols { difference, minimum: 0, width: width(most) }
    }

    pub fn write(&self, writer: &mut ByteWriter) {
        writer.u8(self.difference as u8 * 16 + self.width as u8);
        if self.difference == Difference::None {
            writer.signed(self.minimum);
        }
    }

    pub fn read(reader: &mut ByteReader) -> Result<Symbols> {
        let first = reader.u8()?;
        let difference = Difference::ALL.get(first as usize >> 4).copied();
        let width = first as usize & 15;
        let (Some(difference), 0..=8) = (difference, width) else {
            return Err(Error::corrupt(format!(
                "expected symbols of at most 8 bytes and a difference of kind 0 to 2, found {first:#04x}; the stream is damaged"
            )));
        };
        let minimum = if difference == Difference::None { reader.signed()? } else { 0 };
        Ok(Symbols { difference, minimum, width })
    }

    /// The symbol of a number; `base` is the one before or above.
    pub fn of(&self, value: i64, base: i64) -> u64 {
        match self.difference {
            Difference::None => value.wrapping_sub(self.minimum) as u64,
            Difference::Largest => zigzag(base.wrapping_sub(value)),
            _ => zigzag(value.wrapping_sub(base)),
        }
    }

    /// Inverse of [`Symbols::of`].
    pub fn value(&self, symbol: u64, base: i64) -> i64 {
        match self.difference {
            Difference::None => self.minimum.wrapping_add(symbol as i64),
            Difference::Largest => base.wrapping_sub(unzigzag(symbol)),
            _ => base.wrapping_add(unzigzag(symbol)),
        }
    }
}

/// Bytes that hold every number up to `most`.
fn width(most: u64) -> usize {
    (64 - most.leading_zeros() as usize).div_ceil(8)
}
