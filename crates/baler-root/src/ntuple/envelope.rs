//! The bytes of an RNTuple's header, footer and lists of pages: little-endian numbers, strings, records and lists with
//! their lengths before them, places in the file. Refuses to read past the end, and features that are not known.

use crate::blocks::unpack;
use crate::error::{Error, Result};
use crate::file::Container;
use std::io::{Read, Seek};

/// What an envelope is for: the number it starts with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Header = 1,
    Footer = 2,
    Pages = 3,
}

/// Bytes in the file, and how many they are unpacked.
#[derive(Debug, Clone, Copy)]
pub struct Link {
    pub place: u64,
    pub n_packed: u64,
    pub n_unpacked: u64,
}

/// The unpacked bytes of an envelope.
pub fn read<R: Read + Seek>(file: &mut Container<R>, link: Link) -> Result<Vec<u8>> {
    let packed = file.read(link.place, link.n_packed)?;
    let len = usize::try_from(link.n_unpacked).map_err(|_| Error::damaged("an envelope is too long"))?;
    unpack(&packed, len)
}

/// A place in some bytes.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// What an envelope of this kind holds, without its checksum.
    pub fn new(bytes: &'a [u8], kind: Kind) -> Result<Reader<'a>> {
        let content = bytes.get(..bytes.len().saturating_sub(8)).unwrap_or_default();
        let mut reader = Reader { rest: content };
        let head = reader.u64()?;
        if head & 0xffff != kind as u64 || head >> 16 != bytes.len() as u64 {
            return Err(Error::damaged(format!("expected the {kind:?} of an RNTuple, found other bytes")));
        }
        Ok(reader)
    }

    pub fn take(&mut self, n: usize) -> Result<&'a [u8]> {
        let Some((taken, rest)) = self.rest.split_at_checked(n) else {
            return Err(Error::damaged(format!(
                "expected {n} bytes of an RNTuple's description, found {}",
                self.rest.len()
            )));
        };
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let mut bytes = [0; N];
        bytes.copy_from_slice(self.take(N)?);
        Ok(bytes)
    }

    pub fn u16(&mut self) -> Result<u16> {
        self.array().map(u16::from_le_bytes)
    }

    pub fn u32(&mut self) -> Result<u32> {
        self.array().map(u32::from_le_bytes)
    }

    pub fn i32(&mut self) -> Result<i32> {
        self.array().map(i32::from_le_bytes)
    }

    pub fn u64(&mut self) -> Result<u64> {
        self.array().map(u64::from_le_bytes)
    }

    pub fn i64(&mut self) -> Result<i64> {
        self.array().map(i64::from_le_bytes)
    }

    pub fn text(&mut self) -> Result<String> {
        let len = self.u32()? as usize;
        Ok(String::from_utf8_lossy(self.take(len)?).into_owned())
    }

    /// Refuses what only newer readers understand.
    pub fn no_features(&mut self) -> Result<()> {
        match self.u64()? {
            0 => Ok(()),
            flags => Err(Error::unsupported(format!("an RNTuple with features {flags:#x} is not read"))),
        }
    }

    /// The inside of a record.
    pub fn record(&mut self) -> Result<Reader<'a>> {
        let size = self.i64()?;
        let inside = usize::try_from(size).ok().and_then(|size| size.checked_sub(8));
        let inside = inside.ok_or_else(|| Error::damaged(format!("a record of {size} bytes")))?;
        Ok(Reader { rest: self.take(inside)? })
    }

    /// The inside of a list, and how many items it has; each takes some bytes.
    pub fn list(&mut self) -> Result<(usize, Reader<'a>)> {
        let size = self.i64()?;
        let n_items = self.u32()? as usize;
        let inside = size.checked_neg().and_then(|size| usize::try_from(size).ok());
        let inside = inside.and_then(|size| size.checked_sub(12)).filter(|&inside| n_items <= inside);
        let inside =
            inside.ok_or_else(|| Error::damaged(format!("a list of {n_items} items in {size} bytes")))?;
        Ok((n_items, Reader { rest: self.take(inside)? }))
    }

    /// Where something is in the file, and its bytes there.
    pub fn locator(&mut self) -> Result<(u64, u64)> {
        let size = self.i32()?;
        if let Ok(size) = u64::try_from(size) {
            return Ok((self.u64()?, size));
        }
        match size.unsigned_abs() >> 24 {
            1 => {
                let n_bytes = self.u64()?;
                Ok((self.u64()?, n_bytes))
            }
            kind => Err(Error::unsupported(format!("values outside the file (a locator of kind {kind})"))),
        }
    }

    /// The link to another envelope.
    pub fn link(&mut self) -> Result<Link> {
        let n_unpacked = self.u64()?;
        let (place, n_packed) = self.locator()?;
        Ok(Link { place, n_packed, n_unpacked })
    }
}
