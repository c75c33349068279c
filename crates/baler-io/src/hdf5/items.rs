//! Attributes and datasets that are no arrays of numbers, between HDF5's bytes and ours: values of variable length and
//! references hold addresses, which are replaced by the values and by the path of what they point at, and made anew
//! when a file is written. Refuses items larger than [`MAX_BYTES`].

use super::datatype::{self, Type};
use super::fields::{Sizes, UNDEFINED, damaged, text, unsupported};
use super::header::{File, Message, kind};
use super::heaps::{self, Global};
use super::trees;
use baler_data::bytes::{ByteReader, ByteWriter};
use baler_data::error::{Error, Result};
use std::collections::HashMap;

/// The most bytes of an attribute, or of a dataset that is no array of numbers, that are kept.
pub const MAX_BYTES: usize = 1 << 24;

/// The most bytes of an attribute as a message, with room for its name.
const MAX_MESSAGE: usize = 65_000;

/// Widths of addresses and lengths in files that we write.
pub const OUR_SIZES: Sizes = Sizes { offset: 8, length: 8 };

/// A typed array of anything, as it is kept.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// The datatype message.
    pub type_bytes: Vec<u8>,
    /// Extents; none for a null dataspace, empty for a scalar.
    pub extents: Option<Vec<u64>>,
    /// The values; without addresses as in the file.
    pub data: Vec<u8>,
}

/// A named attribute.
#[derive(Debug, Clone, PartialEq)]
pub struct Attribute {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: Item,
}

/// What packing needs: where values of variable length are, and what stands at an address.
pub struct Packer<'a> {
    /// The file.
    pub file: &'a File,
    /// Its global heap.
    pub heap: Global,
    /// Paths of objects.
    pub paths: HashMap<u64, String>,
}

