//! The schema of a Parquet file as columns: name, kind of values and levels of each leaf; less the leaves that are not
//! there; and a schema for a dataset. Works on the elements of the footer, so that no name and no annotation is lost.
//! Refuses trees that their counts of children do not bear out.

use super::footer::{Element, Footer, set};
use super::levels::Level;
use super::thrift::{Value, field};
use baler_data::dataset::DType;
use baler_data::dataset::kind::{Kind, TimeUnit};
use baler_data::error::{Error, Result};
use parquet::file::metadata::ParquetMetaDataReader;
use parquet::schema::types::TypePtr;

/// Groups in each other.
const MAX_DEPTH: usize = 64;

/// How values are stored. The codes are those of Parquet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Physical {
    Boolean = 0,
    Int32 = 1,
    Int64 = 2,
    Int96 = 3,
    Float = 4,
    Double = 5,
    ByteArray = 6,
    FixedLenByteArray = 7,
}

/// Numbers of an element's fields.
mod number {
    pub const TYPE: i16 = 1;
    pub const LENGTH: i16 = 2;
    pub const REPETITION: i16 = 3;
    pub const NAME: i16 = 4;
    pub const CHILDREN: i16 = 5;
    pub const CONVERTED: i16 = 6;
    pub const SCALE: i16 = 7;
    pub const PRECISION: i16 = 8;
    pub const LOGICAL: i16 = 10;
}

/// Numbers of logical types.
mod logical {
    pub const STRING: i16 = 1;
    pub const MAP: i16 = 2;
    pub const LIST: i16 = 3;
    pub const ENUM: i16 = 4;
    pub const DECIMAL: i16 = 5;
    pub const DATE: i16 = 6;
    pub const TIME: i16 = 7;
    pub const TIMESTAMP: i16 = 8;
    pub const INTEGER: i16 = 10;
    pub const UNKNOWN: i16 = 11;
    pub const JSON: i16 = 12;
    pub const FLOAT16: i16 = 15;
    pub const VARIANT: i16 = 16;
}

/// Codes of converted types, which logical types have replaced.
mod converted {
    pub const UTF8: i64 = 0;
    pub const MAP: i64 = 1;
    pub const MAP_KEY_VALUE: i64 = 2;
    pub const LIST: i64 = 3;
    pub const ENUM: i64 = 4;
    pub const DECIMAL: i64 = 5;
    pub const DATE: i64 = 6;
    pub const TIME_MILLIS: i64 = 7;
    pub const TIME_MICROS: i64 = 8;
    pub const TIMESTAMP_MILLIS: i64 = 9;
    pub const TIMESTAMP_MICROS: i64 = 10;
    pub const JSON: i64 = 19;
    pub const INTEGERS: std::ops::RangeInclusive<i64> = 11..=18;
}

impl Element {
    fn int(&self, number: i16) -> Option<i64> {
        field(&self.0, number)?.int()
    }

    fn name(&self) -> String {
        match field(&self.0, number::NAME) {
            Some(Value::Binary(bytes)) => String::from_utf8_lossy(bytes).into_owned(),
            _ => String::new(),
        }
    }

    /// How many elements stand right below it; a leaf has none.
    fn n_children(&self) -> usize {
        self.int(number::CHILDREN).and_then(|n| usize::try_from(n).ok()).unwrap_or(0)
    }

    fn is_leaf(&self) -> bool {
        self.n_children() == 0 && self.int(number::TYPE).is_some()
    }

    fn physical(&self) -> Option<Physical> {
        use Physical::*;
        let all = [Boolean, Int32, Int64, Int96, Float, Double, ByteArray, FixedLenByteArray];
        all.into_iter().find(|physical| Some(*physical as i64) == self.int(number::TYPE))
    }

    fn level(&self) -> Option<Level> {
        match self.int(number::REPETITION) {
            Some(1) => Some(Level::Optional),
            Some(2) => Some(Level::List),
            _ => None,
        }
    }

    /// The number of its logical type, and what is said of it.
    fn logical(&self) -> Option<(i16, &[(i16, Value)])> {
        let (number, value) = field(&self.0, number::LOGICAL)?.fields().first()?;
        Some((*number, value.fields()))
    }

