//! Objects of the library as JSON, which Python reads.

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;

/// An object as JSON.
pub fn json(object: &impl serde::Serialize) -> PyResult<String> {
    serde_json::to_string(object).map_err(|error| PyRuntimeError::new_err(error.to_string()))
}