impl Packer<'_> {
    /// `raw` values of a type, without addresses.
    pub fn pack(&mut self, of_type: &Type, raw: &[u8]) -> Result<Vec<u8>> {
        if !of_type.has_addresses() {
            return Ok(raw.to_vec());
        }
        if self.file.sizes.offset != OUR_SIZES.offset {
            return Err(unsupported("references in a file with short addresses are not kept"));
        }
        let mut w = ByteWriter::default();
        for element in raw.chunks_exact(of_type.n_bytes().max(1)) {
            self.element(of_type, element, &mut w)?;
        }
        Ok(w.bytes)
    }

    fn element(&mut self, of_type: &Type, raw: &[u8], w: &mut ByteWriter) -> Result<()> {
        if w.bytes.len() > MAX_BYTES {
            return Err(Error::limit(format!("more than {MAX_BYTES} bytes are not kept")));
        }
        let mut f = self.file.fields(raw);
        match of_type {
            Type::Reference { .. } => {
                let path = self.paths.get(&f.address()?).map_or("", String::as_str);
                w.block(path.as_bytes());
            }
            Type::Variable { element, .. } => {
                let (n, address, index) = (f.u32()? as usize, f.address()?, f.u32()?);
                let n = if address == 0 || address == UNDEFINED { 0 } else { n };
                w.count(n);
                if n > 0 {
                    let object = self.heap.object(self.file, address, index)?.to_vec();
                    let size = element.n_bytes().max(1);
                    let used = n.checked_mul(size).and_then(|n_bytes| object.get(..n_bytes));
                    let used = used.ok_or_else(|| damaged("a value of variable length is cut off"))?;
                    used.chunks_exact(size).try_for_each(|raw| self.element(element, raw, w))?;
                }
            }
            Type::Array { element, .. } if of_type.has_addresses() => {
                let size = element.n_bytes().max(1);
                raw.chunks_exact(size).try_for_each(|raw| self.element(element, raw, w))?;
            }
            Type::Compound { fields, .. } => {
                w.raw(raw);
                for (_, at, field) in fields.iter().filter(|(_, _, field)| field.has_addresses()) {
                    let part = raw.get(*at..at + field.n_bytes());
                    self.element(field, part.ok_or_else(|| damaged("a compound is cut off"))?, w)?;
                }
            }
            _ => w.raw(raw),
        }
        Ok(())
    }

    /// The attributes of an object, in the order of their making where the file keeps it, else in that of the header, or
    /// of a heap by name; and whether it is kept. What cannot be kept goes to `lost`.
    pub fn attributes(
        &mut self,
        messages: &[Message],
        lost: &mut Vec<String>,
    ) -> Result<(Vec<Attribute>, bool)> {
        let mut found: Vec<(u32, Vec<u8>)> = Vec::new();
        let is_ordered = messages.iter().any(|message| message.order.is_some());
        for message in messages {
            match message.kind {
                kind::ATTRIBUTE => {
                    let order = message.order.map_or(found.len() as u32, u32::from);
                    found.push((order, message.body.clone()));
                }
                kind::ATTRIBUTE_INFO => {
                    let first = found.len();
                    dense(self.file, &message.body, &mut found)?;
                    if !is_ordered {
                        found[first..].iter_mut().for_each(|(order, _)| *order = u32::MAX);
                    }
                }
                _ => {}
            }
        }
        let mut attributes = Vec::new();
        for (order, body) in found {
            let mut name = "?".to_string();
            match self.attribute(&body, &mut name) {
                Ok(value) => attributes.push((order, Attribute { name, value })),
                Err(error) => lost.push(format!("attribute '{name}' ({error})")),
            }
        }
        attributes.sort_by(|(i, a), (j, b)| i.cmp(j).then_with(|| a.name.cmp(&b.name)));
        Ok((attributes.into_iter().map(|(_, attribute)| attribute).collect(), is_ordered))
    }

    fn attribute(&mut self, body: &[u8], name: &mut String) -> Result<Item> {
        let mut f = self.file.fields(body);
        let too_large = body.len() > MAX_MESSAGE;
        let (version, flags) = (f.u8()?, f.u8()?);
        let (n_name, n_type, n_space) = (usize::from(f.u16()?), usize::from(f.u16()?), usize::from(f.u16()?));
        if version >= 3 {
            f.skip(1)?;
        }
        let padded = |n: usize| if version == 1 { n.next_multiple_of(8) } else { n };
        *name = text(f.raw(padded(n_name))?);
        if too_large {
            return Err(Error::limit(format!(
                "more than {MAX_MESSAGE} bytes do not fit into an object header"
            )));
        }
        let (type_bytes, space) = (f.raw(padded(n_type))?, f.raw(padded(n_space))?);
        let shared = |which: u8, kind: u16, body: &[u8]| match version > 1 && flags & which != 0 {
            true => self.file.shared(kind, body),
            false => Ok(body.to_vec()),
        };
        let (type_bytes, space) =
            (shared(1, kind::DATATYPE, type_bytes)?, shared(2, kind::DATASPACE, space)?);
        let (of_type, n_used) = datatype::parse(&type_bytes, self.file.sizes)?;
        let extents = dataspace(self.file, &space)?.map(|(extents, _)| extents);
        let n_bytes = bytes_of(&of_type, extents.as_deref())?;
        let data = self.pack(&of_type, f.raw(n_bytes)?)?;
        Ok(Item { type_bytes: type_bytes[..n_used].to_vec(), extents, data })
    }
}

/// Bytes of all values, at most [`MAX_BYTES`].
pub fn bytes_of(of_type: &Type, extents: Option<&[u64]>) -> Result<usize> {
    let n_values = extents.map_or(Some(0), |extents| extents.iter().try_fold(1u64, |n, &e| n.checked_mul(e)));
    n_values
        .and_then(|n| n.checked_mul(of_type.n_bytes() as u64))
        .filter(|&n| n <= MAX_BYTES as u64)
        .map(|n| n as usize)
        .ok_or_else(|| Error::limit(format!("more than {MAX_BYTES} bytes are not kept")))
}

