//! The numbers with a margin on every side, so that each has all its neighbors, and which neighbors are looked at.
//!
//! An array is (a, b, y, x): planes (y, x), stacked along b, stacks along a. Each plane has a margin of rows above and
//! below and of values left and right. Margins are filled while walking, from what is already known: left and top with
//! the plane before (or zeros), right and bottom with the nearest value of the plane.
//!
//! Only a window of planes is held. When it is full, those that are still looked at move to its start: a walk takes
//! little memory, most of it in the cache.

/// Rows of margin above a plane.
pub const TOP: usize = 3;
/// Rows of margin below a plane.
pub const BOTTOM: usize = 2;
/// Planes of a window beside those that are looked at, at least.
const FRESH_PLANES: usize = 8;

/// Which plane a neighbor lies in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plane {
    /// The plane itself.
    Same,
    /// One back along b.
    Back1,
    /// Two back along b.
    Back2,
    /// Three back along b.
    Back3,
    /// One back along a.
    Stack,
    /// One back along a and b.
    StackBack,
    /// One back along a, one on along b.
    StackNext,
}

/// A neighbor: plane, rows down, values right.
pub type Tap = (Plane, isize, isize);

/// Extents and strides of the array with margins.
#[derive(Debug, Clone, Copy)]
pub struct Layout {
    /// Extents along a, b, y, x.
    pub extents: [usize; 4],
    /// Margin left and right.
    pub side: usize,
    /// Values of a row with margins.
    pub row: usize,
    /// Values of a plane with margins.
    pub plane: usize,
    /// True for a few long rows: many values back are looked at.
    pub series: bool,
    /// True for planes of one row, which look at fewer neighbors; a part of larger planes is not among them.
    pub single_rows: bool,
    /// Planes behind one that are looked at.
    kept: usize,
    /// Planes that are held.
    window: usize,
}

impl Layout {
    /// Of four extents.
    pub fn new(extents: [usize; 4]) -> Layout {
        let [a, b, y, x] = extents;
        let series = a * b * y <= 16 && x >= 256;
        let side = if series { 32 } else { 3 };
        let row = x + 2 * side;
        let plane = row.saturating_mul(y + TOP + BOTTOM);
        let kept = if a > 1 { (b + 1).max(3) } else { 3 };
        let window = (kept + kept.max(FRESH_PLANES)).min(a * b);
        Layout { extents, side, row, plane, series, single_rows: y == 1, kept, window }
    }

    /// One of the same kind as another array's: a series or not, of single rows or not.
    pub fn with_kind(self, series: bool, single_rows: bool) -> Layout {
        Layout { series, single_rows, ..self }
    }

    /// A part of it with fewer rows a plane; neighbors stay the same.
    pub fn with_rows(&self, n_rows: usize) -> Layout {
        let [a, b, _, x] = self.extents;
        Layout { extents: [a, b, n_rows, x], plane: self.row.saturating_mul(n_rows + TOP + BOTTOM), ..*self }
    }

    /// The same with a window of all planes.
    #[cfg(test)]
    pub fn holding_all(&self) -> Layout {
        Layout { window: self.extents[0] * self.extents[1], ..*self }
    }

    /// Values of the window.
    pub fn n_held(&self) -> usize {
        self.plane.saturating_mul(self.window)
    }

    /// True if the margins take no more than a few times what the numbers do.
    pub fn is_compact(&self) -> bool {
        let [a, b, y, x] = self.extents;
        self.plane.saturating_mul(a * b) / 4 <= a * b * y * x + (1 << 14)
    }

    /// Place of a plane in the window.
    fn place(&self, plane_idx: usize) -> usize {
        let beyond = plane_idx.checked_sub(self.window);
        beyond.map_or(plane_idx, |beyond| self.kept + beyond % (self.window - self.kept))
    }

    /// Position of a row's first value.
    pub fn start(&self, plane_idx: usize, y: usize) -> usize {
        self.place(plane_idx) * self.plane + (y + TOP) * self.row + self.side
    }

    /// Makes room for a plane: if the window is full, what is still looked at moves to its start.
    pub fn slide<T: Copy>(&self, values: &mut [T], plane_idx: usize) {
        if plane_idx >= self.window && self.place(plane_idx) == self.kept {
            values.copy_within((self.window - self.kept) * self.plane.., 0);
        }
    }

    /// Which of the planes behind exist: bit 0 along b, bit 1 along a.
    pub fn behind(&self, plane_idx: usize) -> usize {
        let b = self.extents[1];
        (!plane_idx.is_multiple_of(b)) as usize | ((plane_idx >= b) as usize) << 1
    }

    /// Steps back to a plane; those that do not exist are replaced by the nearest that does.
    pub fn plane_offset(&self, plane: Plane, plane_idx: usize) -> isize {
        let b = plane_idx % self.extents[1];
        let planes = match plane {
            Plane::Same => 0,
            Plane::Back1 => b.min(1),
            Plane::Back2 => b.min(2),
            Plane::Back3 => b.min(3),
            Plane::Stack => self.stack_back(plane_idx),
            Plane::StackBack => self.stack_back(plane_idx) + b.min(1),
            Plane::StackNext => self.stack_back(plane_idx).saturating_sub((b + 1 < self.extents[1]) as usize),
        };
        -((planes * self.plane) as isize)
    }

