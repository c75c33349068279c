//! Adds the golden files of new cases, and writes the hashes of all of them to `tests/assets/golden.txt`. Files that are
//! there are decoded and never changed: `cargo run --release --example make_golden`.

#[path = "../tests/golden_cases/mod.rs"]
mod golden_cases;

use baler::{DecompressOptions, Model, NoProgress, compress_with, decompress_with};
use golden_cases::manifest::{asset, values_hash};
use std::fs;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut list = String::new();
    for case in golden_cases::cases() {
        let model = case.model.as_ref().map(|(_, model)| model);
        let written = compress_with(&case.dataset, &case.options, model, &mut NoProgress)?;
        let path = asset(&format!("{}.bale", case.name));
        if !path.exists() {
            fs::write(&path, &written.bytes)?;
        }
        let stored_model = match &case.model {
            Some((name, model)) => {
                let path = asset(&format!("{name}.balm"));
                if !path.exists() {
                    fs::write(&path, model.to_bytes())?;
                }
                Some(Model::from_bytes(&fs::read(&path)?)?)
            }
            None => None,
        };
        let options = DecompressOptions { model: stored_model.as_ref(), ..DecompressOptions::default() };
        let decoded = decompress_with(&fs::read(&path)?, &options, &mut NoProgress)?;
        let archive = blake3::hash(&written.bytes).to_hex();
        list += &format!("{} {} {archive}\n", case.name, values_hash(&decoded));
        println!("{} {} bytes", case.name, written.bytes.len());
        for variable in &written.report.variables {
            println!("    {} {} {}", variable.name, variable.codec, variable.max_error);
        }
    }
    fs::write(asset("golden.txt"), list)?;
    let written = golden_cases::live::stream();
    let [stream, hashes] = golden_cases::live::FILES.map(asset);
    if !stream.exists() {
        fs::write(&stream, &written)?;
    }
    fs::write(hashes, golden_cases::live::hashes(&fs::read(&stream)?, &written))?;
    let written = golden_cases::merged::archive();
    let [archive, hashes] = golden_cases::merged::FILES.map(asset);
    if !archive.exists() {
        fs::write(&archive, &written)?;
    }
    fs::write(hashes, golden_cases::merged::hashes(&fs::read(&archive)?, &written))?;
    let mut list = String::new();
    fs::create_dir_all(asset("arrays"))?;
    for case in golden_cases::arrays::cases() {
        let path = asset(&format!("arrays/{}.array", case.name));
        if !path.exists() {
            fs::write(&path, &case.bytes)?;
        }
        list += &golden_cases::arrays::line(&case);
    }
    fs::write(asset("arrays.txt"), list)?;
    Ok(())
}
