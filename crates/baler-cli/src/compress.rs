//! `baler compress`: data in, archive out, the bound verified on every chunk before it is written. What is done stays in
//! OUT.part until the archive is whole, so that a run that was stopped can be gone on with.

use crate::choices::choices;
use crate::estimate::estimate;
use crate::folder;
use crate::input::{INPUT_HELP, RawArgs, identity, open_data, read_model};
use crate::json::{self, ArchiveObject};
use crate::latents;
use crate::level::LevelArgs;
use crate::library::{
    Error, ErrorKind, InMemory, Model, Options, PartialFile, Progress, Report, Source, Threads,
    compress_source, io, is_searched,
};
use crate::live;
use crate::names;
use crate::numbers::grouped;
use crate::outliers::{self, OutlierArgs};
use crate::output::{Target, refuse_json_on_stdout, say};
use crate::part;
use crate::progress::{Bar, Loudness};
use crate::say::SayArgs;
use crate::settings::{FileSettings, Settings, with_names};
use crate::table;
use anyhow::{Context, Result};
use baler_score::By;
use clap::Args;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

/// Compress data; without --model the model is made from the data itself and embedded
#[derive(Args)]
pub struct CompressArgs {
    #[arg(value_name = "INPUT", required_unless_present = "latents", conflicts_with = "latents", value_parser = names::parser(), help = format!("{INPUT_HELP}; several with -d"))]
    pub inputs: Vec<String>,
    /// Archive; - is standard output. Without it INPUT's name with .bale, where no such file is; of - standard output
    #[arg(short, long, value_name = "FILE", conflicts_with = "folder")]
    pub output: Option<PathBuf>,
    /// A folder for the archives of all inputs; fields share one model that is trained on a sample of all
    #[arg(short = 'd', long = "dir", value_name = "DIR")]
    pub folder: Option<PathBuf>,
    /// A trained model, applied as it is
    #[arg(long, value_name = "FILE")]
    pub model: Option<PathBuf>,
    /// The plan of data that this is a part of (baler plan): it says promise, level and model; with -d a part that is there is
    /// done
    #[arg(long, value_name = "FILE", conflicts_with_all = ["model", "model_ref", "estimate", "resume", "records", "latents", "config", "outliers"])]
    pub plan: Option<PathBuf>,
    /// Only name the model by its hash instead of embedding it (with -d it goes to DIR/model.balm)
    #[arg(long)]
    pub model_ref: bool,
    #[command(flatten)]
    pub level: LevelArgs,
    #[command(flatten)]
    pub outliers: OutlierArgs,
    /// Only tell what three levels would take of time and bytes, from a part of the data; nothing is written
    #[arg(long, conflicts_with_all = ["output", "folder", "model", "records", "resume", "outliers"])]
    pub estimate: bool,
    /// Go on with what a run that was stopped has left in OUT.part
    #[arg(long)]
    pub resume: bool,
    /// The input is records of the model's variables, little-endian, one record after the other: frames of them are
    /// written at once, with the model's bound; - is standard input, and standard output without -o
    #[arg(long, requires = "model", conflicts_with = "outliers")]
    pub records: bool,
    /// Packed latents that came from the hardware of --model, in the place of data
    #[arg(long, value_name = "FILE", requires = "model", conflicts_with = "outliers", value_parser = names::parser())]
    pub latents: Option<String>,
    /// How long a record waits for others, in milliseconds (2)
    #[arg(long, value_name = "MS", requires = "records", value_parser = parse_latency)]
    pub latency_ms: Option<f64>,
    /// Settings from a toml file; the command line goes first
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Threads (0: all cores); the bytes do not depend on it
    #[arg(short = 'j', long, value_name = "N")]
    pub threads: Option<usize>,
    /// Replace an existing output
    #[arg(short, long)]
    pub force: bool,
    /// Print one JSON object on standard output (with -d one a line)
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub settings: Settings,
    #[command(flatten)]
    pub raw: RawArgs,
    #[command(flatten)]
    pub say: SayArgs,
}

/// Set once Ctrl-C was pressed.
static INTERRUPTED: AtomicBool = AtomicBool::new(false);
fn parse_latency(text: &str) -> Result<f64, String> {
    let latency = text.parse::<f64>().ok().filter(|latency| (0.0..=3.6e6).contains(latency));
    latency.ok_or_else(|| "expected milliseconds from 0 to 3 600 000".to_string())
}

