//! HDF5 (and NetCDF-4, which is HDF5): every dataset of numbers of a file by its path, any rows of it, and a file of
//! such arrays back, with groups, attributes, texts, references, dimension scales and links. Reads all versions of the
//! structures that HDF5 1.0 to 2.0 write; refuses virtual datasets, external files and filters that it does not know.
//!
//! Code of our own: the crates for it either need the C library or lose the order, shape and references of attributes,
//! without which a NetCDF-4 file has no dimensions. [`header`] finds messages, [`links`] children, [`layout`] chunks,
//! [`items`] packs what is no array of numbers, [`metadata`] keeps it, [`write()`] puts everything together again.

mod addresses;
mod arrays;
mod chunks;
mod datatype;
mod fields;
mod filters;
mod header;
mod heaps;
mod items;
mod layout;
mod links;
mod messages;
mod metadata;
mod new_array;
mod rows;
mod scales;
mod shared;
mod trees;
mod write;

#[cfg(feature = "zarr")]
pub use filters::{fletcher32, shuffle, unshuffle};
pub use metadata::Object;
pub use write::write;

use crate::arrays::{ArrayInfo, Arrays};
use crate::store::Region;
use baler_data::dataset::kind as values;
use baler_data::dataset::{Attachment, DType, Values};
use baler_data::error::Result;
use baler_data::metadata::Metadata;
use header::{File, Message, kind};
use items::{Item, Packer};
use links::Target;
use metadata::Content;
use std::collections::HashMap;
use std::ops::Range;

/// The name of the metadata.
pub const NAME: &str = "hdf5";

/// What a file begins with, unless a user block stands before it.
pub const MAGIC: &[u8; 8] = header::SIGNATURE;

/// An opened file.
pub struct Hdf5 {
    file: File,
    arrays: Vec<ArrayInfo>,
    stored: Vec<rows::StoredRows>,
    objects: Vec<Object>,
    warnings: Vec<String>,
}

/// A child that was met on the way through the groups.
struct Found {
    path: String,
    content: Met,
}

enum Met {
    Messages(Vec<Message>),
    Soft(String),
    Again(String),
}

impl Hdf5 {
    /// Reads everything but the values.
    pub fn open(bytes: Region) -> Result<Hdf5> {
        let file = File::open(bytes)?;
        let mut paths = HashMap::new();
        let mut warnings = Vec::new();
        let found = walk(&file, &mut paths, &mut warnings)?;
        let mut packer = Packer { file: &file, heap: heaps::Global::default(), paths };
        let (mut arrays, mut stored, mut objects) = (Vec::new(), Vec::new(), Vec::new());
        for Found { path, content } in found {
            let mut lost = Vec::new();
            let (mut attributes, mut is_ordered, mut has_named_type) = (Vec::new(), true, false);
            let content = match content {
                Met::Soft(target) => Content::SoftLink(target),
                Met::Again(target) => Content::HardLink(target),
                Met::Messages(messages) => {
                    (attributes, is_ordered) = packer.attributes(&messages, &mut lost)?;
                    has_named_type = messages.iter().any(|m| m.kind == kind::DATATYPE && m.is_shared);
                    match body(&messages, kind::DATATYPE) {
                        None => Content::Group,
                        Some(_) if links::is_group(&messages) => Content::Group,
                        Some(bytes) if body(&messages, kind::DATASPACE).is_none() => {
                            match datatype::parse(bytes, file.sizes) {
                                Ok((_, n_used)) => Content::Type(bytes[..n_used].to_vec()),
                                Err(error) => {
                                    warnings.push(format!("'{path}' is left out: {error}"));
                                    continue;
                                }
                            }
                        }
                        Some(_) => match dataset(&mut packer, &path, messages) {
                            Ok(Kind::Array(info, of_array)) => {
                                let type_bytes = of_array.type_bytes.clone();
                                let grows = of_array.most != of_array.extents;
                                let most = if grows { of_array.most.clone() } else { Vec::new() };
                                arrays.push(info);
                                stored.push(*of_array);
                                Content::Array { type_bytes, most }
                            }
                            Ok(Kind::Other(item)) => Content::Other(item),
                            Err(error) => {
                                warnings.push(format!("'{path}' is left out: {error}"));
                                continue;
                            }
                        },
                    }
                }
            };
            warnings.extend(lost.iter().map(|lost| format!("'{path}': {lost} is not kept")));
            objects.push(Object { path, content, attributes, is_ordered, has_named_type });
        }
        Ok(Hdf5 { file, arrays, stored, objects, warnings })
    }
}

