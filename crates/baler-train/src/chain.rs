//! One or two networks laid out for the kernels: where each layer's activations lie on the tape, where its weights
//! lie among the parameters, and the offsets that the product kernel walks.
//!
//! TAPE: for each panel of 32 rows, the values of all layers in order of the data, (features, 32). The gradients
//! of all values have the same layout. PARAMETERS: for each layer the matrix (n_rows, n_cols + 1) in panels of 32
//! columns, the bias in the last column, padding zero (and it stays zero: its gradient is).

use super::aligned::Aligned;
use super::conv::Connections;
use super::kernels::{PANEL, Step};
use super::net::{FloatLayer, Net};
use baler_codec::network::architecture::{Activation, LayerKind, LayerSpec, check_chain};
use baler_data::error::{Error, Result};
use std::ops::Range;

/// Rows of a shard where the tape is small: four shards in the usual batch of 512, as fast as two of 256 on one core
/// (measured), and work for twice as many threads.
const SHARD_ROWS: usize = 128;
/// Floats of a tape beyond which a shard gets fewer rows (caches, memory of convolutions).
const SHARD_FLOATS: usize = 1 << 20;

/// One layer with its places.
#[derive(Debug)]
pub(super) struct Stage {
    pub(super) spec: LayerSpec,
    /// Slope of the activation for negative values: 1 for linear, 0 for ReLU.
    pub(super) slope: f32,
    /// First feature of the previous layer's outputs, and how many are read there.
    pub(super) input: usize,
    pub(super) n_previous: usize,
    /// First feature of the network's own input, read by a layer with skip.
    pub(super) own_input: usize,
    /// First feature of the outputs.
    pub(super) output: usize,
    pub(super) n_out: usize,
    /// Offset, rows and columns (without the bias) of the weights.
    pub(super) weights: usize,
    pub(super) n_rows: usize,
    pub(super) n_cols: usize,
    /// Dense layers: offsets of (weight, input) of each input.
    pub(super) forward_steps: Vec<Step>,
    /// Dense layers: offsets of (weight, gradient of the output) of each output.
    pub(super) backward_steps: Vec<Step>,
    /// Convolutions: what is connected to what.
    pub(super) connections: Option<Connections>,
}

/// The networks in the order of the data.
#[derive(Debug)]
pub(super) struct Chain {
    pub(super) stages: Vec<Stage>,
    pub(super) n_in: usize,
    /// Values of a row on the tape.
    pub(super) n_features: usize,
    pub(super) n_parameters: usize,
    /// Features that hold the output of the first network: the latents of an autoencoder.
    pub(super) latent: Range<usize>,
    pub(super) shard_rows: usize,
    /// Offsets of each row of a shard: (tape, transposed block).
    pub(super) row_steps: Vec<Step>,
}

impl Stage {
    fn new(spec: LayerSpec, input: usize, own_input: usize, n_own: usize, weights: usize) -> Self {
        let n_previous = spec.n_in() - if spec.skip { n_own } else { 0 };
        let mut stage = Stage {
            spec,
            slope: match spec.activation {
                Activation::Linear => 1.0,
                Activation::Relu => 0.0,
                Activation::LeakyRelu { shift } => 1.0 / f32::from(1u16 << shift),
            },
            input,
            n_previous,
            own_input,
            output: input + n_previous,
            n_out: spec.n_out(),
            weights,
            n_rows: spec.n_rows(),
            n_cols: spec.n_cols(),
            forward_steps: Vec::new(),
            backward_steps: Vec::new(),
            connections: None,
        };
        match spec.kind {
            LayerKind::Dense { .. } => {
                let step =
                    |col| Step { a: stage.offset(0, col) as u32, b: (stage.feature(col) * PANEL) as u32 };
                stage.forward_steps = (0..stage.n_cols).map(step).collect();
                let step = |row| Step { a: (row * PANEL) as u32, b: (row * PANEL) as u32 };
                stage.backward_steps = (0..stage.n_rows).map(step).collect();
            }
            LayerKind::Conv(shape) => stage.connections = Some(Connections::new(&shape)),
        }
        stage
    }

    /// Feature that a column of a dense layer reads.
    pub(super) fn feature(&self, col: usize) -> usize {
        if col < self.n_previous { self.input + col } else { self.own_input + col - self.n_previous }
    }

