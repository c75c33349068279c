//! One array to bytes and back, without files, names or a schema: what filters of other formats call for each chunk.
//!
//! The work is done on the threads of the caller. The bytes are those of docs/format.md, section "Coded arrays": what is
//! promised and the grid, special values, numbers, and a hash of the decoded values. Parts of an archive are coded by the
//! same functions ([`crate::part`]).

mod brief;
#[cfg(feature = "encode")]
mod encode;
mod padding;
mod values;

#[cfg(feature = "encode")]
pub use encode::{ArrayOptions, encode_array};
pub use values::decode_values;
#[cfg(feature = "encode")]
pub use values::encode_values;

use crate::model::shelf::Named;
use crate::model::{Model, shelf};
use crate::options::BoundSpec;
use crate::part::{Prediction, read_values, values_hash};
use crate::predict::Known;
use crate::predict::predictor::Predictor;
use crate::quantize::Promises;
use crate::variable::{VariablePlan, read_patterns, read_promise};
use baler_data::bytes::{ByteReader, ByteWriter};
use baler_data::dataset::{DType, MAX_AXES, Storage, n_elements};
use baler_data::element::Element;
use baler_data::error::{Error, Result};

/// Bytes of the hash of the decoded values.
const HASH_BYTES: usize = 4;
/// Bytes of the hash that names a model.
const MODEL_HASH_BYTES: usize = 8;
/// Set in the first byte where a model is named.
const WITH_MODEL: u8 = 0x10;
/// Set in the first byte where the promise is [`brief`].
const BRIEF: u8 = 0x20;
/// Set in the first byte where an array within its padding follows.
const PADDED: u8 = 0x40;

/// What the first bytes of a coded array say.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ArrayInfo {
    /// Element type.
    pub dtype: DType,
    /// Extents; empty for a single value.
    pub shape: Vec<usize>,
    /// The promise.
    pub bound: BoundSpec,
    /// Bytes beside the special values and the numbers.
    pub beside_bytes: usize,
}

/// Tells what a coded array is without decoding its values.
///
/// ```
/// use baler_codec::array::{ArrayOptions, array_info, encode_array};
/// use baler_codec::options::BoundSpec;
///
/// let bytes = encode_array(&[1u16, 2, 3, 4, 5, 6], &[2, 3], &ArrayOptions::new(BoundSpec::Lossless))?;
/// assert_eq!(array_info(&bytes)?.shape, [2, 3]);
/// # Ok::<(), baler_data::Error>(())
/// ```
///
/// # Errors
/// [`baler_data::ErrorKind::Corrupt`] or [`baler_data::ErrorKind::Unsupported`] for bytes that are no coded array.
pub fn array_info(bytes: &[u8]) -> Result<ArrayInfo> {
    if let Some(padding) = padding::read(bytes)? {
        let inner = array_info(padding.inner)?;
        padding.check(inner.dtype, &inner.shape)?;
        let beside_bytes = inner.beside_bytes + bytes.len() - padding.inner.len();
        return Ok(ArrayInfo { shape: padding.shape, beside_bytes, ..inner });
    }
    let mut r = ByteReader::new(bytes);
    let VariablePlan { dtype, shape, bound, .. } = Head::read(&mut r)?.variable;
    let n_specials = r.block()?.len();
    let beside_bytes = r.position() - n_specials + r.raw(HASH_BYTES)?.len();
    Ok(ArrayInfo { dtype, shape, bound: bound.spec, beside_bytes })
}

/// Inverse of [`encode_array`], with the model that the bytes name, if they name one; without it one is looked up
/// ([`shelf`]).
///
/// # Errors
/// [`baler_data::ErrorKind::Corrupt`] for damaged bytes, [`baler_data::ErrorKind::Input`] for another element type, [`baler_data::ErrorKind::Config`] if
/// the bytes need a model.
pub fn decode_array<T: Element>(bytes: &[u8], model: Option<&Model>) -> Result<Vec<T>> {
    let values = decode_values(bytes, model)?;
    let (expected, found) = (T::DTYPE.name(), values.dtype().name());
    let wrong = || Error::input(format!("expected an array of {expected}, found one of {found}"));
    values.into_vec().ok_or_else(wrong)
}

