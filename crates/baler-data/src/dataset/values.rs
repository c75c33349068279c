//! Element types, and values of one.

use crate::error::{Error, Result};
use half::f16;
use std::any::Any;

/// Bytes of values that are converted at a time where many are copied.
pub const COPIED_BYTES: usize = 64 << 10;
/// Axes of an array, at most, as in NumPy.
pub const MAX_AXES: usize = 64;

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

/// The [`Values`] of a dtype that is known at run time, by an expression that makes a vector of its type.
#[macro_export]
macro_rules! values_of {
    ($dtype:expr, $t:ident => $body:expr) => {{
        let dtype = $dtype;
        $crate::with_dtype!(dtype, $t => {
            $crate::dataset::Values::from_vec::<$t>(dtype, $body).expect("a vector of the dtype")
        })
    }};
}

impl Values {
    /// The values as elements of a type, if it is theirs (`u8` for booleans too).
    pub fn as_slice<T: 'static>(&self) -> Option<&[T]> {
        with_values!(self, values => (values as &dyn Any).downcast_ref::<Vec<T>>().map(Vec::as_slice))
    }

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
