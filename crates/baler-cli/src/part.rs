//! `baler compress --plan`: parts of data as archives of their own, which one plan makes alike. In a store (-d) a part has a
//! name that follows from plan and input: what is there is done, whoever made it.

use crate::compress::{CompressArgs, say_report, stop_on_ctrl_c, until_interrupted};
use crate::input::open_data;
use crate::json::{self, ArchiveObject};
use crate::library::{BoundSpec, Error, Options, Output, Report, Source, Threads, compress_part, merge};
use crate::numbers::counted;
use crate::output::{Target, refuse_json_on_stdout, say};
use crate::plan::{known, read_plan};
use crate::plan_file::PlanFile;
use crate::progress::{Files, Loudness};
use anyhow::{Context, Result};
use baler_io::WriteSeek;
use std::io::SeekFrom;
use std::path::{Path, PathBuf};

/// What an archive is written to, piece after piece.
pub struct Written<'a>(pub &'a mut dyn WriteSeek);

impl Output for Written<'_> {
    fn begin(&mut self, header: &[u8]) -> baler::Result<()> {
        Output::write(self, header)
    }
    fn restart(&mut self) -> baler::Result<()> {
        self.0.seek(SeekFrom::Start(0)).map(drop).map_err(|e| Error::io("writing the archive", e))
    }
    fn write(&mut self, bytes: &[u8]) -> baler::Result<()> {
        self.0.write_all(bytes).map_err(|e| Error::io("writing the archive", e))
    }
}

/// Compresses parts by a plan.
pub fn compress(args: &CompressArgs, plan: &Path) -> Result<()> {
    let (promise, training) = (&args.settings.promise, &args.settings.training);
    if promise.is_given() || !promise.rules()?.is_empty() || promise.has_lists() {
        let text = "the plan says what is promised; leave out --plan, or the promise";
        return Err(Error::config(text).into());
    }
    if args.settings.method.is_some() || training.is_given() || args.level.is_given() {
        let text = "the plan says level, method and model; leave out --plan, or these options";
        return Err(Error::config(text).into());
    }
    let plan = read_plan(plan)?;
    stop_on_ctrl_c();
    match (&args.folder, &args.output, args.inputs.as_slice()) {
        (Some(folder), _, inputs) => compress_all(inputs, folder, &plan, args),
        (None, Some(output), [input]) => {
            let target = Target::new(output, args.force)?;
            refuse_json_on_stdout(args.json, &target)?;
            compress_one(input, &target, &plan, args)
        }
        _ => {
            let text = "expected -d DIR, the store of all parts, or -o FILE for one; found neither";
            Err(Error::config(text).into())
        }
    }
}

/// Parts into a store; those that are there already are done.
fn compress_all(inputs: &[String], folder: &Path, plan: &PlanFile, args: &CompressArgs) -> Result<()> {
    std::fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
    let files = Files::new(inputs.len(), args.say.loudness());
    for input in inputs {
        files.begin(input);
        let path = folder.join(plan.part_name(&known(input)?) + ".bale");
        if path.exists() && !args.force {
            if args.say.loudness() > Loudness::Quiet {
                say(&format!("baler: {input} is done: {}", path.display()));
            }
        } else {
            // Another may have made it meanwhile: with the same bytes.
            let target = Target::File { path, force: true };
            compress_one(input, &target, plan, args)?;
        }
        files.end();
    }
    Ok(())
}

fn compress_one(input: &str, target: &Target, plan: &PlanFile, args: &CompressArgs) -> Result<()> {
    let source: Box<dyn Source> = open_data(input, &args.raw, &plan.drop)?;
    let mut bar = args.say.bar();
    until_interrupted(&mut bar);
    let options = Options {
        threads: Threads::new(args.threads.unwrap_or(0))?,
        model_by_reference: plan.model_by_reference,
        ..Options::new(BoundSpec::Lossless)
    };
    let mut report: Option<Report> = None;
    target
        .write_with(|out| {
            report = Some(compress_part(&*source, &plan.shared, &options, &mut Written(out), &mut bar)?);
            Ok(())
        })
        .with_context(|| input.to_string())?;
    bar.finish();
    let Some(report) = report else { return Ok(()) };
    bar.warn_all(&report.warnings);
    if args.json {
        json::print(&ArchiveObject::new(&report, None))?;
    }
    say_report(&report, plan.model_by_reference, args.say);
    Ok(())
}

/// Merges archives into one, and tells.
pub fn merge_all(archives: &[PathBuf], target: &Target, loudness: Loudness) -> Result<u64> {
    let mut n_bytes = 0;
    target.write_with(|out| {
        n_bytes = merge(archives, &mut Written(out))?;
        Ok(())
    })?;
    if loudness > Loudness::Quiet {
        let n_bytes = crate::numbers::grouped(n_bytes);
        say(&format!("merged: {} -> {n_bytes} bytes", counted(archives.len(), "archive")));
    }
    Ok(n_bytes)
}
