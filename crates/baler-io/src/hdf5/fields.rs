//! The little-endian fields of HDF5's structures, out of bytes that may be anything: reading past the end is an error.

use baler_data::error::{Error, Result};

/// An address that points nowhere.
pub const UNDEFINED: u64 = u64::MAX;

/// How many bytes the file's addresses and lengths take.
#[derive(Debug, Clone, Copy)]
pub struct Sizes {
    /// Bytes of an address.
    pub offset: usize,
    /// Bytes of a length.
    pub length: usize,
}

/// What is left of a structure.
#[derive(Clone)]
pub struct Fields<'a> {
    rest: &'a [u8],
    sizes: Sizes,
}

impl<'a> Fields<'a> {
    /// Reads from the start of `bytes`.
    pub fn new(bytes: &'a [u8], sizes: Sizes) -> Fields<'a> {
        Fields { rest: bytes, sizes }
    }

    /// Bytes that are left.
    pub fn remaining(&self) -> usize {
        self.rest.len()
    }

    /// What is left, without taking it.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// The next `n` bytes.
    pub fn raw(&mut self, n: usize) -> Result<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(n).ok_or_else(|| {
            damaged(format!("expected {n} more bytes in an HDF5 structure, found {}", self.rest.len()))
        })?;
        self.rest = rest;
        Ok(taken)
    }

    /// Skips `n` bytes.
    pub fn skip(&mut self, n: usize) -> Result<()> {
        self.raw(n).map(|_| ())
    }

    /// A little-endian number of `n` bytes, at most 8.
    pub fn uint(&mut self, n: usize) -> Result<u64> {
        let bytes = self.raw(n)?;
        Ok(bytes.iter().take(8).rev().fold(0, |value, &byte| value << 8 | u64::from(byte)))
    }

    /// One byte.
    pub fn u8(&mut self) -> Result<u8> {
        Ok(self.uint(1)? as u8)
    }

    /// Two bytes.
    pub fn u16(&mut self) -> Result<u16> {
        Ok(self.uint(2)? as u16)
    }

    /// Four bytes.
    pub fn u32(&mut self) -> Result<u32> {
        Ok(self.uint(4)? as u32)
    }

    /// Eight bytes.
    pub fn u64(&mut self) -> Result<u64> {
        self.uint(8)
    }

    /// An address; [`UNDEFINED`] if all its bits are set.
    pub fn address(&mut self) -> Result<u64> {
        let n = self.sizes.offset;
        let value = self.uint(n)?;
        let none = if n >= 8 { u64::MAX } else { (1 << (8 * n)) - 1 };
        match value {
            _ if value == none => Ok(UNDEFINED),
            // So that adding a few lengths to an address cannot overflow.
            _ if value >> 60 != 0 => Err(damaged("an address points nowhere")),
            _ => Ok(value),
        }
    }

    /// A length; [`UNDEFINED`] if all its bits are set.
    pub fn length(&mut self) -> Result<u64> {
        let n = self.sizes.length;
        let value = self.uint(n)?;
        let none = if n >= 8 { u64::MAX } else { (1 << (8 * n)) - 1 };
        Ok(if value == none { UNDEFINED } else { value })
    }

    /// The bytes before the next zero, which is taken too.
    pub fn until_zero(&mut self) -> Result<&'a [u8]> {
        let n = self.rest.iter().position(|&byte| byte == 0);
        let text = self.raw(n.ok_or_else(|| damaged("expected the end of a name"))?)?;
        self.skip(1)?;
        Ok(text)
    }

    /// Four letters that begin a structure.
    pub fn signature(&mut self, expected: &[u8; 4]) -> Result<()> {
        let found = self.raw(4)?;
        if found == expected {
            return Ok(());
        }
        let shown = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Err(damaged(format!("expected the HDF5 structure {}, found {:?}", shown(expected), shown(found))))
    }
}

/// The error for bytes that are no HDF5.
pub fn damaged(what: impl Into<String>) -> Error {
    Error::input(format!("{}; the file is damaged", what.into()))
}

/// The error for what is valid HDF5 but not read here.
pub fn unsupported(what: impl Into<String>) -> Error {
    Error::unsupported(format!(
        "{}; write the file again with plain HDF5 (h5repack -f GZIP=4 IN OUT)",
        what.into()
    ))
}

/// A name of the file as text.
pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes.split(|&byte| byte == 0).next().unwrap_or_default()).into_owned()
}

/// Bytes that a number up to `max` takes in structures that save space.
pub fn bytes_for(max: u64) -> usize {
    (64 - max.max(1).leading_zeros() as usize - 1) / 8 + 1
}

/// Jenkins' lookup3, HDF5's checksum of metadata.
pub fn checksum(bytes: &[u8]) -> u32 {
    let start = 0xdead_beefu32.wrapping_add(bytes.len() as u32);
    let (mut a, mut b, mut c) = (start, start, start);
    let word = |bytes: &[u8], at: usize| {
        (0..4).fold(0u32, |w, i| w | u32::from(bytes.get(at + i).copied().unwrap_or(0)) << (8 * i))
    };
    let mut rest = bytes;
    while rest.len() > 12 {
        a = a.wrapping_add(word(rest, 0));
        b = b.wrapping_add(word(rest, 4));
        c = c.wrapping_add(word(rest, 8));
        for (shift, step) in [(4, 0), (6, 1), (8, 2), (16, 0), (19, 1), (4, 2)] {
            let (x, y, z) = match step {
                0 => (&mut a, &mut c, &mut b),
                1 => (&mut b, &mut a, &mut c),
                _ => (&mut c, &mut b, &mut a),
            };
            *x = x.wrapping_sub(*y) ^ y.rotate_left(shift);
            *y = y.wrapping_add(*z);
        }
        rest = &rest[12..];
    }
    if rest.is_empty() {
        return c;
    }
    a = a.wrapping_add(word(rest, 0));
    b = b.wrapping_add(word(rest, 4));
    c = c.wrapping_add(word(rest, 8));
    for (shift, step) in [(14, 0), (11, 1), (25, 2), (16, 0), (4, 1), (14, 2), (24, 0)] {
        let (x, y) = match step {
            0 => (&mut c, b),
            1 => (&mut a, c),
            _ => (&mut b, a),
        };
        *x = (*x ^ y).wrapping_sub(y.rotate_left(shift));
    }
    c
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The values that the algorithm's author gives in its driver (lookup3.c, driver 5).
    #[test]
    fn the_checksum_is_lookup3() {
        assert_eq!(checksum(b""), 0xdead_beef);
        assert_eq!(checksum(b"Four score and seven years ago"), 0x1777_0551);
    }

    #[test]
    fn numbers_take_the_bytes_that_they_need() {
        assert_eq!([0, 1, 255, 256, 65535, 65536].map(bytes_for), [1, 1, 1, 2, 2, 3]);
    }
}
