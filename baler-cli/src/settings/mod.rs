//! What the user asked for, from the command line and a toml file, turned into the library's [`Options`].
//! One meaning per word: a toml key is the long option with `_` for `-`, and is parsed by the same code.

mod file;
mod promise;
mod training;

pub use file::FileSettings;
pub use promise::PromiseArgs;
pub use training::TrainingArgs;

use crate::library::{Error, Method, Options, Schema, Size, TrainOptions, pattern_matches};
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

/// Every pattern of the options must match a variable.
pub fn check_names<'a>(options: &Options, schemas: impl IntoIterator<Item = &'a Schema>) -> Result<()> {
    let names: Vec<&str> = schemas.into_iter().flat_map(Schema::names).collect();
    let asked = options.rules.iter().map(|r| &r.0).chain(options.missing.iter().map(|m| &m.0));
    for pattern in asked.filter(|p| *p != "*") {
        if !names.iter().any(|name| pattern_matches(pattern, name)) {
            return Err(unknown_variable(pattern, &names).into());
        }
    }
    Ok(())
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
    use crate::library::{BoundSpec, Dataset, Values};
    use baler::Variable;

    fn table() -> Dataset {
        let column = |name: &str| Variable::new(name, vec![1], Values::F32(vec![1.0])).unwrap();
        Dataset::from_table(vec![column("pt"), column("mass")])
    }

    #[test]
    fn unknown_names_are_told_with_the_nearest() {
        let mut options = Options::new(BoundSpec::Rel(1e-3));
        options.rules = vec![("p*".into(), BoundSpec::Lossless)];
        check_names(&options, &[Schema::of(&table())]).unwrap();
        options.rules.push(("mas".into(), BoundSpec::Lossless));
        let error = check_names(&options, &[Schema::of(&table())]).unwrap_err().to_string();
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
