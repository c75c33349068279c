//! How fine the latents and the weights are: bytes against error, found by trying on the data.
//!
//! Latent k is rounded to multiples of delta / g_k, where g_k is how much the output moves with it, so all latents add
//! the same error a step, and latents that move the output by less than half a step are always 0 (reverse water
//! filling). Before the decoder a latent is multiplied by a whole gain, so that all span the same 15 bits and one
//! precision of the weights suits them all.

use super::integer::{Precision, Units, peaks, to_integers};
use super::net::Net;
use baler_codec::autoencoder::decoder::Decoder;
use baler_codec::autoencoder::{INPUT_ONE, run, to_latents};
use baler_codec::entropy::{Prior, encode_columns};
use baler_codec::network::{Network, Prepared};
use baler_codec::options::training::Hardware;
use baler_data::error::Result;

/// Samples on which the search runs; the rest follow in proportion.
const SEARCH_SAMPLES: usize = 16_384;
/// Samples on which sensitivities are measured.
const PROBE_SAMPLES: usize = 256;
/// Finest output of a decoder.
const MAX_OUTPUT_BITS: i32 = 20;

/// A trained pair of networks and the samples it is judged by.
pub struct Search<'a> {
    encoder: &'a Net,
    decoder: &'a Net,
    tile: &'a [usize],
    /// (n_search, n_in)
    inputs: Vec<i16>,
    n_search: usize,
    hardware: Option<Hardware>,
    /// All samples.
    n_samples: usize,
    encoder_peaks: Vec<f32>,
    decoder_peaks: Vec<f32>,
    /// Root-mean-square change of the outputs with each latent.
    sensitivity: Vec<f64>,
    /// Mean squared error of the float networks, in units of the inputs' 1.
    pub float_error: f64,
}

/// Integer networks of one fineness.
pub struct Built {
    /// Values -> latents.
    pub encoder: Network,
    /// Latents -> values.
    pub decoder: Decoder,
    /// Bytes of the decoder in an archive.
    pub model_bytes: usize,
    /// Estimated bytes of the latents of all samples.
    pub latent_bytes: usize,
    /// Mean squared error, in units of the inputs' 1.
    pub error: f64,
}