/// Every object of the file, groups before their children.
fn walk(file: &File, paths: &mut HashMap<u64, String>, warnings: &mut Vec<String>) -> Result<Vec<Found>> {
    let mut found = Vec::new();
    let mut open = vec![(String::new(), Target::Object(file.root))];
    while let Some((path, target)) = open.pop() {
        let address = match target {
            Target::Object(address) => address,
            Target::Soft(target) => {
                found.push(Found { path, content: Met::Soft(target) });
                continue;
            }
            Target::Elsewhere => {
                warnings.push(format!("'{path}' is left out: it is a link into another file"));
                continue;
            }
        };
        if let Some(first) = paths.get(&address) {
            found.push(Found { path, content: Met::Again(first.clone()) });
            continue;
        }
        paths.insert(address, path.clone());
        let messages = file.messages(address)?;
        if links::is_group(&messages) {
            let children = links::links(file, &messages)?;
            let separator = if path.is_empty() { "" } else { "/" };
            let children = children.into_iter().rev();
            open.extend(children.map(|link| (format!("{path}{separator}{}", link.name), link.target)));
        }
        found.push(Found { path, content: Met::Messages(messages) });
    }
    Ok(found)
}

fn body(messages: &[Message], kind: u16) -> Option<&[u8]> {
    messages.iter().find(|message| message.kind == kind).map(|message| message.body.as_slice())
}

/// What a dataset is.
enum Kind {
    Array(ArrayInfo, Box<rows::StoredRows>),
    Other(Item),
}

/// The dataset whose messages these are.
fn dataset(packer: &mut Packer, path: &str, messages: Vec<Message>) -> Result<Kind> {
    let file = packer.file;
    let missing = |what: &str| fields::damaged(format!("a dataset has no {what}"));
    let type_bytes = body(&messages, kind::DATATYPE).ok_or_else(|| missing("datatype"))?;
    let (of_type, n_used) = datatype::parse(type_bytes, file.sizes)?;
    let type_bytes = type_bytes[..n_used].to_vec();
    let space = body(&messages, kind::DATASPACE).ok_or_else(|| missing("dataspace"))?;
    let space = items::dataspace(file, space)?;
    let numbers = of_type.numbers();
    let (Some((extents, most)), numbers) = (space, numbers) else {
        return Ok(Kind::Other(Item { type_bytes, extents: None, data: Vec::new() }));
    };
    let element_bytes = of_type.n_bytes();
    let stored = rows::StoredRows { type_bytes, element_bytes, extents, most, messages };
    match numbers {
        Some((dtype, big_endian, inner)) => {
            let shape = stored.extents.iter().map(|&n| usize::try_from(n).unwrap_or(usize::MAX));
            let mut info = ArrayInfo::new(path, dtype, shape.chain(inner).collect(), big_endian)?;
            info.storage.kind = kind_of(&of_type, &stored.type_bytes, &info);
            Ok(Kind::Array(info, Box::new(stored)))
        }
        None => {
            items::bytes_of(&of_type, Some(&stored.extents))?;
            let n_rows = stored.extents.first().copied().unwrap_or(1);
            let raw = stored.read(file, 0..n_rows)?;
            let data = packer.pack(&of_type, &raw)?;
            Ok(Kind::Other(Item { type_bytes: stored.type_bytes, extents: Some(stored.extents), data }))
        }
    }
}