    fn is(&self, logical: i16, converted: &[i64]) -> bool {
        self.logical().is_some_and(|(number, _)| number == logical)
            || self.int(number::CONVERTED).is_some_and(|code| converted.contains(&code))
    }

    /// True for groups that are none any more without one of their leaves.
    fn is_whole(&self) -> bool {
        self.is(logical::MAP, &[converted::MAP, converted::MAP_KEY_VALUE]) || self.is(logical::VARIANT, &[])
    }
}

/// What the values of a leaf are here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ColumnType {
    /// Of the items.
    pub dtype: DType,
    /// Bytes of each value, where they are bytes of one number.
    pub width: Option<usize>,
    /// What they stand for.
    pub kind: Kind,
}

/// A leaf of the schema.
#[derive(Debug, Clone)]
pub struct Leaf {
    /// Names of the groups and of the leaf with points between, less those that only make a list.
    pub name: String,
    /// Of its values; none for what is not kept.
    pub stored: Option<ColumnType>,
    /// From the outermost to the value.
    pub levels: Vec<Level>,
    /// The outermost group above that is nothing without all of its leaves.
    pub whole: Option<usize>,
}

impl Leaf {
    /// Items of each value.
    pub fn width(&self) -> usize {
        self.stored.and_then(|stored| stored.width).unwrap_or(1)
    }

    /// The levels that definition levels tell.
    pub fn defined(&self) -> &[Level] {
        self.levels.strip_suffix(&[Level::Bytes]).unwrap_or(&self.levels)
    }
}

/// The leaves of a schema in their order.
pub fn leaves(elements: &[Element]) -> Result<Vec<Leaf>> {
    let mut walk = Walk { elements, at: 1, found: Vec::new() };
    let n_fields = elements.first().ok_or_else(wrong)?.n_children();
    (0..n_fields).try_for_each(|_| walk.element(&[], &[], None, 0))?;
    if walk.at != elements.len() { Err(wrong()) } else { Ok(walk.found) }
}

fn wrong() -> Error {
    Error::input("the schema of the Parquet file counts other elements than it has; the file is damaged")
}

/// Goes through the elements, depth first.
struct Walk<'a> {
    elements: &'a [Element],
    at: usize,
    found: Vec<Leaf>,
}

impl<'a> Walk<'a> {
    fn next(&mut self) -> Result<&'a Element> {
        self.at += 1;
        self.elements.get(self.at - 1).ok_or_else(wrong)
    }

    fn element(
        &mut self,
        names: &[String],
        levels: &[Level],
        whole: Option<usize>,
        depth: usize,
    ) -> Result<()> {
        let names = [names, &[self.elements.get(self.at).ok_or_else(wrong)?.name()]].concat();
        self.named(&names, levels, whole, depth)
    }

    /// The next element under a name that is not its own.
    fn named(
        &mut self,
        names: &[String],
        levels: &[Level],
        whole: Option<usize>,
        depth: usize,
    ) -> Result<()> {
        if depth > MAX_DEPTH {
            return Err(Error::limit(format!(
                "expected at most {MAX_DEPTH} groups in each other in Parquet"
            )));
        }
        let place = self.at;
        let element = self.next()?;
        let mut levels = levels.to_vec();
        levels.extend(element.level());
        if element.is_leaf() {
            let stored = stored(element);
            levels.extend(
                (stored.is_some() && element.physical() == Some(Physical::ByteArray)).then_some(Level::Bytes),
            );
            let name = names.join(".");
            let name = if name.is_empty() { format!("column{}", self.found.len() + 1) } else { name };
            self.found.push(Leaf { name, stored, levels, whole });
            return Ok(());
        }
        let whole = whole.or(element.is_whole().then_some(place));
        // A list is a group with one repeated group with one field; what these two are called says nothing.
        if element.is(logical::LIST, &[converted::LIST])
            && element.n_children() == 1
            && let Some(repeated) = self.elements.get(self.at)
            && repeated.level() == Some(Level::List)
            && repeated.n_children() == 1
        {
            self.at += 1;
            levels.push(Level::List);
            return self.named(names, &levels, whole, depth + 2);
        }
        (0..element.n_children()).try_for_each(|_| self.element(names, &levels, whole, depth + 1))
    }
}

