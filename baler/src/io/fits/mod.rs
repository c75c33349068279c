//! FITS: images of every BITPIX (unsigned ones by their BZERO), binary tables by columns (`EVENTS/TIME`), and a file of
//! them back with every header card. Columns of text, bits and variable length, tables of text and other data go along
//! byte for byte. Integers scaled by BSCALE stay integers. Refuses headers that are no text or claim more than is there.

mod header;
mod metadata;
mod table;
mod write;

pub use write::write;

use crate::dataset::{Attachment, DType, Values};
use crate::error::{Error, Result};
use crate::io::arrays::{ArrayInfo, Arrays};
use crate::io::store::Region;
use header::{BLOCK, Header};
use metadata::{Data, Unit};
use std::ops::Range;

/// The name of the metadata.
pub const NAME: &str = "fits";

/// What a file begins with.
pub const MAGIC: &[u8] = b"SIMPLE  =";

pub use metadata::{missing_values, names};

/// Where the values of an array are.
struct Place {
    /// The first byte.
    at: u64,
    /// Bytes from one row of a table to the next, or of a row of an image.
    stride: u64,
    /// How numbers are stored.
    stored: Stored,
}

/// How numbers of our dtypes stand in FITS.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Stored {
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
    places: Vec<Place>,
    units: Vec<Unit>,
    warnings: Vec<String>,
}

impl Fits {
    /// Reads all headers, and what is no array of numbers.
    pub fn open(bytes: Region) -> Result<Fits> {
        let mut fits =
            Fits { bytes, arrays: Vec::new(), places: Vec::new(), units: Vec::new(), warnings: Vec::new() };
        if !fits.bytes.read_up_to(0, 9)?.starts_with(MAGIC) {
            return Err(Error::input("expected a FITS file (SIMPLE = at its start), found other bytes"));
        }
        let mut at = 0;
        while at + (BLOCK as u64) <= fits.bytes.len() {
            let n_units = fits.units.len();
            let (header, start) = match Header::read(&fits.bytes, at) {
                Ok(found) => found,
                // Files may have anything behind the last unit.
                Err(_) if n_units > 0 && !fits.bytes.read(at, 8)?.starts_with(b"XTENSION") => break,
                Err(error) => return Err(error),
            };
            at = fits.unit(header, start)?;
        }
        Ok(fits)
    }

    /// Takes in a unit whose data begin at `start`; gives where the next begins.
    fn unit(&mut self, mut header: Header, start: u64) -> Result<u64> {
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
        header.cards.retain(|card| !["CHECKSUM", "DATASUM"].contains(&header::keyword_of(card).as_str()));
        let extension = header.value("XTENSION");
        let is_image = matches!(extension.as_deref(), None | Some("IMAGE")) && n_extra == 0 && n_groups == 1;
        let data = match extension.as_deref() {
            _ if n_bytes == 0 && !matches!(extension.as_deref(), Some("BINTABLE")) => Data::None,
            _ if is_image => {
                let (dtype, stored) = image_type(bitpix, &header);
                if header.number("BSCALE").is_some_and(|scale| scale != 1.0) {
                    let text =
                        format!("'{name}' has BSCALE: its values are the stored integers, and so are bounds");
                    self.warnings.push(text);
                }
                let stride = shape[1..].iter().product::<usize>() as u64 * size;
                self.arrays.push(ArrayInfo::new(&name, dtype, shape, true)?);
                self.places.push(Place { at: start, stride, stored });
                Data::Image { name, stored }
            }
            Some("BINTABLE") => self.table(&header, &shape, &name, start, n_extra)?,
            _ => Data::Bytes(self.bytes.read(start, n_bytes)?.into_owned()),
        };
        if matches!(data, Data::Bytes(_)) {
            self.warnings.push(format!("unit {} is kept as bytes, not as numbers", self.units.len()));
        }
        self.units.push(Unit { header, data });
        Ok(end.next_multiple_of(BLOCK as u64))
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
        let columns = table::columns(header, row_bytes)?;
        let mut kept = Vec::new();
        for column in columns {
            let path = format!("{name}/{}", column.name);
            let at = start + column.at as u64;
            let is_new = !self.arrays.iter().any(|array| array.name == path);
            match column.numbers.filter(|_| is_new) {
                Some((dtype, stored, inner)) => {
                    let shape = std::iter::once(n_rows).chain(inner).collect();
                    self.arrays.push(ArrayInfo::new(&path, dtype, shape, true)?);
                    self.places.push(Place { at, stride: row_bytes as u64, stored });
                    kept.push((column.n_bytes, metadata::Column::Numbers { name: path, stored }));
                }
                None => {
                    let bytes = self.column(at, row_bytes as u64, column.n_bytes as u64, 0..n_rows as u64)?;
                    kept.push((column.n_bytes, metadata::Column::Bytes(bytes)));
                }
            }
        }
        if header.value("ZIMAGE").is_some_and(|v| v == "T") {
            self.warnings
                .push(format!("'{name}' is a compressed image and kept as it is; unpack it first (funpack)"));
        }
        let heap = self.bytes.read(start + (n_rows * row_bytes) as u64, n_extra)?.into_owned();
        Ok(Data::Table { n_rows, columns: kept, heap })
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
fn image_type(bitpix: i64, header: &Header) -> (DType, Stored) {
    let zero = header.number("BZERO").unwrap_or(0.0);
    let shifted = header.number("BSCALE").unwrap_or(1.0) == 1.0;
    match bitpix {
        8 if shifted && zero == -128.0 => (DType::I8, Stored::Shifted),
        16 if shifted && zero == 32768.0 => (DType::U16, Stored::Shifted),
        32 if shifted && zero == 2147483648.0 => (DType::U32, Stored::Shifted),
        64 if shifted && zero == 9223372036854775808.0 => (DType::U64, Stored::Shifted),
        8 => (DType::U8, Stored::Plain),
        16 => (DType::I16, Stored::Plain),
        32 => (DType::I32, Stored::Plain),
        64 => (DType::I64, Stored::Plain),
        -32 => (DType::F32, Stored::Plain),
        _ => (DType::F64, Stored::Plain),
    }
}

/// Between numbers as they stand in FITS (big-endian) and ours: its own inverse.
fn turn(bytes: &mut [u8], dtype: DType, stored: Stored) {
    match stored {
        Stored::Plain => {}
        Stored::Shifted => bytes.chunks_exact_mut(dtype.size_bytes()).for_each(|number| number[0] ^= 0x80),
        Stored::Letters => {
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
        let mut raw = self.column(place.at, place.stride, n_bytes, rows.start as u64..rows.end as u64)?;
        turn(&mut raw, info.dtype, place.stored);
        Values::from_bytes(info.dtype, &raw, true)
    }

    fn metadata(&self, wanted: &dyn Fn(&str) -> bool) -> Option<Attachment> {
        let wanted = |unit: &&Unit| match &unit.data {
            Data::Image { name, .. } => wanted(name),
            Data::Table { columns, .. } => columns.iter().any(|(_, column)| match column {
                metadata::Column::Numbers { name, .. } => wanted(name),
                metadata::Column::Bytes(_) => false,
            }),
            Data::None | Data::Bytes(_) => wanted(""),
        };
        let is_first = |unit: &Unit| std::ptr::eq(unit, &self.units[0]);
        let units: Vec<&Unit> = self.units.iter().filter(|unit| is_first(unit) || wanted(unit)).collect();
        Some(Attachment::metadata(NAME, self.arrays.len(), metadata::write(&units)))
    }

    fn warnings(&self) -> &[String] {
        &self.warnings
    }
}
