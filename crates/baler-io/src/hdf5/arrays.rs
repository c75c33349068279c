//! The arrays that newer HDF5 files index chunks with: fixed ones, and extensible ones, which grow by blocks of
//! doubling size. Every entry in order. Refuses arrays with more entries than the file has room for.

use super::fields::{UNDEFINED, damaged};
use super::header::File;
use baler_data::error::Result;

/// What an entry goes to: its number, its bytes.
type Visit<'a> = dyn FnMut(u64, &[u8]) -> Result<()> + 'a;

/// The entries of a fixed array.
pub fn fixed(file: &File, address: u64, visit: &mut Visit) -> Result<()> {
    let (offset, length) = (file.sizes.offset as u64, file.sizes.length as u64);
    let head = file.at(address, 12 + length + offset)?;
    let mut f = file.fields(&head);
    f.signature(b"FAHD")?;
    f.skip(2)?;
    let (entry, page_bits) = (u64::from(f.u8()?), f.u8()?);
    let (n_entries, block) = (f.length()?, f.address()?);
    if block == UNDEFINED {
        return Ok(());
    }
    if n_entries.checked_mul(entry).is_none_or(|n| n > file.len()) || entry == 0 || page_bits > 32 {
        return Err(damaged("a dataset has more chunks than the file has room for"));
    }
    let prefix = 6 + offset;
    file.fields(&file.at(block, 4)?).signature(b"FADB")?;
    let page = 1u64 << page_bits;
    if n_entries <= page {
        let entries = file.at(block + prefix, n_entries * entry)?;
        return entries.chunks_exact(entry as usize).zip(0..).try_for_each(|(e, number)| visit(number, e));
    }
    let n_pages = n_entries.div_ceil(page);
    let written = file.at(block + prefix, n_pages.div_ceil(8))?;
    let first_page = block + prefix + n_pages.div_ceil(8) + 4;
    for page_idx in 0..n_pages {
        // The bits of a byte count from the highest.
        if written[(page_idx / 8) as usize] >> (7 - page_idx % 8) & 1 == 0 {
            continue;
        }
        let n = page.min(n_entries - page_idx * page);
        let entries = file.at(first_page + page_idx * (page * entry + 4), n * entry)?;
        let numbers = page_idx * page..;
        entries.chunks_exact(entry as usize).zip(numbers).try_for_each(|(e, number)| visit(number, e))?;
    }
    Ok(())
}

/// The sizes that an extensible array is made of.
struct Extensible {
    entry: u64,
    /// Bytes of a block's own place in the array.
    place_bytes: u64,
    page: u64,
    n_entries: u64,
}

/// The entries of an extensible array.
pub fn extensible(file: &File, address: u64, visit: &mut Visit) -> Result<()> {
    let (offset, length) = (file.sizes.offset as u64, file.sizes.length as u64);
    let head = file.at(address, 12 + 6 * length + offset)?;
    let mut f = file.fields(&head);
    f.signature(b"EAHD")?;
    f.skip(2)?;
    let (entry, max_bits, n_direct, least_block) = (f.u8()?, f.u8()?, f.u8()?, f.u8()?);
    let (least_pointers, page_bits) = (f.u8()?, f.u8()?);
    for _ in 0..4 {
        f.length()?;
    }
    let n_entries = f.length()?;
    f.length()?;
    let index = f.address()?;
    let sane = least_block.is_power_of_two() && least_pointers.is_power_of_two() && entry > 0;
    if !sane || max_bits > 64 || page_bits > 32 || n_entries > file.len() {
        return Err(damaged("a chunk index has blocks of no size"));
    }
    if index == UNDEFINED {
        return Ok(());
    }
    let place_bytes = u64::from(max_bits).div_ceil(8);
    let array = Extensible { entry: u64::from(entry), place_bytes, page: 1 << page_bits, n_entries };
    file.fields(&file.at(index, 4)?).signature(b"EAIB")?;
    let direct = index + 6 + offset;
    let mut number = 0;
    array.entries(file, direct, u64::from(n_direct), &mut number, visit)?;
    let mut pointers = direct + u64::from(n_direct) * array.entry;
    // Blocks come in groups: group g has 2^(g/2) blocks of least * 2^((g+1)/2) entries. The blocks of the first groups
    // hang on the index itself, those of the others on a block of the group.
    let n_groups_here = 2 * least_pointers.ilog2();
    for group in 0..64u32 {
        if number >= n_entries {
            break;
        }
        let n_blocks = 1u64 << (group / 2);
        let n_in_block = u64::from(least_block) << group.div_ceil(2).min(50);
        if group < n_groups_here {
            for _ in 0..n_blocks {
                array.block(file, address_at(file, pointers)?, n_in_block, &mut number, visit)?;
                pointers += offset;
            }
            continue;
        }
        let of_group = address_at(file, pointers)?;
        pointers += offset;
        if of_group == UNDEFINED {
            number = number.saturating_add(n_blocks.saturating_mul(n_in_block));
            continue;
        }
        file.fields(&file.at(of_group, 4)?).signature(b"EASB")?;
        let n_pages = n_in_block / array.page;
        let bitmap = if n_in_block > array.page { n_blocks * n_pages.div_ceil(8) } else { 0 };
        let mut blocks = of_group + 6 + offset + array.place_bytes + bitmap;
        for _ in 0..n_blocks {
            if number >= n_entries {
                break;
            }
            array.block(file, address_at(file, blocks)?, n_in_block, &mut number, visit)?;
            blocks += offset;
        }
    }
    Ok(())
}

fn address_at(file: &File, place: u64) -> Result<u64> {
    let bytes = file.at(place, file.sizes.offset as u64)?;
    file.fields(&bytes).address()
}

impl Extensible {
    /// One data block of `n` entries.
    fn block(&self, file: &File, address: u64, n: u64, number: &mut u64, visit: &mut Visit) -> Result<()> {
        if address == UNDEFINED || *number >= self.n_entries {
            *number += n;
            return Ok(());
        }
        file.fields(&file.at(address, 4)?).signature(b"EADB")?;
        let mut at = address + 6 + file.sizes.offset as u64 + self.place_bytes;
        if n <= self.page {
            return self.entries(file, at, n, number, visit);
        }
        at += 4;
        for _ in 0..n / self.page {
            if *number >= self.n_entries {
                break;
            }
            self.entries(file, at, self.page, number, visit)?;
            at += self.page * self.entry + 4;
        }
        Ok(())
    }

    /// `n` entries that follow each other, of which those beyond the last are left out.
    fn entries(&self, file: &File, at: u64, n: u64, number: &mut u64, visit: &mut Visit) -> Result<()> {
        let n_there = n.min(self.n_entries.saturating_sub(*number));
        let entries = file.at(at, n_there * self.entry)?;
        for (i, entry) in entries.chunks_exact(self.entry as usize).enumerate() {
            visit(*number + i as u64, entry)?;
        }
        *number += n;
        Ok(())
    }
}
