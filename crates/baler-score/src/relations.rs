//! Relations that nearly all rows keep: a column computed from others, columns that are zero together. The codec's search
//! ([`baler_codec::plan::tables`]) finds those that hold in every row; here it is asked about random parts of the table so
//! small that most hold no odd row, and what it finds is kept if nine tenths of all rows agree.

use crate::Table;
use baler_codec::plan::tables::{self, find_exact};
use baler_codec::table::formula::Formula;
use baler_codec::table::model::Base;
use baler_data::random::Rng;
use rayon::prelude::*;
use std::collections::BTreeSet;

/// Rows of a part: so many, and so many for each column.
const N_ROWS: usize = 48;
const N_ROWS_PER_COLUMN: usize = 2;
/// Rows of a part in which a column is not 0 that mostly is, and what mostly means.
const N_RARE: usize = 8;
const RARE: f64 = 0.1;
/// Parts that are asked about at a time, and how often at least: rows that break what was found are left out of the next
/// ones, and it ends with a round that finds nothing new.
const N_PARTS: u64 = 6;
const N_ROUNDS: u64 = 3;
const MAX_ROUNDS: u64 = 8;
/// Largest difference of a row that keeps a relation, as a share of its largest value: float32 after a few operations.
const TOLERANCE: f64 = 1e-5;
/// Share of the rows that keep a relation, of those with anything but zeros in it; and the fewest of these. Columns may be zero
/// together nearly always and mean nothing by it.
const HOLDS: f64 = 0.9;
const HOLDS_AT_ZERO: f64 = 0.98;
const FEWEST: usize = 16;

/// What nearly all rows keep.
#[derive(Debug, Clone, PartialEq)]
pub struct Relation {
    /// The columns that it is about.
    pub columns: Vec<usize>,
    kind: Kind,
}

#[derive(Debug, Clone, PartialEq)]
enum Kind {
    /// The first column is what the formula gives.
    Equal(Formula),
    /// The two are zero in the same rows.
    ZeroTogether,
}

impl Relation {
    /// By how much each row breaks it, in units of what is allowed; 0 for rows that keep it, and where a value is missing.
    pub fn breaks(&self, columns: &[Vec<f64>]) -> Vec<f64> {
        let first = &columns[self.columns[0]];
        match &self.kind {
            Kind::ZeroTogether => {
                let pairs = first.iter().zip(&columns[self.columns[1]]);
                let breaks = |(x, y): (&f64, &f64)| !x.is_nan() && !y.is_nan() && (*x == 0.0) != (*y == 0.0);
                pairs.map(|pair| f64::from(u8::from(breaks(pair)))).collect()
            }
            Kind::Equal(formula) => {
                let Ok(mut values) = formula.evaluate(columns, first.len()) else {
                    return vec![0.0; first.len()];
                };
                for (row, value) in values.iter_mut().enumerate() {
                    let most = self
                        .columns
                        .iter()
                        .fold(0.0f64, |most, &column| most.max(columns[column][row].abs()));
                    let off = (*value - first[row]).abs();
                    let share = match value.is_infinite() && most.is_finite() {
                        true => 1.0 / TOLERANCE, // beyond all numbers
                        false => off / (TOLERANCE * most.max(value.abs())),
                    };
                    *value = if share > 1.0 { share } else { 0.0 };
                }
                values
            }
        }
    }

    /// As `E = sqrt(px^2 + py^2)`.
    pub fn words(&self, names: &[&str]) -> String {
        let name = |column: usize| names[column].to_string();
        match &self.kind {
            Kind::Equal(formula) => format!("{} = {}", name(self.columns[0]), formula.words(&name)),
            Kind::ZeroTogether => {
                format!("{} = 0 where {} = 0", name(self.columns[0]), name(self.columns[1]))
            }
        }
    }
}

/// The relations of a table, and by how much each row breaks each: (relations, rows).
pub fn find(table: &Table, seed: u64) -> (Vec<Relation>, Vec<Vec<f64>>) {
    let (mut found, mut breaks): (Vec<Relation>, Vec<Vec<f64>>) = (Vec::new(), Vec::new());
    let n_columns = table.columns.len();
    if !(2..=tables::MAX_COLUMNS).contains(&n_columns) {
        return (found, breaks);
    }
    let not_zero: Vec<Vec<usize>> = table.columns.par_iter().map(|column| rare_rows(column)).collect();
    for round in 0..MAX_ROUNDS {
        let n_known = found.len();
        let keeps = |row: usize| breaks.iter().all(|breaks| breaks[row] == 0.0);
        let part = |part: u64| {
            let rows = rows_of_part(table, &not_zero, &keeps, Rng::new(seed, round * N_PARTS + part));
            candidates(table, &rows)
        };
        let candidates: Vec<Vec<Relation>> = (0..N_PARTS).into_par_iter().map(part).collect();
        for candidate in candidates.into_iter().flatten() {
            let members: BTreeSet<usize> = candidate.columns.iter().copied().collect();
            let is_known = |known: &Relation| {
                known.columns.len() == members.len()
                    && known.columns.iter().all(|column| members.contains(column))
            };
            if found.iter().any(is_known) {
                continue;
            }
            let broken = candidate.breaks(&table.columns);
            if holds(&candidate, &broken, &table.columns) {
                found.push(candidate);
                breaks.push(broken);
            }
        }
        if found.len() == n_known && round + 1 >= N_ROUNDS {
            break;
        }
    }
    (found, breaks)
}

