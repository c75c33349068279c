//! `--mode plot`, `diagnose`, `compare` and the distortion that `info` tells: the original's figures on its tree.
//!
//! plot writes `output/plotting/report.html`, `comparison.pdf` with all figures and each as SVG; diagnose writes
//! `diagnostics.pdf` with latents and activations; compare writes `comparison_summary.pdf` and a table.

use super::{Places, ProjectArgs, needs, output, read_project, say_written};
use crate::input::{read_archive, read_model};
use crate::library::{Dataset, Error, Model, Options, Progress};
use crate::numbers;
use crate::output::print_text;
use crate::report::{After, Sources, make_page, write_figures};
use anyhow::Result;
use baler_data::source::{InMemory, excerpt};
use baler_report::compare::{CompareOptions, compare, rate_distortion, text_table};
use baler_report::draw::{Scene, pdf};
use baler_report::measure::MeasureOptions;
use baler_report::metrics::{Errors, floats};
use baler_report::{figures, latents::latents};

/// The archive of a project, decoded, beside its data.
struct Project {
    data: Dataset,
    options: Options,
    model: Option<Model>,
    archive: Vec<u8>,
    after: After,
}

impl Project {
    fn read(places: &Places, args: &ProjectArgs) -> Result<Project> {
        needs(&places.archive, "compress")?;
        let archive = read_archive(&places.archive.display().to_string())?;
        let model = if places.model.exists() { Some(read_model(&places.model)?) } else { None };
        let mut bar = args.say.bar();
        let (data, options) = read_project(places, &mut bar)?;
        bar.finish();
        let after = After::from_archive(archive.clone(), model.as_ref())?;
        Ok(Project { data, options, model, archive, after })
    }
}

pub fn plot_mode(places: &Places, args: &ProjectArgs) -> Result<()> {
    let page = places.plots.join("report.html");
    let target = output(&page, args.force)?;
    let project = Project::read(places, args)?;
    let made = make_page(&Sources {
        title: places.root.display().to_string(),
        before: &project.data,
        after: &project.after,
        others: &[],
        model: project.model.as_ref(),
        losses: places.losses.exists().then_some(places.losses.as_path()),
        options: MeasureOptions::default(),
    })?;
    target.write(made.html().as_bytes())?;
    write_figures(&made, &places.plots, args.force)?;
    say_written(&page, args.say);
    Ok(())
}

pub fn diagnose_mode(places: &Places, args: &ProjectArgs) -> Result<()> {
    let path = places.plots.join("diagnostics.pdf");
    let target = output(&path, args.force)?;
    let project = Project::read(places, args)?;
    let found = latents(&project.archive, &project.data, project.model.as_ref())?;
    if found.is_empty() {
        let text = "expected an archive with latents, found none: the bound was kept without an autoencoder; see --mode plot";
        return Err(Error::config(text).into());
    }
    let scenes: Vec<Scene> = found
        .iter()
        .flat_map(|l| {
            [figures::activations(&l.activations), figures::corner(l), figures::latent_correlation(l)]
        })
        .collect();
    target.write(&pdf::write(&scenes.iter().collect::<Vec<_>>()))?;
    say_written(&path, args.say);
    Ok(())
}

/// Bytes of data on which codecs are compared, at most: the slowest takes about a minute for each megabyte.
const COMPARED_BYTES: usize = 2 << 20;

/// All codecs at the project's bound; without one, at the largest error that its archive has.
pub fn compare_mode(places: &Places, args: &ProjectArgs) -> Result<()> {
    let path = places.plots.join("comparison_summary.pdf");
    let target = output(&path, args.force)?;
    let project = Project::read(places, args)?;
    let mut options = project.options.clone();
    if options.bound == baler_codec::options::BoundSpec::Unbounded {
        let worst = variables(&project)
            .map(|(_, e)| e.max_abs / e.range())
            .filter(|r| r.is_finite())
            .fold(0.0, f64::max);
        options = Options::new(baler_codec::options::BoundSpec::Rel(worst).check()?);
    }
    let mut bar = args.say.bar();
    let part = excerpt(&InMemory::of(&project.data), COMPARED_BYTES)?;
    let (n_compared, n_all) = (part.size_bytes(), project.data.size_bytes());
    if n_compared < n_all {
        bar.warn(&format!(
            "compared on {} of {} bytes, from all over the data; baler compare takes all of them",
            numbers::grouped(n_compared as u64),
            numbers::grouped(n_all as u64)
        ));
    }
    let comparison = compare(&part, &options, &CompareOptions::default(), &mut bar)?;
    bar.finish();
    let n_values = part.variables.iter().map(|v| v.values.len() as u64).sum();
    let title = format!("{}, {}", places.root.display(), comparison.bound);
    let scene = rate_distortion(&title, std::slice::from_ref(&comparison), n_values);
    target.write(&pdf::write(&[&scene]))?;
    print_text(&format!("{}\n", text_table(&comparison)))?;
    say_written(&path, args.say);
    Ok(())
}

/// (name, errors) of each variable.
fn variables(project: &Project) -> impl Iterator<Item = (&str, Errors)> {
    project.after.data.variables.iter().filter_map(|after| {
        let before = project.data.variable(&after.name)?;
        Some((after.name.as_str(), Errors::of(&floats(&before.values), &floats(&after.values))))
    })
}

/// Lines that say how far the archive's values are from the data, where the data are there.
pub fn distortion(places: &Places, args: &ProjectArgs) -> Result<String> {
    let Ok(project) = Project::read(places, args) else {
        return Ok("the data are not there: how far the values are from them is not told\n".to_string());
    };
    let line = |(name, errors): (&str, Errors)| {
        format!(
            "{name}: RMS error {}, largest {}, PSNR {:.1} dB\n",
            numbers::error(errors.rmse()),
            numbers::error(errors.max_abs),
            errors.psnr()
        )
    };
    Ok(variables(&project).map(line).collect())
}
