//! Numbers in their cells, and what a walk over them leaves for coding. The encoder only.

use crate::lockstep::cells::{Cells, LANES, Lane};
use crate::lockstep::coder::{Contexts, contexts};
use crate::lockstep::goal::Goal;
use crate::lockstep::part::Part;
use crate::lockstep::walk::{Residuals, Step, lane, rounded};
use crate::predict::order::Order;

/// Cells of an array in an order, and where numbers stand.
pub struct Placed {
    /// Where numbers lie.
    pub cells: Cells,
    /// By step, the lanes with a number.
    pub active: Vec<u16>,
    order: Order,
    extents: [usize; 4],
}

impl Placed {
    /// `mask` (in the data's order) is true where there is no number.
    pub fn of(cells: Cells, mask: Option<&[bool]>, order: Order, extents: [usize; 4]) -> Placed {
        let ordered_mask = mask.map(|mask| order.apply(mask, extents));
        let active = cells.active(ordered_mask.as_deref());
        Placed { cells, active, order, extents }
    }

    /// Numbers less a center, and how far they may go.
    pub fn targets(&self, goal: Goal, center: i64) -> Targets {
        let ends = goal.ends.map(|ends| [ends.low, ends.high].map(|ends| self.in_cells(ends, center)));
        Targets { values: self.in_cells(goal.q, center), ends }
    }

    /// Numbers less a center, in their cells.
    pub fn in_cells(&self, q: &[i64], center: i64) -> Vec<f32> {
        let mut targets = vec![0.0; self.cells.n_cells()];
        let ordered;
        let q = match self.order {
            Order::DATA => q,
            order => {
                ordered = order.apply(q, self.extents);
                &ordered
            }
        };
        for (row, before, n) in self.cells.rows() {
            let row = targets[self.cells.start(row)..].iter_mut().step_by(LANES);
            row.zip(&q[before..before + n]).for_each(|(target, &q)| *target = q.wrapping_sub(center) as f32);
        }
        targets
    }
}

impl Part {
    /// In an order, with the neighbors that the whole has in it.
    pub fn placed(&self, order: Order, extents: [usize; 4]) -> Option<Placed> {
        let cells = Cells::of(order.extents(extents))?.of_part(order.extents(self.extents))?;
        Some(Placed::of(cells, self.mask.as_deref(), order, self.extents))
    }
}

/// What is to be coded, in cells.
pub struct Targets {
    /// Numbers less a center.
    pub values: Vec<f32>,
    /// The least and the greatest that each may become, where that is not within half a stride for all.
    pub ends: Option<[Vec<f32>; 2]>,
}

/// The residuals of numbers that are known, and, with `SCALED`, their contexts; else what contexts are made of.
pub struct Known<'a, const SCALED: bool> {
    targets: &'a Targets,
    stride: f32,
    inverse: f32,
    /// True if predictions are whole numbers, as with a stride.
    pub is_whole: bool,
    /// By step, in strides.
    pub residuals: Vec<[i32; LANES]>,
    /// By step, what rounding took off predictions; none where they are whole.
    pub fractions: Vec<Lane>,
    /// By step; only with `SCALED`.
    pub contexts: Vec<Contexts>,
}

impl<'a, const SCALED: bool> Known<'a, SCALED> {
    /// With room for so many steps.
    pub fn new(targets: &'a Targets, stride: f32, n_steps: usize) -> Known<'a, SCALED> {
        let is_whole = stride != 1.0;
        let room = |needed: bool| if needed { n_steps } else { 0 };
        Known {
            targets,
            stride,
            inverse: 1.0 / stride,
            is_whole,
            residuals: Vec::with_capacity(n_steps),
            fractions: Vec::with_capacity(room(!SCALED && !is_whole)),
            contexts: Vec::with_capacity(room(SCALED)),
        }
    }
}

impl<const SCALED: bool> Residuals for Known<'_, SCALED> {
    const NEEDS_SCALES: bool = SCALED;

    #[inline(always)]
    fn of_step(&mut self, step: Step, near: &Lane, fractions: &Lane, scales: &Lane) -> Lane {
        let targets = lane(&self.targets.values, step.cell);
        let mut residuals = [0.0; LANES];
        for i in 0..LANES {
            residuals[i] = targets[i] - near[i];
        }
        if self.is_whole {
            for residual in &mut residuals {
                *residual = rounded(*residual * self.inverse);
            }
        }
        if let Some(ends) = &self.targets.ends {
            let [low, high] = ends.each_ref().map(|ends| lane(ends, step.cell));
            for i in 0..LANES {
                let value = near[i] + residuals[i] * self.stride;
                residuals[i] += (value < low[i]) as u8 as f32 - (value > high[i]) as u8 as f32;
            }
        }
        let mut whole = [0; LANES];
        for i in 0..LANES {
            // All lie within 24 bits.
            whole[i] = residuals[i] as i32;
        }
        self.residuals.push(whole);
        match (SCALED, self.is_whole) {
            (true, is_whole) => self.contexts.push(contexts(scales, fractions, is_whole)),
            (false, false) => self.fractions.push(*fractions),
            (false, true) => {}
        }
        residuals
    }
}
