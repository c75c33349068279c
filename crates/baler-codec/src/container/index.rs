//! Finds everything in an archive by seeks: plan and models at its start, where each chunk is from the footer at its
//! end. Chunks are read one by one and checked by their checksums; [`Index::check_hash`] reads all and checks the total.

use super::{
    ARCHIVE_MAGIC, CHECKSUM_BYTES, Chunk, END_MAGIC, ModelEntry, Plan, StoredOutliers, TOTAL_HASH_BYTES,
    check_magic, read_chunk, read_frame, read_models,
};
use baler_data::bytes::{ByteReader, with_room};
use baler_data::error::{Error, Result};
use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

/// Bytes that are hashed at a time.
const HASHED_AT_ONCE: usize = 1 << 20;

/// Where everything is in an archive.
#[derive(Debug)]
pub struct Index<R> {
    /// The plan.
    pub plan: Plan,
    /// The models.
    pub models: Vec<ModelEntry>,
    /// Rows that stand in full, beside those of the chunks.
    pub outliers: Option<StoredOutliers>,
    /// Bytes of the archive.
    pub size_bytes: u64,
    input: Mutex<R>,
    /// Where each chunk's frame starts, and where the last one ends: the footer.
    starts: Vec<u64>,
    /// First chunk of each group, and the number of all.
    first_chunks: Vec<usize>,
    /// (group, first row) of each chunk.
    places: Vec<(usize, usize)>,
    total_hash: [u8; TOTAL_HASH_BYTES],
}

fn cut() -> Error {
    Error::corrupt("expected the end of an archive, found something else; the file is cut off")
}

fn read_at<R: Read + Seek>(input: &mut R, start: u64, n_bytes: u64) -> Result<Vec<u8>> {
    let failed = |e| Error::io("reading the archive", e);
    let n_bytes =
        usize::try_from(n_bytes).map_err(|_| Error::limit("no memory for a part of the archive"))?;
    let mut bytes = with_room(n_bytes)?;
    input.seek(SeekFrom::Start(start)).map_err(failed)?;
    input.by_ref().take(n_bytes as u64).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() == n_bytes { Ok(bytes) } else { Err(cut()) }
}

/// The content of the frame at `start`, and where the frame ends; it must end at or before `end`.
fn frame_at<R: Read + Seek>(input: &mut R, start: u64, end: u64, what: &str) -> Result<(Vec<u8>, u64)> {
    let head = read_at(input, start, (end - start).min(10))?;
    let mut r = ByteReader::new(&head);
    let n_bytes = r.varint()?;
    let n_head = r.position() as u64;
    let n_frame = n_head.checked_add(n_bytes).and_then(|n| n.checked_add(CHECKSUM_BYTES as u64));
    let n_frame = n_frame.filter(|n| *n <= end - start).ok_or_else(|| {
        Error::corrupt(format!(
            "expected {n_bytes} bytes of {what}, found {}; the file is damaged or cut off",
            end - start
        ))
        .at_offset(start)
    })?;
    let bytes = read_at(input, start, n_frame)?;
    let content = read_frame(&mut ByteReader::new(&bytes), what).map_err(|e| e.at_offset(start))?.to_vec();
    Ok((content, start + n_frame))
}

impl<R: Read + Seek> Index<R> {
    /// Reads the ends of an archive.
    ///
    /// # Errors
    /// [`baler_data::error::ErrorKind::Corrupt`] for damaged bytes.
    pub fn open(mut input: R) -> Result<Index<R>> {
        let size_bytes = input.seek(SeekFrom::End(0)).map_err(|e| Error::io("reading the archive", e))?;
        let n_magic = ARCHIVE_MAGIC.len() as u64;
        check_magic(&read_at(&mut input, 0, size_bytes.min(n_magic))?, ARCHIVE_MAGIC, "an archive (.bale)")?;
        let tail = size_bytes.checked_sub(8).filter(|&at| at >= n_magic).ok_or_else(cut)?;
        let end = read_at(&mut input, tail, 8)?;
        if end[4..] != END_MAGIC {
            return Err(cut());
        }
        let footer_len = u32::from_le_bytes(end[..4].try_into().expect("four bytes")) as u64;
        let footer_start = tail.checked_sub(footer_len).filter(|&at| at >= n_magic).ok_or_else(cut)?;
        let footer = read_at(&mut input, footer_start, footer_len)?;
        let (lengths, total_hash) = read_footer(&footer)?;

        let (plan, at) = frame_at(&mut input, n_magic, footer_start, "the plan")?;
        let plan = Plan::read(&plan)?;
        let (models, at) = frame_at(&mut input, at, footer_start, "the models")?;
        let (models, outliers) = read_models(&models)?;
        let starts = chunk_starts(at, &lengths, footer_start)?;
        let first_chunks = first_chunks(&plan, models.len(), lengths.len())?;
        let mut places = with_room(lengths.len())?;
        places.extend(plan.chunk_starts());
        let input = Mutex::new(input);
        Ok(Index { plan, models, outliers, size_bytes, input, starts, first_chunks, places, total_hash })
    }

