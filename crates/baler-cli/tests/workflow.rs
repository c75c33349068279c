//! Whole workflows on the real binary.

mod support;

use support::{Folder, Ran, read_npy, smooth, worst, write_npy};

/// A folder with `x.npy`: a smooth (20, 30, 40) field of float64.
fn with_field() -> (Folder, Vec<f64>) {
    let folder = Folder::new();
    let values = smooth(20 * 30 * 40);
    write_npy(&folder.path("x.npy"), &[20, 30, 40], &values);
    (folder, values)
}

/// A folder with `t.csv`: 500 rows of pt, mass, n.
fn with_table() -> Folder {
    let folder = Folder::new();
    let mut text = "pt,mass,n\n".to_string();
    for (row, x) in smooth(500).iter().enumerate() {
        text += &format!("{},{},{}\n", 50.0 + 10.0 * x, x * x, row % 7);
    }
    std::fs::write(folder.path("t.csv"), text).unwrap();
    folder
}

fn compress(folder: &Folder, more: &[&str]) -> Ran {
    folder.ok(&[&["compress", "x.npy", "-o", "x.bale", "--rel", "1e-3"], more].concat())
}

#[test]
fn a_field_comes_back_within_its_bound() {
    let (folder, values) = with_field();
    let ran = compress(&folder, &[]);
    assert!(ran.stdout.is_empty());
    assert!(ran.stderr.contains("bound verified on 24 000 values"), "{}", ran.stderr);
    assert!(ran.stderr.starts_with("variable"), "{}", ran.stderr);
    assert!(!ran.stderr.contains('\u{1b}'), "no colors without a terminal");
    folder.ok(&["decompress", "x.bale", "-o", "back.npy"]);
    let range = 2.0 * 1.3; // at most
    assert!(worst(&values, &read_npy(&folder.path("back.npy"))) <= 1e-3 * range);
    let verified = folder.ok(&["verify", "x.bale", "--against", "x.npy"]);
    assert!(verified.stderr.contains("bound verified on 24 000 values"), "{}", verified.stderr);
    folder.ok(&["verify", "x.bale"]);
    assert_eq!(folder.names(), ["back.npy", "x.bale", "x.npy"]);
}

#[test]
fn quiet_is_quiet() {
    let (folder, _) = with_field();
    let ran = compress(&folder, &["-q"]);
    assert!(ran.stderr.is_empty() && ran.stdout.is_empty(), "{}", ran.stderr);
}

#[test]
fn a_broken_bound_exits_1() {
    let (folder, mut values) = with_field();
    compress(&folder, &[]);
    values[12_345] += 1.0;
    write_npy(&folder.path("other.npy"), &[20, 30, 40], &values);
    let ran = folder.run(&["verify", "x.bale", "--against", "other.npy", "-q"]);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    assert!(ran.stderr.starts_with("baler: bound broken on 1 of 24 000 values"), "{}", ran.stderr);
    let ran = folder.run(&["verify", "x.bale", "--against", "other.npy", "--json", "-q"]);
    assert_eq!((ran.code, ran.json()["holds"].as_bool()), (1, Some(false)));
}

