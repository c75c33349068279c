//! Data to an archive: where a size is asked for, a search for the best that fits it; else one compression.

use crate::sized;
use baler_codec::encode::output::Output;
use baler_codec::model::Model;
use baler_codec::options::Options;
use baler_codec::plan::trainer::Models;
use baler_codec::report::{NoProgress, Progress, Report};
use baler_data::dataset::Dataset;
use baler_data::error::{Error, Result};
use baler_data::source::{InMemory, Source};
use baler_train::Training;

/// An archive and what is told of it.
#[derive(Debug)]
pub struct Compressed {
    /// The bytes of the `.bale` file.
    pub bytes: Vec<u8>,
    /// Sizes, promises, errors.
    pub report: Report,
}

/// Compresses a dataset; the archive's bytes depend only on `dataset` and `options`.
///
/// # Errors
/// [`crate::ErrorKind::Config`] for options that do not fit the data.
pub fn compress(dataset: &Dataset, options: &Options) -> Result<Vec<u8>> {
    Ok(compress_with(dataset, options, None, &mut NoProgress)?.bytes)
}

/// Compresses a dataset with a trained `model`, or without. With [`crate::Method::Auto`] and a bound, an autoencoder is used
/// only where that makes the smaller archive.
///
/// # Errors
/// [`crate::ErrorKind::Config`] for options or a model that do not fit the data.
pub fn compress_with(
    dataset: &Dataset,
    options: &Options,
    model: Option<&Model>,
    progress: &mut dyn Progress,
) -> Result<Compressed> {
    let mut bytes = Vec::new();
    let report = compress_source(&InMemory::of(dataset), options, model, &mut bytes, progress)?;
    Ok(Compressed { bytes, report })
}

/// [`compress_with`] for a source of any size and any output: what is written depends only on the source's values and
/// the options, not on the kind of source, the threads, or how much of the output was there from a run before.
///
/// # Errors
/// As [`compress_with`], and [`crate::ErrorKind::Io`] where reading or writing fails.
pub fn compress_source(
    source: &dyn Source,
    options: &Options,
    model: Option<&Model>,
    out: &mut dyn Output,
    progress: &mut dyn Progress,
) -> Result<Report> {
    if sized::is_searched(options, model.is_some()) {
        if options.outliers.is_some() {
            return Err(Error::config(
                "rows in full (--outliers) take what they take; give a bound such as --rel 1e-3 with them, or --latent K",
            ));
        }
        return sized::compress(source, options, out, progress);
    }
    let models = Models { model, trainer: Some(&Training), latents: None };
    baler_codec::compress::compress_source(source, options, models, out, progress)
}
