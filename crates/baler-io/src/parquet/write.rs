//! A dataset as a Parquet file: in the source's schema as far as its columns are there, packed as they were and in the
//! same row groups; what the source does not have is a column of its own, with lists as the counts say.

use super::DAMAGED;
use super::NAME;
use super::footer::{Element, Footer};
use super::guard::guarded;
use super::kept::{self, Kept, Packing};
use super::levels::{Emitter, Level, Levels};
use super::nulls::is_null;
use super::schema::{ColumnType, Leaf, told};
use super::thrift::Value;
use super::{schema, shared};
use crate::chains;
use crate::chains::Chained;
use baler_data::dataset::kind::{Kind, TimeUnit};
use baler_data::dataset::{Dataset, ListKind, Lists, Values, Variable};
use baler_data::error::{Error, Result};
use parquet::column::writer::ColumnWriter;
use parquet::data_type::{
    BoolType, ByteArray, DataType, DoubleType, FixedLenByteArray, FixedLenByteArrayType, FloatType,
    Int32Type, Int64Type, Int96,
};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::types::{SchemaDescriptor, TypePtr};
use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

/// Rows of a row group where the source does not say.
const GROUP_ROWS: usize = 1 << 20;

/// A level, and its counts; none where everything is there.
type Counts = (Level, Option<Vec<usize>>);

/// A column to write: values, and what counts them at each level of the schema.
struct NewColumn<'a> {
    name: &'a str,
    values: Cow<'a, Values>,
    /// Items of each value, where they are bytes of one number.
    width: Option<usize>,
    levels: Vec<Counts>,
    packing: Packing,
}

impl NewColumn<'_> {
    /// Values, each of which may be several items.
    fn n_values(&self) -> usize {
        match self.levels.last() {
            Some((Level::Bytes, Some(lengths))) => lengths.len(),
            _ => self.values.len() / self.width.unwrap_or(1).max(1),
        }
    }

    fn n_rows(&self) -> usize {
        let outermost = self.levels.iter().find_map(|(_, counts)| counts.as_ref());
        outermost.map_or_else(|| self.n_values(), Vec::len)
    }

    /// The levels that definition levels tell, and the lengths of values that have one each.
    fn parts(&self) -> (&[Counts], Option<&[usize]>) {
        match self.levels.split_last() {
            Some(((Level::Bytes, lengths), defined)) => (defined, lengths.as_deref()),
            _ => (&self.levels, None),
        }
    }
}

/// What a file is made of.
struct Plan<'a> {
    elements: Vec<Element>,
    /// In the order of the leaves.
    columns: Vec<NewColumn<'a>>,
    /// The source's own notes, where all of its columns are there and no others: they speak of all.
    notes: Vec<Value>,
}

/// The bytes of a file with a column for each variable that counts nothing, or is a column of its source.
pub fn write(dataset: &Dataset) -> Result<Vec<u8>> {
    let kept = dataset.metadata(NAME).map(kept::read).transpose()?;
    let Plan { elements, columns, notes } = plan(dataset, kept.as_ref())?;
    let n_rows = columns.first().map_or(0, NewColumn::n_rows);
    if let Some(other) = columns.iter().find(|column| column.n_rows() != n_rows) {
        return Err(Error::config(format!(
            "expected {n_rows} rows in every column for Parquet, found {}; write an .npz or .h5",
            other.n_rows()
        ))
        .in_variable(other.name));
    }
    let groups: Vec<usize> = match &kept {
        Some(kept) if kept.groups.iter().try_fold(0usize, |n, &m| n.checked_add(m)) == Some(n_rows) => {
            // Groups without rows say nothing, but where all of them have none.
            let n_empty = if n_rows == 0 { kept.groups.len().min(1) } else { 0 };
            kept.groups.iter().copied().filter(|&n| n > 0).chain(std::iter::repeat_n(0, n_empty)).collect()
        }
        _ => (0..n_rows.max(1)).step_by(GROUP_ROWS).map(|at| GROUP_ROWS.min(n_rows - at)).collect(),
    };
    let (tree, is_annotated) = tree(&elements)?;
    let file = guarded(DAMAGED, || write_file(tree, is_annotated, &columns, &groups))?;
    Footer::splice(file, &elements, &notes, kept.as_ref().map(|kept| &kept.footer))
}

