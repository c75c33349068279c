//! What training minimizes, with gradients:
//!
//! loss = mean over rows of sum over columns of weight * (output - input)^2 / n_columns
//!      + l1 * sum of |weights|  (biases are free)
//!      + LATENT_WEIGHT * sliced-Wasserstein distance of the latents to N(0, 1), if asked for.

use super::chain::Chain;
use super::kernels::PANEL;
use baler_data::random::Rng;

/// Directions drawn anew in every step.
pub(super) const N_DIRECTIONS: usize = 50;
/// The squared distance of latents is of order 1 at first, the squared error of data in [-1, 1] 1e-3 or less.
pub(super) const LATENT_WEIGHT: f64 = 1e-2;

/// weight / (columns * rows) of each column.
pub(super) fn column_scale(weights: Option<&[f32]>, n_columns: usize, n_rows: usize) -> Vec<f32> {
    let scale = 1.0 / (n_columns as f64 * n_rows as f64);
    (0..n_columns).map(|col| (weights.map_or(1.0, |w| f64::from(w[col])) * scale) as f32).collect()
}

/// l1 * sum of |weights|; adds its gradient, l1 * sign(weight).
pub(super) fn add_l1(chain: &Chain, l1: f64, parameters: &[f32], gradient: &mut [f32]) -> f64 {
    let mut sum = 0.0;
    for stage in &chain.stages {
        for row in 0..stage.n_rows {
            for first in (0..stage.n_cols).step_by(PANEL) {
                let start = stage.weights + stage.offset(row, first);
                let end = start + PANEL.min(stage.n_cols - first);
                for (weight, gradient) in parameters[start..end].iter().zip(&mut gradient[start..end]) {
                    sum += f64::from(weight.abs());
                    *gradient += l1 as f32 * if *weight == 0.0 { 0.0 } else { weight.signum() };
                }
            }
        }
    }
    l1 * sum
}

/// Values of which a standard normal sample of n has one each: the quantiles (i + 1/2) / n, ascending.
pub(super) fn normal_quantiles(n: usize) -> Vec<f64> {
    let quantile = |probability: f64| {
        // The distribution function is erfc(-x / sqrt 2) / 2; bisection needs nothing else.
        let (mut low, mut high) = (-10.0f64, 10.0f64);
        for _ in 0..60 {
            let middle = 0.5 * (low + high);
            let below = 0.5 * libm::erfc(-middle * std::f64::consts::FRAC_1_SQRT_2) < probability;
            *(if below { &mut low } else { &mut high }) = middle;
        }
        0.5 * (low + high)
    };
    (0..n).map(|i| quantile((i as f64 + 0.5) / n as f64)).collect()
}

/// Squared 2-Wasserstein distance of the latents (n_rows, n_latents) to N(0, 1), averaged over random directions:
/// along each the sorted projections face the quantiles. Returns it times [`LATENT_WEIGHT`], with the gradient.
pub(super) fn sliced_wasserstein(
    latents: &[f32],
    n_latents: usize,
    quantiles: &[f64],
    rng: &mut Rng,
) -> (f64, Vec<f32>) {
    let n_rows = quantiles.len();
    let share = LATENT_WEIGHT / (n_rows * N_DIRECTIONS) as f64;
    let mut value = 0.0;
    let mut gradient = vec![0.0f64; latents.len()];
    let mut order: Vec<(f64, usize)> = Vec::with_capacity(n_rows);
    for _ in 0..N_DIRECTIONS {
        let mut direction: Vec<f64> = (0..n_latents).map(|_| rng.normal()).collect();
        let norm = direction.iter().map(|x| x * x).sum::<f64>().sqrt().max(1e-30);
        direction.iter_mut().for_each(|x| *x /= norm);
        order.clear();
        order.extend(latents.chunks_exact(n_latents).enumerate().map(|(row, latents)| {
            (latents.iter().zip(&direction).map(|(&z, d)| f64::from(z) * d).sum::<f64>(), row)
        }));
        order.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        for (&(projection, row), &quantile) in order.iter().zip(quantiles) {
            let distance = projection - quantile;
            value += share * distance * distance;
            let gradient = &mut gradient[row * n_latents..(row + 1) * n_latents];
            for (g, d) in gradient.iter_mut().zip(&direction) {
                *g += 2.0 * share * distance * d;
            }
        }
    }
    (value, gradient.into_iter().map(|g| g as f32).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_the_tables() {
        let found = normal_quantiles(20);
        // 0.975 and 0.525
        assert!((found[19] - 1.959_963_984_540_054).abs() < 1e-9);
        assert!((found[10] - 0.062_706_777_943_213_77).abs() < 1e-9);
        assert!((found[0] + found[19]).abs() < 1e-9);
    }

    #[test]
    fn sliced_wasserstein_gradient_agrees_with_differences_and_a_normal_sample_is_near_zero() {
        let mut rng = Rng::new(1, 0);
        let (n_rows, n_latents) = (40, 3);
        let latents: Vec<f32> = (0..n_rows * n_latents).map(|_| (rng.normal() * 0.3 + 1.0) as f32).collect();
        let quantiles = normal_quantiles(n_rows);
        let loss = |z: &[f32]| sliced_wasserstein(z, n_latents, &quantiles, &mut Rng::new(5, 5));
        let (value, gradient) = loss(&latents);
        for at in [0, 17, 50, 119] {
            let step = 1e-3f32;
            let mut moved = latents.clone();
            moved[at] += step;
            let up = loss(&moved).0;
            moved[at] = latents[at] - step;
            let down = loss(&moved).0;
            let difference = (up - down) / (2.0 * f64::from(step));
            assert!(
                (difference - f64::from(gradient[at])).abs() < 2e-2 * f64::from(gradient[at].abs()) + 1e-6,
                "{at}: {difference} {}",
                gradient[at]
            );
        }
        let normal: Vec<f32> = (0..4000 * n_latents).map(|_| rng.normal() as f32).collect();
        let near = sliced_wasserstein(&normal, n_latents, &normal_quantiles(4000), &mut Rng::new(5, 5)).0;
        assert!(near < value * 0.02, "{near} {value}");
    }
}
