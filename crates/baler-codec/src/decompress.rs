//! Archive -> dataset: the stages of compress backwards.

use crate::decode::reader::Reader;
use crate::model::Model;
use crate::report::{NoProgress, Progress};
use baler_data::dataset::Dataset;
use baler_data::error::Result;
use baler_data::names;
use baler_data::names::pattern_matches;
use baler_data::source::slice::{Range1, Slice};
use baler_data::source::sliced::Sliced;
use baler_data::source::{Selected, Source, collect};
use baler_data::threads::Threads;
use std::io::Cursor;
use std::ops::Range;

/// What to decompress, and with what.
#[derive(Debug, Clone, Default)]
pub struct DecompressOptions<'a> {
    /// Names or patterns; all variables without.
    pub variables: Option<Vec<String>>,
    /// Rows (first axis); all without.
    pub rows: Option<Range<usize>>,
    /// Ranges or indices of axes; everything without, or where there are `rows`.
    pub slice: Option<Slice>,
    /// The model file that the archive names, if it names one.
    pub model: Option<&'a Model>,
    /// The threads that work.
    pub threads: Threads,
}

/// Decompresses a whole archive.
///
/// # Errors
/// [`baler_data::error::ErrorKind::Corrupt`] for damaged bytes, [`baler_data::error::ErrorKind::Config`] if the archive needs a model file.
pub fn decompress(bytes: &[u8]) -> Result<Dataset> {
    decompress_with(bytes, &DecompressOptions::default(), &mut NoProgress)
}

/// Decompresses what is asked for; chunks that hold none of it are not decoded.
///
/// # Errors
/// As [`decompress`], and [`baler_data::error::ErrorKind::Config`] for unknown names or rows.
pub fn decompress_with(
    bytes: &[u8],
    options: &DecompressOptions,
    progress: &mut dyn Progress,
) -> Result<Dataset> {
    // 7 container.
    let reader = Reader::open_with(Cursor::new(bytes), options.model, &options.threads)?;
    reader.index().check_hash()?;
    // 6 entropy-decode, 5 predict or decode, 4 dequantize: chunk by chunk, as the source is read.
    let source = parts(&reader, options)?;
    progress.stage("decompress", source.schema().size_bytes() as u64);
    // 1 write: the dataset as it was.
    collect(&source, reader.threads(), |n_bytes| progress.advance(n_bytes))
}

/// The parts of a source that are asked for.
///
/// # Errors
/// [`baler_data::error::ErrorKind::Config`] for unknown names, or slices that do not fit.
pub fn parts<'a>(source: &'a dyn Source, options: &DecompressOptions) -> Result<Box<dyn Source + 'a>> {
    let names = source.schema().names();
    let resolved = |pattern: &String| names::resolved(pattern, names.clone());
    let patterns: Option<Vec<String>> = (options.variables.as_deref())
        .map(|patterns| patterns.iter().map(resolved).collect::<Result<_>>())
        .transpose()?;
    let wanted = |name: &str| {
        patterns.as_deref().is_none_or(|patterns| patterns.iter().any(|p| pattern_matches(p, name)))
    };
    // Without a choice of variables, attachments stay as well.
    let selected: Box<dyn Source + 'a> = match &patterns {
        None => Box::new(source),
        Some(_) => Box::new(Selected::new(source, wanted)),
    };
    if let Some(rows) = &options.rows {
        return Ok(Box::new(Sliced::new(selected, &Slice::from(Range1::from(rows.clone())))?));
    }
    match &options.slice {
        Some(slice) => Ok(Box::new(Sliced::new(selected, slice)?)),
        None => Ok(selected),
    }
}
