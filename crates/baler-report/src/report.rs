//! Before and after on one page: measures become sections with tables and figures.

use crate::breakdown::breakdown;
use crate::draw::{Scene, format_number, pdf, svg};
use crate::figures::{self, Curve, sizes::grouped};
use crate::html::{Section, Table, page};
use crate::latents::{Latents, latents};
use crate::measure::{MadeField, MeasureOptions, Measured, Measures, VariableView, measure};
use crate::metrics::Errors;
use crate::runs::RunTable;
use baler::{Dataset, Model, Report, Result};
use rayon::prelude::*;

/// What a report is made of.
pub struct Source<'a> {
    /// Title of the page, such as the names of the files.
    pub title: String,
    /// The original.
    pub before: &'a Dataset,
    /// What came back.
    pub after: &'a Dataset,
    /// The archive, if `after` comes from one: its bytes and [`baler::inspect()`] of them.
    pub archive: Option<(&'a [u8], &'a Report)>,
    /// The same data brought back from other archives (other seeds), for mean +- 2 sigma.
    pub others: &'a [Dataset],
    /// The model file, for the layers of the encoder.
    pub model: Option<&'a Model>,
    /// Loss curves of training, and what was trained.
    pub losses: Option<(Vec<Curve>, String)>,
}

/// A finished report.
pub struct Page {
    /// What was measured.
    pub measures: Measures,
    /// Response and residual over several archives, if there are several.
    pub runs: Option<RunTable>,
    sections: Vec<Section>,
    title: String,
    lead: Vec<String>,
}

impl Page {
    /// The HTML file.
    pub fn html(&self) -> String {
        page(&self.title, &self.lead, &self.sections)
    }

    /// All figures, a page each.
    pub fn pdf(&self) -> Vec<u8> {
        pdf::write(&self.figures().collect::<Vec<_>>())
    }

    /// (name, SVG) of all figures; the names are for files.
    pub fn svgs(&self) -> Vec<(String, String)> {
        let named = |(idx, scene): (usize, &Scene)| (file_name(idx, &scene.title), svg::write(scene));
        self.figures().enumerate().map(named).collect()
    }

    /// All figures in the order of the page.
    pub fn figures(&self) -> impl Iterator<Item = &Scene> {
        self.sections.iter().flat_map(|section| &section.figures)
    }
}

/// `07_pt_before_and_after`.
fn file_name(idx: usize, title: &str) -> String {
    let word = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' };
    let name: String = title.chars().map(word).collect();
    let parts: Vec<&str> = name.split('_').filter(|part| !part.is_empty()).collect();
    format!("{idx:02}_{}", parts.join("_"))
}

/// Measures and draws everything.
///
/// # Errors
/// As [`measure`], and [`baler_data::error::ErrorKind::Corrupt`] for a damaged archive.
pub fn report(source: &Source, options: &MeasureOptions) -> Result<Page> {
    let told = source.archive.map(|(_, report)| report);
    let measured = measure(source.before, source.after, told, options)?;
    let mut sections = vec![summary(&measured)];
    if let Some((bytes, report)) = source.archive {
        let parts = breakdown(bytes, report)?;
        sections.push(Section::new("Bytes", "", vec![figures::sizes(report, &parts)]));
    }
    let runs = RunTable::of(source.before, &measured, source.others)?;
    sections.push(table_two(&measured, runs.as_ref()));
    sections.extend(particles(&measured));
    sections.extend(fields(&measured));
    sections.extend(made_fields(&measured.measures.made));
    sections.push(distributions(&measured));
    if let Some((curves, title)) = &source.losses {
        let figure = figures::losses(curves, title);
        sections.extend(figure.map(|figure| Section::new("Training", "Loss by epoch.", vec![figure])));
    }
    if let Some((bytes, _)) = source.archive {
        sections.extend(latent_sections(&latents(bytes, source.before, source.model)?));
    }
    Ok(Page {
        lead: lead(&measured, told),
        title: source.title.clone(),
        sections,
        runs,
        measures: measured.measures,
    })
}

