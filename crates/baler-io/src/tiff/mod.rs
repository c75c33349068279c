//! TIFF stacks: pages of one shape become one array (pages, y, x), a single page (y, x), pages of several samples end in
//! the axis of samples; and back with the tags, the compression and the order of bytes that the source had. Reads 1
//! to 64 bits, integers, floats and complex numbers, strips and tiles, with deflate, LZW, PackBits, zstd or nothing.
//! Refuses JPEG and directories that form a circle; sub-images are named in a warning.

mod codecs;
mod directory;
mod lzw;
mod notes;
mod page;
mod shared;
mod stored;
mod write;

pub use notes::left_out;
pub use shared::carries;
pub use write::write;

use crate::arrays::{ArrayInfo, Arrays, credible};
use crate::store::Region;
use baler_data::bytes::{ByteReader, ByteWriter};
use baler_data::dataset::kind::Kind;
use baler_data::dataset::{Attachment, Layout, Values};
use baler_data::error::{Error, Result};
use baler_data::metadata::Metadata;
use directory::{Directory, Tag, tag};
use page::Page;
use rayon::prelude::*;
use std::ops::Range;
use stored::SampleType;

/// The name of the metadata.
pub const NAME: &str = "tiff";

/// Of the metadata.
const METADATA_VERSION: u8 = 2;

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
    shared: Metadata,
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
        let n_directories = pages.len();
        if let ([page], [tags]) = (&pages[..], &kept[..]) {
            pages = behind(page, promised_pages(tags, page), bytes.len());
        }
        let mut first_pages: Vec<usize> = Vec::new();
        for (idx, page) in pages.iter().enumerate() {
            if idx == 0 || !page.stored.is_like(&pages[idx - 1].stored) {
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
            let mut array = ArrayInfo::new(name, page.dtype, shape, header.big_endian)?;
            if page.stored.is_complex() {
                array.storage.kind = Kind::Complex;
            }
            arrays.push(array);
        }
        let warnings = match n_left_out {
            0 => Vec::new(),
            n => vec![format!("{n} sub-images or directories of camera settings are not kept")],
        };
        let file = FileTags {
            big_endian: header.big_endian,
            big_tiff: header.big_tiff,
            n_directories,
            pages: (pages.iter().enumerate())
                .map(|(i, page)| PageTags {
                    stored: page.stored,
                    tags: kept[i.min(n_directories - 1)].clone(),
                })
                .collect(),
        };
        let of_arrays: Vec<&PageTags> = first_pages.iter().map(|&first| &file.pages[first]).collect();
        let shared = shared::of_pages(&arrays, &of_arrays);
        let (big_endian, metadata) = (header.big_endian, file.write());
        Ok(Tiff { bytes, big_endian, pages, first_pages, arrays, metadata, shared, warnings })
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

    fn shared(&self) -> Metadata {
        self.shared.clone()
    }

    fn layout(&self) -> Layout {
        if self.arrays.len() == 1 { Layout::Single } else { Layout::Arrays }
    }

    fn warnings(&self) -> &[String] {
        &self.warnings
    }
}

/// How many pages the notes of ImageJ and of tifffile promise, of which some may have no directory.
fn promised_pages(tags: &[Tag], page: &Page) -> usize {
    let text = description(tags);
    if is_imagej(&text) {
        let images = text.lines().find_map(|line| line.strip_prefix("images="));
        return images.and_then(|n| n.trim().parse().ok()).unwrap_or(1);
    }
    let n_values: usize = page.shape().iter().product();
    shaped(&text)
        .map_or(1, |shape| shape.iter().fold(1usize, |n, &extent| n.saturating_mul(extent)) / n_values.max(1))
}

/// The page, and those that stand behind its pixels without a directory of their own.
fn behind(page: &Page, n_pages: usize, file_bytes: u64) -> Vec<Page> {
    let mut pages = vec![page.clone()];
    let Some((first, n_bytes)) = page.run().filter(|&(_, n_bytes)| n_bytes > 0) else { return pages };
    let n_more = n_pages.saturating_sub(1) as u64;
    let end = n_bytes.checked_mul(n_more + 1).and_then(|n| n.checked_add(first));
    if n_pages <= MAX_PAGES && end.is_some_and(|end| end <= file_bytes) {
        pages.extend((1..=n_more).map(|i| page.moved(first + i * n_bytes)));
    }
    pages
}