#[test]
fn cuts_and_limits_are_told_and_what_crosses_exits_1() {
    let (folder, mut values) = with_field();
    let near =
        (0..values.len()).min_by(|&a, &b| (values[a] - 0.25).abs().total_cmp(&(values[b] - 0.25).abs()));
    let (at, limits) = (near.unwrap(), "--limits=data=-2:2");
    let ran = compress(&folder, &["--cuts", "data=0.25;abs(data)=0.5", "--signs", "data", limits]);
    let line = "data: no value crosses the cuts -0.5, 0, 0.25, 0.5; no value leaves -2 to 2";
    assert!(ran.stderr.contains(line), "{}", ran.stderr);
    let shown = folder.ok(&["inspect", "x.bale"]).stdout;
    assert!(String::from_utf8(shown).unwrap().contains(line));
    let told = folder.ok(&["inspect", "x.bale", "--json"]).json();
    assert_eq!(told["variables"][0]["cuts"], serde_json::json!([-0.5, 0.0, 0.25, 0.5]));
    assert_eq!(told["variables"][0]["promised_limits"], serde_json::json!([-2.0, 2.0]));
    assert!(folder.ok(&["verify", "x.bale", "--against", "x.npy"]).stderr.contains(line));
    values[at] = 0.5 - values[at] + if values[at] == 0.25 { 1e-9 } else { 0.0 };
    write_npy(&folder.path("other.npy"), &[20, 30, 40], &values);
    let ran = folder.run(&["verify", "x.bale", "--against", "other.npy", "-q"]);
    let expected = "baler: promise broken in 'data': 1 value on another side of a cut";
    assert!(ran.code == 1 && ran.stderr.starts_with(expected), "{}", ran.stderr);
    let ran = folder.run(&["compress", "x.npy", "-o", "y.bale", "--rel", "1e-3", "--limits", "data=0:1"]);
    assert!(ran.code == 2 && ran.stderr.contains("expected values from 0.0 to 1.0"), "{}", ran.stderr);
    let ran = folder.run(&["compress", "x.npy", "-o", "y.bale", "--rel", "1e-3", "--cuts", "dota=1"]);
    assert!(ran.code == 2 && ran.stderr.contains("found 'dota'; nearest: data"), "{}", ran.stderr);
}

#[test]
fn json_has_the_words_of_the_interface() {
    let (folder, _) = with_field();
    let object = compress(&folder, &["--json"]).json();
    assert_eq!(object["input_bytes"], 24_000 * 8);
    assert_eq!(object["archive_bytes"], std::fs::metadata(folder.path("x.bale")).unwrap().len());
    let ratio = 192_000.0 / object["archive_bytes"].as_f64().unwrap();
    assert!((object["ratio"].as_f64().unwrap() - ratio).abs() < 1e-9);
    assert!(object["model_bytes"].is_u64() && object["payload_bytes"].is_u64());
    assert_eq!(object["verified"], true);
    let variable = &object["variables"][0];
    assert_eq!((&variable["name"], &variable["dtype"]), (&"data".into(), &"float64".into()));
    assert_eq!(variable["shape"], serde_json::json!([20, 30, 40]));
    assert_eq!(variable["bound"], serde_json::json!({"kind": "rel", "value": 1e-3}));
    assert!(variable["method"].is_string() && variable["max_error"].is_f64() && variable["bytes"].is_u64());
    let object = folder.ok(&["verify", "x.bale", "--against", "x.npy", "--json"]).json();
    assert_eq!((&object["holds"], &object["n_values"]), (&true.into(), &24_000.into()));
    let object = folder.ok(&["decompress", "x.bale", "-o", "b.npy", "--json"]).json();
    assert_eq!(object["output_bytes"], 192_000);
    assert_eq!(folder.ok(&["inspect", "x.bale", "--json"]).json()["kind"], "archive");
    let object = folder.ok(&["inspect", "x.npy", "--json"]).json();
    assert_eq!((&object["kind"], &object["variables"][0]["nan"]), (&"data".into(), &0.into()));
}

/// (name, bytes) of what was tried for a variable, and the names of what was not.
fn candidates(variable: &serde_json::Value) -> (Vec<(String, u64)>, Vec<String>) {
    let all = variable["candidates"].as_array().unwrap();
    let name = |found: &serde_json::Value| found["name"].as_str().unwrap().to_string();
    let tried = all.iter().filter_map(|found| Some((name(found), found["bytes"].as_u64()?))).collect();
    (tried, all.iter().filter(|found| found["not_tried"].is_string()).map(name).collect())
}

