//! `baler decompress`: archive in, data out, with the dtypes, shapes, names and order they had.

use crate::input::{files_of, open_archive, read_model, source_format};
use crate::json::{self, DecompressedObject};
use crate::library::{
    DecompressOptions, Decompressed, Error, Format, Pick, Picked, Range1, Reader, Schema, Slice, Source,
    Threads, io, parts,
};
use crate::live;
use crate::many;
use crate::names;
use crate::numbers::{counted, grouped};
use crate::output::refuse_json_on_stdout;
use crate::output::{Target, say};
use crate::progress::{Bar, Loudness};
use crate::say::SayArgs;
use crate::settings::choose_variables;
use crate::tables;
use anyhow::{Context, Result};
use clap::Args;
use std::io::{Read, Seek};
use std::path::{Path, PathBuf};

/// Get the data back
#[derive(Args)]
pub struct DecompressArgs {
    /// Archives or live streams, or folders of them; - is standard input. Several with -d, or joined row after row with -o
    #[arg(value_name = "ARCHIVE", required = true, value_parser = names::parser())]
    pub archives: Vec<String>,
    /// A file whose name ends in a format (.npz, .h5, .root, .parquet, ...); - is standard output
    #[arg(short, long, value_name = "FILE", conflicts_with = "folder")]
    pub output: Option<PathBuf>,
    /// A folder for the data of all archives, each in a file of its own
    #[arg(short = 'd', long = "dir", value_name = "DIR")]
    pub folder: Option<PathBuf>,
    /// Format of outputs whose name tells none (with -d, or standard output): npz, h5, ...; that of the source without
    #[arg(long, value_name = "SUFFIX", value_parser = parse_format)]
    pub format: Option<Suffix>,
    /// Only these variables (names, unique last parts of names, or patterns with *)
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub variables: Option<Vec<String>>,
    /// Only rows A to B - 1 of the first axis, of those that have them: A:B, A:, :B, or -B: for the last
    #[arg(long, value_name = "A:B", value_parser = parse_rows, allow_hyphen_values = true)]
    pub rows: Option<Range1>,
    /// Only a slice as in NumPy, '10:20,:,3', or of axes by name, 'time=3,lat=10:20'; a single index drops its axis
    #[arg(long, value_name = "A:B,..", conflicts_with = "rows", allow_hyphen_values = true, value_parser = parse_slice)]
    pub slice: Option<Slice>,
    /// Only the rows that are stored in full (compress --outliers), with their numbers and scores
    #[arg(long)]
    pub outliers: bool,
    /// The model that the archive names
    #[arg(long, value_name = "FILE")]
    pub model: Option<PathBuf>,
    /// Threads (0: all cores)
    #[arg(short = 'j', long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    pub threads: usize,
    /// Replace an existing output
    #[arg(short, long)]
    pub force: bool,
    /// Print one JSON object on standard output (with -d one a line)
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub say: SayArgs,
}

/// A format and the ending of its files.
#[derive(Debug, Clone, PartialEq)]
pub struct Suffix(String, Format);

fn parse_format(text: &str) -> Result<Suffix, String> {
    let suffix = text.trim_start_matches('.').to_ascii_lowercase();
    let format = Format::from_path(Path::new(&format!("x.{suffix}")))
        .map_err(|_| "expected npy, npz, csv, h5, nc, root, parquet, tif, fits, zarr or raw".to_string())?;
    Ok(Suffix(suffix, format))
}

fn parse_rows(text: &str) -> Result<Range1, String> {
    let wrong = || "expected A:B, A: or :B with whole numbers A <= B".to_string();
    let rows = Range1::parse(text).ok_or_else(|| match text.trim().parse::<isize>() {
        Ok(row) if row != -1 => format!("expected A:B, found one row; {row}:{} is that row", row + 1),
        _ => wrong(),
    })?;
    match rows {
        Range1 { start: Some(start), end: Some(end) } if start > end && (start < 0) == (end < 0) => {
            Err(wrong())
        }
        rows => Ok(rows),
    }
}

