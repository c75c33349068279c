//! Principal components: in, rows of numbers; out, their mean and the orthonormal directions of largest variance.
//! Everything in f64 with sums in a written order, so the same bits for every number of threads.
//!
//! A small side (rows or columns at most [`EXACT_SIDE`]) is solved exactly through its covariance and Jacobi
//! rotations. Otherwise randomized subspace iteration (Halko, Martinsson, Tropp: "Finding structure with
//! randomness"): a random block, a few rounds of data^T (data block), then the exact solution inside the block.

use baler_data::random::Rng;
use rayon::prelude::*;

/// Jacobi needs 0.05 s here, 8 times as much for each doubling.
const EXACT_SIDE: usize = 128;
/// Directions beyond those asked for: they make the last ones converge.
const OVERSAMPLE: usize = 10;
const ROUNDS: usize = 4;
/// Rows used, and values used: of more, evenly spaced rows are taken.
const MAX_ROWS: usize = 20_000;
const MAX_VALUES: usize = 1 << 23;
/// Variance below this share of the largest is rounding.
const RANK_TOLERANCE: f64 = 1e-12;

/// Mean and directions of the largest variance.
#[derive(Debug, Clone, PartialEq)]
pub struct PrincipalComponents {
    /// (n_in)
    pub mean: Vec<f64>,
    /// (n_components, n_in), row-major, orthonormal rows; the largest entry of each is positive.
    pub components: Vec<f64>,
    /// Variance along each component (divided by the number of rows), descending; 0 beyond the rank.
    pub eigenvalues: Vec<f64>,
}

/// The first min(k, n_in) principal components of `data` (n_rows, n_in), row-major.
///
/// # Panics
/// If `data` has another length than n_rows * n_in. Values that are not finite give components that are not.
pub fn principal_components<T: Copy + Into<f64> + Sync>(
    data: &[T],
    n_rows: usize,
    n_in: usize,
    k: usize,
) -> PrincipalComponents {
    assert_eq!(data.len(), n_rows * n_in, "data must be (n_rows, n_in)");
    let k = k.min(n_in);
    let n_used = n_rows.min(MAX_ROWS).min((MAX_VALUES / n_in.max(1)).max(256));
    let mut mean = vec![0.0; n_in];
    let mut rows = Vec::with_capacity(n_used * n_in);
    for used_idx in 0..n_used {
        // Evenly spaced: row floor(used_idx * n_rows / n_used).
        let row = (used_idx as u128 * n_rows as u128 / n_used as u128) as usize;
        rows.extend(data[row * n_in..(row + 1) * n_in].iter().map(|&value| value.into()));
    }
    for row in rows.chunks_exact(n_in.max(1)) {
        mean.iter_mut().zip(row).for_each(|(mean, value)| *mean += value);
    }
    mean.iter_mut().for_each(|mean| *mean /= n_used.max(1) as f64);
    for row in rows.chunks_exact_mut(n_in.max(1)) {
        row.iter_mut().zip(&mean).for_each(|(value, mean)| *value -= mean);
    }
    let centered = Matrix { n_rows: n_used, n_cols: n_in, values: rows };
    let block = k + OVERSAMPLE;
    let mut found = if n_in <= EXACT_SIDE {
        exact_by_columns(&centered)
    } else if n_used <= EXACT_SIDE.max(block) {
        exact_by_rows(&centered)
    } else {
        by_subspace(&centered, block.min(n_in))
    };
    found.truncate(k);
    complete(&mut found, n_in, k);
    let (eigenvalues, vectors): (Vec<f64>, Vec<Vec<f64>>) = found.into_iter().unzip();
    PrincipalComponents { mean, components: vectors.concat(), eigenvalues }
}

/// A variance and its direction.
type Pair = (f64, Vec<f64>);

/// Row-major.
struct Matrix {
    n_rows: usize,
    n_cols: usize,
    values: Vec<f64>,
}

impl Matrix {
    /// self (n, m) times `right` (m, l).
    fn times(&self, right: &Matrix) -> Matrix {
        let width = right.n_cols;
        let mut values = vec![0.0; self.n_rows * width];
        let rows = values.par_chunks_mut(width).zip(self.values.par_chunks(self.n_cols));
        rows.for_each(|(to, row)| {
            for (factors, from) in row.chunks(4).zip(right.values.chunks(4 * width)) {
                add_combination(factors, from, to);
            }
        });
        Matrix { n_rows: self.n_rows, n_cols: width, values }
    }

