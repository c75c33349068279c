//! What is coded for a number: its distance to the smallest one, or the zigzag of its difference from the number before
//! or above, or from one more than the largest before.

use crate::mixing::contexts::back;
use baler_data::bytes::{ByteReader, ByteWriter, unzigzag, with_room, zigzag};
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
    /// As narrow as these numbers allow.
    pub fn new(q: &[i64], columns: usize, difference: Difference) -> Symbols {
        let minimum = match difference {
            Difference::None => q.iter().copied().min().unwrap_or(0),
            _ => 0,
        };
        let mut symbols = Symbols { difference, minimum, width: 0 };
        let mut next = None;
        let mut most = 0;
        for (idx, &value) in q.iter().enumerate() {
            let base = match difference {
                Difference::None => 0,
                Difference::Previous => back(&q[..idx], 1),
                Difference::Above => back(&q[..idx], columns),
                Difference::Largest => next.unwrap_or(0),
            };
            most = symbols.of(value, base).max(most);
            next = Some(next.map_or(i64::MIN, |next| next).max(value.wrapping_add(1)));
        }
        symbols.width = (64 - most.leading_zeros() as usize).div_ceil(8);
        symbols
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
                "expected symbols of at most 8 bytes and a difference of kind 0 to 3, found {first:#04x}; the stream is damaged"
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

    /// The numbers whose symbols are all 0.
    pub fn of_zeros(&self, n_values: usize) -> Result<Vec<i64>> {
        let mut values = with_room(n_values)?;
        match self.difference {
            Difference::Largest => values.extend(0..n_values as i64),
            _ => values.resize(n_values, self.minimum),
        }
        Ok(values)
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
