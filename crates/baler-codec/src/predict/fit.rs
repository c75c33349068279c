//! Numbers -> model: weighted least squares in floats, offline. What comes out are integers, so that nothing here
//! changes what a decoder does.

use crate::entropy::binary::NoBits;
use crate::predict::cell::Cell;
use crate::predict::grid::Layout;
use crate::predict::map::Map;
use crate::predict::model::{MAX_CLASSES, Model, N_GRADIENTS, SCALE_SHIFT, WeightSet, needed};
use crate::predict::plane::{PlaneView, gradient_pairs};
use crate::predict::state::Segment;
use crate::predict::state::State;
use crate::predict::walk::{Observer, Seen, walk};

/// About how many numbers the sums are made of, but for estimates.
pub const N_SAMPLES: usize = 300_000;
/// Passes: each fits the weights to the errors and scales of the one before.
const N_PASSES: usize = 5;
/// Share of the typical scale below which scales count as one.
const FLOOR: f64 = 0.1;

/// Sums of products, lower triangle with the target as last row.
#[derive(Clone)]
pub(super) struct Normal {
    n: usize,
    sums: Vec<f64>,
    count: f64,
}

impl Normal {
    pub(super) fn new(n: usize) -> Normal {
        Normal { n, sums: vec![0.0; (n + 1) * (n + 1)], count: 0.0 }
    }

    pub(super) fn add(&mut self, features: &[f64], weight: f64) {
        let width = self.n + 1;
        for (i, &f) in features.iter().enumerate() {
            let scaled = f * weight;
            if scaled != 0.0 {
                for (sum, &g) in self.sums[i * width..].iter_mut().zip(&features[..=i]) {
                    *sum += scaled * g;
                }
            }
        }
        self.count += 1.0;
    }

    fn merge(&mut self, other: &Normal) {
        self.sums.iter_mut().zip(&other.sums).for_each(|(a, b)| *a += b);
        self.count += other.count;
    }

    /// Least squares with a little ridge, by Cholesky's factors.
    pub(super) fn solve(&self) -> Vec<f64> {
        let (n, width) = (self.n, self.n + 1);
        let mut l = self.sums.clone();
        let trace: f64 = (0..n).map(|i| l[i * width + i]).sum();
        for i in 0..n {
            l[i * width + i] += 1e-11 * l[i * width + i] + 1e-12 * trace / n as f64 + 1e-9;
        }
        for i in 0..=n {
            for j in 0..=i.min(n - 1) {
                let dot: f64 = (0..j).map(|k| l[i * width + k] * l[j * width + k]).sum();
                let rest = l[i * width + j] - dot;
                l[i * width + j] = if i == j { rest.max(1e-12).sqrt() } else { rest / l[j * width + j] };
            }
        }
        let mut x = vec![0.0; n];
        for i in (0..n).rev() {
            let dot: f64 = (i + 1..n).map(|k| l[k * width + i] * x[k]).sum();
            x[i] = (l[n * width + i] - dot) / l[i * width + i];
        }
        x
    }

    /// Least squares with no negative weight, one coordinate at a time.
    fn solve_non_negative(&self) -> Vec<f64> {
        let (n, width) = (self.n, self.n + 1);
        let at =
            |i: usize, j: usize| if i >= j { self.sums[i * width + j] } else { self.sums[j * width + i] };
        let mut x = vec![0.0f64; n];
        for _ in 0..300 {
            for i in 0..n {
                let rest: f64 = at(n, i) - (0..n).filter(|&j| j != i).map(|j| at(i, j) * x[j]).sum::<f64>();
                x[i] = (rest / (at(i, i) * 1.0001 + 1e-9)).max(0.0);
            }
        }
        x
    }
}

