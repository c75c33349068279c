//! Cross-field prediction: the reference field of a group as the other fields see it.
//!
//! In: its decoded values, or the numbers that they are made of. Out: float64. It refuses what memory does not hold.

use crate::part::describe;
use crate::part::numbers::{Numbers, reconstruct};
use crate::variable::VariablePlan;
use baler_data::bytes::ByteReader;
use baler_data::dataset::Values;
use baler_data::element::as_f64;
use baler_data::error::Result;
use baler_data::{values_of, with_values};

/// The values of the numbers, as [`inputs`], to estimate what others gain by them: a finer grid may give others.
pub fn decoded_inputs(numbers: &Numbers, variable: &VariablePlan) -> Result<Vec<f64>> {
    inputs(&values_of!(variable.dtype, T => reconstruct::<T>(&numbers.q, &numbers.specials, variable)))
}

/// Decoded values as inputs of the fields that are predicted from them.
pub fn inputs(values: &Values) -> Result<Vec<f64>> {
    with_values!(values, values => as_f64(values))
}

/// True for a part that is predicted from the reference field as well.
pub fn has_reference(part: &[u8]) -> Result<bool> {
    let mut r = ByteReader::new(part);
    r.block()?;
    Ok(describe::has_reference(r.block()?))
}
