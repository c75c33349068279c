//! Every backward pass against central differences of the f64 oracle, every forward pass against the oracle, every
//! instruction set against the portable one.

use super::oracle::{self, dense};
use crate::chain::Chain;
use crate::kernels::Simd;
use crate::loss::{add_l1, column_scale};
use crate::net::Net;
use crate::shard::Shard;
use baler_codec::network::architecture::{Activation, ConvShape, LayerKind, LayerSpec};
use baler_data::random::Rng;

const LEAKY: Activation = Activation::LeakyRelu { shift: 2 };

fn conv(shape: ConvShape, activation: Activation) -> LayerSpec {
    LayerSpec { kind: LayerKind::Conv(shape), activation, skip: false }
}

fn mean_squared_error(encoder: &Net, decoder: &Net, data: &[f32], weights: &[f32]) -> f64 {
    let n_in = encoder.n_in;
    let sum: f64 = data
        .chunks_exact(n_in)
        .map(|row| {
            let input: Vec<f64> = row.iter().map(|&x| f64::from(x)).collect();
            let output = oracle::forward(decoder, &oracle::forward(encoder, &input));
            let errors = output.iter().zip(&input).zip(weights);
            errors.map(|((y, x), &w)| f64::from(w) * (y - x) * (y - x)).sum::<f64>()
        })
        .sum();
    sum / data.len() as f64
}

/// The gradient of all parameters as two networks, the loss, and the output, by the engine.
fn by_engine(simd: Simd, nets: [&Net; 2], data: &[f32], weights: &[f32]) -> (Net, Net, f64, Vec<f32>) {
    let chain = Chain::new(&nets).unwrap();
    let parameters = chain.pack(&nets);
    let n_rows = data.len() / chain.n_in;
    let scale = column_scale(Some(weights), chain.n_in, n_rows);
    let rows: Vec<usize> = (0..n_rows).collect();
    let mut loss = 0.0;
    let mut gradient = vec![0.0f32; chain.n_parameters];
    let mut output = Vec::new();
    let mut shard = Shard::new(&chain, true);
    for part in rows.chunks(chain.shard_rows) {
        shard.load(&chain, simd, data, part);
        shard.forward(&chain, simd, &parameters, None);
        loss += shard.error(&chain, simd, &scale);
        shard.backward(&chain, simd, &parameters);
        gradient.iter_mut().zip(shard.parameter_gradient.iter()).for_each(|(sum, more)| *sum += more);
        output.extend(shard.values(&chain, chain.n_features - chain.n_out(), chain.n_out()));
    }
    let (mut encoder, mut decoder) = (nets[0].clone(), nets[1].clone());
    for (stage, layer) in chain.stages.iter().zip(encoder.layers.iter_mut().chain(&mut decoder.layers)) {
        Chain::unpack(stage, &gradient, layer);
    }
    (encoder, decoder, loss, output)
}

/// Checks `n_rows` random rows, a number of parameters of every layer, and that all instruction sets agree.
fn check(encoder_specs: &[LayerSpec], decoder_specs: &[LayerSpec], n_rows: usize) {
    let mut rng = Rng::new(17, 0);
    let encoder = Net::random(encoder_specs[0].n_in(), encoder_specs, &mut rng);
    let decoder = Net::random(decoder_specs[0].n_in(), decoder_specs, &mut rng);
    let n_in = encoder.n_in;
    let data: Vec<f32> = (0..n_rows * n_in).map(|_| rng.normal() as f32).collect();
    let weights: Vec<f32> = (0..n_in).map(|col| 0.5 + (col % 3) as f32).collect();
    let engine = by_engine(Simd::widest(), [&encoder, &decoder], &data, &weights);
    for (name, simd) in Simd::available() {
        assert_eq!(by_engine(simd, [&encoder, &decoder], &data, &weights), engine, "{name}");
    }
    let expected = mean_squared_error(&encoder, &decoder, &data, &weights);
    assert!((engine.2 - expected).abs() < 1e-5 * expected, "{} {expected}", engine.2);
    let input: Vec<f64> = data[..n_in].iter().map(|&x| f64::from(x)).collect();
    let output = oracle::forward(&decoder, &oracle::forward(&encoder, &input));
    for (fast, slow) in engine.3.iter().zip(&output) {
        assert!((f64::from(*fast) - slow).abs() < 1e-5, "{fast} {slow}");
    }
    for (which, n_layers) in [(0, encoder_specs.len()), (1, decoder_specs.len())] {
        for layer in 0..n_layers {
            let gradient = &if which == 0 { &engine.0 } else { &engine.1 }.layers[layer];
            let (n_weights, n_biases) = (gradient.weights.len(), gradient.bias.len());
            for draw in 0..10 {
                let at = if draw < 7 { rng.below(n_weights) } else { n_weights + rng.below(n_biases) };
                let found = *gradient.weights.iter().chain(&gradient.bias).nth(at).unwrap();
                let moved = |step: f32| {
                    let mut nets = [encoder.clone(), decoder.clone()];
                    let layer = &mut nets[which].layers[layer];
                    *layer.weights.iter_mut().chain(&mut layer.bias).nth(at).unwrap() += step;
                    mean_squared_error(&nets[0], &nets[1], &data, &weights)
                };
                // Small enough that few of the kinks of the activations are crossed; a power of 2, so exact.
                let step = 1.0 / 4096.0;
                let difference = (moved(step) - moved(-step)) / (2.0 * f64::from(step));
                let error = (difference - f64::from(found)).abs();
                assert!(
                    error < 0.01 * difference.abs() + 2e-4,
                    "net {which} layer {layer} parameter {at}: {found}, expected {difference}"
                );
            }
        }
    }
}

