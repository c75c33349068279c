//! What a stream is, told without decoding it.

use crate::classical;
use crate::coder::CoderByte;
use crate::interpolation;
use crate::lockstep;
use crate::options::Method;
use crate::part::stream::mantissa_bits;
use crate::predict;
use crate::quantize::Grid;
use crate::recast;
use crate::report::trials::Candidate;
use baler_data::dataset::DType;
use baler_data::error::Result;

/// The codec of parts without numbers.
const LATENTS: &str = "latents";

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
pub fn describe(bytes: &[u8], shape: &[usize], (grid, dtype): (&Grid, DType)) -> Result<Description> {
    match bytes.split_first() {
        Some((&byte, inner)) if byte == CoderByte::Exact as u8 => {
            let inner = describe_numbers(inner, shape, mantissa_bits(&Grid::Order, dtype))?;
            let codec = format!("exactly, {}", inner.codec);
            Ok(Description { codec, n_bytes: bytes.len(), candidate: Candidate::Recast, ..inner })
        }
        _ => describe_numbers(bytes, shape, mantissa_bits(grid, dtype)),
    }
}

fn describe_numbers(bytes: &[u8], shape: &[usize], mantissa_bits: Option<u32>) -> Result<Description> {
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
    use CoderByte::{
        Interpolation, Lockstep, Mixing, Predictive, PredictiveCrossField, PredictiveShared, Recast,
    };
    match CoderByte::of_byte(byte) {
        Some(Mixing) => of(Method::Auto, "context mixing".to_string(), 0, Candidate::Mixing),
        Some(Lockstep) => {
            let model_bytes = lockstep::model_bytes(stream, shape)?;
            of(Method::Predictive, Candidate::Fast.name().to_string(), model_bytes, Candidate::Fast)
        }
        Some(Interpolation) => {
            let model_bytes = interpolation::model_bytes(stream, shape)?;
            let candidate = Candidate::Interpolated;
            of(Method::Predictive, candidate.name().to_string(), model_bytes, candidate)
        }
        Some(Recast) => {
            let found = recast::describe(stream, shape, mantissa_bits)?;
            let inner = describe_numbers(found.inner, &found.shape, found.mantissa_bits)?;
            let codec = format!("{}; {}", found.words, inner.codec);
            of(inner.method, codec, inner.model_bytes, Candidate::Recast)
        }
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
