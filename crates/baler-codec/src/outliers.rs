//! Rows of a table to be stored in full -> an archive of them alone, without loss, and the table without them. Nothing else of
//! the codec sees them: neither ranges nor models nor chunks.

use crate::compress::{compress_part, compress_source, shared_plan};
use crate::container::StoredOutliers;
use crate::options::outliers::OutlierRows;
use crate::options::{BoundSpec, Missing, Options};
use crate::plan::trainer::Models;
use crate::report::NoProgress;
use baler_data::dataset::{Dataset, Values, Variable};
use baler_data::error::{Error, Result};
use baler_data::source::picks::{Others, Picked, Picks, table_rows};
use baler_data::source::{InMemory, Source, collect};

/// Scores are kept to this part of themselves.
const SCORE_BOUND: f64 = 1e-3;
/// From so many rows on it is tried to code them by what others teach ...
const FEW_ROWS: usize = 200;
/// ... which are so many: relations of columns show in few rows, and the search for them goes with the rows.
const SAMPLE_ROWS: usize = 2000;

/// A table less its rows in full, and these.
///
/// # Errors
/// [`baler_data::ErrorKind::Input`] for what is no table, [`baler_data::ErrorKind::Config`] for rows that are not there or are
/// all.
pub fn apart<'a>(
    source: &'a dyn Source,
    asked: &OutlierRows,
    options: &Options,
) -> Result<(Others<&'a dyn Source>, StoredOutliers)> {
    let OutlierRows { rows, scores, by } = asked;
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
    let threads = &options.threads;
    let in_full = collect(&Picked::new(source, picks.clone()), threads, |_| ())?;
    let others = Others::new(source, picks);
    let listed = listed(in_full, rows, scores)?;
    let options = &lossless(&listed, scores, options);
    let mut archive = Vec::new();
    compress_source(&InMemory::of(&listed), options, Models::default(), &mut archive, &mut NoProgress)?;
    if rows.len() >= FEW_ROWS {
        let taught = taught(&listed, &others, scores, options)?;
        if taught.len() < archive.len() {
            archive = taught;
        }
    }
    Ok((others, StoredOutliers { by: by.clone(), archive }))
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

/// The archive of the rows by a plan that some of the others teach: relations that they keep stand out less among rows that
/// break them.
fn taught(listed: &Dataset, others: &dyn Source, scores: &[f64], options: &Options) -> Result<Vec<u8>> {
    let n_others = table_rows(others.schema())?;
    let n_rows = SAMPLE_ROWS.min(n_others);
    let rows: Vec<usize> = (0..n_rows).map(|at| at * n_others / n_rows).collect();
    let sample = collect(&Picked::new(others, Picks::of(others, &rows)?), &options.threads, |_| ())?;
    let scores: Vec<f64> = scores.iter().copied().cycle().take(n_rows).collect();
    let sample = self::listed(sample, &rows, &scores)?;
    let (sample, listed) = (InMemory::of(&sample), InMemory::of(listed));
    let rows: Vec<usize> = listed.schema().variables.iter().map(|variable| variable.n_rows()).collect();
    let plan = shared_plan(&sample, options, Models::default(), Some(&rows), &mut NoProgress)?;
    let mut archive = Vec::new();
    compress_part(&listed, &plan, options, &mut archive, &mut NoProgress)?;
    Ok(archive)
}
