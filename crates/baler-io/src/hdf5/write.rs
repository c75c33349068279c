//! A dataset as an HDF5 file that HDF5 1.8 and later read: superblock, object headers, a global heap, then the values,
//! each in one piece or in chunks as the source had them. Groups keep the order of their making, as NetCDF-4 wants it. What the source's metadata say of
//! objects that are not written is left out, and so are references to them.

use super::addresses::Addresses;
use super::datatype;
use super::fields::{UNDEFINED, checksum};
use super::header::kind;
use super::items::{self, Attribute, Item, OUR_SIZES, Places};
use super::messages::{DataPlace, dataspace, message, of_dataset, one_piece, superblock, without_order};
use super::metadata::{self, Content, Object};
use super::new_array::{Array, array};
use super::{scales, shared};
use baler_data::dataset::{DType, Dataset, Variable};
use baler_data::error::{Error, Result};
use baler_data::metadata::{Codec, Metadata};
use std::collections::HashMap;

/// Axes of an array in HDF5, at most.
const MAX_AXES: usize = 32;
const SUPERBLOCK_BYTES: usize = 48;

/// An object that is written.
struct Node<'a> {
    path: String,
    content: Written<'a>,
    attributes: Vec<Attribute>,
    /// True if the file says in which order they were made.
    is_ordered: bool,
    /// True if its datatype is one that stands in the file by itself.
    has_named_type: bool,
    /// (name, what it leads to), of groups.
    children: Vec<(String, Child)>,
}

enum Written<'a> {
    Group,
    Array(Box<Array<'a>>),
    Other(Item),
    /// An axis without values.
    Extent(u64),
    /// A datatype by itself.
    Type(Vec<u8>),
}

enum Child {
    Node(usize),
    Soft(String),
}

/// The bytes of a file.
pub fn write(dataset: &Dataset) -> Result<Vec<u8>> {
    let mut tree = Tree::default();
    tree.fill(dataset)?;
    // Sizes of headers do not depend on addresses: once to learn them, once to write.
    let mut nowhere = Addresses { paths: HashMap::new(), heap: Vec::new(), ends: Vec::new(), base: 0 };
    let mut addresses = HashMap::new();
    let mut at = SUPERBLOCK_BYTES as u64;
    for node in &tree.nodes {
        addresses.insert(node.path.clone(), at);
        at += tree.header(node, &[], &mut nowhere)?.len().next_multiple_of(8) as u64;
    }
    let heap_start = at;
    let mut places = Addresses { paths: addresses, heap: Vec::new(), ends: Vec::new(), base: heap_start };
    // The heap's size too: what goes into it, does so in the same order every time.
    let others = tree.others(&mut places)?;
    for node in &tree.nodes {
        tree.header(node, &[], &mut places)?;
    }
    let mut at = heap_start + places.finish().len() as u64;
    let mut data_places = vec![DataPlace { address: UNDEFINED, n_bytes: 0 }; tree.nodes.len()];
    for ((node, other), place) in tree.nodes.iter().zip(&others).zip(&mut data_places) {
        *place = match &node.content {
            Written::Group | Written::Extent(_) | Written::Type(_) => continue,
            Written::Array(array) => array.place(&mut at),
            Written::Other(_) => one_piece(other.len() as u64, &mut at),
        };
    }
    (places.heap, places.ends) = (Vec::new(), Vec::new());
    let others = tree.others(&mut places)?;
    let mut file = superblock(SUPERBLOCK_BYTES as u64, at);
    file.reserve((at - file.len() as u64) as usize);
    for node in &tree.nodes {
        file.extend(tree.header(node, &data_places, &mut places)?);
        file.resize(file.len().next_multiple_of(8), 0);
    }
    file.extend(places.finish());
    for (node, other) in tree.nodes.iter().zip(others) {
        match &node.content {
            Written::Array(array) => array.append(&mut file),
            _ => file.extend(other),
        }
        file.resize(file.len().next_multiple_of(8), 0);
    }
    Ok(file)
}

/// The objects of a file, the root group first.
#[derive(Default)]
struct Tree<'a> {
    nodes: Vec<Node<'a>>,
    by_path: HashMap<String, usize>,
}

