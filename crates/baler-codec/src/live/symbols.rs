//! Symbols <-> bytes with fixed frequencies out of 2^12 ([`crate::entropy::pair`]), and the bits that no model predicts,
//! as they are.

use crate::entropy::bits::{BitReader, BitWriter};
use crate::entropy::pair::{self, PairReader, Span};
use baler_data::bytes::{ByteReader, ByteWriter};
use baler_data::error::{Error, Result};

/// log2 of the sum of the frequencies.
pub const PRECISION: u32 = 12;
/// Sum of the frequencies of a cell.
pub const TOTAL: usize = 1 << PRECISION;
/// Most symbols of a cell.
pub const MAX_SYMBOLS: usize = 256;

/// Frequencies of the same symbols in each of some cells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frequencies {
    n_symbols: usize,
    /// (cells, symbols).
    spans: Vec<Span>,
    /// (cells, slots): the symbol of each slot.
    slots: Vec<u8>,
}

impl Frequencies {
    /// Of (cells, symbols) frequencies; those of a cell are at least 1 each and 2^12 together.
    pub fn new(n_symbols: usize, frequencies: &[u16]) -> Result<Frequencies> {
        if !(1..=MAX_SYMBOLS).contains(&n_symbols) {
            return Err(Error::corrupt(format!("expected 1 to {MAX_SYMBOLS} symbols, found {n_symbols}")));
        }
        let mut all = Frequencies { n_symbols, spans: Vec::new(), slots: Vec::new() };
        for cell in frequencies.chunks(n_symbols) {
            let sum: usize = cell.iter().map(|&frequency| frequency as usize).sum();
            if cell.len() != n_symbols || sum != TOTAL || cell.contains(&0) {
                return Err(Error::corrupt("expected frequencies of at least 1 with a sum of 2^12"));
            }
            let mut start = 0;
            for (symbol, &frequency) in cell.iter().enumerate() {
                all.spans.push(Span::new(start, frequency as u32));
                all.slots.resize(all.slots.len() + frequency as usize, symbol as u8);
                start += frequency as u32;
            }
        }
        Ok(all)
    }

    /// Symbols of a cell.
    pub fn n_symbols(&self) -> usize {
        self.n_symbols
    }

    /// Number of cells.
    pub fn n_cells(&self) -> usize {
        self.spans.len() / self.n_symbols
    }

    /// The frequencies but the first of each cell, less 1.
    pub fn write(&self, w: &mut ByteWriter) {
        for cell in self.spans.chunks(self.n_symbols) {
            cell[1..].iter().for_each(|span| w.varint(span.frequency() as u64 - 1));
        }
    }

    /// Inverse of [`Frequencies::write`].
    pub fn read(r: &mut ByteReader, n_symbols: usize, n_cells: usize) -> Result<Frequencies> {
        let mut frequencies: Vec<u16> = Vec::new();
        for _ in 0..n_cells {
            let first = frequencies.len();
            frequencies.push(0);
            let mut rest = TOTAL as u64;
            for _ in 1..n_symbols {
                let frequency = r.varint()?.saturating_add(1);
                let wrong = || Error::corrupt("expected frequencies with a sum of 2^12");
                rest = rest.checked_sub(frequency).filter(|&rest| rest > 0).ok_or_else(wrong)?;
                frequencies.push(frequency as u16);
            }
            frequencies[first] = rest as u16;
        }
        Frequencies::new(n_symbols, &frequencies)
    }

    #[inline(always)]
    fn span(&self, cell: usize, symbol: usize) -> Span {
        self.spans[cell * self.n_symbols + symbol]
    }
}

/// ceil(2^44 / f): as f is at most 2^12, floor(x * that / 2^44) is floor(x / f) for every x of 32 bits.
static INVERSES: [u64; TOTAL + 1] = {
    let mut inverses = [0; TOTAL + 1];
    let mut f = 1;
    while f <= TOTAL {
        inverses[f] = (1u64 << 44).div_ceil(f as u64);
        f += 1;
    }
    inverses
};

/// x / f for f from 1 to 2^12.
#[inline(always)]
fn divide(x: u32, f: u32) -> u32 {
    ((x as u128 * INVERSES[f as usize] as u128) >> 44) as u32
}

/// Gathers symbols and plain bits; [`SymbolWriter::finish`] makes the bytes.
#[derive(Default)]
pub struct SymbolWriter {
    spans: Vec<Span>,
    plain: BitWriter,
}

impl SymbolWriter {
    /// With room for `n_symbols`.
    pub fn new(n_symbols: usize) -> SymbolWriter {
        SymbolWriter { spans: Vec::with_capacity(n_symbols), plain: BitWriter::default() }
    }

