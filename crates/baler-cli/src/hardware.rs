//! What the commands for hardware share: the part of a model that they are about, and data as samples on its wires.

use crate::input::{RawArgs, read_data};
use crate::library::{Dataset, Error, Model, ModelPart, Variable, fpga, network, to_latents, with_values};
use anyhow::{Context, Result};

/// The autoencoder of a model; `variable` names it where there are several.
pub fn part_of<'a>(model: &'a Model, variable: Option<&str>) -> Result<&'a ModelPart> {
    let names =
        || model.parts.iter().map(|part| part.variables[0].name.as_str()).collect::<Vec<_>>().join(", ");
    let found = match (model.parts.as_slice(), variable) {
        ([], _) => {
            let text = "expected a model with an autoencoder, found one without; train with --latent N, or with --method \
                        autoencoder and a bound";
            return Err(Error::input(text).into());
        }
        (parts, Some(name)) => parts.iter().find(|part| part.covers(name)),
        ([part], None) => Some(part),
        _ => None,
    };
    let text = || format!("expected --variable with one of the model's parts ({})", names());
    Ok(found.ok_or_else(|| Error::config(text()))?)
}

/// The wires of a part, and what goes on them.
pub struct Wires<'a> {
    part: &'a ModelPart,
    wires: Vec<fpga::part::Wire>,
    raw: bool,
}

impl<'a> Wires<'a> {
    pub fn new(part: &'a ModelPart, raw: bool) -> Result<Wires<'a>> {
        Ok(Wires { part, wires: fpga::part::wires(part)?, raw })
    }

    /// Samples (n, n_in) of a file, all or the first so many.
    pub fn samples(&self, input: &str, raw: &RawArgs, most: Option<usize>) -> Result<Vec<i32>> {
        let data = read_data(input, raw, &[])?;
        self.of_dataset(&data, most).with_context(|| input.to_string())
    }

    /// Samples of data in memory.
    pub fn of_dataset(&self, data: &Dataset, most: Option<usize>) -> Result<Vec<i32>> {
        let mut columns = Vec::with_capacity(self.part.variables.len());
        for known in &self.part.variables {
            let found = data.variables.iter().find(|variable| variable.name == known.name);
            let text = || format!("expected the model's variable {}, found none of this name", known.name);
            columns.push(found.ok_or_else(|| Error::input(text()))?);
        }
        match &self.part.blocks {
            None => self.rows(&columns, most),
            Some(blocks) => {
                let (field, n_values) = (columns[0], blocks.n_values());
                let text = || format!("expected an array of {} axes", blocks.extents.len());
                if field.shape.len() != blocks.extents.len() {
                    return Err(Error::input(text()).into());
                }
                let values = floats(field);
                let mut samples = vec![0; blocks.n_tiles(&field.shape) * n_values];
                blocks.for_each(&field.shape, |tile, value, position, _| {
                    samples[tile * n_values + value] = self.wires[value].on_wire(values[position], self.raw);
                });
                samples.truncate(most.unwrap_or(usize::MAX).saturating_mul(n_values));
                Ok(samples)
            }
        }
    }

    fn rows(&self, columns: &[&Variable], most: Option<usize>) -> Result<Vec<i32>> {
        let n_rows = columns.iter().map(|column| column.values.len()).min().unwrap_or(0);
        let n_rows = n_rows.min(most.unwrap_or(n_rows));
        let mut samples = vec![0; n_rows * columns.len()];
        for (at, column) in columns.iter().enumerate() {
            let wire = &self.wires[at];
            for (row, value) in floats(column).into_iter().take(n_rows).enumerate() {
                samples[row * columns.len() + at] = wire.on_wire(value, self.raw);
            }
        }
        Ok(samples)
    }
}

/// The latents of data, a column each, as the encoder of the part makes them.
pub fn latents(part: &ModelPart, data: &Dataset) -> Result<Vec<Vec<f64>>> {
    let samples = Wires::new(part, false)?.of_dataset(data, None)?;
    let inputs: Vec<i16> = samples.iter().map(|&x| x as i16).collect();
    let prepared = network::Prepared::new(&part.encoder)?;
    let (n_values, n_latents) = (part.encoder.n_in(), part.encoder.n_out());
    let n_samples = inputs.len() / n_values;
    let mut outputs = vec![0; n_samples * n_latents];
    prepared.run(&mut network::Workspace::default(), &inputs, n_samples, &mut outputs);
    let found = to_latents(outputs);
    let column =
        |latent: usize| found.iter().skip(latent).step_by(n_latents).map(|&z| f64::from(z)).collect();
    Ok((0..n_latents).map(column).collect())
}

/// Values as float64.
pub fn floats(variable: &Variable) -> Vec<f64> {
    use baler_data::element::Element;
    with_values!(&variable.values, values => values.iter().map(|x| x.to_f64()).collect())
}
