//! Whole numbers that may come next: those that followed earlier places that looked alike, and straight lines.

use crate::mixing::contexts::join;

/// Kinds of candidates.
pub const N_CANDIDATES: usize = 8;
/// Kinds that look back at earlier places, one table each.
const N_LOOKUPS: usize = 4;
/// Largest confidence.
pub const MAX_CONFIDENCE: usize = 15;
/// Numbers that must agree before a long match is followed, and at which length is it sure.
const LONG: usize = 6;
pub const SURE: usize = 24;
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
    long: Lookup,
    place: usize,
    pub length: usize,
    lines: [[u8; 64]; N_CANDIDATES - N_LOOKUPS - 1],
    pub found: [Candidate; N_CANDIDATES],
    columns: usize,
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
            long: Lookup::new(n),
            place: 0,
            length: 0,
            lines: [[0; 64]; N_CANDIDATES - N_LOOKUPS - 1],
            found: Default::default(),
            columns,
        }
    }

    /// Finds the candidates for the next number.
    #[inline(always)]
    pub fn find(&mut self, values: &[i64]) {
        let c = self.columns;
        let v = |distance| back(values, distance);
        let u = |distance| back(values, distance) as u64;
        let column = (values.len() % c) as u64;
        let hashes = [
            join([u(1)]),
            join([u(1), u(2)]),
            join([u(c), u(1), column]),
            join([u(1), u(2), u(3)]),
        ];
        for (i, hash) in hashes.into_iter().enumerate() {
            let lookup = &mut self.lookups[i];
            lookup.slot = (hash >> lookup.shift) as usize;
            let (place, right) = lookup.places[lookup.slot];
            self.found[i] = match place {
                0 => Candidate::default(),
                place => Candidate { value: values[place as usize], confidence: 1 + (right as usize).min(14) },
            };
        }
        self.found[N_LOOKUPS] = match self.length {
            0 => Candidate::default(),
            length => {
                let log = (usize::BITS - length.leading_zeros()) as usize;
                let confidence = if length < 8 { length } else { 4 + log }.min(MAX_CONFIDENCE);
                Candidate { value: values[self.place], confidence }
            }
        };
        let lines = [
            v(1).wrapping_add(v(1)).wrapping_sub(v(2)),
            v(1).wrapping_add(v(c)).wrapping_sub(v(c + 1)),
            v(c).wrapping_add(v(c)).wrapping_sub(v(2 * c)),
        ];
        for (i, value) in lines.into_iter().enumerate() {
            if N_LOOKUPS + 1 + i < N_CANDIDATES {
                let right = self.lines[i][values.len() % c % 64];
                self.found[N_LOOKUPS + 1 + i] = Candidate { value, confidence: 1 + right as usize };
            }
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
            *right = if self.found[N_LOOKUPS + 1 + i].value == value { (*right + 1).min(14) } else { *right / 4 };
        }
        if self.length > 0 && values[self.place] == value {
            self.length = (self.length + 1).min(MAX_LENGTH);
            self.place += 1;
        } else {
            self.length = 0;
        }
        values.push(value);
        self.follow(values);
    }

    #[inline(always)]
    fn follow(&mut self, values: &[i64]) {
        let n = values.len();
        if n < LONG {
            return;
        }
        let last: [u64; LONG] = std::array::from_fn(|i| values[n - 1 - i] as u64);
        let slot = (join(last) >> self.long.shift) as usize;
        if self.length == 0 {
            let place = self.long.places[slot].0 as usize;
            if place > 0 {
                let same = (0..place.min(32)).take_while(|&i| values[place - 1 - i] == values[n - 1 - i]).count();
                if same >= LONG {
                    (self.place, self.length) = (place, same);
                }
            }
        }
        self.long.places[slot].0 = n as u32;
    }

    /// A long match that failed.
    pub fn forget(&mut self) {
        self.length = 0;
        self.found[N_LOOKUPS] = Candidate::default();
    }

    /// The number that a long match expects.
    pub fn sure(&self) -> Option<i64> {
        (self.length >= SURE).then_some(self.found[N_LOOKUPS].value)
    }
}
