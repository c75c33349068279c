//! The product kernel and the dot kernel.
//!
//! Product: `c[i][lane] = finish(start + sum over steps of a[i, step] * b[step][lane])`, each (i, lane) one chain of
//! fused multiply-adds in the order of the steps. Steps are pairs of offsets, so the same kernel does dense layers,
//! convolutions (offsets through the gather table, padding left out), inputs that lie in two places (skip), and
//! transposed weights.
//!
//! Dot: `out[i, j] = sum over lanes of sum over steps of a[i, step][lane] * b[j, step][lane]`, for the gradient of
//! convolution weights, where the chain is long and the 16-lane sum at its end is cheap.

use super::simd::{Simd, kernel};
use super::vector::Vector;
use super::{LANES, PANEL};

/// Offsets, in floats, of one step of a chain.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) a: u32,
    pub(crate) b: u32,
}

/// Distance of consecutive rows `i` of `a`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layout {
    /// One panel row (32 floats): a matrix as stored.
    Rows,
    /// One float: a transposed matrix.
    Columns,
}

/// What a chain begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Start {
    /// What `c` holds.
    Add,
    /// Zero.
    Zero,
    /// `a[offset + i * 32]` in every lane.
    Bias(usize),
}

/// One call of the product kernel.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Product<'a> {
    pub(crate) a: &'a [f32],
    pub(crate) layout: Layout,
    pub(crate) b: &'a [f32],
    pub(crate) steps: &'a [Step],
    /// Rows of `c`.
    pub(crate) n_rows: usize,
    /// Vectors of a row of `c`: 1 or 2.
    pub(crate) n_vectors: usize,
    /// Distance of consecutive rows of `c`.
    pub(crate) c_row: usize,
    pub(crate) start: Start,
    /// finish(x) = max(x, slope * x), for a slope in [0, 1].
    pub(crate) slope: f32,
}

/// Runs the product kernel into `c`.
pub(crate) fn product(simd: Simd, call: &Product<'_>, c: &mut [f32]) {
    if call.n_rows == 0 {
        return;
    }
    let last = call.n_rows - 1;
    let a_row = if call.layout == Layout::Rows { PANEL } else { 1 };
    let (mut max_a, mut max_b) = (0, 0);
    for step in call.steps {
        max_a = max_a.max(step.a);
        max_b = max_b.max(step.b);
    }
    assert!(matches!(call.n_vectors, 1 | 2));
    assert!(call.steps.is_empty() || max_a as usize + last * a_row < call.a.len());
    assert!(call.steps.is_empty() || max_b as usize + call.n_vectors * LANES <= call.b.len());
    assert!(last * call.c_row + call.n_vectors * LANES <= c.len());
    if let Start::Bias(offset) = call.start {
        assert!(offset + last * PANEL < call.a.len());
    }
    // SAFETY: the asserts cover every offset that is read or written.
    unsafe { product_kernel(simd, call, c) }
}

