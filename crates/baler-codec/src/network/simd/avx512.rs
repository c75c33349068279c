//! AVX-512: 16 rows per register, up to 14 outputs x 2 registers at once.
//!
//! Two versions from one text: `vnni` adds the products with `vpdpwssd`, `bw` with `vpmaddwd` and `vpaddd`.
//! Neither can overflow: activations are never -32768, and the overflow rule bounds every partial sum.
//! A finished pair of outputs is packed with `vpackssdw` (saturates to -32768..=32767) and then raised to at
//! least -32767, which is the clamp of the definition.

use super::{Call, Line, Parts, Reads, Sums, Tile, Writes, for_each_pair, for_each_width};
use crate::network::lanes::LANES;
use std::arch::x86_64::*;

/// Words of `vpackssdw`, 4 of the first operand and 4 of the second in each 128 bits, to pairs.
const INTERLEAVE: [i8; 16] = [0, 1, 8, 9, 2, 3, 10, 11, 4, 5, 12, 13, 6, 7, 14, 15];

/// Distance in weights: 512 bytes.
const PREFETCH: usize = 128;

macro_rules! kernels {
    ($name:ident, $features:literal, $dot:expr) => {
        pub(super) mod $name {
            use super::*;

            #[target_feature(enable = $features)]
            pub(in super::super) fn tile<const L: usize>(call: Call) {
                for_each_width!(blocks, call)
            }

            #[target_feature(enable = $features)]
            fn blocks<const O: usize, const L: usize>(call: Call) {
                let Call { tile, source, reads, writes } = call;
                let Parts { bias, weights, .. } = tile.parts::<O>();
                let source = source.as_chunks::<L>().0;
                let mut acc = [[_mm512_setzero_si512(); L]; O];
                for o in 0..O {
                    acc[o] = [_mm512_set1_epi32(bias[o]); L];
                }
                match reads {
                    Reads::All => {
                        for (w, group) in weights.iter().zip(source) {
                            prefetch(w);
                            add(&mut acc, w, group);
                        }
                    }
                    Reads::Taps(taps) => {
                        for tap in taps {
                            add(&mut acc, &weights[tap.weight_idx as usize], &source[tap.line_idx as usize]);
                        }
                    }
                }
                write(acc, tile, writes);
            }

            #[inline]
            #[target_feature(enable = $features)]
            fn add<const O: usize, const L: usize>(
                acc: &mut [[__m512i; L]; O],
                weights: &[i32; O],
                group: &[Line; L],
            ) {
                let mut x = [_mm512_setzero_si512(); L];
                for l in 0..L {
                    x[l] = load(&group[l]);
                }
                for o in 0..O {
                    let w = _mm512_set1_epi32(weights[o]);
                    for l in 0..L {
                        acc[o][l] = $dot(acc[o][l], x[l], w);
                    }
                }
            }
        }
    };
}

kernels!(vnni, "avx512f,avx512bw,avx512vnni", _mm512_dpwssd_epi32);
kernels!(bw, "avx512f,avx512bw", |acc, x, w| _mm512_add_epi32(acc, _mm512_madd_epi16(x, w)));

/// Asks for the weights that are read some 100 cycles later, maybe those of the next tile.
#[inline]
#[target_feature(enable = "avx512f")]
fn prefetch<const O: usize>(weights: &[i32; O]) {
    // SAFETY: a prefetch reads nothing, whatever the address; the wrapping sum is never dereferenced.
    #[allow(unused_unsafe, reason = "safe from some Rust version on")]
    unsafe {
        _mm_prefetch::<_MM_HINT_T0>(weights.as_ptr().wrapping_add(PREFETCH).cast())
    }
}

