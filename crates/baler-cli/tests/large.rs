//! Promise: data of any size in constant memory; a run that is killed loses nothing and leaves nothing half done under the
//! output's name; parts of an archive are the parts of its values; many files share one model.

mod support;

use std::time::Duration;
use support::{Folder, read_npy, smooth, worst, write_npy};

/// Chunks of this field are many: 2^22 values in chunks of 2^20.
const SHAPE: [usize; 3] = [64, 256, 256];

fn field(folder: &Folder, name: &str) -> Vec<f64> {
    let values = smooth(SHAPE.iter().product());
    write_npy(&folder.path(name), &SHAPE, &values);
    values
}

/// Frames of bytes in a raw file: 12 chunks, of which a thread makes four between two writes.
fn frames(folder: &Folder) {
    let values: Vec<u8> = (0..192 * 65_536_u32).map(|i| (i / 700 % 97 + i * 31 % 7) as u8).collect();
    std::fs::write(folder.path("x.raw"), values).unwrap();
}

#[test]
fn killed_runs_leave_no_output_and_are_gone_on_with() {
    let folder = Folder::new();
    frames(&folder);
    let raw = ["--shape", "192,256,256", "--dtype", "u1", "--abs", "1", "--method", "classical", "-q", "-j1"];
    let compress = [&["compress", "x.raw"][..], &raw].concat();
    folder.ok(&[&compress[..], &["-o", "whole.bale"]].concat());
    let whole = std::fs::read(folder.path("whole.bale")).unwrap();
    let mut left = 1 << 12;
    for resume in [&[][..], &["--resume"]] {
        left =
            stop_beyond(&folder, &[&compress[..], &["-o", "x.bale"], resume].concat(), "x.bale.part", left);
        assert!(!folder.path("x.bale").exists() && left < whole.len() as u64, "{left} of {}", whole.len());
    }
    let part = std::fs::read(folder.path("x.bale.part")).unwrap();
    folder.ok(&[&compress[..], &["-o", "x.bale", "--resume"]].concat());
    assert!(std::fs::read(folder.path("x.bale")).unwrap() == whole);
    assert!(part.len() * 3 > whole.len() && whole.starts_with(&part), "what was done stays");
    assert_eq!(folder.names(), ["whole.bale", "x.bale", "x.raw"]);
}

