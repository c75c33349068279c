//! Which variables are kept exactly though a bound would allow errors: what counts, names or marks things is no measure, and
//! a class or a flag that is off by one is another. docs/error-bound.md states the rules; a rule of the user that names the
//! variable in full counts more.

use super::epoch;
use crate::options::rules::requested;
use crate::options::{BoundSpec, Options};
use crate::plan::profile::{Profile, Spread};
use crate::quantize::Bound;
use baler_data::dataset::DType;
use baler_data::error::Result;
use baler_data::names::pattern_matches;
use baler_data::names::words;
use baler_data::source::{Schema, VariableSchema};

/// Most different values of what is always taken as classes.
const MAX_CLASSES: usize = 16;
/// Times that each value of floats must stand on average for them to be classes or levels: whole numbers, and others.
const REPEATS: [u64; 2] = [4, 16];
/// Times that each of more values must stand for them to be codes.
const REPEATS_OF_CODES: u64 = 32;
/// Share of the places between the outermost codes that codes take, at most.
const SHARE_OF_CODES: f64 = 0.5;
/// Fewest sampled neighbors that tell labels, and the share of them that must be equal.
const MIN_NEIGHBORS: usize = 64;
const EQUAL_NEIGHBORS: f64 = 0.8;

/// Why a variable is kept exactly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exact {
    /// True and false.
    Bool,
    /// All values are one.
    Constant,
    /// So few different values that they are classes, flags or small counters.
    Few(usize),
    /// Few whole numbers with gaps between them: codes.
    Codes(usize),
    /// Runs of equal whole numbers with jumps between them: labels.
    Labels,
    /// Floats that only rise or fall, one for each place along an axis of another variable: coordinates.
    Axis,
    /// Whole numbers that never become less: an index, a counter, positions.
    Grows,
    /// It is named as what identifies something.
    Named,
    /// Times since 1970 in this unit.
    Epoch(&'static str),
}

impl Exact {
    /// In words behind the name.
    pub fn words(self) -> String {
        match self {
            Exact::Bool => "true and false".into(),
            Exact::Constant => "constant".into(),
            Exact::Few(n) => format!("{n} values"),
            Exact::Codes(n) => format!("{n} codes"),
            Exact::Labels => "runs of labels".into(),
            Exact::Axis => "places along an axis".into(),
            Exact::Grows => "never falls".into(),
            Exact::Named => "by its name".into(),
            Exact::Epoch(unit) => format!("times in {unit} since 1970"),
        }
    }
}

/// The options with a rule more for each variable that is kept exactly though more was allowed, and these variables.
/// `is_covered` tells what a given model was trained for: that stays as the model knows it, floats at least.
pub fn with_exact_values(
    schema: &Schema,
    profiles: &[Profile],
    options: &Options,
    is_covered: &dyn Fn(&str) -> bool,
) -> Result<(Options, Vec<(String, Exact)>)> {
    let mut exact = Vec::new();
    for (variable, profile) in schema.variables.iter().zip(profiles) {
        let spec = requested(options, &variable.name, variable.storage.kind)?;
        let bound = Bound::of_kind(spec, profile.range, variable.storage.kind);
        let allows = match spec {
            BoundSpec::Lossless => false,
            BoundSpec::Unbounded => true,
            _ if variable.dtype.is_float() => bound.limit > 0.0,
            // Integers are exact under bounds below 1 anyway.
            BoundSpec::PwRel(e) => e * profile.max_abs() >= 1.0,
            BoundSpec::Noise(noise) => noise.limit(profile.max_abs()) >= 1.0,
            BoundSpec::Abs(_) | BoundSpec::Rel(_) => bound.limit >= 1.0,
        };
        let as_model = variable.dtype.is_float() && is_covered(&variable.name);
        if !allows || as_model || (is_named(options, &variable.name) && variable.dtype != DType::Bool) {
            continue;
        }
        let why = reason(&variable.name, variable.dtype, variable.shape.len(), profile);
        let is_axis = || {
            (is_axis(schema, variable) && (profile.never_falls || profile.never_rises)).then_some(Exact::Axis)
        };
        exact.extend(why.or_else(is_axis).map(|why| (variable.name.clone(), why)));
    }
    let mut options = options.clone();
    options.rules.extend(exact.iter().map(|(name, _)| (name.clone(), BoundSpec::Lossless)));
    Ok((options, exact))
}

