//! The one pass over all numbers, which the encoder, the decoder and the training share: margins, scale, prediction,
//! error, in integers that wrap.

use crate::entropy::binary::BitCoder;
use crate::predict::cell::Cell;
use crate::predict::cell::error_q3;
use crate::predict::grid::Layout;
use crate::predict::model::{Model, SCALE_SHIFT};
use crate::predict::plane::{PlaneView, RowSums, dot, gradient_pairs};
use crate::predict::residual::{MAX_LEVEL, ResidualCoder, Site};
use crate::predict::state::State;
use crate::quantize::widest;

/// What went into a prediction.
pub struct Seen {
    /// Level of the values' scale.
    pub level: u32,
    /// Scale in 1/2048.
    pub scale_q11: i64,
    /// Whose weights were taken.
    pub class: usize,
    /// Flat index of the block.
    pub block: usize,
    /// Where the other variable's value is, if there is one.
    pub place: usize,
}

/// What the training sees of each number.
pub trait Observer<T> {
    /// Called once the number at `position` and its error are known.
    fn see(&mut self, state: &State<T>, plane: &PlaneView, position: usize, seen: Seen);
}

/// Sees nothing.
pub struct Blind;

impl<T> Observer<T> for Blind {
    #[inline(always)]
    fn see(&mut self, _: &State<T>, _: &PlaneView, _: usize, _: Seen) {}
}

/// Numbers of a row after which is looked whether the bits are spent.
const LOOKED_AT: usize = 4096;

#[inline(always)]
fn at<T: Copy>(values: &[T], position: usize, offset: isize) -> T {
    values[position.wrapping_add_signed(offset)]
}

/// Four levels a doubling; 0 at 1/256 of a step.
#[inline(always)]
pub fn level_of(scale: i64) -> i32 {
    let scale = scale.max(8) as u64;
    let log = 63 - scale.leading_zeros();
    ((log - 3) * 4 + (scale >> (log - 2) & 3) as u32) as i32
}

/// Walks over all numbers `q` (C order), which are written where bits are read. Masked ones are replaced by a
/// neighbor. It ends early where the bits are spent, which whoever reads them has to [check](BitCoder::is_spent).
pub fn walk<T: Cell, B: BitCoder, O: Observer<T>, const CODES: bool>(
    layout: &Layout,
    model: &Model,
    mask: Option<&[bool]>,
    q: &mut [i64],
    state: &mut State<T>,
    bits: &mut B,
    observer: &mut O,
) {
    widest(
        #[inline(always)]
        || walk_planes::<T, B, O, CODES>(layout, model, mask, q, state, bits, observer),
    );
}

#[inline(always)]
fn walk_planes<T: Cell, B: BitCoder, O: Observer<T>, const CODES: bool>(
    layout: &Layout,
    model: &Model,
    mask: Option<&[bool]>,
    q: &mut [i64],
    state: &mut State<T>,
    bits: &mut B,
    observer: &mut O,
) {
    let [a, b, n_rows, n_columns] = layout.extents;
    let mut coder = ResidualCoder::new();
    let less = level_of(model.stride << 11) - level_of(1 << 11);
    let mut sums = RowSums::new(n_columns);
    if let Some(cascade) = &mut state.cascade {
        cascade.reset();
    }
    state.values.fill(T::default());
    state.errors_q3.fill(T::default());
    for plane_idx in 0..a * b {
        let mut plane = PlaneView::new(layout, model, plane_idx);
        if let Some(reference) = &state.reference {
            plane.reference = reference.weighted(layout, plane_idx, &plane.set.taps, plane.taps.len());
        }
        if let Some(cascade) = &mut state.cascade {
            cascade.open_plane(layout, plane_idx);
        }
        layout.open_plane(&mut state.values, plane_idx);
        layout.open_plane(&mut state.errors_q3, plane_idx);
        for y in 0..n_rows {
            let start = layout.start(plane_idx, y);
            layout.open_row(&mut state.values, start);
            layout.open_row(&mut state.errors_q3, start);
            sums.fill_scales(state, &plane, start, layout.row as isize);
            let blocks = model.map.as_ref().map(|map| (&map.classes[map.row(plane_idx, y)..], map.columns));
            match blocks {
                Some((classes, columns)) => sums.fill_blocks(state, &plane, start, classes, columns),
                None => sums.fill_classes(state, &plane, start),
            }
            if let Some(reference) = &state.reference {
                reference.add(&mut sums.predictions, &plane.reference, reference.start(plane_idx, y), blocks);
            }
            let first = (plane_idx * n_rows + y) * n_columns;
            let mask = mask.map(|mask| &mask[first..first + n_columns]);
            let numbers = &mut q[first..first + n_columns];
            let first_block = model.map.as_ref().map_or(0, |map| map.row(plane_idx, y));
            let place = state.reference.as_ref().map_or(0, |reference| reference.start(plane_idx, y));
            let (plane, row) = (&plane, layout.row as isize);
            let row = Row { model, y, plane, start, place, mask, blocks, first_block, row, less };
            row.walk::<_, _, _, CODES>(numbers, &sums, state, bits, &mut coder, observer);
            if bits.is_spent() {
                return;
            }
            layout.close_row(&mut state.values, start);
            layout.close_row(&mut state.errors_q3, start);
        }
        layout.close_plane(&mut state.values, plane_idx);
        layout.close_plane(&mut state.errors_q3, plane_idx);
    }
}

/// One row of the walk.
struct Row<'a> {
    model: &'a Model,
    y: usize,
    plane: &'a PlaneView<'a>,
    start: usize,
    /// The same in the other variable.
    place: usize,
    mask: Option<&'a [bool]>,
    blocks: Option<(&'a [u8], usize)>,
    first_block: usize,
    row: isize,
    /// Levels of a stride.
    less: i32,
}

