//! Numbers -> the smallest of a few models' streams. Models are fitted to a part of the data and compared on it; the whole is
//! walked over once, with the best of them.

use crate::classical::lorenzo::four_axes;
use crate::lockstep::cells::{Cells, LANES, Lane};
use crate::lockstep::coder::{Codebook, Writer, fraction_of, level_of};
use crate::lockstep::fit::{self, Samples, Wanted};
use crate::lockstep::model::{Filter, LARGEST, MAX_WIDTH, Model, Weights};
use crate::lockstep::part::Part;
use crate::lockstep::walk::{Residuals, Scales, State, Step, rounded};
use crate::lockstep::walk_filtered;
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
}

impl Effort {
    /// Nothing but static predictions.
    pub const STATIC: Effort = Effort {
        filters: &[Filter::Off],
        orders: false,
        noises: &[1.0 / 12.0, 0.03],
        n_taps: 16,
        n_samples: 1 << 13,
        n_compared: 1 << 17,
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
    };
    /// With more neighbors, and more models to choose from.
    pub const CAREFUL: Effort = Effort {
        filters: &[Filter::Long],
        orders: true,
        noises: &[1.0 / 12.0, 0.03, 0.1],
        n_taps: 24,
        n_samples: 1 << 15,
        n_compared: 1 << 18,
    };
    /// As good as it gets.
    pub const THOROUGH: Effort = Effort {
        filters: &[Filter::Off, Filter::Long],
        orders: true,
        noises: &[1.0 / 12.0, 0.03, 0.03, 0.1],
        n_taps: 24,
        n_samples: 1 << 15,
        n_compared: 1 << 19,
    };
}

/// A stream, and the numbers of the finer grid that it decodes to, if it is of one.
pub struct Coded {
    /// The stream.
    pub bytes: Vec<u8>,
    /// C order.
    pub finer: Option<Vec<i64>>,
}

