//! Promise: what decodes an archive needs neither training, nor file formats, nor planning, so that it can stand
//! alone. Read off the `crate::` paths in the source of each module.

use std::collections::BTreeMap;
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

/// (from, to) that is not followed: options carry how a model is trained, plain settings that import nothing.
const PLAIN: (&str, &str) = ("options", "train");

/// Top-level modules, and the module that each name of `lib.rs` stands for.
fn modules() -> (Vec<String>, BTreeMap<String, String>) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let name = |path: PathBuf| path.file_stem().unwrap().to_str().unwrap().to_string();
    let entries = std::fs::read_dir(&root).unwrap().map(|entry| name(entry.unwrap().path()));
    let mut modules: Vec<String> = entries.filter(|name| name != "lib").collect();
    modules.sort();
    modules.dedup();
    let mut exported = BTreeMap::new();
    for rest in std::fs::read_to_string(root.join("lib.rs")).unwrap().split("pub use ").skip(1) {
        let (module, items) = rest.split_once(';').unwrap().0.split_once("::").unwrap();
        for item in items.trim_matches(['{', '}']).split(',') {
            exported.insert(item.trim().to_string(), module.to_string());
        }
    }
    (modules, exported)
}

/// What a module imports, itself or by way of others: each with the one it was first found in.
fn reached(start: &str) -> BTreeMap<String, String> {
    let (modules, exported) = modules();
    let mut found = BTreeMap::from([(start.to_string(), String::new())]);
    let mut open = vec![start.to_string()];
    while let Some(module) = open.pop() {
        for file in sources(&module).iter().filter(|file| !file.to_string_lossy().contains("/tests")) {
            let source = std::fs::read_to_string(file).unwrap();
            let code = source.split("#[cfg(test)]").next().unwrap();
            for import in imports(code) {
                let import = exported.get(&import).cloned().unwrap_or(import);
                let is_plain = (module.as_str(), import.as_str()) == PLAIN;
                if modules.contains(&import) && !is_plain && !found.contains_key(&import) {
                    found.insert(import.clone(), module.clone());
                    open.push(import);
                }
            }
        }
    }
    found
}

#[test]
fn the_decode_side_reaches_no_training_no_formats_and_no_planning_by_way_of_others() {
    for module in DECODE_SIDE {
        let reached = reached(module);
        for not_there in NOT_THERE {
            let mut way = vec![not_there];
            while let Some(by) = reached.get(way[way.len() - 1]).filter(|by| !by.is_empty()) {
                way.push(by);
            }
            assert!(!reached.contains_key(not_there), "{}", way.join(", imported by "));
        }
    }
    // The one exception is what it is said to be, and the way of others is followed.
    assert!(reached("decompress").contains_key("metadata") && reached("compress").contains_key("train"));
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let options = std::fs::read_to_string(root.join("options.rs")).unwrap();
    let of_training = options.split("crate::train::").skip(1);
    assert!(of_training.into_iter().all(|rest| rest.starts_with("TrainOptions")));
    assert!(!std::fs::read_to_string(root.join("train/options.rs")).unwrap().contains("use "));
}

#[test]
fn imports_are_found_in_every_form() {
    let source = "use crate::io::npy;\n// use crate::plan;\nuse crate::{error::{A, B}, train, chunk::c};\nlet x = crate::typing::p();";
    assert_eq!(imports(source), ["io", "error", "train", "chunk", "typing"]);
}
