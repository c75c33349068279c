//! Promise: the crates are walls, and inside each the modules import each other in no circle. Read off the manifests and
//! the `crate::` and `super::` paths of each file.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Each crate, and which of ours it may depend on. What decodes (`baler-codec`) sees neither files nor training.
const WALLS: [(&str, &[&str]); 14] = [
    ("baler-data", &[]),
    ("baler-root", &[]),
    ("baler-generate", &["baler-data"]),
    ("baler-codec", &["baler-data"]),
    ("baler-capi", &["baler-data", "baler-codec"]),
    ("baler-hdf5", &["baler-data", "baler-codec"]),
    ("baler-fpga", &["baler-data", "baler-codec"]),
    ("baler-score", &["baler-data", "baler-codec"]),
    ("baler-train", &["baler-data", "baler-codec"]),
    ("baler-io", &["baler-data", "baler-root"]),
    ("baler", &["baler-data", "baler-codec", "baler-train", "baler-io"]),
    ("baler-report", &["baler-data", "baler-codec", "baler-train", "baler-io", "baler"]),
    (
        "baler-cli",
        &[
            "baler-data",
            "baler-codec",
            "baler-fpga",
            "baler-train",
            "baler-io",
            "baler",
            "baler-report",
            "baler-score",
            "baler-generate",
        ],
    ),
    (
        "baler-python",
        &[
            "baler-data",
            "baler-codec",
            "baler-hdf5",
            "baler-train",
            "baler-io",
            "baler",
            "baler-report",
            "baler-score",
            "baler-cli",
        ],
    ),
];

/// What the codec must stay free of, however it comes in.
const NOT_IN_CODEC: [&str; 6] = ["parquet", "zip", "csv", "clap", "serde_json", "flate2"];

/// In the codec: what decodes, and what only compressing needs.
const DECODE_SIDE: [&str; 17] = [
    "lockstep",
    "decode",
    "decompress",
    "container",
    "variable",
    "part",
    "predict",
    "table",
    "quantize",
    "classical",
    "mixing",
    "hidden",
    "recast",
    "entropy",
    "network",
    "autoencoder",
    "model",
];
const COMPRESS_SIDE: [&str; 6] = ["encode", "plan", "compress", "merge", "outliers", "shared_plan"];

/// Modules that import each other because they are halves of one thing.
const HALVES: [(&str, &[&str]); 14] = [
    ("baler-cli", &["output", "progress"]),
    ("baler-cli", &["compress", "decompress", "folder", "latents", "live", "many", "part", "tables"]),
    ("baler-cli", &["new", "project"]),
    ("baler-cli", &["cli", "completions"]),
    ("baler-codec", &["predict::model", "predict::shared"]),
    ("baler-io", &["zarr::codecs", "zarr::describe", "zarr::shards", "zarr::shared", "zarr::texts"]),
    ("baler-io", &["csv::cell", "csv::dialect", "csv::lexer"]),
    ("baler-io", &["fits::metadata", "fits::shared"]),
    ("baler-io", &["fits::columns", "fits::write"]),
    ("baler-report", &["measure::field", "measure::variable"]),
    ("baler-root", &["classes", "object", "streamers"]),
    ("baler-root", &["branch", "ntuple", "read", "tree"]),
    ("baler-root", &["opaque", "write"]),
    ("baler-train", &["chain", "conv", "net", "shard"]),
];

fn crates() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Names of the dependencies in a manifest.
fn dependencies(manifest: &str) -> Vec<&str> {
    let section = manifest.split("[dependencies]").nth(1).unwrap_or("");
    let lines = section.lines().take_while(|line| !line.starts_with('['));
    lines
        .filter_map(|line| Some(line.split(['.', ' ', '=']).next()?.trim()).filter(|n| !n.is_empty()))
        .collect()
}

#[test]
fn crates_depend_on_nothing_above_them() {
    let found: BTreeSet<String> = std::fs::read_dir(crates())
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.path().join("Cargo.toml").exists())
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    assert_eq!(found, WALLS.iter().map(|(name, _)| name.to_string()).collect(), "every crate has its walls");
    for (name, may) in WALLS {
        let manifest = std::fs::read_to_string(crates().join(name).join("Cargo.toml")).unwrap();
        for dependency in dependencies(&manifest).iter().filter(|dependency| dependency.starts_with("baler"))
        {
            assert!(may.contains(dependency), "{name} depends on {dependency}");
        }
    }
    for name in ["baler-codec", "baler-data"] {
        let manifest = std::fs::read_to_string(crates().join(name).join("Cargo.toml")).unwrap();
        for dependency in dependencies(&manifest) {
            assert!(!NOT_IN_CODEC.contains(&dependency), "{name} depends on {dependency}");
        }
    }
}

/// A module's path in its crate, such as `predict::model`; empty for lib.rs and main.rs.
fn modules(name: &str) -> BTreeMap<String, PathBuf> {
    let root = crates().join(name).join("src");
    let mut found = BTreeMap::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let inside = path.strip_prefix(&root).unwrap().with_extension("");
                let mut parts: Vec<&str> = inside.iter().map(|part| part.to_str().unwrap()).collect();
                if matches!(parts.last(), Some(&"mod" | &"lib" | &"main")) {
                    parts.pop();
                }
                if !parts.contains(&"tests") {
                    found.insert(parts.join("::"), path);
                }
            }
        }
    }
    found
}

