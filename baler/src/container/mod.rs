//! Bits -> file and back: magic and version, the plan, the models, independent chunks, a footer with the chunk
//! index and a hash of everything. docs/format.md is normative; this is its implementation.
//!
//! Every section is a frame: length, bytes, and the first 8 bytes of their BLAKE3 hash. A reader checks the total
//! hash before anything else, so damage is found wherever it is.

pub mod bytes;
mod header;

use crate::error::{Error, Result};
use bytes::{ByteReader, ByteWriter};
pub use header::{GroupMethod, GroupPlan, Plan, VariablePlan, read_grid, write_grid};

/// First bytes of an archive: six that no text file has, and the version of the format.
pub const ARCHIVE_MAGIC: [u8; 7] = *b"\x89BALE\n\x01";
/// First bytes of a model file.
pub const MODEL_MAGIC: [u8; 7] = *b"\x89BALM\n\x01";
/// Last bytes of an archive.
const END_MAGIC: [u8; 4] = *b"ELAB";
const CHECKSUM_BYTES: usize = 8;
const TOTAL_HASH_BYTES: usize = 16;

/// First 8 bytes of the BLAKE3 hash.
pub fn checksum(bytes: &[u8]) -> [u8; CHECKSUM_BYTES] {
    blake3::hash(bytes).as_bytes()[..CHECKSUM_BYTES].try_into().expect("a hash has 32 bytes")
}

/// A model as the archive holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ModelEntry<'a> {
    /// The bytes of an autoencoder's decoder, or of a predictive model.
    Inline(&'a [u8]),
    /// A part of the model file with this BLAKE3 hash.
    Reference {
        /// BLAKE3 hash of the model file.
        hash: [u8; 32],
        /// Which of its parts.
        part: usize,
    },
}

/// Where a chunk belongs, and its payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chunk<'a> {
    /// Index of the group.
    pub group: usize,
    /// First row.
    pub first_row: usize,
    /// The method's own bytes.
    pub payload: &'a [u8],
    /// Byte offset of the payload in the archive.
    pub offset: u64,
}

/// Makes an archive in memory, front to back.
pub struct ArchiveWriter {
    out: ByteWriter,
    chunk_lengths: Vec<usize>,
}

fn frame(bytes: &[u8], out: &mut ByteWriter) {
    out.block(bytes);
    out.raw(&checksum(bytes));
}

fn read_frame<'a>(r: &mut ByteReader<'a>, what: &str) -> Result<&'a [u8]> {
    let at = r.position() as u64;
    let bytes = r.block()?;
    if r.raw(CHECKSUM_BYTES)? == checksum(bytes) {
        Ok(bytes)
    } else {
        Err(Error::corrupt(format!("expected the checksum of {what}, found another; the file is damaged"))
            .at_offset(at))
    }
}

impl ArchiveWriter {
    /// Writes magic, plan and models.
    pub fn new(plan: &Plan, models: &[ModelEntry]) -> ArchiveWriter {
        let mut out = ByteWriter::default();
        out.raw(&ARCHIVE_MAGIC);
        frame(&plan.write(), &mut out);
        let mut table = ByteWriter::default();
        table.count(models.len());
        for model in models {
            match model {
                ModelEntry::Inline(bytes) => {
                    table.u8(0);
                    table.block(bytes);
                }
                ModelEntry::Reference { hash, part } => {
                    table.u8(1);
                    table.raw(hash);
                    table.count(*part);
                }
            }
        }
        frame(&table.bytes, &mut out);
        ArchiveWriter { out, chunk_lengths: Vec::new() }
    }

    /// Appends a chunk; chunks come group by group, row by row.
    pub fn chunk(&mut self, group: usize, first_row: usize, payload: &[u8]) {
        let start = self.out.bytes.len();
        let mut record = ByteWriter::default();
        record.count(group);
        record.count(first_row);
        record.raw(payload);
        frame(&record.bytes, &mut self.out);
        self.chunk_lengths.push(self.out.bytes.len() - start);
    }

    /// Bytes written so far.
    pub fn len(&self) -> usize {
        self.out.bytes.len()
    }

    /// True before anything is written, which never happens.
    pub fn is_empty(&self) -> bool {
        self.out.bytes.is_empty()
    }

    /// Writes the footer: chunk index, total hash, where the footer starts.
    pub fn finish(mut self) -> Vec<u8> {
        let total = blake3::hash(&self.out.bytes);
        let mut footer = ByteWriter::default();
        footer.count(self.chunk_lengths.len());
        for &length in &self.chunk_lengths {
            footer.count(length);
        }
        footer.raw(&total.as_bytes()[..TOTAL_HASH_BYTES]);
        let start = self.out.bytes.len();
        frame(&footer.bytes, &mut self.out);
        let footer_len = (self.out.bytes.len() - start) as u32;
        self.out.raw(&footer_len.to_le_bytes());
        self.out.raw(&END_MAGIC);
        self.out.bytes
    }
}

/// A parsed archive; payloads are still packed.
#[derive(Debug)]
pub struct Archive<'a> {
    /// The plan.
    pub plan: Plan,
    /// The models.
    pub models: Vec<ModelEntry<'a>>,
    /// In order of groups and rows.
    pub chunks: Vec<Chunk<'a>>,
}

