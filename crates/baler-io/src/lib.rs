//! Files to a [`Source`] and back, one module each format. [`open`] reads in pieces,
//! [`write_source`] writes in pieces; [`read`] and [`write()`] are the same for a [`Dataset`] in memory. Refuses formats it
//! does not know by name, and never runs code from a file (no unpickling).

// Bytes are the same on every machine: no floats of the platform's own mathematics (clippy.toml).
#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

#[cfg(not(all(feature = "parquet", feature = "root", feature = "zarr")))]
mod absent;
mod arrays;
mod chains;
mod csv;
mod fits;
mod hdf5;
mod kinds;
mod lost;
mod netcdf;
mod npy;
mod npz;
mod order;
#[cfg(feature = "parquet")]
mod parquet;
mod piece;
mod raw;
mod renamed;
#[cfg(feature = "root")]
mod root;
mod store;
mod stored;
mod table;
mod tiff;
mod warnings;
mod write;
#[cfg(feature = "zarr")]
mod zarr;

#[cfg(not(feature = "parquet"))]
use absent::parquet;
#[cfg(not(feature = "root"))]
use absent::root;
#[cfg(not(feature = "zarr"))]
use absent::zarr;

pub use arrays::{ArrayInfo, Arrays};
pub use csv::Delimiter;
pub use lost::lost;
pub use npy::{Member, members, told};
pub use raw::RawSpec;
pub use store::{Appended, Region, Spill};
pub use stored::{Part, Place, Stored};
pub use warnings::Warnings;
pub use write::{WriteSeek, write_source};

use arrays::Opened;
use baler_data::dataset::{Attachment, Dataset, Layout, check_lists};
use baler_data::error::{Error, Result};
use baler_data::metadata::Metadata;
use baler_data::names::pattern_matches;
use baler_data::source::{InMemory, Schema, Selected, Source, VariableSchema, collect};
use baler_data::threads::Threads;
use std::ffi::OsStr;
use std::io::{Cursor, Read};
use std::path::Path;

/// Bytes that are looked at to tell text from other bytes.
const HEAD_BYTES: u64 = 4096;

/// File formats that are read and written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// One NumPy array.
    Npy,
    /// A set of NumPy arrays; with `data` and `names`, Baler's table.
    Npz,
    /// Text columns with a header line.
    Csv,
    /// Values without a header, which need a [`RawSpec`].
    Raw,
    /// HDF5, and NetCDF-4, which is HDF5.
    Hdf5,
    /// NetCDF: classic files by their first bytes, else NetCDF-4; written as the source was, NetCDF-4 for others.
    NetCdf,
    /// Pages of images.
    Tiff,
    /// Images and tables of astronomy.
    Fits,
    /// The same in gzip.
    FitsGz,
    /// A folder with arrays in chunks.
    Zarr,
    /// ROOT's trees.
    Root,
    /// Apache Parquet.
    Parquet,
}

