//! Every kernel against the reference, bit for bit, on ordinary and on extreme networks; refused networks.

use super::architecture::{Activation, ConvShape, LayerKind, LayerSpec};
use super::*;
use baler_data::error::ErrorKind;

const ROW_COUNTS: [usize; 8] = [0, 1, 2, 15, 16, 17, 33, 100];
const ACTIVATIONS: [Activation; 4] = [
    Activation::Linear,
    Activation::Relu,
    Activation::LeakyRelu { shift: 7 },
    Activation::LeakyRelu { shift: 15 },
];

/// xorshift64*
struct Rng(u64);

impl Rng {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, n: u64) -> usize {
        ((self.next() >> 33) % n) as usize
    }

    fn between(&mut self, low: i64, high: i64) -> i64 {
        low + self.below((high - low + 1) as u64) as i64
    }
}

fn dense(n_in: usize, n_out: usize, activation: Activation, skip: bool) -> LayerSpec {
    LayerSpec { kind: LayerKind::Dense { n_in, n_out }, activation, skip }
}

fn conv(shape: ConvShape, activation: Activation) -> LayerSpec {
    LayerSpec { kind: LayerKind::Conv(shape), activation, skip: false }
}

/// Random integers of a size that keeps the rule and lets most activations fall inside their range.
fn random_layer(spec: LayerSpec, rng: &mut Rng) -> Layer {
    let (n_rows, n_cols) = (spec.n_rows(), spec.n_cols());
    let largest = (60_000 / n_cols as i64).clamp(1, 2000);
    Layer {
        spec,
        weights: (0..n_rows * n_cols).map(|_| rng.between(-largest, largest) as i16).collect(),
        bias: (0..n_rows).map(|_| rng.between(-40_000_000, 40_000_000) as i32).collect(),
        shift: (0..n_rows).map(|_| rng.between(0, 16) as u8).collect(),
    }
}

fn random_network(n_in: usize, specs: &[LayerSpec], rng: &mut Rng) -> Network {
    Network::new(n_in, specs.iter().map(|&spec| random_layer(spec, rng)).collect()).unwrap()
}

fn random_rows(n: usize, rng: &mut Rng) -> Vec<i16> {
    (0..n)
        .map(|_| match rng.below(8) {
            0 => 32767,
            1 => -32767,
            2 => i16::MIN,
            3 => 0,
            _ => rng.between(-32767, 32767) as i16,
        })
        .collect()
}

/// Runs all levels of this machine on all row counts.
fn check(network: &Network, rng: &mut Rng) {
    let max_rows = *ROW_COUNTS.last().unwrap();
    let input = random_rows(max_rows * network.n_in(), rng);
    let expected: Vec<i32> =
        input.chunks(network.n_in()).flat_map(|row| run_reference(network, row)).collect();
    for level in SimdLevel::ALL.into_iter().filter(|level| level.is_available()) {
        let prepared = Prepared::with_level(network, level).unwrap();
        let mut workspace = Workspace::default();
        for n_rows in ROW_COUNTS {
            let mut output = vec![i32::MIN; n_rows * network.n_out()];
            prepared.run(&mut workspace, &input[..n_rows * network.n_in()], n_rows, &mut output);
            assert!(output == expected[..n_rows * network.n_out()], "{level:?}, {n_rows} rows, {network:?}");
        }
        check_lanes(&prepared, &mut workspace, &input, &expected);
    }
}

fn check_lanes(prepared: &Prepared, workspace: &mut Workspace, input: &[i16], expected: &[i32]) {
    let mut lines = vec![Line::ZERO; prepared.n_lines_in()];
    for (line_idx, line) in lines.iter_mut().enumerate() {
        let (first, second) = prepared.line_features(line_idx);
        for lane in 0..LANES {
            let row = &input[lane * prepared.n_in()..];
            line.0[2 * lane] = row[first];
            line.0[2 * lane + 1] = second.map_or(-9, |feature| row[feature]);
        }
    }
    let mut output = vec![Sums::ZERO; prepared.n_out()];
    prepared.run_lanes(workspace, &lines, &mut output);
    for (feature, sums) in output.iter().enumerate() {
        for lane in 0..LANES {
            assert_eq!(sums.0[lane], expected[lane * prepared.n_out() + feature], "{:?}", prepared.level());
        }
    }
}

#[test]
fn every_kernel_equals_the_reference_on_dense_layers() {
    let mut rng = Rng(1);
    for n in 1..=70 {
        let sizes = [n, 1 + rng.below(70), 1 + rng.below(70), 1 + rng.below(70)];
        let specs: Vec<LayerSpec> =
            sizes.windows(2).map(|s| dense(s[0], s[1], ACTIVATIONS[rng.below(4)], false)).collect();
        check(&random_network(n, &specs, &mut rng), &mut rng);
    }
}

