//! The children of an HDF5 group, of old groups (symbol tables) and new ones (link messages, or a heap of them), in the
//! order of their making where the file keeps it, else by name.

use super::fields::{UNDEFINED, damaged, text};
use super::header::{File, Message, kind};
use super::{heaps, trees};
use baler_data::error::Result;

/// Where a link leads.
#[derive(Debug, Clone, PartialEq)]
pub enum Target {
    /// To the object header at this address.
    Object(u64),
    /// To a path of the same file, by name.
    Soft(String),
    /// Into another file, or of a kind that users define; not followed.
    Elsewhere,
}

/// A named child.
#[derive(Debug, Clone)]
pub struct Link {
    /// The name, without a path.
    pub name: String,
    /// Where it leads.
    pub target: Target,
    order: u64,
}

/// The links of the group whose messages these are; nothing for what is no group.
pub fn links(file: &File, messages: &[Message]) -> Result<Vec<Link>> {
    let mut found = Vec::new();
    for message in messages {
        match message.kind {
            kind::SYMBOL_TABLE => from_symbol_table(file, &message.body, &mut found)?,
            kind::LINK => found.push(link(file, &message.body)?),
            kind::LINK_INFO => from_heap(file, &message.body, &mut found)?,
            _ => {}
        }
    }
    found.sort_by(|a, b| a.order.cmp(&b.order).then_with(|| a.name.cmp(&b.name)));
    Ok(found)
}

/// True if the messages are those of a group.
pub fn is_group(messages: &[Message]) -> bool {
    messages
        .iter()
        .any(|m| matches!(m.kind, kind::SYMBOL_TABLE | kind::LINK | kind::LINK_INFO | kind::GROUP_INFO))
}

fn from_symbol_table(file: &File, body: &[u8], found: &mut Vec<Link>) -> Result<()> {
    let mut f = file.fields(body);
    let (tree, heap) = (f.address()?, f.address()?);
    let names = heaps::local(file, heap)?;
    trees::version_1(file, tree, 0, file.sizes.length, &mut |_, node| {
        let head = file.at(node, 8)?;
        let mut f = file.fields(&head);
        f.signature(b"SNOD")?;
        f.skip(2)?;
        let n_symbols = f.u16()?;
        let entry = 2 * file.sizes.offset + 24;
        let entries = file.at(node + 8, u64::from(n_symbols) * entry as u64)?;
        for entry in entries.chunks_exact(entry) {
            let mut f = file.fields(entry);
            let name = heaps::local_text(&names, f.address()?)?;
            let address = f.address()?;
            let target = match f.u32()? {
                2 => {
                    f.skip(4)?;
                    Target::Soft(heaps::local_text(&names, u64::from(f.u32()?))?)
                }
                _ => Target::Object(address),
            };
            found.push(Link { name, target, order: 0 });
        }
        Ok(())
    })
}

fn from_heap(file: &File, body: &[u8], found: &mut Vec<Link>) -> Result<()> {
    let mut f = file.fields(body);
    f.skip(1)?;
    if f.u8()? & 1 != 0 {
        f.skip(8)?;
    }
    let (heap, tree) = (f.address()?, f.address()?);
    if heap == UNDEFINED {
        return Ok(());
    }
    let heap = heaps::Fractal::open(file, heap)?;
    trees::version_2(file, tree, &[5], &mut |_, record| {
        let id = record.get(4..).ok_or_else(|| damaged("a link is cut off"))?;
        found.push(link(file, &heap.object(id)?)?);
        Ok(())
    })
}

/// One link message.
fn link(file: &File, body: &[u8]) -> Result<Link> {
    let mut f = file.fields(body);
    f.skip(1)?;
    let flags = f.u8()?;
    let link_type = if flags & 8 != 0 { f.u8()? } else { 0 };
    let order = if flags & 4 != 0 { f.u64()? } else { 0 };
    f.skip(usize::from(flags >> 4 & 1))?;
    let n_name = usize::try_from(f.uint(1 << (flags & 3))?).unwrap_or(usize::MAX);
    let name = text(f.raw(n_name)?);
    let target = match link_type {
        0 => Target::Object(f.address()?),
        1 => {
            let n_bytes = usize::from(f.u16()?);
            Target::Soft(text(f.raw(n_bytes)?))
        }
        _ => Target::Elsewhere,
    };
    Ok(Link { name, target, order })
}
