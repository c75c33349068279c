//! Dimension scales: how HDF5 and NetCDF-4 say which axes of arrays are the same. What the source's own attributes say of
//! them stays; names of axes that nothing says yet get scales, an array of the same name or one that is only an extent,
//! and each scale the list of those who refer to it.

use super::datatype;
use super::items::{Attribute, Item};
use baler_data::bytes::ByteWriter;
use baler_data::dataset::DType;
use baler_data::metadata::Axis;
use std::collections::{BTreeMap, HashMap};

/// An array of the file that is written.
pub struct Array {
    /// Where it stands.
    pub path: String,
    /// Its extents.
    pub extents: Vec<u64>,
    /// Names of its first axes; empty ones are not known.
    pub axes: Vec<Axis>,
    /// Its attributes, which are completed.
    pub attributes: Vec<Attribute>,
}

impl Array {
    fn has(&self, name: &str) -> bool {
        self.attributes.iter().any(|attribute| attribute.name == name)
    }

    fn is_scale(&self) -> bool {
        let class = self.attributes.iter().find(|attribute| attribute.name == "CLASS");
        class.is_some_and(|class| class.value.data.starts_with(b"DIMENSION_SCALE"))
    }
}

/// A dataset without values that has to be made: path, extent, attributes.
pub type Made = (String, u64, Vec<Attribute>);

/// Completes the attributes of all arrays; gives the scales that are not among them. `taken` says which paths are not free.
pub fn complete(arrays: &mut [Array], taken: &dyn Fn(&str) -> bool) -> Vec<Made> {
    let extents = extents_of_axes(arrays);
    let by_path: HashMap<String, usize> =
        arrays.iter().enumerate().map(|(idx, array)| (array.path.clone(), idx)).collect();
    // Who refers to a scale: (path, axis).
    let mut referring: BTreeMap<String, Vec<(String, u32)>> = BTreeMap::new();
    for array in arrays.iter_mut() {
        let is_own = array.extents.len() == 1 && array.axes.first().is_some_and(|a| a.name == array.path);
        let is_named = array.axes.iter().any(|axis| !axis.name.is_empty());
        if !is_named || is_own || array.has("DIMENSION_LIST") || array.is_scale() {
            continue;
        }
        let usable = |(axis, extent): (&Axis, &u64)| {
            let is_free = |name: &str| by_path.contains_key(name) || !taken(name);
            match extents.get(&axis.name) {
                _ if axis.name.is_empty() => String::new(),
                Some(known) if known == extent && is_free(&axis.name) => axis.name.clone(),
                // Cut otherwise than what has its name: NetCDF wants a name for every axis.
                _ => Some(format!("{}_{extent}", axis.name)).filter(|name| !taken(name)).unwrap_or_default(),
            }
        };
        let mut names: Vec<String> = array.axes.iter().zip(&array.extents).map(usable).collect();
        names.resize(array.extents.len(), String::new());
        for (axis, name) in names.iter().enumerate().filter(|(_, name)| !name.is_empty()) {
            referring.entry(name.clone()).or_default().push((array.path.clone(), axis as u32));
        }
        if names.iter().any(|name| !name.is_empty()) {
            array.attributes.push(dimension_list(&names));
        }
    }
    // Scales that only name their own axis are made too: NetCDF's coordinate variables.
    for array in arrays.iter() {
        if let [axis] = &array.axes[..]
            && axis.name == array.path
            && array.extents.len() == 1
        {
            referring.entry(axis.name.clone()).or_default();
        }
    }
    let mut made = Vec::new();
    for (path, by) in referring {
        let own = || path.rsplit_once('_').and_then(|(_, extent)| extent.parse().ok());
        let extent = extents.get(&path).copied().or_else(own).unwrap_or(0);
        match by_path.get(&path).map(|&idx| &mut arrays[idx]) {
            Some(array) => {
                if !array.is_scale() {
                    let name = path.rsplit('/').next().unwrap_or_default();
                    array.attributes.splice(0..0, scale(name));
                }
                // A list that the source had names only some of them.
                if !by.is_empty() {
                    array.attributes.retain(|attribute| attribute.name != "REFERENCE_LIST");
                    let others = listed(&path, arrays);
                    if let Some(&idx) = by_path.get(&path) {
                        arrays[idx].attributes.push(reference_list(&others));
                    }
                }
            }
            None => {
                let name = format!("This is a netCDF dimension but not a netCDF variable.{extent:10}");
                let attributes = scale(&name).into_iter().chain([reference_list(&by)]).collect();
                made.push((path, extent, attributes));
            }
        }
    }
    made
}

