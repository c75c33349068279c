//! Correlation matrices of tables, before and after.

use super::sums::Moments;
use rayon::prelude::*;

/// Pearson's r of every pair of columns, row-major; NaN where a column is constant.
#[derive(Debug, Clone, PartialEq)]
pub struct CorrelationMatrix {
    /// Columns.
    pub n: usize,
    /// (n, n).
    pub r: Vec<f64>,
}

impl CorrelationMatrix {
    /// Of columns of one length. Rows with a value that is not finite are left out, pair by pair.
    pub fn of(columns: &[&[f64]]) -> CorrelationMatrix {
        let n = columns.len();
        let pairs: Vec<(usize, usize)> = (0..n).flat_map(|i| (i..n).map(move |j| (i, j))).collect();
        let found: Vec<f64> = pairs.par_iter().map(|&(i, j)| pearson(columns[i], columns[j])).collect();
        let mut r = vec![1.0; n * n];
        for (&(i, j), value) in pairs.iter().zip(found) {
            r[i * n + j] = value;
            r[j * n + i] = value;
        }
        CorrelationMatrix { n, r }
    }

    /// self - other, entry by entry.
    pub fn minus(&self, other: &CorrelationMatrix) -> CorrelationMatrix {
        let r = self.r.iter().zip(&other.r).map(|(a, b)| a - b).collect();
        CorrelationMatrix { n: self.n, r }
    }

    /// Largest |entry|, NaN left out.
    pub fn max_abs(&self) -> f64 {
        self.r.iter().filter(|r| !r.is_nan()).fold(0.0, |most, r| r.abs().max(most))
    }

    /// Root of the sum of squares, NaN left out.
    pub fn frobenius(&self) -> f64 {
        self.r.iter().filter(|r| !r.is_nan()).map(|r| r * r).sum::<f64>().sqrt()
    }
}

/// Pearson's r over the rows in which both are finite.
pub fn pearson(x: &[f64], y: &[f64]) -> f64 {
    if x.iter().chain(y).all(|v| v.is_finite()) {
        return Moments::of_all(x, y).pearson();
    }
    let both: Vec<(f64, f64)> =
        x.iter().zip(y).map(|(&x, &y)| (x, y)).filter(|(x, y)| x.is_finite() && y.is_finite()).collect();
    let (x, y): (Vec<f64>, Vec<f64>) = both.into_iter().unzip();
    Moments::of_all(&x, &y).pearson()
}
