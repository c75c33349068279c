//! The heaps of HDF5: local (names of old groups), global (values of variable length) and fractal (links and
//! attributes of objects with many of them). Refuses filtered fractal heaps.

use super::fields::{UNDEFINED, bytes_for, damaged, text, unsupported};
use super::header::File;
use super::trees;
use baler_data::error::Result;
use std::collections::HashMap;

/// Indirect blocks inside each other.
const MAX_DEPTH: usize = 32;

/// The data of a local heap.
pub fn local(file: &File, address: u64) -> Result<Vec<u8>> {
    let head = file.at(address, 8 + 2 * file.sizes.length as u64 + file.sizes.offset as u64)?;
    let mut f = file.fields(&head);
    f.signature(b"HEAP")?;
    f.skip(4)?;
    let n_bytes = f.length()?;
    f.length()?;
    Ok(file.at(f.address()?, n_bytes)?.into_owned())
}

/// The text at `offset` of a local heap.
pub fn local_text(heap: &[u8], offset: u64) -> Result<String> {
    let from = usize::try_from(offset).ok().and_then(|offset| heap.get(offset..));
    Ok(text(from.ok_or_else(|| damaged("a name lies outside its heap"))?))
}

/// Global heap collections that were read.
#[derive(Default)]
pub struct Global(HashMap<u64, HashMap<u16, Vec<u8>>>);

impl Global {
    /// The object `index` of the collection at `address`.
    pub fn object(&mut self, file: &File, address: u64, index: u32) -> Result<&[u8]> {
        if let std::collections::hash_map::Entry::Vacant(e) = self.0.entry(address) {
            let objects = collection(file, address)?;
            e.insert(objects);
        }
        let object = u16::try_from(index).ok().and_then(|index| self.0[&address].get(&index));
        Ok(object.ok_or_else(|| damaged("a value of variable length is not in its heap"))?)
    }
}

fn collection(file: &File, address: u64) -> Result<HashMap<u16, Vec<u8>>> {
    let length = file.sizes.length;
    let head = file.at(address, 8 + length as u64)?;
    let mut f = file.fields(&head);
    f.signature(b"GCOL")?;
    f.skip(4)?;
    let whole = file.at(address, f.length()?)?;
    let mut f = file.fields(whole.get(8 + length..).unwrap_or_default());
    let mut objects = HashMap::new();
    while f.remaining() >= 8 + length {
        let index = f.u16()?;
        f.skip(6)?;
        let n_bytes = usize::try_from(f.length()?).unwrap_or(usize::MAX);
        if index == 0 {
            break; // the free space at the end
        }
        objects.insert(index, f.raw(n_bytes)?.to_vec());
        f.skip((n_bytes.wrapping_neg() % 8).min(f.remaining()))?;
    }
    Ok(objects)
}

/// A fractal heap.
pub struct Fractal<'a> {
    file: &'a File,
    flags: u8,
    offset_bytes: usize,
    length_bytes: usize,
    width: u64,
    start_size: u64,
    max_direct: u64,
    root: u64,
    root_rows: u64,
    huge: u64,
}