pub fn run(args: &CompressArgs) -> Result<()> {
    if args.records {
        return live::compress(args);
    }
    if let Some(stream) = &args.latents {
        return latents::run(args, stream);
    }
    if let Some(plan) = &args.plan {
        return part::compress(args, plan);
    }
    let mut settings = args.settings.clone();
    let mut threads = args.threads;
    if args.model.is_some() && settings.training.is_given() {
        let text = "a model given by --model is never refitted; leave out --model or the training options";
        return Err(Error::config(text).into());
    }
    if let Some(path) = &args.config {
        let file = FileSettings::read(path)?;
        settings = settings.over(file.settings);
        threads = threads.or(file.threads);
    }
    let mut options = settings.options()?;
    options.threads = Threads::new(threads.unwrap_or(0))?;
    options.model_by_reference = args.model_ref;
    options.level = args.level.level()?;
    let model = args.model.as_deref().map(read_model).transpose()?;
    if args.resume && is_searched(&options, model.is_some()) {
        let text = "a size is searched for from the start, --resume cannot go on with it; leave out --resume, or give \
                    the bound that was found";
        return Err(Error::config(text).into());
    }
    stop_on_ctrl_c();
    match (&args.folder, &args.output, args.inputs.as_slice()) {
        (_, _, [input]) if args.estimate => {
            let source = open_data(input, &args.raw, &settings.promise.drop)?;
            let options = with_names(&options, [source.schema()])?;
            estimate(&*source, &options, args.json).with_context(|| input.to_string())
        }
        (Some(dir), _, inputs) => {
            folder::compress_all(inputs, dir, &options, model, args, &settings.promise.drop)
        }
        (None, output, [input]) => {
            if args.model_ref && model.is_none() {
                return Err(Error::config("--model-ref names a model; give it with --model").into());
            }
            let target = one_target(input, output.as_deref(), args.force)?;
            refuse_json_on_stdout(args.json, &target)?;
            let identity = identity(input)?;
            let source = open_data(input, &args.raw, &settings.promise.drop)?;
            if let (None, Target::File { path, .. }, true) =
                (output, &target, args.say.loudness() > Loudness::Quiet)
            {
                say(&format!("baler: {input} -> {}", path.display()));
            }
            compress_one((input, identity), &*source, &target, &options, model.as_ref(), args).map(drop)
        }
        _ => {
            let text = "expected one INPUT, found several; give -d DIR, the folder of their archives";
            Err(Error::config(text).into())
        }
    }
}

/// Where the archive of one input goes. A name that nobody gave never stands for a file that is there, nor do its bytes
/// go to a terminal.
fn one_target(input: &str, output: Option<&Path>, force: bool) -> Result<Target> {
    let target = match output {
        Some(output) => Target::new(output, force)?,
        None if io::split_inner(input).0 == "-" => Target::Stdout,
        None => {
            let path = archive_name(input)?;
            if path.exists() {
                let text = format!("{} exists; name the output with -o FILE", path.display());
                return Err(Error::config(text).into());
            }
            Target::new(&path, false)?
        }
    };
    if target.is_stdout() && !force && std::io::stdout().is_terminal() {
        return Err(Error::config("archives are not for terminals; give -o FILE, or a pipe").into());
    }
    Ok(target)
}

/// INPUT's name with .bale in the place of its suffix, beside it; the array that is picked stands in the name.
pub fn archive_name(input: &str) -> Result<PathBuf> {
    let (file, inner) = io::split_inner(input);
    let path = names::path(file);
    let stem = path.file_stem().filter(|_| file != "-");
    let stem = stem.ok_or_else(|| {
        Error::config(format!("expected a file whose name an archive can have, found '{input}'"))
    })?;
    let plain = |c: char| if c.is_alphanumeric() || "._-".contains(c) { c } else { '_' };
    let mut name = stem.to_os_string();
    if let Some(inner) = inner {
        name.push("_");
        name.push(inner.trim_matches('/').chars().map(plain).collect::<String>());
    }
    name.push(".bale");
    Ok(path.with_file_name(name))
}

/// The first Ctrl-C stops the work after the chunks that are being made, the second at once.
pub fn stop_on_ctrl_c() {
    // Where no handler can be set, Ctrl-C does what it did before.
    let _ = ctrlc::set_handler(|| {
        if INTERRUPTED.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
    });
}

/// Lets Ctrl-C stop the work that a bar hears of.
pub fn until_interrupted(bar: &mut Bar) {
    bar.until(&INTERRUPTED);
}

