//! One page of a TIFF: where its blocks are, and any rows of its pixels.

use super::codecs::{self, Row};
use super::directory::{Directory, Tag, tag};
use super::stored::SampleType;
use crate::store::Region;
use baler_data::dataset::{DType, Values};
use baler_data::error::{Error, Result};
use std::ops::Range;

/// A page that can be read.
#[derive(Debug, Clone)]
pub struct Page {
    /// Element type.
    pub dtype: DType,
    /// How its pixels are stored.
    pub stored: SampleType,
    /// (offset, bytes) of each block, planes one after the other.
    blocks: Vec<(u64, u64)>,
    /// The bytes of a sample of blocks that were never written, little-endian.
    fill: Vec<u8>,
}

impl Page {
    /// Reads the tags.
    pub fn new(directory: &Directory) -> Result<Page> {
        let stored = SampleType::read(directory)?;
        let (across, down) = stored.grid();
        let expected = across.checked_mul(down).and_then(|n| n.checked_mul(stored.n_planes()));
        // Some writers tell the places of tiles in the tags of strips.
        let either = |tile: u16, strip: u16| {
            let found = if stored.tiled { directory.numbers(tile) } else { Vec::new() };
            if found.is_empty() { directory.numbers(strip) } else { found }
        };
        let offsets = either(tag::TILE_OFFSETS, tag::STRIP_OFFSETS);
        let mut n_bytes = either(tag::TILE_BYTES, tag::STRIP_BYTES);
        if n_bytes.is_empty() && stored.compression == 1 && !stored.tiled {
            let rows = (0..down.min(offsets.len())).map(|y| stored.block_rows(y * stored.block.1));
            let of_plane: Vec<u64> = rows.map(|rows| (rows * stored.row_bytes()) as u64).collect();
            n_bytes = of_plane.iter().copied().cycle().take(offsets.len()).collect();
        }
        let blocks: Vec<(u64, u64)> = offsets.into_iter().zip(n_bytes).collect();
        if expected.is_none_or(|n| blocks.len() < n) {
            return Err(Error::input("expected more strips or tiles of the page; the TIFF is damaged"));
        }
        let dtype = stored.dtype()?;
        Ok(Page { dtype, stored, blocks, fill: fill(directory, dtype) })
    }

    /// Extents of its array.
    pub fn shape(&self) -> Vec<usize> {
        self.stored.shape()
    }

    /// Where its pixels are if they stand in one piece, as they are.
    pub fn run(&self) -> Option<(u64, u64)> {
        let SampleType { compression, predictor, low_bit_first, tiled, .. } = self.stored;
        let (mut end, first) = (self.blocks.first()?.0, self.blocks.first()?.0);
        for &(offset, n_bytes) in &self.blocks {
            if offset != end {
                return None;
            }
            end = end.checked_add(n_bytes)?;
        }
        let n_values = self.shape().iter().product::<usize>() * self.dtype.size_bytes();
        let is_plain = compression == 1 && predictor == 1 && !low_bit_first && !tiled;
        (is_plain && !self.stored.is_packed() && end - first == n_values as u64)
            .then_some((first, end - first))
    }

    /// A page as this one whose pixels stand in one piece from `offset` on.
    pub fn moved(&self, offset: u64) -> Page {
        let first = self.blocks.first().map_or(0, |block| block.0);
        let moved = self.blocks.iter().map(|&(at, n_bytes)| (at - first + offset, n_bytes));
        Page { blocks: moved.collect(), ..self.clone() }
    }

    /// The bytes of some rows (first axis of the page), in the file's order of bytes.
    pub fn rows(&self, bytes: &Region, big_endian: bool, rows: Range<usize>) -> Result<Vec<u8>> {
        if self.stored.planar {
            let planes = rows.map(|plane| self.plane(bytes, big_endian, plane, 0..self.stored.height));
            return Ok(planes.collect::<Result<Vec<Vec<u8>>>>()?.concat());
        }
        self.plane(bytes, big_endian, 0, rows)
    }

