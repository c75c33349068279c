//! The hardware in software: the same integers from the same specification, many samples a second.
//!
//! In: samples as they come on the wire. Out: latents. Samples go through all layers in lanes, so that the loops over
//! lanes become vector instructions.

use crate::spec::{DenseLayer, LIMIT, Spec};
use baler_codec::network::architecture::Activation;

/// Samples that go through all layers together.
const LANES: usize = 64;

/// One value of all lanes.
type Lane = [i16; LANES];

/// A specification ready to run.
#[derive(Debug, Clone)]
pub struct Emulator {
    spec: Spec,
    layers: Vec<Rows>,
}

/// A layer as its rows: pairs of columns that are not both 0.
#[derive(Debug, Clone)]
struct Rows {
    /// Of each row: (first column, weights).
    pairs: Vec<Vec<(usize, [i16; 2])>>,
}

/// Buffers of one thread.
#[derive(Debug, Clone, Default)]
pub struct Lanes {
    input: Vec<Lane>,
    front: Vec<Lane>,
    back: Vec<Lane>,
}

impl Emulator {
    /// Keeps what is needed of `spec`.
    pub fn new(spec: &Spec) -> Emulator {
        Emulator { layers: spec.layers.iter().map(Rows::new).collect(), spec: spec.clone() }
    }

    /// `input` is (n_samples, n_in), `output` (n_samples, n_out), both row-major.
    ///
    /// # Panics
    /// If a slice does not have the stated length.
    pub fn run(&self, lanes: &mut Lanes, input: &[i32], output: &mut [i16]) {
        let (n_in, n_out) = (self.spec.n_in(), self.spec.n_out());
        let n_samples = input.len() / n_in;
        assert!(input.len() == n_samples * n_in && output.len() == n_samples * n_out, "whole samples");
        for (input, output) in input.chunks(LANES * n_in).zip(output.chunks_mut(LANES * n_out)) {
            self.load(input, &mut lanes.input);
            lanes.front.clear();
            lanes.front.extend_from_slice(&lanes.input);
            for (layer, rows) in self.spec.layers.iter().zip(&self.layers) {
                if layer.skip {
                    lanes.front.extend_from_slice(&lanes.input);
                }
                // Columns are read in pairs.
                lanes.front.push([0; LANES]);
                lanes.back.clear();
                lanes.back.extend((0..layer.n_out()).map(|row| rows.row(layer, row, &lanes.front)));
                std::mem::swap(&mut lanes.front, &mut lanes.back);
            }
            for (lane, sample) in output.chunks_exact_mut(n_out).enumerate() {
                sample.iter_mut().zip(&lanes.front).for_each(|(y, values)| *y = values[lane]);
            }
        }
    }

    /// Samples to lanes, through the stages of raw inputs.
    fn load(&self, input: &[i32], lanes: &mut Vec<Lane>) {
        let n_in = self.spec.n_in();
        lanes.clear();
        lanes.resize(n_in, [0; LANES]);
        for (lane, sample) in input.chunks_exact(n_in).enumerate() {
            for ((values, &q), column) in lanes.iter_mut().zip(sample).zip(&self.spec.inputs) {
                values[lane] = match &column.stage {
                    Some(stage) => stage.apply(i64::from(q)) as i16,
                    None => q as i16,
                };
            }
        }
    }
}

impl Rows {
    fn new(layer: &DenseLayer) -> Rows {
        let pairs = |row: &[i16]| {
            let pair = |(idx, weights): (usize, &[i16])| {
                let second = weights.get(1).copied().unwrap_or(0);
                (weights[0] != 0 || second != 0).then_some((2 * idx, [weights[0], second]))
            };
            row.chunks(2).enumerate().filter_map(pair).collect()
        };
        Rows { pairs: (0..layer.n_out()).map(|row| pairs(layer.row(row))).collect() }
    }

    /// One output of all lanes. Sums wrap as the codec's do, which only inputs of -32768 could bring about.
    fn row(&self, layer: &DenseLayer, row: usize, x: &[Lane]) -> Lane {
        let mut sums = [layer.bias[row] as i32; LANES];
        for &(column, [first, second]) in &self.pairs[row] {
            let (low, high) = (&x[column], &x[column + 1]);
            for lane in 0..LANES {
                let product = (i32::from(low[lane]) * i32::from(first))
                    .wrapping_add(i32::from(high[lane]) * i32::from(second));
                sums[lane] = sums[lane].wrapping_add(product);
            }
        }
        let (shift, limit) = (layer.shift[row], LIMIT as i32);
        let finished = |y: i32| y.clamp(-limit, limit) as i16;
        match layer.activation {
            Activation::Linear => sums.map(|acc| finished(acc >> shift)),
            Activation::Relu => sums.map(|acc| finished((acc >> shift).max(0))),
            Activation::LeakyRelu { shift: slope } => sums.map(|acc| {
                let y = acc >> shift;
                finished(if y < 0 { y >> slope } else { y })
            }),
        }
    }
}
