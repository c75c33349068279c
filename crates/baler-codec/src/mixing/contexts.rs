//! What is known where a number stands -> hashes, one for each context.

/// Contexts that are asked for the lower bytes.
pub const N_LOW: usize = 8;
/// Bytes that all are asked for.
pub const N_HIGH_BYTES: usize = 2;
/// Contexts asked for each bit.
pub const N_CONTEXTS: usize = 21;

/// Numbers around: symbols before and above.
pub struct Around<'a> {
    pub symbols: &'a [u64],
    pub values: &'a [i64],
    pub columns: usize,
    pub plain: bool,
    /// Of each match: the number expected, the one after it, and the confidence.
    pub expected: [[u64; 3]; 2],
}

#[inline(always)]
pub fn mix64(h: u64) -> u64 {
    let h = h.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    h ^ (h >> 29)
}

#[inline(always)]
pub fn join<const N: usize>(numbers: [u64; N]) -> u64 {
    let mut h = 0u64;
    for number in numbers {
        h = mix64(h.wrapping_add(number).wrapping_add(1));
    }
    h
}

impl Around<'_> {
    #[inline(always)]
    fn s(&self, back: usize) -> u64 {
        let n = self.symbols.len();
        if back <= n { self.symbols[n - back] } else { 0 }
    }

    #[inline(always)]
    fn v(&self, back: usize) -> u64 {
        let n = self.values.len();
        if back <= n { self.values[n - back] as u64 } else { 0 }
    }

    /// The hash of each context.
    #[inline(always)]
    pub fn hashes(&self) -> [u64; N_CONTEXTS] {
        let c = self.columns;
        let column = (self.symbols.len() % c) as u64;
        let (s1, s2, s3, s4) = (self.s(1), self.s(2), self.s(3), self.s(4));
        let (w, n, nw, ne) = (self.v(1), self.v(c), self.v(c + 1), self.v(c.max(2) - 1));
        let (ww, nn) = (self.v(2), self.v(2 * c));
        [
            join([0]),
            join([1, column]),
            join([2, s1]),
            join([7, n]),
            join([8, n, w]),
            join([13, w.wrapping_add(n).wrapping_sub(nw)]),
            join([12, if self.plain { w.wrapping_sub(ww) } else { w }]),
            join([3, s1, s2]),
            // Not asked for the lower bytes:
            join([4, s1, s2, s3]),
            join([5, s1, s2, s3, s4]),
            join([6, s1, s2, s3, s4, self.s(5), self.s(6)]),
            join([9, n, nw, ne]),
            join([10, n, w, nw]),
            join([11, n, w, nw, ne, ww, nn]),
            join([14, n, nn]),
            join([15, column, s1]),
            join([17, s2]),
            join([16, s2, s3]),
            join([18, self.expected[0][0], self.expected[0][2]]),
            join([19, self.expected[1][0], w]),
            join([20, self.expected[1][0], self.expected[1][1], n, w]),
        ]
    }
}
