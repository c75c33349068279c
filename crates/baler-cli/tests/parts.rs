//! Data in parts on the command line: a plan of all, a store of parts that is filled by any processes in any order, and one archive.

mod support;

use std::process::Stdio;
use support::{Folder, read_npy, smooth, worst, write_npy};

const ROWS: [usize; 3] = [20, 7, 12];

/// A folder with a.npy, b.npy, c.npy: rows of a field whose range grows.
fn with_parts() -> (Folder, Vec<f64>) {
    let folder = Folder::new();
    let mut all = Vec::new();
    for ((name, n_rows), scale) in ["a", "b", "c"].iter().zip(ROWS).zip([1.0, 2.0, 4.0]) {
        let values: Vec<f64> = smooth(n_rows * 30 * 40).into_iter().map(|x| x * scale).collect();
        write_npy(&folder.path(&format!("{name}.npy")), &[n_rows, 30, 40], &values);
        all.extend(values);
    }
    (folder, all)
}

const INPUTS: [&str; 3] = ["a.npy", "b.npy", "c.npy"];

#[test]
fn parts_become_the_archive_of_all() {
    let (folder, all) = with_parts();
    let ran = folder.ok(&[&["plan"], &INPUTS[..], &["--rel", "1e-3", "-o", "plan.json"]].concat());
    assert!(ran.stderr.contains("plan: 1 variable of 3 inputs"), "{}", ran.stderr);
    let plan = std::fs::read_to_string(folder.path("plan.json")).unwrap();
    assert!(plan.contains("\"bound\": \"rel:1e-3\"") && plan.contains("\"input\": \"b.npy\""), "{plan}");
    for input in INPUTS.iter().rev() {
        folder.ok(&["compress", input, "--plan", "plan.json", "-d", "store"]);
    }
    let text = folder.refused(&["merge", "store", "-o", "all.bale"]);
    assert!(text.contains("merge the store with --plan"), "hashes tell no order: {text}");
    let ran = folder.ok(&["merge", "store", "--plan", "plan.json", "-o", "all.bale"]);
    assert!(ran.stderr.contains("merged: 3 archives -> "), "{}", ran.stderr);
    folder.ok(&["decompress", "all.bale", "-o", "back.npy"]);
    let range = all.iter().fold(f64::MIN, |a, &b| a.max(b)) - all.iter().fold(f64::MAX, |a, &b| a.min(b));
    let error = worst(&all, &read_npy(&folder.path("back.npy")));
    assert!(error <= 1e-3 * range && error > 1e-4 * range, "{error} of {range}");
    folder.ok(&["verify", "all.bale"]);
    // A name for a part, and archives by their names, say the same.
    for (input, part) in INPUTS.iter().zip(["p/1.bale", "p/2.bale", "p/3.bale"]) {
        std::fs::create_dir_all(folder.path("p")).unwrap();
        folder.ok(&["compress", input, "--plan", "plan.json", "-o", part]);
    }
    folder.ok(&["merge", "p", "-o", "again.bale"]);
    assert_eq!(
        std::fs::read(folder.path("again.bale")).unwrap(),
        std::fs::read(folder.path("all.bale")).unwrap()
    );
}

#[test]
fn a_part_that_is_there_is_done_and_one_that_was_killed_is_made_again() {
    let (folder, _) = with_parts();
    folder.ok(&[&["plan"], &INPUTS[..], &["--rel", "1e-3", "--fast", "-o", "plan.json"]].concat());
    let words = [&["compress"], &INPUTS[..], &["--plan", "plan.json", "-d", "store"]].concat();
    // Killed at any time, a store holds whole parts and nothing else under their names.
    for milliseconds in [1, 30, 60, 120] {
        let mut child = folder.command(&words).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(std::time::Duration::from_millis(milliseconds));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let ran = folder.ok(&words);
    folder.ok(&["merge", "store", "--plan", "plan.json", "-o", "all.bale"]);
    let again = folder.ok(&words);
    assert_eq!(again.stderr.matches(" is done: ").count(), 3, "{} then {}", ran.stderr, again.stderr);
    let archives = |name: &str| {
        let entries = std::fs::read_dir(folder.path(name)).unwrap().map(|entry| entry.unwrap().file_name());
        entries.filter(|name| !name.to_string_lossy().starts_with('.')).count()
    };
    assert_eq!(archives("store"), 3);
    folder.ok(&[&["compress"], &INPUTS[..], &["--plan", "plan.json", "-d", "other"]].concat());
    folder.ok(&["merge", "other", "--plan", "plan.json", "-o", "other.bale"]);
    assert_eq!(
        std::fs::read(folder.path("other.bale")).unwrap(),
        std::fs::read(folder.path("all.bale")).unwrap()
    );
}

#[test]
fn what_does_not_fit_together_is_told_in_one_line() {
    let (folder, _) = with_parts();
    folder.ok(&["plan", "a.npy", "b.npy", "--rel", "1e-3", "-o", "plan.json"]);
    let refused = |words: &[&str]| folder.refused(words);
    let text = refused(&["compress", "a.npy", "--plan", "plan.json", "-d", "s", "--rel", "1e-2"]);
    assert!(text.contains("the plan says what is promised"), "{text}");
    let text = refused(&["compress", "a.npy", "--plan", "plan.json", "-d", "s", "-9"]);
    assert!(text.contains("the plan says level, method and model"), "{text}");
    let text = refused(&["compress", "a.npy", "--plan", "plan.json"]);
    assert!(text.contains("-d DIR, the store of all parts"), "{text}");
    let text = refused(&["plan", "a.npy", "--ratio", "9", "-o", "x.json"]);
    assert!(text.contains("expected a bound for data in parts"), "{text}");
    folder.ok(&["compress", "a.npy", "--plan", "plan.json", "-d", "store"]);
    let text = refused(&["merge", "store", "--plan", "plan.json", "-o", "all.bale"]);
    assert!(text.contains("found 1 of them; the first that is missing is of b.npy"), "{text}");
    for name in ["a", "b"] {
        folder.ok(&["compress", &format!("{name}.npy"), "-o", &format!("{name}.bale"), "--rel", "1e-3"]);
    }
    let text = refused(&["merge", "a.bale", "b.bale", "-o", "all.bale"]);
    assert!(text.contains("expected archives of one plan"), "{text}");
    write_npy(&folder.path("plane.npy"), &[9, 8], &smooth(72));
    let text = refused(&["compress", "plane.npy", "--plan", "plan.json", "-d", "store"]);
    assert!(text.contains("expected rows of") && text.matches("plane.npy").count() == 1, "{text}");
    std::fs::write(folder.path("no.json"), "{}").unwrap();
    let text = refused(&["compress", "a.npy", "--plan", "no.json", "-d", "store"]);
    assert!(text.contains("expected the file of baler plan"), "{text}");
    assert!(!folder.path("all.bale").exists());
}
