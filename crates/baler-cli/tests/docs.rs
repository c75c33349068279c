//! The documents say what works: every shell block of README.md and docs/ is run, line by line and in order, on the data
//! that the demo or the block itself makes; the README's code is the example's. Blocks marked `sh by-hand` are not run:
//! they build the project or measure for minutes, and what they name must exist.

use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// The documents whose blocks are run, each in a folder of its own.
const RUN: [&str; 8] = [
    "README.md",
    "docs/cluster.md",
    "docs/tutorial.md",
    "docs/live.md",
    "docs/error-bound.md",
    "docs/limits.md",
    "docs/outliers.md",
    "docs/fpga.md",
];

/// The lines of a document's shell blocks whose fence says `info`, without the prompt.
fn shell_lines(document: &str, info: &str) -> Vec<String> {
    let text = read(document);
    let mut inside = None;
    let mut lines: Vec<String> = Vec::new();
    for line in text.lines() {
        match (inside, line.strip_prefix("```")) {
            (None, Some(fence)) => inside = Some(fence == info),
            (Some(_), Some(_)) => inside = None,
            (Some(true), None) => match lines.last_mut().filter(|last| last.ends_with('\\')) {
                Some(last) => {
                    last.pop();
                    last.push_str(line);
                }
                None => lines.push(line.strip_prefix("$ ").unwrap_or(line).to_string()),
            },
            _ => {}
        }
    }
    lines.retain(|line| !line.trim().is_empty() && !line.starts_with('#'));
    lines
}

/// The exit code that a line promises: `# -> 1` at its end, else 0.
fn promised_code(line: &str) -> i32 {
    let promised = line.rsplit_once("# -> ").map(|(_, code)| &code[..1]);
    promised.map_or(0, |code| code.parse().expect("a digit"))
}

#[test]
fn every_shell_block_works() {
    let binaries = Path::new(env!("CARGO_BIN_EXE_baler")).parent().unwrap();
    let others = std::env::var_os("PATH").unwrap();
    let path = std::iter::once(binaries.to_path_buf()).chain(std::env::split_paths(&others));
    let path = std::env::join_paths(path).unwrap();
    let mut n_lines = 0;
    for document in RUN {
        let folder = tempfile::tempdir().unwrap();
        for line in shell_lines(document, "sh") {
            let mut shell = Command::new("sh");
            shell.args(["-c", &line]).current_dir(&folder).env("PATH", &path);
            let run = shell.output().unwrap();
            let said = String::from_utf8_lossy(&run.stderr).into_owned();
            assert_eq!(run.status.code(), Some(promised_code(&line)), "{document}: {line}\n{said}");
            n_lines += 1;
        }
    }
    assert!(n_lines > 30, "only {n_lines} lines were found");
}

#[test]
fn no_shell_block_is_left_out() {
    let mut documents = vec!["README.md".to_string()];
    for entry in std::fs::read_dir(root().join("docs")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        documents.extend(name.ends_with(".md").then(|| format!("docs/{name}")));
    }
    for document in documents {
        let runs = RUN.contains(&document.as_str());
        assert!(runs || shell_lines(&document, "sh").is_empty(), "{document} has blocks that nobody runs");
        for line in shell_lines(&document, "sh by-hand") {
            for word in
                line.split_whitespace().filter(|word| word.starts_with("scripts/") || word.ends_with(".py"))
            {
                assert!(root().join(word).exists(), "{document}: {word} is not there");
            }
        }
    }
}

#[test]
fn the_readme_shows_the_example_and_real_options() {
    let readme = read("README.md");
    let example = read("crates/baler/examples/quick_start.rs");
    let code = example.split_once('\n').unwrap().1.trim();
    assert!(readme.contains(code), "README.md and crates/baler/examples/quick_start.rs differ");
    let help = Command::new(env!("CARGO_BIN_EXE_baler")).args(["compress", "--help"]).output().unwrap();
    let help = String::from_utf8_lossy(&help.stdout).into_owned();
    for option in
        ["--abs", "--rel", "--pw-rel", "--lossless", "--ratio", "--latent", "--bound", "--exact", "--model"]
    {
        assert!(readme.contains(option) || option == "--model", "{option}");
        assert!(help.contains(option), "{option}");
    }
}
