//! Numbers to places along an axis, and the round numbers that are written beside it.

/// An axis, linear or logarithmic.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scale {
    /// The number at its beginning.
    pub low: f64,
    /// The number at its end.
    pub high: f64,
    log: bool,
}

impl Scale {
    /// From `low` to `high`; a range without width gets one.
    pub fn linear(low: f64, high: f64) -> Scale {
        let usable = low.is_finite() && high.is_finite() && high > low;
        let middle = if low.is_finite() { low } else { 0.0 };
        let around = if middle == 0.0 { 1.0 } else { 0.1 * middle.abs() };
        let (low, high) = if usable { (low, high) } else { (middle - around, middle + around) };
        Scale { low, high, log: false }
    }

    /// From `low` to `high`, both above 0.
    pub fn log(low: f64, high: f64) -> Scale {
        let usable = low.is_finite() && high.is_finite() && low > 0.0 && high > low;
        let (low, high) = if usable { (low, high) } else { (0.1, 10.0) };
        Scale { low, high, log: true }
    }

    /// 0 at the beginning, 1 at the end; of numbers that a logarithm does not have, far below.
    pub fn place(&self, x: f64) -> f64 {
        if !self.log {
            return (x - self.low) / (self.high - self.low);
        }
        if x <= 0.0 { -1e3 } else { (x / self.low).ln() / (self.high / self.low).ln() }
    }

    /// (number, what is written there), at most about `n`.
    pub fn ticks(&self, n: usize) -> Vec<(f64, String)> {
        if self.log { self.log_ticks(n) } else { self.linear_ticks(n) }
    }

    /// At least three if that takes not many more than `n`: one number tells nothing of a scale.
    fn linear_ticks(&self, n: usize) -> Vec<(f64, String)> {
        let enough = (n..n + 4).map(|n| self.steps_of(n)).find(|ticks| ticks.len() >= 3);
        enough.unwrap_or_else(|| self.steps_of(n))
    }

    fn steps_of(&self, n: usize) -> Vec<(f64, String)> {
        let raw = (self.high - self.low) / n.max(1) as f64;
        let power = 10f64.powf(raw.log10().floor());
        let step =
            [1.0, 2.0, 5.0, 10.0].into_iter().map(|m| m * power).find(|s| *s >= 0.999 * raw).unwrap_or(raw);
        let first = (self.low / step - 1e-9).ceil();
        let count = ((self.high / step + 1e-9).floor() - first).max(-1.0) as usize + 1;
        let at = |k: usize| (first + k as f64) * step;
        (0..count.min(100))
            .map(|k| (at(k), tick_words(at(k), step, self.low.abs().max(self.high.abs()))))
            .collect()
    }

    fn log_ticks(&self, n: usize) -> Vec<(f64, String)> {
        let (first, last) =
            ((self.low.log10() - 1e-9).ceil() as i32, (self.high.log10() + 1e-9).floor() as i32);
        let stride = ((last - first + 1) as f64 / n.max(1) as f64).ceil().max(1.0) as usize;
        let decades: Vec<i32> = (first..=last).step_by(stride).collect();
        if decades.len() == 2 && stride == 1 {
            return self.steps_of_1_2_5(first - 1, last);
        }
        if decades.len() < 2 {
            let narrow = Scale { log: false, ..*self };
            return narrow.linear_ticks(n.min(3)).into_iter().filter(|(x, _)| *x > 0.0).collect();
        }
        decades.into_iter().map(|e| (power(e), power_words(e))).collect()
    }

    /// 1, 2, 5, 10, 20, ... where an axis has only a decade or two.
    fn steps_of_1_2_5(&self, first: i32, last: i32) -> Vec<(f64, String)> {
        let steps = (first..=last).flat_map(|e| [1.0, 2.0, 5.0].map(|m| m * power(e)));
        let inside = steps.filter(|x| (self.low * 0.999..=self.high * 1.001).contains(x));
        inside.map(|x| (x, format_number(x))).collect()
    }
}

/// 10 to an exponent, the nearest float64; `powi` is one beside it on some systems.
fn power(exponent: i32) -> f64 {
    format!("1e{exponent}").parse().unwrap_or(f64::NAN)
}

fn power_words(exponent: i32) -> String {
    match exponent {
        -2..=3 => format!("{}", power(exponent)),
        _ => format!("1e{exponent}"),
    }
}

/// A tick with the decimals that its step needs, with an exponent where numbers are large or small.
fn tick_words(x: f64, step: f64, largest: f64) -> String {
    if x.abs() < 1e-9 * step {
        return "0".to_string();
    }
    if (1e-3..1e5).contains(&largest) {
        let decimals = (-step.log10().floor()).max(0.0) as usize;
        return format!("{x:.decimals$}");
    }
    let digits = (x.abs().log10().floor() - step.log10().floor()).max(0.0) as usize;
    format!("{x:.digits$e}")
}

/// A number for people: four digits, an exponent where it is far from 1.
pub fn format_number(x: f64) -> String {
    if x.is_nan() {
        return "-".to_string();
    }
    if x == 0.0 || x.is_infinite() {
        return format!("{x}");
    }
    let size = x.abs();
    if !(1e-3..1e6).contains(&size) {
        let text = format!("{x:.3e}");
        let (digits, exponent) = text.split_once('e').expect("it was asked for");
        return format!("{}e{exponent}", trim(digits));
    }
    let decimals = (3 - size.log10().floor() as i32).max(0) as usize;
    trim(&format!("{x:.decimals$}")).to_string()
}

fn trim(digits: &str) -> &str {
    if digits.contains('.') { digits.trim_end_matches('0').trim_end_matches('.') } else { digits }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(scale: Scale, n: usize) -> Vec<String> {
        scale.ticks(n).into_iter().map(|t| t.1).collect()
    }

    #[test]
    fn ticks_are_round_and_different() {
        assert_eq!(words(Scale::linear(0.0, 10.0), 5), ["0", "2", "4", "6", "8", "10"]);
        assert_eq!(words(Scale::linear(-1e-18, 1e-18), 4), ["-1.0e-18", "-5e-19", "0", "5e-19", "1.0e-18"]);
        assert_eq!(words(Scale::linear(280.0, 280.3), 3), ["280.0", "280.1", "280.2", "280.3"]);
        assert_eq!(words(Scale::linear(0.992, 1.008), 2), ["0.995", "1.000", "1.005"]);
        assert_eq!(words(Scale::log(0.5, 2e4), 8), ["1", "10", "100", "1000", "1e4"]);
        assert_eq!(words(Scale::log(20.0, 60.0), 8), ["20", "40", "60"]);
        assert_eq!(words(Scale::log(1.0, 25.0), 8), ["1", "2", "5", "10", "20"]);
        assert!(
            !Scale::linear(5.0, 5.0).ticks(4).is_empty() && !Scale::linear(f64::NAN, 1.0).ticks(4).is_empty()
        );
    }

    #[test]
    fn numbers_have_four_digits() {
        let cases = [
            (0.0, "0"),
            (1234.56, "1235"),
            (0.00123456, "0.001235"),
            (-1.5e-19, "-1.5e-19"),
            (99999.0, "99999"),
            (f64::NAN, "-"),
        ];
        for (x, text) in cases {
            assert_eq!(format_number(x), text);
        }
        assert_eq!(Scale::log(1.0, 100.0).place(10.0), 0.5);
        assert!(Scale::log(1.0, 100.0).place(0.0) < -1.0);
    }
}
