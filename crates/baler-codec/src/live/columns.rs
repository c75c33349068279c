//! Columns of a frame <-> its bytes. Columns are coded in the model's order; each value is tested against its bound with
//! the value that the decoder will make, and what no number serves is kept bit for bit.

use crate::live::symbols::{Frequencies, SymbolReader, SymbolWriter};
use crate::live::table::{LiveColumn, LiveHead, LiveTable, features};
use crate::part::numbers;
use crate::part::numbers::Numbers;
use crate::quantize::special::{OWN_BITS, Specials};
use crate::quantize::widest;
use crate::table::bins::Bins;
use crate::table::codec::{Decoded, Quantized, quantize_column};
use crate::table::column::{Rows, Walk, reconstruct};
use crate::table::model::{Base, ColumnModel, Head, Source, TableModel};
use crate::variable::VariablePlan;
use baler_data::bytes::{ByteReader, ByteWriter, unzigzag, with_room, zigzag};
use baler_data::dataset::Values;
use baler_data::element::as_f64;
use baler_data::error::{Error, Result};
use baler_data::{values_of, with_dtype, with_values};

/// The bytes of a frame's columns.
pub fn encode(table: &LiveTable, originals: &[Values], n_rows: usize) -> Result<Vec<u8>> {
    let mut decoded = Decoded::new(&table.model);
    let mut writer = SymbolWriter::new(n_rows * originals.len());
    for &idx in &table.model.order {
        let variable = &table.variables[idx];
        let mut quantized = if is_plain(&table.model.columns[idx]) {
            quantize_plain(&originals[idx], variable, &table.model, idx, &mut decoded)?
        } else {
            quantize_column(&originals[idx], variable, &table.model, idx, &mut decoded)?
        };
        code_column(table, idx, &decoded, n_rows, &mut Writing(&mut writer), &mut quantized)?;
    }
    let mut w = ByteWriter::default();
    writer.finish(&mut w);
    Ok(w.bytes)
}

/// Inverse of [`encode`].
pub fn decode(table: &LiveTable, bytes: &[u8], n_rows: usize) -> Result<Vec<Values>> {
    let mut reader = SymbolReader::new(&mut ByteReader::new(bytes))?;
    let mut decoded = Decoded::new(&table.model);
    let mut found: Vec<Option<Values>> = vec![None; table.variables.len()];
    for &idx in &table.model.order {
        let (variable, column) = (&table.variables[idx], &table.model.columns[idx]);
        decoded.prepare(&table.model, idx, n_rows)?;
        let mut numbers = with_room(n_rows)?;
        numbers.resize(n_rows, 0);
        let values = Values::Bool(Vec::new());
        let mut quantized = Quantized { numbers, specials: Specials::default(), settled: Vec::new(), values };
        let rows = code_column(table, idx, &decoded, n_rows, &mut Reading(&mut reader), &mut quantized)?;
        let values = decoded_values(&quantized, variable, column, &rows);
        decoded.columns[idx] = with_values!(&values, values => as_f64(values)?);
        found[idx] = Some(values);
    }
    reader.finish()?;
    Ok(found.into_iter().flatten().collect())
}

/// True for columns whose numbers are those of the grid, or their differences: these are made a block at a time, as those
/// of arrays are, which gives the same numbers and values.
fn is_plain(column: &ColumnModel) -> bool {
    column.gate.is_none() && matches!(column.base, Base::Zero | Base::Before)
}

/// [`quantize_column`] of a plain column.
fn quantize_plain(
    original: &Values,
    variable: &VariablePlan,
    model: &TableModel,
    idx: usize,
    decoded: &mut Decoded,
) -> Result<Quantized> {
    decoded.prepare(model, idx, original.len())?;
    with_dtype!(original.dtype(), T => {
        let values = original.as_slice::<T>().expect("values of their dtype");
        let Numbers { q: mut numbers, specials } = numbers::quantize(values, variable);
        let values = numbers::reconstruct::<T>(&numbers, &specials, variable);
        if model.columns[idx].base == Base::Before {
            // Where a value is special, the number is that of the value before.
            let mut before = 0i64;
            numbers.iter_mut().for_each(|q| {
                let difference = q.wrapping_sub(before);
                before = std::mem::replace(q, difference);
            });
        }
        decoded.columns[idx] = as_f64(&values)?;
        let values = Values::from_vec(original.dtype(), values).expect("values of their dtype");
        Ok(Quantized { numbers, specials, settled: Vec::new(), values })
    })
}

