//! Data in parts: one plan for all of them, an archive for each, and one of all these. Plans are the texts that `baler plan`
//! writes.

use crate::compress::ToFile;
use crate::errors::{OrRaise, raised};
use crate::json::json;
use crate::model::Model;
use crate::options::Asked;
use crate::source::Source;
use crate::work;
use baler::{BoundSpec, Error, Options, Source as _};
use baler_cli::objects::{ArchiveObject, PlanFile};
use baler_codec::plan::informed_with_profiles;
use baler_codec::plan::profile::Profile;
use baler_data::source::joined::Joined;
use baler_data::source::{InMemory, Schema, VariableSchema, excerpt, pieces};
use pyo3::prelude::*;
use std::path::PathBuf;
use std::sync::Arc;

/// Bytes of a part that a plan is made from, at most.
const SAMPLE_BYTES: usize = 32 << 20;

/// What a plan has to know of all parts of a variable: its name, dtype and number of rows, the bits of its least and its greatest
/// value, and which values were found missing.
type Look = (String, String, usize, Option<[u64; 2]>, Vec<f64>);

/// Looks at all values of a part.
#[pyfunction]
#[pyo3(signature = (source, asked, threads=0, hearer=None))]
pub fn look(
    py: Python,
    source: &Source,
    asked: Asked,
    threads: usize,
    hearer: Option<Bound<PyAny>>,
) -> PyResult<Vec<Look>> {
    let options = asked.options(py, &[source.inner.schema()])?;
    let inner = source.inner.clone();
    work::run(py, threads, hearer, move |teller| {
        let options = Options { threads: teller.threads.clone(), ..options };
        let (_, profiles) = informed_with_profiles(&inner, &options)?;
        let of = |(variable, profile): (&VariableSchema, Profile)| {
            let name = variable.name.clone();
            (name, variable.dtype.name().to_string(), variable.n_rows(), profile.ends, profile.found_missing)
        };
        Ok(inner.schema().variables.iter().zip(profiles).map(of).collect())
    })
}

/// The hash of all values of a source, and of what stands beside them.
#[pyfunction]
#[pyo3(signature = (source, threads=0, hearer=None))]
pub fn identity(
    py: Python,
    source: &Source,
    threads: usize,
    hearer: Option<Bound<PyAny>>,
) -> PyResult<String> {
    let inner = source.inner.clone();
    work::run(py, threads, hearer, move |_| {
        let schema = inner.schema();
        let mut hasher = blake3::Hasher::new();
        hasher.update(format!("{:?} {:?}", schema.variables, schema.attachments).as_bytes());
        for (idx, variable) in schema.variables.iter().enumerate() {
            for elements in pieces(variable.n_values(), variable.dtype.size_bytes()) {
                let Ok(()) = inner.read(idx, elements)?.in_bytes(false, |bytes| {
                    hasher.update(bytes);
                    Ok::<(), std::convert::Infallible>(())
                });
            }
        }
        Ok(hasher.finalize().to_hex().to_string())
    })
}

/// The plan of data of which these sources are some parts; all parts together have `rows` of each variable, and `ends` (names,
/// and the bits of the least and the greatest value).
#[pyfunction]
#[pyo3(signature = (sources, asked, rows, ends, model=None, threads=0))]
pub fn plan(
    py: Python,
    sources: Vec<PyRef<Source>>,
    asked: Asked,
    rows: Vec<usize>,
    ends: Vec<(String, [u64; 2])>,
    model: Option<&Model>,
    threads: usize,
) -> PyResult<String> {
    let schemas: Vec<&Schema> = sources.iter().map(|source| source.inner.schema()).collect();
    let options = asked.options(py, &schemas)?;
    let inner: Vec<_> = sources.iter().map(|source| source.inner.clone()).collect();
    let model = model.map(|model| model.inner.clone());
    work::run(py, threads, None, move |teller| {
        let options = Options { threads: teller.threads.clone(), ends, ..options };
        let sample = |(idx, source): (usize, &Arc<dyn baler::Source>)| {
            Ok((format!("part {idx}"), InMemory::owning(excerpt(source, SAMPLE_BYTES)?)))
        };
        let samples: Vec<_> = inner.iter().enumerate().map(sample).collect::<baler::Result<_>>()?;
        let own: Vec<usize> = samples[0].1.schema().variables.iter().map(VariableSchema::n_rows).collect();
        let n_samples = samples.len();
        let joined = Joined::new(samples)?;
        // What stands beside the rows, and is the same in all parts, does not grow with them.
        let stays = |(variable, own): (&VariableSchema, &usize)| n_samples > 1 && variable.n_rows() == *own;
        let rows: Vec<usize> = (joined.schema().variables.iter().zip(&own).map(stays).zip(&own).zip(&rows))
            .map(|((stays, own), rows)| if stays { *own } else { *rows })
            .collect();
        let shared = baler::shared_plan(&joined, &options, model.as_deref(), Some(&rows), teller)?;
        let (drop, model_by_reference) = (Vec::new(), options.model_by_reference);
        PlanFile { shared, drop, model_by_reference, inputs: Vec::new() }.to_json()
    })
}

fn read(py: Python, plan: &str) -> PyResult<PlanFile> {
    PlanFile::from_json(plan.as_bytes()).or_raise(py)
}

/// The name of the part that a plan makes of data with this identity.
#[pyfunction]
pub fn part_name(py: Python, plan: &str, identity: &str) -> PyResult<String> {
    Ok(read(py, plan)?.part_name(identity))
}

/// Compresses a part by a plan into a file that is there; what is told of it, as JSON.
#[pyfunction]
#[pyo3(signature = (source, plan, path, threads=0, hearer=None))]
pub fn compress_part(
    py: Python,
    source: &Source,
    plan: &str,
    path: PathBuf,
    threads: usize,
    hearer: Option<Bound<PyAny>>,
) -> PyResult<String> {
    let plan = read(py, plan)?;
    let inner = source.inner.clone();
    let report = work::run(py, threads, hearer, move |teller| {
        let options = Options {
            threads: teller.threads.clone(),
            model_by_reference: plan.model_by_reference,
            ..Options::new(BoundSpec::Lossless)
        };
        let mut out = ToFile::open(path)?;
        let report = baler::compress_part(&inner, &plan.shared, &options, &mut out, teller)?;
        out.finish()?;
        Ok(report)
    })?;
    json(&ArchiveObject::new(&report, None))
}

/// Makes one archive, in a file that is there, of the archives of parts; its bytes.
#[pyfunction]
pub fn merge(py: Python, archives: Vec<PathBuf>, path: PathBuf) -> PyResult<u64> {
    let merged = py.detach(|| {
        let mut out = ToFile::open(path)?;
        let n_bytes = baler::merge(&archives, &mut out)?;
        out.finish()?;
        Ok(n_bytes)
    });
    merged.map_err(|error: Error| raised(py, &error))
}
