//! Integers one after the other -> bytes and back: as one constant, by pco (bins and tANS), or by zstd over byte
//! planes (repeats). Packing takes the smallest of those worth trying; unpacking refuses streams that do not hold
//! exactly the number of values asked for.

use crate::coder::CoderByte;
use crate::quantize::widest;
use baler_data::bytes::{ByteReader, ByteWriter, unzigzag, with_room, zigzag};
use baler_data::error::{Error, Result};
use baler_data::zstd_frames;
use baler_data::zstd_frames::unzstd;
use pco::data_types::Number;
use pco::standalone::{DecompressorItem, FileCompressor, FileDecompressor};
use pco::{ChunkConfig, DeltaSpec, ModeSpec};

const PCO_LEVEL: usize = 12;
/// Values that share pco's bins.
const PCO_CHUNK: usize = 1 << 18;
/// Values that are unpacked at a time; a multiple of pco's 256.
const PCO_READ: usize = 1 << 11;
/// zstd's slow levels take seconds where the quick ones, which tell whether they are worth it, take milliseconds.
/// The slowest is for where zstd is sure to win, and for few or short values: elsewhere it is no smaller.
const SLOW_LEVELS: [i32; 2] = [16, 19];
const SHORT_VALUES: f64 = 4.0;
const CLEAR_GAIN: f64 = 0.997;
const FEW: usize = 1 << 18;
const QUICK_LEVELS: [i32; 2] = [3, 9];
/// What the first quick level sees. Repeats lie far apart: on a 30th of the heated cylinder, whose flow is periodic,
/// zstd seems to lose a tenth to pco, where it wins a quarter on all.
const QUICK_PART: usize = 1 << 19;

/// What the quick levels may take, pco being 1, for a slow level to be tried: those gain on them the more the fewer
/// bits a value takes (from 38 % at 1.3 bits to 6 % at 6 bits on the wind speeds of the hurricane). Fitted to fields
/// at bounds from 1e-4 to 1e-2 of their range.
fn slack(bits_per_value: f64, n_values: usize) -> [f64; 2] {
    let [least_first, least_second] = if n_values <= FEW { [1.15, 1.07] } else { [1.02, 1.003] };
    [(0.96 + 0.5 / bits_per_value).max(least_first), (0.96 + 0.335 / bits_per_value).max(least_second)]
}

/// (coder, bytes): the smallest of the coders worth trying, in a hurry without the slow levels of zstd.
pub fn pack(q: &[i64], hurries: bool) -> (CoderByte, Vec<u8>) {
    if let Some(constant) = pack_constant(q) {
        return (CoderByte::Constant, constant);
    }
    let (coder, packed) = pack_pco(q, DeltaSpec::NoOp);
    match pack_zstd(q, packed.len(), hurries) {
        Some(planes) => (CoderByte::Zstd, planes),
        None => (coder, packed),
    }
}

/// (coder, bytes) of characters and bytes, which are sure to be best for zstd.
pub fn pack_repeats(q: &[i64]) -> (CoderByte, Vec<u8>) {
    if let Some(constant) = pack_constant(q) {
        return (CoderByte::Constant, constant);
    }
    let (width, planes) = byte_planes(q);
    let packed = compress_slowly(&planes, SLOW_LEVELS[1]);
    (CoderByte::Zstd, [&[width as u8], packed.as_slice()].concat())
}

/// The bytes of values that are all the same, or none.
fn pack_constant(q: &[i64]) -> Option<Vec<u8>> {
    let Some(&first) = q.first() else { return Some(Vec::new()) };
    q.iter().all(|&value| value == first).then(|| {
        let mut writer = ByteWriter::default();
        writer.signed(first);
        writer.bytes
    })
}

