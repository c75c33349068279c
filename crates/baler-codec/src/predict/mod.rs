//! Integers -> bytes and back by learned prediction: the method `predictive`.
//!
//! In: numbers on a grid (C order), their shape, which are masked. Out: a stream that holds its model. It refuses fewer
//! than 64 numbers and shapes whose margins would outweigh them; the classical coder takes those.
//!
//! A map for those who will change it, in the order of one number's way:
//!
//! - [`order`]: in which order the axes are walked, by trial.
//! - [`grid`]: the array with margins, and which neighbors are looked at (up to 56, of seven planes; 48 in series).
//! - [`mod@walk`]: the one pass that all share. scale = weighted |errors| and gradients around; prediction = weighted
//!   neighbors; the weights go by a class, of the scale or of the block ([`map`]).
//! - [`reference`]: values of a reference field, another variable on the same grid, among what is weighted; [`relate`] estimates what that saves.
//! - [`cascade`]: three filters that learn from every number correct the prediction; chosen by trial.
//! - [`domain`]: floats by their order are predicted by value, and coded by order (lossless).
//! - [`residual`]: number minus prediction -> binary decisions, each mixed from five adaptive counters whose contexts
//!   are the scale, the prediction's fraction, errors around, and how far other predictions are.
//! - [`centred`]: the same on a grid many times finer than the bound's, each number whole strides from its prediction; by trial.
//! - [`rows`]: the fast tier instead of [`residual`]: static rows of probabilities, one symbol a number, in lanes.
//! - [`encode`]: which models are tried. [`model`]: what is stored. [`fit`]: how it is learned, in floats, by the encoder
//!   only. [`shared`]: a model that was trained before, for any number of streams.
//!
//! Filters, measured (bytes of CFD animation without loss, at 1e-3 / Isabel without loss, at 1e-3):
//!
//! - None 315 500, 31 540 / 3 744 600, 427 060. Weights for the whole plane 299 500, 29 600 / 3 710 200. Blended, not
//!   just added up, 298 900 / 3 701 300. Weights a tile 291 430, 25 730 / 3 656 800, 384 820.
//! - Estimated in floats, with weights for the whole plane: filters on values instead of errors make CFD 0.06 to 0.2
//!   bits a number larger than none; errors over their scales lose up to 0.3 bits; errors limited to 4 instead of 16
//!   times the scale lose 0.2 bits (CFD); values as more inputs gain nothing. Recursive least squares over all
//!   neighbors gain Isabel another 0.2 bits, CFD nothing, at 5000 products a number; over errors, little.
//! - Tiles of 64 for the first filter +0.04 to +0.7 %; its reach 2 +0.03 to +1.8 %; a blend a tile, more of the planes
//!   before, what filters add as a context, four counted fine bits: nothing. A fourth filter: under 0.1 % (estimated).
//! - With filters one class is often best, so that it is tried besides the best without.
//! - What is left over costs 3.04 bits above E log2 |error| (turbulence); with a known scale a Gaussian costs 2.96.
//!
//! Other variables on the same grid as context (weather, pressure and temperature; estimates but for the filters):
//!
//! - Errors of the other variable at and around the place (25, 9 and 9 of them) as further inputs of the filters, measured:
//!   temperature +0.13, +0.03, -0.06 % (1e-2, 1e-3, 1e-4), -0.01 % without loss, and -0.1 % at 1e-3 with 9 inputs of one filter;
//!   pressure +1.3 % at 1e-3, +5.1 % without loss. Their correlation is 0.3, but filters find most of it by themselves.
//! - Coded as one array, in any order of the axes, both take 29 to 40 % more at 1e-3 than apart: their steps have nothing in
//!   common.
//! - Values of the other as further taps ([`reference`]): pressure beside temperature without loss 290 852 -> 265 552 bytes
//!   (266 615 without those around in the plane, which are all there is for images). With a bound -0.6 to 0.6 %, temperature
//!   beside pressure 0.3 %: an estimate leaves that untried.
//! - Estimated only, without filters (mean log2 of pressure's errors): alone -4.44, reference -5.03; with products of the
//!   temperature and the pressure's change -5.33; weights of its own for each level: alone -4.86, reference -5.93.
//!
//! Mean of each pixel over the frames before (ptychography, estimated with adaptive tables): 0.34 % smaller, 0.40 % in the last
//! third of the frames. With the pixel's deviation as a further context +1.0 % over 60 frames, -0.85 % in the last 20. Stacks
//! of 3 to 5 frames have the same pixel of up to three frames before among their taps.
//!
//! Without filters (bytes of CFD animation at 1e-3 / Isabel at 1e-3 of the range):
//!
//! - One class 33 300 / 431 000; three classes by scale 32 000 / 427 200; eight by blocks 31 700 (chosen by trial).
//! - Least squares must weigh by 1 / scale^2, with a floor: without the floor constant places rule, and the heated
//!   cylinder takes 4.05 MB instead of 3.15 MB without loss.
//! - Left out one at a time, contexts are worth (geometric mean over nine streams): errors W and N 1.1 %, error and
//!   difference of the plane before 0.6 %, Lorenzo difference with fraction 0.7 %, difference of N 0.5 %. Rejected for
//!   under 0.03 %: scale alone, a second scale, weighing inputs by their count.
//! - Mixing rates twice as fast lose 0.4 %, twice as slow gain nothing; counters that slow down to 1/250 or 1/1000 are
//!   equal. Three passes of fitting lose 0.2 % against four, six gain nothing.
//! - Buckets half as wide, for fewer decisions: 0.1 % larger, no faster. A floor of 0.3 instead of 0.1: 0.2 % larger.
//!
//! Behind the predictions little is left (with filters; seven files, 1e-4 to without loss): weights of the mixer that also go by errors
//! W and N, by error W and the plane before, by the fraction: -0.06 to +0.4 %. A last table of probabilities by the mixed one
//! and its site: -0.05 to +0.1 %. Counters that start with a distribution of the right width instead of one half: -0.1 to +0.5 %.

