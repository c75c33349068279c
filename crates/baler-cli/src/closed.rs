//! Whether standard output was closed (`>&-`) when the process began. Before `main` the runtime puts /dev/null in its place, and
//! what is written there is lost without a word; so it is looked at before the runtime is there.

use anyhow::{Result, bail};
use std::sync::atomic::{AtomicBool, Ordering};

static IS_CLOSED: AtomicBool = AtomicBool::new(false);

/// An error where results would go to a standard output that was closed.
pub fn refuse_closed_stdout() -> Result<()> {
    if IS_CLOSED.load(Ordering::Relaxed) {
        bail!(
            "expected an open standard output, found it closed; nothing was written: give -o FILE, or a pipe"
        );
    }
    Ok(())
}

/// Called by the loader. It asks the system and stores the answer, for which no runtime is needed.
#[cfg(target_os = "linux")]
extern "C" fn look() {
    let is_closed = rustix::io::fcntl_getfd(rustix::stdio::stdout()).is_err();
    IS_CLOSED.store(is_closed, Ordering::Relaxed);
}

// Unsafe because the loader calls what stands in this section, as it is: a function without arguments, which `look` is.
#[cfg(target_os = "linux")]
#[used]
#[unsafe(link_section = ".init_array")]
static LOOK: extern "C" fn() = look;
