//! A chunk of an array, and where its values go in some rows of the array, and back. Chunks at the far ends may hang
//! over the array; what hangs over is left out, or is filled.

use std::ops::Range;

/// A chunk within its array.
pub struct Piece<'a> {
    /// Position along each axis, in chunks.
    pub at: &'a [u64],
    /// Extents of a chunk.
    pub extents: &'a [u64],
    /// Extents of the array.
    pub shape: &'a [u64],
    /// Bytes of an element.
    pub element_bytes: usize,
}

impl Piece<'_> {
    /// Copies what of the chunk's `bytes` lies in `rows` to its place in `out`, which holds those rows.
    pub fn place(&self, bytes: &[u8], rows: &Range<u64>, out: &mut [u8]) {
        self.runs(rows, |in_chunk, in_rows| out[in_rows].copy_from_slice(&bytes[in_chunk]));
    }

    /// Copies the chunk out of the whole array's `bytes`.
    pub fn take(&self, bytes: &[u8], out: &mut [u8]) {
        let all = 0..self.shape.first().copied().unwrap_or(1);
        self.runs(&all, |in_chunk, in_array| out[in_chunk].copy_from_slice(&bytes[in_array]));
    }

    /// Ranges of bytes in the chunk and in the rows that belong together.
    fn runs(&self, rows: &Range<u64>, mut visit: impl FnMut(Range<usize>, Range<usize>)) {
        let rank = self.extents.len();
        let first: Vec<u64> =
            self.at.iter().zip(self.extents).map(|(&at, &n)| at.saturating_mul(n)).collect();
        // What is copied along each axis, counted within the chunk.
        let mut spans: Vec<Range<u64>> = (0..rank)
            .map(|axis| 0..self.shape[axis].saturating_sub(first[axis]).min(self.extents[axis]))
            .collect();
        if rank > 0 {
            spans[0].start = rows.start.saturating_sub(first[0]);
            spans[0].end = spans[0].end.min(rows.end.saturating_sub(first[0]));
        }
        if spans.iter().any(|span| span.start >= span.end) {
            return;
        }
        let (inner, run) = match spans.split_last() {
            Some((last, inner)) => (inner, (last.end - last.start) as usize * self.element_bytes),
            None => (&[][..], self.element_bytes),
        };
        let mut at: Vec<u64> = spans.iter().map(|span| span.start).collect();
        loop {
            let (mut from, mut to) = (0u64, 0u64);
            for axis in 0..rank {
                let origin = if axis == 0 { rows.start } else { 0 };
                from = from * self.extents[axis] + at[axis];
                to = to * self.shape[axis] + (first[axis] + at[axis] - origin);
            }
            let (from, to) = (from as usize * self.element_bytes, to as usize * self.element_bytes);
            visit(from..from + run, to..to + run);
            let Some(axis) = (0..inner.len()).rev().find(|&axis| at[axis] + 1 < inner[axis].end) else {
                return;
            };
            at[axis] += 1;
            (axis + 1..inner.len()).for_each(|axis| at[axis] = inner[axis].start);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_that_hang_over_come_together_again() {
        let array: Vec<u8> = (0..35).collect();
        let (shape, extents) = ([5, 7], [2, 3]);
        for rows in [0..5u64, 1..4, 4..5] {
            let mut out = vec![0; (rows.end - rows.start) as usize * 7];
            for at in (0..3).flat_map(|y| (0..3).map(move |x| [y, x])) {
                let piece = Piece { at: &at, extents: &extents, shape: &shape, element_bytes: 1 };
                let mut chunk = vec![255; 6];
                piece.take(&array, &mut chunk);
                piece.place(&chunk, &rows, &mut out);
            }
            assert_eq!(out, array[rows.start as usize * 7..rows.end as usize * 7]);
        }
    }
}
