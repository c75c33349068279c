//! The model that stands in a stream: weights of the neighbors for the prediction and of the errors for the scale.

use crate::predict::domain::Domain;
use crate::predict::grid::Layout;
use crate::predict::map::Map;
use crate::predict::order::Order;
use crate::predict::reference::{self, Scale};
use crate::predict::rows::kinds::Kinds;
use crate::predict::shared::Shared;
use crate::report::trials::Candidate;
use baler_data::bytes::{ByteReader, ByteWriter};
use baler_data::error::{Error, Result};

/// Fraction bits of a weight on a scale feature.
pub const SCALE_SHIFT: u32 = 8;
/// Set in the first byte where sums fit 32 bits.
const NARROW: u8 = 0x80;
/// Set in the first byte where blocks have classes.
const MAPPED: u8 = 0x40;
/// Set in the first byte where numbers are coded by static rows.
const FAST: u8 = 0x20;
/// The domain of integers that are centred on their predictions.
const CENTRED: u8 = 1;
/// Largest stride.
pub const MAX_STRIDE: i64 = 255;
/// Coarsest unit of the filters' errors.
pub const MAX_COARSE: u32 = 20;
/// Classes of activity that have weights of their own.
pub const MAX_CLASSES: usize = 8;

/// Filters that adapt, one behind the other.
pub const N_STAGES: usize = 3;

/// How the filters that adapt are set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Filters {
    /// How fast each learns, in 1/256; the first is not 0.
    pub rates: [u8; N_STAGES],
    /// Binary logarithm of the unit that they keep errors in, in 1/1024.
    pub coarse: u32,
}

/// Weights for planes with the same planes behind them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct WeightSet {
    /// One row a class: a weight for each tap but the anchor, then one for the center; then for another variable's taps
    /// but the first, then for the first.
    pub taps: Vec<Vec<i32>>,
    /// A weight for each error tap, then for each gradient.
    pub scale: Vec<i32>,
    /// Scale levels from which the next class holds.
    pub class_from: Vec<u8>,
}

/// All that is learned, and how it is computed.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    /// Fraction bits of the taps' weights, 6 to 20.
    pub shift: u32,
    /// True if sums fit 32 bits.
    pub narrow: bool,
    /// What the numbers are.
    pub domain: Domain,
    /// Numbers are whole multiples of this away from their rounded predictions: 1, or the odd steps of a bound's width
    /// where a finer grid is centred on each prediction (integers only).
    pub stride: i64,
    /// In which order the axes are walked.
    pub order: Order,
    /// A typical value, which is taken off all.
    pub center: i64,
    /// The filters that adapt, if there are any.
    pub filters: Option<Filters>,
    /// The scale of another variable's values, if those are inputs as well.
    pub reference: Option<Scale>,
    /// Classes of blocks; else they go by level.
    pub map: Option<Map>,
    /// Rows of probabilities of each level: the fast tier; else numbers are coded adaptively.
    pub kinds: Option<Kinds>,
    /// By which planes are behind; those that do not occur are empty.
    pub sets: [WeightSet; 4],
}

/// Gradients of the plane itself that count for the scale.
pub const N_GRADIENTS: usize = 5;

impl Model {
    /// Bound on the sums of predictions for values up to `spread` from the center, and inputs of another variable up to
    /// `largest`.
    pub fn largest_sum(&self, layout: &Layout, spread: u64, largest: u64) -> u64 {
        let sum = |weights: &[i32]| weights.iter().map(|weight| weight.unsigned_abs() as u64).sum::<u64>();
        let of_row = |row: &Vec<i32>| {
            let (own, reference) = row.split_at(row.len() - self.n_reference_taps(layout));
            let own = sum(&with_anchor(own, self.shift)).saturating_mul(spread);
            own.saturating_add(sum(&reference::with_first(reference)).saturating_mul(largest))
        };
        self.sets.iter().flat_map(|set| &set.taps).map(of_row).max().unwrap_or(0)
    }

    /// Weights of another variable's taps in a row.
    pub fn n_reference_taps(&self, layout: &Layout) -> usize {
        self.reference.map_or(0, |_| reference::taps(layout).len())
    }

    /// Weights of a row.
    pub fn n_inputs(&self, layout: &Layout, behind: usize) -> usize {
        layout.taps(behind).len() + self.n_reference_taps(layout)
    }

