//! Round trips of every kind of array, masks, hostile bytes.

use super::*;
use crate::predict::encode::{RATES, code};
use crate::predict::model::{Filters, MAX_COARSE};
use crate::predict::rows::kinds::Kinds;
use crate::report::trials::Trials;

fn noise(state: &mut u64) -> i64 {
    *state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
    (*state >> 40) as i64
}

/// Waves on all axes with a little noise.
fn waves(shape: &[usize], height: f64) -> Vec<i64> {
    let n: usize = shape.iter().product();
    let mut state = 7;
    (0..n)
        .map(|idx| {
            let mut rest = idx;
            let mut sum = 0.0;
            for (axis, &extent) in shape.iter().enumerate().rev() {
                sum += libm::sin((rest % extent) as f64 * 0.1 / (axis + 1) as f64 + axis as f64);
                rest /= extent;
            }
            (sum * height) as i64 + noise(&mut state) % 3
        })
        .collect()
}

fn numbers<'a>(q: &'a [i64], shape: &'a [usize]) -> Numbers<'a> {
    Numbers { q, shape, mask: None, mantissa_bits: None }
}

fn same(q: &[i64], back: &[i64], mask: Option<&[bool]>) {
    assert_eq!(back.len(), q.len());
    for (i, (a, b)) in q.iter().zip(back).enumerate() {
        assert!(a == b || mask.is_some_and(|mask| mask[i]), "{i}: {a} {b}");
    }
}

/// Both tiers; the bytes of the smaller.
fn round_trip(q: &[i64], shape: &[usize], mask: Option<&[bool]>, mantissa_bits: Option<u32>) -> usize {
    let numbers = Numbers { q, shape, mask, mantissa_bits };
    let mut least = usize::MAX;
    for effort in [Effort::Fast, Effort::Full] {
        let Some(bytes) = encode(numbers, effort, &mut Trials::default()).map(|coded| coded.bytes) else {
            continue;
        };
        assert!(effort == Effort::Full || tier(&bytes).unwrap() == Candidate::Fast);
        same(q, &decode(&bytes, shape, mask, Known::default()).unwrap().0, mask);
        least = least.min(bytes.len());
    }
    least
}

#[test]
fn arrays_of_one_to_five_axes_come_back() {
    for shape in
        [&[2000][..], &[40, 50], &[2, 1024], &[7, 20, 30], &[3, 5, 12, 14], &[2, 2, 3, 10, 16], &[99, 3]]
    {
        let n: usize = shape.iter().product();
        for height in [0.3, 5.0, 3000.0, 1e9, 1e18] {
            let bytes = round_trip(&waves(shape, height), shape, None, None);
            assert!(height > 10.0 || bytes < n, "{shape:?} {height} {bytes}");
        }
    }
}

#[test]
fn tiny_arrays_are_refused_or_come_back() {
    for n in 0..70 {
        round_trip(&waves(&[n], 50.0), &[n], None, None);
    }
    for shape in [&[0, 5][..], &[1, 1, 64], &[64, 1], &[8, 8], &[2, 2, 2, 2, 2, 2]] {
        round_trip(&waves(shape, 50.0), shape, None, None);
    }
    assert!(encode(numbers(&[], &[0]), Effort::Quick, &mut Trials::default()).is_none());
}

#[test]
fn extreme_numbers_wrap_and_come_back() {
    let ends = [i64::MIN, i64::MAX, 0, -1, 1, i64::MIN + 1, 1 << 62, -(1 << 40)];
    let mut state = 3;
    let q: Vec<i64> = (0..600).map(|_| ends[noise(&mut state) as usize % ends.len()]).collect();
    round_trip(&q, &[20, 30], None, None);
    for bits in [10, 23, 52] {
        round_trip(&q, &[20, 30], None, Some(bits));
    }
    round_trip(&[i64::MIN; 100], &[100], None, None);
}

