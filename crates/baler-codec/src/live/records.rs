//! Records <-> columns: in each record the values of all variables in order, little-endian, nothing between them.

use crate::variable::VariablePlan;
use baler_data::bytes::with_room;
use baler_data::dataset::{DType, Values};
use baler_data::error::Result;

/// Bytes of a record.
pub fn record_bytes(variables: &[VariablePlan]) -> usize {
    variables.iter().map(|variable| variable.dtype.size_bytes()).sum()
}

/// The columns of whole records.
pub fn to_columns(records: &[u8], variables: &[VariablePlan]) -> Result<Vec<Values>> {
    let width = record_bytes(variables);
    let mut at = 0;
    let column = |variable: &VariablePlan| {
        let values = column(records, width, at, variable.dtype)?;
        at += variable.dtype.size_bytes();
        Ok(values)
    };
    variables.iter().map(column).collect()
}

fn column(records: &[u8], width: usize, at: usize, dtype: DType) -> Result<Values> {
    let n_rows = records.len() / width.max(1);
    macro_rules! read {
        ($variant:ident, $t:ty) => {{
            let mut values: Vec<$t> = with_room(n_rows)?;
            let item = |record: &[u8]| {
                record[at..]
                    .first_chunk::<{ size_of::<$t>() }>()
                    .map_or(<$t>::from_le_bytes(Default::default()), |b| <$t>::from_le_bytes(*b))
            };
            values.extend(records.chunks_exact(width).map(item));
            Values::$variant(values)
        }};
    }
    Ok(match dtype {
        DType::Bool => read!(Bool, u8),
        DType::I8 => read!(I8, i8),
        DType::I16 => read!(I16, i16),
        DType::I32 => read!(I32, i32),
        DType::I64 => read!(I64, i64),
        DType::U8 => read!(U8, u8),
        DType::U16 => read!(U16, u16),
        DType::U32 => read!(U32, u32),
        DType::U64 => read!(U64, u64),
        DType::F16 => read!(F16, half::f16),
        DType::F32 => read!(F32, f32),
        DType::F64 => read!(F64, f64),
    })
}

/// Inverse of [`to_columns`]; all columns have `n_rows` values.
pub fn to_records(columns: &[Values], n_rows: usize) -> Result<Vec<u8>> {
    let width: usize = columns.iter().map(|values| values.dtype().size_bytes()).sum();
    let mut records = with_room(n_rows * width)?;
    records.resize(n_rows * width, 0u8);
    let mut at = 0;
    for values in columns {
        let n_bytes = values.dtype().size_bytes();
        macro_rules! write {
            ($values:expr) => {
                for (record, x) in records.chunks_exact_mut(width).zip($values) {
                    record[at..at + n_bytes].copy_from_slice(&x.to_le_bytes());
                }
            };
        }
        match values {
            Values::Bool(v) | Values::U8(v) => write!(v),
            Values::I8(v) => write!(v),
            Values::I16(v) => write!(v),
            Values::I32(v) => write!(v),
            Values::I64(v) => write!(v),
            Values::U16(v) => write!(v),
            Values::U32(v) => write!(v),
            Values::U64(v) => write!(v),
            Values::F16(v) => write!(v),
            Values::F32(v) => write!(v),
            Values::F64(v) => write!(v),
        }
        at += n_bytes;
    }
    Ok(records)
}