impl<'a> Search<'a> {
    /// Measures what the search needs; `inputs` is (n_samples, n_in).
    pub fn new(
        encoder: &'a Net,
        decoder: &'a Net,
        tile: &'a [usize],
        inputs: &[i16],
        n_samples: usize,
        hardware: Option<Hardware>,
    ) -> Search<'a> {
        let n_in = encoder.n_in;
        let stride = n_samples.div_ceil(SEARCH_SAMPLES).max(1);
        let picked: Vec<i16> = inputs.chunks_exact(n_in).step_by(stride).flatten().copied().collect();
        let n_search = picked.len() / n_in;
        let rows = to_floats(&picked);
        let latents = encoder.forward(&rows, n_search);
        let outputs = decoder.forward(&latents, n_search);
        let float_error = mean_squared(rows.iter().zip(&outputs).map(|(x, y)| (x - y) as f64));
        Search {
            encoder,
            decoder,
            tile,
            n_search,
            n_samples,
            hardware,
            encoder_peaks: peaks(encoder, &rows, n_search),
            decoder_peaks: peaks(decoder, &latents, n_search),
            sensitivity: sensitivity(decoder, &latents, n_search),
            inputs: picked,
            float_error,
        }
    }

    /// The networks with latents of step `delta` (in units of the inputs' 1, at the output) and last weights of
    /// precision `p`.
    pub fn build(&self, delta: f64, p: i32) -> Result<Built> {
        let n_latents = self.sensitivity.len();
        let power = |x: f64| libm::ldexp(1.0, libm::floor(libm::log2(x)) as i32);
        let step = |g: &f64| if self.hardware.is_some() { power(delta / g) } else { delta / g };
        let steps: Vec<f64> = self.sensitivity.iter().map(step).collect();
        let units =
            Units { input: &vec![1.0 / INPUT_ONE; self.encoder.n_in], output_bits: 0, output: Some(&steps) };
        let finest = Precision { last: 30, hidden_bits: 14, bias_step: 0.0, hardware: self.hardware };
        let encoder = to_integers(self.encoder, units, &self.encoder_peaks, finest)?;
        let latents = to_latents(run(&Prepared::new(&encoder)?, &self.inputs, self.n_search));
        let priors: Vec<Prior> = (0..n_latents)
            .map(|k| Prior::fit(latents.iter().skip(k).step_by(n_latents).map(|&z| z as i32)))
            .collect();
        let gains: Vec<i16> = (0..n_latents)
            .map(|k| {
                let peak =
                    latents.iter().skip(k).step_by(n_latents).map(|z| z.unsigned_abs()).max().unwrap_or(0);
                (16384 / peak.max(1)).max(1) as i16
            })
            .collect();
        let input: Vec<f64> = steps.iter().zip(&gains).map(|(step, &gain)| step / gain as f64).collect();
        let output_bits = p.min(MAX_OUTPUT_BITS);
        let bias_step = delta / self.root_n() / 2.0;
        let precision = Precision { last: p, hidden_bits: 10, bias_step, hardware: None };
        let network = to_integers(
            self.decoder,
            Units { input: &input, output_bits, output: None },
            &self.decoder_peaks,
            precision,
        )?;
        let decoder = Decoder { output_bits: output_bits as u8, priors, gains, network };
        let outputs = run(&Prepared::new(&decoder.network)?, &decoder.activations(&latents), self.n_search);
        let one = (1u32 << output_bits) as f64;
        let differences =
            self.inputs.iter().zip(&outputs).map(|(&u, &y)| u as f64 / INPUT_ONE - y as f64 / one);
        let wide: Vec<i32> = latents.iter().map(|&z| z as i32).collect();
        let coded = encode_columns(&wide, &decoder.priors).len();
        Ok(Built {
            error: mean_squared(differences),
            model_bytes: decoder.write(self.tile).len(),
            latent_bytes: (coded as f64 * self.n_samples as f64 / self.n_search.max(1) as f64) as usize,
            encoder,
            decoder,
        })
    }

    /// Square root of the values of a sample: an error of delta in all of them is delta / root_n in each.
    fn root_n(&self) -> f64 {
        (self.encoder.n_in as f64).sqrt()
    }

    /// Precision of the last weights at which their rounding adds about what the latents' rounding adds, and `finer` bits.
    fn matching_precision(&self, delta: f64, finer: i32) -> i32 {
        // Latents spread over about 2^12 units of activation.
        (libm::ceil(libm::log2(4096.0 * self.root_n() / delta)) as i32 + finer).clamp(4, 30)
    }

    /// The coarsest networks whose error is at most a tenth above that of the floats.
    pub fn faithful(&self) -> Result<Built> {
        // 16-bit inputs carry an error of their own; nothing below it can be asked.
        let allowed = 1.1 * self.float_error + 4.0 / (INPUT_ONE * INPUT_ONE);
        let mut delta = self.root_n();
        loop {
            for finer in -1..=2 {
                let built = self.build(delta, self.matching_precision(delta, finer))?;
                if built.error <= allowed || delta < self.root_n() / 65536.0 {
                    return Ok(built);
                }
            }
            delta *= 0.75;
        }
    }

    /// The networks of least error whose model and latents take at most `budget` bytes; the coarsest that were tried
    /// if none do.
    pub fn within(&self, budget: usize) -> Result<Built> {
        let mut best: Option<Built> = None;
        for finer in [-1, 0, 2] {
            let root_n = libm::log2(self.root_n());
            let (mut coarse, mut fine) = (root_n + 1.0, root_n - 16.0);
            for _ in 0..10 {
                let middle = (coarse + fine) / 2.0;
                let delta = libm::exp2(middle);
                let built = self.build(delta, self.matching_precision(delta, finer))?;
                let fits = built.model_bytes + built.latent_bytes <= budget;
                if fits {
                    coarse = middle
                } else {
                    fine = middle
                }
                let smaller = |best: &Built| {
                    built.model_bytes + built.latent_bytes < best.model_bytes + best.latent_bytes
                };
                let better = match &best {
                    None => true,
                    Some(best) if best.model_bytes + best.latent_bytes <= budget => {
                        fits && built.error < best.error
                    }
                    Some(best) => fits || smaller(best),
                };
                if better {
                    best = Some(built);
                }
            }
        }
        Ok(best.expect("something was tried"))
    }

    /// The networks with the least sum of model, latents and what `residual_bytes` says of the rest.
    pub fn smallest(&self, residual_bytes: impl Fn(&Built) -> Result<usize>) -> Result<Built> {
        let mut best: Option<(usize, Built)> = None;
        for quarters in 0..=7 {
            let delta = self.root_n() * libm::ldexp(1.0, -2 * quarters);
            let built = self.build(delta, self.matching_precision(delta, -1))?;
            let total = built.model_bytes + built.latent_bytes + residual_bytes(&built)?;
            if best.as_ref().is_none_or(|(least, _)| total < *least) {
                best = Some((total, built));
            }
        }
        Ok(best.expect("something was tried").1)
    }
}

fn to_floats(inputs: &[i16]) -> Vec<f32> {
    inputs.iter().map(|&u| u as f32 / INPUT_ONE as f32).collect()
}

fn mean_squared(differences: impl Iterator<Item = f64>) -> f64 {
    let (sum, n) = differences.fold((0.0, 0usize), |(sum, n), d| (sum + d * d, n + 1));
    sum / n.max(1) as f64
}

/// Root-mean-square change of the outputs of a sample (the square root of the sum over its values) when a latent moves
/// by 1, from steps of a tenth of its spread.
fn sensitivity(decoder: &Net, latents: &[f32], n_samples: usize) -> Vec<f64> {
    let n_latents = decoder.n_in;
    let stride = n_samples.div_ceil(PROBE_SAMPLES).max(1);
    let probes: Vec<f32> = latents.chunks_exact(n_latents).step_by(stride).flatten().copied().collect();
    let n_probes = probes.len() / n_latents;
    let base = decoder.forward(&probes, n_probes);
    (0..n_latents)
        .map(|k| {
            let spread = mean_squared(probes.iter().skip(k).step_by(n_latents).map(|&z| z as f64)).sqrt();
            let step = (0.1 * spread).max(1e-6) as f32;
            let mut moved = probes.clone();
            moved.iter_mut().skip(k).step_by(n_latents).for_each(|z| *z += step);
            let change: f64 = decoder
                .forward(&moved, n_probes)
                .iter()
                .zip(&base)
                .map(|(a, b)| ((a - b) as f64) * ((a - b) as f64))
                .sum();
            ((change / n_probes.max(1) as f64).sqrt() / step as f64).max(1e-9)
        })
        .collect()
}
