//! The pass over all numbers with rows: the same prediction and scale as in [`mod@crate::predict::walk`], one symbol a
//! number. What lies in other rows is summed a row at a time; the loop over a row carries its last three numbers in
//! registers.

use crate::predict::rows::kinds::Kind;
use std::ops::Range;

use crate::predict::cell::Cell;
use crate::predict::cell::error_q3;
use crate::predict::domain::Domain;
use crate::predict::grid::Layout;
use crate::predict::map::Map;
use crate::predict::model::{Model, SCALE_SHIFT};
use crate::predict::plane::{PlaneView, RowSums, dot, gradient_pairs};
use crate::predict::rows::coder::SymbolCoder;
use crate::predict::rows::row::{N_FRACTIONS, N_SYMBOLS, Probabilities, ZERO, shift_of};
use crate::predict::state::State;
use crate::predict::walk::level_of;

/// Something that codes the error of a prediction at a level. Fractions are folded (0..8) and errors mirrored, so that
/// the prediction lies above the nearest integer.
pub trait ErrorCoder {
    /// Codes an error, or reads it where symbols are read.
    fn code(&mut self, level: i32, fraction: usize, error: i64) -> i64;
}

/// Rows for all levels between two; those outside have the rows of the nearest.
pub struct Codebook {
    lowest: i32,
    rows: Vec<Probabilities>,
    shifts: Vec<u32>,
}

impl Codebook {
    /// Rows for levels from `lowest` on.
    pub fn new(lowest: u8, kinds: &[Kind]) -> Codebook {
        let row = |kind: &Kind, fraction| Probabilities::new(kind.width as i32, kind.tail as usize, fraction);
        let rows = kinds.iter().flat_map(|kind| (0..N_FRACTIONS).map(move |f| row(kind, f))).collect();
        let shifts = kinds.iter().map(|kind| shift_of(kind.width as i32)).collect();
        Codebook { lowest: lowest as i32, rows, shifts }
    }
}

/// Codes errors as symbols of the rows.
pub struct CodebookCoder<'a, C> {
    /// The rows.
    pub codebook: &'a Codebook,
    /// Where symbols go to or come from.
    pub symbols: C,
}

impl<C: SymbolCoder> ErrorCoder for CodebookCoder<'_, C> {
    #[inline(always)]
    fn code(&mut self, level: i32, fraction: usize, error: i64) -> i64 {
        let codebook = self.codebook;
        let at = ((level - codebook.lowest).max(0) as usize).min(codebook.shifts.len() - 1);
        let row = &codebook.rows[at * N_FRACTIONS + fraction];
        let shift = codebook.shifts[at];
        if shift == 0 {
            return code_bucket(&mut self.symbols, row, error);
        }
        let half = (1i64 << shift) >> 1;
        let raised = error.wrapping_add(half);
        let bucket = code_bucket(&mut self.symbols, row, raised >> shift);
        (bucket << shift | code_raw(&mut self.symbols, raised, shift)).wrapping_sub(half)
    }
}

/// A bucket by its symbol, or by the escape and its number.
#[inline(always)]
fn code_bucket<C: SymbolCoder>(coder: &mut C, row: &Probabilities, bucket: i64) -> i64 {
    let symbol = bucket.wrapping_add(ZERO) as u64;
    let symbol = coder.symbol(row, symbol.min(N_SYMBOLS as u64 - 1) as usize);
    if symbol < N_SYMBOLS - 1 { symbol as i64 - ZERO } else { code_escape(coder, bucket) }
}

/// Sign, bit length (6 bits), and bits of |bucket| - 16.
#[cold]
#[inline(never)]
fn code_escape<C: SymbolCoder>(coder: &mut C, bucket: i64) -> i64 {
    let negative = coder.raw((bucket < 0) as u64, 1) != 0;
    let beyond = bucket.unsigned_abs().wrapping_sub(ZERO as u64 + 1) & (u64::MAX >> 1);
    let n_bits = coder.raw(64 - beyond.leading_zeros() as u64, 6) as u32;
    let beyond = code_raw(coder, beyond as i64, n_bits);
    let magnitude = beyond.wrapping_add(ZERO + 1);
    if negative { magnitude.wrapping_neg() } else { magnitude }
}

