//! RNTuples, which follow `TTree`s in newer files, as trees: the anchor, the description of fields, the clusters of entries
//! with their pages, and any entries of a field. Refuses versions before 1.0, values outside the file, and pages that
//! claim more than the file can hold. Checksums are not looked at: archives have their own.

mod envelope;
mod pages;
mod schema;

pub use schema::Columns;

use crate::blocks::{MAX_RATIO, unpack};
use crate::bytes::Bytes;
use crate::error::{Error, Result};
use crate::file::{Container, Entry};
use crate::read::{Column, Kept};
use crate::tree::{Branch, Tree};
use envelope::{Kind, Link, Reader};
use pages::Encoding;
use schema::Schema;
use std::io::{Read, Seek};
use std::ops::Range;
use std::sync::Arc;

/// Entries that are stored together.
#[derive(Debug)]
pub struct Cluster {
    entries: Range<u64>,
    /// Pages of each column.
    columns: Vec<Vec<Page>>,
}

#[derive(Debug)]
struct Page {
    /// Its elements, counted within the cluster.
    elements: Range<u64>,
    place: u64,
    n_packed: u64,
}

/// Reads all but the values.
pub fn open<R: Read + Seek>(file: &mut Container<R>, entry: &Entry) -> Result<Tree> {
    if entry.key.class != "ROOT::RNTuple" {
        return Err(Error::unsupported("an RNTuple of a version before 1.0; ROOT 6.34 or newer writes 1.0"));
    }
    let anchor = file.content(&entry.key)?;
    let mut r = Bytes::new(&anchor);
    r.version()?;
    let (epoch, _major, _minor, _patch) = (r.u16()?, r.u16()?, r.u16()?, r.u16()?);
    if epoch != 1 {
        return Err(Error::unsupported(format!("an RNTuple of version {epoch} is not read")));
    }
    let mut link = || Ok::<Link, Error>(Link { place: r.u64()?, n_packed: r.u64()?, n_unpacked: r.u64()? });
    let (header, footer) = (link()?, link()?);

    let mut schema = Schema::default();
    let header = envelope::read(file, header)?;
    let mut r = Reader::new(&header, Kind::Header)?;
    r.no_features()?;
    let (_name, title, _writer) = (r.text()?, r.text()?, r.text()?);
    schema.add(&mut r)?;

    let footer = envelope::read(file, footer)?;
    let mut r = Reader::new(&footer, Kind::Footer)?;
    r.no_features()?;
    let _checksum = r.u64()?;
    schema.add(&mut r.record()?)?;
    let (n_groups, mut groups) = r.list()?;
    let mut clusters = Vec::new();
    for _ in 0..n_groups {
        let mut r = groups.record()?;
        let (_first, _span, _n_clusters) = (r.u64()?, r.u64()?, r.u32()?);
        let list = envelope::read(file, r.link()?)?;
        read_clusters(&list, &mut clusters)?;
    }
    let n_entries = check(&clusters, schema.n_columns(), file.len)?;
    let (mut branches, mut skipped) = schema.branches(n_entries);
    branches.retain(|branch| match fits(branch, &clusters) {
        true => true,
        false => {
            skipped.push((branch.name.clone(), "its pages do not have its entries".into()));
            false
        }
    });
    let ntuple = Some(Arc::new(clusters));
    Ok(Tree { path: entry.path.clone(), title, n_entries, branches, skipped, ntuple })
}

/// The clusters of a list of pages.
fn read_clusters(list: &[u8], clusters: &mut Vec<Cluster>) -> Result<()> {
    let mut r = Reader::new(list, Kind::Pages)?;
    let _checksum = r.u64()?;
    let (n_clusters, mut summaries) = r.list()?;
    let (n_lists, mut lists) = r.list()?;
    if n_lists != n_clusters {
        return Err(Error::damaged(format!("expected pages of {n_clusters} clusters, found {n_lists}")));
    }
    for _ in 0..n_clusters {
        let mut r = summaries.record()?;
        let (first, n_entries) = (r.u64()?, r.u64()?);
        if n_entries >> 56 != 0 {
            return Err(Error::unsupported("an RNTuple with clusters of parts is not read"));
        }
        let end = first.checked_add(n_entries).ok_or_else(|| Error::damaged("a cluster has no end"))?;
        let (n_columns, mut r) = lists.list()?;
        let columns = (0..n_columns).map(|_| read_pages(&mut r)).collect::<Result<_>>()?;
        clusters.push(Cluster { entries: first..end, columns });
    }
    Ok(())
}

/// The pages of one column in one cluster.
fn read_pages(r: &mut Reader) -> Result<Vec<Page>> {
    let (n_pages, mut r) = r.list()?;
    let mut pages = Vec::new();
    let mut end = 0u64;
    for _ in 0..n_pages {
        // A negative number of elements says that a checksum follows the page.
        let n_elements = u64::from(r.i32()?.unsigned_abs());
        let (place, n_packed) = r.locator()?;
        pages.push(Page { elements: end..end + n_elements, place, n_packed });
        end += n_elements;
    }
    Ok(pages)
}

