//! The primitive fields of the format: fixed little-endian numbers, variable-length integers (LEB128, signed ones
//! zigzag), length-prefixed byte strings; and the reader that refuses to read past the end.

use crate::error::{Error, Result};
use std::cell::RefCell;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use zstd::bulk::{Compressor, Decompressor};
use zstd::zstd_safe::CParameter;

/// Appends fields to a byte string.
#[derive(Debug, Default)]
pub struct ByteWriter {
    /// What was written so far.
    pub bytes: Vec<u8>,
}

impl ByteWriter {
    /// One byte.
    pub fn u8(&mut self, value: u8) {
        self.bytes.push(value);
    }

    /// Unsigned LEB128: 7 bits a byte, low first, the high bit set on all but the last.
    pub fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.bytes.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.bytes.push(value as u8);
    }

    /// A count.
    pub fn count(&mut self, value: usize) {
        self.varint(value as u64);
    }

    /// Zigzag, then LEB128.
    pub fn signed(&mut self, value: i64) {
        self.varint(zigzag(value));
    }

    /// Eight bytes, little-endian.
    pub fn f64(&mut self, value: f64) {
        self.bytes.extend_from_slice(&value.to_le_bytes());
    }

    /// Bytes as they are.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Length as a varint, then the bytes.
    pub fn block(&mut self, bytes: &[u8]) {
        self.count(bytes.len());
        self.raw(bytes);
    }
}

/// Inputs up to this length take a context that the thread keeps: to make one takes longer than to pack them.
const SHORT_BYTES: usize = 1 << 16;

thread_local! {
    static PACKERS: RefCell<HashMap<(i32, Option<u32>), Compressor<'static>>> = RefCell::default();
    static UNPACKER: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
}

/// A zstd stream of `bytes` at a level; its tables have 2^`log` and twice as many entries where that is given. The same
/// bytes whether or not a context was used before.
pub fn zstd(bytes: &[u8], level: i32, log: Option<u32>) -> std::io::Result<Vec<u8>> {
    let new = || -> std::io::Result<Compressor> {
        let mut packer = Compressor::new(level)?;
        if let Some(log) = log {
            packer.set_parameter(CParameter::ChainLog(log + 1))?;
            packer.set_parameter(CParameter::HashLog(log))?;
        }
        Ok(packer)
    };
    if bytes.len() > SHORT_BYTES {
        return new()?.compress(bytes);
    }
    PACKERS.with_borrow_mut(|packers| match packers.entry((level, log)) {
        Entry::Occupied(kept) => kept.into_mut().compress(bytes),
        Entry::Vacant(place) => place.insert(new()?).compress(bytes),
    })
}

/// The zstd stream `packed`, which must hold exactly `n_bytes`; `what` it holds is for the message.
pub fn unzstd(packed: &[u8], n_bytes: usize, what: &str) -> Result<Vec<u8>> {
    if zstd::zstd_safe::find_frame_compressed_size(packed) != Ok(packed.len()) {
        return Err(Error::corrupt(format!(
            "expected one whole zstd frame with {what}, found something else"
        )));
    }
    let mut bytes = with_room(n_bytes)?;
    let unpacked = UNPACKER.with_borrow_mut(|kept| {
        let unpacker = match kept {
            Some(unpacker) => unpacker,
            None => kept.insert(Decompressor::new()?),
        };
        unpacker.decompress_to_buffer(packed, &mut bytes)
    });
    match unpacked {
        Ok(_) if bytes.len() == n_bytes => Ok(bytes),
        Ok(_) => Err(Error::corrupt(format!("expected {n_bytes} bytes of {what}, found {}", bytes.len()))),
        Err(error) => Err(Error::corrupt(format!("expected a zstd stream with {what}, found: {error}"))),
    }
}

/// An empty vector with room for `n_values`, or an error where memory does not hold them.
pub fn with_room<T>(n_values: usize) -> Result<Vec<T>> {
    let mut values = Vec::new();
    match values.try_reserve_exact(n_values) {
        Ok(()) => Ok(values),
        Err(_) => Err(Error::limit(format!("no memory for {n_values} values"))),
    }
}

/// 0, -1, 1, -2, ... to 0, 1, 2, 3, ...
#[inline(always)]
pub fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

/// Inverse of [`zigzag`].
#[inline(always)]
pub fn unzigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

