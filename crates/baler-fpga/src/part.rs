//! From a part of a model to its specification, and from values to what stands on its wires.
//!
//! A value is a number of steps of its variable's unit: 1 for integers, else the largest power of two that is at most what one unit
//! of the network's input stands for. Raw inputs are these numbers; normalized ones are what the codec's scaling makes of them.

use crate::normalize::{MAX_RAW_BITS, Stage};
use crate::spec::{Input, Spec};
use baler_codec::autoencoder::{INPUT_ONE, Scaling};
use baler_codec::model::{Coordinate, ModelPart, ModelVariable};
use baler_codec::quantize::{Grid, round_to_i64};
use baler_data::error::{Error, Result};

/// How values of one variable become numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Wire {
    /// Value of 1.
    pub unit: f64,
    /// Numbers to the network's inputs.
    pub scaling: Scaling,
    /// Bits of a raw number, two's complement; values beyond are limited.
    pub bits: u32,
}

impl Wire {
    /// The wire of a variable.
    ///
    /// # Errors
    /// [`baler_data::error::ErrorKind::Config`] for a model that was trained for relative bounds of each value or for exact floats.
    pub fn of(variable: &ModelVariable) -> Result<Wire> {
        if variable.coordinate != Coordinate::Linear {
            return Err(Error::config(
                "expected a model that was trained for --abs, --rel, --latent or a size, found one whose numbers are not steps \
                 of the value; train with one of these",
            )
            .in_variable(&variable.name));
        }
        let unit = if variable.dtype.is_float() {
            let finest = if variable.log_unit > 0.0 {
                variable.log_unit / 4.0
            } else {
                variable.half_range / INPUT_ONE
            };
            libm::ldexp(1.0, libm::floor(libm::log2(finest)) as i32)
        } else {
            1.0
        };
        // The scaling that the codec has for numbers of this unit.
        let grid = if variable.dtype.is_float() {
            Grid::Uniform { step: unit, non_negative: false }
        } else {
            Grid::Order
        };
        let scaling = variable.scaling(&grid).ok_or_else(|| Error::config("expected a linear scale"))?;
        // Room for twice the range.
        let reach =
            variable.center.abs() + 2.0 * if variable.log_unit > 0.0 { 0.0 } else { variable.half_range };
        let bits = 2 + libm::floor(libm::log2((reach / unit).max(1.0))) as u32;
        Ok(Wire { unit, scaling, bits })
    }

    /// A value as a number.
    pub fn number(&self, value: f64) -> i64 {
        round_to_i64(value / self.unit).unwrap_or(if value > 0.0 { i64::MAX >> 8 } else { -(i64::MAX >> 8) })
    }

    /// What stands on the wire: the number, or what the network reads.
    pub fn on_wire(&self, value: f64, raw: bool) -> i32 {
        let number = self.number(if value.is_finite() { value } else { 0.0 });
        if raw {
            let limit = 1i64 << (self.bits - 1);
            number.clamp(-limit, limit - 1) as i32
        } else {
            i32::from(self.scaling.forward(number))
        }
    }
}

/// The wires of a part, one a value of a sample.
///
/// # Errors
/// As [`Wire::of`].
pub fn wires(part: &ModelPart) -> Result<Vec<Wire>> {
    match &part.blocks {
        None => part.variables.iter().map(Wire::of).collect(),
        Some(blocks) => Ok(vec![Wire::of(&part.variables[0])?; blocks.n_values()]),
    }
}

impl Spec {
    /// The specification of a part's encoder; `raw` inputs go through a stage that equals the codec's scaling.
    ///
    /// # Errors
    /// As [`Spec::of_network`]; for raw inputs also where the scaling cannot be done in integers, or takes too many bits.
    pub fn of_part(name: &str, part: &ModelPart, raw: bool) -> Result<Spec> {
        let mut spec = Spec::of_network(name, &part.encoder)?;
        let named = |idx: usize| part.variables.get(idx).map(|variable| variable.name.clone());
        for (idx, input) in spec.inputs.iter_mut().enumerate() {
            if part.blocks.is_none() {
                input.name = named(idx).unwrap_or_default();
            }
        }
        if raw {
            let mut stages: Vec<(Wire, Input)> = Vec::new();
            for (input, wire) in spec.inputs.iter_mut().zip(wires(part)?) {
                let known = stages.iter().find(|(known, _)| *known == wire).map(|(_, input)| input.clone());
                let raw = match known {
                    Some(known) => known,
                    None => raw_input(&wire).map_err(|error| error.in_variable(&input.name))?,
                };
                *input = Input { name: std::mem::take(&mut input.name), ..raw.clone() };
                stages.push((wire, raw));
            }
        }
        Ok(spec)
    }
}

fn raw_input(wire: &Wire) -> Result<Input> {
    if wire.bits > MAX_RAW_BITS {
        return Err(Error::config(format!(
            "expected raw numbers of at most {MAX_RAW_BITS} bits, found {}; its values are far from 0 for their range: subtract an \
             offset first, or export with --inputs float",
            wire.bits
        )));
    }
    let range = [-(1i64 << (wire.bits - 1)), (1i64 << (wire.bits - 1)) - 1];
    Ok(Input { name: String::new(), bits: wire.bits, range, stage: Some(Stage::of(&wire.scaling, range)?) })
}
