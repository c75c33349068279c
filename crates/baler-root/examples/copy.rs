//! Copies the trees of a ROOT file, all branches that are numbers: `copy IN.root OUT.root [none|zlib|zstd]`.

use baler_root::{Compression, File, Lists, NewBranch, NewLists, Writer};
use std::io::{BufReader, BufWriter};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let words: Vec<String> = std::env::args().collect();
    let (Some(input), Some(output)) = (words.get(1), words.get(2)) else {
        return Err("expected IN.root OUT.root".into());
    };
    let compression = match words.get(3).map(String::as_str) {
        Some("none") => Compression::None,
        Some("zstd") => Compression::Zstd(5),
        _ => Compression::Zlib(1),
    };
    let mut file = File::open(BufReader::new(std::fs::File::open(input)?))?;
    let mut writer = Writer::new(BufWriter::new(std::fs::File::create(output)?), compression)?;
    for (idx, tree) in file.trees.clone().iter().enumerate() {
        // Counters stand first.
        let is_counter = |i: usize| tree.branches.iter().any(|branch| branch.lists == Lists::Counter(i));
        let mut order: Vec<usize> = (0..tree.branches.len()).collect();
        order.sort_by_key(|&i| !is_counter(i));
        let new = |&i: &usize| {
            let branch = &tree.branches[i];
            let lists = match branch.lists {
                Lists::None => NewLists::None,
                Lists::Vector => NewLists::Vector,
                Lists::Counter(counter) => {
                    NewLists::Counter(order.iter().position(|&i| i == counter).expect("it is one of them"))
                }
            };
            let leaf = Some(branch.leaf.clone()).filter(|leaf| !leaf.is_empty());
            let extents = branch.extents.clone();
            NewBranch { extents, lists, leaf, ..NewBranch::new(&branch.name, branch.number) }
        };
        let copy = writer.tree(&tree.path, &tree.title, order.iter().map(new).collect())?;
        for (position, &i) in order.iter().enumerate() {
            for first in (0..tree.n_entries).step_by(700) {
                let column = file.read(idx, i, first..(first + 700).min(tree.n_entries))?;
                writer.append(copy, position, &column)?;
            }
        }
    }
    writer.finish()?;
    Ok(())
}
