//! Numbers -> the smallest of a few models' streams. Models are fitted to a part of the data and compared on it; the whole is
//! walked over once, with the best of them.

use crate::classical::lorenzo::four_axes;
use crate::lockstep::cells::{Cells, LANES, Lane};
use crate::lockstep::coder::{Codebook, Contexts, Writer, contexts, fraction_of, level_of, mirrored};
use crate::lockstep::fit::{self, Samples, Wanted};
use crate::lockstep::model::{Filter, LARGEST, MAX_WIDTH, Model, Weights};
use crate::lockstep::part::Part;
use crate::lockstep::walk::{Residuals, Scales, State, Step, rounded};
use crate::lockstep::walk_filtered;
use crate::options::Level;
use crate::predict::Numbers;
use crate::predict::order::Order;
use crate::predict::rows::choose::Errors;
use crate::predict::rows::kinds::Kinds;
use crate::predict::rows::row::{N_FRACTIONS, N_SYMBOLS, ZERO, shift_of};
use crate::predict::rows::walk::ErrorCoder;
use crate::quantize::widest;
use baler_data::bytes::ByteWriter;

/// Fewest numbers that are worth a model.
const MIN_VALUES: usize = 1024;
/// Levels that are told apart.
const N_LEVELS: usize = 160;

/// How hard is tried.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Effort {
    /// The filters that are tried.
    pub filters: &'static [Filter],
    /// Whether other orders of the axes are tried.
    pub orders: bool,
    /// Of each model that is fitted, the variance of noise that is added to what it is fitted to, in squared strides.
    pub noises: &'static [f32],
    /// Most neighbors of a prediction.
    pub n_taps: usize,
    /// About how many numbers weights are fitted to.
    pub n_samples: usize,
    /// About how many numbers models are compared on.
    pub n_compared: usize,
    /// Models whose first fit takes so many times what the best takes are fitted again.
    pub doubt: f64,
}

impl Effort {
    /// Of a level.
    pub fn of(level: Level) -> Effort {
        match level.number() {
            1 => Effort::STATIC,
            2 => Effort::ORDERED,
            3 | 4 => Effort::FILTERED,
            5 | 6 => Effort::CAREFUL,
            _ => Effort::THOROUGH,
        }
    }

    /// Nothing but static predictions.
    pub const STATIC: Effort = Effort {
        filters: &[Filter::Off],
        orders: false,
        noises: &[1.0 / 12.0, 0.03],
        n_taps: 16,
        n_samples: 1 << 13,
        n_compared: 1 << 17,
        doubt: 1.0,
    };
    /// The same, in the order of the axes that is likely the best.
    pub const ORDERED: Effort = Effort { orders: true, ..Effort::STATIC };
    /// With filters.
    pub const FILTERED: Effort = Effort {
        filters: &[Filter::Long],
        orders: true,
        noises: &[1.0 / 12.0, 0.03],
        n_taps: 16,
        n_samples: 1 << 14,
        n_compared: 1 << 18,
        doubt: 1.1,
    };
    /// With more neighbors, and more models to choose from.
    pub const CAREFUL: Effort = Effort {
        filters: &[Filter::Long],
        orders: true,
        noises: &[1.0 / 12.0, 0.03, 0.1],
        n_taps: 24,
        n_samples: 1 << 15,
        n_compared: 1 << 18,
        doubt: 1.5,
    };
    /// As good as it gets.
    pub const THOROUGH: Effort = Effort {
        filters: &[Filter::Off, Filter::Long],
        orders: true,
        noises: &[1.0 / 12.0, 0.03, 0.03, 0.1],
        n_taps: 24,
        n_samples: 1 << 15,
        n_compared: 1 << 19,
        doubt: 1.5,
    };
}

/// A stream, and the numbers of the finer grid that it decodes to, if it is of one.
pub struct Coded {
    /// The stream.
    pub bytes: Vec<u8>,
    /// C order.
    pub finer: Option<Vec<i64>>,
}

