//! The different values of a variable, and how often each stands, while there are few of them: masks, flags, classes and
//! small counters are told by these.

/// Most different values that are told apart.
pub const MAX_FEW: usize = 256;
/// Slots of a table at first and at last; a quarter of them are used, at most.
const N_SLOTS: [usize; 2] = [64, 4 * MAX_FEW];

/// (order, how often); a slot is free where that is 0.
#[derive(Debug, Clone)]
pub struct Few {
    slots: Vec<(i64, u64)>,
    n_values: usize,
    last: usize,
}

impl Few {
    /// Nothing seen.
    pub fn new() -> Few {
        Few { slots: vec![(0, 0); N_SLOTS[0]], n_values: 0, last: 0 }
    }

    /// Takes in a value `n` times; false if there are more different ones than are told apart.
    #[inline(always)]
    pub fn see(&mut self, order: i64, n: u64) -> bool {
        let (value, count) = &mut self.slots[self.last];
        if *value == order && *count > 0 {
            *count += n;
            return true;
        }
        self.find(order, n)
    }

    fn find(&mut self, order: i64, n: u64) -> bool {
        let mut at = slot_of(&self.slots, order);
        if self.slots[at].1 == 0 {
            if self.n_values == MAX_FEW {
                return false;
            }
            if 4 * self.n_values == self.slots.len() {
                let before = std::mem::replace(&mut self.slots, vec![(0, 0); N_SLOTS[1]]);
                for (order, count) in before.into_iter().filter(|(_, count)| *count > 0) {
                    let at = slot_of(&self.slots, order);
                    self.slots[at] = (order, count);
                }
                at = slot_of(&self.slots, order);
            }
            self.n_values += 1;
        }
        self.slots[at] = (order, self.slots[at].1 + n);
        self.last = at;
        true
    }

    /// (order, how often) of each, ascending.
    pub fn sorted(&self) -> Vec<(i64, u64)> {
        let mut found: Vec<(i64, u64)> = self.slots.iter().copied().filter(|(_, count)| *count > 0).collect();
        found.sort_unstable();
        found
    }
}

/// Where a value stands, or would.
fn slot_of(slots: &[(i64, u64)], order: i64) -> usize {
    let hash = (order as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut at = (hash >> 32) as usize % slots.len();
    while slots[at].1 > 0 && slots[at].0 != order {
        at = (at + 1) % slots.len();
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_values_are_counted_and_many_are_given_up() {
        let mut few = Few::new();
        assert!((0..1000i64).all(|i| few.see(i % 7 - 3, 1)));
        let sorted = few.sorted();
        assert_eq!(sorted.len(), 7);
        assert_eq!(sorted[0], (-3, 143));
        let mut few = Few::new();
        assert!((0..MAX_FEW as i64).all(|i| few.see(i << 40, 1)));
        assert!(!few.see(-1, 1) && few.see(0, 1));
    }
}