fn plan<'a>(dataset: &'a Dataset, kept: Option<&Kept>) -> Result<Plan<'a>> {
    let mut left: Vec<Option<Chained>> = chains::columns(dataset).into_iter().map(Some).collect();
    let (mut elements, mut columns, mut notes) = (schema::root(), Vec::new(), Vec::new());
    if let Some(kept) = kept {
        let all = kept.footer.elements();
        let mut is_kept = Vec::new();
        for (leaf, (name, packing)) in schema::leaves(&all)?.into_iter().zip(&kept.leaves) {
            let fits = |column: &Option<Chained>| {
                column.as_ref().is_some_and(|(variable, chain)| {
                    Some(&variable.name) == name.as_ref() && fits(variable, chain, &leaf)
                })
            };
            let found = left.iter().position(fits).and_then(|place| left[place].take());
            is_kept.push(found.is_some());
            if let Some((variable, chain)) = found {
                let levels = align(dataset, variable, &chain, &leaf.levels)?;
                let width = leaf.stored.and_then(|stored| stored.width);
                let values = Cow::Borrowed(&variable.values);
                columns.push(NewColumn { name: &variable.name, values, width, levels, packing: *packing });
            }
        }
        elements = schema::prune(&all, &is_kept)?;
        if is_kept.iter().all(|is_kept| *is_kept) && left.iter().all(Option::is_none) {
            notes = kept.footer.notes().to_vec();
        }
    }
    if kept.is_none() {
        notes = shared::notes(&dataset.shared_metadata());
    }
    for (variable, chain) in left.into_iter().flatten() {
        let (stored, column) = new_column(dataset, variable, &chain)?;
        let levels: Vec<Level> = column.levels.iter().map(|(level, _)| *level).collect();
        schema::add_field(&mut elements, schema::field_of(&variable.name, stored, &levels));
        columns.push(column);
    }
    Ok(Plan { elements, columns, notes })
}

/// A column that the source's schema does not have.
fn new_column<'a>(
    dataset: &'a Dataset,
    variable: &'a Variable,
    chain: &[Lists],
) -> Result<(ColumnType, NewColumn<'a>)> {
    let level = |lists: &Lists| if lists.kind == ListKind::Optional { Level::Optional } else { Level::List };
    let mut levels: Vec<Level> = chain.iter().map(level).collect();
    let is_opaque = variable.storage.kind.is_opaque();
    if is_opaque && variable.shape.len() == 1 && levels.last() == Some(&Level::List) {
        levels.pop();
        levels.push(Level::Bytes);
    }
    let mut levels = align(dataset, variable, chain, &levels)?;
    let column = new_values(variable, &mut levels)?;
    if levels.is_empty() && (0..column.1.len()).any(|idx| is_null(&column.1, idx)) {
        levels.push((Level::Optional, None));
    }
    let (stored, values) = column;
    let column =
        NewColumn { name: &variable.name, values, width: stored.width, levels, packing: Packing::NEW };
    Ok((stored, column))
}

/// How the values of a variable are stored in a column of its own, and these.
fn new_values<'a>(variable: &'a Variable, levels: &mut Vec<Counts>) -> Result<(ColumnType, Cow<'a, Values>)> {
    let kind = variable.storage.kind;
    let stored =
        |values: Cow<'a, Values>, width, kind| (ColumnType { dtype: values.dtype(), width, kind }, values);
    match (&variable.values, kind, &variable.shape[..]) {
        (Values::U8(_), Kind::Bytes, &[_, width]) if width > 0 => {
            Ok(stored(Cow::Borrowed(&variable.values), Some(width), kind))
        }
        (Values::U8(_) | Values::U32(_), Kind::Text, &[n_rows, width]) => {
            let (bytes, lengths) = texts(&variable.values, &vec![width; n_rows], true);
            levels.push((Level::Bytes, Some(lengths)));
            Ok(stored(Cow::Owned(bytes), None, kind))
        }
        (Values::U32(_), Kind::Text, [_]) => {
            let counts = levels.pop().and_then(|(_, counts)| counts).unwrap_or_default();
            let (bytes, lengths) = texts(&variable.values, &counts, false);
            levels.push((Level::Bytes, Some(lengths)));
            Ok(stored(Cow::Owned(bytes), None, kind))
        }
        (values, Kind::Time(unit), [_]) => {
            let (values, unit) = times(values, unit);
            Ok(stored(values, None, Kind::Time(unit)))
        }
        (values, _, [_]) => {
            let has_lengths = matches!(levels.last(), Some((Level::Bytes, _)));
            let kind = if kind.is_opaque() && !has_lengths { Kind::Number } else { kind };
            Ok(stored(Cow::Borrowed(values), None, kind))
        }
        _ => Err(Error::config(format!(
            "expected columns with one axis for Parquet, found shape {:?}; write an .npz or .h5",
            variable.shape
        ))
        .in_variable(&variable.name)),
    }
}

