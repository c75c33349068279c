//! The few most extreme values at both ends of a variable, and which of them mark missing ones: fill values such as 1e20,
//! -999, the ends of an integer dtype or -1 beside counts. docs/error-bound.md states the rule.

use super::sample::Sample;
use crate::quantize::blocks::{BLOCK, finite_ends};
use crate::quantize::widest;
use baler_data::element::{Element, is_negative_zero};

/// Values that are kept at each end: up to three may be missing, and the next one tells how far they are from the rest.
const N_KEPT: usize = 4;
/// Times the spread of most values that an end of the dtype must lie away from them where the range of all reaches it.
const ROBUSTLY_FAR: f64 = 10.0;

/// (order, how often) of the most extreme values, the outermost first.
#[derive(Debug, Clone, Default)]
struct End(Vec<(i64, u64)>);

impl End {
    /// Takes in a value `n` times; `beyond` tells whether the first lies farther out than the second.
    #[inline(always)]
    fn see(&mut self, order: i64, n: u64, beyond: impl Fn(i64, i64) -> bool) {
        if self.0.len() == N_KEPT && beyond(self.0[N_KEPT - 1].0, order) {
            return;
        }
        let at = self.0.iter().position(|&(kept, _)| !beyond(kept, order)).unwrap_or(self.0.len());
        match self.0.get_mut(at) {
            Some((kept, count)) if *kept == order => *count += n,
            _ => {
                self.0.insert(at, (order, n));
                self.0.truncate(N_KEPT);
            }
        }
    }
}

/// Both ends.
#[derive(Debug, Clone, Default)]
pub struct Ends {
    low: End,
    high: End,
}

impl Ends {
    /// The ends of counted values.
    pub fn of(values: &[(i64, u64)]) -> Ends {
        let mut ends = Ends::default();
        values.iter().for_each(|&(order, n)| ends.see_order(order, n));
        ends
    }

    #[inline(always)]
    fn see_order(&mut self, order: i64, n: u64) {
        self.low.see(order, n, |a, b| a < b);
        self.high.see(order, n, |a, b| a > b);
    }

    /// Takes in the next values.
    pub fn see<T: Element>(&mut self, values: &[T]) {
        for block in values.chunks(BLOCK) {
            if let (Some(&(low, _)), Some(&(high, _))) =
                (self.low.0.get(N_KEPT - 1), self.high.0.get(N_KEPT - 1))
                && is_inside(block, low, high)
            {
                continue;
            }
            for &x in block {
                if !T::IS_FLOAT || (x.to_f64().is_finite() && !is_negative_zero(x)) {
                    self.see_order(x.order(), 1);
                }
            }
        }
    }

    /// The values that are taken as missing; `sample` is of all values.
    pub fn missing<T: Element>(&self, integral: bool, sample: &Sample) -> Vec<T> {
        let value = |&(order, n): &(i64, u64)| (T::from_order(order), n);
        let mut sides = [&self.low, &self.high].map(|end| end.0.iter().map(value).collect::<Vec<(T, u64)>>());
        let mut found = Vec::new();
        // What is found at one end makes the range of the rest smaller.
        for side in [1, 0, 1, 0] {
            let Some(&(other_end, _)) = sides[1 - side].first() else { break };
            let n = n_missing(&sides[side], other_end.to_f64(), integral, sample);
            let found_here: Vec<T> = sides[side].drain(..n).map(|(value, _)| value).collect();
            sides[1 - side].retain(|(value, _)| found_here.iter().all(|x| x.order() != value.order()));
            found.extend(found_here);
        }
        found
    }
}

