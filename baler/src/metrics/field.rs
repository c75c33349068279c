//! Measures of fields on a regular grid: gradients, divergence and vorticity, and the autocorrelation of the error.

use super::errors::Errors;

/// The derivative along an axis with unit spacing: central differences, one-sided at the ends (NumPy's `gradient`).
/// An axis of one value has the derivative 0.
pub fn derivative(values: &[f64], shape: &[usize], axis: usize) -> Vec<f64> {
    let n = shape[axis];
    let stride: usize = shape[axis + 1..].iter().product();
    let mut out = vec![0.0; values.len()];
    if n < 2 {
        return out;
    }
    for (idx, slope) in out.iter_mut().enumerate() {
        let place = idx / stride % n;
        let (below, above) = (place.saturating_sub(1), (place + 1).min(n - 1));
        let at = |other: usize| values[idx + other * stride - place * stride];
        *slope = (at(above) - at(below)) / (above - below) as f64;
    }
    out
}

/// |gradient| over the last two axes (the last, of a series).
pub fn gradient_size(values: &[f64], shape: &[usize]) -> Vec<f64> {
    let first = shape.len().saturating_sub(2);
    let parts: Vec<Vec<f64>> = (first..shape.len()).map(|axis| derivative(values, shape, axis)).collect();
    (0..values.len()).map(|idx| parts.iter().map(|part| part[idx] * part[idx]).sum::<f64>().sqrt()).collect()
}

/// Errors of |gradient|.
pub fn gradient_errors(before: &[f64], after: &[f64], shape: &[usize]) -> Errors {
    Errors::of(&gradient_size(before, shape), &gradient_size(after, shape))
}

/// du/dx + dv/dy, x the last axis and y the one before.
pub fn divergence(u: &[f64], v: &[f64], shape: &[usize]) -> Vec<f64> {
    let (x, y) = (shape.len() - 1, shape.len() - 2);
    let (dx, dy) = (derivative(u, shape, x), derivative(v, shape, y));
    dx.iter().zip(&dy).map(|(a, b)| a + b).collect()
}

/// dv/dx - du/dy, the vorticity normal to the plane of the last two axes.
pub fn vorticity(u: &[f64], v: &[f64], shape: &[usize]) -> Vec<f64> {
    let (x, y) = (shape.len() - 1, shape.len() - 2);
    let (dx, dy) = (derivative(v, shape, x), derivative(u, shape, y));
    dx.iter().zip(&dy).map(|(a, b)| a - b).collect()
}

/// Correlation of the error with itself at lags 1..=n_lags along an axis, about its mean, with the sum of squares of
/// all errors below (the biased estimate). White errors are near 0; errors with a pattern are not. NaN without error.
pub fn autocorrelation(errors: &[f64], shape: &[usize], axis: usize, n_lags: usize) -> Vec<f64> {
    let n = shape[axis];
    let stride: usize = shape[axis + 1..].iter().product();
    let mean = errors.iter().sum::<f64>() / errors.len() as f64;
    let total: f64 = errors.iter().map(|e| (e - mean) * (e - mean)).sum();
    let at_lag = |lag: usize| {
        let inside = (0..errors.len()).filter(|idx| idx / stride % n + lag < n);
        let sum: f64 = inside.map(|idx| (errors[idx] - mean) * (errors[idx + lag * stride] - mean)).sum();
        if total > 0.0 { sum / total } else { f64::NAN }
    };
    (1..=n_lags.min(n.saturating_sub(1))).map(at_lag).collect()
}
