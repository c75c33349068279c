//! Which other numbers stand behind numbers, if any: candidates, compared by what coders make of a sample. The encoder only.

use crate::classical;
use crate::mixing;
use crate::predict::{self, Effort, Numbers};
use crate::recast::{self, Array, Recast, dictionary};
use crate::report::trials::Trials;
use rayon::prelude::*;

/// Numbers of a sample.
const SAMPLE: usize = 1 << 14;
/// The same for context mixing, which is slow.
const MIX_SAMPLE: usize = 1 << 13;
/// Fewest of each array where there are many.
const MIN_SAMPLE: usize = 1 << 12;
/// Fewest numbers that are looked at.
const MIN_VALUES: usize = 128;
/// What recast numbers take of what they take as they are, by an estimate, at most, to be coded at all ...
const WORTH: f64 = 0.99;
/// ... for so few numbers that it costs little to code them twice, for the fixed part of streams blurs the estimate ...
const SMALL: usize = 1 << 16;
const SMALL_WORTH: f64 = 1.06;
/// ... and where they are inside numbers that are recast already.
const WORTH_INSIDE: f64 = 0.95;
/// Below this only the integers behind values are coded, and not the numbers as they are.
const SURE: f64 = 0.7;
/// The same for tables of different values, and where only the layout is another: the estimate knows little of what filters
/// make of the numbers as they are.
const SURE_OTHERS: f64 = 0.5;
/// Most columns of a nameless table, and fewest rows of one.
const MAX_COLUMNS: usize = 128;
const MIN_ROWS: usize = 64;
/// Most unlike arrays along the first axis, and fewest numbers of each.
const MAX_PARTS: usize = 64;
const MIN_PART: usize = 512;
/// Longest records that are looked for in a series.
const MAX_RECORD: usize = 64;
/// Bits a number that records must seem to save.
const RECORD_BITS: f64 = 0.2;
/// Context mixing is tried where an estimate puts it at most so far above the least, and prediction where a rough model of
/// it takes at most so much of the least.
const NEAR: f64 = 1.03;
const FAR: f64 = 2.0;
/// What context mixing saves of what others take, at most, for it to be asked.
const LATE: f64 = 1.6;

/// Context mixing is left out where fewer numbers than this share stood before, and tried where so many sequences of a few did:
/// those may lie farther apart than a sample shows.
const FEW_REPEATS: f64 = 0.05;
const MANY_REPEATS: f64 = 0.3;
/// Bytes of numbers, about, that are always tried if many of them repeat.
const SMALL_BYTES: usize = 1 << 19;
/// Numbers of such a sequence, and numbers among which they are looked for.
const SEQUENCE: usize = 6;
const MOST_SEEN: usize = 1 << 20;

/// Other numbers, and what they take of what these take, by an estimate.
pub struct Found {
    /// How these follow from them.
    pub recast: Recast,
    /// About 1 at most.
    pub share: f64,
}

impl Found {
    /// True if it is worth coding where numbers are recast already: there the estimate decides alone, or each level would double
    /// the time.
    pub fn pays_inside(&self) -> bool {
        self.share < WORTH_INSIDE
    }

    /// True if the numbers as they are need not be coded.
    pub fn is_sure(&self) -> bool {
        self.share < if matches!(self.recast, Recast::Hidden(_)) { SURE } else { SURE_OTHERS }
    }
}

/// The best way to recast numbers, leaving out the kinds in `used`; `plain` is what they take as they are.
pub fn best(numbers: Numbers, used: u8, plain: &Prices) -> Option<Found> {
    if numbers.q.len() < MIN_VALUES {
        return None;
    }
    let plain = plain.least();
    let priced = candidates(numbers, used).into_par_iter().filter_map(|recast| {
        let (head, arrays) = recast.forward(numbers)?;
        let (beside, n) = (plain / arrays.len() as f64, (SAMPLE / arrays.len()).max(MIN_SAMPLE));
        let price = head.len() as f64
            + arrays.iter().map(|array| Prices::beside(array.numbers(), beside, n).least()).sum::<f64>();
        Some(Found { recast, share: price / plain })
    });
    let best = priced.min_by(|a, b| a.share.total_cmp(&b.share))?;
    let worth = if numbers.q.len() <= SMALL { SMALL_WORTH } else { WORTH };
    (best.share < worth).then_some(best)
}

