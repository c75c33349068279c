//! The footer of a Parquet file: read without the crate, so that what the crate does not know, or refuses though files
//! have it, is kept in Parquet's own bytes; and written into a file of the crate in place of its own. Refuses encrypted
//! footers, and such as claim more than is there.

use super::thrift::{self, Fields, Value, field};
use crate::store::Region;
use baler_data::error::{Error, Result};

/// What a file begins and ends with.
pub const MAGIC: &[u8; 4] = b"PAR1";
/// The length of the footer and the magic at a file's end.
const TAIL: u64 = 8;

/// Numbers of the fields of a footer.
mod number {
    pub const SCHEMA: i16 = 2;
    pub const ROW_GROUPS: i16 = 4;
    pub const NOTES: i16 = 5;
    pub const COLUMNS: i16 = 1;
    pub const METADATA: i16 = 3;
    pub const DICTIONARY: i16 = 11;
}

/// An element of the schema: a group or a leaf.
#[derive(Debug, Clone, PartialEq)]
pub struct Element(pub Fields);

/// The fields of a footer.
#[derive(Debug, Clone, PartialEq)]
pub struct Footer(Fields);

impl Footer {
    /// Of a file; also where it begins.
    pub fn of_file(bytes: &Region) -> Result<(Footer, u64)> {
        let tail = bytes.read_at(bytes.len().saturating_sub(TAIL), TAIL)?;
        match tail[..] {
            [a, b, c, d, b'P', b'A', b'R', b'1'] => {
                let n_bytes = u64::from(u32::from_le_bytes([a, b, c, d]));
                let start = bytes.len() - TAIL;
                let start = start.checked_sub(n_bytes).filter(|&start| start >= 4).ok_or_else(|| {
                    Error::input(format!(
                        "expected a footer of {n_bytes} bytes in the Parquet file, found {start} in all; it is damaged"
                    ))
                })?;
                Ok((Footer(thrift::read(&bytes.read(start, n_bytes)?)?), start))
            }
            [.., b'P', b'A', b'R', b'E'] => Err(Error::unsupported(
                "expected a Parquet file that is not encrypted, found an encrypted footer; write it without encryption",
            )),
            _ => Err(Error::input(
                "expected PAR1 at the end of a Parquet file, found other bytes; it is cut off",
            )),
        }
    }

    /// Of bytes made by [`Footer::kept`].
    pub fn of_bytes(bytes: &[u8]) -> Result<Footer> {
        Ok(Footer(thrift::read(bytes)?))
    }

    /// The elements of the schema, depth first, the root before all.
    pub fn elements(&self) -> Vec<Element> {
        let elements = field(&self.0, number::SCHEMA).map(Value::items).unwrap_or_default();
        elements.iter().map(|element| Element(element.fields().to_vec())).collect()
    }

    /// The version of the format.
    fn version(&self) -> Value {
        field(&self.0, 1).cloned().unwrap_or(Value::i32(2))
    }

    /// The keys and values of the file's own notes, as structs.
    pub fn notes(&self) -> &[Value] {
        field(&self.0, number::NOTES).map(Value::items).unwrap_or_default()
    }

    /// What is kept beside the values: the schema and the notes.
    pub fn kept(&self) -> Vec<u8> {
        let kept = self.0.iter().filter(|(number, _)| [1, number::SCHEMA, number::NOTES].contains(number));
        let mut out = Vec::new();
        thrift::write(&kept.cloned().collect::<Fields>(), &mut out);
        out
    }

    /// The footer as the crate understands it, with length and magic: `elements` as the schema, no notes, and no
    /// dictionaries at byte 0, which some writers say where there is none.
    pub fn for_crate(&self, elements: &[Element]) -> Vec<u8> {
        let mut fields = self.0.clone();
        fields.retain(|(number, _)| *number <= 6 && *number != number::NOTES);
        set(&mut fields, number::SCHEMA, schema(elements));
        let groups = fields.iter_mut().find(|(number, _)| *number == number::ROW_GROUPS);
        if let Some((_, Value::List(_, _, groups))) = groups {
            groups.iter_mut().for_each(without_dictionaries_at_zero);
        }
        with_tail(&fields)
    }

    /// A footer of a schema alone, with length and magic.
    pub fn of_schema(elements: &[Element]) -> Vec<u8> {
        let rows = Value::Int(6, 0);
        let groups = Value::structs(Vec::new());
        with_tail(&[
            (1, Value::i32(2)),
            (number::SCHEMA, schema(elements)),
            (3, rows),
            (number::ROW_GROUPS, groups),
        ])
    }

    /// A file of the crate with `elements` as its schema, and these notes beside its own.
    pub fn splice(
        file: Vec<u8>,
        elements: &[Element],
        notes: &[Value],
        like: Option<&Footer>,
    ) -> Result<Vec<u8>> {
        let region = Region::of_bytes(file);
        let (Footer(mut fields), start) = Footer::of_file(&region)?;
        let mut out = region.all()?;
        out.truncate(start as usize);
        set(&mut fields, number::SCHEMA, schema(elements));
        if let Some(like) = like {
            set(&mut fields, 1, like.version());
        }
        fields.retain(|(number, _)| *number != number::NOTES);
        if !notes.is_empty() {
            set(&mut fields, number::NOTES, Value::List(9, 12, notes.to_vec()));
        }
        out.extend_from_slice(&with_tail(&fields));
        Ok(out)
    }
}

fn schema(elements: &[Element]) -> Value {
    Value::structs(elements.iter().map(|element| element.0.clone()).collect())
}

/// Sets a field, in the order of the numbers.
pub fn set(fields: &mut Fields, number: i16, value: Value) {
    fields.retain(|(found, _)| *found != number);
    let at = fields.iter().position(|(found, _)| *found > number).unwrap_or(fields.len());
    fields.insert(at, (number, value));
}

fn with_tail(fields: &[(i16, Value)]) -> Vec<u8> {
    let mut out = Vec::new();
    thrift::write(fields, &mut out);
    let n_bytes = out.len() as u32;
    out.extend_from_slice(&n_bytes.to_le_bytes());
    out.extend_from_slice(MAGIC);
    out
}

/// Every column of a row group without a dictionary at byte 0.
fn without_dictionaries_at_zero(group: &mut Value) {
    let Value::Struct(fields) = group else { return };
    let columns = fields.iter_mut().find(|(number, _)| *number == number::COLUMNS);
    let Some((_, Value::List(_, _, columns))) = columns else { return };
    for column in columns {
        let Value::Struct(fields) = column else { continue };
        let metadata = fields.iter_mut().find(|(number, _)| *number == number::METADATA);
        if let Some((_, Value::Struct(metadata))) = metadata {
            metadata.retain(|(number, value)| *number != number::DICTIONARY || value.int() != Some(0));
        }
    }
}
