//! Flat loops: transpose, derivative of the activation, error and its gradient, Adam. Lengths are multiples of 16.

#[cfg(test)]
use super::product::sum_of_lanes;
use super::simd::{Simd, kernel};
use super::vector::Vector;
use super::{LANES, PANEL};

/// `to[j * 32 + i] = from[i * from_row + j]` for i in 0..n_rows (<= 32), j in 0..n_cols (<= 32); both are rounded
/// up to multiples of 8, so `from` must be readable (and its values are copied) up to there.
pub(crate) fn transpose(
    simd: Simd,
    from: &[f32],
    from_row: usize,
    (n_rows, n_cols): (usize, usize),
    to: &mut [f32],
) {
    if n_rows == 0 || n_cols == 0 {
        return;
    }
    let (n_rows, n_cols) = (n_rows.next_multiple_of(8), n_cols.next_multiple_of(8));
    assert!(n_rows <= PANEL && n_cols <= PANEL);
    assert!((n_rows - 1) * from_row + n_cols <= from.len());
    assert!((n_cols - 1) * PANEL + n_rows <= to.len());
    // SAFETY: the asserts cover the blocks.
    unsafe { transpose_kernel(simd, from, from_row, n_rows, n_cols, to) }
}

kernel! {
    unsafe fn transpose_kernel => transpose_generic(
        from: &[f32], from_row: usize, n_rows: usize, n_cols: usize, to: &mut [f32],
    )
}

#[inline(always)]
unsafe fn transpose_generic<V: Vector>(
    from: &[f32],
    from_row: usize,
    n_rows: usize,
    n_cols: usize,
    to: &mut [f32],
) {
    for i in (0..n_rows).step_by(8) {
        for j in (0..n_cols).step_by(8) {
            // SAFETY: the block is inside both (checked by the caller).
            unsafe {
                let from = from.as_ptr().add(i * from_row + j);
                V::transpose8(from, from_row, to.as_mut_ptr().add(j * PANEL + i), PANEL);
            }
        }
    }
}

/// `gradient *= output > 0 ? 1 : slope`: the derivative of the activation, told from its output.
pub(crate) fn scale_by_slope(simd: Simd, output: &[f32], slope: f32, gradient: &mut [f32]) {
    assert!(output.len() == gradient.len() && output.len().is_multiple_of(LANES));
    // SAFETY: equal lengths, whole vectors.
    unsafe { scale_kernel(simd, output, slope, gradient) }
}

kernel! {
    unsafe fn scale_kernel => scale_generic(output: &[f32], slope: f32, gradient: &mut [f32])
}

#[inline(always)]
unsafe fn scale_generic<V: Vector>(output: &[f32], slope: f32, gradient: &mut [f32]) {
    // SAFETY: whole vectors inside both.
    unsafe {
        let (zero, one, slope) = (V::splat(0.0), V::splat(1.0), V::splat(slope));
        for at in (0..output.len()).step_by(LANES) {
            let factor = V::load(output.as_ptr().add(at)).select_gt(zero, one, slope);
            let to = gradient.as_mut_ptr().add(at);
            V::load(to).mul(factor).store(to);
        }
    }
}

/// One panel of outputs and targets, both (features, 32). Writes `gradient = 2 * scale[f] * (output - target)`,
/// returns the sum of `scale[f] * (output - target)^2`; lanes with a `mask` of 0 count for nothing.
pub(crate) fn squared_error(
    simd: Simd,
    output: &[f32],
    target: &[f32],
    scale: &[f32],
    mask: &[f32; PANEL],
    gradient: &mut [f32],
) -> f64 {
    let len = scale.len() * PANEL;
    assert!(output.len() == len && target.len() == len && gradient.len() == len);
    let mut lanes = [0.0f32; PANEL];
    // SAFETY: equal lengths, whole panel rows.
    unsafe { error_kernel(simd, output, target, scale, mask, gradient, &mut lanes) };
    lanes.iter().map(|&lane| f64::from(lane)).sum()
}

kernel! {
    unsafe fn error_kernel => error_generic(
        output: &[f32], target: &[f32], scale: &[f32], mask: &[f32; PANEL], gradient: &mut [f32],
        lanes: &mut [f32; PANEL],
    )
}

#[inline(always)]
unsafe fn error_generic<V: Vector>(
    output: &[f32],
    target: &[f32],
    scale: &[f32],
    mask: &[f32; PANEL],
    gradient: &mut [f32],
    lanes: &mut [f32; PANEL],
) {
    // SAFETY: whole vectors inside all.
    unsafe {
        for half in [0, LANES] {
            let mask = V::load(mask.as_ptr().add(half));
            let mut sum = V::splat(0.0);
            for (feature, &scale) in scale.iter().enumerate() {
                let at = feature * PANEL + half;
                let error = V::load(output.as_ptr().add(at)).sub(V::load(target.as_ptr().add(at))).mul(mask);
                let scaled = error.mul(V::splat(scale));
                scaled.add(scaled).store(gradient.as_mut_ptr().add(at));
                sum = error.mul_add(scaled, sum);
            }
            sum.store(lanes.as_mut_ptr().add(half));
        }
    }
}

/// Numbers of one step of Adam.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AdamStep {
    pub(crate) beta1: f32,
    pub(crate) beta2: f32,
    /// 1 - beta.
    pub(crate) rest1: f32,
    pub(crate) rest2: f32,
    /// lr / (1 - beta1^t)
    pub(crate) rate: f32,
    /// 1 / sqrt(1 - beta2^t)
    pub(crate) root: f32,
    pub(crate) epsilon: f32,
}

