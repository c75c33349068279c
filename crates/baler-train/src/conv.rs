//! Convolutions over one shard: forward, gradient of the input, gradient of the weights. A convolution of either
//! kind is its gather table; its three directions are the same table sorted by output, by input and by tap.
//! Padding is left out of the chains rather than multiplied: a transposed convolution of stride 2 in three
//! dimensions has an eighth of its taps.

use super::chain::Stage;
use super::kernels::{Dot, Layout, PANEL, Product, Simd, Start, Step, dot, product};
use baler_codec::network::architecture::{ConvShape, LayerKind};

/// Lists of pairs, one list a key.
#[derive(Debug)]
struct Lists {
    /// List `key` is `pairs[starts[key]..starts[key + 1]]`.
    starts: Vec<usize>,
    pairs: Vec<(u32, u32)>,
}

impl Lists {
    /// Sorts (key, pair) by key; within a key the order stays.
    fn new(n_keys: usize, entries: impl Iterator<Item = (u32, (u32, u32))> + Clone) -> Self {
        let mut starts = vec![0usize; n_keys + 1];
        for (key, _) in entries.clone() {
            starts[key as usize + 1] += 1;
        }
        for key in 0..n_keys {
            starts[key + 1] += starts[key];
        }
        let mut next = starts.clone();
        let mut pairs = vec![(0, 0); starts[n_keys]];
        for (key, pair) in entries {
            pairs[next[key as usize]] = pair;
            next[key as usize] += 1;
        }
        Lists { starts, pairs }
    }

    fn of(&self, key: usize) -> &[(u32, u32)] {
        &self.pairs[self.starts[key]..self.starts[key + 1]]
    }
}

/// The gather table of a convolution in its three orders.
#[derive(Debug)]
pub(super) struct Connections {
    /// output position -> (tap, input position)
    by_output: Lists,
    /// input position -> (tap, output position)
    by_input: Lists,
    /// tap -> (output position, input position)
    by_tap: Lists,
    n_taps: usize,
    n_in: usize,
    n_out: usize,
}

impl Connections {
    pub(super) fn new(shape: &ConvShape) -> Self {
        let n_taps: usize = shape.kernel.iter().product();
        let n_in: usize = shape.extent_in.iter().product();
        let n_out: usize = shape.extent_out.iter().product();
        let table = shape.gather_table();
        let all =
            table.iter().enumerate().filter(|(_, input)| **input != u32::MAX).map(move |(at, &input)| {
                let (output, tap) = ((at / n_taps) as u32, (at % n_taps) as u32);
                (output, tap, input)
            });
        Connections {
            by_output: Lists::new(n_out, all.clone().map(|(output, tap, input)| (output, (tap, input)))),
            by_input: Lists::new(n_in, all.clone().map(|(output, tap, input)| (input, (tap, output)))),
            by_tap: Lists::new(n_taps, all.map(|(output, tap, input)| (tap, (output, input)))),
            n_taps,
            n_in,
            n_out,
        }
    }
}

fn shape_of(stage: &Stage) -> (&Connections, ConvShape) {
    match (&stage.connections, stage.spec.kind) {
        (Some(connections), LayerKind::Conv(shape)) => (connections, shape),
        _ => unreachable!("called for convolutions only"),
    }
}

/// One panel: reads `tape[..]` before the layer's output, writes its output. `weights` are the layer's.
pub(super) fn forward(simd: Simd, stage: &Stage, weights: &[f32], steps: &mut Vec<Step>, tape: &mut [f32]) {
    let (connections, shape) = shape_of(stage);
    let (before, output) = tape.split_at_mut(stage.output * PANEL);
    for position in 0..connections.n_out {
        steps.clear();
        for channel in 0..shape.channels_in {
            let (first_col, first_input) = (channel * connections.n_taps, channel * connections.n_in);
            steps.extend(connections.by_output.of(position).iter().map(|&(tap, input)| Step {
                a: stage.offset(0, first_col + tap as usize) as u32,
                b: ((first_input + input as usize) * PANEL) as u32,
            }));
        }
        let call = Product {
            a: weights,
            layout: Layout::Rows,
            b: &before[stage.input * PANEL..],
            steps,
            n_rows: shape.channels_out,
            n_vectors: 2,
            c_row: connections.n_out * PANEL,
            start: Start::Bias(stage.offset(0, stage.n_cols)),
            slope: stage.slope,
        };
        product(simd, &call, &mut output[position * PANEL..]);
    }
}

