//! A dataset as TIFF: the pixels of all pages of an array in one piece, so that readers which trust the notes of ImageJ
//! or tifffile find them, then the directories. Arrays of two axes are a page, of three a stack; where the source's
//! metadata say so, the last or the first axis of a page are its samples. Pages are compressed as the source's were.
//! Refuses arrays of other shapes.

use super::codecs::{self, Row};
use super::directory::{Tag, tag, value_bytes};
use super::stored::SampleType;
use super::{FileTags, PageTags, description, is_imagej, notes, shaped, shared};
use baler_data::dataset::kind::Kind;
use baler_data::dataset::{DType, Dataset, Values, Variable};
use baler_data::error::{Error, Result};
use rayon::prelude::*;

/// Larger files need places of eight bytes.
const CLASSIC_BYTES: usize = (1 << 32) - (1 << 24);

/// The bytes of a file.
pub fn write(dataset: &Dataset) -> Result<Vec<u8>> {
    let file = dataset.metadata(super::NAME).map(FileTags::read).transpose()?;
    let any_big_endian = dataset.variables.iter().any(|v| v.storage.big_endian);
    let big_endian = file.as_ref().map_or(any_big_endian, |file| file.big_endian);
    let pages = file.as_ref().map_or(&[][..], |file| &file.pages);
    let n_tag_bytes: usize = pages.iter().flat_map(|p| &p.tags).map(|t| t.bytes.len() + 32).sum();
    let big_tiff =
        file.as_ref().is_some_and(|file| file.big_tiff) || dataset.size_bytes() + n_tag_bytes > CLASSIC_BYTES;
    let mut writer = Writer { out: Vec::new(), big_endian, big_tiff, link: 0 };
    writer.header();
    let mut written: Vec<Written> = Vec::new();
    let known = dataset.shared_metadata();
    for variable in &dataset.variables {
        let like = pages.get(written.len()).or(pages.first());
        let stack = Stack::new(variable, like).map_err(|e| e.in_variable(&variable.name))?;
        let mut raw = Vec::new();
        variable.values.append_bytes(&mut raw, big_endian);
        // Pixels start at a place that any element fits.
        writer.out.resize(writer.out.len().next_multiple_of(16), 0);
        for pixels in raw.chunks_exact(raw.len() / stack.n_pages) {
            let page = pages.get(written.len()).or(pages.first());
            let stored = stack.stored(page.map(|page| page.stored));
            let blocks = writer.blocks(&stored, stack.dtype, pixels)?;
            let first = std::ptr::eq(pixels.as_ptr(), raw.as_ptr());
            let new = match page {
                None if first => shared::tags(&variable.name, known.about(&variable.name), stack.dtype),
                _ => Vec::new(),
            };
            written.push(Written { stored, blocks, tags: page, new });
        }
    }
    let promises = kept_promises(pages, &written);
    if let (false, [_], Some(tags)) = (promises, &dataset.variables[..], pages.first()) {
        let n_pages = written.len();
        let notes = tags.tags.iter().filter_map(|tag| notes::for_pages(tag, n_pages));
        written.iter_mut().take(1).for_each(|first| first.new.extend(notes.clone()));
    }
    let n_directories = match &file {
        Some(file) if promises => file.n_directories.max(1),
        _ => written.len(),
    };
    for page in &written[..n_directories.min(written.len())] {
        writer.page(page, promises);
    }
    Ok(writer.out)
}

/// A page whose pixels are in the file.
struct Written<'a> {
    stored: SampleType,
    /// (offset, bytes) of each block.
    blocks: Vec<(u64, u64)>,
    tags: Option<&'a PageTags>,
    /// Tags beside those.
    new: Vec<Tag>,
}

/// True if the pages are those of the source, so that what its notes say of their number and extents is still true.
fn kept_promises(pages: &[PageTags], written: &[Written]) -> bool {
    let of = |stored: &SampleType| (stored.shape(), stored.dtype().ok());
    pages.len() == written.len() && pages.iter().zip(written).all(|(a, b)| of(&a.stored) == of(&b.stored))
}

/// True for tags that tell readers how many pages there are, and of which extents.
fn is_promise(tag: &Tag) -> bool {
    let text = description(std::slice::from_ref(tag));
    let notes = is_imagej(&text) || shaped(&text).is_some() || text.contains("<OME ");
    notes || tag::IMAGEJ.contains(&tag.tag)
}

/// The pages that an array becomes.
struct Stack {
    n_pages: usize,
    height: usize,
    width: usize,
    n_samples: usize,
    planar: bool,
    complex: bool,
    dtype: DType,
    /// Bits that hold every value.
    n_bits: usize,
}

