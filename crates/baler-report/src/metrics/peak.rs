//! A peak in a histogram: a Gaussian on a linear background, fitted by least squares with the Poisson errors of the
//! counts (Levenberg 1944, Marquardt 1963), with the uncertainty of every parameter.

use super::histogram::Histogram;

/// Parameters of height exp(-(x - mean)^2 / (2 width^2)) + level + slope (x - middle), middle that of the range.
const N: usize = 5;
const MAX_STEPS: usize = 500;

/// A fitted peak.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Peak {
    /// Counts above the background at the top.
    pub height: f64,
    /// Place of the top.
    pub mean: f64,
    /// Standard deviation.
    pub width: f64,
    /// Background in the middle of the range, in counts a bin.
    pub level: f64,
    /// Its change per unit.
    pub slope: f64,
    /// One standard deviation of height, mean, width, level and slope.
    pub uncertainty: [f64; N],
    /// Chi square of the fit.
    pub chi2: f64,
    /// Bins less parameters.
    pub ndf: usize,
}

impl Peak {
    fn parameters(&self) -> [f64; N] {
        [self.height, self.mean, self.width, self.level, self.slope]
    }

    /// The curve at `x` of the range [low, high] that was fitted.
    pub fn at(&self, x: f64, low: f64, high: f64) -> f64 {
        model(&self.parameters(), x, 0.5 * (low + high)).0
    }
}

/// Fits all bins of `histogram`; `None` with fewer than 8 bins or where no peak is found.
pub fn fit_peak(histogram: &Histogram) -> Option<Peak> {
    let n = histogram.counts.len();
    if n < 8 {
        return None;
    }
    let points: Vec<(f64, f64)> = (0..n).map(|b| (histogram.center(b), histogram.counts[b] as f64)).collect();
    let middle = 0.5 * (histogram.low + histogram.high);
    let mut p = first_guess(&points, middle);
    descend(&points, &mut p, middle);
    let (a, chi2) = polish(&points, &mut p, middle);
    let inside = p[1] > histogram.low && p[1] < histogram.high && p[0] > 0.0;
    let variances =
        (0..N).map(|k| solve(a, unit(k)).map(|column| column[k])).collect::<Option<Vec<f64>>>()?;
    (inside && chi2.is_finite() && variances.iter().all(|v| *v >= 0.0)).then(|| Peak {
        height: p[0],
        mean: p[1],
        width: p[2].abs(),
        level: p[3],
        slope: p[4],
        uncertainty: std::array::from_fn(|k| variances[k].sqrt()),
        chi2,
        ndf: n - N,
    })
}

/// Damped steps for as long as chi square falls.
fn descend(points: &[(f64, f64)], p: &mut [f64; N], middle: f64) {
    let (mut a, mut g, mut chi2) = normal_equations(points, p, middle);
    let mut damping = 1e-3;
    for _ in 0..MAX_STEPS {
        let mut damped = a;
        (0..N).for_each(|k| damped[k][k] *= 1.0 + damping);
        let Some(step) = solve(damped, g) else { return };
        let tried: [f64; N] = std::array::from_fn(|k| p[k] + step[k]);
        let (next_a, next_g, next_chi2) = normal_equations(points, &tried, middle);
        if next_chi2 < chi2 {
            (*p, a, g, chi2) = (tried, next_a, next_g, next_chi2);
            damping = (damping * 0.1_f64).max(1e-12);
        } else {
            damping *= 10.0;
            if damping > 1e12 {
                return;
            }
        }
    }
}

/// Undamped steps from near the minimum, where chi square is too flat to show the way: half the digits are gained
/// here. Returns the matrix of the last step and chi square.
fn polish(points: &[(f64, f64)], p: &mut [f64; N], middle: f64) -> ([[f64; N]; N], f64) {
    let (mut a, mut g, mut chi2) = normal_equations(points, p, middle);
    for _ in 0..MAX_STEPS {
        let Some(step) = solve(a, g) else { break };
        let tried: [f64; N] = std::array::from_fn(|k| p[k] + step[k]);
        let next = normal_equations(points, &tried, middle);
        if next.2.is_nan() || next.2 > chi2 * (1.0 + 1e-9) {
            break;
        }
        (*p, (a, g, chi2)) = (tried, next);
        if (0..N).all(|k| step[k].abs() <= 1e-13 * p[k].abs()) {
            break;
        }
    }
    (a, chi2)
}