fn parse_slice(text: &str) -> Result<Slice, String> {
    Slice::parse(text).map_err(|error| error.to_string())
}

pub fn run(args: &DecompressArgs) -> Result<()> {
    let archives = files_of(&args.archives)?;
    if let Some(folder) = &args.folder {
        return many::decompress_all(&archives, folder, args);
    }
    let [archive] = archives.as_slice() else { return many::decompress_joined(&archives, args) };
    let output = match &args.output {
        Some(output) => output.as_path(),
        None if archive == "-" || live::is_stream(archive) => Path::new("-"),
        None => {
            let text = "expected -o FILE, the output, or -d DIR, its folder; -o - is standard output";
            return Err(Error::config(text).into());
        }
    };
    let target = Target::new(output, args.force)?;
    refuse_json_on_stdout(args.json, &target)?;
    let asked = args.format.as_ref().map(|suffix| suffix.1);
    let named = match asked {
        Some(format) => Some(format),
        None if target.is_stdout() => None,
        None if live::is_stream(archive) => Format::from_path(output).ok(),
        None => Some(output_format(output)?),
    };
    one(archive, &target, named, args).map(drop)
}

/// Bytes of an archive and of what came back.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sizes {
    pub archive: u64,
    pub output: u64,
}

/// Decompresses one archive or live stream to its target; without a format to that of its source.
pub fn one(archive: &str, target: &Target, format: Option<Format>, args: &DecompressArgs) -> Result<Sizes> {
    if args.outliers && live::is_stream(archive) {
        return Err(no_outliers(archive));
    }
    if let Some(sizes) = live::decompress(archive, target, format, args)? {
        return Ok(sizes);
    }
    let model = args.model.as_deref().map(read_model).transpose()?;
    let region = open_archive(archive)?;
    let reader = Reader::open_with(region.reader(), model.as_ref(), &Threads::new(args.threads)?)
        .with_context(|| archive.to_string())?;
    if !args.outliers {
        return write(&reader, (archive, region.len()), target, format, args);
    }
    let outliers = reader.outliers().ok_or_else(|| no_outliers(archive))?;
    write(&outliers.rows, (archive, region.len()), target, format, args)
}

/// The error where rows in full are asked for and there are none.
pub fn no_outliers(archive: &str) -> anyhow::Error {
    let text = "expected rows in full, found none: compress --outliers stores some; leave out --outliers";
    anyhow::Error::from(Error::input(text)).context(archive.to_string())
}

/// Writes what is asked for of an archive with so many bytes.
fn write<R: Read + Seek + Send>(
    reader: &Reader<R>,
    (archive, archive_bytes): (&str, u64),
    target: &Target,
    format: Option<Format>,
    args: &DecompressArgs,
) -> Result<Sizes> {
    let mut options = wanted(reader.schema(), args)?;
    let mut bar = args.say.bar();
    let format_of = |schema: &Schema| format.unwrap_or_else(|| natural(schema, target));
    if matches!(format_of(reader.schema()), Format::Hdf5 | Format::NetCdf) {
        options.slice = options.slice.map(with_axes);
    }
    let data = Decompressed::new(reader, &options).with_context(|| archive.to_string())?;
    warn_of_slice(reader, &options, &mut bar)?;
    let format = format_of(data.schema());
    if let Some(tables) = tables::of(data.schema(), format)? {
        tables::write(reader, &options, &tables, (format, target), args, &mut bar)?;
        return done(archive_bytes, data.schema(), args, bar);
    }
    say_lost(data.schema(), format);
    match format {
        Format::Zarr => target.write_folder(&io::write_zarr(&data.dataset(&mut bar)?)?)?,
        _ => target.write_with(|out| Ok(data.write(format, out, &mut bar)?))?,
    }
    done(archive_bytes, data.schema(), args, bar)
}

