//! Every shape without values comes back: whichever axis is empty, of every dtype, with every bound and method.

mod support;

use baler::*;
use support::*;

#[test]
fn every_empty_shape_comes_back() {
    let shapes: [&[usize]; 7] = [&[0], &[5, 0], &[0, 5], &[3, 0, 2], &[2, 3, 0], &[0, 0], &[5, 0, 0]];
    let bounds = [BoundSpec::Lossless, BoundSpec::Abs(1.0), BoundSpec::Rel(1e-3), BoundSpec::PwRel(1e-2)];
    for bound in bounds {
        for method in [Method::Auto, Method::Predictive, Method::Classical] {
            let mut options = Options::new(bound);
            options.threads = Threads::new(1).unwrap();
            options.method = method;
            let mut variables: Vec<Variable> = Vec::new();
            for dtype in DType::ALL {
                for shape in shapes {
                    let name = format!("{}{shape:?}", dtype.name());
                    variables.push(variable(&name, shape, Values::empty(dtype)));
                }
            }
            // Beside one that has values, and each alone.
            variables.push(variable("x", &[5, 2], Values::F32((0..10).map(|i| i as f32).collect())));
            let alone = variables.iter().step_by(5).map(|v| vec![v.clone()]);
            for variables in alone.chain([variables.clone()]) {
                let dataset = Dataset::from_arrays(variables);
                let packed =
                    compress(&dataset, &options).unwrap_or_else(|e| panic!("{method:?} {bound:?}: {e}"));
                let back = decompress(&packed).unwrap_or_else(|e| panic!("{method:?} {bound:?}: {e}"));
                let shape_of = |dataset: &Dataset| -> Vec<_> {
                    dataset
                        .variables
                        .iter()
                        .map(|v| (v.name.clone(), v.shape.clone(), v.values.dtype()))
                        .collect()
                };
                assert_eq!(shape_of(&back), shape_of(&dataset));
            }
        }
    }
}
