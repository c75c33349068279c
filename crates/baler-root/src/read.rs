//! Any entries of a branch from its baskets: values as big-endian bytes, and how many each entry has. Only the baskets
//! that hold some of the entries are read; the last ones used are kept for the next call.

use crate::basket::Basket;
use crate::bytes::{BYTE_COUNT, Bytes};
use crate::error::{Error, Result};
use crate::file::{Container, Key};
use crate::number::Number;
use crate::tree::{At, Branch, ListPlace, Lists, Tree};
use std::collections::VecDeque;
use std::io::{Read, Seek};
use std::ops::Range;
use std::sync::Arc;

/// Bytes of unpacked baskets that are kept.
const MAX_KEPT: usize = 64 << 20;

/// Some entries of a branch.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Column {
    /// The values, big-endian, one entry after the other.
    pub bytes: Vec<u8>,
    /// For lists: items of each entry.
    pub counts: Option<Vec<u32>>,
}

/// The baskets, or pages, that were used last: their places and lengths.
#[derive(Debug)]
pub struct Kept<T> {
    items: VecDeque<(u64, usize, Arc<T>)>,
    n_bytes: usize,
}

impl<T> Default for Kept<T> {
    fn default() -> Kept<T> {
        Kept { items: VecDeque::new(), n_bytes: 0 }
    }
}

impl<T> Kept<T> {
    /// What was kept last of a place.
    pub fn get(&self, place: u64) -> Option<Arc<T>> {
        self.items.iter().rev().find(|(at, ..)| *at == place).map(|(_, _, item)| Arc::clone(item))
    }

    /// Keeps an item of so many bytes, and forgets the oldest.
    pub fn keep(&mut self, place: u64, item: &Arc<T>, n_bytes: usize) {
        self.n_bytes += n_bytes;
        self.items.push_back((place, n_bytes, Arc::clone(item)));
        while self.n_bytes > MAX_KEPT
            && let Some((_, n_bytes, _)) = self.items.pop_front()
        {
            self.n_bytes -= n_bytes;
        }
    }
}

/// Reads entries of a branch.
pub fn read<R: Read + Seek>(
    file: &mut Container<R>,
    kept: &mut Kept<Basket>,
    tree: &Tree,
    branch: usize,
    entries: Range<u64>,
) -> Result<Column> {
    let branch = tree.branch(branch, &entries)?;
    let mut column = Column { counts: (branch.lists != Lists::None).then(Vec::new), ..Column::default() };
    let first = branch.baskets.partition_point(|place| place.end <= entries.start);
    for place in branch.baskets[first..].iter().take_while(|place| place.first < entries.end) {
        let basket = basket(file, kept, place)?;
        if basket.n_entries as u64 != place.end - place.first {
            return Err(Error::damaged(format!(
                "expected {} entries in a basket of '{}', found {}",
                place.end - place.first,
                branch.name,
                basket.n_entries
            )));
        }
        let from = (entries.start.max(place.first) - place.first) as usize;
        let to = (entries.end.min(place.end) - place.first) as usize;
        append(file, kept, tree, branch, &basket, place.first, from..to, &mut column)?;
    }
    Ok(column)
}

fn basket<R: Read + Seek>(
    file: &mut Container<R>,
    kept: &mut Kept<Basket>,
    place: &ListPlace,
) -> Result<Arc<Basket>> {
    let (place, n_bytes) = match &place.at {
        At::Tree(basket) => return Ok(Arc::clone(basket)),
        At::File { place, n_bytes } => (*place, *n_bytes),
    };
    if let Some(basket) = kept.get(place) {
        return Ok(basket);
    }
    let bytes = file.read(place, n_bytes)?;
    let key = Key::read(&mut Bytes::new(&bytes))?;
    let packed = bytes.get(key.n_header as usize..key.n_bytes as usize);
    let packed = packed.ok_or_else(|| Error::damaged(format!("expected a basket of {n_bytes} bytes")))?;
    let content = crate::blocks::unpack(packed, key.n_unpacked)?;
    let basket = Arc::new(Basket::read(&bytes[..key.n_header as usize], content)?);
    kept.keep(place, &basket, basket.data.len());
    Ok(basket)
}

