//! Tables with rows that are stored in full: a few, with lists, and many that break relations which the others keep.

use super::{Case, best, f32s, noise, table, variable};
use baler::{BoundSpec, Dataset, Missing, Options, Values};
use baler_codec::options::outliers::OutlierRows;
use baler_data::dataset::kind::Kind;
use baler_data::dataset::{ListKind, Lists};

/// These rows, with scores that fall.
fn in_full(rows: Vec<usize>) -> Option<OutlierRows> {
    let scores = (0..rows.len()).map(|i| 96.0 / (1.0 + i as f64 / 64.0)).collect();
    Some(OutlierRows { rows, scores, by: "code-length".into() })
}

pub fn outliers() -> [Case; 2] {
    [
        Case {
            name: "outliers",
            dataset: listed(),
            options: Options { outliers: in_full(vec![0, 17, 18, 30, 59]), ..best(BoundSpec::Rel(1e-3)) },
            model: None,
        },
        Case {
            name: "outliers_taught",
            dataset: broken(),
            options: Options {
                outliers: in_full((3..1500).step_by(6).collect()),
                missing: vec![("*".to_string(), Missing::None)],
                ..best(BoundSpec::Rel(1e-3))
            },
            model: None,
        },
    ]
}

/// Sixty rows: a column with values far out, an array of pairs, text, and values that are missing.
fn listed() -> Dataset {
    let n = 60;
    let far_out = |i: usize| if i.is_multiple_of(17) { 1e6 } else { noise(i) };
    let words = |i: usize| ["muon", "", "electron"][i % 3];
    let text: Vec<u8> = (0..n).flat_map(|i| words(i).bytes()).collect();
    let lengths = (0..n).map(|i| words(i).len() as u32).collect();
    let is_there = |i: usize| !i.is_multiple_of(5);
    let there: Vec<usize> = (0..n).filter(|&i| is_there(i)).collect();
    let given = f32s(there.len(), |at| 3.0 + noise(there[at]));
    let mut variables = vec![
        variable("x", &[n], f32s(n, far_out)),
        variable("row", &[n, 2], f32s(2 * n, |i| 2.0 * noise(i))),
        variable("word#counts", &[n], Values::U32(lengths)),
        variable("word", &[text.len()], Values::U8(text)),
        variable("y#present", &[n], Values::Bool((0..n).map(|i| is_there(i) as u8).collect())),
        variable("y", &[there.len()], given),
    ];
    variables[3].storage.kind = Kind::Text;
    variables[3].storage.lists = Some(Lists { counts: 2, kind: ListKind::Vector });
    variables[5].storage.lists = Some(Lists { counts: 4, kind: ListKind::Optional });
    Dataset::from_arrays(variables)
}

/// The table of the other golden files with one energy in six wrong.
fn broken() -> Dataset {
    let mut variables = table(1500);
    let energy = variables.iter_mut().find(|variable| variable.name == "energy").expect("an energy");
    let Values::F32(values) = &mut energy.values else { panic!("dtype") };
    (3..1500).step_by(6).for_each(|i| values[i] = values[i - 1]);
    Dataset::from_arrays(variables)
}
