//! Sources one behind the other: the rows of each variable (its first axis) are those of the first source, then those of the
//! next. All must have the same variables. Lists join as their counts and items do; a variable without rows becomes one
//! value a source, and one that is the same in all, such as a coordinate beside longer fields, stays as it is.

use crate::dataset::{Layout, Values};
use crate::error::{Error, Result};
use crate::source::slice::group_of;
use crate::source::{Schema, Source, VariableSchema};
use std::ops::Range;

/// Sources that are read as one.
pub struct Joined<S> {
    sources: Vec<S>,
    schema: Schema,
    /// For each variable where, in elements, each source begins, and the end; nothing for one that is the same in all.
    starts: Vec<Vec<usize>>,
}

impl<S: Source> Joined<S> {
    /// The sources with their names, of which there is one at least.
    ///
    /// # Errors
    /// [`crate::error::ErrorKind::Config`] if they do not have the same variables.
    pub fn new(sources: Vec<(String, S)>) -> Result<Joined<S>> {
        let Some((first_name, first)) = sources.first() else {
            return Err(Error::config("expected something to join, found nothing"));
        };
        let mut schema = first.schema().clone();
        for (name, other) in &sources[1..] {
            check_alike((first_name, first.schema()), (name, other.schema()))?;
        }
        let longest = schema.clone();
        let mut starts = Vec::with_capacity(schema.variables.len());
        for (idx, variable) in schema.variables.iter_mut().enumerate() {
            if is_beside(&longest, idx) && is_same_in_all(&sources, idx)? {
                starts.push(Vec::new());
                continue;
            }
            let mut ends = vec![0usize];
            for (_, source) in &sources {
                let n_values = source.schema().variables[idx].n_values();
                let end = ends[ends.len() - 1].checked_add(n_values);
                ends.push(end.ok_or_else(|| Error::limit("more values than can be counted"))?);
            }
            let n_rows = sources.iter().map(|(_, source)| source.schema().variables[idx].n_rows()).sum();
            match variable.shape.first_mut() {
                Some(extent) => *extent = n_rows,
                None => variable.shape = vec![n_rows],
            }
            starts.push(ends);
        }
        if schema.layout == Layout::Single && schema.variables.len() > 1 {
            schema.layout = Layout::Arrays;
        }
        schema.check()?;
        Ok(Joined { sources: sources.into_iter().map(|(_, source)| source).collect(), schema, starts })
    }
}

/// Both must have the same variables, but for the number of rows.
fn check_alike(first: (&str, &Schema), other: (&str, &Schema)) -> Result<()> {
    let names: Vec<&str> = first.1.names().collect();
    if !other.1.names().eq(names.iter().copied()) {
        let strange = other.1.names().find(|name| !names.contains(name)).map(|name| (name, other.0, first.0));
        let lacks = || {
            let lost = names.iter().find(|name| other.1.position(name).is_none());
            lost.map(|name| (*name, first.0, other.0))
        };
        let text = match strange.or_else(lacks) {
            Some((name, has, lacks)) => format!("'{name}' is in {has} and not in {lacks}"),
            None => format!("their order in {} is not that in {}", other.0, first.0),
        };
        return Err(Error::config(format!(
            "expected the same variables in all archives, found that {text}; pick some with --variables, or give -d DIR"
        )));
    }
    let rows = |v: &VariableSchema| (v.dtype, v.shape.get(1..).map(<[usize]>::to_vec), v.storage.lists);
    match first.1.variables.iter().zip(&other.1.variables).find(|(a, b)| rows(a) != rows(b)) {
        Some((a, b)) => Err(Error::config(format!(
            "expected rows of one kind to join, found '{}' as {} {:?} in {} and as {} {:?} in {}; give -d DIR for a file \
             each",
            a.name,
            a.dtype.name(),
            a.shape,
            first.0,
            b.dtype.name(),
            b.shape,
            other.0
        ))),
        None => Ok(()),
    }
}

/// True if the group of a variable has a field of more axes, so that this one may be a coordinate beside it.
pub fn is_beside(schema: &Schema, idx: usize) -> bool {
    let variable = &schema.variables[idx];
    schema.variables.iter().any(|other| {
        group_of(&other.name) == group_of(&variable.name)
            && other.shape.len() > variable.shape.len()
            && other.shape.first() != variable.shape.first()
    })
}