/// The text of the tag ImageDescription.
fn description(tags: &[Tag]) -> String {
    let bytes = tags.iter().find(|t| t.tag == tag::DESCRIPTION).map(|t| t.bytes.as_slice());
    String::from_utf8_lossy(bytes.unwrap_or_default()).into_owned()
}

fn is_imagej(description: &str) -> bool {
    description.starts_with("ImageJ=")
}

/// The shape of all pages that tifffile writes into the first page's description.
fn shaped(description: &str) -> Option<Vec<usize>> {
    let (inside, _) = description.strip_prefix("{\"shape\": [")?.split_once(']')?;
    inside.split(',').map(|extent| extent.trim().parse().ok()).collect()
}

/// How a page is written again: how it was stored, and every tag that does not say that.
#[derive(Debug, Clone, PartialEq)]
struct PageTags {
    stored: SampleType,
    tags: Vec<Tag>,
}

/// How a file is written again.
#[derive(Debug, Clone, PartialEq)]
struct FileTags {
    big_endian: bool,
    big_tiff: bool,
    /// Pages with a directory of their own; the others are like the first.
    n_directories: usize,
    pages: Vec<PageTags>,
}

impl FileTags {
    /// Metadata: a version, flags, directories and pages, then for each page 0 (like the one before), or 1, how it is
    /// stored, and its tags.
    fn write(&self) -> Vec<u8> {
        let mut w = ByteWriter::default();
        w.u8(METADATA_VERSION);
        w.u8(u8::from(self.big_endian) | u8::from(self.big_tiff) << 1);
        w.count(self.n_directories);
        w.count(self.pages.len());
        for (idx, page) in self.pages.iter().enumerate() {
            if idx > 0 && *page == self.pages[idx - 1] {
                w.u8(0);
                continue;
            }
            w.u8(1);
            page.stored.append(&mut w);
            w.count(page.tags.len());
            for tag in &page.tags {
                w.varint(u64::from(tag.tag));
                w.varint(u64::from(tag.kind));
                w.block(&tag.bytes);
            }
        }
        w.bytes
    }

    /// What [`FileTags::write`] wrote.
    fn read(bytes: &[u8]) -> Result<FileTags> {
        let mut r = ByteReader::new(bytes);
        if r.u8()? != METADATA_VERSION {
            return Err(Error::unsupported("TIFF metadata of another version are not known"));
        }
        let (flags, n_directories) = (r.u8()?, r.count()?);
        let mut pages: Vec<PageTags> = Vec::new();
        for _ in 0..r.count_of_items()? {
            if r.u8()? == 0 {
                let before = pages.last().cloned();
                pages.push(
                    before.ok_or_else(|| Error::corrupt("the first page of a TIFF is like none before"))?,
                );
                continue;
            }
            let stored = SampleType::parse(&mut r)?;
            let tags = (0..r.count_of_items()?)
                .map(|_| {
                    Ok(Tag { tag: r.varint()? as u16, kind: r.varint()? as u16, bytes: r.block()?.to_vec() })
                })
                .collect::<Result<_>>()?;
            pages.push(PageTags { stored, tags });
        }
        Ok(FileTags { big_endian: flags & 1 != 0, big_tiff: flags & 2 != 0, n_directories, pages })
    }
}

/// The names of what the metadata hold; `are_shared` says that what formats have in common is told elsewhere.
pub fn names(metadata: &[u8], are_shared: bool) -> Vec<String> {
    let pages = FileTags::read(metadata).map(|file| file.pages).unwrap_or_default();
    let tags = pages.iter().flat_map(|page| &page.tags);
    let mut tags: Vec<u16> =
        tags.filter(|tag| !are_shared || !shared::is_carried(tag)).map(|tag| tag.tag).collect();
    tags.sort_unstable();
    tags.dedup();
    tags.retain(|tag| ![254, 262, 296, 282, 283, 297].contains(tag));
    tags.into_iter().map(|tag| format!("tag {tag} ({})", tag::name(tag))).collect()
}

#[cfg(test)]
mod tests;
