//! Boxes that lie all over an array, as samples of it.

use baler_data::dataset::Values;
use baler_data::error::Result;
use baler_data::source::Source;

/// Neighbors that slabs keep along an axis before the next one is cut.
const MIN_SIDE: usize = 8;

/// Values of a box, C order.
pub struct Sample {
    /// Extents.
    pub shape: Vec<usize>,
    /// Its values.
    pub values: Values,
}

/// A box and its first half; of an array that is a slab by itself, nothing.
pub struct Slab {
    /// The box.
    pub whole: Sample,
    /// Its first half along the axis that is cut.
    pub half: Option<Sample>,
}

/// A box of four axes, and the axis along which it has halves.
pub struct SlabPlace {
    start: [usize; 4],
    sides: [usize; 4],
    halved: Option<usize>,
}

impl SlabPlace {
    /// The box of a variable, and its half.
    pub fn read(&self, source: &dyn Source, idx: usize, extents: [usize; 4]) -> Result<Slab> {
        let whole = self.values(self.sides, source, idx, extents)?;
        let half = self.halved.filter(|&axis| self.sides[axis] > 1).map(|axis| {
            let mut sides = self.sides;
            sides[axis] /= 2;
            self.values(sides, source, idx, extents)
        });
        Ok(Slab { whole, half: half.transpose()? })
    }

    fn values(
        &self,
        sides: [usize; 4],
        source: &dyn Source,
        idx: usize,
        extents: [usize; 4],
    ) -> Result<Sample> {
        let mut values = Values::empty(source.schema().variables[idx].dtype);
        let [a, b, c, d] = std::array::from_fn(|axis| self.start[axis]..self.start[axis] + sides[axis]);
        for a in a {
            for b in b.clone() {
                let plane = (a * extents[1] + b) * extents[2];
                if sides[3] == extents[3] {
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
        Ok(Sample { shape: sides[first..].to_vec(), values })
    }
}

/// At most `n_slabs` boxes of at most `most` values together, spread over the array: cut along the first axes, each of
/// which keeps neighbors, and spread evenly along the first that is cut, along others by a sequence that leaves no gaps.
pub fn places(extents: [usize; 4], n_slabs: usize, most: usize) -> Vec<SlabPlace> {
    if extents.contains(&0) {
        return Vec::new();
    }
    let n_values: usize = extents.iter().product();
    if n_values <= most {
        return vec![SlabPlace { start: [0; 4], sides: extents, halved: None }];
    }
    let each = most / n_slabs;
    let mut sides = extents;
    for least in [MIN_SIDE, 2, 1] {
        for axis in 0..4 {
            let row: usize =
                sides[axis + 1..].iter().product::<usize>() * sides[..axis].iter().product::<usize>();
            sides[axis] = sides[axis].min((each / row.max(1)).max(least));
        }
    }
    let cut = (0..4).find(|&axis| sides[axis] < extents[axis]);
    // Powers of the root of x^5 = x + 1: the generalized golden ratio of four axes.
    const STEPS: [f64; 4] =
        [0.856_674_883_854_503, 0.733_891_856_627_126, 0.628_706_721_244_828, 0.538_597_257_278_049];
    let start = |at: usize, axis: usize| {
        let free = (extents[axis] - sides[axis]) as f64;
        let along = match Some(axis) == cut {
            true => (at as f64 + 0.5) / n_slabs as f64,
            false => (0.5 + STEPS[axis] * (at as f64 + 0.5)).fract(),
        };
        (along * (free + 1.0)).min(free) as usize
    };
    let place =
        |at: usize| SlabPlace { start: std::array::from_fn(|axis| start(at, axis)), sides, halved: cut };
    (0..n_slabs).map(place).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slabs_lie_inside_and_spread_along_the_first_axes() {
        for (extents, sides) in [
            ([1, 516, 128, 128], [1, 8, 16, 128]),
            ([3, 1, 1040, 1392], [3, 1, 8, 682]),
            ([1, 1, 1, 1 << 22], [1, 1, 1, 1 << 14]),
            ([1, 1, 4000, 70], [1, 1, 234, 70]),
        ] {
            let places = places(extents, 8, 1 << 17);
            assert_eq!(places.len(), 8);
            for place in &places {
                assert!((0..4).all(|axis| place.start[axis] + place.sides[axis] <= extents[axis]));
            }
            assert_eq!(places[0].sides, sides, "{extents:?}");
            let cut = places[0].halved.unwrap();
            let starts: Vec<usize> = places.iter().map(|place| place.start[cut]).collect();
            assert!(starts.windows(2).all(|pair| pair[0] < pair[1]), "{starts:?}");
        }
        assert!(places([1, 1, 0, 4], 8, 100).is_empty());
        assert_eq!(places([1, 2, 3, 4], 8, 100)[0].halved, None);
    }
}
