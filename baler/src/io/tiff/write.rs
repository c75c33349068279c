//! A dataset as TIFF: each page its pixels, uncompressed in one strip, then its directory. Arrays of two axes are a
//! page, of three a stack; where the source's metadata say so, the last or the first axis of a page are its samples.
//! Refuses arrays of other shapes.

use super::directory::{Tag, tag, value_bytes};
use super::{PageTags, read_metadata};
use crate::dataset::{DType, Dataset, Variable};
use crate::error::{Error, Result};

/// Larger files need places of eight bytes.
const CLASSIC_BYTES: usize = (1 << 32) - (1 << 24);

/// The bytes of a file.
pub fn write(dataset: &Dataset) -> Result<Vec<u8>> {
    let pages = dataset.metadata(super::NAME).map(read_metadata).transpose()?.unwrap_or_default();
    let big_endian = dataset.variables.iter().any(|v| v.storage.big_endian);
    let n_tag_bytes: usize = pages.iter().flat_map(|p| &p.tags).map(|t| t.bytes.len() + 32).sum();
    let big_tiff = dataset.size_bytes() + n_tag_bytes > CLASSIC_BYTES;
    let mut writer = Writer { out: Vec::new(), big_endian, big_tiff, link: 0 };
    writer.header();
    let mut page_idx = 0;
    for variable in &dataset.variables {
        let stack = Stack::new(variable, pages.get(page_idx)).map_err(|e| e.in_variable(&variable.name))?;
        let mut raw = Vec::new();
        variable.values.append_bytes(&mut raw, big_endian);
        for pixels in raw.chunks_exact(raw.len() / stack.n_pages) {
            let default = PageTags::default();
            let tags = pages.get(page_idx).or(pages.first()).unwrap_or(&default);
            writer.page(&stack, pixels, &tags.tags);
            page_idx += 1;
        }
    }
    Ok(writer.out)
}

/// The pages that an array becomes.
struct Stack {
    n_pages: usize,
    height: usize,
    width: usize,
    n_samples: usize,
    planar: bool,
    dtype: DType,
}

impl Stack {
    fn new(variable: &Variable, like: Option<&PageTags>) -> Result<Stack> {
        let dtype = variable.values.dtype();
        let shape = &variable.shape[..];
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
                    "expected images (y, x) or a stack (pages, y, x) for TIFF, found shape {shape:?}; write .npy"
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
        Ok(Stack { n_pages, height, width, n_samples, planar, dtype })
    }
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

    fn page(&mut self, stack: &Stack, pixels: &[u8], kept: &[Tag]) {
        // The strip starts at a place that any element fits.
        self.out.resize(self.out.len().next_multiple_of(16), 0);
        let place = self.out.len() as u64;
        self.out.extend_from_slice(pixels);
        let mut tags = self.storage_tags(stack, pixels, place);
        let default =
            [(tag::PHOTOMETRIC, if stack.n_samples >= 3 && stack.dtype.size_bytes() < 4 { 2 } else { 1 })];
        for (tag, value) in default {
            if !kept.iter().any(|t| t.tag == tag) {
                tags.push(Tag { tag, kind: 3, bytes: (value as u16).to_le_bytes().to_vec() });
            }
        }
        tags.extend(
            kept.iter().filter(|t| value_bytes(t.kind).is_some() && !tag::of_storage(t.tag)).cloned(),
        );
        tags.sort_by_key(|t| t.tag);
        self.directory(tags);
    }

    fn storage_tags(&self, stack: &Stack, pixels: &[u8], place: u64) -> Vec<Tag> {
        let n = stack.n_samples;
        let n_planes = if stack.planar { n } else { 1 };
        let plane_bytes = (pixels.len() / n_planes) as u64;
        let format: u16 = match stack.dtype {
            DType::F16 | DType::F32 | DType::F64 => 3,
            DType::I8 | DType::I16 | DType::I32 | DType::I64 => 2,
            _ => 1,
        };
        let short = |tag, values: Vec<u16>| Tag {
            tag,
            kind: 3,
            bytes: values.iter().flat_map(|v| v.to_le_bytes()).collect(),
        };
        let long = |tag, value: usize| Tag { tag, kind: 4, bytes: (value as u32).to_le_bytes().to_vec() };
        let (kind, size) = if self.big_tiff { (16, 8) } else { (4, 4) };
        let places = |tag, first: u64, step: u64| {
            let values = (0..n_planes as u64).flat_map(|i| (first + i * step).to_le_bytes()[..size].to_vec());
            Tag { tag, kind, bytes: values.collect() }
        };
        vec![
            long(tag::WIDTH, stack.width),
            long(tag::HEIGHT, stack.height),
            short(tag::BITS, vec![8 * stack.dtype.size_bytes() as u16; n]),
            short(tag::COMPRESSION, vec![1]),
            places(tag::STRIP_OFFSETS, place, plane_bytes),
            short(tag::SAMPLES, vec![n as u16]),
            long(tag::ROWS_PER_STRIP, stack.height),
            places(tag::STRIP_BYTES, plane_bytes, 0),
            short(tag::PLANAR, vec![if stack.planar { 2 } else { 1 }]),
            short(tag::SAMPLE_FORMAT, vec![format; n]),
        ]
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
