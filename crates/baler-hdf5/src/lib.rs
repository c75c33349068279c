//! Baler as a filter of HDF5: chunks of a dataset within a bound. What HDF5 calls is here; what is done to a chunk is in
//! [`chunk`], and what is kept of a dataset for it in [`settings`]. Nothing is linked with HDF5: `host.rs` finds the one that
//! calls. No panic leaves a function; an error of any kind is 0 or negative for HDF5, and a message in its list of errors.

#![warn(missing_docs)]

pub mod abi;
pub mod chunk;
mod describe;
mod host;
pub mod settings;

use abi::{CLASS_VERSION, FilterClass, Hid, PLUGIN_IS_FILTER, REVERSE};
use baler_data::error::{Error, ErrorKind, Result};
use baler_data::threads::run_on;
use settings::{MAX_WORDS, Settings};
use std::ffi::{c_int, c_uint, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// The number of the filter: one of those for private use, until HDF Group has given one.
pub const FILTER_ID: c_int = 47_111;
/// Says how many threads work on one chunk: 1 without.
const THREADS: &str = "BALER_HDF5_THREADS";

/// What HDF5 has to know of the filter.
pub static FILTER: FilterClass = FilterClass {
    version: CLASS_VERSION,
    id: FILTER_ID,
    encoder_present: 1,
    decoder_present: 1,
    name: c"baler: learned compression within a bound".as_ptr(),
    can_apply: Some(can_apply),
    set_local: Some(set_local),
    filter: Some(filter),
};

/// Makes the filter known to every HDF5 that this process has loaded as a library: how many took it.
pub fn register() -> usize {
    host::register(&FILTER)
}

/// HDF5 asks what a plugin is.
#[unsafe(no_mangle)]
pub extern "C" fn H5PLget_plugin_type() -> c_int {
    PLUGIN_IS_FILTER
}

/// HDF5 asks for the filter.
#[unsafe(no_mangle)]
pub extern "C" fn H5PLget_plugin_info() -> *const c_void {
    (&raw const FILTER).cast()
}

/// Does the work; what failed is told to HDF5.
fn guarded<R>(work: impl FnOnce() -> Result<R>) -> Option<R> {
    // Nothing that a panic may have left half done is looked at afterwards.
    let bug =
        |_| Err(Error::input("the filter panicked, which is a bug of it; please report the message above"));
    let done = catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(bug);
    done.inspect_err(|error| host::push_error(&error.to_string())).ok()
}

/// Everything is looked at in [`set_local`], which HDF5 calls next: of this function's answers HDF5 takes "no" for a dataset
/// without the filter, where h5py has called it optional.
extern "C" fn can_apply(_properties: Hid, _datatype: Hid, _space: Hid) -> c_int {
    1
}

extern "C" fn set_local(properties: Hid, datatype: Hid, _space: Hid) -> c_int {
    guarded(|| n_threads().and_then(|_| describe::describe(properties, datatype))).map_or(-1, |()| 0)
}

/// # Safety
/// HDF5 calls it with `n_words` words, and with a buffer of `n_bytes` bytes from `malloc`, of which it is handed another.
unsafe extern "C" fn filter(
    flags: c_uint,
    n_words: usize,
    words: *const c_uint,
    n_bytes: usize,
    buffer_bytes: *mut usize,
    buffer: *mut *mut c_void,
) -> usize {
    let done = guarded(|| {
        if words.is_null() || buffer.is_null() || buffer_bytes.is_null() || n_words > MAX_WORDS {
            return Err(Error::input(format!(
                "expected a chunk and up to {MAX_WORDS} words, found {n_words}"
            )));
        }
        // SAFETY: as HDF5 promises; the pointers were looked at.
        let (words, bytes) = unsafe {
            let bytes = if n_bytes == 0 {
                &[][..]
            } else {
                std::slice::from_raw_parts((*buffer).cast::<u8>(), n_bytes)
            };
            (std::slice::from_raw_parts(words, n_words), bytes)
        };
        let settings = Settings::read(words)?;
        let made = match flags & REVERSE {
            // The number was looked at when the dataset was made.
            0 => surely(bytes, || run_on(n_threads().unwrap_or(1), || chunk::encode(&settings, bytes))?)?,
            _ => run_on(n_threads()?, || chunk::decode(&settings, bytes))?.inspect_err(say_what_to_do)?,
        };
        // SAFETY: HDF5's buffers are those of the C library, which frees the old one and gives the new one.
        unsafe {
            let new = libc::malloc(made.len());
            if new.is_null() {
                return Err(Error::limit(format!("no memory for {} bytes", made.len())));
            }
            std::ptr::copy_nonoverlapping(made.as_ptr(), new.cast::<u8>(), made.len());
            libc::free(*buffer);
            *buffer = new;
            *buffer_bytes = made.len();
        }
        Ok(made.len())
    });
    done.unwrap_or(0)
}

/// A coded chunk, or, where the codec fails, the chunk as it is, which keeps every promise; and a line about it. HDF5 crashes when
/// it closes a file of which a filter could not write a chunk (2.0.0 does), and who has computed for days wants the data.
fn surely(bytes: &[u8], encode: impl FnOnce() -> Result<Vec<u8>>) -> Result<Vec<u8>> {
    let why = match catch_unwind(AssertUnwindSafe(encode)) {
        Ok(Ok(coded)) => return Ok(coded),
        // Bytes that are no chunk of the dataset are not the codec's fault.
        Ok(Err(error)) if error.kind() == ErrorKind::Input => return Err(error),
        Ok(Err(error)) => error.to_string(),
        Err(_) => "it panicked, as above".to_string(),
    };
    eprintln!(
        "baler: a chunk is stored as it is, for the codec failed, which is a bug of it; please report it: {why}"
    );
    Ok(chunk::stored(bytes))
}

/// A model that is not there is no damage: hosts such as h5py show no more of HDF5's list of errors than its first line.
fn say_what_to_do(error: &Error) {
    if error.kind() == ErrorKind::Config {
        eprintln!("baler: {error}");
    }
}

fn n_threads() -> Result<usize> {
    let Ok(text) = std::env::var(THREADS) else { return Ok(1) };
    text.parse().map_err(|_| Error::config(format!("expected a number in {THREADS}, found '{text}'")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_codec_fails_at_is_stored() {
        let bytes = [1, 2, 3, 4];
        let stored = chunk::stored(&bytes);
        assert_eq!(surely(&bytes, || panic!("on purpose")).unwrap(), stored);
        assert_eq!(surely(&bytes, || Err(Error::new(ErrorKind::BoundNotMet, "broken"))).unwrap(), stored);
        assert_eq!(surely(&bytes, || Ok(vec![7])).unwrap(), [7]);
        assert!(surely(&bytes, || Err(Error::input("no chunk"))).is_err());
    }
}
