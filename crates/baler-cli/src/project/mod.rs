//! `baler --project W P --mode MODE`: the original's command line on the original's tree.
//!
//! Settings come from `config/baler.toml` or from `config/P_config.py` (read, never executed). The model
//! stands where the original kept its own, beside the archive: `output/compressed_output/model.balm`. The
//! archive embeds it, so `decompress` needs the archive alone.

mod keys;
mod places;
mod plots;
mod python;

pub use places::Places;

use crate::compress::say_report;
use crate::input::{RawArgs, read_archive, read_data, read_model};
use crate::library::{
    Dataset, DecompressOptions, Error, Format, Options, Progress, Schema, Threads, Trained, compress_with,
    decompress_with, inspect, io, train,
};
use crate::output::{Target, print_text, say};
use crate::progress::{Bar, Loudness};
use crate::say::SayArgs;
use crate::settings::{FileSettings, with_names};
use crate::{decompress, inspect as inspect_command, new, numbers, train as train_command};
use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};
use keys::Original;
use std::path::Path;

#[derive(Args)]
#[command(next_help_heading = "The original's command line")]
pub struct ProjectArgs {
    /// Work on workspaces/WORKSPACE/PROJECT
    #[arg(long, num_args = 2, value_names = ["WORKSPACE", "PROJECT"], requires = "mode")]
    project: Option<Vec<String>>,
    /// What to do with the project
    #[arg(long, value_enum, requires = "project")]
    mode: Option<Mode>,
    /// Replace existing outputs
    #[arg(short, long, requires = "project")]
    force: bool,
    #[command(flatten)]
    say: SayArgs,
}

#[derive(ValueEnum, Debug, Clone, Copy)]
#[value(rename_all = "camelCase")]
enum Mode {
    NewProject,
    Train,
    Compress,
    Decompress,
    Info,
    Plot,
    Diagnose,
    /// Not listed, but known, so that scripts of the original are told why.
    #[value(name = "convert_with_hls4ml", hide = true)]
    ConvertWithHls4ml,
    Compare,
}

pub fn run(args: &ProjectArgs) -> Result<()> {
    let (Some(Mode::NewProject), Some([workspace, project])) = (args.mode, args.project.as_deref()) else {
        return run_existing(args);
    };
    new::make_project(workspace, project)
}

fn run_existing(args: &ProjectArgs) -> Result<()> {
    let (Some(mode), Some([workspace, project])) = (args.mode, args.project.as_deref()) else {
        bail!("expected a command, or --project WORKSPACE PROJECT --mode MODE; see baler --help");
    };
    if let Mode::ConvertWithHls4ml = mode {
        let model = Places::new(workspace, project).model;
        let text = format!(
            "--mode convert_with_hls4ml is a command of its own here: baler export {} -o DIR",
            model.display()
        );
        return Err(Error::unsupported(text).into());
    }
    let places = Places::new(workspace, project);
    if !places.root.is_dir() {
        let text = format!(
            "expected the project {}, found none; run in the folder that holds workspaces/, or make it with baler new \
             {workspace} {project}",
            places.root.display()
        );
        return Err(Error::config(text).into());
    }
    match mode {
        Mode::Train => train_mode(&places, args),
        Mode::Compress => compress_mode(&places, args),
        Mode::Decompress => decompress_mode(&places, args),
        Mode::Plot => plots::plot_mode(&places, args),
        Mode::Diagnose => plots::diagnose_mode(&places, args),
        Mode::Compare => plots::compare_mode(&places, args),
        _ => info_mode(&places, args),
    }
}

/// Data and options of a project, the original's keys resolved against the data.
fn read_project(places: &Places, bar: &mut Bar) -> Result<(Dataset, Options)> {
    let (file, ratio) = read_settings(places, bar)?;
    let mut settings = file.settings;
    let input = file.input.unwrap_or_else(|| places.default_input.clone());
    let dataset = read_data(&input.display().to_string(), &RawArgs::default(), &settings.promise.drop)?;
    if settings.training.block.is_none()
        && let Some(block) = keys::tiles_of_one_frame(&dataset)
    {
        let shown: Vec<String> = block.iter().map(usize::to_string).collect();
        bar.warn(&format!(
            "one frame is one image: it is learned in tiles, block = [{}]; block in baler.toml sets others",
            shown.join(", ")
        ));
        settings.training.block = Some(block);
    }
    if let (Some(ratio), false) = (ratio, settings.promise.is_given()) {
        settings.promise.latent = Some(keys::latents(&dataset, &settings.training, ratio)?);
    }
    let mut options = settings.options().with_context(|| places.config_in_use().display().to_string())?;
    options.threads = Threads::new(file.threads.unwrap_or(0))?;
    let options = with_names(&options, [&Schema::of(&dataset)])?;
    Ok((dataset, options))
}

