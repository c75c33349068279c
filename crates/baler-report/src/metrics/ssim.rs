//! Structural similarity of two images (Wang, Bovik, Sheikh and Simoncelli 2004), with the choices that scikit-image
//! makes by default: a square window of 7 pixels of equal weight, sample covariances, K1 = 0.01, K2 = 0.03, and the
//! mean over windows that lie wholly inside.

/// Pixels on a side of the window.
pub const WINDOW: usize = 7;
const K1: f64 = 0.01;
const K2: f64 = 0.03;

/// Mean SSIM of two images (height, width), row-major; `range` is max - min that the values can have. `None` for
/// images smaller than the window, values that are not finite, or no range.
pub fn ssim(before: &[f64], after: &[f64], height: usize, width: usize, range: f64) -> Option<f64> {
    let fits =
        height >= WINDOW && width >= WINDOW && before.len() == height * width && after.len() == before.len();
    if !fits || range <= 0.0 || before.iter().chain(after).any(|x| !x.is_finite()) {
        return None;
    }
    // Taken off both: keeps the digits of small differences around a large mean.
    let offset = before.iter().sum::<f64>() / before.len() as f64;
    let (c1, c2) = ((K1 * range).powi(2), (K2 * range).powi(2));
    let n = (WINDOW * WINDOW) as f64;
    let mut sum = 0.0;
    let mut columns = vec![[0.0; 5]; width];
    for top in 0..=height - WINDOW {
        column_sums(before, after, width, top, offset, &mut columns);
        for left in 0..=width - WINDOW {
            let mut s = [0.0; 5];
            for column in &columns[left..left + WINDOW] {
                (0..5).for_each(|k| s[k] += column[k]);
            }
            let (mx, my) = (s[0] / n, s[1] / n);
            let covariance = |product: f64, a: f64, b: f64| (product / n - a * b) * n / (n - 1.0);
            let (vx, vy, vxy) =
                (covariance(s[2], mx, mx), covariance(s[3], my, my), covariance(s[4], mx, my));
            let (mx, my) = (mx + offset, my + offset);
            sum += (2.0 * mx * my + c1) * (2.0 * vxy + c2) / ((mx * mx + my * my + c1) * (vx + vy + c2));
        }
    }
    Some(sum / ((height - WINDOW + 1) * (width - WINDOW + 1)) as f64)
}

/// Sums of x, y, x^2, y^2, x y over the rows of the window, for each column.
fn column_sums(
    before: &[f64],
    after: &[f64],
    width: usize,
    top: usize,
    offset: f64,
    columns: &mut [[f64; 5]],
) {
    columns.fill([0.0; 5]);
    for row in top..top + WINDOW {
        let (before, after) = (&before[row * width..][..width], &after[row * width..][..width]);
        for ((sums, x), y) in columns.iter_mut().zip(before).zip(after) {
            let (x, y) = (x - offset, y - offset);
            let terms = [x, y, x * x, y * y, x * y];
            sums.iter_mut().zip(terms).for_each(|(sum, term)| *sum += term);
        }
    }
}
