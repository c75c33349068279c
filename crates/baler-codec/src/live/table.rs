//! What a live stream needs of a model: variables with their bounds and grids, how columns follow from each other, and
//! how often each symbol stands, given a few buckets of columns before it. In: bytes; out: a table that codes frames.
//!
//! Symbols of a row: the classes of its head (the last stands for all other numbers), then bits of its own, then the
//! variable's patterns. Rows whose gate is 0 have symbols of their own: 0, bits of its own, patterns.

use crate::live::records::record_bytes;
use crate::live::symbols::{Frequencies, MAX_SYMBOLS};
use crate::table::bins::Bins;
use crate::table::model::{ColumnModel, Feature, Head, Source, TableModel, n_cells};
use crate::variable::{VariablePlan, read_variable, write_variable};
use baler_data::bytes::{ByteReader, ByteWriter};
use baler_data::error::{Error, Result};
use baler_data::zstd_frames;
use baler_data::zstd_frames::unzstd;

/// Most cells of a head, and of a table.
pub const MAX_CELLS: usize = 256;
const MAX_CELLS_IN_ALL: usize = 1 << 12;
/// Most bytes of a record.
pub const MAX_RECORD_BYTES: usize = 1 << 16;
/// Most bytes that a packed frequency takes.
const MAX_FREQUENCY_BYTES: usize = 10;

/// The symbols of a head.
#[derive(Debug, Clone, PartialEq)]
pub struct LiveHead {
    /// Lower edges of all buckets but the first, of each feature of the head's one context.
    pub edges: Vec<Vec<f64>>,
    /// One cell for each combination of buckets.
    pub frequencies: Frequencies,
    /// Classes of numbers, quickly.
    pub classes: Classes,
}

/// The classes of the numbers from the lowest bin's first on, so that most need no search.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Classes {
    low: i64,
    classes: Vec<u8>,
}

impl Classes {
    /// Numbers whose classes are kept.
    const N_KEPT: i64 = 1 << 12;

    /// Of a head's bins, around 0 if they reach farther than is kept.
    pub fn new(bins: &Bins) -> Classes {
        let first = bins.bin(0).map_or(0, |bin| bin.low);
        let low = first.max(-Self::N_KEPT / 2);
        Classes {
            low,
            classes: (low..low.saturating_add(Self::N_KEPT)).map(|q| bins.class(q) as u8).collect(),
        }
    }

    /// The class of a number.
    #[inline(always)]
    pub fn class(&self, number: i64, bins: &Bins) -> usize {
        // Not `as usize`, which would cut the number where that has 32 bits.
        let at = usize::try_from(number.wrapping_sub(self.low) as u64);
        match at.ok().and_then(|at| self.classes.get(at)) {
            Some(&class) => class as usize,
            None => bins.class(number),
        }
    }
}

/// The symbols of a column.
#[derive(Debug, Clone, PartialEq)]
pub struct LiveColumn {
    /// One for each head of the column's model.
    pub heads: Vec<LiveHead>,
    /// Of gated rows, where the column has a gate.
    pub gated: Option<Frequencies>,
}

/// A table that codes frames.
#[derive(Debug, Clone, PartialEq)]
pub struct LiveTable {
    /// In the order of a record; their shape is (0).
    pub variables: Vec<VariablePlan>,
    /// Relations and classes; a head has at most one context, of values of columns and formulas.
    pub model: TableModel,
    /// One a variable.
    pub columns: Vec<LiveColumn>,
}

/// Symbols of a head, beside which a gated row has one in place of its classes.
pub fn n_symbols(variable: &VariablePlan, n_classes: usize) -> usize {
    n_classes + 1 + variable.patterns.len()
}

/// The features of a head's context.
pub fn features(head: &Head) -> &[Feature] {
    head.contexts.first().map_or(&[], Vec::as_slice)
}

impl LiveTable {
    /// Bytes of a record.
    pub fn record_bytes(&self) -> usize {
        record_bytes(&self.variables)
    }

    /// list(variable), table model, then the edges, then the packed frequencies.
    pub fn write(&self) -> Vec<u8> {
        let mut w = ByteWriter::default();
        w.count(self.variables.len());
        self.variables.iter().for_each(|variable| write_variable(variable, &mut w));
        self.model.write(&mut w);
        let mut frequencies = ByteWriter::default();
        for column in &self.columns {
            for head in &column.heads {
                head.edges.iter().flatten().for_each(|&edge| w.f64(edge));
                head.frequencies.write(&mut frequencies);
            }
            column.gated.iter().for_each(|gated| gated.write(&mut frequencies));
        }
        w.count(frequencies.bytes.len());
        w.raw(&zstd_frames::compress(&frequencies.bytes, 19, None));
        w.bytes
    }