impl Stack {
    fn new(variable: &Variable, like: Option<&PageTags>) -> Result<Stack> {
        let dtype = variable.values.dtype();
        let like = like.map(|like| &like.stored);
        let complex = variable.storage.kind == Kind::Complex
            && matches!(dtype, DType::F32 | DType::F64)
            && variable.shape.last() == Some(&2);
        let shape = &variable.shape[..variable.shape.len() - usize::from(complex)];
        let one = |n_pages, height, width| (n_pages, height, width, 1, false);
        let samples = like.map_or(1, |like| like.n_samples);
        let planar = like.is_some_and(|like| like.planar);
        let (n_pages, height, width, n_samples, planar) = match (shape, planar) {
            (&[n, c, y, x], true) if c == samples => (n, y, x, c, true),
            (&[c, y, x], true) if c == samples => (1, y, x, c, true),
            (&[n, y, x, c], _) if c == samples || c <= 4 => (n, y, x, c, false),
            (&[y, x, c], _) if c == samples && samples > 1 => (1, y, x, c, false),
            (&[n, y, x], _) => one(n, y, x),
            (&[y, x], _) => one(1, y, x),
            _ => {
                let text = format!(
                    "expected images (y, x) or a stack (pages, y, x) for TIFF, found shape {:?}; write .npy",
                    variable.shape
                );
                return Err(Error::config(text));
            }
        };
        let fits = |n: usize| (1..=u32::MAX as usize).contains(&n);
        if n_pages == 0
            || n_samples == 0
            || !fits(height)
            || !fits(width)
            || n_samples > usize::from(u16::MAX)
        {
            return Err(Error::config(format!("a TIFF cannot hold an image of shape {shape:?}; write .npy")));
        }
        let n_bits = n_bits(&variable.values);
        Ok(Stack { n_pages, height, width, n_samples, planar, complex, dtype, n_bits })
    }

    /// How a page is stored: as the source's was, as far as it fits.
    fn stored(&self, like: Option<SampleType>) -> SampleType {
        let mut stored = SampleType::plain(self.dtype, self.width, self.height, self.n_samples, self.planar);
        if stored.bits < self.n_bits && !self.dtype.is_float() {
            stored.bits = 8 * self.dtype.size_bytes();
        }
        if self.complex {
            stored = stored.complex();
        }
        let Some(like) = like else { return stored };
        let same_numbers = like.dtype().is_ok_and(|dtype| dtype == self.dtype);
        if same_numbers
            && like.is_complex() == self.complex
            && (!like.is_packed() || like.bits >= self.n_bits)
        {
            (stored.bits, stored.format) = (like.bits, like.format);
        }
        stored.low_bit_first = like.low_bit_first;
        stored.tiled = like.tiled && is_tile(like.block, self.width.saturating_mul(self.height));
        stored.block = match stored.tiled {
            true => like.block,
            // One strip stays one strip.
            false if like.block.1 >= like.height => (self.width, self.height),
            false => (self.width, like.block.1.min(self.height)),
        };
        if codecs::is_written(like.compression) {
            stored.compression = like.compression;
        }
        if codecs::can_predict(like.predictor, &stored, self.dtype) {
            stored.predictor = like.predictor;
        }
        stored
    }
}

/// True for extents of a tile that make sense for a page of so many pixels.
fn is_tile((width, height): (usize, usize), n_pixels: usize) -> bool {
    const SMALLEST: usize = 64;
    const LARGEST: usize = 1 << 20;
    width.checked_mul(height).is_some_and(|n| (SMALLEST..=n_pixels.max(LARGEST)).contains(&n))
}

/// Bits that every value needs at least; all of them but for unsigned numbers.
fn n_bits(values: &Values) -> usize {
    let largest = match values {
        Values::Bool(v) | Values::U8(v) => v.iter().copied().max().map(u64::from),
        Values::U16(v) => v.iter().copied().max().map(u64::from),
        Values::U32(v) => v.iter().copied().max().map(u64::from),
        _ => Some(u64::MAX),
    };
    (64 - largest.unwrap_or(0).leading_zeros()) as usize
}

struct Writer {
    out: Vec<u8>,
    big_endian: bool,
    big_tiff: bool,
    /// Where the place of the next directory is to be written.
    link: usize,
}

impl Writer {
    fn uint(&mut self, value: u64, n_bytes: usize) {
        let bytes = self.ordered(value, n_bytes);
        self.out.extend(bytes);
    }

    fn ordered(&self, value: u64, n_bytes: usize) -> Vec<u8> {
        let mut bytes = value.to_le_bytes()[..n_bytes].to_vec();
        if self.big_endian {
            bytes.reverse();
        }
        bytes
    }

    fn header(&mut self) {
        self.out.extend_from_slice(if self.big_endian { b"MM" } else { b"II" });
        if self.big_tiff {
            self.uint(43, 2);
            self.uint(8, 2);
            self.uint(0, 2);
        } else {
            self.uint(42, 2);
        }
        self.link = self.out.len();
        self.uint(0, self.place_bytes());
    }

    fn place_bytes(&self) -> usize {
        if self.big_tiff { 8 } else { 4 }
    }

