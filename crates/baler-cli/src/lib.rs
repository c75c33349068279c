//! The command line of baler: one match; each subcommand has a file. A library, for the command comes with the Python
//! package too.

mod bench;
mod choices;
mod cli;
mod closed;
mod compare;
mod completions;
mod compress;
mod decompress;
mod demo;
mod emulate;
mod errors;
mod estimate;
mod export;
mod folder;
mod hardware;
mod input;
mod inspect;
mod json;
mod latents;
mod level;
mod library;
mod live;
mod many;
mod merge;
mod names;
mod nearest;
mod new;
mod numbers;
mod outliers;
mod output;
mod part;
mod patterns;
mod peers;
mod picture;
mod plan;
mod plan_file;
mod progress;
mod project;
mod report;
mod resources;
mod say;
mod score;
mod settings;
mod table;
mod tables;
mod train;
mod verify;

/// What the Python package takes of the commands; it may change with every version.
#[doc(hidden)]
pub mod objects {
    pub use crate::json::{ArchiveObject, ModelObject, TrainedObject, VerifyObject};
    pub use crate::plan_file::PlanFile;
    pub use crate::settings::with_names;
}

use clap::FromArgMatches;
use cli::{Cli, Command};
use std::ffi::OsString;

/// Runs the command whose words are `args`, the first of them its own name, and gives the code to exit with.
pub fn run_from(args: impl IntoIterator<Item = OsString>) -> u8 {
    resources::start();
    output::fail_where_files_are_too_large();
    let matches = cli::command().try_get_matches_from(args);
    let cli = match matches.and_then(|matches| Cli::from_arg_matches(&matches)) {
        Ok(cli) => cli,
        Err(error) => return refuse(&error),
    };
    match run(cli) {
        Ok(()) => 0,
        Err(error) => {
            output::say(&format!("baler: {}", errors::one_line_of(&error)));
            errors::exit_code(&error)
        }
    }
}

fn run(cli: Cli) -> anyhow::Result<()> {
    match cli.command {
        Some(Command::Compress(mut args)) => {
            args.inputs = patterns::expanded(&args.inputs);
            compress::run(&args)
        }
        Some(Command::Decompress(mut args)) => {
            args.archives = patterns::expanded(&args.archives);
            decompress::run(&args)
        }
        Some(Command::Train(mut args)) => {
            args.inputs = patterns::expanded(&args.inputs);
            train::run(&args)
        }
        Some(Command::Plan(mut args)) => {
            args.inputs = patterns::expanded(&args.inputs);
            plan::run(&args)
        }
        Some(Command::Merge(mut args)) => {
            args.archives = patterns::expanded(&args.archives);
            merge::run(&args)
        }
        Some(Command::Verify(mut args)) => {
            args.archives = patterns::expanded(&args.archives);
            verify::run(&args)
        }
        Some(Command::Inspect(args)) => inspect::run(&args),
        Some(Command::Compare(args)) => compare::run(&args),
        Some(Command::Bench(args)) => bench::run(&args),
        Some(Command::Report(args)) => report::run(&args),
        Some(Command::Score(args)) => score::run(&args),
        Some(Command::Export(args)) => export::run(&args),
        Some(Command::Emulate(args)) => emulate::run(&args),
        Some(Command::Demo(args)) => demo::run(&args),
        Some(Command::New(args)) => new::run(&args),
        Some(Command::Completions(args)) => completions::run(&args),
        None => project::run(&cli.project),
    }
}

/// Help and version go to standard output; a usage error is one line.
fn refuse(error: &clap::Error) -> u8 {
    use clap::error::ErrorKind;
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            let _ = error.print();
            0
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            let _ = error.print();
            2
        }
        _ => {
            output::say(&format!("baler: {}; see {}", errors::one_line(error), errors::help_command(error)));
            2
        }
    }
}
