//! A field of any size with eddies of all sizes and a little noise, made plane by plane: what a simulation larger than
//! memory looks like to a compressor. Only + - * / on float64 and integers, so the bits are the same on every machine.
//!
//! Octave k has random numbers on a lattice of spacing 64 / 2^k, between which cubic B-splines go smoothly; its height
//! falls with the cube root of the spacing, as velocities do in turbulence.

use baler_data::random::mix;

/// Spacings of the octaves' lattices.
const SPACINGS: [usize; 5] = [64, 32, 16, 8, 4];
/// Height of each octave: cube roots of spacing / 64.
const HEIGHTS: [f64; 5] = [1.0, 0.793_700_525_984_1, 0.629_960_524_947_4, 0.5, 0.396_850_262_992_05];
/// Height of the noise.
const NOISE: f64 = 2e-3;

/// A field (planes, height, width) of float32.
#[derive(Debug, Clone, Copy)]
pub struct Turbulence {
    /// Extent of the second axis.
    pub height: usize,
    /// Extent of the last axis.
    pub width: usize,
    /// Another seed, another field.
    pub seed: u64,
}

/// Weights of the four lattice points around a position `t` (0 to 1) between two of them.
fn spline(t: f64) -> [f64; 4] {
    let s = 1.0 - t;
    [
        s * s * s / 6.0,
        (3.0 * t * t * t - 6.0 * t * t + 4.0) / 6.0,
        (3.0 * s * s * s - 6.0 * s * s + 4.0) / 6.0,
        t * t * t / 6.0,
    ]
}

impl Turbulence {
    /// Uniform in -1 to 1.
    fn random(&self, octave: usize, z: usize, y: usize, x: usize) -> f64 {
        let place = (octave as u64) << 60 ^ (z as u64) << 40 ^ (y as u64) << 20 ^ x as u64;
        (mix(mix(place) ^ self.seed) >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    }

    /// Plane `z`, (height, width) in C order; any plane can be made by itself.
    pub fn plane(&self, z: usize) -> Vec<f32> {
        let mut sums = vec![0.0; self.height * self.width];
        for octave in 0..SPACINGS.len() {
            self.add_octave(octave, z, &mut sums);
        }
        let noisy = |(at, sum): (usize, f64)| {
            let (y, x) = (at / self.width, at % self.width);
            (sum + NOISE * self.random(15, z, y, x)) as f32
        };
        sums.into_iter().enumerate().map(noisy).collect()
    }

    fn add_octave(&self, octave: usize, z: usize, sums: &mut [f64]) {
        let spacing = SPACINGS[octave];
        let part = |at: usize| spline((at % spacing) as f64 / spacing as f64);
        let (n_y, n_x) = (self.height / spacing + 4, self.width / spacing + 4);
        let along_z = part(z);
        let lattice: Vec<f64> = (0..n_y * n_x) // (n_y, n_x)
            .map(|at| {
                let value = |i: usize| self.random(octave, z / spacing + i, at / n_x, at % n_x);
                HEIGHTS[octave] * (0..4).map(|i| along_z[i] * value(i)).sum::<f64>()
            })
            .collect();
        let along_x: Vec<[f64; 4]> = (0..spacing).map(part).collect();
        for (y, row) in sums.chunks_exact_mut(self.width.max(1)).enumerate() {
            let along_y = part(y);
            let first = y / spacing * n_x;
            let line: Vec<f64> =
                (0..n_x).map(|x| (0..4).map(|j| along_y[j] * lattice[first + j * n_x + x]).sum()).collect();
            for (points, values) in line.windows(4).zip(row.chunks_mut(spacing)) {
                for (value, weights) in values.iter_mut().zip(&along_x) {
                    *value += weights[0] * points[0]
                        + weights[1] * points[1]
                        + weights[2] * points[2]
                        + weights[3] * points[3];
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbors_are_close_and_planes_stand_alone() {
        let field = Turbulence { height: 70, width: 90, seed: 3 };
        let planes: Vec<Vec<f32>> = (0..3).map(|z| field.plane(z)).collect();
        let all = planes.concat();
        let range = all.iter().fold(0.0f32, |most, x| most.max(x.abs()));
        assert!(range > 0.5 && range < 4.0, "{range}");
        let steps = |pairs: &mut dyn Iterator<Item = (f32, f32)>| {
            pairs.fold(0.0f32, |most, (a, b)| most.max((a - b).abs()))
        };
        let along_x = steps(&mut planes[0].chunks(90).flat_map(|row| row.windows(2).map(|w| (w[0], w[1]))));
        let along_z = steps(&mut planes[0].iter().zip(&planes[1]).map(|(a, b)| (*a, *b)));
        assert!(along_x < 0.3 && along_z < 0.3, "{along_x} {along_z}");
        assert_ne!(planes[0], planes[1]);
        assert_eq!(planes[2], field.plane(2));
        assert_ne!(planes[2], Turbulence { seed: 4, ..field }.plane(2));
    }
}
