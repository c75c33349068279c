//! `baler plan`: everything that parts of some data have in common is decided once, from all of them; `baler compress --plan`
//! keeps to it on any machine, and `baler merge` makes one archive of the parts.

use crate::input::{INPUT_HELP, RawArgs, identity, open_data, read_model};
use crate::level::LevelArgs;
use crate::library::{Error, Joined, Source, Threads, shared_plan};
use crate::names;
use crate::numbers::counted;
use crate::output::{Target, say};
use crate::plan_file::{Input, PlanFile};
use crate::progress::Loudness;
use crate::say::SayArgs;
use crate::settings::{FileSettings, Settings, with_names};
use anyhow::{Context, Result};
use clap::Args;
use std::path::{Path, PathBuf};

/// Decide once for data in parts: ranges of all of them, grids, a model; compress --plan keeps to it
#[derive(Args)]
pub struct PlanArgs {
    #[arg(required = true, value_name = "INPUT", value_parser = names::parser(), help = format!("{INPUT_HELP}; in the order in which they are merged"))]
    pub inputs: Vec<String>,
    /// The plan, in JSON; - is standard output
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,
    /// A trained model, which becomes a part of the plan
    #[arg(long, value_name = "FILE")]
    pub model: Option<PathBuf>,
    /// Archives only name the model by its hash instead of embedding it
    #[arg(long)]
    pub model_ref: bool,
    #[command(flatten)]
    pub level: LevelArgs,
    /// Settings from a toml file; the command line goes first
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Threads (0: all cores); the plan does not depend on it
    #[arg(short = 'j', long, value_name = "N")]
    pub threads: Option<usize>,
    /// Replace an existing output
    #[arg(short, long)]
    pub force: bool,
    #[command(flatten)]
    pub settings: Settings,
    #[command(flatten)]
    pub raw: RawArgs,
    #[command(flatten)]
    pub say: SayArgs,
}

pub fn run(args: &PlanArgs) -> Result<()> {
    let (mut settings, mut threads) = (args.settings.clone(), args.threads);
    if let Some(path) = &args.config {
        let file = FileSettings::read(path)?;
        settings = settings.over(file.settings);
        threads = threads.or(file.threads);
    }
    let mut options = settings.options()?;
    options.threads = Threads::new(threads.unwrap_or(0))?;
    options.level = args.level.level()?;
    let model = args.model.as_deref().map(read_model).transpose()?;
    let target = Target::new(&args.output, args.force)?;
    let drop = settings.promise.drop;
    let open = |input: &String| Ok((input.clone(), open_data(input, &args.raw, &drop)?));
    let sources: Vec<(String, Box<dyn Source>)> = args.inputs.iter().map(open).collect::<Result<_>>()?;
    let all = Joined::new(sources)?;
    let options = with_names(&options, [all.schema()])?;
    let mut bar = args.say.bar();
    let shared = shared_plan(&all, &options, model.as_ref(), None, &mut bar)?;
    bar.finish();
    bar.warn_all(&shared.warnings);
    let mut plan = PlanFile { shared, drop, model_by_reference: args.model_ref, inputs: Vec::new() };
    let named = |input: &String| Ok(Input { input: input.clone(), part: plan.part_name(&known(input)?) });
    plan.inputs = args.inputs.iter().map(named).collect::<Result<_>>()?;
    target.write(plan.to_json()?.as_bytes())?;
    if args.say.loudness() > Loudness::Quiet {
        let n_variables = counted(plan.shared.plan.variables.len(), "variable");
        say(&format!("plan: {n_variables} of {}", counted(args.inputs.len(), "input")));
    }
    Ok(())
}

/// The identity of an input, which has to be a file.
pub fn known(input: &str) -> Result<String> {
    identity(input)?.ok_or_else(|| {
        let text = format!("expected a file as a part, so that it can be known again, found {input}");
        Error::config(text).into()
    })
}

/// The plan in a file.
pub fn read_plan(path: &Path) -> Result<PlanFile> {
    let shown = path.display();
    let text = std::fs::read(path).with_context(|| format!("reading {shown}"))?;
    PlanFile::from_json(&text).with_context(|| format!("{shown}"))
}