/// True if a variable may tell the places along an axis of another one, which has more axes.
fn is_axis(schema: &Schema, variable: &VariableSchema) -> bool {
    let [n] = variable.shape[..] else { return false };
    let fields = schema.variables.iter().filter(|other| other.shape.len() > 1);
    n > 2 && fields.into_iter().any(|field| field.shape.contains(&n))
}

/// True if a rule names the variable in full, and not with a pattern.
fn is_named(options: &Options, name: &str) -> bool {
    options.rules.iter().any(|(pattern, _)| !pattern.contains('*') && pattern_matches(pattern, name))
}

/// Why a variable is to be exact, if it is.
fn reason(name: &str, dtype: DType, n_axes: usize, profile: &Profile) -> Option<Exact> {
    let n = profile.n_regular as u64;
    let is_float = dtype.is_float();
    if dtype == DType::Bool {
        return Some(Exact::Bool);
    }
    if let Some(few) = &profile.few {
        let repeats = if is_float { REPEATS[!profile.integral as usize] } else { 0 };
        match few.len() {
            1 => return Some(Exact::Constant),
            2 => return Some(Exact::Few(2)),
            n_few @ 3..=MAX_CLASSES if n >= repeats * n_few as u64 => return Some(Exact::Few(n_few)),
            n_few if !is_float && n >= REPEATS_OF_CODES * n_few as u64 && are_codes(few) => {
                return Some(Exact::Codes(n_few));
            }
            _ => {}
        }
    }
    if profile.integral && profile.spread.is_some_and(|spread| are_labels(&spread)) {
        return Some(Exact::Labels);
    }
    let is_counted = !is_float && n >= 3;
    match () {
        _ if is_counted && n_axes == 1 && profile.never_falls => Some(Exact::Grows),
        _ if is_counted && identifies(name) => Some(Exact::Named),
        _ => epoch::unit(name, is_float, profile).map(Exact::Epoch),
    }
}

