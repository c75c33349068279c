//! `baler demo`: makes data, trains, compresses, decompresses, verifies and reports, and shows the commands for it.

use crate::compress::say_report;
use crate::decompress;
use crate::input::natural_format;
use crate::library::{
    BoundSpec, Dataset, DecompressOptions, Error, Format, Model, Options, Schema, Threads, compress_with,
    decompress_with, generate, io, train, verify,
};
use crate::nearest::suggestion;
use crate::numbers::grouped;
use crate::output::{Target, say, write_stdout, write_whole};
use crate::progress::Loudness;
use crate::report::{After, Sources, make_page};
use crate::say::{SayArgs, bound_option};
use crate::{train as train_command, verify as verify_command};
use anyhow::{Context, Result};
use baler_report::measure::MeasureOptions;
use clap::Args;
use std::path::{Path, PathBuf};

/// Make data, train, compress, decompress, verify and report
#[derive(Args)]
pub struct DemoArgs {
    /// cfd (a flow field) or jets (a table); both without it
    pub kind: Option<String>,
    /// Where the files go [default: baler-demo]
    #[arg(value_name = "DIR")]
    pub folder: Option<PathBuf>,
    /// Threads (0: all cores)
    #[arg(short = 'j', long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    pub threads: usize,
    #[command(flatten)]
    pub say: SayArgs,
}

const KINDS: [&str; 2] = ["cfd", "jets"];
const SEED: u64 = 1;
const BOUND: BoundSpec = BoundSpec::Rel(1e-3);
/// Lists the files that a demo made in its folder: only those may be replaced.
const OWN_FILES: &str = ".baler-demo";

pub fn run(args: &DemoArgs) -> Result<()> {
    let (kinds, folder) = kinds_and_folder(args)?;
    std::fs::create_dir_all(&folder).with_context(|| format!("making {}", folder.display()))?;
    let mut files = OwnFiles::read(&folder)?;
    let mut text = String::new();
    for kind in kinds {
        text += &run_one(kind, &folder, &mut files, args)?;
    }
    write_stdout(text.as_bytes())
}

fn run_one(kind: &str, folder: &Path, files: &mut OwnFiles, args: &DemoArgs) -> Result<String> {
    let dataset = match kind {
        "cfd" => generate::flow(60, 50, 50, SEED),
        _ => generate::jets(20_000, SEED),
    };
    let suffix = match natural_format(dataset.layout) {
        Format::Npy => "npy",
        Format::Csv => "csv",
        _ => "npz",
    };
    let names = [
        format!("{kind}.{suffix}"),
        format!("{kind}.balm"),
        format!("{kind}.bale"),
        format!("{kind}_back.{suffix}"),
        format!("{kind}.html"),
    ];
    files.claim(&names)?;
    let [data, model, archive, back, page] = names.map(|name| folder.join(name));
    let bytes = make_files(&dataset, [&data, &model, &archive, &back, &page], args)?;

    let option = bound_option(BOUND);
    let [data, model, archive, back, page] = [data, model, archive, back, page].map(|path| shell_word(&path));
    let [data_bytes, model_bytes, archive_bytes, back_bytes, page_bytes] = bytes.map(|n| grouped(n as u64));
    Ok(format!(
        "{data} ({data_bytes} bytes), {model} ({model_bytes}), {archive} ({archive_bytes}), {back} ({back_bytes}), \
         {page} ({page_bytes})\n  \
         baler train {data} -o {model} {option}\n  \
         baler compress {data} -o {archive} {option} --model {model}\n  \
         baler decompress {archive} -o {back}\n  \
         baler verify {archive} --against {data}\n  \
         baler report {archive} --against {data} -o {page}\n"
    ))
}

/// Writes data, model, archive, data again and a page about them; their sizes.
fn make_files(dataset: &Dataset, paths: [&Path; 5], args: &DemoArgs) -> Result<[usize; 5]> {
    let [data, model, archive, back, page] = paths;
    let loud = args.say.loudness() > Loudness::Quiet;
    let format = natural_format(dataset.layout);
    let data_bytes = io::write(dataset, format)?;
    Target::new(data, true)?.write(&data_bytes)?;

    let mut options = Options::new(BOUND);
    options.threads = Threads::new(args.threads)?;
    let mut bar = args.say.bar();
    let trained = train(std::slice::from_ref(dataset), &options, &mut bar)?;
    bar.finish();
    let model_bytes = trained.model.to_bytes();
    Target::new(model, true)?.write(&model_bytes)?;
    if loud {
        say(&train_command::line(&trained));
    }

    let compressed = compress_with(dataset, &options, Some(&trained.model), &mut bar)?;
    bar.finish();
    bar.warn_all(&compressed.report.warnings);
    Target::new(archive, true)?.write(&compressed.bytes)?;
    say_report(&compressed.report, false, args.say);

    let decompress_options =
        DecompressOptions { threads: options.threads.clone(), ..DecompressOptions::default() };
    let decoded = decompress_with(&compressed.bytes, &decompress_options, &mut bar)?;
    bar.finish();
    let back_bytes = io::write(&decoded, format)?;
    Target::new(back, true)?.write(&back_bytes)?;
    let verification = verify(&compressed.bytes, None, Some(dataset))?;
    let line = verify_command::conclusion(&verification, true)?;
    if loud {
        say(&decompress::line(compressed.bytes.len() as u64, &Schema::of(&decoded)));
        say(&line);
    }
    let html = report_page(dataset, [data, archive], compressed.bytes.clone(), &trained.model)?;
    Target::new(page, true)?.write(html.as_bytes())?;
    if loud {
        say(&format!("wrote {}", page.display()));
    }
    Ok([data_bytes.len(), model_bytes.len(), compressed.bytes.len(), back_bytes.len(), html.len()])
}

