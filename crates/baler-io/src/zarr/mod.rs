//! Zarr stores, version 2 and 3: a folder with arrays in chunks, groups in folders, and such a folder back, of the
//! version and with the codecs that the source had, with attributes, names of axes, fill values and chunks. Refuses codecs
//! that it does not know; arrays of text and records are named in a warning. Nothing is read that is no regular file, or
//! that a link has outside the store.

mod blosc;
mod codecs;
mod describe;
mod folder;
mod packers;
mod shards;
mod shared;
mod text;
mod texts;
mod write;

pub use write::write;

use crate::arrays::{ArrayInfo, Arrays, credible};
use crate::piece::Piece;
use baler_data::dataset::{Attachment, Layout, Values};
use baler_data::error::{Error, Result};
use baler_data::metadata::Metadata;
use codecs::Codec;
use describe::Description;
use folder::Folder;
use rayon::prelude::*;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// The name of the metadata.
pub const NAME: &str = "zarr";

/// Chunks that are unpacked at a time.
const CHUNKS_AT_A_TIME: usize = 64;

/// An opened store.
pub struct Zarr {
    arrays: Vec<ArrayInfo>,
    stored: Vec<StoredArray>,
    /// What is kept of each node: an object with `path`, `attributes` and, of arrays, `dimension_names` and `array`, its
    /// description; of the first also `zarr_format`.
    nodes: Vec<Value>,
    warnings: Vec<String>,
}

/// An array before its values are read.
struct StoredArray {
    folder: Folder,
    description: Description,
    /// The files of chunks, by their numbers, and the bytes of all; known once one is asked for.
    chunks: OnceLock<(BTreeMap<Vec<u64>, PathBuf>, u64)>,
}

/// True for a folder that is a store, whatever its name.
pub fn is_store(path: &Path) -> bool {
    path.is_dir() && ["zarr.json", ".zgroup", ".zarray"].iter().any(|name| path.join(name).is_file())
}

fn wrong(what: impl std::fmt::Display) -> Error {
    Error::input(format!("{what}; the Zarr store is damaged"))
}

/// A list of whole numbers.
fn extents(value: &Value) -> Result<Vec<u64>> {
    let numbers =
        value.as_array().and_then(|list| list.iter().map(Value::as_u64).collect::<Option<Vec<u64>>>());
    numbers.filter(|n| n.len() <= 64).ok_or_else(|| wrong(format!("expected extents, found {value}")))
}

/// A store, without reading its values.
pub fn open(path: &Path) -> Result<Box<dyn Arrays>> {
    Ok(Box::new(Zarr::open(path)?))
}

impl Zarr {
    /// Reads the description of every array.
    pub fn open(path: &Path) -> Result<Zarr> {
        if !is_store(path) {
            let text = format!(
                "expected a Zarr store (a folder with zarr.json, .zgroup or .zarray), found '{}'",
                path.display()
            );
            return Err(Error::input(text));
        }
        let mut zarr =
            Zarr { arrays: Vec::new(), stored: Vec::new(), nodes: Vec::new(), warnings: Vec::new() };
        // Groups before their children, in the order of their names.
        let mut open = vec![(Folder::of_store(path)?, String::new())];
        while let Some((folder, name)) = open.pop() {
            if zarr.node(&folder, &name)? {
                let children = folder.children(&name, &mut zarr.warnings)?;
                open.extend(children.into_iter().rev());
            }
        }
        Ok(zarr)
    }

