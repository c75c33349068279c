//! Whole numbers that may come next: what followed an earlier place that looked alike, and what a rule gives.

use crate::mixing::contexts::{GOLDEN, back, join};

/// Places that are followed, and how many numbers must agree.
const LEAST: [usize; N_MATCHES] = [6, 24];
const N_MATCHES: usize = 2;
/// Rules, see [`Candidates::find`].
const N_RULES: usize = 6;
/// All of them: matches first.
pub const N_CANDIDATES: usize = N_MATCHES + N_RULES;
/// Largest confidence.
pub const MAX_CONFIDENCE: usize = 15;
/// Columns whose rules are judged apart.
const N_COLUMNS: usize = 64;
/// Numbers in a row after which a match is sure; up to how many are compared; and counted.
const SURE: usize = 96;
const MOST_COMPARED: usize = 48;
const MAX_LENGTH: usize = 65_535;
/// Least and largest binary logarithm of the number of places that a table holds.
const MIN_BITS: u32 = 10;
const MAX_BITS: u32 = 20;

/// A number that may come next.
#[derive(Debug, Clone, Copy, Default)]
pub struct Candidate {
    pub value: i64,
    /// 0: none.
    pub confidence: usize,
}

/// What a sure match expects.
pub struct Sure {
    pub value: i64,
    /// Numbers in a row that were right.
    pub length: usize,
    /// Which of the numbers around are the same, a bit each.
    pub agreement: usize,
}

pub struct Candidates {
    columns: usize,
    matches: [Match; N_MATCHES],
    /// How often in a row each rule was right, by column.
    right: [[u8; N_COLUMNS]; N_RULES],
    pub found: [Candidate; N_CANDIDATES],
    /// One more than the largest number; 0 at the beginning.
    pub next: i64,
}

impl Candidates {
    pub fn new(n_values: usize, columns: usize) -> Candidates {
        Candidates {
            columns,
            matches: LEAST.map(|least| Match::new(n_values, least)),
            right: [[0; N_COLUMNS]; N_RULES],
            found: Default::default(),
            next: 0,
        }
    }

    /// Finds the candidates for the number behind `values`.
    #[inline(always)]
    pub fn find(&mut self, values: &[i64]) {
        let c = self.columns;
        let v = |distance| back(values, distance);
        let rules = [
            v(1).wrapping_add(v(1)).wrapping_sub(v(2)),
            v(1).wrapping_add(v(c)).wrapping_sub(v(c + 1)),
            v(c).wrapping_add(v(c)).wrapping_sub(v(c.saturating_mul(2))),
            self.next,
            v(c),
            v(1),
        ];
        let column = values.len() % c % N_COLUMNS;
        let (matched, ruled) = self.found.split_at_mut(N_MATCHES);
        for (found, one) in matched.iter_mut().zip(&self.matches) {
            *found = one.candidate(values);
        }
        for ((found, value), right) in ruled.iter_mut().zip(rules).zip(&self.right) {
            *found = Candidate { value, confidence: 1 + right[column] as usize };
        }
    }

    /// Learns the number behind `values`, and appends it.
    #[inline(always)]
    pub fn learn(&mut self, values: &mut Vec<i64>, value: i64) {
        let column = values.len() % self.columns % N_COLUMNS;
        for (right, found) in self.right.iter_mut().zip(&self.found[N_MATCHES..]) {
            let right = &mut right[column];
            *right =
                if found.value == value { (*right + 1).min(MAX_CONFIDENCE as u8 - 1) } else { *right / 4 };
        }
        let next = value.wrapping_add(1);
        self.next = if values.is_empty() { next } else { self.next.max(next) };
        self.matches.iter_mut().for_each(|one| one.check(values, value));
        values.push(value);
        self.matches.iter_mut().for_each(|one| one.follow(values));
    }

    /// What the first sure match expects.
    #[inline(always)]
    pub fn sure(&self, values: &[i64]) -> Option<Sure> {
        let which = self.matches.iter().position(|one| one.length >= SURE)?;
        let value = self.found[which].value;
        let c = self.columns;
        let is = |distance| (back(values, distance) == value) as usize;
        let around =
            is(1) | is(c) << 1 | is(c.max(2) - 1) << 2 | is(c + 1) << 3 | is(c.saturating_mul(2)) << 4;
        let agreement = around | ((self.found[1].value == value) as usize) << 5;
        Some(Sure { value, length: self.matches[which].length, agreement })
    }

    /// Rules out a number.
    pub fn exclude(&mut self, value: i64) {
        for found in self.found.iter_mut().filter(|found| found.value == value) {
            found.confidence = 0;
        }
    }
}

/// Goes along behind an earlier place that looked alike.
struct Match {
    /// Numbers that must agree.
    least: usize,
    /// By hash of the last `least` numbers: where the next number stood.
    places: Vec<u32>,
    shift: u32,
    /// Where the expected number stands; 0: nowhere.
    place: usize,
    /// Numbers in a row that agreed.
    length: usize,
    /// Sum of the last `least` numbers' hashes, times powers of [`GOLDEN`]; the power of the one that drops out.
    hash: u64,
    power: u64,
}

impl Match {
    fn new(n_values: usize, least: usize) -> Match {
        let bits = (usize::BITS - n_values.leading_zeros()).clamp(MIN_BITS, MAX_BITS);
        let power = (0..least).fold(1u64, |power, _| power.wrapping_mul(GOLDEN));
        Match { least, places: vec![0; 1 << bits], shift: 64 - bits, place: 0, length: 0, hash: 0, power }
    }

    #[inline(always)]
    fn candidate(&self, values: &[i64]) -> Candidate {
        if self.place == 0 {
            return Candidate::default();
        }
        let n_bits = (usize::BITS - self.length.leading_zeros()) as usize;
        let confidence = if self.length < 8 { 1 + self.length } else { 5 + n_bits };
        Candidate { value: values[self.place], confidence: confidence.min(MAX_CONFIDENCE) }
    }

    #[inline(always)]
    fn check(&mut self, values: &[i64], value: i64) {
        if self.place > 0 {
            self.length = if values[self.place] == value { (self.length + 1).min(MAX_LENGTH) } else { 0 };
            self.place += 1;
        }
    }

    /// Looks for a better place, unless this one is sure; `values` has the new number.
    #[inline(always)]
    fn follow(&mut self, values: &[i64]) {
        let n = values.len();
        self.hash = self.hash.wrapping_mul(GOLDEN).wrapping_add(join([values[n - 1] as u64]));
        if n > self.least {
            let dropped = join([values[n - 1 - self.least] as u64]);
            self.hash = self.hash.wrapping_sub(dropped.wrapping_mul(self.power));
        }
        if n < self.least {
            return;
        }
        let slot = (join([self.hash]) >> self.shift) as usize;
        let place = self.places[slot] as usize;
        if self.length < SURE && place > 0 && place != self.place {
            let pairs = values[..place].iter().rev().zip(values.iter().rev());
            let same = pairs.take(MOST_COMPARED).take_while(|(a, b)| a == b).count();
            if same >= self.least && same > self.length {
                (self.place, self.length) = (place, same);
            }
        }
        self.places[slot] = n as u32;
    }
}
