//! AVX2: 16 rows in two registers, up to 6 outputs at once.
//!
//! `vpmaddwd` and `vpaddd` cannot overflow: activations are never -32768, and the overflow rule bounds every
//! partial sum. A finished pair of outputs is packed with `vpackssdw` (saturates to -32768..=32767) and then
//! raised to at least -32767, which is the clamp of the definition.

use super::{Call, Line, Parts, Reads, Sums, Tile, Writes, for_each_pair, for_each_width};
use std::arch::x86_64::*;

/// 16 rows: lanes 0..8 and 8..16.
type Rows = [__m256i; 2];

#[target_feature(enable = "avx2")]
pub(super) fn tile<const L: usize>(call: Call) {
    for_each_width!(blocks, call)
}

#[target_feature(enable = "avx2")]
fn blocks<const O: usize, const L: usize>(call: Call) {
    let Call { tile, source, reads, mut writes } = call;
    let Parts { bias, weights, .. } = tile.parts::<O>();
    let source = source.as_chunks::<L>().0;
    for block in 0..L {
        let mut acc = [[_mm256_setzero_si256(); 2]; O];
        for o in 0..O {
            acc[o] = [_mm256_set1_epi32(bias[o]); 2];
        }
        match reads {
            Reads::All => {
                for (w, group) in weights.iter().zip(source) {
                    add(&mut acc, w, &group[block]);
                }
            }
            Reads::Taps(taps) => {
                for tap in taps {
                    add(&mut acc, &weights[tap.weight_idx as usize], &source[tap.line_idx as usize][block]);
                }
            }
        }
        write::<O, L>(acc, tile, block, &mut writes);
    }
}

#[inline]
#[target_feature(enable = "avx2")]
fn add<const O: usize>(acc: &mut [Rows; O], weights: &[i32; O], line: &Line) {
    let x = load(line);
    for o in 0..O {
        let w = _mm256_set1_epi32(weights[o]);
        for half in 0..2 {
            acc[o][half] = _mm256_add_epi32(acc[o][half], _mm256_madd_epi16(x[half], w));
        }
    }
}

/// Requantizes, activates and stores a tile.
#[inline]
#[target_feature(enable = "avx2")]
fn write<const O: usize, const L: usize>(acc: [Rows; O], tile: Tile, block: usize, writes: &mut Writes) {
    let Parts { shift, negative_shift, .. } = tile.parts::<O>();
    let finish = |acc: __m256i, o: usize| {
        let y = shift_right(acc, _mm256_set1_epi32(shift[o]));
        _mm256_max_epi32(y, shift_right(acc, _mm256_set1_epi32(negative_shift[o])))
    };
    match writes {
        Writes::Lines { lines, stride } => {
            let lines = lines.as_chunks_mut::<L>().0;
            let floor = _mm256_set1_epi16(tile.floor.max(-32767) as i16);
            // Words of `vpackssdw`, 4 of each operand in each 128 bits, to pairs.
            let order = _mm256_broadcastsi128_si256(_mm_setr_epi8(
                0, 1, 8, 9, 2, 3, 10, 11, 4, 5, 12, 13, 6, 7, 14, 15,
            ));
            for_each_pair!(pair < O / 2, {
                let mut packed = [_mm256_setzero_si256(); 2];
                for half in 0..2 {
                    let first = finish(acc[2 * pair][half], 2 * pair);
                    let second = finish(acc[2 * pair + 1][half], 2 * pair + 1);
                    let words = _mm256_shuffle_epi8(_mm256_packs_epi32(first, second), order);
                    packed[half] = _mm256_max_epi16(words, floor);
                }
                store(&mut lines[pair * *stride][block], packed);
            });
        }
        Writes::Sums { sums, stride } => {
            let sums = sums.as_chunks_mut::<L>().0;
            let floor = _mm256_set1_epi32(tile.floor);
            for o in 0..O {
                let y = [0, 1].map(|half| _mm256_max_epi32(finish(acc[o][half], o), floor));
                store_sums(&mut sums[o * *stride][block], y);
            }
        }
    }
}

/// Arithmetic shift, lane by lane. The intrinsic becomes a guarded shift by one scalar where the compiler sees
/// that all lanes are equal: five instructions in place of one.
#[inline]
#[target_feature(enable = "avx2")]
fn shift_right(x: __m256i, shift: __m256i) -> __m256i {
    let y;
    // SAFETY: one instruction of AVX2, from registers to a register.
    unsafe {
        std::arch::asm!("vpsravd {}, {}, {}", lateout(ymm_reg) y, in(ymm_reg) x, in(ymm_reg) shift,
            options(pure, nomem, nostack, preserves_flags));
    }
    y
}

#[inline]
#[target_feature(enable = "avx2")]
fn load(line: &Line) -> Rows {
    let at: *const __m256i = line.0.as_ptr().cast();
    // SAFETY: a Line is 64 bytes, aligned to 64: two aligned registers.
    unsafe { [_mm256_load_si256(at), _mm256_load_si256(at.add(1))] }
}

#[inline]
#[target_feature(enable = "avx2")]
fn store(line: &mut Line, rows: Rows) {
    let at: *mut __m256i = line.0.as_mut_ptr().cast();
    // SAFETY: a Line is 64 bytes, aligned to 64: two aligned registers.
    unsafe {
        _mm256_store_si256(at, rows[0]);
        _mm256_store_si256(at.add(1), rows[1]);
    }
}

#[inline]
#[target_feature(enable = "avx2")]
fn store_sums(sums: &mut Sums, rows: Rows) {
    let at: *mut __m256i = sums.0.as_mut_ptr().cast();
    // SAFETY: Sums are 64 bytes, aligned to 64: two aligned registers.
    unsafe {
        _mm256_store_si256(at, rows[0]);
        _mm256_store_si256(at.add(1), rows[1]);
    }
}
