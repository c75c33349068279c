//! Nearest names on a miss, by edit distance: the only place that decides what "did you mean" says.

use strsim::osa_distance;

/// Up to three of `known` that are close to `name`, nearest first.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let limit = (name.chars().count() / 2).clamp(1, 6);
    let mut close: Vec<(usize, &str)> = known
        .into_iter()
        .map(|k| (osa_distance(&name.to_lowercase(), &k.to_lowercase()), k))
        .filter(|&(d, _)| d <= limit)
        .collect();
    close.sort(); // by distance, then by name
    close.dedup();
    close.into_iter().take(3).map(|(_, k)| k).collect()
}

/// The end of an error message about an unknown name: the nearest known ones, or else the first few.
pub fn suggestion<'a>(name: &str, known: impl IntoIterator<Item = &'a str> + Clone) -> String {
    const MAX_LISTED: usize = 8;
    let close = nearest(name, known.clone());
    if !close.is_empty() {
        return format!("nearest: {}", close.join(", "));
    }
    let all: Vec<&str> = known.into_iter().collect();
    let more = if all.len() > MAX_LISTED { ", ..." } else { "" };
    format!("known: {}{more}", all[..all.len().min(MAX_LISTED)].join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_come_first_and_strangers_not_at_all() {
        assert_eq!(nearest("epoch", ["lr", "epochs", "batch"]), ["epochs"]);
        assert!(nearest("zzzzzz", ["lr", "epochs", "batch"]).is_empty());
        assert_eq!(suggestion("zzzzzz", ["lr", "epochs"]), "known: lr, epochs");
        assert_eq!(suggestion("Mass", ["pt", "mass"]), "nearest: mass");
    }
}
