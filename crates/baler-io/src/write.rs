//! A source to a file of any format, piece by piece. What the format cannot hold is an error that names one which can,
//! except for text beside the numbers (column names, attachments), which only npz keeps.

use crate::npz::NpzWriter;
use crate::{Format, csv, fits, hdf5, netcdf, npy, order, parquet, root, tiff};
use baler_data::dataset::{DType, Dataset, Layout, Storage, Values, check_lists};
use baler_data::error::{Error, Result};
use baler_data::source::select::{Slot, slots};
use baler_data::source::{Schema, Source, VariableSchema, collect};
use baler_data::threads::Threads;
use std::io::{Seek, Write};

/// Where a file is written to.
pub trait WriteSeek: Write + Seek {}
impl<W: Write + Seek> WriteSeek for W {}

fn failed(error: std::io::Error) -> Error {
    Error::io("writing the output", error)
}

/// Writes a file of `format`; what comes next is read on `threads`.
pub fn write_source(
    source: &dyn Source,
    threads: &Threads,
    format: Format,
    out: &mut dyn WriteSeek,
) -> Result<()> {
    match format {
        Format::Npy if let [member] = &whole_of_records(source.schema())?[..] => {
            member.write(source, threads, out)?;
        }
        Format::Npy | Format::Raw => {
            Array::only(source)?.write(source, threads, format == Format::Npy, out)?
        }
        Format::Csv => csv::write(source, threads, out)?,
        Format::Npz => write_npz(source, threads, out)?,
        _ => {
            let dataset = collect(source, threads, |_| ())?;
            out.write_all(&whole(&dataset, format)?).map_err(failed)?;
        }
    }
    out.flush().map_err(failed)
}

/// The file of a format that is written in one piece.
fn whole(dataset: &Dataset, format: Format) -> Result<Vec<u8>> {
    check_lists(dataset)?;
    match format {
        Format::NetCdf if dataset.metadata(netcdf::NAME).is_some() => netcdf::write(dataset),
        Format::Hdf5 | Format::NetCdf => hdf5::write(dataset),
        Format::Tiff => tiff::write(dataset),
        Format::Fits => fits::write(dataset),
        Format::FitsGz => fits::write_gzip(dataset),
        Format::Root => root::write(dataset),
        Format::Parquet => parquet::write(dataset),
        Format::Zarr => {
            Err(Error::config("a Zarr store is a folder; give the output a name that ends in .zarr"))
        }
        Format::Npy | Format::Npz | Format::Csv | Format::Raw => {
            Err(Error::config("expected a format that is written in one piece"))
        }
    }
}

/// The array that all variables are put together to, if there is one.
fn whole_of_records(schema: &Schema) -> Result<Vec<npy::Member>> {
    let members = npy::members(schema)?;
    Ok(members.into_iter().filter(|member| member.variables.len() == schema.variables.len()).collect())
}

fn write_npz(source: &dyn Source, threads: &Threads, out: &mut dyn WriteSeek) -> Result<()> {
    let schema = tabular(source.schema());
    let (columns, names_width) = match schema.layout {
        Layout::Table { n_columns, names_width, .. } => (n_columns, names_width),
        _ => (0, 1),
    };
    if columns > schema.variables.len() {
        return Err(Error::input("the table has fewer variables than columns"));
    }
    let mut npz = NpzWriter::new(out);
    let members = npy::members(&schema)?;
    let is_metadata = |slot: &Slot| match *slot {
        Slot::Text(idx) => schema.attachments[idx].metadata_format().is_some(),
        _ => false,
    };
    for slot in slots(&schema).into_iter().filter(|slot| !is_metadata(slot)) {
        match slot {
            Slot::Data => {
                let table = Array::table(&schema, columns)?;
                table.write(source, threads, true, npz.member("data", table.file_bytes())?)?;
            }
            Slot::Names => {
                let names: Vec<&str> = schema.names().take(columns).collect();
                let mut bytes = Vec::new();
                npy::write_text(&names, names_width, &mut bytes);
                npz.member("names", bytes.len())?.write_all(&bytes).map_err(failed)?;
            }
            Slot::Array(idx) if let Some(member) = members.iter().find(|m| m.variables.contains(&idx)) => {
                // With its first field.
                if member.variables.first() == Some(&idx) {
                    member.write(source, threads, npz.member(member.name(), member.file_bytes())?)?;
                }
            }
            Slot::Array(idx) => {
                let array = Array::of(&schema, idx);
                let member = npz.member(&schema.variables[idx].name, array.file_bytes())?;
                array.write(source, threads, true, member)?;
            }
            Slot::Text(idx) => {
                let attachment = &schema.attachments[idx];
                let member = npz.member(&attachment.name, attachment.bytes.len())?;
                member.write_all(&attachment.bytes).map_err(failed)?;
            }
        }
    }
    npz.finish()
}

