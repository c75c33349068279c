//! One variable's part of a chunk: values -> special values and numbers of the grid -> bytes, and back.
//!
//! A part is: special values (block), numbers (block), what moves values ([`settle`]; blocks, where the variable has some), largest error (float64), first 8 bytes of the BLAKE3 hash of
//! the decoded values in little-endian C order, what else was tried ([`crate::report::trials`]). The hash makes "the same bits on
//! every machine" checkable.

#[cfg_attr(not(feature = "encode"), allow(dead_code))]
mod counts;
pub mod cross_field;
pub mod describe;
pub mod finer;
pub mod numbers;
mod search;
pub mod settle;
pub mod sides;
pub mod stream;
pub mod sums;

use crate::coder::CoderByte;
use crate::lockstep;
use crate::lockstep::effort::Effort;
use crate::lockstep::encode::Learned;
use crate::options::{BoundSpec, Level};
use crate::predict;
use crate::predict::Known;
use crate::quantize::special::Specials;
use crate::quantize::{Grid, blocks};
use crate::report::trials::{Candidate, Trials};
use crate::variable::VariablePlan;
use baler_data::bytes::{ByteReader, ByteWriter, with_room};
use baler_data::dataset::Values;
use baler_data::element::Element;
use baler_data::error::{Error, Result};
use baler_data::values_of;
use describe::{Description, describe};
use finer::{Finer, FinerGrid, Nearest};
use numbers::{Numbers, grid_name, reconstruct_on};
use settle::Blocks;
use stream::{How, Lattice, Stream};

/// Values that become bytes for the hash at a time.
const HASHED_AT_ONCE: usize = 1 << 14;

/// Buffers of 8 bytes a value that reading a part takes, all together.
const N_BUFFERS: usize = 5;
/// Up to so many values are few.
const FEW_VALUES: usize = 1 << 23;

/// What writing a part gives.
pub struct Part {
    /// The part's bytes, without the trials.
    pub bytes: Vec<u8>,
    /// Bytes of its stream.
    pub stream_bytes: usize,
    /// Which candidate its stream is.
    pub candidate: Candidate,
    /// What all candidates took.
    pub trials: Trials,
}

impl Part {
    /// The whole part.
    pub fn finish(self) -> Vec<u8> {
        let mut w = ByteWriter { bytes: self.bytes };
        self.trials.write(self.candidate, self.stream_bytes, &mut w);
        w.bytes
    }
}

/// What a network says of the numbers before they are coded.
#[derive(Debug, Clone, Copy)]
pub enum Prediction<'a> {
    /// Nothing: the numbers themselves are coded.
    Nothing,
    /// Numbers that are taken off: what is left, the residual, is coded.
    Refined(&'a [i64]),
    /// Numbers that are the reconstruction: nothing is coded.
    Final(&'a [i64]),
}

impl<'a> Prediction<'a> {
    /// What a network predicts, if there is one; a `residual` corrects it.
    pub fn of(predicted: Option<&'a [i64]>, residual: bool) -> Prediction<'a> {
        match predicted {
            None => Prediction::Nothing,
            Some(predicted) if residual => Prediction::Refined(predicted),
            Some(predicted) => Prediction::Final(predicted),
        }
    }

    fn numbers(self) -> Option<&'a [i64]> {
        match self {
            Prediction::Nothing => None,
            Prediction::Refined(predicted) | Prediction::Final(predicted) => Some(predicted),
        }
    }
}

/// Numbers with what is needed to code them as a part: the values that they stand for and their shape.
#[derive(Clone, Copy)]
pub struct Original<'a, T> {
    /// C order.
    pub values: &'a [T],
    /// Extents.
    pub shape: &'a [usize],
    /// What is promised, and on which grid the numbers are.
    pub variable: &'a VariablePlan,
}

