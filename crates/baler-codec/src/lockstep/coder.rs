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
use crate::predict::rows::kinds::{Kind, Kinds};
use crate::predict::rows::row::{N_FRACTIONS, N_SYMBOLS, PRECISION, Probabilities, ZERO, shift_of};
use baler_data::bytes::{ByteReader, ByteWriter, with_room};
use baler_data::error::{Error, Result};

const LOW: u32 = 1 << 16;
/// Level of a scale of 1.
const LEVEL_OF_ONE: i32 = 32;

/// What decides by which row an error is coded: the level of its expected magnitude (10 bits), the place of what rounding took off the
/// prediction (3 bits), and whether the error is mirrored (1 bit).
pub type Contexts = [u16; LANES];

/// The contexts of a step, of predictions that are whole or not.
#[inline(always)]
pub fn contexts(scales: &Lane, fractions: &Lane, is_whole: bool) -> Contexts {
    let mut contexts = [0; LANES];
    for i in 0..LANES {
        // Four levels an octave: exponent and two bits of the mantissa.
        let level = (scales[i].to_bits() >> 21) as i32 - (127 << 2) + LEVEL_OF_ONE;
        let fraction = if is_whole { 0.0 } else { fractions[i] };
        let place = ((fraction.abs() * (2 * N_FRACTIONS) as f32) as i32).min(N_FRACTIONS as i32 - 1);
        contexts[i] = (level.clamp(0, 1023) << 4 | place << 1 | (fraction < 0.0) as i32) as u16;
    }
    contexts
}

/// The level of a context.
#[inline(always)]
pub fn level_of(context: u16) -> usize {
    (context >> 4) as usize
}

/// The place of what rounding took off.
#[inline(always)]
pub fn fraction_of(context: u16) -> usize {
    (context >> 1) as usize % N_FRACTIONS
}

/// The error, mirrored if its context says so.
#[inline(always)]
pub fn mirrored(error: i32, context: u16) -> i32 {
    let sign = -((context & 1) as i32);
    (error ^ sign) - sign
}

/// Rows for all levels between two; those outside have the rows of the nearest.
pub struct Codebook {
    lowest: i32,
    n_levels: i32,
    /// By level, then by fraction; the last has one symbol, which takes no bits.
    rows: Vec<Probabilities>,
    /// Of each row, the bits below its buckets.
    shifts: Vec<u8>,
    n_fractions: i32,
}

impl Codebook {
    /// Of a model's kinds; without a stride of 1 predictions are whole numbers.
    pub fn new(kinds: &Kinds, stride: u8) -> Codebook {
        let n_fractions = if stride == 1 { N_FRACTIONS } else { 1 };
        let row = |width: u8, tail: u8, fraction| Probabilities::new(width as i32, tail as usize, fraction);
        let of_kind = |&Kind { width, tail }| (0..n_fractions).map(move |f| row(width, tail, f));
        let rows = kinds.kinds.iter().flat_map(of_kind).chain([Probabilities::NOTHING]).collect();
        let shifts = kinds.kinds.iter().map(|kind| shift_of(kind.width as i32) as u8);
        let shifts = shifts.flat_map(|shift| std::iter::repeat_n(shift, n_fractions)).chain([0]).collect();
        let (lowest, n_levels) = (kinds.lowest as i32, kinds.kinds.len() as i32);
        Codebook { lowest, n_levels, rows, shifts, n_fractions: n_fractions as i32 }
    }

    /// The rows of a step; lanes without a number have the last.
    #[inline(always)]
    fn rows(&self, active: u16, contexts: &Contexts) -> [u32; LANES] {
        let mut rows = [0; LANES];
        let nothing = self.rows.len() as i32 - 1;
        for i in 0..LANES {
            let level = ((contexts[i] >> 4) as i32 - self.lowest).clamp(0, self.n_levels - 1);
            let fraction = (contexts[i] as i32 >> 1 & 7).min(self.n_fractions - 1);
            let row = level * self.n_fractions + fraction;
            rows[i] = if active >> i & 1 != 0 { row } else { nothing } as u32;
        }
        rows
    }

    /// Of each lane, the bits below its buckets, and whether there are any.
    #[inline(always)]
    fn shifts(&self, rows: &[u32; LANES]) -> ([u32; LANES], bool) {
        let (mut shifts, mut any) = ([0; LANES], 0);
        for i in 0..LANES {
            shifts[i] = self.shifts[rows[i] as usize] as u32;
            any |= shifts[i];
        }
        (shifts, any != 0)
    }
}

/// Takes residuals that are known, and makes the stream of them.
pub struct Writer<'a> {
    codebook: &'a Codebook,
    spans: Vec<[Span; LANES]>,
    raw: BitWriter,
}

