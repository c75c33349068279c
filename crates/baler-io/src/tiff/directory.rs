//! TIFF's directories: tags with their values, in little-endian whatever the file's order. Refuses values outside the
//! file.

use crate::store::Region;
use baler_data::error::{Error, Result};

/// Numbers of tags.
pub mod tag {
    pub const WIDTH: u16 = 256;
    pub const HEIGHT: u16 = 257;
    pub const BITS: u16 = 258;
    pub const COMPRESSION: u16 = 259;
    pub const PHOTOMETRIC: u16 = 262;
    pub const FILL_ORDER: u16 = 266;
    pub const DESCRIPTION: u16 = 270;
    pub const STRIP_OFFSETS: u16 = 273;
    pub const SAMPLES: u16 = 277;
    pub const ROWS_PER_STRIP: u16 = 278;
    pub const STRIP_BYTES: u16 = 279;
    pub const PLANAR: u16 = 284;
    pub const PREDICTOR: u16 = 317;
    pub const TILE_WIDTH: u16 = 322;
    pub const TILE_HEIGHT: u16 = 323;
    pub const TILE_OFFSETS: u16 = 324;
    pub const TILE_BYTES: u16 = 325;
    pub const SAMPLE_FORMAT: u16 = 339;
    pub const SUBSAMPLING: u16 = 530;
    pub const GDAL_NODATA: u16 = 42113;
    /// Lengths and bytes of what ImageJ notes.
    pub const IMAGEJ: [u16; 2] = [50838, 50839];
    /// Tags that point at other directories: sub-images, Exif, GPS, interoperability.
    pub const POINTERS: [u16; 4] = [330, 34665, 34853, 40965];

    /// True for tags that say how the pixels are stored, which is decided anew when a file is written.
    pub fn of_storage(tag: u16) -> bool {
        let storage = [
            WIDTH,
            HEIGHT,
            BITS,
            COMPRESSION,
            STRIP_OFFSETS,
            SAMPLES,
            ROWS_PER_STRIP,
            STRIP_BYTES,
            PLANAR,
            PREDICTOR,
            TILE_WIDTH,
            TILE_HEIGHT,
            TILE_OFFSETS,
            TILE_BYTES,
            SAMPLE_FORMAT,
            FILL_ORDER,
        ];
        // 288 and 289: free space; 347: tables of JPEG.
        storage.contains(&tag) || POINTERS.contains(&tag) || [288, 289, 347].contains(&tag)
    }

    /// The name of a tag that people know.
    pub fn name(tag: u16) -> &'static str {
        match tag {
            269 => "DocumentName",
            DESCRIPTION => "ImageDescription",
            271 => "Make",
            272 => "Model",
            305 => "Software",
            306 => "DateTime",
            315 => "Artist",
            320 => "ColorMap",
            33550 => "ModelPixelScale",
            33922 => "ModelTiepoint",
            34735 => "GeoKeyDirectory",
            GDAL_NODATA => "GDAL_NODATA",
            50838 | 50839 => "ImageJ",
            _ => "private",
        }
    }
}

/// Where the first directory is, and how numbers are written.
pub struct Header {
    /// The most significant byte first.
    pub big_endian: bool,
    /// Counts and offsets of eight bytes.
    pub big_tiff: bool,
    /// Place of the first directory.
    pub first: u64,
}

impl Header {
    /// Reads the first bytes.
    pub fn read(bytes: &Region) -> Result<Header> {
        let start = bytes.read_up_to(0, 16)?;
        let big_endian = match start.get(..2) {
            Some(b"II") => false,
            Some(b"MM") => true,
            _ => return Err(Error::input("expected a TIFF file (II or MM at its start), found other bytes")),
        };
        let number = |from: usize, n: usize| {
            let field =
                start.get(from..from + n).ok_or_else(|| Error::input("the TIFF header is cut off"))?;
            Ok::<u64, Error>(uint(field, big_endian))
        };
        let big_tiff = match number(2, 2)? {
            42 => false,
            43 => true,
            version => {
                return Err(Error::input(format!("expected TIFF (42) or BigTIFF (43), found {version}")));
            }
        };
        let first = if big_tiff { number(8, 8)? } else { number(4, 4)? };
        Ok(Header { big_endian, big_tiff, first })
    }
}

