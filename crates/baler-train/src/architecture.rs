//! The words after `--arch` -> the layers of an encoder and a decoder.
//!
//! `linear`: one dense layer each way. `bypass:32`: the same with a hidden layer of 32 beside it (the last layer reads
//! both). `dense:200,100,50`: the original's shape. `conv2d:8,16` and `conv3d:8,16`: strided convolutions over the last
//! two or three axes of a tile, then a dense layer to the latents; the decoder mirrors it. `auto` is [`AUTO`]. Options
//! follow after colons: `k5` kernel extent (default 3), `d500` a dense layer between convolutions and latents, `relu`
//! instead of leaky ReLU. The original's model names select their layers.

use baler_codec::network::architecture::{Activation, ConvShape, LayerKind, LayerSpec};
use baler_data::error::{Error, Result};
use baler_data::names;

/// What `auto` stands for: on every table and field that was tried, hidden layers cost more bytes than they saved
/// (docs/results.md).
const AUTO: &str = "linear";

/// Leaky ReLU with a slope of 2^-7, the 0.01 of most frameworks.
const LEAKY: Activation = Activation::LeakyRelu { shift: 7 };

/// (name in the original, what it selects here, what differs).
const ORIGINALS: [(&str, &str, Option<&str>); 13] = [
    ("AE", "dense:200,100,50", None),
    ("AE_float32", "dense:200,100,50", None),
    ("CFD_dense_AE", "dense:200,100,50", None),
    ("ieee", "dense:200,100,50", None),
    ("dense_demo", "dense:200,100,50", None),
    ("AE_Dropout_BN", "dense:200,100,50", Some("dropout and batch normalization are left out")),
    ("FPGA_prototype_model", "dense:20,10:relu", None),
    (
        "Conv_AE",
        "conv2d:8,16,32:relu",
        Some("strided convolutions take the place of the 2000-wide dense layer"),
    ),
    ("Conv_AE_GDN", "conv2d:8,16,32", Some("leaky ReLU takes the place of GDN, which integers cannot do")),
    (
        "Conv_AE_3D",
        "conv3d:4,8,16,32:relu",
        Some("strided convolutions take the place of the 2000-wide dense layer"),
    ),
    ("PJ_Conv_AE", "conv2d:20,50:k5:d500", None),
    ("PJ_Conv_AE_FPGA", "conv2d:20,50:k5:d500:relu", None),
    ("TransformerAE", "", Some("")),
];

/// Layers of both networks.
#[derive(Debug, Clone, PartialEq)]
pub struct Architecture {
    /// Values of a sample -> latents.
    pub encoder: Vec<LayerSpec>,
    /// Latents -> values of a sample.
    pub decoder: Vec<LayerSpec>,
    /// In words, such as `dense 24-200-100-50-15-50-100-200-24`.
    pub words: String,
    /// What differs from the original's model of this name.
    pub note: Option<String>,
}

impl Architecture {
    /// True if the latents reach the values by one dense layer, beside whatever else there is.
    pub fn has_linear_path(&self) -> bool {
        let last = self.decoder.len() - 1;
        last == 0 || self.decoder[last].skip
    }

