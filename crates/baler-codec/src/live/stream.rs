//! The stream of docs/format.md, section 16: head, frames, end. In: whole records and a model, or a stream; out: a stream,
//! or records. A stream that was cut decodes up to its last whole frame, and says so.

use crate::container::checksum;
use crate::live::columns;
use crate::live::records::{to_columns, to_records};
use crate::live::table::LiveTable;
use crate::quantize::compare::compare_values;
use crate::variable::{VariablePlan, read_variable, write_variable};
use baler_data::bytes::{ByteReader, ByteWriter};
use baler_data::dataset::Values;
use baler_data::error::{Error, ErrorKind, Result};
use std::io::Read;

/// First bytes of a live stream: six that no text file has, and the version of the format.
pub const LIVE_MAGIC: [u8; 7] = *b"\x89BALS\n\x01";
/// Most bytes of the records of a frame.
pub const MAX_FRAME_BYTES: usize = 1 << 24;
/// Most bytes of a frame, and of the head.
const MAX_CONTENT_BYTES: usize = MAX_FRAME_BYTES + (1 << 16);
const END: u8 = 0;
const CODED: u8 = 1;
const STORED: u8 = 2;
const HASH_BYTES: usize = 8;

/// True if the bytes begin as a live stream does; five of them are enough to tell it from an archive.
pub fn is_live(bytes: &[u8]) -> bool {
    bytes.len() >= 5 && LIVE_MAGIC.starts_with(&bytes[..bytes.len().min(5)])
}

fn frame(content: &[u8], out: &mut Vec<u8>) {
    let mut w = ByteWriter::default();
    w.block(content);
    w.raw(&checksum(content));
    out.extend_from_slice(&w.bytes);
}

/// Records -> frames.
pub struct Encoder {
    table: LiveTable,
    head: Vec<u8>,
    n_records: u64,
    n_stored: u64,
}

impl Encoder {
    /// For a table; `by_reference` names it by the hash of its model file and its place there, instead of holding it.
    pub fn new(table: &LiveTable, by_reference: Option<([u8; 32], usize)>) -> Encoder {
        let mut w = ByteWriter::default();
        if let Some((hash, idx)) = by_reference {
            w.u8(1);
            w.raw(&hash);
            w.count(idx);
            w.count(table.variables.len());
            table.variables.iter().for_each(|variable| write_variable(variable, &mut w));
        } else {
            w.u8(0);
            w.raw(&table.write());
        }
        let mut head = LIVE_MAGIC.to_vec();
        frame(&w.bytes, &mut head);
        Encoder { table: table.clone(), head, n_records: 0, n_stored: 0 }
    }

    /// What a stream begins with.
    pub fn head(&self) -> &[u8] {
        &self.head
    }

    /// Bytes of a record.
    pub fn record_bytes(&self) -> usize {
        self.table.record_bytes()
    }

    /// Variables of a record.
    pub fn variables(&self) -> &[VariablePlan] {
        &self.table.variables
    }

    /// Records so far, and how many of them are stored as they are because the model does not know their like.
    pub fn counts(&self) -> (u64, u64) {
        (self.n_records, self.n_stored)
    }

    /// Appends a frame with `records`, whole ones of at most [`MAX_FRAME_BYTES`]. The frame is decoded before it leaves, and
    /// every value compared with the record under its bound.
    pub fn encode(&mut self, records: &[u8], out: &mut Vec<u8>) -> Result<()> {
        let n_rows = records.len() / self.record_bytes();
        if n_rows == 0 || records.len() > MAX_FRAME_BYTES || n_rows * self.record_bytes() != records.len() {
            return Err(Error::config(format!(
                "expected whole records of {} bytes, at most {MAX_FRAME_BYTES} in all, found {}",
                self.record_bytes(),
                records.len()
            )));
        }
        let originals = to_columns(records, &self.table.variables)?;
        let payload = columns::encode(&self.table, &originals, n_rows)?;
        let mut w = ByteWriter::default();
        let is_smaller = payload.len() + HASH_BYTES < records.len();
        w.u8(if is_smaller { CODED } else { STORED });
        w.varint(self.n_records);
        w.count(n_rows);
        if is_smaller {
            let decoded = columns::decode(&self.table, &payload, n_rows)?;
            check(&self.table.variables, &originals, &decoded)?;
            w.raw(&checksum(&to_records(&decoded, n_rows)?));
            w.raw(&payload);
        } else {
            w.raw(records);
            self.n_stored += n_rows as u64;
        }
        self.n_records += n_rows as u64;
        frame(&w.bytes, out);
        Ok(())
    }

