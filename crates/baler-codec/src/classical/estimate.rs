//! Which differences suit a grid of integers: all tried on small boxes of it, the best few on larger ones, by an
//! entropy estimate that costs a few nanoseconds a value. The chosen orders are then coded for real, so the estimate
//! decides speed, not truth.

use crate::classical::lorenzo::{MAX_AXES, Orders, difference};
use baler_data::bytes::zigzag;

/// Values in a box on which all orders are tried ...
pub const SMALL_BOX: usize = 1 << 12;
/// ... and in one for the best of them.
pub const LARGE_BOX: usize = 1 << 15;
/// Orders that are tried on large boxes.
const N_FINALISTS: usize = 4;
/// Boxes taken from larger arrays.
const N_BOXES: usize = 2;
/// Tokens: bit length (0..=64) with the two bits below the leading one.
const N_TOKENS: usize = 65 * 4;

/// A box of a larger array, copied out.
#[derive(Debug, Clone)]
pub struct SampleBox {
    /// Extents of the box.
    pub extents: [usize; MAX_AXES],
    /// Flat positions in the array, C order of the box.
    pub positions: Vec<usize>,
}

/// A few boxes spread over the array: all of a small array, else boxes of at most `box_values` whose extents shrink
/// together, so that each axis keeps neighbors.
pub fn sample_boxes(extents: [usize; MAX_AXES], box_values: usize) -> Vec<SampleBox> {
    let n_values: usize = extents.iter().product();
    if n_values == 0 {
        return Vec::new();
    }
    let mut sides = extents;
    while sides.iter().product::<usize>() > box_values {
        let longest = (0..MAX_AXES).max_by_key(|&axis| sides[axis]).expect("four axes");
        sides[longest] = sides[longest].div_ceil(2);
    }
    let n_boxes = if sides == extents { 1 } else { N_BOXES };
    (0..n_boxes)
        .map(|i| {
            // At 1/3 and 2/3 of the free room of each axis.
            let start: [usize; MAX_AXES] =
                std::array::from_fn(|axis| (extents[axis] - sides[axis]) * (i + 1) / (n_boxes + 1));
            SampleBox { extents: sides, positions: box_positions(extents, start, sides) }
        })
        .collect()
}

fn box_positions(
    extents: [usize; MAX_AXES],
    start: [usize; MAX_AXES],
    sides: [usize; MAX_AXES],
) -> Vec<usize> {
    let mut positions = Vec::with_capacity(sides.iter().product());
    for a in start[0]..start[0] + sides[0] {
        for b in start[1]..start[1] + sides[1] {
            for c in start[2]..start[2] + sides[2] {
                let row = ((a * extents[1] + b) * extents[2] + c) * extents[3];
                positions.extend(row + start[3]..row + start[3] + sides[3]);
            }
        }
    }
    positions
}

/// The values of a box, and which of them do not count.
pub struct Sample {
    /// Extents of the box.
    pub extents: [usize; MAX_AXES],
    /// C order.
    pub q: Vec<i64>,
    /// One a value, or empty if all count.
    pub mask: Vec<bool>,
}

/// The orders that suit `q`.
pub fn best_orders(q: &[i64], extents: [usize; MAX_AXES], mask: Option<&[bool]>) -> Orders {
    best(q, extents, mask).1
}

/// Bits a value that these take, about; repeats are not seen.
pub fn expected_bits(q: &[i64], extents: [usize; MAX_AXES], mask: Option<&[bool]>) -> f64 {
    best(q, extents, mask).0
}

/// The best on large boxes of those that are best on small boxes.
fn best(q: &[i64], extents: [usize; MAX_AXES], mask: Option<&[bool]>) -> (f64, Orders) {
    let take = |box_values| -> Vec<Sample> {
        let boxes = sample_boxes(extents, box_values).into_iter();
        boxes
            .map(|sample| Sample {
                extents: sample.extents,
                q: sample.positions.iter().map(|&p| q[p]).collect(),
                mask: mask.map_or(Vec::new(), |mask| sample.positions.iter().map(|&p| mask[p]).collect()),
            })
            .collect()
    };
    let small = take(SMALL_BOX);
    let finalists = ranked(&small, all_orders(&small));
    if small.iter().map(|sample| sample.q.len()).sum::<usize>() == q.len() {
        return finalists[0];
    }
    let finalists = finalists.into_iter().take(N_FINALISTS).map(|(_, orders)| orders).collect();
    ranked(&take(LARGE_BOX), finalists)[0]
}

/// Estimated bits per value of the best orders.
pub fn estimate_bits(samples: &[Sample]) -> f64 {
    ranked(samples, all_orders(samples))[0].0
}

/// (estimated bits per value, orders), the fewest bits first.
fn ranked(samples: &[Sample], candidates: Vec<Orders>) -> Vec<(f64, Orders)> {
    let mut ranked: Vec<(f64, Orders)> =
        candidates.into_iter().map(|orders| (bits_per_value(samples, orders), orders)).collect();
    ranked.sort_by(|a, b| a.0.total_cmp(&b.0));
    ranked
}

