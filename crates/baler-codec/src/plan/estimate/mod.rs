//! What a variable would take in an archive, from a part of it: slabs that lie all over its first axes.
//!
//! Slabs are coded as the level of the options codes large arrays, with models that one of them teaches: each whole, and its first half. What the second
//! halves take is what all numbers take, once learned: by bits of their activity, which is looked at everywhere
//! (the module `activity`). What the first halves take beyond that is what learning costs, once a chunk. Small arrays are one slab.
//! Other bounds than the one that counts are told from one small slab at both. In: a source, a variable, bounds. Out:
//! expected bytes; nothing of it decides what an archive holds.

mod activity;
mod slabs;

use crate::classical::lorenzo::four_axes;
use crate::container::{GroupMethod, GroupPlan, Plan, archive_header};
use crate::lockstep::encode::Learned;
use crate::options::{BoundSpec, Level, Method, Missing, Options};
use crate::part::numbers::{self, Numbers};
use crate::part::stream::How;
use crate::part::{self, Original, Prediction};
use crate::plan::grids::{Asked, ranges, type_variable};
use crate::plan::{informed, rows_per_chunk};
use crate::variable::VariablePlan;
use activity::Activity;
use baler_data::dataset::{Dataset, Values, Variable};
use baler_data::error::Result;
use baler_data::source::{InMemory, Source};
use baler_data::with_values;
use rayon::prelude::*;
use slabs::{Sample, Slab, places};
use std::sync::OnceLock;

/// Values of the slabs that are coded at the bound that counts, and how many slabs there are of larger arrays.
const SLAB_VALUES: usize = 1 << 19;
const N_SLABS: usize = 6;
/// Values of the slab that tells other bounds from the one that counts.
const FEW_VALUES: usize = 1 << 14;
/// The bound that counts.
const REFERENCE: BoundSpec = BoundSpec::Rel(1e-3);
/// Numbers whose activity is looked at: all of smaller arrays, runs of larger ones, each of so many.
const ACTIVE_VALUES: usize = 1 << 23;
const ACTIVE_RUN: usize = 1 << 16;
/// Bytes of an archive beside header and parts: footer and the frames' lengths and checksums.
const FOOTER_BYTES: usize = 50;
const FRAME_BYTES: usize = 14;
/// About what a part takes beside its numbers.
const PART_BYTES: f64 = 60.0;
/// Bits of activity that are taken to cost what they say, beside those of slabs: what is rare may lie in none of these.
const RARE_BITS: f64 = 1000.0;
/// Second halves of slabs are taken to be told by this share of what slabs take by their activity, at least and at most.
const LATER: [f64; 2] = [0.4, 1.05];

/// How much is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effort {
    /// Slabs all over, for a number that counts.
    Careful,
    /// One small slab, against what it takes at 1e-3 of the range.
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
    idx: usize,
    variable: Variable,
    /// Less the values, with the shape of all.
    range: f64,
    shape: Vec<usize>,
    missing: Option<Missing>,
    level: Level,
    slabs: Vec<Slab>,
    few: Vec<Slab>,
    /// At [`REFERENCE`]: of all, and of the few.
    reference: OnceLock<[Expected; 2]>,
}

/// Bytes and activity of a slab and of its half.
struct Coded {
    bytes: [f64; 2],
    activity: [Activity; 2],
}

impl Samples {
    /// Slabs of a variable of a source.
    ///
    /// # Errors
    /// Those of reading.
    pub fn of(source: &dyn Source, idx: usize, options: &Options) -> Result<Samples> {
        let schema = &source.schema().variables[idx];
        let extents = four_axes(&schema.shape);
        let read = |n_slabs, most| -> Result<Vec<Slab>> {
            places(extents, n_slabs, most).into_iter().map(|place| place.read(source, idx, extents)).collect()
        };
        let slabs = read(N_SLABS, SLAB_VALUES)?;
        let few = read(1, FEW_VALUES)?;
        let mut values = Values::empty(schema.dtype);
        slabs.iter().try_for_each(|slab| values.append(&slab.whole.values))?;
        let mut shape = slabs.first().map_or(vec![0], |slab| slab.whole.shape.clone());
        shape[0] = values.len() / shape[1..].iter().product::<usize>().max(1);
        Ok(Samples {
            idx,
            variable: Variable {
                storage: schema.storage,
                ..Variable::new(schema.name.clone(), shape, values)?
            },
            range: ranges(source, &[idx], options)?[0],
            shape: schema.shape.clone(),
            missing: crate::options::rules::last_match(&options.missing, &schema.name),
            level: options.level,
            slabs,
            few,
            reference: OnceLock::new(),
        })
    }

