//! Distances between two distributions: Kolmogorov-Smirnov and Wasserstein. In: ascending finite values
//! ([`super::sorted_finite`]); the two may differ in number.

/// sup |F_a - F_b| of the empirical distribution functions; NaN of an empty sample.
pub fn kolmogorov_smirnov(a: &[f64], b: &[f64]) -> f64 {
    let mut largest: f64 = 0.0;
    let walked = walk(a, b, |share_a, share_b, _| largest = largest.max((share_a - share_b).abs()));
    walked.map_or(f64::NAN, |()| largest)
}

/// The chance of a larger Kolmogorov-Smirnov distance between two independent samples of one distribution, for large
/// samples: Q(d sqrt(n m / (n + m))), Q(t) = 2 sum (-1)^(k-1) exp(-2 k^2 t^2) (Kolmogorov 1933).
pub fn kolmogorov_chance(distance: f64, n: usize, m: usize) -> f64 {
    let t = distance * (n as f64 * m as f64 / (n + m) as f64).sqrt();
    if t < 0.2 {
        return 1.0; // the series has not begun to fall; 1 - Q(0.2) < 1e-12
    }
    let term = |k: i32| f64::from(1 - 2 * ((k - 1) % 2)) * (-2.0 * f64::from(k * k) * t * t).exp();
    (2.0 * (1..=100).map(term).sum::<f64>()).clamp(0.0, 1.0)
}

/// The first Wasserstein (earth mover's) distance in the variable's units: the integral of |F_a - F_b| (Ramdas,
/// Garcia and Cuturi 2017); NaN of an empty sample.
pub fn wasserstein(a: &[f64], b: &[f64]) -> f64 {
    let mut distance = 0.0;
    let walked = walk(a, b, |share_a, share_b, width| distance += (share_a - share_b).abs() * width);
    walked.map_or(f64::NAN, |()| distance)
}

/// Calls `see(F_a, F_b, width to the next value)` at each distinct value of both samples, ascending; `None` of an
/// empty sample.
fn walk(a: &[f64], b: &[f64], mut see: impl FnMut(f64, f64, f64)) -> Option<()> {
    if a.is_empty() || b.is_empty() {
        return None;
    }
    let (mut i, mut j) = (0, 0);
    while i < a.len() || j < b.len() {
        let next = |i: usize, j: usize| match (a.get(i), b.get(j)) {
            (Some(&x), Some(&y)) => x.min(y),
            (Some(&x), None) | (None, Some(&x)) => x,
            (None, None) => f64::NAN,
        };
        let here = next(i, j);
        while a.get(i).is_some_and(|&x| x <= here) {
            i += 1;
        }
        while b.get(j).is_some_and(|&x| x <= here) {
            j += 1;
        }
        let beyond = next(i, j);
        let width = if beyond.is_nan() { 0.0 } else { beyond - here };
        see(i as f64 / a.len() as f64, j as f64 / b.len() as f64, width);
    }
    Some(())
}
