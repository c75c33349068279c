//! The specification as JSON: all integers, and what is done with them.

use crate::spec::Spec;
use baler_codec::network::architecture::Activation;
use serde_json::{Value, json};

/// One object; docs/fpga.md says what its keys mean.
pub fn text(spec: &Spec, latent_bits: &[u32]) -> String {
    let inputs: Vec<Value> = spec
        .inputs
        .iter()
        .map(|input| {
            let stage = input.stage.map(|stage| {
                json!({ "multiplier": stage.multiplier, "offset": stage.offset, "shift": stage.shift })
            });
            json!({ "name": input.name, "bits": input.bits, "range": input.range, "stage": stage })
        })
        .collect();
    let layers: Vec<Value> = spec
        .layers
        .iter()
        .map(|layer| {
            let (activation, slope) = match layer.activation {
                Activation::Linear => ("linear", None),
                Activation::Relu => ("relu", None),
                Activation::LeakyRelu { shift } => ("leaky_relu", Some(shift)),
            };
            let rows: Vec<&[i16]> = (0..layer.n_out()).map(|row| layer.row(row)).collect();
            json!({
                "n_in": layer.n_in,
                "n_out": layer.n_out(),
                "reads_inputs_as_well": layer.skip,
                "activation": activation,
                "slope_shift": slope,
                "weights": rows,
                "bias": layer.bias,
                "shift": layer.shift,
            })
        })
        .collect();
    let object = json!({
        "name": spec.name,
        "computes": "x = clamp((q * multiplier + offset) >> shift) for raw inputs; acc = bias + sum(weights * x); \
                     y = clamp(activation(acc >> shift)); leaky_relu is y >> slope_shift below 0; clamp is to -32767..32767; \
                     >> rounds down",
        "inputs": inputs,
        "layers": layers,
        "latent_bits": latent_bits,
    });
    format!("{object}\n")
}
