//! Frames of zstd in memory. With the feature `zstd` by its C library. Without, in Rust alone, for machines that have no C
//! compiler (WebAssembly): frames are read as well, more slowly, and those that are written are larger.

use crate::bytes::with_room;
use crate::error::{Error, Result};
#[cfg(feature = "zstd")]
use std::cell::RefCell;
#[cfg(feature = "zstd")]
use std::collections::{HashMap, hash_map::Entry};
#[cfg(feature = "zstd")]
use zstd::bulk::{Compressor, Decompressor};
#[cfg(feature = "zstd")]
use zstd::zstd_safe::CParameter;

/// Inputs up to this length take a context that the thread keeps: to make one takes longer than to pack them.
#[cfg(feature = "zstd")]
const SHORT_BYTES: usize = 1 << 16;

#[cfg(feature = "zstd")]
thread_local! {
    static PACKERS: RefCell<HashMap<(i32, Option<u32>), Compressor<'static>>> = RefCell::default();
    static UNPACKER: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
}

/// One frame of `bytes` at a level from 1 to 22; its tables have 2^`log` entries and twice as many where that is given. The
/// same bytes whether or not a context was used before.
#[cfg(feature = "zstd")]
pub fn compress(bytes: &[u8], level: i32, log: Option<u32>) -> Vec<u8> {
    let new = || -> std::io::Result<Compressor> {
        let mut packer = Compressor::new(level)?;
        if let Some(log) = log {
            packer.set_parameter(CParameter::ChainLog(log + 1))?;
            packer.set_parameter(CParameter::HashLog(log))?;
        }
        Ok(packer)
    };
    let packed = match bytes.len() {
        0..=SHORT_BYTES => PACKERS.with_borrow_mut(|packers| match packers.entry((level, log)) {
            Entry::Occupied(kept) => kept.into_mut().compress(bytes),
            Entry::Vacant(place) => place.insert(new()?).compress(bytes),
        }),
        _ => new().and_then(|mut packer| packer.compress(bytes)),
    };
    packed.expect("zstd writes to memory")
}

/// One frame of `bytes`; there is one level, and the library chooses its tables.
#[cfg(not(feature = "zstd"))]
pub fn compress(bytes: &[u8], _level: i32, _log: Option<u32>) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest)
}

/// The zstd stream `packed`, which must hold exactly `n_bytes`; `what` it holds is for the message.
pub fn unzstd(packed: &[u8], n_bytes: usize, what: &str) -> Result<Vec<u8>> {
    let mut bytes = with_room(n_bytes)?;
    match unpack_zstd(packed, n_bytes, &mut bytes) {
        Ok(true) if bytes.len() == n_bytes => Ok(bytes),
        Ok(true) => Err(Error::corrupt(format!("expected {n_bytes} bytes of {what}, found {}", bytes.len()))),
        Ok(false) => {
            Err(Error::corrupt(format!("expected one whole zstd frame with {what}, found something else")))
        }
        Err(error) => Err(Error::corrupt(format!("expected a zstd stream with {what}, found: {error}"))),
    }
}

/// Appends at most `n_bytes` to `bytes`, which has room for them; false where `packed` is not one whole frame.
#[cfg(feature = "zstd")]
fn unpack_zstd(packed: &[u8], _n_bytes: usize, bytes: &mut Vec<u8>) -> std::io::Result<bool> {
    if zstd::zstd_safe::find_frame_compressed_size(packed) != Ok(packed.len()) {
        return Ok(false);
    }
    UNPACKER.with_borrow_mut(|kept| {
        let unpacker = match kept {
            Some(unpacker) => unpacker,
            None => kept.insert(Decompressor::new()?),
        };
        unpacker.decompress_to_buffer(packed, bytes)
    })?;
    Ok(true)
}

/// Appends at most `n_bytes` and one to `bytes`; false where bytes are left behind the frame.
#[cfg(not(feature = "zstd"))]
fn unpack_zstd(packed: &[u8], n_bytes: usize, bytes: &mut Vec<u8>) -> std::io::Result<bool> {
    use std::io::Read;
    let mut rest = packed;
    let decoder = ruzstd::decoding::StreamingDecoder::new(&mut rest).map_err(std::io::Error::other)?;
    decoder.take(n_bytes as u64 + 1).read_to_end(bytes)?;
    Ok(rest.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_come_back_and_others_are_errors() {
        let bytes: Vec<u8> = (0..10_000u32).map(|i| (i * i / 97 % 50) as u8).collect();
        for packed in
            [compress(&bytes, 3, None), compress(&bytes, 19, Some(16)), compress(&bytes, 19, Some(16))]
        {
            assert!(packed.len() < bytes.len());
            assert_eq!(unzstd(&packed, bytes.len(), "bytes").unwrap(), bytes);
            assert!(unzstd(&packed, bytes.len() - 1, "bytes").is_err());
            assert!(unzstd(&packed, bytes.len() + 1, "bytes").is_err());
            assert!(unzstd(&packed[..packed.len() - 3], bytes.len(), "bytes").is_err());
            assert!(unzstd(&[&packed[..], b"more"].concat(), bytes.len(), "bytes").is_err());
        }
        assert!(unzstd(b"no frame", 8, "bytes").is_err());
    }
}
