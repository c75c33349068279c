//! A symbol given its contexts and candidates -> bits, byte by byte, the most significant first.

use crate::entropy::binary::BitCoder;
use crate::mixing::candidates::{MAX_CONFIDENCE, N_CANDIDATES};
use crate::mixing::contexts::{N_CONTEXTS, N_HIGH_BYTES, N_LOW, spread};
use crate::mixing::mixer::{MAX_INPUT, Mixer};
use crate::mixing::refine::Refine;
use crate::mixing::slots::{Slot, Slots, update};
use crate::predict::tables::{Tables, tables};

/// Observations after which a counter keeps its pace.
const COUNT_LIMIT: u32 = 1000;
const HALF: u32 = 1 << 31;
/// Contexts whose counts choose weights, and columns that do.
const COUNTED: [usize; 3] = [0, 3, 6];
const N_COLUMNS: usize = 16;
/// Candidates whose agreement chooses weights.
const AGREEING: [usize; 2] = [6, 7];
/// Rows of the sets of weights but the first: by the matches' confidence and agreement; by counts and column.
const N_MATCH_ROWS: usize = (MAX_CONFIDENCE + 1) * (MAX_CONFIDENCE + 1) * 3;
const N_COUNT_ROWS: usize = 64 * N_COLUMNS;
/// Slots for each byte of all symbols.
const SLOTS_A_BYTE: usize = 8;
/// The input that is always there.
const BIAS: i16 = 256;

/// What is known where a number stands.
pub struct Site {
    pub hashes: [u64; N_CONTEXTS],
    /// The symbol of each candidate, and its confidence (0: none).
    pub expected: [u64; N_CANDIDATES],
    pub confidence: [usize; N_CANDIDATES],
    pub column: usize,
}

/// Where a byte stands in its symbol.
struct Place {
    byte_idx: usize,
    /// Bytes behind it.
    n_behind: usize,
    column: usize,
}

/// What a candidate says of a byte: a 1 and its eight bits, or 0 if it is out.
#[derive(Clone, Copy, Default)]
struct Voice {
    byte: u32,
    confidence: usize,
}

/// Adaptive state.
pub struct Predictor {
    t: &'static Tables,
    width: usize,
    slots: Slots,
    /// Whether a candidate is right: by confidence, and bits that are left.
    trust: [[[u32; 64]; MAX_CONFIDENCE + 1]; N_CANDIDATES],
    mixer: Mixer,
    refine: Refine,
    /// Logit of a probability out of 2^12.
    logits: [i16; 4096],
}

#[inline(always)]
fn clamped(logit: i32) -> i16 {
    logit.clamp(-MAX_INPUT, MAX_INPUT) as i16
}

impl Predictor {
    /// For symbols of `width` bytes.
    pub fn new(width: usize, n_values: usize) -> Predictor {
        let t = tables();
        let n_nodes = width * 256;
        Predictor {
            t,
            width,
            slots: Slots::new(n_values.saturating_mul(width * SLOTS_A_BYTE)),
            trust: [[[HALF; 64]; MAX_CONFIDENCE + 1]; N_CANDIDATES],
            mixer: Mixer::new([n_nodes, N_MATCH_ROWS, N_COUNT_ROWS], width * 8),
            refine: Refine::new([n_nodes, N_COUNT_ROWS]),
            logits: std::array::from_fn(|p| clamped(t.stretch((p as u32) << 10))),
        }
    }

    /// Codes a symbol, or reads it where bits are read.
    #[inline(always)]
    pub fn code<B: BitCoder>(&mut self, bits: &mut B, site: &Site, symbol: u64) -> u64 {
        let mut before = 0;
        for byte_idx in 0..self.width {
            let n_behind = self.width - 1 - byte_idx;
            let place = Place { byte_idx, n_behind, column: site.column.min(N_COLUMNS - 1) };
            let byte = symbol >> (8 * n_behind) & 255;
            before = before << 8 | self.code_byte(bits, site, &place, before, byte as u32);
        }
        before
    }

