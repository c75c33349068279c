//! What adapts while coding: three filters, one after the other, each on the errors that the one before leaves, and a
//! blend of them. All are normalized least mean squares in integers.
//!
//! The inputs are errors of neighbors, not their values: those are nearly independent of each other, without which
//! such filters hardly learn. Every tile of the plane has weights of its own, which the next plane goes on with.

use crate::predict::cell::Cell;
use crate::predict::cell::error_q3;
use crate::predict::grid::{Layout, Plane};
use crate::predict::model::N_STAGES;
use crate::predict::model::{Filters, needed};
use baler_data::bytes::with_room;
use baler_data::error::Result;

/// How far each looks around, and the binary logarithm of the side of its tiles.
const STAGES: [(isize, u32); N_STAGES] = [(3, 5), (2, 4), (1, 3)];
/// From how many planes on tiles also end downwards.
const MIN_PLANES: usize = 4;
/// Logarithm of the side of a tile that never ends.
const NEVER: u32 = usize::BITS - 1;
/// Fraction bits of a weight, 16 fewer where it is multiplied with; of the blend.
const WEIGHT_BITS: u32 = 28;
const COARSE_BITS: u32 = WEIGHT_BITS - 16;
const BLEND_BITS: u32 = 16;
/// Largest weight: 4.
const MAX_WEIGHT: i32 = (4 << WEIGHT_BITS) - 1;
/// Largest input; the expected error is 128 to 255.
const MAX_INPUT: i16 = 4095;
/// Inputs are filled up to a multiple of this.
const LANES: usize = 16;
/// How fast the blend learns, and its largest weight: 2.
const BLEND_RATE: i64 = 20;
const MAX_BLEND: i64 = 2 << BLEND_BITS;

/// The scale as a power of two and what is left of it.
#[derive(Debug, Clone, Copy, Default)]
struct Unit {
    /// Binary logarithm of the scale in 1/2048.
    log: u32,
    /// The expected error as an input: 128 to 255.
    size: i64,
}

impl Unit {
    #[inline(always)]
    fn new(scale: i64, coarse: u32) -> Unit {
        let scale = scale.clamp(1 << (8 + coarse), (1 << 52) - 1);
        let log = 63 - scale.leading_zeros();
        Unit { log, size: scale >> (log - 7) }
    }

    /// An error in 1/8 as an input.
    #[inline(always)]
    fn input(self, error: i64) -> i64 {
        error.wrapping_mul(128) >> (self.log - 8)
    }

    /// An input with `COARSE_BITS` of fraction, in 1/64.
    #[inline(always)]
    fn output(self, input: i64) -> i64 {
        if self.log >= 24 { input << (self.log - 24) } else { input >> (24 - self.log) }
    }
}

/// One filter.
struct Stage {
    reach: isize,
    /// Binary logarithms of the height and width of a tile.
    down: u32,
    across: u32,
    n_across: usize,
    /// What is left to it, in 2^coarse / 1024; margins are zeros.
    errors: Vec<i32>,
    /// By which planes are behind: weights, tile by tile.
    weights: [Vec<i32>; 4],
    /// Distance and length of the neighbors in a row, for the plane.
    runs: Vec<(isize, usize)>,
    /// How many, and their errors and inputs, filled up with zeros.
    n_inputs: usize,
    gathered: Vec<i32>,
    inputs: Vec<i16>,
    /// In 1/256.
    rate: i64,
    /// First weight of the tile.
    first: usize,
    /// What it adds, as [`Unit::output`] takes it.
    part: i64,
    /// Sum of the inputs' squares.
    norm: i64,
}

/// All filters and their blend.
pub struct Cascade {
    stages: Vec<Stage>,
    /// Binary logarithm of the unit that errors are kept in, in 1/1024.
    coarse: u32,
    /// By which planes are behind.
    blend: [[i64; N_STAGES]; 4],
    behind: usize,
    unit: Unit,
}

