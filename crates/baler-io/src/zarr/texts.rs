//! Texts of variable length (`vlen-utf8`), which here have as many bytes as the longest, with zeros behind them; and back.
//! Refuses texts that end in a zero, those of which one is much longer than the others, and those in shards.

use super::codecs::{self, Codec};
use super::describe::{Description, MOST_INNER};
use super::folder::Folder;
use super::wrong;
use baler_data::error::{Error, Result};
use serde_json::{Value, json};

/// The name of the codec.
pub const NAME: &str = "vlen-utf8";
/// Under this name a description has the bytes of the longest text, while it is here; never in a store.
pub const WIDTH: &str = "_width";
/// What texts may take with zeros behind them, whatever they take without.
const FEW_BYTES: u64 = 1 << 24;
/// ... and how many times as much as without.
const MOST_TIMES: u64 = 16;
/// Bytes of a chunk before it is packed, at most: its size is told nowhere.
const MOST_BYTES: usize = 1 << 27;

/// True for a description of such texts.
pub fn are_in(array: &Value, is_new: bool) -> bool {
    let of_filter = |filter: &Value| filter["id"] == NAME;
    match is_new {
        true => array["data_type"] == "string" || array["data_type"]["name"] == "string",
        false => {
            array["dtype"] == "|O" && array["filters"].as_array().is_some_and(|f| f.iter().any(of_filter))
        }
    }
}

/// The bytes of the longest text of an array; all of its chunks are read.
pub fn width(folder: &Folder, array: &Value, is_new: bool) -> Result<usize> {
    let mut array = array.clone();
    array[WIDTH] = json!(1);
    let Description { shape, chunk, codecs, key, .. } = Description::parse(&array, is_new)?;
    let codecs = codecs?;
    if codecs.iter().any(|codec| matches!(codec, Codec::Shards(_))) {
        return Err(Error::unsupported("texts of variable length in shards are not read"));
    }
    let n_texts = shape.iter().try_fold(1u64, |n, &extent| n.checked_mul(extent));
    let n_texts = n_texts.ok_or_else(|| wrong("an array has more texts than any file"))?;
    let (files, _) = folder.chunks(key.0, key.1, shape.len());
    let (mut longest, mut n_bytes) = (1usize, 0u64);
    for path in files.values() {
        let bytes = codecs::unpack(folder.bytes(path)?, &codecs, MOST_BYTES)?;
        each_text(&bytes, |text| {
            longest = longest.max(text.len());
            n_bytes += text.len() as u64;
            match text.last() {
                Some(0) => Err(Error::unsupported("texts that end in a zero are not read")),
                _ => Ok(()),
            }
        })?;
    }
    let in_all = chunk.iter().zip(&shape).try_fold(longest as u64, |n, (chunk, n_rows)| {
        n.checked_mul(n_rows.div_ceil(*chunk).checked_mul(*chunk)?)
    });
    let most = FEW_BYTES.max(MOST_TIMES.saturating_mul(n_bytes + n_texts));
    match in_all {
        Some(in_all) if in_all <= most && longest <= MOST_INNER => Ok(longest),
        _ => Err(Error::unsupported("texts of which one is much longer than the others are not read")),
    }
}

/// Calls `take` with each text of a chunk: how many there are, then the length of each before its bytes.
fn each_text(bytes: &[u8], mut take: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
    let damaged = || wrong("expected texts with their lengths");
    let (count, mut rest) = bytes.split_first_chunk::<4>().ok_or_else(damaged)?;
    for _ in 0..u32::from_le_bytes(*count) {
        let (n_bytes, behind) = rest.split_first_chunk::<4>().ok_or_else(damaged)?;
        let (text, behind) =
            behind.split_at_checked(u32::from_le_bytes(*n_bytes) as usize).ok_or_else(damaged)?;
        take(text)?;
        rest = behind;
    }
    if rest.is_empty() { Ok(()) } else { Err(damaged()) }
}

