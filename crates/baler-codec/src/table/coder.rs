//! Numbers of one column -> adaptive binary decisions, and back.
//!
//! The class of a number is coded down the tree of its head. Each decision asks one counter of each context and one of
//! none; their logits are mixed by weights that learn from every bit. Under a class the upper two bits have counters,
//! the others are stored as they are, in a string of bits of their own.

use crate::entropy::binary::BitCoder;
use crate::entropy::bits::{BitReader, BitWriter};
use crate::predict::tables::{Tables, tables};
use crate::table::bins::Bins;
use crate::table::model::{Feature, Head, MAX_CONTEXTS, Source, n_cells};
use baler_data::bytes::with_room;
use baler_data::error::Result;

/// Inputs of a decision: the contexts, no context, and a constant.
const MAX_INPUTS: usize = MAX_CONTEXTS + 2;
/// Observations after which a counter keeps its pace.
const COUNT_LIMIT: u32 = 1000;
/// Largest weight of an input; 2^16 is 1.
const MAX_WEIGHT: i32 = 1 << 18;
/// Sum of the weights at the start.
const START_WEIGHTS: i32 = 75_000;

/// Bits stored as they are: written, read, or counted.
pub trait PlainBits {
    /// Writes the low `n_bits` (at most 32) of `bits`, or reads them.
    fn plain(&mut self, bits: u64, n_bits: u32) -> Result<u64>;
}

impl PlainBits for BitWriter {
    #[inline(always)]
    fn plain(&mut self, bits: u64, n_bits: u32) -> Result<u64> {
        self.write(bits, n_bits);
        Ok(bits)
    }
}

impl PlainBits for BitReader<'_> {
    #[inline(always)]
    fn plain(&mut self, _: u64, n_bits: u32) -> Result<u64> {
        self.read(n_bits)
    }
}

/// Any number of bits, lowest 32 first.
fn plain<P: PlainBits>(plain: &mut P, bits: u64, n_bits: u32) -> Result<u64> {
    let low = plain.plain(bits & u32::MAX as u64 & mask(n_bits), n_bits.min(32))?;
    if n_bits <= 32 {
        return Ok(low);
    }
    Ok(low | plain.plain(bits >> 32 & mask(n_bits - 32), n_bits - 32)? << 32)
}

fn mask(n_bits: u32) -> u64 {
    if n_bits >= 64 { u64::MAX } else { (1 << n_bits) - 1 }
}

/// Classes of one and two rows before, out of 256.
#[derive(Debug, Clone, Copy, Default)]
pub struct History {
    before: [u8; 2],
}

impl History {
    /// Moves on by a row of a class that stands at `place` of 256.
    #[inline(always)]
    pub fn push(&mut self, place: u8) {
        self.before = [place, self.before[0]];
    }
}

/// A context over the rows of a chunk.
struct Context {
    /// The cell of each row, of the features that are known beforehand.
    cells: Vec<u32>,
    /// The own class: how many buckets (1 for none), and how many rows before, less one.
    own: (u32, usize),
    /// (cells, nodes).
    counters: Vec<u32>,
}

/// A head with its adaptive state.
pub struct HeadCoder<'a> {
    bins: &'a Bins,
    tables: &'static Tables,
    contexts: Vec<Context>,
    alone: Vec<u32>,
    /// (nodes, inputs).
    weights: Vec<[i32; MAX_INPUTS]>,
    /// Counters of the upper two bits under each class.
    upper: Vec<[u32; 4]>,
}

const HALF: u32 = 1 << 31;

