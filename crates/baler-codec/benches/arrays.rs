//! What the array calls cost: bytes beside the stream, largest and total memory, time a call; on one thread.
//!
//! `cargo bench -p baler-codec --bench arrays`

use baler_codec::array::{ArrayOptions, array_info, decode_array_into, encode_array};
use baler_codec::options::{BoundSpec, Level};
use baler_data::threads::Threads;
use baler_generate::Turbulence;
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Instant;

/// Largest request, bytes held now, and the most that were held.
static LARGEST: AtomicUsize = AtomicUsize::new(0);
static HELD: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

struct Counting;

unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LARGEST.fetch_max(layout.size(), Relaxed);
        MOST.fetch_max(HELD.fetch_add(layout.size(), Relaxed) + layout.size(), Relaxed);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        HELD.fetch_sub(layout.size(), Relaxed);
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// Seconds of the fastest of `n` calls, and of all calls the largest request and the most held, in multiples of `n_bytes`.
fn measured(n: usize, n_bytes: usize, mut call: impl FnMut()) -> (f64, f64, f64) {
    let before = HELD.load(Relaxed);
    LARGEST.store(0, Relaxed);
    MOST.store(before, Relaxed);
    let mut seconds = f64::INFINITY;
    for _ in 0..n {
        let start = Instant::now();
        call();
        seconds = seconds.min(start.elapsed().as_secs_f64());
    }
    let times = |bytes: usize| bytes as f64 / n_bytes as f64;
    (seconds, times(LARGEST.load(Relaxed)), times(MOST.load(Relaxed) - before))
}

fn main() {
    println!("f32 turbulence, rel 1e-3, one thread; memory in multiples of the chunk");
    println!("shape              level    bytes beside encode ms  largest  all  decode ms  largest  all");
    let threads = Threads::new(1).expect("a thread");
    for (shape, n) in [([4, 64, 64], 20), ([16, 128, 128], 5), ([64, 256, 256], 1)] {
        let turbulence = Turbulence { height: shape[1], width: shape[2], seed: 3 };
        let field: Vec<f32> = (0..shape[0]).flat_map(|z| turbulence.plane(z)).collect();
        let n_bytes = size_of_val(&field[..]);
        for level in [1, 3, 6, 9] {
            if level == 9 && n_bytes > 1 << 20 && !std::env::args().any(|arg| arg == "--all") {
                continue;
            }
            let options = ArrayOptions {
                level: Level::new(level).expect("a level"),
                ..ArrayOptions::new(BoundSpec::Rel(1e-3))
            };
            let mut bytes = Vec::new();
            let (encode, largest, all) = threads.run(|| {
                measured(n, n_bytes, || bytes = encode_array(&field, &shape, &options).expect("an array"))
            });
            let mut back = vec![0f32; field.len()];
            let (decode, decode_largest, decode_all) = threads.run(|| {
                measured(n, n_bytes, || decode_array_into(&bytes, None, &mut back).expect("an array"))
            });
            println!(
                "{:18} {:6} {:8} {:5} {:10.2} {largest:8.2} {all:4.1} {:10.2} {decode_largest:8.2} {decode_all:4.1}",
                format!("{shape:?}"),
                level,
                bytes.len(),
                array_info(&bytes).expect("an array").beside_bytes,
                1e3 * encode,
                1e3 * decode,
            );
        }
    }
}
