//! What an archive needs of an autoencoder: latents to network output.

use crate::autoencoder::weights::{read_network, write_network};
use crate::entropy::Prior;
use crate::network::Network;
use baler_data::bytes::{ByteReader, ByteWriter};
use baler_data::error::{Error, Result};

/// What an archive needs of a part: latents to network output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoder {
    /// The output 2^output_bits stands for 1.
    pub output_bits: u8,
    /// One a latent.
    pub priors: Vec<Prior>,
    /// What each latent is multiplied by before the network, 1..=32767.
    pub gains: Vec<i16>,
    /// (n_latents) -> (values of a sample).
    pub network: Network,
}

impl Decoder {
    /// The bytes that stand in archives and models; `tile` helps to code the weights.
    pub fn write(&self, tile: &[usize]) -> Vec<u8> {
        let mut w = ByteWriter::default();
        w.u8(self.output_bits);
        w.count(self.priors.len());
        for (prior, &gain) in self.priors.iter().zip(&self.gains) {
            prior.write(&mut w);
            w.count(gain as usize);
        }
        write_network(&self.network, tile, &mut w);
        w.bytes
    }

    /// Inverse of [`Decoder::write`].
    pub fn read(bytes: &[u8]) -> Result<Decoder> {
        let mut r = ByteReader::new(bytes);
        let output_bits = r.u8()?;
        let mut priors = Vec::new();
        let mut gains = Vec::new();
        for _ in 0..r.count_of_items()? {
            priors.push(Prior::read(&mut r)?);
            let gain = i16::try_from(r.count()?).ok().filter(|gain| *gain > 0);
            gains.push(gain.ok_or_else(|| Error::corrupt("expected gains from 1 to 32 767"))?);
        }
        let network = read_network(&mut r)?;
        r.finish("a decoder")?;
        if output_bits > 30 || priors.len() != network.n_in() {
            return Err(Error::corrupt(format!(
                "expected {} latents, found priors for {}",
                network.n_in(),
                priors.len()
            )));
        }
        Ok(Decoder { output_bits, priors, gains, network })
    }

    /// Network inputs of latents (n_samples, n_latents): times their gains, limited to an activation.
    pub fn activations(&self, latents: &[i16]) -> Vec<i16> {
        amplify(latents, &self.gains)
    }
}

/// Latents times their gains, limited to -32767..=32767.
pub fn amplify(latents: &[i16], gains: &[i16]) -> Vec<i16> {
    let product = |(&z, &gain): (&i16, &i16)| (z as i32 * gain as i32).clamp(-32767, 32767) as i16;
    latents.iter().zip(gains.iter().cycle()).map(product).collect()
}
