//! Thrift's compact protocol as a tree of values: what a Parquet footer is written in, also those parts that nobody here
//! knows, and back. Refuses bytes that end early, counts that the bytes left do not bear out, and deep nesting.

use baler_data::error::{Error, Result};

/// Structs and lists in each other; Parquet's own footers have about 8.
const MAX_DEPTH: usize = 32;

/// A value. Fields and items stand in the order of the bytes.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A field that is true or false; in lists these are bytes.
    Bool(bool),
    Byte(u8),
    /// A whole number, with the code of its type: 4, 5 or 6 for 16, 32 or 64 bits.
    Int(u8, i64),
    Double([u8; 8]),
    Binary(Vec<u8>),
    /// The code of the type (9 a list, 10 a set), that of the items, and the items.
    List(u8, u8, Vec<Value>),
    /// The codes of the types of keys and values, and both.
    Map(u8, u8, Vec<(Value, Value)>),
    Struct(Fields),
    Uuid([u8; 16]),
}

/// The fields of a struct by their numbers.
pub type Fields = Vec<(i16, Value)>;

impl Value {
    /// A whole number of 32 bits.
    pub fn i32(value: i64) -> Value {
        Value::Int(5, value)
    }

    /// A list of structs.
    pub fn structs(items: Vec<Fields>) -> Value {
        Value::List(9, 12, items.into_iter().map(Value::Struct).collect())
    }

    /// The fields of a struct; none of what is none.
    pub fn fields(&self) -> &[(i16, Value)] {
        match self {
            Value::Struct(fields) => fields,
            _ => &[],
        }
    }

    /// The items of a list; none of what is none.
    pub fn items(&self) -> &[Value] {
        match self {
            Value::List(_, _, items) => items,
            _ => &[],
        }
    }

    /// A whole number.
    pub fn int(&self) -> Option<i64> {
        match self {
            Value::Int(_, value) => Some(*value),
            Value::Byte(value) => Some(i64::from(*value as i8)),
            _ => None,
        }
    }

    /// The code of the type that a field or an item is announced with.
    fn code(&self) -> u8 {
        match self {
            Value::Bool(true) => 1,
            Value::Bool(false) => 2,
            Value::Byte(_) => 3,
            Value::Int(code, _) | Value::List(code, ..) => *code,
            Value::Double(_) => 7,
            Value::Binary(_) => 8,
            Value::Map(..) => 11,
            Value::Struct(_) => 12,
            Value::Uuid(_) => 13,
        }
    }
}

/// The field of that number.
pub fn field(fields: &[(i16, Value)], number: i16) -> Option<&Value> {
    fields.iter().find(|(found, _)| *found == number).map(|(_, value)| value)
}

/// The struct that `bytes` begin with.
pub fn read(bytes: &[u8]) -> Result<Fields> {
    read_first(bytes).map(|(fields, _)| fields)
}

/// The struct that `bytes` begin with, and how many of them it takes.
pub fn read_first(bytes: &[u8]) -> Result<(Fields, usize)> {
    let mut reader = Reader { bytes, at: 0 };
    let fields = reader.fields(0)?;
    Ok((fields, reader.at))
}

