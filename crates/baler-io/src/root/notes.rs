//! What a ROOT file holds beside its numbers, as metadata: how it packs, the trees with their titles, what branches have
//! beyond names and types, and objects that are no trees, byte for byte. Refuses bytes that are not its own.

use baler_data::bytes::{ByteReader, ByteWriter};
use baler_data::error::{Error, Result};
use baler_root::{Compression, NewBranch, Object, Text};

const VERSION: u8 = 2;

/// All of a file, in the order of its directories.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Notes {
    /// ROOT's number of how the file packs.
    pub compression: i32,
    /// Trees and objects.
    pub entries: Vec<Entry>,
    /// The descriptions of the objects' classes.
    pub descriptions: Option<Object>,
}

/// A tree, or an object as it is.
#[derive(Debug, Clone, PartialEq)]
pub enum Entry {
    Tree(TreeNotes),
    Object(Object),
}

/// What a tree has.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TreeNotes {
    pub path: String,
    pub title: String,
    pub branches: Vec<BranchNotes>,
}

/// What a branch has beyond its name and type.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct BranchNotes {
    /// Its name in the tree.
    pub name: String,
    /// Of its leaf; empty if it is what [`NewBranch::leaf_name`] makes of the branch's.
    pub leaf: String,
    /// Empty if it only says what the leaf is.
    pub title: String,
    /// ROOT's number of how its baskets are packed; less than 0 if as the file.
    pub compression: i32,
    /// For texts: true if they are strings and no leaves of characters.
    pub is_string: bool,
}

impl BranchNotes {
    /// Of a branch that was read.
    pub fn of(branch: &baler_root::Branch) -> BranchNotes {
        let default = NewBranch::new(&branch.name, branch.number);
        let leaf = if branch.leaf == default.leaf_name() { String::new() } else { branch.leaf.clone() };
        let title = &branch.title;
        let own = |name: &str| {
            title.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with(['[', '/']))
        };
        // Titles that only list the leaves are made anew.
        let is_list = title.split(':').all(|leaf| leaf.contains('/')) && title.contains(':');
        let says_nothing = own(&branch.name) || own(&branch.leaf) || is_list;
        BranchNotes {
            name: branch.name.clone(),
            leaf,
            title: if says_nothing { String::new() } else { title.clone() },
            compression: branch.compression.map_or(-1, Compression::code),
            is_string: branch.text == Some(Text::String),
        }
    }
}

impl Notes {
    /// How the file packs.
    pub fn compression(&self) -> Compression {
        Compression::from_code(self.compression)
    }

    /// The bytes that [`Notes::read`] reads.
    pub fn write(&self) -> Vec<u8> {
        let mut w = ByteWriter::default();
        w.u8(VERSION);
        w.signed(i64::from(self.compression));
        w.count(self.entries.len());
        for entry in &self.entries {
            match entry {
                Entry::Tree(tree) => {
                    w.u8(0);
                    w.block(tree.path.as_bytes());
                    w.block(tree.title.as_bytes());
                    w.count(tree.branches.len());
                    for branch in &tree.branches {
                        for text in [&branch.name, &branch.leaf, &branch.title] {
                            w.block(text.as_bytes());
                        }
                        w.signed(i64::from(branch.compression));
                        w.u8(u8::from(branch.is_string));
                    }
                }
                Entry::Object(object) => {
                    w.u8(1);
                    write_object(object, &mut w);
                }
            }
        }
        w.u8(u8::from(self.descriptions.is_some()));
        self.descriptions.iter().for_each(|object| write_object(object, &mut w));
        w.bytes
    }

    /// What [`Notes::write`] wrote.
    pub fn read(bytes: &[u8]) -> Result<Notes> {
        let mut r = ByteReader::new(bytes);
        if r.u8()? != VERSION {
            return Err(Error::unsupported("ROOT metadata of another version are not known"));
        }
        let mut notes = Notes { compression: r.signed()? as i32, ..Notes::default() };
        for _ in 0..r.count_of_items()? {
            notes.entries.push(match r.u8()? {
                0 => {
                    let (path, title) = (text(&mut r)?, text(&mut r)?);
                    let mut branches = Vec::new();
                    for _ in 0..r.count_of_items()? {
                        let (name, leaf, title) = (text(&mut r)?, text(&mut r)?, text(&mut r)?);
                        let (compression, is_string) = (r.signed()? as i32, r.u8()? != 0);
                        branches.push(BranchNotes { name, leaf, title, compression, is_string });
                    }
                    Entry::Tree(TreeNotes { path, title, branches })
                }
                1 => Entry::Object(read_object(&mut r)?),
                other => return Err(Error::corrupt(format!("expected a tree or an object, found {other}"))),
            });
        }
        if r.u8()? != 0 {
            notes.descriptions = Some(read_object(&mut r)?);
        }
        Ok(notes)
    }

    /// Paths and classes of the objects.
    pub fn names(&self) -> Vec<String> {
        let name = |entry: &Entry| match entry {
            Entry::Object(object) => Some(format!("{} ({})", object.path, object.class)),
            Entry::Tree(_) => None,
        };
        self.entries.iter().filter_map(name).collect()
    }
}

fn text(r: &mut ByteReader) -> Result<String> {
    Ok(String::from_utf8_lossy(r.block()?).into_owned())
}

fn write_object(object: &Object, w: &mut ByteWriter) {
    for text in [&object.path, &object.class, &object.title] {
        w.block(text.as_bytes());
    }
    w.u8(u8::from(object.is_large));
    w.block(&object.content);
}

fn read_object(r: &mut ByteReader) -> Result<Object> {
    let (path, class, title) = (text(r)?, text(r)?, text(r)?);
    Ok(Object { path, class, title, is_large: r.u8()? != 0, content: r.block()?.to_vec() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_come_back_and_damage_is_told() {
        let object = |path: &str| Object {
            path: path.into(),
            class: "TH1F".into(),
            title: "a histogram".into(),
            is_large: false,
            content: vec![1, 2, 3],
        };
        let branch = BranchNotes { name: "pt".into(), title: "of jets".into(), ..BranchNotes::default() };
        let tree = TreeNotes { path: "a/b".into(), title: String::new(), branches: vec![branch; 3] };
        let notes = Notes {
            compression: 505,
            entries: vec![Entry::Tree(tree), Entry::Object(object("h"))],
            descriptions: Some(object("StreamerInfo")),
        };
        let bytes = notes.write();
        assert_eq!(Notes::read(&bytes).unwrap(), notes);
        assert_eq!(notes.names(), ["h (TH1F)"]);
        for end in 0..bytes.len() {
            assert!(Notes::read(&bytes[..end]).is_err());
        }
    }
}
