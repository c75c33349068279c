//! A toml file of settings. Its keys are the long options with `_` for `-`; each key is turned into the
//! option's words and parsed by the same code, so both have the same values and the same errors.

use super::Settings;
use crate::library::Error;
use crate::nearest::suggestion;
use anyhow::{Context, Result};
use clap::{CommandFactory, Parser};
use std::path::{Path, PathBuf};

/// What a settings file may say.
#[derive(Parser, Debug, Clone, Default)]
#[command(disable_help_flag = true, no_binary_name = true)]
pub struct FileSettings {
    /// The data of a project
    #[arg(long)]
    pub input: Option<PathBuf>,
    #[command(flatten)]
    pub settings: Settings,
    /// Threads
    #[arg(long)]
    pub threads: Option<usize>,
}

impl FileSettings {
    /// Reads `path`; an unknown key or a wrong value is an error.
    pub fn read(path: &Path) -> Result<FileSettings> {
        let text = std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
        FileSettings::parse_toml(&text, &path.display().to_string())
    }

    /// Parses the text of a file; `name` is used in errors.
    pub fn parse_toml(text: &str, name: &str) -> Result<FileSettings> {
        let table: toml::Table = text.parse().map_err(|e: toml::de::Error| {
            let line =
                e.span().map_or(1, |span| text[..span.start.min(text.len())].matches('\n').count() + 1);
            Error::config(format!("{name}, line {line}: {}", e.message()))
        })?;
        let command = FileSettings::command();
        let known: Vec<String> =
            command.get_arguments().filter_map(|a| a.get_long()).map(|l| l.replace('-', "_")).collect();
        let mut words = Vec::new();
        for (key, value) in &table {
            if !known.contains(key) {
                let near = suggestion(key, known.iter().map(String::as_str));
                return Err(Error::config(format!("{name}: no such key '{key}'; {near}")).into());
            }
            push_words(&mut words, key, value)
                .map_err(|found| Error::config(format!("{name}: key '{key}' cannot be {found}")))?;
        }
        FileSettings::try_parse_from(words)
            .map_err(|e| Error::config(format!("{name}: {}", crate::errors::one_line(&e))).into())
    }
}

/// Appends `--key=value` for each value of the key; says what it found where that is no value of an option.
fn push_words(words: &mut Vec<String>, key: &str, value: &toml::Value) -> Result<(), &'static str> {
    use toml::Value;
    let option = format!("--{}", key.replace('_', "-"));
    match value {
        Value::Boolean(true) => words.push(option),
        Value::Boolean(false) => {}
        Value::String(s) => words.push(format!("{option}={s}")),
        Value::Integer(i) => words.push(format!("{option}={i}")),
        Value::Float(x) => words.push(format!("{option}={x}")),
        Value::Array(list) => {
            for item in list {
                match item {
                    Value::Array(_) | Value::Table(_) | Value::Boolean(_) => {
                        return Err("a list of anything but numbers and strings");
                    }
                    item => push_words(words, key, item)?,
                }
            }
        }
        Value::Datetime(_) => return Err("a date"),
        Value::Table(_) => return Err("a section"),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::library::{BoundSpec, Loss};

    #[test]
    fn keys_are_the_options() {
        let text = "input = 'a.npz'\npw_rel = 1e-2\nepochs = 7\nlr = 0.5\nblock = [1, 25, 25]\nloss = 'swae'\n\
            exact = ['phi', 'eta']\nbound = ['pt=abs:1']\narch = 'dense:200,100,50'\nmethod = 'autoencoder'";
        let file = FileSettings::parse_toml(text, "f.toml").unwrap();
        let options = file.settings.options().unwrap();
        assert_eq!(options.bound, BoundSpec::PwRel(0.01));
        assert_eq!(options.rules.len(), 3);
        assert_eq!(options.training.epochs, 7);
        assert_eq!(options.training.block, [1, 25, 25]);
        assert_eq!(options.training.loss, Loss::SlicedWasserstein);
        assert_eq!(options.training.arch, "dense:200,100,50");
        assert_eq!(file.input.unwrap(), Path::new("a.npz"));
    }

    #[test]
    fn unknown_keys_and_values_are_told() {
        for (text, expected) in [
            ("epoch = 3", "f.toml: no such key 'epoch'; nearest: epochs"),
            ("pw-rel = 3", "f.toml: no such key 'pw-rel'; nearest: pw_rel"),
            ("epochs = 'many'", "f.toml: invalid value 'many' for '--epochs"),
            ("lr = -1", "expected a finite number above 0"),
            ("loss = 'emd'", "[possible values: mse, swae]"),
            ("abs = '5%'", "--rel 5%"),
            ("\nepochs = ", "f.toml, line 2: "),
            ("[training]\nepochs = 3", "no such key 'training'"),
            ("epochs = [[1]]", "a list of anything but"),
            ("lossless = 3", "f.toml: "),
            ("help = true", "no such key 'help'"),
        ] {
            let error = FileSettings::parse_toml(text, "f.toml").unwrap_err().to_string();
            assert!(error.contains(expected), "{text}: {error}");
            assert!(!error.contains('\n'), "{error}");
        }
    }

    #[test]
    fn every_training_option_has_a_key() {
        let text = "arch='AE'\nepochs=1\nlr=1e-4\nbatch=2\nseed=3\nvalidation='20%'\nlr_patience=4\n\
            early_stopping_patience=5\nmin_delta=0.1\nl1=0.2\nloss='mse'\nnormalization='robust'\ntransform='log'\n\
            init='random'\nblock=[2]\ncheckpoint_every=6\ncheckpoint_dir='c'\nfrom_checkpoint='r'\nlatent=3";
        let training = FileSettings::parse_toml(text, "f").unwrap().settings.options().unwrap().training;
        let default = crate::library::TrainOptions::default();
        assert!(training.arch == "AE" && training.epochs == 1 && training.lr == 1e-4 && training.batch == 2);
        assert!(training.seed == 3 && training.validation == 0.2 && training.lr_patience == 4);
        assert!(training.early_stopping_patience == 5 && training.min_delta == 0.1 && training.l1 == 0.2);
        assert!(training.normalization != default.normalization && training.transform != default.transform);
        assert!(training.init != default.init && training.block == [2] && training.checkpoint_every == 6);
        assert_eq!(training.checkpoint_dir.unwrap(), Path::new("c"));
        assert_eq!(training.resume.unwrap(), Path::new("r"));
    }
}