/// The low `n_bits` of `bits`, as they are.
#[inline(always)]
fn code_raw<C: SymbolCoder>(coder: &mut C, bits: i64, n_bits: u32) -> i64 {
    if n_bits <= 32 {
        return coder.raw(bits as u64 & ((1u64 << n_bits) - 1), n_bits) as i64;
    }
    let low = coder.raw(bits as u64 & 0xffff_ffff, 32);
    let high = coder.raw(bits as u64 >> 32 & ((1u64 << (n_bits - 32)) - 1), n_bits - 32);
    (high << 32 | low) as i64
}

/// Numbers that a walk takes row by row.
pub trait Rows {
    /// Row `y` of a plane: known numbers, or room for those that are read.
    fn row(&mut self, plane_idx: usize, y: usize) -> &mut [i64];
}

/// A part of the array that is walked over on its own.
pub struct Lane<'a, T, N, C> {
    /// Its extents.
    pub layout: &'a Layout,
    /// Classes of its blocks.
    pub map: Option<&'a Map>,
    /// True where a number is left out; it is replaced by a neighbor.
    pub mask: Option<&'a [bool]>,
    /// Its numbers, which are written where symbols are read.
    pub numbers: N,
    /// Of its layout.
    pub state: &'a mut State<T>,
    /// What codes its errors.
    pub coder: C,
}

/// The columns of a row that have the weights of one class.
struct Columns<'a> {
    model: &'a Model,
    layout: &'a Layout,
    plane: &'a PlaneView<'a>,
    /// Position of the row's first value.
    start: usize,
    mask: Option<&'a [bool]>,
    range: Range<usize>,
    class: u8,
}

impl<T: Cell, N: Rows, C: ErrorCoder> Lane<'_, T, N, C> {
    /// Walks over all numbers; gives the coder back.
    #[inline(always)]
    pub fn walk(self, model: &Model) -> C {
        let Lane { layout, map, mask, mut numbers, state, mut coder } = self;
        let [a, b, n_rows, n_columns] = layout.extents;
        let mut sums = RowSums::new(n_columns);
        state.values.fill(T::default());
        state.errors_q3.fill(T::default());
        for plane_idx in 0..a * b {
            let plane = &PlaneView::new(layout, model, plane_idx);
            layout.open_plane(&mut state.values, plane_idx);
            layout.open_plane(&mut state.errors_q3, plane_idx);
            for y in 0..n_rows {
                let start = layout.start(plane_idx, y);
                layout.open_row(&mut state.values, start);
                layout.open_row(&mut state.errors_q3, start);
                sums.fill_scales(state, plane, start, layout.row as isize);
                let numbers = numbers.row(plane_idx, y);
                let mask = mask.map(|mask| &mask[(plane_idx * n_rows + y) * n_columns..][..n_columns]);
                let columns = |range, class| Columns { model, layout, plane, start, mask, range, class };
                match map {
                    Some(map) => {
                        let classes = &map.classes[map.row(plane_idx, y)..];
                        sums.fill_blocks(state, plane, start, classes, map.columns);
                        for (from, &class) in (0..n_columns).step_by(map.columns).zip(classes) {
                            let range = from..(from + map.columns).min(n_columns);
                            columns(range, class).walk(state, &sums, numbers, &mut coder);
                        }
                    }
                    None => {
                        sums.fill_classes(state, plane, start);
                        columns(0..n_columns, 0).walk(state, &sums, numbers, &mut coder);
                    }
                }
                layout.close_row(&mut state.values, start);
                layout.close_row(&mut state.errors_q3, start);
            }
            layout.close_plane(&mut state.values, plane_idx);
            layout.close_plane(&mut state.errors_q3, plane_idx);
        }
        coder
    }
}

