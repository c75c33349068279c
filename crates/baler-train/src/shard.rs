//! A few hundred rows on their way through the chain and back: the unit of parallel work. A batch is cut into
//! shards by its size alone, so that sums do not depend on the number of threads.

use super::aligned::Aligned;
use super::chain::{Chain, Stage};
use super::conv;
use super::kernels::{
    Layout, PANEL, Product, Simd, Start, Step, product, scale_by_slope, squared_error, transpose,
};
use baler_data::random::Rng;

/// Uniform noise added to the latents, standing for their quantization.
#[derive(Debug, Clone, Copy)]
pub(super) struct Noise<'a> {
    /// Half width for each latent.
    pub(super) half_width: &'a [f32],
    pub(super) seed: u64,
    /// Stream of the shard's first row; row i takes stream + i.
    pub(super) stream: u64,
}

/// Buffers for `chain.shard_rows` rows at most.
#[derive(Debug)]
pub(super) struct Shard {
    n_rows: usize,
    n_panels: usize,
    /// Values, (panels, features, 32).
    tape: Aligned,
    /// Derivatives of the loss with respect to the values, same layout.
    gradients: Aligned,
    /// Derivatives with respect to the parameters, layout of the parameters.
    pub(super) parameter_gradient: Aligned,
    /// 32 input rows or 32 features, to be transposed.
    block: Aligned,
    /// 32 columns of a layer's input, (rows, 32).
    transposed: Aligned,
    steps: Vec<Step>,
}

impl Shard {
    /// Without `backward` there are no buffers for gradients.
    pub(super) fn new(chain: &Chain, backward: bool) -> Self {
        let floats = chain.shard_rows * chain.n_features;
        let if_backward = |len: usize| Aligned::zeros(if backward { len } else { 0 });
        Shard {
            n_rows: 0,
            n_panels: 0,
            tape: Aligned::zeros(floats),
            gradients: if_backward(floats),
            parameter_gradient: if_backward(chain.n_parameters),
            block: Aligned::zeros(PANEL * PANEL),
            transposed: if_backward(chain.shard_rows * PANEL),
            steps: Vec::new(),
        }
    }

    /// Puts rows `row_ids` of `data` (row-major) at the start of the tape; missing rows of the last panel are 0.
    pub(super) fn load(&mut self, chain: &Chain, simd: Simd, data: &[f32], row_ids: &[usize]) {
        self.n_rows = row_ids.len();
        self.n_panels = self.n_rows.div_ceil(PANEL);
        let n_in = chain.n_in;
        let panel_floats = chain.n_features * PANEL;
        for (rows, panel) in row_ids.chunks(PANEL).zip(self.tape.chunks_exact_mut(panel_floats)) {
            for first in (0..n_in).step_by(PANEL) {
                let width = PANEL.min(n_in - first);
                self.block.fill(0.0);
                for (&row, to) in rows.iter().zip(self.block.chunks_exact_mut(PANEL)) {
                    let from = row * n_in + first;
                    to[..width].copy_from_slice(&data[from..from + width]);
                }
                // Rounded up to 8 columns this may write into the features of the first layer, which come later;
                // the last stage is never shorter than that, or the exact copy below is taken.
                let to = &mut panel[first * PANEL..];
                if to.len() >= width.next_multiple_of(8) * PANEL {
                    transpose(simd, &self.block, PANEL, (PANEL, width), to);
                } else {
                    for (at, value) in to[..width * PANEL].iter_mut().enumerate() {
                        *value = self.block[at % PANEL * PANEL + at / PANEL];
                    }
                }
            }
        }
    }

    /// All layers, and noise on the latents.
    pub(super) fn forward(
        &mut self,
        chain: &Chain,
        simd: Simd,
        parameters: &[f32],
        noise: Option<&Noise<'_>>,
    ) {
        let panels = self.tape.chunks_exact_mut(chain.n_features * PANEL).take(self.n_panels);
        for (panel_idx, panel) in panels.enumerate() {
            for stage in &chain.stages {
                let weights = &parameters[stage.weights..stage.weights + stage.size()];
                if stage.connections.is_some() {
                    conv::forward(simd, stage, weights, &mut self.steps, panel);
                } else {
                    forward_dense(simd, stage, weights, panel);
                }
                if let Some(noise) = noise.filter(|_| stage.output == chain.latent.start) {
                    let n_rows = PANEL.min(self.n_rows - panel_idx * PANEL);
                    let latents = &mut panel[chain.latent.start * PANEL..chain.latent.end * PANEL];
                    add_noise(noise, panel_idx * PANEL, n_rows, latents);
                }
            }
        }
    }

