//! Distinct values -> the step of the lattice on which nearly all of them lie, roughly: the common divisor of their
//! differences, with a tolerance.

use super::sample::Grain;

/// A step must be this many times the tolerance of a value.
const LEAST_STEP: f64 = 3.0;
/// Differences that one trial looks at, and the smallest ones from which they are drawn.
const N_DRAWN: usize = 8;
const N_SMALL: usize = 40;
/// Trials, of which one must meet no stranger.
const N_TRIALS: usize = 6;
/// The share of values that may lie off the lattice.
const STRANGERS: f64 = 0.06;

/// A lattice, roughly.
#[derive(Debug, Clone)]
pub struct Rough {
    /// Numbers and values of those on the lattice, ascending.
    pub points: Vec<(i64, f64)>,
}

/// The lattice of sorted distinct values that are `unit` apart at least, if they have one.
pub fn find_step(values: &[f64], unit: &dyn Fn(f64) -> f64) -> Option<Rough> {
    if values.len() < 3 {
        return None;
    }
    let typical = values[values.len() / 2].abs().max(values[values.len() / 4].abs());
    let tolerance = |x: f64| 1.5 * unit(x.abs().max(typical));
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
    // One of each size: on top of another lattice, the smallest gaps are all two steps.
    gaps.dedup_by(|next, before| next.0 - before.0 < next.1 + before.1);
    let gaps = &gaps[..gaps.len().min(N_SMALL)];
    for trial in 0..N_TRIALS {
        let Some((step, error)) = common_divisor(&drawn(gaps, trial)) else { continue };
        for anchor in anchors(values.len(), trial) {
            if let Some(rough) = on_lattice(values, &tolerances, anchor, (step, error)) {
                return Some(rough);
            }
        }
    }
    None
}

/// The smallest differences first; then others, without the smallest.
fn drawn(gaps: &[(f64, f64)], trial: usize) -> Vec<(f64, f64)> {
    let skipped = trial * gaps.len() / (2 * N_TRIALS);
    let stride = 1 + trial % 3;
    gaps.iter().skip(skipped).step_by(stride).take(N_DRAWN).copied().collect()
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
        if n == 0.0 || off > tolerance + n * error {
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
    let mut points: Vec<(i64, f64)> = (values.iter().zip(tolerances))
        .filter_map(|(&x, &tolerance)| {
            let n = libm::rint((x - anchor) / step);
            let fits = (x - anchor - n * step).abs() <= 3.0 * tolerance && n.abs() < 9e15;
            fits.then_some((n as i64, x))
        })
        .collect();
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
    let mut found: Vec<Rough> = find_step(values, &|x| grain.unit(x)).into_iter().collect();
    let typical = values.get(values.len() / 2).map_or(0.0, |x| x.abs());
    if binary > 2.0 * grain.unit(typical) {
        found.extend(find_step(values, &|x| grain.unit(x).max(binary)));
    }
    found
}
