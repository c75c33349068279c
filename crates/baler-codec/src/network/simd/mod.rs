//! The inner loop of the networks for each instruction set, chosen once at run time.
//!
//! In: one `Call`, a tile of outputs for up to 32 rows. Out: its finished lines or sums. All unsafe code of
//! the networks is below this module. A kernel for another instruction set is one more file here with a `tile`
//! function, one more [`SimdLevel`], and nothing else; the tests run every level that the machine has.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod portable;

use super::lanes::{self, Line, Map, Sums};
use baler_data::error::{Error, Result};
use std::sync::OnceLock;

/// Which kernels run. All give the same bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SimdLevel {
    /// Plain loops, vectorized by the compiler for the build's target (NEON on AArch64, SSE2 on x86-64).
    Scalar,
    /// AVX2: `vpmaddwd` on 8 lanes.
    Avx2,
    /// AVX-512 BW: `vpmaddwd` on 16 lanes.
    Avx512Bw,
    /// AVX-512 VNNI: `vpdpwssd` on 16 lanes.
    Avx512Vnni,
}

impl SimdLevel {
    /// Slowest first.
    pub const ALL: [SimdLevel; 4] =
        [SimdLevel::Scalar, SimdLevel::Avx2, SimdLevel::Avx512Bw, SimdLevel::Avx512Vnni];

    /// Whether this machine can run it.
    pub fn is_available(self) -> bool {
        #[cfg(target_arch = "x86_64")]
        return match self {
            SimdLevel::Scalar => true,
            SimdLevel::Avx2 => is_x86_feature_detected!("avx2"),
            SimdLevel::Avx512Bw => {
                is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512bw")
            }
            SimdLevel::Avx512Vnni => {
                SimdLevel::Avx512Bw.is_available() && is_x86_feature_detected!("avx512vnni")
            }
        };
        #[cfg(not(target_arch = "x86_64"))]
        return self == SimdLevel::Scalar;
    }

    /// Largest tile: outputs that stay in registers over all inputs. Even, at most 14.
    pub(super) fn tile_outputs(self) -> usize {
        match self {
            SimdLevel::Scalar => 4,
            SimdLevel::Avx2 => 6,
            SimdLevel::Avx512Bw => 12,
            SimdLevel::Avx512Vnni => 14,
        }
    }

    /// Blocks of 16 rows that one call takes at most, 1 or 2.
    pub(super) fn max_blocks(self) -> usize {
        if matches!(self, SimdLevel::Scalar | SimdLevel::Avx2) { 1 } else { 2 }
    }
}

/// The level that networks use: the fastest of this machine, or what the environment variable `BALER_SIMD`
/// (`scalar`, `avx2`, `avx512`) asks for. Read once.
///
/// # Errors
/// [`baler_data::error::ErrorKind::Config`] for another value, or for a level that this machine lacks.
pub fn simd_level() -> Result<SimdLevel> {
    static LEVEL: OnceLock<SimdLevel> = OnceLock::new();
    if let Some(&level) = LEVEL.get() {
        return Ok(level);
    }
    let request = std::env::var_os("BALER_SIMD").map(|value| value.to_string_lossy().into_owned());
    let level = choose(request.as_deref())?;
    Ok(*LEVEL.get_or_init(|| level))
}

fn choose(request: Option<&str>) -> Result<SimdLevel> {
    let candidates: &[SimdLevel] = match request {
        None => &SimdLevel::ALL,
        Some("scalar") => &[SimdLevel::Scalar],
        Some("avx2") => &[SimdLevel::Avx2],
        Some("avx512") => &[SimdLevel::Avx512Bw, SimdLevel::Avx512Vnni],
        Some(other) => {
            return Err(Error::config(format!(
                "BALER_SIMD: expected scalar, avx2 or avx512, found '{other}'; unset it for the fastest"
            )));
        }
    };
    candidates.iter().rev().copied().find(|level| level.is_available()).ok_or_else(|| {
        Error::config(format!(
            "BALER_SIMD: expected a level that this machine has, found '{}'; unset it for the fastest",
            request.unwrap_or("nothing")
        ))
    })
}

/// A level that this machine was found to have: the proof that its kernels may be called.
#[derive(Debug, Clone, Copy)]
pub(super) struct Available(SimdLevel);

impl Available {
    pub fn new(level: SimdLevel) -> Result<Available> {
        if level.is_available() {
            Ok(Available(level))
        } else {
            Err(Error::config(format!("expected a SIMD level that this machine has, found {level:?}")))
        }
    }

    pub fn level(self) -> SimdLevel {
        self.0
    }

    /// [`Map::load`], faster where the map is flat and the kernels know how.
    pub fn load_rows<const L: usize>(self, map: Map, rows: &[i16], lines: &mut [Line]) {
        match self.0 {
            // SAFETY: an `Available` is made only after the features were detected.
            #[cfg(target_arch = "x86_64")]
            SimdLevel::Avx512Bw | SimdLevel::Avx512Vnni if map.positions == 1 => unsafe {
                avx512::load_rows::<L>(rows, map.channels, lines)
            },
            _ => map.load::<L>(rows, lines),
        }
    }

    /// [`lanes::store`], faster where the kernels know how.
    pub fn store_rows<const L: usize>(self, sums: &[Sums], n_features: usize, rows: &mut [i32]) {
        match self.0 {
            // SAFETY: an `Available` is made only after the features were detected.
            #[cfg(target_arch = "x86_64")]
            SimdLevel::Avx512Bw | SimdLevel::Avx512Vnni => unsafe {
                avx512::store_rows::<L>(sums, n_features, rows)
            },
            _ => lanes::store::<L>(sums, n_features, rows),
        }
    }

