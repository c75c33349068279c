//! Each measure against numbers of SciPy 1.17, NumPy 2.4 and scikit-image 0.26 on a small made-up signal, or against
//! values known by hand. scripts/check_metrics.py does the same on real data.

use super::energy_mover::{Particle, energy_movers_distance};
use super::expression::Expression;
use super::histogram::chi_square;
use super::kinematics::{FourVector, find_objects, leading_pairs, pair_masses};
use super::*;

const SIDE: usize = 20;

/// 400 values before and after, the same in NumPy: multiples of 1/64.
fn signal() -> (Vec<f64>, Vec<f64>) {
    let mut x: Vec<f64> = (0..400).map(|i| f64::from(i * 7919 % 1009) / 16.0 - 20.0).collect();
    let mut y: Vec<f64> = x.iter().zip(0..).map(|(x, i)| x + f64::from((i * 31) % 17 - 8) / 64.0).collect();
    (x[5], y[5], x[6], y[6]) = (0.0, 0.0, 0.0, 0.25);
    (x, y)
}

fn close(found: f64, expected: f64) {
    assert!((found - expected).abs() <= 1e-12 * expected.abs().max(1e-3), "{found:e} is not {expected:e}");
}

#[test]
fn point_wise_errors_are_those_of_numpy() {
    let (x, y) = signal();
    let e = Errors::of(&x, &y);
    assert_eq!((e.n, e.n_zeros, e.n_not_finite, e.max_abs, e.max_rel), (400, 3, 0, 0.25, 1.25));
    close(e.bias(), 0.0008203125);
    close(e.rmse(), 0.07728849036038614);
    close(e.psnr(), 58.207263471048506);
    close(e.pearson(), 0.9999909548290372);
    let none = Errors::of(&x, &x);
    assert_eq!((none.max_abs, none.rmse(), none.nrmse(), none.psnr()), (0.0, 0.0, 0.0, f64::INFINITY));
    let odd = Errors::of(&[f64::NAN, 1.0, f64::INFINITY], &[f64::NAN, 1.0, 1.0]);
    assert_eq!((odd.n, odd.n_not_finite, odd.n_not_finite_changed), (1, 2, 1));
}

#[test]
fn a_large_offset_costs_no_digits() {
    let (x, y) = signal();
    let shift = |v: &[f64]| v.iter().map(|x| x + 1e6).collect::<Vec<_>>();
    let e = Errors::of(&shift(&x), &shift(&y));
    assert!(
        (e.pearson() - 0.9999909548290372).abs() < 1e-12 && (e.rmse() - 0.07728849036038614).abs() < 1e-12
    );
    assert_eq!(Errors::of(&[], &[]).n, 0);
}

#[test]
fn responses_leave_out_zeros_and_count_them() {
    let (x, y) = signal();
    let r = Response::of(&x, &y);
    assert_eq!((r.responses.len(), r.residuals.len(), r.zeros_kept, r.zeros_changed), (397, 400, 1, 2));
    close(r.response().mean, -0.004333780116718053);
    close(r.response().rms, 0.06920078705299283);
    close(r.residual().rms, 0.07728849036038614);
    let (mean, two_sigma) = response::mean_and_two_sigma(&[1.0, 2.0, 3.0, 4.0]);
    close(mean, 2.5);
    close(two_sigma, 2.0 * (5.0f64 / 3.0).sqrt());
}

#[test]
fn distributions_are_compared_as_in_scipy() {
    let (x, y) = signal();
    let (sorted_x, sorted_y, part) = (sorted_finite(&x), sorted_finite(&y), sorted_finite(&x[..150]));
    close(distribution::kolmogorov_smirnov(&sorted_x, &sorted_y), 0.0075);
    close(distribution::wasserstein(&sorted_x, &sorted_y), 0.06636718750000001);
    close(distribution::kolmogorov_smirnov(&part, &sorted_y), 0.0225);
    close(distribution::wasserstein(&part, &sorted_y), 0.27858072916666665);
    close(distribution::kolmogorov_chance(0.05, 400, 400), 0.6993741991310154);
    assert!(distribution::wasserstein(&[], &sorted_y).is_nan());
    close(quantile(&sorted_x, 0.9), 36.706250000000004);
}