/// The weights as (channels_in, taps x channels_out) in panels of 32 columns: what [`backward_input`] walks.
pub(super) fn turn_weights(stage: &Stage, weights: &[f32]) -> Vec<f32> {
    let (connections, shape) = shape_of(stage);
    let n_cols = connections.n_taps * shape.channels_out;
    let mut turned = vec![0.0; n_cols.div_ceil(PANEL) * shape.channels_in * PANEL];
    for channel in 0..shape.channels_in {
        for tap in 0..connections.n_taps {
            for out in 0..shape.channels_out {
                let col = tap * shape.channels_out + out;
                turned[(col / PANEL * shape.channels_in + channel) * PANEL + col % PANEL] =
                    weights[stage.offset(out, channel * connections.n_taps + tap)];
            }
        }
    }
    turned
}

/// One panel of gradients: sets those of the layer's input, or adds to them, as `start` says.
pub(super) fn backward_input(
    simd: Simd,
    stage: &Stage,
    turned: &[f32],
    start: Start,
    steps: &mut Vec<Step>,
    gradients: &mut [f32],
) {
    let (connections, shape) = shape_of(stage);
    let (before, output) = gradients.split_at_mut(stage.output * PANEL);
    for position in 0..connections.n_in {
        steps.clear();
        for &(tap, at) in connections.by_input.of(position) {
            steps.extend((0..shape.channels_out).map(|out| {
                let col = tap as usize * shape.channels_out + out;
                Step {
                    a: (col / PANEL * shape.channels_in * PANEL + col % PANEL) as u32,
                    b: ((out * connections.n_out + at as usize) * PANEL) as u32,
                }
            }));
        }
        let call = Product {
            a: turned,
            layout: Layout::Rows,
            b: output,
            steps,
            n_rows: shape.channels_in,
            n_vectors: 2,
            c_row: connections.n_in * PANEL,
            start,
            slope: 1.0,
        };
        product(simd, &call, &mut before[(stage.input + position) * PANEL..]);
    }
}

/// The whole shard: the gradient of the weights and the bias, into `to` (the layer's part of the gradient).
/// `panel_floats` is the length of a panel of the tape.
pub(super) fn backward_weights(
    simd: Simd,
    stage: &Stage,
    panel_floats: usize,
    n_panels: usize,
    (tape, gradients): (&[f32], &[f32]),
    to: &mut [f32],
) {
    let (connections, shape) = shape_of(stage);
    let outputs = &gradients[stage.output * PANEL..];
    let inputs = &tape[stage.input * PANEL..];
    let (n_a, n_b) = (shape.channels_out, shape.channels_in);
    let (a_row, b_row) = (connections.n_out * PANEL, connections.n_in * PANEL);
    let mut found = vec![0.0; n_a * n_b];
    let mut steps = Vec::new();
    for tap in 0..connections.n_taps {
        steps.clear();
        for first in (0..n_panels).map(|panel| panel * panel_floats) {
            steps.extend(connections.by_tap.of(tap).iter().map(|&(output, input)| Step {
                a: (first + output as usize * PANEL) as u32,
                b: (first + input as usize * PANEL) as u32,
            }));
        }
        dot(simd, &Dot { a: outputs, n_a, a_row, b: inputs, n_b, b_row, steps: &steps }, &mut found);
        for (at, &value) in found.iter().enumerate() {
            to[stage.offset(at / n_b, at % n_b * connections.n_taps + tap)] = value;
        }
    }
    steps.clear();
    for first in (0..n_panels).map(|panel| panel * panel_floats) {
        steps.extend((0..connections.n_out).map(|output| Step { a: (first + output * PANEL) as u32, b: 0 }));
    }
    let ones = [1.0; PANEL];
    let found = &mut found[..n_a];
    dot(simd, &Dot { a: outputs, n_a, a_row, b: &ones, n_b: 1, b_row: 0, steps: &steps }, found);
    for (row, &value) in found.iter().enumerate() {
        to[stage.offset(row, stage.n_cols)] = value;
    }
}
