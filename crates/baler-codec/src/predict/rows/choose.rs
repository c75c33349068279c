//! Errors at each level -> the width and tail whose rows cost least. Encoder only.

use crate::predict::rows::kinds::MAX_AWAY;

use crate::predict::rows::kinds::Kind;
use crate::predict::rows::row::{N_FRACTIONS, N_SYMBOLS, Probabilities, TAILS, ZERO, shift_of};
use crate::predict::rows::walk::ErrorCoder;

/// Errors kept of each level.
const N_SAMPLES: usize = 4096;
/// Fewest errors that say something of a level of its own.
const FEW: usize = 48;

/// Samples of (fraction, error) by level.
pub struct Errors {
    levels: Vec<Level>,
}

#[derive(Default, Clone)]
struct Level {
    count: usize,
    every: usize,
    samples: Vec<(u8, i64)>,
}

impl Default for Errors {
    fn default() -> Self {
        Errors { levels: vec![Level { every: 1, ..Level::default() }; 256] }
    }
}

impl ErrorCoder for Errors {
    /// Sees one error; of many, ever fewer are kept, evenly.
    fn code(&mut self, level: i32, fraction: usize, error: i64) -> i64 {
        let level = &mut self.levels[level.clamp(0, 255) as usize];
        level.count += 1;
        if !level.count.is_multiple_of(level.every) {
            return error;
        }
        level.samples.push((fraction as u8, error));
        if level.samples.len() == 2 * N_SAMPLES {
            level.every *= 2;
            let kept = level.samples.iter().skip(1).step_by(2).copied().collect();
            level.samples = kept;
        }
        error
    }
}

impl Errors {
    /// The lowest level with errors and the kinds from there to the highest.
    pub fn kinds(&self) -> (u8, Vec<Kind>) {
        let seen = |level: &Level| level.count > 0;
        let lowest = self.levels.iter().position(seen).unwrap_or(32);
        let highest = self.levels.iter().rposition(seen).unwrap_or(32);
        let mut costs = Costs { rows: vec![None; 256 * TAILS.len()] };
        let mut kinds: Vec<Option<Kind>> = (lowest..=highest)
            .map(|level| {
                let samples = &self.levels[level].samples;
                (samples.len() >= FEW).then(|| costs.best(level as i32, samples))
            })
            .collect();
        fill_gaps(&mut kinds, lowest);
        (lowest as u8, kinds.into_iter().flatten().collect())
    }
}

/// Levels that say little go by the nearest that says something.
fn fill_gaps(kinds: &mut [Option<Kind>], lowest: usize) {
    let known: Vec<(usize, Kind)> =
        kinds.iter().enumerate().filter_map(|(i, kind)| kind.map(|kind| (i, kind))).collect();
    for (i, kind) in kinds.iter_mut().enumerate().filter(|(_, kind)| kind.is_none()) {
        let nearest = known.iter().min_by_key(|(at, _)| at.abs_diff(i));
        let (at, like) = nearest.copied().unwrap_or((i, Kind { width: (lowest + i) as u8, tail: 1 }));
        let width = (like.width as i32 + i as i32 - at as i32).clamp(0, 255) as u8;
        *kind = Some(Kind { width, tail: like.tail });
    }
}

/// Rows by width and tail, made when asked for.
struct Costs {
    rows: Vec<Option<Vec<[f32; N_SYMBOLS]>>>,
}

impl Costs {
    fn of(&mut self, kind: Kind, samples: &[(u8, i64)]) -> f64 {
        let rows =
            self.rows[kind.width as usize * TAILS.len() + kind.tail as usize].get_or_insert_with(|| {
                (0..N_FRACTIONS)
                    .map(|fraction| {
                        let row = Probabilities::new(kind.width as i32, kind.tail as usize, fraction);
                        std::array::from_fn(|symbol| row.cost(symbol))
                    })
                    .collect()
            });
        let shift = shift_of(kind.width as i32);
        let half = (1i64 << shift) >> 1;
        let cost = |&(fraction, error): &(u8, i64)| {
            let bucket = error.wrapping_add(half) >> shift;
            let symbol = (bucket.wrapping_add(ZERO) as u64).min(N_SYMBOLS as u64 - 1) as usize;
            let escape =
                if symbol == N_SYMBOLS - 1 { 7 + 64 - bucket.unsigned_abs().leading_zeros() } else { 0 };
            rows[fraction as usize][symbol] as f64 + (shift + escape) as f64
        };
        samples.iter().map(cost).sum()
    }

    /// Down to the least cost by steps in width, then in tail, then in width again.
    fn best(&mut self, level: i32, samples: &[(u8, i64)]) -> Kind {
        /// Far below, rows are alike, and steps would lead nowhere.
        const FIRST: i32 = 20;
        let mut best = Kind { width: level.clamp(FIRST, 255) as u8, tail: 1 };
        let mut least = self.of(best, samples);
        for _ in 0..2 {
            for step in [-1i32, 1] {
                while let Ok(width) = u8::try_from(best.width as i32 + step) {
                    if !MAX_AWAY.contains(&(width as i32 - level)) {
                        break;
                    }
                    let cost = self.of(Kind { width, ..best }, samples);
                    if cost >= least {
                        break;
                    }
                    (best.width, least) = (width, cost);
                }
            }
            for tail in 0..TAILS.len() as u8 {
                let cost = self.of(Kind { tail, ..best }, samples);
                if cost < least {
                    (best.tail, least) = (tail, cost);
                }
            }
        }
        best
    }
}
