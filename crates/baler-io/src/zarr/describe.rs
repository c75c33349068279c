//! The description of a Zarr array, version 2 or 3: parsed from JSON, and what of it is packing in general terms.

use super::codecs::{self, Codec};
use super::packers::Packer;
use super::{extents, texts, wrong};
use baler_data::dataset::DType;
use baler_data::dataset::kind::{Kind, TimeUnit};
use baler_data::error::{Error, Result};
use baler_data::metadata;
use baler_data::metadata::Packing;
use serde_json::Value;

/// A parsed description.
pub struct Description {
    /// Extents of the array.
    pub shape: Vec<u64>,
    /// Extents of what stands in one file: a chunk, or a shard.
    pub chunk: Vec<u64>,
    /// Type of its numbers.
    pub dtype: DType,
    /// Numbers of an element, where it has an axis of its own: a text's characters, a complex number's two.
    pub inner: Option<usize>,
    /// What the numbers stand for.
    pub kind: Kind,
    /// Bytes of an element.
    pub element: Element,
    /// What is done to a chunk; the error that names one that is not known.
    pub codecs: Result<Vec<Codec>>,
    /// The bytes of the fill value, little-endian; zeros where none is told.
    pub fill: Vec<u8>,
    /// What a chunk's name begins with, and what stands between its numbers.
    pub key: (&'static str, char),
}

/// Bytes of an element, and of the numbers that it is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Element {
    /// Whose bytes have an order.
    pub number_bytes: usize,
    /// Of all of it.
    pub n_bytes: usize,
}

impl Element {
    /// Of a number of so many bytes.
    pub const fn of(n_bytes: usize) -> Element {
        Element { number_bytes: n_bytes, n_bytes }
    }
}

/// A data type: dtype, numbers of an element with an axis of its own, kind, and true for big-endian.
struct DataType(DType, Option<usize>, Kind, bool);

impl DataType {
    /// Of a version 2 description: NumPy's words.
    fn old(told: &Value) -> Option<DataType> {
        if told.is_array() {
            return None;
        }
        let (order, code) = told.as_str()?.split_at_checked(1)?;
        let is_big = order == ">";
        if let Some(dtype) = DType::from_name(code).filter(|_| code.len() == 2) {
            return Some(DataType(dtype, None, Kind::Number, is_big));
        }
        let (letter, rest) = code.split_at_checked(1)?;
        let width = || rest.parse().ok().filter(|&n: &usize| (1..=MOST_INNER).contains(&n));
        Some(match (letter, rest) {
            ("c", "8") => DataType(DType::F32, Some(2), Kind::Complex, is_big),
            ("c", "16") => DataType(DType::F64, Some(2), Kind::Complex, is_big),
            ("S", _) => DataType(DType::U8, Some(width()?), Kind::Text, false),
            ("U", _) => DataType(DType::U32, Some(width()?), Kind::Text, is_big),
            ("V", _) => DataType(DType::U8, Some(width()?), Kind::Bytes, false),
            ("M" | "m", _) => {
                let unit = rest.strip_prefix("8[")?.strip_suffix(']')?;
                let unit = TimeUnit::from_symbol(unit)?;
                let kind = if letter == "M" { Kind::Time(unit) } else { Kind::Duration(unit) };
                DataType(DType::I64, None, kind, is_big)
            }
            _ => return None,
        })
    }

