//! Means and second moments in one pass: blocks are summed around their own mean and merged (Chan, Golub and LeVeque
//! 1983), so that a large offset costs no digits.

/// Values taken at a time.
pub const BLOCK: usize = 1024;

/// Count, means, and sums of squared deviations of pairs (x, y).
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Moments {
    /// Pairs.
    pub n: u64,
    /// Mean of x.
    pub mean_x: f64,
    /// Mean of y.
    pub mean_y: f64,
    /// Sum of (x - mean)^2.
    pub xx: f64,
    /// Sum of (y - mean)^2.
    pub yy: f64,
    /// Sum of (x - mean)(y - mean).
    pub xy: f64,
}

impl Moments {
    /// The moments of a few pairs.
    pub fn of(x: &[f64], y: &[f64]) -> Moments {
        let n = x.len().min(y.len());
        if n == 0 {
            return Moments::default();
        }
        let mean_x = x.iter().sum::<f64>() / n as f64;
        let mean_y = y.iter().sum::<f64>() / n as f64;
        let mut m = Moments { n: n as u64, mean_x, mean_y, xx: 0.0, yy: 0.0, xy: 0.0 };
        for (x, y) in x.iter().zip(y) {
            let (dx, dy) = (x - mean_x, y - mean_y);
            m.xx += dx * dx;
            m.yy += dy * dy;
            m.xy += dx * dy;
        }
        m
    }

    /// The moments of any number of pairs.
    pub fn of_all(x: &[f64], y: &[f64]) -> Moments {
        let mut all = Moments::default();
        x.chunks(BLOCK).zip(y.chunks(BLOCK)).for_each(|(x, y)| all.merge(&Moments::of(x, y)));
        all
    }

    /// Takes in other pairs.
    pub fn merge(&mut self, other: &Moments) {
        if other.n == 0 {
            return;
        }
        let n = self.n + other.n;
        let share = other.n as f64 / n as f64;
        let (dx, dy) = (other.mean_x - self.mean_x, other.mean_y - self.mean_y);
        let weight = self.n as f64 * share;
        self.xx += other.xx + dx * dx * weight;
        self.yy += other.yy + dy * dy * weight;
        self.xy += other.xy + dx * dy * weight;
        self.mean_x += dx * share;
        self.mean_y += dy * share;
        self.n = n;
    }

    /// Pearson's r; NaN where x or y is constant.
    pub fn pearson(&self) -> f64 {
        let scale = self.xx.sqrt() * self.yy.sqrt();
        if scale > 0.0 { (self.xy / scale).clamp(-1.0, 1.0) } else { f64::NAN }
    }
}