/// True if values may take less than `least` bytes by their orders, that is exactly.
pub fn may_be_exact(numbers: Numbers, least: usize) -> bool {
    let priced = value_candidates(numbers).into_par_iter().filter_map(|recast| {
        let (_, arrays) = recast.forward(numbers)?;
        Some(arrays.iter().map(|array| Prices::of(array.numbers()).least()).sum::<f64>())
    });
    let by_values = priced.min_by(f64::total_cmp).unwrap_or(f64::INFINITY);
    let plain = if numbers.mantissa_bits.is_none() { Prices::of(numbers).least() } else { f64::INFINITY };
    by_values.min(plain) < NEAR * least as f64
}

fn candidates(numbers: Numbers, used: u8) -> Vec<Recast> {
    let mut found = value_candidates(numbers);
    if used & Recast::LAYOUTS == 0 {
        found.extend(layout_candidates(numbers));
    }
    found.retain(|recast| recast.kind() & used == 0);
    found
}

fn value_candidates(numbers: Numbers) -> Vec<Recast> {
    let mut found: Vec<Recast> = recast::find_hidden(numbers).map(Recast::Hidden).into_iter().collect();
    if let Some(n_different) = dictionary::n_different(numbers).filter(|&n| n > 1)
        && (numbers.mantissa_bits.is_some() || !is_dense(numbers, n_different))
    {
        found.extend([dictionary::Order::Sorted, dictionary::Order::First].map(Recast::Dictionary));
    }
    found
}

/// True if the different numbers nearly fill their range.
fn is_dense(numbers: Numbers, n_different: usize) -> bool {
    let ends = numbers.unmasked().fold((i64::MAX, i64::MIN), |(low, high), q| (low.min(q), high.max(q)));
    (ends.1.wrapping_sub(ends.0) as u64) / 2 < n_different as u64
}

fn layout_candidates(numbers: Numbers) -> Vec<Recast> {
    let shape = numbers.shape;
    let mut found = Vec::new();
    match shape {
        [_] => found.extend(record(numbers).map(Recast::Records)),
        [first, .., last] => {
            let n_values = numbers.q.len();
            if (2..=MAX_COLUMNS).contains(last) && n_values / last >= MIN_ROWS {
                found.extend([Recast::Turned(shape.len() - 1), Recast::Split(shape.len() - 1)]);
            }
            if (2..=MAX_PARTS).contains(first) && n_values / first >= MIN_PART {
                found.push(Recast::Split(0));
            }
        }
        [] => {}
    }
    found
}

/// The length of records that a series seems to consist of.
fn record(numbers: Numbers) -> Option<usize> {
    let sample = middle_of(numbers, SAMPLE);
    let bits = |distance: usize| {
        let pairs = sample.q.iter().zip(sample.q.get(distance..).unwrap_or_default());
        let n = sample.q.len().saturating_sub(distance).max(1);
        pairs.map(|(a, b)| libm::log2(1.0 + a.abs_diff(*b) as f64)).sum::<f64>() / n as f64
    };
    let n_values = numbers.q.len();
    let lengths = (2..=MAX_RECORD).filter(|&n| n_values.is_multiple_of(n) && n_values / n >= MIN_ROWS);
    let (least, length) = lengths.map(|n| (bits(n), n)).min_by(|a, b| a.0.total_cmp(&b.0))?;
    (least + RECORD_BITS < bits(1)).then_some(length)
}

/// Bytes that numbers take, about, by coders that are quick on a sample of them.
#[derive(Debug, Clone, Copy)]
pub struct Prices {
    classical: f64,
    mixed: f64,
    /// Infinite where there is too little to learn from.
    predicted: f64,
    /// Whether the sample is all there is.
    is_whole: bool,
}

impl Prices {
    /// By a sample.
    pub fn of(numbers: Numbers) -> Prices {
        Prices::beside(numbers, f64::INFINITY, SAMPLE)
    }

