//! In which order the axes are walked: chosen by trial on a part of the numbers.

use crate::classical::lorenzo::four_axes;
use crate::error::{Error, Result};
use crate::predict::encode::encode_in_order;
use crate::predict::grid::Layout;
use crate::predict::{Effort, Numbers};
use crate::trials::Trials;
use rayon::prelude::*;

/// Numbers that are tried, of all orders together: 2^18 of three axes, 2^16 of four.
const TRIAL_VALUES: usize = 6 << 18;
/// Another order must take this share of what that of the data takes: filters that adapt change the trial's picture.
const WORTH: f64 = 0.9;
/// So few numbers are coded in both orders, for the trial does not tell all.
const BOTH_VALUES: usize = 1 << 18;

/// For an estimate: numbers that are tried in each order, and the share of the data's own order that another must take.
const LIKELY_VALUES: usize = 1 << 13;
const LIKELY: f64 = 0.95;

/// `axes[i]` is the data's axis (of four) that stands at place i of (a, b, y, x).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Order {
    axes: [usize; 4],
}

impl Order {
    /// That of the data.
    pub const DATA: Order = Order { axes: [0, 1, 2, 3] };

    /// All orders of the axes with more than one number, that of the data first.
    fn all(extents: [usize; 4]) -> Vec<Order> {
        let first = extents.iter().position(|&extent| extent > 1).unwrap_or(3);
        let mut orders = vec![Order::DATA];
        for code in 0..=u8::MAX {
            let order = Order::from_byte(code).ok().filter(|order| *order != Order::DATA);
            orders.extend(order.filter(|order| (0..first).all(|place| order.axes[place] == place)));
        }
        orders
    }

    /// The orders to code in: that of the data, the one whose trial takes the fewest bytes, or both.
    pub fn choose(numbers: Numbers) -> Vec<Order> {
        let extents = four_axes(numbers.shape);
        let orders = Order::all(extents);
        let part = Part::of(numbers, extents, TRIAL_VALUES / orders.len());
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
        match numbers.q.len() {
            0..=BOTH_VALUES => vec![Order::DATA, order],
            _ if (least as f64) < WORTH * cost(&Order::DATA) as f64 => vec![order],
            _ => vec![Order::DATA],
        }
    }

    /// The order that is likely taken, from a smaller and rougher trial.
    pub fn likely(numbers: Numbers) -> Order {
        let extents = four_axes(numbers.shape);
        let orders = Order::all(extents);
        let part = Part::of(numbers, extents, LIKELY_VALUES);
        let cost = |order: &Order| {
            let numbers = part.numbers(numbers.mantissa_bits);
            let coded = encode_in_order(numbers, *order, Effort::Glimpse, &mut Trials::default());
            coded.map_or(usize::MAX, |coded| coded.bytes.len())
        };
        let own = cost(&Order::DATA) as f64;
        let others = orders[1..].par_iter().map(|order| (cost(order), *order));
        let best = others.min_by_key(|(cost, order)| (*cost, order.byte()));
        best.filter(|(least, _)| (*least as f64) < LIKELY * own).map_or(Order::DATA, |(_, order)| order)
    }

    /// Two bits a place, a first.
    pub fn byte(self) -> u8 {
        self.axes.iter().fold(0, |byte, &axis| byte << 2 | axis as u8)
    }

    /// Inverse of [`Order::byte`].
    pub fn from_byte(byte: u8) -> Result<Order> {
        let axes = [6, 4, 2, 0].map(|shift| (byte >> shift & 3) as usize);
        let mut seen = [false; 4];
        axes.iter().for_each(|&axis| seen[axis] = true);
        if seen == [true; 4] {
            Ok(Order { axes })
        } else {
            Err(Error::corrupt(format!("expected an order of four axes, found {axes:?}")))
        }
    }

    /// The layout of extents in this order.
    pub fn layout(self, extents: [usize; 4]) -> Layout {
        Layout::new(self.axes.map(|axis| extents[axis]))
    }

    /// What stands where, in this order, of an array of `extents` (C order).
    pub fn apply<V: Copy>(self, values: &[V], extents: [usize; 4]) -> Vec<V> {
        let mut ordered = Vec::with_capacity(values.len());
        self.visit(extents, |position| ordered.push(values[position]));
        ordered
    }

    /// Inverse of [`Order::apply`]; `values` has as many as `ordered`.
    pub fn undo<V: Copy>(self, ordered: &[V], extents: [usize; 4], values: &mut [V]) {
        let mut rest = ordered.iter();
        self.visit(extents, |position| {
            if let Some(&value) = rest.next() {
                values[position] = value;
            }
        });
    }

    /// Positions in C order of `extents`, in this order.
    fn visit(self, extents: [usize; 4], mut see: impl FnMut(usize)) {
        let strides = [extents[1] * extents[2] * extents[3], extents[2] * extents[3], extents[3], 1];
        let [n, stride] = [extents, strides].map(|of_axis| self.axes.map(|axis| of_axis[axis]));
        for a in 0..n[0] {
            for b in 0..n[1] {
                for y in 0..n[2] {
                    let start = a * stride[0] + b * stride[1] + y * stride[2];
                    (0..n[3]).for_each(|x| see(start + x * stride[3]));
                }
            }
        }
    }
}

/// A box from the middle.
struct Part {
    q: Vec<i64>,
    mask: Option<Vec<bool>>,
    shape: [usize; 4],
}

impl Part {
    fn of(numbers: Numbers, extents: [usize; 4], most: usize) -> Part {
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
        Part { q: positions.iter().map(|&at| numbers.q[at]).collect(), mask, shape }
    }

    fn numbers(&self, mantissa_bits: Option<u32>) -> Numbers<'_> {
        Numbers { q: &self.q, shape: &self.shape, mask: self.mask.as_deref(), mantissa_bits }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_order_is_undone() {
        let extents = [2, 3, 4, 5];
        let values: Vec<usize> = (0..120).collect();
        let orders = Order::all(extents);
        assert_eq!(orders.len(), 24);
        for order in orders {
            assert_eq!(Order::from_byte(order.byte()).unwrap(), order);
            let mut back = vec![0; 120];
            order.undo(&order.apply(&values, extents), extents, &mut back);
            assert_eq!(back, values);
        }
        assert_eq!(Order::all([1, 1, 7, 9]).len(), 2);
        assert_eq!(Order::all([1, 1, 1, 9]).len(), 1);
        assert!(Order::from_byte(0).is_err());
    }

    #[test]
    fn the_order_of_a_transposed_field_is_found() {
        // Rough along the last axis, smooth along the first.
        let shape = [64, 8, 40];
        let q: Vec<i64> =
            (0..64 * 320).map(|i| (i / 320) as i64 * 3 + (i % 40 * i % 17 * 100) as i64).collect();
        let order = Order::choose(Numbers { q: &q, shape: &shape, mask: None, mantissa_bits: None });
        assert!(order.iter().any(|order| *order != Order::DATA));
    }
}
