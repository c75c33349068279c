//! What TIFF does to a strip or tile, undone: compression (none, LZW, deflate, PackBits, zstd) and prediction
//! (differences of neighbors; bytes of floats in planes). Refuses other compressions by name.

use crate::dataset::DType;
use crate::error::{Error, Result};
use std::borrow::Cow;
use std::io::Read;

/// At most `n_bytes` out of a strip or tile.
pub fn unpack(packed: Cow<'_, [u8]>, compression: u64, n_bytes: usize) -> Result<Cow<'_, [u8]>> {
    let name = match compression {
        1 => return Ok(packed),
        5 => return Ok(Cow::Owned(lzw(&packed, n_bytes)?)),
        8 | 32946 => return read_some(flate2::read::ZlibDecoder::new(&packed[..]), n_bytes),
        32773 => return Ok(Cow::Owned(pack_bits(&packed, n_bytes))),
        50000 => {
            let decoder = zstd::stream::read::Decoder::with_buffer(&packed[..]).map_err(damaged)?;
            return read_some(decoder, n_bytes);
        }
        2..=4 => "CCITT",
        6 | 7 => "JPEG",
        34712 => "JPEG 2000",
        34887 => "LERC",
        34925 => "LZMA",
        50001 => "WebP",
        _ => "unknown",
    };
    Err(Error::unsupported(format!(
        "the TIFF compression {compression} ({name}) is not read; convert the file to deflate or LZW"
    )))
}

fn damaged(error: std::io::Error) -> Error {
    Error::input(format!("pixels cannot be unpacked ({error}); the TIFF is damaged"))
}

/// The memory grows with the bytes that come, not by what was claimed.
fn read_some<'a>(unpacked: impl Read, n_bytes: usize) -> Result<Cow<'a, [u8]>> {
    let mut bytes = Vec::with_capacity(n_bytes.min(1 << 20));
    unpacked.take(n_bytes as u64).read_to_end(&mut bytes).map_err(damaged)?;
    Ok(Cow::Owned(bytes))
}

/// TIFF's LZW: codes of 9 to 12 bits, highest bit first, one code earlier wider than the table needs.
fn lzw(packed: &[u8], n_bytes: usize) -> Result<Vec<u8>> {
    const CLEAR: usize = 256;
    const END: usize = 257;
    let wrong = || Error::input("pixels cannot be unpacked (LZW); the TIFF is damaged");
    let mut out: Vec<u8> = Vec::new();
    // An entry is a piece of what was put out: (start, length).
    let mut table: Vec<(usize, usize)> = Vec::new();
    let mut previous: Option<(usize, usize)> = None;
    let (mut bits, mut n_bits, mut width) = (0u32, 0, 9);
    for &byte in packed {
        bits = bits << 8 | u32::from(byte);
        n_bits += 8;
        if n_bits < width {
            continue;
        }
        n_bits -= width;
        let code = (bits >> n_bits) as usize & ((1 << width) - 1);
        if code == END || out.len() >= n_bytes {
            break;
        }
        if code == CLEAR {
            table.clear();
            (previous, width) = (None, 9);
            continue;
        }
        let start = out.len();
        match (code, previous) {
            (0..=255, _) => out.push(code as u8),
            (_, Some((from, length))) => {
                let (from, length) = match table.get(code - 258) {
                    Some(&piece) => piece,
                    // The entry that is being made: the piece before and its own first byte.
                    None if code - 258 == table.len() => (from, length + 1),
                    None => return Err(wrong()),
                };
                for i in from..from + length {
                    out.push(out[i]);
                }
            }
            (_, None) => return Err(wrong()),
        }
        if let Some((from, length)) = previous.filter(|_| table.len() < 4096 - 258) {
            // What follows a piece in the output is the first byte of the next.
            table.push((from, length + 1));
        }
        previous = Some((start, out.len() - start));
        width = match table.len() + 258 + 1 {
            0..=511 => 9,
            512..=1023 => 10,
            1024..=2047 => 11,
            _ => 12,
        };
    }
    out.truncate(n_bytes);
    Ok(out)
}

fn pack_bits(packed: &[u8], n_bytes: usize) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = packed;
    while let Some((&count, after)) = rest.split_first()
        && out.len() < n_bytes
    {
        let n = usize::from(count);
        rest = match count {
            0..=127 => {
                let (literals, after) = after.split_at(after.len().min(n + 1));
                out.extend_from_slice(literals);
                after
            }
            128 => after,
            _ => {
                let Some((&byte, after)) = after.split_first() else { break };
                out.extend(std::iter::repeat_n(byte, 257 - n));
                after
            }
        };
    }
    out.truncate(n_bytes);
    out
}

