//! FITS: images of every BITPIX (unsigned ones by their BZERO), binary tables by columns (`EVENTS/TIME`), random groups,
//! and a file of them back with every header card. Columns of variable length are lists; text is text; tables of text
//! and other units are bytes, and so are all columns of packed images. Integers scaled by BSCALE stay integers. Also reads
//! files in gzip. Refuses headers that are no text or claim more than is there.

mod checksum;
mod columns;
mod header;
mod listed;
mod metadata;
mod shared;
mod table;
#[cfg(test)]
mod tests;
mod write;

pub use write::{write, write_gzip};

use crate::arrays::{ArrayInfo, Arrays};
use crate::store::{Region, RegionReader, Spill};
use baler_data::dataset::kind::Kind;
use baler_data::dataset::{Attachment, DType, ListKind, Lists, Values};
use baler_data::error::{Error, Result};
use baler_data::metadata::Metadata;
use flate2::bufread::GzDecoder;
use header::{BLOCK, Header};
use listed::Spans;
use metadata::{Column, Data, Unit};
use std::collections::HashSet;
use std::io::{BufRead, BufReader, Read};
use std::ops::Range;
use table::{Content, Elements};

/// The name of the metadata.
pub const NAME: &str = "fits";

/// What a file begins with.
pub const MAGIC: &[u8] = b"SIMPLE  =";
/// What gzip begins with.
pub const GZIP: [u8; 2] = [0x1f, 0x8b];

pub use header::said_by_card;
pub use metadata::{names, renamed, untrue, variables};
pub use shared::carries;

/// Where the values of an array are.
enum DataPlace {
    /// From a byte on, with so many bytes from one row of a table to the next, or of a row of an image.
    Rows { at: u64, stride: u64, stored: FitsArray },
    /// Items of lists in a heap.
    Items { spans: Spans, stored: FitsArray },
}

/// How numbers of our dtypes stand in FITS.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum FitsArray {
    /// As they are.
    Plain,
    /// With the sign bit turned: unsigned numbers less half their range, signed bytes and half of it.
    Shifted,
    /// T, F, or 0 for neither.
    Letters,
}

/// An opened file.
pub struct Fits {
    bytes: Region,
    arrays: Vec<ArrayInfo>,
    places: Vec<DataPlace>,
    names: HashSet<String>,
    units: Vec<Unit>,
    warnings: Vec<String>,
}

/// Where the rows of a table, and its heap, are in the file.
struct Within {
    start: u64,
    stride: u64,
    n_rows: usize,
    heap: Range<u64>,
}

/// The bytes of a file that may be in gzip. What is behind its last member is no part of it, as for gzip itself.
fn unpacked(bytes: Region) -> Result<Region> {
    if !bytes.read_up_to(0, 2)?.starts_with(&GZIP) {
        return Ok(bytes);
    }
    let mut start = Vec::new();
    let begun =
        GzDecoder::new(BufReader::new(bytes.reader())).take(MAGIC.len() as u64).read_to_end(&mut start);
    if begun.is_err() || start != MAGIC {
        return Err(Error::input("expected a FITS file in gzip, found other bytes"));
    }
    Spill::of_reader(&mut Members { rest: Some(GzDecoder::new(BufReader::new(bytes.reader()))) })
}

/// All members of a gzip file, one after the other.
struct Members {
    rest: Option<GzDecoder<BufReader<RegionReader>>>,
}

impl Read for Members {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        while let Some(member) = &mut self.rest {
            let n_bytes = member.read(out)?;
            if n_bytes > 0 || out.is_empty() {
                return Ok(n_bytes);
            }
            if let Some(mut behind) = self.rest.take().map(GzDecoder::into_inner)
                && behind.fill_buf()?.starts_with(&GZIP)
            {
                self.rest = Some(GzDecoder::new(behind));
            }
        }
        Ok(0)
    }
}

