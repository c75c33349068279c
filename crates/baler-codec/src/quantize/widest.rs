//! Runs loops compiled for wide vectors. Only integer and float64 `+ - * /` are in them, which give the same bits at every
//! width; the compiler never fuses a multiplication with an addition.
//!
//! AVX2 is the widest here: compiled for AVX-512, predictive streams take up to 1.3 times as long and never less.

#[cfg(target_arch = "x86_64")]
use crate::network::{SimdLevel, simd_level};

/// Runs `work`, and what is inlined into it, with AVX2 where there is AVX2 and `BALER_SIMD` does not ask for less.
#[inline]
pub fn widest<R>(work: impl FnOnce() -> R) -> R {
    #[cfg(target_arch = "x86_64")]
    if simd_level().is_ok_and(|level| level != SimdLevel::Scalar) && has_avx2_and_bit_counts() {
        // SAFETY: all these features were detected.
        return unsafe { with_avx2(work) };
    }
    work()
}

#[cfg(target_arch = "x86_64")]
fn has_avx2_and_bit_counts() -> bool {
    is_x86_feature_detected!("avx2")
        && is_x86_feature_detected!("lzcnt")
        && is_x86_feature_detected!("popcnt")
        && is_x86_feature_detected!("bmi1")
        && is_x86_feature_detected!("bmi2")
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,lzcnt,popcnt,bmi1,bmi2")]
fn with_avx2<R>(work: impl FnOnce() -> R) -> R {
    work()
}
