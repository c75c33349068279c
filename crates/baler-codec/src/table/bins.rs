//! Classes of numbers: sorted intervals of a power of two of numbers, and one class for all others. A class is coded by
//! binary decisions down a tree that halves the weight, so that what stands often takes few.

use baler_data::bytes::{ByteReader, ByteWriter};
use baler_data::error::{Error, Result};

/// Most classes, with the one for all others.
pub const MAX_BINS: usize = 256;
/// Weight of a bin of each class of weight; of all other numbers: that of the smallest.
const WEIGHTS: [u64; 4] = [1, 4, 16, 64];

/// Numbers between bins for which there are bins where steps change, and how many bins at most.
const WIDEST_GAP: i64 = 64;
const GAP_LEAVES: usize = 2;

/// Numbers `low..low + 2^log_width`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bin {
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
pub struct Bins {
    bins: Vec<Bin>,
    nodes: Vec<Node>,
}

impl Bins {
    /// Of sorted bins that do not overlap, at most [`MAX_BINS`] - 1.
    pub fn new(bins: Vec<Bin>) -> Bins {
        let mut weights: Vec<u64> = bins.iter().map(|bin| WEIGHTS[bin.weight as usize]).collect();
        weights.push(WEIGHTS[0]);
        let mut nodes = Vec::new();
        split(&weights, 0, weights.len(), &mut nodes);
        Bins { bins, nodes }
    }

    /// Number of classes, with the one for all others.
    pub fn n_classes(&self) -> usize {
        self.bins.len() + 1
    }

    /// The tree; empty where there is one class.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The class of a number.
    #[inline]
    pub fn class(&self, number: i64) -> usize {
        let after = self.bins.partition_point(|bin| bin.low <= number);
        match after.checked_sub(1).map(|idx| (idx, self.bins[idx])) {
            Some((idx, bin)) if (number.wrapping_sub(bin.low) as u64) < 1 << bin.log_width => idx,
            _ => self.bins.len(),
        }
    }

    /// The interval of a class; `None` for the class of all others.
    #[inline]
    pub fn bin(&self, class: usize) -> Option<Bin> {
        self.bins.get(class).copied()
    }

    /// The bins of numbers that `map` takes to others, about 2^`shift` times as far apart, and where bins end `map_end`:
    /// each run of bins that touch is tiled anew, with the widths and weights of the bins that lay there. A bin of
    /// nothing but 0 stays one: 0 is 0 on every step, and often what stands most. Between runs that are near each other lie
    /// rare bins: what was a lattice may not be one on other steps. What finds no room is in no bin.
    pub fn rescaled(&self, map: impl Fn(i64) -> i64, map_end: impl Fn(i64) -> i64, shift: i32) -> Bins {
        let is_zero = |idx: usize| self.bins[idx].low == 0 && self.bins[idx].log_width == 0;
        let ends: Vec<i64> = self.bins.iter().map(|bin| bin.low.wrapping_add(1 << bin.log_width)).collect();
        let mapped_ends: Vec<i64> =
            (0..ends.len()).map(|idx| if is_zero(idx) { 1 } else { map_end(ends[idx]) }).collect();
        // Where the run ends that a bin is in: no new bin reaches beyond, so that a frequent number stays alone.
        let mut limits = vec![i64::MAX; ends.len()];
        for idx in (0..ends.len()).rev() {
            let touches = !is_zero(idx)
                && self.bins.get(idx + 1).is_some_and(|next| next.low == ends[idx] && next.log_width > 0);
            limits[idx] = if touches { limits[idx + 1] } else { mapped_ends[idx] };
        }
        let mut bins: Vec<Bin> = Vec::with_capacity(self.bins.len());
        let mut at = i64::MIN;
        for (idx, bin) in self.bins.iter().enumerate() {
            let low = map(bin.low);
            for _ in 0..GAP_LEAVES {
                let gap = if idx == 0 { 0 } else { low.saturating_sub(at) };
                if (1..=WIDEST_GAP).contains(&gap) && bins.len() + 1 < MAX_BINS {
                    bins.push(Bin { low: at, log_width: gap.ilog2(), weight: 0 });
                    at += 1 << gap.ilog2();
                }
            }
            at = at.max(low);
            while at < mapped_ends[idx] && bins.len() + 1 < MAX_BINS {
                let room = limits[idx].wrapping_sub(at) as u64;
                let fits = |width: u32| 1 << width <= room && at.checked_add(1 << width).is_some();
                let widest = (bin.log_width as i32 + shift).clamp(0, 62) as u32;
                let Some(log_width) = (0..=widest).rev().find(|&width| fits(width)) else { break };
                bins.push(Bin { low: at, log_width, weight: bin.weight });
                at += 1 << log_width;
            }
        }
        Bins::new(bins)
    }