impl<'a> Tree<'a> {
    fn fill(&mut self, dataset: &'a Dataset) -> Result<()> {
        self.group("")?;
        let objects = dataset.metadata(super::NAME).map(metadata::read).transpose()?.unwrap_or_default();
        let mut by_name: HashMap<String, &Variable> = HashMap::new();
        for variable in &dataset.variables {
            let path = clean(&variable.name);
            if by_name.contains_key(&path) {
                return Err(Error::config(format!("two variables would both be '{path}'; rename one")));
            }
            if variable.shape.len() > MAX_AXES {
                let text =
                    format!("expected at most {MAX_AXES} axes in HDF5, found {}", variable.shape.len());
                return Err(Error::config(format!("{text}; write an .npz")).in_variable(&variable.name));
            }
            by_name.insert(path, variable);
        }
        let known = dataset.shared_metadata();
        let known_by_name = known.by_name();
        let about = |variable: &Variable| known_by_name.get(variable.name.as_str()).copied();
        let ranks: HashMap<String, usize> =
            objects.iter().enumerate().map(|(rank, object)| (object.path.clone(), rank)).collect();
        let mut links = Vec::new();
        for Object { path, content, attributes, is_ordered, has_named_type } in objects {
            let n_before = self.nodes.len();
            let at = path.clone();
            match content {
                Content::Group => {
                    let idx = self.group(&path)?;
                    self.nodes[idx].attributes = attributes;
                }
                Content::Array { type_bytes, most } => {
                    if let Some(variable) = by_name.remove(&path) {
                        let array = array(variable, Some(type_bytes), &most, about(variable))?;
                        self.add(&path, Written::Array(Box::new(array)), attributes)?;
                    }
                }
                Content::Type(type_bytes) => {
                    self.add(&path, Written::Type(type_bytes), attributes)?;
                }
                Content::Other(item) => drop(self.add(&path, Written::Other(item), attributes)?),
                Content::SoftLink(target) => links.push((path, Child::Soft(target))),
                Content::HardLink(target) => {
                    links.extend(self.by_path.get(&target).map(|&idx| (path, Child::Node(idx))));
                }
            }
            if let Some(&idx) = self.by_path.get(&at).filter(|&&idx| idx >= n_before || at.is_empty()) {
                (self.nodes[idx].is_ordered, self.nodes[idx].has_named_type) = (is_ordered, has_named_type);
            }
        }
        for variable in &dataset.variables {
            let path = clean(&variable.name);
            if by_name.remove(&path).is_some() {
                let mut about = about(variable).cloned();
                // Every HDF5 has deflate, few have other codecs: those stay where the source had them.
                if let Some(about) = about.as_mut().filter(|about| about.packing.codec == Codec::Zstd) {
                    (about.packing.codec, about.packing.level) = (Codec::Deflate, None);
                }
                let about = about.as_ref();
                let attributes = about.map_or(&[][..], |about| &about.attributes);
                let attributes = attributes.iter().map(shared::attribute).collect();
                let array = array(variable, None, &[], about)?;
                self.add(&path, Written::Array(Box::new(array)), attributes)?;
            } else if !self.by_path.contains_key(&path) {
                return Err(Error::config(format!("two variables would both be '{path}'; rename one")));
            }
        }
        for (path, child) in links {
            let (parent, name) = self.parent(&path)?;
            if !self.nodes[parent].children.iter().any(|(other, _)| *other == name) {
                self.nodes[parent].children.push((name, child));
            }
        }
        // Links were added last, for what they lead to may stand behind them.
        for node in &mut self.nodes {
            let above = if node.path.is_empty() { String::new() } else { format!("{}/", node.path) };
            let rank = |name: &str| ranks.get(&format!("{above}{name}")).copied().unwrap_or(usize::MAX);
            node.children.sort_by_cached_key(|(name, _)| rank(name));
        }
        self.drop_dangling();
        self.common(dataset, &known)
    }

    /// What formats have in common, as far as the source's own metadata do not say it: attributes of groups, and scales
    /// of axes that have names.
    fn common(&mut self, dataset: &'a Dataset, known: &Metadata) -> Result<()> {
        if dataset.metadata(super::NAME).is_none() {
            for group in &known.groups {
                let idx = self.group(&clean(&group.path))?;
                self.nodes[idx].attributes = group.attributes.iter().map(shared::attribute).collect();
            }
        }
        let mut arrays: Vec<scales::Array> = Vec::new();
        let mut places = Vec::new();
        for (idx, node) in self.nodes.iter_mut().enumerate() {
            let Written::Array(array) = &node.content else { continue };
            let (path, extents) = (node.path.clone(), array.extents.clone());
            let axes = known.about(&array.variable.name).map_or(Vec::new(), |about| about.axes.clone());
            arrays.push(scales::Array {
                path,
                extents,
                axes,
                attributes: std::mem::take(&mut node.attributes),
            });
            places.push(idx);
        }
        let taken = |path: &str| self.by_path.contains_key(path);
        let made = scales::complete(&mut arrays, &taken);
        for (array, idx) in arrays.into_iter().zip(places) {
            self.nodes[idx].attributes = array.attributes;
        }
        for (path, extent, attributes) in made {
            self.add(&path, Written::Extent(extent), attributes)?;
        }
        Ok(())
    }