impl<'a> Fractal<'a> {
    /// Reads the heap's header.
    pub fn open(file: &'a File, address: u64) -> Result<Fractal<'a>> {
        let (offset, length) = (file.sizes.offset as u64, file.sizes.length as u64);
        let head = file.at(address, 22 + 12 * length + 3 * offset)?;
        let mut f = file.fields(&head);
        f.signature(b"FRHP")?;
        f.skip(3)?;
        let (n_filter_bytes, flags, max_managed) = (f.u16()?, f.u8()?, f.u32()?);
        f.length()?;
        let huge = f.address()?;
        f.length()?;
        f.address()?;
        for _ in 0..8 {
            f.length()?;
        }
        let width = u64::from(f.u16()?);
        let (start_size, max_direct, max_bits) = (f.length()?, f.length()?, f.u16()?);
        f.u16()?;
        let (root, root_rows) = (f.address()?, u64::from(f.u16()?));
        if n_filter_bytes > 0 {
            return Err(unsupported("a group or its attributes are stored with a filter"));
        }
        let sane = |size: u64| size.is_power_of_two() && size <= 1 << 32;
        if width == 0 || !sane(start_size) || !sane(max_direct) || max_bits > 64 || root_rows > 64 {
            return Err(damaged("a fractal heap has blocks of no size"));
        }
        let length_bytes = bytes_for(max_direct).min(bytes_for(u64::from(max_managed)));
        let offset_bytes = usize::from(max_bits).div_ceil(8);
        let heap = Fractal {
            file,
            flags,
            offset_bytes,
            length_bytes,
            width,
            start_size,
            max_direct,
            root,
            root_rows,
            huge,
        };
        Ok(heap)
    }

    /// The object that `id` names.
    pub fn object(&self, id: &[u8]) -> Result<Vec<u8>> {
        let mut f = self.file.fields(id);
        let first = f.u8()?;
        match first >> 4 & 3 {
            0 => {
                let (offset, n_bytes) = (f.uint(self.offset_bytes)?, f.uint(self.length_bytes)?);
                match self.root_rows {
                    0 => self.in_block(self.root, offset, n_bytes),
                    rows => self.managed(self.root, rows, offset, n_bytes, 0),
                }
            }
            1 => self.huge(f.rest()),
            2 => Ok(f.raw(usize::from(first & 15) + 1)?.to_vec()),
            _ => Err(damaged("a heap's object is of no known kind")),
        }
    }

    fn in_block(&self, block: u64, offset: u64, n_bytes: u64) -> Result<Vec<u8>> {
        let address = block.checked_add(offset).ok_or_else(|| damaged("a heap's object lies nowhere"))?;
        Ok(self.file.at(address, n_bytes)?.into_owned())
    }

    /// The object at `offset` within the indirect block of `n_rows` rows at `address`.
    fn managed(
        &self,
        address: u64,
        n_rows: u64,
        mut offset: u64,
        n_bytes: u64,
        depth: usize,
    ) -> Result<Vec<u8>> {
        if depth > MAX_DEPTH {
            return Err(damaged("the blocks of a heap form a circle"));
        }
        let head = 5 + self.file.sizes.offset as u64 + self.offset_bytes as u64;
        for row in 0..n_rows {
            let size = self.start_size.checked_shl(row.saturating_sub(1) as u32).unwrap_or(0);
            let of_row = size.checked_mul(self.width).ok_or_else(|| damaged("a heap is too large"))?;
            if offset >= of_row {
                offset -= of_row;
                continue;
            }
            let entry = head + (row * self.width + offset / size) * self.file.sizes.offset as u64;
            let place = address.checked_add(entry).ok_or_else(|| damaged("a heap's block lies nowhere"))?;
            let child = self.file.at(place, self.file.sizes.offset as u64)?;
            let child = self.file.fields(&child).address()?;
            if size <= self.max_direct {
                return self.in_block(child, offset % size, n_bytes);
            }
            let of_first_row = self.start_size.saturating_mul(self.width).max(1).ilog2();
            let rows = (size.ilog2() + 1).checked_sub(of_first_row);
            let rows = rows.ok_or_else(|| damaged("a heap's block is smaller than its first row"))?;
            return self.managed(child, rows.into(), offset % size, n_bytes, depth + 1);
        }
        Err(damaged("a heap's object lies outside the heap"))
    }

    /// An object too large for a block: by a key, or by address and length right in its id.
    fn huge(&self, id: &[u8]) -> Result<Vec<u8>> {
        let mut f = self.file.fields(id);
        if id.len() >= self.file.sizes.offset + self.file.sizes.length && self.flags & 1 == 0 {
            let (address, n_bytes) = (f.address()?, f.length()?);
            return Ok(self.file.at(address, n_bytes)?.into_owned());
        }
        let key = f.uint(id.len().min(self.file.sizes.length))?;
        let mut place = (UNDEFINED, 0);
        trees::version_2(self.file, self.huge, &[1], &mut |_, record| {
            let mut f = self.file.fields(record);
            let (address, n_bytes) = (f.address()?, f.length()?);
            if f.length()? == key {
                place = (address, n_bytes);
            }
            Ok(())
        })?;
        Ok(self.file.at(place.0, place.1)?.into_owned())
    }
}
