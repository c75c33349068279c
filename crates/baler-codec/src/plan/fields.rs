//! Which variables on one grid are coded beside another: estimated for pairs of them, then coded both ways in the first
//! chunk. In: a plan whose variables stand apart. Out: the plan with groups of fields, and what was coded to find out.
//!
//! One field is the reference of a group and can be read by itself; the others may look at it, and at no other, so that there are no
//! circles and no more than one further variable is decoded. What an estimate puts below `MIN_BITS` is not tried.

use crate::container::{GroupMethod, GroupPlan, Plan};
use crate::decode::Coders;
use crate::encode::{Encoder, Made, Ready};
use crate::options::{BoundSpec, Method, Options};
use crate::part::cross_field;
use crate::part::numbers;
use crate::part::stream::mantissa_bits;
use crate::plan::SHARED_VALUES;
use crate::predict::{self, relate::bits_saved};
use crate::variable::VariablePlan;
use baler_data::bytes::{ByteReader, ByteWriter};
use baler_data::dataset::Values;
use baler_data::error::Result;
use baler_data::source::Source;
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::ops::Range;

/// Fewest values that are worth the estimate.
const MIN_VALUES: usize = 1024;
/// Bits a number that another variable must be expected to save. Small gains are not worth that it is decoded as well.
const MIN_BITS: f64 = 0.05;
/// Fields whose relations are looked at together, at most; for each the nearest in the order of the file.
const MAX_FIELDS: usize = 32;
const MAX_NEAREST: usize = 8;
/// Fields of a group, at most.
const MAX_GROUP: usize = 8;
/// Values that are held at a time, at most, if that is two fields: of a chunk of all fields of a group, of all samples.
const MAX_HELD: usize = 1 << 23;
/// Values of a field that the estimate looks at, about.
const SAMPLED_VALUES: usize = 1 << 18;

/// Makes groups of fields that help each other.
pub fn group(source: &dyn Source, plan: Plan, options: &Options) -> Result<(Plan, Ready)> {
    let mut ready = Ready::new();
    if !matches!(options.method, Method::Auto | Method::Predictive) || !options.level.adapts() {
        return Ok((plan, ready));
    }
    let mut grids: BTreeMap<(&[usize], usize), Vec<usize>> = BTreeMap::new();
    for group in plan.groups.iter().filter(|group| is_for(group, &plan)) {
        let idx = group.variables[0];
        grids.entry((&plan.variables[idx].shape, group.rows_per_chunk)).or_default().push(idx);
    }
    let mut groups = Vec::new();
    for ((_, rows_per_chunk), fields) in grids {
        let first = &plan.variables[fields[0]];
        let most = rows_per_chunk.min(first.n_rows());
        let n_rows = (SAMPLED_VALUES / first.row_len()).max(2).min(most);
        let at_once = |n_rows: usize, limit| (MAX_HELD / (n_rows * first.row_len())).clamp(2, limit);
        for fields in fields.chunks(at_once(n_rows, MAX_FIELDS)).filter(|fields| fields.len() > 1) {
            let start = (most - n_rows) / 2;
            let pairs = pairs(source, &plan.variables, fields, start..start + n_rows)?;
            for (reference, others) in stars(pairs, at_once(most, MAX_GROUP)) {
                let star = Star { reference, others, rows_per_chunk };
                groups.extend(star.tried(source, &plan, options, &mut ready)?);
            }
        }
    }
    let mut plan = plan;
    plan.groups
        .retain(|group| !groups.iter().any(|of: &GroupPlan| of.variables.contains(&group.variables[0])));
    plan.groups.extend(groups);
    plan.groups.sort_by_key(|group| group.variables[0]);
    Ok((plan, ready))
}

/// True for a field that stands apart, with enough to learn from and not so much that its chunks share a model.
fn is_for(group: &GroupPlan, plan: &Plan) -> bool {
    let variable = &plan.variables[group.variables[0]];
    matches!(group.method, GroupMethod::Classical)
        && variable.bound.spec != BoundSpec::Unbounded
        && !variable.storage.kind.is_opaque()
        && (MIN_VALUES..SHARED_VALUES).contains(&variable.n_values())
        && variable.shape.iter().filter(|&&extent| extent > 1).count() > 1
        && predict::is_for(&variable.shape_of_rows(group.rows_per_chunk.min(variable.n_rows())))
}

