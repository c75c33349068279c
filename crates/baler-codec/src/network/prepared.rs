//! The fast path: a network repacked for one instruction set, and the loop over rows, layers and tiles.
//!
//! In: a checked [`Network`]. Out: its result for any number of rows, with no allocation once the workspace
//! has grown. 32 rows (16 where registers are narrow, or few rows are left) go through all layers before the
//! next 32 start, so their activations stay in the first-level cache while the weights stream by. Weights are
//! stored tile after tile in the order in which they are read.

use super::Network;
use super::architecture::{Activation, ConvShape, LayerKind};
use super::lanes::{LANES, Line, Map, Pair, Sums};
use super::layer::{Layer, rounding_term};
use super::simd::{Available, Call, Reads, SimdLevel, Tap, Tile, Writes, simd_level};
use baler_data::error::Result;

/// A network ready to run, unchanged by running: threads share one, each with its own [`Workspace`].
#[derive(Debug, Clone)]
pub struct Prepared {
    simd: Available,
    n_in: usize,
    n_out: usize,
    input_map: Map,
    layers: Vec<PackedLayer>,
    /// Lines per block of the widest activation.
    n_lines: usize,
    /// Outputs, with the missing halves of pairs.
    n_sums: usize,
}

#[derive(Debug, Clone)]
struct PackedLayer {
    conv: Option<PackedConv>,
    /// Reads the network's input after the previous output.
    skip: bool,
    input_map: Map,
    output_map: Map,
    /// (first pair of outputs in lines of the output map (dense) or pairs of channels (convolution), O)
    tiles: Vec<(usize, usize)>,
    /// The [`Tile::stream`]s of all tiles.
    stream: Vec<i32>,
    floor: i32,
}

/// Which input positions each output position of a convolution reads, axis by axis.
#[derive(Debug, Clone)]
struct PackedConv {
    extent_in: [usize; 3],
    extent_out: [usize; 3],
    kernel: [usize; 3],
    n_taps: usize,
    /// For each axis and output index: (tap index, input index), where there is one.
    axes: [Vec<Vec<(usize, usize)>>; 3],
}

/// Buffers of one thread; grows to what the largest network needs and is then reused.
#[derive(Debug, Clone, Default)]
pub struct Workspace {
    input: Vec<Line>,
    front: Vec<Line>,
    back: Vec<Line>,
    sums: Vec<Sums>,
    taps: Vec<Tap>,
}

impl Prepared {
    /// Repacks the weights for the fastest kernels of this machine, or those that `BALER_SIMD` names.
    ///
    /// # Errors
    /// As [`simd_level`].
    pub fn new(network: &Network) -> Result<Prepared> {
        Self::with_level(network, simd_level()?)
    }

    /// Repacks the weights for the kernels of one level.
    ///
    /// # Errors
    /// [`baler_data::error::ErrorKind::Config`] if this machine lacks the level.
    pub fn with_level(network: &Network, level: SimdLevel) -> Result<Prepared> {
        let simd = Available::new(level)?;
        let layers = network.layers();
        let first_map = demanded_map(&layers[0]);
        let mut input_map = first_map;
        let mut packed = Vec::with_capacity(layers.len());
        let mut n_lines = 0;
        for (idx, layer) in layers.iter().enumerate() {
            let output_map = match layer.spec.kind {
                LayerKind::Conv(c) => {
                    Map { channels: c.channels_out, positions: c.extent_out.iter().product() }
                }
                LayerKind::Dense { n_out, .. } => layers.get(idx + 1).map_or(Map::flat(n_out), |next| {
                    if next.spec.skip { Map::flat(n_out) } else { demanded_map(next) }
                }),
            };
            let skip_lines = if layer.spec.skip { first_map.n_lines() } else { 0 };
            n_lines = n_lines
                .max(input_map.n_lines().max(demanded_map(layer).n_lines()) + skip_lines)
                .max(output_map.n_lines());
            packed.push(PackedLayer::new(layer, input_map, first_map, output_map, level.tile_outputs()));
            input_map = output_map;
        }
        Ok(Prepared {
            simd,
            n_in: network.n_in(),
            n_out: network.n_out(),
            input_map: first_map,
            layers: packed,
            n_lines,
            n_sums: 2 * input_map.n_lines(),
        })
    }

