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
//! - [`mod@reference`]: values of a reference field, another variable on the same grid, among what is weighted; [`relate`]
//!   estimates what that saves.
//! - [`cascade`]: three filters that learn from every number correct the prediction; chosen by trial.
//! - [`domain`]: floats by their order are predicted by value, and coded by order (lossless).
//! - [`residual`]: number minus prediction -> binary decisions, each mixed from five adaptive counters whose contexts
//!   are the scale, the prediction's fraction, errors around, and how far other predictions are.
//! - [`centred`]: the same on a grid many times finer than the bound's, each number whole strides from its prediction; by trial.
//! - [`rows`]: the fast tier instead of [`residual`]: static rows of probabilities, one symbol a number, in lanes.
//! - [`encode`]: which models are tried. [`model`]: what is stored. [`fit`]: how it is learned, in floats, by the encoder
//!   only. [`shared`]: a model that was trained before, for any number of streams.
//!
//! docs/ablations.md tells what was tried and lost.

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
    /// Those that must come back.
    pub fn unmasked(&self) -> impl Iterator<Item = i64> {
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
            let mut bits = BinaryDecoder::new(reader.block()?);
            map.code(&mut bits);
            bits.check()?;
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
    bits.check()?;
    walk::<_, _, _, true>(layout, model, mask, q, &mut state, &mut bits, &mut Blind);
    bits.check()
}