#[test]
fn floats_by_order_come_back_and_are_cheaper_by_value() {
    let order = |x: f32| {
        let bits = x.to_bits() as i32;
        (if bits < 0 { bits ^ i32::MAX } else { bits }) as i64
    };
    let q: Vec<i64> = waves(&[60, 80], 1e6).iter().map(|&x| order((x as f32 - 5e4) * 1e-3)).collect();
    let by_value = round_trip(&q, &[60, 80], None, Some(23));
    let by_order = round_trip(&q, &[60, 80], None, None);
    assert!(by_value < by_order, "{by_value} {by_order}");
}

#[test]
fn masked_numbers_cost_nothing() {
    let shape = [4, 30, 40];
    let mask: Vec<bool> = (0..4800).map(|i| i % 40 > 20).collect();
    let mut q = waves(&shape, 500.0);
    let plain = round_trip(&q, &shape, None, None);
    let mut state = 5;
    for (number, _) in q.iter_mut().zip(&mask).filter(|(_, masked)| **masked) {
        *number = noise(&mut state) << 30;
    }
    let masked = round_trip(&q, &shape, Some(&mask), None);
    assert!(masked < plain * 3 / 4, "{masked} {plain}");
    round_trip(&q, &shape, Some(&vec![true; 4800]), None);
}

#[test]
fn damaged_streams_are_errors_or_other_numbers_but_never_a_panic() {
    let shape = [3, 8, 9];
    for (bits, effort) in
        [(None, Effort::Quick), (Some(23), Effort::Quick), (None, Effort::Fast), (Some(23), Effort::Fast)]
    {
        let q = waves(&shape, 90.0);
        let numbers = Numbers { mantissa_bits: bits, ..numbers(&q, &shape) };
        let bytes = encode(numbers, effort, &mut Trials::default()).unwrap().bytes;
        for cut in 0..bytes.len() {
            let _ = decode(&bytes[..cut], &shape, None, Known::default());
        }
        for bit in 0..bytes.len() * 8 {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            let _ = decode(&damaged, &shape, None, Known::default());
        }
    }
    let mut state = 11;
    for _ in 0..300 {
        let bytes: Vec<u8> = (0..400).map(|_| noise(&mut state) as u8).collect();
        for first in [0x89, 0xc9, 0x12, 0x52, 0x4b, 0xa9, 0xe9, 0x32, 0x72] {
            let mut bytes = bytes.clone();
            (bytes[0], bytes[1]) = (first, [0, 10, 23, 52][bytes[1] as usize % 4]);
            let _ = decode(&bytes, &[2, 4, 6, 8], None, Known::default());
        }
    }
}

#[test]
fn shapes_that_are_nearly_all_margins_are_refused() {
    assert!(
        encode(numbers(&vec![0; 80_000], &[20_000, 2, 2]), Effort::Quick, &mut Trials::default()).is_none()
    );
    assert!(decode(&[9, 0, 0], &[1 << 40, 2, 2], None, Known::default()).is_err());
}

#[test]
fn many_numbers_go_in_lanes_of_which_each_counts() {
    let shape = [5, 200, 1100];
    let q = waves(&shape, 90.0);
    let bytes = encode(numbers(&q, &shape), Effort::Fast, &mut Trials::default()).unwrap().bytes;
    same(&q, &decode(&bytes, &shape, None, Known::default()).unwrap().0, None);
    let one_thread = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    assert_eq!(
        bytes,
        one_thread
            .install(|| encode(numbers(&q, &shape), Effort::Fast, &mut Trials::default()))
            .unwrap()
            .bytes
    );
    let n_bytes = bytes.len();
    for at in [n_bytes - 9, n_bytes * 3 / 4, n_bytes / 2, n_bytes / 4] {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x10;
        assert_ne!(decode(&damaged, &shape, None, Known::default()).ok().map(|(q, _)| q).as_ref(), Some(&q));
    }
}

