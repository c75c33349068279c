//! A normal distribution of the rows that agree with it. Its mean and covariance are those of all rows at first; then those
//! of the nine tenths of the rows that are nearest, again and again until the same rows are kept. Each round makes the
//! determinant of the covariance smaller (the C-step of Rousseeuw and Van Driessen: "A fast algorithm for the minimum covariance
//! determinant estimator", 1999), so that it settles. Odd rows then have no part in what they are measured by.
//!
//! Columns may be those of the data or latents of an autoencoder. The score is the squared Mahalanobis distance, about the
//! number of columns for what is like all others.

use crate::gaussian::Gaussian;
use crate::quantiles::{median, sorted_finite};
use crate::{Scores, Table};
use baler_data::error::{Error, Result};
use rayon::prelude::*;

/// Share of the rows that agree.
const KEPT: f64 = 0.9;
/// Most rounds; it settles after 5 to 30.
const MAX_ROUNDS: usize = 100;
/// Least variance of a column among the rows that agree, as a share of that of all rows.
const LEAST: f64 = 1e-6;
/// Most columns: the time goes with their cube.
pub const MAX_COLUMNS: usize = 2048;

/// The distribution.
#[derive(Debug, Clone)]
pub struct Density {
    /// Median and standard deviation of each column.
    scales: Vec<(f64, f64)>,
    gaussian: Gaussian,
    /// Rounds until the same rows were kept.
    pub n_rounds: usize,
}

impl Density {
    /// Of a table.
    ///
    /// # Errors
    /// [`baler_data::ErrorKind::Limit`] for more than [`MAX_COLUMNS`] columns.
    pub fn fit(table: &Table) -> Result<Density> {
        check_width(table, MAX_COLUMNS)?;
        let scales: Vec<(f64, f64)> = table.columns.par_iter().map(|column| scale(column)).collect();
        let columns = standardized(table, &scales);
        let n_rows = table.n_rows();
        let n_kept = ((n_rows as f64 * KEPT) as usize).max(1);
        let mut keep = vec![true; n_rows];
        let mut gaussian = Gaussian::of(&columns, &keep, LEAST);
        let mut n_rounds = 1;
        while n_rounds < MAX_ROUNDS {
            let distances = gaussian.distances(&columns);
            let mut sorted = distances.clone();
            let (_, &mut most, _) = sorted.select_nth_unstable_by(n_kept - 1, f64::total_cmp);
            let next: Vec<bool> = distances.iter().map(|&distance| distance <= most).collect();
            if next == keep {
                break;
            }
            keep = next;
            gaussian = Gaussian::of(&columns, &keep, LEAST);
            n_rounds += 1;
        }
        Ok(Density { scales, gaussian, n_rounds })
    }

    /// The squared distance of each row, and the column without whose oddness it would fall most.
    pub fn score(&self, table: &Table) -> Scores {
        let columns = standardized(table, &self.scales);
        let (scores, residuals) = self.gaussian.residuals(&columns);
        let worst = |row: usize| {
            let larger = |a: usize, b: usize| residuals[b][row].abs() > residuals[a][row].abs();
            (0..residuals.len()).fold(0, |best, column| if larger(best, column) { column } else { best })
                as u32
        };
        let columns = (0..scores.len()).into_par_iter().map(worst).collect();
        Scores { scores, columns }
    }
}

/// Refuses what would take days.
pub(crate) fn check_width(table: &Table, most: usize) -> Result<()> {
    let n_columns = table.columns.len();
    if n_columns <= most {
        return Ok(());
    }
    let text = format!(
        "expected at most {most} columns, found {n_columns}; pick some with --variables, or use --by forest"
    );
    Err(Error::limit(text))
}

/// Median and standard deviation around the mean.
fn scale(column: &[f64]) -> (f64, f64) {
    let sorted = sorted_finite(column);
    let n = sorted.len().max(1) as f64;
    let mean = sorted.iter().sum::<f64>() / n;
    let variance = sorted.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / n;
    (median(&sorted), variance.sqrt())
}

/// (x - median) / deviation; 0 where missing, and for columns without any.
fn standardized(table: &Table, scales: &[(f64, f64)]) -> Vec<Vec<f64>> {
    let columns = table.columns.par_iter().zip(scales).map(|(column, &(median, deviation))| {
        let one = |&x: &f64| if x.is_nan() { 0.0 } else { (x - median) / deviation };
        match deviation > 0.0 && deviation.is_finite() {
            true => column.iter().map(one).collect(),
            false => column.iter().map(|&x| f64::from(u8::from(x != median && !x.is_nan()))).collect(),
        }
    });
    columns.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use baler_data::random::Rng;

    /// Two columns that go together, and in every tenth row of a third do not.
    fn correlated(every: usize) -> Table {
        let mut rng = Rng::new(8, 0);
        let x: Vec<f64> = (0..3000).map(|_| rng.normal()).collect();
        let sign = |row: usize| if row.is_multiple_of(every) { -1.0 } else { 1.0 };
        let y = x.iter().enumerate().map(|(row, x)| sign(row) * x + 0.05 * rng.normal()).collect();
        Table::new(vec!["x".into(), "y".into()], vec![x, y]).unwrap()
    }

    #[test]
    fn rows_that_disagree_have_no_part_in_the_covariance() {
        let table = correlated(15);
        let density = Density::fit(&table).unwrap();
        assert!((2..MAX_ROUNDS).contains(&density.n_rounds));
        let found = density.score(&table);
        let n_odd = found.order().iter().take(150).filter(|row| row.is_multiple_of(15)).count();
        assert!(n_odd >= 148, "{n_odd}");
        // With them in, the correlation is weaker and the rows are nearer.
        let once = Gaussian::of(&standardized(&table, &density.scales), &[true; 3000], LEAST);
        let before = once.distances(&standardized(&table, &density.scales));
        assert!(found.scores[found.order()[0]] > 5.0 * before.iter().fold(0.0, |a: f64, &b| a.max(b)));
    }

    #[test]
    fn one_table_is_measured_by_another() {
        let density = Density::fit(&correlated(usize::MAX)).unwrap();
        let other = Table::new(vec!["x".into(), "y".into()], vec![vec![0.0, 1.0], vec![0.0, -1.0]]).unwrap();
        let found = density.score(&other);
        assert!(found.scores[0] < 0.1 && found.scores[1] > 100.0, "{:?}", found.scores);
    }

    #[test]
    fn constant_and_missing_values_have_scores() {
        let columns = vec![vec![1.0; 20], (0..20).map(f64::from).collect(), vec![f64::NAN; 20]];
        let table = Table::new(vec!["a".into(), "b".into(), "c".into()], columns).unwrap();
        let found = Density::fit(&table).unwrap().score(&table);
        assert!(found.scores.iter().all(|score| score.is_finite()));
        assert!(found.columns.iter().all(|&column| column == 1));
        let wide = Table { names: Vec::new(), columns: vec![vec![0.0]; MAX_COLUMNS + 1] };
        assert!(Density::fit(&wide).unwrap_err().to_string().contains("--variables"));
    }
}
