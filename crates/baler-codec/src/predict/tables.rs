//! Tables of the mixing coder, made by integers only: squash(x) = 2^16 / (1 + e^(-x / 256)) and its inverse.

use std::sync::OnceLock;

/// Largest value that is squashed, in 1/256: probabilities reach 1 / 60 000.
pub const STRETCH_LIMIT: i32 = 2815;

/// The tables; see the functions.
#[derive(Debug)]
pub struct Tables {
    squash: Vec<u16>,
    stretch: Vec<i16>,
    /// 2^16 / (n + 1.5): the share of a new observation after n.
    share: [u32; 1024],
}

/// 2^n_bits / (1 + e^(-i / 256)) for i from 0 to `limit`.
pub fn logistic(n_bits: u32, limit: usize) -> impl Iterator<Item = u64> {
    // e^(-1/256) in 60 bits: the series 1 - u + u^2/2 - ..., u = 2^-8.
    let one = 1u128 << 60;
    let (mut term, mut base) = (one, one);
    for k in 1..10u128 {
        term = (term >> 8) / k;
        base = if k % 2 == 1 { base - term } else { base + term };
    }
    let powers = std::iter::successors(Some(one), move |power| Some((power * base) >> 60));
    powers.take(limit + 1).map(move |power| ((one << n_bits) / (one + power)) as u64)
}

/// The one copy.
pub fn tables() -> &'static Tables {
    static TABLES: OnceLock<Tables> = OnceLock::new();
    TABLES.get_or_init(Tables::new)
}

impl Tables {
    fn new() -> Tables {
        let upper: Vec<u16> = logistic(16, STRETCH_LIMIT as usize).map(|value| value as u16).collect();
        let squash: Vec<u16> = (-STRETCH_LIMIT..=STRETCH_LIMIT)
            .map(|x| {
                let p = upper[x.unsigned_abs() as usize] as u32;
                (if x < 0 { 65536 - p } else { p }) as u16
            })
            .collect();
        // The first x whose probability reaches the middle of the cell.
        let mut x = 0;
        let stretch = (0..4096u32)
            .map(|cell| {
                while x < squash.len() - 1 && (squash[x] as u32) < cell * 16 + 8 {
                    x += 1;
                }
                (x as i32 - STRETCH_LIMIT) as i16
            })
            .collect();
        Tables { squash, stretch, share: std::array::from_fn(|n| 131_072 / (2 * n as u32 + 3)) }
    }

    /// Probability out of 2^16 of a logit in 1/256.
    #[inline(always)]
    pub fn squash(&self, x: i32) -> u32 {
        self.squash[(x.clamp(-STRETCH_LIMIT, STRETCH_LIMIT) + STRETCH_LIMIT) as usize] as u32
    }

    /// Logit in 1/256 of a probability out of 2^22.
    #[inline(always)]
    pub fn stretch(&self, p: u32) -> i32 {
        self.stretch[(p >> 10) as usize & 4095] as i32
    }

    /// Moves a counter (probability of a 1 out of 2^22, then 10 bits with the number of observations) towards `bit`; after
    /// `limit` observations it keeps its pace.
    #[inline(always)]
    pub fn update(&self, counter: &mut u32, bit: u32, limit: u32) {
        let n = *counter & 1023;
        let p = (*counter >> 10) as i32;
        let target = if bit != 0 { (1 << 22) - 1 } else { 0 };
        let p = p + (((target - p) as i64 * self.share[n as usize] as i64) >> 16) as i32;
        *counter = (p as u32) << 10 | (n + (n < limit) as u32);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stretch_undoes_squash() {
        let t = tables();
        assert_eq!(t.squash(0), 32768);
        for x in (-1800..1800).step_by(7) {
            assert!((t.stretch(t.squash(x) << 6) - x).abs() <= 1 + x.abs() / 30, "{x}");
            assert_eq!(t.squash(x) + t.squash(-x), 65536);
        }
        assert!(t.squash(-9999) > 0 && t.squash(9999) < 65536);
    }
}