#[test]
fn a_part_of_one_row_has_the_neighbors_of_the_whole() {
    for extents in [[2, 2, 9, 30], [1, 1, 9, 300]] {
        let whole = Layout::new(extents);
        let part = whole.with_rows(1);
        for behind in 0..4 {
            assert_eq!(part.taps(behind), whole.taps(behind));
        }
    }
    let shape = [4, 9, 30_000];
    let q = waves(&shape, 90.0);
    let bytes = encode(numbers(&q, &shape), Effort::Fast, &mut Trials::default()).unwrap().bytes;
    same(&q, &decode(&bytes, &shape, None, Known::default()).unwrap().0, None);
}

#[test]
fn a_shared_model_serves_other_extents_and_more_axes() {
    let kind = |bits: Option<u32>| (baler_data::dataset::DType::F32, bits, 0.5);
    for bits in [None, Some(23)] {
        let like = |q: &[i64]| -> Vec<i64> { q.to_vec() };
        let known = [like(&waves(&[9, 30, 40], 300.0)), like(&waves(&[6, 30, 40], 250.0))];
        let shapes = [[9, 30, 40], [6, 30, 40]];
        let samples: Vec<Numbers> = known
            .iter()
            .zip(&shapes)
            .map(|(q, shape)| Numbers { mantissa_bits: bits, ..numbers(q, shape) })
            .collect();
        let predictor = predictor::Predictor::train("x", kind(bits), &samples).unwrap();
        let shared = Shared::read(&predictor.shared.write()).unwrap();
        assert_eq!(shared, predictor.shared);
        for shape in [&[7, 21, 50][..], &[21, 50], &[3, 4, 21, 50], &[2, 2, 200, 1300]] {
            let q = waves(shape, 280.0);
            let numbers = Numbers { mantissa_bits: bits, ..numbers(&q, shape) };
            for effort in [Effort::Fast, Effort::Full] {
                let bytes = encode_shared(numbers, &shared, effort, &mut Trials::default()).unwrap().bytes;
                same(
                    &q,
                    &decode(&bytes, shape, None, Known { shared: Some(&shared), reference: None }).unwrap().0,
                    None,
                );
                assert!(bytes.len() < 4 * q.len(), "{shape:?} {}", bytes.len());
            }
        }
        let long = waves(&[5000], 100.0);
        assert!(
            encode_shared(numbers(&long, &[5000]), &shared, Effort::Fast, &mut Trials::default()).is_none()
        );
    }
}

#[test]
fn damaged_shared_models_are_errors_or_other_models() {
    let q = waves(&[9, 30, 40], 300.0);
    let kind = (baler_data::dataset::DType::F32, None, 0.5);
    let predictor = predictor::Predictor::train("x", kind, &[numbers(&q, &[9, 30, 40])]).unwrap();
    let bytes = predictor.shared.write();
    let stream =
        encode_shared(numbers(&q, &[9, 30, 40]), &predictor.shared, Effort::Fast, &mut Trials::default())
            .unwrap()
            .bytes;
    let mut other_shift = stream.clone();
    other_shift[0] ^= 1;
    assert!(
        decode(&other_shift, &[9, 30, 40], None, Known { shared: Some(&predictor.shared), reference: None })
            .is_err()
    );
    for cut in 0..bytes.len() {
        assert!(Shared::read(&bytes[..cut]).is_err());
    }
    for bit in 0..bytes.len() * 8 {
        let mut damaged = bytes.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        if let Ok(shared) = Shared::read(&damaged) {
            let _ = decode(&stream, &[9, 30, 40], None, Known { shared: Some(&shared), reference: None });
        }
    }
}

#[test]
fn drift_is_told() {
    let q = waves(&[9, 30, 40], 300.0);
    let kind = (baler_data::dataset::DType::F32, None, 0.5);
    let predictor = predictor::Predictor::train("x", kind, &[numbers(&q, &[9, 30, 40])]).unwrap();
    assert!(predictor.drift(predictor.bits, 0.5).is_none());
    assert!(predictor.drift(predictor.bits + 1.0, 0.25).is_none());
    assert!(predictor.drift(predictor.bits * 1.5 + 0.2, 0.5).is_some());
    let [low, high] = predictor.range;
    assert!(predictor.outside(low, high).is_none() && predictor.outside(low, 2.0 * high).is_some());
}