impl Format {
    /// The format that a file's extension names.
    pub fn from_path(path: &Path) -> Result<Format> {
        let extension =
            path.extension().map(|e| e.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
        match extension.as_str() {
            "npy" => Ok(Format::Npy),
            "npz" => Ok(Format::Npz),
            "csv" | "tsv" | "tab" | "txt" => Ok(Format::Csv),
            "raw" | "bin" | "dat" | "f32" | "f64" => Ok(Format::Raw),
            "h5" | "hdf5" | "he5" | "hdf" | "nc4" => Ok(Format::Hdf5),
            "nc" | "cdf" | "nc3" => Ok(Format::NetCdf),
            "tif" | "tiff" | "tf8" | "btf" => Ok(Format::Tiff),
            "fits" | "fit" | "fts" | "fz" => Ok(Format::Fits),
            "gz" if is_fits(path.file_stem()) => Ok(Format::FitsGz),
            "zarr" => Ok(Format::Zarr),
            "root" => Ok(Format::Root),
            "parquet" | "parq" | "pq" => Ok(Format::Parquet),
            _ if zarr::is_store(path) => Ok(Format::Zarr),
            _ => Err(Error::input(format!(
                "expected a file ending in .npy, .npz, .csv, .tsv, .txt, .h5, .nc, .root, .parquet, .tif, .fits, .zarr or (with \
                 --shape and --dtype) .raw, .bin, .dat, .f32, .f64, found '{}'",
                path.display()
            ))),
        }
    }

    /// True for formats whose arrays are read one by one, any rows of each, with [`open`].
    pub fn holds_arrays(self) -> bool {
        !matches!(self, Format::Npy | Format::Npz | Format::Csv | Format::Raw)
    }

    /// The format that the bytes of a file without a telling name show: by magic, else csv where they begin with lines of
    /// text.
    fn of_head(head: &[u8]) -> Option<Format> {
        let is_control = |byte: &u8| *byte < b' ' && !matches!(byte, b'\t' | b'\n' | b'\r');
        let is_text = !head.is_empty() && !head.iter().any(is_control);
        Format::from_magic(head).or((is_text && head.contains(&b'\n')).then_some(Format::Csv))
    }

    /// The format that the first bytes show; csv and headerless bytes show none.
    pub fn from_magic(bytes: &[u8]) -> Option<Format> {
        match bytes {
            [0x93, b'N', b'U', b'M', b'P', b'Y', ..] => Some(Format::Npy),
            [b'P', b'K', 3 | 5, 4 | 6, ..] => Some(Format::Npz),
            [b'I', b'I', 42 | 43, 0, ..] | [b'M', b'M', 0, 42 | 43, ..] => Some(Format::Tiff),
            _ if bytes.starts_with(hdf5::MAGIC) => Some(Format::Hdf5),
            _ if netcdf::is_classic(bytes) => Some(Format::NetCdf),
            _ if bytes.starts_with(fits::MAGIC) => Some(Format::Fits),
            _ if bytes.starts_with(&fits::GZIP) => Some(Format::FitsGz),
            [b'r', b'o', b'o', b't', ..] => Some(Format::Root),
            _ if bytes.starts_with(parquet::MAGIC) => Some(Format::Parquet),
            _ => None,
        }
    }
}

/// True for the name of a FITS file that stands before `.gz`.
fn is_fits(stem: Option<&OsStr>) -> bool {
    stem.is_some_and(|stem| matches!(Format::from_path(Path::new(stem)), Ok(Format::Fits)))
}

/// What to read, and what the file itself does not say.
#[derive(Debug, Clone, Default)]
pub struct ReadOptions {
    /// Only this array (npz) or column (npz table, csv).
    pub inner: Option<String>,
    /// What a headerless file holds.
    pub raw: Option<RawSpec>,
    /// What stands between the cells of a csv, where its first lines do not show it.
    pub delimiter: Option<Delimiter>,
    /// The format, where there is no file name to tell it.
    pub format: Option<Format>,
    /// Patterns (as in [`pattern_matches`]) of arrays and columns to leave out.
    pub drop: Vec<String>,
    /// Where what cannot be kept is told.
    pub warnings: Warnings,
}

impl ReadOptions {
    /// True if a pattern drops `name`.
    pub fn drops(&self, name: &str) -> bool {
        self.drop.iter().any(|pattern| pattern_matches(pattern, name))
    }

