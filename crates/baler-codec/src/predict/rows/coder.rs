//! Symbols <-> bytes with a row of probabilities a symbol ([`crate::entropy::pair`]), and the bits that no model predicts,
//! as they are.

use crate::entropy::bits::BitWriter;
use crate::entropy::pair::{self, PairReader, Span};
use crate::predict::rows::row::{PRECISION, Probabilities};
use baler_data::bytes::{ByteReader, ByteWriter};
use baler_data::error::{Error, Result};

/// Something that codes symbols: the encoder takes the given one, the decoder ignores it and returns the one read.
pub trait SymbolCoder {
    /// True if symbols are read rather than written.
    const DECODES: bool;
    /// Codes a symbol with a row.
    fn symbol(&mut self, row: &Probabilities, symbol: usize) -> usize;
    /// Codes the low `n_bits` of `bits`, at most 32, as they are.
    fn raw(&mut self, bits: u64, n_bits: u32) -> u64;
}

/// Gathers symbols; [`SymbolWriter::finish`] makes the bytes.
#[derive(Default)]
pub struct SymbolWriter {
    spans: Vec<Span>,
    raw: BitWriter,
}

impl SymbolWriter {
    /// With room for `n_symbols`.
    pub fn new(n_symbols: usize) -> SymbolWriter {
        SymbolWriter { spans: Vec::with_capacity(n_symbols), raw: BitWriter::default() }
    }

    /// Raw bits (block), then the states and words.
    pub fn finish(self) -> Vec<u8> {
        let mut w = ByteWriter::default();
        w.block(&self.raw.finish());
        pair::write::<PRECISION>(&self.spans, &mut w, |x, frequency| x / frequency);
        w.bytes
    }
}

impl SymbolCoder for SymbolWriter {
    const DECODES: bool = false;

    #[inline(always)]
    fn symbol(&mut self, row: &Probabilities, symbol: usize) -> usize {
        self.spans.push(row.span(symbol));
        symbol
    }

    #[inline(always)]
    fn raw(&mut self, bits: u64, n_bits: u32) -> u64 {
        self.raw.write(bits & ((1u64 << n_bits) - 1), n_bits);
        bits
    }
}

/// Reads symbols. Past the end bits are zero and symbols any, which [`SymbolReader::finish`] tells.
pub struct SymbolReader<'a> {
    symbols: PairReader<'a, PRECISION>,
    raw: RawReader<'a>,
}

impl<'a> SymbolReader<'a> {
    /// Starts at the first symbol.
    pub fn new(bytes: &'a [u8]) -> Result<SymbolReader<'a>> {
        let mut r = ByteReader::new(bytes);
        let raw = RawReader::new(r.block()?);
        Ok(SymbolReader { symbols: PairReader::new(&mut r)?, raw })
    }

    /// Checks that all was read and nothing more.
    pub fn finish(self) -> Result<()> {
        self.symbols.finish()?;
        if !self.raw.is_done() {
            return Err(Error::corrupt("the raw bits of a symbol stream do not end where they should"));
        }
        Ok(())
    }
}

impl SymbolCoder for SymbolReader<'_> {
    const DECODES: bool = true;

    #[inline(always)]
    fn symbol(&mut self, row: &Probabilities, _: usize) -> usize {
        self.symbols.symbol(
            #[inline(always)]
            |slot| {
                let symbol = row.symbol(slot as i16);
                (symbol, row.span(symbol))
            },
        )
    }

    #[inline(always)]
    fn raw(&mut self, _: u64, n_bits: u32) -> u64 {
        self.raw.read(n_bits)
    }
}

/// Bits, lowest first within each byte; zeros past the end.
pub struct RawReader<'a> {
    bytes: &'a [u8],
    buffer: u64,
    n_buffered: u32,
    overrun: bool,
}

impl<'a> RawReader<'a> {
    /// Starts at the first bit.
    pub fn new(bytes: &'a [u8]) -> RawReader<'a> {
        RawReader { bytes, buffer: 0, n_buffered: 0, overrun: false }
    }

    /// The next bits, at most 32.
    #[inline(always)]
    pub fn read(&mut self, n_bits: u32) -> u64 {
        if self.n_buffered < n_bits {
            self.refill(n_bits);
        }
        let bits = self.buffer & ((1u64 << n_bits) - 1);
        self.buffer >>= n_bits;
        self.n_buffered -= n_bits;
        bits
    }

    #[inline(always)]
    fn refill(&mut self, n_bits: u32) {
        if let Some((next, rest)) = self.bytes.split_first_chunk::<4>() {
            self.buffer |= (u32::from_le_bytes(*next) as u64) << self.n_buffered;
            self.n_buffered += 32;
            self.bytes = rest;
            return;
        }
        while self.n_buffered < n_bits {
            let byte = match self.bytes.split_first() {
                Some((&byte, rest)) => {
                    self.bytes = rest;
                    byte
                }
                None => {
                    self.overrun = true;
                    0
                }
            };
            self.buffer |= (byte as u64) << self.n_buffered;
            self.n_buffered += 8;
        }
    }

    /// True if nothing was read past the end, less than a byte is left, and no bit of it is set.
    pub fn is_done(&self) -> bool {
        !self.overrun && self.bytes.is_empty() && self.n_buffered < 8 && self.buffer == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symbols_and_bits_come_back_and_cuts_are_errors() {
        let rows: Vec<Probabilities> = (0..60).map(|width| Probabilities::new(width, 1, 3)).collect();
        let mut seed = 1u64;
        let mut random = move || {
            seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (seed >> 40) as usize
        };
        for n in [0usize, 1, 2, 3, 5, 1000] {
            let symbols: Vec<(usize, usize, u32)> =
                (0..n).map(|_| (random() % 60, random() % 32, random() as u32 % 33)).collect();
            let mut writer = SymbolWriter::default();
            for &(row, symbol, n_bits) in &symbols {
                writer.symbol(&rows[row], symbol);
                writer.raw(0x5a5a_5a5a >> (32 - n_bits), n_bits);
            }
            let bytes = writer.finish();
            let mut reader = SymbolReader::new(&bytes).unwrap();
            for &(row, symbol, n_bits) in &symbols {
                assert_eq!(reader.symbol(&rows[row], 0), symbol);
                assert_eq!(reader.raw(0, n_bits), 0x5a5a_5a5a >> (32 - n_bits));
            }
            reader.finish().unwrap();
            for cut in 0..bytes.len() {
                let Ok(mut reader) = SymbolReader::new(&bytes[..cut]) else { continue };
                for &(row, _, n_bits) in &symbols {
                    reader.symbol(&rows[row], 0);
                    reader.raw(0, n_bits);
                }
                assert!(reader.finish().is_err(), "{n} {cut}");
            }
        }
    }
}
