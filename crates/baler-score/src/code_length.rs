//! How many bits it takes to tell a row to somebody who knows the table.
//!
//! The soft part: for each column -log2 of the share of rows at least as far out on the same side, and the bits of what is left
//! of the column when the others have told what to expect of it (a linear regression of the columns' normal scores, and
//! Student's t with 3 degrees of freedom for the rest). As the columns are not independent, the sum counts as what it is among
//! the rows of the table: -log2 of the share of rows with at least this sum, so that a row of s bits is one in 2^s.
//!
//! The hard part: a row that breaks one of the table's [`crate::relations`] costs in addition -log2 of the share of rows that
//! do, and the bits of how far off it is. So does a row that is far out in a column: beyond a gap that is three times as wide as the range
//! of all values before it.
//!
//! The odd column is the one that most broken and fewest kept relations are about; among these, and without any, the one
//! with most bits beyond its usual ones.

use crate::density::check_width;
use crate::gaussian::Gaussian;
use crate::quantiles::{median, normal_quantile, sorted_finite};
use crate::relations::{self, Relation};
use crate::{Scores, Table};
use baler_data::error::Result;
use rayon::prelude::*;

/// Most columns: the time goes with their cube.
const MAX_COLUMNS: usize = 2048;
/// Least variance of a normal score.
const LEAST: f64 = 1e-3;
/// Standard deviation of a normal distribution over its median absolute deviation.
const OF_MEDIAN: f64 = 1.4826;
/// Bits of how far out a value is, at most: those of the greatest float64.
const MOST_BITS: f64 = 1024.0;
/// Width of such a gap, in ranges of the values before it: one that few heavy tails have by chance.
const WIDE: f64 = 3.0;
/// Share of the rows at each end of a column that may lie beyond a gap.
const MOST_BEYOND: f64 = 0.05;
/// Share of the standard deviation that a robust one is at least.
const LEAST_DEVIATION: f64 = 1e-3;

/// What is known of a table.
#[derive(Debug, Clone)]
pub struct CodeLength {
    names: Vec<String>,
    columns: Vec<Column>,
    gaussian: Gaussian,
    /// Sums of the soft part of all rows, ascending.
    sums: Vec<f64>,
    /// With the share of the rows that break each.
    relations: Vec<(Relation, f64)>,
}

#[derive(Debug, Clone)]
struct Column {
    /// The finite values, ascending.
    sorted: Vec<f64>,
    n_rows: usize,
    /// Middle and deviation of what the other columns leave, in standard deviations of the regression.
    middle: f64,
    deviation: f64,
    /// Bits in the middle of the rows.
    usual: f64,
    /// Where the values end, at either end, that no wide gap parts from the others; and the share of the rows beyond.
    bulk: Option<([f64; 2], f64)>,
}

impl CodeLength {
    /// Of a table; the parts in which relations are looked for follow from `seed`.
    ///
    /// # Errors
    /// [`baler_data::ErrorKind::Limit`] for more than 2048 columns.
    pub fn fit(table: &Table, seed: u64) -> Result<CodeLength> {
        check_width(table, MAX_COLUMNS)?;
        let n_rows = table.n_rows();
        let column = |column: &Vec<f64>| {
            let sorted = sorted_finite(column);
            let bulk = bulk(&sorted);
            Column { sorted, n_rows, middle: 0.0, deviation: 1.0, usual: 0.0, bulk }
        };
        let mut columns: Vec<Column> = table.columns.par_iter().map(column).collect();
        let places = places(table, &columns);
        let gaussian = Gaussian::of(&places, &vec![true; n_rows], LEAST);
        let (_, mut bits) = gaussian.residuals(&places);
        columns.par_iter_mut().zip(&mut bits).zip(&table.columns).for_each(|((column, bits), values)| {
            (column.middle, column.deviation) = robust(bits);
            column.add_bits(bits, values);
            column.usual = median(&sorted_finite(bits));
        });
        let (found, breaks) = relations::find(table, seed);
        let share = |breaks: &Vec<f64>| breaks.iter().filter(|&&by| by > 0.0).count() as f64 / n_rows as f64;
        let relations = found.into_iter().zip(breaks.iter().map(share)).collect();
        let mut sums = sums_of_rows(&bits);
        sums.sort_unstable_by(f64::total_cmp);
        Ok(CodeLength { names: table.names.clone(), columns, gaussian, sums, relations })
    }

