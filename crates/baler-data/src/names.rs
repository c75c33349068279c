//! Names that the user mistyped: the nearest known ones, by edit distance. Names of many columns, without what they share.

use crate::error::{Error, Result};
use std::borrow::Cow;
use strsim::osa_distance;

/// The known names nearest to `name`, best first, at most three.
pub fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut scored: Vec<(usize, &str)> = known
        .map(|candidate| (osa_distance(&name.to_lowercase(), &candidate.to_lowercase()), candidate))
        .collect();
    scored.sort();
    scored.into_iter().take(3).map(|(_, candidate)| candidate).collect()
}

/// "expected a `what`, found 'name'", with the nearest known names.
pub fn unknown<'a>(what: &str, name: &str, known: impl Iterator<Item = &'a str>) -> Error {
    let near = nearest(name, known);
    if near.is_empty() {
        return Error::config(format!("expected {what}, found '{name}'; there is none"));
    }
    Error::config(format!("expected {what}, found '{name}'; the nearest names are {}", near.join(", ")))
}

/// The error for a name or pattern that no variable has.
pub fn unknown_variable<'a>(pattern: &str, known: impl Iterator<Item = &'a str>) -> Error {
    unknown("the name of a variable", pattern, known)
}

/// The pattern that matches what the user means by `pattern`: itself where it matches a name, else the name of which it is
/// the last part (behind a `/`), or a pattern of last parts.
///
/// # Errors
/// [`crate::error::ErrorKind::Config`] where it means no name, or is the last part of several.
pub fn resolved<'a>(pattern: &str, known: impl Iterator<Item = &'a str> + Clone) -> Result<String> {
    if known.clone().any(|name| pattern_matches(pattern, name)) {
        return Ok(pattern.to_string());
    }
    let below = format!("*/{pattern}");
    let found: Vec<&str> = known.clone().filter(|name| pattern_matches(&below, name)).collect();
    match found[..] {
        [] => Err(unknown_variable(pattern, known)),
        [one] => Ok(one.to_string()),
        _ if pattern.contains('*') => Ok(below),
        _ => {
            let shown = found[..found.len().min(4)].join("' and '");
            let text = format!("expected one variable, found that '{pattern}' may be '{shown}'");
            Err(Error::config(format!("{text}; give the whole name, or '*/{pattern}' for all")))
        }
    }
}

/// True for characters that are not seen but change what is: controls, and marks of the direction of writing.
pub fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// Text as a terminal or a page may have it: what would move the cursor, color, or turn the direction of what follows is
/// written as an escape; lines stay lines.
pub fn shown(text: &str) -> Cow<'_, str> {
    escaped(text, |c| c != '\n' && is_unseen(c))
}

/// [`shown`], for what has to stay in one line.
pub fn shown_in_line(text: &str) -> Cow<'_, str> {
    escaped(text, is_unseen)
}

fn escaped(text: &str, is_escaped: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.chars().any(&is_escaped) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match is_escaped(c) {
            true => escaped.extend(c.escape_unicode()),
            false => escaped.push(c),
        }
    }
    Cow::Owned(escaped)
}

/// The names without the prefix that all share, up to its last `.`, `_` or `/`; as they are where one would be left empty.
pub fn short<'a>(names: &[&'a str]) -> Vec<&'a str> {
    let first = names.first().copied().unwrap_or_default();
    let shared =
        |prefix: &&str| names.iter().all(|name| name.starts_with(*prefix) && name.len() > prefix.len());
    let mut ends = first.match_indices(['.', '_', '/']).map(|(at, _)| &first[..at + 1]);
    let prefix = if names.len() > 1 { ends.rfind(shared).unwrap_or_default() } else { "" };
    names.iter().map(|name| &name[prefix.len()..]).collect()
}

/// True if `pattern` (with `*` for any run of characters) matches all of `name`. What stands between two stars is found
/// at its first place, which leaves most for the rest: so time grows with the lengths alone, however many stars there are.
pub fn pattern_matches(pattern: &str, name: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else { return pattern == name };
    let (middle, tail) = rest.rsplit_once('*').unwrap_or(("", rest));
    let Some(mut left) = name.strip_prefix(head).and_then(|left| left.strip_suffix(tail)) else {
        return false;
    };
    for part in middle.split('*') {
        match left.find(part) {
            Some(at) => left = &left[at + part.len()..],
            None => return false,
        }
    }
    true
}

