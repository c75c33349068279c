//! A string of bits, lowest first within each byte.

use baler_data::error::{Error, Result};

/// Appends bits.
#[derive(Debug, Default)]
pub struct BitWriter {
    bytes: Vec<u8>,
    buffer: u64,
    n_buffered: u32,
}

impl BitWriter {
    /// Appends the low `n_bits` (at most 32) of `bits`.
    #[inline(always)]
    pub fn write(&mut self, bits: u64, n_bits: u32) {
        self.buffer |= bits << self.n_buffered;
        self.n_buffered += n_bits;
        if self.n_buffered >= 32 {
            self.bytes.extend_from_slice(&(self.buffer as u32).to_le_bytes());
            self.buffer >>= 32;
            self.n_buffered -= 32;
        }
    }

    /// The bytes, the last filled with zeros.
    pub fn finish(mut self) -> Vec<u8> {
        self.bytes.extend_from_slice(&self.buffer.to_le_bytes()[..self.n_buffered.div_ceil(8) as usize]);
        self.bytes
    }
}

/// Reads bits.
#[derive(Debug)]
pub struct BitReader<'a> {
    bytes: &'a [u8],
    at: usize,
    buffer: u64,
    n_buffered: u32,
}

impl<'a> BitReader<'a> {
    /// Reads from the first bit of `bytes`.
    pub fn new(bytes: &'a [u8]) -> Self {
        BitReader { bytes, at: 0, buffer: 0, n_buffered: 0 }
    }

    /// The next `n_bits` (at most 32).
    #[inline(always)]
    pub fn read(&mut self, n_bits: u32) -> Result<u64> {
        if self.n_buffered < n_bits {
            self.refill(n_bits)?;
        }
        let bits = self.buffer & ((1 << n_bits) - 1);
        self.buffer >>= n_bits;
        self.n_buffered -= n_bits;
        Ok(bits)
    }

    #[inline(always)]
    fn refill(&mut self, n_bits: u32) -> Result<()> {
        if let Some(next) = self.bytes.get(self.at..).and_then(|rest| rest.first_chunk::<4>()) {
            self.buffer |= (u32::from_le_bytes(*next) as u64) << self.n_buffered;
            self.n_buffered += 32;
            self.at += 4;
            return Ok(());
        }
        while self.n_buffered < n_bits {
            let Some(&byte) = self.bytes.get(self.at) else {
                return Err(Error::corrupt("expected more bits, found the end of a stream"));
            };
            self.buffer |= (byte as u64) << self.n_buffered;
            self.n_buffered += 8;
            self.at += 1;
        }
        Ok(())
    }

    /// Fails if whole bytes or set bits are left.
    pub fn finish(self) -> Result<()> {
        if self.at == self.bytes.len() && self.n_buffered < 8 && self.buffer == 0 {
            Ok(())
        } else {
            Err(Error::corrupt("expected the end of a bit stream, found more"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_come_back() {
        let mut w = BitWriter::default();
        for n in 0..=32u32 {
            w.write((1u64 << n) / 3, n);
        }
        let bytes = w.finish();
        let mut r = BitReader::new(&bytes);
        for n in 0..=32u32 {
            assert_eq!(r.read(n).unwrap(), (1u64 << n) / 3);
        }
        r.finish().unwrap();
        assert!(BitReader::new(&[1]).read(9).is_err());
    }
}
