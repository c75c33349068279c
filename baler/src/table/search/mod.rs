//! Finds a table's model: relations on a sample, checked on all rows; then, for each column, what it is asked about.
//! The encoder only.

mod closure;
mod contexts;
mod estimate;
mod fit;
mod linear;
mod ratios;
mod relations;

use crate::container::{GroupMethod, GroupPlan, VariablePlan};
use crate::dataset::{Dataset, Values};
use crate::error::Result;
use crate::table::codec::{Decoded, Quantized};
use crate::table::model::{Base, ColumnModel, TableModel};
use crate::with_values;
use closure::Closures;

/// Fewest rows that are worth a model.
pub const MIN_ROWS: usize = 256;

/// Most columns of a table: what each is asked about is looked for among all others.
pub const MAX_COLUMNS: usize = 128;
/// Rows of a chunk: what is learned of a table is learned again in each.
pub const ROWS_PER_CHUNK: usize = 1 << 18;

/// Makes one group of the columns that are coded apart and have the same number of rows; the largest such table.
pub fn group(dataset: &Dataset, variables: &[VariablePlan], groups: &mut Vec<GroupPlan>) -> Result<()> {
    let length = |group: &GroupPlan| {
        let variable = &variables[group.variables[0]];
        let single = matches!(group.method, GroupMethod::Classical) && variable.shape.len() == 1;
        single.then_some(variable.n_rows()).filter(|&n_rows| n_rows >= MIN_ROWS)
    };
    let lengths: Vec<usize> = groups.iter().filter_map(length).collect();
    let n_columns = |n_rows: usize| lengths.iter().filter(|&&other| other == n_rows).count();
    let Some(n_rows) = lengths.iter().copied().max_by_key(|&n_rows| (n_columns(n_rows) * n_rows, n_rows))
    else {
        return Ok(());
    };
    if !(2..=MAX_COLUMNS).contains(&n_columns(n_rows)) {
        return Ok(());
    }
    let members: Vec<usize> =
        groups.iter().filter(|group| length(group) == Some(n_rows)).map(|group| group.variables[0]).collect();
    let rows = 0..n_rows.min(ROWS_PER_CHUNK);
    let columns: Vec<Values> =
        members.iter().map(|&idx| dataset.variables[idx].values.slice(rows.clone())).collect();
    let plans: Vec<&VariablePlan> = members.iter().map(|&idx| &variables[idx]).collect();
    let model = find(&columns, &plans)?;
    groups.retain(|group| length(group) != Some(n_rows));
    let rows_per_chunk = n_rows.min(ROWS_PER_CHUNK);
    groups.push(GroupPlan { variables: members, rows_per_chunk, method: GroupMethod::Table(model) });
    groups.sort_by_key(|group| group.variables[0]);
    Ok(())
}

/// The model of a chunk of rows.
pub fn find(originals: &[Values], variables: &[&VariablePlan]) -> Result<TableModel> {
    let raw: Vec<Vec<f64>> = originals
        .iter()
        .map(|values| with_values!(values, v => crate::table::codec::as_f64(v)))
        .collect::<Result<_>>()?;
    let mut model = relations::find(&raw, variables);
    let mut decoded = Decoded::new(&model);
    let mut quantized: Vec<Option<Quantized>> = originals.iter().map(|_| None).collect();
    for idx in model.order.clone() {
        quantized[idx] =
            Some(estimate::choose(&originals[idx], variables[idx], &mut model, idx, &mut decoded)?);
    }
    let tight: Vec<bool> = (quantized.iter().zip(&model.columns))
        .map(|(quantized, column)| {
            quantized.as_ref().is_some_and(|quantized| says_nothing(quantized, column))
        })
        .collect();
    let mut closures = Closures::new(&quantized, &model, &decoded);
    for idx in model.order.clone() {
        let quantized = quantized[idx].as_ref().expect("the order holds every column");
        let heads = contexts::find(quantized, variables[idx], &model, idx, &decoded, &tight, &closures)?;
        model.columns[idx].heads = heads;
        closures.know(&model, idx);
    }
    Ok(model)
}

/// True if a column follows from others nearly everywhere, so that it says nothing more of the next ones.
fn says_nothing(quantized: &Quantized, column: &ColumnModel) -> bool {
    let n_zeros = quantized.numbers.iter().filter(|&&number| number == 0).count();
    let everywhere = matches!(&column.base, Base::Formula { zeros, .. } if zeros.is_empty());
    everywhere && n_zeros * 10 >= quantized.numbers.len() * 9
}