/// Codes numbers, or those of a grid that is `finer` so many times. `None` where other coders have to.
pub fn encode(numbers: Numbers, finer: Option<(&[i64], i64)>, effort: Effort) -> Option<Coded> {
    if numbers.q.len() < MIN_VALUES {
        return None;
    }
    let extents = four_axes(numbers.shape);
    let ends = numbers.unmasked().fold(None, |ends, q| match ends {
        None => Some((q, q)),
        Some((least, largest)) => Some((q.min(least), q.max(largest))),
    })?;
    let spread = ends.1.checked_sub(ends.0)?;
    let center = ends.0 + spread / 2;
    let fits = |stride: i64| (spread / 2 + 2).saturating_mul(stride) < LARGEST as i64;
    let finer = finer.filter(|&(_, stride)| (3..=255).contains(&stride) && fits(stride));
    if !fits(1) {
        return None;
    }
    let part = Part::of(numbers, finer.map(|(q, _)| q), extents, effort.n_compared);
    let lattices = [(1, Some(&part.q)), (finer.map_or(1, |finer| finer.1), part.finer.as_ref())];
    let orders = match effort.orders || Cells::of(extents).is_none() {
        true => Order::all(extents),
        false => vec![Order::DATA],
    };
    let mut best: Option<(f64, Model)> = None;
    for order in likely_orders(&part, &orders, extents, center) {
        let placed = part.placed(order, extents)?;
        for (stride, q) in lattices.into_iter().filter_map(|(stride, q)| Some((stride, q?))) {
            let model = Model {
                order,
                stride: stride as u8,
                center: center.checked_mul(stride)?,
                filter: Filter::Off,
                taps: vec![0],
                weights: Default::default(),
                kinds: Kinds { lowest: 0, kinds: Vec::new() },
            };
            let n_inputs = placed.cells.candidates().len();
            for &filter in effort.filters {
                let filter = if filter.n_taps() <= n_inputs { filter } else { Filter::Off };
                let (bits, model) = fitted(&placed, q, Model { filter, ..model.clone() }, effort)?;
                if best.as_ref().is_none_or(|best| bits < best.0) {
                    best = Some((bits, model));
                }
            }
        }
    }
    let (_, model) = best?;
    let q = match (model.stride, finer) {
        (1, _) => numbers.q,
        (_, finer) => finer?.0,
    };
    let cells = Cells::of(model.order.extents(extents))?;
    let placed = Placed::of(cells, numbers.mask, model.order, extents);
    Some(coded(&placed, q, model, extents))
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

/// Bits that the part takes with the best of some models that are fitted to it, and that model. The first is fitted to the
/// numbers themselves, each other to what a decoder has with the model before: where little noise is left, what rounding adds is
/// most of it, and weights that make it grow take far more.
fn fitted(placed: &Placed, q: &[i64], mut model: Model, effort: Effort) -> Option<(f64, Model)> {
    let cells = &placed.cells;
    let targets = placed.targets(q, model.center);
    let samples: Samples = fit::sampled(cells, &placed.active, effort.n_samples);
    let stride = model.stride as f32;
    let mut state: Option<State> = None;
    let mut best: Option<(f64, Model)> = None;
    for &noise in effort.noises {
        let (taps, weights) = {
            let values = state.as_ref().map_or(&targets, |state| &state.values);
            let errors = state.as_ref().map(|state| &state.errors[..]);
            fit::neighbors(cells, &samples, Wanted { values, errors, stride, noise }, effort.n_taps)
        };
        model.taps = taps;
        model.weights = weights.map(|taps| Weights { taps, scale: Vec::new() });
        let mut known = Known::new(&targets, stride, placed.active.len());
        let mut walked = State::new(cells).ok()?;
        walk_filtered(cells, &model, &placed.active, &mut walked, &mut known);
        for (weights, scale) in model.weights.iter_mut().zip(fit::scales(cells, &samples, &walked, stride)) {
            weights.scale = scale;
        }
        fill_kinds(cells, &mut model);
        let mut counts = Counts::new(model.stride);
        see_all(placed, &model, &walked, &known, |active, residuals, scales, fractions| {
            counts.see(active, residuals, scales, fractions)
        });
        let bits = counts.bits();
        if best.as_ref().is_none_or(|best| bits < best.0) {
            best = Some((bits, model.clone()));
        }
        state = Some(walked);
    }
    best
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

/// The residuals of numbers that are known.
struct Known<'a> {
    targets: &'a [f32],
    inverse: f32,
    is_whole: bool,
    residuals: Vec<[i32; LANES]>,
    fractions: Vec<Lane>,
}

impl<'a> Known<'a> {
    fn new(targets: &'a [f32], stride: f32, n_steps: usize) -> Known<'a> {
        let is_whole = stride == 1.0;
        let fractions = Vec::with_capacity(if is_whole { n_steps } else { 0 });
        Known { targets, inverse: 1.0 / stride, is_whole, residuals: Vec::with_capacity(n_steps), fractions }
    }
}

impl Residuals for Known<'_> {
    const NEEDS_SCALES: bool = false;

    #[inline(always)]
    fn of_step(&mut self, step: Step, near: &Lane, fractions: &Lane, _: &Lane) -> Lane {
        let targets = crate::lockstep::walk::lane(self.targets, step.cell);
        let mut residuals = [0.0; LANES];
        for i in 0..LANES {
            residuals[i] = targets[i] - near[i];
        }
        if !self.is_whole {
            residuals = residuals.map(|apart| rounded(apart * self.inverse));
        }
        self.residuals.push(residuals.map(|residual| residual as i32));
        if self.is_whole {
            self.fractions.push(*fractions);
        }
        residuals
    }
}

/// Shows all steps with their scales: (active lanes, residuals, scales, fractions).
fn see_all(
    placed: &Placed,
    model: &Model,
    state: &State,
    known: &Known,
    mut see: impl FnMut(u16, &[i32; LANES], &Lane, &Lane),
) {
    let cells = &placed.cells;
    widest(
        #[inline(always)]
        || {
            let mut scales = Scales::new(cells, model);
            for (idx, (&active, residuals)) in placed.active.iter().zip(&known.residuals).enumerate() {
                scales.open(idx);
                let scale = scales.at(state, cells.first + idx * LANES);
                let fractions = known.fractions.get(idx).unwrap_or(&[0.0; LANES]);
                see(active, residuals, &scale, fractions);
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
    fn see(&mut self, active: u16, residuals: &[i32; LANES], scales: &Lane, fractions: &Lane) {
        for i in 0..LANES {
            if active >> i & 1 == 0 {
                continue;
            }
            let level = level_of(scales[i]).clamp(0, N_LEVELS as i32 - 1);
            let shift = shift_of(level);
            let (fraction, mirrored) =
                if self.n_fractions > 1 { fraction_of(fractions[i]) } else { (0, false) };
            let error = if mirrored { -residuals[i] } else { residuals[i] } as i64;
            let bucket = (error + ((1i64 << shift) >> 1)) >> shift;
            let symbol = ((bucket + ZERO) as u64).min(N_SYMBOLS as u64 - 1) as usize;
            self.counts[level as usize * self.n_fractions + fraction][symbol] += 1;
            let escape =
                if symbol == N_SYMBOLS - 1 { 6 + 64 - bucket.unsigned_abs().leading_zeros() } else { 0 };
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
    let mut known = Known::new(&targets, model.stride as f32, placed.active.len());
    walk_filtered(cells, &model, &placed.active, &mut state, &mut known);
    let mut errors = Errors::default();
    let every = (placed.active.len() / EVERY).max(1);
    let is_whole = model.stride == 1;
    let mut countdown = 0;
    see_all(placed, &model, &state, &known, |active, residuals, scales, fractions| {
        if countdown > 0 {
            countdown -= 1;
            return;
        }
        countdown = every - 1;
        for i in (0..LANES).filter(|i| active >> i & 1 != 0) {
            let (fraction, mirrored) = if is_whole { fraction_of(fractions[i]) } else { (0, false) };
            let error = if mirrored { -residuals[i] } else { residuals[i] };
            errors.code(level_of(scales[i]), fraction, error as i64);
        }
    });
    let (lowest, mut kinds) = errors.kinds();
    kinds.iter_mut().for_each(|kind| kind.width = kind.width.min(MAX_WIDTH));
    model.kinds = Kinds { lowest, kinds };
    let codebook = Codebook::new(&model.kinds, model.stride);
    let mut writer = Writer::new(&codebook, placed.active.len());
    see_all(placed, &model, &state, &known, |active, residuals, scales, fractions| {
        writer.step(active, residuals, scales, fractions)
    });
    let mut w = ByteWriter::default();
    model.write(cells, &mut w);
    writer.finish(&mut w);
    let finer = (model.stride != 1).then(|| {
        let mut ordered = Vec::with_capacity(q.len());
        for (row, _, n) in cells.rows() {
            let row = state.values[cells.start(row)..].iter().step_by(LANES).take(n);
            ordered.extend(row.map(|&value| model.center.wrapping_add(value as i64)));
        }
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
