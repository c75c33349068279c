//! Axis order: Fortran order to C order and back, and rows to columns and back. Only moves values; every
//! function needs slices whose length fits the shape and gives back the same number of values.

use baler_data::dataset::Values;

/// Edge of the square that is transposed at a time: 64 x 64 doubles are 32 KiB, one level-1 cache.
const TILE: usize = 64;

/// The values of an array of `shape` in Fortran order, from its values in C order.
/// With `shape` reversed this is its own inverse.
pub fn c_to_fortran(values: &Values, shape: &[usize]) -> Values {
    macro_rules! each {
        ($($kind:ident),*) => {
            match values { $(Values::$kind(v) => Values::$kind(reverse_axes(v, shape)),)* }
        };
    }
    each!(Bool, I8, I16, I32, I64, U8, U16, U32, U64, F16, F32, F64)
}

/// The values of an array of `shape` in C order, from its values in Fortran order.
pub fn fortran_to_c(values: &Values, shape: &[usize]) -> Values {
    let reversed: Vec<usize> = shape.iter().rev().copied().collect();
    c_to_fortran(values, &reversed)
}

/// As [`c_to_fortran`] for items of several values, which stay together: `shape` is that of the items.
pub fn c_to_fortran_items(values: &Values, shape: &[usize]) -> Values {
    let n_items: usize = shape.iter().product();
    let n_inner = values.len().checked_div(n_items).unwrap_or(0);
    if n_inner == 1 {
        return c_to_fortran(values, shape);
    }
    let parts: Vec<Values> =
        split_columns(values, n_inner, false).iter().map(|part| c_to_fortran(part, shape)).collect();
    join_columns(&parts.iter().collect::<Vec<_>>(), false).unwrap_or_else(|| values.clone())
}

/// Inverse of [`c_to_fortran_items`].
pub fn fortran_to_c_items(values: &Values, shape: &[usize]) -> Values {
    let reversed: Vec<usize> = shape.iter().rev().copied().collect();
    c_to_fortran_items(values, &reversed)
}

/// C order of the array whose axes are those of `src` (C order, `shape`) reversed:
/// out[i_k, ..., i_1, i_0] = src[i_0, i_1, ..., i_k]. The first and last axis are swapped in tiles for every
/// combination of the axes between.
fn reverse_axes<T: Copy>(src: &[T], shape: &[usize]) -> Vec<T> {
    let (&[n_first, ref middle @ .., n_last], Some(&filler)) = (shape, src.first()) else {
        return src.to_vec();
    };
    let n_middle: usize = middle.iter().product();
    let (src_stride, out_stride) = (n_middle * n_last, n_middle * n_first);
    let mut out = vec![filler; src.len()];
    let mut index = vec![0usize; middle.len()];
    for middle_idx in 0..n_middle {
        let reversed_idx =
            (0..middle.len()).rev().fold(0, |offset, axis| offset * middle[axis] + index[axis]);
        let (src, out) = (&src[middle_idx * n_last..], &mut out[reversed_idx * n_first..]);
        for first in (0..n_first).step_by(TILE) {
            for last in (0..n_last).step_by(TILE) {
                for j in last..(last + TILE).min(n_last) {
                    for i in first..(first + TILE).min(n_first) {
                        out[j * out_stride + i] = src[i * src_stride + j];
                    }
                }
            }
        }
        for axis in (0..middle.len()).rev() {
            index[axis] += 1;
            if index[axis] < middle[axis] {
                break;
            }
            index[axis] = 0;
        }
    }
    out
}

/// The columns of a (rows, `n_columns`) array, each contiguous.
pub fn split_columns(values: &Values, n_columns: usize, fortran_order: bool) -> Vec<Values> {
    macro_rules! each {
        ($($kind:ident),*) => {
            match values {
                $(Values::$kind(v) => columns_of(v, n_columns, fortran_order).into_iter().map(Values::$kind).collect(),)*
            }
        };
    }
    each!(Bool, I8, I16, I32, I64, U8, U16, U32, U64, F16, F32, F64)
}

