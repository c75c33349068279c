//! Another variable on the same grid, known wholly before, as further inputs of the prediction.
//!
//! In: its decoded values, in the order of the data. Out: integers of about the size of the numbers
//! that are predicted, with a margin of one on every side of a plane. It refuses scales that are not finite.

use crate::classical::lorenzo::four_axes;
use crate::predict::cell::Cell;
use crate::predict::grid::Layout;
use crate::predict::order::Order;
use baler_data::bytes::{ByteReader, ByteWriter, with_room};
use baler_data::error::{Error, Result};

/// Most bits of an input, as errors have.
pub const MAX_BITS: u32 = 44;
/// Values that are so many times, as a power of two, as far from the center as nearly all are no values: fill values.
const FAR: u32 = 4;
/// Values that the scale is chosen by, at most.
const N_SAMPLES: usize = 1 << 14;

/// How values become inputs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scale {
    /// A typical value.
    pub center: f64,
    /// Inputs a unit.
    pub factor: f64,
    /// Inputs are below 2^bits; what would be beyond is 0.
    pub bits: u32,
}

impl Scale {
    /// One whose inputs nearly all have at most `bits` bits; `None` for constant values.
    pub fn of(values: &[f64], bits: i32) -> Option<Scale> {
        let bits = bits.clamp(2, (MAX_BITS - FAR) as i32);
        let step = values.len().div_ceil(N_SAMPLES).max(1);
        let mut part: Vec<f64> = values.iter().step_by(step).copied().filter(|x| x.is_finite()).collect();
        part.sort_by(f64::total_cmp);
        let center = *part.get(part.len() / 2)?;
        let beyond = |tail: usize| (center - part[tail]).max(part[part.len() - 1 - tail] - center);
        // Nearly all are where one in fifty is left out at either end, or all where most are the same.
        let spread = Some(beyond(part.len() / 50)).filter(|spread| *spread > 0.0).unwrap_or(beyond(0));
        let factor = libm::exp2((bits - 1) as f64 - libm::floor(libm::log2(spread)));
        (spread > 0.0 && factor.is_normal()).then_some(Scale { center, factor, bits: bits as u32 + FAR })
    }

    /// Two numbers and a byte.
    pub fn write(self, w: &mut ByteWriter) {
        w.f64(self.center);
        w.f64(self.factor);
        w.u8(self.bits as u8);
    }

    /// Inverse of [`Scale::write`].
    pub fn read(r: &mut ByteReader) -> Result<Scale> {
        let (center, factor, bits) = (r.f64()?, r.f64()?, r.u8()? as u32);
        if center.is_finite() && factor.is_normal() && factor > 0.0 && bits <= MAX_BITS {
            return Ok(Scale { center, factor, bits });
        }
        Err(Error::corrupt(format!(
            "expected a finite center, a factor above 0 and up to {MAX_BITS} bits of the other variable, found {center}, \
             {factor} and {bits}"
        )))
    }

    /// The input of a value; 0 where it is not finite or too far out.
    #[inline(always)]
    pub fn input(self, value: f64) -> i64 {
        let input = ((value - self.center) * self.factor).round_ties_even();
        if input.abs() < (1u64 << self.bits) as f64 { input as i64 } else { 0 }
    }
}

/// A place relative to that of the number: along a, b, y, x.
pub type ReferenceTap = [isize; 4];

/// The places that are looked at; the first is the number's own, which the others are taken against.
pub fn taps(layout: &Layout) -> Vec<ReferenceTap> {
    let [a, b, y, x] = layout.extents;
    let mut taps = vec![[0; 4]];
    if x > 1 {
        taps.extend([[0, 0, 0, -1], [0, 0, 0, 1]]);
    }
    if y > 1 {
        taps.extend([[0, 0, -1, 0], [0, 0, 1, 0]]);
    }
    if x > 1 && y > 1 {
        taps.push([0, 0, -1, -1]);
    }
    if b > 1 {
        taps.extend([[0, -1, 0, 0], [0, -2, 0, 0], [0, 1, 0, 0]]);
    }
    if a > 1 {
        taps.push([-1, 0, 0, 0]);
    }
    if a > 1 && b > 1 {
        taps.push([-1, -1, 0, 0]);
    }
    taps
}

/// Distances and weights of inputs.
pub type Weighted = Vec<(isize, i32)>;

