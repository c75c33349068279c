//! `baler verify`: checks that an archive decodes and keeps its promise; exit code 1 where it does not.

use crate::cli::SayArgs;
use crate::input::{RawArgs, open_archive, open_data, read_model};
use crate::json::{self, VerifyObject};
use crate::library::{BoundSpec, Error, ErrorKind, Reader, Verification, verify_with};
use crate::numbers;
use crate::output::say;
use crate::progress::Loudness;
use crate::table::table;
use anyhow::{Context, Result};
use clap::Args;
use std::path::PathBuf;

/// Check an archive: checksums and, with --against, the bound on every value
#[derive(Args)]
pub struct VerifyArgs {
    /// Archive; - is standard input
    pub archive: String,
    /// The data that were compressed
    #[arg(long, value_name = "INPUT")]
    pub against: Option<String>,
    /// Variables of INPUT that were left out
    #[arg(long, value_name = "NAMES", value_delimiter = ',', requires = "against")]
    pub drop: Vec<String>,
    /// The model that the archive names
    #[arg(long, value_name = "FILE")]
    pub model: Option<PathBuf>,
    /// Threads (0: all cores)
    #[arg(short = 'j', long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    pub threads: usize,
    /// Print one JSON object on standard output
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub raw: RawArgs,
    #[command(flatten)]
    pub say: SayArgs,
}

pub fn run(args: &VerifyArgs) -> Result<()> {
    let model = args.model.as_deref().map(read_model).transpose()?;
    let archive = open_archive(&args.archive)?;
    let against = args.against.as_deref().map(|name| open_data(name, &args.raw, &args.drop)).transpose()?;
    let mut bar = args.say.bar();
    let verification = Reader::open_with(archive.reader(), model.as_ref(), args.threads)
        .and_then(|reader| verify_with(&reader, against.as_deref(), &mut bar))
        .with_context(|| args.archive.clone())?;
    bar.finish();
    if args.json {
        json::print(&VerifyObject::from(&verification))?;
    }
    if args.say.loudness() > Loudness::Quiet {
        say(&verification_table(&verification, args.say.max_rows()));
    }
    let line = conclusion(&verification, against.is_some())?;
    if args.say.loudness() > Loudness::Quiet {
        say(&line);
    }
    Ok(())
}

/// One row per variable; those with a broken bound come first when not all are shown.
pub fn verification_table(verification: &Verification, max_rows: usize) -> String {
    let mut shown: Vec<_> = verification.variables.iter().collect();
    if shown.len() > max_rows {
        shown.sort_by_key(|v| v.n_violations == 0); // stable: the file's order stays otherwise
        shown.truncate(max_rows);
    }
    let rows: Vec<Vec<String>> = shown
        .into_iter()
        .map(|v| {
            vec![
                v.name.clone(),
                numbers::bound(v.bound),
                numbers::error(v.max_error),
                numbers::grouped(v.n_values),
                numbers::grouped(v.n_violations),
            ]
        })
        .collect();
    table(&["variable", "bound", "worst error", "values", "outside"], &rows, 2)
}

/// The line that says it holds, or the error that says where it does not.
pub fn conclusion(verification: &Verification, against_data: bool) -> Result<String> {
    let n_values: u64 = verification.variables.iter().map(|v| v.n_values).sum();
    if verification.holds() {
        let no_promise = verification.variables.iter().all(|v| v.bound == BoundSpec::Unbounded);
        return Ok(if no_promise {
            format!("no bound promised; {} values decode", numbers::grouped(n_values))
        } else if against_data {
            format!("bound verified on {} values", numbers::grouped(n_values))
        } else {
            format!(
                "checksums hold, {} values decode; --against INPUT compares them",
                numbers::grouped(n_values)
            )
        });
    }
    let broken: Vec<_> = verification.variables.iter().filter(|v| v.n_violations > 0).collect();
    let worst = broken.iter().max_by_key(|v| v.n_violations).expect("a bound is broken");
    let text = format!(
        "bound broken on {} of {} values in {}; '{}': expected {}, found a worst error of {}; is this the data \
         that was compressed?",
        numbers::grouped(broken.iter().map(|v| v.n_violations).sum()),
        numbers::grouped(n_values),
        numbers::counted(broken.len(), "variable"),
        worst.name,
        numbers::bound(worst.bound),
        numbers::error(worst.max_error),
    );
    Err(Error::new(ErrorKind::BoundNotMet, text).into())
}
