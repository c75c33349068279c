//! What lossy codecs make of the data in equal bytes: each at the tightest bound that fits, ours by its search for a size.

use super::{CompareOptions, Comparison, Missing, Row, allowed_errors, bounded, learned, ours, run};
use baler::{BoundSpec, Dataset, Error, Method, Options, Progress, Result, Size};
use baler_codec::report::{SizedReport, Way};

/// The finest bound that is looked at, relative to each variable's range, and the coarsest.
const BOUNDS: [f64; 2] = [1e-14, 0.5];
/// How often the span between them is halved: to a percent.
const HALVINGS: u32 = 12;

/// Runs every lossy codec that is wanted, with at most 1/`ratio` of the bytes of the arrays; variables without a rule of their own share
/// one bound relative to their ranges. The smallest error comes first.
///
/// # Errors
/// Those of [`baler::compress_with`] for the options.
pub fn compare_at_ratio(
    dataset: &Dataset,
    options: &Options,
    ratio: f64,
    wanted: &CompareOptions,
    progress: &mut dyn Progress,
) -> Result<Comparison> {
    let size = Size::Ratio(ratio);
    let input_bytes = dataset.size_bytes() as u64;
    let target = size.target_bytes(input_bytes)?.unwrap_or(input_bytes);
    let options = Options { bound: BoundSpec::Unbounded, size: Some(size), ..options.clone() };
    let mut found: Vec<(String, Result<Row>)> = Vec::new();
    for method in [Method::Auto, Method::Autoencoder] {
        let name = format!("baler {}", method.name());
        if wanted.wants(&name) {
            progress.stage(&name, 0);
            let row = ours(dataset, &options, method, &name, None);
            found.push((name, row.map(|(row, sized)| Row { note: sized.map_or(row.note, way), ..row })));
        }
    }
    for codec in bounded::all().into_iter().filter(|codec| wanted.wants(codec.name())) {
        progress.stage(codec.name(), 0);
        let row = tightest(dataset, &options, target, |allowed| {
            run(codec.as_ref(), dataset, allowed).map_err(Error::unsupported)
        });
        found.push((codec.name().to_string(), row));
    }
    if wanted.wants(learned::PCA) {
        progress.stage(learned::PCA, 0);
        let allowed = vec![super::Allowed::Anything; dataset.variables.len()];
        found.push((
            learned::PCA.to_string(),
            learned::run(learned::PCA, dataset, &options, &allowed, Some(target)),
        ));
    }
    let (mut rows, mut missing) = (Vec::new(), Vec::new());
    for (name, row) in found {
        match row {
            Ok(row) if row.bytes <= target => rows.push(row),
            Ok(row) => missing.push(Missing {
                name,
                why: format!("takes {} bytes at least, more than {target}", row.bytes),
            }),
            Err(error) => missing.push(Missing { name, why: error.to_string() }),
        }
    }
    rows.sort_by(|one, other| one.nrmse.total_cmp(&other.nrmse).then(one.bytes.cmp(&other.bytes)));
    Ok(Comparison { input_bytes, bound: format!("ratio {ratio}"), rows, missing })
}

/// The row of a bounded codec at the tightest bound that fits.
fn tightest(
    dataset: &Dataset,
    options: &Options,
    target: u64,
    run: impl Fn(&[super::Allowed]) -> Result<Row>,
) -> Result<Row> {
    let at = |e: f64| -> Result<Row> {
        let options = Options { bound: BoundSpec::Rel(e), size: None, ..options.clone() };
        let row = run(&allowed_errors(dataset, &options)?)?;
        Ok(if row.note.is_empty() { Row { note: bound_of(e), ..row } } else { row })
    };
    let [mut fine, mut coarse] = BOUNDS.map(f64::ln);
    let mut best = at(coarse.exp())?;
    for _ in 0..HALVINGS {
        let middle = (fine + coarse) / 2.0;
        let row = at(middle.exp())?;
        if row.bytes <= target {
            (coarse, best) = (middle, row);
        } else {
            fine = middle;
        }
    }
    Ok(best)
}

fn bound_of(e: f64) -> String {
    format!("rel {}", crate::draw::format_number(e))
}

/// How our bytes are spent.
fn way(sized: SizedReport) -> String {
    match sized.way {
        Way::Lossless => "lossless".to_string(),
        Way::Bounded(e) => bound_of(e),
        Way::Latents => "latents".to_string(),
    }
}
