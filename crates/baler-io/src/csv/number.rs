//! Numbers as text: which words are numbers, and how they are written. Knows nothing of columns.

/// Words for a value that is missing.
const MISSING: [&str; 21] = [
    "", "NA", "N/A", "n/a", "na", "nan", "NaN", "NAN", "-nan", "null", "NULL", "Null", "None", "none",
    "NONE", "#N/A", "<NA>", ".", "-", "?", "*",
];
/// Digits of a number that are looked at.
const MAX_DIGITS: usize = 700;

/// True for the words that mean that a value is missing.
pub fn is_missing(cell: &[u8]) -> bool {
    cell.len() <= 4 && MISSING.iter().any(|word| word.as_bytes() == cell)
}

/// True and false of these words.
pub fn truth_value(cell: &[u8]) -> Option<bool> {
    match cell {
        b"true" | b"True" | b"TRUE" => Some(true),
        b"false" | b"False" | b"FALSE" => Some(false),
        _ => None,
    }
}

/// True if the cell says a number, or that there is none.
pub fn is_number_or_missing(cell: &[u8]) -> bool {
    is_missing(cell) || parse(cell, b'.').is_some() || parse(cell, b',').is_some()
}

/// The number that a cell says, if it is finite.
pub fn finite(cell: &[u8]) -> Option<f64> {
    let number = parse(cell, b'.').or_else(|| parse(cell, b','))?;
    Some(number.value).filter(|x| x.is_finite())
}

/// A number and how it is written.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NumberText {
    /// The nearest float64.
    pub value: f64,
    /// It begins with `+`.
    pub plus: bool,
    /// Digits before the point.
    pub n_whole: usize,
    /// The first of several digits before the point is 0.
    pub zero_led: bool,
    /// Digits behind the point, if there is one.
    pub decimals: Option<usize>,
    /// The exponent, if there is one.
    pub exponent: Option<Exponent>,
    /// Nonzero digits and what stands between them.
    pub n_significant: usize,
    /// It is a word for infinity.
    pub is_word: bool,
}

/// How an exponent is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exponent {
    /// `E`.
    pub upper: bool,
    /// `+` before one that is not negative.
    pub plus: bool,
    /// It is negative.
    pub minus: bool,
    /// Its digits.
    pub n_digits: usize,
}

impl NumberText {
    /// Only digits, perhaps behind a sign.
    pub fn is_whole(&self) -> bool {
        self.decimals.is_none() && self.exponent.is_none() && !self.is_word
    }
}

/// The number that a cell says: decimal digits with `point`, perhaps an exponent; or infinity.
pub fn parse(cell: &[u8], point: u8) -> Option<NumberText> {
    let (sign, body) = match cell {
        [sign @ (b'+' | b'-'), body @ ..] => (Some(*sign), body),
        _ => (None, cell),
    };
    let mut number = NumberText {
        value: f64::INFINITY,
        plus: sign == Some(b'+'),
        n_whole: 0,
        zero_led: false,
        decimals: None,
        exponent: None,
        n_significant: 0,
        is_word: true,
    };
    if matches!(body, b"inf" | b"Inf" | b"INF" | b"Infinity" | b"infinity") {
        number.value = if sign == Some(b'-') { f64::NEG_INFINITY } else { f64::INFINITY };
        return Some(number);
    }
    number.is_word = false;
    let n_digits = |bytes: &[u8]| bytes.iter().take_while(|byte| byte.is_ascii_digit()).count();
    number.n_whole = n_digits(body);
    let mut rest = &body[number.n_whole..];
    number.zero_led = number.n_whole > 1 && body[0] == b'0';
    let mut mantissa = body[..number.n_whole].to_vec();
    if rest.first() == Some(&point) {
        let n = n_digits(&rest[1..]);
        number.decimals = Some(n);
        mantissa.extend_from_slice(&rest[1..=n]);
        rest = &rest[n + 1..];
    }
    if mantissa.is_empty() || mantissa.len() > MAX_DIGITS {
        return None;
    }
    let first = mantissa.iter().position(|&digit| digit != b'0');
    let last = mantissa.iter().rposition(|&digit| digit != b'0');
    number.n_significant = first.zip(last).map_or(0, |(first, last)| last - first + 1);
    if let [e @ (b'e' | b'E'), tail @ ..] = rest {
        let (sign, digits) = match tail {
            [sign @ (b'+' | b'-'), digits @ ..] => (Some(*sign), digits),
            _ => (None, tail),
        };
        if digits.is_empty() || digits.len() > 6 || n_digits(digits) != digits.len() {
            return None;
        }
        let (upper, n_digits) = (*e == b'E', digits.len());
        number.exponent =
            Some(Exponent { upper, plus: sign == Some(b'+'), minus: sign == Some(b'-'), n_digits });
    } else if !rest.is_empty() {
        return None;
    }
    let text = std::str::from_utf8(cell).ok()?;
    number.value = match point {
        b'.' => text.parse().ok()?,
        _ => text.replace(char::from(point), ".").parse().ok()?,
    };
    Some(number)
}

/// True if the number's float64, written with as many digits, has the same digits: nothing is lost but the way to write it.
pub fn is_faithful(cell: &[u8], number: &NumberText) -> bool {
    if number.is_word || number.value == 0.0 || number.value.is_infinite() {
        return number.is_word || (number.n_significant == 0 && number.value == 0.0);
    }
    let written = format!("{:.*e}", number.n_significant - 1, number.value);
    let mantissa = |text: &[u8]| -> Vec<u8> {
        let end = text.iter().position(|byte| matches!(byte, b'e' | b'E')).unwrap_or(text.len());
        let digits = text[..end].iter().copied().filter(u8::is_ascii_digit);
        digits.skip_while(|&digit| digit == b'0').collect()
    };
    let (mut expected, found) = (mantissa(cell), mantissa(written.as_bytes()));
    expected.truncate(number.n_significant);
    expected == found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_are_numbers_are_told_from_others() {
        for (text, value) in [
            ("1", 1.0),
            ("+1.50", 1.5),
            (".5", 0.5),
            ("5.", 5.0),
            ("-1E+05", -1e5),
            ("-Inf", f64::NEG_INFINITY),
        ] {
            assert_eq!(parse(text.as_bytes(), b'.').unwrap().value, value, "{text}");
        }
        for text in
            ["", ".", "e5", "1e", "1e+", "1 2", "0x10", "1_000", "1,5", "nan", "--1", "1e0000000", "\u{663}"]
        {
            assert!(parse(text.as_bytes(), b'.').is_none(), "{text}");
        }
        assert_eq!(parse(b"1,5", b',').unwrap().value, 1.5);
        assert!(is_missing(b"NA") && is_missing(b"") && !is_missing(b"0"));
    }

    #[test]
    fn digits_that_a_float_does_not_hold_are_seen() {
        let faithful = |text: &str| is_faithful(text.as_bytes(), &parse(text.as_bytes(), b'.').unwrap());
        for text in [
            "1.10",
            "0",
            "-0.000",
            "9007199254740992",
            "0.1000000000000000055511",
            "1e22",
            "0.10000000000000001",
        ] {
            assert!(faithful(text), "{text}");
        }
        for text in [
            "9007199254740993",
            "9007199254740993.0",
            "18446744073709551615",
            "1e400",
            "1e-999",
            "0.12345678901234567890123",
        ] {
            assert!(!faithful(text), "{text}");
        }
    }
}
