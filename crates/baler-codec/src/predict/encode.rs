//! Numbers -> a stream of the predictive method: models by trial, and the stream that is smallest.
//!
//! In: numbers on a grid, and how hard to try; or a model that was trained before. Out: the stream, and what others took.
//! `None` where there is too little to predict from, or the model does not fit.

use crate::classical::lorenzo::four_axes;
use crate::entropy::binary::BinaryEncoder;
use crate::predict::cascade::Cascade;
use crate::predict::cell::Cell;
use crate::predict::domain::Domain;
use crate::predict::fit;
use crate::predict::grid::Layout;
use crate::predict::model::N_STAGES;
use crate::predict::model::{Filters, MAX_COARSE, Model};
use crate::predict::order::Order;
use crate::predict::reference::{Reference, Scale};
use crate::predict::rows;
use crate::predict::rows::kinds::Kinds;
use crate::predict::shared::Shared;
use crate::predict::state::State;
use crate::predict::state::padded;
use crate::predict::walk::{Blind, walk};
use crate::predict::{Numbers, WIDE_SHIFT};
use crate::report::trials::{Candidate, Trials};
use baler_data::bytes::{ByteReader, ByteWriter};

/// How hard the encoder tries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effort {
    /// The fast tier only, one class of weights: to compare.
    Trial,
    /// The fast tier only: one class of weights, or three by block.
    Fast,
    /// As [`Effort::Trial`], with a rough fit: to find the order that is likely the best.
    Glimpse,
    /// Both tiers, three classes of weights by scale.
    Quick,
    /// Both tiers, classes by trial: one, three by scale, three or eight by block.
    Full,
}

impl Effort {
    fn is_fast(self) -> bool {
        matches!(self, Effort::Trial | Effort::Glimpse | Effort::Fast)
    }

    /// (classes, by block) to try.
    fn trials(self) -> &'static [(usize, bool)] {
        match self {
            Effort::Trial | Effort::Glimpse => &[(1, false)],
            Effort::Fast => &[(1, false), (3, true)],
            Effort::Quick => &[(3, false)],
            Effort::Full => &[(1, false), (3, false), (3, true), (8, true)],
        }
    }

    /// About how many numbers weights are fitted to.
    pub(crate) fn n_fitted(self) -> usize {
        match self {
            Effort::Glimpse => 1 << 11,
            _ => fit::N_SAMPLES,
        }
    }
}

/// A stream, and the models of the adaptive tier that were fitted on the way.
pub struct Coded {
    /// The smallest stream.
    pub bytes: Vec<u8>,
    /// Without filters, each with the order it was fitted in.
    pub models: Vec<Model>,
}

/// Rates of the filters that adapt.
pub(super) const RATES: [u8; N_STAGES] = [8, 51, 102];

/// Codes numbers whose axes are walked in one order. `None` where there is too little to learn from.
pub(super) fn encode_in_order(
    numbers: Numbers,
    order: Order,
    effort: Effort,
    trials: &mut Trials,
) -> Option<Coded> {
    let extents = four_axes(numbers.shape);
    let layout = order.layout(extents);
    if !layout.is_compact() {
        return None;
    }
    let ordered_mask = numbers.mask.map(|mask| order.apply(mask, extents));
    let mask = ordered_mask.as_deref();
    let (domain, center, spread) = numbers.place();
    let shift = if numbers.q.len() < 1 << 18 { 9 } else { 11 };
    // Sums of weights stay under 2^(shift + 2) but for wild fits, which are checked.
    let narrow = domain == Domain::Integer && spread < 1 << (28 - shift);
    let sets = Default::default();
    let filters = filters(spread).filter(|_| !effort.is_fast());
    let (stride, reference, map, kinds) = (1, None, None, None);
    let model = Model { shift, narrow, domain, stride, order, center, filters, reference, map, kinds, sets };
    let mut q = order.apply(numbers.q, extents);
    if narrow && let Some(coded) = encode_as::<i32>(&mut q, &layout, mask, &model, (effort, spread), trials)?
    {
        return Some(coded);
    }
    let model = Model { narrow: false, shift: WIDE_SHIFT, ..model };
    encode_as::<i64>(&mut q, &layout, mask, &model, (effort, 0), trials)?
}

