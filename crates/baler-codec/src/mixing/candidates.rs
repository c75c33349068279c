//! Whole numbers that may come next: those that followed earlier places that looked alike, and straight lines.

use crate::mixing::contexts::join;

/// Kinds of candidates.
pub const N_CANDIDATES: usize = N_LOOKUPS + N_MATCHES + N_LINES;
pub const N_MATCHES: usize = 2;
const N_LINES: usize = 4;
/// Kinds that look back at earlier places, one table each.
pub const N_LOOKUPS: usize = 4;
/// Largest confidence.
pub const MAX_CONFIDENCE: usize = 15;
/// Numbers that must agree before a long match is followed, and at which length is it sure.
pub const SURE: usize = 48;
const MAX_LENGTH: usize = 65_535;
const MIN_BITS: u32 = 10;
const MAX_BITS: u32 = 20;

/// A number that may come next.
#[derive(Debug, Clone, Copy, Default)]
pub struct Candidate {
    pub value: i64,
    /// 0: none.
    pub confidence: usize,
}

struct Lookup {
    /// Position behind the last place with a hash, and how often in a row it was right.
    places: Vec<(u32, u32)>,
    shift: u32,
    slot: usize,
}

pub struct Candidates {
    lookups: [Lookup; N_LOOKUPS],
    pub matches: [Match; N_MATCHES],
    lines: [[u8; 64]; N_LINES],
    pub found: [Candidate; N_CANDIDATES],
    columns: usize,
    /// One more than the largest so far, 0 at the least.
    pub next: i64,
}

impl Lookup {
    fn new(n: usize) -> Lookup {
        let bits = (usize::BITS - n.leading_zeros()).clamp(MIN_BITS, MAX_BITS);
        Lookup { places: vec![(0, 0); 1 << bits], shift: 64 - bits, slot: 0 }
    }
}

#[inline(always)]
fn back(values: &[i64], distance: usize) -> i64 {
    if distance <= values.len() { values[values.len() - distance] } else { 0 }
}

impl Candidates {
    pub fn new(n: usize, columns: usize) -> Candidates {
        Candidates {
            lookups: std::array::from_fn(|_| Lookup::new(n)),
            matches: [6, 24].map(|least| Match::new(n, least)),
            lines: [[0; 64]; N_LINES],
            found: Default::default(),
            columns,
            next: 0,
        }
    }

    /// Finds the candidates for the next number.
    #[inline(always)]
    pub fn find(&mut self, values: &[i64]) {
        let c = self.columns;
        let v = |distance| back(values, distance);
        let u = |distance| back(values, distance) as u64;
        let column = (values.len() % c) as u64;
        let hashes = [join([u(1)]), join([u(1), u(2)]), join([u(c), u(1), column]), join([u(1), u(2), u(3)])];
        for (i, hash) in hashes.into_iter().enumerate() {
            let lookup = &mut self.lookups[i];
            lookup.slot = (hash >> lookup.shift) as usize;
            let (place, right) = lookup.places[lookup.slot];
            self.found[i] = match place {
                0 => Candidate::default(),
                place => {
                    Candidate { value: values[place as usize], confidence: 1 + (right as usize).min(14) }
                }
            };
        }
        for (found, one) in self.found[N_LOOKUPS..].iter_mut().zip(&self.matches) {
            *found = one.candidate(values);
        }
        let lines = [
            v(1).wrapping_add(v(1)).wrapping_sub(v(2)),
            v(1).wrapping_add(v(c)).wrapping_sub(v(c + 1)),
            v(c).wrapping_add(v(c)).wrapping_sub(v(2 * c)),
            self.next,
        ];
        for (i, value) in lines.into_iter().enumerate() {
            let right = self.lines[i][values.len() % c % 64];
            self.found[N_LOOKUPS + N_MATCHES + i] = Candidate { value, confidence: 1 + right as usize };
        }
    }

