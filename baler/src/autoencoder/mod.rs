//! The autoencoder method: latents of a learned network, quantized and entropy-coded, and a residual stream where a
//! bound is promised. All inference is in integers; training lives in [`crate::train`].

mod blocks;
mod method;
mod model;
mod scaling;
mod weights;

pub use blocks::BlockPlan;
pub use method::{Coder, Sampling, run, to_latents};
pub use model::{Coordinate, Decoder, Description, Model, ModelInfo, ModelVariable, Part, coordinate_of};
pub use scaling::{INPUT_ONE, Scaling, exp, log};
