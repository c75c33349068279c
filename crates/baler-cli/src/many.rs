//! Several archives at once: their data as files of a folder, or as one file with the rows of one behind those of the other.

use crate::decompress::{DecompressArgs, Sizes, natural, one, say_lost, wanted, warn_of_slice, with_axes};
use crate::input::{open_archive, read_model, source_format};
use crate::json::{self, DecompressedObject};
use crate::library::{
    DecompressOptions, Error, Format, Joined, Progress, Reader, Schema, Source, Threads, collect, io, parts,
    write_spilled,
};
use crate::live;
use crate::names;
use crate::numbers::{counted, grouped};
use crate::output::{Target, say};
use crate::progress::{Files, Loudness};
use anyhow::{Context, Result};
use std::path::{Path, PathBuf};

/// `baler decompress A B -d DIR`: DIR/A.SUFFIX and so on, each in the format of its source where none is asked for.
pub fn decompress_all(archives: &[String], folder: &Path, args: &DecompressArgs) -> Result<()> {
    let mut names: Vec<PathBuf> = Vec::with_capacity(archives.len());
    let mut targets = Vec::with_capacity(archives.len());
    std::fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
    for archive in archives {
        let (suffix, format) = match &args.format {
            Some(suffix) => (suffix.text().to_string(), suffix.format()),
            None => format_of(archive, args)?,
        };
        let path = names::path(archive);
        let stem = path.file_stem().filter(|_| archive != "-");
        let stem = stem.ok_or_else(|| Error::config(format!("expected a file for -d, found '{archive}'")))?;
        let mut name = stem.to_os_string();
        name.push(format!(".{suffix}"));
        let name = folder.join(name);
        if let Some(at) = names.iter().position(|other| *other == name) {
            let text = format!("'{}' and '{archive}' would both become {}", archives[at], name.display());
            return Err(Error::config(format!("{text}; rename one, or give each its own folder")).into());
        }
        // Nothing is begun where an output is in the way.
        targets.push((Target::new(&name, args.force)?, format));
        names.push(name);
    }
    let mut total = Sizes::default();
    let files = Files::new(archives.len(), args.say.loudness());
    for (archive, (target, format)) in archives.iter().zip(&targets) {
        files.begin(archive);
        let sizes = one(archive, target, Some(*format), args)?;
        total.archive += sizes.archive;
        total.output += sizes.output;
        files.end();
    }
    drop(files);
    say_total(archives.len(), total, args);
    Ok(())
}

fn say_total(n_archives: usize, total: Sizes, args: &DecompressArgs) {
    if args.say.loudness() > Loudness::Quiet {
        let (archive, output) = (grouped(total.archive), grouped(total.output));
        say(&format!("total: {}  {archive} -> {output} bytes", counted(n_archives, "archive")));
    }
}

/// What the file of an archive's data is, where nothing is asked for.
fn format_of(archive: &str, args: &DecompressArgs) -> Result<(String, Format)> {
    if live::is_stream(archive) {
        return Ok(("npz".to_string(), Format::Npz));
    }
    let model = args.model.as_deref().map(read_model).transpose()?;
    let region = open_archive(archive)?;
    let reader = Reader::open_with(region.reader(), model.as_ref(), &Threads::new(args.threads)?)
        .with_context(|| archive.to_string())?;
    let (format, suffix) = source_format(reader.schema());
    Ok((suffix.to_string(), format))
}

/// `baler decompress A B -o OUT`: the rows of B behind those of A.
pub fn decompress_joined(archives: &[String], args: &DecompressArgs) -> Result<()> {
    if args.outliers {
        let text = "expected one archive with --outliers, or -d DIR, found several: the numbers of their rows are their own";
        return Err(Error::config(text).into());
    }
    let output = args.output.as_deref().ok_or_else(|| {
        Error::config("expected -o FILE for the rows of all archives, or -d DIR for a file each; found several archives")
    })?;
    let target = Target::new(output, args.force)?;
    crate::output::refuse_json_on_stdout(args.json, &target)?;
    let format = match (&args.format, target.is_stdout()) {
        (_, false) => Some(Format::from_path(output)?),
        (suffix, true) => suffix.as_ref().map(|suffix| suffix.format()),
    };
    let model = args.model.as_deref().map(read_model).transpose()?;
    let mut readers = Vec::with_capacity(archives.len());
    let mut archive_bytes = 0;
    for archive in archives {
        let region = open_archive(archive)?;
        archive_bytes += region.len();
        let reader = Reader::open_with(region.reader(), model.as_ref(), &Threads::new(args.threads)?);
        readers.push((archive, reader.with_context(|| archive.clone())?));
    }
    let mut chosen: Vec<(String, Box<dyn Source + '_>)> = Vec::with_capacity(readers.len());
    for (archive, reader) in &readers {
        let variables = wanted(reader.schema(), args).with_context(|| archive.to_string())?.variables;
        let options = DecompressOptions { variables, ..DecompressOptions::default() };
        chosen.push((archive.to_string(), parts(reader, &options)?));
    }
    let joined = Joined::new(chosen)?;
    let mut options = DecompressOptions { variables: None, ..wanted(joined.schema(), args)? };
    if matches!(format.unwrap_or_else(|| natural(joined.schema(), &target)), Format::Hdf5 | Format::NetCdf) {
        options.slice = options.slice.map(with_axes);
    }
    let mut bar = args.say.bar();
    warn_of_slice(&joined, &options, &mut bar)?;
    let source = parts(&joined, &options)?;
    let schema: &Schema = source.schema();
    let format = format.unwrap_or_else(|| natural(schema, &target));
    say_lost(schema, format);
    let threads = Threads::new(args.threads)?;
    match format {
        Format::Zarr => {
            bar.stage("decompress", schema.size_bytes() as u64);
            let dataset = collect(&*source, &threads, |n_bytes| bar.advance(n_bytes))?;
            target.write_folder(&io::write_zarr(&dataset)?)?
        }
        _ => target.write_with(|out| Ok(write_spilled(&*source, &threads, format, out, &mut bar)?))?,
    }
    bar.finish();
    if args.json {
        json::print(&DecompressedObject::new(archive_bytes, schema))?;
    }
    say_total(archives.len(), Sizes { archive: archive_bytes, output: schema.size_bytes() as u64 }, args);
    Ok(())
}
