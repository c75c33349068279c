//! The decoder as a WebAssembly module without imports: `scripts/wasm/check.sh` builds it and lets Node decode the golden files.
//!
//! Bytes go in by [`room`], what comes out by [`answer`].

use baler_codec::decompress::{DecompressOptions, decompress_with};
use baler_codec::model::Model;
use baler_codec::report::NoProgress;
use baler_data::dataset::Dataset;
use std::cell::RefCell;

thread_local! {
    static BYTES: RefCell<[Vec<u8>; 2]> = const { RefCell::new([Vec::new(), Vec::new()]) };
    static ANSWER: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Room for the bytes of an archive (`which` 0) or of the model that it names (1).
#[unsafe(no_mangle)]
pub extern "C" fn room(which: usize, n_bytes: usize) -> *mut u8 {
    BYTES.with_borrow_mut(|bytes| {
        bytes[which] = vec![0; n_bytes];
        bytes[which].as_mut_ptr()
    })
}

/// Decodes the archive; the length of the answer: the hash of the golden files' list, or an error's text.
#[unsafe(no_mangle)]
pub extern "C" fn decode() -> usize {
    let decoded = BYTES.with_borrow(|[archive, model]| {
        let model = (!model.is_empty()).then(|| Model::from_bytes(model)).transpose()?;
        let options = DecompressOptions { model: model.as_ref(), ..DecompressOptions::default() };
        decompress_with(archive, &options, &mut NoProgress)
    });
    let answer = decoded.map_or_else(|error| error.to_string(), |dataset| hash(&dataset));
    ANSWER.set(answer);
    ANSWER.with_borrow(String::len)
}

/// Where the answer stands.
#[unsafe(no_mangle)]
pub extern "C" fn answer() -> *const u8 {
    ANSWER.with_borrow(|answer| answer.as_ptr())
}

/// The hash of the values as `crates/baler/tests/assets/README.md` defines it.
fn hash(dataset: &Dataset) -> String {
    let mut hasher = blake3::Hasher::new();
    for variable in &dataset.variables {
        let extents: Vec<String> = variable.shape.iter().map(usize::to_string).collect();
        for text in [variable.name.as_str(), variable.values.dtype().name(), &extents.join(",")] {
            hasher.update(text.as_bytes()).update(&[0]);
        }
        let mut bytes = Vec::new();
        variable.values.append_bytes(&mut bytes, false);
        hasher.update(&bytes);
    }
    hasher.finalize().to_hex().to_string()
}
