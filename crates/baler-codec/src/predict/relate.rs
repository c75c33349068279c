//! How much another variable would help to predict: weighted least squares on a sample, with its values and without.
//! In floats, the encoder only: it decides what is worth a trial.

use crate::predict::Numbers;
use crate::predict::domain::Domain;
use crate::predict::fit::Normal;
use crate::predict::grid::{Layout, Tap};
use crate::predict::model::needed;
use crate::predict::reference::{self, ReferenceTap, Scale};

/// Numbers that are predicted, about.
const N_SAMPLES: usize = 6000;
/// Times that weights are found from the errors before.
const N_PASSES: usize = 3;
/// Bits of the other variable's inputs.
const INPUT_BITS: i32 = 30;

/// Bits a number that values of each of `others` (C order) save, about.
pub fn bits_saved(numbers: Numbers, others: &[&[f64]]) -> Vec<f64> {
    let Some(mut samples) = numbers.layout().map(|layout| Samples::of(numbers, layout)) else {
        return vec![0.0; others.len()];
    };
    if samples.rows.is_empty() {
        return vec![0.0; others.len()];
    }
    let nothing = vec![Vec::new(); samples.rows.len()];
    let mut alone = 0.0;
    for _ in 0..N_PASSES {
        let errors = samples.errors(&nothing);
        alone = samples.bits(&errors);
        samples.weigh(&errors);
    }
    let saved = |other: &&[f64]| {
        let errors = samples.errors(&samples.inputs(other));
        alone - samples.bits(&errors)
    };
    others.iter().map(saved).collect()
}

/// A number with its neighbors.
struct Sample {
    plane: usize,
    y: usize,
    x: usize,
    /// As the fit of weights sees them, and the number itself.
    features: Vec<f64>,
    /// Half the distance of values here.
    floor: f64,
    weight: f64,
}

struct Samples {
    layout: Layout,
    rows: Vec<Sample>,
}

/// Where the neighbor in some plane is in an array without margins; beyond its sides it is the nearest.
fn place(layout: &Layout, plane: usize, (y, x): (usize, usize), (dy, dx): (isize, isize)) -> usize {
    let [_, _, n_y, n_x] = layout.extents;
    let within = |at: usize, by: isize, n: usize| at.saturating_add_signed(by).min(n - 1);
    (plane * n_y + within(y, dy, n_y)) * n_x + within(x, dx, n_x)
}

impl Samples {
    fn of(numbers: Numbers, layout: Layout) -> Samples {
        let (domain, center, spread) = numbers.place();
        let unit = spread.max(1) as f64;
        let value = |at: usize| domain.value(numbers.q[at]).wrapping_sub(center) as f64 / unit;
        let behind = needed(&layout).last().copied().unwrap_or(0);
        let taps = layout.taps(behind);
        let [_, _, n_y, n_x] = layout.extents;
        // An odd distance meets all columns.
        let step = (numbers.q.len() / N_SAMPLES).max(1) | 1;
        let usable = |at: &usize| {
            layout.behind(at / (n_y * n_x)) == behind && !numbers.mask.is_some_and(|mask| mask[*at])
        };
        let sample = |at: usize| {
            let (plane, y, x) = (at / (n_y * n_x), at / n_x % n_y, at % n_x);
            let neighbor = |&(of, dy, dx): &Tap| {
                let back = (layout.plane_offset(of, plane) / layout.plane as isize).unsigned_abs();
                value(place(&layout, plane - back, (y, x), (dy, dx)))
            };
            let anchor = neighbor(&taps[0]);
            let mut features: Vec<f64> = taps[1..].iter().map(|tap| neighbor(tap) - anchor).collect();
            features.extend([-anchor, value(at) - anchor]);
            let spacing = match domain {
                Domain::Integer => 1,
                Domain::Float { .. } => {
                    let next = numbers.q[at].saturating_add(1);
                    domain.value(next).wrapping_sub(domain.value(numbers.q[at])).unsigned_abs()
                }
            };
            Sample { plane, y, x, features, floor: 0.3 * spacing as f64 / unit, weight: 1.0 }
        };
        Samples { layout, rows: (0..numbers.q.len()).step_by(step).filter(usable).map(sample).collect() }
    }

    /// What another variable has at each sample, by the taps that a model would have.
    fn inputs(&self, values: &[f64]) -> Vec<Vec<f64>> {
        let Some(scale) = Scale::of(values, INPUT_BITS) else { return vec![Vec::new(); self.rows.len()] };
        let taps = reference::taps(&self.layout);
        let input = |row: &Sample, &[da, db, dy, dx]: &ReferenceTap| {
            let [n_a, n_b, ..] = self.layout.extents;
            let within = |at: usize, by: isize, n: usize| at.saturating_add_signed(by).min(n - 1);
            let plane = within(row.plane / n_b, da, n_a) * n_b + within(row.plane % n_b, db, n_b);
            let value = values[place(&self.layout, plane, (row.y, row.x), (dy, dx))];
            scale.input(value) as f64 / (1u64 << INPUT_BITS) as f64
        };
        let of_row = |row: &Sample| {
            let own = input(row, &taps[0]);
            let others = taps[1..].iter().map(|tap| input(row, tap) - own);
            others.chain([own]).collect()
        };
        self.rows.iter().map(of_row).collect()
    }

    /// Errors of the predictions that fit best, with further inputs.
    fn errors(&self, inputs: &[Vec<f64>]) -> Vec<f64> {
        let features: Vec<Vec<f64>> =
            self.rows.iter().zip(inputs).map(|(row, inputs)| [&inputs[..], &row.features].concat()).collect();
        let mut normal = Normal::new(features[0].len() - 1);
        self.rows.iter().zip(&features).for_each(|(row, features)| normal.add(features, row.weight));
        let weights = normal.solve();
        let error = |features: &Vec<f64>| {
            let sum: f64 = weights.iter().zip(features).map(|(weight, feature)| weight * feature).sum();
            features[weights.len()] - sum
        };
        features.iter().map(error).collect()
    }

    /// Bits a number, less a constant.
    fn bits(&self, errors: &[f64]) -> f64 {
        let bits =
            |(row, error): (&Sample, &f64)| 0.5 * libm::log2(error * error + row.floor * row.floor + 1e-30);
        self.rows.iter().zip(errors).map(bits).sum::<f64>() / errors.len() as f64
    }

    /// Large errors count less.
    fn weigh(&mut self, errors: &[f64]) {
        let mut sizes: Vec<f64> = errors.iter().map(|error| error.abs()).collect();
        sizes.sort_by(f64::total_cmp);
        let typical = sizes[sizes.len() / 2];
        for (row, error) in self.rows.iter_mut().zip(errors) {
            row.weight = 1.0 / (typical * typical + error * error + row.floor * row.floor + 1e-30);
        }
    }
}
