//! What [`baler_codec`] asks of a trainer while it plans an archive.

use crate::{of_large_variables, train_as_told};
use baler_codec::model::Model;
use baler_codec::options::Options;
use baler_codec::plan::trainer::Trainer;
use baler_codec::report::Progress;
use baler_codec::variable::VariablePlan;
use baler_data::error::Result;
use baler_data::source::Source;

/// Trains models of the data that are compressed.
pub struct Training;

impl Trainer for Training {
    fn networks(&self, source: &dyn Source, options: &Options, progress: &mut dyn Progress) -> Result<Model> {
        Ok(train_as_told(&[source], options, progress)?.model)
    }

    fn predictors(
        &self,
        source: &dyn Source,
        variables: &[VariablePlan],
        large: &[usize],
        options: &Options,
    ) -> Result<Option<Model>> {
        of_large_variables(source, variables, large, options)
    }
}
