//! Which members the objects of a class have, in which order: from the file's own streamer infos, or for the classes
//! of trees from the table of [`crate::classes`].

use crate::classes;
use crate::error::Result;
use crate::object::{Objects, Value};
use std::collections::HashMap;
use std::sync::Arc;

/// One member or base of a class.
#[derive(Debug, Clone, PartialEq)]
pub struct Element {
    /// Of the member, or of the base class.
    pub name: Arc<str>,
    /// ROOT's number of the type: see [`crate::object`].
    pub kind: i32,
    /// Values in a fixed array; 0 for none.
    pub array_length: usize,
    /// As C++ says it.
    pub type_name: Arc<str>,
    /// The member that counts a counted array.
    pub counter: Arc<str>,
    /// For `Double32_t` and `Float16_t`, where the range stands.
    pub title: Arc<str>,
}

/// Classes by name and version.
#[derive(Debug, Default)]
pub struct Streamers {
    classes: HashMap<(String, i16), Arc<Vec<Element>>>,
    by_checksum: HashMap<(String, u32), Arc<Vec<Element>>>,
}

impl Streamers {
    /// Of the content of the key that holds them, whose header has `n_header` bytes.
    pub fn read(content: &[u8], n_header: usize) -> Result<Streamers> {
        let mut streamers = Streamers::default();
        let none = Streamers::default();
        let mut objects = Objects::new(content, n_header, &none);
        let list = objects.read_class("TList")?;
        for info in objects.list(list, "items") {
            if objects.class(info) != "TStreamerInfo" {
                continue; // rules of schema evolution stand in the same list
            }
            let name = objects.text(info, "fName").to_string();
            let version = objects.int(info, "fClassVersion") as i16;
            let checksum = objects.int(info, "fCheckSum") as u32;
            let elements = objects.child(info, "fElements").map(|array| objects.list(array, "items"));
            let elements = elements.unwrap_or_default().into_iter().map(|e| element(&objects, e)).collect();
            let elements: Arc<Vec<Element>> = Arc::new(elements);
            streamers.by_checksum.insert((name.clone(), checksum), elements.clone());
            streamers.classes.insert((name, version), elements);
        }
        Ok(streamers)
    }

    /// The members of a version of a class.
    pub fn class(&self, name: &str, version: i16) -> Option<Arc<Vec<Element>>> {
        let own = self.classes.get(&(name.to_string(), version)).cloned();
        own.or_else(|| classes::elements(name).map(Arc::new))
    }

    /// The members of a class without versions.
    pub fn class_with_checksum(&self, name: &str, checksum: u32) -> Option<Arc<Vec<Element>>> {
        self.by_checksum.get(&(name.to_string(), checksum)).cloned()
    }

    /// The class as any version has it: the newest.
    pub fn any_version(&self, name: &str) -> Option<Arc<Vec<Element>>> {
        let versions = self.classes.iter().filter(|((class, _), _)| class == name);
        versions.max_by_key(|((_, version), _)| *version).map(|(_, elements)| elements.clone())
    }
}

fn element(objects: &Objects, idx: usize) -> Element {
    let text = |field: &str| Arc::from(objects.text(idx, field));
    let array_length = usize::try_from(objects.int(idx, "fArrayLength")).unwrap_or(0);
    let kind = match objects.field(idx, "fType") {
        Some(Value::Int(kind)) => *kind as i32,
        _ => -1,
    };
    Element {
        name: text("fName"),
        kind,
        array_length,
        type_name: text("fTypeName"),
        counter: text("fCountName"),
        title: text("fTitle"),
    }
}