#[test]
fn every_kernel_equals_the_reference_on_skip_layers() {
    let mut rng = Rng(2);
    for _ in 0..30 {
        let [n, a, b, c] = [0; 4].map(|_| 1 + rng.below(40));
        let leaky = ACTIVATIONS[2];
        let specs = [
            dense(n, a, leaky, false),
            dense(a + n, b, leaky, true),
            dense(b + n, c, Activation::Linear, true),
        ];
        check(&random_network(n, &specs, &mut rng), &mut rng);
    }
}

/// Extents of the output of an ordinary or a transposed convolution.
fn shape(
    channels: [usize; 2],
    extent_in: [usize; 3],
    kernel: [usize; 3],
    stride: [usize; 3],
    pad: [usize; 3],
    transposed: bool,
) -> ConvShape {
    let extent_out = std::array::from_fn(|axis| {
        let (n, k, s, p) = (extent_in[axis], kernel[axis], stride[axis], pad[axis]);
        if transposed { (n - 1) * s + k - 2 * p } else { (n + 2 * p - k) / s + 1 }
    });
    let [channels_in, channels_out] = channels;
    ConvShape { channels_in, channels_out, extent_in, extent_out, kernel, stride, pad, transposed }
}

#[test]
fn every_kernel_equals_the_reference_on_convolutions() {
    let mut rng = Rng(3);
    let shapes = [
        shape([1, 3], [1, 6, 5], [1, 3, 3], [1, 1, 1], [0, 1, 1], false),
        shape([2, 17], [1, 5, 6], [1, 3, 2], [1, 2, 2], [0, 1, 0], false),
        shape([3, 2], [3, 4, 5], [3, 3, 3], [1, 1, 1], [1, 1, 1], false),
        shape([5, 4], [4, 5, 4], [2, 3, 3], [2, 2, 1], [0, 2, 1], false),
        shape([4, 3], [1, 3, 3], [1, 3, 3], [1, 2, 2], [0, 1, 1], true),
        shape([3, 5], [2, 3, 2], [3, 2, 4], [2, 2, 2], [1, 0, 1], true),
    ];
    for s in shapes {
        check(
            &random_network(conv(s, ACTIVATIONS[0]).n_in(), &[conv(s, ACTIVATIONS[rng.below(4)])], &mut rng),
            &mut rng,
        );
    }
}

#[test]
fn every_kernel_equals_the_reference_on_chains_of_all_kinds() {
    let mut rng = Rng(4);
    let leaky = ACTIVATIONS[2];
    let down = shape([1, 3], [1, 6, 6], [1, 3, 3], [1, 2, 2], [0, 1, 1], false); // to 3 x 3 x 3
    let same = shape([3, 5], [1, 3, 3], [1, 3, 3], [1, 1, 1], [0, 1, 1], false); // to 5 x 3 x 3
    let up = shape([5, 2], [1, 3, 3], [1, 2, 2], [1, 2, 2], [0, 0, 0], true); // to 2 x 6 x 6
    let other = shape([9, 2], [1, 1, 5], [1, 1, 3], [1, 1, 1], [0, 0, 1], false); // 45 seen as 9 x 5
    let chains: [Vec<LayerSpec>; 4] = [
        vec![
            conv(down, leaky),
            conv(same, leaky),
            dense(45, 7, Activation::Relu, false),
            dense(7, 45, leaky, false),
            conv(up, Activation::Relu),
        ],
        vec![conv(down, leaky), conv(same, leaky), conv(other, Activation::Linear)],
        vec![conv(down, leaky), dense(27 + 36, 9, leaky, true), dense(9 + 36, 3, Activation::Relu, true)],
        vec![
            dense(36, 27, leaky, false),
            conv(same, Activation::Relu),
            dense(45 + 36, 11, Activation::Linear, true),
        ],
    ];
    for chain in chains {
        check(&random_network(36, &chain, &mut rng), &mut rng);
    }
}

/// Rows whose `sum|w| * 32767 + |b| + rounding` is as close to 2^31 as the rule allows.
fn extreme_layer(spec: LayerSpec, shift: u8, rng: &mut Rng) -> Layer {
    let (n_rows, n_cols) = (spec.n_rows(), spec.n_cols());
    let rounding = layer::rounding_term(shift) as i64;
    let budget = (1i64 << 31) - 1 - rounding;
    let mut layer =
        Layer { spec, weights: vec![0; n_rows * n_cols], bias: vec![], shift: vec![shift; n_rows] };
    for row in layer.weights.chunks_mut(n_cols) {
        let mut left = budget / 32767;
        for w in row.iter_mut() {
            let size = left.min(32767);
            left -= size;
            *w = if rng.below(2) == 0 { size as i16 } else { -size as i16 };
        }
        let sum: i64 = row.iter().map(|w| i64::from(w.unsigned_abs())).sum();
        let bias = budget - sum * 32767;
        layer.bias.push(if rng.below(2) == 0 { bias } else { -bias } as i32);
    }
    layer
}

