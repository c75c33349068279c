//! What counts become within a bound that grows with them: what a smooth surface through the counts around tells, as near as the
//! bound allows. That takes noise away and leaves features. The encoder only; a decoder needs to know nothing of it.
//!
//! Tried in a prototype that predicts from 14 neighbors, on frames of 900 x 900 with Poisson noise around 100 and Gaussian dots 60 and 300 high and 2 to 4 pixels wide, K = 1 (bits a count,
//! noise off the dots, and depths of the dots over those of the original):
//!
//! | each becomes what is nearest to | bits | noise | depths |
//! |---|---|---|---|
//! | its prediction: features shrink, for predictions come late | 1.55 | 0.77 | 0.92, 0.96 |
//! | a quadratic surface through 5 x 5 | 1.64 | 0.81 | 1.00, 1.00 |
//! | **a quadratic surface through 7 x 7** | 1.57 | 0.78 | 0.99, 0.99 |
//! | a binomial mean of 3 x 3, and of 5 x 5 | 1.58, 1.56 | 0.78, 0.77 | 0.97, 0.97; 0.95, 0.96 |
//! | a Wiener filter in 5 x 5 (Lee) | 1.55 | 0.76 | 0.95, 0.98 |

use crate::classical::lorenzo::four_axes;
use crate::options::Noise;
use crate::quantize::Grid;
use baler_data::element::Element;

/// Weights of the least-squares parabola through seven points, in the middle (Savitzky and Golay, 1964).
const PARABOLA: [f64; 7] =
    [-2.0 / 21.0, 3.0 / 21.0, 6.0 / 21.0, 7.0 / 21.0, 6.0 / 21.0, 3.0 / 21.0, -2.0 / 21.0];

/// Noise of counts grows with them, so that one above what is around may move farther down than one below may move up, and counts would
/// become too small. One above moves as far as the count may that lies so much of the difference below: `scripts/counts.py`
/// tells what means become.
const MIRRORED: f64 = 0.5;

/// Numbers that one may move, at most: no lattice in lockstep is as wide.
const FARTHEST: f64 = (1u64 << 40) as f64;

/// Numbers of a lattice, and the least and greatest that each may become.
#[derive(Clone)]
pub struct Counts {
    /// What each should become, C order.
    pub q: Vec<i64>,
    /// The least.
    pub low: Vec<i64>,
    /// The greatest.
    pub high: Vec<i64>,
}

impl Counts {
    /// Of the nearest numbers to values, of which `stride` must be allowed for each.
    pub fn of<T: Element>(
        (nearest, stride, grid): (&[i64], i64, Grid),
        values: &[T],
        shape: &[usize],
        noise: Noise,
    ) -> Option<Counts> {
        // Floats are rounded once more: one number less is within the bound for sure.
        let (unit, lost) = match grid {
            Grid::Integer { step } => (step as f64, 0.0),
            Grid::Uniform { step, .. } => (step, 1.0),
            _ => return None,
        };
        let mut counts = Counts {
            q: Vec::with_capacity(nearest.len()),
            low: Vec::with_capacity(nearest.len()),
            high: Vec::with_capacity(nearest.len()),
        };
        let around = smoothed(nearest, shape);
        for ((&q, &x), around) in nearest.iter().zip(values).zip(around) {
            let (x, surface) = (x.to_f64(), around * unit);
            let off = (grid.reconstruct::<T>(q).to_f64() - x).abs();
            // A value that is kept exactly has no room, and its number counts for nothing.
            let room = |of: f64| ((noise.limit(of) - off) / unit - lost).floor().clamp(0.0, FARTHEST) as i64;
            let up = room(x);
            let down = if x > surface { up.min(room(surface - MIRRORED * (x - surface))) } else { up };
            let down = down.max((stride - 1 - up).clamp(0, up));
            let (low, high) = (q.saturating_sub(down), q.saturating_add(up));
            counts.q.push((around.round() as i64).clamp(low, high));
            counts.low.push(low);
            counts.high.push(high);
        }
        Some(counts)
    }

    /// Those at some places.
    pub fn at(&self, places: &[i64]) -> Counts {
        let placed = |all: &[i64]| places.iter().map(|&place| all[place as usize]).collect();
        Counts { q: placed(&self.q), low: placed(&self.low), high: placed(&self.high) }
    }
}

/// The surface at each number of the planes along the last two axes; beyond their edges stands the last number.
fn smoothed(q: &[i64], shape: &[usize]) -> Vec<f64> {
    let [.., rows, columns] = four_axes(shape);
    let along = |from: &[f64], extent: usize, pitch: usize| -> Vec<f64> {
        if extent < PARABOLA.len() {
            return from.to_vec();
        }
        (0..from.len())
            .map(|i| {
                let (place, first) = (i / pitch % extent, i - i / pitch % extent * pitch);
                let tap = |(j, weight): (usize, &f64)| {
                    let at = (place + j).saturating_sub(PARABOLA.len() / 2).min(extent - 1);
                    weight * from[first + at * pitch]
                };
                PARABOLA.iter().enumerate().map(tap).sum()
            })
            .collect()
    };
    let numbers: Vec<f64> = q.iter().map(|&q| q as f64).collect();
    along(&along(&numbers, columns, 1), rows, columns)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parabolas_stay_and_noise_becomes_less() {
        let shape = [2, 20, 30];
        let parabola = |i: usize| {
            let (y, x) = ((i / 30 % 20) as i64, (i % 30) as i64);
            1000 + 3 * (x - 12) * (x - 12) - 2 * (y - 9) * (y - 9)
        };
        let q: Vec<i64> = (0..1200).map(parabola).collect();
        let is_inside = |i: &usize| (3..27).contains(&(i % 30)) && (3..17).contains(&(i / 30 % 20));
        let smooth = smoothed(&q, &shape);
        assert!((0..1200).filter(is_inside).all(|i| (smooth[i] - q[i] as f64).abs() < 1e-6));
        // A single count spreads as the square of the weights in the middle.
        let mut single = vec![0; 600];
        single[10 * 30 + 15] = 441;
        let smooth = smoothed(&single, &[20, 30]);
        assert!(
            (smooth[10 * 30 + 15] - 49.0).abs() < 1e-9 && (smooth.iter().sum::<f64>() - 441.0).abs() < 1e-6
        );
    }

    #[test]
    fn counts_are_allowed_a_stride_and_no_more_than_their_noise() {
        let noise = Noise { k: 1.0, gain: 1.0, read: 0.0 };
        let values: Vec<u16> = (0..400).map(|i| 81 + (i * i % 37) as u16).collect();
        let nearest: Vec<i64> = values.iter().map(|&x| x as i64).collect();
        let counts =
            Counts::of((&nearest, 17, Grid::Integer { step: 1 }), &values, &[20, 20], noise).unwrap();
        for (i, &x) in nearest.iter().enumerate() {
            let reach = (x as f64).sqrt().floor() as i64;
            assert!(counts.high[i] - x <= reach && x - counts.low[i] <= reach);
            assert!(counts.high[i] - counts.low[i] >= 16);
            assert!((counts.low[i]..=counts.high[i]).contains(&counts.q[i]));
        }
    }
}