    /// The group at `path`, made with those above it where it is not there.
    fn group(&mut self, path: &str) -> Result<usize> {
        match self.by_path.get(path) {
            Some(&idx) if matches!(self.nodes[idx].content, Written::Group) => Ok(idx),
            Some(_) => Err(Error::config(format!("'{path}' would be both a group and an array; rename one"))),
            None => self.add(path, Written::Group, Vec::new()),
        }
    }

    fn parent(&mut self, path: &str) -> Result<(usize, String)> {
        let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
        if name.is_empty() || name == "." || name.contains('\0') || path.len() > 1 << 12 {
            return Err(Error::config(format!(
                "'{path}' cannot be a name in an HDF5 file; rename the variable"
            )));
        }
        Ok((self.group(parent)?, name.to_string()))
    }

    fn add(&mut self, path: &str, content: Written<'a>, attributes: Vec<Attribute>) -> Result<usize> {
        let parent = if path.is_empty() { None } else { Some(self.parent(path)?) };
        let idx = self.nodes.len();
        if self.by_path.insert(path.to_string(), idx).is_some() {
            return Err(Error::config(format!("'{path}' would be in the HDF5 file twice; rename one")));
        }
        let (path, children) = (path.to_string(), Vec::new());
        let (is_ordered, has_named_type) = (true, false);
        self.nodes.push(Node { path, content, attributes, is_ordered, has_named_type, children });
        if let Some((parent, name)) = parent {
            self.nodes[parent].children.push((name, Child::Node(idx)));
        }
        Ok(idx)
    }

    /// Takes away attributes that point at what is not written; NetCDF's own ids of axes go with their lists.
    fn drop_dangling(&mut self) {
        let paths = &self.by_path;
        for node in &mut self.nodes {
            let mut without_axes = false;
            node.attributes.retain(|attribute| {
                let dangles = dangles(&attribute.value, paths);
                without_axes |= dangles && attribute.name == "DIMENSION_LIST";
                !dangles
            });
            if without_axes {
                node.attributes
                    .retain(|a| !["_Netcdf4Coordinates", "_Netcdf4Dimid"].contains(&a.name.as_str()));
            }
        }
    }

    /// The values of datasets that are no arrays of numbers, for each node.
    fn others(&self, places: &mut Addresses) -> Result<Vec<Vec<u8>>> {
        let of_node = |node: &Node| match &node.content {
            Written::Other(item) => raw(item, places),
            _ => Ok(Vec::new()),
        };
        self.nodes.iter().map(of_node).collect()
    }

