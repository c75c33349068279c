//! Our levels at one promise.

use super::{Comparison, allowed_errors, bound_text, ours};
use baler::{Dataset, Level, Method, Options, Progress, Result};

/// A row for each level, in their order: `baler -1`, ..., `baler -9`.
///
/// # Errors
/// Those of [`baler::compress_with`] for the options.
pub fn compare_levels(
    dataset: &Dataset,
    options: &Options,
    levels: &[Level],
    progress: &mut dyn Progress,
) -> Result<Comparison> {
    let allowed = allowed_errors(dataset, options)?;
    let mut rows = Vec::with_capacity(levels.len());
    for &level in levels {
        let name = format!("baler -{}", level.number());
        progress.stage(&name, 0);
        let options = Options { level, ..options.clone() };
        let run = || ours(dataset, &options, Method::Auto, &name, Some(&allowed));
        rows.push(options.threads.run(run)?.0);
    }
    let input_bytes = dataset.size_bytes() as u64;
    Ok(Comparison { input_bytes, bound: bound_text(options.bound), rows, missing: Vec::new() })
}
