//! What decoded values become after their numbers, so that promises beside the bound hold: they move to their sides of thresholds
//! ([`sides`]), then a few move within the bound until their sum is that of the originals ([`sums`]).

use crate::part::{sides, sums};
use crate::quantize::special::Specials;
use crate::variable::VariablePlan;
use baler_data::bytes::{ByteReader, ByteWriter};
use baler_data::element::Element;
use baler_data::error::Result;

/// The blocks of a part that say it; empty where there is none.
#[derive(Debug, Clone, Copy, Default)]
pub struct Blocks<'a> {
    sides: &'a [u8],
    sum: &'a [u8],
}

impl<'a> Blocks<'a> {
    /// Those that a variable's parts have.
    pub fn read(r: &mut ByteReader<'a>, variable: &VariablePlan) -> Result<Blocks<'a>> {
        let sides = if variable.has_sides() { r.block()? } else { &[] };
        let sum = if variable.has_sum() { r.block()? } else { &[] };
        Ok(Blocks { sides, sum })
    }

    /// Moves decoded values as [`encode`] has.
    pub fn apply<T: Element>(
        &self,
        decoded: &mut [T],
        specials: &Specials,
        shape: &[usize],
        variable: &VariablePlan,
    ) -> Result<()> {
        sides::decode(self.sides, decoded, specials, shape, variable)?;
        sums::decode(self.sum, decoded, specials, variable)
    }
}

/// Moves decoded values; the bytes are what [`Blocks::read`] reads.
pub fn encode<T: Element>(
    original: &[T],
    decoded: &mut [T],
    specials: &Specials,
    shape: &[usize],
    variable: &VariablePlan,
) -> Vec<u8> {
    let mut w = ByteWriter::default();
    if variable.has_sides() {
        w.block(&sides::encode(original, decoded, specials, shape, variable));
    }
    if variable.has_sum() {
        w.block(&sums::encode(original, decoded, specials, variable));
    }
    w.bytes
}