fn decoded_values(
    quantized: &Quantized,
    variable: &VariablePlan,
    column: &ColumnModel,
    rows: &Rows,
) -> Values {
    let Quantized { numbers, specials, .. } = quantized;
    let on_grid = is_plain(column) && column.base == Base::Zero;
    values_of!(variable.dtype, T => match on_grid {
        true => numbers::reconstruct::<T>(numbers, specials, variable),
        false => reconstruct::<T>(numbers, specials, variable, column, rows),
    })
}

/// One side of the coding of a row: writes what it is given, or reads and returns it.
trait Side {
    const DECODES: bool;
    fn symbol(&mut self, frequencies: &Frequencies, cell: usize, symbol: usize) -> usize;
    fn plain(&mut self, bits: u64, n_bits: u32) -> Result<u64>;
}

struct Writing<'a>(&'a mut SymbolWriter);
struct Reading<'a, 'b>(&'a mut SymbolReader<'b>);

impl Side for Writing<'_> {
    const DECODES: bool = false;

    #[inline(always)]
    fn symbol(&mut self, frequencies: &Frequencies, cell: usize, symbol: usize) -> usize {
        self.0.symbol(frequencies, cell, symbol);
        symbol
    }

    #[inline(always)]
    fn plain(&mut self, bits: u64, n_bits: u32) -> Result<u64> {
        self.0.plain(bits, n_bits);
        Ok(bits)
    }
}

impl Side for Reading<'_, '_> {
    const DECODES: bool = true;

    #[inline(always)]
    fn symbol(&mut self, frequencies: &Frequencies, cell: usize, _: usize) -> usize {
        self.0.symbol(frequencies, cell)
    }

    #[inline(always)]
    fn plain(&mut self, _: u64, n_bits: u32) -> Result<u64> {
        self.0.plain(n_bits)
    }
}

/// Codes the rows of column `idx`, whose formulas are there; returns what is known of its rows.
fn code_column<S: Side>(
    table: &LiveTable,
    idx: usize,
    decoded: &Decoded,
    n_rows: usize,
    side: &mut S,
    quantized: &mut Quantized,
) -> Result<Rows> {
    let (variable, column, live) = (&table.variables[idx], &table.model.columns[idx], &table.columns[idx]);
    let rows = Rows::new(column, &decoded.columns, &decoded.formulas, n_rows)?;
    let cells = cells(&table.model, idx, live, decoded, n_rows)?;
    let walk = Walk::new(variable, column, &rows);
    let heads: Vec<(&LiveHead, &Bins, &[u16])> = (live.heads.iter().zip(&column.heads).zip(&cells))
        .map(|((live, head), cells)| (live, &head.bins, cells.as_slice()))
        .collect();
    let always_first = column.gate.is_none() && heads.len() == 1;
    let own_bits = 8 * variable.dtype.size_bytes() as u32;
    let Quantized { numbers, specials, .. } = quantized;
    let mut own_at = 0;
    widest(
        #[inline(always)]
        || {
            for (row, number) in numbers.iter_mut().enumerate() {
                let class = if S::DECODES { 0 } else { specials.classes.get(row).copied().unwrap_or(0) };
                let head = if always_first { Some(0) } else { walk.head_of(row, variable.dtype) };
                let head = head.and_then(|head| heads.get(head));
                let (found, n_classes) = match (head, &live.gated) {
                    (Some((head, bins, cells)), _) => {
                        let cell = cells.get(row).map_or(0, |&cell| cell as usize);
                        let symbol = match class {
                            _ if S::DECODES => 0,
                            0 => head.classes.class(*number, bins),
                            class => special_symbol(class, bins.n_classes()),
                        };
                        (side.symbol(&head.frequencies, cell, symbol), bins.n_classes())
                    }
                    (None, Some(gated)) => (side.symbol(gated, 0, special_symbol(class, 1)), 1),
                    (None, None) => continue,
                };
                if found < n_classes {
                    if let Some((_, bins, _)) = head {
                        *number = code_under(side, bins, found, *number)?;
                    }
                } else if found == n_classes {
                    let own = specials.own_bits.get(own_at).copied().unwrap_or(0);
                    own_at += 1;
                    let bits = side.plain(own, own_bits)?;
                    if S::DECODES {
                        specials.set(row, n_rows, OWN_BITS, bits);
                    }
                } else if S::DECODES {
                    specials.set(row, n_rows, (found - n_classes) as u8, 0);
                }
            }
            Ok::<(), Error>(())
        },
    )?;
    Ok(rows)
}