/// Attributes of an object that has many.
fn dense(file: &File, body: &[u8], found: &mut Vec<(u32, Vec<u8>)>) -> Result<()> {
    let mut f = file.fields(body);
    f.skip(1)?;
    if f.u8()? & 1 != 0 {
        f.skip(2)?;
    }
    let (heap, tree) = (f.address()?, f.address()?);
    if heap == UNDEFINED {
        return Ok(());
    }
    let heap = heaps::Fractal::open(file, heap)?;
    trees::version_2(file, tree, &[8], &mut |_, record| {
        let mut f = file.fields(record);
        let (id, flags, order) = (f.raw(8)?, f.u8()?, f.u32()?);
        if flags & 2 != 0 {
            return Err(unsupported("the file shares attributes in a heap"));
        }
        found.push((order, heap.object(id)?));
        Ok(())
    })
}

/// Extents now and at most; none for a null dataspace.
pub fn dataspace(file: &File, body: &[u8]) -> Result<Option<(Vec<u64>, Vec<u64>)>> {
    let mut f = file.fields(body);
    let (version, rank, flags) = (f.u8()?, usize::from(f.u8()?), f.u8()?);
    match version {
        1 => f.skip(5)?,
        2 if f.u8()? == 2 => return Ok(None),
        2 => {}
        _ => return Err(unsupported(format!("a dataspace of version {version} is not known"))),
    }
    if rank > super::layout::MAX_AXES {
        return Err(damaged(format!("a dataspace has {rank} axes")));
    }
    let extents = (0..rank).map(|_| f.length()).collect::<Result<Vec<u64>>>()?;
    let most = match flags & 1 {
        0 => extents.clone(),
        _ => (0..rank).map(|_| f.length()).collect::<Result<Vec<u64>>>()?,
    };
    Ok(Some((extents, most)))
}

/// What unpacking makes anew: where a value of variable length goes, and where an object stands.
pub trait Places {
    /// Keeps `object` in the heap; its address and index.
    fn keep(&mut self, object: &[u8]) -> (u64, u32);
    /// The address of the object at `path`.
    fn address(&mut self, path: &str) -> u64;
}

/// The bytes of `n_values` values in a file, from their packed form.
pub fn unpack(of_type: &Type, packed: &[u8], n_values: usize, places: &mut dyn Places) -> Result<Vec<u8>> {
    if !of_type.has_addresses() {
        return Ok(packed.to_vec());
    }
    let mut r = ByteReader::new(packed);
    let mut raw = Vec::new();
    for _ in 0..n_values {
        unpack_one(of_type, &mut r, &mut raw, places)?;
    }
    Ok(raw)
}

fn unpack_one(of_type: &Type, r: &mut ByteReader, raw: &mut Vec<u8>, places: &mut dyn Places) -> Result<()> {
    match of_type {
        Type::Reference { n_bytes } => {
            let path = String::from_utf8_lossy(r.block()?).into_owned();
            let address = places.address(&path).to_le_bytes();
            raw.extend(address.into_iter().chain(std::iter::repeat(0)).take(*n_bytes));
        }
        Type::Variable { element, .. } => {
            let n = r.count_of_items()?;
            let mut object = Vec::new();
            for _ in 0..n {
                unpack_one(element, r, &mut object, places)?;
            }
            let (address, index) = if n == 0 { (0, 0) } else { places.keep(&object) };
            raw.extend_from_slice(&(n as u32).to_le_bytes());
            raw.extend_from_slice(&address.to_le_bytes());
            raw.extend_from_slice(&index.to_le_bytes());
        }
        Type::Array { element, .. } if of_type.has_addresses() => {
            for _ in 0..of_type.n_bytes() / element.n_bytes().max(1) {
                unpack_one(element, r, raw, places)?;
            }
        }
        Type::Compound { n_bytes, fields } => {
            let mut record = r.raw(*n_bytes)?.to_vec();
            for (_, at, field) in fields.iter().filter(|(_, _, field)| field.has_addresses()) {
                let mut part = Vec::new();
                unpack_one(field, r, &mut part, places)?;
                let room = record.get_mut(*at..at + part.len());
                room.ok_or_else(|| damaged("a field lies outside its compound"))?.copy_from_slice(&part);
            }
            raw.extend_from_slice(&record);
        }
        _ => raw.extend_from_slice(r.raw(of_type.n_bytes())?),
    }
    Ok(())
}
