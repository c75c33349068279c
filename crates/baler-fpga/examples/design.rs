//! A network of random integers as a folder, to measure what designs take without training any:
//! `cargo run --release -p baler-fpga --example design -- DIR 16-20-10-8 relu 8 0 [reuse [ram]]`
//! (folder, widths, relu or a leaky slope's shift, bits of a weight, zeros in a hundred, cycles a sample).

#[path = "../tests/networks/mod.rs"]
mod networks;

use baler_codec::network::Prepared;
use baler_codec::network::architecture::Activation;
use baler_fpga::{Emulator, Lanes, Request, Spec, project};
use std::time::Instant;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let word = |at: usize, default: &str| words.get(at).cloned().unwrap_or(default.to_string());
    let widths: Vec<usize> = word(1, "16-20-10-8").split('-').map(str::parse).collect::<Result<_, _>>()?;
    let activation = match word(2, "relu").as_str() {
        "relu" => Activation::Relu,
        shift => Activation::LeakyRelu { shift: shift.parse()? },
    };
    let network = networks::dense(&widths, activation, word(3, "8").parse()?, word(4, "0").parse()?, 1);
    let spec = Spec::of_network("encoder", &network)?;
    let request = Request {
        reuse: word(5, "1").parse()?,
        ram: word(6, "rom") == "ram",
        levels: word(7, "3").parse()?,
        ..Request::default()
    };
    let start = Instant::now();
    let made = project(&spec, &request)?;
    println!("{:?} {:?} in {:.3} s", made.estimate, made.proof, start.elapsed().as_secs_f64());
    let n_rows = 100_000;
    let rows = networks::rows(network.n_in(), n_rows, 1);
    let wide: Vec<i32> = rows.iter().map(|&x| i32::from(x)).collect();
    let mut latents = vec![0; n_rows * network.n_out()];
    let emulator = Emulator::new(&spec)?;
    let start = Instant::now();
    emulator.run(&mut Lanes::default(), &wide, &mut latents);
    println!("emulator {:.0} inferences/s", n_rows as f64 / start.elapsed().as_secs_f64());
    let prepared = Prepared::new(&network)?;
    let mut sums = vec![0; n_rows * network.n_out()];
    let start = Instant::now();
    prepared.run(&mut Default::default(), &rows, n_rows, &mut sums);
    println!("codec {:.0} inferences/s", n_rows as f64 / start.elapsed().as_secs_f64());
    for (path, bytes) in made.files {
        let path = std::path::Path::new(&word(0, "design")).join(path);
        std::fs::create_dir_all(path.parent().ok_or("a file in a folder")?)?;
        std::fs::write(path, bytes)?;
    }
    Ok(())
}