impl<'a> Writer<'a> {
    /// With room for so many steps.
    pub fn new(codebook: &'a Codebook, n_steps: usize) -> Writer<'a> {
        Writer { codebook, spans: Vec::with_capacity(n_steps), raw: BitWriter::default() }
    }

    /// Takes the residuals of the next step.
    #[inline(always)]
    pub fn step(&mut self, active: u16, residuals: &[i32; LANES], contexts: &Contexts) {
        let rows = self.codebook.rows(active, contexts);
        let (shifts, has_shifts) = self.codebook.shifts(&rows);
        let (mut raised, mut buckets, mut symbols) = ([0; LANES], [0; LANES], [0u32; LANES]);
        let mut any_escape = 0;
        for i in 0..LANES {
            raised[i] = mirrored(residuals[i], contexts[i]) + ((1 << shifts[i]) >> 1);
            buckets[i] = raised[i] >> shifts[i];
            let symbol = ((buckets[i] + ZERO as i32) as u32).min(N_SYMBOLS as u32 - 1);
            symbols[i] = if active >> i & 1 != 0 { symbol } else { 0 };
            any_escape |= (symbols[i] == N_SYMBOLS as u32 - 1) as u32;
        }
        let mut spans = [Span::new(0, 0); LANES];
        for i in 0..LANES {
            spans[i] = self.codebook.rows[rows[i] as usize].span(symbols[i] as usize);
        }
        self.spans.push(spans);
        if has_shifts || any_escape != 0 {
            self.raw(&symbols, &buckets, &raised, &shifts);
        }
    }

    /// Writes what no model predicts.
    fn raw(
        &mut self,
        symbols: &[u32; LANES],
        buckets: &[i32; LANES],
        raised: &[i32; LANES],
        shifts: &[u32; LANES],
    ) {
        for i in 0..LANES {
            if symbols[i] == N_SYMBOLS as u32 - 1 {
                self.escape(buckets[i] as i64);
            }
            // None in lanes without a number.
            if shifts[i] > 0 {
                self.raw.write(raised[i] as u64 & ((1u64 << shifts[i]) - 1), shifts[i]);
            }
        }
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
        let n_most = LANES * self.spans.len();
        let mut words = vec![0u16; n_most + 1];
        let mut free = n_most;
        for spans in self.spans.iter().rev() {
            for i in (0..LANES).rev() {
                let (frequency, state) = (spans[i].frequency(), states[i]);
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
    /// With as many more as a step can take.
    words: Vec<u16>,
    at: usize,
    raw: RawReader<'a>,
    is_whole: bool,
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
        let (of_words, rest) = r.rest().as_chunks::<2>();
        if !rest.is_empty() {
            return Err(Error::corrupt("expected words of two bytes in a stream of lanes"));
        }
        let mut words = with_room(of_words.len() + LANES)?;
        words.extend(of_words.iter().map(|word| u16::from_le_bytes(*word)));
        words.extend([1; LANES]);
        let is_whole = codebook.n_fractions == 1;
        Ok(Reader { codebook, states, words, at: 0, raw, is_whole, overrun: false })
    }

    /// Checks that nothing was read past the end so far.
    pub fn check(&self) -> Result<()> {
        if self.overrun {
            return Err(Error::corrupt("a stream of lanes ends early"));
        }
        Ok(())
    }

    /// Checks that all was read and nothing more.
    pub fn finish(self) -> Result<()> {
        let at_start = self.states.iter().all(|&state| state == LOW);
        let is_read = self.at + LANES == self.words.len() && self.raw.is_done();
        if self.overrun || !at_start || !is_read {
            return Err(Error::corrupt("a stream of lanes does not end where it should"));
        }
        Ok(())
    }

    /// A symbol of each lane.
    #[inline(always)]
    fn symbols(&mut self, rows: &[u32; LANES]) -> [u32; LANES] {
        let mut symbols = [0; LANES];
        for i in 0..LANES {
            let row = &self.codebook.rows[rows[i] as usize];
            let state = self.states[i];
            let slot = state & ((1 << PRECISION) - 1);
            let symbol = row.symbol(slot as i16);
            let span = row.span(symbol);
            self.states[i] =
                span.frequency().wrapping_mul(state >> PRECISION).wrapping_add(slot - span.start());
            symbols[i] = symbol as u32;
        }
        // No branches, for none of them could be foreseen.
        let words: &[u16; LANES] = self.words[self.at..].first_chunk().expect("words of a step");
        let mut n_taken = 0;
        for state in &mut self.states {
            let is_low = *state < LOW;
            let word = words[n_taken % LANES] as u32;
            *state = if is_low { *state << 16 | word } else { *state };
            n_taken += is_low as usize;
        }
        self.at += n_taken;
        let n_words = self.words.len() - LANES;
        if self.at > n_words {
            self.at = n_words;
            self.overrun = true;
        }
        symbols
    }

    /// Reads what no model predicts; tells the residuals that symbols stand for.
    #[inline(never)]
    fn raw(
        &mut self,
        contexts: &Contexts,
        active: u16,
        symbols: &[u32; LANES],
        shifts: &[u32; LANES],
    ) -> Lane {
        let mut residuals = [0.0; LANES];
        for i in 0..LANES {
            if active >> i & 1 == 0 {
                continue;
            }
            let mut error = symbols[i] as i64 - ZERO;
            if symbols[i] as usize == N_SYMBOLS - 1 {
                error = self.escape();
            }
            let shift = shifts[i];
            if shift > 0 {
                error = (error << shift | self.raw.read(shift) as i64) - ((1i64 << shift) >> 1);
            }
            residuals[i] = if contexts[i] & 1 != 0 { -error } else { error } as f32;
        }
        residuals
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
        let contexts = contexts(scales, fractions, self.is_whole);
        let rows = self.codebook.rows(step.active, &contexts);
        let symbols = self.symbols(&rows);
        let (shifts, has_shifts) = self.codebook.shifts(&rows);
        let mut any_escape = 0;
        let mut residuals = [0.0; LANES];
        for i in 0..LANES {
            any_escape |= (symbols[i] == N_SYMBOLS as u32 - 1) as u32;
            residuals[i] = mirrored(symbols[i] as i32 - ZERO as i32, contexts[i]) as f32;
        }
        if has_shifts || any_escape != 0 {
            return self.raw(&contexts, step.active, &symbols, &shifts);
        }
        residuals
    }
}
