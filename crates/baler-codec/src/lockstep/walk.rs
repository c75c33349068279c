//! The pass over all steps, for both sides: prediction, residual, value, and what the filter learns of it. Arithmetic is float32
//! `+ - * /` in the order written here, so that every machine gives the same bits.
//!
//! Of each number: a static prediction from weighted neighbors; a correction from the errors that the static prediction made
//! around it, weighed by a filter that learns from every number (normalized least mean squares); the residual of their sum, in
//! strides. A lane's filter takes over a part of what the row above had learned at the same column.

use crate::lockstep::cells::{Cells, LANES, LEFT, Lane};
use crate::lockstep::model::{LARGEST, Model, offsets};

/// Adding and subtracting it rounds a float32 below 2^22 to the nearest whole number, ties to even.
const ROUNDER: f32 = 12_582_912.0;
/// Steps between two times at which filters take over weights.
const BLOCK: usize = 8;
/// Share of its own weights that a filter keeps then.
const KEPT: f32 = 0.8;
/// How fast filters learn.
const RATE: f32 = 0.1;
/// What is added to the sum of an input's squares, in squared strides.
const CALM: f32 = 0.1;

/// What is known of each cell.
pub struct State {
    /// Numbers less the center.
    pub values: Vec<f32>,
    /// Errors of the static predictions.
    pub surprises: Vec<f32>,
    /// Magnitudes of the errors of the predictions.
    pub errors: Vec<f32>,
}

impl State {
    /// Nothing is known.
    pub fn new(cells: &Cells) -> baler_data::error::Result<State> {
        let zeros = || -> baler_data::error::Result<Vec<f32>> {
            let mut zeros = baler_data::bytes::with_room(cells.n_cells())?;
            zeros.resize(cells.n_cells(), 0.0);
            Ok(zeros)
        };
        Ok(State { values: zeros()?, surprises: zeros()?, errors: zeros()? })
    }
}

/// Sixteen cells from one on.
#[inline(always)]
pub fn lane(values: &[f32], cell: usize) -> Lane {
    *values[cell..].first_chunk().expect("cells of a step")
}

/// x, rounded to the nearest whole number.
#[inline(always)]
pub fn rounded(x: f32) -> f32 {
    (x + ROUNDER) - ROUNDER
}

/// x between the ends of what float32 tells apart; the lower end for what is no number.
#[inline(always)]
pub fn limited(x: f32) -> f32 {
    let x = if x > -LARGEST { x } else { -LARGEST };
    if x < LARGEST { x } else { LARGEST }
}

/// Whoever knows residuals: from the numbers, or from a stream.
pub trait Residuals {
    /// True if scales are asked for.
    const NEEDS_SCALES: bool;
    /// Residuals of a step, in strides. `near` are the rounded predictions, `fractions` what rounding took off, `scales` the
    /// expected magnitudes of errors, in strides.
    fn of_step(&mut self, step: Step, near: &Lane, fractions: &Lane, scales: &Lane) -> Lane;
}

/// A step: its number, its first cell, and in which lanes there is a number.
#[derive(Clone, Copy)]
pub struct Step {
    /// From 0 on.
    pub idx: usize,
    /// Its first cell.
    pub cell: usize,
    /// One bit a lane.
    pub active: u16,
}

/// What lanes know of the rows they are in.
struct Rows<'a> {
    cells: &'a Cells,
    next: usize,
    /// By kind of plane.
    weights: [Vec<f32>; 4],
    kinds: [usize; LANES],
}

impl<'a> Rows<'a> {
    fn new(cells: &'a Cells, of_kind: impl Fn(usize) -> Vec<f32>) -> Rows<'a> {
        Rows { cells, next: 0, weights: std::array::from_fn(of_kind), kinds: [usize::MAX; LANES] }
    }

    /// The rows that start in a step, each with its lane.
    #[inline(always)]
    fn starting(&mut self, step: usize) -> Option<(usize, usize)> {
        if self.next == self.cells.n_rows {
            return None;
        }
        let (first, lane) = self.cells.step_and_lane(self.next);
        (first == step).then(|| {
            self.next += 1;
            (self.next - 1, lane)
        })
    }

    /// Gives a lane the weights of the plane that a row lies in.
    fn weigh(&mut self, row: usize, lane: usize, weights: &mut [Lane]) {
        let kind = self.cells.behind(self.cells.plane_and_row(row).0);
        if self.kinds[lane] != kind {
            self.kinds[lane] = kind;
            let of_kind = self.weights[kind].iter().chain(std::iter::repeat(&0.0));
            weights.iter_mut().zip(of_kind).for_each(|(weights, &weight)| weights[lane] = weight);
        }
    }
}

/// Expected magnitudes of errors: a weighted sum of errors and gradients around.
pub struct Scales<'a> {
    rows: Rows<'a>,
    errors: Vec<usize>,
    gradients: Vec<(usize, usize)>,
    weights: Vec<Lane>,
    in_strides: f32,
}

