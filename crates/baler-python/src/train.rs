//! Sources to a model.

use crate::json::json;
use crate::model::Model;
use crate::options::Asked;
use crate::source::Source;
use crate::work;
use baler_cli::objects::TrainedObject;
use pyo3::prelude::*;
use std::sync::Arc;

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
