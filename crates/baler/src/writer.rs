//! An archive from rows that come one after the other: a simulation's steps, a detector's readout. Rows are kept in memory
//! or a temporary file until all are there, for a bound relative to the range needs the range: the archive is byte for
//! byte that of the same rows in a file.

use crate::compress::compress_source;
use baler_codec::encode::output::Output;
use baler_codec::options::Options;
use baler_codec::report::{Progress, Report};
use baler_data::dataset::{DType, Layout, Storage, Values};
use baler_data::error::{Error, Result};
use baler_data::source::{Schema, VariableSchema};
use baler_io::{Appended, Part, Place, Stored};

/// Takes rows and makes an archive of them.
///
/// ```
/// use baler::{BoundSpec, DType, NoProgress, Options, Reader, Values, Writer};
///
/// let mut writer = Writer::new(&[("frame", DType::F32, &[4, 5])])?;
/// for step in 0..30 {
///     writer.push(&[Values::F32((0..20).map(|i| (step * i) as f32).collect())])?;
/// }
/// let mut archive = Vec::new();
/// writer.finish(&Options::new(BoundSpec::Abs(0.5)), &mut archive, &mut NoProgress)?;
/// let reader = Reader::open(std::io::Cursor::new(archive))?;
/// assert_eq!(reader.rows("frame", 10..12)?.shape, [2, 4, 5]);
/// # Ok::<(), baler::Error>(())
/// ```
pub struct Writer {
    variables: Vec<VariableSchema>,
    rows: Vec<Appended>,
}

impl Writer {
    /// For variables of a name, a dtype and the shape of one row (empty for a column).
    ///
    /// # Errors
    /// [`baler_data::error::ErrorKind::Config`] for a name that stands twice.
    pub fn new(variables: &[(&str, DType, &[usize])]) -> Result<Writer> {
        let mut known: Vec<VariableSchema> = Vec::with_capacity(variables.len());
        for &(name, dtype, row) in variables {
            if known.iter().any(|variable| variable.name == name) {
                return Err(Error::config(format!("expected unique names, found '{name}' twice")));
            }
            let (name, storage) = (name.to_string(), Storage::default());
            known.push(VariableSchema { name, dtype, shape: [&[0], row].concat(), storage });
        }
        let rows = known.iter().map(|_| Appended::default()).collect();
        Ok(Writer { variables: known, rows })
    }

    /// Appends rows: the values of one or more for each variable, in order.
    ///
    /// # Errors
    /// [`baler_data::error::ErrorKind::Input`] for another number of variables, another dtype, or a part of a row;
    /// [`baler_data::error::ErrorKind::Io`] where they cannot be kept.
    pub fn push(&mut self, rows: &[Values]) -> Result<()> {
        if rows.len() != self.variables.len() {
            let (expected, found) = (self.variables.len(), rows.len());
            return Err(Error::input(format!("expected the rows of {expected} variables, found {found}")));
        }
        let fits = |(variable, values): (&VariableSchema, &Values)| {
            let row_len = variable.row_len();
            let whole = if row_len == 0 { values.is_empty() } else { values.len().is_multiple_of(row_len) };
            match whole && values.dtype() == variable.dtype {
                true => Ok(()),
                false => Err(Error::input(format!(
                    "expected whole rows of {row_len} {}, found {} {}",
                    variable.dtype.name(),
                    values.len(),
                    values.dtype().name()
                ))
                .in_variable(&variable.name)),
            }
        };
        self.variables.iter().zip(rows).try_for_each(fits)?;
        for ((variable, kept), values) in self.variables.iter_mut().zip(&mut self.rows).zip(rows) {
            let mut bytes = Vec::new();
            values.append_bytes(&mut bytes, false);
            kept.push(&bytes)?;
            variable.shape[0] += values.len() / variable.row_len().max(1);
        }
        Ok(())
    }

    /// Compresses all rows into `out`.
    ///
    /// # Errors
    /// As [`compress_source`].
    pub fn finish(
        self,
        options: &Options,
        out: &mut dyn Output,
        progress: &mut dyn Progress,
    ) -> Result<Report> {
        let schema = Schema { variables: self.variables, layout: Layout::Arrays, attachments: Vec::new() };
        schema.check()?;
        let part =
            |kept: Appended| Ok(Part { region: kept.finish()?, big_endian: false, place: Place::Whole });
        let parts = self.rows.into_iter().map(part).collect::<Result<_>>()?;
        compress_source(&Stored::new(schema, parts), options, None, out, progress)
    }
}
