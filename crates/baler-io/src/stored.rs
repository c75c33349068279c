//! Arrays that stand in a file as they are, as a source: npy, raw, the members of an npz, and spilled columns. Pieces
//! are read by seeks. Arrays of several axes in Fortran order are the exception: they are read whole.

use crate::order;
use crate::store::Region;
use baler_data::dataset::{COPIED_BYTES, DType, Values};
use baler_data::error::Result;
use baler_data::source::{Schema, Source, VariableSchema};
use std::ops::Range;
use std::sync::{Arc, OnceLock};

/// Bytes of a table that are read at a time for some of its columns.
const BLOCK_BYTES: usize = 2 << 20;

/// How the values of a variable stand in their region.
#[derive(Debug, Clone)]
pub enum Place {
    /// One after the other, in C order.
    Whole,
    /// One after the other with the first axis fastest; in memory once they were asked for.
    Fortran(Arc<OnceLock<Values>>),
    /// A column of a table (rows, columns) in C order.
    Column {
        /// Which.
        column: usize,
        /// Of how many.
        n_columns: usize,
    },
    /// A part of items that follow each other.
    Field {
        /// Where it begins in an item.
        offset: usize,
        /// Its bytes.
        n_bytes: usize,
        /// Bytes of an item.
        item_bytes: usize,
        /// Of items with the first axis fastest: how many axes they have; all values in memory once they were asked for.
        fortran: Option<(usize, Arc<OnceLock<Values>>)>,
    },
}

/// Where the values of a variable are.
#[derive(Debug, Clone)]
pub struct Part {
    /// Nothing but the values.
    pub region: Region,
    /// Most significant byte first.
    pub big_endian: bool,
    /// In which order.
    pub place: Place,
}

/// Variables that stand in files.
#[derive(Debug)]
pub struct Stored {
    schema: Schema,
    parts: Vec<Part>,
}

impl Stored {
    /// A part for each variable; sizes were checked.
    pub fn new(schema: Schema, parts: Vec<Part>) -> Stored {
        Stored { schema, parts }
    }

    /// Values that stand one after the other.
    fn run(&self, part: &Part, dtype: DType, elements: Range<usize>) -> Result<Values> {
        let item = dtype.size_bytes();
        if part.region.is_in_memory() {
            let bytes = part.region.read((elements.start * item) as u64, (elements.len() * item) as u64)?;
            return Values::from_bytes(dtype, &bytes, part.big_endian);
        }
        let mut values = Values::with_room(dtype, elements.len())?;
        let at_once = COPIED_BYTES / item;
        for start in elements.clone().step_by(at_once) {
            let n_values = at_once.min(elements.end - start);
            let bytes = part.region.read_at((start * item) as u64, (n_values * item) as u64)?;
            values.append(&Values::from_bytes(dtype, &bytes, part.big_endian)?)?;
        }
        Ok(values)
    }
}

impl Source for Stored {
    fn schema(&self) -> &Schema {
        &self.schema
    }

    fn read(&self, variable: usize, elements: Range<usize>) -> Result<Values> {
        let (part, of) = (&self.parts[variable], &self.schema.variables[variable]);
        match &part.place {
            Place::Whole => self.run(part, of.dtype, elements),
            Place::Fortran(cell) => {
                if let Some(values) = cell.get() {
                    return Ok(values.slice(elements));
                }
                let values = order::fortran_to_c(&self.run(part, of.dtype, 0..of.n_values())?, &of.shape);
                Ok(cell.get_or_init(|| values).slice(elements))
            }
            Place::Field { fortran: None, .. } => self.field(part, of, elements),
            Place::Field { fortran: Some((n_axes, cell)), .. } => {
                if let Some(values) = cell.get() {
                    return Ok(values.slice(elements));
                }
                let shape = &of.shape[..*n_axes];
                let values = order::fortran_to_c_items(&self.field(part, of, 0..of.n_values())?, shape);
                Ok(cell.get_or_init(|| values).slice(elements))
            }
            Place::Column { .. } => {
                Ok(self.read_rows(&[variable], elements)?.pop().expect("one for each variable"))
            }
        }
    }

    fn read_rows(&self, variables: &[usize], rows: Range<usize>) -> Result<Vec<Values>> {
        let is_column = |idx: usize| matches!(self.parts[idx].place, Place::Column { .. });
        let mut found: Vec<Values> =
            variables.iter().map(|&idx| Values::empty(self.schema.variables[idx].dtype)).collect();
        for (&idx, values) in variables.iter().zip(&mut found).filter(|(idx, _)| !is_column(**idx)) {
            *values = self.read(idx, self.schema.variables[idx].elements_of(rows.clone()))?;
        }
        let columns = variables.iter().zip(&mut found).filter(|(idx, _)| is_column(**idx));
        self.read_columns(columns.map(|(&idx, values)| (idx, values)).collect(), rows)?;
        Ok(found)
    }
}

impl Stored {
    /// Values of a field, counted in the order of the items.
    fn field(&self, part: &Part, of: &VariableSchema, elements: Range<usize>) -> Result<Values> {
        let Place::Field { offset, n_bytes, item_bytes, .. } = part.place else {
            return Ok(Values::empty(of.dtype));
        };
        let per_item = n_bytes / of.dtype.size_bytes();
        if elements.is_empty() || per_item == 0 {
            return Ok(Values::empty(of.dtype));
        }
        let items = elements.start / per_item..elements.end.div_ceil(per_item);
        let at_once = (BLOCK_BYTES / item_bytes.max(1)).max(1);
        let mut values = Values::with_room(of.dtype, items.len() * per_item)?;
        let mut bytes = Vec::new();
        for start in items.clone().step_by(at_once) {
            let n_items = at_once.min(items.end - start);
            let block = part.region.read((start * item_bytes) as u64, (n_items * item_bytes) as u64)?;
            bytes.clear();
            block
                .chunks_exact(item_bytes)
                .for_each(|item| bytes.extend_from_slice(&item[offset..offset + n_bytes]));
            values.append(&Values::from_bytes(of.dtype, &bytes, part.big_endian)?)?;
        }
        let first = items.start * per_item;
        match values.len() == elements.len() {
            true => Ok(values),
            false => Ok(values.slice(elements.start - first..elements.end - first)),
        }
    }

    /// Rows of columns of the one table, a block of all its columns at a time.
    fn read_columns(&self, mut wanted: Vec<(usize, &mut Values)>, rows: Range<usize>) -> Result<()> {
        let Some(&(first, _)) = wanted.first() else { return Ok(()) };
        let (part, dtype) = (&self.parts[first], self.schema.variables[first].dtype);
        let Place::Column { n_columns, .. } = part.place else { return Ok(()) };
        let at_once = (BLOCK_BYTES / (n_columns * dtype.size_bytes())).max(1);
        for start in rows.clone().step_by(at_once) {
            let end = (start + at_once).min(rows.end);
            let values = self.run(part, dtype, start * n_columns..end * n_columns)?;
            let columns = order::split_columns(&values, n_columns, false);
            for (idx, values) in &mut wanted {
                let Place::Column { column, .. } = self.parts[*idx].place else { continue };
                values.append(&columns[column])?;
            }
        }
        Ok(())
    }
}
