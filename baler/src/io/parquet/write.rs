//! A dataset as a Parquet file: in the source's schema where that still fits, else a column for each variable, with lists
//! as the counts say. Packed with zstd.

use crate::dataset::{Dataset, ListKind, Lists, Values, Variable};
use crate::error::{Error, Result};
use crate::io::parquet::NAME;
use crate::io::parquet::levels::{Emitter, Level};
use crate::io::parquet::nulls::is_null;
use crate::io::parquet::schema::{self, Leaf, told};
use crate::source::Schema;
use parquet::basic::{Compression, ZstdLevel};
use parquet::data_type::{
    BoolType, ByteArray, DataType, DoubleType, FixedLenByteArray, FixedLenByteArrayType, FloatType,
    Int32Type, Int64Type,
};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::types::TypePtr;
use std::sync::Arc;

/// A column to write: a variable, and what counts its items at each level of the schema.
struct Column<'a> {
    variable: &'a Variable,
    levels: Vec<(Level, Option<Vec<usize>>)>,
}

/// The bytes of a file with a column for each variable that counts nothing, or is a column of its source.
pub fn write(dataset: &Dataset) -> Result<Vec<u8>> {
    if let Some(other) = dataset.variables.iter().find(|v| v.shape.len() != 1) {
        return Err(Error::config(format!(
            "expected columns with one axis for Parquet, found shape {:?}; write an .npz or .h5",
            other.shape
        ))
        .in_variable(&other.name));
    }
    let kept =
        dataset.metadata(NAME).map(|bytes| String::from_utf8_lossy(bytes).into_owned()).unwrap_or_default();
    let mut words = kept.split('\0');
    let columns = columns(dataset);
    let own = words.next().and_then(|text| own_schema(text, &columns));
    let words: Vec<&str> = words.collect();
    let notes = words.chunks_exact(2).map(|pair| KeyValue::new(pair[0].to_string(), pair[1].to_string()));
    let (schema, columns, notes) = match own {
        Some((schema, order, whole)) => {
            let mut columns: Vec<Option<Variable3<'_>>> = columns.into_iter().map(Some).collect();
            let ordered = order.into_iter().filter_map(|(idx, leaf)| columns[idx].take().map(|c| (c, leaf)));
            let ordered = ordered.collect::<Vec<_>>();
            (schema, ordered, if whole { notes.collect() } else { Vec::new() })
        }
        None => {
            let (schema, columns) = new_schema(columns)?;
            (schema, columns, Vec::new())
        }
    };
    let columns = columns
        .into_iter()
        .map(|(column, leaf)| align(dataset, column, &leaf))
        .collect::<Result<Vec<_>>>()?;
    write_file(schema, &columns, notes)
}

/// A variable and its chain of lists, outermost first.
type Variable3<'a> = (&'a Variable, Vec<Lists>);

fn columns(dataset: &Dataset) -> Vec<Variable3<'_>> {
    let counting = Schema::of(dataset).counting();
    let is_made = |idx: usize| {
        let mut by =
            dataset.variables.iter().filter_map(|v| v.storage.lists).filter(|lists| lists.counts == idx);
        counting[idx] && by.all(|lists| lists.kind != ListKind::Counter)
    };
    let chain = |variable: &Variable| {
        let mut chain = Vec::new();
        let mut lists = variable.storage.lists;
        while let Some(found) = lists.filter(|_| chain.len() < 16) {
            chain.insert(0, found);
            lists = dataset.variables.get(found.counts).and_then(|counts| counts.storage.lists);
        }
        chain
    };
    let written = dataset.variables.iter().enumerate().filter(|(idx, _)| !is_made(*idx));
    written.map(|(_, variable)| (variable, chain(variable))).collect()
}

/// The source's schema less the columns that are not there, the columns in its order, and whether it is whole; none if
/// it does not fit.
type Own = (TypePtr, Vec<(usize, Leaf)>, bool);

fn own_schema(text: &str, columns: &[Variable3]) -> Option<Own> {
    let schema = schema::from_text(text)?;
    let leaves = schema::leaves(&schema);
    let place = |leaf: &Leaf| columns.iter().position(|(variable, _)| variable.name == leaf.name);
    let fits = |leaf: &Leaf| {
        let (variable, chain) = &columns[place(leaf)?];
        (leaf.dtype == Some(variable.values.dtype()) && pair(&leaf.levels, chain).is_some()).then_some(())
    };
    let kept: Vec<bool> = leaves.iter().map(|leaf| fits(leaf).is_some()).collect();
    let order: Vec<(usize, Leaf)> = leaves
        .iter()
        .zip(&kept)
        .filter(|(_, kept)| **kept)
        .filter_map(|(leaf, _)| Some((place(leaf)?, leaf.clone())))
        .collect();
    let mut found: Vec<usize> = order.iter().map(|(idx, _)| *idx).collect();
    found.sort_unstable();
    if found != (0..columns.len()).collect::<Vec<_>>() {
        return None;
    }
    let pruned = schema::prune(&schema, &|leaf| kept[leaf]).ok()??;
    Some((pruned, order, kept.iter().all(|kept| *kept)))
}