/// How many of the outermost values of an end are missing ones.
fn n_missing<T: Element>(end: &[(T, u64)], other_end: f64, integral: bool, sample: &Sample) -> usize {
    let is_missing = |n: usize| {
        let (far, next) = (end[n - 1].0.to_f64(), end[n].0.to_f64());
        let (gap, range) = ((far - next).abs(), (next - other_end).abs());
        let smallest = next.min(other_end);
        let repeated = end[..n].iter().map(|(_, count)| count).sum::<u64>() >= 2;
        let looks = |(at, (value, _)): (usize, &(T, u64))| look_of(*value, at, smallest, integral);
        let far_enough = |look: Look| match look {
            Look::Marker => range > 2.0,
            Look::EndOfDtype => gap > range || is_robustly_far(&end[..n], sample),
            Look::Likely(times) => gap > times * range,
            Look::Ordinary => false,
        };
        range > 0.0 && repeated && end[..n].iter().enumerate().map(looks).all(far_enough)
    };
    (1..end.len()).find(|&n| is_missing(n)).unwrap_or(0)
}

/// True if the values lie far from where most of the others do, whatever some lie in between.
fn is_robustly_far<T: Element>(values: &[(T, u64)], sample: &Sample) -> bool {
    let values: Vec<f64> = values.iter().map(|(value, _)| value.to_f64()).collect();
    sample.spread(&values).is_some_and(|spread| {
        let [low, _, high] = spread.quantiles;
        let distance = |far: &f64| if *far > high { far - high } else { low - far };
        values.iter().map(distance).all(|distance| distance > ROBUSTLY_FAR * (high - low).max(1.0))
    })
}

/// What a value that may be missing looks like.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Look {
    /// -1 below whole numbers that are not negative.
    Marker,
    /// The end of an integer dtype, or its neighbor next to it.
    EndOfDtype,
    /// A usual fill value, if it lies so many ranges of the others away from them.
    Likely(f64),
    /// Any number.
    Ordinary,
}

/// `at` counts from the outermost value, `smallest_other` is the least of the rest.
fn look_of<T: Element>(value: T, at: usize, smallest_other: f64, integral: bool) -> Look {
    let x = value.to_f64();
    let below_counts = x < 0.0 && smallest_other >= 0.0;
    if integral && x == -1.0 && below_counts {
        return Look::Marker;
    }
    if !T::IS_FLOAT && x != 0.0 {
        let ends = [f64::INFINITY, f64::NEG_INFINITY].map(|end| T::from_f64(end).order());
        if ends.iter().any(|end| value.order().abs_diff(*end) <= at as u64) {
            return Look::EndOfDtype;
        }
    }
    let size = x.abs();
    let nines = [99.0, 999.0, 9999.0, 99999.0, 999_999.0, 9_999_999.0];
    let is_nines = nines.iter().any(|n| (size - n).abs() < 1.0);
    match () {
        _ if is_nines && x < 0.0 => Look::Likely(2.0),
        _ if integral && is_end_of_some_dtype(x) => Look::Likely(4.0),
        _ if size >= 1e15 || is_nines || below_counts => Look::Likely(10.0),
        _ => Look::Ordinary,
    }
}

/// 2^k - 1 or -2^k for the widths of detectors and integers; as floats also rounded up to 2^k.
fn is_end_of_some_dtype(x: f64) -> bool {
    [8, 10, 12, 14, 15, 16, 24, 31, 32, 63, 64].iter().any(|&bits| {
        let end = (1u128 << bits) as f64;
        x == end - 1.0 || x == -end || (bits > 24 && x == end)
    })
}

/// True if all values are clearly between those of orders `low` and `high`.
fn is_inside<T: Element>(block: &[T], low: i64, high: i64) -> bool {
    if low > high {
        return false;
    }
    if T::IS_FLOAT {
        let (low, high) = (T::from_order(low).to_f64(), T::from_order(high).to_f64());
        return finite_ends(block).is_some_and(|(min, max)| low < min && max < high);
    }
    let (min, max) = order_ends(block);
    low < min && max < high
}

/// Least and greatest order of a block.
pub fn order_ends<T: Element>(block: &[T]) -> (i64, i64) {
    let ends = |(low, high): (i64, i64), x: &T| (low.min(x.order()), high.max(x.order()));
    widest(
        #[inline(always)]
        || block.iter().fold((i64::MAX, i64::MIN), ends),
    )
}
