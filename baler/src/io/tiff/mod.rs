//! TIFF stacks: pages of one shape become one array (pages, y, x), a single page (y, x), pages of several samples end in
//! the axis of samples, and back as uncompressed TIFF (BigTIFF beyond 4 GiB) with the tags that the source had. Reads 8
//! to 64 bits, integers and floats, strips and tiles, with deflate, LZW, PackBits, zstd or nothing. Refuses JPEG, packed
//! bits, and directories that form a circle; sub-images are named in a warning.

mod directory;
mod page;
mod unpack;
mod write;

pub use write::write;

use crate::container::bytes::{ByteReader, ByteWriter};
use crate::dataset::{Attachment, Layout, Values};
use crate::error::{Error, Result};
use crate::io::arrays::{ArrayInfo, Arrays, credible};
use crate::io::store::Region;
use directory::{Directory, Tag, tag};
use page::Page;
use rayon::prelude::*;
use std::ops::Range;

/// The name of the metadata.
pub const NAME: &str = "tiff";

/// The most pages of a file.
const MAX_PAGES: usize = 1 << 22;

/// An opened file.
pub struct Tiff {
    bytes: Region,
    big_endian: bool,
    pages: Vec<Page>,
    /// The first page of each array.
    first_pages: Vec<usize>,
    arrays: Vec<ArrayInfo>,
    metadata: Vec<u8>,
    warnings: Vec<String>,
}

impl Tiff {
    /// Reads all directories.
    pub fn open(bytes: Region) -> Result<Tiff> {
        let header = directory::Header::read(&bytes)?;
        let (mut pages, mut kept): (Vec<Page>, Vec<Vec<Tag>>) = Default::default();
        let mut n_left_out = 0;
        let mut at = header.first;
        let mut seen = std::collections::HashSet::new();
        while at != 0 {
            if !seen.insert(at) || pages.len() >= MAX_PAGES {
                return Err(Error::input("the pages of the TIFF form a circle; the file is damaged"));
            }
            let (directory, next) = Directory::read(&bytes, &header, at)?;
            let page = Page::new(&directory).map_err(|e| e.in_variable(&format!("page {}", pages.len())))?;
            n_left_out += directory.tags.iter().filter(|t| tag::POINTERS.contains(&t.tag)).count();
            pages.push(page);
            kept.push(directory.tags.into_iter().filter(|t| !tag::of_storage(t.tag)).collect());
            at = next;
        }
        let mut first_pages: Vec<usize> = Vec::new();
        for (idx, page) in pages.iter().enumerate() {
            if idx == 0 || !page.is_like(&pages[idx - 1]) {
                first_pages.push(idx);
            }
        }
        let mut arrays = Vec::new();
        for (i, &first) in first_pages.iter().enumerate() {
            let n_pages = first_pages.get(i + 1).copied().unwrap_or(pages.len()) - first;
            let name = if first_pages.len() == 1 { "data".to_string() } else { format!("series{i}") };
            let page = &pages[first];
            let stack = if n_pages > 1 { vec![n_pages] } else { Vec::new() };
            let shape = stack.into_iter().chain(page.shape()).collect();
            arrays.push(ArrayInfo::new(name, page.dtype, shape, header.big_endian)?);
        }
        let warnings = match n_left_out {
            0 => Vec::new(),
            n => vec![format!("{n} sub-images or directories of camera settings are not kept")],
        };
        let metadata = write_metadata(&pages, &kept);
        Ok(Tiff { bytes, big_endian: header.big_endian, pages, first_pages, arrays, metadata, warnings })
    }
}

impl Arrays for Tiff {
    fn arrays(&self) -> &[ArrayInfo] {
        &self.arrays
    }

    fn rows(&self, idx: usize, rows: Range<usize>) -> Result<Values> {
        let (info, first) = (&self.arrays[idx], self.first_pages[idx]);
        let page = &self.pages[first];
        let is_stack = info.shape.len() > page.shape().len();
        credible(info.size_bytes() as u64, self.bytes.len())?;
        let raw = match is_stack {
            true => (self.pages[first + rows.start..first + rows.end].par_iter())
                .map(|page| page.rows(&self.bytes, self.big_endian, 0..page.shape()[0]))
                .collect::<Result<Vec<Vec<u8>>>>()?
                .concat(),
            false => page.rows(&self.bytes, self.big_endian, rows)?,
        };
        Values::from_bytes(info.dtype, &raw, self.big_endian)
    }

    fn metadata(&self, _: &dyn Fn(&str) -> bool) -> Option<Attachment> {
        Some(Attachment::metadata(NAME, self.arrays.len(), self.metadata.clone()))
    }

    fn layout(&self) -> Layout {
        if self.arrays.len() == 1 { Layout::Single } else { Layout::Arrays }
    }

    fn warnings(&self) -> &[String] {
        &self.warnings
    }
}

/// How a page is written again: its tags, and where its samples stand.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PageTags {
    /// Samples of a pixel.
    pub n_samples: usize,
    /// Samples stand in planes of their own.
    pub planar: bool,
    /// Every tag that does not say how the pixels are stored.
    pub tags: Vec<Tag>,
}

/// Metadata: a version, then for each page 0 (like the one before) or 1, samples, planar, tags.
fn write_metadata(pages: &[Page], kept: &[Vec<Tag>]) -> Vec<u8> {
    let mut w = ByteWriter::default();
    w.u8(1);
    w.count(pages.len());
    for (idx, (page, tags)) in pages.iter().zip(kept).enumerate() {
        if idx > 0 && *tags == kept[idx - 1] && page.is_like(&pages[idx - 1]) {
            w.u8(0);
            continue;
        }
        w.u8(1);
        w.count(page.n_samples);
        w.u8(u8::from(page.planar));
        w.count(tags.len());
        for tag in tags {
            w.varint(u64::from(tag.tag));
            w.varint(u64::from(tag.kind));
            w.block(&tag.bytes);
        }
    }
    w.bytes
}

/// What [`write_metadata`] wrote.
fn read_metadata(bytes: &[u8]) -> Result<Vec<PageTags>> {
    let mut r = ByteReader::new(bytes);
    if r.u8()? != 1 {
        return Err(Error::unsupported("TIFF metadata of another version are not known"));
    }
    let mut pages: Vec<PageTags> = Vec::new();
    for _ in 0..r.count_of_items()? {
        if r.u8()? == 0 {
            pages.push(pages.last().cloned().unwrap_or_default());
            continue;
        }
        let (n_samples, planar) = (r.count()?, r.u8()? != 0);
        let tags = (0..r.count_of_items()?)
            .map(|_| {
                Ok(Tag { tag: r.varint()? as u16, kind: r.varint()? as u16, bytes: r.block()?.to_vec() })
            })
            .collect::<Result<_>>()?;
        pages.push(PageTags { n_samples, planar, tags });
    }
    Ok(pages)
}

/// The names of what the metadata hold.
pub fn names(metadata: &[u8]) -> Vec<String> {
    let pages = read_metadata(metadata).unwrap_or_default();
    let mut tags: Vec<u16> = pages.iter().flat_map(|page| page.tags.iter().map(|tag| tag.tag)).collect();
    tags.sort_unstable();
    tags.dedup();
    tags.retain(|tag| ![254, 262, 296, 282, 283, 297].contains(tag));
    tags.into_iter().map(|tag| format!("tag {tag} ({})", tag::name(tag))).collect()
}
