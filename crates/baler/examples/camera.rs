//! Writes frames of a photon-counting camera: `camera FILE.npy N_FRAMES HEIGHT WIDTH BACKGROUND SEED`. docs/results.md has
//! what becomes of them.

use baler_io::{Format, write};

fn main() -> baler::Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize| args.get(at).and_then(|text| text.parse::<u32>().ok());
    let (Some(file), Some(n), Some(height), Some(width), Some(background), Some(seed)) =
        (args.first(), number(1), number(2), number(3), number(4), number(5))
    else {
        return Err(baler_data::error::Error::config(
            "expected FILE.npy N_FRAMES HEIGHT WIDTH BACKGROUND SEED",
        ));
    };
    let sizes = [n, height, width].map(|n| n as usize);
    let frames = baler_generate::camera(sizes[0], sizes[1], sizes[2], background as f64, seed as u64);
    std::fs::write(file, write(&frames, Format::Npy)?)
        .map_err(|error| baler_data::error::Error::io(format!("writing {file}"), error))
}
