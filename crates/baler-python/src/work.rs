//! Work beside the interpreter: it is done on threads of its own while the caller waits without the lock of the interpreter,
//! hears how far it is, and looks for Ctrl-C. Who is interrupted goes on at once; the work ends after the chunks that are
//! being made, and nobody sees what it made.

use crate::errors::raised;
use baler::{Progress, Result, Threads};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long nobody looks for Ctrl-C, and tells nothing of one stage.
const PAUSE: Duration = Duration::from_millis(50);
/// That of the first thread of a process.
const STACK_BYTES: usize = 8 << 20;

enum Event<T> {
    Stage(String, u64),
    Advance(u64),
    Warning(String),
    Done(Result<T>),
}

/// What the work is given: its threads, and whom to tell.
pub struct Teller<T> {
    /// The threads that work.
    pub threads: Threads,
    events: Sender<Event<T>>,
    is_cancelled: Arc<AtomicBool>,
    told: Option<Instant>,
}

impl<T> Progress for Teller<T> {
    fn stage(&mut self, name: &str, total: u64) {
        self.told = None;
        let _ = self.events.send(Event::Stage(name.to_string(), total));
    }

    fn advance(&mut self, done: u64) {
        if self.told.is_none_or(|at| at.elapsed() >= PAUSE) {
            self.told = Some(Instant::now());
            let _ = self.events.send(Event::Advance(done));
        }
    }

    fn warn(&mut self, text: &str) {
        let _ = self.events.send(Event::Warning(text.to_string()));
    }

    fn is_cancelled(&self) -> bool {
        self.is_cancelled.load(Ordering::Relaxed)
    }
}

/// Who is told: an object with the methods `stage`, `advance` and `warn`, or nobody.
type Hearer<'py> = Option<Bound<'py, PyAny>>;

/// Does `work` on `n_threads` threads (0: all cores).
pub fn run<T: Send + 'static>(
    py: Python,
    n_threads: usize,
    hearer: Hearer,
    work: impl FnOnce(&mut Teller<T>) -> Result<T> + Send + 'static,
) -> PyResult<T> {
    let (send, receive) = channel();
    let is_cancelled = Arc::new(AtomicBool::new(false));
    let cancelled = is_cancelled.clone();
    let body = move || {
        let events = send.clone();
        let done = Threads::new(n_threads)
            .and_then(|threads| work(&mut Teller { threads, events, is_cancelled: cancelled, told: None }));
        let _ = send.send(Event::Done(done));
    };
    let spawned = std::thread::Builder::new().name("baler".into()).stack_size(STACK_BYTES).spawn(body);
    spawned.map_err(|error| PyRuntimeError::new_err(format!("cannot start a thread: {error}")))?;
    let heard = wait(py, &Mutex::new(receive), hearer.as_ref());
    is_cancelled.store(true, Ordering::Relaxed);
    heard
}

/// Waits for the end of the work, or for what stops it.
fn wait<T: Send>(
    py: Python,
    receive: &Mutex<Receiver<Event<T>>>,
    hearer: Option<&Bound<PyAny>>,
) -> PyResult<T> {
    let next = || receive.lock().unwrap_or_else(PoisonError::into_inner).recv_timeout(PAUSE);
    loop {
        let event = py.detach(next);
        let told = match (event, hearer) {
            (Ok(Event::Done(done)), _) => return done.map_err(|error| raised(py, &error)),
            (Err(RecvTimeoutError::Disconnected), _) => {
                let text = "the library panicked, which is a bug of it; the message stands on standard error";
                return Err(PyRuntimeError::new_err(text));
            }
            (Err(RecvTimeoutError::Timeout), _) | (_, None) => Ok(()),
            (Ok(Event::Stage(name, total)), Some(hearer)) => {
                hearer.call_method1("stage", (name, total)).map(drop)
            }
            (Ok(Event::Advance(done)), Some(hearer)) => hearer.call_method1("advance", (done,)).map(drop),
            (Ok(Event::Warning(text)), Some(hearer)) => hearer.call_method1("warn", (text,)).map(drop),
        };
        told?;
        py.check_signals()?;
    }
}
