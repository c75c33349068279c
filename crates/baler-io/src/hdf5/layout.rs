//! Where the values of an HDF5 dataset lie: in its header, in one piece, or in chunks, whose index comes in six kinds.
//! Refuses virtual datasets and external files.

use super::fields::{UNDEFINED, damaged, unsupported};
use super::header::File;
use super::{arrays, trees};
use baler_data::error::Result;

/// The most axes that HDF5 knows.
pub const MAX_AXES: usize = 32;

/// The layout message.
#[derive(Debug, Clone, PartialEq)]
pub enum Layout {
    /// In the header itself.
    Compact(Vec<u8>),
    /// In one piece; [`UNDEFINED`] if nothing was written yet.
    Contiguous { address: u64 },
    /// In chunks of these extents.
    Chunked { extents: Vec<u64>, index: Index, partial_unfiltered: bool },
}

/// How chunks are found.
#[derive(Debug, Clone, PartialEq)]
pub enum Index {
    /// A version 1 B-tree.
    Tree1(u64),
    /// There is one chunk only; its stored bytes and its filter mask if it is filtered.
    Single(u64, Option<(u64, u32)>),
    /// All chunks follow each other.
    Implicit(u64),
    /// An array of as many chunks as there can be.
    Fixed(u64),
    /// An array that grows along one axis.
    Extensible(u64),
    /// A version 2 B-tree.
    Tree2(u64),
}

/// A stored chunk.
#[derive(Debug, Clone, PartialEq)]
pub struct Chunk {
    /// Position along each axis, in chunks.
    pub at: Vec<u64>,
    /// Where its bytes are.
    pub address: u64,
    /// How many.
    pub n_bytes: u64,
    /// The filters that were left out.
    pub mask: u32,
}

/// Parses a layout message.
pub fn parse(file: &File, body: &[u8]) -> Result<Layout> {
    let mut f = file.fields(body);
    match f.u8()? {
        1 | 2 => {
            let (rank, class) = (usize::from(f.u8()?), f.u8()?);
            f.skip(5)?;
            let address = if class == 0 { UNDEFINED } else { f.address()? };
            let mut extents = extents(&mut f, rank, 4)?;
            match class {
                0 => {
                    let n_bytes = f.u32()? as usize;
                    Ok(Layout::Compact(f.raw(n_bytes)?.to_vec()))
                }
                1 => Ok(Layout::Contiguous { address }),
                _ => {
                    extents.pop();
                    Ok(Layout::Chunked { extents, index: Index::Tree1(address), partial_unfiltered: false })
                }
            }
        }
        version @ 3..=5 => match f.u8()? {
            0 => {
                let n_bytes = usize::from(f.u16()?);
                Ok(Layout::Compact(f.raw(n_bytes)?.to_vec()))
            }
            1 => Ok(Layout::Contiguous { address: f.address()? }),
            2 if version == 3 => {
                let rank = usize::from(f.u8()?);
                let address = f.address()?;
                let mut extents = extents(&mut f, rank, 4)?;
                extents.pop();
                Ok(Layout::Chunked { extents, index: Index::Tree1(address), partial_unfiltered: false })
            }
            2 => chunked(&mut f),
            3 => Err(unsupported("a virtual dataset has its values in other files")),
            class => Err(damaged(format!("a dataset's layout is of class {class}"))),
        },
        version => Err(unsupported(format!("version {version} of the data layout is not known"))),
    }
}

fn extents(f: &mut super::fields::Fields, rank: usize, n_bytes: usize) -> Result<Vec<u64>> {
    if rank > MAX_AXES + 1 {
        return Err(damaged(format!("expected at most {MAX_AXES} axes, found {rank}")));
    }
    (0..rank).map(|_| f.uint(n_bytes)).collect()
}

fn chunked(f: &mut super::fields::Fields) -> Result<Layout> {
    let flags = f.u8()?;
    let (rank, width) = (usize::from(f.u8()?), usize::from(f.u8()?));
    let mut extents = extents(f, rank, width)?;
    extents.pop();
    let index = match f.u8()? {
        1 => {
            let filtered = if flags & 2 != 0 { Some((f.length()?, f.u32()?)) } else { None };
            Index::Single(f.address()?, filtered)
        }
        2 => Index::Implicit(f.address()?),
        3 => f.skip(1).and_then(|()| f.address()).map(Index::Fixed)?,
        4 => f.skip(5).and_then(|()| f.address()).map(Index::Extensible)?,
        5 => f.skip(6).and_then(|()| f.address()).map(Index::Tree2)?,
        kind => return Err(unsupported(format!("a chunk index of kind {kind} is not known"))),
    };
    Ok(Layout::Chunked { extents, index, partial_unfiltered: flags & 1 != 0 })
}

