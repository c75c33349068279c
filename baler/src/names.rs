//! Names that the user mistyped: the nearest known ones, by edit distance. Names of many columns, without what they share.

use crate::error::Error;

/// The known names nearest to `name`, best first, at most three.
pub fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut scored: Vec<(usize, &str)> = known
        .map(|candidate| (distance(&name.to_lowercase(), &candidate.to_lowercase()), candidate))
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

/// The names without the prefix that all share, up to its last `.`, `_` or `/`; as they are where one would be left empty.
pub fn short<'a>(names: &[&'a str]) -> Vec<&'a str> {
    let first = names.first().copied().unwrap_or_default();
    let shared =
        |prefix: &&str| names.iter().all(|name| name.starts_with(*prefix) && name.len() > prefix.len());
    let mut ends = first.match_indices(['.', '_', '/']).map(|(at, _)| &first[..at + 1]);
    let prefix = if names.len() > 1 { ends.rfind(shared).unwrap_or_default() } else { "" };
    names.iter().map(|name| &name[prefix.len()..]).collect()
}

/// Levenshtein distance.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let substituted = diagonal + (x != *y) as usize;
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
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
        assert_eq!(distance("kitten", "sitting"), 3);
    }

    #[test]
    fn what_all_names_share_is_left_out() {
        assert_eq!(short(&["jets.obj.pt_", "jets.obj.phi_"]), ["pt_", "phi_"]);
        assert_eq!(short(&["Muon_pt", "Muon_pt_err"]), ["pt", "pt_err"]);
        assert_eq!(short(&["a_", "a_b"]), ["a_", "a_b"]);
        assert_eq!((short(&["x.y"]), short(&[])), (vec!["x.y"], vec![]));
    }
}
