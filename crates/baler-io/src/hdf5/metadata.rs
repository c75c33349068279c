//! What an HDF5 file holds beside its arrays of numbers (groups, attributes, texts, links), in bytes of our own that go
//! into the archive as an attachment, and back. The encoding is not part of the archive's format: readers that do not
//! know it give the attachment back as it is.

use super::items::{Attribute, Item};
use baler_data::bytes::{ByteReader, ByteWriter};
use baler_data::error::{Error, Result};

/// The first byte.
const VERSION: u8 = 2;

/// What an object is.
#[derive(Debug, Clone, PartialEq)]
pub enum Content {
    /// A group.
    Group,
    /// An array of numbers, whose values are a variable of the dataset.
    Array {
        /// Its datatype message.
        type_bytes: Vec<u8>,
        /// How far each axis can grow; empty where none can.
        most: Vec<u64>,
    },
    /// A dataset of anything else.
    Other(Item),
    /// A datatype that stands in the file by itself, with a name: its message.
    Type(Vec<u8>),
    /// A link by name.
    SoftLink(String),
    /// Another name of the object at this path.
    HardLink(String),
}

/// An object of the file.
#[derive(Debug, Clone, PartialEq)]
pub struct Object {
    /// Its path without the first slash; empty for the root group.
    pub path: String,
    /// What it is.
    pub content: Content,
    /// Its attributes, in their order.
    pub attributes: Vec<Attribute>,
    /// True if the file says in which order they were made.
    pub is_ordered: bool,
    /// True if its datatype is one that stands in the file by itself.
    pub has_named_type: bool,
}

/// The bytes of some objects.
pub fn write(objects: &[Object]) -> Vec<u8> {
    let mut w = ByteWriter::default();
    w.u8(VERSION);
    w.count(objects.len());
    for object in objects {
        w.block(object.path.as_bytes());
        match &object.content {
            Content::Group => w.u8(0),
            Content::Array { type_bytes, most } => {
                w.u8(1);
                w.block(type_bytes);
                w.count(most.len());
                most.iter().for_each(|&most| w.varint(most));
            }
            Content::Other(item) => {
                w.u8(2);
                write_item(item, &mut w);
            }
            Content::Type(type_bytes) => {
                w.u8(5);
                w.block(type_bytes);
            }
            Content::SoftLink(path) => {
                w.u8(3);
                w.block(path.as_bytes());
            }
            Content::HardLink(path) => {
                w.u8(4);
                w.block(path.as_bytes());
            }
        }
        w.u8(u8::from(object.is_ordered) | u8::from(object.has_named_type) << 1);
        w.count(object.attributes.len());
        for attribute in &object.attributes {
            w.block(attribute.name.as_bytes());
            write_item(&attribute.value, &mut w);
        }
    }
    w.bytes
}

fn write_item(item: &Item, w: &mut ByteWriter) {
    w.block(&item.type_bytes);
    match &item.extents {
        None => w.u8(0),
        Some(extents) => {
            w.u8(1);
            w.count(extents.len());
            extents.iter().for_each(|&extent| w.varint(extent));
        }
    }
    w.block(&item.data);
}

/// The objects that `bytes` are.
pub fn read(bytes: &[u8]) -> Result<Vec<Object>> {
    let mut r = ByteReader::new(bytes);
    match r.u8()? {
        VERSION => {}
        version => {
            return Err(Error::unsupported(format!("HDF5 metadata of version {version} are not known")));
        }
    }
    let objects = (0..r.count_of_items()?).map(|_| read_object(&mut r)).collect();
    r.finish("HDF5 metadata")?;
    objects
}

fn read_object(r: &mut ByteReader) -> Result<Object> {
    let path = text(r)?;
    let content = match r.u8()? {
        0 => Content::Group,
        1 => Content::Array {
            type_bytes: r.block()?.to_vec(),
            most: (0..r.count_of_items()?).map(|_| r.varint()).collect::<Result<_>>()?,
        },
        2 => Content::Other(read_item(r)?),
        3 => Content::SoftLink(text(r)?),
        4 => Content::HardLink(text(r)?),
        5 => Content::Type(r.block()?.to_vec()),
        kind => return Err(Error::corrupt(format!("an HDF5 object of kind {kind} is not known"))),
    };
    let flags = r.u8()?;
    let (is_ordered, has_named_type) = (flags & 1 != 0, flags & 2 != 0);
    let attributes = (0..r.count_of_items()?).map(|_| Ok(Attribute { name: text(r)?, value: read_item(r)? }));
    let attributes = attributes.collect::<Result<_>>()?;
    Ok(Object { path, content, attributes, is_ordered, has_named_type })
}

fn read_item(r: &mut ByteReader) -> Result<Item> {
    let type_bytes = r.block()?.to_vec();
    let extents = match r.u8()? {
        0 => None,
        _ => Some((0..r.count_of_items()?).map(|_| r.varint()).collect::<Result<_>>()?),
    };
    Ok(Item { type_bytes, extents, data: r.block()?.to_vec() })
}

fn text(r: &mut ByteReader) -> Result<String> {
    String::from_utf8(r.block()?.to_vec()).map_err(|_| Error::corrupt("expected text in HDF5 metadata"))
}
