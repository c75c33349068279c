//! Weights from samples, in floats; the encoder only. In: what is known of the cells of a part of the data. Out: neighbors and
//! their weights, and weights of what tells how large errors will be.

use crate::lockstep::cells::{Cells, LANES, Tap, is_behind};
use crate::lockstep::model::{SCALE_BITS, WEIGHT_BITS, offsets};
use crate::lockstep::walk::State;
use crate::quantize::widest;
use baler_data::random::Rng;

/// Numbers of a run: samples are drawn in runs, which share lines of the cache.
const RUN: usize = 8;
/// Samples whose products are summed in float32 before they are added up in float64.
const SUMMED: usize = 256;
/// Samples whose products are added at once.
const AT_ONCE: usize = 4;
/// Inputs that are multiplied at once.
const BLOCK: usize = 8;
/// Fewest samples of a kind of planes that weights are fitted to.
const FEW: usize = 64;
/// Room for the inputs of a fit.
pub const WIDTH: usize = 64;

/// Cells of numbers, each with what lies behind its plane.
pub type Samples = Vec<(usize, usize)>;

/// About `n` cells where there are numbers, spread evenly over the planes.
pub fn sampled(cells: &Cells, active: &[u16], n: usize) -> Samples {
    let mut random = Rng::new(16, 0);
    let rows: Vec<(usize, usize, usize)> = cells.rows().filter(|row| row.2 > 0).collect();
    let n_runs = (n / RUN).max(1);
    let mut samples = Vec::with_capacity(n_runs * RUN);
    for run in 0..n_runs {
        // One row of each of as many equal parts of all rows.
        let (first, end) = (run * rows.len() / n_runs, ((run + 1) * rows.len()).div_ceil(n_runs));
        let (row, _, width) = rows[first + random.below((end - first).max(1))];
        let from = random.below(width.saturating_sub(RUN) + 1);
        let kind = cells.behind(cells.plane_and_row(row).0);
        let of_run = (from..width.min(from + RUN)).map(|x| cells.start(row) + x * LANES);
        let is_coded = |cell: &usize| active[(cell - cells.first) / LANES] >> (cell % LANES) & 1 != 0;
        samples.extend(of_run.filter(is_coded).map(|cell| (cell, kind)));
    }
    samples
}

/// Sums of products of inputs with each other and with the wanted.
pub struct Sums {
    products: Vec<f64>,
    wanted: Vec<f64>,
    n: usize,
}

/// Adds to each sum the products of as many samples.
#[inline(always)]
fn add_products(sums: &mut [f32], of: [(f32, &[f32]); AT_ONCE]) {
    let [(a, of_a), (b, of_b), (c, of_c), (d, of_d)] = of;
    let others = of_a.iter().zip(of_b).zip(of_c.iter().zip(of_d));
    for (sum, ((x, y), (z, w))) in sums.iter_mut().zip(others) {
        *sum += (a * x + b * y) + (c * z + d * w);
    }
}

impl Sums {
    /// `inputs` fills a sample's inputs, weighed, and gives the wanted value.
    #[inline(always)]
    pub fn of(
        n_inputs: usize,
        samples: &[usize],
        inputs: impl FnMut(usize, &mut [f32; WIDTH]) -> f32,
    ) -> Sums {
        match n_inputs.div_ceil(8) {
            ..=2 => Sums::of_width::<16>(n_inputs, samples, inputs),
            3 => Sums::of_width::<24>(n_inputs, samples, inputs),
            4 => Sums::of_width::<32>(n_inputs, samples, inputs),
            5 | 6 => Sums::of_width::<48>(n_inputs, samples, inputs),
            _ => Sums::of_width::<WIDTH>(n_inputs, samples, inputs),
        }
    }

    /// [`Sums::of`], at most `W` inputs.
    #[inline(always)]
    fn of_width<const W: usize>(
        n_inputs: usize,
        samples: &[usize],
        mut inputs: impl FnMut(usize, &mut [f32; WIDTH]) -> f32,
    ) -> Sums {
        let mut sums =
            Sums { products: vec![0.0; n_inputs * n_inputs], wanted: vec![0.0; n_inputs], n: samples.len() };
        let mut products = vec![[0f32; W]; n_inputs];
        let mut of_wanted = [0f32; W];
        let mut room = [0f32; WIDTH];
        for samples in samples.chunks(SUMMED) {
            for samples in samples.chunks(AT_ONCE) {
                // Samples that are missing are zeros.
                let (mut several, mut wanted) = ([[0f32; W]; AT_ONCE], [0f32; AT_ONCE]);
                for ((&cell, of_sample), wanted) in samples.iter().zip(&mut several).zip(&mut wanted) {
                    *wanted = inputs(cell, &mut room);
                    of_sample.copy_from_slice(&room[..W]);
                }
                for (i, products) in products.iter_mut().enumerate() {
                    // What is left of the diagonal follows from what is right of it.
                    let from = i / BLOCK * BLOCK;
                    add_products(&mut products[from..], several.each_ref().map(|s| (s[i], &s[from..])));
                }
                let weighed = [0, 1, 2, 3].map(|k| (wanted[k], &several[k][..]));
                add_products(&mut of_wanted, weighed);
            }
            for (i, of_input) in products.iter_mut().enumerate() {
                let sums = &mut sums.products[i * n_inputs..][..n_inputs];
                sums.iter_mut()
                    .zip(of_input.iter_mut())
                    .for_each(|(sum, more)| *sum += std::mem::take(more) as f64);
            }
            let wanted = sums.wanted.iter_mut().zip(of_wanted.iter_mut());
            wanted.for_each(|(sum, more)| *sum += std::mem::take(more) as f64);
        }
        for i in 0..n_inputs {
            for j in 0..i / BLOCK * BLOCK {
                sums.products[i * n_inputs + j] = sums.products[j * n_inputs + i];
            }
        }
        sums
    }

