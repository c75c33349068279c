//! What C points to. NULL is an error, unless nothing is to be there.

use baler_data::error::{Error, Result};

/// The error of a pointer that points to nothing.
pub fn null(what: &str) -> Error {
    Error::config(format!("expected a pointer to {what}, found NULL"))
}

/// One thing.
///
/// # Safety
/// `at` is NULL or points to a `T` that nobody writes as long as the result lives.
pub unsafe fn given<'a, T>(at: *const T, what: &str) -> Result<&'a T> {
    // SAFETY: as the caller promises.
    unsafe { at.as_ref() }.ok_or_else(|| null(what))
}

/// `n` things.
///
/// # Safety
/// `at` is NULL or points to `n` things that nobody writes as long as the result lives.
pub unsafe fn given_slice<'a, T>(at: *const T, n: usize, what: &str) -> Result<&'a [T]> {
    match (at.is_null(), n) {
        (_, 0) => Ok(&[]),
        (true, _) => Err(null(what)),
        // SAFETY: as the caller promises.
        (false, n) => Ok(unsafe { std::slice::from_raw_parts(at, n) }),
    }
}

/// Room for `n` bytes.
///
/// # Safety
/// `at` is NULL or points to `n` bytes that nobody else uses as long as the result lives.
pub unsafe fn given_slice_mut<'a>(at: *mut u8, n: usize, what: &str) -> Result<&'a mut [u8]> {
    match (at.is_null(), n) {
        (_, 0) => Ok(&mut []),
        (true, _) => Err(null(what)),
        // SAFETY: as the caller promises.
        (false, n) => Ok(unsafe { std::slice::from_raw_parts_mut(at, n) }),
    }
}
