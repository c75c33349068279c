//! A dataset as the files of a Zarr store: descriptions as the source had them, of its version and with its codecs, else
//! version 3 with what formats have in common; and chunks, less those of nothing but fill values. Refuses names that
//! cannot be folders.

use super::codecs::{self, describe as described};
use super::describe::{Description, fill_value};
use super::{filled, nodes, position, shared, text, texts};
use crate::piece::Piece;
use crate::zarr::blosc::Blosc;
use crate::zarr::packers::Packer;
use baler_data::dataset::{DType, Dataset, Layout, Variable, row_len};
use baler_data::error::{Error, Result};
use baler_data::metadata::{About, Codec, Packing, Role};
use rayon::prelude::*;
use serde_json::{Map, Value, json};

/// Bytes of a chunk before it is packed, about, where the source does not say.
const CHUNK_BYTES: usize = 1 << 22;
/// Most bytes of a chunk of an array of any size; larger ones take at most 16 times the array.
const MOST_BYTES: u64 = 1 << 26;
/// zstd's level: its default.
const LEVEL: i32 = 3;

/// A node as it is written: its description, and its attributes.
struct Node {
    path: String,
    described: Value,
    attributes: Value,
}

/// (path within the folder, bytes) of every file.
pub fn write(dataset: &Dataset) -> Result<Vec<(String, Vec<u8>)>> {
    let kept = dataset.metadata(super::NAME).map(nodes).transpose()?.unwrap_or_default();
    let known = dataset.shared_metadata();
    let by_name = known.by_name();
    let node_of = |path: &str| kept.iter().find(|node| node["path"] == path);
    let is_old = kept.first().is_some_and(|node| node["zarr_format"] == 2);
    let is_root = dataset.layout == Layout::Single && dataset.variables.len() == 1;
    let mut files = Vec::new();
    let mut written: Vec<Node> = Vec::new();
    let mut groups = vec![String::new()];
    for node in kept.iter().filter(|node| node.get("array").is_none()) {
        groups.extend(node["path"].as_str().map(clean));
    }
    groups.extend(known.groups.iter().map(|group| clean(&group.path)));
    for variable in &dataset.variables {
        let path = if is_root { String::new() } else { clean(&variable.name) };
        let about = by_name.get(variable.name.as_str()).copied();
        if about.is_some_and(|about| about.role == Role::Axis) && dataset.variables.len() > 1 {
            continue; // an extent, which arrays along it have
        }
        check_name(&path, &variable.name)?;
        if written.iter().any(|node| node.path == path) {
            return Err(Error::config(format!("two variables would both be '{path}'; rename one")));
        }
        let (node, description) = array(variable, path, node_of, about, is_old)?;
        chunks(variable, &node, &description, &mut files)?;
        groups.extend(node.path.match_indices('/').map(|(at, _)| node.path[..at].to_string()));
        written.push(node);
    }
    groups.sort();
    groups.dedup();
    for path in groups.into_iter().filter(|_| !is_root) {
        check_name(&path, &path)?;
        if written.iter().any(|node| node.path == path) {
            return Err(Error::config(format!("'{path}' would be both a group and an array; rename one")));
        }
        let own = node_of(&path).map(|node| node["attributes"].clone());
        let attributes = own.unwrap_or_else(|| shared::attributes(known.group(&path), false));
        let described = match is_old {
            true => json!({"zarr_format": 2}),
            false => json!({"zarr_format": 3, "node_type": "group"}),
        };
        written.push(Node { path, described, attributes });
    }
    match is_old {
        true => version_2(written, &mut files),
        false => version_3(written, is_root, &mut files),
    }
    Ok(files)
}