impl Row<'_> {
    #[inline(always)]
    #[allow(clippy::too_many_arguments)] // One walk's state, which the compiler keeps in registers.
    fn walk<T: Cell, B: BitCoder, O: Observer<T>, const CODES: bool>(
        &self,
        numbers: &mut [i64],
        sums: &RowSums<T>,
        state: &mut State<T>,
        bits: &mut B,
        coder: &mut ResidualCoder,
        observer: &mut O,
    ) {
        let (model, plane) = (self.model, self.plane);
        for (x, number) in numbers.iter_mut().enumerate() {
            if x % LOOKED_AT == 0 && bits.is_spent() {
                return;
            }
            let position = self.start + x;
            let scale = self.scale(state, sums.scales[x], position);
            let level = level_of(scale) - self.less;
            if self.mask.is_some_and(|mask| mask[x]) {
                let from = if plane.before != 0 { plane.before } else { -1 };
                state.values[position] = at(&state.values, position, from);
                // Strides hide most errors, so that scales are many times those around: no scale may feed on itself.
                let error =
                    if model.stride > 1 { 0 } else { (scale >> SCALE_SHIFT).clamp(0, T::MAX_ERROR_Q3) };
                state.errors_q3[position] = T::of(error);
                if let Some(cascade) = &mut state.cascade {
                    cascade.skip(position);
                }
                continue;
            }
            let (class, sum) = match self.blocks {
                Some((classes, columns)) => {
                    ((classes[x / columns] as usize).min(plane.near.len() - 1), sums.predictions[0][x])
                }
                None => {
                    let class = plane.set.class_from.iter().filter(|&&from| level >= from as i32).count();
                    (class, sums.predictions[class][x])
                }
            };
            let near = &plane.near[class];
            let sum = dot(sum, near, &state.values[position - near.len()..position]);
            let fixed = sum.wide() >> (model.shift - 6);
            let local = match &mut state.cascade {
                Some(cascade) => cascade.predict(position, (self.y, x), fixed, scale),
                None => fixed,
            };
            let prediction = local.wrapping_add(model.center << 6);
            let (base, levels) = model.domain.number(prediction, scale);
            if CODES {
                let exact = levels == 0 && model.stride == 1;
                let fraction = if exact { (prediction.wrapping_add(32) & 63) as u32 } else { 32 };
                let level = (level - levels).clamp(0, MAX_LEVEL as i32) as u32;
                let around = self.around(state, position, prediction);
                let site = Site { level, fraction_q6: fraction, scale_q11: scale, around_q3: around };
                let error = coder.code(bits, &site, strides(number.wrapping_sub(base), model.stride));
                *number = base.wrapping_add(error.wrapping_mul(model.stride));
            }
            let mut value = model.domain.value(*number).wrapping_sub(model.center);
            state.values[position] = T::of(value);
            state.errors_q3[position] = T::of(error_q3::<T>(value, local));
            if !CODES {
                let block = self.blocks.map_or(0, |(_, columns)| self.first_block + x / columns);
                let (level, place) = (level.max(0) as u32, self.place + x);
                let seen = Seen { level, scale_q11: scale, class, block, place };
                observer.see(state, plane, position, seen);
                if model.stride > 1 {
                    // What a decoder will have there is what the next ones are predicted from.
                    let error = strides(number.wrapping_sub(base), model.stride).wrapping_mul(model.stride);
                    value = base.wrapping_add(error).wrapping_sub(model.center);
                    state.values[position] = T::of(value);
                    state.errors_q3[position] = T::of(error_q3::<T>(value, local));
                }
            }
            if let Some(cascade) = &mut state.cascade {
                cascade.learn::<T>(position, value, fixed, local);
            }
        }
    }

    /// Scale in 1/2048 of a step.
    #[inline(always)]
    fn scale<T: Cell>(&self, state: &State<T>, sum: T, position: usize) -> i64 {
        let near = &self.plane.near_errors;
        let mut sum = sum;
        for (&weight, &error) in near.iter().zip(&state.errors_q3[position - near.len()..position]) {
            sum = sum.add_magnitude(error, weight);
        }
        let weights = &self.plane.set.scale[self.plane.errors.len()..];
        for (&(a, b), &weight) in gradient_pairs(self.row, self.plane.before).iter().zip(weights).take(2) {
            let gradient = at(&state.values, position, a).gradient(at(&state.values, position, b));
            sum = sum.add_product(gradient, weight);
        }
        sum.wide()
    }

    /// Errors around, and how far other predictions are, in 1/8.
    #[inline(always)]
    fn around<T: Cell>(&self, state: &State<T>, position: usize, prediction: i64) -> [i64; 6] {
        let value = |offset| at(&state.values, position, offset).wide();
        let error = |offset| at(&state.errors_q3, position, offset).wide();
        let prediction = prediction.wrapping_sub(self.model.center << 6);
        let away = |value: i64| error_q3::<T>(value, prediction);
        let before = self.plane.before;
        let (w, n, nw) = (value(-1), value(-self.row), value(-self.row - 1));
        let far = if before == 0 { -2 } else { before };
        [
            error(-1),
            error(-self.row),
            error(far),
            away(value(if before == 0 { -1 } else { before })),
            away(w.wrapping_add(n).wrapping_sub(nw)),
            away(n),
        ]
    }
}

/// How many strides a difference is, rounded.
#[inline(always)]
fn strides(difference: i64, stride: i64) -> i64 {
    if stride == 1 { difference } else { difference.wrapping_add(stride / 2).div_euclid(stride) }
}
