//! Numbers of a grid -> the smallest stream, and back: a classical one ([`crate::classical`]), a predictive one
//! ([`crate::predict`]) behind the coder byte 16, 17 where its model is a shared one, or 18 where another variable helps, one by
//! context mixing ([`crate::mixing`]), or streams of other numbers from which these follow ([`crate::recast`]).

use crate::classical;
use crate::classical::estimate::expected_bits;
use crate::classical::lorenzo::four_axes;
use crate::coder::CoderByte;
use crate::interpolation;
use crate::lockstep;
use crate::lockstep::encode::Coded;
use crate::lockstep::goal::Goal;
use crate::mixing;
use crate::options::{Level, Method};
use crate::part::finer::{Finer, Nearest, Placed};
use crate::part::search::{self, Prices};
use crate::predict::shared::Shared;
use crate::predict::{self, Effort, Known, Numbers};
use crate::quantize::Grid;
use crate::recast;
use crate::report::trials::{Candidate, LeftOut, Trials};
use baler_data::bytes::ByteWriter;
use baler_data::dataset::DType;
use baler_data::error::{Error, Result};
use rayon::prelude::*;

/// A stream that looks at another variable must take this share of one that can be read alone.
const WORTH: f64 = 0.995;
/// Fewest numbers along the last axis of a series that are worth several models.
const LONG_SERIES: usize = 1 << 14;

/// So few numbers are worth slower tiers at any level that searches.
const FEW: usize = 1 << 12;
/// So few numbers are worth context mixing at every such level.
const FEW_MIXED: usize = 1 << 17;
/// Bits a number from which on nothing is gained by centring on predictions: noise is all that is left to tell.
const MAX_CENTRED_BITS: f64 = 3.5;

/// Bits a number from which on interpolation is behind.
const MAX_INTERPOLATED_BITS: f64 = 1.5;

/// With a fast given model the classical coder is left out where it is expected to take this many times as much.
const FAR: f64 = 1.1;

/// How numbers are to be coded.
#[derive(Debug, Clone, Copy)]
pub struct How<'a> {
    /// `Auto` takes the smaller, `Predictive` the predictive stream wherever there is enough to learn from, all others
    /// the classical one.
    pub method: Method,
    /// How much time is spent for fewer bytes.
    pub level: Level,
    /// True if every bit must come back: only then simpler numbers are looked for at levels that do not adapt.
    pub is_exact: bool,
    /// A model that was trained before, which is never refitted.
    pub shared: Option<&'a Shared>,
    /// What the fast tiers learned from other numbers of the variable.
    pub learned: Option<&'a lockstep::encode::Learned>,
    /// Values of the reference field: another variable on the same grid.
    pub reference: Option<&'a [f64]>,
    /// True for characters and bytes, in which nothing but repeats is looked for.
    pub is_opaque: bool,
    /// True if the numbers may be those of a finer grid: nothing relies on the values that they are expected to have.
    pub may_refine: bool,
    /// True if the numbers stand for many more, for an estimate: what only few numbers are worth is not tried.
    pub is_sample: bool,
    /// How often the numbers are recast already, and the kinds of [`recast::Recast`] by which they are.
    pub recast: (usize, u8),
}

impl How<'_> {
    /// True if a candidate that is expected to be far behind need not be tried.
    fn is_hasty(&self) -> bool {
        !self.level.adapts()
    }

    /// What is not tried.
    fn left_out(&self) -> LeftOut {
        match (self.method, self.is_hasty()) {
            (Method::Auto, false) => LeftOut::Nothing,
            (Method::Auto, true) => LeftOut::Slow,
            (Method::Predictive, false) => LeftOut::Classical,
            (Method::Predictive, true) => LeftOut::SlowAndClassical,
            (Method::Classical | Method::Autoencoder, _) => LeftOut::Predictive,
        }
    }

    /// Nothing but a method, and the numbers as they are.
    pub fn by(method: Method) -> How<'static> {
        How {
            method,
            level: Level::BEST,
            is_exact: false,
            shared: None,
            learned: None,
            reference: None,
            is_opaque: false,
            may_refine: false,
            is_sample: false,
            recast: (0, 0),
        }
    }

    /// The same, where simpler numbers are looked for or not.
    pub fn recasting(self, recasts: bool) -> Self {
        How { recast: (if recasts { 0 } else { recast::MAX_DEPTH }, 0), ..self }
    }

    /// True if it may pay to look for other numbers that stand behind these.
    fn may_recast(&self) -> bool {
        let searches = self.level.adapts() || self.level.searches() && self.is_exact;
        self.method == Method::Auto && searches && self.recast.0 < recast::MAX_DEPTH
    }
}

