//! One number given its prediction and scale -> adaptive binary decisions.
//!
//! The error is cut into buckets about as wide as the expected error (width 1 where that is under 2), and the bucket
//! is coded as: zero? sign? then one step away at a time. Each decision has a few adaptive counters, chosen by what is
//! known around it, whose logits are mixed by weights that learn from every bit. Errors are mirrored so that the
//! prediction always lies on the same side of the nearest integer.

use crate::entropy::binary::BitCoder;
use crate::predict::tables::{Tables, tables};

/// Counters asked for each decision.
pub const N_CONTEXTS: usize = 5;
/// Decisions with counters of their own: zero, sign, then steps away.
const N_NODES: usize = 16;
/// Steps away before an escape code.
const MAX_STEPS: u64 = 14;
/// Level at which the expected error is 1.
pub const UNIT_LEVEL: u32 = 32;
/// Largest level.
pub const MAX_LEVEL: u32 = 255;
/// Observations after which a counter keeps its pace.
const COUNT_LIMIT: u32 = 250;
/// Weight of an input at the start, and at most: 2^16 is 1.
const START_WEIGHT: i32 = 22_000;
const MAX_WEIGHT: i32 = 1 << 18;
/// Levels whose counters are made together, a multiple of 4.
const LEVELS_AT_ONCE: u32 = 16;
/// A counter that has seen nothing.
const HALF: u32 = 1 << 31;

/// What is known where a number stands.
#[derive(Debug, Clone, Copy)]
pub struct Site {
    /// Scale on a log axis, 4 a doubling.
    pub level: u32,
    /// Prediction minus its floor after rounding, in 1/64: 32 is an exact integer.
    pub fraction_q6: u32,
    /// Scale of the values, in 1/2048.
    pub scale_q11: i64,
    /// Errors of W, N and the plane before, and distances to other predictions, in 1/8 of the values.
    pub around_q3: [i64; 6],
}

/// Adaptive state of the coder.
pub struct ResidualCoder {
    tables: &'static Tables,
    /// Levels that there are counters and weights for.
    n_levels: u32,
    counters: [Vec<[u32; N_NODES]>; N_CONTEXTS],
    weights: Vec<[[i32; N_CONTEXTS + 1]; N_NODES]>,
    fine_bits: Vec<u32>,
    escape_bits: [u32; 64],
}

/// Signed ratio of `v` to the scale: -4..=4 at 1/4, 3/4, 3/2 and 3.
#[inline(always)]
fn ratio(v: i64, quarter: i64) -> usize {
    let magnitude = v.abs();
    let steps = (magnitude >= quarter) as i32
        + (magnitude >= 3 * quarter) as i32
        + (magnitude >= 6 * quarter) as i32
        + (magnitude >= 12 * quarter) as i32;
    (if v < 0 { 4 - steps } else { 4 + steps }) as usize
}

impl ResidualCoder {
    /// Nothing was seen yet.
    #[allow(clippy::new_without_default)] // It makes tables.
    pub fn new() -> Self {
        ResidualCoder {
            tables: tables(),
            n_levels: 0,
            counters: Default::default(),
            weights: Vec::new(),
            fine_bits: vec![HALF; 4 * 7 * 4],
            escape_bits: [HALF; 64],
        }
    }

    /// Room for a level and some above: most arrays have few, and small ones would wait for the counters of all.
    #[cold]
    fn make_room_for(&mut self, level: u32) {
        self.n_levels = (level + 1).next_multiple_of(LEVELS_AT_ONCE);
        let (n_levels, n_pairs) = (self.n_levels as usize, self.n_levels as usize / 2);
        let sizes = [n_levels * 8, n_pairs * 81, n_pairs * 81, n_pairs * 36, n_pairs * 81];
        for (counters, size) in self.counters.iter_mut().zip(sizes) {
            counters.reserve_exact(size - counters.len());
            counters.resize(size, [HALF; N_NODES]);
        }
        self.weights.resize(n_levels / 4, [[START_WEIGHT; N_CONTEXTS + 1]; N_NODES]);
    }

    /// Codes an error (number minus rounded prediction), or reads it where bits are read.
    #[inline(always)]
    pub fn code<B: BitCoder>(&mut self, bits: &mut B, site: &Site, error: i64) -> i64 {
        let mirrored = site.fraction_q6 < 32;
        let shift = if site.level >= UNIT_LEVEL + 4 { (site.level - UNIT_LEVEL) / 4 } else { 0 };
        let half = (1i64 << shift) >> 1;
        let error = if mirrored { error.wrapping_neg() } else { error };
        let raised = error.wrapping_add(half);
        if site.level >= self.n_levels {
            self.make_room_for(site.level);
        }
        let indices = contexts(site, mirrored);
        let mut mixer = Mixer {
            tables: self.tables,
            rows: rows(&mut self.counters, indices),
            weights: &mut self.weights[(site.level / 4) as usize],
        };
        let bucket = mixer.code_bucket(bits, &mut self.escape_bits, raised >> shift);
        let fine = if shift > 0 { self.code_fine(bits, bucket, site.level, shift, raised) } else { 0 };
        let error = (bucket << shift | fine).wrapping_sub(half);
        if mirrored { error.wrapping_neg() } else { error }
    }

