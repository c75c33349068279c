//! A source to an archive: in bytes that become one object of Python's, or in a file.

use crate::json::json;
use crate::model::Model;
use crate::options::Asked;
use crate::source::Source;
use crate::work;
use baler::Result;
use baler_cli::objects::ArchiveObject;
use baler_codec::encode::output::Output;
use baler_data::error::Error;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use std::fs::File;
use std::io::{Seek, Write};
use std::path::PathBuf;

/// The bytes of an archive as they were made, one piece after the other: so that they need not be there twice when they
/// become one object of Python's.
#[derive(Default)]
pub struct Pieces(Vec<Vec<u8>>);

impl Output for Pieces {
    fn begin(&mut self, header: &[u8]) -> Result<()> {
        Output::write(self, header)
    }
    fn restart(&mut self) -> Result<()> {
        self.0.clear();
        Ok(())
    }
    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.0.push(bytes.to_vec());
        Ok(())
    }
}

impl Pieces {
    /// As one object.
    pub fn into_python(self, py: Python) -> PyResult<Bound<PyBytes>> {
        let n_bytes = self.0.iter().map(Vec::len).sum();
        PyBytes::new_with(py, n_bytes, |mut out| {
            for piece in self.0 {
                let (place, rest) = out.split_at_mut(piece.len());
                place.copy_from_slice(&piece);
                out = rest;
            }
            Ok(())
        })
    }
}

/// A file that an archive is written to as it is made.
pub struct ToFile {
    file: File,
    path: PathBuf,
}

impl ToFile {
    /// The file of a path, which is there; what it holds is dropped.
    pub fn open(path: PathBuf) -> Result<ToFile> {
        let opened = File::options().write(true).truncate(true).open(&path);
        let file = opened.map_err(|e| Error::io(format!("writing '{}'", path.display()), e))?;
        Ok(ToFile { file, path })
    }

    /// Brings all of it to the disk.
    pub fn finish(self) -> Result<()> {
        self.file.sync_all().map_err(|error| self.failed(error))
    }

    fn failed(&self, error: std::io::Error) -> Error {
        Error::io(format!("writing '{}'", self.path.display()), error)
    }
}

impl Output for ToFile {
    fn begin(&mut self, header: &[u8]) -> Result<()> {
        Output::write(self, header)
    }
    fn restart(&mut self) -> Result<()> {
        let emptied = self.file.set_len(0).and_then(|()| self.file.rewind());
        emptied.map_err(|error| self.failed(error))
    }
    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.file.write_all(bytes).map_err(|error| self.failed(error))
    }
}

/// Compresses a source to bytes, or to a file that is there; and what is told of it, as JSON.
#[pyfunction]
#[pyo3(signature = (source, asked, model=None, path=None, threads=0, hearer=None))]
pub fn compress<'py>(
    py: Python<'py>,
    source: &Source,
    asked: Asked,
    model: Option<&Model>,
    path: Option<PathBuf>,
    threads: usize,
    hearer: Option<Bound<'py, PyAny>>,
) -> PyResult<(Option<Bound<'py, PyBytes>>, String)> {
    let options = asked.options(py, &[source.inner.schema()])?;
    let (inner, model) = (source.inner.clone(), model.map(|model| model.inner.clone()));
    let (bytes, mut report) = work::run(py, threads, hearer, move |teller| {
        let options = baler::Options { threads: teller.threads.clone(), ..options };
        let model = model.as_deref();
        let Some(path) = path else {
            let mut pieces = Pieces::default();
            let report = baler::compress_source(&inner, &options, model, &mut pieces, teller)?;
            return Ok((Some(pieces), report));
        };
        let mut out = ToFile::open(path)?;
        let report = baler::compress_source(&inner, &options, model, &mut out, teller)?;
        out.finish()?;
        Ok((None, report))
    })?;
    report.file_bytes = source.file_bytes;
    let told = json(&ArchiveObject::new(&report, None))?;
    Ok((bytes.map(|pieces| pieces.into_python(py)).transpose()?, told))
}
