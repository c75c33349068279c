//! Values without any header: one array of the stated shape, dtype and byte order.
//! Refuses bytes that do not fill the shape exactly. Always C order.

use crate::store::{Region, Spill};
use crate::stored::{Part, Place};
use baler_data::dataset::{DType, Storage, n_elements};
use baler_data::error::{Error, Result};
use baler_data::source::VariableSchema;
use std::io::Read;

/// What a headerless file holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawSpec {
    /// Extent of each axis, the slowest first.
    pub shape: Vec<usize>,
    /// Element type.
    pub dtype: DType,
    /// Most significant byte first.
    pub big_endian: bool,
}

impl RawSpec {
    fn size_bytes(&self) -> Result<u64> {
        Ok((n_elements(&self.shape)? * self.dtype.size_bytes()) as u64)
    }

    fn other_size(&self, found: &str) -> Error {
        let RawSpec { shape, dtype, .. } = self;
        let expected = self.size_bytes().unwrap_or(0);
        Error::input(format!(
            "shape {shape:?} of {} needs {expected} bytes, found {found}; check --shape and --dtype",
            dtype.name()
        ))
    }
}

/// What a pipe or a device gives: as many bytes as `spec` needs, and one to see whether there are more. It may never
/// end.
pub fn spill(reader: &mut dyn Read, spec: &RawSpec) -> Result<Region> {
    let expected = spec.size_bytes()?;
    let file = Spill::of_reader(&mut reader.take(expected + 1))?;
    if file.len() > expected { Err(spec.other_size("more")) } else { Ok(file) }
}

/// The array that a file is by `spec`.
pub fn open(file: Region, spec: &RawSpec) -> Result<(VariableSchema, Part)> {
    if file.len() != spec.size_bytes()? {
        return Err(spec.other_size(&file.len().to_string()));
    }
    let storage = Storage { big_endian: spec.big_endian, ..Storage::default() };
    let variable =
        VariableSchema { name: "data".to_string(), dtype: spec.dtype, shape: spec.shape.clone(), storage };
    Ok((variable, Part { region: file, big_endian: spec.big_endian, place: Place::Whole }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate as io;
    use crate::ReadOptions;

    #[test]
    fn every_dtype_and_byte_order_comes_back() {
        let bytes: Vec<u8> = (0..48).map(|i| i * 5).collect();
        for dtype in DType::ALL {
            for big_endian in [false, true] {
                let shape = vec![2, 24 / dtype.size_bytes()];
                let spec = RawSpec { shape, dtype, big_endian };
                let options = ReadOptions { raw: Some(spec), ..ReadOptions::default() };
                let dataset = io::read_bytes(&bytes, io::Format::Raw, &options).unwrap();
                assert_eq!(io::write(&dataset, io::Format::Raw).unwrap(), bytes, "{options:?}");
            }
        }
    }

    #[test]
    fn a_wrong_size_is_told() {
        let spec = RawSpec { shape: vec![2, 3], dtype: DType::F32, big_endian: false };
        assert_eq!(
            open(Region::of_bytes(vec![0; 20]), &spec).unwrap_err().to_string(),
            "shape [2, 3] of float32 needs 24 bytes, found 20; check --shape and --dtype"
        );
    }

    #[test]
    fn an_input_without_an_end_is_read_as_far_as_asked() {
        let spec = RawSpec { shape: vec![2, 3], dtype: DType::F32, big_endian: false };
        let error = spill(&mut std::io::repeat(7), &spec).unwrap_err().to_string();
        assert_eq!(error, "shape [2, 3] of float32 needs 24 bytes, found more; check --shape and --dtype");
        assert_eq!(spill(&mut [7; 24].as_slice(), &spec).unwrap().len(), 24);
        let error = open(spill(&mut [7; 23].as_slice(), &spec).unwrap(), &spec).unwrap_err().to_string();
        assert!(error.contains("found 23"), "{error}");
    }
}