/// What was learned from some numbers of a variable, for others of it.
#[derive(Debug)]
pub struct Learned {
    model: Model,
    n_candidates: usize,
}

/// Numbers, and those of the finer grid, that float32 tells apart.
#[derive(Clone, Copy)]
struct Input<'a> {
    numbers: Numbers<'a>,
    finer: Option<(&'a [i64], i64)>,
    extents: [usize; 4],
    center: i64,
}

impl<'a> Input<'a> {
    fn of(numbers: Numbers<'a>, finer: Option<(&'a [i64], i64)>) -> Option<Input<'a>> {
        if numbers.q.len() < MIN_VALUES {
            return None;
        }
        let ends = numbers.unmasked().fold(None, |ends, q| match ends {
            None => Some((q, q)),
            Some((least, largest)) => Some((q.min(least), q.max(largest))),
        })?;
        let spread = ends.1.checked_sub(ends.0)?;
        let center = ends.0 + spread / 2;
        let fits = |stride: i64| {
            let widest = (spread / 2 + 2).saturating_mul(stride);
            widest < LARGEST as i64 && center.checked_mul(stride).is_some()
        };
        let finer = finer.filter(|&(_, stride)| (3..=255).contains(&stride) && fits(stride));
        fits(1).then(|| Input { numbers, finer, extents: four_axes(numbers.shape), center })
    }

    /// A model without weights.
    fn model(&self, order: Order, stride: i64, filter: Filter) -> Model {
        Model {
            order,
            stride: stride as u8,
            center: self.center * stride,
            filter,
            taps: vec![0],
            weights: Default::default(),
            kinds: Kinds { lowest: 0, kinds: Vec::new() },
        }
    }

    /// The best of a few models on a part of the numbers.
    fn learn(&self, effort: Effort) -> Option<Model> {
        let Input { numbers, finer, extents, .. } = *self;
        let part = Part::of(numbers, finer.map(|(q, _)| q), extents, effort.n_compared);
        let orders = match effort.orders || Cells::of(extents).is_none() {
            true => Order::all(extents),
            false => vec![Order::DATA],
        };
        let tried = |order: Order, (stride, q): (i64, &[i64])| -> Option<Vec<Trial>> {
            let placed = part.placed(order, extents)?;
            let of_filter = |&filter: &Filter| {
                let is_possible = filter.n_taps() <= placed.cells.candidates().len();
                let model = self.model(order, stride, if is_possible { filter } else { Filter::Off });
                Trial::first(&placed, q, model, effort)
            };
            effort.filters.iter().map(of_filter).collect()
        };
        let mut trials: Vec<Trial> = Vec::new();
        for order in likely_orders(&part, &orders, extents, self.center) {
            trials.extend(tried(order, (1, &part.q))?);
            if let Some((finer, (_, stride))) = part.finer.as_ref().zip(finer) {
                trials.extend(tried(order, (stride, finer))?);
            }
        }
        let least = trials.iter().map(|trial| trial.bits).fold(f64::INFINITY, f64::min);
        let likely = trials.into_iter().filter(|trial| trial.bits <= effort.doubt * least);
        let mut best: Option<(f64, Model)> = None;
        for trial in likely {
            let placed = part.placed(trial.model.order, extents)?;
            let q = if trial.model.stride == 1 { &part.q } else { part.finer.as_ref()? };
            let (bits, model) = trial.refined(&placed, q, effort)?;
            if best.as_ref().is_none_or(|best| bits < best.0) {
                best = Some((bits, model));
            }
        }
        best.map(|(_, model)| model)
    }

    /// A model that was learned from other numbers, if it can be that of these.
    fn adopt(&self, learned: &Learned) -> Option<Model> {
        let model = &learned.model;
        let cells = Cells::of(model.order.extents(self.extents))?;
        let is_known = |kind: &usize| !model.weights[*kind].scale.is_empty();
        let is_alike = cells.candidates().len() == learned.n_candidates && cells.kinds().iter().all(is_known);
        let stride = model.stride as i64;
        let is_there = stride == 1 || self.finer.is_some_and(|finer| finer.1 == stride);
        (is_alike && is_there).then(|| Model { center: self.center * stride, ..model.clone() })
    }
}