    fn stack_back(&self, plane_idx: usize) -> usize {
        if plane_idx >= self.extents[1] { self.extents[1] } else { 0 }
    }

    /// Flat distance of a neighbor.
    pub fn offset(&self, tap: Tap, plane_idx: usize) -> isize {
        self.plane_offset(tap.0, plane_idx) + tap.1 * self.row as isize + tap.2
    }

    /// The neighbors that predictions are made of; the first is the anchor, which the others are taken against.
    pub fn taps(&self, behind: usize) -> Vec<Tap> {
        let mut taps = vec![(Plane::Same, 0, -1)];
        if self.series {
            taps.extend((2..=32).map(|back| (Plane::Same, 0, -back)));
            if !self.single_rows {
                taps.extend((-8..=8).map(|x| (Plane::Same, -1, x)));
            }
        } else if self.single_rows {
            taps.extend([(Plane::Same, 0, -2), (Plane::Same, 0, -3)]);
        } else {
            let same = [(0, -2), (0, -3), (-1, -2), (-1, -1), (-1, 0), (-1, 1), (-1, 2), (-2, -2)];
            let far = [(-2, -1), (-2, 0), (-2, 1), (-2, 2), (-3, 0)];
            taps.extend(same.iter().chain(&far).map(|&(y, x)| (Plane::Same, y, x)));
        }
        let square = |plane, reach: isize| {
            (-1..=1)
                .flat_map(move |y| (-1..=1).map(move |x| (plane, y, x)))
                .filter(move |&(_, y, x): &Tap| y.abs() + x.abs() <= reach)
        };
        if behind & 1 != 0 {
            taps.extend(square(Plane::Back1, 2));
            taps.extend([(0, -2), (0, 2), (-2, 0), (2, 0)].iter().map(|&(y, x)| (Plane::Back1, y, x)));
            taps.extend(square(Plane::Back2, 2));
            taps.push((Plane::Back3, 0, 0));
        }
        if behind & 2 != 0 {
            taps.extend(square(Plane::Stack, 2));
            if self.extents[1] > 1 {
                taps.extend(square(Plane::StackNext, 1));
            }
        }
        if behind & 3 == 3 {
            taps.extend(square(Plane::StackBack, 1));
        }
        taps
    }

    /// The neighbors whose errors tell how large the next one will be.
    pub fn error_taps(&self, behind: usize) -> Vec<Tap> {
        let mut taps = vec![(Plane::Same, 0, -1), (Plane::Same, -1, 0)];
        let more: [(isize, isize); 6] = [(0, -2), (-1, -1), (-1, 1), (-2, 0), (-1, -2), (-1, 2)];
        taps.extend(more.iter().map(|&(y, x)| (Plane::Same, y, x)));
        if self.series {
            taps.extend((3..=10).map(|back| (Plane::Same, 0, -back)));
        }
        let cross = [(0, 0), (0, 1), (1, 0), (0, -1), (-1, 0), (1, 1), (1, -1)];
        if behind & 1 != 0 {
            taps.extend(cross.iter().map(|&(y, x)| (Plane::Back1, y, x)));
            taps.push((Plane::Back2, 0, 0));
        }
        if behind & 2 != 0 {
            taps.extend(cross.iter().map(|&(y, x)| (Plane::Stack, y, x)));
        }
        taps
    }

    /// Fills the margin above a plane, and left of its first row, from the plane before it.
    pub fn open_plane<T: Copy>(&self, values: &mut [T], plane_idx: usize) {
        self.slide(values, plane_idx);
        let place = self.place(plane_idx);
        let from = match self.behind(plane_idx) {
            0 => return,
            behind if behind & 1 != 0 => (place - 1) * self.plane,
            _ => (place - self.extents[1]) * self.plane,
        };
        let first = from + TOP * self.row;
        for row in 0..TOP {
            values.copy_within(first..first + self.row, place * self.plane + row * self.row);
        }
    }

    /// Fills the margin left of a row.
    pub fn open_row<T: Copy>(&self, values: &mut [T], start: usize) {
        let value = values[start - self.row];
        values[start - self.side..start].fill(value);
    }

    /// Fills the margin right of a row.
    pub fn close_row<T: Copy>(&self, values: &mut [T], start: usize) {
        let end = start + self.extents[3];
        let value = values[end - 1];
        values[end..end + self.side].fill(value);
    }

    /// Fills the margin below a plane.
    pub fn close_plane<T: Copy>(&self, values: &mut [T], plane_idx: usize) {
        let last = self.place(plane_idx) * self.plane + (TOP + self.extents[2] - 1) * self.row;
        for row in 1..=BOTTOM {
            values.copy_within(last..last + self.row, last + row * self.row);
        }
    }
}
