//! Whether counts have the noise that their bound is given in: if they vary far less, the bound takes away more than noise, and a
//! line says what they show instead.

use crate::options::{BoundSpec, Noise};
use crate::plan::warnings::short;
use crate::quantize::Grid;
use crate::variable::VariablePlan;
use baler_data::element::Element;
use baler_data::error::Result;
use baler_data::source::Source;
use baler_data::with_values;

/// Counts that are looked at, from the middle.
const SEEN: usize = 1 << 17;
/// So many times the noise that they show is too much.
const FAR: f64 = 2.0;

/// A line for each variable, in the order of the source, whose counts are far calmer than their bound assumes.
pub fn lines(source: &dyn Source, variables: &[VariablePlan]) -> Result<Vec<String>> {
    let mut lines = Vec::new();
    for (idx, variable) in variables.iter().enumerate() {
        let BoundSpec::Noise(noise) = variable.bound.spec else { continue };
        if matches!(variable.grid, Grid::Order | Grid::OrderF32) {
            continue;
        }
        let n_values = variable.shape.iter().product::<usize>();
        let width = variable.shape.last().copied().unwrap_or(1);
        let n_seen = (SEEN / width.max(1)).max(1) * width;
        let first = n_values.saturating_sub(n_seen) / 2 / width.max(1) * width;
        let values = source.read(idx, first..n_values.min(first + n_seen))?;
        let seen = with_values!(&values, values => shown(values, width, &variable.patterns));
        lines.extend(seen.and_then(|seen| line(&variable.name, noise, seen)));
    }
    Ok(lines)
}

fn line(name: &str, noise: Noise, (typical, shown): (f64, f64)) -> Option<String> {
    let assumed = noise.limit(typical) / noise.k;
    let gain = shown * shown / typical;
    (assumed > FAR * shown && shown > 0.0 && gain.is_finite()).then(|| {
        format!(
            "'{name}': values around {} vary by {} from one to the next, where {} assumes {} and takes away more than noise; \
             --bound '{name}=noise:{}:{}' is what they show",
            short(typical),
            short(shown),
            BoundSpec::Noise(noise).words(':'),
            short(assumed),
            noise.k,
            short(gain)
        )
    })
}

/// The middle value, and how far values are from the middle of both neighbors in their row, as a standard deviation of each: by the
/// median, so that features count little.
fn shown<T: Element>(values: &[T], width: usize, patterns: &[u64]) -> Option<(f64, f64)> {
    let is_regular = |x: &T| x.to_f64().is_finite() && !patterns.contains(&x.to_bits64());
    let mut regular: Vec<f64> = values.iter().filter(|x| is_regular(x)).map(|x| x.to_f64()).collect();
    let of_row = |row: &[T]| -> Vec<f64> {
        let triples = row.windows(3).filter(|triple| triple.iter().all(is_regular));
        triples.map(|x| (x[0].to_f64() - 2.0 * x[1].to_f64() + x[2].to_f64()).abs()).collect()
    };
    let mut bends: Vec<f64> = values.chunks(width.max(1)).flat_map(of_row).collect();
    let middle = |values: &mut Vec<f64>| -> Option<f64> {
        let at = values.len() / 2;
        (at > 0).then(|| *values.select_nth_unstable_by(at, f64::total_cmp).1)
    };
    // Half of normal values lie within 0.6745 standard deviations; the squares of the weights sum up to 6.
    Some((middle(&mut regular)?, middle(&mut bends)? / (0.6745 * 6f64.sqrt())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use baler_data::random::Rng;

    #[test]
    fn calm_counts_are_told_and_others_not() {
        let mut random = Rng::new(5, 0);
        let mut counts = |mean: f64, deviation: f64| -> Vec<u16> {
            let normal = |random: &mut Rng| {
                (0..12).map(|_| random.below(1 << 20) as f64 / (1 << 20) as f64).sum::<f64>() - 6.0
            };
            (0..4000)
                .map(|i| (mean + 0.3 * (i % 100) as f64 + deviation * normal(&mut random)) as u16)
                .collect()
        };
        let poisson = Noise { k: 1.0, gain: 1.0, read: 0.0 };
        let told = |values: &[u16]| line("x", poisson, shown(values, 100, &[]).unwrap());
        let (typical, deviation) = shown(&counts(400.0, 20.0), 100, &[]).unwrap();
        assert!((typical - 415.0).abs() < 5.0 && (deviation - 20.0).abs() < 2.0, "{typical} {deviation}");
        assert_eq!(told(&counts(400.0, 20.0)), None);
        // What is proposed can be typed, in digits enough.
        let gain = |line: &str| {
            let (_, bound) = line.split('\'').nth(3).unwrap().split_once('=').unwrap();
            let BoundSpec::Noise(found) = BoundSpec::parse(bound).unwrap() else { panic!("{line}") };
            found.gain
        };
        let line = told(&counts(400.0, 5.0)).unwrap();
        assert!(line.contains("assumes 20.3 ") && (gain(&line) / (25.0 / 415.0) - 1.0).abs() < 0.1, "{line}");
        let calm: Vec<f32> = counts(2000.0, 500.0).iter().map(|&x| 228.0 + x as f32 * 1e-5).collect();
        let line = super::line("x", poisson, shown(&calm, 100, &[]).unwrap()).unwrap();
        assert!((gain(&line) / (25e-6 / 228.0) - 1.0).abs() < 0.2, "{line}");
        assert_eq!(told(&[7; 300]), None);
    }
}
