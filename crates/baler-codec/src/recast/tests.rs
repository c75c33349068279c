use super::*;
use crate::classical;
use crate::recast::dictionary::Order;

/// Recasts numbers, codes what is in their place classically, and decodes it all again.
fn round_trip(recast: &Recast, numbers: Numbers) -> Vec<u8> {
    let (head, arrays) = recast.forward(numbers).unwrap();
    let mut w = ByteWriter { bytes: head };
    for array in &arrays {
        w.block(&classical::encode(array.q.clone(), &array.shape, array.mask.as_deref()).bytes);
    }
    let (q, stride) = decode_classical(&w.bytes, numbers).unwrap();
    assert_eq!(stride, 1);
    for (at, (a, b)) in numbers.q.iter().zip(&q).enumerate() {
        assert!(a == b || numbers.mask.is_some_and(|mask| mask[at]), "{at}: {a} {b} {}", recast.words());
    }
    w.bytes
}

fn decode_classical(bytes: &[u8], like: Numbers) -> Result<(Vec<i64>, i64)> {
    let inner = &mut |bytes: &[u8], shape: &[usize], mask: Option<&[bool]>, _: Option<u32>| {
        Ok((classical::decode(bytes, shape, mask)?, 1))
    };
    decode(bytes, (like.shape, like.mask, like.mantissa_bits), inner)
}

fn numbers<'a>(q: &'a [i64], shape: &'a [usize], mask: Option<&'a [bool]>) -> Numbers<'a> {
    Numbers { q, shape, mask, mantissa_bits: None }
}

fn all() -> Vec<Recast> {
    vec![
        Recast::Dictionary(Order::Sorted),
        Recast::Dictionary(Order::First),
        Recast::Turned(1),
        Recast::Turned(2),
        Recast::Split(0),
        Recast::Split(1),
        Recast::Split(2),
        Recast::Records(12),
    ]
}

#[test]
fn numbers_come_back_from_every_recast() {
    let shape = [4, 6, 10];
    let q: Vec<i64> = (0..240).map(|i| (i * 7919 % 31 - 9) * 1000 + 7).collect();
    let mask: Vec<bool> = (0..240).map(|i| i % 11 == 3).collect();
    for recast in all() {
        round_trip(&recast, numbers(&q, &shape, None));
        round_trip(&recast, numbers(&q, &shape, Some(&mask)));
    }
}

#[test]
fn tables_of_more_entries_than_bytes_come_back() {
    let q: Vec<i64> = (0..1200).map(|i| i % 400 * 1000).collect();
    for order in [Order::Sorted, Order::First] {
        let bytes = round_trip(&Recast::Dictionary(order), numbers(&q, &[3, 400], None));
        assert!(bytes.len() < 400, "{}", bytes.len());
    }
}

#[test]
fn multiples_of_one_number_are_found_among_integers() {
    let q: Vec<i64> = (0..400).map(|i| (i * 7919 % 311 - 90) * 1000 + 7).collect();
    let hidden = find_hidden(numbers(&q, &[400], None)).expect("multiples of 1000, and 7");
    let (_, arrays) = Recast::Hidden(hidden.clone()).forward(numbers(&q, &[400], None)).unwrap();
    let range = arrays[0].q.iter().max().unwrap() - arrays[0].q.iter().min().unwrap();
    assert!(range <= 311, "{}: {range}", hidden.words());
    round_trip(&Recast::Hidden(hidden), numbers(&q, &[400], None));
}

#[test]
fn entries_by_appearance_count_back_from_the_newest() {
    let q = [50, 60, 50, 70, 70, 60];
    let (table, entries) = dictionary::forward(Order::First, numbers(&q, &[6], None)).unwrap();
    assert_eq!(table.q, [50, 60, 70]);
    assert_eq!(entries.q, [0, 0, 2, 0, 1, 2]);
}

#[test]
fn damaged_bytes_are_errors_or_other_numbers() {
    let shape = [4, 6, 10];
    let q: Vec<i64> = (0..240).map(|i| (i * 7919 % 31 - 9) * 1000 + 7).collect();
    let like = numbers(&q, &shape, None);
    for recast in all() {
        let bytes = round_trip(&recast, like);
        for cut in 0..bytes.len() {
            assert!(decode_classical(&bytes[..cut], like).is_err(), "{cut} {}", recast.words());
        }
        for bit in 0..8 * bytes.len() {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            let _ = decode_classical(&damaged, like);
        }
    }
    assert!(decode_classical(&[6], like).is_err());
    for axis in [3, 200] {
        assert!(decode_classical(&[4, axis, 0], like).is_err());
    }
}