#[test]
fn inspect_tells_the_bytes_of_each_candidate_and_why_others_were_not_tried() {
    let (folder, mut values) = with_field();
    // Noise of several steps of the bound, so that nothing repeats and every model is in question.
    let mut state = 1u32;
    for value in &mut values {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        *value += 0.02 * f64::from(state >> 16) / 65_536.0;
    }
    write_npy(&folder.path("x.npy"), &[20, 30, 40], &values);
    let compressed = compress(&folder, &["--json", "--best"]).json();
    let inspected = folder.ok(&["inspect", "x.bale", "--json"]).json();
    let of_archive = |object: &serde_json::Value| {
        let mut variables = object["variables"].clone();
        // Only who has the data knows these.
        for variable in variables.as_array_mut().unwrap() {
            for word in ["quantiles", "rms_error"] {
                variable.as_object_mut().unwrap().remove(word);
            }
        }
        variables
    };
    assert_eq!(of_archive(&inspected), of_archive(&compressed), "the archive alone tells it");
    let (tried, not_tried) = candidates(&inspected["variables"][0]);
    for model in
        ["predictive centred", "predictive", "predictive with filters", "predictive fast", "classical"]
    {
        assert!(tried.iter().any(|(name, _)| name == model), "{model}: {tried:?}");
    }
    assert_eq!(Some(tried[0].1), inspected["variables"][0]["bytes"].as_u64());
    assert!(tried[1..].iter().all(|other| other.1 >= tried[0].1), "{tried:?}");
    assert_eq!(tried.len() + not_tried.len(), 10, "{tried:?} {not_tried:?}");
    assert!(["table", "autoencoder"].iter().all(|name| not_tried.iter().any(|other| other == name)));
    let text = String::from_utf8(folder.ok(&["inspect", "x.bale"]).stdout).unwrap();
    assert!(text.contains("\nnot tried: table (only for columns): data\n"), "{text}");
    assert!(tried.iter().all(|(name, _)| text.contains(name)), "{text}");
    // Each candidate's bytes are those of an archive in which it stands alone.
    let classical = compress(&folder, &["--method", "classical", "--json", "-f", "--best"]).json();
    let (alone, _) = candidates(&classical["variables"][0]);
    let among = tried.iter().find(|found| found.0 == "classical").unwrap();
    assert!(alone.len() == 1 && among.1.abs_diff(alone[0].1) < 10, "{tried:?} {alone:?}");

    let folder = with_table();
    let object =
        folder.ok(&["compress", "t.csv", "-o", "t.bale", "--rel", "1e-3", "--json", "--best"]).json();
    for variable in object["variables"].as_array().unwrap() {
        let (tried, _) = candidates(variable);
        assert!(!tried.is_empty() && tried[0].1 == variable["bytes"].as_u64().unwrap(), "{variable}");
    }
    let trial = &object["trials"][0];
    assert!(trial["with_bytes"].is_u64() && trial["without_bytes"].is_u64(), "{trial}");
}

#[test]
fn the_same_input_gives_the_same_bytes_with_any_threads() {
    let (folder, _) = with_field();
    compress(&folder, &["-j1"]);
    let first = std::fs::read(folder.path("x.bale")).unwrap();
    compress(&folder, &["-j4", "-f"]);
    assert_eq!(first, std::fs::read(folder.path("x.bale")).unwrap());
}

#[test]
fn pipes_work_and_carry_the_same_bytes() {
    let (folder, _) = with_field();
    compress(&folder, &[]);
    let data = std::fs::read(folder.path("x.npy")).unwrap();
    let archive = std::fs::read(folder.path("x.bale")).unwrap();
    let piped = folder.run_with_input(&["compress", "-", "-o", "-", "--rel", "1e-3"], &data);
    assert_eq!((piped.code, piped.stdout == archive), (0, true), "{}", piped.stderr);
    folder.ok(&["decompress", "x.bale", "-o", "back.npy"]);
    let back = folder.run_with_input(&["decompress", "-", "-o", "-"], &archive);
    assert_eq!((back.code, back.stdout == std::fs::read(folder.path("back.npy")).unwrap()), (0, true));
}

