//! The file of a plan: what `baler plan` has decided for data in parts, in JSON. People read the names and promises; the plan
//! itself and the model stand in it as hexadecimal digits. The name of a part in a store follows from the plan and its input.

use crate::library::{BoundSpec, Error, Level, Method, Model, Result, SharedPlan};
use baler_codec::container::Plan;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// The version of this file's layout.
const VERSION: u32 = 1;
/// Digits of the name of a part.
const NAME_DIGITS: usize = 32;

/// True for the archive of a part in a store: its name is a hash, which says nothing of its place among the others.
pub fn is_part_name(path: &Path) -> bool {
    let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    stem.len() == NAME_DIGITS && stem.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'))
}

/// A plan, and what it was made of.
#[derive(Debug)]
pub struct PlanFile {
    /// What was decided.
    pub shared: SharedPlan,
    /// Patterns of variables that are left out.
    pub drop: Vec<String>,
    /// Parts only name the model by its hash.
    pub model_by_reference: bool,
    /// The inputs in order, each with the name of its part.
    pub inputs: Vec<Input>,
}

/// An input of a plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// As it was given.
    pub input: String,
    /// The name of its part in a store, without `.bale`.
    pub part: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    baler_plan: u32,
    level: u8,
    method: String,
    drop: Vec<String>,
    model_by_reference: bool,
    variables: Vec<WrittenVariable>,
    inputs: Vec<Input>,
    model: Option<String>,
    plan: String,
}

/// For people: the plan says the same.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenVariable {
    name: String,
    dtype: String,
    shape: Vec<usize>,
    bound: String,
    largest_error: Option<f64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    cuts: Vec<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    promised_limits: Option<[f64; 2]>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    keeps_sum: bool,
}

impl PlanFile {
    /// The text of the file.
    pub fn to_json(&self) -> Result<String> {
        let variables = self.shared.plan.variables.iter().map(|variable| {
            let spec = variable.bound.spec;
            let is_number = !matches!(spec, BoundSpec::Lossless | BoundSpec::Unbounded);
            WrittenVariable {
                name: variable.name.clone(),
                dtype: variable.dtype.name().to_string(),
                shape: variable.shape.clone(),
                bound: spec.words(':'),
                largest_error: is_number.then_some(variable.bound.limit).filter(|limit| limit.is_finite()),
                cuts: variable.promises.cuts.clone(),
                promised_limits: variable.promises.limits,
                keeps_sum: variable.promises.keeps_sum,
            }
        });
        let written = Written {
            baler_plan: VERSION,
            level: self.shared.level.number(),
            method: self.shared.method.name().to_string(),
            drop: self.drop.clone(),
            model_by_reference: self.model_by_reference,
            variables: variables.collect(),
            inputs: self.inputs.clone(),
            model: self.shared.model.as_ref().map(|model| hex(&model.to_bytes())),
            plan: hex(&self.shared.plan.write()),
        };
        let text = serde_json::to_string_pretty(&written);
        text.map(|text| text + "\n").map_err(|error| Error::config(format!("cannot write the plan: {error}")))
    }

    /// Inverse of [`PlanFile::to_json`].
    pub fn from_json(text: &[u8]) -> Result<PlanFile> {
        let written: Written = serde_json::from_slice(text).map_err(|error| {
            Error::input(format!("expected the file of baler plan, found that {error}; make it anew"))
        })?;
        if written.baler_plan != VERSION {
            let found = written.baler_plan;
            return Err(Error::unsupported(format!("expected a plan of version {VERSION}, found {found}")));
        }
        const METHODS: [Method; 4] =
            [Method::Auto, Method::Predictive, Method::Autoencoder, Method::Classical];
        let method = METHODS.into_iter().find(|method| method.name() == written.method);
        let method =
            method.ok_or_else(|| Error::input(format!("expected a method, found '{}'", written.method)))?;
        let plan = Plan::read(&from_hex(&written.plan)?)?;
        let model = written.model.map(|text| Model::from_bytes(&from_hex(&text)?)).transpose()?;
        let n_entries = model.as_ref().map_or(0, Model::n_entries);
        if plan.groups.iter().filter_map(|group| group.method.model()).any(|entry| entry >= n_entries) {
            return Err(Error::corrupt("expected the model that the plan uses, found none"));
        }
        let level = Level::new(written.level)?;
        let shared = SharedPlan { plan, model, level, method, warnings: Vec::new() };
        let (drop, model_by_reference, inputs) = (written.drop, written.model_by_reference, written.inputs);
        Ok(PlanFile { shared, drop, model_by_reference, inputs })
    }

