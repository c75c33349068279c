//! Inputs with `*` in them. Shells of Unix make files of these before a command sees them; those of Windows do not.

use crate::library::io::split_inner;
use crate::names;
use baler_data::names::pattern_matches;
use std::path::{Component, Path, PathBuf};

/// Each argument with `*` in it, if no file has that name, becomes the files that match, by name; `run*.h5:/Time/Ux` that
/// array of each. One that matches nothing stays, and is told as the name of no file.
pub fn expanded(arguments: &[String]) -> Vec<String> {
    arguments
        .iter()
        .flat_map(|argument| files_of(argument).unwrap_or_else(|| vec![argument.clone()]))
        .collect()
}

fn files_of(argument: &str) -> Option<Vec<String>> {
    let (file, inner) = split_inner(argument);
    let path = names::path(file);
    if !file.contains('*') || path.exists() {
        return None;
    }
    let mut found = vec![PathBuf::new()];
    for component in path.components() {
        let name = names::of(component.as_os_str());
        found = match component {
            Component::Normal(_) if name.contains('*') => {
                found.iter().flat_map(|folder| matching(folder, &name)).collect()
            }
            _ => found.into_iter().map(|folder| folder.join(component)).collect(),
        };
    }
    found.retain(|path| path.exists());
    let inner = inner.map_or(String::new(), |inner| format!(":{inner}"));
    let named = |path: &PathBuf| names::of(path.as_os_str()) + &inner;
    Some(found.iter().map(named).collect()).filter(|found: &Vec<String>| !found.is_empty())
}

/// What a folder holds whose name matches, by name; hidden files only if the pattern begins as their names do.
fn matching(folder: &Path, pattern: &str) -> Vec<PathBuf> {
    // Names of Windows' files are the same in large and small letters.
    let plain = |text: &str| if cfg!(windows) { text.to_lowercase() } else { text.to_string() };
    let listed = if folder == Path::new("") { Path::new(".") } else { folder };
    let entries = std::fs::read_dir(listed).into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> = entries
        .map(|entry| entry.file_name())
        .filter(|name| {
            let name = names::of(name);
            name.starts_with('.') == pattern.starts_with('.')
                && pattern_matches(&plain(pattern), &plain(&name))
        })
        .map(|name| folder.join(name))
        .collect();
    found.sort();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_become_files_and_the_rest_stays() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| names::of(folder.path().join(name).as_os_str());
        for name in ["scan_1", "scan_2"] {
            std::fs::create_dir(at(name)).unwrap();
        }
        for name in
            ["run2.npy", "run1.npy", "run.txt", ".run3.npy", "scan_1/b.h5", "scan_2/a.h5", "scan_2/b.h5"]
        {
            std::fs::write(at(name), b"").unwrap();
        }
        let of = |arguments: &[&str]| expanded(&arguments.iter().map(|name| at(name)).collect::<Vec<_>>());
        let all = |names: &[&str]| names.iter().map(|name| at(name)).collect::<Vec<_>>();
        assert_eq!(of(&["run*.npy", "run.txt"]), all(&["run1.npy", "run2.npy", "run.txt"]));
        assert_eq!(of(&[".run*"]), all(&[".run3.npy"]));
        assert_eq!(of(&["*_*/b.h5:/u*"]), all(&["scan_1/b.h5:/u*", "scan_2/b.h5:/u*"]));
        assert_eq!(of(&["scan_*/a.h5"]), all(&["scan_2/a.h5"]));
        assert_eq!(of(&["none*.npy", "run.txt:a*"]), all(&["none*.npy", "run.txt:a*"]));
        assert_eq!(expanded(&["-".to_string()]), ["-"]);
    }

    #[cfg(unix)]
    #[test]
    fn a_file_may_have_a_star_in_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let star = names::of(folder.path().join("a*.npy").as_os_str());
        for name in ["a*.npy", "ab.npy"] {
            std::fs::write(folder.path().join(name), b"").unwrap();
        }
        assert_eq!(expanded(std::slice::from_ref(&star)), [star]);
    }
}