    /// True if the level has no say in which weights hold.
    pub fn has_one_class_a_block(&self) -> bool {
        self.map.is_some() || self.sets.iter().all(|set| set.taps.len() <= 1)
    }

    /// Head, then weights.
    pub fn write(&self, layout: &Layout, w: &mut ByteWriter) {
        self.write_head(w);
        self.write_weights(&needed(layout), w);
    }

    /// Shift and flags, domain, center.
    pub fn write_head(&self, w: &mut ByteWriter) {
        let flags = [(self.narrow, NARROW), (self.map.is_some(), MAPPED), (self.kinds.is_some(), FAST)];
        let flags = flags.iter().filter(|(set, _)| *set).map(|(_, flag)| flag).sum::<u8>();
        w.u8(self.shift as u8 | flags);
        match self.domain {
            Domain::Integer if self.stride > 1 => {
                w.u8(CENTRED);
                w.count(self.stride as usize);
            }
            Domain::Integer => w.u8(0),
            Domain::Float { mantissa_bits, top } => {
                w.u8(mantissa_bits as u8);
                w.count(top as usize);
            }
        }
        w.u8(self.order.byte());
        w.signed(self.center);
        match self.filters {
            Some(Filters { rates, coarse }) => {
                w.raw(&rates);
                w.u8(coarse as u8);
            }
            None => w.u8(0),
        }
        if let Some(scale) = self.reference {
            scale.write(w);
        }
    }

    /// The weights of some sets, then the kinds of rows.
    pub fn write_weights(&self, sets: &[usize], w: &mut ByteWriter) {
        for &behind in sets {
            let set = &self.sets[behind];
            w.u8(set.taps.len() as u8);
            w.raw(&set.class_from);
            for &weight in set.taps.iter().flatten().chain(&set.scale) {
                w.signed(weight as i64);
            }
        }
        if let Some(kinds) = &self.kinds {
            kinds.write(w);
        }
    }

    /// Inverse of [`Model::write`]; of [`Model::write_head`] with a shared model. `has_reference` if a reference field's values
    /// are inputs.
    pub fn read(
        extents: [usize; 4],
        shared: Option<&Shared>,
        has_reference: bool,
        r: &mut ByteReader,
    ) -> Result<(Model, Layout)> {
        let first = r.u8()?;
        let (shift, narrow) = ((first & 0x1f) as u32, first & NARROW != 0);
        if !(6..=20).contains(&shift) {
            return Err(Error::corrupt(format!(
                "expected weights with 6 to 20 fraction bits, found {shift}"
            )));
        }
        let (domain, stride) = read_domain(r)?;
        let (order, center) = (Order::from_byte(r.u8()?)?, r.signed()?);
        let filters = read_filters(r)?;
        if (filters.is_some() || stride > 1) && is_fast(first) {
            return Err(Error::corrupt("expected neither filters nor a stride in the fast tier, found some"));
        }
        if has_reference && (is_fast(first) || stride > 1) {
            return Err(Error::corrupt(
                "expected no reference field for a fast or centred stream, found one",
            ));
        }
        let reference = if has_reference { Some(Scale::read(r)?) } else { None };
        let layout = order.layout(extents);
        if !layout.is_compact() {
            return Err(Error::corrupt("a predictive stream of an array that is nearly all margins"));
        }
        if let Some(shared) = shared {
            if !shared.fits(&layout) || first & MAPPED != 0 {
                return Err(Error::corrupt(
                    "expected numbers of the shape that the shared model was made for",
                ));
            }
            let mut model = shared.model(&layout, domain, center, narrow);
            if shift != model.shift {
                return Err(Error::corrupt(format!(
                    "expected the {} fraction bits of a shared model, found {shift}",
                    model.shift
                )));
            }
            (model.order, model.filters, model.stride) = (order, filters, stride);
            model.kinds = model.kinds.filter(|_| is_fast(first));
            return Ok((model, layout));
        }
        let sets = Default::default();
        let (map, kinds) = (None, None);
        let mut model =
            Model { shift, narrow, domain, stride, order, center, filters, reference, map, kinds, sets };
        if first & MAPPED != 0 {
            model.map = Some(Map::new(&layout)?);
        }
        model.read_weights(&layout, &needed(&layout), is_fast(first), r)?;
        Ok((model, layout))
    }

