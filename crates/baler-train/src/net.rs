//! A network of floats: a chain of layers with their weights, first values at random, forward pass.

use super::chain::Chain;
use super::kernels::Simd;
use super::shard::Shard;
use baler_codec::network::architecture::LayerSpec;
use baler_data::error::{Error, Result};
use baler_data::random::Rng;
use rayon::prelude::*;

/// One layer with its weights.
#[derive(Debug, Clone, PartialEq)]
pub struct FloatLayer {
    /// Kind, sizes, activation.
    pub spec: LayerSpec,
    /// (n_rows, n_cols) of the spec, row-major.
    pub weights: Vec<f32>,
    /// (n_rows)
    pub bias: Vec<f32>,
}

/// A chain of layers. An autoencoder is two; `skip` inside each refers to that network's own input.
#[derive(Debug, Clone, PartialEq)]
pub struct Net {
    /// Values of an input row.
    pub n_in: usize,
    /// In the order of the data.
    pub layers: Vec<FloatLayer>,
}

impl FloatLayer {
    /// Weights and bias uniform in +-1/sqrt(n_cols).
    pub fn random(spec: LayerSpec, rng: &mut Rng) -> Self {
        let bound = 1.0 / (spec.n_cols().max(1) as f64).sqrt();
        let mut draw = |n: usize| (0..n).map(|_| ((2.0 * rng.uniform() - 1.0) * bound) as f32).collect();
        FloatLayer { spec, weights: draw(spec.n_rows() * spec.n_cols()), bias: draw(spec.n_rows()) }
    }

    pub(super) fn check(&self) -> Result<()> {
        let (n_rows, n_cols) = (self.spec.n_rows(), self.spec.n_cols());
        if self.weights.len() != n_rows * n_cols || self.bias.len() != n_rows {
            return Err(Error::config(format!(
                "a layer of {n_rows} x {n_cols}: expected {} weights and {n_rows} biases, found {} and {}",
                n_rows * n_cols,
                self.weights.len(),
                self.bias.len()
            )));
        }
        Ok(())
    }
}

impl Net {
    /// A network with random first weights (see [`FloatLayer::random`]).
    pub fn random(n_in: usize, specs: &[LayerSpec], rng: &mut Rng) -> Self {
        Net { n_in, layers: specs.iter().map(|&spec| FloatLayer::random(spec, rng)).collect() }
    }

    /// Number of values of an output row.
    pub fn n_out(&self) -> usize {
        self.layers.last().map_or(self.n_in, |layer| layer.spec.n_out())
    }

    /// Number of weights and biases.
    pub fn n_parameters(&self) -> usize {
        self.layers.iter().map(|layer| layer.weights.len() + layer.bias.len()).sum()
    }

    /// Outputs (n_rows, n_out) of `input` (n_rows, n_in), both row-major; the same bits on every machine and for
    /// every number of threads (those of the current rayon pool are used).
    ///
    /// # Panics
    /// If `input` or a layer has a wrong length.
    pub fn forward(&self, input: &[f32], n_rows: usize) -> Vec<f32> {
        self.outputs_from(self.layers.len().saturating_sub(1), input, n_rows)
            .pop()
            .unwrap_or_else(|| input.to_vec())
    }

    /// Outputs of every layer, each (n_rows, n_out of the layer), row-major.
    ///
    /// # Panics
    /// As [`Net::forward`].
    pub fn forward_all(&self, input: &[f32], n_rows: usize) -> Vec<Vec<f32>> {
        self.outputs_from(0, input, n_rows)
    }

    /// Outputs of the layers from `first` on.
    fn outputs_from(&self, first: usize, input: &[f32], n_rows: usize) -> Vec<Vec<f32>> {
        // An unknown BALER_SIMD is told by `fit`; the bits here do not depend on it.
        let simd = Simd::from_env().unwrap_or_else(|_| Simd::widest());
        assert_eq!(input.len(), n_rows * self.n_in, "input must be (n_rows, n_in)");
        if self.layers.is_empty() {
            return Vec::new();
        }
        let chain = Chain::new(&[self]).expect("the layers of a network fit each other");
        let parameters = chain.pack(&[self]);
        let row_ids: Vec<usize> = (0..n_rows).collect();
        let wanted = &chain.stages[first..];
        let parts: Vec<Vec<Vec<f32>>> = row_ids
            .par_chunks(chain.shard_rows)
            .map_init(
                || Shard::new(&chain, false),
                |shard, rows| {
                    shard.load(&chain, simd, input, rows);
                    shard.forward(&chain, simd, &parameters, None);
                    wanted.iter().map(|stage| shard.values(&chain, stage.output, stage.n_out)).collect()
                },
            )
            .collect();
        let mut outputs: Vec<Vec<f32>> =
            wanted.iter().map(|stage| Vec::with_capacity(n_rows * stage.n_out)).collect();
        for part in parts {
            for (output, values) in outputs.iter_mut().zip(part) {
                output.extend_from_slice(&values);
            }
        }
        outputs
    }
}
