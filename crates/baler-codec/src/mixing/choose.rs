//! Numbers -> how they are coded: themselves or places in a list of the values that occur, and which differences are
//! taken; by coding a part of them in every way, and all of them where two ways are close.

use crate::mixing::stream::encode_symbols;
use crate::mixing::symbols::Difference::{self, Above, Largest, None as Plain, Previous};
use baler_data::bytes::ByteWriter;
use std::collections::HashMap;

/// How numbers are coded: themselves, or as places in a list of the values that occur.
pub const PLAIN: u8 = 0;
pub const LISTED: u8 = 1;
/// Numbers that are coded in every way.
const TRIAL: usize = 1 << 12;
/// The same where only a price is asked for.
const PRICE_TRIAL: usize = 1 << 10;
/// Ways that are expected to take this many hundredths of the best one's bytes are tried on all numbers.
const CLOSE: usize = 105;
/// Ranges up to this need one byte; a list makes nothing smaller.
const BYTE: u64 = 255;

/// Numbers and the difference that is taken of them.
struct Differences<'a> {
    q: &'a [i64],
    columns: usize,
    kind: Difference,
    /// Bytes that all are expected to take.
    expected: usize,
}

/// A way to code numbers.
struct Way<'a> {
    list: Option<Differences<'a>>,
    numbers: Differences<'a>,
}

impl<'a> Differences<'a> {
    /// The kind that takes the fewest bytes on the middle of the numbers.
    fn choose(q: &'a [i64], columns: usize, kinds: &[Difference]) -> Differences<'a> {
        Differences::choose_by(TRIAL, q, columns, kinds)
    }

    /// By so many numbers.
    fn choose_by(n: usize, q: &'a [i64], columns: usize, kinds: &[Difference]) -> Differences<'a> {
        let n = n.min(q.len());
        let part = &q[(q.len() - n) / 2..][..n];
        let kinds = kinds.iter().filter(|&&kind| kind != Above || columns > 1);
        let tried = kinds.map(|&kind| (kind, encode_symbols(part, columns, kind).len()));
        let (kind, bytes) = tried.min_by_key(|&(_, bytes)| bytes).unwrap_or((Plain, 0));
        let expected = (bytes as u128 * q.len() as u128 / n.max(1) as u128) as usize;
        Differences { q, columns, kind, expected }
    }

    fn encode(&self) -> Vec<u8> {
        encode_symbols(self.q, self.columns, self.kind)
    }
}

impl Way<'_> {
    fn expected(&self) -> usize {
        self.numbers.expected + self.list.as_ref().map_or(0, |list| list.expected)
    }

    fn encode(&self) -> Vec<u8> {
        let mut writer = ByteWriter::default();
        match &self.list {
            None => writer.u8(PLAIN),
            Some(list) => {
                writer.u8(LISTED);
                writer.count(list.q.len());
                writer.block(&list.encode());
            }
        }
        writer.raw(&self.numbers.encode());
        writer.bytes
    }
}

/// Bytes that the numbers take without a list, about the fewest.
pub fn price(q: &[i64], columns: usize) -> usize {
    Differences::choose_by(PRICE_TRIAL, q, columns, &Difference::ALL).encode().len()
}

/// The fewest bytes found.
pub fn encode_best(q: &[i64], columns: usize) -> Vec<u8> {
    let lists: Vec<_> =
        if range(q) <= BYTE { Vec::new() } else { [by_use(q), in_order(q)].into_iter().flatten().collect() };
    let mut ways = vec![Way { list: None, numbers: Differences::choose(q, columns, &Difference::ALL) }];
    for (values, places, kinds) in &lists {
        let list = Some(Differences::choose(values, 1, &[Plain, Previous]));
        ways.push(Way { list, numbers: Differences::choose(places, columns, kinds) });
    }
    let least = ways.iter().map(Way::expected).min().unwrap_or(0);
    let close = ways.iter().filter(|way| way.expected() / CLOSE <= least / 100);
    close.map(Way::encode).min_by_key(Vec::len).unwrap_or_default()
}

fn range(q: &[i64]) -> u64 {
    let (least, most) = q.iter().fold((i64::MAX, i64::MIN), |(a, b), &v| (a.min(v), b.max(v)));
    most.wrapping_sub(least) as u64
}

/// Values, the places of all numbers among them, and which differences of places may help.
type Listed = (Vec<i64>, Vec<i64>, &'static [Difference]);

/// With the values in the order of their first use; none where too few are repeated.
fn by_use(q: &[i64]) -> Option<Listed> {
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
    Some((values, places, &[Plain, Largest]))
}

/// With the values in order of size; none where too few are repeated.
fn in_order(q: &[i64]) -> Option<Listed> {
    let mut values = q.to_vec();
    values.sort_unstable();
    values.dedup();
    let place = |value| values.binary_search(value).unwrap_or_default() as i64;
    let places = (2 * values.len() <= q.len()).then(|| q.iter().map(place).collect())?;
    Some((values, places, &[Plain, Previous, Above]))
}
