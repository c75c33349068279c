//! The header of a classic NetCDF file (CDF-1, 2 and 5): dimensions, attributes, variables and where their values are,
//! from its bytes and back. Everything is big-endian, and padded to four bytes. Refuses names and lists that are cut
//! off, axes that are not there, and a record axis that is not the first.

use baler_data::dataset::{DType, Values, n_elements};
use baler_data::error::{Error, Result};
use baler_data::metadata::{Attribute, Value};

/// Bytes of a header, at most.
pub const MAX_BYTES: u64 = 1 << 26;

/// A parsed header.
#[derive(Debug, Clone, PartialEq)]
pub struct Header {
    /// 1, 2 or 5.
    pub version: u8,
    /// Records that there are; none for a file that grows while it is read.
    pub n_records: Option<u64>,
    /// (name, extent); 0 for the one along which records are added.
    pub dimensions: Vec<(String, u64)>,
    /// Of the file.
    pub attributes: Vec<RawAttribute>,
    /// In their order.
    pub variables: Vec<RawVariable>,
    /// Bytes of all this.
    pub n_bytes: u64,
}

/// An attribute as it stands in the file.
#[derive(Debug, Clone, PartialEq)]
pub struct RawAttribute {
    /// Its name.
    pub name: String,
    /// The code of its type.
    pub code: u32,
    /// Its values, big-endian, without padding.
    pub bytes: Vec<u8>,
}

/// A variable as it stands in the file.
#[derive(Debug, Clone, PartialEq)]
pub struct RawVariable {
    /// Its name.
    pub name: String,
    /// Which dimensions its axes are.
    pub axes: Vec<usize>,
    /// Its attributes.
    pub attributes: Vec<RawAttribute>,
    /// The code of its type.
    pub code: u32,
    /// Bytes of its values (of a record of them) as told, which is too small for large ones.
    pub told_bytes: u64,
    /// Where its values begin.
    pub begin: u64,
}

/// The error for bytes that are no classic NetCDF.
pub fn damaged(what: impl std::fmt::Display) -> Error {
    Error::input(format!("{what}; the NetCDF file is damaged or cut off"))
}

/// The dtype of a type's code; that of characters is bytes.
pub fn dtype(code: u32) -> Result<DType> {
    Ok(match code {
        1 => DType::I8,
        2 | 7 => DType::U8,
        3 => DType::I16,
        4 => DType::I32,
        5 => DType::F32,
        6 => DType::F64,
        8 => DType::U16,
        9 => DType::U32,
        10 => DType::I64,
        11 => DType::U64,
        _ => return Err(damaged(format!("expected a NetCDF type from 1 to 11, found {code}"))),
    })
}

/// The code of characters.
pub const CHAR: u32 = 2;

impl RawAttribute {
    /// In the terms that formats have in common.
    pub fn common(&self) -> Result<Attribute> {
        let dtype = dtype(self.code)?;
        let value = if self.code == CHAR {
            let end = self.bytes.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
            let text = &self.bytes[..end];
            // Text that is no UTF-8 is Latin-1 in files of this age.
            Value::Text(
                String::from_utf8(text.to_vec())
                    .unwrap_or_else(|_| text.iter().map(|&byte| char::from(byte)).collect()),
            )
        } else {
            let values = Values::from_bytes(dtype, &self.bytes, true)?;
            let shape = if values.len() == 1 { Vec::new() } else { vec![values.len()] };
            Value::Numbers { shape, values }
        };
        Ok(Attribute { name: self.name.clone(), value })
    }
}

impl Header {
    /// True for a variable with a record each step of the growing dimension.
    pub fn is_record(&self, variable: &RawVariable) -> bool {
        variable.axes.first().is_some_and(|&axis| self.dimensions[axis].1 == 0)
    }

    /// The extents of a variable.
    pub fn shape(&self, variable: &RawVariable, n_records: u64) -> Vec<u64> {
        let extent = |&axis: &usize| match self.dimensions[axis].1 {
            0 => n_records,
            extent => extent,
        };
        variable.axes.iter().map(extent).collect()
    }

    /// Bytes of a variable's values, of one record of them if it has records; without padding.
    pub fn row_bytes(&self, variable: &RawVariable) -> Result<u64> {
        let skipped = usize::from(self.is_record(variable));
        let size = dtype(variable.code)?.size_bytes() as u64;
        let extents = variable.axes[skipped..].iter().map(|&axis| self.dimensions[axis].1);
        let n_bytes = extents.into_iter().try_fold(size, |n, extent| n.checked_mul(extent));
        n_bytes.filter(|&n| n < 1 << 60).ok_or_else(|| damaged("a variable is larger than any file"))
    }

