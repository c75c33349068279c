//! Bytes of the objects that go into a key: big-endian numbers, strings, byte counts, classes named once, references.

use crate::bytes::BYTE_COUNT;
use std::collections::HashMap;

/// A class that was not named before.
const NEW_CLASS: u32 = 0xffff_ffff;
/// A class that was.
const KNOWN_CLASS: u32 = 0x8000_0000;
/// What ROOT adds to places in its references.
const REFERENCE_OFFSET: usize = 2;
/// 2000-01-01, always: the same values give the same file.
pub const DATE: u32 = (5 << 26) | (1 << 22) | (1 << 17);

/// Content of a key whose header has `n_header` bytes.
#[derive(Debug, Default)]
pub struct Out {
    pub bytes: Vec<u8>,
    n_header: usize,
    classes: HashMap<&'static str, u32>,
}

impl Out {
    pub fn new(n_header: usize) -> Out {
        Out { n_header, ..Out::default() }
    }

    pub fn u8(&mut self, value: u8) {
        self.bytes.push(value);
    }

    pub fn i16(&mut self, value: i16) {
        self.bytes.extend_from_slice(&value.to_be_bytes());
    }

    pub fn u32(&mut self, value: u32) {
        self.bytes.extend_from_slice(&value.to_be_bytes());
    }

    pub fn i32(&mut self, value: i32) {
        self.bytes.extend_from_slice(&value.to_be_bytes());
    }

    pub fn i64(&mut self, value: i64) {
        self.bytes.extend_from_slice(&value.to_be_bytes());
    }

    /// A string with its length before it.
    pub fn text(&mut self, text: &str) {
        match u8::try_from(text.len()) {
            Ok(len) if len < 255 => self.u8(len),
            _ => {
                self.u8(255);
                self.i32(text.len() as i32);
            }
        }
        self.bytes.extend_from_slice(text.as_bytes());
    }

    /// What `content` writes, with its length and version before it.
    pub fn object(&mut self, version: i16, content: impl FnOnce(&mut Out)) {
        let start = self.bytes.len();
        self.u32(0);
        self.i16(version);
        content(self);
        self.set_length(start);
    }

    /// Writes the length of what began at `start`.
    pub fn set_length(&mut self, start: usize) {
        let n_bytes = (self.bytes.len() - start - 4) as u32 | BYTE_COUNT;
        self.bytes[start..start + 4].copy_from_slice(&n_bytes.to_be_bytes());
    }

    /// An object behind a pointer: its class, then what `content` writes. Returns the reference to it.
    pub fn any(&mut self, class: &'static str, content: impl FnOnce(&mut Out)) -> u32 {
        let start = self.bytes.len();
        self.u32(0);
        let place = self.reference(self.bytes.len());
        match self.classes.get(class) {
            Some(&known) => self.u32(known | KNOWN_CLASS),
            None => {
                self.classes.insert(class, place);
                self.u32(NEW_CLASS);
                self.bytes.extend_from_slice(class.as_bytes());
                self.u8(0);
            }
        }
        content(self);
        self.set_length(start);
        self.reference(start)
    }

    fn reference(&self, at: usize) -> u32 {
        (at + self.n_header + REFERENCE_OFFSET) as u32
    }

    /// What every `TObject` starts with.
    pub fn base_object(&mut self) {
        self.i16(1);
        self.u32(0);
        self.u32(0x0300_0000); // on the heap and not deleted
    }

    /// A `TNamed`.
    pub fn named(&mut self, name: &str, title: &str) {
        self.object(1, |out| {
            out.base_object();
            out.text(name);
            out.text(title);
        });
    }

    /// A `TObjArray` of `n` items, which `items` writes.
    pub fn array(&mut self, n: usize, items: impl FnOnce(&mut Out)) {
        self.object(3, |out| {
            out.base_object();
            out.text("");
            out.i32(n as i32);
            out.i32(0);
            items(out);
        });
    }
}

/// Bytes of a key's header with these names.
pub fn header_bytes(class: &str, name: &str, title: &str, is_large: bool) -> usize {
    let text = |text: &str| text.len() + if text.len() < 255 { 1 } else { 5 };
    (if is_large { 34 } else { 26 }) + text(class) + text(name) + text(title)
}

/// A key's header.
pub struct KeyHeader<'a> {
    pub class: &'a str,
    pub name: &'a str,
    pub title: &'a str,
    pub cycle: i16,
    /// Where the key starts, and the directory that it is in.
    pub place: u64,
    pub directory: u64,
    /// Places of 64 bits.
    pub is_large: bool,
}

impl KeyHeader<'_> {
    /// Bytes of the header, with `more` beyond the names.
    pub fn n_bytes(&self, more: usize) -> usize {
        header_bytes(self.class, self.name, self.title, self.is_large) + more
    }

    /// The header of `n_packed` bytes that unpack into `n_unpacked`, with room for `more` bytes.
    pub fn write(&self, n_packed: usize, n_unpacked: usize, more: usize) -> Vec<u8> {
        let n_header = self.n_bytes(more);
        let mut out = Out::default();
        out.i32((n_header + n_packed) as i32);
        out.i16(if self.is_large { 1004 } else { 4 });
        out.i32(n_unpacked as i32);
        out.u32(DATE);
        out.i16(n_header as i16);
        out.i16(self.cycle);
        for place in [self.place, self.directory] {
            match self.is_large {
                true => out.i64(place as i64),
                false => out.i32(place as i32),
            }
        }
        out.text(self.class);
        out.text(self.name);
        out.text(self.title);
        out.bytes
    }
}
