//! Integers -> bytes and back by learned prediction: the method `predictive`.
//!
//! In: numbers on a grid (C order), their shape, which are masked. Out: a stream that holds its model. It refuses fewer
//! than 64 numbers and shapes whose margins would outweigh them; the classical coder takes those.
//!
//! A map for those who will change it, in the order of one number's way:
//!
//! - [`grid`]: the array with margins, and which neighbors are looked at (up to 51, of six planes; 48 in series).
//! - [`mod@walk`]: the one pass that all share. scale = weighted |errors| and gradients around; prediction = weighted
//!   neighbors; the weights go by a class, of the scale or of the block ([`map`]).
//! - [`domain`]: floats by their order are predicted by value, and coded by order (lossless).
//! - [`residual`]: number minus prediction -> binary decisions, each mixed from five adaptive counters whose contexts
//!   are the scale, the prediction's fraction, errors around, and how far other predictions are.
//! - [`model`]: what is stored. [`fit`]: how it is learned, in floats, by the encoder only.
//!
//! Measured (bytes of CFD animation at 1e-3 / Isabel at 1e-3 of the range):
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

pub mod cell;
pub mod domain;
pub mod fit;
pub mod grid;
pub mod map;
pub mod model;
pub mod residual;
pub mod tables;
pub mod walk;

#[cfg(test)]
mod tests;

use crate::classical::lorenzo::four_axes;
use crate::container::bytes::{ByteReader, ByteWriter};
use crate::entropy::binary::{BinaryDecoder, BinaryEncoder};
use crate::error::{Error, Result};
use cell::Cell;
use domain::Domain;
use grid::Layout;
use model::Model;
use walk::{Blind, State, walk};

/// How hard the encoder tries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effort {
    /// Three classes of weights by scale.
    Quick,
    /// Classes by trial: one, three by scale, three or eight by block.
    Full,
}

/// Fewest numbers that are worth a model.
const MIN_VALUES: usize = 64;

fn padded<T: Cell>(layout: &Layout) -> Result<State<T>> {
    let mut state = State { values: Vec::new(), errors: Vec::new() };
    let len = layout.n_padded();
    let room = state.values.try_reserve_exact(len).and(state.errors.try_reserve_exact(len));
    room.map_err(|_| Error::limit(format!("no memory for {len} numbers")))?;
    state.values.resize(len, T::default());
    state.errors.resize(len, T::default());
    Ok(state)
}

/// Codes `q` (C order of `shape`) with a model of its own. `None` where there is too little to learn from.
/// `mantissa_bits` is given where the numbers are the orders of floats.
pub fn encode(
    q: &[i64],
    shape: &[usize],
    mask: Option<&[bool]>,
    mantissa_bits: Option<u32>,
    effort: Effort,
) -> Option<Vec<u8>> {
    if q.len() < MIN_VALUES {
        return None;
    }
    let layout = Layout::new(four_axes(shape));
    if !layout.is_compact() {
        return None;
    }
    let domain = match mantissa_bits {
        Some(bits) => Domain::of_floats(unmasked(q, mask), bits),
        None => Domain::Integer,
    };
    let center = domain.value(center(q, mask));
    let shift = if q.len() < 1 << 18 { 9 } else { 11 };
    let spread = unmasked(q, mask)
        .map(|number| domain.value(number).wrapping_sub(center).unsigned_abs())
        .max()
        .unwrap_or(0);
    // Sums of weights stay under 2^(shift + 2) but for wild fits, which are checked.
    let narrow = domain == Domain::Integer && spread < 1 << (28 - shift);
    let model = Model { shift, narrow, domain, center, map: None, sets: Default::default() };
    let mut q = q.to_vec();
    if narrow {
        let coded = encode_as::<i32>(&mut q, &layout, mask, &model, effort, spread)?;
        if let Some(coded) = coded {
            return Some(coded);
        }
    }
    let model = Model { narrow: false, shift: 18, ..model };
    encode_as::<i64>(&mut q, &layout, mask, &model, effort, 0)?
}