    /// Expected bytes under a bound, of the variable of the source that the samples are of.
    ///
    /// # Errors
    /// [`baler_data::error::ErrorKind::Config`] for a bound that is none, and those of reading.
    pub fn expected(&self, source: &dyn Source, bound: BoundSpec, effort: Effort) -> Result<Expected> {
        let counts = effort == Effort::Careful || self.few.iter().all(|slab| slab.half.is_none());
        match (counts, bound == REFERENCE) {
            (true, false) => self.expected_of(source, bound, &self.slabs),
            (_, true) => Ok(self.reference(source)?[0]),
            (false, false) => {
                let [all, few] = self.reference(source)?;
                let here = self.expected_of(source, bound, &self.few)?;
                let classical = all.classical * here.classical / few.classical.max(1.0);
                Ok(Expected { classical, all: (all.all * here.all / few.all.max(1.0)).min(classical) })
            }
        }
    }

    fn reference(&self, source: &dyn Source) -> Result<[Expected; 2]> {
        if let Some(known) = self.reference.get() {
            return Ok(*known);
        }
        let all = self.expected_of(source, REFERENCE, &self.slabs)?;
        let few = self.expected_of(source, REFERENCE, &self.few)?;
        Ok(*self.reference.get_or_init(|| [all, few]))
    }

    /// The plan of a bound, and whether nothing but repeats is looked for.
    fn plan(&self, bound: BoundSpec) -> Result<VariablePlan> {
        let mut options = Options::new(bound);
        options.ranges = vec![(self.variable.name.clone(), self.range)];
        options.missing.extend(self.missing.map(|missing| (self.variable.name.clone(), missing)));
        let mut dataset = Dataset::from_arrays(vec![self.variable.clone()]);
        dataset.variables[0].storage.lists = None;
        let sample = InMemory::of(&dataset);
        Ok(type_variable(&sample, 0, &informed(&sample, &options)?, Asked::Nothing)?.plan)
    }

    fn expected_of(&self, source: &dyn Source, bound: BoundSpec, slabs: &[Slab]) -> Result<Expected> {
        let plan = self.plan(bound)?;
        let is_opaque = plan.storage.kind.is_opaque();
        let is_sample = slabs.iter().any(|slab| slab.half.is_some());
        let from = slabs.get(slabs.len() / 2).filter(|_| is_sample && !is_opaque);
        let learned = from.and_then(|slab| slab.whole.learned(&plan, self.level));
        let learned = learned.as_ref();
        let how = |method| How {
            level: self.level,
            learned,
            is_sample,
            may_refine: true,
            is_opaque,
            ..How::by(method)
        };
        let (overhead, n_chunks) = self.overhead(&plan);
        let (classical, learned) = rayon::join(
            || coded(slabs, &plan, how(Method::Classical)),
            || coded(slabs, &plan, how(Method::Auto)),
        );
        let activity = match slabs {
            [Slab { half: None, .. }] | [] => Activity::default(),
            _ => self.activity(source, &plan)?,
        };
        let classical = of_all(&classical, &activity, n_chunks);
        let learned = of_all(&learned, &activity, n_chunks);
        Ok(Expected { classical: classical + overhead, all: learned.min(classical) + overhead })
    }

    /// The activity of all numbers, from runs of them.
    fn activity(&self, source: &dyn Source, plan: &VariablePlan) -> Result<Activity> {
        let n_values: usize = self.shape.iter().product();
        let row = four_axes(&self.shape)[3];
        let run = ACTIVE_RUN.max(4 * row).min(n_values);
        let every = n_values.div_ceil(ACTIVE_VALUES).max(1) * run;
        let starts: Vec<usize> = (0..n_values.div_ceil(every)).map(|at| at * every).collect();
        let of_run = |&start: &usize| -> Result<(Activity, usize)> {
            let values = source.read(self.idx, start..(start + run).min(n_values))?;
            let q = numbers::quantize_values(&values, plan).q;
            let mut activity = Activity::default();
            activity.see(&q, row);
            Ok((activity, q.len()))
        };
        let runs: Vec<(Activity, usize)> = starts.par_iter().map(of_run).collect::<Result<_>>()?;
        let scale = n_values as f64 / runs.iter().map(|(_, n)| n).sum::<usize>().max(1) as f64;
        let sum = |of: fn(&Activity) -> f64| scale * runs.iter().map(|(run, _)| of(run)).sum::<f64>();
        Ok(Activity { before: sum(|run| run.before), above: sum(|run| run.above) })
    }

