//! How a plan comes by models of its own data. The codec trains nothing itself: whoever compresses hands in a trainer.

use crate::model::Model;
use crate::options::Options;
use crate::report::Progress;
use crate::variable::VariablePlan;
use baler_data::error::Result;
use baler_data::source::Source;

/// Makes models while a plan is made.
pub trait Trainer: Sync {
    /// An autoencoder of all variables, for a size or a number of latents.
    ///
    /// # Errors
    /// [`baler_data::ErrorKind::Config`] for options or data that no network fits.
    fn networks(&self, source: &dyn Source, options: &Options, progress: &mut dyn Progress) -> Result<Model>;

    /// Predictive models of the variables at the indices `large`, each for all chunks of its variable; `None` where
    /// there is none to make.
    ///
    /// # Errors
    /// Those of reading the source.
    fn predictors(
        &self,
        source: &dyn Source,
        variables: &[VariablePlan],
        large: &[usize],
        options: &Options,
    ) -> Result<Option<Model>>;
}

/// The model that is given, and who makes models of the data itself where they pay.
#[derive(Clone, Copy, Default)]
pub struct Models<'a> {
    /// A trained model to use.
    pub model: Option<&'a Model>,
    /// Makes others; without it nothing is trained before the chunks are coded.
    pub trainer: Option<&'a dyn Trainer>,
    /// Latents (n_samples, n_latents) that are there already, in the order of the samples: the archive has these, and nobody
    /// runs the encoder.
    pub latents: Option<&'a [i16]>,
}
