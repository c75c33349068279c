//! Live streams: records to frames that leave at once, and frames to records.

use crate::archive::{Input, opened};
use crate::errors::OrRaise;
use crate::memory::Held;
use crate::model::Model;
use baler_codec::live::{Decoder, Encoder};
use baler_codec::model::live_decoder;
use baler_codec::variable::VariablePlan;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use std::sync::{Mutex, PoisonError};

/// Bytes of the records of a frame, about.
const FRAME_BYTES: usize = 1 << 15;

/// Names and dtypes of the values of a record.
fn fields(variables: &[VariablePlan]) -> Vec<(String, &'static str)> {
    variables.iter().map(|variable| (variable.name.clone(), variable.dtype.name())).collect()
}

/// Records -> frames.
#[pyclass(frozen, module = "baler._baler")]
pub struct LiveEncoder(Mutex<Encoder>);

#[pymethods]
impl LiveEncoder {
    /// With a model of a table; `by_reference` only names it.
    #[new]
    #[pyo3(signature = (model, by_reference=false))]
    fn new(py: Python, model: &Model, by_reference: bool) -> PyResult<LiveEncoder> {
        Ok(LiveEncoder(Mutex::new(model.inner.live_encoder(by_reference).or_raise(py)?)))
    }

    /// What a stream begins with.
    fn head<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, self.0.lock().unwrap_or_else(PoisonError::into_inner).head())
    }

    /// Names and dtypes of the values of a record.
    fn fields(&self) -> Vec<(String, &'static str)> {
        fields(self.0.lock().unwrap_or_else(PoisonError::into_inner).variables())
    }

    /// Frames of records, which are whole, one behind the other, little-endian.
    fn encode<'py>(&self, py: Python<'py>, records: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyBytes>> {
        let records = Held::of(records)?;
        let work = || {
            let mut encoder = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let record_bytes = encoder.record_bytes();
            let mut out = Vec::new();
            let at_once = (FRAME_BYTES / record_bytes).max(1) * record_bytes;
            records.as_ref().chunks(at_once).try_for_each(|some| encoder.encode(some, &mut out)).map(|()| out)
        };
        Ok(PyBytes::new(py, &py.detach(work).or_raise(py)?))
    }

    /// The end of a stream.
    fn finish<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        let mut out = Vec::new();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).finish(&mut out);
        PyBytes::new(py, &out)
    }

    /// Records so far, and how many of them are stored as they are.
    fn counts(&self) -> (u64, u64) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).counts()
    }
}

/// Frames -> records.
#[pyclass(frozen, module = "baler._baler")]
pub struct LiveDecoder(Mutex<Decoder<Box<dyn Input>>>);

#[pymethods]
impl LiveDecoder {
    /// Of a stream in a file, in bytes, or in anything with `read` and `seek`.
    #[new]
    #[pyo3(signature = (input, model=None))]
    fn new(py: Python, input: &Bound<PyAny>, model: Option<&Model>) -> PyResult<LiveDecoder> {
        let (mut input, _) = opened(input)?;
        input.rewind()?;
        let model = model.map(|model| model.inner.clone());
        let decoder = py.detach(|| live_decoder(input, model.as_deref())).or_raise(py)?;
        Ok(LiveDecoder(Mutex::new(decoder)))
    }

    /// Names and dtypes of the values of a record.
    fn fields(&self) -> Vec<(String, &'static str)> {
        fields(self.0.lock().unwrap_or_else(PoisonError::into_inner).variables())
    }

    /// The records of the next frame; nothing behind the last.
    fn next_frame<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyBytes>>> {
        let next = || self.0.lock().unwrap_or_else(PoisonError::into_inner).next_frame();
        Ok(py.detach(next).or_raise(py)?.map(|records| PyBytes::new(py, &records)))
    }
}
