//! A few decoded values move within the bound until the sum of a part is that of its originals.
//!
//! Values on the grid are walked in C order. Each is told, by an adaptive decision, to stay or to go as far as the bound is wide in the
//! one direction that the sum lacks, though not beyond the variable's limits or to another side of a threshold. Half of the values may go,
//! those that are off to the other side already, and the encoder takes the first that may: about two decisions a bound that the sum
//! lacks. What is left then, less than a bound, goes to single values, which are stored whole.

use crate::entropy::binary::{BinaryDecoder, BinaryEncoder};
use crate::options::BoundSpec;
use crate::part::sides::Odds;
use crate::quantize::sides::{Thresholds, key, key_ends, of_key};
use crate::quantize::special::Specials;
use crate::quantize::sum::{SumOfDifferences, rounding};
use crate::variable::{VariablePlan, read_bits, write_bits};
use baler_data::bytes::{ByteReader, ByteWriter};
use baler_data::element::Element;
use baler_data::error::{Error, Result};
use std::collections::BTreeMap;

/// Most values that the encoder stores whole; one does, as a rule.
const MAX_SINGLE: usize = 4096;

/// How far values of a part may go.
struct Mover<'a> {
    variable: &'a VariablePlan,
    thresholds: Thresholds,
}

impl<'a> Mover<'a> {
    fn new<T: Element>(variable: &'a VariablePlan) -> Mover<'a> {
        Mover { variable, thresholds: Thresholds::of::<T>(&variable.promises.cuts) }
    }

    /// The keys that a decoded value may become: those of its side, within the limits.
    fn ends<T: Element>(&self, decoded: T) -> (i64, i64) {
        let (low, high) = key_ends::<T>(self.variable.limits);
        let (least, greatest) = self.thresholds.ends(self.thresholds.side(key(decoded)));
        (low.max(least), high.min(greatest))
    }

    /// A decoded value after its move up or down.
    fn moved<T: Element>(&self, decoded: T, is_up: bool) -> T {
        let bound = &self.variable.bound;
        let far = match bound.spec {
            BoundSpec::PwRel(_) => bound.limit * decoded.to_f64().abs(),
            _ => bound.limit,
        };
        let (low, high) = self.ends(decoded);
        if T::IS_FLOAT {
            let to = decoded.to_f64() + if is_up { far } else { -far };
            return of_key(key(T::from_f64(to)).max(low).min(high));
        }
        let (order, far) = (decoded.order(), far as u64);
        let to = if is_up { order.saturating_add_unsigned(far) } else { order.saturating_sub_unsigned(far) };
        T::from_order(to.max(low).min(high))
    }
}

fn is_special(specials: &Specials, idx: usize) -> bool {
    specials.classes.get(idx).is_some_and(|&class| class != 0)
}

/// Moves decoded values until their sum is that of the originals; gives the bytes from which [`decode`] does the same.
pub fn encode<T: Element>(
    original: &[T],
    decoded: &mut [T],
    specials: &Specials,
    variable: &VariablePlan,
) -> Vec<u8> {
    let mover = Mover::new::<T>(variable);
    let mut lacking = SumOfDifferences::of(original, decoded);
    let is_up = lacking.value::<T>() > 0.0;
    let (mut goes, mut n_walked) = (Vec::new(), 0);
    let enough = rounding(original) / 2.0;
    let is_even = matches!(variable.bound.spec, BoundSpec::Abs(_) | BoundSpec::Rel(_));
    let far = if T::IS_FLOAT { variable.bound.limit } else { variable.bound.limit.floor() };
    for (idx, &x) in original.iter().enumerate().filter(|(idx, _)| !is_special(specials, *idx)) {
        let y = decoded[idx];
        let to = mover.moved(y, is_up);
        let gain = (to.to_f64() - y.to_f64()).abs();
        let is_gone = gain > 0.0 && gain <= lacking.value::<T>().abs() && variable.bound.holds(x, to);
        goes.push(is_gone);
        if is_gone {
            lacking.add(y, to);
            decoded[idx] = to;
            n_walked = goes.len();
        }
        let rest = lacking.value::<T>().abs();
        if rest <= enough || is_even && rest < far {
            break;
        }
    }
    let single = place_rest(original, decoded, specials, (&mover, enough), &mut lacking);
    if n_walked == 0 && single.is_empty() {
        return Vec::new();
    }
    let mut w = ByteWriter::default();
    w.u8(is_up as u8);
    w.count(n_walked);
    w.count(single.len());
    let mut next = 0;
    for (idx, value) in single {
        w.count(idx - next);
        write_bits(value.to_bits64(), variable.dtype, &mut w);
        next = idx + 1;
    }
    let (mut bits, mut odds) = (BinaryEncoder::default(), Odds::default());
    goes[..n_walked].iter().for_each(|&goes| {
        odds.code(&mut bits, goes);
    });
    w.raw(&bits.finish());
    w.bytes
}

/// Gives what the sum still lacks to single values, as long as that makes it less.
fn place_rest<T: Element>(
    original: &[T],
    decoded: &mut [T],
    specials: &Specials,
    (mover, enough): (&Mover, f64),
    lacking: &mut SumOfDifferences,
) -> BTreeMap<usize, T> {
    let mut single = BTreeMap::new();
    let bound = &mover.variable.bound;
    while single.len() < MAX_SINGLE && lacking.value::<T>().abs() > enough {
        let rest = lacking.value::<T>();
        let gridded = || (0..original.len()).filter(|&idx| !is_special(specials, idx));
        let after = |idx: usize, to: T| {
            let mut after = *lacking;
            after.add(decoded[idx], to);
            (idx, to, after)
        };
        let all_of_it = gridded().find_map(|idx| {
            let y = decoded[idx];
            let to = match T::IS_FLOAT {
                true => T::from_f64(y.to_f64() + rest),
                false => T::from_order(y.order().saturating_add(rest as i64)),
            };
            let (low, high) = mover.ends(y);
            let serves = (low..=high).contains(&key(to)) && bound.holds(original[idx], to);
            let found = after(idx, to);
            (serves && found.2.value::<T>().abs() <= rest.abs() / 2.0).then_some(found)
        });
        // Else as much as one value can take, which then is exact.
        let most = || {
            let exact = gridded().map(|idx| after(idx, original[idx]));
            exact.min_by(|a, b| a.2.value::<T>().abs().total_cmp(&b.2.value::<T>().abs()))
        };
        let better = |found: &(usize, T, SumOfDifferences)| found.2.value::<T>().abs() < rest.abs();
        let Some((idx, to, after)) = all_of_it.or_else(most).filter(better) else { break };
        decoded[idx] = to;
        single.insert(idx, to);
        *lacking = after;
    }
    single
}

/// Inverse of [`encode`].
///
/// # Errors
/// [`baler_data::ErrorKind::Corrupt`] for bytes that do not fit.
pub fn decode<T: Element>(
    bytes: &[u8],
    decoded: &mut [T],
    specials: &Specials,
    variable: &VariablePlan,
) -> Result<()> {
    if bytes.is_empty() {
        return Ok(());
    }
    let mut r = ByteReader::new(bytes);
    let is_up = match r.u8()? {
        0 => false,
        1 => true,
        found => return Err(Error::corrupt(format!("expected a direction of 0 or 1, found {found}"))),
    };
    let (mut n_walked, n_single) = (r.count()?, r.count()?);
    if n_walked > decoded.len() || n_single > decoded.len() {
        return Err(Error::corrupt(format!(
            "expected fewer values that move, found {n_walked} and {n_single}"
        )));
    }
    let (mut single, mut next) = (Vec::new(), 0usize);
    for _ in 0..n_single {
        let idx = next.checked_add(r.count()?).filter(|&idx| idx < decoded.len());
        let idx = idx.ok_or_else(|| Error::corrupt("a value that moves is none of the part's"))?;
        single.push((idx, T::from_bits64(read_bits(&mut r, variable.dtype)?)));
        next = idx + 1;
    }
    let mover = Mover::new::<T>(variable);
    let (mut bits, mut odds) = (BinaryDecoder::new(r.rest()), Odds::default());
    for (idx, value) in decoded.iter_mut().enumerate() {
        if n_walked == 0 {
            break;
        }
        if !is_special(specials, idx) {
            n_walked -= 1;
            if odds.code(&mut bits, false) {
                *value = mover.moved(*value, is_up);
            }
            bits.check()?;
        }
    }
    single.into_iter().for_each(|(idx, value)| decoded[idx] = value);
    Ok(())
}
