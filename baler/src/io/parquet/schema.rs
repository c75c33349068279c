//! The schema of a Parquet file as columns of numbers: name, dtype and levels of each leaf; and a schema for a dataset,
//! the source's own where it still fits.

use crate::dataset::DType;
use crate::error::{Error, Result};
use crate::io::parquet::levels::Level;
use parquet::basic::{ConvertedType, LogicalType, Repetition, Type as Physical};
use parquet::schema::parser::parse_message_type;
use parquet::schema::printer::print_schema;
use parquet::schema::types::{Type, TypePtr};
use std::sync::Arc;

/// A leaf of the schema.
#[derive(Debug, Clone)]
pub struct Leaf {
    /// Names of the groups and of the leaf with points between, less those that only make a list.
    pub name: String,
    /// Of its values; none for what is no number.
    pub dtype: Option<DType>,
    /// From the outermost to the value.
    pub levels: Vec<Level>,
}

/// The leaves of a schema in their order.
pub fn leaves(schema: &Type) -> Vec<Leaf> {
    let mut found = Vec::new();
    schema.get_fields().iter().for_each(|field| collect(field, &[], &[], &mut found));
    found
}

fn collect(field: &Type, names: &[&str], levels: &[Level], found: &mut Vec<Leaf>) {
    let info = field.get_basic_info();
    let mut levels = levels.to_vec();
    if info.has_repetition() {
        match info.repetition() {
            Repetition::REQUIRED => {}
            Repetition::OPTIONAL => levels.push(Level::Optional),
            Repetition::REPEATED => levels.push(Level::List),
        }
    }
    let names = [names, &[field.name()]].concat();
    if field.is_primitive() {
        return found.push(Leaf { name: names.join("."), dtype: dtype(field), levels });
    }
    // A list is a group with one repeated group with one field; what these two are called says nothing.
    if is_list(field)
        && let [repeated] = field.get_fields()
        && repeated.is_group()
        && let [item] = repeated.get_fields()
    {
        levels.push(Level::List);
        let (above, own) = names.split_at(names.len() - 1);
        return collect_item(item, above, own[0], &levels, found);
    }
    field.get_fields().iter().for_each(|child| collect(child, &names, &levels, found));
}

/// The item of a list stands under the list's name.
fn collect_item(item: &Type, above: &[&str], name: &str, levels: &[Level], found: &mut Vec<Leaf>) {
    let before = found.len();
    collect(item, &[above, &[name]].concat(), levels, found);
    let wrapped = [above, &[name, item.name()]].concat().join(".");
    let short = [above, &[name]].concat().join(".");
    for leaf in &mut found[before..] {
        if let Some(rest) = leaf.name.strip_prefix(&wrapped) {
            leaf.name = format!("{short}{rest}");
        }
    }
}

fn is_list(field: &Type) -> bool {
    let info = field.get_basic_info();
    info.converted_type() == ConvertedType::LIST || matches!(info.logical_type_ref(), Some(LogicalType::List))
}

/// The dtype of a leaf's values; dates, times and decimals are the whole numbers that stand for them.
fn dtype(leaf: &Type) -> Option<DType> {
    let info = leaf.get_basic_info();
    let (bits, is_signed) = match (info.logical_type_ref(), info.converted_type()) {
        (Some(LogicalType::Integer(int)), _) => (int.bit_width, int.is_signed),
        (_, ConvertedType::INT_8) => (8, true),
        (_, ConvertedType::INT_16) => (16, true),
        (_, ConvertedType::UINT_8) => (8, false),
        (_, ConvertedType::UINT_16) => (16, false),
        (_, ConvertedType::UINT_32) => (32, false),
        (_, ConvertedType::UINT_64) => (64, false),
        _ => (0, true),
    };
    match (leaf.get_physical_type(), bits, is_signed) {
        (Physical::BOOLEAN, ..) => Some(DType::Bool),
        (Physical::INT32, 8, true) => Some(DType::I8),
        (Physical::INT32, 16, true) => Some(DType::I16),
        (Physical::INT32, 8, false) => Some(DType::U8),
        (Physical::INT32, 16, false) => Some(DType::U16),
        (Physical::INT32, _, false) => Some(DType::U32),
        (Physical::INT32, ..) => Some(DType::I32),
        (Physical::INT64, _, false) => Some(DType::U64),
        (Physical::INT64, ..) => Some(DType::I64),
        (Physical::FLOAT, ..) => Some(DType::F32),
        (Physical::DOUBLE, ..) => Some(DType::F64),
        (Physical::FIXED_LEN_BYTE_ARRAY, ..)
            if matches!(info.logical_type_ref(), Some(LogicalType::Float16)) =>
        {
            Some(DType::F16)
        }
        _ => None,
    }
}