    /// By a sample of so many; context mixing is left out where the others take far more than `least` bytes.
    fn beside(numbers: Numbers, least: f64, n_sampled: usize) -> Prices {
        let sample = middle_of(numbers, n_sampled);
        let scale = numbers.q.len() as f64 / sample.q.len().max(1) as f64;
        let n = sample.numbers();
        let predicted = predict::encode(n, Effort::Glimpse, &mut Trials::default()).and_then(|coded| {
            let model = predict::model_bytes(&coded.bytes, n.shape, false).ok()?;
            Some(model as f64 + (coded.bytes.len() - model) as f64 * scale)
        });
        let predicted = predicted.unwrap_or(f64::INFINITY);
        let classical = classical::encode(n.q.to_vec(), n.shape, n.mask).bytes.len() as f64 * scale;
        let may_mix = classical.min(predicted) < LATE * least && repeated(n.q, 1) > FEW_REPEATS;
        let mixed = if may_mix {
            let part = middle_of(n, MIX_SAMPLE);
            let scale = numbers.q.len() as f64 / part.q.len().max(1) as f64;
            filled(part.numbers(), mixing::price) as f64 * scale
        } else {
            f64::INFINITY
        };
        Prices { classical, mixed, predicted, is_whole: sample.q.len() == numbers.q.len() }
    }

    fn least(&self) -> f64 {
        self.classical.min(self.mixed).min(self.predicted)
    }

    /// True if prediction may take the fewest bytes.
    pub fn may_predict(&self) -> bool {
        self.is_whole || self.predicted < FAR * self.least()
    }

    /// True if context mixing may take less than `least` bytes.
    pub fn may_mix(&self, numbers: Numbers, least: usize) -> bool {
        let seen = &numbers.q[..numbers.q.len().min(MOST_SEEN)];
        let is_small = || {
            let ends = |(low, high): (i64, i64), &q: &i64| (low.min(q), high.max(q));
            let (low, high) = numbers.q.iter().fold((i64::MAX, i64::MIN), ends);
            let width = (64 - high.abs_diff(low).leading_zeros() as usize).div_ceil(8);
            numbers.q.len() * width <= SMALL_BYTES && width > 2
        };
        let repeats =
            || repeated(seen, SEQUENCE) > MANY_REPEATS || is_small() && repeated(seen, 1) > MANY_REPEATS;
        self.mixed < NEAR * least as f64 || self.mixed.is_finite() && repeats()
    }
}

/// The share of the sequences of so many numbers that stood before, those of one number only left out.
fn repeated(q: &[i64], length: usize) -> f64 {
    const LOG: u32 = 16;
    let mut seen = vec![0u64; 1 << LOG];
    let (mut n, mut n_repeated) = (0usize, 0usize);
    for sequence in q.windows(length) {
        if length > 1 && sequence.iter().all(|number| *number == sequence[0]) {
            continue;
        }
        let hash = sequence.iter().fold(length as u64, |hash, &number| {
            (hash ^ number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29)
        });
        let slot = &mut seen[(hash >> (64 - LOG)) as usize];
        n += 1;
        n_repeated += (*slot == hash) as usize;
        *slot = hash;
    }
    n_repeated as f64 / n.max(1) as f64
}

/// Rows from the middle.
fn middle_of(numbers: Numbers, most: usize) -> Array {
    let (mut shape, mut start, mut n) = (numbers.shape.to_vec(), 0, numbers.q.len());
    let mut axis = 0;
    while n > most && axis < shape.len() {
        let row = n / shape[axis].max(1);
        let n_rows = (most / row.max(1)).clamp(1, shape[axis]);
        start += (shape[axis] - n_rows) / 2 * row;
        shape[axis] = n_rows;
        n = n_rows * row;
        axis += 1;
    }
    let q = numbers.q[start..start + n].to_vec();
    let mask = numbers.mask.map(|mask| mask[start..start + n].to_vec());
    Array { q, shape, mask, mantissa_bits: numbers.mantissa_bits }
}

/// The stream of context mixing.
pub fn mix(numbers: Numbers) -> Vec<u8> {
    filled(numbers, mixing::encode)
}

/// What `made` makes of numbers and their columns; what is masked is what stands before it.
fn filled<R>(numbers: Numbers, made: impl Fn(&[i64], usize) -> R) -> R {
    let columns = mixing::columns(numbers.shape);
    let Some(mask) = numbers.mask else { return made(numbers.q, columns) };
    let mut last = numbers.unmasked().next().unwrap_or(0);
    let fill = |(&number, &masked): (&i64, &bool)| {
        last = if masked { last } else { number };
        last
    };
    let filled: Vec<i64> = numbers.q.iter().zip(mask).map(fill).collect();
    made(&filled, columns)
}
