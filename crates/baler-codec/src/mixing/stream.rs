//! Numbers of one kind of difference -> a header and bits, and back.

use crate::entropy::binary::{BinaryDecoder, BinaryEncoder};
use crate::mixing::model::Model;
use crate::mixing::symbols::{Difference, Symbols};
use baler_data::bytes::{ByteReader, ByteWriter};
use baler_data::error::{Error, Result};

/// Numbers that a byte can stand for at most: a bit costs 2^-16 or more, and a number is a bit or more.
const MAX_NUMBERS_A_BYTE: usize = 1 << 19;

/// Header and bits of the symbols.
pub fn encode_symbols(q: &[i64], columns: usize, difference: Difference) -> Vec<u8> {
    let symbols = Symbols::new(q, columns, difference);
    let mut writer = ByteWriter::default();
    symbols.write(&mut writer);
    if symbols.width > 0 {
        let mut bits = BinaryEncoder::default();
        let mut model = Model::new(&symbols, q.len(), columns);
        for &value in q {
            let symbol = symbols.of(value, model.base());
            model.code(&mut bits, symbol);
        }
        writer.raw(&bits.finish());
    }
    writer.bytes
}

/// Inverse of [`encode_symbols`].
pub fn decode_symbols(bytes: &[u8], n_values: usize, columns: usize) -> Result<Vec<i64>> {
    let mut reader = ByteReader::new(bytes);
    let symbols = Symbols::read(&mut reader)?;
    let coded = reader.rest();
    if symbols.width == 0 {
        return symbols.of_zeros(n_values);
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