/// Reads fields in order; every method fails with [`crate::ErrorKind::Corrupt`] where the bytes end too early.
#[derive(Debug, Clone)]
pub struct ByteReader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> ByteReader<'a> {
    /// Reads from the start of `bytes`.
    pub fn new(bytes: &'a [u8]) -> Self {
        ByteReader { bytes, at: 0 }
    }

    /// Bytes read so far.
    pub fn position(&self) -> usize {
        self.at
    }

    /// Bytes that are left.
    pub fn remaining(&self) -> usize {
        self.bytes.len() - self.at
    }

    /// The next `n_bytes`.
    pub fn raw(&mut self, n_bytes: usize) -> Result<&'a [u8]> {
        if n_bytes > self.remaining() {
            return Err(Error::corrupt(format!(
                "expected {n_bytes} more bytes, found {}; the file is damaged or cut off",
                self.remaining()
            ))
            .at_offset(self.at as u64));
        }
        self.at += n_bytes;
        Ok(&self.bytes[self.at - n_bytes..self.at])
    }

    /// All that is left.
    pub fn rest(&mut self) -> &'a [u8] {
        let rest = &self.bytes[self.at..];
        self.at = self.bytes.len();
        rest
    }

    /// One byte.
    pub fn u8(&mut self) -> Result<u8> {
        Ok(self.raw(1)?[0])
    }

    /// Unsigned LEB128 of at most 64 bits.
    pub fn varint(&mut self) -> Result<u64> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.u8()?;
            let part = (byte & 0x7f) as u64;
            if shift == 63 && part > 1 {
                break;
            }
            value |= part << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(Error::corrupt("expected an integer of at most 64 bits, found a longer one")
            .at_offset(self.at as u64))
    }

    /// A count.
    pub fn count(&mut self) -> Result<usize> {
        usize::try_from(self.varint()?).map_err(|_| Error::limit("a count does not fit this machine's words"))
    }

    /// A count of items that take at least one byte each in what is left, so that it may be allocated.
    pub fn count_of_items(&mut self) -> Result<usize> {
        let count = self.count()?;
        if count > self.remaining() {
            return Err(Error::corrupt(format!(
                "expected {count} items, found only {} bytes for them",
                self.remaining()
            ))
            .at_offset(self.at as u64));
        }
        Ok(count)
    }

    /// Inverse of [`ByteWriter::signed`].
    pub fn signed(&mut self) -> Result<i64> {
        Ok(unzigzag(self.varint()?))
    }

    /// Eight bytes, little-endian.
    pub fn f64(&mut self) -> Result<f64> {
        Ok(f64::from_le_bytes(self.raw(8)?.try_into().expect("eight bytes")))
    }

    /// A length, then that many bytes.
    pub fn block(&mut self) -> Result<&'a [u8]> {
        let len = self.count()?;
        self.raw(len)
    }

    /// Fails if anything is left.
    pub fn finish(&self, what: &str) -> Result<()> {
        match self.remaining() {
            0 => Ok(()),
            n => Err(Error::corrupt(format!("expected the end of {what}, found {n} more bytes"))
                .at_offset(self.at as u64)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_round_trip() {
        let mut w = ByteWriter::default();
        for v in [0, 1, 127, 128, u64::MAX] {
            w.varint(v);
        }
        for v in [0, -1, i64::MIN, i64::MAX] {
            w.signed(v);
        }
        w.f64(-0.0);
        w.block(b"xyz");
        let mut r = ByteReader::new(&w.bytes);
        for v in [0, 1, 127, 128, u64::MAX] {
            assert_eq!(r.varint().unwrap(), v);
        }
        for v in [0, -1, i64::MIN, i64::MAX] {
            assert_eq!(r.signed().unwrap(), v);
        }
        assert_eq!(r.f64().unwrap().to_bits(), (-0.0f64).to_bits());
        assert_eq!(r.block().unwrap(), b"xyz");
        r.finish("the test").unwrap();
    }

    #[test]
    fn short_or_overlong_fields_are_errors() {
        assert!(ByteReader::new(&[0x80]).varint().is_err());
        assert!(ByteReader::new(&[0xff; 11]).varint().is_err());
        assert!(ByteReader::new(&[5, 1, 2]).block().is_err());
        assert!(ByteReader::new(&[200, 1]).count_of_items().is_err());
    }
}
