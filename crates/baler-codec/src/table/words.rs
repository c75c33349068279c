//! A table's model in words: how a column follows from others, for people who know the columns by name.

use crate::quantize::Grid;
use crate::table::model::{Base, ColumnModel, TableModel};

/// Largest correction, in steps, of a column that is said to follow from others.
const FOLLOWS_WITHIN: u64 = 16;

/// Everything that is known of a column on its grid, in words; `names` are those of the columns.
pub fn words(model: &TableModel, idx: usize, grid: &Grid, names: &dyn Fn(usize) -> String) -> String {
    let mut words = Vec::new();
    let relation = relation(model, idx, grid, names);
    if !relation.is_empty() {
        words.push(relation);
    } else if model.columns[idx].base == Base::Before {
        words.push("difference to the row before".to_string());
    }
    let parents: Vec<String> = model.context_parents(idx).into_iter().map(names).collect();
    if !parents.is_empty() {
        words.push(format!("conditioned on {}", parents.join(", ")));
    }
    if words.is_empty() { "its own statistics".to_string() } else { words.join("; ") }
}

/// How a column follows from others; empty where it does not.
pub fn relation(model: &TableModel, idx: usize, grid: &Grid, names: &dyn Fn(usize) -> String) -> String {
    let column = &model.columns[idx];
    let mut words = Vec::new();
    if let Base::Formula { formula, zeros } = &column.base {
        let text = model.formulas[*formula].words(names);
        let unit = match (grid, largest_correction(column)) {
            (Grid::Order | Grid::OrderF32, _) => "ulp",
            (_, 1) => "step",
            _ => "steps",
        };
        words.push(match largest_correction(column) {
            0 => format!("from {text}"),
            n if n <= FOLLOWS_WITHIN => format!("from {text} to {n} {unit}"),
            _ => format!("about {text}"),
        });
        if !zeros.is_empty() {
            let zeros: Vec<String> = zeros.iter().map(|&idx| names(idx)).collect();
            words.push(format!("where {} = 0", zeros.join(" = ")));
        }
    }
    words.extend(column.gate.map(|gate| format!("0 where {} is 0", names(gate))));
    words.join("; ")
}

/// The largest number that the head of rows with a base has a class for; none without a base.
fn largest_correction(column: &ColumnModel) -> u64 {
    let Some(head) = column.heads.first() else { return 0 };
    let bins = (0..head.bins.n_classes()).filter_map(|class| head.bins.bin(class));
    let ends = bins.flat_map(|bin| [bin.low, bin.low.wrapping_add((1 << bin.log_width) - 1)]);
    ends.map(i64::unsigned_abs).max().unwrap_or(0)
}