    /// Number of chunks.
    pub fn n_chunks(&self) -> usize {
        self.starts.len() - 1
    }

    /// The chunk of a group that holds a row.
    pub fn chunk_of(&self, group: usize, row: usize) -> usize {
        self.places.partition_point(|&place| place <= (group, row)) - 1
    }

    /// The chunks of a group.
    pub fn chunks_of(&self, group: usize) -> Range<usize> {
        self.first_chunks[group]..self.first_chunks[group + 1]
    }

    /// (group, first row) of a chunk.
    pub fn place(&self, chunk_idx: usize) -> (usize, usize) {
        self.places[chunk_idx]
    }

    /// Bytes of a chunk with all that is around it.
    pub fn chunk_bytes(&self, chunk_idx: usize) -> u64 {
        self.starts[chunk_idx + 1] - self.starts[chunk_idx]
    }

    /// Where these bytes are in the archive.
    pub fn chunk_range(&self, chunk_idx: usize) -> Range<u64> {
        self.starts[chunk_idx]..self.starts[chunk_idx + 1]
    }

    /// Reads a chunk and checks it.
    pub fn chunk(&self, chunk_idx: usize) -> Result<Chunk> {
        let frame = {
            // A reader that panicked has left nothing but the position behind.
            let mut input = self.input.lock().unwrap_or_else(PoisonError::into_inner);
            read_at(&mut *input, self.starts[chunk_idx], self.chunk_bytes(chunk_idx))?
        };
        let chunk = read_chunk(&frame).map_err(|e| e.in_chunk(chunk_idx))?;
        if (chunk.group, chunk.first_row) == self.place(chunk_idx) {
            Ok(chunk)
        } else {
            let (group, first_row) = self.place(chunk_idx);
            Err(Error::corrupt(format!("the chunk of group {group} from row {first_row} is missing"))
                .in_chunk(chunk_idx))
        }
    }

    /// Reads everything once and checks the hash of the whole archive.
    pub fn check_hash(&self) -> Result<()> {
        let mut hasher = blake3::Hasher::new();
        let mut input = self.input.lock().unwrap_or_else(PoisonError::into_inner);
        let end = self.starts[self.n_chunks()];
        let mut at = 0;
        while at < end {
            let bytes = read_at(&mut *input, at, (end - at).min(HASHED_AT_ONCE as u64))?;
            hasher.update(&bytes);
            at += bytes.len() as u64;
        }
        if hasher.finalize().as_bytes()[..TOTAL_HASH_BYTES] == self.total_hash {
            return Ok(());
        }
        Err(Error::corrupt("expected the hash of the whole archive, found another; the file is damaged"))
    }
}

/// (length of each chunk's frame, hash of everything before the footer).
fn read_footer(bytes: &[u8]) -> Result<(Vec<u64>, [u8; TOTAL_HASH_BYTES])> {
    let mut outer = ByteReader::new(bytes);
    let mut r = ByteReader::new(read_frame(&mut outer, "the footer")?);
    outer.finish("the footer")?;
    let n_chunks = r.count_of_items()?;
    let mut lengths = with_room(n_chunks)?;
    for _ in 0..n_chunks {
        lengths.push(r.varint()?);
    }
    let total = r.raw(TOTAL_HASH_BYTES)?.try_into().expect("as many bytes as asked for");
    r.finish("the footer")?;
    Ok((lengths, total))
}

/// Where chunks start; they must fill what is between the models and the footer.
fn chunk_starts(first: u64, lengths: &[u64], footer_start: u64) -> Result<Vec<u64>> {
    let mut starts = with_room(lengths.len() + 1)?;
    let mut at = first;
    starts.push(at);
    for (chunk_idx, &length) in lengths.iter().enumerate() {
        at = at
            .checked_add(length)
            .filter(|&at| at <= footer_start)
            .ok_or_else(|| Error::corrupt("the chunk index does not fit the chunks").in_chunk(chunk_idx))?;
        starts.push(at);
    }
    if at == footer_start {
        Ok(starts)
    } else {
        Err(Error::corrupt("the chunk index does not fit the chunks"))
    }
}

/// First chunk of each group; every group must have its model and all its chunks.
fn first_chunks(plan: &Plan, n_models: usize, n_chunks: usize) -> Result<Vec<usize>> {
    let mut firsts = vec![0];
    let mut sum = 0usize;
    for (group_idx, group) in plan.groups.iter().enumerate() {
        if let Some(model) = group.method.model().filter(|&model| model >= n_models) {
            return Err(Error::corrupt(format!("expected at least {} models", model.saturating_add(1))));
        }
        sum = sum
            .checked_add(plan.n_chunks(group))
            .filter(|&sum| sum <= n_chunks)
            .ok_or_else(|| Error::corrupt(format!("chunks of group {group_idx} are missing")))?;
        firsts.push(sum);
    }
    if sum == n_chunks { Ok(firsts) } else { Err(Error::corrupt("expected no more chunks")) }
}