/// Tells what came back of an archive.
fn done(archive_bytes: u64, schema: &Schema, args: &DecompressArgs, mut bar: Bar) -> Result<Sizes> {
    bar.finish();
    if args.json {
        json::print(&DecompressedObject::new(archive_bytes, schema))?;
    }
    if args.say.loudness() > Loudness::Quiet {
        say(&line(archive_bytes, schema));
    }
    Ok(Sizes { archive: archive_bytes, output: schema.size_bytes() as u64 })
}

/// The format of the source; a folder such as a Zarr store is nothing for a pipe.
pub fn natural(schema: &Schema, target: &Target) -> Format {
    match source_format(schema).0 {
        Format::Zarr if !matches!(target, Target::File { .. }) => Format::Npz,
        format => format,
    }
}

/// What the arguments ask for of an archive with these variables.
pub fn wanted(schema: &Schema, args: &DecompressArgs) -> Result<DecompressOptions<'static>> {
    let variables = args.variables.as_deref().map(|v| choose_variables(schema, v)).transpose()?;
    let slice = args.rows.map(Slice::from).or(args.slice.clone());
    Ok(DecompressOptions { variables, slice, ..DecompressOptions::default() })
}

/// The slice with ranges of one in the place of single indices: HDF5 and NetCDF name the axes that their source had, so
/// none is dropped there.
pub fn with_axes(slice: Slice) -> Slice {
    let kept = |pick: Pick| match pick {
        Pick::Index(at) => {
            let end = Some(at + 1).filter(|&end| end != 0); // behind the last is the end
            Pick::Range(Range1 { start: Some(at), end })
        }
        range => range,
    };
    let first = slice.first.into_iter().map(kept).collect();
    Slice { first, named: slice.named.into_iter().map(|(name, pick)| (name, kept(pick))).collect() }
}

/// Says where less is picked than was asked for.
pub fn warn_of_slice(source: &dyn Source, options: &DecompressOptions, bar: &mut Bar) -> Result<()> {
    if let Some(slice) = &options.slice {
        let whole =
            DecompressOptions { variables: options.variables.clone(), ..DecompressOptions::default() };
        let chosen = parts(source, &whole)?;
        bar.warn_all(&Picked::new(chosen.schema(), slice)?.warnings());
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

impl Suffix {
    pub fn text(&self) -> &str {
        &self.0
    }

    pub fn format(&self) -> Format {
        self.1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_have_open_ends() {
        let rows = |start, end| Ok(Range1 { start, end });
        assert_eq!(parse_rows("3:7"), rows(Some(3), Some(7)));
        assert_eq!(parse_rows(":7"), rows(None, Some(7)));
        assert_eq!(parse_rows("3:"), rows(Some(3), None));
        assert_eq!(parse_rows("-5:"), rows(Some(-5), None));
        assert_eq!(parse_rows("3:3"), rows(Some(3), Some(3)));
        for wrong in ["7:3", "-3:-7", "a:b", "", "1:2:3"] {
            assert!(parse_rows(wrong).is_err(), "{wrong}");
        }
        assert!(parse_rows("3").unwrap_err().contains("3:4 is that row"));
    }

    #[test]
    fn single_indices_become_ranges_where_axes_stay() {
        let slice = with_axes(Slice::parse("2,-1,1:3").unwrap());
        assert_eq!(slice, Slice::parse("2:3,-1:,1:3").unwrap());
        assert_eq!(with_axes(Slice::parse("time=0").unwrap()), Slice::parse("time=0:1").unwrap());
    }

    #[test]
    fn formats_are_suffixes() {
        assert_eq!(parse_format("nc"), Ok(Suffix("nc".into(), Format::NetCdf)));
        assert_eq!(parse_format(".npz"), Ok(Suffix("npz".into(), Format::Npz)));
        assert!(parse_format("bale").unwrap_err().contains("parquet"));
    }
}
