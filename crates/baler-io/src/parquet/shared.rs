//! What a Parquet file tells of its columns, in what formats have in common: its notes as attributes of the file, and how
//! it was packed; and back, texts of the file as notes. Notes that describe the columns to one library are its own matter.

use super::schema::Leaf;
use super::thrift::{Value, field};
use baler_data::metadata;
use baler_data::metadata::{About, Attribute, Codec, Group, Metadata, Packing};
use parquet::basic::Compression;
use parquet::file::metadata::RowGroupMetaData;

/// Beginnings of the keys of such notes.
const OF_LIBRARIES: [&str; 7] =
    ["ARROW:", "pandas", "iceberg.", "org.apache.spark.", "parquet.", "writer.model.name", "geo"];

/// All that a file tells.
pub fn of_file(notes: &[Value], leaves: &[Leaf], first: Option<&RowGroupMetaData>) -> Metadata {
    let attributes = notes.iter().filter_map(note).map(|(name, text)| {
        let value = metadata::Value::Text(text);
        Attribute { name, value }
    });
    let group = Group { path: String::new(), attributes: attributes.collect() };
    let about = |(column, leaf): (usize, &Leaf)| {
        let codec = match first.and_then(|group| group.columns().get(column))?.compression() {
            Compression::UNCOMPRESSED => return None,
            Compression::SNAPPY => Codec::Snappy,
            Compression::GZIP(_) => Codec::Deflate,
            Compression::LZ4 | Compression::LZ4_RAW => Codec::Lz4,
            Compression::ZSTD(_) => Codec::Zstd,
            _ => Codec::Other,
        };
        leaf.stored?;
        Some(About { packing: Packing { codec, ..Packing::default() }, ..About::new(&leaf.name) })
    };
    let variables = leaves.iter().enumerate().filter_map(about).collect();
    Metadata { groups: vec![group], variables }
}

/// Key and value of a note of users.
fn note(note: &Value) -> Option<(String, String)> {
    let text = |number: i16| match field(note.fields(), number)? {
        Value::Binary(bytes) => String::from_utf8(bytes.clone()).ok(),
        _ => None,
    };
    let key = text(1)?;
    (!OF_LIBRARIES.iter().any(|start| key.starts_with(start))).then_some((key, text(2)?))
}

/// The texts that are known of a file, as notes.
pub fn notes(known: &Metadata) -> Vec<Value> {
    let texts =
        known.group("").iter().filter_map(|attribute| Some((&attribute.name, attribute.value.text()?)));
    let binary = |text: &str| Value::Binary(text.as_bytes().to_vec());
    texts.map(|(key, text)| Value::Struct(vec![(1, binary(key)), (2, binary(text))])).collect()
}
