//! How the numbers of a column are written: digits behind the point, exponents, signs. A style is found on a sample of the
//! column's cells; any number written in it reads back as exactly that number, so a bound on the values holds in the text.

use super::number::{self, NumberText};
use std::fmt::Write as _;

/// When numbers are written with an exponent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notation {
    /// Never.
    Plain,
    /// Always.
    Scientific,
    /// Where the exponent is less than the first or not less than the second (Python: -4, 16; C's `%g`: -4, 6).
    Outside(i8, i8),
    /// Where that takes fewer characters (R).
    Narrower,
}

/// Which digits are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Digits {
    /// The fewest that give the number back, but at least so many behind the point.
    Shortest(u8),
    /// So many behind the point if they give the number back, else more.
    Fixed(u8),
    /// So many in all, without zeros at the end, if they give the number back (C's `%.17g`).
    Significant(u8),
}

/// The way in which a column's numbers are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Style {
    /// Point or comma.
    pub point: u8,
    /// When with an exponent.
    pub notation: Notation,
    /// Which digits, without an exponent.
    pub digits: Digits,
    /// Which digits, with one.
    pub digits_scientific: Digits,
    /// `+` before positive numbers.
    pub plus: bool,
    /// `.5` for 0.5.
    pub bare_point: bool,
    /// `5.` where no digits follow.
    pub open_point: bool,
    /// `E`.
    pub upper: bool,
    /// `+` before exponents that are not negative.
    pub exponent_plus: bool,
    /// Least digits of an exponent.
    pub exponent_digits: u8,
    /// Words for missing values; a NaN's payload says which.
    pub missing: Vec<Vec<u8>>,
    /// Word for infinity.
    pub infinity: Vec<u8>,
}

impl Default for Style {
    /// Python's: what pandas writes.
    fn default() -> Style {
        Style {
            point: b'.',
            notation: Notation::Outside(-4, 16),
            digits: Digits::Shortest(1),
            digits_scientific: Digits::Shortest(0),
            plus: false,
            bare_point: false,
            open_point: false,
            upper: false,
            exponent_plus: true,
            exponent_digits: 2,
            missing: vec![b"nan".to_vec()],
            infinity: b"inf".to_vec(),
        }
    }
}

/// Missing words of a column that are told apart, at most.
pub const MAX_MISSING: usize = 16;

impl Style {
    /// The NaN that stands for a word; a new word is added while there is room.
    pub fn missing_value(&mut self, word: &[u8]) -> f64 {
        let known = self.missing.iter().position(|other| other == word);
        let index = known.unwrap_or_else(|| {
            if self.missing.len() < MAX_MISSING {
                self.missing.push(word.to_vec());
                self.missing.len() - 1
            } else {
                0
            }
        });
        f64::from_bits(f64::NAN.to_bits() | index as u64)
    }

    /// Appends an integer.
    pub fn append_integer(&self, value: i128, out: &mut Vec<u8>) {
        if self.plus && value >= 0 {
            out.push(b'+');
        }
        out.extend_from_slice(value.to_string().as_bytes());
    }

    /// Appends a float, with so many decimals if they are told.
    pub fn append_float(&self, value: f64, decimals: Option<u8>, text: &mut String, out: &mut Vec<u8>) {
        if value.is_nan() {
            let index = (value.to_bits() & 0xff) as usize;
            let word = self.missing.get(index).or(self.missing.first());
            return out.extend_from_slice(word.map_or(&b""[..], Vec::as_slice));
        }
        if value.is_sign_negative() {
            out.push(b'-');
        } else if self.plus {
            out.push(b'+');
        }
        let value = value.abs();
        if value.is_infinite() {
            return out.extend_from_slice(&self.infinity);
        }
        text.clear();
        let (digits, scientific) = match decimals {
            Some(n) => (Digits::Fixed(n), Digits::Fixed(n)),
            None => (self.digits, self.digits_scientific),
        };
        if self.is_scientific(value, digits, scientific, text) {
            write_scientific(value, scientific, text);
        } else {
            write_plain(value, digits, text);
        }
        self.append_written(text, out);
    }

