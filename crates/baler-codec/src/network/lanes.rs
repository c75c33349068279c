//! Activations with the batch in the SIMD lanes: 16 rows side by side, features in pairs.
//!
//! A [`Line`] holds two features of 16 rows, interleaved, because the multiply instructions add neighbouring
//! products: `line[2 * lane + half]`. A [`Map`] says which two. Convolutions need pairs of channels at the same
//! position, dense layers take any pairing, so the map of an activation is chosen by the layer that reads it
//! and no transposition happens between layers.

/// Rows per line.
pub const LANES: usize = 16;

/// Two features of 16 rows: `[2 * lane + half]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C, align(64))]
pub struct Line(pub [i16; 2 * LANES]);

/// One output of 16 rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C, align(64))]
pub struct Sums(pub [i32; LANES]);

impl Line {
    /// All zero.
    pub const ZERO: Line = Line([0; 2 * LANES]);
}

impl Sums {
    /// All zero.
    pub const ZERO: Sums = Sums([0; LANES]);
}

/// Two features of one line; the second is missing where the number of channels is odd, and reads 0.
pub(super) type Pair = (usize, Option<usize>);

/// Which features a sequence of lines holds: line `cp * positions + pos` has channels 2 cp and 2 cp + 1 at
/// position pos; feature = channel * positions + pos.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Map {
    pub channels: usize,
    pub positions: usize,
}

impl Map {
    /// Neighbouring features in pairs: what a dense layer likes best.
    pub fn flat(n_features: usize) -> Map {
        Map { channels: n_features, positions: 1 }
    }

    pub fn n_lines(self) -> usize {
        self.channels.div_ceil(2) * self.positions
    }

    pub fn pair(self, line_idx: usize) -> Pair {
        let (channel, position) = (line_idx / self.positions * 2, line_idx % self.positions);
        let first = channel * self.positions + position;
        (first, (channel + 1 < self.channels).then_some(first + self.positions))
    }

    pub fn pairs(self) -> impl Iterator<Item = Pair> {
        (0..self.n_lines()).map(move |line_idx| self.pair(line_idx))
    }

    /// Line and half that hold a feature.
    fn place(self, feature: usize) -> (usize, usize) {
        let (channel, position) = (feature / self.positions, feature % self.positions);
        (channel / 2 * self.positions + position, channel % 2)
    }

    /// Rows to lines: `rows` is (n_rows <= 16 L, n_features) row-major, `lines` is (n_lines, L). Lanes without a
    /// row keep what they had; nothing reads them in the end.
    pub fn load<const L: usize>(self, rows: &[i16], lines: &mut [Line]) {
        let lines = lines.as_chunks_mut::<L>().0;
        for (row_idx, row) in rows.chunks_exact(self.channels * self.positions).enumerate() {
            let (block, lane) = (row_idx / LANES, row_idx % LANES);
            for (group, (first, second)) in lines.iter_mut().zip(self.pairs()) {
                group[block].0[2 * lane] = row[first];
                group[block].0[2 * lane + 1] = second.map_or(0, |f| row[f]);
            }
        }
    }

    /// The same features under another map, for a convolution that sees its input with other channels than
    /// the one before it wrote. Both are (n_lines, L).
    pub fn relay<const L: usize>(self, source: &[Line], target_map: Map, target: &mut [Line]) {
        let source = source.as_chunks::<L>().0;
        for (group, (first, second)) in target.as_chunks_mut::<L>().0.iter_mut().zip(target_map.pairs()) {
            for (half, feature) in [(0, Some(first)), (1, second)] {
                for (block, line) in group.iter_mut().enumerate() {
                    for lane in 0..LANES {
                        line.0[2 * lane + half] = feature.map_or(0, |feature| {
                            let (line_idx, half) = self.place(feature);
                            source[line_idx][block].0[2 * lane + half]
                        });
                    }
                }
            }
        }
    }
}

/// Sums to rows: `sums` is (n_features, L), `rows` is (n_rows <= 16 L, n_features) row-major.
pub(super) fn store<const L: usize>(sums: &[Sums], n_features: usize, rows: &mut [i32]) {
    let sums = &sums.as_chunks::<L>().0[..n_features];
    for (row_idx, row) in rows.chunks_exact_mut(n_features).enumerate() {
        let (block, lane) = (row_idx / LANES, row_idx % LANES);
        for (y, group) in row.iter_mut().zip(sums) {
            *y = group[block].0[lane];
        }
    }
}