    /// Bytes beside the parts, and how many chunks there are.
    fn overhead(&self, plan: &VariablePlan) -> (f64, usize) {
        let plan = VariablePlan { shape: self.shape.clone(), ..plan.clone() };
        let rows = rows_per_chunk(&plan, true);
        let n_chunks = plan.n_rows().div_ceil(rows.max(1)).max(1);
        let group = GroupPlan::new(vec![0], rows, GroupMethod::Classical);
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

fn coded(slabs: &[Slab], plan: &VariablePlan, how: How) -> Vec<Coded> {
    let of = |slab: &Slab| {
        let (whole, in_whole) = slab.whole.coded(plan, how);
        let (half, in_half) = slab.half.as_ref().map_or(Default::default(), |half| half.coded(plan, how));
        Coded { bytes: [whole, half], activity: [in_whole, in_half] }
    };
    slabs.par_iter().map(of).collect()
}

/// What all numbers take, by what slabs do.
fn of_all(slabs: &[Coded], all: &Activity, n_chunks: usize) -> f64 {
    let sum = |of: &dyn Fn(&Coded) -> f64| slabs.iter().map(of).sum::<f64>();
    let whole = sum(&|slab| slab.bytes[0]);
    if *all == Activity::default() {
        let half = sum(&|slab| slab.bytes[1]);
        return if half > 0.0 { n_chunks as f64 * whole / slabs.len() as f64 } else { whole };
    }
    let half = sum(&|slab| slab.bytes[1]);
    let in_slabs = |part: usize| Activity {
        before: sum(&|slab| slab.activity[part].before),
        above: sum(&|slab| slab.activity[part].above),
    };
    let (in_whole, in_half) = (in_slabs(0), in_slabs(1));
    let bits_as = |found: &Activity| found.bits_as(&in_whole);
    let in_numbers = (whole - PART_BYTES * slabs.len() as f64).max(0.0);
    let overall = (in_numbers + RARE_BITS / 8.0) / (bits_as(&in_whole) + RARE_BITS);
    let later = (whole - half) / (bits_as(&in_whole) - bits_as(&in_half)).max(1.0);
    let share = later.clamp(LATER[0] * overall, LATER[1] * overall);
    let to_learn = (half - share * bits_as(&in_half)).max(0.0) / slabs.len().max(1) as f64;
    share * bits_as(all) + n_chunks as f64 * to_learn.max(PART_BYTES)
}

impl Sample {
    fn numbers(&self, plan: &VariablePlan) -> Numbers {
        numbers::quantize_values(&self.values, plan)
    }

    /// What the fast tiers learn from it, for all slabs.
    fn learned(&self, plan: &VariablePlan, level: Level) -> Option<Learned> {
        with_values!(&self.values, values => {
            part::learn(Original { values, shape: &self.shape, variable: plan }, level)
        })
    }

    /// Bytes as a part of its own, and the activity of the numbers.
    fn coded(&self, plan: &VariablePlan, how: How) -> (f64, Activity) {
        let numbers = self.numbers(plan);
        let mut activity = Activity::default();
        activity.see(&numbers.q, self.shape.last().copied().unwrap_or(1));
        let bytes = with_values!(&self.values, values => {
            let original = Original { values, shape: &self.shape, variable: plan };
            part::write_part(numbers, Prediction::Nothing, original, how).finish().len()
        });
        (bytes as f64, activity)
    }
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

    fn archive_bytes(dataset: &Dataset, bound: BoundSpec) -> usize {
        let mut archive = Vec::new();
        let options = Options::new(bound);
        let source = InMemory::of(dataset);
        let models = crate::plan::trainer::Models::default();
        let mut progress = crate::report::NoProgress;
        crate::compress::compress_source(&source, &options, models, &mut archive, &mut progress).unwrap();
        archive.len()
    }

    #[test]
    fn an_estimate_is_near_the_archive() {
        for shape in [[10, 40, 50], [24, 60, 70]] {
            let dataset = field(shape);
            let source = InMemory::of(&dataset);
            let samples = Samples::of(&source, 0, &Options::new(BoundSpec::Lossless)).unwrap();
            for bound in [BoundSpec::Rel(1e-3), BoundSpec::Lossless] {
                let n_bytes = archive_bytes(&dataset, bound) as f64;
                let expected = samples.expected(&source, bound, Effort::Careful).unwrap().all;
                assert!(
                    (0.9..1.1).contains(&(expected / n_bytes)),
                    "{shape:?} {bound:?}: {expected} {n_bytes}"
                );
            }
        }
    }

    /// About: what other bounds take is told by shares of the same slab, so that this error divides out.
    #[test]
    fn a_slab_stands_for_all() {
        let dataset = field([24, 60, 70]);
        let source = InMemory::of(&dataset);
        let samples = Samples::of(&source, 0, &Options::new(BoundSpec::Lossless)).unwrap();
        let [all, few] = samples.reference(&source).unwrap();
        assert!(samples.few[0].half.is_some() && samples.slabs[0].half.is_none());
        assert!((0.6..1.7).contains(&(few.all / all.all)), "{few:?} {all:?}");
        assert!((0.6..1.7).contains(&(few.classical / all.classical)), "{few:?} {all:?}");
    }
}
