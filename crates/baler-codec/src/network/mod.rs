//! Integer networks: i16 activations and weights in, i32 out, the same bits on every machine.
//!
//! In: a chain of [`Layer`]s and rows of i16. Out: rows of i32. Refused: layers that do not fit each other,
//! and weights that could overflow an i32 sum for some input. No floats here, and no training.
//!
//! ```text
//! acc = b + sum w x                        i32, exact: the overflow rule of layer.rs
//! y   = (acc + 2^(s-1)) >> s               round half up; y = acc for s = 0
//! y   = activation(y)
//! y   = clamp(y, -32767, 32767) as i16     every layer but the last, whose i32 is the result
//! ```
//!
//! Sums of integers do not depend on their order, so every kernel, batch size and thread gives the same bits.
//! Read on in: layer.rs (what is a valid layer), reference.rs (the formulas as slow loops, the oracle of the
//! tests), lanes.rs (rows in SIMD lanes), prepared.rs (the fast path), simd/ (its inner loops).

pub mod architecture;
mod lanes;
mod layer;
mod prepared;
mod reference;
pub mod simd;
#[cfg(test)]
mod tests;

pub use lanes::{LANES, Line, Sums};
pub use layer::{ACTIVATION_MAX, Layer};
pub use prepared::{Prepared, Workspace};
pub use reference::run_reference;
pub use simd::{SimdLevel, simd_level};

use architecture::{LayerSpec, check_chain};
use baler_data::error::{Error, Result};

/// A chain of layers, checked: it cannot overflow on any input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Network {
    n_in: usize,
    layers: Vec<Layer>,
}

impl Network {
    /// Checks that the layers fit each other, have the lengths their shapes ask for, and keep the overflow rule.
    ///
    /// # Errors
    /// [`baler_data::error::ErrorKind::Corrupt`] for the first layer that does not.
    pub fn new(n_in: usize, layers: Vec<Layer>) -> Result<Network> {
        if n_in == 0 || layers.is_empty() {
            return Err(Error::corrupt(format!(
                "expected a network with at least one input and one layer, found {n_in} inputs and {} layers",
                layers.len()
            )));
        }
        let specs: Vec<LayerSpec> = layers.iter().map(|layer| layer.spec).collect();
        check_chain(n_in, &specs)?;
        for (layer_idx, layer) in layers.iter().enumerate() {
            layer.check(layer_idx)?;
        }
        Ok(Network { n_in, layers })
    }

    /// Values per row read.
    pub fn n_in(&self) -> usize {
        self.n_in
    }

    /// Values per row written.
    pub fn n_out(&self) -> usize {
        self.layers[self.layers.len() - 1].spec.n_out()
    }

    /// The layers, first to last.
    pub fn layers(&self) -> &[Layer] {
        &self.layers
    }

    /// Number of weights, biases not counted.
    pub fn n_weights(&self) -> usize {
        self.layers.iter().map(|layer| layer.weights.len()).sum()
    }

    /// Runs the network once: `input` is (n_rows, n_in), `output` is (n_rows, n_out), both row-major. Inputs
    /// lie in -32767..=32767; with -32768 sums may wrap, the same on every machine.
    /// Packs the weights anew on every call: for many calls keep a [`Prepared`].
    ///
    /// # Errors
    /// [`baler_data::error::ErrorKind::Config`] if `BALER_SIMD` names no level that this machine has.
    ///
    /// # Panics
    /// If a slice does not have the stated length.
    pub fn run(&self, input: &[i16], n_rows: usize, output: &mut [i32]) -> Result<()> {
        self.run_with(simd_level()?, input, n_rows, output)
    }

    /// [`Network::run`] with the kernels of one level: the bits are the same for all of them.
    ///
    /// # Errors
    /// [`baler_data::error::ErrorKind::Config`] if this machine lacks the level.
    ///
    /// # Panics
    /// If a slice does not have the stated length.
    pub fn run_with(&self, level: SimdLevel, input: &[i16], n_rows: usize, output: &mut [i32]) -> Result<()> {
        let prepared = Prepared::with_level(self, level)?;
        prepared.run(&mut Workspace::default(), input, n_rows, output);
        Ok(())
    }
}
