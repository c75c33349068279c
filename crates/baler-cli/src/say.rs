//! How much the commands say.

use crate::library::BoundSpec;
use crate::progress::{Bar, Loudness};
use clap::Args;

/// How much is said, and where.
#[derive(Args, Debug, Clone, Copy, Default)]
#[command(next_help_heading = "Messages")]
pub struct SayArgs {
    /// No progress bar, no table; warnings and errors only
    #[arg(short, long, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Say more
    #[arg(short, long)]
    pub verbose: bool,
}

impl SayArgs {
    /// The words' meaning.
    pub fn loudness(self) -> Loudness {
        match self {
            SayArgs { quiet: true, .. } => Loudness::Quiet,
            SayArgs { verbose: true, .. } => Loudness::Verbose,
            _ => Loudness::Normal,
        }
    }

    /// The bar of a command.
    pub fn bar(self) -> Bar {
        Bar::new(self.loudness())
    }

    /// Rows of a table before it is cut.
    pub fn max_rows(self) -> usize {
        if self.verbose { usize::MAX } else { 40 }
    }
}

/// The option that asks for `bound`.
pub fn bound_option(bound: BoundSpec) -> String {
    match bound {
        BoundSpec::Lossless | BoundSpec::Unbounded => format!("--{}", bound.kind()),
        BoundSpec::Noise(_) => format!("--bound '*={}'", bound.words(':')),
        _ => format!("--{} {:e}", bound.kind(), bound.value()),
    }
}
