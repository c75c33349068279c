//! Objects as ROOT streams them, into a flat list of objects with named fields: only the classes of trees, baskets and
//! streamer infos; everything else is skipped by its byte count. Refuses what cannot be skipped, and nesting without end.

use crate::basket::Basket;
use crate::bytes::{BYTE_COUNT, Bytes};
use crate::error::{Error, Result};
use crate::streamers::{Element, Streamers};
use std::collections::HashMap;
use std::sync::Arc;

/// Objects inside objects.
const MAX_DEPTH: usize = 80;
/// A class that was not named before.
const NEW_CLASS: u32 = 0xffff_ffff;
/// A class that was.
const KNOWN_CLASS: u32 = 0x8000_0000;
/// What ROOT adds to places in its references.
const REFERENCE_OFFSET: usize = 2;

/// A member's value.
#[derive(Debug, Clone)]
pub enum Value {
    /// Any whole number or bool.
    Int(i64),
    /// A number with a point; no one asks for those.
    Real,
    /// A string.
    Text(Arc<str>),
    /// A counted or fixed array of whole numbers.
    Ints(Vec<i64>),
    /// Another object; none for a null pointer.
    Object(Option<usize>),
    /// The items of a collection.
    Objects(Vec<Option<usize>>),
    /// A basket that stands inside the tree.
    Basket(Arc<Basket>),
}

#[derive(Debug)]
struct Object {
    class: Arc<str>,
    fields: Vec<(Arc<str>, Value)>,
}

#[derive(Debug, Clone)]
enum Reference {
    Class(Arc<str>),
    Object(usize),
}

/// The objects of one key.
pub struct Objects<'a> {
    r: Bytes<'a>,
    n_header: usize,
    streamers: &'a Streamers,
    references: HashMap<u32, Reference>,
    objects: Vec<Object>,
    depth: usize,
}

