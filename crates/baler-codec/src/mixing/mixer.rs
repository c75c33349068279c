//! Logits of many predictions -> one logit: sets of weights, each chosen by something else that is known, and a last
//! set that weighs their results.

use crate::predict::tables::Tables;

/// Logits that are mixed; a multiple of 16.
pub const N_INPUTS: usize = 32;
/// Sets of weights.
pub const N_SETS: usize = 3;
/// Largest input, in 1/256.
pub const MAX_INPUT: i32 = 2047;
/// Largest logit that comes out.
const MAX_LOGIT: i32 = 2800;
/// Fraction bits of a weight, whose upper 16 bits are multiplied with; of a weight of the last set.
const WEIGHT_BITS: u32 = 28;
const LAST_BITS: u32 = 16;
/// A weight at the start, and the largest of the last set.
const START_WEIGHT: i32 = 9000 << (WEIGHT_BITS - 16);
const MAX_LAST: i32 = 4 << LAST_BITS;
/// How fast weights move, as a shift.
const RATE: u32 = 2;
const LAST_RATE: u32 = 15;

pub struct Mixer {
    pub inputs: [i16; N_INPUTS],
    weights: [Vec<[i32; N_INPUTS]>; N_SETS],
    last: Vec<[i32; N_SETS]>,
    rows: [usize; N_SETS],
    last_row: usize,
    /// Logit and probability of each set, and the probability that came out.
    outputs: [(i32, i32); N_SETS],
    p: i32,
}

impl Mixer {
    /// `sizes`: rows of each set; `last`: rows of the last.
    pub fn new(sizes: [usize; N_SETS], last: usize) -> Mixer {
        Mixer {
            inputs: [0; N_INPUTS],
            weights: sizes.map(|size| vec![[START_WEIGHT; N_INPUTS]; size]),
            last: vec![[(1 << LAST_BITS) / N_SETS as i32; N_SETS]; last],
            rows: [0; N_SETS],
            last_row: 0,
            outputs: [(0, 0); N_SETS],
            p: 0,
        }
    }

    /// The logit of the mixture, in 1/256.
    #[inline(always)]
    pub fn mix(&mut self, t: &Tables, rows: [usize; N_SETS], last_row: usize) -> i32 {
        (self.rows, self.last_row) = (rows, last_row);
        let mut sum = 0i64;
        for (set, weights) in self.weights.iter().enumerate() {
            let mut dot = 0i32;
            for (&input, &weight) in self.inputs.iter().zip(&weights[rows[set]]) {
                dot = dot.wrapping_add(input as i32 * (weight >> 16) as i16 as i32);
            }
            let logit = (dot >> (WEIGHT_BITS - 16)).clamp(-MAX_INPUT, MAX_INPUT);
            self.outputs[set] = (logit, t.squash(logit) as i32);
            sum += logit as i64 * self.last[last_row][set] as i64;
        }
        let logit = ((sum >> LAST_BITS) as i32).clamp(-MAX_LOGIT, MAX_LOGIT);
        self.p = t.squash(logit) as i32;
        logit
    }

    /// Moves all weights that were used against their errors.
    #[inline(always)]
    pub fn learn(&mut self, bit: u32) {
        let target = (bit << 16) as i32;
        let miss = target - self.p;
        for (set, (logit, p)) in self.outputs.into_iter().enumerate() {
            let last = &mut self.last[self.last_row][set];
            *last = (*last + ((logit * miss) >> LAST_RATE)).clamp(-MAX_LAST, MAX_LAST);
            let miss = ((target - p) >> 1) as i16;
            for (&input, weight) in self.inputs.iter().zip(&mut self.weights[set][self.rows[set]]) {
                *weight = weight.wrapping_add((input as i32 * miss as i32) >> RATE);
            }
        }
    }
}
