//! Models, and what they say of themselves.

use crate::errors::OrRaise;
use crate::json::json;
use crate::memory::Held;
use baler_cli::objects::ModelObject;
use baler_data::error::Error;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use std::sync::Arc;

/// A trained model.
#[pyclass(frozen, module = "baler._baler")]
pub struct Model {
    /// The library's.
    pub inner: Arc<baler::Model>,
    /// What is told of it, as JSON.
    pub told: String,
}

#[pymethods]
impl Model {
    /// The model in the bytes of a model file.
    #[staticmethod]
    fn from_bytes(py: Python, bytes: &Bound<PyAny>) -> PyResult<Model> {
        let bytes = Held::of(bytes)?;
        if baler::is_archive(bytes.as_ref()) {
            let text = "expected a model, found an archive; give the .balm file that training has made";
            return Err(Error::input(text)).or_raise(py);
        }
        let model = baler::Model::from_bytes(bytes.as_ref()).or_raise(py)?;
        let told = json(&ModelObject::new(&model.describe(), None))?;
        Ok(Model { inner: Arc::new(model), told })
    }

    /// The bytes of the model file.
    fn to_bytes<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.inner.to_bytes())
    }

    /// What the model says of itself, and the curves of its training if it was just trained; JSON.
    fn describe(&self) -> &str {
        &self.told
    }
}