fn columns_of<T: Copy>(src: &[T], n_columns: usize, fortran_order: bool) -> Vec<Vec<T>> {
    let n_rows = src.len() / n_columns.max(1);
    if fortran_order {
        return (0..n_columns).map(|j| src[j * n_rows..(j + 1) * n_rows].to_vec()).collect();
    }
    let mut columns: Vec<Vec<T>> = (0..n_columns).map(|_| Vec::with_capacity(n_rows)).collect();
    for rows in src.chunks(TILE * n_columns.max(1)) {
        for (j, column) in columns.iter_mut().enumerate() {
            column.extend(rows.iter().skip(j).step_by(n_columns).copied());
        }
    }
    columns
}

/// The (rows, columns) array in C order, or in Fortran order, from columns of one dtype and length;
/// nothing if the dtypes differ.
pub fn join_columns(columns: &[&Values], fortran_order: bool) -> Option<Values> {
    macro_rules! each {
        ($($kind:ident),*) => {
            match columns.first()? {
                $(Values::$kind(_) => {
                    let typed: Option<Vec<_>> = columns
                        .iter()
                        .map(|c| match c { Values::$kind(v) => Some(v.as_slice()), _ => None })
                        .collect();
                    Values::$kind(interleave(&typed?, fortran_order))
                })*
            }
        };
    }
    Some(each!(Bool, I8, I16, I32, I64, U8, U16, U32, U64, F16, F32, F64))
}

fn interleave<T: Copy>(columns: &[&[T]], fortran_order: bool) -> Vec<T> {
    if fortran_order {
        return columns.concat();
    }
    let n_rows = columns.first().map_or(0, |c| c.len());
    let mut out = Vec::with_capacity(n_rows * columns.len());
    for row in 0..n_rows {
        out.extend(columns.iter().map(|c| c[row]));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fortran_order_is_undone_for_every_number_of_axes() {
        for shape in [vec![], vec![5], vec![70, 3], vec![3, 1, 130], vec![2, 3, 4, 5], vec![3, 0, 2]] {
            let n: usize = shape.iter().product();
            let c = Values::U16((0..n as u16).collect());
            let fortran = c_to_fortran(&c, &shape);
            assert_eq!(fortran_to_c(&fortran, &shape), c, "{shape:?}");
        }
        // [[0, 1, 2], [3, 4, 5]] column by column
        assert_eq!(
            c_to_fortran(&Values::I8(vec![0, 1, 2, 3, 4, 5]), &[2, 3]),
            Values::I8(vec![0, 3, 1, 4, 2, 5])
        );
    }

    #[test]
    fn three_axes_follow_the_definition() {
        let shape = [2, 3, 4];
        let Values::I32(out) = c_to_fortran(&Values::I32((0..24).collect()), &shape) else { panic!() };
        for i in 0..2 {
            for j in 0..3 {
                for k in 0..4 {
                    assert_eq!(out[(k * 3 + j) * 2 + i], ((i * 3 + j) * 4 + k) as i32);
                }
            }
        }
    }

    #[test]
    fn columns_come_apart_and_together() {
        let table = Values::F64((0..300).map(f64::from).collect());
        for fortran_order in [false, true] {
            let columns = split_columns(&table, 3, fortran_order);
            let Values::F64(first) = &columns[0] else { panic!() };
            assert_eq!(first[1], if fortran_order { 1.0 } else { 3.0 });
            let references: Vec<&Values> = columns.iter().collect();
            assert!(references.iter().all(|column| column.len() == 100));
            assert_eq!(join_columns(&references, fortran_order).unwrap(), table);
        }
        assert!(join_columns(&[&Values::U8(vec![1]), &Values::I8(vec![1])], false).is_none());
    }
}
