//! Integers that repeat -> bytes, and back: every bit is predicted by many contexts and by earlier places that looked
//! alike, and the predictions are mixed by weights that learn.
//!
//! For what no smooth prediction helps: codes, labels, masks, indices, sparse rows, records, text, bits of floats. The
//! numbers become symbols (differences, or places in a list of the values that occur), and each symbol is coded byte
//! by byte, the most significant first ([`model`]). All arithmetic is of integers.

mod candidates;
mod contexts;
mod mixer;
mod model;
mod slots;
mod symbols;
#[cfg(test)]
mod tests;

use crate::entropy::binary::{BinaryDecoder, BinaryEncoder};
use baler_data::bytes::{ByteReader, ByteWriter};
use baler_data::error::{Error, Result};
use model::Model;
use symbols::{Difference, Symbols};

/// Numbers that a byte can stand for at most: a bit costs 2^-16 or more, and a number is a bit or more.
const MAX_NUMBERS_A_BYTE: usize = 1 << 19;
/// Numbers on which the kinds of symbols are tried.
const TRIAL: usize = 1 << 13;

/// Codes numbers (C order). `columns`: numbers of a record, that is the distance to the number above; 1 where there is
/// none.
pub fn encode(q: &[i64], columns: usize) -> Vec<u8> {
    let columns = columns.max(1);
    if q.is_empty() {
        return Vec::new();
    }
    let middle = (q.len() - TRIAL.min(q.len())) / 2;
    let sample = &q[middle..][..TRIAL.min(q.len())];
    let of = |q: &[i64], difference| encode_symbols(&Symbols::new(q, columns, difference), q, columns);
    let kinds = Difference::ALL.into_iter().filter(|&kind| kind != Difference::Above || columns > 1);
    let best = kinds.min_by_key(|&kind| of(sample, kind).len()).unwrap_or(Difference::None);
    of(q, best)
}

/// Header and bits of the symbols.
fn encode_symbols(symbols: &Symbols, q: &[i64], columns: usize) -> Vec<u8> {
    let mut writer = ByteWriter::default();
    symbols.write(&mut writer);
    if symbols.width > 0 {
        let mut bits = BinaryEncoder::default();
        let mut model = Model::new(symbols, q.len(), columns);
        for &value in q {
            let symbol = symbols.of(value, model.base());
            model.code(&mut bits, symbol);
        }
        writer.raw(&bits.finish());
    }
    writer.bytes
}

/// Inverse of [`encode`].
pub fn decode(bytes: &[u8], n_values: usize, columns: usize) -> Result<Vec<i64>> {
    let columns = columns.max(1);
    if n_values == 0 {
        return Ok(Vec::new());
    }
    let mut reader = ByteReader::new(bytes);
    let symbols = Symbols::read(&mut reader)?;
    let coded = reader.rest();
    if symbols.width == 0 {
        let mut values = baler_data::bytes::with_room(n_values)?;
        values.resize(n_values, symbols.minimum);
        return Ok(values);
    }
    if n_values / MAX_NUMBERS_A_BYTE > coded.len() {
        let most = (coded.len() + 1).saturating_mul(MAX_NUMBERS_A_BYTE);
        return Err(Error::corrupt(format!(
            "expected at most {most} numbers in {} bytes of mixed bits, found {n_values}; the stream is damaged",
            coded.len()
        )));
    }
    let mut bits = BinaryDecoder::new(coded);
    let mut model = Model::new(&symbols, n_values, columns);
    for _ in 0..n_values {
        model.code(&mut bits, 0);
    }
    Ok(model.into_values())
}
