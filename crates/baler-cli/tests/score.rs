//! `baler score`: the odd rows of a table, from the command line.

mod support;

use support::{Folder, read_npy, write_npy};

/// A table of `n` rows in which c = a + b; row 70 breaks it.
fn csv(n: usize) -> String {
    let row = |i: usize| {
        let (a, b) = (i * 7919 % 1009, i * 104_729 % 211);
        format!("{a},{b},{},{}\n", a + b + usize::from(i == 70), i * 31 % 97)
    };
    std::iter::once("a,b,c,d\n".to_string()).chain((0..n).map(row)).collect()
}

fn folder() -> Folder {
    let folder = Folder::new();
    std::fs::write(folder.path("t.csv"), csv(1000)).unwrap();
    folder
}

#[test]
fn the_oddest_row_and_its_column_come_first() {
    let folder = folder();
    let ran = folder.ok(&["score", "t.csv", "-n", "2", "--pass-rate", "0.1%"]);
    let text = String::from_utf8(ran.stdout).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let words: Vec<&str> = lines[1].split_whitespace().collect();
    assert!(lines[0].split_whitespace().eq(["row", "score", "column"]), "{text}");
    assert!(words[0] == "70" && ["a", "b", "c"].contains(&words[2]), "{text}");
    assert_eq!(lines.len(), 6, "{text}");
    assert_eq!(lines[3], "relation: c = a + b; broken in 1 row");
    assert_eq!(lines[4], "1 000 rows of 4 columns scored by code-length: bits");
    assert!(
        lines[5].starts_with("threshold ") && lines[5].ends_with(": 1 row pass (0.001 of all)"),
        "{text}"
    );
    assert_eq!(ran.stderr, "");

    let json = folder.ok(&["score", "t.csv", "--json", "-n", "1", "--threshold", "5"]).json();
    assert_eq!((json["rows"].as_u64(), json["worst"][0]["row"].as_u64()), (Some(1000), Some(70)));
    assert_eq!(json["relations"][0]["broken"], 0.001);
    assert!(json["threshold"]["passing"].as_u64() >= Some(1));
}

#[test]
fn scores_of_all_rows_go_to_any_format() {
    let folder = folder();
    for by in ["code-length", "forest", "latent"] {
        folder.ok(&["score", "t.csv", "--by", by, "-o", "s.npy", "-f", "-q"]);
        let scores = read_npy(&folder.path("s.npy"));
        assert_eq!(scores.len(), 1000);
        let one = folder.ok(&["score", "t.csv", "--by", by, "--threads", "1", "-o", "-"]);
        let text = String::from_utf8(one.stdout).unwrap();
        let mut lines = text.lines();
        let header = lines.next().unwrap();
        assert_eq!(header, if by == "forest" { "score" } else { "score,column" });
        for (line, score) in lines.by_ref().zip(&scores) {
            assert_eq!(line.split(',').next().unwrap().parse::<f64>().unwrap().to_bits(), score.to_bits());
        }
        assert_eq!(text.lines().count(), 1001);
        assert!(one.stderr.contains(&format!("scored by {by}")), "{}", one.stderr);
    }
    for (name, by) in [("s.parquet", "latent"), ("s.npz", "latent"), ("f.npz", "forest"), ("s.h5", "forest")]
    {
        folder.ok(&["score", "t.csv", "--by", by, "-o", name, "-q"]);
        assert!(folder.ok(&["inspect", name, "--quick", "--json"]).json()["variables"][0]["name"] == "score");
    }
    folder.ok(&["score", "t.csv", "-q", "--plot", "s.svg", "--pass-rate", "0.01"]);
    assert!(std::fs::read_to_string(folder.path("s.svg")).unwrap().contains("threshold"));
}

#[test]
fn arrays_models_and_other_tables_are_scored() {
    let folder = folder();
    let values: Vec<f64> =
        (0..600).map(|i| if i == 301 { 50.0 } else { (i * 7919 % 101) as f64 / 101.0 }).collect();
    write_npy(&folder.path("x.npy"), &[200, 3], &values);
    let json = folder.ok(&["score", "x.npy", "--by", "latent", "--json"]).json();
    assert_eq!(
        (json["worst"][0]["row"].as_u64(), &json["worst"][0]["column"]),
        (Some(100), &"data[1]".into())
    );

    std::fs::write(folder.path("u.csv"), "d,c,b,a\n3,7,5,2\n3,9,5,2\n").unwrap();
    let json = folder.ok(&["score", "u.csv", "--train", "t.csv", "--json"]).json();
    assert_eq!((json["trained_on_rows"].as_u64(), json["worst"][0]["row"].as_u64()), (Some(1000), Some(1)));
    assert!(json["worst"][0]["score"].as_f64() > json["worst"][1]["score"].as_f64().map(|s| s + 5.0));

    folder.ok(&["compress", "t.csv", "-o", "t.bale", "--lossless", "-q"]);
    let found = |name: &str| folder.ok(&["score", name, "--json"]).json()["worst"].clone();
    assert_eq!(found("t.bale"), found("t.csv"));

    // Text is no column; an empty cell is missing, which is rare here.
    let b = |i: usize| if i == 9 { String::new() } else { (i % 2).to_string() };
    let rows: String = (0..50).map(|i| format!("x{i},{},{}\n", i * 7 % 5, b(i))).collect();
    std::fs::write(folder.path("w.csv"), format!("t,a,b\n{rows}")).unwrap();
    let json = folder.ok(&["score", "w.csv", "--json"]).json();
    assert_eq!(json["columns"], serde_json::json!(["a", "b"]));
    assert_eq!((json["worst"][0]["row"].as_u64(), &json["worst"][0]["column"]), (Some(9), &"b".into()));

    folder.ok(&["train", "t.csv", "-o", "m.balm", "--latent", "2", "--epochs", "2", "-q"]);
    let json = folder.ok(&["score", "t.csv", "--model", "m.balm", "--json"]).json();
    assert_eq!((json["by"].as_str(), &json["columns"][1]), (Some("latent"), &"latent 1".into()));
}

#[test]
fn what_cannot_be_scored_is_said_in_one_line() {
    let folder = folder();
    write_npy(&folder.path("cube.npy"), &[4, 5, 6], &[0.0; 120]);
    std::fs::write(folder.path("u.csv"), "a,b,t\n1,2,x\n").unwrap();
    for (words, text) in [
        (&["t.csv", "--by", "magic"][..], "code-length, forest, latent"),
        (&["cube.npy"], "found 3 axes"),
        (&["u.csv", "--variables", "t"], "rows of numbers, found none"),
        (&["t.csv", "--variables", "e"], "name of a variable, found 'e'"),
        (&["t.csv", "--pass-rate", "2"], "share from 0 to 1"),
        (&["t.csv", "--plot", "s.png"], ".svg or .pdf"),
        (&["u.csv", "--train", "t.csv"], "the column 'c'"),
        (&["t.csv", "-o", "s.npy", "--json", "-o", "-"], "cannot be used multiple times"),
        (&["t.csv", "--json", "-o", "-"], "not both"),
    ] {
        let line = folder.refused(&[&["score"], words].concat());
        assert!(line.contains(text), "{words:?}: {line}");
    }
    folder.ok(&["train", "t.csv", "-o", "m.balm", "--latent", "2", "--epochs", "1", "-q"]);
    let line = folder.refused(&["score", "t.csv", "--model", "m.balm", "--by", "forest"]);
    assert!(line.contains("--by latent with --model"), "{line}");
}
