//! One symbol -> bits, given all before it.

use crate::entropy::binary::BitCoder;
use crate::mixing::candidates::{Candidates, MAX_CONFIDENCE, N_CANDIDATES};
use crate::mixing::contexts::{Around, N_CONTEXTS, N_HIGH_BYTES, N_LOW, mix64};
use crate::mixing::mixer::{MAX_INPUT, Mixer, N_INPUTS};
use crate::mixing::slots::{Slots, update};
use crate::mixing::symbols::{Difference, Symbols};
use crate::predict::tables::{Tables, tables};

/// Observations after which a counter keeps its pace: of contexts, of maps.
const MAP_LIMIT: u32 = 1000;
/// Weight of an input at the start, in 1/65536.
const START_WEIGHT: i32 = 9_000;
const HALF: u32 = 1 << 31;
/// Classes of the number of observations, and of the probability, in the maps.
const N_CELLS: usize = 1024;

pub struct Model<'a> {
    t: &'static Tables,
    symbols: &'a Symbols,
    columns: usize,
    values: Vec<i64>,
    coded: Vec<u64>,
    slots: Slots,
    candidates: Candidates,
    /// By candidate, confidence and place of the bit: whether it is right.
    trust: Vec<[[u32; 64]; MAX_CONFIDENCE + 1]>,
    /// By the length of the match: whether the number is the expected one.
    sure: [[u32; 64]; 32],
    mixer: Mixer,
    logits: Box<[i16; 4096]>,
    hashes: [u64; N_CONTEXTS],
    expected: [u64; N_CANDIDATES],
}

