//! A network of floats -> the integer network that does the same to a stated precision.
//!
//! An integer activation a stands for a * unit. A layer's accumulator stands for multiples of 2^-p, its output for
//! multiples of 2^-e, so the shift is p - e, and a weight is round(w * unit of its input * 2^p). p is what is asked
//! for, less where a row would overflow or leave 16 bits; e follows from the largest output seen.

use super::hardware::{nearest, row_exponent};
use super::net::{FloatLayer, Net};
use baler_codec::network::architecture::LayerKind;
use baler_codec::network::{Layer, Network};
use baler_codec::options::training::Hardware;
use baler_data::error::Result;

/// How fine an integer network is.
#[derive(Debug, Clone, Copy)]
pub struct Precision {
    /// p of the last layer: its weights are multiples of 2^-p, per unit of its inputs.
    pub last: i32,
    /// Bits of the largest weight of each row of every other layer.
    pub hidden_bits: i32,
    /// The last layer's biases are multiples of about this (0: as fine as the weights).
    pub bias_step: f64,
    /// An encoder for hardware: every layer has these bits, `last` and `hidden_bits` are not looked at.
    pub hardware: Option<Hardware>,
}

/// What the integers of the input and the output mean.
#[derive(Debug, Clone, Copy)]
pub struct Units<'a> {
    /// Value of 1 at each input.
    pub input: &'a [f64],
    /// The last layer's output 1 is 2^-output_bits ...
    pub output_bits: i32,
    /// ... times this, a row.
    pub output: Option<&'a [f64]>,
}

/// Converts `net`; `peaks` is the largest magnitude seen at the output of each layer.
///
/// # Errors
/// If a row overflows at any precision, which weights that are not finite do.
pub fn to_integers(net: &Net, units: Units, peaks: &[f32], precision: Precision) -> Result<Network> {
    let mut layers = Vec::with_capacity(net.layers.len());
    let mut input_units = units.input.to_vec();
    for (idx, layer) in net.layers.iter().enumerate() {
        let is_last = idx + 1 == net.layers.len();
        if layer.spec.skip {
            input_units.extend_from_slice(units.input);
        }
        let output_exponent = if is_last {
            units.output_bits
        } else {
            // Room for twice the largest output seen.
            let coarser = precision.hardware.map_or(0, |hardware| hardware.activation_bits as i32 - 16);
            libm::floor(libm::log2(libm::ldexp(16_000.0, coarser) / peaks[idx].max(1e-6) as f64)) as i32
        };
        let row_units = if is_last { units.output } else { None };
        let asked = |row: usize| match precision.hardware {
            Some(hardware) => {
                let per_unit = row_units.map_or(1.0, |units| 1.0 / units[row]);
                row_exponent(largest(layer, row, &input_units) * per_unit, hardware.weight_bits)
            }
            None if is_last => precision.last,
            None => finest(layer, row, &input_units, precision),
        };
        let digits = precision.hardware.and_then(|hardware| hardware.digits);
        let bias_step = if is_last { precision.bias_step } else { 0.0 };
        let grid = Grid { output_exponent, row_units, bias_step, digits };
        layers.push(convert_layer(layer, &input_units, grid, asked));
        if !is_last {
            input_units = vec![libm::ldexp(1.0, -output_exponent); layer.spec.n_out()];
        }
    }
    Network::new(net.n_in, layers)
}

/// Weights of a row times the units of their inputs.
fn scaled_row<'a>(
    layer: &'a FloatLayer,
    row: usize,
    input_units: &'a [f64],
) -> impl Iterator<Item = f64> + 'a {
    let n_cols = layer.spec.n_cols();
    // A convolution's inputs all have one unit.
    let dense = matches!(layer.spec.kind, LayerKind::Dense { .. });
    let unit = move |col: usize| if dense { input_units[col] } else { input_units[0] };
    layer.weights[row * n_cols..(row + 1) * n_cols]
        .iter()
        .enumerate()
        .map(move |(col, &w)| w as f64 * unit(col))
}

/// The p at which the largest weight of the row has the asked bits.
fn finest(layer: &FloatLayer, row: usize, input_units: &[f64], precision: Precision) -> i32 {
    let largest = largest(layer, row, input_units);
    let ratio = libm::ldexp(1.0, precision.hidden_bits - 1) / largest.max(1e-30);
    libm::floor(libm::log2(ratio)).clamp(-60.0, 60.0) as i32
}