    /// Bytes from one record to the next: of all variables with records, padded, or of the only one as it is.
    pub fn record_bytes(&self) -> Result<u64> {
        let records: Vec<&RawVariable> = self.variables.iter().filter(|v| self.is_record(v)).collect();
        if let [only] = records[..] {
            return self.row_bytes(only);
        }
        records.into_iter().try_fold(0u64, |sum, variable| {
            let padded = self.row_bytes(variable)?.next_multiple_of(4);
            sum.checked_add(padded).ok_or_else(|| damaged("a record is larger than any file"))
        })
    }

    /// Parses the start of a file.
    pub fn read(bytes: &[u8]) -> Result<Header> {
        let version = match bytes {
            [b'C', b'D', b'F', version @ (1 | 2 | 5), ..] => *version,
            _ => return Err(damaged("expected a classic NetCDF file (magic CDF), found other bytes")),
        };
        let mut f = Fields { rest: &bytes[4..], version };
        let streaming = if version == 5 { u64::MAX } else { u64::from(u32::MAX) };
        let n_records = Some(f.count()?).filter(|&n| n != streaming);
        let mut dimensions = Vec::new();
        for _ in 0..f.list(10, "dimensions")? {
            dimensions.push((f.name()?, f.count()?));
        }
        let attributes = f.attributes()?;
        let mut variables = Vec::new();
        for _ in 0..f.list(11, "variables")? {
            let name = f.name()?;
            let rank = f.count()?;
            if rank > f.rest.len() as u64 / 4 {
                return Err(damaged("a variable has more axes than there are bytes"));
            }
            let axes = (0..rank).map(|_| Ok(f.count()? as usize)).collect::<Result<Vec<usize>>>()?;
            let attributes = f.attributes()?;
            let code = f.u32()?;
            let told_bytes = f.count()?;
            let begin = if version == 1 { u64::from(f.u32()?) } else { f.u64()? };
            variables.push(RawVariable { name, axes, attributes, code, told_bytes, begin });
        }
        let n_bytes = (bytes.len() - f.rest.len()) as u64;
        let header = Header { version, n_records, dimensions, attributes, variables, n_bytes };
        header.check()?;
        Ok(header)
    }

    fn check(&self) -> Result<()> {
        for variable in &self.variables {
            if variable.axes.iter().any(|&axis| axis >= self.dimensions.len()) {
                return Err(damaged(format!("'{}' has an axis that is not there", variable.name)));
            }
            if variable.axes.iter().skip(1).any(|&axis| self.dimensions[axis].1 == 0) {
                return Err(damaged(format!(
                    "'{}' grows along an axis that is not the first",
                    variable.name
                )));
            }
            self.row_bytes(variable)?;
            let extents: Vec<usize> =
                self.shape(variable, 1).iter().map(|&n| usize::try_from(n).unwrap_or(usize::MAX)).collect();
            n_elements(&extents)?;
        }
        Ok(())
    }

    /// Inverse of [`Header::read`].
    pub fn write(&self) -> Vec<u8> {
        let mut w = Writer { bytes: vec![b'C', b'D', b'F', self.version], version: self.version };
        w.count(self.n_records.unwrap_or(u64::MAX));
        w.list(10, self.dimensions.len());
        for (name, extent) in &self.dimensions {
            w.name(name);
            w.count(*extent);
        }
        w.attributes(&self.attributes);
        w.list(11, self.variables.len());
        for variable in &self.variables {
            w.name(&variable.name);
            w.count(variable.axes.len() as u64);
            variable.axes.iter().for_each(|&axis| w.count(axis as u64));
            w.attributes(&variable.attributes);
            w.bytes.extend_from_slice(&variable.code.to_be_bytes());
            w.count(variable.told_bytes);
            match self.version {
                1 => w.bytes.extend_from_slice(&(variable.begin as u32).to_be_bytes()),
                _ => w.bytes.extend_from_slice(&variable.begin.to_be_bytes()),
            }
        }
        w.bytes
    }
}

/// Fields to be read; what is cut off is an error.
struct Fields<'a> {
    rest: &'a [u8],
    version: u8,
}

