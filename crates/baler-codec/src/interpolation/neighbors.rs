//! What the points of a row are predicted from, and how far off that may be. Both sides use it; arithmetic is float32 `+ - *` in
//! the order written here, so that every machine gives the same bits.
//!
//! A point of the band of a set lies, along each axis of the set, between points that are known: two *near* ones, one spacing away,
//! and two *far* ones, three away. Along two axes of the set at once it lies amid four more.

use crate::interpolation::band::{Band, Bands, LEFT};
use crate::interpolation::lattice::{N_AXES, Set};
use crate::interpolation::model::Weights;
use crate::lockstep::cells::{LANES, Lane};
use crate::lockstep::walk::{lane, limited};
use std::borrow::Cow;

/// Most means that a prediction weighs.
pub const MOST_MEANS: usize = 2 * N_AXES + N_AXES * (N_AXES - 1) / 2;
/// Most numbers that tell how far off predictions may be.
pub const MOST_FEATURES: usize = 2 * N_AXES + 7;

/// What stands around the points of a row; everything is to be read from a point's place in the row on.
pub struct Neighbors<'a> {
    n_axes: usize,
    /// Of each axis of the set, values at -3, -1, 1 and 3 spacings.
    lines: Vec<[Line<'a>; 4]>,
    /// Of each two axes, those at -1 and 1 along both.
    squares: Vec<[Line<'a>; 4]>,
    /// Of each axis of the set, errors at -1 and 1.
    near_errors: Vec<[Option<&'a [f32]>; 2]>,
    /// Errors of the same band in the row before along each of the first three axes; that along y begins one point earlier.
    before: [Option<&'a [f32]>; 3],
    /// Errors of siblings around.
    siblings: Vec<&'a [f32]>,
    /// Errors of the row itself, once they are known.
    own: &'a [f32],
}

/// Values of a row, from a cell on.
struct Line<'a> {
    values: Cow<'a, [f32]>,
    from: usize,
}

/// Means of the points around those of a step.
pub struct Means {
    /// Of each axis the near and the far ones, then of each two axes.
    lanes: [Lane; MOST_MEANS],
    n_axes: usize,
}

/// The row moved along one of the first three axes, and cells along x.
fn moved(at: [usize; 3], moves: &[(usize, isize)]) -> ([isize; 3], isize) {
    let mut place = at.map(|idx| idx as isize);
    let mut along_x = 0;
    for &(axis, by) in moves {
        if axis < 3 { place[axis] += by } else { along_x += by }
    }
    (place, along_x)
}

fn line<'a>(band: &'a Band, at: [usize; 3], moves: &[(usize, isize)]) -> Line<'a> {
    let (place, along_x) = moved(at, moves);
    Line { values: band.values_from(place), from: LEFT.wrapping_add_signed(along_x) }
}

fn errors<'a>(band: &'a Band, at: [usize; 3], moves: &[(usize, isize)]) -> Option<&'a [f32]> {
    let (place, along_x) = moved(at, moves);
    band.errors_from(place).map(|errors| &errors[LEFT.wrapping_add_signed(along_x)..])
}

