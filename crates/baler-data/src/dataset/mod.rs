//! What a file holds, in memory: named variables with dtype, shape and values, and what is needed to
//! write the same file back. Values are always in C order (last axis fastest) and native byte order.

pub mod kind;

use crate::dataset::kind::Kind;
use crate::error::{Error, Result};
use crate::metadata::Metadata;
use crate::source::Schema;
use crate::source::select::select_schema;
use half::f16;
use std::any::Any;

/// Bytes of values that are converted at a time where many are copied.
pub const COPIED_BYTES: usize = 64 << 10;

/// Element type of a variable. The discriminants are those of docs/format.md.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
#[allow(missing_docs)]
pub enum DType {
    Bool = 0,
    I8 = 1,
    I16 = 2,
    I32 = 3,
    I64 = 4,
    U8 = 5,
    U16 = 6,
    U32 = 7,
    U64 = 8,
    F16 = 9,
    F32 = 10,
    F64 = 11,
}

impl DType {
    /// Every dtype, in the order of its code.
    pub const ALL: [DType; 12] = [
        DType::Bool,
        DType::I8,
        DType::I16,
        DType::I32,
        DType::I64,
        DType::U8,
        DType::U16,
        DType::U32,
        DType::U64,
        DType::F16,
        DType::F32,
        DType::F64,
    ];

    /// Bytes of one element.
    pub fn size_bytes(self) -> usize {
        match self {
            DType::Bool | DType::I8 | DType::U8 => 1,
            DType::I16 | DType::U16 | DType::F16 => 2,
            DType::I32 | DType::U32 | DType::F32 => 4,
            DType::I64 | DType::U64 | DType::F64 => 8,
        }
    }

    /// NumPy's name, for example `float32`.
    pub fn name(self) -> &'static str {
        match self {
            DType::Bool => "bool",
            DType::I8 => "int8",
            DType::I16 => "int16",
            DType::I32 => "int32",
            DType::I64 => "int64",
            DType::U8 => "uint8",
            DType::U16 => "uint16",
            DType::U32 => "uint32",
            DType::U64 => "uint64",
            DType::F16 => "float16",
            DType::F32 => "float32",
            DType::F64 => "float64",
        }
    }

    /// The dtype of a NumPy name (`float32`) or short code (`f4`, `u2`, `b1`), without byte order.
    pub fn from_name(name: &str) -> Option<DType> {
        let short = ["b1", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8"];
        DType::ALL.into_iter().zip(short).find(|(d, s)| d.name() == name || *s == name).map(|(d, _)| d)
    }

    /// True for `float16`, `float32` and `float64`.
    pub fn is_float(self) -> bool {
        matches!(self, DType::F16 | DType::F32 | DType::F64)
    }
}

/// The values of a variable, C order. `Bool` holds bytes (0 false, anything else kept as it is).
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs)]
pub enum Values {
    Bool(Vec<u8>),
    I8(Vec<i8>),
    I16(Vec<i16>),
    I32(Vec<i32>),
    I64(Vec<i64>),
    U8(Vec<u8>),
    U16(Vec<u16>),
    U32(Vec<u32>),
    U64(Vec<u64>),
    F16(Vec<f16>),
    F32(Vec<f32>),
    F64(Vec<f64>),
}

/// Runs `$body` with `$v` bound to the typed vector (or reference to it) inside a [`Values`].
#[macro_export]
macro_rules! with_values {
    ($values:expr, $v:ident => $body:expr) => {
        match $values {
            $crate::dataset::Values::Bool($v) => $body,
            $crate::dataset::Values::I8($v) => $body,
            $crate::dataset::Values::I16($v) => $body,
            $crate::dataset::Values::I32($v) => $body,
            $crate::dataset::Values::I64($v) => $body,
            $crate::dataset::Values::U8($v) => $body,
            $crate::dataset::Values::U16($v) => $body,
            $crate::dataset::Values::U32($v) => $body,
            $crate::dataset::Values::U64($v) => $body,
            $crate::dataset::Values::F16($v) => $body,
            $crate::dataset::Values::F32($v) => $body,
            $crate::dataset::Values::F64($v) => $body,
        }
    };
}