    #[inline(always)]
    fn code_byte<B: BitCoder>(
        &mut self,
        bits: &mut B,
        site: &Site,
        place: &Place,
        before: u64,
        byte: u32,
    ) -> u64 {
        let mut voices = [Voice::default(); N_CANDIDATES];
        for ((voice, &confidence), &expected) in voices.iter_mut().zip(&site.confidence).zip(&site.expected) {
            let upper = expected >> (8 * place.n_behind);
            if confidence > 0 && upper >> 8 == before {
                *voice = Voice { byte: 256 | (upper & 255) as u32, confidence };
            }
        }
        let n_active = if place.byte_idx < N_HIGH_BYTES { N_CONTEXTS } else { N_LOW };
        self.mixer.inputs[n_active..N_CONTEXTS].fill(0);
        let mut slots = [Slot::default(); N_CONTEXTS];
        let slots = &mut slots[..n_active];
        let mut node = 1;
        for half in 0..2 {
            let so_far = (before << 8 | node as u64).wrapping_add((place.byte_idx as u64) << 60);
            self.slots.find(&site.hashes[..n_active], spread(so_far.wrapping_add(1)), slots);
            let mut leaf = 1;
            for step in 4 * half..4 * half + 4 {
                let bit = byte >> (7 - step) & 1;
                let bit = self.code_bit(bits, slots, &voices, place, (node, leaf, step), bit);
                node = node * 2 + bit;
                leaf = leaf * 2 + bit as usize;
            }
        }
        (node & 255) as u64
    }

    /// One bit: `node` is a 1 and the bits of the byte so far, `leaf` a 1 and those of its half, `step` how many there are.
    #[inline(always)]
    fn code_bit<B: BitCoder>(
        &mut self,
        bits: &mut B,
        slots: &[Slot],
        voices: &[Voice; N_CANDIDATES],
        place: &Place,
        (node, leaf, step): (u32, usize, u32),
        bit: u32,
    ) -> u32 {
        let t = self.t;
        for (input, &slot) in self.mixer.inputs.iter_mut().zip(slots) {
            *input = self.logits[(*self.slots.counter(slot, leaf) >> 4) as usize];
        }
        let n_left = 8 * place.n_behind + 7 - step as usize;
        let mut says = [(0, 0); N_CANDIDATES];
        for (i, voice) in voices.iter().enumerate() {
            // Without branches, which would often be mispredicted.
            let bit = voice.byte >> (7 - step) & 1;
            let alike = (voice.byte >> (8 - step) == node) as usize;
            says[i] = (voice.confidence * alike, bit);
            let logit = clamped(t.stretch(self.trust[i][says[i].0][n_left & 63] >> 10));
            self.mixer.inputs[N_CONTEXTS + i] = logit * (2 * bit as i16 - 1) * alike as i16;
        }
        self.mixer.inputs[N_CONTEXTS + N_CANDIDATES] = BIAS;
        let by_node = place.byte_idx * 256 + node as usize;
        let by_match = (says[0].0 * (MAX_CONFIDENCE + 1) + says[1].0) * 3 + agreement(&says);
        let by_count = self.count_class(slots, leaf) * N_COLUMNS + place.column;
        let logit = self.mixer.mix(t, [by_node, by_match, by_count], n_left);
        let p = self.refine.refine(t, logit, [by_node, by_count]);
        let bit = bits.code(bit, p);
        self.refine.learn(bit);
        self.mixer.learn(bit);
        for &slot in slots {
            update(self.slots.counter(slot, leaf), bit);
        }
        for (trust, &(confidence, said)) in self.trust.iter_mut().zip(&says) {
            t.update(&mut trust[confidence][n_left & 63], (said == bit) as u32, COUNT_LIMIT);
        }
        bit
    }

    /// How often some contexts were seen.
    #[inline(always)]
    fn count_class(&mut self, slots: &[Slot], leaf: usize) -> usize {
        COUNTED.into_iter().fold(0, |class, i| {
            let n = *self.slots.counter(slots[i], leaf) & 15;
            class * 4 + (n > 0) as usize + (n > 2) as usize + (n > 14) as usize
        })
    }
}

/// 2 if both say the same, 0 if neither says anything, otherwise 1.
#[inline(always)]
fn agreement(says: &[(usize, u32); N_CANDIDATES]) -> usize {
    let [a, b] = AGREEING.map(|i| says[i]);
    match (a.0 > 0, b.0 > 0) {
        (true, true) if a.1 == b.1 => 2,
        (false, false) => 0,
        _ => 1,
    }
}
