//! Decimal text: floats of a few significant digits, numbered in their order, and what a float becomes when it is written
//! as text and read again.
//!
//! A decimal float of N digits is m * 10^e with 10^(N-1) <= m < 10^N. From the decade `low` on they are numbered from 1; 0 is
//! 0, and negative ones have negative numbers.

/// Most significant digits of a decimal float: float64 tells all of these apart.
pub const MAX_DIGITS: u8 = 15;
/// Most digits that text is written with.
pub const MAX_TEXT_DIGITS: u8 = 17;
/// Most digits behind the point that text is written with.
pub const MAX_PLACES: u8 = 22;
/// The powers of ten that float64 holds.
const N_POWERS: usize = 23;
/// Beyond 10^+-this, every number of at most 15 digits is infinite or 0.
const FAR: i64 = 400;

/// 10^0 to 10^22, all exact.
pub const POWERS: [f64; N_POWERS] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18,
    1e19, 1e20, 1e21, 1e22,
];

/// m * 10^e, rounded once: `m` is below 2^53.
pub fn scaled(m: u64, e: i64) -> f64 {
    let x = m as f64;
    match e {
        0..=22 => x * POWERS[e as usize],
        -22..0 => x / POWERS[-e as usize],
        _ if e > FAR => f64::INFINITY * x.signum(),
        _ if e < -FAR => 0.0,
        _ => format!("{m}e{e}").parse().unwrap_or(f64::NAN),
    }
}

/// Numbers of one decade of `digits` digits.
fn decade_len(digits: u8) -> u64 {
    9 * ten_to(digits - 1)
}

fn ten_to(n: u8) -> u64 {
    10u64.pow(u32::from(n))
}

/// The decimal float of a number.
pub fn decimal_of_number(number: i64, digits: u8, low: i16) -> f64 {
    let Some(place) = number.unsigned_abs().checked_sub(1) else { return 0.0 };
    let (decade, rest) = (place / decade_len(digits), place % decade_len(digits));
    let x = scaled(ten_to(digits - 1) + rest, i64::from(low) + decade as i64);
    if number < 0 { -x } else { x }
}

/// The number of the decimal float nearest to `x`, if the decade `low` or a higher one has it.
pub fn number_of_decimal(x: f64, digits: u8, low: i16) -> Option<i64> {
    if x == 0.0 {
        return Some(0);
    }
    let (m, e) = nearest_decimal(x.abs(), digits)?;
    let decade = u64::try_from(e - i64::from(low)).ok().filter(|&decade| decade < 1000)?;
    let place = decade * decade_len(digits) + (m - ten_to(digits - 1));
    let number = i64::try_from(place + 1).ok()?;
    Some(if x < 0.0 { -number } else { number })
}

/// [`nearest_decimal`] by one operation in float64, where its rounding cannot matter.
fn nearest_decimal_fast(x: f64, digits: u8) -> Option<(u64, i64)> {
    let e = libm::floor(libm::log10(x)) as i64 - i64::from(digits) + 1;
    let y = match e {
        0..=22 => x / POWERS[e as usize],
        -22..0 => x * POWERS[-e as usize],
        _ => return None,
    };
    let m = libm::rint(y);
    let is_sure = ((y - m).abs() - 0.5).abs() > 4.0 * f64::EPSILON * y + 1e-9;
    let m = m as u64;
    (is_sure && digits <= MAX_DIGITS && (ten_to(digits - 1)..ten_to(digits)).contains(&m)).then_some((m, e))
}

/// m and e of the nearest decimal float to a positive finite `x`.
pub fn nearest_decimal(x: f64, digits: u8) -> Option<(u64, i64)> {
    if !(x.is_finite() && x > 0.0) {
        return None;
    }
    if let Some(found) = nearest_decimal_fast(x, digits) {
        return Some(found);
    }
    let text = format!("{:.*e}", usize::from(digits - 1), x);
    let (mantissa, e) = text.split_once('e')?;
    let m = mantissa.bytes().filter(u8::is_ascii_digit).fold(0, |m, byte| 10 * m + u64::from(byte - b'0'));
    Some((m, e.parse::<i64>().ok()? - i64::from(digits - 1)))
}