    /// The layers of `arch` for samples of extents `tile` (one extent for the row of a table).
    ///
    /// # Errors
    /// [`baler_data::error::ErrorKind::Config`] for words that are not understood or do not fit the tile.
    pub fn parse(arch: &str, tile: &[usize], n_latents: usize) -> Result<Architecture> {
        let (arch, note) = match ORIGINALS.iter().find(|(name, ..)| *name == arch) {
            Some((name, "", _)) => {
                return Err(Error::unsupported(format!(
                    "{name} could never be built in the original and is not built here; use --arch dense:200,100,50"
                )));
            }
            Some((name, selected, note)) => {
                (*selected, note.map(|note| format!("{name} selects {selected}: {note}")))
            }
            None if arch == "auto" => (AUTO, None),
            None => (arch, None),
        };
        let words = Words::parse(arch)?;
        let n_in: usize = tile.iter().product();
        let (encoder, decoder) = match words.kind {
            "linear" => (dense_chain(&[n_in, n_latents], &words), dense_chain(&[n_latents, n_in], &words)),
            "bypass" => (
                bypass(n_in, &words.widths, n_latents, &words),
                bypass(n_latents, &words.widths, n_in, &words),
            ),
            "dense" => {
                let widths = [&[n_in], words.widths.as_slice(), &[n_latents]].concat();
                let mirrored: Vec<usize> = widths.iter().rev().copied().collect();
                (dense_chain(&widths, &words), dense_chain(&mirrored, &words))
            }
            "conv2d" => convolutions(tile, 2, n_latents, &words)?,
            "conv3d" => convolutions(tile, 3, n_latents, &words)?,
            kind => {
                let known = ["auto", "linear", "bypass", "dense", "conv2d", "conv3d"];
                let originals = ORIGINALS.iter().map(|(name, ..)| *name);
                return Err(names::unknown("an architecture", kind, known.into_iter().chain(originals)));
            }
        };
        let outputs = encoder.iter().chain(&decoder).map(|layer| layer.n_out().to_string());
        let words = format!("{} {n_in}-{}", words.kind, outputs.collect::<Vec<_>>().join("-"));
        Ok(Architecture { encoder, decoder, words, note })
    }
}

struct Words<'a> {
    kind: &'a str,
    widths: Vec<usize>,
    kernel: usize,
    dense: Option<usize>,
    activation: Activation,
}

impl<'a> Words<'a> {
    fn parse(arch: &'a str) -> Result<Words<'a>> {
        let wrong = |found: &str| {
            Error::config(format!(
                "expected an architecture such as linear, bypass:32, dense:200,100,50, conv2d:8,16:k3 or conv3d:8,16, \
                 found '{found}' in '{arch}'"
            ))
        };
        let mut fields = arch.split(':');
        let kind = fields.next().unwrap_or_default();
        let mut words = Words { kind, widths: Vec::new(), kernel: 3, dense: None, activation: LEAKY };
        let number =
            |text: &str| text.parse().ok().filter(|n| (1..=65536).contains(n)).ok_or_else(|| wrong(text));
        for (idx, field) in fields.enumerate() {
            match (idx, field) {
                (_, "relu") => words.activation = Activation::Relu,
                (_, field) if field.starts_with('k') => words.kernel = number(&field[1..])?,
                (_, field) if field.starts_with('d') => words.dense = Some(number(&field[1..])?),
                (0, field) => {
                    words.widths = field.split(',').map(|n| number(n.trim())).collect::<Result<_>>()?
                }
                (_, field) => return Err(wrong(field)),
            }
        }
        let needs_widths = ["bypass", "dense", "conv2d", "conv3d"].contains(&kind);
        if needs_widths == words.widths.is_empty() && kind != "dense" && (needs_widths || kind == "linear") {
            return Err(wrong(arch));
        }
        Ok(words)
    }
}

fn dense(n_in: usize, n_out: usize, activation: Activation, skip: bool) -> LayerSpec {
    LayerSpec { kind: LayerKind::Dense { n_in, n_out }, activation, skip }
}

/// Dense layers from width to width, the last linear.
fn dense_chain(widths: &[usize], words: &Words) -> Vec<LayerSpec> {
    let last = widths.len() - 2;
    let activation = |idx| if idx == last { Activation::Linear } else { words.activation };
    widths.windows(2).enumerate().map(|(idx, pair)| dense(pair[0], pair[1], activation(idx), false)).collect()
}

/// Hidden layers, then a linear layer that reads them and the input.
fn bypass(n_in: usize, hidden: &[usize], n_out: usize, words: &Words) -> Vec<LayerSpec> {
    let widths = [&[n_in], hidden].concat();
    let mut layers: Vec<LayerSpec> =
        widths.windows(2).map(|pair| dense(pair[0], pair[1], words.activation, false)).collect();
    layers.push(dense(widths[widths.len() - 1] + n_in, n_out, Activation::Linear, true));
    layers
}

/// Strided convolutions down to the latents, and transposed ones back.
fn convolutions(
    tile: &[usize],
    n_axes: usize,
    n_latents: usize,
    words: &Words,
) -> Result<(Vec<LayerSpec>, Vec<LayerSpec>)> {
    if tile.len() < n_axes || words.kernel.is_multiple_of(2) {
        return Err(Error::config(format!(
            "{} needs tiles of at least {n_axes} axes and an odd kernel, found tiles {tile:?} and kernel {}; use \
             --block or another --arch",
            words.kind, words.kernel
        )));
    }
    let (leading, spatial) = tile.split_at(tile.len() - n_axes);
    let mut extent = [1; 3];
    extent[3 - n_axes..].copy_from_slice(spatial);
    let mut channels = leading.iter().product();
    let mut down: Vec<ConvShape> = Vec::new();
    for &width in &words.widths {
        let stride = extent.map(|n| if n > 1 { 2 } else { 1 });
        let kernel = extent.map(|n| if n > 1 { words.kernel } else { 1 });
        let shape = ConvShape {
            channels_in: channels,
            channels_out: width,
            extent_in: extent,
            extent_out: std::array::from_fn(|axis| extent[axis].div_ceil(stride[axis])),
            kernel,
            stride,
            pad: kernel.map(|k| k / 2),
            transposed: false,
        };
        (extent, channels) = (shape.extent_out, width);
        down.push(shape);
    }
    let conv =
        |shape: ConvShape, activation| LayerSpec { kind: LayerKind::Conv(shape), activation, skip: false };
    let n_flat = channels * extent.iter().product::<usize>();
    let bottleneck: Vec<usize> = [n_flat].into_iter().chain(words.dense).chain([n_latents]).collect();
    let mirrored: Vec<usize> = bottleneck.iter().rev().copied().collect();
    let mut encoder: Vec<LayerSpec> = down.iter().map(|&shape| conv(shape, words.activation)).collect();
    encoder.extend(dense_chain(&bottleneck, words));
    let mut decoder = dense_chain(&mirrored, words);
    decoder.last_mut().expect("a chain has layers").activation = words.activation;
    for (idx, shape) in down.iter().enumerate().rev() {
        let up = ConvShape {
            channels_in: shape.channels_out,
            channels_out: shape.channels_in,
            extent_in: shape.extent_out,
            extent_out: shape.extent_in,
            transposed: true,
            ..*shape
        };
        decoder.push(conv(up, if idx == 0 { Activation::Linear } else { words.activation }));
    }
    Ok((encoder, decoder))
}

#[cfg(test)]
mod tests {
    use super::*;
    use baler_codec::network::architecture::check_chain;

