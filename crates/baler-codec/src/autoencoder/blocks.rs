//! A field cut into tiles, each one sample of the network. Tiles at the far edges reach beyond the field; there the
//! nearest value inside is read, and nothing is written back.

use baler_data::bytes::{ByteReader, ByteWriter};
use baler_data::error::{Error, Result};

/// Extents of a tile, one an axis of the field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockPlan {
    /// At least 1 each.
    pub extents: Vec<usize>,
}

/// Most values of a tile.
pub const MAX_BLOCK: usize = 1 << 20;

impl BlockPlan {
    /// Values of a tile.
    pub fn n_values(&self) -> usize {
        self.extents.iter().product()
    }

    /// Tiles of a field of `shape`.
    pub fn n_tiles(&self, shape: &[usize]) -> usize {
        shape.iter().zip(&self.extents).map(|(extent, side)| extent.div_ceil(*side)).product()
    }

    /// Calls `visit(tile, value in tile, position in field, inside)` for all tiles and values in C order.
    pub fn for_each(&self, shape: &[usize], mut visit: impl FnMut(usize, usize, usize, bool)) {
        let n_axes = shape.len();
        let counts: Vec<usize> = shape.iter().zip(&self.extents).map(|(n, side)| n.div_ceil(*side)).collect();
        let n_values = self.n_values();
        for tile in 0..counts.iter().product() {
            let origin = unravel(tile, &counts);
            let mut offset = vec![0; n_axes];
            for value in 0..n_values {
                let mut position = 0;
                let mut inside = true;
                for axis in 0..n_axes {
                    let at = origin[axis] * self.extents[axis] + offset[axis];
                    inside &= at < shape[axis];
                    position = position * shape[axis] + at.min(shape[axis] - 1);
                }
                visit(tile, value, position, inside);
                for axis in (0..n_axes).rev() {
                    offset[axis] += 1;
                    if offset[axis] < self.extents[axis] {
                        break;
                    }
                    offset[axis] = 0;
                }
            }
        }
    }

    /// Number of axes, then the extents.
    pub fn write(&self, w: &mut ByteWriter) {
        w.count(self.extents.len());
        for &extent in &self.extents {
            w.count(extent);
        }
    }

    /// Inverse of [`BlockPlan::write`].
    pub fn read(r: &mut ByteReader) -> Result<BlockPlan> {
        let extents: Vec<usize> = (0..r.count_of_items()?).map(|_| r.count()).collect::<Result<_>>()?;
        let n_values = extents.iter().try_fold(1usize, |n, &extent| n.checked_mul(extent));
        match n_values {
            Some(1..=MAX_BLOCK) if !extents.is_empty() => Ok(BlockPlan { extents }),
            _ => Err(Error::corrupt(format!("expected tiles of 1 to {MAX_BLOCK} values, found {extents:?}"))),
        }
    }
}

fn unravel(mut flat: usize, extents: &[usize]) -> Vec<usize> {
    let mut at = vec![0; extents.len()];
    for axis in (0..extents.len()).rev() {
        at[axis] = flat % extents[axis];
        flat /= extents[axis];
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_is_inside_exactly_one_tile() {
        let blocks = BlockPlan { extents: vec![2, 3, 4] };
        let shape = [5, 7, 9];
        let mut seen = vec![0; 315];
        blocks.for_each(&shape, |_, _, position, inside| seen[position] += inside as i32);
        assert!(seen.iter().all(|&n| n == 1));
        assert_eq!(blocks.n_tiles(&shape), 3 * 3 * 3);
    }

    #[test]
    fn tiles_are_spatial_and_not_a_flat_cut() {
        // 5 x 5 tiles of a 50-wide image: the second row of a tile lies one image row further down.
        let mut first = Vec::new();
        BlockPlan { extents: vec![5, 5] }.for_each(&[50, 50], |tile, _, position, _| {
            if tile == 0 {
                first.push(position);
            }
        });
        assert_eq!(first[..6], [0, 1, 2, 3, 4, 50]);
    }

    #[test]
    fn edges_repeat_the_last_value() {
        let mut read = Vec::new();
        BlockPlan { extents: vec![4] }.for_each(&[5], |tile, _, position, _| {
            if tile == 1 {
                read.push(position);
            }
        });
        assert_eq!(read, [4, 4, 4, 4]);
    }
}
