//! Errors as C takes them: a number, and a text that the thread keeps.

use baler_data::error::{ErrorKind, Result};
use std::cell::RefCell;
use std::ffi::{CString, c_char};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// `BALER_BUG`.
const BUG: i32 = 6;

thread_local! {
    static TEXT: RefCell<CString> = RefCell::default();
}

/// The text of the last error of this thread.
pub fn text() -> *const c_char {
    TEXT.with_borrow(|text| text.as_ptr())
}

fn keep(text: String) {
    let without_nul: Vec<u8> = text.into_bytes().into_iter().filter(|&byte| byte != 0).collect();
    TEXT.set(CString::new(without_nul).unwrap_or_default());
}

/// Does the work; 0, or the status of its error. A panic is one too.
pub fn guarded(work: impl FnOnce() -> Result<()>) -> i32 {
    // Nothing that a panic may have left half done is looked at afterwards.
    let error = match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(())) => return 0,
        Ok(Err(error)) => error,
        Err(_) => {
            keep(
                "the library panicked, which is a bug of it; please report the message on standard error"
                    .into(),
            );
            return BUG;
        }
    };
    keep(error.to_string());
    match error.kind() {
        ErrorKind::Input => 1,
        ErrorKind::Config => 2,
        ErrorKind::Corrupt => 3,
        ErrorKind::Unsupported => 4,
        ErrorKind::Limit | ErrorKind::Io => 5,
        _ => BUG,
    }
}