    /// The object header of a node; `data_places` are (address, bytes) of each node's values, where they are known.
    fn header(&self, node: &Node, data_places: &[DataPlace], places: &mut Addresses) -> Result<Vec<u8>> {
        let mut messages = Vec::new();
        let nowhere = DataPlace { address: UNDEFINED, n_bytes: 0 };
        match &node.content {
            Written::Group => {
                let n = node.children.len() as u64;
                let info = [&[0, 1], n.to_le_bytes().as_slice(), &[255; 16]].concat();
                message(&mut messages, kind::LINK_INFO, 0, &info);
                message(&mut messages, kind::GROUP_INFO, 0, &[0, 0]);
                for (order, (name, child)) in node.children.iter().enumerate() {
                    message(&mut messages, kind::LINK, 0, &self.link(order as u64, name, child, places));
                }
            }
            Written::Array(array) => {
                let place = data_places.get(self.by_path[&node.path]).copied().unwrap_or(nowhere);
                let named = self.named_type(node, &array.type_bytes).map(|path| places.address(path));
                array.messages(&mut messages, place, named);
            }
            Written::Type(type_bytes) => message(&mut messages, kind::DATATYPE, 0, type_bytes),
            // As netCDF makes them: big-endian float32.
            Written::Extent(extent) => {
                let place = DataPlace { n_bytes: extent.saturating_mul(4), ..nowhere };
                of_dataset(&mut messages, &datatype::write(DType::F32, true), Some(&[*extent]), place, None);
            }
            Written::Other(item) => {
                let place = data_places.get(self.by_path[&node.path]).copied().unwrap_or(nowhere);
                let named = self.named_type(node, &item.type_bytes).map(|path| places.address(path));
                of_dataset(&mut messages, &item.type_bytes, item.extents.as_deref(), place, named);
            }
        }
        if node.is_ordered {
            let n_attributes = u16::try_from(node.attributes.len()).unwrap_or(u16::MAX);
            let info = [&[0, 1], n_attributes.to_le_bytes().as_slice(), &[255; 16]].concat();
            message(&mut messages, kind::ATTRIBUTE_INFO, 0, &info);
        }
        for (order, attribute) in node.attributes.iter().enumerate().take(usize::from(u16::MAX)) {
            let name = [attribute.name.as_bytes(), &[0]].concat();
            let space = dataspace(attribute.value.extents.as_deref(), &[]);
            let type_bytes = &attribute.value.type_bytes;
            let values = raw(&attribute.value, places)?;
            let mut body = vec![3, 0];
            for n in [name.len(), type_bytes.len(), space.len()] {
                body.extend_from_slice(&(n as u16).to_le_bytes());
            }
            body.push(1);
            body.extend([name.as_slice(), type_bytes, &space, &values].concat());
            if body.len() <= usize::from(u16::MAX) {
                message(&mut messages, kind::ATTRIBUTE, order as u16, &body);
            }
        }
        if !node.is_ordered {
            messages = without_order(&messages);
        }
        let n_bytes = u32::try_from(messages.len())
            .map_err(|_| Error::limit(format!("'{}' has too many attributes or children", node.path)))?;
        // Version 2, 4 bytes for the size; bit 2 for attributes with the order of their making.
        let flags = if node.is_ordered { 6 } else { 2 };
        let mut header = [b"OHDR\x02".as_slice(), &[flags], &n_bytes.to_le_bytes(), &messages].concat();
        header.extend_from_slice(&checksum(&header).to_le_bytes());
        Ok(header)
    }

    /// The path of the datatype by itself that these bytes are, for a node that had one.
    fn named_type(&self, node: &Node, type_bytes: &[u8]) -> Option<&str> {
        if !node.has_named_type {
            return None;
        }
        let is_it = |node: &&Node| matches!(&node.content, Written::Type(bytes) if bytes == type_bytes);
        self.nodes.iter().find(is_it).map(|node| node.path.as_str())
    }

    fn link(&self, order: u64, name: &str, child: &Child, places: &mut Addresses) -> Vec<u8> {
        let is_soft = matches!(child, Child::Soft(_));
        // The order of making, the character set, and two bytes for the name's length.
        let mut body = vec![1, 0x15 | if is_soft { 8 } else { 0 }];
        body.extend(is_soft.then_some(1));
        body.extend_from_slice(&order.to_le_bytes());
        body.push(1);
        body.extend_from_slice(&(name.len() as u16).to_le_bytes());
        body.extend_from_slice(name.as_bytes());
        match child {
            Child::Node(idx) => {
                body.extend_from_slice(&places.address(&self.nodes[*idx].path).to_le_bytes());
            }
            Child::Soft(target) => {
                body.extend_from_slice(&(target.len() as u16).to_le_bytes());
                body.extend_from_slice(target.as_bytes());
            }
        }
        body
    }
}

/// A name as a path: no slashes at the ends, none twice.
fn clean(name: &str) -> String {
    name.split('/').filter(|part| !part.is_empty()).collect::<Vec<_>>().join("/")
}

/// True if an item holds references, of which one leads nowhere.
fn dangles(item: &Item, paths: &HashMap<String, usize>) -> bool {
    struct Check<'a>(&'a HashMap<String, usize>, bool);
    impl Places for Check<'_> {
        fn keep(&mut self, _: &[u8]) -> (u64, u32) {
            (0, 0)
        }
        fn address(&mut self, path: &str) -> u64 {
            self.1 |= !self.0.contains_key(path);
            0
        }
    }
    let mut check = Check(paths, false);
    raw(item, &mut check).is_err() || check.1
}

/// The bytes of an item's values in the file.
fn raw(item: &Item, places: &mut dyn Places) -> Result<Vec<u8>> {
    let (of_type, _) = datatype::parse(&item.type_bytes, OUR_SIZES)?;
    let n_bytes = items::bytes_of(&of_type, item.extents.as_deref())?;
    let raw = items::unpack(&of_type, &item.data, n_bytes / of_type.n_bytes().max(1), places)?;
    if raw.len() != n_bytes {
        return Err(Error::corrupt(format!("expected {n_bytes} bytes of an attribute, found {}", raw.len())));
    }
    Ok(raw)
}
