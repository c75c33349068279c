//! What is known of a source before any value is read.

use crate::dataset::{Attachment, DType, Dataset, Layout, Storage, Values, Variable, n_elements, row_len};
use crate::error::{Error, Result};
use crate::metadata::Metadata;
use std::ops::Range;

/// A variable without its values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VariableSchema {
    /// Unique name.
    pub name: String,
    /// Element type.
    pub dtype: DType,
    /// Extent of each axis; empty for a scalar.
    pub shape: Vec<usize>,
    /// How the source stores it.
    pub storage: Storage,
}

impl VariableSchema {
    /// An array in row-major order whose number of values memory could hold.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Limit`] for a shape of more values.
    pub fn new(
        name: impl Into<String>,
        dtype: DType,
        shape: Vec<usize>,
        big_endian: bool,
    ) -> Result<VariableSchema> {
        n_elements(&shape)?;
        let storage = Storage { big_endian: big_endian && dtype.size_bytes() > 1, ..Storage::default() };
        Ok(VariableSchema { name: name.into(), dtype, shape, storage })
    }

    /// Extent of the first axis; 1 for a scalar.
    pub fn n_rows(&self) -> usize {
        self.shape.first().copied().unwrap_or(1)
    }

    /// Product of the extents, which [`Schema::check`] has seen to fit.
    pub fn n_values(&self) -> usize {
        self.shape.iter().product()
    }

    /// Values of a row.
    pub fn row_len(&self) -> usize {
        row_len(&self.shape)
    }

    /// Bytes of a row.
    pub fn row_bytes(&self) -> usize {
        self.row_len() * self.dtype.size_bytes()
    }

    /// Where the values of some rows stand, counted in C order.
    pub fn elements_of(&self, rows: Range<usize>) -> Range<usize> {
        rows.start * self.row_len()..rows.end * self.row_len()
    }

    /// Some values, counted in C order, where only whole rows can be read: `read` reads those that hold them.
    pub fn cut_from_rows(
        &self,
        elements: Range<usize>,
        read: impl FnOnce(Range<usize>) -> Result<Values>,
    ) -> Result<Values> {
        let row_len = self.row_len().max(1);
        let rows = elements.start / row_len..elements.end.div_ceil(row_len);
        let first = rows.start * row_len;
        let values = read(rows)?;
        match elements.start == first && elements.len() == values.len() {
            true => Ok(values),
            false => Ok(values.slice(elements.start - first..elements.end - first)),
        }
    }

    /// Elements times item size.
    pub fn size_bytes(&self) -> usize {
        self.n_values() * self.dtype.size_bytes()
    }
}

/// A dataset without its values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schema {
    /// In the order of the source.
    pub variables: Vec<VariableSchema>,
    /// How they stood in the source.
    pub layout: Layout,
    /// Non-numeric members.
    pub attachments: Vec<Attachment>,
}

impl Schema {
    /// That of a dataset.
    pub fn of(dataset: &Dataset) -> Schema {
        let of_variable = |variable: &Variable| VariableSchema {
            name: variable.name.clone(),
            dtype: variable.values.dtype(),
            shape: variable.shape.clone(),
            storage: variable.storage,
        };
        Schema {
            variables: dataset.variables.iter().map(of_variable).collect(),
            layout: dataset.layout,
            attachments: dataset.attachments.clone(),
        }
    }

    /// Every shape must be one that positions can count.
    pub fn check(&self) -> Result<()> {
        let too_large = || Error::limit("the variables together have more bytes than positions can count");
        let mut total = 0usize;
        for variable in &self.variables {
            let n_values = n_elements(&variable.shape).map_err(|e| e.in_variable(&variable.name))?;
            total = total.checked_add(n_values * variable.dtype.size_bytes()).ok_or_else(too_large)?;
        }
        if total > isize::MAX as usize { Err(too_large()) } else { Ok(()) }
    }

    /// The metadata of a format, if the source had that.
    pub fn attached(&self, format: &str) -> Option<&[u8]> {
        let found = self.attachments.iter().find(|attachment| attachment.metadata_format() == Some(format));
        found.map(|attachment| &attachment.bytes[..])
    }

    /// What the source told beside the values: names of axes, attributes, how it was packed; nothing where it is damaged.
    pub fn metadata(&self) -> Metadata {
        Metadata::of(&self.attachments).unwrap_or_default()
    }

    /// Elements times item size over all variables.
    pub fn size_bytes(&self) -> usize {
        self.variables.iter().map(VariableSchema::size_bytes).sum()
    }

    /// Rows of these variables that take about `n_bytes`; at least 1.
    pub fn rows_within(&self, variables: &[usize], n_bytes: usize) -> usize {
        let row_bytes: usize = variables.iter().map(|&idx| self.variables[idx].row_bytes()).sum();
        (n_bytes / row_bytes.max(1)).max(1)
    }

    /// The names, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> + Clone {
        self.variables.iter().map(|variable| variable.name.as_str())
    }

    /// True for each variable that counts the items of lists.
    pub fn counting(&self) -> Vec<bool> {
        let mut counting = vec![false; self.variables.len()];
        for lists in self.variables.iter().filter_map(|variable| variable.storage.lists) {
            if let Some(counts) = counting.get_mut(lists.counts) {
                *counts = true;
            }
        }
        counting
    }

    /// Index of the variable called `name`.
    pub fn position(&self, name: &str) -> Option<usize> {
        self.names().position(|other| other == name)
    }
}