pub mod cascade;
pub mod cell;
pub mod centred;
mod choose_order;
pub mod domain;
mod encode;
pub mod fit;
pub mod grid;
pub mod map;
pub mod model;
pub mod order;
pub mod plane;
pub mod predictor;
pub mod reference;
pub mod relate;
pub mod residual;
pub mod rows;
pub mod shared;
pub mod state;
pub mod tables;
pub mod walk;

#[cfg(test)]
mod tests;

use crate::classical::lorenzo::four_axes;
use crate::entropy::binary::BinaryDecoder;
use crate::report::trials::Candidate;
use baler_data::bytes::{ByteReader, with_room};
use baler_data::error::Result;
use cascade::Cascade;
use cell::Cell;
pub use centred::encode_centred;
pub use choose_order::encode;
use domain::Domain;
pub use encode::{Coded, Effort, encode_shared, encode_with_reference};
use grid::Layout;
use model::Model;
use order::Order;
use reference::Reference;
use shared::Shared;
use state::padded;
use walk::{Blind, walk};

/// Fewest numbers that are worth a model.
const MIN_VALUES: usize = 64;
/// Fraction bits of weights where sums have 64 bits.
const WIDE_SHIFT: u32 = 18;

/// Numbers to code: C order of `shape`, which are left out, and the mantissa's bits where they are orders of floats.
#[derive(Clone, Copy)]
pub struct Numbers<'a> {
    /// The numbers.
    pub q: &'a [i64],
    /// Their shape.
    pub shape: &'a [usize],
    /// True where a number need not come back.
    pub mask: Option<&'a [bool]>,
    /// 10, 23 or 52, if at all.
    pub mantissa_bits: Option<u32>,
}

impl Numbers<'_> {
    fn unmasked(&self) -> impl Iterator<Item = i64> {
        let kept = |&(i, _): &(usize, &i64)| !self.mask.is_some_and(|mask| mask[i]);
        self.q.iter().enumerate().filter(kept).map(|(_, &number)| number)
    }

    /// Median of a part.
    fn center(&self) -> i64 {
        let step = (self.q.len() / 4096).max(1);
        let kept = |&i: &usize| !self.mask.is_some_and(|mask| mask[i]);
        let mut part: Vec<i64> = (0..self.q.len()).step_by(step).filter(kept).map(|i| self.q[i]).collect();
        part.sort_unstable();
        part.get(part.len() / 2).copied().unwrap_or(0)
    }

    /// Domain and center, and the largest distance from it.
    fn place(&self) -> (Domain, i64, u64) {
        let domain = match self.mantissa_bits {
            Some(bits) => Domain::of_floats(self.unmasked(), bits),
            None => Domain::Integer,
        };
        let center = domain.value(self.center());
        let away = |number| domain.value(number).wrapping_sub(center).unsigned_abs();
        (domain, center, self.unmasked().map(away).max().unwrap_or(0))
    }

    /// The array with margins; `None` where there is too little to predict from.
    fn layout(&self) -> Option<Layout> {
        let layout = Layout::new(four_axes(self.shape));
        (self.q.len() >= MIN_VALUES && layout.is_compact()).then_some(layout)
    }
}

