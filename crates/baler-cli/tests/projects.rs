//! Workspaces in the original's layout, as far as they need no data.

mod support;

use support::Folder;

#[test]
fn a_new_project_has_the_originals_folders_and_is_never_overwritten() {
    for command in [vec!["new", "W", "P"], vec!["--project", "W", "P", "--mode", "newProject"]] {
        let folder = Folder::new();
        let made = folder.ok(&command);
        assert!(String::from_utf8(made.stdout).unwrap().contains("next: put the data at"));
        for name in ["data", "P/config", "P/output/compressed_output", "P/output/decompressed_output"] {
            assert!(folder.path("workspaces/W").join(name).is_dir(), "{name}");
        }
        for name in ["P/output/plotting", "P/output/training"] {
            assert!(folder.path("workspaces/W").join(name).is_dir(), "{name}");
        }
        let config = folder.path("workspaces/W/P/config/baler.toml");
        std::fs::write(&config, "mine").unwrap();
        folder.ok(&command);
        assert_eq!(std::fs::read_to_string(&config).unwrap(), "mine");
    }
}

#[test]
fn an_original_project_keeps_its_config() {
    let folder = Folder::new();
    let config = folder.path("workspaces/W/P/config");
    std::fs::create_dir_all(&config).unwrap();
    std::fs::write(config.join("P_config.py"), "def set_config(c):\n    c.epochs = 5\n").unwrap();
    folder.ok(&["new", "W", "P"]);
    assert!(!config.join("baler.toml").exists());
}

#[test]
fn a_config_with_code_is_refused_with_its_line() {
    let folder = Folder::new();
    folder.ok(&["new", "W", "P"]);
    let config = folder.path("workspaces/W/P/config");
    std::fs::remove_file(config.join("baler.toml")).unwrap();
    let code = "def set_config(c):\n    c.epochs = 5\n    c.lr = 1 / 1000\n";
    std::fs::write(config.join("P_config.py"), code).unwrap();
    let line = folder.refused(&["--project", "W", "P", "--mode", "train"]);
    assert!(
        line.contains("P_config.py, line 3: expected c.key = literal, found 'c.lr = 1 / 1000'"),
        "{line}"
    );
    std::fs::write(config.join("P_config.py"), "def set_config(c):\n    c.epoch = 5\n").unwrap();
    let line = folder.refused(&["--project", "W", "P", "--mode", "train"]);
    assert!(line.contains("line 2: no such key 'epoch'; nearest: epochs"), "{line}");
}

#[test]
fn modes_say_what_must_come_first() {
    let folder = Folder::new();
    folder.ok(&["new", "W", "P"]);
    for (mode, first) in
        [("compress", "--mode train"), ("decompress", "--mode compress"), ("info", "--mode compress")]
    {
        let line = folder.refused(&["--project", "W", "P", "--mode", mode]);
        assert!(line.contains(&format!("run {first} first")), "{line}");
    }
}

/// The original's CFD_still: one frame, a config with what Python writes, and folders that version control did not keep.
#[test]
fn one_frame_goes_through_all_modes() {
    let folder = Folder::new();
    let root = folder.path("workspaces/W");
    std::fs::create_dir_all(root.join("data")).unwrap();
    std::fs::create_dir_all(root.join("P/config")).unwrap();
    let values = (0..50 * 50).map(|i| f64::from(i % 50) * 0.1 + f64::from(i / 50).sin()).collect();
    let frame =
        baler_data::dataset::Variable::new("data", vec![1, 50, 50], baler_data::dataset::Values::F64(values))
            .unwrap();
    let npz = baler_io::write(&baler_data::dataset::Dataset::from_arrays(vec![frame]), baler_io::Format::Npz)
        .unwrap();
    std::fs::write(root.join("data/P_data.npz"), npz).unwrap();
    let config = "\"\"\"One frame.\"\"\"\n\ndef set_config(c):\n    c.input_path = (\n        \"workspaces/W/\"\n\
        \x20       \"data/P_data.npz\"\n    )\n    c.compression_ratio = 50\n    c.epochs = 5\n\
        \x20   c.model_name = \"CFD_dense_AE\"\n    c.error_bounded_requirement = False\n\
        \x20   c.InputShape = (1, 16)\n    c.custom_norm = False\n";
    std::fs::write(root.join("P/config/P_config.py"), config).unwrap();
    for mode in ["train", "compress", "decompress", "info", "plot"] {
        folder.ok(&["--project", "W", "P", "--mode", mode, "-q"]);
    }
    assert!(root.join("P/output/decompressed_output/decompressed.npz").is_file());
}
