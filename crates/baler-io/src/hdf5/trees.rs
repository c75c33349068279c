//! The two kinds of B-trees of HDF5: every record, in order. Refuses trees that are deeper than any file needs or
//! have more nodes than the file has room for.

use super::fields::{UNDEFINED, bytes_for, damaged, unsupported};
use super::header::File;
use baler_data::error::Result;

/// Levels of a tree; each holds at least twice as much as the one below.
const MAX_DEPTH: u16 = 32;

/// Visits the (key, child) pairs of the leaves of a version 1 tree at `address`; keys take `key_bytes`.
pub fn version_1(
    file: &File,
    address: u64,
    node_type: u8,
    key_bytes: usize,
    visit: &mut dyn FnMut(&[u8], u64) -> Result<()>,
) -> Result<()> {
    // A node takes at least 24 bytes, so a file has at most that many; a circle of nodes has more.
    let mut n_left = file.len() / 24 + 1;
    let mut open = vec![(address, u16::from(u8::MAX) + 1)];
    while let Some((address, above)) = open.pop() {
        n_left = n_left.checked_sub(1).ok_or_else(|| damaged("the nodes of a B-tree form a circle"))?;
        let head = file.at(address, 8 + 2 * file.sizes.offset as u64)?;
        let mut f = file.fields(&head);
        f.signature(b"TREE")?;
        let (found_type, level, n_entries) = (f.u8()?, u16::from(f.u8()?), f.u16()?);
        if found_type != node_type || level >= above || level > MAX_DEPTH {
            return Err(damaged("a B-tree holds what it should not"));
        }
        let entry = key_bytes + file.sizes.offset;
        let entries = file.at(address + head.len() as u64, u64::from(n_entries) * entry as u64)?;
        let mut children = Vec::new();
        for entry in entries.chunks_exact(entry) {
            let (key, child) = entry.split_at(key_bytes);
            let child = file.fields(child).address()?;
            match level {
                0 => visit(key, child)?,
                _ => children.push((child, level)),
            }
        }
        open.extend(children.into_iter().rev());
    }
    Ok(())
}

/// The header of a version 2 tree.
struct Tree {
    node_bytes: u64,
    record_bytes: usize,
    /// For each level: bytes of a pointer's count of all records below it.
    total_bytes: Vec<usize>,
    /// Bytes of a pointer's count of records.
    count_bytes: usize,
}

/// Visits the records of a version 2 tree at `address`, which must be of one of `types`; the type goes along.
pub fn version_2(
    file: &File,
    address: u64,
    types: &[u8],
    visit: &mut dyn FnMut(u8, &[u8]) -> Result<()>,
) -> Result<()> {
    if address == UNDEFINED {
        return Ok(());
    }
    let head = file.at(address, 22 + file.sizes.offset as u64 + file.sizes.length as u64)?;
    let mut f = file.fields(&head);
    f.signature(b"BTHD")?;
    f.skip(1)?;
    let tree_type = f.u8()?;
    let (node_bytes, record_bytes, depth) = (f.u32()?, usize::from(f.u16()?), f.u16()?);
    f.skip(2)?;
    let (root, n_root) = (f.address()?, u64::from(f.u16()?));
    if !types.contains(&tree_type) {
        return Err(unsupported(format!("a version 2 B-tree of type {tree_type} is not known here")));
    }
    if record_bytes == 0 || node_bytes < 32 || depth > MAX_DEPTH {
        return Err(damaged("a version 2 B-tree has nodes without room"));
    }
    let most_in_leaf = (u64::from(node_bytes) - 10) / record_bytes as u64;
    let count_bytes = bytes_for(most_in_leaf);
    let mut total_bytes = vec![0];
    let mut most_below = most_in_leaf;
    for level in 1..usize::from(depth) {
        let pointer = (file.sizes.offset + count_bytes + total_bytes[level - 1]) as u64;
        let most = (u64::from(node_bytes) - 10).saturating_sub(pointer) / (record_bytes as u64 + pointer);
        most_below = (most + 1).saturating_mul(most_below).saturating_add(most);
        total_bytes.push(bytes_for(most_below));
    }
    let tree = Tree { node_bytes: u64::from(node_bytes), record_bytes, total_bytes, count_bytes };
    let mut n_left = file.len() / 10 + 1;
    if root == UNDEFINED {
        return Ok(());
    }
    tree.node(file, root, n_root, depth, &mut n_left, &mut |record| visit(tree_type, record))
}

impl Tree {
    fn node(
        &self,
        file: &File,
        address: u64,
        n_records: u64,
        level: u16,
        n_left: &mut u64,
        visit: &mut dyn FnMut(&[u8]) -> Result<()>,
    ) -> Result<()> {
        *n_left = n_left.checked_sub(1).ok_or_else(|| damaged("the nodes of a B-tree form a circle"))?;
        let bytes = file.up_to(address, self.node_bytes)?;
        let mut f = file.fields(&bytes);
        f.signature(if level == 0 { b"BTLF" } else { b"BTIN" })?;
        f.skip(2)?;
        let n_records = usize::try_from(n_records).unwrap_or(usize::MAX);
        let records = f.raw(n_records.saturating_mul(self.record_bytes))?;
        let mut records = records.chunks_exact(self.record_bytes);
        if level == 0 {
            return records.try_for_each(visit);
        }
        for _ in 0..=n_records {
            let (child, n_child) = (f.address()?, f.uint(self.count_bytes)?);
            f.skip(self.total_bytes.get(usize::from(level) - 1).copied().unwrap_or(0))?;
            self.node(file, child, n_child, level - 1, n_left, visit)?;
            if let Some(record) = records.next() {
                visit(record)?;
            }
        }
        Ok(())
    }
}
