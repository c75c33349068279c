//! Which side of its variable's thresholds each value is on, where its decoded value leaves that open: coded after the numbers, as
//! what moves a value to the side of its original. Numbers know nothing of it, however they are coded.
//!
//! In C order, for each value that is on the grid and whose reach holds more than one side: a decision whether it stays on
//! the decoded value's side; if not, whether it lies above where both are possible; then, step by step, whether it lies
//! beyond the next side. The decisions are adaptive; their contexts are how near the threshold is and, if that pays, on which side
//! of it the decoded neighbors are.

use crate::entropy::binary::{BinaryDecoder, BinaryEncoder, BitCoder};
use crate::options::BoundSpec;
use crate::quantize::sides::{Around, Reach, Thresholds, key, moved};
use crate::quantize::special::Specials;
use crate::variable::VariablePlan;
use baler_data::element::Element;
use baler_data::error::{Error, Result};

/// Buckets of how far a threshold is, of the reach; the last is for values that are one.
const DISTANCES: usize = 9;
/// Buckets of where the neighbors are.
const NEIGHBORS: usize = 8;
/// Observations after which a probability keeps its pace.
const COUNT_LIMIT: u32 = 126;

/// A probability of 1 that adapts: out of 2^16, and how often it was seen.
#[derive(Clone, Copy)]
pub struct Odds {
    p_one: u32,
    n_seen: u32,
}

impl Default for Odds {
    fn default() -> Odds {
        Odds { p_one: 1 << 15, n_seen: 0 }
    }
}

impl Odds {
    /// Codes a bit, or reads it where bits are read.
    pub fn code<B: BitCoder>(&mut self, bits: &mut B, bit: bool) -> bool {
        let bit = bits.code(bit as u32, self.p_one.clamp(32, (1 << 16) - 32));
        self.n_seen += 1;
        let pace = self.n_seen.min(COUNT_LIMIT) + 1;
        match bit {
            0 => self.p_one -= self.p_one / pace,
            _ => self.p_one += ((1 << 16) - self.p_one) / pace,
        }
        bit != 0
    }
}

/// The state of the decisions.
struct Decisions {
    moves: [[Odds; NEIGHBORS]; DISTANCES],
    is_above: [[Odds; NEIGHBORS]; DISTANCES],
    /// By whether the side at hand is a threshold.
    goes_on: [Odds; 2],
}

impl Decisions {
    fn new() -> Decisions {
        let odds = Odds::default();
        let all = [[odds; NEIGHBORS]; DISTANCES];
        Decisions { moves: all, is_above: all, goes_on: [odds; 2] }
    }

    /// Codes `side`, or reads it where bits are read: one of those from `least` to `greatest`, `own` is the decoded value's.
    fn code<B: BitCoder>(
        &mut self,
        bits: &mut B,
        open: &Open,
        (distance, neighbors): (usize, usize),
        side: usize,
    ) -> usize {
        let &Open { least, own, greatest, .. } = open;
        if !self.moves[distance][neighbors].code(bits, side != own) {
            return own;
        }
        let is_above = match (own > least, own < greatest) {
            (true, true) => self.is_above[distance][neighbors].code(bits, side > own),
            (_, is_above) => is_above,
        };
        let mut found = if is_above { own + 1 } else { own.saturating_sub(1) };
        while found != if is_above { greatest } else { least }
            && self.goes_on[found % 2].code(bits, found != side)
        {
            found = if is_above { found + 1 } else { found - 1 };
        }
        found
    }
}

/// A value whose side is open.
struct Open {
    idx: usize,
    around: Around,
    least: usize,
    own: usize,
    greatest: usize,
}

/// The values of a part before their sides are known.
struct Undecided<'a, T> {
    decoded: &'a [T],
    specials: &'a Specials,
    shape: &'a [usize],
    reach: Reach,
    thresholds: Thresholds,
}

