//! Promise: every machine writes and reads the same bytes. The levels of vector instructions stand for machines.

mod support;

use support::{Folder, smooth, write_npy};

/// Runs with `BALER_SIMD=level`; false where this machine lacks the level.
fn run_at(folder: &Folder, level: &str, args: &[&str]) -> bool {
    let output = folder.command(args).env("BALER_SIMD", level).output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    if stderr.contains("expected a level that this machine has") {
        assert_eq!(output.status.code(), Some(2));
        return false;
    }
    assert_eq!(output.status.code(), Some(0), "{level} {args:?}: {stderr}");
    true
}

#[test]
fn all_vector_instructions_give_the_same_archives_and_values() {
    let folder = Folder::new();
    write_npy(&folder.path("x.npy"), &[12, 20, 30], &smooth(12 * 20 * 30));
    let training = ["--epochs", "2", "--block", "1,10,10", "--arch", "conv2d:4"];
    let cases = [
        ("classical", vec!["--rel", "1e-3", "--method", "classical"]),
        ("predictive", vec!["--rel", "1e-3", "--method", "predictive"]),
        ("latent", [&["--latent", "3"][..], &training].concat()),
        ("residual", [&["--rel", "1e-2", "--method", "autoencoder"][..], &training].concat()),
    ];
    for (name, options) in cases {
        let mut archives = Vec::new();
        let mut values = Vec::new();
        for level in ["scalar", "avx2", "avx512"] {
            let (archive, back) = (format!("{name}-{level}.bale"), format!("{name}-{level}.npy"));
            let compress = [&["compress", "x.npy", "-q", "-o", &archive][..], &options].concat();
            if !run_at(&folder, level, &compress) {
                println!("{name}: this machine lacks {level}");
                continue;
            }
            // The archive of the first level, read at this one.
            assert!(run_at(
                &folder,
                level,
                &["decompress", &format!("{name}-scalar.bale"), "-q", "-o", &back]
            ));
            archives.push(std::fs::read(folder.path(&archive)).unwrap());
            values.push(std::fs::read(folder.path(&back)).unwrap());
        }
        assert!(archives.windows(2).all(|pair| pair[0] == pair[1]), "{name}: archives differ");
        assert!(values.windows(2).all(|pair| pair[0] == pair[1]), "{name}: values differ");
    }
}

#[test]
fn an_unknown_level_is_told() {
    let folder = Folder::new();
    write_npy(&folder.path("x.npy"), &[12, 20, 30], &smooth(7200));
    let args = ["compress", "x.npy", "-o", "x.bale", "--latent", "2", "--epochs", "1"];
    let output = folder.command(&args).env("BALER_SIMD", "sse9").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(
        String::from_utf8_lossy(&output.stderr).contains("expected scalar, avx2 or avx512, found 'sse9'")
    );
    assert_eq!(folder.names(), ["x.npy"]);
}