impl<'a> HeadCoder<'a> {
    /// `cells` are those of each context of the head, in every row.
    pub fn new(head: &'a Head, cells: Vec<Vec<u32>>) -> Result<HeadCoder<'a>> {
        let n_nodes = head.bins.nodes().len();
        let contexts = (head.contexts.iter().zip(cells))
            .map(|(context, cells)| {
                let own = own_feature(context);
                let n_counters = n_cells(context) * n_nodes;
                let mut counters = with_room(n_counters)?;
                counters.resize(n_counters, HALF);
                Ok(Context { cells, own, counters })
            })
            .collect::<Result<Vec<Context>>>()?;
        let start = START_WEIGHTS / (contexts.len() as i32 + 1);
        let mut weights = [start; MAX_INPUTS];
        weights[contexts.len() + 1] = 0;
        Ok(HeadCoder {
            bins: &head.bins,
            tables: tables(),
            contexts,
            alone: vec![HALF; n_nodes],
            weights: vec![weights; n_nodes],
            upper: vec![[HALF; 4]; head.bins.n_classes()],
        })
    }

    /// Codes a number, or reads it where bits are read.
    #[inline(always)]
    pub fn code<B: BitCoder, P: PlainBits>(
        &mut self,
        bits: &mut B,
        plain_bits: &mut P,
        row: usize,
        history: &mut History,
        number: i64,
    ) -> Result<i64> {
        let class = if B::DECODES { 0 } else { self.bins.class(number) };
        let class = match self.contexts.len() {
            0 => self.code_class::<B, 0>(bits, row, history, class),
            1 => self.code_class::<B, 1>(bits, row, history, class),
            2 => self.code_class::<B, 2>(bits, row, history, class),
            3 => self.code_class::<B, 3>(bits, row, history, class),
            4 => self.code_class::<B, 4>(bits, row, history, class),
            5 => self.code_class::<B, 5>(bits, row, history, class),
            _ => self.code_class::<B, 6>(bits, row, history, class),
        };
        history.push((class * 256 / self.bins.n_classes()) as u8);
        match self.bins.bin(class) {
            Some(bin) if bin.log_width == 0 => Ok(bin.low),
            Some(bin) => {
                let offset = number.wrapping_sub(bin.low) as u64;
                let offset = self.code_offset(bits, plain_bits, class, bin.log_width, offset)?;
                Ok(bin.low.wrapping_add(offset as i64))
            }
            None => code_any(plain_bits, number),
        }
    }

    /// One mixed binary decision a node, from the root to a class.
    #[inline(always)]
    fn code_class<B: BitCoder, const N: usize>(
        &mut self,
        bits: &mut B,
        row: usize,
        history: &History,
        class: usize,
    ) -> usize {
        let nodes = self.bins.nodes();
        let t = self.tables;
        if nodes.is_empty() {
            return 0;
        }
        let mut contexts = self.contexts.iter_mut();
        let mut rows: [&mut [u32]; N] = std::array::from_fn(|_| {
            let context = contexts.next().expect("there are N contexts");
            let (n_own, lag) = context.own;
            let own = (history.before[lag] as u32 * n_own) >> 8;
            let start = (context.cells[row] * n_own + own) as usize * nodes.len();
            &mut context.counters[start..start + nodes.len()]
        });
        let mut at = 0i16;
        while at >= 0 {
            let node = at as usize;
            let weights = &mut self.weights[node];
            let mut inputs = [256i32; MAX_INPUTS];
            for (input, counters) in inputs.iter_mut().zip(&rows) {
                *input = t.stretch(counters[node] >> 10);
            }
            inputs[N] = t.stretch(self.alone[node] >> 10);
            let mut sum = 0i32;
            for k in 0..N + 2 {
                sum += inputs[k] * (weights[k] >> 2);
            }
            let p = t.squash((sum >> 14).clamp(-2800, 2800));
            let bit = bits.code((class >= nodes[node].split as usize) as u32, p);
            let miss = (bit << 16) as i32 - p as i32;
            for k in 0..N + 2 {
                let moved = weights[k] + ((inputs[k] * miss + (1 << 14)) >> 15);
                weights[k] = moved.clamp(-MAX_WEIGHT, MAX_WEIGHT);
            }
            for counters in &mut rows {
                t.update(&mut counters[node], bit, COUNT_LIMIT);
            }
            t.update(&mut self.alone[node], bit, COUNT_LIMIT);
            at = nodes[node].next[bit as usize & 1];
        }
        !at as usize
    }

    /// A number under its class.
    #[inline(always)]
    fn code_offset<B: BitCoder, P: PlainBits>(
        &mut self,
        bits: &mut B,
        plain_bits: &mut P,
        class: usize,
        log_width: u32,
        offset: u64,
    ) -> Result<u64> {
        let n_upper = log_width.min(2);
        let mut node = 1usize;
        for place in (log_width - n_upper..log_width).rev() {
            let counter = &mut self.upper[class][node & 3];
            let p = (*counter >> 16).clamp(64, 65_536 - 64);
            let bit = bits.code((offset >> place & 1) as u32, p);
            self.tables.update(counter, bit, COUNT_LIMIT);
            node = node * 2 + bit as usize;
        }
        let upper = node as u64 & mask(n_upper);
        let n_lower = log_width - n_upper;
        if n_lower == 0 {
            return Ok(upper);
        }
        Ok(upper << n_lower | plain(plain_bits, offset & mask(n_lower), n_lower)?)
    }
}

/// (buckets, rows before less one) of the own class in a context; (1, 0) for none.
fn own_feature(context: &[Feature]) -> (u32, usize) {
    let own = context.iter().find_map(|feature| match feature.source {
        Source::Own { lag } => Some((feature.n_buckets as u32, lag - 1)),
        _ => None,
    });
    own.unwrap_or((1, 0))
}

/// A number outside all classes: 7 bits with the length of its zigzag, then that many.
fn code_any<P: PlainBits>(plain_bits: &mut P, number: i64) -> Result<i64> {
    let folded = baler_data::bytes::zigzag(number);
    let length = plain_bits.plain((64 - folded.leading_zeros()) as u64, 7)?.min(64) as u32;
    Ok(baler_data::bytes::unzigzag(plain(plain_bits, folded, length)?))
}
