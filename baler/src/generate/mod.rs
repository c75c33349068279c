//! Data made on the spot for demos and tests: a flow past an obstacle and a table of particle jets. The same
//! arguments give the same bits on every machine. Reads no file and refuses nothing.

mod flow;
mod jets;

pub use flow::flow;
pub use jets::{JET_COLUMNS, jets};