/// Writes a part of numbers and what a network predicts of them.
pub fn write_part<T: Element>(
    numbers: Numbers,
    prediction: Prediction,
    original: Original<T>,
    how: How,
) -> Part {
    let Original { values, variable, .. } = original;
    let n_specials = numbers.specials.classes.len();
    let part = Coded::of(numbers, prediction, original, how).into_part();
    let growing = n_specials > 0 && part.bytes.len() > size_of_val(values);
    let is_predicted = !matches!(prediction, Prediction::Nothing);
    if !growing || is_predicted || variable.grid != Grid::Order || variable.limits.is_some() {
        return part;
    }
    // Random bits have many NaN, which the exact grid holds as well; limits would move them.
    let q = values.iter().map(|x| x.order()).collect();
    let every_bit = Numbers { q, specials: Specials::default() };
    let other = Coded::of(every_bit, Prediction::Nothing, original, how).into_part();
    if other.bytes.len() < part.bytes.len() { other } else { part }
}

/// What the fast tiers may learn from some values of a variable for all of it.
pub fn learn<T: Element>(original: Original<T>, level: Level) -> Option<Learned> {
    let Original { values, shape, variable } = original;
    let numbers = numbers::quantize(values, variable);
    let mask = numbers.specials.mask();
    let finer = FinerGrid::of((values, shape), &numbers.specials, variable);
    let nearest = finer.and_then(|finer| finer.numbers(&numbers.q));
    let nearest = nearest.as_ref().map(Nearest::goal);
    let mantissa_bits = stream::mantissa_bits(&variable.grid, variable.dtype);
    let numbers = predict::Numbers { q: &numbers.q, shape, mask: mask.as_deref(), mantissa_bits };
    lockstep::encode::learn(numbers, nearest, Effort::of(level))
}

/// Coded numbers before they are bytes of a part.
pub struct Coded {
    /// Special values.
    pub specials: Vec<u8>,
    /// Numbers.
    pub stream: Stream,
    /// What is known of the decoded values.
    pub proof: Proof,
}

/// What a decoder makes of numbers, as far as a part tells it.
pub struct Proof {
    /// What moves values, as promises beside the bound ask ([`settle`]).
    pub settled: Vec<u8>,
    /// Largest error.
    pub max_error: f64,
    /// First 8 bytes of the BLAKE3 hash.
    pub hash: [u8; 8],
}

impl Coded {
    /// Codes numbers and what a network predicts of them.
    pub fn of<T: Element>(
        mut numbers: Numbers,
        prediction: Prediction,
        Original { values, shape, variable }: Original<T>,
        how: How,
    ) -> Coded {
        if let (Some(predicted), BoundSpec::Unbounded) = (prediction.numbers(), variable.bound.spec) {
            // Nothing is promised: where others of the group need residuals, this one's are zeros.
            numbers.q.copy_from_slice(predicted);
        }
        let how = How { is_exact: variable.bound.spec == BoundSpec::Lossless, ..how };
        let mask = numbers.specials.mask();
        // What the decoder will have: largest error, and hash.
        let original = Original { values, shape, variable };
        let proof = |q: &[i64], grid| proof(q, grid, &numbers.specials, original);
        let kind = (&variable.grid, variable.dtype);
        let (stream, proof) = match prediction {
            Prediction::Final(_) => (Stream::nothing(), proof(&numbers.q, variable.grid)),
            Prediction::Refined(predicted) => {
                let rest: Vec<i64> =
                    numbers.q.iter().zip(predicted).map(|(&q, &p)| q.wrapping_sub(p)).collect();
                let stream = stream::encode(&rest, shape, mask.as_deref(), kind, how, None);
                (stream, proof(&numbers.q, variable.grid))
            }
            Prediction::Nothing => {
                let finer = FinerGrid::of((values, shape), &numbers.specials, variable);
                let finer_grid = finer.as_ref().map(|finer| finer as &dyn Finer);
                let stream = stream::encode(&numbers.q, shape, mask.as_deref(), kind, how, finer_grid);
                let orders = || -> Vec<i64> { values.iter().map(|x| x.order()).collect() };
                let orders = (how.may_refine && may_be_exact(variable)).then(orders);
                let exact = orders.as_ref().and_then(|orders| {
                    stream::exactly(orders, (shape, mask.as_deref(), variable.dtype), how, &stream)
                });
                let proof = match (&exact, &orders, &finer, &stream.finer) {
                    (Some(_), Some(orders), ..) => proof(orders, Grid::Order),
                    (None, _, Some(finer), Some(q)) => proof(q, finer.grid),
                    _ => proof(&numbers.q, variable.grid),
                };
                (exact.unwrap_or(stream), proof)
            }
        };
        Coded { specials: numbers.specials.write(size_of::<T>()), stream, proof }
    }

