//! Messages of object headers as they are written, and the superblock.

use super::fields::{UNDEFINED, checksum};
use super::header::{SIGNATURE, kind};

/// Where the values of a node are.
#[derive(Clone, Copy)]
pub struct DataPlace {
    pub address: u64,
    pub n_bytes: u64,
}

/// The place of so many bytes in one piece.
pub fn one_piece(n_bytes: u64, at: &mut u64) -> DataPlace {
    if n_bytes == 0 {
        return DataPlace { address: UNDEFINED, n_bytes };
    }
    let address = *at;
    *at += n_bytes.next_multiple_of(8);
    DataPlace { address, n_bytes }
}

/// The layout of values in one piece.
pub fn contiguous(place: DataPlace) -> Vec<u8> {
    [&[3, 1], place.address.to_le_bytes().as_slice(), &place.n_bytes.to_le_bytes()].concat()
}

/// Messages less the two bytes that say in which order they were made.
pub fn without_order(messages: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(messages.len());
    let mut rest = messages;
    while let [kind, low, high, flags, _, _, behind @ ..] = rest {
        let (body, next) = behind.split_at(usize::from(u16::from_le_bytes([*low, *high])).min(behind.len()));
        out.extend_from_slice(&[*kind, *low, *high, *flags]);
        out.extend_from_slice(body);
        rest = next;
    }
    out
}

/// Appends a message; `order` is that of the making of attributes.
pub fn message(out: &mut Vec<u8>, kind: u16, order: u16, body: &[u8]) {
    out.push(kind as u8);
    out.extend_from_slice(&(body.len() as u16).to_le_bytes());
    out.push(0);
    out.extend_from_slice(&order.to_le_bytes());
    out.extend_from_slice(body);
}

/// A datatype, or the address of one that stands by itself.
pub fn type_message(out: &mut Vec<u8>, type_bytes: &[u8], named: Option<u64>) {
    let Some(address) = named else { return message(out, kind::DATATYPE, 0, type_bytes) };
    let start = out.len();
    // Version 3, another object header.
    message(out, kind::DATATYPE, 0, &[&[3, 2], address.to_le_bytes().as_slice()].concat());
    out[start + 3] |= 2;
}

/// Appends the messages of a dataset in one piece.
pub fn of_dataset(
    out: &mut Vec<u8>,
    type_bytes: &[u8],
    extents: Option<&[u64]>,
    place: DataPlace,
    named: Option<u64>,
) {
    message(out, kind::DATASPACE, 0, &dataspace(extents, &[]));
    type_message(out, type_bytes, named);
    // Version 3: space made late, no value set by the user.
    message(out, kind::FILL, 0, &[3, 0x0a]);
    message(out, kind::LAYOUT, 0, &contiguous(place));
}

/// `most` is how far each axis can grow, if one can.
pub fn dataspace(extents: Option<&[u64]>, most: &[u64]) -> Vec<u8> {
    match extents {
        None => vec![2, 0, 0, 2],
        Some([]) => vec![2, 0, 0, 0],
        Some(extents) => {
            let grows = !most.is_empty() && most != extents;
            let mut body = vec![2, extents.len() as u8, u8::from(grows), 1];
            let most = if grows { most } else { &[] };
            extents.iter().chain(most).for_each(|extent| body.extend_from_slice(&extent.to_le_bytes()));
            body
        }
    }
}

/// Version 2; the file ends at `end`.
pub fn superblock(root: u64, end: u64) -> Vec<u8> {
    let mut block = [SIGNATURE.as_slice(), &[2, 8, 8, 0]].concat();
    for address in [0, UNDEFINED, end, root] {
        block.extend_from_slice(&address.to_le_bytes());
    }
    block.extend_from_slice(&checksum(&block).to_le_bytes());
    block
}