    /// Of a version 3 description.
    fn new(told: &Value) -> Option<DataType> {
        let name = told.as_str().or(told["name"].as_str())?;
        if let Some(dtype) = DType::from_name(name).filter(|_| name.len() > 2) {
            return Some(DataType(dtype, None, Kind::Number, false));
        }
        let told = &told["configuration"];
        let width = |of: u64| {
            let n = usize::try_from(told["length_bytes"].as_u64()? / of).ok()?;
            Some(n).filter(|n| (1..=MOST_INNER).contains(n))
        };
        Some(match name {
            "complex64" => DataType(DType::F32, Some(2), Kind::Complex, false),
            "complex128" => DataType(DType::F64, Some(2), Kind::Complex, false),
            "null_terminated_bytes" => DataType(DType::U8, Some(width(1)?), Kind::Text, false),
            "raw_bytes" => DataType(DType::U8, Some(width(1)?), Kind::Bytes, false),
            "fixed_length_utf32" => DataType(DType::U32, Some(width(4)?), Kind::Text, false),
            "numpy.datetime64" | "numpy.timedelta64" if told["scale_factor"] == 1 => {
                let unit = TimeUnit::from_symbol(told["unit"].as_str()?)?;
                let kind = if name == "numpy.datetime64" { Kind::Time(unit) } else { Kind::Duration(unit) };
                DataType(DType::I64, None, kind, false)
            }
            _ => return None,
        })
    }
}

/// Characters of a text, at most.
pub const MOST_INNER: usize = 1 << 20;

impl Description {
    /// Of `.zarray`, or of `zarr.json` where `is_new`.
    pub fn parse(array: &Value, is_new: bool) -> Result<Description> {
        let shape = extents(&array["shape"])?;
        let found = if is_new { &array["data_type"] } else { &array["dtype"] };
        let unknown = || Error::unsupported(format!("expected an array of numbers, found the type {found}"));
        let width = array[texts::WIDTH].as_u64().and_then(|n| usize::try_from(n).ok());
        let of_texts = width
            .filter(|n| texts::are_in(array, is_new) && (1..=MOST_INNER).contains(n))
            .map(|width| DataType(DType::U8, Some(width), Kind::Text, false));
        let (chunk, DataType(dtype, inner, kind, big_endian)) = if is_new {
            let grid = &array["chunk_grid"];
            if grid["name"] != "regular" {
                return Err(Error::unsupported(format!("chunks of the kind {} are not read", grid["name"])));
            }
            (
                extents(&grid["configuration"]["chunk_shape"])?,
                of_texts.or_else(|| DataType::new(found)).ok_or_else(unknown)?,
            )
        } else {
            (extents(&array["chunks"])?, of_texts.or_else(|| DataType::old(found)).ok_or_else(unknown)?)
        };
        if chunk.len() != shape.len() || chunk.contains(&0) {
            return Err(wrong(format!("chunks {chunk:?} do not fit the shape {shape:?}")));
        }
        let number_bytes = dtype.size_bytes();
        let element = Element { number_bytes, n_bytes: number_bytes * inner.unwrap_or(1) };
        let codecs = match is_new {
            true => codecs::parse(&array["codecs"], element),
            false => codecs::parse_old(array, big_endian, shape.len(), element),
        };
        let fill = match inner {
            None => fill_bytes(&array["fill_value"], dtype),
            Some(_) if texts::are_in(array, is_new) => fill_of_texts(&array["fill_value"], element),
            Some(_) => fill_of_many(&array["fill_value"], dtype, element, kind),
        };
        let (fill, key) = (fill?, key(array, is_new)?);
        Ok(Description { shape, chunk, dtype, inner, kind, element, codecs, fill, key })
    }

    /// The name of the file of the chunk at these numbers.
    pub fn key(&self, at: &[u64]) -> String {
        let (start, separator) = self.key;
        let numbers = at.iter().map(u64::to_string);
        let start = Some(start.to_string()).filter(|start| !start.is_empty());
        let parts: Vec<String> = start.into_iter().chain(numbers).collect();
        if parts.is_empty() { "0".to_string() } else { parts.join(&separator.to_string()) }
    }

    /// True if chunks can be written as described.
    pub fn is_written(&self) -> bool {
        let writes = |codec: &Codec| match codec {
            Codec::Shards(shards) => shards.is_plain(),
            _ => true,
        };
        let fits = codecs::chunk_bytes(&self.chunk, self.element).is_ok_and(|n| n <= 1 << 30);
        fits && self.codecs.as_ref().is_ok_and(|codecs| codecs.iter().all(writes))
    }

