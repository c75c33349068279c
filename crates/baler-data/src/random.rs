//! Random numbers with the same values everywhere: xoshiro256++ seeded through splitmix64 (Blackman, Vigna:
//! "Scrambled linear pseudorandom number generators"), written from the published description.
//!
//! There is no hidden state to save: whatever is random in an epoch follows from (seed, stream).

/// A stream of random numbers.
#[derive(Debug, Clone)]
pub struct Rng {
    state: [u64; 4],
    spare_normal: Option<f64>,
}

/// One step of splitmix64: adds the golden ratio to the state, then mixes.
fn splitmix64(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// 64 bits that follow from `x` and look random: one step of splitmix64.
pub fn mix(mut x: u64) -> u64 {
    splitmix64(&mut x)
}

impl Rng {
    /// The stream number `stream` of `seed`; different streams are independent for all practical ends.
    pub fn new(seed: u64, stream: u64) -> Self {
        let mut mixed = seed;
        let mut key = splitmix64(&mut mixed) ^ stream.wrapping_mul(0xd134_2543_de82_ef95);
        let state = std::array::from_fn(|_| splitmix64(&mut key));
        Rng { state, spare_normal: None }
    }

    /// 64 random bits.
    pub fn next_u64(&mut self) -> u64 {
        let s = &mut self.state;
        let result = s[0].wrapping_add(s[3]).rotate_left(23).wrapping_add(s[0]);
        let shifted = s[1] << 17;
        s[2] ^= s[0];
        s[3] ^= s[1];
        s[1] ^= s[2];
        s[0] ^= s[3];
        s[2] ^= shifted;
        s[3] = s[3].rotate_left(45);
        result
    }

    /// Uniform in [0, 1), a multiple of 2^-53.
    pub fn uniform(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Uniform integer in 0..n (n > 0): the high half of a product; its bias is below n / 2^64.
    pub fn below(&mut self, n: usize) -> usize {
        ((u128::from(self.next_u64()) * n as u128) >> 64) as usize
    }

    /// Uniform in [low, high), up to rounding.
    pub fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.uniform()
    }

    /// Exponential with mean 1: -ln(1 - u), finite because u < 1.
    pub fn exponential(&mut self) -> f64 {
        -libm::log(1.0 - self.uniform())
    }

    /// Poisson: how many exponential waiting times fit into `mean`. Takes time in proportion to `mean`.
    pub fn poisson(&mut self, mean: f64) -> u32 {
        let mut waited = self.exponential();
        let mut count = 0;
        while waited < mean {
            waited += self.exponential();
            count += 1;
        }
        count
    }

    /// Standard normal (Box-Muller).
    pub fn normal(&mut self) -> f64 {
        if let Some(spare) = self.spare_normal.take() {
            return spare;
        }
        // 1 - uniform lies in (0, 1]: the logarithm is finite.
        let radius = (-2.0 * libm::log(1.0 - self.uniform())).sqrt();
        let (sin, cos) = libm::sincos(2.0 * std::f64::consts::PI * self.uniform());
        self.spare_normal = Some(radius * sin);
        radius * cos
    }

    /// Random order (Fisher-Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splitmix64_gives_the_published_first_values() {
        let mut state = 1234567;
        assert_eq!(splitmix64(&mut state), 6457827717110365317);
        assert_eq!(splitmix64(&mut state), 3203168211198807973);
    }

    #[test]
    fn xoshiro_gives_its_published_numbers() {
        let mut rng = Rng { state: [1, 2, 3, 4], spare_normal: None };
        let found = [(); 4].map(|()| rng.next_u64());
        assert_eq!(found, [41_943_041, 58_720_359, 3_588_806_011_781_223, 3_591_011_842_654_386]);
    }

    #[test]
    fn a_poisson_count_has_its_mean_as_variance() {
        let mut rng = Rng::new(11, 0);
        let counts: Vec<f64> = (0..20_000).map(|_| f64::from(rng.poisson(3.5))).collect();
        let mean = counts.iter().sum::<f64>() / 20_000.0;
        let variance = counts.iter().map(|n| (n - mean) * (n - mean)).sum::<f64>() / 20_000.0;
        assert!((mean - 3.5).abs() < 0.1 && (variance - 3.5).abs() < 0.2, "{mean} {variance}");
    }

    #[test]
    fn moments_are_those_of_the_distributions() {
        let mut rng = Rng::new(7, 0);
        let n = 20_000;
        let normals: Vec<f64> = (0..n).map(|_| rng.normal()).collect();
        let mean = normals.iter().sum::<f64>() / f64::from(n);
        let square = normals.iter().map(|x| x * x).sum::<f64>() / f64::from(n);
        assert!(mean.abs() < 0.03 && (square - 1.0).abs() < 0.05, "{mean} {square}");
        let uniform_mean = (0..n).map(|_| rng.uniform()).sum::<f64>() / f64::from(n);
        assert!((uniform_mean - 0.5).abs() < 0.02);
    }

    #[test]
    fn a_shuffle_keeps_every_item_and_streams_differ() {
        let mut items: Vec<usize> = (0..100).collect();
        Rng::new(1, 5).shuffle(&mut items);
        let mut other: Vec<usize> = (0..100).collect();
        Rng::new(1, 6).shuffle(&mut other);
        assert_ne!(items, other);
        items.sort_unstable();
        assert_eq!(items, (0..100).collect::<Vec<_>>());
    }
}
