//! The pieces of an archive, front to back: the header once, a frame for each chunk as they are made, the footer at the
//! end. Nothing is ever changed again, so that any output that takes bytes in order will do.

use super::{ARCHIVE_MAGIC, END_MAGIC, ModelEntry, Plan, StoredOutliers, TOTAL_HASH_BYTES, frame};
use baler_data::bytes::ByteWriter;
use baler_data::error::{Error, Result};

/// Magic, plan and models.
pub fn archive_header(plan: &Plan, models: &[ModelEntry]) -> Vec<u8> {
    archive_header_with(plan, models, None)
}

/// [`archive_header`], with the rows in full.
pub fn archive_header_with(plan: &Plan, models: &[ModelEntry], outliers: Option<&StoredOutliers>) -> Vec<u8> {
    let mut out = ByteWriter::default();
    out.raw(&ARCHIVE_MAGIC);
    frame(&plan.write(), &mut out);
    let mut table = ByteWriter::default();
    table.count(models.len() + usize::from(outliers.is_some()));
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
    if let Some(outliers) = outliers {
        table.u8(2);
        outliers.write(&mut table);
    }
    frame(&table.bytes, &mut out);
    out.bytes
}

/// The frame of a chunk.
pub fn chunk_frame(group: usize, first_row: usize, payload: &[u8]) -> Vec<u8> {
    let mut record = ByteWriter::default();
    record.count(group);
    record.count(first_row);
    record.raw(payload);
    let mut out = ByteWriter::default();
    frame(&record.bytes, &mut out);
    out.bytes
}

/// The footer in the making: it has to see everything that is written before it.
pub struct Footer {
    hasher: blake3::Hasher,
    chunk_lengths: Vec<usize>,
}

impl Footer {
    /// Behind the header.
    pub fn new(header: &[u8]) -> Footer {
        let mut hasher = blake3::Hasher::new();
        hasher.update(header);
        Footer { hasher, chunk_lengths: Vec::new() }
    }

    /// Takes in the frame of a chunk; chunks come group by group, row by row.
    pub fn see(&mut self, frame: &[u8]) {
        self.hasher.update(frame);
        self.chunk_lengths.push(frame.len());
    }

    /// Chunk index, total hash, where the footer starts.
    pub fn finish(self) -> Result<Vec<u8>> {
        let mut footer = ByteWriter::default();
        footer.count(self.chunk_lengths.len());
        for &length in &self.chunk_lengths {
            footer.count(length);
        }
        footer.raw(&self.hasher.finalize().as_bytes()[..TOTAL_HASH_BYTES]);
        let mut end = ByteWriter::default();
        frame(&footer.bytes, &mut end);
        let footer_len = u32::try_from(end.bytes.len())
            .map_err(|_| Error::limit("expected an index of at most 4 GiB; the data have too many chunks"))?;
        end.raw(&footer_len.to_le_bytes());
        end.raw(&END_MAGIC);
        Ok(end.bytes)
    }
}
