//! Values and errors of the points of a band, row by row, with edges that go on as straight lines.

use crate::interpolation::lattice::{Lattices, N_AXES, Set};
use crate::lockstep::cells::LANES;
use baler_data::bytes::with_room;
use baler_data::error::Result;
use std::borrow::Cow;

/// Cells before a row, and behind it.
pub const LEFT: usize = 1;
const RIGHT: usize = 2;
/// Cells behind all rows, so that a step can be loaded from any of their points on.
const BEHIND: usize = 2 * LANES;

/// Points of a band, or of a lattice.
pub struct Band {
    extents: [usize; N_AXES],
    values: Vec<f32>,
    /// Magnitudes of errors; 0 beside rows.
    errors: Vec<f32>,
}

impl Band {
    /// Of zeros.
    pub fn new(extents: [usize; N_AXES]) -> Result<Band> {
        let [a, b, y, x] = extents;
        let n_cells = a * b * y * (LEFT + x + RIGHT) + BEHIND;
        let zeros = || -> Result<Vec<f32>> {
            let mut zeros = with_room(n_cells)?;
            zeros.resize(n_cells, 0.0);
            Ok(zeros)
        };
        Ok(Band { extents, values: zeros()?, errors: zeros()? })
    }

    /// Points of a row.
    pub fn width(&self) -> usize {
        self.extents[3]
    }

    /// How many rows there are.
    pub fn n_rows(&self) -> usize {
        self.extents[..3].iter().product()
    }

    /// The place of a row along the first three axes.
    pub fn at(&self, row: usize) -> [usize; 3] {
        let [_, b, y, _] = self.extents;
        [row / (b * y), row / y % b, row % y]
    }

    fn pitch(&self) -> usize {
        LEFT + self.extents[3] + RIGHT
    }

    /// The first cell of a row, or `None` outside the band.
    fn start(&self, at: [isize; 3]) -> Option<usize> {
        let mut row = 0;
        for (idx, &extent) in at.into_iter().zip(&self.extents) {
            let idx = usize::try_from(idx).ok().filter(|&idx| idx < extent)?;
            row = row * extent + idx;
        }
        Some(row * self.pitch())
    }

    /// Values of the points of a row.
    pub fn row(&self, row: usize) -> &[f32] {
        &self.values[row * self.pitch() + LEFT..][..self.extents[3]]
    }

    /// Errors of the points of a row.
    fn row_errors(&self, row: usize) -> &[f32] {
        &self.errors[row * self.pitch() + LEFT..][..self.extents[3]]
    }

    /// Gives a row its values and errors.
    pub fn set_row(&mut self, row: usize, values: &[f32], errors: &[f32]) {
        let (start, width) = (row * self.pitch() + LEFT, self.extents[3]);
        self.errors[start..start + width].copy_from_slice(errors);
        let cells = &mut self.values[start - LEFT..start + width + RIGHT];
        cells[LEFT..LEFT + width].copy_from_slice(values);
        // Beyond its ends a row goes on as a straight line.
        let (first, last) = (LEFT, LEFT + width - 1);
        let (second, before) = if width > 1 { (first + 1, last - 1) } else { (first, last) };
        cells[first - 1] = continued(cells[first], cells[second], 1.0);
        cells[last + 1] = continued(cells[last], cells[before], 1.0);
        cells[last + 2] = continued(cells[last], cells[before], 2.0);
    }

    /// The cells of a row and those behind it, which outside the band go on as a straight line through the two nearest rows.
    pub fn values_from(&self, at: [isize; 3]) -> Cow<'_, [f32]> {
        if let Some(start) = self.start(at) {
            return Cow::Borrowed(&self.values[start..start + self.pitch() + BEHIND]);
        }
        let is_outside = |axis: &usize| !(0..self.extents[*axis] as isize).contains(&at[*axis]);
        let axis = (0..3).find(is_outside).expect("an axis along which the row is outside");
        let last = self.extents[axis] as isize - 1;
        let (nearest, other) = if at[axis] < 0 { (0, 1.min(last)) } else { (last, (last - 1).max(0)) };
        let row = |idx: isize| {
            let mut inside = at;
            inside[axis] = idx;
            self.values_from(inside)
        };
        let distance = (at[axis] - nearest).unsigned_abs() as f32;
        let (nearest, other) = (row(nearest), row(other));
        let pairs = nearest.iter().zip(other.iter());
        Cow::Owned(pairs.map(|(&near, &other)| continued(near, other, distance)).collect())
    }

    /// The errors of the cells of a row and of those behind it; `None` outside the band.
    pub fn errors_from(&self, at: [isize; 3]) -> Option<&[f32]> {
        self.start(at).map(|start| &self.errors[start..])
    }
}

/// The line through two neighbors, so far beyond the first.
#[inline(always)]
fn continued(near: f32, other: f32, distance: f32) -> f32 {
    near + distance * (near - other)
}

/// The bands between two lattices, as far as they are known.
pub struct Bands {
    bands: [Option<Band>; 1 << N_AXES],
}

impl Bands {
    /// The coarser lattice alone.
    pub fn of(coarse: Band) -> Bands {
        let mut bands = Bands { bands: [const { None }; 1 << N_AXES] };
        bands.put(Set::NONE, coarse);
        bands
    }

    /// Makes a band known.
    pub fn put(&mut self, set: Set, band: Band) {
        self.bands[set.0 as usize] = Some(band);
    }

    /// A band, if it is known.
    pub fn get(&self, set: Set) -> Option<&Band> {
        self.bands[set.0 as usize].as_ref()
    }

    /// The lattice of a level, of all bands above it.
    pub fn merged(self, lattices: &Lattices, level: usize) -> Result<Band> {
        let refined = lattices.refined;
        let mut fine = Band::new(lattices.lattice(level))?;
        let (mut values, mut errors) = (vec![0.0; fine.width()], vec![0.0; fine.width()]);
        for row in 0..fine.n_rows() {
            let at = fine.at(row);
            let is_odd = |axis: &usize| refined.has(*axis) && at[*axis] % 2 == 1;
            let odd_rows = (0..3).filter(is_odd).fold(0, |set, axis| set | 1 << axis);
            let of_band = |axis: usize| if refined.has(axis) { at[axis] / 2 } else { at[axis] };
            let of_band: [isize; 3] = std::array::from_fn(|axis| of_band(axis) as isize);
            let step = 1 + refined.has(3) as usize;
            for odd in 0..step {
                let set = Set(odd_rows | (odd as u8) << 3);
                let Some(band) = self.get(set) else { continue };
                let row = band.start(of_band).expect("a row of the band") / band.pitch();
                let places = values.iter_mut().zip(&mut errors).skip(odd).step_by(step);
                let points = band.row(row).iter().zip(band.row_errors(row));
                places.zip(points).for_each(|((value, error), of)| (*value, *error) = (*of.0, *of.1));
            }
            fine.set_row(row, &values, &errors);
        }
        Ok(fine)
    }
}
