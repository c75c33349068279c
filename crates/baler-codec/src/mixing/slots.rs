//! A hash table of counters: 15 for the nodes of half a byte in a context, and what tells whose they are.

use crate::mixing::contexts::{N_CONTEXTS, spread};

/// A check, then the counters of nodes 1 to 15: the probability of a 1 out of 2^12, then 4 bits with the number of
/// observations.
type Slot = [u16; 16];

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
    slots: Vec<Slot>,
    shift: u32,
}

impl Slots {
    /// For about `n_slots`.
    pub fn new(n_slots: usize) -> Slots {
        let bits = (usize::BITS - n_slots.leading_zeros()).clamp(MIN_BITS, MAX_BITS);
        Slots { slots: vec![[0; 16]; 1 << bits], shift: 64 - bits }
    }

    /// The counter of a node.
    #[inline(always)]
    pub fn counter(&mut self, slot: usize, node: usize) -> &mut u16 {
        &mut self.slots[slot][node & 15]
    }

    /// The slot of each context, where `so_far` is a hash of the symbol's bits before.
    #[inline(always)]
    pub fn find(&mut self, hashes: &[u64], so_far: u64, slots: &mut [usize]) {
        let mut checks = [(0, 0); N_CONTEXTS];
        // All loads before the first branch, so that they wait for memory together.
        for ((slot, &hash), check) in slots.iter_mut().zip(hashes).zip(&mut checks) {
            let hash = spread(hash ^ so_far);
            *slot = (hash >> self.shift) as usize;
            // Never 0, which is what a slot has before its first use.
            *check = (hash as u16 | 1, self.slots[*slot][0]);
        }
        for (slot, (check, found)) in slots.iter_mut().zip(checks) {
            if found != check {
                *slot = self.find_near(*slot, check);
            }
        }
    }

    /// The slot with this check, here or beside; otherwise the one less used, emptied.
    #[inline(always)]
    fn find_near(&mut self, here: usize, check: u16) -> usize {
        let beside = here ^ 1;
        for slot in [here, beside] {
            if self.slots[slot][0] == check {
                return slot;
            }
        }
        let used = |slot: usize| self.slots[slot][1] & MAX_COUNT;
        let slot = if used(here) <= used(beside) { here } else { beside };
        self.slots[slot] = [UNSEEN; 16];
        self.slots[slot][0] = check;
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
