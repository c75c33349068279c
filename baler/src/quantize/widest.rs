//! Runs loops compiled for the widest vectors that the machine has. Only integer and float64 `+ - * /` are in them,
//! which give the same bits at every width; the compiler never fuses a multiplication with an addition.

/// Runs `work`, and what is inlined into it, with AVX2 where there is AVX2.
#[inline]
pub fn widest<R>(work: impl FnOnce() -> R) -> R {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("lzcnt") {
        // SAFETY: both features were detected.
        return unsafe { with_avx2(work) };
    }
    work()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,lzcnt")]
fn with_avx2<R>(work: impl FnOnce() -> R) -> R {
    work()
}
