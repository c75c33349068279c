//! An integer as a token and extra bits. The zigzag value z (0, -1, 1, -2, ... -> 0, 1, 2, 3, ...) below 8 is its own
//! token; larger ones share a token with those of the same bit length and the same two bits after the leading one.

/// Number of tokens of 32-bit integers.
pub const N_TOKENS: usize = 124;

/// Zigzag of 32 bits.
#[inline(always)]
fn zigzag(value: i32) -> u32 {
    ((value << 1) ^ (value >> 31)) as u32
}

/// (token, number of extra bits, extra bits).
#[inline(always)]
pub fn split(value: i32) -> (u8, u32, u32) {
    let z = zigzag(value);
    if z < 8 {
        return (z as u8, 0, 0);
    }
    let below = 29 - z.leading_zeros();
    let token = 4 * below + 4 + (z >> below & 3);
    (token as u8, below, z & ((1 << below) - 1))
}

/// Extra bits behind a token.
#[inline(always)]
pub fn n_extra_bits(token: u8) -> u32 {
    if token < 8 { 0 } else { token as u32 / 4 - 1 }
}

/// Inverse of [`split`].
#[inline(always)]
pub fn join(token: u8, extra: u32) -> i32 {
    let z = if token < 8 {
        token as u32
    } else {
        let below = n_extra_bits(token);
        (4 + (token as u32 & 3)) << below | extra
    };
    (z >> 1) as i32 ^ -((z & 1) as i32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_size_comes_back() {
        for shift in 0..32 {
            for near in -3..=3i32 {
                for value in [(1i32 << shift).wrapping_add(near), (-1i32 << shift).wrapping_add(near)] {
                    let (token, n_bits, extra) = split(value);
                    assert!((token as usize) < N_TOKENS);
                    assert_eq!(n_extra_bits(token), n_bits);
                    assert_eq!(join(token, extra), value);
                }
            }
        }
        assert_eq!(split(i32::MIN).0 as usize, N_TOKENS - 1);
        assert_eq!(split(4), (8, 1, 0));
    }
}