/// Whom another could help: (bits saved, whom, which other), the best first.
fn pairs(
    source: &dyn Source,
    variables: &[VariablePlan],
    fields: &[usize],
    rows: Range<usize>,
) -> Result<Vec<(f64, usize, usize)>> {
    let shape = variables[fields[0]].shape_of_rows(rows.len());
    let originals = source.read_rows(fields, rows)?;
    let sampled = |(&idx, values): (&usize, &Values)| {
        let numbers = numbers::quantize_values(values, &variables[idx]);
        let inputs = cross_field::decoded_inputs(&numbers, &variables[idx])?;
        Ok((numbers, inputs))
    };
    let sampled = fields.par_iter().zip(&originals).map(sampled).collect::<Result<Vec<_>>>()?;
    let saved = |position: usize| {
        let (numbers, _) = &sampled[position];
        let variable = &variables[fields[position]];
        let mask = numbers.specials.mask();
        let mantissa_bits = mantissa_bits(&variable.grid, variable.dtype);
        let numbers = predict::Numbers { q: &numbers.q, shape: &shape, mask: mask.as_deref(), mantissa_bits };
        let mut others: Vec<usize> = (0..fields.len()).filter(|&other| other != position).collect();
        others.sort_by_key(|other| other.abs_diff(position));
        others.truncate(MAX_NEAREST);
        let inputs: Vec<&[f64]> = others.iter().map(|&other| &sampled[other].1[..]).collect();
        let of_other = |(other, bits): (usize, f64)| (bits, fields[position], fields[other]);
        others.into_iter().zip(bits_saved(numbers, &inputs)).map(of_other).collect::<Vec<_>>()
    };
    let all: Vec<Vec<_>> = (0..fields.len()).into_par_iter().map(saved).collect();
    let mut pairs: Vec<_> = all.into_iter().flatten().filter(|pair| pair.0 >= MIN_BITS).collect();
    pairs.sort_by(|a, b| b.0.total_cmp(&a.0).then((a.1, a.2).cmp(&(b.1, b.2))));
    Ok(pairs)
}

/// Who is the reference of whom: the pair that saves most counts first; who is predicted is the reference of nobody.
fn stars(pairs: Vec<(f64, usize, usize)>, most: usize) -> BTreeMap<usize, Vec<usize>> {
    let mut stars: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (_, predicted, reference) in pairs {
        let is_predicted = |idx: usize| stars.values().any(|others| others.contains(&idx));
        let is_full = stars.get(&reference).is_some_and(|others| others.len() + 1 >= most);
        if !is_predicted(predicted) && !stars.contains_key(&predicted) && !is_predicted(reference) && !is_full
        {
            stars.entry(reference).or_default().push(predicted);
        }
    }
    stars
}

/// A field, and those that could look at it.
struct Star {
    reference: usize,
    others: Vec<usize>,
    rows_per_chunk: usize,
}

impl Star {
    fn group(&self, others: &[usize]) -> GroupPlan {
        let mut variables = [&[self.reference], others].concat();
        variables.sort_unstable();
        let reference = variables.iter().position(|&idx| idx == self.reference).expect("it is one of them");
        GroupPlan::new(variables, self.rows_per_chunk, GroupMethod::Fields { reference })
    }

    /// The group with those that are smaller so in the first chunk, if any; the first chunk's payloads become `ready`.
    fn tried(
        &self,
        source: &dyn Source,
        plan: &Plan,
        options: &Options,
        ready: &mut Ready,
    ) -> Result<Option<GroupPlan>> {
        let group = self.group(&self.others);
        let plan = &Plan { groups: vec![group], ..plan.clone() };
        let coders = &Coders::default();
        let encoder = Encoder::new(source, plan, coders, options);
        let made = encoder.made(0, 0)?;
        let mut r = ByteReader::new(&made.payload);
        let mut parts = BTreeMap::new();
        for (&idx, squares) in plan.groups[0].variables.iter().zip(made.squares) {
            parts.insert(idx, (r.block()?, squares));
        }
        let mut others = Vec::new();
        for &idx in &self.others {
            if cross_field::has_reference(parts[&idx].0)? {
                others.push(idx);
            }
        }
        let found = (!others.is_empty()).then(|| self.group(&others));
        let together = found.iter().map(|group| group.variables.clone());
        let apart = |idx: &usize| !found.as_ref().is_some_and(|group| group.variables.contains(idx));
        let apart = parts.keys().copied().filter(apart).map(|idx| vec![idx]);
        for variables in together.chain(apart) {
            let mut w = ByteWriter::default();
            variables.iter().for_each(|idx| w.block(parts[idx].0));
            let squares = variables.iter().map(|idx| parts[idx].1).collect();
            ready.insert((variables, 0), Made { payload: w.bytes, squares });
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_leads_who_is_predicted() {
        let found =
            stars(vec![(0.9, 1, 0), (0.8, 0, 1), (0.7, 2, 1), (0.6, 2, 0), (0.5, 3, 2), (0.4, 4, 3)], 8);
        assert_eq!(found, BTreeMap::from([(0, vec![1, 2]), (3, vec![4])]));
        let many = stars((1..20).map(|predicted| (1.0, predicted, 0)).collect(), 5);
        assert_eq!(many[&0].len(), 4);
    }
}