    /// Appends the end.
    pub fn finish(&self, out: &mut Vec<u8>) {
        let mut w = ByteWriter::default();
        w.u8(END);
        w.varint(self.n_records);
        frame(&w.bytes, out);
    }
}

/// The promise, tested at the very end: what a reader decodes, against what came in.
fn check(variables: &[VariablePlan], originals: &[Values], decoded: &[Values]) -> Result<()> {
    for ((variable, original), values) in variables.iter().zip(originals).zip(decoded) {
        let (_, n_violations) = compare_values(original, values, &variable.bound);
        if n_violations > 0 {
            let message = format!("{n_violations} values are outside their bound; please report this");
            return Err(Error::new(ErrorKind::BoundNotMet, message).in_variable(&variable.name));
        }
    }
    Ok(())
}

/// Frames -> records.
pub struct Decoder<R> {
    input: R,
    table: LiveTable,
    n_records: u64,
    n_bytes: u64,
    ended: bool,
}

impl<R: Read> Decoder<R> {
    /// Reads the head; `named` gives the table at an index of the model file with a hash, where the head names one.
    ///
    /// # Errors
    /// [`baler_data::ErrorKind::Corrupt`] for other bytes, and those of `named`.
    pub fn new(
        mut input: R,
        named: impl FnOnce(&[u8; 32], usize) -> Result<LiveTable>,
    ) -> Result<Decoder<R>> {
        let mut magic = [0; LIVE_MAGIC.len()];
        input.read_exact(&mut magic).map_err(|e| lost(e, 0))?;
        crate::container::check_magic(&magic, LIVE_MAGIC, "a live stream")?;
        let mut n_bytes = magic.len() as u64;
        let head = read_content(&mut input, 0, &mut n_bytes)?;
        let mut r = ByteReader::new(&head);
        let table = match r.u8()? {
            0 => LiveTable::read(r.rest())?,
            1 => named_table(&mut r, named)?,
            n => return Err(Error::unsupported(format!("expected a model entry 0 or 1, found {n}"))),
        };
        Ok(Decoder { input, table, n_records: 0, n_bytes, ended: false })
    }

    /// Variables of a record.
    pub fn variables(&self) -> &[VariablePlan] {
        &self.table.variables
    }

    /// Records and bytes of the stream that were read.
    pub fn counts(&self) -> (u64, u64) {
        (self.n_records, self.n_bytes)
    }

    /// The records of the next frame; `None` behind the last.
    ///
    /// # Errors
    /// [`baler_data::error::ErrorKind::Corrupt`] for damaged bytes, and where the stream ends before its end.
    pub fn next_frame(&mut self) -> Result<Option<Vec<u8>>> {
        if self.ended {
            return Ok(None);
        }
        let at = self.n_bytes;
        let content = read_content(&mut self.input, self.n_records, &mut self.n_bytes)?;
        self.open(&content).map_err(|error| error.at_offset(at))
    }

    fn open(&mut self, content: &[u8]) -> Result<Option<Vec<u8>>> {
        let mut r = ByteReader::new(content);
        let kind = r.u8()?;
        let first = r.varint()?;
        if first != self.n_records {
            return Err(Error::corrupt(format!("expected record {}, found record {first}", self.n_records)));
        }
        if kind == END {
            r.finish("the end of a live stream")?;
            self.ended = true;
            return match self.input.read(&mut [0]) {
                Ok(0) => Ok(None),
                _ => {
                    Err(Error::corrupt("expected nothing behind the end of a live stream, found more bytes"))
                }
            };
        }
        let n_rows = r.count()?;
        let n_bytes = n_rows.checked_mul(self.table.record_bytes());
        if n_rows == 0 || n_bytes.is_none_or(|n_bytes| n_bytes > MAX_FRAME_BYTES) {
            return Err(Error::corrupt(format!("a frame cannot hold {n_rows} records")));
        }
        let records = match kind {
            CODED => {
                let hash = r.raw(HASH_BYTES)?;
                let records = to_records(&columns::decode(&self.table, r.rest(), n_rows)?, n_rows)?;
                if hash != checksum(&records) {
                    return Err(Error::corrupt(
                        "expected the hash of the decoded records, found another; please report this",
                    ));
                }
                records
            }
            STORED if Some(r.remaining()) == n_bytes => r.rest().to_vec(),
            STORED => return Err(Error::corrupt(format!("expected {n_rows} records in a stored frame"))),
            n => return Err(Error::unsupported(format!("expected a frame of kind 0 to 2, found {n}"))),
        };
        self.n_records += n_rows as u64;
        Ok(Some(records))
    }
}

