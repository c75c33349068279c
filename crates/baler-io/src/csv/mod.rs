//! Text columns with a header line: bytes in, one variable a column out, and back. A column of whole numbers
//! is int64 (uint64 if it must be), of true and false bool, of other numbers float64, where an empty cell, `nan`
//! and `NA` are NaN; any other column is text. Without loss the file comes back byte for byte, whatever its
//! delimiter, quotes, line ends, comments and ways to write numbers; within a bound the numbers are written as the
//! column's were, with digits enough.
//!
//! `dialect` recognizes how cells are told apart, `lexer` cuts them, `column` and `style` find how most of the cells of
//! a column are written, `read` notes what differs, `recipe` carries that with the values, `write` puts it together.

mod cell;
mod column;
mod convert;
mod dialect;
mod header;
mod lexer;
mod number;
mod read;
mod recipe;
mod style;
#[cfg(test)]
mod tests;
mod write;

pub use dialect::Delimiter;
pub use recipe::{NAME, renamed};
pub use write::write;

use crate::store::Region;
use crate::stored::{Part, Place, Stored};
use crate::{ReadOptions, table};
use baler_data::dataset::kind::Kind;
use baler_data::dataset::{Attachment, DType, Layout, ListKind, Lists, Storage};
use baler_data::error::Result;
use baler_data::source::{Schema, VariableSchema};
use column::ColumnKind;

/// One variable a column, and for text one that counts the bytes of its cells; without a header line they are
/// called c0, c1, ...
pub fn open(file: &Region, options: &ReadOptions) -> Result<Stored> {
    let looked = match looked(file, options, true) {
        // A quote that never closes is no quote.
        Err(error) if error.to_string().ends_with(lexer::NEVER_CLOSED) => looked(file, options, false)?,
        other => other?,
    };
    options.check_drop(&looked.columns.iter().map(|column| column.name.as_str()).collect::<Vec<_>>())?;
    let (filled, recipe) = looked.fill(file, options)?;
    let (mut variables, mut parts) = (Vec::new(), Vec::new());
    let n_rows = looked.n_rows as usize;
    let mut add = |name: &str, dtype: DType, n_values: usize, storage: Storage, region: Region| {
        variables.push(VariableSchema { name: name.to_string(), dtype, shape: vec![n_values], storage });
        parts.push(Part { region, big_endian: false, place: Place::Whole });
        variables.len()
    };
    let has_text = filled.iter().any(|column| column.counts.is_some());
    let names: std::collections::HashSet<String> = filled.iter().map(|column| column.name.clone()).collect();
    let mut n_variables = 0;
    for column in filled {
        let name = &column.name;
        match (column.kind, column.counts) {
            (ColumnKind::Numbers(dtype), _) => {
                n_variables = add(name, dtype, n_rows, Storage::default(), column.values);
            }
            (_, Some(counts)) => {
                let storage = text_storage(n_variables + 1, column.only_utf8);
                add(name, DType::U8, column.values.len() as usize, storage, column.values);
                let numbered = (1..).map(|n| format!("{name}#counts.{n}"));
                let mut counts_names = std::iter::once(format!("{name}#counts")).chain(numbered);
                let counts_name = counts_names.find(|name| !names.contains(name)).unwrap_or_default();
                n_variables = add(&counts_name, DType::U32, n_rows, Storage::default(), counts);
            }
            (_, None) => {}
        }
    }
    let attachments = vec![Attachment::metadata(NAME, variables.len(), recipe.to_bytes())];
    let layout = if has_text { Layout::Arrays } else { Layout::Columns };
    let schema = Schema { variables, layout, attachments };
    table::check_names(&schema)?;
    Ok(Stored::new(schema, parts))
}

fn looked(file: &Region, options: &ReadOptions, quoting: bool) -> Result<read::Looked> {
    read::look(file, dialect::recognize(file, options.delimiter, quoting)?, options)
}

/// Lists of bytes, counted by the variable at `counts`.
fn text_storage(counts: usize, only_utf8: bool) -> Storage {
    let kind = if only_utf8 { Kind::Text } else { Kind::Bytes };
    Storage { lists: Some(Lists { counts, kind: ListKind::Vector }), kind, ..Storage::default() }
}
