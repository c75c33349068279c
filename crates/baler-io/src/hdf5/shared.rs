//! What an HDF5 file tells of its arrays, in what formats have in common, and back: dimension scales are names of axes,
//! attributes of numbers and texts are such, filters are how it was packed. Attributes by which HDF5 and NetCDF-4 say
//! where axes are named are made anew when a file is written, from the names.

use super::datatype::{self, Type};
use super::fields::UNDEFINED;
use super::filters::{self, Filter};
use super::header::{File, kind};
use super::items::{Attribute, Item, OUR_SIZES};
use super::layout::{self, Layout};
use super::metadata::{Content, Object};
use super::rows::StoredRows;
use baler_data::bytes::{ByteReader, ByteWriter};
use baler_data::dataset::{DType, Values};
use baler_data::metadata;
use baler_data::metadata::{About, Axis, Codec, Group, Metadata, Packing, Role, Value};

/// Attributes that say which axes are which, or how the library wrote the file.
const MACHINERY: [&str; 8] = [
    "DIMENSION_LIST",
    "REFERENCE_LIST",
    "DIMENSION_LABELS",
    "_Netcdf4Dimid",
    "_Netcdf4Coordinates",
    "_NCProperties",
    "_nc3_strict",
    "CLASS",
];
/// What the NAME of a scale begins with that is a dimension only.
const ONLY_AXIS: &str = "This is a netCDF dimension but not a netCDF variable";

/// True for an attribute that is no matter of users, but of the library.
pub fn is_machinery(attribute: &str, all: &[Attribute]) -> bool {
    MACHINERY.contains(&attribute) || (attribute == "NAME" && all.iter().any(|a| a.name == "CLASS"))
}

/// All that objects tell; `stored` is how the array at a path is stored.
pub fn of_objects<'a>(
    file: &File,
    objects: &[Object],
    stored: impl Fn(&str) -> Option<&'a StoredRows>,
) -> Metadata {
    let mut shared = Metadata::default();
    for Object { path, content, attributes, .. } in objects {
        match content {
            Content::Group => {
                let attributes = common(attributes);
                shared.groups.push(Group { path: path.clone(), attributes });
            }
            Content::Array { .. } => {
                let mut about = About::new(path);
                about.attributes = common(attributes);
                about.role = role(attributes);
                about.axes = axes(path, about.role, attributes);
                if let Some(stored) = stored(path) {
                    about.packing = packing(file, stored).unwrap_or_default();
                    let grows = stored.most.iter().map(|&most| most == UNDEFINED);
                    for (axis, grows) in grows.enumerate().filter(|(_, grows)| *grows) {
                        about.axes.resize(about.axes.len().max(axis + 1), Axis::default());
                        about.axes[axis].grows = grows;
                    }
                }
                shared.variables.push(about);
            }
            _ => {}
        }
    }
    shared
}

fn common(attributes: &[Attribute]) -> Vec<metadata::Attribute> {
    let of = |attribute: &Attribute| {
        let value = value(&attribute.value)?;
        Some(metadata::Attribute { name: attribute.name.clone(), value })
    };
    attributes.iter().filter(|a| !is_machinery(&a.name, attributes)).filter_map(of).collect()
}

/// Numbers and texts; one alone is no list.
pub fn value(item: &Item) -> Option<Value> {
    let (of_type, _) = datatype::parse(&item.type_bytes, OUR_SIZES).ok()?;
    if let Type::Number { dtype, big_endian } = of_type {
        let extents = item.extents.as_ref()?;
        let shape: Option<Vec<usize>> = extents.iter().map(|&n| usize::try_from(n).ok()).collect();
        let shape = shape.filter(|shape| *shape != [1]).unwrap_or_default();
        let values = Values::from_bytes(dtype, &item.data, big_endian).ok()?;
        return Some(Value::Numbers { shape, values });
    }
    let texts = texts(item, &of_type)?;
    match (&item.extents, &texts[..]) {
        (None, _) => Some(Value::Text(String::new())),
        (Some(_), [text]) => Some(Value::Text(text.clone())),
        (Some(extents), _) if extents.len() == 1 => Some(Value::Texts(texts)),
        _ => None,
    }
}

/// The texts of an item, of fixed or variable width.
fn texts(item: &Item, of_type: &Type) -> Option<Vec<String>> {
    let text = |bytes: &[u8]| {
        let end = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
        String::from_utf8(bytes[..end].to_vec()).ok()
    };
    let (class, flags) = (item.type_bytes.first()? & 15, *item.type_bytes.get(1)?);
    match (class, of_type) {
        (3, Type::Text { n_bytes } | Type::Plain { n_bytes }) => {
            let is_padded = flags & 15 == 2;
            let trimmed = |text: String| if is_padded { text.trim_end().to_string() } else { text };
            item.data.chunks_exact((*n_bytes).max(1)).map(|bytes| text(bytes).map(trimmed)).collect()
        }
        (9, Type::Variable { .. }) if flags & 15 == 1 => {
            let mut r = ByteReader::new(&item.data);
            let mut texts = Vec::new();
            while r.remaining() > 0 {
                let n_bytes = r.count_of_items().ok()?;
                texts.push(text(r.raw(n_bytes).ok()?)?);
            }
            Some(texts)
        }
        _ => None,
    }
}

