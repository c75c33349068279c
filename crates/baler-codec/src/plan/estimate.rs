//! What a variable would take in an archive, from a little of it: boxes that lie spread over the whole array.
//!
//! The fast tier codes many boxes, all of a small array. All tiers cost many times as much, so they code only few
//! boxes, each and its first half. What the second halves take, by all tiers over by the fast one, is what all of
//! the fast tier's bytes are multiplied with; what the first halves take beyond that is what adaptive models cost to learn,
//! once a chunk. In: a source, a variable, bounds. Out: expected bytes; nothing of it decides what an archive holds.

use crate::classical::lorenzo::four_axes;
use crate::container::{GroupMethod, GroupPlan, Plan, archive_header};
use crate::options::{BoundSpec, Method, Missing, Options};
use crate::part;
use crate::part::numbers;
use crate::part::stream::How;
use crate::part::{Original, Prediction};
use crate::plan::grids::{Asked, ranges, type_variable};
use crate::plan::{informed, rows_per_chunk};
use crate::variable::VariablePlan;
use baler_data::dataset::{Dataset, Values, Variable};
use baler_data::error::Result;
use baler_data::source::{InMemory, Source};
use baler_data::with_values;
use rayon::prelude::*;

/// Arrays of so many values are coded by the fast tier as a whole; of others it codes this many boxes of so many values.
const WHOLE_VALUES: usize = 1 << 20;
const N_FAST: usize = 16;
const FAST_VALUES: usize = 1 << 16;
/// Boxes that all tiers code, and values in each.
const N_FULL: usize = 2;
const FULL_VALUES: usize = 1 << 15;
/// The same for a glance.
const N_GLANCE: usize = 1;
const GLANCE_VALUES: usize = 1 << 14;
/// What is chosen from more models is taken to need this share of what the likely one takes.
const CHOICE: f64 = 0.98;
/// Bytes of an archive beside header and parts: footer and the frames' lengths and checksums.
const FOOTER_BYTES: usize = 50;
const FRAME_BYTES: usize = 14;

/// How much is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effort {
    /// A few boxes, for a number that counts.
    Careful,
    /// One small box.
    Glance,
}

/// Expected bytes of one variable's archive.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Expected {
    /// Nothing learned.
    pub classical: f64,
    /// All that is tried by default.
    pub all: f64,
}

/// Samples of a variable.
pub struct Samples {
    variable: Variable,
    /// Less the values, with the shape of all.
    range: f64,
    shape: Vec<usize>,
    missing: Option<Missing>,
    fast: Vec<Sample>,
    full: Vec<Sample>,
    glance: Vec<Sample>,
}

/// Values of a box, C order.
struct Sample {
    shape: Vec<usize>,
    values: Values,
}

impl Samples {
    /// Boxes of a variable of a source.
    ///
    /// # Errors
    /// Those of reading.
    pub fn of(source: &dyn Source, idx: usize, options: &Options) -> Result<Samples> {
        let schema = &source.schema().variables[idx];
        let n_values = schema.n_values();
        let extents = four_axes(&schema.shape);
        let (n_boxes, most) = if n_values <= WHOLE_VALUES { (1, n_values) } else { (N_FAST, FAST_VALUES) };
        let boxes = |n_boxes, most| -> Result<Vec<Sample>> {
            places(extents, n_boxes, most).into_iter().map(|place| place.read(source, idx, extents)).collect()
        };
        let fast = boxes(n_boxes, most)?;
        let few = |n_boxes, most| {
            if n_values <= n_boxes * most { boxes(1, n_values) } else { boxes(n_boxes, most) }
        };
        let (full, glance) = (few(N_FULL, FULL_VALUES)?, few(N_GLANCE, GLANCE_VALUES)?);
        let mut values = Values::empty(schema.dtype);
        fast.iter().try_for_each(|sample| values.append(&sample.values))?;
        let mut shape = fast.first().map_or(vec![0], |sample| sample.shape.clone());
        shape[0] = values.len() / shape[1..].iter().product::<usize>().max(1);
        Ok(Samples {
            variable: Variable {
                storage: schema.storage,
                ..Variable::new(schema.name.clone(), shape, values)?
            },
            range: ranges(source, &[idx], options)?[0],
            shape: schema.shape.clone(),
            missing: crate::options::rules::last_match(&options.missing, &schema.name),
            fast,
            full,
            glance,
        })
    }

