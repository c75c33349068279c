//! Tries on the file: which bounds were too small, which archive is the largest that fits, and which bound is next.

use super::curve::{COARSEST, FINEST, Steps};
use baler_codec::encode::output::Output;
use baler_data::error::Result;

/// Bounds within this factor are not told apart.
const SAME: f64 = 1.005;

/// An archive of the file.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Try {
    /// The bound it has.
    pub e: f64,
    /// Whether whole numbers may have an even step under it.
    pub any_step: bool,
    /// What it takes.
    pub n_bytes: u64,
}

/// All that were made.
#[derive(Default)]
pub struct Tries {
    /// How many.
    pub n: usize,
    /// With the largest bound of those that take too many bytes.
    pub too_fine: Option<Try>,
    /// With the smallest bound of those that fit.
    pub fits: Option<Try>,
    /// With the most bytes of those that fit.
    pub best: Option<Try>,
}

impl Tries {
    /// Takes one more into account; true if it is the best so far.
    pub fn see(&mut self, seen: Try, target: u64) -> bool {
        self.n += 1;
        if seen.n_bytes > target {
            self.too_fine = self.too_fine.filter(|other| other.e >= seen.e).or(Some(seen));
            return false;
        }
        self.fits = self.fits.filter(|other| other.e <= seen.e).or(Some(seen));
        // Bytes fall with the bound, about: a coarser one that did not fit says nothing of finer ones.
        self.too_fine = self.too_fine.filter(|other| other.e < seen.e);
        let is_best = self.best.is_none_or(|best| seen.n_bytes > best.n_bytes);
        if is_best {
            self.best = Some(seen);
        }
        is_best
    }

    /// The next bound to try: between what is known, where the bytes of both sides say; else near `e`; `None` where nothing
    /// is left between them.
    pub fn next(&self, e: f64, aim: f64, steps: &Steps) -> Option<f64> {
        let low = self.too_fine.map_or(0.0, |other| other.e);
        let high = self.fits.map_or(COARSEST * 1.01, |other| other.e);
        if high <= low * SAME {
            return None;
        }
        let near = match (self.too_fine, self.fits) {
            (Some(fine), Some(fits)) => {
                let share = libm::log(fine.n_bytes as f64 / aim)
                    / libm::log(fine.n_bytes as f64 / fits.n_bytes.max(1) as f64);
                low * libm::pow(high / low, share.clamp(0.05, 0.95))
            }
            _ => e,
        };
        let is_known =
            |e: f64| [self.too_fine, self.fits].iter().flatten().any(|of| steps.are_equal(of.e, e));
        let is_between = |e: &f64| *e > low * 1.002 && *e < high * 0.998;
        let middle = if low > 0.0 { (low * high).sqrt() } else { high / 2.0 };
        let finer = self.fits.and_then(|fits| steps.beside(fits.e)).map(|(finer, _)| finer);
        let coarser = self.too_fine.and_then(|fine| steps.beside(fine.e)).map(|(_, coarser)| coarser);
        let near = Some(near).filter(is_between);
        let beside = finer.or(coarser).filter(|e| *e > low && *e < high);
        let mut candidates = [near, beside, Some(middle).filter(is_between)].into_iter().flatten();
        candidates.find(|e| !is_known(*e) && (FINEST..=COARSEST).contains(e))
    }
}

/// Passes an archive on to an output and keeps a copy of it, if that is small.
pub struct Copied<'a> {
    out: &'a mut dyn Output,
    /// Header, and what is behind it.
    copy: [Vec<u8>; 2],
    /// The last frame of a run before.
    kept: Vec<u8>,
    most: usize,
    is_whole: bool,
}

