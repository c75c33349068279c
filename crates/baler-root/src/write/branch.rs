//! A branch while it is written: values come in, full baskets go out; and the objects that describe it in the tree.

use crate::blocks::Compression;
use crate::error::{Error, Result};
use crate::number::Number;
use crate::read::{Column, whole_numbers};
use crate::tree::Text;
use crate::write::out::Out;

/// Bytes of values of a basket, about.
const BASKET_BYTES: usize = 1 << 17;
/// Least room for baskets in a branch.
const MIN_BASKETS: usize = 10;

/// Whether the entries of a new branch are lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NewLists {
    /// One item an entry.
    None,
    /// As many as the branch with this index says; it stands before.
    Counter(usize),
    /// A `std::vector`.
    Vector,
}

/// A branch to write.
#[derive(Debug, Clone)]
pub struct NewBranch {
    /// Name, unique in its tree.
    pub name: String,
    /// Type of the values.
    pub number: Number,
    /// Fixed extents of an item.
    pub extents: Vec<usize>,
    /// Whether entries are lists.
    pub lists: NewLists,
    /// For texts, lists of [`Number::U8`] without a counter: what they are in the file.
    pub text: Option<Text>,
    /// Name of its leaf, if that is not the branch's.
    pub leaf: Option<String>,
    /// Its title, if it is more than ROOT's own list of leaves.
    pub title: Option<String>,
    /// How its baskets are packed, if not as the file.
    pub compression: Option<Compression>,
}

impl NewBranch {
    /// A branch of single values that is packed as the file, with a leaf of its own name.
    pub fn new(name: impl Into<String>, number: Number) -> NewBranch {
        let (extents, lists) = (Vec::new(), NewLists::None);
        let (text, leaf, title, compression) = (None, None, None, None);
        NewBranch { name: name.into(), number, extents, lists, text, leaf, title, compression }
    }

    /// The class of objects that its entries are, with checksum and version; none for plain leaves.
    fn class(&self) -> Option<(String, u32, i16)> {
        let is_list = self.lists == NewLists::Vector;
        match self.text {
            Some(Text::Leaf) => None,
            Some(Text::String) => Some(("string".into(), STRING_CHECKSUM, STRING_CLASS_VERSION)),
            None => is_list.then(|| {
                let class = format!("vector<{}>", self.number.cpp());
                let add = |sum: u32, byte| sum.wrapping_mul(3).wrapping_add(u32::from(byte));
                let checksum = class.bytes().fold(0, add);
                (class, checksum, VECTOR_CLASS_VERSION)
            }),
        }
    }

    /// Name of its leaf: without the extents that may end the branch's name (`arr[10]` of a split object).
    pub fn leaf_name(&self) -> &str {
        let plain = self.name.split_once('[').map_or(self.name.as_str(), |(plain, _)| plain);
        let own = if plain.is_empty() { self.name.as_str() } else { plain };
        self.leaf.as_deref().unwrap_or(own)
    }
}

/// Entries that are written together.
#[derive(Debug, Default)]
pub struct Full {
    /// Values, and offsets of entries in them for lists.
    pub data: Vec<u8>,
    pub offsets: Option<Vec<u32>>,
    pub n_entries: usize,
}

/// A branch and what has been written of it.
#[derive(Debug)]
pub struct Open {
    pub new: NewBranch,
    current: Full,
    pub n_entries: u64,
    /// Largest value, of a branch that may count others.
    largest: i64,
    /// Place, length in the file, first entry of each basket.
    pub baskets: Vec<(u64, usize, u64)>,
    pub n_unpacked: u64,
    /// Entries in baskets.
    pub n_written: u64,
}

impl Open {
    pub fn new(new: NewBranch) -> Open {
        let (current, baskets) = (Full::default(), Vec::new());
        let mut open = Open { new, current, n_entries: 0, largest: 0, baskets, n_unpacked: 0, n_written: 0 };
        open.current = open.empty();
        open
    }

    fn empty(&self) -> Full {
        let offsets = (self.new.lists != NewLists::None).then(Vec::new);
        Full { offsets, ..Full::default() }
    }

    /// Bytes of an item.
    pub fn item_bytes(&self) -> usize {
        self.new.extents.iter().product::<usize>() * self.new.number.size()
    }

