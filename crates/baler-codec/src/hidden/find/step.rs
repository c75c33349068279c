//! Distinct values -> the step of the lattice on which nearly all of them lie, roughly: the common divisor of their
//! differences, with a tolerance.

use super::region::{least_squares, rest};
use super::sample::Grain;
use baler_data::random::mix;

/// A step must be this many times the tolerance of a value.
const LEAST_STEP: f64 = 3.0;
/// Differences that one trial looks at, and the smallest ones from which they are drawn.
const N_DRAWN: usize = 8;
const N_SMALL: usize = 20;
/// Trials, of which one must meet no stranger.
const N_TRIALS: usize = 8;
/// What rounding may have done to a value, in units of its last place: once, or several times.
const ROUNDED: [f64; 2] = [0.6, 1.6];
/// The share of values that may lie off the lattice.
const STRANGERS: f64 = 0.06;

/// A lattice, roughly.
#[derive(Debug, Clone)]
pub struct Rough {
    /// Numbers and values of those on the lattice, ascending.
    pub points: Vec<(i64, f64)>,
}

/// The lattice of sorted distinct values that are `unit` apart at least, if they have one.
fn find_step(values: &[f64], unit: &dyn Fn(f64) -> f64) -> Option<Rough> {
    if values.len() < 3 {
        return None;
    }
    let n = values.len();
    let typical = values[n / 20].abs().max(values[n - 1 - n / 20].abs());
    let tolerance = |x: f64| unit(x.abs().max(typical));
    let tolerances: Vec<f64> = values.iter().map(|&x| tolerance(x)).collect();
    let mut gaps: Vec<(f64, f64)> = (values.windows(2).zip(tolerances.windows(2)))
        .map(|(pair, t)| (pair[1] - pair[0], t[0] + t[1]))
        .collect();
    gaps.sort_by(|a, b| a.0.total_cmp(&b.0));
    let too_small = gaps.iter().filter(|(gap, t)| *gap < LEAST_STEP * t / 2.0).count();
    if too_small as f64 > STRANGERS * gaps.len() as f64 {
        return None;
    }
    gaps.drain(..too_small);
    let sizes = sizes(&gaps);
    for trial in 0..N_TRIALS {
        let Some(divisor) = common_divisor(&drawn(&sizes, trial)) else { continue };
        let (step, error) = refined(&sizes, divisor);
        for anchor in anchors(values.len(), trial) {
            if let Some(rough) = on_lattice(values, &tolerances, anchor, (step, error)) {
                return Some(rough);
            }
        }
    }
    None
}

/// A difference of neighbors, with its uncertainty, and how many are the same.
#[derive(Debug, Clone, Copy)]
struct Size {
    gap: (f64, f64),
    n: usize,
}

/// The different sizes of sorted differences. On top of another lattice the smallest are all two steps, so one of each size is
/// enough; those that occur often are no strangers' ones.
fn sizes(gaps: &[(f64, f64)]) -> Vec<Size> {
    let is_same = |a: &(f64, f64), b: &(f64, f64)| b.0 - a.0 < (a.1 + b.1) / 2.0;
    let size = |same: &[(f64, f64)]| {
        let n = same.len();
        let mean = same.iter().map(|gap| gap.0).sum::<f64>() / n as f64;
        Size { gap: (mean, same[n - 1].1 / libm::sqrt(n as f64)), n }
    };
    gaps.chunk_by(is_same).map(size).collect()
}

/// Differences that one trial looks at: the most frequent ones, the smallest of those that occur more than once, and then few
/// ones here and there.
fn drawn(sizes: &[Size], trial: usize) -> Vec<(f64, f64)> {
    let mut sizes = sizes.to_vec();
    let n_repeated = sizes.iter().filter(|size| size.n > 1).count();
    match trial {
        0 => sizes.sort_by_key(|size| std::cmp::Reverse(size.n)),
        1 if n_repeated > 2 => sizes.retain(|size| size.n > 1),
        _ => {
            let n = sizes.len().min(N_SMALL * trial);
            return (0..N_DRAWN / 2)
                .map(|place| sizes[mix((trial * N_DRAWN + place) as u64) as usize % n].gap)
                .collect();
        }
    }
    let mut gaps: Vec<(f64, f64)> = sizes.iter().take(N_DRAWN).map(|size| size.gap).collect();
    gaps.sort_by(|a, b| a.0.total_cmp(&b.0));
    gaps
}

/// A step that larger and larger differences make more exact, with its uncertainty; those that do not fit are passed over.
fn refined(sizes: &[Size], (mut step, mut error): (f64, f64)) -> (f64, f64) {
    let (mut products, mut squares) = (0.0, 0.0);
    for &Size { gap: (gap, tolerance), .. } in sizes {
        let n = libm::rint(gap / step);
        if n * error > 0.2 * step {
            break;
        }
        if n > 0.0 && (gap - n * step).abs() <= (tolerance + n * error).min(0.3 * step) {
            products += n * gap;
            squares += n * n;
            step = products / squares;
            error = error.min(tolerance / n);
        }
    }
    (step, error)
}

fn anchors(n: usize, trial: usize) -> [usize; 2] {
    [(n / 2 + trial) % n, (n / 3 + 2 * trial) % n]
}

