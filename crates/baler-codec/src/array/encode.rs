//! An array -> its bytes, decoded and compared before anyone has them.

use crate::array::{BRIEF, HASH_BYTES, MODEL_HASH_BYTES, WITH_MODEL, brief, decode, padding, write_shape};
use crate::model::Model;
use crate::options::{BoundSpec, Level, Method, Missing, Options};
use crate::part::numbers::quantize;
use crate::part::stream::How;
use crate::part::{Coded, Original, Prediction};
use crate::plan::fits_predictor;
use crate::plan::grids::{Asked, type_variable};
use crate::predict::predictor::Predictor;
use crate::quantize::blocks;
use crate::variable::{VariablePlan, write_patterns, write_promise};
use baler_data::bytes::ByteWriter;
use baler_data::dataset::{DType, Layout, Values, n_elements};
use baler_data::element::Element;
use baler_data::error::{Error, ErrorKind, Result};
use baler_data::source::{Schema, Source, VariableSchema};
use baler_data::with_dtype;
use std::any::Any;
use std::ops::Range;

/// How an array is coded.
///
/// ```
/// use baler_codec::array::ArrayOptions;
/// use baler_codec::options::{BoundSpec, Level};
///
/// let options = ArrayOptions { level: Level::FAST, ..ArrayOptions::new(BoundSpec::Rel(1e-3)) };
/// assert!(options.model.is_none());
/// ```
#[derive(Debug, Clone)]
pub struct ArrayOptions<'a> {
    /// The promise for every value.
    pub bound: BoundSpec,
    /// What [`BoundSpec::Rel`] is relative to; the array's own range without. The chunks of a larger array need that of
    /// the whole. What is coded then tells the absolute bound that this makes.
    pub range: Option<f64>,
    /// Which values are missing, and kept exactly.
    pub missing: Missing,
    /// The bits (in the low bytes) of the value that a chunk at the edge of a larger array is filled up with. What stands
    /// outside of the box that holds all other values is then no part of the data: it takes no bytes and widens no range.
    pub padding: Option<u64>,
    /// The method; a network has no use here.
    pub method: Method,
    /// How much time is spent for fewer bytes.
    pub level: Level,
    /// A model that was trained on like arrays. It is used where it fits; the bytes then name it by its hash, and
    /// [`decode_array`](crate::array::decode_array) needs it.
    pub model: Option<&'a Model>,
}

impl ArrayOptions<'_> {
    /// Defaults for everything but the promise.
    pub fn new(bound: BoundSpec) -> ArrayOptions<'static> {
        ArrayOptions {
            bound,
            range: None,
            missing: Missing::Auto,
            padding: None,
            method: Method::Auto,
            level: Level::default(),
            model: None,
        }
    }

    fn of_variable(&self) -> Options {
        let ranges = self.range.map(|range| (String::new(), range)).into_iter().collect();
        let missing = vec![("*".to_string(), self.missing)];
        Options { missing, ranges, method: self.method, level: self.level, ..Options::new(self.bound) }
    }
}

/// Codes the values of an array in C order (last axis fastest). The bytes are decoded and every value is compared
/// before they are returned.
///
/// ```
/// use baler_codec::array::{ArrayOptions, decode_array, encode_array};
/// use baler_codec::options::BoundSpec;
///
/// let field: Vec<f32> = (0..10_000).map(|i| (i as f32 * 0.01).sin()).collect();
/// let bytes = encode_array(&field, &[100, 100], &ArrayOptions::new(BoundSpec::Abs(1e-3)))?;
/// let back: Vec<f32> = decode_array(&bytes, None)?;
/// assert!(field.iter().zip(&back).all(|(x, y)| (x - y).abs() <= 1e-3));
/// # Ok::<(), baler_data::Error>(())
/// ```
///
/// # Errors
/// [`ErrorKind::Config`] for a shape that the values do not have, or a bound that is none.
pub fn encode_array<T: Element>(values: &[T], shape: &[usize], options: &ArrayOptions) -> Result<Vec<u8>> {
    let encode: &Encode<T> = (encode_of(T::DTYPE).downcast_ref())
        .ok_or_else(|| Error::input("expected elements of one of the twelve dtypes, found others"))?;
    encode(values, shape, options)
}

type Encode<T> = fn(&[T], &[usize], &ArrayOptions) -> Result<Vec<u8>>;

