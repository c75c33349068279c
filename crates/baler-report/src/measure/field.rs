//! Measures of images and series: structural similarity, spectra, gradients, patterns in the error, features.

use super::variable::VariableView;
use crate::metrics::{Errors, field, image, spectrum, ssim};
use rayon::prelude::*;
use serde::Serialize;

/// An image has at least so many pixels on its shorter side.
const MIN_SIDE: usize = 16;
/// Lags of the error's autocorrelation.
const N_LAGS: usize = 20;
/// A spectrum is taken of at most so many values of a series (a power of two keeps it fast).
const MAX_SERIES: usize = 1 << 16;
/// Spectra are averaged over at most so many slices.
const MAX_SPECTRA: usize = 32;
/// Values that are looked at for the autocorrelation.
const MAX_LAGGED: usize = 1 << 21;
/// Features stand so many sigma above the background.
pub const FEATURE_SIGMAS: f64 = 5.0;

/// (height, width) of the images that the last two axes are, if they are images.
pub fn image_axes(shape: &[usize]) -> Option<(usize, usize)> {
    let &[.., height, width] = shape else { return None };
    (height >= MIN_SIDE && width >= MIN_SIDE).then_some((height, width))
}

/// Which slices a figure shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Slices {
    /// The one of the largest RMSE.
    pub worst: usize,
    /// The one of the median RMSE.
    pub typical: usize,
}

/// What is measured of fields and series; docs/metrics.md defines each.
#[derive(Debug, Clone, Serialize)]
#[allow(missing_docs)]
pub struct FieldMeasures {
    pub slices: Option<Slices>,
    /// Mean and smallest over slices.
    pub ssim: Option<f64>,
    pub ssim_min: Option<f64>,
    /// RMSE of |gradient| over its RMS before.
    pub gradient_nrmse: f64,
    /// Of the error along the last axis, lags 1 and more.
    pub error_autocorrelation: Vec<f64>,
    /// Mean power by wave number.
    pub power_before: Vec<f64>,
    pub power_after: Vec<f64>,
    pub power_error: Vec<f64>,
    /// Of the worst slice.
    pub background_sigma_before: Option<f64>,
    pub background_sigma_after: Option<f64>,
    pub contrast_to_noise_before: Option<f64>,
    pub contrast_to_noise_after: Option<f64>,
    /// RMSE of |sum odd - sum even frames| over its range before.
    pub odd_even_nrmse: Option<f64>,
}

impl FieldMeasures {
    pub(super) fn of(view: &VariableView, errors: &Errors) -> Option<FieldMeasures> {
        if view.is_column || view.before.len() < 2 * N_LAGS {
            return None;
        }
        let (height, width) = image_axes(&view.shape).unwrap_or((1, series_length(&view.shape)));
        let slice = height * width;
        let n_slices = view.before.len() / slice.max(1);
        let whole = n_slices * slice;
        let images = height > 1;
        let slices = images.then(|| choose_slices(view, slice));
        let similarities: Vec<f64> = (0..if images { n_slices } else { 0 })
            .into_par_iter()
            .filter_map(|k| {
                let (x, y) = (&view.before[k * slice..][..slice], &view.after[k * slice..][..slice]);
                ssim::ssim(x, y, height, width, errors.range())
            })
            .collect();
        let residuals: Vec<f64> = view.before.iter().zip(&view.after).map(|(x, y)| y - x).collect();
        let [power_before, power_after, power_error] = spectra(view, &residuals, height, width, n_slices);
        let shape = if images { vec![n_slices, height, width] } else { vec![n_slices, width] };
        let gradient = field::gradient_errors(&view.before[..whole], &view.after[..whole], &shape);
        let size = (gradient.mean().powi(2) + gradient.deviation().powi(2)).sqrt();
        let found = slices.map(|s| features(view, s.worst, slice));
        Some(FieldMeasures {
            slices,
            ssim: (!similarities.is_empty())
                .then(|| similarities.iter().sum::<f64>() / similarities.len() as f64),
            ssim_min: similarities.iter().copied().reduce(f64::min),
            gradient_nrmse: if gradient.rmse() == 0.0 { 0.0 } else { gradient.rmse() / size },
            error_autocorrelation: autocorrelation(&residuals, &shape),
            power_before,
            power_after,
            power_error,
            background_sigma_before: found.map(|f| f[0]),
            background_sigma_after: found.map(|f| f[1]),
            contrast_to_noise_before: found.map(|f| f[2]),
            contrast_to_noise_after: found.map(|f| f[3]),
            odd_even_nrmse: (images && n_slices >= 2).then(|| odd_even(view, slice)),
        })
    }
}