/// `zarr.json` of each node; that of the store has all of them, so that a reader far away needs one file.
fn version_3(written: Vec<Node>, is_root: bool, files: &mut Vec<(String, Vec<u8>)>) {
    let whole = |node: &Node| {
        let mut described = node.described.clone();
        described["attributes"] = node.attributes.clone();
        described
    };
    let below = written.iter().filter(|node| !node.path.is_empty());
    let all: Map<String, Value> = below.map(|node| (node.path.clone(), whole(node))).collect();
    for node in &written {
        let mut described = whole(node);
        if node.path.is_empty() && !is_root {
            described["consolidated_metadata"] =
                json!({"kind": "inline", "must_understand": false, "metadata": &all});
        }
        files.push((join(&node.path, "zarr.json"), text::write(&described)));
    }
}

/// `.zarray` or `.zgroup` and `.zattrs` of each node, and all of them in `.zmetadata`.
fn version_2(written: Vec<Node>, files: &mut Vec<(String, Vec<u8>)>) {
    let mut all = Map::new();
    for Node { path, described, attributes } in written {
        let name = if described.get("chunks").is_some() { ".zarray" } else { ".zgroup" };
        for (name, value) in [(name, described), (".zattrs", attributes)] {
            if name == ".zattrs" && value.as_object().is_none_or(Map::is_empty) {
                continue;
            }
            files.push((join(&path, name), text::write(&value)));
            all.insert(join(&path, name), value);
        }
    }
    let consolidated = json!({"zarr_consolidated_format": 1, "metadata": all});
    files.push((".zmetadata".into(), text::write(&consolidated)));
}

/// A name as a path: no slashes at the ends, none twice.
fn clean(name: &str) -> String {
    name.split('/').filter(|part| !part.is_empty()).collect::<Vec<_>>().join("/")
}

fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_string() } else { format!("{folder}/{name}") }
}

/// Parts of a path that would leave the folder or hide what Zarr needs are refused.
fn check_name(path: &str, name: &str) -> Result<()> {
    let bad = |part: &str| {
        part == "."
            || part == ".."
            || part.starts_with("__")
            || part == "zarr.json"
            || part.contains(['\\', '\0', ':'])
    };
    match path.split('/').any(bad) {
        true => Err(Error::config(format!("'{name}' cannot be a name in a Zarr store; rename the variable"))),
        false => Ok(()),
    }
}

/// An array as the source described it, where its chunks can be written so, else anew.
fn array<'a>(
    variable: &Variable,
    path: String,
    node_of: impl Fn(&str) -> Option<&'a Value>,
    about: Option<&About>,
    is_old: bool,
) -> Result<(Node, Description)> {
    let node = node_of(&path);
    let own = node.and_then(|node| node.get("array")).filter(|array| array.is_object()).and_then(|array| {
        let mut described = array.clone();
        let is_new = described["zarr_format"] == 3;
        // The last axis may be one of an element's own.
        let inner = {
            let mut probe = described.clone();
            let rank = probe["chunks"]
                .as_array()
                .or(probe["chunk_grid"]["configuration"]["chunk_shape"].as_array())?;
            probe["shape"] = json!(vec![1; rank.len()]);
            Description::parse(&probe, is_new).ok()?.inner
        };
        let rank = variable.shape.len().checked_sub(usize::from(inner.is_some()))?;
        described["shape"] = json!(variable.shape[..rank]);
        let description = Description::parse(&described, is_new).ok()?;
        let n_bytes = codecs::chunk_bytes(&description.chunk, description.element).ok()? as u64;
        let fits = description.dtype == variable.values.dtype()
            && n_bytes <= most_bytes(variable)
            && is_new != is_old
            && variable.shape[rank..].iter().copied().eq(inner);
        (fits && description.is_written()).then_some((described, description))
    });
    let (mut described, description) = match own {
        Some(own) => own,
        None => {
            let packing = about.map(|about| about.packing.clone()).unwrap_or_default();
            let described =
                if is_old { describe_old(variable, &packing) } else { describe(variable, &packing) };
            let description = Description::parse(&described, !is_old)?;
            (described, description)
        }
    };
    described.as_object_mut().map(|described| described.remove(texts::WIDTH));
    let rank = description.shape.len();
    let named = node.map(|node| node["dimension_names"].clone());
    let names =
        named.filter(|names| names.as_array().is_some_and(|names| names.len() == rank)).or_else(|| {
            let axes = &about.filter(|about| about.axes.iter().any(|axis| !axis.name.is_empty()))?.axes;
            let name = |axis: usize| match axes.get(axis).map(|axis| axis.short()) {
                Some(name) if !name.is_empty() => json!(name),
                _ => Value::Null,
            };
            (axes.len() <= rank).then(|| (0..rank).map(name).collect())
        });
    let own = node.map(|node| node["attributes"].clone()).filter(Value::is_object);
    let common = || shared::attributes(about.map_or(&[], |about| &about.attributes), true);
    let mut attributes = own.unwrap_or_else(common);
    // Of a part that has single values of coordinates, the source's own list of coordinates is not all.
    if let Some(coordinates) = about.and_then(|about| about.attribute("coordinates")?.text()) {
        attributes["coordinates"] = json!(coordinates);
    }
    match names {
        Some(names) if is_old => attributes["_ARRAY_DIMENSIONS"] = names,
        Some(names) => described["dimension_names"] = names,
        // A single value of what had axes: xarray wants the list, though it is empty.
        None if is_old && rank == 0 && node.is_some_and(|node| node["dimension_names"].is_array()) => {
            attributes["_ARRAY_DIMENSIONS"] = json!([]);
        }
        None => {}
    }
    Ok((Node { path, described, attributes }, description))
}