    /// Takes entries; returns the baskets that are full.
    pub fn append(&mut self, column: &Column) -> Result<Vec<Full>> {
        let item = self.item_bytes();
        let n_items = column.bytes.len() / item;
        let n_counted =
            column.counts.as_ref().map(|counts| counts.iter().map(|&n| n as usize).sum::<usize>());
        let fits = match self.new.lists {
            NewLists::None => n_counted.is_none(),
            _ => n_counted == Some(n_items),
        };
        if !fits || !column.bytes.len().is_multiple_of(item) {
            let text = format!("the values of '{}' do not fit their counts", self.new.name);
            return Err(Error::usage(text));
        }
        let mut full = Vec::new();
        let Some(counts) = &column.counts else {
            if self.new.extents.is_empty() && !matches!(self.new.number, Number::F32 | Number::F64) {
                let largest = whole_numbers(&column.bytes, self.new.number).max();
                self.largest = self.largest.max(largest.unwrap_or(0));
            }
            let mut rest = &column.bytes[..];
            while !rest.is_empty() {
                let room = (BASKET_BYTES / item).max(1) - self.current.n_entries;
                let n = room.min(rest.len() / item);
                let (now, later) = rest.split_at(n * item);
                self.current.data.extend_from_slice(now);
                self.current.n_entries += n;
                self.n_entries += n as u64;
                rest = later;
                if n == room {
                    full.extend(self.close());
                }
            }
            return Ok(full);
        };
        let mut at = 0;
        for &count in counts {
            let n_bytes = count as usize * item;
            self.append_list(count, &column.bytes[at..at + n_bytes]);
            at += n_bytes;
            if self.current.data.len() + 4 * self.current.n_entries >= BASKET_BYTES {
                full.extend(self.close());
            }
        }
        Ok(full)
    }

    fn append_list(&mut self, count: u32, values: &[u8]) {
        let current = &mut self.current;
        if let Some(offsets) = &mut current.offsets {
            offsets.push(current.data.len() as u32);
        }
        if self.new.text.is_some() {
            match u8::try_from(count).ok().filter(|&n| n < 255) {
                Some(count) => current.data.push(count),
                None => {
                    current.data.push(255);
                    current.data.extend_from_slice(&count.to_be_bytes());
                }
            }
            self.largest = self.largest.max(i64::from(count) + 1);
        } else if self.new.lists == NewLists::Vector {
            let n_bytes = (values.len() + 6) as u32 | crate::bytes::BYTE_COUNT;
            current.data.extend_from_slice(&n_bytes.to_be_bytes());
            current.data.extend_from_slice(&VECTOR_VERSION.to_be_bytes());
            current.data.extend_from_slice(&count.to_be_bytes());
        }
        current.data.extend_from_slice(values);
        current.n_entries += 1;
        self.n_entries += 1;
    }

    /// The entries that wait, as a basket.
    pub fn close(&mut self) -> Option<Full> {
        let empty = self.empty();
        let full = std::mem::replace(&mut self.current, empty);
        (full.n_entries > 0).then_some(full)
    }

    fn leaf_title(&self, all: &[Open]) -> String {
        let counter = match self.new.lists {
            NewLists::Counter(idx) => format!("[{}]", all[idx].new.leaf_name()),
            _ => String::new(),
        };
        let fixed: String = self.new.extents.iter().map(|extent| format!("[{extent}]")).collect();
        format!("{}{counter}{fixed}", self.new.leaf_name())
    }

    /// Class and letter of the leaf.
    fn leaf_class(&self) -> (&'static str, char) {
        match self.new.number {
            _ if self.new.text.is_some() => ("TLeafC", 'C'),
            Number::Bool => ("TLeafO", 'O'),
            Number::I8 => ("TLeafB", 'B'),
            Number::U8 => ("TLeafB", 'b'),
            Number::I16 => ("TLeafS", 'S'),
            Number::U16 => ("TLeafS", 's'),
            Number::I32 => ("TLeafI", 'I'),
            Number::U32 => ("TLeafI", 'i'),
            Number::I64 => ("TLeafL", 'L'),
            Number::U64 => ("TLeafL", 'l'),
            Number::F32 => ("TLeafF", 'F'),
            Number::F64 => ("TLeafD", 'D'),
        }
    }

    /// How its baskets are packed; `file` is how the file is.
    pub fn compression(&self, file: Compression) -> Compression {
        self.new.compression.unwrap_or(file)
    }

    /// Writes the branch behind a pointer; `leaves` has the reference to the leaf of each branch before and gets its own.
    pub fn write(&self, all: &[Open], compression: Compression, leaves: &mut Vec<u32>, out: &mut Out) {
        let own_title = |title: String| self.new.title.clone().unwrap_or(title);
        let Some((class, checksum, version)) = self.new.class() else {
            let title = own_title(format!("{}/{}", self.leaf_title(all), self.leaf_class().1));
            out.any("TBranch", |out| self.write_branch(all, &title, compression, leaves, out));
            return;
        };
        let kind = if self.new.text.is_some() { -1 } else { 0 };
        out.any("TBranchElement", |out| {
            out.object(10, |out| {
                self.write_branch(all, &own_title(self.new.name.clone()), compression, leaves, out);
                out.text(&class);
                out.text("");
                out.text("");
                out.u32(checksum);
                out.i16(version);
                for number in [-1, kind, -1, 0] {
                    out.i32(number); // member, type, streamer type, maximum
                }
                out.u32(0);
                out.u32(0);
            });
        });
    }

