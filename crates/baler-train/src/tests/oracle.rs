//! The slow obvious version of a network, in f64, straight from the definitions in `architecture`: what the fast
//! one is compared with.

use crate::net::Net;
use baler_codec::network::architecture::{Activation, ConvShape, LayerKind, LayerSpec};

pub(super) fn dense(n_in: usize, n_out: usize, activation: Activation, skip: bool) -> LayerSpec {
    LayerSpec { kind: LayerKind::Dense { n_in, n_out }, activation, skip }
}

/// Outputs of one row.
pub(super) fn forward(net: &Net, input: &[f64]) -> Vec<f64> {
    let mut values = input.to_vec();
    for layer in &net.layers {
        if layer.spec.skip {
            values.extend_from_slice(input);
        }
        let weight = |at: usize| f64::from(layer.weights[at]);
        let mut outputs = match layer.spec.kind {
            LayerKind::Dense { n_in, n_out } => {
                (0..n_out).map(|o| (0..n_in).map(|k| weight(o * n_in + k) * values[k]).sum()).collect()
            }
            LayerKind::Conv(shape) => convolution(&shape, weight, &values),
        };
        let per_bias = outputs.len() / layer.bias.len();
        for (at, output) in outputs.iter_mut().enumerate() {
            *output += f64::from(layer.bias[at / per_bias]);
            if *output < 0.0 {
                *output *= match layer.spec.activation {
                    Activation::Linear => 1.0,
                    Activation::Relu => 0.0,
                    Activation::LeakyRelu { shift } => 0.5f64.powi(i32::from(shift)),
                };
            }
        }
        values = outputs;
    }
    values
}

/// Scatters from the input where transposed, gathers where not: independent of the gather table.
fn convolution(shape: &ConvShape, weight: impl Fn(usize) -> f64, input: &[f64]) -> Vec<f64> {
    let n_in: usize = shape.extent_in.iter().product();
    let n_out: usize = shape.extent_out.iter().product();
    let taps: usize = shape.kernel.iter().product();
    let mut output = vec![0.0; shape.channels_out * n_out];
    // The wider side steps by the stride: near = far * stride + tap - pad.
    let (far, near) = if shape.transposed {
        (shape.extent_in, shape.extent_out)
    } else {
        (shape.extent_out, shape.extent_in)
    };
    for far_idx in 0..far.iter().product::<usize>() {
        for tap in 0..taps {
            let (f, k) = (place(far_idx, far), place(tap, shape.kernel));
            let at: [isize; 3] = std::array::from_fn(|axis| {
                (f[axis] * shape.stride[axis] + k[axis]) as isize - shape.pad[axis] as isize
            });
            if (0..3).any(|axis| at[axis] < 0 || at[axis] as usize >= near[axis]) {
                continue;
            }
            let near_idx = at.iter().zip(near).fold(0, |flat, (&at, extent)| flat * extent + at as usize);
            let (from, to) = if shape.transposed { (far_idx, near_idx) } else { (near_idx, far_idx) };
            for o in 0..shape.channels_out {
                for c in 0..shape.channels_in {
                    output[o * n_out + to] +=
                        weight((o * shape.channels_in + c) * taps + tap) * input[c * n_in + from];
                }
            }
        }
    }
    output
}

fn place(flat: usize, extent: [usize; 3]) -> [usize; 3] {
    [flat / (extent[1] * extent[2]), flat / extent[2] % extent[1], flat % extent[2]]
}
