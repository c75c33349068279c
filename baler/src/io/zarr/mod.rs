//! Zarr stores, version 2 and 3: a folder with arrays in chunks, groups in folders, and such a folder (version 3, zstd)
//! back, with attributes, names of axes, fill values and chunks. Refuses codecs that it does not know; arrays of text
//! and records are named in a warning.

mod blosc;
mod codecs;
mod write;

pub use write::write;

use crate::dataset::{Attachment, DType, Layout, Values};
use crate::error::{Error, Result};
use crate::io::arrays::{ArrayInfo, Arrays, credible};
use crate::io::piece::Piece;
use codecs::Codec;
use rayon::prelude::*;
use serde_json::{Map, Value, json};
use std::ops::Range;
use std::path::{Path, PathBuf};

/// The name of the metadata.
pub const NAME: &str = "zarr";

/// Folders inside each other.
const MAX_DEPTH: usize = 32;
/// The most bytes of a JSON file.
const MAX_JSON: u64 = 1 << 26;
/// Chunks that are unpacked at a time.
const CHUNKS_AT_A_TIME: u64 = 64;

/// An opened store.
pub struct Zarr {
    arrays: Vec<ArrayInfo>,
    stored: Vec<Stored>,
    /// What is kept of each node: an object with path, attributes and, of arrays, dimension_names, fill_value, chunks.
    nodes: Vec<Value>,
    warnings: Vec<String>,
}

