//! Live streams on the command line: records in at standard input, frames out, and back.

mod support;

use support::Folder;

/// Columns `a` (float32) and `b` (int16) of n rows as a csv to train on.
fn table(n_rows: usize) -> String {
    let row = |i: usize| format!("{},{}\n", (i * 7919 % 1000) as f64 / 8.0, i * 31 % 50);
    ["a,b\n".to_string()].into_iter().chain((0..n_rows).map(row)).collect()
}

/// Records of the columns as a csv holds them: float64 and int64.
fn records(n_rows: usize) -> Vec<u8> {
    let row = |i: usize| {
        let (a, b) = ((i * 7919 % 1000) as f64 / 8.0, (i * 31 % 50) as i64);
        [a.to_le_bytes(), b.to_le_bytes()].concat()
    };
    (0..n_rows).flat_map(row).collect()
}

fn trained() -> Folder {
    let folder = Folder::new();
    std::fs::write(folder.path("t.csv"), table(2000)).unwrap();
    let ran = folder.run(&["train", "t.csv", "--lossless", "-o", "m.balm"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    folder
}

#[test]
fn records_go_through_standard_input_and_output() {
    let folder = trained();
    let original = records(5000);
    let ran = folder.run_with_input(&["compress", "-", "--model", "m.balm", "--records"], &original);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stdout.len() * 3 < original.len(), "{}", ran.stdout.len());
    assert!(ran.stderr.contains("5 000 records in") && ran.stderr.contains("(p99)"), "{}", ran.stderr);
    let stream = ran.stdout;
    let back = folder.run_with_input(&["decompress", "-"], &stream);
    assert_eq!((back.code, back.stdout == original), (0, true), "{}", back.stderr);
    std::fs::write(folder.path("s.bals"), &stream).unwrap();
    let file = folder.run(&["decompress", "s.bals", "-o", "back.csv"]);
    assert_eq!(file.code, 0, "{file:?}");
    let told = String::from_utf8(folder.run(&["inspect", "s.bals"]).stdout).unwrap();
    assert!(told.contains("5 000 records, 80 000 bytes in") && told.contains("float64"), "{told}");
    let text = std::fs::read_to_string(folder.path("back.csv")).unwrap();
    assert!(text.starts_with("a,b\n0") && text.lines().count() == 5001, "{text:.40}");
}

#[test]
fn a_cut_stream_gives_what_is_whole_and_exits_with_2() {
    let folder = trained();
    let args = ["compress", "-", "--model", "m.balm", "--records", "--latency-ms", "1"];
    let original = records(20_000);
    let stream = folder.run_with_input(&args, &original).stdout;
    let back = folder.run_with_input(&["decompress", "-"], &stream[..stream.len() - 30]);
    assert_eq!(back.code, 2);
    assert!(back.stderr.contains("cut off"), "{}", back.stderr);
    assert!(!back.stdout.is_empty() && original.starts_with(&back.stdout));
}

#[test]
fn half_a_record_and_wrong_words_are_told() {
    let folder = trained();
    let args = ["compress", "-", "--model", "m.balm", "--records"];
    let ran = folder.run_with_input(&args, &records(10)[..100]);
    assert_eq!(ran.code, 2);
    assert!(
        ran.stderr.contains("expected whole records of 16 bytes, found 4 bytes behind the last"),
        "{}",
        ran.stderr
    );
    assert_eq!(folder.run_with_input(&["decompress", "-"], &ran.stdout).stdout, records(6));
    let ran = folder.run_with_input(&[&args[..], &["--rel", "1e-3"]].concat(), &[]);
    assert!(ran.code == 2 && ran.stderr.contains("keep the model's bound"), "{}", ran.stderr);
    let ran = folder.run_with_input(&["compress", "-", "--records"], &[]);
    assert!(ran.code == 2 && ran.stderr.contains("--model"), "{}", ran.stderr);
    let ran = folder.run(&["decompress", "x.bale"]);
    assert!(ran.code == 2 && ran.stderr.contains("expected -o FILE"), "{}", ran.stderr);
}
