//! Values -> their hidden integers, from a few thousand of them; then all values are asked.
//!
//! Each claim is worth the bits that it saves: log2 of how many floats lie between two neighbors of the lattice. A claim
//! that was fitted to a sample counts only if it holds for nearly all values.

mod along;
mod claims;
mod constants;
mod fit;
mod normalized;
mod region;
mod sample;
mod step;

use super::Hidden;
use super::program::{Program, Start};
use baler_data::element::Element;
use claims::{Claim, best_claim};
use sample::{Group, is_usable};

/// Values of one lattice for all that are looked at before it is confirmed on all.
const SAMPLE: usize = 2048;
/// Fewest values that are worth a lattice.
const FEWEST: usize = 24;
/// The share of values that may be strangers: the first, and up to the second where a lattice saves so many bits that even
/// these are worth it.
const STRANGERS: f64 = 0.02;
const MOST_STRANGE: f64 = 0.06;
const BITS_A_STRANGER: f64 = 700.0;
/// Bits a value that a lattice must save.
const LEAST_SAVED: f64 = 1.0;
/// How many shifts of the numbers are tried where the offset of a writer is not known.
const REACH: i64 = 1 << 16;
/// How often a lattice is fitted again, with the strangers among all values.
const N_FITS: usize = 3;
/// Strangers that are looked at then.
const MOST_STRANGERS: usize = 512;

impl Hidden {
    /// The integers behind `values` (C order of `shape`), where `skip` does not say that a value is special; `None` where there
    /// is nothing to find, or not for nearly all of them.
    pub fn find<T: Element>(values: &[T], shape: &[usize], skip: Option<&[bool]>) -> Option<Hidden> {
        if values.len() < FEWEST {
            return None;
        }
        if !T::IS_FLOAT {
            return common_stride(values, skip);
        }
        let whole = confirmed(values, Group::all(values.len()), skip, SAMPLE, REACH);
        let one = |claim: Claim| Hidden { axes: 0..0, programs: vec![claim.program] };
        match whole {
            Some(claim) if matches!(claim.program.start, Start::Whole { .. }) => Some(one(claim)),
            Some(claim) => along::find(values, shape, skip, claim.saved).or_else(|| Some(one(claim))),
            None => along::find(values, shape, skip, 0.0),
        }
    }
}

/// The best claim for the values of a group that all but a few of them bear out.
fn confirmed<T: Element>(
    values: &[T],
    group: Group,
    skip: Option<&[bool]>,
    n_sampled: usize,
    reach: i64,
) -> Option<Claim> {
    let mut sample = group.sample(values, skip, n_sampled);
    let mut best: Option<Claim> = None;
    for _ in 0..N_FITS {
        let Some(mut claim) = best_claim(&sample, reach) else { break };
        claim.widen(values, group, skip);
        let (n_counted, strangers) = strangers(values, group, skip, &claim.program);
        let n_strangers = strangers.len();
        claim.with_all(n_strangers, n_counted);
        let share = n_strangers as f64 / n_counted.max(1) as f64;
        let is_better = best.as_ref().is_none_or(|best| best.saved < claim.saved);
        let is_allowed = share <= allowed_strangers(claim.saved) && claim.saved >= LEAST_SAVED;
        if is_better && is_allowed {
            best = Some(claim);
        }
        if !is_better || share > 0.2 || n_strangers == 0 || group.len() <= sample.len() {
            break;
        }
        let stride = n_strangers.div_ceil(MOST_STRANGERS);
        sample.extend(strangers.into_iter().step_by(stride));
    }
    best
}

/// The share of values that may be strangers of a lattice that saves so many bits a value.
fn allowed_strangers(saved: f64) -> f64 {
    (saved / BITS_A_STRANGER).clamp(STRANGERS, MOST_STRANGE)
}

/// How many values of a group count, and those that a lattice does not have.
fn strangers<T: Element>(
    values: &[T],
    group: Group,
    skip: Option<&[bool]>,
    program: &Program,
) -> (usize, Vec<T>) {
    let mut n_counted = 0;
    let mut strangers = Vec::new();
    for outer in 0..group.n_outer {
        let start = group.first + outer * group.stride;
        for position in start..start + group.inner {
            if skip.is_some_and(|skip| skip[position]) {
                continue;
            }
            n_counted += 1;
            let value = values[position];
            if program.number(value).is_none() && is_usable(value) {
                strangers.push(value);
            }
        }
    }
    (n_counted, strangers)
}

/// Integers that are all multiples of one number, but for a constant.
fn common_stride<T: Element>(values: &[T], skip: Option<&[bool]>) -> Option<Hidden> {
    let counts = |idx: &usize| skip.is_none_or(|skip| !skip[*idx]);
    let first = (0..values.len()).find(counts)?;
    let phase = values[first].order();
    let mut stride = 0u64;
    for idx in (0..values.len()).filter(counts) {
        let difference = (i128::from(values[idx].order()) - i128::from(phase)).unsigned_abs();
        stride = gcd(u64::try_from(difference).ok()?, stride);
        if stride == 1 {
            return None;
        }
    }
    let stride = i64::try_from(stride).ok().filter(|&stride| stride > 1)?;
    let start = Start::Whole { stride, phase: phase.rem_euclid(stride) };
    Some(Hidden { axes: 0..0, programs: vec![Program { start, steps: Vec::new() }] })
}

fn gcd(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}