    fn into_part(self) -> Part {
        let mut w = ByteWriter::default();
        w.block(&self.specials);
        w.block(&self.stream.bytes);
        w.raw(&self.proof.settled);
        w.f64(self.proof.max_error);
        w.raw(&self.proof.hash);
        let Stream { bytes, candidate, trials, .. } = self.stream;
        Part { bytes: w.bytes, stream_bytes: bytes.len(), candidate, trials }
    }
}

/// Reads a part back; `prediction` as in [`write_part`], `known` as in [`stream::decode`]. Checks the hash of the values.
pub fn read_part<T: Element>(
    r: &mut ByteReader,
    prediction: Prediction,
    known: Known,
    shape: &[usize],
    variable: &VariablePlan,
) -> Result<Vec<T>> {
    let (specials, stream) = (r.block()?, r.block()?);
    let mut values = read_values(specials, stream, prediction, known, shape, variable)?;
    let settling = Blocks::read(r, variable)?;
    if variable.is_settled() {
        let specials = Specials::read(specials, values.len(), size_of::<T>(), variable.patterns.len())?;
        settling.apply(&mut values, &specials, shape, variable)?;
    }
    r.f64()?;
    if r.raw(8)? != values_hash(&values) {
        return Err(Error::corrupt(
            "expected the hash of the decoded values, found another; please report this",
        ));
    }
    Trials::read(r)?;
    Ok(values)
}

/// Asks for the memory that reading a part takes, where refusing is an error and no abort. For few values that is one request
/// a buffer; for many it is a single one, which also a system that promises more memory than it has refuses.
fn ask_for_memory(n_values: usize) -> Result<()> {
    if n_values > FEW_VALUES {
        return with_room::<[u64; N_BUFFERS]>(n_values).map(drop);
    }
    let buffers: Result<Vec<Vec<u64>>> = (0..N_BUFFERS).map(|_| with_room(n_values)).collect();
    buffers.map(drop)
}

/// The values of special values and a stream; nothing is checked that their bytes do not say.
pub fn read_values<T: Element>(
    specials: &[u8],
    stream: &[u8],
    prediction: Prediction,
    known: Known,
    shape: &[usize],
    variable: &VariablePlan,
) -> Result<Vec<T>> {
    let n_values = baler_data::dataset::n_elements(shape)?;
    ask_for_memory(n_values)?;
    let specials = Specials::read(specials, n_values, size_of::<T>(), variable.patterns.len())?;
    let mask = specials.mask();
    let decode = || {
        let of_stream = (shape, mask.as_deref(), (&variable.grid, variable.dtype));
        stream::decode(stream, of_stream, known)
    };
    let (q, lattice) = match prediction {
        Prediction::Final(_) if !stream.is_empty() => {
            return Err(Error::corrupt("expected no numbers where predictions are all there is"));
        }
        Prediction::Final(predicted) => (predicted.to_vec(), Lattice::Finer(1)),
        Prediction::Nothing => decode()?,
        Prediction::Refined(predicted) => {
            let (mut q, lattice) = decode()?;
            q.iter_mut().zip(predicted).for_each(|(q, &p)| *q = q.wrapping_add(p));
            (q, lattice)
        }
    };
    let is_predicted = !matches!(prediction, Prediction::Nothing);
    let grid = match lattice {
        _ if is_predicted && lattice != Lattice::Finer(1) => None,
        Lattice::Finer(stride) => variable.grid.refined(stride),
        Lattice::Orders => Some(Grid::Order),
    };
    let grid = grid.ok_or_else(|| {
        Error::corrupt(format!("expected numbers of the planned grid or a finer one, found {lattice:?}"))
    })?;
    Ok(reconstruct_on(&q, grid, &specials, variable))
}

