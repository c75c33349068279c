//! What TIFF does to the rows of a strip or tile, forward and inverse: compression (none, LZW, deflate, PackBits, zstd),
//! prediction (differences of neighbors; bytes of floats in planes), samples packed without gaps, and bits the other way
//! around. Refuses other compressions by name.

use super::lzw;
use super::stored::SampleType;
use baler_data::dataset::DType;
use baler_data::error::{Error, Result};
use std::borrow::Cow;
use std::io::{Read, Write};

/// Numbers of compressions.
const NONE: u16 = 1;
const LZW: u16 = 5;
const DEFLATE: u16 = 8;
const OLD_DEFLATE: u16 = 32946;
const PACK_BITS: u16 = 32773;
const ZSTD: u16 = 50000;
/// TIFF tells no level; these are what the common writers use.
const DEFLATE_LEVEL: u32 = 6;
const ZSTD_LEVEL: i32 = 9;

/// At most `n_bytes` out of a strip or tile.
pub fn unpack<'a>(packed: Cow<'a, [u8]>, stored: &SampleType, n_bytes: usize) -> Result<Cow<'a, [u8]>> {
    let packed = match stored.low_bit_first {
        true => Cow::Owned(packed.iter().map(|byte| byte.reverse_bits()).collect()),
        false => packed,
    };
    let name = match stored.compression {
        NONE => return Ok(packed),
        LZW => return Ok(Cow::Owned(lzw::unpack(&packed, n_bytes)?)),
        DEFLATE | OLD_DEFLATE => return read_some(flate2::read::ZlibDecoder::new(&packed[..]), n_bytes),
        PACK_BITS => return Ok(Cow::Owned(unpack_bits(&packed, n_bytes))),
        ZSTD => {
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
        "the TIFF compression {} ({name}) is not read; convert the file to deflate or LZW",
        stored.compression
    )))
}

/// The bytes of a strip or tile for the file; `row_bytes` are those of each of its rows.
pub fn pack(bytes: Vec<u8>, stored: &SampleType) -> Result<Vec<u8>> {
    let failed = |e: std::io::Error| Error::io("packing pixels", e);
    let mut packed = match stored.compression {
        LZW => lzw::pack(&bytes),
        DEFLATE | OLD_DEFLATE => {
            let level = flate2::Compression::new(DEFLATE_LEVEL);
            let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), level);
            encoder.write_all(&bytes).map_err(failed)?;
            encoder.finish().map_err(failed)?
        }
        PACK_BITS => bytes.chunks(stored.row_bytes().max(1)).flat_map(pack_bits).collect(),
        ZSTD => zstd::bulk::compress(&bytes, ZSTD_LEVEL).map_err(failed)?,
        _ => bytes,
    };
    if stored.low_bit_first {
        packed.iter_mut().for_each(|byte| *byte = byte.reverse_bits());
    }
    Ok(packed)
}

