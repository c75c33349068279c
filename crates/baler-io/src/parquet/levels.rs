//! Between Parquet's definition and repetition levels and the counts of lists: a level of the schema that is optional or
//! repeated becomes counts, one for each thing above it. Refuses levels that no schema gives.

use super::nulls::is_null;
use baler_data::dataset::Values;
use baler_data::error::{Error, Result};

/// A level of a column that is not required.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// A value or none.
    Optional,
    /// Any number of items.
    List,
    /// The bytes of a value of any length; below all others, and not told by definition levels.
    Bytes,
}

/// The counts of each level, from the outermost to the values.
pub type Counts = Vec<Vec<u32>>;

/// The counts of the levels of some records; `definition` and `repetition` have one entry a leaf, or are empty where
/// the schema has no such levels.
pub fn to_counts(levels: &[Level], definition: &[i16], repetition: &[i16]) -> Result<Counts> {
    let wrong = || Error::input("the levels of a Parquet column contradict its schema; the file is damaged");
    let mut counts: Counts = levels.iter().map(|_| Vec::new()).collect();
    let lists: Vec<usize> = (0..levels.len()).filter(|&k| levels[k] == Level::List).collect();
    for (i, &defined) in definition.iter().enumerate() {
        let defined = usize::try_from(defined).map_err(|_| wrong())?;
        let first = match repetition.get(i).copied().unwrap_or(0) {
            0 => 0,
            repeated => {
                let repeated = usize::try_from(repeated - 1).map_err(|_| wrong())?;
                let list = *lists.get(repeated).ok_or_else(wrong)?;
                *counts[list].last_mut().filter(|_| defined > list).ok_or_else(wrong)? += 1;
                list + 1
            }
        };
        if defined > levels.len() || defined + 1 < first {
            return Err(wrong());
        }
        for (k, counts) in counts.iter_mut().enumerate().skip(first) {
            counts.push(u32::from(defined > k));
            if defined <= k {
                break;
            }
        }
    }
    Ok(counts)
}

/// Levels of records, and which of the values (by their order) they hold.
#[derive(Debug, Default)]
pub struct Levels {
    pub definition: Vec<i16>,
    pub repetition: Vec<i16>,
    /// False for a value that is not there although the counts have it: a float that marks a missing one.
    pub is_there: Vec<bool>,
}

/// The levels of a column, each with its counts; none where every optional value is there.
pub type Counted<'a> = Vec<(Level, Option<&'a [usize]>)>;

/// Counts as they are consumed, record by record.
pub struct Emitter<'a> {
    levels: Counted<'a>,
    /// How many counts of each level have been used.
    used: Vec<usize>,
    /// How many values have been used.
    n_values: usize,
    /// Values of which some mark missing ones; looked at only if the last level is optional without counts.
    values: &'a Values,
    pub out: Levels,
}

impl<'a> Emitter<'a> {
    /// Of levels that definition levels tell.
    pub fn new(levels: Counted<'a>, values: &'a Values) -> Emitter<'a> {
        Emitter { used: vec![0; levels.len()], levels, n_values: 0, values, out: Levels::default() }
    }

    /// Adds the next record.
    pub fn record(&mut self) -> Result<()> {
        self.emit(0, 0, 0)
    }

    /// `depth` is how many levels are there above, `lists` how many of them are lists.
    fn emit(&mut self, depth: usize, lists: i16, repetition: i16) -> Result<()> {
        let Some(&(level, counts)) = self.levels.get(depth) else {
            self.leaf(depth, repetition, true);
            return Ok(());
        };
        let Some(counts) = counts else {
            if depth + 1 == self.levels.len() && is_null(self.values, self.n_values) {
                self.n_values += 1;
                self.out.is_there.push(false);
                self.leaf(depth, repetition, false);
                return Ok(());
            }
            return self.emit(depth + 1, lists, repetition);
        };
        let count = *counts
            .get(self.used[depth])
            .ok_or_else(|| Error::input("the counts of lists do not fit each other"))?;
        self.used[depth] += 1;
        if count == 0 {
            self.leaf(depth, repetition, false);
            return Ok(());
        }
        if level == Level::Optional {
            return self.emit(depth + 1, lists, repetition);
        }
        for item in 0..count {
            self.emit(depth + 1, lists + 1, if item == 0 { repetition } else { lists + 1 })?;
        }
        Ok(())
    }

    fn leaf(&mut self, definition: usize, repetition: i16, has_value: bool) {
        self.out.definition.push(definition as i16);
        self.out.repetition.push(repetition);
        if has_value {
            self.n_values += 1;
            self.out.is_there.push(true);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_and_counts_are_inverse() {
        // [[1, null], null, []], null, [[2]] : optional list of optional lists of optional values.
        let levels = [Level::Optional, Level::List, Level::Optional, Level::List, Level::Optional];
        let (definition, repetition) = ([5, 4, 2, 3, 0, 5], [0, 2, 1, 1, 0, 0]);
        let counts = to_counts(&levels, &definition, &repetition).unwrap();
        assert_eq!(counts, [vec![1, 0, 1], vec![3, 1], vec![1, 0, 1, 1], vec![2, 0, 1], vec![1, 0, 1]]);
        let sizes: Vec<Vec<usize>> = counts.iter().map(|c| c.iter().map(|&n| n as usize).collect()).collect();
        let levels: Vec<_> = levels.into_iter().zip(sizes.iter().map(|c| Some(c.as_slice()))).collect();
        let values = Values::U8(Vec::new());
        let mut emitter = Emitter::new(levels, &values);
        (0..3).for_each(|_| emitter.record().unwrap());
        assert_eq!(emitter.out.definition, definition);
        assert_eq!(emitter.out.repetition, repetition);
        assert!(emitter.record().is_err());
    }

    #[test]
    fn impossible_levels_are_told() {
        let levels = [Level::Optional, Level::List];
        for (definition, repetition) in [([3], [0]), ([2], [1]), ([2], [2]), ([-1], [0]), ([2], [-1])] {
            assert!(to_counts(&levels, &definition, &repetition).is_err(), "{definition:?} {repetition:?}");
        }
    }
}
