//! What the command line accepts and refuses: errors are one line and exit code 2.

mod support;

use support::{Folder, smooth, write_npy};

#[test]
fn wrong_words_are_told_in_one_line() {
    let folder = Folder::new();
    let out = ["-o", "out.bale"];
    for (args, expected) in [
        (vec!["compress", "x.npy"], "no promise given; choose --abs E"),
        (vec!["comprss", "x.npy"], "'compress'"),
        (vec!["compress", "x.npy", "-o", "y", "--rell", "1"], "'--rel'; see baler compress --help"),
        (vec!["compress", "x.npy", "-o", "y", "--abs", "1", "--rel", "1"], "cannot be used with"),
        (vec!["compress", "x.npy", "-o", "y", "--rel", "1", "--ratio", "3"], "cannot be used with"),
        (vec!["compress", "x.npy", "-o", "y", "--rel", "1", "-3", "-6"], "cannot be used with"),
        (vec!["compress", "x.npy", "-o", "y", "--rel", "1", "-3", "--best"], "cannot be used with"),
        (vec!["compress", "x.npy", "-o", "y", "--abs", "-1"], "finite number >= 0, found -1"),
        (vec!["compress", "x.npy", "-o", "y", "--abs", "nan"], "found NaN"),
        (vec!["compress", "x.npy", "-o", "y", "--ratio", "0"], "above 0"),
        (vec!["compress", "x.npy", "-o", "y", "--rel", "1", "--bound", "pt"], "'pt,mass=rel:1e-3'"),
        (vec!["compress", "x.npy", "-o", "y", "--rel", "1", "--missing", "many"], "found 'many'"),
        (vec!["compress", "x.npy", "-o", "y", "--rel", "1", "--model-ref"], "give it with --model"),
        (
            vec!["compress", "x.npy", "-o", "y", "--rel", "1", "--model", "m", "--epochs", "3"],
            "never refitted",
        ),
        (
            vec!["compress", "x.npy", "-o", "y", "--latent", "3", "--method", "classical"],
            "leave one of them out",
        ),
        (vec!["compress", "x.npy", "-o", "y", "--rel", "1", "--dtype", "f4"], "--shape"),
        (
            vec!["compress", "x", "-o", "y", "--rel", "1", "--shape", "3", "--dtype", "flot32"],
            "nearest: float32",
        ),
        (vec!["compress", "x.npy", "-o", "-", "--rel", "1", "--json"], "not both"),
        (vec!["train", "x.npy", "-o", "m.balm", "--rel", "1", "--device", "gpu"], "possible values: cpu"),
        (vec!["train", "x.npy", "-o", "m.balm", "--rel", "1", "--validation", "1"], "below 1"),
        (vec!["decompress", "no.bale", "-o", "x.npy"], "reading no.bale"),
        (vec!["decompress", "no.bale", "-o", "x.npy", "--rows", "7:3"], "expected A:B"),
        (vec!["verify", "no.bale"], "reading no.bale"),
        (vec!["demo", "cdf"], "nearest: cfd"),
        (vec!["new", "../W", "P"], "found '../W'"),
        (vec!["compare", "x.npy", "--rel", "1e-3"], "reading 'x.npy'"),
        (vec!["report", "x.bale", "--against", "x.npy", "-o", "r.html"], "reading 'x.npy'"),
        (vec!["--project", "W", "P"], "--mode <MODE>"),
        (vec!["--project", "W", "--mode", "train"], "2 values required"),
        (vec!["--project", "W", "P", "--mode", "trian"], "'train'"),
        (vec!["--project", "W", "P", "--mode", "train"], "found none"),
        (vec!["--project", "W", "P", "--mode", "plot"], "found none"),
        (vec!["--project", "W", "P", "--mode", "diagnose"], "found none"),
        (vec!["--project", "W", "P", "--mode", "convert_with_hls4ml"], "baler export workspaces/W/P/output"),
    ] {
        let line = folder.refused(&args);
        assert!(line.contains(expected), "{args:?}: {line}");
    }
    let line = folder.refused(&["compress", "x.npy", out[0], out[1]]);
    for word in ["--abs", "--rel", "--pw-rel", "--lossless", "--ratio", "--latent"] {
        assert!(line.contains(word), "{line}");
    }
    assert!(folder.names().is_empty());
}

#[test]
fn wrong_settings_files_are_told_with_the_nearest_key() {
    let folder = Folder::new();
    std::fs::write(folder.path("f.toml"), "epoch = 3").unwrap();
    let args = ["train", "x.npy", "-o", "m.balm", "--rel", "1e-3", "--config", "f.toml"];
    assert_eq!(folder.refused(&args), "baler: f.toml: no such key 'epoch'; nearest: epochs");
    let args = ["train", "x.npy", "-o", "m.balm", "--rel", "1e-3", "--config", "g.toml"];
    assert!(folder.refused(&args).contains("reading g.toml"));
}

#[test]
fn wrong_outputs_are_told_before_the_work() {
    let folder = Folder::new();
    write_npy(&folder.path("x.npy"), &[8], &smooth(8));
    std::fs::write(folder.path("old.bale"), b"old").unwrap();
    let line = folder.refused(&["compress", "x.npy", "-o", "old.bale", "--rel", "1e-3"]);
    assert!(line.contains("old.bale exists; use -f"), "{line}");
    let line = folder.refused(&["compress", "x.npy", "-o", "no/out.bale", "--rel", "1e-3"]);
    assert!(line.contains("the folder no of the output does not exist"), "{line}");
    assert_eq!(std::fs::read(folder.path("old.bale")).unwrap(), b"old");
    assert_eq!(folder.names(), ["old.bale", "x.npy"]);
}

