use super::*;

/// A list, runs, strangers and numbers that a sure match has.
const PINNED: &str =
    "010a170300ffffff159a848aadb69f57e860c2b91c738a59255c0100ff5751058b8926b6470458277beeabbd742f2e4dc316";

/// Uniform numbers, always the same.
fn random(seed: u64) -> impl FnMut() -> u64 {
    let mut state = seed;
    move || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        state >> 20
    }
}

/// Codes and decodes; gives the bytes.
fn round_trip(q: &[i64], columns: usize) -> Vec<u8> {
    let bytes = encode(q, columns);
    assert_eq!(decode(&bytes, q.len(), columns).unwrap(), q, "{} numbers in {columns} columns", q.len());
    bytes
}

fn kinds() -> Vec<(Vec<i64>, usize)> {
    let mut next = random(1);
    let mut many = |n: usize, of: &mut dyn FnMut(usize, u64) -> i64| -> Vec<i64> {
        (0..n).map(|idx| of(idx, next())).collect()
    };
    vec![
        (vec![], 1),
        (vec![7], 1),
        (vec![i64::MIN], 5),
        (vec![i64::MIN, i64::MAX, 0, -1, i64::MAX, i64::MIN], 2),
        (many(300, &mut |idx, r| if idx % 3 == 0 { i64::MIN } else { (r as i64) << 20 }), 3),
        (many(700, &mut |idx, _| idx as i64), 1),
        (many(700, &mut |idx, _| i64::MAX - idx as i64), 7),
        (many(500, &mut |_, _| -5), 9),
        (many(500, &mut |_, r| (r % 3) as i64), usize::MAX),
        (many(900, &mut |_, r| (r % 40_000) as i64 - 20_000), 1000),
        (many(900, &mut |idx, r| (idx / 7 * 1_000_003) as i64 + (r % 2) as i64), 9),
        (many(900, &mut |_, r| (r % 50) as i64 * 1_234_567_891_011), 6),
        (many(900, &mut |_, r| (r as i64) << 24 ^ r as i64), 4),
        ("to be or not to be, that is the question; ".repeat(20).bytes().map(i64::from).collect(), 1),
    ]
}

#[test]
fn numbers_of_every_kind_come_back() {
    for (q, columns) in kinds() {
        round_trip(&q, columns);
        round_trip(&q, 1);
    }
}

/// The numbers of [`streams_of_the_first_version_are_read_for_ever`]: what repeats, what differs, and sure matches.
fn pinned() -> Vec<i64> {
    let mut next = random(5);
    (0..600)
        .map(|idx| if idx % 150 == 149 { next() as i64 % 1000 } else { idx * idx % 11 * 70_000 })
        .collect()
}

#[test]
fn streams_of_the_first_version_are_read_for_ever() {
    let stream: Vec<u8> = (0..PINNED.len() / 2)
        .map(|idx| u8::from_str_radix(&PINNED[2 * idx..2 * idx + 2], 16).unwrap())
        .collect();
    assert_eq!(decode(&stream, 600, 4).unwrap(), pinned());
    assert_eq!(encode(&pinned(), 4), stream);
}

#[test]
fn repeats_are_nearly_free() {
    let mut next = random(2);
    let once: Vec<i64> = (0..1000).map(|_| next() as i64).collect();
    let single = round_trip(&once, 1).len();
    let repeated = round_trip(&once.repeat(20), 1).len();
    assert!(repeated < single + single / 20, "{single} bytes once, {repeated} bytes 20 times");
    let constant = round_trip(&[3; 100_000], 10).len();
    let counted = round_trip(&(0..100_000).collect::<Vec<_>>(), 1).len();
    assert!(constant < 10 && counted < 10, "{constant} and {counted} bytes");
}

#[test]
fn records_that_change_in_one_column_cost_that_column() {
    let mut next = random(3);
    let record: Vec<i64> = (0..32).map(|_| next() as i64).collect();
    let mut q = Vec::new();
    for _ in 0..400 {
        q.extend(&record);
        let place = q.len() - 20;
        q[place] = (next() % 256) as i64;
    }
    let n_bytes = round_trip(&q, 32).len();
    assert!(n_bytes < 1100, "{n_bytes} bytes for 400 changes of one byte");
}

#[test]
fn few_values_of_many_bits_are_listed() {
    let mut next = random(4);
    let values: Vec<i64> = (0..16).map(|_| next() as i64 * 65_537).collect();
    let q: Vec<i64> = (0..4000).map(|_| values[next() as usize % 16]).collect();
    let bytes = round_trip(&q, 1);
    assert_eq!(bytes[0], LISTED);
    assert!(bytes.len() < 4000 / 2 + 300, "{} bytes for 4000 times 4 bits and 16 values", bytes.len());
}

#[test]
fn damaged_bytes_are_refused_or_give_other_numbers() {
    for (q, columns) in kinds() {
        let q = &q[..q.len().min(120)];
        let bytes = encode(q, columns);
        for cut in 0..bytes.len().min(40) {
            let _ = decode(&bytes[..cut], q.len(), columns);
        }
        for idx in 0..bytes.len().min(40) {
            let mut damaged = bytes.clone();
            damaged[idx] ^= 1 << (idx % 8);
            if let Ok(values) = decode(&damaged, q.len(), columns) {
                assert_eq!(values.len(), q.len());
            }
        }
    }
}

#[test]
fn errors_say_what_was_expected() {
    let text = |bytes: &[u8], n_values| decode(bytes, n_values, 1).unwrap_err().to_string();
    let tests: [(&[u8], usize, &str); 5] = [
        (&[2], 3, "expected numbers as they are (0) or in a list (1), found 2; the stream is damaged"),
        (&[0, 0x49, 0], 3, "difference of kind 0 to 3, found 0x49; the stream is damaged"),
        (&[1, 9], 3, "expected a list of at most 3 values, found 9; the stream is damaged"),
        (
            &[0, 0x11, 0],
            1 << 40,
            "expected at most 524288 numbers in 0 bytes of mixed bits, found 1099511627776",
        ),
        (&[1, 2, 2, 0x00, 0, 0x00, 8], 3, "expected a place in a list of 2, found 4; the stream is damaged"),
    ];
    for (bytes, n_values, expected) in tests {
        let found = text(bytes, n_values);
        assert!(found.contains(expected), "{found}");
    }
}
