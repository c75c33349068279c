//! What a new user types in the first hour: pipes, outputs without a name, many files, parts of data, and names.

mod support;

use baler::{DType, Dataset, Values, Variable};
use baler_io::{Format, write};
use support::{Folder, Ran, read_npy, smooth, worst, write_npy};

/// An npz (or a file of another format) with two trees and a scalar.
fn write_trees(folder: &Folder, name: &str, format: Format) {
    let column = |name: &str, values: Values| Variable::new(name, vec![values.len()], values).unwrap();
    let pt = smooth(200).iter().map(|x| x + 5.0).collect();
    let dataset = Dataset::from_arrays(vec![
        column("Events/pt", Values::F64(pt)),
        column("Events/run", Values::I32((0..200).map(|i| 300_000 + i / 50).collect())),
        column("Runs/n", Values::I32(vec![7, 9])),
    ]);
    std::fs::write(folder.path(name), write(&dataset, format).unwrap()).unwrap();
}

fn text(ran: &Ran) -> String {
    String::from_utf8(ran.stdout.clone()).unwrap()
}

#[test]
fn standard_input_is_read_in_every_format_that_a_stream_can_have() {
    let folder = Folder::new();
    let table: Vec<Variable> =
        ["a", "b"].map(|name| Variable::new(name, vec![100], Values::F64(smooth(100))).unwrap()).into();
    let dataset = Dataset::from_table(table);
    for format in [Format::Npz, Format::Csv, Format::Hdf5, Format::Root, Format::Parquet, Format::Fits] {
        let bytes = write(&dataset, format).unwrap();
        let ran = folder.run_with_input(&["compress", "-", "-f", "-o", "x.bale", "--abs", "1e-3"], &bytes);
        assert_eq!(ran.code, 0, "{format:?}: {}", ran.stderr);
        folder.ok(&["decompress", "x.bale", "-f", "-o", "x.npy", "--variables", "a"]);
        let back = baler_io::read(&folder.path("x.npy"), &Default::default()).unwrap();
        let Values::F64(found) = &back.variables[0].values else { panic!("{format:?}") };
        assert!(worst(found, &smooth(100)) <= 1e-3, "{format:?}");
    }
    let raw: Vec<u8> = smooth(100).iter().flat_map(|x| x.to_le_bytes()).collect();
    let args = ["compress", "-", "--rel", "1e-3", "--shape", "100", "--dtype", "f8"];
    let piped = folder.run_with_input(&args, &raw);
    assert_eq!((piped.code, &piped.stdout[1..5]), (0, &b"BALE"[..]), "{}", piped.stderr);
    let back = folder.run_with_input(&["decompress", "-"], &piped.stdout);
    assert!(back.stdout.starts_with(b"\x93NUMPY"), "{}", back.stderr);
    let ran = folder.run_with_input(&["compress", "-", "-o", "y.bale", "--rel", "1e-3"], &[0; 99]);
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("found other bytes; raw values need --shape"), "{}", ran.stderr);
    let again = [&args[..], &["-o", "y.bale", "--resume"]].concat();
    let ran = folder.run_with_input(&again, &raw);
    assert!(ran.stderr.contains("--resume needs an input that can be read again"), "{}", ran.stderr);
}

#[test]
fn an_output_without_a_name_is_the_input_s_with_bale() {
    let folder = Folder::new();
    write_npy(&folder.path("run.one.npy"), &[300], &smooth(300));
    let ran = folder.ok(&["compress", "run.one.npy", "--rel", "0.1%"]);
    assert!(ran.stderr.contains("run.one.npy -> run.one.bale"), "{}", ran.stderr);
    for force in [&[][..], &["-f"]] {
        let line = folder.refused(&[&["compress", "run.one.npy", "--rel", "1e-3"], force].concat());
        assert!(line.contains("run.one.bale exists; name the output with -o"), "{line}");
    }
    write_trees(&folder, "t.npz", Format::Npz);
    folder.ok(&["compress", "t.npz:Events/pt", "--rel", "1e-3", "-q"]);
    assert_eq!(folder.names(), ["run.one.bale", "run.one.npy", "t.npz", "t_Events_pt.bale"]);
    assert!(folder.refused(&["compress", "t.npz", "t.npz", "--rel", "1"]).contains("give -d DIR"));
}

