//! Prints a line for every branch of every tree of the given files: file, tree, branch, type, extents, entries, values,
//! and the CRC-32 of the values (big-endian) and of the counts (32 bits, little-endian); `skipped` or `failed` with the
//! reason otherwise. `scripts/formats/root_branches.py` compares it with uproot.

use baler_root::{File, Tree};
use flate2::Crc;
use std::io::BufReader;

fn crc(bytes: &[u8]) -> u32 {
    let mut crc = Crc::new();
    crc.update(bytes);
    crc.sum()
}

fn print_tree(file: &mut File<BufReader<std::fs::File>>, idx: usize, tree: &Tree, path: &str) {
    for (position, branch) in tree.branches.iter().enumerate() {
        let line = format!("{path}\t{}\t{}", tree.path, branch.name);
        match file.read(idx, position, 0..branch.n_entries) {
            Ok(column) => {
                let counts: Vec<u8> = column.counts.iter().flatten().flat_map(|n| n.to_le_bytes()).collect();
                let n_values = column.bytes.len() / branch.number.size();
                println!(
                    "{line}\tread\t{:?}\t{:?}\t{}\t{n_values}\t{}\t{}",
                    branch.number,
                    branch.extents,
                    branch.n_entries,
                    crc(&column.bytes),
                    if column.counts.is_some() { crc(&counts).to_string() } else { "-".into() }
                );
            }
            Err(error) => println!("{line}\tfailed\t{error}"),
        }
    }
    for (branch, why) in &tree.skipped {
        println!("{path}\t{}\t{branch}\tskipped\t{why}", tree.path);
    }
}

fn main() {
    for path in std::env::args().skip(1) {
        let opened =
            std::fs::File::open(&path).map_err(Into::into).and_then(|file| File::open(BufReader::new(file)));
        let mut file = match opened {
            Ok(file) => file,
            Err(error) => {
                println!("{path}\t-\t-\tfailed\t{error}");
                continue;
            }
        };
        for (tree, why) in &file.skipped {
            println!("{path}\t{tree}\t-\tskipped\t{why}");
        }
        for (idx, tree) in file.trees.clone().iter().enumerate() {
            print_tree(&mut file, idx, tree, &path);
        }
    }
}
