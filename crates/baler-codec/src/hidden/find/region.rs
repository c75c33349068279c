//! The pairs (p, q) for which a * p + q lies within a tolerance of b for nearly all given (a, b): a convex polygon, cut by
//! two half-planes for each of them. Differences are exact to twice the precision of float64, as the polygon may be smaller
//! than one unit in the last place.

/// a * p + q must be b +- tolerance.
#[derive(Debug, Clone, Copy)]
pub struct Strip {
    /// The factor of p.
    pub a: f64,
    /// What is to be met.
    pub b: f64,
    /// How well.
    pub tolerance: f64,
}

/// A sum of two floats, the second below the precision of the first.
pub type Pair = (f64, f64);

/// a + b, exactly.
pub fn two_sum(a: f64, b: f64) -> Pair {
    let sum = a + b;
    let of_b = sum - a;
    (sum, (a - (sum - of_b)) + (b - of_b))
}

/// a * b, exactly unless it is very large or small.
pub fn two_product(a: f64, b: f64) -> Pair {
    let split = |x: f64| {
        let high = 134_217_729.0 * x;
        let high = high - (high - x);
        (high, x - high)
    };
    let product = a * b;
    let ((a0, a1), (b0, b1)) = (split(a), split(b));
    (product, ((a0 * b0 - product) + a0 * b1 + a1 * b0) + a1 * b1)
}

/// b - (a * p + q).
pub fn rest(a: f64, b: f64, (p, q): (f64, f64)) -> f64 {
    let (product, product_low) = two_product(a, p);
    let (first, first_low) = two_sum(b, -product);
    let (second, second_low) = two_sum(first, -q);
    second + (second_low + first_low - product_low)
}

/// The line through points (k, x): slope, and x at k = 0. Exact to the last places: what is left of the first answer is fitted
/// again.
pub fn least_squares(points: &[(i64, f64)]) -> (f64, f64) {
    let n = points.len() as f64;
    let mean_k = points.iter().map(|point| point.0 as f64).sum::<f64>() / n;
    let square: f64 = points.iter().map(|point| (point.0 as f64 - mean_k) * (point.0 as f64 - mean_k)).sum();
    let mut line = (0.0, points[points.len() / 2].1);
    for _ in 0..3 {
        let (mut product, mut sum) = (0.0, 0.0);
        for &(k, x) in points {
            let left = rest(k as f64, x, line);
            product += (k as f64 - mean_k) * left;
            sum += left;
        }
        let slope = product / square;
        line = (line.0 + slope, line.1 + (sum / n - slope * mean_k));
    }
    line
}

/// A polygon around (p, q).
#[derive(Debug, Clone)]
pub struct Region {
    /// What the corners are counted from.
    pub center: (f64, f64),
    /// Corners (dp, dq), in order.
    corners: Vec<(f64, f64)>,
    /// Strips that were left out, because nothing would have been left.
    pub n_left_out: usize,
}

impl Region {
    /// Cuts the polygon; `center` is near all that is feasible.
    pub fn of(strips: &[Strip], center: (f64, f64), fixed_q: bool) -> Option<Region> {
        let widest = strips.iter().map(|strip| strip.tolerance).fold(0.0, f64::max);
        let reach = strips.iter().map(|strip| strip.a.abs()).fold(0.0, f64::max);
        if !(widest > 0.0 && reach > 0.0 && widest.is_finite() && reach.is_finite()) {
            return None;
        }
        // In units in which |a| and tolerances are at most 1.
        let side = 1e4;
        let q_side = if fixed_q { 1e-9 } else { side };
        let mut corners = vec![(-side, -q_side), (side, -q_side), (side, q_side), (-side, q_side)];
        let mut n_left_out = 0;
        let n = strips.len();
        let stride = (n / 2 + 1..).find(|&stride| gcd(stride, n) == 1)?;
        for place in 0..n {
            let strip = strips[place * stride % n];
            let a = strip.a / reach;
            let (b, tolerance) = (rest(strip.a, strip.b, center) / widest, strip.tolerance / widest);
            let once = cut(&corners, a, b + tolerance, 1.0);
            let twice = cut(&once, a, b - tolerance, -1.0);
            if twice.is_empty() {
                n_left_out += 1;
            } else {
                corners = twice;
            }
        }
        corners.iter_mut().for_each(|corner| *corner = (corner.0 * widest / reach, corner.1 * widest));
        Some(Region { center, corners, n_left_out })
    }