/// Gathers the sums of a pass.
struct Gather {
    /// True where the predictions' weights are not asked for.
    scales_only: bool,
    every: usize,
    seen: usize,
    row: isize,
    /// (behind, class) -> sums for the prediction.
    taps: Vec<Normal>,
    /// behind -> sums for the scale.
    scales: Vec<Normal>,
    /// behind -> how often each level stood.
    levels: Vec<[u32; 256]>,
    features: Vec<f64>,
    shift: u32,
    stride: i64,
    /// Least scale that counts: numbers in constant places must not outweigh all others.
    floor: f64,
    /// block -> cost of each class, and how active the block is.
    blocks: Vec<([f32; MAX_CLASSES], f32, u32)>,
}

impl Gather {
    /// For sums of about one in `every` numbers.
    fn new(layout: &Layout, every: usize, model: &Model, floor: f64) -> Gather {
        let taps =
            (0..4 * MAX_CLASSES).map(|i| Normal::new(model.n_inputs(layout, i / MAX_CLASSES))).collect();
        let scales = (0..4).map(|i| Normal::new(layout.error_taps(i).len() + N_GRADIENTS)).collect();
        Gather {
            scales_only: false,
            every: every.max(1),
            seen: 0,
            row: layout.row as isize,
            taps,
            scales,
            levels: vec![[0; 256]; 4],
            features: Vec::new(),
            shift: model.shift,
            stride: model.stride,
            floor,
            blocks: vec![Default::default(); model.map.as_ref().map_or(0, |map| map.classes.len())],
        }
    }
}

impl Gather {
    /// Scale at the median level.
    fn typical_scale(&self) -> f64 {
        let total: u32 = self.levels.iter().flatten().sum();
        let mut below = 0;
        let median = (0..256).find(|&level| {
            below += self.levels.iter().map(|levels| levels[level]).sum::<u32>();
            below > total / 2
        });
        libm::exp2((median.unwrap_or(0) as f64 - 32.0) / 4.0) * self.stride as f64
    }

    /// What the other variable has at `place` and around.
    fn look_at_reference<T: Cell>(&mut self, state: &State<T>, plane: &PlaneView, place: usize) {
        let (Some(reference), Some(taps)) = (&state.reference, plane.reference.first()) else { return };
        let input = |offset: isize| reference.inputs[place.wrapping_add_signed(offset)].wide();
        let own = input(0);
        self.features.extend(taps[1..].iter().map(|&(offset, _)| input(offset).wrapping_sub(own) as f64));
        self.features.push(own as f64);
    }

    /// What each class's weights would have cost in a block.
    fn judge(&mut self, plane: &PlaneView, seen: &Seen, unit: f64) {
        let Some((costs, activity, count)) = self.blocks.get_mut(seen.block) else { return };
        *activity += seen.level as f32;
        *count += 1;
        let (target, features) = self.features.split_last().expect("a target");
        for (cost, weights) in costs.iter_mut().zip(&plane.set.taps) {
            let sum: f64 = features.iter().zip(weights).map(|(f, &w)| f * w as f64).sum();
            let error = target - sum / (1u32 << self.shift) as f64;
            *cost += libm::log2f((error.abs() + 0.25 * unit + 0.1) as f32);
        }
    }

    /// Classes of blocks: by activity at first, then the cheapest.
    fn assign(&self, map: &mut Map, n_classes: usize, first: bool) {
        let mut order: Vec<usize> = (0..self.blocks.len()).collect();
        let mean = |block: usize| self.blocks[block].1 / self.blocks[block].2.max(1) as f32;
        order.sort_by(|&a, &b| mean(a).total_cmp(&mean(b)));
        for (rank, &block) in order.iter().enumerate() {
            let costs = &self.blocks[block].0[..n_classes];
            let cheapest = (0..n_classes).min_by(|&a, &b| costs[a].total_cmp(&costs[b])).unwrap_or(0);
            map.classes[block] = if first { rank * n_classes / order.len() } else { cheapest } as u8;
        }
    }
}

