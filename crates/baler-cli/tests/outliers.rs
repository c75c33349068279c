//! `compress --outliers` and `decompress --outliers`: odd rows in full, from the command line.

mod support;

use support::{Folder, write_npy};

/// A table of `n` rows in which c = a + b; rows 70 and 71 break it, and x of row 500 is far out.
fn csv(n: usize) -> String {
    let row = |i: usize| {
        let (a, b) = (i * 7919 % 1009, i * 104_729 % 211);
        let x = if i == 500 { 123_456.75 } else { (i * 31 % 97) as f64 / 64.0 };
        format!("{a},{b},{},{x}\n", a + b + usize::from(i == 70 || i == 71))
    };
    std::iter::once("a,b,c,x\n".to_string()).chain((0..n).map(row)).collect()
}

fn folder() -> Folder {
    let folder = Folder::new();
    std::fs::write(folder.path("t.csv"), csv(1000)).unwrap();
    folder
}

fn text(folder: &Folder, name: &str) -> Vec<String> {
    std::fs::read_to_string(folder.path(name)).unwrap().lines().map(str::to_string).collect()
}

#[test]
fn odd_rows_are_exact_listed_and_do_not_widen_the_range() {
    let folder = folder();
    let ran = folder.ok(&["compress", "t.csv", "-o", "t.bale", "--rel", "1e-3", "--outliers", "0.3%"]);
    assert!(ran.stderr.contains("in full: 3 rows by code-length, scores "), "{}", ran.stderr);
    let told = folder.ok(&["inspect", "t.bale", "--json"]).json();
    assert_eq!((&told["outliers"]["rows"], &told["outliers"]["by"]), (&3.into(), &"code-length".into()));
    let x = &told["variables"][3];
    assert_eq!(x["shape"][0], 1000);
    assert!(x["limit"].as_f64().unwrap() <= 1.5e-3, "{x}");
    let shown = String::from_utf8(folder.ok(&["inspect", "t.bale"]).stdout).unwrap();
    assert!(shown.contains("in full: 3 rows by code-length"), "{shown}");

    folder.ok(&["decompress", "t.bale", "-o", "back.csv"]);
    let (before, after) = (text(&folder, "t.csv"), text(&folder, "back.csv"));
    assert_eq!(before.len(), after.len());
    for row in [70, 71, 500] {
        assert_eq!(before[row + 1], after[row + 1], "row {row}");
    }
    folder.ok(&["decompress", "t.bale", "-o", "part.csv", "--rows", "499:502", "--variables", "x"]);
    assert_eq!(text(&folder, "part.csv")[2], "123456.75");

    folder.ok(&["decompress", "t.bale", "--outliers", "-o", "odd.csv"]);
    let listed = text(&folder, "odd.csv");
    assert_eq!(listed[0], "row,score,a,b,c,x");
    for (line, row) in listed[1..].iter().zip([70, 71, 500]) {
        let mut cells = line.splitn(3, ',');
        assert_eq!(cells.next(), Some(row.to_string().as_str()));
        assert!(cells.next().unwrap().parse::<f64>().unwrap() > 0.0);
        let values = |line: &str| line.split(',').map(|x| x.parse().unwrap()).collect::<Vec<f64>>();
        assert_eq!(values(cells.next().unwrap()), values(&before[row + 1]));
    }
    for name in ["odd.parquet", "odd.npz", "odd.h5", "odd.root"] {
        folder.ok(&["decompress", "t.bale", "--outliers", "-o", name, "-q"]);
        let told = folder.ok(&["inspect", name, "--quick", "--json"]).json();
        let names: Vec<&str> =
            told["variables"].as_array().unwrap().iter().map(|v| v["name"].as_str().unwrap()).collect();
        assert!(
            names.iter().all(|name| ["row", "score", "a", "b", "c", "x"].iter().any(|n| name.ends_with(n))),
            "{names:?}"
        );
        assert_eq!(names.len(), 6);
    }

    let ran = folder.ok(&["verify", "t.bale", "--against", "t.csv"]);
    assert!(
        ran.stderr.contains("bound verified on 4 000 values, 3 rows in full bit for bit"),
        "{}",
        ran.stderr
    );
    assert_eq!(folder.ok(&["verify", "t.bale", "--json"]).json()["outlier_rows"], 3);
    let changed = csv(1000).replace("123456.75", "123456.751");
    std::fs::write(folder.path("changed.csv"), changed).unwrap();
    assert_eq!(folder.run(&["verify", "t.bale", "--against", "changed.csv", "-q"]).code, 1);
}

