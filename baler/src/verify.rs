//! Does an archive keep its promise? Decodes it and compares it, value by value, in the caller's dtype.

use crate::autoencoder::Model;
use crate::container::{Archive, Plan};
use crate::dataset::{Dataset, Values, Variable};
use crate::decompress::{DecompressOptions, decompress_with};
use crate::error::{Error, Result};
use crate::inspect;
use crate::names;
use crate::options::BoundSpec;
use crate::quantize::blocks::compare;
use crate::report::NoProgress;

/// One variable of a verification.
#[derive(Debug, Clone, PartialEq)]
pub struct VerifiedVariable {
    /// Name.
    pub name: String,
    /// The promise.
    pub bound: BoundSpec,
    /// Largest error found; without the original, the one that was stored when the archive was made.
    pub max_error: f64,
    /// Values compared.
    pub n_values: u64,
    /// Values outside the promise.
    pub n_violations: u64,
}

/// What verifying found.
#[derive(Debug, Clone, PartialEq)]
pub struct Verification {
    /// In the order of the archive.
    pub variables: Vec<VerifiedVariable>,
}

impl Verification {
    /// True if no value is outside its promise.
    pub fn holds(&self) -> bool {
        self.variables.iter().all(|variable| variable.n_violations == 0)
    }
}

/// Decodes an archive, checking every checksum and the hash of all decoded values; with `against`, compares every
/// value with the original.
///
/// # Errors
/// [`crate::ErrorKind::Corrupt`] for damaged bytes, [`crate::ErrorKind::Input`] if the original has other variables.
pub fn verify(bytes: &[u8], model: Option<&Model>, against: Option<&Dataset>) -> Result<Verification> {
    let options = DecompressOptions { model, ..DecompressOptions::default() };
    let decoded = decompress_with(bytes, &options, &mut NoProgress)?;
    let archive = Archive::parse(bytes)?;
    let stored = inspect::report(&archive, bytes.len())?;
    let variables = decoded
        .variables
        .iter()
        .zip(&stored.variables)
        .enumerate()
        .map(|(idx, (variable, stored))| {
            let (max_error, n_violations) = match against {
                None => (stored.max_error, 0),
                Some(original) => compare_variable(original, variable, &archive.plan, idx)
                    .map_err(|error| error.in_variable(&variable.name))?,
            };
            let n_values = variable.values.len() as u64;
            let name = variable.name.clone();
            Ok(VerifiedVariable { name, bound: stored.bound, max_error, n_values, n_violations })
        })
        .collect::<Result<_>>()?;
    Ok(Verification { variables })
}

fn compare_variable(original: &Dataset, decoded: &Variable, plan: &Plan, idx: usize) -> Result<(f64, u64)> {
    let found = original.variable(&decoded.name).ok_or_else(|| {
        names::unknown_variable(
            &decoded.name,
            original.variables.iter().map(|variable| variable.name.as_str()),
        )
    })?;
    if found.shape != decoded.shape || found.values.dtype() != decoded.values.dtype() {
        return Err(Error::input(format!(
            "expected {} {:?} as in the archive, found {} {:?}; is it the file that was compressed?",
            decoded.values.dtype().name(),
            decoded.shape,
            found.values.dtype().name(),
            found.shape
        )));
    }
    let bound = &plan.variables[idx].bound;
    macro_rules! compare_values {
        ($($variant:ident),*) => {
            match (&found.values, &decoded.values) {
                $((Values::$variant(x), Values::$variant(y)) => compare(x, y, bound),)*
                _ => unreachable!("dtypes were compared"),
            }
        };
    }
    Ok(compare_values!(Bool, I8, I16, I32, I64, U8, U16, U32, U64, F16, F32, F64))
}