/// Learns from numbers what may serve all of a variable.
pub fn learn(numbers: Numbers, finer: Option<(&[i64], i64)>, effort: Effort) -> Option<Learned> {
    let input = Input::of(numbers, finer)?;
    let model = input.learn(effort)?;
    let cells = Cells::of(model.order.extents(input.extents))?;
    Some(Learned { model, n_candidates: cells.candidates().len() })
}

/// Codes numbers, or those of a grid that is `finer` so many times, with what was `learned` where that is possible. `None` where other
/// coders have to.
pub fn encode(
    numbers: Numbers,
    finer: Option<(&[i64], i64)>,
    effort: Effort,
    learned: Option<&Learned>,
) -> Option<Coded> {
    let input = Input::of(numbers, finer)?;
    let adopted = learned.and_then(|learned| input.adopt(learned));
    let model = adopted.or_else(|| input.learn(effort))?;
    let q = match (model.stride, input.finer) {
        (1, _) => numbers.q,
        (_, finer) => finer?.0,
    };
    let cells = Cells::of(model.order.extents(input.extents))?;
    let placed = Placed::of(cells, numbers.mask, model.order, input.extents);
    Some(coded(&placed, q, model, input.extents))
}

/// Cells of an array in an order, and where numbers stand.
struct Placed {
    cells: Cells,
    active: Vec<u16>,
    order: Order,
    extents: [usize; 4],
}

impl Placed {
    fn of(cells: Cells, mask: Option<&[bool]>, order: Order, extents: [usize; 4]) -> Placed {
        let ordered_mask = mask.map(|mask| order.apply(mask, extents));
        let active = cells.active(ordered_mask.as_deref());
        Placed { cells, active, order, extents }
    }

    /// Numbers less a center, in their cells.
    fn targets(&self, q: &[i64], center: i64) -> Vec<f32> {
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
    fn placed(&self, order: Order, extents: [usize; 4]) -> Option<Placed> {
        let cells = Cells::of(order.extents(extents))?.of_part(order.extents(self.extents))?;
        Some(Placed::of(cells, self.mask.as_deref(), order, self.extents))
    }
}

/// The data's order, and the one in which static predictions are nearest, where that is clearly another.
fn likely_orders(part: &Part, orders: &[Order], extents: [usize; 4], center: i64) -> Vec<Order> {
    const CLEAR: f64 = 0.97;
    const N_SAMPLES: usize = 1 << 11;
    let cost = |order: Order| -> Option<f64> {
        let placed = part.placed(order, extents)?;
        let targets = placed.targets(&part.q, center);
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
struct Trial {
    bits: f64,
    model: Model,
    /// What a decoder has with it.
    state: State,
}

impl Trial {
    /// Of a model that is fitted to the numbers themselves.
    fn first(placed: &Placed, q: &[i64], model: Model, effort: Effort) -> Option<Trial> {
        let targets = placed.targets(q, model.center);
        let samples = fit::sampled(&placed.cells, &placed.active, effort.n_samples);
        Trial::of(placed, &targets, &samples, (model, None, effort.noises[0]), effort)
    }

    /// The least bits of this model and some that are fitted to what a decoder has with the model before, each: where little noise is
    /// left, what rounding adds is most of it, and weights that make it grow take far more.
    fn refined(self, placed: &Placed, q: &[i64], effort: Effort) -> Option<(f64, Model)> {
        let targets = placed.targets(q, self.model.center);
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
        targets: &[f32],
        samples: &Samples,
        (mut model, before, noise): (Model, Option<&State>, f32),
        effort: Effort,
    ) -> Option<Trial> {
        let cells = &placed.cells;
        let stride = model.stride as f32;
        let values = before.map_or(targets, |state| &state.values);
        let errors = before.map(|state| &state.errors[..]);
        let (taps, weights) =
            fit::neighbors(cells, samples, Wanted { values, errors, stride, noise }, effort.n_taps);
        model.taps = taps;
        model.weights = weights.map(|taps| Weights { taps, scale: Vec::new() });
        let mut known = Known::<false>::new(targets, stride, placed.active.len());
        let mut state = State::new(cells).ok()?;
        walk_filtered(cells, &model, &placed.active, &mut state, &mut known);
        for (weights, scale) in model.weights.iter_mut().zip(fit::scales(cells, samples, &state, stride)) {
            weights.scale = scale;
        }
        fill_kinds(cells, &mut model);
        let mut counts = Counts::new(model.stride);
        count(placed, &model, &state, &known, &mut counts);
        Some(Trial { bits: counts.bits(), model, state })
    }
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
                    scale: vec![1 << 10; crate::lockstep::model::scale_taps(cells).len()],
                },
                false => like,
            };
        }
    }
}

