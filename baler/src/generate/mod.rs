//! Data made on the spot for demos and tests: a flow past an obstacle, a table of particle jets, and a
//! turbulent field of any size. The same
//! arguments give the same bits on every machine. Reads no file and refuses nothing.

mod flow;
mod jets;
mod turbulence;

pub use flow::flow;
pub use jets::{JET_COLUMNS, jets};
pub use turbulence::Turbulence;
