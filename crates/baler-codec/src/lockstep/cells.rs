//! Where the numbers of an array lie, so that sixteen rows can be walked in lockstep.
//!
//! An array is (a, b, y, x): planes (y, x), stacked along b, stacks along a. Each plane has a row of margin above it. Row R starts
//! at the cell `first + R * pitch`, with an odd pitch, and its columns lie [`LANES`] cells apart. So a step, the `LANES` cells from a
//! multiple of `LANES` on, has one number each of as many rows, every row being `pitch / LANES` columns behind the one above it.
//! Whatever lies in an earlier step is known, and a neighbor lies at one distance from all lanes: it is loaded for all of them at
//! once, without a border between rows. Cells between the end of a row and the start of the next in the same lane are margin.
//!
//! An array of few long rows is folded: its numbers in C order are cut into rows of equal length.

/// Rows that are walked at the same time.
pub const LANES: usize = 16;
/// One number of each lane.
pub type Lane = [f32; LANES];
/// Cells of margin between rows of a lane: two right of one, three left of the next.
const MARGIN: usize = 5;
/// Cells left of a row that are margin.
pub const LEFT: usize = 3;
/// Rows below which an array is folded.
const FEW_ROWS: usize = 32;
/// Fewest numbers of a folded row.
const FOLDED: usize = 512;
/// Most cells for a number, so that margins cost little.
const MOST_CELLS: usize = 3;
/// Most numbers of an array; where addresses have 32 bits, so few that no sum of cells overflows.
const MOST_VALUES: usize = 1 << if usize::BITS == 64 { 40 } else { 24 };

/// A neighbor: (stacks back, planes back, rows down, columns right).
pub type Tap = (isize, isize, isize, isize);

/// Extents and places.
#[derive(Debug, Clone)]
pub struct Cells {
    /// Extents along a, b, y, x; of a folded array, one plane.
    pub extents: [usize; 4],
    /// Numbers; fewer than the extents' product only where a folded array ends in its last row.
    pub n_values: usize,
    /// True for a folded array, whose rows know nothing of each other.
    pub folded: bool,
    /// Cells from the start of a row to that of the next.
    pub pitch: usize,
    /// Cell of the first row, a multiple of `LANES`; all before it are margin.
    pub first: usize,
    /// Rows of a plane, the margin included.
    pub plane_rows: usize,
    /// Rows of all planes.
    pub n_rows: usize,
    /// Steps from the first row's start to the last row's end.
    pub n_steps: usize,
}

impl Cells {
    /// Of an array of four extents; `None` where margins would outweigh the numbers.
    pub fn of(extents: [usize; 4]) -> Option<Cells> {
        let n_values = extents.iter().try_fold(1usize, |n, &extent| n.checked_mul(extent))?;
        if !(1..=MOST_VALUES).contains(&n_values) {
            return None;
        }
        let [a, b, y, x] = extents;
        Cells::of_kind(extents, n_values, a * b * y < FEW_ROWS && x >= FOLDED)
    }

    /// Of a part of such an array, with the same neighbors.
    pub fn of_part(&self, extents: [usize; 4]) -> Option<Cells> {
        Cells::of_kind(extents, extents.iter().product(), self.folded)
    }

    fn of_kind(extents: [usize; 4], n_values: usize, folded: bool) -> Option<Cells> {
        let extents = match folded {
            true => {
                let n_rows = (n_values / FOLDED).clamp(1, 4 * FEW_ROWS);
                let width = n_values.div_ceil(n_rows);
                [1, 1, n_values.div_ceil(width), width]
            }
            false => extents,
        };
        let [a, b, y, x] = extents;
        let plane_rows = y + 1;
        let n_rows = a * b * plane_rows;
        let pitch = (x + MARGIN).max(3 * LANES) | 1;
        let n_steps = (n_rows * pitch + LANES * (x + MARGIN)) / LANES + 1;
        let mut cells = Cells { extents, n_values, folded, pitch, first: 0, plane_rows, n_rows, n_steps };
        let farthest = cells.candidates().into_iter().map(|tap| cells.offset(tap)).min()?;
        cells.first = (farthest.unsigned_abs() + 2 * LANES).next_multiple_of(LANES);
        (cells.n_cells() <= MOST_CELLS * n_values).then_some(cells)
    }

