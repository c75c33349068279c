//! Models of a few weights, written by hand: not good ones, but each uses a trait of the format.

use baler::Model;
use baler_codec::autoencoder::BlockPlan;
use baler_codec::autoencoder::decoder::Decoder;
use baler_codec::entropy::Prior;
use baler_codec::model::{Coordinate, Description, ModelPart, ModelVariable};
use baler_codec::network::architecture::{Activation, ConvShape, LayerKind, LayerSpec};
use baler_codec::network::{Layer, Network};
use baler_data::dataset::DType;

fn variable(name: &str, dtype: DType, center: f64, half_range: f64, log_unit: f64) -> ModelVariable {
    let coordinate = Coordinate::Linear;
    ModelVariable { name: name.into(), dtype, coordinate, center, half_range, log_unit }
}

fn model(architecture: &str, parts: Vec<ModelPart>) -> Model {
    let description = Description { architecture: architecture.into(), n_samples: 300, n_epochs: 2, seed: 7 };
    Model::new(parts, Vec::new(), description)
}

/// A layer with all biases 5 and one shift.
fn layer(kind: LayerKind, activation: Activation, skip: bool, shift: u8, weights: Vec<i16>) -> Layer {
    let spec = LayerSpec { kind, activation, skip };
    Layer { spec, weights, bias: vec![5; spec.n_rows()], shift: vec![shift; spec.n_rows()] }
}

fn dense_layer(
    [n_out, n_in]: [usize; 2],
    activation: Activation,
    skip: bool,
    shift: u8,
    w: Vec<i16>,
) -> Layer {
    layer(LayerKind::Dense { n_in, n_out }, activation, skip, shift, w)
}

/// (n_out, n_in) weights that differ from each other and are small.
fn spread(n_weights: usize, scale: i16) -> Vec<i16> {
    (0..n_weights as i16).map(|i| (i * 37 % 41 - 20) * scale).collect()
}

fn network(n_in: usize, layers: Vec<Layer>) -> Network {
    Network::new(n_in, layers).expect("layers that fit")
}

/// Priors around 0, each of another width.
fn priors(n_latents: usize) -> Vec<Prior> {
    (0..n_latents as i32)
        .map(|latent| {
            let width = 40i32 << (latent % 4);
            Prior::fit((-width..width).map(move |i| i * i.abs() / width + latent))
        })
        .collect()
}

/// Three columns, two latents; ReLU, leaky ReLU, a skip layer, a logarithm, 12 output bits.
pub fn dense(names: &[&str; 3]) -> Model {
    let encoder = vec![dense_layer([2, 3], Activation::Linear, false, 12, vec![40, 40, 0, 0, 0, 30])];
    let decoder = vec![
        dense_layer([4, 2], Activation::LeakyRelu { shift: 3 }, false, 4, vec![90, 0, -90, 0, 0, 80, 7, -80]),
        dense_layer([3, 4], Activation::Relu, false, 0, vec![1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 1]),
        dense_layer(
            [3, 5],
            Activation::Linear,
            true,
            5,
            vec![1, -1, 0, 380, 0, 2, 0, 0, 360, 1, 0, 0, 1, 0, 540],
        ),
    ];
    let variables = vec![
        variable(names[0], DType::F32, 0.0, 50.0, 0.0),
        variable(names[1], DType::F32, 1.0, 26.0, 0.0),
        variable(names[2], DType::F32, 0.0, 12.0, 0.5),
    ];
    let decoder =
        Decoder { output_bits: 12, priors: priors(2), gains: vec![1, 1], network: network(2, decoder) };
    model("dense 3-2", vec![ModelPart { variables, blocks: None, decoder, encoder: network(3, encoder) }])
}

/// One column on a logarithmic grid, one latent, one layer.
pub fn dense_log(name: &str) -> Model {
    let encoder = vec![dense_layer([1, 1], Activation::Linear, false, 9, vec![8])];
    let decoder = vec![dense_layer([1, 1], Activation::Linear, false, 0, vec![64])];
    let coordinate = Coordinate::Log;
    let variables = vec![ModelVariable { coordinate, ..variable(name, DType::F32, 6.0, 6.0, 0.0) }];
    let decoder =
        Decoder { output_bits: 14, priors: priors(1), gains: vec![1], network: network(1, decoder) };
    model("dense 1-1", vec![ModelPart { variables, blocks: None, decoder, encoder: network(1, encoder) }])
}

