//! The frame of an HDF5 file: superblock and object headers (all versions) to messages. Refuses headers whose parts
//! form a circle, shared message tables, and checksums that do not fit.

use super::fields::{Fields, Sizes, UNDEFINED, checksum, damaged, unsupported};
use crate::store::Region;
use baler_data::error::Result;
use std::borrow::Cow;

/// What a file begins with.
pub const SIGNATURE: &[u8; 8] = b"\x89HDF\r\n\x1a\n";

/// Parts of one object header; files in use have a few.
const MAX_PARTS: usize = 1 << 12;

/// Kinds of messages.
pub mod kind {
    pub const DATASPACE: u16 = 1;
    pub const LINK_INFO: u16 = 2;
    pub const DATATYPE: u16 = 3;
    pub const OLD_FILL: u16 = 4;
    pub const FILL: u16 = 5;
    pub const LINK: u16 = 6;
    pub const EXTERNAL: u16 = 7;
    pub const LAYOUT: u16 = 8;
    pub const GROUP_INFO: u16 = 10;
    pub const FILTERS: u16 = 11;
    pub const ATTRIBUTE: u16 = 12;
    pub const CONTINUATION: u16 = 16;
    pub const SYMBOL_TABLE: u16 = 17;
    pub const ATTRIBUTE_INFO: u16 = 21;
}

/// An opened file, and where its structures begin.
pub struct File {
    bytes: Region,
    base: u64,
    /// Widths of addresses and lengths.
    pub sizes: Sizes,
    /// The root group's object header.
    pub root: u64,
}

/// One message of an object header.
#[derive(Debug, Clone)]
pub struct Message {
    /// What it tells; see [`kind`].
    pub kind: u16,
    /// Its place among the attributes, where the header keeps it.
    pub order: Option<u16>,
    /// True if it stands elsewhere, and others may mean the same.
    pub is_shared: bool,
    /// Its content; that of the message it stands for if it is shared.
    pub body: Vec<u8>,
}

impl File {
    /// Reads the superblock.
    pub fn open(bytes: Region) -> Result<File> {
        let mut at = 0;
        loop {
            let found = bytes.read_up_to(at, 8)?;
            if &*found == SIGNATURE {
                break;
            }
            at = if at == 0 { 512 } else { at * 2 };
            if at >= bytes.len() {
                return Err(baler_data::error::Error::input(
                    "expected an HDF5 file (magic \\x89HDF), found other bytes",
                ));
            }
        }
        let block = bytes.read_up_to(at + 8, 160)?.into_owned();
        let version = *block.first().ok_or_else(|| damaged("the superblock is cut off"))?;
        let widths = match version {
            0 | 1 => block.get(5..7),
            2 | 3 => block.get(1..3),
            _ => return Err(unsupported(format!("HDF5 superblock version {version} is not known"))),
        };
        let sizes = match widths {
            Some(&[offset @ (2 | 4 | 8), length @ (2 | 4 | 8)]) => {
                Sizes { offset: usize::from(offset), length: usize::from(length) }
            }
            _ => return Err(damaged("expected addresses of 2, 4 or 8 bytes in the superblock")),
        };
        let mut f = Fields::new(&block, sizes);
        f.skip(match version {
            0 => 16,
            1 => 20,
            _ => 4,
        })?;
        // The base address; what counts is where the signature stands.
        f.address()?;
        f.address()?;
        f.address()?;
        if version < 2 {
            f.address()?;
            f.address()?; // the root's name
        }
        let root = f.address()?;
        Ok(File { bytes, base: at, sizes, root })
    }

    /// Bytes of the file.
    pub fn len(&self) -> u64 {
        self.bytes.len()
    }