/// Before and after on one page.
fn report_page(
    dataset: &Dataset,
    [data, archive]: [&Path; 2],
    bytes: Vec<u8>,
    model: &Model,
) -> Result<String> {
    let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let page = make_page(&Sources {
        title: format!("{} against {}", name(archive), name(data)),
        before: dataset,
        after: &After::from_archive(bytes, None)?,
        others: &[],
        model: Some(model),
        losses: None,
        options: MeasureOptions::default(),
    })?;
    Ok(page.html())
}

/// `demo cfd DIR`, `demo cfd`, `demo DIR` (with a separator, or an existing folder), `demo`.
fn kinds_and_folder(args: &DemoArgs) -> Result<(Vec<&'static str>, PathBuf)> {
    let default = || args.folder.clone().unwrap_or_else(|| PathBuf::from("baler-demo"));
    let Some(word) = &args.kind else { return Ok((KINDS.to_vec(), default())) };
    if let Some(kind) = KINDS.into_iter().find(|kind| kind == word) {
        return Ok((vec![kind], default()));
    }
    let is_folder =
        word.contains(std::path::is_separator) || word.starts_with('.') || Path::new(word).is_dir();
    if is_folder && args.folder.is_none() {
        return Ok((KINDS.to_vec(), PathBuf::from(word)));
    }
    let text = format!(
        "expected cfd, jets or a folder such as ./{word}, found '{word}'; {}",
        suggestion(word, KINDS)
    );
    Err(Error::config(text).into())
}

fn shell_word(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_alphanumeric() || "_-./\\:".contains(c);
    if text.chars().all(plain) { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

/// The files that belong to the demo.
struct OwnFiles {
    folder: PathBuf,
    names: Vec<String>,
}

impl OwnFiles {
    fn read(folder: &Path) -> Result<OwnFiles> {
        let list = folder.join(OWN_FILES);
        let text = if list.exists() {
            std::fs::read_to_string(&list).with_context(|| format!("reading {}", list.display()))?
        } else {
            String::new()
        };
        Ok(OwnFiles { folder: folder.to_path_buf(), names: text.lines().map(str::to_string).collect() })
    }

    /// Takes `names` for the demo; a file of that name that is not the demo's is an error.
    fn claim(&mut self, names: &[String]) -> Result<()> {
        for name in names.iter().filter(|name| !self.names.contains(name)) {
            let path = self.folder.join(name);
            if path.exists() {
                let text = format!("{} is there and not the demo's; give another folder", path.display());
                return Err(Error::config(text).into());
            }
        }
        let new: Vec<String> = names.iter().filter(|name| !self.names.contains(name)).cloned().collect();
        self.names.extend(new);
        let text: String = self.names.iter().map(|name| format!("{name}\n")).collect();
        write_whole(&self.folder.join(OWN_FILES), text.as_bytes(), true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(kind: Option<&str>, folder: Option<&str>) -> DemoArgs {
        DemoArgs {
            kind: kind.map(str::to_string),
            folder: folder.map(PathBuf::from),
            threads: 0,
            say: SayArgs::default(),
        }
    }

    #[test]
    fn kinds_and_folders_are_told_apart() {
        let places = |kind, folder| kinds_and_folder(&args(kind, folder));
        assert_eq!(places(None, None).unwrap(), (vec!["cfd", "jets"], "baler-demo".into()));
        assert_eq!(places(Some("jets"), Some("x")).unwrap(), (vec!["jets"], "x".into()));
        assert_eq!(places(Some("./x"), None).unwrap(), (vec!["cfd", "jets"], "./x".into()));
        assert!(places(Some("cdf"), None).unwrap_err().to_string().ends_with("nearest: cfd"));
        assert!(places(Some("./x"), Some("y")).is_err());
    }

    #[test]
    fn only_its_own_files_are_replaced() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("jets.npz"), b"mine").unwrap();
        let names = |list: &[&str]| list.iter().map(|s| s.to_string()).collect::<Vec<_>>();
        let mut files = OwnFiles::read(folder.path()).unwrap();
        assert!(files.claim(&names(&["jets.npz"])).is_err());
        files.claim(&names(&["cfd.npy"])).unwrap();
        std::fs::write(folder.path().join("cfd.npy"), b"demo").unwrap();
        OwnFiles::read(folder.path()).unwrap().claim(&names(&["cfd.npy"])).unwrap();
        assert!(OwnFiles::read(folder.path()).unwrap().claim(&names(&["jets.npz"])).is_err());
    }
}
