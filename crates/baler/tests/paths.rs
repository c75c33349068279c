//! Promise: the documents agree with the tree. Every path that they name exists.

use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The documents that name files of the project.
fn documents() -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> =
        ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "crates/baler/tests/assets/README.md"]
            .map(|name| root().join(name))
            .to_vec();
    let docs = std::fs::read_dir(root().join("docs")).unwrap().map(|entry| entry.unwrap().path());
    found.extend(docs.filter(|path| path.extension().is_some_and(|extension| extension == "md")));
    found
}

/// Paths of a document that begin in one of the project's folders; `{a,b}` is opened.
fn paths(text: &str) -> Vec<String> {
    let is_path = |c: char| c.is_ascii_alphanumeric() || "_-./{},".contains(c);
    let mut found = Vec::new();
    for word in text.split(|c: char| !is_path(c)) {
        let word = word.trim_matches(['.', ',']);
        if !["crates/", "docs/", "scripts/", "reference/", ".ci/"]
            .iter()
            .any(|folder| word.starts_with(folder))
        {
            continue;
        }
        match word.split_once('{').and_then(|(head, rest)| Some((head, rest.split_once('}')?))) {
            Some((head, (items, tail))) => {
                found.extend(items.split(',').map(|item| format!("{head}{item}{tail}")))
            }
            None => found.push(word.to_string()),
        }
    }
    found
}

#[test]
fn every_path_that_a_document_names_exists() {
    let mut n_paths = 0;
    for document in documents() {
        let text =
            std::fs::read_to_string(&document).unwrap_or_else(|e| panic!("{}: {e}", document.display()));
        for path in paths(&text) {
            n_paths += 1;
            assert!(root().join(&path).exists(), "{} names {path}, which is not there", document.display());
        }
    }
    assert!(n_paths > 100, "only {n_paths} paths were found");
}

#[test]
fn paths_are_found_in_links_and_words() {
    let text = "see [`a`](crates/a/b.rs), `docs/x.md`. And crates/a/{c,d}.rs, not cargo/x";
    assert_eq!(paths(text), ["crates/a/b.rs", "docs/x.md", "crates/a/c.rs", "crates/a/d.rs"]);
}
