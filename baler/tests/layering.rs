//! Promise: what decodes an archive needs neither training, nor file formats, nor planning, so that it can stand
//! alone. Read off the `crate::` paths in the source of each module.

use std::path::{Path, PathBuf};

/// What the way from bytes to values passes through.
const DECODE_SIDE: [&str; 23] = [
    "container",
    "chunk",
    "finer",
    "lead",
    "stream",
    "table",
    "live",
    "predict",
    "special",
    "quantize",
    "classical",
    "entropy",
    "network",
    "autoencoder",
    "decompress",
    "inspect",
    "verify",
    "select",
    "threads",
    "names",
    "dataset",
    "metadata",
    "trials",
];

/// What it must not need.
const NOT_THERE: [&str; 7] = ["train", "io", "plan", "fields", "compress", "typing", "generate"];

fn sources(module: &str) -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let file = root.join(format!("{module}.rs"));
    if file.is_file() {
        return vec![file];
    }
    let mut found = Vec::new();
    let mut folders = vec![root.join(module)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display())) {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    found
}

/// The first words after `crate::`, of paths and of `use crate::{a, b}`; comments are left out.
fn imports(source: &str) -> Vec<String> {
    let code: String = source
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .map(|line| format!("{line}\n"))
        .collect();
    let word = |text: &str| -> String {
        text.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
    };
    let mut found = Vec::new();
    for rest in code.split("crate::").skip(1) {
        let Some(group) = rest.strip_prefix('{') else {
            found.push(word(rest));
            continue;
        };
        let mut depth = 1;
        let mut item = String::new();
        for c in group.chars() {
            depth += (c == '{') as i32 - (c == '}') as i32;
            if (c == ',' && depth == 1) || depth == 0 {
                found.push(word(&item));
                item.clear();
            } else {
                item.push(c);
            }
            if depth == 0 {
                break;
            }
        }
    }
    found
}

#[test]
fn the_decode_side_imports_no_training_no_formats_and_no_planning() {
    for module in DECODE_SIDE {
        let files = sources(module);
        assert!(!files.is_empty(), "{module}");
        for file in files {
            for import in imports(&std::fs::read_to_string(&file).unwrap()) {
                assert!(!NOT_THERE.contains(&import.as_str()), "{} imports {import}", file.display());
            }
        }
    }
}

#[test]
fn imports_are_found_in_every_form() {
    let source = "use crate::io::npy;\n// use crate::plan;\nuse crate::{error::{A, B}, train, chunk::c};\nlet x = crate::typing::p();";
    assert_eq!(imports(source), ["io", "error", "train", "chunk", "typing"]);
}