/// Background from the outer quarters, top from the highest three bins, width from what is above half of it.
fn first_guess(points: &[(f64, f64)], middle: f64) -> [f64; N] {
    let n = points.len();
    let mean_of = |part: &[(f64, f64)]| {
        let sum = part.iter().fold((0.0, 0.0), |s, p| (s.0 + p.0, s.1 + p.1));
        (sum.0 / part.len() as f64, sum.1 / part.len() as f64)
    };
    let (left, right) = (mean_of(&points[..n / 4]), mean_of(&points[n - n / 4..]));
    let slope = (right.1 - left.1) / (right.0 - left.0);
    let level = left.1 + slope * (middle - left.0);
    let above: Vec<f64> = points.iter().map(|p| p.1 - level - slope * (p.0 - middle)).collect();
    let smooth = |b: usize| above[b - 1] + above[b] + above[b + 1];
    let top = (1..n - 1).max_by(|&a, &b| smooth(a).total_cmp(&smooth(b))).unwrap_or(n / 2);
    let height = smooth(top) / 3.0;
    let n_above = above.iter().filter(|y| **y > 0.5 * height).count().max(1);
    let bin = (points[n - 1].0 - points[0].0) / (n - 1) as f64;
    [height.max(1.0), points[top].0, (n_above as f64 * bin / 2.3548).max(0.5 * bin), level, slope]
}

/// The curve and its derivative by each parameter.
fn model(p: &[f64; N], x: f64, middle: f64) -> (f64, [f64; N]) {
    let t = (x - p[1]) / p[2];
    let bell = (-0.5 * t * t).exp();
    let derivatives = [bell, p[0] * bell * t / p[2], p[0] * bell * t * t / p[2], 1.0, x - middle];
    (p[0] * bell + p[3] + p[4] * (x - middle), derivatives)
}

/// J^T W J, J^T W (y - f) and chi square; the variance of a count is the count, at least 1.
fn normal_equations(points: &[(f64, f64)], p: &[f64; N], middle: f64) -> ([[f64; N]; N], [f64; N], f64) {
    let (mut a, mut g, mut chi2) = ([[0.0; N]; N], [0.0; N], 0.0);
    for &(x, y) in points {
        let weight = 1.0 / y.max(1.0);
        let (f, d) = model(p, x, middle);
        chi2 += weight * (y - f) * (y - f);
        for j in 0..N {
            g[j] += weight * d[j] * (y - f);
            (0..N).for_each(|k| a[j][k] += weight * d[j] * d[k]);
        }
    }
    (a, g, chi2)
}

fn unit(k: usize) -> [f64; N] {
    std::array::from_fn(|j| f64::from(u8::from(j == k)))
}

/// a x = b by elimination with the largest pivot; `None` if a is singular. Rows and columns are first scaled by the
/// diagonal, so that counts and slopes are alike.
fn solve(mut a: [[f64; N]; N], mut b: [f64; N]) -> Option<[f64; N]> {
    let scale: [f64; N] = std::array::from_fn(|k| 1.0 / a[k][k].sqrt());
    if scale.iter().any(|s| !s.is_finite()) {
        return None;
    }
    for j in 0..N {
        b[j] *= scale[j];
        (0..N).for_each(|k| a[j][k] *= scale[j] * scale[k]);
    }
    for column in 0..N {
        let pivot = (column..N).max_by(|&i, &j| a[i][column].abs().total_cmp(&a[j][column].abs()))?;
        if a[pivot][column].abs() < 1e-14 {
            return None;
        }
        a.swap(column, pivot);
        b.swap(column, pivot);
        for row in column + 1..N {
            let factor = a[row][column] / a[column][column];
            (column..N).for_each(|k| a[row][k] -= factor * a[column][k]);
            b[row] -= factor * b[column];
        }
    }
    for row in (0..N).rev() {
        let known: f64 = (row + 1..N).map(|k| a[row][k] * b[k]).sum();
        b[row] = (b[row] - known) / a[row][row];
    }
    Some(std::array::from_fn(|k| b[k] * scale[k]))
}

/// How far a figure has moved in units of its own statistical uncertainty before: (after - before) / sigma. Both
/// fits share nearly all of their statistics, so a pull well below 1 is what compression should leave.
pub fn pull(before: f64, after: f64, sigma: f64) -> f64 {
    (after - before) / sigma
}