/// How the values of a leaf are kept; dates, times and small decimals are the whole numbers that stand for them.
fn stored(leaf: &Element) -> Option<ColumnType> {
    let (bits, is_signed) = match leaf.logical() {
        Some((logical::INTEGER, said)) => {
            let bits = field(said, 1).and_then(Value::int).unwrap_or(0);
            (bits, field(said, 2) != Some(&Value::Bool(false)))
        }
        _ => match leaf.int(number::CONVERTED) {
            Some(code) if converted::INTEGERS.contains(&code) => (8 << ((code - 11) & 3), code >= 15),
            _ => (0, true),
        },
    };
    let dtype = match (leaf.physical()?, bits, is_signed) {
        (Physical::Boolean, ..) => DType::Bool,
        (Physical::Int32, 8, true) => DType::I8,
        (Physical::Int32, 16, true) => DType::I16,
        (Physical::Int32, 8, false) => DType::U8,
        (Physical::Int32, 16, false) => DType::U16,
        (Physical::Int32, _, false) => DType::U32,
        (Physical::Int32, ..) => DType::I32,
        (Physical::Int64, _, false) => DType::U64,
        (Physical::Int64, ..) => DType::I64,
        (Physical::Float, ..) => DType::F32,
        (Physical::Double, ..) => DType::F64,
        (Physical::FixedLenByteArray, ..) if leaf.is(logical::FLOAT16, &[]) => DType::F16,
        (Physical::Int96 | Physical::ByteArray | Physical::FixedLenByteArray, ..) => {
            return bytes(leaf);
        }
    };
    let kind = if dtype.is_float() { Kind::Number } else { kind(leaf) };
    Some(ColumnType { dtype, width: None, kind })
}

/// Values that are bytes: text where it is said, others of their own lengths or of one.
fn bytes(leaf: &Element) -> Option<ColumnType> {
    let is_text = leaf.is(logical::STRING, &[converted::UTF8])
        || leaf.is(logical::ENUM, &[converted::ENUM])
        || leaf.is(logical::JSON, &[converted::JSON]);
    let width = match leaf.physical()? {
        Physical::ByteArray => None,
        Physical::Int96 => Some(12),
        _ => Some(usize::try_from(leaf.int(number::LENGTH)?).ok().filter(|&width| width > 0)?),
    };
    let kind = if is_text && width.is_none() { Kind::Text } else { Kind::Bytes };
    Some(ColumnType { dtype: DType::U8, width, kind })
}

/// What whole numbers stand for.
fn kind(leaf: &Element) -> Kind {
    let unit = |said: &[(i16, Value)]| {
        let unit = field(said, 2).and_then(|unit| unit.fields().first()).map(|(number, _)| *number);
        match unit {
            Some(1) => TimeUnit::Millisecond,
            Some(2) => TimeUnit::Microsecond,
            _ => TimeUnit::Nanosecond,
        }
    };
    match (leaf.logical(), leaf.int(number::CONVERTED)) {
        (Some((logical::DATE, _)), _) | (None, Some(converted::DATE)) => Kind::Time(TimeUnit::Day),
        (Some((logical::TIMESTAMP, said)), _) => Kind::Time(unit(said)),
        (Some((logical::TIME, said)), _) => Kind::Duration(unit(said)),
        (None, Some(converted::TIMESTAMP_MILLIS)) => Kind::Time(TimeUnit::Millisecond),
        (None, Some(converted::TIMESTAMP_MICROS)) => Kind::Time(TimeUnit::Microsecond),
        (None, Some(converted::TIME_MILLIS)) => Kind::Duration(TimeUnit::Millisecond),
        (None, Some(converted::TIME_MICROS)) => Kind::Duration(TimeUnit::Microsecond),
        (Some((logical::DECIMAL | logical::UNKNOWN, _)), _) | (None, Some(converted::DECIMAL)) => Kind::Exact,
        _ => Kind::Number,
    }
}

