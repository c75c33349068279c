//! `baler verify`: checks that an archive decodes and keeps its promise; exit code 1 where it does not.

use crate::errors::{exit_code, one_line_of};
use crate::input::{RawArgs, files_of, open_archive, open_data, read_model};
use crate::json::{self, VerifyObject};
use crate::library::{BoundSpec, Error, ErrorKind, Model, Reader, Threads, Verification, verify_with};
use crate::names;
use crate::numbers::{self, counted, grouped};
use crate::output::say;
use crate::progress::{Files, Loudness};
use crate::say::SayArgs;
use crate::table::{promises_line, table};
use anyhow::{Context, Result};
use clap::Args;
use std::path::PathBuf;

/// Check an archive: checksums and, with --against, the bound on every value
#[derive(Args)]
pub struct VerifyArgs {
    /// Archives, or folders of them; - is standard input
    #[arg(value_name = "ARCHIVE", required = true, value_parser = names::parser())]
    pub archives: Vec<String>,
    /// The data that were compressed; for several archives their folder, with a file of the same name but for its end each
    #[arg(long, value_name = "INPUT", value_parser = names::parser())]
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
    /// Print one JSON object on standard output, for several archives one a line
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub raw: RawArgs,
    #[command(flatten)]
    pub say: SayArgs,
}

pub fn run(args: &VerifyArgs) -> Result<()> {
    let archives = files_of(&args.archives)?;
    let model = args.model.as_deref().map(read_model).transpose()?;
    if let ([archive], false) = (archives.as_slice(), args.archives.iter().any(|name| is_folder(name))) {
        let line = one(archive, args.against.as_deref(), model.as_ref(), args)?.1;
        if args.say.loudness() > Loudness::Quiet {
            say(&line);
        }
        return Ok(());
    }
    let against = archives.iter().map(|archive| counterpart(archive, args.against.as_deref()));
    let against: Vec<Option<String>> = against.collect::<Result<_>>()?;
    let files = Files::new(archives.len(), args.say.loudness());
    let (mut n_values, mut worst, mut n_failed) = (0, 0u8, 0);
    for (archive, against) in archives.iter().zip(&against) {
        files.begin(archive);
        match one(archive, against.as_deref(), model.as_ref(), args) {
            Ok((n, line)) => {
                n_values += n;
                if args.say.loudness() > Loudness::Quiet {
                    say(&line);
                }
            }
            // The others are looked at all the same.
            Err(error) => {
                let text = one_line_of(&error);
                match text.starts_with(archive.as_str()) {
                    true => say(&format!("baler: {text}")),
                    false => say(&format!("baler: {archive}: {text}")),
                }
                n_failed += 1;
                worst = worst.max(exit_code(&error));
            }
        }
        files.end();
    }
    drop(files);
    let all = counted(archives.len(), "archive");
    if n_failed > 0 {
        let text = format!("{n_failed} of {all} failed: see above");
        let kind = if worst == 1 { ErrorKind::BoundNotMet } else { ErrorKind::Input };
        return Err(Error::new(kind, text).into());
    }
    if args.say.loudness() > Loudness::Quiet {
        let what = if args.against.is_some() { "bound verified on" } else { "checksums hold," };
        say(&format!("total: {all}, {what} {} values", grouped(n_values)));
    }
    Ok(())
}

fn is_folder(name: &str) -> bool {
    names::path(name).is_dir()
}

/// The file of the folder `against` that has the name of an archive but for its end.
fn counterpart(archive: &str, against: Option<&str>) -> Result<Option<String>> {
    let Some(folder) = against else { return Ok(None) };
    if !is_folder(folder) {
        let text = format!("expected --against the folder of the data of several archives, found {folder}");
        return Err(Error::config(text).into());
    }
    let archive_path = names::path(archive);
    let stem = archive_path.file_stem();
    let entries = std::fs::read_dir(names::path(folder)).with_context(|| format!("reading {folder}"))?;
    let mut found: Vec<String> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| {
            path.file_stem() == stem && !path.extension().is_some_and(|e| e == "bale" || e == "part")
        })
        .map(|path| names::of(path.as_os_str()))
        .collect();
    found.sort();
    match found.as_slice() {
        [one] => Ok(Some(one.clone())),
        [] => {
            let text = format!("expected the data of {archive} in {folder}, found no file of that name");
            Err(Error::input(text).into())
        }
        [first, second, ..] => {
            let text = format!("expected one file for {archive} in {folder}, found {first} and {second}");
            Err(Error::input(text).into())
        }
    }
}

