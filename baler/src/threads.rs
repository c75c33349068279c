//! How many threads work: a pool for one call, so that nobody else's pool is changed.

use crate::error::{Error, ErrorKind, Result};

/// Threads that are kept for a while.
pub struct Threads(rayon::ThreadPool);

impl Threads {
    /// `n_threads` of them; 0 takes all cores.
    pub fn new(n_threads: usize) -> Result<Threads> {
        rayon::ThreadPoolBuilder::new()
            .num_threads(n_threads)
            .build()
            .map(Threads)
            .map_err(|error| Error::new(ErrorKind::Io, format!("cannot start {n_threads} threads: {error}")))
    }

    /// Runs `work` on them.
    pub fn run<R: Send>(&self, work: impl FnOnce() -> R + Send) -> R {
        self.0.install(work)
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.current_num_threads()
    }
}

/// Runs `work` on a pool of `n_threads` (0: all cores).
pub fn in_threads<R: Send>(n_threads: usize, work: impl FnOnce() -> R + Send) -> Result<R> {
    Ok(Threads::new(n_threads)?.run(work))
}
