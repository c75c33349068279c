//! Adam (Kingma, Ba: "Adam: a method for stochastic optimization") with beta 0.9 and 0.999, epsilon 1e-8. The
//! powers of beta are made by repeated multiplication: no library function decides a bit.

use super::aligned::Aligned;
use super::kernels::{AdamStep, LANES, Simd, adam};
use rayon::prelude::*;

const BETA1: f64 = 0.9;
const BETA2: f64 = 0.999;
const EPSILON: f32 = 1e-8;
/// Parameters a task: several tasks for the smallest networks worth two threads.
const TASK: usize = 1 << 13;

/// The moments of the gradient and the powers of the betas.
#[derive(Debug, Clone)]
pub(super) struct Adam {
    pub(super) first: Aligned,
    pub(super) second: Aligned,
    pub(super) power1: f64,
    pub(super) power2: f64,
}

impl Adam {
    pub(super) fn new(n_parameters: usize) -> Self {
        Adam {
            first: Aligned::zeros(n_parameters),
            second: Aligned::zeros(n_parameters),
            power1: 1.0,
            power2: 1.0,
        }
    }

    /// One step along the sum of `gradients` (added in their order); elementwise, so tasks do not change a bit.
    pub(super) fn step(
        &mut self,
        simd: Simd,
        parallel: bool,
        lr: f64,
        gradients: &[&[f32]],
        parameters: &mut [f32],
    ) {
        self.power1 *= BETA1;
        self.power2 *= BETA2;
        let step = AdamStep {
            beta1: BETA1 as f32,
            beta2: BETA2 as f32,
            rest1: (1.0 - BETA1) as f32,
            rest2: (1.0 - BETA2) as f32,
            rate: (lr / (1.0 - self.power1)) as f32,
            root: (1.0 / (1.0 - self.power2).sqrt()) as f32,
            epsilon: EPSILON,
        };
        debug_assert!(TASK.is_multiple_of(LANES));
        if !parallel {
            adam(simd, &step, gradients, 0, parameters, &mut self.first, &mut self.second);
            return;
        }
        parameters
            .par_chunks_mut(TASK)
            .zip(self.first.par_chunks_mut(TASK).zip(self.second.par_chunks_mut(TASK)))
            .enumerate()
            .for_each(|(task, (parameters, (first, second)))| {
                adam(simd, &step, gradients, task * TASK, parameters, first, second);
            });
    }
}
