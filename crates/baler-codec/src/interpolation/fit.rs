//! Weights of a band from samples of its points, in floats; the encoder only.

use crate::interpolation::actives;
use crate::interpolation::band::Band;
use crate::interpolation::model::{WEIGHT_BITS, code_of_weight, n_features, n_means};
use crate::interpolation::neighbors::{Means, Neighbors};
use crate::interpolation::targets::InBand;
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
    of: &InBand,
    band: &Band,
    see: impl Fn(&Neighbors, usize, &[usize]) -> (Vec<Lane>, Lane),
) -> Option<Vec<Sample>> {
    let of_row = band.width().div_ceil(LANES);
    let n_steps = band.n_rows() * of_row;
    let every = (n_steps * LANES / N_SAMPLES).max(1);
    let mut random = Rng::new(16, 0);
    let mut samples = Vec::with_capacity(2 * N_SAMPLES);
    for first in (0..n_steps).step_by(every) {
        let step = (first + random.below(every)).min(n_steps - 1);
        let (row, x) = (step / of_row, step % of_row * LANES);
        let neighbors = of.neighbors(band, row);
        let places: Vec<usize> = of.places(band, row).skip(x).take(LANES).collect();
        let active = actives(places.iter().copied(), of.targets.mask);
        let (inputs, wanted) = see(&neighbors, x, &places);
        for i in (0..LANES).filter(|i| active >> i & 1 != 0) {
            let mut of_point = [0.0; WIDTH];
            of_point.iter_mut().zip(&inputs).for_each(|(of_point, input)| *of_point = input[i]);
            samples.push((of_point, wanted[i]));
        }
    }
    (samples.len() >= FEW).then_some(samples)
}

/// Weights of means, by least squares; errors of smooth places count more, as they are dearer. `None` of few points.
pub fn means(of: &InBand, band: &Band) -> Option<Vec<i16>> {
    let (n, targets) = (n_means(of.set) - 1, of.targets);
    let samples = sampled(of, band, |neighbors, x, places| {
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
    })?;
    let all: Vec<usize> = (0..samples.len()).collect();
    let sums = Sums::of(n, &all, |sample, inputs| {
        *inputs = samples[sample].0;
        samples[sample].1
    });
    let solved = sums.solve(&(0..n).collect::<Vec<usize>>());
    let one = (1u32 << WEIGHT_BITS) as f64;
    Some(solved.iter().map(|weight| (weight * one).round().clamp(-30_000.0, 30_000.0) as i16).collect())
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

/// Weights of what tells how far off predictions in the band are, none below zero, as codes. `None` of few points.
pub fn features(of: &InBand, band: &Band) -> Option<Vec<u8>> {
    const ROUNDS: usize = 3;
    /// Expected errors are not taken to be smaller, in strides.
    const LEAST: f32 = 0.02;
    let (n, inverse) = (n_features(of.set), 1.0 / of.targets.stride);
    let samples = sampled(of, band, |neighbors, x, places| {
        let features = neighbors.features(x, &neighbors.means(x));
        let mut inputs: Vec<Lane> =
            features[..n - 1].iter().map(|feature| feature.map(|feature| feature * inverse)).collect();
        inputs.push([1.0; LANES]);
        let mut errors = [0.0; LANES];
        let row = neighbors.own_errors();
        errors.iter_mut().zip(&row[x..]).take(places.len()).for_each(|(error, of)| *error = of * inverse);
        (inputs, errors)
    })?;
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
    Some(weights.iter().map(|&weight| code_of_weight(weight)).collect())
}