#[test]
fn help_and_version_go_to_standard_output() {
    let folder = Folder::new();
    let version = folder.ok(&["--version"]);
    let expected = format!("baler {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(String::from_utf8(version.stdout).unwrap(), expected);
    for args in [vec!["--help"], vec!["compress", "--help"], vec!["help", "train"]] {
        let help = folder.ok(&args);
        assert!(String::from_utf8(help.stdout).unwrap().contains("Usage: baler"));
        assert!(help.stderr.is_empty());
    }
    assert_eq!(folder.run(&[]).code, 2);
}

/// A promise that nobody keeps is refused and not dropped.
#[test]
fn promises_are_refused_where_none_is_kept() {
    let folder = Folder::new();
    write_npy(&folder.path("x.npy"), &[10], &smooth(10));
    for (args, expected) in [
        (&["train", "x.npy", "-o", "m.balm", "--rel", "1e-2"][..], "give them to compress"),
        (&["compare", "x.npy", "--rel", "1e-2"], "what all of them keep"),
        (&["compress", "x.npy", "--records", "--model", "m.balm", "-o", "y.bals"], "leave out the promise"),
        (&["compress", "--latents", "x.npy", "--model", "m.balm", "-o", "y.bale"], "leave out the promise"),
    ] {
        for promise in
            [["--cuts", "data=0"], ["--signs", "data"], ["--limits", "data=-9:9"], ["--keep-sum", "data"]]
        {
            let text = folder.refused(&[args, &promise].concat());
            assert!(text.contains(expected), "{text}");
        }
    }
    for bound in [["--bound", "data=abs:1"], ["--exact", "data"], ["--missing", "0"]] {
        let args = ["compress", "x.npy", "--records", "--model", "m.balm", "-o", "y.bals"];
        assert!(folder.refused(&[&args[..], &bound].concat()).contains("leave out the promise"));
    }
    assert_eq!(folder.names(), ["x.npy"]);
}

#[test]
fn options_that_do_not_work_are_not_listed() {
    let folder = Folder::new();
    let help = |args: &[&str]| String::from_utf8(folder.ok(args).stdout).unwrap();
    let compare = help(&["compare", "--help"]);
    for option in ["--size", "--latent", "--cuts", "--signs", "--limits", "--keep-sum", "first seven"] {
        assert!(!compare.contains(option), "{option}");
    }
    assert!(compare.contains("Promise (exactly one of the first five)") && compare.contains("--missing"));
    assert!(help(&["compress", "--help"]).contains("Promise (exactly one of the first seven)"));
    let modes = help(&["--help"]);
    assert!(modes.contains("diagnose") && !modes.contains("hls4ml"), "{modes}");
}

#[test]
fn completions_are_made_for_each_shell() {
    let folder = Folder::new();
    for (shell, sign) in [("bash", "complete -F"), ("zsh", "#compdef baler"), ("fish", "complete -c baler")] {
        let script = String::from_utf8(folder.ok(&["completions", shell]).stdout).unwrap();
        assert!(script.contains(sign) && script.contains("decompress"), "{shell}");
    }
    assert!(folder.refused(&["completions", "csh"]).contains("possible values"));
}

/// What a command of the shell says and how it ends; `$0` is baler.
#[cfg(target_os = "linux")]
fn shell(folder: &Folder, script: &str) -> (Option<i32>, String) {
    let shell = std::process::Command::new("sh")
        .args(["-c", script, env!("CARGO_BIN_EXE_baler")])
        .current_dir(folder.path(""))
        .output()
        .unwrap();
    (shell.status.code(), String::from_utf8(shell.stderr).unwrap())
}

#[cfg(target_os = "linux")]
#[test]
fn a_closed_standard_output_is_an_error() {
    let folder = Folder::new();
    std::fs::write(folder.path("x.csv"), "a,b\n1,2\n3,4\n").unwrap();
    for command in ["compress x.csv -o - --lossless -q", "inspect x.csv -q", "inspect x.csv --json"] {
        let (code, said) = shell(&folder, &format!("\"$0\" {command} >&-"));
        assert!(
            code == Some(2) && said.contains("found it closed; nothing was written"),
            "{command}: {said}"
        );
        assert_eq!(shell(&folder, &format!("\"$0\" {command} > /dev/null")).0, Some(0), "{command}");
    }
    assert_eq!(shell(&folder, "\"$0\" compress x.csv -o x.bale --lossless -q >&-").0, Some(0));
}

#[cfg(target_os = "linux")]
#[test]
fn a_pipe_without_end_that_holds_nothing_known_is_refused() {
    let folder = Folder::new();
    for command in [
        "cat /dev/zero | \"$0\" compress - -o x.bale --rel 1e-3",
        "\"$0\" compress /dev/zero -o x.bale --rel 1e-3",
    ] {
        let (code, said) = shell(&folder, command);
        assert!(code == Some(2) && said.contains("--shape"), "{command}: {said}");
    }
}

#[test]
fn a_reader_that_goes_away_is_no_panic() {
    use std::process::Stdio;
    let folder = Folder::new();
    for args in [vec!["completions", "bash"], vec!["--help"]] {
        let mut command = folder.command(&args);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(0), "{stderr}");
        assert!(stderr.is_empty(), "{stderr}");
    }
}