    fn plane(&self, bytes: &Region, big_endian: bool, plane: usize, rows: Range<usize>) -> Result<Vec<u8>> {
        let stored = &self.stored;
        let pixel = stored.samples_beside() * stored.n_parts() * self.dtype.size_bytes();
        let (across, down) = stored.grid();
        let mut out = vec![0; rows.len() * stored.width * pixel];
        if rows.is_empty() {
            return Ok(out);
        }
        for y in rows.start / stored.block.1..rows.end.div_ceil(stored.block.1) {
            for x in 0..across {
                let first = y * stored.block.1;
                let used = stored.block.1.min(stored.height - first);
                let unpacked = self.block(bytes, big_endian, (plane * down + y) * across + x, first)?;
                let width = stored.block.0.min(stored.width - x * stored.block.0) * pixel;
                for line in first.max(rows.start)..(first + used).min(rows.end) {
                    let from = (line - first) * stored.block.0 * pixel;
                    let to = ((line - rows.start) * stored.width + x * stored.block.0) * pixel;
                    let out = &mut out[to..to + width];
                    match &unpacked {
                        Some(unpacked) => out.copy_from_slice(&unpacked[from..from + width]),
                        None => self.fill(out, big_endian),
                    }
                }
            }
        }
        Ok(out)
    }

    /// Pixels of a block that was never written.
    fn fill(&self, out: &mut [u8], big_endian: bool) {
        for sample in out.chunks_exact_mut(self.fill.len()) {
            sample.copy_from_slice(&self.fill);
            if big_endian {
                sample.reverse();
            }
        }
    }

    /// The pixels of the block with this index, which starts at row `first`: whole bytes in the file's order; none if it
    /// was never written.
    fn block(&self, bytes: &Region, big_endian: bool, idx: usize, first: usize) -> Result<Option<Vec<u8>>> {
        let stored = &self.stored;
        let (offset, n_packed) = self.blocks[idx];
        let row = Row::of(stored, self.dtype, big_endian);
        let used = stored.block.1.min(stored.height - first);
        if offset == 0 && n_packed == 0 {
            return Ok(None);
        }
        let n_bytes = stored.row_bytes() * stored.block_rows(first);
        let packed = bytes.read(offset, n_packed)?;
        let mut unpacked = codecs::unpack(packed, stored, n_bytes)?.into_owned();
        let n_used = stored.row_bytes() * used;
        if unpacked.len() < n_used {
            let text =
                format!("expected {n_bytes} bytes of pixels, found {}; the TIFF is damaged", unpacked.len());
            return Err(Error::input(text));
        }
        unpacked.truncate(n_used);
        codecs::unpredict(&mut unpacked, stored.predictor, row)?;
        Ok(Some(if stored.is_packed() { codecs::widen(&unpacked, stored.bits, row) } else { unpacked }))
    }
}

/// The value that stands for blocks that were never written: GDAL's, else 0.
fn fill(directory: &Directory, dtype: DType) -> Vec<u8> {
    let found = directory.tags.iter().find(|t| t.tag == tag::GDAL_NODATA);
    let bytes = found.map_or(Vec::new(), |t| no_data(t, dtype));
    if bytes.is_empty() { vec![0; dtype.size_bytes()] } else { bytes }
}

/// The bytes of the value that GDAL's tag marks as missing, little-endian; none if the dtype does not have it.
pub fn no_data(t: &Tag, dtype: DType) -> Vec<u8> {
    let text = String::from_utf8_lossy(&t.bytes).into_owned();
    let text = text.trim_matches(['\0', ' ']);
    macro_rules! parsed {
        ($($kind:ident),*) => {
            match dtype {
                $(DType::$kind => text.parse().ok().map(|value| Values::$kind(vec![value])),)*
                DType::F16 => text.parse().ok().map(|value| Values::F16(vec![half::f16::from_f64(value)])),
                DType::Bool => None,
            }
        };
    }
    let value = parsed!(I8, I16, I32, I64, U8, U16, U32, U64, F32, F64);
    let mut bytes = Vec::new();
    value.iter().for_each(|value| value.append_bytes(&mut bytes, false));
    bytes
}
