//! What a file holds, in memory: named variables with dtype, shape and values, and what is needed to
//! write the same file back. Values are always in C order (last axis fastest) and native byte order.

pub mod kind;
mod values;

pub use values::{COPIED_BYTES, DType, MAX_AXES, Values, n_elements};

use crate::dataset::kind::Kind;
use crate::error::{Error, Result};
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

    /// The metadata that there are of `format`.
    pub fn metadata(&self, format: &str) -> Option<&[u8]> {
        let found = self.attachments.iter().find(|a| a.metadata_format() == Some(format));
        found.map(|attachment| attachment.bytes.as_slice())
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