    /// Learns the number; `values` does not have it yet.
    #[inline(always)]
    pub fn learn(&mut self, values: &mut Vec<i64>, value: i64) {
        for (lookup, found) in self.lookups.iter_mut().zip(&self.found) {
            let right = found.confidence > 0 && found.value == value;
            let place = &mut lookup.places[lookup.slot];
            *place = (values.len() as u32, if right { (place.1 + 1).min(255) } else { 0 });
        }
        for (i, lines) in self.lines.iter_mut().enumerate() {
            let right = &mut lines[values.len() % self.columns % 64];
            *right = if self.found[N_LOOKUPS + N_MATCHES + i].value == value {
                (*right + 1).min(14)
            } else {
                *right / 4
            };
        }
        self.matches.iter_mut().for_each(|one| one.check(values, value));
        values.push(value);
        let next = value.wrapping_add(1);
        self.next = if values.len() == 1 { next } else { self.next.max(next) };
        self.matches.iter_mut().for_each(|one| one.follow(values));
    }

    /// A sure number that did not come.
    pub fn exclude(&mut self, value: i64) {
        for found in &mut self.found {
            if found.value == value {
                found.confidence = 0;
            }
        }
    }

    /// Which of the numbers around are the expected one.
    pub fn agreement(&self, values: &[i64], value: i64) -> usize {
        let c = self.columns;
        let is = |distance: usize| (back(values, distance) == value) as usize;
        let other = (self.found[N_LOOKUPS + 1].value == value) as usize;
        is(1) | is(c) << 1 | is(c.max(2) - 1) << 2 | is(c + 1) << 3 | is(2 * c) << 4 | other << 5
    }

    /// The number that a long match expects.
    pub fn sure(&self) -> Option<(i64, usize)> {
        let i = self.matches.iter().position(|one| one.length >= SURE)?;
        Some((self.found[N_LOOKUPS + i].value, self.matches[i].length))
    }
}

/// Goes along behind an earlier place that looked alike.
pub struct Match {
    /// Numbers that must agree.
    least: usize,
    lookup: Lookup,
    /// 0: none so far.
    pub place: usize,
    /// Numbers since the last that did not agree.
    pub length: usize,
    /// Of the last `least` numbers.
    hash: u64,
    factor: u64,
}

const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;

impl Match {
    fn new(n: usize, least: usize) -> Match {
        let factor = (0..least).fold(1u64, |power, _| power.wrapping_mul(FACTOR));
        Match { least, lookup: Lookup::new(n), place: 0, length: 0, hash: 0, factor }
    }

    fn candidate(&self, values: &[i64]) -> Candidate {
        if self.place == 0 {
            return Candidate::default();
        }
        let log = (usize::BITS - self.length.leading_zeros()) as usize;
        let confidence = if self.length < 8 { 1 + self.length } else { 5 + log }.min(MAX_CONFIDENCE);
        Candidate { value: values[self.place], confidence }
    }

    #[inline(always)]
    fn check(&mut self, values: &[i64], value: i64) {
        if self.place > 0 {
            self.length = if values[self.place] == value { (self.length + 1).min(MAX_LENGTH) } else { 0 };
            self.place += 1;
        }
    }

    /// `values` has the new number.
    #[inline(always)]
    fn follow(&mut self, values: &[i64]) {
        let n = values.len();
        let scramble = |value: i64| join([value as u64]);
        self.hash = self.hash.wrapping_mul(FACTOR).wrapping_add(scramble(values[n - 1]));
        if n < self.least {
            return;
        }
        if n > self.least {
            self.hash =
                self.hash.wrapping_sub(scramble(values[n - 1 - self.least]).wrapping_mul(self.factor));
        }
        let slot = (join([self.hash]) >> self.lookup.shift) as usize;
        if self.length < SURE {
            let place = self.lookup.places[slot].0 as usize;
            if place > 0 && place != self.place {
                let same =
                    (0..place.min(48)).take_while(|&i| values[place - 1 - i] == values[n - 1 - i]).count();
                if same >= self.least && same > self.length {
                    (self.place, self.length) = (place, same);
                }
            }
        }
        self.lookup.places[slot].0 = n as u32;
    }
}
