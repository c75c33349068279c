//! Arrays to archives within a bound, and back. Modules are declared in the order of the data's path.
//!
//! Most of the code is generic over [`Element`](baler_data::element::Element), and a generic function is compiled again by each
//! crate that calls it, for every dtype. So what others call is compiled here: it takes or gives
//! [`Values`](baler_data::dataset::Values) (`encode_values`, `quantize_values`, `profile_values`), and where it is generic for
//! the caller's sake, it finds the function of the dtype when it runs ([`array::encode_array`]).

// Bytes are the same on every machine: no floats of the platform's own mathematics (clippy.toml).
#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

pub mod array;
#[cfg(feature = "encode")]
pub mod compress;
pub mod decompress;
#[cfg(feature = "encode")]
pub mod merge;
#[cfg(feature = "encode")]
pub mod outliers;
#[cfg(feature = "encode")]
pub mod shared_plan;

pub mod options;
pub mod report;

#[cfg(feature = "encode")]
pub mod plan;

pub mod decode;
#[cfg(feature = "encode")]
pub mod encode;

pub mod part;
pub mod quantize;

pub mod autoencoder;
pub mod classical;
pub mod hidden;
pub mod interpolation;
pub mod live;
pub mod lockstep;
pub mod mixing;
pub mod model;
pub mod network;
pub mod predict;
pub mod recast;
pub mod table;

pub mod coder;
pub mod entropy;

pub mod container;
pub mod variable;
