//! The fields of records, and items whose dtype says more than their variables do: what is needed to put them together
//! again goes with the values as an attachment. What is read from one is not trusted.

use crate::order;
use baler_data::bytes::{ByteReader, ByteWriter};
use baler_data::dataset::{Attachment, Values};
use baler_data::error::{Error, Result};
use baler_data::source::{Schema, Source, VariableSchema};
use baler_data::threads::Threads;
use std::io::Write;

/// The name under which recipes are attached.
pub const NAME: &str = "npy";
const VERSION: u8 = 1;
/// Bytes of records that are written at a time, about.
const PIECE_BYTES: usize = 4 << 20;

/// How an array was stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipe {
    /// Its name in the npz.
    pub member: String,
    /// The dtype as the header has it.
    pub descr: String,
    /// First axis fastest.
    pub fortran_order: bool,
    /// Axes of the array of items.
    pub n_axes: usize,
    /// Bytes of an item.
    pub n_bytes: usize,
    /// Names of the variables, where their values begin in an item, and how many bytes they have there.
    pub fields: Vec<(String, usize, usize)>,
}

impl Recipe {
    /// The attachment of several, behind `n_arrays`.
    pub fn attachment(recipes: &[Recipe], n_arrays: usize) -> Option<Attachment> {
        let mut w = ByteWriter::default();
        w.u8(VERSION);
        w.count(recipes.len());
        for recipe in recipes {
            w.block(recipe.member.as_bytes());
            w.block(recipe.descr.as_bytes());
            w.u8(recipe.fortran_order.into());
            w.count(recipe.n_axes);
            w.count(recipe.n_bytes);
            w.count(recipe.fields.len());
            for (name, offset, n_bytes) in &recipe.fields {
                w.block(name.as_bytes());
                w.count(*offset);
                w.count(*n_bytes);
            }
        }
        (!recipes.is_empty()).then(|| Attachment::metadata(NAME, n_arrays, w.bytes))
    }

    fn all(bytes: &[u8]) -> Result<Vec<Recipe>> {
        let mut r = ByteReader::new(bytes);
        if r.u8()? != VERSION {
            return Err(Error::corrupt("the notes on the npy are of another version"));
        }
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let mut recipes = Vec::new();
        for _ in 0..r.count_of_items()? {
            let (member, descr, fortran_order) = (text(r.block()?), text(r.block()?), r.u8()? != 0);
            let (n_axes, n_bytes) = (r.count()?, r.count()?);
            let mut fields = Vec::new();
            for _ in 0..r.count_of_items()? {
                fields.push((text(r.block()?), r.count()?, r.count()?));
            }
            recipes.push(Recipe { member, descr, fortran_order, n_axes, n_bytes, fields });
        }
        Ok(recipes)
    }
}

/// An array that is put together from variables.
#[derive(Debug)]
pub struct Member {
    recipe: Recipe,
    /// The variables of the fields.
    pub variables: Vec<usize>,
    shape: Vec<usize>,
}

/// The arrays of a schema whose variables are all there and fit each other.
pub fn members(schema: &Schema) -> Result<Vec<Member>> {
    let attached = schema.attachments.iter().find(|a| a.metadata_format() == Some(NAME));
    let recipes = attached.map(|attachment| Recipe::all(&attachment.bytes)).transpose()?.unwrap_or_default();
    let places: std::collections::HashMap<&str, usize> =
        schema.names().enumerate().map(|(idx, name)| (name, idx)).collect();
    Ok(recipes.into_iter().filter_map(|recipe| Member::of(recipe, schema, &places)).collect())
}

