//! Arrays whose ends are padding: chunks at the edge of a larger array, which other formats fill up with one value. Only the
//! box at the lowest indices that holds everything else is coded; the padding takes a few bytes and has no part in any range.

use crate::array::{PADDED, dtype_of, read_shape, write_shape};
use crate::variable::{read_bits, write_bits};
use baler_data::bytes::{ByteReader, ByteWriter, with_room};
use baler_data::dataset::DType;
use baler_data::element::Element;
use baler_data::error::{Error, Result};

/// The extents of the smallest box at the lowest indices outside of which all values have these bits.
#[cfg_attr(not(feature = "encode"), allow(dead_code))]
pub fn box_of<T: Element>(values: &[T], shape: &[usize], padding: u64) -> Vec<usize> {
    let is_padding = |x: &T| x.to_bits64() == padding;
    let mut found = vec![0; shape.len()];
    let row_len = shape.last().copied().unwrap_or(1).max(1);
    for (row, row_values) in values.chunks(row_len).enumerate() {
        let Some(last) = row_values.iter().rposition(|x| !is_padding(x)) else { continue };
        let mut rest = row;
        for (extent, place) in found.iter_mut().zip(shape).rev().skip(1) {
            *extent = (*extent).max(rest % place + 1);
            rest /= place;
        }
        if let Some(extent) = found.last_mut() {
            *extent = (*extent).max(last + 1);
        }
    }
    // Without a value of its own an array has no box: no extent is needed.
    found
}

/// The values of a box at the lowest indices.
#[cfg_attr(not(feature = "encode"), allow(dead_code))]
pub fn cut<T: Element>(values: &[T], shape: &[usize], extents: &[usize]) -> Vec<T> {
    let mut inner = Vec::with_capacity(extents.iter().product());
    each_row(shape, extents, |start, n_values| inner.extend_from_slice(&values[start..start + n_values]));
    inner
}

/// Inverse of [`cut`]: the box within its padding.
///
/// # Errors
/// [`baler_data::ErrorKind::Limit`] where memory does not hold the array.
pub fn padded<T: Element>(inner: &[T], shape: &[usize], extents: &[usize], padding: u64) -> Result<Vec<T>> {
    let n_values = shape.iter().product();
    let mut values = with_room(n_values)?;
    values.resize(n_values, T::from_bits64(padding));
    let mut rest = inner;
    each_row(shape, extents, |start, n_values| {
        let (row, others) = rest.split_at(n_values);
        values[start..start + n_values].copy_from_slice(row);
        rest = others;
    });
    Ok(values)
}

/// Calls `f` with the start in the array, and the length, of each row of the box, in order.
fn each_row(shape: &[usize], extents: &[usize], mut f: impl FnMut(usize, usize)) {
    let row_len = extents.last().copied().unwrap_or(1);
    let n_rows: usize = extents.iter().rev().skip(1).product();
    if row_len == 0 {
        return;
    }
    for row in 0..n_rows {
        let (mut rest, mut start, mut stride) = (row, 0, shape.last().copied().unwrap_or(1));
        for (extent, place) in extents.iter().zip(shape).rev().skip(1) {
            start += rest % extent * stride;
            rest /= extent;
            stride *= place;
        }
        f(start, row_len);
    }
}

/// What stands before the box, which is a coded array itself.
pub struct Padding<'a> {
    /// Element type, as the box must have it.
    pub dtype: DType,
    /// Extents of the whole.
    pub shape: Vec<usize>,
    /// Bits of the value around the box.
    pub bits: u64,
    /// The box.
    pub inner: &'a [u8],
}

/// Writes what stands before the box.
#[cfg_attr(not(feature = "encode"), allow(dead_code))]
pub fn write(shape: &[usize], bits: u64, dtype: DType, w: &mut ByteWriter) {
    w.u8(dtype as u8 | PADDED);
    write_shape(shape, w);
    write_bits(bits, dtype, w);
}

/// Inverse of [`write`]; none where the array is not padded.
pub fn read(bytes: &[u8]) -> Result<Option<Padding<'_>>> {
    let mut r = ByteReader::new(bytes);
    let code = r.u8()?;
    if code & PADDED == 0 {
        return Ok(None);
    }
    let dtype = dtype_of(code & !PADDED)?;
    let shape = read_shape(&mut r)?;
    let bits = read_bits(&mut r, dtype)?;
    let inner = r.rest();
    match inner.first().is_some_and(|code| code & PADDED != 0) {
        true => Err(Error::corrupt("expected an array within its padding, found more padding")),
        false => Ok(Some(Padding { dtype, shape, bits, inner })),
    }
}

impl Padding<'_> {
    /// The box must have the dtype and lie in the array.
    pub fn check(&self, dtype: DType, extents: &[usize]) -> Result<()> {
        let lies = extents.len() == self.shape.len() && extents.iter().zip(&self.shape).all(|(e, n)| e <= n);
        match lies && dtype == self.dtype {
            true => Ok(()),
            false => Err(Error::corrupt(format!(
                "expected a box of {} within {:?}, found one of {} and {extents:?}",
                self.dtype.name(),
                self.shape,
                dtype.name()
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_box_is_found_and_comes_back_within_its_padding() {
        let mut rng = baler_data::random::Rng::new(11, 0);
        for shape in [vec![7], vec![4, 5], vec![3, 4, 5], vec![2, 3, 1, 4], vec![1]] {
            let n_values = shape.iter().product::<usize>();
            for n_own in 0..4 {
                let mut values = vec![9i16; n_values];
                (0..n_own).for_each(|_| values[(rng.uniform() * n_values as f64) as usize] = 1);
                let extents = box_of(&values, &shape, 9);
                // As slow and as obvious as it gets.
                let mut slow = vec![0; shape.len()];
                for at in (0..n_values).filter(|&at| values[at] != 9) {
                    let mut rest = at;
                    for axis in (0..shape.len()).rev() {
                        slow[axis] = slow[axis].max(rest % shape[axis] + 1);
                        rest /= shape[axis];
                    }
                }
                assert_eq!(extents, slow, "{values:?} of {shape:?}");
                let inner = cut(&values, &shape, &extents);
                assert_eq!(inner.len(), extents.iter().product::<usize>());
                assert_eq!(padded(&inner, &shape, &extents, 9).unwrap(), values);
            }
        }
        assert!(box_of(&[9i16], &[], 9).is_empty());
        assert_eq!(box_of::<i16>(&[], &[3, 0], 9), [0, 0]);
    }
}