fn lead(measured: &Measured, report: Option<&Report>) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(report) = report {
        lines.push(format!(
            "{} -> {} bytes, {:.2} x; {} of them are models.",
            grouped(report.input_bytes),
            grouped(report.archive_bytes),
            report.ratio(),
            grouped(report.model_bytes)
        ));
        lines.extend(report.outliers.as_ref().map(|outliers| {
            format!(
                "{} rows are stored in full, as their scores by {} said, in {} bytes; bounds are those of the others.",
                grouped(outliers.n_rows),
                outliers.by,
                grouped(outliers.bytes)
            )
        }));
    }
    let n: u64 = measured.measures.variables.iter().map(|v| v.n).sum();
    let changed: u64 = measured.measures.variables.iter().map(|v| v.n_not_finite_changed).sum();
    let special: u64 = measured.measures.variables.iter().map(|v| v.n_not_finite).sum();
    lines.push(format!(
        "{} values in {} variable{} compared; {} NaN, infinite or missing, of which {changed} changed. Every measure is \
         defined in docs/metrics.md; what lies outside a picture is counted in it.",
        grouped(n),
        measured.views.len(),
        if measured.views.len() == 1 { "" } else { "s" },
        grouped(special)
    ));
    lines
}

fn summary(measured: &Measured) -> Section {
    let header = [
        "variable",
        "bound",
        "bytes",
        "range",
        "max error",
        "NRMSE",
        "PSNR [dB]",
        "Pearson",
        "chi2/ndf",
        "KS",
        "SSIM",
    ];
    let rows = measured.measures.variables.iter().zip(names(measured)).map(|(v, name)| {
        vec![
            name,
            v.bound.clone(),
            v.bytes.map_or("-".to_string(), grouped),
            format_number(v.range),
            format_number(v.max_abs_error),
            format_number(v.nrmse),
            format_number(v.psnr),
            if v.pearson.is_nan() { "-".to_string() } else { format!("{:.9}", v.pearson) },
            format!("{}/{}", format_number(v.chi2), v.ndf),
            format_number(v.kolmogorov_smirnov),
            v.field.as_ref().and_then(|f| f.ssim).map_or("-".to_string(), |s| format!("{s:.6}")),
        ]
    });
    let table = Table { header: header.map(String::from).to_vec(), rows: rows.collect() };
    let figures = vec![figures::boxes(&measured.views, &measured.measures.variables)];
    Section { title: "Overview".to_string(), text: String::new(), tables: vec![table], figures }
}

/// Names of the variables for tables, with units.
fn names(measured: &Measured) -> Vec<String> {
    let views = &measured.views;
    let names = figures::distinct_names(&views.iter().map(|view| view.name.as_str()).collect::<Vec<_>>());
    let with_unit = |(name, view): (String, &VariableView)| {
        if view.unit.is_empty() { name } else { format!("{name} [{}]", view.unit) }
    };
    names.into_iter().zip(views).map(with_unit).collect()
}

/// The table that the original's papers give: response and residual.
fn table_two(measured: &Measured, runs: Option<&RunTable>) -> Section {
    let header = [
        "variable",
        "response mean",
        "response RMS",
        "residual mean",
        "residual RMS",
        "residual min",
        "residual max",
        "zeros kept",
        "zeros changed",
    ];
    let rows = measured.measures.variables.iter().zip(names(measured)).map(|(v, name)| {
        let numbers = [
            v.response.mean,
            v.response.rms,
            v.residual.mean,
            v.residual.rms,
            v.residual.min,
            v.residual.max,
        ];
        let mut row = vec![name];
        row.extend(numbers.map(format_number));
        row.extend([v.zeros_kept, v.zeros_changed].map(grouped));
        row
    });
    let table = Table { header: header.map(String::from).to_vec(), rows: rows.collect() };
    let text = "Response (after - before) / before without values that were 0 (counted on the right); residual after - \
                before, in units of the variable.";
    let mut tables = vec![table];
    tables.extend(runs.map(RunTable::table));
    Section { title: "Response and residual".to_string(), text: text.to_string(), tables, figures: vec![] }
}