/// One float16 column by the order of its bits; large outputs lie beyond infinity.
pub fn dense_order(name: &str) -> Model {
    let encoder = vec![dense_layer([1, 1], Activation::Linear, false, 9, vec![8])];
    let decoder = vec![dense_layer([1, 1], Activation::Linear, false, 0, vec![90])];
    let variables = vec![ModelVariable {
        coordinate: Coordinate::Order,
        ..variable(name, DType::F16, 9000.0, 17000.0, 0.0)
    }];
    let decoder =
        Decoder { output_bits: 13, priors: priors(1), gains: vec![1], network: network(1, decoder) };
    model("dense 1-1", vec![ModelPart { variables, blocks: None, decoder, encoder: network(1, encoder) }])
}

/// Tiles of 8 x 8, four latents; a transposed convolution with padding and more than one channel.
pub fn conv2d(name: &str) -> Model {
    let down = ConvShape {
        channels_in: 1,
        channels_out: 2,
        extent_in: [1, 8, 8],
        extent_out: [1, 4, 4],
        kernel: [1, 3, 3],
        stride: [1, 2, 2],
        pad: [0, 1, 1],
        transposed: false,
    };
    let up = ConvShape {
        channels_in: 2,
        channels_out: 1,
        extent_in: [1, 4, 4],
        extent_out: [1, 8, 8],
        kernel: [1, 4, 4],
        stride: [1, 2, 2],
        pad: [0, 1, 1],
        transposed: true,
    };
    let encoder = vec![
        layer(LayerKind::Conv(down), Activation::Relu, false, 7, spread(18, 3)),
        dense_layer([4, 32], Activation::Linear, false, 14, spread(128, 2)),
    ];
    let decoder = vec![
        dense_layer([32, 4], Activation::LeakyRelu { shift: 7 }, false, 3, spread(128, 5)),
        layer(LayerKind::Conv(up), Activation::Linear, false, 6, spread(32, 9)),
    ];
    let decoder =
        Decoder { output_bits: 13, priors: priors(4), gains: vec![1; 4], network: network(4, decoder) };
    let part = ModelPart {
        variables: vec![variable(name, DType::F32, 10.0, 6.0, 0.0)],
        blocks: Some(BlockPlan { extents: vec![8, 8] }),
        decoder,
        encoder: network(64, encoder),
    };
    model("conv 8x8-4", vec![part])
}

/// Tiles of 4 x 4 x 4, three latents; three axes, strides that differ, a plain convolution in the decoder.
pub fn conv3d(name: &str) -> Model {
    let down = ConvShape {
        channels_in: 1,
        channels_out: 2,
        extent_in: [4, 4, 4],
        extent_out: [2, 2, 4],
        kernel: [2, 2, 1],
        stride: [2, 2, 1],
        pad: [0, 0, 0],
        transposed: false,
    };
    let up = ConvShape {
        channels_in: 2,
        channels_out: 3,
        extent_in: down.extent_out,
        extent_out: down.extent_in,
        transposed: true,
        ..down
    };
    let smooth = ConvShape {
        channels_in: 3,
        channels_out: 1,
        extent_in: [4, 4, 4],
        extent_out: [4, 4, 4],
        kernel: [3, 3, 3],
        stride: [1, 1, 1],
        pad: [1, 1, 1],
        transposed: false,
    };
    let encoder = vec![
        layer(LayerKind::Conv(down), Activation::Linear, false, 6, spread(8, 2)),
        dense_layer([3, 32], Activation::Linear, false, 13, spread(96, 2)),
    ];
    let decoder = vec![
        dense_layer([32, 3], Activation::Relu, false, 2, spread(96, 5)),
        layer(LayerKind::Conv(up), Activation::LeakyRelu { shift: 2 }, false, 4, spread(24, 2)),
        layer(LayerKind::Conv(smooth), Activation::Linear, false, 6, spread(81, 3)),
    ];
    let decoder =
        Decoder { output_bits: 14, priors: priors(3), gains: vec![1, 2, 1], network: network(3, decoder) };
    let part = ModelPart {
        variables: vec![variable(name, DType::F64, 0.0, 2.0, 0.0)],
        blocks: Some(BlockPlan { extents: vec![4, 4, 4] }),
        decoder,
        encoder: network(64, encoder),
    };
    model("conv 4x4x4-3", vec![part])
}
