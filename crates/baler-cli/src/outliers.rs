//! `--outliers`: which rows of a table are stored in full, by their scores.

use crate::library::{Dataset, Error, OutlierRows, Result, Source, Threads, collect, scoring, table_rows};
use crate::settings::number_of;
use baler_score::threshold::{self, Threshold};
use clap::{Args, ValueEnum};
use scoring::{By, Table};

/// Rows of a table that are stored in full.
#[derive(Args, Debug, Clone, Default)]
pub struct OutlierArgs {
    /// Store the oddest rows of a table in full, bit for bit and apart: at most this share of them (1%, 0.01), or those with a
    /// score, 'score>12.5' or 'score>=12.5'; range and model are those of the others
    #[arg(long, value_name = "SHARE", value_parser = parse_which)]
    pub outliers: Option<Which>,
    /// The score that --outliers goes by (baler score)
    #[arg(long, value_enum, value_name = "METHOD", requires = "outliers")]
    pub by: Option<ScoreBy>,
}

/// The methods.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum ScoreBy {
    /// Bits that a row takes who knows the table, and the column that takes most (default)
    CodeLength,
    /// Isolation forest: near 1 for what few random cuts isolate, 0.5 for the usual; scikit-learn has the negative
    Forest,
    /// Squared Mahalanobis distance from the rows that agree, of columns or of a model's latents
    Latent,
}

impl From<ScoreBy> for By {
    fn from(by: ScoreBy) -> By {
        match by {
            ScoreBy::CodeLength => By::CodeLength,
            ScoreBy::Forest => By::Forest,
            ScoreBy::Latent => By::Latent,
        }
    }
}

/// Which rows are outliers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Which {
    /// At most this share of all, the oddest.
    Share(f64),
    /// Those with a score above this, or at least of this.
    Score { least: f64, is_above: bool },
}

/// A share from 0 to 1, with or without a percent sign.
pub fn parse_rate(text: &str) -> Result<f64, String> {
    let rate = number_of(text).filter(|rate| (0.0..=1.0).contains(rate));
    rate.ok_or_else(|| format!("expected a share from 0 to 1 such as 0.001 or 0.1%, found '{}'", text.trim()))
}

fn parse_which(text: &str) -> Result<Which, String> {
    let Some(score) = text.trim().strip_prefix("score") else {
        let rate = parse_rate(text).map_err(|error| format!("{error}; or a score such as 'score>12.5'"))?;
        return match rate < 1.0 {
            true => Ok(Which::Share(rate)),
            false => {
                Err("expected a share below 1, for some rows must be left; --lossless keeps all".to_string())
            }
        };
    };
    let score = score.trim_start();
    let (is_above, number) = match (score.strip_prefix(">="), score.strip_prefix('>')) {
        (Some(number), _) => (false, number),
        (_, Some(number)) => (true, number),
        _ => return Err(format!("expected 'score>S' or 'score>=S', found '{}'", text.trim())),
    };
    let least = number.trim().parse::<f64>().ok().filter(|least| least.is_finite());
    let least = least.ok_or_else(|| format!("expected a finite score, found '{}'", number.trim()))?;
    Ok(Which::Score { least, is_above })
}

/// The rows of a table that are asked for, and the table itself, which scoring takes into memory.
///
/// # Errors
/// [`crate::library::ErrorKind::Input`] for what is no table of numbers.
pub fn find(source: &dyn Source, which: Which, by: By, threads: &Threads) -> Result<(Dataset, OutlierRows)> {
    let refused = |error: Error| {
        Error::input(format!("{error}; --outliers is for the rows of a table (--drop leaves variables out)"))
    };
    table_rows(source.schema()).map_err(refused)?;
    let dataset = collect(source, threads, |_| ())?;
    let table = Table::of(&dataset).map_err(refused)?;
    let scored = threads.run(|| scoring::score(&table, &table, by, 0))?;
    let scores = scored.rows.scores;
    let passes: Box<dyn Fn(f64) -> bool> = match which {
        Which::Share(rate) => match threshold::for_rate(&scores, rate) {
            Some(Threshold { score, .. }) => Box::new(move |found| found >= score),
            None => Box::new(|_| false),
        },
        Which::Score { least, is_above: true } => Box::new(move |found| found > least),
        Which::Score { least, .. } => Box::new(move |found| found >= least),
    };
    let rows: Vec<usize> = (0..scores.len()).filter(|&row| passes(scores[row])).collect();
    if rows.len() == scores.len() {
        let least = scores.iter().copied().fold(f64::INFINITY, f64::min);
        return Err(Error::config(format!(
            "expected a score that some rows are below, found that all {} have {least} or more; give a higher one",
            scores.len()
        )));
    }
    let scores = rows.iter().map(|&row| scores[row]).collect();
    let outliers = OutlierRows { rows, scores, by: by.name().to_string() };
    Ok((dataset, outliers))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_and_scores_are_told_apart() {
        for text in ["1%", "0.01", " 1 % "] {
            assert_eq!(parse_which(text), Ok(Which::Share(0.01)), "{text}");
        }
        assert_eq!(parse_which("score>12.5"), Ok(Which::Score { least: 12.5, is_above: true }));
        assert_eq!(parse_which("score >= -1"), Ok(Which::Score { least: -1.0, is_above: false }));
        for (text, expected) in [
            ("2", "a share from 0 to 1"),
            ("-1%", "'score>12.5'"),
            ("100%", "below 1"),
            ("score=3", "'score>S'"),
            ("score>nan", "finite"),
            ("many", "a share"),
        ] {
            let error = parse_which(text).unwrap_err();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