/// Inverse of [`pack`].
pub fn unpack(coder: CoderByte, bytes: &[u8], n_values: usize) -> Result<Vec<i64>> {
    match coder {
        CoderByte::Constant if n_values == 0 && bytes.is_empty() => Ok(Vec::new()),
        CoderByte::Constant => {
            let mut reader = ByteReader::new(bytes);
            let value = reader.signed()?;
            reader.finish("a constant stream")?;
            let mut q = with_room(n_values)?;
            q.resize(n_values, value);
            Ok(q)
        }
        CoderByte::Pco32 => unpack_pco::<i32>(bytes, n_values),
        CoderByte::Pco64 => unpack_pco::<i64>(bytes, n_values),
        CoderByte::Zstd => unpack_zstd(bytes, n_values),
        other => Err(Error::corrupt(format!("expected a classical coder, found {}", other.name()))),
    }
}

/// The `n_values` in the middle, or all.
pub fn middle(q: &[i64], n_values: usize) -> &[i64] {
    let n_values = n_values.min(q.len());
    &q[(q.len() - n_values) / 2..][..n_values]
}

/// True if 32 bits hold all values.
pub fn fits_32_bits(q: &[i64]) -> bool {
    widest(
        #[inline(always)]
        || q.iter().fold(0, |beyond, &value| beyond | (value ^ value as i32 as i64)) == 0,
    )
}

/// (coder, bytes) of values through pco, in 32 bits if they fit.
pub fn pack_pco(q: &[i64], delta: DeltaSpec) -> (CoderByte, Vec<u8>) {
    if fits_32_bits(q) {
        (CoderByte::Pco32, pack_pco_as(q, delta, |value| value as i32))
    } else {
        (CoderByte::Pco64, pack_pco_as(q, delta, |value| value))
    }
}

/// Bytes that values take through pco.
pub fn pco_bytes(q: &[i64]) -> usize {
    pack_pco(q, DeltaSpec::NoOp).1.len()
}

fn pack_pco_as<T: Number>(q: &[i64], delta: DeltaSpec, number: impl Fn(i64) -> T) -> Vec<u8> {
    let ends = chunk_ends(q.len(), &delta);
    let config = ChunkConfig::default()
        .with_compression_level(PCO_LEVEL)
        .with_mode_spec(ModeSpec::Classic)
        .with_delta_spec(delta);
    let compressor = FileCompressor::default().with_n_hint(q.len());
    let valid = "a valid configuration, and memory to write to";
    let mut bytes = Vec::new();
    compressor.write_header(&mut bytes).expect(valid);
    let mut numbers = Vec::with_capacity(q.len().min(PCO_CHUNK));
    let mut start = 0;
    for end in ends {
        numbers.clear();
        numbers.extend(q[start..end].iter().map(|&value| number(value)));
        compressor.chunk_compressor(&numbers, &config).and_then(|mut c| c.write(&mut bytes)).expect(valid);
        start = end;
    }
    compressor.write_footer(&mut bytes).expect(valid);
    bytes
}

/// Where the chunks end. They are of one size: a short last one would have bins of its own for little. But pco 1.1
/// panics where a convolution's chunk ends in a batch shorter than its order, so there the last batch gets a chunk
/// with some values of the batch before it.
fn chunk_ends(n_values: usize, delta: &DeltaSpec) -> Vec<usize> {
    const BATCH: usize = 512;
    const SHARED: usize = 64;
    let n_chunks = n_values.div_ceil(PCO_CHUNK);
    let mut ends = Vec::with_capacity(2 * n_chunks);
    let mut start = 0;
    for chunk in 0..n_chunks {
        let end = n_values * (chunk + 1) / n_chunks;
        let tail = (end - start) % BATCH;
        if let DeltaSpec::TryConv1(order) = delta
            && (1..*order).contains(&tail)
        {
            ends.push(end - tail - SHARED);
        }
        ends.push(end);
        start = end;
    }
    ends
}

