//! What is promised of a variable beside its bound, as bytes and back, and the test of it: thresholds that no value crosses, and
//! limits that none leaves.

use crate::options::Options;
use crate::options::rules::last_match;
use crate::quantize::sides::Thresholds;
use crate::quantize::sum::SumOfDifferences;
use baler_data::bytes::{ByteReader, ByteWriter};
use baler_data::dataset::Values;
use baler_data::dataset::kind::Kind;
use baler_data::element::Element;
use baler_data::error::{Error, Result};
use baler_data::names::pattern_matches;
use baler_data::with_dtype;

/// Most thresholds of a variable.
pub const MAX_CUTS: usize = 256;

/// Promises beside the bound, as asked and as the archive stores them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Promises {
    /// Thresholds, ascending: each value is less than, equal to or greater than each, as it was.
    pub cuts: Vec<f64>,
    /// No value is below the first or above the second, but for missing ones and NaN.
    pub limits: Option<[f64; 2]>,
    /// The sum of each chunk is that of the originals, but for rounding.
    pub keeps_sum: bool,
}

/// How many values break promises.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Broken {
    /// Values on another side of a threshold.
    pub n_crossed: u64,
    /// Values outside the limits.
    pub n_beyond: u64,
    /// Chunks whose sum is another.
    pub n_sums: u64,
}

impl Broken {
    /// All of them.
    pub fn count(&self) -> u64 {
        self.n_crossed + self.n_beyond + self.n_sums
    }
}

impl Promises {
    /// Thresholds in any order, and limits.
    pub fn new(mut cuts: Vec<f64>, limits: Option<[f64; 2]>) -> Promises {
        cuts.iter_mut().for_each(|cut| *cut += 0.0); // of both zeros the positive one
        cuts.sort_unstable_by(f64::total_cmp);
        cuts.dedup();
        Promises { cuts, limits, keeps_sum: false }
    }

    /// What the options promise for a variable of a kind beside its bound.
    ///
    /// # Errors
    /// [`baler_data::ErrorKind::Config`] for too many cuts, and where text is named.
    pub fn asked(options: &Options, name: &str, kind: Kind) -> Result<Promises> {
        let cuts = options.cuts.iter().filter(|(pattern, _)| pattern_matches(pattern, name));
        let cuts = cuts.flat_map(|(_, cuts)| cuts.iter().copied()).collect();
        let mut promises = Promises::new(cuts, last_match(&options.limits, name));
        promises.keeps_sum = options.keep_sum.iter().any(|pattern| pattern_matches(pattern, name));
        if kind.is_opaque() && promises != Promises::default() {
            let of_limits = options.limits.iter().map(|(pattern, _)| pattern);
            let of_cuts = options.cuts.iter().map(|(pattern, _)| pattern);
            let mut patterns = of_cuts.chain(of_limits).chain(&options.keep_sum);
            return match patterns.any(|pattern| pattern == name) {
                true => Err(Error::config("expected cuts, limits and sums of numbers, found text")),
                false => Ok(Promises::default()),
            };
        }
        match promises.cuts.len() {
            0..=MAX_CUTS => Ok(promises),
            n_cuts => Err(Error::config(format!("expected at most {MAX_CUTS} cuts, found {n_cuts}"))),
        }
    }

    /// The number of thresholds, each; flags (1: limits, 2: the sum), and both limits if there are any.
    pub fn write(&self, w: &mut ByteWriter) {
        w.count(self.cuts.len());
        self.cuts.iter().for_each(|&cut| w.f64(cut));
        w.u8(self.limits.is_some() as u8 | (self.keeps_sum as u8) << 1);
        self.limits.iter().flatten().for_each(|&limit| w.f64(limit));
    }

    /// Inverse of [`Promises::write`]; there is one at least.
    pub fn read(r: &mut ByteReader) -> Result<Promises> {
        let n_cuts = r.count_of_items()?;
        if n_cuts > MAX_CUTS {
            return Err(Error::corrupt(format!("expected at most {MAX_CUTS} cuts, found {n_cuts}")));
        }
        let cuts: Vec<f64> = (0..n_cuts).map(|_| r.f64()).collect::<Result<_>>()?;
        let flags = r.u8()?;
        if flags > 3 || flags == 0 && n_cuts == 0 {
            return Err(Error::corrupt(format!(
                "expected a promise, found {n_cuts} cuts and the flags {flags}"
            )));
        }
        let limits = if flags & 1 != 0 { Some([r.f64()?, r.f64()?]) } else { None };
        let is_finite = cuts.iter().chain(limits.iter().flatten()).all(|x| x.is_finite());
        if !is_finite || cuts.windows(2).any(|pair| pair[0] >= pair[1]) || limits.is_some_and(|[a, b]| a > b)
        {
            return Err(Error::corrupt("expected cuts that ascend and limits in order, found others"));
        }
        Ok(Promises { cuts, limits, keeps_sum: flags & 2 != 0 })
    }