#[test]
fn every_kernel_equals_the_reference_at_the_overflow_limit() {
    let mut rng = Rng(5);
    for shift in [0, 1, 15, 30] {
        for activation in ACTIVATIONS {
            for n in [1, 2, 3, 8] {
                let specs = [
                    dense(n, 9, activation, false),
                    dense(9 + n, 13, activation, true),
                    dense(13, 5, activation, false),
                ];
                let layers = specs.iter().map(|&spec| extreme_layer(spec, shift, &mut rng)).collect();
                check(&Network::new(n, layers).unwrap(), &mut rng);
            }
        }
    }
}

fn one_weight(weight: i16, bias: i32, shift: u8) -> Result<Network> {
    let spec = dense(3, 1, Activation::Linear, false);
    Network::new(
        3,
        vec![Layer { spec, weights: vec![weight, weight, 2], bias: vec![bias], shift: vec![shift] }],
    )
}

#[test]
fn sums_are_rounded_half_up_and_leak_downwards() {
    let network = |activation, bias| {
        let spec = dense(1, 1, activation, false);
        Network::new(1, vec![Layer { spec, weights: vec![1], bias: vec![bias], shift: vec![1] }]).unwrap()
    };
    for (x, y) in [(3, 2), (2, 1), (1, 1), (0, 0), (-1, 0), (-2, -1), (-3, -1), (-5, -2)] {
        assert_eq!(run_reference(&network(Activation::Linear, 0), &[x]), [y]);
        assert_eq!(run_reference(&network(Activation::Relu, 0), &[x]), [y.max(0)]);
        let leaky = network(Activation::LeakyRelu { shift: 4 }, 0);
        assert_eq!(run_reference(&leaky, &[x]), [if y < 0 { -1 } else { y }]);
    }
}

#[test]
fn networks_that_could_overflow_are_refused() {
    // The bias and the rounding term may take what the weights leave.
    let left = (1i64 << 31) - 1 - (2 * 32766 + 2) * 32767;
    assert!(one_weight(32766, left as i32, 0).is_ok());
    assert!(one_weight(-32766, -left as i32, 0).is_ok());
    let error = one_weight(32766, left as i32 + 1, 0).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert_eq!(
        error.to_string(),
        "layer 0, row 0: expected sums below 2^31, found up to 2147483648; the weights need a coarser scale"
    );
    assert!(one_weight(-32766, -left as i32 - 1, 0).is_err());
    assert!(one_weight(32766, left as i32, 1).is_err());
    assert!(one_weight(32766, left as i32 - 1, 1).is_ok());
    assert!(one_weight(i16::MIN, 1, 0).is_ok()); // 65538 * 32767 = 2^31 - 2
    assert!(one_weight(i16::MIN, 2, 0).is_err());
    assert!(one_weight(1, i32::MIN, 0).is_err());
    assert!(one_weight(0, 0, 30).is_ok());
    assert!(one_weight(0, 0, 31).is_err());
}

#[test]
fn layers_of_wrong_length_are_refused() {
    let good = random_layer(dense(3, 2, Activation::Linear, false), &mut Rng(6));
    assert!(Network::new(3, vec![good.clone()]).is_ok());
    assert!(Network::new(4, vec![good.clone()]).is_err());
    assert!(Network::new(3, vec![]).is_err());
    assert!(Network::new(3, vec![Layer { weights: vec![0; 5], ..good.clone() }]).is_err());
    assert!(Network::new(3, vec![Layer { bias: vec![0; 3], ..good.clone() }]).is_err());
    assert!(Network::new(3, vec![Layer { shift: vec![], ..good }]).is_err());
}

#[test]
fn convolutions_of_absurd_size_are_refused() {
    let good = shape([1, 1], [1, 4, 4], [1, 3, 3], [1, 1, 1], [0, 1, 1], false);
    let is_ok = |shape| check_chain(16, &[conv(shape, Activation::Linear)]).is_ok();
    assert!(is_ok(good));
    assert!(!is_ok(ConvShape { stride: [1, 0, 1], ..good }));
    assert!(!is_ok(ConvShape { extent_out: [1, 0, 4], ..good }));
    assert!(!is_ok(ConvShape { extent_in: [1 << 63, 2, 16], ..good }));
    assert!(!is_ok(ConvShape { extent_out: [1 << 20, 1 << 20, 1 << 24], ..good }));
    assert!(!is_ok(ConvShape { kernel: [usize::MAX, 1, 1], ..good }));
    assert!(!is_ok(ConvShape { pad: [0, usize::MAX, 0], ..good }));
}

#[test]
fn a_row_does_not_depend_on_the_rows_around_it() {
    let mut rng = Rng(7);
    let specs = [dense(10, 30, ACTIVATIONS[2], false), dense(30, 3, Activation::Linear, false)];
    let network = random_network(10, &specs, &mut rng);
    let input = random_rows(50 * 10, &mut rng);
    let mut whole = vec![0; 50 * 3];
    network.run(&input, 50, &mut whole).unwrap();
    let mut parts = vec![0; 50 * 3];
    for rows in [0..7, 7..8, 8..41, 41..50] {
        network
            .run(&input[rows.start * 10..rows.end * 10], rows.len(), &mut parts[rows.start * 3..rows.end * 3])
            .unwrap();
    }
    assert_eq!(whole, parts);
}
