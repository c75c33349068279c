//! The library's error as an exception of Python, by whose fault it is. The classes are those of `baler._errors`.

use baler::ErrorKind;
use pyo3::exceptions::{PyOSError, PyRuntimeError};
use pyo3::prelude::*;

/// The exception that tells an error, with the place where it happened.
pub fn raised(py: Python, error: &baler::Error) -> PyErr {
    let class = match error.kind() {
        ErrorKind::Io => return PyOSError::new_err(error.to_string()),
        ErrorKind::Input => "InputError",
        ErrorKind::Config => "ConfigError",
        ErrorKind::Corrupt => "CorruptError",
        ErrorKind::Unsupported => "UnsupportedError",
        ErrorKind::Limit => "LimitError",
        ErrorKind::BoundNotMet => "BoundError",
        _ => "BalerError",
    };
    let made = || -> PyResult<PyErr> {
        let exception = py.import("baler._errors")?.getattr(class)?.call1((error.to_string(),))?;
        exception.setattr("variable", error.variable())?;
        exception.setattr("chunk", error.chunk())?;
        exception.setattr("offset", error.offset())?;
        Ok(PyErr::from_value(exception))
    };
    made().unwrap_or_else(|error| error)
}

/// Results of the library as those of Python.
pub trait OrRaise<T> {
    /// The value, or the exception.
    fn or_raise(self, py: Python) -> PyResult<T>;
}

impl<T> OrRaise<T> for baler::Result<T> {
    fn or_raise(self, py: Python) -> PyResult<T> {
        self.map_err(|error| raised(py, &error))
    }
}

/// An error of a command, which may be one of the library's.
pub fn raised_any(py: Python, error: anyhow::Error) -> PyErr {
    match error.downcast_ref::<baler::Error>() {
        Some(error) => raised(py, error),
        None => PyRuntimeError::new_err(format!("{error:#}")),
    }
}