/// An array before its values are read.
struct Stored {
    folder: PathBuf,
    chunk: Vec<u64>,
    shape: Vec<u64>,
    codecs: Result<Vec<Codec>>,
    fill: Vec<u8>,
    /// What a chunk's name begins with, and what stands between its numbers.
    key: (&'static str, String),
    n_bytes: u64,
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

/// A JSON file, if it is there.
fn json_file(path: &Path) -> Result<Option<Value>> {
    let Ok(found) = std::fs::metadata(path) else { return Ok(None) };
    if found.len() > MAX_JSON {
        return Err(Error::limit(format!("'{}' is larger than any description of an array", path.display())));
    }
    let bytes = std::fs::read(path).map_err(|e| Error::io(format!("reading '{}'", path.display()), e))?;
    let parsed = serde_json::from_slice(&bytes);
    parsed.map(Some).map_err(|e| wrong(format!("'{}' is no JSON ({e})", path.display())))
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
        zarr.folder(path, "", 0)?;
        Ok(zarr)
    }

    fn folder(&mut self, folder: &Path, name: &str, depth: usize) -> Result<()> {
        if depth > MAX_DEPTH {
            return Err(wrong("expected at most 32 groups inside each other"));
        }
        let new = json_file(&folder.join("zarr.json"))?;
        let (node, array) = match (&new, json_file(&folder.join(".zarray"))?) {
            (Some(node), _) => (node.clone(), (node["node_type"] == "array").then(|| node.clone())),
            (None, Some(array)) => (Value::Null, Some(array)),
            (None, None) if folder.join(".zgroup").is_file() => (Value::Null, None),
            (None, None) => return Ok(()),
        };
        let mut attributes = match new {
            Some(_) => node["attributes"].clone(),
            None => json_file(&folder.join(".zattrs"))?.unwrap_or(Value::Null),
        };
        if !attributes.is_object() {
            attributes = Value::Object(Map::new());
        }
        let Some(array) = array else {
            self.nodes.push(json!({"path": name, "attributes": attributes}));
            return self.children(folder, name, depth);
        };
        let array_name = if name.is_empty() { "data" } else { name };
        match array_of(folder, array_name, &array, new.is_some()) {
            Ok((info, stored)) => {
                let names = match array.get("dimension_names") {
                    Some(names) => names.clone(),
                    None => attributes
                        .as_object_mut()
                        .and_then(|a| a.remove("_ARRAY_DIMENSIONS"))
                        .unwrap_or(Value::Null),
                };
                self.nodes.push(json!({
                    "path": name, "attributes": attributes, "dimension_names": names,
                    "fill_value": array["fill_value"], "chunks": stored.chunk,
                }));
                self.arrays.push(info);
                self.stored.push(stored);
            }
            Err(error) => self.warnings.push(format!("'{array_name}' is left out: {error}")),
        }
        Ok(())
    }

    fn children(&mut self, folder: &Path, name: &str, depth: usize) -> Result<()> {
        let what = |e| Error::io(format!("reading '{}'", folder.display()), e);
        let mut children = Vec::new();
        for entry in std::fs::read_dir(folder).map_err(what)? {
            let entry = entry.map_err(what)?;
            if entry.path().is_dir() {
                children.push(entry.file_name().to_string_lossy().into_owned());
            }
        }
        children.sort();
        for child in children {
            let path = if name.is_empty() { child.clone() } else { format!("{name}/{child}") };
            self.folder(&folder.join(&child), &path, depth + 1)?;
        }
        Ok(())
    }
}

/// The array that a description tells of.
fn array_of(folder: &Path, name: &str, array: &Value, is_new: bool) -> Result<(ArrayInfo, Stored)> {
    let shape = extents(&array["shape"])?;
    let (chunk, dtype, big_endian) = match is_new {
        true => {
            let grid = &array["chunk_grid"];
            if grid["name"] != "regular" {
                return Err(Error::unsupported(format!("chunks of the kind {} are not read", grid["name"])));
            }
            let text = array["data_type"].as_str().unwrap_or_default();
            (
                extents(&grid["configuration"]["chunk_shape"])?,
                DType::from_name(text).filter(|_| text.len() > 2),
                false,
            )
        }
        false => {
            let text = array["dtype"].as_str().unwrap_or_default();
            let (order, code) = text.split_at_checked(1).unwrap_or_default();
            (extents(&array["chunks"])?, DType::from_name(code).filter(|_| code.len() == 2), order == ">")
        }
    };
    let dtype = dtype.ok_or_else(|| {
        let found = if is_new { &array["data_type"] } else { &array["dtype"] };
        Error::unsupported(format!("expected an array of numbers, found the type {found}"))
    })?;
    if chunk.len() != shape.len() || chunk.contains(&0) {
        return Err(wrong(format!("chunks {chunk:?} do not fit the shape {shape:?}")));
    }
    let codecs = match is_new {
        true => codecs::parse(&array["codecs"]),
        false => codecs::parse_old(array, big_endian, shape.len()),
    };
    let key = &array["chunk_key_encoding"];
    let separator = key["configuration"]["separator"].as_str();
    let key = match (is_new, key["name"].as_str()) {
        (true, Some("v2")) => ("", separator.unwrap_or(".").to_string()),
        (true, _) => ("c", separator.unwrap_or("/").to_string()),
        (false, _) => ("", array["dimension_separator"].as_str().unwrap_or(".").to_string()),
    };
    if !matches!(key.1.as_str(), "." | "/") {
        return Err(wrong("expected . or / between the numbers of a chunk"));
    }
    let info = ArrayInfo::new(name, dtype, shape.iter().map(|&n| n as usize).collect(), false)?;
    let fill = fill_bytes(&array["fill_value"], dtype)?;
    let n_bytes = folder_bytes(folder, 0);
    Ok((info, Stored { folder: folder.to_path_buf(), chunk, shape, codecs, fill, key, n_bytes }))
}

/// Bytes of all files of a folder.
fn folder_bytes(folder: &Path, depth: usize) -> u64 {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let of_entry = |entry: std::fs::DirEntry| match entry.metadata() {
        Ok(found) if found.is_dir() && depth < 2 * MAX_DEPTH => folder_bytes(&entry.path(), depth + 1),
        Ok(found) => found.len(),
        Err(_) => 0,
    };
    entries.map(of_entry).sum()
}

/// The little-endian bytes of a fill value: a number, a word for one that JSON has not, or its bits.
fn fill_bytes(value: &Value, dtype: DType) -> Result<Vec<u8>> {
    let n = dtype.size_bytes();
    let of_float = |x: f64| match dtype {
        DType::F16 => half::f16::from_f64(x).to_le_bytes().to_vec(),
        DType::F32 => (x as f32).to_le_bytes().to_vec(),
        _ => x.to_le_bytes().to_vec(),
    };
    let unknown = || wrong(format!("expected a fill value of {}, found {value}", dtype.name()));
    Ok(match value {
        Value::Null => vec![0; n],
        Value::Bool(truth) if n == 1 => vec![u8::from(*truth)],
        Value::String(bits) if bits.starts_with("0x") => {
            let bits = u64::from_str_radix(&bits[2..], 16).map_err(|_| unknown())?;
            bits.to_le_bytes()[..n].to_vec()
        }
        Value::String(word) if dtype.is_float() => match word.as_str() {
            "NaN" => of_float(f64::NAN),
            "Infinity" => of_float(f64::INFINITY),
            "-Infinity" => of_float(f64::NEG_INFINITY),
            number => of_float(number.parse().map_err(|_| unknown())?),
        },
        number if dtype.is_float() => of_float(number.as_f64().ok_or_else(unknown)?),
        number => match (number.as_u64(), number.as_i64(), number.as_f64()) {
            (Some(x), _, _) => x.to_le_bytes()[..n].to_vec(),
            (_, Some(x), _) => x.to_le_bytes()[..n].to_vec(),
            (_, _, Some(x)) => (x as i64).to_le_bytes()[..n].to_vec(),
            _ => return Err(unknown()),
        },
    })
}

/// `n_bytes` of fill values.
fn filled(n_bytes: usize, fill: &[u8]) -> Vec<u8> {
    let mut out = vec![0; n_bytes];
    if fill.iter().any(|&byte| byte != 0) {
        out.chunks_exact_mut(fill.len()).for_each(|element| element.copy_from_slice(fill));
    }
    out
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

impl Stored {
    fn read(&self, dtype: DType, rows: Range<u64>) -> Result<Vec<u8>> {
        let codecs = self.codecs.as_ref().map_err(|e| Error::new(e.kind(), e.to_string()))?;
        let row_bytes = self.shape.iter().skip(1).product::<u64>() * dtype.size_bytes() as u64;
        let n_bytes = (rows.end - rows.start) * row_bytes;
        let n_rows = self.shape.first().copied().unwrap_or(1);
        credible(n_rows.saturating_mul(row_bytes), self.n_bytes)?;
        let mut out = filled(n_bytes as usize, &self.fill);
        if out.is_empty() {
            return Ok(out);
        }
        let mut counts: Vec<u64> =
            self.shape.iter().zip(&self.chunk).map(|(n, chunk)| n.div_ceil(*chunk)).collect();
        let mut first = 0;
        if let Some(count) = counts.first_mut() {
            first = rows.start / self.chunk[0];
            *count = rows.end.div_ceil(self.chunk[0]) - first;
        }
        let n_chunks: u64 = counts.iter().product();
        let read = |number: u64| {
            let mut at = position(number, &counts);
            at.iter_mut().take(1).for_each(|at| *at += first);
            self.chunk_at(&at, codecs, dtype).map(|chunk| (at, chunk))
        };
        for start in (0..n_chunks).step_by(CHUNKS_AT_A_TIME as usize) {
            let batch = start..(start + CHUNKS_AT_A_TIME).min(n_chunks);
            for (at, chunk) in batch.into_par_iter().map(read).collect::<Result<Vec<_>>>()? {
                if let Some(chunk) = chunk {
                    let (extents, shape) = (&self.chunk[..], &self.shape[..]);
                    let piece = Piece { at: &at, extents, shape, element_bytes: dtype.size_bytes() };
                    piece.place(&chunk, &rows, &mut out);
                }
            }
        }
        Ok(out)
    }

    /// The bytes of a chunk, if it is there.
    fn chunk_at(&self, at: &[u64], codecs: &[Codec], dtype: DType) -> Result<Option<Vec<u8>>> {
        let numbers: Vec<String> = at.iter().map(u64::to_string).collect();
        let (start, separator) = &self.key;
        let key = match (start.is_empty(), numbers.is_empty()) {
            (true, true) => "0".to_string(),
            (true, false) => numbers.join(separator),
            (false, _) => [&[start.to_string()][..], &numbers].concat().join(separator),
        };
        let path = self.folder.join(key);
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(Error::io(format!("reading '{}'", path.display()), e)),
        };
        codecs::decode(bytes, codecs, &self.chunk, dtype, &self.fill).map(Some)
    }
}

impl Arrays for Zarr {
    fn arrays(&self) -> &[ArrayInfo] {
        &self.arrays
    }

    fn rows(&self, idx: usize, rows: Range<usize>) -> Result<Values> {
        let dtype = self.arrays[idx].dtype;
        let raw = self.stored[idx].read(dtype, rows.start as u64..rows.end as u64)?;
        Values::from_bytes(dtype, &raw, false)
    }

    fn metadata(&self, wanted: &dyn Fn(&str) -> bool) -> Option<Attachment> {
        let keep = |node: &&Value| {
            let path = node["path"].as_str().unwrap_or_default();
            node.get("chunks").is_none() || wanted(path) || path.is_empty()
        };
        let kept: Vec<&Value> = self.nodes.iter().filter(keep).collect();
        let bytes = serde_json::to_vec(&kept).unwrap_or_default();
        Some(Attachment::metadata(NAME, self.arrays.len(), bytes))
    }

    fn layout(&self) -> Layout {
        let is_array = self.nodes.first().is_some_and(|node| node.get("chunks").is_some());
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
