//! Tables and the one line at the end of a command, as text; where they go is for the commands to say.

use crate::library::{BoundSpec, OutliersReport, Promises, Report, SizedReport, VariableReport, Way};
use crate::numbers;
use baler_data::names::shown_in_line;

/// A header and rows of equal length; the first `n_left` columns are left-aligned, all others right-aligned.
pub fn table(header: &[&str], rows: &[Vec<String>], n_left: usize) -> String {
    let in_line =
        |row: &Vec<String>| row.iter().map(|cell| shortened(&shown_in_line(cell), NAME_WIDTH)).collect();
    let rows: Vec<Vec<String>> = rows.iter().map(in_line).collect();
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.chain([header[column].chars().count()]).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..header.len()).map(width).collect();
    let line = |cells: &[String]| {
        let cells = cells.iter().zip(&widths).enumerate().map(|(column, (cell, &width))| {
            if column < n_left { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
        });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_string()
    };
    let header: Vec<String> = header.iter().map(|h| h.to_string()).collect();
    std::iter::once(line(&header)).chain(rows.iter().map(|row| line(row))).collect::<Vec<_>>().join("\n")
}

/// One row per variable: codec, bound, what that allows, worst error, bytes. At most `max_rows` of them.
pub fn report_table(report: &Report, max_rows: usize) -> String {
    let rows: Vec<Vec<String>> = report
        .variables
        .iter()
        .take(max_rows)
        .map(|v| {
            vec![
                v.name.clone(),
                shortened(&v.codec, CODEC_WIDTH),
                numbers::bound(v.bound),
                allowed(v),
                numbers::error(v.max_error),
                numbers::grouped(v.bytes),
            ]
        })
        .collect();
    let mut text = table(&["variable", "codec", "bound", "allowed", "worst error", "bytes"], &rows, 3);
    if report.variables.len() > rows.len() {
        text += &format!("\n... and {} more; -v shows all", report.variables.len() - rows.len());
    }
    let shown = report.variables.iter().take(max_rows);
    text.extend(shown.filter_map(|v| promises_line(&v.name, &v.promises)).map(|line| format!("\n{line}")));
    text.extend(report.outliers.as_ref().map(|outliers| format!("\n{}", outliers_line(outliers))));
    text
}

/// `in full: 1 500 rows by code-length, scores 24.1 to 96.3; 43 593 bytes`
fn outliers_line(outliers: &OutliersReport) -> String {
    let scores = outliers
        .scores
        .map(|[least, most]| format!(", scores {} to {}", numbers::value(least), numbers::value(most)));
    format!(
        "in full: {} by {}{}; {} bytes",
        numbers::counted(outliers.n_rows as usize, "row"),
        shown_in_line(&outliers.by),
        scores.unwrap_or_default(),
        numbers::grouped(outliers.bytes)
    )
}

/// The largest error that is allowed, in the variable's units, or as a share of each value.
fn allowed(variable: &VariableReport) -> String {
    match variable.bound {
        BoundSpec::Lossless => "0".to_string(),
        BoundSpec::Unbounded => "-".to_string(),
        BoundSpec::PwRel(_) => format!("{} |x|", numbers::error(variable.limit)),
        BoundSpec::Noise(_) => format!("{} sigma", numbers::error(variable.limit)),
        BoundSpec::Abs(_) | BoundSpec::Rel(_) if !variable.dtype.is_float() => {
            numbers::error(variable.limit.floor())
        }
        BoundSpec::Abs(_) | BoundSpec::Rel(_) => numbers::error(variable.limit),
    }
}

/// Characters of a codec that a table shows.
const CODEC_WIDTH: usize = 48;

/// Characters of any cell.
const NAME_WIDTH: usize = 120;

/// As many characters as a table has room for.
fn shortened(words: &str, width: usize) -> String {
    if words.chars().count() <= width {
        return words.to_string();
    }
    words.chars().take(width - 3).collect::<String>() + "..."
}

/// `pt: no value crosses the cuts 20, 30`: what is promised beside the bound, if anything is.
pub fn promises_line(name: &str, promises: &Promises) -> Option<String> {
    let numbers = |list: &[f64]| list.iter().map(|&x| numbers::exact(x)).collect::<Vec<_>>();
    let cuts = (!promises.cuts.is_empty()).then(|| {
        let what = if promises.cuts.len() == 1 { "cut" } else { "cuts" };
        format!("no value crosses the {what} {}", numbers(&promises.cuts).join(", "))
    });
    let limits = promises.limits.map(|limits| format!("no value leaves {}", numbers(&limits).join(" to ")));
    let sum = promises.keeps_sum.then(|| "the sum of each chunk is kept".to_string());
    let all: Vec<String> = cuts.into_iter().chain(limits).chain(sum).collect();
    (!all.is_empty()).then(|| format!("{name}: {}", all.join("; ")))
}

/// A line for each variable whose codec the table cuts short: how it follows from others.
pub fn relations(report: &Report, max_rows: usize) -> String {
    let cut = report.variables.iter().take(max_rows).filter(|v| shortened(&v.codec, CODEC_WIDTH) != v.codec);
    cut.map(|v| format!("\n{}: {}", v.name, v.codec)).collect()
}