/// An unsigned number of at most eight bytes.
pub fn uint(bytes: &[u8], big_endian: bool) -> u64 {
    let add = |value: u64, &byte: &u8| value << 8 | u64::from(byte);
    if big_endian { bytes.iter().fold(0, add) } else { bytes.iter().rev().fold(0, add) }
}

/// A tag and its values.
#[derive(Debug, Clone, PartialEq)]
pub struct Tag {
    /// Its number.
    pub tag: u16,
    /// The type of its values.
    pub kind: u16,
    /// Its values, little-endian.
    pub bytes: Vec<u8>,
}

/// Bytes of a value, and of the numbers in it that have an order of bytes.
pub fn value_bytes(kind: u16) -> Option<(usize, usize)> {
    match kind {
        1 | 2 | 6 | 7 => Some((1, 1)),
        3 | 8 => Some((2, 2)),
        4 | 9 | 11 | 13 => Some((4, 4)),
        5 | 10 => Some((8, 4)),
        12 | 16 | 17 | 18 => Some((8, 8)),
        _ => None,
    }
}

/// One directory.
pub struct Directory {
    /// In the order of the file; those of types that nobody knows are left out.
    pub tags: Vec<Tag>,
}

impl Directory {
    /// Reads the directory at `at`; gives also the place of the next, or 0.
    pub fn read(bytes: &Region, header: &Header, at: u64) -> Result<(Directory, u64)> {
        let (count_bytes, entry_bytes, place_bytes) = if header.big_tiff { (8, 20, 8) } else { (2, 12, 4) };
        let n_entries = uint(&bytes.read(at, count_bytes)?, header.big_endian);
        let n_bytes =
            n_entries.checked_mul(entry_bytes).ok_or_else(|| Error::input("the TIFF is damaged"))?;
        let entries = bytes.read(at.saturating_add(count_bytes), n_bytes)?;
        let next = at + count_bytes + n_bytes;
        let next = uint(&bytes.read(next, place_bytes)?, header.big_endian);
        let mut tags = Vec::new();
        for entry in entries.chunks_exact(entry_bytes as usize) {
            let (head, place) = entry.split_at(entry.len() - place_bytes as usize);
            let number = |from: usize, to: usize| uint(&head[from..to], header.big_endian);
            let (tag, kind, count) = (number(0, 2) as u16, number(2, 4) as u16, number(4, head.len()));
            let Some((size, word)) = value_bytes(kind) else { continue };
            let n_bytes = count.saturating_mul(size as u64);
            let mut values = match n_bytes <= place_bytes {
                true => place[..n_bytes as usize].to_vec(),
                false => bytes.read(uint(place, header.big_endian), n_bytes)?.into_owned(),
            };
            if header.big_endian {
                values.chunks_exact_mut(word).for_each(<[u8]>::reverse);
            }
            tags.push(Tag { tag, kind, bytes: values });
        }
        Ok((Directory { tags }, next))
    }

    /// The values of a tag of whole numbers; empty if it is not there.
    pub fn numbers(&self, tag: u16) -> Vec<u64> {
        let found = self.tags.iter().find(|t| t.tag == tag);
        let size = found.and_then(|t| value_bytes(t.kind)).map_or(1, |(size, _)| size);
        found.map_or(Vec::new(), |t| t.bytes.chunks_exact(size).map(|value| uint(value, false)).collect())
    }

    /// The first value of a tag of whole numbers.
    pub fn number(&self, tag: u16) -> Option<u64> {
        self.numbers(tag).first().copied()
    }
}