kernel! {
    /// Bounds are the caller's.
    unsafe fn product_kernel => product_generic(call: &Product<'_>, c: &mut [f32])
}

#[inline(always)]
unsafe fn product_generic<V: Vector>(call: &Product<'_>, c: &mut [f32]) {
    // SAFETY: the contract of `product_kernel`.
    unsafe {
        match call.layout {
            Layout::Rows => product_rows::<V, PANEL>(call, c),
            Layout::Columns => product_rows::<V, 1>(call, c),
        }
    }
}

#[inline(always)]
unsafe fn product_rows<V: Vector, const A_ROW: usize>(call: &Product<'_>, c: &mut [f32]) {
    let n_tiles = call.n_rows.div_ceil(V::TILE_ROWS);
    // Tiles of equal height, give or take one: a tile of one or two rows would wait for its own sums.
    let (height, n_higher) = (call.n_rows / n_tiles, call.n_rows % n_tiles);
    let mut row = 0;
    for tile_idx in 0..n_tiles {
        let rows = height + usize::from(tile_idx < n_higher);
        // SAFETY: rows row..row + rows exist, and so do the vectors.
        unsafe {
            if call.n_vectors == 2 && V::TILE_VECTORS == 2 {
                tile_of::<V, 2, A_ROW>(call, row, rows, 0, c);
            } else {
                for vector in 0..call.n_vectors {
                    tile_of::<V, 1, A_ROW>(call, row, rows, vector, c);
                }
            }
        }
        row += rows;
    }
}

#[inline(always)]
unsafe fn tile_of<V: Vector, const N: usize, const A_ROW: usize>(
    call: &Product<'_>,
    row: usize,
    rows: usize,
    vector: usize,
    c: &mut [f32],
) {
    macro_rules! heights {
        ($($height:literal)*) => {
            match rows {
                // SAFETY: as for the caller.
                $($height if $height <= V::TILE_ROWS => unsafe {
                    tile::<V, $height, N, A_ROW>(call, row, vector, c)
                },)*
                _ => unreachable!("tiles have at most TILE_ROWS rows"),
            }
        };
    }
    heights!(1 2 3 4 5 6 7 8 9 10 11 12)
}

/// M rows by N vectors of `c` in registers.
#[inline(always)]
unsafe fn tile<V: Vector, const M: usize, const N: usize, const A_ROW: usize>(
    call: &Product<'_>,
    row: usize,
    vector: usize,
    c: &mut [f32],
) {
    // SAFETY: all offsets were checked by `product`.
    unsafe {
        let a = call.a.as_ptr().add(row * A_ROW);
        let b = call.b.as_ptr().add(vector * LANES);
        let c = c.as_mut_ptr().add(row * call.c_row + vector * LANES);
        let mut sums = [[V::splat(0.0); N]; M];
        match call.start {
            Start::Zero => {}
            Start::Add => {
                for (i, sum) in sums.iter_mut().enumerate() {
                    for (j, value) in sum.iter_mut().enumerate() {
                        *value = V::load(c.add(i * call.c_row + j * LANES));
                    }
                }
            }
            Start::Bias(offset) => {
                for (i, sum) in sums.iter_mut().enumerate() {
                    *sum = [V::splat(*call.a.as_ptr().add(offset + (row + i) * PANEL)); N];
                }
            }
        }
        for step in call.steps {
            let a = a.add(step.a as usize);
            let b = b.add(step.b as usize);
            let mut inputs = [V::splat(0.0); N];
            for (j, input) in inputs.iter_mut().enumerate() {
                *input = V::load(b.add(j * LANES));
            }
            for (i, sum) in sums.iter_mut().enumerate() {
                let factor = V::splat(*a.add(i * A_ROW));
                for j in 0..N {
                    sum[j] = factor.mul_add(inputs[j], sum[j]);
                }
            }
        }
        let slope = V::splat(call.slope);
        for (i, sum) in sums.iter().enumerate() {
            for (j, value) in sum.iter().enumerate() {
                let finished = if call.slope == 1.0 { *value } else { value.max(value.mul(slope)) };
                finished.store(c.add(i * call.c_row + j * LANES));
            }
        }
    }
}

/// One call of the dot kernel; each step covers a panel row (32 floats) of both.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Dot<'a> {
    pub(crate) a: &'a [f32],
    /// Rows of `a` and their distance.
    pub(crate) n_a: usize,
    pub(crate) a_row: usize,
    pub(crate) b: &'a [f32],
    /// Rows of `b` and their distance.
    pub(crate) n_b: usize,
    pub(crate) b_row: usize,
    pub(crate) steps: &'a [Step],
}

/// Runs the dot kernel; `out` is (n_a, n_b), row-major.
pub(crate) fn dot(simd: Simd, call: &Dot<'_>, out: &mut [f32]) {
    assert_eq!(out.len(), call.n_a * call.n_b);
    if out.is_empty() || call.steps.is_empty() {
        out.fill(0.0);
        return;
    }
    let max_a = call.steps.iter().map(|step| step.a).max().unwrap_or(0) as usize;
    let max_b = call.steps.iter().map(|step| step.b).max().unwrap_or(0) as usize;
    assert!(max_a + (call.n_a - 1) * call.a_row + PANEL <= call.a.len());
    assert!(max_b + (call.n_b - 1) * call.b_row + PANEL <= call.b.len());
    // SAFETY: the asserts cover every offset that is read or written.
    unsafe { dot_kernel(simd, call, out) }
}

