//! The extension `baler._baler`: what the Python package is made of. It takes arrays as headers and bytes, fills arrays that
//! Python has made, and tells everything else as JSON; what users see of it is Python's (`python/baler`).

mod archive;
mod array;
mod compress;
mod errors;
mod hdf5;
mod json;
mod latents;
mod live;
mod memory;
mod model;
mod options;
mod part;
mod score;
mod source;
mod tell;
mod train;
mod work;

use pyo3::prelude::*;

/// What the package `baler` is made of.
#[pymodule(gil_used = false)]
mod _baler {
    use super::*;

    #[pymodule_export]
    use super::archive::{Archive, ChunkHead, inspect};
    #[pymodule_export]
    use super::array::{array_ends, array_info, decode_array, encode_array};
    #[pymodule_export]
    use super::compress::compress;
    #[pymodule_export]
    use super::hdf5::{hdf5_decode, hdf5_encode, hdf5_filter, hdf5_register, hdf5_words};
    #[pymodule_export]
    use super::latents::{decode_latents, decoded_shape, encode_latents, n_latents, part_variables};
    #[pymodule_export]
    use super::live::{LiveDecoder, LiveEncoder};
    #[pymodule_export]
    use super::model::Model;
    #[pymodule_export]
    use super::part::{compress_part, identity, look, merge, part_name, plan};
    #[pymodule_export]
    use super::score::{score, score_threshold};
    #[pymodule_export]
    use super::source::Source;
    #[pymodule_export]
    use super::tell::{compare, report};
    #[pymodule_export]
    use super::train::train;

    /// The version of the library.
    #[pymodule_export]
    #[allow(non_upper_case_globals)]
    const __version__: &str = env!("CARGO_PKG_VERSION");

    /// Runs the command `baler` with these words, the first of them its own name, and gives the code to exit with.
    #[pyfunction]
    fn main(py: Python, words: Vec<std::ffi::OsString>) -> u8 {
        py.detach(|| baler_cli::run_from(words))
    }
}
