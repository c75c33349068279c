//! Bytes that can be read anywhere: a file, or what came by a pipe or was unpacked, in memory while it is small and else
//! in a temporary file, which the system removes when nobody has it open any more.

use baler_data::error::{Error, Result};
use std::borrow::Cow;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

/// Most bytes that are kept in memory.
const MEMORY_BYTES: u64 = 16 << 20;
/// Bytes that are taken from a pipe at a time.
const READ_AT_ONCE: u64 = 1 << 20;
/// Bytes that a reader of a region asks for at a time.
const BUFFER_BYTES: u64 = 1 << 18;

/// Bytes in memory or in a file.
enum Bytes {
    Memory(Vec<u8>),
    /// Bytes of ours, and behind them those of somebody else, where they stand.
    Shared(Vec<u8>, Box<dyn AsRef<[u8]> + Send + Sync>),
    File(Mutex<File>),
}

impl std::fmt::Debug for Bytes {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        match self {
            Bytes::Memory(bytes) => write!(f, "{} bytes in memory", bytes.len()),
            Bytes::Shared(head, rest) => {
                write!(f, "{} bytes in memory", head.len() + (**rest).as_ref().len())
            }
            Bytes::File(file) => file.fmt(f),
        }
    }
}

impl Bytes {
    /// Some of the bytes in memory, which are there; `None` of a file.
    fn in_memory(&self, range: Range<usize>) -> Option<Cow<'_, [u8]>> {
        match self {
            Bytes::Memory(bytes) => Some(Cow::Borrowed(&bytes[range])),
            Bytes::Shared(head, rest) => {
                let (n_head, rest) = (head.len(), (**rest).as_ref());
                Some(match (range.end <= n_head, range.start >= n_head) {
                    (true, _) => Cow::Borrowed(&head[range]),
                    (_, true) => Cow::Borrowed(&rest[range.start - n_head..range.end - n_head]),
                    _ => Cow::Owned([&head[range.start..], &rest[..range.end - n_head]].concat()),
                })
            }
            Bytes::File(_) => None,
        }
    }
}

/// A part of some bytes.
#[derive(Debug, Clone)]
pub struct Region {
    bytes: Arc<Bytes>,
    start: u64,
    len: u64,
}

impl Region {
    /// All of a file.
    pub fn of_file(file: File) -> std::io::Result<Region> {
        let len = file.metadata()?.len();
        Ok(Region { bytes: Arc::new(Bytes::File(Mutex::new(file))), start: 0, len })
    }

    /// Bytes in memory.
    pub fn of_bytes(bytes: Vec<u8>) -> Region {
        Region { start: 0, len: bytes.len() as u64, bytes: Arc::new(Bytes::Memory(bytes)) }
    }

    /// The bytes of `head` and behind them those of `rest`, which stay where they are: a header, for example, and the
    /// values of an array that somebody else holds.
    pub fn of_shared(head: Vec<u8>, rest: impl AsRef<[u8]> + Send + Sync + 'static) -> Region {
        let len = (head.len() + rest.as_ref().len()) as u64;
        Region { start: 0, len, bytes: Arc::new(Bytes::Shared(head, Box::new(rest))) }
    }

    /// Number of bytes.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// True if reading needs no copy of the bytes.
    pub fn is_in_memory(&self) -> bool {
        !matches!(&*self.bytes, Bytes::File(_))
    }

    /// True if there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// A part of this one, which has to lie in it.
    pub fn part(&self, start: u64, len: u64) -> Result<Region> {
        match start.checked_add(len).filter(|&end| end <= self.len) {
            Some(_) => Ok(Region { bytes: self.bytes.clone(), start: self.start + start, len }),
            None => Err(Error::input(format!(
                "expected {len} bytes from byte {start}, found {} in all; the file is cut off or damaged",
                self.len
            ))),
        }
    }

    /// Some of the bytes; fewer only where the region ends.
    pub fn read_at(&self, start: u64, n_bytes: u64) -> Result<Vec<u8>> {
        let n_bytes = n_bytes.min(self.len.saturating_sub(start));
        if n_bytes == 0 {
            return Ok(Vec::new());
        }
        let at = self.start + start;
        match &*self.bytes {
            bytes @ (Bytes::Memory(_) | Bytes::Shared(..)) => {
                let found = bytes.in_memory(at as usize..(at + n_bytes) as usize);
                Ok(found.map(Cow::into_owned).unwrap_or_default())
            }
            Bytes::File(file) => {
                let failed = |e| Error::io("reading the input", e);
                let mut bytes = vec![0; n_bytes as usize];
                let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
                file.seek(SeekFrom::Start(at)).map_err(failed)?;
                file.read_exact(&mut bytes).map_err(failed)?;
                Ok(bytes)
            }
        }
    }

