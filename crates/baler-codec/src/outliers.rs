//! Rows of a table to be stored in full: the table without them, and a table of them alone, whose archive stands inside the
//! other's. Nothing else of the codec sees them: neither ranges nor models nor chunks.

use crate::options::outliers::OutlierRows;
use crate::options::{BoundSpec, Missing, Options};
use baler_data::dataset::{Dataset, Values, Variable};
use baler_data::error::{Error, Result};
use baler_data::source::picks::{Others, Picked, Picks, table_rows};
use baler_data::source::{Source, collect};

/// Scores are kept to this part of themselves.
const SCORE_BOUND: f64 = 1e-3;
/// From so many rows on it is tried to code them by what others teach ...
const FEW_ROWS: usize = 200;
/// ... which are so many: relations of columns show in few rows, and the search for them goes with the rows.
const SAMPLE_ROWS: usize = 2000;

/// A table in two parts.
pub struct Apart<'a> {
    /// The table less its rows in full.
    pub others: Others<&'a dyn Source>,
    /// Numbers and scores of the rows in full, then their values.
    pub listed: Dataset,
    /// Some of the others in the same form, where they may teach how the listed ones are coded: relations that they keep stand
    /// out less among rows that break them.
    pub sample: Option<Dataset>,
    /// How the listed rows are compressed: every bit, but for the scores.
    pub options: Options,
}

/// Takes the rows that are asked for out of a table.
///
/// # Errors
/// [`baler_data::ErrorKind::Input`] for what is no table, [`baler_data::ErrorKind::Config`] for rows that are not there or are
/// all.
pub fn apart<'a>(source: &'a dyn Source, asked: &OutlierRows, options: &Options) -> Result<Apart<'a>> {
    let OutlierRows { rows, scores, .. } = asked;
    let n_rows = table_rows(source.schema()).map_err(|error| {
        Error::input(format!("{error}; rows in full (--outliers) are those of one table"))
    })?;
    if rows.len() != scores.len() || rows.len() >= n_rows.max(1) {
        return Err(Error::config(format!(
            "expected fewer than {n_rows} rows in full, each with a score, found {} and {} scores",
            rows.len(),
            scores.len()
        )));
    }
    let picks = Picks::of(source, rows)?;
    let in_full = collect(&Picked::new(source, picks.clone()), &options.threads, |_| ())?;
    let others = Others::new(source, picks);
    let listed = listed(in_full, rows, scores)?;
    let options = lossless(&listed, scores, options);
    let sample = match rows.len() {
        ..FEW_ROWS => None,
        _ => Some(sample(&others, scores, &options)?),
    };
    Ok(Apart { others, listed, sample, options })
}

/// Row numbers and scores, then the variables.
fn listed(dataset: Dataset, rows: &[usize], scores: &[f64]) -> Result<Dataset> {
    let name = |word: &str| {
        let mut name = word.to_string();
        while dataset.variable(&name).is_some() {
            name.push('_');
        }
        name
    };
    let numbers = Values::U64(rows.iter().map(|&row| row as u64).collect());
    let mut variables = vec![
        Variable::new(name("row"), vec![rows.len()], numbers)?,
        Variable::new(name("score"), vec![rows.len()], Values::F64(scores.to_vec()))?,
    ];
    let n_listed = variables.len();
    variables.extend(dataset.variables);
    for lists in variables[n_listed..].iter_mut().filter_map(|variable| variable.storage.lists.as_mut()) {
        lists.counts += n_listed;
    }
    Ok(Dataset::from_arrays(variables))
}

/// Every bit of the rows; the scores nearly so, within their ends, which a sample need not have.
fn lossless(listed: &Dataset, scores: &[f64], options: &Options) -> Options {
    let name = &listed.variables[1].name;
    let finite = || scores.iter().copied().filter(|score| score.is_finite());
    let ends = [finite().fold(f64::INFINITY, f64::min), finite().fold(f64::NEG_INFINITY, f64::max)];
    let has_ends = ends[0] <= ends[1];
    Options {
        rules: vec![(name.clone(), BoundSpec::PwRel(SCORE_BOUND))],
        missing: vec![(name.clone(), Missing::None)],
        ends: has_ends.then(|| (name.clone(), ends.map(f64::to_bits))).into_iter().collect(),
        level: options.level,
        threads: options.threads.clone(),
        ..Options::new(BoundSpec::Lossless)
    }
}

/// Some of the other rows, listed as those in full.
fn sample(others: &dyn Source, scores: &[f64], options: &Options) -> Result<Dataset> {
    let n_others = table_rows(others.schema())?;
    let n_rows = SAMPLE_ROWS.min(n_others);
    let rows: Vec<usize> = (0..n_rows).map(|at| at * n_others / n_rows).collect();
    let sample = collect(&Picked::new(others, Picks::of(others, &rows)?), &options.threads, |_| ())?;
    let scores: Vec<f64> = scores.iter().copied().cycle().take(n_rows).collect();
    listed(sample, &rows, &scores)
}