/// `1 200 504 -> 31 840 bytes (37.7 x; model 2 113 included)  bound verified on 150 000 values`
pub fn summary(report: &Report, model_by_reference: bool) -> String {
    let model = match (model_by_reference, report.model_bytes) {
        (true, 0) => "model not included".to_string(),
        (true, bytes) => format!("model {} not included", numbers::grouped(bytes)),
        (false, 0) => "no model".to_string(),
        (false, bytes) => format!("model {} included", numbers::grouped(bytes)),
    };
    let promise = if report.variables.iter().all(|v| v.bound == BoundSpec::Unbounded) {
        "no bound promised".to_string()
    } else if report.verified {
        format!("bound verified on {} values", numbers::grouped(report.n_values))
    } else {
        "bound not verified".to_string()
    };
    format!(
        "{} -> {} bytes ({}; {model})  {promise}{}",
        numbers::grouped(report.input_bytes),
        numbers::grouped(report.archive_bytes),
        ratios(report),
        report.sized.as_ref().map_or(String::new(), |sized| format!("\n{}", size_line(report, sized))),
    )
}

/// The ratio; where the file on disk is no more than its arrays packed, that of both.
fn ratios(report: &Report) -> String {
    let of_arrays = numbers::ratio(report.ratio());
    match (report.file_bytes, report.file_ratio()) {
        (Some(bytes), Some(ratio)) if !(0.95..1.05).contains(&(bytes as f64 / report.input_bytes as f64)) => {
            format!("{of_arrays} x of the arrays, {} x of the file", numbers::ratio(ratio))
        }
        _ => format!("{of_arrays} x"),
    }
}

/// `size: 0.97 of the 120 000 bytes asked for; errors of at most 0.0021 of each range (root mean square 0.00043)`
fn size_line(report: &Report, sized: &SizedReport) -> String {
    let share = report.archive_bytes as f64 / sized.target_bytes.max(1) as f64;
    let error = |error: f64| format!("root mean square {} of the range", numbers::error(error));
    let way = match sized.way {
        Way::Lossless => "every value bit for bit".to_string(),
        Way::Bounded(e) => {
            format!("errors of at most {} of each range, {}", numbers::error(e), error(sized.error))
        }
        Way::Latents => format!("latents of an autoencoder, {}", error(sized.error)),
    };
    let other = match sized.other {
        Some((Way::Latents, other)) => format!("; latents of an autoencoder: {}", numbers::error(other)),
        Some((_, other)) => format!("; under a bound: {}", numbers::error(other)),
        None => String::new(),
    };
    let finer = match sized.finer_bytes {
        Some(bytes) => {
            format!("; the next finer step of whole numbers takes {} bytes", numbers::grouped(bytes))
        }
        None => String::new(),
    };
    let target = numbers::grouped(sized.target_bytes);
    format!("size: {share:.2} of the {target} bytes asked for; {way}{finer}{other}")
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::library::DType;

    pub fn report() -> Report {
        Report {
            input_bytes: 1_200_504,
            file_bytes: None,
            archive_bytes: 31_840,
            model_bytes: 2113,
            payload_bytes: 29_541,
            n_values: 150_000,
            verified: true,
            warnings: Vec::new(),
            sized: None,
            outliers: None,
            trials: Vec::new(),
            variables: vec![VariableReport {
                name: "data".into(),
                dtype: DType::F64,
                kind: Default::default(),
                shape: vec![60, 50, 50],
                is_list: false,
                method: "predictive",
                codec: "uniform lorenzo3 pco".into(),
                bound: BoundSpec::Rel(1e-3),
                limit: 0.12,
                limits: Some([-60.0, 60.0]),
                promises: Promises::default(),
                missing: Vec::new(),
                quantiles: None,
                step: Some(1.17e-4),
                max_error: 5.8e-5,
                rms_error: None,
                bytes: 31_700,
                candidates: Vec::new(),
            }],
        }
    }

    #[test]
    fn the_line_is_that_of_the_interface() {
        assert_eq!(
            summary(&report(), false),
            "1 200 504 -> 31 840 bytes (37.7 x; model 2 113 included)  bound verified on 150 000 values"
        );
        let packed = Report { file_bytes: Some(400_000), ..report() };
        let text = summary(&packed, false);
        assert!(text.contains("(37.7 x of the arrays, 12.6 x of the file; model"), "{text}");
        let plain = Report { file_bytes: Some(1_200_632), ..report() };
        assert!(summary(&plain, false).contains("(37.7 x; model"));
    }

    #[test]
    fn a_size_tells_what_it_was_spent_on() {
        let mut report = report();
        let sized = |way, other| {
            Some(SizedReport { target_bytes: 32_000, way, error: 4e-4, other, finer_bytes: None })
        };
        let line = |report: &Report| summary(report, false).lines().nth(1).unwrap().to_string();
        report.sized = sized(Way::Bounded(1e-3), Some((Way::Latents, 0.02)));
        assert_eq!(
            line(&report),
            "size: 0.99 of the 32 000 bytes asked for; errors of at most 1e-3 of each range, root mean square 4e-4 of \
             the range; latents of an autoencoder: 2e-2"
        );
        report.sized.as_mut().unwrap().finer_bytes = Some(36_500);
        assert!(line(&report).contains("; the next finer step of whole numbers takes 36 500 bytes; latents"));
        report.sized = sized(Way::Lossless, None);
        assert!(line(&report).ends_with("asked for; every value bit for bit"));
        report.sized = sized(Way::Latents, Some((Way::Bounded(0.1), 0.03)));
        assert!(line(&report).ends_with("of the range; under a bound: 3e-2"));
    }

    #[test]
    fn the_table_is_aligned() {
        assert_eq!(
            report_table(&report(), 10),
            "variable  codec                 bound     allowed  worst error   bytes\n\
             data      uniform lorenzo3 pco  rel 1e-3   1.2e-1       5.8e-5  31 700"
        );
        assert!(report_table(&report(), 0).ends_with("... and 1 more; -v shows all"));
    }
}
