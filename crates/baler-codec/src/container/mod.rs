//! Bits -> file and back: magic and version, the plan, the models, independent chunks, a footer with the chunk
//! index and a hash of everything. docs/format.md is normative; this is its implementation: [`mod@writer`] writes front to
//! back, [`mod@index`] finds the plan, the models and any chunk by seeks.
//!
//! Every section is a frame: length, bytes, and the first 8 bytes of their BLAKE3 hash.

pub mod index;
mod outliers;
mod plan;
pub mod writer;

use baler_data::bytes::{ByteReader, ByteWriter};
use baler_data::error::{Error, Result};
pub use index::Index;
pub use outliers::{N_LISTED, StoredOutliers};
pub use plan::{GroupMethod, GroupPlan, Plan, PlanTrial, PlanTrialKind};
pub use writer::{Footer, archive_header, archive_header_with, chunk_frame};

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
pub enum ModelEntry {
    /// The bytes of an autoencoder's decoder, or of a predictive model.
    Inline(Vec<u8>),
    /// A part of the model file with this BLAKE3 hash.
    Reference {
        /// BLAKE3 hash of the model file.
        hash: [u8; 32],
        /// Which of its parts.
        part: usize,
    },
}

/// Where a chunk belongs, and its payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    /// Index of the group.
    pub group: usize,
    /// First row.
    pub first_row: usize,
    /// The method's own bytes.
    pub payload: Vec<u8>,
}

/// Length, bytes, checksum.
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

/// Plan and models of an archive that ends behind them: inverse of [`archive_header`].
pub fn read_header(bytes: &[u8]) -> Result<(Plan, Vec<ModelEntry>)> {
    check_magic(bytes, ARCHIVE_MAGIC, "the beginning of an archive (.bale)")?;
    let mut r = ByteReader::new(&bytes[ARCHIVE_MAGIC.len()..]);
    let plan = Plan::read(read_frame(&mut r, "the plan")?)?;
    let (models, outliers) = read_models(read_frame(&mut r, "the models")?)?;
    r.finish("the beginning of an archive")?;
    if outliers.is_some() {
        return Err(Error::corrupt("expected no rows in full in the head of a group, found some"));
    }
    Ok((plan, models))
}

/// The chunk in a whole frame.
pub fn read_chunk(frame: &[u8]) -> Result<Chunk> {
    let mut r = ByteReader::new(frame);
    let mut fields = ByteReader::new(read_frame(&mut r, "a chunk")?);
    if r.remaining() > 0 {
        return Err(Error::corrupt("the chunk index does not fit the chunks"));
    }
    let (group, first_row) = (fields.count()?, fields.count()?);
    Ok(Chunk { group, first_row, payload: fields.rest().to_vec() })
}

/// A parsed archive in memory; payloads are still packed.
#[derive(Debug)]
pub struct Archive {
    /// The plan.
    pub plan: Plan,
    /// The models.
    pub models: Vec<ModelEntry>,
    /// In order of groups and rows.
    pub chunks: Vec<Chunk>,
}

impl Archive {
    /// Reads and checks everything but the payloads' contents.
    pub fn parse(bytes: &[u8]) -> Result<Archive> {
        let index = Index::open(std::io::Cursor::new(bytes))?;
        index.check_hash()?;
        let chunks = (0..index.n_chunks()).map(|chunk_idx| index.chunk(chunk_idx)).collect::<Result<_>>()?;
        Ok(Archive { plan: index.plan, models: index.models, chunks })
    }
}

/// True if the bytes start like an archive of any version.
pub fn is_archive(bytes: &[u8]) -> bool {
    bytes.starts_with(&ARCHIVE_MAGIC[..6])
}

/// True for the start of an archive that may have been cut anywhere, also before its first byte.
pub fn is_archive_start(bytes: &[u8]) -> bool {
    is_archive(bytes) || ARCHIVE_MAGIC.starts_with(bytes)
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
            "expected {what} of format version {}, found version {}; use the version of baler that wrote it",
            magic[6], found[6]
        ))),
        _ => Err(Error::corrupt(format!("expected {what}, found other bytes; is it the right file?"))),
    }
}

/// The models, and the rows in full that may stand behind them: the last entry.
fn read_models(bytes: &[u8]) -> Result<(Vec<ModelEntry>, Option<StoredOutliers>)> {
    let mut r = ByteReader::new(bytes);
    let (mut models, mut outliers) = (Vec::new(), None);
    for _ in 0..r.count_of_items()? {
        if outliers.is_some() {
            return Err(Error::corrupt(
                "expected rows in full behind all models, found an entry behind them",
            ));
        }
        match r.u8()? {
            0 => models.push(ModelEntry::Inline(r.block()?.to_vec())),
            1 => {
                let hash = r.raw(32)?.try_into().expect("32 bytes");
                models.push(ModelEntry::Reference { hash, part: r.count()? });
            }
            2 => outliers = Some(StoredOutliers::read(&mut r)?),
            n => return Err(Error::unsupported(format!("expected a model entry of kind 0 to 2, found {n}"))),
        }
    }
    r.finish("the models")?;
    Ok((models, outliers))
}