/// Frames in which every place turns at a pace of its own.
fn paces(shape: [usize; 4], height: f64) -> Vec<i64> {
    let [a, b, y, x] = shape;
    let mut state = 5;
    (0..a * b * y * x)
        .map(|idx| {
            let (t, y, x) = (idx / (y * x), idx / x % y, idx % x);
            let phase = t as f64 * (0.1 + 0.01 * (x + 2 * y) as f64) + (x * y) as f64 * 0.02;
            (libm::sin(phase) * height) as i64 + noise(&mut state) % 3
        })
        .collect()
}

#[test]
fn filters_are_chosen_where_they_pay_and_survive_damage() {
    for (shape, height) in [([2, 5, 16, 20], 900.0), ([1, 12, 17, 9], 1e7)] {
        let q = paces(shape, height);
        round_trip(&q, &shape, None, None);
        let bytes = encode(numbers(&q, &shape), Effort::Quick, &mut Trials::default()).unwrap().bytes;
        let (model, _) = Model::read(shape, None, false, &mut ByteReader::new(&bytes)).unwrap();
        assert_eq!(model.filters.map(|filters| filters.rates), Some(RATES), "{shape:?} {height}");
        // All of the model, where rates and weights lie, then some of the numbers.
        let n_model = model_bytes(&bytes, &shape, false).unwrap();
        for byte in (0..n_model).chain((n_model..bytes.len()).step_by(97)) {
            let mut damaged = bytes.clone();
            damaged[byte] ^= 1 << (byte % 8);
            let _ = decode(&damaged, &shape, None, Known::default());
        }
    }
}

#[test]
fn filters_take_any_numbers() {
    let ends = [i64::MIN, i64::MAX, 0, -1, 1, 1 << 62, -(1 << 40), 77];
    let shape = [2, 3, 10, 12];
    let mut state = 3;
    let mut q: Vec<i64> = (0..720).map(|_| ends[noise(&mut state) as usize % ends.len()]).collect();
    let layout = Layout::new(shape);
    for (coarse, rates) in [(0, [255; 3]), (MAX_COARSE, [1, 255, 0]), (7, RATES)] {
        for domain in [Domain::Integer, Domain::of_floats(q.iter().copied(), 52)] {
            let filters = Filters { rates, coarse };
            let like = Model {
                shift: 18,
                narrow: false,
                domain,
                stride: 1,
                order: Order::DATA,
                center: 9,
                filters: Some(filters),
                reference: None,
                map: None,
                kinds: None,
                sets: Default::default(),
            };
            let mut state = padded::<i64>(&layout).unwrap();
            let model = fit::fit(&layout, None, &mut q, &mut state, &like, (1, false), fit::N_SAMPLES);
            state.cascade = Some(Cascade::new(&layout, filters).unwrap());
            let bytes = code(&layout, None, &mut q, &mut state, &model);
            assert!(decode(&bytes, &shape, None, Known::default()).unwrap().0 == q, "{coarse} {domain:?}");
        }
    }
}

/// Codes with a fitted model, in one window or another.
fn coded(layout: &Layout, mask: &[bool], q: &mut [i64], filters: Option<Filters>) -> Vec<u8> {
    let like = Model {
        shift: WIDE_SHIFT,
        narrow: false,
        domain: Domain::Integer,
        stride: 1,
        order: Order::DATA,
        center: 5,
        filters,
        reference: None,
        map: None,
        kinds: None,
        sets: Default::default(),
    };
    let mut state = padded::<i64>(layout).unwrap();
    let model = fit::fit(layout, Some(mask), q, &mut state, &like, (1, false), fit::N_SAMPLES);
    if let Some(filters) = filters {
        state.cascade = Some(Cascade::new(layout, filters).unwrap());
        return code(layout, Some(mask), q, &mut state, &model);
    }
    let kinds = Kinds::choose(layout, &model, Some(mask), q, &mut state);
    code(layout, Some(mask), q, &mut state, &Model { kinds: Some(kinds), ..model })
}

