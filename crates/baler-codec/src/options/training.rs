//! How a model is trained. Every field has the meaning of the original's key of that name, where it had one.

/// What training minimizes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Loss {
    /// Mean over rows of the sum of squared errors over columns divided by the number of columns.
    #[default]
    Mse,
    /// The same plus the sliced-Wasserstein distance of the latents to a standard normal distribution.
    SlicedWasserstein,
}

/// How each variable is brought to [-1, 1] before the network; fitted once, stored in the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Normalization {
    /// Minimum and maximum to -1 and 1.
    #[default]
    MinMax,
    /// Mean to 0, four standard deviations to 1.
    Standard,
    /// Median to 0, four times the interquartile range / 1.349 to 1.
    Robust,
}

/// Applied to a variable before normalization, for heavy tails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Transform {
    /// Nothing.
    #[default]
    None,
    /// Sign-preserving logarithm, linear near zero.
    Log,
}

/// First weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Init {
    /// The linear path starts at the principal components of the data, the rest at random.
    #[default]
    Principal,
    /// All weights at random (uniform, +-1 / sqrt(inputs), as PyTorch).
    Random,
}

/// How fine an encoder that becomes hardware may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hardware {
    /// Bits of a weight, sign included: 2 to 16.
    pub weight_bits: u32,
    /// Bits of a value between layers, sign included: 4 to 16.
    pub activation_bits: u32,
    /// Most digits 1 and -1 of a weight, each of which is an adder; none: as many as it takes.
    pub digits: Option<u32>,
}

/// Options of training.
#[derive(Debug, Clone, PartialEq)]
pub struct TrainOptions {
    /// Architecture: `auto`, `dense:200,100,50`, `conv2d:8,16`, `conv3d:8,16`, or a name of the original (`AE`).
    pub arch: String,
    /// Passes over the data (0: chosen from the size of the data).
    pub epochs: usize,
    /// Adam's step size.
    pub lr: f64,
    /// Rows per step.
    pub batch: usize,
    /// Everything random follows from it.
    pub seed: u64,
    /// Fraction of rows held out for validation (0: the training loss is watched).
    pub validation: f64,
    /// Halve the step size after this many epochs without improvement (0: never).
    pub lr_patience: usize,
    /// Stop after this many epochs without improvement and restore the best weights (0: never).
    pub early_stopping_patience: usize,
    /// An improvement must be larger than this.
    pub min_delta: f64,
    /// Weight of the L1 norm of the weights in the loss.
    pub l1: f64,
    /// What is minimized.
    pub loss: Loss,
    /// See [`Normalization`].
    pub normalization: Normalization,
    /// See [`Transform`].
    pub transform: Transform,
    /// See [`Init`].
    pub init: Init,
    /// Extents of a block (tile) of a field, one a axis; empty: chosen from the shape.
    pub block: Vec<usize>,
    /// Write a checkpoint every N epochs (0: never) ...
    pub checkpoint_every: usize,
    /// ... into this folder, as `model_N.ckpt`.
    pub checkpoint_dir: Option<std::path::PathBuf>,
    /// Go on from this checkpoint.
    pub resume: Option<std::path::PathBuf>,
    /// Train an encoder for hardware: weights are as coarse in training as they will be.
    pub hardware: Option<Hardware>,
}

impl Default for TrainOptions {
    fn default() -> Self {
        TrainOptions {
            arch: "auto".to_string(),
            epochs: 0,
            lr: 1e-3,
            batch: 512,
            seed: 0,
            validation: 0.1,
            lr_patience: 50,
            early_stopping_patience: 100,
            min_delta: 0.0,
            l1: 0.0,
            loss: Loss::Mse,
            normalization: Normalization::MinMax,
            transform: Transform::None,
            init: Init::Principal,
            block: Vec::new(),
            checkpoint_every: 0,
            checkpoint_dir: None,
            resume: None,
            hardware: None,
        }
    }
}