/// Requantizes, activates and stores a tile.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn write<const O: usize, const L: usize>(mut acc: [[__m512i; L]; O], tile: Tile, writes: Writes) {
    let Parts { shift, negative_shift, .. } = tile.parts::<O>();
    for_each_pair!(pair < O / 2, {
        for o in [2 * pair, 2 * pair + 1] {
            let (shift, negative_shift) = (_mm512_set1_epi32(shift[o]), _mm512_set1_epi32(negative_shift[o]));
            for y in &mut acc[o] {
                *y = _mm512_max_epi32(shift_right(*y, shift), shift_right(*y, negative_shift));
            }
        }
    });
    match writes {
        Writes::Lines { lines, stride } => {
            let lines = lines.as_chunks_mut::<L>().0;
            let floor = _mm512_set1_epi16(tile.floor.max(-32767) as i16);
            let order = _mm512_broadcast_i32x4(interleave());
            for_each_pair!(pair < O / 2, {
                let group = &mut lines[pair * stride];
                for l in 0..L {
                    let words = _mm512_packs_epi32(acc[2 * pair][l], acc[2 * pair + 1][l]);
                    let packed = _mm512_shuffle_epi8(words, order);
                    store(&mut group[l], _mm512_max_epi16(packed, floor));
                }
            });
        }
        Writes::Sums { sums, stride } => {
            let sums = sums.as_chunks_mut::<L>().0;
            let floor = _mm512_set1_epi32(tile.floor);
            for_each_pair!(pair < O / 2, {
                for o in [2 * pair, 2 * pair + 1] {
                    for l in 0..L {
                        store_sums(&mut sums[o * stride][l], _mm512_max_epi32(acc[o][l], floor));
                    }
                }
            });
        }
    }
}

/// [`crate::network::lanes::Map::load`] for a flat map: `lines` is (n_features / 2 rounded up, L).
#[target_feature(enable = "avx512f,avx512bw")]
pub(super) fn load_rows<const L: usize>(rows: &[i16], n_features: usize, lines: &mut [Line]) {
    let lines = lines.as_chunks_mut::<L>().0;
    for (block, rows) in rows.chunks(LANES * n_features).enumerate() {
        for first in (0..n_features).step_by(2 * LANES) {
            let mut tile = [_mm512_setzero_si512(); LANES];
            for (row, line) in rows.chunks_exact(n_features).zip(&mut tile) {
                *line = load_words(&row[first..]);
            }
            let columns = transpose(tile);
            for (group, column) in lines[first / 2..].iter_mut().zip(columns) {
                store(&mut group[block], column);
            }
        }
    }
}

/// [`crate::network::lanes::store`].
#[target_feature(enable = "avx512f,avx512bw")]
pub(super) fn store_rows<const L: usize>(sums: &[Sums], n_features: usize, rows: &mut [i32]) {
    let sums = &sums.as_chunks::<L>().0[..n_features];
    for (block, rows) in rows.chunks_mut(LANES * n_features).enumerate() {
        for first in (0..n_features).step_by(LANES) {
            let mut tile = [_mm512_setzero_si512(); LANES];
            for (group, column) in sums[first..].iter().zip(&mut tile) {
                *column = load_sums(&group[block]);
            }
            let lines = transpose(tile);
            for (row, line) in rows.chunks_exact_mut(n_features).zip(lines) {
                store_ints(&mut row[first..], line);
            }
        }
    }
}

