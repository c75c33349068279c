//! A hash table of counters: 15 for the nodes of half a byte in a context, and what tells whose they are.

use crate::mixing::contexts::{N_CONTEXTS, spread};

/// Where a check stands; behind it the counters of nodes 1 to 15: the probability of a 1 out of 2^12, then 4 bits with
/// the number of observations.
#[derive(Clone, Copy, Default)]
pub struct Slot(usize);

/// A check and 15 counters.
const SLOT: usize = 16;
/// A line of a processor's cache: two slots.
const LINE_BYTES: usize = 64;
/// Least and largest binary logarithm of the number of slots.
const MIN_BITS: u32 = 10;
const MAX_BITS: u32 = 20;
/// A counter without observations.
const UNSEEN: u16 = 1 << 15;
/// Most observations that are counted.
const MAX_COUNT: u16 = 15;
/// 2^16 / (n + 1.5): the share of a new observation after n.
const SHARES: [i32; MAX_COUNT as usize + 1] = {
    let mut shares = [0; MAX_COUNT as usize + 1];
    let mut n = 0;
    while n <= MAX_COUNT as usize {
        shares[n] = 131_072 / (2 * n as i32 + 3);
        n += 1;
    }
    shares
};

pub struct Slots {
    /// [`SLOT`] counters each from `first` on, where a line of the processor's cache begins.
    counters: Vec<u16>,
    first: usize,
    shift: u32,
}

impl Slots {
    /// For about `n_slots`.
    pub fn new(n_slots: usize) -> Slots {
        let bits = (usize::BITS - n_slots.leading_zeros()).clamp(MIN_BITS, MAX_BITS);
        let counters = vec![0; (SLOT << bits) + LINE_BYTES / 2];
        let first = (counters.as_ptr() as usize).wrapping_neg() % LINE_BYTES / 2;
        Slots { counters, first, shift: 64 - bits }
    }

    /// The counter of a node.
    #[inline(always)]
    pub fn counter(&mut self, slot: Slot, node: usize) -> &mut u16 {
        &mut self.counters[slot.0 + node]
    }

    /// The slot of each context, where `so_far` is a hash of the symbol's bits before.
    #[inline(always)]
    pub fn find(&mut self, hashes: &[u64], so_far: u64, slots: &mut [Slot]) {
        let mut checks = [(0, 0, 0); N_CONTEXTS];
        // All loads before the first branch, so that they wait for memory together.
        for ((slot, &hash), check) in slots.iter_mut().zip(hashes).zip(&mut checks) {
            let hash = spread(hash ^ so_far);
            let place = (hash >> self.shift) as usize;
            *slot = self.at(place);
            // Never 0, which is what a slot has before its first use.
            *check = (place, hash as u16 | 1, self.counters[slot.0]);
        }
        for (slot, (place, check, found)) in slots.iter_mut().zip(checks) {
            if found != check {
                *slot = self.find_near(place, check);
            }
        }
    }

    #[inline(always)]
    fn at(&self, place: usize) -> Slot {
        Slot(self.first + place * SLOT)
    }

    /// The slot with this check, here or beside; otherwise the one less used, emptied.
    #[inline(always)]
    fn find_near(&mut self, here: usize, check: u16) -> Slot {
        let near = [self.at(here), self.at(here ^ 1)];
        for slot in near {
            if self.counters[slot.0] == check {
                return slot;
            }
        }
        let [used_here, used_beside] = near.map(|slot| self.counters[slot.0 + 1] & MAX_COUNT);
        let slot = near[(used_here > used_beside) as usize];
        self.counters[slot.0..][..SLOT].fill(UNSEEN);
        self.counters[slot.0] = check;
        slot
    }
}

/// Moves a counter towards `bit`.
#[inline(always)]
pub fn update(counter: &mut u16, bit: u32) {
    let n = *counter & MAX_COUNT;
    let p = (*counter >> 4) as i32;
    let target = if bit != 0 { 4095 } else { 0 };
    let moved = p + (((target - p) * SHARES[n as usize] + (1 << 15)) >> 16);
    *counter = (moved as u16) << 4 | (n + (n < MAX_COUNT) as u16);
}
