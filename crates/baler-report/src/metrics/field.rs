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

/// The sum of each component's derivative along its own axis: of the first along the last axis, of the second along the
/// one before, of the third along the one before that.
pub fn divergence(components: &[&[f64]], shape: &[usize]) -> Vec<f64> {
    let mut sum = vec![0.0; components.first().map_or(0, |c| c.len())];
    for (k, component) in components.iter().enumerate() {
        let slope = derivative(component, shape, shape.len() - 1 - k);
        sum.iter_mut().zip(slope).for_each(|(sum, slope)| *sum += slope);
    }
    sum
}

/// Of two components dv/dx - du/dy, the vorticity normal to the plane of the last two axes; of three the length of
/// the curl. Axes as for [`divergence()`].
pub fn vorticity(components: &[&[f64]], shape: &[usize]) -> Vec<f64> {
    let turn = |a: usize, b: usize| -> Vec<f64> {
        let (first, second) = (shape.len() - 1 - a, shape.len() - 1 - b);
        let slopes = (derivative(components[b], shape, first), derivative(components[a], shape, second));
        slopes.0.iter().zip(&slopes.1).map(|(a, b)| a - b).collect()
    };
    if components.len() < 3 {
        return turn(0, 1);
    }
    let parts = [turn(1, 2), turn(2, 0), turn(0, 1)];
    (0..parts[0].len()).map(|k| parts.iter().map(|part| part[k] * part[k]).sum::<f64>().sqrt()).collect()
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
