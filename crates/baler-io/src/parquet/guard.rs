//! Runs the crate `parquet`, which was not made for hostile bytes: a panic of it is an error like any other, and silent.

use baler_data::error::{Error, Result};
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;

thread_local! {
    /// Whether this thread runs something whose panics are caught.
    static IS_GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Panics of other code are told as before.
fn silence() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let told = take_hook();
        set_hook(Box::new(move |panic| {
            if !IS_GUARDED.get() {
                told(panic);
            }
        }));
    });
}

/// What `work` gives, or an error with `text` where it panics.
pub fn guarded<T>(text: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    silence();
    let before = IS_GUARDED.replace(true);
    let done = catch_unwind(AssertUnwindSafe(work));
    IS_GUARDED.set(before);
    done.unwrap_or_else(|_| Err(Error::input(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_an_error() {
        let told = guarded("the file is damaged", || -> Result<()> { panic!("index out of bounds") });
        assert_eq!(told.unwrap_err().to_string(), "the file is damaged");
        assert!(!IS_GUARDED.get(), "others are told again");
        assert_eq!(guarded("", || Ok(7)).unwrap(), 7);
    }
}