    /// Runs one tile for L blocks of 16 rows.
    pub fn tile<const L: usize>(self, call: Call) {
        match self.0 {
            SimdLevel::Scalar => portable::tile::<L>(call),
            // SAFETY (the three below): an `Available` is made only after the features were detected.
            #[cfg(target_arch = "x86_64")]
            SimdLevel::Avx2 => unsafe { avx2::tile::<L>(call) },
            #[cfg(target_arch = "x86_64")]
            SimdLevel::Avx512Bw => unsafe { avx512::bw::tile::<L>(call) },
            #[cfg(target_arch = "x86_64")]
            SimdLevel::Avx512Vnni => unsafe { avx512::vnni::tile::<L>(call) },
            #[cfg(not(target_arch = "x86_64"))]
            _ => unreachable!("not available on this architecture"),
        }
    }
}

/// Integers of the outputs that one call computes, in the order in which a kernel reads them: a layer's tiles
/// follow each other in memory, so that prefetching runs from one into the next.
///
/// Every activation is `y = max(acc >> shift, acc >> negative_shift, floor)`: linear and ReLU have
/// negative_shift = shift, leaky ReLU of slope 2^-k has shift + k (two floor shifts are one), ReLU has floor 0.
/// The rounding term is inside the bias; the overflow rule leaves room for it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tile<'a> {
    /// O: even, at most 14.
    pub n_outputs: usize,
    /// Rows of O: the biases with their rounding term; for each line two i16 weights, the first in the low half;
    /// the shifts, 0..=30; the negative shifts, 0..=31.
    pub stream: &'a [i32],
    /// Lower end of the finished sums: 0 for ReLU, i32::MIN otherwise.
    pub floor: i32,
}

/// The parts of [`Tile::stream`].
struct Parts<'a, const O: usize> {
    bias: &'a [i32; O],
    weights: &'a [[i32; O]],
    shift: &'a [i32; O],
    negative_shift: &'a [i32; O],
}

impl<'a> Tile<'a> {
    #[inline(always)]
    fn parts<const O: usize>(&self) -> Parts<'a, O> {
        let [bias, weights @ .., shift, negative_shift] = self.stream.as_chunks::<O>().0 else {
            unreachable!("a tile has a bias and two shifts")
        };
        Parts { bias, weights, shift, negative_shift }
    }
}

/// One product of a convolution: line read and row of the tile's weights.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tap {
    pub line_idx: u32,
    pub weight_idx: u32,
}

/// What a tile reads.
#[derive(Debug, Clone, Copy)]
pub(super) enum Reads<'a> {
    /// Line k for row k of the weights.
    All,
    /// Only these.
    Taps(&'a [Tap]),
}

/// Where a tile's outputs go.
#[derive(Debug)]
pub(super) enum Writes<'a> {
    /// Clamped to i16: pair p of the tile goes to line `p * stride`, of (n_lines, L).
    Lines { lines: &'a mut [Line], stride: usize },
    /// Not clamped: output o of the tile goes to `o * stride`, of (n_outputs, L).
    Sums { sums: &'a mut [Sums], stride: usize },
}

/// One tile of one layer for L blocks of 16 rows.
#[derive(Debug)]
pub(super) struct Call<'a> {
    pub tile: Tile<'a>,
    /// (n_lines, L)
    pub source: &'a [Line],
    pub reads: Reads<'a>,
    pub writes: Writes<'a>,
}

/// Calls `$kernel::<O, L>` for the O of this call's tile; O is even and at most 14.
macro_rules! for_each_width {
    ($kernel:ident, $call:expr) => {
        match $call.tile.n_outputs {
            2 => $kernel::<2, L>($call),
            4 => $kernel::<4, L>($call),
            6 => $kernel::<6, L>($call),
            8 => $kernel::<8, L>($call),
            10 => $kernel::<10, L>($call),
            12 => $kernel::<12, L>($call),
            14 => $kernel::<14, L>($call),
            n_outputs => unreachable!("a tile of {n_outputs} outputs"),
        }
    };
}
use for_each_width;

/// A loop over the pairs of a tile, unrolled by hand: where the compiler does not, the sums take the way through
/// the stack. This and `shift_right` took 6 % off the encoder of benches/inference.rs.
#[cfg(target_arch = "x86_64")]
macro_rules! for_each_pair {
    ($pair:ident < $n_pairs:expr, $body:block) => {
        for_each_pair!(@ $pair, $n_pairs, $body, 0 1 2 3 4 5 6)
    };
    (@ $pair:ident, $n_pairs:expr, $body:block, $($idx:literal)*) => {
        $(if $idx < $n_pairs {
            let $pair = $idx;
            $body
        })*
    };
}
#[cfg(target_arch = "x86_64")]
use for_each_pair;

#[cfg(test)]
mod tests {
    use super::*;
    use baler_data::error::ErrorKind;

    #[test]
    fn the_request_decides_and_nonsense_is_refused() {
        assert_eq!(choose(Some("scalar")).unwrap(), SimdLevel::Scalar);
        assert!(choose(None).unwrap().is_available());
        let error = choose(Some("sse9")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert_eq!(
            error.to_string(),
            "BALER_SIMD: expected scalar, avx2 or avx512, found 'sse9'; unset it for the fastest"
        );
        for (name, level) in [("avx2", SimdLevel::Avx2), ("avx512", SimdLevel::Avx512Bw)] {
            assert_eq!(choose(Some(name)).is_ok(), level.is_available());
        }
    }
}
