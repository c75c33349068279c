//! Baler: a learned compressor for scientific data that keeps its promise.
//!
//! A compressed file, with at most the one model file it names by hash, gives back every value within the
//! stated bound, on any machine.
//!
//! This crate is the public face. What it stands on are crates of their own, whose interfaces may change between
//! versions: `baler-data` (arrays, tables, sources), `baler-codec` (arrays to archives and back), `baler-train`
//! (models) and `baler-io` (file formats).

// Bytes are the same on every machine: no floats of the platform's own mathematics (clippy.toml).
#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

mod compress;
mod decompressed;
mod partial;
mod sized;
mod writer;

pub use baler_codec::array::{ArrayOptions, decode_array, decode_array_into, encode_array};
pub use baler_codec::container::{is_archive, is_model};
pub use baler_codec::decode::inspect::inspect;
pub use baler_codec::decode::reader::Reader;
pub use baler_codec::decode::verify::{verify, verify_with};
pub use baler_codec::decompress::{DecompressOptions, decompress, decompress_with};
pub use baler_codec::encode::output::Output;
pub use baler_codec::model::Model;
pub use baler_codec::options::training::TrainOptions;
pub use baler_codec::options::{BoundSpec, Method, Missing, Options, Size};
pub use baler_codec::report::{NoProgress, Progress, Report};
pub use baler_data::dataset::kind::Kind;
pub use baler_data::dataset::{DType, Dataset, Values, Variable};
pub use baler_data::error::{Error, ErrorKind, Result};
pub use baler_data::source::Source;
pub use baler_data::threads::Threads;
pub use baler_io::{Format, ReadOptions, open, read, write};
pub use baler_train::{Trained, train};
pub use compress::{Compressed, compress, compress_source, compress_with};
pub use writer::Writer;

/// What the command line needs beside the public face; it may change with every version.
#[doc(hidden)]
pub mod internal {
    pub use crate::decompressed::{Decompressed, write_spilled};
    pub use crate::partial::{PartialFile, partial_path};
    pub use crate::sized::is_searched;
}