/// The residuals of numbers that are known, and, with `SCALED`, their contexts; else what contexts are made of.
struct Known<'a, const SCALED: bool> {
    targets: &'a [f32],
    inverse: f32,
    is_whole: bool,
    residuals: Vec<[i32; LANES]>,
    fractions: Vec<Lane>,
    contexts: Vec<Contexts>,
}

impl<'a, const SCALED: bool> Known<'a, SCALED> {
    fn new(targets: &'a [f32], stride: f32, n_steps: usize) -> Known<'a, SCALED> {
        let is_whole = stride != 1.0;
        let room = |needed: bool| if needed { n_steps } else { 0 };
        Known {
            targets,
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
        let targets = crate::lockstep::walk::lane(self.targets, step.cell);
        let mut residuals = [0.0; LANES];
        for i in 0..LANES {
            residuals[i] = targets[i] - near[i];
        }
        if self.is_whole {
            for residual in &mut residuals {
                *residual = rounded(*residual * self.inverse);
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

/// Counts all steps, with the scales that a model tells.
fn count(placed: &Placed, model: &Model, state: &State, known: &Known<false>, counts: &mut Counts) {
    let cells = &placed.cells;
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
    )
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

/// The stream of all numbers with a model.
fn coded(placed: &Placed, q: &[i64], mut model: Model, extents: [usize; 4]) -> Coded {
    /// Steps of which one is looked at for choosing rows.
    const EVERY: usize = 1 << 14;
    let cells = &placed.cells;
    let targets = placed.targets(q, model.center);
    let mut state = State::new(cells).expect("memory for an array");
    let mut known = Known::<true>::new(&targets, model.stride as f32, placed.active.len());
    walk_filtered(cells, &model, &placed.active, &mut state, &mut known);
    let mut errors = Errors::default();
    let every = (placed.active.len() / EVERY).max(1);
    let steps = || placed.active.iter().zip(&known.residuals).zip(&known.contexts);
    for ((active, residuals), contexts) in steps().step_by(every) {
        for i in (0..LANES).filter(|i| active >> i & 1 != 0) {
            let error = mirrored(residuals[i], contexts[i]) as i64;
            errors.code(level_of(contexts[i]) as i32, fraction_of(contexts[i]), error);
        }
    }
    let (lowest, mut kinds) = errors.kinds();
    kinds.iter_mut().for_each(|kind| kind.width = kind.width.min(MAX_WIDTH));
    model.kinds = Kinds { lowest, kinds };
    let codebook = Codebook::new(&model.kinds, model.stride);
    let mut writer = Writer::new(&codebook, placed.active.len());
    widest(
        #[inline(always)]
        || steps().for_each(|((&active, residuals), contexts)| writer.step(active, residuals, contexts)),
    );
    let mut w = ByteWriter::default();
    model.write(cells, &mut w);
    writer.finish(&mut w);
    let finer = (model.stride != 1).then(|| {
        let ordered = super::numbers(cells, &model, &state).expect("memory for an array");
        match model.order {
            Order::DATA => ordered,
            order => {
                let mut finer = vec![0; q.len()];
                order.undo(&ordered, extents, &mut finer);
                finer
            }
        }
    });
    Coded { bytes: w.bytes, finer }
}
