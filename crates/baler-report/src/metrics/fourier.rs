//! The discrete Fourier transform of any length: Cooley and Tukey over the prime factors, each small factor by its
//! definition. Slow only where a length has a large prime factor.

use std::f64::consts::TAU;

/// A complex number (re, im).
pub type Complex = (f64, f64);

/// X_k = sum x_j exp(-2 pi i j k / n), unnormalized.
pub fn transform(x: &[Complex]) -> Vec<Complex> {
    let n = x.len();
    let roots: Vec<Complex> =
        (0..n).map(|k| (-TAU * k as f64 / n as f64).sin_cos()).map(|(s, c)| (c, s)).collect();
    recurse(x, 1, n, &roots)
}

/// The transform of x[0], x[stride], ... (n of them); `roots` are those of the full length.
fn recurse(x: &[Complex], stride: usize, n: usize, roots: &[Complex]) -> Vec<Complex> {
    if n <= 1 {
        return x.first().copied().into_iter().collect();
    }
    let factor = smallest_factor(n);
    let m = n / factor;
    let parts: Vec<Vec<Complex>> =
        (0..factor).map(|r| recurse(&x[r * stride..], stride * factor, m, roots)).collect();
    // Root number j of this n is root number j * stride of the full length.
    (0..n)
        .map(|k| {
            let mut sum = (0.0, 0.0);
            for (r, part) in parts.iter().enumerate() {
                let product = times(roots[(r * k % n) * stride], part[k % m]);
                sum = (sum.0 + product.0, sum.1 + product.1);
            }
            sum
        })
        .collect()
}

fn times(a: Complex, b: Complex) -> Complex {
    (a.0 * b.0 - a.1 * b.1, a.0 * b.1 + a.1 * b.0)
}

fn smallest_factor(n: usize) -> usize {
    (2..).take_while(|d| d * d <= n).find(|d| n.is_multiple_of(*d)).unwrap_or(n)
}

/// The transform of a real image (height, width), row-major.
pub fn transform_image(image: &[f64], height: usize, width: usize) -> Vec<Complex> {
    let rows: Vec<Complex> = image
        .chunks_exact(width)
        .flat_map(|row| transform(&row.iter().map(|&x| (x, 0.0)).collect::<Vec<_>>()))
        .collect();
    let mut out = vec![(0.0, 0.0); rows.len()];
    for column in 0..width {
        let line: Vec<Complex> = (0..height).map(|row| rows[row * width + column]).collect();
        for (row, value) in transform(&line).into_iter().enumerate() {
            out[row * width + column] = value;
        }
    }
    out
}