/// Mantissa bits of numbers that are the orders of floats.
pub fn mantissa_bits(grid: &Grid, dtype: DType) -> Option<u32> {
    match (grid, dtype) {
        (Grid::OrderF32, _) | (Grid::Order, DType::F32) => Some(23),
        (Grid::Order, DType::F64) => Some(52),
        (Grid::Order, DType::F16) => Some(10),
        _ => None,
    }
}

/// A stream, and how it came about.
pub struct Stream {
    /// As docs/format.md describes it.
    pub bytes: Vec<u8>,
    /// Which candidate it is.
    pub candidate: Candidate,
    /// The bytes of all that were tried.
    pub trials: Trials,
    /// Numbers of the finer grid that it decodes to, where it is a centred one.
    pub finer: Option<Vec<i64>>,
}

impl Stream {
    /// Nothing but bytes and what made them.
    fn of(bytes: Vec<u8>, candidate: Candidate) -> Stream {
        Stream { bytes, candidate, trials: Trials::default(), finer: None }
    }

    /// No numbers at all: predictions are all there is.
    pub fn nothing() -> Stream {
        Stream::of(Vec::new(), Candidate::Classical)
    }
}

/// Codes `q` (C order of `shape`) of a grid and a dtype, or a finer one where that is smaller; masked numbers need not
/// come back.
pub fn encode(
    q: &[i64],
    shape: &[usize],
    mask: Option<&[bool]>,
    (grid, dtype): (&Grid, DType),
    how: How,
    finer: Option<&dyn Finer>,
) -> Stream {
    if how.is_opaque {
        let coded = classical::encode_repeats(q.to_vec(), shape, mask);
        return Stream::of(coded.bytes, Candidate::Classical);
    }
    let mantissa_bits = mantissa_bits(grid, dtype);
    encode_numbers(Numbers { q, shape, mask, mantissa_bits }, how, finer)
}

/// The smallest of the streams of numbers as they are and recast, as far as an estimate leaves both in question.
pub fn encode_numbers(numbers: Numbers, how: How, finer: Option<&dyn Finer>) -> Stream {
    let are_many = how.is_sample || numbers.q.len() > FEW_MIXED;
    if how.may_recast() && are_many && !how.level.adapts() {
        return estimate_numbers(numbers, how, finer);
    }
    let prices = how.may_recast().then(|| Prices::of(numbers));
    let found = prices.and_then(|prices| search::best(numbers, how.recast.1, &prices));
    let plain = || encode_as_they_are(numbers, how, finer, prices.as_ref());
    let is_inside = how.recast.0 > 0;
    let Some(found) = found.filter(|found| !is_inside || found.pays_inside()) else { return plain() };
    let Some(recast) = encode_recast(numbers, &found.recast, how, finer) else { return plain() };
    if is_inside || found.is_sure() {
        return recast;
    }
    let plain = plain();
    let mut trials = plain.trials;
    trials.see(Candidate::Recast, recast.bytes.len());
    trials.has_reference &= plain.bytes.len() <= recast.bytes.len();
    let least = if recast.bytes.len() < plain.bytes.len() { recast } else { plain };
    Stream { trials, ..least }
}