    /// `n_bytes` from `start` on; an error where there are fewer, so that nobody allocates what a damaged file claims.
    pub fn read(&self, start: u64, n_bytes: u64) -> Result<Cow<'_, [u8]>> {
        let end = start.checked_add(n_bytes).filter(|&end| end <= self.len).ok_or_else(|| {
            Error::input(format!(
                "expected {n_bytes} bytes at byte {start}, the file has {}; it is cut off or damaged",
                self.len
            ))
        })?;
        match self.bytes.in_memory((self.start + start) as usize..(self.start + end) as usize) {
            Some(bytes) => Ok(bytes),
            None => self.read_at(start, n_bytes).map(Cow::Owned),
        }
    }

    /// What there is from `start` on, at most `n_bytes`.
    pub fn read_up_to(&self, start: u64, n_bytes: u64) -> Result<Cow<'_, [u8]>> {
        self.read(start, n_bytes.min(self.len.saturating_sub(start)))
    }

    /// All bytes.
    pub fn all(&self) -> Result<Vec<u8>> {
        self.read_at(0, self.len)
    }

    /// Reads them in order, or anywhere.
    pub fn reader(&self) -> RegionReader {
        RegionReader { region: self.clone(), at: 0, buffer: Vec::new(), buffer_start: 0 }
    }
}

/// Reads a region with a buffer of its own.
#[derive(Debug, Clone)]
pub struct RegionReader {
    region: Region,
    at: u64,
    buffer: Vec<u8>,
    buffer_start: u64,
}

impl Read for RegionReader {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let inside = self.at >= self.buffer_start && self.at < self.buffer_start + self.buffer.len() as u64;
        if !inside {
            let n_bytes = BUFFER_BYTES.max(out.len() as u64);
            self.buffer = self.region.read_at(self.at, n_bytes).map_err(std::io::Error::other)?;
            self.buffer_start = self.at;
        }
        let rest = &self.buffer[((self.at - self.buffer_start) as usize).min(self.buffer.len())..];
        let n_bytes = rest.len().min(out.len());
        out[..n_bytes].copy_from_slice(&rest[..n_bytes]);
        self.at += n_bytes as u64;
        Ok(n_bytes)
    }
}

impl Seek for RegionReader {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => self.region.len.checked_add_signed(by),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
        };
        self.at = at.ok_or_else(|| std::io::Error::from(std::io::ErrorKind::InvalidInput))?;
        Ok(self.at)
    }
}

/// Bytes in the making, which may be written anywhere up to a size that is known.
#[derive(Debug)]
pub enum Spill {
    /// Small ones.
    Memory(Vec<u8>),
    /// Others, with the size.
    File(File, u64),
}

fn failed(error: std::io::Error) -> Error {
    Error::io("writing a temporary file (TMPDIR says where)", error)
}

impl Spill {
    /// Room for `n_bytes`.
    pub fn new(n_bytes: u64) -> Result<Spill> {
        if n_bytes <= MEMORY_BYTES {
            return Ok(Spill::Memory(vec![0; n_bytes as usize]));
        }
        Ok(Spill::File(tempfile::tempfile().map_err(failed)?, n_bytes))
    }

    /// All that a reader gives.
    pub fn of_reader(reader: &mut dyn Read) -> Result<Region> {
        let mut appended = Appended::default();
        let mut bytes = Vec::new();
        loop {
            bytes.clear();
            let read = reader.take(READ_AT_ONCE).read_to_end(&mut bytes);
            if read.map_err(|e| Error::io("reading the input", e))? == 0 {
                return appended.finish();
            }
            appended.push(&bytes)?;
        }
    }

