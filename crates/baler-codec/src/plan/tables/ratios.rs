//! Columns that are nearly another one times a ratio of two: what decays together flies the same way.

/// Rows that are looked at.
const N_SAMPLES: usize = 128;
/// Most columns among which ratios are looked for.
const MAX_COLUMNS: usize = 32;
/// Bits a number that a ratio must save.
const WORTH: f64 = 0.4;

/// t is about a * b / c.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ratio {
    /// The column that follows.
    pub t: usize,
    /// Factor.
    pub a: usize,
    /// Factor.
    pub b: usize,
    /// Divisor.
    pub c: usize,
}

/// The best ratio for column `t`, if any saves enough; of `columns`, those that `allowed` lets it read.
pub fn find(
    samples: &[Vec<f64>],
    columns: &[usize],
    t: usize,
    allowed: &dyn Fn(usize) -> bool,
) -> Option<Ratio> {
    let parents: Vec<usize> = columns.iter().copied().filter(|&idx| idx != t && allowed(idx)).collect();
    if columns.len() > MAX_COLUMNS {
        return None;
    }
    let every = samples[t].len().div_ceil(N_SAMPLES).max(1);
    let taken = |idx: usize| samples[idx].iter().step_by(every).copied().collect::<Vec<f64>>();
    let all: Vec<Vec<f64>> = (0..samples.len()).map(taken).collect();
    let mut sizes: Vec<f64> = all[t].iter().map(|x| x.abs()).collect();
    sizes.sort_unstable_by(f64::total_cmp);
    let unit = sizes[sizes.len() / 2] * 0.01;
    // Bits of a difference, about: log2(1 + |x| / unit), by the exponent alone.
    let bits = |x: f64| (1.0 + x.abs() / unit).to_bits() as f64 / (1u64 << 52) as f64 - 1023.0;
    let mut best = (all[t].iter().map(|&x| bits(x)).sum::<f64>() - WORTH * all[t].len() as f64, None);
    for &a in parents.iter().filter(|&&a| a < t) {
        for &c in parents.iter().filter(|&&c| c < t && c != a) {
            for &b in parents.iter().filter(|&&b| b != a && b != c) {
                let mut rows = all[t].iter().zip(&all[a]).zip(&all[b]).zip(&all[c]);
                let sum = rows.try_fold(0.0, |sum, (((t, a), b), c)| {
                    Some(sum + bits(t - a * b / c)).filter(|sum| *sum < best.0)
                });
                if let Some(sum) = sum {
                    best = (sum, Some(Ratio { t, a, b, c }));
                }
            }
        }
    }
    best.1
}

#[cfg(test)]
mod tests {
    use super::*;
    use baler_data::random::Rng;

    #[test]
    fn a_common_direction_is_found() {
        let mut random = Rng::new(2, 0);
        let mut columns: Vec<Vec<f64>> = vec![Vec::new(); 4];
        for _ in 0..500 {
            let slope = random.normal();
            let (z1, z2) = (random.uniform() * 100.0 + 1.0, random.uniform() * 100.0 + 1.0);
            let row = [slope * z1, z1, slope * z2 + 0.1 * random.normal(), z2];
            columns.iter_mut().zip(row).for_each(|(column, x)| column.push(x));
        }
        let found = find(&columns, &[0, 1, 2, 3], 2, &|_| true);
        assert_eq!(found, Some(Ratio { t: 2, a: 0, b: 3, c: 1 }));
        assert_eq!(find(&columns, &[0, 1, 2, 3], 2, &|idx| idx != 0), None);
    }
}
