//! Rules for single variables: the last one whose pattern matches a name counts.

use crate::options::{BoundSpec, Options};
use crate::quantize::Promises;
use crate::quantize::promises::MAX_CUTS;
use baler_data::dataset::kind::Kind;
use baler_data::error::{Error, Result};
use baler_data::names::pattern_matches;

/// The last rule that matches `name`.
pub fn last_match<T: Copy>(rules: &[(String, T)], name: &str) -> Option<T> {
    rules.iter().rev().find(|(pattern, _)| pattern_matches(pattern, name)).map(|(_, value)| *value)
}

/// The bound that the options ask for a variable of a kind: its own rule, or the general bound. What is no measurement is exact where no
/// rule names it, and text always.
pub fn requested(options: &Options, name: &str, kind: Kind) -> Result<BoundSpec> {
    let named = || options.rules.iter().any(|(pattern, _)| pattern != "*" && pattern_matches(pattern, name));
    if kind.is_opaque() || kind.is_exact_by_default() && !named() {
        return Ok(BoundSpec::Lossless);
    }
    last_match(&options.rules, name).unwrap_or(options.bound).check()
}

/// What the options promise for a variable of a kind beside its bound.
///
/// # Errors
/// [`baler_data::ErrorKind::Config`] for too many cuts, and where text is named.
pub fn promised(options: &Options, name: &str, kind: Kind) -> Result<Promises> {
    let cuts = options.cuts.iter().filter(|(pattern, _)| pattern_matches(pattern, name));
    let promises = Promises::new(
        cuts.flat_map(|(_, cuts)| cuts.iter().copied()).collect(),
        last_match(&options.limits, name),
    );
    if kind.is_opaque() && promises != Promises::default() {
        let is_named = |pattern: &String| !pattern.contains('*') && pattern == name;
        let named = options.cuts.iter().map(|(pattern, _)| pattern).any(is_named)
            || options.limits.iter().map(|(pattern, _)| pattern).any(is_named);
        return match named {
            true => Err(Error::config(format!("expected cuts and limits of numbers, found '{name}', which is text"))),
            false => Ok(Promises::default()),
        };
    }
    match promises.cuts.len() {
        0..=MAX_CUTS => Ok(promises),
        n_cuts => Err(Error::config(format!("expected at most {MAX_CUTS} cuts of '{name}', found {n_cuts}"))),
    }
}