    /// The written digits with the style's point and exponent.
    fn append_written(&self, text: &str, out: &mut Vec<u8>) {
        let (mantissa, exponent) = match text.split_once('e') {
            Some((mantissa, exponent)) => (mantissa, Some(exponent)),
            None => (text, None),
        };
        let mantissa = match self.bare_point {
            true => mantissa.strip_prefix('0').filter(|rest| rest.starts_with('.')).unwrap_or(mantissa),
            false => mantissa,
        };
        out.extend(mantissa.bytes().map(|byte| if byte == b'.' { self.point } else { byte }));
        if self.open_point && !mantissa.contains('.') {
            out.push(self.point);
        }
        if let Some(exponent) = exponent {
            out.push(if self.upper { b'E' } else { b'e' });
            let (minus, digits) = match exponent.strip_prefix('-') {
                Some(digits) => (true, digits),
                None => (false, exponent),
            };
            match (minus, self.exponent_plus) {
                (true, _) => out.push(b'-'),
                (false, true) => out.push(b'+'),
                (false, false) => {}
            }
            let n_zeros = usize::from(self.exponent_digits).saturating_sub(digits.len());
            out.resize(out.len() + n_zeros, b'0');
            out.extend_from_slice(digits.as_bytes());
        }
    }

    fn is_scientific(&self, value: f64, digits: Digits, scientific: Digits, text: &mut String) -> bool {
        let range = match self.notation {
            Notation::Plain => return false,
            Notation::Scientific => return true,
            Notation::Narrower => {
                write_scientific(value, scientific, text);
                let exponent = text.split_once('e').map_or(0, |(_, e)| e.trim_start_matches('-').len());
                let width = text.len() - exponent + exponent.max(usize::from(self.exponent_digits));
                let has_minus = text.contains("e-");
                let width = width + usize::from(!has_minus && self.exponent_plus);
                text.clear();
                write_plain(value, digits, text);
                let is_wider = text.len() > width;
                text.clear();
                return is_wider;
            }
            Notation::Outside(low, high) => low..high,
        };
        if value == 0.0 {
            return false;
        }
        // Not a guess by a logarithm: the exponent that is written.
        write!(text, "{value:e}").expect("writing to a String cannot fail");
        let exponent: i32 = text.split_once('e').and_then(|(_, e)| e.parse().ok()).unwrap_or(0);
        text.clear();
        exponent < i32::from(range.start) || exponent >= i32::from(range.end)
    }
}

fn gives_back(text: &str, value: f64) -> bool {
    text.parse::<f64>().is_ok_and(|back| back.to_bits() == value.to_bits())
}

/// Appends digits without an exponent.
fn write_plain(value: f64, digits: Digits, text: &mut String) {
    let written = match digits {
        Digits::Fixed(n) => write!(text, "{value:.*}", usize::from(n)),
        Digits::Significant(n) => {
            let mut scientific = String::new();
            write_scientific(value, Digits::Significant(n), &mut scientific);
            let (mantissa, exponent) = scientific.split_once('e').expect("an exponent was written");
            let n_decimals = mantissa.len().saturating_sub(2) as i32 - exponent.parse::<i32>().unwrap_or(0);
            write!(text, "{value:.*}", n_decimals.max(0) as usize)
        }
        Digits::Shortest(_) => write!(text, "{value}"),
    };
    written.expect("writing to a String cannot fail");
    let least = match digits {
        Digits::Fixed(_) | Digits::Significant(_) if gives_back(text, value) => return,
        Digits::Fixed(n) | Digits::Shortest(n) => usize::from(n),
        Digits::Significant(_) => 0,
    };
    text.clear();
    write!(text, "{value}").expect("writing to a String cannot fail");
    pad_decimals(text, least);
}

/// Zeros behind the point up to `least` digits.
fn pad_decimals(text: &mut String, least: usize) {
    let found = text.find('.').map_or(0, |point| text.len() - point - 1);
    if found < least && !text.contains('.') {
        text.push('.');
    }
    text.extend(std::iter::repeat_n('0', least.saturating_sub(found)));
}

