//! What else was tried for a part of a chunk, and how many bytes more each would have taken: a few bytes behind the
//! part's hash, for people. Decoding does not depend on them.
//!
//! In: the bytes of each candidate's stream. Out: a flag for each that was tried beside the chosen one, why others were
//! not, and differences. It refuses reasons that are unknown and bytes that are left over.

use baler_data::bytes::{ByteReader, ByteWriter};
use baler_data::error::{Error, Result};

/// Streams of fewer bytes keep no trials: there is nothing to gain.
const MIN_STREAM: usize = 32;

/// A way to code the numbers of a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Candidate {
    /// Differences and an entropy coder.
    Classical,
    /// Predicted, static rows of probabilities.
    Fast,
    /// Predicted by a fixed model, adaptive decisions.
    Adaptive,
    /// The same, with filters that learn from every number.
    Filtered,
    /// A column, by its relations to others.
    Table,
    /// Predicted with filters, on a finer grid that is centred on each prediction.
    Centred,
    /// Bytes by context mixing, with a match model.
    Mixing,
    /// Other numbers, from which these follow.
    Recast,
    /// Predicted by interpolation from coarse to fine.
    Interpolated,
}

impl Candidate {
    /// All, by code.
    pub const ALL: [Candidate; N_CANDIDATES] = [
        Candidate::Classical,
        Candidate::Fast,
        Candidate::Adaptive,
        Candidate::Filtered,
        Candidate::Table,
        Candidate::Centred,
        Candidate::Mixing,
        Candidate::Recast,
        Candidate::Interpolated,
    ];

    /// Its bit among the flags, which stand on both sides of the reason.
    fn bit(self) -> u32 {
        let code = self as u32;
        if code < LEFT_OUT.0 { code } else { code + LEFT_OUT.1.count_ones() }
    }

    /// In words.
    pub fn name(self) -> &'static str {
        [
            "classical",
            "predictive fast",
            "predictive",
            "predictive with filters",
            "table",
            "predictive centred",
            "context mixing",
            "hidden numbers",
            "interpolation",
        ][self as usize]
    }
}

/// Lowest bit of the reason why others were left out, and its mask.
const LEFT_OUT: (u32, u64) = (8, 0b111);

/// How many there are.
pub const N_CANDIDATES: usize = 9;

/// Why candidates were left out that could have been tried.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum LeftOut {
    /// None was.
    #[default]
    Nothing,
    /// By `--method classical`, or the residuals of `--method autoencoder`.
    Predictive,
    /// By `--method predictive`.
    Classical,
    /// By a level below 7.
    Slow,
    /// By `--method predictive` at a level below 7.
    SlowAndClassical,
    /// By a level below 7, and the classical coder since an estimate put it far behind.
    SlowAndFarBehind,
    /// All but the given table, which took no more than in training.
    AllButTable,
}

impl LeftOut {
    const ALL: [LeftOut; 7] = [
        LeftOut::Nothing,
        LeftOut::Predictive,
        LeftOut::Classical,
        LeftOut::Slow,
        LeftOut::SlowAndClassical,
        LeftOut::SlowAndFarBehind,
        LeftOut::AllButTable,
    ];

    /// Why `candidate` was not tried, if it was for this.
    pub fn reason(self, candidate: Candidate) -> Option<&'static str> {
        use Candidate::{Adaptive, Centred, Classical, Fast, Filtered, Interpolated};
        match (self, candidate) {
            (LeftOut::AllButTable, _) => Some("the given table took no more than in its training"),
            (LeftOut::Predictive, Fast | Adaptive | Filtered | Centred | Interpolated) => {
                Some("left out by --method")
            }
            (LeftOut::Classical | LeftOut::SlowAndClassical, Classical) => Some("left out by --method"),
            (LeftOut::SlowAndFarBehind, Classical) => Some("far behind by an estimate"),
            (
                LeftOut::Slow | LeftOut::SlowAndClassical | LeftOut::SlowAndFarBehind,
                Adaptive | Filtered | Centred,
            ) => Some("left out below level 7; --best tries it"),
            _ => None,
        }
    }
}