/// A stream of the values' orders, where that is smaller than one that spends their bound: what stands behind them may be
/// coarser than that.
pub fn exactly(
    orders: &[i64],
    (shape, mask, dtype): (&[usize], Option<&[bool]>, DType),
    how: How,
    than: &Stream,
) -> Option<Stream> {
    let mantissa_bits = mantissa_bits(&Grid::Order, dtype);
    let numbers = Numbers { q: orders, shape, mask, mantissa_bits };
    if how.is_opaque
        || !how.level.adapts()
        || !how.may_recast()
        || !search::may_be_exact(numbers, than.bytes.len())
    {
        return None;
    }
    let how = How { shared: None, learned: None, reference: None, may_refine: false, ..how };
    let exact = encode_numbers(numbers, how, None);
    let bytes = [&[CoderByte::Exact as u8], exact.bytes.as_slice()].concat();
    let mut trials = than.trials;
    trials.see(Candidate::Recast, bytes.len());
    trials.has_reference = false;
    (bytes.len() < than.bytes.len()).then(|| Stream { trials, ..Stream::of(bytes, Candidate::Recast) })
}

/// [`encode_numbers`] for many numbers below the levels that adapt, in a fraction of the time: only the integers behind values are looked for.
fn estimate_numbers(numbers: Numbers, how: How, finer: Option<&dyn Finer>) -> Stream {
    let plain = encode_as_they_are(numbers, how, finer, None);
    let hidden = recast::find_hidden(numbers).map(recast::Recast::Hidden);
    let recast = hidden.filter(|recast| recast.kind() & how.recast.1 == 0);
    let recast = recast.and_then(|recast| encode_recast(numbers, &recast, how, finer));
    match recast {
        Some(recast) if recast.bytes.len() < plain.bytes.len() => recast,
        _ => plain,
    }
}

fn encode_recast(
    numbers: Numbers,
    recast: &recast::Recast,
    how: How,
    finer: Option<&dyn Finer>,
) -> Option<Stream> {
    let (head, arrays) = recast.forward(numbers)?;
    let finer = finer.filter(|_| recast.is_layout() && how.may_refine);
    let views = finer.and_then(|finer| Placed::of(finer, numbers, recast));
    let how = How {
        shared: None,
        learned: None,
        reference: None,
        recast: (how.recast.0 + 1, how.recast.1 | recast.kind()),
        may_refine: views.is_some(),
        ..how
    };
    let streams: Vec<Stream> = (arrays.par_iter().enumerate())
        .map(|(idx, array)| {
            let view = views.as_ref().map(|views| views.of_array(idx));
            encode_numbers(array.numbers(), how, view.as_ref().map(|view| view as &dyn Finer))
        })
        .collect();
    let mut w = ByteWriter::default();
    w.u8(CoderByte::Recast as u8);
    w.raw(&head);
    streams.iter().for_each(|stream| w.block(&stream.bytes));
    let finer = views.and_then(|views| views.joined(streams.into_iter().map(|stream| stream.finer)));
    let mut trials = Trials::default();
    trials.see(Candidate::Recast, w.bytes.len());
    Some(Stream { finer, trials, ..Stream::of(w.bytes, Candidate::Recast) })
}

/// The smallest stream of the numbers themselves. `prices` tell what need not be tried.
fn encode_as_they_are(
    numbers: Numbers,
    how: How,
    finer: Option<&dyn Finer>,
    prices: Option<&Prices>,
) -> Stream {
    let predictive = match how.method {
        Method::Auto if prices.is_some_and(|prices| !prices.may_predict()) => None,
        Method::Auto | Method::Predictive => predict(numbers, how, finer),
        Method::Autoencoder | Method::Classical => None,
    };
    let left_out = how.left_out();
    match predictive {
        Some(stream) if how.method == Method::Predictive => stream.leaving_out(left_out),
        Some(stream) if how.is_hasty() && is_far_ahead(&stream, numbers, how.level) => {
            stream.leaving_out(LeftOut::SlowAndFarBehind)
        }
        predictive => {
            let coded = encode_classical(numbers, how, predictive.as_ref());
            let mut trials = predictive.as_ref().map_or(Trials::default(), |stream| stream.trials);
            trials.see(Candidate::Classical, coded.bytes.len());
            let worth = if trials.has_reference { WORTH } else { 1.0 };
            let most = worth * coded.bytes.len() as f64;
            let least = match predictive.filter(|stream| (stream.bytes.len() as f64) < most) {
                Some(stream) => stream,
                None => {
                    trials.has_reference = false;
                    Stream::of(coded.bytes, Candidate::Classical)
                }
            };
            let least = match prices {
                Some(prices) if how.level.adapts() || numbers.q.len() < FEW_MIXED && !how.is_sample => {
                    or_mixed(least, numbers, prices, &mut trials)
                }
                _ => least,
            };
            Stream { trials, ..least }.leaving_out(left_out)
        }
    }
}