impl Columns<'_> {
    #[inline(always)]
    fn walk<T: Cell, C: ErrorCoder>(
        self,
        state: &mut State<T>,
        sums: &RowSums<T>,
        numbers: &mut [i64],
        coder: &mut C,
    ) {
        let Columns { model, layout, plane, start, mask, range, class } = self;
        let n = range.len();
        let first = start + range.start;
        let weights = &plane.near[(class as usize).min(plane.near.len() - 1)];
        let (known, values) = state.values.split_at_mut(first);
        let (known_errors, errors) = state.errors_q3.split_at_mut(first);
        let [flat, steep, ..] = gradient_pairs(layout.row as isize, plane.before);
        let has_before = plane.before != 0;
        let slopes = &plane.set.scale[plane.errors.len()..];
        let from = |offset: isize| first.wrapping_add_signed(offset);
        let row = Row {
            model,
            predictions: &sums.predictions[0][range.clone()],
            scales: &sums.scales[range.clone()],
            above: &known[from(flat.1)..][..n],
            before: &known[if has_before { from(steep.1) } else { 0 }..][..n],
            replacements: has_before.then(|| &known[from(plane.before)..][..n]),
            mask: mask.map(|mask| &mask[range.clone()]),
            slope: slopes[0],
            change: if has_before { slopes[1] } else { 0 },
            left: known[first - 1],
        };
        let numbers = &mut numbers[range];
        let (values, errors) = (&mut values[..n], &mut errors[..n]);
        let is_short = weights.len() == 3 && plane.near_errors.len() == 2;
        match (is_short, model.domain) {
            (true, Domain::Integer) => {
                let near = Short::new(weights, known);
                let near_errors = Short::new(&plane.near_errors, known_errors);
                row.walk::<_, _, true>(numbers, values, errors, near, near_errors, coder);
            }
            (true, _) => {
                let near = Short::new(weights, known);
                let near_errors = Short::new(&plane.near_errors, known_errors);
                row.walk::<_, _, false>(numbers, values, errors, near, near_errors, coder);
            }
            (false, _) => {
                let near = Long::new(weights, known);
                let near_errors = Long::new(&plane.near_errors, known_errors);
                row.walk::<_, _, false>(numbers, values, errors, near, near_errors, coder);
            }
        }
    }
}

/// What is known of some columns of a row before the first of them.
struct Row<'a, T> {
    model: &'a Model,
    predictions: &'a [T],
    scales: &'a [T],
    /// The row above, one to the left.
    above: &'a [T],
    /// The row in the plane before, one to the left; anything where there is none.
    before: &'a [T],
    /// What masked numbers are replaced by; where there is nothing, the value to the left.
    replacements: Option<&'a [T]>,
    mask: Option<&'a [bool]>,
    slope: i32,
    change: i32,
    left: T,
}

impl<T: Cell> Row<'_, T> {
    #[inline(always)]
    fn walk<C: ErrorCoder, V: Near<T>, const INTEGER: bool>(
        &self,
        numbers: &mut [i64],
        values: &mut [T],
        errors: &mut [T],
        mut near: V,
        mut near_errors: V,
        coder: &mut C,
    ) {
        let model = self.model;
        let (shift, center) = (model.shift - 6, model.center);
        let mut left = self.left;
        let known = self.predictions.iter().zip(self.scales).zip(self.above.iter().zip(self.before));
        let found = numbers.iter_mut().zip(values.iter_mut().zip(errors.iter_mut()));
        for (x, (((&prediction, &scale), (&above, &before)), (number, (value, error)))) in
            known.zip(found).enumerate()
        {
            let scale = scale
                .plus(near_errors.weigh_magnitudes())
                .add_product(left.gradient(above), self.slope)
                .add_product(left.gradient(before), self.change)
                .wide();
            if self.mask.is_some_and(|mask| mask[x]) {
                left = self.replacements.map_or(left, |values| values[x]);
                *value = left;
                *error = T::of((scale >> SCALE_SHIFT).clamp(0, T::MAX_ERROR_Q3));
                near.push(*value);
                near_errors.push(*error);
                continue;
            }
            let sum = prediction.plus(near.weigh()).wide() >> shift;
            let prediction = sum.wrapping_add(center << 6);
            let (base, levels, fraction) = if INTEGER {
                let raised = prediction.wrapping_add(32);
                (raised >> 6, 0, (raised & 63) as u32)
            } else {
                site(model.domain, prediction, scale)
            };
            let flip = -((fraction < 32) as i64);
            let folded = fraction.abs_diff(32).min(31);
            let miss = (number.wrapping_sub(base) ^ flip).wrapping_sub(flip);
            let miss = coder.code(level_of(scale) - levels, folded as usize * N_FRACTIONS / 32, miss);
            *number = base.wrapping_add((miss ^ flip).wrapping_sub(flip));
            let wide = if INTEGER { *number } else { model.domain.value(*number) }.wrapping_sub(center);
            left = T::of(wide);
            *value = left;
            *error = T::of(error_q3::<T>(wide, sum));
            near.push(left);
            near_errors.push(*error);
        }
    }
}

