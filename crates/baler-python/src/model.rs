//! Models: trained on sources, read from bytes, and what they say of themselves.

use crate::errors::OrRaise;
use crate::memory::Held;
use crate::options::Asked;
use crate::source::Source;
use crate::tell::json;
use crate::work;
use baler_cli::objects::{ModelObject, TrainedObject};
use baler_data::error::Error;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use std::sync::Arc;

/// A trained model.
#[pyclass(frozen, module = "baler._baler")]
pub struct Model {
    /// The library's.
    pub inner: Arc<baler::Model>,
    told: String,
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

/// Trains a model on sources with the same variables.
#[pyfunction]
#[pyo3(signature = (sources, asked, threads=0, hearer=None))]
pub fn train(
    py: Python,
    sources: Vec<PyRef<Source>>,
    asked: Asked,
    threads: usize,
    hearer: Option<Bound<PyAny>>,
) -> PyResult<Model> {
    let sources: Vec<_> = sources.iter().map(|source| source.inner.clone()).collect();
    let schemas: Vec<_> = sources.iter().map(|source| source.schema()).collect();
    let options = asked.options(py, &schemas)?;
    let trained = work::run(py, threads, hearer, move |teller| {
        let options = baler::Options { threads: teller.threads.clone(), ..options };
        let sources: Vec<&dyn baler::Source> = sources.iter().map(|source| &**source).collect();
        baler_train::train_on(&sources, &options, teller)
    })?;
    let told = json(&TrainedObject::from(&trained))?;
    Ok(Model { inner: Arc::new(trained.model), told })
}