    /// In the terms that formats have in common.
    pub fn packing(&self, fill: &Value) -> Packing {
        let mut packing = Packing { chunk: self.chunk.clone(), ..Packing::default() };
        if !fill.is_null() {
            packing.fill = Some(self.fill.clone());
        }
        let mut open: Vec<&Codec> = self.codecs.iter().flatten().collect();
        while !open.is_empty() {
            let codec = open.remove(0);
            match codec {
                Codec::Shards(shards) => {
                    packing.shard = std::mem::replace(&mut packing.chunk, shards.chunk.clone());
                    open.extend(&shards.codecs);
                }
                Codec::Packer(packer) => told(packer, &mut packing),
                Codec::Transpose(_) | Codec::Bytes { .. } | Codec::Texts(_) => {}
            }
        }
        packing
    }
}

/// What stands before the numbers of a chunk's name, and between them.
fn key(array: &Value, is_new: bool) -> Result<(&'static str, char)> {
    let key = &array["chunk_key_encoding"];
    let separator = key["configuration"]["separator"].as_str();
    let (start, separator) = match (is_new, key["name"].as_str()) {
        (true, Some("v2")) => ("", separator.unwrap_or(".")),
        (true, _) => ("c", separator.unwrap_or("/")),
        (false, _) => ("", array["dimension_separator"].as_str().unwrap_or(".")),
    };
    match separator {
        "." => Ok((start, '.')),
        "/" => Ok((start, '/')),
        _ => Err(wrong("expected . or / between the numbers of a chunk")),
    }
}

fn told(packer: &Packer, packing: &mut Packing) {
    use metadata::Codec;
    match packer {
        Packer::Gzip(level) | Packer::Zlib(level) => {
            (packing.codec, packing.level) = (Codec::Deflate, Some(*level as i32));
        }
        Packer::Zstd { level, .. } => (packing.codec, packing.level) = (Codec::Zstd, Some(*level)),
        Packer::Bz2(level) => (packing.codec, packing.level) = (Codec::Bzip2, Some(*level as i32)),
        Packer::Lz4 => packing.codec = Codec::Lz4,
        Packer::Blosc(blosc) => {
            (packing.codec, packing.level) = (Codec::Blosc, Some(blosc.level));
            packing.shuffle |= blosc.shuffle;
        }
        Packer::Shuffle(_) => packing.shuffle = true,
        Packer::Sum { .. } => packing.checksum = true,
    }
}

/// The little-endian bytes of a fill value: a number, a word for one that JSON has not, or its bits.
pub fn fill_bytes(value: &Value, dtype: DType) -> Result<Vec<u8>> {
    let n = dtype.size_bytes();
    let of_float = |x: f64| match dtype {
        DType::F16 => half::f16::from_f64(x).to_le_bytes().to_vec(),
        DType::F32 => (x as f32).to_le_bytes().to_vec(),
        _ => x.to_le_bytes().to_vec(),
    };
    let unknown = || wrong(format!("expected a fill value of {}, found {value}", dtype.name()));
    Ok(match value {
        Value::Null => vec![0; n],
        Value::Bool(truth) if n == 1 => vec![u8::from(*truth)],
        Value::String(word) if word == "NaT" && dtype == DType::I64 => i64::MIN.to_le_bytes().to_vec(),
        Value::String(bits) if bits.starts_with("0x") => {
            let bits = u64::from_str_radix(&bits[2..], 16).map_err(|_| unknown())?;
            bits.to_le_bytes()[..n].to_vec()
        }
        Value::String(word) if dtype.is_float() => match word.trim_start_matches('\0') {
            "NaN" => of_float(f64::NAN),
            "Infinity" => of_float(f64::INFINITY),
            "-Infinity" => of_float(f64::NEG_INFINITY),
            number => of_float(number.parse().map_err(|_| unknown())?),
        },
        number if dtype.is_float() => of_float(number.as_f64().ok_or_else(unknown)?),
        number => match (number.as_u64(), number.as_i64(), number.as_f64()) {
            (Some(x), _, _) => x.to_le_bytes()[..n].to_vec(),
            (_, Some(x), _) => x.to_le_bytes()[..n].to_vec(),
            (_, _, Some(x)) => (x as i64).to_le_bytes()[..n].to_vec(),
            _ => return Err(unknown()),
        },
    })
}

