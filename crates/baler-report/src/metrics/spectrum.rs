//! Power spectra of series and images, before against after: which scales a bound has touched.

use super::fourier::{transform, transform_image};

/// Power by wave number 0, 1, 2, ... (cycles per extent): of a series its periodogram, of an image the sum over the
/// ring of wave numbers that round to it. The mean is left in wave number 0.
pub fn power_spectrum(values: &[f64], height: usize, width: usize) -> Vec<f64> {
    if height <= 1 {
        let series: Vec<(f64, f64)> = values.iter().map(|&x| (x, 0.0)).collect();
        let full = transform(&series);
        return full[..full.len().min(width / 2 + 1)].iter().map(|z| z.0 * z.0 + z.1 * z.1).collect();
    }
    // Wave numbers beyond half the shorter side are seen in one direction only.
    let n_rings = height.min(width) / 2 + 1;
    let mut power = vec![0.0; n_rings];
    for (idx, z) in transform_image(values, height, width).into_iter().enumerate() {
        let (ky, kx) = (folded(idx / width, height), folded(idx % width, width));
        let ring = (ky * ky + kx * kx).sqrt().round() as usize;
        if ring < n_rings {
            power[ring] += z.0 * z.0 + z.1 * z.1;
        }
    }
    power
}

/// The frequency of index `k` of `n`, without its sign.
fn folded(k: usize, n: usize) -> f64 {
    k.min(n - k) as f64
}

/// after / before by wave number; NaN where there was no power.
pub fn ratio(before: &[f64], after: &[f64]) -> Vec<f64> {
    before.iter().zip(after).map(|(&b, &a)| if b > 0.0 { a / b } else { f64::NAN }).collect()
}
