//! Numbers of a chunk -> latents -> predicted numbers, and back: the encode side runs the decoder as well, so both
//! sides hold the same predictions to the bit.

use crate::autoencoder::blocks::BlockPlan;
use crate::autoencoder::decoder::{Decoder, amplify};
use crate::autoencoder::scaling::Scaling;
use crate::entropy::{Prior, decode_columns, encode_columns};
use crate::network::{Network, Prepared, Workspace};
use baler_data::bytes::with_room;
use baler_data::error::{Error, Result};

/// Samples that go through a network at a time.
const BATCH: usize = 1024;

/// A decoder ready to run, with the encoder where there is one.
pub struct Coder {
    priors: Vec<Prior>,
    gains: Vec<i16>,
    /// Output that stands for 1.
    one: f64,
    decoder: Prepared,
    encoder: Option<Prepared>,
}

/// How the numbers of a chunk become samples.
#[derive(Clone, Copy)]
pub struct Sampling<'a> {
    /// One a variable.
    pub scalings: &'a [Scaling],
    /// Tiles of a field, `None` for the rows of a table.
    pub blocks: Option<&'a BlockPlan>,
    /// Shape of the chunk's first variable.
    pub shape: &'a [usize],
}

impl Sampling<'_> {
    fn n_samples(&self) -> usize {
        match self.blocks {
            Some(blocks) => blocks.n_tiles(self.shape),
            None => self.shape[0],
        }
    }

    /// Network inputs (n_samples, n_in) of the numbers; masked ones are 0, the middle of the range.
    pub fn inputs(&self, numbers: &[Vec<i64>], masks: &[Option<Vec<bool>>]) -> Vec<i16> {
        let scaled: Vec<Vec<i16>> = (0..numbers.len())
            .map(|v| {
                let mut column: Vec<i16> = numbers[v].iter().map(|&q| self.scalings[v].forward(q)).collect();
                if let Some(mask) = &masks[v] {
                    column.iter_mut().zip(mask).filter(|(_, masked)| **masked).for_each(|(x, _)| *x = 0);
                }
                column
            })
            .collect();
        match self.blocks {
            None => interleave(&scaled, self.shape[0]),
            Some(blocks) => {
                let mut inputs = vec![0; self.n_samples() * blocks.n_values()];
                let n_in = blocks.n_values();
                blocks.for_each(self.shape, |tile, value, position, _| {
                    inputs[tile * n_in + value] = scaled[0][position];
                });
                inputs
            }
        }
    }

    /// Network outputs (n_samples, n_out) to numbers, a vector a variable.
    fn numbers(&self, outputs: &[i32], one: f64) -> Vec<Vec<i64>> {
        match self.blocks {
            None => {
                let n_columns = self.scalings.len();
                (0..n_columns)
                    .map(|v| {
                        let scaling = &self.scalings[v];
                        outputs.iter().skip(v).step_by(n_columns).map(|&y| scaling.inverse(y, one)).collect()
                    })
                    .collect()
            }
            Some(blocks) => {
                let n_out = blocks.n_values();
                let mut numbers = vec![0; self.shape.iter().product()];
                blocks.for_each(self.shape, |tile, value, position, inside| {
                    if inside {
                        numbers[position] = self.scalings[0].inverse(outputs[tile * n_out + value], one);
                    }
                });
                vec![numbers]
            }
        }
    }
}

/// Columns to rows.
fn interleave(columns: &[Vec<i16>], n_rows: usize) -> Vec<i16> {
    let mut rows = Vec::with_capacity(columns.len() * n_rows);
    for row in 0..n_rows {
        rows.extend(columns.iter().map(|column| column[row]));
    }
    rows
}