/// The fill value of elements of several numbers: two for a complex one, a text, base64 of bytes.
fn fill_of_many(value: &Value, dtype: DType, element: Element, kind: Kind) -> Result<Vec<u8>> {
    let unknown = || Error::unsupported(format!("the fill value {value} is not known for this type"));
    let mut bytes = match (value, kind) {
        (Value::Null, _) => Vec::new(),
        (Value::Array(parts), Kind::Complex) if parts.len() == 2 => {
            let parts = parts.iter().map(|part| fill_bytes(part, dtype));
            parts.collect::<Result<Vec<_>>>()?.concat()
        }
        (Value::Number(_), _) => fill_bytes(value, dtype)?,
        (Value::String(text), Kind::Text) if dtype == DType::U32 => {
            text.chars().flat_map(|c| u32::from(c).to_le_bytes()).collect()
        }
        (Value::String(text), _) => super::shared::from_base64(text).ok_or_else(unknown)?,
        _ => return Err(unknown()),
    };
    if bytes.len() > element.n_bytes {
        return Err(unknown());
    }
    bytes.resize(element.n_bytes, 0);
    Ok(bytes)
}

/// The fill value of texts of variable length; 0 and nothing stand for an empty one.
fn fill_of_texts(value: &Value, element: Element) -> Result<Vec<u8>> {
    let mut bytes = value.as_str().unwrap_or_default().as_bytes().to_vec();
    if bytes.len() > element.n_bytes {
        return Err(Error::unsupported(format!("the fill value {value} is longer than all texts")));
    }
    bytes.resize(element.n_bytes, 0);
    Ok(bytes)
}

/// Inverse of [`fill_bytes`], as version 3 writes it.
pub fn fill_value(bytes: &[u8], dtype: DType) -> Value {
    let bits = bytes.iter().rev().fold(0u64, |bits, &byte| bits << 8 | u64::from(byte));
    let n_bits = 8 * bytes.len().clamp(1, 8) as u32;
    let signed = (bits << (64 - n_bits)) as i64 >> (64 - n_bits);
    match dtype {
        DType::Bool => Value::from(bits != 0),
        DType::I8 | DType::I16 | DType::I32 | DType::I64 => Value::from(signed),
        DType::U8 | DType::U16 | DType::U32 | DType::U64 => Value::from(bits),
        DType::F16 | DType::F32 | DType::F64 => {
            let number = match dtype {
                DType::F16 => half::f16::from_bits(bits as u16).to_f64(),
                DType::F32 => f64::from(f32::from_bits(bits as u32)),
                _ => f64::from_bits(bits),
            };
            if number.is_finite() {
                return Value::from(number);
            }
            let words = [("NaN", f64::NAN), ("Infinity", f64::INFINITY), ("-Infinity", f64::NEG_INFINITY)];
            let word = words
                .iter()
                .find(|(word, _)| fill_bytes(&Value::from(*word), dtype).is_ok_and(|found| found == bytes));
            word.map_or_else(
                || Value::from(format!("0x{bits:0width$x}", width = 2 * bytes.len())),
                |(word, _)| Value::from(*word),
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fill_values_of_every_dtype_come_back() {
        for dtype in DType::ALL {
            for byte in [0u8, 1, 0x7f, 0xff] {
                let mut bytes = vec![byte; dtype.size_bytes()];
                if dtype == DType::Bool {
                    bytes = vec![byte & 1];
                }
                let value = fill_value(&bytes, dtype);
                assert_eq!(fill_bytes(&value, dtype).unwrap(), bytes, "{} {value}", dtype.name());
            }
        }
        assert_eq!(fill_value(&f32::NAN.to_le_bytes(), DType::F32), "NaN");
    }
}
