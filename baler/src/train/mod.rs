//! Training: makes a model, offline. Floats and threads are allowed here; nothing on the decode side imports it.
//!
//! In: rows of floats, two networks with first weights. Out: the same networks with better weights. The map, in
//! reading order: `net` (what a network is), `fit` (the loop), `chain` (both networks laid out for the kernels),
//! `shard` (forward and backward of a few hundred rows), `kernels` (the loops over numbers, the only unsafe code).
//!
//! Same seed, same weights: on every machine of one floating-point standard, for every instruction set and every
//! number of threads. Each output is one chain of fused multiply-adds in a written order, a batch is cut into
//! shards by its size alone, and their gradients are added in order.

mod adam;
mod aligned;
mod architecture;
mod budget;
mod chain;
mod checkpoint;
mod conv;
mod derive;
mod fit;
mod integer;
mod kernels;
mod loss;
mod net;
mod options;
mod predictive;
mod principal;
mod samples;
mod schedule;
mod shard;
mod tables;

#[cfg(test)]
mod tests;

pub use crate::random::Rng;
pub use derive::{Trained, train, train_as_told, train_on};
pub use fit::{Fit, History, TrainingRows, default_epochs, fit, fit_rows};
pub use net::{FloatLayer, Net};
pub use options::{Init, Loss, Normalization, TrainOptions, Transform};
pub use predictive::of_large_variables;
pub use principal::{PrincipalComponents, principal_components};