/// Values of an archive and the line about it; an error if it does not hold.
fn one(
    archive: &str,
    against: Option<&str>,
    model: Option<&Model>,
    args: &VerifyArgs,
) -> Result<(u64, String)> {
    let region = open_archive(archive)?;
    let against = against.map(|name| open_data(name, &args.raw, &args.drop)).transpose()?;
    let mut bar = args.say.bar();
    let verification = Reader::open_with(region.reader(), model, &Threads::new(args.threads)?)
        .and_then(|reader| verify_with(&reader, against.as_deref(), &mut bar))
        .with_context(|| archive.to_string())?;
    bar.finish();
    if args.json {
        json::print(&VerifyObject::from(&verification))?;
    }
    if args.say.loudness() > Loudness::Quiet {
        say(&verification_table(&verification, args.say.max_rows()));
    }
    let n_values = verification.variables.iter().map(|v| v.n_values).sum();
    Ok((n_values, conclusion(&verification, against.is_some())?))
}

/// One row per variable; those with a broken bound come first when not all are shown.
pub fn verification_table(verification: &Verification, max_rows: usize) -> String {
    let mut shown: Vec<_> = verification.variables.iter().collect();
    if shown.len() > max_rows {
        shown.sort_by_key(|v| v.n_broken() == 0); // stable: the file's order stays otherwise
        shown.truncate(max_rows);
    }
    let rows: Vec<Vec<String>> = shown
        .into_iter()
        .map(|v| {
            vec![
                v.name.clone(),
                numbers::bound(v.bound),
                numbers::error(v.max_error),
                grouped(v.n_values),
                grouped(v.n_broken()),
            ]
        })
        .collect();
    let lines = verification.variables.iter().take(max_rows);
    let lines = lines.filter_map(|v| promises_line(&v.name, &v.promises)).map(|line| format!("\n{line}"));
    let in_full = (verification.n_outliers > 0)
        .then(|| format!("\nin full: {}", counted(verification.n_outliers as usize, "row")));
    let text = table(&["variable", "bound", "worst error", "values", "outside"], &rows, 2);
    text + &lines.collect::<String>() + &in_full.unwrap_or_default()
}

/// The line that says it holds, or the error that says where it does not.
pub fn conclusion(verification: &Verification, against_data: bool) -> Result<String> {
    let n_values: u64 = verification.variables.iter().map(|v| v.n_values).sum();
    if verification.holds() {
        let no_promise = verification.variables.iter().all(|v| v.bound == BoundSpec::Unbounded);
        let rows = counted(verification.n_outliers as usize, "row");
        let exact = match verification.n_outliers {
            0 => String::new(),
            _ if against_data => format!(", {rows} in full bit for bit"),
            _ => format!(", {rows} in full"),
        };
        return Ok(if no_promise {
            format!("no bound promised; {} values decode{exact}", grouped(n_values))
        } else if against_data {
            format!("bound verified on {} values{exact}", grouped(n_values))
        } else {
            format!(
                "checksums hold, {} values decode{exact}; --against INPUT compares them",
                grouped(n_values)
            )
        });
    }
    let broken: Vec<_> = verification.variables.iter().filter(|v| v.n_broken() > 0).collect();
    let worst = broken.iter().max_by_key(|v| v.n_broken()).expect("a bound is broken");
    if broken.iter().all(|v| v.n_violations == 0) {
        let broken = worst.broken;
        let what = match (broken.n_crossed, broken.n_beyond) {
            (0, 0) => format!("another sum in {}", counted(broken.n_sums as usize, "chunk")),
            (0, n_beyond) => format!("{} outside the limits", counted(n_beyond as usize, "value")),
            (n_crossed, _) => format!("{} on another side of a cut", counted(n_crossed as usize, "value")),
        };
        let text =
            format!("promise broken in '{}': {what}; is this the data that was compressed?", worst.name);
        return Err(Error::new(ErrorKind::BoundNotMet, text).into());
    }
    let text = format!(
        "bound broken on {} of {} values in {}; '{}': expected {}, found a worst error of {}; is this the data \
         that was compressed?",
        grouped(broken.iter().map(|v| v.n_broken()).sum()),
        grouped(n_values),
        counted(broken.len(), "variable"),
        worst.name,
        numbers::bound(worst.bound),
        numbers::error(worst.max_error),
    );
    Err(Error::new(ErrorKind::BoundNotMet, text).into())
}
