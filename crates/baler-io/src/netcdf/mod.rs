//! Classic NetCDF (CDF-1, 2 and 5): variables by their names, any rows of them, and the file back, byte for byte where
//! all of it is there. What the header says is kept as it is; a slice, or some of the variables, get a new one.

mod header;
mod write;

pub use write::write;

use crate::arrays::{ArrayInfo, Arrays};
use crate::store::Region;
use baler_data::bytes::{ByteReader, ByteWriter};
use baler_data::dataset::kind::Kind;
use baler_data::dataset::{Attachment, Values};
use baler_data::error::{Error, Result};
use baler_data::metadata::{About, Attribute, Axis, Group, Metadata, Role};
use header::{CHAR, Header, MAX_BYTES, RawAttribute, RawVariable, damaged};
use std::ops::Range;

/// The name of the metadata.
pub const NAME: &str = "netcdf";

/// Bytes of records that are read at a time.
const AT_ONCE: u64 = 1 << 20;
/// Bytes behind the last value that are kept, at most.
const MAX_TAIL: u64 = 1 << 16;
/// Records whose padding is kept one by one, at most.
const MAX_PADS: u64 = 1 << 16;

/// True for the first bytes of such a file.
pub fn is_classic(bytes: &[u8]) -> bool {
    matches!(bytes, [b'C', b'D', b'F', 1 | 2 | 5, ..])
}

/// An opened file.
pub struct NetCdf {
    bytes: Region,
    header: Header,
    n_records: u64,
    record_bytes: u64,
    arrays: Vec<ArrayInfo>,
    kept: Kept,
}

/// What is kept of a file beside its values.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Kept {
    /// The header as it stands there, with what is between it and the first value.
    pub header: Vec<u8>,
    /// What pads each variable to four bytes: in all its records, or in the first where all are alike or many.
    pub pads: Vec<Vec<u8>>,
    /// What stands behind the last value.
    pub tail: Vec<u8>,
    /// Bytes of padding that are missing at the end.
    pub n_missing: usize,
}

impl Kept {
    fn write(&self) -> Vec<u8> {
        let mut w = ByteWriter::default();
        w.u8(1);
        w.block(&self.header);
        w.count(self.pads.len());
        self.pads.iter().for_each(|pad| w.block(pad));
        w.block(&self.tail);
        w.count(self.n_missing);
        w.bytes
    }

    fn read(bytes: &[u8]) -> Result<Kept> {
        let mut r = ByteReader::new(bytes);
        if r.u8()? != 1 {
            return Err(Error::unsupported("NetCDF metadata of another version are not known"));
        }
        let header = r.block()?.to_vec();
        let pads = (0..r.count_of_items()?).map(|_| Ok(r.block()?.to_vec())).collect::<Result<_>>()?;
        let (tail, n_missing) = (r.block()?.to_vec(), r.count()?);
        r.finish("NetCDF metadata")?;
        Ok(Kept { header, pads, tail, n_missing })
    }
}

impl NetCdf {
    /// Reads the header.
    pub fn open(bytes: Region) -> Result<NetCdf> {
        let mut n_bytes = 1 << 16;
        // Most headers are short; those that are not are read again, and longer.
        let header = loop {
            let start = bytes.read_up_to(0, n_bytes)?;
            match Header::read(&start) {
                Err(_) if n_bytes < bytes.len().min(MAX_BYTES) => n_bytes *= 8,
                found => break found?,
            }
        };
        let record_bytes = header.record_bytes()?;
        let first_record = header.variables.iter().filter(|v| header.is_record(v)).map(|v| v.begin).min();
        let n_records = match (header.n_records, first_record) {
            (Some(n), _) => n,
            (None, Some(first)) if record_bytes > 0 => bytes.len().saturating_sub(first) / record_bytes,
            (None, _) => 0,
        };
        let mut arrays = Vec::new();
        for variable in &header.variables {
            let shape = header.shape(variable, n_records);
            let shape: Option<Vec<usize>> = shape.into_iter().map(|n| usize::try_from(n).ok()).collect();
            let shape = shape.ok_or_else(|| damaged("a variable is larger than any file"))?;
            let mut info = ArrayInfo::new(&variable.name, header::dtype(variable.code)?, shape, true)?;
            if variable.code == CHAR {
                info.storage.kind = if info.shape.is_empty() { Kind::Exact } else { Kind::Text };
            }
            arrays.push(info);
        }
        let kept = Kept::default();
        let mut file = NetCdf { bytes, header, n_records, record_bytes, arrays, kept };
        file.kept = file.keep()?;
        Ok(file)
    }