/// Texts of so many elements each as bytes of UTF-8, and their lengths in bytes; those that were filled up lose the zeros
/// at their ends.
fn texts(values: &Values, counts: &[usize], is_filled: bool) -> (Values, Vec<usize>) {
    let (mut bytes, mut lengths, mut at) = (Vec::new(), Vec::with_capacity(counts.len()), 0);
    for &count in counts {
        let before = bytes.len();
        match values {
            Values::U8(all) => bytes.extend_from_slice(&all[at..at + count]),
            Values::U32(all) => {
                let text: String = all[at..at + count]
                    .iter()
                    .map(|&code| char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER))
                    .collect();
                bytes.extend_from_slice(text.as_bytes());
            }
            _ => {}
        }
        while is_filled && bytes.len() > before && bytes.last() == Some(&0) {
            bytes.pop();
        }
        lengths.push(bytes.len() - before);
        at += count;
    }
    (Values::U8(bytes), lengths)
}

/// Times in a unit that Parquet has, where they fit.
fn times(values: &Values, unit: TimeUnit) -> (Cow<'_, Values>, TimeUnit) {
    let Values::I64(all) = values else { return (Cow::Borrowed(values), unit) };
    // What is no time stays the least number.
    let scaled = |by: i64| {
        all.iter()
            .map(|&x| if x == i64::MIN { Some(x) } else { x.checked_mul(by) })
            .collect::<Option<Vec<i64>>>()
    };
    let converted = match unit {
        TimeUnit::Day => {
            let days: Option<Vec<i32>> = all.iter().map(|&day| i32::try_from(day).ok()).collect();
            days.map(|days| (Values::I32(days), unit))
        }
        TimeUnit::Second => scaled(1000).map(|all| (Values::I64(all), TimeUnit::Millisecond)),
        _ => None,
    };
    converted.map_or((Cow::Borrowed(values), unit), |(values, unit)| (Cow::Owned(values), unit))
}

/// Whether a variable still is what a leaf of the source was.
fn fits(variable: &Variable, chain: &[Lists], leaf: &Leaf) -> bool {
    leaf.stored.is_some_and(|stored| {
        let inner: Vec<usize> = stored.width.into_iter().collect();
        variable.values.dtype() == stored.dtype
            && variable.shape.get(1..) == Some(&inner[..])
            && pair(&leaf.levels, chain).is_some()
    })
}

/// Which of a chain's lists stands at each level; none where everything is there. None if they do not fit.
fn pair(levels: &[Level], chain: &[Lists]) -> Option<Vec<Option<Lists>>> {
    let mut left = chain;
    let mut paired = Vec::with_capacity(levels.len());
    let mut k = 0;
    while k < levels.len() {
        let n = levels[k..].iter().take_while(|level| **level == Level::Optional).count();
        if n == 0 {
            let (first, rest) = left.split_first().filter(|(first, _)| first.kind != ListKind::Optional)?;
            paired.push(Some(*first));
            left = rest;
            k += 1;
            continue;
        }
        let n_counted = left.iter().take_while(|lists| lists.kind == ListKind::Optional).count();
        if n_counted != 0 && n_counted != n {
            return None;
        }
        let (these, rest) = left.split_at(n_counted);
        paired.extend((0..n).map(|i| these.get(i).copied()));
        left = rest;
        k += n;
    }
    left.is_empty().then_some(paired)
}