    /// The relations that nearly all rows keep, in words with short names, and the share of the rows that break each.
    pub fn relations(&self) -> Vec<(String, f64)> {
        let names: Vec<&str> = self.names.iter().map(String::as_str).collect();
        let names = baler_data::names::short(&names);
        self.relations.iter().map(|(relation, share)| (relation.words(&names), *share)).collect()
    }

    /// The bits of each row, and its odd column.
    pub fn score(&self, table: &Table) -> Scores {
        let (_, mut bits) = self.gaussian.residuals(&places(table, &self.columns));
        let columns = self.columns.par_iter().zip(&mut bits).zip(&table.columns);
        columns.for_each(|((column, bits), values)| column.add_bits(bits, values));
        let breaks: Vec<Vec<f64>> =
            self.relations.par_iter().map(|(relation, _)| relation.breaks(&table.columns)).collect();
        let sums = sums_of_rows(&bits);
        let far_out = |row: usize| -> Vec<f64> {
            let values = table.columns.iter().map(|values| values[row]);
            self.columns.iter().zip(values).map(|(column, x)| column.bits_beyond(x)).collect()
        };
        let score = |(row, sum): (usize, &f64)| {
            let far_out: f64 = far_out(row).iter().sum();
            self.rarity(*sum) + self.bits_of_broken(&breaks, row) + far_out
        };
        let excess = |column: usize, row: usize| bits[column][row] - self.columns[column].usual;
        let odd = |row: usize| {
            let mut votes = self.votes(&breaks, row);
            let n_columns = votes.len() as i32;
            votes
                .iter_mut()
                .zip(far_out(row))
                .filter(|(_, bits)| *bits > 0.0)
                .for_each(|(n, _)| *n += n_columns);
            let key = |column: usize| (votes[column], excess(column, row));
            (0..votes.len()).fold(0, |best, column| if key(column) > key(best) { column } else { best })
                as u32
        };
        Scores {
            scores: sums.par_iter().enumerate().map(score).collect(),
            columns: (0..sums.len()).into_par_iter().map(odd).collect(),
        }
    }

    /// What the relations cost that a row breaks; `breaks` are (relations, rows).
    fn bits_of_broken(&self, breaks: &[Vec<f64>], row: usize) -> f64 {
        let least = 1.0 / (self.sums.len() + 1) as f64;
        let bits = |((_, share), breaks): (&(Relation, f64), &Vec<f64>)| match breaks[row] {
            0.0 => 0.0,
            by => libm::log2(1.0 + by) - libm::log2(share.max(least)),
        };
        self.relations.iter().zip(breaks).map(bits).sum()
    }

    /// For each column by how many of its relations more are broken than kept; 0 for all where none is broken.
    fn votes(&self, breaks: &[Vec<f64>], row: usize) -> Vec<i32> {
        let mut votes = vec![0; self.columns.len()];
        if breaks.iter().all(|breaks| breaks[row] == 0.0) {
            return votes;
        }
        for ((relation, _), breaks) in self.relations.iter().zip(breaks) {
            let vote = if breaks[row] > 0.0 { 1 } else { -1 };
            relation.columns.iter().for_each(|&column| votes[column] += vote);
        }
        votes
    }

    /// -log2 of the share of rows with at least this sum; beyond all of them every bit counts.
    fn rarity(&self, sum: f64) -> f64 {
        let n = self.sums.len();
        let n_below = self.sums.partition_point(|&other| other < sum);
        let share = (n - n_below).max(1) as f64 / n as f64;
        let beyond = self.sums.last().map_or(0.0, |&most| (sum - most).max(0.0));
        beyond - libm::log2(share)
    }
}

impl Column {
    /// Turns what the others leave of each value into bits, and adds those of the value itself.
    fn add_bits(&self, residuals: &mut [f64], values: &[f64]) {
        const N_DEGREES: f64 = 3.0;
        for (bits, &x) in residuals.iter_mut().zip(values) {
            let z = (*bits - self.middle) / self.deviation;
            *bits = (N_DEGREES + 1.0) / 2.0 * libm::log2(1.0 + z * z / N_DEGREES) + self.tail_bits(x);
        }
    }