fn text_of(attributes: &[Attribute], name: &str) -> Option<String> {
    let item = &attributes.iter().find(|attribute| attribute.name == name)?.value;
    value(item)?.text().map(str::to_string)
}

fn role(attributes: &[Attribute]) -> Role {
    let is_scale = text_of(attributes, "CLASS").is_some_and(|class| class == "DIMENSION_SCALE");
    match text_of(attributes, "NAME") {
        _ if !is_scale => Role::Data,
        Some(name) if name.starts_with(ONLY_AXIS) => Role::Axis,
        _ => Role::Coordinate,
    }
}

/// The names of axes: the scales that DIMENSION_LIST refers to, else labels; a scale is its own.
fn axes(path: &str, role: Role, attributes: &[Attribute]) -> Vec<Axis> {
    let find = |name: &str| attributes.iter().find(|attribute| attribute.name == name);
    let named = |name: String| Axis { name, grows: false };
    let listed = find("DIMENSION_LIST").and_then(|attribute| {
        let mut r = ByteReader::new(&attribute.value.data);
        let mut axes = Vec::new();
        while r.remaining() > 0 {
            let n = r.count_of_items().ok()?;
            let scales: Vec<&[u8]> = (0..n).map(|_| r.block()).collect::<Result<_, _>>().ok()?;
            let first = scales.first().map(|path| String::from_utf8_lossy(path).into_owned());
            axes.push(named(first.unwrap_or_default()));
        }
        Some(axes)
    });
    match (listed, role) {
        (Some(axes), _) => axes,
        (None, Role::Coordinate | Role::Axis) => vec![named(path.to_string())],
        (None, Role::Data) => {
            let labels = find("DIMENSION_LABELS").and_then(|attribute| {
                let (of_type, _) = datatype::parse(&attribute.value.type_bytes, OUR_SIZES).ok()?;
                texts(&attribute.value, &of_type)
            });
            labels.unwrap_or_default().into_iter().map(named).collect()
        }
    }
}

/// How an array is stored.
fn packing(file: &File, stored: &StoredRows) -> Option<Packing> {
    let mut packing = Packing { fill: stored.fill(file).ok()?, ..Packing::default() };
    if let Some((dtype, true)) = stored.number() {
        packing.fill.iter_mut().for_each(|fill| {
            fill.chunks_exact_mut(dtype.size_bytes()).for_each(<[u8]>::reverse);
        });
    }
    if let Layout::Chunked { extents, .. } = layout::parse(file, stored.body(kind::LAYOUT)?).ok()? {
        packing.chunk = extents;
    }
    let filters = stored.body(kind::FILTERS).and_then(|body| filters::parse(body, file.sizes).ok());
    for Filter { id, values } in filters.unwrap_or_default() {
        let level = values.first().map(|&level| level as i32);
        match id {
            1 => (packing.codec, packing.level) = (Codec::Deflate, level),
            2 => packing.shuffle = true,
            3 => packing.checksum = true,
            32000 => packing.codec = Codec::Lzf,
            32001 | 32026 => packing.codec = Codec::Blosc,
            32004 => packing.codec = Codec::Lz4,
            32015 => (packing.codec, packing.level) = (Codec::Zstd, level),
            307 => packing.codec = Codec::Bzip2,
            _ => packing.codec = Codec::Other,
        }
    }
    Some(packing)
}

/// An attribute as HDF5 has it.
pub fn attribute(attribute: &metadata::Attribute) -> Attribute {
    let value = match &attribute.value {
        Value::Text(text) | Value::Json(text) => text_item(text),
        Value::Texts(texts) => texts_item(texts),
        Value::Numbers { shape, values } => {
            let mut data = Vec::new();
            values.append_bytes(&mut data, false);
            let extents = shape.iter().map(|&n| n as u64).collect();
            Item { type_bytes: datatype::write(values.dtype(), false), extents: Some(extents), data }
        }
    };
    Attribute { name: attribute.name.clone(), value }
}

/// A text of fixed width, UTF-8, ended by a zero as NetCDF has it.
pub fn text_item(text: &str) -> Item {
    let data = text.as_bytes().to_vec();
    if data.is_empty() {
        return Item { type_bytes: string_type(1), extents: None, data };
    }
    Item { type_bytes: string_type(data.len()), extents: Some(Vec::new()), data }
}

/// Class 3: padded with zeros, UTF-8.
fn string_type(n_bytes: usize) -> Vec<u8> {
    [&[0x13, 0x11, 0, 0], (n_bytes as u32).to_le_bytes().as_slice()].concat()
}

/// Texts of variable width.
fn texts_item(texts: &[String]) -> Item {
    let mut w = ByteWriter::default();
    texts.iter().for_each(|text| w.block(text.as_bytes()));
    // Class 9, a string ended by a zero, UTF-8: a length and the heap's address of a byte each.
    let type_bytes = [&[0x19, 1, 1, 0, 16, 0, 0, 0], datatype::write(DType::U8, false).as_slice()].concat();
    Item { type_bytes, extents: Some(vec![texts.len() as u64]), data: w.bytes }
}
