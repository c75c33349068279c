//! Sixteen f32 lanes, three times: one AVX-512 register, two AVX2 registers, an array. Every operation is exactly
//! rounded (IEEE 754) or moves data, so the three agree in every bit, NaN payloads aside.

/// Sixteen lanes. The functions are unsafe because the instructions may be missing; pointers need 16 valid floats.
#[allow(clippy::missing_safety_doc)]
pub(super) trait Vector: Copy {
    /// Rows and vectors a row of the product's register tile.
    const TILE_ROWS: usize;
    const TILE_VECTORS: usize;
    /// Side of the square register tile of the dot kernel.
    const DOT_TILE: usize;

    unsafe fn splat(value: f32) -> Self;
    unsafe fn load(from: *const f32) -> Self;
    unsafe fn store(self, to: *mut f32);
    unsafe fn add(self, other: Self) -> Self;
    unsafe fn sub(self, other: Self) -> Self;
    unsafe fn mul(self, other: Self) -> Self;
    unsafe fn div(self, other: Self) -> Self;
    unsafe fn sqrt(self) -> Self;
    /// self * factor + addend, rounded once.
    unsafe fn mul_add(self, factor: Self, addend: Self) -> Self;
    /// self > other ? self : other, lane by lane.
    unsafe fn max(self, other: Self) -> Self;
    /// self > limit ? yes : no, lane by lane (no if NaN).
    unsafe fn select_gt(self, limit: Self, yes: Self, no: Self) -> Self;
    /// to[j][i] = from[i][j] for an 8 x 8 block, with the given row strides.
    unsafe fn transpose8(from: *const f32, from_row: usize, to: *mut f32, to_row: usize);
}

/// An array; the compiler makes NEON of it on aarch64.
#[derive(Clone, Copy)]
pub(super) struct Portable([f32; 16]);

impl Portable {
    #[inline(always)]
    fn zip(self, other: Self, f: impl Fn(f32, f32) -> f32) -> Self {
        Portable(std::array::from_fn(|i| f(self.0[i], other.0[i])))
    }
}

impl Vector for Portable {
    const TILE_ROWS: usize = 6;
    const TILE_VECTORS: usize = 1;
    const DOT_TILE: usize = 2;

    #[inline(always)]
    unsafe fn splat(value: f32) -> Self {
        Portable([value; 16])
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: 16 floats are readable (trait contract).
        Portable(unsafe { from.cast::<[f32; 16]>().read() })
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: 16 floats are writable (trait contract).
        unsafe { to.cast::<[f32; 16]>().write(self.0) }
    }
    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        self.zip(other, |a, b| a + b)
    }
    #[inline(always)]
    unsafe fn sub(self, other: Self) -> Self {
        self.zip(other, |a, b| a - b)
    }
    #[inline(always)]
    unsafe fn mul(self, other: Self) -> Self {
        self.zip(other, |a, b| a * b)
    }
    #[inline(always)]
    unsafe fn div(self, other: Self) -> Self {
        self.zip(other, |a, b| a / b)
    }
    #[inline(always)]
    unsafe fn sqrt(self) -> Self {
        Portable(self.0.map(f32::sqrt))
    }
    #[inline(always)]
    unsafe fn mul_add(self, factor: Self, addend: Self) -> Self {
        Portable(std::array::from_fn(|i| self.0[i].mul_add(factor.0[i], addend.0[i])))
    }
    #[inline(always)]
    unsafe fn max(self, other: Self) -> Self {
        self.zip(other, |a, b| if a > b { a } else { b })
    }
    #[inline(always)]
    unsafe fn select_gt(self, limit: Self, yes: Self, no: Self) -> Self {
        Portable(std::array::from_fn(|i| if self.0[i] > limit.0[i] { yes.0[i] } else { no.0[i] }))
    }
    #[inline(always)]
    unsafe fn transpose8(from: *const f32, from_row: usize, to: *mut f32, to_row: usize) {
        for i in 0..8 {
            for j in 0..8 {
                // SAFETY: the block is readable and writable (trait contract).
                unsafe { *to.add(j * to_row + i) = *from.add(i * from_row + j) }
            }
        }
    }
}

