//! What is to be coded. The encoder only.

use crate::interpolation::band::{Band, Bands};
use crate::interpolation::lattice::{Lattices, Set};
use crate::interpolation::neighbors::Neighbors;

/// Numbers to code, less the center.
pub struct Targets<'a> {
    /// C order.
    pub values: Vec<f32>,
    /// True where there is none.
    pub mask: Option<&'a [bool]>,
    /// Numbers of a stride.
    pub stride: f32,
}

impl Targets<'_> {
    /// True if there is a number at a place.
    pub fn has(&self, place: usize) -> bool {
        !self.mask.is_some_and(|mask| mask[place])
    }
}

/// The targets in a band, and what a decoder knows before it.
pub struct InBand<'a> {
    /// Of the whole array.
    pub targets: &'a Targets<'a>,
    /// Of the whole array.
    pub lattices: &'a Lattices,
    /// The band's level.
    pub level: usize,
    /// The band's axes.
    pub set: Set,
    /// The bands before it.
    pub bands: &'a Bands,
}

impl InBand<'_> {
    /// What stands around the points of a row of the band, of which the rows before are known.
    #[inline(always)]
    pub fn neighbors<'b>(&'b self, band: &'b Band, row: usize) -> Neighbors<'b> {
        Neighbors::of(self.bands, band, self.set, band.at(row))
    }

    /// Where in the data the points of a row are.
    #[inline(always)]
    pub fn places(&self, band: &Band, row: usize) -> impl Iterator<Item = usize> + use<> {
        self.lattices.places(self.level, self.set, band.at(row))
    }
}
