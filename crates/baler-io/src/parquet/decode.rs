//! One column of one row group: pages in, counts and values out. Refuses numbers of values that the schema's levels do
//! not bear out.

use super::levels::{Counts, Level, to_counts};
use super::nulls::{Null, is_null};
use super::schema::{Leaf, told};
use super::thrift::{self, Value};
use crate::store::Region;
use baler_data::dataset::{DType, Values};
use baler_data::error::{Error, Result};
use bytes::Bytes as Buffer;
use half::f16;
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::{ByteArray, DataType, Int96};
use parquet::errors::ParquetError;
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::reader::{ChunkReader, FileReader, Length, SerializedFileReader};
use std::io::Read;
use std::sync::Arc;

/// Records that are read at a time: memory grows with what is really there.
const RECORDS: usize = 1 << 14;

/// The input as the crate wants it: the file with another footer.
#[derive(Clone)]
pub struct Source {
    file: Arc<Region>,
    /// Where the file's footer begins, and what is read from there on.
    footer_start: u64,
    footer: Buffer,
}

impl Source {
    pub fn new(file: Region, footer_start: u64, footer: Vec<u8>) -> Source {
        Source { file: Arc::new(file), footer_start, footer: Buffer::from(footer) }
    }

    /// What there is at a place, up to where the footer begins or ends, at most `n_bytes`.
    fn read_up_to(&self, start: u64, n_bytes: u64) -> Result<Buffer> {
        if start < self.footer_start {
            let found = self.file.read(start, n_bytes.min(self.footer_start - start))?;
            return Ok(Buffer::copy_from_slice(&found));
        }
        let at = (start - self.footer_start).min(self.footer.len() as u64) as usize;
        let end = at + n_bytes.min((self.footer.len() - at) as u64) as usize;
        Ok(self.footer.slice(at..end))
    }
}

impl Length for Source {
    fn len(&self) -> u64 {
        self.footer_start + self.footer.len() as u64
    }
}

/// From a place to the end.
pub struct Rest {
    source: Source,
    at: u64,
}

impl Read for Rest {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let found = self.source.read_up_to(self.at, out.len() as u64).map_err(std::io::Error::other)?;
        out[..found.len()].copy_from_slice(&found);
        self.at += found.len() as u64;
        Ok(found.len())
    }
}

impl ChunkReader for Source {
    type T = Rest;