    /// A symbol of a cell.
    #[inline(always)]
    pub fn symbol(&mut self, frequencies: &Frequencies, cell: usize, symbol: usize) {
        self.spans.push(frequencies.span(cell, symbol));
    }

    /// The low `n_bits` of `bits`, lowest 32 first.
    #[inline(always)]
    pub fn plain(&mut self, bits: u64, n_bits: u32) {
        let low = n_bits.min(32);
        self.plain.write(bits & ((1 << low) - 1), low);
        if n_bits > 32 {
            self.plain.write(bits >> 32 & ((1u64 << (n_bits - 32)) - 1), n_bits - 32);
        }
    }

    /// Plain bits (block), the states, the words.
    pub fn finish(self, w: &mut ByteWriter) {
        w.block(&self.plain.finish());
        pair::write::<PRECISION>(&self.spans, w, divide);
    }
}

/// Reads symbols and plain bits. Symbols past the end are any, which [`SymbolReader::finish`] tells.
pub struct SymbolReader<'a> {
    symbols: PairReader<'a, PRECISION>,
    plain: BitReader<'a>,
}

impl<'a> SymbolReader<'a> {
    /// Starts at the first symbol.
    pub fn new(r: &mut ByteReader<'a>) -> Result<SymbolReader<'a>> {
        let plain = BitReader::new(r.block()?);
        Ok(SymbolReader { symbols: PairReader::new(r)?, plain })
    }

    /// The next symbol, of a cell.
    #[inline(always)]
    pub fn symbol(&mut self, frequencies: &Frequencies, cell: usize) -> usize {
        self.symbols.symbol(
            #[inline(always)]
            |slot| {
                let symbol = frequencies.slots[cell * TOTAL + slot as usize] as usize;
                (symbol, frequencies.span(cell, symbol))
            },
        )
    }

    /// The next plain bits, at most 64.
    #[inline(always)]
    pub fn plain(&mut self, n_bits: u32) -> Result<u64> {
        let low = self.plain.read(n_bits.min(32))?;
        if n_bits <= 32 {
            return Ok(low);
        }
        Ok(low | self.plain.read(n_bits - 32)? << 32)
    }

    /// Checks that all was read and nothing more.
    pub fn finish(self) -> Result<()> {
        self.symbols.finish()?;
        self.plain.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frequencies() -> Frequencies {
        let even = [1024u16; 4];
        let steep = [4093u16, 1, 1, 1];
        Frequencies::new(4, &[even, steep].concat()).unwrap()
    }

    #[test]
    fn symbols_and_bits_come_back_and_cuts_are_errors() {
        let frequencies = frequencies();
        for n in [0usize, 1, 2, 3, 501] {
            let mut writer = SymbolWriter::default();
            for i in 0..n {
                writer.symbol(&frequencies, i % 2, i * i % 4);
                writer.plain(u64::MAX / 3, (i % 65) as u32);
            }
            let mut w = ByteWriter::default();
            writer.finish(&mut w);
            let mut reader = SymbolReader::new(&mut ByteReader::new(&w.bytes)).unwrap();
            for i in 0..n {
                assert_eq!(reader.symbol(&frequencies, i % 2), i * i % 4);
                let n_bits = (i % 65) as u32;
                let mask = if n_bits == 64 { u64::MAX } else { (1 << n_bits) - 1 };
                assert_eq!(reader.plain(n_bits).unwrap(), (u64::MAX / 3) & mask);
            }
            reader.finish().unwrap();
            for cut in 0..w.bytes.len() {
                let Ok(mut reader) = SymbolReader::new(&mut ByteReader::new(&w.bytes[..cut])) else {
                    continue;
                };
                let whole = (0..n).all(|i| {
                    reader.symbol(&frequencies, i % 2);
                    reader.plain((i % 65) as u32).is_ok()
                });
                assert!(!whole || reader.finish().is_err(), "{n} {cut}");
            }
        }
    }

    #[test]
    fn division_is_exact() {
        for f in 1..=TOTAL as u32 {
            for x in
                [0, 1, f - 1, f, u32::MAX, u32::MAX / f * f, (u32::MAX / f * f).wrapping_sub(1), 0x1234_5678]
            {
                assert_eq!(divide(x, f), x / f, "{x} / {f}");
            }
        }
    }

    #[test]
    fn frequencies_are_stored_and_checked() {
        let mut w = ByteWriter::default();
        frequencies().write(&mut w);
        assert_eq!(Frequencies::read(&mut ByteReader::new(&w.bytes), 4, 2).unwrap(), frequencies());
        assert!(Frequencies::new(2, &[4096, 0]).is_err());
        assert!(Frequencies::new(2, &[4000, 95]).is_err());
        let mut w = ByteWriter::default();
        w.varint(u64::MAX);
        assert!(Frequencies::read(&mut ByteReader::new(&w.bytes), 2, 1).is_err());
    }
}
