//! What the formats that hold many arrays have in common: [`Arrays`] tells the name, dtype and shape of each and gives
//! any rows of one without reading the rest; [`read_all`] makes a [`Dataset`] of it. What is no array of numbers
//! (attributes, headers) goes along as one attachment, in an encoding of the format's own. Refuses unknown names.

use crate::dataset::{Attachment, DType, Dataset, Layout, Lists, Storage, Values, Variable, n_elements};
use crate::error::{Error, Result};
use crate::io::{ReadOptions, unknown_name};
use std::ops::Range;

/// What is known of an array before its values are read.
#[derive(Debug, Clone, PartialEq)]
pub struct ArrayInfo {
    /// Name, unique in its file.
    pub name: String,
    /// Element type.
    pub dtype: DType,
    /// Extent of each axis; empty for a scalar.
    pub shape: Vec<usize>,
    /// How the file stores it.
    pub storage: Storage,
}

impl ArrayInfo {
    /// An array whose number of values memory could hold.
    pub fn new(
        name: impl Into<String>,
        dtype: DType,
        shape: Vec<usize>,
        big_endian: bool,
    ) -> Result<ArrayInfo> {
        n_elements(&shape)?;
        let storage = Storage { big_endian: big_endian && dtype.size_bytes() > 1, ..Storage::default() };
        Ok(ArrayInfo { name: name.into(), dtype, shape, storage })
    }

    /// The extent of the first axis; a scalar has one row.
    pub fn n_rows(&self) -> usize {
        self.shape.first().copied().unwrap_or(1)
    }

    /// Values of one row.
    pub fn row_len(&self) -> usize {
        self.shape.iter().skip(1).product()
    }
}

/// An opened file of arrays.
pub trait Arrays: Send + Sync {
    /// Every array, in the order of the file.
    fn arrays(&self) -> &[ArrayInfo];

    /// Rows of the array with that index, C order; the range lies within it.
    fn rows(&self, idx: usize, rows: Range<usize>) -> Result<Values>;

    /// What is needed to write the file again beside the arrays, less what belongs to arrays that are not `wanted`;
    /// none if there is nothing. Made by [`Attachment::metadata`].
    fn metadata(&self, wanted: &dyn Fn(&str) -> bool) -> Option<Attachment>;

    /// How the arrays stand in the file.
    fn layout(&self) -> Layout {
        Layout::Arrays
    }

    /// What may stand before the names in `FILE:INNER` although it is no part of them: a file's only tree.
    fn above(&self) -> &str {
        ""
    }

    /// What of the file is neither read nor kept.
    fn warnings(&self) -> &[String] {
        &[]
    }
}

/// The arrays that `options` ask for, as a dataset.
pub fn read_all(file: &dyn Arrays, options: &ReadOptions) -> Result<Dataset> {
    let arrays = file.arrays();
    let names: Vec<&str> = arrays.iter().map(|array| array.name.as_str()).collect();
    options.check_drop(&names)?;
    let inner = options.inner.as_deref().map(|inner| inner.trim_matches('/'));
    let inner = inner.map(|inner| below(inner, file.above())).filter(|inner| !inner.is_empty());
    if let Some(inner) = inner
        && !names.iter().any(|name| is_inside(name, inner))
    {
        return Err(unknown_name(inner, &names));
    }
    file.warnings().iter().for_each(|warning| options.warnings.add(warning.clone()));
    let wanted = |name: &str| inner.is_none_or(|inner| is_inside(name, inner)) && !options.drops(name);
    let kept = kept(arrays, &wanted);
    let mut variables = (arrays.iter().enumerate())
        .filter(|(idx, _)| kept[*idx])
        .map(|(idx, array)| read_one(file, idx, array).map_err(|e| e.in_variable(&array.name)))
        .collect::<Result<Vec<Variable>>>()?;
    for lists in variables.iter_mut().filter_map(|v| v.storage.lists.as_mut()) {
        lists.counts = kept[..lists.counts].iter().filter(|kept| **kept).count();
    }
    let attachments = file.metadata(&wanted).map(|a| Attachment { position: variables.len(), ..a });
    Ok(Dataset { variables, layout: file.layout(), attachments: attachments.into_iter().collect() })
}

/// `inner` less `above`, if that stands before it.
fn below<'a>(inner: &'a str, above: &str) -> &'a str {
    match inner.strip_prefix(above) {
        Some(rest) if above.is_empty() || rest.is_empty() || rest.starts_with('/') => {
            rest.trim_start_matches('/')
        }
        _ => inner,
    }
}

/// Which arrays are wanted, or count the items of lists that are.
fn kept(arrays: &[ArrayInfo], wanted: &impl Fn(&str) -> bool) -> Vec<bool> {
    let mut kept: Vec<bool> = arrays.iter().map(|array| wanted(&array.name)).collect();
    for idx in 0..kept.len() {
        let mut lists = arrays[idx].storage.lists.filter(|_| kept[idx]);
        while let Some(Lists { counts, .. }) = lists {
            kept[counts] = true;
            lists = arrays[counts].storage.lists;
        }
    }
    kept
}

/// True if `name` is the array `inner` or lies in the group of that name.
fn is_inside(name: &str, inner: &str) -> bool {
    name.strip_prefix(inner).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn read_one(file: &dyn Arrays, idx: usize, array: &ArrayInfo) -> Result<Variable> {
    let values = file.rows(idx, 0..array.n_rows())?;
    let variable = Variable::new(array.name.clone(), array.shape.clone(), values)?;
    Ok(Variable { storage: array.storage, ..variable })
}

/// Refuses to make `n_bytes` of a file of `file_bytes`: packed chunks unpack to at most some thousand times their size,
/// and what is not stored is a fill value.
pub fn credible(n_bytes: u64, file_bytes: u64) -> Result<()> {
    if n_bytes / 4096 > file_bytes.max(1 << 14) {
        return Err(Error::limit(format!(
            "expected at most 4096 times the file's {file_bytes} bytes, found an array of {n_bytes}; it is damaged or empty"
        )));
    }
    Ok(())
}

/// The first of some values as float64, 0 if there is none.
pub fn first_as_f64(values: &Values) -> f64 {
    macro_rules! first {
        ($($kind:ident),*) => {
            match values {
                $(Values::$kind(v) => v.first().map_or(0.0, |&x| x as f64),)*
                Values::F16(v) => v.first().map_or(0.0, |x| x.to_f64()),
            }
        };
    }
    first!(Bool, I8, I16, I32, I64, U8, U16, U32, U64, F32, F64)
}
