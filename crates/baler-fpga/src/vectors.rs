//! Samples and the latents that they must give, for every bench.
//!
//! What is expected comes from the specification's formulas as slow loops. Samples are the caller's (real data), then random ones over everything that the
//! wires can carry, ends included.

use crate::emulate::reference;
use crate::spec::Spec;
use baler_data::random::Rng;

/// Test vectors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vectors {
    /// (n_rows, n_in)
    pub samples: Vec<i32>,
    /// (n_rows, n_out)
    pub latents: Vec<i16>,
    /// Number of rows.
    pub n_rows: usize,
}

impl Vectors {
    /// `given` rows (n, n_in), or random ones in the usual range where there are none, then `n_random` over everything that the
    /// wires can carry.
    pub fn new(spec: &Spec, given: &[i32], n_random: usize) -> Vectors {
        let usual = if given.is_empty() { random(spec, n_random, 2) } else { given.to_vec() };
        Vectors::of(spec, [usual, random(spec, n_random, 1)].concat())
    }

    /// What the formulas of the specification make of `samples`.
    pub fn of(spec: &Spec, samples: Vec<i32>) -> Vectors {
        let n_rows = samples.len() / spec.n_in();
        let latents = samples.chunks_exact(spec.n_in()).flat_map(|sample| reference(spec, sample)).collect();
        Vectors { samples, latents, n_rows }
    }

    /// Samples as words of a stream, a line each, for `$readmemh`.
    pub fn sample_words(&self, spec: &Spec, width: usize) -> String {
        let bits: Vec<u32> = spec.inputs.iter().map(|input| input.bits).collect();
        let rows = self.samples.chunks(spec.n_in());
        rows.map(|row| word(row.iter().map(|&x| i64::from(x)), &bits, width) + "\n").collect()
    }

    /// Latents as words of a stream.
    pub fn latent_words(&self, spec: &Spec, bits: &[u32], width: usize) -> String {
        let rows = self.latents.chunks(spec.n_out());
        rows.map(|row| word(row.iter().map(|&z| i64::from(z)), bits, width) + "\n").collect()
    }
}

/// Random rows over the range of the wires, or a `part` of it; its ends come often.
fn random(spec: &Spec, n_rows: usize, part: i64) -> Vec<i32> {
    let mut rng = Rng::new(17, part as u64);
    let mut samples = Vec::with_capacity(n_rows * spec.n_in());
    for _ in 0..n_rows {
        for input in &spec.inputs {
            let [low, high] = input.range;
            // -32768 is no activation: the codec never makes it.
            let low = if input.stage.is_none() { low.max(-32767) } else { low };
            let (low, high) = (low / part, high / part);
            let value = match rng.below(24) {
                0 => high,
                1 => low,
                _ => low + rng.below((high - low + 1) as usize) as i64,
            };
            samples.push(value as i32);
        }
    }
    samples
}

/// Values packed, lowest bits first, as hexadecimal digits of a word of `width` bits.
pub fn word(values: impl Iterator<Item = i64>, bits: &[u32], width: usize) -> String {
    let mut bytes = vec![0u8; width.div_ceil(8)];
    let mut at = 0;
    for (value, &n) in values.zip(bits) {
        for bit in 0..n {
            bytes[at / 8] |= (((value >> bit) & 1) as u8) << (at % 8);
            at += 1;
        }
    }
    bytes.iter().rev().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_have_their_first_value_lowest() {
        assert_eq!(word([1, -1, 5].into_iter(), &[4, 4, 3], 16), "05f1");
        assert_eq!(word([-2].into_iter(), &[16], 16), "fffe");
    }
}
