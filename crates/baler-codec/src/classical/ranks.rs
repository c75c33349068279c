//! Values that are few, replaced by their rank in a table of the distinct values: jet areas have 116.

use crate::classical::pack::middle;
use crate::classical::{Effort, encode_unranked};
use crate::quantize::widest;
use baler_data::bytes::{ByteReader, ByteWriter};
use baler_data::error::{Error, Result};
use std::collections::HashSet;

/// Distinct values up to which ranks are tried.
const MAX_RANKS: usize = 4096;

/// Sorted distinct values, where ranks are worth a try: they are few and not already a dense run, and ranks make a
/// part of the values smaller.
pub fn useful_table(q: &[i64], mask: Option<&[bool]>) -> Option<Vec<i64>> {
    distinct_values(q, mask).filter(|table| ranks_pay(q, table))
}

pub fn to_ranks(q: &mut [i64], table: &[i64]) {
    for value in q {
        *value = table.binary_search(value).unwrap_or(0) as i64;
    }
}

/// Inverse of [`to_ranks`]; what is masked may have any rank.
pub fn from_ranks(q: &mut [i64], table: &[i64], mask: Option<&[bool]>) -> Result<()> {
    for (idx, value) in q.iter_mut().enumerate() {
        *value = match usize::try_from(*value).ok().and_then(|rank| table.get(rank)) {
            Some(&ranked) => ranked,
            None if mask.is_some_and(|mask| mask[idx]) => 0,
            None => {
                return Err(Error::corrupt(format!("expected a rank below {}, found {value}", table.len())));
            }
        };
    }
    Ok(())
}

fn distinct_values(q: &[i64], mask: Option<&[bool]>) -> Option<Vec<i64>> {
    // A sample that is all different cannot have few values in all.
    let mut sample: Vec<i64> = q.iter().step_by((q.len() / (4 * MAX_RANKS)).max(1)).copied().collect();
    sample.sort_unstable();
    sample.dedup();
    if sample.len() > MAX_RANKS || q.len() < 64 {
        return None;
    }
    let ends = |(low, high): (i64, i64), &x: &i64| (low.min(x), high.max(x));
    let (low, high) = widest(
        #[inline(always)]
        || q.iter().fold((i64::MAX, i64::MIN), ends),
    );
    let dense =
        |low: i64, high: i64, n_distinct: usize| (high.wrapping_sub(low) as u64 / 2) < n_distinct as u64;
    if dense(low, high, sample.len()) {
        return None;
    }
    let mut distinct = HashSet::with_capacity(2 * sample.len());
    let mut previous = None;
    for (idx, &value) in q.iter().enumerate() {
        if Some(value) != previous && !mask.is_some_and(|mask| mask[idx]) {
            distinct.insert(value);
            if distinct.len() > MAX_RANKS {
                return None;
            }
            previous = Some(value);
        }
    }
    let mut table: Vec<i64> = distinct.into_iter().collect();
    table.sort_unstable();
    let (first, last) = (*table.first()?, *table.last()?);
    (!dense(first, last, table.len())).then_some(table)
}

/// True if ranks make a part of the values smaller by more than their share of the table.
fn ranks_pay(q: &[i64], table: &[i64]) -> bool {
    const PART: usize = 1 << 16;
    let mut part = middle(q, PART).to_vec();
    let n = part.len();
    let plain = encode_unranked(part.clone(), &[n], None, Effort::Least).bytes.len();
    to_ranks(&mut part, table);
    let mut writer = ByteWriter::default();
    write_table(table, &mut writer);
    let share = writer.bytes.len() as f64 * n as f64 / q.len() as f64;
    encode_unranked(part, &[n], None, Effort::Least).bytes.len() as f64 + share < plain as f64
}

pub fn write_table(table: &[i64], writer: &mut ByteWriter) {
    writer.count(table.len());
    writer.signed(table[0]);
    for pair in table.windows(2) {
        writer.varint(pair[1].wrapping_sub(pair[0]) as u64);
    }
}

pub fn read_table(reader: &mut ByteReader) -> Result<Vec<i64>> {
    let count = reader.count_of_items()?;
    if count == 0 || count > MAX_RANKS {
        return Err(Error::corrupt(format!("expected 1 to {MAX_RANKS} ranks, found {count}")));
    }
    let mut table = vec![reader.signed()?];
    for _ in 1..count {
        table.push(table[table.len() - 1].wrapping_add(reader.varint()? as i64));
    }
    Ok(table)
}