/// Starts a run and kills it once its part has more than so many bytes; tells how many it has then.
fn stop_beyond(folder: &Folder, args: &[&str], part: &str, n_least: u64) -> u64 {
    let mut child = folder.command(args).spawn().unwrap();
    let n_bytes = || std::fs::metadata(folder.path(part)).map_or(0, |found| found.len());
    while n_bytes() <= n_least {
        assert!(child.try_wait().unwrap().is_none(), "finished before it was stopped");
        std::thread::sleep(Duration::from_millis(1));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    n_bytes()
}

#[test]
fn resuming_with_other_data_is_refused() {
    let folder = Folder::new();
    field(&folder, "x.npy");
    let compress = ["compress", "x.npy", "--rel", "1e-4", "--fast", "-q", "-j1", "-o", "x.bale"];
    stop_beyond(&folder, &compress, "x.bale.part", 1 << 12);
    // One value of the first chunk, which is done: neither size nor range nor the ends of the file tell of it.
    let mut bytes = std::fs::read(folder.path("x.npy")).unwrap();
    let modified = std::fs::metadata(folder.path("x.npy")).unwrap().modified().unwrap();
    bytes[128 + 8 * 50_000..][..8].copy_from_slice(&0.5f64.to_le_bytes());
    std::fs::write(folder.path("x.npy"), &bytes).unwrap();
    let input = std::fs::File::options().write(true).open(folder.path("x.npy")).unwrap();
    input.set_modified(modified).unwrap();
    let error = folder.refused(&[&compress[..], &["--resume"]].concat());
    assert!(error.contains("the same data and options") && error.contains("--resume"), "{error}");
    assert!(!folder.path("x.bale").exists());
    folder.ok(&compress);
    folder.ok(&["verify", "x.bale", "--against", "x.npy", "-q"]);
    assert_eq!(folder.names(), ["x.bale", "x.npy"]);
}

#[test]
fn files_of_others_with_the_name_of_a_part_stay() {
    let folder = Folder::new();
    let input: Vec<u8> = smooth(40).iter().flat_map(|x| x.to_le_bytes()).collect();
    std::fs::write(folder.path("data.part"), &input).unwrap();
    let raw = ["--shape", "40", "--dtype", "f8", "--abs", "0.1"];
    let ran = folder.ok(&[&["compress", "data.part", "-o", "data"][..], &raw].concat());
    assert!(ran.stderr.contains("data.part2 takes what is done"), "{}", ran.stderr);
    assert!(std::fs::read(folder.path("data.part")).unwrap() == input);
    folder.ok(&["decompress", "data", "-o", "back.npy", "-q"]);
    assert!(worst(&smooth(40), &read_npy(&folder.path("back.npy"))) <= 0.1);
    assert_eq!(folder.names(), ["back.npy", "data", "data.part"]);
    // What another tool left there, even the start of an archive, has no note that it is ours.
    let archive = std::fs::read(folder.path("data")).unwrap();
    std::fs::write(folder.path("x.bale.part"), &archive[..archive.len() / 2]).unwrap();
    folder.ok(&["compress", "back.npy", "-o", "x.bale", "--abs", "0.1", "-q"]);
    assert!(std::fs::read(folder.path("x.bale.part")).unwrap() == archive[..archive.len() / 2]);
    assert_eq!(folder.names(), ["back.npy", "data", "data.part", "x.bale", "x.bale.part"]);
}

#[test]
fn slices_and_rows_are_parts_of_the_values() {
    let folder = Folder::new();
    field(&folder, "x.npy");
    folder.ok(&["compress", "x.npy", "--rel", "1e-3", "--fast", "-q", "-o", "x.bale"]);
    folder.ok(&["decompress", "x.bale", "-q", "-o", "all.npy"]);
    let all = read_npy(&folder.path("all.npy"));
    folder.ok(&["decompress", "x.bale", "-q", "-o", "cut.npy", "--slice", "30:33,:,-8:"]);
    let cut = read_npy(&folder.path("cut.npy"));
    let inside = |at: &usize| (30..33).contains(&(at / 65536)) && at % 256 >= 248;
    let expected: Vec<f64> = (0..all.len()).filter(inside).map(|at| all[at]).collect();
    assert!(cut == expected);
    folder.ok(&["decompress", "x.bale", "-q", "-o", "rows.npy", "--rows", "10:12"]);
    assert!(read_npy(&folder.path("rows.npy")) == all[10 * 65536..12 * 65536]);
    let ran = folder.ok(&["decompress", "x.bale", "-q", "-o", "end.npy", "--slice", "62:99,0,0"]);
    assert!(ran.stderr.contains("62:99 is cut to 0:64 of 'data'"), "{}", ran.stderr);
    assert_eq!(read_npy(&folder.path("end.npy")), [all[62 * 65536], all[63 * 65536]]);
}

#[test]
fn files_of_a_folder_share_a_model() {
    let folder = Folder::new();
    let names = ["a.npy", "b.npy", "c.npy"];
    for (idx, name) in names.iter().enumerate() {
        let values: Vec<f64> = smooth(24 * 40 * 40)
            .iter()
            .enumerate()
            .map(|(at, x)| x + (at % (7 + idx)) as f64 * 1e-4)
            .collect();
        write_npy(&folder.path(name), &[24, 40, 40], &values);
    }
    let compress = |dir: &str, more: &[&str]| {
        let all = [&["compress"][..], &names, &["--rel", "1e-3", "-q", "-d", dir], more].concat();
        folder.ok(&all);
    };
    compress("out", &[]);
    compress("named", &["--model-ref"]);
    assert!(folder.path("named/model.balm").is_file());
    for (idx, name) in ["a", "b", "c"].iter().enumerate() {
        let archive = format!("out/{name}.bale");
        folder.ok(&["verify", &archive, "--against", names[idx], "-q"]);
        let named = format!("named/{name}.bale");
        folder.ok(&["decompress", &named, "--model", "named/model.balm", "-q", "-f", "-o", "back.npy"]);
        let error = folder.refused(&["decompress", &named, "-q", "-f", "-o", "back.npy"]);
        assert!(error.contains("--model"), "{error}");
    }
    let error = folder.refused(&["compress", "a.npy", "b.npy", "--rel", "1e-3", "-o", "x.bale"]);
    assert!(error.contains("-d DIR"), "{error}");
}

/// Linux counts address space, stacks and all; 205 MB are less than the data.
#[cfg(target_os = "linux")]
#[test]
fn data_larger_than_memory_go_through() {
    let folder = Folder::new();
    let shape = [112, 512, 512];
    let values = smooth(shape.iter().product());
    write_npy(&folder.path("x.npy"), &shape, &values);
    drop(values);
    let script = "ulimit -v 200000; \"$0\" compress x.npy -o x.bale --rel 1e-3 --method classical -q -j1 && \
                  \"$0\" verify x.bale --against x.npy -q -j1 && \"$0\" decompress x.bale -o y.npy -q -j1";
    let shell = std::process::Command::new("sh")
        .args(["-c", script, env!("CARGO_BIN_EXE_baler")])
        .current_dir(folder.path(""))
        .output()
        .unwrap();
    assert!(shell.status.success(), "{}", String::from_utf8_lossy(&shell.stderr));
    let [x, y] = ["x.npy", "y.npy"].map(|name| std::fs::metadata(folder.path(name)).unwrap().len());
    assert_eq!(x, y);
}