/// Runs `$body` with `$t` as the Rust type of the elements of `$dtype`.
#[macro_export]
macro_rules! with_dtype {
    ($dtype:expr, $t:ident => $body:expr) => {{
        macro_rules! run {
            ($rust_type:ty) => {{
                type $t = $rust_type;
                $body
            }};
        }
        match $dtype {
            $crate::dataset::DType::Bool | $crate::dataset::DType::U8 => run!(u8),
            $crate::dataset::DType::I8 => run!(i8),
            $crate::dataset::DType::I16 => run!(i16),
            $crate::dataset::DType::I32 => run!(i32),
            $crate::dataset::DType::I64 => run!(i64),
            $crate::dataset::DType::U16 => run!(u16),
            $crate::dataset::DType::U32 => run!(u32),
            $crate::dataset::DType::U64 => run!(u64),
            $crate::dataset::DType::F16 => run!(half::f16),
            $crate::dataset::DType::F32 => run!(f32),
            $crate::dataset::DType::F64 => run!(f64),
        }
    }};
}

impl Values {
    /// The values as what they are, if they are of type `T`.
    pub fn into_vec<T: 'static>(self) -> Option<Vec<T>> {
        with_values!(self, v => (Box::new(v) as Box<dyn Any>).downcast().ok().map(|v| *v))
    }

    /// Values of `dtype` from elements of its type; `None` for another type.
    pub fn from_vec<T: 'static>(dtype: DType, values: Vec<T>) -> Option<Values> {
        let boxed: Box<dyn Any> = Box::new(values);
        macro_rules! make {
            ($($variant:ident),*) => {
                match dtype { $(DType::$variant => Values::$variant(*boxed.downcast().ok()?),)* }
            };
        }
        Some(make!(Bool, I8, I16, I32, I64, U8, U16, U32, U64, F16, F32, F64))
    }

    /// No values.
    pub fn empty(dtype: DType) -> Values {
        with_dtype!(dtype, T => Values::from_vec::<T>(dtype, Vec::new()).expect("a type for each dtype"))
    }

    /// None yet, with room for `n_values`; an error where memory does not hold them.
    pub fn with_room(dtype: DType, n_values: usize) -> Result<Values> {
        with_dtype!(dtype, T => {
            let mut values = Vec::<T>::new();
            values.try_reserve_exact(n_values).map_err(|_| Error::limit("no memory for the values"))?;
            Ok(Values::from_vec(dtype, values).expect("a type for each dtype"))
        })
    }

    /// Appends values of the same dtype; an error where memory does not hold them or the dtypes differ.
    pub fn append(&mut self, more: &Values) -> Result<()> {
        macro_rules! append {
            ($($variant:ident),*) => {
                match (self, more) {
                    $((Values::$variant(all), Values::$variant(more)) => {
                        all.try_reserve(more.len()).map_err(|_| Error::limit("no memory for the values"))?;
                        all.extend_from_slice(more);
                        Ok(())
                    })*
                    _ => Err(Error::corrupt("the chunks of a variable differ in dtype")),
                }
            };
        }
        append!(Bool, I8, I16, I32, I64, U8, U16, U32, U64, F16, F32, F64)
    }

    /// Element type.
    pub fn dtype(&self) -> DType {
        match self {
            Values::Bool(_) => DType::Bool,
            Values::I8(_) => DType::I8,
            Values::I16(_) => DType::I16,
            Values::I32(_) => DType::I32,
            Values::I64(_) => DType::I64,
            Values::U8(_) => DType::U8,
            Values::U16(_) => DType::U16,
            Values::U32(_) => DType::U32,
            Values::U64(_) => DType::U64,
            Values::F16(_) => DType::F16,
            Values::F32(_) => DType::F32,
            Values::F64(_) => DType::F64,
        }
    }

    /// Number of elements.
    pub fn len(&self) -> usize {
        with_values!(self, v => v.len())
    }

    /// True when there is no element.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Elements times item size.
    pub fn size_bytes(&self) -> usize {
        self.len() * self.dtype().size_bytes()
    }

    /// Whole numbers as lengths of lists; an error for negative and for broken ones.
    pub fn to_counts(&self) -> Result<Vec<usize>> {
        macro_rules! counts {
            ($($variant:ident),*) => {
                match self {
                    $(Values::$variant(v) => v.iter().map(|&n| usize::try_from(n).ok()).collect(),)*
                    Values::F16(_) | Values::F32(_) | Values::F64(_) => None,
                }
            };
        }
        let counts: Option<Vec<usize>> = counts!(Bool, I8, I16, I32, I64, U8, U16, U32, U64);
        counts
            .ok_or_else(|| Error::input("expected whole numbers that count the items of lists, found others"))
    }

    /// A copy of some elements.
    pub fn slice(&self, elements: std::ops::Range<usize>) -> Values {
        macro_rules! slice {
            ($($variant:ident),*) => {
                match self {
                    $(Values::$variant(v) => Values::$variant(v[elements].to_vec()),)*
                }
            };
        }
        slice!(Bool, I8, I16, I32, I64, U8, U16, U32, U64, F16, F32, F64)
    }

    /// Values of `dtype` from raw bytes in the given byte order; the length must be a whole number of elements.
    pub fn from_bytes(dtype: DType, bytes: &[u8], big_endian: bool) -> Result<Values> {
        if !bytes.len().is_multiple_of(dtype.size_bytes()) {
            return Err(Error::input(format!(
                "expected a whole number of {} values ({} bytes each), found {} bytes; check dtype and shape",
                dtype.name(),
                dtype.size_bytes(),
                bytes.len()
            )));
        }
        // One loop per byte order: LLVM turns the native one into a plain copy.
        macro_rules! read {
            ($t:ty) => {{
                let (items, _) = bytes.as_chunks::<{ size_of::<$t>() }>();
                if big_endian {
                    items.iter().map(|item| <$t>::from_be_bytes(*item)).collect()
                } else {
                    items.iter().map(|item| <$t>::from_le_bytes(*item)).collect()
                }
            }};
        }
        Ok(match dtype {
            DType::Bool => Values::Bool(bytes.to_vec()),
            DType::I8 => Values::I8(read!(i8)),
            DType::I16 => Values::I16(read!(i16)),
            DType::I32 => Values::I32(read!(i32)),
            DType::I64 => Values::I64(read!(i64)),
            DType::U8 => Values::U8(bytes.to_vec()),
            DType::U16 => Values::U16(read!(u16)),
            DType::U32 => Values::U32(read!(u32)),
            DType::U64 => Values::U64(read!(u64)),
            DType::F16 => Values::F16(read!(f16)),
            DType::F32 => Values::F32(read!(f32)),
            DType::F64 => Values::F64(read!(f64)),
        })
    }

    /// The raw bytes of all elements in the given byte order, some at a time, so that they stay in the cache.
    pub fn in_bytes<E>(
        &self,
        big_endian: bool,
        mut take: impl FnMut(&[u8]) -> std::result::Result<(), E>,
    ) -> std::result::Result<(), E> {
        let at_once = COPIED_BYTES / self.dtype().size_bytes();
        let mut bytes = Vec::with_capacity(COPIED_BYTES.min(self.size_bytes()));
        for start in (0..self.len()).step_by(at_once) {
            bytes.clear();
            self.slice(start..(start + at_once).min(self.len())).append_bytes(&mut bytes, big_endian);
            take(&bytes)?;
        }
        Ok(())
    }

    /// Appends the raw bytes of all elements in the given byte order.
    pub fn append_bytes(&self, out: &mut Vec<u8>, big_endian: bool) {
        let start = out.len();
        out.resize(start + self.size_bytes(), 0);
        let out = &mut out[start..];
        macro_rules! write {
            ($t:ty, $values:expr) => {{
                let (items, _) = out.as_chunks_mut::<{ size_of::<$t>() }>();
                if big_endian {
                    items.iter_mut().zip($values).for_each(|(item, x)| *item = x.to_be_bytes());
                } else {
                    items.iter_mut().zip($values).for_each(|(item, x)| *item = x.to_le_bytes());
                }
            }};
        }
        match self {
            Values::Bool(v) | Values::U8(v) => out.copy_from_slice(v),
            Values::I8(v) => write!(i8, v),
            Values::I16(v) => write!(i16, v),
            Values::I32(v) => write!(i32, v),
            Values::I64(v) => write!(i64, v),
            Values::U16(v) => write!(u16, v),
            Values::U32(v) => write!(u32, v),
            Values::U64(v) => write!(u64, v),
            Values::F16(v) => write!(f16, v),
            Values::F32(v) => write!(f32, v),
            Values::F64(v) => write!(f64, v),
        }
    }
}

