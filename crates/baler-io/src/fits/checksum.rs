//! CHECKSUM and DATASUM of a unit, as the FITS standard (appendix J) defines them: sums of big-endian words of 32 bits in
//! ones' complement. Units that had them get them again, of what is written.

use super::header::{BLOCK, CARD, Header, keyword_of};

/// The text of a CHECKSUM that counts as nothing.
const NONE: &str = "0000000000000000";

/// The sum of some bytes, filled with zeros to whole words, on top of another.
fn sum(bytes: &[u8], before: u32) -> u32 {
    let mut total = u64::from(before);
    for word in bytes.chunks(4) {
        let mut filled = [0; 4];
        filled[..word.len()].copy_from_slice(word);
        total += u64::from(u32::from_be_bytes(filled));
        total = (total & 0xffff_ffff) + (total >> 32);
    }
    total as u32
}

/// 16 letters and digits that add up to `value`.
fn encode(value: u32) -> String {
    let mut letters = [0u8; 16];
    for (i, byte) in value.to_be_bytes().into_iter().enumerate() {
        let (quotient, rest) = (byte / 4 + b'0', byte % 4);
        let mut four = [quotient + rest, quotient, quotient, quotient];
        // Two by two moved apart until none is a sign between the digits and the letters.
        while four.iter().any(|c| matches!(c, b':'..=b'@' | b'['..=b'`')) {
            for pair in [(0, 1), (2, 3)] {
                if [four[pair.0], four[pair.1]].iter().any(|c| matches!(c, b':'..=b'@' | b'['..=b'`')) {
                    four[pair.0] += 1;
                    four[pair.1] -= 1;
                }
            }
        }
        four.into_iter().enumerate().for_each(|(j, c)| letters[4 * j + i] = c);
    }
    letters.rotate_right(1);
    String::from_utf8_lossy(&letters).into_owned()
}

/// Sets the text of a card that is there, in its place and with its comment.
fn set(header: &mut Header, keyword: &str, text: &str) {
    let Some(card) = header.cards.iter_mut().find(|card| keyword_of(card.as_slice()) == keyword) else {
        return;
    };
    let comment = card.iter().rposition(|&byte| byte == b'/').filter(|&at| at >= 12 + text.len().max(8));
    let end = comment.unwrap_or(CARD);
    let value = format!("{keyword:<8}= '{text:<8}'");
    card[..end].fill(b' ');
    card.iter_mut().zip(value.bytes()).for_each(|(place, byte)| *place = byte);
}

/// Brings the sums of a unit up to date, where it has them; `data` fill whole blocks.
pub fn update(header: &mut Header, data: &[u8]) {
    debug_assert!(data.len().is_multiple_of(BLOCK));
    let of_data = sum(data, 0);
    set(header, "DATASUM", &of_data.to_string());
    if header.value("CHECKSUM").is_some() {
        set(header, "CHECKSUM", NONE);
        let mut bytes = Vec::new();
        header.append(&mut bytes);
        set(header, "CHECKSUM", &encode(!sum(&bytes, of_data)));
    }
}

#[cfg(test)]
mod tests {
    use super::super::header::card;
    use super::*;

    #[test]
    fn a_unit_with_its_checksum_adds_up_to_nothing() {
        assert_eq!(encode(!868_229_149), "hcHjjc9ghcEghc9g", "the example of the standard");
        let text = |keyword| card(keyword, &format!("{:<20} / of the unit", format!("'{NONE}'")));
        let mut header = Header { cards: vec![text("CHECKSUM"), text("DATASUM")] };
        let data: Vec<u8> = (0..BLOCK).map(|i| (i * 7 % 256) as u8).collect();
        update(&mut header, &data);
        let mut bytes = Vec::new();
        header.append(&mut bytes);
        assert_eq!(sum(&bytes, sum(&data, 0)), u32::MAX, "minus zero");
        assert_eq!(header.value("DATASUM").unwrap(), sum(&data, 0).to_string());
        assert!(header.cards.iter().all(|card| card.windows(13).any(|part| part == b"/ of the unit")));
    }
}