impl<T: Cell> Observer<T> for Gather {
    fn see(&mut self, state: &State<T>, plane: &PlaneView, position: usize, seen: Seen) {
        // A few numbers in a row, then a gap: fewer cache misses, and no stride that divides rows.
        self.seen += 1;
        if !(self.seen / 13).is_multiple_of(self.every) {
            return;
        }
        self.levels[plane.behind][seen.level as usize] += 1;
        let at = |offset: isize| position.wrapping_add_signed(offset);
        let unit = (seen.scale_q11.max(8) as f64) / 2048.0;
        let weight = 1.0 / (unit * unit + 0.05 + self.floor * self.floor);
        if !self.scales_only {
            let anchor = state.values[at(plane.taps[0])].wide();
            let against = |value: i64| value.wrapping_sub(anchor) as f64;
            let values = plane.taps[1..].iter().map(|&offset| state.values[at(offset)].wide());
            self.features.clear();
            self.features.extend(values.map(against));
            self.features.push(against(0));
            self.look_at_reference(state, plane, seen.place);
            self.features.push(against(state.values[position].wide()));
            self.judge(plane, &seen, unit);
            self.taps[plane.behind * MAX_CLASSES + seen.class].add(&self.features, weight);
        }

        let target = state.errors_q3[position].wide().unsigned_abs() as f64;
        self.features.clear();
        self.features
            .extend(plane.errors.iter().map(|&o| state.errors_q3[at(o)].wide().unsigned_abs() as f64));
        let gradients = gradient_pairs(self.row, plane.before)
            .map(|(a, b)| state.values[at(a)].gradient(state.values[at(b)]).wide() as f64);
        self.features.extend(gradients);
        self.features.push(target);
        self.scales[plane.behind]
            .add(&self.features, 1.0 / ((unit * unit + 0.01 + self.floor * self.floor) * 64.0));
    }
}

fn fixed(weights: &[f64], shift: u32) -> Vec<i32> {
    let unit = (1u32 << shift) as f64;
    weights.iter().map(|w| libm::round((w * unit).clamp(-1e8, 1e8)) as i32).collect()
}

/// The model before anything is known: the value to the left, and the gradients' mean as scale.
fn start(layout: &Layout, sets: &[usize], like: &Model) -> Model {
    let mut model = like.clone();
    for &behind in sets {
        let mut scale = vec![0; layout.error_taps(behind).len()];
        scale.extend([64; N_GRADIENTS]);
        let taps = vec![vec![0; model.n_inputs(layout, behind)]];
        model.sets[behind] = WeightSet { taps, scale, class_from: Vec::new() };
    }
    model
}

/// Fits the weights of a model of `n_classes` classes to about `n_samples` of `q`; all else is as in `like`.
pub fn fit<T: Cell>(
    layout: &Layout,
    mask: Option<&[bool]>,
    q: &mut [i64],
    state: &mut State<T>,
    like: &Model,
    (n_classes, mapped): (usize, bool),
    n_samples: usize,
) -> Model {
    let mut model = start(layout, &needed(layout), like);
    model.map = mapped.then(|| Map::new(layout).expect("memory for a class a block"));
    let mut floor = 0.0;
    for pass in 0..N_PASSES + if mapped { 4 } else { 0 } {
        let mut gather = Gather::new(layout, q.len().div_ceil(n_samples), &model, floor);
        walk::<_, _, _, false>(layout, &model, mask, q, state, &mut NoBits, &mut gather);
        floor = gather.typical_scale() * FLOOR;
        if pass == 0 {
            continue;
        }
        for behind in needed(layout) {
            refit(&mut model, &gather, behind, pass, n_classes, mapped);
        }
        let last = pass + 1 == N_PASSES + 4;
        if let Some(map) = model.map.as_mut().filter(|_| pass > 1 && !last) {
            gather.assign(map, n_classes, pass == 2);
        }
    }
    model
}