/// How the source file stored an array; kept so that the file comes back as it was.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Storage {
    /// First axis fastest in the file. [`Values`] are in C order all the same.
    pub fortran_order: bool,
    /// Big-endian in the file. [`Values`] are native all the same.
    pub big_endian: bool,
    /// For lists: the rows of the variable are the items of all lists, one list after the other.
    pub lists: Option<Lists>,
    /// What the elements stand for.
    pub kind: Kind,
}

/// Which variable says how many items each list has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lists {
    /// Index of that variable in its dataset: whole numbers along one axis, one a list. Always kept exactly.
    pub counts: usize,
    /// What the source has there.
    pub kind: ListKind,
}

/// How the source tells the lengths of its lists. The discriminants are those of docs/format.md.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum ListKind {
    /// The counts are a column of the source (a counter leaf of ROOT).
    Counter = 0,
    /// The counts were made when the lists were read (`std::vector`, Parquet's lists).
    Vector = 1,
    /// As [`ListKind::Vector`], and each list has one item or, where the source has no value, none.
    Optional = 2,
}

impl ListKind {
    /// Every kind, in the order of its code.
    pub const ALL: [ListKind; 3] = [ListKind::Counter, ListKind::Vector, ListKind::Optional];
}

/// One named array.
#[derive(Debug, Clone, PartialEq)]
pub struct Variable {
    /// Name, unique in its dataset.
    pub name: String,
    /// Extent of each axis; empty for a scalar (one value).
    pub shape: Vec<usize>,
    /// `shape.product()` values, C order.
    pub values: Values,
    /// How the source stored it.
    pub storage: Storage,
}