/// The inputs, with margins.
pub struct Reference<T> {
    extents: [usize; 4],
    row: usize,
    plane: usize,
    /// All planes.
    pub inputs: Vec<T>,
}

impl<T: Cell> Reference<T> {
    /// Of values in the order of the data.
    pub fn new(values: &[f64], shape: &[usize], order: Order, scale: Scale) -> Result<Reference<T>> {
        let layout = order.layout(four_axes(shape));
        let [a, b, y, x] = layout.extents;
        let (row, plane) = (x + 2, (x + 2) * (y + 2));
        let mut inputs = with_room(plane.saturating_mul(a * b))?;
        let ordered = order.apply(values, four_axes(shape));
        for values in ordered.chunks(y * x) {
            for at in 0..y + 2 {
                let values = &values[(at.clamp(1, y) - 1) * x..][..x];
                inputs.push(T::of(scale.input(values[0])));
                inputs.extend(values.iter().map(|&value| T::of(scale.input(value))));
                inputs.push(T::of(scale.input(values[x - 1])));
            }
        }
        Ok(Reference { extents: layout.extents, row, plane, inputs })
    }

    /// The largest input.
    pub fn largest(&self) -> u64 {
        self.inputs.iter().map(|input| input.wide().unsigned_abs()).max().unwrap_or(0)
    }

    /// Position of a row's first input.
    #[inline(always)]
    pub fn start(&self, plane_idx: usize, y: usize) -> usize {
        plane_idx * self.plane + (y + 1) * self.row + 1
    }

    /// Distance of a tap; planes that do not exist are replaced by the nearest.
    fn offset(&self, [da, db, dy, dx]: ReferenceTap, plane_idx: usize) -> isize {
        let [n_a, n_b, ..] = self.extents;
        let within = |at: usize, by: isize, n: usize| at.saturating_add_signed(by).min(n - 1) as isize;
        let (a, b) = (plane_idx / n_b, plane_idx % n_b);
        let plane = within(a, da, n_a) * n_b as isize + within(b, db, n_b);
        (plane - plane_idx as isize) * self.plane as isize + dy * self.row as isize + dx
    }

    /// What is weighted for a plane, by class: the weights stand behind the first `n_taps` of each row.
    pub fn weighted(
        &self,
        layout: &Layout,
        plane_idx: usize,
        rows: &[Vec<i32>],
        n_taps: usize,
    ) -> Vec<Weighted> {
        let offsets: Vec<isize> = taps(layout).into_iter().map(|tap| self.offset(tap, plane_idx)).collect();
        let of_row = |row: &Vec<i32>| offsets.iter().copied().zip(with_first(&row[n_taps..])).collect();
        rows.iter().map(of_row).collect()
    }

    /// Adds what a row of inputs, from `start` on, foretells: to the predictions of each class, or to one row of them where
    /// blocks (of some columns) have their classes.
    #[inline(always)]
    pub fn add(
        &self,
        predictions: &mut [Vec<T>],
        weighted: &[Weighted],
        start: usize,
        blocks: Option<(&[u8], usize)>,
    ) {
        let Some((classes, columns)) = blocks else {
            predictions.iter_mut().zip(weighted).for_each(|(sums, of)| self.add_part(sums, of, start));
            return;
        };
        for (block, (sums, &class)) in predictions[0].chunks_mut(columns).zip(classes).enumerate() {
            let of_class = &weighted[(class as usize).min(weighted.len() - 1)];
            self.add_part(sums, of_class, start + block * columns);
        }
    }

    #[inline(always)]
    fn add_part(&self, sums: &mut [T], weighted: &[(isize, i32)], start: usize) {
        let n = sums.len();
        for &(offset, weight) in weighted {
            let first = start.wrapping_add_signed(offset);
            for (sum, &input) in sums.iter_mut().zip(&self.inputs[first..first + n]) {
                *sum = sum.add_product(input, weight);
            }
        }
    }
}

/// Weights of all taps from those against the first, whose own weight stands last.
pub fn with_first(weights: &[i32]) -> Vec<i32> {
    let Some((&own, others)) = weights.split_last() else { return Vec::new() };
    let first = others.iter().fold(own, |left, &weight| left.wrapping_sub(weight));
    std::iter::once(first).chain(others.iter().copied()).collect()
}
