//! Baskets: some entries of one branch. Content as bytes of values, big-endian, and where each entry starts if entries
//! differ in length. Refuses offsets that go back or beyond the end.

use crate::bytes::Bytes;
use crate::error::{Error, Result};
use crate::file::Key;

/// Flags from here on say that the offsets are not stored.
const NO_OFFSETS: u8 = 80;

/// The entries of a basket.
#[derive(Debug, Clone, PartialEq)]
pub struct Basket {
    /// How many.
    pub n_entries: usize,
    /// Their values, one entry after the other.
    pub data: Vec<u8>,
    /// Where each entry starts in `data`, and where the last ends; none for entries of one length.
    pub offsets: Option<Vec<u32>>,
}

/// What a basket's header says beyond its key.
struct Header {
    n_entries: usize,
    /// End of the values, counted from the start of the key.
    last: usize,
    flag: u8,
    version: i16,
}

impl Header {
    fn read(r: &mut Bytes) -> Result<Header> {
        let (version, _) = r.version()?;
        let _size = r.i32()?;
        if r.i32()? < 0 {
            r.u8()?; // features of the branch
        }
        let n_entries = r.count()?;
        let last = r.count()?;
        Ok(Header { n_entries, last, flag: r.u8()?, version })
    }
}

impl Basket {
    /// A basket from its key with all that stands in its header, and its unpacked content.
    pub fn read(header: &[u8], mut content: Vec<u8>) -> Result<Basket> {
        let mut r = Bytes::new(header);
        let key = Key::read(&mut r)?;
        let Header { n_entries, last, .. } = Header::read(&mut r)?;
        let n_data = last.checked_sub(key.n_header as usize).filter(|&n| n <= content.len());
        let n_data = n_data.ok_or_else(|| Error::damaged(format!("a basket's values end at byte {last}")))?;
        let offsets = if n_data == content.len() {
            None
        } else {
            let mut r = Bytes::new(&content);
            r.seek(n_data)?;
            let stored = read_array(&mut r)?;
            Some(offsets(&stored, n_entries, key.n_header as usize, n_data)?)
        };
        content.truncate(n_data);
        Ok(Basket { n_entries, data: content, offsets })
    }

    /// A basket that was never written by itself but stands inside the tree.
    pub fn read_embedded(r: &mut Bytes) -> Result<Basket> {
        let key = Key::read(r)?;
        let n_header = key.n_header as usize;
        let Header { n_entries, last, flag, version } = Header::read(r)?;
        let (flag, has_offsets) =
            if flag >= NO_OFFSETS { (flag - NO_OFFSETS, false) } else { (flag, flag % 10 != 2) };
        let mut stored = None;
        if has_offsets && flag != 0 && n_entries > 0 {
            stored = Some(read_array(r)?);
        }
        if flag > 40 && n_entries > 0 {
            read_array(r)?; // displacements
        }
        if flag != 1 && flag <= 10 {
            return Ok(Basket { n_entries: 0, data: Vec::new(), offsets: None });
        }
        let bytes = if version > 1 {
            r.take(last)?
        } else {
            let n = r.count()?;
            r.take(n)?
        };
        let data = bytes.get(n_header..).unwrap_or_default().to_vec();
        let offsets = stored.map(|stored| offsets(&stored, n_entries, n_header, data.len())).transpose()?;
        Ok(Basket { n_entries, data, offsets })
    }

    /// The bytes of some entries of one length.
    pub fn fixed(&self, entries: std::ops::Range<usize>, entry_bytes: usize) -> Result<&[u8]> {
        let range = entries.start.checked_mul(entry_bytes).zip(entries.end.checked_mul(entry_bytes));
        range.and_then(|(start, end)| self.data.get(start..end)).ok_or_else(|| {
            Error::damaged(format!(
                "expected {entry_bytes} bytes for each of {} entries of a basket, found {}",
                self.n_entries,
                self.data.len()
            ))
        })
    }
}

fn read_array(r: &mut Bytes) -> Result<Vec<u32>> {
    let n = r.count()?;
    if n > r.left() / 4 {
        return Err(Error::damaged(format!("expected {n} offsets in a basket, found {} bytes", r.left())));
    }
    (0..n).map(|_| r.u32()).collect()
}

/// `n_entries` + 1 offsets into the values, from what is stored: counted from the start of the key.
fn offsets(stored: &[u32], n_entries: usize, n_header: usize, n_data: usize) -> Result<Vec<u32>> {
    let wrong = || Error::damaged("the offsets of a basket do not fit its values");
    let stored = stored.get(..n_entries).ok_or_else(wrong)?;
    let mut offsets = Vec::with_capacity(n_entries + 1);
    for &offset in stored {
        let offset = (offset as usize).checked_sub(n_header).ok_or_else(wrong)?;
        offsets.push(offset as u32);
    }
    offsets.push(u32::try_from(n_data).map_err(|_| wrong())?);
    if offsets.windows(2).any(|pair| pair[0] > pair[1]) {
        return Err(wrong());
    }
    Ok(offsets)
}