/// The extent of each named axis: that of the array of its name, else of the first array that has it.
fn extents_of_axes(arrays: &[Array]) -> HashMap<String, u64> {
    let mut extents: HashMap<String, u64> = HashMap::new();
    for array in arrays {
        for (axis, &extent) in array.axes.iter().zip(&array.extents) {
            extents.entry(axis.name.clone()).or_insert(extent);
        }
    }
    for array in arrays {
        if let Some(known) = extents.get_mut(&array.path) {
            *known = match array.extents[..] {
                [extent] => extent,
                _ => u64::MAX, // an array of several axes is no scale
            };
        }
    }
    extents
}

/// Every (array, axis) whose list names the scale at `path`.
fn listed(path: &str, arrays: &[Array]) -> Vec<(String, u32)> {
    let mut found = Vec::new();
    for array in arrays {
        let lists = array.attributes.iter().filter(|attribute| attribute.name == "DIMENSION_LIST");
        for names in lists.filter_map(|list| names_in(&list.value)) {
            let axes = names.iter().enumerate().filter(|(_, names)| names.iter().any(|name| name == path));
            found.extend(axes.map(|(axis, _)| (array.path.clone(), axis as u32)));
        }
    }
    found
}

/// The paths that a DIMENSION_LIST names, for each axis.
pub fn names_in(item: &Item) -> Option<Vec<Vec<String>>> {
    let mut r = baler_data::bytes::ByteReader::new(&item.data);
    let mut axes = Vec::new();
    while r.remaining() > 0 {
        let n = r.count_of_items().ok()?;
        let path = |_| Some(String::from_utf8_lossy(r.block().ok()?).into_owned());
        axes.push((0..n).map(path).collect::<Option<_>>()?);
    }
    Some(axes)
}

const REFERENCE: [u8; 8] = [0x17, 0, 0, 0, 8, 0, 0, 0];

/// For each axis the scale of that name, or none.
fn dimension_list(names: &[String]) -> Attribute {
    let mut w = ByteWriter::default();
    for name in names {
        w.count(usize::from(!name.is_empty()));
        if !name.is_empty() {
            w.block(name.as_bytes());
        }
    }
    let type_bytes = [[0x19, 0, 0, 0, 16, 0, 0, 0], REFERENCE].concat();
    let value = Item { type_bytes, extents: Some(vec![names.len() as u64]), data: w.bytes };
    Attribute { name: "DIMENSION_LIST".into(), value }
}

/// Who refers to a scale: records of a reference and the axis.
fn reference_list(by: &[(String, u32)]) -> Attribute {
    let mut w = ByteWriter::default();
    for (path, axis) in by {
        w.raw(&[&[0; 8], axis.to_le_bytes().as_slice(), &[0; 4]].concat());
        w.block(path.as_bytes());
    }
    let int = datatype::write(DType::I32, false);
    let fields = [b"dataset\0\0".as_slice(), &REFERENCE, b"dimension\0\x08", &int].concat();
    let type_bytes = [[0x36, 2, 0, 0, 16, 0, 0, 0].as_slice(), &fields].concat();
    let value = Item { type_bytes, extents: Some(vec![by.len() as u64]), data: w.bytes };
    Attribute { name: "REFERENCE_LIST".into(), value }
}

/// The two attributes that make a dataset a scale.
fn scale(name: &str) -> [Attribute; 2] {
    let ended = |text: &str| {
        let data = [text.as_bytes(), &[0]].concat();
        // Class 3: ended by a zero, ASCII.
        let type_bytes = [&[0x13, 0, 0, 0], (data.len() as u32).to_le_bytes().as_slice()].concat();
        Item { type_bytes, extents: Some(Vec::new()), data }
    };
    [
        Attribute { name: "CLASS".into(), value: ended("DIMENSION_SCALE") },
        Attribute { name: "NAME".into(), value: ended(name) },
    ]
}