/// The code of a file without comments and its module of tests.
fn code(path: &Path) -> String {
    let text = std::fs::read_to_string(path).unwrap();
    let own = text.split("#[cfg(test)]\nmod tests {").next().unwrap().to_string();
    own.lines().map(|line| line.split("//").next().unwrap().to_string() + "\n").collect()
}

/// Every path in `code` that starts with `crate::` or `super::`, groups in braces opened.
fn paths(code: &str) -> Vec<String> {
    let mut found = Vec::new();
    for start in ["crate::", "super::"] {
        for (at, _) in code.match_indices(start) {
            if !code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':' || c == '$') {
                open("", &code[at..], &mut found);
            }
        }
    }
    found
}

/// Appends the paths of a use tree behind `before`; what is left of the text.
fn open<'a>(before: &str, tree: &'a str, found: &mut Vec<String>) -> &'a str {
    let end =
        tree.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':' || c == '*')).unwrap_or(tree.len());
    let path = format!("{before}{}", &tree[..end]);
    let mut rest = &tree[end..];
    if !(rest.starts_with('{') && (path.ends_with("::"))) {
        found.push(path);
        return rest;
    }
    rest = &rest[1..];
    loop {
        rest = rest.trim_start_matches([' ', '\n', ',']);
        if rest.is_empty() || rest.starts_with('}') {
            return rest.get(1..).unwrap_or("");
        }
        let before_item = rest.len();
        rest = open(&path, rest, found);
        let next = rest.find([',', '}']).unwrap_or(rest.len());
        rest = &rest[next..];
        assert!(rest.len() < before_item, "a tree that does not end");
    }
}

/// The modules that each module imports, by the longest known path.
fn imports(name: &str) -> BTreeMap<String, BTreeSet<String>> {
    let modules = modules(name);
    let mut found = BTreeMap::new();
    for (module, path) in &modules {
        let own: Vec<&str> = module.split("::").filter(|part| !part.is_empty()).collect();
        let mut targets = BTreeSet::new();
        for path in paths(&code(path)) {
            let mut parts: Vec<&str> = path.split("::").collect();
            let mut absolute: Vec<&str> = match parts.remove(0) {
                "crate" => Vec::new(),
                _ => own[..own.len().saturating_sub(1)].to_vec(),
            };
            while parts.first() == Some(&"super") {
                parts.remove(0);
                absolute.pop();
            }
            absolute.extend(parts);
            let known = (1..=absolute.len()).rev().map(|n| absolute[..n].join("::"));
            targets.extend(known.into_iter().find(|path| modules.contains_key(path)));
        }
        targets.remove(module);
        found.insert(module.clone(), targets);
    }
    found
}

/// All that a module imports, itself or by way of others.
fn reached(imports: &BTreeMap<String, BTreeSet<String>>, start: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut waiting = vec![start.to_string()];
    while let Some(module) = waiting.pop() {
        for target in imports.get(&module).into_iter().flatten() {
            if found.insert(target.clone()) {
                waiting.push(target.clone());
            }
        }
    }
    found
}

#[test]
fn modules_import_each_other_in_no_circle() {
    let mut n_imports = 0;
    for (name, _) in WALLS {
        let imports = imports(name);
        n_imports += imports.values().map(BTreeSet::len).sum::<usize>();
        let halves: Vec<&&[&str]> = HALVES.iter().filter(|(of, _)| *of == name).map(|(_, all)| all).collect();
        for module in imports.keys().filter(|module| !module.is_empty()) {
            let reached = reached(&imports, module);
            if !reached.contains(module) {
                continue;
            }
            let back = |other: &&String| self::reached(&imports, other).contains(module);
            let circle: BTreeSet<&str> = reached.iter().filter(back).map(String::as_str).collect();
            let is_one_thing = halves.iter().any(|all| circle.iter().all(|module| all.contains(module)));
            assert!(is_one_thing, "{name}: {circle:?} import each other");
        }
    }
    assert!(n_imports > 500, "{n_imports} imports were found in all");
}

#[test]
fn what_decodes_reaches_nothing_that_only_compressing_needs() {
    let imports = imports("baler-codec");
    let top = |module: &str| module.split("::").next().unwrap().to_string();
    let is_of = |module: &str, all: &[&str]| all.contains(&top(module).as_str());
    for module in imports.keys().filter(|module| is_of(module, &DECODE_SIDE)) {
        for reached in reached(&imports, module) {
            assert!(!is_of(&reached, &COMPRESS_SIDE), "{module} reaches {reached}");
        }
    }
    assert!(reached(&imports, "compress").contains("decode"));
}

#[test]
fn paths_are_found_in_every_form() {
    let code =
        "use crate::io::npy;\nuse crate::{error::{A, B}, train as t, chunk::*};\nlet x = super::p::q();";
    let expected =
        ["crate::io::npy", "crate::error::A", "crate::error::B", "crate::train", "crate::chunk::*"];
    assert_eq!(paths(code), [&expected[..], &["super::p::q"]].concat());
}
