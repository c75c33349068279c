//! Finds a table's model: relations on a sample, checked on all rows; then, for each column, what it is asked about.
//! The encoder only.

mod closure;
mod contexts;
mod estimate;
mod fit;
mod linear;
mod ratios;
mod relations;

use crate::container::{GroupMethod, GroupPlan};
use crate::options::Level;
use crate::table::codec::{Decoded, Quantized};
use crate::table::model::{Base, ColumnModel, TableModel};
use crate::variable::VariablePlan;
use baler_data::dataset::Values;
use baler_data::error::Result;
use baler_data::source::Source;
use baler_data::with_values;
use closure::Closures;
use std::collections::BTreeMap;

pub use relations::find_exact;

/// Fewest rows that are worth a model.
pub const MIN_ROWS: usize = 256;

/// Most columns of a table: what each is asked about is looked for among all others.
pub const MAX_COLUMNS: usize = 128;
/// Most rows of a chunk: what is learned of a table is learned again in each ...
const ROWS_PER_CHUNK: usize = 1 << 18;
/// ... and most values, each of which takes about 30 bytes of memory while a chunk is made.
const VALUES_PER_CHUNK: usize = 1 << 22;

/// Rows of a chunk of a table.
pub fn rows_per_chunk(n_rows: usize, n_columns: usize) -> usize {
    n_rows.clamp(1, ROWS_PER_CHUNK.min(VALUES_PER_CHUNK / n_columns.max(1)).max(1))
}

/// Makes groups of the columns that are coded apart and have the same number of rows: one for each such table, more
/// where it has more columns than a group takes.
pub fn group(
    source: &dyn Source,
    variables: &[VariablePlan],
    groups: &mut Vec<GroupPlan>,
    level: Level,
) -> Result<()> {
    let length = |group: &GroupPlan| {
        let variable = &variables[group.variables[0]];
        let single = matches!(group.method, GroupMethod::Classical)
            && variable.shape.len() == 1
            && !variable.storage.kind.is_opaque();
        single.then_some(variable.n_rows()).filter(|&n_rows| n_rows >= MIN_ROWS)
    };
    let mut tables: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (group, n_rows) in groups.iter().filter_map(|group| length(group).map(|n_rows| (group, n_rows))) {
        tables.entry(n_rows).or_default().push(group.variables[0]);
    }
    for (n_rows, members) in tables {
        let n_groups = members.len().div_ceil(MAX_COLUMNS);
        for part in members.chunks(members.len().div_ceil(n_groups)).filter(|part| part.len() > 1) {
            groups.retain(|group| !part.contains(&group.variables[0]));
            groups.push(table(source, variables, part.to_vec(), n_rows, level)?);
        }
    }
    groups.sort_by_key(|group| group.variables[0]);
    Ok(())
}

/// The group of some columns of one length.
fn table(
    source: &dyn Source,
    variables: &[VariablePlan],
    members: Vec<usize>,
    n_rows: usize,
    level: Level,
) -> Result<GroupPlan> {
    let rows_per_chunk = rows_per_chunk(n_rows, members.len());
    let rows = 0..rows_per_chunk;
    let columns = source.read_rows(&members, rows)?;
    let plans: Vec<&VariablePlan> = members.iter().map(|&idx| &variables[idx]).collect();
    let model = find(&columns, &plans, level)?;
    Ok(GroupPlan::new(members, rows_per_chunk, GroupMethod::Table(model)))
}

/// The model of a chunk of rows.
pub fn find(originals: &[Values], variables: &[&VariablePlan], level: Level) -> Result<TableModel> {
    let raw: Vec<Vec<f64>> = originals
        .iter()
        .map(|values| with_values!(values, v => baler_data::element::as_f64(v)))
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
    let n_tried = if level.adapts() { contexts::N_ROWS } else { contexts::FEW_ROWS };
    let mut closures = Closures::new(&quantized, &model, &decoded);
    for idx in model.order.clone() {
        let quantized = quantized[idx].as_ref().expect("the order holds every column");
        let heads =
            contexts::find(quantized, variables[idx], &model, (idx, n_tried), &decoded, &tight, &closures)?;
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