    /// The bits under a bucket: the upper two with counters, the others as they are.
    #[inline(always)]
    fn code_fine<B: BitCoder>(
        &mut self,
        bits: &mut B,
        bucket: i64,
        level: u32,
        shift: u32,
        raised: i64,
    ) -> i64 {
        let which = ((bucket.clamp(-3, 3) + 3) as usize * 4 + (level & 3) as usize) * 4;
        let mut node = 1;
        let mut fine = 0i64;
        for place in (0..shift).rev() {
            let bit = (raised >> place & 1) as u32;
            let bit = if node < 4 {
                let bit = plain(self.tables, &mut self.fine_bits[which + node], bits, bit);
                node = node * 2 + bit as usize;
                bit
            } else {
                bits.code(bit, 32768)
            };
            fine = fine << 1 | bit as i64;
        }
        fine
    }
}

/// The counters and weights for one number.
struct Mixer<'a> {
    tables: &'static Tables,
    rows: [&'a mut [u32; N_NODES]; N_CONTEXTS],
    weights: &'a mut [[i32; N_CONTEXTS + 1]; N_NODES],
}

/// The row of each context.
#[inline(always)]
fn rows(
    counters: &mut [Vec<[u32; N_NODES]>; N_CONTEXTS],
    indices: [usize; N_CONTEXTS],
) -> [&mut [u32; N_NODES]; N_CONTEXTS] {
    let ([a, b, c, d, e], [ia, ib, ic, id, ie]) = (counters, indices);
    [&mut a[ia], &mut b[ib], &mut c[ic], &mut d[id], &mut e[ie]]
}

/// Which counters to ask.
#[inline(always)]
fn contexts(site: &Site, mirrored: bool) -> [usize; N_CONTEXTS] {
    let level = site.level as usize;
    let pair = level / 2;
    let quarter = (site.scale_q11 >> 10).max(1);
    let mut around = [0; 6];
    for (around, &v) in around.iter_mut().zip(&site.around_q3) {
        *around = ratio(if mirrored { -v } else { v }, quarter);
    }
    let folded = (if mirrored { 64 - site.fraction_q6 } else { site.fraction_q6 } - 32).min(31) as usize;
    [
        level * 8 + folded / 4,
        pair * 81 + around[0] * 9 + around[1],
        pair * 81 + around[2] * 9 + around[3],
        (pair * 9 + around[4]) * 4 + folded / 8,
        pair * 81 + around[5] * 9 + around[3],
    ]
}

impl Mixer<'_> {
    #[inline(always)]
    fn code_bucket<B: BitCoder>(&mut self, bits: &mut B, escape_bits: &mut [u32; 64], bucket: i64) -> i64 {
        if self.decide(bits, 0, (bucket == 0) as u32) != 0 {
            return 0;
        }
        let negative = self.decide(bits, 1, (bucket < 0) as u32) != 0;
        let magnitude = bucket.unsigned_abs();
        let mut steps = 1;
        while steps < MAX_STEPS {
            if self.decide(bits, 1 + steps as usize, (magnitude > steps) as u32) == 0 {
                break;
            }
            steps += 1;
        }
        if steps == MAX_STEPS {
            steps = code_escape(self.tables, escape_bits, bits, magnitude.wrapping_sub(MAX_STEPS))
                .wrapping_add(MAX_STEPS);
        }
        if negative { (steps as i64).wrapping_neg() } else { steps as i64 }
    }

    /// One mixed binary decision.
    #[inline(always)]
    fn decide<B: BitCoder>(&mut self, bits: &mut B, node: usize, bit: u32) -> u32 {
        let t = self.tables;
        let mut inputs = [256i32; N_CONTEXTS + 1];
        for (input, row) in inputs.iter_mut().zip(&self.rows) {
            *input = t.stretch(row[node & (N_NODES - 1)] >> 10);
        }
        let weights = &mut self.weights[node & (N_NODES - 1)];
        let mut sum = 0i32;
        for (&input, &weight) in inputs.iter().zip(weights.iter()) {
            sum += input * (weight >> 2);
        }
        let p = t.squash((sum >> 14).clamp(-2800, 2800));
        let bit = bits.code(bit, p);
        let miss = (bit << 16) as i32 - p as i32;
        for (&input, weight) in inputs.iter().zip(weights.iter_mut()) {
            let moved = *weight + ((input * miss + (1 << 14)) >> 15);
            *weight = moved.clamp(-MAX_WEIGHT, MAX_WEIGHT);
        }
        for row in &mut self.rows {
            t.update(&mut row[node & (N_NODES - 1)], bit, COUNT_LIMIT);
        }
        bit
    }
}

/// A bit with one counter.
#[inline(always)]
fn plain<B: BitCoder>(tables: &Tables, counter: &mut u32, bits: &mut B, bit: u32) -> u32 {
    let p = (*counter >> 16).clamp(64, 65_536 - 64);
    let bit = bits.code(bit, p);
    tables.update(counter, bit, COUNT_LIMIT);
    bit
}

/// Any number: its bit length one step at a time, then its bits.
fn code_escape<B: BitCoder>(tables: &Tables, counters: &mut [u32; 64], bits: &mut B, value: u64) -> u64 {
    let length = 64 - value.leading_zeros();
    let mut n_bits = 0;
    while n_bits < 64 {
        let more = (length > n_bits) as u32;
        if plain(tables, &mut counters[n_bits as usize], bits, more) == 0 {
            break;
        }
        n_bits += 1;
    }
    let mut read = (n_bits > 0) as u64;
    for place in (0..n_bits.saturating_sub(1)).rev() {
        read = read << 1 | bits.code((value >> place & 1) as u32, 32768) as u64;
    }
    read
}
