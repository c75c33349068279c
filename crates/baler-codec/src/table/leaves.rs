//! Classes of numbers: sorted intervals of a power of two of numbers, and one class for all others. A class is told by
//! binary decisions down a tree that halves the weight, so that what stands often takes few.

use baler_data::bytes::{ByteReader, ByteWriter};
use baler_data::error::{Error, Result};

/// Most classes, with the one for all others.
pub const MAX_LEAVES: usize = 256;
/// Weight of a leaf of each class of weight; of all other numbers: that of the smallest.
const WEIGHTS: [u64; 4] = [1, 4, 16, 64];

/// Numbers between leaves for which there are leaves where steps change, and how many leaves at most.
const WIDEST_GAP: i64 = 64;
const GAP_LEAVES: usize = 2;

/// Numbers `low..low + 2^log_width`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leaf {
    /// Smallest number.
    pub low: i64,
    /// At most 62.
    pub log_width: u32,
    /// 0 rare, 1 usual, 2 and 3: often.
    pub weight: u8,
}

/// A decision: is the class `split` or above?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Node {
    /// First class of the upper side.
    pub split: u16,
    /// Next node for lower and upper: an index, or the complement of a class.
    pub next: [i16; 2],
}

/// Classes and their tree.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Leaves {
    leaves: Vec<Leaf>,
    nodes: Vec<Node>,
}

impl Leaves {
    /// Of sorted leaves that do not overlap, at most [`MAX_LEAVES`] - 1.
    pub fn new(leaves: Vec<Leaf>) -> Leaves {
        let mut weights: Vec<u64> = leaves.iter().map(|leaf| WEIGHTS[leaf.weight as usize]).collect();
        weights.push(WEIGHTS[0]);
        let mut nodes = Vec::new();
        split(&weights, 0, weights.len(), &mut nodes);
        Leaves { leaves, nodes }
    }

    /// Number of classes, with the one for all others.
    pub fn n_classes(&self) -> usize {
        self.leaves.len() + 1
    }

    /// The tree; empty where there is one class.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The class of a number.
    #[inline]
    pub fn class(&self, number: i64) -> usize {
        let after = self.leaves.partition_point(|leaf| leaf.low <= number);
        match after.checked_sub(1).map(|idx| (idx, self.leaves[idx])) {
            Some((idx, leaf)) if (number.wrapping_sub(leaf.low) as u64) < 1 << leaf.log_width => idx,
            _ => self.leaves.len(),
        }
    }

    /// The interval of a class; `None` for the class of all others.
    #[inline]
    pub fn leaf(&self, class: usize) -> Option<Leaf> {
        self.leaves.get(class).copied()
    }