#[test]
fn histograms_lose_nothing() {
    let (x, y) = signal();
    let (a, b) = (Histogram::of(&x, -20.0, 40.0, 20), Histogram::of(&y, -20.0, 40.0, 20));
    assert_eq!((&a.counts[..5], a.underflow, a.overflow), (&[19, 18, 19, 19, 18][..], 0, 20));
    assert_eq!((b.underflow, b.overflow, b.total() + 20), (1, 19, 400));
    let chi = chi_square(&a, &b);
    close(chi.chi2, 1.6941122319536803);
    assert_eq!(chi.ndf, 21);
    let edges = Histogram::of(&[0.0, 0.3, 0.6, 0.9, f64::NAN, -0.1, 1.0], 0.0, 0.9, 3);
    assert_eq!(
        (&edges.counts[..], edges.underflow, edges.overflow, edges.not_finite),
        (&[1, 1, 2][..], 1, 1, 1)
    );
    assert_eq!(Histogram::of(&[2.0], 2.0, 2.0, 4).counts, [0, 0, 1, 0]);
}

#[test]
fn images_are_compared_as_in_scikit_image_and_numpy() {
    let (x, y) = signal();
    let range = Errors::of(&x, &y).range();
    close(ssim::ssim(&x, &y, SIDE, SIDE, range).unwrap(), 0.9999910492770661);
    assert_eq!(ssim::ssim(&x[..36], &y[..36], 6, 6, range), None);
    let spectrum = spectrum::power_spectrum(&x, SIDE, SIDE);
    let expected =
        [(0, 21747066.390625), (1, 27925.360947138404), (5, 1163815.4587377612), (10, 645923.6980382383)];
    expected.into_iter().for_each(|(ring, power)| close(spectrum[ring], power));
    let series = spectrum::power_spectrum(&x[..399], 1, 399);
    let expected =
        [(0, 21641104.0), (1, 11792.795685878005), (7, 600.2906704661981), (199, 8307.301154365381)];
    for (k, power) in expected {
        assert!((series[k] - power).abs() < 1e-10 * 21641104.0, "{} {power}", series[k]);
    }
    let background = image::background(&x);
    close(background.sigma, 23.119293749999997);
    close(background.level, 11.71875);
}

#[test]
fn gradients_and_errors_of_fields_are_those_of_numpy() {
    let (x, y) = signal();
    let shape = [SIDE, SIDE];
    close(field::gradient_errors(&x, &y, &shape).rmse(), 0.06717530695703276);
    close(field::vorticity(&[&x, &y], &shape)[3 * SIDE + 4], -7.546875);
    let ramp: Vec<f64> = (0..400).map(|i| f64::from(3 * (i / 20) - 2 * (i % 20))).collect();
    assert!(field::divergence(&[&ramp, &ramp], &shape).iter().all(|d| (d - 1.0).abs() < 1e-12));
    let e: Vec<f64> = x.iter().zip(&y).map(|(x, y)| y - x).collect();
    let lags = field::autocorrelation(&e, &[400], 0, 2);
    close(lags[0], 0.1258525080351598);
    close(lags[1], -0.3646927134174459);
}