    /// Count, then of each bin: log_width with the weight above it, distance to the end of the bin before (of the
    /// first: the number itself, signed).
    pub fn write(&self, w: &mut ByteWriter) {
        w.count(self.bins.len());
        let mut end = None;
        for bin in &self.bins {
            w.u8(bin.log_width as u8 | bin.weight << 6);
            match end {
                None => w.signed(bin.low),
                Some(end) => w.varint(bin.low.wrapping_sub(end) as u64),
            }
            end = Some(bin.low.wrapping_add(1 << bin.log_width));
        }
    }

    /// Inverse of [`Bins::write`].
    pub fn read(r: &mut ByteReader) -> Result<Bins> {
        let n_bins = r.count_of_items()?;
        if n_bins >= MAX_BINS {
            return Err(Error::corrupt(format!("expected under {MAX_BINS} bins, found {n_bins}")));
        }
        let beyond = || Error::corrupt("the bins of a table reach beyond 64 bits");
        let mut bins: Vec<Bin> = Vec::with_capacity(n_bins);
        let mut end = None;
        for _ in 0..n_bins {
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
            bins.push(Bin { low, log_width, weight });
        }
        Ok(Bins::new(bins))
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

    fn bin(low: i64, log_width: u32, weight: u8) -> Bin {
        Bin { low, log_width, weight }
    }

    #[test]
    fn numbers_find_their_class() {
        let bins = Bins::new(vec![bin(-8, 3, 1), bin(0, 0, 3), bin(1, 4, 1), bin(100, 62, 0)]);
        let classes = [-9, -8, -1, 0, 1, 16, 17, 100, i64::MAX, i64::MIN].map(|x| bins.class(x));
        assert_eq!(classes, [4, 0, 0, 1, 2, 2, 4, 3, 4, 4]);
        assert_eq!((bins.n_classes(), bins.nodes().len()), (5, 4));
        let mut w = ByteWriter::default();
        bins.write(&mut w);
        assert_eq!(Bins::read(&mut ByteReader::new(&w.bytes)).unwrap(), bins);
    }

    #[test]
    fn every_class_has_a_path() {
        for n in [0usize, 1, 2, 7, 255] {
            let bins = Bins::new((0..n).map(|i| bin(2 * i as i64, 1, (i % 4) as u8)).collect());
            for class in 0..=n {
                let mut at = if n == 0 { !0 } else { 0 };
                while at >= 0 {
                    let node = bins.nodes()[at as usize];
                    at = node.next[(class >= node.split as usize) as usize];
                }
                assert_eq!(!at as usize, class);
            }
        }
    }

    #[test]
    fn leaves_are_tiled_anew_for_other_steps() {
        let bins = Bins::new(vec![bin(-8, 3, 1), bin(0, 0, 3), bin(1, 3, 1), bin(9, 4, 0), bin(100, 2, 2)]);
        let rescaled = |bins: &Bins, map: fn(i64) -> i64, shift| bins.rescaled(map, map, shift);
        assert_eq!(rescaled(&bins, |x| x, 0), bins);
        let finer = rescaled(&bins, |x| x * 13 / 10, 0);
        let lows: Vec<(i64, u32)> = finer.bins.iter().map(|bin| (bin.low, bin.log_width)).collect();
        let expected = [(-10, 3), (-2, 1), (0, 0), (1, 3), (9, 3), (17, 3), (25, 2), (29, 1), (31, 0)];
        assert_eq!(lows, [&expected[..], &[(130, 2), (134, 0)]].concat());
        let lattice = Bins::new(vec![bin(0, 0, 1), bin(9, 0, 1), bin(90, 0, 1)]);
        let lattice = rescaled(&lattice, |x| x, 0);
        assert_eq!(lattice.bins.iter().map(|bin| bin.low).collect::<Vec<_>>(), [0, 1, 9, 90]);
        let half = rescaled(&bins, |x| x.div_euclid(2), -1);
        assert!((-4..12).all(|x| half.class(x) + 1 < half.n_classes()) && half.class(1) == half.class(3));
        // 0 stays alone, however far the numbers beside it go.
        assert!([-1, 1].iter().all(|&x| half.class(x) != half.class(0)));
        let apart = bins.rescaled(|x| x + 1000 * x.signum(), |end| end + 1000 * end.signum(), 0);
        assert!([1, 5, 1000].iter().all(|&x| apart.class(x) != apart.class(0)));
        let wild = Bins::new(vec![bin(-(1 << 62), 62, 0), bin(0, 62, 0)]);
        assert!(rescaled(&wild, |x| x.saturating_mul(1 << 40), 40).n_classes() > 1);
        assert_eq!(rescaled(&wild, |_| 0, 0).n_classes(), 1);
    }

    #[test]
    fn leaves_beyond_the_numbers_are_refused() {
        for bytes in [&[1u8, 63, 0][..], &[2, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1]] {
            assert!(Bins::read(&mut ByteReader::new(bytes)).is_err());
        }
    }
}