fn bits_per_value(samples: &[Sample], orders: Orders) -> f64 {
    let mut bits = 0.0;
    let mut n_values = 0;
    for sample in samples {
        let mut q = sample.q.clone();
        if orders == [0; MAX_AXES] {
            center(&mut q);
        }
        difference(&mut q, sample.extents, orders);
        let (sample_bits, n) = entropy_bits(&q, &sample.mask, sample.extents, orders);
        bits += sample_bits;
        n_values += n;
    }
    bits / n_values.max(1) as f64
}

/// Takes off the median: tokens are fine near 0, as an adaptive coder's bins are where the values are.
fn center(q: &mut [i64]) {
    let mut sorted = q.to_vec();
    let middle = sorted.len() / 2;
    let median = *sorted.select_nth_unstable(middle).1;
    q.iter_mut().for_each(|value| *value = value.wrapping_sub(median));
}

/// None, first order on every subset of the axes, second order on each axis alone and on the last two together.
fn all_orders(samples: &[Sample]) -> Vec<Orders> {
    let used: Vec<usize> =
        (0..MAX_AXES).filter(|&axis| samples.iter().any(|sample| sample.extents[axis] > 1)).collect();
    let mut all = Vec::new();
    for subset in 0..1usize << used.len() {
        let mut orders = [0; MAX_AXES];
        for (bit, &axis) in used.iter().enumerate() {
            orders[axis] = (subset >> bit & 1) as u8;
        }
        all.push(orders);
    }
    for &axis in &used {
        let mut orders = [0; MAX_AXES];
        orders[axis] = 2;
        all.push(orders);
    }
    if let [.., a, b] = used.as_slice() {
        let mut orders = [0; MAX_AXES];
        (orders[*a], orders[*b]) = (2, 2);
        all.push(orders);
    }
    all
}

/// Order-0 entropy of the tokens plus their extra bits, over the unmasked values that have all their neighbors.
fn entropy_bits(q: &[i64], mask: &[bool], extents: [usize; MAX_AXES], orders: Orders) -> (f64, usize) {
    let mut histogram = [0u32; N_TOKENS];
    let mut extra_bits = 0u64;
    let skip: [usize; MAX_AXES] = std::array::from_fn(|axis| (orders[axis] as usize).min(extents[axis] - 1));
    let row = extents[3];
    for (row_idx, values) in q.chunks_exact(row).enumerate() {
        let c = row_idx % extents[2];
        let b = row_idx / extents[2] % extents[1];
        let a = row_idx / (extents[1] * extents[2]);
        if a < skip[0] || b < skip[1] || c < skip[2] {
            continue;
        }
        let mut count = |value: i64| {
            let (token, extra) = tokenize(value);
            histogram[token] += 1;
            extra_bits += extra as u64;
        };
        if mask.is_empty() {
            values[skip[3]..].iter().for_each(|&value| count(value));
            continue;
        }
        for (value, masked) in values.iter().zip(&mask[row_idx * row..]).skip(skip[3]) {
            if !masked {
                count(*value);
            }
        }
    }
    let n: u64 = histogram.iter().map(|&count| count as u64).sum();
    let total = n as f64;
    let entropy: f64 = histogram
        .iter()
        .filter(|&&count| count > 0)
        .map(|&count| count as f64 * libm::log2(total / count as f64))
        .sum();
    (entropy + extra_bits as f64, n as usize)
}

/// (token, number of bits below it).
#[inline(always)]
fn tokenize(value: i64) -> (usize, u32) {
    let z = zigzag(value);
    let length = 64 - z.leading_zeros();
    if length < 3 {
        return (z as usize, 0);
    }
    let below = length - 3;
    ((length as usize - 2) * 4 + (z >> below & 3) as usize, below)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plane_is_found_to_need_first_orders_and_a_parabola_second() {
        let extents = [1, 1, 60, 50];
        let noise = |i: usize| ((i * 2_654_435_761) >> 7 & 3) as i64;
        let plane: Vec<i64> = (0..3000).map(|i| (i / 50 * 1000 + i % 50 * 777) as i64 + noise(i)).collect();
        let orders = best_orders(&plane, extents, None);
        let bits = estimate_bits(&[Sample { extents, q: plane, mask: Vec::new() }]);
        assert!(orders[2] >= 1 && orders[3] >= 1 && bits < 5.0, "{orders:?} {bits}");
        let parabola: Vec<i64> = (0..3000i64).map(|i| i * i * 10).collect();
        let orders = best_orders(&parabola, [1, 1, 1, 3000], None);
        assert_eq!(orders, [0, 0, 0, 2]);
    }

    #[test]
    fn boxes_lie_inside() {
        for extents in [[1, 1, 1, 1], [4, 25, 125, 125], [1, 1, 1, 1 << 20], [3, 1, 1000, 1475]] {
            for sample in sample_boxes(extents, LARGE_BOX) {
                assert!(sample.positions.iter().all(|&p| p < extents.iter().product()));
                assert_eq!(sample.positions.len(), sample.extents.iter().product::<usize>());
            }
        }
        assert!(sample_boxes([1, 1, 0, 3], LARGE_BOX).is_empty());
    }
}