impl Variable {
    /// A variable whose values must fill the shape.
    pub fn new(name: impl Into<String>, shape: Vec<usize>, values: Values) -> Result<Variable> {
        let name = name.into();
        let n_values = n_elements(&shape)?;
        if n_values != values.len() {
            return Err(Error::input(format!(
                "shape {shape:?} needs {n_values} values, found {}",
                values.len()
            ))
            .in_variable(&name));
        }
        Ok(Variable { name, shape, values, storage: Storage::default() })
    }
}

/// Axes of an array, at most, as in NumPy.
pub const MAX_AXES: usize = 64;

/// Product of the extents, with a clear error where it does not fit or where there are more than [`MAX_AXES`] axes. That of the extents that are not 0 must fit too, so
/// that rows and their bytes can be counted whichever axis is empty.
pub fn n_elements(shape: &[usize]) -> Result<usize> {
    if shape.len() > MAX_AXES {
        return Err(Error::limit(format!("expected at most {MAX_AXES} axes, found {}", shape.len())));
    }
    let n_values = shape
        .iter()
        .try_fold(1usize, |n, &extent| n.checked_mul(extent.max(1)))
        .filter(|&n| n <= isize::MAX as usize / 16)
        .ok_or_else(|| Error::limit(format!("shape {shape:?} has more values than memory can hold")))?;
    Ok(if shape.contains(&0) { 0 } else { n_values })
}

