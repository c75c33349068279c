//! Extents of lattices and bands, and where their points lie in the data.

/// Axes of an array.
pub const N_AXES: usize = 4;
/// Most numbers of an array; where addresses have 32 bits, so few that no sum of places overflows.
pub const MOST_VALUES: usize = 1 << if usize::BITS == 64 { 40 } else { 24 };

/// A set of axes, a bit each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Set(pub u8);

impl Set {
    /// That of the lattice itself.
    pub const NONE: Set = Set(0);

    /// True if an axis is one of them.
    #[inline(always)]
    pub fn has(self, axis: usize) -> bool {
        self.0 >> axis & 1 != 0
    }

    /// Its axes, ascending.
    pub fn axes(self) -> impl Iterator<Item = usize> {
        (0..N_AXES).filter(move |&axis| self.has(axis))
    }

    /// How many there are.
    pub fn n_axes(self) -> usize {
        self.0.count_ones() as usize
    }

    /// The set without an axis.
    pub fn without(self, axis: usize) -> Set {
        Set(self.0 & !(1 << axis))
    }

    /// Position in the order in which bands are coded.
    fn order(self) -> (usize, u8) {
        (self.n_axes(), self.0)
    }

    /// Sets before this one that have another axis in the place of one of its own.
    pub fn siblings(self) -> impl Iterator<Item = Set> {
        let is_sibling = move |other: &Set| {
            other.order() < self.order()
                && other.n_axes() == self.n_axes()
                && (other.0 ^ self.0).count_ones() == 2
        };
        (1..1 << N_AXES).map(Set).filter(is_sibling)
    }
}

/// The lattices of an array: that of level 0 has all points, the coarsest one alone along each axis that is refined.
#[derive(Debug, Clone)]
pub struct Lattices {
    extents: [usize; N_AXES],
    /// The axes along which lattices are halved.
    pub refined: Set,
    /// The level of the coarsest, at least 1.
    pub n_levels: usize,
}

impl Lattices {
    /// Halved along the axes of a set. `None` if there is nothing to halve, and where points are too many.
    pub fn of(extents: [usize; N_AXES], refined: Set) -> Option<Lattices> {
        let n_values = extents.iter().try_fold(1usize, |n, &extent| n.checked_mul(extent))?;
        let longest = refined.axes().map(|axis| extents[axis]).max()?;
        let is_served = (1..=MOST_VALUES).contains(&n_values) && longest > 1;
        let n_levels = longest.next_power_of_two().trailing_zeros() as usize;
        is_served.then_some(Lattices { extents, refined, n_levels })
    }

    /// Points along each axis of the lattice of a level.
    pub fn lattice(&self, level: usize) -> [usize; N_AXES] {
        std::array::from_fn(|axis| match self.refined.has(axis) {
            true => ((self.extents[axis] - 1) >> level) + 1,
            false => self.extents[axis],
        })
    }

    /// Points along each axis of a band between the lattices of `level + 1` and `level`; that of no axes is the former.
    pub fn band(&self, level: usize, set: Set) -> [usize; N_AXES] {
        let (fine, coarse) = (self.lattice(level), self.lattice(level + 1));
        std::array::from_fn(|axis| if set.has(axis) { fine[axis] - coarse[axis] } else { coarse[axis] })
    }

    /// The bands between the lattices of `level + 1` and `level`, in their order.
    pub fn sets(&self, level: usize) -> Vec<Set> {
        let fine = self.lattice(level);
        let is_halved = |set: &Set| set.axes().all(|axis| self.refined.has(axis) && fine[axis] > 1);
        let mut sets: Vec<Set> = (1..1 << N_AXES).map(Set).filter(is_halved).collect();
        sets.sort_by_key(|set| set.order());
        sets
    }

    /// Positions in the data of the points of a band's row.
    pub fn places(&self, level: usize, set: Set, row: [usize; 3]) -> impl Iterator<Item = usize> + use<> {
        let along = |axis: usize, idx: usize| match self.refined.has(axis) {
            true => (2 * idx + set.has(axis) as usize) << level,
            false => idx,
        };
        let before = (0..3).fold(0, |place, axis| place * self.extents[axis] + along(axis, row[axis]));
        let (first, step) = (along(3, 0), along(3, 1) - along(3, 0));
        let start = before * self.extents[3] + first;
        (0..self.band(level, set)[3]).map(move |x| start + x * step)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_point_is_in_one_band() {
        for (extents, refined) in [
            ([1, 1, 1, 2], 0b1000),
            ([1, 1, 37, 64], 0b1100),
            ([3, 5, 9, 1], 0b0110),
            ([2, 7, 16, 33], 0b1111),
            ([2, 7, 16, 33], 0b1000),
        ] {
            let lattices = Lattices::of(extents, Set(refined)).unwrap();
            let mut seen = vec![0; extents.iter().product()];
            let mut see = |level, set| {
                let [a, b, y, _] = lattices.band(level, set);
                for row in (0..a * b * y).map(|row| [row / (b * y), row / y % b, row % y]) {
                    lattices.places(level, set, row).for_each(|place| seen[place] += 1);
                }
            };
            see(lattices.n_levels - 1, Set::NONE);
            for level in (0..lattices.n_levels).rev() {
                lattices.sets(level).into_iter().for_each(|set| see(level, set));
            }
            assert!(seen.iter().all(|&n| n == 1), "{extents:?}");
            assert_eq!(lattices.lattice(0), extents);
        }
        assert!(Lattices::of([1, 1, 5, 1], Set(0b1000)).is_none());
        assert!(Lattices::of([0, 1, 5, 4], Set(0b1000)).is_none());
        assert!(Lattices::of([1, 1, 5, 4], Set::NONE).is_none());
    }
}
