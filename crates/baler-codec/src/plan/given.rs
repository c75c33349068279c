//! Tables for which a model was trained before: which variables they are, on which grids, and the warnings about data
//! that are not like those of the training. Names, dtypes and order must be the model's.

use crate::container::{GroupMethod, GroupPlan};
use crate::model::Model;
use crate::plan::tables as search;
use crate::quantize::Grid;
use crate::table::shared::{KnownTable, holds};
use crate::variable::VariablePlan;
use baler_data::error::{Error, Result};
use baler_data::names;
use baler_data::source::Source;

/// Rows on which relations are tested before anything is coded.
const N_TESTED: usize = 1 << 13;

/// The grid that a table of the model has for a variable.
pub fn table_grid(model: &Model, name: &str) -> Option<Grid> {
    model.tables.iter().find_map(|table| {
        let at = table.columns.iter().position(|column| column.name == name)?;
        Some(table.shared.grids[at].1)
    })
}

/// A group for each table of the model.
pub fn table_groups(model: Option<&Model>, variables: &[VariablePlan]) -> Result<Vec<GroupPlan>> {
    let Some(model) = model else { return Ok(Vec::new()) };
    let first = model.n_entries() - model.tables.len();
    let tables = model.tables.iter().enumerate();
    tables.map(|(at, table)| table_group(table, first + at, variables)).collect()
}

fn table_group(table: &KnownTable, entry: usize, variables: &[VariablePlan]) -> Result<GroupPlan> {
    let mut found: Vec<usize> = Vec::with_capacity(table.columns.len());
    for (column, (dtype, _)) in table.columns.iter().zip(&table.shared.grids) {
        let idx = variables.iter().position(|variable| variable.name == column.name).ok_or_else(|| {
            let names = variables.iter().map(|variable| variable.name.as_str());
            names::unknown("data with the model's variable", &column.name, names)
        })?;
        if variables[idx].dtype != *dtype {
            let (expected, found) = (dtype.name(), variables[idx].dtype.name());
            let message = format!(
                "expected {expected} as in the model's training data, found {found}; train a model for this data"
            );
            return Err(Error::config(message).in_variable(&column.name));
        }
        found.push(idx);
    }
    if found.windows(2).any(|pair| pair[0] >= pair[1]) {
        return Err(Error::config(
            "expected the model's variables in the model's order; reorder the columns",
        ));
    }
    let n_rows = found.first().map_or(0, |&idx| variables[idx].n_rows());
    let other = |idx: &&usize| variables[**idx].shape != [n_rows];
    if let Some(&idx) = found.iter().find(other) {
        let variable = &variables[idx];
        let message = format!(
            "expected a column of {n_rows} rows as the model's other columns have, found shape {:?}",
            variable.shape
        );
        return Err(Error::config(message).in_variable(&variable.name));
    }
    let rows_per_chunk = search::rows_per_chunk(n_rows, found.len());
    Ok(GroupPlan::new(found, rows_per_chunk, GroupMethod::SharedTable { model: entry }))
}

/// Warnings about the tables of `groups`; `ends` are the least and largest values of all variables.
pub fn table_warnings(
    source: &dyn Source,
    variables: &[VariablePlan],
    groups: &[GroupPlan],
    model: &Model,
    ends: &[[f64; 2]],
) -> Result<Vec<String>> {
    let mut warnings = Vec::new();
    for group in groups {
        let Some(table) = model.table(&group.method) else { continue };
        let plans: Vec<&VariablePlan> = group.variables.iter().map(|&idx| &variables[idx]).collect();
        let n_tested = plans[0].n_rows().min(N_TESTED);
        let columns = source.read_rows(&group.variables, 0..n_tested)?;
        let shares = holds(&columns, &plans, &table.shared.fitted(&plans)?)?;
        let ends: Vec<[f64; 2]> = group.variables.iter().map(|&idx| ends[idx]).collect();
        warnings.extend(table.outside(&ends));
        let fails = shares.iter().enumerate().filter_map(|(at, &share)| table.fails(at, share));
        warnings.extend(fails.filter(|_| n_tested > 0));
    }
    Ok(warnings)
}
