//! The fields of an RNTuple as branches: numbers, fixed arrays, and one level of lists of them; the parts of a record are
//! branches of their own (`Jet.pt`); texts. Everything else (lists inside lists, views of other fields) is listed with
//! the reason.

use super::envelope::Reader;
use super::pages::{Encoding, Width};
use crate::error::{Error, Result};
use crate::number::{Number, OnDisk};
use crate::tree::{Branch, Lists, Text};
use std::collections::{HashMap, HashSet};

/// Fields inside fields.
const MAX_DEPTH: usize = 32;

/// Which columns hold the values of a branch.
#[derive(Debug, Clone, Copy)]
pub struct Columns {
    /// The ends of its lists.
    pub ends: Option<(usize, Encoding)>,
    /// Its values.
    pub values: (usize, Encoding),
}

#[derive(Debug)]
struct Field {
    parent: usize,
    role: u16,
    is_view: bool,
    /// Extent of a fixed array.
    repetition: Option<usize>,
    name: String,
    type_name: String,
    description: String,
}

#[derive(Debug)]
struct Column {
    field: usize,
    kind: u16,
    n_bits: u16,
    /// Not there from the first entry on, or one of several ways to store a field.
    is_odd: bool,
}

/// Fields and columns, in the order of their numbers.
#[derive(Debug, Default)]
pub struct Schema {
    fields: Vec<Field>,
    columns: Vec<Column>,
}

impl Schema {
    /// Adds a description: that of the header, or what the footer adds to it.
    pub fn add(&mut self, r: &mut Reader) -> Result<()> {
        let (n_fields, mut list) = r.list()?;
        for _ in 0..n_fields {
            let mut r = list.record()?;
            let _versions = r.u64()?;
            let (parent, role, flags) = (r.u32()? as usize, r.u16()?, r.u16()?);
            let (name, type_name) = (r.text()?, r.text()?);
            let (_alias, description) = (r.text()?, r.text()?);
            let repetition = if flags & 1 != 0 { Some(r.u64()?) } else { None };
            let repetition = repetition.map(|n| usize::try_from(n).unwrap_or(usize::MAX));
            let is_view = flags & 2 != 0;
            self.fields.push(Field { parent, role, is_view, repetition, name, type_name, description });
        }
        let (n_columns, mut list) = r.list()?;
        for _ in 0..n_columns {
            let mut r = list.record()?;
            let (kind, n_bits, field) = (r.u16()?, r.u16()?, r.u32()? as usize);
            let (flags, representation) = (r.u16()?, r.u16()?);
            let first = if flags & 1 != 0 { r.i64()? } else { 0 };
            self.columns.push(Column { field, kind, n_bits, is_odd: representation > 0 || first != 0 });
        }
        Ok(())
    }

    /// How many columns there are.
    pub fn n_columns(&self) -> usize {
        self.columns.len()
    }

    /// The branches, and the names of all other fields with the reason.
    pub fn branches(&self, n_entries: u64) -> (Vec<Branch>, Vec<(String, String)>) {
        let mut walk = Walk {
            schema: self,
            n_entries,
            children: HashMap::new(),
            columns: HashMap::new(),
            names: HashSet::new(),
            branches: Vec::new(),
            skipped: Vec::new(),
        };
        let mut top = Vec::new();
        for (idx, field) in self.fields.iter().enumerate() {
            match field.parent == idx {
                true => top.push(idx),
                false => walk.children.entry(field.parent).or_default().push(idx),
            }
        }
        for (idx, column) in self.columns.iter().enumerate() {
            walk.columns.entry(column.field).or_default().push(idx);
        }
        for field in top {
            walk.field(field, &self.fields[field].name, &Above::default());
        }
        (walk.branches, walk.skipped)
    }
}

/// What the fields above one are.
#[derive(Debug, Clone, Default)]
struct Above {
    ends: Option<(usize, Encoding)>,
    extents: Vec<usize>,
    depth: usize,
}

struct Walk<'a> {
    schema: &'a Schema,
    n_entries: u64,
    children: HashMap<usize, Vec<usize>>,
    columns: HashMap<usize, Vec<usize>>,
    names: HashSet<String>,
    branches: Vec<Branch>,
    skipped: Vec<(String, String)>,
}