/// What a part says of itself.
pub struct Described {
    /// As stored.
    pub max_error: f64,
    /// `None` for a table's.
    pub stream: Option<Description>,
    /// What else was tried, if it was kept.
    pub trials: Option<Trials>,
}

/// Describes a part without decoding it.
pub fn describe_part(part: &[u8], shape: &[usize], variable: &VariablePlan) -> Result<Described> {
    let mut r = ByteReader::new(part);
    r.block()?;
    let bytes = r.block()?;
    let stream = match bytes.first() {
        Some(&byte) if byte == CoderByte::Table as u8 => None,
        _ => Some(describe(bytes, shape, (&variable.grid, variable.dtype))?),
    };
    Blocks::read(&mut r, variable)?;
    let stream = stream.map(|stream| Description {
        codec: format!("{} {}", grid_name(&variable.grid), stream.codec),
        ..stream
    });
    let max_error = r.f64()?;
    r.raw(8)?;
    Ok(Described { max_error, stream, trials: Trials::read(&mut r)? })
}

/// True if what stands behind the values may be simpler than the numbers of their grid: where a bound is spent, or where floats
/// lie on a lattice that their low bits suggest.
fn may_be_exact(variable: &VariablePlan) -> bool {
    let is_promised = variable.bound.spec != BoundSpec::Unbounded;
    is_promised && !matches!(variable.grid, Grid::Order | Grid::OrderF32 | Grid::Integer { step: 1 })
}

/// What is known of the values that `q` gives; a part at a time where no value needs its neighbors, so that they need no memory.
fn proof<T: Element>(
    q: &[i64],
    grid: Grid,
    specials: &Specials,
    Original { values: original, shape, variable }: Original<T>,
) -> Proof {
    let mut hasher = ValuesHasher::default();
    let (mut max_error, mut settled) = (0.0f64, Vec::new());
    // Special values are not looked up by position.
    let is_whole = !specials.classes.is_empty() || variable.is_settled();
    let n_at_once = if is_whole { q.len().max(1) } else { HASHED_AT_ONCE };
    for (q, original) in q.chunks(n_at_once).zip(original.chunks(n_at_once)) {
        let mut decoded = reconstruct_on(q, grid, specials, variable);
        if variable.is_settled() {
            settled = settle::encode(original, &mut decoded, specials, shape, variable);
        }
        max_error = max_error.max(blocks::compare(original, &decoded, &variable.bound).0);
        hasher.update(&decoded);
    }
    Proof { settled, max_error, hash: hasher.finish() }
}

/// BLAKE3 over the values' little-endian bytes.
#[derive(Default)]
struct ValuesHasher {
    hasher: blake3::Hasher,
    bytes: Vec<u8>,
}

impl ValuesHasher {
    fn update<T: Element>(&mut self, values: &[T]) {
        for values in values.chunks(HASHED_AT_ONCE) {
            self.bytes.resize(size_of_val(values), 0);
            T::write_bytes(values, &mut self.bytes);
            self.hasher.update(&self.bytes);
        }
    }

    fn finish(&self) -> [u8; 8] {
        self.hasher.finalize().as_bytes()[..8].try_into().expect("a hash has 32 bytes")
    }
}

/// First 8 bytes of the BLAKE3 hash of the values.
pub fn values_hash<T: Element>(values: &[T]) -> [u8; 8] {
    let mut hasher = ValuesHasher::default();
    hasher.update(values);
    hasher.finish()
}

/// [`read_part`] for a dtype known at run time.
pub fn read_part_values(
    r: &mut ByteReader,
    prediction: Prediction,
    known: Known,
    shape: &[usize],
    variable: &VariablePlan,
) -> Result<Values> {
    Ok(values_of!(variable.dtype, T => read_part::<T>(r, prediction, known, shape, variable)?))
}