    /// How many cells there are.
    pub fn n_cells(&self) -> usize {
        self.first + self.n_steps * LANES
    }

    /// The cell of a row's first number.
    pub fn start(&self, row: usize) -> usize {
        self.first + row * self.pitch
    }

    /// The step and lane of a row's first number.
    pub fn step_and_lane(&self, row: usize) -> (usize, usize) {
        let cell = row * self.pitch;
        (cell / LANES, cell % LANES)
    }

    /// The plane of a row, and how far down it lies there; 0 is the margin.
    pub fn plane_and_row(&self, row: usize) -> (usize, usize) {
        (row / self.plane_rows, row % self.plane_rows)
    }

    /// What lies before a plane: 1 if a plane along b, 2 if one along a, 3 if both.
    pub fn behind(&self, plane: usize) -> usize {
        let (a, b) = (plane / self.extents[1], plane % self.extents[1]);
        (b > 0) as usize | ((a > 0) as usize) << 1
    }

    /// What can lie before a plane of this array.
    pub fn kinds(&self) -> Vec<usize> {
        let [a, b, ..] = self.extents;
        (0..4).filter(|kind| (kind & 1 == 0 || b > 1) && (kind & 2 == 0 || a > 1)).collect()
    }

    /// Cells from a number to its neighbor.
    pub fn offset(&self, (stacks, planes, down, right): Tap) -> isize {
        let planes = stacks * self.extents[1] as isize + planes;
        let rows = down - planes * self.plane_rows as isize;
        rows * self.pitch as isize + right * LANES as isize
    }

    /// Rows with numbers: (row, how many numbers stand in rows before it, how many it has).
    pub fn rows(&self) -> impl Iterator<Item = (usize, usize, usize)> + '_ {
        let width = self.extents[3];
        let rows = (0..self.n_rows).filter(|row| row % self.plane_rows != 0).enumerate();
        rows.map(move |(idx, row)| {
            let before = idx * width;
            (row, before, width.min(self.n_values.saturating_sub(before)))
        })
    }

    /// By step, one bit a lane: where there is a number that is coded. `mask` (in this order) is true where there is none.
    pub fn active(&self, mask: Option<&[bool]>) -> Vec<u16> {
        let mut active = vec![0u16; self.n_steps];
        for (row, before, n) in self.rows() {
            let (step, lane) = self.step_and_lane(row);
            let row = &mut active[step..step + n];
            match mask {
                None => row.iter_mut().for_each(|lanes| *lanes |= 1 << lane),
                Some(mask) => {
                    let masked = &mask[before..before + n];
                    row.iter_mut()
                        .zip(masked)
                        .for_each(|(lanes, &masked)| *lanes |= (!masked as u16) << lane);
                }
            }
        }
        active
    }

    /// The neighbors of which predictions may be made, the left one first.
    pub fn candidates(&self) -> Vec<Tap> {
        if self.folded {
            return (1..=24).map(|back| (0, 0, 0, -back)).collect();
        }
        let [a, b, ..] = self.extents;
        let mut taps: Vec<Tap> = vec![(0, 0, 0, -1), (0, 0, 0, -2), (0, 0, 0, -3)];
        taps.extend([-1, -2].into_iter().flat_map(|down| (-2..=2).map(move |right| (0, 0, down, right))));
        taps.push((0, 0, -3, 0));
        let square = || (-1..=1).flat_map(|down| (-1..=1).map(move |right| (down, right)));
        let cross = [(0, 0), (0, 1), (0, -1), (1, 0), (-1, 0)];
        let far = [(0, -2), (0, 2), (-2, 0), (2, 0)];
        if b > 1 {
            taps.extend(square().chain(far).map(|(down, right)| (0, 1, down, right)));
            taps.extend(cross.map(|(down, right)| (0, 2, down, right)));
            taps.push((0, 3, 0, 0));
        }
        if a > 1 {
            taps.extend(square().map(|(down, right)| (1, 0, down, right)));
        }
        if a > 1 && b > 1 {
            taps.extend(cross.map(|(down, right)| (1, -1, down, right)));
            taps.extend(cross.map(|(down, right)| (1, 1, down, right)));
        }
        taps
    }

    /// The neighbors whose errors a filter weighs, the nearest first.
    pub fn filter_taps(&self, n_taps: usize) -> Vec<Tap> {
        let mut taps = self.candidates();
        let distance = |&(stacks, planes, down, right): &Tap| {
            let apart = 2 * (stacks + planes.abs() + down.abs() + right.abs());
            apart + (stacks + planes.abs() > 0) as isize
        };
        taps.sort_by_key(distance);
        taps.truncate(n_taps);
        taps
    }

    /// The neighbors whose errors tell how large the next one will be.
    pub fn error_taps(&self) -> Vec<Tap> {
        if self.folded {
            return (1..=12).map(|back| (0, 0, 0, -back)).collect();
        }
        let [a, b, ..] = self.extents;
        let same = [(0, -1), (0, -2), (0, -3), (-1, 0), (-1, 1), (-1, -1), (-1, 2), (-1, -2), (-2, 0)];
        let mut taps: Vec<Tap> = same.map(|(down, right)| (0, 0, down, right)).to_vec();
        if b > 1 {
            let before = [(0, 0), (0, 1), (1, 0), (0, -1), (-1, 0), (1, 1), (1, -1)];
            taps.extend(before.map(|(down, right)| (0, 1, down, right)));
            taps.push((0, 2, 0, 0));
        }
        if a > 1 {
            taps.extend([(0, 0), (0, 1), (1, 0), (0, -1), (-1, 0)].map(|(down, right)| (1, 0, down, right)));
        }
        taps
    }

    /// Pairs of neighbors whose differences tell that as well.
    pub fn gradient_taps(&self) -> Vec<(Tap, Tap)> {
        let [a, b, ..] = self.extents;
        let left = (0, 0, 0, -1);
        let mut pairs = match self.folded {
            true => vec![(left, (0, 0, 0, -2))],
            false => vec![(left, (0, 0, -1, -1))],
        };
        pairs.extend((b > 1).then_some((left, (0, 1, 0, -1))));
        pairs.extend((a > 1).then_some((left, (1, 0, 0, -1))));
        pairs
    }
}

