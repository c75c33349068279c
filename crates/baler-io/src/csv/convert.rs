//! What other formats have and text does not, as text: times in ISO 8601, complex numbers as Python writes them, strings
//! of fixed width without the zeros that fill them up, bytes that are no characters in hexadecimal digits.

use super::style::{Digits, Style};
use baler_data::dataset::Values;
use baler_data::dataset::kind::{Kind, TimeUnit};
use std::io::Write;
use std::ops::Range;

/// Appends a text. `as_is` takes any bytes as they are; `is_filled` leaves out zeros at the end.
pub fn append_text(
    values: &Values,
    range: Range<usize>,
    kind: Kind,
    as_is: bool,
    is_filled: bool,
    out: &mut Vec<u8>,
) {
    match values {
        Values::U8(bytes) => {
            let bytes = &bytes[range];
            let n_bytes = bytes.iter().rposition(|&byte| byte != 0 || !is_filled).map_or(0, |last| last + 1);
            match as_is || kind == Kind::Text {
                true => out.extend_from_slice(&bytes[..n_bytes]),
                false => {
                    bytes.iter().for_each(|byte| write!(out, "{byte:02x}").expect("memory takes any bytes"))
                }
            }
        }
        Values::U32(points) => {
            let points = &points[range];
            let n_points = points.iter().rposition(|&point| point != 0).map_or(0, |last| last + 1);
            let text: String = points[..n_points]
                .iter()
                .map(|&p| char::from_u32(p).unwrap_or(char::REPLACEMENT_CHARACTER))
                .collect();
            out.extend_from_slice(text.as_bytes());
        }
        _ => {}
    }
}

/// Appends `(1+2j)`.
pub fn append_complex(values: &Values, first: usize, out: &mut Vec<u8>) {
    let style = Style { digits: Digits::Shortest(0), ..Style::default() };
    let signed = Style { plus: true, ..style.clone() };
    out.push(b'(');
    super::read::append_number(values, first, &style, None, out);
    super::read::append_number(values, first + 1, &signed, None, out);
    out.extend_from_slice(b"j)");
}

/// NumPy's `NaT`.
pub fn is_not_a_time(values: &Values, at: usize) -> bool {
    matches!(values, Values::I64(v) if v[at] == i64::MIN)
}

/// Appends a time as NumPy shows it, `2024-02-29T12:30:00.250`.
pub fn append_time(values: &Values, at: usize, unit: TimeUnit, out: &mut Vec<u8>) {
    let ticks = integer(values, at);
    let text = match unit {
        TimeUnit::Year => format!("{:04}", 1970 + ticks),
        TimeUnit::Month => format!("{:04}-{:02}", 1970 + ticks.div_euclid(12), ticks.rem_euclid(12) + 1),
        TimeUnit::Week => date(ticks * 7),
        TimeUnit::Day => date(ticks),
        TimeUnit::Hour => clock(ticks * 3600, 0, 0, 2),
        TimeUnit::Minute => clock(ticks * 60, 0, 0, 5),
        _ => {
            let n_digits = 3 * (unit as u32 - TimeUnit::Second as u32);
            let per_second = 10i128.pow(n_digits);
            clock(ticks.div_euclid(per_second), ticks.rem_euclid(per_second), n_digits as usize, 8)
        }
    };
    out.extend_from_slice(text.as_bytes());
}

fn integer(values: &Values, at: usize) -> i128 {
    macro_rules! widen {
        ($($kind:ident),*) => {
            match values {
                $(Values::$kind(v) => i128::from(v[at]),)*
                Values::F16(_) | Values::F32(_) | Values::F64(_) => 0, // no times
            }
        };
    }
    widen!(Bool, I8, I16, I32, I64, U8, U16, U32, U64)
}

/// A second with its fraction; `n_chars` of the time of day are shown.
fn clock(seconds: i128, fraction: i128, n_digits: usize, n_chars: usize) -> String {
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let time = format!("{:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60);
    let fraction = if n_digits > 0 { format!(".{fraction:0n_digits$}") } else { String::new() };
    format!("{}T{}{fraction}", date(days), &time[..n_chars])
}

/// A day, counted from the start of 1970, in the Gregorian calendar (Hinnant's algorithm: years begin in March).
fn date(days: i128) -> String {
    let days = days + 719_468;
    let (era, day) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let (day, month) = (day - (153 * month + 2) / 5 + 1, if month < 10 { month + 3 } else { month - 9 });
    let year = year + era * 400 + i128::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_the_calendar() {
        let text = |ticks: i64, unit| {
            let mut out = Vec::new();
            append_time(&Values::I64(vec![ticks]), 0, unit, &mut out);
            String::from_utf8(out).unwrap()
        };
        // np.datetime64(ticks, unit)
        assert_eq!(text(19_782, TimeUnit::Day), "2024-02-29");
        assert_eq!(text(-1, TimeUnit::Second), "1969-12-31T23:59:59");
        assert_eq!(text(1_709_209_800_250, TimeUnit::Millisecond), "2024-02-29T12:30:00.250");
        assert_eq!(text(-719_528, TimeUnit::Day), "0000-01-01");
        assert_eq!(text(649, TimeUnit::Month), "2024-02");
        assert_eq!(text(i64::MAX, TimeUnit::Nanosecond), "2262-04-11T23:47:16.854775807");
        assert_eq!(text(5, TimeUnit::Hour), "1970-01-01T05");
    }

    #[test]
    fn complex_numbers_and_filled_texts_are_python_s() {
        let mut out = Vec::new();
        append_complex(&Values::F32(vec![1.5, -0.1]), 0, &mut out);
        append_text(&Values::U32(vec![233, 0, 97, 0, 0]), 0..5, Kind::Text, false, true, &mut out);
        append_text(&Values::U8(vec![0, 255]), 0..2, Kind::Bytes, false, true, &mut out);
        assert_eq!(String::from_utf8(out).unwrap(), "(1.5-0.1j)é\0a00ff");
    }
}