    /// -log2 of the share of rows at least as far out, on the nearer side; of a missing value that of missing values.
    fn tail_bits(&self, x: f64) -> f64 {
        let n = self.sorted.len();
        if x.is_nan() {
            return -libm::log2((self.n_rows - n).max(1) as f64 / self.n_rows as f64);
        }
        let (below, up_to) = self.ranks(x);
        let share = up_to.min(n - below).max(1) as f64 / self.n_rows as f64;
        -libm::log2(share)
    }

    /// What it costs to lie beyond a gap: -log2 of the share of rows that do, and the bits of how far.
    fn bits_beyond(&self, x: f64) -> f64 {
        let Some(([low, high], share)) = self.bulk else { return 0.0 };
        let beyond = (x - high).max(low - x);
        // Rows that nothing was learned from may be the first ones beyond.
        let share = share.max(1.0 / (self.n_rows + 1) as f64);
        if beyond <= WIDE * (high - low) {
            return 0.0;
        }
        libm::log2(beyond / (high - low)).min(MOST_BITS) - libm::log2(share)
    }

    /// How many values are smaller, and how many not larger.
    fn ranks(&self, x: f64) -> (usize, usize) {
        let below = self.sorted.partition_point(|&other| other < x);
        (below, below + self.sorted[below..].partition_point(|&other| other <= x))
    }

    /// The normal score: where a value stands among all, as a standard normal variable; 0 where missing.
    fn place(&self, x: f64) -> f64 {
        if x.is_nan() || self.sorted.is_empty() {
            return 0.0;
        }
        let n = self.sorted.len() as f64;
        let (below, up_to) = self.ranks(x);
        let share = (below + up_to) as f64 / (2.0 * n);
        normal_quantile(share.clamp(0.25 / n, 1.0 - 0.25 / n))
    }
}

/// The ends of the values that lie within wide gaps, and the share of those beyond: outward from the twentieths at both ends the
/// first wide gap. `None` for a column that is nearly constant.
fn bulk(sorted: &[f64]) -> Option<([f64; 2], f64)> {
    let n = sorted.len();
    let n_end = (MOST_BEYOND * n as f64) as usize;
    let (first, last) = (n_end, n.checked_sub(n_end + 1)?);
    if first >= last || sorted[first] >= sorted[last] {
        return None;
    }
    let is_wide_above = |&at: &usize| sorted[at + 1] - sorted[at] > WIDE * (sorted[at] - sorted[first]);
    let is_wide_below = |&at: &usize| sorted[at] - sorted[at - 1] > WIDE * (sorted[last] - sorted[at]);
    let high = (last..n - 1).find(is_wide_above).unwrap_or(n - 1);
    let low = (1..=first).rev().find(is_wide_below).unwrap_or(0);
    let n_beyond = n - 1 - high + low;
    Some(([sorted[low], sorted[high]], n_beyond as f64 / n as f64))
}

/// (columns, rows) added up for each row.
fn sums_of_rows(bits: &[Vec<f64>]) -> Vec<f64> {
    let mut sums = vec![0.0; bits.first().map_or(0, Vec::len)];
    bits.iter().for_each(|column| sums.iter_mut().zip(column).for_each(|(sum, bits)| *sum += bits));
    sums
}

/// The normal scores of each column.
fn places(table: &Table, columns: &[Column]) -> Vec<Vec<f64>> {
    let pairs = table.columns.par_iter().zip(columns);
    pairs.map(|(values, column)| values.iter().map(|&x| column.place(x)).collect()).collect()
}