/// Fits one class of weights to all segments. Their layouts have the same taps.
pub fn fit_segments<T: Cell>(segments: &mut [Segment<T>], like: &Model) -> Model {
    let Some(first) = segments.first() else { return like.clone() };
    let layout = first.layout;
    let n_values: usize = segments.iter().map(|segment| segment.q.len()).sum();
    let sets: Vec<usize> =
        (0..4).filter(|set| segments.iter().any(|segment| needed(&segment.layout).contains(set))).collect();
    let mut model = start(&layout, &sets, like);
    let mut floor = 0.0;
    for pass in 0..N_PASSES {
        let mut gather = Gather::new(&layout, n_values.div_ceil(N_SAMPLES), &model, floor);
        for Segment { layout, mask, q, state } in segments.iter_mut() {
            gather.row = layout.row as isize;
            walk::<_, _, _, false>(layout, &model, *mask, q, state, &mut NoBits, &mut gather);
        }
        floor = gather.typical_scale() * FLOOR;
        if pass > 0 {
            sets.iter().for_each(|&behind| refit(&mut model, &gather, behind, pass, 1, false));
        }
    }
    model
}

/// Fits the scales to the errors that the filters leave at about `n_samples` numbers.
pub fn refit_scales<T: Cell>(
    layout: &Layout,
    mask: Option<&[bool]>,
    q: &mut [i64],
    state: &mut State<T>,
    model: &mut Model,
    n_samples: usize,
) {
    let every = q.len().div_ceil(n_samples);
    let cascade = state.cascade.take();
    let mut gather = Gather { scales_only: true, ..Gather::new(layout, every, model, 0.0) };
    walk::<_, _, _, false>(layout, model, mask, q, state, &mut NoBits, &mut gather);
    let floor = gather.typical_scale() * FLOOR;
    state.cascade = cascade;
    let mut gather = Gather { scales_only: true, ..Gather::new(layout, every, model, floor) };
    walk::<_, _, _, false>(layout, model, mask, q, state, &mut NoBits, &mut gather);
    for behind in needed(layout) {
        model.sets[behind].scale = fixed(&gather.scales[behind].solve_non_negative(), SCALE_SHIFT);
    }
}

/// New weights from a pass.
fn refit(model: &mut Model, gather: &Gather, behind: usize, pass: usize, n_classes: usize, mapped: bool) {
    let sums = &gather.taps[behind * MAX_CLASSES..][..MAX_CLASSES];
    let mut all = sums[0].clone();
    sums[1..].iter().for_each(|part| all.merge(part));
    let set = &mut model.sets[behind];
    let n_now = set.taps.len();
    set.taps = (0..n_now)
        .map(|class| {
            // A class leans on all where it has little of its own.
            let mut own = sums[class].clone();
            let lean = 200.0 / (own.count + 200.0);
            own.sums.iter_mut().zip(&all.sums).for_each(|(a, b)| *a += lean * b);
            fixed(&own.solve(), model.shift)
        })
        .collect();
    set.scale = fixed(&gather.scales[behind].solve_non_negative(), SCALE_SHIFT);
    if pass == 2 && n_classes > 1 && all.count > 3000.0 {
        if !mapped {
            set.class_from = quantiles(&gather.levels[behind], n_classes);
        }
        set.taps = vec![set.taps[0].clone(); n_classes];
    }
}

/// Levels that cut the numbers into classes of the same size.
fn quantiles(levels: &[u32; 256], n_classes: usize) -> Vec<u8> {
    let total: u32 = levels.iter().sum();
    (1..n_classes)
        .map(|class| {
            let mut below = 0;
            let want = total as u64 * class as u64 / n_classes as u64;
            levels
                .iter()
                .position(|&count| {
                    below += count as u64;
                    below > want
                })
                .map_or(255, |level| level.clamp(1, 255)) as u8
        })
        .collect()
}
