//! An archive to a file of any format. Variables that a file holds one after the other, and whose chunks are many, are
//! written as they are decoded; all others are decoded once, in parallel, to memory or a temporary file first.

use baler_codec::decode::reader::Reader;
use baler_codec::decompress::{DecompressOptions, parts};
use baler_codec::report::Progress;
use baler_data::dataset::{Dataset, Layout};
use baler_data::error::{Error, Result};
use baler_data::source::{Schema, Source, collect, each_block};
use baler_data::threads::Threads;
use baler_io::{Format, Part, Place, Spill, Stored, WriteSeek, write_source};
use std::io::{Read, Seek, SeekFrom, Write};

/// What is to be decompressed.
pub struct Decompressed<'a, R> {
    reader: &'a Reader<R>,
    source: Box<dyn Source + 'a>,
}

impl<'a, R: Read + Seek + Send> Decompressed<'a, R> {
    /// The parts of an archive that `options` ask for; its model and threads are those of the reader. The hash of the
    /// whole archive is checked where all of it is asked for.
    ///
    /// # Errors
    /// As [`baler_codec::decompress::decompress_with`].
    pub fn new(reader: &'a Reader<R>, options: &DecompressOptions) -> Result<Decompressed<'a, R>> {
        if options.variables.is_none() && options.rows.is_none() && options.slice.is_none() {
            reader.index().check_hash()?;
        }
        Ok(Decompressed { reader, source: parts(reader, options)? })
    }

    /// What there is.
    pub fn schema(&self) -> &Schema {
        self.source.schema()
    }

    /// All of it in memory.
    ///
    /// # Errors
    /// As [`baler_codec::decompress::decompress_with`].
    pub fn dataset(&self, progress: &mut dyn Progress) -> Result<Dataset> {
        progress.stage("decompress", self.schema().size_bytes() as u64);
        collect(&*self.source, self.reader.threads(), |n_bytes| progress.advance(n_bytes))
    }

    /// Writes a file of `format`.
    ///
    /// # Errors
    /// [`baler_data::error::ErrorKind::Config`] where the format cannot hold the data, [`baler_data::error::ErrorKind::Corrupt`], or
    /// [`baler_data::error::ErrorKind::Io`].
    pub fn write(&self, format: Format, out: &mut dyn WriteSeek, progress: &mut dyn Progress) -> Result<()> {
        let n_bytes = self.schema().size_bytes() as u64;
        if self.is_direct(format) {
            progress.stage("decompress", n_bytes);
            let mut out = Counted { out, progress, n_bytes: 0 };
            return write_source(&*self.source, self.reader.threads(), format, &mut out);
        }
        write_spilled(&*self.source, self.reader.threads(), format, out, progress)
    }

    /// True if reading the variables in the file's order decodes nothing twice, and keeps all threads busy.
    fn is_direct(&self, format: Format) -> bool {
        if format.holds_arrays() {
            return false; // their writers take everything at once
        }
        let plan = &self.reader.index().plan;
        let n_columns = match self.schema().layout {
            Layout::Table { n_columns, .. } => n_columns,
            Layout::Columns => self.schema().variables.len(),
            Layout::Arrays | Layout::Single => 0,
        };
        let together = |name: &str| {
            let by_rows = format != Format::Npz || !self.schema().variables[0].storage.fortran_order;
            by_rows && self.schema().position(name).is_some_and(|idx| idx < n_columns)
        };
        let is_alone = self.schema().variables.len() == 1;
        plan.groups.iter().all(|group| {
            let names = group.variables.iter().map(|&idx| plan.variables[idx].name.as_str());
            let asked: Vec<&str> = names.filter(|name| self.schema().position(name).is_some()).collect();
            let in_order = asked.len() <= 1 || asked.iter().all(|name| together(name));
            let has_many = is_alone || plan.n_chunks(group) > 2 * self.reader.threads().count();
            asked.is_empty() || (in_order && has_many)
        })
    }
}

/// Writes a file of `format` of a source that is read once, in parallel, and out of order.
///
/// # Errors
/// As [`Decompressed::write`].
pub fn write_spilled(
    source: &dyn Source,
    threads: &Threads,
    format: Format,
    out: &mut dyn WriteSeek,
    progress: &mut dyn Progress,
) -> Result<()> {
    write_source(&spill(source, threads, progress)?, threads, format, out)
}

/// All values, one variable behind the other.
fn spill(source: &dyn Source, threads: &Threads, progress: &mut dyn Progress) -> Result<Stored> {
    let schema = source.schema();
    let total = schema.size_bytes() as u64;
    progress.stage("decompress", total);
    let mut spill = Spill::new(total)?;
    let mut starts = Vec::with_capacity(schema.variables.len());
    let mut end = 0u64;
    for variable in &schema.variables {
        starts.push(end);
        end += variable.size_bytes() as u64;
    }
    let mut n_bytes = 0;
    each_block(source, threads, |block, values| {
        for (&idx, values) in block.variables.iter().zip(&values) {
            let row_bytes = schema.variables[idx].row_bytes();
            let mut at = starts[idx] + (block.rows.start * row_bytes) as u64;
            values.in_bytes(false, |bytes| {
                spill.write_at(at, bytes)?;
                at += bytes.len() as u64;
                Ok::<(), Error>(())
            })?;
            n_bytes += values.size_bytes() as u64;
        }
        progress.advance(n_bytes);
        Ok(())
    })?;
    let all = spill.finish()?;
    let part = |(variable, start): (&baler_data::source::VariableSchema, u64)| {
        let region = all.part(start, variable.size_bytes() as u64)?;
        Ok(Part { region, big_endian: false, place: Place::Whole })
    };
    let parts = schema.variables.iter().zip(starts).map(part).collect::<Result<_, Error>>()?;
    Ok(Stored::new(schema.clone(), parts))
}

/// Tells how many bytes went through.
struct Counted<'a> {
    out: &'a mut dyn WriteSeek,
    progress: &'a mut dyn Progress,
    n_bytes: u64,
}

impl Write for Counted<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let n_bytes = self.out.write(bytes)?;
        self.n_bytes += n_bytes as u64;
        self.progress.advance(self.n_bytes);
        Ok(n_bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.out.flush()
    }
}

impl Seek for Counted<'_> {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        self.out.seek(to)
    }
}
