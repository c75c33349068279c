//! Residuals of sixteen lanes <-> bytes: a symbol each with a row of frequencies ([`crate::predict::rows::row`]), and bits that no
//! model predicts, as they are. Range asymmetric numeral systems (J. Duda, arXiv:1311.2540) with a 32-bit state for each lane; all
//! share the words.
//!
//! A state lies in [2^16, 2^32). Decoding: slot = state mod 2^15; the state becomes frequency * (state >> 15) + slot - start; if
//! it is under 2^16, it becomes state << 16 | next word. The encoder runs backwards, so the decoder reads words forwards.

use crate::entropy::bits::BitWriter;
use crate::entropy::pair::Span;
use crate::lockstep::cells::{LANES, Lane};
use crate::lockstep::walk::{Residuals, Step};
use crate::predict::rows::coder::RawReader;
use crate::predict::rows::kinds::Kinds;
use crate::predict::rows::row::{N_FRACTIONS, N_SYMBOLS, PRECISION, Probabilities, ZERO, shift_of};
use baler_data::bytes::{ByteReader, ByteWriter};
use baler_data::error::{Error, Result};

const LOW: u32 = 1 << 16;
/// Level of a scale of 1.
const LEVEL_OF_ONE: i32 = 32;

/// The level of an expected magnitude: four an octave.
#[inline(always)]
pub fn level_of(scale: f32) -> i32 {
    // Exponent and two bits of the mantissa.
    (scale.to_bits() >> 21) as i32 - (127 << 2) + LEVEL_OF_ONE
}

/// The place of what rounding took off among the rows, and whether errors are mirrored.
#[inline(always)]
pub fn fraction_of(fraction: f32) -> (usize, bool) {
    let place = (fraction.abs() * (2 * N_FRACTIONS) as f32) as usize;
    (place.min(N_FRACTIONS - 1), fraction < 0.0)
}

/// Rows for all levels between two; those outside have the rows of the nearest.
pub struct Codebook {
    lowest: i32,
    rows: Vec<Probabilities>,
    shifts: Vec<u32>,
    n_fractions: usize,
}

impl Codebook {
    /// Of a model's kinds; without a stride of 1 predictions are whole numbers.
    pub fn new(kinds: &Kinds, stride: u8) -> Codebook {
        let n_fractions = if stride == 1 { N_FRACTIONS } else { 1 };
        let row = |width: u8, tail: u8, fraction| Probabilities::new(width as i32, tail as usize, fraction);
        let rows = kinds.kinds.iter();
        let rows =
            rows.flat_map(|kind| (0..n_fractions).map(move |f| row(kind.width, kind.tail, f))).collect();
        let shifts = kinds.kinds.iter().map(|kind| shift_of(kind.width as i32)).collect();
        Codebook { lowest: kinds.lowest as i32, rows, shifts, n_fractions }
    }

    /// The row of a scale and a fraction, the bits below its buckets, and whether errors are mirrored.
    #[inline(always)]
    fn row(&self, scale: f32, fraction: f32) -> (&Probabilities, u32, bool) {
        let level = (level_of(scale) - self.lowest).max(0) as usize;
        let level = level.min(self.shifts.len() - 1);
        let (fraction, mirrored) = if self.n_fractions > 1 { fraction_of(fraction) } else { (0, false) };
        (&self.rows[level * self.n_fractions + fraction], self.shifts[level], mirrored)
    }
}

/// Takes residuals that are known, and makes the stream of them.
pub struct Writer<'a> {
    codebook: &'a Codebook,
    spans: Vec<[Span; LANES]>,
    raw: BitWriter,
    n_symbols: usize,
}