/// Median, and the deviation from it that half of the values stay below, as that of a normal distribution.
fn robust(values: &[f64]) -> (f64, f64) {
    let sorted = sorted_finite(values);
    let middle = median(&sorted);
    let mut off: Vec<f64> = sorted.iter().map(|x| (x - middle).abs()).collect();
    off.sort_unstable_by(f64::total_cmp);
    let square = off.iter().map(|x| x * x).sum::<f64>() / off.len().max(1) as f64;
    let deviation = OF_MEDIAN * median(&off) + LEAST_DEVIATION * square.sqrt();
    (middle, if deviation > 0.0 { deviation } else { 1.0 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use baler_data::random::Rng;

    /// c = a + b in all rows but each hundredth, where c is that of the row before.
    fn summed() -> Table {
        let mut rng = Rng::new(6, 0);
        let mut column = || (0..4000).map(|_| rng.exponential()).collect::<Vec<f64>>();
        let (a, b, d) = (column(), column(), column());
        let mut c: Vec<f64> = a.iter().zip(&b).map(|(a, b)| a + b).collect();
        (100..4000).step_by(100).for_each(|row| c[row] = c[row - 1]);
        Table::new(["a", "b", "c", "d"].map(str::to_string).to_vec(), vec![a, b, c, d]).unwrap()
    }

    #[test]
    fn a_broken_relation_is_worth_more_bits_than_any_value() {
        let table = summed();
        let fitted = CodeLength::fit(&table, 0).unwrap();
        assert_eq!(fitted.relations()[0].0, "c = a + b");
        assert!((fitted.relations()[0].1 - 0.01).abs() < 1e-3);
        let found = fitted.score(&table);
        assert!(found.order()[..39].iter().all(|row| row % 100 == 0 && *row > 0));
        // d is in no relation.
        assert!((1..40).all(|i| found.columns[100 * i] != 3));
    }

    #[test]
    fn a_value_far_out_names_its_column() {
        let mut table = summed();
        table.columns[3][7] = 1e3;
        let found = CodeLength::fit(&table, 0).unwrap().score(&table);
        assert_eq!(found.columns[7], 3);
        assert!(found.scores[7] > 2.0, "{}", found.scores[7]);
    }

    #[test]
    fn rows_far_out_are_odder_than_any_within_whatever_else_they_have() {
        let mut table = summed();
        let far = [(11, 900.0), (12, -4e6), (13, 1e300)];
        far.iter().for_each(|&(row, x)| table.columns[3][row] = x);
        // So far out that the sum is beyond all numbers.
        (table.columns[0][20], table.columns[1][20]) = (1.5e308, 1.5e308);
        let found = CodeLength::fit(&table, 0).unwrap().score(&table);
        let order = found.order();
        assert!([11, 12, 13].iter().all(|row| order[..44].contains(row)), "{:?}", &order[..50]);
        assert!([11, 12, 13].iter().all(|&row: &usize| found.columns[row] == 3));
        assert!(order[..44].contains(&20), "{:?}", &order[..50]);
        assert!(found.scores.iter().all(|score| score.is_finite()));
        // Nobody is far out in a table of few different values, or of nearly constant ones.
        let few: Vec<f64> = (0..400).map(|i| if i % 50 == 0 { f64::from(i) } else { 0.0 }).collect();
        assert_eq!(bulk(&sorted_finite(&few)), None);
        let even: Vec<f64> = (0..400).map(f64::from).collect();
        assert_eq!(bulk(&even), Some(([0.0, 399.0], 0.0)));
    }

    #[test]
    fn other_rows_are_scored_by_what_was_learned() {
        let fitted = CodeLength::fit(&summed(), 0).unwrap();
        let columns = vec![vec![1.0, 1.0], vec![0.5, 0.5], vec![1.5, 1.4], vec![0.3, 0.3]];
        let other = Table { names: fitted.names.clone(), columns };
        let found = fitted.score(&other);
        assert!(found.scores[0] < 3.0 && found.scores[1] > 15.0, "{:?}", found.scores);
    }

    #[test]
    fn whatever_a_column_holds_has_bits() {
        let columns = vec![vec![1.0; 30], vec![f64::NAN; 30], (0..30).map(f64::from).collect()];
        let table = Table::new(["a", "b", "c"].map(str::to_string).to_vec(), columns).unwrap();
        let found = CodeLength::fit(&table, 0).unwrap().score(&table);
        assert!(found.scores.iter().all(|bits| bits.is_finite() && *bits >= 0.0), "{:?}", found.scores);
        let one = Table::new(vec!["x".into()], vec![vec![3.0]]).unwrap();
        assert_eq!(CodeLength::fit(&one, 0).unwrap().score(&one).scores, [0.0]);
    }
}
