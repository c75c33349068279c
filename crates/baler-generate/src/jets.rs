//! A table of particle-flow jets like those of a collider experiment: 24 columns with the relations and
//! distributions that real ones have. Takes a number of rows and a seed, gives a table; no physics event
//! is simulated, only the shape of the data.
//!
//! Relations that hold exactly: rows of an event (about 75 to 85) fall in pt; an energy is zero exactly where
//! its multiplicity is; mChargedEmEnergy = mElectronEnergy, mChargedMuEnergy = mMuonEnergy, mNeutralEmEnergy =
//! mPhotonEnergy + mHFEMEnergy (in float32), mChargedMultiplicity and mNeutralMultiplicity are the sums of
//! their parts; jet areas are whole multiples of one ghost area. The seven energies sum to the jet's energy
//! up to float32 rounding.

use baler_data::dataset::{Dataset, Values, Variable};
use baler_data::random::Rng;

/// The columns in their order.
pub const JET_COLUMNS: [&str; 24] = [
    "pt_",
    "eta_",
    "phi_",
    "mass_",
    "mJetArea",
    "mChargedHadronEnergy",
    "mNeutralHadronEnergy",
    "mPhotonEnergy",
    "mElectronEnergy",
    "mMuonEnergy",
    "mHFHadronEnergy",
    "mHFEMEnergy",
    "mChargedHadronMultiplicity",
    "mNeutralHadronMultiplicity",
    "mPhotonMultiplicity",
    "mElectronMultiplicity",
    "mMuonMultiplicity",
    "mHFHadronMultiplicity",
    "mHFEMMultiplicity",
    "mChargedEmEnergy",
    "mChargedMuEnergy",
    "mNeutralEmEnergy",
    "mChargedMultiplicity",
    "mNeutralMultiplicity",
];

/// Area that one ghost particle stands for.
const GHOST_AREA: f64 = 0.009_973_31;

/// Beyond this |eta| only the forward calorimeter (HF) measures.
const FORWARD_ETA: f64 = 3.0;

/// Beyond this |eta| there are no tracks, so no charged particles.
const TRACKER_ETA: f64 = 2.5;

const MIN_PT: f64 = 3.0;

/// Kinds of constituents, in the order of the energy columns.
const N_KINDS: usize = 7;
const CHARGED_HADRON: usize = 0;
const NEUTRAL_HADRON: usize = 1;
const PHOTON: usize = 2;
const ELECTRON: usize = 3;
const MUON: usize = 4;
const HF_HADRON: usize = 5;
const HF_EM: usize = 6;

/// `n_rows` jets: 24 float64 columns whose values are all float32 values.
pub fn jets(n_rows: usize, seed: u64) -> Dataset {
    let mut random = Rng::new(seed, 0);
    let mut columns: Vec<Vec<f64>> = JET_COLUMNS.iter().map(|_| Vec::with_capacity(n_rows)).collect();
    let mut n_left = n_rows;
    while n_left > 0 {
        let event = event(&mut random);
        for jet in event.iter().take(n_left) {
            for (column, &value) in columns.iter_mut().zip(jet) {
                column.push(f64::from(value));
            }
        }
        n_left -= event.len().min(n_left);
    }
    let columns = JET_COLUMNS
        .iter()
        .zip(columns)
        .map(|(name, values)| Variable::new(*name, vec![n_rows], Values::F64(values)).expect("n_rows values"))
        .collect();
    Dataset::from_table(columns)
}

/// Where a jet points and how hard it is.
struct Axis {
    pt: f64,
    eta: f64,
    phi: f64,
    is_hard: bool,
}

/// One collision: two hard jets back to back, some radiation, and soft jets from overlapping collisions.
fn event(random: &mut Rng) -> Vec<[f32; 24]> {
    let n_jets = (79.5 + 4.5 * random.normal()).clamp(60.0, 100.0) as usize;
    let hard_pt = power_law(random, 85.0, 6.0);
    let hard_phi = random.between(-1.0, 1.0) * std::f64::consts::PI;
    let mut jets: Vec<[f32; 24]> = (0..n_jets)
        .map(|i| {
            let uniform_phi = random.between(-1.0, 1.0) * std::f64::consts::PI;
            let axis = match i {
                0 => Axis { pt: hard_pt, eta: central_eta(random), phi: hard_phi, is_hard: true },
                1 => {
                    let phi = wrapped(hard_phi + std::f64::consts::PI + 0.15 * random.normal());
                    Axis {
                        pt: hard_pt * random.between(0.6, 1.0),
                        eta: central_eta(random),
                        phi,
                        is_hard: true,
                    }
                }
                _ if random.uniform() < 0.03 => {
                    let pt = power_law(random, 15.0, 2.5).min(0.6 * hard_pt);
                    Axis { pt, eta: central_eta(random), phi: uniform_phi, is_hard: true }
                }
                _ => {
                    let eta = random.between(-4.7, 4.7);
                    Axis { pt: MIN_PT + 6.8 * random.exponential(), eta, phi: uniform_phi, is_hard: false }
                }
            };
            jet(random, &axis)
        })
        .collect();
    jets.sort_by(|a, b| b[0].total_cmp(&a[0]));
    jets
}