    /// Values of `n` features from `first` on, (n_rows, n), row-major.
    pub(super) fn values(&self, chain: &Chain, first: usize, n: usize) -> Vec<f32> {
        let mut values = Vec::with_capacity(self.n_rows * n);
        for row in 0..self.n_rows {
            let at = (row / PANEL * chain.n_features + first) * PANEL + row % PANEL;
            values.extend(self.tape[at..].iter().step_by(PANEL).take(n));
        }
        values
    }

    /// Sum over rows and columns of scale[column] * (output - input)^2; sets the gradients of the outputs, and those
    /// of the latents to 0: only they are a sum of several contributions.
    pub(super) fn error(&mut self, chain: &Chain, simd: Simd, scale: &[f32]) -> f64 {
        let panel_floats = chain.n_features * PANEL;
        let output = (chain.n_features - chain.n_out()) * PANEL;
        let mut sum = 0.0;
        for panel_idx in 0..self.n_panels {
            let mut mask = [1.0; PANEL];
            mask[PANEL.min(self.n_rows - panel_idx * PANEL)..].fill(0.0);
            let panel = panel_idx * panel_floats..(panel_idx + 1) * panel_floats;
            let (values, gradients) = (&self.tape[panel.clone()], &mut self.gradients[panel]);
            gradients[chain.latent.start * PANEL..chain.latent.end * PANEL].fill(0.0);
            let gradients = &mut gradients[output..];
            let target = &values[..chain.n_in * PANEL];
            sum += squared_error(simd, &values[output..], target, scale, &mask, gradients);
        }
        sum
    }

    /// Adds to the gradients of the latents; `more` is (n_rows, n_latents), row-major.
    pub(super) fn add_latent_gradient(&mut self, chain: &Chain, more: &[f32]) {
        for (row, more) in more.chunks_exact(chain.latent.len()).enumerate() {
            let at = (row / PANEL * chain.n_features + chain.latent.start) * PANEL + row % PANEL;
            for (latent, value) in more.iter().enumerate() {
                self.gradients[at + latent * PANEL] += value;
            }
        }
    }

    /// From the gradients of the outputs to those of all values and parameters.
    pub(super) fn backward(&mut self, chain: &Chain, simd: Simd, parameters: &[f32]) {
        let panel_floats = chain.n_features * PANEL;
        let turned: Vec<Vec<f32>> = chain
            .stages
            .iter()
            .map(|stage| match stage.connections {
                Some(_) => conv::turn_weights(stage, &parameters[stage.weights..]),
                None => Vec::new(),
            })
            .collect();
        let panels = self.gradients.chunks_exact_mut(panel_floats).zip(self.tape.chunks_exact(panel_floats));
        for (gradients, values) in panels.take(self.n_panels) {
            for (stage, turned) in chain.stages.iter().zip(&turned).rev() {
                if stage.slope != 1.0 {
                    let outputs = stage.output * PANEL..(stage.output + stage.n_out) * PANEL;
                    scale_by_slope(simd, &values[outputs.clone()], stage.slope, &mut gradients[outputs]);
                }
                let start = |input: usize| if input == chain.latent.start { Start::Add } else { Start::Zero };
                if stage.connections.is_none() {
                    let weights = &parameters[stage.weights..stage.weights + stage.size()];
                    backward_dense(simd, stage, weights, start, gradients);
                } else if stage.input > 0 {
                    let steps = &mut self.steps;
                    conv::backward_input(simd, stage, turned, start(stage.input), steps, gradients);
                }
            }
        }
        for stage in &chain.stages {
            if stage.connections.is_some() {
                let to = &mut self.parameter_gradient[stage.weights..stage.weights + stage.size()];
                let buffers = (&self.tape[..], &self.gradients[..]);
                conv::backward_weights(simd, stage, panel_floats, self.n_panels, buffers, to);
            } else {
                self.dense_weights(chain, simd, stage);
            }
        }
    }

