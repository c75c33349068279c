//! The score from which on a stated share of the rows passes.

/// A threshold, and what it does.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Threshold {
    /// Rows with at least this score pass.
    pub score: f64,
    /// How many of the rows do.
    pub n_passing: usize,
}

/// The smallest score with which at most the share `rate` of the rows pass; rows of equal scores pass together. `None`
/// where no row does.
pub fn for_rate(scores: &[f64], rate: f64) -> Option<Threshold> {
    let most = (rate * scores.len() as f64).floor() as usize;
    let mut sorted = scores.to_vec();
    sorted.sort_unstable_by(|a, b| b.total_cmp(a));
    let n_passing = match sorted.get(most) {
        None => sorted.len(),
        Some(&first_out) => sorted.partition_point(|&score| score > first_out),
    };
    let score = *sorted.get(n_passing.checked_sub(1)?)?;
    Some(Threshold { score, n_passing })
}

/// What a threshold does to scores.
pub fn at(scores: &[f64], score: f64) -> Threshold {
    Threshold { score, n_passing: scores.iter().filter(|&&found| found >= score).count() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_most_the_share_passes() {
        let scores = [5.0, 1.0, 4.0, 4.0, 3.0];
        let found = |rate: f64| for_rate(&scores, rate).map(|t| (t.score, t.n_passing));
        assert_eq!(found(0.2), Some((5.0, 1)));
        assert_eq!(found(0.4), Some((5.0, 1)));
        assert_eq!(found(0.6), Some((4.0, 3)));
        assert_eq!(found(1.0), Some((1.0, 5)));
        assert_eq!(found(0.1), None);
        assert_eq!(for_rate(&[2.0, 2.0], 0.5), None);
        assert_eq!(at(&scores, 4.0).n_passing, 3);
    }
}
