//! Rows that stand in full beside the chunks: whether they fit the others, and what is told of them.

use crate::container::{Index, N_LISTED, StoredOutliers};
use crate::report::{OutliersReport, Report};
use baler_data::bytes::with_room;
use baler_data::dataset::{DType, Lists};
use baler_data::error::{Error, Result};
use baler_data::source::picks::table_rows;
use baler_data::source::{Schema, Source, VariableSchema, pieces};
use std::io::Cursor;

fn corrupt(what: &str) -> Error {
    Error::corrupt(format!("expected {what} of the rows in full, found others; the file is damaged"))
}

/// The numbers of the rows that an inner archive lists, ascending; `whole` are all rows.
///
/// # Errors
/// [`baler_data::error::ErrorKind::Corrupt`] for numbers that are none.
pub fn numbers(rows: &dyn Source, whole: &Schema) -> Result<Vec<usize>> {
    let n_all = table_rows(whole)?;
    let listed = &rows.schema().variables[0];
    let mut numbers: Vec<usize> = with_room(listed.n_values())?;
    for piece in pieces(listed.n_values(), listed.dtype.size_bytes()) {
        for row in rows.read(0, piece)?.to_counts()? {
            let ascends = numbers.last().is_none_or(|&last| last < row);
            if row >= n_all || !ascends {
                return Err(corrupt("ascending numbers"));
            }
            numbers.push(row);
        }
    }
    Ok(numbers)
}

/// Both parts of a table together: what chunks hold, and what an inner archive does.
///
/// # Errors
/// [`baler_data::error::ErrorKind::Corrupt`] where they do not fit each other.
pub fn whole_schema(coded: &Schema, inner: &Schema) -> Result<Schema> {
    let [numbers, scores, variables @ ..] = &inner.variables[..] else {
        return Err(corrupt("numbers and scores"));
    };
    let fits = |listed: &VariableSchema, dtype: DType| {
        listed.dtype == dtype && listed.shape == numbers.shape && listed.storage.lists.is_none()
    };
    if numbers.shape.len() != 1 || !fits(numbers, DType::U64) || !fits(scores, DType::F64) {
        return Err(corrupt("numbers and scores"));
    }
    if variables.len() != coded.variables.len() {
        return Err(corrupt("the variables"));
    }
    table_rows(coded).map_err(|_| corrupt("the table"))?;
    let mut whole = coded.clone();
    for (all, inner) in whole.variables.iter_mut().zip(variables) {
        let lists = all.storage.lists.map(|lists| Lists { counts: lists.counts + N_LISTED, ..lists });
        let is_alike = all.name == inner.name
            && all.dtype == inner.dtype
            && all.storage.kind == inner.storage.kind
            && lists == inner.storage.lists
            && all.shape.len() == inner.shape.len()
            && all.shape.get(1..) == inner.shape.get(1..)
            && (lists.is_some() || inner.shape.first() == numbers.shape.first());
        if !is_alike {
            return Err(corrupt("the variables").in_variable(&inner.name));
        }
        let n_rows = all.shape[0].checked_add(inner.shape[0]);
        all.shape[0] = n_rows.ok_or_else(|| Error::limit("more rows than can be counted"))?;
    }
    whole.check()?;
    Ok(whole)
}

/// Adds the rows in full to the report of the others.
///
/// # Errors
/// [`baler_data::error::ErrorKind::Corrupt`] for damaged bytes.
pub fn add_to(report: &mut Report, stored: &StoredOutliers) -> Result<()> {
    let index: Index<Cursor<Vec<u8>>> = stored.index()?;
    let [numbers, scores, variables @ ..] = &index.plan.variables[..] else {
        return Err(corrupt("numbers and scores"));
    };
    for (all, inner) in report.variables.iter_mut().zip(variables) {
        if let (Some(extent), Some(&more)) = (all.shape.first_mut(), inner.shape.first()) {
            *extent = extent.checked_add(more).ok_or_else(|| corrupt("the variables"))?;
        }
        report.n_values += inner.n_values() as u64;
        report.input_bytes += (inner.n_values() * inner.dtype.size_bytes()) as u64;
    }
    report.outliers = Some(OutliersReport {
        n_rows: numbers.n_rows() as u64,
        by: stored.by.clone(),
        scores: scores.limit_values(),
        bytes: stored.archive.len() as u64,
    });
    Ok(())
}