/// The counts of each level; they must add up, before anyone writes as many values as they claim.
fn align(dataset: &Dataset, variable: &Variable, chain: &[Lists], of_leaf: &[Level]) -> Result<Vec<Counts>> {
    let wrong = || {
        Error::config("the lists of the variable do not fit the columns of the file")
            .in_variable(&variable.name)
    };
    let paired = pair(of_leaf, chain).ok_or_else(wrong)?;
    let mut levels = Vec::with_capacity(paired.len());
    let mut above: Option<usize> = None;
    let sum = |counts: &[usize]| counts.iter().try_fold(0usize, |n, &count| n.checked_add(count));
    for (level, lists) in of_leaf.iter().zip(paired) {
        let counts =
            lists.map(|lists| dataset.variables.get(lists.counts).ok_or_else(wrong)?.values.to_counts());
        let counts = counts.transpose()?;
        if let Some(counts) = &counts {
            if above.is_some_and(|n| n != counts.len()) {
                return Err(wrong());
            }
            above = Some(sum(counts).ok_or_else(wrong)?);
        }
        levels.push((*level, counts));
    }
    if above.is_some_and(|n| Some(&n) != variable.shape.first()) {
        return Err(wrong());
    }
    Ok(levels)
}

/// The schema as the crate has it: with the annotations of leaves, which say how values are ordered, or, where it
/// refuses one, without any; then nothing may be told about the order of values.
fn tree(elements: &[Element]) -> Result<(TypePtr, bool)> {
    let annotated = guarded(DAMAGED, || schema::to_tree(&schema::bare(elements, true)));
    match annotated {
        Ok(tree) => Ok((tree, true)),
        Err(_) => Ok((guarded(DAMAGED, || schema::to_tree(&schema::bare(elements, false)))?, false)),
    }
}

fn properties(tree: &TypePtr, is_annotated: bool, columns: &[NewColumn]) -> WriterProperties {
    let mut builder = WriterProperties::builder()
        .set_compression(Packing::NEW.compression())
        .set_created_by(concat!("baler ", env!("CARGO_PKG_VERSION")).to_string());
    if !is_annotated {
        builder = builder.set_statistics_enabled(EnabledStatistics::None);
    }
    let leaves = SchemaDescriptor::new(tree.clone());
    for (leaf, column) in leaves.columns().iter().zip(columns) {
        let path = leaf.path();
        builder = builder
            .set_column_compression(path.clone(), column.packing.compression())
            .set_column_dictionary_enabled(path.clone(), column.packing.has_dictionary());
        if let Some(encoding) = column.packing.encoding_of(leaf.physical_type()) {
            builder = builder.set_column_encoding(path.clone(), encoding);
        }
    }
    builder.build()
}

fn write_file(tree: TypePtr, is_annotated: bool, columns: &[NewColumn], groups: &[usize]) -> Result<Vec<u8>> {
    let properties = properties(&tree, is_annotated, columns);
    let mut file = SerializedFileWriter::new(Vec::new(), tree, Arc::new(properties)).map_err(told)?;
    let mut writings: Vec<Writing> = columns.iter().map(Writing::new).collect();
    for &n_rows in groups {
        let mut group = file.next_row_group().map_err(told)?;
        for writing in &mut writings {
            let writer = group.next_column().map_err(told)?;
            let writer =
                writer.ok_or_else(|| Error::config("the schema has fewer columns than the dataset"))?;
            writing.rows(n_rows, writer).map_err(|e| e.in_variable(writing.column.name))?;
        }
        group.close().map_err(told)?;
    }
    file.into_inner().map_err(told)
}

/// A column that is being written.
struct Writing<'a> {
    column: &'a NewColumn<'a>,
    emitter: Emitter<'a>,
    lengths: Option<&'a [usize]>,
    /// Values, and items of them, that are written.
    n_values: usize,
    n_items: usize,
}

