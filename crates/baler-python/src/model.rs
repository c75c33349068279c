//! Models, and what they say of themselves.

use crate::errors::OrRaise;
use crate::json::json;
use crate::memory::Held;
use baler_cli::objects::ModelObject;
use baler_codec::model::shelf;
use baler_data::error::{Error, Result};
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

    /// The model with a hash, in hexadecimal, in a folder of `BALER_MODEL_PATH`.
    #[staticmethod]
    fn named(py: Python, hash: &str) -> PyResult<Model> {
        let hash = blake3_of(hash).or_raise(py)?;
        let model = py.detach(|| shelf::named(None, &hash).map(|model| model.clone())).or_raise(py)?;
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

/// The 32 bytes of a hash in hexadecimal.
fn blake3_of(hex: &str) -> Result<[u8; 32]> {
    let hash = blake3::Hash::from_hex(hex).map(|hash| *hash.as_bytes());
    hash.map_err(|_| {
        Error::config(format!("expected the hash of a model in 64 hexadecimal digits, found '{hex}'"))
    })
}
