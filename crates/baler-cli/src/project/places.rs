//! Where a project's files are: the original's tree.

use std::path::{Path, PathBuf};

/// The files and folders of one project; relative to the folder in which baler is run.
#[derive(Debug, Clone)]
pub struct Places {
    /// `workspaces/W/P`
    pub root: PathBuf,
    /// `config/baler.toml`
    pub toml: PathBuf,
    /// `config/P_config.py`
    pub python: PathBuf,
    /// `workspaces/W/data/P_data.npz`
    pub default_input: PathBuf,
    /// `output/compressed_output/model.balm`, where the original kept `model.pt`
    pub model: PathBuf,
    /// `output/compressed_output/compressed.bale`
    pub archive: PathBuf,
    /// `output/decompressed_output/decompressed.npz`
    pub decompressed: PathBuf,
    /// `output/training`: checkpoints
    pub training: PathBuf,
    /// `output/training/loss_data.csv`
    pub losses: PathBuf,
    /// `output/plotting`: the figures of `plot` and `diagnose`
    pub plots: PathBuf,
}

impl Places {
    pub fn new(workspace: &str, project: &str) -> Places {
        let root = Path::new("workspaces").join(workspace).join(project);
        let output = root.join("output");
        Places {
            toml: root.join("config/baler.toml"),
            python: root.join("config").join(format!("{project}_config.py")),
            default_input: Path::new("workspaces").join(workspace).join(format!("data/{project}_data.npz")),
            model: output.join("compressed_output/model.balm"),
            archive: output.join("compressed_output/compressed.bale"),
            decompressed: output.join("decompressed_output/decompressed.npz"),
            training: output.join("training"),
            losses: output.join("training/loss_data.csv"),
            plots: output.join("plotting"),
            root,
        }
    }

    /// Every folder of a new project.
    pub fn folders(&self) -> Vec<PathBuf> {
        let data = self.default_input.parent().map(Path::to_path_buf);
        let output = ["compressed_output", "decompressed_output", "plotting", "training"];
        data.into_iter()
            .chain([self.root.join("config")])
            .chain(output.map(|name| self.root.join("output").join(name)))
            .collect()
    }

    /// The config that a mode reads.
    pub fn config_in_use(&self) -> &Path {
        if self.toml.exists() { &self.toml } else { &self.python }
    }
}