    /// What has to be kept so that the file comes back byte for byte.
    fn keep(&self) -> Result<Kept> {
        let header = &self.header;
        let first = header.variables.iter().map(|v| v.begin).min().unwrap_or(header.n_bytes);
        let first = first.clamp(header.n_bytes, header.n_bytes + MAX_TAIL);
        let end = write::end(header, self.n_records)?;
        let n_header = if header.variables.is_empty() { header.n_bytes } else { first.min(end) };
        let pad = |variable: &RawVariable| {
            let n_bytes = header.row_bytes(variable)?;
            let n_pad = n_bytes.wrapping_neg() % 4;
            let n_records = match header.is_record(variable) {
                true if self.n_records == 0 => 0,
                true if self.record_bytes > n_bytes && self.n_records <= MAX_PADS => self.n_records,
                _ => 1,
            };
            let mut pads = Vec::new();
            for record in (0..n_records).take_while(|_| n_pad > 0) {
                let at = variable.begin.saturating_add(n_bytes);
                let at = at.saturating_add(record.saturating_mul(self.record_bytes));
                pads.extend_from_slice(&self.bytes.read_up_to(at, n_pad)?);
            }
            // Libraries leave there what was in memory; others fill.
            let n_pad = n_pad as usize;
            if n_pad > 0 && pads.chunks(n_pad).all(|pad| *pad == pads[..n_pad.min(pads.len())]) {
                pads.truncate(n_pad);
            }
            Ok(pads)
        };
        let n_tail = self.bytes.len().saturating_sub(end);
        let tail =
            if n_tail <= MAX_TAIL { self.bytes.read_up_to(end, n_tail)?.into_owned() } else { Vec::new() };
        let pads = header.variables.iter().map(pad).collect::<Result<_>>()?;
        let n_missing = end.saturating_sub(self.bytes.len()).min(3) as usize;
        Ok(Kept { header: self.bytes.read_up_to(0, n_header)?.into_owned(), pads, tail, n_missing })
    }

    /// Rows of a variable with records, which lie apart.
    fn records(&self, variable: &RawVariable, rows: Range<u64>, out: &mut Vec<u8>) -> Result<()> {
        let row_bytes = self.header.row_bytes(variable)?;
        let step = self.record_bytes.max(1);
        // Records that lie near each other are read together.
        let at_once = if step <= 16 * row_bytes.max(256) { (AT_ONCE / step).max(1) } else { 1 };
        for first in rows.clone().step_by(at_once as usize) {
            let n = at_once.min(rows.end - first);
            let at = first.checked_mul(step).and_then(|at| at.checked_add(variable.begin));
            let at = at.ok_or_else(|| damaged("a record lies nowhere"))?;
            let bytes = self.bytes.read(at, (n - 1) * step + row_bytes)?;
            for record in bytes.chunks(step as usize) {
                out.extend_from_slice(&record[..row_bytes as usize]);
            }
        }
        Ok(())
    }
}

impl Arrays for NetCdf {
    fn arrays(&self) -> &[ArrayInfo] {
        &self.arrays
    }

    fn rows(&self, idx: usize, rows: Range<usize>) -> Result<Values> {
        let (variable, info) = (&self.header.variables[idx], &self.arrays[idx]);
        let n_bytes = (rows.len() * info.row_bytes()) as u64;
        if n_bytes == 0 {
            return Ok(Values::empty(info.dtype));
        }
        if n_bytes > self.bytes.len() {
            return Err(damaged(format!("expected {n_bytes} bytes, found a file of {}", self.bytes.len())));
        }
        if self.header.is_record(variable) && self.record_bytes as usize != info.row_bytes() {
            let mut out = Vec::with_capacity(n_bytes as usize);
            self.records(variable, rows.start as u64..rows.end as u64, &mut out)?;
            return Values::from_bytes(info.dtype, &out, true);
        }
        let at = variable.begin.checked_add((rows.start * info.row_bytes()) as u64);
        let bytes = self.bytes.read(at.ok_or_else(|| damaged("a variable lies nowhere"))?, n_bytes)?;
        Values::from_bytes(info.dtype, &bytes, true)
    }

    fn metadata(&self, _: &dyn Fn(&str) -> bool) -> Option<Attachment> {
        Some(Attachment::metadata(NAME, self.arrays.len(), self.kept.write()))
    }