    /// Reads what a folder is; true for a group.
    fn node(&mut self, folder: &Folder, name: &str) -> Result<bool> {
        let new = folder.json("zarr.json")?;
        let (node, array) = match (&new, folder.json(".zarray")?) {
            (Some(node), _) => (node.clone(), (node["node_type"] == "array").then(|| node.clone())),
            (None, Some(array)) => (Value::Null, Some(array)),
            (None, None) if folder.has(".zgroup") => (Value::Null, None),
            (None, None) => return Ok(false),
        };
        let mut attributes = match new {
            Some(_) => node["attributes"].clone(),
            None => folder.json(".zattrs")?.unwrap_or(Value::Null),
        };
        if !attributes.is_object() {
            attributes = Value::Object(Map::new());
        }
        let mut kept = json!({"path": name, "attributes": attributes});
        if self.nodes.is_empty() {
            kept["zarr_format"] = json!(if new.is_some() { 3 } else { 2 });
        }
        let Some(array) = array else {
            self.nodes.push(kept);
            return Ok(true);
        };
        let array_name = if name.is_empty() { "data" } else { name };
        let mut array = array;
        match with_width(folder, &mut array, new.is_some())
            .and_then(|()| array_of(array_name, &array, new.is_some()))
        {
            Ok((info, description)) => {
                kept["dimension_names"] = match array.get("dimension_names") {
                    Some(names) => names.clone(),
                    None => kept["attributes"]
                        .as_object_mut()
                        .and_then(|a| a.remove("_ARRAY_DIMENSIONS"))
                        .unwrap_or(Value::Null),
                };
                let mut described = array;
                if let Some(described) = described.as_object_mut() {
                    described.retain(|key, _| !["attributes", "dimension_names", "shape"].contains(&&**key));
                }
                kept["array"] = described;
                self.nodes.push(kept);
                self.arrays.push(info);
                let chunks = OnceLock::new();
                self.stored.push(StoredArray { folder: folder.clone(), description, chunks });
            }
            Err(error) => self.warnings.push(format!("'{array_name}' is left out: {error}")),
        }
        Ok(false)
    }
}

/// Adds to the description of texts how long the longest is.
fn with_width(folder: &Folder, array: &mut Value, is_new: bool) -> Result<()> {
    array.as_object_mut().map(|array| array.remove(texts::WIDTH));
    if texts::are_in(array, is_new) {
        array[texts::WIDTH] = json!(texts::width(folder, array, is_new)?);
    }
    Ok(())
}

/// The array that a description tells of.
fn array_of(name: &str, array: &Value, is_new: bool) -> Result<(ArrayInfo, Description)> {
    let description = Description::parse(array, is_new)?;
    let shape: Option<Vec<usize>> = description.shape.iter().map(|&n| usize::try_from(n).ok()).collect();
    let shape = shape.ok_or_else(|| Error::limit("an array has more values than memory can hold"))?;
    let shape = shape.into_iter().chain(description.inner).collect();
    let mut info = ArrayInfo::new(name, description.dtype, shape, false)?;
    info.storage.kind = description.kind;
    Ok((info, description))
}

/// `n_bytes` of fill values; an error where memory does not hold them.
fn filled(n_bytes: usize, fill: &[u8]) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    out.try_reserve_exact(n_bytes).map_err(|_| Error::limit(format!("no memory for {n_bytes} bytes")))?;
    out.resize(n_bytes, 0);
    if fill.iter().any(|&byte| byte != 0) {
        out.chunks_exact_mut(fill.len()).for_each(|element| element.copy_from_slice(fill));
    }
    Ok(out)
}

/// The position of the chunk `number` of all in C order.
fn position(number: u64, counts: &[u64]) -> Vec<u64> {
    let mut rest = number;
    let mut at: Vec<u64> = counts
        .iter()
        .rev()
        .map(|&count| {
            let at = rest % count.max(1);
            rest /= count.max(1);
            at
        })
        .collect();
    at.reverse();
    at
}

impl StoredArray {
    fn chunks(&self) -> &(BTreeMap<Vec<u64>, PathBuf>, u64) {
        self.chunks.get_or_init(|| {
            let (start, separator) = self.description.key;
            self.folder.chunks(start, separator, self.description.shape.len())
        })
    }

