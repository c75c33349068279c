//! Response (after - before) / before and residual after - before, as the original's papers report them: mean and
//! root mean square, over several seeds as mean +- 2 sigma.

use super::sums::Moments;

/// Mean and root mean square of one quantity.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Summary {
    /// Values.
    pub n: u64,
    /// Mean.
    pub mean: f64,
    /// Root of the mean square (about 0, not about the mean).
    pub rms: f64,
    /// Smallest.
    pub min: f64,
    /// Largest.
    pub max: f64,
}

impl Summary {
    /// Of `values`; NaN of none.
    pub fn of(values: &[f64]) -> Summary {
        let moments = Moments::of_all(values, values);
        let mean = if moments.n == 0 { f64::NAN } else { moments.mean_x };
        Summary {
            n: moments.n,
            mean,
            rms: (moments.xx / moments.n as f64 + mean * mean).sqrt(),
            min: values.iter().copied().fold(f64::INFINITY, f64::min),
            max: values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        }
    }
}

/// Response and residual of one variable. The response leaves out values that were 0 and counts them apart: those
/// that stayed 0, and those that did not.
#[derive(Debug, Clone, PartialEq)]
pub struct Response {
    /// (after - before) / before where before != 0, in the order of the data.
    pub responses: Vec<f64>,
    /// after - before, in the order of the data.
    pub residuals: Vec<f64>,
    /// Zeros that stayed zeros.
    pub zeros_kept: u64,
    /// Zeros that became something else.
    pub zeros_changed: u64,
}

impl Response {
    /// Of the finite pairs of two arrays of one length.
    pub fn of(before: &[f64], after: &[f64]) -> Response {
        let mut all = Response {
            responses: Vec::with_capacity(before.len()),
            residuals: Vec::with_capacity(before.len()),
            zeros_kept: 0,
            zeros_changed: 0,
        };
        for (&before, &after) in before.iter().zip(after) {
            if !(before.is_finite() && after.is_finite()) {
                continue;
            }
            all.residuals.push(after - before);
            match (before == 0.0, after == 0.0) {
                (true, true) => all.zeros_kept += 1,
                (true, false) => all.zeros_changed += 1,
                _ => all.responses.push((after - before) / before),
            }
        }
        all
    }

    /// Mean and RMS of the response.
    pub fn response(&self) -> Summary {
        Summary::of(&self.responses)
    }

    /// Mean and RMS of the residual.
    pub fn residual(&self) -> Summary {
        Summary::of(&self.residuals)
    }
}

/// A figure over several runs: mean, and twice the standard deviation (divided by n - 1; 0 of a single run).
pub fn mean_and_two_sigma(runs: &[f64]) -> (f64, f64) {
    let moments = Moments::of_all(runs, runs);
    match moments.n {
        0 => (f64::NAN, f64::NAN),
        1 => (moments.mean_x, 0.0),
        n => (moments.mean_x, 2.0 * (moments.xx / (n - 1) as f64).sqrt()),
    }
}
