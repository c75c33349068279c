//! Numbers -> a stream. Bands are coded from coarse to fine; the weights of large ones are fitted to what a decoder has by then.

use crate::interpolation::band::{Band, Bands};
use crate::interpolation::lattice::{Lattices, Set};
use crate::interpolation::model::{Model, Stored};
use crate::interpolation::targets::{InBand, Targets};
use crate::interpolation::{Near, fit};
use crate::lockstep::cells::{LANES, Lane};
use crate::lockstep::coder::{Codebook, Contexts, Writer, contexts};
use crate::lockstep::encode::{Coded, Input, kinds_of};
use crate::lockstep::goal::Goal;
use crate::lockstep::walk::{limited, rounded};
use crate::predict::Numbers;
use crate::predict::rows::kinds::Kinds;
use crate::quantize::widest;
use baler_data::bytes::ByteWriter;

/// Points of the bands of a level from which on weights of their own pay.
const OWN_WEIGHTS: usize = 1 << 12;
/// What contexts leave of the bits of residuals, at least.
const CONTEXTS_LEAVE: f64 = 0.4;

/// What is coded of a step.
struct Coding {
    active: u16,
    residuals: [i32; LANES],
    contexts: Contexts,
}

/// Codes numbers, or those of a `finer` grid, in less than `most` bytes. `None` where that seems out of reach,
/// where other coders have to, and where rows are too short for steps.
pub fn encode(numbers: Numbers, finer: Option<Goal>, most: usize) -> Option<Coded> {
    let finer = finer.filter(|finer| finer.ends.is_none());
    let input = Input::of(numbers, finer).filter(|input| input.extents[3] >= LANES)?;
    let (q, stride) = input.finer.map_or((numbers.q, 1), |finer| (finer.q, finer.stride));
    let center = input.center * stride;
    let values = q.iter().map(|q| q.wrapping_sub(center) as f32).collect();
    let targets = Targets { values, mask: numbers.mask, stride: stride as f32 };
    // Along the first of four axes stand unlike things more often than not.
    let refined = (1..4).filter(|&axis| input.extents[axis] > 1).fold(0, |set, axis| set | 1 << axis);
    let lattices = Lattices::of(input.extents, Set(refined))?;
    widest(
        #[inline(always)]
        || coded(&lattices, &targets, center, most),
    )
}

#[inline(always)]
fn coded(lattices: &Lattices, targets: &Targets, center: i64, most: usize) -> Option<Coded> {
    let mut bits = 0.0;
    let (mut coarse, anchors) = anchors(lattices, targets);
    let mut codings = Vec::with_capacity(targets.values.len() / LANES + 1);
    let mut levels = Vec::new();
    for level in (0..lattices.n_levels).rev() {
        let sets = lattices.sets(level);
        let n_points: usize =
            sets.iter().map(|&set| lattices.band(level, set).iter().product::<usize>()).sum();
        let has_own = n_points >= OWN_WEIGHTS;
        let mut bands = Bands::of(coarse);
        let mut own = Vec::new();
        for &set in &sets {
            let first = codings.len();
            let of = InBand { targets, lattices, level, set, bands: &bands };
            let (band, stored) = code_band(&of, has_own, &mut codings);
            bits += CONTEXTS_LEAVE * entropy(&codings[first..]);
            if bits > 8.0 * most as f64 {
                return None;
            }
            bands.put(set, band);
            own.push(stored);
        }
        if has_own {
            levels.insert(0, own);
        }
        coarse = bands.merged(lattices, level).expect("memory for an array");
    }
    let mut model = Model {
        stride: targets.stride as u8,
        refined: lattices.refined,
        center,
        anchors,
        levels,
        kinds: Kinds { lowest: 0, kinds: Vec::new() },
    };
    let steps = || codings.iter().map(|step| (step.active, &step.residuals, &step.contexts));
    model.kinds = kinds_of(codings.len(), steps());
    let codebook = Codebook::new(&model.kinds, model.stride);
    let mut writer = Writer::new(&codebook, codings.len());
    steps().for_each(|(active, residuals, contexts)| writer.step(active, residuals, contexts));
    let mut w = ByteWriter::default();
    model.write(&mut w);
    writer.finish(&mut w);
    let finer = (model.stride != 1).then(|| super::numbers(&coarse, center).expect("memory for an array"));
    Some(Coded { bytes: w.bytes, finer })
}