/// Smallest of a few models' streams; `Some(None)` if no model's sums are sure to fit, `None` without memory.
fn encode_as<T: Cell>(
    q: &mut [i64],
    layout: &Layout,
    mask: Option<&[bool]>,
    like: &Model,
    (effort, spread): (Effort, u64),
    trials: &mut Trials,
) -> Option<Option<Coded>> {
    let mut state = padded::<T>(layout).ok()?;
    let fixed = Model { filters: None, ..like.clone() };
    let mut coded: Vec<(Vec<u8>, Model)> = Vec::new();
    for &(n_classes, mapped) in effort.trials() {
        let model = fit::fit(layout, mask, q, &mut state, &fixed, (n_classes, mapped), effort.n_fitted());
        if model.largest_sum(layout, spread, 0) >= 1 << 31 {
            continue;
        }
        if model.has_one_class_a_block() {
            let kinds = Kinds::choose(layout, &model, mask, q, &mut state);
            let model = Model { kinds: Some(kinds), ..model.clone() };
            coded.push((code(layout, mask, q, &mut state, &model), model));
        }
        if !effort.is_fast() {
            coded.push((code(layout, mask, q, &mut state, &model), model));
        }
    }
    for (bytes, model) in &coded {
        trials.see(if model.kinds.is_some() { Candidate::Fast } else { Candidate::Adaptive }, bytes.len());
    }
    let best = coded.iter().map(|(bytes, _)| bytes).min_by_key(|bytes| bytes.len()).cloned();
    coded.retain(|(_, model)| model.kinds.is_none());
    let of = Fitted { coded: &coded, filters: like.filters, n_fitted: effort.n_fitted() };
    let filtered = encode_filtered(q, layout, mask, of, &mut state, trials);
    let best = best.into_iter().chain(filtered).min_by_key(Vec::len);
    let models = coded.into_iter().map(|(_, model)| model).collect();
    Some(best.map(|bytes| Coded { bytes, models }))
}

/// What was coded without filters, the filters to add, and how many numbers their scales are fitted to.
struct Fitted<'a> {
    coded: &'a [(Vec<u8>, Model)],
    filters: Option<Filters>,
    n_fitted: usize,
}

/// Smallest stream of the first and the smallest of some models, with filters.
fn encode_filtered<T: Cell>(
    q: &mut [i64],
    layout: &Layout,
    mask: Option<&[bool]>,
    Fitted { coded, filters, n_fitted }: Fitted,
    state: &mut State<T>,
    trials: &mut Trials,
) -> Option<Vec<u8>> {
    state.cascade = Some(Cascade::new(layout, filters?).ok()?);
    // Filters make up for classes: with them one is often best.
    let mut best: Option<Vec<u8>> = None;
    let smallest = (0..coded.len()).min_by_key(|&trial| coded[trial].0.len());
    for trial in [Some(0), smallest.filter(|&trial| trial > 0)].into_iter().flatten() {
        let Some((_, model)) = coded.get(trial) else { continue };
        let mut model = Model { filters, ..model.clone() };
        fit::refit_scales(layout, mask, q, state, &mut model, n_fitted);
        let bytes = code(layout, mask, q, state, &model);
        trials.see(Candidate::Filtered, bytes.len());
        best = best.filter(|best| best.len() <= bytes.len()).or(Some(bytes));
    }
    best
}

/// Codes numbers with `values` of another variable as further inputs, in the order and with the classes of the stream
/// `alone` without them.
pub fn encode_with_reference(numbers: Numbers, values: &[f64], alone: &[u8]) -> Option<Vec<u8>> {
    let extents = four_axes(numbers.shape);
    let (like, layout) = Model::read(extents, None, false, &mut ByteReader::new(alone)).ok()?;
    let n_classes = like.sets.iter().map(|set| set.taps.len()).max().unwrap_or(1);
    let classes = (n_classes, like.map.is_some());
    let spread = numbers.place().2;
    let like = Model { filters: filters(spread), map: None, kinds: None, ..like };
    let ordered_mask = numbers.mask.map(|mask| like.order.apply(mask, extents));
    let mask = ordered_mask.as_deref();
    let mut q = like.order.apply(numbers.q, extents);
    let of = (values, numbers.shape);
    match like.narrow {
        true => encode_with_reference_as::<i32>(&mut q, &layout, mask, &like, of, (classes, spread)),
        false => encode_with_reference_as::<i64>(&mut q, &layout, mask, &like, of, (classes, spread)),
    }
}

fn encode_with_reference_as<T: Cell>(
    q: &mut [i64],
    layout: &Layout,
    mask: Option<&[bool]>,
    like: &Model,
    (values, shape): (&[f64], &[usize]),
    (classes, spread): ((usize, bool), u64),
) -> Option<Vec<u8>> {
    let mut state = padded::<T>(layout).ok()?;
    let mut fixed = Model { filters: None, ..like.clone() };
    let look = |bits: i32, fixed: &mut Model, state: &mut State<T>| -> Option<()> {
        let scale = Scale::of(values, bits)?;
        fixed.reference = Some(scale);
        state.reference = Some(Reference::new(values, shape, like.order, scale).ok()?);
        Some(())
    };
    // Inputs of such a size that the largest weight is about 1: then neither is too coarse.
    let bits = 64 - spread.leading_zeros() as i32;
    look(bits, &mut fixed, &mut state)?;
    let model = fit::fit(layout, mask, q, &mut state, &fixed, (1, false), fit::N_SAMPLES);
    let rows = model.sets.iter().flat_map(|set| &set.taps);
    let weights = rows.flat_map(|row| &row[row.len() - model.n_reference_taps(layout)..]);
    let largest = weights.map(|weight| weight.unsigned_abs()).max()?;
    look(bits + (32 - largest.leading_zeros()) as i32 - like.shift as i32, &mut fixed, &mut state)?;
    let mut coded: Vec<(Vec<u8>, Model)> = Vec::new();
    let tries = [(1, false), classes];
    for &(n_classes, mapped) in &tries[..1 + (classes != (1, false)) as usize] {
        let model = fit::fit(layout, mask, q, &mut state, &fixed, (n_classes, mapped), fit::N_SAMPLES);
        let largest = state.reference.as_ref().map_or(0, Reference::largest);
        if like.narrow && model.largest_sum(layout, spread, largest) >= 1 << 31 {
            continue;
        }
        coded.push((code(layout, mask, q, &mut state, &model), model));
    }
    let of = Fitted { coded: &coded, filters: like.filters, n_fitted: fit::N_SAMPLES };
    let filtered = encode_filtered(q, layout, mask, of, &mut state, &mut Trials::default());
    coded.into_iter().map(|(bytes, _)| bytes).chain(filtered).min_by_key(Vec::len)
}

