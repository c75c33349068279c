//! `baler merge`: archives of parts that one plan has made alike become one, the rows of each behind those of the one before.

use crate::input::files_of;
use crate::library::Error;
use crate::names;
use crate::numbers::counted;
use crate::output::Target;
use crate::part::merge_all;
use crate::plan::read_plan;
use crate::plan_file::is_part_name;
use crate::say::SayArgs;
use anyhow::Result;
use clap::Args;
use std::path::{Path, PathBuf};

/// Make one archive of the archives of parts, without decoding anything
#[derive(Args)]
pub struct MergeArgs {
    /// Archives in the order of their rows, a folder of them (by name), or with --plan the store of the plan's parts
    #[arg(required = true, value_name = "ARCHIVE", value_parser = names::parser())]
    pub archives: Vec<String>,
    /// Archive; - is standard output
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,
    /// The plan whose parts are merged, in the order of its inputs
    #[arg(long, value_name = "FILE")]
    pub plan: Option<PathBuf>,
    /// Replace an existing output
    #[arg(short, long)]
    pub force: bool,
    #[command(flatten)]
    pub say: SayArgs,
}

pub fn run(args: &MergeArgs) -> Result<()> {
    let target = Target::new(&args.output, args.force)?;
    let archives = match &args.plan {
        Some(plan) => parts_of(plan, &args.archives)?,
        None => in_order_of_names(&args.archives)?,
    };
    merge_all(&archives, &target, args.say.loudness()).map(drop)
}

/// Archives as they are named, or by the names in a folder, where these tell an order.
fn in_order_of_names(archives: &[String]) -> Result<Vec<PathBuf>> {
    let files: Vec<PathBuf> = files_of(archives)?.iter().map(|name| names::path(name).into_owned()).collect();
    if let Some(part) = files.iter().find(|path| is_part_name(path)).filter(|_| files.len() > 1) {
        let text = format!(
            "expected archives whose names tell their order, found {}, the part of a plan; merge the store with --plan",
            part.display()
        );
        return Err(Error::config(text).into());
    }
    Ok(files)
}

/// The parts of a plan in a store, all of which must be there.
fn parts_of(plan: &Path, archives: &[String]) -> Result<Vec<PathBuf>> {
    let [store] = archives else {
        let text = "expected one folder with --plan, the store of its parts; found several names";
        return Err(Error::config(text).into());
    };
    let plan = read_plan(plan)?;
    let store = names::path(store);
    let path = |part: &String| store.join(format!("{part}.bale"));
    let missing: Vec<_> = plan.inputs.iter().filter(|input| !path(&input.part).is_file()).collect();
    if let Some(first) = missing.first() {
        let text = format!(
            "expected the parts of {} in {}, found {} of them; the first that is missing is of {}: compress it with --plan",
            counted(plan.inputs.len(), "input"),
            store.display(),
            plan.inputs.len() - missing.len(),
            first.input
        );
        return Err(Error::config(text).into());
    }
    Ok(plan.inputs.iter().map(|input| path(&input.part)).collect())
}