/// Bits of residuals without contexts.
fn entropy(codings: &[Coding]) -> f64 {
    const LARGE: i32 = 15;
    let mut counts = [0u32; 2 * LARGE as usize + 1];
    for coding in codings {
        for lane in (0..LANES).filter(|lane| coding.active >> lane & 1 != 0) {
            counts[(coding.residuals[lane].clamp(-LARGE, LARGE) + LARGE) as usize] += 1;
        }
    }
    let n = counts.iter().sum::<u32>() as f64;
    counts.iter().filter(|&&count| count > 0).map(|&count| count as f64 * libm::log2(n / count as f64)).sum()
}

/// The coarsest lattice, and the strides between its points.
fn anchors(lattices: &Lattices, targets: &Targets) -> (Band, Vec<i64>) {
    let top = lattices.n_levels - 1;
    let mut coarse = Band::new(lattices.band(top, Set::NONE)).expect("memory for an array");
    let (mut anchors, mut last) = (Vec::new(), 0.0);
    let (mut values, errors) = (vec![0.0; coarse.width()], vec![0.0; coarse.width()]);
    for row in 0..coarse.n_rows() {
        for (value, place) in values.iter_mut().zip(lattices.places(top, Set::NONE, coarse.at(row))) {
            if targets.has(place) {
                let n_strides = rounded((targets.values[place] - last) / targets.stride);
                anchors.push(n_strides as i64);
                last = limited(last + n_strides * targets.stride);
            }
            *value = last;
        }
        coarse.set_row(row, &values, &errors);
    }
    (coarse, anchors)
}

/// Codes the points of a band with weights of its own, or the usual ones; tells what a decoder will have, and the weights.
#[inline(always)]
fn code_band(of: &InBand, has_own: bool, codings: &mut Vec<Coding>) -> (Band, Stored) {
    let targets = of.targets;
    let mut band = Band::new(of.lattices.band(of.level, of.set)).expect("memory for an array");
    let mut stored = Stored::usual(of.set);
    if has_own && let Some(means) = fit::means(of, &band) {
        stored.means = means;
    }
    let weights = stored.weights();
    let first = codings.len();
    let mut fractions: Vec<Lane> = Vec::new();
    let inverse = 1.0 / targets.stride;
    let is_whole = targets.stride != 1.0;
    let (mut values, mut errors) = (vec![0.0; band.width()], vec![0.0; band.width()]);
    for row in 0..band.n_rows() {
        let neighbors = of.neighbors(&band, row);
        let mut places = of.places(&band, row);
        for x in (0..band.width()).step_by(LANES) {
            let n = LANES.min(band.width() - x);
            let near = Near::of(&neighbors.means(x), &weights);
            let (mut residuals, mut whole, mut active) = ([0.0; LANES], [0; LANES], 0);
            let mut wanted = near.rounded;
            for (lane, place) in places.by_ref().take(n).enumerate() {
                if targets.has(place) {
                    active |= 1 << lane;
                    wanted[lane] = targets.values[place];
                }
            }
            for i in 0..LANES {
                residuals[i] = rounded((wanted[i] - near.rounded[i]) * inverse);
                whole[i] = residuals[i] as i32;
            }
            let (of_step, off) = near.moved(&residuals, active, targets.stride);
            values[x..x + n].copy_from_slice(&of_step[..n]);
            errors[x..x + n].copy_from_slice(&off[..n]);
            codings.push(Coding { active, residuals: whole, contexts: [0; LANES] });
            if !is_whole {
                fractions.push(near.fractions);
            }
        }
        drop(neighbors);
        band.set_row(row, &values, &errors);
    }
    if has_own && let Some(features) = fit::features(of, &band) {
        stored.features = features;
    }
    let weights = stored.weights();
    let mut coded = codings[first..].iter_mut();
    let mut fractions = fractions.iter();
    for row in 0..band.n_rows() {
        let neighbors = of.neighbors(&band, row);
        for (x, coding) in (0..band.width()).step_by(LANES).zip(&mut coded) {
            let scales = neighbors.scales(x, &neighbors.means(x), &weights, targets.stride);
            coding.contexts = contexts(&scales, fractions.next().unwrap_or(&[0.0; LANES]), is_whole);
        }
    }
    (band, stored)
}