fn unpack_pco<T: Number + Default + Into<i64>>(bytes: &[u8], n_values: usize) -> Result<Vec<i64>> {
    let damaged = |error| Error::corrupt(format!("expected a pco stream, found: {error}"));
    let wrong = |found| Error::corrupt(format!("expected {n_values} pco values, found {found}"));
    let mut q = with_room(n_values)?;
    let mut numbers = [T::default(); PCO_READ];
    let (decompressor, mut rest) = FileDecompressor::new(bytes).map_err(damaged)?;
    while let DecompressorItem::Chunk(mut chunk) = decompressor.chunk_decompressor(rest).map_err(damaged)? {
        if chunk.n() > n_values - q.len() {
            return Err(wrong(q.len() + chunk.n()));
        }
        loop {
            let progress = chunk.read(&mut numbers).map_err(damaged)?;
            q.extend(numbers[..progress.n_processed].iter().map(|&number| number.into()));
            if progress.finished {
                break;
            }
        }
        rest = chunk.into_src();
    }
    if q.len() == n_values { Ok(q) } else { Err(wrong(q.len())) }
}

/// Width byte (1, 2, 4 or 8), then zstd over the byte planes of the zigzag values, lowest first; `None` if that
/// takes `limit` bytes or more.
pub fn pack_zstd(q: &[i64], limit: usize, hurries: bool) -> Option<Vec<u8>> {
    let bits_per_value = 8.0 * limit as f64 / q.len() as f64;
    let [first_slack, second_slack] = slack(bits_per_value, q.len());
    let part = middle(q, QUICK_PART);
    let first = zstd_frames::compress(&byte_planes(part).1, QUICK_LEVELS[0], None);
    if first.len() as f64 > limit as f64 * part.len() as f64 / q.len() as f64 * first_slack {
        return None;
    }
    let (width, planes) = byte_planes(q);
    let second = zstd_frames::compress(&planes, QUICK_LEVELS[1], None);
    if second.len() as f64 > limit as f64 * second_slack {
        return None;
    }
    let clear = second.len() as f64 <= limit as f64 * CLEAR_GAIN;
    let sure = clear || q.len() <= FEW || bits_per_value < SHORT_VALUES;
    let slow = (!hurries).then(|| compress_slowly(&planes, SLOW_LEVELS[sure as usize]));
    let packed = slow.filter(|slow| slow.len() < second.len()).unwrap_or(second);
    (packed.len() + 1 < limit).then(|| [&[width as u8], packed.as_slice()].concat())
}

/// zstd at a slow level, with tables of at most 24 MB: level 19 takes 80 MB where it may, for less than 0.01 %.
fn compress_slowly(bytes: &[u8], level: i32) -> Vec<u8> {
    let log = bytes.len().next_power_of_two().ilog2().clamp(16, 21);
    zstd_frames::compress(bytes, level, Some(log))
}

/// (bytes a value, planes).
fn byte_planes(q: &[i64]) -> (usize, Vec<u8>) {
    widest(
        #[inline(always)]
        || {
            let all = q.iter().fold(0u64, |all, &value| all | zigzag(value));
            let width = (64 - all.leading_zeros() as usize).div_ceil(8).next_power_of_two();
            let mut planes = vec![0; width * q.len()];
            for (byte, plane) in planes.chunks_exact_mut(q.len()).enumerate() {
                plane
                    .iter_mut()
                    .zip(q)
                    .for_each(|(part, &value)| *part = (zigzag(value) >> (8 * byte)) as u8);
            }
            (width, planes)
        },
    )
}

fn unpack_zstd(bytes: &[u8], n_values: usize) -> Result<Vec<i64>> {
    let (&width, packed) =
        bytes.split_first().ok_or_else(|| Error::corrupt("expected a zstd stream, found nothing"))?;
    if ![1, 2, 4, 8].contains(&width) {
        return Err(Error::corrupt(format!("expected a width of 1, 2, 4 or 8 bytes, found {width}")));
    }
    let planes = unzstd(packed, n_values * width as usize, "byte planes")?;
    let mut q = with_room(n_values)?;
    q.resize(n_values, 0);
    for (byte, plane) in planes.chunks_exact(n_values.max(1)).enumerate() {
        for (value, &part) in q.iter_mut().zip(plane) {
            *value |= (part as i64) << (8 * byte);
        }
    }
    q.iter_mut().for_each(|value| *value = unzigzag(*value as u64));
    Ok(q)
}
