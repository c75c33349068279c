//! TIFF's LZW: codes of 9 to 12 bits, highest bit first, wider one code earlier than the table needs; and as the first
//! writers had it: lowest bit first, and not earlier. Refuses codes that no table has.

use baler_data::error::{Error, Result};

const CLEAR: usize = 256;
const END: usize = 257;
/// The first code of the table.
const FIRST: usize = 258;
/// Codes beyond the widest.
const MAX_CODES: usize = 4096;
/// Places of the encoder's table of entries, a power of two.
const N_PLACES: usize = 1 << 14;

/// Codes out of bytes.
struct Codes<'a> {
    packed: std::slice::Iter<'a, u8>,
    bits: u32,
    n_bits: u32,
    /// Lowest bit first.
    is_old: bool,
}

impl Codes<'_> {
    fn next(&mut self, width: u32) -> Option<usize> {
        while self.n_bits < width {
            let byte = u32::from(*self.packed.next()?);
            self.bits = if self.is_old { self.bits | byte << self.n_bits } else { self.bits << 8 | byte };
            self.n_bits += 8;
        }
        self.n_bits -= width;
        let mask = (1 << width) - 1;
        if self.is_old {
            let code = self.bits & mask;
            self.bits >>= width;
            return Some(code as usize);
        }
        Some((self.bits >> self.n_bits & mask) as usize)
    }
}

/// Bits of a code where the next entry of the table has this code.
fn width(next: usize) -> u32 {
    match next {
        0..=511 => 9,
        512..=1023 => 10,
        1024..=2047 => 11,
        _ => 12,
    }
}

/// At most `n_bytes` of content.
pub fn unpack(packed: &[u8], n_bytes: usize) -> Result<Vec<u8>> {
    let wrong = || Error::input("pixels cannot be unpacked (LZW); the TIFF is damaged");
    // The code that starts every strip shows in which order its bits stand.
    let is_old = matches!(packed, [0, second, ..] if second & 1 == 1);
    let mut codes = Codes { packed: packed.iter(), bits: 0, n_bits: 0, is_old };
    let early = usize::from(!is_old);
    let mut out: Vec<u8> = Vec::new();
    // An entry is a piece of what was put out: (start, length).
    let mut table: Vec<(usize, usize)> = Vec::new();
    let mut previous: Option<(usize, usize)> = None;
    while out.len() < n_bytes
        && let Some(code) = codes.next(width(FIRST + table.len() + early))
        && code != END
    {
        if code == CLEAR {
            table.clear();
            previous = None;
            continue;
        }
        let start = out.len();
        match (code, previous) {
            (0..=255, _) => out.push(code as u8),
            (_, Some((from, length))) => {
                let (from, length) = match table.get(code - FIRST) {
                    Some(&piece) => piece,
                    // The entry that is being made: the piece before and its own first byte.
                    None if code - FIRST == table.len() => (from, length + 1),
                    None => return Err(wrong()),
                };
                for i in from..from + length {
                    out.push(out[i]);
                }
            }
            (_, None) => return Err(wrong()),
        }
        if let Some((from, length)) = previous.filter(|_| table.len() < MAX_CODES - FIRST) {
            // What follows a piece in the output is the first byte of the next.
            table.push((from, length + 1));
        }
        previous = Some((start, out.len() - start));
    }
    out.truncate(n_bytes);
    Ok(out)
}

/// Bytes out of codes, highest bit first.
#[derive(Default)]
struct Packed {
    bytes: Vec<u8>,
    bits: u32,
    n_bits: u32,
}

impl Packed {
    fn put(&mut self, code: usize, width: u32) {
        self.bits = self.bits << width | code as u32;
        self.n_bits += width;
        while self.n_bits >= 8 {
            self.n_bits -= 8;
            self.bytes.push((self.bits >> self.n_bits) as u8);
        }
    }
}

/// What [`unpack`] undoes.
pub fn pack(content: &[u8]) -> Vec<u8> {
    let mut out = Packed::default();
    // Each place holds an entry: the code of all but the last byte, that byte, and the entry's own code.
    let mut table: Vec<Option<(usize, u8, usize)>> = vec![None; N_PLACES];
    let mut next = FIRST;
    out.put(CLEAR, 9);
    let mut bytes = content.iter();
    let Some(first) = bytes.next() else {
        out.put(END, 9);
        out.put(0, 7);
        return out.bytes;
    };
    let mut prefix = usize::from(*first);
    for &byte in bytes {
        let mut place = (prefix << 4 ^ usize::from(byte).wrapping_mul(0x9e5)) % N_PLACES;
        while table[place].is_some_and(|(code, last, _)| (code, last) != (prefix, byte)) {
            place = (place + 1) % N_PLACES;
        }
        if let Some((_, _, code)) = table[place] {
            prefix = code;
            continue;
        }
        // The decoder is one entry behind.
        out.put(prefix, width(next));
        table[place] = Some((prefix, byte, next));
        next += 1;
        if next == MAX_CODES - 2 {
            out.put(CLEAR, 12);
            table.fill(None);
            next = FIRST;
        }
        prefix = usize::from(byte);
    }
    out.put(prefix, width(next));
    out.put(END, width(next + 1));
    out.put(0, 7);
    out.bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_entry_that_is_being_made_is_known() {
        // Clear, 7, 258 (which is 7 7), end, each of 9 bits: 100000000 000000111 100000010 100000001.
        let packed = [0b1000_0000, 0b0000_0001, 0b1110_0000, 0b0101_0000, 0b0001_0000];
        assert_eq!(unpack(&packed, 99).unwrap(), [7; 3]);
        assert!(unpack(&[0b1000_0000, 0b0111_1111, 0b1100_0000], 99).is_err());
        // The same codes as the first writers had them, lowest bit first.
        let mut bits = 0u64;
        for (i, code) in [256u64, 7, 258, 257].into_iter().enumerate() {
            bits |= code << (9 * i);
        }
        assert_eq!(unpack(&bits.to_le_bytes()[..5], 99).unwrap(), [7; 3]);
    }

    #[test]
    fn what_is_packed_comes_back() {
        let mut state = 1u32;
        let mut noise = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        };
        let random: Vec<u8> = (0..40_000).map(|_| noise()).collect();
        let few: Vec<u8> = random.iter().map(|byte| byte & 3).collect();
        for content in [Vec::new(), vec![5], vec![9; 30_000], random[..300].to_vec(), random, few] {
            for n in [content.len(), content.len() * 9 / 10] {
                assert_eq!(unpack(&pack(&content[..n]), n).unwrap(), content[..n], "{n}");
            }
        }
        assert!(pack(&[9; 30_000]).len() < 800);
    }
}
