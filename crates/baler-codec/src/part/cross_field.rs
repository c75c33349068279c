//! The leading field of a group as those beside it see it.
//!
//! In: its decoded values, or the numbers that they are made of. Out: float64. It refuses what memory does not hold.

use crate::part::numbers::{Numbers, reconstruct};
use crate::part::stream;
use crate::variable::VariablePlan;
use baler_data::bytes::ByteReader;
use baler_data::dataset::{DType, Values};
use baler_data::element::as_f64;
use baler_data::error::Result;
use baler_data::with_values;

/// The values of the numbers, as [`inputs`], to estimate what others gain by them: a finer grid may give others.
pub fn decoded_inputs(numbers: &Numbers, variable: &VariablePlan) -> Result<Vec<f64>> {
    macro_rules! decoded {
        ($($variant:ident),*) => {
            match variable.dtype {
                $(DType::$variant => {
                    Values::$variant(reconstruct(&numbers.q, &numbers.specials, variable))
                })*
            }
        };
    }
    inputs(&decoded!(Bool, I8, I16, I32, I64, U8, U16, U32, U64, F16, F32, F64))
}

/// Decoded values for those that stand beside them.
pub fn inputs(values: &Values) -> Result<Vec<f64>> {
    with_values!(values, values => as_f64(values))
}

/// True for a part whose numbers look at another variable.
pub fn is_beside(part: &[u8]) -> Result<bool> {
    let mut r = ByteReader::new(part);
    r.block()?;
    Ok(stream::is_beside(r.block()?))
}
