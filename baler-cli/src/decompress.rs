//! `baler decompress`: archive in, data out, with the dtypes, shapes, names and order they had.

use crate::cli::SayArgs;
use crate::compress::refuse_json_on_stdout;
use crate::input::{natural_format, open_archive, read_model};
use crate::json::{self, DecompressedObject};
use crate::library::{
    DecompressOptions, Decompressed, Error, Format, Range1, Reader, Schema, Source, io, pattern_matches,
};
use crate::live;
use crate::numbers::{counted, grouped};
use crate::output::{Target, say};
use crate::progress::Loudness;
use crate::settings::unknown_variable;
use anyhow::{Context, Result};
use clap::Args;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// Get the data back
#[derive(Args)]
pub struct DecompressArgs {
    /// Archive; - is standard input
    pub archive: String,
    /// A file whose name ends in a format (.npz, .h5, .root, .parquet, ...); - is standard output
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Only these variables (names, or patterns with *)
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub variables: Option<Vec<String>>,
    /// Only rows A to B - 1 of the first axis: A:B, A: or :B
    #[arg(long, value_name = "A:B", value_parser = parse_rows)]
    pub rows: Option<Rows>,
    /// Only a slice, one range an axis as in NumPy: '10:20,:,-64:'; the others whole
    #[arg(long, value_name = "A:B,..", conflicts_with = "rows", allow_hyphen_values = true)]
    pub slice: Option<String>,
    /// The model that the archive names
    #[arg(long, value_name = "FILE")]
    pub model: Option<PathBuf>,
    /// Threads (0: all cores)
    #[arg(short = 'j', long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    pub threads: usize,
    /// Replace an existing output
    #[arg(short, long)]
    pub force: bool,
    /// Print one JSON object on standard output
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub say: SayArgs,
}

/// Rows from..to, each end optional.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rows(Option<usize>, Option<usize>);

fn parse_rows(text: &str) -> Result<Rows, String> {
    let wrong = || "expected A:B, A: or :B with whole numbers A < B".to_string();
    let end = |text: &str| match text.trim() {
        "" => Ok(None),
        number => number.parse().map(Some).map_err(|_| wrong()),
    };
    let (from, to) = text.split_once(':').ok_or_else(wrong)?;
    match Rows(end(from)?, end(to)?) {
        Rows(Some(from), Some(to)) if from >= to => Err(wrong()),
        rows => Ok(rows),
    }
}

pub fn run(args: &DecompressArgs) -> Result<()> {
    if live::decompress(args)? {
        return Ok(());
    }
    let output = match &args.output {
        Some(output) => output.as_path(),
        None if args.archive == "-" => Path::new("-"),
        None => return Err(Error::config("expected -o FILE, the output; - is standard output").into()),
    };
    let target = Target::new(output, args.force)?;
    refuse_json_on_stdout(args.json, &target)?;
    let named = if target.is_stdout() { None } else { Some(output_format(output)?) };
    let model = args.model.as_deref().map(read_model).transpose()?;
    let archive = open_archive(&args.archive)?;
    let reader = Reader::open_with(archive.reader(), model.as_ref(), args.threads)
        .with_context(|| args.archive.clone())?;
    let options = DecompressOptions {
        variables: args.variables.as_deref().map(|v| choose_variables(reader.schema(), v)).transpose()?,
        rows: args.rows.map(|rows| choose_rows(reader.schema(), rows)).transpose()?,
        slice: args.slice.as_deref().map(Range1::parse_all).transpose()?,
        ..DecompressOptions::default()
    };
    let mut bar = args.say.bar();
    let data = Decompressed::new(&reader, &options).with_context(|| args.archive.clone())?;
    let is_csv = data.schema().attachments.iter().any(|a| a.metadata_format() == Some("csv"));
    let natural = if is_csv { Format::Csv } else { natural_format(data.schema().layout) };
    let format = named.unwrap_or(natural);
    say_lost(data.schema(), format);
    match format {
        Format::Zarr => target.write_folder(&io::write_zarr(&data.dataset(&mut bar)?)?)?,
        _ => target.write_with(|out| Ok(data.write(format, out, &mut bar)?))?,
    }
    bar.finish();
    if args.json {
        json::print(&DecompressedObject::new(archive.len(), data.schema()))?;
    }
    if args.say.loudness() > Loudness::Quiet {
        say(&line(archive.len(), data.schema()));
    }
    Ok(())
}

/// Says what the output's format cannot keep.
pub fn say_lost(schema: &Schema, format: Format) {
    if let Some(lost) = io::lost(schema, format) {
        say(&format!("baler: warning: {lost}"));
    }
}

/// The one line at the end.
pub fn line(archive_bytes: u64, schema: &Schema) -> String {
    format!(
        "{} -> {} bytes  {}",
        grouped(archive_bytes),
        grouped(schema.size_bytes() as u64),
        counted(schema.variables.len(), "variable"),
    )
}

/// A device such as /dev/null has no suffix and takes any format.
fn output_format(path: &Path) -> Result<Format> {
    match Format::from_path(path) {
        Err(_) if path.exists() && !path.is_file() => Ok(Format::Npz),
        other => Ok(other?),
    }
}

/// The names that the patterns mean; one that means nothing is an error.
fn choose_variables(schema: &Schema, patterns: &[String]) -> Result<Vec<String>> {
    let names: Vec<&str> = schema.names().collect();
    for pattern in patterns {
        if !names.iter().any(|name| pattern_matches(pattern, name)) {
            return Err(unknown_variable(pattern, &names).into());
        }
    }
    let asked = |name: &&str| patterns.iter().any(|p| pattern_matches(p, name));
    Ok(names.into_iter().filter(asked).map(str::to_string).collect())
}

/// Rows within the shortest first axis.
fn choose_rows(schema: &Schema, rows: Rows) -> Result<Range<usize>> {
    let n_rows = schema
        .variables
        .iter()
        .filter(|v| v.storage.lists.is_none())
        .map(|v| v.n_rows())
        .min()
        .unwrap_or_default();
    let range = rows.0.unwrap_or(0)..rows.1.unwrap_or(n_rows);
    if range.start >= range.end || range.end > n_rows {
        let text = format!(
            "expected --rows within 0:{n_rows}, found {}:{}; the last row is {}",
            range.start,
            range.end,
            n_rows.saturating_sub(1)
        );
        return Err(Error::config(text).into());
    }
    Ok(range)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_have_open_ends() {
        assert_eq!(parse_rows("3:7"), Ok(Rows(Some(3), Some(7))));
        assert_eq!(parse_rows(":7"), Ok(Rows(None, Some(7))));
        assert_eq!(parse_rows("3:"), Ok(Rows(Some(3), None)));
        for wrong in ["3", "7:3", "3:3", "a:b", "-1:4"] {
            assert!(parse_rows(wrong).is_err(), "{wrong}");
        }
    }
}