impl<'a> Neighbors<'a> {
    /// Of a row of the band of a set, whose rows before this one are known.
    #[inline(always)]
    pub fn of(bands: &'a Bands, own: &'a Band, set: Set, at: [usize; 3]) -> Neighbors<'a> {
        let known = |set: Set| bands.get(set).expect("a band before this one");
        let axes: Vec<usize> = set.axes().collect();
        let of_axis = |&axis: &usize| {
            let band = known(set.without(axis));
            [-1, 0, 1, 2].map(|by| line(band, at, &[(axis, by)]))
        };
        let pairs = axes
            .iter()
            .enumerate()
            .flat_map(|(i, &one)| axes[i + 1..].iter().map(move |&other| (one, other)));
        let of_pair = |(one, other): (usize, usize)| {
            let band = known(set.without(one).without(other));
            [(0, 0), (0, 1), (1, 0), (1, 1)]
                .map(|(by, other_by)| line(band, at, &[(one, by), (other, other_by)]))
        };
        let of_errors = |&axis: &usize| {
            let band = known(set.without(axis));
            [0, 1].map(|by| errors(band, at, &[(axis, by)]))
        };
        let of_sibling = |sibling: Set| {
            // Along its own axis it has points on this side and before; along that of the set on this side and behind.
            let its = (0..N_AXES).find(|&axis| sibling.has(axis) && !set.has(axis)).unwrap_or(0);
            let ours = (0..N_AXES).find(|&axis| set.has(axis) && !sibling.has(axis)).unwrap_or(0);
            let around = [(-1, 0), (-1, 1), (0, 0), (0, 1)];
            let band = bands.get(sibling);
            around
                .into_iter()
                .filter_map(move |(by, ours_by)| errors(band?, at, &[(its, by), (ours, ours_by)]))
        };
        Neighbors {
            n_axes: axes.len(),
            lines: axes.iter().map(of_axis).collect(),
            squares: pairs.map(of_pair).collect(),
            near_errors: axes.iter().map(of_errors).collect(),
            before: [0, 1, 2].map(|axis| errors(own, at, &[(axis, -1), (3, if axis == 2 { -1 } else { 0 })])),
            siblings: set.siblings().flat_map(of_sibling).collect(),
            own: errors(own, at, &[]).expect("a row of the band"),
        }
    }

    /// Means around the points from `x` on.
    #[inline(always)]
    pub fn means(&self, x: usize) -> Means {
        let mut means = [[0.0; LANES]; MOST_MEANS];
        let mut n = 0;
        for line in &self.lines {
            let [before, left, right, behind] = [0, 1, 2, 3].map(|i| lane(&line[i].values, line[i].from + x));
            for i in 0..LANES {
                means[n][i] = 0.5 * (left[i] + right[i]);
                means[n + 1][i] = 0.5 * (before[i] + behind[i]);
            }
            n += 2;
        }
        for square in &self.squares {
            let [one, two, three, four] = [0, 1, 2, 3].map(|i| lane(&square[i].values, square[i].from + x));
            for i in 0..LANES {
                means[n][i] = 0.25 * ((one[i] + two[i]) + (three[i] + four[i]));
            }
            n += 1;
        }
        Means { lanes: means, n_axes: self.n_axes }
    }

    /// Errors of the row itself, once they are known.
    pub fn own_errors(&self) -> &'a [f32] {
        self.own
    }

    /// What tells how far off predictions may be: errors around, and how means differ.
    #[inline(always)]
    pub fn features(&self, x: usize, means: &Means) -> [Lane; MOST_FEATURES] {
        let mut features = [[0.0; LANES]; MOST_FEATURES];
        let mut n = 0;
        for near in &self.near_errors {
            near.iter().flatten().for_each(|errors| add(&mut features[n], errors, x));
            n += 1;
        }
        for (axis, before) in self.before.iter().enumerate() {
            if let Some(errors) = before {
                add(&mut features[n + axis], errors, if axis == 2 { x + 1 } else { x });
            }
        }
        n += 3;
        if let Some(errors) = self.before[2] {
            add(&mut features[n], errors, x);
            add(&mut features[n], errors, x + 2);
        }
        self.siblings.iter().for_each(|errors| add(&mut features[n + 1], errors, x));
        n += 2;
        for k in 0..self.n_axes {
            let (near, far) = (&means.lanes[2 * k], &means.lanes[2 * k + 1]);
            for i in 0..LANES {
                features[n + k][i] = (far[i] - near[i]).abs();
                features[n + self.n_axes][i] += (near[i] - means.lanes[0][i]).abs();
            }
        }
        features
    }

    /// Expected magnitudes of errors, in strides.
    #[inline(always)]
    pub fn scales(&self, x: usize, means: &Means, weights: &Weights, stride: f32) -> Lane {
        let features = self.features(x, means);
        let n = 2 * self.n_axes + 6;
        let mut scales = [weights.features[n] * stride; LANES];
        for (feature, &weight) in features.iter().zip(&weights.features[..n]) {
            for i in 0..LANES {
                scales[i] += weight * feature[i];
            }
        }
        for scale in &mut scales {
            *scale *= 1.0 / stride;
        }
        scales
    }
}

/// Adds the errors from a cell on.
#[inline(always)]
fn add(sum: &mut Lane, errors: &[f32], from: usize) {
    let errors = lane(errors, from);
    for i in 0..LANES {
        sum[i] += errors[i];
    }
}

impl Means {
    /// How many means there are.
    fn n_means(&self) -> usize {
        2 * self.n_axes + self.n_axes * (self.n_axes - 1) / 2
    }

    /// Means less the first, which predictions are weighed sums of.
    pub fn differences(&self) -> Vec<Lane> {
        let first = &self.lanes[0];
        let less_first = |mean: &Lane| std::array::from_fn(|i| mean[i] - first[i]);
        self.lanes[1..self.n_means()].iter().map(less_first).collect()
    }

    /// The first mean.
    pub fn first(&self) -> Lane {
        self.lanes[0]
    }

    /// Predictions, which need not be whole.
    #[inline(always)]
    pub fn predicted(&self, weights: &Weights) -> Lane {
        let first = self.lanes[0];
        let mut predicted = first;
        for (mean, &weight) in self.lanes[1..self.n_means()].iter().zip(&weights.means) {
            for i in 0..LANES {
                predicted[i] += weight * (mean[i] - first[i]);
            }
        }
        for predicted in &mut predicted {
            *predicted = limited(*predicted);
        }
        predicted
    }
}
