//! Columns of variable length: descriptors in the rows of a table, and the items that they point to in its heap. Refuses
//! descriptors that point out of the heap, or to the same items so often that these would be far more than the file.

use crate::store::Region;
use baler_data::error::{Error, Result};
use std::ops::Range;

/// How many times the heap's bytes the items may take.
const MAX_SHARED: u64 = 16;

/// Where the items of each list are.
pub struct Spans {
    /// Where each list begins in the file.
    starts: Vec<u64>,
    /// Items before each list, and in all.
    ends: Vec<u64>,
    item_bytes: u64,
    /// True if lists without items point to where the next ones begin, else to the start of the heap.
    pub is_running: bool,
}

impl Spans {
    /// Of the descriptors of all rows, whose items lie in the heap; none where they do not.
    pub fn of_descriptors(rows: &[u8], is_wide: bool, heap: Range<u64>, item_bytes: usize) -> Option<Spans> {
        let item_bytes = item_bytes as u64;
        let (mut starts, mut ends, mut is_running) = (Vec::new(), vec![0u64], false);
        for row in rows.chunks(if is_wide { 16 } else { 8 }) {
            let (n_items, offset) = pair(row, is_wide)?;
            let n_bytes = n_items.checked_mul(item_bytes)?;
            is_running |= n_items == 0 && offset != 0;
            let start = if n_items == 0 { heap.start } else { heap.start.checked_add(offset)? };
            start.checked_add(n_bytes).filter(|&end| end <= heap.end)?;
            starts.push(start);
            ends.push(ends.last()?.checked_add(n_items)?);
        }
        let n_bytes = ends.last()?.checked_mul(item_bytes)?;
        (n_bytes <= (heap.end - heap.start).saturating_mul(MAX_SHARED)).then_some(Spans {
            starts,
            ends,
            item_bytes,
            is_running,
        })
    }

    /// Items of all lists.
    pub fn n_items(&self) -> usize {
        self.ends.last().copied().unwrap_or(0) as usize
    }

    /// The bytes of some items.
    pub fn items(&self, file: &Region, items: Range<usize>) -> Result<Vec<u8>> {
        let (first, end) = (items.start as u64, items.end as u64);
        let mut out = Vec::new();
        let mut list = self.ends.partition_point(|&before| before <= first).saturating_sub(1);
        while list < self.starts.len() && self.ends[list] < end {
            let from = first.max(self.ends[list]);
            let to = end.min(self.ends[list + 1]);
            if from < to {
                let at = self.starts[list] + (from - self.ends[list]) * self.item_bytes;
                out.extend_from_slice(&file.read(at, (to - from) * self.item_bytes)?);
            }
            list += 1;
        }
        Ok(out)
    }
}

/// The number of items, and where they are.
fn pair(row: &[u8], is_wide: bool) -> Option<(u64, u64)> {
    let number = |bytes: &[u8]| match is_wide {
        true => bytes.try_into().ok().and_then(|b| u64::try_from(i64::from_be_bytes(b)).ok()),
        false => bytes.try_into().ok().and_then(|b| u64::try_from(i32::from_be_bytes(b)).ok()),
    };
    let (n_items, offset) = row.split_at_checked(row.len() / 2)?;
    Some((number(n_items)?, number(offset)?))
}

/// The bytes of a descriptor.
pub fn descriptor(n_items: usize, offset: usize, is_wide: bool, out: &mut Vec<u8>) -> Result<()> {
    let too_many =
        || Error::limit("the items of lists take more than 2 GiB, which the FITS column cannot say");
    for number in [n_items, offset] {
        match is_wide {
            true => out.extend_from_slice(&(number as i64).to_be_bytes()),
            false => out.extend_from_slice(&i32::try_from(number).map_err(|_| too_many())?.to_be_bytes()),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_where_descriptors_point() {
        let file = Region::of_bytes((0..40).collect());
        for is_wide in [false, true] {
            let mut rows = Vec::new();
            for (n_items, offset) in [(2, 6), (0, 900), (3, 0), (1, 6)] {
                descriptor(n_items, offset, is_wide, &mut rows).unwrap();
            }
            let spans = Spans::of_descriptors(&rows, is_wide, 20..40, 2).unwrap();
            assert_eq!(spans.n_items(), 6);
            assert_eq!(spans.items(&file, 0..6).unwrap(), [26, 27, 28, 29, 20, 21, 22, 23, 24, 25, 26, 27]);
            assert_eq!(spans.items(&file, 1..3).unwrap(), [28, 29, 20, 21]);
            assert!(Spans::of_descriptors(&rows, is_wide, 20..29, 2).is_none(), "outside the heap");
            let same: Vec<u8> = (0..99).flat_map(|_| rows[..rows.len() / 4].to_vec()).collect();
            assert!(Spans::of_descriptors(&same, is_wide, 20..30, 2).is_none(), "far more than there is");
        }
        assert!(descriptor(1 << 40, 0, false, &mut Vec::new()).is_err());
    }
}