/// Most bytes of a chunk of this array: what the source says may be made up.
fn most_bytes(variable: &Variable) -> u64 {
    MOST_BYTES.max(16 * variable.values.size_bytes() as u64)
}

/// True for a chunk of these extents if its bytes are few enough.
fn credible(variable: &Variable, extents: &[u64]) -> bool {
    let size = variable.values.dtype().size_bytes() as u64;
    let n_bytes = extents.iter().try_fold(size, |n, &extent| n.checked_mul(extent));
    n_bytes.is_some_and(|n| (1..=most_bytes(variable)).contains(&n))
}

/// Extents of chunks: those of the source where they fit, else rows of about [`CHUNK_BYTES`].
fn chunk_extents(variable: &Variable, told: &[u64]) -> Vec<u64> {
    let size = variable.values.dtype().size_bytes();
    if told.len() == variable.shape.len() && credible(variable, told) {
        return told.to_vec();
    }
    let row_bytes = row_len(&variable.shape).max(1) * size;
    let mut chunk: Vec<u64> = variable.shape.iter().map(|&n| n.max(1) as u64).collect();
    chunk.iter_mut().take(1).for_each(|n| *n = (*n).min((CHUNK_BYTES / row_bytes).max(1) as u64));
    chunk
}

/// The version 2 description of an array of which no other is known. It has a fill value only where the source had
/// one: xarray takes it for what marks missing values.
fn describe_old(variable: &Variable, packing: &Packing) -> Value {
    let dtype = variable.values.dtype();
    let fill = packing.fill.as_ref().filter(|fill| fill.len() == dtype.size_bytes());
    let letter = match dtype {
        DType::Bool => "|b",
        DType::U8 => "|u",
        DType::I8 => "|i",
        _ if dtype.is_float() => "<f",
        DType::U16 | DType::U32 | DType::U64 => "<u",
        _ => "<i",
    };
    json!({
        "zarr_format": 2, "shape": variable.shape, "chunks": chunk_extents(variable, &packing.chunk),
        "dtype": format!("{letter}{}", dtype.size_bytes()), "compressor": {"id": "zstd", "level": LEVEL},
        "fill_value": fill.map_or(Value::Null, |fill| fill_value(fill, dtype)), "order": "C", "filters": null,
    })
}