/// What a row of a strip or tile is made of.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// Element type.
    pub dtype: DType,
    /// Samples that stand beside each other.
    pub n_samples: usize,
    /// The file's order of bytes.
    pub big_endian: bool,
    /// Bytes of the row.
    pub n_bytes: usize,
}

/// Undoes the prediction of each row.
pub fn unpredict(bytes: &mut [u8], predictor: u64, row: Row) -> Result<()> {
    let size = row.dtype.size_bytes();
    match predictor {
        1 => {}
        2 => bytes.chunks_exact_mut(row.n_bytes.max(1)).for_each(|line| sum(line, size, row)),
        3 if row.dtype.is_float() => {
            for line in bytes.chunks_exact_mut(row.n_bytes.max(1)) {
                for i in row.n_samples..line.len() {
                    line[i] = line[i].wrapping_add(line[i - row.n_samples]);
                }
                let planes = line.to_vec();
                let n = line.len() / size;
                for (i, value) in line.chunks_exact_mut(size).enumerate() {
                    for (place, byte) in value.iter_mut().enumerate() {
                        // The planes go from the most significant byte to the least.
                        *byte = planes[if row.big_endian { place } else { size - 1 - place } * n + i];
                    }
                }
            }
        }
        other => return Err(Error::unsupported(format!("the TIFF predictor {other} is not known"))),
    }
    Ok(())
}

/// Running sums of each sample along a row.
fn sum(line: &mut [u8], size: usize, row: Row) {
    let stride = size * row.n_samples;
    macro_rules! sums {
        ($kind:ty) => {
            for at in (stride..line.len() + 1 - size.min(line.len())).step_by(size) {
                let value = |at: usize| {
                    let mut bytes = [0; size_of::<$kind>()];
                    bytes.copy_from_slice(&line[at..at + size]);
                    if row.big_endian { <$kind>::from_be_bytes(bytes) } else { <$kind>::from_le_bytes(bytes) }
                };
                let sum = value(at).wrapping_add(value(at - stride));
                let bytes = if row.big_endian { sum.to_be_bytes() } else { sum.to_le_bytes() };
                line[at..at + size].copy_from_slice(&bytes);
            }
        };
    }
    match size {
        1 => sums!(u8),
        2 => sums!(u16),
        4 => sums!(u32),
        _ => sums!(u64),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packed_runs_and_literals_come_out_and_stop_at_the_end() {
        assert_eq!(pack_bits(&[2, 1, 2, 3, 254, 9, 128, 0, 7], 99), [1, 2, 3, 9, 9, 9, 7]);
        assert_eq!(pack_bits(&[129, 5], 10), [5; 10]);
        assert_eq!(pack_bits(&[5, 1], 10), [1]);
    }

    #[test]
    fn lzw_knows_the_entry_that_is_being_made() {
        // Clear, 7, 258 (which is 7 7), end, each of 9 bits: 100000000 000000111 100000010 100000001.
        assert_eq!(
            lzw(&[0b1000_0000, 0b0000_0001, 0b1110_0000, 0b0101_0000, 0b0001_0000], 99).unwrap(),
            [7; 3]
        );
        assert!(lzw(&[0b1000_0000, 0b0111_1111, 0b1100_0000], 99).is_err());
    }

    #[test]
    fn differences_are_summed_in_either_order() {
        let row = |big_endian| Row { dtype: DType::U16, n_samples: 1, big_endian, n_bytes: 6 };
        let mut bytes = vec![1, 0, 255, 0, 1, 0];
        unpredict(&mut bytes, 2, row(false)).unwrap();
        assert_eq!(bytes, [1, 0, 0, 1, 1, 1]);
        let mut bytes = vec![0, 1, 0, 255, 0, 1];
        unpredict(&mut bytes, 2, row(true)).unwrap();
        assert_eq!(bytes, [0, 1, 1, 0, 1, 1]);
        assert!(unpredict(&mut bytes, 3, row(true)).is_err());
    }
}
