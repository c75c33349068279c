//! One symbol -> bits, given all before it.

use crate::entropy::binary::BitCoder;
use crate::mixing::candidates::{Candidates, MAX_CONFIDENCE};
use crate::mixing::contexts::Before;
use crate::mixing::predictor::{Predictor, Site};
use crate::mixing::symbols::{Difference, Symbols};
use crate::predict::tables::tables;

/// Observations after which a counter keeps its pace.
const COUNT_LIMIT: u32 = 1000;
const HALF: u32 = 1 << 31;
/// Classes of a sure match: bits of its length, and what agrees.
const N_LENGTHS: usize = 17;
const N_AGREEMENTS: usize = 64;

/// All that is known of the numbers so far.
pub struct Model<'a> {
    symbols: &'a Symbols,
    columns: usize,
    values: Vec<i64>,
    coded: Vec<u64>,
    candidates: Candidates,
    /// Whether a sure match is right.
    sure: [[u32; N_AGREEMENTS]; N_LENGTHS],
    predictor: Predictor,
}

impl<'a> Model<'a> {
    pub fn new(symbols: &'a Symbols, n_values: usize, columns: usize) -> Model<'a> {
        Model {
            symbols,
            columns,
            values: Vec::new(),
            coded: Vec::new(),
            candidates: Candidates::new(n_values, columns),
            sure: [[HALF; N_AGREEMENTS]; N_LENGTHS],
            predictor: Predictor::new(symbols.width, n_values),
        }
    }

    /// The number that a difference is taken from.
    pub fn base(&self) -> i64 {
        self.symbols.base(&self.values, self.columns, self.candidates.next)
    }

    pub fn into_values(self) -> Vec<i64> {
        self.values
    }

    /// Codes a symbol, or reads it where bits are read.
    pub fn code<B: BitCoder>(&mut self, bits: &mut B, symbol: u64) {
        let base = self.base();
        self.candidates.find(&self.values);
        if let Some(sure) = self.candidates.sure(&self.values) {
            let expected = self.symbols.of(sure.value, base);
            let n_bits = (usize::BITS - sure.length.leading_zeros()) as usize;
            let counter = &mut self.sure[n_bits.min(N_LENGTHS - 1)][sure.agreement];
            let right = bits.code((symbol == expected) as u32, (*counter >> 16).clamp(1, 65_535));
            tables().update(counter, right, COUNT_LIMIT);
            if right != 0 {
                return self.push(expected, sure.value);
            }
            self.candidates.exclude(sure.value);
        }
        let found = &self.candidates.found;
        let before = Before {
            symbols: &self.coded,
            values: &self.values,
            columns: self.columns,
            differs: self.symbols.difference != Difference::None,
            expected: [found[0].value, found[1].value],
            confidence: found[0].confidence,
        };
        let site = Site {
            hashes: before.hashes(),
            expected: found.map(|found| self.symbols.of(found.value, base)),
            confidence: found.map(|found| found.confidence.min(MAX_CONFIDENCE)),
            column: self.values.len() % self.columns,
        };
        let symbol = self.predictor.code(bits, &site, symbol);
        self.push(symbol, self.symbols.value(symbol, base));
    }

    #[inline(always)]
    fn push(&mut self, symbol: u64, value: i64) {
        self.coded.push(symbol);
        self.candidates.learn(&mut self.values, value);
    }
}
