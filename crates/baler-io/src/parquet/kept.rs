//! What of a Parquet file is kept beside its values: the schema and the notes in Parquet's own bytes, which variable each
//! leaf became, and how it was packed, in bytes of our own that go into the archive as an attachment, and back.

use super::footer::Footer;
use baler_data::bytes::{ByteReader, ByteWriter};
use baler_data::error::{Error, Result};
use parquet::basic::{Compression, Encoding, GzipLevel, Type, ZstdLevel};
use parquet::file::metadata::ColumnChunkMetaData;

/// The first byte.
const VERSION: u8 = 1;

/// How the values of a leaf were packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Packing {
    /// 0 nothing, 1 Snappy, 2 gzip, 6 zstd, 7 LZ4, as Parquet has them.
    codec: u8,
    /// 0 whatever suits, else Parquet's code of an encoding.
    encoding: u8,
    /// Whether there were dictionaries.
    has_dictionary: bool,
}

impl Packing {
    /// What new files are packed with.
    pub const NEW: Packing = Packing { codec: 6, encoding: 0, has_dictionary: true };

    /// That of a column of a row group.
    pub fn of(column: &ColumnChunkMetaData) -> Packing {
        let codec = match column.compression() {
            Compression::UNCOMPRESSED => 0,
            Compression::SNAPPY => 1,
            Compression::GZIP(_) => 2,
            Compression::LZ4 | Compression::LZ4_RAW => 7,
            _ => 6,
        };
        let encodings: Vec<Encoding> = column.encodings().collect();
        let dictionaries = [Encoding::RLE_DICTIONARY, Encoding::PLAIN_DICTIONARY];
        let special = ENCODINGS.into_iter().find(|(_, encoding)| encodings.contains(encoding));
        Packing {
            codec,
            encoding: special.map_or(0, |(code, _)| code),
            has_dictionary: encodings.iter().any(|encoding| dictionaries.contains(encoding)),
        }
    }

    /// As the crate has it; levels are the usual ones.
    pub fn compression(self) -> Compression {
        match self.codec {
            0 => Compression::UNCOMPRESSED,
            1 => Compression::SNAPPY,
            2 => Compression::GZIP(GzipLevel::default()),
            7 => Compression::LZ4_RAW,
            _ => Compression::ZSTD(ZstdLevel::try_new(3).unwrap_or_default()),
        }
    }

    /// That of values of a type, where it has it.
    pub fn encoding_of(self, of: Type) -> Option<Encoding> {
        let fits = match self.encoding {
            5 => matches!(of, Type::INT32 | Type::INT64),
            6 => of == Type::BYTE_ARRAY,
            7 => matches!(of, Type::BYTE_ARRAY | Type::FIXED_LEN_BYTE_ARRAY),
            _ => !matches!(of, Type::BOOLEAN | Type::BYTE_ARRAY | Type::INT96),
        };
        ENCODINGS.into_iter().find(|(code, _)| *code == self.encoding && fits).map(|(_, encoding)| encoding)
    }

    /// Whether values that repeat are kept once.
    pub fn has_dictionary(self) -> bool {
        self.has_dictionary
    }
}

/// Encodings that someone has chosen where they stand.
const ENCODINGS: [(u8, Encoding); 4] = [
    (5, Encoding::DELTA_BINARY_PACKED),
    (6, Encoding::DELTA_LENGTH_BYTE_ARRAY),
    (7, Encoding::DELTA_BYTE_ARRAY),
    (9, Encoding::BYTE_STREAM_SPLIT),
];

/// What is kept.
#[derive(Debug, Clone, PartialEq)]
pub struct Kept {
    /// The schema and the notes.
    pub footer: Footer,
    /// The variable of each leaf, none of those that are not kept, and how it was packed.
    pub leaves: Vec<(Option<String>, Packing)>,
    /// Rows of each row group.
    pub groups: Vec<usize>,
}

/// The bytes of what is kept.
pub fn write(footer: &[u8], leaves: &[(Option<String>, Packing)], groups: &[usize]) -> Vec<u8> {
    let mut w = ByteWriter::default();
    w.u8(VERSION);
    w.count(leaves.len());
    for (name, packing) in leaves {
        w.u8(u8::from(name.is_some()) | u8::from(packing.has_dictionary) << 1);
        w.u8(packing.codec);
        w.u8(packing.encoding);
        w.block(name.as_deref().unwrap_or_default().as_bytes());
    }
    w.count(groups.len());
    groups.iter().for_each(|&n_rows| w.count(n_rows));
    w.block(footer);
    w.bytes
}

/// The inverse of [`write`].
pub fn read(bytes: &[u8]) -> Result<Kept> {
    let mut r = ByteReader::new(bytes);
    if r.u8()? != VERSION {
        return Err(Error::unsupported("Parquet metadata of another version are not known"));
    }
    let leaf = |r: &mut ByteReader| {
        let flags = r.u8()?;
        let packing = Packing { codec: r.u8()?, encoding: r.u8()?, has_dictionary: flags & 2 != 0 };
        let name = String::from_utf8(r.block()?.to_vec());
        let name = name.map_err(|_| Error::corrupt("expected text in Parquet metadata"))?;
        Ok(((flags & 1 != 0).then_some(name), packing))
    };
    let leaves = (0..r.count_of_items()?).map(|_| leaf(&mut r)).collect::<Result<_>>()?;
    let groups = (0..r.count_of_items()?).map(|_| r.count()).collect::<Result<_>>()?;
    let footer = Footer::of_bytes(r.block()?)?;
    r.finish("Parquet metadata")?;
    Ok(Kept { footer, leaves, groups })
}
