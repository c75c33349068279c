//! Plain loops over 16 lanes, shaped so that the compiler vectorizes them: any architecture. Only an
//! input of -32768 could make a sum wrap (the overflow rule), and then it wraps as in the other kernels.

use super::{Call, Line, Parts, Reads, Sums, Writes, for_each_width};
use crate::network::lanes::LANES;

pub(super) fn tile<const L: usize>(call: Call) {
    for_each_width!(blocks, call)
}

fn blocks<const O: usize, const L: usize>(call: Call) {
    let Call { tile, source, reads, mut writes } = call;
    let Parts { bias, weights, shift, negative_shift } = tile.parts::<O>();
    let source = source.as_chunks::<L>().0;
    for block in 0..L {
        let mut acc: [[i32; LANES]; O] = std::array::from_fn(|o| [bias[o]; LANES]);
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
        for (o, acc) in acc.iter_mut().enumerate() {
            for y in acc {
                *y = (*y >> shift[o]).max(*y >> negative_shift[o]).max(tile.floor);
            }
        }
        match &mut writes {
            Writes::Sums { sums, stride } => {
                for (group, acc) in sums.as_chunks_mut::<L>().0.iter_mut().step_by(*stride).zip(acc) {
                    group[block] = Sums(acc);
                }
            }
            Writes::Lines { lines, stride } => {
                let lines = lines.as_chunks_mut::<L>().0;
                for (group, [first, second]) in lines.iter_mut().step_by(*stride).zip(acc.as_chunks::<2>().0)
                {
                    group[block] = interleave(first, second);
                }
            }
        }
    }
}

#[inline(always)]
fn add<const O: usize>(acc: &mut [[i32; LANES]; O], weights: &[i32; O], line: &Line) {
    let mut x = [[0i32; LANES]; 2];
    for (lane, pair) in line.0.as_chunks::<2>().0.iter().enumerate() {
        x[0][lane] = pair[0].into();
        x[1][lane] = pair[1].into();
    }
    for o in 0..O {
        let (low, high) = (i32::from(weights[o] as i16), weights[o] >> 16);
        for lane in 0..LANES {
            let products = low.wrapping_mul(x[0][lane]).wrapping_add(high.wrapping_mul(x[1][lane]));
            acc[o][lane] = acc[o][lane].wrapping_add(products);
        }
    }
}

#[inline(always)]
fn interleave(first: &[i32; LANES], second: &[i32; LANES]) -> Line {
    let mut line = Line::ZERO;
    for lane in 0..LANES {
        line.0[2 * lane] = first[lane].clamp(-32767, 32767) as i16;
        line.0[2 * lane + 1] = second[lane].clamp(-32767, 32767) as i16;
    }
    line
}
