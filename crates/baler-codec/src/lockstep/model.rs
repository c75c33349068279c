//! What a stream tells of its numbers before them.

use crate::lockstep::cells::{Cells, LANES, Tap, is_behind};
use crate::predict::order::Order;
use crate::predict::rows::kinds::Kinds;
use baler_data::bytes::{ByteReader, ByteWriter};
use baler_data::error::{Error, Result};

/// Fraction bits of the weights of neighbors.
pub const WEIGHT_BITS: u32 = 12;
/// Fraction bits of the weights of errors.
pub const SCALE_BITS: u32 = 12;
/// Largest width of rows: 24 bits lie below its buckets.
pub const MAX_WIDTH: u8 = 132;
/// Numbers lie closer to their center than this, so that float32 tells them apart.
pub const LARGEST: f32 = 4_194_303.0;

/// Inputs of the filter that adapts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filter {
    /// None.
    Off = 0,
    /// 16 errors.
    Short = 1,
    /// 24 errors.
    Long = 2,
}

impl Filter {
    /// How many.
    pub fn n_taps(self) -> usize {
        [0, 16, 24][self as usize]
    }
}

/// Weights for planes with the same things behind them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Weights {
    /// Of the neighbors but the first, in 1/2^12; the first has what is missing to 1.
    pub taps: Vec<i16>,
    /// Of errors, then of gradients, then of the stride, in 1/2^12.
    pub scale: Vec<u16>,
}

/// The model of a stream.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    /// In which order the axes are walked.
    pub order: Order,
    /// 1 where each number is coded, else numbers are this many steps from rounded predictions.
    pub stride: u8,
    /// Taken off all numbers.
    pub center: i64,
    /// What adapts.
    pub filter: Filter,
    /// Neighbors, by their places among [`Cells::candidates`]; the first is 0.
    pub taps: Vec<u8>,
    /// By what lies behind a plane.
    pub weights: [Weights; 4],
    /// The rows of frequencies of all levels.
    pub kinds: Kinds,
}

impl Model {
    /// The neighbors.
    pub fn neighbors(&self, cells: &Cells) -> Vec<Tap> {
        let candidates = cells.candidates();
        self.taps.iter().map(|&at| candidates[at as usize]).collect()
    }

    /// Appends all but the order, which comes first of all.
    pub fn write(&self, cells: &Cells, w: &mut ByteWriter) {
        w.u8(self.order.byte());
        w.u8(self.stride);
        w.u8(self.filter as u8);
        w.raw(&self.center.to_le_bytes());
        w.u8(self.taps.len() as u8);
        w.raw(&self.taps[1..]);
        let neighbors = self.neighbors(cells);
        for kind in cells.kinds() {
            let Weights { taps, scale } = &self.weights[kind];
            let used = neighbors[1..].iter().zip(taps).filter(|(tap, _)| is_behind(kind, **tap));
            used.for_each(|(_, weight)| w.raw(&weight.to_le_bytes()));
            let used = scale_taps(cells).into_iter().zip(scale).filter(|(tap, _)| is_behind(kind, *tap));
            used.for_each(|(_, weight)| w.raw(&weight.to_le_bytes()));
        }
        self.kinds.write(w);
    }

    /// Inverse of [`Model::write`] for an array of `extents` in the data's order; tells the cells as well.
    pub fn read(extents: [usize; 4], r: &mut ByteReader) -> Result<(Model, Cells)> {
        let order = Order::from_byte(r.u8()?)?;
        let cells = Cells::of(order.extents(extents))
            .ok_or_else(|| Error::corrupt("expected an array that can be walked in lockstep"))?;
        let stride = r.u8()?;
        if stride % 2 == 0 {
            return Err(Error::corrupt(format!("expected an odd stride, found {stride}")));
        }
        let filter = match r.u8()? {
            0 => Filter::Off,
            1 => Filter::Short,
            2 => Filter::Long,
            other => return Err(Error::corrupt(format!("expected a filter from 0 to 2, found {other}"))),
        };
        let candidates = cells.candidates();
        if candidates.len() < filter.n_taps() {
            return Err(Error::corrupt("a filter has more inputs than there are neighbors"));
        }
        let center = i64::from_le_bytes(r.raw(8)?.try_into().expect("eight bytes"));
        let n_taps = r.u8()? as usize;
        if n_taps == 0 {
            return Err(Error::corrupt("expected a neighbor that predictions are made of"));
        }
        let taps = [&[0], r.raw(n_taps - 1)?].concat();
        if let Some(wrong) = taps.iter().find(|&&at| at as usize >= candidates.len()) {
            return Err(Error::corrupt(format!(
                "expected one of {} neighbors, found {wrong}",
                candidates.len()
            )));
        }
        let mut weights: [Weights; 4] = Default::default();
        let scale_taps = scale_taps(&cells);
        for kind in cells.kinds() {
            let mut weight = |tap: Tap| -> Result<u16> {
                match is_behind(kind, tap) {
                    true => Ok(u16::from_le_bytes(r.raw(2)?.try_into().expect("two bytes"))),
                    false => Ok(0),
                }
            };
            let of_taps = taps[1..].iter().map(|&at| Ok(weight(candidates[at as usize])? as i16));
            let of_taps = of_taps.collect::<Result<_>>()?;
            let scale = scale_taps.iter().map(|&tap| weight(tap)).collect::<Result<_>>()?;
            weights[kind] = Weights { taps: of_taps, scale };
        }
        let kinds = Kinds::read(r)?;
        if let Some(kind) = kinds.kinds.iter().find(|kind| kind.width > MAX_WIDTH) {
            return Err(Error::corrupt(format!(
                "expected a width of at most {MAX_WIDTH}, found {}",
                kind.width
            )));
        }
        Ok((Model { order, stride, center, filter, taps, weights, kinds }, cells))
    }

    /// Weights of the neighbors for planes of a kind, in 1.
    pub fn tap_weights(&self, kind: usize) -> Vec<f32> {
        let one = 1i32 << WEIGHT_BITS;
        let taps = &self.weights[kind].taps;
        let rest = one - taps.iter().map(|&weight| weight as i32).sum::<i32>();
        let all = std::iter::once(rest).chain(taps.iter().map(|&weight| weight as i32));
        all.map(|weight| weight as f32 / one as f32).collect()
    }

    /// Weights of errors and gradients for planes of a kind, in 1; the last is in steps.
    pub fn scale_weights(&self, kind: usize) -> Vec<f32> {
        let one = (1u32 << SCALE_BITS) as f32;
        let mut all: Vec<f32> = self.weights[kind].scale.iter().map(|&weight| weight as f32 / one).collect();
        if let Some(floor) = all.last_mut() {
            *floor *= self.stride as f32;
        }
        all
    }
}

/// A neighbor for each weight of a scale: of errors, of the farther ends of gradients, and, for the stride, one that every plane
/// has.
pub fn scale_taps(cells: &Cells) -> Vec<Tap> {
    let gradients = cells.gradient_taps().into_iter().map(|(_, other)| other);
    cells.error_taps().into_iter().chain(gradients).chain([(0, 0, 0, -1)]).collect()
}

/// Offsets that are the same for all lanes.
pub fn offsets(cells: &Cells, taps: &[Tap]) -> Vec<usize> {
    // Backwards: every neighbor lies before.
    let back = |&tap: &Tap| cells.offset(tap).unsigned_abs();
    debug_assert!(taps.iter().all(|&tap| cells.offset(tap) <= -(LANES as isize)));
    taps.iter().map(back).collect()
}
