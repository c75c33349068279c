//! Promise: the exported folder passes its own benches, which are the RTL, the C and the C++ against the emulator, bit for bit;
//! and the benches fail when one bit of a reference is flipped. Tools that are not installed are named, not installed.

mod networks;

use baler_fpga::{Request, Spec, Stage, Target, project};
use std::path::Path;
use std::process::{Command, Output};

/// True if a tool is there; says so if not.
fn has(tool: &str) -> bool {
    let found = Command::new("sh").args(["-c", &format!("command -v {tool}")]).output();
    let found = found.is_ok_and(|output| output.status.success());
    if !found {
        eprintln!("skipped: {tool} is not installed");
    }
    found
}

/// Writes the folder of a network; one whose name ends in `_raw` takes raw numbers of 12 bits, each with another stage.
fn export(folder: &Path, name: &str, request: &Request) {
    let plain = name.trim_end_matches("_raw");
    let network = networks::all().into_iter().find(|(known, _)| *known == plain).unwrap().1;
    let mut spec = Spec::of_network(name, &network).unwrap();
    for (at, input) in spec.inputs.iter_mut().enumerate().filter(|_| plain != name) {
        (input.bits, input.range) = (12, [-2048, 2047]);
        let shift = at as u32 % 4;
        input.stage = Some(Stage { multiplier: 37 + 8 * at as i64, offset: 500 - 900 * at as i64, shift });
    }
    for (path, bytes) in project(&spec, request).unwrap().files {
        let path = folder.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
}

/// `make TARGET` with nothing in the environment but a path.
fn make(folder: &Path, target: &str) -> Output {
    let path = "/usr/local/bin:/usr/bin:/bin";
    Command::new("make").arg(target).current_dir(folder).env_clear().env("PATH", path).output().unwrap()
}

fn passes(folder: &Path, target: &str, name: &str) {
    let output = make(folder, target);
    let text =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("PASS"), "{name}: {text}");
}

fn fails(folder: &Path, target: &str) {
    let output = make(folder, target);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(!output.status.success() && text.contains("FAIL"), "{text}");
}

fn small(targets: &[Target]) -> Request {
    Request { targets: targets.to_vec(), n_random: 96, ..Request::default() }
}

#[test]
fn rtl_gives_the_emulator_s_latents() {
    if !(has("iverilog") && has("make")) {
        return;
    }
    let verilog = || small(&[Target::Verilog]);
    let cases = [
        ("tiny", verilog()),
        ("tiny", Request { levels: 1, ..verilog() }),
        ("tiny_leaky", verilog()),
        ("micro", verilog()),
        ("linear", verilog()),
        ("conv", verilog()),
        ("bypass", verilog()),
        ("tiny", Request { reuse: 2, ..verilog() }),
        ("tiny_leaky", Request { reuse: 4, ..verilog() }),
        ("tiny", Request { reuse: 7, ..verilog() }),
        ("tiny", Request { reuse: 20, ..verilog() }),
        ("micro", Request { reuse: 8, ..verilog() }),
        ("linear", Request { reuse: 5, ..verilog() }),
        ("conv", Request { reuse: 64, ..verilog() }),
        ("tiny_raw", verilog()),
        ("micro_raw", Request { reuse: 3, ..verilog() }),
        ("micro_raw", Request { reuse: 8, ..verilog() }),
        ("tiny_leaky", Request { reuse: 20, ram: true, ..verilog() }),
        ("tiny", Request { reuse: 4, ram: true, ..verilog() }),
    ];
    for (name, request) in cases {
        let folder = tempfile::tempdir().unwrap();
        export(folder.path(), name, &request);
        passes(folder.path(), "sim", &format!("{name}, reuse {}, ram {}", request.reuse, request.ram));
    }
}

#[test]
fn a_free_running_design_needs_no_ready() {
    if !(has("iverilog") && has("make")) {
        return;
    }
    for reuse in [1, 8] {
        let folder = tempfile::tempdir().unwrap();
        export(folder.path(), "micro", &Request { reuse, ..small(&[Target::Verilog]) });
        let bench = folder.path().join("sim/bench.v");
        let text = std::fs::read_to_string(&bench).unwrap();
        // The receiver takes every word and says ready to none.
        let free = text
            .replace("_encoder dut (", "_encoder #(.FREE_RUNNING(1)) dut (")
            .replace(".m_axis_tready(m_ready)", ".m_axis_tready(1'b0)")
            .replace("m_ready <= ~stalls | noise[9] | noise[3];", "m_ready <= 1;");
        assert_ne!(free, text);
        std::fs::write(&bench, free).unwrap();
        passes(folder.path(), "sim", &format!("free running, reuse {reuse}"));
    }
}

#[test]
fn a_flipped_bit_of_the_reference_fails_every_bench() {
    if !(has("iverilog") && has("make") && has("cc") && has("c++")) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    export(folder.path(), "micro", &small(&[Target::Verilog, Target::C, Target::Hls]));
    for target in ["sim", "c", "hls"] {
        passes(folder.path(), target, target);
    }
    let flip = |path: &str, last: fn(char) -> char| {
        let path = folder.path().join(path);
        let text = std::fs::read_to_string(&path).unwrap();
        let (body, end) = text.trim_end().split_at(text.trim_end().len() - 1);
        std::fs::write(&path, format!("{body}{}\n", last(end.chars().next().unwrap()))).unwrap();
    };
    flip("sim/latents.hex", |digit| char::from_digit(digit.to_digit(16).unwrap() ^ 1, 16).unwrap());
    flip("vectors.txt", |digit| char::from_digit(digit.to_digit(10).unwrap() ^ 1, 16).unwrap());
    for target in ["sim", "c", "hls"] {
        fails(folder.path(), target);
    }
}

#[test]
fn c_and_cpp_give_the_emulator_s_latents() {
    if !(has("make") && has("cc") && has("c++")) {
        return;
    }
    for name in ["tiny_leaky", "bypass", "micro_raw"] {
        let folder = tempfile::tempdir().unwrap();
        export(folder.path(), name, &small(&[Target::C, Target::Hls]));
        passes(folder.path(), "c", name);
        passes(folder.path(), "hls", name);
    }
}

#[test]
fn what_does_not_fit_is_told() {
    let network = networks::dense(&[16, 20, 10, 8], networks::RELU, 8, 0, 1);
    let spec = Spec::of_network("tiny", &network).unwrap();
    let text = project(&spec, &Request { reuse: 21, ..Request::default() }).unwrap_err().to_string();
    assert!(text.contains("expected --reuse from 2 to the widest layer's 20, found 21"), "{text}");
    let spec = Spec::of_network("bypass", &networks::bypass()).unwrap();
    let text = project(&spec, &Request { reuse: 4, ..Request::default() }).unwrap_err().to_string();
    assert!(text.contains("leave --reuse out"), "{text}");
    let text = project(&spec, &Request::default()).unwrap_err().to_string();
    assert!(text.contains("leave qonnx out"), "{text}");
}