/// Appends digits with an exponent, as `1.5e-7`.
fn write_scientific(value: f64, digits: Digits, text: &mut String) {
    let written = match digits {
        Digits::Fixed(n) => write!(text, "{value:.*e}", usize::from(n)),
        Digits::Significant(n) => write!(text, "{value:.*e}", usize::from(n.max(1)) - 1),
        Digits::Shortest(_) => write!(text, "{value:e}"),
    };
    written.expect("writing to a String cannot fail");
    let split = |text: &str| {
        let (mantissa, exponent) = text.split_once('e').expect("an exponent was written");
        (mantissa.to_string(), exponent.to_string())
    };
    if matches!(digits, Digits::Fixed(_)) && gives_back(text, value) {
        return;
    }
    if matches!(digits, Digits::Significant(_)) && gives_back(text, value) {
        let (mantissa, exponent) = split(text);
        let mantissa = if mantissa.contains('.') { mantissa.trim_end_matches('0') } else { &mantissa };
        *text = format!("{}e{exponent}", mantissa.trim_end_matches('.'));
        return;
    }
    text.clear();
    write!(text, "{value:e}").expect("writing to a String cannot fail");
    let (mut mantissa, exponent) = split(text);
    if let Digits::Fixed(n) | Digits::Shortest(n) = digits {
        pad_decimals(&mut mantissa, usize::from(n));
    }
    *text = format!("{mantissa}e{exponent}");
}

/// The style in which most of these cells, all numbers, are written.
pub fn find(cells: &[Vec<u8>], point: u8) -> Style {
    let numbers: Vec<(&Vec<u8>, NumberText)> =
        cells.iter().filter_map(|cell| Some((cell, number::parse(cell, point)?))).collect();
    let words = numbers.iter().filter(|(_, number)| number.is_word);
    let infinity = words.map(|(cell, _)| cell.strip_prefix(b"-").unwrap_or(cell)).next();
    let numbers: Vec<_> = numbers.iter().filter(|(_, number)| !number.is_word).collect();
    let most = |has: &dyn Fn(&NumberText) -> Option<bool>| {
        let votes = numbers.iter().filter_map(|(_, number)| has(number));
        let (yes, all) = votes.fold((0, 0), |(yes, all), vote| (yes + usize::from(vote), all + 1));
        yes * 2 > all
    };
    let exponents = || numbers.iter().filter_map(|(_, number)| number.exponent);
    let base = Style {
        point,
        plus: most(&|n| (n.value > 0.0).then_some(n.plus)),
        bare_point: most(&|n| (n.value.abs() < 1.0 && n.decimals.is_some()).then_some(n.n_whole == 0)),
        open_point: most(&|n| (n.decimals.unwrap_or(0) == 0).then_some(n.decimals == Some(0))),
        upper: most(&|n| n.exponent.map(|e| e.upper)),
        exponent_plus: exponents().next().is_none()
            || most(&|n| n.exponent.filter(|e| !e.minus).map(|e| e.plus)),
        exponent_digits: exponents().map(|e| e.n_digits).min().map_or(2, |n| n as u8),
        missing: Vec::new(),
        infinity: infinity.map_or(b"inf".to_vec(), |word| word.to_vec()),
        ..Style::default()
    };
    let mut best = (0, base.clone());
    let (mut text, mut out) = (String::new(), Vec::new());
    for style in candidates(&base, &numbers.iter().map(|(_, number)| *number).collect::<Vec<_>>()) {
        let alike = |cell: &[u8], value: f64, text: &mut String, out: &mut Vec<u8>| {
            out.clear();
            style.append_float(value, None, text, out);
            out.as_slice() == cell
        };
        let n_alike =
            numbers.iter().filter(|(cell, number)| alike(cell, number.value, &mut text, &mut out)).count();
        if n_alike > best.0 {
            best = (n_alike, style);
        }
        if n_alike == numbers.len() {
            break;
        }
    }
    best.1
}

