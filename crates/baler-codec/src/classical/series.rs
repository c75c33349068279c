//! Numbers as one series, whatever their shape: pco predicts each from those before it. Long rows need that, and a plain coder
//! makes nothing else of an array. The encoder only.

use super::pack::{fits_32_bits, pack_pco, pco_bytes};
use crate::coder::CoderByte;
use pco::DeltaSpec;

/// Values before each that pco's convolution takes in.
const CONVOLUTION_ORDER: usize = 16;
/// Fewest values for a convolution; pco 1.1 panics on some shorter ones.
const MIN_CONVOLVED: usize = 1024;
/// Values on which ways are compared, and fewer for a glance; in so many runs.
const PART: usize = 1 << 15;
const GLANCE: usize = 1 << 13;
const N_RUNS: usize = 4;
/// What a series must take of what differences along the axes do, to be coded as a whole.
const WORTH: f64 = 0.97;

/// How each number is predicted from those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// A linear prediction with fitted weights, for numbers of 32 bits. LIGO strain: 43 kB instead of 115 kB at 1e-3 of the range.
    Convolution,
    /// What pco chooses of differences up to the seventh and equal numbers farther back.
    Chosen,
}

impl Way {
    /// In words.
    pub fn name(self) -> &'static str {
        match self {
            Way::Convolution => "convolution pco",
            Way::Chosen => "series pco",
        }
    }

    /// The coder and bytes; nothing where numbers do not fit, or are few.
    pub fn pack(self, q: &[i64]) -> Option<(CoderByte, Vec<u8>)> {
        match self {
            Way::Convolution if q.len() < MIN_CONVOLVED || !fits_32_bits(q) => None,
            Way::Convolution => Some(pack_pco(q, DeltaSpec::TryConv1(CONVOLUTION_ORDER))),
            Way::Chosen => Some(pack_pco(q, DeltaSpec::Auto)),
        }
    }

    fn bytes(self, part: &[i64]) -> Option<(usize, Way)> {
        self.pack(part).map(|(_, bytes)| (bytes.len(), self))
    }
}

/// Runs of numbers, before others take their place.
pub struct Series {
    part: Vec<i64>,
    ways: &'static [Way],
}

impl Series {
    /// Of numbers to be tried in some ways.
    pub fn of(q: &[i64], ways: &'static [Way]) -> Series {
        Series { part: runs(q, PART), ways }
    }

    /// The way that beats `differences`, which stand where the numbers stood, by enough to be worth a try on all.
    pub fn best(&self, differences: &[i64]) -> Option<Way> {
        let (bytes, way) =
            self.ways.iter().filter_map(|way| way.bytes(&self.part)).min_by_key(|found| found.0)?;
        let plain = pco_bytes(&runs(differences, PART)) as f64;
        ((bytes as f64) < WORTH * plain).then_some(way)
    }
}

/// Bits a value of the best way, about.
pub fn expected_bits(q: &[i64]) -> f64 {
    let part = runs(q, GLANCE);
    let least = [Way::Convolution, Way::Chosen]
        .iter()
        .filter_map(|way| way.bytes(&part))
        .map(|(bytes, _)| bytes)
        .min();
    least.map_or(f64::INFINITY, |bytes| 8.0 * bytes as f64 / part.len().max(1) as f64)
}

/// About `n_values` in runs that lie all over, one behind the other; or all.
fn runs(q: &[i64], n_values: usize) -> Vec<i64> {
    if q.len() <= n_values {
        return q.to_vec();
    }
    let (length, apart) = (n_values / N_RUNS, q.len() / N_RUNS);
    (0..N_RUNS).flat_map(|run| &q[run * apart + (apart - length) / 2..][..length]).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classical::pack::unpack;
    use crate::classical::{decode, encode};

    /// Chunks of all lengths: pco 1.1 panics where a convolution's ends in a few values.
    #[test]
    fn series_of_any_length_come_back() {
        let lengths = [1, 2, 3, 7, 8, 9].into_iter().chain(1024..2048).chain([(1 << 18) + 3, (1 << 19) + 1]);
        for n_values in lengths {
            let q: Vec<i64> = (0..n_values as i64).map(|i| (i * i % 1013) * 1000 + i % 7).collect();
            for way in [Way::Convolution, Way::Chosen] {
                let Some((coder, bytes)) = way.pack(&q) else { continue };
                assert_eq!(unpack(coder, &bytes, n_values).unwrap(), q, "{way:?} {n_values}");
            }
        }
    }

    /// A series in rows: differences along the axes see jumps where a row ends.
    #[test]
    fn rows_that_go_on_are_a_series() {
        let value =
            |i: usize| (1e7 * (libm::sin(i as f64 * 0.01) + 0.3 * libm::cos(i as f64 * 0.037))) as i64;
        let q: Vec<i64> = (0..12_000).map(value).collect();
        let coded = encode(q.clone(), &[6, 40, 50], None);
        assert_eq!(coded.codec, Way::Chosen.name());
        assert_eq!(decode(&coded.bytes, &[6, 40, 50], None).unwrap(), q);
        assert!(coded.bytes.len() <= 2 + Way::Chosen.pack(&q).unwrap().1.len());
        let wide: Vec<i64> = q.iter().map(|q| q << 30).collect();
        let coded = encode(wide.clone(), &[6, 40, 50], None);
        assert_eq!(coded.codec, Way::Chosen.name());
        assert_eq!(decode(&coded.bytes, &[6, 40, 50], None).unwrap(), wide);
    }
}
