use super::*;
use crate::lockstep::goal::Goal;
use crate::predict::Numbers;
use baler_data::random::Rng;

/// A smooth field with a little noise, on a grid and on one that is 17 times finer.
fn field(shape: &[usize], noise: i64) -> (Vec<i64>, Vec<i64>) {
    let mut random = Rng::new(23, 0);
    let n_values = shape.iter().product();
    let mut finer = Vec::with_capacity(n_values);
    for place in 0..n_values {
        let mut rest = place;
        let phase: f64 = shape.iter().rev().enumerate().fold(0.3, |phase, (axis, &extent)| {
            let idx = rest % extent;
            rest /= extent;
            phase + libm::sin(0.07 * (axis + 1) as f64 * idx as f64)
        });
        finer.push((900.0 * libm::sin(phase)) as i64 + random.below(noise as usize + 1) as i64 - 40);
    }
    (finer.iter().map(|q| (q + 8).div_euclid(17)).collect(), finer)
}

const SHAPES: [&[usize]; 8] = [
    &[5000],
    &[2, 1000],
    &[64, 65],
    &[33, 1, 47],
    &[17, 15, 16],
    &[3, 5, 33, 20],
    &[1100, 1],
    &[2, 2, 2, 2, 99],
];

#[test]
fn numbers_come_back() {
    for shape in SHAPES {
        for (stride, noise) in [(1, 5), (17, 5), (17, 300)] {
            let (q, finer) = field(shape, noise);
            let mask: Vec<bool> = q.iter().enumerate().map(|(i, q)| i % 7 == 3 || q % 11 == 0).collect();
            for mask in [None, Some(&mask[..])] {
                let numbers = Numbers { q: &q, shape, mask, mantissa_bits: None };
                let nearest = (stride != 1).then_some(Goal { q: &finer, stride, ends: None });
                let coded = encode::encode(numbers, nearest, usize::MAX).unwrap();
                let (back, times) = decode(&coded.bytes, shape, mask).unwrap();
                assert_eq!(times, stride);
                assert!(coded.finer.as_ref().is_none_or(|finer| *finer == back), "{shape:?}");
                let wanted = if stride == 1 { &q } else { &finer };
                let is_coded = |i: &usize| mask.is_none_or(|mask| !mask[*i]);
                let off = (0..q.len()).filter(is_coded).map(|i| (back[i] - wanted[i]).abs()).max().unwrap();
                assert!(off <= stride / 2, "{shape:?}, {stride}: {off}");
            }
        }
    }
}

#[test]
fn what_is_smooth_takes_few_bits() {
    let shape = [256, 256];
    let (q, finer) = field(&shape, 5);
    let numbers = Numbers { q: &q, shape: &shape, mask: None, mantissa_bits: None };
    let coded =
        encode::encode(numbers, Some(Goal { q: &finer, stride: 17, ends: None }), usize::MAX).unwrap();
    let lockstep = crate::lockstep::encode::encode(
        numbers,
        Some(Goal { q: &finer, stride: 17, ends: None }),
        crate::lockstep::effort::Effort::STATIC,
        None,
    );
    assert!(80 * coded.bytes.len() < 6 * q.len(), "{}", coded.bytes.len());
    assert!(coded.bytes.len() < lockstep.unwrap().bytes.len());
    assert!(
        encode::encode(numbers, Some(Goal { q: &finer, stride: 17, ends: None }), coded.bytes.len() / 4)
            .is_none(),
        "given up"
    );
}

#[test]
fn numbers_that_float32_does_not_tell_apart_are_left_to_others() {
    let shape = [64, 64];
    let (mut q, _) = field(&shape, 5);
    q[77] = 1 << 24;
    assert!(
        encode::encode(Numbers { q: &q, shape: &shape, mask: None, mantissa_bits: None }, None, usize::MAX)
            .is_none()
    );
}

#[test]
fn damaged_bytes_are_errors_or_other_numbers() {
    let shape = [17, 9, 40];
    let (q, finer) = field(&shape, 30);
    let numbers = Numbers { q: &q, shape: &shape, mask: None, mantissa_bits: None };
    let bytes =
        encode::encode(numbers, Some(Goal { q: &finer, stride: 17, ends: None }), usize::MAX).unwrap().bytes;
    for n in 0..bytes.len() {
        assert!(decode(&bytes[..n], &shape, None).is_err(), "{n}");
    }
    let mut random = Rng::new(5, 0);
    for _ in 0..2000 {
        let mut damaged = bytes.clone();
        for _ in 0..1 + random.below(3) {
            let place = random.below(damaged.len());
            damaged[place] ^= 1 << random.below(8);
        }
        if let Ok((back, _)) = decode(&damaged, &shape, None) {
            assert_eq!(back.len(), q.len());
        }
    }
    assert!(decode(&bytes, &[17, 9, 41], None).is_err());
    // Short rows would take more time than their bytes earn.
    assert!(decode(&bytes, &[17, 40, 9], None).is_err());
}
