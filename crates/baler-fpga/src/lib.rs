//! Integer networks as hardware.
//!
//! In: an encoder of integers from the codec. Out: a [`Spec`], and from it an adder graph, Verilog, C, C++ for high-level
//! synthesis, QONNX, test vectors and estimates, in one folder of text. No files are read here, nothing is trained, and no tool
//! of a vendor is needed. Everything that is written computes the same integers as the codec, and says how it was checked.
//!
//! Reading order: `spec` (the integers), `emulate` (the same in software), `graph` (multiplications as shared additions),
//! `netlist` (adders and registers), `verilog`, then the other languages.

// Folders are the same on every machine: no floats of the platform's own mathematics (clippy.toml).
#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

pub mod emulate;
pub mod estimate;
pub mod graph;
pub mod interval;
pub mod languages;
pub mod netlist;
pub mod normalize;
pub mod part;
pub mod project;
pub mod prove;
pub mod schedule;
pub mod spec;
pub mod stream;
pub mod vectors;
pub mod verilog;

pub use emulate::{Emulator, Lanes};
pub use estimate::Estimate;
pub use netlist::Netlist;
pub use normalize::Stage;
pub use project::{Project, Request, Target, project};
pub use prove::{Proof, prove};
pub use spec::{DenseLayer, Input, Spec};
