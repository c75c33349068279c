//! Changes of bytes that parsers stumble over: bits, counts that become huge, digits of text, pieces cut out, doubled,
//! or taken from elsewhere.

use crate::support::Random;
use crate::support::frames::varint;

const BYTES: [u8; 8] = [0, 1, 0x7f, 0x80, 0xff, 0xfe, 0x20, 0x2f];
const WORDS: [&[u8]; 14] = [
    b"0",
    b"-1",
    b"1e400",
    b"nan",
    b"18446744073709551615",
    b"9223372036854775808",
    b"4294967296",
    b"1099511627776",
    b"true",
    b"null",
    b"[]",
    b"..",
    b"\"",
    b"'",
];

/// Changes `bytes` in one to eight places; `other` is of the same kind.
pub fn mutate(bytes: &mut Vec<u8>, other: &[u8], random: &mut Random) {
    let n_changes = 1 + random.below(8).min(random.below(8));
    for _ in 0..n_changes {
        change(bytes, other, random);
    }
}

fn change(bytes: &mut Vec<u8>, other: &[u8], random: &mut Random) {
    if bytes.is_empty() {
        bytes.extend_from_slice(&other[..random.below(other.len() + 1)]);
        return;
    }
    let at = place(bytes, random);
    match random.below(12) {
        0 | 1 => bytes[at] ^= 1 << random.below(8),
        2 => bytes[at] = random.bits() as u8,
        3 => bytes[at] = random.pick(&BYTES),
        4 => integer(bytes, at, random),
        5 => drop(bytes.splice(at..at + 1, varint(1 << random.below(63)))),
        6 => digits(bytes, at, random),
        7 => bytes.truncate(at),
        8 => drop(bytes.drain(at..(at + 1 + random.below(16)).min(bytes.len()))),
        9 => {
            let piece = bytes[at..(at + 1 + random.below(64)).min(bytes.len())].to_vec();
            let to = random.below(bytes.len());
            bytes.splice(to..to, piece);
        }
        10 if !other.is_empty() => {
            let from = random.below(other.len());
            let piece = &other[from..(from + 1 + random.below(64)).min(other.len())];
            let to = (at + piece.len()).min(bytes.len());
            bytes.splice(at..to, piece.iter().copied());
        }
        _ => {
            let run = random.below(32);
            let byte = random.pick(&BYTES);
            let to = (at + run).min(bytes.len());
            bytes[at..to].fill(byte);
        }
    }
}

/// Any place; often one of the ends, where headers and footers are.
fn place(bytes: &[u8], random: &mut Random) -> usize {
    let near = bytes.len().min(256);
    match random.below(4) {
        0 => random.below(near),
        1 => bytes.len() - 1 - random.below(near),
        _ => random.below(bytes.len()),
    }
}

/// An integer of 2, 4 or 8 bytes at the edge of what it can hold, or a little more or less than it was.
fn integer(bytes: &mut [u8], at: usize, random: &mut Random) {
    let width = random.pick(&[2, 4, 8]);
    let Some(field) = bytes.get_mut(at..at + width) else { return };
    let big_endian = random.below(2) == 0;
    let mut own = [0; 8];
    own[..width].copy_from_slice(field);
    if big_endian {
        own[..width].reverse();
    }
    let old = u64::from_le_bytes(own);
    let edge = 1u64 << random.below(8 * width);
    let new = match random.below(6) {
        0 => 0,
        1 => u64::MAX,
        2 => edge,
        3 => edge.wrapping_sub(1),
        4 => old.wrapping_add(1 + random.below(4) as u64),
        _ => old.wrapping_sub(1 + random.below(4) as u64),
    };
    field.copy_from_slice(&new.to_le_bytes()[..width]);
    if big_endian {
        field.reverse();
    }
}

/// The next digits of a text become another word.
fn digits(bytes: &mut Vec<u8>, at: usize, random: &mut Random) {
    let Some(from) = bytes[at..].iter().position(u8::is_ascii_digit).map(|more| at + more) else { return };
    let n_digits = bytes[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let word = random.pick(&WORDS);
    bytes.splice(from..from + n_digits, word.iter().copied());
}