    /// The leaves of numbers that `map` takes to others, about 2^`shift` times as far apart, and where leaves end `map_end`:
    /// each run of leaves that touch is tiled anew, with the widths and weights of the leaves that lay there. A leaf of
    /// nothing but 0 stays one: 0 is 0 on every step, and often what stands most. Between runs that are near each other lie
    /// rare leaves: what was a lattice may not be one on other steps. What finds no room is in no leaf.
    pub fn rescaled(&self, map: impl Fn(i64) -> i64, map_end: impl Fn(i64) -> i64, shift: i32) -> Leaves {
        let is_zero = |idx: usize| self.leaves[idx].low == 0 && self.leaves[idx].log_width == 0;
        let ends: Vec<i64> =
            self.leaves.iter().map(|leaf| leaf.low.wrapping_add(1 << leaf.log_width)).collect();
        let mapped_ends: Vec<i64> =
            (0..ends.len()).map(|idx| if is_zero(idx) { 1 } else { map_end(ends[idx]) }).collect();
        // Where the run ends that a leaf is in: no new leaf reaches beyond, so that a frequent number stays alone.
        let mut limits = vec![i64::MAX; ends.len()];
        for idx in (0..ends.len()).rev() {
            let touches = !is_zero(idx)
                && self.leaves.get(idx + 1).is_some_and(|next| next.low == ends[idx] && next.log_width > 0);
            limits[idx] = if touches { limits[idx + 1] } else { mapped_ends[idx] };
        }
        let mut leaves: Vec<Leaf> = Vec::with_capacity(self.leaves.len());
        let mut at = i64::MIN;
        for (idx, leaf) in self.leaves.iter().enumerate() {
            let low = map(leaf.low);
            for _ in 0..GAP_LEAVES {
                let gap = if idx == 0 { 0 } else { low.saturating_sub(at) };
                if (1..=WIDEST_GAP).contains(&gap) && leaves.len() + 1 < MAX_LEAVES {
                    leaves.push(Leaf { low: at, log_width: gap.ilog2(), weight: 0 });
                    at += 1 << gap.ilog2();
                }
            }
            at = at.max(low);
            while at < mapped_ends[idx] && leaves.len() + 1 < MAX_LEAVES {
                let room = limits[idx].wrapping_sub(at) as u64;
                let fits = |width: u32| 1 << width <= room && at.checked_add(1 << width).is_some();
                let widest = (leaf.log_width as i32 + shift).clamp(0, 62) as u32;
                let Some(log_width) = (0..=widest).rev().find(|&width| fits(width)) else { break };
                leaves.push(Leaf { low: at, log_width, weight: leaf.weight });
                at += 1 << log_width;
            }
        }
        Leaves::new(leaves)
    }

    /// Count, then of each leaf: log_width with the weight above it, distance to the end of the leaf before (of the
    /// first: the number itself, signed).
    pub fn write(&self, w: &mut ByteWriter) {
        w.count(self.leaves.len());
        let mut end = None;
        for leaf in &self.leaves {
            w.u8(leaf.log_width as u8 | leaf.weight << 6);
            match end {
                None => w.signed(leaf.low),
                Some(end) => w.varint(leaf.low.wrapping_sub(end) as u64),
            }
            end = Some(leaf.low.wrapping_add(1 << leaf.log_width));
        }
    }

    /// Inverse of [`Leaves::write`].
    pub fn read(r: &mut ByteReader) -> Result<Leaves> {
        let n_leaves = r.count_of_items()?;
        if n_leaves >= MAX_LEAVES {
            return Err(Error::corrupt(format!("expected under {MAX_LEAVES} leaves, found {n_leaves}")));
        }
        let beyond = || Error::corrupt("the leaves of a table reach beyond 64 bits");
        let mut leaves: Vec<Leaf> = Vec::with_capacity(n_leaves);
        let mut end = None;
        for _ in 0..n_leaves {
            let packed = r.u8()?;
            let (log_width, weight) = ((packed & 63) as u32, packed >> 6);
            let low = match end {
                None => r.signed()?,
                Some(end) => i64::checked_add_unsigned(end, r.varint()?).ok_or_else(beyond)?,
            };
            if log_width > 62 {
                return Err(beyond());
            }
            end = Some(low.checked_add(1 << log_width).ok_or_else(beyond)?);
            leaves.push(Leaf { low, log_width, weight });
        }
        Ok(Leaves::new(leaves))
    }
}