    /// The kernels it was packed for.
    pub fn level(&self) -> SimdLevel {
        self.simd.level()
    }

    /// Values per row read.
    pub fn n_in(&self) -> usize {
        self.n_in
    }

    /// Values per row written.
    pub fn n_out(&self) -> usize {
        self.n_out
    }

    /// `input` is (n_rows, n_in), `output` (n_rows, n_out), both row-major. Inputs lie in
    /// -32767..=32767; with -32768 sums may wrap, the same on every machine. A row's result does
    /// not depend on the rows around it.
    ///
    /// # Panics
    /// If a slice does not have the stated length.
    pub fn run(&self, workspace: &mut Workspace, input: &[i16], n_rows: usize, output: &mut [i32]) {
        assert_eq!(input.len(), n_rows * self.n_in, "input must hold n_rows x n_in values");
        assert_eq!(output.len(), n_rows * self.n_out, "output must hold n_rows x n_out values");
        let max_rows = self.simd.level().max_blocks() * LANES;
        for (rows_in, rows_out) in
            input.chunks(max_rows * self.n_in).zip(output.chunks_mut(max_rows * self.n_out))
        {
            if rows_out.len() > LANES * self.n_out {
                self.run_rows::<2>(workspace, rows_in, rows_out);
            } else {
                self.run_rows::<1>(workspace, rows_in, rows_out);
            }
        }
    }

    /// At most 16 L rows, row-major.
    fn run_rows<const L: usize>(&self, workspace: &mut Workspace, input: &[i16], output: &mut [i32]) {
        workspace.reserve::<L>(self);
        self.simd.load_rows::<L>(self.input_map, input, &mut workspace.input);
        self.run_blocks::<L>(workspace);
        self.simd.store_rows::<L>(&workspace.sums, self.n_out, output);
    }

    /// Number of lines that [`Prepared::run_lanes`] reads.
    pub fn n_lines_in(&self) -> usize {
        self.input_map.n_lines()
    }

    /// The two input features of a line of [`Prepared::run_lanes`]; the second is missing (its half is not used)
    /// where the number is odd. Features 2 i and 2 i + 1 where the first layer is dense.
    pub fn line_features(&self, line_idx: usize) -> (usize, Option<usize>) {
        self.input_map.pair(line_idx)
    }

    /// Exactly 16 rows that the caller has laid out in lanes already, which spares small networks the
    /// transposition: `input` is (n_lines_in), `output` is (n_out).
    ///
    /// # Panics
    /// If a slice does not have the stated length.
    pub fn run_lanes(&self, workspace: &mut Workspace, input: &[Line], output: &mut [Sums]) {
        assert_eq!(output.len(), self.n_out, "output must hold n_out lines");
        workspace.reserve::<1>(self);
        workspace.input[..self.n_lines_in()].copy_from_slice(input);
        self.run_blocks::<1>(workspace);
        output.copy_from_slice(&workspace.sums[..self.n_out]);
    }

    /// All layers for L blocks of 16 rows, from the workspace's input to its sums.
    fn run_blocks<const L: usize>(&self, workspace: &mut Workspace) {
        let Workspace { input, front, back, sums, taps } = workspace;
        let input = &input[..self.n_lines_in() * L];
        front[..input.len()].copy_from_slice(input);
        let mut map = self.input_map;
        for (idx, layer) in self.layers.iter().enumerate() {
            if layer.input_map != map {
                map.relay::<L>(front, layer.input_map, back);
                std::mem::swap(front, back);
            }
            if layer.skip {
                front[layer.input_map.n_lines() * L..][..input.len()].copy_from_slice(input);
            }
            map = layer.output_map;
            let is_last = idx + 1 == self.layers.len();
            layer.each_tile(taps, |tile, reads, InputPlace { first_pair, position, stride }| {
                let first = first_pair * stride;
                let writes = if is_last {
                    Writes::Sums { sums: &mut sums[(2 * first + position) * L..], stride }
                } else {
                    Writes::Lines { lines: &mut back[(first + position) * L..], stride }
                };
                self.simd.tile::<L>(Call { tile, source: front, reads, writes });
            });
            std::mem::swap(front, back);
        }
    }
}

