//! The words of the command line; each subcommand's own options stand in its file.

use crate::library::{BoundSpec, Error, ErrorKind};
use crate::progress::{Bar, Loudness};
use crate::{compare, completions, compress, decompress, demo, inspect, new, project, report, train, verify};
use clap::{Args, CommandFactory, Parser, Subcommand};

/// A learned compressor for scientific data that keeps its error bound.
#[derive(Parser)]
#[command(name = "baler", version, args_conflicts_with_subcommands = true, arg_required_else_help = true)]
#[command(after_help = "Quick start:\n  baler compress data.npz -o data.bale --rel 1e-3\n  \
    baler verify data.bale --against data.npz\n  baler decompress data.bale -o back.npz\n\n\
    Exit codes: 0 done, 1 a bound is broken, 2 anything else.")]
pub struct Cli {
    #[command(flatten)]
    pub project: project::ProjectArgs,
    #[command(subcommand)]
    pub command: Option<Command>,
}

#[derive(Subcommand)]
pub enum Command {
    Compress(compress::CompressArgs),
    Decompress(decompress::DecompressArgs),
    Train(train::TrainArgs),
    Verify(verify::VerifyArgs),
    Inspect(inspect::InspectArgs),
    Compare(compare::CompareArgs),
    Report(report::ReportArgs),
    Demo(demo::DemoArgs),
    New(new::NewArgs),
    Completions(completions::CompletionsArgs),
}

/// Options that ask for a size.
const SIZES: [&str; 3] = ["ratio", "size", "latent"];

/// Options that ask for a bound.
const PROMISES: [&str; 8] = ["abs", "rel", "pw_rel", "lossless", "bound", "exact", "drop", "missing"];

/// The definition, in which each subcommand shows the options that mean something to it.
pub fn command() -> clap::Command {
    let hidden = |mut compare: clap::Command| {
        for option in SIZES {
            compare = compare.mut_arg(option, |argument| argument.hide(true));
        }
        for option in PROMISES {
            compare = compare
                .mut_arg(option, |argument| argument.help_heading("Promise (exactly one of the first four)"));
        }
        compare
    };
    Cli::command().mut_subcommand("compare", hidden)
}

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

/// A usage error in one line, without "error:", tips included.
pub fn one_line(error: &clap::Error) -> String {
    let text = error.render().to_string();
    let message = text.split("\n\nUsage:").next().unwrap_or_default();
    let message = message.split("\n\nFor more information").next().unwrap_or_default();
    let parts = message.strip_prefix("error: ").unwrap_or(message).split("\n\n");
    let in_one_line = |part: &str| part.split_whitespace().collect::<Vec<_>>().join(" ");
    cut(&parts.map(in_one_line).collect::<Vec<_>>().join("; "))
}

/// The command that explains the options a usage error is about: `baler compress --help`.
pub fn help_command(error: &clap::Error) -> String {
    let text = error.render().to_string();
    let usage = text.split("\n\nUsage: ").nth(1).unwrap_or_default();
    let is_word = |word: &&str| word.chars().all(|c| c.is_ascii_lowercase());
    let words: Vec<&str> = usage.split_whitespace().take_while(is_word).collect();
    if words.is_empty() { "baler --help".to_string() } else { format!("{} --help", words.join(" ")) }
}

/// Any other error in one line. The library's errors tell their own causes.
pub fn one_line_of(error: &anyhow::Error) -> String {
    let mut parts: Vec<String> = Vec::new();
    for cause in error.chain() {
        parts.push(cause.to_string());
        if cause.is::<Error>() {
            break;
        }
    }
    cut(&parts.join(": ").split_whitespace().collect::<Vec<_>>().join(" "))
}

/// A line that can be read: of a longer one (what was found may be of any length) the beginning and the end, where it says
/// what to do.
pub fn cut(line: &str) -> String {
    const MOST: usize = 800;
    const END: usize = 250;
    let n_chars = line.chars().count();
    if n_chars <= MOST {
        return line.to_string();
    }
    let first: String = line.chars().take(MOST - END).collect();
    let last: String = line.chars().skip(n_chars - END).collect();
    format!("{first} [...] {last}")
}

/// 1 where a bound is broken, else 2.
pub fn exit_code(error: &anyhow::Error) -> u8 {
    let kinds = error.chain().filter_map(|cause| cause.downcast_ref::<Error>());
    if kinds.into_iter().any(|e| e.kind() == ErrorKind::BoundNotMet) { 1 } else { 2 }
}

/// The option that asks for `bound`.
pub fn bound_option(bound: BoundSpec) -> String {
    match bound {
        BoundSpec::Lossless | BoundSpec::Unbounded => format!("--{}", bound.kind()),
        _ => format!("--{} {:e}", bound.kind(), bound.value()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_is_consistent() {
        Cli::command().debug_assert();
    }

    /// What clap itself checks only in builds with debug assertions, for every subcommand.
    #[test]
    fn long_errors_are_cut_in_their_middle() {
        let long = format!("expected a name, found '{}'; nearest: pt", "x".repeat(1_000_000));
        let error = anyhow::Error::from(Error::config(long));
        let line = one_line_of(&error);
        assert!(
            line.len() < 900 && line.starts_with("expected a name") && line.ends_with("nearest: pt"),
            "{line}"
        );
        assert_eq!(cut("short"), "short");
    }

    #[test]
    fn no_option_has_the_name_of_another() {
        let mut whole = command();
        whole.build();
        for subcommand in whole.get_subcommands() {
            let mut names: Vec<String> = Vec::new();
            for argument in subcommand.get_arguments() {
                names.push(format!("id {}", argument.get_id()));
                names.extend(
                    argument.get_long_and_visible_aliases().into_iter().flatten().map(|l| format!("--{l}")),
                );
                names.extend(argument.get_short().map(|short| format!("-{short}")));
            }
            names.sort();
            let twice: Vec<_> = names.windows(2).filter(|pair| pair[0] == pair[1]).collect();
            assert!(twice.is_empty(), "{}: {twice:?}", subcommand.get_name());
        }
    }

    /// Every option that help shows is one that the command does not refuse as such.
    #[test]
    fn help_offers_what_the_commands_take() {
        let help = |name: &str| {
            let mut whole = command();
            whole.build();
            whole.find_subcommand_mut(name).unwrap().render_long_help().to_string()
        };
        for option in SIZES {
            assert!(!help("compare").contains(&format!("--{option} ")), "{option}");
            assert!(help("compress").contains(&format!("--{option} ")), "{option}");
        }
    }

    #[test]
    fn errors_are_one_line_and_say_each_cause_once() {
        let io = std::io::Error::new(std::io::ErrorKind::NotFound, "no such\nfile");
        let error = anyhow::Error::from(Error::io("reading x.npy", io)).context("in a project");
        assert_eq!(one_line_of(&error), "in a project: reading x.npy: no such file");
        assert_eq!(exit_code(&error), 2);
        assert_eq!(exit_code(&Error::new(ErrorKind::BoundNotMet, "x").into()), 1);
    }
}