    /// Inverse of [`Model::write_weights`].
    pub fn read_weights(
        &mut self,
        layout: &Layout,
        sets: &[usize],
        fast: bool,
        r: &mut ByteReader,
    ) -> Result<()> {
        for &behind in sets {
            let n_classes = r.u8()? as usize;
            let by_level = self.map.is_none() && n_classes > 1;
            if n_classes == 0 || n_classes > MAX_CLASSES || (by_level && fast) {
                return Err(Error::corrupt(format!(
                    "expected 1 to {MAX_CLASSES} classes of weights, by block in the fast tier, found {n_classes}"
                )));
            }
            let class_from = r.raw(if by_level { n_classes - 1 } else { 0 })?.to_vec();
            let n_inputs = self.n_inputs(layout, behind);
            let taps = (0..n_classes).map(|_| weights(r, n_inputs)).collect::<Result<_>>()?;
            let scale = weights(r, layout.error_taps(behind).len() + N_GRADIENTS)?;
            self.sets[behind] = WeightSet { taps, scale, class_from };
        }
        if fast {
            self.kinds = Some(Kinds::read(r)?);
        }
        Ok(())
    }
}

/// Which tier the head of a model says.
pub fn tier(r: &mut ByteReader) -> Result<Candidate> {
    let first = r.u8()?;
    if is_fast(first) {
        return Ok(Candidate::Fast);
    }
    if read_domain(r)?.1 > 1 {
        return Ok(Candidate::Centred);
    }
    r.u8()?;
    r.signed()?;
    Ok(if read_filters(r)?.is_some() { Candidate::Filtered } else { Candidate::Adaptive })
}

/// True if the first byte of a model says that numbers are coded by static rows.
pub fn is_fast(first: u8) -> bool {
    first & FAST != 0
}

fn read_filters(r: &mut ByteReader) -> Result<Option<Filters>> {
    let first = r.u8()?;
    if first == 0 {
        return Ok(None);
    }
    let (rates, coarse) = ([first, r.u8()?, r.u8()?], r.u8()? as u32);
    if coarse > MAX_COARSE {
        return Err(Error::corrupt(format!(
            "expected errors in up to 2^{MAX_COARSE} / 1024, found 2^{coarse}"
        )));
    }
    Ok(Some(Filters { rates, coarse }))
}

/// The domain and the stride.
fn read_domain(r: &mut ByteReader) -> Result<(Domain, i64)> {
    match r.u8()? {
        0 => Ok((Domain::Integer, 1)),
        CENTRED => {
            let stride = r.count()? as i64;
            if !(3..=MAX_STRIDE).contains(&stride) || stride % 2 == 0 {
                return Err(Error::corrupt(format!(
                    "expected an odd stride from 3 to {MAX_STRIDE}, found {stride}"
                )));
            }
            Ok((Domain::Integer, stride))
        }
        mantissa_bits @ (10 | 23 | 52) => {
            let top = r.count()?;
            if top > 2047 {
                return Err(Error::corrupt(format!("expected an exponent up to 2047, found {top}")));
            }
            Ok((Domain::Float { mantissa_bits: mantissa_bits as u32, top: top as u32 }, 1))
        }
        other => Err(Error::corrupt(format!("expected 0, 1, 10, 23 or 52 for a domain, found {other}"))),
    }
}

fn weights(r: &mut ByteReader, n_weights: usize) -> Result<Vec<i32>> {
    (0..n_weights)
        .map(|_| i32::try_from(r.signed()?).map_err(|_| Error::corrupt("a weight is too large")))
        .collect()
}

/// Weights of all taps from those against the anchor: what is left of 1 is the anchor's.
pub fn with_anchor(weights: &[i32], shift: u32) -> Vec<i32> {
    let others = weights.iter().fold(0i32, |sum, &weight| sum.wrapping_add(weight));
    let anchor = (1i32 << shift).wrapping_sub(others);
    std::iter::once(anchor).chain(weights[..weights.len() - 1].iter().copied()).collect()
}

/// The kinds of planes that the layout has.
pub fn needed(layout: &Layout) -> Vec<usize> {
    let [a, b, ..] = layout.extents;
    (0..4).filter(|kind| (kind & 1 == 0 || b > 1) && (kind & 2 == 0 || a > 1)).collect()
}
