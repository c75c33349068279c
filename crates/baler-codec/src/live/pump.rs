//! Records that come when they come -> frames that leave in time. In: bytes from anywhere; out: a stream. A frame leaves
//! when it is full, or when its oldest record has waited long enough.
//!
//! One thread reads, the caller's thread codes and writes. Between them lie a few blocks at most: a slow consumer makes
//! the reader wait, and so whoever writes to it. Nothing is dropped and nothing overtakes.

use crate::live::stream::{Encoder, MAX_FRAME_BYTES};
use baler_data::error::{Error, Result};
use std::io::{Read, Write};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

/// Bytes that are read at a time, and blocks that wait.
const BLOCK_BYTES: usize = 1 << 15;
const N_BLOCKS: usize = 1;
/// Bytes of a full frame, about: it is coded in well under a millisecond, and larger ones are hardly smaller for it.
const FRAME_BYTES: usize = 1 << 15;

/// How records are gathered.
#[derive(Debug, Clone, Copy)]
pub struct Pump {
    /// How long a record waits for others.
    pub latency: Duration,
    /// Bytes of records of a full frame.
    pub frame_bytes: usize,
}

impl Pump {
    /// Frames of about 32 kB, or less where records have waited for `latency`.
    pub fn new(latency: Duration) -> Pump {
        Pump { latency, frame_bytes: FRAME_BYTES }
    }
}

/// What went through.
#[derive(Debug, Clone, Default)]
pub struct Stats {
    /// Whole records.
    pub n_records: u64,
    /// Records that are stored as they are.
    pub n_stored: u64,
    /// Bytes of records.
    pub bytes_in: u64,
    /// Bytes of the stream.
    pub bytes_out: u64,
    /// Bytes of the last record that did not come.
    pub bytes_left: usize,
    /// Of each frame: from the arrival of its first record to the moment it was written.
    pub latencies: Latencies,
    /// From the first record to the end.
    pub elapsed: Duration,
}

/// How many frames took how long, in steps of an eighth of an octave, so that days of frames take a few bytes.
#[derive(Debug, Clone)]
pub struct Latencies {
    counts: Vec<u64>,
    /// The longest.
    pub longest: Duration,
}

impl Default for Latencies {
    fn default() -> Self {
        Latencies { counts: vec![0; 8 * 64], longest: Duration::ZERO }
    }
}

impl Latencies {
    fn add(&mut self, latency: Duration) {
        let nanos = latency.as_nanos().clamp(8, u64::MAX as u128) as u64;
        let octave = nanos.ilog2();
        self.counts[(8 * octave as u64 + (nanos >> (octave - 3) & 7)) as usize] += 1;
        self.longest = self.longest.max(latency);
    }

    /// Number of frames.
    pub fn n_frames(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// The time that a share of the frames did not exceed, to an eighth above.
    pub fn quantile(&self, share: f64) -> Duration {
        let wanted = (share * self.n_frames() as f64).ceil().max(1.0) as u64;
        let mut below = 0;
        let found = self.counts.iter().position(|&count| {
            below += count;
            below >= wanted
        });
        let end = |at: usize| (9 + at as u128 % 8) << (at / 8) >> 3;
        found.map_or(Duration::ZERO, |at| Duration::from_nanos(end(at) as u64)).min(self.longest)
    }
}

/// A block of bytes and when it came.
type Block = std::io::Result<(Vec<u8>, Instant)>;

fn read_blocks(mut input: impl Read, blocks: SyncSender<Block>) {
    loop {
        let mut block = vec![0; BLOCK_BYTES];
        let read = match input.read(&mut block) {
            Ok(0) => return,
            Ok(n_bytes) => {
                block.truncate(n_bytes);
                Ok((block, Instant::now()))
            }
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => Err(error),
        };
        let failed = read.is_err();
        if blocks.send(read).is_err() || failed {
            return;
        }
    }
}

impl Pump {
    /// Reads records until there are none and writes a whole stream.
    ///
    /// # Errors
    /// [`baler_data::error::ErrorKind::Io`] where reading or writing fails; what was written before is whole.
    pub fn run(
        self,
        input: impl Read + Send + 'static,
        output: &mut impl Write,
        encoder: &mut Encoder,
    ) -> Result<Stats> {
        let (sender, blocks) = sync_channel(N_BLOCKS);
        // Not joined: if writing fails, it may wait for bytes that never come.
        std::thread::spawn(move || read_blocks(input, sender));
        let width = encoder.record_bytes();
        let frame_bytes = self.frame_bytes.clamp(width, MAX_FRAME_BYTES) / width * width;
        let mut frames = Frames {
            encoder,
            output,
            stats: Stats::default(),
            waiting: Vec::new(),
            oldest: None,
            newest: None,
            frame_bytes,
        };
        let head = frames.encoder.head().to_vec();
        frames.write(&head)?;
        frames.gather(&blocks, self.latency)
    }
}

/// Records that wait for a frame.
struct Frames<'a, W> {
    encoder: &'a mut Encoder,
    output: &'a mut W,
    stats: Stats,
    waiting: Vec<u8>,
    /// When the first and the last block came of what waits.
    oldest: Option<Instant>,
    newest: Option<Instant>,
    frame_bytes: usize,
}

impl<W: Write> Frames<'_, W> {
    fn gather(mut self, blocks: &Receiver<Block>, latency: Duration) -> Result<Stats> {
        let mut started = None;
        loop {
            let has_record = self.waiting.len() >= self.encoder.record_bytes();
            let block = match self.oldest.filter(|_| has_record) {
                Some(oldest) => {
                    blocks.recv_timeout((oldest + latency).saturating_duration_since(Instant::now()))
                }
                None => blocks.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            match block {
                Ok(Ok((bytes, came))) => {
                    started.get_or_insert(came);
                    self.oldest.get_or_insert(came);
                    self.newest = Some(came);
                    self.waiting.extend_from_slice(&bytes);
                    while self.waiting.len() >= self.frame_bytes {
                        self.flush(self.frame_bytes)?;
                    }
                }
                Ok(Err(error)) => return Err(Error::io("reading records", error)),
                Err(RecvTimeoutError::Timeout) => self.flush(self.waiting.len())?,
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        self.flush(self.waiting.len())?;
        let mut end = Vec::new();
        self.encoder.finish(&mut end);
        self.write(&end)?;
        let Frames { encoder, mut stats, waiting, .. } = self;
        (stats.n_records, stats.n_stored) = encoder.counts();
        stats.bytes_in = stats.n_records * encoder.record_bytes() as u64;
        stats.bytes_left = waiting.len();
        stats.elapsed = started.map_or(Duration::ZERO, |started: Instant| started.elapsed());
        Ok(stats)
    }

    /// Writes a frame with the whole records among the first `n_bytes`; what is left came with the last block.
    fn flush(&mut self, n_bytes: usize) -> Result<()> {
        let n_bytes = n_bytes - n_bytes % self.encoder.record_bytes();
        if n_bytes == 0 {
            return Ok(());
        }
        let mut frame = Vec::new();
        self.encoder.encode(&self.waiting[..n_bytes], &mut frame)?;
        self.waiting.drain(..n_bytes);
        self.write(&frame)?;
        if let Some(oldest) = self.oldest.take() {
            self.stats.latencies.add(oldest.elapsed());
        }
        self.oldest = self.newest.filter(|_| !self.waiting.is_empty());
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.stats.bytes_out += bytes.len() as u64;
        let written = self.output.write_all(bytes).and_then(|()| self.output.flush());
        written.map_err(|error| Error::io("writing a live stream", error))
    }
}
