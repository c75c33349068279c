//! Numbers of a grid -> the smallest stream, and back: a classical one ([`crate::classical`]), or a predictive one
//! ([`crate::predict`]) behind the coder byte 16, 17 where its model is a shared one, or 18 where another variable helps.

use crate::classical;
use crate::classical::estimate::expected_bits;
use crate::classical::lorenzo::four_axes;
use crate::coder::CoderByte;
use crate::options::Method;
use crate::predict::order::Order;
use crate::predict::shared::Shared;
use crate::predict::{self, Effort, Known, Numbers};
use crate::quantize::Grid;
use crate::report::trials::{Candidate, LeftOut, Trials};
use baler_data::dataset::DType;
use baler_data::error::{Error, Result};

/// A stream that looks at another variable must take this share of one that can be read alone.
const WORTH: f64 = 0.995;
/// Fewest numbers along the last axis of a series that are worth several models.
const LONG_SERIES: usize = 1 << 14;

/// Bits a number from which on nothing is gained by centring on predictions: noise is all that is left to tell.
const MAX_CENTRED_BITS: f64 = 3.5;

/// The codec of parts without numbers.
const LATENTS: &str = "latents";

/// With a fast given model the classical coder is left out where it is expected to take this many times as much.
const FAR: f64 = 1.1;

/// How numbers are to be coded.
#[derive(Debug, Clone, Copy)]
pub struct How<'a> {
    /// `Auto` takes the smaller, `Predictive` the predictive stream wherever there is enough to learn from, all others
    /// the classical one.
    pub method: Method,
    /// Only the fast tier of the predictive method.
    pub fast: bool,
    /// A model that was trained before, which is never refitted.
    pub shared: Option<&'a Shared>,
    /// Values of the reference field: another variable on the same grid.
    pub reference: Option<&'a [f64]>,
    /// True for characters and bytes, in which nothing but repeats is looked for.
    pub is_opaque: bool,
    /// True if the numbers may be those of a finer grid: nothing relies on the values that they are expected to have.
    pub may_refine: bool,
    /// Only the likely winner among the models, in this order of the axes: for estimates.
    pub brief: Option<Order>,
}