/// The symbol of a special row, behind `n_classes` others; 0 for one that is not special.
#[inline(always)]
fn special_symbol(class: u8, n_classes: usize) -> usize {
    match class {
        0 => 0,
        OWN_BITS => n_classes,
        pattern => n_classes + pattern as usize,
    }
}

/// A number under its class.
#[inline(always)]
fn code_under<S: Side>(side: &mut S, bins: &Bins, class: usize, number: i64) -> Result<i64> {
    match bins.bin(class) {
        Some(bin) if bin.log_width == 0 => Ok(bin.low),
        Some(bin) => {
            let offset = side.plain(number.wrapping_sub(bin.low) as u64, bin.log_width)?;
            Ok(if S::DECODES { bin.low.wrapping_add(offset as i64) } else { number })
        }
        None => {
            let folded = zigzag(number);
            let length = side.plain(64 - folded.leading_zeros() as u64, 7)?.min(64) as u32;
            Ok(unzigzag(side.plain(folded, length)?))
        }
    }
}

/// The cell of each row, for each head; empty where a head has one cell.
fn cells(
    model: &TableModel,
    idx: usize,
    live: &LiveColumn,
    decoded: &Decoded,
    n_rows: usize,
) -> Result<Vec<Vec<u16>>> {
    let of_head = |(head, live): (&Head, &LiveHead)| -> Result<Vec<u16>> {
        let mut cells: Vec<u16> = Vec::new();
        for (feature, edges) in features(head).iter().zip(&live.edges) {
            if cells.is_empty() {
                cells = with_room(n_rows)?;
                cells.resize(n_rows, 0);
            }
            let (values, lag) = match feature.source {
                Source::Column { column, lag } => (&decoded.columns[column], lag),
                Source::Formula(idx) => (&decoded.formulas[idx], 0),
                _ => return Err(Error::corrupt("a live model asks for what live streams do not have")),
            };
            add_buckets(&mut cells, values, edges, lag);
        }
        Ok(cells)
    };
    model.columns[idx].heads.iter().zip(&live.heads).map(of_head).collect()
}

/// Each cell times the number of buckets, plus the bucket: how many edges are at most as large as the value `lag` rows
/// before; 0 for NaN and in rows before the first.
pub fn add_buckets(cells: &mut [u16], values: &[f64], edges: &[f64], lag: usize) {
    const AT_ONCE: usize = 32;
    let n_buckets = edges.len() as u16 + 1;
    let lag = lag.min(cells.len());
    let (before, cells) = cells.split_at_mut(lag);
    before.iter_mut().for_each(|cell| *cell = cell.wrapping_mul(n_buckets));
    widest(
        #[inline(always)]
        || {
            for (values, cells) in values.chunks(AT_ONCE).zip(cells.chunks_mut(AT_ONCE)) {
                let mut counts = [0u64; AT_ONCE];
                let mut block = [f64::NAN; AT_ONCE];
                block[..values.len()].copy_from_slice(values);
                for edge in edges {
                    counts.iter_mut().zip(&block).for_each(|(count, x)| *count += (edge <= x) as u64);
                }
                let next = |cell: u16, count: u64| cell.wrapping_mul(n_buckets).wrapping_add(count as u16);
                cells.iter_mut().zip(counts).for_each(|(cell, count)| *cell = next(*cell, count));
            }
        },
    );
}