/// Neighbors in reach, row by row.
fn runs(layout: &Layout, plane_idx: usize, reach: isize) -> Vec<(isize, usize)> {
    let row = layout.row as isize;
    if layout.series {
        let back = 8 * reach;
        let above = (layout.extents[2] > 1).then_some((-row - 8, 17));
        return std::iter::once((-back, back as usize)).chain(above).collect();
    }
    let width = |reach: isize| 2 * reach as usize + 1;
    let square =
        |plane: isize, reach: isize| (-reach..=reach).map(move |y| (plane + y * row - reach, width(reach)));
    let mut runs: Vec<_> = square(0, reach).take(reach as usize).collect();
    runs.push((-reach, reach as usize));
    let behind = layout.behind(plane_idx);
    if behind & 1 != 0 {
        runs.extend(square(layout.plane_offset(Plane::Back1, plane_idx), reach));
        runs.extend(square(layout.plane_offset(Plane::Back2, plane_idx), 1));
    }
    if behind & 2 != 0 {
        let stack = layout.plane_offset(Plane::Stack, plane_idx);
        runs.extend(square(stack, 1));
        if layout.extents[1] > 1 {
            runs.extend(square(layout.plane_offset(Plane::StackNext, plane_idx), 1));
        }
    }
    runs
}

impl Stage {
    fn new(layout: &Layout, (reach, tile): (isize, u32), rate: u8) -> Result<Self> {
        let [a, b, y, x] = layout.extents;
        let down = if a * b < MIN_PLANES || layout.series { NEVER } else { tile };
        let across = if layout.series { NEVER } else { tile };
        let n_across = ((x - 1) >> across) + 1;
        let n_tiles = (((y - 1) >> down) + 1) * n_across;
        let mut weights: [Vec<i32>; 4] = Default::default();
        for behind in needed(layout) {
            let n_inputs: usize = runs(layout, [0, 1, b, b + 1][behind], reach).iter().map(|run| run.1).sum();
            let n_weights = n_inputs.next_multiple_of(LANES) * n_tiles;
            weights[behind] = with_room(n_weights)?;
            weights[behind].resize(n_weights, 0);
        }
        let mut errors = with_room(layout.n_held())?;
        errors.resize(layout.n_held(), 0);
        Ok(Stage {
            reach,
            down,
            across,
            n_across,
            errors,
            weights,
            runs: Vec::new(),
            n_inputs: 0,
            gathered: Vec::new(),
            inputs: Vec::new(),
            rate: rate as i64,
            first: 0,
            part: 0,
            norm: 0,
        })
    }

    fn open_plane(&mut self, layout: &Layout, plane_idx: usize) {
        layout.slide(&mut self.errors, plane_idx);
        self.runs = runs(layout, plane_idx, self.reach);
        self.n_inputs = self.runs.iter().map(|run| run.1).sum();
        self.gathered.clear();
        self.gathered.resize(self.n_inputs.next_multiple_of(LANES), 0);
        self.inputs.resize(self.gathered.len(), 0);
    }

    /// Gathers the inputs and weighs them.
    #[inline(always)]
    fn predict(&mut self, position: usize, (y, x): (usize, usize), behind: usize, shift: u32) {
        self.first = ((y >> self.down) * self.n_across + (x >> self.across)) * self.inputs.len();
        let mut rest = &mut self.gathered[..];
        for &(offset, len) in &self.runs {
            let first = position.wrapping_add_signed(offset);
            let (to, others) = rest.split_at_mut(len);
            let from = &self.errors[first..first + len];
            // Copies of a fixed length are a few moves.
            match len {
                1 => to[..1].copy_from_slice(&from[..1]),
                2 => to[..2].copy_from_slice(&from[..2]),
                3 => to[..3].copy_from_slice(&from[..3]),
                5 => to[..5].copy_from_slice(&from[..5]),
                7 => to[..7].copy_from_slice(&from[..7]),
                _ => to.copy_from_slice(from),
            }
            rest = others;
        }
        for (input, &error) in self.inputs.iter_mut().zip(&self.gathered) {
            let error = (error >> shift).clamp(i16::MIN as i32, i16::MAX as i32) as i16;
            *input = error.clamp(-MAX_INPUT, MAX_INPUT);
        }
        let weights = &self.weights[behind][self.first..][..self.inputs.len()];
        let (mut dot, mut norm) = (0i32, 0i32);
        for (&input, &weight) in self.inputs.iter().zip(weights) {
            dot = dot.wrapping_add(input as i32 * (weight >> 16) as i16 as i32);
            norm = norm.wrapping_add(input as i32 * input as i32);
        }
        (self.part, self.norm) = (dot as i64, norm as i64);
    }