impl Walk<'_> {
    fn field(&mut self, idx: usize, name: &str, above: &Above) {
        if let Err(why) = self.try_field(idx, name, above) {
            self.skipped.push((name.to_string(), why.to_string()));
        }
    }

    fn try_field(&mut self, idx: usize, name: &str, above: &Above) -> Result<()> {
        let field = &self.schema.fields[idx];
        let columns = self.columns.get(&idx).cloned().unwrap_or_default();
        let children = self.children.get(&idx).cloned().unwrap_or_default();
        let mut below = Above { depth: above.depth + 1, ..above.clone() };
        if field.is_view {
            return Err(Error::unsupported("a view of another field"));
        }
        if below.depth > MAX_DEPTH || columns.iter().any(|&column| self.schema.columns[column].is_odd) {
            return Err(Error::unsupported("stored in several ways"));
        }
        match (field.role, columns.as_slice(), children.as_slice()) {
            (0, &[column], []) => {
                below.extents.extend(field.repetition);
                self.values(idx, name, column, below)
            }
            (0, &[ends, bytes], []) if field.type_name == "std::string" && field.repetition.is_none() => {
                let (index, encoding) = (self.encoding(ends)?, self.encoding(bytes)?);
                if !matches!(index.width, Width::Index32 | Width::Index64) || encoding.width.n_bits() != 8 {
                    return Err(Error::damaged("a text has no index"));
                }
                if above.ends.is_some() || !above.extents.is_empty() {
                    return Err(Error::unsupported("texts inside lists"));
                }
                let columns = Columns { ends: Some((ends, index)), values: (bytes, encoding) };
                self.push(idx, name, Number::U8, Vec::new(), columns)?;
                self.branches.iter_mut().last().expect("just pushed").text = Some(Text::String);
                Ok(())
            }
            (0, [], &[child]) => {
                below.extents.extend(field.repetition);
                self.field(child, name, &below);
                Ok(())
            }
            (1, &[column], &[child]) => {
                let encoding = self.encoding(column)?;
                if !matches!(encoding.width, Width::Index32 | Width::Index64) {
                    return Err(Error::damaged("a collection has no index"));
                }
                if above.ends.is_some() || !above.extents.is_empty() {
                    return Err(Error::unsupported("lists inside lists"));
                }
                below.ends = Some((column, encoding));
                self.field(child, name, &below);
                Ok(())
            }
            (2, [], children) => {
                for &child in children {
                    let part = format!("{name}.{}", self.schema.fields[child].name);
                    self.field(child, &part, &below);
                }
                Ok(())
            }
            _ => Err(Error::unsupported(format!("of type {}", field.type_name))),
        }
    }

    fn encoding(&self, column: usize) -> Result<Encoding> {
        let Column { kind, n_bits, .. } = self.schema.columns[column];
        Encoding::of(kind).filter(|encoding| encoding.width.n_bits() == usize::from(n_bits)).ok_or_else(
            || {
                Error::unsupported(format!(
                    "numbers of {n_bits} bits, stored in a way (0x{kind:x}) that is not read"
                ))
            },
        )
    }

    fn values(&mut self, idx: usize, name: &str, column: usize, above: Above) -> Result<()> {
        let encoding = self.encoding(column)?;
        let type_name = &self.schema.fields[idx].type_name;
        let number = Number::from_cpp(type_name).or_else(|| {
            // A bitset is an array of bits.
            (type_name.starts_with("std::bitset<")).then_some(Number::Bool)
        });
        let number = number.filter(|&number| encoding.width.fits(number));
        let number = number.ok_or_else(|| Error::unsupported(format!("of type {type_name}")))?;
        let n_values = above.extents.iter().try_fold(1usize, |n, &extent| n.checked_mul(extent));
        if n_values.is_none_or(|n| n == 0 || n > 1 << 28) {
            return Err(Error::unsupported("an array without values, or with too many"));
        }
        let columns = Columns { ends: above.ends, values: (column, encoding) };
        self.push(idx, name, number, above.extents, columns)
    }

    fn push(
        &mut self,
        field: usize,
        name: &str,
        number: Number,
        extents: Vec<usize>,
        columns: Columns,
    ) -> Result<()> {
        if !self.names.insert(name.to_string()) {
            return Err(Error::unsupported("another field has its name"));
        }
        self.branches.push(Branch {
            name: name.to_string(),
            number,
            extents,
            lists: if columns.ends.is_some() { Lists::Vector } else { Lists::None },
            n_entries: self.n_entries,
            is_part: false,
            text: None,
            leaf: String::new(),
            title: self.schema.fields[field].description.clone(),
            compression: None,
            stored: OnDisk::Plain,
            header: 0,
            stride: 0,
            offset: 0,
            baskets: Vec::new(),
            columns: Some(columns),
        });
        Ok(())
    }
}
