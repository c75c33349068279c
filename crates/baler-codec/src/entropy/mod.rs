//! Integers -> bits and back with stored priors, in integer arithmetic only.
//!
//! An integer becomes a token (its size class) and extra bits ([`tokens`]). Tokens are coded by an asymmetric
//! numeral system with a static table each ([`rans`]), extra bits as they are ([`bits`]). Streams whose symbols have other
//! frequencies each take two states ([`pair`]) or binary decisions with adaptive odds ([`binary`]).

pub mod binary;
pub mod bits;
pub mod pair;
pub mod rans;
pub mod tokens;

use baler_data::bytes::{ByteReader, ByteWriter, with_room};
use baler_data::error::{Error, Result};
use bits::{BitReader, BitWriter};
use rans::Table;
use tokens::{N_TOKENS, join, split};

/// What is known of a column of integers before it is coded: its center, and how often each size class stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prior {
    /// Taken off before a value is split into token and extra bits.
    pub center: i32,
    /// Frequencies of the tokens, out of 2^14, none 0.
    pub table: Table,
}

impl Prior {
    /// The prior that fits `values` best, with every other value still possible.
    pub fn fit(values: impl Iterator<Item = i32> + Clone) -> Prior {
        let mut sorted: Vec<i32> = values.clone().collect();
        let middle = sorted.len() / 2;
        let center = if sorted.is_empty() { 0 } else { *sorted.select_nth_unstable(middle).1 };
        let mut counts = [0u64; N_TOKENS];
        for value in values {
            counts[split(value.wrapping_sub(center)).0 as usize] += 1;
        }
        Prior { center, table: Table::from_counts(&counts) }
    }

    /// Center, then the frequencies.
    pub fn write(&self, w: &mut ByteWriter) {
        w.signed(self.center as i64);
        self.table.write(w);
    }

    /// Inverse of [`Prior::write`].
    pub fn read(r: &mut ByteReader) -> Result<Prior> {
        let center =
            i32::try_from(r.signed()?).map_err(|_| Error::corrupt("the center of a prior is too large"))?;
        Ok(Prior { center, table: Table::read(r)? })
    }
}

/// Codes `values`, shape (n_rows, n_columns) row-major, with one prior a column.
pub fn encode_columns(values: &[i32], priors: &[Prior]) -> Vec<u8> {
    let mut extra = BitWriter::default();
    let mut tokens = Vec::with_capacity(values.len());
    for row in values.chunks_exact(priors.len().max(1)) {
        for (value, prior) in row.iter().zip(priors) {
            let (token, n_bits, bits) = split(value.wrapping_sub(prior.center));
            tokens.push(token);
            extra.write(bits as u64, n_bits);
        }
    }
    let tables: Vec<&Table> = priors.iter().map(|prior| &prior.table).collect();
    let coded = rans::encode(&tokens, |idx| tables[idx % tables.len()]);
    let mut w = ByteWriter::default();
    w.block(&coded);
    w.raw(&extra.finish());
    w.bytes
}

/// Inverse of [`encode_columns`].
pub fn decode_columns(bytes: &[u8], n_rows: usize, priors: &[Prior]) -> Result<Vec<i32>> {
    let n_values = n_rows
        .checked_mul(priors.len())
        .filter(|&n| n as u64 <= 1 << 40)
        .ok_or_else(|| Error::limit("more latents than memory can hold"))?;
    let mut r = ByteReader::new(bytes);
    let coded = r.block()?;
    let slots: Vec<_> = priors.iter().map(|prior| prior.table.slots()).collect();
    let tokens = rans::decode(coded, n_values, |idx| {
        let column = idx % priors.len();
        (&priors[column].table, &slots[column])
    })?;
    let mut extra = BitReader::new(r.rest());
    let mut values = with_room(n_values)?;
    for (idx, &token) in tokens.iter().enumerate() {
        let n_bits = tokens::n_extra_bits(token);
        let bits = extra.read(n_bits)?;
        values.push(join(token, bits as u32).wrapping_add(priors[idx % priors.len()].center));
    }
    extra.finish()?;
    Ok(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns(n_rows: usize) -> Vec<i32> {
        (0..n_rows as i32)
            .flat_map(|i| [i * 7919 % 11 - 5, (i * 31 % 1000) * (i * 17 % 1000) - 250_000, 42])
            .collect()
    }

    fn priors(values: &[i32]) -> Vec<Prior> {
        (0..3).map(|c| Prior::fit(values.iter().skip(c).step_by(3).copied())).collect()
    }

    #[test]
    fn columns_come_back_near_their_entropy() {
        let values = columns(3000);
        let coded = encode_columns(&values, &priors(&values));
        assert_eq!(decode_columns(&coded, 3000, &priors(&values)).unwrap(), values);
        // 3.46 bits, at most 20 bits, 0 bits a row.
        assert!(coded.len() < 3000 * 24 / 8, "{}", coded.len());
        assert!(
            decode_columns(&encode_columns(&[], &priors(&values)), 0, &priors(&values)).unwrap().is_empty()
        );
    }

    #[test]
    fn values_that_the_prior_never_saw_come_back_too() {
        let priors = priors(&columns(100));
        let values: Vec<i32> = (0..33).flat_map(|i| [i32::MAX - i, i32::MIN + i, i - 16]).collect();
        assert_eq!(decode_columns(&encode_columns(&values, &priors), 33, &priors).unwrap(), values);
    }

    #[test]
    fn damaged_columns_are_errors_or_other_values() {
        let values = columns(50);
        let priors = priors(&values);
        let coded = encode_columns(&values, &priors);
        for cut in 0..coded.len() {
            let _ = decode_columns(&coded[..cut], 50, &priors);
        }
        for bit in 0..coded.len() * 8 {
            let mut bytes = coded.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            let _ = decode_columns(&bytes, 50, &priors);
        }
    }

    #[test]
    fn priors_are_stored() {
        for prior in priors(&columns(1000)) {
            let mut w = ByteWriter::default();
            prior.write(&mut w);
            assert_eq!(Prior::read(&mut ByteReader::new(&w.bytes)).unwrap(), prior);
        }
    }
}
