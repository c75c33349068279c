//! What is said of the values before they are coded: which are taken as missing, which variables are exact though a bound
//! was given, where the bound is too loose for most of the values, and which have a heavy tail. One line each, in numbers.

use super::exact::Exact;
use crate::options::BoundSpec;
use crate::plan::profile::{Profile, Spread};
use crate::quantize::Grid;
use crate::variable::VariablePlan;

/// Names that a line lists.
const MAX_NAMES: usize = 8;
/// Fewest values of which quantiles are exact.
const MIN_VALUES: usize = 16;
/// A tail is heavy where the range is that many times the size of half of the values ...
const HEAVY_TAIL: f64 = 25.0;
/// ... and the bound this share of it.
const NOTICEABLE: f64 = 0.01;

/// All lines about variables, given their plans and profiles.
pub fn lines(variables: &[VariablePlan], profiles: &[Profile], exact: &[(String, Exact)]) -> Vec<String> {
    let mut lines = missing_lines(variables, profiles);
    lines.extend(exact_line(exact));
    let mut heavy = Vec::new();
    for (variable, profile) in variables.iter().zip(profiles) {
        let Some(spread) = profile.spread.filter(|_| is_lossy(variable) && profile.n_regular >= MIN_VALUES)
        else {
            continue;
        };
        match loose_line(variable, profile, &spread) {
            Some(line) => lines.push(line),
            None if is_heavy_tailed(variable, profile, &spread) => heavy.push((variable, profile, spread)),
            None => {}
        }
    }
    lines.extend(heavy_line(&heavy));
    lines
}

/// True if an absolute bound allows errors.
fn is_lossy(variable: &VariablePlan) -> bool {
    let absolute = matches!(variable.bound.spec, BoundSpec::Abs(_) | BoundSpec::Rel(_));
    absolute && (variable.dtype.is_float() || variable.bound.limit >= 1.0) && variable.grid != Grid::Order
}

/// A line for each missing value that was found.
fn missing_lines(variables: &[VariablePlan], profiles: &[Profile]) -> Vec<String> {
    let mut found: Vec<(f64, Vec<&str>)> = Vec::new();
    for (variable, profile) in variables.iter().zip(profiles) {
        for &value in &profile.found_missing {
            match found.iter_mut().find(|(known, _)| *known == value) {
                Some((_, names)) => names.push(&variable.name),
                None => found.push((value, vec![&variable.name])),
            }
        }
    }
    let line = |(value, names): (f64, Vec<&str>)| {
        format!(
            "{}: {value} is taken as missing and kept exactly; --missing none says otherwise",
            listed(&names)
        )
    };
    found.into_iter().map(line).collect()
}

fn exact_line(exact: &[(String, Exact)]) -> Option<String> {
    let exact: Vec<&(String, Exact)> = exact.iter().filter(|(_, why)| *why != Exact::Bool).collect();
    let (first, _) = exact.first()?;
    let names: Vec<String> = exact.iter().map(|(name, why)| format!("'{name}' ({})", why.words())).collect();
    Some(format!(
        "kept exactly, as classes, flags, counters and times are: {}; --bound '{first}=abs:E' allows errors",
        shortened(&names)
    ))
}

/// What is said where the bound leaves nothing of most values.
fn loose_line(variable: &VariablePlan, profile: &Profile, spread: &Spread) -> Option<String> {
    let (name, width) = (&variable.name, spread.width());
    let is_float = variable.dtype.is_float();
    let limit = if is_float { variable.bound.limit } else { variable.bound.limit.floor() };
    let [low, high] = spread.rest;
    if limit < width || (width == 0.0 && limit < profile.range) {
        let constant = 2.0 * limit >= profile.range && profile.range > 0.0;
        return constant.then(|| {
            format!(
                "'{name}': the bound {} may make it constant (values from {} to {}); --exact '{name}' keeps it",
                short(limit),
                short(profile.min),
                short(profile.max)
            )
        });
    }
    let n_left = (width / step(variable)).floor() + 1.0;
    let left = if n_left < 2.0 {
        "nothing of them would be kept".into()
    } else {
        format!("{n_left} values come back of them")
    };
    let far = if profile.max - high > low - profile.min { profile.max } else { profile.min };
    let smaller = if width > 0.0 { short(width / 100.0) } else { "E".into() };
    Some(format!(
        "'{name}': the bound {} is larger than 98 % of the values spread (1 % quantile {}, 99 % quantile {}): {left}; \
         --bound '{name}=abs:{smaller}', or --missing '{name}={far}' if that marks missing values",
        short(limit),
        short(low),
        short(high),
    ))
}

/// Distance of values that come back.
fn step(variable: &VariablePlan) -> f64 {
    match variable.grid {
        Grid::Integer { step } => step as f64,
        Grid::Uniform { step, .. } => step,
        _ => 2.0 * variable.bound.limit,
    }
}

/// True if half of the values are so far below the range that a bound in terms of it is a coarse one for them.
fn is_heavy_tailed(variable: &VariablePlan, profile: &Profile, spread: &Spread) -> bool {
    let size = spread.typical_size;
    matches!(variable.bound.spec, BoundSpec::Rel(_))
        && size > 0.0
        && profile.range >= HEAVY_TAIL * size
        && variable.bound.limit >= NOTICEABLE * size
}

fn heavy_line(heavy: &[(&VariablePlan, &Profile, Spread)]) -> Option<String> {
    let share = |(variable, _, spread): &(&VariablePlan, &Profile, Spread)| {
        variable.bound.limit / spread.typical_size
    };
    let worst = heavy.iter().max_by(|a, b| share(a).total_cmp(&share(b)))?;
    let (variable, profile, spread) = worst;
    let names: Vec<&str> = heavy.iter().map(|(variable, ..)| variable.name.as_str()).collect();
    let patterns = names.iter().take(MAX_NAMES).copied().collect::<Vec<_>>().join(",");
    let more = if names.len() > MAX_NAMES { ",..." } else { "" };
    Some(format!(
        "heavy tails: the bound is up to {} % of half of the values ('{}': bound {}, half are below {}, 99 % below {}, the \
         largest is {}); --bound '{patterns}{more}=pw-rel:{}' keeps each value to that share of itself",
        short(100.0 * share(worst)),
        variable.name,
        short(variable.bound.limit),
        short(spread.typical_size),
        short(spread.quantiles[2].abs().max(spread.quantiles[0].abs())),
        short(profile.max_abs()),
        variable.bound.spec.value(),
    ))
}

/// Names in quotes, not too many.
fn listed(names: &[&str]) -> String {
    shortened(&names.iter().map(|name| format!("'{name}'")).collect::<Vec<_>>())
}

fn shortened(words: &[String]) -> String {
    match words.len().checked_sub(MAX_NAMES) {
        Some(more @ 1..) => format!("{} and {more} more", words[..MAX_NAMES].join(", ")),
        _ => words.join(", "),
    }
}

/// A number in three digits, whole numbers below a million in full.
pub(super) fn short(x: f64) -> String {
    let size = x.abs();
    match () {
        _ if x == x.trunc() && size < 1e16 => format!("{x}"),
        _ if (1e-3..1e6).contains(&size) => {
            let rounded: f64 = format!("{x:.2e}").parse().unwrap_or(x);
            format!("{rounded}")
        }
        _ => format!("{x:.2e}"),
    }
}
