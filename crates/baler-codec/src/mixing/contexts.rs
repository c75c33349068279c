//! What is known where a number stands -> a hash for each context.

/// Contexts that are asked for every byte.
pub const N_LOW: usize = 7;
/// Bytes that all contexts are asked for; under them only the first [`N_LOW`].
pub const N_HIGH_BYTES: usize = 2;
/// All contexts.
pub const N_CONTEXTS: usize = 17;

/// 2^64 / the golden ratio.
pub const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// What was coded before a number.
pub struct Before<'a> {
    pub symbols: &'a [u64],
    pub values: &'a [i64],
    pub columns: usize,
    /// True if symbols are differences.
    pub differs: bool,
    /// Of both matches: the number expected, and the confidence of the first.
    pub expected: [i64; 2],
    pub confidence: usize,
}

/// Spreads a number over all bits.
#[inline(always)]
pub fn spread(number: u64) -> u64 {
    let product = number.wrapping_mul(GOLDEN);
    product ^ (product >> 29)
}

/// One hash of several numbers.
#[inline(always)]
pub fn join<const N: usize>(numbers: [u64; N]) -> u64 {
    numbers.into_iter().fold(0, |hash: u64, number| spread(hash.wrapping_add(number).wrapping_add(1)))
}

/// The number `distance` before the next one, 0 before the first.
#[inline(always)]
pub fn back<T: Copy + Default>(numbers: &[T], distance: usize) -> T {
    if distance <= numbers.len() { numbers[numbers.len() - distance] } else { T::default() }
}

impl Before<'_> {
    /// The hash of each context.
    #[inline(always)]
    pub fn hashes(&self) -> [u64; N_CONTEXTS] {
        let c = self.columns;
        let s = |distance| back(self.symbols, distance);
        let v = |distance| back(self.values, distance) as u64;
        let column = (self.symbols.len() % c) as u64;
        let (s1, s2, s3) = (s(1), s(2), s(3));
        let (w, ww, n, nn) = (v(1), v(2), v(c), v(c.saturating_mul(2)));
        let (nw, ne) = (v(c + 1), v(c.max(2) - 1));
        let [first, second] = self.expected.map(|value| value as u64);
        [
            join([0]),
            join([1, column]),
            join([2, s1]),
            join([3, n]),
            join([4, w.wrapping_add(n).wrapping_sub(nw)]),
            join([5, if self.differs { w } else { w.wrapping_sub(ww) }]),
            join([6, s1, s2]),
            join([7, s1, s2, s3]),
            join([8, s1, s2, s3, s(4), s(5), s(6)]),
            join([9, n, nw, ne]),
            join([10, n, w, nw, ne, ww, nn]),
            join([11, n, nn]),
            join([12, column, s1]),
            join([13, s2]),
            join([14, s2, s3]),
            join([15, first, self.confidence as u64]),
            join([16, second, w]),
        ]
    }
}
