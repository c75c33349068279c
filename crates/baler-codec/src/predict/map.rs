//! Which weights hold in which block: a class for each block of a few planes, rows and columns.

use std::ops::Range;

use crate::entropy::binary::BitCoder;
use crate::predict::grid::Layout;
use baler_data::bytes::with_room;
use baler_data::error::Result;

/// Planes of a block.
const PLANES: usize = 4;
/// Rows of a block.
pub const ROWS: usize = 8;
/// Columns of a block, in fields and in series.
const COLUMNS: usize = 16;
const SERIES_COLUMNS: usize = 1024;
/// Bits of a class.
const CLASS_BITS: u32 = 3;

/// A class a block.
#[derive(Debug, Clone, PartialEq)]
pub struct Map {
    /// Columns of a block.
    pub columns: usize,
    n_across: usize,
    n_down: usize,
    /// C order.
    pub classes: Vec<u8>,
}

impl Map {
    /// All blocks in class 0; an error where memory does not hold them.
    pub fn new(layout: &Layout) -> Result<Map> {
        let [a, b, y, x] = layout.extents;
        let columns = if layout.series { SERIES_COLUMNS } else { COLUMNS };
        let (n_across, n_down) = (x.div_ceil(columns), y.div_ceil(ROWS));
        let n_blocks = n_across * n_down * (a * b).div_ceil(PLANES);
        let mut classes = with_room(n_blocks)?;
        classes.resize(n_blocks, 0);
        Ok(Map { columns, n_across, n_down, classes })
    }

    /// The first block of a row.
    #[inline(always)]
    pub fn row(&self, plane_idx: usize, y: usize) -> usize {
        ((plane_idx / PLANES) * self.n_down + y / ROWS) * self.n_across
    }

    /// The blocks of some rows of blocks.
    pub fn part(&self, rows: Range<usize>) -> Map {
        let n_down = rows.len();
        let planes = self.classes.chunks(self.n_across * self.n_down);
        let part = |plane: &[u8]| plane[rows.start * self.n_across..rows.end * self.n_across].to_vec();
        Map {
            columns: self.columns,
            n_across: self.n_across,
            n_down,
            classes: planes.flat_map(part).collect(),
        }
    }

    /// Codes the classes, each given the one to the left and above: three adaptive bits.
    pub fn code<B: BitCoder>(&mut self, bits: &mut B) {
        let mut counters = [[32_768u32; 8]; 128];
        for block in 0..self.classes.len() {
            let left = if block > 0 { self.classes[block - 1] as usize } else { 0 };
            let above = if block >= self.n_across { self.classes[block - self.n_across] as usize } else { 0 };
            let same = (left == above) as usize;
            let counters = &mut counters[same * 64 + left * 8];
            let mut node = 1;
            for place in (0..CLASS_BITS).rev() {
                let p = &mut counters[node];
                let bit = bits.code((self.classes[block] >> place & 1) as u32, (*p).clamp(600, 64_900));
                *p = if bit != 0 { *p + ((65_535 - *p) >> 4) } else { *p - (*p >> 4) };
                node = node * 2 + bit as usize;
            }
            self.classes[block] = (node & 7) as u8;
        }
    }
}
