//! How a network is folded: how many values a layer reads a cycle, and what follows for speed and multipliers.

use crate::interval::{Interval, LIMIT};
use crate::spec::Spec;
use baler_data::error::{Error, Result};

/// How far a network is folded, and where its weights are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fold {
    /// Cycles a sample at most; no more than the widest layer has any use for.
    pub reuse: usize,
    /// Weights in memory with a load port, in place of tables.
    pub ram: bool,
}

/// One layer, or the output, which only has lanes and beats.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Folded {
    /// Values read.
    pub n_in: usize,
    /// Values a cycle.
    pub lanes: usize,
    /// Cycles a sample.
    pub beats: usize,
    /// Bits of a value read.
    pub bits_in: u32,
    /// Bits of a weight.
    pub bits_weight: u32,
    /// Range of each sum, biases added, everything between included.
    pub sums: Vec<Interval>,
    /// Bits of a sum, its bias not added.
    pub bits_sum: u32,
    /// Ranges of the finished values.
    pub outputs: Vec<Interval>,
}

/// What a folded network is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Cycles from a sample to the next.
    pub interval: usize,
    /// Cycles from a sample taken to its latents offered.
    pub latency: usize,
    /// Products a cycle.
    pub n_multipliers: usize,
    /// Of each latent.
    pub latent_bits: Vec<u32>,
    pub(crate) layers: Vec<Folded>,
    /// (lanes, beats) of the output.
    pub(crate) output: (usize, usize),
}

impl Plan {
    /// Cuts each layer into at most `reuse` beats.
    ///
    /// # Errors
    /// [`baler_data::error::ErrorKind::Config`] for a reuse that nothing can use, [`baler_data::error::ErrorKind::Unsupported`] for layers that read
    /// the network's input.
    pub fn new(spec: &Spec, fold: Fold) -> Result<Plan> {
        if spec.layers.iter().any(|layer| layer.skip) {
            return Err(Error::unsupported(
                "expected a chain of layers, found one that reads the network's input as well; leave --reuse out",
            ));
        }
        let widest = spec.layers.iter().map(|layer| layer.n_in).max().unwrap_or(1).max(spec.n_out());
        if !(2..=widest).contains(&fold.reuse) {
            return Err(Error::config(format!(
                "expected --reuse from 2 to the widest layer's {widest}, found {}; 1 is the unrolled network, serial \
                 is {widest}",
                fold.reuse
            )));
        }
        let cut = |n: usize| {
            let lanes = n.div_ceil(fold.reuse);
            (lanes, n.div_ceil(lanes))
        };
        let mut ranges: Vec<Interval> = spec.inputs.iter().map(crate::spec::Input::network_range).collect();
        let mut layers = Vec::new();
        for layer in &spec.layers {
            let (lanes, beats) = cut(layer.n_in);
            let folded = Folded::new(layer, fold, &ranges, (lanes, beats));
            ranges.clone_from(&folded.outputs);
            layers.push(folded);
        }
        let output = cut(spec.n_out());
        let staged = spec.inputs.iter().any(|input| input.stage.is_some());
        let beats = layers.iter().map(|layer| layer.beats);
        Ok(Plan {
            interval: beats.clone().max().unwrap_or(1).max(output.1),
            // A layer: its beats, then weight, product, sum, drain, bias, limit. The output's beats; a raw input's two steps.
            latency: beats.sum::<usize>() + 5 * layers.len() + output.1 + 1 + 2 * usize::from(staged),
            n_multipliers: layers.iter().map(|layer| layer.lanes * layer.outputs.len()).sum::<usize>()
                + if staged { layers[0].lanes } else { 0 },
            latent_bits: ranges.iter().map(|range| range.bits()).collect(),
            layers,
            output,
        })
    }
}

impl Folded {
    fn new(
        layer: &crate::spec::DenseLayer,
        fold: Fold,
        inputs: &[Interval],
        (lanes, beats): (usize, usize),
    ) -> Folded {
        let zero = Interval::of(0);
        let union = |a: Interval, b: Interval| Interval { low: a.low.min(b.low), high: a.high.max(b.high) };
        let products = |row: usize| {
            let weights = layer.row(row).iter().zip(inputs);
            // In memory stand weights of any network that keeps the codec's rule: sums below 2^31.
            let all = weights.fold(zero, |sum, (&w, x)| sum.plus(union(x.times(i64::from(w)), zero)));
            if fold.ram { Interval { low: -(1 << 31), high: (1 << 31) - 1 } } else { all }
        };
        let plain: Vec<Interval> = (0..layer.n_out()).map(products).collect();
        let sums: Vec<Interval> = plain
            .iter()
            .zip(&layer.bias)
            .map(|(range, &bias)| if fold.ram { *range } else { range.plus(Interval::of(bias)) })
            .collect();
        let outputs = (0..layer.n_out()).map(|row| match fold.ram {
            true => sums[row].map(|acc| crate::interval::finish(acc, 0, layer.activation, LIMIT)),
            false => layer.output_range(row, inputs),
        });
        let widest = |ranges: &[Interval]| ranges.iter().map(|range| range.bits()).max().unwrap_or(1);
        let weight = |&w: &i16| Interval::of(i64::from(w)).bits();
        Folded {
            n_in: layer.n_in,
            lanes,
            beats,
            bits_in: widest(inputs),
            bits_weight: if fold.ram { 16 } else { layer.weights.iter().map(weight).max().unwrap_or(1) },
            bits_sum: widest(&plain),
            outputs: outputs.collect(),
            sums,
        }
    }
}
