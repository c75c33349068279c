//! The documents say what works: the tutorial is run line by line, the README's code is the example's.

use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").to_path_buf()
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

#[test]
fn every_line_of_the_tutorial_works() {
    let folder = tempfile::tempdir().unwrap();
    let binaries = Path::new(env!("CARGO_BIN_EXE_baler")).parent().unwrap();
    let path = std::env::join_paths(
        std::iter::once(binaries.to_path_buf())
            .chain(std::env::split_paths(&std::env::var_os("PATH").unwrap())),
    )
    .unwrap();
    let tutorial = read("docs/tutorial.md");
    let lines: Vec<&str> = tutorial.lines().filter_map(|line| line.strip_prefix("$ ")).collect();
    assert!(lines.len() > 15);
    for line in lines {
        let run =
            Command::new("sh").arg("-c").arg(line).current_dir(&folder).env("PATH", &path).output().unwrap();
        assert!(run.status.success(), "{line}\n{}", String::from_utf8_lossy(&run.stderr));
    }
}

#[test]
fn the_readme_shows_the_example_and_real_options() {
    let readme = read("README.md");
    let example = read("baler/examples/quick_start.rs");
    let code = example.split_once('\n').unwrap().1.trim();
    assert!(readme.contains(code), "README.md and baler/examples/quick_start.rs differ");
    let help = Command::new(env!("CARGO_BIN_EXE_baler")).args(["compress", "--help"]).output().unwrap();
    let help = String::from_utf8_lossy(&help.stdout).into_owned();
    for option in
        ["--abs", "--rel", "--pw-rel", "--lossless", "--ratio", "--latent", "--bound", "--exact", "--model"]
    {
        assert!(readme.contains(option) || option == "--model", "{option}");
        assert!(help.contains(option), "{option}");
    }
}
