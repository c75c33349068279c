use super::*;
use baler_data::random::Rng;
use std::ffi::CStr;
use std::ptr::{null, null_mut};

fn text() -> String {
    // SAFETY: the library's text, which ends with NUL.
    unsafe { CStr::from_ptr(baler_error()) }.to_str().unwrap().to_string()
}

/// (status, bytes) of an array of bytes.
fn compressed(values: &[u8], dtype: DType, shape: &[usize], options: &Options) -> (i32, Vec<u8>) {
    let n_axes = shape.len() as i32;
    // SAFETY: every pointer is that of a slice of the length that is told.
    unsafe {
        let mut bytes = vec![0u8; baler_max_bytes(dtype as i32, n_axes, shape.as_ptr())];
        let mut n_bytes = 0;
        let status = baler_compress(
            values.as_ptr().cast(),
            dtype as i32,
            n_axes,
            shape.as_ptr(),
            options,
            bytes.as_mut_ptr().cast(),
            bytes.len(),
            &mut n_bytes,
        );
        bytes.truncate(n_bytes);
        (status, bytes)
    }
}

#[test]
fn no_array_takes_more_than_the_limit() {
    let mut rng = Rng::new(5, 0);
    let mut random = || (rng.uniform() * 256.0) as u8;
    for dtype in &DType::ALL[1..] {
        for n_values in [0usize, 1, 2, 7, 700] {
            for turn in 0..4 {
                // Noise, and noise between whose values stand NaNs of all payloads, missing values, or zeros.
                let size = dtype.size_bytes();
                let mut values: Vec<u8> = (0..n_values * size).map(|_| random()).collect();
                for item in values.chunks_mut(size).step_by(2).filter(|_| turn > 0) {
                    match turn {
                        1 => item[size.saturating_sub(2)..].fill(0xff),
                        2 => item.fill(0xff),
                        _ => item.fill(0),
                    }
                }
                for kind in 0..4 {
                    let options = Options { bound: 1e-9, kind, level: 3, ..Options::default() };
                    let (status, bytes) = compressed(&values, *dtype, &[n_values], &options);
                    assert_eq!(status, 0, "{dtype:?}, {n_values} values: {}", text());
                    let mut back = vec![1u8; values.len()];
                    // SAFETY: both slices have the lengths that are told.
                    let status = unsafe {
                        baler_decompress(
                            bytes.as_ptr().cast(),
                            bytes.len(),
                            back.as_mut_ptr().cast(),
                            back.len(),
                            1,
                        )
                    };
                    assert_eq!(status, 0, "{}", text());
                    assert!(kind != 0 || back == values, "{dtype:?}: lossless");
                }
            }
        }
    }
}

#[test]
fn wrong_calls_are_errors_with_a_text() {
    let values = [1.0f32, 2.0, 3.0, 4.0].map(f32::to_ne_bytes).concat();
    let abs = Options { bound: 0.1, kind: 1, ..Options::default() };
    let failed = |dtype: DType, shape: &[usize], options: Options| {
        let (status, _) = compressed(&values, dtype, shape, &options);
        (status, text())
    };
    for (wrong, says) in [
        (Options { kind: 4, ..abs }, "found 4"),
        (Options { bound: f64::NAN, ..abs }, "NaN"),
        (Options { bound: -1.0, ..abs }, "-1"),
        (Options { level: 10, ..abs }, "level"),
        (Options { level: -1, ..abs }, "level"),
        (Options { range: f64::INFINITY, ..abs }, "range"),
        (Options { has_missing: 2, ..abs }, "has_missing"),
        (Options { n_threads: -1, ..abs }, "threads"),
    ] {
        let (status, text) = failed(DType::F32, &[4], wrong);
        assert!(status == 2 && text.contains(says), "{status}: {text}");
    }
    // SAFETY: NULL is what is tested; the rest points to what is told.
    unsafe {
        assert_eq!(baler_max_bytes(12, 0, null()), 0);
        assert_eq!(baler_max_bytes(10, -1, null()), 0);
        assert_eq!(baler_max_bytes(10, 1, null()), 0);
        assert!(text().contains("the shape, found NULL"));
        assert_eq!(baler_read_info(null(), 3, null_mut()), 2);
        let mut n_bytes = 0;
        let shape = [4usize];
        let (at, room) = (values.as_ptr().cast(), &mut n_bytes);
        assert_eq!(baler_compress(at, 10, 1, shape.as_ptr(), null(), null_mut(), 0, room), 2);
        assert_eq!(baler_compress(at, 10, 1, shape.as_ptr(), &abs, null_mut(), 0, room), 5);
        assert!(n_bytes > 0 && text().contains(&n_bytes.to_string()), "{}", text());
        let (_, mut bytes) = compressed(&values, DType::F32, &[4], &abs);
        let mut out = [0u8; 16];
        let decode = |bytes: &[u8], out: &mut [u8]| {
            baler_decompress(bytes.as_ptr().cast(), bytes.len(), out.as_mut_ptr().cast(), out.len(), 1)
        };
        assert_eq!(decode(&bytes, &mut out), 0);
        assert_eq!(decode(&bytes, &mut out[..15]), 1);
        assert_eq!(decode(&bytes[..bytes.len() - 1], &mut out), 3);
        bytes[0] = 0xc0;
        assert_eq!(decode(&bytes, &mut out), 4);
    }
}

#[test]
fn a_panic_is_a_status() {
    assert_eq!(guarded(|| panic!("on purpose")), 6);
    assert!(text().contains("bug"));
}
