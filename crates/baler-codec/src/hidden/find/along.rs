//! One lattice for each index along an axis: gains of channels, slopes of slices, offsets of columns.

use super::claims::Claim;
use super::constants::candidates;
use super::sample::{Group, distinct};
use super::{STRANGERS, confirmed, strangers};
use crate::hidden::Hidden;
use crate::hidden::program::{Float, Program, Start, Step};
use crate::hidden::stored::MAX_LATTICES;
use baler_data::element::Element;
use std::ops::Range;

/// Fewest values that are worth a lattice of their own.
const FEWEST_EACH: usize = 32;
/// Values of an index that are looked at.
const SAMPLE_EACH: usize = 768;
/// Indices that are tried first; if most of them have nothing, the axis has nothing.
const N_PROBES: usize = 4;
/// Indices that are looked at for these.
const MOST_PROBES: usize = 24;
/// Fewest different values of an index that say something.
const FEWEST_DISTINCT: usize = 8;
/// Bits a value that lattices of their own must save beside one for all.
const WORTH: f64 = 1.5;
/// Bits that the constants of a lattice take.
const LATTICE_BITS: f64 = 100.0;
/// Pairs of neighbors that are looked at.
const N_NEIGHBORS: usize = 4001;
/// Offsets that are tried for an index with the scale of another.
const N_OFFSETS: usize = 8;
/// How many shifts of the numbers are tried for each index.
const REACH_EACH: i64 = 1 << 12;

/// The best axis, if one saves clearly more than `saved` bits a value.
pub fn find<T: Element>(values: &[T], shape: &[usize], skip: Option<&[bool]>, saved: f64) -> Option<Hidden> {
    let mut best: Option<(f64, Hidden)> = None;
    let n_axes = shape.len();
    let single = (0..n_axes).map(|axis| axis..axis + 1);
    let leading = (2..n_axes).map(|end| 0..end);
    for axes in single.chain(leading) {
        let extent = shape[axes.clone()].iter().product();
        if !(2..=MAX_LATTICES).contains(&extent) || values.len() / extent < FEWEST_EACH {
            continue;
        }
        let least = best.as_ref().map_or(saved + WORTH, |best| best.0 + WORTH / 4.0);
        if let Some(found) = along(values, shape, skip, axes, least) {
            best = Some(found);
        }
    }
    best.map(|(_, hidden)| hidden)
}

fn along<T: Element>(
    values: &[T],
    shape: &[usize],
    skip: Option<&[bool]>,
    axes: Range<usize>,
    least: f64,
) -> Option<(f64, Hidden)> {
    let extent: usize = shape[axes.clone()].iter().product();
    let each = |idx: usize| -> Option<Claim> {
        confirmed(values, Group::along(shape, &axes, idx), skip, SAMPLE_EACH, REACH_EACH)
    };
    if !is_likely(
        extent,
        |idx| (has_many(values, Group::along(shape, &axes, idx), skip)).then(|| each(idx)),
        least,
    ) {
        return None;
    }
    let claims: Vec<Option<Claim>> = (0..extent).map(each).collect();
    let n_each = (values.len() / extent) as f64;
    let saved =
        claims.iter().flatten().map(|claim| claim.saved - LATTICE_BITS / n_each).sum::<f64>() / extent as f64;
    if saved <= least {
        return None;
    }
    let template = most_common(&claims);
    let program = |(idx, claim): (usize, Option<Claim>)| {
        let group = Group::along(shape, &axes, idx);
        let alike =
            template.as_ref().and_then(|template| alike(template, values, group, skip, claim.as_ref()));
        alike.or(claim.map(|claim| claim.program)).unwrap_or_else(Program::plain::<T>)
    };
    let programs: Vec<Program> = claims.into_iter().enumerate().map(program).collect();
    if template.is_none() {
        return Some((saved, Hidden { axes, programs }));
    }
    let own = Hidden {
        programs: programs
            .iter()
            .enumerate()
            .map(|(idx, program)| counted_from_least(program, values, Group::along(shape, &axes, idx), skip))
            .collect(),
        axes: axes.clone(),
    };
    let common = Hidden { axes, programs };
    let is_own_nearer = neighbor_bits(&own, values, shape) < neighbor_bits(&common, values, shape);
    Some((saved, if is_own_nearer { own } else { common }))
}

/// The lattice with 0 for the least of its sampled numbers.
fn counted_from_least<T: Element>(
    program: &Program,
    values: &[T],
    group: Group,
    skip: Option<&[bool]>,
) -> Program {
    let mut program = program.clone();
    let sample = group.sample(values, skip, SAMPLE_EACH);
    let least = sample.iter().filter_map(|&x| program.number(x)).min();
    if let (Start::Whole { stride, phase }, Some(least)) = (&mut program.start, least) {
        *phase = phase.wrapping_add(least.wrapping_mul(*stride));
    }
    program
}

