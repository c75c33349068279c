//! `baler bench`: the same data on every machine, and what it says of them.

mod support;

use support::Folder;

/// BLAKE3 of the values: results are compared over years, so the data never change.
const DATA: [(&str, u64, &str); 4] = [
    ("flow", 1_200_000, "343571342269eb8214ec495d7783718c8d81cb9f2f9aea2db05778bf06c7d2c9"),
    ("jets", 3_840_000, "0f4ece2543c727079d6ca4a2552b5eab4be5c700e2bf41a95bb1af06c269b8e1"),
    ("camera", 524_288, "f60f7c52319c10aac98ded6236bbd417192de60e45dcef8e76b914f9f9520334"),
    ("turbulence", 1_048_576, "a7046e7e970ea0b4fff3bf83b6470c956ea7554fab0d3f5cabf094624b67871e"),
];

#[test]
fn data_are_the_same_for_ever_and_bounds_are_kept() {
    let folder = Folder::new();
    let json = folder.ok(&["bench", "--levels", "1", "--rel", "1%", "--json", "-q"]).json();
    let results = json["results"].as_array().unwrap();
    assert_eq!(results.len(), DATA.len());
    let mut product = 1.0;
    for (result, (name, n_bytes, hash)) in results.iter().zip(DATA) {
        assert_eq!((result["data"].as_str(), result["input_bytes"].as_u64()), (Some(name), Some(n_bytes)));
        assert_eq!(result["blake3"], hash, "{name}");
        let row = &result["rows"][0];
        assert_eq!((row["name"].as_str(), result["rows"].as_array().unwrap().len()), (Some("baler -1"), 1));
        let share = row["error_of_bound"].as_f64().unwrap();
        assert!(share > 0.5 && share <= 1.0, "{name}: {share}");
        product *= row["ratio"].as_f64().unwrap();
    }
    let score = &json["scores"][0];
    assert!((score["ratio"].as_f64().unwrap() / product.powf(0.25) - 1.0).abs() < 1e-9);
    assert!(score["encode_mb_s"].as_f64() > Some(0.0));
}

#[test]
fn tables_say_what_compress_makes() {
    let folder = Folder::new();
    let said = folder.ok(&[
        "bench",
        "camera",
        "--levels",
        "1,3",
        "--rel",
        "2e-2,1e-2",
        "--csv",
        "b.csv",
        "--markdown",
        "b.md",
        "-q",
    ]);
    let text = String::from_utf8(said.stdout).unwrap();
    let csv = std::fs::read_to_string(folder.path("b.csv")).unwrap();
    let markdown = std::fs::read_to_string(folder.path("b.md")).unwrap();
    let rows: Vec<Vec<&str>> = csv.lines().skip(1).map(|line| line.split(',').collect()).collect();
    assert_eq!(rows.len(), 4);
    assert!(rows.iter().all(|row| row.len() == csv.lines().next().unwrap().split(',').count()));

    let data = baler_generate::camera(16, 128, 128, 400.0, 1);
    std::fs::write(folder.path("camera.npy"), baler_io::write(&data, baler_io::Format::Npy).unwrap())
        .unwrap();
    for (row, (rel, level)) in rows.iter().zip([("2e-2", 1), ("2e-2", 3), ("1e-2", 1), ("1e-2", 3)]) {
        assert_eq!((row[0], row[3], row[4]), ("camera", rel, format!("\"baler -{level}\"").as_str()));
        let made = folder.ok(&[
            "compress",
            "camera.npy",
            "-o",
            "c.bale",
            "-f",
            "--rel",
            rel,
            &format!("-{level}"),
            "--json",
            "-q",
        ]);
        assert_eq!(made.json()["archive_bytes"].as_u64(), row[5].parse().ok(), "{rel} {level}");
        assert!(row[8].parse::<f64>().unwrap() <= rel.parse::<f64>().unwrap() * (1.0 + 1e-12), "{row:?}");
    }
    // Twice as a level's rows, once as its score.
    for table in [&text, &markdown] {
        assert_eq!(table.matches("baler -3").count(), 3, "{table}");
    }
    assert!(text.contains("not run: SZ3") && markdown.starts_with("# baler bench"), "{text}");

    assert!(folder.refused(&["bench", "camera", "--csv", "b.csv"]).contains("use -f"));
    assert!(folder.refused(&["bench", "jet"]).contains("jets"));
    assert!(folder.refused(&["bench", "--levels", "0"]).contains("from 1"));
    assert!(folder.refused(&["bench", "--rel", "0"]).contains("above 0"));
    assert!(folder.refused(&["bench", "--json", "--csv", "-"]).contains("not both"));
}
