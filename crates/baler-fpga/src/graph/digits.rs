//! Integers written with the fewest digits 1 and -1 (canonical signed digits): no two neighbors are both used.

/// (power of two, is negative) of each digit, lowest first.
pub fn of(value: i64) -> Vec<(u32, bool)> {
    let negative = value < 0;
    let mut rest = value.unsigned_abs();
    let mut digits = Vec::new();
    let mut power = 0;
    while rest != 0 {
        if rest & 1 == 1 {
            // Before a 1 a carry leaves fewer digits.
            let minus = rest & 3 == 3;
            digits.push((power, minus != negative));
            rest = if minus { rest + 1 } else { rest - 1 };
        }
        rest >>= 1;
        power += 1;
    }
    digits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_add_up_and_are_few() {
        for value in -1000i64..1000 {
            let digits = of(value);
            let sum: i64 = digits.iter().map(|&(p, minus)| if minus { -(1 << p) } else { 1i64 << p }).sum();
            assert_eq!(sum, value);
            assert!(digits.windows(2).all(|pair| pair[1].0 > pair[0].0 + 1), "{value}: {digits:?}");
        }
        assert_eq!(of(7), [(0, true), (3, false)]);
    }
}