#[test]
fn files_of_other_names_are_what_their_bytes_show() {
    let folder = Folder::new();
    write_npy(&folder.path("x.npy.bak"), &[300], &smooth(300));
    folder.ok(&["compress", "x.npy.bak", "-o", "x.bale", "--rel", "1e-3"]);
    std::fs::write(folder.path("t"), "a,b\n1,2\n3,4\n").unwrap();
    folder.ok(&["compress", "t", "-o", "t.bale", "--lossless"]);
    std::fs::write(folder.path("odd.data"), [0u8, 1, 2, 3]).unwrap();
    assert!(folder.refused(&["compress", "odd.data", "--lossless"]).contains("expected a file ending in"));
}

#[test]
fn rows_are_those_of_the_variables_that_have_them() {
    let folder = Folder::new();
    write_trees(&folder, "t.npz", Format::Npz);
    folder.ok(&["compress", "t.npz", "--lossless"]);
    let shapes = |args: &[&str]| {
        let all = [&["decompress", "t.bale", "-f", "-o", "c.npz", "--json"], args].concat();
        let ran = folder.ok(&all);
        let found =
            ran.json()["variables"].as_array().unwrap().iter().map(|v| v["shape"].to_string()).collect();
        (found, ran.stderr)
    };
    let (found, said): (Vec<String>, _) = shapes(&["--rows", "10:20"]);
    assert_eq!(found, ["[10]", "[10]", "[2]"]);
    assert!(said.contains("without these axes or rows, so whole: Runs/n"), "{said}");
    assert_eq!(shapes(&["--rows", "0:100", "--variables", "pt"]).0, ["[100]"]);
    assert_eq!(shapes(&["--rows", "3:3"]).0, ["[0]", "[0]", "[0]"]);
    assert_eq!(shapes(&["--rows", "-5:", "--variables", "Events/*"]).0, ["[5]", "[5]"]);
    let (found, said) = shapes(&["--rows", "190:900", "--variables", "Events/*"]);
    assert_eq!(found, ["[10]", "[10]"]);
    assert!(said.contains("190:900 is cut to 0:200 of 'Events/pt'"), "{said}");
    folder.ok(&["decompress", "t.bale", "-o", "one.npy", "--variables", "pt", "--slice", "-1"]);
    assert_eq!(read_npy(&folder.path("one.npy")), [smooth(200)[199] + 5.0]);
    let line = folder.refused(&["decompress", "t.bale", "-o", "q.npz", "--rows", "5"]);
    assert!(line.contains("5:6 is that row"), "{line}");
}

#[test]
fn a_unique_last_part_names_a_variable() {
    let folder = Folder::new();
    let args = ["compress", "t.npz", "--rel", "1e-2", "--exact", "run", "--missing", "pt=-999", "--json"];
    write_trees(&folder, "t.npz", Format::Npz);
    let told = folder.ok(&args).json();
    assert_eq!(told["variables"][1]["bound"]["kind"], "lossless");
    assert_eq!(told["variables"][0]["bound"]["kind"], "rel");
    folder.ok(&["compress", "t.npz", "-o", "d.bale", "--rel", "1e-2", "--drop", "run,n", "-q"]);
    folder.ok(&["verify", "d.bale", "--against", "t.npz", "--drop", "run,n"]);
    let line = folder.refused(&["compress", "t.npz", "-o", "e.bale", "--rel", "1", "--drop", "rum"]);
    assert!(line.contains("found 'rum'"), "{line}");
    let line = folder.refused(&["decompress", "t.bale", "-o", "e.npz", "--variables", "rum"]);
    assert!(line.contains("found 'rum'"), "{line}");
}