/// [`encode`] for the elements of a dtype: an [`Encode`] of their type. Inlined into a caller of another crate it would be
/// compiled there.
#[inline(never)]
fn encode_of(dtype: DType) -> &'static dyn Any {
    with_dtype!(dtype, T => &(encode::<T> as Encode<T>))
}

/// [`encode_array`] where the type is known.
pub(super) fn encode<T: Element>(values: &[T], shape: &[usize], options: &ArrayOptions) -> Result<Vec<u8>> {
    let n_values = n_elements(shape)?;
    if n_values != values.len() {
        return Err(Error::config(format!(
            "expected {n_values} values for the shape {shape:?}, found {}",
            values.len()
        )));
    }
    if let BoundSpec::Noise(_) = options.bound {
        return Err(Error::config(
            "expected a bound of abs, rel, pw-rel or lossless for an array, found noise; it needs an archive",
        ));
    }
    if options.bound == BoundSpec::Unbounded {
        return Err(Error::config("expected a bound for an array, found none; a size needs an archive"));
    }
    if let Some(bits) = options.padding {
        let extents = padding::box_of(values, shape, bits);
        if extents != shape {
            return encode_within(values, shape, (&extents, bits), options);
        }
    }
    let array = Borrowed::of(values, shape)?;
    let mut variable = type_variable(&array, 0, &options.of_variable(), Asked::Nothing)?.plan;
    if options.range.is_some() && matches!(variable.bound.spec, BoundSpec::Rel(_)) {
        variable.bound.spec = BoundSpec::Abs(variable.bound.limit);
    }
    let given = options.model.filter(|_| n_values > 0 && options.method != Method::Classical);
    let predictor = given.and_then(|model| model.predictors.iter().find(|p| fits_predictor(p, &variable)));
    let shared = predictor.map(|predictor| &predictor.shared);
    let how = How { level: options.level, shared, may_refine: true, ..How::by(options.method) };
    let original = Original { values, shape, variable: &variable };
    let coded = Coded::of(quantize(values, &variable), Prediction::Nothing, original, how);
    let used = given.filter(|_| predictor.is_some());
    let bytes = written(&variable, &coded, used.zip(predictor));
    let decoded: Vec<T> = decode(&bytes, used)?;
    let (_, n_violations) = blocks::compare(values, &decoded, &variable.bound);
    if n_violations > 0 {
        let message = format!("{n_violations} values are outside their bound; please report this");
        return Err(Error::new(ErrorKind::BoundNotMet, message));
    }
    Ok(bytes)
}

/// The box of the values that are no padding, as an array of its own, and before it what is around it.
fn encode_within<T: Element>(
    values: &[T],
    shape: &[usize],
    (extents, bits): (&[usize], u64),
    options: &ArrayOptions,
) -> Result<Vec<u8>> {
    let inner = padding::cut(values, shape, extents);
    let options = ArrayOptions { padding: None, ..options.clone() };
    let mut w = ByteWriter::default();
    padding::write(shape, bits, T::DTYPE, &mut w);
    w.raw(&encode(&inner, extents, &options)?);
    Ok(w.bytes)
}

fn written(variable: &VariablePlan, coded: &Coded, given: Option<(&Model, &Predictor)>) -> Vec<u8> {
    let (mut promise, mut w) = (ByteWriter::default(), ByteWriter::default());
    let is_brief = brief::write(variable, &mut promise);
    match is_brief {
        true => write_patterns(variable, &mut promise),
        false => write_promise(variable, &mut promise),
    }
    w.u8(variable.dtype as u8 | (WITH_MODEL * given.is_some() as u8) | (BRIEF * is_brief as u8));
    write_shape(&variable.shape, &mut w);
    w.raw(&promise.bytes);
    if let Some((model, predictor)) = given {
        w.raw(&model.hash()[..MODEL_HASH_BYTES]);
        w.count(model.predictors.iter().position(|p| std::ptr::eq(p, predictor)).unwrap_or_default());
    }
    w.block(&coded.specials);
    w.raw(&coded.proof.hash[..HASH_BYTES]);
    w.raw(&coded.stream.bytes);
    w.bytes
}

/// A slice as a source of one variable.
struct Borrowed<'a, T> {
    schema: Schema,
    values: &'a [T],
}

