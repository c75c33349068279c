//! The same numbers elsewhere: axes turned, an array split along an axis, a series cut into records.

use crate::predict::Numbers;
use crate::recast::{Array, Inner, MAX_SPLIT};
use baler_data::bytes::{ByteReader, with_room};
use baler_data::error::{Error, Result};

/// The array with the axes from `first` on moved to the front.
pub fn turned(numbers: Numbers, first: usize) -> Option<Array> {
    let (shape, mask) = turned_shape(numbers.shape, numbers.mask, first).ok()?;
    let q = transposed(numbers.q, sides(numbers.shape, first));
    Some(Array { q, shape, mask, mantissa_bits: numbers.mantissa_bits })
}

/// Shape and mask of such an array.
pub fn turned_shape(
    shape: &[usize],
    mask: Option<&[bool]>,
    first: usize,
) -> Result<(Vec<usize>, Option<Vec<bool>>)> {
    if first == 0 || first >= shape.len() {
        return Err(Error::corrupt(format!("expected an axis inside {shape:?} to turn at, found {first}")));
    }
    let turned = [&shape[first..], &shape[..first]].concat();
    Ok((turned, mask.map(|mask| transposed(mask, sides(shape, first)))))
}

/// The numbers of an array that was turned, in their places.
pub fn turned_back(q: &[i64], shape: &[usize], first: usize) -> Vec<i64> {
    let (n_front, n_back) = sides(shape, first);
    transposed(q, (n_back, n_front))
}

/// Extents of all axes before `first`, and of the others.
fn sides(shape: &[usize], first: usize) -> (usize, usize) {
    (shape[..first].iter().product(), shape[first..].iter().product())
}

/// Rows and columns exchanged.
fn transposed<T: Copy>(values: &[T], (n_rows, n_columns): (usize, usize)) -> Vec<T> {
    let mut out = Vec::with_capacity(values.len());
    for column in 0..n_columns {
        out.extend((0..n_rows).map(|row| values[row * n_columns + column]));
    }
    out
}

/// An array for each index along `axis`.
pub fn split(numbers: Numbers, axis: usize) -> Option<Vec<Array>> {
    let shape = without(numbers.shape, axis).ok()?;
    let of = |idx: usize| {
        let places = places(numbers.shape, axis, idx);
        let q = places.clone().map(|at| numbers.q[at]).collect();
        let mask = numbers.mask.map(|mask| places.map(|at| mask[at]).collect());
        Array { q, shape: shape.clone(), mask, mantissa_bits: numbers.mantissa_bits }
    };
    Some((0..numbers.shape[axis]).map(of).collect())
}

/// The shape without an axis along which it may be split.
pub fn without(shape: &[usize], axis: usize) -> Result<Vec<usize>> {
    let fits = axis < shape.len() && shape.len() > 1 && (1..=MAX_SPLIT).contains(&shape[axis]);
    if !fits {
        return Err(Error::corrupt(format!("expected an axis of {shape:?} to split at, found {axis}")));
    }
    Ok([&shape[..axis], &shape[axis + 1..]].concat())
}

/// Where the numbers of an index along `axis` stand, in C order.
fn places(shape: &[usize], axis: usize, idx: usize) -> impl Iterator<Item = usize> + Clone {
    let n_outer: usize = shape[..axis].iter().product();
    let n_inner: usize = shape[axis + 1..].iter().product();
    let extent = shape[axis];
    (0..n_outer).flat_map(move |outer| {
        let start = (outer * extent + idx) * n_inner;
        start..start + n_inner
    })
}

/// The array whose parts along `axis` follow, one block each. All strides above 1 are the same; numbers without one are
/// multiplied by it.
pub fn joined(
    r: &mut ByteReader,
    (shape, mask, mantissa_bits): (&[usize], Option<&[bool]>, Option<u32>),
    axis: usize,
    inner: &mut Inner,
) -> Result<(Vec<i64>, i64)> {
    let of_index = without(shape, axis)?;
    let n_values = baler_data::dataset::n_elements(shape)?;
    let mut q = with_room(n_values)?;
    q.resize(n_values, 0);
    let mut strides = Vec::with_capacity(shape[axis]);
    for idx in 0..shape[axis] {
        let places = places(shape, axis, idx);
        let of_part = mask.map(|mask| places.clone().map(|at| mask[at]).collect::<Vec<bool>>());
        let (part, stride) = inner(r.block()?, &of_index, of_part.as_deref(), mantissa_bits)?;
        places.zip(part).for_each(|(at, number)| q[at] = number);
        strides.push(stride);
    }
    let stride = strides.iter().copied().find(|&stride| stride != 1).unwrap_or(1);
    for (idx, &of_part) in strides.iter().enumerate() {
        if of_part == 1 && stride != 1 {
            places(shape, axis, idx).for_each(|at| q[at] = q[at].wrapping_mul(stride));
        } else if of_part != stride {
            return Err(Error::corrupt(format!("expected one stride, found {stride} and {of_part}")));
        }
    }
    Ok((q, stride))
}

/// The shape of a series as records of `n_columns` numbers; `None` if they are no whole records.
pub fn record_shape(shape: &[usize], n_columns: usize) -> Option<Vec<usize>> {
    let n_values: usize = shape.iter().product();
    (n_columns > 1 && n_values.is_multiple_of(n_columns)).then(|| vec![n_values / n_columns, n_columns])
}