/// Runs a network over all samples.
pub fn run(network: &Prepared, inputs: &[i16], n_samples: usize) -> Vec<i32> {
    let mut workspace = Workspace::default();
    let (n_in, n_out) = (network.n_in(), network.n_out());
    let mut outputs = vec![0; n_samples * n_out];
    for (inputs, outputs) in inputs.chunks(BATCH * n_in).zip(outputs.chunks_mut(BATCH * n_out)) {
        network.run(&mut workspace, inputs, inputs.len() / n_in, outputs);
    }
    outputs
}

/// Encoder outputs to latents: limited to what an activation holds.
pub fn to_latents(outputs: Vec<i32>) -> Vec<i16> {
    outputs.into_iter().map(|y| y.clamp(-32767, 32767) as i16).collect()
}

impl Coder {
    /// Prepares the networks; `encoder` only to compress.
    pub fn new(decoder: &Decoder, encoder: Option<&Network>) -> Result<Coder> {
        Ok(Coder {
            priors: decoder.priors.clone(),
            gains: decoder.gains.clone(),
            one: (1u32 << decoder.output_bits) as f64,
            decoder: Prepared::new(&decoder.network)?,
            encoder: encoder.map(Prepared::new).transpose()?,
        })
    }

    /// (latent bytes, predicted numbers a variable) of a chunk.
    ///
    /// # Panics
    /// If the coder was made without an encoder.
    pub fn encode(
        &self,
        sampling: Sampling,
        numbers: &[Vec<i64>],
        masks: &[Option<Vec<bool>>],
    ) -> (Vec<u8>, Vec<Vec<i64>>) {
        let n_samples = sampling.n_samples();
        let encoder = self.encoder.as_ref().expect("compress has the encoder");
        let latents = to_latents(run(encoder, &sampling.inputs(numbers, masks), n_samples));
        let wide: Vec<i32> = latents.iter().map(|&z| z as i32).collect();
        let outputs = run(&self.decoder, &amplify(&latents, &self.gains), n_samples);
        (encode_columns(&wide, &self.priors), sampling.numbers(&outputs, self.one))
    }

    /// What [`Coder::encode`] gives, of latents that were made elsewhere: `all` are those of every sample, `before` takes those
    /// that come before this chunk's.
    ///
    /// # Errors
    /// [`baler_data::error::ErrorKind::Input`] if there are fewer.
    pub fn encode_latents(
        &self,
        sampling: Sampling,
        before: Sampling,
        all: &[i16],
    ) -> Result<(Vec<u8>, Vec<Vec<i64>>)> {
        let (n_latents, n_samples) = (self.priors.len(), sampling.n_samples());
        let start = before.n_samples() * n_latents;
        let latents = all.get(start..start + n_samples * n_latents).ok_or_else(|| {
            Error::input(format!(
                "expected {n_latents} latents for each of {} samples, found {} in all",
                before.n_samples() + n_samples,
                all.len()
            ))
        })?;
        let wide: Vec<i32> = latents.iter().map(|&z| z as i32).collect();
        let outputs = run(&self.decoder, &amplify(latents, &self.gains), n_samples);
        Ok((encode_columns(&wide, &self.priors), sampling.numbers(&outputs, self.one)))
    }

    /// The predicted numbers of a chunk, a vector a variable.
    pub fn decode(&self, sampling: Sampling, bytes: &[u8]) -> Result<Vec<Vec<i64>>> {
        let n_out = sampling.blocks.map_or(sampling.scalings.len(), BlockPlan::n_values);
        if self.decoder.n_out() != n_out {
            return Err(Error::corrupt(format!(
                "expected a decoder of {n_out} values, found {}",
                self.decoder.n_out()
            )));
        }
        let n_samples = sampling.n_samples();
        let latents = to_latents(decode_columns(bytes, n_samples, &self.priors)?);
        // Tiles may reach far beyond the field: ask for the memory where refusing is an error and no abort.
        drop(with_room::<i32>(n_samples.saturating_mul(n_out))?);
        Ok(sampling.numbers(&run(&self.decoder, &amplify(&latents, &self.gains), n_samples), self.one))
    }
}