/// The inverse of [`read`].
pub fn write(fields: &[(i16, Value)], out: &mut Vec<u8>) {
    let mut before = 0i16;
    for (number, value) in fields {
        match i32::from(*number) - i32::from(before) {
            step @ 1..=15 => out.push((step as u8) << 4 | value.code()),
            _ => {
                out.push(value.code());
                write_signed(i64::from(*number), out);
            }
        }
        write_value(value, out);
        before = *number;
    }
    out.push(0);
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

fn damaged() -> Error {
    Error::input(
        "expected Thrift's fields in the footer of the Parquet file, found other bytes; it is damaged",
    )
}

impl Reader<'_> {
    fn take(&mut self, n_bytes: usize) -> Result<&[u8]> {
        let end = self.at.checked_add(n_bytes).filter(|&end| end <= self.bytes.len()).ok_or_else(damaged)?;
        let found = &self.bytes[self.at..end];
        self.at = end;
        Ok(found)
    }

    fn byte(&mut self) -> Result<u8> {
        Ok(self.take(1)?[0])
    }

    fn varint(&mut self) -> Result<u64> {
        let mut value = 0u64;
        for shift in (0..70).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f).checked_shl(shift).unwrap_or(0);
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(damaged())
    }

    fn signed(&mut self) -> Result<i64> {
        let value = self.varint()?;
        Ok((value >> 1) as i64 ^ -((value & 1) as i64))
    }

    /// A number of things of at least a byte each.
    fn count(&mut self) -> Result<usize> {
        let count = usize::try_from(self.varint()?).map_err(|_| damaged())?;
        if count > self.bytes.len() - self.at { Err(damaged()) } else { Ok(count) }
    }

    fn fields(&mut self, depth: usize) -> Result<Fields> {
        let mut fields = Fields::new();
        let mut before = 0i16;
        loop {
            let head = self.byte()?;
            if head == 0 {
                return Ok(fields);
            }
            let number = match head >> 4 {
                0 => i16::try_from(self.signed()?).map_err(|_| damaged())?,
                step => before.checked_add(i16::from(step)).ok_or_else(damaged)?,
            };
            let value = match head & 15 {
                1 => Value::Bool(true),
                2 => Value::Bool(false),
                code => self.value(code, depth + 1)?,
            };
            fields.push((number, value));
            before = number;
        }
    }

    /// A value that is no field, or none of a single bit.
    fn value(&mut self, code: u8, depth: usize) -> Result<Value> {
        if depth > MAX_DEPTH {
            return Err(damaged());
        }
        Ok(match code {
            1..=3 => Value::Byte(self.byte()?),
            4..=6 => Value::Int(code, self.signed()?),
            7 => Value::Double(self.take(8)?.try_into().map_err(|_| damaged())?),
            8 => {
                let n_bytes = self.count()?;
                Value::Binary(self.take(n_bytes)?.to_vec())
            }
            9 | 10 => {
                let head = self.byte()?;
                let n_items = if head >> 4 == 15 { self.count()? } else { usize::from(head >> 4) };
                let items = (0..n_items).map(|_| self.value(head & 15, depth + 1)).collect::<Result<_>>()?;
                Value::List(code, head & 15, items)
            }
            11 => {
                let n_items = self.count()?;
                let kinds = if n_items == 0 { 0 } else { self.byte()? };
                let item = |_| Ok((self.value(kinds >> 4, depth + 1)?, self.value(kinds & 15, depth + 1)?));
                Value::Map(kinds >> 4, kinds & 15, (0..n_items).map(item).collect::<Result<_>>()?)
            }
            12 => Value::Struct(self.fields(depth)?),
            13 => Value::Uuid(self.take(16)?.try_into().map_err(|_| damaged())?),
            _ => return Err(damaged()),
        })
    }
}

fn write_varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn write_signed(value: i64, out: &mut Vec<u8>) {
    write_varint((value << 1 ^ value >> 63) as u64, out);
}

fn write_value(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Bool(_) => {}
        Value::Byte(byte) => out.push(*byte),
        Value::Int(_, value) => write_signed(*value, out),
        Value::Double(bytes) => out.extend_from_slice(bytes),
        Value::Binary(bytes) => {
            write_varint(bytes.len() as u64, out);
            out.extend_from_slice(bytes);
        }
        Value::List(_, item, items) => {
            match items.len() {
                n @ 0..15 => out.push((n as u8) << 4 | item),
                n => {
                    out.push(0xf0 | item);
                    write_varint(n as u64, out);
                }
            }
            items.iter().for_each(|item| write_value(item, out));
        }
        Value::Map(key, value, items) => {
            write_varint(items.len() as u64, out);
            if !items.is_empty() {
                out.push(key << 4 | value);
            }
            items.iter().for_each(|(key, value)| {
                write_value(key, out);
                write_value(value, out);
            });
        }
        Value::Struct(fields) => write(fields, out),
        Value::Uuid(bytes) => out.extend_from_slice(bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn everything() -> Fields {
        vec![
            (1, Value::Bool(true)),
            (2, Value::Bool(false)),
            (3, Value::Byte(200)),
            (40, Value::Int(4, -5)),
            (41, Value::Int(6, i64::MIN)),
            (7, Value::Double([1; 8])),
            (8, Value::Binary(b"x".repeat(200))),
            (9, Value::List(9, 5, (0..20).map(Value::i32).collect())),
            (10, Value::List(10, 1, vec![Value::Byte(1), Value::Byte(2)])),
            (11, Value::Map(8, 12, vec![(Value::Binary(vec![0]), Value::Struct(vec![(-3, Value::i32(3))]))])),
            (12, Value::Map(0, 0, Vec::new())),
            (13, Value::Uuid([9; 16])),
        ]
    }

    #[test]
    fn every_kind_of_value_comes_back() {
        let mut bytes = Vec::new();
        write(&everything(), &mut bytes);
        assert_eq!(read(&bytes).unwrap(), everything());
        for end in 0..bytes.len() {
            assert!(read(&bytes[..end]).is_err(), "cut at {end}");
        }
    }

    #[test]
    fn claims_and_depths_without_bytes_are_refused() {
        let claim = [0x19, 0xfc, 0xff, 0xff, 0xff, 0xff, 0x0f, 0];
        let deep = [0x1c; 4000];
        let lists: Vec<u8> = std::iter::once(0x19).chain([0x19; 4000]).collect();
        for bytes in [&claim[..], &deep, &lists, &[0x1e], &[0x11, 0xff]] {
            let told = read(bytes).unwrap_err().to_string();
            assert_eq!(
                told,
                "expected Thrift's fields in the footer of the Parquet file, found other bytes; it is damaged"
            );
        }
    }
}
