//! The part of an array that models are fitted to and compared on: all of a small one, else boxes from its beginning, middle and
//! end, joined along the longest axis. The encoder only.

use crate::lockstep::goal::{Ends, Goal};
use crate::predict::Numbers;

/// Boxes that are joined.
const PLACES: usize = 3;
/// Axes are not cut below this, so that neighbors are what they are in the whole.
const SHORTEST: usize = 24;

/// Numbers of a part.
pub struct Part {
    /// Numbers, C order.
    pub q: Vec<i64>,
    /// Those of the finer grid.
    pub finer: Option<Vec<i64>>,
    /// The least and the greatest that they may become, where a bound varies.
    pub ends: Option<[Vec<i64>; 2]>,
    /// What is left out.
    pub mask: Option<Vec<bool>>,
    /// Extents.
    pub extents: [usize; 4],
}

impl Part {
    /// These numbers in place of those of a goal.
    pub fn goal<'a>(&'a self, whole: Goal<'a>, is_finer: bool) -> Option<Goal<'a>> {
        if !is_finer {
            return Some(Goal { q: &self.q, ..whole });
        }
        let ends = self.ends.as_ref().map(|[low, high]| Ends { low, high });
        Some(Goal { q: self.finer.as_deref()?, ends, ..whole })
    }

    /// Of about `n_values`.
    pub fn of(numbers: Numbers, finer: Option<Goal>, extents: [usize; 4], n_values: usize) -> Part {
        let mut shape = extents;
        while shape.iter().product::<usize>() > n_values {
            let longest = (0..4).max_by_key(|&axis| shape[axis]).unwrap_or(3);
            if shape[longest] < 2 * SHORTEST {
                break;
            }
            shape[longest] = shape[longest].div_ceil(2);
        }
        if shape == extents {
            let ends = finer.and_then(|finer| finer.ends).map(|ends| [ends.low.to_vec(), ends.high.to_vec()]);
            let finer = finer.map(|finer| finer.q.to_vec());
            let mask = numbers.mask.map(<[bool]>::to_vec);
            return Part { q: numbers.q.to_vec(), finer, ends, mask, extents };
        }
        // The first of the longest, which is not the one that rows lie along.
        let joined =
            (0..4).rev().max_by_key(|&axis| if extents[axis] > shape[axis] { shape[axis] } else { 0 });
        let joined = joined.unwrap_or(0);
        let n_places = if shape[joined] >= PLACES * SHORTEST { PLACES } else { 1 };
        let of_place = shape[joined] / n_places;
        shape[joined] = of_place * n_places;
        let start = |axis: usize, place: usize| {
            let free = extents[axis] - if axis == joined { of_place } else { shape[axis] };
            // One place lies in the middle.
            free * (2 * place + 1) / (2 * n_places)
        };
        let mut positions = Vec::with_capacity(shape.iter().product());
        for_each(shape, |at| {
            let place = at[joined] / of_place;
            let position = (0..4).fold(0, |position, axis| {
                let within = if axis == joined { at[axis] % of_place } else { at[axis] };
                position * extents[axis] + start(axis, place) + within
            });
            positions.push(position);
        });
        let taken = |all: &[i64]| positions.iter().map(|&at| all[at]).collect();
        let ends = finer.and_then(|finer| finer.ends).map(|ends| [ends.low, ends.high].map(taken));
        let mask = numbers.mask.map(|mask| positions.iter().map(|&at| mask[at]).collect());
        Part { q: taken(numbers.q), finer: finer.map(|finer| taken(finer.q)), ends, mask, extents: shape }
    }
}

/// All places of a box, in C order.
fn for_each(shape: [usize; 4], mut see: impl FnMut([usize; 4])) {
    for a in 0..shape[0] {
        for b in 0..shape[1] {
            for y in 0..shape[2] {
                (0..shape[3]).for_each(|x| see([a, b, y, x]));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_has_numbers_from_beginning_middle_and_end() {
        let q: Vec<i64> = (0..64 * 100 * 200).collect();
        let numbers = Numbers { q: &q, shape: &[64, 100, 200], mask: None, mantissa_bits: None };
        let finer = Goal { q: &q, stride: 3, ends: None };
        let part = Part::of(numbers, Some(finer), [1, 64, 100, 200], 200_000);
        assert_eq!(part.q.len(), part.extents.iter().product::<usize>());
        assert!(part.q.len() <= 200_000 && part.q.len() > 90_000, "{:?}", part.extents);
        let thirds =
            [0, 1, 2].map(|third| part.q.iter().any(|q| (*q / 100 % 200) as usize * 3 / 200 == third));
        assert!(thirds.iter().filter(|seen| **seen).count() > 1, "{:?}", part.extents);
        assert_eq!(part.finer, Some(part.q.clone()));
        let whole = Part::of(numbers, None, [1, 64, 100, 200], q.len());
        assert_eq!((whole.q, whole.extents), (q.clone(), [1, 64, 100, 200]));
    }
}