/// low * u^(-1 / exponent): a spectrum that falls with pt^-(exponent + 1), cut at 2 TeV.
fn power_law(random: &mut Rng, low: f64, exponent: f64) -> f64 {
    (low * libm::exp(random.exponential() / exponent)).min(2000.0)
}

fn central_eta(random: &mut Rng) -> f64 {
    (1.4 * random.normal()).clamp(-4.5, 4.5)
}

/// An angle in [-pi, pi).
fn wrapped(phi: f64) -> f64 {
    use std::f64::consts::{PI, TAU};
    if phi >= PI {
        phi - TAU
    } else if phi < -PI {
        phi + TAU
    } else {
        phi
    }
}

/// How many constituents of each kind a jet has; at least one in all.
fn multiplicities(random: &mut Rng, axis: &Axis) -> [u32; N_KINDS] {
    let (pt, eta) = (axis.pt, axis.eta.abs());
    let mut counts = [0; N_KINDS];
    // More pt is shared by more constituents, but slower than in proportion.
    let growth = pt / (1.0 + pt / 40.0);
    if eta > FORWARD_ETA {
        counts[HF_HADRON] = random.poisson(4.0 + 0.6 * growth);
        counts[HF_EM] = random.poisson(2.4 + 0.4 * growth);
    } else {
        counts[NEUTRAL_HADRON] = random.poisson(0.16 * growth);
        counts[PHOTON] = random.poisson(1.2 + 0.45 * growth);
        if eta < TRACKER_ETA {
            counts[CHARGED_HADRON] = random.poisson(1.5 + 0.85 * growth);
            // Leptons sit in hard jets: a soft one has none.
            counts[ELECTRON] = random.poisson(1.5e-4 * growth);
            counts[MUON] = random.poisson(5e-5 * growth);
        } else {
            counts[NEUTRAL_HADRON] += random.poisson(0.25 * growth);
        }
    }
    if counts.iter().sum::<u32>() == 0 {
        counts[if eta > FORWARD_ETA { HF_HADRON } else { PHOTON }] = 1;
    }
    counts
}

/// The row of one jet.
fn jet(random: &mut Rng, axis: &Axis) -> [f32; 24] {
    let counts = multiplicities(random, axis);
    let n_constituents: u32 = counts.iter().sum();
    let spread = (0.306 + 0.06 * random.normal()).clamp(0.01, 0.55);
    // One constituent has no angle to itself, so no mass.
    let mass = if n_constituents > 1 { axis.pt * spread * 1.2 / (1.0 + axis.pt / 150.0) } else { 0.0 };
    let momentum = axis.pt * libm::cosh(axis.eta);
    let energy = libm::sqrt(momentum * momentum + mass * mass);
    let n_ghosts = if axis.is_hard { 78.7 + 2.0 * random.normal() } else { 66.0 + 16.0 * random.normal() };
    let area = libm::round(n_ghosts.clamp(4.0, 132.0)) * GHOST_AREA;

    let mut shares = [0.0; N_KINDS];
    for (share, &count) in shares.iter_mut().zip(&counts) {
        // The smallest share is far above float32's smallest number, so that no energy rounds to zero.
        *share = (0..count).fold(0.0, |sum, _| sum + random.exponential() + 1e-6);
    }
    let total: f64 = shares.iter().sum();
    let energies = shares.map(|share| (energy * share / total) as f32);

    let mut row = [0.0; 24];
    row[..5].copy_from_slice(&[axis.pt as f32, axis.eta as f32, axis.phi as f32, mass as f32, area as f32]);
    row[5..12].copy_from_slice(&energies);
    row[12..19].copy_from_slice(&counts.map(|count| count as f32));
    row[19] = energies[ELECTRON];
    row[20] = energies[MUON];
    row[21] = energies[PHOTON] + energies[HF_EM];
    row[22] = (counts[CHARGED_HADRON] + counts[ELECTRON] + counts[MUON]) as f32;
    row[23] = (counts[NEUTRAL_HADRON] + counts[PHOTON] + counts[HF_HADRON] + counts[HF_EM]) as f32;
    row
}