impl<'a, T: Element> Borrowed<'a, T> {
    fn of(values: &'a [T], shape: &[usize]) -> Result<Borrowed<'a, T>> {
        let variable = VariableSchema::new("", T::DTYPE, shape.to_vec(), false)?;
        let schema = Schema { variables: vec![variable], layout: Layout::Single, attachments: Vec::new() };
        Ok(Borrowed { schema, values })
    }
}

impl<T: Element> Source for Borrowed<'_, T> {
    fn schema(&self) -> &Schema {
        &self.schema
    }

    fn read(&self, _variable: usize, elements: Range<usize>) -> Result<Values> {
        let values = Values::from_vec(T::DTYPE, self.values[elements].to_vec());
        values.ok_or_else(|| Error::input("expected the dtype of the elements"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::array::{array_info, decode_array, decode_array_into};
    use half::f16;

    fn field(n_values: usize) -> Vec<f32> {
        let mut rng = baler_data::random::Rng::new(3, 0);
        (0..n_values).map(|i| ((i as f64 * 0.02).sin() * 7.0 + 0.01 * rng.uniform()) as f32).collect()
    }

    fn exact<T: Element + std::fmt::Debug>(values: &[T], shape: &[usize]) {
        let bytes = encode_array(values, shape, &ArrayOptions::new(BoundSpec::Lossless)).unwrap();
        let back: Vec<T> = decode_array(&bytes, None).unwrap();
        assert!(values.iter().zip(&back).all(|(x, y)| x.to_bits64() == y.to_bits64()));
        assert_eq!(array_info(&bytes).unwrap().dtype, T::DTYPE);
    }

    #[test]
    fn arrays_of_every_dtype_and_shape_come_back() {
        exact(&[f64::NAN, -0.0, 0.0, f64::INFINITY, 5e-324], &[5]);
        exact(&[f16::from_f32(1.5); 6], &[2, 3]);
        exact(&[i64::MIN, i64::MAX, 0], &[3]);
        exact(&[u64::MAX], &[]);
        exact(&[] as &[u16], &[0, 4]);
        exact(&(0..1000u16).collect::<Vec<_>>(), &[10, 10, 10]);
        exact(&[-5i8, 7, 127, -128], &[2, 2]);
    }

    /// Bytes beside the numbers, and whether the promise is in short.
    fn beside<T: Element>(values: &[T], options: &ArrayOptions) -> (usize, bool) {
        let bytes = encode_array(values, &[64, 16, 16], options).unwrap();
        let info = array_info(&bytes).unwrap();
        assert_eq!(info.bound.value(), if options.range.is_some() { 0.02 } else { options.bound.value() });
        (info.beside_bytes, bytes[0] & BRIEF != 0)
    }

    #[test]
    fn what_stands_beside_the_numbers_is_little() {
        let narrow = field(1 << 14);
        let wide: Vec<f64> = narrow.iter().map(|&x| x as f64 * 1.1).collect();
        let whole: Vec<i32> = narrow.iter().map(|&x| (x * 100.0) as i32).collect();
        let cents: Vec<f64> = narrow.iter().map(|&x| (x as f64 * 100.0).round() / 100.0).collect();
        for bound in [BoundSpec::Abs(0.02), BoundSpec::Rel(1e-3)] {
            let range = matches!(bound, BoundSpec::Rel(_)).then_some(20.0);
            for range in [None, range] {
                let options = ArrayOptions { range, ..ArrayOptions::new(bound) };
                assert_eq!(beside(&narrow, &options), (28, true));
                assert_eq!(beside(&wide, &options), (36, true));
            }
        }
        assert_eq!(beside(&cents, &ArrayOptions::new(BoundSpec::Abs(1e-5))), (36, true));
        assert_eq!(beside(&whole, &ArrayOptions::new(BoundSpec::Abs(3.0))), (28, true));
        assert!(!beside(&narrow, &ArrayOptions::new(BoundSpec::Lossless)).1);
    }

    #[test]
    fn padding_costs_little_and_widens_nothing() {
        let values = field(48 * 48);
        for fill in [0.0f32, -9999.0, 1e30, f32::NAN] {
            let mut padded = vec![fill; 64 * 64];
            for (row, values) in values.chunks(48).enumerate() {
                padded[row * 64..row * 64 + 48].copy_from_slice(values);
            }
            let padding = Some(fill.to_bits64());
            let options = ArrayOptions { padding, ..ArrayOptions::new(BoundSpec::Rel(1e-3)) };
            let alone = encode_array(&values, &[48, 48], &ArrayOptions::new(BoundSpec::Rel(1e-3))).unwrap();
            let bytes = encode_array(&padded, &[64, 64], &options).unwrap();
            assert_eq!(bytes.len(), alone.len() + 8);
            assert_eq!(array_info(&bytes).unwrap().shape, [64, 64]);
            let back: Vec<f32> = decode_array(&bytes, None).unwrap();
            let inner: Vec<f32> = decode_array(&alone, None).unwrap();
            for (row, found) in back.chunks(64).enumerate() {
                let own = inner.chunks(48).nth(row).unwrap_or_default();
                assert_eq!(&found[..own.len()], own);
                assert!(found[own.len()..].iter().all(|x| x.to_bits() == fill.to_bits()));
            }
            for at in 0..bytes.len() {
                assert!(decode_array::<f32>(&bytes[..at], None).is_err(), "cut at {at}");
                let mut damaged = bytes.clone();
                damaged[at] ^= 1 << (at % 8);
                let _ = decode_array::<f32>(&damaged, None);
            }
            // A box that is larger than the array, and padding within padding.
            assert!(decode_array::<f32>(&[&[0x4a, 2, 9, 64], &bytes[4..]].concat(), None).is_err());
            assert!(decode_array::<f32>(&[&bytes[..8], &bytes].concat(), None).is_err());
        }
        let nothing = ArrayOptions { padding: Some(0), ..ArrayOptions::new(BoundSpec::Lossless) };
        let bytes = encode_array(&[0u16; 600], &[20, 30], &nothing).unwrap();
        assert!(bytes.len() < 24 && decode_array::<u16>(&bytes, None).unwrap() == [0; 600]);
    }

    #[test]
    fn a_promise_in_short_that_gives_no_grid_is_an_error() {
        let bytes = encode_array(&field(300), &[300], &ArrayOptions::new(BoundSpec::Rel(1e-3))).unwrap();
        let damaged = |at: usize, new: &[u8]| {
            let mut bytes = bytes.clone();
            bytes[at..at + new.len()].copy_from_slice(new);
            decode_array::<f32>(&bytes, None).unwrap_err().to_string()
        };
        let start = 4; // Behind dtype, one axis and its extent.
        assert!(damaged(start, &[20]).contains("found 20"));
        assert!(damaged(start + 1, &0f64.to_le_bytes()).contains("the step of a grid"));
        for wrong in [f64::NAN, -1.0, f64::INFINITY] {
            assert!(damaged(start + 1, &wrong.to_le_bytes()).contains("finite bound"));
        }
        assert!(damaged(start + 9, &1e30f32.to_le_bytes()).contains("in order"));
    }

    #[test]
    fn a_range_of_the_whole_array_counts_for_its_chunks() {
        let values = field(4096);
        let options = ArrayOptions { range: Some(1000.0), ..ArrayOptions::new(BoundSpec::Rel(1e-3)) };
        let back: Vec<f32> = decode_array(&encode_array(&values, &[4096], &options).unwrap(), None).unwrap();
        let errors = values.iter().zip(&back).map(|(x, y)| (x - y).abs());
        let largest = errors.fold(0.0, f32::max);
        assert!(largest > 0.1 && largest <= 1.0, "{largest}");
    }

    #[test]
    fn wrong_calls_and_damaged_bytes_are_errors() {
        let options = ArrayOptions::new(BoundSpec::Abs(0.1));
        let values = field(300);
        assert!(encode_array(&values, &[299], &options).unwrap_err().to_string().contains("300"));
        assert!(encode_array(&values, &[300], &ArrayOptions::new(BoundSpec::Unbounded)).is_err());
        let bytes = encode_array(&values, &[300], &options).unwrap();
        assert!(decode_array::<f64>(&bytes, None).unwrap_err().to_string().contains("float32"));
        assert!(decode_array_into(&bytes, None, &mut [0f32; 299]).is_err());
        for at in 0..bytes.len() {
            assert!(decode_array::<f32>(&bytes[..at], None).is_err(), "cut at {at}");
            let mut damaged = bytes.clone();
            damaged[at] ^= 1 << (at % 8);
            let _ = decode_array::<f32>(&damaged, None);
        }
    }
}
