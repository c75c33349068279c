//! Numbers as people read them: `1 200 504`, `37.7`, `5.8e-5`, `rel 1e-3`.

use crate::library::BoundSpec;

/// Groups of three digits, separated by spaces.
pub fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (idx, digit) in digits.chars().enumerate() {
        if idx > 0 && (digits.len() - idx).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

/// A ratio: two decimals below 10, one below 1000, none above.
pub fn ratio(r: f64) -> String {
    match r {
        r if !r.is_finite() => "-".to_string(),
        r if r < 10.0 => format!("{r:.2}"),
        r if r < 1000.0 => format!("{r:.1}"),
        r => grouped(r.round() as u64),
    }
}

/// An error or step: at most three digits.
pub fn error(x: f64) -> String {
    if x == 0.0 || !x.is_finite() {
        return x.to_string();
    }
    exponential(x, 2)
}

/// A value with at most five digits, with an exponent where it is far from 1.
pub fn value(x: f64) -> String {
    if x == 0.0 || (1e-3..1e6).contains(&x.abs()) {
        let decimals = 4usize.saturating_sub(x.abs().max(1.0).log10() as usize);
        return trimmed(&format!("{x:.decimals$}")).to_string();
    }
    exponential(x, 3)
}

/// The shortest text that is this number.
pub fn exact(x: f64) -> String {
    if x == 0.0 || (1e-4..1e7).contains(&x.abs()) { format!("{x}") } else { format!("{x:e}") }
}

fn exponential(x: f64, decimals: usize) -> String {
    let text = format!("{x:.decimals$e}");
    match text.split_once('e') {
        Some((digits, exponent)) => format!("{}e{exponent}", trimmed(digits)),
        None => text, // infinite or NaN
    }
}

/// Without zeros at the end of the decimals.
fn trimmed(digits: &str) -> &str {
    if digits.contains('.') { digits.trim_end_matches('0').trim_end_matches('.') } else { digits }
}

/// A bound as in `rel 1e-3`.
pub fn bound(bound: BoundSpec) -> String {
    bound.words(' ')
}

/// A shape as in `60 x 50 x 50`.
pub fn shape(shape: &[usize]) -> String {
    match shape {
        [] => "scalar".to_string(),
        shape => shape.iter().map(usize::to_string).collect::<Vec<_>>().join(" x "),
    }
}

/// `1 variable`, `2 variables`.
pub fn counted(n: usize, what: &str) -> String {
    format!("{} {what}{}", grouped(n as u64), if n == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_grouped() {
        for (n, text) in [(0, "0"), (999, "999"), (1000, "1 000"), (1_200_504, "1 200 504")] {
            assert_eq!(grouped(n), text);
        }
        for (r, text) in [(1.0, "1.00"), (37.66, "37.7"), (1234.5, "1 235"), (f64::NAN, "-")] {
            assert_eq!(ratio(r), text);
        }
        for (x, text) in [(0.0, "0"), (5.8e-5, "5.8e-5"), (1.0, "1e0"), (0.012345, "1.23e-2")] {
            assert_eq!(error(x), text);
        }
        let values = [
            (0.0, "0"),
            (100.0, "100"),
            (-0.047619, "-0.0476"),
            (123456.0, "123456"),
            (1e20, "1e20"),
            (-1.5e-9, "-1.5e-9"),
        ];
        for (x, text) in values {
            assert_eq!(value(x), text);
        }
        assert_eq!(bound(BoundSpec::Rel(1e-3)), "rel 1e-3");
        assert_eq!(bound(BoundSpec::Lossless), "lossless");
        assert_eq!(shape(&[60, 50]), "60 x 50");
    }
}