/// What the numbers of a type stand for.
fn kind_of(of_type: &datatype::Type, type_bytes: &[u8], info: &ArrayInfo) -> values::Kind {
    let is_enumeration = type_bytes.first().is_some_and(|first| first & 15 == 8);
    match of_type {
        datatype::Type::Complex { .. } => values::Kind::Complex,
        datatype::Type::Text { .. } if info.shape.is_empty() => values::Kind::Exact,
        datatype::Type::Text { .. } => values::Kind::Text,
        datatype::Type::Array { element, .. } => kind_of(element, &[], info),
        _ if is_enumeration && info.dtype != DType::Bool => values::Kind::Exact,
        _ => values::Kind::Number,
    }
}

impl Arrays for Hdf5 {
    fn arrays(&self) -> &[ArrayInfo] {
        &self.arrays
    }

    fn rows(&self, idx: usize, rows: Range<usize>) -> Result<Values> {
        let info = &self.arrays[idx];
        let (stored, rows) = (&self.stored[idx], rows.start as u64..rows.end as u64);
        // Rows of a scalar with an inner shape are those of its one element.
        let raw = match stored.extents.is_empty() {
            true => {
                let raw = stored.read(&self.file, 0..1)?;
                let row = info.row_bytes();
                raw.get(rows.start as usize * row..rows.end as usize * row).unwrap_or_default().to_vec()
            }
            false => stored.read(&self.file, rows)?,
        };
        Values::from_bytes(info.dtype, &raw, info.storage.big_endian)
    }

    fn metadata(&self, wanted: &dyn Fn(&str) -> bool) -> Option<Attachment> {
        let keep = |object: &&Object| match object.content {
            Content::Group => {
                let inside = |other: &Object| {
                    object.path.is_empty()
                        || other.path == object.path
                        || other.path.strip_prefix(&object.path).is_some_and(|rest| rest.starts_with('/'))
                };
                object.path.is_empty() || self.objects.iter().any(|o| inside(o) && wanted(&o.path))
            }
            // Types are small, and what is wanted may be of one.
            Content::Type(_) => true,
            _ => wanted(&object.path),
        };
        let kept: Vec<Object> = self.objects.iter().filter(keep).cloned().collect();
        let plain = |object: &Object| {
            let like_ours = match &object.content {
                Content::Group => {
                    kept.iter().any(|o| o.path.len() > object.path.len() && o.path.starts_with(&object.path))
                }
                Content::Array { type_bytes, most } => {
                    let info = self.arrays.iter().find(|array| array.name == object.path);
                    let stored = self.arrays.iter().position(|array| array.name == object.path);
                    let is_packed = stored.is_some_and(|idx| self.stored[idx].body(kind::FILTERS).is_some());
                    !is_packed
                        && most.is_empty()
                        && info.is_some_and(|i| *type_bytes == datatype::write(i.dtype, i.storage.big_endian))
                }
                _ => false,
            };
            like_ours && object.attributes.is_empty() && object.is_ordered
        };
        match kept.iter().all(plain) {
            true => None,
            false => Some(Attachment::metadata(NAME, self.arrays.len(), metadata::write(&kept))),
        }
    }

    fn shared(&self) -> Metadata {
        let places: HashMap<&str, &rows::StoredRows> =
            self.arrays.iter().map(|array| array.name.as_str()).zip(&self.stored).collect();
        shared::of_objects(&self.file, &self.objects, |path| places.get(path).copied())
    }

    fn warnings(&self) -> &[String] {
        &self.warnings
    }
}

/// The names of what the metadata hold: attributes, texts and links; not what only tells the names of axes.
pub fn names(metadata: &[u8]) -> Vec<String> {
    let objects = metadata::read(metadata).unwrap_or_default();
    let of_object = |object: &Object| {
        let own = match &object.content {
            Content::Other(_) | Content::Type(_) | Content::SoftLink(_) | Content::HardLink(_) => {
                Some(object.path.clone())
            }
            Content::Group | Content::Array { .. } => None,
        };
        let of = if object.path.is_empty() { "the file" } else { &object.path };
        let all = &object.attributes;
        let attributes = all.iter().filter(|a| !shared::is_machinery(&a.name, all));
        let attributes = attributes.map(|a| format!("{} of {of}", a.name));
        own.into_iter().chain(attributes).collect::<Vec<_>>()
    };
    objects.iter().flat_map(of_object).collect()
}
