//! Models that are fitted to a part of the numbers, and what the part takes with them. The encoder only.

use crate::lockstep::cells::{Cells, LANES};
use crate::lockstep::coder::{Contexts, contexts, fraction_of, level_of, mirrored};
use crate::lockstep::effort::Effort;
use crate::lockstep::fit::{self, Samples, Wanted};
use crate::lockstep::goal::Goal;
use crate::lockstep::model::{Filter, Model, Weights, scale_taps};
use crate::lockstep::part::Part;
use crate::lockstep::placed::{Known, Placed, Targets};
use crate::lockstep::walk::{Scales, State};
use crate::lockstep::walk_filtered;
use crate::predict::order::Order;
use crate::predict::rows::kinds::Kinds;
use crate::predict::rows::row::{N_FRACTIONS, N_SYMBOLS, ZERO, shift_of};
use crate::quantize::widest;

/// Levels that are told apart.
const N_LEVELS: usize = 160;

/// The data's order, and the one in which static predictions are nearest, where that is clearly another.
pub fn likely_orders(part: &Part, orders: &[Order], extents: [usize; 4], center: i64) -> Vec<Order> {
    const CLEAR: f64 = 0.97;
    const N_SAMPLES: usize = 1 << 11;
    let cost = |order: Order| -> Option<f64> {
        let placed = part.placed(order, extents)?;
        let targets = placed.in_cells(&part.q, center);
        let samples = fit::sampled(&placed.cells, &placed.active, N_SAMPLES);
        let of = Wanted { values: &targets, errors: None, stride: 1.0, noise: 1.0 / 12.0 };
        let (taps, weights) = fit::neighbors(&placed.cells, &samples, of, 8);
        let model = Model {
            order,
            stride: 1,
            center,
            filter: Filter::Off,
            taps,
            weights: weights.map(|taps| Weights { taps, scale: Vec::new() }),
            kinds: Kinds { lowest: 0, kinds: Vec::new() },
        };
        let backs: Vec<usize> = model
            .neighbors(&placed.cells)
            .iter()
            .map(|&tap| placed.cells.offset(tap).unsigned_abs())
            .collect();
        let by_kind: Vec<Vec<f32>> = (0..4).map(|kind| model.tap_weights(kind)).collect();
        let bits = samples.iter().map(|&(cell, kind)| {
            let weighed =
                by_kind[kind].iter().zip(&backs).map(|(weight, back)| weight * targets[cell - back]);
            let error = targets[cell] - weighed.sum::<f32>();
            libm::log2f(error.abs() + 0.5) as f64 + 2.0
        });
        Some(bits.sum::<f64>() / samples.len().max(1) as f64)
    };
    let own = cost(orders[0]);
    let others = orders[1..].iter().filter_map(|&order| Some((cost(order)?, order)));
    let best = others.min_by(|one, other| one.0.total_cmp(&other.0));
    let best = best.filter(|best| own.is_none_or(|own| best.0 < CLEAR * own)).map(|best| best.1);
    own.map(|_| orders[0]).into_iter().chain(best).collect()
}

/// A model that is fitted to a part, and what the part takes with it.
pub struct Trial {
    /// What the part takes.
    pub bits: f64,
    /// The model.
    pub model: Model,
    /// What a decoder has with it.
    state: State,
}

impl Trial {
    /// Of a model that is fitted to the numbers themselves.
    pub fn first(placed: &Placed, goal: Goal, model: Model, effort: Effort) -> Option<Trial> {
        let targets = placed.targets(goal, model.center);
        let samples = fit::sampled(&placed.cells, &placed.active, effort.n_samples);
        Trial::of(placed, &targets, &samples, (model, None, effort.noises[0]), effort)
    }

    /// The least bits of this model and some that are fitted to what a decoder has with the model before, each: where little noise is
    /// left, what rounding adds is most of it, and weights that make it grow take far more.
    pub fn refined(self, placed: &Placed, goal: Goal, effort: Effort) -> Option<(f64, Model)> {
        let targets = placed.targets(goal, self.model.center);
        let samples = fit::sampled(&placed.cells, &placed.active, effort.n_samples);
        let mut best = (self.bits, self.model.clone());
        let mut last = self;
        for &noise in &effort.noises[1..] {
            last = Trial::of(placed, &targets, &samples, (last.model, Some(&last.state), noise), effort)?;
            if last.bits < best.0 {
                best = (last.bits, last.model.clone());
            }
        }
        Some(best)
    }

    /// Of a model whose weights are fitted to what is known: the `targets`, or what a decoder has with the model before.
    fn of(
        placed: &Placed,
        targets: &Targets,
        samples: &Samples,
        (mut model, before, noise): (Model, Option<&State>, f32),
        effort: Effort,
    ) -> Option<Trial> {
        let cells = &placed.cells;
        let stride = model.stride as f32;
        let values = before.map_or(&targets.values, |state| &state.values);
        let errors = before.map(|state| &state.errors[..]);
        let (taps, weights) =
            fit::neighbors(cells, samples, Wanted { values, errors, stride, noise }, effort.n_taps);
        model.taps = taps;
        model.weights = weights.map(|taps| Weights { taps, scale: Vec::new() });
        Trial::scaled(placed, targets, samples, model)
    }