/// The schema less the leaves that are not kept, and less groups without any. Groups that are nothing without all of
/// their leaves become plain ones where one is missing.
pub fn prune(elements: &[Element], kept: &[bool]) -> Result<Vec<Element>> {
    if kept.iter().all(|kept| *kept) {
        return Ok(elements.to_vec());
    }
    let mut prune = Prune { elements, kept, at: 0, n_leaves: 0 };
    let (found, _) = prune.element(0)?;
    Ok(found)
}

struct Prune<'a> {
    elements: &'a [Element],
    kept: &'a [bool],
    at: usize,
    n_leaves: usize,
}

impl Prune<'_> {
    /// What is left of the next element, and whether that is all of it.
    fn element(&mut self, depth: usize) -> Result<(Vec<Element>, bool)> {
        let mut element =
            self.elements.get(self.at).filter(|_| depth <= MAX_DEPTH + 1).ok_or_else(wrong)?.clone();
        let is_root = self.at == 0;
        self.at += 1;
        if element.is_leaf() && !is_root {
            self.n_leaves += 1;
            let kept = self.kept.get(self.n_leaves - 1) == Some(&true);
            return Ok((if kept { vec![element] } else { Vec::new() }, kept));
        }
        let (mut below, mut n_kept, mut all) = (Vec::new(), 0, true);
        for _ in 0..element.n_children() {
            let (child, whole) = self.element(depth + 1)?;
            n_kept += i64::from(!child.is_empty());
            all &= whole;
            below.extend(child);
        }
        if n_kept == 0 && !is_root {
            return Ok((Vec::new(), false));
        }
        if !all && element.is_whole() {
            element.0.retain(|(number, _)| ![number::CONVERTED, number::LOGICAL].contains(number));
        }
        set(&mut element.0, number::CHILDREN, Value::i32(n_kept));
        below.insert(0, element);
        Ok((below, all))
    }
}

/// An error of the crate in our words.
pub fn told(error: parquet::errors::ParquetError) -> Error {
    Error::input(format!("the Parquet file cannot be read or written ({error})"))
}

/// The elements as far as the crate needs them, of whose annotations it refuses some that files have: those of groups
/// never, those of leaves only where `annotated`.
pub fn bare(elements: &[Element], annotated: bool) -> Vec<Element> {
    let of_leaf = [number::CONVERTED, number::SCALE, number::PRECISION, number::LOGICAL];
    let bare = |(at, element): (usize, &Element)| {
        let is_leaf = element.is_leaf() && at > 0;
        let mut fields = element.0.clone();
        fields.retain(|(number, _)| match *number {
            number::TYPE | number::LENGTH => is_leaf,
            number::REPETITION => at > 0,
            number::CHILDREN => !is_leaf,
            number => number == number::NAME || (is_leaf && annotated && of_leaf.contains(&number)),
        });
        set(&mut fields, number::NAME, Value::Binary(element.name().into_bytes()));
        if at > 0 && element.int(number::REPETITION).is_none_or(|code| !(0..=2).contains(&code)) {
            set(&mut fields, number::REPETITION, Value::i32(0));
        }
        Element(fields)
    };
    elements.iter().enumerate().map(bare).collect()
}

/// The elements as the crate's own tree.
pub fn to_tree(elements: &[Element]) -> Result<TypePtr> {
    let bytes = Footer::of_schema(elements);
    let metadata = ParquetMetaDataReader::decode_metadata(&bytes[..bytes.len() - 8]).map_err(told)?;
    Ok(metadata.file_metadata().schema_descr().root_schema_ptr())
}

/// A schema without fields.
pub fn root() -> Vec<Element> {
    vec![group("schema", None, 0)]
}

/// Adds a field below the root, behind the others.
pub fn add_field(elements: &mut Vec<Element>, field: Vec<Element>) {
    if let Some(root) = elements.first_mut() {
        let n_children = root.n_children() as i64 + 1;
        set(&mut root.0, number::CHILDREN, Value::i32(n_children));
    }
    elements.extend(field);
}

fn group(name: &str, repetition: Option<i64>, n_children: usize) -> Element {
    let mut fields = vec![(number::NAME, Value::Binary(name.as_bytes().to_vec()))];
    if let Some(repetition) = repetition {
        fields.insert(0, (number::REPETITION, Value::i32(repetition)));
    }
    fields.push((number::CHILDREN, Value::i32(n_children as i64)));
    Element(fields)
}

