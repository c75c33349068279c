//! How odd each row of a table is.

use crate::errors::{OrRaise, raised};
use crate::source::Source;
use crate::work;
use baler::Threads;
use baler_data::error::Error;
use baler_data::source::collect;
use baler_score::{By, Table};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

/// Scores (float64, native), the index of each row's odd column (uint32; empty where the method tells none), the names of
/// the columns, and relations with the share of the rows that break them.
type PyScored<'py> = (Bound<'py, PyBytes>, Bound<'py, PyBytes>, Vec<String>, Vec<(String, f64)>);

/// Scores the rows of a source by what is usual in another one, or in itself.
#[pyfunction]
#[pyo3(signature = (source, known=None, by="code-length", seed=0, threads=0))]
pub fn score<'py>(
    py: Python<'py>,
    source: &Source,
    known: Option<&Source>,
    by: &str,
    seed: u64,
    threads: usize,
) -> PyResult<PyScored<'py>> {
    let Some(by) = By::ALL.into_iter().find(|known| known.name() == by) else {
        let names = By::ALL.map(By::name).join(", ");
        return Err(raised(py, &Error::config(format!("expected one of {names} for by, found '{by}'"))));
    };
    let (inner, known) = (source.inner.clone(), known.map(|known| known.inner.clone()));
    let (scored, names) = work::run(py, threads, None, move |teller| {
        let table = |source: &dyn baler::Source| Table::of(&collect(source, &Threads::of_caller(), |_| ())?);
        teller.threads.clone().run(|| {
            let rows = table(&*inner)?;
            let known = known.map(|known| table(&*known)).transpose()?;
            let known = known.as_ref().unwrap_or(&rows);
            Ok((baler_score::score(known, &rows, by, seed)?, known.names.clone()))
        })
    })?;
    let scores: Vec<u8> = scored.rows.scores.iter().flat_map(|score| score.to_ne_bytes()).collect();
    let columns: Vec<u8> = scored.rows.columns.iter().flat_map(|column| column.to_ne_bytes()).collect();
    Ok((PyBytes::new(py, &scores), PyBytes::new(py, &columns), names, scored.relations))
}

/// The score from which on at most a share of the rows pass, and how many do; none where no row does.
#[pyfunction]
pub fn score_threshold(py: Python, scores: Vec<f64>, rate: f64) -> PyResult<Option<(f64, usize)>> {
    let is_share = (0.0..=1.0).contains(&rate);
    let text = || format!("expected a pass rate from 0 to 1, found {rate}");
    is_share.then_some(()).ok_or_else(|| Error::config(text())).or_raise(py)?;
    let found = baler_score::threshold::for_rate(&scores, rate);
    Ok(found.map(|threshold| (threshold.score, threshold.n_passing)))
}
