//! What the numbers of one plane are predicted from: distances and weights of its neighbors, and sums over them.
//!
//! What lies in the rows above and in other planes is weighted a row at a time, which compilers vectorize; what lies
//! in the row itself is added number by number.

use crate::predict::cell::Cell;
use crate::predict::grid::{Layout, Plane, Tap};
use crate::predict::model::with_anchor;
use crate::predict::model::{Model, N_GRADIENTS, WeightSet};
use crate::predict::reference::Weighted;
use crate::predict::state::State;

/// Weights of the row itself: `weights[i]` goes with the value `weights.len() - i` to the left.
pub type Near = Vec<i32>;

/// Offsets and weights for one plane.
pub struct PlaneView<'a> {
    /// Which planes are behind.
    pub behind: usize,
    /// The model's weights for such planes.
    pub set: &'a WeightSet,
    /// Distances of the taps, anchor first.
    pub taps: Vec<isize>,
    /// Distances of the error taps.
    pub errors: Vec<isize>,
    /// Distance of the plane that differences in time are taken against; 0 if there is none.
    pub before: isize,
    /// Weights of the row itself, by class.
    pub near: Vec<Near>,
    far: Vec<Vec<(isize, i32)>>,
    /// Weights of the errors in the row itself.
    pub near_errors: Near,
    far_errors: Vec<(isize, i32)>,
    /// Distances and weights of the other variable's inputs, by class.
    pub reference: Vec<Weighted>,
}

/// Parts the weighted taps into those of the row itself and the others.
fn part(layout: &Layout, plane_idx: usize, taps: &[Tap], weights: &[i32]) -> (Near, Vec<(isize, i32)>) {
    let in_row = |tap: &Tap| tap.0 == Plane::Same && tap.1 == 0;
    let reach = taps.iter().filter(|tap| in_row(tap)).map(|tap| -tap.2).max().unwrap_or(0) as usize;
    let mut near = vec![0; reach];
    let mut far = Vec::new();
    for (tap, &weight) in taps.iter().zip(weights) {
        if in_row(tap) {
            near[reach - tap.2.unsigned_abs()] = weight;
        } else {
            far.push((layout.offset(*tap, plane_idx), weight));
        }
    }
    (near, far)
}

impl<'a> PlaneView<'a> {
    /// For one plane of the layout.
    pub fn new(layout: &Layout, model: &'a Model, plane_idx: usize) -> PlaneView<'a> {
        let behind = layout.behind(plane_idx);
        let set = &model.sets[behind];
        let (taps, errors) = (layout.taps(behind), layout.error_taps(behind));
        let offsets = |taps: &[Tap]| taps.iter().map(|&tap| layout.offset(tap, plane_idx)).collect();
        let before = if behind & 1 != 0 { Plane::Back1 } else { Plane::Stack };
        let (near, far) = set
            .taps
            .iter()
            .map(|weights| part(layout, plane_idx, &taps, &with_anchor(&weights[..taps.len()], model.shift)))
            .unzip();
        let (near_errors, far_errors) = part(layout, plane_idx, &errors, &set.scale);
        PlaneView {
            behind,
            set,
            before: layout.plane_offset(before, plane_idx),
            taps: offsets(&taps),
            errors: offsets(&errors),
            near,
            far,
            near_errors,
            far_errors,
            reference: Vec::new(),
        }
    }
}

/// Differences of known neighbors, in 1/8, as pairs of distances: steep places have large errors. The first two
/// reach into the row itself.
pub fn gradient_pairs(row: isize, before: isize) -> [(isize, isize); N_GRADIENTS] {
    [(-1, -row - 1), (-1, before - 1), (-row, -row - 1), (-row, -row + 1), (-row, before - row)]
}

/// Sums for one row of what is known before it.
pub struct RowSums<T> {
    /// One row a class.
    pub predictions: Vec<Vec<T>>,
    /// Scales, in 1/2048 of a step.
    pub scales: Vec<T>,
}

impl<T: Cell> RowSums<T> {
    /// For rows of `n_columns`.
    pub fn new(n_columns: usize) -> RowSums<T> {
        RowSums { predictions: Vec::new(), scales: vec![T::default(); n_columns] }
    }