/// The classical stream; the slowest of what it tries is left out where speed counts and it is far behind anyway.
fn encode_classical(numbers: Numbers, how: How, predictive: Option<&Stream>) -> classical::Encoded {
    /// What slow coders may save.
    const SLOW_GAIN: f64 = 0.7;
    let Numbers { q, shape, mask, .. } = numbers;
    if how.is_hasty() {
        let effort = if how.level.searches() { classical::Effort::Less } else { classical::Effort::Least };
        let coded = classical::encode_with(q.to_vec(), shape, mask, effort);
        let least = SLOW_GAIN * coded.bytes.len() as f64;
        let is_behind = predictive.is_some_and(|stream| (stream.bytes.len() as f64) < least);
        if !how.level.searches() || is_behind {
            return coded;
        }
    }
    classical::encode(q.to_vec(), shape, mask)
}

/// The stream, or that of context mixing where it is smaller; an estimate tells where that is not worth the time.
fn or_mixed(least: Stream, numbers: Numbers, prices: &Prices, trials: &mut Trials) -> Stream {
    if !prices.may_mix(numbers, least.bytes.len()) {
        return least;
    }
    let bytes = [&[CoderByte::Mixing as u8], search::mix(numbers).as_slice()].concat();
    trials.see(Candidate::Mixing, bytes.len());
    if bytes.len() >= least.bytes.len() {
        return least;
    }
    trials.has_reference = false;
    Stream::of(bytes, Candidate::Mixing)
}

impl Stream {
    fn leaving_out(mut self, left_out: LeftOut) -> Stream {
        self.trials.left_out = left_out;
        self
    }
}

/// True if the classical coder is expected to take far more, so that it need not be run.
fn is_far_ahead(stream: &Stream, Numbers { q, shape, mask, .. }: Numbers, level: Level) -> bool {
    let bits = 8.0 * stream.bytes.len() as f64 / q.len() as f64;
    let may_be_series = level.searches() && mask.is_none();
    FAR * bits < expected_bits(q, four_axes(shape), mask)
        && (!may_be_series || FAR * bits < classical::series::expected_bits(q))
}

/// A stream of the fast tier, which learns from samples.
fn in_lockstep(numbers: Numbers, how: How, finer: Option<&dyn Finer>) -> Option<Stream> {
    let effort = lockstep::effort::Effort::of(how.level);
    in_either_lattice(numbers, how, finer, (CoderByte::Lockstep, Candidate::Fast), |nearest| {
        lockstep::encode::encode(numbers, nearest, effort, how.learned)
    })
}

/// What a coder makes of the numbers, or of those of a finer grid if they serve.
fn in_either_lattice(
    numbers: Numbers,
    how: How,
    finer: Option<&dyn Finer>,
    (coder, candidate): (CoderByte, Candidate),
    coded: impl Fn(Option<Goal>) -> Option<Coded>,
) -> Option<Stream> {
    let finer = finer.filter(|_| how.may_refine);
    let nearest = finer.and_then(|finer| finer.numbers(numbers.q));
    let mut found = coded(nearest.as_ref().map(Nearest::goal))?;
    if let (Some(finer), Some(q)) = (finer, &found.finer)
        && !finer.serves(q)
    {
        found = coded(None)?;
    }
    let bytes = [&[coder as u8], found.bytes.as_slice()].concat();
    let mut trials = Trials::default();
    trials.see(candidate, bytes.len());
    Some(Stream { finer: found.finer, trials, ..Stream::of(bytes, candidate) })
}