    /// The name of the part of an input of this identity: another plan, model or input has another.
    pub fn part_name(&self, identity: &str) -> String {
        let mut hasher = blake3::Hasher::new();
        let SharedPlan { plan, model, level, method, .. } = &self.shared;
        let words = format!(
            "{} {} {} {}\0{identity}\0",
            env!("CARGO_PKG_VERSION"),
            level.number(),
            method.name(),
            self.model_by_reference
        );
        hasher.update(words.as_bytes());
        hasher.update(&model.as_ref().map_or([0; 32], Model::hash));
        hasher.update(&plan.write());
        hasher.finalize().to_hex()[..NAME_DIGITS].to_string()
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Inverse of [`hex`].
fn from_hex(text: &str) -> Result<Vec<u8>> {
    let digit = |byte: u8| (byte as char).to_digit(16).map(|digit| digit as u8);
    let wrong = || Error::input("expected bytes as hexadecimal digits in the plan, found others");
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return Err(wrong());
    }
    pairs
        .iter()
        .map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?))
        .collect::<Option<_>>()
        .ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::library::{NoProgress, Options, shared_plan};
    use baler::{Dataset, Values, Variable};
    use baler_data::source::InMemory;

    fn file() -> PlanFile {
        let wave = (0..6000).map(|i| (i as f32 * 0.01).sin()).collect();
        let variable = Variable::new("wave", vec![60, 100], Values::F32(wave)).unwrap();
        let dataset = Dataset::from_arrays(vec![variable]);
        let options = Options::new(BoundSpec::Rel(1e-3));
        let shared = shared_plan(&InMemory::of(&dataset), &options, None, None, &mut NoProgress).unwrap();
        let inputs = vec![Input { input: "a.npy".to_string(), part: "0".to_string() }];
        PlanFile { shared, drop: vec!["x*".to_string()], model_by_reference: false, inputs }
    }

    #[test]
    fn plans_come_back_and_name_parts() {
        let before = file();
        let after = PlanFile::from_json(before.to_json().unwrap().as_bytes()).unwrap();
        assert_eq!(after.shared.plan, before.shared.plan);
        assert_eq!((&after.drop, &after.inputs), (&before.drop, &before.inputs));
        assert_eq!(after.part_name("a"), before.part_name("a"));
        assert_ne!(after.part_name("a"), before.part_name("b"));
        let other = PlanFile { model_by_reference: true, ..file() };
        assert_ne!(other.part_name("a"), before.part_name("a"));
    }

    #[test]
    fn damaged_plans_are_errors() {
        let text = file().to_json().unwrap();
        let changed = |from: &str, to: &str| {
            assert!(text.contains(from), "{from}");
            PlanFile::from_json(text.replacen(from, to, 1).as_bytes()).unwrap_err().to_string()
        };
        assert!(changed("\"baler_plan\": 1", "\"baler_plan\": 2").contains("found 2"));
        assert!(changed("\"level\"", "\"lavel\"").contains("lavel"));
        assert!(changed("\"auto\"", "\"magic\"").contains("'magic'"));
        let start = text.find("\"plan\": \"").unwrap() + 9;
        for at in (start..text.len() - 4).step_by(3) {
            let _ = PlanFile::from_json((text[..at].to_string() + "7" + &text[at + 1..]).as_bytes());
            let cut = text[..at].to_string() + &text[text.len() - 4..];
            assert!(PlanFile::from_json(cut.as_bytes()).is_err(), "cut at {at}");
        }
    }
}