#[test]
fn many_archives_come_back_as_many_files_or_one_behind_the_other() {
    let folder = Folder::new();
    let values = smooth(600);
    for (name, part) in [("a.npy", 0..200), ("b.npy", 200..600)] {
        write_npy(&folder.path(name), &[part.len() / 2, 2], &values[part]);
    }
    let ran = folder.ok(&["compress", "a.npy", "b.npy", "-d", "out", "--lossless"]);
    assert!(ran.stderr.contains("total: 2 inputs  4 800 -> "), "{}", ran.stderr);
    let ran = folder.ok(&["verify", "out", "--against", "."]);
    assert!(ran.stderr.ends_with("total: 2 archives, bound verified on 600 values\n"), "{}", ran.stderr);
    let ran = folder.ok(&["decompress", "out", "-d", "back"]);
    assert!(ran.stderr.contains("total: 2 archives"), "{}", ran.stderr);
    assert_eq!(read_npy(&folder.path("back/b.npy")), values[200..]);
    assert!(folder.refused(&["decompress", "out", "-d", "back", "-q"]).contains("exists; use -f"));
    folder.ok(&["decompress", "out", "-d", "other", "--format", "npz", "--variables", "data"]);
    assert!(folder.path("other/a.npz").is_file());
    folder.ok(&["decompress", "out", "-o", "all.npy"]);
    assert_eq!(read_npy(&folder.path("all.npy")), values);
    folder.ok(&["decompress", "out/a.bale", "out/b.bale", "-o", "some.npy", "--rows", "99:101"]);
    assert_eq!(read_npy(&folder.path("some.npy")), values[198..202]);
    assert!(folder.refused(&["decompress", "out"]).contains("-d DIR for a file each"));

    // A broken one is told, and the others are looked at all the same.
    let mut bytes = std::fs::read(folder.path("out/a.bale")).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(folder.path("out/a.bale"), bytes).unwrap();
    let ran = folder.run(&["verify", "out"]);
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("baler: out/a.bale: ") && ran.stderr.contains("400 values decode"));
    assert!(ran.stderr.ends_with("1 of 2 archives failed: see above\n"), "{}", ran.stderr);
    std::fs::create_dir(folder.path("empty")).unwrap();
    assert!(folder.refused(&["verify", "empty"]).contains("expected archives (.bale) in the folder empty"));
}

#[test]
fn columns_of_several_dtypes_come_from_a_live_stream() {
    let folder = Folder::new();
    let rows: String = (0..4000).map(|i| format!("{},{}.5\n", i % 7, i)).collect();
    std::fs::write(folder.path("t.csv"), format!("n,x\n{rows}")).unwrap();
    folder.ok(&["train", "t.csv", "-o", "m.balm", "--rel", "1e-3", "-q"]);
    let record = |i: i64| [(i % 7).to_le_bytes(), (i as f64 + 0.5).to_le_bytes()].concat();
    let records: Vec<u8> = (0..4000).flat_map(record).collect();
    let args = ["compress", "-", "--records", "--model", "m.balm", "-o", "s.bals", "-q"];
    assert_eq!(folder.run_with_input(&args, &records).code, 0);
    for output in ["s.npz", "s.csv", "s.parquet", "s.h5"] {
        folder.ok(&["decompress", "s.bals", "-o", output]);
        let found = baler_io::read(&folder.path(output), &Default::default()).unwrap();
        let dtypes: Vec<DType> = found.variables.iter().map(|v| v.values.dtype()).collect();
        assert_eq!(dtypes, [DType::I64, DType::F64], "{output}");
        assert_eq!(found.variables[0].values.slice(0..3), Values::I64(vec![0, 1, 2]), "{output}");
    }
    folder.ok(&["decompress", "s.bals", "-d", "out"]);
    assert!(folder.path("out/s.npz").is_file());
    assert_eq!(folder.ok(&["decompress", "s.bals", "-q"]).stdout.len(), records.len());
    let _ = text(&folder.ok(&["inspect", "s.bals"]));
}