fn particles(measured: &Measured) -> Option<Section> {
    let measures = &measured.measures;
    let mut figures: Vec<Scene> = measures.pairs.iter().map(figures::pair_mass).collect();
    figures.extend(measures.derived.iter().map(figures::derived));
    figures.extend(measures.correlation.as_ref().map(figures::correlation));
    if figures.is_empty() {
        return None;
    }
    let distance = measures.energy_movers_distance.map_or(String::new(), |d| {
        format!(" Energy mover's distance, mean over events, over the event's pt: {}.", format_number(d))
    });
    let pairs = if measures.pairs.is_empty() {
        ""
    } else {
        "Pairs are chosen on the original: the leading two of each run of descending pt. Peaks: Gaussian on a line; pull = \
         shift over the statistical uncertainty before."
    };
    Some(Section::new("Derived quantities and correlations", &format!("{pairs}{distance}"), figures))
}

fn fields(measured: &Measured) -> Option<Section> {
    let each = measured.views.par_iter().zip(&measured.measures.variables);
    let figures: Vec<Scene> = each
        .flat_map_iter(|(view, measures)| {
            [figures::slices(view, measures), figures::series(view), figures::field_errors(view, measures)]
        })
        .flatten()
        .collect();
    let text = "Colors of both slices come from the original's 0.1 % to 99.9 % quantiles; larger slices are averaged for \
                the picture, and their differences show the largest of each block.";
    (!figures.is_empty()).then(|| Section::new("Fields", text, figures))
}

/// What is made of fields: a table of its errors, and its pictures.
fn made_fields(made: &[MadeField]) -> Option<Section> {
    let header = ["field", "RMS before", "RMS after", "RMS error", "of RMS before", "max error", "SSIM"];
    let rows = made.iter().map(|MadeField { measures, relative_rmse, view }| {
        let size = |values: &[f64]| {
            let found = Errors::of(values, values);
            format_number(found.mean().hypot(found.deviation()))
        };
        vec![
            view.label(),
            size(&view.before),
            size(&view.after),
            format_number(measures.rmse),
            format!("{} %", format_number(100.0 * relative_rmse)),
            format_number(measures.max_abs_error),
            measures.field.as_ref().and_then(|f| f.ssim).map_or("-".to_string(), |s| format!("{s:.6}")),
        ]
    });
    let table = Table { header: header.map(String::from).to_vec(), rows: rows.collect() };
    let figures: Vec<Scene> = made
        .par_iter()
        .flat_map_iter(|field| {
            [
                figures::slices(&field.view, &field.measures),
                figures::field_errors(&field.view, &field.measures),
            ]
        })
        .flatten()
        .collect();
    let text = "Made of fields before and after alike; nothing is promised of them. Components point along the last axis, \
                the one before (and the one before that); spacing 1.";
    let section =
        Section { title: "Derived fields".to_string(), text: text.to_string(), tables: vec![table], figures };
    (!made.is_empty()).then_some(section)
}

fn distributions(measured: &Measured) -> Section {
    let each = measured.views.par_iter().zip(&measured.measures.variables);
    let figures = each.map(|(view, measures)| figures::distribution(view, measures)).collect();
    let text = "Gray steps in the ratio: the statistical uncertainty that an independent sample of this size would have.";
    Section::new("Variables", text, figures)
}

fn latent_sections(all: &[Latents]) -> Option<Section> {
    let figures: Vec<Scene> = all
        .iter()
        .flat_map(|latents| {
            [
                figures::corner(latents),
                figures::latent_correlation(latents),
                figures::activations(&latents.activations),
            ]
        })
        .collect();
    let text = "Latents as the archive holds them (en: encoder, with the model file only; de: decoder).";
    (!figures.is_empty()).then(|| Section::new("Latent space", text, figures))
}