    /// Writes the blocks of a page; returns where each is.
    fn blocks(&mut self, stored: &SampleType, dtype: DType, pixels: &[u8]) -> Result<Vec<(u64, u64)>> {
        let (across, down) = stored.grid();
        let plane_bytes = pixels.len() / stored.n_planes();
        let block = |idx: usize| {
            let (plane, y, x) = (idx / (across * down), idx / across % down, idx % across);
            let plane = &pixels[plane * plane_bytes..(plane + 1) * plane_bytes];
            let mut bytes = cut(stored, dtype, plane, x, y);
            let row = Row::of(stored, dtype, self.big_endian);
            if stored.is_packed() {
                bytes = codecs::narrow(&bytes, stored.bits, row);
            }
            codecs::predict(&mut bytes, stored.predictor, row);
            codecs::pack(bytes, stored)
        };
        let packed: Vec<Vec<u8>> =
            (0..stored.n_planes() * across * down).into_par_iter().map(block).collect::<Result<_>>()?;
        let mut places = Vec::new();
        for block in packed {
            places.push((self.out.len() as u64, block.len() as u64));
            self.out.extend(block);
        }
        Ok(places)
    }

    fn page(&mut self, page: &Written, promises: bool) {
        let stored = &page.stored;
        let mut tags = stored.tags();
        let (kind, size) = if self.big_tiff { (16, 8) } else { (4, 4) };
        let places = |tag, values: &mut dyn Iterator<Item = u64>| {
            let bytes = values.flat_map(|value| value.to_le_bytes()[..size].to_vec()).collect();
            Tag { tag, kind, bytes }
        };
        let (offsets, n_bytes) = match stored.tiled {
            true => (tag::TILE_OFFSETS, tag::TILE_BYTES),
            false => (tag::STRIP_OFFSETS, tag::STRIP_BYTES),
        };
        tags.push(places(offsets, &mut page.blocks.iter().map(|block| block.0)));
        tags.push(places(n_bytes, &mut page.blocks.iter().map(|block| block.1)));
        let kept = page.tags.map_or(&[][..], |page| &page.tags);
        if !kept.iter().any(|t| t.tag == tag::PHOTOMETRIC) {
            let is_color = stored.n_samples >= 3 && stored.bits <= 16;
            let value: u16 = if is_color { 2 } else { 1 };
            tags.push(Tag { tag: tag::PHOTOMETRIC, kind: 3, bytes: value.to_le_bytes().to_vec() });
        }
        let is_written = |t: &&Tag| {
            value_bytes(t.kind).is_some() && !tag::of_storage(t.tag) && (promises || !is_promise(t))
        };
        tags.extend(kept.iter().filter(is_written).chain(&page.new).cloned());
        tags.sort_by_key(|t| t.tag);
        self.directory(tags);
    }

    /// Writes the values that do not fit into their entries, then the directory, and links it to the one before.
    fn directory(&mut self, tags: Vec<Tag>) {
        let place_bytes = self.place_bytes();
        let mut entries: Vec<(Tag, Vec<u8>)> = Vec::new();
        for mut tag in tags {
            let (size, word) = value_bytes(tag.kind).unwrap_or((1, 1));
            tag.bytes.truncate(tag.bytes.len() / size * size);
            let mut bytes = tag.bytes.clone();
            if self.big_endian {
                bytes.chunks_exact_mut(word).for_each(<[u8]>::reverse);
            }
            if bytes.len() > place_bytes {
                self.out.resize(self.out.len().next_multiple_of(2), 0);
                let place = self.out.len() as u64;
                self.out.extend_from_slice(&bytes);
                bytes = self.ordered(place, place_bytes);
            }
            bytes.resize(place_bytes, 0);
            entries.push((tag, bytes));
        }
        self.out.resize(self.out.len().next_multiple_of(8), 0);
        let place = self.ordered(self.out.len() as u64, place_bytes);
        self.out[self.link..self.link + place_bytes].copy_from_slice(&place);
        self.uint(entries.len() as u64, if self.big_tiff { 8 } else { 2 });
        for (tag, value) in entries {
            let size = value_bytes(tag.kind).map_or(1, |(size, _)| size);
            self.uint(u64::from(tag.tag), 2);
            self.uint(u64::from(tag.kind), 2);
            self.uint((tag.bytes.len() / size) as u64, place_bytes);
            self.out.extend(value);
        }
        self.link = self.out.len();
        self.uint(0, place_bytes);
    }
}

/// The pixels of a block, out of those of its plane; zeros where a tile hangs over.
fn cut(stored: &SampleType, dtype: DType, plane: &[u8], x: usize, y: usize) -> Vec<u8> {
    let pixel = stored.samples_beside() * stored.n_parts() * dtype.size_bytes();
    let (first, left) = (y * stored.block.1, x * stored.block.0);
    let width = stored.block.0.min(stored.width - left) * pixel;
    let mut out = vec![0; stored.block_rows(first) * stored.block.0 * pixel];
    for (line, out) in (first..stored.height).zip(out.chunks_exact_mut(stored.block.0 * pixel)) {
        let from = (line * stored.width + left) * pixel;
        out[..width].copy_from_slice(&plane[from..from + width]);
    }
    out
}