#[test]
fn two_trees_become_two_tables() {
    let folder = Folder::new();
    write_trees(&folder, "t.npz", Format::Npz);
    folder.ok(&["compress", "t.npz", "--lossless", "-q"]);
    folder.ok(&["decompress", "t.bale", "-o", "all.parquet"]);
    folder.ok(&["decompress", "t.bale", "-o", "all.csv"]);
    let expected =
        ["all.Events.csv", "all.Events.parquet", "all.Runs.csv", "all.Runs.parquet", "t.bale", "t.npz"];
    assert_eq!(folder.names(), expected);
    let events = baler_io::read(&folder.path("all.Events.parquet"), &Default::default()).unwrap();
    let names: Vec<&str> = events.variables.iter().map(|v| v.name.as_str()).collect();
    assert_eq!((names, &events.variables[0].shape[..]), (vec!["pt", "run"], &[200][..]));
    assert_eq!(std::fs::read_to_string(folder.path("all.Runs.csv")).unwrap(), "n\n7\n9\n");
    let ran = folder.run(&["decompress", "t.bale", "-o", "-", "--format", "csv"]);
    assert!(ran.stderr.contains("pick one with --variables 'Events/*'"), "{}", ran.stderr);
    folder.ok(&["decompress", "t.bale", "-o", "one.csv", "--variables", "Events/*"]);
    assert!(folder.path("one.csv").is_file());
}

#[test]
fn bounds_are_taken_as_they_are_typed() {
    let folder = Folder::new();
    let rows: String = (0..300).map(|i| format!("{}.5,{}.25\n", i % 17, i * 7 % 31)).collect();
    std::fs::write(folder.path("t.csv"), format!("u,p\n{rows}")).unwrap();
    let bounds = |args: &[&str]| -> Vec<(String, f64)> {
        let told = folder.ok(&[&["compress", "t.csv", "-f", "-o", "t.bale", "--json"], args].concat()).json();
        let bound = |v: &serde_json::Value| {
            (v["bound"]["kind"].as_str().unwrap().to_string(), v["bound"]["value"].as_f64().unwrap())
        };
        told["variables"].as_array().unwrap().iter().map(bound).collect()
    };
    let abs = |x: f64| ("abs".to_string(), x);
    let rel = |x: f64| ("rel".to_string(), x);
    assert_eq!(bounds(&["--abs", "u=0.01,p=5"]), [abs(0.01), abs(5.0)]);
    assert_eq!(bounds(&["--abs", "1", "--bound", "u=0.01"]), [abs(0.01), abs(1.0)]);
    assert_eq!(bounds(&["--bound", "u=abs:0.01,p=rel:0.1%"]), [abs(0.01), rel(1e-3)]);
    assert_eq!(bounds(&["--rel", "1%", "--abs", "u=0.01"]), [abs(0.01), rel(0.01)]);
    assert_eq!(bounds(&["--exact", "*"]), [("lossless".to_string(), 0.0), ("lossless".to_string(), 0.0)]);
    for (args, expected) in [
        (&["--bound", "u=0.01"][..], "write --bound 'u=abs:0.01'"),
        (&["--bound", "u=abs:0.01"], "no promise for p; add one for all others"),
        (&["--bound", "abs:0.01"], "for all variables --abs 0.01"),
        (&["--abs", "5%"], "5% of the range is --rel 5%"),
        (&["--abs", "1", "--rel", "1e-3"], "for single variables write --bound 'NAMES=rel:1e-3'"),
    ] {
        let line = folder.refused(&[&["compress", "t.csv", "-o", "no.bale"], args].concat());
        assert!(line.contains(expected), "{args:?}: {line}");
    }
}