/// The schema with columns of a csv as a table, or as arrays where their dtypes differ.
fn tabular(schema: &Schema) -> Schema {
    if schema.layout != Layout::Columns {
        return schema.clone();
    }
    let same_dtype = schema.variables.windows(2).all(|v| v[0].dtype == v[1].dtype);
    let names_width = schema.names().map(|name| name.chars().count()).max().unwrap_or(0).max(1);
    let n_columns = schema.variables.len();
    let layout = match same_dtype {
        true => Layout::Table { n_columns, data_position: 0, names_position: 1, names_width },
        false => Layout::Arrays,
    };
    Schema { layout, ..schema.clone() }
}

/// One array of a file: a variable, or columns side by side.
struct Array {
    dtype: DType,
    shape: Vec<usize>,
    storage: Storage,
    columns: Vec<usize>,
    is_table: bool,
}

impl Array {
    fn of(schema: &Schema, idx: usize) -> Array {
        let VariableSchema { dtype, shape, storage, .. } = schema.variables[idx].clone();
        Array { dtype, shape, storage, columns: vec![idx], is_table: false }
    }

    /// The first variables as (rows, columns); an error if they differ in dtype or length.
    fn table(schema: &Schema, n_columns: usize) -> Result<Array> {
        let first = schema.variables.first();
        let storage = first.map(|c| c.storage).unwrap_or_default();
        let (n_rows, dtype) = first.map_or((0, DType::F64), |c| (c.n_values(), c.dtype));
        let columns = &schema.variables[..n_columns];
        if !columns.iter().all(|c| c.shape == [n_rows]) {
            return Err(Error::input(
                "expected columns of one length, found others; write an .npz of named arrays",
            ));
        }
        if !columns.iter().all(|c| c.dtype == dtype) {
            return Err(Error::input(
                "expected columns of one dtype for a single array, found several; write an .npz",
            ));
        }
        let shape = vec![n_rows, n_columns];
        Ok(Array { dtype, shape, storage, columns: (0..n_columns).collect(), is_table: true })
    }

    /// The one array that a source is: its only variable, or its table.
    fn only(source: &dyn Source) -> Result<Array> {
        let schema = source.schema();
        let n_columns = match schema.layout {
            Layout::Table { n_columns, .. } => n_columns,
            Layout::Columns => schema.variables.len(),
            Layout::Arrays | Layout::Single => 0,
        };
        match schema.variables.len() {
            1 if n_columns == 0 => Ok(Array::of(schema, 0)),
            n_variables if n_columns > 0 && n_columns == n_variables => Array::table(schema, n_columns),
            several => Err(Error::config(format!(
                "expected one array for this output format, found {several}; write an .npz or pick one with --variables"
            ))),
        }
    }

    fn header(&self) -> Vec<u8> {
        npy::header(self.dtype, &self.shape, self.storage)
    }

    /// Bytes of the npy file.
    fn file_bytes(&self) -> usize {
        self.header().len() + self.shape.iter().product::<usize>() * self.dtype.size_bytes()
    }

    /// Writes the npy file, or only its values: then in C order.
    fn write(
        &self,
        source: &dyn Source,
        threads: &Threads,
        with_header: bool,
        out: &mut (impl Write + ?Sized),
    ) -> Result<()> {
        if with_header {
            out.write_all(&self.header()).map_err(failed)?;
        }
        let n_rows = self.shape.first().copied().unwrap_or(1);
        let first_axis_first = self.storage.fortran_order && with_header && self.shape.len() > 1;
        let mut put = |values: &Values| {
            values.in_bytes(self.storage.big_endian, |bytes| out.write_all(bytes)).map_err(failed)
        };
        if first_axis_first && !self.is_table {
            let n_values = self.shape.iter().product();
            let outer = self.shape.len() - npy::n_inner_axes(self.dtype, &self.shape, self.storage);
            let values = source.read(self.columns[0], 0..n_values)?;
            return put(&order::c_to_fortran_items(&values, &self.shape[..outer]));
        }
        // The columns of a table in Fortran order come one after the other, else all of a row together.
        let together: Vec<&[usize]> =
            if first_axis_first { self.columns.chunks(1).collect() } else { vec![&self.columns] };
        for columns in together {
            let at_once = source.rows_at_once(columns).max(1);
            let rows = (0..n_rows).step_by(at_once).map(|at| at..at.saturating_add(at_once).min(n_rows));
            let differ = || Error::corrupt("the columns of a table differ in dtype");
            let read = |rows| match &mut source.read_rows(columns, rows)?[..] {
                [one] => Ok(std::mem::replace(one, Values::Bool(Vec::new()))),
                several => order::join_columns(&several.iter().collect::<Vec<_>>(), false).ok_or_else(differ),
            };
            threads.ahead(rows, read, |values| put(&values))?;
        }
        Ok(())
    }
}