    /// Writes bytes, which have to lie within the size.
    pub fn write_at(&mut self, start: u64, bytes: &[u8]) -> Result<()> {
        match self {
            Spill::Memory(all) => {
                let end = start as usize + bytes.len();
                let place = all.get_mut(start as usize..end);
                place.ok_or_else(|| Error::limit("more bytes than were announced"))?.copy_from_slice(bytes);
            }
            Spill::File(file, _) => {
                file.seek(SeekFrom::Start(start)).and_then(|_| file.write_all(bytes)).map_err(failed)?;
            }
        }
        Ok(())
    }

    /// What was written, to be read.
    pub fn finish(self) -> Result<Region> {
        match self {
            Spill::Memory(bytes) => Ok(Region::of_bytes(bytes)),
            Spill::File(file, n_bytes) => {
                // Where nothing was written at the end, zeros are what is read.
                file.set_len(n_bytes).map_err(failed)?;
                Region::of_file(file).map_err(failed)
            }
        }
    }
}

/// Bytes in the making whose number is not known.
#[derive(Debug, Default)]
pub struct Appended {
    bytes: Vec<u8>,
    file: Option<File>,
}

impl Appended {
    /// Appends bytes: to memory until there are many.
    pub fn push(&mut self, bytes: &[u8]) -> Result<()> {
        if let Some(file) = &mut self.file {
            return file.write_all(bytes).map_err(failed);
        }
        self.bytes.extend_from_slice(bytes);
        if self.bytes.len() as u64 > MEMORY_BYTES {
            let mut file = tempfile::tempfile().map_err(failed)?;
            file.write_all(&std::mem::take(&mut self.bytes)).map_err(failed)?;
            self.file = Some(file);
        }
        Ok(())
    }

    /// What was appended, to be read.
    pub fn finish(self) -> Result<Region> {
        match self.file {
            Some(file) => Region::of_file(file).map_err(failed),
            None => Ok(Region::of_bytes(self.bytes)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_are_read_in_order_and_anywhere() {
        let bytes: Vec<u8> = (0..1 << 20).map(|i| (i * 7 % 251) as u8).collect();
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&bytes).unwrap();
        let shared = |n_head: usize| Region::of_shared(bytes[..n_head].to_vec(), bytes[n_head..].to_vec());
        let in_memory = [Region::of_bytes(bytes.clone()), shared(0), shared(1010), shared(500_000)];
        for region in [Region::of_file(file).unwrap()].into_iter().chain(in_memory) {
            assert_eq!(region.all().unwrap(), bytes);
            let part = region.part(1000, 600_000).unwrap();
            assert_eq!(part.read_at(5, 10).unwrap(), bytes[1005..1015]);
            assert_eq!(part.read_at(599_995, 10).unwrap().len(), 5);
            assert!(part.read_at(u64::MAX, 10).unwrap().is_empty());
            let mut reader = part.reader();
            let mut read = Vec::new();
            reader.read_to_end(&mut read).unwrap();
            assert_eq!(read, bytes[1000..601_000]);
            reader.seek(SeekFrom::End(-3)).unwrap();
            read.clear();
            reader.read_to_end(&mut read).unwrap();
            assert_eq!(read, bytes[600_997..601_000]);
            assert!(region.part(10, 1 << 20).is_err());
            assert_eq!(*part.read(5, 10).unwrap(), bytes[1005..1015]);
            assert_eq!(*part.read_up_to(599_990, 20).unwrap(), bytes[600_990..601_000]);
            assert!(part.read(599_995, 10).is_err() && part.read(u64::MAX, 2).is_err());
            assert!(part.read_up_to(600_001, 1).is_err());
        }
    }

    #[test]
    fn what_comes_by_a_pipe_is_kept_in_memory_or_beside_it() {
        for n_bytes in [0, 1000, MEMORY_BYTES + 12_345] {
            let mut pipe = std::io::repeat(7).take(n_bytes);
            let region = Spill::of_reader(&mut pipe).unwrap();
            assert_eq!(region.len(), n_bytes);
            assert!(region.read_at(n_bytes.saturating_sub(9), 9).unwrap().iter().all(|&byte| byte == 7));
        }
        let mut spill = Spill::new(MEMORY_BYTES + 10).unwrap();
        spill.write_at(MEMORY_BYTES, b"abc").unwrap();
        let region = spill.finish().unwrap();
        assert_eq!(region.read_at(MEMORY_BYTES - 1, 9).unwrap(), b"\0abc\0\0\0\0\0");
    }
}
