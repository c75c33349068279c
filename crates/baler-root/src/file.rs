//! A ROOT file as a tree of directories with keys: the header, the lists of keys, and the bytes behind a key.
//! Refuses files without ROOT's magic, places outside the file, and directories that contain themselves.

use crate::blocks::unpack;
use crate::bytes::Bytes;
use crate::error::{Error, Result};
use std::io::{Read, Seek, SeekFrom};

/// Most directories and keys that are looked at.
const MAX_KEYS: usize = 1 << 20;
/// Directories inside directories.
const MAX_DEPTH: usize = 64;
/// A key without its names, with large places.
const MAX_KEY_BYTES: u64 = 1 << 16;

/// The header of something in the file.
#[derive(Debug, Clone)]
pub struct Key {
    /// Bytes in the file, header included.
    pub n_bytes: u64,
    /// Bytes of the content when unpacked.
    pub n_unpacked: usize,
    /// Bytes of the header.
    pub n_header: u64,
    /// Number of the writing: the highest of one name is the newest.
    pub cycle: i16,
    /// Where it starts.
    pub place: u64,
    /// Class of the content.
    pub class: String,
    /// Its name.
    pub name: String,
    /// Its title.
    pub title: String,
    /// True if its places have 64 bits.
    pub is_large: bool,
}

impl Key {
    /// Reads a header.
    pub fn read(r: &mut Bytes) -> Result<Key> {
        let n_bytes = r.i32()?;
        let version = r.i16()?;
        let n_unpacked = r.count()?;
        let _date = r.u32()?;
        let n_header = r.u16()?;
        let cycle = r.i16()?;
        let place = r.place(version > 1000)?;
        let _directory = r.place(version > 1000)?;
        let (class, name, title) = (r.text()?, r.text()?, r.text()?);
        // Negative lengths mark holes; a basket inside a tree has none.
        let (n_bytes, n_header) = (u64::try_from(n_bytes).unwrap_or(0), u64::from(n_header));
        let is_large = version > 1000;
        Ok(Key { n_bytes, n_unpacked, n_header, cycle, place, class, name, title, is_large })
    }
}

/// Something that a directory holds.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Names of the directories above and its own, with slashes between.
    pub path: String,
    /// Where and what.
    pub key: Key,
}

/// An open file.
#[derive(Debug)]
pub struct Container<R> {
    source: R,
    /// Bytes of the file.
    pub len: u64,
    /// The newest cycle of every key, in the order of the directories.
    pub entries: Vec<Entry>,
    /// Place and length of the key with the streamer infos; zero if there is none.
    pub streamers: (u64, u64),
    /// How the file says that it packs.
    pub compression: i32,
}

impl<R: Read + Seek> Container<R> {
    /// Reads the header and all directories.
    pub fn open(mut source: R) -> Result<Container<R>> {
        let len = source.seek(SeekFrom::End(0))?;
        let mut file = Container { source, len, entries: Vec::new(), streamers: (0, 0), compression: 0 };
        let header = file.read_up_to(0, 75)?;
        let mut r = Bytes::new(&header);
        if r.take(4).ok() != Some(b"root") {
            return Err(Error::damaged("expected a ROOT file, found other bytes"));
        }
        let is_large = r.i32()? >= 1_000_000;
        let begin = r.i32()?;
        let _end = r.place(is_large)?;
        let _free = r.place(is_large)?;
        let (_n_free_bytes, _n_free) = (r.i32()?, r.i32()?);
        let n_name = r.i32()?;
        let _units = r.u8()?;
        file.compression = r.i32()?;
        file.streamers = (r.place(is_large)?, r.count()? as u64);
        let top = i64::from(begin) + i64::from(n_name);
        let top = u64::try_from(top).map_err(|_| Error::damaged("the file has no top directory"))?;
        file.read_directory(top, "", 0, &mut vec![top])?;
        Ok(file)
    }

    /// The bytes from `place` on; the range must lie in the file.
    pub fn read(&mut self, place: u64, n_bytes: u64) -> Result<Vec<u8>> {
        if place.checked_add(n_bytes).is_none_or(|end| end > self.len) {
            return Err(Error::damaged(format!(
                "expected {n_bytes} bytes at byte {place}, the file has {}; it is cut off or damaged",
                self.len
            )));
        }
        self.source.seek(SeekFrom::Start(place))?;
        let mut bytes = vec![0; n_bytes as usize];
        self.source.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    /// As [`Container::read`], of what there is.
    pub fn read_up_to(&mut self, place: u64, n_bytes: u64) -> Result<Vec<u8>> {
        self.read(place, n_bytes.min(self.len.saturating_sub(place)))
    }

    /// The content behind a key, unpacked.
    pub fn content(&mut self, key: &Key) -> Result<Vec<u8>> {
        let n_packed = key.n_bytes.checked_sub(key.n_header).ok_or_else(|| {
            Error::damaged(format!("a key of {} bytes has a header of {}", key.n_bytes, key.n_header))
        })?;
        let packed = self.read(key.place.saturating_add(key.n_header), n_packed)?;
        unpack(&packed, key.n_unpacked)
    }

    /// The key at a place, and its content.
    pub fn content_at(&mut self, place: u64) -> Result<(Key, Vec<u8>)> {
        let header = self.read_up_to(place, MAX_KEY_BYTES)?;
        let mut key = Key::read(&mut Bytes::new(&header))?;
        key.place = place;
        let content = self.content(&key)?;
        Ok((key, content))
    }

    fn read_directory(&mut self, place: u64, path: &str, depth: usize, seen: &mut Vec<u64>) -> Result<()> {
        let record = self.read_up_to(place, 42)?;
        let mut r = Bytes::new(&record);
        let is_large = r.i16()? > 1000;
        let (_made, _changed) = (r.u32()?, r.u32()?);
        let (n_keys_bytes, _n_name) = (r.count()? as u64, r.i32()?);
        let (_own, _parent, keys) = (r.place(is_large)?, r.place(is_large)?, r.place(is_large)?);
        if keys == 0 {
            return Ok(());
        }
        let list = self.read(keys, n_keys_bytes)?;
        let mut r = Bytes::new(&list);
        let header = Key::read(&mut r)?;
        r.seek(header.n_header as usize)?;
        let n_keys = r.count()?;
        let mut newest: Vec<Key> = Vec::new();
        let mut by_name = std::collections::HashMap::new();
        for _ in 0..n_keys {
            let key = Key::read(&mut r)?;
            let found = *by_name.entry(key.name.clone()).or_insert(newest.len());
            match newest.get_mut(found) {
                Some(other) if other.cycle < key.cycle => *other = key,
                Some(_) => {}
                None => newest.push(key),
            }
        }
        for key in newest {
            let path = if path.is_empty() { key.name.clone() } else { format!("{path}/{}", key.name) };
            if self.entries.len() >= MAX_KEYS {
                return Err(Error::damaged(format!("the file has more than {MAX_KEYS} keys")));
            }
            if key.class == "TDirectory" || key.class == "TDirectoryFile" {
                let place = key.place.saturating_add(key.n_header);
                if depth >= MAX_DEPTH || seen.contains(&place) {
                    return Err(Error::damaged(format!(
                        "the directory '{path}' lies in itself, or too deep"
                    )));
                }
                seen.push(place);
                self.read_directory(place, &path, depth + 1, seen)?;
            } else {
                self.entries.push(Entry { path, key });
            }
        }
        Ok(())
    }
}