/// The schema less the leaves that `keep` refuses (by their number), and groups without any; none if nothing is left.
pub fn prune(schema: &Type, keep: &dyn Fn(usize) -> bool) -> Result<Option<TypePtr>> {
    let mut n_leaves = 0;
    prune_from(schema, keep, &mut n_leaves)
}

fn prune_from(field: &Type, keep: &dyn Fn(usize) -> bool, n_leaves: &mut usize) -> Result<Option<TypePtr>> {
    if field.is_primitive() {
        *n_leaves += 1;
        return Ok(keep(*n_leaves - 1).then(|| Arc::new(field.clone())));
    }
    let mut kept = Vec::new();
    for child in field.get_fields() {
        kept.extend(prune_from(child, keep, n_leaves)?);
    }
    if kept.is_empty() {
        return Ok(None);
    }
    let info = field.get_basic_info();
    let mut group = Type::group_type_builder(field.name())
        .with_fields(kept)
        .with_converted_type(info.converted_type())
        .with_logical_type(info.logical_type_ref().cloned())
        .with_id(info.has_id().then(|| info.id()));
    if info.has_repetition() {
        group = group.with_repetition(info.repetition());
    }
    Ok(Some(Arc::new(group.build().map_err(told)?)))
}

/// An error of the crate in our words.
pub fn told(error: parquet::errors::ParquetError) -> Error {
    Error::input(format!("the Parquet file cannot be read or written ({error})"))
}

/// A schema as text.
pub fn to_text(schema: &Type) -> String {
    let mut text = Vec::new();
    print_schema(&mut text, schema);
    String::from_utf8_lossy(&text).into_owned()
}

/// The inverse of [`to_text`]; none where the text cannot be understood.
pub fn from_text(text: &str) -> Option<TypePtr> {
    parse_message_type(text).ok().map(Arc::new)
}

/// A field with the levels of a dataset's variable.
pub fn field(name: &str, dtype: DType, levels: &[Level]) -> Result<TypePtr> {
    match levels {
        [] => leaf(name, dtype, Repetition::REQUIRED),
        [Level::Optional] => leaf(name, dtype, Repetition::OPTIONAL),
        [Level::Optional, Level::List, rest @ ..] => list(name, dtype, Repetition::OPTIONAL, rest),
        [Level::List, rest @ ..] => list(name, dtype, Repetition::REQUIRED, rest),
        [Level::Optional, rest @ ..] => field(name, dtype, rest),
    }
}

fn list(name: &str, dtype: DType, repetition: Repetition, inside: &[Level]) -> Result<TypePtr> {
    let item = field("element", dtype, inside)?;
    let repeated =
        Type::group_type_builder("list").with_repetition(Repetition::REPEATED).with_fields(vec![item]);
    let group = Type::group_type_builder(name)
        .with_repetition(repetition)
        .with_converted_type(ConvertedType::LIST)
        .with_logical_type(Some(LogicalType::List))
        .with_fields(vec![Arc::new(repeated.build().map_err(told)?)]);
    Ok(Arc::new(group.build().map_err(told)?))
}

fn leaf(name: &str, dtype: DType, repetition: Repetition) -> Result<TypePtr> {
    let physical = match dtype {
        DType::Bool => Physical::BOOLEAN,
        DType::I64 | DType::U64 => Physical::INT64,
        DType::F16 => Physical::FIXED_LEN_BYTE_ARRAY,
        DType::F32 => Physical::FLOAT,
        DType::F64 => Physical::DOUBLE,
        _ => Physical::INT32,
    };
    let integer = |bit_width, is_signed| Some(LogicalType::integer(bit_width, is_signed));
    let logical = match dtype {
        DType::I8 => integer(8, true),
        DType::I16 => integer(16, true),
        DType::U8 => integer(8, false),
        DType::U16 => integer(16, false),
        DType::U32 => integer(32, false),
        DType::U64 => integer(64, false),
        DType::F16 => Some(LogicalType::Float16),
        _ => None,
    };
    let mut leaf =
        Type::primitive_type_builder(name, physical).with_repetition(repetition).with_logical_type(logical);
    if dtype == DType::F16 {
        leaf = leaf.with_length(2);
    }
    Ok(Arc::new(leaf.build().map_err(told)?))
}