impl Fits {
    /// Reads all headers, and where the items of lists are.
    pub fn open(bytes: Region) -> Result<Fits> {
        let bytes = unpacked(bytes)?;
        if !bytes.read_up_to(0, MAGIC.len() as u64)?.starts_with(MAGIC) {
            return Err(Error::input("expected a FITS file (SIMPLE = at its start), found other bytes"));
        }
        let (arrays, places, names) = (Vec::new(), Vec::new(), HashSet::new());
        let mut fits = Fits { bytes, arrays, places, names, units: Vec::new(), warnings: Vec::new() };
        let mut at = 0;
        while at < fits.bytes.len() {
            match Header::read(&fits.bytes, at) {
                Ok((header, start)) => at = fits.unit(header, start)?,
                // Files may have anything behind the last unit.
                Err(_) if at > 0 && !fits.bytes.read_up_to(at, 8)?.starts_with(b"XTENSION") => {
                    fits.behind(at)?;
                    break;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(fits)
    }

    /// What is behind the last unit is no part of FITS; it is told, unless it only fills up.
    fn behind(&mut self, at: u64) -> Result<()> {
        let rest = self.bytes.len() - at;
        let seen = self.bytes.read_up_to(at, 1 << 20)?;
        if seen.len() as u64 != rest || seen.iter().any(|&byte| byte != 0 && byte != b' ') {
            self.warnings.push(format!("{rest} bytes behind the last unit are not kept"));
        }
        Ok(())
    }

    /// Adds an array of elements with that many rows under a name that is not taken yet.
    fn add(&mut self, name: &str, n_rows: usize, elements: &Elements, place: DataPlace) -> Result<String> {
        let shape = std::iter::once(n_rows).chain(elements.inner.iter().copied()).collect();
        let mut array = ArrayInfo::new(self.unique(name), elements.dtype, shape, true)?;
        array.storage.kind = elements.kind;
        let name = array.name.clone();
        self.arrays.push(array);
        self.places.push(place);
        Ok(name)
    }

    /// The name, with a number where it was there before.
    fn unique(&mut self, name: &str) -> String {
        let others = (2..).map(|i| format!("{name}.{i}"));
        let found = std::iter::once(name.to_string()).chain(others).find(|name| !self.names.contains(name));
        let found = found.unwrap_or_default();
        self.names.insert(found.clone());
        found
    }

    /// Takes in a unit whose data begin at `start`; gives where the next begins.
    fn unit(&mut self, header: Header, start: u64) -> Result<u64> {
        let shape = header.shape()?;
        let bitpix = header.integer("BITPIX").filter(|bits| [8, 16, 32, 64, -32, -64].contains(bits));
        let bitpix =
            bitpix.ok_or_else(|| Error::input("expected BITPIX in a FITS header; the file is damaged"))?;
        let size = bitpix.unsigned_abs() / 8;
        let groups = header.value("GROUPS").is_some_and(|v| v == "T") && shape.last() == Some(&0);
        let axes = if groups { &shape[..shape.len() - 1] } else { &shape[..] };
        let n_main = if axes.is_empty() { Some(0) } else { product(axes) };
        let n_extra = header.integer("PCOUNT").and_then(|n| u64::try_from(n).ok()).unwrap_or(0);
        let n_groups = header.integer("GCOUNT").and_then(|n| u64::try_from(n).ok()).unwrap_or(1);
        let n_bytes = n_main.and_then(|n| n.checked_add(n_extra)?.checked_mul(n_groups)?.checked_mul(size));
        let end = n_bytes.and_then(|n| n.checked_add(start)).filter(|&end| end <= self.bytes.len());
        let end = end.ok_or_else(|| {
            let text = format!(
                "expected data of shape {shape:?} at byte {start}, found {} bytes; the FITS is cut off",
                self.bytes.len()
            );
            Error::input(text)
        })?;
        let (n_bytes, name) = (end - start, self.name(&header));
        let extension = header.value("XTENSION");
        let is_image = matches!(extension.as_deref(), None | Some("IMAGE")) && n_extra == 0 && n_groups == 1;
        let data = match extension.as_deref() {
            Some("BINTABLE" | "A3DTABLE") => self.table(&header, &shape, &name, start, n_extra)?,
            _ if n_bytes == 0 => Data::None,
            _ if is_image => self.image(&header, bitpix, shape, &name, start)?,
            None if groups => self.groups(bitpix, axes, (n_groups, n_extra), &name, start, &header)?,
            extension => {
                // A table of text has its lines as rows, other bytes are one.
                let row_bytes = match (extension, &shape[..]) {
                    (Some("TABLE"), &[_, row_bytes]) if n_extra == 0 => row_bytes as u64,
                    _ => n_bytes,
                };
                let kind = if extension == Some("TABLE") { Kind::Text } else { Kind::Bytes };
                let elements = Elements::bytes(row_bytes as usize, kind);
                let place = DataPlace::Rows { at: start, stride: row_bytes, stored: FitsArray::Plain };
                let name = self.add(&name, (n_bytes / row_bytes) as usize, &elements, place)?;
                Data::Bytes { name, n_bytes: n_bytes as usize }
            }
        };
        self.units.push(Unit { header, data });
        Ok(end.next_multiple_of(BLOCK as u64))
    }

    fn image(
        &mut self,
        header: &Header,
        bitpix: i64,
        shape: Vec<usize>,
        name: &str,
        start: u64,
    ) -> Result<Data> {
        let (dtype, stored) = image_type(bitpix, header);
        if header.number("BSCALE").is_some_and(|scale| scale != 1.0) {
            let text = format!("'{name}' has BSCALE: its values are the stored integers, and so are bounds");
            self.warnings.push(text);
        }
        let inner = shape[1..].to_vec();
        let elements = Elements { dtype, stored, kind: Kind::Number, inner };
        let stride = elements.size_bytes() as u64;
        let name = self.add(name, shape[0], &elements, DataPlace::Rows { at: start, stride, stored })?;
        Ok(Data::Image { name, stored })
    }

    /// Random groups: some parameters and an array each.
    fn groups(
        &mut self,
        bitpix: i64,
        axes: &[usize],
        (n_groups, n_parameters): (u64, u64),
        name: &str,
        start: u64,
        header: &Header,
    ) -> Result<Data> {
        let (dtype, stored) = image_type(bitpix, header);
        let elements = |inner| Elements { dtype, stored, kind: Kind::Number, inner };
        let (parameters, data) = (elements(vec![n_parameters as usize]), elements(axes.to_vec()));
        let has_data = !axes.is_empty() && !axes.contains(&0);
        let n_bytes = parameters.size_bytes() as u64;
        let stride = n_bytes + if has_data { data.size_bytes() as u64 } else { 0 };
        let n_groups = n_groups as usize;
        let place = |at| DataPlace::Rows { at, stride, stored };
        let of_parameters = match n_parameters {
            0 => None,
            _ => Some(self.add(&format!("{name}/parameters"), n_groups, &parameters, place(start))?),
        };
        let of_data = match has_data {
            false => None,
            true => Some(self.add(&format!("{name}/data"), n_groups, &data, place(start + n_bytes))?),
        };
        Ok(Data::Groups { parameters: of_parameters, data: of_data, stored })
    }

    /// EXTNAME, or PRIMARY and HDU1, HDU2, ...; with a number where the name was there before.
    fn name(&self, header: &Header) -> String {
        let n = self.units.len();
        let default = if n == 0 { "PRIMARY".to_string() } else { format!("HDU{n}") };
        let name =
            header.value("EXTNAME").filter(|name| !name.is_empty()).unwrap_or(default).replace('/', "_");
        let taken = |name: &str| {
            let inside =
                |a: &ArrayInfo| a.name.strip_prefix(name).is_some_and(|r| r.is_empty() || r.starts_with('/'));
            self.arrays.iter().any(inside)
        };
        match taken(&name) {
            false => name,
            true => (2..).map(|i| format!("{name}.{i}")).find(|name| !taken(name)).unwrap_or_default(),
        }
    }

    fn table(
        &mut self,
        header: &Header,
        shape: &[usize],
        name: &str,
        start: u64,
        n_extra: u64,
    ) -> Result<Data> {
        let &[n_rows, row_bytes] = shape else {
            return Err(Error::input("expected two axes of a FITS table; the file is damaged"));
        };
        let table_bytes = (n_rows as u64).saturating_mul(row_bytes as u64);
        let gap =
            header.integer("THEAP").and_then(|theap| u64::try_from(theap).ok()?.checked_sub(table_bytes));
        let heap = start + table_bytes + gap.unwrap_or(0).min(n_extra)..start + table_bytes + n_extra;
        let within = Within { start, stride: row_bytes as u64, n_rows, heap: heap.clone() };
        let mut kept = Vec::new();
        // Where one column's descriptors point elsewhere, or are none that are known, the heap stays as it is.
        let mut is_raw = false;
        for (idx, column) in table::columns(header, row_bytes)?.into_iter().enumerate() {
            let (n_bytes, path) = (column.n_bytes, format!("{name}/{}", column.name));
            let found = self.table_column(&path, column, &within)?;
            is_raw |= matches!(found, Column::Fixed { .. }) && table::has_descriptors(header, idx);
            kept.push((n_bytes, found));
        }
        if header.value("ZIMAGE").is_some_and(|v| v == "T") {
            self.warnings
                .push(format!("'{name}' is a compressed image and kept as it is; unpack it first (funpack)"));
        }
        let heap = match is_raw {
            true => self.bytes.read(heap.start, heap.end - heap.start)?.into_owned(),
            false => Vec::new(),
        };
        Ok(Data::Table { columns: kept, heap })
    }

    /// Adds the arrays of a column.
    fn table_column(&mut self, path: &str, column: table::Column, within: &Within) -> Result<Column> {
        let Within { start, stride, n_rows, heap } = within;
        let (at, stride, n_rows) = (start + column.at as u64, *stride, *n_rows);
        let rows = |stored| DataPlace::Rows { at, stride, stored };
        let (elements, is_wide) = match column.content {
            None => return Ok(Column::Empty),
            Some(Content::Fixed(elements)) => {
                let stored = elements.stored;
                let name = self.add(path, n_rows, &elements, rows(stored))?;
                return Ok(Column::Fixed { name, stored });
            }
            Some(Content::Listed(elements, is_wide)) => (elements, is_wide),
        };
        let descriptors = self.column(at, stride, column.n_bytes as u64, 0..n_rows as u64)?;
        let spans = Spans::of_descriptors(&descriptors, is_wide, heap.clone(), elements.size_bytes());
        let Some(spans) = spans else {
            let (elements, stored) = (Elements::bytes(column.n_bytes, Kind::Bytes), FitsArray::Plain);
            let name = self.add(path, n_rows, &elements, rows(stored))?;
            return Ok(Column::Fixed { name, stored });
        };
        let dtype = if is_wide { DType::I64 } else { DType::I32 };
        let counts = Elements { dtype, stored: FitsArray::Plain, kind: Kind::Number, inner: Vec::new() };
        self.add(&format!("{path}#counts"), n_rows, &counts, rows(FitsArray::Plain))?;
        let lists = Lists { counts: self.arrays.len() - 1, kind: ListKind::Vector };
        let (stored, is_running) = (elements.stored, spans.is_running);
        let name = self.add(path, spans.n_items(), &elements, DataPlace::Items { spans, stored })?;
        if let Some(items) = self.arrays.last_mut() {
            items.storage.lists = Some(lists);
        }
        Ok(Column::Listed { name, stored, is_wide, is_running })
    }

    /// The bytes of some rows of a column.
    fn column(&self, at: u64, stride: u64, n_bytes: u64, rows: Range<u64>) -> Result<Vec<u8>> {
        if rows.is_empty() || n_bytes == 0 {
            return Ok(Vec::new());
        }
        if stride == n_bytes {
            return Ok(self
                .bytes
                .read(at + rows.start * stride, (rows.end - rows.start) * stride)?
                .into_owned());
        }
        let mut out = Vec::new();
        let at_a_time = ((1 << 22) / stride).max(1);
        let mut row = rows.start;
        while row < rows.end {
            let n = at_a_time.min(rows.end - row);
            let block = self.bytes.read(at + row * stride, (n - 1) * stride + n_bytes)?;
            block.chunks(stride as usize).for_each(|row| out.extend_from_slice(&row[..n_bytes as usize]));
            row += n;
        }
        Ok(out)
    }
}

/// The product of extents, if it is a number.
fn product(shape: &[usize]) -> Option<u64> {
    shape.iter().try_fold(1u64, |n, &extent| n.checked_mul(extent as u64))
}

/// The dtype of an image, and how its numbers are stored.
fn image_type(bitpix: i64, header: &Header) -> (DType, FitsArray) {
    let zero = header.number("BZERO").unwrap_or(0.0);
    let shifted = header.number("BSCALE").unwrap_or(1.0) == 1.0;
    match bitpix {
        8 if shifted && zero == -128.0 => (DType::I8, FitsArray::Shifted),
        16 if shifted && zero == 32768.0 => (DType::U16, FitsArray::Shifted),
        32 if shifted && zero == 2147483648.0 => (DType::U32, FitsArray::Shifted),
        64 if shifted && zero == 9223372036854775808.0 => (DType::U64, FitsArray::Shifted),
        8 => (DType::U8, FitsArray::Plain),
        16 => (DType::I16, FitsArray::Plain),
        32 => (DType::I32, FitsArray::Plain),
        64 => (DType::I64, FitsArray::Plain),
        -32 => (DType::F32, FitsArray::Plain),
        _ => (DType::F64, FitsArray::Plain),
    }
}

/// Between numbers as they stand in FITS (big-endian) and ours: its own inverse.
fn turn(bytes: &mut [u8], dtype: DType, stored: FitsArray) {
    match stored {
        FitsArray::Plain => {}
        FitsArray::Shifted => bytes.chunks_exact_mut(dtype.size_bytes()).for_each(|number| number[0] ^= 0x80),
        FitsArray::Letters => {
            for byte in bytes {
                *byte = match *byte {
                    b'T' => 1,
                    b'F' => 0,
                    1 => b'T',
                    0 => b'F',
                    other => other,
                };
            }
        }
    }
}

impl Arrays for Fits {
    fn arrays(&self) -> &[ArrayInfo] {
        &self.arrays
    }

    fn rows(&self, idx: usize, rows: Range<usize>) -> Result<Values> {
        let (info, place) = (&self.arrays[idx], &self.places[idx]);
        let n_bytes = info.row_bytes() as u64;
        let (mut raw, stored) = match place {
            DataPlace::Rows { at, stride, stored } => {
                (self.column(*at, *stride, n_bytes, rows.start as u64..rows.end as u64)?, *stored)
            }
            DataPlace::Items { spans, stored } => (spans.items(&self.bytes, rows)?, *stored),
        };
        turn(&mut raw, info.dtype, stored);
        Values::from_bytes(info.dtype, &raw, true)
    }

    /// Units without a variable go with the whole file.
    fn metadata(&self, wanted: &dyn Fn(&str) -> bool) -> Option<Attachment> {
        let is_wanted = |unit: &Unit| {
            let names = unit.data.names();
            if names.is_empty() { wanted("") } else { names.into_iter().any(wanted) }
        };
        let units = self.units.iter().enumerate().filter(|(i, unit)| *i == 0 || is_wanted(unit));
        let units: Vec<&Unit> = units.map(|(_, unit)| unit).collect();
        Some(Attachment::metadata(NAME, self.arrays.len(), metadata::write(&units)))
    }

    fn shared(&self) -> Metadata {
        shared::of_units(&self.units)
    }

    fn warnings(&self) -> &[String] {
        &self.warnings
    }
}
