//! Weights of a band from samples of its points, in floats; the encoder only.

use crate::interpolation::actives;
use crate::interpolation::band::{Band, Bands};
use crate::interpolation::lattice::{Lattices, Set};
use crate::interpolation::model::{Stored, WEIGHT_BITS, code_of_weight, n_features, n_means};
use crate::interpolation::neighbors::{Means, Neighbors};
use crate::interpolation::targets::Targets;
use crate::lockstep::cells::{LANES, Lane};
use crate::lockstep::fit::{Sums, WIDTH};
use baler_data::random::Rng;

/// About how many points weights are fitted to.
const N_SAMPLES: usize = 1 << 12;
/// Fewest that are worth it.
const FEW: usize = 64;

/// One point: inputs, and what is wanted of them.
type Sample = ([f32; WIDTH], f32);

/// About [`N_SAMPLES`] points, spread evenly; `see` tells the inputs of a step, and what is wanted.
fn sampled(
    lattices: &Lattices,
    (level, set): (usize, Set),
    bands: &Bands,
    band: &Band,
    targets: &Targets,
    see: impl Fn(&Neighbors, usize, &[usize]) -> (Vec<Lane>, Lane),
) -> Vec<Sample> {
    let of_row = band.width().div_ceil(LANES);
    let n_steps = band.n_rows() * of_row;
    let every = (n_steps * LANES / N_SAMPLES).max(1);
    let mut random = Rng::new(16, 0);
    let mut samples = Vec::with_capacity(2 * N_SAMPLES);
    for first in (0..n_steps).step_by(every) {
        let step = (first + random.below(every)).min(n_steps - 1);
        let (row, x) = (step / of_row, step % of_row * LANES);
        let neighbors = Neighbors::of(bands, band, set, band.at(row));
        let places: Vec<usize> = lattices.places(level, set, band.at(row)).skip(x).take(LANES).collect();
        let active = actives(places.iter().copied(), targets.mask);
        let (inputs, wanted) = see(&neighbors, x, &places);
        for i in (0..LANES).filter(|i| active >> i & 1 != 0) {
            let mut of_point = [0.0; WIDTH];
            of_point.iter_mut().zip(&inputs).for_each(|(of_point, input)| *of_point = input[i]);
            samples.push((of_point, wanted[i]));
        }
    }
    samples
}

/// Weights of means, by least squares; errors of smooth places count more, as they are dearer.
pub fn means(
    lattices: &Lattices,
    at: (usize, Set),
    bands: &Bands,
    band: &Band,
    targets: &Targets,
    stored: &mut Stored,
) {
    let n = n_means(at.1) - 1;
    let samples = sampled(lattices, at, bands, band, targets, |neighbors, x, places| {
        let means = neighbors.means(x);
        let first = means.first();
        let mut wanted = [0.0; LANES];
        places.iter().zip(&mut wanted).for_each(|(&place, wanted)| *wanted = targets.values[place]);
        for i in 0..LANES {
            wanted[i] -= first[i];
        }
        let roughness = roughness(&means);
        let mut weights = [0.0; LANES];
        for i in 0..LANES {
            weights[i] = 1.0 / (targets.stride + roughness[i]);
            wanted[i] *= weights[i];
        }
        let mut differences = means.differences();
        for difference in &mut differences {
            difference.iter_mut().zip(&weights).for_each(|(difference, weight)| *difference *= weight);
        }
        (differences, wanted)
    });
    if samples.len() < FEW {
        return;
    }
    let all: Vec<usize> = (0..samples.len()).collect();
    let sums = Sums::of(n, &all, |sample, inputs| {
        *inputs = samples[sample].0;
        samples[sample].1
    });
    let solved = sums.solve(&(0..n).collect::<Vec<usize>>());
    let one = (1u32 << WEIGHT_BITS) as f64;
    stored.means =
        solved.iter().map(|weight| (weight * one).round().clamp(-30_000.0, 30_000.0) as i16).collect();
}

/// How far means differ.
fn roughness(means: &Means) -> Lane {
    let mut sum = [0.0; LANES];
    for difference in means.differences() {
        for i in 0..LANES {
            sum[i] += difference[i].abs();
        }
    }
    sum
}

/// Weights of what tells how far off predictions may be, none below zero.
pub fn features(
    lattices: &Lattices,
    at: (usize, Set),
    bands: &Bands,
    band: &Band,
    targets: &Targets,
    stored: &mut Stored,
) {
    const ROUNDS: usize = 3;
    /// Expected errors are not taken to be smaller, in strides.
    const LEAST: f32 = 0.02;
    let (n, inverse) = (n_features(at.1), 1.0 / targets.stride);
    let samples = sampled(lattices, at, bands, band, targets, |neighbors, x, places| {
        let features = neighbors.features(x, &neighbors.means(x));
        let mut inputs: Vec<Lane> =
            features[..n - 1].iter().map(|feature| feature.map(|feature| feature * inverse)).collect();
        inputs.push([1.0; LANES]);
        let mut errors = [0.0; LANES];
        let row = neighbors.own_errors();
        errors.iter_mut().zip(&row[x..]).take(places.len()).for_each(|(error, of)| *error = of * inverse);
        (inputs, errors)
    });
    if samples.len() < FEW {
        return;
    }
    let all: Vec<usize> = (0..samples.len()).collect();
    let mut weights = vec![0.0f32; n];
    (weights[0], weights[n - 1]) = (0.5, 0.5);
    for _ in 0..ROUNDS {
        let sums = Sums::of(n, &all, |sample, inputs| {
            let (of_point, error) = &samples[sample];
            let scale: f32 = of_point.iter().zip(&weights).map(|(input, weight)| input * weight).sum();
            let weight = 1.0 / (scale + LEAST);
            inputs.iter_mut().zip(of_point).for_each(|(input, of_point)| *input = of_point * weight);
            weight * error
        });
        weights = sums.solve_non_negative().into_iter().map(|weight| weight as f32).collect();
    }
    stored.features = weights.iter().map(|&weight| code_of_weight(weight)).collect();
}