#[cfg(target_arch = "x86_64")]
pub(super) use x86::{Avx2, Avx512};

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::Vector;
    use std::arch::x86_64::*;

    /// Two 256-bit registers.
    #[derive(Clone, Copy)]
    pub(in crate::kernels) struct Avx2(__m256, __m256);

    /// One 512-bit register.
    #[derive(Clone, Copy)]
    pub(in crate::kernels) struct Avx512(__m512);

    // SAFETY of every block below: the caller compiled for, and detected, the instructions (trait contract), and
    // pointers are valid for 16 floats.

    impl Vector for Avx2 {
        // 6 x 2 accumulators + 2 inputs + 1 broadcast of 16 registers.
        const TILE_ROWS: usize = 6;
        const TILE_VECTORS: usize = 1;
        const DOT_TILE: usize = 2;

        #[inline(always)]
        unsafe fn splat(value: f32) -> Self {
            unsafe { Avx2(_mm256_set1_ps(value), _mm256_set1_ps(value)) }
        }
        #[inline(always)]
        unsafe fn load(from: *const f32) -> Self {
            unsafe { Avx2(_mm256_loadu_ps(from), _mm256_loadu_ps(from.add(8))) }
        }
        #[inline(always)]
        unsafe fn store(self, to: *mut f32) {
            unsafe {
                _mm256_storeu_ps(to, self.0);
                _mm256_storeu_ps(to.add(8), self.1);
            }
        }
        #[inline(always)]
        unsafe fn add(self, other: Self) -> Self {
            unsafe { Avx2(_mm256_add_ps(self.0, other.0), _mm256_add_ps(self.1, other.1)) }
        }
        #[inline(always)]
        unsafe fn sub(self, other: Self) -> Self {
            unsafe { Avx2(_mm256_sub_ps(self.0, other.0), _mm256_sub_ps(self.1, other.1)) }
        }
        #[inline(always)]
        unsafe fn mul(self, other: Self) -> Self {
            unsafe { Avx2(_mm256_mul_ps(self.0, other.0), _mm256_mul_ps(self.1, other.1)) }
        }
        #[inline(always)]
        unsafe fn div(self, other: Self) -> Self {
            unsafe { Avx2(_mm256_div_ps(self.0, other.0), _mm256_div_ps(self.1, other.1)) }
        }
        #[inline(always)]
        unsafe fn sqrt(self) -> Self {
            unsafe { Avx2(_mm256_sqrt_ps(self.0), _mm256_sqrt_ps(self.1)) }
        }
        #[inline(always)]
        unsafe fn mul_add(self, factor: Self, addend: Self) -> Self {
            unsafe {
                Avx2(_mm256_fmadd_ps(self.0, factor.0, addend.0), _mm256_fmadd_ps(self.1, factor.1, addend.1))
            }
        }
        #[inline(always)]
        unsafe fn max(self, other: Self) -> Self {
            unsafe { Avx2(_mm256_max_ps(self.0, other.0), _mm256_max_ps(self.1, other.1)) }
        }
        #[inline(always)]
        unsafe fn select_gt(self, limit: Self, yes: Self, no: Self) -> Self {
            unsafe {
                Avx2(
                    _mm256_blendv_ps(no.0, yes.0, _mm256_cmp_ps::<_CMP_GT_OQ>(self.0, limit.0)),
                    _mm256_blendv_ps(no.1, yes.1, _mm256_cmp_ps::<_CMP_GT_OQ>(self.1, limit.1)),
                )
            }
        }
        #[inline(always)]
        unsafe fn transpose8(from: *const f32, from_row: usize, to: *mut f32, to_row: usize) {
            unsafe { transpose8(from, from_row, to, to_row) }
        }
    }

    impl Vector for Avx512 {
        // 12 x 2 accumulators + 2 inputs + broadcasts of 32 registers.
        const TILE_ROWS: usize = 12;
        const TILE_VECTORS: usize = 2;
        const DOT_TILE: usize = 4;

        #[inline(always)]
        unsafe fn splat(value: f32) -> Self {
            unsafe { Avx512(_mm512_set1_ps(value)) }
        }
        #[inline(always)]
        unsafe fn load(from: *const f32) -> Self {
            unsafe { Avx512(_mm512_loadu_ps(from)) }
        }
        #[inline(always)]
        unsafe fn store(self, to: *mut f32) {
            unsafe { _mm512_storeu_ps(to, self.0) }
        }
        #[inline(always)]
        unsafe fn add(self, other: Self) -> Self {
            unsafe { Avx512(_mm512_add_ps(self.0, other.0)) }
        }
        #[inline(always)]
        unsafe fn sub(self, other: Self) -> Self {
            unsafe { Avx512(_mm512_sub_ps(self.0, other.0)) }
        }
        #[inline(always)]
        unsafe fn mul(self, other: Self) -> Self {
            unsafe { Avx512(_mm512_mul_ps(self.0, other.0)) }
        }
        #[inline(always)]
        unsafe fn div(self, other: Self) -> Self {
            unsafe { Avx512(_mm512_div_ps(self.0, other.0)) }
        }
        #[inline(always)]
        unsafe fn sqrt(self) -> Self {
            unsafe { Avx512(_mm512_sqrt_ps(self.0)) }
        }
        #[inline(always)]
        unsafe fn mul_add(self, factor: Self, addend: Self) -> Self {
            unsafe { Avx512(_mm512_fmadd_ps(self.0, factor.0, addend.0)) }
        }
        #[inline(always)]
        unsafe fn max(self, other: Self) -> Self {
            unsafe { Avx512(_mm512_max_ps(self.0, other.0)) }
        }
        #[inline(always)]
        unsafe fn select_gt(self, limit: Self, yes: Self, no: Self) -> Self {
            unsafe {
                let greater = _mm512_cmp_ps_mask::<_CMP_GT_OQ>(self.0, limit.0);
                Avx512(_mm512_mask_blend_ps(greater, no.0, yes.0))
            }
        }
        #[inline(always)]
        unsafe fn transpose8(from: *const f32, from_row: usize, to: *mut f32, to_row: usize) {
            unsafe { transpose8(from, from_row, to, to_row) }
        }
    }

    /// Three rounds of interleaving: single floats, pairs, halves.
    #[inline(always)]
    unsafe fn transpose8(from: *const f32, from_row: usize, to: *mut f32, to_row: usize) {
        unsafe {
            let mut rows = [_mm256_setzero_ps(); 8];
            for (i, row) in rows.iter_mut().enumerate() {
                *row = _mm256_loadu_ps(from.add(i * from_row));
            }
            let mut halves = [[_mm256_setzero_ps(); 4]; 2];
            for (half, quad) in halves.iter_mut().zip(rows.chunks_exact(4)) {
                let (a_low, a_high) =
                    (_mm256_unpacklo_ps(quad[0], quad[1]), _mm256_unpackhi_ps(quad[0], quad[1]));
                let (b_low, b_high) =
                    (_mm256_unpacklo_ps(quad[2], quad[3]), _mm256_unpackhi_ps(quad[2], quad[3]));
                half[0] = _mm256_shuffle_ps::<0x44>(a_low, b_low);
                half[1] = _mm256_shuffle_ps::<0xee>(a_low, b_low);
                half[2] = _mm256_shuffle_ps::<0x44>(a_high, b_high);
                half[3] = _mm256_shuffle_ps::<0xee>(a_high, b_high);
            }
            let [top, bottom] = halves;
            for j in 0..4 {
                _mm256_storeu_ps(to.add(j * to_row), _mm256_permute2f128_ps::<0x20>(top[j], bottom[j]));
                _mm256_storeu_ps(to.add((j + 4) * to_row), _mm256_permute2f128_ps::<0x31>(top[j], bottom[j]));
            }
        }
    }
}
