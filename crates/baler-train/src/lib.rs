//! Training: makes a model, offline. Floats and threads are allowed here; the codec, which decodes, does not depend on this
//! crate.
//!
//! In: rows of floats, two networks with first weights. Out: the same networks with better weights. The map, in
//! reading order: `net` (what a network is), `fit` (the loop), `chain` (both networks laid out for the kernels),
//! `shard` (forward and backward of a few hundred rows), `kernels` (the loops over numbers, the only unsafe code).
//!
//! Same seed, same weights: on every machine of one floating-point standard, for every instruction set and every
//! number of threads. Each output is one chain of fused multiply-adds in a written order, a batch is cut into
//! shards by its size alone, and their gradients are added in order.

// Bytes are the same on every machine: no floats of the platform's own mathematics (clippy.toml).
#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

mod adam;
mod aligned;
mod architecture;
mod budget;
mod chain;
mod checkpoint;
mod conv;
mod derive;
mod fit;
mod hardware;
mod integer;
mod kernels;
mod loss;
mod net;
mod predictive;
mod principal;
mod samples;
mod schedule;
mod shard;
mod tables;
mod trainer;

#[cfg(test)]
mod tests;

pub use derive::{Trained, train, train_as_told, train_on};
pub use fit::{Fit, TrainingRows, default_epochs, fit, fit_rows};
pub use net::{FloatLayer, Net};
pub use predictive::of_large_variables;
pub use principal::{PrincipalComponents, principal_components};
pub use schedule::History;
pub use trainer::Training;
