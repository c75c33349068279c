//! Numbers of a grid some odd times finer than the bound asks for -> a stream in which each is a whole number of strides
//! from its rounded prediction: lattices that are centred on predictions.
//!
//! On a fixed lattice every crossing from one cell into the next must be coded, however well it was predicted to be near;
//! here nothing is coded while predictions stay within the bound, and what is decoded is nearer to the values than the bound
//! asks for. That pays where few bits are coded at all. In: the finer numbers, and models that were fitted to the lattice of the
//! bound. Out: the smallest stream, and the numbers that it decodes to. `None` where there is no memory for it.
//!
//! Measured, at 1e-2 on a fixed lattice and here: CFD 9 133 and 7 202 bytes, Isabel 113 794 and 83 870, LIGO 16 717 and 8 592,
//! molecules 88 749 and 65 454. At 3 bits a number both are equal. What else was tried:
//!
//! - Weights fitted to what a decoder has here, from the start: CFD 8 116 bytes, and the heated cylinder diverges (36 211 instead of
//!   22 371). Those of the fixed lattice, whose noise is alike but stands still, then refitted here once, twice or three times:
//!   no smaller. So the models of the lattice are taken, and only their scales are fitted here.
//! - Contexts of how many errors around are not 0, and mirrored by the side on which other predictions lie: -1.4 to +0.3 %,
//!   mostly nothing. Filters that learn half or twice as fast: -1.8 to +0.4 % and +0.1 to +0.9 %.

use crate::classical::lorenzo::four_axes;
use crate::predict::Numbers;
use crate::predict::cascade::Cascade;
use crate::predict::cell::Cell;
use crate::predict::encode::{code, encode_adaptive, filters};
use crate::predict::fit;
use crate::predict::grid::Layout;
use crate::predict::model::Model;
use crate::predict::state::padded;
use crate::report::trials::{Candidate, Trials};
use baler_data::bytes::ByteWriter;

/// A stream, and what it decodes to.
pub struct Centred {
    /// The stream.
    pub bytes: Vec<u8>,
    /// Numbers of the finer grid, C order of the data.
    pub q: Vec<i64>,
}

/// Codes numbers of the finer grid with each of the models. `given` models are not refitted, and stand elsewhere; others to
/// about `n_fitted` numbers.
pub fn encode_centred(
    finer: Numbers,
    stride: i64,
    models: &[Model],
    (given, n_fitted): (bool, usize),
    trials: &mut Trials,
) -> Option<Centred> {
    let extents = four_axes(finer.shape);
    let coded = models.iter().filter_map(|model| {
        let center = model.center.wrapping_mul(stride);
        let away = |number: i64| number.wrapping_sub(center).unsigned_abs();
        let spread = finer.unmasked().map(away).max().unwrap_or(0).saturating_add(stride as u64);
        let layout = model.order.layout(extents);
        let narrow = model.largest_sum(&layout, spread, 0) < 1 << 31;
        let model = Model { stride, center, narrow, filters: filters(spread), ..model.clone() };
        let coded = if narrow {
            encode_as::<i32>(finer, &layout, model, (given, n_fitted))
        } else {
            encode_as::<i64>(finer, &layout, model, (given, n_fitted))
        }?;
        trials.see(Candidate::Centred, coded.bytes.len());
        Some(coded)
    });
    coded.min_by_key(|coded| coded.bytes.len())
}

