//! The bytes of an input, wherever they are: a file that is read in pieces, or memory. Gives the bytes of a range;
//! refuses ranges beyond the end, so that nobody allocates what a damaged file only claims.

use crate::error::{Error, Result};
use std::borrow::Cow;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Mutex;

/// A file or bytes in memory, read at any place.
#[derive(Debug)]
pub struct Bytes {
    source: Source,
    len: u64,
}

#[derive(Debug)]
enum Source {
    File(Mutex<File>),
    Memory(Vec<u8>),
}

impl Bytes {
    /// Opens a file; nothing is read yet.
    pub fn open(path: &Path) -> Result<Bytes> {
        let what = || format!("reading '{}'", path.display());
        let file = File::open(path).map_err(|e| Error::io(what(), e))?;
        let len = file.metadata().map_err(|e| Error::io(what(), e))?.len();
        Ok(Bytes { source: Source::File(Mutex::new(file)), len })
    }

    /// Bytes that are in memory already.
    pub fn memory(bytes: Vec<u8>) -> Bytes {
        let len = bytes.len() as u64;
        Bytes { source: Source::Memory(bytes), len }
    }

    /// All of them.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// `n_bytes` from `offset` on.
    pub fn read(&self, offset: u64, n_bytes: u64) -> Result<Cow<'_, [u8]>> {
        let end = offset.checked_add(n_bytes).filter(|&end| end <= self.len).ok_or_else(|| {
            Error::input(format!(
                "expected {n_bytes} bytes at byte {offset}, the file has {}; it is cut off or damaged",
                self.len
            ))
        })?;
        match &self.source {
            Source::Memory(bytes) => Ok(Cow::Borrowed(&bytes[offset as usize..end as usize])),
            Source::File(file) => {
                let mut file = file.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
                let mut bytes = vec![0; n_bytes as usize];
                file.seek(SeekFrom::Start(offset))
                    .and_then(|_| file.read_exact(&mut bytes))
                    .map_err(|e| Error::io("reading the input", e))?;
                Ok(Cow::Owned(bytes))
            }
        }
    }

    /// What there is from `offset` on, at most `n_bytes`.
    pub fn read_up_to(&self, offset: u64, n_bytes: u64) -> Result<Cow<'_, [u8]>> {
        self.read(offset, n_bytes.min(self.len.saturating_sub(offset)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_and_memory_give_the_same_and_refuse_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        std::fs::write(&path, b"0123456789").unwrap();
        for bytes in [Bytes::open(&path).unwrap(), Bytes::memory(b"0123456789".to_vec())] {
            assert_eq!(&*bytes.read(3, 4).unwrap(), b"3456");
            assert_eq!(&*bytes.read_up_to(8, 9).unwrap(), b"89");
            assert!(bytes.read(3, 8).is_err() && bytes.read(u64::MAX, 2).is_err());
            assert!(bytes.read_up_to(11, 1).is_err());
        }
    }
}
