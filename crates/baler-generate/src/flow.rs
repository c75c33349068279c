//! Flow past an obstacle on the floor of a channel, as frames of the x-velocity: a lattice-Boltzmann simulation
//! (D2Q9, regularized) small enough to run in a demo. Takes sizes and a seed, gives one array; only
//! + - * / on float64 (and `libm`'s sine for the inlet), so the bits are the same on every machine.
//!
//! Lattice units: cell 1, step 1, density about 1. The flow enters on the left with a parabolic profile whose
//! speed swings by some percent, so that the wake never settles; it leaves on the right at density 1.

use baler_data::dataset::{Dataset, Values, Variable};
use baler_data::random::Rng;

/// The largest speed of the inlet's profile, far below the lattice's speed of sound of 0.577.
const SPEED: f64 = 0.04;

/// Speed times obstacle height over viscosity.
const REYNOLDS: f64 = 250.0;

/// The nine directions: rest, then pairs of opposites.
const DIRECTIONS: [(isize, isize); 9] =
    [(0, 0), (1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (-1, -1), (1, -1), (-1, 1)];
const WEIGHTS: [f64; 9] =
    [4.0 / 9.0, 1.0 / 9.0, 1.0 / 9.0, 1.0 / 9.0, 1.0 / 9.0, 1.0 / 36.0, 1.0 / 36.0, 1.0 / 36.0, 1.0 / 36.0];

fn opposite(k: usize) -> usize {
    if k == 0 { 0 } else { ((k - 1) ^ 1) + 1 }
}

/// Populations of one cell, by direction.
type Cell = [f64; 9];

/// `n_frames` frames of `height` x `width` cells: the variable `data` of shape (frames, height, width),
/// float64 whose values are all float32 values, exactly 0 inside the obstacle. The last row lies on the floor.
/// Sizes below about 16 x 16 leave no room for a wake.
pub fn flow(n_frames: usize, height: usize, width: usize, seed: u64) -> Dataset {
    let mut channel = Channel::new(height, width, seed);
    let obstacle_height = channel.obstacle_height as f64;
    // The wake is sampled while it develops: after the flow has passed 6 obstacle heights, then every 0.15.
    let n_warm_up = (6.0 * obstacle_height / SPEED) as usize;
    let n_between = (0.15 * obstacle_height / SPEED) as usize + 1;
    let mut values = Vec::with_capacity(n_frames * height * width);
    if height > 0 && width > 0 {
        for frame in 0..n_frames {
            for _ in 0..if frame == 0 { n_warm_up } else { n_between } {
                channel.step();
            }
            channel.append_frame(width, &mut values);
        }
    }
    let shape = vec![if values.is_empty() { 0 } else { n_frames }, height, width];
    let variable = Variable::new("data", shape, Values::F64(values)).expect("every frame is full");
    Dataset::from_arrays(vec![variable])
}

struct Channel {
    n_x: usize,
    n_y: usize,
    obstacle_height: usize,
    is_solid: Vec<bool>, // (n_y, n_x), y upward from the floor
    cells: Vec<Cell>,    // (n_y, n_x), after collision
    next: Vec<Cell>,
    rate: f64,
    time: f64,
    phases: [f64; 3],
}

impl Channel {
    /// A channel that starts with the inlet's profile everywhere and a little noise.
    fn new(height: usize, width: usize, seed: u64) -> Channel {
        let (n_x, n_y) = (width + width / 2, height);
        let obstacle_height = (height / 4).max(1);
        let left = width / 3;
        let mut random = Rng::new(seed, 0);
        let phases = [(); 3].map(|()| random.uniform());
        let viscosity = SPEED * obstacle_height as f64 / REYNOLDS;
        // Below 0.505 the coarse grid would ring.
        let relaxation = (0.5 + 3.0 * viscosity).max(0.505);
        let mut channel = Channel {
            n_x,
            n_y,
            obstacle_height,
            is_solid: vec![false; n_x * n_y],
            cells: Vec::with_capacity(n_x * n_y),
            next: Vec::new(),
            rate: 1.0 / relaxation,
            time: 0.0,
            phases,
        };
        for y in 0..n_y {
            for x in 0..n_x {
                channel.is_solid[y * n_x + x] =
                    y < obstacle_height && (left..left + obstacle_height).contains(&x);
                let noise = 0.02 * SPEED * random.between(-1.0, 1.0);
                channel.cells.push(equilibrium(1.0, channel.profile(y) + noise, noise));
            }
        }
        channel.next = channel.cells.clone();
        channel
    }

    /// Speed of the undisturbed flow: 4 U y (H - y) / H^2, walls half a cell outside the grid.
    fn profile(&self, y: usize) -> f64 {
        let (y, height) = (y as f64 + 0.5, self.n_y as f64);
        4.0 * SPEED * y * (height - y) / (height * height)
    }

    /// The swing of the inlet: three sines around the wake's own frequency (Strouhal number 0.2).
    fn swing(&self) -> f64 {
        let turns = 0.2 * SPEED / self.obstacle_height as f64 * self.time;
        let sine = |part: f64, phase: f64| libm::sin(std::f64::consts::TAU * (turns * part + phase));
        1.0 + 0.10 * sine(1.0, self.phases[0])
            + 0.06 * sine(0.37, self.phases[1])
            + 0.04 * sine(2.3, self.phases[2])
    }

    /// One step: every fluid cell takes what flows in from its neighbors (from itself, turned round, where
    /// the neighbor is solid) and relaxes toward equilibrium; then the two ends are set.
    fn step(&mut self) {
        let n_x = self.n_x;
        for y in 0..self.n_y {
            for x in 1..n_x - 1 {
                let at = y * n_x + x;
                if self.is_solid[at] {
                    continue;
                }
                let mut cell = self.cells[at];
                let own = cell;
                for k in 1..9 {
                    let (dx, dy) = DIRECTIONS[k];
                    let from_y = y as isize - dy;
                    let from = from_y * n_x as isize + x as isize - dx;
                    let inside = from_y >= 0 && from_y < self.n_y as isize && !self.is_solid[from as usize];
                    cell[k] = if inside { self.cells[from as usize][k] } else { own[opposite(k)] };
                }
                self.relax(&mut cell);
                self.next[at] = cell;
            }
        }
        std::mem::swap(&mut self.cells, &mut self.next);
        self.time += 1.0;
        self.set_ends();
    }

    /// Collision, regularized: of what differs from equilibrium only the stress survives, and relaxes.
    /// f_k = eq_k + (1 - rate) w_k 9/2 (c_k c_k - 1/3) : stress. Two relaxation times blew up at this viscosity.
    fn relax(&self, cell: &mut Cell) {
        let (density, ux, uy) = moments(cell);
        let target = equilibrium(density, ux, uy);
        let (mut xx, mut yy, mut xy) = (0.0, 0.0, 0.0);
        for k in 1..9 {
            let (dx, dy) = (DIRECTIONS[k].0 as f64, DIRECTIONS[k].1 as f64);
            let excess = cell[k] - target[k];
            xx += dx * dx * excess;
            yy += dy * dy * excess;
            xy += dx * dy * excess;
        }
        let kept = (1.0 - self.rate) * 4.5;
        for k in 0..9 {
            let (dx, dy) = (DIRECTIONS[k].0 as f64, DIRECTIONS[k].1 as f64);
            let stress = (dx * dx - 1.0 / 3.0) * xx + (dy * dy - 1.0 / 3.0) * yy + 2.0 * dx * dy * xy;
            cell[k] = target[k] + kept * WEIGHTS[k] * stress;
        }
    }

    /// Inlet: the swinging profile at the neighbor's density. Outlet: the neighbor's velocity at density 1.
    fn set_ends(&mut self) {
        if self.n_x < 3 {
            return;
        }
        let swing = self.swing();
        for y in 0..self.n_y {
            let row = y * self.n_x;
            let (density, _, _) = moments(&self.cells[row + 1]);
            self.cells[row] = equilibrium(density, self.profile(y) * swing, 0.0);
            let (_, ux, uy) = moments(&self.cells[row + self.n_x - 2]);
            self.cells[row + self.n_x - 1] = equilibrium(1.0, ux, uy);
        }
    }

    /// Appends the x-velocity of the window behind the inlet, the top row first.
    fn append_frame(&self, width: usize, values: &mut Vec<f64>) {
        for y in (0..self.n_y).rev() {
            // The first cells stand under the inlet's rule and the last under the outlet's.
            let row = y * self.n_x + self.n_x.saturating_sub(width) / 4;
            values.extend((row..row + width).map(|at| {
                if self.is_solid[at] { 0.0 } else { f64::from(moments(&self.cells[at]).1 as f32) }
            }));
        }
    }
}

/// Density and velocity of a cell.
fn moments(cell: &Cell) -> (f64, f64, f64) {
    let density = cell[0] + cell[1] + cell[2] + cell[3] + cell[4] + cell[5] + cell[6] + cell[7] + cell[8];
    let ux = (cell[1] - cell[2] + cell[5] - cell[6] + cell[7] - cell[8]) / density;
    let uy = (cell[3] - cell[4] + cell[5] - cell[6] - cell[7] + cell[8]) / density;
    (density, ux, uy)
}

/// w_k rho (1 + 3 c.u + 9/2 (c.u)^2 - 3/2 u^2)
fn equilibrium(density: f64, ux: f64, uy: f64) -> Cell {
    let square = 1.5 * (ux * ux + uy * uy);
    let mut cell = [0.0; 9];
    for (k, population) in cell.iter_mut().enumerate() {
        let (dx, dy) = DIRECTIONS[k];
        let along = 3.0 * (dx as f64 * ux + dy as f64 * uy);
        *population = WEIGHTS[k] * density * (1.0 + along + 0.5 * along * along - square);
    }
    cell
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(n_frames: usize, height: usize, width: usize, seed: u64) -> Vec<f64> {
        let dataset = flow(n_frames, height, width, seed);
        assert_eq!(dataset.variables[0].shape, [n_frames, height, width]);
        match &dataset.variables[0].values {
            Values::F64(v) => v.clone(),
            _ => panic!("float64 is promised"),
        }
    }

    #[test]
    fn the_obstacle_is_at_rest_and_the_wake_runs_back() {
        let values = frames(3, 40, 60, 1);
        assert!(values.iter().all(|&x| x.is_finite() && f64::from(x as f32) == x));
        for frame in values.chunks(40 * 60) {
            assert_eq!(frame.iter().filter(|&&x| x == 0.0).count(), 10 * 10);
            let fastest = frame.iter().copied().fold(0.0, f64::max);
            assert!((0.8 * SPEED..2.0 * SPEED).contains(&fastest), "{fastest}");
            assert!(frame.iter().any(|&x| x < -0.02 * SPEED), "no recirculation behind the obstacle");
        }
    }

    #[test]
    fn as_much_flows_through_every_column() {
        // The inlet pulses, so only the mean over some frames is the same everywhere.
        let values = frames(16, 48, 64, 2);
        let column = |x: usize| values.iter().skip(x).step_by(64).sum();
        let through: Vec<f64> = (0..64).map(column).collect();
        let mean = through.iter().sum::<f64>() / 64.0;
        for (x, flux) in through.iter().enumerate() {
            assert!((flux / mean - 1.0).abs() < 0.1, "column {x}: {flux} of {mean}");
        }
    }

    #[test]
    fn the_wake_moves_from_frame_to_frame() {
        let values = frames(4, 40, 60, 3);
        let n = 40 * 60;
        for frame in 1..4 {
            let (a, b) = (&values[(frame - 1) * n..frame * n], &values[frame * n..(frame + 1) * n]);
            let change = a.iter().zip(b).map(|(x, y)| (x - y).abs()).fold(0.0, f64::max);
            assert!(change > 0.01 * SPEED, "{change}");
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_bits_for_ever() {
        let hash = |seed| {
            let mut bytes = Vec::new();
            Values::F64(frames(2, 24, 32, seed)).append_bytes(&mut bytes, false);
            blake3::hash(&bytes).to_hex().to_string()
        };
        assert_ne!(hash(8), hash(7));
        assert_eq!(hash(7), "664846be260e0ee44567dba471e1acfb671c9cf62bdb5efd56cf90be7d0ef6b2");
    }

    #[test]
    fn odd_sizes_are_no_trouble() {
        for (n_frames, height, width) in [(0, 8, 8), (1, 1, 1), (2, 3, 2), (1, 5, 9)] {
            assert!(frames(n_frames, height, width, 0).iter().all(|x| x.is_finite()));
        }
        assert!(frames(0, 0, 4, 0).is_empty());
    }
}
