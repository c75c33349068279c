//! Numbers -> the smallest of a few models' streams. Models are fitted to a part of the data and compared on it; the whole is
//! walked over once, with the best of them.

use crate::classical::lorenzo::four_axes;
use crate::lockstep::cells::{Cells, LANES};
use crate::lockstep::coder::{Codebook, Contexts, Writer, fraction_of, level_of, mirrored};
use crate::lockstep::effort::Effort;
use crate::lockstep::goal::Goal;
use crate::lockstep::model::{Filter, LARGEST, MAX_WIDTH, Model};
use crate::lockstep::part::Part;
use crate::lockstep::placed::{Known, Placed};
use crate::lockstep::trial::{Trial, likely_orders};
use crate::lockstep::walk::State;
use crate::lockstep::walk_filtered;
use crate::predict::Numbers;
use crate::predict::order::Order;
use crate::predict::rows::choose::Errors;
use crate::predict::rows::kinds::Kinds;
use crate::predict::rows::walk::ErrorCoder;
use crate::quantize::widest;
use baler_data::bytes::ByteWriter;

/// Fewest numbers that are worth a model.
const MIN_VALUES: usize = 1024;
/// Bits a number below which first fits tell little of lattices that are centred on predictions: at any level so many times what
/// the best takes is then fitted again.
const MAX_LOOSE_BITS: f64 = 1.5;
const LOOSE_DOUBT: f64 = 1.5;

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
pub struct Input<'a> {
    /// Those of the grid.
    pub numbers: Numbers<'a>,
    /// Those of a finer grid; where their bound varies, of one that may be as fine.
    pub finer: Option<Goal<'a>>,
    /// Extents of four axes.
    pub extents: [usize; 4],
    /// In the middle between the ends.
    pub center: i64,
}

impl<'a> Input<'a> {
    /// `None` where float32 does not tell them apart, or they are few.
    pub fn of(numbers: Numbers<'a>, finer: Option<Goal<'a>>) -> Option<Input<'a>> {
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
        let finer = finer.filter(|finer| {
            let is_finer = (3..=255).contains(&finer.stride) || finer.ends.is_some() && finer.stride == 1;
            is_finer && fits(finer.stride)
        });
        fits(1).then(|| Input { numbers, finer, extents: four_axes(numbers.shape), center })
    }

    /// What may be coded: the numbers, those of the finer grid; where these are free, they alone.
    fn goals(&self) -> impl Iterator<Item = (bool, Goal<'a>)> {
        let own = Goal { q: self.numbers.q, stride: 1, ends: None };
        let is_free = self.finer.is_some_and(|finer| finer.ends.is_some());
        let own = (!is_free).then_some((false, own));
        own.into_iter().chain(self.finer.map(|finer| (true, finer)))
    }

    /// The one of a stride.
    fn goal(&self, stride: u8) -> Option<(bool, Goal<'a>)> {
        self.goals().find(|(_, goal)| goal.stride == stride as i64)
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

    /// The best of a few models on a part of the numbers: the one, or some that come so close to it that all numbers must tell.
    fn learn(&self, effort: Effort) -> Option<Vec<Model>> {
        /// Models that take so many times what the best takes are out.
        const CLOSE: f64 = 1.1;
        let part = Part::of(self.numbers, self.finer, self.extents, effort.n_compared);
        let mut models = self.fitted(&part, effort)?;
        if let Some(less) = effort.and {
            models.extend(self.fitted(&part, *less)?);
        }
        models.sort_by(|one, other| one.0.total_cmp(&other.0));
        let least = models.first()?.0;
        models.retain(|model| model.0 <= CLOSE * least);
        models.truncate(effort.n_finalists);
        Some(models.into_iter().map(|(_, model)| model).collect())
    }

    /// The smallest of the streams of models.
    fn coded(&self, models: Vec<Model>) -> Option<(Model, Coded)> {
        let coded = |model: Model| -> Option<(Model, Coded)> {
            let (_, goal) = self.goal(model.stride)?;
            let cells = Cells::of(model.order.extents(self.extents))?;
            let placed = Placed::of(cells, self.numbers.mask, model.order, self.extents);
            let coded = coded(&placed, goal, model.clone(), self.extents);
            Some((model, coded))
        };
        let all: Option<Vec<(Model, Coded)>> = models.into_iter().map(coded).collect();
        all?.into_iter().min_by_key(|(_, coded)| coded.bytes.len())
    }

    /// Models that are fitted to a part, and what it takes with each.
    fn fitted(&self, part: &Part, effort: Effort) -> Option<Vec<(f64, Model)>> {
        let extents = self.extents;
        let orders = match effort.orders || Cells::of(extents).is_none() {
            true => Order::all(extents),
            false => vec![Order::DATA],
        };
        let tried = |order: Order, goal: Goal| -> Option<Vec<Trial>> {
            let placed = part.placed(order, extents)?;
            let of_filter = |&filter: &Filter| {
                let is_possible = filter.n_taps() <= placed.cells.candidates().len();
                let model = self.model(order, goal.stride, if is_possible { filter } else { Filter::Off });
                Trial::first(&placed, goal, model, effort)
            };
            effort.filters.iter().map(of_filter).collect()
        };
        let mut trials: Vec<Trial> = Vec::new();
        for order in likely_orders(part, &orders, extents, self.center) {
            for (is_finer, goal) in self.goals() {
                trials.extend(tried(order, part.goal(goal, is_finer)?)?);
            }
        }
        let least = trials.iter().map(|trial| trial.bits).fold(f64::INFINITY, f64::min);
        let is_loose = least < MAX_LOOSE_BITS * part.q.len() as f64;
        let doubt = if is_loose { effort.doubt.max(LOOSE_DOUBT) } else { effort.doubt };
        let likely = trials.into_iter().filter(|trial| trial.bits <= doubt * least);
        let refined = likely.map(|trial| {
            let placed = part.placed(trial.model.order, extents)?;
            let (is_finer, goal) = self.goal(trial.model.stride)?;
            trial.refined(&placed, part.goal(goal, is_finer)?, effort)
        });
        let mut models: Vec<(f64, Model)> = refined.collect::<Option<_>>()?;
        let best = models.iter().min_by(|one, other| one.0.total_cmp(&other.0));
        if let Some((_, best)) = best.filter(|best| effort.n_finalists > 1 && best.1.filter != Filter::Off) {
            let placed = part.placed(best.order, extents)?;
            let (is_finer, goal) = self.goal(best.stride)?;
            models.push(Trial::without_filter(&placed, part.goal(goal, is_finer)?, best.clone(), effort)?);
        }
        Some(models)
    }

    /// A model that was learned from other numbers, if it can be that of these.
    fn adopt(&self, learned: &Learned) -> Option<Model> {
        let model = &learned.model;
        let cells = Cells::of(model.order.extents(self.extents))?;
        let is_known = |kind: &usize| !model.weights[*kind].scale.is_empty();
        let is_alike = cells.candidates().len() == learned.n_candidates && cells.kinds().iter().all(is_known);
        let stride = model.stride as i64;
        (is_alike && self.goal(model.stride).is_some())
            .then(|| Model { center: self.center * stride, ..model.clone() })
    }
}

