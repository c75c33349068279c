//! Logits of many predictions -> one probability: sets of weights, each chosen by something else that is known, and a
//! last set that weighs their results.

use crate::predict::tables::Tables;

/// Logits that are mixed; a multiple of 16.
pub const N_INPUTS: usize = 32;
/// Sets of weights.
pub const N_SETS: usize = 3;
/// Largest input, in 1/256.
pub const MAX_INPUT: i32 = 2047;
/// Fraction bits of a weight; the upper 16 bits are multiplied with.
const WEIGHT_BITS: u32 = 28;
/// How fast weights learn, as a shift; of the last set.
const RATE: u32 = 2;
const LAST_RATE: u32 = 15;
const LAST_BITS: u32 = 16;

pub struct Mixer {
    weights: [Vec<[i32; N_INPUTS]>; N_SETS],
    last: Vec<[i32; N_SETS]>,
    pub inputs: [i16; N_INPUTS],
    rows: [usize; N_SETS],
    last_row: usize,
    outputs: [i32; N_SETS],
    p_outputs: [i32; N_SETS],
    p: i32,
}

impl Mixer {
    /// `sizes`: rows of each set and of the last; `start`: weight of each input in 1/65536.
    pub fn new(sizes: [usize; N_SETS], last: usize, start: i32) -> Mixer {
        Mixer {
            weights: sizes.map(|size| vec![[start << (WEIGHT_BITS - 16); N_INPUTS]; size]),
            last: vec![[(1 << LAST_BITS) / N_SETS as i32; N_SETS]; last],
            inputs: [0; N_INPUTS],
            rows: [0; N_SETS],
            last_row: 0,
            outputs: [0; N_SETS],
            p_outputs: [0; N_SETS],
            p: 0,
        }
    }

    /// Logit of the mixture, in 1/256.
    #[inline(always)]
    pub fn mix(&mut self, t: &Tables, rows: [usize; N_SETS], last_row: usize) -> i32 {
        self.rows = rows;
        self.last_row = last_row;
        let mut sum = 0i64;
        for set in 0..N_SETS {
            let weights = &self.weights[set][rows[set]];
            let mut dot = 0i32;
            for (&input, &weight) in self.inputs.iter().zip(weights) {
                dot = dot.wrapping_add(input as i32 * (weight >> 16) as i16 as i32);
            }
            let output = (dot >> (WEIGHT_BITS - 16)).clamp(-MAX_INPUT, MAX_INPUT);
            self.outputs[set] = output;
            self.p_outputs[set] = t.squash(output) as i32;
            sum += output as i64 * self.last[last_row][set] as i64;
        }
        let logit = ((sum >> LAST_BITS) as i32).clamp(-2800, 2800);
        self.p = t.squash(logit) as i32;
        logit
    }

    #[inline(always)]
    pub fn learn(&mut self, bit: u32) {
        let target = (bit << 16) as i32;
        let miss = target - self.p;
        for set in 0..N_SETS {
            let weight = &mut self.last[self.last_row][set];
            *weight = (*weight + ((self.outputs[set] * miss) >> LAST_RATE)).clamp(-(1 << 18), 1 << 18);
            let miss = ((target - self.p_outputs[set]) >> 1).clamp(-32767, 32767) as i16;
            let weights = &mut self.weights[set][self.rows[set]];
            for (&input, weight) in self.inputs.iter().zip(weights) {
                *weight = weight.wrapping_add((input as i32 * miss as i32) >> RATE);
            }
        }
    }
}
