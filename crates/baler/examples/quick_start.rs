//! The README's code.
use baler::{BoundSpec, Dataset, Options, Values, Variable};

fn main() -> baler::Result<()> {
    let wave: Vec<f32> = (0..10_000).map(|i| (i as f32 * 0.01).sin()).collect();
    let dataset = Dataset::from_arrays(vec![Variable::new("wave", vec![100, 100], Values::F32(wave))?]);
    let archive = baler::compress(&dataset, &Options::new(BoundSpec::Abs(1e-3)))?;
    let back = baler::decompress(&archive)?;
    println!("{} -> {} bytes, {} variable back", dataset.size_bytes(), archive.len(), back.variables.len());
    Ok(())
}
