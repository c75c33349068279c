//! Which numbers are times: whole seconds, or thousandths, millionths, ... of them, since 1970. A bound in terms of the range of
//! years would move them by hours.

use crate::plan::profile::Profile;
use baler_data::names::words;

/// Units, and how many of them are a second.
const UNITS: [(&str, f64); 4] = [("s", 1.0), ("ms", 1e3), ("us", 1e6), ("ns", 1e9)];
/// Years of numbers that are named as times, and of others: none of the measures that lie between has a unit that fits.
const NAMED_YEARS: [f64; 2] = [1980.0, 2100.0];
const YEARS: [f64; 2] = [1990.0, 2050.0];
/// Seconds of a year on average.
const YEAR: f64 = 31_556_952.0;
/// Words that name times.
const WORDS: [&str; 18] = [
    "ts", "utc", "unix", "epoch", "date", "stamp", "when", "pickup", "dropoff", "created", "updated",
    "modified", "start", "end", "begin", "stop", "opened", "closed",
];
/// Ends of words that name times: `datetime`, `timestamp`.
const ENDINGS: [&str; 2] = ["time", "timestamp"];

/// The unit of numbers that are times since 1970, if they are. Floats must be named as times.
pub fn unit(name: &str, is_float: bool, profile: &Profile) -> Option<&'static str> {
    if profile.n_regular == 0 || !profile.non_negative {
        return None;
    }
    let is_named = is_named(name);
    let median = profile.spread.map_or(profile.min, |spread| spread.quantiles[1]);
    let lie_in = |[first, last]: [f64; 2], second: f64, low: f64| {
        let seconds = |year: f64| (year - 1970.0) * YEAR * second;
        low >= seconds(first) && profile.max < seconds(last)
    };
    // A zero or another mark among named times does not hide them.
    let is_unit = |&&(_, second): &&(&str, f64)| {
        (is_named && lie_in(NAMED_YEARS, second, median))
            || (!is_float && profile.integral && lie_in(YEARS, second, profile.min))
    };
    UNITS.iter().find(is_unit).map(|(unit, _)| *unit)
}

/// True if a word of the last part of the name is that of a time.
fn is_named(name: &str) -> bool {
    let last = name.rsplit(['/', '.']).next().unwrap_or(name);
    let is_time =
        |word: &String| WORDS.contains(&word.as_str()) || ENDINGS.iter().any(|ending| word.ends_with(ending));
    words(last).iter().any(is_time)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::Missing;
    use crate::plan::profile::profile;
    use baler_data::random::Rng;

    /// Seconds of the year 2024 in some order.
    fn seconds() -> impl Iterator<Item = i64> {
        let mut rng = Rng::new(4, 0);
        (0..3000).map(move |_| 1_704_067_200 + rng.below(31_000_000) as i64)
    }

    #[test]
    fn times_of_every_unit_are_told() {
        for (unit_of, second) in [("s", 1), ("ms", 1000), ("us", 1_000_000), ("ns", 1_000_000_000)] {
            let times: Vec<i64> = seconds().map(|x| x * second).collect();
            let found = profile(&times, Missing::Auto);
            for name in ["pickup", "tpep_pickup_datetime", "eventTimestamp", "trips/time", "x"] {
                assert_eq!(unit(name, false, &found), Some(unit_of), "{name}");
            }
            let floats: Vec<f64> = times.iter().map(|&x| x as f64 + 0.25).collect();
            let found = profile(&floats, Missing::Auto);
            assert_eq!(unit("timestamp", true, &found), Some(unit_of));
            assert_eq!(unit("x", true, &found), None);
        }
        let with_marks: Vec<u32> =
            seconds().enumerate().map(|(i, x)| if i % 9 == 0 { 0 } else { x as u32 }).collect();
        assert_eq!(unit("created_at", false, &profile(&with_marks, Missing::Auto)), Some("s"));
    }

    #[test]
    fn measures_are_no_times() {
        let of = |name: &str, values: Vec<i64>| unit(name, false, &profile(&values, Missing::Auto));
        let mut rng = Rng::new(4, 0);
        assert_eq!(of("time", (0..3000).map(|i| i * 40).collect()), None, "a clock that starts with the run");
        assert_eq!(of("counts", (0..3000).map(|_| rng.below(1 << 32) as i64).collect()), None);
        assert_eq!(of("energy", seconds().map(|x| x - 1_704_067_200).collect()), None);
        assert_eq!(of("end", seconds().map(|x| -x).collect()), None);
    }
}
