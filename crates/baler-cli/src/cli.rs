//! The words of the command line; each subcommand's own options stand in its file.

use crate::{
    bench, compare, completions, compress, decompress, demo, emulate, export, inspect, merge, new, plan,
    project, report, score, train, verify,
};
use clap::{CommandFactory, Parser, Subcommand};

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
    Plan(plan::PlanArgs),
    Merge(merge::MergeArgs),
    Verify(verify::VerifyArgs),
    Inspect(inspect::InspectArgs),
    Compare(compare::CompareArgs),
    Bench(bench::BenchArgs),
    Report(report::ReportArgs),
    Score(score::ScoreArgs),
    Export(export::ExportArgs),
    Emulate(emulate::EmulateArgs),
    Demo(demo::DemoArgs),
    New(new::NewArgs),
    Completions(completions::CompletionsArgs),
}

/// Options that ask for a size.
const SIZES: [&str; 3] = ["ratio", "size", "latent"];

/// Options that ask for more than a bound.
const MORE: [&str; 4] = ["cuts", "signs", "limits", "keep_sum"];

/// Options that ask for a bound.
const PROMISES: [&str; 8] = ["abs", "rel", "pw_rel", "lossless", "bound", "exact", "drop", "missing"];

/// The definition, in which each subcommand shows the options that mean something to it.
pub fn command() -> clap::Command {
    let without = |command: clap::Command, options: &[&'static str]| {
        options
            .iter()
            .fold(command, |command, &option| command.mut_arg(option, |argument| argument.hide(true)))
    };
    let compare = |compare: clap::Command| {
        let ratios = |ratio: clap::Arg| {
            ratio.help(
                "In equal bytes: each codec in at most 1/R of those of the arrays, for one R or several",
            )
        };
        let compare = without(without(compare, &SIZES[1..]), &MORE).mut_arg("ratio", ratios);
        PROMISES.iter().chain(&SIZES[..1]).fold(compare, |compare, &option| {
            compare
                .mut_arg(option, |argument| argument.help_heading("Promise (exactly one of the first five)"))
        })
    };
    Cli::command().mut_subcommand("compare", compare).mut_subcommand("train", |train| without(train, &MORE))
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
        for id in SIZES.iter().chain(&MORE) {
            let option = format!("--{} ", id.replace('_', "-"));
            assert_eq!(help("compare").contains(&option), *id == "ratio", "{option}");
            assert!(help("compress").contains(&option), "{option}");
            assert_eq!(help("train").contains(&option), SIZES.contains(id), "{option}");
        }
    }
}
