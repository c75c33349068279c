//! Frames of a photon-counting camera: a smooth background with rings, counted photon by photon, and the noise of the
//! readout. Takes sizes, the mean count of the background and a seed, gives an array of uint16.

use baler_data::dataset::{Dataset, Values, Variable};
use baler_data::random::Rng;

/// What is added to every pixel, so that the readout's noise does not reach 0.
const OFFSET: f64 = 100.0;
/// Standard deviation of the readout, in counts.
const READOUT: f64 = 3.0;
/// Rings: (x, y, radius) in widths of the frame, and how wide and how bright they are.
const RINGS: [[f64; 3]; 4] = [[0.5, 0.5, 0.20], [0.5, 0.5, 0.35], [0.3, 0.7, 0.10], [0.8, 0.2, 0.15]];
const RING_WIDTH: f64 = 0.02;
const RING_BRIGHTNESS: f64 = 0.6;
/// Means beyond this are counted as their normal limit, which takes one number and not as many as photons.
const MANY: f64 = 30.0;

/// `n_frames` frames of `height` x `width` pixels: the variable `data` of shape (frames, height, width), uint16. A pixel
/// holds 100 + Poisson(mean) + the readout's noise; the mean is `background` and up to twice that, the same in all frames.
pub fn camera(n_frames: usize, height: usize, width: usize, background: f64, seed: u64) -> Dataset {
    let mut means = Vec::with_capacity(height * width);
    for y in 0..height {
        for x in 0..width {
            let place = [(x as f64 + 0.5) / width as f64, (y as f64 + 0.5) / height as f64];
            means.push(background * brightness(place));
        }
    }
    let mut values = Vec::with_capacity(n_frames * height * width);
    for frame in 0..n_frames {
        let mut rng = Rng::new(seed, frame as u64);
        values.extend(means.iter().map(|&mean| {
            let photons =
                if mean > MANY { mean + mean.sqrt() * rng.normal() } else { rng.poisson(mean) as f64 };
            (OFFSET + photons + READOUT * rng.normal()).round().clamp(0.0, 65_535.0) as u16
        }));
    }
    let variable = Variable::new("data", vec![n_frames, height, width], Values::U16(values));
    Dataset::from_arrays(vec![variable.expect("every frame is full")])
}

/// A spot in the middle and rings, on 1.
fn brightness([x, y]: [f64; 2]) -> f64 {
    let spot = 0.3 * libm::exp(-((x - 0.5) * (x - 0.5) + (y - 0.5) * (y - 0.5)) / 0.08);
    let ring = |[at_x, at_y, radius]: [f64; 3]| {
        let distance = ((x - at_x) * (x - at_x) + (y - at_y) * (y - at_y)).sqrt() - radius;
        RING_BRIGHTNESS * libm::exp(-(distance * distance) / (RING_WIDTH * RING_WIDTH))
    };
    1.0 + spot + RINGS.map(ring).iter().sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_is_that_of_photons_and_readout() {
        for background in [10.0, 50.0] {
            let dataset = camera(2, 64, 64, background, 5);
            let Values::U16(values) = &dataset.variables[0].values else { panic!("uint16") };
            let differences = values[..4096].iter().zip(&values[4096..]).map(|(&a, &b)| a as f64 - b as f64);
            let variance = differences.map(|d| d * d).sum::<f64>() / 4096.0 / 2.0;
            let mean = values.iter().map(|&x| x as f64).sum::<f64>() / 8192.0 - OFFSET;
            assert!((variance / (mean + READOUT * READOUT) - 1.0).abs() < 0.1, "{variance} {mean}");
        }
        assert_eq!(camera(1, 8, 8, 10.0, 5), camera(1, 8, 8, 10.0, 5));
    }
}
