//! Promise: the bytes depend on the data and the options only, not on threads. What the machine's vector
//! instructions change (nothing) is in crates/baler-cli/tests/determinism.rs, as it takes a process each.

mod support;

use baler::*;
use support::*;

fn datasets() -> Vec<(&'static str, Dataset, BoundSpec)> {
    let mut random = Random::new(21);
    let field: Vec<f32> =
        (0..22 * 310 * 308).map(|i| ((i % 308) as f32 * 0.01).sin() + (i / 308) as f32).collect();
    let sound: Vec<f64> = (0..2 * 20_000).map(|i| (i as f64 * 0.2).sin() + 0.01 * random.unit()).collect();
    let columns = (0..9).map(|c| {
        variable(
            &format!("c{c}"),
            &[5000],
            Values::F64((0..5000).map(|_| random.unit() * c as f64).collect()),
        )
    });
    let columns = Dataset::from_table(columns.collect());
    let mixed = (0..24).map(|i| variable(&format!("v{i}"), &[11, 9], values_of(i % 12, i, 99, &mut random)));
    let mixed = Dataset::from_arrays(mixed.collect());
    vec![
        // Above 2^21 values an array is cut, here into three chunks.
        ("many chunks", single(&[22, 310, 308], Values::F32(field)), BoundSpec::Rel(1e-3)),
        ("series", single(&[2, 20_000], Values::F64(sound)), BoundSpec::Abs(1e-4)),
        ("table", columns, BoundSpec::PwRel(1e-2)),
        ("mixed", mixed, BoundSpec::Lossless),
    ]
}

#[test]
fn bytes_and_values_are_the_same_for_any_number_of_threads() {
    for (name, dataset, spec) in datasets() {
        let with = |n_threads| {
            let mut options = best(spec);
            options.threads = Threads::new(n_threads).unwrap();
            compress(&dataset, &options).unwrap()
        };
        let one = with(1);
        assert!(one == with(2) && one == with(3), "{name}");
        let decoded = |n_threads| {
            let options = DecompressOptions {
                threads: Threads::new(n_threads).unwrap(),
                ..DecompressOptions::default()
            };
            values_bytes(&decompress_with(&one, &options, &mut NoProgress).unwrap())
        };
        assert!(decoded(1) == decoded(3), "{name}");
    }
}

#[test]
fn trained_models_are_the_same_for_any_number_of_threads() {
    let field = single(&[8, 30, 50], Values::F64(smooth_field(240, 50)));
    let with = |n_threads| {
        let mut options = best(BoundSpec::Unbounded);
        options.size = Some(Size::Latent(3));
        options.training.arch = "conv2d:4".into();
        options.training.epochs = 2;
        options.training.block = vec![1, 10, 10];
        options.threads = Threads::new(n_threads).unwrap();
        compress(&field, &options).unwrap()
    };
    let one = with(1);
    assert!(one == with(2) && one == with(3));
}