    /// Expected bytes under a bound.
    ///
    /// # Errors
    /// [`baler_data::error::ErrorKind::Config`] for a bound that is none.
    pub fn expected(&self, bound: BoundSpec, effort: Effort) -> Result<Expected> {
        let mut options = Options::new(bound);
        options.ranges = vec![(self.variable.name.clone(), self.range)];
        options.missing.extend(self.missing.map(|missing| (self.variable.name.clone(), missing)));
        let mut dataset = Dataset::from_arrays(vec![self.variable.clone()]);
        dataset.variables[0].storage.lists = None;
        let sample = InMemory::of(&dataset);
        let plan = type_variable(&sample, 0, &informed(&sample, &options)?, Asked::Nothing)?.plan;
        let n_sampled: usize = self.fast.iter().map(|sample| sample.values.len()).sum();
        let n_values: usize = self.shape.iter().product();
        let scale = n_values as f64 / n_sampled.max(1) as f64;
        let is_opaque = plan.storage.kind.is_opaque();
        let how = |method, fast| How { fast, brief: !fast, may_refine: true, is_opaque, ..How::by(method) };
        let sum = |samples: &[Sample], how| -> f64 {
            samples.par_iter().map(|sample| sample.n_coded(&plan, how, sample.shape[0])).sum::<usize>() as f64
        };
        let classical = scale * sum(&self.fast, how(Method::Classical, false));
        let (overhead, n_chunks) = self.overhead(&plan);
        let all = how(Method::Auto, false);
        let boxes = if effort == Effort::Careful { &self.full } else { &self.glance };
        let learned = if boxes.iter().map(|sample| sample.values.len()).sum::<usize>() == n_values {
            sum(boxes, all)
        } else {
            let fast_of_all = scale * sum(&self.fast, how(Method::Auto, true));
            carried_over(boxes, &plan, (how(Method::Auto, true), all), fast_of_all, n_chunks)
        };
        Ok(Expected { classical: classical + overhead, all: (CHOICE * learned).min(classical) + overhead })
    }

    /// Bytes beside the parts, and how many chunks there are.
    fn overhead(&self, plan: &VariablePlan) -> (f64, usize) {
        let plan = VariablePlan { shape: self.shape.clone(), ..plan.clone() };
        let rows = rows_per_chunk(&plan);
        let n_chunks = plan.n_rows().div_ceil(rows.max(1)).max(1);
        let group = GroupPlan { variables: vec![0], rows_per_chunk: rows, method: GroupMethod::Classical };
        let layout = baler_data::dataset::Layout::Arrays;
        let plan = Plan {
            layout,
            variables: vec![plan],
            groups: vec![group],
            attachments: Vec::new(),
            trials: Vec::new(),
        };
        let header = archive_header(&plan, &[]).len();
        ((header + FOOTER_BYTES + n_chunks * FRAME_BYTES) as f64, n_chunks)
    }
}

/// What all tiers take, from what the fast one takes of everything.
fn carried_over(
    boxes: &[Sample],
    plan: &VariablePlan,
    (fast, all): (How, How),
    fast_of_all: f64,
    n_chunks: usize,
) -> f64 {
    let of = |sample: &Sample| {
        let half = sample.shape[0] / 2;
        let coded = |how, n_rows| sample.n_coded(plan, how, n_rows) as f64;
        let rows = sample.shape[0];
        [coded(fast, half), coded(fast, rows), coded(all, half), coded(all, rows)]
    };
    let coded: Vec<[f64; 4]> = boxes.par_iter().map(of).collect();
    let sum = |at: usize| coded.iter().map(|bytes| bytes[at]).sum::<f64>();
    let (fast_half, fast_box, all_half, all_box) = (sum(0), sum(1), sum(2), sum(3));
    let overall = all_box / fast_box.max(1.0);
    let later = (all_box - all_half) / (fast_box - fast_half).max(1.0);
    // Where halves differ too much to tell, the whole boxes do.
    let share = if (0.5 * overall..=1.05 * overall).contains(&later) { later } else { overall };
    let to_learn = (all_half - share * fast_half).max(0.0) / boxes.len().max(1) as f64;
    share * fast_of_all + n_chunks as f64 * to_learn
}

impl Sample {
    /// Bytes of its first rows as a part of their own.
    fn n_coded(&self, plan: &VariablePlan, how: How, n_rows: usize) -> usize {
        let row_len: usize = self.shape[1..].iter().product();
        let values = self.values.slice(0..n_rows * row_len);
        let shape = [&[n_rows], &self.shape[1..]].concat();
        with_values!(&values, values => {
            let numbers = numbers::quantize(values, plan);
            {
                let original = Original { values, shape: &shape, variable: plan };
                part::write_part(numbers, Prediction::Nothing, original, how).finish().len()
            }
        })
    }
}

/// A box of four axes.
struct Place {
    start: [usize; 4],
    sides: [usize; 4],
}