impl Copied<'_> {
    /// Copies at most `most` bytes.
    pub fn new(out: &mut dyn Output, most: usize) -> Copied<'_> {
        Copied { out, copy: Default::default(), kept: Vec::new(), most, is_whole: true }
    }

    /// The copy, if it is whole.
    pub fn finish(self) -> Option<[Vec<u8>; 2]> {
        self.is_whole.then_some(self.copy)
    }

    fn take(&mut self, part: usize, bytes: &[u8]) {
        let n_bytes = self.copy[0].len() + self.copy[1].len() + bytes.len();
        if !self.is_whole || n_bytes > self.most {
            (self.is_whole, self.copy) = (false, Default::default());
            return;
        }
        self.copy[part].extend_from_slice(bytes);
    }
}

impl Output for Copied<'_> {
    fn begin(&mut self, header: &[u8]) -> Result<()> {
        self.take(0, header);
        self.out.begin(header)
    }

    fn restart(&mut self) -> Result<()> {
        (self.is_whole, self.copy) = (true, Default::default());
        self.out.restart()
    }

    fn kept_frame(&mut self) -> Result<Option<Vec<u8>>> {
        let frame = self.out.kept_frame()?;
        self.kept = frame.clone().unwrap_or_default();
        Ok(frame)
    }

    fn keep(&mut self, n_bytes: usize) {
        let kept = std::mem::take(&mut self.kept);
        self.take(1, &kept);
        self.out.keep(n_bytes);
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.take(1, bytes);
        self.out.write(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(e: f64, n_bytes: u64) -> Try {
        Try { e, any_step: false, n_bytes }
    }

    #[test]
    fn tries_stay_between_what_is_known() {
        let (mut tries, steps) = (Tries::default(), Steps::default());
        assert!(tries.see(of(1e-2, 80), 100));
        assert_eq!(tries.next(5e-3, 96.0, &steps), Some(5e-3));
        assert_eq!(tries.next(2e-2, 96.0, &steps), Some(5e-3), "coarser is no use");
        assert!(!tries.see(of(5e-3, 120), 100));
        let next = tries.next(1e-3, 96.0, &steps).unwrap();
        assert!(next > 7e-3 && next < 8e-3, "as the bytes of both say: {next}");
        tries.see(of(9.99e-3, 101), 100);
        assert_eq!(tries.next(9.995e-3, 96.0, &steps), None);
        assert_eq!(tries.best, Some(of(1e-2, 80)));
    }

    #[test]
    fn a_finer_bound_that_fits_outweighs_a_coarser_one_that_does_not() {
        let (mut tries, steps) = (Tries::default(), Steps::default());
        tries.see(of(0.5, 120), 100);
        assert_eq!(tries.next(0.5, 96.0, &steps), None, "none is coarser");
        assert!(tries.see(of(0.49, 60), 100));
        assert_eq!(tries.next(0.2, 96.0, &steps), Some(0.2));
    }

    #[test]
    fn steps_of_whole_numbers_end_the_tries() {
        // A range of 100: a bound of E has the step 1 + 2 trunc(100 E).
        let (mut tries, steps) = (Tries::default(), Steps::of(vec![100.0]));
        tries.see(of(0.0301, 70), 100);
        let next = tries.next(0.0303, 96.0, &steps).unwrap();
        assert!(!steps.are_equal(next, 0.0301) && steps.are_equal(next, 0.0299), "{next}");
        tries.see(of(next, 110), 100);
        assert_eq!(tries.next(0.0301, 96.0, &steps), None, "nothing between them");
    }

    #[test]
    fn copies_are_whole_or_none() {
        let mut bytes = Vec::new();
        let mut copied = Copied::new(&mut bytes, 8);
        copied.begin(b"head").unwrap();
        copied.write(b"rest").unwrap();
        assert_eq!(copied.finish(), Some([b"head".to_vec(), b"rest".to_vec()]));
        let mut copied = Copied::new(&mut bytes, 8);
        copied.begin(b"headers").unwrap();
        copied.write(b"rest").unwrap();
        assert_eq!(copied.finish(), None);
        assert_eq!(bytes, b"headrestheadersrest");
    }
}
