//! Runs loops compiled for the widest vectors that the machine has. Only integer and float64 `+ - * /` are in them,
//! which give the same bits at every width; the compiler never fuses a multiplication with an addition.

/// Runs `work`, and what is inlined into it, with AVX2 where there is AVX2.
#[inline]
pub fn widest<R>(work: impl FnOnce() -> R) -> R {
    #[cfg(target_arch = "x86_64")]
    if has_avx2_and_bit_counts() {
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