/// Splits classes `from..to` where the sides' weights differ least; returns the node, or the complement of a class.
fn split(weights: &[u64], from: usize, to: usize, nodes: &mut Vec<Node>) -> i16 {
    if to - from == 1 {
        return !(from as i16);
    }
    let total: u64 = weights[from..to].iter().sum();
    let mut below = 0;
    let mut best = (u64::MAX, from + 1);
    for (at, weight) in weights.iter().enumerate().take(to - 1).skip(from) {
        below += weight;
        best = best.min(((2 * below).abs_diff(total), at + 1));
    }
    let node = nodes.len();
    nodes.push(Node { split: best.1 as u16, next: [0; 2] });
    let next = [split(weights, from, best.1, nodes), split(weights, best.1, to, nodes)];
    nodes[node].next = next;
    node as i16
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaf(low: i64, log_width: u32, weight: u8) -> Leaf {
        Leaf { low, log_width, weight }
    }

    #[test]
    fn numbers_find_their_class() {
        let leaves = Leaves::new(vec![leaf(-8, 3, 1), leaf(0, 0, 3), leaf(1, 4, 1), leaf(100, 62, 0)]);
        let classes = [-9, -8, -1, 0, 1, 16, 17, 100, i64::MAX, i64::MIN].map(|x| leaves.class(x));
        assert_eq!(classes, [4, 0, 0, 1, 2, 2, 4, 3, 4, 4]);
        assert_eq!((leaves.n_classes(), leaves.nodes().len()), (5, 4));
        let mut w = ByteWriter::default();
        leaves.write(&mut w);
        assert_eq!(Leaves::read(&mut ByteReader::new(&w.bytes)).unwrap(), leaves);
    }

    #[test]
    fn every_class_has_a_path() {
        for n in [0usize, 1, 2, 7, 255] {
            let leaves = Leaves::new((0..n).map(|i| leaf(2 * i as i64, 1, (i % 4) as u8)).collect());
            for class in 0..=n {
                let mut at = if n == 0 { !0 } else { 0 };
                while at >= 0 {
                    let node = leaves.nodes()[at as usize];
                    at = node.next[(class >= node.split as usize) as usize];
                }
                assert_eq!(!at as usize, class);
            }
        }
    }

    #[test]
    fn leaves_are_tiled_anew_for_other_steps() {
        let leaves =
            Leaves::new(vec![leaf(-8, 3, 1), leaf(0, 0, 3), leaf(1, 3, 1), leaf(9, 4, 0), leaf(100, 2, 2)]);
        let rescaled = |leaves: &Leaves, map: fn(i64) -> i64, shift| leaves.rescaled(map, map, shift);
        assert_eq!(rescaled(&leaves, |x| x, 0), leaves);
        let finer = rescaled(&leaves, |x| x * 13 / 10, 0);
        let lows: Vec<(i64, u32)> = finer.leaves.iter().map(|leaf| (leaf.low, leaf.log_width)).collect();
        let expected = [(-10, 3), (-2, 1), (0, 0), (1, 3), (9, 3), (17, 3), (25, 2), (29, 1), (31, 0)];
        assert_eq!(lows, [&expected[..], &[(130, 2), (134, 0)]].concat());
        let lattice = Leaves::new(vec![leaf(0, 0, 1), leaf(9, 0, 1), leaf(90, 0, 1)]);
        let lattice = rescaled(&lattice, |x| x, 0);
        assert_eq!(lattice.leaves.iter().map(|leaf| leaf.low).collect::<Vec<_>>(), [0, 1, 9, 90]);
        let half = rescaled(&leaves, |x| x.div_euclid(2), -1);
        assert!((-4..12).all(|x| half.class(x) + 1 < half.n_classes()) && half.class(1) == half.class(3));
        // 0 stays alone, however far the numbers beside it go.
        assert!([-1, 1].iter().all(|&x| half.class(x) != half.class(0)));
        let apart = leaves.rescaled(|x| x + 1000 * x.signum(), |end| end + 1000 * end.signum(), 0);
        assert!([1, 5, 1000].iter().all(|&x| apart.class(x) != apart.class(0)));
        let wild = Leaves::new(vec![leaf(-(1 << 62), 62, 0), leaf(0, 62, 0)]);
        assert!(rescaled(&wild, |x| x.saturating_mul(1 << 40), 40).n_classes() > 1);
        assert_eq!(rescaled(&wild, |_| 0, 0).n_classes(), 1);
    }

    #[test]
    fn leaves_beyond_the_numbers_are_refused() {
        for bytes in [&[1u8, 63, 0][..], &[2, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1]] {
            assert!(Leaves::read(&mut ByteReader::new(bytes)).is_err());
        }
    }
}
