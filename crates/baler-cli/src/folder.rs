//! `baler compress -d DIR`: many inputs, an archive each. Fields share one model, which is trained on samples of all
//! and embedded in each archive, or stands once as DIR/model.balm and is named by its hash.

use crate::compress::{CompressArgs, archive_name, compress_one};
use crate::input::{identity, open_data};
use crate::library::{BoundSpec, Error, ErrorKind, Method, Model, Options, Source, is_searched, train_on};
use crate::numbers::{counted, grouped, ratio};
use crate::output::{Target, say};
use crate::progress::{Files, Loudness};
use crate::settings::with_names;
use crate::train::line;
use anyhow::{Context, Result};
use std::path::{Path, PathBuf};

/// Compresses all inputs.
pub fn compress_all(
    inputs: &[String],
    folder: &Path,
    options: &Options,
    model: Option<Model>,
    args: &CompressArgs,
    drop: &[String],
) -> Result<()> {
    let targets = targets(inputs, folder)?;
    std::fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
    // Nothing is begun where an output is in the way.
    let targets: Vec<Target> =
        (targets.iter()).map(|path| Target::new(path, args.force)).collect::<Result<_>>()?;
    let model_target = folder.join("model.balm");
    let beside = args.model_ref && args.model.is_none();
    let model_target = if beside { Some(Target::new(&model_target, args.force)?) } else { None };
    let model = match model {
        Some(model) => Some(model),
        None => shared_model(inputs, options, args, drop)?,
    };
    match (&model_target, &model) {
        (Some(target), Some(model)) => target.write(&model.to_bytes())?,
        (Some(_), None) => {
            let text = "--model-ref names a model, these data share none: only fields do; leave it out, or give one \
                        with --model";
            return Err(Error::config(text).into());
        }
        _ => {}
    }
    let files = Files::new(inputs.len(), args.say.loudness());
    let (mut input_bytes, mut archive_bytes) = (0, 0);
    for (input, target) in inputs.iter().zip(&targets) {
        files.begin(input);
        let identity = identity(input)?;
        let source = open_data(input, &args.raw, drop)?;
        let report = compress_one((input, identity), &*source, target, options, model.as_ref(), args)?;
        input_bytes += report.input_bytes;
        archive_bytes += report.archive_bytes;
        files.end();
    }
    std::mem::drop(files);
    if args.say.loudness() > Loudness::Quiet && inputs.len() > 1 {
        say(&format!(
            "total: {}  {} -> {} bytes ({} x)",
            counted(inputs.len(), "input"),
            grouped(input_bytes),
            grouped(archive_bytes),
            ratio(input_bytes as f64 / archive_bytes.max(1) as f64)
        ));
    }
    Ok(())
}

/// DIR/NAME.bale for each input, which must differ.
fn targets(inputs: &[String], folder: &Path) -> Result<Vec<PathBuf>> {
    let mut targets: Vec<PathBuf> = Vec::with_capacity(inputs.len());
    for input in inputs {
        let name = archive_name(input)?;
        let target = folder.join(name.file_name().unwrap_or_default());
        if let Some(at) = targets.iter().position(|other| *other == target) {
            let text = format!("'{}' and '{input}' would both become {}", inputs[at], target.display());
            return Err(Error::config(format!("{text}; rename one, or give each its own folder")).into());
        }
        targets.push(target);
    }
    Ok(targets)
}

/// One model for all, where the data are fields or a size is asked for; files of tables have each their own.
fn shared_model(
    inputs: &[String],
    options: &Options,
    args: &CompressArgs,
    drop: &[String],
) -> Result<Option<Model>> {
    let sources: Vec<Box<dyn Source>> =
        inputs.iter().map(|input| open_data(input, &args.raw, drop)).collect::<Result<_>>()?;
    let fields = sources.iter().flat_map(|source| &source.schema().variables).all(|v| v.shape.len() >= 2);
    let searched = is_searched(options, false);
    let sized = !searched && (options.size.is_some() || options.bound == BoundSpec::Unbounded);
    let learns = match options.method {
        // What is odd in a file is for that file to say: none shares a model with others.
        _ if args.outliers.outliers.is_some() => false,
        Method::Classical => false,
        Method::Autoencoder => true,
        Method::Predictive | Method::Auto => sized || (fields && !searched),
    };
    if !learns {
        return Ok(None);
    }
    let sources: Vec<&dyn Source> = sources.iter().map(|source| &**source).collect();
    let mut bar = args.say.bar();
    let options = with_names(options, sources.iter().map(|source| source.schema()))?;
    match train_on(&sources, &options, &mut bar) {
        Ok(trained) => {
            bar.finish();
            if args.say.loudness() > Loudness::Quiet {
                say(&line(&trained));
            }
            Ok(Some(trained.model))
        }
        // Too little to learn from: each file is compressed by itself.
        Err(error) if error.kind() == ErrorKind::Input && !sized && options.method == Method::Auto => {
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_input_has_an_archive_of_its_own() {
        let names = |inputs: &[&str]| {
            let inputs: Vec<String> = inputs.iter().map(|s| s.to_string()).collect();
            targets(&inputs, Path::new("out"))
        };
        let found = names(&["a/run1.npy", "run2.npz:pt"]).unwrap();
        assert_eq!(found, [PathBuf::from("out/run1.bale"), PathBuf::from("out/run2_pt.bale")]);
        let error = names(&["a/run.npy", "b/run.npy"]).unwrap_err().to_string();
        assert!(error.contains("'a/run.npy' and 'b/run.npy'"), "{error}");
        assert!(names(&["-"]).is_err());
    }
}