/// Learns from numbers what may serve all of a variable.
pub fn learn(numbers: Numbers, finer: Option<Goal>, effort: Effort) -> Option<Learned> {
    let input = Input::of(numbers, finer)?;
    let mut models = input.learn(effort)?;
    let model = if models.len() == 1 { models.pop()? } else { input.coded(models)?.0 };
    let cells = Cells::of(model.order.extents(input.extents))?;
    Some(Learned { model, n_candidates: cells.candidates().len() })
}

/// Codes numbers, or those of a `finer` grid, with what was `learned` where that is possible. `None` where other
/// coders have to.
pub fn encode(
    numbers: Numbers,
    finer: Option<Goal>,
    effort: Effort,
    learned: Option<&Learned>,
) -> Option<Coded> {
    let input = Input::of(numbers, finer)?;
    let adopted = learned.and_then(|learned| input.adopt(learned));
    let models = adopted.map(|model| vec![model]).or_else(|| input.learn(effort))?;
    input.coded(models).map(|(_, coded)| coded)
}

/// The rows of frequencies for so many steps, by some of them: the lanes with a number, residuals and contexts of each.
pub fn kinds_of<'a>(
    n_steps: usize,
    steps: impl Iterator<Item = (u16, &'a [i32; LANES], &'a Contexts)>,
) -> Kinds {
    /// Steps that are looked at, about.
    const SEEN: usize = 1 << 14;
    let mut errors = Errors::default();
    for (active, residuals, contexts) in steps.step_by((n_steps / SEEN).max(1)) {
        for i in (0..LANES).filter(|i| active >> i & 1 != 0) {
            let error = mirrored(residuals[i], contexts[i]) as i64;
            errors.code(level_of(contexts[i]) as i32, fraction_of(contexts[i]), error);
        }
    }
    let (lowest, mut kinds) = errors.kinds();
    kinds.iter_mut().for_each(|kind| kind.width = kind.width.min(MAX_WIDTH));
    Kinds { lowest, kinds }
}

/// The stream of all numbers with a model.
fn coded(placed: &Placed, goal: Goal, mut model: Model, extents: [usize; 4]) -> Coded {
    let cells = &placed.cells;
    let targets = placed.targets(goal, model.center);
    let mut state = State::new(cells).expect("memory for an array");
    let mut known = Known::<true>::new(&targets, model.stride as f32, placed.active.len());
    walk_filtered(cells, &model, &placed.active, &mut state, &mut known);
    let steps = || {
        let contexts = known.residuals.iter().zip(&known.contexts);
        placed
            .active
            .iter()
            .zip(contexts)
            .map(|(&active, (residuals, contexts))| (active, residuals, contexts))
    };
    model.kinds = kinds_of(placed.active.len(), steps());
    let codebook = Codebook::new(&model.kinds, model.stride);
    let mut writer = Writer::new(&codebook, placed.active.len());
    widest(
        #[inline(always)]
        || steps().for_each(|(active, residuals, contexts)| writer.step(active, residuals, contexts)),
    );
    let mut w = ByteWriter::default();
    model.write(cells, &mut w);
    writer.finish(&mut w);
    let finer = (model.stride != 1 || goal.ends.is_some()).then(|| {
        let ordered = super::numbers(cells, &model, &state).expect("memory for an array");
        match model.order {
            Order::DATA => ordered,
            order => {
                let mut finer = vec![0; goal.q.len()];
                order.undo(&ordered, extents, &mut finer);
                finer
            }
        }
    });
    Coded { bytes: w.bytes, finer }
}