    /// How many decoded values break them; without originals, only those outside the limits are seen. `patterns` are the bits of
    /// missing values.
    pub fn broken(&self, original: Option<&Values>, decoded: &Values, patterns: &[u64]) -> Broken {
        fn count<T: Element>(
            promises: &Promises,
            original: Option<&[T]>,
            decoded: &[T],
            patterns: &[u64],
        ) -> Broken {
            let thresholds = Thresholds::of::<T>(&promises.cuts);
            let pairs = original.unwrap_or_default().iter().zip(decoded);
            let n_crossed = pairs.filter(|&(&x, &y)| !thresholds.hold(x, y)).count() as u64;
            let n_beyond = promises.limits.map_or(0, |[low, high]| {
                let is_beyond = |y: &&T| {
                    let x = y.to_f64();
                    (x < low || x > high) && !patterns.contains(&y.to_bits64())
                };
                decoded.iter().filter(is_beyond).count() as u64
            });
            let is_kept = |original: &[T]| SumOfDifferences::of(original, decoded).is_rounding(original);
            let n_sums = original.is_some_and(|original| promises.keeps_sum && !is_kept(original)) as u64;
            Broken { n_crossed, n_beyond, n_sums }
        }
        if *self == Promises::default() {
            return Broken::default();
        }
        with_dtype!(decoded.dtype(), T => {
            let original = original.and_then(|original| original.as_slice::<T>());
            count(self, original, decoded.as_slice::<T>().unwrap_or_default(), patterns)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn promises_come_back_or_are_refused() {
        let all = Promises::new(vec![30.0, -0.0, 20.0, 0.0], Some([0.0, 1.0]));
        assert_eq!(all.cuts, [0.0, 20.0, 30.0]);
        for promises in [all, Promises::new(vec![1.0], None), Promises::new(vec![], Some([-1.0, -1.0]))] {
            let mut w = ByteWriter::default();
            promises.write(&mut w);
            let mut r = ByteReader::new(&w.bytes);
            assert_eq!(Promises::read(&mut r).unwrap(), promises);
            assert!(
                (0..w.bytes.len()).all(|end| Promises::read(&mut ByteReader::new(&w.bytes[..end])).is_err())
            );
        }
        for wrong in [
            Promises { cuts: vec![2.0, 1.0], ..Promises::default() },
            Promises { cuts: vec![f64::NAN], ..Promises::default() },
            Promises { limits: Some([1.0, 0.0]), ..Promises::default() },
            Promises::default(),
        ] {
            let mut w = ByteWriter::default();
            wrong.write(&mut w);
            assert!(Promises::read(&mut ByteReader::new(&w.bytes)).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn all_rules_that_match_count() {
        let mut options = Options::new(crate::options::BoundSpec::Abs(1.0));
        options.cuts =
            vec![("p*".into(), vec![3.0]), ("pt".into(), vec![1.0, 3.0]), ("eta".into(), vec![9.0])];
        options.limits = vec![("*".into(), [0.0, 9.0]), ("pt".into(), [0.0, 5.0])];
        let promises = Promises::asked(&options, "pt", Kind::Number).unwrap();
        assert_eq!(promises, Promises::new(vec![1.0, 3.0], Some([0.0, 5.0])));
        assert!(Promises::asked(&options, "pt", Kind::Text).is_err());
        assert_eq!(Promises::asked(&options, "p", Kind::Text).unwrap(), Promises::default());
        options.cuts.push(("pt".into(), (0..300).map(f64::from).collect()));
        assert!(
            Promises::asked(&options, "pt", Kind::Number).unwrap_err().to_string().contains("at most 256")
        );
    }

    #[test]
    fn what_breaks_a_promise_is_counted() {
        let promises = Promises::new(vec![20.0], Some([0.0, 100.0]));
        let x = Values::F32(vec![19.0, 20.0, 21.0, f32::NAN, -999.0, 100.0]);
        let y = Values::F32(vec![20.0, 20.0, 19.9, f32::NAN, -999.0, 100.5]);
        let missing = [(-999.0f32).to_bits() as u64];
        assert_eq!(promises.broken(Some(&x), &y, &missing), Broken { n_crossed: 2, n_beyond: 1, n_sums: 0 });
        assert_eq!(promises.broken(Some(&x), &x, &missing), Broken::default());
        assert_eq!(promises.broken(None, &y, &[]), Broken { n_crossed: 0, n_beyond: 2, n_sums: 0 });
    }
}
