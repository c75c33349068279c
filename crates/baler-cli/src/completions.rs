//! `baler completions`: a completion script for a shell, on standard output.

use crate::cli::Cli;
use crate::output::write_stdout;
use anyhow::Result;
use clap::{Args, CommandFactory};

/// Print a completion script
#[derive(Args)]
pub struct CompletionsArgs {
    /// For which shell
    pub shell: clap_complete::Shell,
}

pub fn run(args: &CompletionsArgs) -> Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "baler", &mut script);
    write_stdout(&script)
}