#[test]
fn raw_arrays_need_shape_and_dtype_only() {
    let (folder, values) = with_field();
    let bytes: Vec<u8> = values.iter().flat_map(|x| x.to_be_bytes()).collect();
    std::fs::write(folder.path("x.raw"), &bytes).unwrap();
    let raw = ["--shape", "20,30,40", "--dtype", "f8", "--big-endian"];
    folder.ok(&[&["compress", "x.raw", "-o", "r.bale", "--lossless"], &raw[..]].concat());
    folder.ok(&["decompress", "r.bale", "-o", "back.raw"]);
    assert_eq!(std::fs::read(folder.path("back.raw")).unwrap(), bytes);
    folder.refused(&["compress", "x.raw", "-o", "s.bale", "--lossless", "--shape", "7", "--dtype", "f8"]);
}

#[test]
fn variables_have_rules_of_their_own() {
    let folder = with_table();
    let base = ["compress", "t.csv", "-o", "t.bale", "--rel", "1e-2", "--json"];
    let rules = ["--bound", "m*=abs:1e-4", "--exact", "n"];
    let object = folder.ok(&[&base[..], &rules[..]].concat()).json();
    let kinds: Vec<&str> = object["variables"]
        .as_array()
        .unwrap()
        .iter()
        .map(|v| v["bound"]["kind"].as_str().unwrap())
        .collect();
    assert_eq!(kinds, ["rel", "abs", "lossless"]);
    let line = folder.refused(&["compress", "t.csv", "-o", "u.bale", "--rel", "1e-2", "--exact", "mas"]);
    assert!(line.ends_with("found 'mas'; nearest: mass"), "{line}");
    let dropped =
        folder.ok(&["compress", "t.csv", "-o", "d.bale", "--rel", "1e-2", "--drop", "pt", "--json"]).json();
    assert_eq!(dropped["variables"].as_array().unwrap().len(), 2);
    folder.refused(&["compress", "t.csv", "-o", "e.bale", "--rel", "1e-2", "--drop", "pz"]);
    let part = ["decompress", "t.bale", "-o", "part.csv", "--variables", "n,m*", "--rows", "10:13"];
    folder.ok(&part);
    let text = std::fs::read_to_string(folder.path("part.csv")).unwrap();
    assert_eq!((text.lines().count(), text.lines().next()), (4, Some("mass,n")));
    let short = folder.ok(&["decompress", "t.bale", "-o", "q.csv", "--rows", "490:501"]);
    assert!(short.stderr.contains("490:501 is cut to 0:500 of 'pt'"), "{}", short.stderr);
    let line = folder.refused(&["decompress", "t.bale", "-o", "none.csv", "--variables", "pz"]);
    assert!(line.ends_with("nearest: pt"), "{line}");
}