/// Compresses one input, and tells about it. Its identity is that of before it was opened: should it change after that,
/// nobody goes on from what was made of it.
pub fn compress_one(
    (input, identity): (&str, Option<String>),
    source: &dyn Source,
    target: &Target,
    options: &Options,
    model: Option<&Model>,
    args: &CompressArgs,
) -> Result<Report> {
    let options = &with_names(options, [source.schema()])?;
    let mut bar = args.say.bar();
    until_interrupted(&mut bar);
    let found = odd_rows(source, options, args, &mut bar).with_context(|| input.to_string())?;
    let (source, options): (&dyn Source, &Options) = match &found {
        Some((table, options)) => (table, options),
        None => (source, options),
    };
    let mut report = match target {
        Target::File { path, force } => {
            let mut partial = open_partial((input, identity), path, options, model, args.resume, &mut bar)?;
            match compress_source(source, options, model, &mut partial, &mut bar) {
                Ok(report) => partial.finish(path, *force).map(|()| report)?,
                Err(error) if is_searched(options, model.is_some()) => {
                    partial.discard();
                    return Err(anyhow::Error::from(error).context(input.to_string()));
                }
                Err(error) => return Err(stopped(error, partial).context(input.to_string())),
            }
        }
        Target::Stdout | Target::Special(_) => {
            let mut file = tempfile::tempfile().context("writing a temporary file (TMPDIR says where)")?;
            let report = compress_source(source, options, model, &mut file, &mut bar)
                .with_context(|| input.to_string())?;
            target.copy_from(file)?;
            report
        }
    };
    report.file_bytes = whole_file(input, options);
    bar.finish();
    bar.warn_all(&report.warnings);
    if args.json {
        json::print(&ArchiveObject::new(&report, None))?;
    }
    say_report(&report, options.model_by_reference, args.say);
    Ok(report)
}

/// The table in memory, as scoring takes it, and the options with the rows that are stored in full; nothing where nobody asks.
fn odd_rows(
    source: &dyn Source,
    options: &Options,
    args: &CompressArgs,
    bar: &mut Bar,
) -> Result<Option<(InMemory<'static>, Options)>> {
    let Some(which) = args.outliers.outliers else { return Ok(None) };
    bar.stage("score rows", 0);
    let by = args.outliers.by.map_or(By::CodeLength, By::from);
    let (table, rows) = outliers::find(source, which, by, &options.threads)?;
    if rows.rows.is_empty() {
        bar.warn("no row has such a score, or more have the highest one than are asked for: none is stored in full");
    }
    let outliers = Some(rows).filter(|rows| !rows.rows.is_empty());
    Ok(Some((InMemory::owning(table), Options { outliers, ..options.clone() })))
}

/// Bytes of the input's file or store, if nothing of it is left out.
fn whole_file(input: &str, options: &Options) -> Option<u64> {
    let (file, inner) = io::split_inner(input);
    let is_whole = inner.is_none() && options.drop.is_empty() && file != "-";
    is_whole.then(|| io::bytes_on_disk(&names::path(file))).flatten()
}

/// The file that takes what is done; tells what becomes of what a run before has left.
fn open_partial(
    (input, identity): (&str, Option<String>),
    output: &Path,
    options: &Options,
    model: Option<&Model>,
    resume: bool,
    bar: &mut Bar,
) -> Result<PartialFile> {
    if resume && identity.is_none() {
        return Err(Error::config("--resume needs an input that can be read again; give a file").into());
    }
    // Neither changes a byte.
    let alike = Options { threads: Threads::default(), ..options.clone() };
    let model = model.map(|model| model.hash());
    let origin = format!("{} {identity:?} {alike:?} {model:?}", env!("CARGO_PKG_VERSION"));
    let partial = PartialFile::new(output, &[&names::path(io::split_inner(input).0)], &origin, resume)?;
    if let Some(other) = partial.in_the_way() {
        let (other, own) = (other.display(), partial.path().display());
        bar.warn(&format!(
            "{other} is not of an unfinished run and stays as it is; {own} takes what is done"
        ));
    }
    let (name, left) = (partial.path().display().to_string(), partial.left_over());
    match (resume, left) {
        (true, 0) => bar.warn(&format!("nothing is left of a run before in {name}; this one starts anew")),
        (false, 1..) => {
            bar.warn(&format!("{name} of a run that was stopped is replaced; --resume goes on with it"))
        }
        _ => {}
    }
    Ok(partial)
}

/// What to do about a run that was stopped. What was done stays where it can be gone on with.
fn stopped(error: Error, partial: PartialFile) -> anyhow::Error {
    let name = partial.path().display().to_string();
    let left = grouped(partial.left_over());
    let hint = format!(
        "{name} keeps what is done ({left} bytes): the same command with --resume goes on from there"
    );
    match error.kind() {
        ErrorKind::Interrupted => Error::new(ErrorKind::Interrupted, format!("interrupted; {hint}")).into(),
        ErrorKind::Io if partial.left_over() > 0 => {
            Error::new(ErrorKind::Io, format!("{error}; {hint}")).into()
        }
        // The partial file of other data or options is theirs.
        ErrorKind::Config if partial.left_over() > 0 => error.into(),
        _ => {
            partial.discard();
            error.into()
        }
    }
}

/// The table and the line of a report, on standard error.
pub fn say_report(report: &Report, model_by_reference: bool, args: SayArgs) {
    if args.loudness() > Loudness::Quiet {
        say(&table::report_table(report, args.max_rows()));
        if args.loudness() > Loudness::Normal {
            say(choices(report, args.max_rows()).trim_end());
        }
        say(&table::summary(report, model_by_reference));
    }
}
