//! One variable's part of a chunk: values -> special values and numbers of the grid -> bytes, and back.
//!
//! A part is: special values (block), numbers (block), largest error (float64), first 8 bytes of the BLAKE3 hash of
//! the decoded values in little-endian C order, what else was tried ([`crate::report::trials`]). The hash makes "the same bits on
//! every machine" checkable.

pub mod cross_field;
pub mod finer;
pub mod numbers;
pub mod stream;

use crate::coder::CoderByte;
use crate::options::BoundSpec;
use crate::predict::Known;
use crate::quantize::special::Specials;
use crate::quantize::{Grid, blocks};
use crate::report::trials::{Candidate, Trials};
use crate::variable::VariablePlan;
use baler_data::bytes::{ByteReader, ByteWriter, with_room};
use baler_data::dataset::Values;
use baler_data::element::Element;
use baler_data::error::{Error, Result};
use finer::FinerGrid;
use numbers::{Numbers, grid_name, reconstruct_on};
use stream::{Finer, How, Stream};

/// Values that become bytes for the hash at a time.
const HASHED_AT_ONCE: usize = 1 << 14;

/// Bytes that reading a part takes for each value, all its buffers together: asked for where refusing is an error and
/// no abort.
const BYTES_A_VALUE: usize = 40;

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

/// Writes a part: `predictions` are taken off the numbers first (the autoencoder's), or there are none.
/// `residual` false stores no numbers at all: the predictions are the reconstruction.
pub fn write_part<T: Element>(
    numbers: Numbers,
    predictions: Option<&[i64]>,
    residual: bool,
    original: &[T],
    shape: &[usize],
    variable: &VariablePlan,
    how: How,
) -> Part {
    let n_specials = numbers.specials.classes.len();
    let part = write_numbers(numbers, predictions, residual, original, shape, variable, how);
    let growing = n_specials > 0 && part.bytes.len() > size_of_val(original);
    if !growing || predictions.is_some() || variable.grid != Grid::Order || variable.limits.is_some() {
        return part;
    }
    // Random bits have many NaN, which the exact grid holds as well; limits would move them.
    let q = original.iter().map(|x| x.order()).collect();
    let every_bit = Numbers { q, specials: Specials::default() };
    let other = write_numbers(every_bit, None, residual, original, shape, variable, how);
    if other.bytes.len() < part.bytes.len() { other } else { part }
}

fn write_numbers<T: Element>(
    numbers: Numbers,
    predictions: Option<&[i64]>,
    residual: bool,
    original: &[T],
    shape: &[usize],
    variable: &VariablePlan,
    how: How,
) -> Part {
    let mut numbers = numbers;
    if let (Some(predictions), BoundSpec::Unbounded) = (predictions, variable.bound.spec) {
        // Nothing is promised: where others of the group need residuals, this one's are zeros.
        numbers.q.copy_from_slice(predictions);
    }
    let mask = numbers.specials.mask();
    let mut proof = error_and_hash(&numbers.q, variable.grid, &numbers.specials, original, variable);
    let kind = (&variable.grid, variable.dtype);
    let stream = match predictions {
        Some(_) if !residual => Stream::nothing(),
        Some(predictions) => {
            let rest: Vec<i64> =
                numbers.q.iter().zip(predictions).map(|(&q, &p)| q.wrapping_sub(p)).collect();
            stream::encode(rest, shape, mask.as_deref(), kind, how, None)
        }
        None => {
            let finer = FinerGrid::of(original, &numbers.specials, variable);
            let finer_grid = finer.as_ref().map(|finer| finer as &dyn Finer);
            let stream = stream::encode(numbers.q, shape, mask.as_deref(), kind, how, finer_grid);
            if let (Some(finer), Some(q)) = (finer, &stream.finer) {
                proof = error_and_hash(q, finer.grid, &numbers.specials, original, variable);
            }
            stream
        }
    };
    let (max_error, hash) = proof;
    let mut w = ByteWriter::default();
    w.block(&numbers.specials.write(size_of::<T>()));
    w.block(&stream.bytes);
    w.f64(max_error);
    w.raw(&hash);
    let Stream { candidate, trials, .. } = stream;
    Part { bytes: w.bytes, stream_bytes: stream.bytes.len(), candidate, trials }
}