#[test]
fn a_trained_model_is_applied_to_another_file() {
    let (folder, values) = with_field();
    let train = ["train", "x.npy", "-o", "m.balm", "--rel", "1e-3", "--epochs", "2", "--seed", "7"];
    let trained = folder.ok(&[&train[..], &["--json"]].concat()).json();
    assert_eq!(trained["model_bytes"], std::fs::metadata(folder.path("m.balm")).unwrap().len());
    assert!(trained["training_loss"].is_array() && trained["architecture"].is_string());
    assert_eq!(folder.ok(&["inspect", "m.balm", "--json"]).json()["kind"], "model");

    let shifted: Vec<f64> = values.iter().map(|x| 0.9 * x + 0.01).collect();
    write_npy(&folder.path("y.npy"), &[20, 30, 40], &shifted);
    let base = ["compress", "y.npy", "--rel", "1e-3", "--method", "autoencoder", "--model", "m.balm", "-o"];
    folder.ok(&[&base[..], &["y.bale"]].concat());
    folder.ok(&["verify", "y.bale", "--against", "y.npy"]);
    folder.ok(&[&base[..], &["ref.bale", "--model-ref"]].concat());
    let line = folder.refused(&["decompress", "ref.bale", "-o", "no.npy"]);
    assert!(line.contains("model"), "{line}");
    folder.ok(&["decompress", "ref.bale", "-o", "yes.npy", "--model", "m.balm"]);
    assert!(worst(&shifted, &read_npy(&folder.path("yes.npy"))) <= 1e-3 * 2.6);
    is_looked_up(&folder, trained["hash"].as_str().unwrap());

    let wrong = folder.refused(&["compress", "y.npy", "-o", "z", "--rel", "1e-3", "--model", "y.bale"]);
    assert!(wrong.contains("expected a model, found an archive"), "{wrong}");
    let wrong = folder.refused(&["decompress", "m.balm", "-o", "z.npy"]);
    assert!(wrong.contains("expected an archive, found a model"), "{wrong}");
    let line = with_table_and_model(&folder);
    assert!(line.starts_with("baler: "), "{line}");
}

/// A model that an archive names is found in a folder of `BALER_MODEL_PATH`; one that is not is named, and so is the variable.
fn is_looked_up(folder: &Folder, hash: &str) {
    let decompress = |models: &str| {
        let mut command = folder.command(&["decompress", "ref.bale", "-o", "found.npy", "-f"]);
        command.env("BALER_MODEL_PATH", models).output().unwrap()
    };
    let missing = decompress("/nowhere");
    let line = String::from_utf8(missing.stderr).unwrap();
    assert_eq!(missing.status.code(), Some(2));
    assert!(
        line.contains(hash) && line.contains("a folder of BALER_MODEL_PATH, which is /nowhere"),
        "{line}"
    );
    std::fs::create_dir(folder.path("models")).unwrap();
    std::fs::copy(folder.path("m.balm"), folder.path("models/any name.balm")).unwrap();
    let found = decompress("/nowhere:models");
    assert!(found.status.success(), "{}", String::from_utf8_lossy(&found.stderr));
    assert_eq!(read_npy(&folder.path("found.npy")), read_npy(&folder.path("yes.npy")));
}

/// A model of a field does not fit a table.
fn with_table_and_model(field: &Folder) -> String {
    let folder = with_table();
    std::fs::copy(field.path("m.balm"), folder.path("m.balm")).unwrap();
    folder.refused(&["compress", "t.csv", "-o", "z.bale", "--rel", "1e-3", "--model", "m.balm"])
}

#[test]
fn the_demo_runs_twice_in_its_own_folder_only() {
    let folder = Folder::new();
    for _ in 0..2 {
        let ran = folder.ok(&["demo", "jets", "d"]);
        let text = String::from_utf8(ran.stdout).unwrap();
        assert!(
            text.contains("baler compress d/jets.npz -o d/jets.bale --rel 1e-3 --model d/jets.balm"),
            "{text}"
        );
        assert!(ran.stderr.contains("bound verified on"), "{}", ran.stderr);
        let page = std::fs::read_to_string(folder.path("d/jets.html")).unwrap();
        assert!(page.contains("jets.bale against jets.npz") && page.contains("<svg"));
    }
    std::fs::create_dir(folder.path("e")).unwrap();
    std::fs::write(folder.path("e/jets.npz"), b"mine").unwrap();
    folder.refused(&["demo", "jets", "e"]);
    assert_eq!(std::fs::read(folder.path("e/jets.npz")).unwrap(), b"mine");
}

