//! A hash table of counters: 15 for the nodes of half a byte, and what tells whose they are.

use crate::mixing::contexts::{N_CONTEXTS, mix64};

/// A check, then counters for nodes 1..16: probability of a 1 out of 2^12, then 4 bits with the number of observations.
pub type Slot = [u16; 16];

/// Least and largest binary logarithm of the number of slots.
const MIN_BITS: u32 = 10;
const MAX_BITS: u32 = 20;

const EMPTY: u16 = 1 << 15;

pub struct Slots {
    slots: Vec<Slot>,
    shift: u32,
}

impl Slots {
    /// For about `n` different contexts.
    pub fn new(n: usize) -> Slots {
        let bits = (usize::BITS - n.leading_zeros()).clamp(MIN_BITS, MAX_BITS);
        Slots { slots: vec![[0; 16]; 1 << bits], shift: 64 - bits }
    }

    #[inline(always)]
    pub fn at(&mut self, slot: usize) -> &mut Slot {
        &mut self.slots[slot]
    }

    /// The slots of contexts; a new one takes the place of the one less used of two.
    #[inline(always)]
    pub fn find(&mut self, hashes: &[u64], so_far: u64, places: &mut [usize]) {
        let mut checks = [(0, 0); N_CONTEXTS];
        // All loads before the first branch, so that they wait for memory together.
        for ((place, &hash), check) in places.iter_mut().zip(hashes).zip(&mut checks) {
            let hash = mix64(hash ^ so_far);
            *place = (hash >> self.shift) as usize;
            *check = (hash as u16, self.slots[*place][0]);
        }
        for (place, (check, found)) in places.iter_mut().zip(checks) {
            if found != check {
                *place = self.replace(*place, check);
            }
        }
    }

    #[inline(always)]
    fn replace(&mut self, first: usize, check: u16) -> usize {
        let second = first ^ 1;
        if self.slots[first][0] == check {
            return first;
        }
        if self.slots[second][0] == check {
            return second;
        }
        let uses = |slot: &Slot| slot[1] & 15;
        let place = if uses(&self.slots[first]) <= uses(&self.slots[second]) { first } else { second };
        self.slots[place] = [EMPTY; 16];
        self.slots[place][0] = check;
        place
    }
}

/// Moves a counter towards `bit`.
#[inline(always)]
pub fn update(counter: &mut u16, bit: u32) {
    let n = (*counter & 15) as usize;
    let p = (*counter >> 4) as i32;
    let target = if bit != 0 { 4095 } else { 0 };
    let p = p + (((target - p) * SHARE[n]) >> 16);
    *counter = (p as u16) << 4 | (n as u16 + (n < 15) as u16);
}

const SHARE: [i32; 16] = {
    let mut share = [0; 16];
    let mut n = 0;
    while n < 16 {
        share[n as usize] = 131_072 / (2 * n + 3);
        n += 1;
    }
    share
};