    #[test]
    fn every_architecture_is_a_chain_there_and_back() {
        let tile = [1, 25, 30];
        let mine = [
            "auto",
            "linear",
            "bypass:8",
            "dense:40,20",
            "conv2d:4,8:k5:d30",
            "conv3d:4,8,8",
            "conv2d:3:relu",
        ];
        for arch in mine.into_iter().chain(ORIGINALS[..12].iter().map(|(name, ..)| *name)) {
            let a = Architecture::parse(arch, &tile, 7).unwrap_or_else(|e| panic!("{arch}: {e}"));
            check_chain(750, &a.encoder).unwrap();
            check_chain(7, &a.decoder).unwrap();
            assert_eq!(a.encoder.last().unwrap().n_out(), 7, "{arch}");
            assert_eq!(a.decoder.last().unwrap().n_out(), 750, "{arch}");
        }
        let ae = Architecture::parse("AE", &[24], 15).unwrap();
        assert_eq!(ae.words, "dense 24-200-100-50-15-50-100-200-24");
    }

    #[test]
    fn words_that_are_not_understood_are_told() {
        for wrong in ["dens:3", "dense:0", "conv2d", "linear:4", "conv2d:8:k4", "dense:3:x", "TransformerAE"]
        {
            assert!(Architecture::parse(wrong, &[1, 25, 25], 4).is_err(), "{wrong}");
        }
        assert!(Architecture::parse("conv2d:8", &[24], 4).is_err());
        let error = Architecture::parse("densee:8", &[24], 4).unwrap_err().to_string();
        assert!(error.contains("dense"), "{error}");
    }
}
