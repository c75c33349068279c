//! Which order of the axes is best: chosen by trial on a part of the numbers.

use crate::classical::lorenzo::four_axes;
use crate::predict::encode::{Coded, encode_in_order};
use crate::predict::order::Order;
use crate::predict::{Effort, Numbers};
use crate::report::trials::Trials;
use rayon::prelude::*;

/// Numbers that are tried, of all orders together: 2^18 of three axes, 2^16 of four.
const TRIAL_VALUES: usize = 6 << 18;
/// Another order must take this share of what that of the data takes: filters that adapt change the trial's picture.
const WORTH: f64 = 0.9;
/// So few numbers are coded in both orders, for the trial does not tell all: unless one takes that much more in it.
const BOTH_VALUES: usize = 1 << 18;
const CLEAR: f64 = 1.05;

/// Codes numbers with a model of their own, and tells what each tier took: in the best order of
/// its axes, as far as the effort allows trials. `None` where there is too little to learn from.
pub fn encode(numbers: Numbers, effort: Effort, trials: &mut Trials) -> Option<Coded> {
    numbers.layout()?;
    let orders = match effort {
        Effort::Full => choose(numbers),
        _ => vec![Order::DATA],
    };
    let coded = orders.iter().filter_map(|order| encode_in_order(numbers, *order, effort, trials));
    coded.reduce(|mut best, mut other| {
        if other.bytes.len() < best.bytes.len() {
            best.bytes = other.bytes;
        }
        best.models.append(&mut other.models);
        best
    })
}

/// The orders to code in: that of the data, the one whose trial takes the fewest bytes, or both.
fn choose(numbers: Numbers) -> Vec<Order> {
    let extents = four_axes(numbers.shape);
    let orders = Order::all(extents);
    let part = TrialBox::of(numbers, extents, TRIAL_VALUES / orders.len());
    let cost = |order: &Order| {
        let coded = encode_in_order(
            part.numbers(numbers.mantissa_bits),
            *order,
            Effort::Trial,
            &mut Trials::default(),
        );
        coded.map_or(usize::MAX, |coded| coded.bytes.len())
    };
    let others = orders[1..].par_iter().map(|order| (cost(order), *order));
    let Some((least, order)) = others.min_by_key(|(cost, order)| (*cost, order.byte())) else {
        return vec![Order::DATA];
    };
    let own = cost(&Order::DATA) as f64;
    match least as f64 {
        least if least < WORTH * own => vec![order],
        least if least < CLEAR * own && numbers.q.len() <= BOTH_VALUES => vec![Order::DATA, order],
        _ => vec![Order::DATA],
    }
}

/// A box from the middle.
struct TrialBox {
    q: Vec<i64>,
    mask: Option<Vec<bool>>,
    shape: [usize; 4],
}

impl TrialBox {
    fn of(numbers: Numbers, extents: [usize; 4], most: usize) -> TrialBox {
        let mut shape = extents;
        while shape.iter().product::<usize>() > most {
            let longest = (0..4).max_by_key(|&axis| shape[axis]).unwrap_or(0);
            shape[longest] = shape[longest].div_ceil(2);
        }
        let from: [usize; 4] = std::array::from_fn(|axis| (extents[axis] - shape[axis]) / 2);
        let mut positions = Vec::with_capacity(shape.iter().product());
        for a in from[0]..from[0] + shape[0] {
            for b in from[1]..from[1] + shape[1] {
                for y in from[2]..from[2] + shape[2] {
                    let start = ((a * extents[1] + b) * extents[2] + y) * extents[3] + from[3];
                    positions.extend(start..start + shape[3]);
                }
            }
        }
        let mask = numbers.mask.map(|mask| positions.iter().map(|&at| mask[at]).collect());
        TrialBox { q: positions.iter().map(|&at| numbers.q[at]).collect(), mask, shape }
    }

    fn numbers(&self, mantissa_bits: Option<u32>) -> Numbers<'_> {
        Numbers { q: &self.q, shape: &self.shape, mask: self.mask.as_deref(), mantissa_bits }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_a_transposed_field_is_found() {
        // Rough along the last axis, smooth along the first.
        let shape = [64, 8, 40];
        let q: Vec<i64> =
            (0..64 * 320).map(|i| (i / 320) as i64 * 3 + (i % 40 * i % 17 * 100) as i64).collect();
        let order = choose(Numbers { q: &q, shape: &shape, mask: None, mantissa_bits: None });
        assert!(order.iter().any(|order| *order != Order::DATA));
    }
}