/// Reads a part back; `predictions` as in [`write_part`], `known` as in [`stream::decode`]. Checks the hash of the values.
pub fn read_part<T: Element>(
    r: &mut ByteReader,
    predictions: Option<&[i64]>,
    residual: bool,
    known: Known,
    shape: &[usize],
    variable: &VariablePlan,
) -> Result<Vec<T>> {
    let n_values = baler_data::dataset::n_elements(shape)?;
    drop(with_room::<[u8; BYTES_A_VALUE]>(n_values)?);
    let specials = Specials::read(r.block()?, n_values, size_of::<T>(), variable.patterns.len())?;
    let mask = specials.mask();
    let stream = r.block()?;
    let (mut q, stride) = match predictions {
        Some(_) if !residual && !stream.is_empty() => {
            return Err(Error::corrupt("expected no numbers where predictions are all there is"));
        }
        Some(predictions) if !residual => (predictions.to_vec(), 1),
        _ => stream::decode(stream, shape, mask.as_deref(), known)?,
    };
    if let (Some(predictions), true) = (predictions, residual) {
        q.iter_mut().zip(predictions).for_each(|(q, &p)| *q = q.wrapping_add(p));
    }
    let grid = variable.grid.refined(stride).filter(|_| predictions.is_none() || stride == 1);
    let grid =
        grid.ok_or_else(|| Error::corrupt(format!("expected a grid that has {stride} steps in one")))?;
    let values = reconstruct_on(&q, grid, &specials, variable);
    r.f64()?;
    if r.raw(8)? != values_hash(&values) {
        return Err(Error::corrupt(
            "expected the hash of the decoded values, found another; please report this",
        ));
    }
    Trials::read(r)?;
    Ok(values)
}

/// What a part says of itself.
pub struct Described {
    /// As stored.
    pub max_error: f64,
    /// `None` for a table's.
    pub stream: Option<stream::Description>,
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
        _ => Some(stream::describe(bytes, shape)?),
    };
    let stream = stream.map(|stream| stream::Description {
        codec: format!("{} {}", grid_name(&variable.grid), stream.codec),
        ..stream
    });
    let max_error = r.f64()?;
    r.raw(8)?;
    Ok(Described { max_error, stream, trials: Trials::read(&mut r)? })
}

/// Largest error, and hash, of the values that `q` gives; a part at a time, so that they need no memory.
fn error_and_hash<T: Element>(
    q: &[i64],
    grid: Grid,
    specials: &Specials,
    original: &[T],
    variable: &VariablePlan,
) -> (f64, [u8; 8]) {
    let mut hasher = ValuesHasher::default();
    let mut max_error = 0.0f64;
    // Special values are not looked up by position.
    let n_at_once = if specials.classes.is_empty() { HASHED_AT_ONCE } else { q.len().max(1) };
    for (q, original) in q.chunks(n_at_once).zip(original.chunks(n_at_once)) {
        let decoded = reconstruct_on(q, grid, specials, variable);
        max_error = max_error.max(blocks::compare(original, &decoded, &variable.bound).0);
        hasher.update(&decoded);
    }
    (max_error, hasher.finish())
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
    predictions: Option<&[i64]>,
    residual: bool,
    known: Known,
    shape: &[usize],
    variable: &VariablePlan,
) -> Result<Values> {
    macro_rules! read {
        ($($variant:ident),*) => {
            match variable.dtype {
                $(baler_data::dataset::DType::$variant => {
                    Values::$variant(read_part(r, predictions, residual, known, shape, variable)?)
                })*
            }
        };
    }
    Ok(read!(Bool, I8, I16, I32, I64, U8, U16, U32, U64, F16, F32, F64))
}