    /// Every pattern must drop something: a misspelt one would keep what it was to leave out.
    fn check_drop(&self, names: &[&str]) -> Result<()> {
        match self.drop.iter().find(|pattern| !names.iter().any(|name| pattern_matches(pattern, name))) {
            Some(pattern) => Err(unknown_name(pattern, names)),
            None => Ok(()),
        }
    }
}

/// Opens a file, or standard input where `path` is `-`. Files are read in pieces, by seeks; what cannot be sought, or
/// not be read in pieces, is first brought to memory or a temporary file.
pub fn open(path: &Path, options: &ReadOptions) -> Result<Box<dyn Source>> {
    let known = options.format.or(options.raw.as_ref().map(|_| Format::Raw));
    if path == Path::new("-") {
        let unknown = || {
            Error::input(
                "expected npy, npz, csv, h5, root, parquet, tif or fits on standard input, found other bytes; raw \
                 values need --shape and --dtype",
            )
        };
        let (file, format) = spilled(&mut std::io::stdin().lock(), options, known.ok_or_else(unknown))?;
        return open_region(file, format, options);
    }
    let named = match known.map_or_else(|| Format::from_path(path), Ok) {
        Ok(Format::Zarr) => {
            let store = Opened::new(zarr::open(path)?, options)?;
            return finished(Box::new(store), true, options);
        }
        Err(error) if path.is_dir() => return Err(error),
        named => named,
    };
    let reading = |e| Error::io(format!("reading '{}'", path.display()), e);
    let file = std::fs::File::open(path).map_err(reading)?;
    let (file, format) = match file.metadata().map_err(reading)?.is_file() {
        true => {
            let file = Region::of_file(file).map_err(reading)?;
            // A file of another name is what its bytes show.
            let format = match named {
                Ok(format) => format,
                Err(error) => Format::of_head(&file.read_at(0, HEAD_BYTES)?).ok_or(error)?,
            };
            (file, format)
        }
        // A named pipe, for example.
        false => spilled(&mut &file, options, named)?,
    };
    let is_tabs =
        path.extension().is_some_and(|e| e.eq_ignore_ascii_case("tsv") || e.eq_ignore_ascii_case("tab"));
    match is_tabs && options.delimiter.is_none() {
        true => {
            let tab = Some(Delimiter::from_word("tab")?);
            open_region(file, format, &ReadOptions { delimiter: tab, ..options.clone() })
        }
        false => open_region(file, format, options),
    }
}

/// What a pipe gives, of a raw array no more than that, and what it is: as it is named, or as its first bytes show. Bytes that
/// nothing tells are refused before the rest of them, which may have no end, is taken.
fn spilled(reader: &mut dyn Read, options: &ReadOptions, named: Result<Format>) -> Result<(Region, Format)> {
    if let Some(spec) = &options.raw {
        return Ok((raw::spill(reader, spec)?, named.unwrap_or(Format::Raw)));
    }
    let mut head = Vec::new();
    reader.take(HEAD_BYTES).read_to_end(&mut head).map_err(|e| Error::io("reading a pipe", e))?;
    let format = match named {
        Ok(format) => format,
        Err(error) => Format::of_head(&head).ok_or(error)?,
    };
    Ok((Spill::of_reader(&mut head.as_slice().chain(reader))?, format))
}

/// Opens the bytes of a file.
fn open_region(file: Region, format: Format, options: &ReadOptions) -> Result<Box<dyn Source>> {
    if format.holds_arrays() {
        return finished(
            Box::new(Opened::new(arrays_of(file, format, options.inner.as_deref())?, options)?),
            true,
            options,
        );
    }
    let (source, picked) = match format {
        Format::Npy => npy_source(npy::open(None, &file)?, options)?,
        Format::Npz => npz::open(&file, options)?,
        Format::Csv => (csv::open(&file, options)?, false),
        _ => {
            let spec = options.raw.as_ref().ok_or_else(|| {
                Error::config("a headerless file does not say what it holds; give --shape and --dtype")
            })?;
            (single(raw::open(file, spec)?, options)?, true)
        }
    };
    finished(Box::new(source), picked, options)
}

/// The bytes of a file of a format as a source, wherever they are: what [`open`] makes of the file.
pub fn open_bytes(file: Region, format: Format, options: &ReadOptions) -> Result<Box<dyn Source>> {
    open_region(file, format, options)
}

/// Named npy files in memory as a source: what [`open`] makes of an npz with these members.
pub fn open_members(members: Vec<(String, Region)>, options: &ReadOptions) -> Result<Box<dyn Source>> {
    let parsed = |(name, file)| table::Member::parse(name, file, &options.warnings);
    let members = members.into_iter().map(parsed).collect::<Result<_>>()?;
    finished(Box::new(table::assemble(members)?), true, options)
}

/// Opens a file of arrays without reading their values; not for formats without names of arrays.
pub fn open_arrays(path: &Path, format: Format) -> Result<Box<dyn Arrays>> {
    if format == Format::Zarr {
        return zarr::open(path);
    }
    let reading = |e| Error::io(format!("reading '{}'", path.display()), e);
    let file = std::fs::File::open(path).and_then(Region::of_file).map_err(reading)?;
    arrays_of(file, format, None)
}

fn arrays_of(file: Region, format: Format, inner: Option<&str>) -> Result<Box<dyn Arrays>> {
    match format {
        // Either may have the name of the other.
        Format::Hdf5 | Format::NetCdf if netcdf::is_classic(&file.read_at(0, 4)?) => {
            Ok(Box::new(netcdf::NetCdf::open(file)?))
        }
        Format::Hdf5 | Format::NetCdf => Ok(Box::new(hdf5::Hdf5::open(file)?)),
        Format::Tiff => Ok(Box::new(tiff::Tiff::open(file)?)),
        Format::Fits | Format::FitsGz => Ok(Box::new(fits::Fits::open(file)?)),
        Format::Root => root::open(file, inner),
        Format::Parquet => parquet::open(file),
        Format::Zarr => Err(Error::config("a Zarr store is a folder and cannot be read from standard input")),
        Format::Npy | Format::Npz | Format::Csv | Format::Raw => {
            Err(Error::config("expected a format with arrays that can be read one by one"))
        }
    }
}

/// The source less what is not asked for; `picked` says that the inner array is picked already.
fn finished(source: Box<dyn Source>, picked: bool, options: &ReadOptions) -> Result<Box<dyn Source>> {
    source.schema().check()?;
    let source: Box<dyn Source> = match &options.inner {
        Some(inner) if !picked => {
            let names: Vec<&str> = source.schema().names().collect();
            if !names.contains(&inner.as_str()) {
                return Err(unknown_name(inner, &names));
            }
            Box::new(Selected::new(source, |name| name == inner))
        }
        _ => source,
    };
    let source: Box<dyn Source> = match options.drop.is_empty() {
        true => source,
        false => Box::new(Selected::new(source, |name| !options.drops(name))),
    };
    if source.schema().variables.is_empty() {
        return Err(Error::input("expected at least one array of numbers, found none"));
    }
    Ok(source)
}

/// Reads a file into memory, or standard input where `path` is `-`. What a file claims and does not hold (arrays that
/// were never written) is an error beyond 4096 times its bytes; [`open`] reads that in pieces.
pub fn read(path: &Path, options: &ReadOptions) -> Result<Dataset> {
    let source = open(path, options)?;
    if options.format != Some(Format::Raw) && options.raw.is_none() && path != Path::new("-") {
        arrays::credible(source.schema().size_bytes() as u64, bytes_on_disk(path).unwrap_or(u64::MAX))?;
    }
    collect(&source, &Threads::of_caller(), |_| ())
}

/// Bytes of a file, or of all files of a folder; none for what is neither.
pub fn bytes_on_disk(path: &Path) -> Option<u64> {
    let found = std::fs::metadata(path).ok()?;
    match found.is_dir() {
        true => Some(bytes_of_folder(path, 0)),
        false => found.is_file().then_some(found.len()),
    }
}

/// Links in it count nothing.
fn bytes_of_folder(folder: &Path, depth: usize) -> u64 {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let of_entry = |entry: std::fs::DirEntry| match entry.metadata() {
        Ok(found) if found.is_dir() && depth < 128 => bytes_of_folder(&entry.path(), depth + 1),
        Ok(found) if found.is_file() => found.len(),
        _ => 0,
    };
    entries.map(of_entry).fold(0, u64::saturating_add)
}

/// Reads the bytes of a whole file.
pub fn read_bytes(bytes: &[u8], format: Format, options: &ReadOptions) -> Result<Dataset> {
    let source = open_region(Region::of_bytes(bytes.to_vec()), format, options)?;
    arrays::credible(source.schema().size_bytes() as u64, bytes.len() as u64)?;
    collect(&source, &Threads::of_caller(), |_| ())
}

/// The error for a name or pattern that fits none of `names`.
fn unknown_name(name: &str, names: &[&str]) -> Error {
    let more = if names.len() > 12 { ", ..." } else { "" };
    let known = names[..names.len().min(12)].join(", ");
    Error::config(format!("expected a variable of the file, found '{name}'; it has {known}{more}"))
}

/// The array of an npy, or the fields of its records, and whether the inner one is picked already.
fn npy_source(opened: npy::Opened, options: &ReadOptions) -> Result<(Stored, bool)> {
    let mut found = opened.variables;
    if found.len() == 1 && opened.recipe.is_none() {
        return Ok((single(found.remove(0), options)?, true));
    }
    options.check_drop(&found.iter().map(|(variable, _)| variable.name.as_str()).collect::<Vec<_>>())?;
    let layout = if found.len() == 1 { Layout::Single } else { Layout::Arrays };
    let attachments = npy::Recipe::attachment(opened.recipe.as_slice(), found.len()).into_iter().collect();
    let (variables, parts) = found.into_iter().unzip();
    Ok((Stored::new(Schema { variables, layout, attachments }, parts), false))
}

fn single((variable, part): (VariableSchema, Part), options: &ReadOptions) -> Result<Stored> {
    options.check_drop(&[&variable.name])?;
    if let Some(inner) = &options.inner {
        return Err(Error::config(format!(
            "expected a file with named arrays for ':{inner}', found a single array"
        )));
    }
    let schema = Schema { variables: vec![variable], layout: Layout::Single, attachments: Vec::new() };
    Ok(Stored::new(schema, vec![part]))
}

/// The bytes of a file of `format`; see [`write_source`].
pub fn write(dataset: &Dataset, format: Format) -> Result<Vec<u8>> {
    let mut out = Cursor::new(Vec::new());
    write_source(&InMemory::of(dataset), &Threads::of_caller(), format, &mut out)?;
    Ok(out.into_inner())
}

/// The files of a Zarr store with the dataset: (path within the folder, bytes).
pub fn write_zarr(dataset: &Dataset) -> Result<Vec<(String, Vec<u8>)>> {
    check_lists(dataset)?;
    zarr::write(dataset)
}

/// True if the values were read from a file of that format.
fn is_from(schema: &Schema, format: &str) -> bool {
    schema.attachments.iter().any(|attachment| attachment.metadata_format() == Some(format))
}

/// The values that the source's metadata mark as missing: (name of the variable, value).
pub fn missing_values(attachments: &[Attachment]) -> Vec<(String, f64)> {
    Metadata::of(attachments).unwrap_or_default().missing()
}

/// Splits `FILE:INNER`. An existing path with a colon is a path; so is a drive letter (`C:\run.npz`).
/// Of several colons the first after an existing file counts, else the first after a file extension.
pub fn split_inner(argument: &str) -> (&str, Option<&str>) {
    if Path::new(argument).exists() {
        return (argument, None);
    }
    let is_drive = |at: usize| at == 1 && argument.as_bytes()[0].is_ascii_alphabetic();
    let cuts = || argument.match_indices(':').map(|(at, _)| at).filter(|&at| at > 0 && !is_drive(at));
    let exists = |&at: &usize| &argument[..at] == "-" || Path::new(&argument[..at]).is_file();
    let has_extension = |&at: &usize| Path::new(&argument[..at]).extension().is_some();
    match cuts().find(exists).or_else(|| cuts().find(has_extension)) {
        Some(at) if at + 1 < argument.len() => (&argument[..at], Some(&argument[at + 1..])),
        _ => (argument, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use baler_data::dataset::{DType, Storage, Values, Variable};

    fn column(name: &str, values: Values) -> Variable {
        Variable::new(name, vec![values.len()], values).unwrap()
    }

    fn csv_dataset(variables: Vec<Variable>) -> Dataset {
        Dataset { variables, layout: Layout::Columns, attachments: Vec::new() }
    }

    #[test]
    fn the_format_follows_the_name() {
        let of = |name: &str| Format::from_path(Path::new(name)).unwrap();
        assert_eq!((of("a.nc"), of("a.TIFF"), of("a.fits")), (Format::NetCdf, Format::Tiff, Format::Fits));
        assert_eq!(
            (of("a.root"), of("a.parquet"), of("a.zarr")),
            (Format::Root, Format::Parquet, Format::Zarr)
        );
        assert_eq!(Format::from_path(Path::new("a/b.NPZ")).unwrap(), Format::Npz);
        assert_eq!(Format::from_path(Path::new("x.f32")).unwrap(), Format::Raw);
        let error = Format::from_path(Path::new("x.doc")).unwrap_err().to_string();
        assert!(error.contains(".npz, .csv, .tsv, .txt, .h5") && error.contains("'x.doc'"), "{error}");
    }

    #[test]
    fn an_inner_name_is_split_off_but_no_drive_and_no_existing_path() {
        assert_eq!(split_inner("run.npz:still"), ("run.npz", Some("still")));
        assert_eq!(split_inner("run.h5:/Time/Ux:1"), ("run.h5", Some("/Time/Ux:1")));
        assert_eq!(split_inner("C:\\run.npz"), ("C:\\run.npz", None));
        assert_eq!(split_inner("C:\\run.npz:pt"), ("C:\\run.npz", Some("pt")));
        let of_windows = [
            (r"C:\data\x.npy", None),
            (r"C:\data\x.npy", Some("var")),
            (r"C:\v1.2\run.h5", Some("/Time/Ux:1")),
            ("d:/data/run.h5", Some("/Time/Ux")),
            ("D:run.npz", Some("pt")),
            (r"\\server\share\run.root", Some("Events")),
            (r"\\?\C:\data\run.npz", Some("pt")),
            (r"..\run.npz", Some("pt")),
        ];
        for (file, inner) in of_windows {
            let argument = inner.map_or(file.to_string(), |inner| format!("{file}:{inner}"));
            assert_eq!(split_inner(&argument), (file, inner), "{argument}");
        }
        assert_eq!(split_inner("run.npz:"), ("run.npz:", None));
        assert_eq!(split_inner("-:pt"), ("-", Some("pt")));
    }

    #[cfg(unix)]
    #[test]
    fn a_file_may_have_a_colon_in_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let with_colon = folder.path().join("a:b.npz");
        std::fs::write(&with_colon, b"").unwrap();
        let path = with_colon.to_str().unwrap();
        assert_eq!(split_inner(path), (path, None));
        assert_eq!(split_inner(&format!("{path}:c")), (path, Some("c")));
    }

    #[test]
    fn columns_become_a_table_and_a_table_columns() {
        let dataset = csv_dataset(vec![
            column("a", Values::F64(vec![1.0, 2.0])),
            column("b", Values::F64(vec![3.0, 4.0])),
        ]);
        let npz = write(&dataset, Format::Npz).unwrap();
        let table = read_bytes(&npz, Format::Npz, &ReadOptions::default()).unwrap();
        assert!(matches!(table.layout, Layout::Table { n_columns: 2, .. }));
        assert_eq!(write(&table, Format::Csv).unwrap(), b"a,b\n1.0,3.0\n2.0,4.0\n");
        let npy = write(&table, Format::Npy).unwrap();
        let single = read_bytes(&npy, Format::Npy, &ReadOptions::default()).unwrap();
        assert_eq!(single.variables[0].shape, [2, 2]);
        assert_eq!(single.variables[0].values, Values::F64(vec![1.0, 3.0, 2.0, 4.0]));
        let error = write(&single, Format::Csv).unwrap_err().to_string();
        assert!(error.contains("shape [2, 2]"), "{error}");
    }

    #[test]
    fn columns_of_several_dtypes_fit_only_an_npz_of_arrays() {
        let dataset =
            csv_dataset(vec![column("a", Values::F64(vec![1.0])), column("n", Values::I64(vec![3]))]);
        let error = write(&dataset, Format::Npy).unwrap_err().to_string();
        assert!(error.contains(".npz"), "{error}");
        let npz = write(&dataset, Format::Npz).unwrap();
        let arrays = read_bytes(&npz, Format::Npz, &ReadOptions::default()).unwrap();
        assert_eq!((arrays.layout, arrays.variables.len()), (Layout::Arrays, 2));
        let error = write(&arrays, Format::Npy).unwrap_err().to_string();
        assert!(error.contains("--variables"), "{error}");
    }

    #[test]
    fn single_arrays_change_their_container() {
        let storage = Storage { fortran_order: true, big_endian: true, ..Storage::default() };
        let array = npy::tests::any_array(DType::I32, &[3, 5], storage);
        let npy = npy::tests::bytes_of(&array);
        let dataset = read_bytes(&npy, Format::Npy, &ReadOptions::default()).unwrap();
        assert_eq!(write(&dataset, Format::Npy).unwrap(), npy);
        let npz = write(&dataset, Format::Npz).unwrap();
        let back = read_bytes(&npz, Format::Npz, &ReadOptions::default()).unwrap();
        assert_eq!(back.variables, dataset.variables);
        assert_eq!(write(&back, Format::Npy).unwrap(), npy);
        let raw = write(&dataset, Format::Raw).unwrap();
        let spec = RawSpec { shape: vec![3, 5], dtype: DType::I32, big_endian: true };
        let options = ReadOptions { raw: Some(spec), ..ReadOptions::default() };
        assert_eq!(read_bytes(&raw, Format::Raw, &options).unwrap().variables[0].values, array.values);
    }

    #[test]
    fn a_pattern_that_drops_nothing_is_told() {
        let options = ReadOptions { drop: vec!["etta".into()], ..ReadOptions::default() };
        let error = read_bytes(b"pt,eta\n1,2\n", Format::Csv, &options).unwrap_err().to_string();
        assert_eq!(error, "expected a variable of the file, found 'etta'; it has pt, eta");
    }

    #[test]
    fn files_are_read_by_their_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.csv");
        std::fs::write(&path, "a\n1\n").unwrap();
        assert_eq!(read(&path, &ReadOptions::default()).unwrap().variables[0].values, Values::I64(vec![1]));
        let error = read(&folder.path().join("no.npy"), &ReadOptions::default()).unwrap_err();
        assert_eq!(error.kind(), baler_data::error::ErrorKind::Io);
    }
}