    /// Gradient of the weights of a dense layer: outputs' gradients times transposed inputs, 32 columns a time.
    fn dense_weights(&mut self, chain: &Chain, simd: Simd, stage: &Stage) {
        let panel_floats = chain.n_features * PANEL;
        for first in (0..=stage.n_cols).step_by(PANEL) {
            let width = PANEL.min(stage.n_cols + 1 - first);
            let own = first.max(stage.n_previous)..(first + width).min(stage.n_cols);
            let whole = first + PANEL <= stage.n_cols && (own.is_empty() || first >= stage.n_previous);
            let panels = self.tape.chunks_exact(panel_floats).take(self.n_panels);
            for (panel, to) in panels.zip(self.transposed.chunks_exact_mut(PANEL * PANEL)) {
                if whole {
                    let from = &panel[stage.feature(first) * PANEL..];
                    transpose(simd, from, PANEL, (PANEL, PANEL), to);
                    continue;
                }
                self.block.fill(0.0);
                for (col, to) in (first..=stage.n_cols).zip(self.block.chunks_exact_mut(PANEL)) {
                    if col == stage.n_cols {
                        to.fill(1.0);
                    } else {
                        let at = stage.feature(col) * PANEL;
                        to.copy_from_slice(&panel[at..at + PANEL]);
                    }
                }
                // Whole vectors, so that the padding of the weights gets a gradient of zero.
                transpose(simd, &self.block, PANEL, (width.next_multiple_of(PANEL / 2), PANEL), to);
            }
            let call = Product {
                a: &self.gradients[stage.output * PANEL..],
                layout: Layout::Rows,
                b: &self.transposed,
                steps: &chain.row_steps[..self.n_panels * PANEL],
                n_rows: stage.n_rows,
                n_vectors: if width <= PANEL / 2 { 1 } else { 2 },
                c_row: PANEL,
                start: Start::Zero,
                slope: 1.0,
            };
            let to = stage.weights + stage.offset(0, first);
            let size = stage.n_rows * PANEL;
            product(simd, &call, &mut self.parameter_gradient[to..to + size]);
        }
    }
}

fn forward_dense(simd: Simd, stage: &Stage, weights: &[f32], panel: &mut [f32]) {
    let (before, output) = panel.split_at_mut(stage.output * PANEL);
    let call = Product {
        a: weights,
        layout: Layout::Rows,
        b: before,
        steps: &stage.forward_steps,
        n_rows: stage.n_rows,
        n_vectors: 2,
        c_row: PANEL,
        start: Start::Bias(stage.offset(0, stage.n_cols)),
        slope: stage.slope,
    };
    product(simd, &call, output);
}

/// Transposed weights times the gradients of the outputs: to, or added to, the gradients of the inputs, as `start`
/// says for their first feature. The data themselves (features from 0 on) need none.
fn backward_dense(
    simd: Simd,
    stage: &Stage,
    weights: &[f32],
    start: impl Fn(usize) -> Start,
    gradients: &mut [f32],
) {
    let (before, output) = gradients.split_at_mut(stage.output * PANEL);
    let mut col = 0;
    while col < stage.n_cols {
        let boundary = if col < stage.n_previous { stage.n_previous } else { stage.n_cols };
        let end = ((col / PANEL + 1) * PANEL).min(boundary);
        let source = if col < stage.n_previous { stage.input } else { stage.own_input };
        if source > 0 {
            let call = Product {
                a: &weights[stage.offset(0, col)..],
                layout: Layout::Columns,
                b: output,
                steps: &stage.backward_steps,
                n_rows: end - col,
                n_vectors: 2,
                c_row: PANEL,
                start: start(source),
                slope: 1.0,
            };
            product(simd, &call, &mut before[stage.feature(col) * PANEL..]);
        }
        col = end;
    }
}

/// `latents` is (n_latents, 32); row `first + i` of the shard is lane i.
fn add_noise(noise: &Noise<'_>, first: usize, n_rows: usize, latents: &mut [f32]) {
    for lane in 0..n_rows {
        let mut rng = Rng::new(noise.seed, noise.stream + (first + lane) as u64);
        for (latent, half_width) in noise.half_width.iter().enumerate() {
            let unit = (2.0 * rng.uniform() - 1.0) as f32;
            latents[latent * PANEL + lane] += unit * half_width;
        }
    }
}
