//! How the pixels of a page are stored: read from its tags, kept in the metadata, and told in tags again when the page
//! is written. Refuses samples of several types and types that no dtype holds.

use super::directory::{Directory, Tag, tag};
use baler_data::bytes::{ByteReader, ByteWriter};
use baler_data::dataset::{DType, n_elements};
use baler_data::error::{Error, Result};

/// Values of the tag SampleFormat.
const UNSIGNED: u16 = 1;
const SIGNED: u16 = 2;
const FLOAT: u16 = 3;
const UNDEFINED: u16 = 4;
const COMPLEX: u16 = 6;

/// How a page is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SampleType {
    /// Pixels of a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// Samples of a pixel.
    pub n_samples: usize,
    /// Samples stand in planes of their own.
    pub planar: bool,
    /// Bits of a sample: those of its dtype, or fewer, packed without gaps within a row.
    pub bits: usize,
    /// What the bits mean, as the tag SampleFormat says it.
    pub format: u16,
    /// Number of the compression.
    pub compression: u16,
    /// Number of the prediction.
    pub predictor: u16,
    /// FillOrder 2: the bits of every byte in the file go the other way around.
    pub low_bit_first: bool,
    /// Blocks are tiles, which are whole at the edges of the page; strips are cut.
    pub tiled: bool,
    /// Width and height of a block, which is a strip or a tile.
    pub block: (usize, usize),
}

impl SampleType {
    /// What the tags of a page say.
    pub fn read(directory: &Directory) -> Result<SampleType> {
        let size = |tag: u16| directory.number(tag).and_then(|n| usize::try_from(n).ok()).filter(|&n| n > 0);
        let (Some(width), Some(height)) = (size(tag::WIDTH), size(tag::HEIGHT)) else {
            return Err(Error::input("expected a width and a height of the page; the TIFF is damaged"));
        };
        let n_samples = size(tag::SAMPLES).unwrap_or(1);
        n_elements(&[width, height, n_samples])?;
        let same = |tag: u16| {
            let values = directory.numbers(tag);
            let first = values.first().copied().unwrap_or(1);
            let several = || Error::unsupported("samples of several types in one page are not read");
            if values.iter().all(|&other| other == first) { Ok(first) } else { Err(several()) }
        };
        let small = |n: Option<u64>| n.and_then(|n| u16::try_from(n).ok()).unwrap_or(1);
        let bits = usize::try_from(same(tag::BITS)?).unwrap_or(usize::MAX);
        let format = small(Some(same(tag::SAMPLE_FORMAT)?));
        let tiled = directory.number(tag::TILE_WIDTH).is_some();
        let block = match tiled {
            true => (size(tag::TILE_WIDTH).zip(size(tag::TILE_HEIGHT)))
                .ok_or_else(|| Error::input("tiles of no size; the TIFF is damaged"))?,
            false => (width, size(tag::ROWS_PER_STRIP).unwrap_or(height).min(height)),
        };
        n_elements(&[block.0, block.1, n_samples])?;
        let compression = directory.number(tag::COMPRESSION).unwrap_or(1);
        let stored = SampleType {
            width,
            height,
            n_samples,
            planar: directory.number(tag::PLANAR) == Some(2) && n_samples > 1,
            bits,
            format,
            compression: u16::try_from(compression).unwrap_or(0),
            predictor: small(directory.number(tag::PREDICTOR)),
            low_bit_first: directory.number(tag::FILL_ORDER) == Some(2),
            tiled,
            block,
        };
        stored.dtype()?;
        stored.check_colors(directory)?;
        Ok(stored)
    }

    /// A page of this dtype, uncompressed in one strip.
    pub fn plain(dtype: DType, width: usize, height: usize, n_samples: usize, planar: bool) -> SampleType {
        let format = match dtype {
            DType::F16 | DType::F32 | DType::F64 => FLOAT,
            DType::I8 | DType::I16 | DType::I32 | DType::I64 => SIGNED,
            _ => UNSIGNED,
        };
        let bits = if dtype == DType::Bool { 1 } else { 8 * dtype.size_bytes() };
        let (compression, predictor, block) = (1, 1, (width, height));
        let (low_bit_first, tiled) = (false, false);
        SampleType {
            width,
            height,
            n_samples,
            planar,
            bits,
            format,
            compression,
            predictor,
            low_bit_first,
            tiled,
            block,
        }
    }

    /// The same of complex numbers.
    pub fn complex(self) -> SampleType {
        SampleType { bits: 2 * self.bits, format: COMPLEX, ..self }
    }

    /// Colors of which some have fewer samples than pixels are a format of their own.
    fn check_colors(&self, directory: &Directory) -> Result<()> {
        const YCBCR: u64 = 6;
        const JPEG: [u16; 2] = [6, 7];
        let is_fine = directory.number(tag::PHOTOMETRIC) != Some(YCBCR)
            || JPEG.contains(&self.compression)
            || directory.numbers(tag::SUBSAMPLING) == [1, 1];
        match is_fine {
            true => Ok(()),
            false => Err(Error::unsupported(
                "expected as many samples of color as pixels, found YCbCr colors of fewer; convert the file to RGB",
            )),
        }
    }

