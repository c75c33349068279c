//! Symbols <-> bytes: range asymmetric numeral systems (J. Duda, arXiv:1311.2540) with a row of probabilities a symbol,
//! two 32-bit states in turn; and the bits that no model predicts, as they are.
//!
//! Symbol i belongs to state i mod 2, which lies in [2^16, 2^32). Decoding: slot = state mod 2^15; the state becomes
//! frequency * (state >> 15) + slot - start; if it is under 2^16, it becomes state << 16 | next word. The encoder runs
//! backwards.

use crate::container::bytes::{ByteReader, ByteWriter};
use crate::entropy::bits::BitWriter;
use crate::error::{Error, Result};
use crate::predict::rows::row::{PRECISION, Probabilities};

const LOW: u32 = 1 << 16;
const N_STATES: usize = 2;

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
    /// Start of each in the low half, frequency in the high half.
    spans: Vec<u32>,
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
        let mut states = [LOW; N_STATES];
        if self.spans.len() % N_STATES == 1 {
            states.swap(0, 1);
        }
        // Filled from the end; without branches, for none of them could be foreseen.
        let mut words = vec![0u16; self.spans.len() + 1];
        let mut free = words.len() - 1;
        for &span in self.spans.iter().rev() {
            let [next, state] = states;
            let (start, frequency) = (span & 0xffff, span >> 16);
            words[free] = state as u16;
            let full = state >> (32 - PRECISION) >= frequency;
            free -= full as usize;
            let state = state >> (16 * full as u32);
            states = [(state / frequency) << PRECISION | (state % frequency + start), next];
        }
        states.iter().for_each(|state| w.raw(&state.to_le_bytes()));
        w.bytes.reserve(2 * words.len());
        words[free + 1..].iter().for_each(|word| w.bytes.extend_from_slice(&word.to_le_bytes()));
        w.bytes
    }
}

impl SymbolCoder for SymbolWriter {
    const DECODES: bool = false;

    #[inline(always)]
    fn symbol(&mut self, row: &Probabilities, symbol: usize) -> usize {
        let (start, frequency) = row.span(symbol);
        self.spans.push(start | frequency << 16);
        symbol
    }

    #[inline(always)]
    fn raw(&mut self, bits: u64, n_bits: u32) -> u64 {
        self.raw.write(bits & ((1u64 << n_bits) - 1), n_bits);
        bits
    }
}

/// Reads symbols. Past the end everything is zero, which [`SymbolReader::finish`] tells.
pub struct SymbolReader<'a> {
    states: [u32; N_STATES],
    words: &'a [u8],
    overrun: bool,
    raw: RawReader<'a>,
}

impl<'a> SymbolReader<'a> {
    /// Starts at the first symbol.
    pub fn new(bytes: &'a [u8]) -> Result<SymbolReader<'a>> {
        let mut r = ByteReader::new(bytes);
        let raw = RawReader { bytes: r.block()?, buffer: 0, n_buffered: 0, overrun: false };
        let mut states = [0u32; N_STATES];
        for state in &mut states {
            *state = u32::from_le_bytes(r.raw(4)?.try_into().expect("four bytes"));
        }
        if states.iter().any(|&state| state < LOW) {
            return Err(Error::corrupt("expected states of at least 2^16 in a symbol stream"));
        }
        Ok(SymbolReader { states, words: r.rest(), overrun: false, raw })
    }

    /// Checks that all was read and nothing more.
    pub fn finish(self) -> Result<()> {
        let at_start = self.states.iter().all(|&state| state == LOW);
        let read_all = self.words.is_empty() && self.raw.is_done();
        if self.overrun || self.raw.overrun || !at_start || !read_all {
            return Err(Error::corrupt("a symbol stream does not end where it should"));
        }
        Ok(())
    }
}

impl SymbolCoder for SymbolReader<'_> {
    const DECODES: bool = true;

    #[inline(always)]
    fn symbol(&mut self, row: &Probabilities, _: usize) -> usize {
        let [state, next] = self.states;
        let slot = state & ((1 << PRECISION) - 1);
        let symbol = row.symbol(slot as i16);
        let (start, frequency) = row.span(symbol);
        let mut state = frequency.wrapping_mul(state >> PRECISION).wrapping_add(slot.wrapping_sub(start));
        if state < LOW {
            let word = match self.words.split_first_chunk::<2>() {
                Some((word, rest)) => {
                    self.words = rest;
                    u16::from_le_bytes(*word)
                }
                None => {
                    self.overrun = true;
                    1
                }
            };
            state = state << 16 | word as u32;
        }
        self.states = [next, state];
        symbol
    }

    #[inline(always)]
    fn raw(&mut self, _: u64, n_bits: u32) -> u64 {
        self.raw.read(n_bits)
    }
}

/// Bits, lowest first within each byte.
struct RawReader<'a> {
    bytes: &'a [u8],
    buffer: u64,
    n_buffered: u32,
    overrun: bool,
}

impl RawReader<'_> {
    #[inline(always)]
    fn read(&mut self, n_bits: u32) -> u64 {
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

    /// True if less than a byte is left, and no bit of it is set.
    fn is_done(&self) -> bool {
        self.bytes.is_empty() && self.n_buffered < 8 && self.buffer == 0
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
