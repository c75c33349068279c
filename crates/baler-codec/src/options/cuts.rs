//! Cuts and limits as they are written: `pt=20,30;abs(eta)=2.4`, `cc=0:1`.

use baler_data::error::{Error, Result};

/// Thresholds of variables, several one after the other: `pt=20,30;abs(eta)=2.4`. Of `abs(NAME)` each threshold counts with both
/// signs.
///
/// # Errors
/// [`baler_data::ErrorKind::Config`] for anything else.
pub fn parse(text: &str) -> Result<Vec<(String, Vec<f64>)>> {
    let expected =
        || Error::config(format!("expected cuts such as 'pt=20,30;abs(eta)=2.4', found '{}'", text.trim()));
    let mut cuts = Vec::new();
    for part in text.split(';').filter(|part| !part.trim().is_empty()) {
        let (name, list) = part.rsplit_once('=').ok_or_else(expected)?;
        let thresholds: Vec<f64> =
            list.split(',').map(|x| x.trim().parse().map_err(|_| expected())).collect::<Result<_>>()?;
        cuts.extend(name.split(',').map(|name| of(name, &thresholds)).collect::<Result<Vec<_>>>()?);
    }
    if cuts.is_empty() { Err(expected()) } else { Ok(cuts) }
}

/// Thresholds of a pattern of names, or of `abs(PATTERN)`: then each counts with both signs.
///
/// # Errors
/// [`baler_data::ErrorKind::Config`] for no name, no threshold or one that is not finite.
pub fn of(name: &str, thresholds: &[f64]) -> Result<(String, Vec<f64>)> {
    let name = name.trim();
    let inner = name.strip_prefix("abs(").and_then(|rest| rest.strip_suffix(')'));
    let pattern = inner.unwrap_or(name).trim();
    if pattern.is_empty() || thresholds.is_empty() {
        return Err(Error::config(format!("expected a name and thresholds of cuts, found '{name}'")));
    }
    if let Some(wrong) = thresholds.iter().find(|x| !x.is_finite()) {
        return Err(Error::config(format!("expected finite thresholds of '{pattern}', found {wrong}")));
    }
    let mut all = thresholds.to_vec();
    if inner.is_some() {
        all.extend(thresholds.iter().map(|x| -x));
    }
    Ok((pattern.to_string(), all))
}

/// Limits of variables, several one after the other: `cc=0:1;t2m=180:340`.
///
/// # Errors
/// [`baler_data::ErrorKind::Config`] for anything else.
pub fn parse_limits(text: &str) -> Result<Vec<(String, [f64; 2])>> {
    let expected = || Error::config(format!("expected limits such as 'cc=0:1', found '{}'", text.trim()));
    let mut limits = Vec::new();
    for part in text.split(';').filter(|part| !part.trim().is_empty()) {
        let (name, ends) = part.rsplit_once('=').ok_or_else(expected)?;
        let (low, high) = ends.split_once(':').ok_or_else(expected)?;
        let number = |text: &str| text.trim().parse::<f64>().map_err(|_| expected());
        let ends = [number(low)?, number(high)?];
        limits.extend(name.split(',').map(|name| limits_of(name, ends)).collect::<Result<Vec<_>>>()?);
    }
    if limits.is_empty() { Err(expected()) } else { Ok(limits) }
}

/// Limits of a pattern of names.
///
/// # Errors
/// [`baler_data::ErrorKind::Config`] for no name, or for limits that are not finite or not in order.
pub fn limits_of(name: &str, [low, high]: [f64; 2]) -> Result<(String, [f64; 2])> {
    let name = name.trim();
    if name.is_empty() || !low.is_finite() || !high.is_finite() || low > high {
        return Err(Error::config(format!(
            "expected limits LOW:HIGH of a variable, finite and in order, found '{name}={low}:{high}'"
        )));
    }
    Ok((name.to_string(), [low, high]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_and_limits_are_parsed_or_refused() {
        let cuts = parse(" pt = 20, 30 ;abs(eta)=2.4;").unwrap();
        assert_eq!(cuts, [("pt".into(), vec![20.0, 30.0]), ("eta".into(), vec![2.4, -2.4])]);
        assert_eq!(parse("a,abs(b)=1").unwrap()[1], ("b".into(), vec![1.0, -1.0]));
        for wrong in ["", ";", "pt", "pt=", "=3", "pt=20;x", "pt=nan", "pt=1,inf", "abs()=1", "pt=20:30"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
        assert_eq!(parse_limits("cc=0:1; t*=-1:2").unwrap()[1], ("t*".into(), [-1.0, 2.0]));
        for wrong in ["", "cc", "cc=1", "cc=1:0", "cc=0:inf", "=0:1", "cc=0,1"] {
            assert!(parse_limits(wrong).is_err(), "{wrong}");
        }
    }
}