impl<'a> Writing<'a> {
    fn new(column: &'a NewColumn<'a>) -> Writing<'a> {
        let (defined, lengths) = column.parts();
        let levels = defined.iter().map(|(level, counts)| (*level, counts.as_deref())).collect();
        let emitter = Emitter::new(levels, &column.values);
        Writing { column, emitter, lengths, n_values: 0, n_items: 0 }
    }

    /// Writes the next rows.
    fn rows(&mut self, n_rows: usize, mut writer: SerializedColumnWriter) -> Result<()> {
        for _ in 0..n_rows {
            self.emitter.record()?;
        }
        let Levels { definition, repetition, is_there } = std::mem::take(&mut self.emitter.out);
        let start = self.n_values;
        self.n_values += is_there.len();
        if self.n_values > self.column.n_values() {
            return Err(Error::input(format!(
                "expected {} values as counted, found {}",
                self.n_values,
                self.column.n_values()
            )));
        }
        let (defined, _) = self.column.parts();
        let definition = (!defined.is_empty()).then_some(&definition[..]);
        let repetition = defined.iter().any(|(level, _)| *level == Level::List).then_some(&repetition[..]);
        let range = start..self.n_values;
        macro_rules! put {
            ($kind:ty, $values:expr, $convert:expr) => {{
                let there = $values[range].iter().zip(&is_there).filter(|(_, there)| **there);
                let there: Vec<<$kind as DataType>::T> = there.map(|(x, _)| $convert(*x)).collect();
                writer.typed::<$kind>().write_batch(&there, definition, repetition).map_err(told)?;
            }};
        }
        if let Some(values) = self.byte_values(range.clone()) {
            let array = |value: &[u8]| ByteArray::from(value.to_vec());
            let written = match writer.untyped() {
                ColumnWriter::ByteArrayColumnWriter(to) => {
                    let values: Vec<ByteArray> = values.into_iter().map(array).collect();
                    to.write_batch(&values, definition, repetition)
                }
                ColumnWriter::FixedLenByteArrayColumnWriter(to) => {
                    let values: Vec<FixedLenByteArray> =
                        values.into_iter().map(|v| array(v).into()).collect();
                    to.write_batch(&values, definition, repetition)
                }
                ColumnWriter::Int96ColumnWriter(to) => {
                    let values: Vec<Int96> = values.into_iter().map(int96).collect();
                    to.write_batch(&values, definition, repetition)
                }
                _ => return Err(Error::config("expected numbers for the column, found bytes")),
            };
            return written.and_then(|_| writer.close()).map_err(told);
        }
        match &*self.column.values {
            Values::Bool(v) => put!(BoolType, v, |x: u8| x != 0),
            Values::I8(v) => put!(Int32Type, v, i32::from),
            Values::I16(v) => put!(Int32Type, v, i32::from),
            Values::I32(v) => put!(Int32Type, v, |x: i32| x),
            Values::U8(v) => put!(Int32Type, v, i32::from),
            Values::U16(v) => put!(Int32Type, v, i32::from),
            Values::U32(v) => put!(Int32Type, v, |x: u32| x as i32),
            Values::I64(v) => put!(Int64Type, v, |x: i64| x),
            Values::U64(v) => put!(Int64Type, v, |x: u64| x as i64),
            Values::F16(v) => put!(FixedLenByteArrayType, v, |x: half::f16| FixedLenByteArray::from(
                ByteArray::from(x.to_le_bytes().to_vec())
            )),
            Values::F32(v) => put!(FloatType, v, |x: f32| x),
            Values::F64(v) => put!(DoubleType, v, |x: f64| x),
        }
        writer.close().map_err(told)
    }

    /// Some values that are bytes, of their own lengths or of one.
    fn byte_values(&mut self, range: Range<usize>) -> Option<Vec<&'a [u8]>> {
        let Values::U8(bytes) = &*self.column.values else { return None };
        if let Some(lengths) = self.lengths {
            let mut values = Vec::with_capacity(range.len());
            for &length in &lengths[range] {
                values.push(&bytes[self.n_items..self.n_items + length]);
                self.n_items += length;
            }
            return Some(values);
        }
        let width = self.column.width?;
        Some(range.map(|i| &bytes[i * width..(i + 1) * width]).collect())
    }
}

/// The 12 bytes of a time; fewer are filled with zeros.
fn int96(bytes: &[u8]) -> Int96 {
    let mut words = [0u32; 3];
    words
        .iter_mut()
        .zip(bytes.as_chunks::<4>().0)
        .for_each(|(word, bytes)| *word = u32::from_le_bytes(*bytes));
    Int96::from(words.to_vec())
}