/// About the bits of a difference to the nearer neighbor, along the last axis or along the one of the lattices.
fn neighbor_bits<T: Element>(hidden: &Hidden, values: &[T], shape: &[usize]) -> f64 {
    let inner: usize = shape[hidden.axes.end..].iter().product();
    let n = hidden.programs.len();
    let number = |position: usize| hidden.programs[position / inner % n].number(values[position]);
    let stride = (values.len() / N_NEIGHBORS).max(1);
    (inner.max(1)..values.len())
        .step_by(stride)
        .filter_map(|position| {
            let here = number(position)?;
            let away = |before: usize| Some(here.abs_diff(number(position - before)?));
            let nearest = away(1).into_iter().chain(away(inner)).min()?;
            Some(libm::log2(1.0 + nearest as f64))
        })
        .sum()
}

/// True if most of a few indices save enough; those of hardly any different values say nothing.
fn is_likely(extent: usize, each: impl Fn(usize) -> Option<Option<Claim>>, least: f64) -> bool {
    let (mut n_seen, mut n_found) = (0, 0);
    for probe in 0..MOST_PROBES.min(extent) {
        // The golden ratio spreads however many are looked at.
        let place = (probe as f64 + 0.5) * 0.618_033_988_749_895;
        let idx = (((place - libm::floor(place)) * extent as f64) as usize).min(extent - 1);
        if let Some(claim) = each(idx) {
            n_seen += 1;
            n_found += usize::from(claim.is_some_and(|claim| claim.saved > least));
            if n_seen == N_PROBES {
                break;
            }
        }
    }
    n_seen > 0 && 2 * n_found >= n_seen
}

/// True if a group has more different values than a lattice of any two has.
fn has_many<T: Element>(values: &[T], group: Group, skip: Option<&[bool]>) -> bool {
    distinct(&group.sample(values, skip, SAMPLE_EACH / 4)).len() >= FEWEST_DISTINCT
}

/// A lattice with the form and the scale that most have, if it has an offset.
fn most_common(claims: &[Option<Claim>]) -> Option<Program> {
    let scaled: Vec<&Program> = (claims.iter().flatten())
        .map(|claim| &claim.program)
        .filter(|program| offset_place(program).is_some())
        .collect();
    let is_alike = |a: &Program, b: &Program| with_offset(a, 0.0) == with_offset(b, 0.0);
    let count = |program: &&Program| scaled.iter().filter(|other| is_alike(program, other)).count();
    let most = scaled.iter().max_by_key(|program| count(program))?;
    (count(most) > 1).then(|| (*most).clone())
}

/// The step that adds the first constant to whole numbers or a multiple of them.
fn offset_place(program: &Program) -> Option<usize> {
    let is_whole = matches!(program.start, Start::Whole { .. });
    program.steps.iter().position(|step| matches!(step, Step::Add(_))).filter(|_| is_whole)
}

fn with_offset(program: &Program, offset: f64) -> Program {
    let mut other = program.clone();
    if let Some(place) = offset_place(program) {
        other.steps[place] = Step::Add(offset);
    }
    other
}

/// A group's lattice in the form and with the scale of another, and with the offset that is nearest to the other's: so numbers
/// of neighboring indices are near each other. `None` where it has more strangers than the group's own.
fn alike<T: Element>(
    template: &Program,
    values: &[T],
    group: Group,
    skip: Option<&[bool]>,
    own: Option<&Claim>,
) -> Option<Program> {
    let place = offset_place(template)?;
    let Step::Add(offset) = template.steps[place] else { return None };
    let sample = group.sample(values, skip, SAMPLE_EACH);
    let moved = |x: f64| template.steps[place + 1..].iter().rev().fold(x, |y, step| step.undo(y));
    let scaled = |k: i64| template.steps[..place].iter().fold(template.first(k), |x, step| step.apply(x));
    let off = |x: T| -> Option<f64> {
        let number = template.guess(x, x.to_f64())?;
        Some(moved(x.to_f64()) - offset - scaled(number))
    };
    // Near half a step off, values go either way: they are counted from the first.
    let step = scaled(1) - scaled(0);
    let first = sample.iter().find_map(|&x| off(x))?;
    let offs: Vec<f64> = (sample.iter())
        .filter_map(|&x| off(x))
        .map(|off| off - step * libm::rint((off - first) / step))
        .collect();
    let mean = offs.iter().sum::<f64>() / offs.len() as f64;
    let spread = offs.iter().fold(0.0, |spread: f64, off| spread.max((off - mean).abs()));
    let n_allowed = own.map_or(usize::MAX, |claim| claim.n_strangers);
    candidates(offset + mean, (-spread, spread), Float::F64, N_OFFSETS)
        .into_iter()
        .map(|q| with_offset(template, q))
        .find(|program| {
            let (n_counted, strangers) = strangers(values, group, skip, program);
            strangers.len() <= n_allowed && strangers.len() as f64 <= STRANGERS * n_counted as f64
        })
}