    /// Those inputs that together explain most, one after the other, of those that may be taken.
    fn choose(&self, may_take: impl Fn(usize) -> bool, most: usize) -> Vec<usize> {
        let n = self.wanted.len();
        let free: Vec<usize> = (0..n).filter(|&i| may_take(i)).collect();
        let (mut products, mut wanted) = (self.products.clone(), self.wanted.clone());
        let mut chosen = Vec::new();
        while chosen.len() < most {
            let is_free = |i: &&usize| {
                let (left, whole) = (products[**i * n + **i], self.products[**i * n + **i]);
                !chosen.contains(*i) && left > 1e-6 * whole && whole > 0.0
            };
            let gain = |i: usize| wanted[i] * wanted[i] / products[i * n + i];
            let best = free.iter().filter(is_free).max_by(|i, j| gain(**i).total_cmp(&gain(**j)));
            let Some(&best) = best else { break };
            chosen.push(best);
            // What the others still explain beside it.
            let row: Vec<f64> = products[best * n..][..n].to_vec();
            for &i in &free {
                let share = row[i] / row[best];
                free.iter().for_each(|&j| products[i * n + j] -= share * row[j]);
                wanted[i] -= share * wanted[best];
            }
        }
        chosen
    }

    /// Weights of the chosen inputs, by least squares.
    pub fn solve(&self, chosen: &[usize]) -> Vec<f64> {
        let (n, k) = (self.wanted.len(), chosen.len());
        // Cholesky's factor, row by row, and the wanted through it.
        let mut factor = vec![0.0f64; k * k];
        let mut x = vec![0.0f64; k];
        for i in 0..k {
            for j in 0..=i {
                let mut sum = self.products[chosen[i] * n + chosen[j]];
                let damped = if i == j { sum * (1.0 + 1e-6) + 1e-9 } else { sum };
                sum = damped - (0..j).map(|m| factor[i * k + m] * factor[j * k + m]).sum::<f64>();
                factor[i * k + j] =
                    if i == j { sum.max(1e-12 * damped + 1e-30).sqrt() } else { sum / factor[j * k + j] };
            }
            let known: f64 = (0..i).map(|m| factor[i * k + m] * x[m]).sum();
            x[i] = (self.wanted[chosen[i]] - known) / factor[i * k + i];
        }
        for i in (0..k).rev() {
            let known: f64 = (i + 1..k).map(|m| factor[m * k + i] * x[m]).sum();
            x[i] = (x[i] - known) / factor[i * k + i];
        }
        x
    }

    /// Weights of all inputs, none below zero, by turns.
    pub fn solve_non_negative(&self) -> Vec<f64> {
        const ROUNDS: usize = 60;
        let n = self.wanted.len();
        let mut x = vec![0.0f64; n];
        for _ in 0..ROUNDS {
            for i in 0..n {
                let row = &self.products[i * n..][..n];
                let others: f64 =
                    row.iter().zip(&x).map(|(product, x)| product * x).sum::<f64>() - row[i] * x[i];
                x[i] = ((self.wanted[i] - others) / (row[i] + 1e-12)).max(0.0);
            }
        }
        x
    }
}

/// What weights of neighbors are fitted to.
pub struct Wanted<'a> {
    /// Numbers less the center.
    pub values: &'a [f32],
    /// Magnitudes of errors, by which samples are weighed, where they are known.
    pub errors: Option<&'a [f32]>,
    /// Numbers of a stride.
    pub stride: f32,
    /// Variance of what is added to each neighbor, in squared strides.
    pub noise: f32,
}

