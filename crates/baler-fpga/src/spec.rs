//! The hardware specification: what every output of this crate is made from, and the only thing that it is made from.
//!
//! In: an integer network of the codec, or an encoder of a model with the scaling of its variables. Out: dense integer
//! layers. Convolutions are written out as dense layers with zeros, half a unit is added to each bias, so that the division
//! rounds down (a shift, in every language), and the numbers of the last layer are limited as latents are.
//!
//! ```text
//! x   = clamp((q m + o) >> s, -32767, 32767)   inputs that are raw integers q; x = q where no stage is given
//! acc = b + sum w x                            b holds the 2^(s-1) that rounds half up
//! y   = clamp(activation(acc >> s), -32767, 32767)
//! ```

use crate::interval::{Interval, LIMIT, finish};
use crate::normalize::Stage;
use baler_codec::network::architecture::{Activation, ConvShape, LayerKind};
use baler_codec::network::{Layer, Network};
use baler_data::error::{Error, Result};

/// Most weights of a layer once its convolution is written out.
const MAX_WEIGHTS: usize = 1 << 22;

/// One value of a sample, as it comes from outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    /// For people.
    pub name: String,
    /// Bits on the wire, two's complement.
    pub bits: u32,
    /// Least and largest number that the stage was proved for; all numbers of the bits where there is no stage.
    pub range: [i64; 2],
    /// From raw integers to the network's input.
    pub stage: Option<Stage>,
}

/// One layer, written out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DenseLayer {
    /// Values read: those of the layer before, then the network's inputs where `skip`.
    pub n_in: usize,
    /// (n_out, n_in), row-major.
    pub weights: Vec<i16>,
    /// (n_out), with half of 2^shift added.
    pub bias: Vec<i64>,
    /// (n_out)
    pub shift: Vec<u8>,
    /// Applied after the shift.
    pub activation: Activation,
    /// Reads the network's inputs as well.
    pub skip: bool,
}

/// An encoder as hardware.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spec {
    /// Name of the module, an identifier.
    pub name: String,
    /// Values of a sample.
    pub inputs: Vec<Input>,
    /// First to last.
    pub layers: Vec<DenseLayer>,
}

impl Input {
    /// What the first layer reads of it.
    pub fn network_range(&self) -> Interval {
        let wire = Interval { low: self.range[0], high: self.range[1] };
        self.stage.map_or(wire, |stage| wire.map(|q| stage.apply(q)))
    }
}

impl DenseLayer {
    /// All values of an output, for inputs of these ranges.
    pub fn output_range(&self, row: usize, inputs: &[Interval]) -> Interval {
        let products = self.row(row).iter().zip(inputs).map(|(&w, x)| x.times(i64::from(w)));
        let sum = products.fold(Interval::of(self.bias[row]), Interval::plus);
        sum.map(|acc| finish(acc, self.shift[row].into(), self.activation, LIMIT))
    }

    /// Values written.
    pub fn n_out(&self) -> usize {
        self.bias.len()
    }

    /// Weights of an output.
    pub fn row(&self, row_idx: usize) -> &[i16] {
        &self.weights[row_idx * self.n_in..][..self.n_in]
    }

    fn of(layer: &Layer) -> Result<DenseLayer> {
        let spec = layer.spec;
        let (n_in, n_out) = (spec.n_in(), spec.n_out());
        if n_in.checked_mul(n_out).is_none_or(|n| n > MAX_WEIGHTS) {
            return Err(Error::limit(format!(
                "expected layers of at most {MAX_WEIGHTS} weights once convolutions are written out, found \
                 {n_in} x {n_out}; use smaller frames (--block) or narrower layers"
            )));
        }
        let positions = n_out / spec.n_rows();
        let rounded = |row: usize| {
            let half = if layer.shift[row] == 0 { 0 } else { 1i64 << (layer.shift[row] - 1) };
            i64::from(layer.bias[row]) + half
        };
        Ok(DenseLayer {
            n_in,
            weights: match spec.kind {
                LayerKind::Dense { .. } => layer.weights.clone(),
                LayerKind::Conv(shape) => written_out(&shape, &layer.weights, n_in),
            },
            bias: (0..n_out).map(|output| rounded(output / positions)).collect(),
            shift: (0..n_out).map(|output| layer.shift[output / positions]).collect(),
            activation: spec.activation,
            skip: spec.skip,
        })
    }
}

