//! One lattice for each index along an axis: gains of channels, slopes of slices, offsets of columns.

use super::claims::Claim;
use super::confirmed;
use super::sample::Group;
use crate::hidden::Hidden;
use crate::hidden::program::Program;
use crate::hidden::stored::MAX_LATTICES;
use baler_data::element::Element;
use std::ops::Range;

/// Fewest values that are worth a lattice of their own.
const FEWEST_EACH: usize = 32;
/// Values of an index that are looked at.
const SAMPLE_EACH: usize = 768;
/// Indices that are tried first; if most of them have nothing, the axis has nothing.
const N_PROBES: usize = 4;
/// Bits a value that lattices of their own must save beside one for all.
const WORTH: f64 = 1.5;
/// Bits that the constants of a lattice take.
const LATTICE_BITS: f64 = 100.0;
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
    let n_probes = N_PROBES.min(extent);
    let probes = (0..n_probes).map(|probe| (2 * probe + 1) * extent / (2 * n_probes));
    let n_found = probes.filter(|&idx| each(idx).is_some_and(|claim| claim.saved > least)).count();
    if 2 * n_found < n_probes {
        return None;
    }
    let mut programs = Vec::with_capacity(extent);
    let mut saved = 0.0;
    for idx in 0..extent {
        match each(idx) {
            Some(claim) => {
                saved += claim.saved - LATTICE_BITS / (values.len() / extent) as f64;
                programs.push(claim.program);
            }
            None => programs.push(Program::plain::<T>()),
        }
    }
    let saved = saved / extent as f64;
    (saved > least).then_some((saved, Hidden { axes, programs }))
}