/// Words of a name in snake_case, camelCase or with blanks, in small letters.
pub fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before = ' ';
    for letter in name.chars() {
        let starts = letter.is_uppercase() && before.is_lowercase();
        if !letter.is_alphabetic() || starts {
            words.push(String::new());
        }
        if let (true, Some(word)) = (letter.is_alphabetic(), words.last_mut()) {
            word.extend(letter.to_lowercase());
        }
        before = letter;
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_names_are_told() {
        let known = ["pt_", "eta_", "phi_", "mass_", "mJetArea"];
        assert_eq!(nearest("mas", known.into_iter())[0], "mass_");
        assert_eq!(
            unknown("a variable", "pt", known.into_iter()).to_string(),
            "expected a variable, found 'pt'; the nearest names are pt_, eta_, phi_"
        );
        assert_eq!(osa_distance("kitten", "sitting"), 3);
    }

    #[test]
    fn a_last_part_is_enough_where_it_is_unique() {
        let known = ["Events/run", "Events/Muon_pt", "Events/Muon_eta", "Runs/n", "Events/n", "plain"];
        let found = |pattern: &str| resolved(pattern, known.into_iter());
        for (pattern, name) in [
            ("plain", "plain"),
            ("run", "Events/run"),
            ("Events/*", "Events/*"),
            ("Muon_*", "*/Muon_*"),
            ("Runs/n", "Runs/n"),
        ] {
            assert_eq!(found(pattern).unwrap(), name);
        }
        let error = found("n").unwrap_err().to_string();
        assert!(error.contains("'n' may be 'Runs/n' and 'Events/n'; give the whole name"), "{error}");
        assert!(found("runn").unwrap_err().to_string().contains("found 'runn'; the nearest names are"));
    }

    #[test]
    fn what_is_not_seen_is_written_out() {
        assert_eq!(shown("pt\n\u{e4} \u{3b1}"), "pt\n\u{e4} \u{3b1}");
        assert_eq!(shown("\u{1b}[31mred\u{7}"), "\\u{1b}[31mred\\u{7}");
        assert_eq!(shown("a\u{202e}b\u{9b}c\rd"), "a\\u{202e}b\\u{9b}c\\u{d}d");
        assert_eq!(shown_in_line("a\nb"), "a\\u{a}b");
    }

    #[test]
    fn what_all_names_share_is_left_out() {
        assert_eq!(short(&["jets.obj.pt_", "jets.obj.phi_"]), ["pt_", "phi_"]);
        assert_eq!(short(&["Muon_pt", "Muon_pt_err"]), ["pt", "pt_err"]);
        assert_eq!(short(&["a_", "a_b"]), ["a_", "a_b"]);
        assert_eq!((short(&["x.y"]), short(&[])), (vec!["x.y"], vec![]));
    }

    #[test]
    fn patterns_match_whole_names() {
        assert!(pattern_matches("m*Energy", "mMuonEnergy"));
        assert!(pattern_matches("*", ""));
        assert!(!pattern_matches("m*Energy", "mMuonEnergy_"));
        assert!(!pattern_matches("pt", "pt_"));
        assert!(!pattern_matches("ab*ba", "aba"));
        assert!(pattern_matches("ä*ö*", "äöü") && !pattern_matches("*ö*ö", "ö"));
    }

    /// The definition, which takes ages for many stars.
    fn matches_slowly(pattern: &str, name: &str) -> bool {
        match pattern.split_once('*') {
            None => pattern == name,
            Some((head, tail)) => name
                .strip_prefix(head)
                .is_some_and(|rest| (0..=rest.len()).any(|at| matches_slowly(tail, &rest[at..]))),
        }
    }

    #[test]
    fn patterns_of_many_stars_match_as_they_should_and_at_once() {
        let mut random = crate::random::Rng::new(3, 0);
        let mut word = |letters: &[char], longest: usize| -> String {
            (0..random.below(longest)).map(|_| letters[random.below(letters.len())]).collect()
        };
        for _ in 0..20_000 {
            let (pattern, name) = (word(&['a', 'b', '*'], 8), word(&['a', 'b'], 9));
            assert_eq!(pattern_matches(&pattern, &name), matches_slowly(&pattern, &name), "{pattern} {name}");
        }
        let (pattern, name) = ("*a".repeat(500) + "b", "a".repeat(10_000));
        assert!(!pattern_matches(&pattern, &name) && pattern_matches(&(pattern + "*"), &(name + "b")));
    }
}