impl Member {
    fn of(
        recipe: Recipe,
        schema: &Schema,
        places: &std::collections::HashMap<&str, usize>,
    ) -> Option<Member> {
        let find = |(name, ..): &(String, usize, usize)| places.get(name.as_str()).copied();
        let variables = recipe.fields.iter().map(find).collect::<Option<Vec<usize>>>()?;
        let shape = schema.variables[*variables.first()?].shape.get(..recipe.n_axes)?.to_vec();
        // Fields follow each other and fill the item.
        let mut end = 0usize;
        for (&idx, &(_, offset, n_bytes)) in variables.iter().zip(&recipe.fields) {
            let variable: &VariableSchema = &schema.variables[idx];
            let inner = variable.shape.get(recipe.n_axes..)?;
            let found = inner.iter().product::<usize>().checked_mul(variable.dtype.size_bytes())?;
            if offset != end
                || found != n_bytes
                || variable.shape[..recipe.n_axes] != shape
                || variable.storage.lists.is_some()
            {
                return None;
            }
            end = end.checked_add(n_bytes)?;
        }
        (end == recipe.n_bytes).then_some(Member { recipe, variables, shape })
    }

    /// Its name in the npz.
    pub fn name(&self) -> &str {
        &self.recipe.member
    }

    /// The dtype as a header has it, and how many of the first axes of its variables are those of the items.
    pub fn item(&self) -> (&str, usize) {
        (&self.recipe.descr, self.recipe.n_axes)
    }

    /// True if the first axis of the items is the fastest.
    pub fn is_fortran(&self) -> bool {
        self.recipe.fortran_order
    }

    /// Where the values of each of the variables begin in an item.
    pub fn offsets(&self) -> impl Iterator<Item = usize> {
        self.recipe.fields.iter().map(|&(_, offset, _)| offset)
    }

    fn header(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        super::append_header(&self.recipe.descr, self.recipe.fortran_order, &self.shape, &mut bytes);
        bytes
    }

    /// Bytes of the npy file.
    pub fn file_bytes(&self) -> usize {
        self.header().len() + self.shape.iter().product::<usize>() * self.recipe.n_bytes
    }

    /// Writes the npy file.
    pub fn write(&self, source: &dyn Source, threads: &Threads, out: &mut dyn Write) -> Result<()> {
        let failed = |e| Error::io("writing the output", e);
        out.write_all(&self.header()).map_err(failed)?;
        let n_items: usize = self.shape.iter().product();
        let n_rows = self.shape.first().copied().unwrap_or(1);
        if n_items == 0 {
            return Ok(());
        }
        let is_fortran = self.recipe.fortran_order && self.shape.len() > 1;
        if is_fortran || self.shape.is_empty() {
            let reordered = |&idx: &usize| {
                let variable = &source.schema().variables[idx];
                let values = source.read(idx, 0..variable.n_values())?;
                Ok(if is_fortran { order::c_to_fortran_items(&values, &self.shape) } else { values })
            };
            let values = self.variables.iter().map(reordered).collect::<Result<Vec<_>>>()?;
            return out.write_all(&self.join(source.schema(), &values, n_items)).map_err(failed);
        }
        let at_once = (PIECE_BYTES / (n_items / n_rows * self.recipe.n_bytes).max(1)).max(1);
        let rows = (0..n_rows).step_by(at_once).map(|at| at..(at + at_once).min(n_rows));
        let read = |rows: std::ops::Range<usize>| Ok((rows.len(), source.read_rows(&self.variables, rows)?));
        threads.ahead(rows, read, |(n, values)| {
            out.write_all(&self.join(source.schema(), &values, n * (n_items / n_rows))).map_err(failed)
        })
    }

    /// Items of the values of each field.
    fn join(&self, schema: &Schema, values: &[Values], n_items: usize) -> Vec<u8> {
        let mut items = vec![0; n_items * self.recipe.n_bytes];
        let mut bytes = Vec::new();
        for ((&idx, &(_, offset, n_bytes)), values) in
            self.variables.iter().zip(&self.recipe.fields).zip(values)
        {
            bytes.clear();
            values.append_bytes(&mut bytes, schema.variables[idx].storage.big_endian);
            if n_bytes == 0 {
                continue;
            }
            for (item, field) in items.chunks_exact_mut(self.recipe.n_bytes).zip(bytes.chunks_exact(n_bytes))
            {
                item[offset..offset + n_bytes].copy_from_slice(field);
            }
        }
        items
    }
}