/// 16 x 16 words of 32 bits: word c of register r goes to word r of register c. Words are interleaved in
/// pairs, then in fours; the last two steps move blocks of four words.
#[inline]
#[target_feature(enable = "avx512f")]
fn transpose(rows: [__m512i; LANES]) -> [__m512i; LANES] {
    let mut fours = [_mm512_setzero_si512(); LANES]; // [4 i + j]: words j + 4 q of rows 4 i .. 4 i + 4, in block q
    for i in 0..4 {
        let r = &rows[4 * i..4 * i + 4];
        let (low01, low23) = (_mm512_unpacklo_epi32(r[0], r[1]), _mm512_unpacklo_epi32(r[2], r[3]));
        let (high01, high23) = (_mm512_unpackhi_epi32(r[0], r[1]), _mm512_unpackhi_epi32(r[2], r[3]));
        fours[4 * i] = _mm512_unpacklo_epi64(low01, low23);
        fours[4 * i + 1] = _mm512_unpackhi_epi64(low01, low23);
        fours[4 * i + 2] = _mm512_unpacklo_epi64(high01, high23);
        fours[4 * i + 3] = _mm512_unpackhi_epi64(high01, high23);
    }
    let mut columns = [_mm512_setzero_si512(); LANES];
    for j in 0..4 {
        let [a, b, c, d] = [fours[j], fours[4 + j], fours[8 + j], fours[12 + j]];
        let (ab02, ab13) = (_mm512_shuffle_i32x4::<0x88>(a, b), _mm512_shuffle_i32x4::<0xdd>(a, b));
        let (cd02, cd13) = (_mm512_shuffle_i32x4::<0x88>(c, d), _mm512_shuffle_i32x4::<0xdd>(c, d));
        columns[j] = _mm512_shuffle_i32x4::<0x88>(ab02, cd02);
        columns[4 + j] = _mm512_shuffle_i32x4::<0x88>(ab13, cd13);
        columns[8 + j] = _mm512_shuffle_i32x4::<0xdd>(ab02, cd02);
        columns[12 + j] = _mm512_shuffle_i32x4::<0xdd>(ab13, cd13);
    }
    columns
}

/// The first 32 values, or as many as there are, then zeros.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn load_words(row: &[i16]) -> __m512i {
    let mask = ((1u64 << row.len().min(2 * LANES)) - 1) as __mmask32;
    // SAFETY: the mask covers no more than the values of the slice; the others are not touched.
    unsafe { _mm512_maskz_loadu_epi16(mask, row.as_ptr()) }
}

/// Writes the first 16 values, or as many as there is room for.
#[inline]
#[target_feature(enable = "avx512f")]
fn store_ints(row: &mut [i32], values: __m512i) {
    let mask = ((1u32 << row.len().min(LANES)) - 1) as __mmask16;
    // SAFETY: the mask covers no more than the room of the slice; the rest is not touched.
    unsafe { _mm512_mask_storeu_epi32(row.as_mut_ptr(), mask, values) }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn load_sums(sums: &Sums) -> __m512i {
    // SAFETY: Sums are 64 bytes, aligned to 64.
    unsafe { _mm512_load_si512(sums.0.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn interleave() -> __m128i {
    // SAFETY: INTERLEAVE has the 16 bytes that are read; no alignment is needed.
    unsafe { _mm_loadu_si128(INTERLEAVE.as_ptr().cast()) }
}

/// Arithmetic shift, lane by lane. The intrinsic becomes a guarded shift by one scalar where the compiler sees
/// that all lanes are equal: five instructions in place of one.
#[inline]
#[target_feature(enable = "avx512f")]
fn shift_right(x: __m512i, shift: __m512i) -> __m512i {
    let y;
    // SAFETY: one instruction of AVX-512 F, from registers to a register.
    unsafe {
        std::arch::asm!("vpsravd {}, {}, {}", lateout(zmm_reg) y, in(zmm_reg) x, in(zmm_reg) shift,
            options(pure, nomem, nostack, preserves_flags));
    }
    y
}

#[inline]
#[target_feature(enable = "avx512f")]
fn load(line: &Line) -> __m512i {
    // SAFETY: a Line is 64 bytes, aligned to 64.
    unsafe { _mm512_load_si512(line.0.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn store(line: &mut Line, value: __m512i) {
    // SAFETY: a Line is 64 bytes, aligned to 64.
    unsafe { _mm512_store_si512(line.0.as_mut_ptr().cast(), value) }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn store_sums(sums: &mut Sums, value: __m512i) {
    // SAFETY: Sums are 64 bytes, aligned to 64.
    unsafe { _mm512_store_si512(sums.0.as_mut_ptr().cast(), value) }
}
