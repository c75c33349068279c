//! Rows of a source -> the frame of a chunk, decoded from its bytes and compared with the rows before anyone has it.

mod learn;
pub mod output;

pub use learn::learned;

use crate::autoencoder::Sampling;
use crate::container::{Chunk, GroupMethod, Plan, chunk_frame};
use crate::decode::{Coders, decode_chunk, decode_part};
use crate::lockstep::encode::Learned;
use crate::options::{Method, Options};
use crate::part;
use crate::part::cross_field;
use crate::part::numbers;
use crate::part::numbers::Numbers;
use crate::part::stream::How;
use crate::part::{Original, Prediction};
use crate::predict::Known;
use crate::quantize::compare::{compare_values, sum_of_squares};
use crate::quantize::promises::Broken;
use crate::table::{self, Alone};
use crate::variable::VariablePlan;
use baler_data::bytes::ByteWriter;
use baler_data::dataset::Values;
use baler_data::error::{Error, ErrorKind, Result};
use baler_data::source::Source;
use baler_data::threads::Threads;
use baler_data::with_values;
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::ops::Range;

/// The payload of a chunk, and how far its values are from those of the source.
pub struct Made {
    /// Decoded and compared.
    pub payload: Vec<u8>,
    /// By variable of its group: the sum of (x' - x)^2.
    pub squares: Vec<f64>,
}

/// Chunks that are made already, by (variables, first row).
pub type Ready = BTreeMap<(Vec<usize>, usize), Made>;

/// Makes chunks.
pub struct Encoder<'a> {
    /// The values.
    pub source: &'a dyn Source,
    /// How they are coded.
    pub plan: &'a Plan,
    /// With what.
    pub coders: &'a Coders,
    /// How hard is tried.
    pub options: &'a Options,
    /// Chunks that need not be made again.
    pub ready: Ready,
    /// By group and position in it, what was learned once for all chunks.
    pub learned: Vec<Vec<Option<Learned>>>,
    /// Latents of all samples of an autoencoder, in the place of those of its encoder.
    pub latents: Option<&'a [i16]>,
}

