//! In which order the axes are walked.

use crate::predict::grid::Layout;
use baler_data::error::{Error, Result};

/// `axes[i]` is the data's axis (of four) that stands at place i of (a, b, y, x).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Order {
    axes: [usize; 4],
}

impl Order {
    /// That of the data.
    pub const DATA: Order = Order { axes: [0, 1, 2, 3] };

    /// All orders of the axes with more than one number, that of the data first.
    pub fn all(extents: [usize; 4]) -> Vec<Order> {
        let first = extents.iter().position(|&extent| extent > 1).unwrap_or(3);
        let mut orders = vec![Order::DATA];
        for code in 0..=u8::MAX {
            let order = Order::from_byte(code).ok().filter(|order| *order != Order::DATA);
            orders.extend(order.filter(|order| (0..first).all(|place| order.axes[place] == place)));
        }
        orders
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

    /// Extents in this order.
    pub fn extents(self, extents: [usize; 4]) -> [usize; 4] {
        self.axes.map(|axis| extents[axis])
    }

    /// The layout of extents in this order.
    pub fn layout(self, extents: [usize; 4]) -> Layout {
        Layout::new(self.extents(extents))
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
}