/// Euclid's algorithm; each difference comes with its uncertainty, and so does the result.
fn common_divisor(gaps: &[(f64, f64)]) -> Option<(f64, f64)> {
    let mut best = *gaps.first()?;
    for &gap in &gaps[1..] {
        let (mut a, mut b) = if gap.0 > best.0 { (gap, best) } else { (best, gap) };
        for _ in 0..64 {
            let n = libm::rint(a.0 / b.0);
            let rest = ((a.0 - n * b.0).abs(), a.1 + n * b.1);
            (a, b) = (b, rest);
            if b.0 <= b.1 || b.0 < 0.02 * a.0 && b.0 < 8.0 * b.1 {
                break;
            }
        }
        best = a;
        if best.0 < 2.0 * best.1 {
            return None;
        }
    }
    Some(best)
}

/// Numbers the values from an anchor outward, and makes the step more exact on the way.
fn on_lattice(
    values: &[f64],
    tolerances: &[f64],
    anchor: usize,
    (mut step, mut error): (f64, f64),
) -> Option<Rough> {
    let origin = values[anchor];
    let mut order: Vec<usize> = (0..values.len()).filter(|&idx| idx != anchor).collect();
    order.sort_by(|&a, &b| (values[a] - origin).abs().total_cmp(&(values[b] - origin).abs()));
    let (mut products, mut squares) = (0.0, 0.0);
    let mut n_misfits = 0;
    for (n_seen, &idx) in order.iter().enumerate() {
        let distance = (values[idx] - origin).abs();
        let tolerance = tolerances[idx] + tolerances[anchor];
        let n = libm::rint(distance / step);
        if n * error > 0.3 * step {
            return None;
        }
        let off = (distance - n * step).abs();
        // The anchor's own error is in all distances, and so in the step.
        if n == 0.0 || off > (3.0 * tolerance + n * error).min(0.3 * step) {
            n_misfits += 1;
            if n_misfits > 3 && n_misfits as f64 > STRANGERS * (n_seen + 1) as f64 {
                return None;
            }
            continue;
        }
        products += n * distance;
        squares += n * n;
        step = products / squares;
        error = error.min(tolerance / n);
    }
    number(values, tolerances, (step, origin))
}

fn number(values: &[f64], tolerances: &[f64], (step, anchor): (f64, f64)) -> Option<Rough> {
    if step < LEAST_STEP * tolerances[values.len() / 2] {
        return None;
    }
    let tolerance = tolerances[0].max(tolerances[tolerances.len() - 1]);
    let mut points: Vec<(i64, f64)> = (values.iter())
        .filter_map(|&x| {
            let n = libm::rint((x - anchor) / step);
            let off = (x - anchor - n * step).abs();
            (off <= (12.0 * tolerance).min(0.3 * step) && n.abs() < 9e15).then_some((n as i64, x))
        })
        .collect();
    if points.len() < 3 {
        return None;
    }
    let (slope, offset) = least_squares(&points);
    points.retain(|&(n, x)| rest(n as f64, x, (slope, offset)).abs() <= 3.0 * tolerance);
    if (points.len() as f64) < (1.0 - STRANGERS) * values.len() as f64 || points.len() < 3 {
        return None;
    }
    for prime in [2i64, 3, 5, 7, 11, 13] {
        while let Some(rest) = common_rest(&points, prime) {
            points.retain(|(n, _)| n.rem_euclid(prime) == rest);
            points.iter_mut().for_each(|(n, _)| *n = (*n - rest) / prime);
        }
    }
    let first = points[0].0;
    points.iter_mut().for_each(|(n, _)| *n -= first);
    Some(Rough { points })
}

/// The rest that nearly all numbers have after division by a prime.
fn common_rest(points: &[(i64, f64)], prime: i64) -> Option<i64> {
    let rest = points[points.len() / 2].0.rem_euclid(prime);
    let n_alike = points.iter().filter(|(n, _)| n.rem_euclid(prime) == rest).count();
    let spread = points[points.len() - 1].0 - points[0].0;
    (spread > prime && n_alike as f64 >= (1.0 - STRANGERS / 2.0) * points.len() as f64).then_some(rest)
}

/// [`find_step`] for values of a grain, and again for values whose arithmetic was coarser, if a grid of a power of two says so.
pub fn roughs(values: &[f64], grain: Grain, binary: f64) -> Vec<Rough> {
    let n = values.len();
    let typical = values.get(n / 20).map_or(0.0, |x| x.abs().max(values[n - 1 - n / 20].abs()));
    let of = |least: f64| {
        let unit = |share: f64| move |x: f64| share * grain.unit(x).max(least);
        ROUNDED.iter().find_map(|&share| find_step(values, &unit(share)))
    };
    let mut found: Vec<Rough> = of(0.0).into_iter().collect();
    if binary > 2.0 * grain.unit(typical) {
        found.extend(of(binary));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use baler_data::random::Rng;

    fn values(n_levels: usize, step: f64, offset: f64) -> Vec<f64> {
        let mut rng = Rng::new(1, 0);
        let mut values: Vec<f64> = (0..2000).map(|_| rng.below(n_levels) as f64 * step + offset).collect();
        values.sort_by(f64::total_cmp);
        values.dedup();
        values
    }

    #[test]
    fn steps_are_found_at_any_density() {
        for n_levels in [100, 1000, 65_536, 1 << 23, 1 << 30] {
            for (step, offset) in [(0.1, 0.0), (0.001_524, 273.15), (3.7e-9, -1e-3)] {
                let values = values(n_levels, step, offset);
                let ulp = |x: f64| x.abs() * f64::EPSILON;
                let rough = find_step(&values, &ulp).unwrap_or_else(|| panic!("{n_levels} {step}"));
                let (first, last) = (rough.points[0], rough.points[rough.points.len() - 1]);
                let found = (last.1 - first.1) / (last.0 - first.0) as f64;
                assert!((found - step).abs() < 1e-6 * step, "{n_levels}: {found} for {step}");
            }
        }
    }
}