    /// `n_bytes` at an address.
    pub fn at(&self, address: u64, n_bytes: u64) -> Result<Cow<'_, [u8]>> {
        let offset = address.checked_add(self.base).filter(|_| address != UNDEFINED);
        self.bytes.read(offset.ok_or_else(|| damaged("an address points nowhere"))?, n_bytes)
    }

    /// At most `n_bytes` at an address.
    pub fn up_to(&self, address: u64, n_bytes: u64) -> Result<Cow<'_, [u8]>> {
        let offset = address.checked_add(self.base).filter(|_| address != UNDEFINED);
        self.bytes.read_up_to(offset.ok_or_else(|| damaged("an address points nowhere"))?, n_bytes)
    }

    /// Fields of `bytes`.
    pub fn fields<'a>(&self, bytes: &'a [u8]) -> Fields<'a> {
        Fields::new(bytes, self.sizes)
    }

    /// The messages of the object header at `address`, in their order.
    pub fn messages(&self, address: u64) -> Result<Vec<Message>> {
        self.messages_at(address, true)
    }

    fn messages_at(&self, address: u64, follow_shared: bool) -> Result<Vec<Message>> {
        let start = self.up_to(address, 32)?;
        let mut found = Vec::new();
        let mut parts = Vec::new();
        let mut f = self.fields(&start);
        let flags = if start.starts_with(b"OHDR") {
            f.skip(4)?;
            let version = f.u8()?;
            let flags = f.u8()?;
            if version != 2 {
                return Err(unsupported(format!("object header version {version} is not known")));
            }
            f.skip(if flags & 0x20 != 0 { 16 } else { 0 } + if flags & 0x10 != 0 { 4 } else { 0 })?;
            let n_bytes = f.uint(1 << (flags & 3))?;
            let prefix = start.len() as u64 - f.remaining() as u64;
            let whole = self.at(address, prefix.saturating_add(n_bytes).saturating_add(4))?;
            check(&whole)?;
            let messages = &whole[prefix as usize..whole.len() - 4];
            self.split(messages, Some(flags), follow_shared, &mut found, &mut parts)?;
            Some(flags)
        } else {
            let version = f.u8()?;
            if version != 1 {
                return Err(damaged(format!("expected an object header of version 1 or 2, found {version}")));
            }
            f.skip(7)?;
            let n_bytes = u64::from(f.u32()?);
            let messages = self.at(address.saturating_add(16), n_bytes)?;
            self.split(&messages, None, follow_shared, &mut found, &mut parts)?;
            None
        };
        let mut next = 0;
        while let Some(&(address, n_bytes)) = parts.get(next) {
            next += 1;
            if next > MAX_PARTS || parts[..next - 1].contains(&(address, n_bytes)) {
                return Err(damaged("the parts of an object header form a circle"));
            }
            let part = self.at(address, n_bytes)?;
            let messages = match flags {
                Some(_) => {
                    check(&part)?;
                    part.strip_prefix(b"OCHK".as_slice()).and_then(|p| p.get(..p.len().checked_sub(4)?))
                }
                None => Some(&part[..]),
            };
            let messages = messages.ok_or_else(|| damaged("expected a part of an object header"))?;
            self.split(messages, flags, follow_shared, &mut found, &mut parts)?;
        }
        Ok(found)
    }

    /// The messages of one part; `flags` are those of a header of version 2.
    fn split(
        &self,
        bytes: &[u8],
        flags: Option<u8>,
        follow_shared: bool,
        found: &mut Vec<Message>,
        parts: &mut Vec<(u64, u64)>,
    ) -> Result<()> {
        let mut f = self.fields(bytes);
        let has_order = flags.is_some_and(|flags| flags & 4 != 0);
        let head = if flags.is_none() { 8 } else { 4 + if has_order { 2 } else { 0 } };
        while f.remaining() >= head {
            let kind = if flags.is_some() { u16::from(f.u8()?) } else { f.u16()? };
            let n_bytes = usize::from(f.u16()?);
            let message_flags = f.u8()?;
            let order = match flags {
                None => f.skip(3).map(|()| None)?,
                Some(_) if has_order => Some(f.u16()?),
                Some(_) => None,
            };
            let body = f.raw(n_bytes)?;
            if kind == kind::CONTINUATION {
                let mut body = self.fields(body);
                parts.push((body.address()?, body.length()?));
            } else if kind != 0 {
                let body = match message_flags & 2 != 0 && follow_shared {
                    true => self.shared(kind, body)?,
                    false => body.to_vec(),
                };
                found.push(Message { kind, order, is_shared: message_flags & 2 != 0, body });
            }
        }
        Ok(())
    }

    /// The body that a shared message stands for.
    pub fn shared(&self, kind: u16, body: &[u8]) -> Result<Vec<u8>> {
        let mut f = self.fields(body);
        let version = f.u8()?;
        let place = f.u8()?;
        if version == 1 {
            f.skip(6)?;
        }
        if version >= 3 && place == 1 {
            return Err(unsupported("the file shares messages in a heap"));
        }
        let target = f.address()?;
        let messages = self.messages_at(target, false)?;
        let message = messages.into_iter().find(|message| message.kind == kind);
        Ok(message.ok_or_else(|| damaged("a shared message is not where it should be"))?.body)
    }
}

/// The last four bytes are the checksum of all before them.
fn check(bytes: &[u8]) -> Result<()> {
    let (content, stored) = bytes.split_last_chunk::<4>().ok_or_else(|| damaged("a structure is cut off"))?;
    if checksum(content) != u32::from_le_bytes(*stored) {
        return Err(damaged("the checksum of an HDF5 structure does not fit"));
    }
    Ok(())
}
