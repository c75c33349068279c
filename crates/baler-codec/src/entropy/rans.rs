//! Range asymmetric numeral systems with static tables (J. Duda, arXiv:1311.2540), four interleaved 32-bit states.
//!
//! Symbol i belongs to state i mod 4. A state x lies in [2^16, 2^32); decoding a symbol of frequency f and start c
//! (out of 2^14): slot = x mod 2^14, x = f * (x >> 14) + slot - c, and if x < 2^16 then x = x << 16 | next word.
//! The encoder runs backwards, so the decoder reads words forwards.

use crate::entropy::tokens::N_TOKENS;
use baler_data::bytes::{ByteReader, ByteWriter, with_room};
use baler_data::error::{Error, Result};

/// log2 of the sum of all frequencies.
pub const PRECISION: u32 = 14;
const TOTAL: u32 = 1 << PRECISION;
const LOW: u32 = 1 << 16;
const N_STATES: usize = 4;

/// Frequencies of the tokens; each at least 1, their sum 2^14.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    frequency: [u16; N_TOKENS],
    start: [u16; N_TOKENS],
}

impl Table {
    /// Frequencies in proportion to `counts`, each at least 1.
    pub fn from_counts(counts: &[u64; N_TOKENS]) -> Table {
        let n: u64 = counts.iter().sum::<u64>().max(1);
        let free = (TOTAL as usize - N_TOKENS) as u64;
        let mut frequency: [u16; N_TOKENS] =
            std::array::from_fn(|i| 1 + (counts[i] as u128 * free as u128 / n as u128) as u16);
        let sum: u32 = frequency.iter().map(|&f| f as u32).sum();
        let most_frequent = (0..N_TOKENS).max_by_key(|&i| (frequency[i], N_TOKENS - i)).expect("tokens");
        frequency[most_frequent] += (TOTAL - sum) as u16;
        Table::from_frequencies(frequency)
    }

    fn from_frequencies(frequency: [u16; N_TOKENS]) -> Table {
        let mut start = [0; N_TOKENS];
        for i in 1..N_TOKENS {
            start[i] = start[i - 1] + frequency[i - 1];
        }
        Table { frequency, start }
    }

    /// Token of each of the 2^14 slots.
    pub fn slots(&self) -> Vec<u8> {
        let mut slots = Vec::with_capacity(TOTAL as usize);
        for (token, &frequency) in self.frequency.iter().enumerate() {
            slots.resize(slots.len() + frequency as usize, token as u8);
        }
        slots
    }

    /// Number of frequencies up to the last above 1, then those frequencies less 1; the rest are 1, and the first
    /// is what is missing to 2^14.
    pub fn write(&self, w: &mut ByteWriter) {
        let used = self.frequency.iter().rposition(|&f| f > 1).map_or(0, |last| last + 1);
        w.count(used);
        for &frequency in self.frequency.iter().take(used).skip(1) {
            w.count(frequency as usize - 1);
        }
    }

    /// Inverse of [`Table::write`].
    pub fn read(r: &mut ByteReader) -> Result<Table> {
        let used = r.count()?;
        let mut frequency = [1u16; N_TOKENS];
        let wrong = || Error::corrupt("expected token frequencies with a sum of 2^14");
        if used > N_TOKENS {
            return Err(wrong());
        }
        let mut sum = (N_TOKENS - used.max(1)) as u64;
        for entry in frequency.iter_mut().take(used).skip(1) {
            let value = r.varint()?;
            let value = value.checked_add(1).ok_or_else(wrong)?;
            sum = sum.saturating_add(value);
            *entry = u16::try_from(value).map_err(|_| wrong())?;
        }
        frequency[0] = (TOTAL as u64).checked_sub(sum).filter(|&f| f > 0).ok_or_else(wrong)? as u16;
        Ok(Table::from_frequencies(frequency))
    }
}

