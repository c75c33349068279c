//! Watches a case: a panic and where it came from, the most memory at a time, the CPU time. A case that does not end, or
//! asks for more than any machine has, is named before the process goes down.

use std::alloc::{GlobalAlloc, Layout, System};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, Once, PoisonError};
use std::time::{Duration, Instant};

const MEMORY_LIMIT: usize = 256 << 20;
const TIME_LIMIT: Duration = Duration::from_secs(5);
/// Larger requests beyond the limit are refused: an error where that was thought of (a constant claims any number of values
/// in a few bytes), and else the end of the process.
const LARGE: usize = 1 << 20;
/// As long as a loaded machine may take for `TIME_LIMIT`.
const HARD_TIME_LIMIT: Duration = Duration::from_secs(300);

/// The last case that was refused memory: should the process end, it was that one.
static REFUSED: AtomicU64 = AtomicU64::new(u64::MAX);
static LIVE: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);
static CASE: AtomicU64 = AtomicU64::new(u64::MAX);
static N_RUNS: AtomicU64 = AtomicU64::new(0);
static PANICKED_AT: Mutex<String> = Mutex::new(String::new());

struct Counted;

// SAFETY: hands every call on to the system's allocator, or returns null, which is always allowed.
unsafe impl GlobalAlloc for Counted {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let live = LIVE.load(Relaxed).saturating_add(layout.size());
        if live > MEMORY_LIMIT && layout.size() >= LARGE {
            let case = CASE.load(Relaxed);
            if REFUSED.swap(case, Relaxed) != case {
                tell_case();
            }
            return std::ptr::null_mut();
        }
        LIVE.fetch_add(layout.size(), Relaxed);
        PEAK.fetch_max(live, Relaxed);
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Relaxed);
        // SAFETY: the caller's promise is passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counted = Counted;

/// The running case on standard error, without allocating.
fn tell_case() {
    use std::io::Write;
    let mut text = *b"memory or time is refused in case                     \n";
    let mut left = CASE.load(Relaxed);
    for place in text[34..54].iter_mut().rev() {
        *place = b'0' + (left % 10) as u8;
        left /= 10;
    }
    let _ = std::io::stderr().write_all(&text);
}

/// Tests of a binary run side by side; memory and time are those of one case only while it is alone.
static ALONE: Mutex<()> = Mutex::new(());
static START: Once = Once::new();

/// Silences panics of cases, whose places are kept instead, and ends the process where a case does not end.
fn start() {
    let default = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if CASE.load(Relaxed) == u64::MAX {
            return default(info);
        }
        let place = info.location().map(|at| format!("{}:{}", at.file(), at.line())).unwrap_or_default();
        let payload = info.payload();
        let text = payload.downcast_ref::<&str>().map(|text| text.to_string());
        let text = text.or(payload.downcast_ref::<String>().cloned()).unwrap_or_default();
        *PANICKED_AT.lock().unwrap() = format!("a panic at {place}: {text}");
    }));
    std::thread::spawn(|| {
        let (mut seen, mut since) = (0, Instant::now());
        loop {
            std::thread::sleep(Duration::from_secs(1));
            let now = N_RUNS.load(Relaxed);
            if now != seen || CASE.load(Relaxed) == u64::MAX {
                (seen, since) = (now, Instant::now());
            } else if since.elapsed() > HARD_TIME_LIMIT {
                tell_case();
                std::process::abort();
            }
        }
    });
}

/// CPU time of this process, or the time of the day where the system does not tell it.
fn cpu_time(start: Instant) -> Duration {
    let told = std::fs::read_to_string("/proc/self/stat").ok();
    // User and system time are fields 14 and 15, in hundredths; the second may hold blanks and ends with ')'.
    let ticks = told.as_deref().and_then(|text| text.rsplit_once(')')).map(|(_, rest)| {
        rest.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum::<u64>()
    });
    ticks.map_or_else(|| start.elapsed(), |ticks| Duration::from_millis(10 * ticks))
}

/// What was wrong with a case, if anything was: without numbers that differ from case to case.
pub fn run(case: u64, name: &str, work: impl FnOnce()) -> Option<String> {
    START.call_once(start);
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    N_RUNS.fetch_add(1, Relaxed);
    CASE.store(case, Relaxed);
    let before = LIVE.load(Relaxed);
    PEAK.store(before, Relaxed);
    let start = Instant::now();
    let cpu = cpu_time(start);
    let done = catch_unwind(AssertUnwindSafe(work));
    let peak = PEAK.load(Relaxed).saturating_sub(before);
    let took = cpu_time(start).saturating_sub(cpu);
    CASE.store(u64::MAX, Relaxed);
    let kind = name.split('.').next_back().unwrap_or(name);
    if done.is_err() {
        return Some(std::mem::take(&mut *PANICKED_AT.lock().unwrap()));
    }
    if peak > MEMORY_LIMIT {
        eprintln!("case {case}: {} MB", peak >> 20);
        return Some(format!("more than {} MB for {kind}", MEMORY_LIMIT >> 20));
    }
    if took > TIME_LIMIT {
        eprintln!("case {case}: {took:?}");
        return Some(format!("more than {TIME_LIMIT:?} for {kind}"));
    }
    None
}