impl<'a> Scales<'a> {
    /// Of a model.
    pub fn new(cells: &'a Cells, model: &Model) -> Scales<'a> {
        let errors = offsets(cells, &cells.error_taps());
        let pairs = cells.gradient_taps();
        let [one, other] = [0, 1].map(|end| {
            let taps: Vec<_> = pairs.iter().map(|&(one, other)| [one, other][end]).collect();
            offsets(cells, &taps)
        });
        let gradients: Vec<(usize, usize)> = one.into_iter().zip(other).collect();
        let weights = vec![[0.0; LANES]; errors.len() + gradients.len() + 1];
        let rows = Rows::new(cells, |kind| model.scale_weights(kind));
        Scales { rows, errors, gradients, weights, in_strides: 1.0 / model.stride as f32 }
    }

    /// Rows that start in a step are known from now on.
    #[inline(always)]
    pub fn open(&mut self, step: usize) {
        while let Some((row, lane)) = self.rows.starting(step) {
            self.rows.weigh(row, lane, &mut self.weights);
        }
    }

    /// In strides.
    #[inline(always)]
    pub fn at(&self, state: &State, cell: usize) -> Lane {
        let (of_errors, rest) = self.weights.split_at(self.errors.len());
        let mut sum = rest[self.gradients.len()];
        for (weights, &back) in of_errors.iter().zip(&self.errors) {
            let errors = lane(&state.errors, cell - back);
            for i in 0..LANES {
                sum[i] += weights[i] * errors[i];
            }
        }
        for (weights, &(one, other)) in rest.iter().zip(&self.gradients) {
            let (one, other) = (lane(&state.values, cell - one), lane(&state.values, cell - other));
            for i in 0..LANES {
                sum[i] += weights[i] * (one[i] - other[i]).abs();
            }
        }
        for scale in &mut sum {
            *scale *= self.in_strides;
        }
        sum
    }
}

/// The filters of all lanes.
struct Filters<const N: usize> {
    offsets: [usize; N],
    weights: [Lane; N],
    /// Weights of the last blocks, in turn, each lane's twice, so that lanes can be turned.
    past: Vec<[[f32; 2 * LANES]; N]>,
    /// Lanes from that of the row above.
    turn: usize,
    calm: f32,
    /// What weights grow by for each 1 of their inputs of the last step.
    steps: Lane,
}

impl<const N: usize> Filters<N> {
    fn new(cells: &Cells, stride: f32) -> Filters<N> {
        let taps = offsets(cells, &cells.filter_taps(N));
        let n_blocks = ((cells.pitch + LANES * BLOCK / 2) / (LANES * BLOCK)).max(1);
        let calm = CALM * N as f32 * stride * stride;
        let past = vec![[[0.0; 2 * LANES]; N]; if N > 0 { n_blocks } else { 0 }];
        Filters {
            offsets: std::array::from_fn(|i| taps[i]),
            weights: [[0.0; LANES]; N],
            past,
            turn: cells.pitch % LANES,
            calm,
            steps: [0.0; LANES],
        }
    }

    /// Keeps the weights of a block, and takes over those of the row above.
    #[inline(always)]
    fn take_over(&mut self, block: usize) {
        let n_blocks = self.past.len();
        let past = &mut self.past[block % n_blocks];
        for (weights, past) in self.weights.iter_mut().zip(past) {
            let above: Lane = lane(past, LANES - self.turn);
            past[..LANES].copy_from_slice(weights);
            past[LANES..].copy_from_slice(weights);
            if block < n_blocks {
                continue;
            }
            for i in 0..LANES {
                weights[i] = KEPT * weights[i] + (1.0 - KEPT) * above[i];
            }
        }
    }

    /// Learns from the errors of the step before, if `LEARNS`; the correction, and the sum of the inputs' squares.
    #[inline(always)]
    fn correction<const LEARNS: bool>(&mut self, surprises: &[f32], cell: usize) -> (Lane, Lane) {
        let (mut sum, mut squares) = ([0.0; LANES], [self.calm; LANES]);
        for (weights, &back) in self.weights.iter_mut().zip(&self.offsets) {
            let inputs = lane(surprises, cell - back);
            if LEARNS {
                let before = lane(surprises, cell - LANES - back);
                for i in 0..LANES {
                    weights[i] += self.steps[i] * before[i];
                }
            }
            for i in 0..LANES {
                sum[i] += weights[i] * inputs[i];
                squares[i] += inputs[i] * inputs[i];
            }
        }
        (sum, squares)
    }