    /// Least and largest p, as differences from the center.
    pub fn p_range(&self) -> (f64, f64) {
        let p = self.corners.iter().map(|corner| corner.0);
        (p.clone().fold(f64::INFINITY, f64::min), p.fold(f64::NEG_INFINITY, f64::max))
    }

    /// Least and largest q at a p, both as differences from the center.
    pub fn q_range(&self, p: f64) -> Option<(f64, f64)> {
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        let n = self.corners.len();
        for (place, &(p0, q0)) in self.corners.iter().enumerate() {
            let (p1, q1) = self.corners[(place + 1) % n];
            if (p0 - p) * (p1 - p) <= 0.0 {
                let share = if p1 == p0 { 0.0 } else { (p - p0) / (p1 - p0) };
                for q in [q0 + share * (q1 - q0), if p1 == p0 { q1 } else { q0 + share * (q1 - q0) }] {
                    (low, high) = (low.min(q), high.max(q));
                }
            }
        }
        (low <= high).then_some((low, high))
    }

    /// The mean of the corners.
    pub fn middle(&self) -> (f64, f64) {
        let n = self.corners.len() as f64;
        let sum = self.corners.iter().fold((0.0, 0.0), |sum, corner| (sum.0 + corner.0, sum.1 + corner.1));
        (sum.0 / n, sum.1 / n)
    }
}

/// The part of a polygon where side * (a * p + q) <= side * limit.
fn cut(corners: &[(f64, f64)], a: f64, limit: f64, side: f64) -> Vec<(f64, f64)> {
    let over = |corner: (f64, f64)| side * (a * corner.0 + corner.1 - limit);
    let mut kept = Vec::with_capacity(corners.len() + 1);
    for (place, &corner) in corners.iter().enumerate() {
        let next = corners[(place + 1) % corners.len()];
        let (here, there) = (over(corner), over(next));
        if here <= 0.0 {
            kept.push(corner);
        }
        if (here < 0.0) != (there < 0.0) && here != 0.0 && there != 0.0 {
            let share = here / (here - there);
            kept.push((corner.0 + share * (next.0 - corner.0), corner.1 + share * (next.1 - corner.1)));
        }
    }
    kept
}

fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use baler_data::random::Rng;

    #[test]
    fn products_and_sums_are_exact() {
        let (a, b) = (0.1f64, 0.3f64);
        let (product, low) = two_product(a, b);
        assert_eq!(product, a * b);
        assert!(low != 0.0 && low.abs() < 1e-17);
        assert_eq!(two_sum(1e16, 1.5), (1e16 + 1.5, 1.5 - ((1e16 + 1.5) - 1e16)));
        assert_eq!(rest(3.0, 7.25, (2.0, 1.0)), 0.25);
    }

    #[test]
    fn the_polygon_holds_the_truth_and_leaves_strangers_out() {
        let mut rng = Rng::new(3, 0);
        let (p, q) = (0.001_524_7, 273.15);
        let mut strips: Vec<Strip> = (0..1000)
            .map(|_| {
                let a = rng.below(65536) as f64;
                Strip { a, b: f64::from((a * p + q) as f32), tolerance: 1.6e-5 }
            })
            .collect();
        strips[500].b += 1.0;
        let region = Region::of(&strips, (p + 1e-10, q - 1e-6), false).unwrap();
        assert_eq!(region.n_left_out, 1);
        let (low, high) = region.p_range();
        let away = p - region.center.0;
        assert!(low <= away && away <= high && high - low < 1e-9, "{low} {away} {high}");
        let (low, high) = region.q_range(away).unwrap();
        let away = q - region.center.1;
        assert!(low <= away && away <= high && high - low < 1e-4, "{low} {away} {high}");
    }
}