/// Largest magnitude among a row's weights times the units of their inputs.
fn largest(layer: &FloatLayer, row: usize, input_units: &[f64]) -> f64 {
    scaled_row(layer, row, input_units).fold(0.0f64, |max, w| max.max(w.abs()))
}

/// What a layer's outputs and biases are multiples of, and how many digits its weights may have.
struct Grid<'a> {
    output_exponent: i32,
    row_units: Option<&'a [f64]>,
    bias_step: f64,
    digits: Option<u32>,
}

fn convert_layer(layer: &FloatLayer, input_units: &[f64], grid: Grid, asked: impl Fn(usize) -> i32) -> Layer {
    let Grid { output_exponent, row_units, bias_step, digits } = grid;
    let n_rows = layer.spec.n_rows();
    let mut converted = Layer {
        spec: layer.spec,
        weights: Vec::with_capacity(layer.weights.len()),
        bias: Vec::with_capacity(n_rows),
        shift: Vec::with_capacity(n_rows),
    };
    for row in 0..n_rows {
        let per_unit = row_units.map_or(1.0, |units| 1.0 / units[row]);
        let mut p = asked(row).clamp(output_exponent, output_exponent + 30);
        loop {
            let scale = libm::ldexp(1.0, p) * per_unit;
            let weights: Vec<i64> =
                scaled_row(layer, row, input_units).map(|w| nearest(w * scale, digits)).collect();
            let coarse = if bias_step > 0.0 {
                libm::ldexp(1.0, libm::log2((bias_step * scale).max(1.0)) as i32)
            } else {
                1.0
            };
            let bias = ((layer.bias[row] as f64 * scale / coarse).round_ties_even() * coarse) as i64;
            let shift = p - output_exponent;
            let sum: i64 = weights.iter().fold(0i64, |sum, w| sum.saturating_add(w.saturating_abs()));
            let half = if shift > 0 { 1i64 << (shift - 1) } else { 0 };
            let reach = sum.saturating_mul(32767).saturating_add(bias.saturating_abs()).saturating_add(half);
            let fits = reach < 1 << 31 && weights.iter().all(|w| w.abs() <= 32767);
            if fits || shift == 0 {
                // At shift 0 what does not fit is limited: only absurd weights get here.
                let limit = if fits { 32767 } else { (1i64 << 30) / 32767 / weights.len().max(1) as i64 };
                converted.weights.extend(weights.iter().map(|w| (*w).clamp(-limit, limit) as i16));
                converted.bias.push(bias.clamp(-(1 << 29), 1 << 29) as i32);
                converted.shift.push(shift as u8);
                break;
            }
            p -= 1;
        }
    }
    converted
}

/// Largest magnitude at the output of each layer over some rows.
pub fn peaks(net: &Net, rows: &[f32], n_rows: usize) -> Vec<f32> {
    let outputs = net.forward_all(rows, n_rows);
    outputs.iter().map(|values| values.iter().fold(0.0f32, |max, x| max.max(x.abs()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::architecture::Architecture;
    use baler_data::random::Rng;

    #[test]
    fn the_integer_network_follows_the_floats() {
        let mut rng = Rng::new(3, 0);
        for arch in ["linear", "bypass:12", "dense:40,20", "conv2d:4,6"] {
            let specs = Architecture::parse(arch, &[10, 12], 9).unwrap().encoder;
            let net = Net::random(120, &specs, &mut rng);
            let inputs: Vec<i16> = (0..120 * 50).map(|_| ((rng.uniform() - 0.5) * 32000.0) as i16).collect();
            let rows: Vec<f32> = inputs.iter().map(|&u| u as f32 / 16384.0).collect();
            let expected = net.forward(&rows, 50);
            let units = Units { input: &[1.0 / 16384.0; 120], output_bits: 12, output: None };
            let precision = Precision { last: 26, hidden_bits: 13, bias_step: 0.0, hardware: None };
            let network = to_integers(&net, units, &peaks(&net, &rows, 50), precision).unwrap();
            let mut outputs = vec![0; expected.len()];
            network.run(&inputs, 50, &mut outputs).unwrap();
            let spread = expected.iter().fold(0.0f32, |max, x| max.max(x.abs()));
            for (&y, &x) in outputs.iter().zip(&expected) {
                let error = (y as f32 / 4096.0 - x).abs();
                assert!(error < 0.004 * spread + 2.0 / 4096.0, "{arch}: {y} {x}");
            }
        }
    }
}