/// m and e of the shortest decimal m * 10^e that is read as `x` (finite), the nearest of several, with an even m where two are
/// as near; m has at most 17 digits and no trailing zero.
pub fn shortest_decimal(x: f64) -> (u64, i64) {
    let x = x.abs();
    let (m, e) = shortest_of(&format!("{x:e}"));
    // A tie is broken upward there.
    let digits = m.checked_ilog10().unwrap_or(0) as usize;
    let nearest = format!("{x:.digits$e}");
    if m % 2 == 1 && nearest.parse() == Ok(x) { shortest_of(&nearest) } else { (m, e) }
}

/// [`shortest_decimal`] of a float32: read as float32.
pub fn shortest_decimal_f32(x: f32) -> (u64, i64) {
    shortest_of(&format!("{:e}", x.abs()))
}

fn shortest_of(text: &str) -> (u64, i64) {
    let (mantissa, e) = text.split_once('e').unwrap_or((text, "0"));
    let m = mantissa.bytes().filter(u8::is_ascii_digit).fold(0, |m, byte| 10 * m + u64::from(byte - b'0'));
    let n_behind = mantissa.split_once('.').map_or(0, |(_, behind)| behind.len() as i64);
    (m, e.parse::<i64>().unwrap_or(0) - n_behind)
}

/// `x` as text of `digits` significant digits, and the float64 nearest to that; what is not finite stays.
pub fn through_text(x: f64, digits: u8) -> f64 {
    if !x.is_finite() || x == 0.0 {
        return x;
    }
    if let Some((m, e)) = nearest_decimal_fast(x.abs(), digits) {
        return scaled(m, e).copysign(x);
    }
    format!("{:.*e}", usize::from(digits - 1), x).parse().unwrap_or(x)
}

/// `x` as text with `places` digits behind the point, and the float64 nearest to that; what is not finite stays.
pub fn through_fixed_text(x: f64, places: u8) -> f64 {
    if !x.is_finite() || x == 0.0 {
        return x;
    }
    let power = POWERS[usize::from(places.min(MAX_PLACES))];
    let y = x * power;
    let m = libm::rint(y);
    if y.abs() < 1e15 && ((y - m).abs() - 0.5).abs() > 4.0 * f64::EPSILON * y.abs() + 1e-9 {
        return (m / power).copysign(x);
    }
    format!("{:.*}", usize::from(places), x).parse().unwrap_or(x)
}

/// `x` as its shortest text, read by the loop that old readers of tables have: m digit by digit as m * 10 + digit, then
/// multiplied or divided by 10^(2^i) for each bit i of |e|, every operation rounded; what is not finite stays.
pub fn through_loose_text(x: f64) -> f64 {
    if !x.is_finite() || x == 0.0 {
        return x;
    }
    let (m, e) = shortest_decimal(x);
    let mut y = 0.0;
    for byte in m.to_string().bytes() {
        y = y * 10.0 + f64::from(byte - b'0');
    }
    let (mut power, mut n) = (10.0, e.unsigned_abs());
    while n > 0 {
        if n & 1 == 1 {
            y = if e < 0 { y / power } else { y * power };
        }
        power *= power;
        n >>= 1;
    }
    if x < 0.0 { -y } else { y }
}

#[cfg(test)]
mod tests {
    use super::*;
    use baler_data::random::Rng;

    #[test]
    fn decimals_are_numbered_in_order() {
        let values =
            [-1.23e5, -1.22e5, -9.99e4, -1.0e-3, 0.0, 1.0e-3, 1.01e-3, 9.99e-3, 1.0e-2, 0.5, 1.0, 999.0, 1e3];
        let numbers: Vec<i64> =
            values.iter().map(|&x| number_of_decimal(x, 3, -5).expect("in the decades")).collect();
        assert!(numbers.windows(2).all(|pair| pair[0] < pair[1]), "{numbers:?}");
        assert_eq!(numbers[5..8], [1, 2, 900]);
        for (&x, &number) in values.iter().zip(&numbers) {
            assert_eq!(decimal_of_number(number, 3, -5), x);
        }
        assert_eq!(number_of_decimal(1e-4, 3, -5), None);
    }