#[test]
fn a_window_of_planes_is_as_good_as_all_of_them() {
    for extents in [[1, 40, 7, 9], [7, 6, 5, 8], [60, 1, 3, 5], [1, 200, 1, 30], [4, 30, 4, 6]] {
        let mut q = waves(&extents, 200.0);
        let mut state = 1;
        let mask: Vec<bool> = q.iter().map(|_| noise(&mut state) % 5 == 0).collect();
        let layout = Layout::new(extents);
        assert!(layout.n_held() < layout.holding_all().n_held(), "{extents:?}");
        for filters in [None, Some(Filters { rates: RATES, coarse: 0 })] {
            let windowed = coded(&layout, &mask, &mut q, filters);
            assert_eq!(windowed, coded(&layout.holding_all(), &mask, &mut q, filters), "{extents:?}");
        }
    }
}

/// Numbers that follow from another variable's, of two widths, some masked; the other has holes.
#[test]
fn numbers_beside_another_variable_come_back_and_are_fewer_bytes() {
    let shape = [3, 4, 10, 12];
    for (height, bits) in [(1.0, None), (1e9, None), (1.0, Some(52))] {
        let mut state = 11;
        let other: Vec<f64> = (0..1440).map(|_| (noise(&mut state) % 1000) as f64 * 0.5).collect();
        let mut q: Vec<i64> = other.iter().map(|x| (height * (1e3 + 3.0 * x)) as i64).collect();
        if bits.is_some() {
            q = q.iter().map(|&q| (q as f64).to_bits() as i64).collect();
        }
        let mask: Vec<bool> = (0..1440).map(|i| i % 29 == 3).collect();
        let mut other = other;
        (0..1440).filter(|i| i % 53 == 9).for_each(|i| other[i] = f64::NAN);
        let numbers = Numbers { q: &q, shape: &shape, mask: Some(&mask), mantissa_bits: bits };
        let alone = encode(numbers, Effort::Full, &mut Trials::default()).unwrap().bytes;
        let reference = encode_with_reference(numbers, &other, &alone).unwrap();
        assert!(reference.len() < alone.len(), "{height} {bits:?}: {} {}", reference.len(), alone.len());
        let known = |other| Known { shared: None, reference: Some(other) };
        same(&q, &decode(&reference, &shape, Some(&mask), known(&other)).unwrap().0, Some(&mask));
        assert!(model_bytes(&reference, &shape, true).unwrap() < reference.len());
        // Other values, damaged bytes: anything but a panic.
        let nothing = vec![f64::NAN; 1440];
        assert!(decode(&reference, &shape, Some(&mask), known(&nothing)).unwrap().0 != q);
        let wild: Vec<f64> = (0..1440).map(|i| [f64::MAX, f64::MIN, 0.0, 1e-300][i % 4]).collect();
        decode(&reference, &shape, Some(&mask), known(&wild)).unwrap();
        let mut damaged = reference.clone();
        for bit in 0..8 * 200.min(reference.len()) {
            damaged[bit / 8] ^= 1 << (bit % 8);
            let _ = decode(&damaged, &shape, Some(&mask), known(&wild));
            damaged[bit / 8] ^= 1 << (bit % 8);
        }
    }
}

#[test]
fn what_another_variable_saves_is_estimated() {
    let shape = [3, 4, 20, 24];
    let mut state = 5;
    let mut random = |n: usize| -> Vec<f64> { (0..n).map(|_| (noise(&mut state) % 1000) as f64).collect() };
    let (other, nothing) = (random(5760), random(5760));
    let q: Vec<i64> = other.iter().map(|x| (3.0 * x) as i64 + 7).collect();
    let saved = relate::bits_saved(numbers(&q, &shape), &[&other, &nothing, &vec![f64::NAN; 5760]]);
    assert!(saved[0] > 3.0 && saved[1].abs() < 0.03 && saved[2].abs() < 0.03, "{saved:?}");
}
