//! How much error: a number for all variables, numbers for single ones, `u=0.01,p=5`, or both, `0.1,u=0.01`. Where a
//! fraction is meant a percentage says the same: `0.1%` is `1e-3`.

use crate::library::{BoundSpec, Error};

/// The value of `--abs`, `--rel` or `--pw-rel`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Amount {
    /// For all variables without one of their own.
    pub all: Option<f64>,
    /// (pattern, amount), in order.
    pub of: Vec<(String, f64)>,
}

impl From<f64> for Amount {
    fn from(all: f64) -> Amount {
        Amount { all: Some(all), of: Vec::new() }
    }
}

/// An absolute error.
pub fn absolute(text: &str) -> Result<Amount, String> {
    match text.contains('%') {
        true => {
            let text = text.rsplit('=').next().unwrap_or(text);
            Err(format!(
                "an absolute error is in the units of the values; {text} of the range is --rel {text}"
            ))
        }
        false => parse(text),
    }
}

/// An error in parts of something.
pub fn fraction(text: &str) -> Result<Amount, String> {
    parse(text)
}

fn parse(text: &str) -> Result<Amount, String> {
    let mut amount = Amount::default();
    let mut names: Vec<&str> = Vec::new();
    for word in text.split(',') {
        let Some((name, number)) = word.rsplit_once('=') else {
            match number_of(word) {
                Some(x) if names.is_empty() && amount.all.is_none() => amount.all = Some(x),
                Some(_) => return Err("expected one number for all variables, found several".to_string()),
                None if word.trim().is_empty() => return Err("expected a number, found nothing".to_string()),
                None => names.push(word),
            }
            continue;
        };
        names.push(name);
        let x = number_of(number).ok_or_else(|| wrong(number))?;
        amount.of.extend(names.drain(..).map(|name| (name.trim().to_string(), x)));
    }
    match names.first() {
        Some(name) => Err(wrong(name)),
        None => Ok(amount),
    }
}

fn wrong(found: &str) -> String {
    format!("expected a number such as 1e-3 or NAME=1e-3, found '{}'", found.trim())
}

/// `1e-3` or `0.1%`.
pub fn number_of(text: &str) -> Option<f64> {
    let text = text.trim();
    match text.strip_suffix('%') {
        Some(percent) => percent.trim_end().parse::<f64>().ok().map(|percent| percent / 100.0),
        None => text.parse().ok(),
    }
}

/// The promises of `--bound`: `pt,m*=rel:1e-3`, several one after the other, `u=abs:0.01,p=rel:1e-3`, or without a kind
/// where `kind`, that of all other variables, says it.
///
/// # Errors
/// Says what the right line is for what was typed.
pub fn rules(text: &str, kind: Option<BoundSpec>) -> Result<Vec<(String, BoundSpec)>, Error> {
    let expected = "expected --bound 'NAMES=KIND:E' such as --bound 'pt,mass=rel:1e-3'";
    let mut rules = Vec::new();
    let mut names: Vec<&str> = Vec::new();
    for word in text.split(',') {
        let Some((name, bound)) = word.rsplit_once('=') else {
            names.push(word);
            continue;
        };
        names.push(name);
        if names.iter().any(|name| name.trim().is_empty()) {
            return Err(Error::config(format!("{expected}, found '{text}' without a name")));
        }
        let bound = match (number_of(bound), kind) {
            (None, _) => BoundSpec::parse(bound.trim())?,
            (Some(x), Some(BoundSpec::Abs(_))) => BoundSpec::Abs(x).check()?,
            (Some(x), Some(BoundSpec::Rel(_))) => BoundSpec::Rel(x).check()?,
            (Some(x), Some(BoundSpec::PwRel(_))) => BoundSpec::PwRel(x).check()?,
            (Some(_), _) => {
                let (name, bound) = (names.join(","), bound.trim());
                return Err(Error::config(format!(
                    "expected a kind of bound for '{name}', found none; write --bound '{name}=abs:{bound}' for an error of \
                     at most {bound}, or '{name}=rel:{bound}' for {bound} of the range, or 'pw-rel:{bound}' of each value"
                )));
            }
        };
        rules.extend(names.drain(..).map(|name| (name.trim().to_string(), bound)));
    }
    let Some(left) = names.first() else { return Ok(rules) };
    let for_all = match left.split_once(':') {
        Some((kind @ ("abs" | "rel" | "pw-rel"), x)) => format!("; for all variables --{kind} {x}"),
        Some((name, bound)) if bound.contains(':') => format!("; write --bound '{name}={bound}'"),
        _ => String::new(),
    };
    Err(Error::config(format!("{expected}, found '{text}'{for_all}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_for_all_and_for_single_variables() {
        let of =
            |list: &[(&str, f64)]| list.iter().map(|(name, x)| (name.to_string(), *x)).collect::<Vec<_>>();
        assert_eq!(fraction("1e-3"), Ok(Amount::from(1e-3)));
        assert_eq!(fraction("0.1%"), Ok(Amount::from(1e-3)));
        assert_eq!(fraction("u=0.01,p=5"), Ok(Amount { all: None, of: of(&[("u", 0.01), ("p", 5.0)]) }));
        let both = Amount { all: Some(0.1), of: of(&[("u", 0.01), ("v*", 0.01)]) };
        assert_eq!(absolute("0.1, u,v*=0.01"), Ok(both));
        for (wrong, expected) in [
            ("5%", "5% of the range is --rel 5%"),
            ("u=5%", "--rel 5%"),
            ("1,2", "found several"),
            ("u=", "found ''"),
            ("u", "found 'u'"),
            ("", "found nothing"),
            ("u=1,v", "found 'v'"),
        ] {
            let found = absolute(wrong).unwrap_err();
            assert!(found.contains(expected), "{wrong}: {found}");
        }
    }

    #[test]
    fn rules_are_what_was_typed_or_show_the_right_line() {
        let told = |text: &str, kind| rules(text, kind).unwrap_err().to_string();
        let found = rules("pt,m*=rel:0.1%,eta=abs:2,phi=lossless", None).unwrap();
        let names: Vec<&str> = found.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["pt", "m*", "eta", "phi"]);
        assert_eq!((found[1].1, found[2].1), (BoundSpec::Rel(1e-3), BoundSpec::Abs(2.0)));
        let same = rules("u=0.01", Some(BoundSpec::Abs(1.0))).unwrap();
        assert_eq!(same, [("u".to_string(), BoundSpec::Abs(0.01))]);
        assert!(told("u=0.01", None).contains("write --bound 'u=abs:0.01' for an error of at most 0.01"));
        assert!(told("u=0.01", Some(BoundSpec::Lossless)).contains("'u=abs:0.01'"));
        assert!(told("abs:0.01", None).contains("for all variables --abs 0.01"));
        assert!(told("u:abs:0.01", None).contains("write --bound 'u=abs:0.01'"));
        assert!(told("=rel:1", None).contains("without a name"));
        for wrong in ["pt", "pt=rel", "pt=relative:1", "pt=rel:-1", "u=-1"] {
            assert!(rules(wrong, Some(BoundSpec::Rel(1.0))).is_err(), "{wrong}");
        }
    }
}