impl<'a> Objects<'a> {
    /// Of the content of a key whose header has `n_header` bytes.
    pub fn new(content: &'a [u8], n_header: usize, streamers: &'a Streamers) -> Objects<'a> {
        let (references, objects) = (HashMap::new(), Vec::new());
        Objects { r: Bytes::new(content), n_header, streamers, references, objects, depth: 0 }
    }

    /// Reads the object that the key holds.
    pub fn read_class(&mut self, class: &str) -> Result<usize> {
        let idx = self.add(class.into());
        self.read_into(idx, class)?;
        Ok(idx)
    }

    /// Name of an object's class.
    pub fn class(&self, idx: usize) -> &str {
        &self.objects[idx].class
    }

    /// A member of an object.
    pub fn field(&self, idx: usize, name: &str) -> Option<&Value> {
        self.objects[idx].fields.iter().find(|(field, _)| &**field == name).map(|(_, value)| value)
    }

    /// A whole number; 0 if the object has no such member.
    pub fn int(&self, idx: usize, name: &str) -> i64 {
        match self.field(idx, name) {
            Some(Value::Int(value)) => *value,
            _ => 0,
        }
    }

    /// A string; empty if the object has no such member.
    pub fn text(&self, idx: usize, name: &str) -> &str {
        match self.field(idx, name) {
            Some(Value::Text(text)) => text,
            _ => "",
        }
    }

    /// An array; empty if the object has no such member.
    pub fn ints(&self, idx: usize, name: &str) -> &[i64] {
        match self.field(idx, name) {
            Some(Value::Ints(values)) => values,
            _ => &[],
        }
    }

    /// The object that a member is or points to.
    pub fn child(&self, idx: usize, name: &str) -> Option<usize> {
        match self.field(idx, name) {
            Some(Value::Object(child)) => *child,
            _ => None,
        }
    }

    /// The objects of a collection.
    pub fn list(&self, idx: usize, name: &str) -> Vec<usize> {
        self.slots(idx, name).iter().copied().flatten().collect()
    }

    /// The objects of a collection, with its gaps.
    pub fn slots(&self, idx: usize, name: &str) -> &[Option<usize>] {
        match self.field(idx, name) {
            Some(Value::Objects(items)) => items,
            _ => &[],
        }
    }

    /// The items of the collection that a member is.
    pub fn items(&self, idx: usize, name: &str) -> &[Option<usize>] {
        self.child(idx, name).map_or(&[], |array| self.slots(array, "items"))
    }

    /// The basket that an object is.
    pub fn basket(&self, idx: usize) -> Option<&Arc<Basket>> {
        match self.field(idx, "basket") {
            Some(Value::Basket(basket)) => Some(basket),
            _ => None,
        }
    }

    fn add(&mut self, class: Arc<str>) -> usize {
        self.objects.push(Object { class, fields: Vec::new() });
        self.objects.len() - 1
    }

    fn set(&mut self, idx: usize, name: &Arc<str>, value: Value) {
        self.objects[idx].fields.push((name.clone(), value));
    }

    /// Reads an object of `class`, or its base of that class, with the header that stands before it.
    fn read_into(&mut self, idx: usize, class: &str) -> Result<()> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(Error::damaged("objects lie in each other too deep"));
        }
        match class {
            "TObject" => self.skip_object()?,
            "TBasket" => {
                let basket = Basket::read_embedded(&mut self.r)?;
                self.set(idx, &"basket".into(), Value::Basket(Arc::new(basket)));
            }
            "TObjArray" | "TList" => self.read_collection(idx, class)?,
            _ => self.read_members(idx, class)?,
        }
        self.depth -= 1;
        Ok(())
    }

    fn skip_object(&mut self) -> Result<()> {
        if self.r.version()?.1.is_some() {
            return Err(Error::damaged("a TObject has a length"));
        }
        let (_id, bits) = (self.r.u32()?, self.r.u32()?);
        if bits & 1 << 4 != 0 {
            self.r.u16()?;
        }
        Ok(())
    }

    fn read_collection(&mut self, idx: usize, class: &str) -> Result<()> {
        let (version, end) = self.r.version()?;
        let is_array = class == "TObjArray";
        if !is_array || version > 2 {
            self.skip_object()?;
        }
        if !is_array || version > 1 {
            self.r.text()?;
        }
        let n_items = self.r.count()?;
        if is_array {
            self.r.i32()?;
        }
        let mut items = Vec::new();
        for _ in 0..n_items {
            items.push(self.read_any()?);
            if !is_array {
                let option = usize::from(self.r.u8()?);
                self.r.take(option)?;
            }
        }
        self.set(idx, &"items".into(), Value::Objects(items));
        end.map_or(Ok(()), |end| self.r.seek(end))
    }

    fn read_members(&mut self, idx: usize, class: &str) -> Result<()> {
        let (version, end) = self.r.version()?;
        let cannot =
            || Error::unsupported(format!("objects of class {class}, version {version}, cannot be read"));
        if !is_wanted(class) {
            return self.r.seek(end.ok_or_else(cannot)?);
        }
        let elements = match version {
            1.. => self.streamers.class(class, version).ok_or_else(cannot)?,
            _ => {
                let checksum = self.r.u32()?;
                self.streamers.class_with_checksum(class, checksum).ok_or_else(cannot)?
            }
        };
        for element in elements.iter() {
            let understood = self.read_member(idx, class, version, element)?;
            // What follows the branches of a tree says nothing of its values.
            let is_done = &*element.name == "fBranches" && class == "TTree";
            if !understood || is_done {
                return self.r.seek(end.ok_or_else(cannot)?);
            }
        }
        end.map_or(Ok(()), |end| self.r.seek(end))
    }

    /// False if the rest of the object cannot be read.
    fn read_member(&mut self, idx: usize, class: &str, version: i16, element: &Element) -> Result<bool> {
        let value = match element.kind {
            0 | 66 | 67 => {
                let base = element.name.clone();
                self.read_into(idx, &base)?;
                return Ok(true);
            }
            kind @ 1..=19 => match self.read_number(kind)? {
                Some(value) => value,
                None => return Ok(false),
            },
            kind @ 21..=39 => {
                // Old streamer infos count their own array.
                let counted = class == "TStreamerElement" && version == 1;
                let n = if counted { self.r.count()? } else { element.array_length };
                Value::Ints(self.read_numbers(kind - 20, n)?)
            }
            kind @ 41..=59 => {
                let is_wide = self.r.u8()? == 2;
                let n = usize::try_from(self.int(idx, &element.counter)).unwrap_or(0);
                let narrow_seek =
                    class == "TBranch" && version < 10 && &*element.name == "fBasketSeek" && !is_wide;
                Value::Ints(self.read_numbers(if narrow_seek { 3 } else { kind - 40 }, n)?)
            }
            61 | 62 => {
                let child = self.add(element.type_name.clone());
                self.read_into(child, &element.type_name)?;
                Value::Object(Some(child))
            }
            63 | 68 => {
                let class: Arc<str> = Arc::from(element.type_name.trim_end_matches('*'));
                let child = self.add(class.clone());
                self.read_into(child, &class)?;
                Value::Object(Some(child))
            }
            64 | 69 => Value::Object(self.read_any()?),
            65 => Value::Text(self.r.text()?.into()),
            _ => return Ok(false),
        };
        self.set(idx, &element.name, value);
        Ok(true)
    }

    fn read_number(&mut self, kind: i32) -> Result<Option<Value>> {
        let r = &mut self.r;
        Ok(Some(match kind {
            5 => r.take(4).map(|_| Value::Real)?,
            8 => r.take(8).map(|_| Value::Real)?,
            9 | 19 | 7 | 10 => return Ok(None),
            _ => Value::Int(read_int(r, kind)?),
        }))
    }

    fn read_numbers(&mut self, kind: i32, n: usize) -> Result<Vec<i64>> {
        let size = match kind {
            1 | 11 | 18 => 1,
            2 | 12 => 2,
            3 | 5 | 6 | 13 | 15 => 4,
            _ => 8,
        };
        if n > self.r.left() / size {
            return Err(Error::damaged(format!(
                "expected an array of {n} numbers, found {} bytes",
                self.r.left()
            )));
        }
        (0..n).map(|_| read_int(&mut self.r, kind)).collect()
    }

    /// An object with its class before it, a null pointer, or a reference to an object that was read before.
    fn read_any(&mut self) -> Result<Option<usize>> {
        let begin = self.r.position();
        let word = self.r.u32()?;
        let has_count = word & BYTE_COUNT != 0 && word != NEW_CLASS;
        let tag_at = self.r.position();
        let tag = if has_count { self.r.u32()? } else { word };
        let end = has_count.then(|| begin + 4 + (word & !BYTE_COUNT) as usize);
        let before = self.n_header + REFERENCE_OFFSET;
        let reference = |at: usize| (at + before) as u32;
        let class: Arc<str> = if tag == NEW_CLASS {
            let name: Arc<str> = self.r.text_to_zero()?.into();
            // Old files count the objects instead of telling places.
            let key = if has_count { reference(tag_at) } else { self.references.len() as u32 + 1 };
            self.references.insert(key, Reference::Class(name.clone()));
            name
        } else if tag & KNOWN_CLASS != 0 {
            match self.references.get(&(tag & !KNOWN_CLASS)) {
                Some(Reference::Class(name)) => name.clone(),
                _ => return Err(Error::damaged("an object is of a class that was not named")),
            }
        } else {
            let found = match self.references.get(&tag) {
                Some(Reference::Object(idx)) => Some(*idx),
                _ => None,
            };
            return Ok(found);
        };
        let idx = self.add(class.clone());
        let key = if has_count { reference(begin) } else { self.references.len() as u32 + 1 };
        self.references.insert(key, Reference::Object(idx));
        self.read_into(idx, &class)?;
        if let Some(end) = end {
            self.r.seek(end)?;
        }
        Ok(Some(idx))
    }
}

/// True for the classes whose members are looked at.
fn is_wanted(class: &str) -> bool {
    let starts = ["TTree", "TNtuple", "TBranch", "TLeaf", "TStreamer", "TNamed"];
    starts.iter().any(|start| class.starts_with(start)) && !matches!(class, "TBranchRef" | "TBranchClones")
}

fn read_int(r: &mut Bytes, kind: i32) -> Result<i64> {
    Ok(match kind {
        1 => i64::from(r.u8()? as i8),
        2 => i64::from(r.i16()?),
        3 | 6 => i64::from(r.i32()?),
        4 | 16 => r.i64()?,
        11 | 18 => i64::from(r.u8()?),
        12 => i64::from(r.u16()?),
        13 | 15 => i64::from(r.u32()?),
        14 | 17 => r.u64()? as i64,
        other => return Err(Error::unsupported(format!("members of type {other} cannot be read"))),
    })
}