#[test]
fn dense_layers_of_every_activation() {
    for activation in [Activation::Linear, Activation::Relu, LEAKY] {
        let encoder = [dense(37, 45, activation, false), dense(45, 3, Activation::Linear, false)];
        let decoder = [dense(3, 33, activation, false), dense(33, 37, Activation::Linear, false)];
        check(&encoder, &decoder, 70);
    }
}

#[test]
fn a_batch_of_several_shards_with_a_ragged_end() {
    check(&[dense(3, 2, Activation::Linear, false)], &[dense(2, 3, LEAKY, false)], 256 + 33);
}

#[test]
fn skip_reads_the_networks_own_input() {
    let encoder =
        [dense(9, 30, LEAKY, false), dense(39, 8, LEAKY, true), dense(17, 4, Activation::Linear, true)];
    let decoder =
        [dense(4, 40, LEAKY, false), dense(44, 7, LEAKY, true), dense(11, 9, Activation::Linear, true)];
    check(&encoder, &decoder, 40);
}

#[test]
fn two_dimensions_strided_and_back() {
    let shape = ConvShape {
        channels_in: 2,
        channels_out: 5,
        extent_in: [1, 6, 8],
        extent_out: [1, 3, 4],
        kernel: [1, 3, 3],
        stride: [1, 2, 2],
        pad: [0, 1, 1],
        transposed: false,
    };
    let middle = ConvShape { channels_in: 5, channels_out: 3, extent_in: [1, 3, 4], stride: [1; 3], ..shape };
    let back = ConvShape {
        channels_in: 3,
        channels_out: 2,
        extent_in: [1, 3, 4],
        extent_out: [1, 6, 8],
        transposed: true,
        ..shape
    };
    check(
        &[conv(shape, LEAKY), conv(middle, Activation::Relu), dense(36, 6, Activation::Linear, false)],
        &[dense(6, 36, LEAKY, false), conv(back, Activation::Linear)],
        35,
    );
}

#[test]
fn three_dimensions_strided_and_back() {
    let shape = ConvShape {
        channels_in: 1,
        channels_out: 6,
        extent_in: [4, 4, 5],
        extent_out: [2, 2, 3],
        kernel: [3, 3, 3],
        stride: [2, 2, 2],
        pad: [1, 1, 1],
        transposed: false,
    };
    let back = ConvShape {
        channels_in: 6,
        channels_out: 1,
        extent_in: [2, 2, 3],
        extent_out: [4, 4, 5],
        kernel: [4, 4, 3],
        transposed: true,
        ..shape
    };
    check(&[conv(shape, LEAKY)], &[conv(back, Activation::Linear)], 33);
}

#[test]
fn l1_leaves_biases_alone() {
    let net = Net::random(3, &[dense(3, 2, Activation::Linear, false)], &mut Rng::new(1, 1));
    let chain = Chain::new(&[&net]).unwrap();
    let parameters = chain.pack(&[&net]);
    let mut gradient = vec![0.0; chain.n_parameters];
    let value = add_l1(&chain, 0.5, &parameters, &mut gradient);
    let expected: f64 = net.layers[0].weights.iter().map(|w| 0.5 * f64::from(w.abs())).sum();
    assert!((value - expected).abs() < 1e-12);
    let mut found = net.clone();
    Chain::unpack(&chain.stages[0], &gradient, &mut found.layers[0]);
    let signs: Vec<f32> = net.layers[0].weights.iter().map(|w| 0.5 * w.signum()).collect();
    assert_eq!(found.layers[0].weights, signs);
    assert_eq!(found.layers[0].bias, [0.0; 2]);
}

#[test]
fn forward_gives_every_layer_for_any_number_of_rows() {
    let mut rng = Rng::new(8, 8);
    let net = Net::random(5, &[dense(5, 7, LEAKY, false), dense(12, 2, Activation::Linear, true)], &mut rng);
    let input: Vec<f32> = (0..300 * 5).map(|_| rng.normal() as f32).collect();
    let all = net.forward_all(&input, 300);
    assert_eq!((all[0].len(), all[1].len()), (300 * 7, 300 * 2));
    assert_eq!(net.forward(&input, 300), all[1]);
    assert_eq!(net.forward(&input[299 * 5..], 1), all[1][299 * 2..]);
    assert!(net.forward(&[], 0).is_empty());
}
