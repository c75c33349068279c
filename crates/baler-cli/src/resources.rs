//! What a command has used: time, processor seconds and, where Linux lets it be read, energy and what that means in
//! carbon dioxide.

use serde::Serialize;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::Instant;

/// Grams of CO2 equivalent a kilowatt hour: the world's mean of 2024 (IEA, Electricity 2025). `BALER_GRID_G_PER_KWH`
/// gives another.
const WORLD_G_PER_KWH: f64 = 445.0;
const GRID_VARIABLE: &str = "BALER_GRID_G_PER_KWH";
const JOULES_PER_KWH: f64 = 3.6e6;

/// Of this process since its start.
#[derive(Debug, Serialize)]
pub struct Resources {
    /// By the clock.
    wall_seconds: f64,
    /// User and system time of all threads; null where the system does not tell.
    cpu_seconds: Option<f64>,
    /// Of the processor packages, other work included; null where the counters cannot be read.
    joules: Option<f64>,
    /// joules times the intensity below.
    co2_grams: Option<f64>,
    /// Grams of CO2 equivalent a kilowatt hour.
    grid_grams_per_kwh: f64,
}

struct Start {
    time: Instant,
    counters: Vec<Counter>,
}

/// An energy counter: its file, what it showed at first, and where it begins again.
struct Counter {
    file: PathBuf,
    first: u64,
    end: u64,
}

static START: OnceLock<Start> = OnceLock::new();

/// Notes the beginning.
pub fn start() {
    START.get_or_init(|| Start { time: Instant::now(), counters: counters() });
}

impl Resources {
    /// What has been used until now.
    pub fn used() -> Resources {
        start();
        let start = START.get().expect("it was just noted");
        let joules = joules(&start.counters);
        let grid = std::env::var(GRID_VARIABLE).ok().and_then(|text| text.parse().ok());
        let grid_grams_per_kwh = grid.filter(|g: &f64| g.is_finite() && *g >= 0.0).unwrap_or(WORLD_G_PER_KWH);
        Resources {
            wall_seconds: start.time.elapsed().as_secs_f64(),
            cpu_seconds: cpu_seconds(),
            joules,
            co2_grams: joules.map(|j| j / JOULES_PER_KWH * grid_grams_per_kwh),
            grid_grams_per_kwh,
        }
    }
}

#[cfg(unix)]
pub fn cpu_seconds() -> Option<f64> {
    use rustix::time::{ClockId, clock_gettime};
    let used = clock_gettime(ClockId::ProcessCPUTime);
    Some(used.tv_sec as f64 + used.tv_nsec as f64 * 1e-9)
}

#[cfg(not(unix))]
pub fn cpu_seconds() -> Option<f64> {
    None
}

/// The packages among Linux' powercap zones (`intel-rapl:0`; `intel-rapl:0:0` is a part of it).
fn counters() -> Vec<Counter> {
    let Ok(zones) = std::fs::read_dir("/sys/class/powercap") else { return Vec::new() };
    let is_package = |name: &str| name.starts_with("intel-rapl:") && name.matches(':').count() == 1;
    let folders =
        zones.flatten().filter(|zone| is_package(&zone.file_name().to_string_lossy())).map(|z| z.path());
    folders
        .filter_map(|folder| {
            let file = folder.join("energy_uj");
            let end = number(&folder.join("max_energy_range_uj")).unwrap_or(u64::MAX);
            Some(Counter { first: number(&file)?, file, end })
        })
        .collect()
}

fn number(file: &std::path::Path) -> Option<u64> {
    std::fs::read_to_string(file).ok()?.trim().parse().ok()
}

fn joules(counters: &[Counter]) -> Option<f64> {
    if counters.is_empty() {
        return None;
    }
    let used =
        |counter: &Counter| Some(since(counter.first, number(&counter.file)?, counter.end) as f64 * 1e-6);
    counters.iter().map(used).sum()
}

/// What a counter has counted that begins again after `end`.
fn since(first: u64, now: u64, end: u64) -> u64 {
    if now >= first { now - first } else { (end - first.min(end)).saturating_add(now) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_may_begin_again() {
        assert_eq!(since(10, 30, 100), 20);
        assert_eq!(since(90, 5, 100), 15);
    }

    #[test]
    fn energy_is_the_sum_of_the_packages_or_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("energy_uj");
        std::fs::write(&file, "3500000\n").unwrap();
        let counter = |first| Counter { file: file.clone(), first, end: 10_000_000 };
        assert_eq!(joules(&[counter(500_000), counter(1_500_000)]), Some(5.0));
        assert_eq!(joules(&[]), None);
        std::fs::remove_file(&file).unwrap();
        assert_eq!(joules(&[counter(0)]), None);
    }

    #[cfg(unix)]
    #[test]
    fn work_takes_cpu_time() {
        let before = cpu_seconds().unwrap();
        let sum = (0..20_000_000u64).fold(0u64, |a, b| std::hint::black_box(a ^ b.wrapping_mul(31)));
        assert!(cpu_seconds().unwrap() > before, "{sum}");
    }
}
