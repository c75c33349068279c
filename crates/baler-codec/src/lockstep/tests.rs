use crate::lockstep::effort::Effort;
use crate::lockstep::encode::{Coded, encode, learn};
use crate::lockstep::goal::Goal;
use crate::lockstep::{decode, model_bytes};
use crate::options::Level;
use crate::predict::Numbers;
use baler_data::random::Rng;

/// Waves with noise, in C order.
fn waves(shape: &[usize], noise: usize) -> Vec<i64> {
    let mut random = Rng::new(3, 0);
    let strides: Vec<usize> = (0..shape.len()).map(|axis| shape[axis + 1..].iter().product()).collect();
    let n_values = shape.iter().product();
    let value = |position: usize| {
        let places = strides.iter().zip(shape).map(|(stride, extent)| (position / stride % extent) as f64);
        let phase: f64 = places.enumerate().map(|(axis, place)| place * (0.05 + 0.04 * axis as f64)).sum();
        (300.0 * libm::sin(phase)) as i64
    };
    (0..n_values)
        .map(|position| value(position) + random.below(2 * noise + 1) as i64 - noise as i64)
        .collect()
}

fn numbers<'a>(q: &'a [i64], shape: &'a [usize], mask: Option<&'a [bool]>) -> Numbers<'a> {
    Numbers { q, shape, mask, mantissa_bits: None }
}

fn level(number: u8) -> Effort {
    Effort::of(Level::new(number).unwrap())
}

const SHAPES: [&[usize]; 6] = [&[9000], &[70, 90], &[12, 30, 41], &[3, 5, 20, 60], &[40, 64, 3], &[2, 8192]];

/// Numbers of a finer grid.
fn goal(q: &[i64], stride: i64) -> Goal<'_> {
    Goal { q, stride, ends: None }
}

#[test]
fn numbers_come_back_at_all_levels() {
    for shape in SHAPES {
        for noise in [0, 3, 4000] {
            let q = waves(shape, noise);
            let mask: Vec<bool> = (0..q.len()).map(|i| i % 97 < 5 || i > q.len() - 40).collect();
            for (number, mask) in
                [(1, None), (2, Some(&mask[..])), (3, Some(&mask)), (6, None), (9, Some(&mask))]
            {
                let coded = encode(numbers(&q, shape, mask), None, level(number), None).unwrap();
                let (back, stride) = decode(&coded.bytes, shape, mask).unwrap();
                assert_eq!(stride, 1);
                let is_masked = |i: usize| mask.is_some_and(|mask| mask[i]);
                assert!(
                    (0..q.len()).all(|i| is_masked(i) || back[i] == q[i]),
                    "{shape:?} {noise} level {number}"
                );
            }
        }
    }
}

#[test]
fn numbers_of_a_finer_grid_stay_within_half_a_stride() {
    const STRIDE: i64 = 17;
    for shape in SHAPES {
        let finer = waves(shape, 20);
        let q: Vec<i64> = finer.iter().map(|x| (x + STRIDE / 2).div_euclid(STRIDE)).collect();
        let coded = encode(numbers(&q, shape, None), Some(goal(&finer, STRIDE)), level(3), None).unwrap();
        let (back, stride) = decode(&coded.bytes, shape, None).unwrap();
        match coded.finer {
            None => assert_eq!((stride, &back), (1, &q)),
            Some(told) => {
                assert_eq!((stride, &back), (STRIDE, &told));
                assert!(back.iter().zip(&finer).all(|(x, y)| (x - y).abs() <= STRIDE / 2), "{shape:?}");
            }
        }
    }
}

#[test]
fn what_was_learned_serves_other_numbers_of_the_same_kind() {
    let shape = [20, 30, 40];
    let q = waves(&shape, 3);
    let learned = learn(numbers(&q, &shape, None), None, level(3)).unwrap();
    let model_of = |coded: &Coded, shape: &[usize]| -> Vec<u8> {
        // Without the center, and the kinds at its end.
        let n_bytes = model_bytes(&coded.bytes, shape).unwrap();
        [&coded.bytes[..3], &coded.bytes[11..n_bytes.min(60)]].concat()
    };
    let first = encode(numbers(&q, &shape, None), None, level(3), Some(&learned)).unwrap();
    let part = waves(&[9, 30, 40], 3).iter().map(|x| 5000 - x).collect::<Vec<i64>>();
    let other = encode(numbers(&part, &[9, 30, 40], None), None, level(3), Some(&learned)).unwrap();
    assert_eq!(model_of(&other, &[9, 30, 40]), model_of(&first, &shape));
    assert_eq!(decode(&other.bytes, &[9, 30, 40], None).unwrap().0, part);
    // A plane has nothing behind it; its neighbors are others.
    let plane = waves(&[60, 80], 3);
    let own = encode(numbers(&plane, &[60, 80], None), None, level(3), None).unwrap();
    let given = encode(numbers(&plane, &[60, 80], None), None, level(3), Some(&learned)).unwrap();
    assert_eq!(own.bytes, given.bytes);
}

#[test]
fn damaged_streams_are_errors_or_other_numbers() {
    for shape in [&[70usize, 90][..], &[12, 30, 41]] {
        let q = waves(shape, 30);
        let bytes = encode(numbers(&q, shape, None), None, level(3), None).unwrap().bytes;
        for n_kept in 0..bytes.len().min(500) {
            assert!(decode(&bytes[..n_kept], shape, None).is_err(), "{n_kept} bytes");
        }
        assert!(decode(&[&bytes[..], &[0, 0]].concat(), shape, None).is_err());
        let mut random = Rng::new(7, 0);
        let mut n_refused = 0;
        for _ in 0..400 {
            let mut damaged = bytes.clone();
            damaged[random.below(bytes.len())] ^= 1 << random.below(8);
            match decode(&damaged, shape, None) {
                Ok((other, _)) => assert_eq!(other.len(), q.len()),
                Err(_) => n_refused += 1,
            }
        }
        // Sixteen states must end where they began.
        assert!(n_refused > 350, "{n_refused}");
    }
}

#[test]
fn numbers_that_float32_does_not_tell_apart_are_left_to_others() {
    let shape = [64, 64];
    let far: Vec<i64> = (0..4096).map(|i| if i == 7 { 1 << 24 } else { i }).collect();
    assert!(encode(numbers(&far, &shape, None), None, level(3), None).is_none());
    let shifted: Vec<i64> = waves(&shape, 2).iter().map(|x| x + (1 << 60)).collect();
    let coded = encode(numbers(&shifted, &shape, None), None, level(3), None).unwrap();
    assert_eq!(decode(&coded.bytes, &shape, None).unwrap().0, shifted);
}