    fn get_read(&self, start: u64) -> Result<Rest, ParquetError> {
        Ok(Rest { source: self.clone(), at: start })
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Buffer, ParquetError> {
        let found =
            self.read_up_to(start, length as u64).map_err(|e| ParquetError::General(e.to_string()))?;
        match found.len() == length {
            true => Ok(found),
            false => Err(ParquetError::EOF(format!(
                "expected {length} bytes at byte {start}, found {}",
                found.len()
            ))),
        }
    }
}

/// Bytes that a page header has at most, and those that most have.
const HEADER_BYTES: [u64; 2] = [1 << 20, 1 << 12];
/// Unpacked bytes of a page that are believed, whatever it has, and how many times its packed bytes otherwise.
const PAGE_BYTES: i64 = 32 << 20;
const MAX_RATIO: i64 = 1 << 16;

/// Goes through the headers of all pages of a column, for the crate allocates what they claim: unpacked bytes far
/// beyond the packed ones, and dictionaries of more values than bytes.
fn check_pages(source: &Source, chunk: &ColumnChunkMetaData) -> Result<()> {
    let wrong = || Error::input("a page of the Parquet file claims more than it has; the file is damaged");
    let (start, n_bytes) = (
        chunk.dictionary_page_offset().unwrap_or(chunk.data_page_offset()),
        u64::try_from(chunk.compressed_size()).map_err(|_| wrong())?,
    );
    let start = u64::try_from(start).map_err(|_| wrong())?;
    let end = start.checked_add(n_bytes).ok_or_else(wrong)?;
    let mut at = start;
    while at < end {
        let header = |most: u64| thrift::read_first(&source.read_up_to(at, most.min(end - at))?);
        let (fields, n_header) = header(HEADER_BYTES[1]).or_else(|_| header(HEADER_BYTES[0]))?;
        let number = |number: i16| thrift::field(&fields, number).and_then(Value::int);
        let (unpacked, packed) = number(2).zip(number(3)).ok_or_else(wrong)?;
        let n_entries =
            thrift::field(&fields, 7).and_then(|d| thrift::field(d.fields(), 1)).and_then(Value::int);
        if !(0..=PAGE_BYTES.max(packed.saturating_mul(MAX_RATIO))).contains(&unpacked)
            || n_entries.is_some_and(|n| !(0..=unpacked).contains(&n))
        {
            return Err(wrong());
        }
        at += n_header as u64 + u64::try_from(packed).map_err(|_| wrong())?;
    }
    Ok(())
}

/// A column of a row group.
#[derive(Debug)]
pub struct Decoded {
    /// Of each level.
    pub counts: Counts,
    /// Those that are there; with the sign for missing ones where a flat column of floats has such.
    pub values: Values,
}

impl Decoded {
    /// Bytes in memory.
    pub fn size_bytes(&self) -> usize {
        self.values.size_bytes() + self.counts.iter().map(|counts| 4 * counts.len()).sum::<usize>()
    }
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
    source: &Source,
    reader: &SerializedFileReader<Source>,
    column: usize,
    group: usize,
    leaf: &Leaf,
) -> Result<Decoded> {
    let other = || Error::unsupported("expected values as the schema of the Parquet file says, found others");
    let stored = leaf.stored.ok_or_else(other)?;
    let dtype = stored.dtype;
    let n_lists = leaf.levels.iter().filter(|level| **level == Level::List).count();
    let group = reader.get_row_group(group).map_err(told)?;
    check_pages(source, group.metadata().column(column))?;
    let n = leaf.defined().len();
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
        ColumnReader::ByteArrayColumnReader(r) => strings(pages(r, n, n_lists)?, leaf),
        ColumnReader::Int96ColumnReader(r) => {
            let in_order =
                |v: Int96| v.data().iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<u8>>();
            finish(pages(r, n, n_lists)?, leaf, |v| {
                Ok(Values::U8(v.into_iter().flat_map(in_order).collect()))
            })
        }
        ColumnReader::FixedLenByteArrayColumnReader(r) if stored.width.is_some() => {
            finish(pages(r, n, n_lists)?, leaf, |v| {
                let mut bytes = Vec::new();
                v.iter().for_each(|value| bytes.extend_from_slice(value.data()));
                match Some(v.len()) == bytes.len().checked_div(stored.width.unwrap_or(0)) {
                    true => Ok(Values::U8(bytes)),
                    false => Err(other()),
                }
            })
        }
        ColumnReader::FixedLenByteArrayColumnReader(r) => {
            let Pages { values, definition, repetition } = pages(r, n, n_lists)?;
            let half = |bytes: &[u8]| match *bytes {
                [low, high] => Ok(f16::from_le_bytes([low, high])),
                _ => Err(Error::input("expected two bytes for a float16 in the Parquet file")),
            };
            let values = values.iter().map(|v| half(v.data())).collect::<Result<Vec<f16>>>()?;
            floats(Pages { values, definition, repetition }, leaf, Values::F16)
        }
    }
}

/// Values of any length: their lengths are the counts below all others.
fn strings(pages: Pages<ByteArray>, leaf: &Leaf) -> Result<Decoded> {
    let mut lengths = Vec::with_capacity(pages.values.len());
    let mut bytes = Vec::new();
    for value in &pages.values {
        lengths.push(u32::try_from(value.len()).map_err(|_| Error::limit("a value of 4 GiB in Parquet"))?);
        bytes.extend_from_slice(value.data());
    }
    let mut decoded = finish(pages, leaf, |_| Ok(Values::U8(bytes)))?;
    decoded.counts.push(lengths);
    Ok(decoded)
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
    let levels = leaf.defined();
    let counts = to_counts(levels, &pages.definition, &pages.repetition)?;
    let n_expected = pages.definition.iter().filter(|&&d| d as usize == levels.len()).count();
    if !levels.is_empty() && n_expected != pages.values.len() {
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
