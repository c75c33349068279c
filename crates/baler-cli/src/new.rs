//! `baler new`: a workspace in the original's layout, with a commented baler.toml. Never overwrites.

use crate::library::Error;
use crate::output::{write_stdout, write_whole};
use crate::project::Places;
use anyhow::{Context, Result};
use clap::Args;

/// Make a workspace in the original's layout, with a commented baler.toml
#[derive(Args)]
pub struct NewArgs {
    pub workspace: String,
    pub project: String,
}

pub fn run(args: &NewArgs) -> Result<()> {
    make_project(&args.workspace, &args.project)
}

/// Makes what is missing of a project below `workspaces/`, and says what it made.
pub fn make_project(workspace: &str, project: &str) -> Result<()> {
    for name in [workspace, project] {
        let plain = |c: char| c.is_alphanumeric() || "_-. ".contains(c);
        if name.is_empty() || name.starts_with(['.', '-', ' ']) || !name.chars().all(plain) {
            let text = format!("expected a name of letters, digits, '_', '-' and '.', found '{name}'");
            return Err(Error::config(text).into());
        }
    }
    let places = Places::new(workspace, project);
    let mut text = String::new();
    for folder in places.folders() {
        if !folder.is_dir() {
            std::fs::create_dir_all(&folder).with_context(|| format!("making {}", folder.display()))?;
            text += &format!("made {}\n", folder.display());
        }
    }
    if places.toml.exists() || places.python.exists() {
        let kept = if places.toml.exists() { &places.toml } else { &places.python };
        text += &format!("kept {}\n", kept.display());
    } else {
        write_whole(&places.toml, template(&places).as_bytes(), false)?;
        text += &format!("made {}\n", places.toml.display());
        text += &format!("next: put the data at {}, then\n", places.default_input.display());
        for mode in ["train", "compress", "decompress"] {
            text += &format!("  baler --project {workspace} {project} --mode {mode}\n");
        }
    }
    write_stdout(text.as_bytes())
}

/// The commented baler.toml of a new project.
fn template(places: &Places) -> String {
    // A literal string: a backslash in a Windows path stays one.
    TEMPLATE.replace("INPUT", &places.default_input.display().to_string())
}

const TEMPLATE: &str = "\
# Settings of this project. Each key is the long option of baler with _ for -; see baler train --help.
# Paths start at the folder in which baler is run.

# The data: .npy, .npz or .csv.
input = 'INPUT'

# The promise: exactly one of these seven.
rel = 1e-3                  # error at most this times each variable's range
# abs = 0.01                # error at most this
# pw_rel = 1e-2             # error at most this times each |x|
# lossless = true           # bit for bit
# ratio = 10.0              # the best there is at a size: at most 1/10 of the bytes
# size = '25MB'             # the same in bytes, or a share such as '10%'
# latent = 15               # no promise but a size: 15 latents per row, frame or block

# Single variables; names may have a *.
# bound = ['pt,mass=rel:1e-4', 'eta=abs:1e-3']
# exact = ['nMuon']
# drop = ['comment']
# missing = ['tos=1e20']    # fill values, kept exactly; ['none'] if there are none
# cuts = ['pt=20,30']       # no value crosses these thresholds; abs(eta)=2.4 is -2.4 and 2.4
# signs = ['charge']        # signs are kept, and zeros stay the only zeros
# limits = ['cc=0:1']       # no value leaves these limits
# keep_sum = ['rho']        # the sum of each chunk stays what it was

# auto keeps the smallest file, model included; or predictive, autoencoder, classical.
method = 'auto'

# Training.
# arch = 'auto'             # dense:200,100,50, conv2d:8,16, conv3d:8,16, or a name of the original: AE
# epochs = 0                # 0: chosen from the size of the data
# lr = 1e-3
# batch = 512
# seed = 0
# validation = 0.1          # fraction of rows held out
# early_stopping_patience = 100
# min_delta = 0.0
# lr_patience = 50          # halve lr after so many epochs without improvement
# l1 = 0.0
# loss = 'mse'              # or swae
# normalization = 'minmax'  # or standard, robust
# transform = 'none'        # log for heavy tails
# init = 'principal'        # or random
# block = [1, 25, 25]       # extents of a block of a field
# checkpoint_every = 0      # epochs
# checkpoint_dir = 'checkpoints'
# from_checkpoint = 'checkpoints/model_100.ckpt'
# threads = 0               # 0: all cores
";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::FileSettings;
    use clap::CommandFactory;

    #[test]
    fn the_template_and_each_of_its_comments_are_valid() {
        let text = template(&Places::new("W", "P"));
        let file = FileSettings::parse_toml(&text, "baler.toml").unwrap();
        assert_eq!(file.settings.options().unwrap().bound, crate::library::BoundSpec::Rel(1e-3));
        let mut keys: Vec<String> = Vec::new();
        for line in text.lines().map(|line| line.strip_prefix("# ").unwrap_or(line)) {
            if let Some((key, _)) = line.split_once(" = ").filter(|(key, _)| !key.contains(' ')) {
                FileSettings::parse_toml(line, key).unwrap();
                keys.push(key.to_string());
            }
        }
        for argument in FileSettings::command().get_arguments() {
            let key = argument.get_long().unwrap().replace('-', "_");
            assert!(keys.contains(&key), "the template lacks {key}");
        }
    }
}
