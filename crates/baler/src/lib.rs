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

pub use baler_codec::container::{is_archive, is_model};
pub use baler_codec::decode::inspect::inspect;
pub use baler_codec::decode::reader::Reader;
pub use baler_codec::decode::verify::{Verification, verify, verify_with};
pub use baler_codec::decompress::{DecompressOptions, decompress, decompress_with};
pub use baler_codec::encode::output::Output;
pub use baler_codec::model::Model;
pub use baler_codec::options::training::TrainOptions;
pub use baler_codec::options::{BoundSpec, Method, Missing, Options, Size};
pub use baler_codec::report::{
    CandidateReport, NoProgress, Outcome, Progress, Report, SizedReport, VariableReport, Way,
};
pub use baler_data::dataset::kind::{Kind, TimeUnit};
pub use baler_data::dataset::{DType, Dataset, Layout, ListKind, Lists, Storage, Values, Variable};
pub use baler_data::error::{Error, ErrorKind, Result};
pub use baler_data::source::Source;
pub use baler_data::threads::Threads;
pub use baler_io::{Format, ReadOptions, open, read, write};
pub use baler_train::{Trained, train};
pub use compress::{Compressed, compress, compress_source, compress_with};
pub use decompressed::{Decompressed, write_spilled};
pub use partial::{PartialFile, partial_path};
pub use sized::is_searched;
pub use writer::Writer;