    fn read(&self, rows: Range<u64>) -> Result<Vec<u8>> {
        let Description { shape, chunk, element, codecs, fill, .. } = &self.description;
        let codecs = codecs.as_ref().map_err(|e| Error::new(e.kind(), e.to_string()))?;
        let row_bytes = shape.iter().skip(1).try_fold(element.n_bytes as u64, |n, &e| n.checked_mul(e));
        let n_bytes = row_bytes.and_then(|bytes| bytes.checked_mul(rows.end - rows.start));
        let n_bytes = n_bytes.ok_or_else(|| wrong("an array is larger than any file"))?;
        let (files, file_bytes) = self.chunks();
        credible(n_bytes, *file_bytes)?;
        let mut out = filled(n_bytes as usize, fill)?;
        if out.is_empty() {
            return Ok(out);
        }
        let first_chunk = chunk.first().copied().unwrap_or(1);
        let wanted = vec![rows.start / first_chunk]..vec![rows.end.div_ceil(first_chunk)];
        let files: Vec<(&Vec<u64>, &PathBuf)> =
            if shape.is_empty() { files.iter().collect() } else { files.range(wanted).collect() };
        let element_bytes = element.n_bytes;
        if let [Codec::Shards(shards)] = &codecs[..] {
            for (at, path) in files {
                // The rows of this shard, counted within it; and of what is inside, within the array.
                let first = at.first().map_or(0, |at| at.saturating_mul(first_chunk));
                let inside =
                    rows.start.saturating_sub(first)..rows.end.saturating_sub(first).min(first_chunk);
                let counts: Vec<u64> =
                    chunk.iter().zip(&shards.chunk).map(|(n, inner)| n / inner.max(&1)).collect();
                let bytes = self.folder.bytes(path)?;
                shards.place(&bytes, chunk, *element, fill, &inside, &mut |piece, chunk| {
                    let at: Vec<u64> = (at.iter().zip(&counts).zip(piece.at))
                        .map(|((at, count), inner)| at.saturating_mul(*count).saturating_add(*inner))
                        .collect();
                    Piece { at: &at, extents: piece.extents, shape, element_bytes }
                        .place(chunk, &rows, &mut out);
                })?;
            }
            return Ok(out);
        }
        for batch in files.chunks(CHUNKS_AT_A_TIME) {
            let unpack = |&(at, path): &(&Vec<u64>, &PathBuf)| {
                codecs::decode(self.folder.bytes(path)?, codecs, chunk, *element, fill)
                    .map(|bytes| (at.clone(), bytes))
            };
            for (at, bytes) in batch.par_iter().map(unpack).collect::<Result<Vec<_>>>()? {
                Piece { at: &at, extents: chunk, shape, element_bytes }.place(&bytes, &rows, &mut out);
            }
        }
        Ok(out)
    }
}

impl Arrays for Zarr {
    fn arrays(&self) -> &[ArrayInfo] {
        &self.arrays
    }

    fn rows(&self, idx: usize, rows: Range<usize>) -> Result<Values> {
        let (stored, info) = (&self.stored[idx], &self.arrays[idx]);
        if !stored.description.shape.is_empty() || info.shape.is_empty() {
            let raw = stored.read(rows.start as u64..rows.end as u64)?;
            return Values::from_bytes(info.dtype, &raw, false);
        }
        // The rows of a single element are its numbers.
        let raw = stored.read(0..1)?;
        let size = info.dtype.size_bytes();
        Values::from_bytes(info.dtype, &raw[rows.start * size..rows.end * size], false)
    }

    fn metadata(&self, wanted: &dyn Fn(&str) -> bool) -> Option<Attachment> {
        let keep = |node: &&Value| {
            let path = node["path"].as_str().unwrap_or_default();
            node.get("array").is_none() || wanted(path) || path.is_empty()
        };
        let kept: Vec<&Value> = self.nodes.iter().filter(keep).collect();
        let bytes = serde_json::to_vec(&kept).unwrap_or_default();
        Some(Attachment::metadata(NAME, self.arrays.len(), bytes))
    }

    fn shared(&self) -> Metadata {
        let arrays = self.arrays.iter().zip(&self.stored);
        let arrays = arrays.map(|(info, stored)| (info.name.as_str(), &stored.description));
        shared::of_nodes(&self.nodes, &arrays.collect())
    }

    fn layout(&self) -> Layout {
        let is_array = self.nodes.first().is_some_and(|node| node.get("array").is_some());
        if is_array { Layout::Single } else { Layout::Arrays }
    }

    fn warnings(&self) -> &[String] {
        &self.warnings
    }
}

/// The nodes that metadata hold.
fn nodes(metadata: &[u8]) -> Result<Vec<Value>> {
    serde_json::from_slice(metadata)
        .map_err(|e| Error::corrupt(format!("expected Zarr metadata, found none ({e})")))
}

/// The names of what the metadata hold.
pub fn names(metadata: &[u8]) -> Vec<String> {
    let of_node = |node: &Value| {
        let path = node["path"].as_str().unwrap_or_default();
        let of = if path.is_empty() { "the store" } else { path };
        let attributes = node["attributes"].as_object().into_iter().flatten();
        let mut names: Vec<String> = attributes.map(|(name, _)| format!("{name} of {of}")).collect();
        if node["dimension_names"].is_array() {
            names.push(format!("axes of {of}"));
        }
        names
    };
    nodes(metadata).unwrap_or_default().iter().flat_map(of_node).collect()
}
