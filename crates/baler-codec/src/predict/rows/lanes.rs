//! The rows of all planes, cut into parts that are coded on their own and at the same time.
//!
//! A cut costs the first rows of a part their neighbors above: on hurricane Isabel (125 rows) two lanes take 1.3 % more
//! bytes than one, four 3.8 %.

use std::ops::Range;

use crate::predict::grid::Layout;
use crate::predict::map::ROWS;
use crate::predict::rows::walk::Rows;
use baler_data::error::{Error, Result};

/// Fewest numbers that the encoder gives a lane.
const LANE_VALUES: usize = 1 << 19;
/// Most lanes that the encoder makes.
const MAX_LANES: usize = 8;

/// How an array is cut.
pub struct Lanes {
    layout: Layout,
    n_lanes: usize,
}

/// One of the parts.
pub struct LanePart {
    /// Of the part.
    pub layout: Layout,
    /// Its rows of blocks.
    pub block_rows: Range<usize>,
    /// True where a number is left out.
    pub mask: Option<Vec<bool>>,
    whole: Layout,
    rows: Range<usize>,
}

impl Lanes {
    /// As many as the encoder makes: a power of two, by size.
    pub fn for_encoder(layout: &Layout) -> Lanes {
        let n_values: usize = layout.extents.iter().product();
        let most = layout.extents[2].div_ceil(ROWS).min(MAX_LANES).min(n_values / LANE_VALUES);
        let n_lanes = if layout.series || most == 0 { 1 } else { 1 << most.ilog2() };
        Lanes { layout: *layout, n_lanes }
    }

    /// A number of lanes that was read.
    pub fn new(layout: &Layout, n_lanes: usize) -> Result<Lanes> {
        let most = layout.extents[2].div_ceil(ROWS);
        if n_lanes == 0 || n_lanes > most || (layout.series && n_lanes > 1) {
            return Err(Error::corrupt(format!("expected 1 to {most} lanes, found {n_lanes}")));
        }
        Ok(Lanes { layout: *layout, n_lanes })
    }

    /// Number of lanes.
    pub fn count(&self) -> usize {
        self.n_lanes
    }

    /// The parts: whole rows of blocks, as even as can be.
    pub fn cut(&self, mask: Option<&[bool]>) -> Vec<LanePart> {
        let n_rows = self.layout.extents[2];
        let n_blocks = n_rows.div_ceil(ROWS);
        let part = |lane: usize| {
            let block_rows = lane * n_blocks / self.n_lanes..(lane + 1) * n_blocks / self.n_lanes;
            let rows = block_rows.start * ROWS..(block_rows.end * ROWS).min(n_rows);
            let layout = self.layout.with_rows(rows.len());
            let mut part = LanePart { layout, block_rows, mask: None, whole: self.layout, rows };
            part.mask = mask.map(|mask| part.take(mask));
            part
        };
        (0..self.n_lanes).map(part).collect()
    }
}

impl LanePart {
    /// Numbers of the part.
    pub fn n_values(&self) -> usize {
        self.layout.extents.iter().product()
    }

    /// Where its rows of each plane lie in the whole.
    fn places(&self) -> impl Iterator<Item = Range<usize>> + use<> {
        let [a, b, n_rows, n_columns] = self.whole.extents;
        let rows = self.rows.clone();
        (0..a * b).map(move |plane| {
            (plane * n_rows + rows.start) * n_columns..(plane * n_rows + rows.end) * n_columns
        })
    }

    /// Its part of `all`.
    fn take<V: Copy>(&self, all: &[V]) -> Vec<V> {
        let mut taken = Vec::with_capacity(self.n_values());
        self.places().for_each(|place| taken.extend_from_slice(&all[place]));
        taken
    }

    /// Its numbers, of all.
    pub fn known<'a>(&self, all: &'a [i64]) -> Known<'a> {
        let [.., n_rows, n_columns] = self.whole.extents;
        Known { all, first_row: self.rows.start, n_rows, row: vec![0; n_columns] }
    }
}

/// Numbers that are known; a row is copied before it is walked over.
pub struct Known<'a> {
    all: &'a [i64],
    first_row: usize,
    n_rows: usize,
    row: Vec<i64>,
}

impl<'a> Known<'a> {
    /// All numbers of a layout.
    pub fn whole(layout: &Layout, all: &'a [i64]) -> Known<'a> {
        let [.., n_rows, n_columns] = layout.extents;
        Known { all, first_row: 0, n_rows, row: vec![0; n_columns] }
    }
}

impl Rows for Known<'_> {
    fn row(&mut self, plane_idx: usize, y: usize) -> &mut [i64] {
        let n_columns = self.row.len();
        let first = (plane_idx * self.n_rows + self.first_row + y) * n_columns;
        self.row.copy_from_slice(&self.all[first..first + n_columns]);
        &mut self.row
    }
}

/// Room for the numbers of a part: its rows of each plane.
pub struct Wanted<'a> {
    planes: Vec<&'a mut [i64]>,
    n_columns: usize,
}

impl<'a> Wanted<'a> {
    /// Cuts `all` as `parts` are.
    pub fn cut(parts: &[LanePart], all: &'a mut [i64]) -> Vec<Wanted<'a>> {
        let whole = |part: &LanePart| Wanted { planes: Vec::new(), n_columns: part.whole.extents[3] };
        let mut wanted: Vec<Wanted> = parts.iter().map(whole).collect();
        let mut rest = all;
        while !rest.is_empty() {
            for (part, wanted) in parts.iter().zip(&mut wanted) {
                let (plane, others) = rest.split_at_mut(part.rows.len() * wanted.n_columns);
                wanted.planes.push(plane);
                rest = others;
            }
        }
        wanted
    }
}

impl Rows for Wanted<'_> {
    fn row(&mut self, plane_idx: usize, y: usize) -> &mut [i64] {
        &mut self.planes[plane_idx][y * self.n_columns..][..self.n_columns]
    }
}
