//! A table's chunk: columns -> parts, and back. Columns are decoded in the model's order, and only those that are
//! wanted or needed for these.

use crate::coder::CoderByte;
use crate::entropy::binary::{BinaryDecoder, BinaryEncoder, BitCoder};
use crate::entropy::bits::{BitReader, BitWriter};
use crate::options::{Level, Method};
use crate::part;
use crate::part::numbers;
use crate::part::settle::{self, Blocks};
use crate::part::stream::How;
use crate::part::{Original, Part, Prediction, read_part_values, values_hash};
use crate::predict::Known;
use crate::quantize::blocks::compare;
use crate::quantize::special::Specials;
use crate::quantize::widest;
use crate::report::trials::{Candidate, LeftOut, Trials};
use crate::table::buckets::Buckets;
use crate::table::coder::{HeadCoder, History, PlainBits};
use crate::table::column::{Rows, Walk, quantize, reconstruct};
use crate::table::model::{ColumnModel, Feature, TableModel};
use crate::variable::VariablePlan;
use baler_data::bytes::{ByteReader, ByteWriter, with_room};
use baler_data::dataset::Values;
use baler_data::element::as_f64;
use baler_data::error::{Error, Result};
use baler_data::{values_of, with_dtype, with_values};
use rayon::prelude::*;

/// What is decoded of a chunk.
#[derive(Default)]
pub struct Decoded {
    /// The values of each column as float64; empty where not decoded.
    pub columns: Vec<Vec<f64>>,
    /// The values of each formula; empty where not needed.
    pub formulas: Vec<Vec<f64>>,
}

impl Decoded {
    /// Of a model.
    pub fn new(model: &TableModel) -> Decoded {
        Decoded {
            columns: vec![Vec::new(); model.columns.len()],
            formulas: vec![Vec::new(); model.formulas.len()],
        }
    }

    /// Evaluates the formulas that column `idx` needs and that are not there yet.
    pub fn prepare(&mut self, model: &TableModel, idx: usize, n_rows: usize) -> Result<()> {
        for formula in model.columns[idx].formulas() {
            if self.formulas[formula].is_empty() {
                self.formulas[formula] = model.formulas[formula].evaluate(&self.columns, n_rows)?;
            }
        }
        Ok(())
    }
}

/// One column, quantized.
pub struct Quantized {
    /// One a row, counted from the row's base.
    pub numbers: Vec<i64>,
    /// Values that are kept exactly.
    pub specials: Specials,
    /// What moves values, as promises beside the bound ask ([`settle`]).
    pub settled: Vec<u8>,
    /// What is decoded.
    pub values: Values,
}

/// Quantizes column `idx` given those before it, and adds it to them.
pub fn quantize_column(
    original: &Values,
    variable: &VariablePlan,
    model: &TableModel,
    idx: usize,
    decoded: &mut Decoded,
) -> Result<Quantized> {
    let column = &model.columns[idx];
    decoded.prepare(model, idx, original.len())?;
    let rows = Rows::new(column, &decoded.columns, &decoded.formulas, original.len())?;
    with_dtype!(original.dtype(), T => {
        let values = original.as_slice::<T>().expect("values of their dtype");
        let (numbers, specials) = quantize(values, variable, column, &rows);
        let mut decoded_values = reconstruct::<T>(&numbers, &specials, variable, column, &rows);
        let settled = settle::encode(values, &mut decoded_values, &specials, &[original.len()], variable);
        decoded.columns[idx] = as_f64(&decoded_values)?;
        let values = Values::from_vec(original.dtype(), decoded_values).expect("values of their dtype");
        Ok(Quantized { numbers, specials, settled, values })
    })
}

/// The cells of each context of each head, in every row.
type Cells = Vec<Vec<Vec<u32>>>;

/// The cells of a column's contexts; `of` makes those of one.
fn cells(column: &ColumnModel, mut of: impl FnMut(&[Feature]) -> Result<Vec<u32>>) -> Result<Cells> {
    let mut cells = Vec::with_capacity(column.heads.len());
    for head in &column.heads {
        cells.push(head.contexts.iter().map(|context| of(context)).collect::<Result<_>>()?);
    }
    Ok(cells)
}

/// Codes the numbers of a column, or reads them where bits are read: `numbers` are both.
fn code_column<B: BitCoder, P: PlainBits>(
    (bits, plain_bits): (&mut B, &mut P),
    numbers: &mut [i64],
    specials: &Specials,
    (variable, column): (&VariablePlan, &ColumnModel),
    rows: &Rows,
    cells: Cells,
) -> Result<()> {
    let walk = Walk::new(variable, column, rows);
    let heads = column.heads.iter().zip(cells).map(|(head, cells)| HeadCoder::new(head, cells));
    let mut heads = heads.collect::<Result<Vec<_>>>()?;
    let mut history = History::default();
    widest(
        #[inline(always)]
        || {
            for (row, number) in numbers.iter_mut().enumerate() {
                let special = specials.classes.get(row).is_some_and(|&class| class != 0);
                let head = if special { None } else { walk.head_of(row, variable.dtype) };
                match head.and_then(|head| heads.get_mut(head)) {
                    Some(head) => *number = head.code(bits, plain_bits, row, &mut history, *number)?,
                    None => history.push(0),
                }
            }
            Ok(())
        },
    )
}

