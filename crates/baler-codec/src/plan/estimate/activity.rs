//! How much there is to tell in numbers, from one quick look: bits that a coder would take which knows the mean size of
//! the differences in every short run. It sees all of an array where samples are coded, and so tells how far these stand
//! for it. In: numbers of a grid, a row's length. Out: bits, for one or two ways to take differences.

/// Numbers that share a mean.
const RUN: usize = 32;

/// Bits of numbers by their differences from the one before, and from what the row above foretells.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Activity {
    /// From the number before.
    pub before: f64,
    /// From the number before, the one above, and the one before that.
    pub above: f64,
}

impl Activity {
    /// Takes in numbers that lie one behind the other, in rows of `row` of them.
    pub fn see(&mut self, q: &[i64], row: usize) {
        self.before += bits(q.windows(2).map(|pair| pair[1].abs_diff(pair[0])));
        if row > 1 && row < q.len() {
            let change = |at: usize| q[at].wrapping_sub(q[at - 1]);
            self.above += bits((row + 1..q.len()).map(|at| change(at).abs_diff(change(at - row))));
        }
    }

    /// What these would take, by the way that suits `like` better.
    pub fn bits_as(&self, like: &Activity) -> f64 {
        if like.above > 0.0 && like.above < like.before { self.above } else { self.before }
    }
}

/// Entropy of geometric distributions with the means of runs, and a sign for each difference.
fn bits(differences: impl Iterator<Item = u64>) -> f64 {
    let (mut sum, mut n, mut total) = (0.0, 0, 0.0);
    let of_run = |sum: f64, n: usize| {
        if sum == 0.0 {
            return 0.0;
        }
        let mean = sum / n as f64;
        let bits = (1.0 + mean) * libm::log2(1.0 + mean) - mean * libm::log2(mean);
        n as f64 * (bits + mean.min(1.0))
    };
    for difference in differences {
        sum += difference as f64;
        n += 1;
        if n == RUN {
            total += of_run(sum, n);
            (sum, n) = (0.0, 0);
        }
    }
    total + of_run(sum, n.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quiet_numbers_cost_nothing_and_planes_little() {
        let mut quiet = Activity::default();
        quiet.see(&[7; 400], 20);
        assert_eq!(quiet, Activity::default());
        let plane: Vec<i64> = (0..400).map(|at| at / 20 * 31 + at % 20 * 5 + (at % 97 == 0) as i64).collect();
        let mut found = Activity::default();
        found.see(&plane, 20);
        assert!(found.before > 800.0 && found.above < 0.3 * found.before, "{found:?}");
        assert_eq!(found.bits_as(&found), found.above);
    }

    #[test]
    fn twice_the_size_is_about_a_bit_more() {
        let mut random = baler_data::random::Rng::new(1, 0);
        let noise: Vec<i64> = (0..4096).map(|_| random.below(1000) as i64).collect();
        let twice: Vec<i64> = noise.iter().map(|q| 2 * q).collect();
        let (mut one, mut two) = (Activity::default(), Activity::default());
        one.see(&noise, 0);
        two.see(&twice, 0);
        assert!((0.95..1.05).contains(&((two.before - one.before) / 4095.0)));
    }
}
