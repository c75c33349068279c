//! Models as hardware: trained for it, exported, emulated, and latents that become archives.

mod support;

use support::Folder;

/// A folder with `t.csv`, 600 rows of four integer columns that follow from two, and `t.balm`, trained for hardware.
fn trained(more: &[&str]) -> Folder {
    let folder = Folder::new();
    let mut text = "a,b,c,d\n".to_string();
    for row in 0..600 {
        let (x, y) = ((row as f64 * 0.37).sin(), (row as f64 * 0.11).cos());
        let value = |x: f64| (2048.0 + 600.0 * x) as i64;
        text += &format!("{},{},{},{}\n", value(x), value(y), value(0.5 * x + 0.5 * y), value(x * 0.3 - y));
    }
    std::fs::write(folder.path("t.csv"), text).unwrap();
    let train =
        ["train", "t.csv", "-o", "t.balm", "--latent", "2", "--arch", "dense:5:relu", "--epochs", "30"];
    folder.ok(&[&train[..], more].concat());
    folder
}

const FPGA: [&str; 4] = ["--target", "fpga", "--bits", "6,12"];

#[test]
fn a_trained_model_is_exported_with_the_bits_that_were_asked_for() {
    let folder = trained(&FPGA);
    let ran = folder.ok(&["export", "t.balm", "-o", "x", "--data", "t.csv", "--rows", "32", "--json"]);
    let json = ran.json();
    assert_eq!((json["widths"].as_str(), json["interval_cycles"].as_u64()), (Some("4-5-2"), Some(1)));
    assert_eq!(json["proved_sums"].as_u64(), Some(7));
    assert!(ran.stderr.contains("7 sums proved for all inputs"), "{}", ran.stderr);
    for file in [
        "rtl/t_encoder.v",
        "sim/bench.v",
        "c/encoder.c",
        "hls/encoder.cpp",
        "qonnx/encoder.onnx",
        "spec.json",
        "Makefile",
    ] {
        assert!(folder.path("x").join(file).exists(), "{file}");
    }
    let spec = std::fs::read_to_string(folder.path("x/spec.json")).unwrap();
    let spec: serde_json::Value = serde_json::from_str(&spec).unwrap();
    for layer in spec["layers"].as_array().unwrap() {
        let weights = layer["weights"].as_array().unwrap().iter().flat_map(|row| row.as_array().unwrap());
        assert!(weights.clone().all(|w| w.as_i64().unwrap().abs() < 32), "6 bits hold -31 to 31");
        assert!(weights.map(|w| w.as_i64().unwrap().abs()).max().unwrap() >= 16, "and all of them are used");
    }
    assert!(folder.refused(&["export", "t.balm", "-o", "x"]).contains("x"));
    let text = folder.refused(&["export", "t.balm", "-o", "y", "--weights", "ram"]);
    assert!(text.contains("add --reuse N or --reuse serial"), "{text}");
    let text = folder.refused(&["export", "t.balm", "-o", "y", "--reuse", "0"]);
    assert!(text.contains("expected a number of cycles from 1, or serial"), "{text}");
    let text = folder
        .refused(&["train", "t.csv", "-o", "n.balm", "--latent", "2", "--target", "fpga", "--bits", "99,4"]);
    assert!(text.contains("expected W,A or W,A,D"), "{text}");
}

#[test]
fn few_digits_make_few_adders() {
    let adders = |bits: &str| {
        let folder = trained(&["--target", "fpga", "--bits", bits]);
        let ran = folder.ok(&["export", "t.balm", "-o", "x", "--target", "verilog", "--json"]);
        ran.json()["adders"].as_u64().unwrap()
    };
    let (many, few) = (adders("10,16"), adders("10,16,1"));
    assert!(few < many, "{few} of {many}");
}

#[test]
fn emulated_latents_are_the_codec_s_and_become_an_archive() {
    let folder = trained(&FPGA);
    for inputs in ["float", "raw"] {
        let args = ["emulate", "t.balm", "t.csv", "-o", "t.lat", "-f", "--json", "--inputs", inputs];
        let json = folder.ok(&args).json();
        assert_eq!((json["samples"].as_u64(), json["mismatches"].as_u64()), (Some(600), Some(0)), "{inputs}");
    }
    let ran = folder.ok(&["compress", "--latents", "t.lat", "--model", "t.balm", "-o", "t.bale"]);
    assert!(ran.stderr.contains("600 samples of 2 latents -> archive"), "{}", ran.stderr);
    folder.ok(&["decompress", "t.bale", "-o", "back.csv"]);
    // The codec's own encoder makes the same latents of the data, so the same values come back.
    folder.ok(&["compress", "t.csv", "--model", "t.balm", "--latent", "2", "-o", "own.bale"]);
    folder.ok(&["decompress", "own.bale", "-o", "own.csv"]);
    let read = |name: &str| std::fs::read_to_string(folder.path(name)).unwrap();
    let differ = read("back.csv").lines().zip(read("own.csv").lines()).filter(|(a, b)| a != b).count();
    assert_eq!(differ, 0, "rows differ");
    let text = folder.refused(&["compress", "--latents", "t.lat", "--model", "t.balm"]);
    assert!(text.contains("expected --model M"), "{text}");
}

#[test]
fn models_without_an_autoencoder_are_refused() {
    let folder = trained(&[]);
    folder.ok(&["train", "t.csv", "-o", "p.balm", "--abs", "1"]);
    let text = folder.refused(&["export", "p.balm", "-o", "x"]);
    assert!(text.contains("expected a model with an autoencoder, found one without"), "{text}");
}
