//! Numbers that are all multiples of one, but for the same rest: times in nanoseconds that are whole seconds, samples whose
//! low bits are never set.

use crate::predict::Numbers;
use crate::recast::{Array, Recast};

/// The largest divisor of all differences, if there is one above 1.
pub fn find(numbers: Numbers) -> Option<Recast> {
    let mut unmasked = numbers.unmasked();
    let first = unmasked.next()?;
    let mut divisor = 0u64;
    for number in unmasked {
        divisor = gcd(divisor, number.abs_diff(first));
        if divisor == 1 {
            return None;
        }
    }
    // One number alone has no divisor; beyond 2^62 nothing is left to divide.
    let divides = (2..1 << 62).contains(&divisor);
    divides.then(|| Recast::Divided { divisor, rest: first.rem_euclid(divisor as i64) })
}

fn gcd(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

/// What each number has of the divisor; `None` where one is no multiple with that rest.
pub fn forward(divisor: u64, rest: i64, numbers: Numbers) -> Option<Array> {
    let divided = |(at, &number): (usize, &i64)| {
        let is_masked = numbers.mask.is_some_and(|mask| mask[at]);
        let whole = number as i128 - rest as i128;
        match whole % divisor as i128 {
            0 => Some((whole / divisor as i128) as i64),
            _ if is_masked => Some(0),
            _ => None,
        }
    };
    let q = numbers.q.iter().enumerate().map(divided).collect::<Option<_>>()?;
    let mask = numbers.mask.map(<[bool]>::to_vec);
    Some(Array { q, shape: numbers.shape.to_vec(), mask, mantissa_bits: None })
}

/// Inverse of [`forward`].
pub fn undo(divisor: u64, rest: i64, q: &mut [i64]) {
    q.iter_mut().for_each(|number| *number = number.wrapping_mul(divisor as i64).wrapping_add(rest));
}
