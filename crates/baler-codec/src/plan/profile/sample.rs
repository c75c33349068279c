//! Some two thousand values spread over a variable, and what they say of the rest: quantiles, and whether neighbors are alike.
//! Which ones is a matter of their number alone, so that the same data give the same sample in pieces of any size.

use baler_data::element::Element;

/// Values of a sample, at most: 32 kB for each of what may be thousands of columns.
const N_SAMPLED: usize = 2048;
/// Share of the values from which on one of them is so common that the others are looked at by themselves.
const COMMON_SHARE: f64 = 0.5;

/// A sample in the making: each value with the one before it.
#[derive(Debug, Clone)]
pub struct Sample {
    n_values: usize,
    n_seen: usize,
    n_taken: usize,
    before: f64,
    pairs: Vec<[f64; 2]>,
}

impl Sample {
    /// Of a variable of `n_values` values.
    pub fn new(n_values: usize) -> Sample {
        let pairs = Vec::with_capacity(n_values.min(N_SAMPLED));
        Sample { n_values, n_seen: 0, n_taken: 0, before: f64::NAN, pairs }
    }

    /// Position of the sampled value `idx`: somewhere in its share of all, so that no rhythm of the data meets it.
    fn position(&self, idx: usize) -> usize {
        let n_sampled = self.n_values.min(N_SAMPLED);
        let start = |idx: usize| (idx as u128 * self.n_values as u128 / n_sampled as u128) as usize;
        let hash = (idx as u64 + 1)
            .wrapping_mul(0x9e37_79b9_7f4a_7c15)
            .rotate_left(31)
            .wrapping_mul(0xbf58_476d_1ce4_e5b9);
        start(idx) + (hash >> 33) as usize % (start(idx + 1) - start(idx)).max(1)
    }

    /// Takes in the next values.
    pub fn see<T: Element>(&mut self, values: &[T]) {
        while self.n_taken < self.n_values.min(N_SAMPLED) {
            let at = self.position(self.n_taken) - self.n_seen;
            let Some(value) = values.get(at) else { break };
            let before = if at == 0 { self.before } else { values[at - 1].to_f64() };
            self.pairs.push([before, value.to_f64()]);
            self.n_taken += 1;
        }
        self.n_seen += values.len();
        self.before = values.last().map_or(self.before, |value| value.to_f64());
    }

    /// What the sample says of all values but the missing ones; `None` if it has no other.
    pub fn spread(&self, missing: &[f64]) -> Option<Spread> {
        let regular = |x: f64| x.is_finite() && !missing.contains(&x);
        let mut sorted: Vec<f64> = self.pairs.iter().map(|pair| pair[1]).filter(|x| regular(*x)).collect();
        if sorted.is_empty() {
            return None;
        }
        sorted.sort_by(f64::total_cmp);
        let (common, n_common) = most_common(&sorted);
        let quantiles = [0.01, 0.5, 0.99].map(|fraction| quantile(&sorted, fraction));
        let mut sizes: Vec<f64> = sorted.iter().map(|x| x.abs()).filter(|size| *size > 0.0).collect();
        sizes.sort_by(f64::total_cmp);
        let typical_size = if sizes.is_empty() { 0.0 } else { quantile(&sizes, 0.5) };
        let is_common = n_common as f64 > COMMON_SHARE * sorted.len() as f64;
        let pairs =
            self.pairs.iter().filter(|pair| regular(pair[0]) && regular(pair[1]) && pair[1] != common);
        let (mut n_equal, mut n_steps, mut n_jumps) = (0, 0, 0);
        for [before, value] in pairs {
            match (value - before).abs() {
                0.0 => n_equal += 1,
                1.0 => n_steps += 1,
                _ => n_jumps += 1,
            }
        }
        sorted.retain(|x| !is_common || *x != common);
        let rest =
            if sorted.is_empty() { quantiles } else { [0.01, 0.5, 0.99].map(|f| quantile(&sorted, f)) };
        Some(Spread {
            quantiles,
            rest: [rest[0], rest[2]],
            typical_size,
            neighbors: [n_equal, n_steps, n_jumps],
        })
    }
}

/// Where most values of a variable lie.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    /// 1 %, 50 % and 99 % quantile.
    pub quantiles: [f64; 3],
    /// 1 % and 99 % quantile of what is not the most common value, where that stands in more than half of all places.
    pub rest: [f64; 2],
    /// Median magnitude of what is not 0.
    pub typical_size: f64,
    /// Of sampled values other than the most common: how many equal the one before, are 1 apart, or farther.
    pub neighbors: [usize; 3],
}

impl Spread {
    /// How far apart 98 % of the values lie.
    pub fn width(&self) -> f64 {
        self.rest[1] - self.rest[0]
    }
}

/// The value below which a fraction of the values lies.
fn quantile(sorted: &[f64], fraction: f64) -> f64 {
    sorted[((sorted.len() - 1) as f64 * fraction + 0.5) as usize]
}

/// The value that stands most often in a sorted list, and how often.
fn most_common(sorted: &[f64]) -> (f64, usize) {
    let runs = sorted.chunk_by(|a, b| a == b);
    runs.map(|run| (run[0], run.len())).max_by_key(|(_, n)| *n).unwrap_or((f64::NAN, 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_of_a_sample_are_those_of_all() {
        let values: Vec<f32> = (0..1_000_003).map(|i| ((i as u64 * 7919) % 1000) as f32).collect();
        let mut sample = Sample::new(values.len());
        values.chunks(777).for_each(|piece| sample.see(piece));
        assert_eq!(sample.pairs.len(), N_SAMPLED);
        let spread = sample.spread(&[]).unwrap();
        for (found, expected) in spread.quantiles.iter().zip([10.0, 500.0, 990.0]) {
            assert!((found - expected).abs() < 30.0, "{found} {expected}");
        }
        let all = Sample::new(0).spread(&[]);
        assert_eq!(all, None);
    }

    #[test]
    fn a_common_value_does_not_hide_the_others() {
        let values: Vec<f64> = (0..5000).map(|i| if i % 50 == 0 { i as f64 } else { 0.0 }).collect();
        let mut sample = Sample::new(values.len());
        sample.see(&values);
        let spread = sample.spread(&[]).unwrap();
        assert_eq!(spread.quantiles[1], 0.0);
        assert!(spread.width() > 4000.0 && spread.typical_size > 2000.0);
    }

    #[test]
    fn neighbors_tell_labels_from_counts() {
        let labels: Vec<i32> = (0..9000).map(|i| (i / 30 * 37) % 101).collect();
        let ramp: Vec<i32> = (0..9000).map(|i| i / 30).collect();
        let neighbors = |values: &[i32]| {
            let mut sample = Sample::new(values.len());
            sample.see(values);
            sample.spread(&[]).unwrap().neighbors
        };
        let [equal, steps, jumps] = neighbors(&labels);
        assert!(equal > 20 * jumps && jumps > 10 * steps.max(1));
        let [_, steps, jumps] = neighbors(&ramp);
        assert!(steps > 0 && jumps == 0);
    }
}
