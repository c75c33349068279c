//! Rules for single variables: the last one whose pattern matches a name counts.

use crate::options::{BoundSpec, Options};
use baler_data::dataset::kind::Kind;
use baler_data::error::Result;
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