/// The smallest predictive stream; where it takes few bits, interpolation may take fewer.
fn predict(numbers: Numbers, how: How, finer: Option<&dyn Finer>) -> Option<Stream> {
    let walked = predict_in_order(numbers, how, finer)?;
    let few_bits = 8.0 * (walked.bytes.len() as f64) < MAX_INTERPOLATED_BITS * numbers.q.len() as f64;
    let may_interpolate = few_bits && how.shared.is_none();
    let Some(interpolated) =
        may_interpolate.then(|| interpolate(numbers, how, finer, walked.bytes.len())).flatten()
    else {
        return Some(walked);
    };
    let mut trials = walked.trials;
    trials.see(Candidate::Interpolated, interpolated.bytes.len());
    trials.has_reference &= walked.bytes.len() <= interpolated.bytes.len();
    let least = if interpolated.bytes.len() < walked.bytes.len() { interpolated } else { walked };
    Some(Stream { trials, ..least })
}

/// A stream of numbers that are predicted from coarse to fine, unless it seems to take more than `most` bytes.
fn interpolate(numbers: Numbers, how: How, finer: Option<&dyn Finer>, most: usize) -> Option<Stream> {
    in_either_lattice(numbers, how, finer, (CoderByte::Interpolation, Candidate::Interpolated), |nearest| {
        interpolation::encode::encode(numbers, nearest, most)
    })
}

/// The smallest predictive stream of numbers that are walked over one after the other.
fn predict_in_order(numbers: Numbers, how: How, finer: Option<&dyn Finer>) -> Option<Stream> {
    let lockstep = || how.shared.is_none().then(|| in_lockstep(numbers, how, finer)).flatten();
    // Numbers that need not be within half a stride are coded in lockstep alone.
    let is_free = how.may_refine && finer.is_some_and(Finer::is_free);
    let is_adaptive = !is_free && (how.level.adapts() || numbers.q.len() < FEW);
    if !is_adaptive && let Some(stream) = lockstep() {
        return Some(stream);
    }
    let adaptive = adapt(numbers, how, finer);
    let lockstep = if is_adaptive { lockstep() } else { None };
    match (adaptive, lockstep) {
        (Some(mut adaptive), Some(lockstep)) => {
            adaptive.trials.see(Candidate::Fast, lockstep.bytes.len());
            let trials = adaptive.trials;
            let has_reference = trials.has_reference && adaptive.bytes.len() <= lockstep.bytes.len();
            let trials = Trials { has_reference, ..trials };
            let least = if lockstep.bytes.len() < adaptive.bytes.len() { lockstep } else { adaptive };
            Some(Stream { trials, ..least })
        }
        (adaptive, lockstep) => adaptive.or(lockstep),
    }
}

/// A stream of the tiers that are walked over number by number.
fn adapt(numbers: Numbers, how: How, finer: Option<&dyn Finer>) -> Option<Stream> {
    let n_axes = numbers.shape.iter().filter(|&&extent| extent > 1).count();
    let is_small = numbers.q.len() < FEW && how.level.searches();
    let effort = match how.level.adapts() || is_small {
        false => Effort::Fast,
        true if how.level.number() == 7 || is_small => Effort::Quick,
        true if n_axes > 1 || numbers.q.len() >= LONG_SERIES => Effort::Full,
        true => Effort::Quick,
    };
    let mut trials = Trials::default();
    let (coder, coded) = match how.shared {
        Some(shared) => {
            (CoderByte::PredictiveShared, predict::encode_shared(numbers, shared, effort, &mut trials)?)
        }
        None => (CoderByte::Predictive, predict::encode(numbers, effort, &mut trials)?),
    };
    let few_bits = 8.0 * (coded.bytes.len() as f64) < MAX_CENTRED_BITS * numbers.q.len() as f64;
    let may_be_centred = few_bits && how.may_refine && effort != Effort::Fast;
    let centred = finer.filter(|finer| may_be_centred && !finer.is_free()).and_then(|finer| {
        let Nearest { q, stride, .. } = finer.numbers(numbers.q)?;
        let numbers = Numbers { q: &q, ..numbers };
        let fitting = (coder == CoderByte::PredictiveShared, effort.n_fitted());
        let centred = predict::encode_centred(numbers, stride, &coded.models, fitting, &mut trials)?;
        (centred.bytes.len() < coded.bytes.len() && finer.serves(&centred.q)).then_some(centred)
    });
    let (bytes, finer) = match centred {
        Some(centred) => (centred.bytes, Some(centred.q)),
        None => (coded.bytes, None),
    };
    // The coder's byte counts as it does for others.
    trials.bytes.iter_mut().flatten().for_each(|n_bytes| *n_bytes += 1);
    let reference =
        how.reference.filter(|_| coder == CoderByte::Predictive && how.level.adapts() && finer.is_none());
    let stream = |coder: CoderByte, bytes: Vec<u8>, trials: Trials| {
        let candidate = predict::tier(&bytes).expect("a model that was just written");
        Stream { bytes: [&[coder as u8], bytes.as_slice()].concat(), candidate, trials, finer }
    };
    if let Some(other) = reference.and_then(|values| predict::encode_with_reference(numbers, values, &bytes))
        && (other.len() as f64) < WORTH * bytes.len() as f64
    {
        return Some(stream(
            CoderByte::PredictiveCrossField,
            other,
            Trials { has_reference: true, ..trials },
        ));
    }
    Some(stream(coder, bytes, trials))
}

