//! Which threads work: those of the caller, or a pool that the caller has made.

use crate::error::{Error, ErrorKind, Result};
use std::sync::Arc;
use std::sync::mpsc::sync_channel;

/// Threads that are kept for a while: a pool of its own, or, by default, those of the caller. Clones share the pool.
#[derive(Clone, Default)]
pub struct Threads(Option<Arc<rayon::ThreadPool>>);

impl std::fmt::Debug for Threads {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        match &self.0 {
            Some(_) => write!(f, "Threads({})", self.count()),
            None => f.write_str("Threads(of the caller)"),
        }
    }
}

impl Threads {
    /// `n_threads` of them; 0 takes all cores.
    pub fn new(n_threads: usize) -> Result<Threads> {
        rayon::ThreadPoolBuilder::new()
            .num_threads(n_threads)
            .build()
            .map(|pool| Threads(Some(Arc::new(pool))))
            .map_err(|error| Error::new(ErrorKind::Io, format!("cannot start {n_threads} threads: {error}")))
    }

    /// Those of the caller: all cores, unless a pool runs the caller.
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

    /// Runs `work` on them, and `meanwhile` on the caller's thread; on the threads of whoever calls one after the other.
    pub fn run_beside<R: Send>(&self, work: impl FnOnce() -> R + Send, meanwhile: impl FnOnce()) -> R {
        let mut done = None;
        match &self.0 {
            Some(pool) => pool.in_place_scope(|scope| {
                scope.spawn(|_| done = Some(work()));
                meanwhile();
            }),
            None => {
                done = Some(work());
                meanwhile();
            }
        }
        done.expect("the scope ends after the work")
    }

    /// Reads piece after piece and hands each over in order. A pool of several reads the next meanwhile: two are in memory.
    pub fn ahead<P: Send, T: Send>(
        &self,
        mut pieces: impl Iterator<Item = P> + Send,
        read: impl Fn(P) -> Result<T> + Send,
        mut take: impl FnMut(T) -> Result<()>,
    ) -> Result<()> {
        let [first, second] = [pieces.next(), pieces.next()];
        let is_alone = second.is_none();
        let mut pieces = first.into_iter().chain(second).chain(pieces);
        if self.0.is_none() || self.count() == 1 || is_alone {
            return pieces.try_for_each(|piece| take(read(piece)?));
        }
        std::thread::scope(|scope| {
            // Nobody waits in the channel: who has read a piece holds it until it is asked for.
            let (send, receive) = sync_channel(0);
            scope.spawn(move || {
                for piece in pieces {
                    let found = read(piece);
                    let is_last = found.is_err();
                    if send.send(found).is_err() || is_last {
                        return;
                    }
                }
            });
            receive.iter().try_for_each(|found| take(found?))
        })
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.as_ref().map_or_else(rayon::current_num_threads, |pool| pool.current_num_threads())
    }
}

thread_local! {
    /// A pool of which the thread that asks is the only one; none where it is one of another pool.
    static ALONE: Option<rayon::ThreadPool> =
        rayon::ThreadPoolBuilder::new().num_threads(1).use_current_thread().build().ok();
}

/// Runs `work` on so many threads: 1 is the calling one, without any other (of a pool's thread, the pool); 0 takes all cores. For
/// calls that come often, from many threads or in forked processes: nothing is started for one thread, and nothing stays
/// behind for several.
///
/// # Errors
/// [`ErrorKind::Io`] where threads cannot be started.
pub fn run_on<R: Send>(n_threads: usize, work: impl FnOnce() -> R + Send) -> Result<R> {
    match n_threads {
        1 => Ok(ALONE.with(|alone| match alone {
            Some(pool) => pool.install(work),
            None => work(),
        })),
        _ => Ok(Threads::new(n_threads)?.run(work)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rayon::prelude::*;

    #[test]
    fn one_thread_is_the_calling_one() {
        let sum = || {
            let seen = (0..100).into_par_iter().map(|_| std::thread::current().id());
            (seen.collect::<std::collections::HashSet<_>>(), rayon::current_num_threads())
        };
        for _ in 0..2 {
            let (seen, n_threads) = run_on(1, sum).unwrap();
            assert_eq!(
                (seen.into_iter().collect::<Vec<_>>(), n_threads),
                (vec![std::thread::current().id()], 1)
            );
            assert_eq!(run_on(3, sum).unwrap().1, 3);
        }
        let other = std::thread::spawn(move || run_on(1, sum).unwrap().0);
        assert!(!other.join().unwrap().contains(&std::thread::current().id()));
    }

    /// What `ahead` hands over of endless pieces until `read` or `take` fails at one.
    fn taken(threads: &Threads, fails_read: usize, fails_take: usize) -> (Vec<usize>, String) {
        let mut taken = Vec::new();
        let failed = |what: &str, at: usize| Error::input(format!("{what} {at}"));
        let read = |piece| if piece == fails_read { Err(failed("read", piece)) } else { Ok(piece) };
        let ended = threads.ahead(0.., read, |piece| {
            if piece == fails_take {
                return Err(failed("take", piece));
            }
            taken.push(piece);
            Ok(())
        });
        (taken, ended.unwrap_err().to_string())
    }

    #[test]
    fn pieces_come_in_order_until_the_first_error_for_any_number_of_threads() {
        for threads in [Threads::new(1).unwrap(), Threads::new(3).unwrap(), Threads::of_caller()] {
            for n in [0, 1, 2, 300] {
                assert_eq!(taken(&threads, n, usize::MAX), ((0..n).collect(), format!("read {n}")));
                assert_eq!(taken(&threads, usize::MAX, n), ((0..n).collect(), format!("take {n}")));
                let mut all = Vec::new();
                threads
                    .ahead(0..n, Ok, |piece| {
                        all.push(piece);
                        Ok(())
                    })
                    .unwrap();
                assert_eq!(all, (0..n).collect::<Vec<_>>());
            }
        }
    }
}
