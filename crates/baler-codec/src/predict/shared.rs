//! A model that was trained before and is applied as it is: weights and rows for one variable, of any extents.

use crate::classical::lorenzo::four_axes;
use crate::predict::WIDE_SHIFT;
use crate::predict::domain::Domain;
use crate::predict::grid::{Layout, Tap};
use crate::predict::model::{Model, WeightSet, needed};
use crate::predict::order::Order;
use baler_data::bytes::{ByteReader, ByteWriter};
use baler_data::error::{Error, Result};

/// Fraction bits of weights where sums have 32 bits.
const NARROW_SHIFT: u32 = 11;

/// Weights for all kinds of planes that the training data had.
#[derive(Debug, Clone, PartialEq)]
pub struct Shared {
    /// Sets, shift and kinds are its own; the rest is that of each stream.
    model: Model,
    /// True for series.
    series: bool,
    /// True for arrays of one row a plane.
    single_rows: bool,
    /// True for arrays of several planes a stack.
    deep: bool,
}

impl Shared {
    /// Of a model with kinds, wide weights and one class.
    pub fn new(model: Model, layout: &Layout) -> Shared {
        let model = Model { domain: Domain::Integer, center: 0, narrow: false, map: None, ..model };
        Shared { model, series: layout.series, single_rows: layout.single_rows, deep: is_deep(layout) }
    }

    /// True if the layout has the same neighbors in its rows and planes.
    pub fn fits(&self, layout: &Layout) -> bool {
        let same_stacks = self.deep == is_deep(layout) || !needed(layout).contains(&2) || !self.has(2);
        self.series == layout.series && self.single_rows == layout.single_rows && same_stacks
    }

    /// [`Shared::fits`] for a shape.
    pub fn fits_shape(&self, shape: &[usize]) -> bool {
        self.fits(&Layout::new(four_axes(shape)))
    }

    /// The model of a stream; weights are rounded to fewer bits where sums have 32.
    pub fn model(&self, layout: &Layout, domain: Domain, center: i64, narrow: bool) -> Model {
        let mut model = Model { domain, center, narrow, ..self.model.clone() };
        if narrow {
            let drop = model.shift - NARROW_SHIFT;
            model.shift = NARROW_SHIFT;
            for weight in model.sets.iter_mut().flat_map(|set| &mut set.taps).flatten() {
                *weight = weight.wrapping_add(1 << (drop - 1)) >> drop;
            }
        }
        for behind in needed(layout) {
            if model.sets[behind].taps.is_empty() {
                model.sets[behind] = self.stand_in(&model, layout, behind);
            }
        }
        model
    }

    /// Weights for planes that the training data did not have: those of planes with fewer behind, else of any.
    fn stand_in(&self, model: &Model, layout: &Layout, behind: usize) -> WeightSet {
        let fewer = (0..behind).rev().filter(|set| set & !behind == 0);
        let Some(from) = fewer.chain(0..4).find(|&set| self.has(set)) else { return WeightSet::default() };
        let set = &model.sets[from];
        let carry = |from: &[Tap], to: &[Tap], weights: &[i32]| -> Vec<i32> {
            let weight = |tap: &Tap| from.iter().position(|known| known == tap).map_or(0, |at| weights[at]);
            to.iter().map(weight).chain(weights[from.len()..].iter().copied()).collect()
        };
        let (taps_from, taps_to) = (layout.taps(from), layout.taps(behind));
        let taps = set.taps.iter().map(|weights| carry(&taps_from[1..], &taps_to[1..], weights)).collect();
        let scale = carry(&layout.error_taps(from), &layout.error_taps(behind), &set.scale);
        WeightSet { taps, scale, class_from: Vec::new() }
    }

    fn has(&self, set: usize) -> bool {
        !self.model.sets[set].taps.is_empty()
    }

    /// Number of weights.
    pub fn n_weights(&self) -> usize {
        let of_set = |set: &WeightSet| set.taps.iter().map(Vec::len).sum::<usize>() + set.scale.len();
        self.model.sets.iter().map(of_set).sum()
    }

    /// One byte: series, single rows, which sets, deep; then weights and kinds.
    pub fn write(&self) -> Vec<u8> {
        let mut w = ByteWriter::default();
        let present: Vec<usize> = (0..4).filter(|&set| self.has(set)).collect();
        let sets: u8 = present.iter().map(|set| 1u8 << set).sum();
        w.u8(self.series as u8 | (self.single_rows as u8) << 1 | sets << 2 | (self.deep as u8) << 6);
        self.model.write_weights(&present, &mut w);
        w.bytes
    }

    /// Inverse of [`Shared::write`].
    pub fn read(bytes: &[u8]) -> Result<Shared> {
        let mut r = ByteReader::new(bytes);
        let first = r.u8()?;
        let (series, single_rows, deep) = (first & 1 != 0, first & 2 != 0, first & 64 != 0);
        let present: Vec<usize> = (0..4).filter(|set| first >> (2 + set) & 1 != 0).collect();
        if first >> 7 != 0 || present.is_empty() {
            return Err(Error::corrupt("expected a predictive model"));
        }
        let layout = like(series, single_rows, deep);
        let mut model = Model {
            shift: WIDE_SHIFT,
            narrow: false,
            domain: Domain::Integer,
            stride: 1,
            order: Order::DATA,
            center: 0,
            filters: None,
            reference: None,
            map: None,
            kinds: None,
            sets: Default::default(),
        };
        model.read_weights(&layout, &present, true, &mut r)?;
        r.finish("a predictive model")?;
        Ok(Shared { model, series, single_rows, deep })
    }
}

/// True if there are several planes a stack: neighbors one stack back then lie in more than one.
fn is_deep(layout: &Layout) -> bool {
    layout.extents[1] > 1
}

/// A layout with the same taps.
fn like(series: bool, single_rows: bool, deep: bool) -> Layout {
    Layout::new([1, 1 + deep as usize, 2, 1024]).with_kind(series, single_rows)
}