/// The stream of a column.
fn encode_stream(
    quantized: &mut Quantized,
    variable: &VariablePlan,
    column: &ColumnModel,
    decoded: &Decoded,
    buckets: &Buckets,
) -> Result<Vec<u8>> {
    let (mut bits, mut plain_bits) = (BinaryEncoder::default(), BitWriter::default());
    let Quantized { numbers, specials, .. } = quantized;
    let n_rows = numbers.len();
    let rows = Rows::new(column, &decoded.columns, &decoded.formulas, n_rows)?;
    let cells = cells(column, |context| buckets.cells(context, n_rows))?;
    code_column((&mut bits, &mut plain_bits), numbers, specials, (variable, column), &rows, cells)?;
    let mut w = ByteWriter::default();
    w.u8(CoderByte::Table as u8);
    w.block(&bits.finish());
    w.raw(&plain_bits.finish());
    Ok(w.bytes)
}

/// When a column's part is written without the table, if that is smaller.
#[derive(Debug, Clone, Copy)]
pub struct Alone<'a> {
    /// By this method.
    pub method: Method,
    /// Only if the table takes more than so many bits a value, a number a column; without it is always tried.
    pub beyond: Option<&'a [f64]>,
    /// Whether simpler numbers are looked for.
    pub recasts: bool,
    /// How much time is spent for fewer bytes.
    pub level: Level,
}

impl Alone<'_> {
    fn is_tried(&self, idx: usize, n_bytes: usize, n_rows: usize) -> bool {
        self.beyond.is_none_or(|bits| 8.0 * n_bytes as f64 > bits[idx] * n_rows as f64)
    }
}

/// The parts of a chunk, in the order of the variables.
pub fn encode(
    originals: &[Values],
    variables: &[&VariablePlan],
    model: &TableModel,
    alone: Alone,
) -> Result<Vec<Vec<u8>>> {
    let n_rows = originals.first().map_or(0, Values::len);
    let mut decoded = Decoded::new(model);
    let mut quantized: Vec<Option<Quantized>> = originals.iter().map(|_| None).collect();
    for &idx in &model.order {
        quantized[idx] = Some(quantize_column(&originals[idx], variables[idx], model, idx, &mut decoded)?);
    }
    let wanted = model.columns.iter().flat_map(ColumnModel::features).copied();
    let buckets = Buckets::of_all(wanted, &decoded.columns, &decoded.formulas)?;
    quantized
        .into_par_iter()
        .enumerate()
        .map(|(idx, quantized)| {
            let mut quantized = quantized.expect("the order holds every column");
            let column = &model.columns[idx];
            let stream = encode_stream(&mut quantized, variables[idx], column, &decoded, &buckets)?;
            let part = part_bytes(&quantized, &stream, &originals[idx], variables[idx]);
            let mut part = Part {
                bytes: part,
                stream_bytes: stream.len(),
                candidate: Candidate::Table,
                trials: Trials { left_out: LeftOut::AllButTable, ..Trials::default() },
            };
            if alone.is_tried(idx, part.bytes.len(), n_rows) {
                part.trials.left_out = LeftOut::Nothing;
                let plain = plain_part(&quantized, &originals[idx], variables[idx], n_rows, alone);
                part = match plain {
                    Some(plain) => smaller(part, plain),
                    None => part,
                };
            }
            Ok(part.finish())
        })
        .collect()
}

/// The smaller of a column's parts, with the table and without, and what both took.
fn smaller(part: Part, plain: Part) -> Part {
    // Streams are compared by what they add to a part: special values differ.
    let around = |part: &Part| part.bytes.len() - part.stream_bytes;
    let mut trials = plain.trials;
    if plain.bytes.len() < part.bytes.len() {
        trials.see(Candidate::Table, part.bytes.len() - around(&plain));
        return Part { trials, ..plain };
    }
    let around = (around(&plain), around(&part));
    let moved = |n_bytes: u64| (n_bytes + around.0 as u64).saturating_sub(around.1 as u64);
    trials.bytes = trials.bytes.map(|n_bytes| n_bytes.map(moved));
    Part { trials, ..part }
}

