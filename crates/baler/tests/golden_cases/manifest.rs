//! `assets/golden.txt`: what the golden files decode to, and what compressing their inputs gives today.

use baler::Dataset;
use std::path::PathBuf;

/// A line of the list.
#[allow(dead_code)] // The example only writes the list.
pub struct Entry {
    /// Name of the file, without `.bale`.
    pub name: String,
    /// Hash of the decoded values, in hexadecimal.
    pub values: String,
    /// Hash of the archive that is written today.
    pub archive: String,
}

/// The file `name` among the golden files.
pub fn asset(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/assets").join(name)
}

/// The list.
#[allow(dead_code)] // As above.
pub fn entries() -> Vec<Entry> {
    let text = std::fs::read_to_string(asset("golden.txt")).unwrap_or_default();
    text.lines()
        .map(|line| {
            let mut words = line.split_whitespace().map(str::to_string);
            let mut word = || words.next().expect("three words a line");
            Entry { name: word(), values: word(), archive: word() }
        })
        .collect()
}

/// The hash of assets/README.md over names, dtypes, shapes and values.
pub fn values_hash(dataset: &Dataset) -> String {
    let mut bytes = Vec::new();
    for variable in &dataset.variables {
        let extents: Vec<String> = variable.shape.iter().map(usize::to_string).collect();
        for text in [&variable.name, variable.values.dtype().name(), &extents.join(",")] {
            bytes.extend_from_slice(text.as_bytes());
            bytes.push(0);
        }
        variable.values.append_bytes(&mut bytes, false);
    }
    blake3::hash(&bytes).to_hex().to_string()
}