#[test]
fn a_project_of_the_original_goes_through_all_modes() {
    let (folder, values) = with_field();
    folder.ok(&["new", "W", "P"]);
    let config = folder.path("workspaces/W/P/config");
    std::fs::remove_file(config.join("baler.toml")).unwrap();
    let text = "# === Configuration options ===\n\ndef set_config(c):\n    c.input_path = 'x.npy'\n    \
        c.data_dimension = 2\n    c.compression_ratio = 100\n    c.model_name = 'CFD_dense_AE'\n    c.epochs = 2\n    \
        c.RHO = 0.05\n    c.test_size = 0\n";
    std::fs::write(config.join("P_config.py"), text).unwrap();
    let mode = |mode: &str| folder.ok(&["--project", "W", "P", "--mode", mode]);
    let trained = mode("train");
    assert!(trained.stderr.contains("warning: RHO: had no effect in the original"), "{}", trained.stderr);
    mode("compress");
    mode("decompress");
    let info = String::from_utf8(mode("info").stdout).unwrap();
    assert!(info.contains("the model counted"), "{info}");
    let output = folder.path("workspaces/W/P/output");
    for name in
        ["compressed_output/model.balm", "compressed_output/compressed.bale", "training/loss_data.csv"]
    {
        assert!(output.join(name).is_file(), "{name}");
    }
    assert!(output.join("decompressed_output/decompressed.npz").is_file());
    let line = folder.refused(&["--project", "W", "P", "--mode", "compress"]);
    assert!(line.contains("use -f"), "{line}");
    assert_eq!(values.len(), 24_000);
}

#[test]
fn damaged_archives_are_refused_and_leave_nothing() {
    let (folder, _) = with_field();
    compress(&folder, &[]);
    let mut bytes = std::fs::read(folder.path("x.bale")).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x10;
    std::fs::write(folder.path("bad.bale"), &bytes).unwrap();
    folder.refused(&["decompress", "bad.bale", "-o", "bad.npy"]);
    folder.refused(&["verify", "bad.bale", "-q"]);
    std::fs::write(folder.path("short.bale"), &bytes[..middle]).unwrap();
    folder.refused(&["decompress", "short.bale", "-o", "bad.npy"]);
    assert_eq!(folder.names(), ["bad.bale", "short.bale", "x.bale", "x.npy"]);
}

#[test]
fn a_reader_that_goes_away_is_no_panic() {
    use std::process::Stdio;
    let (folder, _) = with_field();
    let mut command = folder.command(&["compress", "x.npy", "-o", "-", "--lossless", "-q"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Kills the process at many moments: there is no file under the final name, or the whole one.
#[test]
fn a_killed_compress_leaves_no_half_file() {
    use std::time::{Duration, Instant};
    let folder = Folder::new();
    let n_frames = 7;
    let values = smooth(n_frames * 550 * 550); // 17 MB in two chunks
    write_npy(&folder.path("big.npy"), &[n_frames, 550, 550], &values);
    let args =
        ["compress", "big.npy", "-o", "big.bale", "--method", "classical", "--abs", "1e-9", "-f", "-q"];
    let start = Instant::now();
    folder.ok(&args);
    let whole_time = start.elapsed();
    let whole = std::fs::read(folder.path("big.bale")).unwrap();
    std::fs::remove_file(folder.path("big.bale")).unwrap();

    let mut n_killed = 0;
    for percent in [5, 30, 60, 80, 90, 95, 97, 99] {
        let mut child = folder.command(&args).spawn().unwrap();
        std::thread::sleep(whole_time * percent / 100 + Duration::from_millis(1));
        child.kill().unwrap(); // SIGKILL
        let finished = child.wait().unwrap().success();
        n_killed += usize::from(!finished);
        if folder.path("big.bale").exists() {
            assert!(std::fs::read(folder.path("big.bale")).unwrap() == whole, "a half file at {percent} %");
            std::fs::remove_file(folder.path("big.bale")).unwrap();
        } else {
            assert!(!finished, "no file after a complete run");
        }
    }
    assert!(n_killed > 0, "no run was killed in time");
}