/// A column of its own for each variable.
fn new_schema(columns: Vec<Variable3<'_>>) -> Result<(TypePtr, Vec<(Variable3<'_>, Leaf)>)> {
    let mut fields = Vec::new();
    let mut found = Vec::new();
    for (variable, chain) in columns {
        let level =
            |lists: &Lists| if lists.kind == ListKind::Optional { Level::Optional } else { Level::List };
        let mut levels: Vec<Level> = chain.iter().map(level).collect();
        if levels.is_empty() && (0..variable.values.len()).any(|idx| is_null(&variable.values, idx)) {
            levels.push(Level::Optional);
        }
        let dtype = variable.values.dtype();
        fields.push(schema::field(&variable.name, dtype, &levels)?);
        found.push(((variable, chain), Leaf { name: variable.name.clone(), dtype: Some(dtype), levels }));
    }
    let root = parquet::schema::types::Type::group_type_builder("schema")
        .with_fields(fields)
        .build()
        .map_err(told)?;
    Ok((Arc::new(root), found))
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

fn align<'a>(dataset: &Dataset, (variable, chain): Variable3<'a>, leaf: &Leaf) -> Result<Column<'a>> {
    let wrong = || {
        Error::config("the lists of the variable do not fit the columns of the file")
            .in_variable(&variable.name)
    };
    let paired = pair(&leaf.levels, &chain).ok_or_else(wrong)?;
    let mut levels = Vec::with_capacity(paired.len());
    for (level, lists) in leaf.levels.iter().zip(paired) {
        let counts =
            lists.map(|lists| dataset.variables.get(lists.counts).ok_or_else(wrong)?.values.to_counts());
        levels.push((*level, counts.transpose()?));
    }
    Ok(Column { variable, levels })
}

fn write_file(schema: TypePtr, columns: &[Column], notes: Vec<KeyValue>) -> Result<Vec<u8>> {
    let level = ZstdLevel::try_new(3).map_err(told)?;
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(level))
        .set_created_by(concat!("baler ", env!("CARGO_PKG_VERSION")).to_string())
        .set_key_value_metadata((!notes.is_empty()).then_some(notes))
        .build();
    let n_rows = |column: &Column| {
        let outermost = column.levels.iter().find_map(|(_, counts)| counts.as_ref());
        outermost.map_or(column.variable.values.len(), Vec::len)
    };
    let rows = columns.first().map_or(0, n_rows);
    if let Some(other) = columns.iter().find(|column| n_rows(column) != rows) {
        return Err(Error::config(format!(
            "expected {rows} rows in every column for Parquet, found {}; write an .npz or .h5",
            n_rows(other)
        ))
        .in_variable(&other.variable.name));
    }
    let mut file = SerializedFileWriter::new(Vec::new(), schema, Arc::new(properties)).map_err(told)?;
    let mut group = file.next_row_group().map_err(told)?;
    for column in columns {
        let writer = group.next_column().map_err(told)?;
        let writer = writer.ok_or_else(|| Error::config("the schema has fewer columns than the dataset"))?;
        write_column(column, rows, writer).map_err(|e| e.in_variable(&column.variable.name))?;
    }
    group.close().map_err(told)?;
    file.into_inner().map_err(told)
}

fn write_column(column: &Column, n_rows: usize, mut writer: SerializedColumnWriter) -> Result<()> {
    let values = &column.variable.values;
    let levels: Vec<_> = column.levels.iter().map(|(level, counts)| (*level, counts.as_deref())).collect();
    let is_missing = |idx: usize| is_null(values, idx);
    let mut emitter = Emitter::new(&levels, &is_missing);
    for _ in 0..n_rows {
        emitter.record()?;
    }
    let out = emitter.out;
    if out.is_there.len() != values.len() {
        return Err(Error::input(format!(
            "expected {} values as counted, found {}",
            out.is_there.len(),
            values.len()
        )));
    }
    let is_there = &out.is_there;
    let definition = (!levels.is_empty()).then_some(&out.definition[..]);
    let repetition = levels.iter().any(|(level, _)| *level == Level::List).then_some(&out.repetition[..]);
    macro_rules! put {
        ($kind:ty, $values:expr, $convert:expr) => {{
            let there = $values.iter().zip(is_there).filter(|(_, there)| **there);
            let there: Vec<<$kind as DataType>::T> = there.map(|(x, _)| $convert(*x)).collect();
            writer.typed::<$kind>().write_batch(&there, definition, repetition).map_err(told)?;
        }};
    }
    match values {
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