/// Smallest of a few models' streams; `Some(None)` if no model's sums are sure to fit.
fn encode_as<T: Cell>(
    q: &mut [i64],
    layout: &Layout,
    mask: Option<&[bool]>,
    like: &Model,
    effort: Effort,
    spread: u64,
) -> Option<Option<Vec<u8>>> {
    let mut state = padded::<T>(layout).ok()?;
    let trials: &[(usize, bool)] =
        if effort == Effort::Quick { &[(3, false)] } else { &[(1, false), (3, false), (3, true), (8, true)] };
    let coded = trials.iter().filter_map(|&(n_classes, mapped)| {
        let mut model = fit::fit(layout, mask, q, &mut state, like, n_classes, mapped);
        if model.largest_sum(spread) >= 1 << 31 {
            return None;
        }
        let mut w = ByteWriter::default();
        model.write(layout, &mut w);
        let mut bits = BinaryEncoder::default();
        if let Some(map) = &mut model.map {
            map.code(&mut bits);
        }
        walk::<_, _, _, true>(layout, &model, mask, q, &mut state, &mut bits, &mut Blind);
        w.raw(&bits.finish());
        Some(w.bytes)
    });
    Some(coded.min_by_key(Vec::len))
}

fn unmasked<'a>(q: &'a [i64], mask: Option<&'a [bool]>) -> impl Iterator<Item = i64> + 'a {
    q.iter().enumerate().filter(move |&(i, _)| !mask.is_some_and(|mask| mask[i])).map(|(_, &number)| number)
}

/// Median of a part.
fn center(q: &[i64], mask: Option<&[bool]>) -> i64 {
    let step = (q.len() / 4096).max(1);
    let mut part: Vec<i64> =
        (0..q.len()).step_by(step).filter(|&i| !mask.is_some_and(|mask| mask[i])).map(|i| q[i]).collect();
    part.sort_unstable();
    part.get(part.len() / 2).copied().unwrap_or(0)
}

/// Bytes of the model at the start of a stream.
pub fn model_bytes(bytes: &[u8], shape: &[usize]) -> Result<usize> {
    let layout = Layout::new(four_axes(shape));
    let mut reader = ByteReader::new(bytes);
    Model::read(&layout, &mut reader)?;
    Ok(reader.position())
}

/// Inverse of [`encode`]; masked numbers come back as a neighbor.
pub fn decode(bytes: &[u8], shape: &[usize], mask: Option<&[bool]>) -> Result<Vec<i64>> {
    let n_values = crate::dataset::n_elements(shape)?;
    if n_values == 0 {
        return Ok(Vec::new());
    }
    let layout = Layout::new(four_axes(shape));
    if !layout.is_compact() {
        return Err(Error::corrupt("a predictive stream of an array that is nearly all margins"));
    }
    let mut reader = ByteReader::new(bytes);
    let mut model = Model::read(&layout, &mut reader)?;
    let mut q = Vec::new();
    q.try_reserve_exact(n_values).map_err(|_| Error::limit(format!("no memory for {n_values} numbers")))?;
    q.resize(n_values, 0);
    let rest = reader.rest();
    if model.narrow {
        decode_as::<i32>(rest, &mut q, &layout, mask, &mut model)?;
    } else {
        decode_as::<i64>(rest, &mut q, &layout, mask, &mut model)?;
    }
    Ok(q)
}

fn decode_as<T: Cell>(
    bytes: &[u8],
    q: &mut [i64],
    layout: &Layout,
    mask: Option<&[bool]>,
    model: &mut Model,
) -> Result<()> {
    let mut state = padded::<T>(layout)?;
    let mut bits = BinaryDecoder::new(bytes);
    if let Some(map) = &mut model.map {
        map.code(&mut bits);
    }
    walk::<_, _, _, true>(layout, model, mask, q, &mut state, &mut bits, &mut Blind);
    Ok(())
}