    #[test]
    fn any_number_has_a_value() {
        for digits in [1, 15] {
            for low in [i16::MIN, -330, 0, i16::MAX] {
                for number in [i64::MIN, -1, 0, 1, i64::MAX] {
                    let x = decimal_of_number(number, digits, low);
                    assert!(!x.is_nan());
                }
            }
        }
    }

    #[test]
    fn scaled_is_what_text_says() {
        let mut rng = Rng::new(1, 0);
        for _ in 0..2000 {
            let (m, e) = (rng.next_u64() >> 14 >> rng.below(40), rng.below(60) as i64 - 30);
            assert_eq!(scaled(m, e), format!("{m}e{e}").parse::<f64>().unwrap(), "{m} {e}");
        }
    }

    #[test]
    fn text_keeps_the_digits_asked_for() {
        assert_eq!(through_text(0.123_456_789, 4), 0.1235);
        assert_eq!(through_text(-2.5e-7, 1), -2e-7);
        assert_eq!(through_text(f64::INFINITY, 4), f64::INFINITY);
        assert_eq!(shortest_decimal(-0.001_25), (125, -5));
        assert_eq!(shortest_decimal(4.348_629_474_639_893), (4_348_629_474_639_893, -15));
        assert_eq!(shortest_decimal_f32(0.1), (1, -1));
    }

    #[test]
    fn fast_text_is_what_text_says() {
        let mut rng = Rng::new(4, 0);
        for _ in 0..20_000 {
            let x = rng.between(-1.0, 1.0) * 10f64.powi(rng.below(30) as i32 - 15);
            let (x, digits) = (x, 1 + rng.below(17) as u8);
            let slow: f64 = format!("{:.*e}", usize::from(digits - 1), x).parse().unwrap();
            assert_eq!(through_text(x, digits).to_bits(), slow.to_bits(), "{x} {digits}");
            let halves = (rng.below(100_000) as f64 + 0.5) / POWERS[1 + rng.below(6)];
            for x in [x, halves] {
                let places = rng.below(12) as u8;
                let slow: f64 = format!("{x:.*}", usize::from(places)).parse().unwrap();
                assert_eq!(through_fixed_text(x, places).to_bits(), slow.to_bits(), "{x} {places}");
            }
        }
    }

    #[test]
    fn ties_go_to_the_even_digit() {
        assert_eq!(through_fixed_text(2.5, 0), 2.0);
        assert_eq!(through_fixed_text(3.5, 0), 4.0);
        assert_eq!(through_fixed_text(0.125, 2), 0.12);
        assert_eq!(through_text(0.375, 2), 0.38);
        assert_eq!(through_text(-0.125, 2), -0.12);
        assert_eq!(through_text(1.000_000_000_000_000_5 + f64::EPSILON / 2.0, 16), 1.0);
        assert_eq!(shortest_decimal(95.597_564_697_265_63), (9_559_756_469_726_562, -14));
        assert_eq!(shortest_decimal(0.3), (3, -1));
    }

    #[test]
    fn loose_text_is_off_by_little() {
        assert_eq!(through_loose_text(0.5), 0.5);
        assert_eq!(through_loose_text(-1250.0), -1250.0);
        assert_eq!(through_loose_text(4.348_629_474_639_893), {
            let mut y = 0.0;
            for digit in "4348629474639893".bytes() {
                y = y * 10.0 + f64::from(digit - b'0');
            }
            y / 10.0 / 100.0 / 1e4 / 1e8
        });
        let mut rng = Rng::new(2, 0);
        for _ in 0..1000 {
            let x = rng.between(-100.0, 100.0);
            assert!((through_loose_text(x) - x).abs() <= 4e-16 * x.abs());
        }
    }
}