    /// A model, and what a part takes with it, where filters do not pay: they follow the noise of bounds that are loose.
    pub fn without_filter(placed: &Placed, goal: Goal, model: Model, effort: Effort) -> Option<(f64, Model)> {
        let model = Model { filter: Filter::Off, ..model };
        let targets = placed.targets(goal, model.center);
        let samples = fit::sampled(&placed.cells, &placed.active, effort.n_samples);
        Trial::scaled(placed, &targets, &samples, model).map(|trial| (trial.bits, trial.model))
    }

    /// Of a model whose weights of neighbors are known.
    fn scaled(placed: &Placed, targets: &Targets, samples: &Samples, mut model: Model) -> Option<Trial> {
        let cells = &placed.cells;
        let stride = model.stride as f32;
        let (state, known) = walked(placed, targets, &model)?;
        for (weights, scale) in model.weights.iter_mut().zip(fit::scales(cells, samples, &state, stride)) {
            weights.scale = scale;
        }
        fill_kinds(cells, &mut model);
        Some(Trial { bits: counted(placed, &model, &state, &known), model, state })
    }
}

/// What a decoder has with a model, and what is coded.
fn walked<'a>(placed: &Placed, targets: &'a Targets, model: &Model) -> Option<(State, Known<'a, false>)> {
    let mut known = Known::<false>::new(targets, model.stride as f32, placed.active.len());
    let mut state = State::new(&placed.cells).ok()?;
    walk_filtered(&placed.cells, model, &placed.active, &mut state, &mut known);
    Some((state, known))
}

/// Planes of kinds without samples take the weights of another kind.
fn fill_kinds(cells: &Cells, model: &mut Model) {
    let known: Vec<usize> = (0..4).filter(|&kind| !model.weights[kind].scale.is_empty()).collect();
    for kind in cells.kinds() {
        if model.weights[kind].scale.is_empty() {
            let like = known.iter().copied().min_by_key(|&other| (kind ^ other).count_ones());
            let like = like.map_or(Weights::default(), |like| model.weights[like].clone());
            model.weights[kind] = match like.scale.is_empty() {
                true => Weights {
                    taps: vec![0; model.taps.len() - 1],
                    scale: vec![1 << 10; scale_taps(cells).len()],
                },
                false => like,
            };
        }
    }
}

/// Bits of all steps, with the scales that a model tells.
fn counted(placed: &Placed, model: &Model, state: &State, known: &Known<false>) -> f64 {
    let cells = &placed.cells;
    let mut counts = Counts::new(model.stride);
    widest(
        #[inline(always)]
        || {
            let mut scales = Scales::new(cells, model);
            for (idx, (&active, residuals)) in placed.active.iter().zip(&known.residuals).enumerate() {
                scales.open(idx);
                let scale = scales.at(state, cells.first + idx * LANES);
                let fractions = known.fractions.get(idx).unwrap_or(&[0.0; LANES]);
                counts.see(active, residuals, &contexts(&scale, fractions, known.is_whole));
            }
        },
    );
    counts.bits()
}

/// How often each bucket was seen, by level and fraction.
struct Counts {
    counts: Vec<[u32; N_SYMBOLS]>,
    n_fractions: usize,
    raw_bits: u64,
}

impl Counts {
    fn new(stride: u8) -> Counts {
        let n_fractions = if stride == 1 { N_FRACTIONS } else { 1 };
        Counts { counts: vec![[0; N_SYMBOLS]; N_LEVELS * n_fractions], n_fractions, raw_bits: 0 }
    }

    #[inline(always)]
    fn see(&mut self, active: u16, residuals: &[i32; LANES], contexts: &Contexts) {
        for i in 0..LANES {
            if active >> i & 1 == 0 {
                continue;
            }
            let level = level_of(contexts[i]).min(N_LEVELS - 1);
            let shift = shift_of(level as i32);
            let error = mirrored(residuals[i], contexts[i]);
            let bucket = (error + ((1 << shift) >> 1)) >> shift;
            let symbol = ((bucket + ZERO as i32) as u32).min(N_SYMBOLS as u32 - 1) as usize;
            self.counts[level * self.n_fractions + fraction_of(contexts[i])][symbol] += 1;
            let escape =
                if symbol == N_SYMBOLS - 1 { 6 + 32 - bucket.unsigned_abs().leading_zeros() } else { 0 };
            self.raw_bits += (shift + escape) as u64;
        }
    }

    /// Entropy of all.
    fn bits(&self) -> f64 {
        let of_row = |counts: &[u32; N_SYMBOLS]| {
            let all: u32 = counts.iter().sum();
            let bits =
                counts.iter().filter(|&&n| n > 0).map(|&n| n as f64 * libm::log2(all as f64 / n as f64));
            bits.sum::<f64>()
        };
        self.raw_bits as f64 + self.counts.iter().map(of_row).sum::<f64>()
    }
}