/// Codes `tokens`; `table_of(i)` is the table of token i. Four states (32 bits each), then 16-bit words, all
/// little-endian.
pub fn encode<'a>(tokens: &[u8], table_of: impl Fn(usize) -> &'a Table) -> Vec<u8> {
    let mut states = [LOW; N_STATES];
    let mut words: Vec<u16> = Vec::with_capacity(tokens.len() / 2);
    for (idx, &token) in tokens.iter().enumerate().rev() {
        let table = table_of(idx);
        let frequency = table.frequency[token as usize] as u32;
        let start = table.start[token as usize] as u32;
        let state = &mut states[idx % N_STATES];
        if *state >> (32 - PRECISION) >= frequency {
            words.push(*state as u16);
            *state >>= 16;
        }
        *state = (*state / frequency) << PRECISION | (*state % frequency + start);
    }
    let mut bytes = Vec::with_capacity(4 * N_STATES + 2 * words.len());
    for state in states {
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    for word in words.iter().rev() {
        bytes.extend_from_slice(&word.to_le_bytes());
    }
    bytes
}

/// Inverse of [`encode`]; `table_of(i)` is the table of token i and its slots.
pub fn decode<'a>(
    bytes: &[u8],
    n_tokens: usize,
    table_of: impl Fn(usize) -> (&'a Table, &'a Vec<u8>),
) -> Result<Vec<u8>> {
    let mut r = ByteReader::new(bytes);
    let mut states = [0u32; N_STATES];
    for state in &mut states {
        *state = u32::from_le_bytes(r.raw(4)?.try_into().expect("four bytes"));
    }
    if states.iter().any(|&state| state < LOW) {
        return Err(Error::corrupt("expected states of at least 2^16 in a token stream"));
    }
    let mut words = r.rest().chunks_exact(2);
    if !words.remainder().is_empty() {
        return Err(Error::corrupt("expected whole words in a token stream"));
    }
    // The most frequent token takes 0.0108 bits at least.
    const MAX_TOKENS_A_BYTE: usize = 800;
    if n_tokens > bytes.len().saturating_mul(MAX_TOKENS_A_BYTE) {
        return Err(Error::corrupt(format!("{n_tokens} tokens cannot come from {} bytes", bytes.len())));
    }
    let mut tokens = with_room(n_tokens)?;
    for idx in 0..n_tokens {
        let (table, slots) = table_of(idx);
        let state = &mut states[idx % N_STATES];
        let slot = *state & (TOTAL - 1);
        let token = slots[slot as usize];
        let frequency = table.frequency[token as usize] as u32;
        *state = frequency.wrapping_mul(*state >> PRECISION) + slot - table.start[token as usize] as u32;
        if *state < LOW {
            let word = words.next().ok_or_else(|| Error::corrupt("expected more words in a token stream"))?;
            *state = *state << 16 | u16::from_le_bytes([word[0], word[1]]) as u32;
        }
        tokens.push(token);
    }
    if states != [LOW; N_STATES] || words.next().is_some() {
        return Err(Error::corrupt("a token stream does not end where it should"));
    }
    Ok(tokens)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_length_is_close_to_the_entropy() {
        let tokens: Vec<u8> = (0..40_000u64).map(|i| (i * i % 1009 * 7 % 64) as u8 / 9).collect();
        let mut counts = [0u64; N_TOKENS];
        tokens.iter().for_each(|&t| counts[t as usize] += 1);
        let table = Table::from_counts(&counts);
        let slots = table.slots();
        let coded = encode(&tokens, |_| &table);
        assert_eq!(decode(&coded, tokens.len(), |_| (&table, &slots)).unwrap(), tokens);
        let n = tokens.len() as f64;
        let entropy: f64 =
            counts.iter().filter(|&&c| c > 0).map(|&c| -(c as f64) * (c as f64 / n).log2()).sum();
        assert!((coded.len() as f64) < entropy / 8.0 * 1.012 + 20.0, "{} {}", coded.len(), entropy / 8.0);
    }

    #[test]
    fn tables_that_do_not_add_up_are_refused() {
        let mut w = ByteWriter::default();
        w.count(3);
        w.count(20_000);
        w.count(0);
        assert!(Table::read(&mut ByteReader::new(&w.bytes)).is_err());
        let mut w = ByteWriter::default();
        w.count(2);
        w.varint(u64::MAX);
        assert!(Table::read(&mut ByteReader::new(&w.bytes)).is_err());
    }
}
