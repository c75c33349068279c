//! Classes that fit a column's numbers.

use crate::table::bins::{Bin, Bins, MAX_BINS};

/// Classes of about equal counts; a number that stands as often as half a class has its own.
pub fn fit(mut numbers: Vec<i64>, n_bins: usize) -> Bins {
    numbers.sort_unstable();
    let mut target = (numbers.len() / n_bins.max(1)).max(1);
    loop {
        let bins = leaves_of(&numbers, target);
        if bins.len() < MAX_BINS.min(2 * n_bins + 8) {
            return Bins::new(bins);
        }
        target = target * 5 / 4 + 1;
    }
}

fn leaves_of(sorted: &[i64], target: usize) -> Vec<Bin> {
    let heavy: Vec<i64> =
        (sorted.chunk_by(|a, b| a == b)).filter(|run| run.len() * 2 >= target).map(|run| run[0]).collect();
    let mut bins = Vec::new();
    let mut rest = sorted;
    // The largest number of all ends no interval: it stays with the numbers of no class.
    while let Some(&low) = rest.first().filter(|&&low| low < i64::MAX) {
        let next = heavy.partition_point(|&h| h < low);
        let log_width = match heavy.get(next) {
            Some(&h) if h == low => 0,
            next => widest(rest, low, next.copied(), target),
        };
        let end = low.wrapping_add((1i64 << log_width) - 1);
        let count = rest.partition_point(|&q| q <= end);
        let weight = match count * 4 / target {
            0 => 0,
            1..=7 => 1,
            8..=31 => 2,
            _ => 3,
        };
        bins.push(Bin { low, log_width, weight });
        rest = &rest[count..];
    }
    bins
}

/// The largest width from `low` that neither reaches `next` nor holds much more than the target.
fn widest(rest: &[i64], low: i64, next: Option<i64>, target: usize) -> u32 {
    let fits = |log_width: u32| {
        let Some(end) = low.checked_add(1 << log_width) else { return false };
        next.is_none_or(|next| end <= next) && rest.partition_point(|&q| q < end) * 4 <= target * 5
    };
    // One more than all that is left is as good as any wider.
    let last = rest[rest.len() - 1];
    (1..=62)
        .take_while(|&w| fits(w) && low.checked_add(1 << (w - 1)).is_some_and(|end| end <= last))
        .last()
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_has_a_class() {
        let even: Vec<i64> = (0..10_000).map(|i| i * i % 7001).collect();
        let heavy: Vec<i64> = (0..10_000).map(|i| if i % 3 == 0 { 0 } else { i * i }).collect();
        let wild = vec![i64::MIN, i64::MAX - 1, 0, 5, i64::MIN + 1];
        assert_eq!(fit(vec![i64::MAX, 3], 8).class(i64::MAX), 1);
        for (numbers, n) in [(even, 64), (heavy.clone(), 32), (wild, 8), (vec![], 8), (vec![3; 9], 8)] {
            let bins = fit(numbers.clone(), n);
            assert!(numbers.iter().all(|&q| bins.class(q) < bins.n_classes() - 1), "{numbers:?}");
            assert!(bins.n_classes() <= 2 * n + 8);
        }
        let bins = fit(heavy, 32);
        assert_eq!(bins.bin(bins.class(0)).unwrap().log_width, 0);
    }
}
