//! A dataset as the files of a Zarr store, version 3: chunks of zstd, and the descriptions with what the source's
//! metadata say. Refuses names that cannot be folders.

use super::{fill_bytes, filled, nodes};
use crate::dataset::{DType, Dataset, Layout, Variable, row_len};
use crate::error::{Error, Result};
use crate::io::piece::Piece;
use rayon::prelude::*;
use serde_json::{Map, Value, json};

/// Bytes of a chunk before it is packed, about, where the source does not say.
const CHUNK_BYTES: usize = 1 << 22;
/// zstd's level: its default.
const LEVEL: i32 = 3;

/// (path within the folder, bytes) of every file.
pub fn write(dataset: &Dataset) -> Result<Vec<(String, Vec<u8>)>> {
    let kept = dataset.metadata(super::NAME).map(nodes).transpose()?.unwrap_or_default();
    let node_of = |path: &str| kept.iter().find(|node| node["path"] == path);
    let is_root = dataset.layout == Layout::Single && dataset.variables.len() == 1;
    let mut files = Vec::new();
    let mut described = Map::new();
    let mut groups = vec![String::new()];
    for node in kept.iter().filter(|node| node.get("chunks").is_none()) {
        groups.extend(node["path"].as_str().map(clean));
    }
    for variable in &dataset.variables {
        let path = if is_root { String::new() } else { clean(&variable.name) };
        check_name(&path, &variable.name)?;
        let array = describe(variable, node_of(&path))?;
        chunks(variable, &array, &path, &mut files)?;
        if described.insert(path.clone(), array).is_some() {
            return Err(Error::config(format!("two variables would both be '{path}'; rename one")));
        }
        let parents = path.match_indices('/').map(|(at, _)| path[..at].to_string());
        groups.extend(parents);
    }
    groups.sort();
    groups.dedup();
    for group in groups.into_iter().filter(|_| !is_root) {
        check_name(&group, &group)?;
        let attributes = node_of(&group).map_or(json!({}), |node| node["attributes"].clone());
        let node = json!({"zarr_format": 3, "node_type": "group", "attributes": attributes});
        if described.insert(group.clone(), node).is_some() {
            return Err(Error::config(format!("'{group}' would be both a group and an array; rename one")));
        }
    }
    if !is_root {
        // All descriptions in one, so that a reader far away needs one file.
        let all: Map<String, Value> = described
            .iter()
            .filter(|(path, _)| !path.is_empty())
            .map(|(path, node)| (path.clone(), node.clone()))
            .collect();
        described[""]["consolidated_metadata"] =
            json!({"kind": "inline", "must_understand": false, "metadata": all});
    }
    for (path, node) in described {
        let text = serde_json::to_vec_pretty(&node)
            .map_err(|e| Error::config(format!("'{path}' cannot be told ({e})")))?;
        files.push((join(&path, "zarr.json"), text));
    }
    Ok(files)
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

/// The description of an array.
fn describe(variable: &Variable, node: Option<&Value>) -> Result<Value> {
    let dtype = variable.values.dtype();
    let rank = variable.shape.len();
    let told = node.and_then(|node| node["chunks"].as_array());
    let told = told.and_then(|chunks| chunks.iter().map(Value::as_u64).collect::<Option<Vec<u64>>>());
    let told = told.filter(|chunks| chunks.len() == rank && !chunks.contains(&0));
    let chunks = told.filter(|chunks| fits(chunks, dtype)).unwrap_or_else(|| {
        let row_bytes = row_len(&variable.shape).max(1) * dtype.size_bytes();
        let mut chunks: Vec<u64> = variable.shape.iter().map(|&n| n.max(1) as u64).collect();
        chunks.iter_mut().take(1).for_each(|n| *n = (*n).min((CHUNK_BYTES / row_bytes).max(1) as u64));
        chunks
    });
    let fill = node.map(|node| node["fill_value"].clone()).filter(|fill| !fill.is_null());
    let fill = fill.filter(|fill| fill_bytes(fill, dtype).is_ok()).unwrap_or_else(|| match dtype {
        DType::Bool => json!(false),
        _ if dtype.is_float() => json!(0.0),
        _ => json!(0),
    });
    let mut array = json!({
        "zarr_format": 3, "node_type": "array", "shape": variable.shape, "data_type": dtype.name(),
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": chunks}},
        "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
        "fill_value": fill,
        "codecs": [
            {"name": "bytes", "configuration": {"endian": "little"}},
            {"name": "zstd", "configuration": {"level": LEVEL, "checksum": false}},
        ],
        "attributes": node.map_or(json!({}), |node| node["attributes"].clone()),
    });
    let names = node.map_or(&Value::Null, |node| &node["dimension_names"]);
    if names.as_array().is_some_and(|names| names.len() == rank) {
        array["dimension_names"] = names.clone();
    }
    Ok(array)
}

/// True for chunks of a size that can be made in memory.
fn fits(chunks: &[u64], dtype: DType) -> bool {
    let n_bytes = chunks.iter().try_fold(dtype.size_bytes() as u64, |n, &extent| n.checked_mul(extent));
    n_bytes.is_some_and(|n| n <= 1 << 30)
}

/// The chunks of an array, each a file.
fn chunks(variable: &Variable, array: &Value, path: &str, files: &mut Vec<(String, Vec<u8>)>) -> Result<()> {
    let extents = super::extents(&array["chunk_grid"]["configuration"]["chunk_shape"])?;
    let shape: Vec<u64> = variable.shape.iter().map(|&n| n as u64).collect();
    let counts: Vec<u64> = shape.iter().zip(&extents).map(|(n, chunk)| n.div_ceil(*chunk)).collect();
    let dtype = variable.values.dtype();
    let fill = fill_bytes(&array["fill_value"], dtype)?;
    let mut raw = Vec::new();
    variable.values.append_bytes(&mut raw, false);
    let n_bytes = extents.iter().product::<u64>() as usize * dtype.size_bytes();
    let pack = |number: u64| {
        let at = super::position(number, &counts);
        let piece = Piece { at: &at, extents: &extents, shape: &shape, element_bytes: dtype.size_bytes() };
        let mut chunk = filled(n_bytes, &fill);
        piece.take(&raw, &mut chunk);
        let packed = zstd::bulk::compress(&chunk, LEVEL).map_err(|e| Error::io("packing a chunk", e))?;
        let numbers = at.iter().map(u64::to_string);
        let key = std::iter::once("c".to_string()).chain(numbers).collect::<Vec<_>>().join("/");
        Ok((join(path, &key), packed))
    };
    let n_chunks: u64 = counts.iter().product();
    files.extend((0..n_chunks).into_par_iter().map(pack).collect::<Result<Vec<_>>>()?);
    Ok(())
}