/// True if an array of this shape can be predicted.
pub fn is_for(shape: &[usize]) -> bool {
    let n_values = shape.iter().product::<usize>();
    n_values >= MIN_VALUES && Layout::new(four_axes(shape)).is_compact()
}

/// Bytes of the model at the start of a stream.
pub fn model_bytes(bytes: &[u8], shape: &[usize], has_reference: bool) -> Result<usize> {
    let mut reader = ByteReader::new(bytes);
    Model::read(four_axes(shape), None, has_reference, &mut reader)?;
    Ok(reader.position())
}

/// Which tier a stream is of.
pub fn tier(bytes: &[u8]) -> Result<Candidate> {
    model::tier(&mut ByteReader::new(bytes))
}

/// What a decoder knows besides the stream.
#[derive(Debug, Clone, Copy, Default)]
pub struct Known<'a> {
    /// The model of the archive, if it has one for these numbers.
    pub shared: Option<&'a Shared>,
    /// Values of the reference field: another variable on the same grid.
    pub reference: Option<&'a [f64]>,
}

/// Inverse of [`encode`], or with what is known of [`encode_shared`] or [`encode_with_reference`], and the stride of
/// [`encode_centred`] (else 1); masked numbers come back as a neighbor.
pub fn decode(bytes: &[u8], shape: &[usize], mask: Option<&[bool]>, known: Known) -> Result<(Vec<i64>, i64)> {
    let n_values = baler_data::dataset::n_elements(shape)?;
    if n_values == 0 {
        return Ok((Vec::new(), 1));
    }
    let extents = four_axes(shape);
    let mut reader = ByteReader::new(bytes);
    let (mut model, layout) = Model::read(extents, known.shared, known.reference.is_some(), &mut reader)?;
    let order = model.order;
    let mut q = with_room(n_values)?;
    q.resize(n_values, 0);
    let ordered_mask = mask.map(|mask| order.apply(mask, extents));
    let mask = ordered_mask.as_deref();
    if model.narrow {
        decode_as::<i32>(&mut reader, &mut q, (shape, &layout), mask, &mut model, known.reference)?;
    } else {
        decode_as::<i64>(&mut reader, &mut q, (shape, &layout), mask, &mut model, known.reference)?;
    }
    if order == Order::DATA {
        return Ok((q, model.stride));
    }
    let mut values = with_room(n_values)?;
    values.resize(n_values, 0);
    order.undo(&q, extents, &mut values);
    Ok((values, model.stride))
}

fn decode_as<T: Cell>(
    reader: &mut ByteReader,
    q: &mut [i64],
    (shape, layout): (&[usize], &Layout),
    mask: Option<&[bool]>,
    model: &mut Model,
    reference: Option<&[f64]>,
) -> Result<()> {
    if model.kinds.is_some() {
        if let Some(map) = &mut model.map {
            map.code(&mut BinaryDecoder::new(reader.block()?));
        }
        return rows::decode::<T>(reader, layout, model, mask, q);
    }
    let mut state = padded::<T>(layout)?;
    if let Some(filters) = model.filters {
        state.cascade = Some(Cascade::new(layout, filters)?);
    }
    if let (Some(values), Some(scale)) = (reference, model.reference) {
        state.reference = Some(Reference::new(values, shape, model.order, scale)?);
    }
    let mut bits = BinaryDecoder::new(reader.rest());
    if let Some(map) = &mut model.map {
        map.code(&mut bits);
    }
    walk::<_, _, _, true>(layout, model, mask, q, &mut state, &mut bits, &mut Blind);
    Ok(())
}
