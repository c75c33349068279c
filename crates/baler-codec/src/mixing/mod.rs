//! Integers that repeat -> bytes, and back: every bit is predicted by many contexts and by earlier places that looked
//! alike, and the predictions are mixed by weights that learn.
//!
//! For what no smooth prediction helps: codes, labels, masks, indices, sparse rows, records, text, bits of floats. The
//! numbers become symbols (differences, or places in a list of the values that occur), and each symbol is coded byte
//! by byte, the most significant first (`predictor.rs`). All arithmetic is of integers.

mod candidates;
mod choose;
mod contexts;
mod mixer;
mod model;
mod predictor;
mod refine;
mod slots;
mod stream;
mod symbols;
#[cfg(test)]
mod tests;

use baler_data::bytes::ByteReader;
use baler_data::error::{Error, Result};
use choose::{LISTED, PLAIN, encode_best};
use stream::decode_symbols;

/// Codes numbers (C order). `columns`: numbers of a record, that is the distance to the number above; 1 where there is
/// none.
pub fn encode(q: &[i64], columns: usize) -> Vec<u8> {
    if q.is_empty() { Vec::new() } else { encode_best(q, within(columns, q.len())) }
}

/// Numbers of a record of an array: those along the last of several axes.
pub fn columns(shape: &[usize]) -> usize {
    if shape.len() > 1 { shape[shape.len() - 1] } else { 1 }
}

/// Bytes that [`encode`] takes, about, in a fraction of its time.
pub fn price(q: &[i64], columns: usize) -> usize {
    if q.is_empty() { 0 } else { choose::price(q, within(columns, q.len())) }
}

/// Numbers of a record; more than there are numbers is as good as one more.
fn within(columns: usize, n_values: usize) -> usize {
    columns.clamp(1, n_values.saturating_add(1))
}

/// Inverse of [`encode`].
pub fn decode(bytes: &[u8], n_values: usize, columns: usize) -> Result<Vec<i64>> {
    let columns = within(columns, n_values);
    let mut reader = ByteReader::new(bytes);
    if n_values == 0 {
        reader.finish("no numbers")?;
        return Ok(Vec::new());
    }
    let list = match reader.u8()? {
        PLAIN => return decode_symbols(reader.rest(), n_values, columns),
        LISTED => {
            let n_listed = reader.count()?;
            if n_listed > n_values {
                return Err(Error::corrupt(format!(
                    "expected a list of at most {n_values} values, found {n_listed}; the stream is damaged"
                )));
            }
            decode_symbols(reader.block()?, n_listed, 1)?
        }
        other => {
            return Err(Error::corrupt(format!(
                "expected numbers as they are (0) or in a list (1), found {other}; the stream is damaged"
            )));
        }
    };
    let mut values = decode_symbols(reader.rest(), n_values, columns)?;
    for value in &mut values {
        let place = usize::try_from(*value).ok().and_then(|place| list.get(place));
        *value = *place.ok_or_else(|| {
            let (n, found) = (list.len(), *value);
            Error::corrupt(format!("expected a place in a list of {n}, found {found}; the stream is damaged"))
        })?;
    }
    Ok(values)
}
