//! One column of one row group: pages in, counts and values out. Refuses numbers of values that the schema's levels do
//! not bear out.

use crate::dataset::{DType, Values};
use crate::error::{Error, Result};
use crate::io::parquet::levels::{Counts, Level, to_counts};
use crate::io::parquet::nulls::{Null, is_null};
use crate::io::parquet::schema::{Leaf, told};
use crate::io::store::Region;
use bytes::Bytes as Buffer;
use half::f16;
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::DataType;
use parquet::errors::ParquetError;
use parquet::file::reader::{ChunkReader, FileReader, Length, SerializedFileReader};
use std::io::Read;
use std::sync::Arc;

/// Records that are read at a time: memory grows with what is really there.
const RECORDS: usize = 1 << 14;

/// The input as the crate wants it.
#[derive(Clone)]
pub struct Source(Arc<Region>);

impl Source {
    pub fn new(bytes: Region) -> Source {
        Source(Arc::new(bytes))
    }
}

impl Length for Source {
    fn len(&self) -> u64 {
        self.0.len()
    }
}

/// From a place to the end.
pub struct Rest {
    bytes: Arc<Region>,
    at: u64,
}

impl Read for Rest {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let found = self.bytes.read_up_to(self.at, out.len() as u64).map_err(std::io::Error::other)?;
        out[..found.len()].copy_from_slice(&found);
        self.at += found.len() as u64;
        Ok(found.len())
    }
}

impl ChunkReader for Source {
    type T = Rest;

    fn get_read(&self, start: u64) -> Result<Rest, ParquetError> {
        Ok(Rest { bytes: Arc::clone(&self.0), at: start })
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Buffer, ParquetError> {
        let found = self.0.read(start, length as u64).map_err(|e| ParquetError::General(e.to_string()))?;
        Ok(Buffer::copy_from_slice(&found))
    }
}

/// A column of a row group.
#[derive(Debug)]
pub struct Decoded {
    /// Of each level.
    pub counts: Counts,
    /// Those that are there; with the sign for missing ones where a flat column of floats has such.
    pub values: Values,
}

/// Values that are there, and the levels.
struct Pages<T> {
    values: Vec<T>,
    definition: Vec<i16>,
    repetition: Vec<i16>,
}

fn pages<T: DataType>(
    mut reader: ColumnReaderImpl<T>,
    n_levels: usize,
    n_lists: usize,
) -> Result<Pages<T::T>> {
    let mut pages = Pages { values: Vec::new(), definition: Vec::new(), repetition: Vec::new() };
    loop {
        let definition = (n_levels > 0).then_some(&mut pages.definition);
        let repetition = (n_lists > 0).then_some(&mut pages.repetition);
        let (n_records, _, _) =
            reader.read_records(RECORDS, definition, repetition, &mut pages.values).map_err(told)?;
        if n_records == 0 {
            return Ok(pages);
        }
    }
}

/// Decodes a column of a row group.
pub fn decode(
    reader: &SerializedFileReader<Source>,
    column: usize,
    group: usize,
    leaf: &Leaf,
) -> Result<Decoded> {
    let dtype = leaf.dtype.ok_or_else(|| Error::unsupported("expected a column of numbers"))?;
    let n_lists = leaf.levels.iter().filter(|level| **level == Level::List).count();
    let group = reader.get_row_group(group).map_err(told)?;
    let n = leaf.levels.len();
    match group.get_column_reader(column).map_err(told)? {
        ColumnReader::BoolColumnReader(r) => {
            finish(pages(r, n, n_lists)?, leaf, |v| Ok(Values::Bool(v.into_iter().map(u8::from).collect())))
        }
        ColumnReader::Int32ColumnReader(r) => finish(pages(r, n, n_lists)?, leaf, |v| narrow(&v, dtype)),
        ColumnReader::Int64ColumnReader(r) => finish(pages(r, n, n_lists)?, leaf, |v| match dtype {
            DType::U64 => Ok(Values::U64(v.into_iter().map(|x| x as u64).collect())),
            _ => Ok(Values::I64(v)),
        }),
        ColumnReader::FloatColumnReader(r) => floats(pages(r, n, n_lists)?, leaf, Values::F32),
        ColumnReader::DoubleColumnReader(r) => floats(pages(r, n, n_lists)?, leaf, Values::F64),
        ColumnReader::FixedLenByteArrayColumnReader(r) => {
            let Pages { values, definition, repetition } = pages(r, n, n_lists)?;
            let half = |bytes: &[u8]| match *bytes {
                [low, high] => Ok(f16::from_le_bytes([low, high])),
                _ => Err(Error::input("expected two bytes for a float16 in the Parquet file")),
            };
            let values = values.iter().map(|v| half(v.data())).collect::<Result<Vec<f16>>>()?;
            floats(Pages { values, definition, repetition }, leaf, Values::F16)
        }
        _ => Err(Error::unsupported("expected a column of numbers")),
    }
}

/// Whole numbers of 32 bits as those that the schema says; others than it allows are an error.
fn narrow(values: &[i32], dtype: DType) -> Result<Values> {
    fn all<T: TryFrom<i32>>(values: &[i32]) -> Result<Vec<T>> {
        let narrowed: Option<Vec<T>> = values.iter().map(|&x| T::try_from(x).ok()).collect();
        narrowed.ok_or_else(|| Error::input("a whole number lies outside the type that the schema says"))
    }
    Ok(match dtype {
        DType::I8 => Values::I8(all(values)?),
        DType::I16 => Values::I16(all(values)?),
        DType::U8 => Values::U8(all(values)?),
        DType::U16 => Values::U16(all(values)?),
        DType::U32 => Values::U32(values.iter().map(|&x| x as u32).collect()),
        _ => Values::I32(values.to_vec()),
    })
}

fn finish<T>(pages: Pages<T>, leaf: &Leaf, values: impl FnOnce(Vec<T>) -> Result<Values>) -> Result<Decoded> {
    let counts = to_counts(&leaf.levels, &pages.definition, &pages.repetition)?;
    let n_expected = pages.definition.iter().filter(|&&d| d as usize == leaf.levels.len()).count();
    if !leaf.levels.is_empty() && n_expected != pages.values.len() {
        return Err(Error::input(format!("expected {n_expected} values, found {}", pages.values.len())));
    }
    Ok(Decoded { counts, values: values(pages.values)? })
}

/// Floats of a flat column have a value in each row: what is missing is marked.
fn floats<T: Null>(pages: Pages<T>, leaf: &Leaf, values: impl Fn(Vec<T>) -> Values) -> Result<Decoded> {
    if leaf.levels != [Level::Optional] {
        return finish(pages, leaf, |v| Ok(values(v)));
    }
    let found = values(pages.values.clone());
    if (0..found.len()).any(|idx| is_null(&found, idx)) {
        return Err(Error::unsupported(
            "a NaN has the bits that mark a missing value here; make it another NaN",
        ));
    }
    let mut there = pages.values.iter().copied();
    let all: Option<Vec<T>> =
        pages.definition.iter().map(|&d| if d == 0 { Some(T::NULL) } else { there.next() }).collect();
    let all = all.ok_or_else(|| Error::input("expected more values in the Parquet file"))?;
    Ok(Decoded { counts: vec![Vec::new()], values: values(all) })
}
