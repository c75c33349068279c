//! Arrays whose element type is known only when the program runs: what other languages and file formats hand over.

#[cfg(feature = "encode")]
use crate::array::{ArrayOptions, encode::encode};
use crate::array::{array_info, decode};
use crate::model::Model;
use baler_data::dataset::Values;
use baler_data::error::{Error, Result};
use baler_data::with_dtype;
#[cfg(feature = "encode")]
use baler_data::with_values;

/// [`encode_array`](crate::array::encode_array) of values of any type; booleans are coded as the bytes that they are.
///
/// ```
/// use baler_codec::array::{ArrayOptions, decode_values, encode_values};
/// use baler_codec::options::BoundSpec;
/// use baler_data::dataset::{DType, Values};
///
/// let values = Values::from_bytes(DType::I16, &[0, 1, 0, 2, 0, 3], true)?;
/// let bytes = encode_values(&values, &[3], &ArrayOptions::new(BoundSpec::Lossless))?;
/// assert_eq!(decode_values(&bytes, None)?, Values::I16(vec![1, 2, 3]));
/// # Ok::<(), baler_data::Error>(())
/// ```
///
/// # Errors
/// As [`encode_array`](crate::array::encode_array).
#[cfg(feature = "encode")]
pub fn encode_values(values: &Values, shape: &[usize], options: &ArrayOptions) -> Result<Vec<u8>> {
    with_values!(values, v => encode(v, shape, options))
}

/// [`decode_array`](crate::array::decode_array) to values of the type that the bytes tell.
///
/// # Errors
/// As [`decode_array`](crate::array::decode_array).
pub fn decode_values(bytes: &[u8], model: Option<&Model>) -> Result<Values> {
    let dtype = array_info(bytes)?.dtype;
    with_dtype!(dtype, T => {
        let values = Values::from_vec(dtype, decode::<T>(bytes, model)?);
        values.ok_or_else(|| Error::corrupt("expected values of the dtype of the array, found others"))
    })
}
