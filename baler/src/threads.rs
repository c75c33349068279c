//! How many threads work: a pool for one call, so that nobody else's pool is changed.

use crate::error::{Error, ErrorKind, Result};

/// Threads that are kept for a while: a pool of its own, or those of whoever calls.
pub struct Threads(Option<rayon::ThreadPool>);

impl Threads {
    /// `n_threads` of them; 0 takes all cores.
    pub fn new(n_threads: usize) -> Result<Threads> {
        rayon::ThreadPoolBuilder::new()
            .num_threads(n_threads)
            .build()
            .map(|pool| Threads(Some(pool)))
            .map_err(|error| Error::new(ErrorKind::Io, format!("cannot start {n_threads} threads: {error}")))
    }

    /// Those of whoever calls: all cores, unless a pool runs the caller.
    pub fn of_caller() -> Threads {
        Threads(None)
    }

    /// Runs `work` on them.
    pub fn run<R: Send>(&self, work: impl FnOnce() -> R + Send) -> R {
        match &self.0 {
            Some(pool) => pool.install(work),
            None => work(),
        }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.as_ref().map_or_else(rayon::current_num_threads, rayon::ThreadPool::current_num_threads)
    }
}

/// Runs `work` on a pool of `n_threads` (0: all cores).
pub fn in_threads<R: Send>(n_threads: usize, work: impl FnOnce() -> R + Send) -> Result<R> {
    Ok(Threads::new(n_threads)?.run(work))
}
