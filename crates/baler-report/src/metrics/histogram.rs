//! Histograms of equal bins that lose nothing: what lies below, above or is not finite is counted.

/// Counts in equal bins of [low, high]; the last bin holds its right edge, as in NumPy.
#[derive(Debug, Clone, PartialEq)]
pub struct Histogram {
    /// Left edge of the first bin.
    pub low: f64,
    /// Right edge of the last bin.
    pub high: f64,
    /// Values in each bin.
    pub counts: Vec<u64>,
    /// Values below `low`.
    pub underflow: u64,
    /// Values above `high`.
    pub overflow: u64,
    /// NaN and infinities.
    pub not_finite: u64,
}

impl Histogram {
    /// An empty histogram; a range of no width is widened by one half on either side, as in NumPy.
    pub fn new(low: f64, high: f64, n_bins: usize) -> Histogram {
        let (low, high) = if high > low { (low, high) } else { (low - 0.5, low + 0.5) };
        Histogram { low, high, counts: vec![0; n_bins.max(1)], underflow: 0, overflow: 0, not_finite: 0 }
    }

    /// A histogram of `values`.
    pub fn of(values: &[f64], low: f64, high: f64, n_bins: usize) -> Histogram {
        let mut histogram = Histogram::new(low, high, n_bins);
        values.iter().for_each(|&x| histogram.push(x));
        histogram
    }

    /// Takes in one value.
    pub fn push(&mut self, x: f64) {
        if !x.is_finite() {
            self.not_finite += 1;
        } else if x < self.low {
            self.underflow += 1;
        } else if x > self.high {
            self.overflow += 1;
        } else {
            let n = self.counts.len();
            let scaled = (x - self.low) / (self.high - self.low) * n as f64;
            let mut bin = (scaled as usize).min(n - 1);
            if x < self.edge(bin) {
                bin -= 1;
            } else if bin + 1 < n && x >= self.edge(bin + 1) {
                bin += 1;
            }
            self.counts[bin] += 1;
        }
    }

    /// Left edge of a bin; of the number of bins, the right end.
    pub fn edge(&self, bin: usize) -> f64 {
        if bin == self.counts.len() {
            return self.high;
        }
        self.low + bin as f64 * ((self.high - self.low) / self.counts.len() as f64)
    }

    /// Middle of a bin.
    pub fn center(&self, bin: usize) -> f64 {
        0.5 * (self.edge(bin) + self.edge(bin + 1))
    }

    /// Width of a bin.
    pub fn width(&self) -> f64 {
        (self.high - self.low) / self.counts.len() as f64
    }

    /// Values inside.
    pub fn total(&self) -> u64 {
        self.counts.iter().sum()
    }
}

/// Chi square and degrees of freedom.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ChiSquare {
    /// Sum over bins.
    pub chi2: f64,
    /// Bins with entries, less one.
    pub ndf: u64,
}

/// The test of homogeneity of two histograms of the same bins (Cramer 1946, 30.6), which scales out their totals:
/// sum (sqrt(B/A) a - sqrt(A/B) b)^2 / (a + b), empty bins left out, under- and overflow as two more bins. The two
/// samples here are not independent, so the figure is a distance and no test of significance.
pub fn chi_square(a: &Histogram, b: &Histogram) -> ChiSquare {
    let bins = |h: &Histogram| -> Vec<f64> {
        h.counts.iter().chain([&h.underflow, &h.overflow]).map(|&n| n as f64).collect()
    };
    let (a, b) = (bins(a), bins(b));
    let (total_a, total_b): (f64, f64) = (a.iter().sum(), b.iter().sum());
    if total_a == 0.0 || total_b == 0.0 {
        return ChiSquare { chi2: f64::NAN, ndf: 0 };
    }
    let scale = (total_b / total_a).sqrt();
    let filled = a.iter().zip(&b).filter(|(a, b)| *a + *b > 0.0);
    let (mut chi2, mut n_bins) = (0.0, 0u64);
    for (a, b) in filled {
        chi2 += (scale * a - b / scale).powi(2) / (a + b);
        n_bins += 1;
    }
    ChiSquare { chi2, ndf: n_bins.saturating_sub(1) }
}