    /// Inverse of [`LiveTable::write`].
    pub fn read(bytes: &[u8]) -> Result<LiveTable> {
        let mut r = ByteReader::new(bytes);
        let variables: Vec<VariablePlan> =
            (0..r.count_of_items()?).map(|_| read_variable(&mut r)).collect::<Result<_>>()?;
        check_variables(&variables)?;
        let model = TableModel::read(&mut r, variables.len())?;
        let n_frequencies = check_model(&variables, &model)?;
        let edges = model.columns.iter().map(|column| read_edges(&mut r, column));
        let edges: Vec<Vec<Vec<Vec<f64>>>> = edges.collect::<Result<_>>()?;
        let n_bytes = r.count()?;
        if n_bytes > n_frequencies * MAX_FREQUENCY_BYTES {
            return Err(Error::corrupt("expected fewer bytes for the frequencies of a live model"));
        }
        let packed = unzstd(r.rest(), n_bytes, "frequencies")?;
        let mut r = ByteReader::new(&packed);
        let columns = model.columns.iter().zip(&variables).zip(edges);
        let columns: Vec<LiveColumn> = columns
            .map(|((column, variable), edges)| read_column(&mut r, variable, column, edges))
            .collect::<Result<_>>()?;
        r.finish("the frequencies")?;
        Ok(LiveTable { variables, model, columns })
    }
}

fn check_variables(variables: &[VariablePlan]) -> Result<()> {
    let plain = |variable: &VariablePlan| variable.shape == [0] && variable.storage.lists.is_none();
    let width = record_bytes(variables);
    if !variables.iter().all(plain) || !(1..=MAX_RECORD_BYTES).contains(&width) {
        return Err(Error::corrupt(format!(
            "expected columns of records of 1 to {MAX_RECORD_BYTES} bytes, found {width}"
        )));
    }
    Ok(())
}

/// Limits of a live model; how many frequencies it has.
fn check_model(variables: &[VariablePlan], model: &TableModel) -> Result<usize> {
    let (mut n_frequencies, mut n_all) = (0, 0);
    for (column, variable) in model.columns.iter().zip(variables) {
        if column.heads.is_empty() {
            return Err(Error::corrupt("expected classes for each column of a live model"));
        }
        for head in &column.heads {
            let known =
                |feature: &Feature| matches!(feature.source, Source::Column { .. } | Source::Formula(_));
            let n_symbols = n_symbols(variable, head.bins.n_classes());
            let cells = n_cells(features(head));
            let fits = head.contexts.len() <= 1 && features(head).iter().all(known);
            if !fits || cells > MAX_CELLS || n_symbols > MAX_SYMBOLS {
                return Err(Error::corrupt("a head of a live model has too many cells or symbols"));
            }
            n_all += cells;
            n_frequencies += cells * n_symbols;
        }
        n_frequencies += n_symbols(variable, 1);
    }
    if n_all > MAX_CELLS_IN_ALL {
        return Err(Error::corrupt(format!("expected at most {MAX_CELLS_IN_ALL} cells, found {n_all}")));
    }
    Ok(n_frequencies)
}

fn read_edges(r: &mut ByteReader, column: &ColumnModel) -> Result<Vec<Vec<Vec<f64>>>> {
    let of_feature = |r: &mut ByteReader, feature: &Feature| -> Result<Vec<f64>> {
        let edges: Vec<f64> = (1..feature.n_buckets).map(|_| r.f64()).collect::<Result<_>>()?;
        if edges.iter().any(|edge| edge.is_nan()) || edges.windows(2).any(|pair| pair[0] >= pair[1]) {
            return Err(Error::corrupt("expected ascending edges of buckets"));
        }
        Ok(edges)
    };
    let of_head = |head: &Head| features(head).iter().map(|feature| of_feature(r, feature)).collect();
    column.heads.iter().map(of_head).collect()
}

fn read_column(
    r: &mut ByteReader,
    variable: &VariablePlan,
    column: &ColumnModel,
    edges: Vec<Vec<Vec<f64>>>,
) -> Result<LiveColumn> {
    let mut heads = Vec::with_capacity(edges.len());
    for (head, edges) in column.heads.iter().zip(edges) {
        let n_symbols = n_symbols(variable, head.bins.n_classes());
        let frequencies = Frequencies::read(r, n_symbols, n_cells(features(head)))?;
        heads.push(LiveHead { edges, frequencies, classes: Classes::new(&head.bins) });
    }
    let gated = column.gate.map(|_| Frequencies::read(r, n_symbols(variable, 1), 1)).transpose()?;
    Ok(LiveColumn { heads, gated })
}
