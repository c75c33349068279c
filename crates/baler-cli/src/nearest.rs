//! Nearest names on a miss, by edit distance: the only place that decides what "did you mean" says.

/// Up to three of `known` that are close to `name`, nearest first.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let limit = (name.chars().count() / 2).clamp(1, 6);
    let mut close: Vec<(usize, &str)> = known
        .into_iter()
        .map(|k| (distance(&name.to_lowercase(), &k.to_lowercase()), k))
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

/// Insertions, deletions, replacements and swaps of neighbors that turn `a` into `b` (optimal string
/// alignment; rows of the usual table, two kept).
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let replaced = above[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = replaced.min(above[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(before[j - 2] + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut above, row);
    }
    above[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_those_counted_by_hand() {
        for (a, b, d) in [
            ("", "abc", 3),
            ("epochs", "epochs", 0),
            ("epcohs", "epochs", 1),
            ("lr", "l1", 1),
            ("pt", "mass", 4),
        ] {
            assert_eq!(distance(a, b), d, "{a} {b}");
            assert_eq!(distance(b, a), d, "{b} {a}");
        }
    }

    #[test]
    fn the_nearest_come_first_and_strangers_not_at_all() {
        assert_eq!(nearest("epoch", ["lr", "epochs", "batch"]), ["epochs"]);
        assert!(nearest("zzzzzz", ["lr", "epochs", "batch"]).is_empty());
        assert_eq!(suggestion("zzzzzz", ["lr", "epochs"]), "known: lr, epochs");
        assert_eq!(suggestion("Mass", ["pt", "mass"]), "nearest: mass");
    }
}
