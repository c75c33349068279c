//! Numbers -> how they are coded: themselves or places in a list of the values that occur, and which differences are
//! taken; by coding a part of them in every way.

use crate::mixing::encode_symbols;
use crate::mixing::symbols::Difference;
use std::collections::HashMap;

/// Numbers that are coded in every way.
const TRIAL: usize = 1 << 12;

/// How numbers are coded.
pub struct Choice {
    pub list: Option<List>,
    pub difference: Difference,
}

/// The values that occur, and where in it each number is.
pub struct List {
    pub values: Vec<i64>,
    pub places: Vec<i64>,
    pub difference: Difference,
}

/// The way that is expected to take the fewest bytes.
pub fn choose(q: &[i64], columns: usize) -> Choice {
    let (difference, expected) = best_difference(q, columns);
    let plain = (Choice { list: None, difference }, expected);
    let lists = [by_use(q), in_order(q)].into_iter().flatten();
    let listed = lists.map(|(values, places)| {
        let (of_values, list_bytes) = best_difference(&values, 1);
        let (difference, bytes) = best_difference(&places, columns);
        (Choice { list: Some(List { values, places, difference: of_values }), difference }, list_bytes + bytes)
    });
    listed.fold(plain, |best, other| if other.1 < best.1 { other } else { best }).0
}

/// The difference that takes the fewest bytes on the middle of the numbers, and the bytes expected for all.
fn best_difference(q: &[i64], columns: usize) -> (Difference, usize) {
    let n = TRIAL.min(q.len());
    let part = &q[(q.len() - n) / 2..][..n];
    let kinds = Difference::ALL.into_iter().filter(|&kind| kind != Difference::Above || columns > 1);
    let bytes = kinds.map(|kind| (kind, encode_symbols(part, columns, kind).len()));
    let (kind, bytes) = bytes.min_by_key(|&(_, bytes)| bytes).unwrap_or((Difference::None, 0));
    (kind, (bytes as u128 * q.len() as u128 / n.max(1) as u128) as usize)
}

/// The values in the order of their first use, and the places of all numbers; none where too few are repeated.
fn by_use(q: &[i64]) -> Option<(Vec<i64>, Vec<i64>)> {
    let mut values = Vec::new();
    let mut place_of = HashMap::new();
    let mut places = Vec::with_capacity(q.len());
    for &value in q {
        let place = *place_of.entry(value).or_insert(values.len() as i64);
        if place == values.len() as i64 {
            if 2 * values.len() >= q.len() {
                return None;
            }
            values.push(value);
        }
        places.push(place);
    }
    Some((values, places))
}

/// The values in order of size, and the places of all numbers; none where too few are repeated.
fn in_order(q: &[i64]) -> Option<(Vec<i64>, Vec<i64>)> {
    let mut values = q.to_vec();
    values.sort_unstable();
    values.dedup();
    let place = |value| values.binary_search(value).unwrap_or_default() as i64;
    let places = (2 * values.len() <= q.len()).then(|| q.iter().map(place).collect())?;
    Some((values, places))
}
