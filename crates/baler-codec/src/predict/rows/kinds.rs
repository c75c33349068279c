//! The widths and tails of all levels, as a model stores them.

use baler_data::bytes::{ByteReader, ByteWriter};
use baler_data::error::{Error, Result};
use std::ops::RangeInclusive;

/// Widths less levels that a model can say.
pub const MAX_AWAY: RangeInclusive<i32> = -32..=31;

/// Width and tail of a level's rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kind {
    /// As in [`super::row::Probabilities::new`].
    pub width: u8,
    /// As in [`super::row::Probabilities::new`].
    pub tail: u8,
}

/// The widths and tails of all levels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kinds {
    /// The level of the first.
    pub lowest: u8,
    /// At least one.
    pub kinds: Vec<Kind>,
}

impl Kinds {
    /// Lowest level, how many there are, then one byte each: width less level in six bits, tail in two.
    pub fn write(&self, w: &mut ByteWriter) {
        w.u8(self.lowest);
        w.u8((self.kinds.len() - 1) as u8);
        for (level, kind) in (self.lowest as i32..).zip(&self.kinds) {
            w.u8(((kind.width as i32 - level - MAX_AWAY.start()) << 2) as u8 | kind.tail);
        }
    }

    /// Inverse of [`Kinds::write`].
    pub fn read(r: &mut ByteReader) -> Result<Kinds> {
        let lowest = r.u8()?;
        let n_kinds = r.u8()? as usize + 1;
        let kind = |(level, &byte): (i32, &u8)| {
            let width = level + (byte >> 2) as i32 + MAX_AWAY.start();
            let width = u8::try_from(width)
                .map_err(|_| Error::corrupt(format!("expected a width of 0 to 255, found {width}")))?;
            Ok(Kind { width, tail: byte & 3 })
        };
        let kinds = (lowest as i32..).zip(r.raw(n_kinds)?).map(kind).collect::<Result<_>>()?;
        Ok(Kinds { lowest, kinds })
    }
}