impl<'a> Encoder<'a> {
    /// With nothing that is made or learned already.
    pub fn new(
        source: &'a dyn Source,
        plan: &'a Plan,
        coders: &'a Coders,
        options: &'a Options,
    ) -> Encoder<'a> {
        Encoder { source, plan, coders, options, ready: Ready::new(), learned: Vec::new(), latents: None }
    }

    /// The frame of the chunk of a group that starts at `first_row`, and what [`Made::squares`] says of it.
    pub fn chunk(&self, group_idx: usize, first_row: usize) -> Result<(Vec<u8>, Vec<f64>)> {
        let variables = self.plan.groups[group_idx].variables.clone();
        let framed = |made: &Made| chunk_frame(group_idx, first_row, &made.payload);
        match self.ready.get(&(variables, first_row)) {
            Some(made) => Ok((framed(made), made.squares.clone())),
            None => self.made(group_idx, first_row).map(|made| (framed(&made), made.squares)),
        }
    }

    /// [`Encoder::chunk`] of each of a batch, on all threads; `told` hears how many bytes of data are done as each ends.
    pub fn chunks(
        &self,
        batch: &[(usize, usize)],
        threads: &Threads,
        told: &mut dyn FnMut(u64),
    ) -> Result<Vec<(Vec<u8>, Vec<f64>)>> {
        let (send, receive) = std::sync::mpsc::channel();
        let chunk = move |&(group, first_row): &(usize, usize)| {
            let made = self.chunk(group, first_row);
            // Whoever does not listen need not know.
            let _ = send.send(self.plan.chunk_bytes(group, first_row) as u64);
            made
        };
        let mut n_done = 0;
        let listen = || {
            receive.iter().for_each(|n_more| {
                n_done += n_more;
                told(n_done);
            });
        };
        threads.run_beside(move || batch.par_iter().map(chunk).collect(), listen)
    }

    /// That chunk, decoded and compared.
    pub fn made(&self, group_idx: usize, first_row: usize) -> Result<Made> {
        let group = &self.plan.groups[group_idx];
        let n_rows = self.plan.rows_of_chunk(group_idx, first_row);
        let originals = self.source.read_rows(&group.variables, first_row..first_row + n_rows)?;
        let variables: Vec<&VariablePlan> =
            group.variables.iter().map(|&idx| &self.plan.variables[idx]).collect();
        let payload = match self.coders.table(self.plan, group_idx) {
            Some(model) => {
                let beyond = self.coders.most_bits.get(group_idx).and_then(Option::as_deref);
                // A model that was trained before is there for speed: what does without it is only tried where it fails.
                let method = if beyond.is_some() { Method::Classical } else { self.options.method };
                let mut w = ByteWriter::default();
                let parts = table::encode(
                    &originals,
                    &variables,
                    model,
                    Alone {
                        method,
                        beyond,
                        recasts: self.options.recasts && self.options.level.adapts(),
                        level: self.options.level,
                    },
                )?;
                parts.iter().for_each(|part| w.block(part));
                w.bytes
            }
            None => self.parts(group_idx, &originals, &variables, first_row..first_row + n_rows)?,
        };
        let chunk = Chunk { group: group_idx, first_row, payload };
        let squares = self.check(&chunk, &originals)?;
        Ok(Made { payload: chunk.payload, squares })
    }

    /// The payload of variables that are coded apart, reference another, or by an autoencoder.
    fn parts(
        &self,
        group_idx: usize,
        originals: &[Values],
        variables: &[&VariablePlan],
        rows: Range<usize>,
    ) -> Result<Vec<u8>> {
        let (group, n_rows) = (&self.plan.groups[group_idx], rows.len());
        let mut numbers: Vec<Numbers> = (originals.iter().zip(variables))
            .map(|(values, variable)| numbers::quantize_values(values, variable))
            .collect();
        let mut w = ByteWriter::default();
        let (predictions, residual) = match &group.method {
            GroupMethod::Autoencoder { model, scalings, blocks, residual } => {
                let shape = variables[0].shape_of_rows(n_rows);
                let sampling = Sampling { scalings, blocks: blocks.as_ref(), shape: &shape };
                let q: Vec<Vec<i64>> = numbers.iter().map(|n| n.q.clone()).collect();
                let masks: Vec<_> = numbers.iter().map(|n| n.specials.mask()).collect();
                let coder = self.coders.network(*model);
                let before = variables[0].shape_of_rows(rows.start);
                let (latents, predictions) = match self.latents {
                    Some(all) => {
                        coder.encode_latents(sampling, Sampling { shape: &before, ..sampling }, all)?
                    }
                    None => coder.encode(sampling, &q, &masks),
                };
                w.block(&latents);
                (Some(predictions), *residual)
            }
            _ => (None, true),
        };
        let (method, level) = (self.options.method, self.options.level);
        let shared = self.coders.predictor(&group.method);
        let recasts = self.options.recasts;
        let how = How { level, shared, may_refine: true, ..How::by(method).recasting(recasts) };
        let code = |position: usize, numbers: Numbers, reference: Option<&[f64]>| {
            let variable = variables[position];
            let learned = self.learned.get(group_idx).and_then(|of_group| of_group.get(position)?.as_ref());
            let how = How { reference, learned, is_opaque: variable.storage.kind.is_opaque(), ..how };
            let predicted = predictions.as_ref().map(|all| all[position].as_slice());
            let prediction = Prediction::of(predicted, residual);
            let shape = &variable.shape_of_rows(n_rows);
            let part = with_values!(&originals[position], values => {
                part::write_part(numbers, prediction, Original { values, shape, variable }, how)
            });
            part.finish()
        };
        let decoded_reference = match group.method {
            GroupMethod::Fields { reference } => {
                let part = code(reference, std::mem::take(&mut numbers[reference]), None);
                // The others look at what a decoder has: its grid is known once it is coded.
                let decoded =
                    decode_part(&part, Prediction::Nothing, Known::default(), n_rows, variables[reference])?;
                Some((reference, part, cross_field::inputs(&decoded)?))
            }
            _ => None,
        };
        let part = |(position, numbers): (usize, Numbers)| match &decoded_reference {
            Some((reference, part, _)) if *reference == position => part.clone(),
            reference => code(position, numbers, reference.as_ref().map(|(_, _, inputs)| &inputs[..])),
        };
        let parts: Vec<Vec<u8>> = numbers.into_par_iter().enumerate().map(part).collect();
        parts.iter().for_each(|part| w.block(part));
        Ok(w.bytes)
    }

    /// Decodes the bytes of a chunk and compares each value, in the caller's dtype; gives the sum of (x' - x)^2 of each
    /// variable.
    fn check(&self, chunk: &Chunk, originals: &[Values]) -> Result<Vec<f64>> {
        let decoded = decode_chunk(self.plan, chunk, self.coders, &|_| true)?;
        let mut squares = Vec::with_capacity(decoded.len());
        for ((&idx, original), values) in
            self.plan.groups[chunk.group].variables.iter().zip(originals).zip(decoded)
        {
            let variable = &self.plan.variables[idx];
            let values = values.expect("every variable was asked for");
            let (_, n_violations) = compare_values(original, &values, &variable.bound);
            if n_violations > 0 {
                let message = format!("{n_violations} values are outside their bound; please report this");
                return Err(Error::new(ErrorKind::BoundNotMet, message).in_variable(&variable.name));
            }
            check_promises(variable, original, &values)?;
            squares.push(sum_of_squares(original, &values));
        }
        Ok(squares)
    }
}

/// The promises beside the bound, of decoded values.
fn check_promises(variable: &VariablePlan, original: &Values, decoded: &Values) -> Result<()> {
    let broken = variable.promises.broken(Some(original), decoded, &variable.patterns);
    let broken_here = |what: String| Error::new(ErrorKind::BoundNotMet, what + "; please report this");
    let error = match (broken, variable.promises.limits) {
        (Broken { n_crossed: 1.., .. }, _) => {
            broken_here(format!("{} values are on another side of a cut", broken.n_crossed))
        }
        (Broken { n_beyond: 1.., .. }, Some([low, high])) => Error::input(format!(
            "expected values from {low:?} to {high:?} as the limits say, found {} outside; give wider limits",
            broken.n_beyond
        )),
        (Broken { n_sums: 1.., .. }, _) => broken_here("the sum of a chunk is another".to_string()),
        _ => return Ok(()),
    };
    Err(error.in_variable(&variable.name))
}
