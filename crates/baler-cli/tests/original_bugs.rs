//! The bugs of the original that are about commands and files, turned around, by number. The others stand in
//! crates/baler/tests/regressions.rs.

mod support;

use support::{Folder, read_npy, smooth, worst, write_npy};

/// A project with a field of 12 frames of 20 x 30 as its data.
fn project(config: Option<&str>) -> (Folder, Vec<f64>) {
    let folder = Folder::new();
    folder.ok(&["new", "W", "P"]);
    let values = smooth(12 * 20 * 30);
    write_npy(&folder.path("x.npy"), &[12, 20, 30], &values);
    let data = folder.path("workspaces/W/data/P_data.npz");
    folder.ok(&["compress", "x.npy", "-o", "x.bale", "--lossless", "-q"]);
    folder.ok(&["decompress", "x.bale", "-o", data.to_str().unwrap(), "-q"]);
    if let Some(text) = config {
        let config = folder.path("workspaces/W/P/config");
        std::fs::remove_file(config.join("baler.toml")).unwrap();
        std::fs::write(config.join("P_config.py"), format!("def set_config(c):\n{text}")).unwrap();
    }
    (folder, values)
}

fn mode(folder: &Folder, mode: &str) -> String {
    let ran = folder.ok(&["--project", "W", "P", "--mode", mode]);
    String::from_utf8(ran.stdout).unwrap() + &ran.stderr
}

#[test]
fn b02_the_config_of_a_new_project_goes_through_all_modes() {
    let (folder, _) = project(None);
    for name in ["train", "compress", "decompress", "info"] {
        mode(&folder, name);
    }
}

#[test]
fn b03_decompress_needs_the_archive_only() {
    let (folder, values) = project(None);
    mode(&folder, "train");
    mode(&folder, "compress");
    std::fs::remove_file(folder.path("workspaces/W/data/P_data.npz")).unwrap();
    std::fs::remove_file(folder.path("x.npy")).unwrap();
    std::fs::remove_file(folder.path("workspaces/W/P/output/compressed_output/model.balm")).unwrap();
    mode(&folder, "decompress");
    let npz = "workspaces/W/P/output/decompressed_output/decompressed.npz";
    folder.ok(&["compress", npz, "-o", "again.bale", "--lossless", "-q"]);
    folder.ok(&["decompress", "again.bale", "-o", "again.npy", "-q"]);
    assert_eq!(read_npy(&folder.path("again.npy")).len(), values.len());
}

#[test]
fn b09_info_works_without_normalization_and_with_separate_saving() {
    let config = "    c.compression_ratio = 10\n    c.model_name = 'CFD_dense_AE'\n    c.epochs = 1\n    \
        c.apply_normalization = False\n    c.separate_model_saving = True\n";
    let (folder, _) = project(Some(config));
    assert!(mode(&folder, "train").contains("separate_model_saving"));
    mode(&folder, "compress");
    assert!(mode(&folder, "info").contains("the model counted"));
}

#[test]
fn b25_sizes_are_bytes_and_add_up() {
    let folder = Folder::new();
    write_npy(&folder.path("x.npy"), &[40, 50], &smooth(2000));
    let object = folder.ok(&["compress", "x.npy", "-o", "x.bale", "--rel", "1e-3", "--json"]).json();
    let size = std::fs::metadata(folder.path("x.bale")).unwrap().len();
    assert_eq!((&object["input_bytes"], &object["archive_bytes"]), (&16_000.into(), &size.into()));
    let sum = object["model_bytes"].as_u64().unwrap() + object["payload_bytes"].as_u64().unwrap();
    assert_eq!(sum, size);
    assert_eq!(object["ratio"].as_f64().unwrap(), 16_000.0 / size as f64);
}

#[test]
fn b27_nothing_that_is_read_is_ever_executed() {
    let folder = Folder::new();
    // What NumPy writes for an array of objects: a pickle, which unpickles to a call of os.system.
    let mut header = "{'descr': '|O', 'fortran_order': False, 'shape': (1,), }".to_string();
    header += &" ".repeat(127 - 10 - header.len());
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16 + 1).to_le_bytes());
    bytes.extend(header.bytes());
    bytes.extend(b"\ncos\nsystem\n(S'touch ran'\ntR.");
    std::fs::write(folder.path("evil.npy"), bytes).unwrap();
    let line = folder.refused(&["compress", "evil.npy", "-o", "evil.bale", "--lossless"]);
    assert!(line.contains("runs code"), "{line}");
    folder.ok(&["new", "W", "P"]);
    let config = folder.path("workspaces/W/P/config");
    std::fs::remove_file(config.join("baler.toml")).unwrap();
    let code =
        "import os\nos.system('touch ran')\ndef set_config(c):\n    c.epochs = os.system('touch ran')\n";
    std::fs::write(config.join("P_config.py"), code).unwrap();
    folder.refused(&["--project", "W", "P", "--mode", "train"]);
    assert_eq!(folder.names(), ["evil.npy", "workspaces"]);
}

/// The bound on a project's way, with the original's keys: a percentage of each value (B-06).
#[test]
fn b06_the_original_s_error_bound_is_honored() {
    let config = "    c.compression_ratio = 10\n    c.model_name = 'CFD_dense_AE'\n    c.epochs = 1\n    \
        c.save_error_bounded_deltas = True\n    c.error_bounded_requirement = 1\n";
    let (folder, values) = project(Some(config));
    for name in ["train", "compress", "decompress"] {
        mode(&folder, name);
    }
    let npz = "workspaces/W/P/output/decompressed_output/decompressed.npz";
    folder.ok(&["compress", npz, "-o", "again.bale", "--lossless", "-q"]);
    folder.ok(&["decompress", "again.bale", "-o", "again.npy", "-q"]);
    let back = read_npy(&folder.path("again.npy"));
    assert!(
        values.iter().zip(&back).all(|(x, y)| (x - y).abs() <= 0.01 * x.abs()),
        "{:e}",
        worst(&values, &back)
    );
}