impl<'a> Model<'a> {
    pub fn new(symbols: &'a Symbols, n_values: usize, columns: usize) -> Model<'a> {
        let width = symbols.width;
        Model {
            t: tables(),
            symbols,
            columns,
            values: Vec::new(),
            coded: Vec::new(),
            slots: Slots::new(n_values.saturating_mul(2 * width * N_CONTEXTS / 4)),
            candidates: Candidates::new(n_values, columns),
            trust: vec![[[HALF; 64]; MAX_CONFIDENCE + 1]; N_CANDIDATES],
            sure: [[HALF; 64]; 32],
            mixer: Mixer::new([width * 256, 16 * 16 * 3, 64 * 8], width * 8, START_WEIGHT),
            logits: Box::new(std::array::from_fn(|p| {
                tables().stretch((p as u32) << 10).clamp(-MAX_INPUT, MAX_INPUT) as i16
            })),
            hashes: [0; N_CONTEXTS],
            expected: [0; N_CANDIDATES],
        }
    }

    /// The number that a difference is taken from.
    pub fn base(&self) -> i64 {
        let lag = match self.symbols.difference {
            Difference::None => return 0,
            Difference::Previous => 1,
            Difference::Above => self.columns,
            Difference::Largest => return self.candidates.next,
        };
        if lag <= self.values.len() { self.values[self.values.len() - lag] } else { 0 }
    }

    pub fn into_values(self) -> Vec<i64> {
        self.values
    }

    /// Codes a symbol, or reads it where bits are read.
    pub fn code<B: BitCoder>(&mut self, bits: &mut B, symbol: u64) {
        let base = self.base();
        self.candidates.find(&self.values);
        if let Some((value, length)) = self.candidates.sure() {
            let expected = self.symbols.of(value, base);
            let class = (usize::BITS - length.leading_zeros()) as usize & 31;
            let agree = self.candidates.agreement(&self.values, value);
            let sure = &mut self.sure[class][agree];
            let p = (*sure >> 16).clamp(1, 65_535);
            let right = bits.code((symbol == expected) as u32, p);
            self.t.update(sure, right, MAP_LIMIT);
            if right != 0 {
                return self.push(expected, value);
            }
            self.candidates.exclude(value);
        }
        for (expected, found) in self.expected.iter_mut().zip(&self.candidates.found) {
            *expected = self.symbols.of(found.value, base);
        }
        let around = Around {
            symbols: &self.coded,
            values: &self.values,
            columns: self.columns,
            expected: std::array::from_fn(|i| {
                let place = self.candidates.matches[i].place;
                if place == 0 { [0, 0, 0] } else {
                    let next = self.values.get(place + 1).copied().unwrap_or(0);
                    [self.values[place] as u64, next as u64, self.candidates.found[4 + i].confidence as u64]
                }
            }),
            plain: self.symbols.difference == Difference::None,
        };
        self.hashes = around.hashes();
        let mut read = 0;
        for byte_idx in 0..self.symbols.width {
            let byte = symbol >> (8 * (self.symbols.width - 1 - byte_idx)) & 255;
            read = read << 8 | self.code_byte(bits, byte_idx, read, byte as u32);
        }
        let value = self.symbols.value(read, base);
        self.push(read, value);
    }

    #[inline(always)]
    fn push(&mut self, symbol: u64, value: i64) {
        self.coded.push(symbol);
        self.candidates.learn(&mut self.values, value);
    }

    #[inline(always)]
    fn code_byte<B: BitCoder>(&mut self, bits: &mut B, byte_idx: usize, before: u64, byte: u32) -> u64 {
        let width = self.symbols.width;
        let mut node = 1u32;
        let active = if byte_idx < N_HIGH_BYTES { N_CONTEXTS } else { N_LOW };
        self.mixer.inputs[N_LOW..N_CONTEXTS].fill(0);
        for half in 0..2 {
            let so_far = mix64((before << 8 | node as u64).wrapping_add((byte_idx as u64) << 60) + 1);
            let mut places = [0; N_CONTEXTS];
            self.slots.find(&self.hashes[..active], so_far, &mut places[..active]);
            let mut leaf = 1usize;
            for step in 0..4 {
                let left = (8 * (width - byte_idx) - 4 * half - step) as u32;
                let bit = byte >> (7 - 4 * half - step) & 1;
                let so_far = before << (4 * half + step) | (node as u64 & ((1 << (4 * half + step)) - 1));
                let bit = self.code_bit(bits, &places[..active], leaf, left, so_far, byte_idx * 256 + node as usize, bit);
                leaf = leaf * 2 + bit as usize;
                node = node * 2 + bit;
            }
        }
        (node & 255) as u64
    }

    #[allow(clippy::too_many_arguments)]
    #[inline(always)]
    fn code_bit<B: BitCoder>(
        &mut self,
        bits: &mut B,
        places: &[usize],
        leaf: usize,
        left: u32,
        so_far: u64,
        row: usize,
        bit: u32,
    ) -> u32 {
        let t = self.t;
        let leaf = leaf & 15;
        for (input, &place) in self.mixer.inputs.iter_mut().zip(places) {
            *input = self.logits[self.slots.at(place)[leaf] as usize >> 4];
        }
        let mut next = N_CONTEXTS;
        let place = (left as usize - 1) & 63;
        let mut says = [None; N_CANDIDATES];
        for i in 0..N_CANDIDATES {
            let found = self.candidates.found[i];
            let alike = found.confidence > 0
                && (left == 64 || self.expected[i] >> left == so_far);
            let mut input = 0;
            if alike {
                let bit = (self.expected[i] >> (left - 1) & 1) as u32;
                says[i] = Some(bit);
                let logit = t.stretch(self.trust[i][found.confidence][place] >> 10);
                input = if bit != 0 { logit } else { -logit };
            }
            self.mixer.inputs[next] = input.clamp(-MAX_INPUT, MAX_INPUT) as i16;
            next += 1;
        }
        self.mixer.inputs[next] = 256;
        next += 1;
        debug_assert!(next <= N_INPUTS);
        let said = |i: usize| match says[i] {
            None => 0,
            Some(_) => self.candidates.found[i].confidence,
        };
        let agree = match (says[1], says[2]) {
            (Some(a), Some(b)) if a == b => 2,
            (None, None) => 0,
            _ => 1,
        };
        let set1 = (said(4) * 16 + said(1)) * 3 + agree;
        let set2 = (self.coded.len() % self.columns).min(63) * 8 + (left as usize & 7);
        let logit = self.mixer.mix(t, [row, set1, set2], place >> 3 << 3 | place & 7);
        let p = t.squash(logit).clamp(1, 65_535);
        let bit = bits.code(bit, p);
        self.mixer.learn(bit);
        for &place in places {
            update(&mut self.slots.at(place)[leaf], bit);
        }
        for i in 0..N_CANDIDATES {
            if let Some(said) = says[i] {
                let confidence = self.candidates.found[i].confidence;
                t.update(&mut self.trust[i][confidence][place], (said == bit) as u32, MAP_LIMIT);
            }
        }
        bit
    }
}