/// The last axis if it is long, else everything in one row; at most [`MAX_SERIES`].
fn series_length(shape: &[usize]) -> usize {
    let last = shape.last().copied().unwrap_or(1);
    let all: usize = shape.iter().product();
    if last >= 64 { last.min(MAX_SERIES) } else { all.min(MAX_SERIES) }
}

fn choose_slices(view: &VariableView, slice: usize) -> Slices {
    let mut ranked: Vec<(f64, usize)> = (view.before.chunks_exact(slice).zip(view.after.chunks_exact(slice)))
        .enumerate()
        .map(|(k, (x, y))| (Errors::of(x, y).rmse(), k))
        .map(|(rmse, k)| (if rmse.is_finite() { rmse } else { -1.0 }, k))
        .collect();
    ranked.sort_by(|a, b| a.0.total_cmp(&b.0));
    Slices {
        worst: ranked.last().map_or(0, |r| r.1),
        typical: ranked.get(ranked.len() / 2).map_or(0, |r| r.1),
    }
}

/// Mean power before, after and of the error; slices with holes are left out.
fn spectra(
    view: &VariableView,
    residuals: &[f64],
    height: usize,
    width: usize,
    n_slices: usize,
) -> [Vec<f64>; 3] {
    let slice = height * width;
    let stride = n_slices.div_ceil(MAX_SPECTRA).max(1);
    let of = |values: &[f64]| -> Vec<f64> {
        let chosen: Vec<usize> = (0..n_slices).step_by(stride).collect();
        let powers: Vec<Vec<f64>> = chosen
            .into_par_iter()
            .map(|k| &values[k * slice..][..slice])
            .filter(|values| values.iter().all(|x| x.is_finite()))
            .map(|values| spectrum::power_spectrum(values, height, width))
            .collect();
        let n = powers.first().map_or(0, Vec::len);
        (0..n).map(|k| powers.iter().map(|p| p[k]).sum::<f64>() / powers.len() as f64).collect()
    };
    [of(&view.before), of(&view.after), of(residuals)]
}

fn autocorrelation(residuals: &[f64], shape: &[usize]) -> Vec<f64> {
    let width = shape[shape.len() - 1];
    let n_rows = (MAX_LAGGED / width).clamp(1, residuals.len() / width);
    let part: Vec<f64> =
        residuals[..n_rows * width].iter().map(|e| if e.is_finite() { *e } else { 0.0 }).collect();
    field::autocorrelation(&part, &[n_rows, width], 1, N_LAGS)
}

/// Background sigma before and after, contrast to noise before and after, of one slice.
fn features(view: &VariableView, slice_idx: usize, slice: usize) -> [f64; 4] {
    let (x, y) = (&view.before[slice_idx * slice..][..slice], &view.after[slice_idx * slice..][..slice]);
    let (before, after) = (image::background(x), image::background(y));
    let mask = image::features(x, &before, FEATURE_SIGMAS);
    let contrast = [image::contrast_to_noise(x, &mask, &before), image::contrast_to_noise(y, &mask, &after)];
    [before.sigma, after.sigma, contrast[0], contrast[1]]
}

fn odd_even(view: &VariableView, slice: usize) -> f64 {
    let before = image::odd_even_difference(&view.before, slice);
    let after = image::odd_even_difference(&view.after, slice);
    Errors::of(&before, &after).nrmse()
}
