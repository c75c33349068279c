//! Measures of images: how noisy the background is, how far features stand out, and what differs between odd and
//! even frames (a source that is switched between them, as in Moessbauer imaging).

use super::{quantile, sorted_finite};

/// Median and width of a background, and the features above it.
#[derive(Debug, Clone, PartialEq)]
pub struct Background {
    /// Median of all pixels.
    pub level: f64,
    /// 1.4826 times the median absolute deviation: the standard deviation of a normal background (Rousseeuw and
    /// Croux 1993).
    pub sigma: f64,
}

/// The background of one image.
pub fn background(image: &[f64]) -> Background {
    let sorted = sorted_finite(image);
    let level = quantile(&sorted, 0.5);
    let mut deviations: Vec<f64> = sorted.iter().map(|x| (x - level).abs()).collect();
    deviations.sort_unstable_by(f64::total_cmp);
    Background { level, sigma: 1.4826 * quantile(&deviations, 0.5) }
}

/// Pixels that stand `n_sigma` or more above the background of the image.
pub fn features(image: &[f64], background: &Background, n_sigma: f64) -> Vec<bool> {
    let limit = background.level + n_sigma * background.sigma;
    image.iter().map(|&x| x.is_finite() && x > limit).collect()
}

/// Contrast to noise: (mean of the features - level) / sigma. NaN without features or noise. Give the same `mask`,
/// found on the original, for before and after.
pub fn contrast_to_noise(image: &[f64], mask: &[bool], background: &Background) -> f64 {
    let chosen: Vec<f64> =
        image.iter().zip(mask).filter(|(x, inside)| **inside && x.is_finite()).map(|(x, _)| *x).collect();
    let mean = chosen.iter().sum::<f64>() / chosen.len() as f64;
    if background.sigma > 0.0 { (mean - background.level) / background.sigma } else { f64::NAN }
}

/// |sum of odd frames - sum of even frames|, pixel by pixel; frames are counted from 0, an odd last one is left out.
pub fn odd_even_difference(frames: &[f64], n_pixels: usize) -> Vec<f64> {
    let mut difference = vec![0.0; n_pixels];
    for pair in frames.chunks_exact(2 * n_pixels) {
        let (even, odd) = pair.split_at(n_pixels);
        for (sum, (even, odd)) in difference.iter_mut().zip(even.iter().zip(odd)) {
            *sum += odd - even;
        }
    }
    difference.iter_mut().for_each(|x| *x = x.abs());
    difference
}