    fn write_branch(
        &self,
        all: &[Open],
        title: &str,
        compression: Compression,
        leaves: &mut Vec<u32>,
        out: &mut Out,
    ) {
        let n_baskets = self.baskets.len();
        let room = MIN_BASKETS.max(n_baskets + 1);
        let n_packed: usize = self.baskets.iter().map(|(_, n_bytes, _)| n_bytes).sum();
        let is_list = self.new.lists != NewLists::None;
        out.object(13, |out| {
            out.named(&self.new.name, title);
            fill_style(out);
            out.i32(self.compression(compression).code());
            out.i32(BASKET_BYTES as i32);
            out.i32(if is_list { 1000 } else { 0 });
            out.i32(n_baskets as i32);
            out.i64(self.n_entries as i64);
            features(out);
            out.i32(0);
            out.i32(room as i32);
            out.i32(0);
            out.i64(self.n_entries as i64);
            out.i64(0);
            out.i64(self.n_unpacked as i64);
            out.i64(n_packed as i64);
            out.array(0, |_| {});
            out.array(1, |out| {
                let leaf = self.write_leaf(all, leaves, out);
                leaves.push(leaf);
            });
            out.array(0, |_| {});
            let padded = || self.baskets.iter().copied().chain(std::iter::repeat((0, 0, 0)));
            out.u8(1);
            padded().take(room).for_each(|(_, n_bytes, _)| out.i32(n_bytes as i32));
            out.u8(1);
            let firsts = self.baskets.iter().map(|(_, _, first)| *first).chain([self.n_entries]);
            firsts.chain(std::iter::repeat(0)).take(room).for_each(|first| out.i64(first as i64));
            out.u8(1);
            padded().take(room).for_each(|(place, ..)| out.i64(place as i64));
            out.text("");
        });
    }

    fn write_leaf(&self, all: &[Open], leaves: &[u32], out: &mut Out) -> u32 {
        let number = self.new.number;
        let is_object = self.new.class().is_some();
        let is_text = self.new.text == Some(Text::Leaf);
        let is_counter = all.iter().any(
            |other| matches!(other.new.lists, NewLists::Counter(idx) if all[idx].new.name == self.new.name),
        );
        let n_values = self.new.extents.iter().product::<usize>();
        let is_unsigned = matches!(number, Number::U8 | Number::U16 | Number::U32 | Number::U64);
        let count = match self.new.lists {
            NewLists::Counter(idx) => leaves[idx],
            _ => 0,
        };
        let base = |out: &mut Out| {
            out.object(2, |out| {
                out.named(self.new.leaf_name(), &self.leaf_title(all));
                out.i32(match (is_object, is_text) {
                    (true, _) => 1,
                    (_, true) => self.largest as i32,
                    _ => n_values as i32,
                });
                out.i32(if is_object { 0 } else { number.size() as i32 });
                out.i32(0);
                out.u8(u8::from(is_counter));
                out.u8(u8::from(is_unsigned && !is_object && !is_text));
                out.u32(count);
            });
        };
        if is_object {
            return out.any("TLeafElement", |out| {
                out.object(1, |out| {
                    base(out);
                    out.i32(-1);
                    out.i32(-1);
                });
            });
        }
        // ROOT makes room for as many items as the counter's leaf says.
        let largest = if is_counter { self.largest } else { 0 }.to_be_bytes();
        out.any(self.leaf_class().0, |out| {
            out.object(1, |out| {
                base(out);
                if is_text {
                    out.i32(0);
                    out.i32(self.largest as i32);
                    return;
                }
                out.bytes.resize(out.bytes.len() + number.size(), 0);
                out.bytes.extend_from_slice(&largest[8 - number.size()..]);
            });
        })
    }
}

/// Version of vectors in baskets, and of their class.
const VECTOR_VERSION: u16 = 10;
const VECTOR_CLASS_VERSION: i16 = 6;
/// Of `std::string`.
const STRING_CHECKSUM: u32 = 0x6e6f_1604;
const STRING_CLASS_VERSION: i16 = 2;

/// A `TAttFill`.
pub fn fill_style(out: &mut Out) {
    out.object(2, |out| {
        out.i16(0);
        out.i16(1001);
    });
}

/// `ROOT::TIOFeatures`, a class without versions: its checksum, and no features.
pub fn features(out: &mut Out) {
    out.object(0, |out| {
        out.u32(0x1aa1_2f10);
        out.u8(0);
    });
}
