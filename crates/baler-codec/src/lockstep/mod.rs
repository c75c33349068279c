//! Integers -> bytes and back by prediction of sixteen rows in lockstep: the fast tiers.
//!
//! In: numbers on a grid (C order), their shape, which are masked; those of a finer grid, if there is one. Out: a stream that
//! holds its model, and the numbers of the finer grid that it decodes to. It refuses numbers that lie too far apart for float32
//! arithmetic, and arrays whose margins would outweigh them; other coders take those.
//!
//! - [`cells`]: where numbers lie, so that a step has one of each of sixteen rows.
//! - [`mod@walk`]: the pass that both sides share.
//! - [`coder`]: residuals and bytes.
//! - [`model`]: what is stored. [`fit`]: how it is learned from samples. [`part`]: the part of the data that trials see.
//! - [`goal`]: what numbers may become where a bound varies from value to value.
//! - [`encode`]: what is tried, as hard as [`effort`] says, by [`trial`] on numbers that are [`placed`] in their cells.

pub mod cells;
pub mod coder;
pub mod effort;
pub mod encode;
pub mod fit;
pub mod goal;
pub mod model;
pub mod part;
pub mod placed;
#[cfg(test)]
mod tests;
pub mod trial;
pub mod walk;

use crate::classical::lorenzo::four_axes;
use crate::predict::order::Order;
use crate::quantize::widest;
use baler_data::bytes::{ByteReader, with_room};
use baler_data::error::{Error, Result};
use cells::{Cells, LANES};
use coder::{Codebook, Reader};
use model::{Filter, Model};
use walk::{Residuals, State, walk};

/// Walks with the filter of a model.
fn walk_filtered<R: Residuals>(
    cells: &Cells,
    model: &Model,
    active: &[u16],
    state: &mut State,
    residuals: &mut R,
) {
    widest(
        #[inline(always)]
        || match model.filter {
            Filter::Off => walk::<0, R>(cells, model, active, state, residuals),
            Filter::Short => walk::<16, R>(cells, model, active, state, residuals),
            Filter::Long => walk::<24, R>(cells, model, active, state, residuals),
        },
    )
}

/// Inverse of [`encode::encode`]: the numbers, and how many times finer than the grid they are; masked ones come back as a
/// neighbor.
///
/// # Errors
/// [`baler_data::ErrorKind::Corrupt`] for damaged bytes, [`baler_data::ErrorKind::Limit`] without memory.
pub fn decode(bytes: &[u8], shape: &[usize], mask: Option<&[bool]>) -> Result<(Vec<i64>, i64)> {
    let n_values = baler_data::dataset::n_elements(shape)?;
    let extents = four_axes(shape);
    let mut r = ByteReader::new(bytes);
    let (model, cells) = Model::read(extents, &mut r)?;
    let ordered_mask = mask.map(|mask| model.order.apply(mask, extents));
    let active = cells.active(ordered_mask.as_deref());
    let mut state = State::new(&cells)?;
    let codebook = Codebook::new(&model.kinds, model.stride);
    let mut reader = Reader::new(&codebook, &mut r)?;
    walk_filtered(&cells, &model, &active, &mut state, &mut reader);
    reader.finish()?;
    let ordered = numbers(&cells, &model, &state)?;
    if ordered.len() != n_values {
        return Err(Error::corrupt("rows do not make up an array"));
    }
    if model.order == Order::DATA {
        return Ok((ordered, model.stride as i64));
    }
    let mut values = with_room(n_values)?;
    values.resize(n_values, 0);
    model.order.undo(&ordered, extents, &mut values);
    Ok((values, model.stride as i64))
}

/// The numbers that a walk has left, in the model's order.
fn numbers(cells: &Cells, model: &Model, state: &State) -> Result<Vec<i64>> {
    let mut numbers: Vec<i64> = with_room(cells.n_values)?;
    numbers.resize(cells.n_values, 0);
    for (row, before, n) in cells.rows() {
        let (values, numbers) = (&state.values[cells.start(row)..], &mut numbers[before..before + n]);
        for (number, values) in numbers.iter_mut().zip(values.chunks(LANES)) {
            *number = model.center.wrapping_add(values[0] as i64);
        }
    }
    Ok(numbers)
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