/// Adds the gradients in their order, from `offset` on, and updates parameters and both moments.
pub(crate) fn adam(
    simd: Simd,
    step: &AdamStep,
    gradients: &[&[f32]],
    offset: usize,
    parameters: &mut [f32],
    first: &mut [f32],
    second: &mut [f32],
) {
    let len = parameters.len();
    assert!(first.len() == len && second.len() == len && len.is_multiple_of(LANES));
    assert!(gradients.iter().all(|gradient| offset + len <= gradient.len()));
    // SAFETY: equal lengths, whole vectors.
    unsafe { adam_kernel(simd, step, gradients, offset, parameters, first, second) }
}

kernel! {
    unsafe fn adam_kernel => adam_generic(
        step: &AdamStep, gradients: &[&[f32]], offset: usize, parameters: &mut [f32], first: &mut [f32],
        second: &mut [f32],
    )
}

#[inline(always)]
unsafe fn adam_generic<V: Vector>(
    step: &AdamStep,
    gradients: &[&[f32]],
    offset: usize,
    parameters: &mut [f32],
    first: &mut [f32],
    second: &mut [f32],
) {
    // Moments of a weight whose gradient stays zero would shrink into the subnormal numbers, which cost a hundred
    // times more on most machines.
    const TINY_FIRST: f32 = 1e-30;
    const TINY_SECOND: f32 = 1e-36;
    // SAFETY: whole vectors inside all.
    unsafe {
        let zero = V::splat(0.0);
        let (tiny1, tiny2) = (V::splat(TINY_FIRST), V::splat(TINY_SECOND));
        let (beta1, rest1) = (V::splat(step.beta1), V::splat(step.rest1));
        let (beta2, rest2) = (V::splat(step.beta2), V::splat(step.rest2));
        let (rate, root, epsilon) = (V::splat(step.rate), V::splat(step.root), V::splat(step.epsilon));
        for at in (0..parameters.len()).step_by(LANES) {
            let mut gradient = V::load(gradients[0].as_ptr().add(offset + at));
            for more in &gradients[1..] {
                gradient = gradient.add(V::load(more.as_ptr().add(offset + at)));
            }
            let first = first.as_mut_ptr().add(at);
            let second = second.as_mut_ptr().add(at);
            let parameter = parameters.as_mut_ptr().add(at);
            let mean = beta1.mul_add(V::load(first), rest1.mul(gradient));
            let size = mean.max(zero.sub(mean));
            let mean = size.select_gt(tiny1, mean, zero);
            let square = beta2.mul_add(V::load(second), rest2.mul(gradient).mul(gradient));
            let square = square.select_gt(tiny2, square, zero);
            mean.store(first);
            square.store(second);
            let divisor = square.sqrt().mul_add(root, epsilon);
            V::load(parameter).sub(rate.mul(mean).div(divisor)).store(parameter);
        }
    }
}

/// Sum of 16 lanes of a slice taken as vectors; used to check the tree.
#[cfg(test)]
fn sum_by_lanes(values: &[f32]) -> f32 {
    let mut lanes = [0.0; LANES];
    for chunk in values.chunks_exact(LANES) {
        for (lane, value) in lanes.iter_mut().zip(chunk) {
            *lane += value;
        }
    }
    sum_of_lanes(lanes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use baler_data::random::Rng;

    #[test]
    fn transposes_any_size() {
        let from: Vec<f32> = (0..32 * 40).map(|i| i as f32).collect();
        for (_, simd) in Simd::available() {
            for (n_rows, n_cols) in [(1, 1), (8, 32), (32, 32), (32, 5), (17, 9)] {
                let mut to = vec![-1.0; PANEL * PANEL];
                transpose(simd, &from, 40, (n_rows, n_cols), &mut to);
                for i in 0..n_rows {
                    for j in 0..n_cols {
                        assert_eq!(to[j * PANEL + i], from[i * 40 + j]);
                    }
                }
            }
        }
    }

    #[test]
    fn lanes_are_summed_once_each() {
        let values: Vec<f32> = (1..=64).map(|i| i as f32).collect();
        assert_eq!(sum_by_lanes(&values), 2080.0);
    }

    #[test]
    fn elementwise_kernels_agree_in_every_bit() {
        let mut rng = Rng::new(9, 0);
        let mut random = |len: usize| -> Vec<f32> { (0..len).map(|_| rng.normal() as f32).collect() };
        let (output, target, scale) = (random(3 * PANEL), random(3 * PANEL), random(3));
        let (parameters, first, gradient, other) = (random(96), random(96), random(96), random(96));
        let second: Vec<f32> = random(96).iter().map(|x| x * x).collect();
        let step = AdamStep {
            beta1: 0.9,
            beta2: 0.999,
            rest1: 0.1,
            rest2: 0.001,
            rate: 1e-3,
            root: 1.5,
            epsilon: 1e-8,
        };
        let results: Vec<_> = Simd::available()
            .into_iter()
            .map(|(_, simd)| {
                let mut slope_gradient = target.clone();
                scale_by_slope(simd, &output, 0.25, &mut slope_gradient);
                let mut mask = [1.0; PANEL];
                mask[20..].fill(0.0);
                let mut error_gradient = vec![0.0; 3 * PANEL];
                let error = squared_error(simd, &output, &target, &scale, &mask, &mut error_gradient);
                let (mut p, mut m, mut v) = (parameters.clone(), first.clone(), second.clone());
                adam(simd, &step, &[&gradient, &other], 0, &mut p, &mut m, &mut v);
                (slope_gradient, error_gradient, error, p, m, v)
            })
            .collect();
        assert!(results.windows(2).all(|pair| pair[0] == pair[1]));
    }
}
