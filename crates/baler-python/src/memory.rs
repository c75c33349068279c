//! Memory of Python's: bytes that are read where they stand, and arrays that are filled. The only unsafe code of this
//! crate: the library works on them while other Python code runs.
//!
//! Who changes an array while it is compressed gets an archive of some of the values before and some after; each chunk of
//! it is whole all the same, for it is made of a copy.

use baler_data::dataset::Values;
use baler_data::element::Element;
use baler_data::error::{Error, Result};
use baler_data::with_values;
use pyo3::buffer::PyBuffer;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

/// Bytes that Python keeps in place as long as this is held.
pub struct Held(PyBuffer<u8>);

impl Held {
    /// Of any object whose bytes follow each other.
    pub fn of(object: &Bound<PyAny>) -> PyResult<Held> {
        let buffer = PyBuffer::<u8>::get(object)?;
        match buffer.is_c_contiguous() {
            true => Ok(Held(buffer)),
            false => Err(PyValueError::new_err("expected bytes that follow each other, found others")),
        }
    }
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        match self.0.len_bytes() {
            0 => &[],
            // Safe because the exporter keeps so many bytes at that place until the buffer is released, which is not
            // before this is dropped.
            n_bytes => unsafe { std::slice::from_raw_parts(self.0.buf_ptr().cast::<u8>(), n_bytes) },
        }
    }
}

/// An array that is to be filled, and where in it the values of one variable go.
pub struct Room {
    buffer: PyBuffer<u8>,
    /// Where the first value goes.
    offset: usize,
    /// Bytes from one value to the next along each axis of the variable.
    strides: Vec<usize>,
    big_endian: bool,
}

impl Room {
    /// Of bytes that can be written and follow each other.
    pub fn of(object: &Bound<PyAny>, offset: usize, strides: Vec<usize>, big_endian: bool) -> PyResult<Room> {
        let buffer = PyBuffer::<u8>::get(object)?;
        match buffer.is_c_contiguous() && !buffer.readonly() {
            true => Ok(Room { buffer, offset, strides, big_endian }),
            false => Err(PyValueError::new_err("expected an array that can be written, found another")),
        }
    }

    fn bytes(&mut self) -> &mut [u8] {
        match self.buffer.len_bytes() {
            0 => &mut [],
            // Safe because the exporter keeps so many bytes that can be written at that place until the buffer is
            // released, and no other room of this library writes them: a room is filled by one thread.
            n_bytes => unsafe { std::slice::from_raw_parts_mut(self.buffer.buf_ptr().cast::<u8>(), n_bytes) },
        }
    }

    /// Puts the values of some rows of an array of `shape` where they belong.
    pub fn put(&mut self, first_row: usize, shape: &[usize], values: &Values) -> Result<()> {
        let item = values.dtype().size_bytes();
        let row_len: usize = shape.iter().skip(1).product();
        if values.is_empty() || row_len == 0 {
            return Ok(());
        }
        let whole = contiguous(shape, item);
        self.check(shape, item)?;
        let (offset, big_endian) = (self.offset, self.big_endian && item > 1);
        if self.strides == whole && !big_endian {
            let start = offset + first_row * row_len * item;
            let out = &mut self.bytes()[start..start + values.size_bytes()];
            with_values!(values, v => Element::write_bytes(v, out));
            return Ok(());
        }
        let mut bytes = Vec::new();
        values.append_bytes(&mut bytes, big_endian);
        let (strides, mut shape) = (self.strides.clone(), shape.to_vec());
        let mut start = offset;
        if let (Some(extent), Some(stride)) = (shape.first_mut(), strides.first()) {
            *extent = values.len() / row_len;
            start += first_row * stride;
        }
        scatter(&bytes, item, &shape, &strides, start, self.bytes());
        Ok(())
    }

    /// Every value must lie in the buffer.
    fn check(&self, shape: &[usize], item: usize) -> Result<()> {
        let last = shape.iter().zip(&self.strides).try_fold(self.offset, |at, (&extent, &stride)| {
            at.checked_add(extent.saturating_sub(1).checked_mul(stride)?)
        });
        let fits = last.and_then(|at| at.checked_add(item)).is_some_and(|end| end <= self.buffer.len_bytes());
        match fits && self.strides.len() == shape.len() {
            true => Ok(()),
            false => Err(Error::input(format!("expected an array with room for {shape:?}, found another"))),
        }
    }
}

/// Strides of an array in C order.
pub fn contiguous(shape: &[usize], item: usize) -> Vec<usize> {
    (0..shape.len()).map(|axis| item * shape[axis + 1..].iter().product::<usize>()).collect()
}

/// Copies items in C order to places of any strides.
fn scatter(items: &[u8], item: usize, shape: &[usize], strides: &[usize], start: usize, out: &mut [u8]) {
    match (shape, strides) {
        ([], _) | (_, []) => out[start..start + item].copy_from_slice(&items[..item]),
        ([_], [stride]) if *stride == item => out[start..start + items.len()].copy_from_slice(items),
        ([_], [stride]) => {
            for (idx, part) in items.chunks_exact(item).enumerate() {
                out[start + idx * stride..start + idx * stride + item].copy_from_slice(part);
            }
        }
        ([extent, inner @ ..], [stride, further @ ..]) => {
            let n_bytes = items.len() / extent;
            for (idx, part) in items.chunks_exact(n_bytes).enumerate() {
                scatter(part, item, inner, further, start + idx * stride, out);
            }
        }
    }
}