impl Place {
    /// Its values; the longest run of rows first, so that the halves are halves of it.
    fn read(&self, source: &dyn Source, idx: usize, extents: [usize; 4]) -> Result<Sample> {
        let mut values = Values::empty(source.schema().variables[idx].dtype);
        let [a, b, c, d] = std::array::from_fn(|axis| self.start[axis]..self.start[axis] + self.sides[axis]);
        for a in a {
            for b in b.clone() {
                let plane = (a * extents[1] + b) * extents[2];
                if self.sides[3] == extents[3] {
                    let rows = plane + c.start..plane + c.end;
                    values.append(&source.read(idx, rows.start * extents[3]..rows.end * extents[3])?)?;
                    continue;
                }
                for c in c.clone() {
                    let row = (plane + c) * extents[3];
                    values.append(&source.read(idx, row + d.start..row + d.end)?)?;
                }
            }
        }
        let first = self.sides.iter().position(|&side| side > 1).unwrap_or(3);
        Ok(Sample { shape: self.sides[first..].to_vec(), values })
    }
}

/// Boxes of at most `most` values, spread over the array: their sides shrink together, so that each axis keeps neighbors,
/// and their starts follow a sequence that leaves no gaps along any axis.
fn places(extents: [usize; 4], n_boxes: usize, most: usize) -> Vec<Place> {
    if extents.contains(&0) {
        return Vec::new();
    }
    let mut sides = extents;
    while sides.iter().product::<usize>() > most.max(1) {
        let longest = (0..4).max_by_key(|&axis| sides[axis]).unwrap_or(3);
        sides[longest] = sides[longest].div_ceil(2);
    }
    // Powers of the root of x^5 = x + 1: the generalized golden ratio of four axes.
    const STEPS: [f64; 4] =
        [0.856_674_883_854_503, 0.733_891_856_627_126, 0.628_706_721_244_828, 0.538_597_257_278_049];
    let start = |at: usize, axis: usize| {
        let free = (extents[axis] - sides[axis]) as f64;
        let along = (0.5 + STEPS[axis] * (at as f64 + 0.5)).fract();
        (along * (free + 1.0)).min(free) as usize
    };
    let place = |at: usize| Place { start: std::array::from_fn(|axis| start(at, axis)), sides };
    let n_boxes = if sides == extents { 1 } else { n_boxes };
    (0..n_boxes).map(place).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(shape: [usize; 3]) -> Dataset {
        let mut rng = baler_data::random::Rng::new(7, 0);
        let value = |at: usize| {
            let (z, y, x) = (at / (shape[1] * shape[2]), at / shape[2] % shape[1], at % shape[2]);
            (x as f64 * 0.11).sin() * (y as f64 * 0.07 + z as f64 * 0.2).cos() * (1.0 + z as f64 / 9.0)
        };
        let n_values = shape.iter().product();
        let values = (0..n_values).map(|at| (value(at) + 0.01 * rng.uniform()) as f32).collect();
        Dataset::from_arrays(vec![Variable::new("w", shape.to_vec(), Values::F32(values)).unwrap()])
    }

    #[test]
    fn an_estimate_is_near_the_archive() {
        for shape in [[10, 40, 50], [24, 60, 70]] {
            let dataset = field(shape);
            let samples =
                Samples::of(&InMemory::of(&dataset), 0, &Options::new(BoundSpec::Lossless)).unwrap();
            for bound in [BoundSpec::Rel(1e-3), BoundSpec::Lossless] {
                let mut archive = Vec::new();
                let models = crate::plan::trainer::Models::default();
                let (source, options) = (InMemory::of(&dataset), Options::new(bound));
                crate::compress::compress_source(
                    &source,
                    &options,
                    models,
                    &mut archive,
                    &mut crate::report::NoProgress,
                )
                .unwrap();
                let n_bytes = archive.len() as f64;
                let expected = samples.expected(bound, Effort::Careful).unwrap().all;
                assert!(
                    (0.9..1.1).contains(&(expected / n_bytes)),
                    "{shape:?} {bound:?}: {expected} {n_bytes}"
                );
            }
        }
    }

    #[test]
    fn boxes_lie_inside_and_apart() {
        let extents = [1, 100, 500, 300];
        let places = places(extents, 8, 1 << 14);
        assert_eq!(places.len(), 8);
        for place in &places {
            assert!((0..4).all(|axis| place.start[axis] + place.sides[axis] <= extents[axis]));
            assert!(place.sides.iter().product::<usize>() <= 1 << 14);
        }
        let mut starts: Vec<usize> = places.iter().map(|place| place.start[2]).collect();
        starts.sort_unstable();
        assert!(starts.windows(2).all(|pair| pair[0] < pair[1]) && starts[0] < 150 && starts[7] > 300);
    }
}
