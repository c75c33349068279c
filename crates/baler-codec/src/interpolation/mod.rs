//! Integers -> bytes and back by interpolation from coarse to fine: for what is so smooth that the bound hides how neighbors differ.
//!
//! In: numbers on a grid (C order), their shape, which are masked; those of a finer grid, if there is one. Out: a stream that
//! holds its model, and the numbers of the finer grid that it decodes to. It refuses numbers that lie too far apart for float32
//! arithmetic; other coders take those.
//!
//! A lattice has every second point of the next finer one along some axes; the points that it lacks make up bands, one for each set
//! of axes along which they lie between its points. Each point is predicted from points of the lattice and of bands before its own
//! on both sides, and what was read around it tells how far off that may be.
//!
//! - [`lattice`]: extents of lattices and bands, and where their points lie.
//! - [`band`]: values and errors of the points of a band, with continued edges.
//! - [`neighbors`]: what the points of a row are predicted from, and how well.
//! - [`model`]: what is stored. [`encode`]: [`targets`] -> bytes, with weights of a [`fit`].

pub mod band;
pub mod encode;
pub mod fit;
pub mod lattice;
pub mod model;
pub mod neighbors;
pub mod targets;
#[cfg(test)]
mod tests;

use crate::classical::lorenzo::four_axes;
use crate::lockstep::cells::{LANES, Lane};
use crate::lockstep::coder::{Codebook, Reader};
use crate::lockstep::walk::{Residuals, Step, limited, rounded};
use crate::quantize::widest;
use baler_data::bytes::{ByteReader, with_room};
use baler_data::error::{Error, Result};
use band::{Band, Bands};
use lattice::{Lattices, Set};
use model::{Model, Weights};
use neighbors::{Means, Neighbors};

/// Inverse of [`encode::encode`]: the numbers, and how many times finer than the grid they are; masked ones come back as their
/// predictions.
///
/// # Errors
/// [`baler_data::ErrorKind::Corrupt`] for damaged bytes, [`baler_data::ErrorKind::Limit`] without memory.
pub fn decode(bytes: &[u8], shape: &[usize], mask: Option<&[bool]>) -> Result<(Vec<i64>, i64)> {
    let mut r = ByteReader::new(bytes);
    let (model, lattices) = Model::read(four_axes(shape), &mut r)?;
    let stride = model.stride as f32;
    let top = lattices.n_levels - 1;
    let mut coarse = Band::new(lattices.band(top, Set::NONE))?;
    let (mut values, errors) = (vec![0.0; coarse.width()], vec![0.0; coarse.width()]);
    let (mut anchors, mut last) = (model.anchors.iter(), 0.0);
    for row in 0..coarse.n_rows() {
        let places = lattices.places(top, Set::NONE, coarse.at(row));
        for (x, place) in (0..coarse.width()).zip(places) {
            if !mask.is_some_and(|mask| mask[place]) {
                let missing = || Error::corrupt("expected a number for each point of the coarsest lattice");
                last = limited(last + *anchors.next().ok_or_else(missing)? as f32 * stride);
            }
            values[x] = last;
        }
        coarse.set_row(row, &values, &errors);
    }
    if anchors.next().is_some() {
        return Err(Error::corrupt("expected a number for each point of the coarsest lattice, found more"));
    }
    let codebook = Codebook::new(&model.kinds, model.stride);
    let mut reader = Reader::new(&codebook, &mut r)?;
    for level in (0..lattices.n_levels).rev() {
        let mut bands = Bands::of(coarse);
        let sets = lattices.sets(level);
        for &set in &sets {
            let (weights, stride) = (model.weights(&sets, (level, set)), model.stride as f32);
            let band = widest(
                #[inline(always)]
                || read_band(&lattices, (level, set), &bands, (&weights, stride), mask, &mut reader),
            )?;
            // What has no bytes left takes no memory for finer lattices.
            reader.check()?;
            bands.put(set, band);
        }
        coarse = bands.merged(&lattices, level)?;
    }
    reader.finish()?;
    Ok((numbers(&coarse, model.center)?, model.stride as i64))
}

/// The numbers of the finest lattice.
fn numbers(finest: &Band, center: i64) -> Result<Vec<i64>> {
    let mut numbers = with_room(finest.n_rows() * finest.width())?;
    for row in 0..finest.n_rows() {
        numbers.extend(finest.row(row).iter().map(|&value| center.wrapping_add(value as i64)));
    }
    Ok(numbers)
}

/// Reads the points of a band.
#[inline(always)]
fn read_band(
    lattices: &Lattices,
    (level, set): (usize, Set),
    bands: &Bands,
    (weights, stride): (&Weights, f32),
    mask: Option<&[bool]>,
    reader: &mut Reader,
) -> Result<Band> {
    let mut band = Band::new(lattices.band(level, set))?;
    for row in 0..band.n_rows() {
        let (mut values, mut errors) = (vec![0.0; band.width()], vec![0.0; band.width()]);
        let neighbors = Neighbors::of(bands, &band, set, band.at(row));
        let mut places = lattices.places(level, set, band.at(row));
        for x in (0..band.width()).step_by(LANES) {
            let n = LANES.min(band.width() - x);
            let active = actives(places.by_ref().take(n), mask);
            let means = neighbors.means(x);
            let near = Near::of(&means, weights);
            let scales = neighbors.scales(x, &means, weights, stride);
            let step = Step { idx: 0, cell: 0, active };
            let residuals = reader.of_step(step, &near.rounded, &near.fractions, &scales);
            let (of_step, off) = near.moved(&residuals, active, stride);
            values[x..x + n].copy_from_slice(&of_step[..n]);
            errors[x..x + n].copy_from_slice(&off[..n]);
        }
        band.set_row(row, &values, &errors);
    }
    Ok(band)
}

/// The lanes in which there is a number.
#[inline(always)]
fn actives(places: impl Iterator<Item = usize>, mask: Option<&[bool]>) -> u16 {
    let is_active = |place: usize| !mask.is_some_and(|mask| mask[place]);
    places.enumerate().fold(0, |active, (lane, place)| active | (is_active(place) as u16) << lane)
}

/// Predictions of a step.
struct Near {
    rounded: Lane,
    /// What rounding took off.
    fractions: Lane,
}

impl Near {
    #[inline(always)]
    fn of(means: &Means, weights: &Weights) -> Near {
        let predicted = means.predicted(weights);
        let (mut near, mut fractions) = ([0.0; LANES], [0.0; LANES]);
        for i in 0..LANES {
            near[i] = rounded(predicted[i]);
            fractions[i] = predicted[i] - near[i];
        }
        Near { rounded: near, fractions }
    }

    /// Values that lie so many strides from predictions, and how far that is.
    #[inline(always)]
    fn moved(&self, residuals: &Lane, active: u16, stride: f32) -> (Lane, Lane) {
        let (mut values, mut errors) = ([0.0; LANES], [0.0; LANES]);
        for i in 0..LANES {
            let residual = if active >> i & 1 != 0 { residuals[i] } else { 0.0 };
            values[i] = limited(self.rounded[i] + residual * stride);
            errors[i] = residual.abs() * stride;
        }
        (values, errors)
    }
}

/// Bytes of the model at the start of a stream.
///
/// # Errors
/// [`baler_data::ErrorKind::Corrupt`] for damaged bytes.
pub fn model_bytes(bytes: &[u8], shape: &[usize]) -> Result<usize> {
    let mut r = ByteReader::new(bytes);
    Model::read(four_axes(shape), &mut r)?;
    Ok(r.position())
}