/// Texts of a chunk, each with zeros behind it up to `width` bytes; `n_bytes` in all.
pub fn filled_up(bytes: &[u8], width: usize, n_bytes: usize) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    each_text(bytes, |text| {
        let end = out.len() + width;
        if text.len() > width || end > n_bytes {
            return Err(wrong(format!("expected texts of at most {width} bytes, {n_bytes} in all")));
        }
        out.extend_from_slice(text);
        out.resize(end, 0);
        Ok(())
    })?;
    Ok(out)
}

/// Inverse of [`filled_up`].
pub fn cut_down(bytes: &[u8], width: usize) -> Vec<u8> {
    let texts = bytes.chunks_exact(width.max(1));
    let mut out = (texts.len() as u32).to_le_bytes().to_vec();
    for text in texts {
        let n_bytes = text.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
        out.extend_from_slice(&(n_bytes as u32).to_le_bytes());
        out.extend_from_slice(&text[..n_bytes]);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_come_back_and_damage_is_told() {
        let packed = [&[3u8, 0, 0, 0][..], &[2, 0, 0, 0], b"ab", &[0; 4], &[1, 0, 0, 0], b"c"].concat();
        let filled = filled_up(&packed, 2, 6).unwrap();
        assert_eq!(filled, b"ab\0\0c\0");
        assert_eq!(cut_down(&filled, 2), packed);
        for end in 0..packed.len() {
            assert!(filled_up(&packed[..end], 2, 6).is_err(), "{end}");
        }
        assert!(filled_up(&packed, 1, 3).unwrap_err().to_string().contains("at most 1 bytes"));
        assert!(filled_up(&packed, 2, 4).is_err(), "more texts than the chunk has");
    }

    /// Stores as zarr-python makes them: a text array of two chunks, the last one of which hangs over.
    #[test]
    fn stores_of_texts_come_back() {
        let new = r#"{"zarr_format": 3, "node_type": "array", "shape": [3], "data_type": "string", "fill_value": "",
            "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [2]}}, "attributes": {},
            "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
            "codecs": [{"name": "vlen-utf8"}]}"#;
        let old = r#"{"zarr_format": 2, "shape": [3], "chunks": [2], "dtype": "|O", "fill_value": null, "order": "C",
            "filters": [{"id": "vlen-utf8"}], "compressor": null}"#;
        let first = [&[2u8, 0, 0, 0][..], &[4, 0, 0, 0], "aßc".as_bytes(), &[0; 4]].concat();
        let second = [&[2u8, 0, 0, 0][..], &[1, 0, 0, 0], b"d", &[0; 4]].concat();
        for (described, text, chunks) in [("zarr.json", new, ["c/0", "c/1"]), (".zarray", old, ["0", "1"])] {
            let folder = tempfile::tempdir().unwrap();
            let store = folder.path().join("texts.zarr");
            std::fs::create_dir_all(store.join("c")).unwrap();
            std::fs::write(store.join(described), text).unwrap();
            for (chunk, bytes) in chunks.iter().zip([&first, &second]) {
                std::fs::write(store.join(chunk), bytes).unwrap();
            }
            let dataset = crate::read(&store, &crate::ReadOptions::default()).unwrap();
            let variable = &dataset.variables[0];
            assert_eq!(
                (&variable.shape[..], variable.storage.kind),
                (&[3, 4][..], baler_data::dataset::kind::Kind::Text)
            );
            assert_eq!(variable.values, baler_data::dataset::Values::U8("aßc\0\0\0\0d\0\0\0".into()));
            let files = crate::write_zarr(&dataset).unwrap();
            let of =
                |name: &str| files.iter().find(|(path, _)| path == name).map(|(_, bytes)| bytes).unwrap();
            assert_eq!((of(chunks[0]), of(chunks[1])), (&first, &second));
            assert!(!String::from_utf8_lossy(of(described)).contains(WIDTH));
            // One text that is much longer than all others would make all of them long.
            let long = [&[2u8, 0, 0, 0][..], &[0, 0, 16, 0], &[b'x'; 1 << 20], &[0; 4]].concat();
            std::fs::write(store.join(chunks[0]), long).unwrap();
            assert!(crate::read(&store, &crate::ReadOptions::default()).is_ok(), "few in all");
            std::fs::write(store.join(chunks[0]), &first[..5]).unwrap();
            assert!(crate::read(&store, &crate::ReadOptions::default()).is_err());
        }
    }
}
