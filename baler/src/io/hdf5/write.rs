//! A dataset as an HDF5 file that HDF5 1.8 and later read: superblock, object headers, a global heap, then the values,
//! each in one piece. Groups keep the order of their making, as NetCDF-4 wants it. What the source's metadata say of
//! objects that are not written is left out, and so are references to them.

use super::addresses::Addresses;
use super::datatype;
use super::fields::{UNDEFINED, checksum};
use super::header::{SIGNATURE, kind};
use super::items::{self, Attribute, Item, OUR_SIZES, Places};
use super::metadata::{self, Content, Object};
use crate::dataset::{Dataset, Variable};
use crate::error::{Error, Result};
use std::collections::HashMap;

const SUPERBLOCK_BYTES: usize = 48;

/// An object that is written.
struct Node<'a> {
    path: String,
    content: Written<'a>,
    attributes: Vec<Attribute>,
    /// (name, what it leads to), of groups.
    children: Vec<(String, Child)>,
}

enum Written<'a> {
    Group,
    Array { variable: &'a Variable, type_bytes: Vec<u8>, extents: Vec<u64> },
    Other(Item),
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
    let mut data_places = vec![(UNDEFINED, 0); tree.nodes.len()];
    for ((node, other), place) in tree.nodes.iter().zip(&others).zip(&mut data_places) {
        let n_bytes = match &node.content {
            Written::Group => continue,
            Written::Array { variable, .. } => variable.values.size_bytes() as u64,
            Written::Other(_) => other.len() as u64,
        };
        if n_bytes > 0 {
            *place = (at, n_bytes);
            at += n_bytes.next_multiple_of(8);
        }
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
            Written::Array { variable, .. } => {
                variable.values.append_bytes(&mut file, variable.storage.big_endian);
            }
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
            by_name.insert(clean(&variable.name), variable);
        }
        let ranks: HashMap<String, usize> =
            objects.iter().enumerate().map(|(rank, object)| (object.path.clone(), rank)).collect();
        let mut links = Vec::new();
        for Object { path, content, attributes } in objects {
            match content {
                Content::Group => {
                    let idx = self.group(&path)?;
                    self.nodes[idx].attributes = attributes;
                }
                Content::Array(type_bytes) => {
                    if let Some(variable) = by_name.remove(&path) {
                        let content = array(variable, Some(type_bytes))?;
                        self.add(&path, content, attributes)?;
                    }
                }
                Content::Other(item) => drop(self.add(&path, Written::Other(item), attributes)?),
                Content::SoftLink(target) => links.push((path, Child::Soft(target))),
                Content::HardLink(target) => {
                    links.extend(self.by_path.get(&target).map(|&idx| (path, Child::Node(idx))));
                }
            }
        }
        for variable in &dataset.variables {
            let path = clean(&variable.name);
            if by_name.remove(&path).is_some() {
                self.add(&path, array(variable, None)?, Vec::new())?;
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
        self.nodes.push(Node { path: path.to_string(), content, attributes, children: Vec::new() });
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
    fn header(&self, node: &Node, data_places: &[(u64, u64)], places: &mut Addresses) -> Result<Vec<u8>> {
        let mut messages = Vec::new();
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
            Written::Array { type_bytes, extents, .. } => {
                let place = data_places.get(self.by_path[&node.path]).copied().unwrap_or((UNDEFINED, 0));
                of_dataset(&mut messages, type_bytes, Some(extents), place);
            }
            Written::Other(item) => {
                let place = data_places.get(self.by_path[&node.path]).copied().unwrap_or((UNDEFINED, 0));
                of_dataset(&mut messages, &item.type_bytes, item.extents.as_deref(), place);
            }
        }
        let n_attributes = u16::try_from(node.attributes.len()).unwrap_or(u16::MAX);
        let info = [&[0, 1], n_attributes.to_le_bytes().as_slice(), &[255; 16]].concat();
        message(&mut messages, kind::ATTRIBUTE_INFO, 0, &info);
        for (order, attribute) in node.attributes.iter().enumerate().take(usize::from(u16::MAX)) {
            let name = [attribute.name.as_bytes(), &[0]].concat();
            let space = dataspace(attribute.value.extents.as_deref());
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
        let n_bytes = u32::try_from(messages.len())
            .map_err(|_| Error::limit(format!("'{}' has too many attributes or children", node.path)))?;
        // Version 2, attributes with the order of their making, 4 bytes for the size.
        let mut header = [b"OHDR\x02\x06".as_slice(), &n_bytes.to_le_bytes(), &messages].concat();
        header.extend_from_slice(&checksum(&header).to_le_bytes());
        Ok(header)
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

/// A variable as it is written: with the source's datatype if that is still the one of the values.
fn array(variable: &Variable, type_bytes: Option<Vec<u8>>) -> Result<Written<'_>> {
    let dtype = variable.values.dtype();
    let shape: Vec<u64> = variable.shape.iter().map(|&n| n as u64).collect();
    let fits = type_bytes.and_then(|bytes| {
        let (of_type, _) = datatype::parse(&bytes, OUR_SIZES).ok()?;
        let (stored, big_endian, inner) = of_type.numbers()?;
        let rank = variable.shape.len().checked_sub(inner.len())?;
        let same =
            stored == dtype && variable.shape[rank..] == inner && big_endian == variable.storage.big_endian;
        (same || (stored == dtype && inner.is_empty() && dtype.size_bytes() == 1)).then_some((bytes, rank))
    });
    let (type_bytes, rank) =
        fits.unwrap_or_else(|| (datatype::write(dtype, variable.storage.big_endian), shape.len()));
    if rank > super::layout::MAX_AXES {
        let text = format!(
            "an HDF5 array has at most {} axes, '{}' has {rank}",
            super::layout::MAX_AXES,
            variable.name
        );
        return Err(Error::config(text));
    }
    Ok(Written::Array { variable, type_bytes, extents: shape[..rank].to_vec() })
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

fn message(out: &mut Vec<u8>, kind: u16, order: u16, body: &[u8]) {
    out.push(kind as u8);
    out.extend_from_slice(&(body.len() as u16).to_le_bytes());
    out.push(0);
    out.extend_from_slice(&order.to_le_bytes());
    out.extend_from_slice(body);
}

fn of_dataset(out: &mut Vec<u8>, type_bytes: &[u8], extents: Option<&[u64]>, place: (u64, u64)) {
    message(out, kind::DATASPACE, 0, &dataspace(extents));
    message(out, kind::DATATYPE, 0, type_bytes);
    // Version 3: space made late, no value set by the user.
    message(out, kind::FILL, 0, &[3, 0x0a]);
    let layout = [&[3, 1], place.0.to_le_bytes().as_slice(), &place.1.to_le_bytes()].concat();
    message(out, kind::LAYOUT, 0, &layout);
}

fn dataspace(extents: Option<&[u64]>) -> Vec<u8> {
    match extents {
        None => vec![2, 0, 0, 2],
        Some([]) => vec![2, 0, 0, 0],
        Some(extents) => {
            let mut body = vec![2, extents.len() as u8, 0, 1];
            extents.iter().for_each(|extent| body.extend_from_slice(&extent.to_le_bytes()));
            body
        }
    }
}

/// Version 2; the file ends at `end`.
fn superblock(root: u64, end: u64) -> Vec<u8> {
    let mut block = [SIGNATURE.as_slice(), &[2, 8, 8, 0]].concat();
    for address in [0, UNDEFINED, end, root] {
        block.extend_from_slice(&address.to_le_bytes());
    }
    block.extend_from_slice(&checksum(&block).to_le_bytes());
    block
}
