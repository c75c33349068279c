//! The first byte of a stream says which coder wrote it; docs/format.md, "Coders".

use baler_data::error::{Error, Result};

/// Who wrote a stream of numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum CoderByte {
    /// Classical: all numbers are equal.
    Constant = 0,
    /// Classical: pco on 32-bit numbers.
    Pco32 = 1,
    /// Classical: pco on 64-bit numbers.
    Pco64 = 2,
    /// Classical: zstd over byte planes.
    Zstd = 3,
    /// Predictive, with a model of its own.
    Predictive = 16,
    /// Predictive, with a model of the archive.
    PredictiveShared = 17,
    /// Predictive, with a reference field on the same grid.
    PredictiveCrossField = 18,
    /// Context mixing: bytes of numbers, with a match model.
    Mixing = 19,
    /// Streams of other numbers, from which these follow.
    Recast = 20,
    /// Behind it a stream of the orders of values, where a bound was not spent.
    Exact = 21,
    /// Predictive, rows in lockstep.
    Lockstep = 22,
    /// Predicted by interpolation from coarse to fine.
    Interpolation = 23,
    /// A column of a table.
    Table = 32,
}

/// Set in the byte of a classical stream where ranks stand for the numbers.
pub const RANKED: u8 = 0x80;

impl CoderByte {
    /// The classical coder of a byte without [`RANKED`].
    ///
    /// # Errors
    /// [`baler_data::ErrorKind::Unsupported`] for a byte that no classical coder has.
    pub fn classical(byte: u8) -> Result<CoderByte> {
        CoderByte::of_byte(byte).filter(|coder| *coder as u8 <= CoderByte::Zstd as u8).ok_or_else(|| {
            Error::unsupported(format!("expected a coder from 0 to 3, found {byte}; use a newer version"))
        })
    }

    /// In a word, as `inspect` shows it.
    pub fn name(self) -> &'static str {
        match self {
            CoderByte::Constant => "constant",
            CoderByte::Pco32 | CoderByte::Pco64 => "pco",
            CoderByte::Zstd => "zstd",
            CoderByte::Predictive | CoderByte::PredictiveShared | CoderByte::PredictiveCrossField => {
                "predictive"
            }
            CoderByte::Lockstep => "lockstep",
            CoderByte::Interpolation => "interpolation",
            CoderByte::Mixing => "context mixing",
            CoderByte::Recast => "recast",
            CoderByte::Exact => "exact",
            CoderByte::Table => "table",
        }
    }

    /// The coder of a byte without [`RANKED`], if there is one.
    pub fn of_byte(byte: u8) -> Option<CoderByte> {
        use CoderByte::*;
        let all = [
            Constant,
            Pco32,
            Pco64,
            Zstd,
            Predictive,
            PredictiveShared,
            PredictiveCrossField,
            Mixing,
            Recast,
            Exact,
            Lockstep,
            Interpolation,
            Table,
        ];
        all.into_iter().find(|coder| *coder as u8 == byte)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_name_their_coder_or_nobody() {
        let known = (0..=u8::MAX).filter_map(|byte| Some((byte, CoderByte::of_byte(byte)?)));
        let known: Vec<(u8, CoderByte)> = known.collect();
        assert!(known.iter().all(|&(byte, coder)| coder as u8 == byte));
        assert_eq!(
            known.iter().map(|(byte, _)| *byte).collect::<Vec<_>>(),
            [0, 1, 2, 3, 16, 17, 18, 19, 20, 21, 22, 23, 32]
        );
    }
}
