//! Baler: a learned compressor for scientific data that keeps its promise.
//!
//! A compressed file, with at most the one model file it names by hash, gives back every value within the
//! stated bound, on any machine. Modules are declared in the order of the data's path.

// Bytes are the same on every machine: no floats of the platform's own mathematics (clippy.toml).
#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

pub mod error;
pub mod names;
pub mod options;
pub mod random;
pub mod report;
pub mod threads;

pub mod compress;
pub mod decompress;
mod encode;
mod fields;
mod finer;
pub mod grids;
pub mod inspect;
mod lead;
#[allow(clippy::disallowed_methods)] // what it computes reaches no byte
pub mod metrics;
pub mod output;
pub mod partial;
pub mod plan;
pub mod predict;
pub mod reader;
pub mod verify;
pub mod writer;

pub mod dataset;
pub mod estimate;
pub mod generate;
pub mod io;
pub mod joined;
pub mod kind;
pub mod metadata;
mod select;
pub mod sized;
pub mod slice;
pub mod sliced;
pub mod source;
pub mod typing;

pub mod live;
pub mod quantize;
pub mod special;
pub mod stream;
pub mod table;
pub mod trials;

pub mod autoencoder;
pub mod classical;
pub mod network;

pub mod entropy;

pub mod chunk;
pub mod container;

pub mod train;

pub use autoencoder::Model;
pub use compress::{Compressed, compress, compress_source, compress_with};
pub use container::{is_archive, is_model};
pub use dataset::{DType, Dataset, Layout, ListKind, Lists, Storage, Values, Variable};
pub use decompress::{DecompressOptions, decompress, decompress_with};
pub use error::{Error, ErrorKind, Result};
pub use inspect::inspect;
pub use kind::{Kind, TimeUnit};
pub use options::{BoundSpec, Method, Missing, Options, Size};
pub use output::Output;
pub use reader::Reader;
pub use report::{CandidateReport, NoProgress, Outcome, Progress, Report, SizedReport, VariableReport, Way};
pub use sized::is_searched;
pub use source::Source;
pub use verify::{Verification, verify, verify_with};
pub use writer::Writer;
