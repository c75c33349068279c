//! Point-wise errors e = after - before in one pass: largest, mean, root mean square, and what follows from them.

use super::sums::{BLOCK, Moments};

/// Errors of the pairs seen so far.
#[derive(Debug, Clone, PartialEq)]
pub struct Errors {
    /// Finite pairs.
    pub n: u64,
    /// Pairs of which one is NaN or infinite.
    pub n_not_finite: u64,
    /// Among those, pairs that are not the same bits.
    pub n_not_finite_changed: u64,
    /// Pairs with before = 0, which have no relative error.
    pub n_zeros: u64,
    /// Smallest value before.
    pub min: f64,
    /// Largest value before.
    pub max: f64,
    /// Largest |e|.
    pub max_abs: f64,
    /// Largest |e / before|, before != 0.
    pub max_rel: f64,
    /// Moments of (before, after).
    pairs: Moments,
    /// Moments of (e, e).
    residual: Moments,
}

impl Default for Errors {
    fn default() -> Errors {
        Errors {
            n: 0,
            n_not_finite: 0,
            n_not_finite_changed: 0,
            n_zeros: 0,
            min: f64::INFINITY,
            max: f64::NEG_INFINITY,
            max_abs: 0.0,
            max_rel: 0.0,
            pairs: Moments::default(),
            residual: Moments::default(),
        }
    }
}

impl Errors {
    /// The errors of two arrays of one length.
    pub fn of(before: &[f64], after: &[f64]) -> Errors {
        let mut errors = Errors::default();
        errors.push(before, after);
        errors
    }

    /// Takes in more pairs.
    pub fn push(&mut self, before: &[f64], after: &[f64]) {
        let (mut x, mut y, mut e) =
            (Vec::with_capacity(BLOCK), Vec::with_capacity(BLOCK), Vec::with_capacity(BLOCK));
        for (before, after) in before.chunks(BLOCK).zip(after.chunks(BLOCK)) {
            [&mut x, &mut y, &mut e].into_iter().for_each(Vec::clear);
            for (&a, &b) in before.iter().zip(after) {
                if !(a.is_finite() && b.is_finite()) {
                    self.n_not_finite += 1;
                    self.n_not_finite_changed += u64::from(a.to_bits() != b.to_bits());
                    continue;
                }
                self.see(a, b);
                x.push(a);
                y.push(b);
                e.push(b - a);
            }
            self.pairs.merge(&Moments::of(&x, &y));
            self.residual.merge(&Moments::of(&e, &e));
        }
        self.n = self.pairs.n;
    }

    fn see(&mut self, before: f64, after: f64) {
        let error = (after - before).abs();
        self.min = self.min.min(before);
        self.max = self.max.max(before);
        self.max_abs = self.max_abs.max(error);
        if before == 0.0 {
            self.n_zeros += 1;
        } else {
            self.max_rel = self.max_rel.max((error / before).abs());
        }
    }

    /// max - min of the values before; 0 of none.
    pub fn range(&self) -> f64 {
        if self.n == 0 { 0.0 } else { self.max - self.min }
    }

    /// Mean of e.
    pub fn bias(&self) -> f64 {
        self.residual.mean_x
    }

    /// Mean of the values before.
    pub fn mean(&self) -> f64 {
        self.pairs.mean_x
    }

    /// Standard deviation (divided by n) of the values before.
    pub fn deviation(&self) -> f64 {
        (self.pairs.xx / self.n as f64).sqrt()
    }

    /// Standard deviation (divided by n) of e.
    pub fn residual_deviation(&self) -> f64 {
        (self.residual.xx / self.n as f64).sqrt()
    }

    /// Root mean square of e.
    pub fn rmse(&self) -> f64 {
        (self.residual.xx / self.n as f64 + self.bias() * self.bias()).sqrt()
    }

    /// RMSE over the range; 0 without error, whatever the range.
    pub fn nrmse(&self) -> f64 {
        if self.rmse() == 0.0 { 0.0 } else { self.rmse() / self.range() }
    }

    /// 20 log10(range / RMSE) in dB; infinite without error.
    pub fn psnr(&self) -> f64 {
        20.0 * (1.0 / self.nrmse()).log10()
    }

    /// Pearson's r between before and after.
    pub fn pearson(&self) -> f64 {
        self.pairs.pearson()
    }
}
