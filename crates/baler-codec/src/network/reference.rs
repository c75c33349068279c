//! The network as slow, obvious loops: the definition of its result, and the oracle of the fast kernels.
//! Sums wrap, which only an input of -32768 could bring about (the overflow rule counts with 32767).

use super::Network;
use super::architecture::LayerKind;
use super::layer::{ACTIVATION_MAX, Layer};

/// One row through the network: `input` is (n_in), the result (n_out).
///
/// # Panics
/// If `input` has another length than n_in.
pub fn run_reference(network: &Network, input: &[i16]) -> Vec<i32> {
    assert_eq!(input.len(), network.n_in(), "one row of n_in values");
    let limit = i32::from(ACTIVATION_MAX);
    let mut x = input.to_vec();
    for (idx, layer) in network.layers().iter().enumerate() {
        if layer.spec.skip {
            x.extend(input);
        }
        let y = run_layer(layer, &x);
        if idx + 1 == network.layers().len() {
            return y;
        }
        x = y.iter().map(|&y| y.clamp(-limit, limit) as i16).collect();
    }
    unreachable!("a network has a layer")
}

fn run_layer(layer: &Layer, x: &[i16]) -> Vec<i32> {
    let n_cols = layer.spec.n_cols();
    let weights = |row_idx: usize| &layer.weights[row_idx * n_cols..][..n_cols];
    let mut output = Vec::with_capacity(layer.spec.n_out());
    match layer.spec.kind {
        LayerKind::Dense { n_out, .. } => {
            for row_idx in 0..n_out {
                let products = weights(row_idx).iter().zip(x).map(|(&w, &x)| i32::from(w) * i32::from(x));
                output.push(layer.finish(row_idx, products.fold(layer.bias[row_idx], i32::wrapping_add)));
            }
        }
        LayerKind::Conv(shape) => {
            let table = shape.gather_table(); // (positions_out, taps)
            let taps: usize = shape.kernel.iter().product();
            let positions_in: usize = shape.extent_in.iter().product();
            for row_idx in 0..shape.channels_out {
                for reads in table.chunks(taps) {
                    let mut acc = layer.bias[row_idx];
                    for (col, &w) in weights(row_idx).iter().enumerate() {
                        let (channel, read) = (col / taps, reads[col % taps]);
                        if read != u32::MAX {
                            let x = x[channel * positions_in + read as usize];
                            acc = acc.wrapping_add(i32::from(w) * i32::from(x));
                        }
                    }
                    output.push(layer.finish(row_idx, acc));
                }
            }
        }
    }
    output
}