/// The settings, and the original's `compression_ratio` where it is to be kept.
fn read_settings(places: &Places, bar: &mut Bar) -> Result<(FileSettings, Option<f64>)> {
    if places.toml.exists() {
        if places.python.exists() {
            bar.warn(&format!("{} is used, {} is not read", places.toml.display(), places.python.display()));
        }
        return Ok((FileSettings::read(&places.toml)?, None));
    }
    if !places.python.exists() {
        let text =
            format!("expected {} or {}, found neither", places.toml.display(), places.python.display());
        return Err(Error::config(text).into());
    }
    let name = places.python.display().to_string();
    let text = std::fs::read_to_string(&places.python).with_context(|| format!("reading {name}"))?;
    let Original { settings, ratio, warnings } =
        Original::from_assignments(python::parse(&text, &name)?, &name, &places.training)?;
    bar.warn_all(&warnings);
    Ok((settings, ratio))
}

fn train_mode(places: &Places, args: &ProjectArgs) -> Result<()> {
    let target = output(&places.model, args.force)?;
    let losses = output(&places.losses, true)?; // goes with the model, which has been asked for
    let mut bar = args.say.bar();
    let (dataset, options) = read_project(places, &mut bar)?;
    let trained = train(&[dataset], &options, &mut bar)?;
    bar.finish();
    target.write(&trained.model.to_bytes())?;
    losses.write(loss_table(&trained).as_bytes())?;
    if args.say.loudness() > Loudness::Quiet {
        say(&train_command::line(&trained));
        say(&format!("wrote {}", places.model.display()));
    }
    Ok(())
}

/// `epoch,training,validation` as csv; the validation column is empty where nothing was held out.
fn loss_table(trained: &Trained) -> String {
    let [training, validation] = &trained.history;
    let rows = training.iter().enumerate().map(|(epoch, loss)| {
        let held_out = validation.get(epoch).map(f64::to_string).unwrap_or_default();
        format!("{},{loss},{held_out}\n", epoch + 1)
    });
    std::iter::once("epoch,training,validation\n".to_string()).chain(rows).collect()
}

fn compress_mode(places: &Places, args: &ProjectArgs) -> Result<()> {
    let target = output(&places.archive, args.force)?;
    needs(&places.model, "train")?;
    let model = read_model(&places.model)?;
    let mut bar = args.say.bar();
    let (dataset, options) = read_project(places, &mut bar)?;
    let compressed = compress_with(&dataset, &options, Some(&model), &mut bar)?;
    bar.finish();
    bar.warn_all(&compressed.report.warnings);
    target.write(&compressed.bytes)?;
    say_report(&compressed.report, false, args.say);
    say_written(&places.archive, args.say);
    Ok(())
}

fn decompress_mode(places: &Places, args: &ProjectArgs) -> Result<()> {
    let target = output(&places.decompressed, args.force)?;
    needs(&places.archive, "compress")?;
    let archive = read_archive(&places.archive.display().to_string())?;
    let mut bar = args.say.bar();
    let dataset = decompress_with(&archive, &DecompressOptions::default(), &mut bar)?;
    bar.finish();
    target.write(&io::write(&dataset, Format::Npz)?)?;
    if args.say.loudness() > Loudness::Quiet {
        say(&decompress::line(archive.len() as u64, &Schema::of(&dataset)));
    }
    say_written(&places.decompressed, args.say);
    Ok(())
}

fn say_written(path: &Path, args: SayArgs) {
    if args.loudness() > Loudness::Quiet {
        say(&format!("wrote {}", path.display()));
    }
}

/// What the original printed, and what it left open: how much the data have been distorted.
fn info_mode(places: &Places, args: &ProjectArgs) -> Result<()> {
    needs(&places.archive, "compress")?;
    let archive = read_archive(&places.archive.display().to_string())?;
    let report = inspect(&archive)?;
    let percent = 100.0 * report.archive_bytes as f64 / report.input_bytes.max(1) as f64;
    let mut text = inspect_command::archive_text(&report, usize::MAX);
    text += &format!(
        "\ncompressed is {percent:.3} % of the original, ratio {} x, the model counted\n",
        numbers::ratio(report.ratio())
    );
    for path in [&places.model, &places.archive, &places.decompressed] {
        if let Ok(found) = std::fs::metadata(path) {
            text += &format!("{}  {} bytes\n", path.display(), numbers::grouped(found.len()));
        }
    }
    text += &plots::distortion(places, args)?;
    print_text(&text)
}

/// Where a mode writes; version control keeps no empty folders, so they are made again.
fn output(path: &Path, force: bool) -> Result<Target> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
    }
    Target::new(path, force)
}

fn needs(path: &Path, mode: &str) -> Result<()> {
    if path.exists() {
        return Ok(());
    }
    Err(Error::config(format!("expected {}, found none; run --mode {mode} first", path.display())).into())
}