/// True for compressions that [`pack`] can write.
pub fn is_written(compression: u16) -> bool {
    [NONE, LZW, DEFLATE, OLD_DEFLATE, PACK_BITS, ZSTD].contains(&compression)
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

fn unpack_bits(packed: &[u8], n_bytes: usize) -> Vec<u8> {
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

/// A row in runs and literals.
fn pack_bits(row: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let run_at = |at: usize| row[at..].iter().take(128).take_while(|&&byte| byte == row[at]).count();
    let mut at = 0;
    while at < row.len() {
        let run = run_at(at);
        if run >= 2 {
            out.extend_from_slice(&[(257 - run) as u8, row[at]]);
            at += run;
            continue;
        }
        // Literals up to a run that is worth its two bytes.
        let mut end = at + 1;
        while end < row.len() && end - at < 128 && run_at(end) < 3 {
            end += 1;
        }
        out.push((end - at - 1) as u8);
        out.extend_from_slice(&row[at..end]);
        at = end;
    }
    out
}

/// What a row of a strip or tile is made of.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// Element type.
    pub dtype: DType,
    /// Samples that stand beside each other.
    pub n_samples: usize,
    /// Samples of the row.
    pub n_values: usize,
    /// The file's order of bytes.
    pub big_endian: bool,
    /// Bytes of the row.
    pub n_bytes: usize,
}

impl Row {
    /// The rows of a page's blocks.
    pub fn of(stored: &SampleType, dtype: DType, big_endian: bool) -> Row {
        let n_samples = stored.samples_beside();
        let n_values = stored.block.0 * n_samples;
        Row { dtype, n_samples, n_values, big_endian, n_bytes: stored.row_bytes() }
    }
}

/// Whole bytes of rows whose samples have fewer bits, highest bit first; each row starts at a byte.
pub fn widen(packed: &[u8], bits: usize, row: Row) -> Vec<u8> {
    let size = row.dtype.size_bytes();
    let n_rows = packed.len() / row.n_bytes.max(1);
    let mut out = Vec::with_capacity(n_rows * row.n_values * size);
    for line in packed.chunks_exact(row.n_bytes.max(1)) {
        let (mut waiting, mut n_waiting) = (0u64, 0);
        let mut bytes = line.iter();
        for _ in 0..row.n_values {
            while n_waiting < bits {
                waiting = waiting << 8 | u64::from(bytes.next().copied().unwrap_or(0));
                n_waiting += 8;
            }
            n_waiting -= bits;
            let value = waiting >> n_waiting & ((1 << bits) - 1);
            match row.big_endian {
                true => out.extend_from_slice(&value.to_be_bytes()[8 - size..]),
                false => out.extend_from_slice(&value.to_le_bytes()[..size]),
            }
        }
    }
    out
}

/// What [`widen`] undoes; every value has at most so many bits.
pub fn narrow(bytes: &[u8], bits: usize, row: Row) -> Vec<u8> {
    let size = row.dtype.size_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    for line in bytes.chunks_exact((row.n_values * size).max(1)) {
        let (mut waiting, mut n_waiting) = (0u64, 0);
        for value in line.chunks_exact(size) {
            waiting = waiting << bits | super::directory::uint(value, row.big_endian);
            n_waiting += bits;
            while n_waiting >= 8 {
                n_waiting -= 8;
                out.push((waiting >> n_waiting) as u8);
            }
        }
        if n_waiting > 0 {
            out.push((waiting << (8 - n_waiting)) as u8);
        }
    }
    out
}

/// Undoes the prediction of each row.
pub fn unpredict(bytes: &mut [u8], predictor: u16, row: Row) -> Result<()> {
    let size = row.dtype.size_bytes();
    let is_whole = row.n_bytes == row.n_values * size;
    let lines = bytes.chunks_exact_mut(row.n_bytes.max(1));
    match predictor {
        1 => {}
        2 if is_whole => lines.for_each(|line| sum(line, size, row)),
        3 if is_whole && row.dtype.is_float() => lines.for_each(|line| unsplit(line, size, row)),
        other => {
            return Err(Error::unsupported(format!(
                "the TIFF predictor {other} is not known for such samples"
            )));
        }
    }
    Ok(())
}

/// Predicts each row, as [`unpredict`] undoes it.
pub fn predict(bytes: &mut [u8], predictor: u16, row: Row) {
    let size = row.dtype.size_bytes();
    let lines = bytes.chunks_exact_mut(row.n_bytes.max(1));
    match predictor {
        2 => lines.for_each(|line| difference(line, size, row)),
        3 => lines.for_each(|line| split(line, size, row)),
        _ => {}
    }
}

/// True if rows of such samples can be predicted so.
pub fn can_predict(predictor: u16, stored: &SampleType, dtype: DType) -> bool {
    let is_whole = !stored.is_packed() && !stored.is_complex();
    predictor == 1 || is_whole && (predictor == 2 || predictor == 3 && dtype.is_float())
}

/// Floats out of differences of bytes in planes.
fn unsplit(line: &mut [u8], size: usize, row: Row) {
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

/// Floats as planes of bytes, and differences of those.
fn split(line: &mut [u8], size: usize, row: Row) {
    let n = line.len() / size;
    let values = line.to_vec();
    for (i, value) in values.chunks_exact(size).enumerate() {
        for (place, &byte) in value.iter().enumerate() {
            line[if row.big_endian { place } else { size - 1 - place } * n + i] = byte;
        }
    }
    for i in (row.n_samples..line.len()).rev() {
        line[i] = line[i].wrapping_sub(line[i - row.n_samples]);
    }
}

/// Replaces each value by what `change` makes of it and of its neighbor before in the row; from the last to the first if
/// `backwards`, so that neighbors are still as they were.
macro_rules! along {
    ($line:expr, $size:expr, $row:expr, $change:ident, $backwards:expr) => {{
        let stride = $size * $row.n_samples;
        let n = ($line.len() / $size).saturating_sub($row.n_samples);
        macro_rules! run {
            ($kind:ty) => {
                for i in 0..n {
                    let at = stride + $size * if $backwards { n - 1 - i } else { i };
                    let value = |at: usize| {
                        let mut bytes = [0; size_of::<$kind>()];
                        bytes.copy_from_slice(&$line[at..at + $size]);
                        match $row.big_endian {
                            true => <$kind>::from_be_bytes(bytes),
                            false => <$kind>::from_le_bytes(bytes),
                        }
                    };
                    let changed = value(at).$change(value(at - stride));
                    let bytes = if $row.big_endian { changed.to_be_bytes() } else { changed.to_le_bytes() };
                    $line[at..at + $size].copy_from_slice(&bytes);
                }
            };
        }
        match $size {
            1 => run!(u8),
            2 => run!(u16),
            4 => run!(u32),
            _ => run!(u64),
        }
    }};
}

/// Running sums of each sample along a row.
fn sum(line: &mut [u8], size: usize, row: Row) {
    along!(line, size, row, wrapping_add, false);
}

/// Differences of each sample from the one before in its row.
fn difference(line: &mut [u8], size: usize, row: Row) {
    along!(line, size, row, wrapping_sub, true);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packed_runs_and_literals_come_out_and_stop_at_the_end() {
        assert_eq!(unpack_bits(&[2, 1, 2, 3, 254, 9, 128, 0, 7], 99), [1, 2, 3, 9, 9, 9, 7]);
        assert_eq!(unpack_bits(&[129, 5], 10), [5; 10]);
        assert_eq!(unpack_bits(&[5, 1], 10), [1]);
        let rows =
            [vec![1, 2, 3, 9, 9, 9, 7, 7, 8], vec![5; 300], (0..=255).collect(), vec![0; 1], Vec::new()];
        for row in rows {
            assert_eq!(unpack_bits(&pack_bits(&row), row.len()), row);
        }
        assert_eq!(pack_bits(&[1, 2, 3, 9, 9, 9, 7]), [2, 1, 2, 3, 254, 9, 0, 7]);
    }

    fn row(dtype: DType, n_samples: usize, n_values: usize, big_endian: bool) -> Row {
        Row { dtype, n_samples, n_values, big_endian, n_bytes: n_values * dtype.size_bytes() }
    }

    #[test]
    fn differences_are_summed_in_either_order() {
        let mut bytes = vec![1, 0, 255, 0, 1, 0];
        unpredict(&mut bytes, 2, row(DType::U16, 1, 3, false)).unwrap();
        assert_eq!(bytes, [1, 0, 0, 1, 1, 1]);
        let mut bytes = vec![0, 1, 0, 255, 0, 1];
        unpredict(&mut bytes, 2, row(DType::U16, 1, 3, true)).unwrap();
        assert_eq!(bytes, [0, 1, 1, 0, 1, 1]);
        assert!(unpredict(&mut bytes, 3, row(DType::U16, 1, 3, true)).is_err());
    }

    #[test]
    fn predictions_are_undone() {
        let bytes: Vec<u8> = (0..240u32).map(|i| ((i * i * 7) >> 3) as u8).collect();
        for (dtype, predictor) in [
            (DType::U8, 2),
            (DType::I16, 2),
            (DType::U32, 2),
            (DType::F64, 2),
            (DType::F32, 3),
            (DType::F16, 3),
        ] {
            for (n_samples, big_endian) in [(1, false), (3, true), (2, false)] {
                let row = row(dtype, n_samples, 120 / dtype.size_bytes(), big_endian);
                let mut changed = bytes.clone();
                predict(&mut changed, predictor, row);
                assert_ne!(changed, bytes);
                unpredict(&mut changed, predictor, row).unwrap();
                assert_eq!(changed, bytes, "{dtype:?} {predictor} {n_samples} {big_endian}");
            }
        }
    }

    #[test]
    fn samples_of_few_bits_are_widened_and_narrowed() {
        // 12 bits: abc def 123, and half a byte to the end of the row.
        let packed = [0xab, 0xcd, 0xef, 0x12, 0x30];
        let row = Row { dtype: DType::U16, n_samples: 1, n_values: 3, big_endian: true, n_bytes: 5 };
        let wide = widen(&packed, 12, row);
        assert_eq!(wide, [0x0a, 0xbc, 0x0d, 0xef, 0x01, 0x23]);
        assert_eq!(narrow(&wide, 12, row), packed);
        let row = Row { dtype: DType::Bool, n_samples: 1, n_values: 10, big_endian: false, n_bytes: 2 };
        assert_eq!(widen(&[0b1010_0001, 0b1100_0000], 1, row), [1, 0, 1, 0, 0, 0, 0, 1, 1, 1]);
    }
}