/// A field with the levels of a dataset's variable.
pub fn field_of(name: &str, stored: ColumnType, levels: &[Level]) -> Vec<Element> {
    match levels {
        [Level::Optional, Level::List, rest @ ..] => list(name, 1, stored, rest),
        [Level::List, rest @ ..] => list(name, 0, stored, rest),
        [Level::Optional] => vec![leaf(name, 1, stored, &[])],
        [Level::Optional, Level::Bytes] => vec![leaf(name, 1, stored, &[Level::Bytes])],
        [Level::Optional, rest @ ..] => field_of(name, stored, rest),
        rest => vec![leaf(name, 0, stored, rest)],
    }
}

fn list(name: &str, repetition: i64, stored: ColumnType, inside: &[Level]) -> Vec<Element> {
    let mut outer = group(name, Some(repetition), 1);
    set(&mut outer.0, number::CONVERTED, Value::i32(converted::LIST));
    set(&mut outer.0, number::LOGICAL, Value::Struct(vec![(logical::LIST, Value::Struct(Vec::new()))]));
    [vec![outer, group("list", Some(2), 1)], field_of("element", stored, inside)].concat()
}

fn leaf(name: &str, repetition: i64, stored: ColumnType, inside: &[Level]) -> Element {
    let integer = |bits: u8, is_signed| {
        let said = vec![(1, Value::Byte(bits)), (2, Value::Bool(is_signed))];
        let code = 11 + i64::from(bits.ilog2() as u8 - 3) + if is_signed { 4 } else { 0 };
        (Some(code), Some((logical::INTEGER, said)))
    };
    let physical = match stored.dtype {
        _ if inside == [Level::Bytes] => Physical::ByteArray,
        _ if stored.width.is_some() => Physical::FixedLenByteArray,
        DType::Bool => Physical::Boolean,
        DType::I64 | DType::U64 => Physical::Int64,
        DType::F16 => Physical::FixedLenByteArray,
        DType::F32 => Physical::Float,
        DType::F64 => Physical::Double,
        _ => Physical::Int32,
    };
    // A moment without a time zone.
    let timestamp = |unit: i16| {
        let unit = Value::Struct(vec![(unit, Value::Struct(Vec::new()))]);
        (None, Some((logical::TIMESTAMP, vec![(1, Value::Bool(false)), (2, unit)])))
    };
    let (old, new) = match (stored.dtype, stored.kind) {
        (_, Kind::Text) => (Some(converted::UTF8), Some((logical::STRING, Vec::new()))),
        (_, Kind::Bytes) => (None, None),
        (DType::I32, Kind::Time(TimeUnit::Day)) => (Some(converted::DATE), Some((logical::DATE, Vec::new()))),
        (DType::I64, Kind::Time(TimeUnit::Millisecond)) => timestamp(1),
        (DType::I64, Kind::Time(TimeUnit::Microsecond)) => timestamp(2),
        (DType::I64, Kind::Time(TimeUnit::Nanosecond)) => timestamp(3),
        (DType::I8, _) => integer(8, true),
        (DType::I16, _) => integer(16, true),
        (DType::U8, _) => integer(8, false),
        (DType::U16, _) => integer(16, false),
        (DType::U32, _) => integer(32, false),
        (DType::U64, _) => integer(64, false),
        (DType::F16, _) => (None, Some((logical::FLOAT16, Vec::new()))),
        _ => (None, None),
    };
    let mut fields = vec![(number::TYPE, Value::i32(physical as i64))];
    if let Some(width) = stored.width.or((stored.dtype == DType::F16).then_some(2)) {
        fields.push((number::LENGTH, Value::i32(width as i64)));
    }
    fields.push((number::REPETITION, Value::i32(repetition)));
    fields.push((number::NAME, Value::Binary(name.as_bytes().to_vec())));
    fields.extend(old.map(|code| (number::CONVERTED, Value::i32(code))));
    fields.extend(
        new.map(|(number, said)| (number::LOGICAL, Value::Struct(vec![(number, Value::Struct(said))]))),
    );
    Element(fields)
}
