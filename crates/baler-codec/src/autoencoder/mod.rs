//! The autoencoder method: latents of a learned network, quantized and entropy-coded, and a residual stream where a
//! bound is promised. All inference is in integers; training lives in the crate `baler-train`.

mod blocks;
pub mod decoder;
mod method;
mod scaling;
pub mod weights;

pub use blocks::BlockPlan;
pub use decoder::{Decoder, amplify};
pub use method::{Coder, Sampling, run, to_latents};
pub use scaling::{INPUT_ONE, Scaling, exp, log};
