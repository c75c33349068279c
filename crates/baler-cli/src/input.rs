//! Inputs: `FILE`, `FILE:INNER`, or `-` for standard input; raw arrays with --shape and --dtype.

use crate::library::{
    DType, Dataset, Error, ErrorKind, Format, Layout, Model, RawSpec, ReadOptions, Region, Schema, Source,
    Spill, Threads, collect, io, is_archive, is_model, resolved,
};
use crate::names;
use crate::nearest::suggestion;
use crate::output::say;
use anyhow::{Context, Result};
use clap::Args;
use std::io::Read;
use std::path::Path;

#[derive(Args, Debug, Clone, Default)]
#[command(next_help_heading = "Raw input")]
pub struct RawArgs {
    /// Extents of a raw array, first axis first
    #[arg(long, value_name = "N,N,..", value_delimiter = ',', requires = "dtype")]
    pub shape: Option<Vec<usize>>,
    /// Element type of a raw array, e.g. float32 or f4
    #[arg(long, value_name = "TYPE", requires = "shape", value_parser = parse_dtype)]
    pub dtype: Option<DType>,
    /// The raw array is big-endian
    #[arg(long, requires = "shape")]
    pub big_endian: bool,
    /// What stands between the cells of a csv: one character, or comma, tab, semicolon, pipe, blank; default: as its first
    /// lines show
    #[arg(long, value_name = "CHARACTER", value_parser = parse_delimiter, help_heading = "Text input")]
    pub delimiter: Option<io::Delimiter>,
}

fn parse_dtype(text: &str) -> Result<DType, String> {
    DType::from_name(text).ok_or_else(|| {
        format!("expected an element type; {}", suggestion(text, DType::ALL.iter().map(|d| d.name())))
    })
}

fn parse_delimiter(text: &str) -> Result<io::Delimiter, String> {
    io::Delimiter::from_word(text).map_err(|error| error.to_string())
}

impl RawArgs {
    fn spec(&self) -> Option<RawSpec> {
        Some(RawSpec { shape: self.shape.clone()?, dtype: self.dtype?, big_endian: self.big_endian })
    }
}

/// What an input may be, as help texts say it.
pub const INPUT_HELP: &str = "Data: .npy .npz .csv .h5 .nc .root .parquet .tif .fits .zarr, or raw with --shape and \
     --dtype; FILE:INNER picks an array; - is standard input";

/// Opens data; the variables of `drop` are left out, of which unique last parts are enough.
pub fn open_data(name: &str, raw: &RawArgs, drop: &[String]) -> Result<Box<dyn Source>> {
    let (file, inner) = io::split_inner(name);
    let inner = inner.map(str::to_string);
    let (raw, delimiter) = (raw.spec(), raw.delimiter);
    let options = ReadOptions { inner, raw, delimiter, drop: drop.to_vec(), ..ReadOptions::default() };
    let opened = match io::open(&names::path(file), &options) {
        Err(error) if error.kind() == ErrorKind::Config && !drop.is_empty() && file != "-" => {
            with_whole_names(file, &options).unwrap_or(Err(error))
        }
        opened => opened,
    };
    options.warnings.take().iter().for_each(|warning| say(&format!("baler: warning: {warning}")));
    opened.map_err(|error| match error.kind() {
        ErrorKind::Io => error.into(), // names the file itself
        _ if file == "-" => anyhow::Error::from(error).context("standard input"),
        _ => anyhow::Error::from(error).context(name.to_string()),
    })
}

/// Opens a file whose names tell which variables are meant to be left out; none where that does not help.
fn with_whole_names(file: &str, options: &ReadOptions) -> Option<Result<Box<dyn Source>, Error>> {
    let all = ReadOptions { drop: Vec::new(), warnings: Default::default(), ..options.clone() };
    let source = io::open(&names::path(file), &all).ok()?;
    let whole = |pattern: &String| resolved(pattern, source.schema().names());
    match options.drop.iter().map(whole).collect() {
        Ok(drop) if drop == options.drop => None,
        Ok(drop) => Some(io::open(&names::path(file), &ReadOptions { drop, ..options.clone() })),
        Err(error) => Some(Err(error)),
    }
}

/// [`open_data`], all of it in memory.
pub fn read_data(name: &str, raw: &RawArgs, drop: &[String]) -> Result<Dataset> {
    let source = open_data(name, raw, drop)?;
    collect(&source, &Threads::of_caller(), |_| ()).with_context(|| name.to_string())
}

