//! A hash table of counters: 15 for the nodes of half a byte, and what tells whose they are.

/// A check, then counters for nodes 1..16: probability of a 1 out of 2^22, then 10 bits with the number of observations.
pub type Slot = [u32; 16];

/// Least and largest binary logarithm of the number of slots.
const MIN_BITS: u32 = 10;
const MAX_BITS: u32 = 20;

const EMPTY: u32 = 1 << 31;

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

    /// The slot of a context; a new one takes the place of the one less used of two.
    #[inline(always)]
    pub fn find(&mut self, hash: u64) -> usize {
        let first = (hash >> self.shift) as usize;
        let check = (hash as u32) | 1;
        if self.slots[first][0] == check {
            return first;
        }
        let second = first ^ 1;
        if self.slots[second][0] == check {
            return second;
        }
        let uses = |slot: &Slot| slot[1] & 1023;
        let slot = if uses(&self.slots[first]) <= uses(&self.slots[second]) { first } else { second };
        self.slots[slot] = [EMPTY; 16];
        self.slots[slot][0] = check;
        slot
    }
}