fn is_same_in_all<S: Source>(sources: &[(String, S)], idx: usize) -> Result<bool> {
    /// Values that are compared in one go; longer ones are no coordinates.
    const MOST: usize = 1 << 22;
    let shape = &sources[0].1.schema().variables[idx].shape;
    let n_values = sources[0].1.schema().variables[idx].n_values();
    if n_values > MOST || sources.iter().any(|(_, source)| source.schema().variables[idx].shape != *shape) {
        return Ok(false);
    }
    let first = sources[0].1.read(idx, 0..n_values)?;
    for (_, source) in &sources[1..] {
        if bytes_of(&source.read(idx, 0..n_values)?) != bytes_of(&first) {
            return Ok(false);
        }
    }
    Ok(true)
}

fn bytes_of(values: &Values) -> Vec<u8> {
    let mut all = Vec::with_capacity(values.size_bytes());
    let Ok(()) = values.in_bytes(false, |bytes| {
        all.extend_from_slice(bytes);
        Ok::<(), std::convert::Infallible>(())
    });
    all
}

impl<S: Source> Source for Joined<S> {
    fn schema(&self) -> &Schema {
        &self.schema
    }

    fn read(&self, variable: usize, elements: Range<usize>) -> Result<Values> {
        if self.starts[variable].is_empty() {
            return self.sources[0].read(variable, elements);
        }
        let mut all = Values::empty(self.schema.variables[variable].dtype);
        for (source, bounds) in self.sources.iter().zip(self.starts[variable].windows(2)) {
            let (start, end) = (elements.start.max(bounds[0]), elements.end.min(bounds[1]));
            if start < end {
                all.append(&source.read(variable, start - bounds[0]..end - bounds[0])?)?;
            }
        }
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::{Dataset, Variable};
    use crate::source::{InMemory, collect};
    use crate::threads::Threads;

    fn dataset(first: i32, n_rows: usize) -> Dataset {
        let of = |name: &str, shape: &[usize], first: i32| {
            let n = shape.iter().product::<usize>() as i32;
            Variable::new(name, shape.to_vec(), Values::I32((first..first + n).collect())).unwrap()
        };
        Dataset::from_arrays(vec![of("t", &[n_rows, 2], first), of("lon", &[7], 0), of("run", &[], first)])
    }

    #[test]
    fn rows_come_one_behind_the_other() {
        let parts = [dataset(0, 3), dataset(100, 2)];
        let named = parts.iter().enumerate().map(|(i, part)| (i.to_string(), InMemory::of(part)));
        let joined = Joined::new(named.collect()).unwrap();
        let found = collect(&joined, &Threads::new(1).unwrap(), |_| ()).unwrap().variables;
        assert_eq!(found[0].shape, [5, 2]);
        assert_eq!(found[0].values, Values::I32((0..6).chain(100..104).collect()));
        assert_eq!(found[1].shape, [7]);
        assert_eq!((&found[2].shape[..], &found[2].values), (&[2][..], &Values::I32(vec![0, 100])));
        assert_eq!(joined.read(0, 4..8).unwrap(), Values::I32(vec![4, 5, 100, 101]));
    }

    #[test]
    fn what_does_not_fit_is_told() {
        let other = Dataset::from_arrays(vec![
            Variable::new("t", vec![2, 3], Values::I32(vec![0; 6])).unwrap(),
            Variable::new("lon", vec![7], Values::I32(vec![0; 7])).unwrap(),
            Variable::new("run", vec![], Values::I32(vec![0])).unwrap(),
        ]);
        let joined = |other: Dataset| {
            let first = dataset(0, 3);
            let sources =
                vec![("a".to_string(), InMemory::of(&first)), ("b".to_string(), InMemory::owning(other))];
            Joined::new(sources).map(drop).unwrap_err().to_string()
        };
        assert!(joined(other.clone()).contains("'t' as int32 [3, 2] in a and as int32 [2, 3] in b"));
        let fewer = Dataset { variables: other.variables[..2].to_vec(), ..other };
        assert!(joined(fewer).contains("'run' is in a and not in b"));
    }
}