    /// Moves the weights against the error (an input) that is left.
    #[inline(always)]
    fn learn(&mut self, behind: usize, unit: Unit, error: i64) {
        let norm = self.norm + unit.size * unit.size * self.n_inputs as i64;
        let error = error.clamp(-3 * unit.size, 3 * unit.size);
        let gain = (((self.rate * error) << 19) / norm).clamp(-32_767, 32_767) as i16;
        let weights = &mut self.weights[behind][self.first..][..self.inputs.len()];
        for (&input, weight) in self.inputs.iter().zip(weights) {
            let moved = *weight + 2 * (gain as i32 * input as i32);
            *weight = moved.clamp(-MAX_WEIGHT, MAX_WEIGHT);
        }
    }
}

impl Cascade {
    /// An error where memory does not hold it.
    pub fn new(layout: &Layout, filters: Filters) -> Result<Self> {
        let stages = STAGES.iter().zip(filters.rates).map(|(&stage, rate)| Stage::new(layout, stage, rate));
        Ok(Cascade {
            stages: stages.collect::<Result<_>>()?,
            coarse: filters.coarse,
            blend: [[0; N_STAGES]; 4],
            behind: 0,
            unit: Unit::default(),
        })
    }

    /// Forgets all.
    pub fn reset(&mut self) {
        self.blend = [[1 << BLEND_BITS; N_STAGES]; 4];
        for stage in &mut self.stages {
            stage.errors.fill(0);
            stage.weights.iter_mut().for_each(|weights| weights.fill(0));
        }
    }

    /// To be called before a plane.
    pub fn open_plane(&mut self, layout: &Layout, plane_idx: usize) {
        self.behind = layout.behind(plane_idx);
        self.stages.iter_mut().for_each(|stage| stage.open_plane(layout, plane_idx));
    }

    /// The prediction (in 1/64) for the value at `position`, with what the filters add.
    #[inline(always)]
    pub fn predict(
        &mut self,
        position: usize,
        row_and_column: (usize, usize),
        prediction: i64,
        scale: i64,
    ) -> i64 {
        self.unit = Unit::new(scale, self.coarse);
        let shift = (self.unit.log - 8 - self.coarse).min(31);
        let mut sum = prediction;
        for (stage, blend) in self.stages.iter_mut().zip(self.blend[self.behind]) {
            stage.predict(position, row_and_column, self.behind, shift);
            sum = sum.wrapping_add(self.unit.output((stage.part * blend) >> BLEND_BITS));
        }
        sum
    }

    /// There is nothing to learn from the value at `position`.
    pub fn skip(&mut self, position: usize) {
        self.stages.iter_mut().for_each(|stage| stage.errors[position] = 0);
    }

    /// Learns from the value (minus the center): `prediction` is that before the filters, `blended` that behind them.
    #[inline(always)]
    pub fn learn<T: Cell>(&mut self, position: usize, value: i64, prediction: i64, blended: i64) {
        let unit = self.unit;
        let most = (unit.size << 4) << (unit.log - 8) >> 7;
        let error = unit.input(error_q3::<T>(value, blended)).clamp(-3 * unit.size, 3 * unit.size);
        let parts: [i64; N_STAGES] = std::array::from_fn(|i| {
            (self.stages[i].part >> COARSE_BITS).clamp(-MAX_INPUT as i64, MAX_INPUT as i64)
        });
        let norm = parts.iter().map(|part| part * part).sum::<i64>() + unit.size * unit.size;
        for (weight, part) in self.blend[self.behind].iter_mut().zip(parts) {
            *weight = (*weight + ((error * part * BLEND_RATE) << 4) / norm).clamp(-MAX_BLEND, MAX_BLEND);
        }
        let mut before = prediction;
        for stage in &mut self.stages {
            let error = (error_q3::<T>(value, before).clamp(-most, most) * 128) >> self.coarse;
            stage.errors[position] = error.clamp(i32::MIN as i64, i32::MAX as i64) as i32;
            before = before.wrapping_add(unit.output(stage.part));
            stage.learn(self.behind, unit, unit.input(error_q3::<T>(value, before)));
        }
    }
}