    /// Element type of the samples.
    pub fn dtype(&self) -> Result<DType> {
        Ok(match (self.format, self.bits) {
            (UNSIGNED | UNDEFINED, 1) => DType::Bool,
            (UNSIGNED | UNDEFINED, 2..=8) => DType::U8,
            (UNSIGNED | UNDEFINED, 9..=16) => DType::U16,
            (UNSIGNED | UNDEFINED, 17..=32) => DType::U32,
            (UNSIGNED | UNDEFINED, 64) => DType::U64,
            (SIGNED, 8) => DType::I8,
            (SIGNED, 16) => DType::I16,
            (SIGNED, 32) => DType::I32,
            (SIGNED, 64) => DType::I64,
            (FLOAT, 16) => DType::F16,
            (FLOAT, 32) | (COMPLEX, 64) => DType::F32,
            (FLOAT, 64) | (COMPLEX, 128) => DType::F64,
            (format, bits) => {
                return Err(Error::unsupported(format!(
                    "expected samples of 1 to 32 or 64 bits, found {bits} bits of format {format}; convert the file"
                )));
            }
        })
    }

    /// True for complex numbers, whose real and imaginary parts are a last axis.
    pub fn is_complex(&self) -> bool {
        self.format == COMPLEX
    }

    /// Numbers that a sample is made of.
    pub fn n_parts(&self) -> usize {
        if self.is_complex() { 2 } else { 1 }
    }

    /// True if samples do not fill their bytes.
    pub fn is_packed(&self) -> bool {
        self.dtype().is_ok_and(|dtype| self.bits != 8 * dtype.size_bytes() * self.n_parts())
    }

    /// Samples that stand beside each other.
    pub fn samples_beside(&self) -> usize {
        if self.planar { 1 } else { self.n_samples }
    }

    /// Planes of samples.
    pub fn n_planes(&self) -> usize {
        if self.planar { self.n_samples } else { 1 }
    }

    /// Bytes that a row of a block takes in the file, unpacked.
    pub fn row_bytes(&self) -> usize {
        (self.block.0 * self.samples_beside() * self.bits).div_ceil(8)
    }

    /// Rows of the block that starts at row `first`, as they are stored.
    pub fn block_rows(&self, first: usize) -> usize {
        if self.tiled { self.block.1 } else { self.block.1.min(self.height - first) }
    }

    /// Blocks across and down.
    pub fn grid(&self) -> (usize, usize) {
        (self.width.div_ceil(self.block.0), self.height.div_ceil(self.block.1))
    }

    /// (y, x), (y, x, samples), or (samples, y, x); complex numbers have one axis more.
    pub fn shape(&self) -> Vec<usize> {
        let mut shape = match (self.n_samples, self.planar) {
            (1, _) => vec![self.height, self.width],
            (n, false) => vec![self.height, self.width, n],
            (n, true) => vec![n, self.height, self.width],
        };
        shape.extend(self.is_complex().then_some(2));
        shape
    }

    /// True if pages of both can stand in one array.
    pub fn is_like(&self, other: &SampleType) -> bool {
        let of = |s: &SampleType| (s.shape(), s.planar, s.bits, s.format);
        of(self) == of(other)
    }

    /// Appends all of it.
    pub fn append(&self, w: &mut ByteWriter) {
        let sizes = [self.width, self.height, self.n_samples, self.bits, self.block.0, self.block.1];
        sizes.into_iter().for_each(|n| w.count(n));
        [self.format, self.compression, self.predictor].into_iter().for_each(|n| w.varint(u64::from(n)));
        w.u8(u8::from(self.planar) | u8::from(self.low_bit_first) << 1 | u8::from(self.tiled) << 2);
    }

    /// What [`SampleType::append`] wrote; sizes are those of a page that can be.
    pub fn parse(r: &mut ByteReader) -> Result<SampleType> {
        let mut sizes = [0; 6];
        for size in &mut sizes {
            *size = r.count()?.max(1);
        }
        let mut numbers = [0; 3];
        for number in &mut numbers {
            *number = r.varint()? as u16;
        }
        let flags = r.u8()?;
        let [width, height, n_samples, bits, across, down] = sizes;
        n_elements(&[width, height, n_samples, 16])?;
        n_elements(&[across, down, n_samples, 16])?;
        let stored = SampleType {
            width,
            height,
            n_samples,
            planar: flags & 1 != 0,
            bits,
            format: numbers[0],
            compression: numbers[1],
            predictor: numbers[2],
            low_bit_first: flags & 2 != 0,
            tiled: flags & 4 != 0,
            block: (across, down),
        };
        stored.dtype()?;
        Ok(stored)
    }

    /// The tags that say all this; those of the blocks' places come beside them.
    pub fn tags(&self) -> Vec<Tag> {
        let n = self.n_samples;
        let short = |tag, values: Vec<u16>| {
            let bytes = values.iter().flat_map(|v| v.to_le_bytes()).collect();
            Tag { tag, kind: 3, bytes }
        };
        let long = |tag, value: usize| Tag { tag, kind: 4, bytes: (value as u32).to_le_bytes().to_vec() };
        let mut tags = vec![
            long(tag::WIDTH, self.width),
            long(tag::HEIGHT, self.height),
            short(tag::BITS, vec![self.bits as u16; n]),
            short(tag::COMPRESSION, vec![self.compression]),
            short(tag::SAMPLES, vec![n as u16]),
            short(tag::PLANAR, vec![if self.planar { 2 } else { 1 }]),
            short(tag::SAMPLE_FORMAT, vec![self.format; n]),
        ];
        match self.tiled {
            true => tags.extend([long(tag::TILE_WIDTH, self.block.0), long(tag::TILE_HEIGHT, self.block.1)]),
            false => tags.push(long(tag::ROWS_PER_STRIP, self.block.1)),
        }
        if self.predictor != 1 {
            tags.push(short(tag::PREDICTOR, vec![self.predictor]));
        }
        if self.low_bit_first {
            tags.push(short(tag::FILL_ORDER, vec![2]));
        }
        tags
    }
}
