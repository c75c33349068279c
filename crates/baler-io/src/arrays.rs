//! What the formats that hold many arrays have in common: [`Arrays`] tells the name, dtype and shape of each and gives
//! any rows of one without reading the rest; [`Opened`] makes a [`Source`] of it. What is no array of numbers
//! (attributes, headers) goes along as one attachment, in an encoding of the format's own. Refuses unknown names.

use crate::{ReadOptions, unknown_name};
use baler_data::dataset::{Attachment, Layout, Values};
use baler_data::error::{Error, Result};
use baler_data::metadata::Metadata;
use baler_data::source::select::select_schema;
use baler_data::source::{Schema, Source, VariableSchema};
use std::ops::Range;
use std::sync::OnceLock;

/// Bytes of all wanted arrays up to which they stay in memory once they were read: chunks of a file are unpacked once.
const KEPT_BYTES: usize = 128 << 20;
/// Bytes that are best read at a time of larger ones.
const AT_ONCE_BYTES: usize = 16 << 20;

/// What is known of an array before its values are read.
pub type ArrayInfo = VariableSchema;

/// An opened file of arrays.
pub trait Arrays: Send + Sync {
    /// Every array, in the order of the file.
    fn arrays(&self) -> &[ArrayInfo];

    /// Rows of the array with that index, C order; the range lies within it.
    fn rows(&self, idx: usize, rows: Range<usize>) -> Result<Values>;

    /// What is needed to write the file again beside the arrays, less what belongs to arrays that are not `wanted`;
    /// none if there is nothing. Made by [`Attachment::metadata`].
    fn metadata(&self, wanted: &dyn Fn(&str) -> bool) -> Option<Attachment>;

    /// What formats have in common of it: axes, attributes, packing. Also of arrays that are not wanted.
    fn shared(&self) -> Metadata {
        Metadata::default()
    }

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

/// The arrays of a file that `options` ask for.
pub struct Opened {
    file: Box<dyn Arrays>,
    schema: Schema,
    /// Where each variable stands in the file.
    indices: Vec<usize>,
    /// The values of variables that were read, where all of them together are few; else they are read again.
    kept: Option<Vec<OnceLock<Values>>>,
}

impl Opened {
    /// Of a file that is open; what it does not keep is told.
    pub fn new(file: Box<dyn Arrays>, options: &ReadOptions) -> Result<Opened> {
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
        let all = Schema { variables: arrays.to_vec(), layout: file.layout(), attachments: Vec::new() };
        let (mut schema, indices) = select_schema(&all, wanted);
        let metadata = file.metadata(&wanted);
        let position = schema.variables.len();
        schema.attachments.extend(metadata.map(|metadata| Attachment { position, ..metadata }));
        let mut shared = file.shared();
        shared.variables.retain(|about| wanted(&about.name));
        schema.attachments.extend(shared.attachment(position));
        let few = schema.size_bytes() <= KEPT_BYTES;
        let kept = few.then(|| indices.iter().map(|_| OnceLock::new()).collect());
        Ok(Opened { file, schema, indices, kept })
    }

    fn rows_of(&self, variable: usize, rows: Range<usize>) -> Result<Values> {
        let told = |e: Error| e.in_variable(&self.schema.variables[variable].name);
        self.file.rows(self.indices[variable], rows).map_err(told)
    }
}

impl Source for Opened {
    fn schema(&self) -> &Schema {
        &self.schema
    }

    fn read(&self, variable: usize, elements: Range<usize>) -> Result<Values> {
        let array = &self.schema.variables[variable];
        if let Some(kept) = &self.kept {
            if let Some(values) = kept[variable].get() {
                return Ok(values.slice(elements));
            }
            let values = self.rows_of(variable, 0..array.n_rows())?;
            return Ok(kept[variable].get_or_init(|| values).slice(elements));
        }
        array.cut_from_rows(elements, |rows| self.rows_of(variable, rows))
    }

    fn rows_at_once(&self, variables: &[usize]) -> usize {
        self.schema.rows_within(variables, AT_ONCE_BYTES)
    }
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

/// True if `name` is the array `inner` or lies in the group of that name.
fn is_inside(name: &str, inner: &str) -> bool {
    name.strip_prefix(inner).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Refuses to make `n_bytes` at a time out of a file of `file_bytes`: packed chunks unpack to at most some thousand times
/// their size, and what is not stored is a fill value, of which some rows are enough at a time.
pub fn credible(n_bytes: u64, file_bytes: u64) -> Result<()> {
    if n_bytes / 4096 > file_bytes.max(1 << 15) {
        return Err(Error::limit(format!(
            "expected at most 4096 times the file's {file_bytes} bytes, found rows of {n_bytes}; it is damaged or empty"
        )));
    }
    Ok(())
}