impl<'a, T: Element> Undecided<'a, T> {
    /// `None` where nothing can be open.
    fn of(
        decoded: &'a [T],
        specials: &'a Specials,
        shape: &'a [usize],
        variable: &VariablePlan,
    ) -> Option<Undecided<'a, T>> {
        let thresholds = Thresholds::of::<T>(&variable.promises.cuts);
        let may_cross = !thresholds.is_empty() && variable.bound.spec != BoundSpec::Lossless;
        let reach = Reach::new::<T>(variable.bound, variable.limits);
        may_cross.then_some(Undecided { decoded, specials, shape, reach, thresholds })
    }

    /// True for values that are kept exactly.
    fn is_special(&self, idx: usize) -> bool {
        self.specials.classes.get(idx).is_some_and(|&class| class != 0)
    }

    /// The open values, in order.
    fn open(&self) -> impl Iterator<Item = Open> + '_ {
        self.decoded.iter().enumerate().filter_map(move |(idx, &y)| {
            let around = self.reach.around(y);
            if !self.thresholds.part(around.keys) || self.is_special(idx) {
                return None;
            }
            let side = |key: i64| self.thresholds.side(key);
            let (least, greatest) = (side(around.keys.0), side(around.keys.1));
            let own = side(key(y)).clamp(least, greatest);
            Some(Open { idx, around, least, own, greatest })
        })
    }

    /// How far the nearest threshold is, and how far beyond it the mean of the neighbors, in buckets.
    fn context(&self, &Open { idx, around, .. }: &Open, looks: bool) -> (usize, usize) {
        let y = self.decoded[idx];
        let threshold = self.thresholds.nearest(y);
        let y = y.to_f64();
        let is_below = y < threshold;
        // What is not finite counts as 0.
        let distance = match y == threshold {
            true => DISTANCES - 1,
            false => (((y - threshold).abs() / around.radius * 8.0) as usize).min(DISTANCES - 2),
        };
        let beyond = match looks.then(|| self.mean_of_neighbors(idx)).flatten() {
            None => 0.0,
            Some(mean) if is_below => (threshold - mean) / around.radius,
            Some(mean) => (mean - threshold) / around.radius,
        };
        (distance, (beyond * 2.0 + 4.0).clamp(0.0, 7.0) as usize)
    }

    /// An open value on another side.
    fn moved(&self, open: &Open, side: usize) -> T {
        moved(self.decoded[open.idx], open.around, self.thresholds.ends(side))
    }

    /// The mean of the neighbors along all axes that are on the grid.
    fn mean_of_neighbors(&self, idx: usize) -> Option<f64> {
        let (mut sum, mut n, mut stride) = (0.0, 0.0, 1);
        let mut add = |idx: usize| {
            if !self.is_special(idx) {
                sum += self.decoded[idx].to_f64();
                n += 1.0;
            }
        };
        for &extent in self.shape.iter().rev() {
            let place = idx / stride % extent;
            if place > 0 {
                add(idx - stride);
            }
            if place + 1 < extent {
                add(idx + stride);
            }
            stride *= extent;
        }
        (n > 0.0).then(|| sum / n)
    }
}

/// Moves decoded values to the sides of their originals; gives the bytes from which [`decode`] does the same, none where all are
/// there.
pub fn encode<T: Element>(
    original: &[T],
    decoded: &mut [T],
    specials: &Specials,
    shape: &[usize],
    variable: &VariablePlan,
) -> Vec<u8> {
    let Some(undecided) = Undecided::of(&*decoded, specials, shape, variable) else { return Vec::new() };
    let open: Vec<(Open, usize)> = (undecided.open())
        .map(|open| {
            let side = undecided.thresholds.side(key(original[open.idx])).clamp(open.least, open.greatest);
            (open, side)
        })
        .collect();
    let coded = |looks: bool| {
        let (mut bits, mut decisions) = (BinaryEncoder::default(), Decisions::new());
        for (open, side) in &open {
            decisions.code(&mut bits, open, undecided.context(open, looks), *side);
        }
        [vec![looks as u8], bits.finish()].concat()
    };
    let crossing = open.iter().filter(|(open, side)| *side != open.own);
    let crossing: Vec<(usize, T)> =
        crossing.map(|(open, side)| (open.idx, undecided.moved(open, *side))).collect();
    if crossing.is_empty() {
        return Vec::new();
    }
    let (alone, looking) = (coded(false), coded(true));
    crossing.into_iter().for_each(|(idx, value)| decoded[idx] = value);
    if looking.len() < alone.len() { looking } else { alone }
}

/// Inverse of [`encode`]: moves decoded values to the sides of their originals.
///
/// # Errors
/// [`baler_data::ErrorKind::Corrupt`] for too few bytes.
pub fn decode<T: Element>(
    bytes: &[u8],
    decoded: &mut [T],
    specials: &Specials,
    shape: &[usize],
    variable: &VariablePlan,
) -> Result<()> {
    let Some((&looks, bytes)) = bytes.split_first() else { return Ok(()) };
    if looks > 1 {
        return Err(Error::corrupt(format!("expected sides of kind 0 or 1, found {looks}")));
    }
    let Some(undecided) = Undecided::of(&*decoded, specials, shape, variable) else {
        return Err(Error::corrupt("expected no sides of a variable without thresholds, found some"));
    };
    let (mut bits, mut decisions) = (BinaryDecoder::new(bytes), Decisions::new());
    let mut crossing = Vec::new();
    for open in undecided.open() {
        let context = undecided.context(&open, looks == 1);
        let side = decisions.code(&mut bits, &open, context, 0);
        if side != open.own {
            crossing.push((open.idx, undecided.moved(&open, side)));
        }
        bits.check()?;
    }
    crossing.into_iter().for_each(|(idx, value)| decoded[idx] = value);
    Ok(())
}
