//! Bytes of a ROOT object, read from front to back: big-endian numbers, ROOT's strings, versions with byte counts.
//! Refuses to read past the end; never panics.

use crate::error::{Error, Result};

/// Marks a 32-bit word as the length of what follows.
pub const BYTE_COUNT: u32 = 0x4000_0000;

/// A place in some bytes.
#[derive(Debug, Clone)]
pub struct Bytes<'a> {
    data: &'a [u8],
    at: usize,
}

impl<'a> Bytes<'a> {
    /// From the start of `data`.
    pub fn new(data: &'a [u8]) -> Bytes<'a> {
        Bytes { data, at: 0 }
    }

    /// How many bytes lie before.
    pub fn position(&self) -> usize {
        self.at
    }

    /// How many bytes lie ahead.
    pub fn left(&self) -> usize {
        self.data.len() - self.at
    }

    /// Goes to a place that is not beyond the end.
    pub fn seek(&mut self, at: usize) -> Result<()> {
        if at > self.data.len() {
            return Err(Error::damaged(format!("an object ends at byte {at} of {}", self.data.len())));
        }
        self.at = at;
        Ok(())
    }

    /// The next `n` bytes.
    pub fn take(&mut self, n: usize) -> Result<&'a [u8]> {
        let Some(taken) = self.at.checked_add(n).and_then(|end| self.data.get(self.at..end)) else {
            return Err(Error::damaged(format!(
                "expected {n} bytes at byte {} of an object, found {}",
                self.at,
                self.left()
            )));
        };
        self.at += n;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let mut bytes = [0; N];
        bytes.copy_from_slice(self.take(N)?);
        Ok(bytes)
    }

    pub fn u8(&mut self) -> Result<u8> {
        Ok(self.array::<1>()?[0])
    }

    pub fn u16(&mut self) -> Result<u16> {
        self.array().map(u16::from_be_bytes)
    }

    pub fn i16(&mut self) -> Result<i16> {
        self.array().map(i16::from_be_bytes)
    }

    pub fn u32(&mut self) -> Result<u32> {
        self.array().map(u32::from_be_bytes)
    }

    pub fn i32(&mut self) -> Result<i32> {
        self.array().map(i32::from_be_bytes)
    }

    pub fn i64(&mut self) -> Result<i64> {
        self.array().map(i64::from_be_bytes)
    }

    pub fn u64(&mut self) -> Result<u64> {
        self.array().map(u64::from_be_bytes)
    }

    /// A length or count, which is never negative.
    pub fn count(&mut self) -> Result<usize> {
        let count = self.i32()?;
        usize::try_from(count).map_err(|_| Error::damaged(format!("expected a count, found {count}")))
    }

    /// A place in the file, of 8 bytes in large files and 4 in others.
    pub fn place(&mut self, is_large: bool) -> Result<u64> {
        let place = if is_large { self.i64()? } else { i64::from(self.i32()?) };
        u64::try_from(place)
            .map_err(|_| Error::damaged(format!("expected a place in the file, found {place}")))
    }

    /// A string with its length before it.
    pub fn text(&mut self) -> Result<String> {
        let len = match self.u8()? {
            255 => self.count()?,
            len => usize::from(len),
        };
        Ok(String::from_utf8_lossy(self.take(len)?).into_owned())
    }

    /// A string that ends with a zero.
    pub fn text_to_zero(&mut self) -> Result<String> {
        let rest = &self.data[self.at..];
        let len = rest.iter().position(|&b| b == 0).ok_or_else(|| Error::damaged("a name does not end"))?;
        let text = String::from_utf8_lossy(&rest[..len]).into_owned();
        self.at += len + 1;
        Ok(text)
    }

    /// An object's version and where it ends, if it says so.
    pub fn version(&mut self) -> Result<(i16, Option<usize>)> {
        let start = self.at;
        if self.left() >= 6 {
            let word = self.u32()?;
            if word & BYTE_COUNT != 0 {
                let end = start + 4 + (word & !BYTE_COUNT) as usize;
                if end > self.data.len() || end < start + 6 {
                    return Err(Error::damaged(format!(
                        "an object ends at byte {end} of {}",
                        self.data.len()
                    )));
                }
                return Ok((self.i16()?, Some(end)));
            }
            self.at = start;
        }
        Ok((self.i16()?, None))
    }
}
