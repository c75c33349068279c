//! The stream of packed latents that comes out of the hardware: a beat of whole bytes a sample, the first latent lowest.

use crate::verilog::padded;
use baler_data::error::{Error, Result};

/// Latents (n_samples, n_out) to bytes.
pub fn pack(latents: &[i16], bits: &[u32]) -> Vec<u8> {
    let beat = padded(bits.iter().sum::<u32>() as usize) / 8;
    let mut bytes = Vec::with_capacity(latents.len() / bits.len().max(1) * beat);
    for sample in latents.chunks_exact(bits.len()) {
        let end = bytes.len() + beat;
        let (mut held, mut n_held) = (0u64, 0);
        for (&latent, &n) in sample.iter().zip(bits) {
            held |= (latent as u64 & ((1 << n) - 1)) << n_held;
            n_held += n;
            while n_held >= 8 {
                bytes.push(held as u8);
                held >>= 8;
                n_held -= 8;
            }
        }
        if n_held > 0 {
            bytes.push(held as u8);
        }
        bytes.resize(end, 0);
    }
    bytes
}

/// Inverse of [`pack`].
///
/// # Errors
/// [`baler_data::error::ErrorKind::Input`] if the bytes are no whole beats.
pub fn unpack(bytes: &[u8], bits: &[u32]) -> Result<Vec<i16>> {
    let beat = padded(bits.iter().sum::<u32>() as usize) / 8;
    if beat == 0 || !bytes.len().is_multiple_of(beat) {
        return Err(Error::input(format!(
            "expected a stream of latents in beats of {beat} bytes, found {} bytes; is it of this model?",
            bytes.len()
        )));
    }
    let mut latents = Vec::with_capacity(bytes.len() / beat * bits.len());
    for sample in bytes.chunks_exact(beat) {
        let (mut held, mut n_held, mut next) = (0u64, 0, sample.iter());
        for &n in bits {
            while n_held < n {
                held |= u64::from(*next.next().unwrap_or(&0)) << n_held;
                n_held += 8;
            }
            latents.push(((held << (64 - n)) as i64 >> (64 - n)) as i16);
            held >>= n;
            n_held -= n;
        }
    }
    Ok(latents)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latents_come_back() {
        let bits = [16, 3, 9, 1, 16];
        let latents = [-32767, 3, -256, -1, 32767, 5, -4, 255, 0, -1];
        let bytes = pack(&latents, &bits);
        assert_eq!(bytes.len(), 12);
        assert_eq!(unpack(&bytes, &bits).unwrap(), latents);
        let text = unpack(&bytes[1..], &bits).unwrap_err().to_string();
        assert!(text.contains("beats of 6 bytes, found 11"), "{text}");
    }
}
