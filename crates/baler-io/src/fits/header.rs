//! FITS headers: cards of 80 characters, kept as they are, with the values of those that say how data are stored.

use crate::store::Region;
use baler_data::error::{Error, Result};

/// Files are made of blocks of this size.
pub const BLOCK: usize = 2880;
/// Characters of a card.
pub const CARD: usize = 80;
/// Blocks of one header; real ones have some dozens.
const MAX_BLOCKS: u64 = 1 << 14;

/// The cards of a header without the last one, which is END.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Header {
    /// Cards of 80 bytes each.
    pub cards: Vec<[u8; CARD]>,
}

impl Header {
    /// Reads the header at `at`; gives also where the data begin.
    pub fn read(bytes: &Region, at: u64) -> Result<(Header, u64)> {
        let mut cards = Vec::new();
        for block_idx in 0..MAX_BLOCKS {
            let start = at + block_idx * BLOCK as u64;
            let block = bytes.read(start, BLOCK as u64)?;
            for card in block.as_chunks::<CARD>().0 {
                if card.starts_with(b"END     ") {
                    return Ok((Header { cards }, start + BLOCK as u64));
                }
                // Comments of real files have other letters.
                if !card[..8].iter().all(|byte| (b' '..=b'~').contains(byte)) {
                    return Err(Error::input("expected text in a FITS header; the file is damaged"));
                }
                cards.push(*card);
            }
        }
        Err(Error::input("expected END in a FITS header; the file is damaged"))
    }

    /// The text of a card's value: a string without its quotes, or what stands before the comment.
    pub fn value(&self, keyword: &str) -> Option<String> {
        let card =
            self.cards.iter().find(|card| keyword_of(card.as_slice()) == keyword && card[8] == b'=')?;
        let text = String::from_utf8_lossy(&card[9..]).trim_start().to_string();
        let Some(quoted) = text.strip_prefix('\'') else {
            return Some(text.split('/').next().unwrap_or_default().trim().to_string());
        };
        let mut value = String::new();
        let mut characters = quoted.chars().peekable();
        while let Some(c) = characters.next() {
            if c == '\'' && characters.next_if_eq(&'\'').is_none() {
                break;
            }
            value.push(c);
        }
        Some(value.trim_end().to_string())
    }

    /// A whole number.
    pub fn integer(&self, keyword: &str) -> Option<i64> {
        self.value(keyword)?.parse().ok()
    }

    /// A number; FITS also writes exponents with D.
    pub fn number(&self, keyword: &str) -> Option<f64> {
        self.value(keyword)?.replace(['D', 'd'], "E").parse().ok()
    }

    /// The extents, the slowest axis first.
    pub fn shape(&self) -> Result<Vec<usize>> {
        let extent = |axis: i64| {
            let extent = self.integer(&format!("NAXIS{axis}")).and_then(|n| usize::try_from(n).ok());
            extent.ok_or_else(|| {
                Error::input(format!("expected NAXIS{axis} in a FITS header; the file is damaged"))
            })
        };
        let n_axes = self.integer("NAXIS").filter(|n| (0..=999).contains(n));
        let n_axes =
            n_axes.ok_or_else(|| Error::input("expected NAXIS in a FITS header; the file is damaged"))?;
        (1..=n_axes).rev().map(extent).collect()
    }

    /// Sets a whole number, in its place and with its comment if the card is there, else behind `after`.
    pub fn set(&mut self, keyword: &str, value: i64, after: &str) {
        if self.integer(keyword) == Some(value) {
            return;
        }
        let new = card(keyword, &format!("{value:>20}"));
        if let Some(old) = self.cards.iter_mut().find(|card| keyword_of(card.as_slice()) == keyword) {
            let comment = old.iter().position(|&byte| byte == b'/').map(|at| old[at..].to_vec());
            *old = new;
            let places = old.iter_mut().skip(31);
            places.zip(comment.unwrap_or_default()).for_each(|(place, byte)| *place = byte);
            return;
        }
        let at = self.cards.iter().position(|card| keyword_of(card) == after);
        self.cards.insert(at.map_or(self.cards.len(), |at| at + 1), new);
    }

    /// Sets the number of axes and their extents, the slowest first.
    pub fn set_shape(&mut self, shape: &[usize]) {
        let is_extent = |card: &[u8]| {
            let keyword = keyword_of(card);
            keyword.strip_prefix("NAXIS").is_some_and(|n| n.parse::<usize>().is_ok_and(|n| n > shape.len()))
        };
        self.cards.retain(|card| !is_extent(card));
        self.set("NAXIS", shape.len() as i64, "BITPIX");
        let mut after = "NAXIS".to_string();
        for (axis, &extent) in shape.iter().rev().enumerate() {
            let keyword = format!("NAXIS{}", axis + 1);
            self.set(&keyword, extent as i64, &after);
            after = keyword;
        }
    }

    /// Appends the header with END, filled up to whole blocks.
    pub fn append(&self, out: &mut Vec<u8>) {
        for card in &self.cards {
            out.extend_from_slice(card);
        }
        out.extend_from_slice(format!("{:<80}", "END").as_bytes());
        out.resize(out.len().next_multiple_of(BLOCK), b' ');
    }
}

/// The keyword of a card.
pub fn keyword_of(card: &[u8]) -> String {
    String::from_utf8_lossy(card.get(..8).unwrap_or_default()).trim_end().to_string()
}

/// A card with a value as it is to stand there.
pub fn card(keyword: &str, value: &str) -> [u8; CARD] {
    let text = format!("{keyword:<8}= {value}");
    let mut card = [b' '; CARD];
    card.iter_mut().zip(text.bytes().filter(u8::is_ascii)).for_each(|(place, byte)| *place = byte);
    card
}

/// A string as the value of a card.
pub fn quoted(text: &str) -> String {
    format!("'{:<8}'", fitting(text).replace('\'', "''"))
}

/// What a card can hold of a text.
fn fitting(text: &str) -> String {
    let mut n_left = 68usize; // a quote takes two
    let mut fits = |&c: &char| {
        let left = n_left.checked_sub(if c == '\'' { 2 } else { 1 });
        n_left = left.unwrap_or(0);
        left.is_some()
    };
    text.chars().filter(|c| (' '..='~').contains(c)).take_while(|c| fits(c)).collect()
}

/// What readers find of a name that is written to a card.
pub fn said_by_card(name: &str) -> String {
    fitting(name).trim_end().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_strings_or_numbers_without_their_comments() {
        let texts =
            ["A       = 'it''s / x ' / comment", "B       =   1.5D3 / x", "C       =  -7 / y", "COMMENT = 3"];
        let padded = texts.map(|text| {
            let mut card = [b' '; CARD];
            card[..text.len()].copy_from_slice(text.as_bytes());
            card
        });
        let mut header = Header { cards: padded.to_vec() };
        assert_eq!(header.value("A").unwrap(), "it's / x");
        assert_eq!(header.number("B"), Some(1500.0));
        assert_eq!(header.integer("C"), Some(-7));
        assert_eq!(header.value("D"), None);
        header.set("C", 9, "A");
        header.set("D", 8, "A");
        assert_eq!((header.integer("C"), keyword_of(&header.cards[1]).as_str()), (Some(9), "D"));
        assert!(header.cards[3].starts_with(b"C       =                    9 / y "), "comments stay");
        header.set_shape(&[5, 6]);
        assert_eq!(header.shape().unwrap(), [5, 6]);
        assert_eq!(header.integer("NAXIS1"), Some(6));
    }
}
