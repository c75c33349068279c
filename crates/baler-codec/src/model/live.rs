//! Live streams by a model: which of its tables codes them, and how a stream names it.

use crate::live::stream::other_variables;
use crate::live::{Decoder, Encoder, LiveTable};
use crate::model::{Model, shelf};
use baler_data::error::{Error, Result};
use std::io::Read;

impl Model {
    /// An encoder with the first table that has a live part; `by_reference` names the model by its hash only.
    ///
    /// # Errors
    /// [`baler_data::ErrorKind::Config`] for models without.
    pub fn live_encoder(&self, by_reference: bool) -> Result<Encoder> {
        let (idx, table) = self.live_table().ok_or_else(|| {
            Error::config(
                "expected a model of a table, found another; baler train makes one of a file of columns and a bound",
            )
        })?;
        Ok(Encoder::new(table, by_reference.then(|| (self.hash(), idx))))
    }
}

/// A decoder of a stream; `model` is the one that the stream names, if it names one. Without it one is looked up
/// ([`shelf`]).
///
/// # Errors
/// [`baler_data::ErrorKind::Corrupt`] for other bytes, [`baler_data::ErrorKind::Config`] if the stream needs a model file.
pub fn live_decoder<R: Read>(input: R, model: Option<&Model>) -> Result<Decoder<R>> {
    Decoder::new(input, |hash, idx| named_table(model, hash, idx))
}

fn named_table(model: Option<&Model>, hash: &[u8; 32], idx: usize) -> Result<LiveTable> {
    let model = shelf::named(model, hash)?;
    model.live.get(idx).and_then(Option::as_ref).cloned().ok_or_else(other_variables)
}