impl Workspace {
    fn reserve<const L: usize>(&mut self, prepared: &Prepared) {
        for (buffer, n_lines) in [
            (&mut self.input, prepared.n_lines_in()),
            (&mut self.front, prepared.n_lines),
            (&mut self.back, prepared.n_lines),
        ] {
            if buffer.len() < n_lines * L {
                buffer.resize(n_lines * L, Line::ZERO);
            }
        }
        if self.sums.len() < prepared.n_sums * L {
            self.sums.resize(prepared.n_sums * L, Sums::ZERO);
        }
    }
}

/// The map in which a layer wants its input (without the skip part).
fn demanded_map(layer: &Layer) -> Map {
    match layer.spec.kind {
        LayerKind::Conv(c) => Map { channels: c.channels_in, positions: c.extent_in.iter().product() },
        LayerKind::Dense { n_in, .. } => Map::flat(n_in),
    }
}

impl PackedLayer {
    /// `previous_map` is how the layer before wrote its output.
    fn new(
        layer: &Layer,
        previous_map: Map,
        network_map: Map,
        output_map: Map,
        tile_outputs: usize,
    ) -> PackedLayer {
        let spec = layer.spec;
        let (conv, input_map, rows, columns): (_, _, Vec<Pair>, Vec<Pair>) = match spec.kind {
            LayerKind::Dense { .. } => {
                // A column for each line read: the previous output, then the network's input.
                let n_previous = previous_map.channels * previous_map.positions;
                let shifted = |(first, second): Pair| (n_previous + first, second.map(|f| n_previous + f));
                let network_lines = network_map.pairs().map(shifted).filter(|_| spec.skip);
                (
                    None,
                    previous_map,
                    output_map.pairs().collect(),
                    previous_map.pairs().chain(network_lines).collect(),
                )
            }
            LayerKind::Conv(shape) => {
                // A column for each (pair of channels, tap).
                let n_taps = shape.kernel.iter().product();
                let channel_taps = Map { channels: shape.channels_in, positions: n_taps };
                let conv = PackedConv::new(&shape, n_taps);
                (
                    Some(conv),
                    demanded_map(layer),
                    Map::flat(shape.channels_out).pairs().collect(),
                    channel_taps.pairs().collect(),
                )
            }
        };
        let n_tiles = (2 * rows.len()).div_ceil(tile_outputs);
        let bounds = |tile_idx: usize| tile_idx * rows.len() / n_tiles;
        let mut stream = Vec::with_capacity(2 * rows.len() * (columns.len() + 3));
        let mut tiles = Vec::with_capacity(n_tiles);
        for tile_idx in 0..n_tiles {
            let (start, end) = (bounds(tile_idx), bounds(tile_idx + 1));
            pack_tile(layer, &rows[start..end], &columns, &mut stream);
            tiles.push((start, 2 * (end - start)));
        }
        let floor = if spec.activation == Activation::Relu { 0 } else { i32::MIN };
        PackedLayer { conv, skip: spec.skip, input_map, output_map, tiles, stream, floor }
    }

    /// The tiles with their first pairs.
    fn tiles(&self) -> impl Iterator<Item = (usize, Tile<'_>)> {
        let n_rows: usize = self.tiles.iter().map(|&(_, n_outputs)| n_outputs).sum();
        let row_length = self.stream.len() / n_rows;
        let mut rest = &self.stream[..];
        self.tiles.iter().map(move |&(first_pair, n_outputs)| {
            let (stream, after) = rest.split_at(n_outputs * row_length);
            rest = after;
            (first_pair, Tile { n_outputs, stream, floor: self.floor })
        })
    }