#[cfg(test)]
mod tests {
    use super::*;
    use baler_data::dataset::Layout;

    fn columns(n_rows: usize, seed: u64) -> Vec<Vec<f64>> {
        let dataset = jets(n_rows, seed);
        assert!(matches!(dataset.layout, Layout::Table { n_columns: 24, .. }));
        dataset
            .variables
            .iter()
            .map(|v| match &v.values {
                Values::F64(values) => values.clone(),
                _ => panic!("float64 is promised"),
            })
            .collect()
    }

    #[test]
    fn the_stated_relations_hold_in_every_row() {
        let columns = columns(8000, 1);
        assert!(columns.iter().flatten().all(|&x| x.is_finite() && f64::from(x as f32) == x));
        let rows = (0..8000).map(|row| columns.iter().map(|c| c[row]).collect::<Vec<f64>>());
        for (row, values) in rows.enumerate() {
            let x = |j: usize| values[j];
            for kind in 0..N_KINDS {
                assert_eq!(x(5 + kind) == 0.0, x(12 + kind) == 0.0, "row {row}, kind {kind}");
                assert!(x(5 + kind).is_sign_positive(), "row {row}, kind {kind}");
            }
            assert_eq!((x(19), x(20)), (x(8), x(9)));
            assert_eq!(x(21) as f32, x(7) as f32 + x(11) as f32);
            assert_eq!(x(22), x(12) + x(15) + x(16));
            assert_eq!(x(23), x(13) + x(14) + x(17) + x(18));
            let energy = (x(0) * x(0) * x(1).cosh().powi(2) + x(3) * x(3)).sqrt();
            let sum: f64 = (5..12).map(x).sum();
            assert!((sum / energy - 1.0).abs() < 1e-5, "row {row}: {sum} of {energy}");
            let n_ghosts = x(4) / GHOST_AREA;
            assert!((n_ghosts - n_ghosts.round()).abs() < 1e-4);
        }
    }

    #[test]
    fn jets_fall_in_pt_within_their_event() {
        let pt = &columns(20_000, 2)[0];
        let starts: Vec<usize> = (1..pt.len()).filter(|&i| pt[i] > pt[i - 1]).collect();
        let sizes: Vec<usize> = starts.windows(2).map(|w| w[1] - w[0]).collect();
        let mean = sizes.iter().sum::<usize>() as f64 / sizes.len() as f64;
        assert!((75.0..85.0).contains(&mean), "{mean}");
        assert!(sizes.iter().all(|n| (60..=100).contains(n)));
    }

    #[test]
    fn distributions_are_plausible() {
        let columns = columns(20_000, 3);
        let quantile = |j: usize, q: f64| {
            let mut sorted = columns[j].clone();
            sorted.sort_by(f64::total_cmp);
            sorted[(q * 19_999.0) as usize]
        };
        assert!(quantile(0, 0.0) >= MIN_PT && (7.0..10.0).contains(&quantile(0, 0.5)));
        assert!((80.0..160.0).contains(&quantile(0, 0.99)) && quantile(0, 1.0) > 150.0);
        assert!(quantile(1, 0.0) >= -4.7 && quantile(1, 1.0) <= 4.7 && quantile(1, 0.5).abs() < 0.2);
        assert!(columns[2].iter().all(|phi| phi.abs() < std::f64::consts::PI + 1e-6));
        assert!((1.8..3.5).contains(&quantile(3, 0.5)));
        let zeros = columns.iter().flatten().filter(|&&x| x == 0.0).count() as f64 / (24.0 * 20_000.0);
        assert!((0.4..0.55).contains(&zeros), "{zeros}");
        assert!(columns[15].iter().any(|&n| n > 0.0), "no electron in 20000 jets");
    }

    #[test]
    fn the_same_seed_gives_the_same_bits_for_ever() {
        let hash = |seed| {
            let mut bytes = Vec::new();
            for variable in jets(1000, seed).variables {
                variable.values.append_bytes(&mut bytes, false);
            }
            blake3::hash(&bytes).to_hex().to_string()
        };
        assert_ne!(hash(8), hash(7));
        assert_eq!(hash(7), "d0b2eb9a32d0d426bbfcdb07a8c18daeffe63138f53113b0ec6f04435e3065e1");
        assert_eq!(jets(0, 1).variables[0].values.len(), 0);
    }
}
