//! Values that repeat far apart, such as the corners of triangles: a table of the different ones, and which of them each is.

use crate::predict::Numbers;
use crate::recast::Array;
use baler_data::error::{Error, Result};
use std::collections::HashMap;

/// The order of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Order {
    /// Ascending: an entry is its rank.
    Sorted = 0,
    /// As they come: an entry is 0 where a number is new, else how many new ones ago that number was new.
    First = 1,
}

/// Different numbers of all, at most, for a table to be worth a look.
const MOST_DIFFERENT: f64 = 0.7;

/// How many different numbers there are, if they are few.
pub fn n_different(numbers: Numbers) -> Option<usize> {
    let n_values = numbers.q.len();
    let most = (MOST_DIFFERENT * n_values as f64) as usize;
    let mut seen = std::collections::HashSet::with_capacity(1024);
    for number in numbers.unmasked() {
        seen.insert(number);
        if seen.len() > most {
            return None;
        }
    }
    Some(seen.len())
}

/// The table, and an entry for each number.
pub fn forward(order: Order, numbers: Numbers) -> Option<(Array, Array)> {
    let (table, q) = match order {
        Order::Sorted => sorted(numbers),
        Order::First => by_appearance(numbers),
    };
    let table =
        Array { shape: vec![table.len()], q: table, mask: None, mantissa_bits: numbers.mantissa_bits };
    let mask = numbers.mask.map(<[bool]>::to_vec);
    Some((table, Array { q, shape: numbers.shape.to_vec(), mask, mantissa_bits: None }))
}

fn sorted(numbers: Numbers) -> (Vec<i64>, Vec<i64>) {
    let mut table: Vec<i64> = numbers.unmasked().collect();
    table.sort_unstable();
    table.dedup();
    // What is masked has any rank.
    let entries = numbers.q.iter().map(|number| table.binary_search(number).unwrap_or(0) as i64).collect();
    (table, entries)
}

fn by_appearance(numbers: Numbers) -> (Vec<i64>, Vec<i64>) {
    let mut places: HashMap<i64, usize> = HashMap::new();
    let mut table = Vec::new();
    let entry = |(at, &number): (usize, &i64)| {
        if numbers.mask.is_some_and(|mask| mask[at]) {
            return 1;
        }
        let n_before = table.len();
        let place = *places.entry(number).or_insert(n_before);
        if place == n_before {
            table.push(number);
        }
        (n_before - place) as i64
    };
    let entries = numbers.q.iter().enumerate().map(entry).collect();
    (table, entries)
}

/// Turns entries into numbers.
pub fn undo(order: Order, table: &[i64], mask: Option<&[bool]>, q: &mut [i64]) -> Result<()> {
    let mut n_before = 0usize;
    for (at, entry) in q.iter_mut().enumerate() {
        let is_masked = mask.is_some_and(|mask| mask[at]);
        if is_masked {
            *entry = 0;
            continue;
        }
        let place = match order {
            Order::Sorted => usize::try_from(*entry).ok(),
            Order::First => usize::try_from(*entry).ok().and_then(|back| n_before.checked_sub(back)),
        };
        n_before += (*entry == 0) as usize;
        *entry = *place.and_then(|place| table.get(place)).ok_or_else(|| {
            Error::corrupt(format!("expected an entry of a table of {} numbers, found {entry}", table.len()))
        })?;
    }
    Ok(())
}