/// The grid of chunks of a dataset.
pub struct Grid<'a> {
    /// Extents of the dataset.
    pub shape: &'a [u64],
    /// How far each axis can grow; [`UNDEFINED`] without end.
    pub max_shape: &'a [u64],
    /// Extents of a chunk.
    pub chunk: &'a [u64],
    /// Bytes of a chunk before filters.
    pub chunk_bytes: u64,
    /// True if there are filters.
    pub filtered: bool,
}

impl Grid<'_> {
    /// Chunks along each axis, of what there can be at most.
    fn counts(&self) -> Vec<u64> {
        let most = self
            .shape
            .iter()
            .zip(self.max_shape)
            .map(|(&now, &max)| if max == UNDEFINED { now } else { max });
        most.zip(self.chunk).map(|(extent, &chunk)| extent.div_ceil(chunk)).collect()
    }

    /// Position of the chunk `number` of all in C order; `slowest` is the axis that grows, if one does.
    fn position(&self, number: u64, slowest: usize, counts: &[u64]) -> Vec<u64> {
        let mut order: Vec<usize> = (0..counts.len()).filter(|&axis| axis != slowest).collect();
        order.insert(0, slowest);
        let mut at = vec![0; counts.len()];
        let mut rest = number;
        for &axis in order[1..].iter().rev() {
            at[axis] = rest % counts[axis].max(1);
            rest /= counts[axis].max(1);
        }
        if let Some(first) = order.first() {
            at[*first] = rest;
        }
        at
    }

    /// An entry of an array of chunks: address, and with filters bytes and mask.
    fn chunk(&self, file: &File, entry: &[u8], at: Vec<u64>) -> Result<Option<Chunk>> {
        let mut f = file.fields(entry);
        let address = f.address()?;
        let (n_bytes, mask) = match self.filtered {
            true => (f.uint(f.remaining().saturating_sub(4))?, f.u32()?),
            false => (self.chunk_bytes, 0),
        };
        Ok((address != UNDEFINED).then_some(Chunk { at, address, n_bytes, mask }))
    }
}

/// All stored chunks.
pub fn chunks(file: &File, index: &Index, grid: &Grid) -> Result<Vec<Chunk>> {
    let rank = grid.chunk.len();
    let mut found = Vec::new();
    match *index {
        Index::Tree1(UNDEFINED) | Index::Single(UNDEFINED, _) | Index::Implicit(UNDEFINED) => {}
        Index::Fixed(UNDEFINED) | Index::Extensible(UNDEFINED) | Index::Tree2(UNDEFINED) => {}
        Index::Single(address, filtered) => {
            let (n_bytes, mask) = filtered.unwrap_or((grid.chunk_bytes, 0));
            found.push(Chunk { at: vec![0; rank], address, n_bytes, mask });
        }
        Index::Tree1(address) => {
            trees::version_1(file, address, 1, 8 + 8 * (rank + 1), &mut |key, address| {
                let mut f = file.fields(key);
                let (n_bytes, mask) = (u64::from(f.u32()?), f.u32()?);
                let at = grid.chunk.iter().map(|&chunk| Ok(f.u64()? / chunk)).collect::<Result<_>>()?;
                found.push(Chunk { at, address, n_bytes, mask });
                Ok(())
            })?;
        }
        Index::Tree2(address) => {
            trees::version_2(file, address, &[10, 11], &mut |_, record| {
                let (entry, at) = record
                    .split_at_checked(record.len().wrapping_sub(8 * rank))
                    .ok_or_else(|| damaged("a chunk's record is cut off"))?;
                let at = at.as_chunks::<8>().0.iter().map(|at| u64::from_le_bytes(*at)).collect();
                found.extend(grid.chunk(file, entry, at)?);
                Ok(())
            })?;
        }
        Index::Implicit(address) => {
            let counts = grid.counts();
            let n_chunks = counts.iter().try_fold(1u64, |n, &count| n.checked_mul(count)).unwrap_or(u64::MAX);
            if n_chunks.checked_mul(grid.chunk_bytes).is_none_or(|n| n > file.len()) {
                return Err(damaged("a dataset has more chunks than the file has room for"));
            }
            for number in 0..n_chunks {
                let at = grid.position(number, 0, &counts);
                let address = address.saturating_add(number * grid.chunk_bytes);
                found.push(Chunk { at, address, n_bytes: grid.chunk_bytes, mask: 0 });
            }
        }
        Index::Fixed(address) => {
            let counts = grid.counts();
            arrays::fixed(file, address, &mut |number, entry| {
                found.extend(grid.chunk(file, entry, grid.position(number, 0, &counts))?);
                Ok(())
            })?;
        }
        Index::Extensible(address) => {
            let counts = grid.counts();
            let grows = grid.max_shape.iter().position(|&max| max == UNDEFINED).unwrap_or(0);
            arrays::extensible(file, address, &mut |number, entry| {
                found.extend(grid.chunk(file, entry, grid.position(number, grows, &counts))?);
                Ok(())
            })?;
        }
    }
    Ok(found)
}