/// Every list has the items that are counted, no more and no fewer: whoever writes lists goes by the counts, which may
/// claim anything.
///
/// # Errors
/// [`crate::error::ErrorKind::Input`] naming the variable.
pub fn check_lists(dataset: &Dataset) -> Result<()> {
    for variable in &dataset.variables {
        let Some(lists) = variable.storage.lists else { continue };
        let check = || {
            let counts = dataset.variables.get(lists.counts);
            let counts = counts.ok_or_else(|| Error::input("the counts of its lists are not there"))?;
            let n_counted = counts.values.to_counts()?.iter().fold(0usize, |sum, &n| sum.saturating_add(n));
            let n_items = variable.shape.first().copied().unwrap_or(1);
            match n_counted == n_items {
                true => Ok(()),
                false => Err(Error::input(format!(
                    "expected {n_counted} items as its lists count, found {n_items}; the file is damaged"
                ))),
            }
        };
        check().map_err(|e: Error| e.in_variable(&variable.name))?;
    }
    Ok(())
}

/// Elements of a row (first axis) of a shape that [`n_elements`] accepts; 1 for a scalar.
pub fn row_len(shape: &[usize]) -> usize {
    shape.iter().skip(1).product()
}

/// Most characters per item of a `names` array; wider ones come back with this width.
pub const MAX_NAMES_WIDTH: usize = 1 << 16;

/// How the variables stood in the source file, and so how they are written back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// A set of named arrays (npz), one variable each.
    Arrays,
    /// One array without a name (npy, raw); its variable is called `data`.
    Single,
    /// One 2-D array `data` (rows, columns) with the column names beside it (Baler's npz): a variable a column,
    /// all of one dtype and length; `storage` of each is that of `data`. Further arrays follow the columns.
    Table {
        /// The first `n_columns` variables are the columns of `data`; the others are arrays of their own.
        n_columns: usize,
        /// Place of `data` among the source's members, counted as in [`Attachment::position`].
        data_position: usize,
        /// Place of `names` among the source's members.
        names_position: usize,
        /// Characters per item of the `names` array (NumPy's `<U26` has 26), at most [`MAX_NAMES_WIDTH`].
        names_width: usize,
    },
    /// Columns with a header line (csv): a variable a column, all of one length.
    Columns,
}

/// Something in the source that is no number, kept byte for byte: a string array such as `kinds`, or what a format
/// holds beside its arrays (attributes, headers), in that format's own encoding under a name that begins with `:`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    /// Member name without `.npy`.
    pub name: String,
    /// Place among the source's members, counted from 0 over arrays and attachments together.
    pub position: usize,
    /// The member's complete npy bytes, or metadata.
    pub bytes: Vec<u8>,
}

/// What the names of attachments with a format's metadata begin with.
const METADATA: char = ':';

impl Attachment {
    /// What `format` holds beside its arrays; behind all `n_arrays`.
    pub fn metadata(format: &str, n_arrays: usize, bytes: Vec<u8>) -> Attachment {
        Attachment { name: format!("{METADATA}{format}"), position: n_arrays, bytes }
    }

    /// The format whose metadata these are; they go with the dataset whatever variables are picked.
    pub fn metadata_format(&self) -> Option<&str> {
        self.name.strip_prefix(METADATA)
    }
}

/// Everything that one file holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Dataset {
    /// In the order of the source.
    pub variables: Vec<Variable>,
    /// How they stood in the source.
    pub layout: Layout,
    /// Non-numeric members.
    pub attachments: Vec<Attachment>,
}

impl Dataset {
    /// A dataset of named arrays.
    pub fn from_arrays(variables: Vec<Variable>) -> Dataset {
        Dataset { variables, layout: Layout::Arrays, attachments: Vec::new() }
    }

    /// A table: one variable a column, all of one dtype and length.
    pub fn from_table(columns: Vec<Variable>) -> Dataset {
        let names_width = columns.iter().map(|c| c.name.chars().count()).max().unwrap_or(0).max(1);
        let n_columns = columns.len();
        let layout = Layout::Table { n_columns, data_position: 0, names_position: 1, names_width };
        Dataset { variables: columns, layout, attachments: Vec::new() }
    }

