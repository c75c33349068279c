//! Which vector implementation runs: the widest that the machine has, or the one named by `BALER_SIMD`.
//! Refuses unknown names and instruction sets that the machine lacks.

use baler_data::error::{Error, Result};

/// An implementation that this machine can run: values other than `SCALAR` come from detection only, which is what
/// makes the calls in `kernel!` sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Simd(pub(super) Level);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Level {
    Scalar,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl Simd {
    /// Runs everywhere. On x86-64 its fused multiply-add is a library call: for tests of small networks.
    pub(crate) const SCALAR: Simd = Simd(Level::Scalar);

    /// What `BALER_SIMD` (scalar, avx2, avx512) asks for; without it the widest available.
    pub(crate) fn from_env() -> Result<Self> {
        match std::env::var("BALER_SIMD") {
            Ok(name) => Self::named(&name),
            Err(std::env::VarError::NotPresent) => Ok(Self::widest()),
            Err(e) => Err(Error::config(format!("BALER_SIMD: {e}"))),
        }
    }

    fn named(name: &str) -> Result<Self> {
        match name {
            "scalar" => Ok(Self::SCALAR),
            "avx2" | "avx512" => Self::available()
                .into_iter()
                .find(|(own, _)| *own == name)
                .map(|(_, simd)| simd)
                .ok_or_else(|| Error::config(format!("BALER_SIMD={name}: this machine does not have it"))),
            _ => Err(Error::config(format!("BALER_SIMD: expected scalar, avx2 or avx512, found '{name}'"))),
        }
    }

    pub(crate) fn widest() -> Self {
        Self::available()[0].1
    }

    /// All that this machine can run, the widest first.
    pub(crate) fn available() -> Vec<(&'static str, Simd)> {
        let mut found = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            let avx2 = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
            if avx2 && is_x86_feature_detected!("avx512f") {
                found.push(("avx512", Simd(Level::Avx512)));
            }
            if avx2 {
                found.push(("avx2", Simd(Level::Avx2)));
            }
        }
        found.push(("scalar", Self::SCALAR));
        found
    }
}

/// Defines `fn name(simd, arguments)` that runs `generic::<V>(arguments)` compiled for the instruction set.
macro_rules! kernel {
    ($(#[$doc:meta])* unsafe fn $name:ident => $generic:ident($($arg:ident: $ty:ty),* $(,)?)) => {
        $(#[$doc])*
        unsafe fn $name(simd: $crate::kernels::Simd, $($arg: $ty),*) {
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx512f,avx2,fma")]
            unsafe fn avx512($($arg: $ty),*) {
                // SAFETY: as for the caller.
                unsafe { $generic::<$crate::kernels::vector::Avx512>($($arg),*) }
            }
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma")]
            unsafe fn avx2($($arg: $ty),*) {
                // SAFETY: as for the caller.
                unsafe { $generic::<$crate::kernels::vector::Avx2>($($arg),*) }
            }
            // SAFETY: a `Simd` other than SCALAR exists only where detection found its instructions; the rest is
            // the caller's contract.
            unsafe {
                match simd.0 {
                    #[cfg(target_arch = "x86_64")]
                    $crate::kernels::simd::Level::Avx512 => avx512($($arg),*),
                    #[cfg(target_arch = "x86_64")]
                    $crate::kernels::simd::Level::Avx2 => avx2($($arg),*),
                    $crate::kernels::simd::Level::Scalar => {
                        $generic::<$crate::kernels::vector::Portable>($($arg),*)
                    }
                }
            }
        }
    };
}
pub(super) use kernel;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_names_are_refused() {
        let error = Simd::named("sse").unwrap_err();
        assert_eq!(error.to_string(), "BALER_SIMD: expected scalar, avx2 or avx512, found 'sse'");
        assert_eq!(Simd::named("scalar").unwrap(), Simd::SCALAR);
    }
}