/// What the numbers of a stream are numbers of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lattice {
    /// The planned grid, so many times finer.
    Finer(i64),
    /// The orders of the values.
    Orders,
}

/// Inverse of [`encode`], with what is known besides, and what the numbers are numbers of.
pub fn decode(
    bytes: &[u8],
    (shape, mask, variable): (&[usize], Option<&[bool]>, (&Grid, DType)),
    known: Known,
) -> Result<(Vec<i64>, Lattice)> {
    let numbers = |bytes, (grid, dtype): (&Grid, DType), known| {
        decode_numbers(bytes, (shape, mask, mantissa_bits(grid, dtype)), known, 0)
    };
    match bytes.split_first() {
        Some((&byte, bytes)) if byte == CoderByte::Exact as u8 => {
            let (q, stride) = numbers(bytes, (&Grid::Order, variable.1), Known::default())?;
            let orders = Some((q, Lattice::Orders)).filter(|_| stride == 1);
            orders.ok_or_else(|| Error::corrupt("expected the orders of values, found strides"))
        }
        _ => numbers(bytes, variable, known).map(|(q, stride)| (q, Lattice::Finer(stride))),
    }
}

/// Decodes numbers that are recast `depth` times already.
fn decode_numbers(
    bytes: &[u8],
    (shape, mask, mantissa_bits): (&[usize], Option<&[bool]>, Option<u32>),
    known: Known,
    depth: usize,
) -> Result<(Vec<i64>, i64)> {
    let coder = bytes.first().and_then(|&byte| CoderByte::of_byte(byte));
    let stream = bytes.get(1..).unwrap_or_default();
    match coder {
        Some(CoderByte::Predictive) => predict::decode(stream, shape, mask, Known::default()),
        Some(CoderByte::PredictiveShared) => {
            let missing = || Error::corrupt("expected a model for a predictive stream");
            let shared = Some(known.shared.ok_or_else(missing)?);
            predict::decode(stream, shape, mask, Known { shared, reference: None })
        }
        Some(CoderByte::PredictiveCrossField) => {
            let missing = || Error::corrupt("expected a reference field for a predictive stream");
            let reference = Some(known.reference.ok_or_else(missing)?);
            predict::decode(stream, shape, mask, Known { shared: None, reference })
        }
        Some(CoderByte::Lockstep) => lockstep::decode(stream, shape, mask),
        Some(CoderByte::Interpolation) => interpolation::decode(stream, shape, mask),
        Some(CoderByte::Mixing) => {
            let n_values = baler_data::dataset::n_elements(shape)?;
            Ok((mixing::decode(stream, n_values, mixing::columns(shape))?, 1))
        }
        Some(CoderByte::Recast) if depth < recast::MAX_DEPTH => {
            let inner = &mut |bytes: &[u8], shape: &[usize], mask: Option<&[bool]>, bits: Option<u32>| {
                decode_numbers(bytes, (shape, mask, bits), Known::default(), depth + 1)
            };
            recast::decode(stream, (shape, mask, mantissa_bits), inner)
        }
        Some(CoderByte::Recast) => {
            Err(Error::corrupt(format!("expected numbers recast at most {} times", recast::MAX_DEPTH)))
        }
        _ => Ok((classical::decode(bytes, shape, mask)?, 1)),
    }
}