#[test]
fn vorticity_and_divergence_in_space_are_those_of_a_linear_flow() {
    // u = 2x - 3z, v = 5y + x, w = 4y - 6z on (z, y, x): curl (4 - 0, -3 - 0, 1 - 0), divergence 2 + 5 - 6.
    let shape = [4, 5, 6];
    let flow = |of: fn(f64, f64, f64) -> f64| -> Vec<f64> {
        (0..120).map(|k| of(f64::from(k % 6), f64::from(k / 6 % 5), f64::from(k / 30))).collect()
    };
    let parts =
        [flow(|x, _, z| 2.0 * x - 3.0 * z), flow(|x, y, _| 5.0 * y + x), flow(|_, y, z| 4.0 * y - 6.0 * z)];
    let parts: Vec<&[f64]> = parts.iter().map(Vec::as_slice).collect();
    assert!(field::divergence(&parts, &shape).iter().all(|d| (d - 1.0).abs() < 1e-12));
    assert!(field::vorticity(&parts, &shape).iter().all(|v| (v - 26f64.sqrt()).abs() < 1e-12));
    assert!(field::vorticity(&parts[..2], &shape).iter().all(|v| (v - 1.0).abs() < 1e-12));
}

#[test]
fn features_and_switched_sources_are_found() {
    let mut frame: Vec<f64> = (0..100).map(|i| f64::from(i % 5)).collect();
    frame[44] = 50.0;
    let background = image::background(&frame);
    let mask = image::features(&frame, &background, 5.0);
    assert_eq!(mask.iter().filter(|inside| **inside).count(), 1);
    close(image::contrast_to_noise(&frame, &mask, &background), 48.0 / 1.4826);
    let frames = [1.0, 5.0, 2.0, 9.0, 1.0, 5.0, 3.0, 9.0, 7.0, 7.0];
    assert_eq!(image::odd_even_difference(&frames, 2), [3.0, 8.0]);
}

#[test]
fn correlations_change_by_what_is_told() {
    let (x, y) = signal();
    let z: Vec<f64> = (0..400).map(|i| f64::from(i * 13 % 29) / 3.0).collect();
    let before = CorrelationMatrix::of(&[&x, &z]);
    let after = CorrelationMatrix::of(&[&y, &z]);
    close(before.r[1], 0.049760840497407074);
    close(after.r[2], 0.04972241452222391);
    let change = after.minus(&before);
    close(change.max_abs(), 0.049760840497407074 - 0.04972241452222391);
    close(change.frobenius(), 2f64.sqrt() * change.max_abs());
    assert!(CorrelationMatrix::of(&[&[1.0, 1.0], &[1.0, 2.0]]).r[1].is_nan());
}

#[test]
fn moving_energy_costs_what_linear_programming_finds() {
    let particles = |list: &[[f64; 3]]| -> Vec<Particle> {
        list.iter().map(|&[pt, eta, phi]| Particle { pt, eta, phi }).collect()
    };
    let a = particles(&[[50.0, 0.0, 0.0], [30.0, 0.5, 1.0], [10.0, -1.0, 3.0]]);
    let b = particles(&[[45.0, 0.1, 0.1], [25.0, 0.4, 1.2], [12.0, -1.0, -3.1], [3.0, 2.0, 2.0]]);
    close(energy_movers_distance(&a, &b, 0.4), 66.22992524343368);
    close(energy_movers_distance(&b, &a, 0.4), 66.22992524343368);
    assert_eq!(energy_movers_distance(&a, &a, 0.4), 0.0);
    close(energy_movers_distance(&a, &[], 0.4), 90.0);
}

#[test]
fn four_vectors_are_found_by_name() {
    let find = |names: &[&str]| find_objects(names.iter().copied());
    let found = find(&["Muon_pt", "Muon_eta", "Muon_phi", "Muon_mass", "Muon_charge"]);
    assert_eq!((found.len(), found[0].name.as_str()), (1, "Muon"));
    assert_eq!(
        find(&["jetEnergy", "jetPt", "jetEta", "jetPhi", "jetMass", "jetPx", "jetPy", "jetPz"]).len(),
        1
    );
    assert_eq!(find(&["x.obj.pt_", "x.obj.eta_", "x.obj.phi_", "x.obj.mass_"])[0].name, "x.obj");
    let three = find(&["H1_PX", "H1_PY", "H1_PZ", "H2_PX", "H2_PY", "H2_PZ", "H2_Charge"]);
    assert_eq!(three.len(), 2);
    assert!(find(&["script", "theta", "morphi", "pt"]).is_empty());
}

