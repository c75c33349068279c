//! Values without any header: bytes in, one array of the stated shape, dtype and byte order out, and back.
//! Refuses bytes that do not fill the shape exactly. Always C order.

use crate::dataset::{DType, Storage, Values, Variable, n_elements};
use crate::error::{Error, Result};

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

/// The array that `bytes` are by `spec`.
pub fn read(bytes: &[u8], spec: &RawSpec) -> Result<Variable> {
    let n_values = n_elements(&spec.shape)?;
    let expected = n_values * spec.dtype.size_bytes();
    if bytes.len() != expected {
        return Err(Error::input(format!(
            "shape {:?} of {} needs {expected} bytes, found {}; check --shape and --dtype",
            spec.shape,
            spec.dtype.name(),
            bytes.len()
        )));
    }
    let values = Values::from_bytes(spec.dtype, bytes, spec.big_endian)?;
    let storage = Storage { big_endian: spec.big_endian, ..Storage::default() };
    Ok(Variable { storage, ..Variable::new("data", spec.shape.clone(), values)? })
}

/// Appends the values in C order and the byte order of their source.
pub fn write(variable: &Variable, out: &mut Vec<u8>) {
    variable.values.append_bytes(out, variable.storage.big_endian);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_dtype_and_byte_order_comes_back() {
        let bytes: Vec<u8> = (0..48).map(|i| i * 5).collect();
        for dtype in DType::ALL {
            for big_endian in [false, true] {
                let shape = vec![2, 24 / dtype.size_bytes()];
                let spec = RawSpec { shape, dtype, big_endian };
                let variable = read(&bytes, &spec).unwrap();
                let mut back = Vec::new();
                write(&variable, &mut back);
                assert_eq!(back, bytes, "{spec:?}");
            }
        }
    }

    #[test]
    fn a_wrong_size_is_told() {
        let spec = RawSpec { shape: vec![2, 3], dtype: DType::F32, big_endian: false };
        assert_eq!(
            read(&[0; 20], &spec).unwrap_err().to_string(),
            "shape [2, 3] of float32 needs 24 bytes, found 20; check --shape and --dtype"
        );
    }
}