/// Nearest number of a prediction, what is taken off its level, and its fraction.
#[inline(always)]
fn site(domain: Domain, prediction: i64, scale: i64) -> (i64, i32, u32) {
    let (base, levels) = domain.number(prediction, scale);
    let fraction = if domain == Domain::Integer { (prediction.wrapping_add(32) & 63) as u32 } else { 32 };
    (base, levels, fraction)
}

/// The weighted numbers to the left.
trait Near<T> {
    /// Their weighted sum.
    fn weigh(&self) -> T;
    /// The weighted sum of their magnitudes.
    fn weigh_magnitudes(&self) -> T;
    /// The next one is known.
    fn push(&mut self, value: T);
}

/// Up to three, in registers: what was just stored is not loaded again.
struct Short<T> {
    last: [T; 3],
    weights: [i32; 3],
}

impl<T: Cell> Short<T> {
    /// Weights, the farthest first, and the values up to the first.
    #[inline(always)]
    fn new(weights: &[i32], known: &[T]) -> Short<T> {
        let mut near = Short { last: [T::default(); 3], weights: [0; 3] };
        for (back, (&weight, &value)) in weights.iter().rev().zip(known.iter().rev()).enumerate().take(3) {
            (near.weights[back], near.last[back]) = (weight, value);
        }
        near
    }
}

impl<T: Cell> Near<T> for Short<T> {
    #[inline(always)]
    fn weigh(&self) -> T {
        let older = T::default().add_product(self.last[1], self.weights[1]);
        older.add_product(self.last[2], self.weights[2]).add_product(self.last[0], self.weights[0])
    }

    #[inline(always)]
    fn weigh_magnitudes(&self) -> T {
        let older = T::default().add_magnitude(self.last[1], self.weights[1]);
        older.add_magnitude(self.last[0], self.weights[0])
    }

    #[inline(always)]
    fn push(&mut self, value: T) {
        self.last = [value, self.last[0], self.last[1]];
    }
}

/// Any number of them, in a buffer that is moved back when it is full.
struct Long<'a, T> {
    weights: &'a [i32],
    buffer: [T; 256],
    first: usize,
}

impl<'a, T: Cell> Long<'a, T> {
    /// As [`Short::new`], at most 128.
    fn new(weights: &'a [i32], known: &[T]) -> Long<'a, T> {
        let mut buffer = [T::default(); 256];
        buffer[..weights.len()].copy_from_slice(&known[known.len() - weights.len()..]);
        Long { weights, buffer, first: 0 }
    }

    #[inline(always)]
    fn last(&self) -> &[T] {
        &self.buffer[self.first..][..self.weights.len()]
    }
}

impl<T: Cell> Near<T> for Long<'_, T> {
    #[inline(always)]
    fn weigh(&self) -> T {
        dot(T::default(), self.weights, self.last())
    }

    #[inline(always)]
    fn weigh_magnitudes(&self) -> T {
        let pairs = self.weights.iter().zip(self.last());
        pairs.fold(T::default(), |sum, (&weight, &error)| sum.add_magnitude(error, weight))
    }

    #[inline(always)]
    fn push(&mut self, value: T) {
        let end = self.first + self.weights.len();
        if end < self.buffer.len() {
            self.buffer[end] = value;
            self.first += 1;
        } else {
            self.buffer.copy_within(self.first + 1.., 0);
            self.buffer[self.weights.len() - 1] = value;
            self.first = 0;
        }
    }
}