#[test]
fn names_are_shown_without_what_a_terminal_would_act_on() {
    let folder = Folder::new();
    let name = "\u{1b}[31mred\u{202e}\n\u{7}";
    let column = |name: &str| Variable::new(name, vec![200], Values::F64(smooth(200))).unwrap();
    let bytes = write(&Dataset::from_arrays(vec![column(name), column("b")]), Format::Npz).unwrap();
    std::fs::write(folder.path("t.npz"), bytes).unwrap();
    let said = folder.ok(&["compress", "t.npz", "--rel", "1e-3", "-v"]).stderr;
    let inspected = folder.ok(&["inspect", "t.bale"]);
    let json = folder.ok(&["inspect", "t.bale", "--json"]);
    assert_eq!(json.json()["variables"][0]["name"], name);
    folder.ok(&["report", "t.bale", "--against", "t.npz", "-o", "r.html"]);
    let page = std::fs::read_to_string(folder.path("r.html")).unwrap();
    let unknown = folder.refused(&["decompress", "t.bale", "-o", "x.npy", "--variables", "redd"]);
    let verified = folder.ok(&["verify", "t.bale"]).stderr;
    for text in [said, text(&inspected), text(&json), page, unknown, verified] {
        let bad = text.chars().find(|&c| c != '\n' && c != '\t' && baler_data::names::is_unseen(c));
        assert!(bad.is_none(), "{bad:?} in {text}");
    }
    assert!(text(&inspected).contains("\\u{1b}[31mred\\u{202e}\\u{a}\\u{7}"), "{}", text(&inspected));
}

#[cfg(unix)]
#[test]
fn a_file_over_its_limit_is_told() {
    let folder = Folder::new();
    write_npy(&folder.path("x.npy"), &[40_000], &smooth(40_000));
    folder.ok(&["compress", "x.npy", "--rel", "1e-3", "--fast", "-q"]);
    let baler = env!("CARGO_BIN_EXE_baler");
    let script = format!("ulimit -f 20; exec {baler} decompress x.bale -o y.npy");
    let limited =
        std::process::Command::new("sh").args(["-c", &script]).current_dir(folder.path("")).output();
    let limited = limited.unwrap();
    let said = String::from_utf8(limited.stderr).unwrap();
    assert_eq!(limited.status.code(), Some(2), "{said}");
    assert!(said.starts_with("baler: ") && said.lines().count() == 1, "{said}");
    assert_eq!(folder.names(), ["x.bale", "x.npy"]);
}

/// Names of old archives and of other systems are bytes.
#[cfg(target_os = "linux")]
#[test]
fn inputs_may_have_names_that_are_no_utf_8() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let folder = Folder::new();
    let name = OsStr::from_bytes(b"h\xe9.npy");
    write_npy(&folder.path("x.npy"), &[300], &smooth(300));
    std::fs::rename(folder.path("x.npy"), folder.path("").join(name)).unwrap();
    let run = |args: &[&OsStr]| {
        let mut command = folder.command(&[]);
        let output = command.args(args).output().unwrap();
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stderr).unwrap() + &String::from_utf8(output.stdout).unwrap()
    };
    let words = |words: &'static str| words.split(' ').map(OsStr::new).collect::<Vec<_>>();
    let said = run(&[&words("compress")[..], &[name], &words("--rel 1e-3")].concat());
    assert!(said.contains("h\\xe9.npy -> "), "{said}");
    let archive = OsStr::from_bytes(b"h\xe9.bale");
    run(&[&words("verify")[..], &[archive], &words("--against"), &[name]].concat());
    assert!(run(&[&words("inspect")[..], &[archive]].concat()).contains("300"));
    assert!(run(&[&words("inspect --quick")[..], &[name]].concat()).contains("300"));
    run(&[&words("decompress")[..], &[archive], &words("-o back.npy")].concat());
    assert!(worst(&read_npy(&folder.path("back.npy")), &smooth(300)) <= 2e-3);
    run(&[&words("decompress")[..], &[archive], &words("-d out")].concat());
    assert!(folder.path("out").join(name).is_file());
    // Folders give such names as well.
    run(&words("decompress . -d all"));
    assert!(folder.path("all").join(name).is_file());
    let missing = folder.command(&["verify"]).arg(OsStr::from_bytes(b"\xff.bale")).output().unwrap();
    let said = String::from_utf8(missing.stderr).unwrap();
    assert!(missing.status.code() == Some(2) && said.contains("reading \\xff.bale"), "{said}");
}