    /// self^T (m, n) times `right` (n, l): blocks of columns in parallel, rows in order.
    fn transposed_times(&self, right: &Matrix) -> Matrix {
        const BLOCK: usize = 32;
        let (width, n_cols) = (right.n_cols, self.n_cols);
        let mut values = vec![0.0; n_cols * width];
        values.par_chunks_mut(BLOCK * width).enumerate().for_each(|(block_idx, to)| {
            let rows = self.values.chunks(4 * n_cols).zip(right.values.chunks(4 * width));
            for (rows, from) in rows {
                for (col, to) in (block_idx * BLOCK..).zip(to.chunks_exact_mut(width)) {
                    let n_rows = rows.len() / n_cols;
                    let mut factors = [0.0; 4];
                    for (factor, row) in factors.iter_mut().zip(rows.chunks_exact(n_cols)) {
                        *factor = row[col];
                    }
                    add_combination(&factors[..n_rows], from, to);
                }
            }
        });
        Matrix { n_rows: n_cols, n_cols: width, values }
    }

    fn transposed(&self) -> Matrix {
        let mut values = Vec::with_capacity(self.values.len());
        for col in 0..self.n_cols {
            values.extend((0..self.n_rows).map(|row| self.values[row * self.n_cols + col]));
        }
        Matrix { n_rows: self.n_cols, n_cols: self.n_rows, values }
    }

    fn rows(&self) -> Vec<Vec<f64>> {
        self.values.chunks_exact(self.n_cols.max(1)).map(<[f64]>::to_vec).collect()
    }

