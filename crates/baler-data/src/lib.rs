//! What everything else stands on: datasets in memory, sources that give any of their values in pieces, what file formats
//! have in common beside their arrays, errors, threads, and the primitive fields of the format.

// Bytes are the same on every machine: no floats of the platform's own mathematics (clippy.toml).
#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

pub mod bytes;
pub mod dataset;
pub mod element;
pub mod error;
pub mod metadata;
pub mod names;
pub mod random;
pub mod source;
pub mod threads;
pub mod zstd_frames;

pub use error::{Error, ErrorKind, Result};