/// Styles that cells like these may have, the likeliest first.
fn candidates(base: &Style, numbers: &[NumberText]) -> Vec<Style> {
    let decimals = |scientific: bool| {
        let of_kind = numbers.iter().filter(move |n| n.exponent.is_some() == scientific);
        let mut counts = std::collections::BTreeMap::new();
        of_kind.for_each(|n| *counts.entry(n.decimals.unwrap_or(0).min(255) as u8).or_insert(0usize) += 1);
        let least = counts.keys().next().copied().unwrap_or(if scientific { 0 } else { 1 });
        let usual = counts.iter().max_by_key(|(_, n)| **n).map_or(least, |(decimals, _)| *decimals);
        let mut found = vec![Digits::Shortest(least), Digits::Fixed(usual)];
        if usual != least {
            found.push(Digits::Shortest(usual));
        }
        if numbers.iter().any(|n| n.n_significant > 16) {
            found.push(Digits::Significant(17));
        }
        found
    };
    let has_exponents = numbers.iter().any(|n| n.exponent.is_some());
    let notations: &[Notation] = match has_exponents {
        true if numbers.iter().all(|n| n.exponent.is_some()) => {
            &[Notation::Scientific, Notation::Outside(-4, 16)]
        }
        true => &[
            Notation::Outside(-4, 16),
            Notation::Narrower,
            Notation::Outside(-4, 6),
            Notation::Outside(-4, 15),
            Notation::Outside(-6, 21),
            Notation::Outside(-4, 17),
            Notation::Plain,
            Notation::Scientific,
        ],
        false => &[Notation::Outside(-4, 16), Notation::Narrower, Notation::Plain],
    };
    let (plain, scientific) = (decimals(false), decimals(true));
    let mut styles = Vec::new();
    for &notation in notations {
        for &digits in &plain {
            for &digits_scientific in &scientific[..if has_exponents { scientific.len() } else { 1 }] {
                styles.push(Style { notation, digits, digits_scientific, ..base.clone() });
            }
        }
    }
    styles
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(cells: &[&str]) -> Vec<String> {
        let cells: Vec<Vec<u8>> = cells.iter().map(|cell| cell.as_bytes().to_vec()).collect();
        let style = find(&cells, b'.');
        let write = |cell: &Vec<u8>| {
            let mut out = Vec::new();
            let value = number::parse(cell, b'.').unwrap().value;
            style.append_float(value, None, &mut String::new(), &mut out);
            String::from_utf8(out).unwrap()
        };
        cells.iter().map(write).collect()
    }

    #[test]
    fn the_styles_of_common_writers_are_found() {
        let columns: [&[&str]; 14] = [
            &["1.10", "1.50", "12.00"],
            &["1.0", "2.5", "1e-05", "1e+16", "0.0001"],
            &["1", "2.5", "1e+05", "123456", "1e-04", "0.001"],
            &["1.000000000000000000e+00", "3.141592653589793116e+00", "-1.000000000000000056e-01"],
            &["0.10000000000000001", "0.5", "3.1400000000000001"],
            &[".5", "-.25", "1.5"],
            &["+1.5", "-2.5", "+0.25"],
            &["1.5E3", "2.5E-7", "1E10"],
            &["1.5e3", "2.5e-7", "1e10"],
            &["5.", "7.", "12."],
            &["0.30", "0.25", "-0.10"],
            &["1e-07", "1234567.0", "0.1"],
            &["1.23457e+06", "0.5", "123457", "1e-05"],
            &["-0.0", "0.0", "1.0"],
        ];
        for cells in columns {
            assert_eq!(written(cells), cells);
        }
    }

    #[test]
    fn a_number_that_the_style_has_no_digits_for_gets_more() {
        let style = Style { digits: Digits::Fixed(2), ..Style::default() };
        for value in [1.2345678, 0.1 + 0.2, 1e-300, 1.5, -0.0, 5e-324, f64::MAX, 123456789.125] {
            for notation in
                [Notation::Plain, Notation::Scientific, Notation::Narrower, Notation::Outside(-4, 16)]
            {
                for digits in
                    [Digits::Fixed(2), Digits::Significant(5), Digits::Shortest(3), Digits::Significant(17)]
                {
                    let style = Style { notation, digits, digits_scientific: digits, ..style.clone() };
                    let mut out = Vec::new();
                    style.append_float(value, None, &mut String::new(), &mut out);
                    let back: f64 = std::str::from_utf8(&out).unwrap().parse().unwrap();
                    assert_eq!(back.to_bits(), value.to_bits(), "{style:?} {value}");
                }
            }
        }
    }
}