/// What tells a file from others and from itself before a change: the hash of every byte of it. `None` for what cannot
/// be read twice.
pub fn identity(name: &str) -> Result<Option<String>> {
    let (file, inner) = io::split_inner(name);
    if file == "-" {
        return Ok(None);
    }
    let what = || format!("reading {file}");
    if !std::fs::metadata(names::path(file)).with_context(what)?.is_file() {
        return Ok(None);
    }
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(std::fs::File::open(names::path(file)).with_context(what)?).with_context(what)?;
    Ok(Some(format!("{inner:?} {}", hasher.finalize())))
}

/// Enough of the file to know its magic; nothing of standard input, which can be read only once, or of a
/// name that is no file (`FILE:INNER`).
pub fn first_bytes(name: &str) -> Result<Vec<u8>> {
    let mut head = Vec::new();
    if let Ok(file) = std::fs::File::open(names::path(name)) {
        file.take(64).read_to_end(&mut head).with_context(|| format!("reading {name}"))?;
    }
    Ok(head)
}

/// All bytes of a file or of standard input.
pub fn read_bytes(name: &str) -> Result<Vec<u8>> {
    if name == "-" {
        let mut bytes = Vec::new();
        std::io::stdin().lock().read_to_end(&mut bytes).context("reading standard input")?;
        return Ok(bytes);
    }
    std::fs::read(names::path(name)).with_context(|| format!("reading {name}"))
}

/// The bytes of an archive.
pub fn read_archive(name: &str) -> Result<Vec<u8>> {
    Ok(open_archive(name)?.all()?)
}

/// An archive that is read by seeks; what comes by a pipe is brought to memory or a temporary file first.
pub fn open_archive(name: &str) -> Result<Region> {
    let region = if name == "-" {
        Spill::of_reader(&mut std::io::stdin().lock())?
    } else {
        let what = || format!("reading {name}");
        let mut file = std::fs::File::open(names::path(name)).with_context(what)?;
        match file.metadata().with_context(what)?.is_file() {
            true => Region::of_file(file).with_context(what)?,
            false => Spill::of_reader(&mut file).with_context(what)?,
        }
    };
    if is_model(&region.read_at(0, 64)?) {
        let text = format!("expected an archive, found a model in {name}; give the .bale file");
        return Err(Error::input(text).into());
    }
    Ok(region)
}

/// A model file.
pub fn read_model(name: &Path) -> Result<Model> {
    let shown = name.display();
    let bytes = std::fs::read(name).with_context(|| format!("reading {shown}"))?;
    if is_archive(&bytes) {
        let text =
            format!("expected a model, found an archive in {shown}; give the .balm file of baler train");
        return Err(Error::input(text).into());
    }
    Model::from_bytes(&bytes).with_context(|| format!("{shown}"))
}

/// The format that keeps a layout.
pub fn natural_format(layout: Layout) -> Format {
    match layout {
        Layout::Single => Format::Npy,
        Layout::Arrays | Layout::Table { .. } => Format::Npz,
        Layout::Columns => Format::Csv,
    }
}

/// The format of the source, for outputs without a name, and how its files end.
pub fn source_format(schema: &Schema) -> (Format, &'static str) {
    let known = schema.attachments.iter().find_map(|attachment| {
        let suffix = match attachment.metadata_format()? {
            "hdf5" => "h5",
            "netcdf" => "nc",
            "tiff" => "tif",
            "fits" => "fits",
            "root" => "root",
            "parquet" => "parquet",
            "zarr" => "zarr",
            "csv" => "csv",
            _ => return None,
        };
        Some((Format::from_path(Path::new(&format!("x.{suffix}"))).ok()?, suffix))
    });
    known.unwrap_or_else(|| match natural_format(schema.layout) {
        Format::Npy => (Format::Npy, "npy"),
        Format::Csv => (Format::Csv, "csv"),
        _ => (Format::Npz, "npz"),
    })
}

/// The files that arguments name: themselves, and of a folder the archives and live streams in it, by name.
pub fn files_of(arguments: &[String]) -> Result<Vec<String>> {
    let mut files = Vec::with_capacity(arguments.len());
    for argument in arguments {
        let path = names::path(argument);
        if !path.is_dir() {
            files.push(argument.clone());
            continue;
        }
        let what = || format!("reading {argument}");
        let mut found = Vec::new();
        for entry in std::fs::read_dir(path).with_context(what)? {
            let entry = entry.with_context(what)?.path();
            let ends = entry.extension().is_some_and(|e| e == "bale" || e == "bals");
            if ends && entry.is_file() {
                found.push(names::of(entry.as_os_str()));
            }
        }
        if found.is_empty() {
            let text = format!("expected archives (.bale) in the folder {argument}, found none");
            return Err(Error::input(text).into());
        }
        found.sort();
        files.append(&mut found);
    }
    Ok(files)
}