impl<'a> Fields<'a> {
    fn raw(&mut self, n: usize) -> Result<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(n).ok_or_else(|| damaged("the header ends early"))?;
        self.rest = rest;
        Ok(taken)
    }

    /// With what pads it to four bytes.
    fn padded(&mut self, n: usize) -> Result<&'a [u8]> {
        let taken = self.raw(n)?;
        self.raw(n.wrapping_neg() % 4)?;
        Ok(taken)
    }

    fn u32(&mut self) -> Result<u32> {
        Ok(self.raw(4)?.iter().fold(0, |value, &byte| value << 8 | u32::from(byte)))
    }

    fn u64(&mut self) -> Result<u64> {
        Ok(self.raw(8)?.iter().fold(0, |value, &byte| value << 8 | u64::from(byte)))
    }

    /// A number that is not negative: eight bytes in CDF-5, else four.
    fn count(&mut self) -> Result<u64> {
        if self.version == 5 { self.u64() } else { Ok(u64::from(self.u32()?)) }
    }

    /// How many items a list has, after its tag; an item takes eight bytes at least.
    fn list(&mut self, tag: u32, what: &str) -> Result<u64> {
        let (found, n) = (self.u32()?, self.count()?);
        if (found != tag && (found != 0 || n != 0)) || n > self.rest.len() as u64 / 8 {
            return Err(damaged(format!("expected a list of {what}")));
        }
        Ok(n)
    }

    fn name(&mut self) -> Result<String> {
        let n = usize::try_from(self.count()?).map_err(|_| damaged("a name is cut off"))?;
        let bytes = self.padded(n)?;
        String::from_utf8(bytes.to_vec()).map_err(|_| damaged("a name is no text"))
    }

    fn attributes(&mut self) -> Result<Vec<RawAttribute>> {
        let mut attributes = Vec::new();
        for _ in 0..self.list(12, "attributes")? {
            let (name, code, n) = (self.name()?, self.u32()?, self.count()?);
            let n_bytes = n.checked_mul(dtype(code)?.size_bytes() as u64);
            let n_bytes = n_bytes.and_then(|n| usize::try_from(n).ok());
            let bytes = self.padded(n_bytes.ok_or_else(|| damaged("an attribute is cut off"))?)?;
            attributes.push(RawAttribute { name, code, bytes: bytes.to_vec() });
        }
        Ok(attributes)
    }
}

struct Writer {
    bytes: Vec<u8>,
    version: u8,
}

impl Writer {
    fn count(&mut self, n: u64) {
        match self.version {
            5 => self.bytes.extend_from_slice(&n.to_be_bytes()),
            _ => self.bytes.extend_from_slice(&u32::try_from(n).unwrap_or(u32::MAX).to_be_bytes()),
        }
    }

    fn list(&mut self, tag: u32, n: usize) {
        self.bytes.extend_from_slice(&(if n == 0 { 0 } else { tag }).to_be_bytes());
        self.count(n as u64);
    }

    fn padded(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }

    fn name(&mut self, name: &str) {
        self.count(name.len() as u64);
        self.padded(name.as_bytes());
    }

    fn attributes(&mut self, attributes: &[RawAttribute]) {
        self.list(12, attributes.len());
        for RawAttribute { name, code, bytes } in attributes {
            self.name(name);
            self.bytes.extend_from_slice(&code.to_be_bytes());
            let size = dtype(*code).map_or(1, |dtype| dtype.size_bytes());
            self.count((bytes.len() / size) as u64);
            self.padded(bytes);
        }
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;

    pub fn any(version: u8) -> Header {
        let units = RawAttribute { name: "units".into(), code: CHAR, bytes: b"K".to_vec() };
        let range = RawAttribute { name: "valid_range".into(), code: 3, bytes: vec![0, 1, 0, 9, 1, 0] };
        let variable = |name: &str, axes: &[usize], code| RawVariable {
            name: name.into(),
            axes: axes.to_vec(),
            attributes: vec![units.clone(), range.clone()],
            code,
            told_bytes: 12,
            begin: 512,
        };
        let mut header = Header {
            version,
            n_records: Some(3),
            dimensions: vec![("time".into(), 0), ("x".into(), 5)],
            attributes: Vec::new(),
            variables: vec![variable("t", &[0, 1], 3), variable("x", &[1], 6), variable("n", &[0], 1)],
            n_bytes: 0,
        };
        header.n_bytes = header.write().len() as u64;
        header
    }

    #[test]
    fn every_version_is_read_as_written_and_cuts_are_told() {
        for version in [1, 2, 5] {
            let header = any(version);
            let bytes = header.write();
            assert_eq!(Header::read(&bytes).unwrap(), header);
            for cut in 0..bytes.len() {
                assert!(Header::read(&bytes[..cut]).is_err(), "{cut}");
            }
            for at in 0..bytes.len() {
                for value in [0, 1, 127, 128, 255] {
                    let mut bytes = bytes.clone();
                    bytes[at] = value;
                    let _ = Header::read(&bytes);
                }
            }
        }
    }

    #[test]
    fn records_of_several_variables_are_padded_and_one_alone_is_not() {
        let mut header = any(1);
        assert_eq!(header.record_bytes().unwrap(), 12 + 4);
        header.variables.truncate(1);
        assert_eq!(header.record_bytes().unwrap(), 10);
    }
}
