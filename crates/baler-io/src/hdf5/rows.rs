//! The values of an HDF5 dataset: any rows, out of whatever holds them.

use super::datatype;
use super::fields::{UNDEFINED, damaged, unsupported};
use super::filters::{self, Filter};
use super::header::{File, Message, kind};
use super::items::OUR_SIZES;
use super::layout::{self, Chunk, Grid, Layout};
use crate::arrays::credible;
use crate::piece::Piece;
use baler_data::dataset::DType;
use baler_data::error::{Error, Result};
use rayon::prelude::*;
use std::borrow::Cow;
use std::ops::Range;

/// Chunks that are unpacked at a time.
const CHUNKS_AT_A_TIME: usize = 64;

/// A dataset, before its values are read.
pub struct StoredRows {
    /// The datatype message.
    pub type_bytes: Vec<u8>,
    /// Bytes of an element.
    pub element_bytes: usize,
    /// Extents; empty for a scalar.
    pub extents: Vec<u64>,
    /// How far each can grow.
    pub most: Vec<u64>,
    /// Everything that the header says.
    pub messages: Vec<Message>,
}

impl StoredRows {
    /// The message of a kind.
    pub fn body(&self, kind: u16) -> Option<&[u8]> {
        super::body(&self.messages, kind)
    }

    /// The dtype of its numbers, and whether they are big-endian.
    pub fn number(&self) -> Option<(DType, bool)> {
        let (of_type, _) = datatype::parse(&self.type_bytes, OUR_SIZES).ok()?;
        of_type.numbers().map(|(dtype, big_endian, _)| (dtype, big_endian))
    }

    /// The bytes of some rows, C order; a scalar has one row.
    pub fn read(&self, file: &File, rows: Range<u64>) -> Result<Vec<u8>> {
        if self.body(kind::EXTERNAL).is_some() {
            return Err(unsupported("a dataset has its values in other files"));
        }
        let row_bytes = (self.extents.iter().skip(1))
            .try_fold(self.element_bytes as u64, |n, &extent| n.checked_mul(extent))
            .ok_or_else(|| damaged("a dataset is larger than any file"))?;
        let n_bytes = (rows.end - rows.start).checked_mul(row_bytes);
        let n_bytes = n_bytes.ok_or_else(|| damaged("a dataset is larger than any file"))?;
        let layout = self.body(kind::LAYOUT).ok_or_else(|| damaged("a dataset has no layout"))?;
        match layout::parse(file, layout)? {
            Layout::Contiguous { address: UNDEFINED } => self.filled(file, n_bytes),
            Layout::Contiguous { address } => {
                let at = rows.start.checked_mul(row_bytes).and_then(|skip| skip.checked_add(address));
                Ok(file.at(at.unwrap_or(UNDEFINED), n_bytes)?.into_owned())
            }
            Layout::Compact(data) => {
                let from = rows.start.checked_mul(row_bytes).and_then(|from| usize::try_from(from).ok());
                let taken = from
                    .zip(usize::try_from(n_bytes).ok())
                    .and_then(|(from, n)| data.get(from..from.checked_add(n)?));
                Ok(taken.ok_or_else(|| damaged("a dataset is cut off"))?.to_vec())
            }
            Layout::Chunked { extents, index, partial_unfiltered } => {
                let filters = match self.body(kind::FILTERS) {
                    Some(body) => filters::parse(body, file.sizes)?,
                    None => Vec::new(),
                };
                if extents.len() != self.extents.len() || extents.contains(&0) {
                    return Err(damaged("the chunks of a dataset have other axes than the dataset"));
                }
                let chunk_bytes =
                    extents.iter().try_fold(self.element_bytes as u64, |n, &e| n.checked_mul(e));
                let chunk_bytes = chunk_bytes.filter(|&n| usize::try_from(n).is_ok());
                let chunk_bytes = chunk_bytes.ok_or_else(|| damaged("a chunk is larger than any file"))?;
                let grid = Grid {
                    shape: &self.extents,
                    max_shape: &self.most,
                    chunk: &extents,
                    chunk_bytes,
                    filtered: !filters.is_empty(),
                };
                let mut out = self.filled(file, n_bytes)?;
                let inside = |chunk: &Chunk| {
                    let first = chunk.at[0].saturating_mul(extents[0]);
                    first < rows.end && first.saturating_add(extents[0]) > rows.start
                };
                let mut chunks = layout::chunks(file, &index, &grid)?;
                chunks
                    .retain(|chunk| chunk.at.len() == extents.len() && (extents.is_empty() || inside(chunk)));
                for batch in chunks.chunks(CHUNKS_AT_A_TIME) {
                    let unpacked = batch
                        .par_iter()
                        .map(|chunk| unpack(file, chunk, &grid, &filters, partial_unfiltered))
                        .collect::<Result<Vec<Cow<[u8]>>>>()?;
                    for (chunk, bytes) in batch.iter().zip(&unpacked) {
                        let (shape, extents) = (&self.extents[..], &extents[..]);
                        let piece =
                            Piece { at: &chunk.at, extents, shape, element_bytes: self.element_bytes };
                        piece.place(bytes, &rows, &mut out);
                    }
                }
                Ok(out)
            }
        }
    }

    /// As many bytes of fill values, or zeros.
    fn filled(&self, file: &File, n_bytes: u64) -> Result<Vec<u8>> {
        credible(n_bytes, file.len())?;
        let no_memory = || Error::limit(format!("no memory for {n_bytes} bytes"));
        let n_bytes = usize::try_from(n_bytes).map_err(|_| no_memory())?;
        let mut out = Vec::new();
        out.try_reserve_exact(n_bytes).map_err(|_| no_memory())?;
        out.resize(n_bytes, 0);
        if let Some(fill) = self.fill(file)?.filter(|fill| fill.len() == self.element_bytes) {
            out.chunks_exact_mut(self.element_bytes).for_each(|element| element.copy_from_slice(&fill));
        }
        Ok(out)
    }

    /// The bytes of the fill value, if one is set.
    pub fn fill(&self, file: &File) -> Result<Option<Vec<u8>>> {
        let (body, is_old) = match (self.body(kind::FILL), self.body(kind::OLD_FILL)) {
            (Some(body), _) => (body, false),
            (None, Some(body)) => (body, true),
            (None, None) => return Ok(None),
        };
        let mut f = file.fields(body);
        if !is_old {
            let version = f.u8()?;
            let is_set = match version {
                1 | 2 => {
                    f.skip(2)?;
                    f.u8()? != 0
                }
                _ => f.u8()? & 0x20 != 0,
            };
            if !is_set {
                return Ok(None);
            }
        }
        let n_bytes = f.u32()? as usize;
        // Version 1 has -1 for a value that is not defined.
        Ok(f.raw(n_bytes).ok().filter(|fill| !fill.is_empty()).map(<[u8]>::to_vec))
    }
}

/// The bytes of a chunk.
fn unpack<'a>(
    file: &'a File,
    chunk: &Chunk,
    grid: &Grid,
    filters: &[Filter],
    partial_unfiltered: bool,
) -> Result<Cow<'a, [u8]>> {
    let packed = file.at(chunk.address, chunk.n_bytes)?;
    let is_partial = || {
        let ends = chunk.at.iter().zip(grid.chunk).map(|(&at, &extent)| (at + 1).saturating_mul(extent));
        ends.zip(grid.shape).any(|(end, &extent)| end > extent)
    };
    let filters = if partial_unfiltered && is_partial() { &[] } else { filters };
    filters::undo(packed, filters, chunk.mask, grid.chunk_bytes as usize)
}
