//! Does an archive keep its promise? Decodes it and compares it, value by value, in the caller's dtype.

use crate::container::N_LISTED;
use crate::decode::reader::Reader;
use crate::model::Model;
use crate::options::BoundSpec;
use crate::quantize::compare::compare_values;
use crate::quantize::promises::Broken;
use crate::quantize::{Bound, Promises};
use crate::report::{NoProgress, Progress};
use crate::variable::VariablePlan;
use baler_data::dataset::{Dataset, Values};
use baler_data::error::{Error, Result};
use baler_data::names;
use baler_data::source::{InMemory, Schema, Source, VariableSchema};
use baler_data::threads::Threads;
use rayon::prelude::*;
use std::io::{Cursor, Read, Seek};

/// Rows in full that are compared in one go.
const ROWS_AT_ONCE: usize = 1 << 16;

/// One variable of a verification.
#[derive(Debug, Clone, PartialEq)]
pub struct VerifiedVariable {
    /// Name.
    pub name: String,
    /// The promise.
    pub bound: BoundSpec,
    /// Largest error found; without the original, the one that was stored when the archive was made.
    pub max_error: f64,
    /// Values compared.
    pub n_values: u64,
    /// Values outside the bound.
    pub n_violations: u64,
    /// What is promised beside it.
    pub promises: Promises,
    /// Values that break that.
    pub broken: Broken,
}

impl VerifiedVariable {
    /// Values outside the promises, counted for each that they break.
    pub fn n_broken(&self) -> u64 {
        self.n_violations + self.broken.count()
    }
}

/// What verifying found.
#[derive(Debug, Clone, PartialEq)]
pub struct Verification {
    /// Rows that are stored in full: bit for bit, which counts as a promise.
    pub n_outliers: u64,
    /// In the order of the archive.
    pub variables: Vec<VerifiedVariable>,
}

impl Verification {
    /// True if no value is outside its promise.
    pub fn holds(&self) -> bool {
        self.variables.iter().all(|variable| variable.n_broken() == 0)
    }
}

/// Decodes an archive in memory, checking every checksum and the hash of all decoded values; with `against`, compares
/// every value with the original.
///
/// # Errors
/// [`baler_data::error::ErrorKind::Corrupt`] for damaged bytes, [`baler_data::error::ErrorKind::Input`] if the original has other variables.
pub fn verify(bytes: &[u8], model: Option<&Model>, against: Option<&Dataset>) -> Result<Verification> {
    let reader = Reader::open_with(Cursor::new(bytes), model, &Threads::default())?;
    let against = against.map(InMemory::of);
    verify_with(&reader, against.as_ref().map(|source| source as &dyn Source), &mut NoProgress)
}

/// [`verify`] of an archive and data of any size: both are read chunk by chunk.
///
/// # Errors
/// As [`verify`].
pub fn verify_with<R: Read + Seek + Send>(
    reader: &Reader<R>,
    against: Option<&dyn Source>,
    progress: &mut dyn Progress,
) -> Result<Verification> {
    let index = reader.index();
    index.check_hash()?;
    let originals = originals(reader.schema(), against)?;
    progress.stage("verify", reader.schema().size_bytes() as u64);
    let mut variables: Vec<VerifiedVariable> = (reader.report()?.variables.into_iter())
        .map(|stored| VerifiedVariable {
            name: stored.name,
            bound: stored.bound,
            max_error: if against.is_some() { 0.0 } else { stored.max_error },
            n_values: 0,
            n_violations: 0,
            promises: stored.promises,
            broken: Broken::default(),
        })
        .collect();
    let chunks: Vec<usize> = (0..index.n_chunks()).collect();
    let mut n_bytes = 0;
    for batch in chunks.chunks(2 * reader.threads().count()) {
        let check = |&chunk_idx: &usize| check_chunk(reader, chunk_idx, against, &originals);
        let checked: Vec<Vec<Checked>> =
            reader.threads().run(|| batch.par_iter().map(check).collect::<Result<_>>())?;
        for Checked { variable: idx, n_values, max_error, n_violations, broken } in
            checked.into_iter().flatten()
        {
            let variable = &mut variables[idx];
            variable.n_values += n_values as u64;
            variable.n_violations += n_violations;
            variable.broken.n_crossed += broken.n_crossed;
            variable.broken.n_beyond += broken.n_beyond;
            variable.broken.n_sums += broken.n_sums;
            variable.max_error = variable.max_error.max(max_error);
            n_bytes += n_values * reader.schema().variables[idx].dtype.size_bytes();
        }
        progress.advance(n_bytes as u64);
    }
    let n_outliers = check_outliers(reader, against, &originals, &mut variables)?;
    Ok(Verification { n_outliers, variables })
}