    fn shared(&self) -> Metadata {
        let common = |attributes: &[RawAttribute]| -> Vec<Attribute> {
            attributes.iter().filter_map(|attribute| attribute.common().ok()).collect()
        };
        let about = |variable: &RawVariable| {
            let mut about = About::new(&variable.name);
            let axis = |&axis: &usize| {
                let (name, extent) = &self.header.dimensions[axis];
                Axis { name: name.clone(), grows: *extent == 0 }
            };
            about.axes = variable.axes.iter().map(axis).collect();
            if variable.axes.len() == 1 && about.axes[0].name == variable.name {
                about.role = Role::Coordinate;
            }
            about.attributes = common(&variable.attributes);
            about
        };
        let groups = vec![Group { path: String::new(), attributes: common(&self.header.attributes) }];
        Metadata { groups, variables: self.header.variables.iter().map(about).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate as io;
    use crate::{Format, ReadOptions};
    use baler_data::dataset::{DType, Dataset};
    use baler_data::source::{InMemory, collect};
    use baler_data::threads::Threads;

    /// A file with records of two variables, padded by bytes of any value, and a coordinate.
    fn file(version: u8) -> Vec<u8> {
        let mut header = header::tests::any(version);
        let n_bytes = header.n_bytes;
        // t: 10 bytes a record and 2 of padding, n: 1 and 3; x stands before the records.
        header.variables[1].begin = n_bytes;
        header.variables[0].begin = n_bytes + 40;
        header.variables[2].begin = n_bytes + 52;
        let mut file = header.write();
        file.extend((0..40 + 3 * 16u32).map(|i| (i * 7 % 251) as u8));
        file
    }

    fn read(bytes: &[u8]) -> Dataset {
        io::read_bytes(bytes, Format::NetCdf, &ReadOptions::default()).unwrap()
    }

    #[test]
    fn files_of_every_version_come_back_byte_for_byte() {
        for version in [1, 2, 5] {
            let bytes = file(version);
            assert_eq!(Format::from_magic(&bytes), Some(Format::NetCdf));
            let dataset = read(&bytes);
            let shapes: Vec<_> = dataset.variables.iter().map(|v| v.shape.clone()).collect();
            assert_eq!(shapes, [vec![3, 5], vec![5], vec![3]]);
            assert_eq!(dataset.variables[2].values.dtype(), DType::I8);
            assert_eq!(io::write(&dataset, Format::NetCdf).unwrap(), bytes, "CDF-{version}");
            for cut in (0..bytes.len()).step_by(7) {
                let _ = io::read_bytes(&bytes[..cut], Format::NetCdf, &ReadOptions::default());
            }
        }
    }

    #[test]
    fn a_file_without_records_comes_back_byte_for_byte() {
        for version in [1, 2, 5] {
            let mut header = header::tests::any(version);
            header.n_records = Some(0);
            let n_bytes = header.n_bytes;
            // x and its padding, then nothing: where t and n would begin the file has ended, or has a few bytes more.
            header.variables[1].begin = n_bytes;
            header.variables[0].begin = n_bytes + 40;
            header.variables[2].begin = n_bytes + 52;
            for n_more in [0, 3, 12] {
                let mut bytes = header.write();
                bytes.extend((0..40 + n_more).map(|i| (i * 7 % 251) as u8));
                let dataset = read(&bytes);
                let shapes: Vec<_> = dataset.variables.iter().map(|v| v.shape.clone()).collect();
                assert_eq!(shapes, [vec![0, 5], vec![5], vec![0]]);
                assert_eq!(io::write(&dataset, Format::NetCdf).unwrap(), bytes, "CDF-{version} {n_more}");
            }
        }
    }

    #[test]
    fn a_cut_file_keeps_its_names_and_other_formats_get_them() {
        let dataset = read(&file(2));
        let sliced = baler_data::source::sliced::Sliced::new(InMemory::of(&dataset), &(1..3).into()).unwrap();
        let sliced = collect(&sliced, &Threads::new(1).unwrap(), |_| ()).unwrap();
        let back = read(&io::write(&sliced, Format::NetCdf).unwrap());
        assert_eq!(back.variables[0].values, dataset.variables[0].values.slice(5..15));
        let names = |dataset: &Dataset| {
            let about = dataset.shared_metadata().about("t").cloned().unwrap();
            (about.axes.iter().map(|axis| axis.name.clone()).collect::<Vec<_>>(), about.attributes)
        };
        // x was cut as well, so that its extent is no more that of t.
        assert_eq!(names(&back), (vec!["time".into(), "x".into()], names(&dataset).1));
        let hdf5 = io::write(&dataset, Format::Hdf5).unwrap();
        let again = io::read_bytes(&hdf5, Format::Hdf5, &ReadOptions::default()).unwrap();
        assert_eq!(names(&again), names(&dataset));
        assert!(again.shared_metadata().about("t").unwrap().axes[0].grows);
    }
}