/// The table that a head names; variables must be those of the head.
fn named_table(
    r: &mut ByteReader,
    named: impl FnOnce(&[u8; 32], usize) -> Result<LiveTable>,
) -> Result<LiveTable> {
    let hash = r.raw(32)?.try_into().expect("32 bytes");
    let idx = r.count()?;
    let variables: Vec<VariablePlan> =
        (0..r.count_of_items()?).map(|_| read_variable(r)).collect::<Result<_>>()?;
    r.finish("the head of a live stream")?;
    let table = named(hash, idx)?;
    match table.variables == variables {
        true => Ok(table),
        false => Err(other_variables()),
    }
}

/// The error where a stream's head and the model that it names disagree.
pub fn other_variables() -> Error {
    Error::corrupt("a live stream and its model have other variables")
}

/// The content of the next frame; memory is taken as bytes come.
fn read_content(input: &mut impl Read, n_records: u64, n_bytes: &mut u64) -> Result<Vec<u8>> {
    let at = *n_bytes;
    let mut length = 0usize;
    for shift in (0..35).step_by(7) {
        let mut byte = [0];
        input.read_exact(&mut byte).map_err(|e| lost(e, n_records))?;
        *n_bytes += 1;
        length |= ((byte[0] & 0x7f) as usize) << shift;
        if byte[0] < 0x80 {
            break;
        }
        if shift == 28 {
            length = usize::MAX;
        }
    }
    if length > MAX_CONTENT_BYTES {
        return Err(Error::corrupt("a frame of a live stream is too long").at_offset(at));
    }
    let mut content = Vec::new();
    input
        .take((length + HASH_BYTES) as u64)
        .read_to_end(&mut content)
        .map_err(|e| Error::io("reading a live stream", e))?;
    *n_bytes += content.len() as u64;
    if content.len() < length + HASH_BYTES {
        return Err(cut(n_records));
    }
    let hash = content.split_off(length);
    if hash != checksum(&content) {
        return Err(Error::corrupt(format!(
            "expected the checksum of a frame, found another; the stream is damaged behind record {n_records}"
        ))
        .at_offset(at));
    }
    Ok(content)
}

fn cut(n_records: u64) -> Error {
    Error::corrupt(format!(
        "expected the end of the stream, found that it is cut off; the {n_records} records before are whole"
    ))
}

fn lost(error: std::io::Error, n_records: u64) -> Error {
    match error.kind() {
        std::io::ErrorKind::UnexpectedEof => cut(n_records),
        _ => Error::io("reading a live stream", error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::BoundSpec;
    use crate::quantize::{Bound, Grid, Promises};
    use baler_data::dataset::{DType, Storage};

    #[test]
    fn what_a_reader_decodes_is_held_against_the_records() {
        let variable = VariablePlan {
            name: "pt".into(),
            dtype: DType::F32,
            shape: vec![0],
            storage: Storage::default(),
            bound: Bound::resolve(BoundSpec::Abs(0.5), 0.0),
            limits: None,
            grid: Grid::Order,
            patterns: vec![],
            promises: Promises::default(),
        };
        let records = [Values::F32(vec![1.0, 2.0, f32::NAN])];
        let decoded = |first: f32| [Values::F32(vec![first, 2.0, f32::NAN])];
        check(std::slice::from_ref(&variable), &records, &decoded(1.5)).unwrap();
        let error = check(&[variable], &records, &decoded(1.5f32.next_up())).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BoundNotMet);
        assert!(error.to_string().contains("1 values are outside their bound"), "{error}");
    }
}