    /// Offset of a weight from the layer's first; column `n_cols` is the bias.
    pub(super) fn offset(&self, row: usize, col: usize) -> usize {
        (col / PANEL * self.n_rows + row) * PANEL + col % PANEL
    }

    /// Floats of the weights with bias and padding.
    pub(super) fn size(&self) -> usize {
        (self.n_cols + 1).div_ceil(PANEL) * self.n_rows * PANEL
    }
}

impl Chain {
    /// Refuses networks that do not fit together and sizes beyond 32-bit offsets.
    pub(super) fn new(nets: &[&Net]) -> Result<Self> {
        let n_in = nets[0].n_in;
        let mut chain = Chain {
            stages: Vec::new(),
            n_in,
            n_features: n_in,
            n_parameters: 0,
            latent: 0..0,
            shard_rows: 0,
            row_steps: Vec::new(),
        };
        let mut previous = 0..n_in;
        for net in nets {
            let specs: Vec<LayerSpec> = net.layers.iter().map(|layer| layer.spec).collect();
            check_chain(net.n_in, &specs)?;
            if net.n_in != previous.len() || net.layers.is_empty() {
                let (n_in, n_layers, n_previous) = (net.n_in, net.layers.len(), previous.len());
                return Err(Error::config(format!(
                    "expected a network of {n_previous} inputs and at least one layer, found {n_in} inputs and \
                     {n_layers} layers"
                )));
            }
            let (own_input, n_own) = (previous.start, previous.len());
            for layer in &net.layers {
                layer.check()?;
                let spec = layer.spec;
                let floats =
                    (spec.n_rows() as u64 * (spec.n_cols() as u64 + PANEL as u64)).max(spec.n_out() as u64);
                let total = chain.n_parameters as u64 + floats + chain.n_features as u64;
                if total * PANEL as u64 > u64::from(u32::MAX) {
                    return Err(Error::limit(format!(
                        "a network of {total} weights and activations is beyond what training can address; choose \
                         a smaller block or fewer channels"
                    )));
                }
                let stage = Stage::new(spec, previous.start, own_input, n_own, chain.n_parameters);
                previous = stage.output..stage.output + stage.n_out;
                chain.n_parameters += stage.size();
                chain.n_features = previous.end;
                chain.stages.push(stage);
            }
            if chain.latent.is_empty() {
                chain.latent = previous.clone();
            }
        }
        chain.shard_rows = (SHARD_FLOATS / chain.n_features / PANEL * PANEL).clamp(PANEL, SHARD_ROWS);
        chain.row_steps = (0..chain.shard_rows)
            .map(|row| Step {
                a: (row / PANEL * chain.n_features * PANEL + row % PANEL) as u32,
                b: (row * PANEL) as u32,
            })
            .collect();
        Ok(chain)
    }

    /// Number of outputs of the last network.
    pub(super) fn n_out(&self) -> usize {
        self.stages.last().map_or(self.n_in, |stage| stage.n_out)
    }

    fn layers<'a>(nets: &'a [&Net]) -> impl Iterator<Item = &'a FloatLayer> {
        nets.iter().flat_map(|net| &net.layers)
    }

    /// The weights of the networks in the layout of the kernels.
    pub(super) fn pack(&self, nets: &[&Net]) -> Aligned {
        let mut parameters = Aligned::zeros(self.n_parameters);
        for (stage, layer) in self.stages.iter().zip(Self::layers(nets)) {
            Self::put(stage, layer, &mut parameters);
        }
        parameters
    }

    /// The weights of one layer to their places.
    pub(super) fn put(stage: &Stage, layer: &FloatLayer, parameters: &mut [f32]) {
        let to = &mut parameters[stage.weights..];
        for row in 0..stage.n_rows {
            for col in 0..stage.n_cols {
                to[stage.offset(row, col)] = layer.weights[row * stage.n_cols + col];
            }
            to[stage.offset(row, stage.n_cols)] = layer.bias[row];
        }
    }

    /// The weights of one layer back in their own layout.
    pub(super) fn unpack(stage: &Stage, parameters: &[f32], layer: &mut FloatLayer) {
        let from = &parameters[stage.weights..];
        for row in 0..stage.n_rows {
            for col in 0..stage.n_cols {
                layer.weights[row * stage.n_cols + col] = from[stage.offset(row, col)];
            }
            layer.bias[row] = from[stage.offset(row, stage.n_cols)];
        }
    }
}