    /// Calls `run` for each tile at each output position.
    fn each_tile(&self, taps: &mut Vec<Tap>, mut run: impl FnMut(Tile, Reads, InputPlace)) {
        let Some(conv) = &self.conv else {
            return self.tiles().for_each(|(first_pair, tile)| {
                run(tile, Reads::All, InputPlace { first_pair, position: 0, stride: 1 });
            });
        };
        let stride = self.output_map.positions;
        let channel_pairs = self.input_map.channels.div_ceil(2);
        for position in 0..stride {
            conv.taps_at(position, channel_pairs, self.input_map.positions, taps);
            for (first_pair, tile) in self.tiles() {
                run(tile, Reads::Taps(taps), InputPlace { first_pair, position, stride });
            }
        }
    }
}

/// Where a tile's outputs go: pair p to line `(first_pair + p) * stride + position`, channel c of them to sums
/// `c * stride + position`.
struct InputPlace {
    first_pair: usize,
    position: usize,
    stride: usize,
}

/// Appends a [`Tile::stream`]: some pairs of rows, all pairs of columns; a missing one has weight and bias 0.
fn pack_tile(layer: &Layer, rows: &[Pair], columns: &[Pair], stream: &mut Vec<i32>) {
    let n_cols = layer.spec.n_cols();
    let rows: Vec<Option<usize>> = rows.iter().flat_map(|&(first, second)| [Some(first), second]).collect();
    let weight = |row: Option<usize>, col: Option<usize>| match (row, col) {
        (Some(row), Some(col)) => layer.weights[row * n_cols + col],
        _ => 0,
    };
    stream.extend(
        rows.iter().map(|row| row.map_or(0, |row| layer.bias[row] + rounding_term(layer.shift[row]))),
    );
    for &(first, second) in columns {
        stream.extend(rows.iter().map(|&row| {
            let (low, high) = (weight(row, Some(first)), weight(row, second));
            i32::from(high) << 16 | i32::from(low as u16)
        }));
    }
    let slope = match layer.spec.activation {
        Activation::LeakyRelu { shift } => i32::from(shift),
        Activation::Linear | Activation::Relu => 0,
    };
    let shifts = rows.iter().map(|row| row.map_or(0, |row| i32::from(layer.shift[row])));
    stream.extend(shifts.clone());
    stream.extend(shifts.map(|shift| (shift + slope).min(31)));
}

impl PackedConv {
    fn new(shape: &ConvShape, n_taps: usize) -> PackedConv {
        let reads = |axis: usize| {
            let read = |o| {
                (0..shape.kernel[axis]).filter_map(|k| Some((k, shape.read_index(axis, o, k)?))).collect()
            };
            (0..shape.extent_out[axis]).map(read).collect()
        };
        let axes = [reads(0), reads(1), reads(2)];
        PackedConv {
            extent_in: shape.extent_in,
            extent_out: shape.extent_out,
            kernel: shape.kernel,
            n_taps,
            axes,
        }
    }

    /// The products of one output position; those that read padding are left out.
    fn taps_at(&self, position: usize, channel_pairs: usize, positions_in: usize, taps: &mut Vec<Tap>) {
        let [_, height, width] = self.extent_out;
        let (d, h, w) = (position / (height * width), position / width % height, position % width);
        taps.clear();
        for pair in 0..channel_pairs {
            for &(tap_d, d) in &self.axes[0][d] {
                for &(tap_h, h) in &self.axes[1][h] {
                    let tap_row = pair * self.n_taps + (tap_d * self.kernel[1] + tap_h) * self.kernel[2];
                    let line_row = pair * positions_in + (d * self.extent_in[1] + h) * self.extent_in[2];
                    taps.extend(self.axes[2][w].iter().map(|&(tap_w, w)| Tap {
                        line_idx: (line_row + w) as u32,
                        weight_idx: (tap_row + tap_w) as u32,
                    }));
                }
            }
        }
    }
}
