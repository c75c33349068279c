//! Networks of the shapes that hardware is asked for, with random integers.

#![allow(dead_code)] // each test file uses its part

use baler_codec::network::architecture::{Activation, ConvShape, LayerKind, LayerSpec};
use baler_codec::network::{Layer, Network};
use baler_data::random::Rng;

pub const RELU: Activation = Activation::Relu;
pub const LEAKY: Activation = Activation::LeakyRelu { shift: 3 };

/// A chain of dense layers, the last linear, with weights of `bits` bits of which `zeros` in a hundred are 0.
pub fn dense(widths: &[usize], activation: Activation, bits: u32, zeros: usize, seed: u64) -> Network {
    let last = widths.len() - 2;
    let specs: Vec<LayerSpec> = widths
        .windows(2)
        .enumerate()
        .map(|(idx, pair)| LayerSpec {
            kind: LayerKind::Dense { n_in: pair[0], n_out: pair[1] },
            activation: if idx == last { Activation::Linear } else { activation },
            skip: false,
        })
        .collect();
    with_weights(widths[0], &specs, bits, zeros, seed)
}

/// Random integers in the shapes of `specs`, with shifts that let most outputs fall inside their range.
pub fn with_weights(n_in: usize, specs: &[LayerSpec], bits: u32, zeros: usize, seed: u64) -> Network {
    let mut rng = Rng::new(seed, 0);
    let largest = (1i64 << (bits - 1)) - 1;
    let layers = specs
        .iter()
        .map(|&spec| {
            let mut weight = || {
                let w = rng.below(2 * largest as usize + 1) as i64 - largest;
                if rng.below(100) < zeros { 0 } else { w as i16 }
            };
            let weights: Vec<i16> = (0..spec.n_rows() * spec.n_cols()).map(|_| weight()).collect();
            let mut shift = || (bits as usize - 1 + rng.below(3)) as u8;
            let shift: Vec<u8> = (0..spec.n_rows()).map(|_| shift()).collect();
            let bias = (0..spec.n_rows()).map(|_| rng.below(1 << 17) as i32 - (1 << 16)).collect();
            Layer { spec, weights, bias, shift }
        })
        .collect();
    Network::new(n_in, layers).unwrap()
}

/// One convolution of an 8 x 8 frame, then a dense layer.
pub fn convolutional() -> Network {
    let shape = ConvShape {
        channels_in: 1,
        channels_out: 3,
        extent_in: [1, 8, 8],
        extent_out: [1, 4, 4],
        kernel: [1, 3, 3],
        stride: [1, 2, 2],
        pad: [0, 1, 1],
        transposed: false,
    };
    let specs = [
        LayerSpec { kind: LayerKind::Conv(shape), activation: RELU, skip: false },
        LayerSpec {
            kind: LayerKind::Dense { n_in: 48, n_out: 4 },
            activation: Activation::Linear,
            skip: false,
        },
    ];
    with_weights(64, &specs, 5, 30, 5)
}

/// A hidden layer beside the linear path.
pub fn bypass() -> Network {
    let specs = [
        LayerSpec { kind: LayerKind::Dense { n_in: 6, n_out: 5 }, activation: LEAKY, skip: false },
        LayerSpec {
            kind: LayerKind::Dense { n_in: 11, n_out: 3 },
            activation: Activation::Linear,
            skip: true,
        },
    ];
    with_weights(6, &specs, 6, 10, 9)
}

/// (name, network)
pub fn all() -> Vec<(&'static str, Network)> {
    vec![
        ("tiny", dense(&[16, 20, 10, 8], RELU, 8, 0, 1)),
        ("tiny_leaky", dense(&[16, 20, 10, 8], LEAKY, 8, 0, 2)),
        ("micro", dense(&[8, 6, 3], RELU, 4, 50, 3)),
        ("linear", dense(&[5, 2], RELU, 8, 0, 4)),
        ("conv", convolutional()),
        ("bypass", bypass()),
    ]
}

/// Rows of which half lie in the usual range and half anywhere, ends included.
pub fn rows(n_in: usize, n_rows: usize, seed: u64) -> Vec<i16> {
    let mut rng = Rng::new(seed, 1);
    let mut value = |row: usize| match (row % 2, rng.below(20)) {
        (0, _) => rng.below(32769) as i32 - 16384,
        (_, 0) => 32767,
        (_, 1) => -32767,
        _ => rng.below(65535) as i32 - 32767,
    };
    (0..n_in * n_rows).map(|i| value(i / n_in) as i16).collect()
}