/// True if the bytes start like an archive of any version.
pub fn is_archive(bytes: &[u8]) -> bool {
    bytes.starts_with(&ARCHIVE_MAGIC[..6])
}

/// True if the bytes start like a model of any version.
pub fn is_model(bytes: &[u8]) -> bool {
    bytes.starts_with(&MODEL_MAGIC[..6])
}

/// Checks the first bytes of an archive or a model file.
pub fn check_magic(bytes: &[u8], magic: [u8; 7], what: &str) -> Result<()> {
    match bytes.get(..7) {
        Some(found) if found == magic => Ok(()),
        Some(found) if found[..6] == magic[..6] => Err(Error::unsupported(format!(
            "expected a {what} of format version {}, found version {}; use the version of baler that wrote it",
            magic[6], found[6]
        ))),
        _ => Err(Error::corrupt(format!("expected a {what}, found other bytes; is it the right file?"))),
    }
}

impl<'a> Archive<'a> {
    /// Reads and checks everything but the payloads' contents.
    pub fn parse(bytes: &'a [u8]) -> Result<Archive<'a>> {
        check_magic(bytes, ARCHIVE_MAGIC, "archive (.bale)")?;
        let (lengths, body_len) = read_footer(bytes)?;
        let mut r = ByteReader::new(&bytes[..body_len]);
        r.raw(ARCHIVE_MAGIC.len())?;
        let plan = Plan::read(read_frame(&mut r, "the plan")?)?;
        let models = read_models(read_frame(&mut r, "the models")?)?;
        let mut chunks = Vec::with_capacity(lengths.len());
        for length in lengths {
            let start = r.position();
            let record = read_frame(&mut r, "a chunk").map_err(|e| e.in_chunk(chunks.len()))?;
            if r.position() - start != length {
                return Err(Error::corrupt("the chunk index does not fit the chunks").in_chunk(chunks.len()));
            }
            let mut fields = ByteReader::new(record);
            let (group, first_row) = (fields.count()?, fields.count()?);
            let offset = (r.position() - CHECKSUM_BYTES - fields.remaining()) as u64;
            chunks.push(Chunk { group, first_row, payload: fields.rest(), offset });
        }
        r.finish("the chunks")?;
        let archive = Archive { plan, models, chunks };
        archive.check_chunks()?;
        Ok(archive)
    }

    /// Every group has all its chunks, in order.
    fn check_chunks(&self) -> Result<()> {
        let mut chunks = self.chunks.iter();
        for (group_idx, group) in self.plan.groups.iter().enumerate() {
            if let Some(model) = group.method.model()
                && model >= self.models.len()
            {
                return Err(Error::corrupt(format!("expected at least {} models", model + 1)));
            }
            for chunk_idx in 0..self.plan.n_chunks(group) {
                let expected = (group_idx, chunk_idx * group.rows_per_chunk);
                if chunks.next().map(|chunk| (chunk.group, chunk.first_row)) != Some(expected) {
                    return Err(Error::corrupt(format!("chunk {chunk_idx} of group {group_idx} is missing")));
                }
            }
        }
        match chunks.next() {
            None => Ok(()),
            Some(_) => Err(Error::corrupt("expected no more chunks")),
        }
    }
}

/// (length of each chunk's frame, length of everything before the footer), with the total hash checked.
fn read_footer(bytes: &[u8]) -> Result<(Vec<usize>, usize)> {
    let cut = || Error::corrupt("expected the end of an archive, found something else; the file is cut off");
    let tail = bytes.len().checked_sub(8).filter(|&at| at >= ARCHIVE_MAGIC.len()).ok_or_else(cut)?;
    if bytes[tail + 4..] != END_MAGIC {
        return Err(cut());
    }
    let footer_len = u32::from_le_bytes(bytes[tail..tail + 4].try_into().expect("four bytes")) as usize;
    let start = tail.checked_sub(footer_len).filter(|&at| at >= ARCHIVE_MAGIC.len()).ok_or_else(cut)?;
    let mut outer = ByteReader::new(&bytes[start..tail]);
    let mut r = ByteReader::new(read_frame(&mut outer, "the footer")?);
    outer.finish("the footer")?;
    let lengths = (0..r.count_of_items()?).map(|_| r.count()).collect::<Result<_>>()?;
    let total = r.raw(TOTAL_HASH_BYTES)?;
    r.finish("the footer")?;
    if total != &blake3::hash(&bytes[..start]).as_bytes()[..TOTAL_HASH_BYTES] {
        return Err(Error::corrupt(
            "expected the hash of the whole archive, found another; the file is damaged",
        ));
    }
    Ok((lengths, start))
}

fn read_models(bytes: &[u8]) -> Result<Vec<ModelEntry<'_>>> {
    let mut r = ByteReader::new(bytes);
    let models = (0..r.count_of_items()?)
        .map(|_| match r.u8()? {
            0 => Ok(ModelEntry::Inline(r.block()?)),
            1 => {
                Ok(ModelEntry::Reference { hash: r.raw(32)?.try_into().expect("32 bytes"), part: r.count()? })
            }
            n => Err(Error::unsupported(format!("expected a model entry of kind 0 or 1, found {n}"))),
        })
        .collect::<Result<_>>()?;
    r.finish("the models")?;
    Ok(models)
}