impl<'a> Writer<'a> {
    /// With room for so many steps.
    pub fn new(codebook: &'a Codebook, n_steps: usize) -> Writer<'a> {
        Writer { codebook, spans: Vec::with_capacity(n_steps), raw: BitWriter::default(), n_symbols: 0 }
    }

    /// Takes the residuals of the next step.
    #[inline(always)]
    pub fn step(&mut self, active: u16, residuals: &[i32; LANES], scales: &Lane, fractions: &Lane) {
        let mut spans = [Span::new(0, 0); LANES];
        for i in 0..LANES {
            if active >> i & 1 == 0 {
                continue;
            }
            self.n_symbols += 1;
            let (row, shift, mirrored) = self.codebook.row(scales[i], fractions[i]);
            let error = if mirrored { -residuals[i] } else { residuals[i] };
            let raised = error as i64 + ((1i64 << shift) >> 1);
            let bucket = raised >> shift;
            let symbol = ((bucket + ZERO) as u64).min(N_SYMBOLS as u64 - 1) as usize;
            spans[i] = row.span(symbol);
            if symbol == N_SYMBOLS - 1 {
                self.escape(bucket);
            }
            if shift > 0 {
                self.raw.write(raised as u64 & ((1u64 << shift) - 1), shift);
            }
        }
        self.spans.push(spans);
    }

    /// Sign, bit length (5 bits), and bits of |bucket| - 16.
    #[cold]
    #[inline(never)]
    fn escape(&mut self, bucket: i64) {
        let beyond = bucket.unsigned_abs() - (ZERO as u64 + 1);
        let n_bits = 64 - beyond.leading_zeros();
        self.raw.write((bucket < 0) as u64, 1);
        self.raw.write(n_bits as u64, 5);
        self.raw.write(beyond, n_bits);
    }

    /// Raw bits (block), states, words.
    pub fn finish(self, w: &mut ByteWriter) {
        w.block(&self.raw.finish());
        let mut states = [LOW; LANES];
        // Filled from the end; without branches, for none of them could be foreseen.
        let mut words = vec![0u16; self.n_symbols + 1];
        let mut free = self.n_symbols;
        for spans in self.spans.iter().rev() {
            for i in (0..LANES).rev() {
                let (frequency, state) = (spans[i].frequency(), states[i]);
                if frequency == 0 {
                    continue;
                }
                words[free] = state as u16;
                let full = state >> (32 - PRECISION) >= frequency;
                free -= full as usize;
                let state = state >> (16 * full as u32);
                let quotient = state / frequency;
                states[i] = (quotient << PRECISION) + (state - quotient * frequency) + spans[i].start();
            }
        }
        states.iter().for_each(|state| w.raw(&state.to_le_bytes()));
        w.bytes.reserve(2 * words.len());
        words[free + 1..].iter().for_each(|word| w.bytes.extend_from_slice(&word.to_le_bytes()));
    }
}

/// Reads residuals. Past the end words are 1 and bits 0, which [`Reader::finish`] tells.
pub struct Reader<'a> {
    codebook: &'a Codebook,
    states: [u32; LANES],
    words: &'a [u8],
    raw: RawReader<'a>,
    overrun: bool,
}

impl<'a> Reader<'a> {
    /// All that is left of `r`.
    pub fn new(codebook: &'a Codebook, r: &mut ByteReader<'a>) -> Result<Reader<'a>> {
        let raw = RawReader::new(r.block()?);
        let mut states = [0u32; LANES];
        for state in &mut states {
            *state = u32::from_le_bytes(r.raw(4)?.try_into().expect("four bytes"));
        }
        if states.iter().any(|&state| state < LOW) {
            return Err(Error::corrupt("expected states of at least 2^16 in a stream of lanes"));
        }
        Ok(Reader { codebook, states, words: r.rest(), raw, overrun: false })
    }

    /// Checks that all was read and nothing more.
    pub fn finish(self) -> Result<()> {
        let at_start = self.states.iter().all(|&state| state == LOW);
        if self.overrun || !at_start || !self.words.is_empty() || !self.raw.is_done() {
            return Err(Error::corrupt("a stream of lanes does not end where it should"));
        }
        Ok(())
    }

    #[cold]
    #[inline(never)]
    fn escape(&mut self) -> i64 {
        let negative = self.raw.read(1) != 0;
        let n_bits = self.raw.read(5) as u32;
        let magnitude = self.raw.read(n_bits) as i64 + ZERO + 1;
        if negative { -magnitude } else { magnitude }
    }
}

impl Residuals for Reader<'_> {
    const NEEDS_SCALES: bool = true;

    #[inline(always)]
    fn of_step(&mut self, step: Step, _: &Lane, fractions: &Lane, scales: &Lane) -> Lane {
        let mut residuals = [0.0; LANES];
        for i in 0..LANES {
            if step.active >> i & 1 == 0 {
                continue;
            }
            let (row, shift, mirrored) = self.codebook.row(scales[i], fractions[i]);
            let state = self.states[i];
            let slot = state & ((1 << PRECISION) - 1);
            let symbol = row.symbol(slot as i16);
            let span = row.span(symbol);
            let state = span.frequency().wrapping_mul(state >> PRECISION).wrapping_add(slot - span.start());
            self.states[i] = match state < LOW {
                true => {
                    let word = match self.words.split_first_chunk::<2>() {
                        Some((word, rest)) => {
                            self.words = rest;
                            u16::from_le_bytes(*word)
                        }
                        None => {
                            self.overrun = true;
                            1
                        }
                    };
                    state << 16 | word as u32
                }
                false => state,
            };
            let mut error = symbol as i64 - ZERO;
            if symbol == N_SYMBOLS - 1 {
                error = self.escape();
            }
            if shift > 0 {
                error = (error << shift | self.raw.read(shift) as i64) - ((1i64 << shift) >> 1);
            }
            let error = if mirrored { -error } else { error };
            residuals[i] = error as f32;
        }
        residuals
    }
}