/// Special values, stream, largest error, hash: as every part.
fn part_bytes(quantized: &Quantized, stream: &[u8], original: &Values, variable: &VariablePlan) -> Vec<u8> {
    let mut w = ByteWriter::default();
    w.block(&quantized.specials.write(variable.dtype.size_bytes()));
    w.block(stream);
    w.raw(&quantized.settled);
    with_values!(&quantized.values, decoded => {
        let original = original.as_slice().expect("decoded values have the variable's dtype");
        w.f64(compare(original, decoded, &variable.bound).0);
        w.raw(&values_hash(decoded));
    });
    w.bytes
}

/// The part without the table, if it decodes to the same values, on which other columns rely.
fn plain_part(
    quantized: &Quantized,
    original: &Values,
    variable: &VariablePlan,
    n_rows: usize,
    alone: Alone,
) -> Option<Part> {
    with_dtype!(original.dtype(), T => {
        let (values, expected) = (original.as_slice::<T>()?, quantized.values.as_slice::<T>()?);
        let numbers = numbers::quantize(values, variable);
        let mut decoded: Vec<T> = numbers::reconstruct(&numbers.q, &numbers.specials, variable);
        settle::encode(values, &mut decoded, &numbers.specials, &[n_rows], variable);
        let same = values_hash(&decoded) == values_hash(expected);
        let original = Original { values, shape: &[n_rows], variable };
        let how = How { level: alone.level, ..How::by(alone.method) }.recasting(alone.recasts);
        same.then(|| part::write_part(numbers, Prediction::Nothing, original, how))
    })
}

/// True if the part's stream is a table's.
fn is_table_stream(part: &[u8]) -> Result<bool> {
    let mut r = ByteReader::new(part);
    r.block()?;
    Ok(r.block()?.first() == Some(&(CoderByte::Table as u8)))
}

/// The values of the wanted columns of a chunk; `None` for others.
pub fn decode(
    parts: &[&[u8]],
    variables: &[&VariablePlan],
    model: &TableModel,
    n_rows: usize,
    wanted: &[bool],
) -> Result<Vec<Option<Values>>> {
    let needed = model.with_ancestors(wanted.to_vec());
    let mut decoded = Decoded::new(model);
    let mut buckets = Buckets::default();
    let mut found: Vec<Option<Values>> = vec![None; parts.len()];
    for &idx in model.order.iter().filter(|&&idx| needed[idx]) {
        decoded.prepare(model, idx, n_rows)?;
        let values = decode_column(parts[idx], variables[idx], model, idx, n_rows, &decoded, &mut buckets)
            .map_err(|e| e.in_variable(&variables[idx].name))?;
        decoded.columns[idx] = with_values!(&values, values => as_f64(values)?);
        if wanted[idx] {
            found[idx] = Some(values);
        }
    }
    Ok(found)
}

fn decode_column(
    part: &[u8],
    variable: &VariablePlan,
    model: &TableModel,
    idx: usize,
    n_rows: usize,
    decoded: &Decoded,
    buckets: &mut Buckets,
) -> Result<Values> {
    let mut r = ByteReader::new(part);
    if !is_table_stream(part)? {
        let values = read_part_values(&mut r, Prediction::Nothing, Known::default(), &[n_rows], variable)?;
        r.finish("a variable's part")?;
        return Ok(values);
    }
    let column = &model.columns[idx];
    let n_patterns = variable.patterns.len();
    let specials = Specials::read(r.block()?, n_rows, variable.dtype.size_bytes(), n_patterns)?;
    let mut stream = ByteReader::new(r.block()?);
    stream.u8()?;
    let mut bits = BinaryDecoder::new(stream.block()?);
    let mut plain_bits = BitReader::new(stream.rest());
    let mut numbers = with_room(n_rows)?;
    numbers.resize(n_rows, 0);
    let rows = Rows::new(column, &decoded.columns, &decoded.formulas, n_rows)?;
    let cells = cells(column, |context| {
        buckets.make(context, &decoded.columns, &decoded.formulas)?;
        buckets.cells(context, n_rows)
    })?;
    code_column((&mut bits, &mut plain_bits), &mut numbers, &specials, (variable, column), &rows, cells)?;
    bits.check()?;
    plain_bits.finish()?;
    let settling = Blocks::read(&mut r, variable)?;
    r.f64()?;
    let hash = r.raw(8)?;
    Trials::read(&mut r)?;
    drop(with_room::<u64>(n_rows)?);
    Ok(values_of!(variable.dtype, T => {
        let mut values = reconstruct::<T>(&numbers, &specials, variable, column, &rows);
        settling.apply(&mut values, &specials, &[n_rows], variable)?;
        if hash != values_hash(&values) {
            return Err(Error::corrupt(
                "expected the hash of the decoded values, found another; please report this",
            ));
        }
        values
    }))
}
