//! What a stream tells of its numbers before them.

use crate::interpolation::lattice::{Lattices, N_AXES, Set};
use crate::lockstep::cells::LANES;
use crate::lockstep::model::MAX_WIDTH;
use crate::predict::rows::kinds::Kinds;
use baler_data::bytes::{ByteReader, ByteWriter, with_room};
use baler_data::error::{Error, Result};

/// Fraction bits of the weights of means.
pub const WEIGHT_BITS: u32 = 12;

/// How many means a prediction of a band weighs.
pub fn n_means(set: Set) -> usize {
    2 * set.n_axes() + set.n_axes() * (set.n_axes() - 1) / 2
}

/// How many numbers tell how far off predictions of a band may be.
pub fn n_features(set: Set) -> usize {
    2 * set.n_axes() + 7
}

/// What is weighed for the points of a band, in 1.
#[derive(Debug, Clone, PartialEq)]
pub struct Weights {
    /// Of the means but the first, which has what is missing to 1.
    pub means: Vec<f32>,
    /// Of what tells how far off predictions may be; the last is in strides.
    pub features: Vec<f32>,
}

/// The same as it is stored.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Stored {
    /// In 1 / 2^12.
    pub means: Vec<i16>,
    /// Codes of [`feature_weight`].
    pub features: Vec<u8>,
}

/// The weight of a code: 0, or 4 to 7 times a power of two.
pub fn feature_weight(code: u8) -> f32 {
    // From 2^-18 to 2^45, exactly.
    let power = f32::from_bits(((code as u32 >> 2) + 127 - 18) << 23);
    if code == 0 { 0.0 } else { (4 + (code & 3)) as f32 * power }
}

/// The code of the nearest weight.
pub fn code_of_weight(weight: f32) -> u8 {
    let distance = |code: &u8| (feature_weight(*code) - weight).abs();
    (0..=u8::MAX).min_by(|one, other| distance(one).total_cmp(&distance(other))).unwrap_or(0)
}

impl Stored {
    /// Cubic interpolation along each axis, their mean, for bands that have none of their own.
    pub fn usual(set: Set) -> Stored {
        let n_axes = set.n_axes();
        let one = 1i32 << WEIGHT_BITS;
        let mut means = vec![0; n_means(set) - 1];
        for k in 0..n_axes {
            // 9/8 of the near ones less 1/8 of the far ones.
            means[2 * k] = (-one / 8 / n_axes as i32) as i16;
            if k > 0 {
                means[2 * k - 1] = (9 * one / 8 / n_axes as i32) as i16;
            }
        }
        let mut features = vec![0; n_features(set)];
        features[..n_axes].fill(USUAL_ERRORS);
        features[n_axes + 5..2 * n_axes + 5].fill(USUAL_DIFFERENCES);
        features[2 * n_axes + 6] = USUAL_STRIDE;
        Stored { means, features }
    }

    /// As they are weighed with.
    pub fn weights(&self) -> Weights {
        let one = (1u32 << WEIGHT_BITS) as f32;
        Weights {
            means: self.means.iter().map(|&weight| weight as f32 / one).collect(),
            features: self.features.iter().map(|&code| feature_weight(code)).collect(),
        }
    }
}

/// Codes of 1/4, 1/8 and 1/2.
const USUAL_ERRORS: u8 = 14 << 2;
const USUAL_DIFFERENCES: u8 = 13 << 2;
const USUAL_STRIDE: u8 = 15 << 2;

/// The model of a stream.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    /// 1 where each number is coded, else numbers are this many steps from rounded predictions.
    pub stride: u8,
    /// The axes along which lattices are halved.
    pub refined: Set,
    /// Taken off all numbers.
    pub center: i64,
    /// Strides between the points of the coarsest lattice, in C order, the first from the center; masked ones are left out.
    pub anchors: Vec<i64>,
    /// By level from the finest on, the weights of its bands in their order.
    pub levels: Vec<Vec<Stored>>,
    /// The rows of frequencies of all levels of expected errors.
    pub kinds: Kinds,
}

impl Model {
    /// Of a band.
    pub fn weights(&self, sets: &[Set], (level, set): (usize, Set)) -> Weights {
        let own = self.levels.get(level).zip(sets.iter().position(|other| *other == set));
        own.and_then(|(level, at)| level.get(at))
            .map_or_else(|| Stored::usual(set).weights(), Stored::weights)
    }

    /// Appends it.
    pub fn write(&self, w: &mut ByteWriter) {
        w.u8(self.stride);
        w.u8(self.refined.0);
        w.raw(&self.center.to_le_bytes());
        w.varint(self.anchors.len() as u64);
        self.anchors.iter().for_each(|&anchor| w.signed(anchor));
        w.u8(self.levels.len() as u8);
        for stored in self.levels.iter().flatten() {
            stored.means.iter().for_each(|weight| w.raw(&weight.to_le_bytes()));
            w.raw(&stored.features);
        }
        self.kinds.write(w);
    }

    /// Inverse of [`Model::write`] for an array; tells its lattices as well.
    pub fn read(extents: [usize; N_AXES], r: &mut ByteReader) -> Result<(Model, Lattices)> {
        let stride = r.u8()?;
        if stride % 2 == 0 {
            return Err(Error::corrupt(format!("expected an odd stride, found {stride}")));
        }
        let refined = r.u8()?;
        let is_known = refined >> N_AXES == 0 && extents[3] >= LANES;
        let lattices = is_known.then(|| Lattices::of(extents, Set(refined))).flatten().ok_or_else(|| {
            Error::corrupt(format!(
                "expected rows of {LANES} numbers or more and axes to halve, found {extents:?} and the set {refined:#b}"
            ))
        })?;
        let center = i64::from_le_bytes(r.raw(8)?.try_into().expect("eight bytes"));
        let n_anchors = r.count()?;
        let mut anchors = with_room(n_anchors)?;
        for _ in 0..n_anchors {
            anchors.push(r.signed()?);
        }
        let n_levels = r.u8()? as usize;
        if n_levels > lattices.n_levels {
            return Err(Error::corrupt(format!(
                "expected weights of at most {} lattices, found {n_levels}",
                lattices.n_levels
            )));
        }
        let mut levels = Vec::with_capacity(n_levels);
        for level in 0..n_levels {
            let mut bands = Vec::new();
            for set in lattices.sets(level) {
                let means = r.raw(2 * (n_means(set) - 1))?.chunks(2);
                let means = means.map(|bytes| i16::from_le_bytes([bytes[0], bytes[1]])).collect();
                bands.push(Stored { means, features: r.raw(n_features(set))?.to_vec() });
            }
            levels.push(bands);
        }
        let kinds = Kinds::read(r)?;
        if let Some(kind) = kinds.kinds.iter().find(|kind| kind.width > MAX_WIDTH) {
            return Err(Error::corrupt(format!(
                "expected a width of at most {MAX_WIDTH}, found {}",
                kind.width
            )));
        }
        Ok((Model { stride, refined: Set(refined), center, anchors, levels, kinds }, lattices))
    }
}
