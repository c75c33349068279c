//! Mean and inverse covariance of some rows, and how far a row is from them.

use rayon::prelude::*;

/// What is added to each variance, as a share of it: columns may follow from each other.
const RIDGE: f64 = 1e-3;
/// Rows that are looked at a time.
const ROWS: usize = 1024;

/// A normal distribution of rows.
#[derive(Debug, Clone)]
pub struct Gaussian {
    mean: Vec<f64>,
    /// (columns, columns).
    inverse: Vec<f64>,
}

impl Gaussian {
    /// Of the rows that are kept; the variance of a column counts as at least `least`.
    pub fn of(columns: &[Vec<f64>], keep: &[bool], least: f64) -> Gaussian {
        let k = columns.len();
        let n = keep.iter().filter(|&&keep| keep).count().max(1) as f64;
        let kept: Vec<Vec<f64>> = columns
            .par_iter()
            .map(|column| column.iter().zip(keep).filter(|(_, keep)| **keep).map(|(x, _)| *x).collect())
            .collect();
        let mean: Vec<f64> = kept.par_iter().map(|column| column.iter().sum::<f64>() / n).collect();
        let mut covariance = vec![0.0; k * k];
        covariance.par_chunks_mut(k.max(1)).enumerate().for_each(|(i, row)| {
            for (j, value) in row.iter_mut().enumerate().take(i + 1) {
                let pairs = kept[i].iter().zip(&kept[j]);
                *value = pairs.map(|(x, y)| (x - mean[i]) * (y - mean[j])).sum::<f64>() / n;
            }
        });
        for i in 0..k {
            covariance[i * k + i] += (RIDGE * covariance[i * k + i]).max(least);
        }
        Gaussian { mean, inverse: inverse(covariance, k) }
    }

    /// The squared Mahalanobis distance of each row.
    pub fn distances(&self, columns: &[Vec<f64>]) -> Vec<f64> {
        let chunk = |chunk: usize| self.chunk(columns, chunk).0;
        (0..n_chunks(columns)).into_par_iter().flat_map_iter(chunk).collect()
    }

    /// The squared distance of each row, and of each column (columns, rows) how far it is from what the others let expect, in
    /// standard deviations: with that value instead the distance would be less by its square.
    pub fn residuals(&self, columns: &[Vec<f64>]) -> (Vec<f64>, Vec<Vec<f64>>) {
        let chunks = (0..n_chunks(columns)).into_par_iter().map(|chunk| self.chunk(columns, chunk));
        let (distances, residuals): (Vec<Vec<f64>>, Vec<Vec<f64>>) = chunks.unzip();
        let pieces = distances.iter().zip(&residuals);
        let column = |i: usize| {
            let pieces = pieces.clone();
            pieces.flat_map(|(rows, of)| &of[i * rows.len()..(i + 1) * rows.len()]).copied().collect()
        };
        let residuals = (0..columns.len()).into_par_iter().map(column).collect();
        (distances.concat(), residuals)
    }

    /// Distances (rows) and residuals (columns, rows) of the rows of a chunk.
    fn chunk(&self, columns: &[Vec<f64>], chunk: usize) -> (Vec<f64>, Vec<f64>) {
        let k = columns.len();
        let rows = chunk * ROWS..columns[0].len().min((chunk + 1) * ROWS);
        let n = rows.len();
        let mut centered = Vec::with_capacity(k * n);
        for (column, mean) in columns.iter().zip(&self.mean) {
            centered.extend(column[rows.clone()].iter().map(|x| x - mean));
        }
        let (mut distances, mut residuals) = (vec![0.0; n], vec![0.0; k * n]);
        for i in 0..k {
            let sums = &mut residuals[i * n..(i + 1) * n];
            let weights = &self.inverse[i * k..(i + 1) * k];
            for (weight, values) in weights.iter().zip(centered.chunks_exact(n)) {
                sums.iter_mut().zip(values).for_each(|(sum, x)| *sum += weight * x);
            }
            let own = centered[i * n..(i + 1) * n].iter();
            distances.iter_mut().zip(own).zip(&*sums).for_each(|((distance, x), sum)| *distance += x * sum);
            let deviation = weights[i].sqrt();
            sums.iter_mut().for_each(|sum| *sum /= deviation);
        }
        (distances, residuals)
    }
}