/// [`decode_array`] to elements of the type that [`array_info`] tells.
fn decode<T: Element>(bytes: &[u8], model: Option<&Model>) -> Result<Vec<T>> {
    if let Some(padding) = padding::read(bytes)? {
        let info = array_info(padding.inner)?;
        padding.check(info.dtype, &info.shape)?;
        let inner = decode::<T>(padding.inner, model)?;
        return padding::padded(&inner, &padding.shape, &info.shape, padding.bits);
    }
    let mut r = ByteReader::new(bytes);
    let head = Head::read(&mut r)?;
    let variable = &head.variable;
    let model = head.model(model)?;
    let predictor = head.predictor(model.as_deref())?;
    let known = Known { shared: predictor.map(|predictor| &predictor.shared), reference: None };
    let specials = r.block()?;
    let hash = r.raw(HASH_BYTES)?;
    let values = read_values(specials, r.rest(), Prediction::Nothing, known, &variable.shape, variable)?;
    match hash == &values_hash(&values)[..HASH_BYTES] {
        true => Ok(values),
        false => Err(Error::corrupt(
            "expected the hash of the decoded values, found another; the array is damaged",
        )),
    }
}

/// [`decode_array`] into a buffer of the caller's, of exactly as many values.
///
/// ```
/// use baler_codec::array::{ArrayOptions, decode_array_into, encode_array};
/// use baler_codec::options::BoundSpec;
///
/// let bytes = encode_array(&[7i32; 12], &[3, 4], &ArrayOptions::new(BoundSpec::Lossless))?;
/// let mut back = [0i32; 12];
/// decode_array_into(&bytes, None, &mut back)?;
/// assert_eq!(back, [7; 12]);
/// # Ok::<(), baler_data::Error>(())
/// ```
///
/// # Errors
/// As [`decode_array`], and [`baler_data::ErrorKind::Input`] for a buffer of another length.
pub fn decode_array_into<T: Element>(bytes: &[u8], model: Option<&Model>, out: &mut [T]) -> Result<()> {
    let n_values = n_elements(&array_info(bytes)?.shape)?;
    if n_values != out.len() {
        return Err(Error::input(format!("expected room for {n_values} values, found {}", out.len())));
    }
    out.copy_from_slice(&decode_array::<T>(bytes, model)?);
    Ok(())
}

fn dtype_of(code: u8) -> Result<DType> {
    let found = DType::ALL.get(code as usize).copied();
    found.ok_or_else(|| Error::unsupported(format!("expected a coded array, found the first byte {code}")))
}

#[cfg_attr(not(feature = "encode"), allow(dead_code))]
fn write_shape(shape: &[usize], w: &mut ByteWriter) {
    w.u8(shape.len() as u8);
    shape.iter().for_each(|&extent| w.count(extent));
}

/// Inverse of [`write_shape`].
fn read_shape(r: &mut ByteReader) -> Result<Vec<usize>> {
    let n_axes = r.u8()? as usize;
    if n_axes > MAX_AXES {
        return Err(Error::limit(format!("expected at most {MAX_AXES} axes, found {n_axes}")));
    }
    let shape: Vec<usize> = (0..n_axes).map(|_| r.count()).collect::<Result<_>>()?;
    n_elements(&shape)?;
    Ok(shape)
}

/// What stands before the special values.
struct Head {
    variable: VariablePlan,
    /// Hash of a model, and which of its predictors.
    named: Option<([u8; MODEL_HASH_BYTES], usize)>,
}

impl Head {
    fn read(r: &mut ByteReader) -> Result<Head> {
        let code = r.u8()?;
        let dtype = dtype_of(code & !(WITH_MODEL | BRIEF))?;
        let shape = read_shape(r)?;
        let (bound, limits, grid, patterns) = match code & BRIEF {
            0 => read_promise(r, dtype)?,
            _ => {
                let (bound, limits, grid) = brief::read(r, dtype)?;
                (bound, limits, grid, read_patterns(r, dtype)?)
            }
        };
        let (name, storage) = (String::new(), Storage::default());
        let promises = Promises::default();
        let variable = VariablePlan { name, dtype, shape, storage, bound, limits, grid, patterns, promises };
        let mut named = None;
        if code & WITH_MODEL != 0 {
            named = Some((r.raw(MODEL_HASH_BYTES)?.try_into().expect("as many bytes"), r.count()?));
        }
        Ok(Head { variable, named })
    }

    /// The model that is named, if one is.
    fn model<'a>(&self, given: Option<&'a Model>) -> Result<Option<Named<'a>>> {
        self.named.as_ref().map(|(hash, _)| shelf::named(given, hash)).transpose()
    }

    fn predictor<'a>(&self, model: Option<&'a Model>) -> Result<Option<&'a Predictor>> {
        let (Some((_, idx)), Some(model)) = (self.named, model) else { return Ok(None) };
        let missing = || Error::corrupt("an array names a part that its model does not have");
        model.predictors.get(idx).ok_or_else(missing).map(Some)
    }
}
