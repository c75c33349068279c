//! Chunks at the edges of a dataset reach beyond it, and HDF5 fills what lies there with one value. The box of all other
//! values is found and coded alone, and that value once.

use std::ops::Range;

/// The extents, from the first index on, of the box outside of which every item of an array of `shape` equals `fill`.
pub fn inner_box(bytes: &[u8], shape: &[usize], fill: &[u8]) -> Vec<usize> {
    let (Some(&row_len), true) = (shape.last(), bytes.ends_with(fill)) else {
        return shape.to_vec();
    };
    let mut inner = vec![0; shape.len()];
    let last = shape.len() - 1;
    for (row_idx, row) in bytes.chunks_exact(row_len * fill.len()).enumerate() {
        let Some(extent) = row.chunks_exact(fill.len()).rposition(|item| item != fill) else { continue };
        inner[last] = inner[last].max(extent + 1);
        let mut rest = row_idx;
        for axis in (0..last).rev() {
            inner[axis] = inner[axis].max(rest % shape[axis] + 1);
            rest /= shape[axis];
        }
    }
    inner
}

/// Where the rows of the box lie in an array of `shape`, in bytes.
fn rows<'a>(shape: &'a [usize], inner: &'a [usize], item: usize) -> impl Iterator<Item = Range<usize>> + 'a {
    let outer_axes = inner.len().saturating_sub(1);
    let n_rows = inner[..outer_axes].iter().product();
    let row_bytes = inner.last().map_or(0, |extent| extent * item);
    (0..if row_bytes == 0 { 0 } else { n_rows }).map(move |row_idx: usize| {
        let (mut rest, mut start, mut stride) = (row_idx, 0, item * shape[outer_axes]);
        for axis in (0..outer_axes).rev() {
            start += rest % inner[axis] * stride;
            rest /= inner[axis];
            stride *= shape[axis];
        }
        start..start + row_bytes
    })
}

/// The bytes of the box.
pub fn crop(bytes: &[u8], shape: &[usize], inner: &[usize], item: usize) -> Vec<u8> {
    rows(shape, inner, item).flat_map(|row| bytes[row].iter().copied()).collect()
}

/// Inverse of [`crop`], into an array that holds the fill value everywhere.
pub fn paste(cropped: &[u8], out: &mut [u8], shape: &[usize], inner: &[usize], item: usize) {
    let mut cropped = cropped;
    for row in rows(shape, inner, item) {
        let (first, rest) = cropped.split_at(row.len());
        out[row].copy_from_slice(first);
        cropped = rest;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(shape: &[usize], inner: &[usize]) {
        let n_values: usize = shape.iter().product();
        let fill = [7u8, 9];
        let mut bytes: Vec<u8> = fill.repeat(n_values);
        let n_inside: usize = inner.iter().product();
        let inside: Vec<u8> = (0..n_inside * 2).map(|i| 100 + (i % 100) as u8).collect();
        paste(&inside, &mut bytes, shape, inner, 2);
        let found = inner_box(&bytes, shape, &fill);
        if n_inside > 0 {
            assert_eq!(found, inner, "{shape:?}");
        } else {
            assert_eq!(found.iter().product::<usize>(), 0, "{shape:?}");
        }
        assert_eq!(crop(&bytes, shape, &found, 2), inside);
        let mut again = fill.repeat(n_values);
        paste(&inside, &mut again, shape, &found, 2);
        assert_eq!(again, bytes);
    }

    #[test]
    fn boxes_are_found_and_come_back() {
        check(&[5], &[5]);
        check(&[5], &[1]);
        check(&[5], &[0]);
        check(&[4, 6], &[3, 6]);
        check(&[4, 6], &[4, 2]);
        check(&[4, 6], &[0, 0]);
        check(&[3, 4, 5], &[2, 4, 1]);
        check(&[3, 1, 5, 2], &[3, 1, 4, 1]);
    }

    #[test]
    fn a_chunk_that_ends_with_another_value_is_whole() {
        let mut bytes = vec![0u8; 24];
        bytes[22] = 1;
        assert_eq!(inner_box(&bytes, &[3, 4], &[0, 0]), [3, 4]);
        assert_eq!(inner_box(&bytes, &[3, 4], &[1, 0]), [3, 4]);
    }
}