    /// Elements times item size over all variables.
    pub fn size_bytes(&self) -> usize {
        self.variables.iter().map(|v| v.values.size_bytes()).sum()
    }

    /// The dataset less the variables that are no numbers (text, bytes), for what computes with values.
    pub fn numbers(self) -> Dataset {
        let is_number = |name: &str| self.variable(name).is_some_and(|v| !v.storage.kind.is_opaque());
        if self.variables.iter().all(|v| !v.storage.kind.is_opaque()) {
            return self;
        }
        let (schema, indices) = select_schema(&Schema::of(&self), is_number);
        let mut values: Vec<Option<Values>> = self.variables.into_iter().map(|v| Some(v.values)).collect();
        let variables = schema.variables.into_iter().zip(indices).map(|(variable, idx)| Variable {
            name: variable.name,
            shape: variable.shape,
            values: values[idx].take().expect("each index once"),
            storage: variable.storage,
        });
        let variables = variables.collect();
        Dataset { variables, layout: schema.layout, attachments: schema.attachments }
    }

    /// The metadata that there are of `format`.
    pub fn metadata(&self, format: &str) -> Option<&[u8]> {
        let found = self.attachments.iter().find(|a| a.metadata_format() == Some(format));
        found.map(|attachment| attachment.bytes.as_slice())
    }

    /// What the source told beside the values, in what formats have in common; nothing where it is damaged.
    pub fn shared_metadata(&self) -> Metadata {
        Metadata::of(&self.attachments).unwrap_or_default()
    }

    /// The variable called `name`.
    pub fn variable(&self, name: &str) -> Option<&Variable> {
        self.variables.iter().find(|v| v.name == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_round_trip_in_both_orders() {
        let values = Values::F32(vec![1.5, f32::NAN, -0.0]);
        for big_endian in [false, true] {
            let mut bytes = Vec::new();
            values.append_bytes(&mut bytes, big_endian);
            let Values::F32(back) = Values::from_bytes(DType::F32, &bytes, big_endian).unwrap() else {
                panic!()
            };
            assert_eq!(back[0], 1.5);
            assert!(back[1].is_nan());
            assert_eq!(back[2].to_bits(), (-0.0f32).to_bits());
        }
    }

    #[test]
    fn bytes_in_pieces_are_those_of_the_whole() {
        for n in [0, 1, COPIED_BYTES / 2, 100_001] {
            let values = Values::I16((0..n).map(|i| i as i16).collect());
            let (mut whole, mut joined) = (Vec::new(), Vec::new());
            values.append_bytes(&mut whole, true);
            let taken = values.in_bytes(true, |bytes| {
                assert!((1..=COPIED_BYTES).contains(&bytes.len()));
                joined.extend_from_slice(bytes);
                Ok::<(), ()>(())
            });
            assert!(taken == Ok(()) && joined == whole, "{n}");
        }
        assert_eq!(Values::U8(vec![0; 1 << 20]).in_bytes(false, |_| Err("full")), Err("full"));
    }

    #[test]
    fn a_shape_that_does_not_fit_is_told() {
        let error = Variable::new("x", vec![2, 3], Values::U8(vec![0; 5])).unwrap_err();
        assert_eq!(error.to_string(), "variable 'x': shape [2, 3] needs 6 values, found 5");
        assert!(n_elements(&[usize::MAX, 2]).is_err());
    }

    #[test]
    fn rows_of_empty_shapes_can_be_counted() {
        assert_eq!((n_elements(&[0, 3, 5]).unwrap(), row_len(&[0, 3, 5])), (0, 15));
        assert_eq!((n_elements(&[]).unwrap(), row_len(&[])), (1, 1));
        for shape in [[0, 1 << 40, 1 << 40], [1 << 40, 0, 1 << 40], [1 << 40, 1 << 40, 0]] {
            assert!(n_elements(&shape).is_err(), "{shape:?}");
        }
    }
}
