//! (k / P - m) / d: decimals, or levels of an image, of which a mean was taken and which were then divided by a deviation.
//!
//! k / P was rounded, and how depends on k itself, not only on differences of numbers. So the numbers of the writer must be
//! found: those for which the roundings explain the values that are nearest to 0, where the value tells the difference k / P - m
//! much more exactly than k / P was held.

use super::fit::Search;
use super::region::{Strip, two_product};
use super::sample::{Grain, ulp};
use crate::hidden::digits::POWERS;
use crate::hidden::program::{Float, Step};
use baler_data::element::Element;

/// Levels of images.
const LEVELS: f64 = 255.0;
/// Fewest shifts of the numbers that are looked at.
const LEAST_REACH: i64 = 1 << 15;
/// Shifts that are tried with all constants.
const MOST_SHIFTS: usize = 6;
/// The uncertainty of d, relative.
const UNSURE: f64 = 4e-16;

/// A value near 0.
struct Near {
    k: i64,
    /// x * d - k / P, less that of the first.
    rest: f64,
    tolerance: f64,
}

impl<T: Element> Search<'_, T> {
    /// Tries decimals in float64, and levels of images in any precision.
    pub fn divided_then_moved(&mut self, (step, offset): (f64, f64), arithmetic: Float) {
        let last = self.values[self.values.len() - 1].0;
        if last <= LEVELS as i64 {
            for shift in 0..=LEVELS as i64 - last {
                self.try_divisor(LEVELS, shift, (step, offset), arithmetic);
                if self.is_good() {
                    return;
                }
            }
        }
        let is_fine = matches!(self.target.grain, Grain::Float(Float::F64) | Grain::Digits(13..));
        if !is_fine || arithmetic != Float::F64 || self.times > 1 {
            return;
        }
        for &divisor in &POWERS[1..7] {
            for shift in self.explaining_shifts(divisor, step) {
                self.try_divisor(divisor, shift, (step, offset), arithmetic);
                if self.is_good() {
                    return;
                }
            }
        }
    }

    /// The shifts of the numbers for which k / P is rounded as the values near 0 say.
    fn explaining_shifts(&self, divisor: f64, step: f64) -> Vec<i64> {
        let d = 1.0 / (divisor * step);
        let mut nearest: Vec<(i64, f64)> = self.values.to_vec();
        nearest.sort_by(|a, b| a.1.abs().total_cmp(&b.1.abs()));
        let Some(&(first_k, first_x)) = nearest.first() else { return Vec::new() };
        let near: Vec<Near> = (nearest[1..].iter())
            .map(|&(k, x)| Near {
                k,
                rest: (x - first_x) * d - (k - first_k) as f64 / divisor,
                tolerance: 1.2 * (self.rounding(x) + self.rounding(first_x)) * d
                    + UNSURE * (x - first_x).abs() * d,
            })
            .collect();
        let reach = self.reach.max(LEAST_REACH);
        let mut found: Vec<(usize, i64)> = Vec::new();
        for place in 0..=2 * reach {
            let shift = if place % 2 == 0 { place / 2 } else { -(place / 2) - 1 };
            let first = rounding_of(first_k + shift, divisor);
            let mut n_missed = 0;
            let is_explained = near.iter().enumerate().all(|(n_seen, near)| {
                let rounding = rounding_of(near.k + shift, divisor) - first;
                n_missed += usize::from((near.rest - rounding).abs() > near.tolerance);
                n_missed <= 1 + n_seen / 200
            });
            if is_explained {
                found.push((n_missed, shift));
            }
        }
        // Where everything is explained, the values say nothing.
        if found.len() as i64 > reach / 4 {
            return Vec::new();
        }
        found.sort_by_key(|(n_missed, _)| *n_missed);
        found.into_iter().take(MOST_SHIFTS).map(|(_, shift)| shift).collect()
    }

    fn try_divisor(&mut self, divisor: f64, shift: i64, (step, offset): (f64, f64), arithmetic: Float) {
        let d = 1.0 / (divisor * step);
        let m = shift as f64 / divisor - offset * d;
        let strips: Vec<Strip> = (self.values.iter())
            .map(|&(k, x)| {
                let b = super::constants::rounded((k + shift) as f64 / divisor, arithmetic);
                Strip { a: x, b, tolerance: self.rounding(x) * d.abs() + 0.5 * ulp(arithmetic, x * d) }
            })
            .collect();
        self.moved_then_scaled_in(&strips, (d, m), (-shift, Some(Step::Div(divisor))), arithmetic);
    }
}

/// What rounding adds to k / divisor.
fn rounding_of(k: i64, divisor: f64) -> f64 {
    let k = k as f64;
    let quotient = k / divisor;
    let (product, low) = two_product(quotient, divisor);
    -((k - product) - low) / divisor
}
