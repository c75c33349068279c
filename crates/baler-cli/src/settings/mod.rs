//! What the user asked for, from the command line and a toml file, turned into the library's [`Options`].
//! One meaning per word: a toml key is the long option with `_` for `-`, and is parsed by the same code.

mod amount;
mod file;
mod promise;
mod training;

pub use amount::number_of;
pub use file::FileSettings;
pub use promise::PromiseArgs;
pub use training::TrainingArgs;

use crate::library::{
    BoundSpec, Error, Kind, Method, Options, Schema, Size, TrainOptions, pattern_matches, resolved,
};
use crate::nearest::suggestion;
use anyhow::Result;
use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};

/// Everything that shapes an archive or a model.
#[derive(Args, Debug, Clone, Default)]
pub struct Settings {
    #[command(flatten)]
    pub promise: PromiseArgs,
    /// Method; auto keeps the smallest file, model included
    #[arg(long, value_name = "METHOD", value_parser = method_parser(), help_heading = "Method and training")]
    pub method: Option<Method>,
    #[command(flatten)]
    pub training: TrainingArgs,
}

fn method_parser() -> impl TypedValueParser<Value = Method> {
    const ALL: [Method; 4] = [Method::Auto, Method::Predictive, Method::Autoencoder, Method::Classical];
    PossibleValuesParser::new(ALL.map(Method::name))
        .map(|word| ALL.into_iter().find(|m| m.name() == word).expect("the words are those of ALL"))
}

impl Settings {
    /// These settings where they say something, those of a file elsewhere.
    pub fn over(self, file: Settings) -> Settings {
        Settings {
            promise: self.promise.over(file.promise),
            method: self.method.or(file.method),
            training: self.training.over(file.training),
        }
    }

    /// The library's options. `drop` is not among them: dropped variables are not even read.
    pub fn options(&self) -> Result<Options> {
        let (bound, size) = self.promise.bound_and_size()?;
        let mut options = Options::new(bound);
        options.size = size;
        options.rules = self.promise.rules()?;
        options.missing = self.promise.missing_values()?;
        options.cuts = self.promise.all_cuts()?;
        options.limits = self.promise.all_limits()?;
        options.keep_sum = self.promise.keep_sum.iter().map(|name| name.trim().to_string()).collect();
        options.method = match (self.method, size) {
            (None | Some(Method::Auto), Some(Size::Latent(_))) => Method::Autoencoder,
            (Some(method @ (Method::Predictive | Method::Classical)), Some(Size::Latent(_))) => {
                return Err(Error::config(format!(
                    "--latent asks for an autoencoder, found --method {}; leave one of them out",
                    method.name()
                ))
                .into());
            }
            (method, _) => method.unwrap_or_default(),
        };
        options.training = self.training.apply_to(TrainOptions::default());
        Ok(options)
    }
}

/// The options with whole names, or patterns of such, where only their last parts were given. Every one must mean a variable.
pub fn with_names<'a>(options: &Options, schemas: impl IntoIterator<Item = &'a Schema>) -> Result<Options> {
    let schemas: Vec<&Schema> = schemas.into_iter().collect();
    let mut names: Vec<&str> = schemas.iter().flat_map(|schema| schema.names()).collect();
    names.sort_unstable();
    names.dedup(); // of several files with the same variables
    let whole = |pattern: &String| match pattern.as_str() {
        "*" => Ok("*".to_string()),
        pattern => whole_name(pattern, &names),
    };
    let mut options = options.clone();
    for (name, _) in &mut options.rules {
        *name = whole(name)?;
    }
    if options.bound == BoundSpec::Unbounded && options.size.is_none() {
        check_covered(&options, &schemas)?;
        options.bound = BoundSpec::Lossless; // of what counts lists or is no number, and nothing else
    }
    for (name, _) in &mut options.missing {
        *name = whole(name)?;
    }
    for (name, _) in &mut options.cuts {
        *name = whole(name)?;
    }
    for (name, _) in &mut options.limits {
        *name = whole(name)?;
    }
    for name in &mut options.keep_sum {
        *name = whole(name)?;
    }
    Ok(options)
}

/// Without a promise for all, each variable needs its own; what counts lists or is no number is exact anyway.
fn check_covered(options: &Options, schemas: &[&Schema]) -> Result<(), Error> {
    let has_rule = |name: &str| options.rules.iter().any(|(pattern, _)| pattern_matches(pattern, name));
    let mut left: Vec<&str> = Vec::new();
    for schema in schemas {
        for (variable, counts) in schema.variables.iter().zip(schema.counting()) {
            let is_exact = counts || !matches!(variable.storage.kind, Kind::Number | Kind::Complex);
            if !is_exact && !has_rule(&variable.name) && !left.contains(&variable.name.as_str()) {
                left.push(&variable.name);
            }
        }
    }
    if left.is_empty() {
        return Ok(());
    }
    let shown = left[..left.len().min(6)].join(", ");
    let more = if left.len() > 6 { format!(" and {} more", left.len() - 6) } else { String::new() };
    Err(Error::config(format!(
        "no promise for {shown}{more}; add one for all others (--rel 1e-3, --abs E, --pw-rel E or --lossless), or for these: \
         --bound '{}=rel:1e-3'",
        left[0]
    )))
}

/// The names that the patterns mean; one that means nothing is an error.
pub fn choose_variables(schema: &Schema, patterns: &[String]) -> Result<Vec<String>> {
    let names: Vec<&str> = schema.names().collect();
    let whole = |pattern: &String| whole_name(pattern.trim(), &names);
    let patterns: Vec<String> = patterns.iter().map(whole).collect::<Result<_, _>>()?;
    let asked = |name: &&str| patterns.iter().any(|p| pattern_matches(p, name));
    Ok(names.iter().copied().filter(asked).map(str::to_string).collect())
}

/// The name or pattern that `pattern` means; see [`resolved`].
fn whole_name(pattern: &str, names: &[&str]) -> Result<String, Error> {
    let is_known = names
        .iter()
        .any(|name| pattern_matches(pattern, name) || pattern_matches(&format!("*/{pattern}"), name));
    match is_known {
        true => resolved(pattern, names.iter().copied()),
        false => Err(unknown_variable(pattern, names)),
    }
}

/// The error about a name that no variable has.
pub fn unknown_variable(name: &str, known: &[&str]) -> Error {
    Error::config(format!(
        "expected the name of a variable, found '{name}'; {}",
        suggestion(name, known.iter().copied())
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::library::{Dataset, Values};
    use baler::Variable;

    fn table() -> Dataset {
        let column = |name: &str| Variable::new(name, vec![1], Values::F32(vec![1.0])).unwrap();
        Dataset::from_table(vec![column("pt"), column("mass")])
    }

    #[test]
    fn unknown_names_are_told_with_the_nearest() {
        let mut options = Options::new(BoundSpec::Rel(1e-3));
        options.rules = vec![("p*".into(), BoundSpec::Lossless)];
        with_names(&options, &[Schema::of(&table())]).unwrap();
        options.rules.push(("mas".into(), BoundSpec::Lossless));
        let error = with_names(&options, &[Schema::of(&table())]).unwrap_err().to_string();
        assert_eq!(error, "expected the name of a variable, found 'mas'; nearest: mass");
    }

    #[test]
    fn latents_mean_an_autoencoder() {
        let mut settings = Settings::default();
        settings.promise.latent = Some(15);
        assert_eq!(settings.options().unwrap().method, Method::Autoencoder);
        settings.method = Some(Method::Classical);
        assert!(settings.options().is_err());
    }
}