#[test]
fn masses_of_pairs_are_those_of_the_formula() {
    let a = FourVector::from_polar(45.0, 0.3, 1.0, 0.1057);
    let b = FourVector::from_polar(40.0, -0.8, -2.0, 0.1057);
    let massless = (2.0f64 * 45.0 * 40.0 * ((0.3f64 + 0.8).cosh() - 3f64.cos())).sqrt();
    assert!((a.plus(b).mass() - massless).abs() < 1e-3);
    let (pt, charge) = ([9.0, 5.0, 7.0, 6.0, 2.0, 8.0], [1.0, -1.0, 1.0, 1.0, -1.0, 1.0]);
    assert_eq!(leading_pairs(&pt, Some(&charge)), [(0, 1)]);
    assert_eq!(leading_pairs(&pt, None), [(0, 1), (2, 3)]);
    assert_eq!(pair_masses(&[a, b], &[(0, 1)]), [a.plus(b).mass()]);
}

#[test]
fn formulas_mean_what_they_say() {
    let column = |name: &str| -> Option<&'static [f64]> {
        match name {
            "px" => Some(&[3.0, 6.0]),
            "a b" => Some(&[4.0, 8.0]),
            _ => None,
        }
    };
    let value = |text: &str| Expression::parse(text).unwrap().evaluate(&column);
    for quoted in ["`a b`", "'a b'", "\"a b\""] {
        assert_eq!(value(&format!("sqrt(px^2 + {quoted}^2)")), Some(vec![5.0, 10.0]));
    }
    assert_eq!(value("-2^2 + 3*px/2 - 1e-1*10"), Some(vec![-0.5, 4.0]));
    assert_eq!(value("2^3^2 - max(px, 500)"), Some(vec![12.0, 12.0]));
    assert_eq!(value("py + 1"), None);
    for (text, expected) in [
        ("px +", "expected a number, a column, a function or '(' at character 5, found the end"),
        ("sqr(px)", "no function 'sqr'"),
        ("atan2(px)", "expected 2 arguments of atan2, found 1"),
        ("(px", "expected ')' at character 4"),
        ("px px", "expected the end or an operator"),
        ("1.2.3", "expected a number at character 1"),
    ] {
        let error = Expression::parse(text).unwrap_err().to_string();
        assert!(error.contains(expected), "{text}: {error}");
    }
    assert!(Expression::parse(&"(".repeat(5000)).is_err());
    assert!(Expression::parse(&"1^".repeat(5000)).is_err());
}

#[test]
fn a_peak_is_fitted_as_by_scipy() {
    let counts = (0..40).map(|k: i64| {
        let bell = 1000.0 / (1.0 + ((k - 19) * (k - 19)) as f64 / 9.0);
        (bell + (200 - 3 * k) as f64 + (k * 37 % 11) as f64) as u64
    });
    let histogram = Histogram { counts: counts.collect(), ..Histogram::new(80.0, 100.0, 40) };
    let peak = peak::fit_peak(&histogram).unwrap();
    let close = |found: f64, expected: f64| {
        assert!((found / expected - 1.0).abs() < 1e-8, "{found:e} is not {expected:e}");
    };
    close(peak.height, 825.9219004934753);
    close(peak.mean, 89.75738452669196);
    close(peak.width, 1.5571873933883436);
    close(peak.level, 194.79185920608123);
    close(peak.slope, -6.619040010134777);
    let sigmas =
        [15.679440354779793, 0.0270370483379883, 0.026651706643341076, 2.91693631038935, 0.38178623580296644];
    peak.uncertainty.into_iter().zip(sigmas).for_each(|(found, expected)| {
        assert!((found / expected - 1.0).abs() < 1e-7, "{found:e} is not {expected:e}");
    });
    close(peak.chi2, 132.70032690836206);
    assert_eq!(peak.ndf, 35);
    assert!(peak::fit_peak(&Histogram::new(0.0, 1.0, 20)).is_none());
}