/// Neighbors (places among the candidates, the first is 0), and weights for each kind of planes.
pub fn neighbors(cells: &Cells, samples: &Samples, of: Wanted, most: usize) -> (Vec<u8>, [Vec<i16>; 4]) {
    let candidates = cells.candidates();
    let backs = offsets(cells, &candidates);
    let n = candidates.len();
    let mut sums: Vec<Option<Sums>> = Vec::new();
    for kind in 0..4 {
        let of_kind: Vec<usize> =
            samples.iter().filter(|sample| sample.1 == kind).map(|sample| sample.0).collect();
        let inverse = 1.0 / of.stride;
        // Errors of the left neighbor and of that above, or how much they differ from theirs.
        let near = |cell: usize| -> f32 {
            let above = backs.get(5).copied().unwrap_or(backs[0]);
            match of.errors {
                Some(errors) => errors[cell - backs[0]] + errors[cell - above],
                None => {
                    let values = of.values;
                    (values[cell - backs[0]] - values[cell - backs[1]]).abs()
                        + (values[cell - above] - values[cell - backs[0]]).abs()
                }
            }
        };
        let mut inputs = |cell: usize, inputs: &mut [f32; WIDTH]| {
            let left = of.values[cell - backs[0]];
            let weight = inverse / (1.0 + inverse * near(cell));
            for (input, &back) in inputs.iter_mut().zip(&backs) {
                *input = weight * (of.values[cell - back] - left);
            }
            // Its square is what noise of one stride weighs.
            inputs[n] = weight * of.stride;
            weight * (of.values[cell] - left)
        };
        let mut of_kind = (of_kind.len() >= FEW || (kind == 0 && !of_kind.is_empty())).then(|| {
            widest(
                #[inline(always)]
                || Sums::of(n + 1, &of_kind, &mut inputs),
            )
        });
        if let Some(sums) = &mut of_kind {
            // Noise of a neighbor, and that of the left one, which is in all of them.
            let width = n + 1;
            let noise = of.noise as f64 * sums.products[n * width + n];
            for i in 1..n {
                sums.products[i * width + i] += noise;
                (1..n).for_each(|j| sums.products[i * width + j] += noise);
                sums.wanted[i] += noise;
            }
        }
        sums.push(of_kind);
    }
    let largest = (0..4).max_by_key(|&kind| sums[kind].as_ref().map_or(0, |sums| sums.n)).unwrap_or(0);
    let chosen = sums[largest].as_ref().map_or(Vec::new(), |sums| {
        sums.choose(|i| i > 0 && i < n && is_behind(largest, candidates[i]), most - 1)
    });
    let weights = std::array::from_fn(|kind| {
        let own: Vec<usize> = chosen.iter().copied().filter(|&i| is_behind(kind, candidates[i])).collect();
        let solved = sums[kind].as_ref().map(|sums| sums.solve(&own));
        let weight = |i: &usize| {
            let at = own.iter().position(|own| own == i);
            let weight = at.zip(solved.as_ref()).map_or(0.0, |(at, solved)| solved[at]);
            (weight * (1 << WEIGHT_BITS) as f64).round().clamp(-30_000.0, 30_000.0) as i16
        };
        chosen.iter().map(weight).collect()
    });
    (std::iter::once(0).chain(chosen.iter().map(|&i| i as u8)).collect(), weights)
}

/// Weights of errors, gradients and the stride, for each kind of planes.
pub fn scales(cells: &Cells, samples: &Samples, state: &State, stride: f32) -> [Vec<u16>; 4] {
    const ROUNDS: usize = 3;
    let errors = offsets(cells, &cells.error_taps());
    let error_taps = cells.error_taps();
    let gradients = cells.gradient_taps();
    let backs = |tap: Tap| cells.offset(tap).unsigned_abs();
    let n = errors.len() + gradients.len() + 1;
    let inverse = 1.0 / stride;
    std::array::from_fn(|kind| {
        let of_kind: Vec<usize> =
            samples.iter().filter(|sample| sample.1 == kind).map(|sample| sample.0).collect();
        if of_kind.is_empty() {
            return Vec::new();
        }
        let fill = |cell: usize, inputs: &mut [f32; WIDTH]| -> f32 {
            for ((input, &back), &tap) in inputs.iter_mut().zip(&errors).zip(&error_taps) {
                *input = if is_behind(kind, tap) { inverse * state.errors[cell - back] } else { 0.0 };
            }
            for (input, &(one, other)) in inputs[errors.len()..].iter_mut().zip(&gradients) {
                let difference = state.values[cell - backs(one)] - state.values[cell - backs(other)];
                *input = if is_behind(kind, other) { inverse * difference.abs() } else { 0.0 };
            }
            inputs[n - 1] = 1.0;
            inverse * state.errors[cell]
        };
        let mut weights = vec![0.0f32; n];
        (weights[0], weights[n - 1]) = (0.5, 0.5);
        for _ in 0..ROUNDS {
            let inputs = |cell: usize, inputs: &mut [f32; WIDTH]| {
                let error = fill(cell, inputs);
                let scale: f32 = inputs.iter().zip(&weights).map(|(input, weight)| input * weight).sum();
                let weight = 1.0 / (scale + 0.02);
                inputs.iter_mut().for_each(|input| *input *= weight);
                weight * error
            };
            let sums = widest(
                #[inline(always)]
                || Sums::of(n, &of_kind, inputs),
            );
            weights = sums.solve_non_negative().into_iter().map(|weight| weight as f32).collect();
        }
        let stored =
            |weight: &f32| (weight * (1u32 << SCALE_BITS) as f32).round().clamp(0.0, 65_535.0) as u16;
        weights.iter().map(stored).collect()
    })
}
