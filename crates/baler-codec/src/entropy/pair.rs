//! Symbols <-> bytes: range asymmetric numeral systems (J. Duda, arXiv:1311.2540), two 32-bit states in turn, frequencies
//! out of 2^PRECISION. In: the span of each symbol (where its slots start, and how many they are); who calls knows which
//! symbol it is. Out: the states, then 16-bit words to the end. Refuses states that do not end where the encoder began.
//!
//! Symbol i belongs to state i mod 2, which lies in [2^16, 2^32). Decoding: slot = state mod 2^PRECISION; the state
//! becomes frequency * (state >> PRECISION) + slot - start; if it is under 2^16, it becomes state << 16 | next word. The
//! encoder runs backwards, so the decoder reads words forwards.

use baler_data::bytes::{ByteReader, ByteWriter};
use baler_data::error::{Error, Result};

const LOW: u32 = 1 << 16;
const N_STATES: usize = 2;

/// Where the slots of a symbol start, and how many they are (at most 2^15), in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span(u32);

impl Span {
    /// Of `frequency` slots from `start` on.
    #[inline(always)]
    pub fn new(start: u32, frequency: u32) -> Span {
        Span(start | frequency << 16)
    }

    /// First slot.
    #[inline(always)]
    pub fn start(self) -> u32 {
        self.0 & 0xffff
    }

    /// Number of slots.
    #[inline(always)]
    pub fn frequency(self) -> u32 {
        self.0 >> 16
    }
}

/// Writes states and words of symbols with these spans; `divide` is the whole part of a division of any number by a
/// frequency.
#[inline(always)]
pub fn write<const PRECISION: u32>(spans: &[Span], w: &mut ByteWriter, divide: impl Fn(u32, u32) -> u32) {
    // (the state of the symbol that is next, the other)
    let mut states = [LOW; N_STATES];
    if spans.len() % N_STATES == 1 {
        states.swap(0, 1);
    }
    // Filled from the end; without branches, for none of them could be foreseen.
    let mut words = vec![0u16; spans.len() + 1];
    let mut free = words.len() - 1;
    for &span in spans.iter().rev() {
        let [next, state] = states;
        let frequency = span.frequency();
        words[free] = state as u16;
        let full = state >> (32 - PRECISION) >= frequency;
        free -= full as usize;
        let state = state >> (16 * full as u32);
        let quotient = divide(state, frequency);
        states = [(quotient << PRECISION) + (state - quotient * frequency) + span.start(), next];
    }
    states.iter().for_each(|state| w.raw(&state.to_le_bytes()));
    w.bytes.reserve(2 * words.len());
    words[free + 1..].iter().for_each(|word| w.bytes.extend_from_slice(&word.to_le_bytes()));
}

/// Reads symbols. Words past the end are 1, which [`PairReader::finish`] tells.
pub struct PairReader<'a, const PRECISION: u32> {
    states: [u32; N_STATES],
    words: &'a [u8],
    overrun: bool,
}

impl<'a, const PRECISION: u32> PairReader<'a, PRECISION> {
    /// Starts at the first symbol; all that is left of `r` are states and words.
    pub fn new(r: &mut ByteReader<'a>) -> Result<Self> {
        let mut states = [0u32; N_STATES];
        for state in &mut states {
            *state = u32::from_le_bytes(r.raw(4)?.try_into().expect("four bytes"));
        }
        if states.iter().any(|&state| state < LOW) {
            return Err(Error::corrupt("expected states of at least 2^16 in a symbol stream"));
        }
        Ok(PairReader { states, words: r.rest(), overrun: false })
    }

    /// The next symbol; `of_slot` tells the symbol that a slot belongs to, and its span.
    #[inline(always)]
    pub fn symbol(&mut self, of_slot: impl FnOnce(u32) -> (usize, Span)) -> usize {
        let [state, next] = self.states;
        let slot = state & ((1 << PRECISION) - 1);
        let (symbol, span) = of_slot(slot);
        let mut state =
            span.frequency().wrapping_mul(state >> PRECISION).wrapping_add(slot.wrapping_sub(span.start()));
        if state < LOW {
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
            state = state << 16 | word as u32;
        }
        self.states = [next, state];
        symbol
    }

    /// Checks that all was read and nothing more.
    pub fn finish(self) -> Result<()> {
        let at_start = self.states.iter().all(|&state| state == LOW);
        if self.overrun || !at_start || !self.words.is_empty() {
            return Err(Error::corrupt("a symbol stream does not end where it should"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRECISION: u32 = 15;
    const SPANS: [(u32, u32); 4] = [(0, 1), (1, 1), (2, 19_998), (20_000, 12_768)];

    fn written(symbols: &[usize]) -> Vec<u8> {
        let spans: Vec<Span> = symbols.iter().map(|&s| Span::new(SPANS[s].0, SPANS[s].1)).collect();
        let mut w = ByteWriter::default();
        write::<PRECISION>(&spans, &mut w, |x, f| x / f);
        w.bytes
    }

    /// The symbols, and whether the stream ended where it should.
    fn read(bytes: &[u8], n: usize) -> (Vec<usize>, bool) {
        let mut reader = PairReader::<PRECISION>::new(&mut ByteReader::new(bytes)).unwrap();
        let of_slot = |slot: u32| {
            let symbol = SPANS.iter().rposition(|&(start, _)| start <= slot).unwrap();
            (symbol, Span::new(SPANS[symbol].0, SPANS[symbol].1))
        };
        let symbols = (0..n).map(|_| reader.symbol(of_slot)).collect();
        (symbols, reader.finish().is_ok())
    }

    #[test]
    fn symbols_come_back_and_the_end_is_checked() {
        for n in [0usize, 1, 2, 3, 4, 501] {
            let symbols: Vec<usize> = (0..n).map(|i| i * i % 7 % 4).collect();
            let bytes = written(&symbols);
            assert_eq!(read(&bytes, n), (symbols.clone(), true));
            // A word more, a word less.
            assert!(!read(&[&bytes[..], &[0, 0]].concat(), n).1, "{n}");
            if bytes.len() > 8 {
                assert!(!read(&bytes[..bytes.len() - 2], n).1, "{n}");
            }
        }
    }

    #[test]
    fn a_missing_word_is_told_even_if_it_is_the_one_that_stands_for_it() {
        let symbols = [1; 4];
        let bytes = written(&symbols);
        let (cut, last) = bytes.split_at(bytes.len() - 2);
        assert_eq!((cut.len(), last), (10, &[1, 0][..]));
        assert_eq!(read(cut, 4), (symbols.to_vec(), false));
    }

    #[test]
    fn states_that_end_elsewhere_are_told() {
        // As many symbols as words are enough for; only the states are larger than they should be.
        for n in [0usize, 1, 2, 3] {
            let symbols = vec![2; n];
            let bytes = written(&symbols);
            assert_eq!(bytes.len(), 8, "no word is needed yet");
            for state in 0..N_STATES {
                let mut other = bytes.clone();
                // Above the slot, so that the symbols stay.
                other[4 * state + 2] += 1;
                assert_eq!(read(&other, n), (symbols.clone(), false), "{n} {state}");
            }
        }
        let low = [0xff, 0xff, 0, 0, 0, 0, 1, 0];
        assert!(PairReader::<PRECISION>::new(&mut ByteReader::new(&low)).is_err());
    }
}