/// True if a plane with `kind` behind it has this neighbor.
pub fn is_behind(kind: usize, (stacks, planes, ..): Tap) -> bool {
    (planes <= 0 || kind & 1 != 0) && (stacks == 0 || kind & 2 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_has_a_cell_and_its_neighbors_are_where_they_should_be() {
        for extents in [[1, 1, 40, 37], [1, 5, 33, 64], [3, 4, 20, 100], [1, 1, 1, 9000], [2, 2, 8, 60]] {
            let cells = Cells::of(extents).unwrap();
            let active = cells.active(None);
            let n_active: u32 = active.iter().map(|lanes| lanes.count_ones()).sum();
            assert_eq!(n_active as usize, extents.iter().product::<usize>(), "{extents:?}");
            let mut seen = vec![false; cells.n_cells()];
            for (row, _, n) in cells.rows() {
                for x in 0..n {
                    let cell = cells.start(row) + x * LANES;
                    assert!(!std::mem::replace(&mut seen[cell], true), "{extents:?}");
                    assert_eq!(active[(cell - cells.first) / LANES] >> (cell % LANES) & 1, 1);
                }
            }
            for tap in cells.candidates() {
                let offset = cells.offset(tap);
                assert!(offset <= -(LANES as isize) && cells.first as isize + offset >= 0, "{tap:?}");
            }
            assert_eq!(cells.candidates()[0], (0, 0, 0, -1));
        }
    }

    #[test]
    fn margins_that_outweigh_the_numbers_are_refused() {
        assert!(Cells::of([1, 1, 1000, 3]).is_none());
        assert!(Cells::of([1, 1, 1, 100]).is_none());
        assert!(Cells::of([0, 1, 10, 100]).is_none());
        assert!(Cells::of([1 << 20, 1 << 20, 1 << 20, 1 << 20]).is_none());
    }
}