    fn from_rows(rows: &[Vec<f64>]) -> Matrix {
        Matrix { n_rows: rows.len(), n_cols: rows.first().map_or(0, Vec::len), values: rows.concat() }
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Adds factors[0] * row 0 + factors[1] * row 1 + ... of `from` to `to`; at most four rows. Four a time saves most
/// of the loads and stores of `to`: 1.2 to 1.3 times as fast as one a time.
fn add_combination(factors: &[f64], from: &[f64], to: &mut [f64]) {
    let width = to.len();
    if let [a, b, c, d] = *factors {
        let (first, second) = from.split_at(2 * width);
        let pairs =
            first[..width].iter().zip(&first[width..]).zip(second[..width].iter().zip(&second[width..]));
        for (to, ((w, x), (y, z))) in to.iter_mut().zip(pairs) {
            *to += (a * w + b * x) + (c * y + d * z);
        }
    } else {
        for (factor, from) in factors.iter().zip(from.chunks_exact(width)) {
            to.iter_mut().zip(from).for_each(|(to, from)| *to += factor * from);
        }
    }
}

/// Eigenvectors of the covariance of the columns.
fn exact_by_columns(centered: &Matrix) -> Vec<Pair> {
    let mut covariance = centered.transposed_times(centered);
    let n = centered.n_rows.max(1) as f64;
    covariance.values.iter_mut().for_each(|value| *value /= n);
    jacobi(covariance)
}

/// Eigenvectors u of data data^T give those of the covariance, data^T u.
fn exact_by_rows(centered: &Matrix) -> Vec<Pair> {
    let turned = centered.transposed();
    let mut gram = turned.transposed_times(&turned);
    let n = centered.n_rows.max(1) as f64;
    gram.values.iter_mut().for_each(|value| *value /= n);
    let pairs = jacobi(gram);
    let (variances, by_row): (Vec<f64>, Vec<Vec<f64>>) = pairs.into_iter().unzip();
    let by_column = centered.transposed_times(&Matrix::from_rows(&by_row).transposed());
    variances.into_iter().zip(by_column.transposed().rows()).collect()
}

fn by_subspace(centered: &Matrix, block: usize) -> Vec<Pair> {
    let mut rng = Rng::new(0x7072_696e, 0);
    let mut basis: Vec<Vec<f64>> =
        (0..block).map(|_| (0..centered.n_cols).map(|_| rng.normal()).collect()).collect();
    orthonormalize(&mut basis, &mut rng);
    for _ in 0..ROUNDS {
        let projected = centered.times(&Matrix::from_rows(&basis).transposed());
        basis = centered.transposed_times(&projected).transposed().rows();
        orthonormalize(&mut basis, &mut rng);
    }
    let projected = centered.times(&Matrix::from_rows(&basis).transposed());
    let rotation = exact_by_columns(&projected);
    let combine = |weights: &[f64]| {
        let mut vector = vec![0.0; centered.n_cols];
        for (weight, row) in weights.iter().zip(&basis) {
            vector.iter_mut().zip(row).for_each(|(to, from)| *to += weight * from);
        }
        vector
    };
    rotation.into_iter().map(|(variance, weights)| (variance, combine(&weights))).collect()
}

/// Brings the pairs to `k` orthonormal directions: those without variance are replaced by arbitrary ones.
fn complete(pairs: &mut Vec<Pair>, n_in: usize, k: usize) {
    let largest = pairs.first().map_or(0.0, |pair| pair.0).max(0.0);
    pairs.retain(|pair| pair.0 > RANK_TOLERANCE * largest);
    let mut variances: Vec<f64> = pairs.iter().map(|pair| pair.0).collect();
    let mut vectors: Vec<Vec<f64>> = std::mem::take(pairs).into_iter().map(|pair| pair.1).collect();
    variances.resize(k, 0.0);
    vectors.resize(k, vec![0.0; n_in]);
    orthonormalize(&mut vectors, &mut Rng::new(0x7072_696e, 1));
    for vector in &mut vectors {
        let largest =
            vector.iter().fold(0.0f64, |best, &value| if value.abs() > best.abs() { value } else { best });
        if largest < 0.0 {
            vector.iter_mut().for_each(|value| *value = -*value);
        }
    }
    *pairs = variances.into_iter().zip(vectors).collect();
}

/// Gram-Schmidt, each vector twice; one that vanishes is replaced by a random one. At most as many vectors as
/// they have entries.
fn orthonormalize(vectors: &mut [Vec<f64>], rng: &mut Rng) {
    for idx in 0..vectors.len() {
        let (done, rest) = vectors.split_at_mut(idx);
        let vector = &mut rest[0];
        // A random vector lies in the span of fewer others with probability 0; the limit is for NaN.
        for _attempt in 0..8 {
            let before = dot(vector, vector).sqrt();
            for _pass in 0..2 {
                for other in done.iter() {
                    let share = dot(vector, other);
                    vector.iter_mut().zip(other).for_each(|(value, other)| *value -= share * other);
                }
            }
            let norm = dot(vector, vector).sqrt();
            if norm > 1e-10 * before && norm > 0.0 {
                vector.iter_mut().for_each(|value| *value /= norm);
                break;
            }
            vector.iter_mut().for_each(|value| *value = rng.normal());
        }
    }
}

/// Eigenvalues (descending) and eigenvectors of a symmetric matrix, by cyclic Jacobi rotations.
fn jacobi(mut a: Matrix) -> Vec<Pair> {
    const MAX_SWEEPS: usize = 30;
    let n = a.n_cols;
    let mut vectors: Vec<Vec<f64>> =
        (0..n).map(|i| (0..n).map(|j| f64::from(u8::from(i == j))).collect()).collect();
    let total = dot(&a.values, &a.values);
    for _ in 0..MAX_SWEEPS {
        let off: f64 = (0..n).map(|i| dot(&a.values[i * n..i * n + i], &a.values[i * n..i * n + i])).sum();
        if off <= 1e-30 * total || off.is_nan() {
            break;
        }
        for p in 0..n {
            for q in p + 1..n {
                rotate(&mut a.values, n, p, q, &mut vectors);
            }
        }
    }
    let mut pairs: Vec<Pair> =
        vectors.into_iter().enumerate().map(|(i, v)| (a.values[i * n + i], v)).collect();
    pairs.sort_by(|left, right| right.0.total_cmp(&left.0));
    pairs
}

/// The rotation of rows and columns p < q that makes a[p, q] zero; row i of `vectors` is eigenvector i.
fn rotate(a: &mut [f64], n: usize, p: usize, q: usize, vectors: &mut [Vec<f64>]) {
    let off = a[p * n + q];
    if off == 0.0 {
        return;
    }
    let theta = (a[q * n + q] - a[p * n + p]) / (2.0 * off);
    let t = theta.signum() / (theta.abs() + (theta * theta + 1.0).sqrt());
    let cos = 1.0 / (t * t + 1.0).sqrt();
    let sin = t * cos;
    let turn = |left: &mut [f64], right: &mut [f64]| {
        for (x, y) in left.iter_mut().zip(right) {
            (*x, *y) = (cos * *x - sin * *y, sin * *x + cos * *y);
        }
    };
    let (upper, lower) = a.split_at_mut(q * n);
    turn(&mut upper[p * n..(p + 1) * n], &mut lower[..n]);
    for row in a.chunks_exact_mut(n) {
        (row[p], row[q]) = (cos * row[p] - sin * row[q], sin * row[p] + cos * row[q]);
    }
    let (upper, lower) = vectors.split_at_mut(q);
    turn(&mut upper[p], &mut lower[0]);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows with variances spread[i]^2 along a random orthonormal basis.
    fn synthetic(n_rows: usize, n_in: usize, spread: &[f64]) -> Vec<f64> {
        let mut rng = Rng::new(2, 0);
        let mut basis: Vec<Vec<f64>> =
            spread.iter().map(|_| (0..n_in).map(|_| rng.normal()).collect()).collect();
        orthonormalize(&mut basis, &mut rng);
        let mut data = Vec::new();
        for _ in 0..n_rows {
            let mut row: Vec<f64> = (0..n_in).map(|col| col as f64).collect();
            for (spread, direction) in spread.iter().zip(&basis) {
                let amount = spread * rng.normal();
                row.iter_mut().zip(direction).for_each(|(value, d)| *value += amount * d);
            }
            data.extend(row);
        }
        data
    }

    fn check_orthonormal(found: &PrincipalComponents, n_in: usize) {
        let rows: Vec<&[f64]> = found.components.chunks_exact(n_in).collect();
        for i in 0..rows.len() {
            for j in 0..=i {
                let expected = f64::from(u8::from(i == j));
                assert!((dot(rows[i], rows[j]) - expected).abs() < 1e-10, "{i} {j}");
            }
        }
    }

    /// Mean squared distance of the rows to the plane of the components.
    fn residual(found: &PrincipalComponents, data: &[f64], n_in: usize) -> f64 {
        let n_rows = data.len() / n_in;
        let rest = data.chunks_exact(n_in).map(|row| {
            let mut row: Vec<f64> = row.iter().zip(&found.mean).map(|(x, mean)| x - mean).collect();
            for component in found.components.chunks_exact(n_in) {
                let share = dot(&row, component);
                row.iter_mut().zip(component).for_each(|(x, c)| *x -= share * c);
            }
            dot(&row, &row)
        });
        rest.sum::<f64>() / n_rows as f64
    }

    #[test]
    fn every_route_finds_a_plane() {
        // Columns few, rows few, neither.
        for (n_rows, n_in) in [(500, 20), (40, 300), (400, 300)] {
            let data = synthetic(n_rows, n_in, &[5.0, 3.0, 1.0]);
            let found = principal_components(&data, n_rows, n_in, 3);
            check_orthonormal(&found, n_in);
            assert!(residual(&found, &data, n_in) < 1e-9, "{n_rows} x {n_in}");
            assert!(found.eigenvalues.windows(2).all(|pair| pair[0] >= pair[1]));
            assert!((found.eigenvalues[0] / 25.0 - 1.0).abs() < 0.5);
        }
    }

    #[test]
    fn the_approximate_route_is_near_the_best_plane() {
        // Slowly falling spectrum: the best rest is the sum of the variances left out.
        let spread: Vec<f64> = (0..140).map(|i| 1.0 / f64::from(i + 1)).collect();
        let data = synthetic(300, 140, &spread);
        let found = principal_components(&data, 300, 140, 10);
        check_orthonormal(&found, 140);
        let all = principal_components(&data, 300, 140, 140);
        let best: f64 = all.eigenvalues[10..].iter().sum();
        assert!(residual(&found, &data, 140) < 1.001 * best);
    }

    #[test]
    fn constant_columns_and_more_components_than_rank() {
        let data: Vec<f32> = (0..50).flat_map(|i| [i as f32, 7.0, 0.0, 2.0 * i as f32]).collect();
        let found = principal_components(&data, 50, 4, 9);
        assert_eq!(found.eigenvalues.len(), 4);
        assert_eq!(&found.eigenvalues[1..], [0.0, 0.0, 0.0]);
        check_orthonormal(&found, 4);
        let constant = principal_components(&[3.0f32; 200], 1, 200, 5);
        check_orthonormal(&constant, 200);
        assert_eq!(constant.eigenvalues, [0.0; 5]);
        assert_eq!(constant.mean[0], 3.0);
    }
}
