//! Which columns add up to another? Least squares on a sample, in floats; only coefficients of -1, 0 and 1 count.

/// Least squares of targets on standardized columns, with the normal matrix made once.
pub struct Regression<'a> {
    columns: Vec<&'a [f64]>,
    scales: Vec<f64>,
    normal: Vec<Vec<f64>>,
}

/// Share of the diagonal that is added to it: among dependent columns the smallest coefficients win.
const RIDGE: f64 = 1e-9;
/// Farthest that a coefficient may lie from a whole number.
const NEAR_WHOLE: f64 = 0.02;

/// Most columns of a sum.
const MOST_TERMS: usize = 24;

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

impl<'a> Regression<'a> {
    /// On `columns`, each a sample of the same rows.
    pub fn new(columns: Vec<&'a [f64]>) -> Regression<'a> {
        let scales: Vec<f64> = columns.iter().map(|c| dot(c, c).sqrt().max(f64::MIN_POSITIVE)).collect();
        let normal = (columns.iter().zip(&scales))
            .map(|(a, s)| columns.iter().zip(&scales).map(|(b, t)| dot(a, b) / s / t).collect())
            .collect();
        Regression { columns, scales, normal }
    }

    /// (position, sign) of the columns that add up to `target` within `tolerance` of the terms in every row; `None` where
    /// there are no such columns, or more than a formula holds.
    pub fn sum_for(&self, target: &[f64], tolerance: f64) -> Option<Vec<(usize, f64)>> {
        let mut rows: Vec<Vec<f64>> = self.normal.clone();
        for (i, row) in rows.iter_mut().enumerate() {
            row[i] += RIDGE;
            row.push(dot(self.columns[i], target) / self.scales[i]);
        }
        let solution = solve(rows)?;
        let mut terms = Vec::new();
        for (i, (coefficient, scale)) in solution.iter().zip(&self.scales).enumerate() {
            let coefficient = coefficient / scale;
            let whole = coefficient.round();
            if (coefficient - whole).abs() > NEAR_WHOLE || whole.abs() > 1.0 {
                // A column of next to nothing has no certain coefficient: try it with none.
                if *scale > 1e-4 * dot(target, target).sqrt() {
                    return None;
                }
                continue;
            }
            if whole != 0.0 {
                terms.push((i, whole));
            }
        }
        let fits = (0..target.len()).all(|row| {
            let sum: f64 = terms.iter().map(|&(i, sign)| sign * self.columns[i][row]).sum();
            let size: f64 = terms.iter().map(|&(i, _)| self.columns[i][row].abs()).sum();
            (sum - target[row]).abs() <= tolerance * (size + target[row].abs())
        });
        (fits && (1..=MOST_TERMS).contains(&terms.len())).then_some(terms)
    }
}

/// Gaussian elimination with pivoting of rows with the right side as last element.
#[allow(clippy::needless_range_loop)]
fn solve(mut rows: Vec<Vec<f64>>) -> Option<Vec<f64>> {
    let n = rows.len();
    for i in 0..n {
        let pivot = (i..n).max_by(|&a, &b| rows[a][i].abs().total_cmp(&rows[b][i].abs()))?;
        rows.swap(i, pivot);
        let pivot_row = rows[i].clone();
        if pivot_row[i].is_nan() || pivot_row[i].abs() <= 1e-14 {
            return None;
        }
        for row in rows.iter_mut().skip(i + 1) {
            let factor = row[i] / pivot_row[i];
            row.iter_mut().zip(&pivot_row).for_each(|(x, p)| *x -= factor * p);
        }
    }
    let mut solution = vec![0.0; n];
    for i in (0..n).rev() {
        let known: f64 = (i + 1..n).map(|j| rows[i][j] * solution[j]).sum();
        solution[i] = (rows[i][n] - known) / rows[i][i];
    }
    Some(solution)
}

#[cfg(test)]
mod tests {
    use super::*;
    use baler_data::random::Rng;

    #[test]
    fn sums_are_found_among_dependent_columns() {
        let mut random = Rng::new(1, 0);
        let mut column = || (0..300).map(|_| random.uniform() * 10.0).collect::<Vec<f64>>();
        let (a, b, c) = (column(), column(), column());
        let sum: Vec<f64> = a.iter().zip(&b).map(|(a, b)| a - b).collect();
        let both: Vec<f64> = sum.iter().zip(&c).map(|(s, c)| s + c).collect();
        let columns = Regression::new(vec![&a, &b, &c]);
        assert_eq!(columns.sum_for(&sum, 1e-9), Some(vec![(0, 1.0), (1, -1.0)]));
        let dependent = Regression::new(vec![&a, &b, &c, &sum]);
        let other: Vec<f64> = column();
        assert_eq!(dependent.sum_for(&other, 1e-9), None);
        let fourth: Vec<f64> = both.iter().zip(&other).map(|(x, y)| x + y).collect();
        let columns = Regression::new(vec![&c, &other, &sum]);
        assert_eq!(columns.sum_for(&fourth, 1e-9).map(|terms| terms.len()), Some(3));
    }
}