/// How many entries there are: clusters follow each other, and do not claim more than a file of this length can unpack to.
fn check(clusters: &[Cluster], n_columns: usize, file_len: u64) -> Result<u64> {
    let most = file_len.saturating_mul(MAX_RATIO as u64);
    let (mut n_entries, mut n_elements) = (0, 0u64);
    for cluster in clusters {
        if cluster.entries.start != n_entries || cluster.columns.len() > n_columns {
            return Err(Error::damaged("the clusters of an RNTuple do not follow each other"));
        }
        n_entries = cluster.entries.end;
        for page in cluster.columns.iter().flatten() {
            n_elements = n_elements.saturating_add(page.elements.end - page.elements.start);
        }
    }
    if n_elements > most {
        return Err(Error::damaged(format!("{n_elements} values in a file of {file_len} bytes")));
    }
    Ok(n_entries)
}

/// True if the pages of a branch have an element for each entry: its values, or the ends of its lists.
fn fits(branch: &Branch, clusters: &[Cluster]) -> bool {
    let Some(columns) = branch.columns else { return false };
    let (column, n_values) = match columns.ends {
        Some((ends, _)) => (ends, 1),
        None => (columns.values.0, branch.n_values() as u64),
    };
    clusters.iter().all(|cluster| {
        let n_elements =
            cluster.columns.get(column).and_then(|pages| pages.last()).map_or(0, |p| p.elements.end);
        (cluster.entries.end - cluster.entries.start).checked_mul(n_values) == Some(n_elements)
    })
}

/// Entries of a field.
pub fn read<R: Read + Seek>(
    file: &mut Container<R>,
    kept: &mut Kept<Vec<u8>>,
    clusters: &[Cluster],
    branch: &Branch,
    entries: Range<u64>,
) -> Result<Column> {
    let columns = branch.columns.ok_or_else(|| Error::usage("the branch is of no RNTuple"))?;
    let n_values = branch.n_values() as u64;
    let mut found = Column { counts: columns.ends.map(|_| Vec::new()), ..Column::default() };
    let first = clusters.partition_point(|cluster| cluster.entries.end <= entries.start);
    for cluster in clusters[first..].iter().take_while(|cluster| cluster.entries.start < entries.end) {
        let from = entries.start.max(cluster.entries.start) - cluster.entries.start;
        let to = entries.end.min(cluster.entries.end) - cluster.entries.start;
        let mut items = from..to;
        if let (Some((ends, encoding)), Some(counts)) = (columns.ends, &mut found.counts) {
            // The end of the list before is where the first one starts.
            let ends = elements(file, kept, cluster, ends, encoding, from.saturating_sub(1)..to)?;
            let (start, ends) = match ends.split_first() {
                Some((&before, rest)) if from > 0 => (before, rest),
                _ => (0, ends.as_slice()),
            };
            let mut last = start;
            for &end in ends {
                let count = end.checked_sub(last).and_then(|count| u32::try_from(count).ok());
                counts.push(count.ok_or_else(|| {
                    Error::damaged(format!("the lists of '{}' do not follow each other", branch.name))
                })?);
                last = end;
            }
            items = start..last;
        }
        let range = items.start.checked_mul(n_values).zip(items.end.checked_mul(n_values));
        let (start, end) = range.ok_or_else(|| Error::damaged("a list has no end"))?;
        let (column, encoding) = columns.values;
        let values = elements(file, kept, cluster, column, encoding, start..end)?;
        encoding.append(&values, branch.number, &mut found.bytes);
    }
    Ok(found)
}

/// Elements of a column in a cluster.
fn elements<R: Read + Seek>(
    file: &mut Container<R>,
    kept: &mut Kept<Vec<u8>>,
    cluster: &Cluster,
    column: usize,
    encoding: Encoding,
    range: Range<u64>,
) -> Result<Vec<u64>> {
    let mut found = Vec::new();
    let pages = cluster.columns.get(column).map_or(&[][..], Vec::as_slice);
    let first = pages.partition_point(|page| page.elements.end <= range.start);
    for page in pages[first..].iter().take_while(|page| page.elements.start < range.end) {
        let n_elements = (page.elements.end - page.elements.start) as usize;
        let n_bytes = encoding.page_bytes(n_elements);
        let bytes = match kept.get(page.place).filter(|bytes| bytes.len() == n_bytes) {
            Some(bytes) => bytes,
            None => {
                let bytes = Arc::new(unpack(&file.read(page.place, page.n_packed)?, n_bytes)?);
                kept.keep(page.place, &bytes, n_bytes);
                bytes
            }
        };
        let from = (range.start.max(page.elements.start) - page.elements.start) as usize;
        let to = (range.end.min(page.elements.end) - page.elements.start) as usize;
        found.extend(encoding.elements(&bytes, n_elements, from..to)?);
    }
    match found.len() as u64 == range.end - range.start {
        true => Ok(found),
        false => Err(Error::damaged("the pages of an RNTuple end too early")),
    }
}