/// The version 3 description of an array that was packed so elsewhere.
fn describe(variable: &Variable, packing: &Packing) -> Value {
    let dtype = variable.values.dtype();
    let size = dtype.size_bytes();
    let fill = packing.fill.clone().filter(|fill| fill.len() == size).unwrap_or_else(|| vec![0; size]);
    let chunk = chunk_extents(variable, &packing.chunk);
    let named = |(name, told): (&str, Value)| json!({"name": name, "configuration": told});
    let mut codecs = vec![json!({"name": "bytes", "configuration": {"endian": "little"}})];
    codecs.push(named(described(&packer(packing, size))));
    if packing.checksum {
        codecs.push(json!({"name": "crc32c"}));
    }
    let mut grid = chunk.clone();
    let is_shard = packing.shard.len() == chunk.len()
        && packing.shard.iter().zip(&chunk).all(|(shard, chunk)| *shard > 0 && shard % chunk == 0);
    if is_shard && !chunk.is_empty() && credible(variable, &packing.shard) {
        grid = packing.shard.clone();
        codecs = vec![named((
            "sharding_indexed",
            json!({
                "chunk_shape": chunk, "codecs": codecs, "index_location": "end",
                "index_codecs": [{"name": "bytes", "configuration": {"endian": "little"}}, {"name": "crc32c"}],
            }),
        ))];
    }
    json!({
        "zarr_format": 3, "node_type": "array", "shape": variable.shape, "data_type": dtype.name(),
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": grid}},
        "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
        "fill_value": fill_value(&fill, dtype), "codecs": codecs,
    })
}

/// What packs as the source did, or nearly so: Zarr shuffles bytes within blosc.
fn packer(packing: &Packing, size: usize) -> Packer {
    let level = packing.level.unwrap_or(5).clamp(1, 9);
    let blosc = |name: &str| {
        Packer::Blosc(Blosc { name: name.into(), level, shuffle: packing.shuffle, type_bytes: size })
    };
    match packing.codec {
        Codec::Deflate if packing.shuffle => blosc("zlib"),
        Codec::Deflate => Packer::Gzip(level as u32),
        Codec::Zstd if packing.shuffle => blosc("zstd"),
        Codec::Zstd => Packer::Zstd { level: packing.level.unwrap_or(LEVEL).clamp(-7, 22), checksum: false },
        Codec::Lz4 | Codec::Lzf | Codec::Blosc | Codec::Snappy => blosc("lz4"),
        _ => Packer::Zstd { level: LEVEL, checksum: false },
    }
}

/// The chunks of an array, each a file.
fn chunks(
    variable: &Variable,
    node: &Node,
    description: &Description,
    files: &mut Vec<(String, Vec<u8>)>,
) -> Result<()> {
    let Description { shape, chunk, element, codecs, fill, .. } = description;
    let codecs = codecs.as_ref().map_err(|e| Error::new(e.kind(), e.to_string()))?;
    let counts: Vec<u64> = shape.iter().zip(chunk).map(|(n, chunk)| n.div_ceil(*chunk)).collect();
    let mut raw = Vec::new();
    variable.values.append_bytes(&mut raw, false);
    let empty = filled(codecs::chunk_bytes(chunk, *element)?, fill)?;
    // Without a fill value what is not written has no value.
    let are_texts = codecs.iter().any(|codec| matches!(codec, codecs::Codec::Texts(_)));
    let skips_empty = !node.described["fill_value"].is_null() && !are_texts;
    let pack = |number: u64| -> Result<Option<(String, Vec<u8>)>> {
        let at = position(number, &counts);
        let mut bytes = empty.clone();
        Piece { at: &at, extents: chunk, shape, element_bytes: element.n_bytes }.take(&raw, &mut bytes);
        if skips_empty && bytes == empty {
            return Ok(None);
        }
        let packed = codecs::encode(bytes, codecs, chunk, *element, fill)?;
        Ok(Some((join(&node.path, &description.key(&at)), packed)))
    };
    let n_chunks: u64 = counts.iter().product();
    let packed: Vec<Option<_>> = (0..n_chunks).into_par_iter().map(pack).collect::<Result<_>>()?;
    files.extend(packed.into_iter().flatten());
    Ok(())
}
