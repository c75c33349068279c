//! Formats that are one table (csv, Parquet) for data that are several: a file for each tree or group, `all.Events.parquet`
//! for `-o all.parquet`, in which names are without the group's. Refuses columns of several lengths in one group.

use crate::decompress::{DecompressArgs, say_lost};
use crate::library::{
    DecompressOptions, Error, Format, Reader, Schema, Source, Threads, Values, parts, write_spilled,
};
use crate::output::{Target, say};
use crate::progress::{Bar, Loudness};
use anyhow::Result;
use baler_data::source::slice::group_of;
use std::io::{Read, Seek};
use std::ops::Range;
use std::path::{Path, PathBuf};

/// A group's name, and the names of its variables.
pub type Table = (String, Vec<String>);

/// A group, the names of its variables, and a variable of each length.
type Group<'a> = (&'a str, Vec<String>, Vec<(usize, &'a str)>);

/// The groups that become a file each: (name, names of variables); none where one file holds all.
///
/// # Errors
/// [`crate::library::ErrorKind::Config`] that names a choice of variables which one table can hold.
pub fn of(schema: &Schema, format: Format) -> Result<Option<Vec<Table>>> {
    if !matches!(format, Format::Csv | Format::Parquet) {
        return Ok(None);
    }
    let mut groups: Vec<Group> = Vec::new();
    for variable in &schema.variables {
        let group = group_of(&variable.name);
        let at = groups.iter().position(|(name, ..)| *name == group).unwrap_or_else(|| {
            groups.push((group, Vec::new(), Vec::new()));
            groups.len() - 1
        });
        groups[at].1.push(variable.name.clone());
        let n_rows = variable.n_rows();
        let lengths = &mut groups[at].2;
        if variable.storage.lists.is_none() && !lengths.iter().any(|(known, _)| *known == n_rows) {
            lengths.push((n_rows, &variable.name));
        }
    }
    let mut all: Vec<usize> =
        groups.iter().flat_map(|(.., lengths)| lengths.iter().map(|(n, _)| *n)).collect();
    all.sort_unstable();
    all.dedup();
    if all.len() <= 1 {
        return Ok(None);
    }
    if let Some((_, _, lengths)) = groups.iter().find(|(.., lengths)| lengths.len() > 1) {
        let ((a, first), (b, second)) = (lengths[0], lengths[1]);
        let text = format!(
            "expected columns of one length for a table, found '{first}' with {a} rows and '{second}' with {b}; pick some \
             with --variables, or write .npz or .h5"
        );
        return Err(Error::config(text).into());
    }
    Ok(Some(groups.into_iter().map(|(group, names, _)| (group.to_string(), names)).collect()))
}

/// Writes a file for each group.
pub fn write<R: Read + Seek + Send>(
    reader: &Reader<R>,
    options: &DecompressOptions,
    tables: &[Table],
    (format, target): (Format, &Target),
    args: &DecompressArgs,
    bar: &mut Bar,
) -> Result<()> {
    let Target::File { path, force } = target else {
        let text = format!(
            "expected a file for {} tables of several lengths, found one stream; pick one with --variables '{}/*'",
            tables.len(),
            tables[0].0
        );
        return Err(Error::config(text).into());
    };
    let paths: Vec<PathBuf> = tables.iter().map(|(group, _)| path_of(path, group)).collect();
    // Nothing is begun where an output is in the way.
    let targets: Vec<Target> = paths.iter().map(|path| Target::new(path, *force)).collect::<Result<_>>()?;
    for (((_, names), target), path) in tables.iter().zip(&targets).zip(&paths) {
        let options = DecompressOptions { variables: Some(names.clone()), ..options.clone() };
        let below = Below::new(parts(reader, &options)?);
        say_lost(below.schema(), format);
        let threads = Threads::new(args.threads)?;
        target.write_with(|out| Ok(write_spilled(&below, &threads, format, out, bar)?))?;
        if args.say.loudness() > Loudness::Quiet {
            say(&format!("wrote {}", path.display()));
        }
    }
    Ok(())
}

/// `all.Events.parquet` of `all.parquet`.
fn path_of(path: &Path, group: &str) -> PathBuf {
    if group.is_empty() {
        return path.to_path_buf();
    }
    let plain = |c: char| if c.is_alphanumeric() || "._-".contains(c) { c } else { '_' };
    let mut name = path.file_stem().unwrap_or_default().to_os_string();
    name.push(".");
    name.push(group.chars().map(plain).collect::<String>());
    if let Some(suffix) = path.extension() {
        name.push(".");
        name.push(suffix);
    }
    path.with_file_name(name)
}

/// A group of a source whose variables have only the last parts of their names.
struct Below<'a> {
    source: Box<dyn Source + 'a>,
    schema: Schema,
}

impl<'a> Below<'a> {
    fn new(source: Box<dyn Source + 'a>) -> Below<'a> {
        let mut schema = source.schema().clone();
        for variable in &mut schema.variables {
            let start = variable.name.rfind('/').map_or(0, |at| at + 1);
            variable.name.drain(..start);
        }
        Below { source, schema }
    }
}

impl Source for Below<'_> {
    fn schema(&self) -> &Schema {
        &self.schema
    }

    fn read(&self, variable: usize, elements: Range<usize>) -> baler::Result<Values> {
        self.source.read(variable, elements)
    }

    fn read_rows(&self, variables: &[usize], rows: Range<usize>) -> baler::Result<Vec<Values>> {
        self.source.read_rows(variables, rows)
    }
}
