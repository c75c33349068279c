//! One array to bytes and back without an archive: what stores of chunks call. The work is done on the thread that calls,
//! without the lock of the interpreter; such stores have threads of their own.

use crate::errors::OrRaise;
use crate::memory::{Held, Room, contiguous};
use crate::model::Model;
use baler::{ArrayOptions, BoundSpec, Error, Level, Missing, Result};
use baler_codec::array::{array_info as info_of, decode_values, encode_values};
use baler_codec::plan::profile::profile_values;
use baler_data::dataset::{DType, Values};
use baler_data::threads::run_on;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

/// How an array is coded, as texts and numbers.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub struct AskedOfArray {
    /// `rel:1e-3` or `lossless`.
    bound: String,
    /// 1 to 9.
    level: u8,
    /// What a relative bound is relative to.
    range: Option<f64>,
    /// A value that is missing; none is looked for if there is none and `finds_missing` is false.
    missing: Option<f64>,
    finds_missing: bool,
    /// Little-endian bytes of the value that chunks at edges are filled up with.
    padding: Option<Vec<u8>>,
}

impl AskedOfArray {
    fn options(&self) -> Result<ArrayOptions<'static>> {
        let padding = self.padding.as_ref().map(|bytes| {
            let bits = bytes.iter().rev().fold(0u64, |bits, &byte| bits << 8 | byte as u64);
            match bytes.len() <= 8 {
                true => Ok(bits),
                false => Err(Error::config("expected a padding of at most 8 bytes, found more")),
            }
        });
        Ok(ArrayOptions {
            range: self.range,
            missing: missing_of(self.missing, self.finds_missing),
            padding: padding.transpose()?,
            level: Level::new(self.level)?,
            ..ArrayOptions::new(BoundSpec::parse(&self.bound)?)
        })
    }
}

fn dtype_of(name: &str) -> Result<DType> {
    DType::from_name(name)
        .ok_or_else(|| Error::config(format!("expected a dtype such as float32, found '{name}'")))
}

/// The bytes of an array in C order, coded.
#[pyfunction]
#[pyo3(signature = (values, dtype, shape, big_endian, asked, model=None))]
pub fn encode_array<'py>(
    py: Python<'py>,
    values: &Bound<'py, PyAny>,
    dtype: &str,
    shape: Vec<usize>,
    big_endian: bool,
    asked: AskedOfArray,
    model: Option<&Model>,
) -> PyResult<Bound<'py, PyBytes>> {
    let (held, model) = (Held::of(values)?, model.map(|model| model.inner.clone()));
    let coded = py.detach(|| {
        run_on(1, || {
            let values = Values::from_bytes(dtype_of(dtype)?, held.as_ref(), big_endian)?;
            let options = ArrayOptions { model: model.as_deref(), ..asked.options()? };
            encode_values(&values, &shape, &options)
        })?
    });
    Ok(PyBytes::new(py, &coded.or_raise(py)?))
}

/// Name of the dtype, extents and promise of a coded array.
#[pyfunction]
pub fn array_info(py: Python, data: &Bound<PyAny>) -> PyResult<(String, Vec<usize>, String)> {
    let info = info_of(Held::of(data)?.as_ref()).or_raise(py)?;
    let bound = match info.bound {
        BoundSpec::Lossless | BoundSpec::Unbounded => info.bound.kind().to_string(),
        bound => format!("{}:{}", bound.kind(), bound.value()),
    };
    Ok((info.dtype.name().to_string(), info.shape, bound))
}

/// Decodes into an array in C order that is there, of the dtype and the extents of the coded one.
#[pyfunction]
#[pyo3(signature = (data, out, dtype, shape, big_endian, model=None))]
pub fn decode_array(
    py: Python,
    data: &Bound<PyAny>,
    out: &Bound<PyAny>,
    dtype: &str,
    shape: Vec<usize>,
    big_endian: bool,
    model: Option<&Model>,
) -> PyResult<()> {
    let (data, model) = (Held::of(data)?, model.map(|model| model.inner.clone()));
    let dtype = dtype_of(dtype).or_raise(py)?;
    let mut room = Room::of(out, 0, contiguous(&shape, dtype.size_bytes()), big_endian)?;
    let decoded = py.detach(|| {
        run_on(1, || {
            let info = info_of(data.as_ref())?;
            if info.dtype != dtype || info.shape != shape {
                return Err(Error::input(format!(
                    "expected an array of {} {shape:?}, found one of {} {:?}",
                    dtype.name(),
                    info.dtype.name(),
                    info.shape
                )));
            }
            room.put(0, &shape, &decode_values(data.as_ref(), model.as_deref())?)
        })?
    });
    decoded.or_raise(py)
}

/// Bits of the least and the greatest value of those that are finite and not missing (none if there is none), and the missing
/// values that were found.
#[pyfunction]
pub fn array_ends(
    py: Python,
    values: &Bound<PyAny>,
    dtype: &str,
    big_endian: bool,
    missing: Option<f64>,
    finds_missing: bool,
) -> PyResult<(Option<[u64; 2]>, Vec<f64>)> {
    let held = Held::of(values)?;
    let found = py.detach(|| {
        let values = Values::from_bytes(dtype_of(dtype)?, held.as_ref(), big_endian)?;
        Ok(profile_values(&values, missing_of(missing, finds_missing)))
    });
    let found = found.or_raise(py)?;
    Ok((found.ends, found.found_missing))
}

fn missing_of(value: Option<f64>, finds: bool) -> Missing {
    match (value, finds) {
        (Some(value), _) => Missing::Value(value),
        (None, true) => Missing::Auto,
        (None, false) => Missing::None,
    }
}
