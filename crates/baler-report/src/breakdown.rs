//! Where the bytes of an archive are: models, latents, symbols, escapes, and the rest.

use baler::{Report, Result};
use baler_codec::container::{Archive, GroupMethod, ModelEntry};
use baler_data::bytes::ByteReader;
use serde::Serialize;

/// Bytes by part; they add up to the archive.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Breakdown {
    /// Models: those of the archive, and those at the start of predictive streams.
    pub models: u64,
    /// Coded latents of autoencoders.
    pub latents: u64,
    /// Coded numbers of all variables.
    pub symbols: u64,
    /// What no grid point serves, and which values are missing or not finite.
    pub escapes: u64,
    /// Schema, index, checksums, lengths.
    pub header: u64,
}

/// Reads the parts of an archive; `report` is its [`baler::inspect()`].
///
/// # Errors
/// [`baler_data::error::ErrorKind::Corrupt`] for damaged bytes.
pub fn breakdown(bytes: &[u8], report: &Report) -> Result<Breakdown> {
    let archive = Archive::parse(bytes)?;
    let mut found = Breakdown::default();
    for chunk in &archive.chunks {
        let group = &archive.plan.groups[chunk.group];
        let mut payload = ByteReader::new(&chunk.payload);
        if matches!(group.method, GroupMethod::Autoencoder { .. }) {
            found.latents += payload.block()?.len() as u64;
        }
        for _ in &group.variables {
            let mut part = ByteReader::new(payload.block()?);
            found.escapes += part.block()?.len() as u64;
            found.symbols += part.block()?.len() as u64;
        }
    }
    let own: usize =
        archive.models.iter().map(|model| if let ModelEntry::Inline(b) = model { b.len() } else { 0 }).sum();
    let own = own + archive.plan.groups.iter().map(|group| group.model_bytes()).sum::<usize>();
    found.models = report.model_bytes;
    // Models of predictive streams stand inside the streams, those of tables in the plan.
    found.symbols = found.symbols.saturating_sub(report.model_bytes - own as u64);
    let inside = found.models + found.latents + found.symbols + found.escapes;
    found.header = (bytes.len() as u64).saturating_sub(inside);
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use baler::{BoundSpec, Dataset, Options, Values, Variable};

    #[test]
    fn the_parts_add_up_to_the_archive() {
        let wave: Vec<f64> =
            (0..20_000).map(|i| (f64::from(i) * 0.01).sin() + f64::from(i % 7) * 1e-3).collect();
        let mut odd = wave.clone();
        odd[17] = f64::NAN;
        let dataset = Dataset::from_arrays(vec![
            Variable::new("wave", vec![100, 200], Values::F64(wave)).unwrap(),
            Variable::new("odd", vec![100, 200], Values::F64(odd)).unwrap(),
        ]);
        let bytes = baler::compress(&dataset, &Options::new(BoundSpec::Rel(1e-3))).unwrap();
        let report = baler::inspect(&bytes).unwrap();
        let found = breakdown(&bytes, &report).unwrap();
        let sum = found.models + found.latents + found.symbols + found.escapes + found.header;
        assert_eq!(sum, bytes.len() as u64);
        assert!(
            found.escapes > 0
                && found.symbols > 100
                && found.header > 50
                && found.models == report.model_bytes
        );
    }
}
