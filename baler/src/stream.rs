//! Numbers of a grid -> the smallest stream, and back: a classical one ([`crate::classical`]), or a predictive one
//! ([`crate::predict`]) behind the coder byte 16.

use crate::classical;
use crate::dataset::DType;
use crate::error::Result;
use crate::options::Method;
use crate::predict::{self, Effort};
use crate::quantize::Grid;

/// The coder byte of predictive streams.
const PREDICTIVE: u8 = 16;
/// Fewest numbers along the last axis of a series that are worth several models.
const LONG_SERIES: usize = 1 << 14;

/// How numbers are coded.
#[derive(Debug, Clone, Copy)]
pub struct Coding {
    /// `Auto` takes the smaller, `Predictive` the predictive stream wherever there is enough to learn from, all others
    /// the classical one.
    pub method: Method,
    /// Mantissa bits where the numbers are the orders of floats.
    pub mantissa_bits: Option<u32>,
}

impl Coding {
    /// The coding of numbers on `grid` in a dtype.
    pub fn new(method: Method, grid: &Grid, dtype: DType) -> Coding {
        let mantissa_bits = match (grid, dtype) {
            (Grid::OrderF32, _) | (Grid::Order, DType::F32) => Some(23),
            (Grid::Order, DType::F64) => Some(52),
            (Grid::Order, DType::F16) => Some(10),
            _ => None,
        };
        Coding { method, mantissa_bits }
    }
}

/// A stream, and what was done, in words.
pub struct Stream {
    /// As docs/format.md describes it.
    pub bytes: Vec<u8>,
    /// For example `lorenzo 0111 pco`, or `predictive`.
    pub codec: String,
}

/// Codes `q` (C order of `shape`); masked numbers need not come back.
pub fn encode(q: Vec<i64>, shape: &[usize], mask: Option<&[bool]>, coding: Coding) -> Stream {
    let predictive = match coding.method {
        Method::Auto | Method::Predictive => {
            let n_axes = shape.iter().filter(|&&extent| extent > 1).count();
            let effort = if n_axes > 1 || q.len() >= LONG_SERIES { Effort::Full } else { Effort::Quick };
            predict::encode(&q, shape, mask, coding.mantissa_bits, effort)
        }
        Method::Autoencoder | Method::Classical => None,
    };
    let predictive = predictive.map(|bytes| Stream {
        bytes: [&[PREDICTIVE], bytes.as_slice()].concat(),
        codec: "predictive".to_string(),
    });
    match predictive {
        Some(stream) if coding.method == Method::Predictive => stream,
        predictive => {
            let classical = classical::encode(q, shape, mask);
            let classical = Stream { bytes: classical.bytes, codec: classical.codec };
            predictive.filter(|stream| stream.bytes.len() < classical.bytes.len()).unwrap_or(classical)
        }
    }
}

/// Inverse of [`encode`].
pub fn decode(bytes: &[u8], shape: &[usize], mask: Option<&[bool]>) -> Result<Vec<i64>> {
    match bytes.split_first() {
        Some((&PREDICTIVE, stream)) => predict::decode(stream, shape, mask),
        _ => classical::decode(bytes, shape, mask),
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
}

/// Describes a stream without decoding it.
pub fn describe(bytes: &[u8], shape: &[usize]) -> Result<Description> {
    match bytes.split_first() {
        None => Ok(Description { method: Method::Autoencoder, codec: "latents".to_string(), model_bytes: 0 }),
        Some((&PREDICTIVE, stream)) => Ok(Description {
            method: Method::Predictive,
            codec: "predictive".to_string(),
            model_bytes: predict::model_bytes(stream, shape)?,
        }),
        _ => {
            let codec = classical::describe_stream(bytes, shape)?;
            Ok(Description { method: Method::Classical, codec, model_bytes: 0 })
        }
    }
}