#[test]
fn scores_and_methods_choose_the_rows() {
    let folder = folder();
    let rows = |which: &str, by: &str| {
        let ran = folder.ok(&[
            "compress",
            "t.csv",
            "-o",
            "t.bale",
            "-f",
            "--rel",
            "1e-2",
            "-3",
            "--outliers",
            which,
            "--by",
            by,
            "--json",
        ]);
        ran.json()["outliers"]["rows"].as_u64()
    };
    let threshold = |score: &str| {
        let told = folder.ok(&["score", "t.csv", "--json", "--threshold", score]).json();
        told["threshold"]["passing"].as_u64()
    };
    for score in ["3", "6.5"] {
        assert_eq!(rows(&format!("score>={score}"), "code-length"), threshold(score));
    }
    assert_eq!(rows("0.1%", "latent"), Some(1));
    folder.ok(&["decompress", "t.bale", "--outliers", "-o", "odd.csv"]);
    assert!(text(&folder, "odd.csv")[1].starts_with("500,"));
    assert_eq!(rows("score>1", "forest"), None);
    let ran =
        folder.ok(&["compress", "t.csv", "-o", "t.bale", "-f", "--rel", "1e-2", "--outliers", "score>1e9"]);
    assert!(ran.stderr.contains("none is stored in full"), "{}", ran.stderr);
    // With -d each file has its own.
    folder.ok(&["compress", "t.csv", "-d", "out", "--rel", "1e-2", "--outliers", "0.1%"]);
    folder.ok(&["decompress", "out/t.bale", "-d", "odd", "--outliers"]);
    assert_eq!(text(&folder, "odd/t.csv").len(), 2);
}

#[test]
fn what_has_no_odd_rows_is_refused_in_a_line() {
    let folder = folder();
    write_npy(&folder.path("field.npy"), &[4, 5, 6], &[0.5; 120]);
    let refused = |args: &[&str], expected: &str| {
        let text = folder.refused(args);
        assert!(text.contains(expected), "{args:?}: {text}");
    };
    let compress = |more: &[&'static str]| [&["compress", "t.csv", "-o", "y.bale"], more].concat();
    refused(
        &["compress", "field.npy", "-o", "y.bale", "--rel", "1e-3", "--outliers", "1%"],
        "--outliers is for the rows of a table",
    );
    refused(&compress(&["--ratio", "20", "--outliers", "1%"]), "give a bound");
    refused(
        &compress(&["--rel", "1e-3", "--outliers", "score>=-1e9"]),
        "expected a score that some rows are below",
    );
    refused(&compress(&["--rel", "1e-3", "--outliers", "150%"]), "expected a share from 0 to 1");
    refused(&compress(&["--rel", "1e-3", "--by", "forest"]), "--outliers");
    refused(&compress(&["--rel", "1e-3", "--outliers", "1%", "--estimate"]), "--estimate");
    folder.ok(&["compress", "t.csv", "-o", "t.bale", "--rel", "1e-3"]);
    refused(&["decompress", "t.bale", "--outliers", "-o", "odd.csv"], "expected rows in full, found none");
    refused(
        &["decompress", "t.bale", "t.bale", "--outliers", "-o", "odd.csv"],
        "expected one archive with --outliers",
    );
}