impl How<'_> {
    /// True if time counts more than the last bytes.
    fn is_hasty(&self) -> bool {
        self.fast && self.shared.is_some()
    }

    /// What is not tried.
    fn left_out(&self) -> LeftOut {
        match (self.method, self.fast) {
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
            fast: false,
            shared: None,
            reference: None,
            is_opaque: false,
            may_refine: false,
            brief: None,
        }
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

/// A stream, and what was done, in words.
pub struct Stream {
    /// As docs/format.md describes it.
    pub bytes: Vec<u8>,
    /// For example `lorenzo 0111 pco`, or `predictive`.
    pub codec: String,
    /// Which candidate it is.
    pub candidate: Candidate,
    /// The bytes of all that were tried.
    pub trials: Trials,
    /// Numbers of the finer grid that it decodes to, where it is a centred one.
    pub finer: Option<Vec<i64>>,
}

/// The same values on a finer grid, an odd number of steps in one of the bound's.
pub trait Finer {
    /// The nearest numbers (C order) to the values of `q`, and how many times finer they are.
    fn numbers(&self, q: &[i64]) -> Option<(Vec<i64>, i64)>;
    /// True if these numbers of the finer grid keep the promise.
    fn serves(&self, q: &[i64]) -> bool;
}

impl Stream {
    /// No numbers at all: predictions are all there is.
    pub fn nothing() -> Stream {
        let candidate = Candidate::Classical;
        let (codec, trials) = (LATENTS.to_string(), Trials::default());
        Stream { bytes: Vec::new(), codec, candidate, trials, finer: None }
    }
}

/// Codes `q` (C order of `shape`) of a grid and a dtype, or a finer one where that is smaller; masked numbers need not
/// come back.
pub fn encode(
    q: Vec<i64>,
    shape: &[usize],
    mask: Option<&[bool]>,
    (grid, dtype): (&Grid, DType),
    how: How,
    finer: Option<&dyn Finer>,
) -> Stream {
    if how.is_opaque {
        let coded = classical::encode_repeats(q, shape, mask);
        let (candidate, trials) = (Candidate::Classical, Trials::default());
        return Stream { bytes: coded.bytes, codec: coded.codec, candidate, trials, finer: None };
    }
    let numbers = Numbers { q: &q, shape, mask, mantissa_bits: mantissa_bits(grid, dtype) };
    let predictive = match how.method {
        Method::Auto | Method::Predictive => predict(numbers, how, finer),
        Method::Autoencoder | Method::Classical => None,
    };
    let left_out = how.left_out();
    match predictive {
        Some(stream) if how.method == Method::Predictive => stream.leaving_out(left_out),
        Some(stream) if how.is_hasty() && is_far_ahead(&stream, numbers) => {
            stream.leaving_out(LeftOut::SlowAndFarBehind)
        }
        predictive => {
            let coded = classical::encode(q, shape, mask);
            let mut trials = predictive.as_ref().map_or(Trials::default(), |stream| stream.trials);
            trials.see(Candidate::Classical, coded.bytes.len());
            let worth = if trials.has_reference { WORTH } else { 1.0 };
            let most = worth * coded.bytes.len() as f64;
            match predictive.filter(|stream| (stream.bytes.len() as f64) < most) {
                Some(stream) => Stream { trials, ..stream },
                None => {
                    trials.has_reference = false;
                    let candidate = Candidate::Classical;
                    Stream { bytes: coded.bytes, codec: coded.codec, candidate, trials, finer: None }
                }
            }
            .leaving_out(left_out)
        }
    }
}

impl Stream {
    fn leaving_out(mut self, left_out: LeftOut) -> Stream {
        self.trials.left_out = left_out;
        self
    }
}

/// True if the classical coder is expected to take far more, so that it need not be run.
fn is_far_ahead(stream: &Stream, numbers: Numbers) -> bool {
    let bits = 8.0 * stream.bytes.len() as f64 / numbers.q.len() as f64;
    FAR * bits < expected_bits(numbers.q, four_axes(numbers.shape), numbers.mask)
}

fn predict(numbers: Numbers, how: How, finer: Option<&dyn Finer>) -> Option<Stream> {
    let n_axes = numbers.shape.iter().filter(|&&extent| extent > 1).count();
    let effort = match (how.fast, how.brief) {
        (true, _) => Effort::Fast,
        (false, Some(order)) => Effort::Brief(order),
        (false, None) if n_axes > 1 || numbers.q.len() >= LONG_SERIES => Effort::Full,
        (false, None) => Effort::Quick,
    };
    let mut trials = Trials::default();
    let (coder, coded) = match how.shared {
        Some(shared) => {
            (CoderByte::PredictiveShared, predict::encode_shared(numbers, shared, effort, &mut trials)?)
        }
        None => (CoderByte::Predictive, predict::encode(numbers, effort, &mut trials)?),
    };
    let few_bits = 8.0 * (coded.bytes.len() as f64) < MAX_CENTRED_BITS * numbers.q.len() as f64;
    let centred = finer.filter(|_| few_bits && how.may_refine && !how.fast).and_then(|finer| {
        let (q, stride) = finer.numbers(numbers.q)?;
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
    let reference = how.reference.filter(|_| coder == CoderByte::Predictive && !how.fast && finer.is_none());
    let stream = |coder: CoderByte, bytes: Vec<u8>, trials: Trials| {
        let candidate = predict::tier(&bytes).expect("a model that was just written");
        let codec = words(coder, candidate);
        Stream { codec, bytes: [&[coder as u8], bytes.as_slice()].concat(), candidate, trials, finer }
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

/// True for a stream that looks at another variable.
pub fn has_reference(bytes: &[u8]) -> bool {
    bytes.first() == Some(&(CoderByte::PredictiveCrossField as u8))
}

fn words(coder: CoderByte, candidate: Candidate) -> String {
    let tier = match candidate {
        Candidate::Fast | Candidate::Centred => candidate.name(),
        _ => "predictive",
    };
    if coder == CoderByte::PredictiveShared { format!("{tier}, given model") } else { tier.to_string() }
}

/// Inverse of [`encode`], with what is known besides, and how many times finer the grid of the numbers is.
pub fn decode(bytes: &[u8], shape: &[usize], mask: Option<&[bool]>, known: Known) -> Result<(Vec<i64>, i64)> {
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
        _ => Ok((classical::decode(bytes, shape, mask)?, 1)),
    }
}

/// What a stream is.
pub struct Description {
    /// The method.
    pub method: Method,
    /// What was done, in words.
    pub codec: String,
    /// Bytes of the model inside it.
    pub model_bytes: usize,
    /// Which candidate it is.
    pub candidate: Candidate,
    /// Its own bytes.
    pub n_bytes: usize,
    /// True if it looks at another variable.
    pub has_reference: bool,
}

/// Describes a stream without decoding it.
pub fn describe(bytes: &[u8], shape: &[usize]) -> Result<Description> {
    let n_bytes = bytes.len();
    let of = |method, codec, model_bytes, candidate| {
        Ok(Description {
            method,
            codec,
            model_bytes,
            candidate,
            n_bytes,
            has_reference: has_reference(bytes),
        })
    };
    let Some((&byte, stream)) = bytes.split_first() else {
        return of(Method::Autoencoder, LATENTS.to_string(), 0, Candidate::Classical);
    };
    use CoderByte::{Predictive, PredictiveCrossField, PredictiveShared};
    match CoderByte::of_byte(byte) {
        Some(coder @ (Predictive | PredictiveShared | PredictiveCrossField)) => {
            let candidate = predict::tier(stream)?;
            let model_bytes = match coder {
                PredictiveShared => 0,
                _ => predict::model_bytes(stream, shape, coder == PredictiveCrossField)?,
            };
            of(Method::Predictive, words(coder, candidate), model_bytes, candidate)
        }
        _ => of(Method::Classical, classical::describe_stream(bytes, shape)?, 0, Candidate::Classical),
    }
}