/// The bytes of what was tried.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Trials {
    /// By candidate; `None` if it was not tried. Once read: bytes more than the chosen one.
    pub bytes: [Option<u64>; N_CANDIDATES],
    /// Why others were not.
    pub left_out: LeftOut,
    /// True for a stream that looks at another variable: its own candidate is then what it would be without.
    pub has_reference: bool,
}

impl Trials {
    /// A stream of `n_bytes` was made; the smallest of a candidate counts.
    pub fn see(&mut self, candidate: Candidate, n_bytes: usize) {
        let least = &mut self.bytes[candidate as usize];
        *least = Some(least.map_or(n_bytes as u64, |least| least.min(n_bytes as u64)));
    }

    /// Appends what is known besides the chosen one, whose stream has `n_bytes`.
    pub fn write(&self, chosen: Candidate, n_bytes: usize, w: &mut ByteWriter) {
        if n_bytes < MIN_STREAM {
            return;
        }
        let others = || Candidate::ALL.into_iter().filter(|&other| other != chosen || self.has_reference);
        let tried = || others().filter_map(|other| Some((other, self.bytes[other as usize]?)));
        let flags = tried().map(|(other, _)| 1 << other.bit()).sum::<u64>();
        w.varint(flags | (self.left_out as u64) << LEFT_OUT.0);
        tried().for_each(|(_, bytes)| w.varint(bytes.saturating_sub(n_bytes as u64)));
    }

    /// Inverse of [`Trials::write`], to the end of a part; `None` if nothing stands there.
    pub fn read(r: &mut ByteReader) -> Result<Option<Trials>> {
        if r.remaining() == 0 {
            return Ok(None);
        }
        let flags = r.varint()?;
        let known =
            Candidate::ALL.into_iter().fold(LEFT_OUT.1 << LEFT_OUT.0, |known, c| known | 1 << c.bit());
        let left_out = LeftOut::ALL.get((flags >> LEFT_OUT.0 & LEFT_OUT.1) as usize);
        let left_out = *left_out.filter(|_| flags & !known == 0).ok_or_else(|| {
            Error::unsupported("expected a reason for what was not tried, found an unknown one")
        })?;
        let mut trials = Trials { left_out, ..Trials::default() };
        for candidate in Candidate::ALL {
            if flags >> candidate.bit() & 1 != 0 {
                trials.bytes[candidate as usize] = Some(r.varint()?);
            }
        }
        r.finish("a variable's part")?;
        Ok(Some(trials))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_come_back_and_small_streams_keep_none() {
        let mut trials = Trials { left_out: LeftOut::Slow, ..Trials::default() };
        trials.see(Candidate::Classical, 300);
        trials.see(Candidate::Fast, 200);
        trials.see(Candidate::Fast, 220);
        let mut w = ByteWriter::default();
        trials.write(Candidate::Fast, 200, &mut w);
        assert_eq!(w.bytes, [0b1000_0001, 0b110, 100]);
        let read = Trials::read(&mut ByteReader::new(&w.bytes)).unwrap().unwrap();
        assert_eq!(read.bytes, [Some(100), None, None, None, None, None, None, None, None]);
        assert_eq!(
            read.left_out.reason(Candidate::Filtered),
            Some("left out below level 7; --best tries it")
        );
        assert_eq!(read.left_out.reason(Candidate::Table), None);
        assert_eq!(Trials::read(&mut ByteReader::new(&[])).unwrap(), None);
        let mut w = ByteWriter::default();
        trials.write(Candidate::Classical, MIN_STREAM - 1, &mut w);
        assert!(w.bytes.is_empty());
    }

    #[test]
    fn what_looks_at_another_variable_keeps_what_it_would_be_alone() {
        let mut trials = Trials { has_reference: true, ..Trials::default() };
        trials.see(Candidate::Filtered, 300);
        let mut w = ByteWriter::default();
        trials.write(Candidate::Filtered, 200, &mut w);
        assert_eq!(w.bytes, [0b000_01000, 100]);
    }

    #[test]
    fn unknown_reasons_and_bytes_left_over_are_errors() {
        for bytes in [&[0x80, 0b1110][..], &[0x80, 0b10_0000], &[1], &[0, 0], &[1, 0x80]] {
            assert!(Trials::read(&mut ByteReader::new(bytes)).is_err(), "{bytes:?}");
        }
    }
}
