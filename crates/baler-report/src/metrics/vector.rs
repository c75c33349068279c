//! Vector fields among variables, found by their names: u and v (and w), vx and vy, velocity_x and velocity_y, u10 and
//! v10, x_wind and y_wind, eastward_wind and northward_wind. In: names and shapes. Out: which variables are components.
//!
//! The first component points along the last axis, the second along the one before, the third along the one before that.

/// Words that tell a component at the end of a name, and at its beginning.
const ENDS: [[&str; 3]; 2] = [["u", "v", "w"], ["x", "y", "z"]];
const BEGINNINGS: [[&str; 3]; 2] = [["x_", "y_", "z_"], ["eastward_", "northward_", "upward_"]];

/// The components of each vector field among variables of the given names and shapes, as places among them, in the
/// order of the first ones. A third component needs a third axis, which is then taken as its direction.
pub fn find_vectors(variables: &[(&str, &[usize])]) -> Vec<Vec<usize>> {
    let marks: Vec<Option<(String, usize)>> = variables.iter().map(|(name, _)| mark(name)).collect();
    let find = |stem: &str, axis: usize, shape: &[usize]| {
        let found = |(k, m): (usize, &Option<(String, usize)>)| {
            m.as_ref().is_some_and(|m| m.0 == stem && m.1 == axis) && variables[k].1 == shape
        };
        marks.iter().enumerate().position(found)
    };
    let mut vectors = Vec::new();
    for (first, (_, shape)) in variables.iter().enumerate() {
        let Some((stem, 0)) = &marks[first] else { continue };
        let Some(second) = find(stem, 1, shape).filter(|_| shape.len() >= 2) else { continue };
        let third = find(stem, 2, shape).filter(|_| shape.len() >= 3);
        vectors.push([first, second].into_iter().chain(third).collect());
    }
    vectors
}

/// The name without the mark of a component, and which component it marks.
fn mark(name: &str) -> Option<(String, usize)> {
    let lower = name.to_lowercase();
    let start = lower.rfind(['/', '.', ':']).map_or(0, |at| at + 1);
    let (path, word) = lower.split_at(start);
    for words in BEGINNINGS {
        for (axis, beginning) in words.into_iter().enumerate() {
            if let Some(rest) = word.strip_prefix(beginning) {
                return Some((format!("{path}{}{rest}", words[0]), axis));
            }
        }
    }
    // u10 and v10: heights and pressures stand behind the letter.
    let plain = word.trim_end_matches(|c: char| c.is_ascii_digit());
    let number = &word[plain.len()..];
    for words in ENDS {
        for (axis, end) in words.into_iter().enumerate() {
            let Some(rest) = plain.strip_suffix(end) else { continue };
            let alone = !rest.ends_with(char::is_alphanumeric);
            // x and y alone are coordinates, and u at the end of a word is a letter of it.
            let is_mark = if words[0] == "x" { !rest.is_empty() && number.is_empty() } else { alone };
            if is_mark {
                return Some((format!("{path}{rest}{}{number}", words[0]), axis));
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(names: &[&str]) -> Vec<Vec<usize>> {
        let shape: &[usize] = &[4, 20, 30];
        let variables: Vec<(&str, &[usize])> = names.iter().map(|name| (*name, shape)).collect();
        find_vectors(&variables)
    }

    #[test]
    fn components_are_found_by_their_names() {
        for pair in [
            ["u", "v"],
            ["U", "V"],
            ["vx", "vy"],
            ["/Time/Ux", "/Time/Uy"],
            ["velocity_x", "velocity_y"],
            ["wind_u", "wind_v"],
            ["u10", "v10"],
            ["x_wind", "y_wind"],
            ["eastward_wind", "northward_wind"],
            ["Bx", "By"],
        ] {
            assert_eq!(found(&pair), [[0, 1]], "{pair:?}");
            assert_eq!(found(&[pair[1], "p", pair[0]]), [[2, 0]], "{pair:?}");
        }
        assert_eq!(found(&["w", "v", "u"]), [vec![2, 1, 0]]);
        assert_eq!(found(&["bx", "by", "vx", "vy", "bz"]), [vec![0, 1, 4], vec![2, 3]]);
    }

    #[test]
    fn other_names_are_none() {
        for names in [
            ["x", "y"],
            ["u", "vx"],
            ["u10", "v100"],
            ["menu", "menv"],
            ["a/u", "b/v"],
            ["px", "pz"],
            ["", "u"],
        ] {
            assert_eq!(found(&names), Vec::<Vec<usize>>::new(), "{names:?}");
        }
        let shapes: [&[usize]; 2] = [&[20, 30], &[30, 20]];
        assert!(find_vectors(&[("u", shapes[0]), ("v", shapes[1])]).is_empty());
        let flat: Vec<(&str, &[usize])> = ["u", "v", "w"].map(|name| (name, shapes[0])).to_vec();
        assert_eq!(find_vectors(&flat), [[0, 1]]);
    }
}
