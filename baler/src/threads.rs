//! How many threads work: a pool for one call, so that nobody else's pool is changed.

use crate::error::{Error, ErrorKind, Result};

/// Runs `work` on a pool of `n_threads` (0: all cores).
pub fn in_threads<R: Send>(n_threads: usize, work: impl FnOnce() -> R + Send) -> Result<R> {
    rayon::ThreadPoolBuilder::new()
        .num_threads(n_threads)
        .build()
        .map(|pool| pool.install(work))
        .map_err(|error| Error::new(ErrorKind::Io, format!("cannot start {n_threads} threads: {error}")))
}