/// True if whole numbers leave most places between them free, on whatever lattice they lie; a few far ones at either end are
/// not looked at: counts have tails.
fn are_codes(few: &[(f64, u64)]) -> bool {
    let n: u64 = few.iter().map(|(_, count)| count).sum();
    let mut below = 0;
    let bulk: Vec<f64> = few
        .iter()
        .filter(|(_, count)| {
            below += count;
            below > n / 100 && below - count <= n - n / 100
        })
        .map(|(value, _)| *value)
        .collect();
    let [low, .., high] = bulk.as_slice() else { return false };
    let lattice = bulk.windows(2).map(|pair| (pair[1] - pair[0]).min(u64::MAX as f64) as u64).fold(0, gcd);
    let n_places = (high - low) / lattice.max(1) as f64 + 1.0;
    bulk.len() > 2 && bulk.len() as f64 <= SHARE_OF_CODES * n_places
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// True if neighbors are mostly equal and jump where they are not; the most common value, the background, is not looked at.
fn are_labels(spread: &Spread) -> bool {
    let [n_equal, n_steps, n_jumps] = spread.neighbors;
    let n = n_equal + n_steps + n_jumps;
    n >= MIN_NEIGHBORS && n_equal as f64 >= EQUAL_NEIGHBORS * n as f64 && n_jumps > n_steps
}

/// Words that name identifiers, classes and flags rather than measures.
const WORDS: [&str; 38] = [
    "id",
    "ids",
    "idx",
    "index",
    "indices",
    "indptr",
    "key",
    "keys",
    "uid",
    "uuid",
    "guid",
    "pid",
    "hash",
    "seed",
    "run",
    "event",
    "lumi",
    "luminosity",
    "label",
    "labels",
    "class",
    "classes",
    "category",
    "categories",
    "segmentation",
    "mask",
    "masks",
    "flag",
    "flags",
    "status",
    "state",
    "code",
    "codes",
    "bits",
    "pdg",
    "year",
    "month",
    "day",
];

/// True if a word of the last part of the name, as in `Events/luminosityBlock` or `user_id`, is that of an identifier.
fn identifies(name: &str) -> bool {
    let last = name.rsplit(['/', '.']).next().unwrap_or(name);
    words(last).iter().any(|word| WORDS.contains(&word.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::Missing;
    use crate::plan::profile::profile;
    use baler_data::element::Element;

    fn why<T: Element>(name: &str, dtype: DType, n_axes: usize, values: &[T]) -> Option<Exact> {
        reason(name, dtype, n_axes, &profile(values, Missing::Auto))
    }

    /// Pseudo-random numbers below `n`.
    fn random(n: u64) -> impl Iterator<Item = u64> {
        let mut rng = baler_data::random::Rng::new(7, 1);
        std::iter::repeat_with(move || rng.below(n as usize) as u64)
    }

    #[test]
    fn masks_flags_and_classes_are_exact() {
        assert_eq!(why("m", DType::Bool, 2, &[0u8, 1, 0]), Some(Exact::Bool));
        assert_eq!(why("c", DType::F32, 1, &[2.5f32; 9]), Some(Exact::Constant));
        assert_eq!(why("c", DType::F64, 1, &[2.5, 7.0, 2.5]), Some(Exact::Few(2)));
        let six: Vec<i32> = random(6).map(|x| x as i32).take(500).collect();
        assert_eq!(why("c", DType::I32, 1, &six), Some(Exact::Few(6)));
        let six: Vec<f32> = six.iter().map(|&x| x as f32).collect();
        assert_eq!(why("c", DType::F32, 1, &six), Some(Exact::Few(6)));
        let particles: Vec<i32> = random(40)
            .map(|x| [11, -13, 22, 211, -321, 2212][x as usize % 6] * (x as i32 / 6 + 1))
            .take(4000)
            .collect();
        assert_eq!(why("x", DType::I32, 1, &particles), Some(Exact::Codes(37)));
        let labels: Vec<u16> =
            (0..40_000).map(|i| if i / 50 % 3 == 0 { 0 } else { (i / 50 * 7919 % 999) as u16 }).collect();
        assert_eq!(why("x", DType::U16, 2, &labels), Some(Exact::Labels));
    }

    #[test]
    fn indices_and_identifiers_are_exact() {
        assert_eq!(why("x", DType::I64, 1, &[0i64, 3, 3, 900_000]), Some(Exact::Few(3)));
        let offsets: Vec<i64> = (0..500).map(|i| i * i).collect();
        assert_eq!(why("x", DType::I64, 1, &offsets), Some(Exact::Grows));
        let events: Vec<u64> = random(1 << 40).take(500).collect();
        for name in ["Events/event", "eventNumber", "user_id", "luminosityBlock", "Jet_genJetIdx"] {
            assert_eq!(why(name, DType::U64, 1, &events), Some(Exact::Named), "{name}");
        }
        for name in ["width", "energy", "Events/counts", "identity"] {
            assert_eq!(why(name, DType::U64, 1, &events), None, "{name}");
        }
    }

    #[test]
    fn measures_are_not() {
        let counts: Vec<u8> =
            random(1 << 30).map(|x| (x.count_ones() * 2 + (x % 17) as u32) as u8).take(9000).collect();
        assert_eq!(why("frames", DType::U8, 3, &counts), None);
        let stretched: Vec<u16> = counts.iter().map(|&x| x as u16 * 257).collect();
        assert_eq!(why("frames", DType::U16, 3, &stretched), None);
        let smooth: Vec<u8> = (0..9000).map(|i| (i / 40) as u8).collect();
        assert_eq!(why("image", DType::U8, 2, &smooth), None);
        let levels: Vec<f32> = (0..30).map(|i| i as f32 * 0.5).collect();
        assert_eq!(why("x", DType::F32, 1, &levels), None);
        assert_eq!(why("event", DType::F32, 1, &levels), None);
    }
}