kernel! {
    /// Bounds are the caller's.
    unsafe fn dot_kernel => dot_generic(call: &Dot<'_>, out: &mut [f32])
}

#[inline(always)]
unsafe fn dot_generic<V: Vector>(call: &Dot<'_>, out: &mut [f32]) {
    for i in (0..call.n_a).step_by(V::DOT_TILE) {
        for j in (0..call.n_b).step_by(V::DOT_TILE) {
            let (rows, cols) = (V::DOT_TILE.min(call.n_a - i), V::DOT_TILE.min(call.n_b - j));
            macro_rules! sizes {
                ($($m:literal $n:literal),*) => {
                    match (rows, cols) {
                        // SAFETY: rows i.. of a and j.. of b exist.
                        $(($m, $n) if const { max($m, $n) <= V::DOT_TILE } => unsafe {
                            dot_tile::<V, $m, $n>(call, i, j, out)
                        },)*
                        _ => unreachable!("tiles have at most DOT_TILE rows and columns"),
                    }
                };
            }
            sizes!(1 1, 1 2, 1 3, 1 4, 2 1, 2 2, 2 3, 2 4, 3 1, 3 2, 3 3, 3 4, 4 1, 4 2, 4 3, 4 4);
        }
    }
}

#[inline(always)]
unsafe fn dot_tile<V: Vector, const M: usize, const N: usize>(
    call: &Dot<'_>,
    row: usize,
    col: usize,
    out: &mut [f32],
) {
    // SAFETY: all offsets were checked by `dot`.
    unsafe {
        let mut sums = [[V::splat(0.0); N]; M];
        for step in call.steps {
            for half in 0..PANEL / LANES {
                let a = call.a.as_ptr().add(step.a as usize + row * call.a_row + half * LANES);
                let b = call.b.as_ptr().add(step.b as usize + col * call.b_row + half * LANES);
                let mut right = [V::splat(0.0); N];
                for (j, value) in right.iter_mut().enumerate() {
                    *value = V::load(b.add(j * call.b_row));
                }
                for (i, sum) in sums.iter_mut().enumerate() {
                    let left = V::load(a.add(i * call.a_row));
                    for j in 0..N {
                        sum[j] = left.mul_add(right[j], sum[j]);
                    }
                }
            }
        }
        for (i, sum) in sums.iter().enumerate() {
            for (j, value) in sum.iter().enumerate() {
                let mut lanes = [0.0f32; LANES];
                value.store(lanes.as_mut_ptr());
                out[(row + i) * call.n_b + col + j] = sum_of_lanes(lanes);
            }
        }
    }
}

const fn max(a: usize, b: usize) -> usize {
    if a > b { a } else { b }
}

/// Halves are added until one lane is left: the one order of this sum.
#[inline(always)]
pub(super) fn sum_of_lanes(mut lanes: [f32; LANES]) -> f32 {
    let mut width = LANES / 2;
    while width > 0 {
        for i in 0..width {
            lanes[i] += lanes[i + width];
        }
        width /= 2;
    }
    lanes[0]
}

#[cfg(test)]
mod tests {
    use super::*;
    use baler_data::random::Rng;

    fn random(rng: &mut Rng, len: usize) -> Vec<f32> {
        (0..len).map(|_| (rng.uniform() - 0.5) as f32).collect()
    }

    #[test]
    fn every_height_and_instruction_set_agrees_with_the_plain_loop() {
        let mut rng = Rng::new(3, 0);
        let n_steps = 9;
        for n_rows in 1..=26 {
            let a = random(&mut rng, PANEL * n_rows);
            let b = random(&mut rng, PANEL * n_steps);
            let before = random(&mut rng, PANEL * n_rows);
            let steps: Vec<Step> =
                (0..n_steps).map(|k| Step { a: k as u32, b: (k * PANEL) as u32 }).collect();
            for start in [Start::Zero, Start::Add, Start::Bias(20)] {
                let expected: Vec<f32> = (0..n_rows * PANEL)
                    .map(|at| {
                        let (i, lane) = (at / PANEL, at % PANEL);
                        let mut sum = match start {
                            Start::Zero => 0.0,
                            Start::Add => before[at],
                            Start::Bias(offset) => a[offset + i * PANEL],
                        };
                        for k in 0..n_steps {
                            sum = a[i * PANEL + k].mul_add(b[k * PANEL + lane], sum);
                        }
                        if sum > 0.125 * sum { sum } else { 0.125 * sum }
                    })
                    .collect();
                for (name, simd) in Simd::available() {
                    let mut c = before.clone();
                    let call = Product {
                        a: &a,
                        layout: Layout::Rows,
                        b: &b,
                        steps: &steps,
                        n_rows,
                        n_vectors: 2,
                        c_row: PANEL,
                        start,
                        slope: 0.125,
                    };
                    product(simd, &call, &mut c);
                    assert_eq!(c, expected, "{name} {n_rows} {start:?}");
                }
            }
        }
    }

    #[test]
    fn dot_agrees_in_every_bit_between_instruction_sets() {
        let mut rng = Rng::new(4, 0);
        let (a, b) = (random(&mut rng, 7 * PANEL * 5), random(&mut rng, 6 * PANEL * 5));
        let steps: Vec<Step> =
            (0..5).map(|k| Step { a: (k * 7 * PANEL) as u32, b: (k * 6 * PANEL) as u32 }).collect();
        let call = Dot { a: &a, n_a: 7, a_row: PANEL, b: &b, n_b: 6, b_row: PANEL, steps: &steps };
        let mut expected = vec![0.0; 42];
        dot(Simd::SCALAR, &call, &mut expected);
        let plain: f64 = (0..5 * PANEL)
            .map(|at| {
                let (k, lane) = (at / PANEL, at % PANEL);
                f64::from(a[k * 7 * PANEL + 2 * PANEL + lane])
                    * f64::from(b[k * 6 * PANEL + 5 * PANEL + lane])
            })
            .sum();
        assert!((plain - f64::from(expected[2 * 6 + 5])).abs() < 1e-5);
        for (name, simd) in Simd::available() {
            let mut found = vec![0.0; 42];
            dot(simd, &call, &mut found);
            assert_eq!(found, expected, "{name}");
        }
    }
}