    /// Learns from the errors of the step before.
    #[inline(always)]
    fn learn(&mut self, surprises: &[f32], cell: usize) {
        for (weights, &back) in self.weights.iter_mut().zip(&self.offsets) {
            let before = lane(surprises, cell - LANES - back);
            for i in 0..LANES {
                weights[i] += self.steps[i] * before[i];
            }
        }
    }

    /// Keeps what is to be learned from errors.
    #[inline(always)]
    fn see(&mut self, errors: &Lane, squares: &Lane) {
        for i in 0..LANES {
            self.steps[i] = RATE * errors[i] / squares[i];
        }
    }
}

/// Walks over all steps, and leaves the numbers in `state`.
#[inline(always)]
pub fn walk<const N: usize, R: Residuals>(
    cells: &Cells,
    model: &Model,
    active: &[u16],
    state: &mut State,
    residuals: &mut R,
) {
    let neighbors = offsets(cells, &model.neighbors(cells));
    let mut weights = vec![[0.0; LANES]; neighbors.len()];
    let mut rows = Rows::new(cells, |kind| model.tap_weights(kind));
    let mut scales = Scales::new(cells, model);
    let mut filters = Filters::<N>::new(cells, model.stride as f32);
    let stride = model.stride as f32;
    // Lanes in the margin above a plane repeat the first row of the plane before.
    let mut tops = 0u16;
    let first_row =
        if cells.n_rows > cells.plane_rows { (cells.plane_rows - 1) * cells.pitch } else { LANES };
    for (idx, &active) in active.iter().enumerate() {
        let cell = cells.first + idx * LANES;
        while let Some((row, lane)) = rows.starting(idx) {
            rows.weigh(row, lane, &mut weights);
            let (plane, y) = cells.plane_and_row(row);
            tops = tops & !(1 << lane) | ((y == 0 && plane > 0) as u16) << lane;
            open_row(cells, state, row);
        }
        let scale = match R::NEEDS_SCALES {
            true => {
                scales.open(idx);
                scales.at(state, cell)
            }
            false => [0.0; LANES],
        };
        let mut fixed = [0.0; LANES];
        for (weights, &back) in weights.iter().zip(&neighbors) {
            let values = lane(&state.values, cell - back);
            for i in 0..LANES {
                fixed[i] += weights[i] * values[i];
            }
        }
        let (correction, squares) = match idx % BLOCK {
            0 if N > 0 => {
                filters.learn(&state.surprises, cell);
                filters.take_over(idx / BLOCK);
                filters.correction::<false>(&state.surprises, cell)
            }
            _ => filters.correction::<true>(&state.surprises, cell),
        };
        let (mut predicted, mut near, mut fractions) = ([0.0; LANES], [0.0; LANES], [0.0; LANES]);
        for i in 0..LANES {
            predicted[i] = limited(fixed[i] + correction[i]);
            near[i] = rounded(predicted[i]);
            fractions[i] = predicted[i] - near[i];
        }
        let step = Step { idx, cell, active };
        let residual = residuals.of_step(step, &near, &fractions, &scale);
        let (mut values, mut surprises, mut errors) = ([0.0; LANES], [0.0; LANES], [0.0; LANES]);
        for i in 0..LANES {
            values[i] = limited(near[i] + residual[i] * stride);
            surprises[i] = values[i] - fixed[i];
            errors[i] = values[i] - predicted[i];
        }
        if active != u16::MAX {
            let from = [cell - LANES, cell - first_row];
            let [(left, left_errors), (top, top_errors)] =
                from.map(|from| (lane(&state.values, from), lane(&state.errors, from)));
            for i in 0..LANES {
                if active >> i & 1 == 0 {
                    let is_top = tops >> i & 1 != 0;
                    values[i] = if is_top { top[i] } else { left[i] };
                    surprises[i] = 0.0;
                    errors[i] = 0.0;
                }
            }
            filters.see(&errors, &squares);
            for i in 0..LANES {
                if active >> i & 1 == 0 {
                    errors[i] = if tops >> i & 1 != 0 { top_errors[i] } else { left_errors[i] };
                }
            }
        } else {
            filters.see(&errors, &squares);
        }
        state.values[cell..cell + LANES].copy_from_slice(&values);
        state.surprises[cell..cell + LANES].copy_from_slice(&surprises);
        for (kept, error) in state.errors[cell..cell + LANES].iter_mut().zip(errors) {
            *kept = error.abs();
        }
    }
}

/// Fills the margin left of a row with the first number of the row above.
#[inline(always)]
fn open_row(cells: &Cells, state: &mut State, row: usize) {
    let start = cells.start(row);
    let above = (row > 0 && !cells.folded).then(|| start - cells.pitch);
    let (value, error) = above.map_or((0.0, 0.0), |above| (state.values[above], state.errors[above]));
    for column in 1..=LEFT {
        let cell = start - column * LANES;
        (state.values[cell], state.surprises[cell], state.errors[cell]) = (value, 0.0, error);
    }
}