/// Rows in which a column is not 0, if that is rare.
fn rare_rows(column: &[f64]) -> Vec<usize> {
    let rows: Vec<usize> = (0..column.len()).filter(|&row| column[row] != 0.0).collect();
    if rows.len() as f64 <= RARE * column.len() as f64 { rows } else { Vec::new() }
}

fn rows_of_part(
    table: &Table,
    not_zero: &[Vec<usize>],
    keeps: &impl Fn(usize) -> bool,
    mut rng: Rng,
) -> Vec<usize> {
    let n_rows = table.n_rows();
    let mut rows = BTreeSet::new();
    let mut take = |rng: &mut Rng, n: usize, of: &dyn Fn(&mut Rng) -> usize| {
        // Rows may come twice, and some are left out: a few more are drawn.
        let drawn: Vec<usize> = (0..4 * n).map(|_| of(rng)).filter(|&row| keeps(row)).take(n).collect();
        rows.extend(drawn);
    };
    take(&mut rng, N_ROWS.max(N_ROWS_PER_COLUMN * table.columns.len()), &|rng| rng.below(n_rows));
    for rare in not_zero.iter().filter(|rare| !rare.is_empty()) {
        take(&mut rng, N_RARE.min(rare.len()), &|rng| rare[rng.below(rare.len())]);
    }
    rows.into_iter().collect()
}

/// What holds in all of some rows.
fn candidates(table: &Table, rows: &[usize]) -> Vec<Relation> {
    let part: Vec<Vec<f64>> =
        table.columns.iter().map(|column| rows.iter().map(|&row| column[row]).collect()).collect();
    let model = find_exact(&part);
    let mut found = Vec::new();
    for (idx, column) in model.columns.iter().enumerate() {
        if let Some(gate) = column.gate {
            found.push(Relation { columns: vec![idx, gate], kind: Kind::ZeroTogether });
        }
        let Base::Formula { formula, zeros } = &column.base else { continue };
        let formula = &model.formulas[*formula];
        if zeros.is_empty() {
            let others: BTreeSet<usize> = formula.columns().filter(|&column| column != idx).collect();
            let columns = std::iter::once(idx).chain(others).collect();
            found.push(Relation { columns, kind: Kind::Equal(formula.clone()) });
        }
    }
    found
}

fn holds(relation: &Relation, breaks: &[f64], columns: &[Vec<f64>]) -> bool {
    let tells = |row: usize| relation.columns.iter().any(|&column| columns[column][row] != 0.0);
    let telling: Vec<usize> = (0..breaks.len()).filter(|&row| tells(row)).collect();
    let n_kept = telling.iter().filter(|&&row| breaks[row] == 0.0).count();
    let least = if relation.kind == Kind::ZeroTogether { HOLDS_AT_ZERO } else { HOLDS };
    telling.len() >= FEWEST && n_kept as f64 >= least * telling.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relations_are_found_among_rows_that_break_them() {
        let mut rng = Rng::new(2, 0);
        let mut column =
            |n: usize| (0..3000).map(|_| (rng.uniform() * n as f64).floor()).collect::<Vec<f64>>();
        let (a, b, c) = (column(50), column(9), column(1000));
        let mut sum: Vec<f64> = a.iter().zip(&b).map(|(a, b)| a + b).collect();
        (0..3000).step_by(60).for_each(|row| sum[row] += 1.0);
        let names = ["a", "b", "c", "sum"];
        let table = Table::new(names.map(str::to_string).to_vec(), vec![a, b, c, sum]).unwrap();
        let (found, breaks) = find(&table, 0);
        assert_eq!(found.iter().map(|relation| relation.words(&names)).collect::<Vec<_>>(), ["sum = a + b"]);
        assert!((0..3000).all(|row| (breaks[0][row] > 0.0) == row.is_multiple_of(60)));
    }

    #[test]
    fn independent_columns_have_none() {
        let mut rng = Rng::new(2, 0);
        let columns: Vec<Vec<f64>> = (0..4)
            .map(|i| (0..500).map(|_| (rng.uniform() * (3.0 + f64::from(i))).floor()).collect())
            .collect();
        let table = Table::new(vec![String::new(); 4], columns).unwrap();
        assert_eq!(find(&table, 0).0, []);
    }
}
