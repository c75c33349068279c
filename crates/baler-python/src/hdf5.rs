//! The filter of HDF5 (`baler-hdf5`) for Python: the filter itself, by its address, and its work on chunks that Python reads
//! and writes beside HDF5. Chunks are coded on the thread that calls, without the lock of the interpreter.

use crate::errors::OrRaise;
use crate::memory::Held;
use crate::model::Model;
use baler::Result;
use baler_codec::model::shelf;
use baler_codec::options::{BoundSpec, Level};
use baler_data::threads::run_on;
use h5baler::settings::{Asked, Settings};
use h5baler::{FILTER, FILTER_ID, chunk};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

/// The filter's number, and the address of what `H5Zregister` takes.
#[pyfunction]
pub fn hdf5_filter() -> (i32, usize) {
    (FILTER_ID, &raw const FILTER as usize)
}

/// Makes the filter known to every HDF5 of this process; how many there are.
#[pyfunction]
pub fn hdf5_register() -> usize {
    h5baler::register()
}

/// The words that ask for a bound, a level, and a model, which this process then finds by its hash.
#[pyfunction]
#[pyo3(signature = (bound, level, model=None))]
pub fn hdf5_words(py: Python, bound: &str, level: u8, model: Option<&Model>) -> PyResult<Vec<u32>> {
    let asked = || -> Result<Asked> {
        let named = model.map(|model| {
            shelf::remember(model.inner.clone());
            model.inner.hash().first_chunk().copied().expect("a hash has 32 bytes")
        });
        Asked { bound: BoundSpec::parse(bound)?, level: Level::new(level)?, model: named }.checked()
    };
    asked().or_raise(py).map(|asked| asked.words())
}

fn worked<'py>(
    py: Python<'py>,
    words: &[u32],
    bytes: &Bound<PyAny>,
    work: fn(&Settings, &[u8]) -> Result<Vec<u8>>,
) -> PyResult<Bound<'py, PyBytes>> {
    let held = Held::of(bytes)?;
    let made = py.detach(|| run_on(1, || work(&Settings::read(words)?, held.as_ref()))?);
    Ok(PyBytes::new(py, &made.or_raise(py)?))
}

/// Bytes of the file for a chunk of a dataset with these words.
#[pyfunction]
pub fn hdf5_encode<'py>(
    py: Python<'py>,
    words: Vec<u32>,
    bytes: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyBytes>> {
    worked(py, &words, bytes, chunk::encode)
}

/// Inverse of [`hdf5_encode`].
#[pyfunction]
pub fn hdf5_decode<'py>(
    py: Python<'py>,
    words: Vec<u32>,
    bytes: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyBytes>> {
    worked(py, &words, bytes, chunk::decode)
}