/// Appends entries of one basket; `first` is the tree's entry that the basket starts with.
#[allow(clippy::too_many_arguments)]
fn append<R: Read + Seek>(
    file: &mut Container<R>,
    kept: &mut Kept<Basket>,
    tree: &Tree,
    branch: &Branch,
    basket: &Basket,
    first: u64,
    entries: Range<usize>,
    column: &mut Column,
) -> Result<()> {
    let n_bytes = branch.n_values() * branch.stored.size(branch.number);
    let Some(counts) = &mut column.counts else {
        if basket.data.len() != basket.n_entries * branch.stride {
            return Err(Error::unsupported(format!(
                "expected {} bytes an entry of '{}', found {} for {} entries",
                branch.stride,
                branch.name,
                basket.data.len(),
                basket.n_entries
            )));
        }
        let stored = basket.fixed(entries, branch.stride)?;
        if n_bytes == branch.stride {
            return branch.stored.append(branch.number, stored, &mut column.bytes);
        }
        for entry in stored.chunks_exact(branch.stride) {
            let value = &entry[branch.offset..branch.offset + n_bytes];
            branch.stored.append(branch.number, value, &mut column.bytes)?;
        }
        return Ok(());
    };
    if let Some(offsets) = &basket.offsets {
        for pair in offsets[entries.start..=entries.end].windows(2) {
            let entry = &basket.data[pair[0] as usize..pair[1] as usize];
            let values = list_values(branch, entry)?;
            if values.len() % n_bytes != 0 {
                return Err(Error::unsupported(format!(
                    "expected items of {n_bytes} bytes in '{}', found an entry of {}",
                    branch.name,
                    values.len()
                )));
            }
            counts.push((values.len() / n_bytes) as u32);
            branch.stored.append(branch.number, values, &mut column.bytes)?;
        }
        return Ok(());
    }
    // Without offsets, the counter says where entries start.
    let Lists::Counter(counter) = branch.lists else {
        return Err(Error::unsupported(format!("the lists of '{}' have no offsets", branch.name)));
    };
    let counted = read(file, kept, tree, counter, first..first + entries.end as u64)?;
    let number = tree.branches[counter].number;
    let mut end = 0usize;
    let mut start = 0;
    for (i, count) in whole_numbers(&counted.bytes, number).enumerate() {
        if i == entries.start {
            start = end;
        }
        let count = u32::try_from(count).map_err(|_| Error::damaged(format!("a list of {count} items")))?;
        let has_values = branch.header == 0 || count > 0;
        end = end.saturating_add(count as usize * n_bytes + if has_values { branch.header } else { 1 });
        if i >= entries.start {
            counts.push(count);
        }
    }
    let stored = basket.data.get(start..end).filter(|_| branch.header == 0);
    let stored =
        stored.ok_or_else(|| Error::damaged(format!("the lists of '{}' end too early", branch.name)))?;
    branch.stored.append(branch.number, stored, &mut column.bytes)
}

/// The values of an entry with a list, after what stands before them.
fn list_values<'a>(branch: &Branch, entry: &'a [u8]) -> Result<&'a [u8]> {
    let values = match branch.header {
        _ if branch.text.is_some() => text_bytes(entry),
        0 => Some(entry),
        1 => entry.get(1..),
        _ => {
            let mut r = Bytes::new(entry);
            let has_length = r.u32()? & BYTE_COUNT != 0;
            let (_version, n) = (r.u16()?, r.count()?);
            let values = entry.get(branch.header..).filter(|_| has_length);
            values.filter(|values| values.len() == n.saturating_mul(branch.number.size()))
        }
    };
    values.ok_or_else(|| Error::unsupported(format!("an entry of '{}' is no list of numbers", branch.name)))
}

/// The bytes of a text behind their number, which is one byte, or 255 and four; old files have nothing for no text.
fn text_bytes(entry: &[u8]) -> Option<&[u8]> {
    let (n_bytes, bytes) = match entry {
        [] => (0, entry),
        [255, a, b, c, d, bytes @ ..] => (u32::from_be_bytes([*a, *b, *c, *d]) as usize, bytes),
        [n_bytes, bytes @ ..] => (usize::from(*n_bytes), bytes),
    };
    Some(bytes).filter(|bytes| bytes.len() == n_bytes)
}

/// Big-endian whole numbers; those beyond the range of i64 wrap.
pub fn whole_numbers(bytes: &[u8], number: Number) -> impl Iterator<Item = i64> {
    let size = number.size();
    bytes.chunks_exact(size).map(move |item| {
        let is_signed = matches!(number, Number::I8 | Number::I16 | Number::I32 | Number::I64);
        let start = if is_signed && item[0] & 0x80 != 0 { -1i64 } else { 0 };
        item.iter().fold(start, |value, &byte| value << 8 | i64::from(byte))
    })
}