fn encode_as<T: Cell>(
    finer: Numbers,
    layout: &Layout,
    mut model: Model,
    (given, n_fitted): (bool, usize),
) -> Option<Centred> {
    let extents = four_axes(finer.shape);
    let order = model.order;
    let mut q = order.apply(finer.q, extents);
    let ordered_mask = finer.mask.map(|mask| order.apply(mask, extents));
    let mask = ordered_mask.as_deref();
    let mut state = padded::<T>(layout).ok()?;
    state.cascade = model.filters.and_then(|filters| Cascade::new(layout, filters).ok());
    state.cascade.as_ref()?;
    let bytes = if given {
        let mut w = ByteWriter::default();
        model.write_head(&mut w);
        encode_adaptive(layout, &model, mask, &mut q, &mut state, &mut w);
        w.bytes
    } else {
        fit::refit_scales(layout, mask, &mut q, &mut state, &mut model, n_fitted);
        code(layout, mask, &mut q, &mut state, &model)
    };
    let mut decoded = vec![0; q.len()];
    order.undo(&q, extents, &mut decoded);
    Some(Centred { bytes, q: decoded })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::predict::model::MAX_STRIDE;
    use crate::predict::{Effort, Known, decode, encode};
    use baler_data::random::Rng;

    /// A wave that moves, and its numbers on a grid `stride` times as coarse.
    fn waves(extents: [usize; 4], stride: i64, height: f64) -> (Vec<i64>, Vec<i64>) {
        let [a, b, y, x] = extents;
        let finer: Vec<i64> = (0..a * b * y * x)
            .map(|i| {
                let (plane, y, x) = (i / (y * x), i / x % y, i % x);
                (height * libm::sin(0.2 * x as f64 + 0.13 * y as f64 + 0.3 * plane as f64)) as i64
            })
            .collect();
        let coarse = finer.iter().map(|&q| (q + stride / 2).div_euclid(stride)).collect();
        (finer, coarse)
    }

    fn numbers<'a>(q: &'a [i64], shape: &'a [usize], mask: Option<&'a [bool]>) -> Numbers<'a> {
        Numbers { q, shape, mask, mantissa_bits: None }
    }

    #[test]
    fn numbers_come_back_within_half_a_stride_in_fewer_bytes() {
        let mut random = Rng::new(4, 0);
        for (shape, stride, height) in
            [([1, 6, 20, 24], 9, 300.0), ([3, 5, 12, 9], 3, 100.0), ([1, 1, 40, 50], MAX_STRIDE, 1e9)]
        {
            let (finer, coarse) = waves(shape, stride, height);
            let some: Vec<bool> = finer.iter().map(|_| random.below(7) == 0).collect();
            for mask in [None, Some(&some[..])] {
                let fixed =
                    encode(numbers(&coarse, &shape, mask), Effort::Full, &mut Trials::default()).unwrap();
                let finer = numbers(&finer, &shape, mask);
                let mut trials = Trials::default();
                let centred =
                    encode_centred(finer, stride, &fixed.models, (false, fit::N_SAMPLES), &mut trials)
                        .unwrap();
                assert!(centred.bytes.len() < fixed.bytes.len() || height > 1e6, "{shape:?}");
                assert_eq!(trials.bytes[Candidate::Centred as usize], Some(centred.bytes.len() as u64));
                let (q, found) = decode(&centred.bytes, &shape, mask, Known::default()).unwrap();
                assert_eq!(found, stride);
                for (i, (&q, &x)) in q.iter().zip(finer.q).enumerate() {
                    if !mask.is_some_and(|mask| mask[i]) {
                        assert!(
                            q == centred.q[i] && (q - x).abs() <= stride / 2,
                            "{shape:?} {i}: {x} -> {q}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn any_numbers_and_damage_are_taken() {
        let shape = [2, 3, 10, 12];
        let ends = [i64::MIN, i64::MAX, 0, -1, 1 << 62, -(1 << 40), 77];
        let mut random = Rng::new(8, 0);
        let wild: Vec<i64> = (0..720).map(|_| ends[random.below(ends.len())]).collect();
        let (_, coarse) = waves(shape, 9, 300.0);
        let fixed = encode(numbers(&coarse, &shape, None), Effort::Quick, &mut Trials::default()).unwrap();
        let finer = numbers(&wild, &shape, None);
        let centred =
            encode_centred(finer, 9, &fixed.models, (false, fit::N_SAMPLES), &mut Trials::default()).unwrap();
        assert_eq!(decode(&centred.bytes, &shape, None, Known::default()).unwrap(), (centred.q, 9));
        for (byte, damage) in (0..centred.bytes.len()).zip([1, 255, 6, 128].iter().cycle()) {
            let mut damaged = centred.bytes.clone();
            damaged[byte] ^= damage;
            let _ = decode(&damaged, &shape, None, Known::default());
        }
        for stride in [0, 1, 2, 4, MAX_STRIDE as u8 ^ 1] {
            let mut damaged = centred.bytes.clone();
            assert_eq!(damaged[1..3], [1, 9]);
            damaged[2] = stride;
            assert!(decode(&damaged, &shape, None, Known::default()).is_err(), "{stride}");
        }
    }
}