/// Index of each variable of the archive in the data that it is compared with.
fn originals(schema: &Schema, against: Option<&dyn Source>) -> Result<Vec<usize>> {
    let Some(against) = against else { return Ok(Vec::new()) };
    let find = |decoded: &VariableSchema| {
        let names = against.schema().names();
        let idx = against
            .schema()
            .position(&decoded.name)
            .ok_or_else(|| names::unknown_variable(&decoded.name, names))?;
        let found = &against.schema().variables[idx];
        if found.shape != decoded.shape || found.dtype != decoded.dtype {
            return Err(Error::input(format!(
                "expected {} {:?} as in the archive, found {} {:?}; is it the file that was compressed?",
                decoded.dtype.name(),
                decoded.shape,
                found.dtype.name(),
                found.shape
            )));
        }
        Ok(idx)
    };
    schema
        .variables
        .iter()
        .map(|variable| find(variable).map_err(|e| e.in_variable(&variable.name)))
        .collect()
}

/// Decodes the rows in full and compares every bit; gives their number.
fn check_outliers<R: Read + Seek + Send>(
    reader: &Reader<R>,
    against: Option<&dyn Source>,
    originals: &[usize],
    variables: &mut [VerifiedVariable],
) -> Result<u64> {
    let Some(outliers) = reader.outliers() else { return Ok(0) };
    outliers.rows.index().check_hash()?;
    let (exact, picks) = (Bound::resolve(BoundSpec::Lossless, 0.0), reader.picks()?);
    let stored = &outliers.rows.schema().variables;
    for (idx, (variable, of)) in variables.iter_mut().zip(&stored[N_LISTED..]).enumerate() {
        let n_rows = of.n_rows();
        for start in (0..n_rows).step_by(ROWS_AT_ONCE) {
            let rows = start..n_rows.min(start + ROWS_AT_ONCE);
            let values = outliers.rows.read(idx + N_LISTED, of.elements_of(rows.clone()))?;
            variable.n_values += values.len() as u64;
            if let (Some(against), Some(picks)) = (against, &picks) {
                let original = picks.read(against, originals[idx], idx, rows)?;
                variable.n_violations += compare_values(&original, &values, &exact).1;
            }
        }
    }
    Ok(outliers.numbers()?.len() as u64)
}

/// What comparing a variable of a chunk gives.
struct Checked {
    variable: usize,
    n_values: usize,
    max_error: f64,
    n_violations: u64,
    broken: Broken,
}

fn check_chunk<R: Read + Seek + Send>(
    reader: &Reader<R>,
    chunk_idx: usize,
    against: Option<&dyn Source>,
    originals: &[usize],
) -> Result<Vec<Checked>> {
    let plan = &reader.index().plan;
    let (group, first_row) = reader.index().place(chunk_idx);
    let decoded = reader.decode(chunk_idx, &|_| true)?;
    let variables = &plan.groups[group].variables;
    let n_rows = plan.rows_of_chunk(group, first_row);
    let rows = first_row..first_row + n_rows;
    let against: Vec<Option<Values>> = match (against, reader.picks()?) {
        (None, _) => vec![None; variables.len()],
        (Some(against), None) => {
            let indices: Vec<usize> = variables.iter().map(|&idx| originals[idx]).collect();
            against.read_rows(&indices, rows)?.into_iter().map(Some).collect()
        }
        (Some(against), Some(picks)) => {
            let places: Vec<(usize, usize)> = variables.iter().map(|&idx| (originals[idx], idx)).collect();
            picks.read_others(against, &places, rows)?.into_iter().map(Some).collect()
        }
    };
    let mut checked = Vec::with_capacity(decoded.len());
    for ((&variable, values), original) in variables.iter().zip(decoded).zip(against) {
        let values = values.ok_or_else(|| Error::corrupt("a variable of a chunk is missing"))?;
        let VariablePlan { bound, promises, patterns, .. } = &plan.variables[variable];
        let broken = promises.broken(original.as_ref(), &values, patterns);
        let (max_error, n_violations) =
            original.map_or((0.0, 0), |original| compare_values(&original, &values, bound));
        checked.push(Checked { variable, n_values: values.len(), max_error, n_violations, broken });
    }
    Ok(checked)
}