/// A convolution as a matrix (outputs, inputs) with zeros where an output does not look.
fn written_out(shape: &ConvShape, kernel: &[i16], n_in: usize) -> Vec<i16> {
    let table = shape.gather_table(); // (positions_out, taps)
    let taps: usize = shape.kernel.iter().product();
    let positions_in: usize = shape.extent_in.iter().product();
    let mut weights = Vec::new();
    for channel_out in 0..shape.channels_out {
        for reads in table.chunks(taps) {
            let start = weights.len();
            weights.resize(start + n_in, 0);
            for channel_in in 0..shape.channels_in {
                let of_tap = &kernel[(channel_out * shape.channels_in + channel_in) * taps..][..taps];
                for (&read, &weight) in reads.iter().zip(of_tap).filter(|(read, _)| **read != u32::MAX) {
                    weights[start + channel_in * positions_in + read as usize] += weight;
                }
            }
        }
    }
    weights
}

impl Spec {
    /// The specification of a network whose inputs are numbers of 16 bits that are normalized already.
    ///
    /// # Errors
    /// [`baler_data::error::ErrorKind::Limit`] for convolutions of large frames.
    pub fn of_network(name: &str, network: &Network) -> Result<Spec> {
        let input = |idx| Input {
            name: format!("x{idx}"),
            bits: 16,
            range: [i64::from(i16::MIN), i64::from(i16::MAX)],
            stage: None,
        };
        Ok(Spec {
            name: identifier(name),
            inputs: (0..network.n_in()).map(input).collect(),
            layers: network.layers().iter().map(DenseLayer::of).collect::<Result<_>>()?,
        })
    }

    /// Values of a sample.
    pub fn n_in(&self) -> usize {
        self.inputs.len()
    }

    /// Latents of a sample.
    pub fn n_out(&self) -> usize {
        self.layers.last().map_or(0, DenseLayer::n_out)
    }

    /// Widths from the inputs to the latents, such as `16-20-10-8`.
    pub fn widths(&self) -> String {
        let widths = std::iter::once(self.n_in()).chain(self.layers.iter().map(DenseLayer::n_out));
        widths.map(|n| n.to_string()).collect::<Vec<_>>().join("-")
    }

    /// Range of each latent, over everything that can come in.
    pub fn latent_ranges(&self) -> Vec<Interval> {
        let network: Vec<Interval> = self.inputs.iter().map(Input::network_range).collect();
        let mut ranges = network.clone();
        for layer in &self.layers {
            if layer.skip {
                ranges.extend(&network);
            }
            ranges = (0..layer.n_out()).map(|row| layer.output_range(row, &ranges)).collect();
        }
        ranges
    }

    /// Bits of each latent on the wire.
    pub fn latent_bits(&self) -> Vec<u32> {
        self.latent_ranges().iter().map(|range| range.bits()).collect()
    }

    /// Weights that are not 0.
    pub fn n_weights(&self) -> usize {
        self.layers.iter().map(|layer| layer.weights.iter().filter(|w| **w != 0).count()).sum()
    }
}

/// `name` as an identifier of Verilog, C and C++. It ends in `encoder`, as no reserved word does (`large` and `small` are words of
/// Verilog).
pub fn identifier(name: &str) -> String {
    let kept = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' };
    let text: String = name.chars().map(kept).collect();
    let text = text.trim_matches('_');
    let text = match text.chars().next() {
        Some(first) if first.is_ascii_digit() => format!("n{text}"),
        _ => text.to_string(),
    };
    match text.ends_with("encoder") {
        true => text,
        false => format!("{text}_encoder").trim_start_matches('_').to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_identifiers_and_no_reserved_words() {
        let names = ["large", "Jets-2012", "7", "encoder", "", "__", "\u{e9}t\u{e9}"].map(identifier);
        let expected = [
            "large_encoder",
            "jets_2012_encoder",
            "n7_encoder",
            "encoder",
            "encoder",
            "encoder",
            "t_encoder",
        ];
        assert_eq!(names, expected);
    }
}