fn n_chunks(columns: &[Vec<f64>]) -> usize {
    columns.first().map_or(0, |column| column.len().div_ceil(ROWS))
}

/// Inverse of a symmetric positive matrix, of which the lower triangle is given, by its Cholesky factor.
#[allow(clippy::needless_range_loop)]
fn inverse(mut a: Vec<f64>, k: usize) -> Vec<f64> {
    for i in 0..k {
        for j in 0..=i {
            let (rows_i, rows_j) = (&a[i * k..i * k + j], &a[j * k..j * k + j]);
            let sum = a[i * k + j] - rows_i.iter().zip(rows_j).map(|(x, y)| x * y).sum::<f64>();
            a[i * k + j] = if i == j { sum.max(f64::MIN_POSITIVE).sqrt() } else { sum / a[j * k + j] };
        }
    }
    // Column c of the inverse solves L L^T x = e_c.
    let solve = |c: usize| {
        let mut x = vec![0.0; k];
        for i in c..k {
            let known: f64 = a[i * k + c..i * k + i].iter().zip(&x[c..i]).map(|(l, x)| l * x).sum();
            x[i] = (f64::from(u8::from(i == c)) - known) / a[i * k + i];
        }
        for i in (0..k).rev() {
            let known: f64 = (i + 1..k).map(|j| a[j * k + i] * x[j]).sum();
            x[i] = (x[i] - known) / a[i * k + i];
        }
        x
    };
    (0..k).into_par_iter().flat_map_iter(solve).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use baler_data::random::Rng;

    #[test]
    fn an_inverse_times_the_matrix_is_one() {
        let k = 7;
        let mut rng = Rng::new(3, 0);
        let b: Vec<f64> = (0..k * k).map(|_| rng.normal()).collect();
        let product = |x: &[f64], y: &[f64], i: usize, j: usize| {
            (0..k).map(|l| x[i * k + l] * y[l * k + j]).sum::<f64>()
        };
        let transposed: Vec<f64> = (0..k * k).map(|at| b[at % k * k + at / k]).collect();
        let a: Vec<f64> = (0..k * k).map(|at| product(&b, &transposed, at / k, at % k)).collect();
        let found = inverse(a.clone(), k);
        for i in 0..k {
            for j in 0..k {
                let expected = f64::from(u8::from(i == j));
                assert!((product(&a, &found, i, j) - expected).abs() < 1e-8, "{i} {j}");
            }
        }
    }

    #[test]
    fn distances_are_those_of_a_plane() {
        // y = 2 x + noise: a row off the line is far, and y is told by x.
        let mut rng = Rng::new(4, 0);
        let x: Vec<f64> = (0..5000).map(|_| rng.normal()).collect();
        let mut y: Vec<f64> = x.iter().map(|x| 2.0 * x + 0.1 * rng.normal()).collect();
        y[9] += 1.0;
        let columns = vec![x, y];
        let gaussian = Gaussian::of(&columns, &[true; 5000], 0.0);
        let (distances, residuals) = gaussian.residuals(&columns);
        let worst = (0..5000).max_by(|&a, &b| distances[a].total_cmp(&distances[b])).unwrap();
        assert_eq!(worst, 9);
        // The ridge counts as noise of 0.07.
        assert!((6.0..12.0).contains(&residuals[1][9]), "{}", residuals[1][9]);
        let mean = distances.iter().sum::<f64>() / 5000.0;
        assert!((1.5..2.1).contains(&mean), "{mean}");
        assert_eq!(gaussian.distances(&columns), distances);
    }
}