    /// Predictions of a row of blocks, each with the weights of its class.
    #[inline(always)]
    pub fn fill_blocks(
        &mut self,
        state: &State<T>,
        plane: &PlaneView,
        start: usize,
        classes: &[u8],
        columns: usize,
    ) {
        self.predictions.resize(1, vec![T::default(); self.scales.len()]);
        for (block, (sums, &class)) in self.predictions[0].chunks_mut(columns).zip(classes).enumerate() {
            let far = &plane.far[(class as usize).min(plane.far.len() - 1)];
            sum_far(sums, far, &state.values, start + block * columns, T::add_product);
        }
    }

    /// Predictions of a row, for each class.
    #[inline(always)]
    pub fn fill_classes(&mut self, state: &State<T>, plane: &PlaneView, start: usize) {
        self.predictions.resize(plane.far.len(), vec![T::default(); self.scales.len()]);
        for (sums, far) in self.predictions.iter_mut().zip(&plane.far) {
            sum_far(sums, far, &state.values, start, T::add_product);
        }
    }

    /// Scales of a row.
    #[inline(always)]
    pub fn fill_scales(&mut self, state: &State<T>, plane: &PlaneView, start: usize, row: isize) {
        let n = self.scales.len();
        let from = |offset: isize| start.wrapping_add_signed(offset);
        sum_far(&mut self.scales, &plane.far_errors, &state.errors_q3, start, T::add_magnitude);
        let weights = &plane.set.scale[plane.errors.len()..];
        let pairs = gradient_pairs(row, plane.before);
        for (&(a, b), &weight) in pairs.iter().zip(weights).skip(2) {
            let (a, b) = (from(a), from(b));
            let differing = state.values[a..a + n].iter().zip(&state.values[b..b + n]);
            for (sum, (&a, &b)) in self.scales.iter_mut().zip(differing) {
                *sum = sum.add_product(a.gradient(b), weight);
            }
        }
    }
}

/// Columns whose sums are held in registers.
const TILE: usize = 16;

/// Weighted sums of what lies at the same offsets from `start` on.
#[inline(always)]
fn sum_far<T: Cell>(
    sums: &mut [T],
    far: &[(isize, i32)],
    values: &[T],
    start: usize,
    add: impl Fn(T, T, i32) -> T + Copy,
) {
    let n = sums.len();
    if n >= TILE {
        for at in (0..n - TILE).step_by(TILE) {
            let tile = sums[at..].first_chunk_mut().expect("a tile");
            sum_tile(tile, far, values, start + at, add);
        }
        // The last tile may lie over the one before.
        sum_tile(sums.last_chunk_mut().expect("a tile"), far, values, start + n - TILE, add);
        return;
    }
    sums.fill(T::default());
    for &(offset, weight) in far {
        let first = start.wrapping_add_signed(offset);
        for (sum, &value) in sums.iter_mut().zip(&values[first..first + n]) {
            *sum = add(*sum, value, weight);
        }
    }
}

#[inline(always)]
fn sum_tile<T: Cell>(
    sums: &mut [T; TILE],
    far: &[(isize, i32)],
    values: &[T],
    start: usize,
    add: impl Fn(T, T, i32) -> T,
) {
    let mut held = [T::default(); TILE];
    for &(offset, weight) in far {
        let first = start.wrapping_add_signed(offset);
        let values: &[T; TILE] = values[first..first + TILE].try_into().expect("a tile");
        for (sum, &value) in held.iter_mut().zip(values) {
            *sum = add(*sum, value, weight);
        }
    }
    *sums = held;
}

/// `sum` and the weighted values.
#[inline(always)]
pub fn dot<T: Cell>(mut sum: T, weights: &[i32], values: &[T]) -> T {
    if let (&[a, b, c], &[x, y, z]) = (weights, values) {
        return sum.add_product(x, a).add_product(y, b).add_product(z, c);
    }
    for (&weight, &value) in weights.iter().zip(values) {
        sum = sum.add_product(value, weight);
    }
    sum
}
