//! The hardware in software: the same integers from the same specification.
//!
//! In: samples as they come on the wire. Out: latents. [`reference()`] is the specification's formulas as slow loops, from which all
//! test vectors come; [`Emulator`] gives the same for millions of samples a second, with the codec's kernels on the layers that the
//! specification holds (convolutions written out, biases with their halves).

use crate::interval::{LIMIT, finish};
use crate::spec::{DenseLayer, Spec};
use baler_codec::network::architecture::{LayerKind, LayerSpec};
use baler_codec::network::{Layer, Network, Prepared, Workspace};
use baler_data::error::Result;

/// Samples at a time.
const BATCH: usize = 1024;

/// One sample's latents, by the formulas of the specification.
///
/// # Panics
/// If `sample` has another length than n_in.
pub fn reference(spec: &Spec, sample: &[i32]) -> Vec<i16> {
    assert_eq!(sample.len(), spec.n_in(), "one sample");
    let input: Vec<i64> = sample.iter().enumerate().map(|(at, &q)| network_input(spec, at, q)).collect();
    let mut x = input.clone();
    for layer in &spec.layers {
        if layer.skip {
            x.extend(&input);
        }
        let output = |row: usize| {
            let products = layer.row(row).iter().zip(&x).map(|(&w, &x)| i64::from(w) * x);
            finish(layer.bias[row] + products.sum::<i64>(), layer.shift[row].into(), layer.activation, LIMIT)
        };
        x = (0..layer.n_out()).map(output).collect();
    }
    x.iter().map(|&z| z as i16).collect()
}

fn network_input(spec: &Spec, at: usize, q: i32) -> i64 {
    spec.inputs[at].stage.map_or(i64::from(q), |stage| stage.apply(i64::from(q)))
}

/// A specification ready to run.
#[derive(Debug, Clone)]
pub struct Emulator {
    spec: Spec,
    network: Prepared,
}

/// Buffers of one thread.
#[derive(Debug, Clone, Default)]
pub struct Lanes {
    inputs: Vec<i16>,
    outputs: Vec<i32>,
    workspace: Workspace,
}

impl Emulator {
    /// Packs the layers of `spec`.
    ///
    /// # Errors
    /// As [`Prepared::new`].
    pub fn new(spec: &Spec) -> Result<Emulator> {
        let layers = spec.layers.iter().map(codec_layer).collect();
        let network = Prepared::new(&Network::new(spec.n_in(), layers)?)?;
        Ok(Emulator { spec: spec.clone(), network })
    }

    /// `input` is (n_samples, n_in), `output` (n_samples, n_out), both row-major.
    ///
    /// # Panics
    /// If a slice does not have the stated length.
    pub fn run(&self, lanes: &mut Lanes, input: &[i32], output: &mut [i16]) {
        let (n_in, n_out) = (self.spec.n_in(), self.spec.n_out());
        for (input, output) in input.chunks(BATCH * n_in).zip(output.chunks_mut(BATCH * n_out)) {
            lanes.inputs.clear();
            for sample in input.chunks_exact(n_in) {
                let values = sample.iter().enumerate();
                lanes.inputs.extend(values.map(|(at, &q)| network_input(&self.spec, at, q) as i16));
            }
            lanes.outputs.clear();
            lanes.outputs.resize(output.len(), 0);
            let n_samples = input.len() / n_in;
            self.network.run(&mut lanes.workspace, &lanes.inputs, n_samples, &mut lanes.outputs);
            let limit = LIMIT as i32;
            let limited = |(z, &y): (&mut i16, &i32)| *z = y.clamp(-limit, limit) as i16;
            output.iter_mut().zip(&lanes.outputs).for_each(limited);
        }
    }
}

/// A layer as the codec holds it.
fn codec_layer(layer: &DenseLayer) -> Layer {
    let half = |shift: u8| if shift == 0 { 0 } else { 1i64 << (shift - 1) };
    Layer {
        spec: LayerSpec {
            kind: LayerKind::Dense { n_in: layer.n_in, n_out: layer.n_out() },
            activation: layer.activation,
            skip: layer.skip,
        },
        weights: layer.weights.clone(),
        bias: layer.bias.iter().zip(&layer.shift).map(|(bias, &shift)| (bias - half(shift)) as i32).collect(),
        shift: layer.shift.clone(),
    }
}
