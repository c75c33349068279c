//! What is coded for a number: its distance to the smallest one, or the zigzag of its difference from the number before
//! or above, or from one more than the largest before.

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
    /// The smallest number where no difference is taken, otherwise the first: what is taken off where nothing else is there.
    pub start: i64,
    /// Bytes of a symbol; none if all symbols are 0.
    pub width: usize,
}

impl Symbols {
    /// As narrow as these numbers allow.
    pub fn new(q: &[i64], columns: usize, difference: Difference) -> Symbols {
        let start = match difference {
            Difference::None => q.iter().min(),
            _ => q.first(),
        };
        let mut symbols = Symbols { difference, start: start.copied().unwrap_or(0), width: 0 };
        let mut next = i64::MIN;
        let mut most = 0;
        for (idx, &value) in q.iter().enumerate() {
            most = symbols.of(value, symbols.base(&q[..idx], columns, next)).max(most);
            next = next.max(value.wrapping_add(1));
        }
        symbols.width = (64 - most.leading_zeros() as usize).div_ceil(8);
        symbols
    }

    /// What the number behind `values` is told from; `next` is one more than the largest of them.
    #[inline(always)]
    pub fn base(&self, values: &[i64], columns: usize, next: i64) -> i64 {
        let distance = match self.difference {
            Difference::None => return self.start,
            Difference::Largest => return if values.is_empty() { self.start } else { next },
            Difference::Previous => 1,
            Difference::Above => columns,
        };
        if distance <= values.len() { values[values.len() - distance] } else { self.start }
    }

    pub fn write(&self, writer: &mut ByteWriter) {
        writer.u8(self.difference as u8 * 16 + self.width as u8);
        writer.signed(self.start);
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
        Ok(Symbols { difference, start: reader.signed()?, width })
    }

    /// The symbol of a number; `base` is the one before or above.
    pub fn of(&self, value: i64, base: i64) -> u64 {
        match self.difference {
            Difference::None => value.wrapping_sub(base) as u64,
            Difference::Largest => zigzag(base.wrapping_sub(value)),
            _ => zigzag(value.wrapping_sub(base)),
        }
    }

    /// The numbers whose symbols are all 0.
    pub fn of_zeros(&self, n_values: usize) -> Result<Vec<i64>> {
        let mut values = with_room(n_values)?;
        match self.difference {
            Difference::Largest => {
                values.extend((0..n_values as i64).map(|idx| self.start.wrapping_add(idx)))
            }
            _ => values.resize(n_values, self.start),
        }
        Ok(values)
    }

    /// Inverse of [`Symbols::of`].
    pub fn value(&self, symbol: u64, base: i64) -> i64 {
        match self.difference {
            Difference::None => base.wrapping_add(symbol as i64),
            Difference::Largest => base.wrapping_sub(unzigzag(symbol)),
            _ => base.wrapping_add(unzigzag(symbol)),
        }
    }
}
