//! The shape of a network: which layers, how large, in which order. Shared by training (floats) and
//! inference (integers); no weights here.
//!
//! A network is a chain of layers. A layer with `skip` reads the network's own input after the previous
//! layer's output (concatenated), so that a linear path from input to output can stand beside a deep one.

use baler_data::error::{Error, Result};

/// Function applied to each output of a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activation {
    /// y = x
    Linear,
    /// y = max(x, 0)
    Relu,
    /// y = x for x >= 0, x * 2^-shift otherwise (arithmetic shift in integers, rounding down); shift 1..=15.
    LeakyRelu {
        /// Slope of the negative side is 2^-shift: 7 is the 0.01 of most frameworks, 2 the 0.2 of GANs.
        shift: u8,
    },
}

/// Spatial part of a convolution. 1-D and 2-D data have leading extents of 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConvShape {
    /// Channels of the input.
    pub channels_in: usize,
    /// Channels of the output.
    pub channels_out: usize,
    /// Input extents (depth, height, width).
    pub extent_in: [usize; 3],
    /// Output extents (depth, height, width).
    pub extent_out: [usize; 3],
    /// Kernel extents.
    pub kernel: [usize; 3],
    /// Stride of each axis.
    pub stride: [usize; 3],
    /// Zero padding at the low side of each axis (the high side follows from the extents).
    pub pad: [usize; 3],
    /// False: `out[o] = sum_k w[k] in[o * stride + k - pad]`. True (transposed convolution):
    /// `out[o] = sum_k w[k] in[(o + pad - k) / stride]` over the k where the division is exact and in range.
    pub transposed: bool,
}

/// What a layer computes before its activation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LayerKind {
    /// y = W x + b with W of shape (n_out, n_in), row-major.
    Dense {
        /// Inputs (with the skip inputs, if any).
        n_in: usize,
        /// Outputs.
        n_out: usize,
    },
    /// Convolution; activations are (channel, depth, height, width), weights
    /// (channels_out, channels_in, kd, kh, kw), one bias per output channel.
    Conv(ConvShape),
}

/// One layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LayerSpec {
    /// Dense or convolution.
    pub kind: LayerKind,
    /// Applied to its outputs.
    pub activation: Activation,
    /// True: the input is (previous outputs, network inputs) concatenated. Dense layers only, never the first.
    pub skip: bool,
}

impl LayerSpec {
    /// Number of values read.
    pub fn n_in(&self) -> usize {
        match self.kind {
            LayerKind::Dense { n_in, .. } => n_in,
            LayerKind::Conv(c) => c.channels_in * c.extent_in.iter().product::<usize>(),
        }
    }

    /// Number of values written.
    pub fn n_out(&self) -> usize {
        match self.kind {
            LayerKind::Dense { n_out, .. } => n_out,
            LayerKind::Conv(c) => c.channels_out * c.extent_out.iter().product::<usize>(),
        }
    }

    /// Rows of the weight matrix: outputs of a dense layer, output channels of a convolution. One bias each.
    pub fn n_rows(&self) -> usize {
        match self.kind {
            LayerKind::Dense { n_out, .. } => n_out,
            LayerKind::Conv(c) => c.channels_out,
        }
    }

    /// Columns of the weight matrix: inputs of a dense layer, channels_in x taps of a convolution.
    pub fn n_cols(&self) -> usize {
        match self.kind {
            LayerKind::Dense { n_in, .. } => n_in,
            LayerKind::Conv(c) => c.channels_in * c.kernel.iter().product::<usize>(),
        }
    }
}

impl ConvShape {
    /// For each output position and tap: the flat input position (within one channel) it reads, or `u32::MAX`
    /// for zero padding. Shape (positions_out, taps), row-major; positions and taps in C order.
    pub fn gather_table(&self) -> Vec<u32> {
        let taps: usize = self.kernel.iter().product();
        let n_positions: usize = self.extent_out.iter().product();
        let mut table = Vec::with_capacity(taps * n_positions);
        let [od, oh, ow] = self.extent_out;
        let [kd, kh, kw] = self.kernel;
        for o in (0..od).flat_map(|d| (0..oh).flat_map(move |h| (0..ow).map(move |w| [d, h, w]))) {
            for k in (0..kd).flat_map(|d| (0..kh).flat_map(move |h| (0..kw).map(move |w| [d, h, w]))) {
                table.push(self.read_position(o, k));
            }
        }
        table
    }

    fn read_position(&self, o: [usize; 3], k: [usize; 3]) -> u32 {
        let mut flat = 0usize;
        for axis in 0..3 {
            let Some(at) = self.read_index(axis, o[axis], k[axis]) else { return u32::MAX };
            flat = flat * self.extent_in[axis] + at;
        }
        flat as u32
    }

    /// Along one axis: the input index that output index `o` reads at tap `k`; none for padding.
    pub fn read_index(&self, axis: usize, o: usize, k: usize) -> Option<usize> {
        let (stride, pad) = (self.stride[axis], self.pad[axis]);
        let at = if self.transposed {
            let shifted = (o + pad).checked_sub(k)?;
            if shifted % stride != 0 {
                return None;
            }
            shifted / stride
        } else {
            (o * stride + k).checked_sub(pad)?
        };
        (at < self.extent_in[axis]).then_some(at)
    }
}

const MAX_WIDTH: usize = 1 << 24;

impl LayerSpec {
    /// Whether all sizes are within the format's limits, so that no product of them overflows.
    pub(crate) fn is_bounded(&self) -> bool {
        let step = |product: usize, &size: &usize| {
            product.checked_mul(size).filter(|product| (1..=MAX_WIDTH).contains(product))
        };
        let product_fits = |sizes: &[usize]| sizes.iter().try_fold(1, step).is_some();
        match self.kind {
            LayerKind::Dense { n_in, n_out } => {
                (1..=MAX_WIDTH).contains(&n_in) && (1..=MAX_WIDTH).contains(&n_out)
            }
            LayerKind::Conv(c) => {
                let [in_0, in_1, in_2] = c.extent_in;
                let [out_0, out_1, out_2] = c.extent_out;
                let [kernel_0, kernel_1, kernel_2] = c.kernel;
                product_fits(&[c.channels_in, in_0, in_1, in_2])
                    && product_fits(&[c.channels_out, out_0, out_1, out_2])
                    && product_fits(&[c.channels_in, kernel_0, kernel_1, kernel_2])
                    && c.stride.iter().all(|stride| (1..=MAX_WIDTH).contains(stride))
                    && c.pad.iter().all(|&pad| pad <= MAX_WIDTH)
            }
        }
    }
}

/// Checks that the layers fit each other and stay within the format's limits; `n_in` is the network's input size.
pub fn check_chain(n_in: usize, layers: &[LayerSpec]) -> Result<()> {
    let mut previous = n_in;
    for (idx, layer) in layers.iter().enumerate() {
        let expected = if layer.skip { previous.saturating_add(n_in) } else { previous };
        let dense = matches!(layer.kind, LayerKind::Dense { .. });
        let bad_shift =
            matches!(layer.activation, Activation::LeakyRelu { shift } if !(1..=15).contains(&shift));
        if !layer.is_bounded()
            || layer.n_in() != expected
            || (layer.skip && (!dense || idx == 0))
            || bad_shift
        {
            return Err(Error::corrupt(format!(
                "layer {idx} does not fit: expected {expected} inputs, found {layer:?}"
            )));
        }
        previous = layer.n_out();
    }
    Ok(())
}
