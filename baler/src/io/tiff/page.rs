//! One page of a TIFF: how its pixels are stored, and any rows of them. Refuses packed bits and unknown compressions.

use super::directory::{Directory, tag};
use super::unpack;
use crate::dataset::{DType, n_elements};
use crate::error::{Error, Result};
use crate::io::store::Region;
use std::ops::Range;

/// How a page is stored.
#[derive(Debug, Clone)]
pub struct Page {
    /// Element type.
    pub dtype: DType,
    /// Samples of a pixel.
    pub n_samples: usize,
    /// Samples stand in planes of their own.
    pub planar: bool,
    /// Blocks are tiles, which are whole at the edges of the page; strips are cut.
    tiled: bool,
    width: usize,
    height: usize,
    /// Extents of a block, which is a strip or a tile.
    block: (usize, usize),
    /// (offset, bytes) of each block, planes one after the other.
    blocks: Vec<(u64, u64)>,
    compression: u64,
    predictor: u64,
}

impl Page {
    /// Reads the tags.
    pub fn new(directory: &Directory) -> Result<Page> {
        let size = |tag: u16| directory.number(tag).and_then(|n| usize::try_from(n).ok()).filter(|&n| n > 0);
        let (Some(width), Some(height)) = (size(tag::WIDTH), size(tag::HEIGHT)) else {
            return Err(Error::input("expected a width and a height of the page; the TIFF is damaged"));
        };
        let n_samples = size(tag::SAMPLES).unwrap_or(1);
        n_elements(&[width, height, n_samples])?;
        let bits = directory.numbers(tag::BITS);
        let formats = directory.numbers(tag::SAMPLE_FORMAT);
        let (bit, format) = (bits.first().copied().unwrap_or(1), formats.first().copied().unwrap_or(1));
        if bits.iter().any(|&other| other != bit) || formats.iter().any(|&other| other != format) {
            return Err(Error::unsupported("samples of several types in one page are not read"));
        }
        let dtype = match (format, bit) {
            (1 | 4, 8) => DType::U8,
            (1 | 4, 16) => DType::U16,
            (1 | 4, 32) => DType::U32,
            (1 | 4, 64) => DType::U64,
            (2, 8) => DType::I8,
            (2, 16) => DType::I16,
            (2, 32) => DType::I32,
            (2, 64) => DType::I64,
            (3, 16) => DType::F16,
            (3, 32) => DType::F32,
            (3, 64) => DType::F64,
            _ => {
                return Err(Error::unsupported(format!(
                    "expected samples of 8, 16, 32 or 64 bits, found {bit} bits of format {format}; convert the file"
                )));
            }
        };
        let tiled = directory.number(tag::TILE_WIDTH).is_some();
        let (block, offsets, n_bytes) = match tiled {
            true => {
                let (w, h) = (size(tag::TILE_WIDTH), size(tag::TILE_HEIGHT));
                let block = w.zip(h).ok_or_else(|| Error::input("tiles of no size; the TIFF is damaged"))?;
                (block, tag::TILE_OFFSETS, tag::TILE_BYTES)
            }
            false => {
                let rows = size(tag::ROWS_PER_STRIP).unwrap_or(height).min(height);
                ((width, rows), tag::STRIP_OFFSETS, tag::STRIP_BYTES)
            }
        };
        n_elements(&[block.0, block.1, n_samples])?;
        let blocks = directory.numbers(offsets).into_iter().zip(directory.numbers(n_bytes)).collect();
        let planar = directory.number(tag::PLANAR) == Some(2) && n_samples > 1;
        let compression = directory.number(tag::COMPRESSION).unwrap_or(1);
        let predictor = directory.number(tag::PREDICTOR).unwrap_or(1);
        let page =
            Page { dtype, n_samples, planar, tiled, width, height, block, blocks, compression, predictor };
        let (across, down) = page.grid();
        let expected =
            across.checked_mul(down).and_then(|n| n.checked_mul(if planar { n_samples } else { 1 }));
        if expected.is_none_or(|n| page.blocks.len() < n) {
            return Err(Error::input("expected more strips or tiles of the page; the TIFF is damaged"));
        }
        Ok(page)
    }

    /// (y, x), (y, x, samples), or (samples, y, x).
    pub fn shape(&self) -> Vec<usize> {
        match (self.n_samples, self.planar) {
            (1, _) => vec![self.height, self.width],
            (n, false) => vec![self.height, self.width, n],
            (n, true) => vec![n, self.height, self.width],
        }
    }

    /// True if both can stand in one array.
    pub fn is_like(&self, other: &Page) -> bool {
        self.dtype == other.dtype && self.shape() == other.shape() && self.planar == other.planar
    }

    /// Blocks across and down.
    fn grid(&self) -> (usize, usize) {
        (self.width.div_ceil(self.block.0), self.height.div_ceil(self.block.1))
    }

    /// The bytes of some rows (first axis of the page), in the file's order of bytes.
    pub fn rows(&self, bytes: &Region, big_endian: bool, rows: Range<usize>) -> Result<Vec<u8>> {
        if self.planar {
            let planes = rows.map(|plane| self.plane(bytes, big_endian, plane, 0..self.height));
            return Ok(planes.collect::<Result<Vec<Vec<u8>>>>()?.concat());
        }
        self.plane(bytes, big_endian, 0, rows)
    }

    fn plane(&self, bytes: &Region, big_endian: bool, plane: usize, rows: Range<usize>) -> Result<Vec<u8>> {
        let n_samples = if self.planar { 1 } else { self.n_samples };
        let pixel = n_samples * self.dtype.size_bytes();
        let (across, down) = self.grid();
        let mut out = vec![0; rows.len() * self.width * pixel];
        if rows.is_empty() {
            return Ok(out);
        }
        for y in rows.start / self.block.1..rows.end.div_ceil(self.block.1) {
            for x in 0..across {
                let (offset, n_packed) = self.blocks[(plane * down + y) * across + x];
                let first = y * self.block.1;
                let height = if self.tiled { self.block.1 } else { self.block.1.min(self.height - first) };
                let n_bytes = self.block.0 * height * pixel;
                if offset == 0 && n_packed == 0 {
                    continue; // a block that was never written is zeros
                }
                let packed = bytes.read(offset, n_packed)?;
                let mut unpacked = unpack::unpack(packed, self.compression, n_bytes)?;
                let used = self.block.1.min(self.height - first);
                if unpacked.len() < self.block.0 * used * pixel {
                    let text = format!(
                        "expected {n_bytes} bytes of pixels, found {}; the TIFF is damaged",
                        unpacked.len()
                    );
                    return Err(Error::input(text));
                }
                let row =
                    unpack::Row { dtype: self.dtype, n_samples, big_endian, n_bytes: self.block.0 * pixel };
                unpack::unpredict(unpacked.to_mut(), self.predictor, row)?;
                let width = self.block.0.min(self.width - x * self.block.0) * pixel;
                for line in first.max(rows.start)..(first + used).min(rows.end) {
                    let from = (line - first) * self.block.0 * pixel;
                    let to = ((line - rows.start) * self.width + x * self.block.0) * pixel;
                    out[to..to + width].copy_from_slice(&unpacked[from..from + width]);
                }
            }
        }
        Ok(out)
    }
}
