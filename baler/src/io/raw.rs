//! Values without any header: one array of the stated shape, dtype and byte order.
//! Refuses bytes that do not fill the shape exactly. Always C order.

use crate::dataset::{DType, Storage, n_elements};
use crate::error::{Error, Result};
use crate::io::store::Region;
use crate::io::stored::{Part, Place};
use crate::source::VariableSchema;

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

/// The array that a file is by `spec`.
pub fn open(file: Region, spec: &RawSpec) -> Result<(VariableSchema, Part)> {
    let expected = n_elements(&spec.shape)? * spec.dtype.size_bytes();
    if file.len() != expected as u64 {
        return Err(Error::input(format!(
            "shape {:?} of {} needs {expected} bytes, found {}; check --shape and --dtype",
            spec.shape,
            spec.dtype.name(),
            file.len()
        )));
    }
    let storage = Storage { big_endian: spec.big_endian, ..Storage::default() };
    let variable =
        VariableSchema { name: "data".to_string(), dtype: spec.dtype, shape: spec.shape.clone(), storage };
    Ok((variable, Part { region: file, big_endian: spec.big_endian, place: Place::Whole }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::{self, ReadOptions};

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
}