/// The filters for numbers that lie up to `spread` from their center.
pub(super) fn filters(spread: u64) -> Option<Filters> {
    let coarse = (64 - spread.leading_zeros()).saturating_sub(20).min(MAX_COARSE);
    Some(Filters { rates: RATES, coarse })
}

/// The model and the numbers.
pub(super) fn code<T: Cell>(
    layout: &Layout,
    mask: Option<&[bool]>,
    q: &mut [i64],
    state: &mut State<T>,
    model: &Model,
) -> Vec<u8> {
    let mut w = ByteWriter::default();
    model.write(layout, &mut w);
    if model.kinds.is_some() {
        encode_rows::<T>(layout, model, mask, q, &mut w);
    } else {
        encode_adaptive(layout, model, mask, q, state, &mut w);
    }
    w.bytes
}

/// Appends what follows the model of the adaptive tier: classes of blocks, then the numbers.
pub(super) fn encode_adaptive<T: Cell>(
    layout: &Layout,
    model: &Model,
    mask: Option<&[bool]>,
    q: &mut [i64],
    state: &mut State<T>,
    w: &mut ByteWriter,
) {
    let mut bits = BinaryEncoder::default();
    if let Some(map) = &model.map {
        map.clone().code(&mut bits);
    }
    walk::<_, _, _, true>(layout, model, mask, q, state, &mut bits, &mut Blind);
    w.raw(&bits.finish());
}

/// Appends what follows the model of the fast tier.
fn encode_rows<T: Cell>(
    layout: &Layout,
    model: &Model,
    mask: Option<&[bool]>,
    q: &[i64],
    w: &mut ByteWriter,
) {
    if let Some(map) = &model.map {
        let mut bits = BinaryEncoder::default();
        map.clone().code(&mut bits);
        w.block(&bits.finish());
    }
    rows::encode::<T>(layout, model, mask, q, w);
}

/// Codes numbers with a model that was trained before, and tells what each tier took. `None` where it does not fit the
/// shape.
pub fn encode_shared(
    numbers: Numbers,
    shared: &Shared,
    effort: Effort,
    trials: &mut Trials,
) -> Option<Coded> {
    let layout = numbers.layout().filter(|layout| shared.fits(layout))?;
    let (domain, center, spread) = numbers.place();
    let mut model = shared.model(&layout, domain, center, true);
    model.narrow = domain == Domain::Integer && model.largest_sum(&layout, spread, 0) < 1 << 31;
    if !model.narrow {
        model = shared.model(&layout, domain, center, false);
    }
    if model.narrow {
        encode_with::<i32>(&layout, model, numbers, (effort, spread), trials)
    } else {
        encode_with::<i64>(&layout, model, numbers, (effort, spread), trials)
    }
}

fn encode_with<T: Cell>(
    layout: &Layout,
    model: Model,
    numbers: Numbers,
    (effort, spread): (Effort, u64),
    trials: &mut Trials,
) -> Option<Coded> {
    let mut w = ByteWriter::default();
    model.write_head(&mut w);
    encode_rows::<T>(layout, &model, numbers.mask, numbers.q, &mut w);
    let fast = w.bytes;
    trials.see(Candidate::Fast, fast.len());
    if effort.is_fast() {
        return Some(Coded { bytes: fast, models: Vec::new() });
    }
    let mut q = numbers.q.to_vec();
    let mut adaptive = |model: &Model, state: &mut State<T>| {
        let mut w = ByteWriter::default();
        model.write_head(&mut w);
        encode_adaptive(layout, model, numbers.mask, &mut q, state, &mut w);
        w.bytes
    };
    let mut state = padded::<T>(layout).ok()?;
    let model = Model { kinds: None, ..model };
    let fixed = adaptive(&model, &mut state);
    let models = vec![model.clone()];
    let model = Model { filters: filters(spread), ..model };
    state.cascade = model.filters.and_then(|filters| Cascade::new(layout, filters).ok());
    let filtered = state.cascade.is_some().then(|| adaptive(&model, &mut state));
    trials.see(Candidate::Adaptive, fixed.len());
    filtered.iter().for_each(|bytes| trials.see(Candidate::Filtered, bytes.len()));
    let bytes = [fast, fixed].into_iter().chain(filtered).min_by_key(Vec::len)?;
    Some(Coded { bytes, models })
}
