//! Data made on the spot for demos and tests: a flow past an obstacle, a table of particle jets, frames of a camera, and
//! a turbulent field of any size. The same
//! arguments give the same bits on every machine. Reads no file and refuses nothing.

// Bytes are the same on every machine: no floats of the platform's own mathematics (clippy.toml).
#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

mod camera;
mod flow;
mod jets;
mod turbulence;

pub use camera::camera;
pub use flow::flow;
pub use jets::{JET_COLUMNS, jets};
pub use turbulence::Turbulence;
